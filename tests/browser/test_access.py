"""The page of a server that asks for keys."""

import contextlib
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

import pytest
from tests.browser.sheet import SEVEN, Sheet

from inkdigit import share
from inkdigit.access import KeyFile, Scope
from inkdigit.config import Settings
from inkdigit.drawing import parse_strokes
from inkdigit.feedback import FeedbackStore
from inkdigit.recognizer import Recognizer
from inkdigit.server import create_app
from inkdigit.server.keyring import KeyRing
from inkdigit.server.serving import HttpServer

if TYPE_CHECKING:
    from playwright.sync_api import Browser

PHONE: Final = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True}


class Asking:
    """A server that asks everybody for a key, and keeps drawings."""

    def __init__(self, recognizer: Recognizer, folder: Path) -> None:
        self.file = KeyFile(folder / "keys.json")
        self.store = FeedbackStore.open(folder / "feedback.sqlite")
        self.key = self.file.make("class", [Scope.PREDICT, Scope.FEEDBACK])[1]
        settings = Settings(port=0, require_key=True)
        app = create_app(recognizer, settings, feedback=lambda: self.store, keys=KeyRing(self.file))
        self._server = HttpServer(app, settings)
        self.url = self._server.url
        self._thread = threading.Thread(target=self._server.run)
        self._thread.start()

    def stop(self) -> None:
        self._server.stop()
        self._thread.join()
        self._server.close()
        self.store.close()


@pytest.fixture
def asking(recognizer: Recognizer, tmp_path: Path) -> Iterator[Asking]:
    server = Asking(recognizer, tmp_path)
    yield server
    server.stop()


OpenAsking = Callable[..., Sheet]


@pytest.fixture
def open_asking(browser: "Browser", asking: Asking) -> Iterator[OpenAsking]:
    """Opens the page in a browser of its own; what it complains of fails, but a refusal."""
    sheets: list[Sheet] = []
    with contextlib.ExitStack() as stack:

        def open_(place: str = "", **options: Any) -> Sheet:
            context = browser.new_context(**options)
            stack.callback(context.close)
            sheets.append(Sheet(context.new_page()))
            sheets[-1].page.goto(asking.url + place)
            return sheets[-1]

        yield open_
    complaints = [one for sheet in sheets for one in sheet.complaints if "Failed to load resource" not in one]
    assert complaints == []


def enter(sheet: Sheet, key: str) -> None:
    sheet.page.get_by_label("Key", exact=True).fill(key)
    sheet.page.get_by_role("button", name="Use it").click()


def is_asking(sheet: Sheet) -> bool:
    return bool(sheet.page.locator("#access").is_visible())


@pytest.mark.parametrize("options", [{}, PHONE], ids=["desktop", "phone"])
def test_a_drawing_waits_for_the_key_and_is_read_with_it(
    open_asking: OpenAsking, asking: Asking, options: dict[str, Any]
) -> None:
    sheet = open_asking(**options)
    asked_at_once = is_asking(sheet)
    sheet.draw(SEVEN)
    sheet.expect("problem")
    said = sheet.said()
    enter(sheet, "not-the-key")
    sheet.page.get_by_text("The server does not take this key").wait_for()
    enter(sheet, asking.key)
    sheet.expect("sure", 7)

    assert asked_at_once
    assert "This server asks for a key. Your drawing is kept" in said
    assert not is_asking(sheet)
    assert asking.key not in sheet.page.url
    assert "Bearer $INKDIGIT_KEY" in sheet.page.locator("#call").input_value()
    assert asking.key not in sheet.page.content()


def test_the_tab_keeps_the_key_and_another_does_not_have_it(open_asking: OpenAsking, asking: Asking) -> None:
    sheet = open_asking()
    enter(sheet, asking.key)
    sheet.page.reload()
    sheet.draw(SEVEN)
    sheet.expect("sure", 7)
    asks_here = is_asking(sheet)
    other = Sheet(sheet.page.context.new_page())
    other.page.goto(asking.url)
    sheet.page.get_by_role("button", name="Forget the key").click()
    sheet.page.reload()

    assert [asks_here, is_asking(other), is_asking(sheet)] == [False, True, True]


def test_a_key_that_was_revoked_is_asked_for_anew(open_asking: OpenAsking, asking: Asking) -> None:
    sheet = open_asking()
    enter(sheet, asking.key)
    asking.file.revoke(asking.file.read()[0].id)
    sheet.draw(SEVEN)
    sheet.expect("problem")

    assert is_asking(sheet)
    assert sheet.page.get_by_role("alert").inner_text().startswith("The server does not take this key")


def test_who_does_not_want_to_enter_one_is_left_alone_and_can_after_all(
    open_asking: OpenAsking, asking: Asking
) -> None:
    sheet = open_asking()
    sheet.page.get_by_role("button", name="Not now").click()
    sheet.draw(SEVEN)
    sheet.expect("problem")
    asked_again = is_asking(sheet)
    sheet.page.get_by_role("button", name="Enter a key").click()
    enter(sheet, asking.key)
    sheet.expect("sure", 7)

    assert not asked_again


def test_keys_in_the_field_for_the_key_leave_the_drawing_alone(open_asking: OpenAsking, asking: Asking) -> None:
    sheet = open_asking()
    sheet.draw(SEVEN)
    sheet.expect("problem")
    field = sheet.page.get_by_label("Key", exact=True)
    field.press("x")
    field.press("Control+z")
    field.press("Escape")

    assert not is_asking(sheet)
    assert sheet.page.locator("#clear").get_attribute("aria-disabled") == "false"
    assert sheet.page.locator("#redo").get_attribute("aria-disabled") == "true"


@pytest.mark.parametrize("size", [(320, 568), (568, 320), (844, 390), (1280, 800)])
def test_the_pad_and_its_tools_stay_free_while_another_key_is_asked_for(
    open_asking: OpenAsking, asking: Asking, size: tuple[int, int]
) -> None:
    sheet = open_asking(viewport={"width": size[0], "height": size[1]})
    key = asking.file.make("reader", [Scope.PREDICT])[1]
    enter(sheet, key)
    sheet.draw(SEVEN)
    sheet.expect("sure", 7)
    sheet.page.get_by_role("button", name="It is a 1").click()
    sheet.page.get_by_role("button", name="Keep it").click()
    sheet.page.locator("#access-said:not(:empty)").wait_for()
    sheet.page.evaluate("scrollTo(0, 0)")
    free = [_is_free(sheet, part) for part in ("#pad", "#undo", "#width", ".intake")[: 4 if size[0] > 1000 else 3]]

    assert all(free)


def _is_free(sheet: Sheet, part: str) -> bool:
    """Whether the dialog lies over no part of it."""
    one, other = (sheet.page.locator(name).bounding_box() for name in (part, "#access"))
    assert one
    assert other
    return (
        other["x"] >= one["x"] + one["width"]
        or other["x"] + other["width"] <= one["x"]
        or other["y"] >= one["y"] + one["height"]
        or other["y"] + other["height"] <= one["y"]
    )


@pytest.mark.parametrize("how", ["Escape", "Not now", "a good key"])
def test_the_dialog_leaves_the_focus_to_the_pad(open_asking: OpenAsking, asking: Asking, how: str) -> None:
    sheet = open_asking()
    if how == "Escape":
        sheet.page.keyboard.press(how)
    elif how == "Not now":
        sheet.page.get_by_role("button", name=how).press("Enter")
    else:
        sheet.page.get_by_label("Key", exact=True).fill(asking.key)
        sheet.page.keyboard.press("Enter")
    sheet.page.locator("#access").wait_for(state="hidden")

    assert sheet.page.evaluate("document.activeElement.id") == "pad"


def test_a_shared_drawing_is_shown_to_everybody_and_read_with_a_key(open_asking: OpenAsking, asking: Asking) -> None:
    code = share.encode(parse_strokes(SEVEN))
    sheet = open_asking(f"#d={code}")
    sheet.expect("problem")
    undo_is_there = sheet.page.locator("#undo").get_attribute("aria-disabled") != "true"
    enter(sheet, asking.key)
    sheet.expect("sure", 7)

    assert undo_is_there  # so the drawing lies on the pad
    assert urlsplit(sheet.page.url).query == ""
    assert asking.key not in sheet.page.url


def test_a_drawing_that_is_given_away_waits_for_the_key(open_asking: OpenAsking, asking: Asking) -> None:
    sheet = open_asking()
    enter(sheet, asking.key)
    sheet.draw(SEVEN)
    sheet.expect("sure", 7)
    asking.file.revoke(asking.file.read()[0].id)
    sheet.page.get_by_role("button", name="It is a 1").click()
    sheet.page.get_by_role("button", name="Keep it").click()
    sheet.page.get_by_text("Nothing is lost: it waits on this device").wait_for()
    before = len(asking.store.drawings())
    enter(sheet, asking.file.make("again", [Scope.PREDICT, Scope.FEEDBACK])[1])
    sheet.page.get_by_text("Forget the key").wait_for()
    for _ in range(400):
        if asking.store.drawings():
            break
        sheet.page.wait_for_timeout(20)

    assert before == 0
    assert [one.label for one in asking.store.drawings()] == [1]


def test_a_drawing_that_is_given_away_waits_for_a_key_that_may(open_asking: OpenAsking, asking: Asking) -> None:
    sheet = open_asking()
    made, key = asking.file.make("reader", [Scope.PREDICT])
    enter(sheet, key)
    sheet.draw(SEVEN)
    sheet.expect("sure", 7)
    sheet.page.get_by_role("button", name="It is a 1").click()
    sheet.page.get_by_role("button", name="Keep it").click()
    sheet.page.get_by_text("Nothing is lost: it waits on this device").wait_for()
    why = sheet.page.get_by_role("alert").inner_text()
    key_stays = sheet.page.evaluate("Object.values(sessionStorage)") == [key]
    before = len(asking.store.drawings())
    enter(sheet, asking.key)
    sheet.page.get_by_role("button", name="Copy receipt").wait_for()

    assert why.startswith(f"The key {made.id} is good for predict")
    assert key_stays
    assert before == 0
    assert [one.label for one in asking.store.drawings()] == [1]


def test_a_key_for_something_else_is_said_to_be_one(open_asking: OpenAsking, asking: Asking) -> None:
    sheet = open_asking()
    made, key = asking.file.make("box", [Scope.FEEDBACK])
    sheet.draw(SEVEN)
    enter(sheet, key)
    sheet.page.get_by_text(f"The key {made.id} is good for feedback").wait_for()
    enter(sheet, asking.key)
    sheet.expect("sure", 7)


def test_the_status_page_opens_for_an_admins_key_alone(asking: Asking, open_asking: OpenAsking) -> None:
    admin = asking.file.make("operator", [Scope.ADMIN])[1]
    page = open_asking("status", **PHONE).page
    door, now = page.locator("#door"), page.locator("#now")
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.headers.get("authorization", "")))

    door.wait_for()
    plots_before = page.locator("#plots section").count()
    page.get_by_label("Admin key").fill(asking.key)
    door.get_by_role("button").click()
    door.get_by_role("alert").filter(has_text="does not take this key").wait_for()
    kept_wrong = page.evaluate("sessionStorage.length")
    page.get_by_label("Admin key").fill(admin)
    page.keyboard.press("Enter")
    page.locator("#plots section:nth-of-type(5) svg").wait_for()
    door.wait_for(state="hidden")
    page.reload()
    page.locator("#plots section:nth-of-type(5) svg").wait_for()

    assert (plots_before, kept_wrong) == (0, 0)
    assert "In the last hour" in now.inner_text()
    assert {one for one in asked if one} == {f"Bearer {asking.key}", f"Bearer {admin}"}
    assert admin not in page.url

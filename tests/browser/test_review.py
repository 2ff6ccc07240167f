"""The review in a browser, by keyboard: verdicts, undo, pages, statistics, and the key that opens it."""

import contextlib
import gzip
import io
import os
import re
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from inkdigit.config import Settings
from inkdigit.feedback import FeedbackStore, Label, Submission
from inkdigit.recognizer import Recognizer
from inkdigit.server import create_app
from inkdigit.server.serving import HttpServer

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Locator, Page, Route

KEY: Final = "open-sesame-open-sesame"
DATA: Final = Path(__file__).parents[1] / "data"
AXE: Final = Path(__file__).parents[2] / "node_modules" / "axe-core" / "axe.min.js"
CI: Final = os.environ.get("CI") == "true"
NO_STORE: Final = """Object.defineProperty(window, "sessionStorage", {
    get() { throw new DOMException("denied", "SecurityError"); },
})"""
IMPATIENT: Final = """() => {
    window.patient = AbortSignal.timeout;
    AbortSignal.timeout = (milliseconds) => window.patient.call(AbortSignal, milliseconds / 50);
}"""
HUNG: Final = re.compile("/api/v1/review/")
PHONE: Final = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True}


class Reviewing:
    """A server with a store of its own, and the drawings in it."""

    def __init__(self, recognizer: Recognizer, store: FeedbackStore, admin_key: str | None = KEY) -> None:
        settings = Settings(port=0, admin_key=admin_key)
        self.store = store
        self._server = HttpServer(create_app(recognizer, settings, feedback=lambda: store), settings)
        self.url = f"{self._server.url}review"
        self._thread = threading.Thread(target=self._server.run)
        self._thread.start()

    def stop(self) -> None:
        self._server.stop()
        self._thread.join()
        self._server.close()

    def keep(self, *drawings: tuple[int, Label]) -> None:
        """Keep MNIST's test images of these numbers, with these labels."""
        for number, label in drawings:
            self.store.add(Submission(label, 7, 0.9, "digits-8", png(images()[number])))

    def standing(self) -> list[str]:
        """Status and truth of every drawing, the oldest first."""
        return [f"{one.status} {one.truth}" for one in self.store.drawings(newest_first=False)]

    def wait(self, *standing: str) -> None:
        """Wait until the drawings stand like this; a test that waits in vain fails by its own comparison."""
        for _ in range(400):
            if self.standing() == list(standing):
                return
            threading.Event().wait(0.05)
        assert self.standing() == list(standing)


def images() -> NDArray[np.uint8]:
    with gzip.open(DATA / "t10k-images-idx3-ubyte.gz") as file:
        return np.frombuffer(file.read(16 + 28 * 28 * 100), np.uint8, offset=16).reshape(-1, 28, 28)


def png(image: NDArray[np.uint8]) -> bytes:
    file = io.BytesIO()
    Image.fromarray(np.uint8(255) - image).resize((140, 140)).save(file, "PNG")
    return file.getvalue()


LABELS: Final = (7, 2, 1, 0, 4, 1, 4, 9, 5, 9, 0, 6, 9, 0, 1, 5, 9, 7, 3, 4)  # of MNIST's first test images


@pytest.fixture
def reviewing(recognizer: Recognizer, tmp_path: Path) -> Iterator[Reviewing]:
    with FeedbackStore.open(tmp_path / "feedback.sqlite") as store:
        server = Reviewing(recognizer, store)
        yield server
        server.stop()


@pytest.fixture
def open_review(browser: "Browser", reviewing: Reviewing) -> Iterator[Callable[..., "Page"]]:
    """Opens the review with the key; takes the options of a browser context. What the page complains of fails."""
    complaints: list[str] = []
    with contextlib.ExitStack() as stack:

        def open_(place: str = "", init_script: str = "", **options: Any) -> "Page":
            context = browser.new_context(**options)
            stack.callback(context.close)
            context.add_init_script(init_script)
            page = context.new_page()
            page.on("console", lambda message: complaints.append(message.text))
            page.on("pageerror", lambda error: complaints.append(str(error)))
            page.goto(reviewing.url + place)
            page.fill("#key", KEY)
            page.keyboard.press("Enter")
            page.wait_for_selector("#views:visible")
            return page

        yield open_
    # That an answer had another status than 200, the browser notes by itself.
    assert [one for one in complaints if "Failed to load resource" not in one] == []


def settle(page: "Page") -> None:
    """Wait until the list that was asked for lies there."""
    page.wait_for_selector("#grid:not([aria-busy=true])", state="attached")


def press(page: "Page", *keys: str) -> None:
    for key in keys:
        settle(page)
        page.keyboard.press(key)


def here(page: "Page") -> str:
    """What a screen reader says of the drawing that has the focus."""
    return str(page.evaluate("document.activeElement.querySelector('.told').textContent"))


# --- the key


def test_the_review_opens_with_the_key_alone_and_forgets_it(browser: "Browser", reviewing: Reviewing) -> None:
    page = browser.new_page()
    page.goto(reviewing.url)
    page.fill("#key", "close-sesame-close")
    page.keyboard.press("Enter")
    page.wait_for_selector("#key-said:has-text('not the key')")
    is_shut = page.locator("#desk").is_hidden()

    page.fill("#key", KEY)
    page.keyboard.press("Enter")
    page.wait_for_selector("#desk:visible")
    stored = page.evaluate("[localStorage.length, Object.keys(sessionStorage), document.cookie]")
    page.reload()
    page.wait_for_selector("#desk:visible")
    page.click("#forget")
    page.wait_for_selector("#door:visible")
    page.reload()
    page.wait_for_selector("#door:visible")

    assert is_shut
    assert stored == [0, ["inkdigit-admin-key"], ""]
    assert page.evaluate("sessionStorage.length") == 0
    assert KEY not in page.url
    page.close()


def test_where_the_browser_stores_nothing_the_review_opens_all_the_same(
    open_review: Callable[..., "Page"], reviewing: Reviewing
) -> None:
    reviewing.keep((0, 7))
    page = open_review(init_script=NO_STORE)

    press(page, "Enter")

    reviewing.wait("accepted 7")
    page.reload()
    page.wait_for_selector("#door:visible")


def test_without_a_key_the_page_says_how_to_set_one(browser: "Browser", recognizer: Recognizer, tmp_path: Path) -> None:
    with FeedbackStore.open(tmp_path / "feedback.sqlite") as store:
        server = Reviewing(recognizer, store, admin_key=None)
        page = browser.new_page()
        page.goto(server.url)

        text = page.locator("main").inner_text()
        page.close()
        server.stop()

    assert "INKDIGIT_ADMIN_KEY" in text


# --- by keyboard


def test_drawings_are_accepted_relabelled_and_rejected_by_key(
    open_review: Callable[..., "Page"], reviewing: Reviewing
) -> None:
    reviewing.keep(*enumerate(LABELS[:6]))
    page = open_review()

    press(page, "Enter", "8", "n", "x", "ArrowRight", "a")

    # The newest comes first; the arrow leaves one out.
    reviewing.wait("accepted 7", "new 2", "rejected 1", "accepted None", "accepted 8", "accepted 1")
    assert "labelled 2" in here(page)
    assert page.locator("#counts").inner_text() == "1 new, 4 accepted, 1 rejected"


def test_every_step_can_be_taken_back(open_review: Callable[..., "Page"], reviewing: Reviewing) -> None:
    reviewing.keep(*enumerate(LABELS[:3]))
    page = open_review()
    press(page, "Enter", "4", "x")
    reviewing.wait("rejected 7", "accepted 4", "accepted 1")

    press(page, "u")
    reviewing.wait("new 7", "accepted 4", "accepted 1")
    focused = here(page)
    press(page, "u", "Control+z")
    reviewing.wait("new 7", "new 2", "new 1")

    assert "labelled 7" in focused
    assert page.locator(".card[data-status=new]").count() == 3


def test_the_step_of_an_earlier_visit_can_be_taken_back(
    open_review: Callable[..., "Page"], reviewing: Reviewing
) -> None:
    reviewing.keep((0, 7), (1, 2))
    page = open_review()
    press(page, "x")
    reviewing.wait("new 7", "rejected 2")
    page.reload()
    page.wait_for_selector(".card")

    page.locator(".card").first.focus()
    press(page, "u")

    reviewing.wait("new 7", "new 2")
    page.wait_for_selector(".card:nth-child(2)")
    settle(page)
    assert page.locator("#said").text_content() == page.locator("#notice").inner_text()
    assert "an earlier visit" in (page.locator("#said").text_content() or "")
    assert "labelled 2" in here(page)


def test_the_step_of_a_colleague_is_shown_as_what_was_taken_back(
    open_review: Callable[..., "Page"], reviewing: Reviewing
) -> None:
    reviewing.keep((0, 7), (1, 2), (2, 1))
    mine, theirs = open_review("#status=all"), open_review()
    press(mine, "x")
    reviewing.wait("new 7", "new 2", "rejected 1")
    press(theirs, "ArrowRight", "Enter")
    reviewing.wait("new 7", "accepted 2", "rejected 1")

    press(mine, "u")
    reviewing.wait("new 7", "new 2", "rejected 1")
    mine.wait_for_selector("#notice:visible:has-text('drawing 2 is again new, labelled 2')")
    settle(mine)

    assert mine.locator(".card").evaluate_all("all => all.map((card) => card.dataset.status)") == [
        "rejected",
        "new",
        "new",
    ]
    assert "not your last step" in (mine.locator("#said").text_content() or "")
    assert "labelled 2" in here(mine)
    press(mine, "u")  # now it is mine that is the last
    reviewing.wait("new 7", "new 2", "new 1")


def test_what_a_colleague_had_said_before_stays_said(open_review: Callable[..., "Page"], reviewing: Reviewing) -> None:
    reviewing.keep((0, 7))
    mine, theirs = open_review("#status=all"), open_review()
    press(theirs, "x")
    reviewing.wait("rejected 7")
    press(mine, "x", "u")

    mine.wait_for_selector("#notice:visible:has-text('said the same')")
    settle(mine)

    assert mine.locator(".card").get_attribute("data-status") == "rejected"
    assert reviewing.standing() == ["rejected 7"]


def test_a_step_that_could_not_be_taken_back_is_shown_to_stand(
    open_review: Callable[..., "Page"], reviewing: Reviewing
) -> None:
    reviewing.keep((0, 7), (1, 2))
    page = open_review()
    press(page, "x")
    reviewing.wait("new 7", "rejected 2")
    page.route("**/undo", lambda route: route.fulfill(status=503))

    press(page, "u")
    page.wait_for_selector("#notice:visible:has-text('Nothing was changed')")

    assert page.locator(".card[data-status=rejected]").count() == 1
    page.unroute("**/undo")
    press(page, "u")
    reviewing.wait("new 7", "new 2")


def test_a_step_that_may_have_been_taken_back_is_not_told_to_stand(
    open_review: Callable[..., "Page"], reviewing: Reviewing
) -> None:
    reviewing.keep((0, 7))
    page = open_review()
    press(page, "x")
    reviewing.wait("rejected 7")

    def lose_the_answer(route: "Route") -> None:
        route.fetch()
        route.abort()

    page.route("**/undo", lose_the_answer)
    press(page, "u")
    page.wait_for_selector("#notice:visible:has-text('Perhaps the step was taken back all the same')")

    assert "Nothing was changed" not in page.locator("#notice").inner_text()
    reviewing.wait("new 7")


def test_a_step_that_was_not_stored_takes_no_other_along(
    open_review: Callable[..., "Page"], reviewing: Reviewing
) -> None:
    reviewing.keep((0, 7), (1, 2))
    page = open_review()
    press(page, "Enter")
    reviewing.wait("new 7", "accepted 2")
    late: list[Route] = []
    page.route("**/verdicts", lambda route: late.append(route))

    press(page, "x", "u")
    page.wait_for_timeout(100)
    late[0].fulfill(status=503)
    page.wait_for_timeout(300)

    assert reviewing.standing() == ["new 7", "accepted 2"]


def test_a_step_that_changed_nothing_takes_no_other_along(
    open_review: Callable[..., "Page"], reviewing: Reviewing
) -> None:
    reviewing.keep((0, 7), (1, 2))
    page = open_review()
    press(page, "Enter", "ArrowRight", "Enter")
    reviewing.wait("accepted 7", "accepted 2")
    press(page, "Enter")  # accepted already

    press(page, "u")
    page.wait_for_timeout(200)

    assert reviewing.standing() == ["accepted 7", "accepted 2"]


def test_all_are_selected_and_accepted_at_once(open_review: Callable[..., "Page"], reviewing: Reviewing) -> None:
    reviewing.keep(*enumerate(LABELS[:12]))
    page = open_review()

    press(page, "x", "Control+a", "Enter")

    reviewing.wait(*[f"accepted {label}" for label in LABELS[:11]], f"rejected {LABELS[11]}")
    page.wait_for_selector("#said:has-text('11 drawings accepted')", state="attached")
    press(page, "u")
    reviewing.wait(*[f"new {label}" for label in LABELS[:11]], f"rejected {LABELS[11]}")


def _keep_with_receipts(reviewing: Reviewing, count: int) -> list[str]:
    drawings = enumerate(LABELS[:count])
    return [reviewing.store.add(Submission(label, 7, 0.9, "digits-8", png(images()[i]))) for i, label in drawings]


def test_what_its_writer_deleted_meanwhile_is_told_and_leaves_the_page(
    open_review: Callable[..., "Page"], reviewing: Reviewing
) -> None:
    receipts = _keep_with_receipts(reviewing, 4)
    page = open_review()
    reviewing.store.delete(receipts[1])

    press(page, "Control+a", "x")
    page.wait_for_selector("#notice:visible:has-text('3 of 4 drawings rejected; one was deleted meanwhile.')")
    left = page.locator(".card").count()
    reviewing.store.delete(receipts[2])
    press(page, "u")
    page.wait_for_selector("#notice:visible:has-text('Taken back: 2 drawings; one was deleted meanwhile.')")

    assert left == 3
    assert page.locator(".card[data-status=new]").count() == page.locator(".card").count() == 2
    reviewing.store.delete(receipts[3])
    page.locator(".card").first.focus()
    press(page, "x")
    page.wait_for_selector("#notice:visible:has-text('This drawing was deleted meanwhile.')")
    assert page.locator(".card").count() == 1
    assert reviewing.standing() == ["new 7"]


def test_a_key_that_is_held_judges_one_drawing_and_moves_on_and_on(
    open_review: Callable[..., "Page"], reviewing: Reviewing
) -> None:
    reviewing.keep(*enumerate(LABELS[:4]))
    page = open_review()
    settle(page)

    for _ in range(3):
        page.keyboard.down("x")
    page.keyboard.up("x")
    for _ in range(2):
        page.keyboard.down("ArrowRight")
    page.keyboard.up("ArrowRight")

    reviewing.wait("new 7", "new 2", "new 1", "rejected 0")
    assert "labelled 7" in here(page)


def test_some_are_selected_with_space_and_by_mouse(open_review: Callable[..., "Page"], reviewing: Reviewing) -> None:
    reviewing.keep(*enumerate(LABELS[:6]))
    page = open_review()
    cards = page.locator(".card")

    press(page, " ", "ArrowRight", "ArrowRight", " ")
    cards.nth(4).click(modifiers=["Control"])
    cards.nth(5).click(modifiers=["Shift"])
    chosen = [cards.nth(i).get_attribute("aria-selected") for i in range(6)]
    press(page, "3")

    assert chosen == ["true", "false", "true", "false", "true", "true"]
    reviewing.wait("accepted 3", "accepted 3", "new 1", "accepted 3", "new 4", "accepted 3")


def test_arrows_follow_the_rows_as_they_are(open_review: Callable[..., "Page"], reviewing: Reviewing) -> None:
    reviewing.keep(*enumerate(LABELS))
    page = open_review(viewport={"width": 700, "height": 800})
    columns = page.evaluate("new Set([...document.querySelectorAll('.card')].map((card) => card.offsetLeft)).size")

    press(page, "ArrowDown", "ArrowRight", "ArrowUp", "End", "Home", "ArrowDown")

    assert 3 <= columns <= 7
    assert page.evaluate("document.activeElement.id") == f"drawing-{len(LABELS) - columns}"


def test_the_page_turns_when_all_of_it_is_judged_and_turns_back(
    open_review: Callable[..., "Page"], reviewing: Reviewing
) -> None:
    reviewing.keep(*((i % 20, LABELS[i % 20]) for i in range(62)))
    page = open_review()

    press(page, "Control+a", "Enter")
    page.wait_for_selector("#place:has-text('Page 2')")
    settle(page)
    second = page.locator(".card").count()
    address = page.url
    press(page, "PageUp")
    page.wait_for_selector("#place:has-text('Page 1')")
    judged = page.locator(".card[data-status=accepted]").count()
    press(page, "PageDown", "x")
    reviewing.wait(f"new {LABELS[0]}", f"rejected {LABELS[1]}", *[f"accepted {LABELS[i % 20]}" for i in range(2, 62)])

    assert (second, judged) == (2, 60)
    assert "after=" in address


def test_a_reload_keeps_the_place(open_review: Callable[..., "Page"], reviewing: Reviewing) -> None:
    reviewing.keep(*((i % 20, LABELS[i % 20]) for i in range(63)))
    page = open_review()
    press(page, "PageDown")
    page.wait_for_selector("#place:has-text('Page 2')")

    page.reload()
    page.wait_for_selector(".card")

    first, number = page.locator(".card").first.get_attribute("id"), page.locator("#place").inner_text()
    count = page.locator(".card").count()
    press(page, "PageUp")
    page.wait_for_selector("#place:has-text('Page 1')")

    assert (count, first) == (3, "drawing-3")
    assert number == ""  # nobody knows which it is
    assert here(page).startswith("labelled")
    assert page.locator(".card").first.get_attribute("id") == "drawing-63"
    assert "after=" not in page.url


def test_a_reload_keeps_the_page_that_an_undo_opened(open_review: Callable[..., "Page"], reviewing: Reviewing) -> None:
    reviewing.keep(*((i % 20, LABELS[i % 20]) for i in range(63)))
    page = open_review()
    press(page, "Enter", "PageDown")
    page.wait_for_selector("#place:has-text('Page 2')")
    press(page, "u")
    page.wait_for_selector("#place:has-text('Page 1')")
    reviewing.wait(*(f"new {LABELS[i % 20]}" for i in range(63)))

    page.reload()
    page.wait_for_selector(".card")

    assert page.locator(".card").first.get_attribute("id") == "drawing-63"


def test_what_stands_below_a_drawing_is_not_cut_off(open_review: Callable[..., "Page"], reviewing: Reviewing) -> None:
    reviewing.keep(*((i, None) for i in range(20)))
    page = open_review()
    cut = "all => all.filter((one) => one.scrollWidth > one.clientWidth).map((one) => one.textContent)"

    for width in (1280, 1600, 700):
        page.set_viewport_size({"width": width, "height": 800})
        assert page.locator(".read").evaluate_all(cut) == []
    assert page.locator(".foot-of-card").first.get_attribute("title") == here(page)


def told(card: "Locator") -> tuple[str, str | None, str]:
    """What a card says in words, in its colours and by its sign."""
    return card.locator(".told").inner_text(), card.get_attribute("data-standing"), card.locator(".sign").inner_text()


def test_the_most_valuable_come_first_and_say_why(open_review: Callable[..., "Page"], reviewing: Reviewing) -> None:
    reviewing.keep(*enumerate(LABELS[:5]), (5, 8), *((i, LABELS[i]) for i in range(6, 10)))
    page = open_review("#order=valuable")

    first = page.locator(".card").first
    label, standing, sign = told(first)
    press(page, "1")

    assert (standing, sign) == ("mislabelled", "!")
    assert "labelled 8; read as 1" in label
    assert "probably labelled wrongly" in label
    label, standing, sign = told(first)
    assert (standing, sign) == ("agrees", "=")
    assert re.fullmatch(r"labelled 8, now 1; read as 1, [0-9+]+ %; accepted", label)
    reviewing.wait(*[f"new {label}" for label in LABELS[:5]], "accepted 1", *[f"new {LABELS[i]}" for i in range(6, 10)])


def test_what_the_store_refuses_is_shown_as_it_was(open_review: Callable[..., "Page"], reviewing: Reviewing) -> None:
    reviewing.keep((0, 7), (1, 2))
    page = open_review()
    page.route("**/verdicts", lambda route: route.fulfill(status=503))

    press(page, "x")
    page.wait_for_selector("#notice:visible:has-text('Nothing was changed')")

    assert page.locator(".card[data-status=new]").count() == 2
    assert reviewing.standing() == ["new 7", "new 2"]


def test_a_server_that_hangs_is_told_and_is_waited_for_no_longer(
    open_review: Callable[..., "Page"], reviewing: Reviewing
) -> None:
    reviewing.keep((0, 7), (1, 2))
    page = open_review()
    page.evaluate(IMPATIENT)
    page.route(HUNG, lambda _route: None)

    press(page, "x")
    page.wait_for_selector("#notice:visible:has-text('took too long')")
    said, shown = page.locator("#notice").inner_text(), page.locator(".card[data-status=new]").count()
    page.select_option("#status", "all")
    page.wait_for_selector("#notice:visible:has-text('try again')")
    page.unroute(HUNG)
    page.evaluate("AbortSignal.timeout = window.patient")
    page.locator(".card").first.focus()
    press(page, "Enter")

    reviewing.wait("new 7", "accepted 2")
    assert "Perhaps it was stored all the same" in said
    assert shown == 2


# --- by finger


def test_a_finger_judges_by_the_buttons(open_review: Callable[..., "Page"], reviewing: Reviewing) -> None:
    reviewing.keep(*enumerate(LABELS[:4]))
    page = open_review(**PHONE)
    cards = page.locator(".card")

    cards.nth(1).tap()
    page.tap("#reject")
    cards.nth(0).tap()
    page.tap("[data-truth='5']")
    cards.nth(3).tap()
    cards.nth(3).tap()
    page.tap("#accept")

    reviewing.wait("accepted 7", "new 2", "rejected 1", "accepted 5")
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    page.set_viewport_size({"width": 320, "height": 568})
    assert page.evaluate("document.documentElement.scrollWidth") <= 320


# --- statistics


def test_plots_show_what_is_drawn_and_lead_to_it(open_review: Callable[..., "Page"], reviewing: Reviewing) -> None:
    reviewing.keep(*enumerate(LABELS), (3, 6), (10, 6))
    page = open_review()

    page.click("[data-view=statistics]")
    page.wait_for_selector("#statistics:visible svg")
    titles = page.locator("#statistics h2").all_inner_texts()
    error = page.locator(".errors li").first
    words, pictures = error.inner_text(), error.locator("img").count()
    page.locator("svg a[aria-label='6 read as 0: 2']").click()
    page.wait_for_selector("#desk:visible .card")

    assert titles == [
        "Where they stand",
        "What is drawn",
        "How sure the model is",
        "Where the model errs",
        "The most frequent errors",
    ]
    assert "6 read as 0" in words
    assert pictures == 2
    assert page.locator(".card").count() == 2
    assert "labelled 6, read as 0: 2" in page.locator("#filter").inner_text()
    page.click("#filter")
    page.wait_for_selector(".card:nth-child(22)")


def test_a_look_at_the_statistics_loses_no_place(open_review: Callable[..., "Page"], reviewing: Reviewing) -> None:
    reviewing.keep(*enumerate(LABELS[:6]))
    page = open_review("#order=valuable")
    press(page, "ArrowRight", "x", "ArrowRight")
    before = page.evaluate("document.activeElement.id")

    page.click("[data-view=statistics]")
    page.wait_for_selector("#statistics:visible svg")
    page.click("[data-view=drawings]")
    page.wait_for_selector("#desk:visible")

    assert page.evaluate("document.activeElement.id") == before
    assert page.locator(".card[data-status=rejected]").count() == 1
    assert page.locator("#order").input_value() == "valuable"


def test_an_empty_store_says_so(open_review: Callable[..., "Page"], reviewing: Reviewing) -> None:
    page = open_review()
    desk = page.locator("#notice").inner_text()

    page.click("[data-view=statistics]")
    page.wait_for_selector("#statistics:visible .notice")

    assert "nothing to look at" in desk
    assert "Nothing was handed in yet" in page.locator("#statistics").inner_text()


# --- for everybody


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_with_forced_colours_the_open_view_stands_out(open_review: Callable[..., "Page"], scheme: str) -> None:
    page = open_review(forced_colors="active", color_scheme=scheme)
    look = "link => { const { color, backgroundColor } = getComputedStyle(link); return [color, backgroundColor]; }"

    drawings, statistics = (page.locator(f"[data-view={view}]").evaluate(look) for view in ("drawings", "statistics"))

    assert drawings[1] != statistics[1]
    assert drawings[0] != drawings[1]


@pytest.mark.skipif(not AXE.exists() and not CI, reason="no node_modules/axe-core: run `npm ci`")
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("options", [{}, PHONE], ids=["desktop", "phone"])
def test_nobody_is_shut_out(
    open_review: Callable[..., "Page"], reviewing: Reviewing, scheme: str, options: dict[str, Any]
) -> None:
    reviewing.keep(*enumerate(LABELS), (3, 6))
    page = open_review(color_scheme=scheme, **options)
    press(page, "Enter", "x", "4", "ArrowRight", " ")
    page.evaluate(AXE.read_text(encoding="utf-8"))
    violations = []

    for view in ("drawings", "statistics"):
        page.click(f"[data-view={view}]")
        page.wait_for_selector("#desk:visible" if view == "drawings" else "#statistics:visible svg")
        settle(page)
        found = page.evaluate("axe.run({resultTypes: ['violations']})")["violations"]
        violations += [(view, one["id"], [node["target"] for node in one["nodes"]][:3]) for one in found]

    assert violations == []

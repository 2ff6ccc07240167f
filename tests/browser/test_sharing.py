"""One link per drawing: it holds the strokes behind its #, and opening it redraws and rereads them."""

from collections.abc import Callable
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import numpy as np
import pytest
from tests.browser.papers import jpeg, paper
from tests.browser.sheet import FOUR, SEVEN, Served, Sheet, ink_of

from inkdigit import share
from inkdigit.drawing import draw, parse_strokes

if TYPE_CHECKING:
    from playwright.sync_api import Request, Route

OpenSheet = Callable[..., Sheet]
CLIPBOARD = ["clipboard-read", "clipboard-write"]
PHONE = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True}
REFUSE_CLIPBOARD = """
  navigator.clipboard.writeText = async () => { throw new Error("denied"); };
  document.execCommand = () => false;
"""


def _share(sheet: Sheet) -> str:
    """The link that is copied."""
    sheet.page.get_by_role("button", name="Share this drawing").click()
    sheet.page.get_by_text("Link copied. It holds the drawing itself; no server keeps it.").wait_for()
    link: str = sheet.page.evaluate("navigator.clipboard.readText()")
    return link


def _draw(sheet: Sheet, label: int = 7) -> None:
    sheet.draw(SEVEN if label == 7 else FOUR)
    sheet.expect("sure", label)


def _open(open_sheet: OpenSheet, link: str, **options: object) -> Sheet:
    """Open a link in a browser of its own, as somebody else would."""
    split = urlsplit(link)
    sheet = open_sheet(f"{split.scheme}://{split.netloc}{split.path}", **options)
    sheet.page.goto("about:blank")
    sheet.page.goto(link)
    return sheet


def test_a_drawing_is_shared_as_a_link_and_nothing_is_sent_for_it(open_sheet: OpenSheet, server: Served) -> None:
    sheet = open_sheet(permissions=CLIPBOARD)
    _draw(sheet)
    sent: list[Request] = []
    sheet.page.on("request", lambda request: sent.append(request) if "/api/" in request.url else None)
    link = _share(sheet)

    assert link.startswith(f"{server.url}#d=")
    assert len(link) < 400
    assert sent == []
    assert [stroke.width for stroke in share.decode(link)] == [19]


@pytest.mark.parametrize("options", [{}, PHONE], ids=["desktop", "phone"])
def test_opening_a_link_redraws_and_rereads(open_sheet: OpenSheet, options: dict[str, object]) -> None:
    sheet = open_sheet(permissions=CLIPBOARD)
    _draw(sheet, 4)
    other = _open(open_sheet, _share(sheet), **options)
    other.expect("sure", 4)

    strayed = ink_of(sheet.posted[-1]) != ink_of(other.posted[-1])
    assert other.said().startswith("That is a 4.")
    assert np.mean(strayed) < 0.01
    assert "#d=" not in "".join(other.requested)


def test_the_terminal_redraws_it_as_the_page_does(open_sheet: OpenSheet) -> None:
    sheet = open_sheet(permissions=CLIPBOARD)
    _draw(sheet)
    link = _share(sheet)

    assert np.mean((draw(share.decode(link)) > 127) != ink_of(sheet.posted[-1])) < 0.01


def test_where_the_clipboard_is_refused_the_link_is_shown(open_sheet: OpenSheet) -> None:
    sheet = open_sheet()
    sheet.page.evaluate(REFUSE_CLIPBOARD)
    _draw(sheet)
    sheet.page.get_by_role("button", name="Share this drawing").click()
    link = sheet.page.get_by_label("Link to this drawing")
    link.wait_for()

    assert "#d=" in link.input_value()
    assert sheet.page.evaluate("getSelection().toString()") == link.input_value()


def test_a_link_opened_while_the_page_is_open_is_shown_and_can_be_undone(open_sheet: OpenSheet) -> None:
    sheet = open_sheet(permissions=CLIPBOARD)
    _draw(sheet, 4)
    link = _share(sheet)
    sheet.page.keyboard.press("Escape")
    sheet.expect("blank")
    _draw(sheet, 7)
    sheet.page.evaluate("link => { location.href = link; }", link)
    sheet.expect("sure", 4)
    sheet.page.keyboard.press("Control+z")
    sheet.expect("sure", 7)

    assert sheet.page.evaluate("location.hash") == ""


@pytest.mark.parametrize("spoil", [lambda code: code[: len(code) // 2], lambda _: "x", lambda _: ""])
def test_a_broken_link_is_told_and_the_page_works_on(
    open_sheet: OpenSheet, server: Served, spoil: Callable[[str], str]
) -> None:
    code = share.encode(parse_strokes(SEVEN))
    sheet = _open(open_sheet, f"{server.url}#d={spoil(code)}")
    sheet.expect("problem")
    said, offers_to_share = sheet.said(), sheet.page.locator("#share").is_visible()
    _draw(sheet)

    assert not offers_to_share  # there is nothing yet
    assert sheet.page.locator("#share").is_visible()
    assert said.startswith("Encountered an error. The code is")
    assert said.endswith("Ask for the link again, or draw.")
    assert sheet.page.evaluate("location.hash") == ""


def test_nothing_can_be_said_of_the_drawing_beside_a_broken_link(open_sheet: OpenSheet, server: Served) -> None:
    link = f"{server.url}#d={share.encode(parse_strokes(SEVEN))}"
    sheet = _open(open_sheet, link)
    sheet.expect("sure", 7)
    sheet.page.evaluate("link => { location.href = link; }", f"{link}x")
    sheet.expect("problem")
    sheet.page.keyboard.press("3")
    said = sheet.said()
    sheet.page.locator("#why").click()  # reads it again
    sheet.expect("sure", 7)
    sheet.page.keyboard.press("3")

    assert said.startswith("Encountered an error. The code is")
    assert sheet.said().startswith("That is a 3, as you say.")


def test_a_broken_link_is_told_though_a_picture_is_being_read(reading_sheet: Sheet) -> None:
    held: list[Route] = []
    reading_sheet.page.route("**/api/v1/read", lambda route: held.append(route))
    reading_sheet.choose(jpeg(paper()))
    while not held:
        reading_sheet.page.wait_for_timeout(20)
    reading_sheet.page.evaluate("location.hash = '#d=AXjaeyD0'")
    reading_sheet.expect("problem")
    held[0].continue_()
    reading_sheet.page.wait_for_timeout(200)

    assert reading_sheet.said().startswith("Encountered an error. The code is damaged")
    assert reading_sheet.pad.is_visible()


def test_a_link_can_be_opened_again_after_a_picture(reading_sheet: Sheet) -> None:
    link = f"#d={share.encode(parse_strokes(SEVEN))}"
    for _ in range(2):
        reading_sheet.page.evaluate("link => { location.hash = link; }", link)
        reading_sheet.expect("sure", 7)
        reading_sheet.choose(jpeg(paper()))
        reading_sheet.expect("number")

    assert reading_sheet.page.evaluate("location.hash") == ""

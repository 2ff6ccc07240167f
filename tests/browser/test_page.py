"""The page in a real browser, with the shipped model behind it."""

import io
import itertools
import json
import os
import shlex
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pytest
from PIL import Image
from tests.browser.papers import jpeg, paper
from tests.browser.sheet import FOUR, SEVEN, Served, Sheet, Strokes, ink_of

if TYPE_CHECKING:
    from playwright.sync_api import Request, Route

ROOT = Path(__file__).resolve().parents[2]
CI = os.environ.get("CI") == "true"
AXE = ROOT / "node_modules" / "axe-core" / "axe.min.js"
PHONE = {"viewport": {"width": 375, "height": 667}, "has_touch": True, "is_mobile": True, "device_scale_factor": 2}
BARS: Strokes = [[(x, 60), (x, 230)] for x in (40, 110, 180, 250)]  # the reader of the tests takes them for 4007
SCRIBBLE: Strokes = [[(60, 60), (220, 200), (60, 220), (200, 60), (100, 140)]]

OpenSheet = Callable[..., Sheet]


def _dash(sheet: Sheet) -> None:
    """A short stroke beside the digit."""
    sheet.draw([[(20, 260), (60, 260)]])


# --- reading ---


@pytest.mark.parametrize(("strokes", "label"), [(SEVEN, 7), (FOUR, 4)])
def test_a_drawn_digit_is_read(sheet: Sheet, strokes: Strokes, label: int) -> None:
    sheet.draw(strokes)

    sheet.expect("sure", label)
    assert sheet.said().startswith(f"That is a {label}.")
    assert sheet.page.locator(f"#shares li:nth-child({label + 1})").get_attribute("class") == "is-first"


def test_it_answers_while_one_draws(sheet: Sheet) -> None:
    mouse = sheet.page.mouse
    mouse.move(*sheet.place(80, 70))
    mouse.down()
    mouse.move(*sheet.place(200, 70), steps=10)
    mouse.move(*sheet.place(130, 230), steps=10)

    sheet.page.wait_for_selector('#answer[data-label="7"]')
    assert sheet.page.locator("#answer").get_attribute("aria-busy") == "true"


def test_all_ten_shares_are_told_in_text(sheet: Sheet, server: Served) -> None:
    sheet.draw(SEVEN)
    sheet.expect("sure", 7)

    rows = [" ".join(text.split()) for text in sheet.page.locator("#shares li").all_text_contents()]

    assert [row.partition(":")[0] for row in rows] == list("0123456789")
    assert all(row.endswith("%") for row in rows)


def test_the_picture_that_the_model_saw_is_shown(sheet: Sheet) -> None:
    sheet.draw(SEVEN)
    sheet.expect("sure", 7)

    size = sheet.page.locator("#saw").evaluate("image => image.decode().then(() => image.naturalWidth)")

    assert size == 28


def test_the_model_is_named(sheet: Sheet, server: Served) -> None:
    sheet.draw(SEVEN)
    sheet.expect("sure", 7)

    assert sheet.page.locator("#model").inner_text() == server.version


def test_the_shown_call_gives_the_same_answer(sheet: Sheet) -> None:
    sheet.draw(SEVEN)
    sheet.expect("sure", 7)
    shown = sheet.page.locator("#shares li").evaluate_all(
        "bars => bars.map((bar) => bar.style.getPropertyValue('--share'))"
    )

    _curl, _silent, url, _header, content_type, _data, body = shlex.split(sheet.page.locator("#call").input_value())
    request = urllib.request.Request(url, body.encode(), dict([content_type.split(": ")]))
    with urllib.request.urlopen(request) as response:
        answer = json.load(response)

    assert answer["label"] == 7
    assert answer["probabilities"] == pytest.approx([float(share) for share in shown])


def test_the_saved_picture_is_the_posted_one(sheet: Sheet) -> None:
    sheet.draw(SEVEN)
    sheet.expect("sure", 7)

    assert sheet.page.locator("#save").get_attribute("href") == sheet.posted[-1]


def test_the_call_and_the_saved_picture_go_with_the_drawing(sheet: Sheet) -> None:
    sheet.draw(SEVEN)
    sheet.expect("sure", 7)
    sheet.page.keyboard.press("Escape")
    sheet.expect("blank")
    sheet.page.locator("summary").click()
    sheet.page.locator("#copy").click()

    assert sheet.page.locator("#call").input_value() == ""
    assert sheet.page.locator("#save").get_attribute("href") is None
    assert sheet.page.locator("#copied").inner_text() == "Draw something first."


def test_what_looks_like_no_digit_is_said_so(sheet: Sheet) -> None:
    _answer_with(sheet, label=3, is_digit=False, confidence=0.4)

    sheet.draw(SCRIBBLE)

    sheet.expect("none")
    assert sheet.said() == "That does not look like a digit. Closest guess: a 3, 40.0 %."
    assert sheet.page.locator("#figure path").count() == 1
    assert sheet.page.locator("#figure path").get_attribute("d") == sheet.page.evaluate(
        "import('./static/glyphs.js').then((module) => module.GLYPHS['?'])"
    )


def test_an_unsure_answer_names_the_runner_up(sheet: Sheet) -> None:
    _answer_with(sheet, label=4, is_digit=True, confidence=0.55, second=9)

    sheet.draw(FOUR)

    sheet.expect("unsure")
    assert sheet.said() == "Unsure: a 4, or perhaps a 9. 55.0 % for the 4, 45.0 % for the 9."


def _answer_with(sheet: Sheet, *, label: int, is_digit: bool, confidence: float, second: int = 5) -> None:
    """Replace the server's answers, for those that no drawing brings about in every model."""
    shares = {label: confidence, second: 1 - confidence}
    answer = {
        "label": label,
        "confidence": confidence,
        "is_digit": is_digit,
        "probabilities": [shares.get(digit, 0) for digit in range(10)],
        "model": "another",
    }
    sheet.page.route("**/api/v1/predict*", lambda route: route.fulfill(json=answer))


# --- why ---

COLOURS = """(canvas) => {
  const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
  const found = { orange: 0, blue: 0 };
  for (let i = 0; i < data.length; i += 4) {
    if (data[i + 3] < 255) continue;
    if (data[i] > data[i + 2] + 60) found.orange += 1;
    if (data[i + 2] > data[i] + 60) found.blue += 1;
  }
  return found;
}"""
"""Counts the pixels of the pad that are more orange than grey, and more blue."""


def _colours(sheet: Sheet) -> dict[str, int]:
    found: dict[str, int] = sheet.page.locator("#pad canvas").evaluate(COLOURS)
    return found


def _explain(sheet: Sheet) -> None:
    sheet.page.locator("#why").click()
    sheet.page.wait_for_selector("#pad.is-tinted")


def test_the_ink_that_decides_is_coloured_on_request(sheet: Sheet) -> None:
    sheet.draw(SEVEN)
    sheet.expect("sure", 7)
    before = _colours(sheet)

    _explain(sheet)
    explained = _colours(sheet)
    sheet.page.locator("#why").click()
    sheet.page.wait_for_selector("#pad:not(.is-tinted)")

    assert before["orange"] == 0
    assert explained["orange"] > 200
    assert explained["blue"] < before["blue"] / 2
    assert _colours(sheet) == before


def test_explanations_are_only_asked_for_while_they_are_wanted_and_the_pen_is_up(sheet: Sheet) -> None:
    sheet.draw(SEVEN)
    sheet.expect("sure", 7)
    _explain(sheet)
    mouse, posts = sheet.page.mouse, len(sheet.posted)
    mouse.move(*sheet.place(20, 200))
    mouse.down()
    mouse.move(*sheet.place(60, 200), steps=10)
    sheet.expect_posts(posts + 1)
    while_down = sheet.posted_to[-1]
    mouse.up()
    sheet.page.wait_for_selector("#pad.is-tinted")

    assert "explanation" not in sheet.posted_to[0]
    assert "explanation" not in while_down
    assert "explanation" in sheet.posted_to[-1]


def test_the_colours_go_as_soon_as_one_draws_on(sheet: Sheet) -> None:
    sheet.draw(SEVEN)
    sheet.expect("sure", 7)
    _explain(sheet)

    sheet.page.mouse.move(*sheet.place(20, 200))
    sheet.page.mouse.down()
    sheet.page.wait_for_selector("#pad:not(.is-tinted)")

    assert _colours(sheet)["orange"] == 0


def test_the_switch_works_by_keyboard_and_says_its_state(sheet: Sheet) -> None:
    sheet.draw(SEVEN)
    sheet.expect("sure", 7)
    switch = sheet.page.get_by_role("button", name="Why")
    switch.focus()
    before = switch.get_attribute("aria-pressed")
    sheet.page.keyboard.press("Space")
    sheet.page.wait_for_selector("#pad.is-tinted")

    assert (before, switch.get_attribute("aria-pressed")) == ("false", "true")
    assert sheet.page.get_by_text("against it").is_visible()


def test_an_explanation_of_a_drawing_that_was_cleared_is_not_shown(sheet: Sheet) -> None:
    held: list[Route] = []
    sheet.draw(SEVEN)
    sheet.expect("sure", 7)
    sheet.page.route("**/api/v1/predict*", lambda route: held.append(route))
    sheet.page.locator("#why").click()
    while not held:
        sheet.page.wait_for_timeout(20)
    sheet.page.keyboard.press("Escape")
    sheet.expect("blank")
    held[0].continue_()
    sheet.page.wait_for_timeout(200)

    assert sheet.page.locator("#pad.is-tinted").count() == 0


# --- what is posted ---


def test_the_posted_picture_is_black_on_white_in_dark_colours_too(open_sheet: OpenSheet) -> None:
    posted = []
    for scheme in ("light", "dark"):
        sheet = open_sheet(color_scheme=scheme)
        sheet.draw(SEVEN)
        sheet.expect("sure", 7)
        posted.append(sheet.posted[-1])

    assert posted[0] == posted[1]
    assert 0.02 < ink_of(posted[0]).mean() < 0.3


def test_a_wider_pen_leaves_more_ink(sheet: Sheet) -> None:
    shares = []
    for key in ("Home", "End"):
        sheet.page.locator("#width").press(key)
        sheet.draw(SEVEN)
        sheet.expect("sure", 7)
        shares.append(ink_of(sheet.posted[-1]).mean())
        sheet.page.keyboard.press("Escape")
        sheet.expect("blank")

    assert shares[1] > 5 * shares[0]


# What a browser does with a slider that it comes back to: it moves it without a word, and shows the page.
MOVED = "slider => { slider.value = slider.min; window.dispatchEvent(new PageTransitionEvent('pageshow')); }"


def test_the_pen_is_as_wide_as_the_slider_says_where_the_browser_moved_it(sheet: Sheet) -> None:
    sheet.page.locator("#width").press("Home")
    sheet.draw(SEVEN)
    sheet.expect("sure", 7)
    before = sheet.posted[-1]
    sheet.page.reload()
    sheet.expect("blank")
    sheet.page.locator("#width").evaluate(MOVED)
    sheet.draw(SEVEN)
    sheet.expect("sure", 7)

    assert ink_of(sheet.posted[-1]).mean() == pytest.approx(ink_of(before).mean(), rel=0.1)


def test_a_tap_leaves_a_dot(sheet: Sheet) -> None:
    sheet.page.mouse.click(*sheet.place(140, 140))
    sheet.expect_answer()

    ink = ink_of(sheet.posted[-1])

    assert ink[140, 140]
    assert not ink[:, :125].any()


def test_the_second_mouse_button_draws_nothing(sheet: Sheet) -> None:
    sheet.page.mouse.move(*sheet.place(80, 80))
    sheet.page.mouse.down(button="right")
    sheet.page.mouse.move(*sheet.place(200, 200), steps=5)
    sheet.page.mouse.up(button="right")

    assert sheet.page.locator("#pad.has-ink").count() == 0
    assert sheet.posted == []


# --- undo, redo, clear ---


@pytest.mark.parametrize("how", ["button", "Control+z", "Meta+z"])
def test_undo_takes_back_the_last_stroke(sheet: Sheet, how: str) -> None:
    sheet.draw(SEVEN)
    sheet.expect("sure", 7)
    before = sheet.posted[-1]
    _dash(sheet)
    _act(sheet, "#undo", how)

    sheet.expect("sure", 7)
    assert sheet.posted[-1] == before


@pytest.mark.parametrize("how", ["button", "Control+Shift+Z", "Control+y", "Meta+Shift+Z"])
def test_redo_brings_it_back(sheet: Sheet, how: str) -> None:
    sheet.draw(SEVEN)
    sheet.expect("sure", 7)
    before = sheet.posted[-1]
    sheet.page.locator("#undo").click()
    sheet.expect("blank")
    _act(sheet, "#redo", how)

    sheet.expect("sure", 7)
    assert sheet.posted[-1] == before


@pytest.mark.parametrize("how", ["button", "Escape"])
def test_clear_wipes_the_paper_and_can_be_undone(sheet: Sheet, how: str) -> None:
    sheet.draw(SEVEN)
    sheet.expect("sure", 7)
    before = sheet.posted[-1]
    _act(sheet, "#clear", how)
    sheet.expect("blank")
    assert sheet.said().startswith("Draw a number.")
    sheet.page.keyboard.press("Control+z")

    sheet.expect("sure", 7)
    assert sheet.posted[-1] == before


def test_undo_while_drawing_abandons_the_stroke(sheet: Sheet) -> None:
    mouse = sheet.page.mouse
    mouse.move(*sheet.place(80, 80))
    mouse.down()
    mouse.move(*sheet.place(200, 80), steps=5)
    sheet.page.keyboard.press("Control+z")
    mouse.move(*sheet.place(200, 200), steps=5)
    mouse.up()

    sheet.expect("blank")
    assert sheet.page.locator("#pad.has-ink").count() == 0


def _act(sheet: Sheet, button: str, how: str) -> None:
    if how == "button":
        sheet.page.locator(button).click()
    else:
        sheet.page.keyboard.press(how)


# --- touch ---


def _touch(sheet: Sheet) -> Callable[..., Any]:
    """Sends touches: a kind, and where each finger is, in drawing units."""
    session = sheet.page.context.new_cdp_session(sheet.page)

    def send(kind: str, *fingers: tuple[float, float]) -> None:
        places = [sheet.place(*finger) for finger in fingers]
        points = [{"x": x, "y": y, "id": number} for number, (x, y) in enumerate(places)]
        session.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})

    return send


def _swipe(touch: Callable[..., Any], stroke: list[tuple[float, float]]) -> None:
    touch("touchStart", stroke[0])
    for (x0, y0), (x1, y1) in itertools.pairwise(stroke):
        for part in np.linspace(0, 1, 11)[1:]:
            touch("touchMove", (x0 + (x1 - x0) * part, y0 + (y1 - y0) * part))
    touch("touchEnd")


def test_a_finger_draws_and_does_not_scroll(open_sheet: OpenSheet) -> None:
    sheet = open_sheet(**PHONE)

    _swipe(_touch(sheet), SEVEN[0])

    sheet.expect("sure", 7)
    assert sheet.page.evaluate("scrollY") == 0


def test_a_finger_beside_the_pad_scrolls(open_sheet: OpenSheet) -> None:
    sheet = open_sheet(**PHONE)

    _swipe(_touch(sheet), [(140, 450), (140, 300)])

    sheet.expect_true("scrollY > 0")
    assert sheet.posted == []


def test_a_second_finger_does_not_draw(open_sheet: OpenSheet) -> None:
    sheet = open_sheet(**PHONE)
    touch = _touch(sheet)

    touch("touchStart", (60, 60))
    touch("touchMove", (60, 100))
    touch("touchStart", (60, 100), (220, 60))
    for y in range(100, 241, 20):
        touch("touchMove", (60, y), (220, y))
    touch("touchEnd")
    sheet.expect_answer()

    ink = ink_of(sheet.posted[-1])
    assert ink[240, 60]
    assert not ink[:, 140:].any()


def test_a_cancelled_touch_keeps_a_real_stroke(open_sheet: OpenSheet) -> None:
    sheet = open_sheet(**PHONE)
    touch = _touch(sheet)

    touch("touchStart", (60, 60))
    for y in range(60, 241, 20):
        touch("touchMove", (60, y))
    touch("touchCancel")
    sheet.expect_answer()

    assert ink_of(sheet.posted[-1])[240, 60]


def test_a_cancelled_touch_that_went_nowhere_leaves_no_dot(open_sheet: OpenSheet) -> None:
    sheet = open_sheet(**PHONE)
    touch = _touch(sheet)

    touch("touchStart", (60, 60))
    touch("touchCancel")

    sheet.page.wait_for_selector("#pad:not(.has-ink)")
    sheet.expect("blank")


# --- keyboard ---


def test_a_digit_can_be_drawn_by_keyboard_alone(sheet: Sheet) -> None:
    keyboard = sheet.page.keyboard
    keyboard.press("Tab")
    assert sheet.pad.evaluate("pad => pad === document.activeElement")

    _repeat(sheet, "ArrowUp", 9)
    _repeat(sheet, "ArrowLeft", 8)
    keyboard.press("Space")
    assert sheet.page.locator("#pen-state").inner_text() == "Pen down"
    _repeat(sheet, "ArrowRight", 16)
    for _ in range(9):
        keyboard.press("ArrowDown")
        keyboard.down("ArrowDown")
        keyboard.press("ArrowLeft")
        keyboard.up("ArrowDown")
    keyboard.press("Enter")

    assert sheet.page.locator("#pen-state").inner_text() == "Pen up"
    sheet.expect("sure", 7)


def test_the_keyboard_pen_is_seen_only_where_it_is_used(sheet: Sheet) -> None:
    nib = sheet.page.locator("#nib")

    sheet.page.keyboard.press("Tab")
    assert nib.is_visible()
    _dash(sheet)

    assert not nib.is_visible()


def test_the_keyboard_pen_stays_on_a_pad_that_gets_narrower(sheet: Sheet) -> None:
    sheet.pad.focus()
    _repeat(sheet, "ArrowRight", 80)
    sheet.page.set_viewport_size({"width": 390, "height": 844})
    inside = """() => {
      const [nib, pad] = ["#nib", "#pad"].map((name) => document.querySelector(name).getBoundingClientRect());
      return (nib.left + nib.right) / 2 <= pad.right + 1;
    }"""

    sheet.expect_true(f"({inside})()")


def test_leaving_the_pad_lifts_the_pen(sheet: Sheet) -> None:
    sheet.pad.focus()
    sheet.page.keyboard.press("Space")
    _repeat(sheet, "ArrowDown", 8)
    sheet.page.keyboard.press("Tab")

    assert sheet.page.locator("#undo").evaluate("button => button === document.activeElement")
    sheet.expect_answer()
    assert ink_of(sheet.posted[-1]).any()


@pytest.mark.parametrize("key", ["Control+z", "Escape", "Tab"])
def test_a_keyboard_pen_that_is_taken_up_is_said_to_be_up(sheet: Sheet, key: str) -> None:
    sheet.pad.focus()
    sheet.page.keyboard.press("Space")
    _repeat(sheet, "ArrowDown", 2)
    before = sheet.page.locator("#pen-state").inner_text()
    sheet.page.keyboard.press(key)

    assert (before, sheet.page.locator("#pen-state").inner_text()) == ("Pen down", "Pen up")


def _repeat(sheet: Sheet, key: str, times: int) -> None:
    for _ in range(times):
        sheet.page.keyboard.press(key)


# --- when things go wrong ---


def test_a_server_that_is_away_is_told_and_the_drawing_read_when_it_is_back(
    open_sheet: OpenSheet, unsteady_server: Served
) -> None:
    sheet = open_sheet(unsteady_server.url)
    unsteady_server.stop()

    sheet.draw(SEVEN)
    sheet.expect("problem")
    assert sheet.said().startswith("Encountered an error. The server does not answer.")
    assert "inkdigit serve" in sheet.said()
    unsteady_server.start()

    sheet.expect("sure", 7)


def test_a_refusal_is_told_in_the_servers_words(sheet: Sheet) -> None:
    problem = {"type": "image-too-large", "title": "Too large", "status": 413, "detail": "The picture is too large."}
    sheet.page.route("**/api/v1/predict*", lambda route: route.fulfill(status=413, json=problem))

    sheet.draw(SEVEN)
    sheet.expect("problem")
    assert sheet.said().startswith("Encountered an error. The picture is too large.")
    assert not sheet.page.locator("#retry").is_visible()
    sheet.page.unroute("**/api/v1/predict*")
    _dash(sheet)
    sheet.page.keyboard.press("Control+z")

    sheet.expect("sure", 7)


def test_a_server_that_answers_not_now_need_not_be_started(sheet: Sheet) -> None:
    problem = {"type": "too-many-requests", "status": 429, "detail": "Too many wrong keys; try again in 42 s."}
    sheet.page.route("**/api/v1/predict*", lambda route: route.fulfill(status=429, json=problem))

    sheet.draw(SEVEN)
    sheet.expect("problem")

    assert sheet.said().startswith("Encountered an error. Too many wrong keys; try again in 42 s.")
    assert "inkdigit serve" not in sheet.said()


def test_try_now_looks_at_once(sheet: Sheet) -> None:
    sheet.page.clock.install(time=0)
    sheet.page.clock.pause_at(1000)  # so that the page's own next look never comes
    sheet.page.route("**/api/**", lambda route: route.abort())
    sheet.draw(SEVEN)
    sheet.expect("problem")
    sheet.page.unroute("**/api/**")

    sheet.page.locator("#retry").press("Enter")

    sheet.expect("sure", 7)
    assert sheet.page.evaluate("document.activeElement.id") == "answer"  # the button is gone


def test_the_way_to_the_documents_leaves_the_drawing_on_the_page(sheet: Sheet) -> None:
    sheet.draw(SEVEN)
    sheet.expect("sure", 7)
    with sheet.page.expect_popup() as popup:
        sheet.page.get_by_role("link", name="API (in a new tab)").click()
    popup.value.close()

    assert sheet.said().startswith("That is a 7. ")


def test_an_older_answer_never_overwrites_a_newer_one(sheet: Sheet) -> None:
    held: list[Route] = []

    def hold_the_first(route: "Route") -> None:
        if held:
            route.continue_()
        else:
            held.append(route)

    sheet.page.route("**/api/v1/predict*", hold_the_first)
    _dash(sheet)
    sheet.expect_posts(1)
    sheet.draw(SEVEN)
    sheet.expect_posts(2)
    sheet.expect_answer()
    newest = sheet.said()
    stale = {"label": 1, "confidence": 1, "is_digit": True, "probabilities": [0, 1] + [0] * 8, "model": "stale"}
    held[0].fulfill(json=stale)
    sheet.page.wait_for_timeout(200)

    assert sheet.said() == newest
    assert sheet.page.locator("#model").inner_text() != "stale"


def test_an_answer_that_comes_after_clear_is_not_shown(sheet: Sheet) -> None:
    held: list[Route] = []
    sheet.page.route("**/api/v1/predict*", lambda route: held.append(route))
    _dash(sheet)
    sheet.expect_posts(1)
    sheet.page.keyboard.press("Escape")
    held[0].fulfill(
        json={"label": 1, "confidence": 1, "is_digit": True, "probabilities": [0, 1] + [0] * 8, "model": ""}
    )
    sheet.page.wait_for_timeout(200)

    assert sheet.said().startswith("Draw a number.")


def test_an_answer_that_lets_one_wait_is_not_the_one_before(sheet: Sheet) -> None:
    sheet.draw(SEVEN)
    sheet.expect("sure", 7)
    before = sheet.page.locator("#shares").bounding_box()
    held: list[Route] = []
    sheet.page.route("**/api/v1/predict*", lambda route: held.append(route))
    _dash(sheet)
    sheet.page.get_by_role("status").and_(sheet.page.get_by_text("Reading the drawing.")).wait_for()
    while_waiting = (sheet.said(), sheet.page.locator("#shares").bounding_box())
    share_is_seen = sheet.page.locator("#shares .is-first .share").is_visible()
    held[-1].continue_()
    sheet.expect_answer()

    assert while_waiting == ("Reading the drawing.", before)
    assert not share_is_seen
    assert sheet.said() != "Reading the drawing."
    assert sheet.page.locator("#work-state").inner_text() == ""


def test_what_is_hidden_is_not_seen(sheet: Sheet) -> None:
    seen = sheet.page.locator("[hidden]").evaluate_all(
        "parts => parts.filter((part) => part.checkVisibility()).map((part) => part.id)"
    )

    assert sheet.page.locator("#access-turn[hidden]").count() == 1
    assert seen == []


# --- for everybody ---


SCHEMES: list[Literal["light", "dark"]] = ["light", "dark"]
SIZES = [(width, 700) for width in (320, 375, 600, 820, 1024, 1280, 1920)]


GIVEN = """(receipts) => {
  localStorage.setItem("inkdigit.receipts", JSON.stringify(receipts));
  window.dispatchEvent(new Event("storage"));
}"""


def _states(sheet: Sheet) -> Iterator[str]:
    """Bring the page into each of its states, one after the other."""
    yield "blank"
    sheet.draw(SEVEN)
    sheet.expect("sure", 7)
    sheet.page.locator("summary").click()
    yield "sure"
    sheet.page.keyboard.press("1")
    sheet.expect("said")
    sheet.page.evaluate(GIVEN, [{"receipt": "A" * 22, "label": 1, "day": "2026-03-09"}])
    sheet.page.get_by_text("Drawings you gave: 1").click()
    yield "said"
    sheet.page.evaluate("scrollTo(0, 0)")
    _explain(sheet)
    yield "explained"
    _answer_with(sheet, label=4, is_digit=True, confidence=0.55, second=9)
    _dash(sheet)
    sheet.expect("unsure")
    yield "unsure"
    _answer_with(sheet, label=4, is_digit=False, confidence=0.55)
    sheet.page.route("**/api/v1/read*", lambda route: route.fulfill(status=422, json={}))  # nor is it a number
    _dash(sheet)
    sheet.expect("none")
    yield "none"
    sheet.page.unroute("**/api/v1/read*")
    sheet.page.keyboard.press("Escape")
    sheet.page.evaluate("scrollTo(0, 0)")
    sheet.draw(BARS)
    sheet.expect("number")
    yield "number"
    sheet.page.get_by_role("button", name="7, doubtful").click()
    yield "choices"
    sheet.choose(jpeg(paper()))
    sheet.page.wait_for_selector("#boxes li")
    yield "picture"
    sheet.page.get_by_role("button", name="Back to drawing").click()
    sheet.expect("number")
    sheet.page.route("**/api/**", lambda route: route.abort())
    _dash(sheet)
    sheet.expect("problem")
    yield "problem"


def _run_axe(sheet: Sheet) -> list[str]:
    found: list[dict[str, Any]] = sheet.page.evaluate("axe.run().then((report) => report.violations)")
    return [f"{rule['id']}: {node['html']}" for rule in found for node in rule["nodes"]]


@pytest.mark.skipif(not AXE.exists() and not CI, reason="no node_modules/axe-core: run `npm ci`")
@pytest.mark.parametrize("width", [1280, 375])
def test_axe_finds_nothing(open_sheet: OpenSheet, reading_server: Served, width: int) -> None:
    sheet = open_sheet(reading_server.url, viewport={"width": width, "height": 800}, reduced_motion="reduce")
    sheet.page.evaluate(AXE.read_text(encoding="utf-8"))

    found = {}
    for state in _states(sheet):
        for scheme in SCHEMES:
            sheet.page.emulate_media(color_scheme=scheme)
            found[state, scheme] = _run_axe(sheet)

    assert len(found) == 20
    assert {where: what for where, what in found.items() if what} == {}


def test_nothing_overflows_sideways(reading_sheet: Sheet) -> None:
    overflowing = []
    for state in _states(reading_sheet):
        for width, height in SIZES:
            reading_sheet.page.set_viewport_size({"width": width, "height": height})
            if _content_width(reading_sheet) > width:
                overflowing.append((state, width))
        reading_sheet.page.set_viewport_size({"width": 1280, "height": 720})

    assert overflowing == []


def test_large_text_keeps_the_buttons_on_the_sheet(sheet: Sheet) -> None:
    sheet.page.set_viewport_size({"width": 1280, "height": 800})
    sheet.draw(SEVEN)
    sheet.expect("sure", 7)
    sheet.page.evaluate("document.documentElement.style.fontSize = '200%'")
    ends = sheet.page.locator("button:visible").evaluate_all(
        "buttons => buttons.map((button) => button.getBoundingClientRect().right)"
    )
    leaf = sheet.page.locator("#answer").bounding_box()

    assert leaf
    assert max(ends) <= leaf["x"] + leaf["width"] + 1


COVERED = """() => {
  const boxOf = (name) => document.querySelector(name).getBoundingClientRect();
  const [words, saw] = [boxOf("#headline"), boxOf(".saw")];
  return words.left < saw.right && saw.left < words.right && words.top < saw.bottom && saw.top < words.bottom;
}"""


@pytest.mark.parametrize("width", [320, 360, 412])
def test_text_of_twice_the_size_keeps_everything_on_a_phones_sheet(sheet: Sheet, width: int) -> None:
    sheet.page.set_viewport_size({"width": width, "height": 900})
    session = sheet.page.context.new_cdp_session(sheet.page)
    session.send("Page.enable")
    session.send("Page.setFontSizes", {"fontSizes": {"standard": 32, "fixed": 26}})
    sheet.draw(SEVEN)
    sheet.expect("sure", 7)
    ends = sheet.page.locator("#answer button:visible").evaluate_all(
        "buttons => buttons.map((button) => button.getBoundingClientRect().right)"
    )

    assert sheet.page.evaluate("getComputedStyle(document.documentElement).fontSize") == "32px"
    assert not sheet.page.evaluate(COVERED)
    assert max(ends) <= width
    assert _content_width(sheet) <= width


@pytest.mark.parametrize("width", [1280, 320])
def test_a_long_number_breaks_within_the_page(sheet: Sheet, width: int) -> None:
    sheet.page.set_viewport_size({"width": width, "height": 800})
    digits = [{"label": str(i % 10), "confidence": 0.9, "box": [10 * i, 0, 9, 20]} for i in range(40)]
    number = {"confidence": 0.9, "box": [0, 0, 399, 20], "digits": digits}
    sheet.page.route("**/api/v1/read", lambda route: route.fulfill(json={"numbers": [number], "model": "long"}))
    sheet.draw([[(x / 2, y / 2) for x, y in stroke] for stroke in BARS])
    sheet.expect("number")
    drawn = _content_width(sheet)
    sheet.choose(jpeg(paper()))
    sheet.page.locator("#boxes li").wait_for()

    assert drawn <= width
    assert _content_width(sheet) <= width


@pytest.mark.parametrize("width", [1280, 360, 320])
def test_the_legend_breaks_between_its_entries_alone(sheet: Sheet, width: int) -> None:
    sheet.page.set_viewport_size({"width": width, "height": 700})
    sheet.draw(SEVEN)
    sheet.expect("sure", 7)
    sheet.page.locator("#why").click()
    lines = []
    for share in range(50, 101, 5):
        sheet.page.locator(".legend").first.evaluate("(legend, share) => { legend.style.width = `${share}%`; }", share)
        lines += sheet.page.locator(".legend span").evaluate_all(
            "spans => spans.filter((span) => span.checkVisibility()).map((span) => span.getClientRects().length)"
        )

    assert set(lines) == {1}


FILLS = """parts => parts.map((part) => {
  const { color, backgroundColor, borderBottomColor } = getComputedStyle(part);
  return { color, backgroundColor, borderBottomColor };
})"""


@pytest.mark.parametrize("scheme", SCHEMES)
def test_what_is_told_by_a_fill_is_told_in_the_systems_own_colours_too(
    open_sheet: OpenSheet, reading_server: Served, scheme: Literal["light", "dark"]
) -> None:
    sheet = open_sheet(reading_server.url, forced_colors="active", color_scheme=scheme)

    def fills(*selectors: str) -> list[dict[str, str]]:
        return [sheet.page.locator(selector).evaluate_all(FILLS)[0] for selector in selectors]

    sheet.draw(SEVEN)
    sheet.expect("sure", 7)
    sheet.page.locator("#right").click()
    right, none = fills("#right", "#none")
    seven, six = fills("#shares li:nth-child(8) button", "#shares li:nth-child(7) button")
    undo, redo = fills("#undo", "#redo")
    dot = sheet.page.locator(".legend .for").evaluate("span => getComputedStyle(span, '::before').backgroundColor")
    sheet.page.keyboard.press("Escape")
    sheet.draw(BARS)
    sheet.expect("number")
    sheet.page.locator("#number button").first.click()
    opened, plain, doubtful = fills(*(f"#number li:nth-child({place}) button" for place in (1, 2, 4)))
    chosen, other = fills("#choices button", "#others button")
    paper = sheet.page.evaluate("getComputedStyle(document.body).backgroundColor")

    for one, another in ((right, none), (seven, six), (opened, plain), (chosen, other)):
        assert one["backgroundColor"] != another["backgroundColor"]
    assert undo["color"] != redo["color"]
    assert dot == "rgb(230, 97, 0)"
    assert plain["borderBottomColor"] == paper
    assert doubtful["borderBottomColor"] != paper


def test_the_tools_stay_below_the_pad(sheet: Sheet) -> None:
    strayed = []
    for width, height in [*SIZES, (1366, 640), (1280, 720), (900, 600), (667, 375), (568, 320)]:
        sheet.page.set_viewport_size({"width": width, "height": height})
        pad, slider = sheet.pad.bounding_box(), sheet.page.locator("#width").bounding_box()
        assert pad
        assert slider
        if slider["x"] + slider["width"] > pad["x"] + pad["width"] + 1 or slider["width"] < 48:
            strayed.append((width, height))

    assert strayed == []


def test_buttons_stay_side_by_side_on_the_narrowest_phones(reading_sheet: Sheet) -> None:
    reading_sheet.page.set_viewport_size({"width": 320, "height": 568})
    reading_sheet.draw(SEVEN)
    reading_sheet.expect("sure", 7)
    rows = [_rows(reading_sheet, "#correct")]
    reading_sheet.page.keyboard.press("Escape")
    reading_sheet.draw([[(x, y / 2) for x, y in stroke] for stroke in BARS])
    reading_sheet.expect("number")
    reading_sheet.page.locator("#number button").first.click()
    rows.append(_rows(reading_sheet, "#others"))

    assert rows == [1, 1]


def _rows(sheet: Sheet, group: str) -> int:
    tops = sheet.page.locator(f"{group} button:visible").evaluate_all(
        "buttons => buttons.map((button) => button.getBoundingClientRect().top)"
    )
    return len(set(tops))


@pytest.mark.parametrize("size", [(568, 320), (640, 360), (667, 375), (480, 320), (320, 256)])
def test_the_pad_is_never_higher_than_the_window(sheet: Sheet, size: tuple[int, int]) -> None:
    sheet.page.set_viewport_size({"width": size[0], "height": size[1]})
    pad = sheet.pad.bounding_box()

    assert pad
    assert pad["height"] < size[1]
    assert _content_width(sheet) <= size[0]


def _content_width(sheet: Sheet) -> int:
    width: int = sheet.page.evaluate("document.documentElement.scrollWidth")
    return width


def test_the_answer_is_in_sight_on_a_phone(open_sheet: OpenSheet) -> None:
    sheet = open_sheet(**PHONE)

    _swipe(_touch(sheet), SEVEN[0])
    sheet.expect("sure", 7)

    bars = sheet.page.locator("#shares").bounding_box()
    assert bars
    assert bars["y"] + bars["height"] <= 667


def test_who_wants_no_motion_sees_none(open_sheet: OpenSheet) -> None:
    running = {}
    for motion in ("reduce", "no-preference"):
        sheet = open_sheet(reduced_motion=motion)
        sheet.page.evaluate(
            "new MutationObserver(() => { window.moved ??= document.getAnimations().length })"
            ".observe(document.querySelector('#figure'), { childList: true })"
        )
        sheet.draw(SEVEN)
        sheet.expect("sure", 7)
        running[motion] = sheet.page.evaluate("window.moved")

    assert running["reduce"] == 0
    assert running["no-preference"] > 0


def test_a_drawing_is_printed_dark_on_white_from_a_dark_page_too(open_sheet: OpenSheet) -> None:
    sheet = open_sheet(color_scheme="dark")
    sheet.draw(SEVEN)
    sheet.expect("sure", 7)
    sheet.page.emulate_media(media="print")
    shot = Image.open(io.BytesIO(sheet.page.screenshot())).convert("L")
    levels = np.asarray(shot)
    ink, paper = (levels[int(y), int(x)] for x, y in (sheet.place(140, 70), sheet.place(30, 200)))

    assert ink < 64
    assert paper > 192


def test_what_is_told_by_a_fill_is_printed(reading_sheet: Sheet) -> None:
    page = reading_sheet.page
    page.evaluate("document.body.insertAdjacentHTML('beforeend', '<i class=swatch></i>')")
    reading_sheet.choose(jpeg(paper()))
    reading_sheet.expect("number")
    page.emulate_media(media="print")
    filled = [(".shares li", "::after"), (".legend span", "::before"), (".boxes button", ""), (".swatch", "")]

    adjusted = page.evaluate(
        """filled => filled.map(([of, part]) =>
            getComputedStyle(document.querySelector(of), part).getPropertyValue("-webkit-print-color-adjust"))""",
        filled,
    )

    assert adjusted == ["exact"] * 4


def test_nothing_is_requested_elsewhere(sheet: Sheet, server: Served) -> None:
    sheet.draw(SEVEN)
    sheet.expect("sure", 7)

    elsewhere = [url for url in sheet.requested if not url.startswith((server.url, "data:image/png"))]

    assert len(sheet.requested) > 10
    assert elsewhere == []


def test_the_page_keeps_to_its_own_security_policy(sheet: Sheet) -> None:
    sheet.draw(SEVEN)
    sheet.expect("sure", 7)
    sheet.page.locator("summary").click()
    sheet.page.locator("#copy").click()

    sheet.page.locator("#copied:not(:empty)").wait_for()
    # The server of these tests has no reader of numbers, and a browser tells of every answer that is an error.
    assert [told for told in sheet.complaints if "501" not in told] == []


def test_a_failed_call_is_the_only_thing_logged(sheet: Sheet) -> None:
    failed: list[Request] = []
    sheet.page.on("requestfailed", lambda request: failed.append(request))
    sheet.page.route("**/api/**", lambda route: route.abort())
    sheet.draw(SEVEN)
    sheet.expect("problem")

    assert failed
    assert all("Failed to load resource" in complaint for complaint in sheet.complaints)

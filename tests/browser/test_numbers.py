"""Numbers on the pad: what is asked, how doubt is shown, and how a person settles it."""

from typing import TYPE_CHECKING

import pytest
from tests.browser.sheet import FOUR, ONE, SEVEN, SIDE, Sheet, SlicingReader, beside, ink_of

if TYPE_CHECKING:
    from playwright.sync_api import Route

NUMBER = beside(FOUR, ONE, ONE, SEVEN)  # the reader takes the digits for 4, 0, 0 and 7


def _draw_number(sheet: Sheet) -> None:
    sheet.draw(NUMBER)
    sheet.expect("number")


def _open_doubt(sheet: Sheet) -> None:
    sheet.page.get_by_role("button", name="7, doubtful").click()


# --- reading ---


def test_a_drawn_number_is_read_as_one(reading_sheet: Sheet) -> None:
    _draw_number(reading_sheet)

    assert reading_sheet.number() == "4, 99.0 %; 0, 99.0 %; 0, 99.0 %; 7, doubtful, 60.0 %"
    assert reading_sheet.said() == "Probably 4007. The 4th digit is doubtful: 7, 60.0 %, or perhaps 1."
    assert reading_sheet.page.locator("#model").inner_text() == SlicingReader.version
    assert not reading_sheet.page.locator("#shares").is_visible()


def test_a_digit_grows_into_a_number_and_back_without_a_switch(reading_sheet: Sheet) -> None:
    reading_sheet.draw(beside(SEVEN))
    reading_sheet.expect("sure", 7)
    reading_sheet.draw(beside(SEVEN, ONE)[1:])
    reading_sheet.expect("number")
    reading_sheet.page.keyboard.press("Control+z")

    reading_sheet.expect("sure", 7)
    assert not reading_sheet.page.locator("#number").is_visible()


def test_a_number_is_read_while_it_is_drawn(reading_sheet: Sheet) -> None:
    mouse = reading_sheet.page.mouse
    reading_sheet.draw(ONE)
    reading_sheet.expect_answer()
    mouse.move(*reading_sheet.place(250, 60))
    mouse.down()
    mouse.move(*reading_sheet.place(250, 230), steps=10)

    reading_sheet.page.wait_for_selector("#answer[data-mood=number][aria-busy=true]")


def test_clearing_takes_the_number_away(reading_sheet: Sheet) -> None:
    _draw_number(reading_sheet)
    reading_sheet.page.keyboard.press("Escape")
    reading_sheet.expect("blank")

    assert not reading_sheet.page.locator("#number").is_visible()
    assert reading_sheet.page.locator("#call").input_value() == ""


# --- what is posted ---


def test_the_whole_paper_is_posted_undistorted(reading_sheet: Sheet) -> None:
    _draw_number(reading_sheet)

    ink = ink_of(reading_sheet.posted[-1])
    box = reading_sheet.page.locator("#pad canvas").bounding_box()

    assert box
    assert box["width"] / box["height"] > 2
    assert ink.shape == (SIDE, round(SIDE * box["width"] / box["height"]))
    assert all(ink[int(y), int(x)] for stroke in NUMBER for x, y in stroke)
    assert reading_sheet.posted_to[-1].endswith("/api/v1/read")


@pytest.mark.parametrize("dx", [0, 200, 350])
def test_a_single_digit_is_posted_as_a_square_wherever_it_stands(reading_sheet: Sheet, dx: float) -> None:
    reading_sheet.draw([[(x + dx, y) for x, y in stroke] for stroke in SEVEN])
    reading_sheet.expect("sure", 7)

    ink = ink_of(reading_sheet.posted[-1])

    assert "/predict" in reading_sheet.posted_to[-1]
    assert ink.shape == (SIDE, SIDE)
    assert ink.any(axis=0).sum() == pytest.approx(139, abs=4)  # all of the seven, and the pen's width


def test_the_call_that_is_shown_reads_numbers(reading_sheet: Sheet) -> None:
    _draw_number(reading_sheet)

    assert "/api/v1/read" in reading_sheet.page.locator("#call").input_value()
    assert reading_sheet.page.locator("#save").get_attribute("href") == reading_sheet.posted[-1]
    assert reading_sheet.page.locator("#command").text_content() == "inkdigit read drawing.png"


def test_why_is_told_for_a_digit_at_the_far_end_of_the_pad(reading_sheet: Sheet) -> None:
    reading_sheet.draw([[(x + 300, y) for x, y in stroke] for stroke in SEVEN])
    reading_sheet.expect("sure", 7)
    reading_sheet.page.locator("#why").click()
    reading_sheet.page.wait_for_selector("#pad.is-tinted")

    coloured = reading_sheet.page.locator("#pad canvas").evaluate(
        """(canvas) => {
          const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
          return data.reduce((sum, red, i) => sum + (i % 4 === 0 && red > data[i + 2] + 60 ? 1 : 0), 0);
        }"""
    )

    assert coloured > 200


def test_a_pad_that_gets_narrower_shows_all_of_the_drawing(reading_sheet: Sheet) -> None:
    _draw_number(reading_sheet)
    before = ink_of(reading_sheet.posted[-1]).sum()

    reading_sheet.page.set_viewport_size({"width": 390, "height": 844})
    reading_sheet.draw([[(20, 20), (20.5, 20)]])
    reading_sheet.page.keyboard.press("Control+z")
    reading_sheet.expect("number")

    assert ink_of(reading_sheet.posted[-1]).sum() == pytest.approx(before, rel=0.01)


# --- without the reader ---


def _asked(sheet: Sheet) -> list[str]:
    return [url.rpartition("/")[2].partition("?")[0] for url in sheet.posted_to]


def test_a_reading_of_one_character_is_left_to_the_digit_model(reading_sheet: Sheet) -> None:
    reading_sheet.draw([[(60, 60), (400, 60), (160, 230)]])  # a seven as wide as two digits
    reading_sheet.expect_answer()

    assert _asked(reading_sheet)[-2:] == ["read", "predict"]
    assert ink_of(reading_sheet.posted[-1]).shape[0] == ink_of(reading_sheet.posted[-1]).shape[1]
    assert reading_sheet.page.locator("#shares").is_visible()


def test_what_stands_beside_a_digit_and_is_not_read_leaves_it_unsure(reading_sheet: Sheet) -> None:
    character = {"label": "7", "confidence": 0.93, "box": [0, 0, 9, 9], "doubtful": False, "alternatives": []}
    number = {"text": "7", "confidence": 0.93, "doubt": "", "box": [0, 0, 9, 9], "digits": [character]}
    reading_sheet.page.route(
        "**/api/v1/read", lambda route: route.fulfill(json={"numbers": [number], "model": "lines"})
    )
    reading_sheet.answer_with(label=7, confidence=0.999)
    reading_sheet.draw([*SEVEN, [(265, 136), (265, 238)]])
    reading_sheet.expect("unsure", 7)

    assert reading_sheet.said().replace("\u00a0", " ") == (
        "Unsure: a 7, with something beside it. 93.0 % for the 7; what stands beside it may not have been read."
    )


def test_a_server_without_the_reader_is_asked_for_numbers_once(sheet: Sheet) -> None:
    for strokes in (beside(SEVEN, SEVEN), beside(SEVEN, SEVEN, ONE)[2:]):
        sheet.draw(strokes)
        sheet.expect_answer()

    asked = _asked(sheet)
    assert asked.count("read") == 1
    assert asked[-1] == "predict"


def test_other_trouble_of_the_reader_is_told(reading_sheet: Sheet) -> None:
    problem = {"type": "internal-error", "title": "Failed", "status": 500, "detail": "The server met an error."}
    reading_sheet.page.route("**/api/v1/read", lambda route: route.fulfill(status=500, json=problem))
    reading_sheet.draw(NUMBER)

    reading_sheet.expect("problem")
    assert reading_sheet.said().startswith("Encountered an error. The server met an error.")


# --- doubt ---


def test_doubt_is_marked_by_more_than_colour(reading_sheet: Sheet) -> None:
    _draw_number(reading_sheet)
    cells = reading_sheet.page.locator("#number li")
    borders = cells.locator(":is(button, [role=img])").evaluate_all(
        "signs => signs.map((sign) => getComputedStyle(sign).borderBottomStyle)"
    )

    assert borders == ["solid", "solid", "solid", "dashed"]
    assert [text.startswith("?") for text in cells.all_inner_texts()] == [False, False, False, True]


@pytest.mark.parametrize("width", [1280, 320])
def test_a_point_is_as_high_as_a_digit_and_its_share_keeps_to_its_place(reading_sheet: Sheet, width: int) -> None:
    characters = [
        {"label": sign, "confidence": 0.999, "box": [40 * i, 0, 30, 60], "doubtful": False, "alternatives": []}
        for i, sign in enumerate("25.50")
    ]
    number = {"text": "25.50", "confidence": 0.99, "box": [0, 0, 190, 60], "digits": characters}
    reading_sheet.page.route(
        "**/api/v1/read", lambda route: route.fulfill(json={"numbers": [number], "model": "lines-1"})
    )
    reading_sheet.page.set_viewport_size({"width": width, "height": 700})
    reading_sheet.draw([[(x / 2, y) for x, y in stroke] for stroke in NUMBER])
    reading_sheet.expect("number")
    cells = reading_sheet.page.locator("#number li")
    heights = [box["height"] for sign in cells.locator("svg").all() if (box := sign.bounding_box())]
    ends = cells.evaluate_all(
        """cells => cells.map((cell) => {
          const range = document.createRange();
          range.selectNodeContents(cell.querySelector(".caption"));
          return range.getBoundingClientRect().right - cell.getBoundingClientRect().right;
        })"""
    )

    assert heights == pytest.approx([heights[0]] * 5, abs=1)
    assert max(ends) <= 0


@pytest.mark.parametrize("size", [(1280, 720), (640, 400), (320, 568)])
def test_shares_and_marks_keep_apart(reading_sheet: Sheet, size: tuple[int, int]) -> None:
    characters = [
        {"label": sign, "confidence": 0.622, "box": [40 * i, 0, 30, 60], "doubtful": i % 3 > 0, "alternatives": []}
        for i, sign in enumerate("888888")
    ]
    number = {"text": "888888", "confidence": 0.6, "box": [0, 0, 230, 60], "digits": characters}
    reading_sheet.page.route(
        "**/api/v1/read", lambda route: route.fulfill(json={"numbers": [number], "model": "lines-1"})
    )
    reading_sheet.page.set_viewport_size({"width": size[0], "height": size[1]})
    reading_sheet.draw([[(x / 2, y) for x, y in stroke] for stroke in NUMBER])
    reading_sheet.expect("number")
    widths = reading_sheet.page.locator("#number .caption").evaluate_all(
        """captions => captions.map((caption) => {
          const range = document.createRange();
          range.selectNodeContents(caption);
          return [range.getBoundingClientRect().width, caption.clientWidth];
        })"""
    )

    assert len(widths) == 6
    assert all(text < room - 4 for text, room in widths)


def test_lines_break_between_numbers_first(reading_sheet: Sheet) -> None:
    digits = [{"label": "8", "confidence": 0.99, "box": [10 * i, 0, 9, 20]} for i in range(7)]
    numbers = [{"confidence": 0.9, "box": [0, 40 * row, 70, 20], "digits": digits} for row in range(3)]
    reading_sheet.page.route("**/api/v1/read", lambda route: route.fulfill(json={"numbers": numbers, "model": "m"}))
    reading_sheet.page.set_viewport_size({"width": 320, "height": 700})
    reading_sheet.draw([[(x / 2, y / 2) for x, y in stroke] for stroke in NUMBER])
    reading_sheet.expect("number")
    places = reading_sheet.page.locator("#number button").evaluate_all(
        "buttons => buttons.map((one) => one.getBoundingClientRect()).map(({ top, left }) => [top, left])"
    )

    assert len(places) == 21
    assert [len({top for top, _ in places[7 * i : 7 * i + 7]}) for i in range(3)] == [1, 1, 1]
    assert len({top for top, _ in places}) == 3
    assert len({left for _, left in places[::7]}) == 1


def test_a_number_that_is_said_to_be_right_is_doubtful_no_more(reading_sheet: Sheet) -> None:
    _draw_number(reading_sheet)
    before = reading_sheet.said()
    right = reading_sheet.page.get_by_role("button", name="Right")
    right.click()
    said = (reading_sheet.said(), reading_sheet.number(), reading_sheet.page.locator("#number .is-doubtful").count())
    right.click()

    assert said == (
        "That is 4007, as you say. Not quite sure, 58.0 %.",
        "4, 99.0 %; 0, 99.0 %; 0, 99.0 %; 7, 60.0 %",
        0,
    )
    assert reading_sheet.said() == before
    assert reading_sheet.number().endswith("7, doubtful, 60.0 %")


def test_a_doubtful_digit_offers_what_else_it_may_be(reading_sheet: Sheet) -> None:
    _draw_number(reading_sheet)
    _open_doubt(reading_sheet)

    group = reading_sheet.page.get_by_role("group", name="What the 4th digit may be")
    names = [button.get_attribute("aria-label") or "" for button in group.get_by_role("button").all()]

    assert [name.replace("\u00a0", " ") for name in names] == ["7, 60.0 %", "1, 30.0 %", "nothing, 10.0 %"]
    assert group.get_by_role("button", pressed=True).count() == 1


@pytest.mark.parametrize(("place", "offered"), [(0, ["4, 99.0 %", "nothing"]), (1, ["0, 99.0 %", "point", "nothing"])])
def test_a_sure_digit_can_be_taken_away_by_touch_or_made_a_point_within_the_number(
    reading_sheet: Sheet, place: int, offered: list[str]
) -> None:
    _draw_number(reading_sheet)
    reading_sheet.page.locator("#number button").nth(place).click()
    names = [button.get_attribute("aria-label") or "" for button in reading_sheet.page.locator("#choices button").all()]
    reading_sheet.page.locator("#choices button").last.click()
    without = reading_sheet.said()
    reading_sheet.page.locator("#number button").nth(1).click()
    reading_sheet.page.locator("#choices").get_by_role("button", name="point").click()

    assert [name.replace("\u00a0", " ") for name in names] == offered
    assert without.startswith(("007" if place == 0 else "407") + ", as you chose.")
    assert ".07, as you chose." in reading_sheet.said()


def test_a_digit_that_is_looked_at_keeps_the_focus_when_a_stroke_is_taken_back(reading_sheet: Sheet) -> None:
    focused = "document.activeElement.closest('#number, #answer')?.id"
    reading_sheet.draw(beside(FOUR, ONE, ONE))
    reading_sheet.expect("number")
    reading_sheet.page.locator("#number button").last.focus()
    stays = []
    for _ in range(2):
        with reading_sheet.page.expect_response("**/api/v1/*"):
            reading_sheet.page.keyboard.press("Control+z")
        reading_sheet.page.wait_for_selector("#answer:not([aria-busy=true])")
        stays.append(reading_sheet.page.evaluate(focused))

    assert stays == ["number", "answer"]


def test_a_choice_changes_the_number(reading_sheet: Sheet) -> None:
    _draw_number(reading_sheet)
    posts = len(reading_sheet.posted)
    _open_doubt(reading_sheet)
    reading_sheet.page.get_by_role("button", name="1, 30.0 %").click()

    assert reading_sheet.said() == "4001, as you chose. Nothing in it is doubtful any more."
    assert reading_sheet.number().endswith("; 1, chosen by you")
    assert not reading_sheet.page.locator("#choices").is_visible()
    assert len(reading_sheet.posted) == posts


def test_a_choice_can_be_changed_again(reading_sheet: Sheet) -> None:
    _draw_number(reading_sheet)
    _open_doubt(reading_sheet)
    reading_sheet.page.get_by_role("button", name="nothing, 10.0 %").click()
    without = reading_sheet.said()
    reading_sheet.page.get_by_role("button", name="nothing, chosen by you").click()
    reading_sheet.page.get_by_role("button", name="7, 60.0 %").click()

    assert without.startswith("400, as you chose.")
    assert reading_sheet.said().startswith("4007, as you chose.")


def test_a_choice_is_made_by_keyboard_alone(reading_sheet: Sheet) -> None:
    _draw_number(reading_sheet)
    doubtful = reading_sheet.page.get_by_role("button", name="7, doubtful")
    doubtful.focus()
    for key in ("Enter", "Tab", "Tab", "Enter"):
        reading_sheet.page.keyboard.press(key)

    assert reading_sheet.said().startswith("4001, as you chose.")
    chosen = reading_sheet.page.get_by_role("button", name="1, chosen by you")
    assert chosen.evaluate("button => button === document.activeElement")


@pytest.mark.parametrize("focus", ["[aria-expanded=true]", "#share"])
def test_escape_closes_the_choices_and_keeps_the_drawing(reading_sheet: Sheet, focus: str) -> None:
    _draw_number(reading_sheet)
    _open_doubt(reading_sheet)
    opened = reading_sheet.page.locator("#choices").is_visible()
    reading_sheet.page.locator(focus).press("Escape")

    assert opened
    assert not reading_sheet.page.locator("#choices").is_visible()
    assert reading_sheet.page.locator("#answer").get_attribute("data-mood") == "number"


def test_drawing_on_forgets_the_choice(reading_sheet: Sheet) -> None:
    _draw_number(reading_sheet)
    _open_doubt(reading_sheet)
    reading_sheet.page.get_by_role("button", name="1, 30.0 %").click()
    reading_sheet.draw([[(586, 60), (586, 230)]])
    reading_sheet.page.wait_for_selector("#number li:nth-child(5)")

    assert "chosen" not in reading_sheet.number()


def test_an_older_reading_never_overwrites_a_newer_answer(reading_sheet: Sheet) -> None:
    held: list[Route] = []
    reading_sheet.page.route("**/api/v1/read", lambda route: held.append(route))
    reading_sheet.draw(beside(ONE, ONE))
    while not held:
        reading_sheet.page.wait_for_timeout(20)
    reading_sheet.page.keyboard.press("Control+z")
    reading_sheet.expect_answer()
    newest = reading_sheet.said()
    held[0].continue_()
    reading_sheet.page.wait_for_timeout(200)

    assert reading_sheet.said() == newest


@pytest.mark.parametrize("how", ["typed", "chosen"])
def test_a_number_is_left_alone_while_a_newer_drawing_is_read(reading_sheet: Sheet, how: str) -> None:
    held: list[Route] = []
    _draw_number(reading_sheet)
    _open_doubt(reading_sheet)
    reading_sheet.page.route("**/api/v1/read", lambda route: held.append(route))
    reading_sheet.draw([[(586, 60), (586, 230)]])
    reading_sheet.page.get_by_role("status").and_(reading_sheet.page.get_by_text("Reading the drawing.")).wait_for()
    disabled = reading_sheet.page.locator(".reading button[aria-disabled=false]").count() == 0
    if how == "typed":
        reading_sheet.page.locator("#number button").first.press("9")
    else:
        reading_sheet.page.get_by_role("button", name="1, 30.0 %").dispatch_event("click")
    while_waiting = (reading_sheet.said(), reading_sheet.number())
    held[-1].continue_()
    reading_sheet.page.wait_for_selector("#number li:nth-child(5)")
    reading_sheet.page.locator("#number button").first.press("9")

    assert disabled
    assert while_waiting[0] == "Reading the drawing."
    assert "chosen" not in while_waiting[1]
    assert reading_sheet.said().startswith("90074, as you chose.")


def test_what_a_number_asks_stays_while_it_is_read_again(reading_sheet: Sheet) -> None:
    held: list[Route] = []
    row = reading_sheet.page.locator("#correct")
    _draw_number(reading_sheet)
    before = row.inner_text()
    reading_sheet.page.route("**/api/v1/read", lambda route: held.append(route))
    reading_sheet.draw([[(586, 60), (586, 230)]])
    reading_sheet.page.get_by_role("status").and_(reading_sheet.page.get_by_text("Reading the drawing.")).wait_for()

    assert "Choose a digit to change it." in before
    assert row.inner_text() == before

"""The page learns a hand: what goes to the server, what comes along with the next pictures, and how to be rid of it."""

import json
from typing import TYPE_CHECKING, Any

import pytest
from tests.browser.sheet import FOUR, ONE, SEVEN, Sheet, beside

if TYPE_CHECKING:
    from playwright.sync_api import Route

ADAPT = "**/api/v1/adapt"
PREDICT = "**/api/v1/predict*"
LAYER = "a-layer"


class Teacher:
    """A server that makes layers, and a record of what it was sent."""

    def __init__(self, sheet: Sheet, *, used: bool = True, model: str = "digits-a") -> None:
        self.used, self.model = used, model
        self.lessons: list[list[Any]] = []
        self.layers: list[str | None] = []
        sheet.page.route(ADAPT, self._adapt)
        sheet.page.route(PREDICT, self._predict)

    def _adapt(self, route: "Route") -> None:
        self.lessons.append(json.loads(route.request.post_data or "")["drawings"])
        layer = f"{LAYER}-of-{self.model}"
        route.fulfill(json={"layer": layer, "used": self.used, "corrections": 1, "model": self.model})

    def _predict(self, route: "Route") -> None:
        layer = json.loads(route.request.post_data or "").get("layer")
        self.layers.append(layer)
        route.fulfill(
            json={
                "label": 7,
                "confidence": 0.97,
                "is_digit": True,
                "probabilities": [0.01] * 3 + [0] * 4 + [0.97] + [0] * 2,
                "model": self.model,
                "adapted": layer == f"{LAYER}-of-{self.model}",
            }
        )


def _correct(sheet: Sheet, key: str = "1") -> None:
    sheet.draw(SEVEN)
    sheet.expect("sure", 7)
    sheet.page.keyboard.press(key)


def _expect_line(sheet: Sheet, words: str) -> None:
    sheet.page.locator("#learned-said").get_by_text(words, exact=True).wait_for()


def _forget(sheet: Sheet) -> str:
    """What the button asks before the second tap."""
    forget = sheet.page.locator("#forget")
    forget.click()
    asked = forget.inner_text()
    forget.click()
    sheet.page.get_by_text("Forgotten: nothing of your hand is remembered.").wait_for()
    return asked


def _type_over(sheet: Sheet, place: int, key: str) -> None:
    sheet.page.locator("#number button").nth(place).focus()
    sheet.page.keyboard.press(key)


def _draw_again(sheet: Sheet) -> None:
    sheet.page.keyboard.press("Escape")
    sheet.expect("blank")
    sheet.draw(SEVEN)
    sheet.expect_answer()


def test_corrections_are_learned_from_at_once_and_used_from_then_on(sheet: Sheet) -> None:
    teacher = Teacher(sheet)
    _correct(sheet)
    _expect_line(sheet, "Learned from your 1 correction.")
    before = teacher.layers[-1]
    _draw_again(sheet)

    [[lesson]] = teacher.lessons
    assert lesson["label"] == 1
    assert len(lesson["strokes"][0]["points"]) > 2
    assert (before, teacher.layers[-1]) == (None, "a-layer-of-digits-a")
    assert "with what it learned from you" in sheet.said()
    assert '"layer":"a-layer-of-digits-a"' in sheet.page.locator("#call").input_value()


def test_right_answers_count_and_no_digits_do_not(sheet: Sheet) -> None:
    teacher = Teacher(sheet)
    _correct(sheet)
    _draw_again(sheet)
    sheet.page.keyboard.press("7")
    _expect_line(sheet, "Learned from your 1 correction and 1 right answer.")
    _draw_again(sheet)
    sheet.page.keyboard.press("n")

    assert [lesson["label"] for lesson in teacher.lessons[-1]] == [1, 7]
    assert len(teacher.lessons) == 2


def test_nothing_is_asked_for_or_remembered_without_a_word_of_the_writer(sheet: Sheet) -> None:
    teacher = Teacher(sheet)
    sheet.draw(SEVEN)
    sheet.expect("sure", 7)

    assert teacher.lessons == []
    assert sheet.page.evaluate("localStorage.length") == 0
    assert not sheet.page.locator("#learned").is_visible()


def test_it_can_be_switched_off_and_on(sheet: Sheet) -> None:
    teacher = Teacher(sheet)
    _correct(sheet)
    _expect_line(sheet, "Learned from your 1 correction.")
    sheet.page.get_by_role("button", name="Off", exact=True).click()
    _expect_line(sheet, "Your 1 correction is remembered, and not used.")
    _draw_again(sheet)
    off = teacher.layers[-1]
    with sheet.page.expect_request(PREDICT):
        sheet.page.get_by_role("button", name="Use them").click()
    sheet.expect("sure", 7)

    assert (off, teacher.layers[-1]) == (None, "a-layer-of-digits-a")


def test_it_is_forgotten_in_two_taps(sheet: Sheet) -> None:
    teacher = Teacher(sheet)
    _correct(sheet)
    _expect_line(sheet, "Learned from your 1 correction.")
    asked = _forget(sheet)
    focused = sheet.page.evaluate("document.activeElement.id")
    _draw_again(sheet)

    assert asked == "Forget it all?"
    assert focused == "notes-said"  # the button is gone
    assert teacher.layers[-1] is None
    assert sheet.page.evaluate("localStorage.length") == 0
    assert not sheet.page.locator("#learned").is_visible()


def test_what_was_said_of_a_drawing_is_forgotten_with_the_rest(sheet: Sheet) -> None:
    teacher = Teacher(sheet)
    _correct(sheet)
    _expect_line(sheet, "Learned from your 1 correction.")
    _forget(sheet)
    sheet.expect("sure", 7)
    said, pressed = sheet.said(), sheet.page.get_by_role("button", pressed=True).count()
    sheet.draw([[(20, 260), (60, 260)]])
    sheet.expect_answer()
    sheet.page.keyboard.press("Control+z")
    sheet.expect("sure", 7)

    assert (said, pressed) == ("That is a 7. Quite sure, 97.0 %.", 0)
    assert teacher.layers[-1] is None
    assert sheet.said() == said


def test_what_was_said_of_a_number_is_forgotten_and_not_learned_with_what_is_said_next(reading_sheet: Sheet) -> None:
    teacher = Teacher(reading_sheet)
    reading_sheet.draw(beside(FOUR, ONE))
    reading_sheet.expect("number")
    before = reading_sheet.number()
    _type_over(reading_sheet, 1, "1")
    _expect_line(reading_sheet, "Learned from your 1 correction.")
    with reading_sheet.page.expect_response("**/api/v1/read*"):
        _forget(reading_sheet)
    reading_sheet.page.wait_for_selector("#number:not(:has(.is-chosen))")
    after = reading_sheet.number()
    _type_over(reading_sheet, 0, "9")
    _expect_line(reading_sheet, "Learned from your 1 correction.")

    assert after == before
    assert [[lesson["label"] for lesson in lessons] for lessons in teacher.lessons] == [[1], [9]]


def test_it_is_remembered_on_this_device(sheet: Sheet) -> None:
    teacher = Teacher(sheet)
    _correct(sheet)
    _expect_line(sheet, "Learned from your 1 correction.")
    sheet.page.reload()
    _expect_line(sheet, "Learned from your 1 correction.")
    sheet.draw(SEVEN)
    sheet.expect("sure", 7)

    assert len(teacher.lessons) == 1
    assert teacher.layers[-1] == "a-layer-of-digits-a"


def test_what_does_not_help_is_said_and_not_used(sheet: Sheet) -> None:
    teacher = Teacher(sheet, used=False)
    _correct(sheet)
    _expect_line(sheet, "Your 1 correction does not yet make it read you better, so its answers stay as they are.")
    _draw_again(sheet)

    assert teacher.layers[-1] is None


def test_another_model_has_its_own_layer_made_from_the_drawings_of_this_device(sheet: Sheet) -> None:
    teacher = Teacher(sheet)
    _correct(sheet)
    _expect_line(sheet, "Learned from your 1 correction.")
    teacher.model = "digits-b"
    with sheet.page.expect_response(ADAPT):
        _draw_again(sheet)
    _expect_line(sheet, "Learned from your 1 correction.")
    _draw_again(sheet)

    assert [lesson[0]["label"] for lesson in teacher.lessons] == [1, 1]
    assert teacher.layers[-1] == "a-layer-of-digits-b"


def test_a_layer_that_the_server_refuses_does_not_keep_it_from_reading(sheet: Sheet) -> None:
    _correct(sheet)
    _expect_line(sheet, "Your 1 correction does not yet make it read you better, so its answers stay as they are.")
    learned = {"layer": "of-an-older-kind", "used": True, "model": sheet.page.locator("#model").inner_text()}
    sheet.page.evaluate("text => localStorage.setItem('inkdigit.learned', text)", json.dumps(learned))
    sheet.page.keyboard.press("Escape")
    sheet.expect("blank")
    sheet.draw(SEVEN)  # the real server is asked
    sheet.expect("sure", 7)

    # The layer was dropped, and another one is made.
    sheet.page.wait_for_function("!(localStorage['inkdigit.learned'] ?? '').includes('of-an-older-kind')")


def test_the_real_server_learns_from_strokes_and_one_example_alone_shows_nothing(sheet: Sheet) -> None:
    _correct(sheet)

    _expect_line(sheet, "Your 1 correction does not yet make it read you better, so its answers stay as they are.")
    assert (
        sheet.page.evaluate("JSON.parse(localStorage['inkdigit.learned']).model")
        == sheet.page.locator("#model").inner_text()
    )


def test_a_correction_that_is_taken_back_is_unlearned(sheet: Sheet) -> None:
    teacher = Teacher(sheet)
    sheet.draw(SEVEN)
    sheet.expect("sure", 7)
    for _ in range(2):
        sheet.page.get_by_role("button", name="It is a 1").click()

    sheet.page.wait_for_selector("#learned", state="hidden")
    assert sheet.page.evaluate("localStorage.length") == 0
    assert len(teacher.lessons) <= 1


@pytest.mark.parametrize(
    ("status", "words"),
    [
        (501, "Your 1 correction is remembered; this server cannot learn from it."),
        (503, "Your 1 correction is remembered; the server cannot learn from it just now."),
    ],
)
def test_a_server_that_cannot_learn_is_told_and_nothing_is_lost(sheet: Sheet, status: int, words: str) -> None:
    sheet.page.route(ADAPT, lambda route: route.fulfill(status=status, json={}))
    _correct(sheet)

    _expect_line(sheet, words)
    assert len(sheet.page.evaluate("JSON.parse(localStorage['inkdigit.examples'])")) == 1


def test_the_digits_of_a_drawn_number_are_learned_from_too(reading_sheet: Sheet) -> None:
    teacher = Teacher(reading_sheet)
    reading_sheet.draw(beside(FOUR, ONE))  # the reader of the tests takes them for 4 and 0
    reading_sheet.expect("number")
    _type_over(reading_sheet, 1, "1")
    _expect_line(reading_sheet, "Learned from your 1 correction.")
    reading_sheet.page.get_by_role("button", name="Right").click()
    _expect_line(reading_sheet, "Learned from your 1 correction and 1 right answer.")

    assert [[lesson["label"] for lesson in lessons] for lessons in teacher.lessons] == [[1], [4, 1]]
    assert [len(lesson["strokes"]) for lesson in teacher.lessons[-1]] == [2, 1]


def test_what_was_said_while_the_server_was_away_is_learned_with_the_next_number(reading_sheet: Sheet) -> None:
    reading_sheet.page.route(ADAPT, lambda route: route.abort())
    reading_sheet.draw(beside(FOUR, ONE))
    reading_sheet.expect("number")
    _type_over(reading_sheet, 1, "1")
    _expect_line(reading_sheet, "Your 1 correction is remembered; the server cannot learn from it just now.")
    reading_sheet.page.unroute(ADAPT)
    teacher = Teacher(reading_sheet)
    reading_sheet.draw([[(500, 60), (500, 230)]])  # a longer number; no digit is answered in between
    _expect_line(reading_sheet, "Learned from your 1 correction.")

    assert [[lesson["label"] for lesson in lessons] for lessons in teacher.lessons] == [[1]]


def test_what_another_tab_forgets_is_forgotten_here_too(sheet: Sheet) -> None:
    Teacher(sheet)
    _correct(sheet)
    _expect_line(sheet, "Learned from your 1 correction.")
    before = sheet.said()
    other = Sheet(sheet.page.context.new_page())
    other.page.goto(sheet.page.url)
    _forget(other)
    sheet.expect("sure", 7)

    assert before.startswith("That is a 1, as you say.")
    assert sheet.said() == "That is a 7. Quite sure, 97.0 %."


def _another_tab(sheet: Sheet) -> Sheet:
    other = Sheet(sheet.page.context.new_page())
    other.page.goto(sheet.page.url)
    return other


@pytest.mark.parametrize("keys", ["12", "11", "1n"])
def test_what_another_tab_says_anew_or_takes_back_leaves_this_one_alone(reading_sheet: Sheet, keys: str) -> None:
    reading_sheet.draw(beside(FOUR, ONE))
    reading_sheet.expect("number")
    _type_over(reading_sheet, 1, "Backspace")
    before = reading_sheet.said()
    other = _another_tab(reading_sheet)
    _correct(other, keys[0])
    if keys[1] == keys[0]:
        other.page.get_by_role("button", name="It is a 1").click()  # takes it back
    else:
        other.page.keyboard.press(keys[1])
    reading_sheet.page.wait_for_timeout(500)

    assert before == "4, as you chose. Nothing in it is doubtful."
    assert reading_sheet.said() == before


def test_what_another_tab_switches_off_is_not_used_here_either(sheet: Sheet) -> None:
    teacher = Teacher(sheet)
    _correct(sheet)
    _expect_line(sheet, "Learned from your 1 correction.")
    _draw_again(sheet)
    before = sheet.said()
    other = _another_tab(sheet)
    with sheet.page.expect_response(PREDICT):
        other.page.locator("#learned-switch").click()
    _expect_line(sheet, "Your 1 correction is remembered, and not used.")
    sheet.page.get_by_text("with what it learned from you").wait_for(state="hidden")

    assert before.endswith("with what it learned from you.")
    assert sheet.said() == "That is a 7. Quite sure, 97.0 %."
    assert teacher.layers[-1] is None

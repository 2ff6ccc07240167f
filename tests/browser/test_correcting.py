"""Saying what a drawing shows, giving it away with consent, and taking it back with the receipt."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from tests.browser.sheet import FOUR, ONE, SEVEN, Served, Sheet, beside, ink_of

from inkdigit.feedback import FeedbackStore, Kept

if TYPE_CHECKING:
    from playwright.sync_api import Request, Route

STATIC = Path(__file__).parents[2] / "src" / "inkdigit" / "server" / "static"
OpenSheet = Callable[..., Sheet]
PHONE = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True}
NUMBER = beside(FOUR, ONE, SEVEN)  # the reader of the tests takes them for 4, 0 and 0
FEEDBACK = "**/api/v1/feedback"
CONSENT = (
    "Keep this drawing to improve Inkdigit: strokes and picture, and a random number that stands for this browser; "
    "no address, no cookie."
)
UNAVAILABLE = {"type": "store-unavailable", "title": "No store", "status": 503, "detail": "It cannot be reached."}


def _draw_seven(sheet: Sheet) -> None:
    sheet.draw(SEVEN)
    sheet.expect("sure", 7)


def _say(sheet: Sheet, how: str) -> None:
    """By a key, by the name of a button, or by a place in a digit's column well above the digit."""
    if len(how) == 1:
        sheet.page.keyboard.press(how)
    elif how.startswith("column"):
        box = sheet.page.locator("#shares > li").nth(int(how[-1])).bounding_box()
        assert box
        sheet.page.mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    else:
        sheet.page.get_by_role("button", name=how, exact=True).click()


def _plain(text: str) -> str:
    return " ".join(text.split())


def _given(sheet: Sheet) -> list["Request"]:
    """What the page hands in, from now on."""
    found: list[Request] = []
    sheet.page.on("request", lambda request: found.append(request) if "/feedback" in request.url else None)
    return found


def _kept(database: Path) -> list[Kept]:
    with FeedbackStore.open(database) as store:
        return store.drawings()


def _expect_panel(sheet: Sheet, state: str) -> str:
    sheet.page.wait_for_selector(f'#keep[data-state="{state}"]', state="attached")
    return _plain(sheet.page.locator("#keep").inner_text())


# --- saying what it is ---


@pytest.mark.parametrize(
    ("how", "said"),
    [
        ("It is a 1", "That is a 1, as you say."),
        ("column 1", "That is a 1, as you say."),
        ("1", "That is a 1, as you say."),
        ("Right", "That is a 7, as you say."),
        ("7", "That is a 7, as you say."),
        ("Not a digit", "That is no digit, as you say."),
        ("n", "That is no digit, as you say."),
    ],
)
def test_an_answer_is_corrected_by_a_tap_or_a_key(sheet: Sheet, how: str, said: str) -> None:
    _draw_seven(sheet)
    _say(sheet, how)

    assert sheet.said().startswith(said)
    assert sheet.page.get_by_role("button", pressed=True).count() >= 1


def test_what_was_read_stays_on_the_page(sheet: Sheet) -> None:
    _draw_seven(sheet)
    _say(sheet, "1")

    assert "It was read as a 7, " in sheet.said()
    assert sheet.page.locator("#shares .is-first").inner_text().startswith("7")


def test_what_looked_like_no_digit_can_be_named(sheet: Sheet) -> None:
    sheet.answer_with(label=3, is_digit=False, confidence=0.4)
    sheet.draw(SEVEN)
    sheet.expect("none")
    _say(sheet, "7")

    assert sheet.said() == "That is a 7, as you say. It was taken for no digit."


def test_a_second_tap_takes_it_back(sheet: Sheet) -> None:
    _draw_seven(sheet)
    _say(sheet, "It is a 1")
    _say(sheet, "It is a 1")

    sheet.expect("sure", 7)
    assert sheet.said().startswith("That is a 7. ")
    assert sheet.page.get_by_role("button", pressed=True).count() == 0


def test_a_key_is_heard_while_the_answer_is_on_its_way(sheet: Sheet) -> None:
    held: list[Route] = []
    sheet.page.route("**/api/v1/predict*", lambda route: held.append(route))
    sheet.draw(SEVEN)
    sheet.page.keyboard.press("1")
    while not held:
        sheet.page.wait_for_timeout(20)
    sheet.page.wait_for_timeout(100)
    held[-1].continue_()
    sheet.expect("said")

    assert sheet.said().startswith("That is a 1, as you say. It was read as a 7, ")


def test_a_key_for_a_drawing_that_goes_on_is_not_meant_for_the_next_answer(sheet: Sheet) -> None:
    held: list[Route] = []
    sheet.page.route("**/api/v1/predict*", lambda route: held.append(route))
    sheet.draw(SEVEN)
    sheet.page.keyboard.press("1")
    sheet.page.unroute("**/api/v1/predict*")
    sheet.draw([[(110, 150), (170, 150)]])
    sheet.expect("sure", 7)

    assert sheet.said().startswith("That is a 7. ")


def test_a_digit_typed_into_a_text_field_or_with_ctrl_says_nothing(sheet: Sheet) -> None:
    _draw_seven(sheet)
    sheet.page.keyboard.press("Alt+1")
    sheet.page.locator("summary").click()
    sheet.page.locator("#call").press("1")
    sheet.page.locator("#call").press("n")

    assert sheet.said().startswith("That is a 7. ")


def test_what_was_said_of_a_drawing_comes_back_with_it(sheet: Sheet) -> None:
    _draw_seven(sheet)
    _say(sheet, "1")
    sheet.draw([[(20, 260), (60, 260)]])
    sheet.expect_answer()
    meanwhile = sheet.said()
    sheet.page.keyboard.press("Control+z")
    sheet.expect("said")

    assert "as you say" not in meanwhile
    assert sheet.said().startswith("That is a 1, as you say.")


def test_nothing_can_be_said_of_blank_paper(sheet: Sheet) -> None:
    sheet.page.keyboard.press("3")

    assert sheet.said().startswith("Draw a number.")
    assert not sheet.page.locator("#right").is_visible()


@pytest.mark.parametrize("options", [{}, PHONE], ids=["desktop", "phone"])
def test_nothing_jumps_while_one_draws(open_sheet: OpenSheet, options: dict[str, Any]) -> None:
    sheet = open_sheet(**options)
    parts = ("#pad", "#shares", ".shell")

    def places() -> list[object]:
        return [sheet.page.locator(part).bounding_box() for part in parts]

    blank = places()
    _draw_seven(sheet)

    assert places() == blank


# --- consent ---


def test_nothing_is_handed_in_without_consent(keeping_sheet: Sheet, database: Path) -> None:
    given = _given(keeping_sheet)
    _draw_seven(keeping_sheet)
    for how in ("1", "Not a digit", "Right"):
        _say(keeping_sheet, how)
    keeping_sheet.draw([[(20, 260), (60, 260)]])
    keeping_sheet.expect_answer()

    assert given == []
    assert not database.exists()


def test_consent_is_asked_in_a_sentence_each_time_and_nothing_is_ticked_beforehand(keeping_sheet: Sheet) -> None:
    _draw_seven(keeping_sheet)
    before = keeping_sheet.page.locator("#keep").is_visible()
    _say(keeping_sheet, "1")

    assert not before
    assert _expect_panel(keeping_sheet, "offer") == f"{CONSENT} Keep it"
    assert keeping_sheet.page.locator("#keep input").count() == 0
    assert keeping_sheet.page.locator("#keep-yes").get_attribute("aria-describedby") == "consent"


def test_a_given_drawing_is_kept_with_its_strokes_and_answered_with_a_receipt(
    keeping_sheet: Sheet, database: Path
) -> None:
    given = _given(keeping_sheet)
    _draw_seven(keeping_sheet)
    _say(keeping_sheet, "1")
    _say(keeping_sheet, "Keep it")
    panel = _expect_panel(keeping_sheet, "kept")

    [kept] = _kept(database)
    [request] = given
    body = json.loads(request.post_data or "")
    assert (kept.label, kept.predicted, kept.model) == (1, 7, keeping_sheet.page.locator("#model").inner_text())
    assert kept.strokes is not None
    assert [len(stroke.points) > 2 for stroke in kept.strokes] == [True]
    assert np.mean(ink_of(body["image"]) != ink_of(keeping_sheet.posted[-1])) < 0.002
    assert set(request.headers) >= {"idempotency-key"}
    assert "cookie" not in request.headers
    assert keeping_sheet.page.context.cookies() == []
    assert keeping_sheet.page.locator("#keep-receipt").inner_text() in panel


def test_a_kept_drawing_is_deleted_again(keeping_sheet: Sheet, database: Path) -> None:
    _draw_seven(keeping_sheet)
    _say(keeping_sheet, "1")
    _say(keeping_sheet, "Keep it")
    _expect_panel(keeping_sheet, "kept")
    before = len(_kept(database))
    _say(keeping_sheet, "Delete it again")
    panel = _expect_panel(keeping_sheet, "told")

    assert panel == "Deleted; the server keeps nothing of it."
    assert (before, _kept(database)) == (1, [])
    assert keeping_sheet.page.locator("#given").inner_text() == ""
    assert "writer" not in json.dumps(keeping_sheet.page.evaluate("({ ...localStorage })"))


def test_what_was_given_stands_until_it_is_deleted(keeping_sheet: Sheet) -> None:
    _draw_seven(keeping_sheet)
    _say(keeping_sheet, "1")
    _say(keeping_sheet, "Keep it")
    _expect_panel(keeping_sheet, "kept")
    _say(keeping_sheet, "4")
    while_kept = keeping_sheet.said()
    _say(keeping_sheet, "Delete it again")
    _expect_panel(keeping_sheet, "told")
    _say(keeping_sheet, "4")

    assert while_kept.startswith("That is a 1, as you say.")
    assert keeping_sheet.said().startswith("That is a 4, as you say.")
    assert _expect_panel(keeping_sheet, "offer").startswith("Keep this drawing")


def test_receipts_are_remembered_on_this_device_to_copy_and_to_delete_by(
    open_sheet: OpenSheet, keeping_server: Served, database: Path
) -> None:
    sheet = open_sheet(keeping_server.url, permissions=["clipboard-read", "clipboard-write"])
    _draw_seven(sheet)
    _say(sheet, "1")
    _say(sheet, "Keep it")
    _expect_panel(sheet, "kept")
    receipt = sheet.page.locator("#keep-receipt").inner_text()
    sheet.page.reload()
    sheet.page.get_by_text("Drawings you gave: 1").click()
    sheet.page.get_by_role("button", name="Copy receipt: A 1").click()
    sheet.page.get_by_text("Receipt copied.").wait_for()
    copied = sheet.page.evaluate("navigator.clipboard.readText()")
    sheet.page.get_by_role("button", name="Delete: A 1").click()
    sheet.page.get_by_text("Deleted; the server keeps nothing of it.").wait_for()

    assert copied == receipt
    assert _kept(database) == []
    assert sheet.page.locator("#given").inner_text() == ""
    assert sheet.page.evaluate("document.activeElement.id") == "notes-said"  # the button is gone


def test_what_was_given_stands_when_the_rest_is_forgotten(keeping_sheet: Sheet, database: Path) -> None:
    keeping_sheet.draw(NUMBER)
    keeping_sheet.expect("number")
    keeping_sheet.page.locator("#number button").first.focus()
    for key in ("9", "1"):
        keeping_sheet.page.keyboard.press(key)
    _say(keeping_sheet, "Keep them")
    _expect_panel(keeping_sheet, "kept")
    keeping_sheet.page.locator("#number button").nth(2).focus()
    keeping_sheet.page.keyboard.press("7")
    with keeping_sheet.page.expect_response("**/api/v1/read*"):
        for _ in range(2):
            keeping_sheet.page.locator("#forget").click()
    keeping_sheet.page.wait_for_selector("#number li:nth-child(3):not(.is-chosen)")
    names = [name.partition(",")[0] for name in keeping_sheet.number().split("; ")]
    panel = _expect_panel(keeping_sheet, "kept")

    assert (names[:2], names[2] == "7") == (["9", "1"], False)
    assert keeping_sheet.number().count("given away") == 2
    assert panel.startswith("Kept. With these receipts they can be deleted again:")
    assert len(_kept(database)) == 2


def test_what_the_list_does_is_told_under_the_answer_and_can_be_said_and_given_anew(keeping_sheet: Sheet) -> None:
    page = keeping_sheet.page
    page.route(FEEDBACK, _cut_off)
    _draw_seven(keeping_sheet)
    _say(keeping_sheet, "1")
    _say(keeping_sheet, "Keep it")
    _expect_panel(keeping_sheet, "waiting")
    page.get_by_text("Drawings you gave: 1").click()
    page.get_by_role("button", name="Discard: A 1").click()
    discarded = _expect_panel(keeping_sheet, "told")
    page.unroute(FEEDBACK)
    _say(keeping_sheet, "4")
    _say(keeping_sheet, "Keep it")
    _expect_panel(keeping_sheet, "kept")
    page.get_by_text("Drawings you gave: 1").click()
    page.get_by_role("button", name="Delete: A 4").click()
    deleted = _expect_panel(keeping_sheet, "told")
    _say(keeping_sheet, "3")

    assert discarded == "Not sent, and nothing is kept."
    assert deleted == "Deleted; the server keeps nothing of it."
    assert keeping_sheet.said().startswith("That is a 3, as you say.")
    assert _expect_panel(keeping_sheet, "offer").startswith("Keep this drawing")


def test_the_receipt_comes_back_with_the_drawing_until_another_tab_deletes_it(keeping_sheet: Sheet) -> None:
    page = keeping_sheet.page
    _draw_seven(keeping_sheet)
    _say(keeping_sheet, "1")
    _say(keeping_sheet, "Keep it")
    receipt = _expect_panel(keeping_sheet, "kept")
    for key, mood in (("Escape", "blank"), ("Control+z", "said")):
        page.keyboard.press(key)
        keeping_sheet.expect(mood)
    again = _expect_panel(keeping_sheet, "kept")
    with page.context.new_page() as another:
        another.goto(page.url)
        another.get_by_text("Drawings you gave: 1").click()
        another.get_by_role("button", name="Delete: A 1").click()
        deleted = _expect_panel(keeping_sheet, "told")
    _say(keeping_sheet, "4")

    assert again == receipt
    assert deleted == "Deleted; the server keeps nothing of it."
    assert keeping_sheet.said().startswith("That is a 4, as you say.")


def test_all_of_it_works_by_keyboard_alone(keeping_sheet: Sheet, database: Path) -> None:
    keyboard = keeping_sheet.page.keyboard
    _draw_seven(keeping_sheet)
    keyboard.press("1")
    keeping_sheet.page.locator("#keep-yes").focus()
    keyboard.press("Enter")
    _expect_panel(keeping_sheet, "kept")
    for key in ("Tab", "Enter"):
        keyboard.press(key)
    _expect_panel(keeping_sheet, "told")

    assert keeping_sheet.page.locator("#keep").evaluate("panel => panel === document.activeElement")
    assert _kept(database) == []


# --- when it cannot be kept ---


def test_a_server_that_keeps_no_drawings_is_said_so_and_not_offered_another(sheet: Sheet) -> None:
    problem = {"type": "missing-store", "title": "None", "status": 501, "detail": "This server keeps no drawings."}
    sheet.page.route(FEEDBACK, lambda route: route.fulfill(status=501, json=problem))
    _draw_seven(sheet)
    _say(sheet, "1")
    _say(sheet, "Keep it")
    panel = _expect_panel(sheet, "told")
    _say(sheet, "4")

    assert panel == "Not kept. This server keeps no drawings."
    assert not sheet.page.locator("#keep").is_visible()


def _cut_off(route: "Route") -> None:
    route.abort()


def _unavailable(route: "Route") -> None:
    route.fulfill(status=503, json=UNAVAILABLE)


@pytest.mark.parametrize("trouble", [_cut_off, _unavailable])
def test_what_cannot_be_sent_waits_and_is_sent_once(
    keeping_sheet: Sheet, database: Path, trouble: Callable[["Route"], None]
) -> None:
    given = _given(keeping_sheet)
    keeping_sheet.page.route(FEEDBACK, trouble)
    _draw_seven(keeping_sheet)
    _say(keeping_sheet, "1")
    _say(keeping_sheet, "Keep it")
    panel = _expect_panel(keeping_sheet, "waiting")
    listed = keeping_sheet.page.locator("#given").inner_text()
    keeping_sheet.page.unroute(FEEDBACK)
    _say(keeping_sheet, "Send it now")
    _expect_panel(keeping_sheet, "kept")

    assert "Nothing is lost: it waits on this device" in panel
    assert "Drawings you gave: 1" in listed
    assert len({request.headers["idempotency-key"] for request in given}) == 1
    assert [kept.label for kept in _kept(database)] == [1]


def test_what_waits_is_sent_when_the_page_is_opened_again(keeping_sheet: Sheet, database: Path) -> None:
    keeping_sheet.page.route(FEEDBACK, _cut_off)
    _draw_seven(keeping_sheet)
    _say(keeping_sheet, "1")
    _say(keeping_sheet, "Keep it")
    _expect_panel(keeping_sheet, "waiting")
    keeping_sheet.page.unroute(FEEDBACK)
    keeping_sheet.page.reload()
    keeping_sheet.page.get_by_text("Drawings you gave: 1").click()
    keeping_sheet.page.get_by_role("button", name="Delete: A 1").wait_for()

    assert [kept.label for kept in _kept(database)] == [1]


def test_who_thinks_better_of_it_before_it_is_sent_sends_nothing(keeping_sheet: Sheet, database: Path) -> None:
    keeping_sheet.page.route(FEEDBACK, _cut_off)
    _draw_seven(keeping_sheet)
    _say(keeping_sheet, "1")
    _say(keeping_sheet, "Keep it")
    _expect_panel(keeping_sheet, "waiting")
    keeping_sheet.page.unroute(FEEDBACK)
    _say(keeping_sheet, "Do not send it")

    assert _expect_panel(keeping_sheet, "told") == "Not sent, and nothing is kept."
    assert keeping_sheet.page.locator("#given").inner_text() == ""
    assert not database.exists()


# --- numbers ---


def test_any_digit_of_a_number_offers_all_ten_and_to_leave_it_out(keeping_sheet: Sheet) -> None:
    keeping_sheet.draw(NUMBER)
    keeping_sheet.expect("number")
    keeping_sheet.page.get_by_role("button", name="4, 99.0").click()
    groups = keeping_sheet.page.locator(".choices").get_by_role("button")

    offered = sorted(_plain(text) for text in groups.all_inner_texts())
    assert [text[0] for text in offered if text[0].isdigit()] == list("0123456789")
    assert [text for text in offered if not text[0].isdigit()] == ["nothing"]
    groups.get_by_text("9", exact=True).click()
    assert keeping_sheet.said().startswith("900, as you chose.")


def test_a_number_is_typed_over_digit_by_digit(keeping_sheet: Sheet) -> None:
    keeping_sheet.draw(NUMBER)
    keeping_sheet.expect("number")
    keeping_sheet.page.locator("#number button").first.focus()
    for key in ("4", "1", "7"):
        keeping_sheet.page.keyboard.press(key)
    typed = keeping_sheet.said()
    keeping_sheet.page.keyboard.press("Backspace")

    assert typed.startswith("417, as you chose.")
    assert keeping_sheet.said().startswith("41, as you chose.")


def test_where_the_browser_stores_nothing_it_says_so(keeping_sheet: Sheet) -> None:
    page = keeping_sheet.page
    page.add_init_script("Storage.prototype.setItem = () => { throw new DOMException('full', 'QuotaExceededError'); }")
    page.reload()
    _draw_seven(keeping_sheet)
    _say(keeping_sheet, "1")
    _say(keeping_sheet, "Keep it")
    kept = _expect_panel(keeping_sheet, "kept")

    assert "This browser remembers nothing after the page is closed; copy the receipt." in kept
    assert "remembers nothing" in page.locator("#learned-said").inner_text()


def test_a_drawing_that_no_server_takes_is_told_before_it_is_sent(keeping_sheet: Sheet) -> None:
    page = keeping_sheet.page
    strokes = (STATIC / "strokes.js").read_text(encoding="utf-8").replace("strokes: 500", "strokes: 1")
    page.route("**/strokes.js*", lambda route: route.fulfill(body=strokes, content_type="text/javascript"))
    page.reload()
    keeping_sheet.draw(FOUR)
    keeping_sheet.expect("sure", 4)
    page.keyboard.press("4")
    page.locator("#keep-yes").click()
    page.get_by_text("Not kept: a drawing has 1 to 1 strokes.").wait_for()

    assert not any(url.endswith("/feedback") for url in keeping_sheet.requested)


def test_a_key_that_is_held_replaces_one_digit(keeping_sheet: Sheet) -> None:
    keeping_sheet.draw(NUMBER)
    keeping_sheet.expect("number")
    keeping_sheet.page.locator("#number button").first.focus()
    for _ in range(3):
        keeping_sheet.page.keyboard.down("9")
    keeping_sheet.page.keyboard.up("9")

    assert keeping_sheet.said().startswith("900, as you chose.")


def test_what_was_said_of_a_number_comes_back_when_it_is_read_again(keeping_sheet: Sheet) -> None:
    keeping_sheet.draw(NUMBER)
    keeping_sheet.expect("number")
    keeping_sheet.page.locator("#number button").first.focus()
    keeping_sheet.page.keyboard.press("9")
    said = []
    for steps in (["Why"], ["Clear", "Undo"]):
        with keeping_sheet.page.expect_response("**/api/v1/read"):
            for name in steps:
                keeping_sheet.page.locator(f"#{name.lower()}").click()
        keeping_sheet.expect("number")
        said.append((keeping_sheet.said()[:4], keeping_sheet.number()[:16], _expect_panel(keeping_sheet, "offer")[:15]))

    assert said == [("900,", "9, chosen by you", "Keep this digit")] * 2


def test_the_corrected_digits_of_a_number_are_given_one_by_one(keeping_sheet: Sheet, database: Path) -> None:
    keeping_sheet.draw(NUMBER)
    keeping_sheet.expect("number")
    keeping_sheet.page.locator("#number button").nth(1).focus()
    for key in ("1", "7"):
        keeping_sheet.page.keyboard.press(key)
    offer = _expect_panel(keeping_sheet, "offer")
    _say(keeping_sheet, "Keep them")
    _expect_panel(keeping_sheet, "kept")

    kept = _kept(database)
    assert offer.startswith("Keep these 2 digits to improve Inkdigit")
    assert sorted((drawing.label, drawing.predicted) for drawing in kept) == [(1, 0), (7, 0)]
    assert [len(drawing.strokes or ()) for drawing in kept] == [1, 1]


def test_the_given_digits_of_a_number_stand_until_they_are_deleted(keeping_sheet: Sheet, database: Path) -> None:
    def type_over(*keys: str) -> str:
        keeping_sheet.page.locator("#number button").first.focus()
        for key in keys:
            keeping_sheet.page.keyboard.press(key)
        return keeping_sheet.said()[:4]

    keeping_sheet.draw(NUMBER)
    keeping_sheet.expect("number")
    first = keeping_sheet.page.locator("#number button").first
    type_over("9", "1")
    _say(keeping_sheet, "Keep them")
    panel = _expect_panel(keeping_sheet, "kept")
    name = keeping_sheet.number().partition(";")[0]
    first.press("Enter")
    why = (first.get_attribute("aria-disabled"), keeping_sheet.page.locator("#choices").inner_text())
    while_kept = type_over("3", "3", "7")
    _say(keeping_sheet, "Keep it")
    _expect_panel(keeping_sheet, "kept")
    labels = sorted(drawing.label or 0 for drawing in _kept(database))
    _say(keeping_sheet, "Delete them again")
    deleted = _expect_panel(keeping_sheet, "told")

    assert panel.startswith("Kept. With these receipts they can be deleted again:")
    assert why == ("true", "The 1st digit was given away like this, and stands until that is taken back.")
    assert first.get_attribute("aria-disabled") == "false"
    assert (name, while_kept, labels) == ("9, chosen by you, given away", "917,", [1, 7, 9])
    assert (deleted, _kept(database)) == ("Deleted; the server keeps nothing of them.", [])
    assert type_over("3") == "317,"

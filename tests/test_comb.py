import numpy as np
import pytest
from tests.conftest import FakeReader, number
from tests.pages import Colour, Photo, Sheet, encoded

from inkdigit import BlankImageError, Reader
from inkdigit.comb import closed_up
from inkdigit.fields import Template, read_form
from inkdigit.image import Page, read_page
from inkdigit.number import Box

GREY: Colour = (150, 150, 150)
PITCH, HEIGHT, LEFT, TOP = 72, 96, 60, 50  # of the boxes; 1.6 heights of a digit apart
SHOWN = {
    "as it is": Photo(),
    "a scan": Photo(noise=5, blur=0.6),
    "a crooked scan": Photo(angle=0.3, noise=5, blur=0.6),
}


def in_boxes(text: str, boxes: int = 8, ink: Colour | None = GREY, aside: float = 0.0, rows: int = 1) -> Sheet:
    """Rows of boxes, with a character or nothing (a blank) in each."""
    sheet = Sheet(2 * LEFT + boxes * PITCH, 2 * TOP + rows * 2 * HEIGHT)
    for row in range(rows):
        top = TOP + 2 * HEIGHT * row
        for place in range(boxes if ink else 0):
            sheet.box(LEFT + place * PITCH, top, PITCH, HEIGHT, 2, ink or GREY)
        for place, character in enumerate(text):
            if character.strip():
                sheet.write(character, LEFT + place * PITCH + 19 + aside, top + 25, 45, 4)
    return sheet


def place_of(sheet: Sheet, photo: Photo = SHOWN["a scan"], margin: int = 8, boxes: int = 8) -> Page:
    """The row as a template cuts it: so much wider than the boxes on each side, or narrower."""
    page = read_page(encoded(photo.of(sheet)[0]))
    return page[TOP - margin : TOP + HEIGHT + margin, LEFT - margin : LEFT + boxes * PITCH + margin]


@pytest.mark.parametrize("margin", [-8, 0, 10])
@pytest.mark.parametrize("photo", SHOWN.values(), ids=SHOWN.keys())
@pytest.mark.parametrize("text", ["20451683", "11111111", "407", "7"])
def test_what_stands_in_boxes_is_one_number(text: str, photo: Photo, margin: int) -> None:
    row = closed_up(place_of(in_boxes(text), photo, margin), 8)

    assert [number.text for number in Reader.load().read(row.page)] == [text]


@pytest.mark.parametrize("margin", [-8, 0, 10])
@pytest.mark.parametrize("photo", SHOWN.values(), ids=SHOWN.keys())
def test_of_empty_boxes_nothing_is_left(photo: Photo, margin: int) -> None:
    with pytest.raises(BlankImageError, match="nothing is written in the boxes"):
        closed_up(place_of(in_boxes(""), photo, margin), 8)


@pytest.mark.parametrize("aside", [-22, 22])
def test_a_digit_that_juts_out_of_its_box_stays_whole_and_in_its_place(aside: int) -> None:
    row = closed_up(place_of(in_boxes("20406083", aside=aside)), 8)

    assert [number.text for number in Reader.load().read(row.page)] == ["20406083"]


def test_boxes_of_a_colour_that_dropped_out_are_even() -> None:
    row = closed_up(place_of(in_boxes("20451683", ink=None)), 8)

    assert len(row.pieces) == 8


def test_an_empty_box_between_two_numbers_parts_them() -> None:
    row = closed_up(place_of(in_boxes("204 1683")), 8)

    assert [number.text for number in Reader.load().read(row.page)] == ["204", "1683"]


def test_boxes_lead_back_to_where_the_characters_stand() -> None:
    place = place_of(in_boxes("2045  83"), margin=0)
    row = closed_up(place, 8)

    for (start, stop, _), box in zip(row.pieces, (0, 1, 2, 3, 6, 7), strict=True):
        there = row.place(Box(start, 20, stop - start, 60))
        middle = there.x + there.width / 2
        assert box * PITCH < middle < (box + 1) * PITCH
        assert (there.y, there.height) == (20, 60)
        inside = place[:, there.x : there.x + there.width]
        assert np.count_nonzero(inside[10:-10] < 100) > 100
    whole = row.place(Box(0, 0, row.page.shape[1], 10))
    assert 0 <= whole.x < PITCH
    assert 7 * PITCH < whole.x + whole.width <= 8 * PITCH


@pytest.mark.parametrize("gap", [8, 24])
@pytest.mark.parametrize("text", ["20451683", ""])
def test_boxes_may_stand_apart(text: str, gap: int) -> None:
    sheet = Sheet(2 * LEFT + 8 * (PITCH + gap), 2 * TOP + HEIGHT)
    for place in range(8):
        sheet.box(LEFT + place * (PITCH + gap), TOP, PITCH, HEIGHT, 2, GREY)
    for place, character in enumerate(text):
        sheet.write(character, LEFT + place * (PITCH + gap) + 19, TOP + 25, 45, 4)
    page = read_page(encoded(SHOWN["a scan"].of(sheet)[0]))
    place_on_page = page[TOP - 8 : TOP + HEIGHT + 8, LEFT - 8 : LEFT + 8 * PITCH + 7 * gap + 8]

    if not text:
        with pytest.raises(BlankImageError):
            closed_up(place_on_page, 8)
        return
    assert [number.text for number in Reader.load().read(closed_up(place_on_page, 8).page)] == [text]


def test_a_single_box_holds_a_single_digit() -> None:
    row = closed_up(place_of(in_boxes("4", boxes=1), boxes=1), 1)

    assert [number.text for number in Reader.load().read(row.page)] == ["4"]


def test_a_field_of_boxes_is_read_as_one_number_that_keeps_to_its_expectation_and_lies_where_it_stood() -> None:
    sheet = in_boxes("20451683", rows=2)
    for row in sheet.written[8:]:
        sheet.brush.rectangle(
            (2 * row.left - 8, 2 * row.top - 8, 2 * row.right + 8, 2 * row.bottom + 8), fill=sheet.paper
        )
    fields = "".join(
        f"[fields.{name}]\nbox = [{LEFT - 5}, {TOP - 5 + 2 * HEIGHT * row}, {8 * PITCH + 10}, {HEIGHT + 10}]\n"
        "boxes = 8\nexpect = 'length=8'\n"
        for row, name in enumerate(("filled", "empty"))
    )
    template = Template.parse(f"size = [{sheet.width}, {sheet.height}]\n{fields}")

    filled, empty = read_form(read_page(encoded(SHOWN["a scan"].of(sheet)[0])), template, Reader.load())

    assert (filled.text, filled.error) == ("20451683", None)
    assert (empty.text, empty.error) == ("", None)
    [read] = filled.numbers
    for character, written in zip(read.characters, sheet.written[:8], strict=True):
        middle = character.box.x + character.box.width / 2, character.box.y + character.box.height / 2
        assert written.left < middle[0] < written.right
        assert written.top < middle[1] < written.bottom


def test_without_boxes_a_field_is_read_as_it_is() -> None:
    page = place_of(in_boxes("2045"))
    template = Template.parse("fields.a.box = [0, 0, 1, 1]")

    [entry] = read_form(page, template, FakeReader(numbers=[number("2045", x=3, y=5)]))

    assert entry.numbers[0].box == number("2045", x=3, y=5).box

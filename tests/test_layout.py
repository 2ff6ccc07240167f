"""page -> lines: every number is found where it stands, in order, and as ink that shows it and nothing else."""

import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image, ImageDraw
from tests.pages import BLACK, BLUE, GREEN, PENCIL, RED, Colour, Photo, Sheet, encoded

from inkdigit.errors import BlankImageError, MissingExtraError
from inkdigit.image import Page, read_page
from inkdigit.layout import MAX_LINES, Line, _Marked, _upright, find_lines
from inkdigit.number import Box
from inkdigit.paper import sheet_of

DEV_DATA = Path(__file__).parents[2] / "shared" / "data"
needs_dev_data = pytest.mark.skipif(not DEV_DATA.is_dir(), reason="the development drawings are not on this machine")

WHITE: Colour = (255, 255, 255)
PLAIN = Photo()
TEXTS = (("407", "12"), ("-3", "8.50"), ("996", "1,2"))
Edges = tuple[float, float, float, float]  # left, top, right, bottom


def rows(sheet: Sheet, x: int = 40, y: int = 50, apart: tuple[int, int] = (280, 90), height: int = 36) -> Sheet:
    """Three rows of two numbers."""
    for row, texts in enumerate(TEXTS):
        for column, text in enumerate(texts):
            sheet.write(text, x + column * apart[0], y + row * apart[1], height)
    return sheet


def boxed(sheet: Sheet, width: int, height: int) -> Sheet:
    """A table of three rows and two columns, whose upper left corner is at 20, 20."""
    for row in range(3):
        for column in range(2):
            sheet.box(20 + column * width, 20 + row * height, width, height)
    return sheet


def page_of(sheet: Sheet) -> Page:
    return read_page(encoded(sheet.picture()))


def ink_box(line: Line) -> Box:
    """The box on the page round what is ink in the strip."""
    ys, xs = np.nonzero(line.ink > 100)
    return line.place(xs.min(), ys.min(), xs.max() + 1, ys.max() + 1)


def edges(box: Box) -> Edges:
    return box.x, box.y, box.x + box.width, box.y + box.height


def overlap(one: Edges, other: Edges) -> float:
    """The share that two rectangles have in common of what they cover together."""
    wide = min(one[2], other[2]) - max(one[0], other[0])
    high = min(one[3], other[3]) - max(one[1], other[1])
    both = max(wide, 0) * max(high, 0)
    areas = [(right - left) * (bottom - top) for left, top, right, bottom in (one, other)]
    return both / (sum(areas) - both)


def overlaps(sheet: Sheet, photo: Photo = PLAIN) -> list[float]:
    """How well each line lies on the number that was written there, in order; empty where their counts differ."""
    picture, corners = photo.of(sheet)
    lines = find_lines(read_page(encoded(picture)))
    wanted = [(*corner.min(axis=0), *corner.max(axis=0)) for corner in corners]
    return [overlap(edges(ink_box(line)), want) for line, want in zip(lines, wanted, strict=False)] * (
        len(lines) == len(wanted)
    )


PAGES: dict[str, Callable[[], tuple[Sheet, Photo]]] = {
    "plain": lambda: (rows(Sheet(560, 340)), PLAIN),
    "close rows": lambda: (rows(Sheet(560, 240), apart=(280, 50)), PLAIN),
    "uneven light": lambda: (rows(Sheet(560, 340)), Photo(shade=0.7, noise=4)),
    "a hand's shadow": lambda: (rows(Sheet(560, 340)), Photo(shade=0.3, shadow=True, noise=4, blur=0.7)),
    "a photo as JPEG": lambda: (rows(Sheet(560, 340)), Photo(shade=0.3, noise=3, quality=60)),
    "dust": lambda: (rows(Sheet(560, 340).dust(40, size=1.5)), Photo(noise=3)),
    "ruled": lambda: (rows(Sheet(560, 340).ruled(45)), Photo(noise=3)),
    "ruled in black": lambda: (rows(Sheet(560, 340).ruled(45, ink=BLACK)), Photo(noise=3)),
    "ruled and turned": lambda: (rows(Sheet(560, 340).ruled(45)), Photo(angle=8, noise=3, blur=0.6)),
    "squared": lambda: (rows(Sheet(560, 340).ruled(36, squared=True)), Photo(noise=3)),
    "squared in grey": lambda: (rows(Sheet(560, 340).ruled(36, squared=True, ink=(80, 80, 90))), Photo(noise=3)),
    "a table": lambda: (rows(boxed(Sheet(600, 320), 280, 90)), Photo(noise=3)),
    "a table of small cells": lambda: (rows(boxed(Sheet(420, 320), 190, 90), apart=(190, 90)), Photo(noise=3)),
    "a turned table": lambda: (rows(boxed(Sheet(600, 320), 280, 90)), Photo(angle=-12, noise=3)),
    "a box and a line to write on": lambda: (
        Sheet(600, 340).box(100, 40, 400, 80).write("4007", 130, 60).line(100, 250, 500, 250).write("3.5", 200, 205),
        Photo(noise=2),
    ),
    "a wide gap": lambda: (Sheet(560, 120).write("407", 40, 40, 40).write("329", 40 + 3 * 38 + 64, 40, 40), PLAIN),
    "a slanted line": lambda: (Sheet(600, 300).write("400731", 60, 180, 50, slope=10), PLAIN),
}  # fmt: skip


@pytest.mark.parametrize("case", PAGES)
def test_every_number_is_found_where_it_stands_and_in_order(case: str) -> None:
    sheet, photo = PAGES[case]()

    found = overlaps(sheet, photo)

    assert len(found) == len(sheet.written)
    assert min(found) > 0.6


@pytest.mark.parametrize("blank", [2, 3, 6])
@pytest.mark.parametrize("count", [2, 12])
def test_rows_are_lines_of_their_own_however_little_paper_is_between_them(count: int, blank: int) -> None:
    sheet = Sheet(560, 80 + count * 46)
    for row in range(count):
        sheet.write("8470", 40, 40 + row * (42 + blank), 38, 4).write("3526", 320, 40 + row * (42 + blank), 38, 4)

    found = overlaps(sheet)

    assert [share > 0.8 for share in found] == [True] * 2 * count


@pytest.mark.parametrize("texts", [("3",), ("7",), ("4071",), ("308", "6952")])
@pytest.mark.parametrize("every", [1, 2])
def test_digits_that_are_broken_in_the_middle_are_whole_in_their_line(every: int, texts: tuple[str, ...]) -> None:
    sheet = Sheet(400, 120 + 120 * len(texts), WHITE)
    for row, text in enumerate(texts):
        y = 60 + 120 * row
        sheet.write(text, 60, y, 50, 5)
        for place in range(0, len(text), every):
            sheet.line(58 + 47.5 * place, y + 27, 105 + 47.5 * place, y + 27, 2, WHITE)

    assert [share > 0.8 for share in overlaps(sheet)] == [True] * len(texts)


@pytest.mark.parametrize("angle", [-15, -5, -1, 2, 9, 15])
def test_a_page_may_be_turned(angle: float) -> None:
    found = overlaps(rows(Sheet(560, 340)), Photo(angle=angle, noise=2))

    assert len(found) == 6
    assert min(found) > 0.6


@pytest.mark.parametrize("ink", [BLACK, BLUE, RED, GREEN, PENCIL])
def test_pens_of_all_colours_and_pencils_become_full_ink(ink: Colour) -> None:
    sheet = Sheet(560, 340).write("407", 40, 50).write("88", 40, 150, ink=ink).write("12", 40, 250, pen=2, ink=ink)

    lines = find_lines(read_page(encoded(Photo(noise=2).of(sheet)[0])))

    assert len(lines) == 3
    assert all(np.percentile(line.ink[line.ink > 60], 75) > 220 for line in lines)


@pytest.mark.parametrize("kind", ["PNG", "JPEG"])
@pytest.mark.parametrize(
    ("ink", "paper"),
    [
        ((0, 102, 0), (200, 0, 0)),  # of one brightness
        ((200, 0, 0), (0, 102, 0)),
        ((0, 0, 0), (255, 0, 0)),
        ((0, 0, 0), (255, 255, 0)),
        ((255, 255, 255), (0, 0, 255)),
        ((255, 255, 0), (0, 120, 255)),
        ((90, 90, 90), (255, 0, 0)),
        ((0, 255, 255), (255, 0, 255)),
    ],
)
def test_ink_of_any_colour_on_paper_of_another_is_found_as_on_white(ink: Colour, paper: Colour, kind: str) -> None:
    plain, coloured = (
        read_page(encoded(Sheet(460, 140, under).write("4071", 60, 35, 70, ink=pen).picture(), kind))
        for pen, under in (((0, 0, 0), (255, 255, 255)), (ink, paper))
    )

    assert np.mean((plain < 128) == (coloured < 128)) > 0.98
    assert len(find_lines(coloured)) == len(find_lines(plain)) == 1


def test_dark_ink_is_kept_beside_ink_that_is_lighter_than_the_paper_in_one_colour() -> None:
    sheet = Sheet(800, 500, (180, 140, 95)).write("4071", 60, 60, 60, ink=(60, 60, 255))

    lines = find_lines(read_page(encoded(sheet.write("938", 100, 330, 50).picture())))

    assert len(lines) == 2


@pytest.mark.parametrize("kind", ["dark on light", "light on dark", "shade", "grain"])
def test_a_grey_page_is_the_same_whether_its_pixels_have_one_level_or_three(kind: str) -> None:
    levels = np.asarray(Sheet(460, 140).write("4071", 60, 35, 70).picture().convert("L"))
    if kind == "light on dark":
        levels = 255 - levels
    elif kind == "shade":
        levels = np.rint(levels * np.linspace(0.3, 1, 460)).astype(np.uint8)
    elif kind == "grain":
        levels = np.random.default_rng(0).integers(0, 256, levels.shape, np.uint8)

    grey, coloured = read_page(encoded(levels)), read_page(encoded(np.stack([levels] * 3, axis=2)))

    np.testing.assert_array_equal(grey, coloured)


def test_grey_levels_of_strokes_are_kept() -> None:
    (line,) = find_lines(page_of(Sheet(280, 280).write("3", 80, 60, 150)))

    assert len(np.unique(line.ink)) > 20
    assert line.ink.max() == 255
    assert not line.ink[:3].any()


def test_print_lines_are_gone_and_the_strokes_that_cross_them_are_whole() -> None:
    plain = Sheet(560, 160).write("4007", 60, 50, 50)
    ruled = Sheet(560, 160).ruled(38, ink=BLACK).write("4007", 60, 50, 50)

    (want,), (got,) = find_lines(page_of(plain)), find_lines(page_of(ruled))

    small = np.asarray(Image.fromarray(got.ink).resize(want.ink.shape[::-1]), np.float32)
    assert np.corrcoef(small.ravel(), want.ink.ravel())[0, 1] > 0.75


def in_boxes(text: str, height: float, box_height: int = 62, count: int = 4) -> Sheet:
    """As many rows of a number, with a box for each of its digits."""
    width, row = round(1.2 * height), box_height + 40
    sheet = Sheet(60 + len(text) * width, 30 + count * row)
    for place, digit in enumerate(text * count):
        x, y = 30 + place % len(text) * width, 30 + place // len(text) * row
        sheet.box(x, y, width, box_height, 1.5).write(digit, x + 0.2 * height, y + (box_height - height) / 2, height)
    return sheet


@pytest.mark.parametrize("photo", [PLAIN, Photo(angle=3, noise=3, blur=0.5)])
@pytest.mark.parametrize(
    ("text", "height"), [("2045683902", 36), ("2045683902", 50), ("4114711101", 42), ("4114711101", 50), ("206", 42)]
)
def test_of_rows_of_boxes_hardly_higher_than_the_digits_no_side_is_left(text: str, height: int, photo: Photo) -> None:
    sheet = in_boxes(text, height)

    frame = _upright(_Marked(sheet_of(read_page(encoded(photo.of(sheet)[0]))).marks))

    assert len(frame.blobs.boxes) == len(sheet.written)


@pytest.mark.parametrize("gap", [1.15, 1.3])
def test_ones_between_the_lines_of_ruled_paper_are_kept(gap: float) -> None:
    sheet = Sheet(700, 400).ruled(40 * gap, ink=BLACK)
    for row in range(1, 6, 2):
        sheet.write("11471", 60, (row + 0.5) * 40 * gap - 20, 40)

    assert [share > 0.7 for share in overlaps(sheet, Photo(noise=2))] == [True] * 3


@pytest.mark.parametrize("photo", [PLAIN, Photo(angle=2, noise=3, blur=0.5)])
@pytest.mark.parametrize("apart", [45, 52])
def test_squares_wider_than_the_digits_do_not_divide_them(apart: int, photo: Photo) -> None:
    sheet = Sheet(1000, 500).ruled(apart, squared=True)

    found = overlaps(sheet.write("40723", 70, 70, 30).write("6905", 420, 330, 30), photo)

    assert [share > 0.7 for share in found] == [True, True]


@pytest.mark.parametrize("cell", [(50, 50), (48, 70)])
def test_the_cells_of_a_table_divide_its_digits(cell: tuple[int, int]) -> None:
    sheet = Sheet(60 + 8 * cell[0], 60 + 5 * cell[1])
    for place, digit in enumerate("4072369058315274609182736450917283645091"):
        x, y = 30 + place % 8 * cell[0], 30 + place // 8 * cell[1]
        sheet.box(x, y, *cell).write(digit, x + 12, y + 8, 30)

    assert len(overlaps(sheet)) == 40


FAINT: Colour = (185, 190, 200)
UPON_LINES: dict[str, Sheet] = {
    "a one first": Sheet(560, 300).ruled(30, 1, FAINT, squared=True).write("1250", 92, 115, 56, 4),
    "a one last": Sheet(560, 300).ruled(30, 1, FAINT, squared=True).write("01", 98.8, 115, 56, 4),
    "a one alone": Sheet(560, 300).ruled(30, 1, FAINT, squared=True).write("1", 92, 115, 56, 4),
    "a minus": Sheet(560, 300).ruled(48, 1, FAINT).write("-38", 92, 144 - 0.55 * 56, 56, 3),
}


@pytest.mark.parametrize("photo", [PLAIN, Photo(noise=3, blur=0.5, quality=85)])
@pytest.mark.parametrize("case", UPON_LINES)
def test_a_stroke_along_a_print_line_that_is_fainter_is_kept(case: str, photo: Photo) -> None:
    assert [share > 0.75 for share in overlaps(UPON_LINES[case], photo)] == [True]


@pytest.mark.parametrize("ink", [FAINT, BLACK])
@pytest.mark.parametrize("photo", [Photo(noise=3, blur=0.5, quality=85), Photo(angle=2, noise=5, blur=0.8)])
def test_of_a_sheet_that_is_ruled_and_squared_no_stroke_is_left(ink: Colour, photo: Photo) -> None:
    sheet = Sheet(560, 300).ruled(30, 1.5, ink, squared=True).write("2538", 95, 115, 56, 4)

    assert [share > 0.8 for share in overlaps(sheet, photo)] == [True]


def test_of_the_faint_lines_of_an_empty_sheet_no_stroke_is_left() -> None:
    sheet = Sheet(900, 600).ruled(34, 2, (205, 215, 225), squared=True)
    picture, _ = Photo(noise=3, blur=0.5, quality=80, seed=53).of(sheet)

    assert find_lines(read_page(encoded(picture))) == []


@pytest.mark.parametrize("photo", [PLAIN, Photo(noise=3, blur=0.5, quality=85)])
@pytest.mark.parametrize("squared", [False, True])
@pytest.mark.parametrize("ink", [FAINT, BLACK])
def test_on_a_sheet_of_nothing_but_lines_is_no_number(ink: Colour, squared: bool, photo: Photo) -> None:
    picture, _ = photo.of(Sheet(900, 600).ruled(34, 1, ink, squared=squared))

    assert find_lines(read_page(encoded(picture))) == []


def test_a_lone_stroke_a_hundred_times_as_wide_as_high_is_no_number() -> None:
    page = np.full((200, 900), 255, np.uint8)
    page[100:108, 20:880] = 0

    assert find_lines(page) == []


DRAWINGS: dict[str, Callable[[], Sheet]] = {
    "a number": lambda: Sheet(1200, 400, WHITE).write("4007", 100, 100, 200, 20),
    "a tiny number in a corner": lambda: Sheet(1200, 400, WHITE).write("407", 1100, 365, 25, 4),
    "a dash": lambda: Sheet(280, 280, WHITE).write("-", 60, 60, 180, 12),
    "a long dash": lambda: Sheet(280, 280, WHITE).write("-", 30, -100, 440, 12),
    "a one": lambda: Sheet(280, 280, WHITE).write("1", 60, 40, 200, 8),
    "a one from edge to edge": lambda: Sheet(280, 280, WHITE).write("1", 10, 10, 260, 8),
    "ones": lambda: Sheet(600, 280, WHITE).write("111", 20, 40, 180, 8),
    "a sign before and within": lambda: Sheet(800, 280, WHITE).write("-1.5", 30, 40, 200, 14),
    "a thin seven": lambda: Sheet(280, 280, WHITE).write("7", 60, 40, 200, 4),
    "a thick four": lambda: Sheet(280, 280, WHITE).write("4", 20, 15, 245, 30),
    "as small as MNIST": lambda: Sheet(28, 28, WHITE).write("7", 6, 4, 20, 2),
}


@pytest.mark.parametrize("case", DRAWINGS)
def test_a_drawing_of_one_number_is_one_line(case: str) -> None:
    found = overlaps(DRAWINGS[case]())

    assert len(found) == 1
    assert found[0] > 0.7


@settings(deadline=None, max_examples=15)  # the machine may be busy
@given(st.integers(0, 300), st.integers(0, 200), st.integers(0, 300), st.integers(0, 200))
def test_paper_around_a_drawing_moves_its_line_and_no_more(left: int, top: int, right: int, bottom: int) -> None:
    page = page_of(Sheet(280, 280, WHITE).write("73", 30, 90, 100))
    wide = np.pad(page, ((top, bottom), (left, right)), constant_values=255)

    (want,), (got,) = find_lines(page), find_lines(wide)

    moved = np.add(edges(ink_box(want)), (left, top, left, top))
    assert np.abs(moved - edges(ink_box(got))).max() <= 2


@settings(deadline=None, max_examples=15)  # the machine may be busy
@given(st.floats(-14, 14), st.integers(0, 2**16))
def test_boxes_lie_on_the_page(angle: float, seed: int) -> None:
    page = read_page(encoded(Photo(angle=angle, noise=4, seed=seed).of(rows(Sheet(400, 280), apart=(200, 80)))[0]))

    boxes = [line.place(-50, -50, line.ink.shape[1] + 50, line.ink.shape[0] + 50) for line in find_lines(page)]

    assert boxes
    assert all(0 <= box.x < box.x + box.width <= page.shape[1] for box in boxes)
    assert all(0 <= box.y < box.y + box.height <= page.shape[0] for box in boxes)


@pytest.mark.parametrize("angle", [0, 6, -11])
def test_place_leads_back_to_where_the_ink_was_cut(angle: float) -> None:
    picture, _ = Photo(angle=angle).of(rows(Sheet(560, 340)))
    page = read_page(encoded(picture))

    for line in find_lines(page):
        y, x = divmod(int(line.ink.argmax()), line.ink.shape[1])
        box = line.place(x - 1, y - 1, x + 2, y + 2)
        around = page[max(0, box.y - 2) : box.y + box.height + 2, max(0, box.x - 2) : box.x + box.width + 2]

        assert around.min() < 80
        assert max(box.width, box.height) <= 6


def test_a_large_page_is_cut_at_its_full_size() -> None:
    page = page_of(rows(Sheet(2400, 1500), 100, 100, (1000, 400), 60))

    lines = find_lines(page)

    assert len(lines) == 6
    assert all(60 <= line.ink.shape[0] <= 120 for line in lines)


def test_joined_digits_are_no_box_around_what_stands_loose_between_them() -> None:
    picture = Image.new("L", (240, 120), 255)
    draw = ImageDraw.Draw(picture)
    draw.line([(40, 20), (40, 100), (80, 30), (100, 100), (140, 90), (180, 60), (200, 20), (205, 95)], fill=0, width=9)
    draw.line([(128, 35), (160, 30), (150, 58)], fill=0, width=9)  # the top of a five, say

    (line,) = find_lines(np.asarray(picture))

    assert ink_box(line).width > 150


@pytest.mark.parametrize("level", [0, 128, 255])
def test_a_page_without_ink_is_blank(level: int) -> None:
    with pytest.raises(BlankImageError, match="blank"):
        find_lines(np.full((300, 400), level, np.uint8))


@pytest.mark.parametrize("shape", [(1, 1), (1, 500), (500, 1), (2, 3), (40, 3000)])
def test_odd_shapes_of_noise_end_well(shape: tuple[int, int]) -> None:
    page = np.random.default_rng(0).integers(0, 256, shape, np.uint8)

    try:
        lines = find_lines(page)
    except BlankImageError:
        lines = []

    assert all(line.ink.dtype == np.uint8 and line.ink.size for line in lines)


@pytest.mark.parametrize("spread", [3, 10, 30, 100])
def test_grain_holds_no_line(spread: int) -> None:
    grain = np.random.default_rng(spread).normal(200, spread, (600, 800)).clip(0, 255).astype(np.uint8)

    assert find_lines(grain) == []


def test_squares_of_black_and_white_by_chance_hold_no_line() -> None:
    assert find_lines(np.where(np.random.default_rng(1).random((280, 280)) < 0.5, 0, 255).astype(np.uint8)) == []


def test_of_a_page_full_of_marks_the_largest_are_looked_at() -> None:
    page = np.full((1240, 1240), 255, np.uint8)
    for row in range(30):
        for column in range(30):
            page[20 + 40 * row : 32 + 40 * row + row // 4, 20 + 40 * column : 23 + 40 * column] = 0

    lines = find_lines(page)

    assert len(lines) == MAX_LINES
    assert min(edges(ink_box(line))[1] for line in lines) > 400  # the marks grow from row to row


def test_a_number_among_specks_is_found() -> None:
    page = page_of(Sheet(300, 120).write("407", 60, 30, 60))
    specked = np.where(np.random.default_rng(3).random(page.shape) < 0.03, 0, page).astype(np.uint8)

    [line] = find_lines(specked)

    left, top, right, bottom = edges(ink_box(find_lines(page)[0]))
    found = edges(ink_box(line))
    assert found[0] <= left + 2
    assert found[1] <= top + 2
    assert found[2] >= right - 2
    assert found[3] >= bottom - 2


def tick(draw: ImageDraw.ImageDraw) -> None:
    draw.line([(470, 330), (520, 400), (640, 150)], fill=RED, width=6)


def ring(draw: ImageDraw.ImageDraw) -> None:
    draw.ellipse((420, 60, 680, 320), outline=RED, width=5)


def disc(draw: ImageDraw.ImageDraw) -> None:
    draw.ellipse((420, 60, 680, 320), fill=RED)


@pytest.mark.parametrize("mark", [tick, ring, disc])
def test_numbers_are_found_beside_one_mark_that_is_many_times_as_large(
    mark: Callable[[ImageDraw.ImageDraw], None],
) -> None:
    sheet = Sheet(720, 440).write("4071", 40, 40, 36).write("32986", 180, 170, 36).write("507", 40, 300, 36)
    picture = sheet.picture()
    mark(ImageDraw.Draw(picture))

    found = [edges(ink_box(line)) for line in find_lines(read_page(encoded(picture)))]

    wanted = [(number.left, number.top, number.right, number.bottom) for number in sheet.written]
    assert min(max(overlap(box, want) for box in found) for want in wanted) > 0.6


@pytest.mark.parametrize("rows", [4, 12])
@pytest.mark.parametrize(("heading", "times"), [("407", 5), ("407", 6), ("29", 5)])
def test_a_large_number_and_small_ones_below_are_found(heading: str, times: int, rows: int) -> None:
    sheet = Sheet(900, 60 + 30 * times + 60 * rows).write(heading, 60, 30, 28 * times)
    for row in range(rows):
        for column, text in enumerate(("4071", "38", "926")):
            sheet.write(text, 60 + 280 * column, 80 + 28 * times + 60 * row, 28)

    assert [share > 0.6 for share in overlaps(sheet)] == [True] * len(sheet.written)


@pytest.mark.parametrize("text", ["548", "17", "4"])
def test_a_ring_round_a_number_is_no_digit_of_it(text: str) -> None:
    sheet = rows(Sheet(560, 440)).write(text, 100, 340, 40)
    picture, number = sheet.picture(), sheet.written[-1]
    around = (number.left - 25, number.top - 16, number.right + 25, number.bottom + 16)
    ImageDraw.Draw(picture).ellipse(around, outline=BLACK, width=3)

    lines = find_lines(read_page(encoded(picture)))

    assert len(lines) == 7
    assert overlap(edges(ink_box(lines[-1])), (number.left, number.top, number.right, number.bottom)) > 0.8


def test_a_large_seven_beside_whose_stem_a_one_stands_is_no_ring() -> None:
    sheet = rows(Sheet(560, 440)).write("1", 120, 330, 34).line(100, 310, 165, 310, 3).line(164, 310, 160, 380, 3)

    lines = find_lines(page_of(sheet))

    assert ink_box(lines[-1]).width > 50


@pytest.mark.parametrize("slashed", [True, False])
def test_a_zero_that_holds_a_slash_or_a_dot_is_a_digit(slashed: bool) -> None:
    sheet = Sheet(560, 200).write("407", 60, 60, 60, 4)
    draw = ImageDraw.Draw(picture := sheet.picture())
    draw.ellipse((300, 50, 350, 130), outline=BLACK, width=4)
    draw.line((318, 110, 332, 70) if slashed else (324, 88, 326, 92), fill=BLACK, width=4)

    found = [edges(ink_box(line)) for line in find_lines(read_page(encoded(picture)))]

    assert max(right for _, _, right, _ in found) > 345


@pytest.mark.parametrize("size", [9, 20, 44])
def test_punched_holes_are_no_numbers_but_a_disc_that_was_drawn_is_looked_at(size: int) -> None:
    sheet = Sheet(560, 340).write("407", 200, 60, 40)
    picture, lone = sheet.picture(), Sheet(560, 340).picture()
    for x, y, image in ((40, 60, picture), (40, 240, picture), (40, 60, lone)):
        ImageDraw.Draw(image).ellipse((x, y, x + size, y + size), fill=BLACK)

    lines = [find_lines(read_page(encoded(image))) for image in (picture, lone)]

    assert [len(found) for found in lines] == [1, 1]
    assert ink_box(lines[0][0]).x > 150


def test_a_zero_of_a_thick_pen_is_no_punched_hole() -> None:
    assert len(find_lines(page_of(Sheet(400, 200, WHITE).write("0", 40, 40, 60, 15).write("0", 280, 40, 60, 15)))) == 2


@pytest.mark.parametrize("digit", ["3", "7", "1"])
def test_crumbs_beside_one_large_digit_are_no_numbers(digit: str) -> None:
    sheet = Sheet(560, 340).write(digit, 200, 60, 200, 9).dust(30, size=5)

    assert len(find_lines(page_of(sheet))) == 1


def test_a_missing_opencv_says_how_to_install_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "cv2", None)

    with pytest.raises(MissingExtraError, match=r"inkdigit\[read\]"):
        find_lines(page_of(Sheet(100, 100).write("7", 20, 20, 50)))


def cheques() -> list[NDArray[np.uint8]]:
    data = np.load(DEV_DATA / "cheque_numbers_dev.npz")
    return [np.ascontiguousarray(image[:h, :w]) for image, (h, w) in zip(data["image"], data["size"], strict=True)]


@needs_dev_data
def test_every_tenth_cheque_amount_is_one_line_from_end_to_end() -> None:
    pages = cheques()[::10]

    found = [find_lines(read_page(encoded(page))) for page in pages]

    assert [len(lines) for lines in found] == [1] * len(pages)
    assert all(ink_box(lines[0]).width > 0.7 * page.shape[1] for lines, page in zip(found, pages, strict=True))


@needs_dev_data
def test_every_fifth_cell_of_a_sudoku_is_one_line() -> None:
    cells = np.load(DEV_DATA / "photo_digits_dev.npz")["image"][::5]

    found = [find_lines(read_page(encoded(cell))) for cell in cells]

    assert [len(lines) for lines in found] == [1] * len(cells)
    # The printed boxes are 95 pixels high or more; a trace of one may be left beside one digit of these.
    assert sorted(ink_box(lines[0]).height for lines in found)[-2] < 95

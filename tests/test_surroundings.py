"""What is round the paper on a photo, and what falls upon it, is no writing."""

from collections.abc import Callable

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFilter
from tests.pages import BLUE, PAPER, Colour, Sheet, encoded

from inkdigit.image import read_page
from inkdigit.layout import find_lines
from inkdigit.number import Box

BROWN: Colour = (110, 80, 55)
DESKS: dict[str, Colour] = {"brown": BROWN, "light wood": (205, 180, 150), "black": (30, 30, 32)}
TEXTS = (("407", "1280"), ("3295", "66"), ("50", "8173"), ("996", "12"), ("2475", "308"), ("61", "9504"))


def sheet_of_numbers() -> Sheet:
    sheet = Sheet(900, 840)
    for row, texts in enumerate(TEXTS):
        for column, text in enumerate(texts):
            sheet.write(text, 130 + 380 * column, 90 + 120 * row, 38, 4, BLUE)
    return sheet


def noisy(picture: Image.Image, seed: int = 0) -> NDArray[np.uint8]:
    levels = np.asarray(picture.filter(ImageFilter.GaussianBlur(0.8)), np.float32)
    noise = np.random.default_rng(seed).normal(0, 3, levels.shape[:2])[..., None]
    return np.clip(np.rint(levels + noise), 0, 255).astype(np.uint8)


def wood(size: tuple[int, int], colour: Colour, grain: float) -> Image.Image:
    """A desk with streaks along it."""
    streaks = np.random.default_rng(5).normal(0, grain, (max(2, size[1] // 40), max(2, size[0] // 300)))
    grown = cv2.resize(streaks.astype(np.float32), size, interpolation=cv2.INTER_CUBIC)
    return Image.fromarray(np.clip(grown[..., None] + np.array(colour), 0, 255).astype(np.uint8))


def on_a_desk(desk: Colour, margins: tuple[int, int, int, int], angle: float, grain: float = 7) -> NDArray[np.uint8]:
    """The sheet on a desk that is so wide to its left, above, to its right and below."""
    sheet = sheet_of_numbers().picture()
    left, above, right, below = margins
    picture = wood((sheet.width + left + right, sheet.height + above + below), desk, grain)
    turned = sheet.convert("RGBA").rotate(angle, Image.Resampling.BICUBIC, expand=True)
    middle = left + (sheet.width - turned.width) // 2, above + (sheet.height - turned.height) // 2
    picture.paste(turned, middle, turned)
    return noisy(picture)


def found_on(picture: NDArray[np.uint8]) -> list[Box]:
    boxes = []
    for line in find_lines(read_page(encoded(picture))):
        ys, xs = np.nonzero(line.ink > 100)
        boxes.append(line.place(xs.min(), ys.min(), xs.max() + 1, ys.max() + 1))
    return boxes


@pytest.mark.parametrize("angle", [0, 2, -7])
@pytest.mark.parametrize("margins", [(70, 70, 70, 70), (90, 30, 90, 30), (240, 200, 220, 210), (0, 60, 80, 0)])
@pytest.mark.parametrize("desk", DESKS.values(), ids=DESKS.keys())
def test_numbers_on_a_sheet_on_a_desk_are_found_and_nothing_else(
    desk: Colour, margins: tuple[int, int, int, int], angle: float
) -> None:
    found = found_on(on_a_desk(desk, margins, angle))

    assert len(found) == 2 * len(TEXTS)
    assert all(25 <= box.height <= 80 and box.width <= 200 for box in found)


def test_both_pages_of_a_book_are_read() -> None:
    page = np.asarray(sheet_of_numbers().picture()).astype(np.float32)
    depth = 0.8 * np.exp(-(((np.arange(2 * page.shape[1]) - page.shape[1]) / 40.0) ** 2))[None, :, None]
    book = Image.fromarray((np.concatenate([page, page], axis=1) * (1 - depth)).astype(np.uint8))
    picture = wood((book.width + 160, book.height + 160), BROWN, 7)
    picture.paste(book, (80, 80))

    found = found_on(noisy(picture))

    assert len([box for box in found if 25 <= box.height <= 60]) >= 4 * len(TEXTS)


def test_the_light_of_a_lamp_is_no_sheet() -> None:
    page = np.asarray(sheet_of_numbers().picture()).astype(np.float32)
    rows, columns = np.indices(page.shape[:2]) / max(page.shape[:2])
    light = 0.25 + 0.75 * np.exp(-(((rows - 0.45) ** 2 + (columns - 0.5) ** 2) / 0.1))

    found = found_on(noisy(Image.fromarray((page * light[..., None]).astype(np.uint8))))

    assert len(found) == 2 * len(TEXTS)


def hand(size: tuple[int, int]) -> Image.Image:
    shape = Image.new("L", size, 0)
    draw = ImageDraw.Draw(shape)
    width, height = size
    draw.ellipse((0.42 * width, 0.68 * height, 0.8 * width, 1.1 * height), fill=255)
    for finger in range(4):
        start, end = (0.45 + 0.09 * finger) * width, (0.4 + 0.12 * finger) * width
        draw.line((start, 0.85 * height, end, 0.5 * height), fill=255, width=round(0.06 * width))
    return shape


def half(size: tuple[int, int]) -> Image.Image:
    shape = Image.new("L", size, 0)
    ImageDraw.Draw(shape).polygon([(0, 0.55 * size[1]), (size[0], 0.4 * size[1]), size, (0, size[1])], fill=255)
    return shape


@pytest.mark.parametrize(
    ("shape", "depth", "edge"),
    [(hand, 0.25, 4), (hand, 0.4, 4), (hand, 0.25, 12), (hand, 0.4, 12), (half, 0.25, 12), (half, 0.4, 12)],
)
def test_numbers_are_found_under_a_shadow_and_beside_it(
    shape: Callable[[tuple[int, int]], Image.Image], depth: float, edge: float
) -> None:
    sheet = sheet_of_numbers().picture()
    shadow = np.asarray(shape(sheet.size).filter(ImageFilter.GaussianBlur(edge)), np.float32)[..., None] / 255
    shaded = Image.fromarray((np.asarray(sheet) * (1 - depth * shadow)).astype(np.uint8))

    found = found_on(noisy(shaded))

    assert len([box for box in found if 25 <= box.height <= 60]) >= 2 * len(TEXTS)
    assert len(found) <= 2 * len(TEXTS) + 1  # a piece of the shadow's edge


def test_what_a_felt_pen_draws_along_two_edges_stays_beside_small_numbers() -> None:
    sheet = sheet_of_numbers()
    for stroke in ([(0, 420), (60, 420)], [(40, 0), (40, 839)], [(0, 820), (899, 820)]):
        sheet.brush.line([(2 * x, 2 * y) for x, y in stroke], fill=BLUE, width=90)

    with_frame = find_lines(read_page(encoded(noisy(sheet.picture()))))

    assert len(with_frame) >= 2 * len(TEXTS)


def test_a_drawing_that_fills_the_pad_with_a_thick_pen_is_one_line() -> None:
    pad = Sheet(280, 280, (255, 255, 255)).write("2", 20, 10, 255, 60, (0, 0, 0))

    [box] = found_on(np.asarray(pad.picture()))

    assert box.height > 250


def test_thick_digits_beside_a_thin_one_stay() -> None:
    pad = Sheet(967, 280, PAPER).write("40", 10, 30, 220, 60, (0, 0, 0)).write("7", 700, 100, 60, 5, (0, 0, 0))

    found = found_on(np.asarray(pad.picture()))

    assert max(box.height for box in found) > 200

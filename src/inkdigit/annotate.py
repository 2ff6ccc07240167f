"""Pages with their readings drawn on: a box round each number, its text above, and doubtful characters in orange."""

import io
from collections.abc import Iterable
from typing import Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from inkdigit.number import Box, Number

SURE: Final = (0, 90, 181)  # blue and orange are told apart by nearly everybody
DOUBTFUL: Final = (200, 75, 0)
FIELD: Final = (120, 120, 120)  # round the fields of a form
PAPER: Final = (255, 255, 255)
SMALLEST, LARGEST = 12, 64  # pixels, height of the letters
GAP: Final = 2  # pixels, between a box and its text


def annotate(page: NDArray[np.uint8], numbers: Iterable[Number], fields: Iterable[Box] = ()) -> bytes:
    r"""Draw what was read onto a page.

    Args:
        page: (H, W) uint8, 0 is black and 255 is white.
        numbers: what was read there.
        fields: places of a form, framed in grey.

    Returns:
        An RGB PNG of the page's size.

    >>> annotate(np.full((20, 30), 255, np.uint8), [])[:4]
    b'\x89PNG'
    """
    picture = Image.fromarray(page).convert("RGB")
    draw = ImageDraw.Draw(picture)
    for field in fields:
        _frame(draw, field, FIELD)
    for number in numbers:
        _draw_number(draw, number)
    file = io.BytesIO()
    picture.save(file, "PNG", compress_level=3)  # a photo gains little from more, and waits seconds for it
    return file.getvalue()


def _draw_number(draw: ImageDraw.ImageDraw, number: Number) -> None:
    _frame(draw, number.box, SURE)
    for character in number.characters:
        if character.doubtful:
            _frame(draw, character.box, DOUBTFUL)
    _write(draw, number)


def _frame(draw: ImageDraw.ImageDraw, box: Box, colour: tuple[int, int, int]) -> None:
    right, bottom = box.x + max(box.width, 1) - 1, box.y + max(box.height, 1) - 1
    draw.rectangle((box.x, box.y, right, bottom), outline=colour, width=max(1, box.height // 40))


def _write(draw: ImageDraw.ImageDraw, number: Number) -> None:
    """Write the text above its box, or below it where there is no room, on paper of its own."""
    size = min(max(number.box.height // 2, SMALLEST), LARGEST)
    font = ImageFont.load_default(size)
    width = round(sum(font.getlength(character.label) for character in number.characters))
    x, y = _place(number.box, width, size, draw.im.size)
    draw.rectangle((x, y, x + width, y + size), fill=PAPER)
    at = float(x)
    for character in number.characters:
        draw.text((at, y), character.label, DOUBTFUL if character.doubtful else SURE, font)
        at += font.getlength(character.label)


def _place(box: Box, width: int, height: int, page: tuple[int, int]) -> tuple[int, int]:
    """Where a text of so many pixels goes, inside the page."""
    above, below = box.y - height - GAP, box.y + box.height + GAP
    y = above if above >= 0 else min(below, page[1] - height - 1)
    return max(0, min(box.x, page[0] - width - 1)), max(0, y)

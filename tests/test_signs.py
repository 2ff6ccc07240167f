"""Commas and slashes as people write them, by the shipped reader."""

import numpy as np
import pytest
from PIL import Image, ImageDraw
from tests.drawings import draw

from inkdigit.expect import Expectation
from inkdigit.reader import Reader

HEIGHT, TOP, GAP = 90, 60, 18  # pixels: of a digit, above it, and between two
# From the base line of the digits, upwards and to the right: where the stroke of a sign begins and ends.
SIGNS = {",": ((10, 8), (0, -26)), "/": ((36, 104), (0, -14))}


def write(text: str, pen: int) -> np.ndarray:
    """A line of digits and signs in black on white, drawn with a pen so wide."""
    sheet = Image.new("L", (120 * len(text) + 80, HEIGHT + 2 * TOP + 10), 255)
    x, base = 60, TOP + HEIGHT
    for sign in text:
        if sign.isdecimal():
            digit = draw(int(sign), height=HEIGHT, left=20, top=20, pen=pen)
            inked = np.flatnonzero((digit < 128).any(axis=0))
            piece = digit[20 - pen : 20 + HEIGHT + pen, inked[0] : inked[-1] + 1]
            sheet.paste(Image.fromarray(piece), (x, TOP - pen))
            x += piece.shape[1] + GAP
        else:
            ends = [(x + right, base - up) for right, up in SIGNS[sign]]
            ImageDraw.Draw(sheet).line(ends, fill=0, width=pen)
            x = ends[0][0] + GAP
    return np.asarray(sheet)


@pytest.fixture(scope="module")
def shipped() -> Reader:
    pytest.importorskip("cv2", reason="OpenCV is not installed: pip install 'inkdigit[read]'")
    return Reader.load()


@pytest.mark.parametrize("pen", [6, 8, 12])
@pytest.mark.parametrize("text", ["12,50", "7,05", "61,08", "940,26", "1234,90", "3/11/24", "28/2/95"])
def test_signs_are_read_where_they_reach_below_the_base_line(shipped: Reader, text: str, pen: int) -> None:
    assert [number.text for number in shipped.read(write(text, pen))] == [text]


def test_an_amount_with_a_comma_keeps_to_what_is_expected_without_repair(shipped: Reader) -> None:
    [number] = shipped.read(write("12,50", 8), Expectation.parse("decimal=,; decimals=2"))

    assert number.text == "12,50"
    assert [character.repaired_from for character in number.characters] == [None] * 5

"""Pictures of paper, as files of the kinds that phones and scanners make."""

import io
from collections.abc import Sequence
from typing import Final

from PIL import Image, ImageDraw

SIZE: Final = (640, 480)  # pixels
ROWS: Final = ((60, 70), (60, 300), (360, 300))  # where the numbers begin
UPRIGHT, UPSIDE_DOWN, TURNED_LEFT, TURNED_RIGHT = 1, 3, 6, 8
HOW_TO_STORE: Final = {
    UPRIGHT: None,
    UPSIDE_DOWN: Image.Transpose.ROTATE_180,
    TURNED_LEFT: Image.Transpose.ROTATE_90,
    TURNED_RIGHT: Image.Transpose.ROTATE_270,
}
"""How the pixels lie in a file whose EXIF orientation says how to turn them back."""


def paper(rows: Sequence[tuple[int, int]] = ROWS, size: tuple[int, int] = SIZE) -> Image.Image:
    """Grey paper with numbers of four bars each: the reader of the tests takes them for 4007."""
    sheet = Image.new("RGB", size, (205, 200, 190))
    pen = ImageDraw.Draw(sheet)
    for x, y in rows:
        for i in range(4):
            pen.rectangle((x + 40 * i, y, x + 40 * i + 20, y + 60), fill=(30, 30, 80))
    return sheet


def jpeg(picture: Image.Image, orientation: int = UPRIGHT) -> bytes:
    """A photo as a phone stores it: turned, with a note on how to turn it back."""
    way = HOW_TO_STORE[orientation]
    exif = Image.Exif()
    exif[0x0112] = orientation
    data = io.BytesIO()
    (picture if way is None else picture.transpose(way)).save(data, "JPEG", quality=90, exif=exif)
    return data.getvalue()

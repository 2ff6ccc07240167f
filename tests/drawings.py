"""Ten plain digits as strokes, and how they are drawn on a sheet of paper."""

import io
import math

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

Point = tuple[float, float]  # x to the right, y down, both in [0, 1]


def _arc(x: float, y: float, wide: float, high: float, start: float, stop: float) -> list[Point]:
    """Points on an ellipse; angles in degrees, 0 to the right, growing clockwise."""
    angles = [math.radians(start + (stop - start) * step / 40) for step in range(41)]
    return [(x + wide * math.cos(angle), y + high * math.sin(angle)) for angle in angles]


STROKES: dict[int, list[list[Point]]] = {
    0: [_arc(0.5, 0.5, 0.33, 0.5, -90, 270)],
    1: [[(0.5, 0.0), (0.5, 1.0)]],
    2: [[*_arc(0.5, 0.28, 0.33, 0.28, -170, 40), (0.15, 1.0), (0.9, 1.0)]],
    3: [[*_arc(0.45, 0.26, 0.33, 0.26, -150, 80), *_arc(0.45, 0.74, 0.38, 0.26, -80, 150)]],
    4: [[(0.25, 0.0), (0.15, 0.55), (0.85, 0.55)], [(0.7, 0.0), (0.65, 1.0)]],
    5: [[(0.85, 0.0), (0.25, 0.0), (0.2, 0.45), *_arc(0.45, 0.7, 0.36, 0.3, -110, 140)]],
    6: [[(0.7, 0.0), (0.35, 0.35), *_arc(0.5, 0.7, 0.3, 0.3, -170, 190)]],
    7: [[(0.1, 0.0), (0.85, 0.0), (0.4, 1.0)]],
    8: [[*_arc(0.5, 0.25, 0.27, 0.25, 90, 450), *_arc(0.5, 0.75, 0.32, 0.25, -90, 270)]],
    9: [[*_arc(0.5, 0.3, 0.28, 0.3, 0, -360), (0.75, 0.4), (0.65, 1.0)]],
}


def draw(
    digit: int, height: float = 180, left: float = 80, top: float = 50, pen: float | None = None, side: int = 280
) -> NDArray[np.uint8]:
    """A digit in black on white paper: (side, side) uint8.

    Args:
        digit: 0 to 9.
        height: of the digit, in pixels.
        left: distance of its box from the left edge, in pixels.
        top: distance from the upper edge, in pixels.
        pen: width in pixels; a tenth of the height where it is None.
        side: of the paper, in pixels.
    """
    pen = pen or height / 10
    sheet = Image.new("L", (4 * side, 4 * side), 255)
    brush = ImageDraw.Draw(sheet)
    for stroke in STROKES[digit]:
        path = [(4 * (left + x * height), 4 * (top + y * height)) for x, y in stroke]
        brush.line(path, fill=0, width=max(1, round(4 * pen)), joint="curve")
        for x, y in path:
            brush.ellipse((x - 2 * pen, y - 2 * pen, x + 2 * pen, y + 2 * pen), fill=0)
    return np.asarray(sheet.reduce(4))


def png(picture: NDArray[np.uint8]) -> bytes:
    """A grey picture as the bytes of a PNG file."""
    file = io.BytesIO()
    Image.fromarray(picture).save(file, "PNG")
    return file.getvalue()

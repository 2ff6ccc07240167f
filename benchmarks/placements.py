"""Strokes -> the picture a person would have drawn on the page's pad.

The pad is 280x280, black ink on white paper, and its pen is round: round caps, round joins, smooth edges. The six
placements are the ways in which people differ from the middle of the canvas; they are defined here and nowhere else.
"""

import itertools
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

CANVAS = 280  # pixels, each side
OVERSAMPLING = 4  # drawn this much larger, then averaged down: that is the anti-aliasing
CORNER_MARGIN = 4  # pixels of paper between the ink and the two edges of its corner

Strokes = NDArray[np.float32]
Canvas = NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class Placement:
    """Where a digit stands, how large it is and how thick its pen; lengths in canvas pixels."""

    name: str
    side: float  # the larger side of the box around the pen's path
    pen: float
    corner: bool = False


PLACEMENTS = (
    Placement("centred", side=180, pen=18),
    Placement("big", side=250, pen=18),
    Placement("half size", side=90, pen=18),
    Placement("corner", side=70, pen=18, corner=True),
    Placement("4 px pen", side=180, pen=4),
    Placement("38 px pen", side=180, pen=38),
)


def place(strokes: Strokes, placement: Placement) -> Strokes:
    """Scale and move strokes, proportions kept, to where the placement wants them.

    Args:
        strokes: (M, 3) float32: x, y downwards, stroke number; any unit; M >= 1.
        placement: The target, in canvas pixels.

    Returns:
        (M, 3) float32, x and y in canvas pixels.
    """
    path = strokes[:, :2].astype(np.float64)
    low, extent = path.min(axis=0), np.ptp(path, axis=0)
    scale = placement.side / max(extent.max(), 1e-9)
    margin = CORNER_MARGIN + placement.pen / 2
    origin = np.full(2, margin) if placement.corner else (CANVAS - extent * scale) / 2
    placed = (path - low) * scale + origin
    return np.column_stack([placed, strokes[:, 2]]).astype(np.float32)


def ink_strokes(strokes: Strokes, pen: float, width: int = CANVAS) -> Canvas:
    """Draw strokes with a round pen.

    Args:
        strokes: (M, 3) float32: x, y in canvas pixels, stroke number.
        pen: Width of the pen in canvas pixels.
        width: Of the canvas, in pixels.

    Returns:
        (280, width) uint8, 0 is black ink and 255 is white paper.
    """
    sheet = Image.new("L", (width * OVERSAMPLING, CANVAS * OVERSAMPLING), 255)
    draw = ImageDraw.Draw(sheet)
    thickness = pen * OVERSAMPLING - 1  # Pillow paints both edges of a shape, one pixel more than lies between them
    for number in np.unique(strokes[:, 2]):
        _draw_stroke(draw, strokes[strokes[:, 2] == number, :2] * OVERSAMPLING, thickness)
    return np.asarray(sheet.reduce(OVERSAMPLING), np.uint8)


def render(strokes: Strokes, placement: Placement) -> Canvas:
    """Place and draw: (M, 3) strokes in any unit -> (280, 280) uint8, black ink on white."""
    return ink_strokes(place(strokes, placement), placement.pen)


def _draw_stroke(draw: ImageDraw.ImageDraw, path: NDArray[np.float32], width: float) -> None:
    """Every segment is a bar and every point a disc: the discs are the caps and the joins."""
    path = _without_repeats(path)
    for start, end in itertools.pairwise(path):
        draw.polygon(_bar(start, end, width), fill=0)
    radius = width / 2
    for x, y in path.tolist():
        draw.ellipse((x - radius, y - radius, x + radius, y + radius), fill=0)


def _without_repeats(path: NDArray[np.float32]) -> NDArray[np.float32]:
    moved = np.any(np.diff(path, axis=0, prepend=np.nan) != 0, axis=1)
    return np.asarray(path[moved], np.float32)


def _bar(start: NDArray[np.float32], end: NDArray[np.float32], width: float) -> list[tuple[float, float]]:
    along = (end - start) / np.hypot(*(end - start))
    across = np.array([-along[1], along[0]]) * (width / 2)
    corners = (start + across, end + across, end - across, start - across)
    return [(float(x), float(y)) for x, y in corners]

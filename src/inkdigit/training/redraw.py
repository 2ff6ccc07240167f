"""MNIST's digits in other pens: thinned to lines of one pixel, and inked again with a round pen of any width.

MNIST was written with few pens, and all of it shrunk to 20 pixels. What is left of a digit whose strokes are thinned is
where the pen went; on a sheet several times as large that way is drawn anew, as a hairline or with a felt pen.
"""

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from inkdigit.training.dataset import Digits, Images
from inkdigit.training.pen import Lines, batches, pen_widths, write

Random = np.random.Generator

SCALE = 4  # pixels of the sheet for one of MNIST
MARGIN = 13  # pixels of paper added on each side, for half the widest pen
SHEET = 28 * SCALE + 2 * MARGIN  # pixels, each side
LEVEL = 0.42  # of the darkest pixel: what is darker belongs to the strokes
BLOB = 5  # pixels of MNIST: a square of ink of this side is no stroke but a loop that filled up


def redraw(digits: Digits, random: Random) -> Images:
    """Ink digits anew, each with a round pen of its own width, from a hairline to a thick felt pen.

    Those whose loops have filled up (a twelfth of MNIST) stay as they are: a six would come out as a bare stem.

    Returns:
        (N, 28, 28) uint8 in MNIST's form, through `normalize`, in the order of the digits and their labels.
    """
    pens = pen_widths(len(digits), random)
    redrawn = digits.images.copy()
    clear = np.flatnonzero(~filled_up(redrawn))
    for rows in batches(pens[clear]):
        redrawn[clear[rows]] = write(trace(digits.images[clear[rows]]), pens[clear[rows]])
    return redrawn


def filled_up(images: Images) -> NDArray[np.bool_]:
    """(N,) whether a picture has a blob of ink, too wide for a stroke."""
    dark = np.asarray(images > 0.6 * 255)
    for axis in (1, 2):
        dark = np.asarray(sliding_window_view(dark, BLOB, axis).all(axis=-1))
    return np.asarray(dark.any(axis=(1, 2)))


def trace(images: Images) -> Lines:
    """Where the pen went: the strokes of (N, 28, 28) digits enlarged and thinned to lines."""
    enlarged = _enlarge(_enlarge(images.astype(np.float32)))
    return thin(enlarged > LEVEL * enlarged.max(axis=(1, 2), keepdims=True))


def thin(shapes: NDArray[np.bool_]) -> Lines:
    """Thin shapes to lines: T. Y. Zhang and C. Y. Suen, A fast parallel algorithm for thinning digital patterns (1984).

    Args:
        shapes: (N, H, W) bool; the outermost pixels of each are False.
    """
    height, width = shapes.shape[1:]
    left = shapes.ravel().astype(np.uint8)
    around = (-width, 1 - width, 1, width + 1, width, width - 1, -1, -width - 1)  # from above, clockwise
    places, before = np.flatnonzero(left), -1
    while len(places) != before:
        before = len(places)
        for removable in _REMOVABLE:
            gone = removable[np.bitwise_or.reduce([left[places + step] << bit for bit, step in enumerate(around)])]
            left[places[gone]] = 0
            places = places[~gone]
    return left.reshape(-1, height, width).astype(bool)


def _enlarge(pictures: NDArray[np.float32]) -> NDArray[np.float32]:
    """Enlarge the rows of pictures and turn them: (N, 28, W) to (N, W, SHEET); twice makes a whole picture."""
    edge = MARGIN // SCALE + 1
    padded = np.pad(pictures, ((0, 0), (edge, edge), (0, 0)))
    position = (np.arange(SHEET) - MARGIN + 0.5) / SCALE - 0.5
    row, part = np.divmod(position, 1)
    above = row.astype(np.intp) + edge
    enlarged = np.swapaxes(padded, 1, 2)[:, :, above]
    return enlarged + (np.swapaxes(padded, 1, 2)[:, :, above + 1] - enlarged) * part.astype(np.float32)


def _removable() -> NDArray[np.bool_]:
    """(2, 256) whether the first and second half of a round remove a pixel, by its neighbours' bits."""
    bits = (np.arange(256)[:, None] >> np.arange(8)) & 1 == 1
    above, right, below, left = (bits[:, side] for side in (0, 2, 4, 6))
    begins = (~bits & np.roll(bits, -1, axis=1)).sum(axis=1)  # pieces of ink in the ring around the pixel
    inner = (begins == 1) & (bits.sum(axis=1) >= 2) & (bits.sum(axis=1) <= 6)
    first = ~(above & right & below) & ~(right & below & left)
    second = ~(above & right & left) & ~(above & below & left)
    return np.asarray([inner & first, inner & second])


_REMOVABLE = _removable()

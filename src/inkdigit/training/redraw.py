"""MNIST's digits in other pens: thinned to lines of one pixel, and inked again with a round pen of any width.

MNIST was written with few pens, and all of it shrunk to 20 pixels. What is left of a digit whose strokes are thinned is
where the pen went; on a sheet several times as large that way is drawn anew, as a hairline or with a felt pen.
"""

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from inkdigit.preprocess import normalize
from inkdigit.training.dataset import Digits, Images

Lines = NDArray[np.bool_]  # (N, SHEET, SHEET): where the pen went, one pixel wide
Random = np.random.Generator

SCALE = 4  # pixels of the sheet for one of MNIST
MARGIN = 13  # pixels of paper added on each side, for half the widest pen
SHEET = 28 * SCALE + 2 * MARGIN  # pixels, each side
LEVEL = 0.42  # of the darkest pixel: what is darker belongs to the strokes
PENS = ((0.02, 0.06, 0.25), (0.06, 0.14, 0.35), (0.14, 0.27, 0.40))  # width over length of the digit: from, to, share
BLOB = 5  # pixels of MNIST: a square of ink of this side is no stroke but a loop that filled up
BATCH = 128  # pictures at a time: what fits a processor's cache


def redraw(digits: Digits, random: Random) -> Images:
    """Ink digits anew, each with a round pen of its own width, from a hairline to a thick felt pen.

    Those whose loops have filled up (a twelfth of MNIST) stay as they are: a six would come out as a bare stem.

    Returns:
        (N, 28, 28) uint8 in MNIST's form, through `normalize`, in the order of the digits and their labels.
    """
    pens = pen_widths(len(digits), random)
    redrawn = digits.images.copy()
    clear = np.flatnonzero(~filled_up(redrawn))
    order = clear[np.argsort(pens[clear])]  # pens of about one width together, for their reach is that of the widest
    for rows in [order[start : start + BATCH] for start in range(0, len(order), BATCH)]:
        lines = trace(digits.images[rows])
        inked = ink(lines, pens[rows] * lengths(lines))
        redrawn[rows] = [(normalize(sheet) * 255).astype(np.uint8) for sheet in inked]
    return redrawn


def pen_widths(count: int, random: Random) -> NDArray[np.float64]:
    """(N,) widths of pens, as shares of the longer side of the digit."""
    low, high, share = np.array(PENS).T
    kind = random.choice(len(PENS), count, p=share)
    return np.asarray(random.uniform(low[kind], high[kind]))


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


def lengths(lines: Lines) -> NDArray[np.float64]:
    """(N,) the longer sides of the boxes around lines, in pixels; at least 1."""
    sides = [np.ptp(_first_and_last(np.asarray(lines.any(axis=axis))), axis=0) for axis in (1, 2)]
    return np.asarray(np.maximum(np.maximum(*sides), 1), np.float64)


def ink(lines: Lines, widths: NDArray[np.float64]) -> NDArray[np.uint8]:
    """Draw lines with round pens.

    Args:
        lines: (N, H, W) bool.
        widths: (N,) of the pens in pixels.

    Returns:
        (N, H, W) uint8, 0 is paper and 255 is full ink; the edges of strokes are soft.
    """
    distance = np.sqrt(_squared_distance(lines, int(widths.max() / 2) + 1), dtype=np.float32)
    reach = (widths / 2 + 0.5).astype(np.float32)[:, None, None]
    return np.asarray((reach - distance).clip(0, 1) * 255, np.uint8)


def _enlarge(pictures: NDArray[np.float32]) -> NDArray[np.float32]:
    """Enlarge the rows of pictures and turn them: (N, 28, W) to (N, W, SHEET); twice makes a whole picture."""
    edge = MARGIN // SCALE + 1
    padded = np.pad(pictures, ((0, 0), (edge, edge), (0, 0)))
    position = (np.arange(SHEET) - MARGIN + 0.5) / SCALE - 0.5
    row, part = np.divmod(position, 1)
    above = row.astype(np.intp) + edge
    enlarged = np.swapaxes(padded, 1, 2)[:, :, above]
    return enlarged + (np.swapaxes(padded, 1, 2)[:, :, above + 1] - enlarged) * part.astype(np.float32)


def _squared_distance(lines: Lines, reach: int) -> NDArray[np.uint16]:
    """The squared distance of every pixel to the lines, right wherever it is at most `reach` pixels."""
    across = np.square(_distance_in_row(lines).clip(0, 2 * reach).astype(np.uint16))
    padded = np.pad(across, ((0, 0), (reach, reach), (0, 0)), mode="edge")
    height = lines.shape[1]
    nearest = across
    for down in range(-reach, reach + 1):
        nearest = np.minimum(nearest, padded[:, reach + down : reach + down + height] + np.uint16(down * down))
    return nearest


def _distance_in_row(lines: Lines) -> NDArray[np.int16]:
    """How far every pixel is from the nearest of a line in its own row; some great number where there is none."""
    width = lines.shape[2]
    column = np.arange(width, dtype=np.int16)
    before = np.maximum.accumulate(np.where(lines, column, -width), axis=2, dtype=np.int16)
    after = np.minimum.accumulate(np.where(lines, column, 2 * width)[:, :, ::-1], axis=2, dtype=np.int16)[:, :, ::-1]
    return np.asarray(np.minimum(column - before, after - column))


def _first_and_last(used: NDArray[np.bool_]) -> NDArray[np.intp]:
    return np.stack([used.argmax(axis=1), used.shape[1] - 1 - used[:, ::-1].argmax(axis=1)])


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

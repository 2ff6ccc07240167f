"""Round pens of every width, from a hairline to a thick felt pen: lines -> pictures in MNIST's form."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from inkdigit.preprocess import normalize
from inkdigit.training.dataset import Images

Lines = NDArray[np.bool_]  # (N, H, W): where the pen went, one pixel wide
Widths = NDArray[np.float64]  # (N,)

PENS = ((0.02, 0.06, 0.25), (0.06, 0.14, 0.35), (0.14, 0.27, 0.40))  # width over length of the digit: from, to, share
BATCH = 128  # pictures at a time: what fits a processor's cache


def pen_widths(count: int, random: np.random.Generator) -> Widths:
    """(N,) widths of pens, as shares of the longer side of a digit."""
    low, high, share = np.array(PENS).T
    kind = random.choice(len(PENS), count, p=share)
    return np.asarray(random.uniform(low[kind], high[kind]))


def batches(pens: Widths) -> Iterator[NDArray[np.intp]]:
    """Rows, a batch at a time, pens of about one width together: the widest sets how long the batch takes."""
    order = np.argsort(pens, kind="stable")
    for start in range(0, len(order), BATCH):
        yield order[start : start + BATCH]


def write(lines: Lines, pens: Widths) -> Images:
    """Digits from lines: inked with pens of these shares of each digit's longer side, and normalised."""
    return np.stack([(normalize(sheet) * 255).astype(np.uint8) for sheet in ink(lines, pens * lengths(lines))])


def lengths(lines: Lines) -> Widths:
    """(N,) the longer sides of the boxes around lines, in pixels; at least 1."""
    sides = [np.ptp(_first_and_last(np.asarray(lines.any(axis=axis))), axis=0) for axis in (1, 2)]
    return np.asarray(np.maximum(np.maximum(*sides), 1), np.float64)


def ink(lines: Lines, widths: Widths) -> NDArray[np.uint8]:
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

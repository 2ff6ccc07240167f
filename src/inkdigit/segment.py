"""The ink of one character of a line, told from its neighbours', and of one number, told from the next."""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from inkdigit.errors import MissingExtraError
from inkdigit.image import Ink

INKED = 80  # of 255: what is darker belongs to a stroke
ALONE = 0.8  # of a stroke's ink that lies on one character's side of the cuts: then all of it is that one's
PAPER = -1  # in place of the character that a pixel belongs to
DUST = 0.02  # of the ink of a character that a mark must have to be part of it
BLANK = 0.5  # heights of a digit between two numbers, at least
WIDER, MARGIN = 1.5, 0.1  # times as wide as any gap within a number is such a blank, and heights of a digit more
ROOM = 0.6  # heights that a digit takes on a line at least, as wide ones do: evenly written, a one has far neighbours
APART, TALL = 0.05, 0.4  # heights of a character between two parts side by side, and of each: one of them may be lost
UNEVEN = 0.1  # heights by which such a blank is wider than any other gap, once each digit has its room


@dataclass(frozen=True, slots=True)
class Piece:
    """A character's ink.

    Attributes:
        ink: (h, w) uint8, cropped to it; one white pixel in the middle of its place where nothing is there.
        x: of its left edge on the line, in pixels.
        y: of its upper edge.
        whole: whether it touches no neighbour, so that no stroke was cut.
    """

    ink: Ink
    x: int
    y: int
    whole: bool


def divide(ink: Ink, middles: Sequence[float]) -> list[Piece]:
    """Divide a line's ink among its characters.

    Strokes that touch nothing go to the character whose side most of them is on; what hangs together is cut upright,
    where the least ink is between two characters.

    Args:
        ink: (H, W) uint8, 0 is paper and 255 is full ink.
        middles: where the characters are, in pixels from the left, ascending.

    Raises:
        MissingExtraError: OpenCV is not installed.
    """
    strokes = _strokes(ink).ravel()
    inked = np.flatnonzero(strokes)
    side = np.searchsorted(_cuts(ink, middles), inked % ink.shape[1], side="right")
    owner, cut = _owners(strokes[inked], ink.ravel()[inked], side, len(middles))
    mine = np.full(ink.shape, PAPER, np.int16)
    mine.ravel()[inked] = owner
    pieces = [_piece(ink, mine == index, whole=not cut[index]) for index in range(len(middles))]
    places = zip(pieces, middles, strict=True)
    return [piece if piece.ink.any() else replace(piece, x=int(middle), y=len(ink) // 2) for piece, middle in places]


def blanks(pieces: Sequence[Piece], digits: Sequence[bool]) -> list[int]:
    """Behind which characters a number ends and another begins: where a blank is far wider than the other gaps.

    Args:
        pieces: the characters of a line, from left to right.
        digits: which of them are digits; beside a sign no number ends.

    Returns:
        The places of the last characters of all numbers but the last; none where the gaps are much alike.
    """
    height = float(np.median([piece.ink.shape[0] for piece, digit in zip(pieces, digits, strict=True) if digit] or [1]))
    ends = np.maximum.accumulate([piece.x + piece.ink.shape[1] for piece in pieces])
    sides = np.array([piece.ink.shape[1] / height for piece in pieces])
    room = max(ROOM, float(np.percentile(sides[np.asarray(digits)], 75)) if any(digits) else 0.0)
    lacking = np.maximum(0, room - sides) / 2
    between = [place for place in range(len(pieces) - 1) if digits[place] and digits[place + 1]]
    gaps = {place: (pieces[place + 1].x - int(ends[place])) / height for place in between}
    even = {place: gap - float(lacking[place] + lacking[place + 1]) for place, gap in gaps.items()}
    between.sort(key=even.__getitem__)
    for first in range(1, len(between)):
        rest, wide = between[:first], between[first:]
        usual = max(0.0, *(gaps[place] for place in rest))
        if (
            min(gaps[place] for place in wide) >= max(BLANK, WIDER * usual + MARGIN)
            and even[wide[0]] >= even[rest[-1]] + UNEVEN
        ):
            return sorted(wide)
    return []


def is_apart(piece: Piece) -> bool:
    """Whether a character's ink stands in two places side by side, each of them tall enough for a digit."""
    inked = piece.ink > INKED
    columns = np.flatnonzero(inked.any(axis=0))
    for at in np.flatnonzero(np.diff(columns) - 1 >= max(1, APART * len(inked))):
        sides = inked[:, : columns[at] + 1], inked[:, columns[at + 1] :]
        if min(np.count_nonzero(side.any(axis=1)) for side in sides) >= TALL * len(inked):
            return True
    return False


def _cuts(ink: Ink, middles: Sequence[float]) -> NDArray[np.intp]:
    """The columns with the least ink between each two characters; of several, the one in the middle."""
    columns = ink.sum(axis=0, dtype=np.float64)
    cuts = []
    for left, right in itertools.pairwise(middles):
        start, stop = int(left), max(int(right), int(left) + 1)
        between = columns[start:stop] if stop <= len(columns) else columns[-1:]
        least = np.flatnonzero(between <= between.min() + 64)
        cuts.append(start + int(least[len(least) // 2]))
    return np.array(cuts, np.intp)


def _strokes(ink: Ink) -> NDArray[np.int32]:
    """(H, W) the number of the stroke that each pixel belongs to; 0 is paper."""
    try:
        import cv2
    except ModuleNotFoundError as error:
        raise MissingExtraError("opencv-python-headless", "read") from error
    _, strokes = cv2.connectedComponents((ink > INKED).astype(np.uint8))
    return np.asarray(strokes, np.int32)


def _owners(
    strokes: NDArray[np.int32], ink: NDArray[np.uint8], side: NDArray[np.intp], count: int
) -> tuple[NDArray[np.intp], NDArray[np.bool_]]:
    """For each inked pixel the character that has it; and whether each character has a part of a stroke.

    Args:
        strokes: (N,) the stroke that each pixel belongs to.
        ink: (N,) how dark it is.
        side: (N,) between which cuts it lies.
        count: of the characters.
    """
    kinds = int(strokes.max(initial=0)) + 1
    masses = np.bincount(strokes * count + side, ink, kinds * count).reshape(kinds, count)
    of_one = masses.max(axis=1) >= ALONE * masses.sum(axis=1)
    cut = masses[~of_one].sum(axis=0) > DUST * np.maximum(masses.sum(axis=0), 1)
    return np.where(of_one[strokes], masses.argmax(axis=1)[strokes], side), np.asarray(cut)


def _piece(ink: Ink, mine: NDArray[np.bool_], whole: bool) -> Piece:
    """The box round a character's pixels and their soft edges."""
    rows, columns = np.flatnonzero(mine.any(axis=1)), np.flatnonzero(mine.any(axis=0))
    if len(rows) == 0:
        return Piece(np.zeros((1, 1), np.uint8), 0, 0, whole=False)
    top, left = max(0, rows[0] - 1), max(0, columns[0] - 1)
    window = (slice(top, rows[-1] + 2), slice(left, columns[-1] + 2))
    return Piece(np.where(_grown(mine[window]), ink[window], 0).astype(np.uint8), int(left), int(top), whole)


def _grown(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """The mask and the pixels beside it."""
    grown = mask.copy()
    grown[1:] |= mask[:-1]
    grown[:-1] |= mask[1:]
    wider = grown.copy()
    wider[:, 1:] |= grown[:, :-1]
    wider[:, :-1] |= grown[:, 1:]
    return wider

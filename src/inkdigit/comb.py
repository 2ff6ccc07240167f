"""Rows of printed boxes, one for each character, as forms have them: closed up to a line of handwriting.

Of a page's own lines the layout decides what is print, and whether a line divides two numbers. Here it is known: so
many boxes stand side by side, and what is in them is one number. Their lines are taken away, and the characters are
moved together, for no reader has learnt numbers that are written so wide.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from inkdigit.errors import BlankImageError
from inkdigit.image import Page
from inkdigit.number import Box
from inkdigit.paper import marks_on, opencv

UPRIGHT: Final = 0.45  # of the height of the place, that the side of a box is long at least
LEVEL: Final = (0.6, 0.3)  # of the width of a box, that its upper or lower line is long at least, and a piece of one;
BAND: Final = (7, 0.5)  # so many pixels high is where such lines are, if they lie along so much of the row
FAINT: Final = 0.4  # of the strength of ink, that a print line may have
DARKER: Final = 1.25  # times as dark as a line is along half of its length is ink upon it
CLOSED: Final = 7  # pixels across which strokes meet where a line was taken from them
SLIM: Final = 3  # pixels; what is no wider, right beside a line or at the edge of the place, is a rest of one
UPON: Final = 0.8  # of a mark lies upon lines, if it is a rest of them
SPECK: Final = 4  # pixels of ink; what is less is dirt
PITCHES: Final = (0.88, 1.08)  # times the width of the place divided by the number of boxes, that a box may be wide
ASIDE: Final = 0.3  # of a box, that the first one may begin beside where it would if the row stood in the middle
LINES: Final = 0.5  # of the sides that must be seen; else the boxes are taken to be even, as where colour dropped out
WIDE: Final = 0.08  # of a box, to both sides of where its side should be, in which it is looked for
WHOLE: Final = 0.78  # of the height of the place is a side that stands away from there, as where boxes stand apart,
APART: Final = 0.26  # by so much of a box at most
CRUMB: Final = 0.16  # of the height of the place; what is left of lines is lower
GAP: Final = 0.25  # heights of a character between two, once they are moved together
BLANK: Final = 1.5  # heights of a character, for each box between them that is empty

_Mask = NDArray[np.bool_]  # (H, W)


@dataclass(frozen=True, slots=True, eq=False)
class Row:
    """The characters of a row of boxes, moved together.

    Attributes:
        page: (H, w) uint8, dark ink on light paper, without the boxes; as high as the place that was given.
        pieces: for each box that holds something, in order: where it begins on `page`, where it ends, and how far to
            the right of that it stands on the place.
    """

    page: Page
    pieces: tuple[tuple[int, int, int], ...]

    def place(self, box: Box) -> Box:
        """Where that is on the place that was given: the box round what lies on `page` in this one."""
        left, right = self._back(box.x), self._back(box.x + box.width - 1) + 1
        return replace(box, x=left, width=right - left)

    def _back(self, x: int) -> int:
        start, stop, by = min(self.pieces, key=lambda piece: max(piece[0] - x, x - piece[1] + 1))
        return min(max(x, start), stop - 1) + by


def closed_up(place: Page, boxes: int) -> Row:
    """Take the printed boxes away, and move together what stands in them.

    A character may jut out of its box. Where the boxes cannot be seen, the place is divided evenly.

    Args:
        place: (H, W) uint8, dark ink on light paper, level: the row of boxes, and no more than a little round it.
        boxes: how many there are; 1 or more.

    Raises:
        BlankImageError: nothing is written in any of them.
        MissingExtraError: OpenCV is not installed.
    """
    marks, start = marks_on(place)
    faint = np.asarray(marks > FAINT * start)
    starts = _starts(faint, boxes)
    lines = _print(faint, starts)
    written = _written(marks, start, lines)
    cells = _cells(written, starts)
    heights = [int(np.ptp(np.flatnonzero(cell.any(axis=1)))) + 1 for cell in cells if cell.any()]
    if not heights:
        raise BlankImageError("nothing is written in the boxes; write a number there")
    print_left = np.asarray(_grown(lines.mask, 3) & ~written)
    return _together(np.where(print_left, _paper(place), place), cells, float(np.median(heights)))


def _starts(ink: _Mask, boxes: int) -> NDArray[np.float64]:
    """(boxes + 1,) where the sides of the boxes are, also those beyond the edges of the place."""
    height, width = ink.shape
    even = width / boxes
    upright = _runs(ink, (round(UPRIGHT * height), 1)).mean(axis=0) > UPRIGHT / 2
    seen = np.convolve(upright, np.ones(3), "same") > 0
    pitches = np.arange(PITCHES[0] * even, PITCHES[1] * even, 1 / boxes)[:, None, None]
    aside = np.arange(-ASIDE * even, ASIDE * even, 1.0)[:, None]
    places = (width - boxes * pitches) / 2 + aside + np.arange(boxes + 1) * pitches
    at = np.rint(places).astype(np.intp)
    inside = (at >= 0) & (at < width)
    met = seen[np.clip(at, 0, width - 1)] & inside
    share = met.sum(axis=2) / np.maximum(inside.sum(axis=2), 1)
    score = met.sum(axis=2) - 0.5 * np.abs(aside[..., 0]) / even - np.abs(pitches[..., 0] / even - 1)
    score[share < LINES] = 0
    best = np.unravel_index(score.argmax(), score.shape)
    return np.asarray(places[best] if score[best] > 0 else np.arange(boxes + 1) * even, np.float64)


def _runs(ink: _Mask, window: tuple[int, int]) -> _Mask:
    """What of the ink belongs to a straight run so high and wide, which may waver by a pixel."""
    cv = opencv()
    across = cv.dilate(ink.view(np.uint8), np.ones((1, 3) if window[0] > 1 else (3, 1), np.uint8))
    return np.asarray((cv.morphologyEx(across, cv.MORPH_OPEN, np.ones(window, np.uint8)) > 0) & ink)


@dataclass(frozen=True, slots=True, eq=False)
class _Print:
    """The lines of the boxes."""

    upright: _Mask
    level: _Mask
    beside: NDArray[np.bool_]  # (boxes + 1, W) which columns each of the upright ones may be in

    @property
    def mask(self) -> _Mask:
        return self.upright | self.level

    def darkness(self, marks: NDArray[np.uint8]) -> NDArray[np.float32]:
        """(H, W) how dark the line is that goes through each pixel, along half of its length; 255 where none does."""
        darkness = np.full(marks.shape, 255, np.float32)
        half = marks.shape[0] // 2
        for rows in (slice(0, half), slice(half, None)):
            darkest = np.where(self.level[rows], marks[rows], 0).max(axis=0)
            darkness[rows][self.level[rows]] = np.median(darkest[darkest > 0]) if darkest.any() else 255
        for columns in self.beside:
            upright = self.upright & columns
            darkest = np.where(upright, marks, 0).max(axis=1)
            darkness[upright] = np.median(darkest[darkest > 0]) if darkest.any() else 255
        return np.asarray(opencv().erode(darkness, np.ones((3, 3), np.uint8)))


def _print(faint: _Mask, starts: NDArray[np.float64]) -> _Print:
    """Upright lines where the sides of boxes should be, and level ones along most of the row."""
    height, width = faint.shape
    pitch = (starts[-1] - starts[0]) / (len(starts) - 1)
    away = np.abs(np.arange(width) + 0.5 - starts[:, None])
    beside, around = away <= max(3.0, WIDE * pitch), away <= APART * pitch
    long = _runs(faint, (1, round(LEVEL[0] * pitch)))
    along = opencv().dilate(long.view(np.uint8), np.ones((BAND[0], 1), np.uint8)).mean(axis=1) >= BAND[1]
    pieces = _runs(faint, (1, round(LEVEL[1] * pitch)))
    upright = _runs(faint, (round(UPRIGHT * height), 1)) & beside.any(axis=0)
    upright |= _runs(faint, (round(WHOLE * height), 1)) & around.any(axis=0)
    return _Print(upright, np.asarray(pieces & along[:, None]), around)


def _written(marks: NDArray[np.uint8], start: NDArray[np.float32], lines: _Print) -> _Mask:
    """The ink without the lines of the boxes, and without what is left of them; a stroke across a line is whole."""
    cv = opencv()
    wide = _grown(lines.mask, 3)
    ink = np.asarray(marks > start)
    left = ink & (~wide | (marks > DARKER * lines.darkness(marks)))
    closed = cv.morphologyEx(left.view(np.uint8), cv.MORPH_CLOSE, np.ones((CLOSED, CLOSED), np.uint8)) > 0
    left |= closed & wide & ink
    _, labels, stats, _ = cv.connectedComponentsWithStats(left.astype(np.uint8), connectivity=8)
    at_lines = np.zeros(len(stats), np.bool_)
    at_lines[np.unique(labels[_grown(wide, 3)])] = True
    at_lines[np.unique(np.concatenate([labels[0], labels[-1], labels[:, 0], labels[:, -1]]))] = True
    low = stats[:, cv.CC_STAT_HEIGHT] < CRUMB * marks.shape[0]
    upon = np.bincount(labels[left & wide], minlength=len(stats)) > UPON * stats[:, cv.CC_STAT_AREA]
    gone = upon | at_lines & (low | (stats[:, cv.CC_STAT_WIDTH] <= SLIM)) | (stats[:, cv.CC_STAT_AREA] < SPECK)
    gone[0] = True
    return np.asarray(~gone[labels])


def _grown(mask: _Mask, size: int) -> _Mask:
    return np.asarray(opencv().dilate(mask.view(np.uint8), np.ones((size, size), np.uint8)) > 0)


def _cells(written: _Mask, starts: NDArray[np.float64]) -> list[_Mask]:
    """What is written in each box: whole strokes where most of them lies, or cut where they go through several."""
    _, labels, stats, middles = opencv().connectedComponentsWithStats(written.astype(np.uint8), connectivity=8)
    pitch = (starts[-1] - starts[0]) / (len(starts) - 1)
    last = len(starts) - 2
    inner = np.clip(np.searchsorted(starts[1:-1], middles[:, 0]), 0, last)
    columns = np.clip(np.searchsorted(starts[1:-1], np.arange(written.shape[1])), 0, last)
    box = np.where((stats[:, opencv().CC_STAT_WIDTH] > 1.3 * pitch)[labels], columns[None], inner[labels])
    return [np.asarray(written & (box == number)) for number in range(last + 1)]


def _together(place: Page, cells: Sequence[_Mask], height: float) -> Row:
    parts: list[Page] = []
    pieces: list[tuple[int, int, int]] = []
    x = blanks = 0
    paper = _paper(place)
    for cell in cells:
        if not cell.any():
            blanks += bool(pieces)
            continue
        near = _grown(cell, 5)
        others = np.any([other for other in cells if other is not cell], axis=0) if len(cells) > 1 else ~near
        shown = near & ~others
        filled = np.flatnonzero(shown.any(axis=0))
        left, right = int(filled[0]), int(filled[-1]) + 1
        room = round((GAP + BLANK * blanks if pieces else 1.0) * height)
        parts.append(np.full((place.shape[0], room), paper))
        parts.append(np.where(shown, place, paper)[:, left:right])
        x += room
        pieces.append((x, x + right - left, left - x))
        x += right - left
        blanks = 0
    parts.append(np.full((place.shape[0], round(height)), paper))
    return Row(np.concatenate(parts, axis=1), tuple(pieces))


def _paper(place: Page) -> np.uint8:
    """The level of most of it."""
    return np.uint8(np.median(place))

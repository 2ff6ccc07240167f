"""A page to its lines: where the numbers stand, each as a strip of ink that a network can read.

The shade of the paper is divided out (`paper.py`), the page is turned upright, print lines and boxes are taken away,
and the marks that are left are joined to lines by where they stand. All of it is decided on a reduced copy of the page;
the strips are cut from the page itself.
"""

import heapq
import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Final

import numpy as np
from numpy.typing import NDArray

from inkdigit.errors import BlankImageError
from inkdigit.image import Ink, Page
from inkdigit.number import Box
from inkdigit.paper import (
    INK_SHARE,
    LOWEST,
    MIN_CONTRAST,
    Levels,
    Mask,
    Sheet,
    darker,
    ink_start,
    is_grain,
    opencv,
    otsu,
    resized,
    sheet_of,
)

__all__ = ["Line", "Straight", "find_lines", "straightened"]

_Matrix = NDArray[np.float64]  # (3, 3), from places in one picture to those in another; whole numbers are pixel corners
_Boxes = NDArray[np.int64]  # (N, 4): left, top, right, bottom

MAX_LINES: Final = 500  # the largest on a page are read
MAX_BLOBS: Final = 2000  # the largest on a page are looked at; a page full of numbers has a few hundred

RULE_SHARE: Final = 0.15  # of the strength of ink that a print line must have to be taken away

RULE_STRENGTH: Final = 1.3  # times as dark as most of it may a print line be; what is darker there is ink upon it
RULES_APART: Final = 12  # pixels

MAX_LEAN: Final = 16  # degrees that a page may be turned
STRAIGHT: Final = 0.4  # degrees; less is not turned back
LEAN_POINTS: Final = 20_000  # pixels of ink on which the lean is measured,
ROUGH_POINTS: Final = 5_000  # and to half a degree beforehand
OUTLINE: Final = 15  # pixels, that a filled bar on a form is thick at least
PRINT: Final = 20  # marks, fewer of which do not say how a form lies
SHARPER: Final = 1.25  # times as sharp must rows be when turned back
FEW: Final = 4  # marks, at most, on a page that may hold a one and a sign alone
MUCH_SHARPER: Final = 2.0  # the same, where there may be no rows

GAP: Final = 1.2  # heights of a line between two characters; a wider one divides two numbers
SIGN_GAP: Final = 1.2  # heights of a line between a number and a sign that belongs to it
SIGN_REACH: Final = 0.8  # heights of a line between a sign and the character behind it
SIGN_HEIGHT: Final = 0.45  # heights of a line; what is lower is a sign, a dot, or dirt
BAND: Final = 0.3  # heights of a line that a sign may hang below it
STROKES_SHARE: Final = (0.1, 0.6)  # of the middle of joined digits' box that is ink; a box has less, a shadow more
DUST: Final = 0.35  # of the usual height on the page; lower lines are dirt
LIKE: Final = 1.6  # times as high as another, at most, is what one hand writes in one size
WHOLE: Final = 0.75  # of the usual height is the least that a whole character has
LONELY: Final = 3  # marks of like height, fewer of which do not say how high characters are
COMPANY: Final = 8  # marks of like height, so many of which do,
NUMBER: Final = (2, 12)  # where they stand in lines of so many: crumbs stand alone, and print is longer
RING: Final = (0.6, 1.4)  # heights of a character, that what a ring goes round and the ring have at least
BELOW: Final = 0.25  # of a heading's height, that numbers below it have at most; print beside large digits has more
HEADING: Final = 4  # times as many as the characters of a heading are those below it
MARK: Final = (5, 12)  # times as high as a character is a stamp or a tick; beside what is lower still it is a digit
SOLID: Final = 0.85  # of the ellipse in its box fills a crumb, and no stroke
DISC: Final = (0.93, 1.07)  # of it fills a disc, with what pixels and noise do to its edge
ROUND: Final = 1.2  # times as wide as high, or as high as wide, a disc may seem
LEFTOVER: Final = 0.06  # heights of a character, that what is left of a print line is thick
SHEET: Final = 4  # lines across a page, level or upright, that are print though nothing else is on it
DASH: Final = 30  # times its height, which no dash is wider than
SHORTEST: Final = 0.3  # heights of a character, of a stroke that may stand upon a print line
DARKER: Final = 0.7  # times as dark as what was taken of the line is what is left of such a stroke
LOWEST_SIDE: Final = 0.9  # heights of a character, of the side of a box round it
HIGHEST_SIDE: Final = 2.5  # the same; higher ones are found well without the level lines
EXACT: Final = 2  # pixels, by which a print line may miss another at which it ends
EVEN: Final = 0.04  # of their distance, by which lines at an even pitch may miss it
CELL_SHARE: Final = 0.25  # of a cell's height that a character in it must have
CELL: Final = 1.35  # heights of a line; print lines that are closer are squared paper, not the edges of cells
SQUARE: Final = 2.0  # the same; up to there they still are where there are rows and columns of squares,
SQUARES: Final = (12, 4)  # at least so many: more than a sudoku or a week has
SQUARE_MISS: Final = 0.1  # of a square, by which a line of squared paper may miss its place
MARGIN: Final = 0.15  # of its height round a line, above and below
SIDE_MARGIN: Final = 0.3  # of its height, at both ends
MAX_LINE_HEIGHT: Final = 192  # pixels; higher lines are reduced


@dataclass(frozen=True, slots=True, eq=False)
class Line:
    """One number, or several with blanks between them, as it stands on a page.

    Attributes:
        ink: (h, w) uint8, 0 is paper and 255 is full ink, grey levels between; upright, with a margin of 15 % of the
            number's height above and below, and of 30 % at both ends.
        matrix: (3, 3) float64, from places in `ink` to places on the page, where whole numbers are corners of pixels.
        page_shape: height and width of the page, in pixels.
    """

    ink: Ink
    matrix: NDArray[np.float64]
    page_shape: tuple[int, int]

    def part(self, start: int, stop: int) -> "Line":
        """What stands between two columns of `ink`."""
        return Line(self.ink[:, start:stop], self.matrix @ _shift(start, 0), self.page_shape)

    def place(self, x0: float, y0: float, x1: float, y1: float) -> Box:
        """The box on the page round a rectangle of the line's own pixels, at least one pixel wide and high.

        Args:
            x0: left edge, in pixels of `ink`.
            y0: upper edge.
            x1: right edge, beyond the last pixel.
            y1: lower edge, beyond the last pixel.

        Returns:
            The box in pixels of the page, clipped to it.
        """
        return _placed(self.matrix, self.page_shape, (x0, y0, x1, y1))


@dataclass(frozen=True, slots=True, eq=False)
class Straight:
    """A page whose rows are level.

    Attributes:
        page: (H, W) uint8, dark ink on light paper.
        matrix: (3, 3) float64, from places on it to places on the page as it came, where whole numbers are corners of
            pixels.
    """

    page: Page
    matrix: NDArray[np.float64]

    def place(self, box: Box) -> Box:
        """The box on the page as it came, in its pixels and clipped to it, round one on the straight page."""
        edges = (box.x, box.y, box.x + box.width, box.y + box.height)
        return _placed(self.matrix, (self.page.shape[0], self.page.shape[1]), edges)


def _placed(matrix: NDArray[np.float64], shape: tuple[int, int], edges: tuple[float, float, float, float]) -> Box:
    """The box on a page of that shape, at least one pixel wide and high, round a turned rectangle."""
    x0, y0, x1, y1 = edges
    xs, ys, _ = matrix @ np.array([[x0, x1, x0, x1], [y0, y0, y1, y1], [1, 1, 1, 1]], np.float64)
    (left, right), (top, bottom) = _span(xs, shape[1]), _span(ys, shape[0])
    return Box(left, top, right - left, bottom - top)


def _span(values: NDArray[np.float64], size: int) -> tuple[int, int]:
    start = min(max(round(float(values.min())), 0), size - 1)
    return start, min(max(round(float(values.max())), start + 1), size)


def find_lines(page: Page) -> list[Line]:
    """Find the numbers on a page.

    Args:
        page: (H, W) uint8, dark ink on light paper, upright, as `inkdigit.image.read_page` makes it.

    Returns:
        The lines in reading order: rows from top to bottom, and each row from left to right. None where what is on the
        page cannot be a number.

    Raises:
        BlankImageError: no ink on the page.
        MissingExtraError: OpenCV is not installed.
    """
    sheet = sheet_of(page)
    marked = _Marked(sheet.marks)
    if not marked.mask.any():
        raise BlankImageError("the page is blank; write a number on it")
    if is_grain(marked.mask):
        return []
    frame = _upright(marked)
    lines = _in_reading_order(_groups(frame))
    return [_cut(sheet, frame, line) for line in lines]


def straightened(page: Page) -> Straight:
    """Turn a page about its middle so that its rows are level; as it is where they are, or where it shows few marks.

    A few strokes do not say how the paper lies, and a wrong turn would move all that stands far from the middle. What
    the turn brings in at the corners is as light as most of the page.

    Args:
        page: (H, W) uint8, dark ink on light paper, as `inkdigit.image.read_page` makes it.

    Raises:
        MissingExtraError: OpenCV is not installed.
    """
    lean = _lean_of(page)
    if not lean:
        return Straight(page, np.eye(3))
    height, width = page.shape
    back = _shift(width / 2, height / 2) @ _spin(lean) @ _shift(-width / 2, -height / 2)
    return Straight(_warp(page, back, (height, width), round(float(np.median(page)))), back)


def _lean_of(page: Page) -> float:
    try:
        marked = _Marked(sheet_of(page).marks)
    except BlankImageError:
        return 0.0
    is_form = marked.mask.any() and not is_grain(marked.mask) and len(marked.blobs.numbers) >= PRINT
    return _lean(marked, _outlines(marked.mask)) if is_form else 0.0


def _outlines(mask: Mask) -> Mask:
    """Ink without the inside of what is thick: a filled bar says by its edges how it lies."""
    inside = opencv().erode(mask.view(np.uint8), np.ones((OUTLINE, OUTLINE), np.uint8))
    return np.asarray(mask & (inside == 0))


# ---- the page upright and without print lines ----


@dataclass(frozen=True, eq=False)
class _Blobs:
    """Marks that hang together."""

    labels: NDArray[np.int32]  # (H, W): 0, or the number of a blob
    numbers: NDArray[np.int64]  # (N,) in `labels`
    boxes: _Boxes
    areas: NDArray[np.int64]  # pixels of ink

    @property
    def widths(self) -> NDArray[np.int64]:
        return np.asarray(self.boxes[:, 2] - self.boxes[:, 0])

    @property
    def heights(self) -> NDArray[np.int64]:
        return np.asarray(self.boxes[:, 3] - self.boxes[:, 1])

    @property
    def solid(self) -> NDArray[np.bool_]:
        """Which are filled, as a disc or a crumb is."""
        return np.asarray(self.areas > SOLID * math.pi / 4 * self.widths * self.heights)

    @property
    def discs(self) -> NDArray[np.bool_]:
        """Which are round and filled, as a punched hole is and hardly any digit, however thick the pen."""
        share = self.areas / (math.pi / 4 * self.widths * self.heights)
        is_round = np.maximum(self.widths, self.heights) <= ROUND * np.minimum(self.widths, self.heights)
        return np.asarray(is_round & (share >= DISC[0]) & (share <= DISC[1]))

    @cached_property
    def holds(self) -> NDArray[np.bool_]:
        return _holds(self)

    @cached_property
    def usual_height(self) -> float:
        return _usual_height(self)

    def kept(self, which: NDArray[np.bool_]) -> "_Blobs":
        return self if which.all() else _Blobs(self.labels, self.numbers[which], self.boxes[which], self.areas[which])


@dataclass(frozen=True, eq=False)
class _Marked:
    """Marks, and what of them is ink; each part is worked out once, when it is first asked for."""

    marks: Levels

    @cached_property
    def start(self) -> NDArray[np.float32]:
        return ink_start(self.marks)

    @cached_property
    def mask(self) -> Mask:
        return np.asarray(self.marks > self.start)

    @cached_property
    def blobs(self) -> _Blobs:
        return _found(self.mask)

    def blobs_of(self, rest: Levels) -> _Blobs:
        """The blobs of what is left of the marks, by the same strength of ink."""
        return self.blobs if rest is self.marks else _found(rest > self.start)


@dataclass(frozen=True, slots=True, eq=False)
class _Frame:
    """The reduced copy turned upright, with nothing on it but ink."""

    blobs: _Blobs
    erased: Mask  # where print lines were taken away
    edges: _Boxes  # of table cells and boxes: upright print lines that divide what stands beside them
    matrix: _Matrix  # to the reduced copy


def _upright(marked: _Marked) -> _Frame:
    """Turn the page so that its rows are level, and take print lines away."""
    return _frame(marked, _lean(marked, marked.mask))


def _lean(marked: _Marked, mask: Mask) -> float:
    """How far rows rise to the right, in degrees: that turn which makes the rows of the mask's pixels differ most."""
    ys, xs = np.nonzero(mask)
    step = max(1, len(xs) // LEAN_POINTS)
    points = np.stack([xs[::step], ys[::step]]).astype(np.float64)
    side = max(mask.shape)
    few = points[:, :: max(1, points.shape[1] // ROUGH_POINTS)]
    rough = max(np.arange(-MAX_LEAN, MAX_LEAN + 0.1, 0.5), key=lambda angle: _sharpness(few, angle, side))
    lean = float(max(rough + np.arange(-0.4, 0.45, 0.1), key=lambda angle: _sharpness(points, angle, side)))
    gain = _sharpness(points, lean, side) / _sharpness(points, 0.0, side)
    needed = SHARPER if _is_row(marked.blobs) else MUCH_SHARPER
    return lean if gain > needed and STRAIGHT < abs(lean) < MAX_LEAN - 0.5 else 0.0


def _is_row(blobs: _Blobs) -> bool:
    """Whether there are several characters; the strokes of one alone say nothing about how the paper lies."""
    return int(np.count_nonzero(blobs.heights >= SIGN_HEIGHT * blobs.usual_height)) >= 3


def _sharpness(points: NDArray[np.float64], angle: float, side: int) -> float:
    """How unequal the rows are on which the points lie, when turned back by the angle."""
    turn = math.radians(angle)
    rows = points[1] * math.cos(turn)
    rows += points[0] * math.sin(turn)
    rows *= 1000 / max(side, 1000)
    rows -= rows.min()
    counts = np.bincount(rows.astype(np.intp))
    return float(counts @ counts)


def _turned(shape: tuple[int, ...], angle: float) -> tuple[_Matrix, tuple[int, int]]:
    """The matrix from a turned picture to the one before, and the size that holds all of it: rows, columns."""
    turn = math.radians(angle)
    cos, sin = math.cos(turn), math.sin(turn)
    height, width = shape
    rows, columns = math.ceil(height * cos + width * abs(sin)), math.ceil(width * cos + height * abs(sin))
    return _shift(width / 2, height / 2) @ _spin(angle) @ _shift(-columns / 2, -rows / 2), (rows, columns)


def _spin(angle: float) -> _Matrix:
    """Back by so many degrees about the upper left corner."""
    turn = math.radians(angle)
    cos, sin = math.cos(turn), math.sin(turn)
    return np.array([[cos, sin, 0], [-sin, cos, 0], [0, 0, 1]])


def _shift(x: float, y: float) -> _Matrix:
    return np.array([[1, 0, x], [0, 1, y], [0, 0, 1]], np.float64)


def _warp(levels: Levels, matrix: _Matrix, shape: tuple[int, int], outside: int = 0) -> Levels:
    """The picture of that shape whose places the matrix leads to places in the one given."""
    cv = opencv()
    centres = _shift(-0.5, -0.5) @ matrix @ _shift(0.5, 0.5)
    flags = cv.INTER_LINEAR | cv.WARP_INVERSE_MAP
    size = (shape[1], shape[0])
    return np.asarray(cv.warpAffine(levels, centres[:2], size, flags=flags, borderValue=outside))


def _frame(marked: _Marked, lean: float) -> _Frame:
    matrix, shape = _turned(marked.marks.shape, lean)
    turned = _Marked(_warp(marked.marks, matrix, shape)) if lean else marked
    rules = _rules(turned)
    rest = _without(turned.marks, rules.ruled)
    erased = rest < turned.marks
    left = turned if rest is turned.marks else _Marked(rest)
    blobs = _not_beyond(_not_along(left.blobs, turned.marks, rest, rules.height), rules)
    if rules.ruled and not rules.height:  # a sheet with nothing on it but its lines
        blobs = blobs.kept(np.zeros(len(blobs.numbers), np.bool_))
    return _Frame(_plausible(blobs), erased, rules.edges, matrix)


# ---- print lines ----


@dataclass(frozen=True, slots=True, eq=False)
class _Strokes:
    """Straight level strokes that may be print lines, each with its box."""

    lines: Levels  # how dark they are
    least: NDArray[np.float32]  # how dark they must be
    labels: NDArray[np.int32]
    boxes: _Boxes
    thickness: NDArray[np.float64]

    @property
    def lengths(self) -> NDArray[np.int64]:
        return np.asarray(self.boxes[:, 2] - self.boxes[:, 0])


@dataclass(frozen=True, slots=True, eq=False)
class _Ruled:
    """Those of some strokes that are print lines."""

    strokes: _Strokes
    which: NDArray[np.bool_]
    upright: bool  # then the strokes are those of the picture turned about its diagonal

    @property
    def boxes(self) -> _Boxes:
        boxes = self.strokes.boxes[self.which]
        return boxes[:, [1, 0, 3, 2]] if self.upright else boxes

    @property
    def lengths(self) -> NDArray[np.int64]:
        return self.strokes.lengths[self.which]

    def but(self, places: _Boxes) -> "_Ruled":
        """Without those that lie there."""
        which = self.which.copy()
        which[which] = ~_overlap(self.boxes, places).any(axis=1)
        return replace(self, which=which)

    @property
    def mask(self) -> Mask:
        """(H, W) where the lines are in the picture."""
        mask = self.which[self.strokes.labels] & (self.strokes.lines > self.strokes.least)
        return mask.T if self.upright else mask

    def by_thickness(self) -> Iterator[tuple[int, Levels]]:
        """How dark the lines are in the picture, in groups of about the same thickness, in pixels."""
        classes = np.where(self.which, np.ceil(np.log2(np.maximum(self.strokes.thickness, 2))), 0)
        for value in np.unique(classes[self.which]):
            level = np.zeros_like(self.strokes.lines)
            for number in np.flatnonzero(classes == value):
                self._lay(level, int(number))
            yield round(2**value), np.ascontiguousarray(level.T) if self.upright else level

    def _lay(self, level: Levels, number: int) -> None:
        """Lay one line on a picture: what is near its axis, and no darker than it is along most of its length."""
        left, top, right, bottom = self.strokes.boxes[number]
        window = slice(top, bottom), slice(left, right)
        lines = np.where(self.strokes.labels[window] == number, self.strokes.lines[window], 0)
        ys, xs = np.nonzero(lines > self.strokes.least[window])
        if len(xs) < 2:
            return
        reach = max(1.5, self.strokes.thickness[number] / 2 + 1)
        axis = _axis(xs, ys, reach)
        off = np.abs(np.arange(bottom - top)[:, None] - np.polyval(axis, np.arange(right - left))[None])
        strength = RULE_STRENGTH * float(np.percentile(lines.max(axis=0), 40))
        lines = np.where(off <= reach, np.minimum(lines, strength), 0).astype(np.uint8)
        level[window] = np.maximum(level[window], lines)


def _axis(xs: NDArray[np.int64], ys: NDArray[np.int64], reach: float) -> NDArray[np.float64]:
    """The straight line through most of the points: slope and height."""
    axis = np.polyfit(xs, ys, 1) if np.ptp(xs) else np.array([0.0, ys.mean()])
    for _ in range(2):
        off = np.abs(ys - np.polyval(axis, xs))
        near = off <= max(reach, float(np.median(off)))
        if np.ptp(xs[near]):
            axis = np.polyfit(xs[near], ys[near], 1)
    return np.asarray(axis)


@dataclass(frozen=True, slots=True, eq=False)
class _Rules:
    """Print lines of a page turned upright, and the height of its characters."""

    ruled: list[_Ruled]
    height: float

    @property
    def level(self) -> _Boxes:
        """Those that are level."""
        return np.concatenate([np.zeros((0, 4), np.int64), *(some.boxes for some in self.ruled if not some.upright)])

    @property
    def edges(self) -> _Boxes:
        """The upright ones that divide what stands to both sides of them."""
        upright = [some.boxes for some in self.ruled if some.upright]
        if not upright:
            return np.zeros((0, 4), np.int64)
        edges = np.concatenate(upright)
        return _dividing(edges[~_is_squared(edges, self.level, self.height)], self.height)


def _rules(marked: _Marked) -> _Rules:
    """Print lines: first those across the page, then those that are long beside the characters."""
    marks = marked.marks
    faint = marked.start * (RULE_SHARE / INK_SHARE)
    first = _crossing(marks, faint)
    rest = _without(marks, first)
    height = marked.blobs_of(rest).usual_height
    if first and not _fits(height, marks.shape) and not any(some.which.sum() >= SHEET for some in first):
        first, rest = [], marks
        height = marked.blobs.usual_height
    if not height:
        return _Rules(first, height)
    if not first and not _fits(height, marks.shape):
        return _cell(marked, faint, height)
    return _Rules(_with_sides(marks, faint, height, [*first, *_framing(rest, faint, height, first)]), height)


def _cell(marked: _Marked, faint: NDArray[np.float32], height: float) -> _Rules:
    """Print lines of a picture that one thing fills: a box, if there is a character in it when its lines are gone."""
    marks = marked.marks
    ruled = _framing(marks, faint, 0.4 * min(marks.shape), [])
    rest = _without(marks, ruled)
    boxes = _not_along(marked.blobs_of(rest), marks, rest, 0.4 * min(marks.shape)).boxes
    if not len(boxes):
        return _Rules([], height)
    left, top, right, bottom = boxes[np.argmax(boxes[:, 3] - boxes[:, 1])]
    inside = min(left, top) > 1 and right < marks.shape[1] - 1 and bottom < marks.shape[0] - 1
    return _Rules(ruled if inside and bottom - top > CELL_SHARE * marks.shape[0] else [], height)


def _strokes(marks: Levels, start: NDArray[np.float32], length: int) -> _Strokes:
    """The level strokes of (H, W) marks that are so long at least."""
    cv = opencv()
    marks, start = np.ascontiguousarray(marks), np.ascontiguousarray(start)
    wide = cv.dilate(marks, np.ones((3, 1), np.uint8))
    window = np.ones((1, max(3, length)), np.uint8)
    lines = cv.min(cv.morphologyEx(wide, cv.MORPH_OPEN, window, borderType=cv.BORDER_REPLICATE), marks)
    shapes = (lines > start).view(np.uint8)
    labels, boxes, _ = _components(cv.dilate(shapes, np.ones((3, 5), np.uint8)))
    area = np.bincount(labels.ravel()[np.flatnonzero(shapes)], minlength=len(boxes))
    return _Strokes(lines, start, labels, boxes, area / np.maximum(boxes[:, 2] - boxes[:, 0], 1))


def _crossing(marks: Levels, start: NDArray[np.float32]) -> list[_Ruled]:
    """The lines across the page."""
    lying = _strokes(marks, start, marks.shape[1] // 6)
    standing = _strokes(marks.T, start.T, marks.shape[0] // 6)
    flat, upright = _is_crossing(lying), _is_crossing(standing)
    several = _is_several(lying)
    if several.any():
        flat, upright = flat | several, upright | _is_several(standing)
    return [_Ruled(lying, flat, False), _Ruled(standing, upright, True)] if flat.any() or upright.any() else []


def _is_crossing(strokes: _Strokes) -> NDArray[np.bool_]:
    """Which are print lines from end to end."""
    width = strokes.lines.shape[1]
    ends = (strokes.boxes[:, 0] <= 0.04 * width) & (strokes.boxes[:, 2] >= 0.96 * width)
    return np.asarray(ends & _is_thin(strokes, 0.03 * width + 2))


def _is_several(strokes: _Strokes) -> NDArray[np.bool_]:
    """Which are long print lines of many, as ruled and squared paper has; lines of a pattern are nearer together."""
    width = strokes.lines.shape[1]
    long = (strokes.lengths >= 0.3 * width) & _is_thin(strokes, 0.03 * width + 2)
    long &= strokes.thickness <= strokes.lengths / 15
    apart = np.diff(np.sort(strokes.boxes[long, 1]))
    several = len(apart) >= 3 and np.median(apart) >= RULES_APART
    return long if several else np.zeros_like(long)


def _is_thin(strokes: _Strokes, thickness: float) -> NDArray[np.bool_]:
    drift = strokes.boxes[:, 3] - strokes.boxes[:, 1] - strokes.thickness
    return np.asarray((strokes.thickness <= thickness) & (drift <= 4 + 0.04 * strokes.lengths) & (strokes.lengths > 0))


def _fits(height: float, shape: tuple[int, ...]) -> bool:
    """Whether characters so high leave room for print lines on a picture of that shape; 0 stands for no characters."""
    return height > 0 and (height <= 0.7 * shape[0] or 2 * height <= shape[1])


def _framing(marks: Levels, start: NDArray[np.float32], height: float, known: list[_Ruled]) -> list[_Ruled]:
    """The lines that are long beside the characters, and those that make up boxes, some of whose lines are known."""
    length = round(1.2 * height)
    lying, standing = _strokes(marks, start, length), _strokes(marks.T, start.T, length)
    none = [np.zeros((0, 4), np.int64)]
    level = np.concatenate([*none, *(some.strokes.boxes[some.which] for some in known if not some.upright)])
    upright = np.concatenate([*none, *(some.strokes.boxes[some.which] for some in known if some.upright)])
    flat, stand = _printed(lying, standing, height, level, upright)
    return [_Ruled(lying, flat, False), _Ruled(standing, stand, True)]


def _printed(
    lying: _Strokes, standing: _Strokes, height: float, level: _Boxes, upright: _Boxes
) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Which level and which upright strokes are print: long ones, and those that make up boxes, with others known."""
    flat, stand = (_is_thin(s, max(3.0, 0.3 * height)) & (s.lengths >= 1.25 * height) for s in (lying, standing))
    long_flat, long_stand = lying.lengths >= 3.5 * height, standing.lengths >= 4 * height
    while True:
        fewer = stand & (long_stand | _ends_meet(standing, np.concatenate([level, lying.boxes[flat]]), height))
        still = flat & (long_flat | _ends_meet(lying, np.concatenate([upright, standing.boxes[fewer]]), height))
        if (fewer == stand).all() and (still == flat).all():
            return flat, stand
        flat, stand = still, fewer


def _ends_meet(strokes: _Strokes, others: _Boxes, height: float) -> NDArray[np.bool_]:
    """Which strokes begin and end at one of the others, which lie across them, or at the edge of the picture."""
    near = max(4.0, 0.25 * height)
    across = others[:, [1, 0, 3, 2]][None]
    boxes = strokes.boxes[:, None]
    beside = (across[..., 1] <= boxes[..., 3] + near) & (across[..., 3] >= boxes[..., 1] - near)
    middle = (across[..., 0] + across[..., 2]) / 2
    first = (beside & (np.abs(middle - boxes[..., 0]) <= near)).any(axis=1) | (strokes.boxes[:, 0] <= 2)
    last = (beside & (np.abs(middle - boxes[..., 2]) <= near)).any(axis=1)
    return np.asarray(first & (last | (strokes.boxes[:, 2] >= strokes.lines.shape[1] - 2)))


def _with_sides(marks: Levels, start: NDArray[np.float32], height: float, ruled: list[_Ruled]) -> list[_Ruled]:
    """Print lines, and beside them the sides of boxes hardly higher than a character.

    The sides are looked for among all marks: with the level lines taken away, little is left of them.
    """
    level = [some.mask for some in ruled if not some.upright and some.which.any()]
    if not level:
        return ruled
    standing = _strokes(marks.T, start.T, round(LOWEST_SIDE * height))
    low = np.flatnonzero(_is_thin(standing, max(3.0, 0.15 * height)) & (standing.lengths <= HIGHEST_SIDE * height))
    boxes = standing.boxes[low][:, [1, 0, 3, 2]] + (1, 2, -1, -2)  # as they were before they were widened
    before, behind = _goes_off(boxes, np.any(level, axis=0))
    side = _closes(boxes, standing.thickness[low], before, behind, height)
    for some in ruled:
        if some.upright:
            side &= ~_overlap(boxes, some.boxes[some.lengths > HIGHEST_SIDE * height]).any(axis=1)
    which = np.zeros(len(standing.boxes), np.bool_)
    which[low[side]] = True
    others = [some.but(boxes[side]) if some.upright else some for some in ruled]
    return [*others, _Ruled(standing, which, True)]


def _goes_off(boxes: _Boxes, level: Mask) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """(N, 2) above and below, whether a level print line goes off to the left and to the right, right where one ends.

    A handwritten stroke stops short of the line, or juts out beyond it, if only by a pixel or two.
    """
    reach = 2 * EXACT
    padded = np.pad(level, reach + 4)
    before, behind = (np.zeros((len(boxes), 2), np.bool_) for _ in range(2))
    for row, (left, top, right, bottom) in enumerate((boxes + reach + 4).tolist()):
        for goes, columns in ((before, slice(left - 6, left - 1)), (behind, slice(right + 1, right + 6))):
            above = np.asarray(padded[top - reach : top + EXACT + 1, columns].any(axis=1))
            below = np.asarray(padded[bottom - EXACT - 1 : bottom + reach, columns].any(axis=1))
            goes[row] = above.any() and not above[:EXACT].any(), below.any() and not below[-EXACT:].any()
    return before, behind


def _overlap(boxes: _Boxes, others: _Boxes) -> NDArray[np.bool_]:
    """(N, M) which have a place in common."""
    first, second = boxes[:, None], others[None]
    return np.asarray(((first[..., :2] < second[..., 2:]) & (second[..., :2] < first[..., 2:])).all(axis=2))


def _closes(
    boxes: _Boxes,
    thickness: NDArray[np.float64],
    before: NDArray[np.bool_],
    behind: NDArray[np.bool_],
    height: float,
) -> NDArray[np.bool_]:
    """Which upright strokes are the sides of a row of boxes, by where level lines go off to their left and right.

    At the first and the last one the level lines end; the others have two like them at an even pitch, one on each side
    or both on the same one.
    """
    middles = (boxes[:, 0] + boxes[:, 2]) / 2
    apart = middles[None] - middles[:, None]
    miss = EXACT + EVEN / 2 * np.abs(apart)
    alike = np.asarray((np.abs(boxes[:, None, [1, 3]] - boxes[None][..., [1, 3]]) <= miss[..., None]).all(axis=2))
    alike &= np.abs(thickness[:, None] - thickness[None]) <= EXACT
    alike &= (np.abs(apart) > 0.5 * height) & np.asarray((before | behind).all(axis=1))[None]
    first = behind.all(axis=1) & ~before.any(axis=1)
    last = before.all(axis=1) & ~behind.any(axis=1)
    side = np.asarray(
        first & (alike & last & (apart > 0)).any(axis=1) | last & (alike & first & (apart < 0)).any(axis=1)
    )
    for row in np.flatnonzero((before | behind).all(axis=1) & (alike & side).any(axis=1)):
        others = apart[row, alike[row]]
        one, other = others[:, None], others[None]
        exact = EXACT + EVEN * np.abs(one)
        side[row] |= ((np.abs(one + other) <= exact) | (np.abs(2 * one - other) <= exact)).any()
    return side


def _dividing(edges: _Boxes, height: float) -> _Boxes:
    """The upright lines that divide: not those of squared paper, or of a field with a box for each character."""
    middles = (edges[:, 0] + edges[:, 2]) / 2
    apart = np.abs(middles[:, None] - middles[None])
    together = np.minimum(edges[:, None, 3], edges[None, :, 3]) > np.maximum(edges[:, None, 1], edges[None, :, 1])
    apart = np.where(together & (apart > 0.3 * height), apart, np.inf)
    return edges[~(apart < CELL * height).any(axis=1)]


def _without(marks: Levels, ruled: Iterable[_Ruled]) -> Levels:
    """Marks without print lines; a stroke that crosses a line is whole again."""
    cv = opencv()
    rest = marks
    for some in ruled:
        for thickness, lines in some.by_thickness():
            edge = 3 if thickness < 4 else 5
            lines = cv.dilate(lines, np.ones((edge, edge), np.uint8))
            left = cv.subtract(rest, lines)
            window = np.ones((thickness + edge, thickness + edge), np.uint8)
            joined = cv.min(cv.morphologyEx(left, cv.MORPH_CLOSE, window), rest)
            rest = np.where(lines > 0, np.maximum(left, joined), rest).astype(np.uint8)
    return rest


def _is_squared(upright: _Boxes, level: _Boxes, height: float) -> NDArray[np.bool_]:
    """Which upright lines are those of squared paper, some of which may have been missed."""
    columns, rows = ((boxes[:, side] + boxes[:, side + 2]) / 2 for boxes, side in ((upright, 0), (level, 1)))
    (first, wide, across), (_, high, down) = _pitch(columns, height), _pitch(rows, height)
    if across < SQUARES[0] or down < SQUARES[1] or wide > SQUARE * height or abs(wide - high) > SQUARE_MISS * high:
        return np.zeros(len(upright), np.bool_)
    steps = (columns - first) / wide
    return np.asarray(np.abs(steps - np.rint(steps)) <= SQUARE_MISS)


def _pitch(places: NDArray[np.float64], height: float) -> tuple[float, float, int]:
    """Where evenly spaced lines begin, how far apart they are, and how many of them have the next one there."""
    places = np.sort(places)
    places = places[np.diff(places, prepend=-np.inf) > 0.3 * height]  # a line in pieces is one
    apart = np.diff(places)
    if not len(apart):
        return 0.0, 1.0, 0
    usual = float(np.median(apart[apart < 1.5 * np.percentile(apart, 25)]))
    steps = np.concatenate([[0], np.rint(apart / usual).cumsum()])
    pitch, first = np.polyfit(steps, places, 1)
    even = np.abs(apart - pitch) <= SQUARE_MISS * pitch
    return float(first), float(pitch), int(np.count_nonzero(even))


# ---- ink to lines ----


def _found(mask: Mask) -> _Blobs:
    """The largest blobs of a mask."""
    labels, boxes, areas = _components(mask.view(np.uint8))
    least = max(2, round(max(mask.shape) / 500))
    size = (boxes[:, 2:] - boxes[:, :2]).max(axis=1)
    numbers = np.flatnonzero((size >= least) & (areas >= 3))
    largest = np.argsort(-size[numbers], kind="stable")[:MAX_BLOBS]
    numbers = numbers[largest]
    return _Blobs(labels, numbers, boxes[numbers], areas[numbers])


def _components(mask: Levels) -> tuple[NDArray[np.int32], _Boxes, NDArray[np.int64]]:
    """What hangs together in a mask of zeros and ones: (H, W) the number of each, its box, and its pixels.

    Nothing is 0, and its box and its pixels are counted as none.
    """
    cv = opencv()
    labels = np.zeros(mask.shape, np.int32)
    left, top, width, height = cv.boundingRect(mask)
    if not width:
        return labels, np.zeros((1, 4), np.int64), np.zeros(1, np.int64)
    window = slice(top, top + height), slice(left, left + width)
    _, labels[window], stats, _ = cv.connectedComponentsWithStats(mask[window], connectivity=8)
    stats = stats.astype(np.int64)
    stats[0] = 0
    boxes = np.hstack([stats[:, :2], stats[:, :2] + stats[:, 2:4]])
    boxes[1:] += (left, top, left, top)
    return labels, boxes, stats[:, cv.CC_STAT_AREA]


def _usual_height(blobs: _Blobs) -> float:
    """The height of a character on the page; 0 where there is none."""
    holds = blobs.holds
    slim = np.maximum(blobs.heights, blobs.widths) > 7 * np.minimum(blobs.heights, blobs.widths)
    whole = ~holds & (blobs.heights >= 6)
    ones = whole & slim & (blobs.heights > blobs.widths)
    if np.count_nonzero(whole) <= FEW and blobs.heights[ones].max(initial=0) > 3 * blobs.heights[~slim].max(initial=0):
        whole = ones  # a one beside a minus is no print line beside a character
    heights = np.sort(blobs.heights[whole & ~slim] if (whole & ~slim).any() else blobs.heights[whole])
    if not len(heights):
        return 0.0
    return _heaviest(heights)


def _heaviest(heights: NDArray[np.int64]) -> float:
    """The height up to which half of the ink is, of (N,) from the lowest to the highest; N >= 1."""
    weight = np.square(heights).cumsum()
    return float(heights[np.searchsorted(weight, weight[-1] / 2)])


def _holds(blobs: _Blobs) -> NDArray[np.bool_]:
    """Which blobs have another one inside their box that is no dot: boxes and shadows, not digits that touch."""
    large = blobs.heights[None] >= 0.25 * blobs.heights[:, None]
    holds = np.asarray((_inside(blobs) & large).any(axis=1))
    holds[holds] = [not _is_filled(blobs, row) for row in np.flatnonzero(holds).tolist()]
    return np.asarray(holds)


def _inside(blobs: _Blobs) -> NDArray[np.bool_]:
    """(N, N) in whose box (rows) which others (columns) are."""
    outer, inner = blobs.boxes[:, None], blobs.boxes[None]
    inside = (inner[..., :2] >= outer[..., :2]).all(axis=2) & (inner[..., 2:] <= outer[..., 2:]).all(axis=2)
    return np.asarray(inside & ~np.eye(len(blobs.boxes), dtype=np.bool_))


def _is_filled(blobs: _Blobs, row: int) -> bool:
    """Whether strokes of a blob run through the middle of its box, as those of joined digits do, and no box's."""
    left, top, right, bottom = blobs.boxes[row].tolist()
    x, y = (right - left) // 4, (bottom - top) // 4
    middle = blobs.labels[top + y : bottom - y, left + x : right - x] == blobs.numbers[row]
    return bool(STROKES_SHARE[0] < middle.mean() < STROKES_SHARE[1])


def _not_along(blobs: _Blobs, marks: Levels, rest: Levels, height: float) -> _Blobs:
    """Without what is left of print lines, on a page with characters so high: slim, beside them, and short or faint."""
    if rest is marks:
        return blobs
    slim = np.minimum(blobs.heights, blobs.widths) <= max(2.0, LEFTOVER * height)  # not a dot or a dash upon a line
    slim |= (blobs.widths < 0.3 * height) & (blobs.heights > 2 * blobs.widths)
    short = np.maximum(blobs.heights, blobs.widths) < SHORTEST * height
    inked = np.flatnonzero(blobs.labels)
    labels, left = blobs.labels.ravel()[inked], rest.ravel()[inked]
    taken = opencv().dilate(marks - rest, np.ones((5, 5), np.uint8)).ravel()[inked]
    beside, faint = (
        np.bincount(labels, weights=which)[blobs.numbers] >= 0.6 * np.bincount(labels)[blobs.numbers]
        for which in (taken > 0, (taken > 0) & (left <= np.maximum(DARKER * taken, MIN_CONTRAST)))
    )
    return blobs.kept(~(slim & np.where(short, beside, faint)))


def _not_beyond(blobs: _Blobs, rules: _Rules) -> _Blobs:
    """Without what a level print line divides from the rest, and the edge of the picture cuts: a neighbour's foot."""
    size = blobs.labels.shape[0]
    top, bottom = blobs.boxes[:, 1], blobs.boxes[:, 3]
    cut = np.zeros(len(top), np.bool_)
    for left, upper, right, lower in rules.level:
        beside = (blobs.boxes[:, 0] < right) & (blobs.boxes[:, 2] > left) & (blobs.heights < 0.6 * rules.height)
        cut |= beside & ((top <= 1) & (bottom <= upper + 2) | (bottom >= size - 1) & (top >= lower - 2))
    return blobs.kept(~cut)


def _plausible(blobs: _Blobs) -> _Blobs:
    """Without what is far too large for a character."""
    height = blobs.usual_height
    if not height:
        return blobs
    huge = (blobs.heights > MARK[0] * height) & ~_headings(blobs, height)
    return blobs.kept(~(huge | (blobs.holds & (blobs.heights > 2 * height)) | _rings(blobs, height)))


def _headings(blobs: _Blobs, height: float) -> NDArray[np.bool_]:
    """Which are large beside characters so high, and stand in a line of like ones: a stamp or a tick stands alone."""
    large = np.flatnonzero(~blobs.holds & (blobs.heights > MARK[0] * height) & (blobs.heights < MARK[1] * height))
    boxes, heights = blobs.boxes[large], blobs.heights[large]
    gap = np.maximum(boxes[:, None, 0], boxes[:, 0]) - np.minimum(boxes[:, None, 2], boxes[:, 2])
    shared = np.minimum(boxes[:, None, 3], boxes[:, 3]) - np.maximum(boxes[:, None, 1], boxes[:, 1])
    linked = _is_like(heights, heights[:, None]) & (gap < GAP * heights) & (2 * shared > heights)
    headings = np.zeros(len(blobs.heights), np.bool_)
    for part in _parts(linked | linked.T):
        headings[large[part]] = len(part) >= LONELY
    return headings


def _rings(blobs: _Blobs, height: float) -> NDArray[np.bool_]:
    """Which go round a character that is so high; a zero goes round its dot or its slash, and is no higher itself."""
    rings = blobs.holds & (blobs.heights > RING[1] * height)
    if not rings.any():
        return rings
    inside = _inside(blobs) & (blobs.heights > RING[0] * height)
    for row in np.flatnonzero(rings).tolist():
        rings[row] = any(_goes_round(blobs, row, inner) for inner in np.flatnonzero(inside[row]).tolist())
    return np.asarray(rings)


def _goes_round(blobs: _Blobs, outer: int, inner: int) -> bool:
    """Whether a blob has ink on three sides or four of the middle of another, as an open ring has."""
    left, top, right, bottom = blobs.boxes[outer].tolist()
    x, y = (blobs.boxes[inner, :2] + blobs.boxes[inner, 2:]) // 2
    along, down = (line == blobs.numbers[outer] for line in (blobs.labels[y, left:right], blobs.labels[top:bottom, x]))
    sides = along[: x - left], along[x - left :], down[: y - top], down[y - top :]
    return sum(bool(side.any()) for side in sides) >= 3


@dataclass(frozen=True, slots=True, eq=False)
class _Group:
    """Blobs of one line: rows of `_Blobs`, and the box round them."""

    rows: NDArray[np.int64]
    box: tuple[int, int, int, int]
    height: int  # of its highest blob

    @classmethod
    def of(cls, blobs: _Blobs, rows: NDArray[np.int64]) -> "_Group":
        boxes = blobs.boxes[rows]
        left, top = boxes[:, :2].min(axis=0).tolist()
        right, bottom = boxes[:, 2:].max(axis=0).tolist()
        return cls(rows, (left, top, right, bottom), int(blobs.heights[rows].max()))


def _groups(frame: _Frame) -> list[_Group]:
    blobs = frame.blobs
    if not len(blobs.boxes):
        return []
    groups = [_Group.of(blobs, rows) for rows in _parts(_linked(blobs, frame.edges))]
    usual = _beside_marks(blobs, groups)
    marks = [group for group in groups if group.height > MARK[0] * usual]  # digits beside them are no signs of theirs
    groups = _with_signs(blobs, [group for group in groups if group.height <= MARK[0] * usual], frame.edges)
    groups += [group for group in marks if not blobs.holds[group.rows].any()]
    sizes = np.where(blobs.widths > DASH * blobs.heights, 0, np.maximum(blobs.heights, blobs.widths / 3))
    largest = [float(sizes[group.rows].max()) for group in groups]
    least = max(LOWEST, DUST * min(usual, max(largest, default=0)))
    kept = [(size, group) for size, group in zip(largest, groups, strict=True) if size >= least]
    if len(kept) > 1:  # one alone may be whatever was drawn
        kept = [(size, group) for size, group in kept if not (len(group.rows) == 1 and blobs.discs[group.rows[0]])]
    return [group for _, group in sorted(kept, key=lambda pair: -pair[0])[:MAX_LINES]]


def _beside_marks(blobs: _Blobs, groups: list[_Group]) -> float:
    """The usual height, or that of numbers where it is that of few marks beside them: a stamp, a tick or a heading."""
    usual = blobs.usual_height or math.inf
    large = int(np.count_nonzero(_is_like(blobs.heights, usual)))
    rows = [group.rows for group in groups if NUMBER[0] <= len(group.rows) <= NUMBER[1]]
    heights = np.sort(blobs.heights[[row for some in rows for row in some if not blobs.solid[row]]])
    heights = heights[(heights < BELOW * usual) & (MARK[1] * heights > usual)]
    company = max(COMPANY, HEADING * large)
    many = np.array([np.count_nonzero(_is_like(heights, height)) >= company for height in heights], np.bool_)
    return _heaviest(heights[many]) if many.any() else usual


def _is_like(heights: NDArray[np.int64], height: float | NDArray[np.int64] | NDArray[np.float64]) -> NDArray[np.bool_]:
    return np.asarray((heights < LIKE * height) & (height < LIKE * heights))


def _linked(blobs: _Blobs, edges: _Boxes) -> NDArray[np.bool_]:
    """(N, N) which blobs stand side by side in a line."""
    left, top, right, bottom = (blobs.boxes[:, [side]] for side in range(4))
    height = (bottom - top).astype(np.float64)
    larger, smaller = np.maximum(height, height.T), np.minimum(height, height.T)
    gap = np.maximum(left, left.T) - np.minimum(right, right.T)
    shared = np.minimum(bottom, bottom.T) - np.maximum(top, top.T)
    beside = (gap < GAP * larger) & (shared > 0.35 * smaller) & (smaller > SIGN_HEIGHT * larger)
    above = -gap > 0.3 * np.minimum(right - left, (right - left).T)
    broken = above & ((shared > -0.1 * larger) | (shared > -0.25 * larger) & (smaller < 0.75 * larger))
    broken &= ~_in_two_rows(blobs, beside, broken, shared)
    return np.asarray((beside | broken) & ~_divided(blobs, edges))


def _in_two_rows(
    blobs: _Blobs, beside: NDArray[np.bool_], broken: NDArray[np.bool_], shared: NDArray[np.int64]
) -> NDArray[np.bool_]:
    """(N, N) which of the blobs that may be parts of one broken character are of two, one below the other.

    Both are as high as a character, and neither has one beside it that is as high as both together; or one is a part,
    and nearer to another character.
    """
    whole = _whole(blobs, beside)
    highest = np.where(beside, blobs.heights, 0).max(axis=1)
    together = blobs.heights[:, None] + blobs.heights - np.minimum(shared, 0)
    apart = whole[:, None] & whole & (np.minimum(highest[:, None], highest) < WHOLE * together)
    nearest = np.where(broken & whole, shared, -np.inf).max(axis=1, keepdims=True)
    strange = whole & ~whole[:, None] & (shared < nearest)
    return np.asarray(apart | strange | strange.T)


def _whole(blobs: _Blobs, beside: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """(N,) which are as high as characters: as most beside them, or where few are, as many on the page.

    Where most are halves of characters, they are wider than high.
    """
    rows = beside | np.eye(len(beside), dtype=np.bool_)
    in_row = rows.sum(axis=1) >= LONELY
    others = math.inf
    if np.count_nonzero(_is_like(blobs.heights, blobs.usual_height)) >= COMPANY:
        others = blobs.usual_height
    elif np.count_nonzero(in_row) >= COMPANY:  # below a heading
        others = float(np.median(blobs.heights[in_row]))
    usual = np.where(in_row, _medians(rows, blobs.heights), others)
    heights, places = np.unique(usual, return_inverse=True)
    are_high = _medians(_is_like(blobs.heights, heights[:, None]), blobs.widths) < heights
    return np.asarray((blobs.heights > WHOLE * usual) & are_high[places])


def _medians(which: NDArray[np.bool_], values: NDArray[np.int64]) -> NDArray[np.int64]:
    """(N,) the median of those of (M,) values that each of (N, M) rows chooses."""
    order = np.argsort(values)
    counts = which[:, order].cumsum(axis=1, dtype=np.int32)
    return np.asarray(values[order][(2 * counts >= counts[:, -1:]).argmax(axis=1)])


def _divided(blobs: _Blobs, edges: _Boxes) -> NDArray[np.bool_]:
    """(N, N) which blobs have an upright print line between them."""
    middle = (blobs.boxes[:, 0] + blobs.boxes[:, 2]) / 2
    top, bottom = blobs.boxes[:, 1], blobs.boxes[:, 3]
    divided = np.zeros((len(middle), len(middle)), np.bool_)
    for left, upper, right, lower in edges:
        beside = (top < lower) & (bottom > upper)
        before, behind = beside & (middle < (left + right) / 2), beside & (middle >= (left + right) / 2)
        divided |= before[:, None] & behind[None] | behind[:, None] & before[None]
    return divided


def _parts(linked: NDArray[np.bool_]) -> list[NDArray[np.int64]]:
    """Rows that are linked to each other, directly or through others."""
    left = np.ones(len(linked), np.bool_)
    parts = []
    while left.any():
        part = np.zeros(len(linked), np.bool_)
        new = np.zeros_like(part)
        new[left.argmax()] = True
        while new.any():
            part |= new
            new = linked[new].any(axis=0) & ~part
        parts.append(np.flatnonzero(part))
        left &= ~part
    return parts


def _with_signs(blobs: _Blobs, groups: list[_Group], edges: _Boxes) -> list[_Group]:
    """Join signs, dots and parts of digits to the lines in which they stand, the nearest first."""
    divided = _divided(blobs, edges)
    met: list[_Group] = []  # all that there are and were; a pair that is joined comes in as one more
    boxes, heights = np.zeros((2 * len(groups), 4), np.int64), np.zeros(2 * len(groups), np.int64)
    there = np.zeros(2 * len(groups), np.bool_)
    pairs: list[tuple[int, tuple[int, int], tuple[int, int]]] = []  # how far apart; the larger one, the smaller one

    def enter(group: _Group) -> None:
        number, others = len(met), np.flatnonzero(there)
        met.append(group)
        boxes[number], heights[number], there[number] = group.box, group.height, True
        is_larger = heights[others] >= group.height
        large, small = np.where(is_larger, others, number), np.where(is_larger, number, others)
        distances = _distances(boxes[large], boxes[small])
        takes = _takes(boxes[large], heights[large], boxes[small], heights[small], distances)
        for distance, first, second in zip(*(some[takes].tolist() for some in (distances, large, small)), strict=True):
            heapq.heappush(pairs, (distance, (-met[first].height, first), (-met[second].height, second)))

    for group in groups:
        enter(group)
    while pairs:
        _, (_, first), (_, second) = heapq.heappop(pairs)
        if there[first] and there[second] and not divided[np.ix_(met[first].rows, met[second].rows)].any():
            there[[first, second]] = False
            enter(_Group.of(blobs, np.concatenate([met[first].rows, met[second].rows])))
    return sorted((met[number] for number in np.flatnonzero(there)), key=lambda group: -group.height)


def _distances(some: _Boxes, others: _Boxes) -> NDArray[np.int64]:
    """(N,) how much paper is between boxes from left to right; less than none where they overlap."""
    return np.asarray(np.maximum(some[:, 0], others[:, 0]) - np.minimum(some[:, 2], others[:, 2]))


def _takes(
    large: _Boxes,
    height: NDArray[np.int64],
    small: _Boxes,
    small_height: NDArray[np.int64],
    distances: NDArray[np.int64],
) -> NDArray[np.bool_]:
    """(N,) whether the smaller one is a sign or a part of a character of the larger, or goes on behind a sign of it."""
    shared = np.minimum(large[:, 3], small[:, 3]) - np.maximum(large[:, 1], small[:, 1])
    goes_on = (distances < SIGN_REACH * height) & (shared > 0.35 * small_height)
    middle = (small[:, 1] + small[:, 3]) / 2
    is_level = (large[:, 1] - 0.15 * height <= middle) & (middle <= large[:, 3] + BAND * height)
    return np.asarray(np.where(small_height > 0.6 * height, goes_on, is_level & (distances <= SIGN_GAP * height)))


def _in_reading_order(groups: list[_Group]) -> list[_Group]:
    """Rows from top to bottom, each from left to right."""
    rows: list[list[_Group]] = []
    for group in sorted(groups, key=lambda group: group.box[1] + group.box[3]):
        middle = (group.box[1] + group.box[3]) / 2
        if rows and any(other.box[1] <= middle <= other.box[3] for other in rows[-1]):
            rows[-1].append(group)
        else:
            rows.append([group])
    return [group for row in rows for group in sorted(row, key=lambda group: group.box[0])]


# ---- lines to strips ----


def _cut(sheet: Sheet, frame: _Frame, group: _Group) -> Line:
    """The strip of a group of marks, from the page itself."""
    left, top, right, bottom = group.box
    height = bottom - top
    step = max(1 / sheet.factor, height / MAX_LINE_HEIGHT)  # pixels of the copy in one of the strip
    above, side = MARGIN * height, SIDE_MARGIN * height
    shape = max(1, round((height + 2 * above) / step)), max(1, round((right - left + 2 * side) / step))
    matrix = _shift(left - side, top - above) @ np.diag([step, step, 1.0])
    near, x, y = _near(frame, group)
    keep = _warp(near, _shift(-x, -y) @ matrix, shape)
    marks = _strip(sheet, frame.matrix @ matrix, shape, step)
    ink = opencv().multiply(_stretched(marks, keep), keep, scale=1 / 255)
    full = np.diag([sheet.factor, sheet.factor, 1.0]) @ frame.matrix @ matrix
    return Line(ink, full, (sheet.page.shape[0], sheet.page.shape[1]))


def _near(frame: _Frame, group: _Group) -> tuple[Levels, int, int]:
    """What of the upright copy belongs to the group, with soft edges, and where its upper left corner is."""
    cv = opencv()
    left, top, right, bottom = group.box
    reach = max(1, round(0.12 * (bottom - top)))
    edge = 2 * reach + 1
    chosen = np.zeros(int(frame.blobs.labels.max()) + 1, np.uint8)
    chosen[frame.blobs.numbers[group.rows]] = 255
    labels = frame.blobs.labels[max(0, top - edge) : bottom + edge, max(0, left - edge) : right + edge]
    mask = chosen[labels]
    others = (labels > 0) & (mask == 0)
    x, y = max(0, left - edge), max(0, top - edge)
    erased = frame.erased[y : y + mask.shape[0], x : x + mask.shape[1]]
    mask = cv.copyMakeBorder(mask, edge, edge, edge, edge, cv.BORDER_CONSTANT)
    away = cv.distanceTransform(255 - mask, cv.DIST_L2, cv.DIST_MASK_5)  # a disc of any size costs the same
    wide = np.where(away <= reach, 255, 0).astype(np.uint8)
    wide[edge:-edge, edge:-edge][others | erased] = 0
    wide = np.maximum(wide, mask)
    return np.asarray(cv.blur(wide, (3, 3))), x - edge, y - edge


def _strip(sheet: Sheet, matrix: _Matrix, shape: tuple[int, int], step: float) -> Levels:
    """Marks of the page where the strip lies; the matrix leads to places on the reduced copy."""
    if step >= 1:
        scale = 1 / step
        small = resized(sheet.marks, scale)
        exact = np.diag([small.shape[1] / sheet.marks.shape[1], small.shape[0] / sheet.marks.shape[0], 1.0])
        return _warp(small, exact @ matrix, shape)
    full = np.diag([sheet.page.shape[1] / sheet.shade.shape[1], sheet.page.shape[0] / sheet.shade.shape[0], 1.0])
    return darker(_warp(sheet.page, full @ matrix, shape, outside=255), _warp(sheet.shade, matrix, shape, outside=255))


def _stretched(marks: Levels, keep: Levels) -> Levels:
    """Marks of a strip as ink: what is paper's grain at 0, and strokes at 255."""
    near = marks[keep > 127]
    if near.size == 0:
        return marks
    cut = otsu(near)
    strokes, paper = near[near > cut], near[near <= cut]
    full = float(np.percentile(strokes, 60)) if strokes.size else 255.0
    start = min(float(np.percentile(paper, 75)) if paper.size else 0.0, 0.3 * full)
    return np.asarray(np.clip((marks - start) * (255 / max(full - start, 1)), 0, 255), np.uint8)

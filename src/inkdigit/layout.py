"""A page to its lines: where the numbers stand, each as a strip of ink that a network can read.

The shade of the paper is divided out, print lines and boxes are taken away, and what is left is joined to lines by
where it stands. All of it is decided on a reduced copy; the strips are cut from the page itself.
"""

import math
from dataclasses import dataclass
from types import ModuleType
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from inkdigit.errors import BlankImageError, MissingExtraError
from inkdigit.image import Ink, Page
from inkdigit.number import Box

__all__ = ["Line", "find_lines"]

_Levels = NDArray[np.uint8]  # (H, W), 0 is paper and 255 is black ink
_Mask = NDArray[np.uint8]  # (H, W), 0 or 255
_Matrix = NDArray[np.float64]  # (3, 3), from the corners of pixels to the corners of pixels

WORKING_PIXELS: Final = 2_000_000  # of the copy on which lines are looked for
MIN_CONTRAST: Final = 20  # of 255, between ink and paper; under it there is nothing on the page

SHADE_SIDE: Final = 320  # pixels, longest side of the copy on which the shade of the paper is estimated
SHADE_WINDOW: Final = 1 / 8  # of that side; strokes are narrower than that
NOISE_MARGIN: Final = 2.5  # standard deviations of the paper's grain that still are paper
INK_SHARE: Final = 0.4  # of the strength of ink nearby, that a mark must have to be ink

GAP: Final = 1.25  # heights of a line between two characters; a wider one divides two numbers
SIGN_GAP: Final = 1.3  # heights of a line between a character and a sign
SMALL: Final = 0.45  # of the height of a line; what is lower is a sign, a dot or dirt
MARGIN: Final = 0.15  # of its height round a line, above and below
SIDE_MARGIN: Final = 0.3  # of its height, at both ends
MAX_LINE_HEIGHT: Final = 192  # pixels; higher lines are reduced


@dataclass(frozen=True, slots=True, eq=False)
class Line:
    """One number, as it stands on a page.

    Attributes:
        ink: (h, w) uint8, 0 is paper and 255 is full ink, grey levels between; upright, with a margin of 15 % of the
            number's height above and below, and of 30 % at both ends.
        matrix: (3, 3) float64, from the line's own pixels to those of the page; whole numbers are corners of pixels.
        page_shape: height and width of the page, in pixels.
    """

    ink: Ink
    matrix: NDArray[np.float64]
    page_shape: tuple[int, int]

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
        corners = self.matrix @ np.array([[x0, x1, x0, x1], [y0, y0, y1, y1], [1, 1, 1, 1]], np.float64)
        height, width = self.page_shape
        left, right = _span(corners[0], width)
        top, bottom = _span(corners[1], height)
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
    sheet = _Sheet.of(page)
    return [sheet.cut(group) for group in _in_reading_order(_groups(_blobs(sheet.mask)))]


def _opencv() -> ModuleType:
    try:
        import cv2
    except ModuleNotFoundError as error:
        raise MissingExtraError("opencv-python-headless", "read") from error
    return cv2


# ---- page to marks ----


@dataclass(frozen=True, slots=True, eq=False)
class _Sheet:
    """A page and its reduced copy, parted into paper and marks."""

    page: Page
    shade: _Levels  # of the reduced copy: its paper, as if there were no ink
    marks: _Levels  # of the reduced copy: how much darker than its paper each pixel is
    mask: _Mask  # of the reduced copy: ink
    factor: float  # pixels of the page in one of the copy

    @classmethod
    def of(cls, page: Page) -> "_Sheet":
        cv = _opencv()
        factor = max(1.0, math.sqrt(page.size / WORKING_PIXELS))
        small = _resized(page, 1 / factor)
        shade = _shade(small)
        marks = 255 - cv.divide(small, shade, scale=255)
        mask = _inked(marks)
        return cls(page, shade, marks, mask, factor)

    def cut(self, group: "_Group") -> Line:
        """The strip of a group of marks, from the page itself."""
        cv = _opencv()
        height = group.bottom - group.top
        step = max(1 / self.factor, height / MAX_LINE_HEIGHT)  # pixels of the copy in one of the strip
        pad, side = MARGIN * height, SIDE_MARGIN * height
        rows = max(1, round((height + 2 * pad) / step))
        columns = max(1, round((group.right - group.left + 2 * side) / step))
        matrix = np.array([[step, 0, group.left - side], [0, step, group.top - pad], [0, 0, 1]], np.float64)
        keep = _warp(self.near(group), matrix, rows, columns)
        marks = self.strip(matrix, rows, columns, step)
        ink = cv.multiply(_stretched(marks, keep), keep, scale=1 / 255)
        scale = np.diag([self.factor, self.factor, 1.0])
        return Line(ink, scale @ matrix, (self.page.shape[0], self.page.shape[1]))

    def near(self, group: "_Group") -> _Mask:
        cv = _opencv()
        reach = max(1, round(0.15 * (group.bottom - group.top)))
        mask = np.zeros_like(self.mask)
        for blob in group.blobs:
            window = (slice(blob.top, blob.bottom), slice(blob.left, blob.right))
            mask[window] |= blob.shape
        mask = cv.dilate(mask, cv.getStructuringElement(cv.MORPH_ELLIPSE, (2 * reach + 1, 2 * reach + 1)))
        return np.asarray(cv.blur(mask, (reach | 1, reach | 1)))

    def strip(self, matrix: _Matrix, rows: int, columns: int, step: float) -> _Levels:
        """Marks of the page where the strip lies."""
        cv = _opencv()
        if step >= 1:
            return _warp(self.marks, matrix, rows, columns)
        full = np.diag([self.factor, self.factor, 1.0]) @ matrix
        levels = _warp(self.page, full, rows, columns, outside=255)
        shade = _warp(self.shade, matrix, rows, columns, outside=255)
        return np.asarray(255 - cv.divide(levels, shade, scale=255))


def _resized(levels: _Levels, scale: float) -> _Levels:
    """A smaller copy in averages; the same where the scale is 1 or more."""
    if scale >= 1:
        return levels
    cv = _opencv()
    height, width = levels.shape
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    return np.asarray(cv.resize(levels, size, interpolation=cv.INTER_AREA))


def _warp(levels: _Levels, matrix: _Matrix, rows: int, columns: int, outside: int = 0) -> _Levels:
    """The picture that the matrix, from its pixels to those given, makes."""
    cv = _opencv()
    centres = (
        np.array([[1, 0, -0.5], [0, 1, -0.5], [0, 0, 1]]) @ matrix @ np.array([[1, 0, 0.5], [0, 1, 0.5], [0, 0, 1]])
    )
    flags = cv.INTER_LINEAR | cv.WARP_INVERSE_MAP
    return np.asarray(
        cv.warpAffine(
            levels, centres[:2], (columns, rows), flags=flags, borderMode=cv.BORDER_CONSTANT, borderValue=outside
        )
    )


def _shift(distance: float) -> _Matrix:
    return np.array([[1, 0, distance], [0, 1, distance], [0, 0, 1]], np.float64)


def _shade(small: _Levels) -> _Levels:
    """The paper as if there were no ink on it: the lightest nearby, and then as much darker as paper is on average."""
    cv = _opencv()
    tiny = cv.GaussianBlur(_resized(small, SHADE_SIDE / max(small.shape)), (3, 3), 0)
    side = max(3, round(max(tiny.shape) * SHADE_WINDOW)) | 1
    window = np.ones((side, side), np.uint8)
    light = cv.morphologyEx(tiny, cv.MORPH_CLOSE, window, borderType=cv.BORDER_REPLICATE)
    light = cv.blur(light, (side // 2 | 1, side // 2 | 1), borderType=cv.BORDER_REPLICATE)
    below = cv.subtract(light, tiny)
    cut, _ = cv.threshold(below, 0, 255, cv.THRESH_OTSU)
    paper = (below <= cut).astype(np.float32)
    usual = cv.blur(below * paper, (side, side)) / np.maximum(cv.blur(paper, (side, side)), 0.01)
    shade = np.clip(light - usual, 1, 255).astype(np.uint8)
    return np.asarray(cv.resize(shade, small.shape[::-1], interpolation=cv.INTER_LINEAR))


def _inked(marks: _Levels) -> _Mask:
    """Which marks are ink."""
    cv = _opencv()
    cut, _ = cv.threshold(marks, 0, 255, cv.THRESH_OTSU)
    ink, paper = marks[marks > cut], marks[marks <= cut]
    if ink.size == 0 or np.percentile(ink, 70) < MIN_CONTRAST:
        raise BlankImageError("the page is blank; write a number on it")
    grain = math.sqrt(float(np.square(paper, dtype=np.float32).mean()))
    start = max(NOISE_MARGIN * grain, INK_SHARE * float(np.percentile(ink, 70)))
    return np.asarray((marks > start) * np.uint8(255))


def _stretched(marks: _Levels, keep: _Mask) -> _Levels:
    """Marks of a strip as ink: what is paper's grain at 0, and strokes at 255."""
    near = marks[keep > 127]
    if near.size == 0:
        return marks
    cut = _otsu(near)
    strokes, paper = near[near > cut], near[near <= cut]
    full = float(np.percentile(strokes, 60)) if strokes.size else 255.0
    start = min(float(np.percentile(paper, 75)) if paper.size else 0.0, 0.3 * full)
    return np.asarray(np.clip((marks - start) * (255 / max(full - start, 1)), 0, 255), np.uint8)


def _otsu(levels: NDArray[Any]) -> float:
    cv = _opencv()
    return float(cv.threshold(np.ascontiguousarray(levels).reshape(1, -1), 0, 255, cv.THRESH_OTSU)[0])


# ---- marks to lines ----


@dataclass(frozen=True, slots=True, eq=False)
class _Blob:
    """Marks that hang together, with their box in pixels of the reduced copy."""

    left: int
    top: int
    right: int
    bottom: int
    shape: _Mask  # of its box

    @property
    def height(self) -> int:
        return self.bottom - self.top

    @property
    def width(self) -> int:
        return self.right - self.left


@dataclass(frozen=True, slots=True, eq=False)
class _Group:
    blobs: tuple[_Blob, ...]

    @property
    def left(self) -> int:
        return min(blob.left for blob in self.blobs)

    @property
    def top(self) -> int:
        return min(blob.top for blob in self.blobs)

    @property
    def right(self) -> int:
        return max(blob.right for blob in self.blobs)

    @property
    def bottom(self) -> int:
        return max(blob.bottom for blob in self.blobs)


def _blobs(mask: _Mask) -> list[_Blob]:
    cv = _opencv()
    count, labels, boxes, _ = cv.connectedComponentsWithStats(mask, connectivity=8)
    blobs = []
    for label in range(1, count):
        left, top, width, height, area = boxes[label].tolist()
        if area < 4:
            continue
        window = labels[top : top + height, left : left + width]
        blobs.append(_Blob(left, top, left + width, top + height, (window == label) * np.uint8(255)))
    return blobs


def _groups(blobs: list[_Blob]) -> list[_Group]:
    groups: list[list[_Blob]] = []
    for blob in sorted(blobs, key=lambda blob: -blob.height):
        joined = [group for group in groups if _belongs(blob, group)]
        groups = [group for group in groups if not any(group is other for other in joined)]
        groups.append([blob, *(other for group in joined for other in group)])
    tallest = max((blob.height for blob in blobs), default=0)
    widest = max((blob.width for blob in blobs), default=0)
    size = max(tallest, widest / 2)
    kept = [group for group in groups if max(max(b.height, b.width / 2) for b in group) >= 0.35 * size]
    return [_Group(tuple(group)) for group in kept]


def _belongs(blob: _Blob, group: list[_Blob]) -> bool:
    height = max(max(other.height for other in group), max(other.width for other in group) / 3)
    return any(_beside(blob, other, height) for other in group)


def _beside(blob: _Blob, other: _Blob, height: float) -> bool:
    gap = max(blob.left, other.left) - min(blob.right, other.right)
    apart = max(blob.top, other.top) - min(blob.bottom, other.bottom)
    return gap < GAP * height and apart < 0.3 * height


def _in_reading_order(groups: list[_Group]) -> list[_Group]:
    rows: list[list[_Group]] = []
    for group in sorted(groups, key=lambda group: group.top + group.bottom):
        middle = (group.top + group.bottom) / 2
        row = next((row for row in rows if any(other.top < middle < other.bottom for other in row)), None)
        if row is None:
            rows.append([group])
        else:
            row.append(group)
    return [group for row in rows for group in sorted(row, key=lambda group: group.left)]

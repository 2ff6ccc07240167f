"""Strokes -> ink, as the page draws them: what a pen wrote is data, and a picture is painted from it on demand.

The page's own `paper.js` and `raster.js` do the same, to the last bit: every operation here stands there, in the same
order and in 64 bits. One drawing unit is one pixel of the picture that the page posts, y points down, and the paper is
280 units high.
"""

import itertools
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from inkdigit.errors import BlankImageError
from inkdigit.image import MIN_CONTRAST, Ink, encode_png
from inkdigit.number import Box

__all__ = [
    "Paper",
    "Sheet",
    "Stroke",
    "Strokes",
    "as_png",
    "draw",
    "is_one_digit",
    "paint",
    "painting_cost",
    "paper_for",
    "parse_strokes",
]

SIDE: Final = 280  # drawing units, the height of the paper
PEN_WIDTH: Final = 19.0  # drawing units, of a stroke that does not say; the page begins with it
MIN_WIDTH, MAX_WIDTH = 1.0, 40.0  # drawing units; the page's pens have 4 to 38
LOW, HIGH = -64.0, 2048.0  # drawing units, of a coordinate; the page's pad is 600 wide, and a turned phone's more
MAX_STROKES: Final = 500
MAX_POINTS: Final = 20_000  # of all strokes together
MAX_LENGTH: Final = 200_000.0  # drawing units, the way of the pen: what painting costs goes by it

OFF: Final = 20.0  # drawing units that the page follows a pen over the edge of its paper
GAP: Final = 0.02  # of the drawing's height; strokes that stand apart by less belong together
WIDEST_DIGIT: Final = 1.2  # times its height; what is wider is more than one digit
LOWEST_ROW: Final = 42.0  # drawing units; a lone stroke lower than this is a dash, and no row of joined digits

FLAT: Final = 0.02  # pixels that a curve may stand off the straight pieces it is painted in
PIECE: Final = 16.0  # pixels, the longest such piece
TINY: Final = 1e-9
BATCH: Final = 50_000  # pixels that are worked on at a time: what fits a processor's cache

_Points = NDArray[np.float64]  # (N, 2): x, y
_Pieces = NDArray[np.float64]  # (M, 2, 2): from and to
_Shares = NDArray[np.float64]  # of a pixel, in [0, 1]


@dataclass(frozen=True, slots=True)
class Stroke:
    """What a round pen wrote between coming down and going up.

    Attributes:
        width: of the pen, in drawing units.
        points: (x, y) in drawing units, one at least; a single one is a dot.
    """

    width: float
    points: tuple[tuple[float, float], ...]


Strokes = tuple[Stroke, ...]


@dataclass(frozen=True, slots=True)
class Paper:
    """What the page lets one draw on, in drawing units: ink beyond its edges is out of sight."""

    width: float = 600.0
    height: float = 280.0


@dataclass(frozen=True, slots=True)
class Sheet:
    """A drawing on its paper.

    Attributes:
        strokes: at least one, in the order in which they were drawn.
        paper: what was in sight of them.
    """

    strokes: Strokes
    paper: Paper


@dataclass(frozen=True, slots=True)
class Bounds:
    """Round all ink, the width of the pen included; in drawing units."""

    left: float
    top: float
    right: float
    bottom: float


# ---- data to strokes ----


def parse_strokes(data: object) -> Strokes:
    """Check strokes that came from outside, such as the body of a request.

    Args:
        data: a list of strokes as `json.loads` gives them, each a list of [x, y], or an object with such a list as
            `points` and the pen's `width` (else 19).

    Raises:
        ValueError: that is no drawing, or a larger one than any hand makes; the text says where.

    >>> parse_strokes([[[80, 70], [200, 70], [130, 230]]])
    (Stroke(width=19.0, points=((80.0, 70.0), (200.0, 70.0), (130.0, 230.0))),)
    """
    strokes = tuple(_parse_stroke(stroke, f"stroke {i}") for i, stroke in enumerate(_items(data, "a drawing"), 1))
    check_strokes(strokes)
    return strokes


def check_strokes(strokes: Strokes) -> None:
    """Refuse what no hand draws and what would take long to paint.

    Raises:
        ValueError: a stroke has no point, a number is out of range or none, or there is too much of something.
    """
    if not 0 < len(strokes) <= MAX_STROKES:
        raise ValueError(f"a drawing has 1 to {MAX_STROKES} strokes, not {len(strokes)}")
    if sum(len(stroke.points) for stroke in strokes) > MAX_POINTS:
        raise ValueError(f"a drawing has at most {MAX_POINTS} points")
    for number, stroke in enumerate(strokes, 1):
        _check_stroke(stroke, f"stroke {number}")
    if sum(map(_length, strokes)) > MAX_LENGTH:
        raise ValueError(f"the way of the pen is longer than {MAX_LENGTH:.0f} units")


def check_paper(paper: Paper) -> None:
    """Refuse paper on which no page draws.

    Raises:
        ValueError: a side is out of range, or no number.
    """
    if not all(1 <= side <= HIGH for side in (paper.width, paper.height)):
        raise ValueError(f"the paper is 1 to {HIGH:.0f} units wide and high")


def _check_stroke(stroke: Stroke, name: str) -> None:
    if not stroke.points:
        raise ValueError(f"{name} has no point")
    if not MIN_WIDTH <= stroke.width <= MAX_WIDTH:
        raise ValueError(f"{name}: a pen is {MIN_WIDTH:.0f} to {MAX_WIDTH:.0f} units wide, not {stroke.width:.6g}")
    if not all(LOW <= value <= HIGH for point in stroke.points for value in point):
        raise ValueError(f"{name}: a coordinate is not in {LOW:.0f} to {HIGH:.0f}")


def _length(stroke: Stroke) -> float:
    return sum(math.dist(start, end) for start, end in itertools.pairwise(stroke.points))


def _parse_stroke(data: object, name: str) -> Stroke:
    if not isinstance(data, Mapping):
        return Stroke(PEN_WIDTH, _parse_points(data, name))
    if not {"points"} <= data.keys() <= {"points", "width"}:
        raise ValueError(f"{name} is an object with points and width, and nothing else")
    return Stroke(_number(data.get("width", PEN_WIDTH), name), _parse_points(data["points"], name))


def _parse_points(data: object, name: str) -> tuple[tuple[float, float], ...]:
    points = _items(data, name)
    if len(points) > MAX_POINTS:
        raise ValueError(f"a drawing has at most {MAX_POINTS} points")
    return tuple(_parse_point(point, name) for point in points)


def _parse_point(data: object, name: str) -> tuple[float, float]:
    pair = _items(data, f"a point of {name}")
    if len(pair) != 2:
        raise ValueError(f"a point of {name} is [x, y], two numbers")
    return _number(pair[0], name), _number(pair[1], name)


def _items(data: object, name: str) -> Sequence[Any]:
    if not isinstance(data, list | tuple):
        raise ValueError(f"{name} must be a list")
    return data


def _number(value: object, name: str) -> float:
    """A finite number; true and false are none, whatever Python thinks."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) <= 2 * HIGH:
        raise ValueError(f"{name}: a coordinate or width is no number from {LOW:.0f} to {HIGH:.0f}")
    return float(value)


# ---- strokes to where they stand: what the page's paper.js says ----


def bounds_of(strokes: Strokes) -> Bounds:
    """Round all ink of a drawing with at least one stroke."""
    return Bounds(
        min(x - stroke.width / 2 for stroke in strokes for x, _ in stroke.points),
        min(y - stroke.width / 2 for stroke in strokes for _, y in stroke.points),
        max(x + stroke.width / 2 for stroke in strokes for x, _ in stroke.points),
        max(y + stroke.width / 2 for stroke in strokes for _, y in stroke.points),
    )


def paper_for(strokes: Strokes, pad: Paper | None = None) -> Paper:
    """The paper that the page takes for a drawing: its pad's, or larger where the ink would not fit."""
    pad = pad or Paper()
    across = SIDE * pad.width / pad.height
    ink = bounds_of(strokes)
    fits = ink.right <= across + 2 * OFF and ink.bottom <= SIDE + 2 * OFF
    times = 1.0 if fits else max(ink.right / across, ink.bottom / SIDE)
    return Paper(across * times, SIDE * times)


def is_one_digit(strokes: Strokes) -> bool:
    """Whether a drawing can only be one digit: strokes above one another, and no wider than a digit is."""
    ink = bounds_of(strokes)
    width, height = ink.right - ink.left, ink.bottom - ink.top
    if _clusters(strokes, GAP * height) > 1:
        return False
    return width <= WIDEST_DIGIT * height or height < LOWEST_ROW


def _clusters(strokes: Strokes, gap: float) -> int:
    """How many groups of strokes stand side by side, with paper between them from top to bottom."""
    count, end = 0, -math.inf
    for ink in sorted((bounds_of((stroke,)) for stroke in strokes), key=lambda ink: ink.left):
        count += ink.left > end + gap
        end = max(end, ink.right)
    return count


def square_of(strokes: Strokes, paper: Paper) -> Box:
    """The square that the page posts for one digit: as high as the paper, with the ink in its middle if it can be."""
    ink = bounds_of(strokes)
    first, last = _clamp(ink.left, 0, paper.width), _clamp(ink.right, 0, paper.width)
    side = math.ceil(max(paper.height, last - first))
    left = _rounded(_clamp((first + last - side) / 2, 0, max(paper.width - side, 0)))
    return Box(left, 0, side, side)


def whole_of(paper: Paper) -> Box:
    """All of the paper, which the page posts for a number."""
    return Box(0, 0, _rounded(paper.width), _rounded(paper.height))


def _clamp(value: float, least: float, most: float) -> float:
    return min(max(value, least), most)


def _rounded(value: float) -> int:
    """A half is rounded up, as JavaScript does; Python's `round` takes the even one."""
    return math.floor(value + 0.5)


# ---- strokes to ink: what the page's raster.js does ----


def draw(strokes: Strokes, side: int = SIDE, paper: Paper | None = None) -> Ink:
    """Paint a drawing of one digit as the page posts it.

    Args:
        strokes: at least one.
        side: of the picture, in pixels; at 280 a pixel is a drawing unit.
        paper: on which it was drawn; that of the page's usual pad if not given.

    Returns:
        (side, side) uint8, 0 is paper and 255 is full ink.

    Raises:
        BlankImageError: none of the ink lies on the paper, or so little that a picture of it would count as blank.

    >>> seven = parse_strokes([[[380, 70], [500, 70], [430, 230]]])
    >>> drawing = draw(seven)
    >>> drawing.shape, int(drawing[70, 140]), int(drawing[20, 20])
    ((280, 280), 255, 0)
    """
    crop = square_of(strokes, paper or paper_for(strokes))
    ink = paint(strokes, crop, side / crop.height)
    if ink.max() < MIN_CONTRAST:
        raise BlankImageError("the drawing is blank: its strokes lie beside the paper")
    return ink


def painting_cost(strokes: Strokes) -> int:
    """How many pixels are looked at to paint a drawing at its own size, at most: what its time goes by."""
    return sum(_cost(stroke) for stroke in strokes)


def _cost(stroke: Stroke) -> int:
    pieces = _pieces(np.array(stroke.points, np.float64))
    return len(pieces) * _window(pieces, stroke.width / 2) ** 2


def _window(pieces: _Pieces, radius: float) -> int:
    """The side of a square that holds any of the pieces, drawn with a pen; in pixels."""
    return math.ceil(float(np.ptp(pieces, axis=1).max(initial=0)) + 2 * radius) + 3


def paint(strokes: Strokes, crop: Box, scale: float = 1.0) -> Ink:
    """Paint a piece of paper: round pens, round ends, curves through the middles of neighbouring points, soft edges.

    Args:
        strokes: at least one.
        crop: the piece, in drawing units.
        scale: pixels per drawing unit.

    Returns:
        (H, W) uint8, as large as the crop times the scale, 0 is paper and 255 is full ink.
    """
    height, width = _rounded(crop.height * scale), _rounded(crop.width * scale)
    bare = np.ones((height, width))
    for stroke in strokes:
        path = (np.array(stroke.points, np.float64) - (crop.x, crop.y)) * scale
        _take_off(bare, _pieces(path), stroke.width * scale / 2)
    return np.asarray(255 - np.floor(255 * bare + 0.5), np.uint8)


def as_png(strokes: Strokes, crop: Box) -> bytes:
    """The picture of a piece of paper as the page posts it: a PNG, black ink on white, a pixel for each unit."""
    return encode_png(np.divide(255 - paint(strokes, crop), 255, dtype=np.float32))


def _pieces(path: _Points) -> _Pieces:
    """(M, 2, 2) straight pieces, from and to, of the curve through the middles of neighbouring points of an (N, 2)."""
    if len(path) == 1:
        return np.stack([path, path], axis=1)
    middles = (path[1:-1] + path[2:]) / 2
    starts = np.concatenate([path[:1], middles])
    ends = np.concatenate([middles, path[-1:]])
    corners = np.concatenate([path[1:-1], (starts[-1:] + path[-1:]) / 2])
    counts = _counts(starts, corners, ends)
    curve = np.repeat(np.arange(len(counts)), counts)
    place = np.arange(len(curve)) - np.repeat(np.cumsum(counts) - counts, counts)
    shares = [((place + step) / counts[curve])[:, None] for step in (0, 1)]
    return np.stack([_on_curve(starts[curve], corners[curve], ends[curve], share) for share in shares], axis=1)


def _counts(starts: _Points, corners: _Points, ends: _Points) -> NDArray[np.intp]:
    """Into how many straight pieces each curve is cut: so many that they hardly stand off it, and none is long."""
    bend = _lengths(starts - 2 * corners + ends)
    way = _lengths(corners - starts) + _lengths(ends - corners)
    return np.asarray(np.ceil(np.maximum(np.sqrt(bend / (4 * FLAT)), way / PIECE)).clip(1), np.intp)


def _lengths(ways: _Points) -> NDArray[np.float64]:
    x, y = ways.T
    return np.asarray(np.sqrt(x * x + y * y))


def _on_curve(start: _Points, corner: _Points, end: _Points, share: _Points) -> _Points:
    left = 1 - share
    return np.asarray(left * left * start + 2 * share * left * corner + share * share * end)


def _take_off(bare: _Shares, pieces: _Pieces, radius: float) -> None:
    """Take off the bare paper what a round pen covers on its way along straight pieces.

    Only the pixels round a piece are looked at; those of two pieces are covered by the one that covers more of them.
    """
    window = _window(pieces, radius)
    corners = np.floor(pieces.min(axis=1) - radius).astype(np.intp) - 1
    seen = np.all((corners > -window) & (corners < bare.shape[::-1]), axis=1)
    if not seen.any():
        return
    low = corners[seen].min(axis=0)
    covered = np.zeros((corners[seen].max(axis=0) - low + window)[::-1])
    for piece, corner in _batches(pieces[seen], corners[seen], max(1, BATCH // window**2)):
        shares = _covered_windows(piece, corner, radius, window)
        for (x, y), share in zip((corner - low).tolist(), shares, strict=True):
            view = covered[y : y + window, x : x + window]
            np.maximum(view, share, out=view)
    left, top = np.maximum(low, 0)
    part = bare[top : low[1] + len(covered), left : low[0] + covered.shape[1]]
    part *= 1 - covered[top - low[1] :, left - low[0] :][: part.shape[0], : part.shape[1]]


def _batches(pieces: _Pieces, corners: NDArray[np.intp], size: int) -> Iterator[tuple[_Pieces, NDArray[np.intp]]]:
    for start in range(0, len(pieces), size):
        yield pieces[start : start + size], corners[start : start + size]


def _covered_windows(pieces: _Pieces, corners: NDArray[np.intp], radius: float, window: int) -> _Shares:
    """(M, window, window): the shares that each of M pieces covers of the pixels of its own window."""
    start_x, start_y, along_x, along_y = (part[:, None, None] for part in _starts_and_ways(pieces))
    middles = np.arange(window) + 0.5
    x = corners[:, 0, None, None] + middles - start_x
    y = corners[:, 1, None, None] + middles[:, None] - start_y
    length = np.maximum(along_x * along_x + along_y * along_y, TINY)
    share = (x * (along_x / length) + y * (along_y / length)).clip(0, 1)
    off_x, off_y = np.abs(x - share * along_x), np.abs(y - share * along_y)
    distance = np.sqrt(off_x * off_x + off_y * off_y)
    return _covered_share(radius - distance, off_x, off_y, np.maximum(distance, TINY))


def _starts_and_ways(pieces: _Pieces) -> tuple[_Shares, _Shares, _Shares, _Shares]:
    starts, ways = pieces[:, 0], pieces[:, 1] - pieces[:, 0]
    return starts[:, 0], starts[:, 1], ways[:, 0], ways[:, 1]


def _covered_share(depth: _Shares, across: _Shares, down: _Shares, distance: _Shares) -> _Shares:
    """The share of a pixel on the inner side of a straight edge.

    Args:
        depth: of the pixel's centre behind the edge, in pixels; negative in front of it.
        across: how far the edge's normal leads to either side.
        down: how far it leads up or down.
        distance: its length.
    """
    steep, flat = np.maximum(across, down) / distance, np.minimum(across, down) / distance
    past = np.abs(depth)
    over = ((steep + flat) / 2 - past).clip(0, None)
    corner = over * over / (2 * steep * flat + TINY)
    far = np.where(past <= (steep - flat) / 2, 0.5 - past / (steep + TINY), corner).clip(0, 0.5)
    return np.where(depth > 0, 1 - far, far)

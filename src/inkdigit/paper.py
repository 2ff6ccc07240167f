"""What of a page is paper and what are marks: shade, a desk round the paper and shadows upon it are taken away."""

import math
from dataclasses import dataclass
from types import ModuleType
from typing import Final

import numpy as np
from numpy.typing import NDArray

from inkdigit.errors import BlankImageError, MissingExtraError
from inkdigit.image import Page

__all__ = [
    "Levels",
    "Mask",
    "Sheet",
    "darker",
    "ink_start",
    "is_grain",
    "marks_on",
    "opencv",
    "otsu",
    "resized",
    "sheet_of",
]

Levels = NDArray[np.uint8]  # (H, W), 0 is paper and 255 is black ink
Mask = NDArray[np.bool_]  # (H, W)

WORKING_PIXELS: Final = 2_000_000  # of the copy on which lines are looked for
MIN_CONTRAST: Final = 20  # of 255, between ink and paper; under it there is nothing on the page

SHADE_SIDE: Final = 320  # pixels, longest side of the copy on which the shade of the paper is estimated
SHADE_WINDOW: Final = 1 / 8  # of that side; strokes are narrower than that
NEARBY: Final = 1 / 6  # of the longest side, across which the strength of ink and the grain of paper are measured
NOISE_MARGIN: Final = 2.5  # standard deviations of the paper's grain that still are paper
INK_SHARE: Final = 0.4  # of the strength of ink nearby that a mark must have to be ink
FAINTEST: Final = 0.5  # of the page's usual ink is the faintest pen on it

THICK: Final = 1 / 40  # of the longest side; no pen beside which other ink is to be found is as thick
ROOM: Final = 8  # heights of a character, that a page is high and wide at least if it may show a desk or a shadow
LOWEST: Final = 6  # pixels of the copy; in lower lines no digit can be told from another
SHADOW: Final = 0.75  # of the strength of ink, that a shadow has at most
BULGES: Final = 0.7  # of its convex hull is sheet
ALONG: Final = 0.2  # of an edge of the picture, along which a desk lies
AROUND: Final = 0.8  # of its own convex hull is a desk at most; a shadow that covers half of the paper bulges, too
SHEETS: Final = 0.2  # of the largest sheet is another one, such as the other page of a book
SHARP: Final = 0.5  # of what a sheet is lighter by than its surroundings is lost right at its edge
SLIVER: Final = 4  # pixels of that copy, that what shows of a desk at an edge of the picture may be wide

SOME_INK: Final = 500  # pixels, from which on a page may be nothing but grain,
TOGETHER: Final = 0.25  # and how much oftener than by chance ink stands beside ink if it is more than that


def marks_on(page: Page) -> tuple[NDArray[np.uint8], NDArray[np.float32]]:
    """How much darker than its paper each pixel of a small page is, and from which level on that is ink.

    Args:
        page: (H, W) uint8, dark ink on light paper; the marks of one larger than two million pixels are coarse.

    Returns:
        (H, W) uint8, 0 is paper, and what comes near to 255 is black; and (H, W) float32.

    Raises:
        BlankImageError: there is nothing on it.
        MissingExtraError: OpenCV is not installed.
    """
    marks = sheet_of(page).marks
    start = ink_start(marks)
    rows, columns = (np.arange(size) * of // size for size, of in zip(page.shape, marks.shape, strict=True))
    return marks[np.ix_(rows, columns)], start[np.ix_(rows, columns)]


def opencv() -> ModuleType:
    """The module `cv2`.

    Raises:
        MissingExtraError: it is not installed.
    """
    try:
        import cv2
    except ModuleNotFoundError as error:
        raise MissingExtraError("opencv-python-headless", "read") from error
    return cv2


# ---- page to marks ----


@dataclass(frozen=True, slots=True, eq=False)
class Sheet:
    """A page and its reduced copy, parted into paper and marks."""

    page: Page
    shade: Levels  # of the reduced copy: its paper, as if there were no ink
    marks: Levels  # of the reduced copy: how much darker than its paper each pixel is
    factor: float  # pixels of the page in one of the copy


def sheet_of(page: Page) -> Sheet:
    """Part a page into its paper and what is darker.

    Args:
        page: (H, W) uint8, dark ink on light paper.

    Raises:
        BlankImageError: its levels hardly differ.
        MissingExtraError: OpenCV is not installed.
    """
    if int(page.max()) - int(page.min()) < MIN_CONTRAST:
        raise BlankImageError("the page is blank; write a number on it")
    factor = max(1.0, math.sqrt(page.size / WORKING_PIXELS))
    small = resized(page, 1 / factor)
    shade = _shade(small)
    marks = darker(small, shade)
    around = _surroundings(small, marks)
    if around is not None:
        shade = np.where(around.shadow, np.minimum(shade, _close_shade(small)), shade)
        marks = np.where(around.desk, 0, darker(small, shade))
    return Sheet(page, shade, marks, factor)


def darker(levels: Levels, shade: Levels) -> Levels:
    """How much of the light of the paper is missing: 0 none, 255 all of it."""
    return np.asarray(255 - opencv().divide(levels, shade, scale=255))


def resized(levels: Levels, scale: float) -> Levels:
    """A smaller copy in averages; the same where the scale is 1 or more."""
    if scale >= 1:
        return levels
    cv = opencv()
    height, width = levels.shape
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    return np.asarray(cv.resize(levels, size, interpolation=cv.INTER_AREA))


def _shade(small: Levels) -> Levels:
    """The paper as if there were no ink on it: the lightest nearby, and then as much darker as paper is on average."""
    cv = opencv()
    tiny = cv.GaussianBlur(resized(small, SHADE_SIDE / max(small.shape)), (3, 3), 0)
    side = max(3, round(max(tiny.shape) * SHADE_WINDOW)) | 1
    window = np.ones((side, side), np.uint8)
    light = cv.morphologyEx(tiny, cv.MORPH_CLOSE, window, borderType=cv.BORDER_REPLICATE)
    light = cv.blur(light, (side // 2 | 1, side // 2 | 1), borderType=cv.BORDER_REPLICATE)
    below = cv.subtract(light, tiny)
    paper = (below <= otsu(below)).astype(np.float32)
    usual = cv.blur(below * paper, (side, side)) / np.maximum(cv.blur(paper, (side, side)), 0.01)
    shade = np.clip(light - usual, 1, 255).astype(np.uint8)
    return np.asarray(cv.resize(shade, small.shape[::-1], interpolation=cv.INTER_LINEAR))


@dataclass(frozen=True, slots=True, eq=False)
class _Surroundings:
    """(H, W) what is no writing on a photo."""

    desk: Mask  # round the paper, and its edge
    shadow: Mask  # on the paper, and a little around


def _surroundings(small: Levels, marks: Levels) -> _Surroundings | None:
    """The desk round a sheet of paper, and the shadow of a hand or a phone upon it; None where neither is.

    Both are far thicker than the strokes beside them. A desk lies along two edges of the picture or more, and a shadow
    is lighter than ink. What is thick for another reason, such as what a felt pen drew, stays.
    """
    if min(small.shape) < SHADE_SIDE:  # no photo of a page
        return None
    cv = opencv()
    step = max(1, round(max(small.shape) / SHADE_SIDE))
    dark = cv.erode(marks, np.ones((step, step), np.uint8))[::step, ::step] > MIN_CONTRAST / 2
    side = max(3, round(THICK * max(dark.shape)))
    thick = cv.morphologyEx(dark.view(np.uint8), cv.MORPH_OPEN, np.ones((side, side), np.uint8))
    if not thick.any():
        return None
    dark &= cv.dilate(thick, np.ones((2 * side + 1, 2 * side + 1), np.uint8)) > 0
    strength = _strength_beside(marks, _enlarged(dark, small.shape))
    if not strength:
        return None
    desk = _outside(dark, small[::step, ::step])
    shadow = np.zeros_like(dark)
    count, labels = cv.connectedComponents((dark & ~desk).view(np.uint8))
    for number in range(1, count):
        some = labels == number
        if (some & (thick > 0)).any() and np.median(marks[::step, ::step][some]) < SHADOW * strength:
            shadow |= some
    if not desk.any() and not shadow.any():
        return None
    shadow = cv.dilate(shadow.view(np.uint8), np.ones((2 * side + 1, 2 * side + 1), np.uint8)) > 0
    if desk.any():  # a sliver of it may show where the paper meets an edge of the picture
        desk = cv.dilate(desk.view(np.uint8), np.ones((7, 7), np.uint8)) > 0
        desk[:SLIVER] = desk[-SLIVER:] = desk[:, :SLIVER] = desk[:, -SLIVER:] = True
    return _Surroundings(_enlarged(desk, small.shape), _enlarged(shadow, small.shape))


def _outside(band: Mask, levels: Levels) -> Mask:
    """What lies round a sheet of paper, or several: all but the large light parts, if these are sheets.

    A sheet bulges everywhere, and lies away from two edges of the picture or more; what lies along these is bent around
    it, or in two pieces. And the edge of a sheet is sharp, unlike that of the light that a lamp throws.
    """
    cv = opencv()
    none = np.zeros_like(band)
    levels = cv.morphologyEx(levels, cv.MORPH_CLOSE, np.ones((5, 5), np.uint8))
    light = _light_part(band, levels)
    count, labels, stats, _ = cv.connectedComponentsWithStats(light, connectivity=4)
    if count < 2:
        return none
    hull, filled = np.zeros(band.shape, np.uint8), 0
    areas = stats[1:, cv.CC_STAT_AREA]
    for number in 1 + np.flatnonzero(areas >= SHEETS * areas.max()):
        points = np.argwhere(labels == number)[:, ::-1].astype(np.int32)
        cv.fillConvexPoly(hull, cv.convexHull(points), 1)
        filled += len(points)
    outside = hull == 0
    edges = (outside[0], outside[-1], outside[:, 0], outside[:, -1])
    goes_around = sum(float(edge.mean()) >= ALONG for edge in edges) >= 2 and _bulge(outside) <= AROUND
    return outside if goes_around and filled >= BULGES * hull.sum() and _is_sharp(hull, levels) else none


def _is_sharp(hull: NDArray[np.uint8], levels: Levels) -> bool:
    """Whether most of what a sheet is lighter by than its surroundings is lost within a few pixels at its edge."""
    cv = opencv()

    def grown(by: int) -> Mask:
        return np.asarray(cv.dilate(hull, np.ones((by, by), np.uint8)) > 0)

    inner = (hull > 0) & (cv.erode(hull, np.ones((7, 7), np.uint8)) == 0)
    outer = grown(13) & ~grown(5)
    if not inner.any() or not outer.any():
        return False
    lost = float(np.median(levels[inner])) - float(np.median(levels[outer]))
    return lost >= SHARP * (float(np.median(levels[hull > 0])) - float(np.median(levels[hull == 0])))


def _bulge(mask: Mask) -> float:
    """The share of its convex hull that it covers."""
    cv = opencv()
    points = np.argwhere(mask)[:, ::-1].astype(np.int32)
    return len(points) / max(float(cv.contourArea(cv.convexHull(points))), 1.0)


def _light_part(band: Mask, levels: Levels) -> NDArray[np.uint8]:
    """Where it is lighter than half-way from the dark band to paper, in a light that may fall off to one side."""
    cv = opencv()
    rows, columns = np.indices(levels.shape)
    places = np.stack([rows, columns, np.ones_like(rows)], axis=-1).astype(np.float64)
    light = levels > (np.median(levels[band]) + np.percentile(levels, 95)) / 2
    plane = np.maximum(places @ np.linalg.lstsq(places[light], levels[light], rcond=None)[0], 1)
    share = (1 + float(np.median(levels[band] / plane[band]))) / 2
    return np.asarray(cv.erode((levels > share * plane).view(np.uint8), np.ones((5, 5), np.uint8)))


def _strength_beside(marks: Levels, dark: Mask) -> float:
    """How dark the strokes are beside what is thick; 0 where there are none, or none that are small on the page."""
    rest = np.where(dark, 0, marks)
    cv = opencv()
    ink = (rest > max(otsu(rest), 2 * MIN_CONTRAST)).view(np.uint8)
    _, labels, stats, _ = cv.connectedComponentsWithStats(ink, connectivity=8)
    heights = stats[:, cv.CC_STAT_HEIGHT]
    tall = heights >= 2 * LOWEST
    tall[0] = False  # the paper
    if not tall.any() or ROOM * np.median(heights[tall]) > min(marks.shape):
        return 0.0
    return float(np.percentile(rest[tall[labels]], 75))


def _enlarged(mask: Mask, shape: tuple[int, ...]) -> Mask:
    cv = opencv()
    return np.asarray(cv.resize(mask.view(np.uint8), shape[::-1], interpolation=cv.INTER_NEAREST) > 0)


def _close_shade(small: Levels) -> Levels:
    """The paper by the lightest levels close by, so that what is thicker than any stroke counts as paper."""
    side = max(3, round(THICK * max(small.shape))) | 1
    return np.asarray(opencv().morphologyEx(small, opencv().MORPH_CLOSE, np.ones((side, side), np.uint8)))


def otsu(levels: Levels) -> float:
    """The level that divides paper from ink with the least variance inside the two (Otsu, 1979)."""
    cv = opencv()
    return float(cv.threshold(np.ascontiguousarray(levels).reshape(1, -1), 0, 255, cv.THRESH_OTSU)[0])


# ---- marks to ink ----


def ink_start(marks: Levels) -> NDArray[np.float32]:
    """(H, W) from which level on a mark is ink, by the strength of the ink and the grain of the paper around it."""
    cv = opencv()
    cut = max(min(otsu(marks), _grain_edge(marks)), MIN_CONTRAST)
    levels = marks.astype(np.float32)
    ink = np.where(marks > cut, levels, 0)
    paper = np.where(marks > cut, 0, levels)
    side = max(marks.shape)
    fine = min(1.0, 256 / side)
    window = max(3, round(NEARBY * side * fine)) | 1

    def near(values: NDArray[np.float32]) -> NDArray[np.float32]:
        size = max(1, round(values.shape[1] * fine)), max(1, round(values.shape[0] * fine))
        tiny = cv.resize(values, size, interpolation=cv.INTER_AREA)
        return np.asarray(cv.blur(tiny, (window, window), borderType=cv.BORDER_REFLECT), np.float32)

    total, squares = near(ink), near(ink * ink)
    usual = float(squares.mean()) / max(float(total.mean()), 1e-6)
    trust = 0.002 * usual  # so much ink nearby says as much as the whole page does
    strength = (squares + trust * usual) / np.maximum(total + trust, 1e-6)
    grain = np.sqrt(np.maximum(near(paper * paper), 0))  # a blur's sums end a little below 0 now and then
    start = np.maximum(NOISE_MARGIN * grain, INK_SHARE * np.maximum(strength, FAINTEST * usual))
    return np.asarray(cv.resize(np.maximum(start, MIN_CONTRAST / 2), marks.shape[::-1], interpolation=cv.INTER_LINEAR))


def _grain_edge(marks: Levels) -> float:
    """Four standard deviations of the paper's grain, where at least three quarters of the page are paper."""
    some = marks[:: max(1, len(marks) // 512)]
    counts = opencv().calcHist([np.ascontiguousarray(some)], [0], None, [256], [0, 256])
    return 4 * int(np.searchsorted(counts.cumsum(dtype=np.float64), 0.75 * some.size)) / 0.67


def is_grain(mask: Mask) -> bool:
    """Whether ink stands beside ink hardly more often than anywhere: strokes, however thin, go on in some direction."""
    ink = np.count_nonzero(mask)
    apart = 2 * ink * (1 - ink / mask.size)  # changes from ink to paper and back along all rows, if ink fell like rain
    along, down = np.count_nonzero(mask[:, 1:] != mask[:, :-1]), np.count_nonzero(mask[1:] != mask[:-1])
    return bool(ink > SOME_INK and min(along, down) > (1 - TOGETHER) * apart)

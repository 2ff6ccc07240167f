"""Ink -> 28x28: the only place that scales or centres, for training, server, command line and tests alike."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from inkdigit.errors import BlankImageError
from inkdigit.image import Ink

Normalized = NDArray[np.float32]

PREPROCESS_VERSION = 1  # stands in every model card; a model made for another version is refused
SIZE = 28  # pixels, side of the frame
LINE_HEIGHT = 32  # pixels, of a line of digits as the reader's network sees it
BOX = 20  # pixels, side of the square that the digit is fitted to
THIN, THICKENED = 1.6, 1.8  # pixels of the frame: strokes narrower than the one are widened to the other
THICK, THINNED = 3.2, 2.8  # and those wider than the one are thinned to the other,
MOST_THINNED = 1.5  # but lose no more than this: where strokes fill a loop, the others would be gone
CLEAN = 0.02  # grey pixels that touch no stroke, as a share of the strokes' own: a drawing has no more, a photo does
FINE = 50  # pixels, the longer side of a digit from which on a pen's width can be changed evenly
FAINT = 0.05  # share of the darkest pixel below which a pixel does not count as part of the digit's outline


def normalize(ink: Ink) -> Normalized:
    """Fit a drawing to the MNIST frame.

    The ink is cropped, scaled to fit 20x20 with its proportions kept (by area averaging), and placed so that its
    centre of mass falls on the centre of a 28x28 canvas, as the MNIST authors did (LeCun et al., 1998). A picture
    that is in that form already comes back as it was. A felt pen's strokes, too wide for so small a frame, are thinned,
    and a hairline's are widened: what a digit is does not hang on the pen.

    Args:
        ink: (H, W) uint8, 0 is paper and 255 is full ink; any H, W >= 1.

    Returns:
        (28, 28) float32 in [0, 1], same polarity; the darkest pixel is 1.

    Raises:
        BlankImageError: no pixel holds ink.
        ValueError: the ink is no (H, W) array of uint8.

    >>> drawing = np.zeros((280, 280), np.uint8)
    >>> drawing[40:60, 200:204] = 255  # a small upright stroke, off centre
    >>> rows, columns = np.nonzero(normalize(drawing))
    >>> int(rows.min()), int(rows.max()), int(columns.min()), int(columns.max())
    (4, 23, 12, 15)
    """
    require_ink(ink, "inkdigit.read_image")
    return _place(_fit(_even(_crop(ink))))


def normalize_line(ink: Ink) -> Normalized:
    """Bring a line of digits to the height at which the reader's network sees it, its proportions kept.

    Args:
        ink: (H, W) uint8, 0 is paper and 255 is full ink; a line with a little paper above and below.

    Returns:
        (LINE_HEIGHT, W') float32 in [0, 1], same polarity; the darkest pixel is 1, and W' is even.

    Raises:
        BlankImageError: no pixel holds ink.
        ValueError: the ink is no (H, W) array of uint8.

    >>> normalize_line(np.full((64, 100), 255, np.uint8)).shape
    (32, 50)
    """
    require_ink(ink, "inkdigit.layout.find_lines")
    if not ink.any():
        raise BlankImageError("the line is blank")
    width = max(2, 2 * round(ink.shape[1] * LINE_HEIGHT / len(ink) / 2))
    line = _average_rows(_average_rows(ink, LINE_HEIGHT).T, width).T
    return np.asarray(line / line.max(), np.float32)


def lean(frame: Normalized, shear: float, width: float) -> Normalized:
    """A line as another hand would have written it: leaning, and narrower or wider.

    Args:
        frame: (LINE_HEIGHT, W) float32 in [0, 1], as `normalize_line` makes it.
        shear: pixels to the right per pixel upwards.
        width: of what was one pixel.

    Returns:
        (LINE_HEIGHT, W') float32 in [0, 1]; W' is even, and its middle shows what the line's did.
    """
    to_width = max(8, 2 * round((frame.shape[1] * width + abs(shear) * LINE_HEIGHT) / 2 + 4))
    middle = frame.shape[1] / 2 - (to_width / 2 + shear * LINE_HEIGHT / 2) / width
    leaning = Image.fromarray(frame).transform(
        (to_width, LINE_HEIGHT),
        Image.Transform.AFFINE,
        (1 / width, shear / width, middle, 0, 1, 0),
        Image.Resampling.BILINEAR,
    )
    line = np.asarray(leaning, np.float32)
    return line / max(float(line.max()), 1e-6)


def require_ink(ink: object, source: str) -> None:
    """Refuse what is no (H, W) array of uint8, and say what makes one.

    Raises:
        ValueError: it is none.
    """
    if not (isinstance(ink, np.ndarray) and ink.ndim == 2 and ink.dtype == np.uint8):
        raise ValueError(f"ink must be (H, W) uint8, not {kind_of(ink)}; see {source}")


def kind_of(value: object) -> str:
    """What was handed over in place of an array of another kind: shape and type, or the name of the type.

    >>> kind_of(np.zeros((2, 3))), kind_of([[0.0]])
    ('(2, 3) float64', 'list')
    """
    return f"{value.shape} {value.dtype}" if isinstance(value, np.ndarray) else type(value).__name__


def _crop(ink: Ink) -> Ink:
    peak = int(ink.max(initial=0))
    if peak == 0:
        raise BlankImageError("the picture is blank; draw a digit on it")
    inked = ink > FAINT * peak
    rows = np.flatnonzero(inked.any(axis=1))
    columns = np.flatnonzero(inked.any(axis=0))
    return ink[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]


def _even(digit: Ink) -> Ink:
    """Strokes about as wide as MNIST's: a hairline would be pale in so small a frame, a felt pen close its loops."""
    reach = widening(digit)
    if reach > 0:
        return _of_neighbours(np.pad(digit, reach), reach, np.maximum)
    left = _of_neighbours(digit, -reach, np.minimum) if reach else digit
    return _crop(left) if reach and left.max() > digit.max() / 2 else digit


def widening(digit: Ink) -> int:
    """How many pixels outwards `normalize` moves the edges of strokes; less than 0 where it thins them.

    Args:
        digit: (H, W) uint8, 0 is paper and 255 is full ink, cropped to the ink.
    """
    longest = max(digit.shape)
    if longest < FINE:
        return 0
    width = _stroke_width(digit) * BOX / longest
    if width < THIN:
        return round((THICKENED - width) / 2 * longest / BOX) if _is_clean(digit) else 0
    return -int(min(width - THINNED, MOST_THINNED) / 2 * longest / BOX) if width > THICK else 0


def _is_clean(digit: Ink) -> bool:
    """Whether all ink belongs to strokes: what else there is on a photo would be widened with them."""
    strokes = np.where(digit > digit.max() / 2, digit, 0)
    apart = (digit > 0) & (_of_neighbours(strokes, 1, np.maximum) == 0)
    return bool(np.count_nonzero(apart) <= CLEAN * np.count_nonzero(strokes))


def _of_neighbours(ink: Ink, reach: int, extreme: np.ufunc) -> Ink:
    """Each pixel becomes the least or the greatest of those at most `reach` rows and columns away, paper around."""
    for _ in range(2):
        ink = _of_rows(ink, reach, extreme).T
    return ink


def _of_rows(ink: Ink, reach: int, extreme: np.ufunc) -> Ink:
    """The same of each pixel's own column: of 2, 4, 8 ... rows at first, then of two such that overlap."""
    window, span = 2 * reach + 1, 1
    found = np.pad(ink, ((reach, reach), (0, 0)))
    while 2 * span <= window:
        found = extreme(found[:-span], found[span:])
        span *= 2
    return np.asarray(extreme(found[: len(ink)], found[window - span :][: len(ink)]))


def _stroke_width(digit: Ink) -> float:
    """Mean width of the strokes, in pixels: twice their area over the length of their outline (Cauchy-Crofton)."""
    inked = np.zeros((len(digit) + 2, digit.shape[1] + 2), np.bool_)
    np.greater(digit, digit.max() / 2, out=inked[1:-1, 1:-1])
    crossings = np.count_nonzero(inked[1:] != inked[:-1]) + np.count_nonzero(inked[:, 1:] != inked[:, :-1])
    return 2 * np.count_nonzero(inked) / (crossings * np.pi / 4)


def _fit(digit: Ink) -> NDArray[np.float32]:
    height, width = digit.shape
    longest = max(height, width)
    to_height = max(1, round(height * BOX / longest))
    to_width = max(1, round(width * BOX / longest))
    fitted = _average_rows(_average_rows(digit, to_height).T, to_width).T
    return np.asarray(fitted / fitted.max(), np.float32)


def _average_rows(ink: NDArray[Any], to_height: int) -> NDArray[np.float64]:
    """Rows of another number, each the mean of the old ones under it: (H, W) to (to_height, W).

    Where there are more new rows than old ones each takes a window of one old row, which is linear interpolation.
    Done with running sums: a matrix product would start the threads of a numerical library for so small a task.
    """
    height = len(ink)
    step = height / to_height
    middle = (np.arange(to_height) + 0.5) * step
    half = max(step, 1.0) / 2
    edges = np.clip([middle - half, middle + half], 0, height)
    whole = np.minimum(edges.astype(np.intp), height - 1)
    sums = np.zeros((height + 1, ink.shape[1]), np.uint32 if ink.dtype == np.uint8 else np.float64)
    np.cumsum(ink, axis=0, dtype=sums.dtype, out=sums[1:])
    start, stop = sums[whole] + ink[whole] * (edges - whole)[..., None]
    return np.asarray((stop - start) / (edges[1] - edges[0])[:, None])


def _place(digit: NDArray[np.float32]) -> Normalized:
    """Put the digit (at most 20x20) on the frame, its centre of mass as near the middle as whole pixels allow."""
    top = _offset(digit.sum(axis=1))
    left = _offset(digit.sum(axis=0))
    frame = np.zeros((SIZE, SIZE), np.float32)
    frame[top : top + digit.shape[0], left : left + digit.shape[1]] = digit
    return frame


def _offset(profile: NDArray[np.float32]) -> int:
    # MNIST's own pictures have their centre of mass at pixel 14, not between pixels 13 and 14.
    centre = float(profile @ np.arange(len(profile))) / float(profile.sum())
    return int(np.clip(round(SIZE / 2 - centre), 0, SIZE - len(profile)))

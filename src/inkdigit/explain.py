"""28x28 -> why: what the model looked at, told from its answers to the picture with pieces of the ink cut out.

Nothing but answers is asked of the model, so it works with every network that ONNX Runtime runs.
"""

import io
from dataclasses import dataclass
from functools import cache
from typing import Final, Protocol

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from inkdigit.image import Ink
from inkdigit.preprocess import FAINT, SIZE, Normalized, kind_of, require_ink, widening

Explanation = NDArray[np.float32]  # (28, 28) in [-1, 1], 1 being the ink that speaks most for the answer

DIGITS: Final = 10
WINDOW: Final = 3  # pixels, side of the square that is cut out: about a stroke's width
STEP: Final = 2  # pixels from one square to the next, so that they overlap
MIN_INK: Final = 0.5  # full pixels of ink that a square must hold to be worth a question
TINY: Final = 1e-30  # probability; keeps logarithms finite

NEITHER: Final = (150, 150, 150)
FOR: Final = (230, 97, 0)  # orange and blue: every kind of colour blindness tells them apart
AGAINST: Final = (26, 110, 214)
BOLD: Final = 0.8  # power of the value that is its share of colour: under 1, so that weak effects show too
PNG_SCALE: Final = 10  # pixels of a picture to look at per pixel of the frame


class Classifier(Protocol):
    """What an explanation needs of a recognizer; `inkdigit.Recognizer` is one."""

    def classify(self, images: NDArray[np.float32]) -> NDArray[np.float32]:
        """Probabilities (N, C) of the classes, the digits 0 to 9 first, of (N, 28, 28) pictures in [0, 1]."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where in a picture its 28x28 lies: a square in pixels of the picture held upright, which it may jut out of."""

    left: float
    top: float
    side: float


def explain(recognizer: Classifier, image: Normalized, label: int | None = None) -> Explanation:
    """Tell which ink decided.

    Small squares of the ink are cut out one after the other, and the value of a pixel is how far the log-odds of the
    label fall without the squares that hold it, for as much ink as they take. Paper is not judged.

    Args:
        recognizer: answers some 50 pictures, in one batch.
        image: (28, 28) float32 in [0, 1], white ink on black, as `normalize` makes it.
        label: the digit for which ink speaks, where it is not the one that the recognizer answers by itself.

    Returns:
        (28, 28) float32 in [-1, 1]: 1 is the ink that speaks most strongly for the label, below 0 is ink that speaks
        against it; the largest magnitude is 1. Paper is 0, and all is where no ink makes a difference.

    Raises:
        ValueError: the image is no (28, 28) array of floating-point numbers.

    >>> from inkdigit import Recognizer
    >>> stroke = np.zeros((28, 28), np.float32)
    >>> stroke[4:24, 13:15] = 1.0
    >>> why = explain(Recognizer.load(), stroke)
    >>> why.shape, float(np.abs(why).max()), bool(why[stroke == 0].any())
    ((28, 28), 1.0, False)
    """
    _require_frame(image, "image", "inkdigit.normalize")
    whole = image.reshape(1, -1)
    amounts = (whole * _windows()).sum(axis=1)
    cuts, amounts = _windows()[amounts > MIN_INK], amounts[amounts > MIN_INK]
    classes = recognizer.classify(np.concatenate([whole, whole * (1 - cuts)]).reshape(-1, SIZE, SIZE))
    odds = _log_odds(classes, int(classes[0, :DIGITS].argmax()) if label is None else label)
    effects = (odds[0] - odds[1:]) @ cuts / np.maximum(amounts @ cuts, MIN_INK)
    effects = np.where(image > 0, effects.reshape(SIZE, SIZE), 0)
    return np.asarray(effects / (np.abs(effects).max() or 1), np.float32)


@cache
def _windows() -> NDArray[np.float32]:
    """Overlapping squares all over the frame: (N, 28 * 28), 1 inside and 0 outside."""
    middles = np.arange(WINDOW // 2, SIZE, STEP)
    lines = np.abs(np.arange(SIZE) - middles[:, None]) <= WINDOW // 2
    squares = lines[:, None, :, None] & lines[None, :, None, :]
    return np.asarray(squares.reshape(-1, SIZE * SIZE), np.float32)


def _log_odds(classes: NDArray[np.float32], label: int) -> NDArray[np.float64]:
    """Log-odds of a digit, in every row.

    From the sum of the others, not from 1 - p, which is 0 for every answer that is as good as certain.
    """
    others = np.delete(classes, label, axis=1).sum(axis=1, dtype=np.float64)
    return np.asarray(np.log(np.maximum(classes[:, label], TINY)) - np.log(np.maximum(others, TINY)))


def encode_explanation(image: Normalized, explanation: Explanation, scale: int = PNG_SCALE) -> bytes:
    r"""Paint the ink in the colours of its explanation.

    Orange ink speaks for the answer and blue ink against it, the more the stronger the colour; grey ink does neither.

    Args:
        image: (28, 28) float32 in [0, 1], white ink on black.
        explanation: (28, 28) float32 in [-1, 1], as `explain` makes it.
        scale: pixels of the PNG per pixel of the frame; more than one are interpolated.

    Returns:
        A PNG of 28 * scale pixels on a side (280 if not told otherwise), 8-bit RGBA; paper is transparent.

    Raises:
        ValueError: one of them is no (28, 28) array of floating-point numbers.

    >>> encode_explanation(np.ones((28, 28), np.float32), np.ones((28, 28), np.float32))[:4]
    b'\x89PNG'
    """
    _require_frame(image, "image", "inkdigit.normalize")
    _require_frame(explanation, "explanation", "inkdigit.explain")
    strength = np.abs(explanation)[..., None] ** BOLD
    colours = np.where(explanation[..., None] > 0, FOR, AGAINST) * strength + np.asarray(NEITHER) * (1 - strength)
    painted = np.concatenate([colours, np.clip(image, 0, 1)[..., None] * 255], axis=-1)
    picture = Image.fromarray(np.rint(painted).astype(np.uint8))
    file = io.BytesIO()
    picture.resize((SIZE * scale, SIZE * scale), Image.Resampling.BICUBIC).save(file, "PNG")
    return file.getvalue()


def locate(ink: Ink, image: Normalized) -> Place:
    """Find where in its picture a 28x28 lies, so that it can be laid over the picture.

    Args:
        ink: (H, W) uint8, 0 is paper and 255 is full ink.
        image: (28, 28) float32 in [0, 1], what `normalize` made of it.

    Raises:
        ValueError: the ink is no (H, W) array of uint8, or the image no (28, 28) array of floating-point numbers.
    """
    require_ink(ink, "inkdigit.read_image")
    _require_frame(image, "image", "inkdigit.normalize")
    rows, columns = (_extent(ink > FAINT * ink.max(), axis=axis) for axis in (1, 0))
    grown = widening(ink[slice(*rows), slice(*columns)]) * np.array([-1, 1])
    rows, columns = rows + grown, columns + grown
    to_rows, to_columns = _extent(image > 0, axis=1), _extent(image > 0, axis=0)
    scale = max(np.ptp(rows), np.ptp(columns)) / max(np.ptp(to_rows), np.ptp(to_columns))
    left, top = columns.mean() - to_columns.mean() * scale, rows.mean() - to_rows.mean() * scale
    return Place(float(left), float(top), float(SIZE * scale))


def _require_frame(frame: object, name: str, source: str) -> None:
    if not (isinstance(frame, np.ndarray) and frame.shape == (SIZE, SIZE) and frame.dtype.kind == "f"):
        raise ValueError(f"{name} must be ({SIZE}, {SIZE}) float32, not {kind_of(frame)}; see {source}")


def _extent(inked: NDArray[np.bool_], axis: int) -> NDArray[np.intp]:
    """Where the ink begins and where it has ended, along the other axis."""
    held = np.flatnonzero(inked.any(axis=axis))
    return held[[0, -1]] + (0, 1)

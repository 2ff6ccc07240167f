"""Whole numbers without a line network: over-segmentation, judged by the model of single digits on a lattice.

The classical way (LeCun, Bottou, Bengio and Haffner, Gradient-based learning applied to document recognition, 1998): a
line is cut wherever a cut between two digits may be, too often rather than too seldom; every run of neighbouring parts
is shown to the recognizer of single digits; and the likeliest way through all of them is the reading. It reads digits
only: what the recognizer takes for none is passed over.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from inkdigit.image import Ink, Page
from inkdigit.layout import find_lines
from inkdigit.preprocess import normalize
from inkdigit.recognizer import CLASSES, Recognizer

PARTS = 5  # at most, in one digit
WIDEST, NARROWEST = 1.4, 0.06  # of the line's height: a digit
DEEP = 0.5  # of the higher of the two tops beside it, that the profile of ink falls to at a cut
FLOOR = 1e-4  # probability


@dataclass(frozen=True, slots=True)
class Step:
    """From one cut to a later one: a digit, or something that is passed over."""

    start: int
    stop: int
    label: str
    score: float


def read_by_segments(recognizer: Recognizer, page: Page) -> str:
    """The digits of all lines of a page, from left to right and top to bottom."""
    return "".join(_read_line(recognizer, line.ink) for line in find_lines(page))


def _read_line(recognizer: Recognizer, ink: Ink) -> str:
    cuts = cuts_of(ink)
    steps = _steps(recognizer, ink, cuts)
    best: list[tuple[float, str]] = [(0.0, "")] + [(-np.inf, "")] * (len(cuts) - 1)
    for stop in range(1, len(cuts)):
        ways = [(best[s.start][0] + s.score, best[s.start][1] + s.label) for s in steps if s.stop == stop]
        best[stop] = max(ways, default=best[stop])
    return best[-1][1]


def cuts_of(ink: Ink) -> list[int]:
    """Columns between which digits may end: the ends of the ink, the middles of gaps, and where the ink is low."""
    profile = np.convolve(ink.sum(axis=0) / 255.0, np.ones(3) / 3, "same")
    inked = np.flatnonzero(profile > 0.5)
    if len(inked) == 0:
        return [0, ink.shape[1]]
    first, last = int(inked[0]), int(inked[-1]) + 1
    return [first, *(first + at for at in _valleys(profile[first:last])), last]


def _valleys(profile: NDArray[np.float64]) -> list[int]:
    """The lowest places between two tops of a profile, where it is low enough beside them."""
    found, top, low, at = [], 0.0, np.inf, 0
    for column, height in enumerate(profile):
        if height < low:
            low, at = float(height), column
        elif height > max(low / DEEP, low + 1.5) and low < DEEP * top:
            found.append(at)
            top, low = float(height), np.inf
        if height >= top:
            top, low = float(height), np.inf
    return found


def _steps(recognizer: Recognizer, ink: Ink, cuts: list[int]) -> list[Step]:
    """Every run of neighbouring parts that may be a digit, with what it may be."""
    height = len(ink)
    runs = [
        (start, stop)
        for start in range(len(cuts) - 1)
        for stop in range(start + 1, min(start + PARTS, len(cuts) - 1) + 1)
        if stop == start + 1 or cuts[stop] - cuts[start] <= WIDEST * height
    ]
    parts = [ink[:, cuts[start] : cuts[stop]] for start, stop in runs]
    classes = np.full((len(runs), CLASSES + 1), FLOOR, np.float32)
    shown = [row for row, part in enumerate(parts) if part.any() and part.shape[1] >= NARROWEST * height]
    if shown:
        classes[shown] = recognizer.classify(np.stack([normalize(parts[row]) for row in shown]))
    steps = []
    for (start, stop), row in zip(runs, classes, strict=True):
        width = (cuts[stop] - cuts[start]) / height  # a wide part counts as much as the narrow ones that it is made of
        digit = int(row[:CLASSES].argmax())
        steps.append(Step(start, stop, str(digit), width * float(np.log(max(row[digit], FLOOR)))))
        none = float(row[CLASSES:].sum()) if stop == start + 1 else 0.0
        steps.append(Step(start, stop, "", width * float(np.log(max(none, FLOOR)))))
    return steps

"""Digits drawn from strokes, in the styles that MNIST's American writers hardly used.

Slashed zeros, flagged and footed ones, closed fours, barred sevens and nines with a curled tail: each style is a
family of curves whose every measure is drawn at random, inked with a round pen as the page's canvas does.
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from inkdigit.preprocess import normalize
from inkdigit.training.dataset import Digits

Stroke = NDArray[np.float64]  # (M, 2): x to the right, y down, in units of about the digit's height
Random = np.random.Generator
Style = Callable[[Random], list[Stroke]]

CANVAS = 112  # pixels, side of the sheet that strokes are inked on
HEIGHT = 72  # pixels, of a digit on it
MARGIN = (2 * (CANVAS - HEIGHT) // 3, (CANVAS - HEIGHT) // 2)  # pixels, where a digit's (0, 0) stands on it


def draw_digits(random: Random, share: float = 1.0) -> Digits:
    """Draw every style as often as its `COUNTS` times `share`, in random order.

    Returns:
        Digits in MNIST's form, through `normalize`.
    """
    drawn = [
        (draw(style(random), random), label)
        for label, style, count in COUNTS
        for _ in range(max(1, round(count * share)))
    ]
    order = random.permutation(len(drawn))
    images = np.stack([drawn[row][0] for row in order])
    return Digits(images, np.array([drawn[row][1] for row in order], np.uint8))


def draw(strokes: list[Stroke], random: Random) -> NDArray[np.uint8]:
    """Ink strokes with a round pen of random width, slanted a little: (28, 28) uint8, 0 is paper."""
    width = random.uniform(0.04, 0.17) * HEIGHT if random.random() < 0.75 else random.uniform(0.15, 0.24) * HEIGHT
    slant = random.normal(0, 0.12)
    sheet = Image.new("L", (CANVAS, CANVAS))
    pen = ImageDraw.Draw(sheet)
    for stroke in strokes:
        path = stroke + random.normal(0, 0.006, stroke.shape)
        path = np.column_stack([path[:, 0] - slant * path[:, 1], path[:, 1]]) * HEIGHT + MARGIN
        pen.line([(float(x), float(y)) for x, y in path], fill=255, width=max(1, round(width)), joint="curve")
        for x, y in (path[0], path[-1]):
            pen.ellipse((x - width / 2, y - width / 2, x + width / 2, y + width / 2), fill=255)
    return np.asarray(normalize(np.asarray(sheet)) * 255, np.uint8)


def slashed_zero(random: Random) -> list[Stroke]:
    """An oval with a slash, or upright bar, through it and often beyond it."""
    wide = random.uniform(0.15, 0.46)
    oval = _arc((wide, 0.5), (wide, 0.5), random.uniform(-130, -20), random.choice([-1, 1]) * random.uniform(345, 400))
    angle = np.radians(random.uniform(25, 88))
    reach = random.uniform(0.42, 1.0)
    lean = np.array([np.cos(angle), -np.sin(angle)]) * reach
    middle = np.array([wide, 0.5]) + random.normal(0, 0.04, 2)
    return [oval, _line(middle + lean, middle - lean)]


def flagged_one(random: Random) -> list[Stroke]:
    """A stem with a flag from its top down to the left, up to nearly its own length; at times a foot."""
    bottom = np.array([random.normal(-0.08, 0.12), 1.0])
    angle = np.radians(random.uniform(20, 62))
    length = random.uniform(0.22, 1.0 if angle < 0.7 else 0.7)
    flag = np.array([-np.sin(angle), np.cos(angle)]) * length
    bow = random.normal(0, 0.05)
    strokes = [np.concatenate([_line(flag, (0, 0), bow), _line((0, 0), bottom, random.normal(0, 0.03))])]
    if random.random() < 0.3:
        strokes.append(_foot(bottom, random))
    return strokes


def footed_one(random: Random) -> list[Stroke]:
    """A one as printed: a short flag and a broad foot."""
    bottom = np.array([random.normal(0, 0.06), 1.0])
    angle = np.radians(random.uniform(35, 100))
    flag = np.array([-np.sin(angle), np.cos(angle)]) * random.uniform(0.12, 0.4)
    return [_line(flag, (0, 0)), _line((0, 0), bottom, random.normal(0, 0.02)), _foot(bottom, random)]


def closed_four(random: Random) -> list[Stroke]:
    """A four as printed, its top closed to a point or nearly."""
    top = np.array([random.uniform(0.35, 0.6), random.uniform(0.0, 0.1)])
    left = np.array([random.uniform(-0.02, 0.12), random.uniform(0.52, 0.72)])
    right = np.array([top[0] + random.uniform(0.02, 0.35), left[1] + random.normal(0, 0.04)])
    gap = np.array([random.uniform(-0.02, 0.08), random.normal(0, 0.03)])
    stem = _line(top + gap, (top[0] + gap[0] + random.normal(0, 0.05), 1.0), random.normal(0, 0.02))
    return [np.concatenate([_line(top, left, random.normal(0, 0.05)), _line(left, right)]), stem]


def barred_seven(random: Random) -> list[Stroke]:
    """A seven with a bar through its stem, at times with a tick at the left of its top."""
    left = np.array([0.0, random.uniform(0.0, 0.08)])
    corner = np.array([random.uniform(0.4, 0.65), random.uniform(-0.06, 0.06)])
    bottom = np.array([corner[0] - random.uniform(0.05, 0.5), 1.0])
    bow = random.uniform(-0.02, 0.12)
    strokes = [np.concatenate([_line(left, corner, random.normal(0, 0.04)), _line(corner, bottom, bow)])]
    if random.random() < 0.3:
        strokes.append(_line(left, left + np.array([random.normal(0, 0.03), random.uniform(0.08, 0.2)])))
    if random.random() < 0.85:
        middle = corner + (bottom - corner) * random.uniform(0.35, 0.62)
        half = np.array([random.uniform(0.12, 0.28), random.normal(0, 0.05)])
        strokes.append(_line(middle - half, middle + half))
    return strokes


def curled_nine(random: Random) -> list[Stroke]:
    """A nine like the letter g: a loop, at times not quite closed, a stem, and a tail curled to the left."""
    wide, high = random.uniform(0.17, 0.3), random.uniform(0.17, 0.28)
    turn = random.uniform(220, 380)
    loop = _arc((wide, high), (wide, high), random.uniform(-70, 0), -turn)
    start = np.array([2 * wide, random.uniform(0.0, 1.2) * high])
    curl = random.uniform(0.14, 0.26)
    foot = np.array([2 * wide + random.normal(0, 0.03), 1.0 - curl])
    across = random.uniform(0.7, 1.5) * wide
    tail = _arc((foot[0] - across, foot[1]), (across, curl), 0, random.uniform(80, 200))
    return [np.concatenate([loop, _line(start, foot, random.normal(0, 0.02)), tail])]


COUNTS: tuple[tuple[int, Style, int], ...] = (
    (0, slashed_zero, 1800),
    (1, flagged_one, 2600),
    (1, footed_one, 800),
    (4, closed_four, 1200),
    (7, barred_seven, 1600),
    (9, curled_nine, 2000),
)


def _foot(bottom: Stroke, random: Random) -> Stroke:
    left, right = random.uniform(0.12, 0.42, 2)
    tilt = random.normal(0, 0.04)
    return _line(bottom - np.array([left, tilt]), bottom + np.array([right, -tilt]))


def _line(start: object, stop: object, bow: float = 0.0) -> Stroke:
    """A line of 12 points, bent sideways by `bow` of its length."""
    first, last = np.asarray(start, np.float64), np.asarray(stop, np.float64)
    share = np.linspace(0, 1, 12)[:, None]
    across = np.array([last[1] - first[1], first[0] - last[0]])
    return np.asarray(first + share * (last - first) + 4 * bow * share * (1 - share) * across)


def _arc(centre: tuple[float, float], radii: tuple[float, float], start: float, turn: float) -> Stroke:
    """A piece of an ellipse of 36 points; angles in degrees, 0 to the right, growing clockwise as y grows down."""
    angle = np.radians(start + np.linspace(0, turn, 36))
    return np.column_stack([centre[0] + radii[0] * np.cos(angle), centre[1] + radii[1] * np.sin(angle)])

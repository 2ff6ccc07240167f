"""Digits drawn from strokes, in the styles that people have and MNIST's American writers hardly used.

Slashed and dotted zeros, flagged, hooked and footed ones, twos with a loop and without, flat threes, open and closed
fours, fives in two strokes, barred sevens, eights of two circles, nines with a curled tail: each style is a family of
curves whose every measure is drawn at random, in a steady hand, a shaky one or a mouse's, and inked with a round pen.
"""

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from inkdigit.training.dataset import Digits
from inkdigit.training.pen import Lines, batches, pen_widths, write

Stroke = NDArray[np.float64]  # (M, 2): x to the right, y down, in units of about the digit's height
Random = np.random.Generator
Style = Callable[[Random], list[Stroke]]
Counts = tuple[tuple[int, Style, int], ...]  # label, style, how many of it

HEIGHT = 72  # pixels, the longer side of a digit on its sheet
SHEET = 96  # pixels, each side; leaves room for half the widest pen all around


def draw_digits(random: Random, share: float = 1.0, counts: Counts | None = None) -> Digits:
    """Draw every style as often as its `counts`, or `COUNTS`, times `share`, in random order.

    Returns:
        Digits in MNIST's form, through `normalize`.
    """
    wanted = [(label, style) for label, style, count in counts or COUNTS for _ in range(max(1, round(count * share)))]
    wanted = [wanted[row] for row in random.permutation(len(wanted))]
    images = np.empty((len(wanted), 28, 28), np.uint8)
    pens = pen_widths(len(wanted), random)
    for rows in batches(pens):
        images[rows] = write(np.stack([sketch(wanted[row][1](random), random) for row in rows]), pens[rows])
    return Digits(images, np.array([label for label, _ in wanted], np.uint8))


def draw(strokes: list[Stroke], random: Random) -> NDArray[np.uint8]:
    """Ink strokes with a round pen of random width: (28, 28) uint8, 0 is paper."""
    return np.asarray(write(sketch(strokes, random)[None], pen_widths(1, random))[0])


def sketch(strokes: list[Stroke], random: Random) -> Lines:
    """Where the pen goes in some hand: strokes slanted, stretched, shaken and scaled to `HEIGHT`.

    Returns:
        (SHEET, SHEET) bool, lines of one pixel.
    """
    hand = _hand(random)
    slant, stretch = random.normal(0, 0.12), np.exp(random.normal(0, 0.12))
    paths = [hand(stroke) @ np.array([[stretch, 0], [-slant, 1]]) for stroke in strokes]
    points = np.concatenate(paths)
    low, high = points.min(axis=0), points.max(axis=0)
    scale = HEIGHT / max(high - low)
    corner = (SHEET - (low + high) * scale) / 2
    sheet = Image.new("1", (SHEET, SHEET))
    pen = ImageDraw.Draw(sheet)
    for path in paths:
        pen.line((path * scale + corner).ravel().tolist(), fill=1)
    return np.asarray(sheet)


def _hand(random: Random) -> Callable[[Stroke], Stroke]:
    """A steady hand, a shaky one, or a mouse that is asked where it is a few times for every digit."""
    kind = random.random()
    if kind < 0.7:
        return lambda stroke: stroke + random.normal(0, 0.005, stroke.shape)
    if kind < 0.85:
        tremor = random.uniform(0.006, 0.02)
        return lambda stroke: stroke + _smooth(random.normal(0, tremor, stroke.shape))
    points = int(random.integers(8, 16))
    return lambda stroke: _polygon(stroke, points)


def _smooth(noise: Stroke) -> Stroke:
    """Noise in which neighbours go together."""
    padded = np.pad(noise, ((1, 1), (0, 0)), mode="edge")
    return np.asarray(padded[:-2] + padded[1:-1] + padded[2:])


def _polygon(stroke: Stroke, points: int) -> Stroke:
    """A stroke as straight lines between so many of its points, evenly spaced along it; a straight one stays."""
    along = np.concatenate([[0], np.linalg.norm(np.diff(stroke, axis=0), axis=1).cumsum()])
    chosen = np.unique(np.searchsorted(along, np.linspace(0, along[-1], points)).clip(0, len(stroke) - 1))
    return np.asarray(stroke[chosen])


# --- zeros


def slashed_zero(random: Random) -> list[Stroke]:
    """An oval with a slash, or upright bar, through it and often far beyond it; rarely a slash the other way."""
    wide = random.uniform(0.22, 0.6)
    turn = random.choice([-1, 1]) * random.uniform(345, 400)
    oval = _arc((wide, 0.5), (wide, 0.5), random.uniform(-130, -20), turn)
    angle = random.uniform(25, 92) if random.random() < 0.92 else random.uniform(92, 140)
    reach = random.uniform(0.42, 0.75) if random.random() < 0.4 else random.uniform(0.75, 1.3)
    return [oval, _slash(np.array([wide, 0.5]) + random.normal(0, 0.05, 2), angle, reach)]


def inner_slashed_zero(random: Random) -> list[Stroke]:
    """An oval with a slash, or two, that stays inside."""
    wide = random.uniform(0.26, 0.48)
    oval = _arc((wide, 0.5), (wide, 0.5), random.uniform(-130, -20), random.uniform(345, 385))
    angle, reach = random.uniform(45, 80), random.uniform(0.16, 0.36)
    apart = np.array([random.uniform(0.06, 0.12), 0]) if random.random() < 0.3 else np.zeros(2)
    middle = np.array([wide, 0.5]) + random.normal(0, 0.02, 2)
    return [oval, *(_slash(middle + side * apart, angle, reach) for side in ((-1, 1) if apart.any() else (0,)))]


def dotted_zero(random: Random) -> list[Stroke]:
    """An oval with a dot in its middle."""
    wide, dot = random.uniform(0.28, 0.48), random.uniform(0.01, 0.05)
    oval = _arc((wide, 0.5), (wide, 0.5), random.uniform(-130, -20), random.uniform(345, 385))
    middle = (wide + random.normal(0, 0.02), 0.5 + random.normal(0, 0.03))
    return [oval, _arc(middle, (dot, dot), 0, 360)]


def open_zero(random: Random) -> list[Stroke]:
    """A plain zero, round to square, narrow to flat, not closed or closed too far, as a fast hand leaves it."""
    wide = random.uniform(0.18, 0.75)
    turn = random.uniform(300, 350) if random.random() < 0.5 else random.uniform(350, 430)
    start, growth = random.uniform(-130, -50), random.uniform(0.84, 1.15)
    angle = np.radians(start + np.linspace(0, random.choice([-1, 1]) * turn, 40))
    ring = np.column_stack([np.cos(angle), np.sin(angle)])
    squarer = np.sign(ring) * np.abs(ring) ** random.uniform(0.6, 1.05)
    size = np.linspace(1, growth, 40)[:, None] ** random.uniform(1, 4)
    return [np.asarray(squarer * size * (wide, 0.5))]


# --- ones


def plain_one(random: Random) -> list[Stroke]:
    """A stem alone, at times with a short tick at its top."""
    stem = line((0, 0), (random.normal(0, 0.1), 1), random.normal(0, 0.04))
    if random.random() < 0.6:
        return [stem]
    tick = np.array([random.uniform(-0.1, -0.03), random.uniform(0.02, 0.12)])
    return [np.concatenate([line(tick, (0, 0)), stem])]


def flagged_one(random: Random) -> list[Stroke]:
    """A stem with a flag from its top steeply down to the left, up to nearly its own length; at times a foot."""
    bottom = np.array([random.normal(-0.08, 0.12), 1.0])
    angle = random.uniform(20, 60)  # degrees from the stem; a seven's top is longer where it is as level as this
    length = random.uniform(0.2, 1.0 if angle < 42 else 0.65 if angle < 52 else 0.45)
    flag = np.array([-np.sin(np.radians(angle)), np.cos(np.radians(angle))]) * length
    strokes = [
        np.concatenate([line(flag, (0, 0), random.normal(0, 0.06)), line((0, 0), bottom, random.normal(0, 0.03))])
    ]
    if random.random() < 0.3:
        strokes.append(_foot(bottom, random))
    return strokes


def hooked_one(random: Random) -> list[Stroke]:
    """A stem as good as upright with a short flag, level or bent: what tells it from a seven is that it is narrow."""
    bottom = np.array([random.normal(0.0, 0.04), 1.0])
    angle, length = np.radians(random.uniform(55, 98)), random.uniform(0.08, 0.3)
    flag = np.array([-np.sin(angle), np.cos(angle)]) * length
    return [
        np.concatenate([line(flag, (0, 0), random.normal(-0.05, 0.1)), line((0, 0), bottom, random.normal(0, 0.02))])
    ]


def footed_one(random: Random) -> list[Stroke]:
    """A one as printed: a flag and a broad foot."""
    bottom = np.array([random.normal(0, 0.06), 1.0])
    angle = np.radians(random.uniform(35, 100))
    flag = np.array([-np.sin(angle), np.cos(angle)]) * random.uniform(0.12, 0.4)
    return [line(flag, (0, 0)), line((0, 0), bottom, random.normal(0, 0.02)), _foot(bottom, random)]


# --- twos and threes


def plain_two(random: Random) -> list[Stroke]:
    """A two with a sharp corner at its foot, from round-headed to nearly a Z, from broad to narrow."""
    wide = random.uniform(0.35, 0.75)
    head, start = random.uniform(0.1, 0.3), random.uniform(0.02, 0.3)
    corner = np.array([random.uniform(-0.1, 0.12) * wide, 1.0])
    swan = curve(
        [(random.uniform(0, 0.15) * wide, start), (0.5 * wide, 0), (wide, head), (0.55 * wide, 0.6), corner], random
    )
    end = corner + np.array([random.uniform(0.7, 1.25) * wide, random.uniform(-0.1, 0.06)])
    return [np.concatenate([swan, line(corner, end, random.normal(0, 0.08))])]


def narrow_two(random: Random) -> list[Stroke]:
    """A two with a small hook for a head, an upright back and a foot to the right: nearly a one."""
    wide, lean = random.uniform(0.2, 0.38), random.uniform(-0.15, 0.05)
    hook = [(0, random.uniform(0.1, 0.22)), (0.45 * wide, 0), (wide, random.uniform(0.1, 0.2))]
    corner = np.array([wide + lean - random.uniform(0.02, 0.12), 1.0])
    back = curve([*hook, (wide + 0.4 * lean, 0.5), corner], random, 0.012)
    foot = corner + np.array([random.uniform(0.22, 0.55), random.uniform(-0.08, 0.06)])
    return [np.concatenate([back, line(corner, foot, random.normal(0, 0.08))])]


def looped_two(random: Random) -> list[Stroke]:
    """A two whose foot begins with a loop."""
    wide, loop = random.uniform(0.35, 0.85), random.uniform(0.06, 0.32)
    left = random.uniform(-0.12, 0.12)
    path = [(0.02, random.uniform(0.08, 0.28)), (0.5 * wide, 0), (wide, 0.24), (0.6 * wide, 0.62), (left + 0.12, 0.97)]
    if random.random() < 0.25:  # and a small one at its head
        path.insert(0, (random.uniform(0.15, 0.3) * wide, random.uniform(0.12, 0.25)))
    turn = [(left, 0.98 - loop / 2), (left + 0.14, 0.98 - loop), (left + 0.34, 0.95)]
    return [curve([*path, *turn, (random.uniform(0.85, 1.3) * wide, random.uniform(0.88, 1.0))], random)]


def flat_three(random: Random) -> list[Stroke]:
    """A three whose upper half is that of a Z."""
    wide, middle = random.uniform(0.4, 0.85), random.uniform(0.3, 0.5)
    right, tip = np.array([wide, random.normal(0, 0.03)]), np.array([random.uniform(0.15, 0.5) * wide, middle])
    top = [
        line((random.uniform(-0.05, 0.08), random.normal(0.02, 0.03)), right, random.normal(0, 0.04)),
        line(right, tip),
    ]
    return [np.concatenate([*top, _belly(tip, wide, random)])]


def round_three(random: Random) -> list[Stroke]:
    """A three of two bows, which meet in a tip, deep or hardly to be seen, or in a small loop."""
    wide, tip = random.uniform(0.35, 0.65), np.array([random.uniform(0.15, 0.6), random.uniform(0.4, 0.52)])
    tip[0] *= wide
    bow = curve([(0, random.uniform(0.05, 0.2)), (0.5 * wide, 0), (wide * random.uniform(0.8, 1.1), 0.22), tip], random)
    if random.random() < 0.2:
        loop = np.array([random.uniform(0.05, 0.14), 0.0])
        bow = np.concatenate([bow, _arc((tip[0] - loop[0], tip[1]), (loop[0], 0.4 * loop[0]), 0, 330)])
    return [np.concatenate([bow, _belly(tip, wide, random)])]


def _belly(start: Stroke, wide: float, random: Random) -> Stroke:
    """The lower bow of threes and fives, from where it begins to its end at the lower left."""
    right, bottom = wide * random.uniform(0.9, 1.3), random.uniform(0.95, 1.02)
    low = (start[1] + bottom) / 2
    path = [start, (0.75 * right, start[1] + 0.06), (right, low), (0.5 * right, bottom)]
    return curve([*path, (random.uniform(-0.15, 0.12), random.uniform(0.8, 0.98))], random)


# --- fours


def closed_four(random: Random) -> list[Stroke]:
    """A four as printed, its top closed to a point or nearly, broad or narrow, its bar short or long."""
    top = np.array([random.uniform(0.25, 0.6), random.uniform(0.0, 0.1)])
    left = np.array([random.uniform(-0.02, 0.12), random.uniform(0.45, 0.74)])
    right = np.array([top[0] + random.uniform(0.05, 0.4), left[1] + random.normal(0, 0.04)])
    gap = np.array([random.uniform(-0.02, 0.08), random.normal(0, 0.03)])
    stem = line(top + gap, (top[0] + gap[0] + random.normal(0, 0.05), 1.0), random.normal(0, 0.02))
    return [np.concatenate([line(top, left, random.normal(0, 0.05)), line(left, right)]), stem]


def open_four(random: Random) -> list[Stroke]:
    """A four with an open top: an L or a bowl, and a stem through or at its end."""
    stem_x, bar = random.uniform(0.25, 0.6), random.uniform(0.4, 0.68)
    left = np.array([random.uniform(-0.06, 0.06), bar + random.normal(0, 0.03)])
    start, right = (random.uniform(-0.02, 0.2), random.uniform(0, 0.12)), (stem_x + random.uniform(0, 0.3), bar)
    if random.random() < 0.35:
        angle = curve([start, left - (0, 0.1), (0.4 * stem_x, bar + 0.02), right], random)
    else:
        angle = np.concatenate([line(start, left, random.normal(0, 0.06)), line(left, right, random.normal(0, 0.05))])
    top = (stem_x + random.uniform(-0.02, 0.12), random.uniform(-0.05, 0.3))
    return [angle, line(top, (stem_x - random.uniform(-0.03, 0.15), 1), random.normal(0, 0.02))]


def lightning_four(random: Random) -> list[Stroke]:
    """A four like a flash of lightning: down, across, and a short stem through the end of the bar."""
    bar, wide = random.uniform(0.45, 0.65), random.uniform(0.4, 0.7)
    start, left = (random.uniform(0.15, 0.4), 0), (random.uniform(-0.05, 0.05), bar)
    right = (wide, bar + random.uniform(-0.1, 0.05))
    cross = wide * random.uniform(0.55, 0.85)
    stem = line((cross + random.uniform(0, 0.1), bar - random.uniform(0.1, 0.25)), (cross - random.uniform(0, 0.15), 1))
    return [np.concatenate([line(start, left), line(left, right)]), stem]


# --- fives and sixes


def two_stroke_five(random: Random) -> list[Stroke]:
    """A five whose top bar is a stroke of its own, often detached, at times long."""
    wide, shoulder = random.uniform(0.35, 0.6), random.uniform(0.34, 0.48)
    top, corner = np.array([random.uniform(0.02, 0.16), 0.03]), np.array([random.uniform(-0.03, 0.06), shoulder])
    gap = np.array([random.uniform(-0.06, 0.14), random.uniform(-0.1, 0.05)])
    bar = top + gap, top + gap + np.array([random.uniform(0.25, 0.8), random.normal(-0.03, 0.05)])
    body = np.concatenate([line(top, corner), _belly(corner, wide, random)])
    return [body, line(*bar, random.normal(0, 0.05))]


def snake_five(random: Random) -> list[Stroke]:
    """A five in one stroke, from angular to nearly an S."""
    wide, shoulder = random.uniform(0.35, 0.6), random.uniform(0.3, 0.48)
    start = (wide * random.uniform(0.9, 1.4), random.uniform(-0.06, 0.06))
    top, corner = (random.uniform(0.06, 0.2), random.uniform(0, 0.05)), np.array([random.uniform(0, 0.1), shoulder])
    if random.random() < 0.35:
        neck = curve([start, top, corner], random)
    else:
        neck = np.concatenate([line(start, top, random.normal(0, 0.05)), line(top, corner, random.normal(0, 0.05))])
    return [np.concatenate([neck, _belly(corner, wide, random)])]


def open_six(random: Random) -> list[Stroke]:
    """A six with a large or a tiny loop, closed or not, its back straight or bent."""
    high, wide = random.uniform(0.18, 0.6), random.uniform(0.13, 0.34) * random.uniform(1, 1.9)
    back, top = random.uniform(-0.05, 0.1), random.uniform(-0.05, 0.75)
    bow = random.uniform(0.05, 0.45) * top
    loop = _arc((wide, 1 - high / 2), (wide, high / 2), 180, -random.uniform(280, 400))
    stem = curve([(top, 0), (bow + back * 0.3, 0.5 * (1 - high / 2)), (0, 1 - high / 2)], random, 0.012)
    return [np.concatenate([stem, loop])]


# --- sevens


def barred_seven(random: Random) -> list[Stroke]:
    """A seven with a bar through its stem, at times with a tick at the left of its top."""
    strokes, corner, bottom = _seven(random)
    middle = corner + (bottom - corner) * random.uniform(0.35, 0.68)
    half = np.array([random.uniform(0.12, 0.42), random.normal(0, 0.06)])
    return [*strokes, line(middle - half, middle + half)]


def plain_seven(random: Random) -> list[Stroke]:
    """A seven without a bar, its top level or wavy, its stem straight or bent."""
    return _seven(random)[0]


def _seven(random: Random) -> tuple[list[Stroke], Stroke, Stroke]:
    """Strokes of a seven without its bar, the corner and the foot of its stem."""
    left = np.array([0.0, random.uniform(-0.02, 0.08)])
    corner = np.array([random.uniform(0.38, 0.9), random.uniform(-0.08, 0.06)])
    bottom = np.array([corner[0] - random.uniform(0.05, 0.85) * min(1, corner[0] + 0.2), 1.0])
    top = line(left, corner, random.normal(0, 0.04))
    if random.random() < 0.3:
        rise = random.uniform(0.03, 0.1)
        top = curve(
            [left, left + (corner - left) * 0.3 - (0, rise), left + (corner - left) * 0.65 + (0, rise), corner],
            random,
            0.01,
        )
    strokes = [np.concatenate([top, line(corner, bottom, random.uniform(-0.03, 0.14))])]
    if random.random() < 0.3:
        strokes.append(line(left, left + np.array([random.normal(0, 0.03), random.uniform(0.06, 0.22)])))
    return strokes, corner, bottom


# --- eights and nines


def ringed_eight(random: Random) -> list[Stroke]:
    """An eight of two circles, one on the other or a little beside it."""
    split, wide = random.uniform(0.34, 0.56), random.uniform(0.17, 0.4)
    upper, lower = (wide * random.uniform(0.7, 1.1), split / 2), (wide * random.uniform(0.9, 1.25), (1 - split) / 2)
    aside, gap = random.normal(0, 0.08), random.uniform(-0.08, 0.02)
    turns = random.uniform(335, 380, 2)
    return [
        _arc((0, split / 2), upper, random.uniform(40, 140), turns[0]),
        _arc((aside, split + gap + lower[1]), lower, random.uniform(-140, -40), turns[1]),
    ]


def crossed_eight(random: Random) -> list[Stroke]:
    """An eight in one stroke: an S that closes itself, or stays open at its top."""
    wide, waist = random.uniform(0.3, 0.75), random.uniform(0.4, 0.54)
    right, mid = wide * random.uniform(0.75, 1.0), wide / 2
    low = (1 + waist) / 2
    start = (right + random.uniform(-0.1, 0.08), random.uniform(0.0, 0.16))
    down = [start, (mid, 0), (0.05 * wide, waist / 2), (mid, waist), (wide, low), (mid, 1), (0, low)]
    end = (right + random.uniform(-0.04, 0.16), random.uniform(-0.04, 0.14))
    return [curve([*down, (mid + random.normal(0, 0.03), waist), (right, waist / 2 + 0.02), end], random)]


def curled_nine(random: Random) -> list[Stroke]:
    """A nine like the letter g: a loop, at times tiny or not closed, a stem, and a tail curled to the left."""
    wide, high = random.uniform(0.13, 0.32), random.uniform(0.13, 0.28)
    turn = random.uniform(260, 420)
    loop = _arc((wide, high), (wide, high), random.uniform(-70, 0), -turn)
    start = np.array([2 * wide, random.uniform(0.0, 1.2) * high])
    curl = random.uniform(0.1, 0.28)
    foot = np.array([2 * wide + random.normal(0, 0.05), 1.0 - curl])
    across = random.uniform(0.1, 0.48)
    tail = _arc((foot[0] - across, foot[1]), (across, curl), 0, random.uniform(70, 200))
    return [np.concatenate([loop, line(start, foot, random.normal(0, 0.03)), tail])]


def stemmed_nine(random: Random) -> list[Stroke]:
    """A nine with a straight stem, or one that ends in a short hook; its loop closed or open."""
    wide, high = random.uniform(0.16, 0.36), random.uniform(0.14, 0.28)
    loop = _arc((wide, high), (wide, high), random.uniform(-60, 0), -random.uniform(250, 370))
    top = np.array([2 * wide + random.uniform(-0.02, 0.05), random.uniform(0.0, 1.0) * high])
    bottom = np.array([top[0] - random.uniform(-0.06, 0.3), 1.0])
    stem = line(top, bottom, random.normal(0, 0.03))
    if random.random() < 0.3:
        stem = np.concatenate([stem, line(bottom, bottom - (random.uniform(0.05, 0.2), random.uniform(-0.03, 0.1)))])
    return [loop, stem] if random.random() < 0.4 else [np.concatenate([loop, stem])]


COUNTS: Counts = (
    (0, slashed_zero, 2600),
    (0, inner_slashed_zero, 500),
    (0, dotted_zero, 300),
    (0, open_zero, 900),
    (1, plain_one, 300),
    (1, flagged_one, 3000),
    (1, hooked_one, 1000),
    (1, footed_one, 1000),
    (2, plain_two, 700),
    (2, narrow_two, 600),
    (2, looped_two, 500),
    (3, flat_three, 500),
    (3, round_three, 500),
    (4, closed_four, 1200),
    (4, open_four, 600),
    (4, lightning_four, 300),
    (5, two_stroke_five, 700),
    (5, snake_five, 500),
    (6, open_six, 1000),
    (7, barred_seven, 1700),
    (7, plain_seven, 1000),
    (8, ringed_eight, 600),
    (8, crossed_eight, 700),
    (9, curled_nine, 2000),
    (9, stemmed_nine, 600),
)


def _slash(middle: Stroke, angle: float, reach: float) -> Stroke:
    """A slash through a point, rising to the right by an angle in degrees, so far to either side."""
    lean = np.array([np.cos(np.radians(angle)), -np.sin(np.radians(angle))]) * reach
    return line(middle + lean, middle - lean)


def _foot(bottom: Stroke, random: Random) -> Stroke:
    left, right = random.uniform(0.12, 0.5, 2)
    tilt = random.normal(0, 0.04)
    return line(bottom - np.array([left, tilt]), bottom + np.array([right, -tilt]))


def line(start: object, stop: object, bow: float = 0.0) -> Stroke:
    """A line of 12 points, bent sideways by `bow` of its length."""
    first, last = np.asarray(start, np.float64), np.asarray(stop, np.float64)
    share = np.linspace(0, 1, 12)[:, None]
    across = np.array([last[1] - first[1], first[0] - last[0]])
    return np.asarray(first + share * (last - first) + 4 * bow * share * (1 - share) * across)


def _arc(centre: tuple[float, float], radii: tuple[float, float], start: float, turn: float) -> Stroke:
    """A piece of an ellipse of 36 points; angles in degrees, 0 to the right, growing clockwise as y grows down."""
    angle = np.radians(start + np.linspace(0, turn, 36))
    return np.column_stack([centre[0] + radii[0] * np.cos(angle), centre[1] + radii[1] * np.sin(angle)])


def curve(points: Sequence[object], random: Random, shake: float = 0.025) -> Stroke:
    """A smooth curve through points (Catmull-Rom), those between its ends moved about a little."""
    knots = np.array([np.asarray(point, np.float64) for point in points])
    knots[1:-1] += random.normal(0, shake, knots[1:-1].shape)
    before, after = 2 * knots[0] - knots[1], 2 * knots[-1] - knots[-2]
    all_knots = np.concatenate([before[None], knots, after[None]])
    a, b, c, d = (all_knots[start : len(knots) - 1 + start, None] for start in range(4))
    t = np.linspace(0, 1, 9)[None, :, None]
    pieces = b + t / 2 * (c - a + t * (2 * a - 5 * b + 4 * c - d + t * (3 * (b - c) + d - a)))
    return np.asarray(np.concatenate([pieces[:, :-1].reshape(-1, 2), knots[-1:]]))

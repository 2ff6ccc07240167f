"""Pictures that are not digits, to teach a network the class "not a digit".

Letters, scribbles, doodles, spoiled digits, textures and solid shapes, all made by this program (letters of
handwriting fonts and photographs of clothes come on top, where those can be had) and all through `normalize`, like
every picture that is read.
What a person might read as a digit is left out: each kind keeps clear of the digits that it could hit by chance.
"""

import itertools
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from inkdigit.errors import BlankImageError
from inkdigit.image import Ink, encode_png, read_image
from inkdigit.preprocess import normalize
from inkdigit.training.clothes import draw_garment
from inkdigit.training.dataset import Digits, Images
from inkdigit.training.fonts import Face, glyph
from inkdigit.training.letters import DOTTED, Random, Stroke, bent, letter, smooth
from inkdigit.training.textures import blots, checks, cut_noise, levels, noise, slope, stripes

Chosen = TypeVar("Chosen")
Points = list[tuple[float, float]]

LETTERS, FACES = "letters and signs", "letters of handwriting faces"
CLOTHES, PHOTOGRAPHS = "clothes, shoes and bags", "photographs of clothes, shoes and bags"
CANVAS = 96  # pixels, side of the sheet that is drawn on
REACH = 72  # pixels, the longer side of a drawing on it
CHANGED_BY_TURNING = (3, 4, 7)  # digits that are no digit upside down
CHANGED_BY_MIRRORING = (3, 6, 7, 9)  # a mirrored 2 passes for a 5, a 5 for a 2, and 0, 1, 4, 8 for themselves
SWAPS = ((2, 3, 0, 1), (1, 0, 3, 2), (3, 2, 1, 0))  # of a 0's or 4's quarters; other orders make an S of a 0
STRIKABLE = (2, 3, 4, 5, 6, 8, 9)  # a stroke through a 0, 1 or 7 is a habit of many hands


@dataclass(frozen=True, slots=True)
class Material:
    """What pictures are made of besides chance: digits, some of every label, and what else there is.

    Attributes:
        digits: that train, or that choose.
        faces: of handwriting (`inkdigit.training.fonts.load_faces`); without any, our own alphabet takes their share.
        photographs: (N, 28, 28) uint8 of clothes (`inkdigit.training.fashion`); without any, drawn ones do.
    """

    digits: Digits
    faces: tuple[Face, ...] = ()
    photographs: Images = field(default_factory=lambda: np.zeros((0, 28, 28), np.uint8))


Kind = Callable[[Random, Material], Ink]


def draw_negatives(random: Random, count: int, material: Material) -> tuple[Images, dict[str, int]]:
    """Draw pictures of every kind, in random order.

    Args:
        random: the source of every choice.
        count: how many pictures to draw.
        material: what they are made of.

    Returns:
        (count, 28, 28) uint8, 0 is paper and 255 is full ink; and how many there are of each kind.
    """
    counts = _counts(count, material)
    drawn = [_picture(draw, random, material) for name, draw, _ in KINDS for _ in range(counts[name])]
    images = np.stack(drawn) if drawn else np.zeros((0, 28, 28), np.uint8)
    return images[random.permutation(count)], counts


def _counts(count: int, material: Material) -> dict[str, int]:
    """How many pictures of each kind: their shares, rounded so that the sum is right."""
    shares = {name: share for name, _, share in KINDS}
    for kind, there, instead in ((FACES, material.faces, LETTERS), (PHOTOGRAPHS, len(material.photographs), CLOTHES)):
        if not there:
            shares[instead] += shares[kind]
            shares[kind] = 0.0
    edges = np.round(np.cumsum([0.0, *shares.values()]) * count / sum(shares.values())).astype(int)
    return {name: int(size) for name, size in zip(shares, np.diff(edges), strict=True)}


def _picture(draw: Kind, random: Random, material: Material) -> NDArray[np.uint8]:
    while True:
        try:
            return np.asarray(np.round(normalize(draw(random, material)) * 255), np.uint8)
        except BlankImageError:  # a texture with no ink in it: try another one
            continue


# Letters and lines


def drawn_letter(random: Random, _: Material) -> Ink:
    """A letter or sign of our own alphabet."""
    sign, strokes = letter(random)
    return ink(strokes, random, width=random.uniform(0.03, 0.11) if sign in DOTTED else _letter_pen(strokes, random))


def face_letter(random: Random, material: Material) -> Ink:
    """A letter or sign of a handwriting face, written anew."""
    sign, strokes = glyph(material.faces, random)
    return ink(strokes, random, width=random.uniform(0.03, 0.11) if sign in DOTTED else _letter_pen(strokes, random))


def _letter_pen(strokes: list[Stroke], random: Random) -> float:
    """The width of a pen, as wide as those that digits are drawn with, but for letters whose loops it would close."""
    length = sum(float(np.hypot(*np.diff(stroke, axis=0).T).sum()) for stroke in strokes)
    size = max(float(np.ptp(np.concatenate(strokes), axis=0).max()), 1e-6)
    width = random.uniform(0.02, 0.14) if random.random() < 0.7 else random.uniform(0.12, 0.26)
    return float(min(width, 0.7 * size / length))


def lines(random: Random, _: Material) -> Ink:
    """Straight or bowed lines across each other, or in a row; two of them only as a cross or side by side."""
    count = int(random.choice([2, 3, 4, 5, 6, 8], p=[0.15, 0.25, 0.2, 0.15, 0.15, 0.1]))
    if random.random() < 0.35:
        return ink(_row_of_lines(count, random), random)
    first = random.uniform(0, 180)
    apart = 180 / count + random.normal(0, 30 / count, count)
    middle = random.normal(0, 0.05 if count == 2 else 0.18, (count, 2))
    return ink([_ray(middle[i], first + i * apart[i], random) for i in range(count)], random)


def _row_of_lines(count: int, random: Random) -> list[Stroke]:
    gap = random.uniform(0.2, 0.5)
    strokes = [
        _line((i * gap, random.normal(0, 0.05)), (i * gap, 1 + random.normal(0, 0.05)), 0.03, random)
        for i in range(count)
    ]
    return strokes if random.random() < 0.5 else [stroke[:, ::-1] for stroke in strokes]


def _ray(middle: Stroke, angle: float, random: Random) -> Stroke:
    along = np.array([np.cos(np.radians(angle)), np.sin(np.radians(angle))]) * random.uniform(0.4, 0.6)
    return _line(middle - along, middle + along, 0.05, random)


# Scribbles


def scribble(random: Random, _: Material) -> Ink:
    """Aimless pen: wanderings, loops, zigzags, spirals, hatching; each too long to be a digit."""
    draw = _choose(random, (_wander, _loops, _zigzag, _spiral, _hatching, _knot))
    return ink(bent(draw(random), random), random, fine=random.random() < 0.5)


def _wander(random: Random) -> list[Stroke]:
    """A walk that turns at random; one that hardly turns may be a digit, and is walked anew."""
    while True:
        count = int(random.integers(60, 160))
        turn = np.cumsum(random.normal(0, random.uniform(0.3, 0.9), count))
        turn += np.cumsum(random.normal(0, 0.15, count))
        path = np.cumsum(np.column_stack([np.cos(turn), np.sin(turn)]), axis=0)
        size = np.ptp(path, axis=0).max()
        if count >= 5 * size:  # the way of an 8 is about 4.4 times its height
            return [path / size]


def _knot(random: Random) -> list[Stroke]:
    """A closed curve that crosses itself several times."""
    angle = np.linspace(0, 6.2832, 90)
    pace = random.choice(np.array([[3, 2], [2, 3], [3, 4], [4, 3], [3, 5], [5, 3], [5, 4], [4, 5]]))
    phase = random.uniform(0, 6.28, 2)
    if pace.sum() == 5:  # of the slower ones, those that do not go back the way they came
        phase = np.array([random.integers(4) * 1.5708 + random.uniform(-0.45, 0.45), 0.0])
    wobble = random.normal(0, 0.08, (2, 2, 1))
    x = np.sin(pace[0] * angle + phase[0]) + wobble[0, 0] * np.sin(angle)
    y = np.sin(pace[1] * angle + phase[1]) + wobble[1, 0] * np.cos(2 * angle)
    return [np.column_stack([x, y]) / 2]


def _loops(random: Random) -> list[Stroke]:
    """A row of loops, as of one who tries a pen."""
    turns = int(random.integers(3, 8))
    angle = np.linspace(0, turns * 6.2832, turns * 20) + random.uniform(0, 6.28)
    drift = random.uniform(0.1, 0.25)  # with less, it is a 0 drawn over and over
    size = 1 + 0.25 * np.sin(angle * random.uniform(0.1, 0.5))
    path = np.column_stack([np.cos(angle) * size + drift * angle, np.sin(angle) * size * random.uniform(0.7, 1.6)])
    return [path / np.ptp(path, axis=0).max()]


def _zigzag(random: Random) -> list[Stroke]:
    """To and fro, five times at least; four would do for a 3."""
    turns = int(random.integers(6, 14))
    side = np.arange(turns) % 2 + random.normal(0, 0.12, turns)
    along = np.arange(turns) * random.uniform(0.08, 0.3) + random.normal(0, 0.03, turns)
    corners = np.column_stack([along, side])[:, :: random.choice([-1, 1])]
    return [np.concatenate([_line(a, b, 0.04, random) for a, b in itertools.pairwise(corners)])]


def _spiral(random: Random) -> list[Stroke]:
    """Two and a half turns at least, or it might be a 6 or a 9."""
    turns = random.uniform(2.5, 5)
    angle = np.linspace(0, turns * 6.2832, int(turns * 20))
    radius = 0.05 + angle ** random.uniform(0.7, 1.3)
    start, way = random.uniform(0, 6.28), random.choice([-1, 1])
    return [
        np.column_stack([radius * np.cos(way * angle + start), radius * np.sin(way * angle + start)]) / radius[-1] / 2
    ]


def _hatching(random: Random) -> list[Stroke]:
    """Lines side by side, at times crossed by others."""
    angles = [random.uniform(0, 3.14)]
    if random.random() < 0.5:
        angles.append(angles[0] + random.uniform(0.5, 2.6))
    return [line for angle in angles for line in _hatch(angle, random)]


def _hatch(angle: float, random: Random) -> list[Stroke]:
    count = int(random.integers(4, 9))
    turn = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    level = np.linspace(-0.5, 0.5, count) + random.normal(0, 0.03, count)
    ends = random.uniform(0.25, 0.6, (count, 2))
    return [_line((-a, y), (b, y), 0.03, random) @ turn for y, (a, b) in zip(level, ends, strict=True)]


# Doodles


def doodle(random: Random, _: Material) -> Ink:
    """What people draw to see what happens: faces, cats, fish, flowers, suns, people, trees, cars, clouds, shapes."""
    draw = _choose(random, DOODLES)
    return ink(bent(draw(random), random), random, fine=draw not in (_polygon, _lobes, _star))


def _face(random: Random) -> list[Stroke]:
    eye, high = random.uniform(0.14, 0.22), random.uniform(-0.2, -0.08)
    mouth = _oval(
        (0, 0.05), (random.uniform(0.18, 0.3), random.uniform(0.1, 0.25)), random, 20, random.uniform(120, 140)
    )
    if random.random() < 0.3:
        mouth = mouth * (1, -1) + (0, 0.45)
    eyes = [_spot(random, (side * eye, high)) for side in (-1, 1)]
    return [_oval((0, 0), (0.5, 0.5), random), mouth, *eyes]


def _cat(random: Random) -> list[Stroke]:
    ears = [np.array([(side * 0.42, -0.27), (side * 0.4, -0.75), (side * 0.12, -0.48)]) for side in (-1, 1)]
    whiskers = [
        _line((side * 0.15, y * 0.1 + 0.1), (side * 0.7, y * 0.2 + 0.1), 0.05, random)
        for side in (-1, 1)
        for y in (0, 1)
    ]
    return [*_face(random), *ears, *whiskers[: 2 * int(random.integers(3))]]


def _fish(random: Random) -> list[Stroke]:
    tail = np.array([(0.45, 0.0), (0.8, -0.25), (0.8, 0.25), (0.45, 0.0)])
    fish = [_oval((0, 0), (0.5, random.uniform(0.2, 0.35)), random), tail, _spot(random, (-0.28, -0.06))]
    return fish if random.random() < 0.5 else [stroke * (-1, 1) for stroke in fish]


def _flower(random: Random) -> list[Stroke]:
    petals = int(random.integers(4, 8))
    angle = np.linspace(0, 6.2832, 80)
    radius = 0.32 + random.uniform(0.08, 0.16) * np.cos(petals * angle)
    strokes = [np.column_stack([radius * np.cos(angle), radius * np.sin(angle)]), _oval((0, 0), (0.1, 0.1), random)]
    if random.random() < 0.6:
        strokes += [
            _line((0, 0.3), (random.normal(0, 0.08), 1.1), 0.06, random),
            _oval((0.15, 0.8), (0.15, 0.07), random),
        ]
    return strokes


def _sun(random: Random) -> list[Stroke]:
    rays = int(random.integers(6, 13))
    angle = np.arange(rays) * 6.2832 / rays + random.normal(0, 0.08, rays)
    way = np.column_stack([np.cos(angle), np.sin(angle)])
    return [_oval((0, 0), (0.35, 0.35), random)] + [
        _line(0.45 * w, random.uniform(0.6, 0.9) * w, 0.03, random) for w in way
    ]


def _person(random: Random) -> list[Stroke]:
    hip, spread = random.uniform(0.75, 0.9), random.uniform(0.15, 0.35)
    limbs = [
        _line((0, y), (side * spread, y + random.uniform(low, 0.45)), 0.05, random)
        for side in (-1, 1)
        for y, low in ((0.4, -0.3), (hip, 0.3))
    ]
    return [_oval((0, 0.12), (0.14, 0.14), random), _line((0, 0.27), (0, hip), 0.02, random), *limbs]


def _tree(random: Random) -> list[Stroke]:
    trunk = [_line((x, 0.65), (x * 1.2, 1.1), 0.03, random) for x in (-0.08, 0.08)]
    if random.random() < 0.5:
        return [*trunk, _cloud(random)[0] * (0.8, 0.9) + (0, 0.3)]
    floors = [
        np.array(
            [
                (-0.2 - 0.1 * i, 0.25 * i + 0.15),
                (0, 0.25 * i - 0.2),
                (0.2 + 0.1 * i, 0.25 * i + 0.15),
                (-0.2 - 0.1 * i, 0.25 * i + 0.15),
            ]
        )
        for i in range(3)
    ]
    return trunk + floors


def _car(random: Random) -> list[Stroke]:
    body = np.array(
        [(-0.6, 0.2), (-0.6, 0), (-0.35, 0), (-0.2, -0.25), (0.2, -0.25), (0.35, 0), (0.6, 0), (0.6, 0.2), (-0.6, 0.2)]
    )
    return [body, *[_oval((x, 0.22), (0.12, 0.12), random) for x in (-0.32, 0.32)]]


def _house(random: Random) -> list[Stroke]:
    wall, high = random.uniform(0.35, 0.55), random.uniform(0.4, 0.7)
    outline = np.array(
        [(-wall, high), (-wall, 0), (0, -random.uniform(0.3, 0.5)), (wall, 0), (wall, high), (-wall, high)]
    )
    door = np.array([(-0.08, high), (-0.08, high - 0.3), (0.1, high - 0.3), (0.1, high)])
    return [outline, _line((-wall, 0), (wall, 0), 0.01, random), door][: int(random.integers(2, 4))]


def _cloud(random: Random) -> list[Stroke]:
    bumps = int(random.integers(5, 9))
    angle = np.linspace(0, 6.2832, 90)
    radius = 0.8 + 0.25 * np.abs(np.sin(bumps * angle / 2))
    return [np.column_stack([radius * np.cos(angle), radius * np.sin(angle) * random.uniform(0.5, 0.8)]) / 2]


def _cup(random: Random) -> list[Stroke]:
    cup = np.array([(-0.35, -0.3), (-0.28, 0.35), (0.28, 0.35), (0.35, -0.3), (-0.35, -0.3)])
    steam = [_line((x, -0.4), (x, -0.75), 0.2, random) for x in (-0.12, 0.12)]
    return [cup, _oval((0.4, 0), (0.17, 0.17), random), *steam]


def _glasses(random: Random) -> list[Stroke]:
    arms = [_line((side * 0.5, -0.05), (side * 0.75, -0.2), 0.05, random) for side in (-1, 1)]
    return [_oval((side * 0.32, 0), (0.2, 0.18), random) for side in (-1, 1)] + [
        _line((-0.12, 0), (0.12, 0), 0.1, random),
        *arms,
    ]


def _beast(random: Random) -> list[Stroke]:
    """A body, a head, four legs and a tail."""
    legs = [
        _line((x, 0.15), (x + random.normal(0, 0.05), random.uniform(0.5, 0.7)), 0.03, random)
        for x in (-0.35, -0.2, 0.2, 0.35)
    ]
    head, tail = _oval((-0.6, -0.2), (0.18, 0.15), random), _line((0.48, 0), (0.75, -0.3), 0.15, random)
    return [_oval((0, 0), (0.5, random.uniform(0.2, 0.28)), random), head, tail, _spot(random, (-0.65, -0.24)), *legs]


def _target(random: Random) -> list[Stroke]:
    """Rings in each other."""
    rings = np.linspace(0.5, 0, int(random.integers(3, 5)), endpoint=False)
    return [_oval(random.normal(0, 0.02, 2), (r, r), random) for r in rings]


def _polygon(random: Random) -> list[Stroke]:
    """Three corners, a square one of four, or an outline of five to eight corners that goes in and out."""
    corners = int(random.choice([3, 4, 5, 6, 7, 8]))
    angle = (
        np.arange(corners + 1) * 6.2832 / corners + random.uniform(-0.2, 0.2) + (0.7854 if corners == 4 else -1.5708)
    )
    radius = random.uniform(0.9, 1.1, corners) if corners < 5 else random.uniform(0.6, 1.0, corners)
    radius[:: 2 if corners > 4 else corners + 1] *= random.uniform(0.3, 0.6) if corners > 4 else 1
    radius = np.append(radius, radius[0])
    path = np.column_stack([radius * np.cos(angle), radius * np.sin(angle)]) / 2
    return [np.concatenate([_line(a, b, 0.02, random) for a, b in itertools.pairwise(path)])]


def _lobes(random: Random) -> list[Stroke]:
    """A closed curve with three lobes or more: no 0 and no 8."""
    lobes = int(random.integers(3, 7))
    angle = np.linspace(0, 6.2832, 80) + random.uniform(0, 6.28)
    radius = (
        1
        + random.uniform(0.35, 0.7) * np.cos(lobes * angle)
        + random.uniform(0, 0.2) * np.cos(angle + random.uniform(0, 6.28))
    )
    return [np.column_stack([radius * np.cos(angle), radius * np.sin(angle)]) / 2]


def _star(random: Random) -> list[Stroke]:
    points = int(random.integers(4, 9))
    angle = np.arange(2 * points + 1) * 3.1416 / points - 1.5708
    radius = np.where(np.arange(2 * points + 1) % 2, random.uniform(0.2, 0.55), 1.0)
    return [np.column_stack([radius * np.cos(angle), radius * np.sin(angle)]) / 2]


def _heart(random: Random) -> list[Stroke]:
    """Two bows that meet at a dent and in a point, slim or plump."""
    wide, dent, point = random.uniform(0.4, 0.6), random.uniform(0.02, 0.2), random.uniform(0.45, 0.75)
    bow = np.array([(0, dent - 0.2), (wide * 0.45, -0.33), (wide, -0.12), (wide * 0.8, 0.15), (0, point)])
    bow = bow + random.normal(0, 0.02, bow.shape) * np.array([[0], [1], [1], [1], [0]])
    return [smooth(bow), smooth(bow * (-1, 1))]


def _wheel(random: Random) -> list[Stroke]:
    """A ring with lines from side to side, two at least: one alone is a 0 with a slash."""
    spokes = int(random.integers(2, 5))
    first, reach = random.uniform(0, 3.14), random.uniform(0.4, 0.65)
    turns = first + np.arange(spokes) * 3.1416 / spokes + random.normal(0, 0.1, spokes)
    ways = np.column_stack([np.cos(turns), np.sin(turns)]) * reach
    lines = [_line(-way + random.normal(0, 0.03, 2), way, 0.03, random) for way in ways]
    return [_oval((0, 0), (0.5, random.uniform(0.42, 0.5)), random), *lines]


def _arrow(random: Random) -> list[Stroke]:
    """In any direction, with a head that is open or closed, at one end or both."""
    side, back = random.uniform(0.12, 0.3), random.uniform(0.15, 0.4)
    head = np.array([(1 - back, -side), (1, 0), (1 - back, side), (1 - back, -side)])
    head = head[:3] if random.random() < 0.7 else head
    tails = [head * (-1, 1)] if random.random() < 0.2 else []
    angle = random.uniform(0, 6.28)
    turn = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    return [stroke @ turn for stroke in (_line((-1, 0), (1, 0), 0.03, random), head, *tails)]


DOODLES = (
    _heart, _wheel, _arrow, _face, _cat, _fish, _flower, _sun, _person, _tree, _car, _house, _cloud, _cup, _glasses,
    _beast, _target, _polygon, _lobes, _star,
)  # fmt: skip


# Digits spoiled


def two_digits(random: Random, material: Material) -> Ink:
    """Two digits side by side, touching or not; at times three."""
    side = [_trimmed(_digit(random, material.digits)) for _ in range(2 if random.random() < 0.8 else 3)]
    gap = int(random.integers(-2, 6))
    page = np.zeros((40, sum(part.shape[1] + max(gap, 0) for part in side) + 8), np.uint8)
    left = 2
    for part in side:
        top = int(np.clip(10 + random.normal(0, 2), 0, 40 - part.shape[0]))
        room = page[top : top + part.shape[0], left : left + part.shape[1]]
        np.maximum(room, part, out=room)
        left += part.shape[1] + gap
    return page


def overlaid(random: Random, material: Material) -> Ink:
    """Two digits of different labels on top of each other, where neither hides in the other."""
    while True:
        first, second = (_digit(random, material.digits, range(2, 10)) for _ in range(2))
        first, second = np.pad(first, 8), np.roll(np.pad(second, 8), random.integers(-6, 7, 2), (0, 1))
        less, more = sorted((first.sum(dtype=float), second.sum(dtype=float)))
        if less > 0.6 * more and np.minimum(first, second).sum(dtype=float) < 0.3 * less:
            return np.maximum(first, second)


def turned(random: Random, material: Material) -> Ink:
    """A 3, 4 or 7 upside down."""
    return _digit(random, material.digits, CHANGED_BY_TURNING)[::-1, ::-1]


def mirrored(random: Random, material: Material) -> Ink:
    """A digit that is none in the mirror."""
    return _digit(random, material.digits, CHANGED_BY_MIRRORING)[:, ::-1]


def shuffled(random: Random, material: Material) -> Ink:
    """A digit cut into squares that are put together in another order."""
    parts = int(random.choice([2, 4, 5]))
    digit = _digit(random, material.digits, (0, 4) if parts == 2 else (0, 2, 3, 4, 5, 6, 7, 8, 9))[4:24, 4:24]
    squares = digit.reshape(parts, 20 // parts, parts, 20 // parts).swapaxes(1, 2).reshape(parts**2, 20 // parts, -1)
    order = random.choice(SWAPS) if parts == 2 else random.permutation(parts**2)
    return np.asarray(squares[order].reshape(parts, parts, 20 // parts, -1).swapaxes(1, 2).reshape(20, 20))


def struck(random: Random, material: Material) -> Ink:
    """A digit scratched out."""
    digit = np.asarray(Image.fromarray(_digit(random, material.digits, STRIKABLE)).resize((84, 84)))
    scratches = _zigzag(random) if random.random() < 0.5 else _hatch(random.uniform(0, 3.14), random)
    return np.asarray(np.maximum(digit, ink(scratches, random, width=random.uniform(0.06, 0.13))[6:90, 6:90]))


def _digit(random: Random, digits: Digits, labels: Collection[int] = range(10)) -> Ink:
    """A random digit, of one of the labels."""
    while True:
        row = int(random.integers(len(digits)))
        if int(digits.labels[row]) in labels:
            return np.asarray(digits.images[row])


def _trimmed(digit: Ink) -> Ink:
    rows, columns = np.nonzero(digit > 12)
    return digit[rows.min() : rows.max() + 1, columns.min() : columns.max() + 1]


# Textures and solid shapes


def texture(random: Random, _: Material) -> Ink:
    """Noise of some grain, a smooth field, cut at a level or not; stripes, checks, slopes."""
    return levels(_choose(random, (noise, noise, cut_noise, cut_noise, blots, blots, stripes, checks, slope))(random))


def garment(random: Random, _: Material) -> Ink:
    """A piece of clothing, a shoe or a bag."""
    return draw_garment(random)


def photographed(random: Random, material: Material) -> Ink:
    """A photograph of such a thing, as it is or in the mirror, read as any picture is."""
    photograph = material.photographs[random.integers(len(material.photographs)), :, :: random.choice([-1, 1])]
    return read_image(encode_png(np.asarray(photograph / np.float32(255), np.float32)))


def solid(random: Random, _: Material) -> Ink:
    """A disc, a box or another shape filled with ink, the whole page, or a frame; none as slim as a 1."""
    kind = random.integers(6)
    wide = float(np.exp(random.uniform(-0.6, 1.5)))
    if kind == 0:
        return levels(np.ones((28, 28)) * random.uniform(0.2, 1))
    if kind == 1:
        shape = _filled([_around(random, int(random.integers(3, 8)), min(wide, 2.0))], [], random)
        return levels(shape * slope(random, len(shape)) if random.random() < 0.4 else shape)
    if kind == 2:
        return levels(_filled([_box(wide)], [_box(wide) * random.uniform(0.5, 0.9)], random))
    shape = _box(wide) if kind == 3 else _oval((0, 0), (0.5, 0.5 / wide), random)
    return levels(_filled([shape], [], random))


def _filled(shapes: list[Stroke], holes: list[Stroke], random: Random) -> NDArray[np.float64]:
    """Shapes (in units of a side about 1) filled with 1 on a sheet of 56 pixels, holes left empty."""
    every = bent([*shapes, *holes], random, level=True)
    low = np.min([stroke.min(axis=0) for stroke in every], axis=0)
    size = max(float((stroke - low).max()) for stroke in every)
    sheet = Image.new("L", (56, 56))
    pen = ImageDraw.Draw(sheet)
    for number, stroke in enumerate(every):
        pen.polygon(_points((stroke - low) * 52 / size + 2), fill=255 if number < len(shapes) else 0)
    return np.asarray(sheet, np.float64) / 255


def _around(random: Random, corners: int, wide: float) -> Stroke:
    """The corners of a shape, evenly around its middle or nearly so."""
    angle = (np.arange(corners) + random.uniform(-0.3, 0.3, corners)) * 6.2832 / corners + random.uniform(0, 6.28)
    return np.column_stack([np.cos(angle) * np.sqrt(wide), np.sin(angle) / np.sqrt(wide)]) / 2


def _box(wide: float) -> Stroke:
    return np.asarray(np.array([(-1, -1), (1, -1), (1, 1), (-1, 1)]) / (2 / np.sqrt(wide), 2 * np.sqrt(wide)))


# The pen


def ink(strokes: list[Stroke], random: Random, fine: bool = False, width: float | None = None) -> Ink:
    """Draw strokes with a round pen.

    Args:
        strokes: (M, 2) each: x, y in any unit; they are fitted to the sheet.
        random: chooses the pen where `width` is None.
        fine: whether a wide pen would close the gaps of the drawing.
        width: of the pen, as a share of the drawing's longer side.

    Returns:
        (96, 96) uint8, 0 is paper and 255 is full ink.
    """
    low = np.min([stroke.min(axis=0) for stroke in strokes], axis=0)
    size = np.max([stroke.max(axis=0) for stroke in strokes], axis=0) - low
    share = width or random.uniform(0.03, 0.09 if fine else 0.17)
    thick = max(1.0, share * REACH)
    origin = (CANVAS - size * REACH / size.max()) / 2
    sheet = Image.new("L", (CANVAS, CANVAS))
    pen = ImageDraw.Draw(sheet)
    for stroke in strokes:
        _draw_stroke(pen, _points((stroke - low) * REACH / size.max() + origin), thick)
    return np.asarray(sheet)


def _draw_stroke(pen: ImageDraw.ImageDraw, path: Points, thick: float) -> None:
    pen.line(path, fill=255, width=round(thick), joint="curve" if thick > 3 else None)
    for x, y in (path[0], path[-1]):
        pen.ellipse((x - thick / 2, y - thick / 2, x + thick / 2, y + thick / 2), fill=255)


def _points(path: Stroke) -> Points:
    return [(x, y) for x, y in path.tolist()]


def _line(start: object, stop: object, bow: float, random: Random) -> Stroke:
    """A line of 8 points, bent sideways by about `bow` of its length."""
    first, last = np.asarray(start, np.float64), np.asarray(stop, np.float64)
    share = np.linspace(0, 1, 8)[:, None]
    across = np.array([last[1] - first[1], first[0] - last[0]])
    return np.asarray(first + share * (last - first) + random.normal(0, bow) * 4 * share * (1 - share) * across)


def _oval(
    middle: object, radii: object, random: Random, start: float | None = None, turn: float | None = None
) -> Stroke:
    """An ellipse, closed as well as a hand does it, or a piece of one; angles in degrees."""
    begin = random.uniform(0, 360) if start is None else start
    angle = np.radians(begin + np.linspace(0, random.normal(362, 6) if turn is None else turn, 28))
    return np.asarray(np.asarray(middle) + np.column_stack([np.cos(angle), np.sin(angle)]) * np.asarray(radii))


def _spot(random: Random, middle: tuple[float, float]) -> Stroke:
    """A dot: a very short stroke."""
    return np.array([middle, np.asarray(middle) + random.normal(0, 0.02, 2)])


def _choose(random: Random, among: tuple[Chosen, ...]) -> Chosen:
    return among[random.integers(len(among))]


KINDS: tuple[tuple[str, Kind, float], ...] = (
    (LETTERS, drawn_letter, 0.22),
    (FACES, face_letter, 0.29),
    ("lines", lines, 0.02),
    ("scribbles", scribble, 0.07),
    ("doodles", doodle, 0.09),
    ("two digits", two_digits, 0.04),
    ("overlaid digits", overlaid, 0.01),
    ("digits upside down", turned, 0.02),
    ("mirrored digits", mirrored, 0.02),
    ("shuffled digits", shuffled, 0.01),
    ("digits scratched out", struck, 0.01),
    ("textures", texture, 0.04),
    (CLOTHES, garment, 0.03),
    (PHOTOGRAPHS, photographed, 0.09),
    ("solid shapes", solid, 0.04),
)

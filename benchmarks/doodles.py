"""What people and programs send that is no digit: blank paper, fills, gradients, noise, scribbles and doodles.

Made for measuring alone, with code and seeds that the training does not share. Every picture is a pad of 280x280
pixels, black on white where a pen drew it. Shapes that a reader could take for a digit are left out: no ring, no plain
square, no spiral of one turn, no slim solid bar.
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from benchmarks.drawings import encode_png
from benchmarks.placements import CANVAS, Canvas, ink_strokes

SEED = 20_261
EACH = 300  # pictures of each kind; of doodles, of all their shapes together

Random = np.random.Generator
Path = NDArray[np.float64]  # (M, 2) x to the right and y down, in any unit


def blank(random: Random) -> Canvas:
    """A page of one grey, now and then with grain too weak to be seen."""
    level = (0.0, 255.0, random.uniform(0, 255))[random.integers(3)]
    grain = random.integers(-1, 2, (CANVAS, CANVAS)) * (random.random() < 0.5)
    return _canvas(level + grain)


def filled(random: Random) -> Canvas:
    """A large shape filled with ink: a box, an ellipse or a polygon, none slim."""
    x, y = _axes(random)
    kind = random.integers(3)
    if kind == 0:
        inside = np.maximum(np.abs(x), np.abs(y) * random.uniform(0.7, 1.4)) < random.uniform(0.3, 0.8)
    elif kind == 1:
        inside = np.hypot(x, y * random.uniform(0.7, 1.4)) < random.uniform(0.3, 0.8)
    else:
        angle, corners = np.arctan2(y, x), random.integers(3, 8)
        wedge = np.mod(angle, 2 * np.pi / corners) - np.pi / corners
        inside = np.hypot(x, y) * np.cos(wedge) < random.uniform(0.3, 0.6)
    dark, light = random.uniform(0, 100), random.uniform(180, 255)
    return _canvas(np.where(inside, dark, light))


def gradient(random: Random) -> Canvas:
    """Light that changes evenly along a line or from a point."""
    x, y = _axes(random)
    ramp = x if random.random() < 0.5 else np.hypot(x, y)
    return _canvas(random.uniform(60, 200) + random.uniform(-130, 130) * ramp)


def noise(random: Random) -> Canvas:
    """Grain of every size: even, bell-shaped, salt and pepper, or in clouds."""
    side = int(random.choice([7, 14, 28, 56, 140, 280]))
    kind = random.integers(4)
    if kind == 0:
        grain = random.uniform(0, 255, (side, side))
    elif kind == 1:
        grain = random.normal(128, random.uniform(20, 90), (side, side))
    elif kind == 2:
        grain = np.where(random.random((side, side)) < random.uniform(0.2, 0.8), 0.0, 255.0)
    else:
        grain = sum((random.uniform(0, 255, (side, side)) for _ in range(3)), np.zeros((side, side))) / 3
    return _canvas(np.kron(grain, np.ones((CANVAS // side, CANVAS // side))))


def scribble(random: Random) -> Canvas:
    """A pen that wanders: eight to sixteen Bezier curves, each going on as the last one ended; too long for a digit."""
    count = int(random.integers(8, 17))
    knots = random.uniform(-1, 1, (3 * count + 1, 2))
    for joint in range(3, 3 * count, 3):  # the way goes on in the direction that it came in
        knots[joint + 1] = 2 * knots[joint] - knots[joint - 1]
    share = np.linspace(0, 1, 16)[:, None]
    return _drawn([np.concatenate([_bezier(knots[3 * i : 3 * i + 4], share) for i in range(count)])], random)


def doodle(random: Random) -> Canvas:
    """A small picture of a person's idle hand."""
    shape = DOODLES[random.integers(len(DOODLES))]
    return _drawn([_shaken(path, random) for path in shape(random)], random)


def _spiral(random: Random) -> list[Path]:
    turn = np.linspace(0, 2 * np.pi * random.uniform(2.5, 5), 160)
    return [turn[:, None] * _around(turn * random.choice([-1, 1]) + random.uniform(0, 6))]


def _star(random: Random) -> list[Path]:
    points = int(random.choice([5, 7]))
    return [_around(np.arange(points + 1) * 2 * np.pi * (points // 2) / points - np.pi / 2)]


def _triangle(random: Random) -> list[Path]:
    corners = _around(np.arange(3) * 2 * np.pi / 3 - np.pi / 2 + random.normal(0, 0.2)) * (random.uniform(0.7, 1.4), 1)
    return [corners[[0, 1, 2, 0]]]


def _house(random: Random) -> list[Path]:
    roof = random.uniform(0.4, 1.0)
    walls = np.array([(-1, 0), (-1, 1.5), (1, 1.5), (1, 0), (-1, 0), (0, -roof), (1, 0)])
    return [walls, np.array([(-0.2, 1.5), (-0.2, 0.7), (0.3, 0.7), (0.3, 1.5)])]


def _smiley(random: Random) -> list[Path]:
    ring, mouth = np.linspace(0, 2 * np.pi, 50), np.linspace(0.3, np.pi - 0.3, 20)
    eyes = [np.array([(x, -0.4), (x, -0.2)]) for x in (-0.35, 0.35)]
    bend, height = ((0.5, 0.5), 0.15) if random.random() < 0.7 else ((0.5, -0.4), 0.75)
    return [_around(ring), *eyes, np.array([0, height]) + _around(mouth) * bend]


def _heart(_: Random) -> list[Path]:
    t = np.linspace(0, 2 * np.pi, 70)
    return [np.column_stack([16 * np.sin(t) ** 3, 5 * np.cos(2 * t) - 13 * np.cos(t) + 2 * np.cos(3 * t)])]


def _person(random: Random) -> list[Path]:
    arms, stride = random.uniform(-0.4, 0.4), random.uniform(0.3, 0.7)
    limbs = [[(0, 0.3), (0, 1.3)], [(-0.6, 0.6 + arms), (0, 0.6), (0.6, 0.6 - arms)]]
    legs = [(-stride, 2.2), (0, 1.3), (stride, 2.2)]
    return [0.3 * _around(np.linspace(0, 2 * np.pi, 30)), *map(np.array, limbs), np.array(legs)]


def _arrow(random: Random) -> list[Path]:
    turn = random.uniform(0, 2 * np.pi)
    spin = np.array([(np.cos(turn), np.sin(turn)), (-np.sin(turn), np.cos(turn))])
    return [np.array(part) @ spin for part in ([(-1.0, 0), (1, 0)], [(0.5, 0.45), (1, 0), (0.5, -0.45)])]


def _zigzag(random: Random) -> list[Path]:
    corners = int(random.integers(6, 13))
    return [np.column_stack([np.arange(corners) * random.uniform(0.3, 0.8), np.arange(corners) % 2 * 2.0])]


def _waves(random: Random) -> list[Path]:
    x = np.linspace(0, 2 * np.pi * random.uniform(3, 5), 120)
    rows = int(random.integers(1, 4))
    return [np.column_stack([x, random.uniform(1, 2.5) * np.sin(x) + 5 * row]) for row in range(rows)]


def _grid(random: Random) -> list[Path]:
    lines = int(random.integers(3, 6))
    across = [np.array([(0, i), (lines - 1, i)], float) for i in range(lines)]
    return across + [path[:, ::-1] for path in across]


def _flower(random: Random) -> list[Path]:
    t, petals = np.linspace(0, 2 * np.pi, 150), int(random.integers(4, 8))
    return [(1 + 0.8 * np.cos(petals * t))[:, None] * _around(t) + 0.2]


def _knot(random: Random) -> list[Path]:
    """A Lissajous curve; those that look like an 8, a 0 or an alpha are not among these."""
    a, b = ((3, 2), (3, 4), (5, 4), (5, 3))[random.integers(4)]
    t = np.linspace(0, 2 * np.pi, 160)
    return [np.column_stack([np.sin(a * t + random.uniform(0.4, 1.1)), np.sin(b * t)])]


def _crossed_ring(_: Random) -> list[Path]:
    cross = [np.array([(-0.7, -0.7), (0.7, 0.7)]), np.array([(-0.7, 0.7), (0.7, -0.7)])]
    return [_around(np.linspace(0, 2 * np.pi, 50)), *cross]


DOODLES: tuple[Callable[[Random], list[Path]], ...] = (
    _spiral, _star, _triangle, _house, _smiley, _heart, _person, _arrow, _zigzag, _waves, _grid, _flower, _knot,
    _crossed_ring,
)  # fmt: skip

KINDS: dict[str, Callable[[Random], Canvas]] = {
    "blank pages": blank,
    "filled shapes": filled,
    "gradients": gradient,
    "noise": noise,
    "scribbles": scribble,
    "doodles": doodle,
}


def pngs_of(kind: str, count: int = EACH) -> list[bytes]:
    """PNG files of one kind, the same ones every time."""
    random = np.random.default_rng([SEED, list(KINDS).index(kind)])
    return [encode_png(KINDS[kind](random)) for _ in range(count)]


def _drawn(paths: list[Path], random: Random) -> Canvas:
    """On the pad, anywhere and of any size that fits, with one pen."""
    low = np.min([path.min(axis=0) for path in paths], axis=0)
    extent = np.max([path.max(axis=0) for path in paths], axis=0) - low
    side = random.uniform(120, 230)
    pen = side * random.uniform(0.025, 0.09)  # thin enough that the gaps of a drawing stay open
    room = CANVAS - 2 * pen - extent * side / extent.max()
    origin = pen + random.uniform(0, 1, 2) * room.clip(0)
    strokes = [
        np.column_stack([(path - low) * side / extent.max() + origin, np.full(len(path), number)])
        for number, path in enumerate(paths)
    ]
    return ink_strokes(np.concatenate(strokes).astype(np.float32), pen)


def _shaken(path: Path, random: Random) -> Path:
    """An unsteady hand."""
    return path + random.normal(0, 0.012 * np.ptp(path, axis=0).max(), path.shape)


def _bezier(knots: Path, share: Path) -> Path:
    weights = ((1 - share) ** 3, 3 * share * (1 - share) ** 2, 3 * share**2 * (1 - share), share**3)
    return np.asarray(sum(weight * knot for weight, knot in zip(weights, knots, strict=True)))


def _around(angle: NDArray[np.float64]) -> Path:
    """Points on a ring of radius 1."""
    return np.column_stack([np.cos(angle), np.sin(angle)])


def _axes(random: Random) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Coordinates of every pixel from a point near the middle, turned by any angle."""
    down, right = np.mgrid[-1 : 1 : CANVAS * 1j, -1 : 1 : CANVAS * 1j] + random.normal(0, 0.15, (2, 1, 1))
    turn = random.uniform(0, np.pi)
    return right * np.cos(turn) + down * np.sin(turn), down * np.cos(turn) - right * np.sin(turn)


def _canvas(levels: NDArray[np.floating]) -> Canvas:
    return np.asarray(levels.clip(0, 255), np.uint8)

"""Numbers on lines of paper, written with single digits: what teaches the reader of whole numbers.

A line is composed at the height at which the network sees it: digits of one pen side by side, apart, touching or
overlapping, with signs between them, in a hand that slants and drifts; then ligatures, lines of print, patterned
paper, blots and blur are laid over it. MNIST's digits, the same inked anew, and digits drawn from strokes all serve.
"""

import itertools
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFilter

from inkdigit.number import LABELS
from inkdigit.preprocess import LINE_HEIGHT
from inkdigit.training.dataset import Digits, Images
from inkdigit.training.hasty import HASTY
from inkdigit.training.letters import write
from inkdigit.training.redraw import redraw
from inkdigit.training.strokes import COUNTS, draw_digits

Random = np.random.Generator
Levels = NDArray[np.float32]  # (H, W) in [0, 1], 1 is full ink

MARKS = "$€£#*~+"  # stand beside numbers and are not read
FINE = 4  # times as large signs and lines are drawn, before they are shrunk
_CHAINS = re.compile("00+|.")
CROWDED = (-0.28, 0.04)  # of a digit's size: gaps of who writes fast, from overlapping by a quarter to just apart
FAST = 0.36  # share of the lines whose digits crowd so
REDRAWN = 20_000  # MNIST digits inked anew
ONES = 0.15  # share of the numbers in which every third digit or so is a one
SLASH = 0.5  # heights of a digit, by which a slash is higher, at most
HANGING = 0.75  # share of the hands whose commas reach below the base line
SUMS = 0.25  # share of the numbers of three to seven digits that are written as sums of money are


@dataclass(frozen=True, slots=True)
class Glyphs:
    """Single digits to write lines with.

    Attributes:
        images: (N, 28, 28) uint8 in MNIST's form.
        rows: for each label, its pictures from the finest pen to the widest.
        own: for each label, those of them that are MNIST's own.
        styles: for each label, the rows of each style that was drawn, in the same order.
    """

    images: Images
    rows: tuple[NDArray[np.intp], ...]
    own: tuple[NDArray[np.intp], ...]
    styles: tuple[tuple[NDArray[np.intp], ...], ...]

    @classmethod
    def of(cls, digits: Digits, random: Random, share: float = 1.0) -> "Glyphs":
        """MNIST's digits, some of them inked anew, and drawn ones."""
        chosen = random.permutation(len(digits))[: max(10, round(REDRAWN * share))]
        some = Digits(digits.images[chosen], digits.labels[chosen])
        pool = digits.joined(Digits(redraw(some, random), some.labels))
        style = np.full(len(pool), -1)
        for number, counts in enumerate(COUNTS + HASTY):
            drawn = draw_digits(random, share, (counts,))
            pool, style = pool.joined(drawn), np.append(style, np.full(len(drawn), number))
        order = np.argsort(_pen_widths(pool.images), kind="stable")
        by_label = tuple(order[pool.labels[order] == label] for label in range(10))
        own = tuple(rows[rows < len(digits)] for rows in by_label)
        styles = tuple(
            tuple(rows[style[rows] == number] for number in np.unique(style[rows]) if number >= 0) for rows in by_label
        )
        return cls(pool.images, by_label, own, styles)


def _pen_widths(images: Images) -> NDArray[np.float64]:
    """(N,) mean widths of strokes in pixels: twice their area over the length of their outline."""
    inked = np.pad(images > 127, ((0, 0), (1, 1), (1, 1)))
    outline = (inked[:, 1:] != inked[:, :-1]).sum(axis=(1, 2)) + (inked[:, :, 1:] != inked[:, :, :-1]).sum(axis=(1, 2))
    return np.asarray(2 * inked.sum(axis=(1, 2)) / np.maximum(outline * np.pi / 4, 1))


@dataclass(frozen=True, slots=True)
class Hand:
    """How one writer wrote one line; lengths are in pixels of the line.

    Attributes:
        size: height of a digit.
        pen: place among the pens, from the finest 0 to the widest 1.
        pens: how far the pens of one line lie apart.
        own: whether all digits are MNIST's own.
        styles: for each label, the style of this writer's, as a share of the way through the styles; none from 1 on.
        slant: to the right per pixel upwards.
        gap: from the ink of one digit to that of the next; below 0 they overlap.
        unsteady: spread of sizes, places and gaps, as a share of the size.
        drift: of the base line, down per pixel to the right.
        stretch: of widths.
        chains: how probable it is that zeros in a row are written in one stroke.
        hang: how far commas reach below the base line, as a share of the size.
    """

    size: float
    pen: float
    pens: float
    own: bool
    styles: tuple[float, ...]
    slant: float
    gap: float
    unsteady: float
    drift: float
    stretch: float
    chains: float
    hang: float

    @property
    def stroke(self) -> float:
        """Width of the pen's stroke."""
        return float(self.size / 20 * (0.9 + 3.2 * self.pen**1.5))


def write_line(glyphs: Glyphs, text: str, random: Random, plain: bool = False) -> NDArray[np.uint8]:
    """Write a number.

    Args:
        glyphs: to write with.
        text: of `LABELS`; blanks are wide gaps, and `MARKS` are drawn too.
        random: the source of every choice.
        plain: on clean paper, in a steady hand.

    Returns:
        (LINE_HEIGHT, W) uint8, 0 is paper and 255 is full ink.
    """
    hand = _hand(random, plain)
    above, below = _reach(text, hand)  # a line is as high as what is on it
    hand = replace(hand, size=min(hand.size, (LINE_HEIGHT - 1) / (1 + above + below)))
    line = _compose(glyphs, text, hand, random)
    if plain:
        return np.asarray(line * 255, np.uint8)
    for happens, fault in _FAULTS:
        if random.random() < happens:
            line = fault(line, hand, random)
    return np.asarray(line.clip(0, 1) * 255, np.uint8)


def _hand(random: Random, plain: bool) -> Hand:
    kind = random.random()
    size = random.uniform(19, 26) if plain else random.uniform(14, 29)
    steady = plain and random.random() < 0.5
    return Hand(
        size=size,
        pen=random.random(),
        pens=0.5 if kind < (0.5 if plain else 0.3) else 0.06,
        own=kind < (0.55 if plain else 0.35),
        styles=tuple(random.uniform(0, 1.5 if kind < 0.75 else 99, 10)),  # some always write a digit in the same way
        slant=0.0 if plain else random.normal(0.1, 0.24),
        gap=size * (random.uniform(*CROWDED) if random.random() < FAST else random.gamma(2.0, 0.09)),
        unsteady=0.0 if steady else random.gamma(2.0, 0.02),
        drift=0.0 if plain else random.normal(0, 0.02),
        stretch=float(np.exp(random.normal(0.0, 0.0 if plain else 0.15))),
        chains=0.0 if plain else 0.4,
        hang=random.uniform(0.05, 0.4) if random.random() < HANGING else 0.0,
    )


# ---- writing ----


def _compose(glyphs: Glyphs, text: str, hand: Hand, random: Random) -> Levels:
    """The ink of a text on paper as wide as it needs."""
    signs = _CHAINS.findall(text) if not hand.own and random.random() < hand.chains else list(text)
    pieces = [None if sign == " " else _piece(glyphs, sign, hand, random) for sign in signs]
    small, lifted = _small_tail(text, random)
    width = int(sum(hand.size if piece is None else piece.shape[1] + abs(hand.gap) + 3 for piece in pieces))
    line = np.zeros((LINE_HEIGHT, width + 60), np.float32)
    left = x = random.uniform(1, 16)
    base = (LINE_HEIGHT + hand.size) / 2 + random.normal(0, 0.12) * (LINE_HEIGHT - hand.size) - hand.drift * width / 2
    above, below = _reach(text, hand)
    if above or below:
        base = np.clip(base, (1 + above) * hand.size, LINE_HEIGHT - below * hand.size)
    ends: list[tuple[float, float]] = []
    places = itertools.accumulate(map(len, signs[:-1]), initial=0)
    for index, sign, piece in zip(places, signs, pieces, strict=True):
        if piece is None:
            x += hand.size * random.uniform(0.3, 0.7)
            continue
        if index >= small:
            piece = _shrunk(piece, 0.72)
        height = len(piece)
        bottom = (
            base + hand.drift * (x - left) + random.normal(0, hand.unsteady) * hand.size - _lift(sign, hand, height)
        )
        if index >= small and lifted:
            bottom -= 0.25 * hand.size
        _lay(line, piece, x, bottom - height)
        ends.append((x, x + piece.shape[1]))
        x += piece.shape[1] + hand.gap + random.normal(0, hand.unsteady + 0.03) * hand.size
        x = max(x, ends[-1][0] + (0.15 if hand.gap < 0 else 0.35) * piece.shape[1], left)
    line = line[:, : int(max(end for _, end in ends) + random.uniform(1, 16))]
    return (
        _with_ligatures(line, ends, base, hand, random)
        if random.random() < 0.12 or (small < len(text) and not lifted)
        else line
    )


def _reach(text: str, hand: Hand) -> tuple[float, float]:
    """How far signs reach above the digits and below the base line, as shares of the size."""
    slash = SLASH / 2 if "/" in text else 0.0
    return slash, max(slash, hand.hang if "," in text else 0.0)


def _small_tail(text: str, random: Random) -> tuple[int, bool]:
    """From which place on the text is written smaller, and whether it is lifted: cents are, zeros at an end are not."""
    cut = max(text.rfind("."), text.rfind(","))
    zeros = len(text.rstrip(".-=, ").rstrip("0."))
    if 0 < cut < len(text) - 1 and random.random() < 0.1:
        return cut + 1, True
    if 0 < zeros < len(text) - 1 and random.random() < 0.25:
        return zeros, False
    return len(text), False


def _lift(sign: str, hand: Hand, height: int) -> float:
    """How far above the base line a sign ends; below 0 it reaches under it."""
    if sign == "/":
        return min(0.0, (hand.size - height) / 2)
    lifts = {"-": 0.45, "=": 0.32, ":": 0.15, "~": 0.4, "*": 0.4, "+": 0.2, ",": -hand.hang}
    return lifts.get(sign, 0.0) * hand.size * (height < hand.size)


def _piece(glyphs: Glyphs, sign: str, hand: Hand, random: Random) -> Levels:
    """One digit or sign, or a chain of zeros, cropped to its ink."""
    if len(sign) > 1:
        return _chain(len(sign), hand, random)
    if sign.isdecimal():
        rows = _rows(glyphs, int(sign), hand, random)
        at = np.clip(hand.pen + random.normal(0, hand.pens), 0, 1)
        return _warped(glyphs.images[rows[int(at * (len(rows) - 1))]], hand, random)
    if sign in MARKS:
        return _mark(sign, hand, random)
    return _sign(sign, hand, random)


def _rows(glyphs: Glyphs, label: int, hand: Hand, random: Random) -> NDArray[np.intp]:
    """The glyphs among which a hand chooses."""
    if hand.own:
        return glyphs.own[label]
    if hand.styles[label] < 1 and random.random() < 0.85:
        styles = glyphs.styles[label]
        ends = np.cumsum([len(rows) for rows in styles])  # a style that was drawn more often is that of more writers
        return styles[int(np.searchsorted(ends, hand.styles[label] * ends[-1], side="right"))]
    return glyphs.rows[label]


def _warped(image: NDArray[np.uint8], hand: Hand, random: Random) -> Levels:
    """A digit in the hand's size and slant."""
    scale = hand.size / 20 * (1 + random.normal(0, hand.unsteady))
    turn = random.normal(0, 0.5 * hand.unsteady + 0.01)
    wide = scale * hand.stretch * float(np.exp(random.normal(0, 1.5 * hand.unsteady)))
    side = int(28 * max(scale, wide) * (1.1 + abs(hand.slant))) + 2
    cos, sin = np.cos(turn), np.sin(turn)
    back = np.linalg.inv(np.array([[wide * cos, -scale * (hand.slant + sin)], [wide * sin, scale * cos]]))
    shift = np.array([13.5, 13.5]) - back @ np.array([(side - 1) / 2, (side - 1) / 2])
    turned = Image.fromarray(image).transform(
        (side, side), Image.Transform.AFFINE, (*back[0], shift[0], *back[1], shift[1]), Image.Resampling.BILINEAR
    )
    return _cropped(np.asarray(turned, np.float32) / np.float32(255))


def _cropped(levels: Levels) -> Levels:
    rows, columns = np.flatnonzero((levels > 0.2).any(axis=1)), np.flatnonzero((levels > 0.2).any(axis=0))
    if len(rows) == 0:
        return np.full((2, 2), 0.5, np.float32)
    return levels[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]


def _shrunk(levels: Levels, scale: float) -> Levels:
    size = max(1, round(levels.shape[1] * scale)), max(1, round(len(levels) * scale))
    return np.asarray(Image.fromarray(levels).resize(size, Image.Resampling.BILINEAR), np.float32)


def _lay(line: Levels, piece: Levels, x: float, y: float) -> None:
    """Lay a piece's ink over the line's; what would lie outside is cut off."""
    top, left = round(y), max(0, round(x))
    piece = piece[max(0, -top) :]
    top = max(0, top)
    part = line[top : top + len(piece), left : left + piece.shape[1]]
    np.maximum(part, piece[: len(part), : part.shape[1]], out=part)


def _sign(sign: str, hand: Hand, random: Random) -> Levels:
    """A separator as hands make it, drawn with the hand's pen."""
    size, pen = hand.size, max(1.2, hand.stroke * random.uniform(0.8, 1.2))
    strokes = _SEPARATORS[sign](random)
    return _inked([stroke * size for stroke in strokes], pen, hand.slant if sign in "/:" else 0.0)


def _mark(sign: str, hand: Hand, random: Random) -> Levels:
    """A currency mark or the like, of the alphabet of `inkdigit.training.letters`."""
    return _inked([stroke * hand.size for stroke in write(sign, 0, random)], max(1.2, hand.stroke), hand.slant)


def _chain(count: int, hand: Hand, random: Random) -> Levels:
    """Zeros written in one stroke: a ring, and on to the next from its top, as in the word zoo."""
    high, wide = 0.5 * random.uniform(0.45, 1.0), 0.5 * random.uniform(0.35, 0.8)
    path = _knotted(count, high, wide, random) if random.random() < 0.5 else _coiled(count, high, wide, random)
    if random.random() < 0.1:  # few turn with the clock
        path = path * (-1, 1)
    return _inked([path * hand.size], max(1.2, hand.stroke), hand.slant)


def _coiled(count: int, high: float, wide: float, random: Random) -> NDArray[np.float64]:
    """Rings like those of a spring that is drawn out."""
    apart, going = wide * random.uniform(1.5, 2.6), random.uniform(0.12, 0.9)  # the share of a turn that goes on
    turns = np.linspace(random.uniform(0.0, 0.12), count - random.uniform(-0.1, 0.15), 36 * count)
    at = apart * (np.floor(turns) + (((turns % 1) - (1 - going)) / going).clip(0, 1))
    sizes = np.exp(random.normal(0, 0.12, count + 1))[np.floor(turns).astype(int).clip(0, count)]
    return np.column_stack([at - sizes * wide * np.sin(2 * np.pi * turns), -sizes * high * np.cos(2 * np.pi * turns)])


def _knotted(count: int, high: float, wide: float, random: Random) -> NDArray[np.float64]:
    """Rings that each close in a knot in or above their top, from which a stroke goes on to the next, as from an o."""
    apart, deep, narrow = wide * random.uniform(1.7, 3.2), random.uniform(0.12, 0.8), random.uniform(0.2, 0.7)
    above = random.uniform(-0.6, 1.0)  # of the knot's height, that stands out of the ring
    begins, turn = random.uniform(-40, 60), random.uniform(250, 380)  # degrees; 0 is the top
    ends = random.random() < 0.7  # the last has a knot too
    points: list[NDArray[np.float64]] = []
    for index in range(count):
        size = float(np.exp(random.normal(0, 0.1)))
        angle = np.radians(begins + random.normal(0, 8) + np.linspace(0, 360, 30))
        ring = np.column_stack([-wide * np.sin(angle), -high * np.cos(angle)]) * size
        points.append(ring + np.array([index * apart, 0]))
        if index < count - 1 or ends:
            angle = np.radians(begins + np.linspace(0, turn, 16))
            knot = np.column_stack([-narrow * wide * np.sin(angle), -deep * high * np.cos(angle)]) * size
            points.append(knot + np.array([index * apart, (deep * (1 - above) - 1) * high * size]))
        if index == count - 1 and ends and random.random() < 0.5:
            points.append(points[-1][-1:] + np.array([wide * random.uniform(0.3, 1.5), random.normal(0, 0.1)]))
    path = np.concatenate(points)
    for _ in range(2):  # rounds the corners between them
        path[1:-1] = (path[:-2] + 2 * path[1:-1] + path[2:]) / 4
    return path


def _inked(strokes: list[NDArray[np.float64]], pen: float, slant: float) -> Levels:
    """Strokes (x, y) in pixels, inked with a round pen and cropped."""
    slanted = [stroke @ np.array([[1, 0], [-slant, 1]]) for stroke in strokes]
    low = np.concatenate(slanted).min(axis=0) - pen - 1
    width, height = (np.concatenate(slanted).max(axis=0) - low + pen + 2).astype(int)
    sheet = Image.new("L", (int(width) * FINE, int(height) * FINE))
    draw = ImageDraw.Draw(sheet)
    for stroke in slanted:
        _draw_path(draw, (stroke - low) * FINE, pen * FINE)
    return _cropped(np.asarray(sheet.reduce(FINE), np.float32) / np.float32(255))


def _draw_path(draw: ImageDraw.ImageDraw, path: NDArray[np.float64], pen: float) -> None:
    draw.line(path.ravel().tolist(), fill=255, width=max(1, round(pen)), joint="curve")
    for x, y in (path[0], path[-1]):
        draw.ellipse((x - pen / 2, y - pen / 2, x + pen / 2, y + pen / 2), fill=255)


def _path(*points: tuple[float, float]) -> NDArray[np.float64]:
    return np.array(points, np.float64)


def _dot(random: Random) -> NDArray[np.float64]:
    reach = random.uniform(0.0, 0.08)
    return _path((0, 0), (reach * random.uniform(-1, 1), reach))


def _dash(random: Random, longest: float = 0.9) -> NDArray[np.float64]:
    length, tilt = random.uniform(0.25, longest), random.normal(0, 0.05)
    return _path((0, 0), (length / 2, tilt + random.normal(0, 0.03)), (length, tilt + random.normal(0, 0.04)))


def _point(random: Random) -> list[NDArray[np.float64]]:
    return [_dot(random)]


def _comma(random: Random) -> list[NDArray[np.float64]]:
    length = random.uniform(0.15, 0.5)
    return [_path((0, 0), (random.uniform(-0.05, 0.03), length / 2), (-random.uniform(0.02, 0.2), length))]


def _minus(random: Random) -> list[NDArray[np.float64]]:
    dash = _dash(random, 0.9 if random.random() < 0.85 else 2.5)
    rise = random.uniform(0.2, 0.7) if random.random() < 0.15 else 0.0  # of who flings it at the end of a sum
    return [dash @ np.array([[1, -rise], [0, 1]])]


def _slash(random: Random) -> list[NDArray[np.float64]]:
    return [_path((random.uniform(0.15, 0.6), 0), (0, 1 + random.uniform(0, SLASH)))]


def _colon(random: Random) -> list[NDArray[np.float64]]:
    apart = random.uniform(0.3, 0.55)
    return [_dot(random), _dot(random) + np.array([random.normal(0, 0.04), apart])]


def _equals(random: Random) -> list[NDArray[np.float64]]:
    return [_dash(random), _dash(random) + np.array([random.normal(0, 0.08), random.uniform(0.14, 0.3)])]


_SEPARATORS: dict[str, Callable[[Random], list[NDArray[np.float64]]]] = {
    ".": _point,
    ",": _comma,
    "-": _minus,
    "/": _slash,
    ":": _colon,
    "=": _equals,
}


# ---- what befalls a line ----


def _with_ligatures(line: Levels, ends: list[tuple[float, float]], base: float, hand: Hand, random: Random) -> Levels:
    """A stroke from one digit to the next, as a pen leaves that is not lifted."""
    sheet, draw = _sheet(line)
    for (_, right), (left, _) in itertools.pairwise(ends):
        if random.random() < 0.6:
            up, down = random.uniform(0.0, 1.0, 2) * hand.size
            middle = ((right + left) / 2, base - min(up, down) * random.uniform(0.6, 1.2))
            path = _path((right - 1.5, base - up), middle, (left + 1.5, base - down)) * FINE
            _draw_path(draw, path, hand.stroke * FINE * random.uniform(0.5, 0.9))
    return np.maximum(line, _level(sheet))


def _underline(line: Levels, hand: Hand, random: Random) -> Levels:
    """A line of print, or of the pen, under the number, over it or both, or a box around it."""
    sheet, draw = _sheet(line)
    height, width = line.shape
    pen = random.uniform(0.6, 2.0) if random.random() < 0.7 else hand.stroke
    places = [((0.5, 1.03), (0.5, 1.03)), ((-0.03, 0.12), (-0.03, 0.12))]
    for low, high in places[: 1 if random.random() < 0.65 else 2]:
        y = random.uniform(low[0] if low[0] < 0.3 else 0.82, high[1]) * height
        start, stop = (0, width) if random.random() < 0.8 else np.sort(random.uniform(0, width, 2))
        _draw_path(draw, _path((start, y), (stop, y + random.normal(0, 1.0))) * FINE, pen * FINE)
    if random.random() < 0.3:
        for x in (random.uniform(-1, 3), width - random.uniform(-1, 3)):
            _draw_path(draw, _path((x, 0), (x + random.normal(0, 1), height)) * FINE, pen * FINE)
    return np.asarray(np.maximum(line, _level(sheet) * random.uniform(0.3, 1.0)), np.float32)


def _pattern(line: Levels, hand: Hand, random: Random) -> Levels:
    """Security paper: many thin lines, straight or in waves, now and then crossing."""
    rows, columns = np.mgrid[0 : line.shape[0], 0 : line.shape[1]].astype(np.float32)
    pattern = np.zeros_like(line)
    for _ in range(int(random.integers(1, 3))):
        angle, period = (
            random.uniform(0, np.pi) if random.random() < 0.5 else random.normal(np.pi / 2, 0.1),
            random.uniform(2, 9),
        )
        wave = random.uniform(0, 4) * np.sin(columns / random.uniform(4, 30) + random.uniform(0, 6))
        phase = (columns * np.cos(angle) + (rows + wave) * np.sin(angle)) * (2 * np.pi / period) + random.uniform(0, 6)
        pattern = np.maximum(
            pattern, np.cos(phase).astype(np.float32) * random.uniform(0.5, 1) + random.uniform(-0.5, 0.3)
        )
    strength = random.uniform(0.05, 0.4)
    return np.asarray(line + strength * pattern.clip(0, 1) * (1 - line), np.float32)


def _squares(line: Levels, hand: Hand, random: Random) -> Levels:
    """Ruled or squared paper."""
    ruled = line.copy()
    gap, strength = random.uniform(7, 26), random.uniform(0.1, 0.6)
    rows = np.arange(random.uniform(0, gap), line.shape[0], gap).astype(int)
    ruled[rows] = np.maximum(ruled[rows], strength)
    if random.random() < 0.6:
        columns = np.arange(random.uniform(0, gap), line.shape[1], gap).astype(int)
        ruled[:, columns] = np.maximum(ruled[:, columns], strength)
    return ruled


def _neighbours(line: Levels, hand: Hand, random: Random) -> Levels:
    """Pieces of the lines above and below, at the edges."""
    sheet, draw = _sheet(line)
    for _ in range(int(random.integers(1, 5))):
        x, y = random.uniform(0, line.shape[1]), random.choice([-1.0, line.shape[0] + 1.0])
        path = _path(
            (x, y),
            (x + random.normal(0, 6), y + random.normal(0, 3)),
            (x + random.normal(0, 10), y + random.normal(0, 2)),
        )
        _draw_path(draw, path * FINE, hand.stroke * FINE)
    return np.maximum(line, _level(sheet))


def _grain(line: Levels, hand: Hand, random: Random) -> Levels:
    noise = random.normal(0, random.uniform(0.02, 0.12), line.shape).astype(np.float32)
    return np.asarray((line + noise).clip(0, 1), np.float32)


def _specks(line: Levels, hand: Hand, random: Random) -> Levels:
    spotted = line.copy()
    count = int(random.integers(1, 12))
    for y, x in zip(
        random.integers(0, line.shape[0] - 1, count), random.integers(0, line.shape[1] - 1, count), strict=True
    ):
        spotted[y : y + int(random.integers(1, 3)), x : x + int(random.integers(1, 3))] = random.uniform(0.3, 1)
    return spotted


def _shade(line: Levels, hand: Hand, random: Random) -> Levels:
    """Ink of uneven strength, and paper that is not quite taken away."""
    across = np.interp(np.arange(line.shape[1]), np.linspace(0, line.shape[1], 4), random.uniform(0.5, 1, 4))
    haze = np.interp(np.arange(line.shape[1]), np.linspace(0, line.shape[1], 3), random.uniform(-0.1, 0.2, 3))
    return np.asarray((line * across + haze.clip(0, 1) * (1 - line)).clip(0, 1), np.float32)


def _harder(line: Levels, hand: Hand, random: Random) -> Levels:
    """Harder edges, thicker or thinner strokes."""
    level, hardness = random.uniform(0.25, 0.6), random.uniform(1.2, 3)
    return np.asarray(((line - level) * hardness + 0.5).clip(0, 1) * (line > 0.04), np.float32)


def _blur(line: Levels, hand: Hand, random: Random) -> Levels:
    page = Image.fromarray(np.asarray(line.clip(0, 1) * 255, np.uint8))
    return np.asarray(page.filter(ImageFilter.GaussianBlur(random.uniform(0.3, 0.9))), np.float32) / np.float32(255)


def _bent(line: Levels, hand: Hand, random: Random) -> Levels:
    """Bent by a smooth random field: no hand draws a digit twice alike."""
    height, width = line.shape
    knots = max(3, round(width / random.uniform(6, 18))), int(random.integers(3, 6))
    strength = random.gamma(2.0, 0.025) * hand.size
    mesh = random.normal(0, strength, (2, knots[1], knots[0])).astype(np.float32)
    down, right = (
        np.asarray(Image.fromarray(part).resize((width, height), Image.Resampling.BICUBIC), np.float32) for part in mesh
    )
    rows, columns = np.mgrid[0:height, 0:width].astype(np.float32)
    return _sampled(line, rows + down, columns + right)


def _sampled(line: Levels, rows: NDArray[np.float32], columns: NDArray[np.float32]) -> Levels:
    """Values at places between the pixels; beyond the edge stands what stands at it."""
    rows, columns = rows.clip(0, line.shape[0] - 1.001), columns.clip(0, line.shape[1] - 1.001)
    top, left = rows.astype(np.intp), columns.astype(np.intp)
    down, right = rows - top, columns - left
    above = line[top, left] * (1 - right) + line[top, left + 1] * right
    below = line[top + 1, left] * (1 - right) + line[top + 1, left + 1] * right
    return np.asarray(above * (1 - down) + below * down, np.float32)


def _squeezed(line: Levels, hand: Hand, random: Random) -> Levels:
    """Narrower or wider than the picture was."""
    page = Image.fromarray(np.asarray(line.clip(0, 1) * 255, np.uint8))
    width = max(8, round(line.shape[1] * float(np.exp(random.normal(0, 0.15)))))
    return np.asarray(page.resize((width, line.shape[0]), Image.Resampling.BILINEAR), np.float32) / np.float32(255)


def _cut(line: Levels, hand: Hand, random: Random) -> Levels:
    """A tight crop: the paper beside the number is gone."""
    inked = np.flatnonzero((line > 0.3).any(axis=0))
    return line[:, max(0, inked[0] - 1) : inked[-1] + 2] if len(inked) > 4 else line


def _gaps(line: Levels, hand: Hand, random: Random) -> Levels:
    """Strokes that break: rows or small squares without ink."""
    broken = line.copy()
    for _ in range(int(random.integers(1, 4))):
        y, x = random.integers(0, line.shape[0] - 2), random.integers(0, line.shape[1] - 2)
        broken[y : y + int(random.integers(1, 4)), x : x + int(random.integers(1, 5))] = 0
    return broken


def _sheet(line: Levels) -> tuple[Image.Image, ImageDraw.ImageDraw]:
    sheet = Image.new("L", (line.shape[1] * FINE, line.shape[0] * FINE))
    return sheet, ImageDraw.Draw(sheet)


def _level(sheet: Image.Image) -> Levels:
    return np.asarray(sheet.reduce(FINE), np.float32) / np.float32(255)


# Each takes the line, the hand that wrote it and the source of every choice, whether it needs them or not.
_FAULTS: tuple[tuple[float, Callable[[Levels, Hand, Random], Levels]], ...] = (
    (0.50, _bent),
    (0.12, _cut),
    (0.28, _underline),
    (0.10, _neighbours),
    (0.30, _squeezed),
    (0.30, _harder),
    (0.10, _gaps),
    (0.18, _pattern),
    (0.10, _squares),
    (0.15, _specks),
    (0.30, _shade),
    (0.30, _blur),
    (0.35, _grain),
)


# ---- texts ----


def random_text(random: Random, shortest: int = 1, longest: int = 12) -> str:
    """A number as people write it, of so many digits, and at times a mark beside it that is not read."""
    count = int(random.integers(shortest, longest + 1))
    digits = "".join(str(digit) for digit in random.integers(0, 10, count))
    if random.random() < 0.25 and count > 2:  # round sums end on zeros
        zeros = int(random.integers(1, count))
        digits = digits[: count - zeros] + "0" * zeros
    if random.random() < 0.1:  # and many have one digit several times
        digits = "".join(digits[max(0, at - int(random.random() < 0.6))] for at in range(count))
    if random.random() < ONES:  # a one is what gets lost where digits crowd
        digits = "".join("1" if random.random() < 0.35 else digit for digit in digits)
    kind = random.random()
    if 3 <= count <= 7 and random.random() < SUMS:
        text = _sum(digits, random)
    else:
        text = digits if kind < 0.5 else _with_signs(digits, random)
    if random.random() < 0.18:
        text += str(random.choice([".-", ".=", "-", "=", ".", ",-", "--", " -", ".,-", " ,-"]))
    if random.random() < 0.06:
        mark = str(random.choice(list(MARKS)))
        text = f"{mark}{text}" if random.random() < 0.6 else f"{text} {mark}"
    return text


def _sum(digits: str, random: Random) -> str:
    """A sum of money: often round, its thousands set apart."""
    if random.random() < 0.4:
        zeros = min(len(digits) - 1, int(random.integers(2, 5)))
        digits = digits[: len(digits) - zeros] + "0" * zeros
    mark = str(random.choice([".", ".", ".", "", "", ",", " "]))
    return _thousands(digits, mark)


def _thousands(digits: str, mark: str) -> str:
    first = len(digits) % 3 or 3
    return mark.join([digits[:first], *(digits[at : at + 3] for at in range(first, len(digits), 3))])


def _with_signs(digits: str, random: Random) -> str:
    kind = random.random()
    if kind < 0.35 and len(digits) > 3:  # thousands
        return _thousands(digits, str(random.choice([".", ".", ",", " "])))
    if kind < 0.6 and len(digits) > 1:  # decimals
        cut = int(random.integers(1, min(4, len(digits))))
        return digits[:-cut] + str(random.choice([".", ",", ","])) + digits[-cut:]
    if kind < 0.72:
        return "-" + digits
    if kind < 0.9 and len(digits) > 2:  # dates, times and the like
        mark = str(random.choice(["/", "-", ".", ":"]))
        cuts = sorted({int(cut) for cut in random.integers(1, len(digits), 2)})
        parts = [digits[a:b] for a, b in zip([0, *cuts], [*cuts, len(digits)], strict=True)]
        return mark.join(parts)
    return digits if len(digits) < 3 else digits[:2] + " " + digits[2:]


def written(text: str) -> str:
    """What of a text is to be read: no gaps, no marks."""
    return "".join(sign for sign in text if sign in LABELS)


# ---- batches ----

LENGTHS = (((1, 3), 0.2), ((3, 6), 0.4), ((6, 8), 0.2), ((8, 12), 0.2))  # digits from, to; share of the lines
LARGEST = 512  # pixels, width of the widest line that is used
LONGEST = 32  # signs of a text; twelve digits with all their separators have fewer
STEP = 32  # pixels, to a multiple of which lines are widened: a processor prepares for each width anew
PLAIN = 0.25  # share of the lines on clean paper, at least
TOGETHER = 8  # batches that are made at once and divided by width, so that little paper has to be added
Batch = tuple[NDArray[np.float32], NDArray[np.int32]]


class LineMaker:
    """Makes any batch of any epoch, of lines about as long as each other; it depends on seed, epoch and place alone.

    Args:
        glyphs: to write with.
        batch_size: lines in a batch.
        batches: in an epoch.
        seed: of every random choice.
    """

    def __init__(self, glyphs: Glyphs, batch_size: int, batches: int, seed: int) -> None:
        self._glyphs = glyphs
        self._batch_size = batch_size
        self._batches = batches
        self._seed = seed
        self._made: tuple[tuple[int, int], list[tuple[NDArray[np.uint8], str]]] = ((-1, -1), [])

    def __len__(self) -> int:
        return self._batches

    def make(self, epoch: int, index: int, untouched: float) -> Batch:
        """Batch `index` of an epoch; a share of its lines is on clean paper, in a steady hand."""
        group, place = divmod(index, TOGETHER)
        if self._made[0] != (epoch, group):
            random = np.random.default_rng([self._seed, epoch, group])
            written_lines = [self._line(random, untouched) for _ in range(self._batch_size * TOGETHER)]
            self._made = (epoch, group), sorted(written_lines, key=lambda line: line[0].shape[1])
        lines, texts = zip(*self._made[1][place * self._batch_size :][: self._batch_size], strict=True)
        return side_by_side(lines), classes_of(texts, LONGEST)  # all as wide: Keras takes the first two for its measure

    def _line(self, random: Random, untouched: float) -> tuple[NDArray[np.uint8], str]:
        while True:
            text = any_text(random)
            line = write_line(self._glyphs, text, random, plain=random.random() < max(PLAIN, untouched / 2))
            if line.shape[1] <= LARGEST:
                return line, written(text)


def any_text(random: Random) -> str:
    """A number of any usual length."""
    shortest, longest = LENGTHS[random.choice(len(LENGTHS), p=[share for _, share in LENGTHS])][0]
    return random_text(random, shortest, longest)


def side_by_side(lines: Sequence[NDArray[np.uint8]]) -> NDArray[np.float32]:
    """Lines of any width as one batch (N, LINE_HEIGHT, W, 1) in [0, 1], with paper after the shorter ones."""
    width = -(-max(line.shape[1] for line in lines) // STEP) * STEP
    batch = np.zeros((len(lines), LINE_HEIGHT, width, 1), np.float32)
    for row, line in zip(batch, lines, strict=True):
        row[:, : line.shape[1], 0] = line / np.float32(255)
    return batch


def classes_of(texts: Sequence[str], width: int = 0) -> NDArray[np.int32]:
    """(N, L) the classes of texts of `LABELS`, counted from 1, with 0 after the shorter ones; L is at least `width`."""
    classes = np.zeros((len(texts), max(width, *map(len, texts))), np.int32)
    for row, text in zip(classes, texts, strict=True):
        row[: len(text)] = [LABELS.index(sign) + 1 for sign in text]
    return classes

"""Clothes, shoes and bags, drawn as small grey photographs show them: cut from cloth, with seams, prints and folds.

They teach the class "not a digit". A garment is a list of marks on a page about one unit high; no picture of anyone's
collection is among them or was traced.
"""

import itertools
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from inkdigit.image import Ink
from inkdigit.training.letters import Random, Stroke, bent, smooth
from inkdigit.training.textures import checks, cut_noise, levels, noise, slope, stripes

SIDE, FRAME = 84, 28  # pixels: of the sheet that is cut from, and of the picture that most of them become
Mark = tuple[Stroke, float, float]  # its outline or line; its shade beside the cloth's; its width, 0 for a filled one
Corners = list[tuple[float, float]]


def draw_garment(random: Random) -> Ink:
    """A piece of clothing, a shoe or a bag: (28, 28) uint8 mostly, now and then (84, 84) as from a larger picture."""
    marks = GARMENTS[random.integers(len(GARMENTS))](random)
    shade = _painted(marks, random)
    lit = np.where(shade > 0, np.maximum(shade * _cloth(random) * _light(shade > 0, random), 0.06), 0)
    if random.random() < 0.15:
        return levels(lit)
    small = lit.reshape(FRAME, SIDE // FRAME, FRAME, SIDE // FRAME).mean(axis=(1, 3))
    small *= random.normal(1, random.uniform(0, 0.12), small.shape)
    return levels(small * random.uniform(0.7, 1.0) / small.max())


def _light(inside: NDArray[np.bool_], random: Random) -> NDArray[np.float64]:
    """What the lamps of a photograph do: an edge that shines or is dark, on one side or all round."""
    light = np.ones(inside.shape)
    sides = [(0, 1), (0, -1), (1, 1), (1, -1)] if random.random() < 0.5 else [(int(random.integers(2)), 1)]
    gain = random.uniform(0.5, 1.8) if random.random() < 0.6 else 1.0
    for axis, way in sides:
        light[inside & ~np.roll(inside, way * int(random.integers(2, 6)), axis)] = gain
    return light


def _painted(marks: list[Mark], random: Random) -> NDArray[np.float64]:
    """The marks' shades on the sheet, one over the other; 0 where there is no cloth."""
    flip = (-1, 1) if random.random() < 0.5 else (1, 1)
    lines = [stroke * flip for stroke in bent([stroke for stroke, _, _ in marks], random, level=True)]
    low = np.min([line.min(axis=0) for line in lines], axis=0)
    extent = np.max([line.max(axis=0) for line in lines], axis=0) - low
    scale = (SIDE - 4) / extent.max()
    sheet = Image.new("F", (SIDE, SIDE))
    pen = ImageDraw.Draw(sheet)
    for line, (_, shade, width) in zip(lines, marks, strict=True):
        points = [(x, y) for x, y in ((line - low) * scale + (SIDE - extent * scale) / 2).tolist()]
        if width:
            pen.line(points, fill=shade, width=max(1, round(width * scale)), joint="curve")
        else:
            pen.polygon(points, fill=shade)
    return np.asarray(sheet, np.float64)


def _cloth(random: Random) -> NDArray[np.float64]:
    """How light the cloth is, pixel by pixel: plain, folded, printed, striped, in plaid or faded."""
    look = random.random()
    cloth = random.uniform(0.25, 1.0) + random.uniform(0, 0.3) * (noise(random, SIDE) - 0.5)
    if look < 0.25:
        folds = noise(random, SIDE)[:, :: random.choice([1, -1])].mean(axis=0 if random.random() < 0.8 else 1)
        cloth = cloth + random.uniform(0.3, 1.2) * (folds[None] - 0.5)
    elif look < 0.4:
        cloth = cloth - random.uniform(0.2, 0.8) * cut_noise(random, SIDE)
    elif look < 0.52:
        cloth = cloth - random.uniform(0.2, 0.8) * stripes(random, SIDE, level=True)
    elif look < 0.6:
        rows, columns = stripes(random, SIDE, level=True), stripes(random, SIDE, level=True).T
        cloth = cloth - random.uniform(0.1, 0.4) * (rows + columns)
    elif look < 0.63:
        cloth = cloth - random.uniform(0.1, 0.6) * checks(random, SIDE)
    elif look < 0.75:
        cloth = cloth * (0.4 + 0.8 * slope(random, SIDE))
    return _with_print(cloth, random) if random.random() < 0.25 else cloth


def _with_print(cloth: NDArray[np.float64], random: Random) -> NDArray[np.float64]:
    """A picture or a word on the chest."""
    high, wide = random.integers(4, 30), random.integers(8, 34)
    top, left = random.integers(18, 45), SIDE // 2 - wide // 2 + random.integers(-8, 9)
    printed = cloth.copy()
    motif = cut_noise(random, SIDE)[:high, :wide] if random.random() < 0.6 else 1.0
    printed[top : top + high, left : left + wide] += random.choice([-1, 1]) * random.uniform(0.3, 0.9) * motif
    return printed


# What is worn on the body


def _both_sides(right: Corners) -> Stroke:
    """An outline from its right half, top to bottom."""
    half = np.array(right)
    return np.vstack([half, half[::-1] * (-1, 1)])


def _twice(right: Corners, shade: float) -> list[Mark]:
    """A part on the right, and its like on the left."""
    part = np.array(right)
    return [(part, shade, 0.0), (part * (-1, 1), shade, 0.0)]


def _shade(random: Random) -> float:
    return float(np.clip(random.normal(0.95, 0.15), 0.4, 1.3))


def _top(random: Random, sleeve: float, wide: float, tall: float = 1.0) -> list[Mark]:
    """A body with sleeves that reach down to a share of it (0 for none), and a neck."""
    shoulder, neck = wide * random.uniform(0.8, 1.0), wide * random.uniform(0.25, 0.5)
    drop, pit = random.uniform(0.02, 0.09), random.uniform(0.24, 0.34)
    waist, hem = wide * random.uniform(0.85, 1.0), wide * random.uniform(0.85, 1.15)
    body = _both_sides([(neck, 0), (shoulder, drop), (wide, pit), (waist, 0.6 * tall), (hem, tall), (0, tall + 0.02)])
    marks: list[Mark] = [*_sleeves(random, sleeve, shoulder, drop, wide, pit), (body, 1.0, 0.0)]
    deep = random.uniform(0.02, 0.22)
    hollow = np.array([(-neck, -0.01), (neck, -0.01), (neck * 0.6, deep * 0.7), (0, deep), (-neck * 0.6, deep * 0.7)])
    marks.append((hollow, 0.0 if random.random() < 0.6 else random.uniform(0.3, 0.8), 0.0))
    if random.random() < 0.5:
        marks.append((hollow[[1, 2, 3, 4, 0]], random.uniform(0.4, 2.0), 0.03))
    if random.random() < 0.3:
        marks.append((np.array([(-hem, tall * 0.96), (hem, tall * 0.96)]), random.uniform(0.5, 2.0), 0.03))
    return marks


def _sleeves(random: Random, reach: float, shoulder: float, drop: float, wide: float, pit: float) -> list[Mark]:
    if not reach:
        return []
    low, cuff = drop + reach, random.uniform(0.09, 0.17)
    out = shoulder + random.uniform(0.08, 0.24) * (1 if reach < 0.4 else 0.7)
    inner = out - cuff
    corners = [(shoulder * 0.9, drop * 0.8), (shoulder + 0.05, drop + 0.03), (out, low), (inner, low + 0.04)]
    shade = _shade(random)
    seams = [(np.array([(s * shoulder, drop), (s * wide, pit)]), _shade(random) * 0.8, 0.02) for s in (-1, 1)]
    return [*_twice([*corners, (wide * 0.9, pit + 0.02), (wide * 0.6, pit)], shade), *seams]


def _tee(random: Random) -> list[Mark]:
    return _top(random, random.uniform(0.1, 0.38), random.uniform(0.26, 0.4))


def _vest(random: Random) -> list[Mark]:
    return _top(random, 0.0, random.uniform(0.22, 0.36))


def _pullover(random: Random) -> list[Mark]:
    return _top(random, random.uniform(0.6, 0.95), random.uniform(0.26, 0.38))


def _open_top(random: Random) -> list[Mark]:
    """A shirt, a jacket or a coat: a front to open, often a collar, buttons, pockets."""
    tall = random.uniform(0.9, 1.15)
    wide = random.uniform(0.22, 0.36)
    marks = _top(random, random.uniform(0.15, 0.95) if random.random() < 0.4 else random.uniform(0.6, 0.95), wide, tall)
    gap = 0.0 if random.random() < 0.25 else _shade(random) * random.uniform(0.3, 0.9)
    lean = random.normal(0, 0.02)
    marks.append((np.array([(0.0, 0.02), (lean, tall)]), gap, random.uniform(0.015, 0.07)))
    if random.random() < 0.6:
        marks += _twice([(0.02, 0.0), (wide * 0.5, -0.03), (wide * 0.45, 0.12), (0.02, 0.2)], _shade(random))
    if random.random() < 0.4:
        marks += [
            (np.array([(0.03, y), (0.05, y)]), random.uniform(0.2, 1.3), 0.03) for y in np.arange(0.25, tall, 0.15)
        ]
    if random.random() < 0.4:
        marks += _twice([(0.08, 0.62), (wide * 0.75, 0.62), (wide * 0.75, 0.66), (0.08, 0.66)], _shade(random))
    return marks


def _dress(random: Random) -> list[Mark]:
    """With straps or sleeves, straight or wide at the hem."""
    bust, waist = random.uniform(0.11, 0.2), random.uniform(0.09, 0.17)
    hip, hem = max(waist, random.uniform(0.12, 0.24)), random.uniform(0.12, 0.42)
    belt, neck = random.uniform(0.3, 0.45), bust * random.uniform(0.3, 0.7)
    marks: list[Mark] = []
    if random.random() < 0.5:
        marks += _sleeves(random, random.uniform(0.08, 0.6) * random.uniform(0.4, 1), bust, 0.04, bust, 0.2)
    top = [(neck, 0.0), (bust, 0.03)] if random.random() < 0.7 else [(0.0, 0.16), (bust * 0.8, 0.12)]
    marks.append((_both_sides([*top, (bust, 0.2), (waist, belt), (hip, belt + 0.2), (hem, 1), (0, 1.02)]), 1.0, 0.0))
    if top[0][1]:
        marks += [(np.array([(s * neck * 1.2, 0.0), (s * bust * 0.8, 0.14)]), 1.0, 0.03) for s in (-1, 1)]
    else:
        deep = random.uniform(0.03, 0.2)
        marks.append((np.array([(-neck, -0.01), (neck, -0.01), (0, deep)]), random.choice([0.0, 0.5]), 0.0))
    if random.random() < 0.4:
        marks.append((np.array([(-waist, belt), (waist, belt)]), random.uniform(0.3, 1.3), random.uniform(0.02, 0.05)))
    return marks


def _trousers(random: Random) -> list[Mark]:
    """Two legs, slim or wide, long or short, apart or not."""
    waist, hip = random.uniform(0.13, 0.2), random.uniform(0.16, 0.24)
    crotch = random.uniform(0.2, 0.36) if random.random() < 0.85 else random.uniform(0.4, 0.6)
    apart, leg = random.uniform(0.0, 0.09), random.uniform(0.07, 0.17)
    knee = leg * random.uniform(0.9, 1.3)
    corners = [(0, 0), (waist, 0), (hip, crotch * 0.8), (apart * 0.6 + knee, 0.62), (apart + leg, 1), (apart, 1)]
    marks = _twice([*corners, (apart * 0.4, 0.62), (0.003, crotch)], 1.0)
    marks[1] = (marks[1][0] + random.normal(0, 0.012, 2), _shade(random), 0.0)
    if random.random() < 0.6:
        marks.append((np.array([(0.0, 0.05), (0.0, crotch), (apart * 0.6, 1.0)]), random.uniform(0.2, 0.8), 0.02))
    if random.random() < 0.4:
        marks.append((np.array([(-waist, 0.03), (waist, 0.03)]), random.uniform(0.3, 1.3), 0.04))
    return marks


# Shoes


def _rounded(corners: Corners) -> Stroke:
    """A closed outline that goes smoothly round its corners."""
    return smooth(np.array([*corners, corners[0]], np.float64), 4)


def _shoe(random: Random) -> list[Mark]:
    """A trainer or another flat shoe: an upper, an opening, a sole, laces or stripes."""
    rise, toe = random.uniform(0.0, 0.14), random.uniform(0.02, 0.12)
    tongue = random.uniform(-0.06, 0.06)
    corners = [(0.02, 0.02), (0.1, -0.02), (0.24, 0.06 + rise), (0.36, tongue), (0.62, 0.18), (0.85, 0.26 + toe)]
    upper = _rounded([*corners, (1.0, 0.37), (1.0, 0.44), (0.5, 0.45), (0.0, 0.44), (0.01, 0.2)])
    thick = random.uniform(0.04, 0.12)
    sole = np.array([(-0.01, 0.42), (1.01, 0.42), (0.98, 0.42 + thick), (0.02, 0.43 + thick)])
    marks: list[Mark] = [(upper, 1.0, 0.0), (sole, random.uniform(0.2, 1.5), 0.0)]
    for start in np.linspace(0.25, 0.6, int(random.integers(0, 5))):
        marks.append((np.array([(start, 0.42), (start + 0.12, 0.16)]), random.uniform(0.2, 1.5), 0.03))
    if random.random() < 0.5:
        marks.append((np.array([(0.38, 0.06), (0.66, 0.22)]), random.uniform(0.2, 1.5), random.uniform(0.03, 0.08)))
    return marks


def _boot(random: Random) -> list[Mark]:
    """To the ankle or higher, with a heel or without."""
    high, shaft = random.uniform(0.1, 0.6), random.uniform(0.32, 0.45)
    heel = random.uniform(0.03, 0.22)
    front = random.uniform(0.24, 0.34)
    corners = [(0.02, -high), (shaft, -high - 0.02), (shaft + 0.02, 0.1), (0.68, front - 0.02), (0.95, front + 0.08)]
    upper = np.array([*corners, (1.0, 0.45), (0.95, 0.47), (0.4, 0.45), (0.0, 0.42), (0.05, 0.1)])
    block = np.array([(0.0, 0.4), (0.25, 0.42), (0.2, 0.45 + heel), (0.03, 0.45 + heel)])
    ground = np.array([(0.3, 0.44), (1.0, 0.44), (0.96, 0.46 + heel), (0.45, 0.46 + heel * 0.8)])
    low = np.array([(0.02, 0.42), (1.0, 0.44), (0.97, 0.52), (0.02, 0.51)])
    marks: list[Mark] = [(upper, 1.0, 0.0), (block, _shade(random), 0.0)]
    marks.append((low if heel < 0.12 else ground, random.uniform(0.3, 1.3), 0.0))
    if random.random() < 0.6:
        marks.append((np.array([(shaft * 0.5, -high), (shaft * 0.5, 0.2)]), random.uniform(0.2, 1.3), 0.05))
    for y in np.linspace(-high * 0.5, 0.2, int(random.integers(0, 5))):
        marks.append((np.array([(shaft * 0.6, y), (shaft + 0.08, y + 0.04)]), random.uniform(0.2, 1.4), 0.03))
    return marks


def _sandal(random: Random) -> list[Mark]:
    """A sole that rises to a heel of some kind, held by straps."""
    heel = random.choice([0.03, 0.06, random.uniform(0.15, 0.75)])
    back = 0.5 - heel
    foot = smooth(np.array([(0.0, back), (0.2, back + heel * 0.12), (0.55, 0.47), (0.8, 0.52), (1.0, 0.5)]), 5)
    marks: list[Mark] = [(foot, 1.0, random.uniform(0.04, 0.1))]
    style = random.random()
    if heel > 0.1 and style < 0.6:
        marks.append(
            (np.array([(0.04, back), (random.uniform(0, 0.1), 0.54)]), _shade(random), random.uniform(0.03, 0.12))
        )
    elif heel > 0.1:
        marks.append((np.vstack([foot, [(0.95, 0.58), (0.02, 0.58)]]), _shade(random), 0.0))
    if random.random() < 0.3:  # a closed toe, as of a pump
        marks.append((_rounded([(0.6, 0.5), (0.62, 0.36), (0.8, 0.4), (1.0, 0.48), (0.95, 0.53)]), 1.0, 0.0))
        marks.append((_rounded([(0.0, back), (0.0, back - 0.16), (0.15, back - 0.08), (0.2, back + 0.05)]), 1.0, 0.0))
    return [*marks, *_straps(random, back)]


def _straps(random: Random, back: float) -> list[Mark]:
    toes = np.sort(random.uniform(0.55, 0.95, int(random.integers(1, 5))))
    marks: list[Mark] = [
        (np.array([(x - 0.06, 0.52), (x - 0.03, 0.36), (x + 0.06, 0.4), (x + 0.08, 0.52)]), _shade(random), w)
        for x, w in zip(toes, random.uniform(0.02, 0.07, len(toes)), strict=True)
    ]
    if random.random() < 0.7:
        top = back - random.uniform(0.15, 0.35)
        ankle = smooth(
            np.array([(0.02, back), (0.0, top), (0.15, top - 0.05), (0.28, top + 0.04), (0.05, top + 0.07)]), 4
        )
        marks.append((ankle, _shade(random), random.uniform(0.02, 0.06)))
    if random.random() < 0.5:
        marks.append((np.array([(0.25, back - 0.1), (0.45, 0.4), (0.75, 0.42)]), _shade(random), 0.04))
    return marks


# Bags


def _bag(random: Random) -> list[Mark]:
    """A handbag, a satchel, a clutch or a pouch, with handles, a flap and a clasp or without."""
    wide, high = random.uniform(0.35, 0.6), random.uniform(0.3, 0.9)
    slant, round_ = random.uniform(0.8, 1.2), random.random() < 0.4
    corners = [(wide * slant, 0.0), (wide, high * 0.9), (wide * 0.8, high)]
    body = _both_sides(corners) if random.random() < 0.7 else _both_sides([(wide * slant, 0.0), (wide, high)])
    if round_:
        body = _rounded([(x, y) for x, y in body.tolist()])
    marks: list[Mark] = [*_handles(random, wide), (body, 1.0, 0.0)]
    if random.random() < 0.5:
        flap = high * random.uniform(0.2, 0.6)
        marks.append((_both_sides([(wide * slant, 0.0), (wide * 0.95, flap * 0.7), (0, flap)]), _shade(random), 0.0))
        marks.append((np.array([(-wide, flap), (wide, flap)]), random.uniform(0.2, 0.8), 0.02))
    if random.random() < 0.5:
        marks.append((np.array([(-0.04, high * 0.4), (0.04, high * 0.4)]), random.uniform(0.1, 1.5), 0.06))
    return marks


def _handles(random: Random, wide: float) -> list[Mark]:
    tall = random.uniform(0.1, 0.8)
    angle = np.linspace(3.1416, 6.2832, 16)
    marks: list[Mark] = []
    for _ in range(int(random.integers(0, 3))):
        reach = wide * random.uniform(0.3, 0.9)
        arc = np.column_stack([np.cos(angle) * reach, 0.05 + np.sin(angle) * tall]) + random.normal(0, 0.02, 2)
        marks.append((arc, _shade(random), random.uniform(0.02, 0.07)))
    return marks


GARMENTS: tuple[Callable[[Random], list[Mark]], ...] = tuple(
    itertools.chain(
        (_tee,) * 6, (_vest,), (_pullover,) * 2, (_open_top,) * 3, (_dress,) * 2, (_trousers,) * 2,
        (_shoe,) * 2, (_boot,) * 2, (_sandal,) * 4, (_bag,) * 2,
    )
)  # fmt: skip

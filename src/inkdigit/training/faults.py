"""What befalls pictures on their way: lines across them, blur, noise, holes, blots, coarse pixels.

Each fault takes a batch of drawn digits, (N, S, S) float32 in [0, 1] with 0 for paper, before `normalize`, and gives
each picture its own strength, at most as much as leaves a digit to be read. What the clean-up of a picture takes away,
such as grey paper, is not here.
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Random = np.random.Generator
Fault = Callable[[Floats, Random], Floats]

COARSE = 2  # pixels of the drawing for one of MNIST: noise comes in grains of this side


def add_faults(pictures: Floats, share: float, random: Random) -> Floats:
    """Give that share of the pictures one fault each, every kind as often as the others."""
    kinds = np.where(random.random(len(pictures)) < share, random.integers(len(FAULTS), size=len(pictures)), -1)
    faulty = pictures.copy()
    for kind in range(len(FAULTS)):
        rows = np.flatnonzero(kinds == kind)
        if len(rows):
            faulty[rows] = FAULTS[kind](pictures[rows], random).clip(0, 1)
    return faulty


def straight_line(pictures: Floats, random: Random) -> Floats:
    """A line across the whole picture, drawn through or dotted."""
    across, along = _slanted_axes(pictures, random)
    period = _each(pictures, random.uniform, 3, 9)
    dotted = (np.mod(along, period) < 0.5 * period) | (_each(pictures, random.random) < 0.4)
    return np.maximum(pictures, _stroke(across, pictures, random) * dotted)


def zigzag_line(pictures: Floats, random: Random) -> Floats:
    """A line that goes up and down across the whole picture."""
    across, along = _slanted_axes(pictures, random)
    period = _each(pictures, random.uniform, 5, 16)
    height = period * _each(pictures, random.uniform, 0.12, 0.4)
    wave = height * (4 * np.abs(np.mod(along / period, 1) - 0.5) - 1)
    steepness = np.sqrt(1 + np.square(4 * height / period))
    return np.maximum(pictures, _stroke((across - wave) / steepness, pictures, random))


def blur(pictures: Floats, random: Random) -> Floats:
    """Out of focus: the mean of the picture moved about a little."""
    reach = _each(pictures, random.uniform, 0.6, 3.4)
    moved = [_moved(pictures, reach * np.sin(turn), reach * np.cos(turn)) for turn in np.arange(8) * np.pi / 4]
    return _mean([pictures, *moved])


def motion_blur(pictures: Floats, random: Random) -> Floats:
    """Moved while it was taken: the mean of the picture along a short way."""
    angle, reach = _each(pictures, random.uniform, 0, np.pi), _each(pictures, random.uniform, 2, 8)
    way = np.linspace(-1, 1, 9)
    return _mean([_moved(pictures, step * reach * np.sin(angle), step * reach * np.cos(angle)) for step in way])


def frosted_glass(pictures: Floats, random: Random) -> Floats:
    """Every grain comes from somewhere near."""
    reach = _each(pictures, random.uniform, 1, 4.5)
    shift = [reach * _grains(pictures, random.uniform, -1, 1) for _ in range(2)]
    return _moved(pictures, *shift)


def noise(pictures: Floats, random: Random) -> Floats:
    """Grain, of which the paper's share is mostly cleaned away."""
    strength = _each(pictures, random.uniform, 0.05, 0.4)
    grainy = pictures + strength * _grains(pictures, random.normal, 0, 1)
    floor = strength * _each(pictures, random.uniform, 1.2, 2.4)
    return np.asarray((grainy - floor) / (1 - floor).clip(0.3), np.float32)


def specks(pictures: Floats, random: Random) -> Floats:
    """Grains turned over: white ones in the ink, and a few dark ones on the paper."""
    dice = _grains(pictures, random.random)
    white, dark = _each(pictures, random.uniform, 0.02, 0.3), 1 - _each(pictures, random.uniform, 0, 0.03)
    return np.where(dice > dark, np.float32(1), np.where(dice < white, np.float32(0), pictures))


def poor_light(pictures: Floats, random: Random) -> Floats:
    """Few photons: how dark a grain of ink is depends on how many it was counted by."""
    photons = _each(pictures, random.uniform, 1.5, 12)
    counted = random.poisson(photons * pictures[:, ::COARSE, ::COARSE]).astype(np.float32)
    return _coarse(counted) / photons


def coarse_pixels(pictures: Floats, random: Random) -> Floats:
    """As if taken with few pixels."""
    side = pictures.shape[1]
    size = int(random.integers(3, 7))
    starts = np.arange(0, side, size)
    counts = np.diff([*starts, side])
    means = np.add.reduceat(np.add.reduceat(pictures, starts, axis=1), starts, axis=2)
    means /= counts[:, None] * counts
    return means.repeat(counts, axis=1).repeat(counts, axis=2)


def covered(pictures: Floats, random: Random) -> Floats:
    """A strip of the picture is missing."""
    across, _ = _slanted_axes(pictures, random)
    return np.where(np.abs(across) < _each(pictures, random.uniform, 1, 3.5), np.float32(0), pictures)


def blots(pictures: Floats, random: Random) -> Floats:
    """Grey blots here and there, and ink that has run out in others."""
    side = pictures.shape[1]
    knots = int(random.integers(7, 15))
    rough = random.normal(0, 1, (len(pictures), knots, knots)).astype(np.float32)
    place = np.linspace(0, knots - 1.001, side)
    field = rough[:, place.astype(int)][:, :, np.rint(place).astype(int)]
    dark = _each(pictures, random.uniform, 0.1, 0.5)
    blotted = np.where(field > 1.5, np.maximum(pictures, dark), pictures)
    return np.where(field < -1.5, blotted * (1 - dark), blotted)


def hollow(pictures: Floats, random: Random) -> Floats:
    """Only the outlines of the strokes are left."""
    reach = int(random.integers(1, 3))
    padded = np.pad(pictures, ((0, 0), (reach, reach), (reach, reach)))
    side = pictures.shape[1]
    neighbours = [
        padded[:, reach + down : reach + down + side, reach + right : reach + right + side]
        for down, right in ((-reach, 0), (reach, 0), (0, -reach), (0, reach))
    ]
    outline = np.maximum.reduce(neighbours) - np.minimum.reduce([pictures, *neighbours])
    return np.asarray(outline * _each(pictures, random.uniform, 1, 2), np.float32)


FAULTS: tuple[Fault, ...] = (
    straight_line,
    zigzag_line,
    blur,
    motion_blur,
    frosted_glass,
    noise,
    specks,
    poor_light,
    coarse_pixels,
    covered,
    blots,
    hollow,
)


def _each(pictures: Floats, draw: Callable[..., NDArray[np.float64]], *parameters: float) -> Floats:
    """One random number for each picture, to be used with all of its pixels: (N, 1, 1)."""
    return draw(*parameters, size=(len(pictures), 1, 1)).astype(np.float32)


def _grains(pictures: Floats, draw: Callable[..., NDArray[np.float64]], *parameters: float) -> Floats:
    """One random number for each grain of each picture: (N, S, S)."""
    count, side = len(pictures), pictures.shape[1] // COARSE
    return _coarse(draw(*parameters, size=(count, side, side)).astype(np.float32))


def _coarse(grains: Floats) -> Floats:
    return grains.repeat(COARSE, axis=1).repeat(COARSE, axis=2)


def _slanted_axes(pictures: Floats, random: Random) -> tuple[Floats, Floats]:
    """Each pixel's distance from a line through the middle part of the picture, and its place along that line."""
    side = pictures.shape[1]
    down, right = np.mgrid[0:side, 0:side].astype(np.float32) - side / 2
    angle, offset = _each(pictures, random.uniform, 0, np.pi), _each(pictures, random.uniform, -side / 3, side / 3)
    return down * np.cos(angle) - right * np.sin(angle) - offset, down * np.sin(angle) + right * np.cos(angle)


def _stroke(distance: Floats, pictures: Floats, random: Random) -> Floats:
    """A line's ink, from the distance of each pixel to it."""
    width, dark = _each(pictures, random.uniform, 0.7, 3), _each(pictures, random.uniform, 0.4, 1)
    return np.asarray((width / 2 + 0.5 - np.abs(distance)).clip(0, 1) * dark, np.float32)


def _moved(pictures: Floats, down: Floats, right: Floats) -> Floats:
    """The pixel nearest to so far down and to the right of each, with paper around."""
    count, side = len(pictures), pictures.shape[1]
    edge = 10
    padded = np.pad(pictures, ((0, 0), (edge, edge), (edge, edge)))
    pixels = np.arange(edge, side + edge)
    rows = np.rint(pixels[:, None] + down.clip(-edge, edge - 1)).astype(np.intp)
    columns = np.rint(pixels + right.clip(-edge, edge - 1)).astype(np.intp)
    return np.asarray(padded[np.arange(count)[:, None, None], rows, columns])


def _mean(pictures: list[Floats]) -> Floats:
    return np.asarray(sum(pictures) / np.float32(len(pictures)), np.float32)

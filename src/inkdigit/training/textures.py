"""Surfaces of chance and of pattern, as values about 0 to 1: cloth, clouds, stripes, checks, light that changes."""

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from inkdigit.image import Ink
from inkdigit.training.letters import Random

Surface = NDArray[np.float64]  # (side, side)


def noise(random: Random, side: int = 28) -> Surface:
    """Random values, smooth over a grain of one to fourteen pixels of 28."""
    knots = int(random.choice([3, 4, 6, 9, 14, 28]))
    coarse = Image.fromarray(random.normal(0.5, 0.3, (knots, knots)).astype(np.float32))
    return np.asarray(coarse.resize((side, side), Image.Resampling.BICUBIC), np.float64)


def cut_noise(random: Random, side: int = 28) -> Surface:
    """Noise of which only the peaks are left: spots, blots, islands."""
    field = noise(random, side)
    kept = random.uniform(0.03, 0.3) if random.random() < 0.5 else random.uniform(0.3, 0.7)
    return np.where(field > np.quantile(field, 1 - kept), 1.0 if random.random() < 0.6 else field, 0.0)


def blots(random: Random, side: int = 28) -> Surface:
    """A few blots far and wide, square or soft: what cleaning leaves of a noisy page."""
    cells = int(random.integers(5, 15))
    page = np.zeros((cells, cells), np.float32)
    count = int(random.integers(4, max(6, cells * cells // 6)))
    page.flat[random.choice(page.size, count, replace=False)] = random.uniform(0.2, 1, count)
    way = Image.Resampling.NEAREST if random.random() < 0.6 else Image.Resampling.BICUBIC
    return np.asarray(Image.fromarray(page).resize((side, side), way), np.float64)


def stripes(random: Random, side: int = 28, level: bool = False) -> Surface:
    """Waves of light and dark in any direction, or from top to bottom."""
    y, x = np.mgrid[-1 : 1 : side * 1j, -1 : 1 : side * 1j]
    angle, pace = 1.5708 if level else random.uniform(0, 3.14), random.uniform(6, 22)
    wave = np.sin(pace * (x * np.cos(angle) + y * np.sin(angle)) + random.uniform(0, 6.28))
    return np.asarray(np.clip(0.5 + wave * random.uniform(0.3, 3), 0, 1))


def checks(random: Random, side: int = 28) -> Surface:
    """A chequered surface with some grain."""
    size = int(random.integers(2, 10) * side / 28)
    x, y = np.mgrid[0:side, 0:side] // size
    return np.asarray(((x + y) % 2) * random.uniform(0.5, 1) + random.uniform(0, 0.3) * random.random((side, side)))


def slope(random: Random, side: int = 28) -> Surface:
    """Light that changes along a line or from a point."""
    x, y = np.mgrid[-1 : 1 : side * 1j, -1 : 1 : side * 1j]
    angle = random.uniform(0, 6.28)
    straight = x * np.cos(angle) + y * np.sin(angle)
    round_ = 1.3 - np.hypot(x - random.normal(0, 0.3), y - random.normal(0, 0.3)) * random.uniform(0.8, 1.5)
    return np.asarray(np.clip(round_ if random.random() < 0.4 else straight * random.uniform(0.4, 1) + 0.5, 0, 1))


def levels(values: Surface) -> Ink:
    """Values of 0 to 1 as levels of ink."""
    return np.asarray(values.clip(0, 1) * 255, np.uint8)

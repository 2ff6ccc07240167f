"""More hands than MNIST has: digits redrawn with other slants, pens and habits.

A batch is drawn at twice MNIST's resolution, distorted there, and goes through `inkdigit.preprocess.normalize` like
every picture that the program reads, so that training sees what reading sees. All of it is numpy on whole batches.
"""

import numpy as np
from numpy.typing import NDArray

from inkdigit.preprocess import SIZE, normalize
from inkdigit.training.dataset import Images, Labels
from inkdigit.training.faults import add_faults

Floats = NDArray[np.float32]

DRAWN = 2 * SIZE  # pixels, side of the picture that distortions are made on
FAULTY = 0.28  # share of redrawn pictures that something befalls
STYLES = {0: (0.08, "slash"), 1: (0.20, "flag"), 7: (0.15, "bar")}  # label: share, what is added


def augment(images: Images, labels: Labels, untouched: float, random: np.random.Generator) -> Floats:
    """Redraw a batch.

    Args:
        images: (N, 28, 28) uint8, 0 is paper and 255 is full ink.
        labels: (N,) digits; some digits get strokes that MNIST's writers did not use.
        untouched: share of the pictures that are left as they are, in [0, 1].
        random: the source of every choice.

    Returns:
        (N, 28, 28) float32 in [0, 1], white ink on black.
    """
    pictures = np.asarray(images / np.float32(255), np.float32)
    rows = np.flatnonzero(random.random(len(images)) >= untouched)
    if len(rows):
        pictures[rows] = _redraw(images[rows], labels[rows], random)
    return spoil(pictures, random)


def _redraw(images: Images, labels: Labels, random: np.random.Generator) -> Floats:
    drawn = change_pen(warp(add_styles(images, labels, random), random), random)
    faulty = add_faults(drawn, FAULTY, random)
    ink = np.where(faulty.max(axis=(1, 2), keepdims=True) < 0.2, _enlarge(images), faulty)
    return np.stack([normalize(picture) for picture in (ink * 255).astype(np.uint8)])


def add_styles(images: Images, labels: Labels, random: np.random.Generator) -> Images:
    """Slashed zeros, flagged and footed ones, barred sevens: strokes added to some digits of a batch."""
    styled = images.copy()
    for label, (share, style) in STYLES.items():
        for row in np.flatnonzero((labels == label) & (random.random(len(labels)) < share)):
            for start, stop in _style_strokes(style, images[row], random):
                width = random.uniform(1.6, 2.8)
                styled[row] = np.maximum(styled[row], _segment(start, stop, width))
    return styled


def warp(images: Images, random: np.random.Generator) -> Floats:
    """Slant, turn, stretch and bend a batch, each picture in its own way.

    Returns:
        (N, 56, 56) float32 in [0, 1].
    """
    count = len(images)
    angle = random.normal(0, 0.16, count).clip(-0.45, 0.45)
    slant = random.uniform(-0.35, 0.35, count)
    stretch = np.exp(random.uniform(-0.22, 0.22, (2, count)))
    cos, sin = np.cos(angle), np.sin(angle)
    matrix = np.array([[cos, sin + cos * slant], [-sin, cos - sin * slant]]) * stretch[:, None]
    grid = np.mgrid[0:DRAWN, 0:DRAWN].reshape(2, -1).astype(np.float32) / 2 - (SIZE - 1) / 2
    where = np.einsum("ijn,jp->inp", matrix.astype(np.float32), grid) * 1.1 + (SIZE - 1) / 2
    where += bend(count, random).reshape(2, count, -1)
    return sample(images, where).reshape(count, DRAWN, DRAWN)


def bend(count: int, random: np.random.Generator) -> Floats:
    """Smooth displacements, in MNIST pixels: (2, N, 56, 56), random on a coarse mesh and linear between its knots."""
    knots = int(random.integers(4, 8))
    strength = random.gamma(2.0, 0.45, (1, count, 1, 1))
    mesh = random.normal(0, 1, (2, count, knots, knots)) * strength
    position = np.linspace(0, knots - 1, DRAWN)[:, None]
    weights = np.maximum(0, 1 - np.abs(position - np.arange(knots))).astype(np.float32)
    return np.asarray(weights @ mesh.astype(np.float32) @ weights.T)


def sample(images: Images, where: Floats) -> Floats:
    """Values of (N, 28, 28) pictures at fractional (row, column) places `where` (2, N, P): (N, P) in [0, 1]."""
    padded = np.pad(images, ((0, 0), (1, 2), (1, 2))).astype(np.float32) / 255
    side = padded.shape[1]
    place = (where + 1).clip(0, SIZE + 1)
    corner = place.astype(np.int32)
    down, right = place - corner.astype(np.float32)
    flat = padded.reshape(-1)
    first = (np.arange(len(images), dtype=np.int32) * side * side)[:, None] + corner[0] * side + corner[1]
    above = flat[first] * (1 - right) + flat[first + 1] * right
    below = flat[first + side] * (1 - right) + flat[first + side + 1] * right
    return np.asarray(above * (1 - down) + below * down, np.float32)


def change_pen(drawn: Floats, random: np.random.Generator) -> Floats:
    """Other pens: harder or softer edges, thicker or thinner strokes."""
    count = len(drawn)
    hardness = random.uniform(1.0, 3.5, (count, 1, 1)).astype(np.float32)
    level = random.uniform(0.3, 0.65, (count, 1, 1)).astype(np.float32) * _strength(drawn)
    level = np.maximum(level, 0.5 / hardness)  # paper stays 0
    edged = ((drawn - level) * hardness + 0.5).clip(0, 1)
    pen = random.random(count)
    thick, thicker, thin = pen < 0.28, pen < 0.13, pen > 0.87
    edged[thick] = _spread(edged[thick])
    edged[thicker] = _spread(edged[thicker])
    thinned = 1 - _spread(1 - edged[thin])
    survives = thinned.sum(axis=(1, 2)) > 0.55 * edged[thin].sum(axis=(1, 2))
    edged[thin] = np.where(survives[:, None, None], thinned, edged[thin])
    return np.asarray(edged, np.float32)


def spoil(images: Floats, random: np.random.Generator) -> Floats:
    """What is left of a picture's faults after normalisation: small shifts, grain, weak ink, stray lines, gaps."""
    count = len(images)
    spoiled = images.copy()
    for axis in (1, 2):
        for step in (-1, 1):
            moved = random.random(count) < 0.08
            spoiled[moved] = np.roll(spoiled[moved], step, axis)
    grainy = random.random(count) < 0.06
    grain = random.normal(0, 1, (int(grainy.sum()), SIZE, SIZE)) * random.uniform(0.02, 0.2)
    spoiled[grainy] += grain
    weak = random.random(count) < 0.10
    spoiled[weak] = spoiled[weak].clip(0, 1) ** random.uniform(0.5, 2.0, (int(weak.sum()), 1, 1)).astype(np.float32)
    for row in np.flatnonzero(random.random(count) < 0.05):
        start, stop = random.uniform(0, SIZE - 1, (2, 2))
        spoiled[row] = np.maximum(spoiled[row], _segment(start, stop, 1.2) / np.float32(255))
    for row in np.flatnonzero(random.random(count) < 0.08):
        top, left = random.integers(2, SIZE - 7, 2)
        height, width = random.integers(2, 8, 2)
        spoiled[row, top : top + height, left : left + width] = 0
    return np.asarray(spoiled.clip(0, 1), np.float32)


def _enlarge(images: Images) -> Floats:
    return np.asarray(images.repeat(2, axis=1).repeat(2, axis=2) / np.float32(255), np.float32)


def _strength(drawn: Floats) -> Floats:
    """How dark strokes are, beside MNIST's: (N, 1, 1) in [0, 1]. Hairlines are pale, and would break."""
    darkness = np.square(drawn).sum(axis=(1, 2), keepdims=True) / drawn.sum(axis=(1, 2), keepdims=True).clip(1)
    return np.asarray((darkness / 0.7).clip(0, 1), np.float32)


def _spread(pictures: Floats) -> Floats:
    """Each pixel takes the greatest value of itself and its four neighbours."""
    padded = np.pad(pictures, ((0, 0), (1, 1), (1, 1)), mode="edge")
    neighbours = (padded[:, :-2, 1:-1], padded[:, 2:, 1:-1], padded[:, 1:-1, :-2], padded[:, 1:-1, 2:])
    spread = pictures
    for neighbour in neighbours:
        spread = np.maximum(spread, neighbour)
    return spread


def _style_strokes(style: str, image: NDArray[np.uint8], random: np.random.Generator) -> list[tuple[Floats, Floats]]:
    """The strokes (start and stop, each (row, column)) that turn a digit into another style of itself."""
    inked = image > 96
    rows, columns = np.flatnonzero(inked.any(axis=1)), np.flatnonzero(inked.any(axis=0))
    top, bottom, left, right = rows[0], rows[-1], columns[0], columns[-1]
    shake = random.normal(0, 0.7, (4, 2))
    if style == "slash":
        reach = random.uniform(0.75, 1.15)
        middle = np.array([top + bottom, left + right]) / 2
        half = np.array([bottom - top, left - right]) / 2 * reach
        return [(middle - half + shake[0], middle + half + shake[1])]
    if style == "bar":
        row = round(top + random.uniform(0.42, 0.65) * (bottom - top))
        column = float(np.flatnonzero(inked[row]).mean()) if inked[row].any() else (left + right) / 2
        middle, half = np.array([row, column]), np.array([0, random.uniform(2.5, 5.5)])
        return [(middle - half + shake[0] / 2, middle + half + shake[1] / 2)]
    head = np.array([top + 0.5, np.flatnonzero(inked[top]).mean()])
    angle, length = np.radians(random.uniform(22, 60)), random.uniform(0.2, 0.8) * (bottom - top)
    strokes = [(head, head + length * np.array([np.cos(angle), -np.sin(angle)]))]
    if random.random() < 0.35:
        foot = np.array([bottom, np.flatnonzero(inked[bottom]).mean()])
        reach = random.uniform(2.5, 5.5)
        strokes.append((foot - (0, reach) + shake[2] / 3, foot + (0, reach) + shake[3] / 3))
    return strokes


def _segment(start: Floats, stop: Floats, width: float) -> NDArray[np.uint8]:
    """A stroke of round ends from start to stop, (row, column) in pixels: (28, 28) uint8."""
    pixels = np.mgrid[0:SIZE, 0:SIZE].transpose(1, 2, 0)
    along = stop - start
    share = ((pixels - start) @ along / max(float(along @ along), 1e-6)).clip(0, 1)
    distance = np.linalg.norm(pixels - start - share[..., None] * along, axis=-1)
    return np.asarray(((width / 2 + 0.5 - distance).clip(0, 1) * 255), np.uint8)

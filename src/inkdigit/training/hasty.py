"""Digits of fast hands, which pass for digits within a number only: alone they are letters or signs as well.

A nine like a P, a five like the sign of a root, a one like a roof or a long loop, an eight that is open at its top, a
zero that is but an arch, a two that begins with a loop. They help to write lines, and no single digits.
"""

import numpy as np

from inkdigit.training.strokes import Counts, Random, Stroke, curve, line


def p_nine(random: Random) -> list[Stroke]:
    """A stem on the left and a bow to its right, in one stroke or two."""
    wide, low, lean = random.uniform(0.25, 0.6), random.uniform(0.35, 0.62), random.normal(0.05, 0.08)
    foot = (random.uniform(-0.08, 0.08), 1.0)
    top = (lean + random.uniform(-0.03, 0.05), random.uniform(0.02, 0.15))
    stem = line(foot, top, random.normal(0, 0.05))
    start = top if random.random() < 0.6 else (top[0] - random.uniform(0.05, 0.2), random.uniform(0.05, 0.2))
    end = (top[0] + random.uniform(-0.05, 0.12), low + random.uniform(-0.05, 0.08))
    bow = curve(
        [start, (top[0] + 0.5 * wide, -0.02), (top[0] + wide, 0.45 * low), (top[0] + 0.6 * wide, low), end], random
    )
    return [stem, bow] if random.random() < 0.4 else [np.concatenate([stem, bow])]


def root_five(random: Random) -> list[Stroke]:
    """Up from a tick or a hook at the foot, and a bar to the right from the top."""
    top = (random.uniform(0.2, 0.5), random.uniform(-0.02, 0.1))
    foot = (random.uniform(0.02, 0.2), 1.0)
    if random.random() < 0.5:
        tick = line((foot[0] - random.uniform(0.08, 0.3), random.uniform(0.5, 0.85)), foot)
    else:
        tick = curve([(foot[0] - random.uniform(0.15, 0.35), 0.88), (foot[0] - 0.1, 0.99), foot], random)
    stem = curve([foot, ((foot[0] + top[0]) / 2 + 0.02, 0.5), top], random)
    bar = line(top, (top[0] + random.uniform(0.3, 0.8), random.uniform(-0.12, 0.08)), random.normal(0, 0.06))
    return [np.concatenate([tick, stem, bar])] if random.random() < 0.6 else [np.concatenate([tick, stem]), bar]


def roof_one(random: Random) -> list[Stroke]:
    """A flag as long as the stem, or nearly."""
    top = (random.uniform(0.2, 0.5), 0.0)
    flag = line((random.uniform(-0.1, 0.1), random.uniform(0.5, 1.0)), top, random.normal(0, 0.05))
    stem = line(top, (top[0] + random.normal(0.06, 0.1), 1.0), random.normal(0, 0.04))
    return [np.concatenate([flag, stem])]


def looped_one(random: Random) -> list[Stroke]:
    """A flag and a stem that make a long, narrow loop."""
    wide = random.uniform(0.1, 0.3)
    start = (random.uniform(-0.25, -0.05), random.uniform(0.45, 0.8))
    return [curve([start, (wide, 0.22), (wide, 0.03), (wide - 0.1, 0.03), (0.02, 0.35), (0, 1.0)], random, 0.015)]


def looped_head_two(random: Random) -> list[Stroke]:
    """A two whose head is a loop, and often its foot as well."""
    wide, high = random.uniform(0.35, 0.65), random.uniform(0.2, 0.4)
    head = [
        (0.45 * wide, high),
        (0.1 * wide, high),
        (0.0, 0.4 * high),
        (0.5 * wide, 0),
        (wide, 0.25),
        (0.5 * wide, 0.7),
    ]
    foot = [(0.0, 0.96), (0.02, 0.86), (0.25 * wide, 0.9)] if random.random() < 0.6 else [(0.0, 1.0)]
    return [curve([*head, *foot, (random.uniform(0.9, 1.4) * wide, random.uniform(0.9, 1.02))], random)]


def arch_zero(random: Random) -> list[Stroke]:
    """A zero of a row of them, of which only the arch was written."""
    wide, deep = random.uniform(0.4, 0.9), random.uniform(0.3, 0.9)
    path = [(0, 1 - 0.3 * deep), (-0.05, 0.5), (0.4 * wide, 0), (wide, 0.4), (wide * random.uniform(0.85, 1.1), deep)]
    return [curve(path, random)]


def open_eight(random: Random) -> list[Stroke]:
    """A loop at the bottom whose ends cross and part at the top."""
    wide = random.uniform(0.3, 0.6)
    cross = (0.5 * wide, random.uniform(0.35, 0.55))
    start, end = (wide, random.uniform(0, 0.12)), (random.uniform(-0.1, 0.15), random.uniform(0, 0.2))
    return [curve([start, cross, (0.08 * wide, 0.8), (0.5 * wide, 1), (0.92 * wide, 0.8), cross, end], random, 0.02)]


HASTY: Counts = (
    (0, arch_zero, 300),
    (1, roof_one, 2000),
    (1, looped_one, 800),
    (2, looped_head_two, 2000),
    (5, root_five, 2500),
    (8, open_eight, 900),
    (9, p_nine, 2500),
)

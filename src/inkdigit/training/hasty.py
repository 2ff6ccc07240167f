"""Digits of fast hands, which pass for digits within a number only: alone they are letters or signs as well.

A nine like a P or a ring on a stem, a five like the sign of a root or an S, a one like a roof or the letter l, an eight
that is open at its top, a zero that is but an arch or has a knot in its top, a two that begins with a ring, a four like
an h, a seven like a t or an f. They help to write lines, and no single digits.
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


def ringed_nine(random: Random) -> list[Stroke]:
    """A ring, and a stem from its foot or from its left, which often crosses its own beginning."""
    wide, high, lean = random.uniform(0.16, 0.32), random.uniform(0.17, 0.3), random.normal(0, 0.1)
    start = random.uniform(80, 215)  # degrees at which the ring begins: 90 is its foot, 180 its left
    turn = random.uniform(300, 400) * (1 if random.random() < 0.75 else -1)
    angles = np.radians(start + np.linspace(0, turn, 30))
    ring = np.column_stack([wide * np.cos(angles), high + high * np.sin(angles)])
    if random.random() < 0.4:  # a tail before it
        tail = ring[0] + np.array([-random.uniform(0.05, 0.3), random.uniform(0.02, 0.25)])
        ring = np.concatenate([line(tail, ring[0]), ring])
    top = (
        ring[-1]
        if random.random() < 0.7
        else np.array([random.uniform(-0.8, 0.4) * wide, random.uniform(1.2, 2) * high])
    )
    foot = (top[0] + lean + random.normal(0, 0.04), 1.0)
    stem = line(top, foot, random.normal(0, 0.08))
    if random.random() < 0.25:
        stem = np.concatenate([stem, line(foot, (foot[0] - random.uniform(0.05, 0.2), random.uniform(0.9, 1.02)))])
    return [ring, stem] if random.random() < 0.2 else [np.concatenate([ring, stem])]


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


def bent_five(random: Random) -> list[Stroke]:
    """A five like an S, without a corner and without a bar."""
    wide = random.uniform(0.35, 0.75)
    start = (wide * random.uniform(0.85, 1.2), random.uniform(-0.03, 0.15))
    path = [start, (0.45 * wide, 0.0), (0.03, 0.22), (0.5 * wide, 0.47), (wide, 0.72), (0.5 * wide, 1.0)]
    return [curve([*path, (random.uniform(-0.15, 0.1), random.uniform(0.82, 1.0))], random)]


def h_four(random: Random) -> list[Stroke]:
    """A four like an h: a long stem on the left, an arch or a corner, and a leg on the right."""
    wide, turn = random.uniform(0.25, 0.5), random.uniform(0.6, 0.95)
    top, low = (random.uniform(0.02, 0.3), 0.0), (random.uniform(-0.05, 0.08), turn)
    shoulder = (wide, turn - random.uniform(0.05, 0.4))
    left = line(top, low, random.normal(0, 0.04))
    arch = (
        curve([low, (0.4 * wide, shoulder[1] + 0.08), shoulder], random, 0.015)
        if random.random() < 0.6
        else line(low, shoulder)
    )
    leg_top = (shoulder[0] + random.uniform(-0.02, 0.06), shoulder[1] - max(0.0, random.normal(0.0, 0.15)))
    leg = line(leg_top, (shoulder[0] + random.normal(-0.03, 0.07), random.uniform(0.95, 1.25)), random.normal(0, 0.03))
    return [np.concatenate([left, arch, leg])] if random.random() < 0.5 else [np.concatenate([left, arch]), leg]


def crossed_seven(random: Random) -> list[Stroke]:
    """A seven like a t: a short top, at times a mere tick, a steep stem and a bar through its middle."""
    short, lean = random.uniform(0.05, 0.35), random.uniform(-0.1, 0.25)
    corner = (short, random.normal(0, 0.03))
    foot = (short - lean, 1.0)
    body = [
        line((0, random.uniform(0, 0.15)), corner, random.normal(0, 0.05)),
        line(corner, foot, random.normal(0, 0.05)),
    ]
    if random.random() < 0.25:
        body.append(line(foot, (foot[0] + random.uniform(0.08, 0.3), random.uniform(0.9, 1.0))))
    middle = np.array(corner) * 0.5 + np.array(foot) * 0.5 + np.array([0, random.normal(0, 0.08)])
    half = np.array([random.uniform(0.15, 0.5), random.normal(0, 0.06)])
    return [np.concatenate(body), line(middle - half, middle + half)]


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


def letter_one(random: Random) -> list[Stroke]:
    """A one like the letter l: from the middle up, round a long loop, and down, at times with a foot."""
    wide, cross = random.uniform(0.1, 0.28), random.uniform(0.45, 0.8)
    start = (random.uniform(-0.35, -0.05), cross + random.uniform(-0.1, 0.15))
    foot = [(random.uniform(-0.06, 0.06), 0.97)]
    if random.random() < 0.3:
        foot.append((foot[0][0] + random.uniform(0.08, 0.25), random.uniform(0.88, 1.0)))
    return [
        curve(
            [start, (0.3 * wide, cross - 0.15), (wide, 0.15), (0.6 * wide, 0.0), (0.05, 0.18), (0, cross), *foot],
            random,
            0.015,
        )
    ]


def ring_headed_two(random: Random) -> list[Stroke]:
    """A two whose head is a whole ring."""
    wide, high = random.uniform(0.2, 0.36), random.uniform(0.2, 0.34)
    angles = np.radians(random.uniform(60, 150) + np.linspace(0, random.uniform(270, 350), 24))
    ring = np.column_stack([wide + wide * np.cos(angles), high + high * np.sin(angles)])
    left, loop = random.uniform(-0.12, 0.12), random.uniform(0, 0.18)
    down = [ring[-1], (1.3 * wide, 1.7 * high), (left + 0.1, 0.96)]
    if loop > 0.06:
        down += [(left - 0.02, 0.97 - loop / 2), (left + 0.1, 0.97 - loop)]
    end = (left + random.uniform(1.6, 3.2) * wide, random.uniform(0.88, 1.05))
    return [np.concatenate([ring, curve([*down, (left + 1.1 * wide, 0.96), end], random, 0.012)])]


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


def knotted_zero(random: Random) -> list[Stroke]:
    """A zero whose stroke closes in a knot inside its top and leaves to the right, on to the next digit."""
    wide, turn = random.uniform(0.3, 0.55), random.uniform(280, 330)
    angles = np.radians(-90 + random.uniform(0, 50) - np.linspace(0, turn, 30))
    ring = np.column_stack([wide + wide * np.cos(angles), 0.5 + 0.5 * np.sin(angles)])
    deep, reach = random.uniform(0.1, 0.36), random.uniform(-0.1, 0.5)
    knot = [ring[-1], (wide * random.uniform(0.6, 1.0), deep * 0.4), (wide * random.uniform(0.3, 0.8), deep)]
    end = ((2 + reach) * wide, deep + random.uniform(-0.15, 0.1))
    return [np.concatenate([ring, curve([*knot, (wide * random.uniform(0.9, 1.3), deep + 0.04), end], random, 0.02)])]


def waved_one(random: Random) -> list[Stroke]:
    """A flag that swings up to the top of the stem, long and bent, where a seven has a level top."""
    long = random.uniform(0.18, 0.5)
    deep = random.uniform(max(0.15, 0.6 * long), 0.65)
    bend = (-0.55 * long, deep * random.uniform(0.45, 0.85))
    flag = curve([(-long, deep), bend, (0, 0)], random, 0.02)
    stem = line((0, 0), (random.normal(-0.05, 0.08), 1.0), random.normal(0, 0.03))
    return [np.concatenate([flag, stem])]


def looped_seven(random: Random) -> list[Stroke]:
    """A seven like an f: a narrow loop at the top of a long stem, and a bar through its middle."""
    [stem] = letter_one(random)
    half, high = random.uniform(0.12, 0.35), random.uniform(0.4, 0.65)
    middle, tilt = random.uniform(0, 0.08), random.normal(0, 0.06)
    return [stem, line((middle - half, high + tilt), (middle + half, high - tilt), random.normal(0, 0.04))]


def open_eight(random: Random) -> list[Stroke]:
    """A loop at the bottom whose ends cross and part at the top."""
    wide = random.uniform(0.3, 0.6)
    cross = (0.5 * wide, random.uniform(0.35, 0.55))
    start, end = (wide, random.uniform(0, 0.12)), (random.uniform(-0.1, 0.15), random.uniform(0, 0.2))
    return [curve([start, cross, (0.08 * wide, 0.8), (0.5 * wide, 1), (0.92 * wide, 0.8), cross, end], random, 0.02)]


HASTY: Counts = (
    (0, arch_zero, 300),
    (0, knotted_zero, 3000),
    (1, roof_one, 2000),
    (1, waved_one, 4000),
    (1, looped_one, 800),
    (1, letter_one, 1500),
    (2, looped_head_two, 1500),
    (2, ring_headed_two, 3000),
    (4, h_four, 2000),
    (5, root_five, 2500),
    (5, bent_five, 900),
    (7, crossed_seven, 1500),
    (7, looped_seven, 1200),
    (8, open_eight, 900),
    (9, p_nine, 4000),
    (9, ringed_nine, 3000),
)

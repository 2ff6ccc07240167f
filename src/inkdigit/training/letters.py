"""Letters and signs as strokes, written by a hand that is never twice the same.

The alphabet is a table of our own. A sign is a list of strokes on a grid of 10 by 10: "09 40,89|15 65" is an A whose
first stroke goes from (0, 9) to (4, 0), turns a corner there and goes on to (8, 9), and whose second is its bar.
Points of one stroke without a comma between them are joined by a smooth curve.
"""

import itertools
from functools import cache

import numpy as np
from numpy.typing import NDArray

Stroke = NDArray[np.float64]  # (M, 2): x to the right, y down
Random = np.random.Generator

# What a careful reader may take for a digit: O, o and 0; I, l, | and other plain lines or dots, and 1; Z, z and 2; S, s
# and 5; b and 6; q, g and 9. None of them trains as "not a digit", and benchmarks score them apart.
AMBIGUOUS = frozenset("OoIl|/\\'`,.()ZzSsbqg")
# What some hands write like a 3: it does not train, nor is it scored apart.
DOUBTFUL = frozenset("}")

ALPHABET: dict[str, tuple[str, ...]] = {
    "A": ("09 40,89|15 65", "09 40|40 89|05 75", "09 12 30 60 82 89|05 85"),
    "B": ("00 09|00 50 72 54 04|04 64 87 69 09", "09 00,50 62 54 14,65 77 59 09"),
    "C": ("81 50 21 04 17 49 88", "82 60 20 03 06 29 69 87"),
    "D": ("00 09|00 50 83 86 59 09", "10 19|00 40 72 76 49 09"),
    "E": ("80 00,09,89|04 64", "00 09|00 80|04 64|09 89", "71 40 22 44,16 29 59 78"),
    "F": ("80 00,09|04 64", "00 09|00 80|04 54", "10 19|00 90|14 64"),
    "G": ("81 50 21 04 17 49 88,85,45", "82 50 14 48 86|45 85,89", "81 40 04 28 68 85,55|85 89"),
    "H": ("00 09|80 89|04 84", "00 09,04,74,70,79"),
    "J": ("70 76 59 28 06|30 90", "70 76 59 28 06"),
    "K": ("00 09|80 04,89", "00 09|70 05|25 89", "10 19|81 44 15,45 68 89"),
    "L": ("00 09,79", "10 09,89", "51 30 23 26 08,28 58 89"),
    "M": ("09 00,45,80,89", "09 10,46,70,89", "09 00|02 20 42 49|42 60 82 89"),
    "N": ("09 00,89,80", "00 09|00 89|89 80", "09 10,79,90"),
    "P": ("00 09|00 50 72 65 05", "10 19|00 40 72 54 14"),
    "Q": ("40 11 04 17 49 77 84 71 40|56 99", "50 11 04 17 49 77 84 71 40|46 67 99"),
    "R": ("00 09|00 50 72 55 05,89", "10 19|00 50 72 54 14|44 89"),
    "T": ("00 80|40 49", "00 90|50 48", "02 00,90,92|40 49"),
    "U": ("00 06 29 59 86 80", "00 05 28 58 85 80,89"),
    "V": ("00 49,80", "00 39,70 90"),
    "W": ("00 29,43,69,90", "00 07 28 45 40|45 68 87 90", "00 19,40,69,90"),
    "X": ("00 89|80 09", "00 30 69 99|80 09"),
    "Y": ("00 44,80|44 49", "00 35|80 35,39"),
    "a": ("71 40 12 05 18 48 74|70 76 89", "12 40 71 75 79|74 44 16 28 58 76", "82 50 13 06 19 48 82,78 99"),
    "c": ("81 50 21 04 17 49 88", "70 30 04 39 79"),
    "d": ("74 43 15 07 19 49 76|70 79", "74 43 15 07 19 49 76,70,78 99"),
    "e": ("05 45 84 72 41 13 06 18 49 87", "06 74 62 41 14 17 49 87", "07 36 62 40 14 18 59 96"),
    "f": ("80 51 43 49|14 84", "70 40 34 39|04 74", "06 34 60 41 35 39|04 74"),
    "h": ("00 09|06 34 64 76 79", "10 19|15 44 74 79 99", "05 32 30 14 19,15 44 66 69 89"),
    "i": ("43 49|40 41", "24 44,48 69|40 41", "06 34,38 59 87|31 40"),
    "j": ("53 58 39 18|50 51", "33 53,57 39 17|50 61"),
    "k": ("00 09|63 06,79", "10 19|74 16|36 89", "05 32 30 14 19,15 44 54 36 16,58 89"),
    "m": ("03 09|05 23 44 49|45 63 84 89", "04 13 19,15 33 45 49,45 63 75 79 99"),
    "n": ("03 09|05 23 64 69", "04 13 19,15 43 65 69 99", "06 23 19,34 54 59 88"),
    "p": ("00 09|01 40 73 46 05", "10 19|12 41 72 75 46 15", "03 10 19,12 50 73 55 15"),
    "r": ("03 09|05 24 53 74", "13 19,15 34 64", "07 24 33,63,58 79 97"),
    "t": ("40 47 59 78|03 83", "40 49|03 83", "06 40,37 59 87|13 73"),
    "u": ("03 07 29 57 63,69", "00 06 29 67 80,89", "05 13 18 49 73,78 99"),
    "v": ("00 49,80", "02 11 49 82 91"),
    "w": ("00 29,43,69,90", "01 10 17 39 55 50|55 79 97 90 91"),
    "x": ("00 89|80 09", "01 20 58 79 98|80 09"),
    "y": ("00 44|80 19", "01 20 35 55 80|80 68 49 18 17 56 84"),
    "α": ("80 56 38 06 14 33 56 89",),
    "λ": ("00 20 44 89|44 09",),
    "μ": ("00 09|05 27 56 60,79",),
    "π": ("00 80|20 19|60 68 79", "02 10 90|30 28 19|60 67 79 98"),
    "ψ": ("00 04 47 84 80|40 49",),
    "ω": ("20 03 08 29 46,69 98 93 70",),
    "Σ": ("81 80,00,44,09,89,88",),
    "Δ": ("09 40,89,09",),
    "Ω": ("09 29,26 04 12 40 72 84 66,69,99",),
    "Γ": ("09 00,70",),
    "Ж": ("00 89|80 09|40 49",),
    "И": ("00 09,80,89",),
    "Ш": ("00 09,89,80|40 49",),
    "Я": ("80 89|80 30 12 25 85|45 09",),
    "Ю": ("00 09|04 34|60 42 37 59 86 82 60",),
    "大": ("03 93|40 43 09|43 89",),
    "木": ("03 93|40 49|43 08|43 88",),
    "中": ("02 06|02 82,86|06 86|40 49",),
    "田": ("00 09|00 80,89|09 89|40 49|04 84",),
    "人": ("40 35 09|35 89",),
    "サ": ("03 93|30 36|70 75 39",),
    "キ": ("13 82|05 94|30 59",),
    "+": ("40 49|04 94", "41 48|14 84"),
    "-": ("05 95", "04 54 95"),
    "=": ("03 93|06 96", "02 92|07 97"),
    "*": ("40 49|02 87|82 07", "40 49|04 94|11 88|81 18"),
    "#": ("30 19|70 59|03 93|06 96", "20 29|60 69|03 93|06 96"),
    "&": ("89 33 21 40 52 44 07 19 49 86", "88 31 40 52 15 07 29 59 86"),
    "%": ("90 09|21 12 23 32 21|76 67 78 87 76", "80 19|20 01 13 32 20|76 57 69 88 76"),
    "@": ("64 44 46 65 63,66 85 73 41 14 16 49 88", "63 43 35 47 66 63,67 86 82 50 12 05 29 69 98"),
    "$": ("71 41 12 34 65 77 48 17|40 49", "72 41 12 44 66 48 17|30 39|50 59"),
    "?": ("11 40 71 63 45 46|48 49", "01 30 61 63 35 36|38 49"),
    "<": ("80 04,89", "91 05,98"),
    ">": ("00 84,09", "01 95,08"),
    "[": ("60 20,29,69",),
    "]": ("20 60,69,29",),
    "{": ("60 41 43,25,46 48 69",),
    "~": ("06 23 45 67 84", "05 13 34 56 75 93"),
    "^": ("05 41,85",),
    '"': ("20 24|60 64", "30 14|70 54"),
    ":": ("41 42|48 49", "40 31|38 48"),
    ";": ("41 42|46 29", "40 41|47 39"),
    "!": ("40 45|48 49", "50 45|49 39"),
    "÷": ("04 94|41 42|47 48",),
    "±": ("40 47|03 83|09 89",),
    "≠": ("03 93|06 96|80 19",),
    "≈": ("04 23 44 65 83|07 26 47 68 86",),
    "√": ("05 15,39,60,90",),
    "£": ("71 50 32 36 19,89|05 55",),
    "€": ("82 51 22 04 16 28 59 87|04 64|06 56",),
    "¥": ("00 44,80|44 49|15 75|17 77",),
    "∀": ("00 49,80|24 64",),
    "∈": ("80 30 03 06 39 89|04 74",),
    "→": ("04 94|61 94,67", "05 94|72 94,77"),
    "←": ("04 94|31 04,37",),
    "↑": ("40 49|13 40,73",),
    "↓": ("40 49|16 49,76",),
    "↔": ("05 95|23 05,27|73 95,77",),
    "✓": ("05 29,90", "04 38,90", "15 39 91"),
    "✗": ("01 89|90 08", "00 35 89|81 45 09"),
    "♥": ("42 20 02 14 49,84 92 70 42",),
    "★": ("19 40,79,03,93,19",),
}
DOTTED = frozenset('ij!:;?"÷=%')  # signs of which a wide pen would close the gaps
CORNERED = frozenset("BDG")  # signs that would be a digit if their corners were rounded
LEVEL = frozenset("-")  # signs that would be another one if they were turned
LATIN = tuple(sign for sign in ALPHABET if sign.isascii() and sign.isalpha())
OTHERS = tuple(sign for sign in ALPHABET if sign not in LATIN)


def letter(random: Random) -> tuple[str, list[Stroke]]:
    """A sign of the alphabet and its strokes as one hand writes it, in units of about the sign's height."""
    signs = LATIN if random.random() < 0.6 else OTHERS
    sign = signs[random.integers(len(signs))]
    variants = len(ALPHABET[sign])
    return sign, write(sign, int(random.integers(variants)), random)


def write(sign: str, variant: int, random: Random) -> list[Stroke]:
    """The strokes of a sign with a hand's carelessness: points astray, corners rounded, strokes of other length."""
    care = random.gamma(3.0, 0.007)
    rounded = sign not in CORNERED and random.random() < 0.2
    strokes = []
    for pieces in _parsed(ALPHABET[sign][variant]):
        astray = [piece + random.normal(0, care, piece.shape) for piece in pieces]
        strokes.append(smooth(_rounded(astray)) if rounded else np.concatenate([smooth(p) for p in _joined(astray)]))
    return bent([_displaced(stroke, random) for stroke in strokes], random, level=sign in LEVEL)


def bent(strokes: list[Stroke], random: Random, level: bool = False) -> list[Stroke]:
    """Strokes slanted, turned, stretched and bent together, as one hand does to all that it writes."""
    angle, slant = random.normal(0, 0.05 if level else 0.11), random.normal(0, 0.0 if level else 0.17)
    cos, sin = np.cos(angle), np.sin(angle)
    matrix = np.array([[cos, sin], [-sin, cos]]) @ np.array([[np.exp(random.normal(-0.08, 0.22)), -slant], [0, 1]])
    strength, pace, phase = random.normal(0, 0.025, 2), random.uniform(2, 7, 2), random.uniform(0, 6.28, 2)
    return [
        (stroke + strength * np.sin(stroke[:, ::-1] * pace + phase)) @ matrix.T
        + random.normal(0, 0.004, (len(stroke), 2))
        for stroke in strokes
    ]


@cache
def _parsed(text: str) -> tuple[tuple[Stroke, ...], ...]:
    """Strokes, each of its pieces between two corners."""
    strokes = []
    for stroke in text.split("|"):
        pieces = [
            np.array([[int(axis) for axis in point] for point in piece.split()]) / 9 for piece in stroke.split(",")
        ]
        joined = [pieces[0]] + [np.vstack([a[-1:], b]) for a, b in itertools.pairwise(pieces)]
        strokes.append(tuple(joined))
    return tuple(strokes)


def _joined(pieces: list[Stroke]) -> list[Stroke]:
    """Pieces that went astray at a corner meet there again."""
    for before, after in itertools.pairwise(pieces):
        after[0] = before[-1]
    return pieces


def _rounded(pieces: list[Stroke]) -> Stroke:
    """One run of points: a smooth curve through it goes round the corners."""
    return np.concatenate([pieces[0], *(piece[1:] for piece in pieces[1:])])


def smooth(points: Stroke, steps: int = 6) -> Stroke:
    """A curve through the points (Catmull-Rom)."""
    if len(points) == 2:
        return np.asarray(points[0] + np.linspace(0, 1, steps)[:, None] * (points[1] - points[0]))
    padded = np.vstack([2 * points[0] - points[1], points, 2 * points[-1] - points[-2]])
    a, b, c, d = (padded[i : len(padded) - 3 + i, None] for i in range(4))
    t = np.linspace(0, 1, steps)[None, :, None]
    curve = b + t * (c - a) / 2 + t**2 * (a - 2.5 * b + 2 * c - d / 2) + t**3 * (1.5 * (b - c) + (d - a) / 2)
    return np.asarray(curve.reshape(-1, 2))


def _displaced(stroke: Stroke, random: Random) -> Stroke:
    """The stroke a little elsewhere and of a little other size: pens are lifted and put down carelessly."""
    middle = stroke.mean(axis=0)
    return np.asarray(middle + (stroke - middle) * random.normal(1, 0.07, 2) + random.normal(0, 0.02, 2))

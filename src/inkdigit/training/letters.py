"""Letters and signs as strokes, written by a hand that is never twice the same.

The alphabet is a table of our own. A sign is a list of strokes on a grid of 10 by 10: "09 40,89|15 65" is an A whose
first stroke goes from (0, 9) to (4, 0), turns a corner there and goes on to (8, 9), and whose second is its bar.
Points of one stroke without a comma between them are joined by a smooth curve. A stroke of a single point is a dot.
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
    "A": (
        "09 40,89|15 65",
        "09 40|40 89|05 75",
        "09 12 30 60 82 89|05 85",
        "09 40 89|16 76",
        "09 30,79|15 64",
        "08 13 30 50 73 79|05 75",
        "09 50,79|25 66",
        "09 04 20 60 84 89|05 85",
        "09 40,89|05 95",
        "19 40 79|16 66",
    ),
    "B": (
        "00 09|00 50 72 54 04|04 64 87 69 09",
        "09 00,50 62 54 14,65 77 59 09",
        "10 19|00 50 72 54 14,54 87 69 09",
        "00 09|00 60 82 64 04,64 97 79 09",
        "00 09|01 40 62 44 14|44 77 59 09",
        "10 19|10 50 63 44 14,54 76 59 19",
        "00 09|20 60 72 54 34,64 77 59 19",
        "10 19|00 60 83 54 24,74 97 69 09",
    ),
    "C": ("81 50 21 04 17 49 88", "82 60 20 03 06 29 69 87"),
    "D": (
        "00 09|00 50 83 86 59 09",
        "10 19|00 40 72 76 49 09",
        "00 09|00 60 93 96 69 09",
        "00 09,59 86 83 50 00",
        "10 19|00 60 83 86 59 09",
        "00 09|00 40 63 66 39 09",
        "20 29|00 60 93 96 69 09",
        "09 00,50 83 86 59 09",
        "00 09,49 85 50 10",
    ),
    "E": ("80 00,09,89|04 64", "00 09|00 80|04 64|09 89", "71 40 22 44,16 29 59 78"),
    "F": ("80 00,09|04 64", "00 09|00 80|04 54", "10 19|00 90|14 64"),
    "G": (
        "81 50 21 04 17 49 88,85,45",
        "82 50 14 48 86|45 85,89",
        "81 40 04 28 68 85,55|85 89",
        "80 50 20 03 06 29 69 87 85,45",
        "91 60 20 03 07 39 69 85|45 95,99",
        "72 50 20 03 06 29 59 76,36",
        "81 50 20 03 07 29 69,65,95",
        "81 40 03 06 29 79|75 79|45 95",
        "80 10 00 09 89,85,45",
        "91 60 20 04 07 39 79 96,55,95|95 99",
    ),
    "H": ("00 09|80 89|04 84", "00 09,04,74,70,79"),
    "J": (
        "70 76 59 28 06|30 90",
        "70 76 59 28 06",
        "80 87 59 28 06",
        "60 67 49 18 06|20 90",
        "20 90|60 67 49 18 06",
        "10 90|50 57 39 18 07",
        "00 80|60 66 48 29 07",
        "50 57 39 08",
        "30 80|60 68 39 07",
        "90 97 69 29 06",
    ),
    "K": ("00 09|80 04,89", "00 09|70 05|25 89", "10 19|81 44 15,45 68 89"),
    "L": ("00 09,79", "10 09,89", "51 30 23 26 08,28 58 89"),
    "M": ("09 00,45,80,89", "09 10,46,70,89", "09 00|02 20 42 49|42 60 82 89"),
    "N": ("09 00,89,80", "00 09|00 89|89 80", "09 10,79,90"),
    "P": ("00 09|00 50 72 65 05", "10 19|00 40 72 54 14"),
    "Q": (
        "40 11 04 17 49 77 84 71 40|56 99",
        "50 11 04 17 49 77 84 71 40|46 67 99",
        "40 11 04 17 49 77 84 71 40|66 99",
        "50 20 03 06 29 59 86 83 50|46 67 99",
        "40 10 04 08 49 88 84 60 40|68 99",
        "50 20 03 06 29 59 86 83 50|36 57 88 97",
        "40 11 04 17 49 77 84 71 40|75 89",
        "30 11 03 06 28 58 76 72 40 20|45 99",
        "50 20 03 06 29 69 96 93 70 40|57 99",
    ),
    "R": ("00 09|00 50 72 55 05,89", "10 19|00 50 72 54 14|44 89"),
    "T": (
        "00 80|40 49",
        "00 90|50 48",
        "02 00,90,92|40 49",
        "01 90|40 49",
        "00 80|40 38",
        "00 80|50 39",
        "10 80|40 49",
        "00 60|30 39",
        "00 91|50 59",
        "02 00,80,82|40 49,29",
    ),
    "U": (
        "00 06 29 59 86 80",
        "00 05 28 58 85 80,89",
        "00 07 29 69 97 90",
        "00 06 38 66 70",
        "10 07 29 68 90",
        "00 06 29 59 86 80,89",
        "01 15 29 58 82 90",
        "00 07 29 59 77 70,78 99",
    ),
    "V": ("00 49,80", "00 39,70 90"),
    "W": ("00 29,43,69,90", "00 07 28 45 40|45 68 87 90", "00 19,40,69,90"),
    "X": ("00 89|80 09", "00 30 69 99|80 09"),
    "Y": (
        "00 44,80|44 49",
        "00 35|80 35,39",
        "00 45|90 45 49",
        "00 34|70 34 39",
        "10 44,80|44 39",
        "00 43,90|43 49",
        "00 44|80 29",
        "00 45 80|45 59",
        "01 20 44|90 44 49",
    ),
    "a": (
        "71 40 12 05 18 48 74|70 76 89",
        "12 40 71 75 79|74 44 16 28 58 76",
        "82 50 13 06 19 48 82,78 99",
        "81 40 12 06 29 58 81,79",
        "80 30 03 06 29 58 80,78 99",
        "62 30 03 07 39 67 81,79",
        "50 12 06 29 58 81 80,77 99",
        "12 30 60 73 79,76 48 18 06 15 45 75",
        "13 10 50 72 74 79 99|74 35 06 18 48 76",
        "11 40 71 74 78 99|74 44 15 07 29 58 76",
        "61 30 03 06 29 58 64|81 78 99",
        "11 30 60 73,78|74 45 16 08 29 58 76",
        "70 40 13 06 28 57 81,78 99",
        "01 30 60 73 78 99|75 35 07 29 58 77",
        "92 50 13 06 29 59 82|80 78 99",
    ),
    "c": ("81 50 21 04 17 49 88", "70 30 04 39 79"),
    "d": (
        "74 43 15 07 19 49 76|70 79",
        "74 43 15 07 19 49 76,70,78 99",
        "74 43 14 07 19 49 77|70 79 99",
        "84 54 15 08 29 69 86,80,79",
        "65 34 05 08 29 58 66,70,78",
        "63 33 06 09 39 67,80,78 99",
        "75 45 16 18 49 77 70 79",
        "74 54 36 38 59 77|70 79",
        "63 33 15 07 29 59 68|80 79",
        "70 79|74 43 15 07 19 49 77",
    ),
    "e": ("05 45 84 72 41 13 06 18 49 87", "06 74 62 41 14 17 49 87", "07 36 62 40 14 18 59 96"),
    "f": (
        "80 51 43 49|14 84",
        "70 40 34 39|04 74",
        "06 34 60 41 35 39|04 74",
        "81 60 42 47 29 08|14 74",
        "72 50 32 39|05 65",
        "90 50 32 39|14 64",
        "81 50 31 37 19|04 64",
        "61 40 21 29|04 54",
        "60 41 49|14 74",
        "92 70 42 48 39|15 75",
        "80 40 31 39|24 74",
    ),
    "h": (
        "00 09|06 34 64 76 79",
        "10 19|15 44 74 79 99",
        "05 32 30 14 19,15 44 66 69 89",
        "00 09,05 34 65 69",
        "10 09|05 43 64 69 89",
        "00 08|04 32 63 79",
        "01 09|04 43 75 79 99",
        "20 09|16 45 75 68",
        "00 09|06 24 55 59",
        "00 09,05,64,69",
    ),
    "i": (
        "43 49|40",
        "24 44,48 69|40",
        "06 34,38 59 87|41",
        "42 49|40",
        "43 49|50",
        "43 49|30",
        "45 49|60",
        "34 44 48 69|50",
        "33 38 58 76|40",
        "34 44,49|29 69|41",
        "53 39|60",
        "33 58|20",
        "44 49|41",
        "45 49|30",
        "13 33,38 59 78|40",
        "44 48 69|50",
    ),
    "j": (
        "53 58 39 18|50",
        "33 53,57 39 17|50",
        "54 57 39 19|51",
        "53 57 48 29 07|60",
        "53 56 38 09|40",
        "54 58 39 27|50",
        "73 77 49 18 06|70",
        "54 58 39 07|30",
        "34 64,67 49 19|61",
    ),
    "k": ("00 09|63 06,79", "10 19|74 16|36 89", "05 32 30 14 19,15 44 54 36 16,58 89"),
    "m": ("03 09|05 23 44 49|45 63 84 89", "04 13 19,15 33 45 49,45 63 75 79 99"),
    "n": ("03 09|05 23 64 69", "04 13 19,15 43 65 69 99", "06 23 19,34 54 59 88"),
    "p": (
        "00 09|01 40 73 46 05",
        "10 19|12 41 72 75 46 15",
        "03 10 19,12 50 73 55 15",
        "00 09|00 40 62 44 05",
        "03 13 19|14 42 73 65 36 16",
        "00 09,02 30 62 64 36 05",
        "10 09|11 50 72 54 15",
        "00 09|02 30 61 44 14",
        "10 19|10 50 72 64 34",
    ),
    "r": (
        "03 09|05 24 53 74",
        "13 19,15 34 64",
        "07 24 33,63,58 79 97",
        "00 09|04 21 50 71",
        "00 09,04 21 60",
        "10 19|13 41 80",
        "00 01 09|03 30 90",
        "00 09|05 23 42",
        "02 13 19,14 41 81",
        "00 22 29,23 50 80",
        "20 19|14 52 91",
        "00 09|04 20 50 72 63",
        "02 20 19|24 51 82",
        "00 09|03 40 71 73",
    ),
    "t": (
        "40 47 59 78|03 83",
        "40 49|03 83",
        "06 40,37 59 87|13 73",
        "30 37 49 68|03 63",
        "40 48 69|13 73",
        "50 38 59 77|04 84",
        "40 49|12 72",
        "40 39|02 82",
        "30 38,39 69|03 73",
        "40 49|05 85",
        "40 46 49 79|23 63",
        "20 27 39 58|03 73",
        "50 47 59 88|14 94",
    ),
    "u": (
        "03 07 29 57 63,69",
        "00 06 29 67 80,89",
        "05 13 18 49 73,78 99",
        "00 06 28 58 86 80",
        "01 05 28 59 87 81",
        "02 07 29 58 82,78 99",
        "00 07 29 68 80,87 99",
        "01 18 49 81,78 99",
        "12 17 39 67 72,79 99",
        "03 12 17 29 68 82,78 99",
        "03 06 29 69 96 93,99",
        "02 06 28 57 82 89",
    ),
    "v": ("00 49,80", "02 11 49 82 91"),
    "w": ("00 29,43,69,90", "01 10 17 39 55 50|55 79 97 90 91"),
    "x": ("00 89|80 09", "01 20 58 79 98|80 09"),
    "y": (
        "00 44|80 19",
        "01 20 35 55 80|80 68 49 18 17 56 84",
        "00 33|70 09",
        "10 35|80 29",
        "00 34|80 46 19 08",
        "00 35|90 49 08",
        "00 44,80 19",
        "00 34,80,09",
        "00 04 25 55 70,68 49 28 37 75",
        "00 13 34 64 80,68 59 38 46 84",
        "00 44|90 45 29 09",
        "01 20 44|80 44 18 09",
    ),
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
    "&": (
        "89 33 21 40 52 44 07 19 49 86",
        "88 31 40 52 15 07 29 59 86",
        "98 32 20 41 43 16 08 29 69 95",
        "70 30 12 44|44 06 28 69 88|50 59",
        "99 31 30 51 43 15 08 39 68 84",
    ),
    "%": (
        "90 09|21 12 23 32 21|76 67 78 87 76",
        "80 19|20 01 13 32 20|76 57 69 88 76",
        "80 19|11|88",
        "90 09|21|78",
        "32 10 02 14 33 31 90,09|86 67 78 97 86",
        "30 02 13 33 30|80 19|76 58 69 88 76",
        "90 09|20 22|77 79",
    ),
    "@": ("64 44 46 65 63,66 85 73 41 14 16 49 88", "63 43 35 47 66 63,67 86 82 50 12 05 29 69 98"),
    "$": (
        "71 41 12 34 65 77 48 17|40 49",
        "72 41 12 44 66 48 17|30 39|50 59",
        "80 30 02 14 64 86 68 08|40 49",
        "72 50 22 13 44 75 77 49 18|50 49",
        "81 30 12 34 54 76 58 08|40 39|50 49",
        "81 31 12 34 64 77 58 08|45 49|40 42",
        "80 30 12 44 76 59 09|60 39",
    ),
    "?": (
        "11 40 71 63 45 46|49",
        "01 30 61 63 35 36|39",
        "02 20 50 72 54 46|49",
        "10 50 72 53 44 46|49",
        "00 60 72 54 35 36|39",
        "11 30 61 52 34 36|38",
        "02 10 50 72 64 44 46|39",
        "01 40 71 63 44|48",
        "10 60 73,35 36|39",
        "10 50 62 35|39",
        "11 40 71 63 45 46|59",
        "11 40 71 63 45 47|29",
        "03 10 60 83 56 47|59",
        "10 40 62 54 34 37|39",
    ),
    "<": ("80 04,89", "91 05,98"),
    ">": ("00 84,09", "01 95,08", "00 95,09", "10 74 19", "02 94,06", "10 75,19", "01 84,17"),
    "[": ("60 20,29,69",),
    "]": ("20 60,69,29", "10 60,69,19", "30 60,69,39", "00 70,79,09", "20 60,68,18", "30 70 79 39"),
    "{": ("60 41 43,25,46 48 69",),
    "~": ("06 23 45 67 84", "05 13 34 56 75 93"),
    "^": ("05 41,85", "08 40,88", "06 42 86", "05 40 85", "07 30,87"),
    '"': ("20 24|60 64", "30 14|70 54"),
    ":": ("41|48", "40|38", "42|47", "31|58", "52|39", "40|49"),
    ";": ("41|46 29", "40|47 39", "41|57 48 29", "51|56 38", "30|46 29", "40|45 47 19", "50|55 65 57 29", "42|46 49"),
    "!": ("40 46|49", "50 45|49", "30 46|49", "60 45|38", "40 47|49", "40 44|49", "40 46|59", "50 36|29"),
    "÷": ("04 94|41|48",),
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
# Signs that come nearest to a digit: a to 2, 8 and 9, d to 2 and 6, B to 8, D and Q to 0, G to 6, J to 3 and 5, y and Y
# to 4 and 9, ? and > to 7 and 2, the dotted ones to 1, and so on. They are drawn so many times as often as others.
HARD, OFTEN = frozenset("adfhijprtuyABDGJQTUY?!;:>]%$^&"), 4
CORNERED = frozenset("BDG")  # signs that would be a digit if their corners were rounded
LEVEL = frozenset("-")  # signs that would be another one if they were turned


def letter(random: Random) -> tuple[str, list[Stroke]]:
    """A sign of the alphabet and its strokes as one hand writes it, in units of about the sign's height."""
    sign = pick(tuple(ALPHABET), random)
    return sign, write(sign, int(random.integers(len(ALPHABET[sign]))), random)


def pick(signs: tuple[str, ...], random: Random) -> str:
    """One of the signs; hard ones come up more often."""
    pool = _pool(signs)
    return pool[random.integers(len(pool))]


@cache
def _pool(signs: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(sign for sign in signs for _ in range(OFTEN if sign in HARD else 1))


def write(sign: str, variant: int, random: Random) -> list[Stroke]:
    """The strokes of a sign with a hand's carelessness: points astray, corners rounded, strokes of other length."""
    care = random.gamma(3.0, 0.007 if random.random() < 0.85 else 0.012)
    rounded = sign not in CORNERED and random.random() < 0.2
    strokes = []
    for pieces in _parsed(ALPHABET[sign][variant]):
        if pieces[0].shape == (1, 2):
            strokes.append(_dot(pieces[0][0], random))
            continue
        astray = [piece + random.normal(0, care, piece.shape) for piece in pieces]
        strokes.append(smooth(_rounded(astray)) if rounded else np.concatenate([smooth(p) for p in _joined(astray)]))
    return bent([_displaced(stroke, random) for stroke in strokes], random, level=sign in LEVEL)


def _dot(point: Stroke, random: Random) -> Stroke:
    """A dot as people make it: a point, a dash in any direction or a tiny ring, about where it belongs."""
    middle = point + random.normal(0, (0.05, 0.025))
    form = random.random()
    if form < 0.12:
        turn = np.linspace(0, random.uniform(4.5, 6.6), 12) + random.uniform(0, 6.28)
        return np.asarray(middle + random.uniform(0.03, 0.06) * np.column_stack([np.cos(turn), np.sin(turn)]))
    reach = random.uniform(0.0, 0.02) if form < 0.55 else random.uniform(0.03, 0.08)
    angle = random.uniform(0, 3.14)
    along = reach * np.array([np.cos(angle), 0.7 * np.sin(angle)])
    return np.array([middle - along, middle + along])


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

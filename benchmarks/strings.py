"""Numbers written in a line, as picture files: what readers of whole numbers are measured on.

MNIST digits are set side by side, apart or touching, and photographed in imagination; so are the pen strokes of people,
each number by one of them, as they would stand on the page's pad; real cheques and the cells of a real form come as
they are. Every picture is a whole PNG or JPEG file, so that all readers are given the same bytes.
"""

import io
import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter

from benchmarks.drawings import MISLABELLED, PEN_FILE, SHARED, encode_png
from benchmarks.placements import CANVAS, Strokes, ink_strokes
from inkdigit.training.dataset import Digits

Random = np.random.Generator
Levels = NDArray[np.uint8]  # (H, W), 0 is black ink and 255 is white paper

EACH = 200  # pictures of a composed row
SEED = 20_260
SCALE = 4  # times the size of MNIST's digits
INK = 64  # level from which on a pixel of a digit counts as ink
APART, TOUCHING = (3, 6), (-4, -1)  # pixels of MNIST between the ink of neighbours, from and to
LONG = (6, 10)  # digits, from and to
PEN = 12  # pixels, of the pad's pen on a number
PEN_HEIGHT = 120  # pixels, of its digits; each is up to a tenth smaller or larger
PEN_APART, PEN_CLOSE = (0.15, 0.45), (-0.05, 0.15)  # heights of a digit between neighbours, from and to
PEN_DIGITS = (2, 6)  # of a number, from and to
CHEQUES, CELLS = "cheque_numbers_dev", "photo_digits_dev"


@dataclass(frozen=True, slots=True)
class Strings:
    """A row of the table: `pictures[i]` is a whole PNG or JPEG file and shows the digits `truths[i]`."""

    name: str
    pictures: tuple[bytes, ...]
    truths: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.truths)


def all_strings(digits: Digits, each: int = EACH, folder: Path = SHARED) -> list[Strings]:
    """The composed rows, and the real ones where their files are there.

    Args:
        digits: of MNIST, to compose lines from.
        each: pictures of each composed row.
        folder: of the real ones.
    """
    rows = [clean(digits, each), touching(digits, each), long(digits, each)]
    if (folder / f"{PEN_FILE}.npz").is_file():
        rows += penned(folder, each)
    rows += [read(folder) for name, read in REAL.items() if (folder / f"{name}.npz").is_file()]
    return [*rows, photographed(digits, each)]


# ---- composed of MNIST digits ----


def clean(digits: Digits, count: int = EACH) -> Strings:
    """Four digits, apart."""
    return _composed("four digits, 3 to 6 px apart", digits, count, 1, (4, 4), APART, as_png)


def touching(digits: Digits, count: int = EACH) -> Strings:
    """Four digits, the boxes of neighbours one over the other."""
    return _composed("four digits, overlapping by 1 to 4 px", digits, count, 2, (4, 4), TOUCHING, as_png)


def long(digits: Digits, count: int = EACH) -> Strings:
    """Six to ten digits, apart."""
    return _composed("six to ten digits, 3 to 6 px apart", digits, count, 3, LONG, APART, as_png)


def photographed(digits: Digits, count: int = EACH) -> Strings:
    """Four digits, apart, as a phone would see them on paper."""
    return _composed("four digits as in a photo", digits, count, 4, (4, 4), APART, as_photo)


def _composed(
    name: str,
    digits: Digits,
    count: int,
    seed: int,
    length: tuple[int, int],
    gap: tuple[int, int],
    encode: Callable[[Levels, Random], bytes],
) -> Strings:
    random = np.random.default_rng([SEED, seed])
    pictures, truths = [], []
    for _ in range(count):
        rows = random.integers(len(digits), size=random.integers(length[0], length[1] + 1))
        gaps = random.integers(gap[0], gap[1] + 1, size=len(rows) - 1)
        pictures.append(encode(enlarged(side_by_side(digits.images[rows], gaps.tolist())), random))
        truths.append("".join(map(str, digits.labels[rows])))
    return Strings(name, tuple(pictures), tuple(truths))


def side_by_side(images: NDArray[np.uint8], gaps: Sequence[int]) -> NDArray[np.uint8]:
    """Digits in a line.

    Args:
        images: (N, 28, 28), 0 is paper and 255 is full ink.
        gaps: (N - 1) columns between the ink of neighbours; negative ones let their boxes overlap.

    Returns:
        (28, W), the same way; the outer margins are those of the first and the last picture.
    """
    inked = [np.flatnonzero((image >= INK).any(axis=0)) for image in images]
    lefts = [0]
    for before, after, gap in zip(inked, inked[1:], gaps, strict=False):
        lefts.append(int(lefts[-1] + before[-1] + 1 + gap - after[0]))
    first = min(lefts)
    line = np.zeros((images.shape[1], max(lefts) - first + images.shape[2]), np.uint8)
    for image, left in zip(images, lefts, strict=True):
        place = line[:, left - first : left - first + images.shape[2]]
        np.maximum(place, image, out=place)
    return line


def enlarged(ink: NDArray[np.uint8]) -> Levels:
    """Ink, 255 where it is full, as black on white and four times as large."""
    height, width = ink.shape
    page = Image.fromarray(255 - ink).resize((SCALE * width, SCALE * height), Image.Resampling.BICUBIC)
    return np.asarray(page)


def as_png(line: Levels, _random: Random) -> bytes:
    """The line as it is."""
    return encode_png(line)


def as_photo(line: Levels, random: Random) -> bytes:
    """The line on paper: turned by up to 5 degrees, unevenly lit, blurred, with noise, as JPEG."""
    ink = _turned(line, random)
    colours = _paper(random) + ink[..., None] * (_pen(random) - _paper(random))
    lit = colours * _light(ink.shape, random)[..., None]
    grainy = lit + random.normal(0, random.uniform(2, 8), lit.shape)
    photo = Image.fromarray(np.rint(grainy.clip(0, 255)).astype(np.uint8))
    file = io.BytesIO()
    photo.save(file, "JPEG", quality=int(random.integers(40, 86)))
    return file.getvalue()


def _turned(line: Levels, random: Random) -> NDArray[np.float64]:
    """(H, W) ink in [0, 1], with more paper around it, turned and blurred."""
    margin = round(len(line) * random.uniform(0.05, 0.25))
    page = Image.fromarray(np.pad(line, margin, constant_values=255))
    angle = random.uniform(-5, 5)
    page = page.rotate(angle, Image.Resampling.BICUBIC, expand=True, fillcolor=255)
    return 1 - np.asarray(page.filter(ImageFilter.GaussianBlur(random.uniform(0.5, 1.8))), np.float64) / 255


def _paper(random: Random) -> NDArray[np.float64]:
    """(3,) levels of red, green and blue: white to yellowish."""
    return random.uniform(190, 245) - np.array([0, random.uniform(0, 6), random.uniform(0, 25)])


def _pen(random: Random) -> NDArray[np.float64]:
    """(3,) levels of red, green and blue: pencil, black ink or blue."""
    dark = random.uniform(20, 100)
    return np.array([dark, dark, dark + random.choice([0, random.uniform(20, 90)])])


def _light(shape: tuple[int, ...], random: Random) -> NDArray[np.float64]:
    """(H, W) shares of the light, up to 1: it falls off to one side, and a soft shadow lies over a part."""
    y, x = np.mgrid[-1 : 1 : shape[0] * 1j, -1 : 1 : shape[1] * 1j]
    towards, where = random.uniform(0, 2 * np.pi, 2)
    slope = 1 - random.uniform(0.05, 0.4) * (1 + (x * np.cos(towards) + y * np.sin(towards)) / np.sqrt(2)) / 2
    depth, edge = random.uniform(0, 0.4), x * np.cos(where) + y * np.sin(where) - random.uniform(-0.8, 0.8)
    return np.asarray(slope * (1 - depth / (1 + np.exp(-edge * random.uniform(3, 15)))))


# ---- pen strokes of people ----


def penned(folder: Path = SHARED, count: int = EACH) -> list[Strings]:
    """Numbers of two to six digits on the pad, each in one person's hand, with room between them and without."""
    with np.load(folder / f"{PEN_FILE}.npz") as file:
        points, labels, writers = file["points"], file["label"], file["contributor"]
        drawn = [points[start:end] for start, end in itertools.pairwise(file["offsets"])]
    right = np.setdiff1d(np.arange(len(labels)), sorted(MISLABELLED))
    hands = [right[writers[right] == writer] for writer in np.unique(writers)]
    rows = []
    for seed, (name, gap) in enumerate({"apart": PEN_APART, "close together": PEN_CLOSE}.items(), 5):
        random = np.random.default_rng([SEED, seed])
        numbers = [
            random.choice(hands[random.integers(len(hands))], random.integers(PEN_DIGITS[0], PEN_DIGITS[1] + 1))
            for _ in range(count)
        ]
        pictures = (encode_png(on_the_pad([drawn[row] for row in rows_of], gap, random)) for rows_of in numbers)
        truths = ("".join(map(str, labels[rows_of])) for rows_of in numbers)
        rows.append(Strings(f"two to six pen digits, {name} ({PEN_FILE})", tuple(pictures), tuple(truths)))
    return rows


def on_the_pad(digits: Sequence[Strokes], gap: tuple[float, float], random: Random) -> Levels:
    """Digits in a line, drawn with the pad's pen.

    Args:
        digits: the strokes of each, (M, 3) float32: x, y downwards, stroke number; any unit.
        gap: shares of their height between neighbours, from and to.
        random: for the gaps, and how far sizes and base lines differ.

    Returns:
        (280, W), 0 is black ink and 255 is white paper.
    """
    line, left, stroke = [], float(PEN_HEIGHT) / 2, 0.0
    for digit in digits:
        path, number = digit[:, :2].astype(np.float64), digit[:, 2]
        extent = np.ptp(path, axis=0)
        height = PEN_HEIGHT * random.uniform(0.9, 1.1)
        scale = height / max(extent[1], 0.6 * extent[0], 1e-9)
        base = CANVAS / 2 + PEN_HEIGHT * (0.5 + random.uniform(-0.06, 0.06))
        placed = (path - path.min(axis=0)) * scale + (left, base - extent[1] * scale)
        line.append(np.column_stack([placed, number - number.min() + stroke]))
        left += extent[0] * scale + PEN_HEIGHT * random.uniform(*gap)
        stroke = line[-1][:, 2].max() + 1
    width = round(max(part[:, 0].max() for part in line) + PEN_HEIGHT / 2)
    return ink_strokes(np.concatenate(line).astype(np.float32), PEN, width)


# ---- real ones ----


def cheques(folder: Path = SHARED) -> Strings:
    """Amounts on real cheques; the truths hold no separators."""
    with np.load(folder / f"{CHEQUES}.npz") as file:
        images, sizes, labels = file["image"], file["size"].tolist(), file["label"].tolist()
    pictures = (encode_png(image[:h, :w]) for image, (h, w) in zip(images, sizes, strict=True))
    return Strings(f"amounts on cheques ({CHEQUES})", tuple(pictures), tuple(labels))


def cells(folder: Path = SHARED) -> Strings:
    """Cells of a form, a digit in each, cut from a photo."""
    with np.load(folder / f"{CELLS}.npz") as file:
        images, labels = file["image"], file["label"].tolist()
    return Strings(f"cells of a form ({CELLS})", tuple(map(encode_png, images)), tuple(map(str, labels)))


REAL: dict[str, Callable[[Path], Strings]] = {CHEQUES: cheques, CELLS: cells}

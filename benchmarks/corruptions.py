"""How often the answer is wrong when the picture is spoilt: noise, blur, lines, shade, and more.

Every corruption is a few lines of numpy and Pillow. The libraries that have such sets are either no longer kept up
(imagecorruptions, imgaug) or bring OpenCV and SciPy along for what is needed here (albumentations). Strengths were
set by eye: a person still reads every digit. They are nobody's formulas, and nothing was trained on them.
"""

import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFilter

from benchmarks.accuracy import accuracy, baseline_answers, inverted_png, predict_all
from benchmarks.drawings import SHARED, Drawings, cache_folder, digest, encode_png, image_drawings
from benchmarks.environments import Environment
from benchmarks.setting import BASELINE, Setting
from benchmarks.table import markdown_table
from inkdigit import Recognizer

SCALE = 4  # canvas pixels for one of MNIST's
DIGITS = 500  # of the test set, spread evenly
MNIST_C = "mnist_c_dev"

Levels = NDArray[np.uint8]  # (112, 112), 0 is black ink and 255 is white paper
Corruption = Callable[[Levels, np.random.Generator], Levels]


@dataclass(frozen=True, slots=True)
class Errors:
    """The share of wrong answers of the three programs, in [0, 1]."""

    corruption: str
    n: int
    dense: float
    cnn: float
    ours: float


def _noise(page: Levels, random: np.random.Generator) -> Levels:
    return _levels(page + random.normal(0, 40, page.shape))


def _salt_and_pepper(page: Levels, random: np.random.Generator) -> Levels:
    dice = random.random(page.shape)
    return np.where(dice < 0.04, 0, np.where(dice > 0.96, 255, page)).astype(np.uint8)


def _blur(page: Levels, random: np.random.Generator) -> Levels:
    return np.asarray(Image.fromarray(page).filter(ImageFilter.GaussianBlur(random.uniform(4, 7))))


def _lines(page: Levels, random: np.random.Generator) -> Levels:
    sheet = Image.fromarray(page)
    for _ in range(2):
        start, stop = random.integers(0, page.shape[0], 2).tolist()
        ImageDraw.Draw(sheet).line((0, start, page.shape[1], stop), fill=0, width=4)
    return np.asarray(sheet)


def _occlusion(page: Levels, random: np.random.Generator) -> Levels:
    top, left = random.integers(24, 72, 2).tolist()
    covered = page.copy()
    covered[top : top + 16, left : left + 16] = 255
    return covered


def _weak_contrast(page: Levels, random: np.random.Generator) -> Levels:
    return _levels(np.asarray(random.uniform(90, 160) + page * 0.15, np.float64))


def _shade(page: Levels, random: np.random.Generator) -> Levels:
    x, y = np.meshgrid(*(np.linspace(-1, 1, side) for side in page.shape))
    angle = random.uniform(0, 2 * np.pi)
    return _levels(page * 0.45 + 70 + 60 * (x * np.cos(angle) + y * np.sin(angle)) + random.normal(0, 3, page.shape))


def _jpeg(page: Levels, random: np.random.Generator) -> Levels:
    """Coarse blocks as of a poor JPEG: every 8x8 square is averaged in part."""
    blocks = page.reshape(page.shape[0] // 8, 8, -1, 8).mean(axis=(1, 3)).repeat(8, 0).repeat(8, 1)
    return _levels(0.45 * page + 0.55 * blocks + random.normal(0, 4, page.shape))


def _rotation(page: Levels, random: np.random.Generator) -> Levels:
    angle = random.choice([-1, 1]) * random.uniform(15, 30)
    return np.asarray(Image.fromarray(page).rotate(angle, Image.Resampling.BILINEAR, fillcolor=255))


def _crop(page: Levels, random: np.random.Generator) -> Levels:
    """Cut close, and off the middle."""
    left, top = random.integers(0, 17, 2).tolist()
    return np.asarray(Image.fromarray(page).crop((left, top, left + 96, top + 96)).resize(page.shape))


CORRUPTIONS: dict[str, Corruption] = {
    "none": lambda page, _: page,
    "noise": _noise,
    "salt and pepper": _salt_and_pepper,
    "blur": _blur,
    "lines": _lines,
    "occlusion": _occlusion,
    "weak contrast": _weak_contrast,
    "shade": _shade,
    "blocks": _jpeg,
    "rotation": _rotation,
    "crop": _crop,
}


def corrupted(images: NDArray[np.uint8], name: str) -> list[Levels]:
    """(N, 28, 28) digits, white on black -> N pictures of 112x112, black on white, the same ones at every call."""
    random = np.random.default_rng(list(CORRUPTIONS).index(name))
    side = images.shape[1] * SCALE
    pages = (Image.fromarray(255 - image).resize((side, side), Image.Resampling.BICUBIC) for image in images)
    return [CORRUPTIONS[name](np.asarray(page), random) for page in pages]


def corruptions_section(setting: Setting) -> str:
    """Measure the dense model, a plain CNN and Inkdigit on every corruption, and tell it in Markdown."""
    from inkdigit.training.dataset import fetch_mnist

    mnist = fetch_mnist()
    cnn, recognizer = _cnn_model(setting.their_environment, mnist), Recognizer.load(setting.our_model)
    tables = [errors_table([_errors(setting, cnn, recognizer, drawings) for drawings in _our_suite(mnist, setting)])]
    if (SHARED / f"{MNIST_C}.npz").is_file():
        tables.append(errors_table([_errors(setting, cnn, recognizer, drawings) for drawings in _mnist_c(setting)]))
    return "\n\n".join(tables)


def errors_table(rows: list[Errors]) -> str:
    """A Markdown table of errors in per cent, with their mean over the corruptions; "none" is not one."""
    spoilt = [row for row in rows if row.corruption != "none"]
    mean = Errors("mean", sum(row.n for row in spoilt), *np.mean([(r.dense, r.cnn, r.ours) for r in spoilt], axis=0))
    cells = [
        (row.corruption, f"{row.n:,}", *(f"{100 * error:.2f} %" for error in (row.dense, row.cnn, row.ours)))
        for row in [*rows, mean]
    ]
    return markdown_table([("corruption", "n", "dense, error", "plain CNN, error", "Inkdigit, error"), *cells])


def _levels(page: NDArray[np.float64]) -> Levels:
    return np.rint(page).clip(0, 255).astype(np.uint8)


def _our_suite(mnist: Path, setting: Setting) -> Iterator[Drawings]:
    images = np.frombuffer((mnist / "t10k-images-idx3-ubyte").read_bytes(), np.uint8, offset=16).reshape(-1, 28, 28)
    labels = np.frombuffer((mnist / "t10k-labels-idx1-ubyte").read_bytes(), np.uint8, offset=8).astype(np.int64)
    rows = np.linspace(0, len(labels) - 1, min(DIGITS, setting.effort.pictures)).astype(int)
    for name in CORRUPTIONS:
        pngs = tuple(encode_png(page) for page in corrupted(images[rows], name))
        yield Drawings(name, "MNIST test", pngs, labels[rows])


def _mnist_c(setting: Setting) -> Iterator[Drawings]:
    drawings = image_drawings(MNIST_C)
    with np.load(SHARED / f"{MNIST_C}.npz") as file:
        kinds = file["corruption"]
    for kind in dict.fromkeys(kinds.tolist()):
        rows = np.flatnonzero(kinds == kind)[: setting.effort.pictures]
        pngs = tuple(drawings.pngs[row] for row in rows)
        yield Drawings(kind, MNIST_C, pngs, drawings.labels[rows], light_on_dark=True)


def _errors(setting: Setting, cnn: Path, recognizer: Recognizer, drawings: Drawings) -> Errors:
    # The plain versions take black ink on white for granted, so they are given that.
    pngs = [inverted_png(png) for png in drawings.pngs] if drawings.light_on_dark else drawings.pngs
    answers = [
        baseline_answers(setting, pngs),
        baseline_answers(setting, pngs, cnn),
        predict_all(recognizer, drawings),
    ]
    return Errors(drawings.name, len(drawings), *(1 - accuracy(answer, drawings.labels) for answer in answers))


def _cnn_model(environment: Environment, mnist: Path) -> Path:
    """The plain CNN, trained once by baseline/train_cnn.py and kept in the cache folder."""
    recipe = BASELINE / "train_cnn.py"
    path = cache_folder() / f"cnn-{digest(recipe.read_bytes())}.keras"
    if not path.exists():
        subprocess.run([environment.python, recipe, mnist, path], check=True)
    return path

"""The report of a training run: one HTML file, pictures within, that needs nothing else to be read."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from jinja2 import Environment, PackageLoader
from numpy.typing import NDArray

from inkdigit.image import encode_data_url, encode_png
from inkdigit.recognizer import CLASSES
from inkdigit.training.dataset import Digits
from inkdigit.training.evaluate import Evaluation, evaluate, misread

WIDTH, HEIGHT = 560, 180  # pixels, of a plot


@dataclass(frozen=True, slots=True)
class Curve:
    """A line of a plot: its name, its points as SVG takes them, and its last value."""

    name: str
    points: str
    last: float


@dataclass(frozen=True, slots=True)
class Misread:
    """A test image that was read wrong, with what the network thought of it."""

    row: int
    label: int
    predicted: int
    picture: str
    bars: Sequence[tuple[int, float]]


def write_report(
    path: Path, card: dict[str, Any], history: list[dict[str, float]], test: Digits, probabilities: NDArray[np.float32]
) -> None:
    """Write the report.

    Args:
        path: of the HTML file.
        card: the model's card.
        history: `loss`, `held_out_accuracy` and `held_out_nll` of each epoch.
        test: the pictures that judge.
        probabilities: (N, 10), what the model gave to them.
    """
    judged = evaluate(probabilities, test.labels)
    template = Environment(loader=PackageLoader("inkdigit.training"), autoescape=True).get_template("report.html")
    page = template.render(
        card=card,
        curves=_curves(history),
        epochs=len(history),
        width=WIDTH,
        height=HEIGHT,
        confusion=_shaded(judged.confusion),
        digits=_per_digit(judged),
        misread=[_misread(row, test, probabilities[row]) for row in misread(probabilities, test.labels)],
    )
    path.write_text(page, "utf-8")


def _curves(history: list[dict[str, float]]) -> list[tuple[str, list[Curve]]]:
    """Plots, each with its curves; errors in per cent on a logarithmic scale, where the end of a run shows."""
    if not history:
        return []
    losses = {"training loss": "loss", "held-out loss": "held_out_nll"}
    error = [100 * (1 - epoch["held_out_accuracy"]) for epoch in history]
    return [
        ("Loss (nats, logarithmic)", [curve(name, [epoch[key] for epoch in history]) for name, key in losses.items()]),
        ("Error on the held-out images (per cent, logarithmic)", [curve("held-out error", error)]),
    ]


def curve(name: str, values: list[float]) -> Curve:
    """A line over the epochs on a logarithmic scale from 0.001 at the bottom to 10 at the top.

    >>> curve("loss", [10.0, 0.1]).points
    '0.0,0.0 560.0,90.0'
    """
    heights = np.log10(np.clip(values, 1e-3, 10))
    across = np.linspace(0, WIDTH, len(values)) if len(values) > 1 else np.zeros(1)
    points = " ".join(f"{x:.1f},{(1 - h) / 4 * HEIGHT:.1f}" for x, h in zip(across, heights, strict=True))
    return Curve(name, points, values[-1])


def _shaded(confusion: NDArray[np.int64]) -> list[list[tuple[int, int]]]:
    """Each count with a shade 0 to 9, off the diagonal by how bad it is."""
    mistakes = confusion * (1 - np.eye(CLASSES, dtype=np.int64))
    worst = max(1, int(mistakes.max()))
    return [
        [(int(count), int(np.ceil(9 * mistakes[i, j] / worst))) for j, count in enumerate(row)]
        for i, row in enumerate(confusion)
    ]


def _per_digit(judged: Evaluation) -> list[dict[str, float]]:
    """Of each digit: how many there were, how many of them were found, and how many of those named so were right."""
    right = np.diag(judged.confusion)
    truly, named = judged.confusion.sum(axis=1), judged.confusion.sum(axis=0)
    recall, precision = right / truly.clip(1), right / named.clip(1)
    return [{"n": truly[d], "recall": recall[d], "precision": precision[d]} for d in range(CLASSES)]


def _misread(row: int, test: Digits, probabilities: NDArray[np.float32]) -> Misread:
    picture = encode_data_url(encode_png(test.images[row] / np.float32(255)))
    likeliest = np.argsort(-probabilities)[:3]
    bars = [(int(digit), float(probabilities[digit])) for digit in likeliest]
    return Misread(int(row), int(test.labels[row]), int(probabilities.argmax()), picture, bars)

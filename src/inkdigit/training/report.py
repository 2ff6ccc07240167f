"""Reports, of a training run and of an evaluation: one HTML file, plots and pictures within, that needs no other."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from markupsafe import Markup
from numpy.typing import NDArray

from inkdigit.image import encode_data_url, encode_png
from inkdigit.recognizer import CLASSES
from inkdigit.reports import share, write_page
from inkdigit.reports.plots import Axis, Bar, Line, Mark, axis_to, bars, lines
from inkdigit.training.evaluate import Evaluation, Group, Judged, Trials, compare, misread
from inkdigit.training.measures import Bin, RiskCoverage, interval, reliability, risk_coverage, roc
from inkdigit.training.variations import UNSPOILED

SHOWN, SHOWN_ALONE = 400, 60  # pictures of a gallery: of mistakes, and of those that one model alone reads right
SHOWN_WRITERS = 40
POINTS = 400  # of a curve, at most
MARKED = (0.5, 0.9, 0.99, 0.999)  # thresholds of confidence
PER_CENT = tuple(range(0, 101, 20))


@dataclass(frozen=True, slots=True)
class Shown:
    """A picture of a gallery: what it is called, what it shows, and what each model gave to its likeliest digits."""

    name: str
    label: int
    picture: str
    answers: Sequence[tuple[int, float]]


def write_training_report(
    path: Path, card: dict[str, Any], history: list[dict[str, float]], judged: Judged, trials: Trials | None = None
) -> None:
    """Write the report of a training run.

    Args:
        path: of the HTML file.
        card: the model's card.
        history: `loss`, `held_out_accuracy` and `held_out_nll` of each epoch.
        judged: the network's answers to the pictures that judge it, and to those that show no digit.
        trials: how it reads digits that are placed and spoiled in many ways.
    """
    _write(path, "report.html", card=card, curves=_curves(history), **_sections([judged], trials))


def write_evaluation(path: Path, models: Sequence[Judged], trials: Trials | None = None) -> None:
    """Write the report of one model, or of two side by side, on the same labelled pictures.

    Args:
        path: of the HTML file.
        models: one or two.
        trials: how they read digits that are placed and spoiled in many ways, in the same order.
    """
    _write(path, "evaluation.html", **_sections(models, trials))


class ReadLine(Protocol):
    """A line that was read; `inkdigit.training.export_reader.Reading` is one."""

    @property
    def text(self) -> str:
        """What stands there."""

    @property
    def read(self) -> str:
        """What was read."""

    @property
    def confidence(self) -> float:
        """The probability of that, in [0, 1]."""

    @property
    def picture(self) -> NDArray[np.uint8]:
        """The line, (H, W), 0 is paper."""


def write_reader_report(
    path: Path, card: dict[str, Any], history: list[dict[str, float]], readings: Sequence[ReadLine]
) -> None:
    """Write the report of a reader of lines.

    Args:
        path: of the HTML file.
        card: the model's card.
        history: `loss`, `held_out_accuracy` and `held_out_loss` of each epoch.
        readings: of held-out lines.
    """
    right = np.array([reading.text == reading.read for reading in readings])
    confidence = np.array([reading.confidence for reading in readings])
    wrong = [readings[row] for row in np.argsort(-confidence, kind="stable") if not right[row]]
    _write(
        path,
        "reader.html",
        card=card,
        curves=_curves([epoch | {"held_out_nll": epoch["held_out_loss"]} for epoch in history], "held-out lines"),
        reliability=_reliability([(card["version"], confidence, right)]),
        mistakes=len(wrong),
        misread=[
            (reading, encode_data_url(encode_png(reading.picture / np.float32(255)))) for reading in wrong[:SHOWN]
        ],
    )


def _write(path: Path, template: str, **context: Any) -> None:
    write_page(path, "inkdigit.training", template, **context)


def _sections(models: Sequence[Judged], trials: Trials | None) -> dict[str, Any]:
    """All that the two reports have in common."""
    first = models[0]
    mistakes = misread(first.answers.probabilities, first.labelled.labels)
    return {
        "models": models,
        "labelled": first.labelled,
        "reliability": reliability_diagram(models),
        "risk": risk_plot(models),
        "areas": [risk_coverage(judged.answers.confidence, judged.right).area for judged in models],
        "points": [judged.operating_points() for judged in models],
        "others": len(first.others.is_digit),
        "apart": [judged.telling_apart() for judged in models],
        "roc": roc_plot(models) if len(first.others.is_digit) else "",
        "writers": _writers(models),
        "trials": trials,
        "placements": error_bars("Error by placement", _names(models), trials.placements) if trials else "",
        "corruptions": error_bars("Error by corruption", _names(models), trials.corruptions) if trials else "",
        "corruption_means": _mean_errors(trials.corruptions) if trials else [],
        "comparison": _compared(*models) if len(models) == 2 else None,
        "confusion": _shaded(first.evaluation.confusion),
        "digits": _per_digit(first.evaluation),
        "mistakes": len(mistakes),
        "misread": [_shown(row, first) for row in mistakes[:SHOWN]],
    }


def _names(models: Sequence[Judged]) -> list[str]:
    return [judged.name for judged in models]


def _mean_errors(rows: Sequence[Sequence[Group]]) -> list[float]:
    """Of each model, the mean error over the kinds, the unspoiled pictures apart."""
    kinds = [[each.error for each in row] for row in rows if row[0].name != UNSPOILED]
    return [float(mean) for mean in np.mean(kinds, axis=0)]


# --- plots


def _curves(history: list[dict[str, float]], judged_by: str = "held-out images") -> list[Markup]:
    """Loss and error over the epochs, on logarithmic scales, where the end of a run shows."""
    if not history:
        return []
    error = [100 * (1 - epoch["held_out_accuracy"]) for epoch in history]
    losses = {"training loss": "loss", "held-out loss": "held_out_nll"}
    return [
        _over_epochs("loss (nats)", {name: [epoch[key] for epoch in history] for name, key in losses.items()}),
        _over_epochs(f"error on the {judged_by} (%)", {"held-out error": error}),
    ]


def _over_epochs(label: str, curves: dict[str, list[float]]) -> Markup:
    epochs = len(next(iter(curves.values())))
    step = max(1, round(epochs / 8))
    x = Axis("epoch", 1, max(2, epochs), tuple(range(1, epochs + 1, step)))
    ticks = (0.001, 0.01, 0.1, 1, 10, 100)
    highest = 10 if max(map(max, curves.values())) <= 10 else 100
    y = Axis(label, 0.001, highest, tuple(tick for tick in ticks if tick <= highest), logarithmic=True)
    drawn = [
        Line(f"{name}, {values[-1]:.3f} at the end", list(enumerate(values, 1)), colour)
        for colour, (name, values) in enumerate(curves.items())
    ]
    return lines(label, x, y, drawn)


def reliability_diagram(models: Sequence[Judged]) -> Markup:
    """Accuracy beside confidence in 15 bins, with 95 % intervals, the ideal for comparison and n of each bin below."""
    return _reliability([(judged.name, judged.answers.confidence, judged.right) for judged in models])


def _reliability(models: Sequence[tuple[str, NDArray[np.floating], NDArray[np.bool_]]]) -> Markup:
    """The same of named confidences, and whether each was right."""
    x, y = (Axis(label, 0, 100, PER_CENT) for label in ("confidence (%)", "right (%)"))
    drawn, marks, below = [], [], []
    for colour, (name, confidence, right) in enumerate(models):
        bins = reliability(confidence, right)
        drawn.append(Line(name, (), colour))  # bins of few pictures jump: a line would show the jumps alone
        marks += [_bin_mark(part, len(right), colour) for part in bins if part.n]
        below.append(("n" if len(models) == 1 else f"n, {colour + 1}", [str(part.n) for part in bins]))
    ideal = Line("as sure as right", [(0, 0), (100, 100)], colour=2)
    return lines("Reliability diagram", x, y, [*drawn, ideal], marks, below)


def _bin_mark(part: Bin, n: int, colour: int) -> Mark:
    low, high = interval(round(part.accuracy * part.n), part.n)
    size = 2.5 + 4 * (part.n / n) ** 0.5
    return Mark(100 * part.confidence, 100 * part.accuracy, 100 * low, 100 * high, colour=colour, size=size)


def risk_plot(models: Sequence[Judged]) -> Markup:
    """Error among the answers kept over the share kept, from where there is any, with some thresholds marked."""
    curves = [risk_coverage(judged.answers.confidence, judged.right) for judged in models]
    highest = max(float(curve.risk[curve.coverage >= 0.1].max()) for curve in curves)
    faultless = min(float(curve.coverage[curve.risk == 0].max(initial=0)) for curve in curves)
    x = axis_from(min(90, int(10 * faultless) * 10), "coverage: answers kept (%)")
    y = axis_to("risk: wrong among those (%)", max(100 * highest, 0.01))
    drawn, marks = [], []
    for colour, (judged, curve) in enumerate(zip(models, curves, strict=True)):
        kept = _thinned(np.flatnonzero(100 * curve.coverage >= x.low))
        drawn.append(Line(judged.name, _pairs(curve.coverage[kept], curve.risk[kept]), colour))
        marks += [mark for at in MARKED if (mark := _threshold_mark(curve, at, colour)) and mark.x >= x.low]
    return lines("Risk against coverage", x, y, drawn, marks)


def _threshold_mark(curve: RiskCoverage, threshold: float, colour: int) -> Mark | None:
    """The point of a threshold on the curve, if any answer is as confident."""
    last = int(np.count_nonzero(curve.confidence >= threshold)) - 1
    if last < 0:
        return None
    risk = 100 * float(curve.risk[last])
    return Mark(100 * float(curve.coverage[last]), risk, risk, risk, f"{threshold:g}", colour)


def roc_plot(models: Sequence[Judged]) -> Markup:
    """Share of digits accepted over the share of non-digits accepted, the latter on a logarithmic scale.

    A line per model, by confidence; of one model alone that knows of non-digits, also by how probable it takes them.
    """
    scores = [(judged.name, judged.answers.confidence, judged.others.confidence) for judged in models]
    if len(models) == 1 and models[0].answers.not_digit.any():
        scores = [
            ("by confidence", *scores[0][1:]),
            ("by the probability of no digit", -models[0].answers.not_digit, -models[0].others.not_digit),
        ]
    curves = [(name, *roc(wanted, unwanted)) for name, wanted, unwanted in scores]
    lowest = min(float(found[np.searchsorted(passed, 0.001, "right") - 1]) for _, passed, found in curves)
    x = Axis("accepted of what is no digit (%, logarithmic)", 0.1, 100, (0.1, 1, 10, 100), logarithmic=True)
    y = axis_from(min(90, int(10 * lowest) * 10), "digits accepted (%)")
    drawn = [
        Line(name, _pairs(passed[kept], found[kept]), colour)
        for colour, (name, passed, found) in enumerate(curves)
        for kept in [_thinned(np.arange(len(passed)))]
    ]
    return lines("Digits against what is none (ROC)", x, y, drawn)


def error_bars(title: str, names: Sequence[str], rows: Sequence[Sequence[Group]]) -> Markup:
    """Error of each group with its 95 % interval, a row per group and a bar in it per model."""
    axis = axis_to("error (%)", max(100 * each.interval[1] for row in rows for each in row))
    return bars(title, axis, names, [(row[0].name, [_error_bar(each) for each in row]) for row in rows])


def _error_bar(each: Group) -> Bar:
    low, high = each.interval
    return Bar(100 * each.error, 100 * low, 100 * high, f"{share(each.error)}, {each.errors} of {each.n}")


def axis_from(low: int, label: str) -> Axis:
    """An axis of per cent from `low`, a multiple of 10, to 100."""
    return Axis(label, low, 100, tuple(range(low, 101, 10 if low < 80 else 2)))


def _pairs(x: NDArray[np.float64], y: NDArray[np.float64]) -> list[tuple[float, float]]:
    return list(zip((100 * x).tolist(), (100 * y).tolist(), strict=True))


def _thinned(places: NDArray[np.intp]) -> NDArray[np.intp]:
    """At most 400 of the places of a curve's points, evenly, the first and the last with them."""
    return places[np.unique(np.linspace(0, len(places) - 1, min(len(places), POINTS)).round().astype(np.intp))]


# --- tables and galleries


def _writers(models: Sequence[Judged]) -> dict[str, Any] | None:
    """Error by writer, the worst for the first model first; nothing where fewer than two are named."""
    tables = [judged.writers() for judged in models]
    if len(tables[0]) < 2:
        return None
    rows = [[next(each for each in table if each.name == worst.name) for table in tables] for worst in tables[0]]
    errors = [each.error for each in tables[0]]
    return {
        "count": len(rows),
        "median": float(np.median(errors)),
        "plot": error_bars("Error by writer", _names(models), rows[:SHOWN_WRITERS]),
    }


def _compared(first: Judged, second: Judged) -> dict[str, Any]:
    """Which pictures each of two models alone reads right."""
    found = compare(first.right, second.right)
    return {
        "both": int(np.count_nonzero(first.right & second.right)),
        "neither": int(np.count_nonzero(~first.right & ~second.right)),
        "p_value": found.p_value,
        "alone": [
            (reader.name, other.name, len(rows), [_shown(row, other) for row in _surest(rows, other)[:SHOWN_ALONE]])
            for reader, other, rows in ((first, second, found.only_first), (second, first, found.only_second))
        ],
    }


def _surest(rows: NDArray[np.intp], judged: Judged) -> NDArray[np.intp]:
    return rows[np.argsort(-judged.answers.confidence[rows], kind="stable")]


def _shown(row: int, judged: Judged) -> Shown:
    labelled, probabilities = judged.labelled, judged.answers.probabilities[row]
    likeliest = [(int(digit), float(probabilities[digit])) for digit in np.argsort(-probabilities)[:3]]
    picture = encode_data_url(encode_png(labelled.frames[row]))
    return Shown(labelled.names[row], int(labelled.labels[row]), picture, likeliest)


def _shaded(confusion: NDArray[np.int64]) -> list[list[tuple[int, int]]]:
    """Each count with a shade 0 to 9, off the diagonal by how bad it is."""
    mistakes = confusion * (1 - np.eye(CLASSES, dtype=np.int64))
    worst = max(1, int(mistakes.max()))
    return [
        [(int(count), int(np.ceil(9 * mistakes[i, j] / worst))) for j, count in enumerate(row)]
        for i, row in enumerate(confusion)
    ]


def _per_digit(judged: Evaluation) -> list[dict[str, float | None]]:
    """Of each digit: how many there were, how many of them were found, and how many of those named so were right."""
    right = np.diag(judged.confusion).tolist()
    truly, named = (judged.confusion.sum(axis=axis).tolist() for axis in (1, 0))
    return [
        {"n": truly[d], "recall": _share_of(right[d], truly[d]), "precision": _share_of(right[d], named[d])}
        for d in range(CLASSES)
    ]


def _share_of(part: int, whole: int) -> float | None:
    """A share in [0, 1]; None, and not 0, where there is nothing to have a share of."""
    return part / whole if whole else None

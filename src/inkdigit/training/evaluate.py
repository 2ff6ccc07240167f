"""How good a model is on labelled pictures: figures with their n, the pictures it misreads, and what it refuses."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from inkdigit.errors import DataError
from inkdigit.recognizer import CLASSES, Recognizer
from inkdigit.training.labelled import Labelled
from inkdigit.training.measures import auroc, calibration_error, interval, mcnemar, reliability, risk_coverage
from inkdigit.training.variations import Tried, try_corruptions, try_placements

TRIED = 500  # digits that are placed and spoiled: about 20 s of CPU in all
MIN_CONFIDENCES = (0.0, 0.5, 0.8, 0.9, 0.95, 0.99, 0.999)  # of the operating points that are told


@dataclass(frozen=True, slots=True)
class Evaluation:
    """Figures of a model on n labelled pictures.

    Attributes:
        n: pictures.
        accuracy: share read right, in [0, 1].
        nll: mean negative log-likelihood of the true label, in nats.
        ece: expected calibration error over 15 equal bins of confidence, in [0, 1] (Naeini et al., 2015).
        confusion: (10, 10) counts, a row per true label, a column per predicted one.
    """

    n: int
    accuracy: float
    nll: float
    ece: float
    confusion: NDArray[np.int64]

    @property
    def errors(self) -> int:
        """Pictures read wrong."""
        return self.n - int(np.trace(self.confusion))

    def figures(self) -> dict[str, Any]:
        """As a card or a command states them."""
        return {
            "n": self.n,
            "errors": self.errors,
            "accuracy": round(self.accuracy, 6),
            "nll": round(self.nll, 6),
            "ece": round(self.ece, 6),
        }


@dataclass(frozen=True, slots=True)
class Answers:
    """What a model gave to N pictures.

    Attributes:
        probabilities: (N, 10) of the digits, rows of sum 1.
        not_digit: (N,) probability that the picture shows no digit; 0 where the model has no such class.
        is_digit: (N,) bool, whether the model takes it for a digit.
    """

    probabilities: NDArray[np.float32]
    not_digit: NDArray[np.float32]
    is_digit: NDArray[np.bool_]

    @property
    def confidence(self) -> NDArray[np.float32]:
        """(N,) probability of the likeliest digit."""
        return np.asarray(self.probabilities.max(axis=1))

    def right(self, labels: NDArray[np.uint8]) -> NDArray[np.bool_]:
        """(N,) whether the likeliest digit is the true one."""
        return np.asarray(self.probabilities.argmax(axis=1) == labels)

    def accepted(self, min_confidence: float) -> NDArray[np.bool_]:
        """(N,) whether the answer is taken by a caller who asks for this confidence."""
        return self.is_digit & (self.confidence >= min_confidence)

    def and_refused(self, count: int) -> "Answers":
        """These, and as many pictures more that were refused with no confidence at all."""
        none = np.full((count, CLASSES), 1 / CLASSES, np.float32)
        return Answers(
            np.concatenate([self.probabilities, none]),
            np.concatenate([self.not_digit, np.ones(count, np.float32)]),
            np.concatenate([self.is_digit, np.zeros(count, np.bool_)]),
        )


@dataclass(frozen=True, slots=True)
class OperatingPoint:
    """What becomes of digits, and of what is none, where a caller asks for a confidence.

    Attributes:
        min_confidence: what is asked for; an answer is accepted if the model takes the picture for a digit as well.
        digits_accepted: share of the digits, in [0, 1].
        error_accepted: share read wrong among those; 0 where none is accepted.
        non_digits_accepted: share of the pictures that show no digit; None where there were none to try.
    """

    min_confidence: float
    digits_accepted: float
    error_accepted: float
    non_digits_accepted: float | None

    def figures(self) -> dict[str, float | None]:
        """As a card states them."""
        return {name: None if value is None else round(value, 6) for name, value in asdict(self).items()}


@dataclass(frozen=True, slots=True)
class Group:
    """Pictures with something in common (their writer, where they are drawn, what spoils them), and errors on them."""

    name: str
    n: int
    errors: int

    @property
    def error(self) -> float:
        """Share read wrong, in [0, 1]."""
        return self.errors / self.n

    @property
    def interval(self) -> tuple[float, float]:
        """95 % confidence interval of that share."""
        return interval(self.errors, self.n)


@dataclass(frozen=True, slots=True)
class Trials:
    """How models read the same digits in other forms; a row per form, and in it a group per model.

    Attributes:
        source: what the digits are, for people.
        n: digits per form.
        placements: where, how large and how thick they are drawn.
        corruptions: what spoils their pictures; one that is refused counts as read wrong.
    """

    source: str
    n: int
    placements: list[list[Group]]
    corruptions: list[list[Group]]


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two models on the same pictures: the rows that one of them alone reads right, and how likely chance is that.

    `p_value` is McNemar's, exact and two-sided: of a split at least as uneven between two models equally good.
    """

    only_first: NDArray[np.intp]
    only_second: NDArray[np.intp]
    p_value: float


@dataclass(frozen=True, slots=True)
class Judged:
    """A model's answers to labelled pictures, and the figures on them; `others` are those to what is no digit."""

    name: str
    labelled: Labelled
    answers: Answers
    others: Answers
    evaluation: Evaluation

    @property
    def right(self) -> NDArray[np.bool_]:
        """(N,) whether each digit was read right."""
        return self.answers.right(self.labelled.labels)

    def writers(self) -> list[Group]:
        """Errors by writer, the worst read one first; pictures of nobody who is named are left out."""
        named = [row for row, writer in enumerate(self.labelled.writers) if writer]
        return group([self.labelled.writers[row] for row in named], self.right[named]) if named else []

    def operating_points(self) -> list[OperatingPoint]:
        """What is accepted at each of the confidences that are told."""
        return operating_points(self.answers, self.labelled.labels, self.others)

    def telling_apart(self) -> dict[str, float]:
        """AUROC of digits against what is none, by confidence and by `not_digit`; empty where there is none to try."""
        if len(self.others.not_digit) == 0:
            return {}
        found = {"auroc_confidence": auroc(self.answers.confidence, self.others.confidence)}
        if self.answers.not_digit.any():  # else the model has no such class
            found["auroc_not_digit"] = auroc(-self.answers.not_digit, -self.others.not_digit)
        return {name: round(value, 6) for name, value in found.items()}

    def figures(self) -> dict[str, Any]:
        """As a command states them, a number each."""
        area = risk_coverage(self.answers.confidence, self.right).area
        figures = {"model": self.name, **self.evaluation.figures(), "risk_coverage_area": round(area, 6)}
        if len(self.others.not_digit):
            figures |= {"non_digits": len(self.others.not_digit), **self.telling_apart()}
        return figures

    def details(self) -> dict[str, Any]:
        """The figures, and with them the tables that they sum up, ready for JSON."""
        return {
            **self.figures(),
            "confusion": self.evaluation.confusion.tolist(),
            "reliability": [asdict(part) for part in reliability(self.answers.confidence, self.right)],
            "operating_points": [point.figures() for point in self.operating_points()],
            "writers": [asdict(writer) for writer in self.writers()],
            "mistakes": [self._mistake(row) for row in misread(self.answers.probabilities, self.labelled.labels)],
        }

    def _mistake(self, row: int) -> dict[str, Any]:
        answer = int(self.answers.probabilities[row].argmax())
        sure = round(float(self.answers.confidence[row]), 6)
        label = int(self.labelled.labels[row])
        return {"picture": self.labelled.names[row], "label": label, "answer": answer, "confidence": sure}


def judge(recognizer: Recognizer, labelled: Labelled) -> Judged:
    """Let a model read labelled pictures, and judge its answers.

    Raises:
        DataError: there is no picture of a digit.
    """
    answers = ask(recognizer, labelled.frames)
    others = ask(recognizer, labelled.others).and_refused(labelled.blank)
    return Judged(recognizer.version, labelled, answers, others, evaluate(answers.probabilities, labelled.labels))


def ask(recognizer: Recognizer, images: NDArray[np.float32]) -> Answers:
    """Let a model read pictures (N, 28, 28)."""
    found = recognizer.predict(images)
    return Answers(
        np.array([one.probabilities for one in found], np.float32).reshape(-1, CLASSES),
        np.array([one.not_digit for one in found], np.float32),
        np.array([one.is_digit for one in found], np.bool_),
    )


def evaluate(probabilities: NDArray[np.float32], labels: NDArray[np.uint8]) -> Evaluation:
    """Judge the probabilities (N, 10) that a model gave to pictures of these labels (N,).

    Raises:
        DataError: there is no picture.

    >>> sure = np.eye(10, dtype=np.float32)
    >>> evaluate(sure[[3, 5]], np.array([3, 6], np.uint8)).figures()
    {'n': 2, 'errors': 1, 'accuracy': 0.5, 'nll': 13.815511, 'ece': 0.5}
    """
    if len(labels) == 0:
        raise DataError("there is no picture to judge the model by")
    predicted = probabilities.argmax(axis=1)
    confusion = np.zeros((CLASSES, CLASSES), np.int64)
    np.add.at(confusion, (labels, predicted), 1)
    truth = probabilities[np.arange(len(labels)), labels].astype(np.float64)
    right = predicted == labels
    return Evaluation(
        n=len(labels),
        accuracy=float(right.mean()),
        nll=float(-np.log(truth.clip(1e-12)).mean()),
        ece=calibration_error(probabilities.max(axis=1), right),
        confusion=confusion,
    )


def misread(probabilities: NDArray[np.float32], labels: NDArray[np.uint8]) -> NDArray[np.int64]:
    """Rows that were read wrong, the most confident mistake first."""
    wrong = np.flatnonzero(probabilities.argmax(axis=1) != labels)
    return wrong[np.argsort(-probabilities[wrong].max(axis=1), kind="stable")]


def group(names: Sequence[str], right: NDArray[np.bool_]) -> list[Group]:
    """Errors by name, one name per answer, the worst first.

    >>> group(["ann", "bob", "ann"], np.array([True, False, True]))
    [Group(name='bob', n=1, errors=1), Group(name='ann', n=2, errors=0)]
    """
    found, place = np.unique(np.array(names, object).astype(str), return_inverse=True)
    n, errors = np.bincount(place), np.bincount(place, ~right)
    groups = [Group(str(name), int(n[i]), int(errors[i])) for i, name in enumerate(found)]
    return sorted(groups, key=lambda each: -each.error)


def operating_points(
    digits: Answers, labels: NDArray[np.uint8], others: Answers, at: Sequence[float] = MIN_CONFIDENCES
) -> list[OperatingPoint]:
    """What a caller gets who asks for a confidence, for each of several confidences.

    Args:
        digits: answers to N digits, N >= 1.
        labels: (N,) what they are.
        others: answers to pictures that show none.
        at: the confidences.
    """
    right = digits.right(labels)
    points = []
    for least in at:
        taken = digits.accepted(least)
        wrong = float((~right[taken]).mean()) if taken.any() else 0.0
        passed = float(others.accepted(least).mean()) if len(others.is_digit) else None
        points.append(OperatingPoint(least, float(taken.mean()), wrong, passed))
    return points


def compare(first: NDArray[np.bool_], second: NDArray[np.bool_]) -> Comparison:
    """Compare two models by which of the same pictures (N,) each read right."""
    only_first, only_second = np.flatnonzero(first & ~second), np.flatnonzero(second & ~first)
    return Comparison(only_first, only_second, mcnemar(len(only_first), len(only_second)))


def side_by_side(first: Judged, second: Judged) -> dict[str, Any]:
    """Two models on the same pictures, ready for JSON: the second's figures, and the names of what one alone reads."""
    found, names = compare(first.right, second.right), first.labelled.names
    return {
        **second.figures(),
        "only_first": [names[row] for row in found.only_first],
        "only_second": [names[row] for row in found.only_second],
        "p_value": found.p_value,
    }


def try_out(recognizers: Sequence[Recognizer], labelled: Labelled, most: int = TRIED, seed: int = 1) -> Trials:
    """Let models read digits that are placed and spoiled in many ways, all the same ones.

    Args:
        recognizers: the models.
        labelled: the digits.
        most: how many of them, chosen by the seed; a form takes 1 to 5 ms of CPU per digit.
        seed: of every random choice.
    """
    rows = np.sort(np.random.default_rng(seed).permutation(len(labelled.labels))[:most])
    digits, labels = labelled.frames[rows], labelled.labels[rows]
    placements, corruptions = (
        [[_fare(recognizer, tried, labels) for recognizer in recognizers] for tried in trials]
        for trials in (try_placements(digits), try_corruptions(digits, seed))
    )
    return Trials(labelled.source, len(rows), placements, corruptions)


def _fare(recognizer: Recognizer, tried: Tried, labels: NDArray[np.uint8]) -> Group:
    found = recognizer.probabilities(tried.frames).argmax(axis=1)
    return Group(tried.name, tried.n, tried.n - int(np.count_nonzero(found == labels[tried.rows])))

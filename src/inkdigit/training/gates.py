"""Whether a new model may take the place of an old one: both read the same pictures, and chance is reckoned with.

The test is exact, paired and one-sided. Pictures that belong together (the drawings of one writer, the forms of one
digit) make a unit; were the two models equally good, each unit's gain could as well be a loss. The p-value is the share
of all such sign changes that give a sum at least as far out as the one found. Where every unit is one picture, this is
McNemar's exact test.
"""

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from inkdigit.recognizer import Recognizer
from inkdigit.training.evaluate import Answers, ask
from inkdigit.training.ink import NOT_A_DIGIT
from inkdigit.training.labelled import Frames, Labelled
from inkdigit.training.variations import UNSPOILED, Tried, try_corruptions

LEVEL: Final = 0.05
SPOILED: Final = 500  # held-out digits that are spoiled in each of the ways in which pictures are

Right = NDArray[np.bool_]


class Aim(StrEnum):
    """What a gate asks of the new model."""

    NO_WORSE = "no worse"
    BETTER = "better"


@dataclass(frozen=True, slots=True)
class Pairs:
    """What two models made of the same N pictures.

    Attributes:
        old: (N,) whether the old one was right.
        new: (N,) whether the new one was.
        units: (N,) whose pictures go together, any whole numbers; None where every picture stands for itself.
    """

    old: Right
    new: Right
    units: NDArray[np.intp] | None = None

    def differences(self) -> NDArray[np.int64]:
        """Of each unit, how many pictures more the new model reads right; less than 0 where it reads fewer."""
        each = self.new.astype(np.int64) - self.old.astype(np.int64)
        if self.units is None:
            return each
        _, place = np.unique(self.units, return_inverse=True)
        return np.bincount(place, each, place.max(initial=-1) + 1).astype(np.int64)


@dataclass(frozen=True, slots=True)
class Gate:
    """What a gate found.

    Attributes:
        name: of its pictures.
        against: the model that the new one is compared with.
        aim: what is asked.
        n: pictures.
        units: that may each have gained or lost by chance.
        old_errors: pictures that the old model gets wrong.
        new_errors: the same of the new one.
        lost: pictures that the old one alone gets right.
        gained: pictures that the new one alone gets right.
        p_value: of losses this large ("no worse") or gains this large ("better"), were the two equally good.
        least: the least net difference, in pictures, that would have counted here.
        level: a p-value as small as this counts.
    """

    name: str
    against: str
    aim: Aim
    n: int
    units: int
    old_errors: int
    new_errors: int
    lost: int
    gained: int
    p_value: float
    least: int
    level: float = LEVEL

    @property
    def passed(self) -> bool:
        """Whether the new model may pass: it is not worse beyond its noise, or it is better beyond it."""
        return (self.p_value <= self.level) is (self.aim is Aim.BETTER)

    def figures(self) -> dict[str, Any]:
        """As a card states them."""
        return asdict(self) | {"p_value": float(f"{self.p_value:.3g}"), "passed": self.passed}


def decide(name: str, against: str, pairs: Pairs, aim: Aim = Aim.NO_WORSE, level: float = LEVEL) -> Gate:
    """Put two models' answers through a gate."""
    differences = pairs.differences()
    return Gate(
        name=name,
        against=against,
        aim=aim,
        n=len(pairs.old),
        units=len(differences),
        old_errors=int(np.count_nonzero(~pairs.old)),
        new_errors=int(np.count_nonzero(~pairs.new)),
        lost=int(np.count_nonzero(pairs.old & ~pairs.new)),
        gained=int(np.count_nonzero(pairs.new & ~pairs.old)),
        p_value=sign_flip(differences if aim is Aim.BETTER else -differences),
        least=least_difference(differences, level),
        level=level,
    )


def sign_flip(differences: NDArray[np.int64]) -> float:
    """Exact p-value of a sum of differences this large, were each as likely to be negative as positive.

    Args:
        differences: (U,) whole numbers, one per unit.

    Returns:
        The share of the 2 ** U choices of signs whose sum is at least that of `differences`; 1 where all are 0.

    >>> sign_flip(np.array([1, 1, 1, 1, 1])), sign_flip(np.array([3, -1]))
    (0.03125, 0.5)
    """
    chances = _chances(differences)
    return min(1.0, float(chances[len(chances) // 2 + int(differences.sum()) :].sum()))


def least_difference(differences: NDArray[np.int64], level: float) -> int:
    """The least sum that would count at a level, among units that differ as much as these do.

    Where too few differ for any sum to count, it is as many pictures as had to, each in a unit of its own.

    >>> least_difference(np.array([0, 0, 1]), 0.05), least_difference(np.array([1] * 20 + [-1] * 20), 0.05)
    (5, 12)
    """
    chances = _chances(differences)
    tail = chances[::-1].cumsum()[::-1][len(chances) // 2 :]  # of a sum of 0 and more, 1 and more, ...
    counting = np.flatnonzero((tail <= level) & (chances[len(chances) // 2 :] > 0))
    return int(counting[0]) if len(counting) else fewest_units(level)


def fewest_units(level: float) -> int:
    """As many units as must differ, all in one direction, for a difference to count at a level.

    >>> fewest_units(0.05)
    5
    """
    return math.ceil(-math.log2(level))


def _chances(differences: NDArray[np.int64]) -> NDArray[np.float64]:
    """The chances of the sums -S to S of differences with random signs, S being the sum of their sizes."""
    sizes = np.abs(differences[differences != 0]).tolist()
    chances = np.zeros(2 * sum(sizes) + 1)
    middle = len(chances) // 2
    chances[middle] = 1.0
    for size in sizes:
        chances = (np.roll(chances, size) + np.roll(chances, -size)) / 2  # the ends are 0 until the last one
    return chances


# --- the pictures of the gates


@dataclass(frozen=True, slots=True)
class Drawings:
    """Held-out drawings of users.

    Attributes:
        frames: (N, 28, 28) float32 in [0, 1].
        labels: (N,) uint8, 10 for what is no digit.
        units: (N,) a number per writer.
    """

    frames: Frames
    labels: NDArray[np.uint8]
    units: NDArray[np.intp]

    def right(self, answers: Answers) -> Right:
        """(N,) whether a digit is taken for one and read, and whether what is none is refused."""
        return np.where(self.labels == NOT_A_DIGIT, ~answers.is_digit, answers.is_digit & answers.right(self.labels))


@dataclass(frozen=True, slots=True)
class Exam:
    """The fixed pictures that models are compared on; all of them are strange to both."""

    held_out: Labelled
    spoiled: tuple[Tried, ...]
    spoiled_labels: NDArray[np.uint8]
    drawings: Drawings

    @classmethod
    def of(cls, held_out: Labelled, drawings: Drawings) -> "Exam":
        """Set an exam: held-out digits of MNIST with pictures that are none (`others`), and drawings of users."""
        rows = np.sort(np.random.default_rng(1).permutation(len(held_out.labels))[:SPOILED])
        tried = tuple(each for each in try_corruptions(held_out.frames[rows]) if each.name != UNSPOILED)
        return cls(held_out, tried, held_out.labels[rows], drawings)


@dataclass(frozen=True, slots=True)
class Sat:
    """A model's results in an exam, picture by picture; the order is that of the exam."""

    name: str
    read: Right
    accepted: Right
    refused: Right
    spoiled: Right
    drawings: Right


def sit(recognizer: Recognizer, exam: Exam) -> Sat:
    """Let a model sit an exam, at its own threshold of what is no digit."""
    digits, others = ask(recognizer, exam.held_out.frames), ask(recognizer, exam.held_out.others)
    spoiled = [ask(recognizer, tried.frames).right(exam.spoiled_labels[tried.rows]) for tried in exam.spoiled]
    return Sat(
        name=recognizer.version,
        read=digits.right(exam.held_out.labels),
        accepted=digits.is_digit,
        refused=~others.is_digit,
        spoiled=np.concatenate([np.zeros(0, np.bool_), *spoiled]),
        drawings=exam.drawings.right(ask(recognizer, exam.drawings.frames)),
    )


def compare_sat(exam: Exam, old: Sat, new: Sat, level: float = LEVEL) -> list[Gate]:
    """The gates that a new model must pass to take the place of an old one."""
    drawn = Pairs(old.drawings, new.drawings, exam.drawings.units)
    return [decide("drawings held out", old.name, drawn, Aim.BETTER, level), *no_worse(exam, old, new, level)]


def no_worse(exam: Exam, old: Sat, new: Sat, level: float = LEVEL) -> list[Gate]:
    """The gates at which a new model must not be worse than another one."""
    digits = np.concatenate([np.zeros(0, np.intp), *(tried.rows for tried in exam.spoiled)])
    pairs = {
        "MNIST held out: read": Pairs(old.read, new.read),
        "MNIST held out: accepted": Pairs(old.accepted, new.accepted),
        "no digits: refused": Pairs(old.refused, new.refused),
        "spoiled digits: read": Pairs(old.spoiled, new.spoiled, digits),
    }
    return [decide(name, old.name, each, Aim.NO_WORSE, level) for name, each in pairs.items()]


def held_back_by(gates: Sequence[Gate]) -> list[Gate]:
    """The gates that were not passed."""
    return [gate for gate in gates if not gate.passed]

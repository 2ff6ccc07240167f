"""What many rows come to: counts, classes, confidences, errors, and which answers are in the greatest doubt."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from heapq import nsmallest
from typing import Any, Final, Self

BINS: Final = 20  # of confidence, of equal width
DOUBTFUL: Final = 24  # answers that are kept to be looked at
BAD: Final = 20  # inputs with errors that are kept to be told


@dataclass(frozen=True, slots=True)
class Seen:
    """What counts of one row.

    Attributes:
        file: name of the input.
        text: what was read.
        confidence: of it, in [0, 1]; None where nothing was read.
        classes: what it is counted under.
        problems: kind and text of each error.
    """

    file: str
    text: str = ""
    confidence: float | None = None
    classes: tuple[str, ...] = ()
    problems: tuple[tuple[str, str], ...] = ()


Doubt = tuple[float, str, str]
"""Confidence, file and text of an answer."""


@dataclass(frozen=True, slots=True)
class Tally:
    """What rows come to.

    Attributes:
        rows: how many.
        failed: how many of them hold an error.
        classes: how many answers there are of each class.
        confidences: how many answers lie in each of `BINS` parts of [0, 1].
        errors: how many there are of each kind.
        bad: the first inputs with errors, and these.
        doubtful: the answers of the lowest confidence.
        cpu_s: seconds of processor that reading took.
    """

    rows: int = 0
    failed: int = 0
    classes: Counter[str] = field(default_factory=Counter)
    confidences: tuple[int, ...] = (0,) * BINS
    errors: Counter[str] = field(default_factory=Counter)
    bad: tuple[tuple[str, str], ...] = ()
    doubtful: tuple[Doubt, ...] = ()
    cpu_s: float = 0.0

    @classmethod
    def count(cls, rows: Iterable[Seen]) -> Self:
        """Count rows."""
        seen = list(rows)
        sure = [row for row in seen if row.confidence is not None]
        bins = Counter(min(int((row.confidence or 0.0) * BINS), BINS - 1) for row in sure)
        failed = [row for row in seen if row.problems]
        return cls(
            rows=len(seen),
            failed=len(failed),
            classes=Counter(name for row in seen for name in row.classes),
            confidences=tuple(bins[i] for i in range(BINS)),
            errors=Counter(kind for row in failed for kind, _ in row.problems),
            bad=tuple((row.file, text) for row in failed for _, text in row.problems)[:BAD],
            doubtful=tuple(nsmallest(DOUBTFUL, ((row.confidence or 0.0, row.file, row.text) for row in sure))),
        )

    def __add__(self, other: "Tally") -> "Tally":
        return replace(
            self,
            rows=self.rows + other.rows,
            failed=self.failed + other.failed,
            classes=self.classes + other.classes,
            confidences=tuple(a + b for a, b in zip(self.confidences, other.confidences, strict=True)),
            errors=self.errors + other.errors,
            bad=(self.bad + other.bad)[:BAD],
            doubtful=tuple(nsmallest(DOUBTFUL, self.doubtful + other.doubtful)),
            cpu_s=self.cpu_s + other.cpu_s,
        )

    def record(self) -> dict[str, Any]:
        """The tally, ready for JSON."""
        return {name: getattr(self, name) for name in self.__slots__}

    @classmethod
    def of(cls, record: dict[str, Any]) -> Self:
        """The tally of a record."""
        lists = {name: tuple(map(tuple, record[name])) for name in ("bad", "doubtful")}
        counts = {name: Counter(record[name]) for name in ("classes", "errors")}
        return cls(**(record | lists | counts | {"confidences": tuple(record["confidences"])}))

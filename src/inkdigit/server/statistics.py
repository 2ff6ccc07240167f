"""What users draw, where the model errs, and how its confidence drifts: the figures behind the review's plots."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from datetime import date, timedelta
from typing import Final

import numpy as np

from inkdigit.feedback import Label, Status
from inkdigit.image import encode_data_url
from inkdigit.server.judging import Judged
from inkdigit.server.schemas import (
    ClassAnswer,
    CountsAnswer,
    ErrorAnswer,
    ExampleAnswer,
    StatisticsAnswer,
    StatusName,
    WeekAnswer,
)

CLASSES: Final[tuple[Label, ...]] = (*range(10), None)
ERRORS: Final = 12  # kinds of error that are shown
EXAMPLES: Final = 6  # drawings shown of each


def summarize(
    judged: Sequence[Judged], model: str, counts: CountsAnswer, unread: int, considered: int
) -> StatisticsAnswer:
    """Count drawings.

    Args:
        judged: the newest first; none as long as some are yet to be read.
        model: the version that judged them.
        counts: of all drawings.
        unread: how many are yet to be read.
        considered: how many there are of those that are judged.
    """
    standing = [one for one in judged if one.kept.status is not Status.REJECTED]
    return StatisticsAnswer(
        model=model,
        counts=counts,
        considered=considered,
        unread=unread,
        classes=[_class(truth, judged) for truth in CLASSES],
        confusion=_confusion(standing),
        errors=_errors(standing),
        weeks=_weeks(judged),
    )


def _class(truth: Label, judged: Iterable[Judged]) -> ClassAnswer:
    found: Counter[StatusName] = Counter(one.kept.status.value for one in judged if one.kept.truth == truth)
    return ClassAnswer(truth=truth, new=found["new"], accepted=found["accepted"], rejected=found["rejected"])


def _confusion(judged: Iterable[Judged]) -> list[list[int]]:
    found = Counter((one.kept.truth, one.reading) for one in judged)
    return [[found[truth, reading] for reading in CLASSES] for truth in CLASSES]


def _errors(judged: Iterable[Judged]) -> list[ErrorAnswer]:
    found: defaultdict[tuple[Label, Label], list[Judged]] = defaultdict(list)
    for one in judged:
        if one.reading != one.kept.truth:
            found[one.kept.truth, one.reading].append(one)
    worst = sorted(found.items(), key=lambda item: len(item[1]), reverse=True)[:ERRORS]
    return [
        ErrorAnswer(truth=truth, reading=reading, count=len(them), examples=[_example(one) for one in them[:EXAMPLES]])
        for (truth, reading), them in worst
    ]


def _example(one: Judged) -> ExampleAnswer:
    return ExampleAnswer(id=one.kept.id, image=encode_data_url(one.kept.image))


def _weeks(judged: Iterable[Judged]) -> list[WeekAnswer]:
    found: defaultdict[date, list[Judged]] = defaultdict(list)
    for one in judged:
        day = one.kept.created.date()
        found[day - timedelta(days=day.weekday())].append(one)
    return [_week(monday, them) for monday, them in sorted(found.items())]


def _week(monday: date, judged: Sequence[Judged]) -> WeekAnswer:
    low, median, high = np.quantile([one.confidence for one in judged], [0.1, 0.5, 0.9]).tolist()
    told = [one.kept.confidence for one in judged if one.kept.confidence is not None]
    return WeekAnswer(
        monday=monday.isoformat(),
        drawings=len(judged),
        low=low,
        median=median,
        high=high,
        told=float(np.median(told)) if told else None,
        agreed=float(np.mean([one.kept.predicted == one.kept.label for one in judged])),
    )

"""Pages of drawings for the review, each by what the model of today makes of it."""

from collections.abc import Sequence
from typing import Final

from inkdigit.feedback import FeedbackStore, Kept, Label, Status
from inkdigit.image import encode_data_url
from inkdigit.server.judging import Judged
from inkdigit.server.schemas import CountsAnswer, DrawingAnswer, DrawingReading, ReviewAnswer, ReviewQuery
from inkdigit.server.state import current_state

WINDOW: Final = 5_000  # of the newest drawings: those that are put in order, searched and counted


def find(store: FeedbackStore, query: ReviewQuery) -> ReviewAnswer:
    """One page of the drawings that are asked for."""
    everything = query.order == "valuable" or {query.truth, query.reading} != {"any"}
    return _ranked(store, query) if everything else _newest(store, query)


def judge(drawings: Sequence[Kept]) -> tuple[list[Judged], int]:
    """What the model that serves now makes of drawings; and how many of them it has yet to read."""
    state = current_state()
    return state.judge.judge(drawings, state.recognizer)


def counts_of(store: FeedbackStore) -> CountsAnswer:
    """How many drawings there are."""
    return CountsAnswer(**{status.value: count for status, count in store.count().items()})


def _newest(store: FeedbackStore, query: ReviewQuery) -> ReviewAnswer:
    """Straight from the store, which knows the order."""
    status = _status(query)
    after = int(query.after.partition("-")[2]) if query.after else None
    found = store.drawings(status=status, limit=query.limit + 1, after=after)
    judged, unread = judge(found[: query.limit])
    matching = sum(count for of, count in store.count().items() if status in (None, of))
    return _answer(store, judged, more=len(found) > query.limit, unread=unread, matching=matching)


def _ranked(store: FeedbackStore, query: ReviewQuery) -> ReviewAnswer:
    """Judged, searched and put in order; none as long as some are yet to be read."""
    judged, unread = judge(store.drawings(status=_status(query), limit=WINDOW))
    found = sorted((_rank(one, query), one) for one in judged if not unread and _matches(one, query))
    rest = [one for rank, one in found if not query.after or rank > _rank_of(query.after, query)]
    more = len(rest) > query.limit
    return _answer(store, rest[: query.limit], more=more, unread=unread, matching=len(found))


def _rank(one: Judged, query: ReviewQuery) -> tuple[int, int]:
    """The most surprising first, or else the newest."""
    return _rank_of(_cursor(one), query)


def _rank_of(cursor: str, query: ReviewQuery) -> tuple[int, int]:
    surprise, _, id = cursor.partition("-")  # noqa: A001
    return (-int(surprise) if query.order == "valuable" else 0), -int(id)


def _cursor(one: Judged) -> str:
    return f"{round(one.surprise * 1000)}-{one.kept.id}"


def _matches(one: Judged, query: ReviewQuery) -> bool:
    return query.truth in ("any", _name(one.kept.truth)) and query.reading in ("any", _name(one.reading))


def _name(label: Label) -> str:
    return "none" if label is None else str(label)


def _status(query: ReviewQuery) -> Status | None:
    return None if query.status == "all" else Status(query.status)


def _answer(store: FeedbackStore, judged: list[Judged], *, more: bool, unread: int, matching: int) -> ReviewAnswer:
    return ReviewAnswer(
        drawings=[_drawing(one) for one in judged],
        next=_cursor(judged[-1]) if more else None,
        unread=unread,
        matching=matching,
        counts=counts_of(store),
        model=current_state().recognizer.version,
    )


def _drawing(one: Judged) -> DrawingAnswer:
    kept = one.kept
    return DrawingAnswer(
        id=kept.id,
        created=kept.created.isoformat(timespec="seconds"),
        status=kept.status.value,
        label=kept.label,
        truth=kept.truth,
        predicted=kept.predicted,
        model=kept.model,
        source=kept.source,
        image=encode_data_url(kept.image),
        reading=DrawingReading(
            label=one.reading,
            confidence=one.confidence,
            of_truth=one.of_truth,
            surprise=one.surprise,
            standing=one.standing,
            shares=list(one.shares),
            standings=list(one.standings),
        ),
    )

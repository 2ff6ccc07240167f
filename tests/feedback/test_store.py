"""What every store promises, in whichever database it is: each test runs on SQLite and on PostgreSQL."""

import dataclasses
import itertools
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from tests.feedback.drawings import CROSSED, PNG, SEVEN, submission

from inkdigit.errors import ConflictError, StoreError
from inkdigit.feedback import ANONYMOUS, FeedbackStore, Kept, Status, Verdict

ACCEPT_3 = Verdict(Status.ACCEPTED, 3)
REJECT = Verdict(Status.REJECTED, None)


def ids(drawings: list[Kept]) -> list[int]:
    return [kept.id for kept in drawings]


def labels(store: FeedbackStore) -> list[int | None]:
    return [kept.label for kept in store.drawings(newest_first=False)]


def only(store: FeedbackStore) -> Kept:
    [kept] = store.drawings()
    return kept


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Callable[[datetime], None]:
    """Sets this computer's clock."""

    def set_to(now: datetime) -> None:
        monkeypatch.setattr(time, "time_ns", lambda: int(now.timestamp() * 1e9))

    return set_to


# --- handing in


def test_a_drawing_comes_back_as_it_was_handed_in(store: FeedbackStore) -> None:
    handed_in = submission(strokes=CROSSED)

    store.add(handed_in)

    kept = only(store)
    fields = [field.name for field in dataclasses.fields(handed_in) if field.name != "writer"]
    assert [getattr(kept, name) for name in fields] == [getattr(handed_in, name) for name in fields]
    assert (kept.status, kept.truth, kept.source) == (Status.NEW, 7, ANONYMOUS)


def test_what_is_no_digit_and_what_is_not_known_comes_back_as_none(store: FeedbackStore) -> None:
    store.add(submission(None, predicted=None, confidence=None, strokes=None))

    kept = only(store)
    assert (kept.label, kept.truth, kept.predicted, kept.confidence, kept.strokes) == (None,) * 5


def test_a_drawing_carries_the_time_it_was_handed_in(store: FeedbackStore, clock: Callable[[datetime], None]) -> None:
    moment = datetime(2026, 3, 4, 5, 6, 7, 890_000, tzinfo=UTC)
    clock(moment)

    store.add(submission())

    assert only(store).created == moment


def test_drawings_of_one_writer_share_a_source_that_does_not_tell_the_writer(store: FeedbackStore) -> None:
    for writer in ("alma", "alma", "bert", None):
        store.add(submission(writer=writer))

    sources = [kept.source for kept in store.drawings(newest_first=False)]
    assert sources[0] == sources[1] != sources[2]
    assert sources[3] == ANONYMOUS
    assert not {"alma", "bert"} & set(sources)


def test_another_store_on_the_same_database_sees_the_drawing(store: FeedbackStore, database: str) -> None:
    store.add(submission())

    with FeedbackStore.open(database) as other:
        assert only(other) == only(store)


@pytest.mark.parametrize(
    "wrong",
    [
        {"label": 10},
        {"label": -1},
        {"label": 2**70},
        {"predicted": 10},
        {"confidence": 1.5},
        {"confidence": -0.1},
        {"model": ""},
        {"model": "\ud800"},
        {"image": b""},
        {"image": bytes(2**20 + 1)},
    ],
    ids=lambda wrong: next(iter(wrong)),
)
def test_what_can_be_no_drawing_is_refused_by_the_database_too(store: FeedbackStore, wrong: dict[str, Any]) -> None:
    with pytest.raises(StoreError):
        store.add(submission(**wrong))

    assert store.drawings() == []


def test_drawings_handed_in_at_the_same_time_are_all_kept(store: FeedbackStore) -> None:
    with ThreadPoolExecutor(8) as threads:
        receipts = list(threads.map(lambda number: store.add(submission(number % 10)), range(80)))

    assert len(set(receipts)) == 80
    assert sorted(labels(store), key=str) == sorted([number % 10 for number in range(80)], key=str)


# --- handing in again


def test_the_same_submission_under_the_same_key_is_kept_once(store: FeedbackStore) -> None:
    receipts = {store.add(submission(writer="alma"), key="k1") for _ in range(3)}

    assert len(receipts) == 1
    assert labels(store) == [7]


def test_the_same_key_at_the_same_time_is_kept_once(store: FeedbackStore) -> None:
    with ThreadPoolExecutor(8) as threads:
        receipts = set(threads.map(lambda _: store.add(submission(), key="k1"), range(16)))

    assert len(receipts) == 1
    assert labels(store) == [7]


def test_two_submissions_under_two_keys_are_two(store: FeedbackStore) -> None:
    receipts = {store.add(submission(), key=key) for key in ("k1", "k2")}

    assert len(receipts) == 2
    assert labels(store) == [7, 7]


@pytest.mark.parametrize(
    "other",
    [{"label": 8}, {"writer": "b"}, {"confidence": None}, {"image": PNG + b"."}],
    ids=lambda other: next(iter(other)),
)
def test_another_submission_under_the_same_key_is_a_conflict(store: FeedbackStore, other: dict[str, Any]) -> None:
    store.add(submission(), key="k1")

    with pytest.raises(ConflictError, match="use a new key"):
        store.add(submission(**other), key="k1")

    assert labels(store) == [7]


def test_a_key_gives_its_receipt_after_a_review_too(store: FeedbackStore) -> None:
    receipt = store.add(submission(), key="k1")
    store.review({only(store).id: ACCEPT_3})

    assert store.add(submission(), key="k1") == receipt


def test_a_deleted_drawing_is_not_kept_again_under_its_key(store: FeedbackStore) -> None:
    receipt = store.add(submission(), key="k1")
    store.delete(receipt)

    assert store.add(submission(), key="k1") == receipt
    assert store.drawings() == []


def test_a_deleted_drawing_is_not_kept_again_even_after_its_key_is_purged(store: FeedbackStore) -> None:
    receipt = store.add(submission(), key="k1")
    store.delete(receipt)
    store.purge(timedelta(days=-1))

    assert store.add(submission(), key="k1") == receipt
    assert store.drawings() == []


# --- deleting


def test_a_receipt_deletes_its_drawing_and_no_other(store: FeedbackStore) -> None:
    receipts = [store.add(submission(label)) for label in (1, 2, 3)]

    assert store.delete(receipts[1])
    assert labels(store) == [1, 3]


def test_deleting_again_or_with_a_wrong_receipt_changes_nothing(store: FeedbackStore) -> None:
    receipt = store.add(submission(1))
    store.add(submission(2))
    store.delete(receipt)

    assert [store.delete(wrong) for wrong in (receipt, "", "0" * 32, "x\0y", "\ud800")] == [False] * 5
    assert labels(store) == [2]


def test_a_drawing_can_be_deleted_by_its_id(store: FeedbackStore) -> None:
    store.add(submission())
    this = only(store).id

    assert [store.delete_id(this), store.delete_id(this), store.delete_id(2**80)] == [True, False, False]


def test_no_receipt_is_stored(store: FeedbackStore) -> None:
    receipts = [store.add(submission()), store.add(submission(), key="k1")]

    hashes = [receipt for _, receipt in store.with_receipts()]
    assert {len(stored) for stored in hashes} == {32}
    assert not {bytes.fromhex(receipt) for receipt in receipts} & {stored[:16] for stored in hashes}


def test_an_id_is_never_used_again(store: FeedbackStore) -> None:
    receipt = store.add(submission())
    this = only(store).id
    store.delete(receipt)

    store.add(submission())

    assert only(store).id > this


def test_purging_deletes_what_is_older_and_nothing_else(
    store: FeedbackStore, clock: Callable[[datetime], None]
) -> None:
    today = datetime(2026, 6, 30, tzinfo=UTC)
    for age in (100, 31, 29, 0):
        clock(today - timedelta(days=age))
        store.add(submission(age % 10))

    assert store.purge(timedelta(days=30)) == 2
    assert labels(store) == [9, 0]
    assert store.purge(timedelta(days=30)) == 0


# --- looking


def test_drawings_come_newest_first_or_oldest_first(store: FeedbackStore) -> None:
    for label in (1, 2, 3):
        store.add(submission(label))

    assert [kept.label for kept in store.drawings()] == [3, 2, 1]
    assert [kept.label for kept in store.drawings(newest_first=False)] == [1, 2, 3]


@pytest.mark.parametrize("newest_first", [True, False])
def test_pages_follow_each_other_without_gap_or_double(store: FeedbackStore, newest_first: bool) -> None:
    for label in range(7):
        store.add(submission(label))

    pages, after = [], None
    while page := store.drawings(newest_first=newest_first, limit=3, after=after):
        pages.append(ids(page))
        after = page[-1].id

    assert [len(page) for page in pages] == [3, 3, 1]
    assert [*itertools.chain.from_iterable(pages)] == ids(store.drawings(newest_first=newest_first))


def test_an_id_that_is_none_is_found_nowhere(store: FeedbackStore) -> None:
    store.add(submission())

    assert [store.get(none) for none in (0, -5, 2**63, 2**80)] == [None] * 4
    assert store.drawings(after=2**80, newest_first=False) == []


def test_drawings_and_counts_go_by_status(store: FeedbackStore) -> None:
    for label in range(4):
        store.add(submission(label))
    first, second, third, _ = ids(store.drawings(newest_first=False))
    store.review({first: Verdict(Status.ACCEPTED, 0), second: Verdict(Status.ACCEPTED, 1), third: REJECT})

    assert ids(store.drawings(status=Status.ACCEPTED)) == [second, first]
    assert [kept.id for kept in store.iterate(Status.REJECTED)] == [third]
    assert store.count() == {Status.NEW: 1, Status.ACCEPTED: 2, Status.REJECTED: 1}


def test_an_empty_store_counts_nothing(store: FeedbackStore) -> None:
    assert store.count() == {Status.NEW: 0, Status.ACCEPTED: 0, Status.REJECTED: 0}
    assert list(store.iterate()) == []


def test_all_drawings_can_be_gone_through_while_some_are_deleted(store: FeedbackStore) -> None:
    receipts = [store.add(submission(number % 10, image=b"p%d" % number)) for number in range(300)]
    seen = store.iterate()

    first = next(seen)
    store.delete(receipts[299])
    rest = [kept.image for kept in seen]

    assert [first.image, *rest] == [b"p%d" % number for number in range(299)]


# --- review


def test_a_review_sets_status_and_truth_and_leaves_the_writers_label(store: FeedbackStore) -> None:
    store.add(submission(7))
    this = only(store).id

    assert store.review({this: ACCEPT_3}) == 1
    assert (only(store).status, only(store).truth, only(store).label) == (Status.ACCEPTED, 3, 7)


def test_a_review_counts_what_it_changes_and_passes_over_what_is_gone(store: FeedbackStore) -> None:
    receipt = store.add(submission(1))
    gone = only(store).id
    store.add(submission(2))
    this = only_new(store, gone)
    store.delete(receipt)

    assert store.review({gone: ACCEPT_3, this: ACCEPT_3, 2**80: ACCEPT_3}) == 1
    assert store.review({this: ACCEPT_3}) == 0


def only_new(store: FeedbackStore, old: int) -> int:
    [kept] = store.drawings(newest_first=False, after=old)
    return kept.id


def test_every_review_can_be_taken_back_one_by_one(store: FeedbackStore) -> None:
    store.add(submission(1))
    store.add(submission(2))
    before = store.drawings()
    first, second = ids(before)
    store.review({first: ACCEPT_3, second: REJECT})
    between = store.drawings()
    store.review({first: REJECT})

    assert store.undo() == {first: ACCEPT_3}
    assert store.drawings() == between
    assert store.undo() == {first: Verdict(Status.NEW, 2), second: Verdict(Status.NEW, 1)}
    assert store.drawings() == before
    assert store.undo() == {}


def test_a_review_that_changed_nothing_is_not_what_is_taken_back(store: FeedbackStore) -> None:
    store.add(submission(1))
    this = only(store).id
    store.review({this: ACCEPT_3})
    store.review({this: ACCEPT_3})
    store.review({})

    assert list(store.undo()) == [this]
    assert only(store).status is Status.NEW


def test_a_review_after_one_was_taken_back_can_be_taken_back(store: FeedbackStore) -> None:
    store.add(submission(1))
    this = only(store).id
    store.review({this: ACCEPT_3})
    store.undo()
    store.review({this: REJECT})

    assert (len(store.undo()), len(store.undo())) == (1, 0)


def test_taking_back_passes_over_reviews_of_drawings_that_are_gone(store: FeedbackStore) -> None:
    receipt = store.add(submission(1))
    gone = only(store).id
    store.add(submission(2))
    store.review({only_new(store, gone): ACCEPT_3})
    store.review({gone: REJECT})
    store.delete(receipt)

    assert list(store.undo()) == [only(store).id]
    assert only(store).status is Status.NEW


def test_an_impossible_verdict_changes_nothing(store: FeedbackStore) -> None:
    store.add(submission(1))
    store.add(submission(2))
    first, second = ids(store.drawings())

    with pytest.raises(StoreError):
        store.review({first: ACCEPT_3, second: Verdict(Status.ACCEPTED, 12)})

    assert store.count()[Status.NEW] == 2
    assert store.undo() == {}


# --- clocks


@pytest.mark.parametrize("year", [1969, 1970, 2038, 9998])
def test_a_clock_that_jumps_changes_no_order(
    store: FeedbackStore, clock: Callable[[datetime], None], year: int
) -> None:
    clock(datetime(2026, 6, 1, tzinfo=UTC))
    store.add(submission(1), key="k1")
    clock(datetime(year, 1, 1, tzinfo=UTC))
    receipt = store.add(submission(2))
    clock(datetime(2026, 6, 2, tzinfo=UTC))
    store.add(submission(3))

    assert labels(store) == [1, 2, 3]
    assert store.add(submission(1), key="k1")
    assert store.delete(receipt)
    assert labels(store) == [1, 3]


def test_a_clock_that_jumps_back_takes_back_the_last_review(
    store: FeedbackStore, clock: Callable[[datetime], None]
) -> None:
    store.add(submission(1))
    this = only(store).id
    clock(datetime(2026, 6, 1, tzinfo=UTC))
    store.review({this: ACCEPT_3})
    clock(datetime(1970, 1, 1, tzinfo=UTC))
    store.review({this: REJECT})

    store.undo()

    assert (only(store).status, only(store).truth) == (Status.ACCEPTED, 3)


# --- copies


def test_a_copy_has_the_same_drawings_and_the_receipts_still_work(store: FeedbackStore, tmp_path: Any) -> None:
    receipt = store.add(submission(1, writer="alma"))
    store.add(submission(None, strokes=None), key="k1")
    store.review({ids(store.drawings())[0]: ACCEPT_3})

    with FeedbackStore.open(tmp_path / "copy.sqlite") as copy:
        restored = copy.restore(store.with_receipts())

        assert restored == 2
        assert [dataclasses.replace(kept, id=0) for kept in copy.iterate()] == [
            dataclasses.replace(kept, id=0) for kept in store.iterate()
        ]
        assert copy.delete(receipt)


def test_restoring_again_adds_nothing_and_brings_nothing_deleted_back(store: FeedbackStore) -> None:
    receipt = store.add(submission(1))
    store.add(submission(2))
    copy = list(store.with_receipts())
    store.delete(receipt)

    assert store.restore(copy) == 0
    assert labels(store) == [2]


def test_restoring_goes_on_where_it_was_interrupted(store: FeedbackStore, tmp_path: Any) -> None:
    for number in range(300):
        store.add(submission(number % 10, strokes=None, image=b"p%d" % number))

    def broken() -> Any:
        for number, pair in enumerate(store.with_receipts()):
            if number == 290:
                raise InterruptedError
            yield pair

    with FeedbackStore.open(tmp_path / "copy.sqlite") as copy:
        with pytest.raises(InterruptedError):
            copy.restore(broken())
        first = sum(copy.count().values())
        copy.restore(store.with_receipts())

        assert 0 < first < 300
        assert labels(copy) == labels(store)


def test_a_store_is_used_by_many_threads_for_everything_at_once(store: FeedbackStore) -> None:
    stop = threading.Event()

    def write(number: int) -> None:
        for turn in range(5):
            receipt = store.add(submission(number), key=f"{number}-{turn}")
            store.review({kept.id: Verdict(Status.ACCEPTED, number) for kept in store.drawings(limit=3)})
            if turn % 2:
                store.delete(receipt)

    def look() -> None:
        while not stop.is_set():
            assert all(kept.strokes == SEVEN for kept in store.drawings(limit=20))

    with ThreadPoolExecutor(6) as threads:
        reading = [threads.submit(look) for _ in range(2)]
        writing = [threads.submit(write, number) for number in range(4)]
        for future in writing:
            future.result()
        stop.set()
        for future in reading:
            future.result()

    assert sum(store.count().values()) == 12

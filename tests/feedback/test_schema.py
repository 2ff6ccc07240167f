"""Stores of every earlier version are brought up to date, on both databases, and interrupted too."""

import contextlib
from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import MetaData, Table, inspect, text
from tests.feedback.drawings import PNG, submission

from inkdigit.errors import NoStoreError, StoreError
from inkdigit.feedback import FeedbackStore, Status, schema
from inkdigit.feedback.database import Database
from inkdigit.feedback.schema import METADATA, MIGRATIONS, migrate

LATEST = len(MIGRATIONS)

# What a store of each version holds, as that version wrote it.
FIRST_DRAWING = {
    "created_ms": 1_760_000_000_123,
    "label": 4,
    "predicted": 9,
    "confidence": 0.75,
    "model": "digits-5",
    "image": PNG,
    "strokes": '[{"width":19.0,"points":[[80.0,60.0],[120.5,220.25]]}]',
    "source": "anonymous",
    "receipt": bytes(range(32)),
}
SECOND_DRAWING = FIRST_DRAWING | {"label": None, "strokes": None, "confidence": None, "receipt": bytes(32)}


@pytest.fixture
def opened(database: str) -> Iterator[Database]:
    with contextlib.closing(Database(database)) as connected:
        yield connected


def insert(opened: Database, table: str, **values: Any) -> None:
    names = ", ".join(values)
    marks = ", ".join(f":{name}" for name in values)
    with opened.writing() as connection:
        connection.execute(text(f"INSERT INTO {table} ({names}) VALUES ({marks})"), values)


def fill(opened: Database, version: int) -> None:
    """A store of this version, with two drawings; from version 2 on the first is accepted as a five."""
    migrate(opened, to=version)
    reviewed = {"status": "accepted", "truth": 5} if version >= 2 else {}
    unseen = {"status": "new", "truth": None} if version >= 2 else {}
    insert(opened, "inkdigit_drawings", **FIRST_DRAWING, **reviewed)
    insert(opened, "inkdigit_drawings", **SECOND_DRAWING, **unseen)
    if version >= 2:
        insert(opened, "inkdigit_reviews", created_ms=1_760_000_100_000, reviewer="")
        verdict = {"review": 1, "drawing": 1, "old_status": "new", "old_truth": 4}
        insert(opened, "inkdigit_verdicts", **verdict, new_status="accepted", new_truth=5)


def version_of(opened: Database) -> int:
    return schema._version(opened)


@pytest.mark.parametrize("version", range(1, LATEST + 1))
def test_what_an_older_store_holds_is_kept(opened: Database, database: str, version: int) -> None:
    fill(opened, version)

    with FeedbackStore.open(database) as store:
        first, second = store.iterate()
        assert (first.label, first.predicted, first.confidence, first.model, first.image) == (
            4,
            9,
            0.75,
            "digits-5",
            PNG,
        )
        assert first.strokes is not None
        assert first.strokes[0].points == ((80.0, 60.0), (120.5, 220.25))
        assert first.created.isoformat() == "2025-10-09T08:53:20.123000+00:00"
        assert (first.status, first.truth) == ((Status.ACCEPTED, 5) if version >= 2 else (Status.NEW, 4))
        assert (second.label, second.truth, second.strokes, second.status) == (None, None, None, Status.NEW)


@pytest.mark.parametrize("version", range(1, LATEST + 1))
def test_an_older_store_works_as_a_new_one_does(opened: Database, database: str, version: int) -> None:
    fill(opened, version)

    with FeedbackStore.open(database) as store:
        receipt = store.add(submission(), key="k1")
        assert store.add(submission(), key="k1") == receipt
        assert store.drawings()[0].id > 2
        assert len(store.undo()) == (1 if version >= 2 else 0)
        assert store.delete(receipt)
        assert store.count()[Status.NEW] == 2


WRONG: list[dict[str, Any]] = [
    {"label": 10},
    {"predicted": -1},
    {"confidence": 2.0},
    {"model": ""},
    {"image": b""},
    {"receipt": b"short"},
]
WRONG += [{"status": "lost"}, {"truth": 10}, {"created_ms": None}, {"source": None}, {"receipt": bytes(32)}]


@pytest.mark.parametrize("version", range(LATEST + 1))
def test_checks_are_enforced_whatever_the_version_the_store_began_with(opened: Database, version: int) -> None:
    if version:
        fill(opened, version)
    migrate(opened)
    if not version:
        fill(opened, LATEST)

    for wrong in WRONG:
        row = FIRST_DRAWING | {"receipt": b"n" * 32, "status": "new", "truth": 4} | wrong
        with pytest.raises(StoreError):
            insert(opened, "inkdigit_drawings", **row)


def test_a_verdict_on_no_drawing_is_refused(opened: Database) -> None:
    fill(opened, LATEST)

    with pytest.raises(StoreError):
        insert(
            opened, "inkdigit_verdicts", review=1, drawing=99, old_status="new", new_status="accepted", new_truth=None
        )


@pytest.mark.parametrize("version", range(LATEST))
def test_a_migration_that_is_interrupted_leaves_the_store_as_it_was_and_completes_later(
    opened: Database, database: str, version: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    if version:
        fill(opened, version)
    tables = described(opened)

    def interrupted(connection: Any) -> None:
        MIGRATIONS[version](connection)
        raise KeyboardInterrupt

    steps = (*MIGRATIONS[:version], interrupted, *MIGRATIONS[version + 1 :])
    with monkeypatch.context() as patched:
        patched.setattr(schema, "MIGRATIONS", steps)
        with pytest.raises(KeyboardInterrupt):
            migrate(opened)

    assert version_of(opened) == version
    assert described(opened) == tables
    with FeedbackStore.open(database) as store:
        assert len(store.drawings()) == (2 if version else 0)
    assert version_of(opened) == LATEST


@pytest.mark.parametrize("version", range(LATEST))
def test_two_programs_may_migrate_at_once(
    opened: Database, database: str, version: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The second one saw the old version, and waited until the first was done."""
    if version:
        fill(opened, version)
    migrate(opened)

    schema._step(opened, version)

    assert version_of(opened) == LATEST
    with FeedbackStore.open(database) as store:
        assert len(store.drawings()) == (2 if version else 0)


def test_a_store_that_is_up_to_date_is_not_written_to(opened: Database, database: str) -> None:
    fill(opened, LATEST)

    with FeedbackStore.open(database, read_only=True) as store:
        assert len(store.drawings()) == 2


def test_a_database_without_a_store_is_no_older_one_and_not_changed_by_who_only_reads(
    opened: Database, database: str
) -> None:
    with pytest.raises(NoStoreError, match="no drawing was kept yet"):
        FeedbackStore.open(database, read_only=True)

    assert described(opened) == {}


@pytest.mark.parametrize("version", range(1, LATEST))
def test_an_older_store_is_not_changed_by_who_only_reads(opened: Database, database: str, version: int) -> None:
    fill(opened, version)

    with pytest.raises(StoreError, match="run `inkdigit feedback migrate`"):
        FeedbackStore.open(database, read_only=True)

    assert version_of(opened) == version


def test_a_store_of_a_later_version_is_left_alone(opened: Database, database: str) -> None:
    fill(opened, LATEST)
    insert(opened, "inkdigit_versions", version=LATEST + 1)

    with pytest.raises(StoreError, match="later version of Inkdigit; run: pip install --upgrade"):
        FeedbackStore.open(database)


def described(opened: Database) -> dict[str, Any]:
    """The tables as the database has them: columns, which may be null, and keys."""
    with opened.reading() as connection:
        seen = MetaData()
        seen.reflect(connection)
        return {name: _shape(table) for name, table in seen.tables.items() if name.startswith("inkdigit_")}


def _shape(table: Table) -> Any:
    columns = {column.name: (not column.nullable, column.primary_key) for column in table.columns}
    return columns, {(key.parent.name, key.target_fullname) for key in table.foreign_keys}


def test_the_tables_that_are_queried_are_those_that_migrations_make(opened: Database) -> None:
    migrate(opened)

    assert described(opened) == {table.name: _shape(table) for table in METADATA.tables.values()}


def test_receipts_are_unique_in_the_database_too(opened: Database) -> None:
    migrate(opened)

    with opened.reading() as connection:
        unique = inspect(connection).get_unique_constraints("inkdigit_drawings")
    assert [constraint["column_names"] for constraint in unique] == [["receipt"]]

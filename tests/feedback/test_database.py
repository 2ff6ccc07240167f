"""How the store is set up, what it says when something is the matter, and that it recovers by itself."""

import contextlib
import os
import resource
import sqlite3
import stat
import sys
import tempfile
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from tests.feedback.conftest import needs_postgres
from tests.feedback.drawings import noise, submission
from tests.feedback.postgres import Cluster

from inkdigit.errors import MissingExtraError, StoreError
from inkdigit.feedback import FeedbackStore
from inkdigit.feedback.database import Database, _write_ahead

NOBODY = 65534


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "feedback.sqlite"


@pytest.fixture
def sqlite(path: Path) -> Iterator[FeedbackStore]:
    with FeedbackStore.open(path, timeout_s=0.2) as opened:
        yield opened


# --- how it is set up


@pytest.mark.parametrize(
    ("pragma", "value"),
    [("journal_mode", "wal"), ("synchronous", 2), ("foreign_keys", 1), ("secure_delete", 1), ("busy_timeout", 3000)],
)
def test_every_connection_to_sqlite_is_durable(path: Path, pragma: str, value: object) -> None:
    database = Database(path, timeout_s=3.0)

    with contextlib.ExitStack() as several:
        connections = [several.enter_context(database.reading()) for _ in range(3)]

        assert {connection.exec_driver_sql(f"PRAGMA {pragma}").scalar() for connection in connections} == {value}
    database.close()


@needs_postgres
def test_a_commit_in_postgresql_waits_for_the_disk_whatever_the_server_prefers(postgres: Cluster) -> None:
    with postgres.connect() as connection:
        connection.execute("ALTER ROLE tests SET synchronous_commit = off")
    database = Database(postgres.empty())

    with database.reading() as transaction:
        answer = transaction.exec_driver_sql("SHOW synchronous_commit").scalar()
    database.close()
    with postgres.connect() as connection:
        connection.execute("ALTER ROLE tests RESET synchronous_commit")

    assert answer == "on"


def test_nobody_else_may_read_the_file(sqlite: FeedbackStore, path: Path) -> None:
    sqlite.add(submission())

    modes = {stat.S_IMODE(file.stat().st_mode) for file in path.parent.iterdir()}
    assert modes == {0o600}


def test_folders_are_made_where_the_file_is_to_be(tmp_path: Path) -> None:
    with FeedbackStore.open(tmp_path / "a" / "b c" / "ä?#%.sqlite") as store:
        store.add(submission())

    assert (tmp_path / "a" / "b c" / "ä?#%.sqlite").is_file()


def test_a_file_can_be_named_as_a_url(path: Path) -> None:
    with FeedbackStore.open(f"sqlite:///{path}") as store:
        store.add(submission())

    with FeedbackStore.open(path) as again:
        assert len(again.drawings()) == 1


@pytest.mark.parametrize(
    "url",
    [
        "mysql://u:secret@h/db",
        "sqlite://",
        "nonsense://",
        "://",
        "postgresql://u:secret@h",
        "postgresql+psycopg://u:secret@h:abc/db",
        "postgresql+psycopg://h:secret/db",
        "postgresql+psycopg://u:secret@h:/db",
        "postgresql+psycopg://u:secret@[::1/db",
    ],
)
def test_other_databases_are_refused_and_passwords_not_told(url: str) -> None:
    with pytest.raises(StoreError, match="postgresql") as refused:
        FeedbackStore.open(url)

    assert "secret" not in str(refused.value)


def test_without_its_driver_postgresql_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "psycopg", None)

    with pytest.raises(MissingExtraError, match=r"inkdigit\[postgres\]"):
        FeedbackStore.open("postgresql+psycopg://u@127.0.0.1/x")


# --- deleting for good


def traces(path: Path, picture: bytes) -> list[str]:
    """The files of the store in which part of a picture still stands."""
    parts = [picture[at : at + 64] for at in range(100, len(picture) - 64, 500)]
    return [file.name for file in path.parent.iterdir() if any(part in file.read_bytes() for part in parts)]


def test_a_deleted_drawing_is_overwritten(sqlite: FeedbackStore, path: Path) -> None:
    sqlite.add(submission(image=noise(1)))
    receipt = sqlite.add(submission(image=noise(2, side=200)))
    assert traces(path, noise(2, side=200))

    sqlite.delete(receipt)

    assert traces(path, noise(2, side=200)) == []
    assert traces(path, noise(1)) != []


def test_purged_drawings_are_overwritten(sqlite: FeedbackStore, path: Path) -> None:
    for seed in range(5):
        sqlite.add(submission(image=noise(seed)))

    sqlite.purge(timedelta(days=-1))

    assert [traces(path, noise(seed)) for seed in range(5)] == [[]] * 5


def test_a_reader_does_not_keep_a_drawing_from_being_deleted(sqlite: FeedbackStore, path: Path) -> None:
    receipt = sqlite.add(submission())
    reader = sqlite3.connect(path)
    reader.execute("BEGIN")
    reader.execute("SELECT count(*) FROM inkdigit_drawings").fetchall()

    assert sqlite.delete(receipt)
    reader.close()


# --- reading only


def test_a_store_for_reading_refuses_to_write(sqlite: FeedbackStore, path: Path) -> None:
    sqlite.add(submission())
    with FeedbackStore.open(path, read_only=True) as reader:
        assert len(reader.drawings()) == 1
        with pytest.raises(StoreError, match="may not be written to"):
            reader.add(submission())

    assert len(sqlite.drawings()) == 1


def test_where_nothing_was_kept_reading_makes_no_file(path: Path) -> None:
    with pytest.raises(StoreError, match="no drawing was kept yet"):
        FeedbackStore.open(path, read_only=True)

    assert not path.exists()


@contextlib.contextmanager
def without_rights() -> Iterator[Path]:
    """A folder, in a process that may not do everything: root sheds its rights for a while."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        was_root = os.geteuid() == 0
        if was_root:
            os.chown(folder, NOBODY, NOBODY)
            os.setegid(NOBODY)
            os.seteuid(NOBODY)
        try:
            yield folder
        finally:
            folder.chmod(0o700)
            if was_root:
                os.seteuid(0)
                os.setegid(0)


def test_a_file_that_may_only_be_read_is_read_and_recovers_when_it_may_be_written() -> None:
    with without_rights() as folder:
        path = folder / "feedback.sqlite"
        with FeedbackStore.open(path) as store:
            store.add(submission())
        path.chmod(0o400)
        with FeedbackStore.open(path) as store:
            with pytest.raises(StoreError, match="may not be written to; allow that"):
                store.add(submission())
            assert len(store.drawings()) == 1
            for file in folder.iterdir():
                file.chmod(0o600)

            store.add(submission())

            assert len(store.drawings()) == 2


def test_a_store_in_a_folder_that_may_only_be_read_can_be_read() -> None:
    with without_rights() as folder:
        path = folder / "feedback.sqlite"
        with FeedbackStore.open(path) as store:
            store.add(submission())
        path.chmod(0o400)
        folder.chmod(0o500)

        with FeedbackStore.open(path, read_only=True) as store:
            assert len(store.drawings()) == 1


def test_a_store_that_cannot_be_made_says_so() -> None:
    with without_rights() as folder:
        folder.chmod(0o500)

        with pytest.raises(StoreError, match=r"Permission denied.*set INKDIGIT_DATABASE"):
            FeedbackStore.open(folder / "new" / "feedback.sqlite")


def test_a_file_that_is_no_database_is_left_alone(path: Path) -> None:
    path.write_bytes(b"these are somebody's notes, not a database; " * 100)
    before = path.read_bytes()

    with pytest.raises(StoreError, match="no SQLite database"):
        FeedbackStore.open(path)

    assert path.read_bytes() == before


def test_a_damaged_store_says_so(path: Path) -> None:
    with FeedbackStore.open(path) as store:
        for seed in range(10):
            store.add(submission(image=noise(seed)))
    data = bytearray(path.read_bytes())
    data[4096:40960] = b"\xaa" * (40960 - 4096)
    path.write_bytes(data)

    with pytest.raises(StoreError, match="damaged; move it away"), FeedbackStore.open(path) as store:
        store.drawings()


# --- locked


def test_a_store_that_another_program_locks_says_so_and_recovers(sqlite: FeedbackStore, path: Path) -> None:
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")

    with pytest.raises(StoreError, match="another program keeps it locked; try again"):
        sqlite.add(submission())
    assert sqlite.drawings() == []
    other.execute("ROLLBACK")
    other.close()
    sqlite.add(submission())

    assert len(sqlite.drawings()) == 1


class BusyAtFirst:
    """A connection that is told at once, some times, that others have the file, as when several open a new one."""

    def __init__(self, times: int, code: int = sqlite3.SQLITE_BUSY) -> None:
        self.times, self.code, self.asked = times, code, 0

    def execute(self, _statement: str) -> sqlite3.Cursor:
        self.asked += 1
        if self.asked > self.times:
            return sqlite3.connect(":memory:").cursor()
        error = sqlite3.OperationalError("database is locked")
        error.sqlite_errorcode = self.code
        raise error


def test_a_new_file_that_several_open_at_once_is_waited_for() -> None:
    connection = BusyAtFirst(3)

    _write_ahead(connection, timeout_s=60)  # type: ignore[arg-type]

    assert connection.asked == 4


@pytest.mark.parametrize(("code", "timeout_s"), [(sqlite3.SQLITE_BUSY, 0.0), (sqlite3.SQLITE_FULL, 60.0)])
def test_a_new_file_is_not_waited_for_for_ever_nor_whatever_the_matter(code: int, timeout_s: float) -> None:
    connection = BusyAtFirst(3, code)

    with pytest.raises(sqlite3.OperationalError):
        _write_ahead(connection, timeout_s)  # type: ignore[arg-type]

    assert connection.asked == 1


@needs_postgres
def test_a_postgresql_that_another_program_locks_says_so_and_recovers(postgres: Cluster) -> None:
    with FeedbackStore.open(postgres.empty(), timeout_s=0.2) as store:
        with postgres.connect() as other, other.transaction():
            other.execute("LOCK TABLE inkdigit_drawings IN ACCESS EXCLUSIVE MODE")
            with pytest.raises(StoreError, match="another program keeps it locked; try again"):
                store.add(submission())
        store.add(submission())

        assert len(store.drawings()) == 1


# --- a full disk


def fill(store: FeedbackStore) -> None:
    """Hand in drawings until that fails; all that were acknowledged must be there."""
    seeds: list[int] = []
    try:
        for seed in range(200):
            store.add(submission(seed % 10, image=noise(seed, side=150)))
            seeds.append(seed)
    finally:
        assert {noise(seed, side=150) for seed in seeds} <= {kept.image for kept in store.drawings()}
        assert len(seeds) > 3


def test_a_full_disk_says_so_keeps_what_was_acknowledged_and_recovers(sqlite: FeedbackStore) -> None:
    """SQLite's own limit on pages fails as a full disk does."""
    sqlite.add(submission())
    with sqlite._database.reading() as connection:
        connection.exec_driver_sql("PRAGMA max_page_count=60")
    with pytest.raises(StoreError, match="the disk is full; free some space"):
        fill(sqlite)
    kept = len(sqlite.drawings())
    with sqlite._database.reading() as connection:
        connection.exec_driver_sql("PRAGMA max_page_count=1000000")
    sqlite.add(submission())

    assert len(sqlite.drawings()) == kept + 1


@contextlib.contextmanager
def small_files() -> Iterator[None]:
    """No file may become larger than 400 kB; the kernel then refuses to write, as it does on a full disk."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (400_000, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_a_disk_that_takes_no_more_says_so_keeps_what_was_acknowledged_and_recovers(sqlite: FeedbackStore) -> None:
    with small_files(), pytest.raises(StoreError, match="the disk"):
        fill(sqlite)
    kept = len(sqlite.drawings())

    sqlite.add(submission())

    assert len(sqlite.drawings()) == kept + 1


# --- PostgreSQL goes away


@needs_postgres
def test_a_postgresql_that_restarts_has_what_was_acknowledged_and_the_store_recovers(postgres: Cluster) -> None:
    with FeedbackStore.open(postgres.empty(), timeout_s=5) as store:
        store.add(submission(1))
        postgres.stop()
        with pytest.raises(StoreError, match="cannot be reached; see that it runs"):
            store.add(submission(2))
        with pytest.raises(StoreError, match="cannot be reached"):
            store.drawings()
        postgres.start()

        store.add(submission(3))

        assert [kept.label for kept in store.drawings()] == [3, 1]


@needs_postgres
def test_a_restart_between_two_submissions_goes_unnoticed(postgres: Cluster) -> None:
    with FeedbackStore.open(postgres.empty(), timeout_s=5) as store:
        store.add(submission(1))
        postgres.stop("fast")
        postgres.start()

        store.add(submission(2))

        assert [kept.label for kept in store.drawings()] == [2, 1]


@needs_postgres
@pytest.mark.parametrize(
    ("wrong", "advice"),
    [
        ("/nowhere", "INKDIGIT_DATABASE is right.*does not exist"),
        ("wrong-password", "INKDIGIT_DATABASE is right.*password"),
    ],
)
def test_a_postgresql_that_refuses_says_why(postgres: Cluster, wrong: str, advice: str) -> None:
    url = postgres.url
    url = url.replace("/postgres", wrong) if wrong.startswith("/") else url.replace(postgres.password, wrong)

    with pytest.raises(StoreError, match=advice) as refused:
        FeedbackStore.open(url, timeout_s=5)

    assert postgres.password not in str(refused.value)


@needs_postgres
def test_a_user_who_may_not_make_tables_is_told(postgres: Cluster) -> None:
    postgres.empty()
    with postgres.connect() as connection:
        connection.execute("CREATE ROLE guest LOGIN PASSWORD 'guest'")
    url = postgres.url.replace(f"tests:{postgres.password}", "guest:guest")

    with pytest.raises(StoreError, match="grant it the right"):
        FeedbackStore.open(url, timeout_s=5)

    with postgres.connect() as connection:
        connection.execute("DROP ROLE guest")

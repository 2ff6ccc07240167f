"""SQLite and PostgreSQL made to behave alike: durable, one writer at a time, and errors that say what to do."""

import contextlib
import os
import sqlite3
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, DisconnectionError, NoSuchModuleError, SQLAlchemyError
from sqlalchemy.pool import ConnectionPoolEntry, QueuePool

from inkdigit.errors import MissingExtraError, NoStoreError, StoreError

TIMEOUT_S: Final = 10.0  # that a writer waits for the others
_LOCK: Final = 0x696E6B64  # "inkd": the lock of PostgreSQL that writers pass through one by one

# What an error's name begins with, and what to do. SQLite names its errors, PostgreSQL has the SQL standard's codes.
_ADVICE: Final = {
    "SQLITE_BUSY": "another program keeps it locked; try again, and if this lasts, see which program that is",
    "SQLITE_LOCKED": "another program keeps it locked; try again, and if this lasts, see which program that is",
    "SQLITE_FULL": "the disk is full; free some space and try again",
    "SQLITE_IOERR": "the disk does not take or give it; see that it has space and is sound, and try again",
    "SQLITE_READONLY": "it may not be written to; allow that, or set INKDIGIT_DATABASE to another place",
    "SQLITE_CANTOPEN": "it cannot be opened; see that its folder is there and may be written to",
    "SQLITE_CORRUPT": "it is damaged; move it away, and `inkdigit feedback import` the last export",
    "SQLITE_NOTADB": "it is no SQLite database; set INKDIGIT_DATABASE to another place",
    "55P03": "another program keeps it locked; try again, and if this lasts, see which program that is",
    "53100": "its disk is full; free some space and try again",
    "53300": "it has too many connections; try again, or allow it more",
    "25006": "it may not be written to; use the primary server, not a copy of it",
    "3F": "this user may not do that; grant it the right to create and change tables",
    "42501": "this user may not do that; grant it the right to create and change tables",
    "57": "it is starting or stopping; try again",
}


class Database:
    """A database that takes one writer at a time and loses nothing that was committed.

    Args:
        database: a URL as SQLAlchemy has them (sqlite or postgresql), or a file for SQLite.
        read_only: whether writing is refused; the file must then exist.
        timeout_s: how long to wait for other writers.

    Raises:
        NoStoreError: there is no such file, and writing is refused.
        StoreError: the URL is of another kind.
        MissingExtraError: the driver of PostgreSQL is not installed.
    """

    def __init__(self, database: str | Path, *, read_only: bool = False, timeout_s: float = TIMEOUT_S) -> None:
        url = url_of(database)
        self.dialect = url.get_backend_name()
        self.read_only = read_only
        if self.dialect == "sqlite":
            path = Path(url.database or "").absolute()
            self.name, self._engine = str(path), _sqlite(path, read_only, timeout_s)
        else:
            self.name, self._engine = url.render_as_string(hide_password=True), _postgresql(url, timeout_s)

    @contextlib.contextmanager
    def reading(self) -> Iterator[Connection]:
        """A transaction that changes nothing.

        Raises:
            StoreError: the database cannot be read.
        """
        with self._explained(), self._engine.connect() as connection, connection.begin():
            yield connection

    @contextlib.contextmanager
    def writing(self) -> Iterator[Connection]:
        """A transaction that no other writer disturbs; on disk when the block ends, and undone if it ends in an error.

        Raises:
            StoreError: the database cannot be written to; then nothing of it is kept.
        """
        with self._explained(), self._engine.connect().execution_options(writes=True) as connection, connection.begin():
            if self.dialect == "postgresql":
                connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_LOCK})")
            yield connection

    def forget_deleted(self) -> None:
        """Let the journal go, in which deleted rows may still stand; SQLite has overwritten them in the file itself."""
        if self.dialect != "sqlite":
            return
        connection = self._engine.raw_connection()
        try:
            cursor = connection.cursor()
            # Where somebody is still reading, or the disk is full, the next checkpoint does it.
            with contextlib.suppress(sqlite3.OperationalError):
                cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
        finally:
            connection.close()

    def close(self) -> None:
        """Close all connections."""
        self._engine.dispose()

    @contextlib.contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        # Numbers and letters that a database has no place for are its driver's errors, which nobody wraps.
        except (SQLAlchemyError, OverflowError, UnicodeError) as error:
            raise StoreError(f"the store of corrections at {self.name}: {_explanation(error)}") from error


def url_of(database: str | Path) -> URL:
    """The URL of a store that is named by it, or by a file.

    Raises:
        StoreError: it is of no database that a store can be in.
    """
    if isinstance(database, Path) or "://" not in database:
        return URL.create("sqlite", database=str(Path(database).absolute()))
    try:
        url = make_url(database)
    except ArgumentError as error:
        raise StoreError("INKDIGIT_DATABASE is neither a file nor a URL such as postgresql+psycopg://...") from error
    except ValueError:
        raise StoreError(
            "the URL in INKDIGIT_DATABASE or --database has a port that is no number, or one bracket without the "
            "other; write it as postgresql+psycopg://user@host:5432/name"
        ) from None  # whose words quote what may be part of a password
    if url.get_backend_name() not in ("sqlite", "postgresql") or not url.database:
        raise StoreError(
            "the store of corrections is a file (sqlite:///corrections.sqlite) or a database of PostgreSQL "
            f"(postgresql+psycopg://user@host/name), not {url.render_as_string(hide_password=True)}"
        )
    return url


def _sqlite(path: Path, read_only: bool, timeout_s: float) -> Engine:
    if not read_only:
        _make_file(path)
    elif not path.is_file():
        raise NoStoreError(f"no drawing was kept yet: there is no store of corrections at {path}")
    address = f"{path.as_uri()}?{_access(path) if read_only else 'mode=rw'}"
    pragmas = [f"busy_timeout={int(timeout_s * 1000)}", "foreign_keys=ON", "synchronous=FULL", "secure_delete=ON"]

    def connect() -> sqlite3.Connection:
        # The driver begins no transaction of its own (None); `begin` below does.
        connection = sqlite3.connect(
            address, uri=True, timeout=timeout_s, isolation_level=None, check_same_thread=False
        )
        try:
            for pragma in pragmas:
                connection.execute(f"PRAGMA {pragma}").fetchall()
            if not read_only:
                _write_ahead(connection, timeout_s)
        except BaseException:  # whatever it was, the file is let go of
            connection.close()
            raise
        return connection

    engine = create_engine("sqlite+pysqlite:///", creator=connect, poolclass=QueuePool)

    @event.listens_for(engine, "checkout")
    def renew(_connection: object, record: ConnectionPoolEntry, _proxy: object) -> None:
        # SQLite opens what it may not write to for reading, and goes on so when it might write.
        writable = _is_writable(path)
        if record.info.setdefault("writable", writable) != writable:
            raise DisconnectionError

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        # A writer that says so at once waits for its turn; one that begins to read and writes later is refused.
        writes = connection.get_execution_options().get("writes", False)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")

    return engine


def _write_ahead(connection: sqlite3.Connection, timeout_s: float) -> None:
    """Let the file have a journal that is written ahead, as often asked as it takes: SQLite waits for no turn at that.

    A file is busy then where several open it at the same time, for the first time.
    """
    until = time.monotonic() + timeout_s
    while True:
        try:
            connection.execute("PRAGMA journal_mode=WAL").fetchall()
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() >= until:
                raise
            time.sleep(0.01)
        else:
            return


def _access(path: Path) -> str:
    """How to open a file for reading only: as one that cannot change, where nobody has it open and nobody may."""
    journal = path.with_name(f"{path.name}-wal")
    return "mode=ro" if journal.exists() or _is_writable(path.parent) else "immutable=1"


def _is_writable(path: Path) -> bool:
    return os.access(path, os.W_OK, effective_ids=os.access in os.supports_effective_ids)


def _make_file(path: Path) -> None:
    """Make the file, which nobody else may read: people's drawings are in it."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with contextlib.suppress(PermissionError):  # of an existing file that may only be read, SQLite tells better
            path.touch(mode=0o600)
    except OSError as error:
        raise StoreError(f"{path} cannot be made ({error.strerror}); set INKDIGIT_DATABASE to another place") from error


def _postgresql(url: URL, timeout_s: float) -> Engine:
    wait_ms = int(timeout_s * 1000)
    settings = {
        "options": f"-c lock_timeout={wait_ms} -c synchronous_commit=on",
        "connect_timeout": max(2, round(timeout_s)),
        "tcp_user_timeout": wait_ms,  # after which a server that is out of reach is given up
    }
    try:
        return create_engine(url, pool_pre_ping=True, connect_args=settings)
    except (ImportError, NoSuchModuleError) as error:
        raise MissingExtraError("psycopg", "postgres") from error


def _explanation(error: Exception) -> str:
    """What is the matter, and what to do."""
    cause = error.orig if isinstance(error, DBAPIError) else error
    name = str(getattr(cause, "sqlite_errorname", None) or getattr(cause, "sqlstate", None) or "")
    said = (str(cause).strip().splitlines() or [type(cause).__name__])[0]
    advice = next((advice for start, advice in _ADVICE.items() if name.startswith(start)), None)
    if advice is None and isinstance(error, DBAPIError) and not name:
        advice = "it cannot be reached; see that it runs, and that INKDIGIT_DATABASE is right; then try again"
    return f"{advice} ({said})" if advice else said

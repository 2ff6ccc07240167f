"""The tables of the store, and the steps by which an older store becomes a current one.

The tables here are what queries are written with; the migrations alone make them, for a new store too, and a test
compares the two.
"""

import secrets
from collections.abc import Callable
from typing import Final

from sqlalchemy import (
    BigInteger,
    Column,
    Connection,
    Float,
    ForeignKey,
    LargeBinary,
    MetaData,
    SmallInteger,
    Table,
    Text,
    inspect,
    text,
)

from inkdigit.errors import NoStoreError, StoreError
from inkdigit.feedback.database import Database

METADATA: Final = MetaData()

DRAWINGS: Final = Table(
    "inkdigit_drawings",
    METADATA,
    Column("id", BigInteger, primary_key=True),
    Column("created_ms", BigInteger, nullable=False),  # Unix time in milliseconds
    Column("label", SmallInteger),
    Column("predicted", SmallInteger),
    Column("confidence", Float),
    Column("model", Text, nullable=False),
    Column("image", LargeBinary, nullable=False),
    Column("strokes", Text),  # JSON
    Column("source", Text, nullable=False),
    Column("receipt", LargeBinary, nullable=False, unique=True),  # its SHA-256
    Column("status", Text, nullable=False),
    Column("truth", SmallInteger),
)

REVIEWS: Final = Table(
    "inkdigit_reviews",
    METADATA,
    Column("id", BigInteger, primary_key=True),
    Column("created_ms", BigInteger, nullable=False),
    Column("reviewer", Text, nullable=False),
    Column("undone_ms", BigInteger),
)

VERDICTS: Final = Table(
    "inkdigit_verdicts",
    METADATA,
    Column("review", BigInteger, ForeignKey("inkdigit_reviews.id", ondelete="CASCADE"), primary_key=True),
    Column("drawing", BigInteger, ForeignKey("inkdigit_drawings.id", ondelete="CASCADE"), primary_key=True),
    Column("old_status", Text, nullable=False),
    Column("old_truth", SmallInteger),
    Column("new_status", Text, nullable=False),
    Column("new_truth", SmallInteger),
)

KEYS: Final = Table(
    "inkdigit_keys",
    METADATA,
    Column("key", LargeBinary, primary_key=True),  # the SHA-256 of an idempotency key
    Column("digest", LargeBinary, nullable=False),  # of what was handed in under it
    Column("created_ms", BigInteger, nullable=False),
)

TOMBSTONES: Final = Table(
    "inkdigit_tombstones",
    METADATA,
    Column("receipt", LargeBinary, primary_key=True),  # the SHA-256 of the receipt of a deleted drawing
)

SECRETS: Final = Table("inkdigit_secrets", METADATA, Column("value", LargeBinary, nullable=False))

VERSIONS: Final = Table("inkdigit_versions", METADATA, Column("version", SmallInteger, primary_key=True))


def _first(connection: Connection) -> None:
    """Drawings and the hashes of their receipts."""
    _run(
        connection,
        """
        CREATE TABLE inkdigit_drawings (
            id {id},
            created_ms BIGINT NOT NULL,
            label SMALLINT CHECK (label BETWEEN 0 AND 9),
            predicted SMALLINT CHECK (predicted BETWEEN 0 AND 9),
            confidence DOUBLE PRECISION CHECK (confidence BETWEEN 0 AND 1),
            model TEXT NOT NULL CHECK (length(model) BETWEEN 1 AND 200),
            image {bytes} NOT NULL CHECK (length(image) BETWEEN 1 AND 1048576),
            strokes TEXT CHECK (length(strokes) <= 4194304),
            source TEXT NOT NULL CHECK (length(source) BETWEEN 1 AND 64),
            receipt {bytes} NOT NULL UNIQUE CHECK (length(receipt) = 32)
        )
        """,
    )


def _reviewed(connection: Connection) -> None:
    """What review makes of a drawing, and the log by which each review can be taken back."""
    _run(
        connection,
        """
        ALTER TABLE inkdigit_drawings ADD COLUMN status TEXT NOT NULL DEFAULT 'new'
            CHECK (status IN ('new', 'accepted', 'rejected'))
        """,
        "ALTER TABLE inkdigit_drawings ADD COLUMN truth SMALLINT CHECK (truth BETWEEN 0 AND 9)",
        "UPDATE inkdigit_drawings SET truth = label",
        "CREATE INDEX inkdigit_drawings_by_status ON inkdigit_drawings (status, id)",
        """
        CREATE TABLE inkdigit_reviews (
            id {id}, created_ms BIGINT NOT NULL, reviewer TEXT NOT NULL, undone_ms BIGINT
        )
        """,
        """
        CREATE TABLE inkdigit_verdicts (
            review BIGINT NOT NULL REFERENCES inkdigit_reviews (id) ON DELETE CASCADE,
            drawing BIGINT NOT NULL REFERENCES inkdigit_drawings (id) ON DELETE CASCADE,
            old_status TEXT NOT NULL CHECK (old_status IN ('new', 'accepted', 'rejected')),
            old_truth SMALLINT CHECK (old_truth BETWEEN 0 AND 9),
            new_status TEXT NOT NULL CHECK (new_status IN ('new', 'accepted', 'rejected')),
            new_truth SMALLINT CHECK (new_truth BETWEEN 0 AND 9),
            PRIMARY KEY (review, drawing)
        )
        """,
        "CREATE INDEX inkdigit_verdicts_by_drawing ON inkdigit_verdicts (drawing)",
    )


def _once(connection: Connection) -> None:
    """A submission sent again is kept once, and a deleted one does not come back."""
    _run(
        connection,
        """
        CREATE TABLE inkdigit_keys (
            key {bytes} NOT NULL PRIMARY KEY CHECK (length(key) = 32),
            digest {bytes} NOT NULL CHECK (length(digest) = 32),
            created_ms BIGINT NOT NULL
        )
        """,
        "CREATE TABLE inkdigit_tombstones (receipt {bytes} NOT NULL PRIMARY KEY CHECK (length(receipt) = 32))",
        "CREATE TABLE inkdigit_secrets (value {bytes} NOT NULL CHECK (length(value) = 32))",
    )
    connection.execute(SECRETS.insert(), {"value": secrets.token_bytes(32)})


MIGRATIONS: Final[tuple[Callable[[Connection], None], ...]] = (_first, _reviewed, _once)
"""The steps, of which number n makes version n out of version n - 1. Never changed, only added to."""

_WORDS: Final = {
    "sqlite": {"id": "INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT", "bytes": "BLOB"},
    "postgresql": {"id": "BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY", "bytes": "BYTEA"},
}


def migrate(database: Database, to: int = len(MIGRATIONS)) -> None:
    """Bring the store to a version, step by step; each is done as a whole or not at all.

    Raises:
        NoStoreError: there is none, and the database is opened for reading only.
        StoreError: the store is of a later version, or it is older and opened for reading only.
    """
    while (version := _version(database)) < to:
        if database.read_only and version == 0:
            raise NoStoreError(f"no drawing was kept yet: there is no store of corrections at {database.name}")
        if database.read_only:
            raise StoreError(
                f"the store of corrections at {database.name} was made by an earlier version of Inkdigit; "
                "run `inkdigit feedback migrate`"
            )
        _step(database, version)
    if version > len(MIGRATIONS):
        raise StoreError(
            f"the store of corrections at {database.name} was made by a later version of Inkdigit; "
            "run: pip install --upgrade inkdigit"
        )


def _step(database: Database, version: int) -> None:
    with database.writing() as connection:
        if _version_in(connection) != version:  # another program was quicker
            return
        if version == 0:
            _run(connection, "CREATE TABLE inkdigit_versions (version SMALLINT NOT NULL PRIMARY KEY)")
        MIGRATIONS[version](connection)
        connection.execute(VERSIONS.insert(), {"version": version + 1})


def _version(database: Database) -> int:
    with database.reading() as connection:
        return _version_in(connection)


def _version_in(connection: Connection) -> int:
    if not inspect(connection).has_table(VERSIONS.name):
        return 0
    return connection.execute(text("SELECT max(version) FROM inkdigit_versions")).scalar() or 0


def _run(connection: Connection, *statements: str) -> None:
    for statement in statements:
        connection.exec_driver_sql(statement.format(**_WORDS[connection.dialect.name]))

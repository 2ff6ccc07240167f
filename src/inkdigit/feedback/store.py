"""The store of corrections: what was handed in with consent, what review made of it, and how it is forgotten."""

import hashlib
import hmac
import itertools
import json
import secrets
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final, Self

from sqlalchemy import ColumnElement, Connection, Select, delete, func, insert, select, union_all, update

from inkdigit.drawing import Strokes
from inkdigit.errors import ConflictError
from inkdigit.feedback.database import TIMEOUT_S, Database
from inkdigit.feedback.record import ANONYMOUS, Kept, Status, Submission, Verdict, strokes_as_json, strokes_of
from inkdigit.feedback.schema import DRAWINGS, KEYS, REVIEWS, SECRETS, TOMBSTONES, VERDICTS, migrate

_RECEIPT_BYTES: Final = 16  # 128 bits, which nobody guesses
_LAST_ID: Final = 2**63 - 1
_CHUNK: Final = 256  # drawings read at a time
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


class FeedbackStore:
    """Drawings with their corrections, in SQLite or PostgreSQL; safe for threads and for several processes.

    What a method has acknowledged by returning is on disk. A StoreError leaves the store as it was, and says what to
    do; when that is done, the next call works, and the store need not be opened anew.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._known_secret: bytes | None = None

    @classmethod
    def open(cls, database: str | Path, *, read_only: bool = False, timeout_s: float = TIMEOUT_S) -> Self:
        """Open a store; one that is not there yet is made, and an older one is brought up to date.

        Args:
            database: a URL as SQLAlchemy has them (sqlite or postgresql), or a file for SQLite.
            read_only: whether nothing may be changed; the store must then exist and be of this version.
            timeout_s: how long to wait for other writers.

        Raises:
            NoStoreError: there is none yet, and nothing may be changed.
            StoreError: it cannot be opened; the text says what to do.
            MissingExtraError: the driver of PostgreSQL is not installed.
        """
        opened = Database(database, read_only=read_only, timeout_s=timeout_s)
        try:
            migrate(opened)
        except BaseException:  # whatever it was, no connection stays open
            opened.close()
            raise
        return cls(opened)

    def close(self) -> None:
        """Close the connections; the store cannot be used afterwards."""
        self._database.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self.close()

    # --- handing in and taking back

    def add(self, submission: Submission, *, key: str | None = None) -> str:
        """Keep a drawing.

        Args:
            submission: checked by the caller.
            key: an idempotency key: the same submission under the same key is kept once, and has the same receipt; one
                that was deleted since is not kept again.

        Returns:
            The receipt with which to delete it: URL-safe text that nobody can guess, of which only a hash is stored.

        Raises:
            ConflictError: another submission was handed in under the same key.
            StoreError: it could not be stored.
        """
        row = _row_of(submission)
        with self._database.writing() as connection:
            receipt = secrets.token_hex(_RECEIPT_BYTES) if key is None else self._receipt_for(connection, key)
            hashed = _hash("receipt", receipt)
            if key is None or (_is_first(connection, key, row) and not _known(connection, [hashed])):
                connection.execute(insert(DRAWINGS), row | {"receipt": hashed})
        return receipt

    def delete(self, receipt: str) -> bool:
        """Delete the drawing of a receipt, for good; whether there was one."""
        return self._delete(DRAWINGS.c.receipt == _hash("receipt", receipt))

    def delete_id(self, id: int) -> bool:  # noqa: A002 - the name of the attribute
        """Delete the drawing of this id, for good; whether there was one."""
        return self._delete(DRAWINGS.c.id == _bounded(id))

    def _delete(self, which: ColumnElement[bool]) -> bool:
        with self._database.writing() as connection:
            receipts = connection.execute(select(DRAWINGS.c.receipt).where(which)).scalars().all()
            if receipts:
                connection.execute(insert(TOMBSTONES), [{"receipt": receipt} for receipt in receipts])
                connection.execute(delete(DRAWINGS).where(which))
        if receipts:
            self._database.forget_deleted()
        return bool(receipts)

    def purge(self, older_than: timedelta) -> int:
        """Delete the drawings that were handed in longer ago than this, by this computer's clock.

        Returns:
            How many there were.
        """
        before = _now_ms() - older_than // timedelta(milliseconds=1)
        with self._database.writing() as connection:
            deleted = connection.execute(delete(DRAWINGS).where(DRAWINGS.c.created_ms < before)).rowcount
            connection.execute(delete(KEYS).where(KEYS.c.created_ms < before))
        if deleted:
            self._database.forget_deleted()
        return deleted

    # --- looking

    def get(self, id: int) -> Kept | None:  # noqa: A002 - the name of the attribute
        """The drawing of this id, or None if there is none."""
        found = self._pairs(select(DRAWINGS).where(DRAWINGS.c.id == _bounded(id)))
        return found[0][0] if found else None

    def drawings(
        self,
        *,
        status: Status | None = None,
        newest_first: bool = True,
        limit: int | None = None,
        after: int | None = None,
    ) -> list[Kept]:
        """The drawings, in the order in which they were handed in.

        Args:
            status: only those that stand so in review.
            newest_first: or oldest first.
            limit: at most so many.
            after: those that follow the drawing of this id, in the order asked for.
        """
        return [kept for kept, _ in self._pairs(_query(status, newest_first, limit, after))]

    def iterate(self, status: Status | None = None) -> Iterator[Kept]:
        """All drawings, oldest first; a few are in memory at a time, and one deleted meanwhile does not come."""
        return (kept for kept, _ in self.with_receipts(status))

    def with_receipts(self, status: Status | None = None) -> Iterator[tuple[Kept, bytes]]:
        """As `iterate`, each with the hash of its receipt (32 bytes), for a copy of the store."""
        after = None
        while chunk := self._pairs(_query(status, False, _CHUNK, after)):
            yield from chunk
            after = chunk[-1][0].id

    def count(self) -> Mapping[Status, int]:
        """How many drawings there are of each status."""
        with self._database.reading() as connection:
            found = connection.execute(select(DRAWINGS.c.status, func.count()).group_by(DRAWINGS.c.status)).all()
        return dict.fromkeys(Status, 0) | {Status(status): count for status, count in found}

    def _pairs(self, query: Select[Any]) -> list[tuple[Kept, bytes]]:
        with self._database.reading() as connection:
            return [_pair_of(row._asdict()) for row in connection.execute(query)]

    # --- review

    def review(self, verdicts: Mapping[int, Verdict], *, reviewer: str = "") -> int:
        """Say of drawings, by id, what they show and whether they are accepted.

        What it changes is logged, with the time and the reviewer, so that `undo` can take it back. An id that is
        gone (its writer has deleted it) is passed over.

        Returns:
            How many drawings it changed.
        """
        with self._database.writing() as connection:
            changes = [change for pair in verdicts.items() for change in _changes(connection, *pair)]
            if changes:
                log = insert(REVIEWS).values(created_ms=_now_ms(), reviewer=reviewer).returning(REVIEWS.c.id)
                review = connection.execute(log).scalar_one()
                connection.execute(insert(VERDICTS), [change | {"review": review} for change in changes])
        return len(changes)

    def undo(self) -> Mapping[int, Verdict]:
        """Take the last review back that was not taken back yet, whoever took it.

        Returns:
            How each of its drawings, by id, stands again; empty where there is nothing to take back.
        """
        with self._database.writing() as connection:
            last = connection.execute(
                select(func.max(VERDICTS.c.review)).join(REVIEWS).where(REVIEWS.c.undone_ms.is_(None))
            ).scalar()
            its = select(VERDICTS).where(VERDICTS.c.review == last).order_by(VERDICTS.c.drawing)
            changes = connection.execute(its).all()
            for change in changes:
                _set(connection, change.drawing, change.old_status, change.old_truth)
            connection.execute(update(REVIEWS).where(REVIEWS.c.id == last).values(undone_ms=_now_ms()))
        return {change.drawing: Verdict(Status(change.old_status), change.old_truth) for change in changes}

    # --- copies

    def restore(self, copies: Iterable[tuple[Kept, bytes]]) -> int:
        """Keep drawings of another store, as `with_receipts` gave them; each gets a new id.

        Those that are here already stay as they are, and those that were deleted here stay deleted, so that it may be
        done again, also after it was interrupted.

        Returns:
            How many were new.
        """
        copies = iter(copies)
        restored = 0
        while chunk := {receipt: kept for kept, receipt in itertools.islice(copies, _CHUNK)}:
            with self._database.writing() as connection:
                known = _known(connection, list(chunk))
                rows = [_restored_row(kept, receipt) for receipt, kept in chunk.items() if receipt not in known]
                if rows:
                    connection.execute(insert(DRAWINGS), rows)
            restored += len(rows)
        return restored

    # --- receipts

    def _receipt_for(self, connection: Connection, key: str) -> str:
        """The receipt that belongs to a key: always the same, and known to nobody who lacks the store's secret."""
        if self._known_secret is None:
            self._known_secret = connection.execute(select(SECRETS.c.value)).scalar_one()
        mac = hmac.digest(self._known_secret, key.encode("utf-8", "surrogatepass"), "sha256")
        return mac[:_RECEIPT_BYTES].hex()


def _changes(connection: Connection, id: int, verdict: Verdict) -> list[dict[str, Any]]:  # noqa: A002
    """Set a drawing as the verdict says; what there is to log: one change, or none if it was so already or is gone."""
    this = select(DRAWINGS.c.status, DRAWINGS.c.truth).where(DRAWINGS.c.id == _bounded(id))
    old = connection.execute(this).first()
    if old is None or tuple(old) == (verdict.status.value, verdict.truth):
        return []
    _set(connection, id, verdict.status.value, verdict.truth)
    new = {"new_status": verdict.status.value, "new_truth": verdict.truth}
    return [{"drawing": id, "old_status": old.status, "old_truth": old.truth} | new]


def _set(connection: Connection, id: int, status: str, truth: int | None) -> None:  # noqa: A002
    connection.execute(update(DRAWINGS).where(DRAWINGS.c.id == id).values(status=status, truth=truth))


def _is_first(connection: Connection, key: str, row: Mapping[str, Any]) -> bool:
    """Whether nothing was handed in under this key before; then it is remembered.

    Raises:
        ConflictError: something else was.
    """
    hashed, digest = _hash("key", key), _digest(key, row)
    known = connection.execute(select(KEYS.c.digest).where(KEYS.c.key == hashed)).scalar()
    if known is None:
        connection.execute(insert(KEYS), {"key": hashed, "digest": digest, "created_ms": _now_ms()})
    elif not hmac.compare_digest(known, digest):
        raise ConflictError("another drawing was handed in under this Idempotency-Key; use a new key for each drawing")
    return known is None


def _known(connection: Connection, receipts: Sequence[bytes]) -> set[bytes]:
    """Which of these hashes of receipts belong to drawings that are here, or that were deleted."""
    tables = (DRAWINGS, TOMBSTONES)
    here = union_all(*(select(table.c.receipt).where(table.c.receipt.in_(receipts)) for table in tables))
    return set(map(bytes, connection.execute(here).scalars()))


def _query(status: Status | None, newest_first: bool, limit: int | None, after: int | None) -> Select[Any]:
    column = DRAWINGS.c.id
    query = select(DRAWINGS).order_by(column.desc() if newest_first else column).limit(limit)
    if status is not None:
        query = query.where(DRAWINGS.c.status == status.value)
    if after is not None:
        query = query.where(column < _bounded(after) if newest_first else column > _bounded(after))
    return query


def _bounded(id: int) -> int:  # noqa: A002
    """The id, or the nearest number that a database can hold, which is no drawing's."""
    return max(0, min(id, _LAST_ID))


def _row_of(submission: Submission) -> dict[str, Any]:
    return {
        "created_ms": _now_ms(),
        "label": submission.label,
        "predicted": submission.predicted,
        "confidence": submission.confidence,
        "model": submission.model,
        "image": submission.image,
        "strokes": _strokes_text(submission.strokes),
        "source": ANONYMOUS if submission.writer is None else _hash("writer", submission.writer).hex(),
        "status": Status.NEW.value,
        "truth": submission.label,
    }


def _restored_row(kept: Kept, receipt: bytes) -> dict[str, Any]:
    row = {name: getattr(kept, name) for name in Kept.__dataclass_fields__ if name not in ("id", "created")}
    created_ms = (kept.created - _EPOCH) // timedelta(milliseconds=1)
    strokes = _strokes_text(kept.strokes)
    return row | {"created_ms": created_ms, "strokes": strokes, "status": kept.status.value, "receipt": receipt}


def _strokes_text(strokes: Strokes | None) -> str | None:
    return None if strokes is None else json.dumps(strokes_as_json(strokes), separators=(",", ":"), allow_nan=False)


def _pair_of(row: dict[str, Any]) -> tuple[Kept, bytes]:
    """A drawing and the hash of its receipt."""
    receipt = bytes(row.pop("receipt"))
    row["created"] = _EPOCH + timedelta(milliseconds=row.pop("created_ms"))
    row["strokes"] = strokes_of(json.loads(row["strokes"] or "null"))
    row["image"], row["status"] = bytes(row["image"]), Status(row["status"])
    return Kept(**row), receipt


def _digest(key: str, row: Mapping[str, Any]) -> bytes:
    """A digest of what was handed in; it says nothing to one who lacks the key, and may so outlive the drawing."""
    told = {name: value for name, value in row.items() if name not in ("created_ms", "image")}
    content = json.dumps(told, sort_keys=True).encode() + b"\0" + row["image"]
    return hmac.digest(key.encode("utf-8", "surrogatepass"), content, "sha256")


def _hash(what: str, token: str) -> bytes:
    return hashlib.sha256(f"inkdigit {what}:{token}".encode("utf-8", "surrogatepass")).digest()


def _now_ms() -> int:
    return time.time_ns() // 1_000_000

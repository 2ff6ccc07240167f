"""Power is cut at every moment of a day's work; nothing that was acknowledged may be lost.

    python -m benchmarks.faults.power                        # as the store is
    python -m benchmarks.faults.power --synchronous NORMAL   # as it is not, to see that this would tell

Drawings are handed in and deleted while SQLite's own file layer tells each write, truncation and sync. Then the power
is cut again and again, anywhere in that log: what was synced is on the disk, of what was not each sector may be or not.
What comes up again is opened, checked, and compared with what had been acknowledged by then.
"""

import argparse
import contextlib
import ctypes
import dataclasses
import json
import random
import secrets
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from benchmarks.faults.store import drawing
from inkdigit.errors import StoreError
from inkdigit.feedback import FeedbackStore
from inkdigit.feedback.database import Database

SECTOR: Final = 512  # bytes that a disk writes as one
NAME: Final = "feedback.sqlite"


@dataclass(frozen=True, slots=True)
class Step:
    """A line of the log.

    Attributes:
        kind: write, truncate, sync or delete of a file; or kept or deleted, of a drawing, as acknowledged; or deletes,
            before it is.
        name: of the file or the drawing.
        at: where bytes were written, or the length that is left.
        data: that was written.
    """

    kind: str
    name: str
    at: int = 0
    data: bytes = b""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of it; the last three must be 0."""

    cuts: int
    steps: int  # of the log
    acknowledged: int  # drawings, at its end
    lost: int  # cuts after which one was not there that had been acknowledged
    back: int  # cuts after which one was there that had been acknowledged to be deleted
    unsound: int  # cuts after which the store did not open, or SQLite's own check complained


# --- the log

_Pointer = ctypes.c_void_p
_VFS_FIELDS: list[Any] = [
    ("version", ctypes.c_int),
    ("file_size", ctypes.c_int),
    ("longest_name", ctypes.c_int),
    ("next", _Pointer),
    ("name", ctypes.c_char_p),
    ("data", _Pointer),
    ("open", _Pointer),
    ("delete", _Pointer),
    *((f"rest_{number}", _Pointer) for number in range(14)),
]
_METHODS: Final = ["close", "read", "write", "truncate", "sync", *(f"rest_{number}" for number in range(13))]


class _Vfs(ctypes.Structure):
    _fields_ = _VFS_FIELDS


class _Methods(ctypes.Structure):
    _fields_ = [("version", ctypes.c_int), *((name, _Pointer) for name in _METHODS)]


_Open = ctypes.CFUNCTYPE(ctypes.c_int, _Pointer, _Pointer, _Pointer, ctypes.c_int, _Pointer)
_Delete = ctypes.CFUNCTYPE(ctypes.c_int, _Pointer, ctypes.c_char_p, ctypes.c_int)
_Write = ctypes.CFUNCTYPE(ctypes.c_int, _Pointer, _Pointer, ctypes.c_int, ctypes.c_int64)
_Truncate = ctypes.CFUNCTYPE(ctypes.c_int, _Pointer, ctypes.c_int64)
_Sync = ctypes.CFUNCTYPE(ctypes.c_int, _Pointer, ctypes.c_int)


def library() -> Any:
    """The SQLite that Python uses; None where it cannot be listened to, because it is a part of Python itself."""
    import _sqlite3

    try:
        loaded = ctypes.CDLL(_sqlite3.__file__)
        loaded.sqlite3_vfs_find.restype = ctypes.POINTER(_Vfs)
    except (AttributeError, OSError):
        return None
    return loaded


@contextlib.contextmanager
def logged() -> Iterator[list[Step]]:
    """What SQLite does to its files, as it does it. It opens and works as ever: each call is passed on."""
    sqlite = library()
    usual = sqlite.sqlite3_vfs_find(None)
    log: list[Step] = []
    alive: list[Any] = []  # what only C knows of
    layer = _Vfs.from_buffer_copy(usual.contents)
    layer.name, layer.next = b"logged", None

    def open_file(_vfs: int, name: int, file: int, flags: int, out: int) -> int:
        answer = _Open(usual.contents.open)(ctypes.addressof(usual.contents), name, file, flags, out)
        if answer == 0 and name:
            _listen(file, Path(ctypes.string_at(name).decode()).name, log, alive)
        return int(answer)

    def delete_file(_vfs: int, name: bytes, sync: int) -> int:
        log.append(Step("delete", Path(name.decode()).name))
        return int(_Delete(usual.contents.delete)(ctypes.addressof(usual.contents), name, sync))

    alive += [_Open(open_file), _Delete(delete_file)]
    layer.open, layer.delete = (ctypes.cast(function, _Pointer).value for function in alive)
    sqlite.sqlite3_vfs_register(ctypes.byref(layer), 1)
    try:
        yield log
    finally:
        sqlite.sqlite3_vfs_unregister(ctypes.byref(layer))
        sqlite.sqlite3_vfs_register(usual, 1)


def _listen(file: int, name: str, log: list[Step], alive: list[Any]) -> None:
    """Replace the methods of an open file by ones that tell."""
    place = _Pointer.from_address(file)  # where the file keeps the address of its methods
    usual = _Methods.from_address(place.value or 0)
    methods = _Methods.from_buffer_copy(usual)

    def write(this: int, data: int, length: int, at: int) -> int:
        log.append(Step("write", name, at, ctypes.string_at(data, length)))
        return int(_Write(usual.write)(this, data, length, at))

    def truncate(this: int, length: int) -> int:
        log.append(Step("truncate", name, length))
        return int(_Truncate(usual.truncate)(this, length))

    def sync(this: int, flags: int) -> int:
        answer = int(_Sync(usual.sync)(this, flags))
        log.append(Step("sync", name))
        return answer

    functions = [_Write(write), _Truncate(truncate), _Sync(sync)]
    methods.write, methods.truncate, methods.sync = (ctypes.cast(one, _Pointer).value for one in functions)
    alive += [functions, methods]
    place.value = ctypes.addressof(methods)


# --- the day's work


def work(folder: Path, drawings: int, synchronous: str | None = None) -> tuple[bytes, list[Step]]:
    """Hand drawings in, and delete some; the empty store, and the log from there on.

    Args:
        folder: for the store.
        drawings: how many.
        synchronous: another setting of SQLite than the store's own.
    """
    FeedbackStore.open(folder / NAME).close()
    empty = (folder / NAME).read_bytes()
    with logged() as log, contextlib.closing(Database(folder / NAME)) as database:
        store = FeedbackStore(database)
        if synchronous is not None:
            connection = database._engine.raw_connection()  # the only one of the pool, which is used from now on
            connection.cursor().execute(f"PRAGMA synchronous={synchronous}")
            connection.close()
        for number in range(drawings):
            token = secrets.token_hex(8)
            receipt = store.add(drawing(token))
            log.append(Step("kept", token))
            if number % 10 == 9:
                log.append(Step("deletes", token))
                store.delete(receipt)
                log.append(Step("deleted", token))
        return empty, list(log)


# --- the cuts


def cut(empty: bytes, log: Sequence[Step], chance: random.Random) -> dict[str, bytes]:
    """The files as a disk has them that lost its power at the end of this log."""
    synced = {name: place for place, step in enumerate(log) for name in [step.name] if step.kind == "sync"}
    files = {NAME: bytearray(empty)}
    for place, step in enumerate(log):
        certain = place < synced.get(step.name, -1)
        if step.kind == "delete" and (certain or chance.random() < 0.5):
            files.pop(step.name, None)
        elif step.kind == "truncate" and (certain or chance.random() < 0.5):
            del files.setdefault(step.name, bytearray())[step.at :]
        elif step.kind == "write":
            _write(files.setdefault(step.name, bytearray()), step, certain, chance)
    return {name: bytes(data) for name, data in files.items()}


def _write(file: bytearray, step: Step, certain: bool, chance: random.Random) -> None:
    share = 1.0 if certain else chance.choice([0.0, 0.5, 1.0])
    for at in range(0, len(step.data), SECTOR):
        if certain or chance.random() < share:
            piece, start = step.data[at : at + SECTOR], step.at + at
            file.extend(bytes(max(0, start - len(file))))
            file[start : start + len(piece)] = piece


def replay(empty: bytes, log: Sequence[Step], cuts: int, seed: int = 0) -> Outcome:
    """Cut the power at so many moments, and look at what comes up again."""
    chance = random.Random(seed)
    found = [_look(empty, log[: chance.randrange(1, len(log) + 1)], chance) for _ in range(cuts)]
    lost, back, unsound = (sum(column) for column in zip(*found, strict=True))
    return Outcome(cuts, len(log), sum(step.kind == "kept" for step in log), lost, back, unsound)


def _look(empty: bytes, log: Sequence[Step], chance: random.Random) -> tuple[bool, bool, bool]:
    """Whether something is lost, is back, or is unsound."""
    told = {kind: {step.name for step in log if step.kind == kind} for kind in ("kept", "deletes", "deleted")}
    with tempfile.TemporaryDirectory() as name:
        for file, data in cut(empty, log, chance).items():
            Path(name, file).write_bytes(data)
        try:
            there = _there(Path(name, NAME))
        except StoreError:
            return False, False, True
    return not told["kept"] - told["deletes"] <= there, bool(told["deleted"] & there), False


def _there(path: Path) -> set[str]:
    """The drawings that are there, all of them whole.

    Raises:
        StoreError: the store does not open, or is not sound.
    """
    with contextlib.closing(Database(path)) as database:
        with database.reading() as connection:
            if connection.exec_driver_sql("PRAGMA integrity_check").scalars().all() != ["ok"]:
                raise StoreError("it is not sound")
        kept = FeedbackStore(database).drawings()
    if any(drawn.image != drawing(drawn.model).image for drawn in kept):
        raise StoreError("a drawing is not whole")
    return {drawn.model for drawn in kept}


def main() -> int:
    """Run it, and print what came of it as JSON; the exit code is 1 if anything was lost."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--cuts", type=int, default=1000)
    parser.add_argument("--drawings", type=int, default=100)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--synchronous", choices=["FULL", "NORMAL", "OFF"], help="another setting than the store's own")
    given = parser.parse_args()
    if library() is None:
        sys.exit("this Python's SQLite cannot be listened to; use one that loads libsqlite3")
    with tempfile.TemporaryDirectory() as folder:
        empty, log = work(Path(folder), given.drawings, given.synchronous)
    outcome = replay(empty, log, given.cuts, given.seed)
    print(json.dumps(dataclasses.asdict(outcome)))
    return int(bool(outcome.lost or outcome.back or outcome.unsound))


if __name__ == "__main__":
    sys.exit(main())

"""Several processes hand drawings in and are killed again and again; nothing that was acknowledged may be lost.

    python -m benchmarks.faults.store                                       # SQLite, 4 writers, 15 seconds
    python -m benchmarks.faults.store --database postgresql+psycopg://...   # an empty database

A writer tells over a pipe what it is about to do and what was acknowledged: "?" about to hand a drawing in, "+" it has
the receipt, "-" about to delete it, "x" it is deleted. Whoever is killed in between has its successor hand the same
drawing in again under the same key. At the end the store is compared with what the pipe says.
"""

import argparse
import dataclasses
import hashlib
import itertools
import json
import os
import random
import secrets
import select
import signal
import sys
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from inkdigit.errors import StoreError
from inkdigit.feedback import FeedbackStore, Submission
from inkdigit.feedback.database import Database

DELETED = 8  # one of so many drawings is deleted again


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of it; all but the first four must be 0."""

    seconds: float
    kills: int
    acknowledged: int  # drawings
    deletions: int  # acknowledged
    lost: int  # acknowledged, and not there
    back: int  # acknowledged to be deleted, and there
    double: int  # there more than once
    damaged: int  # not as they were handed in
    strangers: int  # never handed in
    failed: int  # writers that ended in an error
    unsound: int  # complaints of SQLite's own check

    @property
    def sound(self) -> bool:
        """Whether nothing was lost, and nothing is there that should not be."""
        return not any(dataclasses.astuple(self)[4:])


def drawing(token: str) -> Submission:
    """A drawing whose picture is made of its name, so that it shows whether it is whole."""
    length = 200 + int(token[:4], 16) % 20_000  # bytes: some fit a page of the database, some do not
    picture = hashlib.shake_256(token.encode()).digest(length)
    return Submission(int(token, 16) % 10, 1, 0.5, token, picture, writer=token[:1])


def crash(database: str | Path, seconds: float = 15.0, writers: int = 4, seed: int = 0) -> Outcome:
    """Let writers write and kill them at random, for so long; then look at what is there."""
    chance = random.Random(seed)
    said, say = os.pipe()
    Database(database).close()  # loads the driver once, before the processes part
    running = [_start(database, say, []) for _ in range(writers)]
    told = _listen(said, 60.0, enough="+")
    kills = failed = 0
    begun = time.monotonic()
    while time.monotonic() < begun + seconds:
        told += _listen(said, chance.uniform(0.0, 0.4))
        victim = chance.randrange(writers)
        failed += not _kill(running[victim])
        kills += 1
        told += _listen(said, 0.0)
        running[victim] = _start(database, say, _unanswered(told, running[victim]))
    failed += sum(not _kill(writer) for writer in running)
    told += _listen(said, 0.0)
    os.close(said)
    os.close(say)
    return _compare(database, told, time.monotonic() - begun, kills + writers, failed)


def _start(database: str | Path, say: int, again: list[str]) -> int:
    child = os.fork()
    if child:
        return child
    try:
        _write(database, say, again)
    except BaseException:  # noqa: BLE001 - a writer is to end by being killed; whatever else ends it is told
        traceback.print_exc()
    finally:
        os._exit(1)


def _kill(writer: int) -> bool:
    """Kill it; whether it was still at work."""
    os.kill(writer, signal.SIGKILL)
    _, status = os.waitpid(writer, 0)
    return os.WIFSIGNALED(status)


def _write(database: str | Path, say: int, again: list[str]) -> None:
    def tell(mark: str, token: str) -> None:
        os.write(say, f"{mark} {token} {os.getpid()}\n".encode())  # so short that no other line comes in between

    with FeedbackStore.open(database, timeout_s=60) as store:
        for token in itertools.chain(again, iter(lambda: secrets.token_hex(8), None)):
            tell("?", token)
            receipt = store.add(drawing(token), key=token)
            tell("+", token)
            if int(token, 16) % DELETED == 0:
                tell("-", token)
                store.delete(receipt)
                tell("x", token)


def _listen(pipe: int, seconds: float, enough: str = "nothing") -> list[str]:
    """The lines that come within so many seconds, or until one has this mark; and those that are there already."""
    text = ""
    until = time.monotonic() + seconds
    while enough not in text and select.select([pipe], [], [], max(0.0, until - time.monotonic()))[0]:
        text += os.read(pipe, 1 << 16).decode()
    return text.splitlines()


def _unanswered(told: Iterable[str], writer: int) -> list[str]:
    """What this writer was about to hand in when it was killed."""
    own = [line.split() for line in told if line.endswith(f" {writer}")]
    answered = {token for mark, token, _ in own if mark == "+"}
    return [token for mark, token, _ in own if mark == "?" and token not in answered]


def _compare(database: str | Path, told: list[str], seconds: float, kills: int, failed: int) -> Outcome:
    marks = {mark: {line.split()[1] for line in told if line[0] == mark} for mark in "?+-x"}
    with FeedbackStore.open(database) as store:
        kept = [(drawn.model, drawn) for drawn in store.iterate()]
    there = Counter(token for token, _ in kept)
    return Outcome(
        seconds=round(seconds, 1),
        kills=kills,
        acknowledged=len(marks["+"]),
        deletions=len(marks["x"]),
        lost=len(marks["+"] - marks["-"] - there.keys()),
        back=len(marks["x"] & there.keys()),
        double=sum(count > 1 for count in there.values()),
        damaged=sum(not _is_whole(token, drawn) for token, drawn in kept),
        strangers=len(there.keys() - marks["?"]),
        failed=failed,
        unsound=_unsound(database),
    )


def _is_whole(token: str, kept: Any) -> bool:
    wanted = drawing(token)
    return all(getattr(kept, name) == getattr(wanted, name) for name in ("label", "image", "confidence", "predicted"))


def _unsound(database: str | Path) -> int:
    opened = Database(database)
    try:
        if opened.dialect != "sqlite":
            return 0
        with opened.reading() as connection:
            integrity = connection.exec_driver_sql("PRAGMA integrity_check").scalars().all()
            return (integrity != ["ok"]) + len(connection.exec_driver_sql("PRAGMA foreign_key_check").all())
    finally:
        opened.close()


def main() -> int:
    """Run it, and print what came of it as JSON; the exit code is 1 if anything was lost."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--database", help="a file or URL; a new file of SQLite if not given")
    parser.add_argument("--seconds", type=float, default=15.0)
    parser.add_argument("--writers", type=int, default=4)
    parser.add_argument("--seed", type=int, default=0, help="of who is killed when")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        database = given.database or str(Path(folder, "feedback.sqlite"))
        try:
            outcome = crash(database, given.seconds, given.writers, given.seed)
        except StoreError as error:
            sys.exit(str(error))
    print(json.dumps(dataclasses.asdict(outcome)))
    return 0 if outcome.sound else 1


if __name__ == "__main__":
    sys.exit(main())

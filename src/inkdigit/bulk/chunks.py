"""What became of a chunk of inputs, in one file that says of itself whether it is whole.

Its first line is JSON: the chunk's number, the digest of what follows, and the tally of it. The rest are the rows as
lines of the table. A file is put in place under its name at once, so that a chunk is there once or not at all, whoever
was killed meanwhile; a disk that lost a part of it is found out by the digest.
"""

import contextlib
import hashlib
import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from inkdigit.bulk.tally import Tally

PER_FOLDER: Final = 1000  # chunks


@dataclass(frozen=True, slots=True)
class Done:
    """A chunk that was read.

    Attributes:
        lines: the rows, as the table's kind wants them.
        tally: what they come to.
    """

    lines: bytes
    tally: Tally


@dataclass(frozen=True, slots=True)
class ChunkFolder:
    """Where the chunks of a batch lie."""

    path: Path

    def place(self, number: int) -> Path:
        """The file of a chunk."""
        return self.path / f"{number // PER_FOLDER:05}" / f"{number:08}.chunk"

    def keep(self, number: int, contents: bytes) -> None:
        """Put a chunk in place, as `encode` makes it.

        Raises:
            OSError: the disk is full, or does not take it.
        """
        place = self.place(number)
        place.parent.mkdir(exist_ok=True)
        new = place.with_suffix(f".{os.getpid()}")
        try:
            new.write_bytes(contents)
            new.replace(place)
        except OSError:
            with contextlib.suppress(OSError):
                new.unlink(missing_ok=True)
            raise

    def is_there(self, number: int) -> bool:
        """Whether a chunk is there and whole; one that is damaged is thrown away."""
        if not self.place(number).exists():
            return False
        if self.read(number) is not None:
            return True
        self.place(number).unlink()
        return False

    def read(self, number: int) -> Done | None:
        """A chunk, or None where it is not there or not whole."""
        try:
            return decode(number, self.place(number).read_bytes())
        except FileNotFoundError:
            return None


def encode(number: int, done: Done) -> bytes:
    """The contents of a chunk's file."""
    head = {"chunk": number, "sha256": hashlib.sha256(done.lines).hexdigest(), "tally": done.tally.record()}
    return json.dumps(head).encode() + b"\n" + done.lines


def decode(number: int, contents: bytes) -> Done | None:
    """A chunk of this number, or None where the contents are not all of it."""
    head, _, lines = contents.partition(b"\n")
    try:
        said = json.loads(head)
        whole = said["chunk"] == number and said["sha256"] == hashlib.sha256(lines).hexdigest()
        return Done(lines, Tally.of(said["tally"])) if whole else None
    except (ValueError, KeyError, TypeError):
        return None

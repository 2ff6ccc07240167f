"""The last hour, slot by slot, in memory that all workers share: for the status page, where there is no Prometheus.

A slot's record is what all counts stood at when its first request came. So what happened in a slot is its record taken
from the next one's, however long nothing was asked in between; no clock has to tick for that.
"""

import json
import mmap
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

SLOT_S: Final = 15.0
SLOTS: Final = 240
_BYTES: Final = 4096  # of a record

Record = dict[str, Any]


class History:
    """A ring of records; shared by threads and processes.

    Args:
        count: tells what all counts stand at.
        file: where the ring lies; in this process' own memory where it is None.
    """

    def __init__(self, count: Callable[[], Record], file: Path | None = None) -> None:
        self._count = count
        self._seen = -1
        self._ring = mmap.mmap(-1, SLOTS * _BYTES) if file is None else _mapped(file)

    def look(self) -> None:
        """Write a record if this slot has none yet; to be called before a request is counted."""
        slot = int(time.time() / SLOT_S)
        if slot == self._seen:
            return
        self._seen = slot
        found = self._read(slot % SLOTS)
        if found is None or found["slot"] != slot:
            self._write({"slot": slot, **self._count()})

    def records(self) -> list[Record]:
        """The records of the last hour, the oldest first, and the present as the last."""
        now = int(time.time() / SLOT_S)
        found = [record for record in map(self._read, range(SLOTS)) if record and now - SLOTS < record["slot"] <= now]
        return [*sorted(found, key=lambda record: record["slot"]), {"slot": now + 1, **self._count()}]

    def _read(self, place: int) -> Record | None:
        text = self._ring[place * _BYTES : (place + 1) * _BYTES].rstrip(b"\0")
        try:
            record: Record = json.loads(text)
        except ValueError:  # nothing is there, or another process is at it
            return None
        return record

    def _write(self, record: Record) -> None:
        text = json.dumps(record, separators=(",", ":")).encode()
        if len(text) <= _BYTES:
            start = record["slot"] % SLOTS * _BYTES
            self._ring[start : start + _BYTES] = text.ljust(_BYTES, b"\0")


def _mapped(file: Path) -> mmap.mmap:
    with file.open("a+b") as opened:
        opened.truncate(SLOTS * _BYTES)
        return mmap.mmap(opened.fileno(), SLOTS * _BYTES)

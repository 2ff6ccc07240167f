"""How often one client may ask: token buckets in memory that all workers of a server share.

A bucket is one number, the moment by which it will be full again (the generic cell rate algorithm), so that whoever
dies while writing leaves at worst one bucket a little wrong. The lock is the system's own, on the table's file, which
is taken back from a process that dies; one that cannot be had within moments is done without, for no limit is worth a
wait.
"""

import contextlib
import functools
import hashlib
import ipaddress
import math
import mmap
import secrets
import struct
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Final, Self

from inkdigit.config import Settings

if sys.platform == "win32":
    import msvcrt
else:
    import fcntl

SLOTS: Final = 8192  # buckets; of more clients at once, those that asked the longest ago are forgotten
WAYS: Final = 16  # places where a client's bucket may lie
SALT_BYTES: Final = 16  # at the front of the table, so that nobody can choose addresses that push another out
LOCK_TRIES: Final = 40
LOCK_PAUSE_S: Final = 0.0005

REQUESTS, FEEDBACK, ADMIN_TRIES = "requests", "feedback", "admin tries"  # what is limited

_SLOT: Final = struct.Struct("<8sd")  # whose it is, and when it is full again
_EMPTY: Final = bytes(8)


@dataclass(frozen=True, slots=True)
class Allowance:
    """What one client may do: so many at once, and then so many in a second."""

    burst: int
    per_second: float


class Limits:
    """The buckets of all clients; safe to share between threads, and between processes that open the same file.

    Args:
        allowances: by name; what has none is not limited.
        table: a file made by `make_table`; memory of this process alone where there is none.
    """

    def __init__(self, allowances: Mapping[str, Allowance], table: Path | None = None) -> None:
        self._allowances = dict(allowances)
        self._threads = threading.Lock()
        self._file: IO[bytes] | None = None if table is None else table.open("r+b")
        self._table = mmap.mmap(-1 if self._file is None else self._file.fileno(), _size())
        if self._file is None:
            self._table[:SALT_BYTES] = secrets.token_bytes(SALT_BYTES)
        self._salt = bytes(self._table[:SALT_BYTES])

    def take(self, name: str, client: str, own: Allowance | None = None) -> float:
        """Take a token, if there is one.

        Args:
            name: what is limited.
            client: whom it counts for.
            own: the client's own allowance, in place of everybody's.

        Returns:
            0 if there was one, else the seconds until there will be.
        """
        return self._ask(name, client, 1, own)

    def wait_for(self, name: str, client: str) -> float:
        """The seconds until there will be a token, and 0 if there is one; none is taken."""
        return self._ask(name, client, 0)

    def close(self) -> None:
        """Let go of the table."""
        self._table.close()
        if self._file is not None:
            self._file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self.close()

    def _ask(self, name: str, client: str, tokens: int, own: Allowance | None = None) -> float:
        allowed = own or self._allowances.get(name)
        if allowed is None:
            return 0.0
        who = hashlib.blake2b(f"{name} {client}".encode(), digest_size=8, key=self._salt).digest()
        now, step = time.monotonic(), 1 / allowed.per_second
        with self._alone():
            place, full_at = self._find(who)
            wait = max(full_at, now) - now - (allowed.burst - 1) * step
            if wait <= 0 and tokens:
                _SLOT.pack_into(self._table, place, who, max(full_at, now) + step)
        return max(wait, 0.0)

    def _find(self, who: bytes) -> tuple[int, float]:
        """Where the bucket lies, or may be put, and when it is full."""
        first = SALT_BYTES + int.from_bytes(who) % (SLOTS // WAYS) * WAYS * _SLOT.size
        oldest, its_time = first, math.inf
        for place in range(first, first + WAYS * _SLOT.size, _SLOT.size):
            owner, full_at = _SLOT.unpack_from(self._table, place)
            if owner == who:
                return place, full_at
            if owner == _EMPTY:
                return place, 0.0
            if full_at < its_time:
                oldest, its_time = place, full_at
        return oldest, 0.0

    @contextlib.contextmanager
    def _alone(self) -> Iterator[None]:
        with self._threads:
            locked = self._file is not None and _lock(self._file)
            try:
                yield
            finally:
                if locked and self._file is not None:
                    _unlock(self._file)


def limits_of(settings: Settings, table: Path | None = None) -> Limits:
    """The limits that the settings ask for."""
    asked = {
        REQUESTS: Allowance(settings.client_burst, settings.client_rate),
        FEEDBACK: Allowance(settings.feedback_per_minute, settings.feedback_per_minute / 60),
        ADMIN_TRIES: Allowance(settings.admin_tries_per_minute, settings.admin_tries_per_minute / 60),
    }
    return Limits({name: some for name, some in asked.items() if some.per_second}, table)


def make_table(path: Path) -> None:
    """Write an empty table, for `Limits` of several processes."""
    path.write_bytes(secrets.token_bytes(SALT_BYTES) + bytes(_size() - SALT_BYTES))


@functools.lru_cache(maxsize=1024)
def client_of(address: str) -> str:
    """Whom a request counts for: the network address it comes from; of IPv6 the half that one house has.

    What a client says of itself is not believed before it is checked, or each request could claim to be another's.

    >>> client_of("192.0.2.7"), client_of("2001:db8::17"), client_of("::ffff:192.0.2.7")
    ('192.0.2.7', '2001:db8::/64', '192.0.2.7')
    """
    try:
        found = ipaddress.IPv6Address(address.partition("%")[0])
    except ValueError:
        return address
    return str(found.ipv4_mapped or ipaddress.IPv6Network((found, 64), strict=False))


def _size() -> int:
    return SALT_BYTES + SLOTS * _SLOT.size


def _lock(file: IO[bytes]) -> bool:
    """Lock the file, unless somebody else keeps it for longer than anybody should."""
    for _ in range(LOCK_TRIES):
        with contextlib.suppress(OSError):
            if sys.platform == "win32":
                file.seek(_size())  # behind the end, where nobody reads or writes
                msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
            else:
                fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, _size())
            return True
        time.sleep(LOCK_PAUSE_S)
    return False


def _unlock(file: IO[bytes]) -> None:
    if sys.platform == "win32":
        file.seek(_size())
        msvcrt.locking(file.fileno(), msvcrt.LK_UNLCK, 1)
    else:
        fcntl.lockf(file, fcntl.LOCK_UN, 1, _size())

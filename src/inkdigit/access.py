"""API keys: what they are for, and the file in which they are kept, as hashes.

A key is 256 random bits, which nobody guesses, so one SHA-256 is all that its hash needs: the slow hashes for
passwords are slow because passwords can be guessed, and would cost each request what they cost a thief.
"""

import contextlib
import hashlib
import json
import os
import re
import secrets
import stat
import sys
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from pathlib import Path
from typing import Any, Final, Self

from inkdigit.errors import ConfigError, KeysError
from inkdigit.registry.disk import locked, replace_file

MARK: Final = "inkdigit"  # what every key begins with, so that one that lies about is known for what it is
MAX_FILE_BYTES: Final = 2**20
MAX_NAME: Final = 64  # characters
MAX_DAYS: Final = 3650
_VERSION: Final = 1
_SECRET_BYTES: Final = 32
_ID: Final = re.compile(r"[0-9a-f]{8}")
_LIMIT: Final = re.compile(r"([1-9][0-9]{0,8})/(s|min|h)")
_SECONDS: Final = {"s": 1, "min": 60, "h": 3600}


class Scope(StrEnum):
    """What a key is good for; admin covers the others."""

    PREDICT = "predict"
    FEEDBACK = "feedback"
    ADMIN = "admin"


@dataclass(frozen=True, slots=True)
class Limit:
    """How many requests a client may make in how many seconds."""

    requests: int
    seconds: int

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read a limit as people write it.

        Raises:
            ConfigError: it is none.

        >>> Limit.parse("600/min")
        Limit(requests=600, seconds=60)
        """
        match = _LIMIT.fullmatch(text)
        if match is None:
            raise ConfigError(f"{text!r} is no limit; write it as in 600/min, 10/s or 5000/h")
        return cls(int(match[1]), _SECONDS[match[2]])

    def __str__(self) -> str:
        return f"{self.requests}/{next(unit for unit, seconds in _SECONDS.items() if seconds == self.seconds)}"


@dataclass(frozen=True, slots=True)
class Key:
    """A key as it is kept: all of it but the key itself.

    Attributes:
        id: tells it apart from others, and is no secret.
        name: what it was made for.
        scopes: what it is good for.
        digest: SHA-256 of the key.
        created: when it was made.
        expires: from when on it is worth nothing; never where it is None.
        revoked: when it was revoked.
        limit: requests that it may make, in place of those of the address that they come from.
    """

    id: str
    name: str
    scopes: frozenset[Scope]
    digest: bytes
    created: datetime
    expires: datetime | None = None
    revoked: datetime | None = None
    limit: Limit | None = None

    def standing(self, now: datetime) -> str:
        """Whether it is good, expired or revoked."""
        if self.revoked is not None:
            return "revoked"
        return "expired" if self.expires is not None and now >= self.expires else "good"

    def permits(self, scope: Scope) -> bool:
        """Whether it is good for something."""
        return scope in self.scopes or Scope.ADMIN in self.scopes


def digest_of(key: str) -> bytes:
    """What is kept of a key."""
    return hashlib.sha256(key.encode("utf-8", "surrogatepass")).digest()


def id_in(key: str) -> str | None:
    """The id that a key names; None if it is no key of ours.

    >>> id_in("inkdigit_0a1b2c3d_secret"), id_in("sesame")
    ('0a1b2c3d', None)
    """
    mark, _, rest = key.partition("_")
    return rest[:8] if mark == MARK and rest[8:9] == "_" else None


class KeyFile:
    """The file of keys. Programs may change it at the same time; readers meet the old one or the new one.

    A file that is damaged, or that others may write to, lets nobody in: every method then raises KeysError.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    def read(self) -> tuple[Key, ...]:
        """All keys, the oldest first, revoked and expired ones too; none where there is no file.

        Raises:
            KeysError: the file cannot be read or trusted; the text says why.
        """
        try:
            with self.path.open("rb") as file:
                refuse_unsafe(self.path, os.fstat(file.fileno()))
                contents = file.read(MAX_FILE_BYTES + 1)
        except FileNotFoundError:
            return ()
        except OSError as error:
            raise KeysError(f"the API keys at {self.path} cannot be read ({error.strerror})") from error
        return self._parse(contents)

    def make(
        self, name: str, scopes: Iterable[Scope], *, limit: Limit | None = None, days: int | None = None
    ) -> tuple[Key, str]:
        """Make a key, and keep its hash.

        Returns:
            What is kept, and the key, which is nowhere else.

        Raises:
            ConfigError: name, scopes or days cannot be.
            KeysError: the file cannot be read or written.
        """
        _check_name(name)
        now = _now()
        expires = None if days is None else now + timedelta(days=_checked_days(days))
        with self._changing() as keys:
            id = _new_id(keys)  # noqa: A001 - the name of the attribute
            secret = f"{MARK}_{id}_{secrets.token_urlsafe(_SECRET_BYTES)}"
            made = Key(id, name, _checked_scopes(scopes), digest_of(secret), now, expires, limit=limit)
            keys.append(made)
        return made, secret

    def revoke(self, id: str) -> Key:  # noqa: A002 - the name of the attribute
        """Revoke a key for good; one that was revoked before stays so.

        Raises:
            ConfigError: there is none of this id.
            KeysError: the file cannot be read or written.
        """
        with self._changing() as keys:
            place = next((place for place, key in enumerate(keys) if key.id == id), None)
            if place is None:
                raise ConfigError(f"there is no key {id[:20]!r}; `inkdigit keys list` lists those there are")
            keys[place] = replace(keys[place], revoked=keys[place].revoked or _now())
            return keys[place]

    def take_back(self, id: str) -> None:  # noqa: A002 - the name of the attribute
        """Remove a key that nobody has seen, as if it had never been made.

        Raises:
            KeysError: the file cannot be read or written.
        """
        with self._changing() as keys:
            keys[:] = [key for key in keys if key.id != id]

    @contextlib.contextmanager
    def _changing(self) -> Iterator[list[Key]]:
        """The keys, to be changed; on disk when the block ends, and as before if it ends in an error."""
        try:
            with locked(self.path.parent):
                keys = list(self.read())
                yield keys
                contents = {"version": _VERSION, "keys": [_row_of(key) for key in keys]}
                replace_file(self.path, f"{json.dumps(contents, indent=1)}\n".encode(), private=True)
        except OSError as error:
            raise KeysError(
                f"the API keys at {self.path} cannot be written ({error.strerror}); see who may write there and whether"
                " the disk is full, or set INKDIGIT_KEYS to another place"
            ) from error

    def _parse(self, contents: bytes) -> tuple[Key, ...]:
        try:
            if len(contents) > MAX_FILE_BYTES:
                raise ValueError(f"it has more than {MAX_FILE_BYTES >> 20} MiB")
            found = json.loads(contents)
            if found["version"] != _VERSION or found.keys() != {"version", "keys"}:
                raise ValueError("it is of another version of Inkdigit")
            keys = tuple(_key_of(row) for row in found["keys"])
            if len({key.id for key in keys}) != len(keys):
                raise ValueError("an id stands there twice")
        except (ValueError, TypeError, KeyError, AttributeError, RecursionError, ConfigError) as error:
            raise KeysError(
                f"the API keys at {self.path} are damaged ({str(error)[:100]}), and let nobody in; restore the file, or"
                " delete it and make new keys"
            ) from error
        return keys


def refuse_unsafe(path: Path, found: os.stat_result) -> None:
    """Refuse a file that others may write to: they could make themselves a key.

    Raises:
        KeysError: they may.
    """
    if sys.platform != "win32" and found.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
        raise KeysError(f"others may write to the API keys at {path}, so they let nobody in; run: chmod 600 {path}")


def _check_name(name: str) -> None:
    if not (0 < len(name) <= MAX_NAME and name.isprintable() and name.strip() == name):
        raise ConfigError(f"the name of a key has 1 to {MAX_NAME} characters that can be printed")


def _checked_days(days: int) -> int:
    if not 1 <= days <= MAX_DAYS:
        raise ConfigError(f"a key expires after 1 to {MAX_DAYS} days; without a limit leave them out")
    return days


def _checked_scopes(scopes: Iterable[Scope]) -> frozenset[Scope]:
    found = frozenset(Scope(scope) for scope in scopes)
    if not found:
        raise ConfigError(f"a key needs a scope: {', '.join(Scope)}")
    return found


def _new_id(keys: Iterable[Key]) -> str:
    taken = {key.id for key in keys}
    while (new := secrets.token_hex(4)) in taken:
        continue
    return new


def _now() -> datetime:
    return datetime.now(UTC).replace(microsecond=0)


def _row_of(key: Key) -> dict[str, Any]:
    return {
        "id": key.id,
        "name": key.name,
        "scopes": sorted(key.scopes),
        "sha256": key.digest.hex(),
        "created": key.created.isoformat(),
        "expires": key.expires and key.expires.isoformat(),
        "revoked": key.revoked and key.revoked.isoformat(),
        "limit": key.limit and str(key.limit),
    }


def _key_of(row: Mapping[str, Any]) -> Key:
    """A key of the file.

    Raises:
        ValueError, TypeError, KeyError, AttributeError, ConfigError: it is none; what is unknown may be a restriction.
    """
    names = {"id", "name", "scopes", "sha256", "created", "expires", "revoked", "limit"}
    if row.keys() != names or not _ID.fullmatch(row["id"]) or len(row["sha256"]) != 64:
        raise ValueError("one of them is none")
    _check_name(row["name"])
    return Key(
        id=row["id"],
        name=row["name"],
        scopes=_checked_scopes(row["scopes"]),
        digest=bytes.fromhex(row["sha256"]),
        created=_time(row["created"]),
        expires=None if row["expires"] is None else _time(row["expires"]),
        revoked=None if row["revoked"] is None else _time(row["revoked"]),
        limit=None if row["limit"] is None else Limit.parse(row["limit"]),
    )


def _time(text: str) -> datetime:
    found = datetime.fromisoformat(text)
    if found.tzinfo is None:
        raise ValueError("a time has no zone")
    return found

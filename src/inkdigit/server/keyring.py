"""The keys that a running server takes: those in the file, as it is now, and the one in the environment."""

import hmac
import threading
from collections.abc import Mapping
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Final

from inkdigit.access import Key, KeyFile, Scope, digest_of, id_in
from inkdigit.errors import KeysError

ADMIN_ID: Final = "admin"  # of the key in INKDIGIT_ADMIN_KEY
_NOTHING: Final = digest_of("")
_Signature = tuple[int, ...]


class KeyRing:
    """The keys that a running server takes; safe for threads, and for several processes over one file.

    The file is looked at for each request that carries a key, and read again when it has changed, so that a key counts,
    or counts no more, from the next request on. Nothing is ever written.
    """

    def __init__(self, file: KeyFile | None = None, admin_key: str | None = None) -> None:
        """Read the keys.

        Raises:
            KeysError: the file cannot be read or trusted.
        """
        self._file = file
        self._admin = None if admin_key is None else _key_of_environment(admin_key)
        self._lock = threading.Lock()
        self._seen: _Signature | None = None
        self._keys: Mapping[str, Key] = {}
        self._current()

    def find(self, given: str) -> Key | None:
        """The key that was given, if it is a good one; how long that takes tells nothing of the others.

        Raises:
            KeysError: the file cannot be read or trusted any more.
        """
        named = id_in(given)
        found = self._admin if named is None else self._current().get(named, self._admin)
        if not hmac.compare_digest(digest_of(given), _NOTHING if found is None else found.digest) or found is None:
            return None
        return found if found.standing(datetime.now(UTC)) == "good" else None

    def knows(self, given: str) -> bool:
        """Whether there is a key in the file of the id that is given.

        Raises:
            KeysError: the file cannot be read or trusted any more.
        """
        named = id_in(given)
        return named is not None and named in self._current()

    def is_empty(self) -> bool:
        """Whether no key was ever made; one that was revoked counts, so that revoking the last one opens nothing."""
        return self._admin is None and not self._current()

    def has_admin(self) -> bool:
        """Whether there is a key that admits to everything."""
        now = datetime.now(UTC)
        known = self._current().values()
        return self._admin is not None or any(Scope.ADMIN in k.scopes and k.standing(now) == "good" for k in known)

    def _current(self) -> Mapping[str, Key]:
        if self._file is None:
            return self._keys
        seen = _signature(self._file)
        if seen == self._seen:
            return self._keys
        with self._lock:
            if seen == () and self._seen:
                raise KeysError(
                    f"the API keys at {self._file.path} are gone; put the file back, or start the server again"
                )
            keys = {key.id: key for key in self._file.read()}
            self._keys, self._seen = MappingProxyType(keys), seen
        return self._keys


def bearer_in(authorization: str) -> str | None:
    """The key in a header ``Authorization``; None if there is none.

    >>> bearer_in("Bearer sesame"), bearer_in("Basic sesame")
    ('sesame', None)
    """
    scheme, _, given = authorization.partition(" ")
    return given.strip() if scheme.lower() == "bearer" else None


def _signature(file: KeyFile) -> _Signature:
    """What differs as soon as the file is another one; empty where there is none."""
    try:
        found = file.path.stat()
    except FileNotFoundError:
        return ()
    except OSError as error:
        raise KeysError(f"the API keys at {file.path} cannot be read ({error.strerror})") from error
    return found.st_mtime_ns, found.st_size, found.st_ino, found.st_mode


def _key_of_environment(admin_key: str) -> Key:
    always = datetime.fromtimestamp(0, UTC)
    return Key(ADMIN_ID, "INKDIGIT_ADMIN_KEY", frozenset({Scope.ADMIN}), digest_of(admin_key), always)

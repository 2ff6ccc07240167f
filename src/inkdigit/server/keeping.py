"""The store of corrections as a server holds it: opened when it is first needed, and cleared once a day."""

import contextlib
import logging
import threading
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from inkdigit.errors import StoreError

if TYPE_CHECKING:
    from inkdigit.feedback import FeedbackStore

STORE_TIMEOUT_S: Final = 2.0  # that a request waits for other writers
TURN_S: Final = 0.5  # that it waits for the server's own
PURGE_EVERY_S: Final = 24 * 3600.0

_log = logging.getLogger(__name__)


class Keeping:
    """One server's access to the store; shared by its threads.

    Args:
        open_store: opens it; asked once, and again after it failed.
        at_once: requests that may be at the store at the same time. Where that is less than the server has threads, a
            store that hangs holds up no picture.
        retention_days: drawings are deleted once they are older; never where it is None.
    """

    def __init__(self, open_store: Callable[[], "FeedbackStore"], at_once: int, retention_days: int | None) -> None:
        self._open = open_store
        self._turns = threading.BoundedSemaphore(at_once)
        self._retention = None if retention_days is None else timedelta(days=retention_days)
        self._lock = threading.Lock()
        self._store: FeedbackStore | None = None
        self._purge_due = 0.0  # time.monotonic(), which no change of the clock moves

    @contextlib.contextmanager
    def store(self) -> Iterator["FeedbackStore"]:
        """The store, for one request.

        Raises:
            StoreError: it cannot be opened, or too many requests wait for it already.
        """
        if not self._turns.acquire(timeout=TURN_S):
            raise StoreError("too many requests wait for the store of corrections; see why it is slow")
        try:
            yield self._opened()
        finally:
            self._turns.release()

    def purge(self, store: "FeedbackStore") -> None:
        """Delete what is too old, once a day. That it fails is told to the log alone: the drawing at hand is kept."""
        if self._retention is None or not self._is_due():
            return
        try:
            deleted = store.purge(self._retention)
        except StoreError as error:
            _log.error("drawings that are too old could not be deleted: %s", error)
        else:
            _log.info("deleted %d drawings that were too old", deleted)

    def close(self) -> None:
        """Close the store, if it was opened."""
        with self._lock:
            if self._store is not None:
                self._store.close()
            self._store = None

    def _opened(self) -> "FeedbackStore":
        with self._lock:
            if self._store is None:
                self._store = self._open()
            return self._store

    def _is_due(self) -> bool:
        with self._lock:
            now = time.monotonic()
            due = now >= self._purge_due
            if due:
                self._purge_due = now + PURGE_EVERY_S
            return due

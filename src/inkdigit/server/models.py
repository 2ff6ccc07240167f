"""The model that a running server answers with: it changes when another version is promoted, and no request notices.

While the new version is tried out and loaded, the old one answers; one that is refused never does. What one request
asks of a follower once, it keeps to (see `state.current_state`), so that each answer is of one version.
"""

import logging
import math
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final, Generic, Protocol, TypeVar

from inkdigit.errors import InkdigitError
from inkdigit.recognizer import current_model, shipped_models
from inkdigit.registry import SUMS, history, named, verify, version_folder

LOOK_S: Final = 1.0
RETRY_S: Final = 300.0  # a version may have been refused because the machine was busy, or short of memory

_log = logging.getLogger(__name__)


class Named(Protocol):
    """What is known of any model."""

    @property
    def version(self) -> str:
        """Its name."""


M_co = TypeVar("M_co", bound=Named, covariant=True)


class Follower(Generic[M_co]):
    """Holds a loaded model, and loads another one when it is promoted.

    Safe to share between threads. It looks at the pointer when it is asked for the model, at most once in `look_s`.
    """

    def __init__(
        self,
        home: Path,
        pointer: str,
        load: Callable[[Path], M_co],
        *,
        look_s: float = LOOK_S,
        retry_s: float = RETRY_S,
    ) -> None:
        """Load the promoted version; where that cannot be, one that was promoted earlier, or the shipped one.

        Args:
            home: folder of further versions; it need not exist.
            pointer: the file there to follow.
            load: loads the model in a folder, and raises ModelError for one that it refuses.
            look_s: seconds between two looks at the pointer.
            retry_s: seconds after which a version that was refused is tried again.

        Raises:
            InkdigitError: not even the shipped one can be loaded.
        """
        self._home, self._pointer, self._load = home, pointer, load
        self._look_s, self._retry_s = look_s, retry_s
        self._changing = threading.Lock()  # held from a look that finds something to the end of what follows from it
        self._asked = False
        self._told = ""
        self._retry_at = math.inf
        self._seen = self._signature()  # before what is there is read: a change between the two is then seen as one
        self._identity, self._model = self._first()
        self._look_at = time.monotonic() + look_s

    def now(self) -> M_co:
        """The model to answer with at this moment."""
        if self._asked or time.monotonic() >= self._look_at:
            self._look()
        return self._model

    @property
    def refuses(self) -> bool:
        """Whether the version that is promoted was refused, and another one answers in its place."""
        return self._told != ""

    def look(self) -> None:
        """Ask for a look, at whatever has or has not changed; from a signal handler, too. It does not wait."""
        self._asked = True
        self._look()

    def _look(self) -> None:
        if not self._changing.acquire(blocking=False):
            return  # another thread is at it
        self._look_at = time.monotonic() + self._look_s
        seen, asked, self._asked = self._signature(), self._asked, False
        if seen == self._seen and not asked and time.monotonic() < self._retry_at:
            self._changing.release()
            return
        self._seen = seen
        try:
            threading.Thread(target=self._change, name="models", daemon=True).start()
        except RuntimeError as error:  # the system gives no thread; the request that looked is not to suffer for it
            self._refuse(error)
            self._changing.release()

    def _change(self) -> None:
        """Change to the version that is promoted now, or stay with the old one and say why."""
        try:
            folder = named(self._home, self._pointer)
            if _identity(folder) != self._identity:
                self._identity, self._model = self._loaded(folder)
                _log.info("version %s answers from now on", self._model.version)
            self._told, self._retry_at = "", math.inf
        except Exception as error:  # noqa: BLE001 - whatever befalls the new version, the old one goes on and says why
            self._refuse(error)
        finally:
            self._changing.release()

    def _refuse(self, error: Exception) -> None:
        self._retry_at = time.monotonic() + self._retry_s
        if str(error) != self._told:
            self._told = str(error)
            _log.error("version %s goes on answering, for the promoted one is refused: %s", self._model.version, error)

    def _first(self) -> tuple[object, M_co]:
        for version in history(self._home, self._pointer):
            try:
                return self._loaded(version_folder(version, self._home))
            except InkdigitError as error:
                self._told, self._retry_at = self._told or str(error), time.monotonic() + self._retry_s
                _log.error("version %s was promoted and is refused: %s", version, error)
        return self._loaded(current_model(self._pointer))

    def _loaded(self, folder: Path) -> tuple[object, M_co]:
        """Load a model once a child process has come to no harm by it; the shipped ones are known."""
        if folder.parent != shipped_models():
            verify(folder)
        model = self._load(folder)
        return _identity(folder), model

    def _signature(self) -> tuple[int, ...]:
        """What differs as soon as the pointer is another one, for the price of one call of the system."""
        try:
            found = (self._home / self._pointer).stat()
        except OSError:
            return ()
        return found.st_mtime_ns, found.st_size, found.st_ino


def _identity(folder: Path) -> object:
    """What differs between two versions, even if one was put in the place of the other."""
    return folder, (folder / SUMS).read_bytes()

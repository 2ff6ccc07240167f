"""The gate in front of the work: short lines, and a refusal at once for whoever finds them full.

A request is let in or refused before a thread is taken for it, and a refusal never stands in the same line as the work.
"""

import logging
import time
from collections import Counter, deque
from dataclasses import dataclass
from typing import Any, Final

from waitress.task import ThreadedTaskDispatcher

from inkdigit.config import Settings, core_count
from inkdigit.errors import KeysError
from inkdigit.server import problems
from inkdigit.server.adapting import ADAPT_PATH
from inkdigit.server.feedback import FEEDBACK_PATH
from inkdigit.server.keyring import KeyRing, bearer_in
from inkdigit.server.limits import FEEDBACK, REQUESTS, Allowance, Limits, client_of
from inkdigit.server.problems import Kind, whole_seconds
from inkdigit.server.reading import PREDICT_PATH, READ_PATH

HEALTH: Final = ("/health/", "/v2/health/")  # what the paths of health checks begin with
HEAVY_PATHS: Final = frozenset({READ_PATH, ADAPT_PATH})  # a request takes up to seconds, and hundreds of megabytes
RETRY_S: Final = 1  # until a full line is worth another try: at that pace it is empty by then

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a request is not worked on; waitress takes it for an error of the request."""

    kind: Kind
    detail: str
    retry_after_s: int
    closes: bool = False  # the connection with it


FULL: Final = Refusal(problems.OVERLOADED, "as many requests wait as may; try again in a moment", RETRY_S)
CROWDED: Final = Refusal(
    problems.OVERLOADED, "as many connections are open as may; try again in a moment", RETRY_S, True
)
LATE: Final = Refusal(problems.OVERLOADED, "the request waited too long for its turn; try again in a moment", RETRY_S)


class Lane(ThreadedTaskDispatcher):  # type: ignore[misc]
    """Some worker threads, and the line in front of them."""

    def __init__(self, threads: int) -> None:
        super().__init__()
        self.set_thread_count(threads)

    @property
    def waiting(self) -> int:
        """Requests for which no thread is free."""
        return max(0, -self._idle())

    def is_full(self, limit: int) -> bool:
        """Whether one more would have to wait, with so many before it already."""
        return self._idle() + limit <= 0

    def _idle(self) -> int:
        """Threads without work, less the requests that they are about to take."""
        idle: int = len(self.threads) - self.stop_count - self.active_count - len(self.queue)
        return idle


class OwnLane:
    """The line of the requests that the loop's own thread works on, one between two looks at the sockets.

    Where there is one core for them, a thread of their own would only cost the changes from one to the other.
    """

    def __init__(self) -> None:
        self._queue: deque[Any] = deque()
        self._at_work = 0

    @property
    def waiting(self) -> int:
        """Requests whose turn has not come."""
        return len(self._queue)

    def is_full(self, limit: int) -> bool:
        """Whether one more would have to wait, with so many before it already."""
        return self._at_work + len(self._queue) > limit

    def add_task(self, channel: Any) -> None:
        """Let a connection wait for its turn."""
        self._queue.append(channel)

    def serve_next(self) -> None:
        """Answer the first in the line."""
        channel, self._at_work = self._queue.popleft(), 1
        try:
            channel.service()
        except Exception:  # noqa: BLE001 - as in waitress's threads: whatever it is, the next ones are served
            _log.exception("a request ended in an error that nothing caught")
        finally:
            self._at_work = 0

    def shutdown(self, _cancel_pending: bool = True, _timeout: float = 5) -> None:
        """Let go of those that still wait."""
        while self._queue:
            self._queue.popleft().cancel()


class Lanes:
    """The gate: which line a request has to wait in, and whether it may.

    Health checks and refusals have a line of their own, and so have pictures of paper, of which few may be in memory
    at the same time. Digits have one with as many threads as there are cores: more only take turns, at a quarter more
    of CPU time for each digit, while other requests may wait for a disk. Where that is one, it is the loop's.

    Attributes:
        own: the line that is worked on by whoever turns the loop.
        refused: how many requests were refused, by the name of the problem that they were told.
    """

    def __init__(self, settings: Settings, limits: Limits, keys: KeyRing) -> None:
        self.refused: Counter[str] = Counter()
        self._settings, self._limits, self._keys = settings, limits, keys
        self._health, self._refusals = Lane(1), Lane(1)
        self._heavy, self._light = Lane(settings.page_threads), Lane(settings.threads)
        self.own = OwnLane()
        self._digits = Lane(threads) if (threads := digit_threads(settings)) > 1 else self.own
        self._lanes = dict.fromkeys(HEAVY_PATHS, self._heavy) | {PREDICT_PATH: self._digits}

    @property
    def waiting(self) -> int:
        """Requests that wait for a thread."""
        return self._digits.waiting + self._light.waiting + self._heavy.waiting

    def add_task(self, channel: Any) -> None:
        """Let the first request of a connection in, or have it refused; called once that request is complete."""
        request = channel.requests[0]
        path = getattr(request, "path", "")
        lane = self._lanes.get(path, self._light)
        if path.startswith(HEALTH) and request.error is None:
            lane = self._health
        else:
            request.error = request.error or self._refusal(channel, request, path, lane)
            lane = self._refusals if request.error else lane
        channel.patience_ends = time.monotonic() + self._settings.queue_timeout_s
        channel.stays_watched = lane is self.own
        lane.add_task(channel)

    def count(self, refusal: Refusal) -> None:
        """Take note of a refusal."""
        self.refused[refusal.kind.type] += 1

    def set_thread_count(self, _count: int) -> None:
        """Waitress asks for threads; there are some already."""

    def shutdown(self, cancel_pending: bool = True, timeout: float = 5) -> None:
        """End all threads, each after the request it is at."""
        for lane in (self._health, self._refusals, self._heavy, self._digits, self._light):
            lane.shutdown(cancel_pending, timeout)

    def _refusal(self, channel: Any, request: Any, path: str, lane: Lane | OwnLane) -> Refusal | None:
        if len(channel.server.active_channels) > self._settings.connection_limit:
            return CROWDED
        if lane.is_full(self._settings.queue_limit):
            return FULL
        client, own = self._client(channel.addr[0], bearer_in(request.headers.get("AUTHORIZATION", "")))
        is_feedback = path == FEEDBACK_PATH and request.command.upper() == "POST"
        wait_s = self._limits.take(REQUESTS, client, own) or (is_feedback and self._limits.take(FEEDBACK, client))
        return too_many(wait_s) if wait_s else None

    def _client(self, address: str, given: str | None) -> tuple[str, Allowance | None]:
        """Whom a request counts for: a good key that has a limit of its own, else the address that it comes from."""
        try:
            key = self._keys.find(given) if given is not None and self._keys.knows(given) else None
        except KeysError:  # which the application tells, where it asks for a key
            key = None
        if key is None or key.limit is None:
            return client_of(address), None
        return f"key {key.id}", Allowance(key.limit.requests, key.limit.requests / key.limit.seconds)


def too_many(wait_s: float) -> Refusal:
    """The refusal of a client that asks too often."""
    seconds = whole_seconds(wait_s)
    return Refusal(
        problems.TOO_MANY_REQUESTS, f"too many requests came from this client; try again in {seconds} s", seconds
    )


def digit_threads(settings: Settings) -> int:
    """Threads that read digits in one of the processes that serve."""
    cores = core_count()
    return min(settings.threads, max(1, cores // (settings.workers or cores)))

"""The loop over all sockets, in place of the one that waitress brings.

That one asks every connection at each turn what it waits for, and makes a new list of them for the system. Here the
system keeps the list, and a connection is asked again when something has happened to it; so a turn costs what happens,
however many connections are open.
"""

import heapq
import selectors
import threading
import time
from collections import deque
from collections.abc import Callable
from typing import Any, Final

from waitress import wasyncore

READ, WRITE = selectors.EVENT_READ, selectors.EVENT_WRITE
EVENTS: Final = 32  # handled at one turn; of more, those that have waited the longest
LOOK_S: Final = 0.25  # every connection is asked at least so often, for some wait for a moment in time
PATIENCE_S: Final = 0.05  # the loop is turned by another thread if its own is away for longer
IDLE_TURN_S: Final = 1.0  # a turn ends at the latest then; whatever happens ends it sooner

_NOBODY: Final = -1

_Event = tuple[selectors.SelectorKey, int]


class Loop(dict[int, Any]):
    """The sockets by number, as waitress keeps them, and the wait for what happens to them.

    One thread at a time turns it. Any other may have it look after the connection that it serves.

    Attributes:
        wake: ends a wait; from any thread, and from a signal handler.
    """

    wake: Callable[[], None]

    def __init__(self) -> None:
        super().__init__()
        self._selector = selectors.DefaultSelector()
        self._watched: dict[int, int] = {}  # what the system was told to watch for
        self._handled: dict[int, int] = {}  # the turn at which something of a connection was last handled
        self._doors: set[int] = set()  # where connections come in
        self._noted: deque[int] = deque()  # to be looked after
        self._served: dict[int, int] = {}  # by which thread
        self._turning = threading.Lock()
        self._owner = 0  # the thread that turns it whenever it has nothing else to do
        self._turns, self._look_at = 0, 0.0

    def __setitem__(self, number: int, sock: Any) -> None:
        super().__setitem__(number, sock)
        self._noted.append(number)

    def __delitem__(self, number: int) -> None:
        super().__delitem__(number)
        self._watch(number, None, 0)
        self._handled.pop(number, None)
        self._doors.discard(number)

    def close(self) -> None:
        """Close all sockets."""
        with self._turning:
            wasyncore.close_all(self)
            self._selector.close()

    def own(self) -> None:
        """Make the calling thread the one that turns the loop."""
        self._owner = threading.get_ident()

    def serves(self, number: int | None) -> None:
        """Note which connection the calling thread serves from now on."""
        self._served[threading.get_ident()] = _NOBODY if number is None else number

    def look_after_served(self) -> None:
        """Have the connection looked after that the calling thread serves."""
        caller = threading.get_ident()
        self._noted.append(self._served.get(caller, _NOBODY))
        if caller != self._owner:  # which comes to it by itself
            self.wake()

    def look_after_all(self) -> None:
        """Have all connections looked after."""
        self._look_at = 0.0

    def turn(self, timeout_s: float) -> None:
        """Wait until something happens, and handle it."""
        with self._turning:
            self._turns += 1
            self._look_after_noted()
            if self._handle_some(timeout_s):
                self._look_after_noted()
                self._handle_some(0.0)  # who has just come in has its request there, most times

    def _handle_some(self, timeout_s: float) -> bool:
        """Handle what happens, and tell whether anybody came in."""
        some = self._most_patient(self._selector.select(timeout_s))
        for key, events in some:
            self._handle(key, events)
        return any(key.fd in self._doors for key, _ in some)

    def _look_after_noted(self) -> None:
        if (now := time.monotonic()) >= self._look_at:
            self._look_at = now + LOOK_S
            self._noted.extend(list(self))
        self._noted.extend(list(self._doors))
        while self._noted:
            self._look_after(self._noted.popleft())

    def _most_patient(self, ready: list[_Event]) -> list[_Event]:
        if len(ready) <= EVENTS:
            return ready
        return heapq.nsmallest(EVENTS, ready, key=lambda event: self._handled.get(event[0].fd, 0))

    def _handle(self, key: selectors.SelectorKey, events: int) -> None:
        number, sock = key.fd, key.data
        if id(sock) != id(self.get(number)):  # closed meanwhile
            return
        if number not in self._doors:
            self._handled[number] = self._turns
        if events & READ and sock.readable():
            wasyncore.read(sock)
        elif events & READ:
            sock.stays_watched = False
        if events & WRITE and sock.writable() and self.get(number) is sock:
            wasyncore.write(sock)
        self._look_after(number)

    def _look_after(self, number: int) -> None:
        """Ask a socket what it waits for, and tell the system if that has changed."""
        if (sock := self.get(number)) is None:
            return
        if sock.accepting:
            self._doors.add(number)
        wanted = (READ if sock.readable() else 0) | (WRITE if sock.writable() else 0)
        if wanted or not getattr(sock, "stays_watched", False):
            self._watch(number, sock, wanted)

    def _watch(self, number: int, sock: Any, events: int) -> None:
        before = self._watched.pop(number, 0)
        if events:
            self._watched[number] = events
        if events and not before:
            self._selector.register(number, events, sock)
        elif events != before and events:
            self._selector.modify(number, events, sock)
        elif events != before:
            self._selector.unregister(number)


class StandIn:
    """A thread that turns a loop while its own thread is away for too long.

    It is woken once in `PATIENCE_S` at most, and otherwise costs nothing.
    """

    def __init__(self, loop: Loop) -> None:
        self._loop = loop
        self._left = threading.Event()  # since it was last asked
        self._moves = 0  # odd while the loop's thread is away
        self._is_turning = self._is_over = False
        threading.Thread(target=self._stand_by, name="stand-in", daemon=True).start()

    def away(self, work: Callable[[], None]) -> None:
        """Do some work in the loop's own thread."""
        self._moves += 1
        if not self._left.is_set():
            self._left.set()
        try:
            work()
        finally:
            self._moves += 1
            if self._is_turning:
                self._loop.wake()

    def end(self) -> None:
        """End the thread."""
        self._is_over = True
        self._left.set()

    def _stand_by(self) -> None:
        while self._left.wait() and not self._is_over:
            self._left.clear()
            seen = self._moves
            time.sleep(PATIENCE_S)
            self._is_turning = True
            while seen % 2 and self._moves == seen and not self._is_over:
                self._loop.turn(IDLE_TURN_S)
            self._is_turning = False

"""Several processes behind one port: started, told when to stop, and replaced when they die.

The parent opens the port and reads no picture. Each worker takes connections from the same socket, so one that dies
takes nobody's waiting connection along, and gets its orders through a pipe; where that breaks the parent is gone, and
the worker finishes what it has. Nothing here depends on `fork` or on signals between processes, so that it is the same
on Linux, macOS and Windows.
"""

import contextlib
import logging
import multiprocessing
import signal
import socket
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from multiprocessing.connection import Connection, wait
from multiprocessing.context import SpawnProcess
from pathlib import Path
from typing import Final, Protocol

from flask import Flask

from inkdigit.config import Settings, core_count
from inkdigit.errors import ConfigError, InkdigitError
from inkdigit.server.limits import make_table
from inkdigit.server.metrics import forget_process
from inkdigit.server.serving import HttpServer, looking_at_signals, open_port, stopped_by_signals, url_of
from inkdigit.server.state import state_of

TURN_S: Final = 0.2  # the parent looks at its signals so often
START_S: Final = 120.0  # that the first start of a worker may take
SPARE_S: Final = 10.0  # beyond what the drain may take, until a worker is ended by force
FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.1, 10.0  # before a worker is replaced, doubled each time that it dies soon
HEALTHY_S: Final = 30.0  # one that lived so long did not die soon
LOOK: Final = "look"
TABLE: Final = "limits"
COUNTS: Final = "metrics"
HISTORY: Final = "history"

_log = logging.getLogger(__name__)


class Build(Protocol):
    """Makes the application in a worker: a function of a module, since each worker imports it anew."""

    def __call__(self, settings: Settings, shared: Path | None) -> Flask:
        """The application; `shared` is the folder that all workers of this run have in common."""


@dataclass(slots=True)
class Worker:
    """One place in the crew, and the process that has it at the moment."""

    process: SpawnProcess | None = None
    orders: "Connection[object, object] | None" = None
    born_at: float = 0.0
    due_at: float = 0.0
    early_deaths: int = 0

    def tell(self, order: object) -> None:
        """Send an order, if anybody is there to take it."""
        if self.orders is not None:
            with contextlib.suppress(OSError):
                self.orders.send(order)


@dataclass(slots=True)
class Crew:
    """The workers of one server, as the parent sees them."""

    build: Build
    settings: Settings
    sockets: list[socket.socket]
    shared: Path
    workers: list[Worker]
    stops: int = 0  # signals that asked for the end; written by their handlers
    looks: int = 0
    notice_s: float = 0.0
    told: list[int] = field(default_factory=lambda: [0, 0])

    def start(self) -> None:
        """Start every worker, and wait until all of them serve.

        Raises:
            ConfigError: one cannot; the text is its own.
        """
        for worker in self.workers:
            self._hire(worker)
        deadline = time.monotonic() + START_S
        for worker in self.workers:
            self._hear(worker, deadline)

    def run(self) -> None:
        """Replace workers that die, until a signal asks for the end; then see all of them out."""
        while not self.stops:
            alive = self._sentinels()
            wait(alive, TURN_S) if alive else time.sleep(TURN_S)
            self._pass_on()
            for worker in self.workers:
                self._keep(worker)
        self._see_out()

    def stop(self, notice_s: float) -> None:
        """Ask for the end; from a signal handler."""
        self.notice_s = self.notice_s if self.stops else notice_s
        self.stops += 1

    def look(self) -> None:
        """Ask all workers to look for another model; from a signal handler."""
        self.looks += 1

    def end(self) -> None:
        """End whoever is still there, by force if need be, and close what is open."""
        for worker in self.workers:
            worker.tell(0.0)
        for worker in self.workers:
            if worker.process is not None:
                worker.process.join(SPARE_S)
                if worker.process.is_alive():
                    _log.warning("a worker did not end and was killed")
                    worker.process.kill()
                    worker.process.join()
                worker.process.close()
            if worker.orders is not None:
                worker.orders.close()
        self._close_port()

    def _close_port(self) -> None:
        for sock in self.sockets:
            sock.close()

    def _hire(self, worker: Worker) -> None:
        ours, theirs = multiprocessing.Pipe()
        process = multiprocessing.get_context("spawn").Process(
            target=work, args=(self.build, self.settings, self.sockets, self.shared, theirs), name="worker"
        )
        with _without_ctrl_c():
            process.start()
        theirs.close()
        worker.process, worker.orders, worker.born_at = process, ours, time.monotonic()

    def _hear(self, worker: Worker, deadline: float) -> None:
        assert worker.orders is not None
        while not worker.orders.poll(TURN_S):
            if self.stops or time.monotonic() > deadline:
                return
        try:
            fault = worker.orders.recv()
        except EOFError:
            fault = "a worker died as it started"
        if fault is not None:
            raise ConfigError(str(fault))

    def _keep(self, worker: Worker) -> None:
        if worker.process is None:
            if time.monotonic() >= worker.due_at:
                self._hire(worker)
        elif not worker.process.is_alive():
            self._bury(worker)

    def _bury(self, worker: Worker) -> None:
        assert worker.process is not None
        worker.process.join()
        forget_process(self.shared / COUNTS, worker.process.pid)
        lived_s = time.monotonic() - worker.born_at
        worker.early_deaths = 0 if lived_s >= HEALTHY_S else worker.early_deaths + 1
        pause_s = min(LONGEST_PAUSE_S, FIRST_PAUSE_S * 2**worker.early_deaths)
        _log.error("a worker ended (%s); another takes its place", _cause(worker.process.exitcode))
        if worker.orders is not None:
            worker.orders.close()
        worker.process.close()
        worker.process, worker.orders, worker.due_at = None, None, time.monotonic() + pause_s

    def _pass_on(self) -> None:
        """Tell the workers what the signals said."""
        for place, (count, order) in enumerate(((self.stops, self.notice_s), (self.looks, LOOK))):
            for _ in range(count - self.told[place]):
                for worker in self.workers:
                    worker.tell(order)
            self.told[place] = count

    def _see_out(self) -> None:
        self._pass_on()
        self._close_port()  # which the workers have open until the notice has passed
        until = time.monotonic() + self.notice_s + self.settings.drain_timeout_s + SPARE_S
        while (alive := self._sentinels()) and time.monotonic() < until:
            wait(alive, TURN_S)
            self._pass_on()

    def _sentinels(self) -> list[int]:
        return [worker.process.sentinel for worker in self.workers if worker.process and worker.process.is_alive()]


def serve_with_workers(build: Build, settings: Settings, *, on_ready: Callable[[str], None] | None = None) -> None:
    """Serve from several processes until SIGTERM or Ctrl-C, and finish what was accepted; from the main thread.

    Args:
        build: makes the application, in every worker.
        settings: how to serve.
        on_ready: called with the URL of the page once all workers serve.

    Raises:
        ConfigError: the port cannot be had, or a worker cannot start.
    """
    sockets = open_port(settings)
    with contextlib.ExitStack() as stack:
        shared = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="inkdigit-", ignore_cleanup_errors=True)))
        make_table(shared / TABLE)
        crew = Crew(build, settings, sockets, shared, [Worker() for _ in range(worker_count(settings))])
        stack.callback(crew.end)
        stack.enter_context(stopped_by_signals(crew.stop, settings.drain_notice_s))
        stack.enter_context(looking_at_signals(crew.look))
        crew.start()
        if on_ready and not crew.stops:
            on_ready(url_of(settings.host, sockets[0].getsockname()[1]))
        crew.run()


def worker_count(settings: Settings) -> int:
    """How many workers the settings ask for."""
    return settings.workers or core_count()


def work(
    build: Build,
    settings: Settings,
    sockets: list[socket.socket],
    shared: Path,
    orders: "Connection[object, object]",
) -> None:
    """Be a worker: serve from sockets that others serve from too, until an order or the parent's end."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches every process of a terminal; the parent passes it on
    if sys.platform != "win32":
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
    try:
        app = build(settings, shared)
        server = HttpServer(app, settings, sockets)
    except InkdigitError as error:
        orders.send(str(error))
        return
    with contextlib.closing(server), stopped_by_signals(server.stop, settings.drain_notice_s, ctrl_c=False):
        orders.send(None)
        threading.Thread(target=_obey, args=(server, app, orders), name="orders", daemon=True).start()
        server.run()


def _obey(server: HttpServer, app: Flask, orders: "Connection[object, object]") -> None:
    with contextlib.suppress(EOFError, OSError):
        while True:
            order = orders.recv()
            if order == LOOK:
                state_of(app).models.look()
            else:
                server.stop(float(order))  # type: ignore[arg-type]
    server.stop()


@contextlib.contextmanager
def _without_ctrl_c() -> Iterator[None]:
    """Hold Ctrl-C back from a process until it can ignore it; it inherits that from its parent."""
    if sys.platform == "win32":
        yield
        return
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})


def _cause(code: int | None) -> str:
    if code is not None and code < 0:
        with contextlib.suppress(ValueError):
            return f"killed by {signal.Signals(-code).name}"
    return f"exit status {code}"

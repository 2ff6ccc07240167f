"""Processes that read chunks, any of which may be killed at any time without a loss.

A worker tells in shared memory which input it reads. Who dies is replaced and its chunk is read again; an input on
which `STRIKES` workers died, or that took longer than the time limit as often, gets an error for its row.
"""

import contextlib
import dataclasses
import multiprocessing
import multiprocessing.connection
import os
import signal
import sys
import threading
import time
from collections import Counter, deque
from collections.abc import Generator, Iterable, Iterator
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, Final

from inkdigit.bulk.chunks import ChunkFolder, encode
from inkdigit.bulk.inputs import Manifest
from inkdigit.bulk.job import Bench, Job
from inkdigit.errors import BatchError, InkdigitError

STRIKES: Final = 3  # workers that may die on one input
LOST: Final = 5  # workers that may die in one chunk without reading any input, or in a row before they are ready
START_S: Final = 300  # seconds that a worker may take to load the model
LOOK_S: Final = 0.25  # seconds between two looks at how far the workers are
NOBODY: Final = -1  # place of the input that is read, when none is

Problems = dict[int, str]
Task = tuple[int, Problems]
"""Number of a chunk, and what is wrong with inputs of it, beyond what the manifest knows."""


@dataclass(frozen=True, slots=True)
class Shop:
    """Where the workers find what they need.

    Attributes:
        job: what is done with each input.
        manifest: file of the inputs.
        chunks: folder of what is done.
    """

    job: Job
    manifest: Path
    chunks: Path


@dataclass(frozen=True, slots=True)
class Progress:
    """How far it is: inputs of chunks that are done, and with those under way."""

    kept: int
    seen: int


@dataclass
class _Worker:
    process: Any
    connection: Connection
    state: Any  # shared: the place of the input that is read, and how many were begun
    ready: bool = False
    task: Task | None = None
    steps: int = 0
    moved: float = field(default_factory=time.monotonic)
    late: bool = False


class Crew:
    """So many workers.

    Args:
        shop: what they work on.
        size: how many.
        limit_s: seconds that one input may take.
    """

    def __init__(self, shop: Shop, size: int, limit_s: float) -> None:
        self._shop = shop
        self._size = size
        self._limit_s = limit_s
        self._context = multiprocessing.get_context("spawn")
        self._workers: list[_Worker] = []
        self._again: deque[Task] = deque()
        self._strikes: Counter[tuple[int, int]] = Counter()
        self._lost: Counter[int] = Counter()

    def work(self, numbers: Iterable[int]) -> Generator[Progress]:
        """Have the chunks of these numbers read and kept.

        Raises:
            BatchError: the disk is full, or workers die of something that is no input.
        """
        waiting = iter(numbers)
        kept = 0
        try:
            while self._hand_out(waiting):
                for worker in self._heard():
                    kept += self._listen(worker)
                yield Progress(kept, kept + sum(worker.state[1] for worker in self._workers))
        finally:
            for worker in self._workers:
                _end(worker)

    def _hand_out(self, waiting: Iterator[int]) -> bool:
        """Give each free worker a chunk, starting workers as long as there are chunks; whether any is at work."""
        free = deque(worker for worker in self._workers if worker.task is None)
        while free or len(self._workers) < self._size:
            task = self._again.popleft() if self._again else next(((number, {}) for number in waiting), None)
            if task is None:
                break
            if not free:
                free.append(self._start())
            self._give(free.popleft(), task)
        return any(worker.task is not None for worker in self._workers)

    def _give(self, worker: _Worker, task: Task) -> None:
        worker.task = task
        worker.state[0], worker.state[1] = NOBODY, 0
        worker.steps, worker.moved, worker.late = 0, time.monotonic(), False
        with contextlib.suppress(OSError):  # it is dead, which its silence will tell
            worker.connection.send(task)

    def _start(self) -> _Worker:
        here, there = self._context.Pipe()
        state = self._context.RawArray("q", 2)
        process = self._context.Process(target=_work, args=(self._shop, there, state), daemon=True)
        with _without_interrupts():
            process.start()
        there.close()
        worker = _Worker(process, here, state)
        self._workers.append(worker)
        return worker

    def _heard(self) -> list[_Worker]:
        """The workers that say something or died, after a while; those that stand still are killed."""
        busy = [worker for worker in self._workers if worker.task is not None]
        multiprocessing.connection.wait([worker.connection for worker in busy], LOOK_S)
        for worker in busy:
            self._look_at(worker)
        return [worker for worker in busy if worker.connection.poll()]

    def _look_at(self, worker: _Worker) -> None:
        """Kill a worker that has read the same input for too long."""
        now = time.monotonic()
        if worker.state[1] != worker.steps:
            worker.steps, worker.moved = worker.state[1], now
        elif now - worker.moved > (self._limit_s if worker.ready else START_S) and not worker.late:
            worker.late = True
            worker.process.kill()

    def _listen(self, worker: _Worker) -> int:
        """What a worker says; how many inputs it has done."""
        try:
            kind, what = worker.connection.recv()
        except (EOFError, OSError):
            worker.process.join()
            self._bury(worker, _death(worker, self._limit_s))
            return 0
        if kind == "ready":
            worker.ready, worker.moved = True, time.monotonic()
            return 0
        if kind == "failed":
            raise BatchError(what)
        if kind == "broken":
            self._try_again(worker, what)
            return 0
        worker.task, worker.state[1] = None, 0
        return int(what)

    def _bury(self, worker: _Worker, reason: str) -> None:
        _end(worker)
        self._workers.remove(worker)
        if not worker.ready:
            self._lost[NOBODY] += 1
            _require_few(self._lost[NOBODY], f"a worker ends before it can read: {reason}")
        else:
            self._lost[NOBODY] = 0
        self._try_again(worker, reason)

    def _try_again(self, worker: _Worker, reason: str) -> None:
        """Put the chunk of a worker back, without the input that has ended so many."""
        number, problems = worker.task or (0, {})
        place, worker.task = worker.state[0], None
        worker.state[1] = 0
        if place == NOBODY:
            self._lost[number] += worker.ready
            _require_few(self._lost[number], f"workers end in chunk {number}, and of no input: {reason}")
        else:
            self._strikes[number, place] += 1
            if self._strikes[number, place] >= STRIKES:
                problems = problems | {place: f"reading it failed {STRIKES} times: {reason}"}
        self._again.append((number, problems))


def _require_few(deaths: int, reason: str) -> None:
    if deaths >= LOST:
        raise BatchError(f"{reason}. Memory may be short: try fewer --workers. The same command goes on from here")


def _death(worker: _Worker, limit_s: float) -> str:
    if worker.late:
        return f"it took longer than {limit_s:g} s"
    code = worker.process.exitcode or 0
    return f"the process was ended by signal {-code}" if code < 0 else f"the process ended with code {code}"


def _end(worker: _Worker) -> None:
    worker.process.kill()
    worker.process.join()
    worker.connection.close()


@contextlib.contextmanager
def _without_interrupts() -> Iterator[None]:
    """A process that begins here is not reached by Ctrl-C, which is for the one that waits for it."""
    if sys.platform == "win32":
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


# --- in a worker


def _work(shop: Shop, connection: Connection, state: Any) -> None:
    """Read chunks until nobody asks for more."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    with contextlib.suppress(EOFError, BrokenPipeError, ConnectionResetError):  # who asked is gone
        try:
            bench = Bench(shop.job)
        except InkdigitError as error:
            connection.send(("failed", str(error)))
            return
        connection.send(("ready", 0))
        with Manifest(shop.manifest) as manifest:
            while True:
                connection.send(_answer(shop, bench, manifest, connection.recv(), state))


def _end_with_parent() -> None:
    """End at once when the one that began this process does, however that comes, and whatever is being read."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        multiprocessing.connection.wait([parent.sentinel])
        os._exit(1)


def _answer(shop: Shop, bench: Bench, manifest: Manifest, task: Task, state: Any) -> tuple[str, int | str]:
    def at(place: int) -> None:
        state[0] = place
        state[1] += place != NOBODY

    number, problems = task
    chunk = manifest.chunk(number, shop.job.chunk_size)
    try:
        done = bench.read(dataclasses.replace(chunk, problems=chunk.problems | problems), at)
    except InkdigitError as error:
        return "failed", str(error)
    except Exception as error:  # noqa: BLE001 - what a decoder raises unforeseen is laid to the picture, as its death is
        return "broken", f"{type(error).__name__}: {error}"
    try:
        ChunkFolder(shop.chunks).keep(number, encode(number, done))
    except OSError as error:
        return "failed", f"{shop.chunks}: {error.strerror}. What is done is kept; the same command goes on from here"
    return "done", len(chunk.files)

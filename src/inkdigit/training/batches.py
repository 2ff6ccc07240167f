"""Batches, redrawn anew in every epoch, in a process of their own beside the training: nothing here loads Keras."""

import functools
import multiprocessing
import os
import signal
import threading
import time
from concurrent.futures import Future, ProcessPoolExecutor
from pathlib import Path
from typing import Any, Protocol, Self

import numpy as np
from numpy.typing import NDArray

from inkdigit.recognizer import CLASSES, Recognizer
from inkdigit.training.augment import augment
from inkdigit.training.ink import Ink

UNTOUCHED, UNTOUCHED_AT_THE_END = 0.12, 0.6  # share of pictures that are not redrawn
SETTLING = 0.65  # of the run is over when it starts to end on pictures mostly as they are
AHEAD = 12  # batches that are made before they are asked for
TAUGHT = 0.7  # share of the teacher's answer in what a batch is labelled with; the rest is the label

Batch = tuple[NDArray[np.float32], NDArray[Any]]  # (N, 28, 28, 1) in [0, 1], and (N, 11) probabilities


class Maker(Protocol):
    """What makes the batches of a run: any batch of any epoch, whatever was made before."""

    def __len__(self) -> int:
        """How many an epoch has."""

    def make(self, epoch: int, index: int, untouched: float) -> Batch:
        """Batch `index` of an epoch, of which a share is as plain as can be."""


def untouched(progress: float) -> float:
    """The share of pictures that are not redrawn: few at first, most at the end, so that a run ends on real ink.

    >>> untouched(0.5), untouched(0.9)
    (0.12, 0.6)
    """
    return UNTOUCHED if progress < SETTLING else UNTOUCHED_AT_THE_END


class BatchMaker:
    """Makes any batch of any epoch; a batch depends on the seed, the epoch and its place alone."""

    def __init__(self, ink: Ink, batch_size: int, seed: int, teacher: Path | None) -> None:
        self._ink = ink
        self._batch_size = batch_size
        self._seed = seed
        self._teacher = teacher
        self._epoch = -1
        self._rows = self._order(0)

    def __len__(self) -> int:
        return max(1, len(self._rows) // self._batch_size)

    def make(self, epoch: int, index: int, untouched: float) -> Batch:
        """Batch `index` of an epoch."""
        if epoch != self._epoch:
            self._epoch, self._rows = epoch, self._order(epoch)
        pictures, size = self._ink.pictures, self._batch_size
        rows = self._rows[index * size : (index + 1) * size]
        labels = pictures.labels[rows]
        random = np.random.default_rng([self._seed, epoch, index])
        images = augment(pictures.images[rows], labels, untouched, random)
        return images[..., None], self._answers(images, labels)

    def _order(self, epoch: int) -> NDArray[np.intp]:
        return self._ink.rows_of_an_epoch(np.random.default_rng([self._seed, epoch]))

    def _answers(self, images: NDArray[np.float32], labels: NDArray[np.uint8]) -> NDArray[np.float32]:
        known = np.eye(CLASSES + 1, dtype=np.float32)[labels]
        if self._teacher is None:
            return known
        return np.asarray((1 - TAUGHT) * known + TAUGHT * _recognizer(self._teacher).classify(images), np.float32)


@functools.cache
def _recognizer(folder: Path) -> Recognizer:
    """A teacher, loaded where it is needed: it cannot be sent from one process to another."""
    return Recognizer.load(folder)


class Batches:
    """The batches of a run, epoch by epoch. Use as a context: the other process ends with it.

    Args:
        maker: of the batches.
        apart: make them in another process, ahead of time, while the network learns.
    """

    def __init__(self, maker: Maker, apart: bool) -> None:
        self._maker = maker
        self._apart = apart
        self._pool: ProcessPoolExecutor | None = None
        self._coming: dict[int, Future[tuple[Batch, float]]] = {}
        self._epoch = 0
        self.cpu_seconds = 0.0  # that the other process took

    def __enter__(self) -> Self:
        if self._apart:
            # Spawned, not forked: a fork of a process whose libraries run threads may hang.
            context = multiprocessing.get_context("spawn")
            self._pool = ProcessPoolExecutor(1, context, initializer=_begin, initargs=(self._maker,))
        return self

    def __exit__(self, *_: object) -> None:
        if self._pool is not None:
            self._pool.shutdown(cancel_futures=True)

    def __len__(self) -> int:
        return len(self._maker)

    def get(self, epoch: int, index: int, untouched: float) -> Batch:
        """Batch `index` of an epoch; those that come after it are on their way."""
        if self._pool is None:
            return self._maker.make(epoch, index, untouched)
        if epoch != self._epoch:
            self._epoch, self._coming = epoch, {}
        for ahead in range(index, min(index + AHEAD, len(self))):
            if ahead not in self._coming:
                self._coming[ahead] = self._pool.submit(_make, epoch, ahead, untouched)
        batch, self.cpu_seconds = self._coming.pop(index).result()
        return batch


def _begin(maker: Maker) -> None:
    """Keep the maker in the process that makes batches; Ctrl-C is the training's to answer."""
    global _maker  # the one thing that such a process holds, given once because it is large
    _maker = maker
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    """A training that is killed takes this process with it."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def _make(epoch: int, index: int, untouched: float) -> tuple[Batch, float]:
    return _maker.make(epoch, index, untouched), time.process_time()


_maker: Maker

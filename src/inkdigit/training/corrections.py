"""Accepted drawings of users, for training: read, split by writer, and weighed so that nobody weighs too much."""

import hashlib
import logging
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, Protocol

import numpy as np
from numpy.typing import NDArray

from inkdigit.errors import ImageError
from inkdigit.feedback import ANONYMOUS, Label
from inkdigit.image import read_picture
from inkdigit.preprocess import normalize
from inkdigit.training.dataset import Images
from inkdigit.training.gates import Drawings
from inkdigit.training.ink import NOT_A_DIGIT
from inkdigit.training.labelled import Frames, no_frames

HELD_OUT: Final = 0.3  # chance of a writer to be on the side that judges
SHARE: Final = 0.1  # of the weight of all corrections, at most, for one source
REPEATS: Final = 20.0  # times that one drawing is seen in an epoch, at most

Counts = NDArray[np.float64]

logger = logging.getLogger(__name__)


class By(StrEnum):
    """What goes wholly to one side, training or judging."""

    WRITER = "writer"
    DRAWING = "drawing"


class Drawing(Protocol):
    """An accepted drawing; `inkdigit.feedback.Kept` is one."""

    @property
    def id(self) -> int:
        """Its number in the store."""

    @property
    def image(self) -> bytes:
        """Its picture."""

    @property
    def truth(self) -> Label:
        """What it shows."""

    @property
    def source(self) -> str:
        """Who drew it."""


@dataclass(frozen=True, slots=True)
class Corrections:
    """Drawings, ready for a network.

    Attributes:
        frames: (N, 28, 28) float32 in [0, 1], as `normalize` makes them.
        labels: (N,) uint8, 10 for what is no digit.
        ids: N numbers in the store.
        sources: N names of who drew them; all without a name share one.
        units: N names of what goes wholly to one side: a writer, or a picture.
        by: what was to go to one side.
        unusable: drawings beside them that could not be read, or hold no ink.
    """

    frames: Frames
    labels: NDArray[np.uint8]
    ids: tuple[int, ...]
    sources: tuple[str, ...]
    units: tuple[str, ...]
    by: By = By.WRITER
    unusable: int = 0

    def __len__(self) -> int:
        return len(self.ids)

    @property
    def images(self) -> Images:
        """(N, 28, 28) uint8, as training takes them."""
        return np.asarray(np.round(self.frames * 255), np.uint8)

    def split(self) -> tuple["Corrections", "Corrections"]:
        """Those that train, and those that judge: the same split for as long as a drawing is there."""
        judging = np.array([judges(unit) for unit in self.units], np.bool_)
        return self._of(np.flatnonzero(~judging)), self._of(np.flatnonzero(judging))

    @property
    def voices(self) -> tuple[str, ...]:
        """N names of who has a say when these judge: a source, even one of nobody's drawings, has one say."""
        return self.sources if self.by is By.WRITER else self.units

    def to_judge(self) -> Drawings:
        """These as the gates take them."""
        _, units = np.unique(np.array(self.voices, np.str_), return_inverse=True)
        return Drawings(self.frames, self.labels, units.astype(np.intp))

    def weights(self, budget: float, share: float) -> Counts:
        """(N,) how often each is seen in an epoch, on average: that of its source, divided among its drawings."""
        names, place, sizes = np.unique(np.array(self.sources, np.str_), return_inverse=True, return_counts=True)
        return np.asarray((bounded(sizes, budget, share) / sizes)[place]) if len(names) else np.zeros(0)

    def _of(self, rows: NDArray[np.intp]) -> "Corrections":
        ids, sources, units = (
            tuple(each[row] for row in rows.tolist()) for each in (self.ids, self.sources, self.units)
        )
        return Corrections(self.frames[rows], self.labels[rows], ids, sources, units, self.by)


def read_corrections(drawings: Iterable[Drawing], by: By = By.WRITER) -> Corrections:
    """Read drawings by the road that a user's picture takes; what cannot be read is left out and counted."""
    frames, kept, unusable = [], [], 0
    for drawing in drawings:
        try:
            frames.append(normalize(read_picture(drawing.image).ink))
        except ImageError as error:
            unusable += 1
            logger.warning("drawing %d is left out: %s", drawing.id, error)
            continue
        kept.append((drawing.id, drawing.truth, drawing.source, unit_of(drawing, by)))
    return Corrections(
        np.stack(frames) if frames else no_frames(),
        np.array([NOT_A_DIGIT if truth is None else truth for _, truth, _, _ in kept], np.uint8),
        tuple(each[0] for each in kept),
        tuple(each[2] for each in kept),
        tuple(each[3] for each in kept),
        by,
        unusable,
    )


def unit_of(drawing: Drawing, by: By) -> str:
    """What goes to one side with a drawing: all of its writer's, or where nobody knows that, the same picture."""
    if by is By.WRITER and drawing.source != ANONYMOUS:
        return f"writer {drawing.source}"
    return f"picture {hashlib.sha256(drawing.image).hexdigest()}"


def judges(unit: str) -> bool:
    """Whether a unit is on the side that judges: a matter of its name alone, so that it never trains a later model."""
    return int.from_bytes(hashlib.sha256(f"held out? {unit}".encode()).digest()[:8]) < HELD_OUT * 2**64


def bounded(sizes: NDArray[np.integer], budget: float, share: float) -> Counts:
    """How often the drawings of each source are seen in an epoch, so that no source weighs more than its share.

    Every drawing weighs the same, but those of sources that would pass the bound, which is `share` of what all sources
    together weigh, and of the budget. Where there are so few sources that somebody must pass `share` of the former, it
    is an equal part instead.

    Args:
        sizes: (S,) drawings of each source, 1 or more.
        budget: most pictures of an epoch that drawings may take.
        share: of one source, in (0, 1].

    Returns:
        (S,) pictures of an epoch.

    >>> bounded(np.array([100, 100, 10_000]), 3_000, 0.4).round().tolist()
    [900.0, 900.0, 1200.0]
    """
    wanted = REPEATS * sizes.astype(np.float64)
    found = np.minimum(wanted, _highest(wanted, max(share, 1 / max(1, len(sizes)))))
    found *= min(1.0, budget / max(found.sum(), 1.0))
    return np.minimum(found, share * budget)


def _highest(wanted: Counts, share: float) -> float:
    """The highest bound that is itself at most `share` of the sum of what it leaves of `wanted`."""
    low, high = 0.0, float(wanted.max(initial=0))
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if middle <= share * np.minimum(wanted, middle).sum() else (low, middle)
    return low

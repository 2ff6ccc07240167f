"""PNG files -> a network's answers, by the server's road: `read_image`, `normalize`, the network."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

import inkdigit.image
import inkdigit.preprocess
from benchmarks.drawings import cache_folder, digest
from inkdigit import normalize, read_image
from inkdigit.errors import ImageError
from inkdigit.recognizer import CLASSES, share_out

BATCH = 256
REFUSED = -1  # the label of a picture that was not read at all

Frames = NDArray[np.float32]


class Network(Protocol):
    """What is measured: a `Recognizer`, or a network in training."""

    def classify(self, images: Frames) -> NDArray[np.float32]:
        """(N, 28, 28) float32 in [0, 1] -> (N, C) probabilities of the digits and, where known, of "not a digit"."""


@dataclass(frozen=True, slots=True)
class Answers:
    """What was answered to N pictures; one that was refused has no label, no confidence, and is surely no digit.

    Attributes:
        labels: (N,) the most probable digit, or REFUSED.
        confidence: (N,) its probability in [0, 1], as `Prediction.confidence` has it.
        not_digit: (N,) probability of being no digit in [0, 1], as `Prediction.not_digit` has it.
    """

    labels: NDArray[np.int64]
    confidence: NDArray[np.float64]
    not_digit: NDArray[np.float64]

    def accepted(self, threshold: float) -> NDArray[np.bool_]:
        """(N,) which pictures are taken for digits."""
        return np.asarray(self.not_digit < threshold)


def answers_to(network: Network, pngs: Sequence[bytes]) -> Answers:
    """Answers to PNG files."""
    images, readable = frames(pngs)
    return answers_of(network, images, readable)


def answers_of(network: Network, images: Frames, readable: NDArray[np.bool_] | None = None) -> Answers:
    """Answers to frames (N, 28, 28) as `normalize` makes them; those that are not readable are refused."""
    count = len(images)
    found = Answers(np.full(count, REFUSED), np.zeros(count), np.ones(count))
    rows = np.arange(count) if readable is None else np.flatnonzero(readable)
    for start in range(0, len(rows), BATCH):
        batch = rows[start : start + BATCH]
        classes = network.classify(images[batch])
        shares = share_out(classes)
        found.labels[batch] = shares.argmax(axis=1)
        found.confidence[batch] = shares.max(axis=1)
        found.not_digit[batch] = classes[:, CLASSES:].sum(axis=1)
    return found


def frames(pngs: Sequence[bytes]) -> tuple[Frames, NDArray[np.bool_]]:
    """The 28x28 frames, and which of them could be made: kept on disk, for comparing models is the common case."""
    code = [Path(str(module.__file__)).read_bytes() for module in (inkdigit.image, inkdigit.preprocess)]
    path = cache_folder() / f"frames-{digest(*pngs, *code)}.npz"
    if not path.exists():
        made = [_frame(png) for png in pngs]
        readable = np.array([frame is not None for frame in made])
        blank = np.zeros((28, 28), np.float32)
        np.savez(path, inputs=np.stack([blank if f is None else f for f in made]), readable=readable)
    with np.load(path) as file:
        return file["inputs"], file["readable"]


def _frame(png: bytes) -> Frames | None:
    try:
        return normalize(read_image(png))
    except ImageError:
        return None

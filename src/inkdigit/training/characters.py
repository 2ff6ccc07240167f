"""Lines of numbers -> their characters, cut as the reader cuts them -> a network that looks at each of them alone.

The recognizer of single digits learns what people write who write one digit. Within a number they write faster, and
what is cut from a line has lost strokes or has some of its neighbours'. So these characters have their own network.
"""

import base64
import dataclasses
import shutil
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import keras
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from inkdigit.ctc import condensed, likelihoods, log_softmax, steps_of
from inkdigit.number import LABELS
from inkdigit.preprocess import SIZE, normalize
from inkdigit.recognizer import CLASSES
from inkdigit.segment import divide
from inkdigit.training.augment import sample, spoil
from inkdigit.training.batches import Batch
from inkdigit.training.dataset import Images, Labels
from inkdigit.training.ink import NOT_A_DIGIT
from inkdigit.training.lines import side_by_side
from inkdigit.training.network import build_character_network
from inkdigit.training.train import Progress, Run, TrainOptions, card_of, scaled, scratch_of

EPOCHS, BATCH_SIZE, LEARNING_RATE = 10, 256, 3e-3
SHARE = 0.15  # of the minutes that a run may take, which the network of characters has
FOUND = -20.0  # logarithm of a text's probability, from which on its characters are where the line network sees them
AT_ONCE = 64  # lines
NUDGED = 0.7  # share of the characters that are; fewer at the end, as with digits, makes the network too sure of itself
LARGER = 4  # times, at most, than the network sees it a line is when it is cut


class Lines(Protocol):
    """Lines and their texts; `inkdigit.training.reading.Lines` is one."""

    @property
    def pictures(self) -> Sequence[NDArray[np.uint8]]:
        """Each (LINE_HEIGHT, W), 0 is paper."""

    @property
    def texts(self) -> Sequence[str]:
        """What stands on each."""


@dataclass(frozen=True, slots=True)
class Characters:
    """Characters cut from lines.

    Attributes:
        images: (N, 28, 28) uint8 in MNIST's form.
        labels: (N,) the digits; 10 for signs.
    """

    images: Images
    labels: Labels

    def __len__(self) -> int:
        return len(self.labels)


@dataclass(frozen=True, slots=True)
class CharacterNetwork:
    """What a run made, and what a reader's card says of it.

    Attributes:
        network: of Keras' own layers alone, in float32.
        card: its training and its figures.
        canary: a character, and what the network says of it.
    """

    network: keras.Sequential
    card: dict[str, Any]
    canary: dict[str, Any]


def cut_characters(lines: Lines, network: keras.Sequential, random: np.random.Generator) -> Characters:
    """Cut lines into the characters of their texts, where the network sees these, as the reader does.

    Lines on which it does not see them at all are left out. Each is enlarged first, as a reader's lines are larger than
    its network sees them: by up to four times.
    """
    images, labels = [], []
    for picture, text, logits in _looked_at(lines, network):
        for image, sign in _cut(_enlarged(picture, int(random.integers(1, LARGER + 1))), text, logits):
            images.append(image)
            labels.append(int(sign) if sign.isdecimal() else NOT_A_DIGIT)
    return Characters(np.array(images, np.uint8).reshape(-1, SIZE, SIZE), np.array(labels, np.uint8))


def _looked_at(lines: Lines, network: keras.Sequential) -> Iterator[tuple[NDArray[np.uint8], str, NDArray[np.float32]]]:
    """Each line that has a text, and the network's answer to it: (T, 17) logits."""
    order = [row for row in np.argsort([line.shape[1] for line in lines.pictures]) if lines.texts[row]]
    for start in range(0, len(order), AT_ONCE):
        rows = order[start : start + AT_ONCE]
        answers = network.predict_on_batch(side_by_side([lines.pictures[row] for row in rows]))
        for row, logits in zip(rows, answers, strict=True):
            yield lines.pictures[row], lines.texts[row], logits[: -(-lines.pictures[row].shape[1] // 2)]


def _enlarged(picture: NDArray[np.uint8], times: int) -> NDArray[np.uint8]:
    height, width = picture.shape
    return np.asarray(Image.fromarray(picture).resize((times * width, times * height), Image.Resampling.BICUBIC))


def _cut(picture: NDArray[np.uint8], text: str, logits: NDArray[np.float32]) -> list[tuple[NDArray[np.uint8], str]]:
    logs, starts = condensed(log_softmax(logits))
    classes = tuple(LABELS.index(sign) + 1 for sign in text)
    if float(likelihoods(logs, [classes])[0]) < FOUND:
        return []
    [steps] = steps_of(logs, [classes])
    middles = [float(starts[start] + starts[stop]) / 2 / int(starts[-1]) for start, stop in steps]
    pieces = divide(picture, [middle * picture.shape[1] for middle in middles])
    return [
        (np.asarray(normalize(piece.ink) * 255, np.uint8), sign)
        for piece, sign in zip(pieces, text, strict=True)
        if piece.ink.any()
    ]


def train_characters(
    options: TrainOptions,
    training: Characters,
    held_out: Characters,
    on_progress: Callable[[Progress], None] | None = None,
) -> CharacterNetwork:
    """Train the network of a reader that looks at characters alone, beside its run of lines.

    Args:
        options: of that run; its seed, its precision, and a share of its minutes count.
        training: what it learns from.
        held_out: what judges it, and chooses the epoch that is kept.
        on_progress: is told of every batch.
    """
    own = dataclasses.replace(
        options,
        out=options.out.with_name(f"{options.out.name}.characters"),
        epochs=EPOCHS,
        batch_size=min(BATCH_SIZE, len(training)),
        learning_rate=LEARNING_RATE,
        minutes=options.minutes and SHARE * options.minutes,
        start=None,
        kept=0.0,
        frozen=0,
    )
    own = dataclasses.replace(own, resume=own.resume and (scratch_of(own.out) / "state.json").exists())
    run = Run(own, CharacterTask(own, training, held_out), on_progress)
    network = run.fit()
    answers = network.predict(scaled(held_out.images), batch_size=500, verbose=0)
    seen = {"characters": len(training), "held_out_characters": len(held_out)}
    digits = held_out.labels != NOT_A_DIGIT
    right = int((answers[digits, :CLASSES].argmax(axis=1) == held_out.labels[digits]).sum())
    card = {
        **card_of(own, run, seen),
        "network": {"name": network.name, "parameters": network.count_params()},
        "metrics": {"held_out": {"n": int(digits.sum()), "accuracy": right / max(1, int(digits.sum()))}},
    }
    shutil.rmtree(run.scratch)
    image = held_out.images[0]
    canary = {"image": base64.b64encode(image.tobytes()).decode(), "probabilities": [float(p) for p in answers[0]]}
    return CharacterNetwork(network, card, canary)


@dataclass(frozen=True, slots=True)
class CharacterTask:
    """Characters of lines, digits and signs."""

    options: TrainOptions
    training: Characters
    held_out: Characters

    def maker(self) -> "CharacterMaker":
        """Makes batches of them, leaning and turned a little."""
        return CharacterMaker(self.training, self.options.batch_size, self.options.seed)

    def network(self) -> keras.Sequential:
        """A network of random weights."""
        return build_character_network()

    def loss(self) -> str:
        """Between probabilities."""
        return "categorical_crossentropy"

    def judge(self, network: keras.Sequential) -> tuple[float, dict[str, float]]:
        """The mean loss on held-out characters, and the share of them that are told right."""
        answers = network.predict(scaled(self.held_out.images), batch_size=500, verbose=0)
        of_truth = answers[np.arange(len(self.held_out)), self.held_out.labels]
        accuracy = float((answers.argmax(axis=1) == self.held_out.labels).mean())
        loss = float(-np.log(of_truth.clip(1e-12)).mean())
        return loss, {"held_out_accuracy": accuracy, "held_out_loss": loss}


class CharacterMaker:
    """Makes any batch of any epoch; a batch depends on the seed, the epoch and its place alone."""

    def __init__(self, characters: Characters, batch_size: int, seed: int) -> None:
        self._characters = characters
        self._batch_size = batch_size
        self._seed = seed

    def __len__(self) -> int:
        return max(1, len(self._characters) // self._batch_size)

    def make(self, epoch: int, index: int, untouched: float) -> Batch:  # noqa: ARG002 - as many from first to last
        """Batch `index` of an epoch."""
        order = np.random.default_rng([self._seed, epoch]).permutation(len(self._characters))
        rows = order[index * self._batch_size : (index + 1) * self._batch_size]
        random = np.random.default_rng([self._seed, epoch, index])
        images = self._characters.images[rows]
        pictures = np.asarray(images / np.float32(255), np.float32)
        nudged = random.random(len(rows)) < NUDGED
        pictures[nudged] = nudge(images[nudged], random)
        labels = np.eye(CLASSES + 1, dtype=np.float32)[self._characters.labels[rows]]
        return spoil(pictures, random)[..., None], labels


def nudge(images: Images, random: np.random.Generator) -> NDArray[np.float32]:
    """Turn, slant, stretch and shift (N, 28, 28) pictures a little, each in its own way; they keep their size."""
    count = len(images)
    angle, slant = random.normal(0, 0.10, count), random.normal(0, 0.15, count)
    stretch = np.exp(random.normal(0, 0.08, (2, count)))
    cos, sin = np.cos(angle), np.sin(angle)
    matrix = np.array([[cos, sin], [slant - sin, cos]]) * stretch[:, None]
    grid = np.mgrid[0:SIZE, 0:SIZE].reshape(2, -1).astype(np.float32) - (SIZE - 1) / 2
    where = np.einsum("ijn,jp->inp", matrix.astype(np.float32), grid) + (SIZE - 1) / 2
    where += random.normal(0, 0.5, (2, count, 1)).astype(np.float32)
    return sample(images, where).reshape(count, SIZE, SIZE)

"""Lines of numbers -> a trained reader -> its model folder."""

import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from inkdigit.number import LABELS
from inkdigit.registry import get_version
from inkdigit.training.characters import SHARE, cut_characters, train_characters
from inkdigit.training.dataset import load_mnist
from inkdigit.training.export_reader import write_reader_folder
from inkdigit.training.lines import (
    PLAIN,
    Glyphs,
    LineMaker,
    any_text,
    classes_of,
    side_by_side,
    write_line,
    written,
)
from inkdigit.training.network import build_line_network, freeze, plain
from inkdigit.training.train import (
    MEASURING,
    POLICIES,
    Progress,
    Run,
    TrainOptions,
    card_of,
    check,
    network_of,
    scratch_of,
)

PRESETS: dict[str, dict[str, Any]] = {
    "default": {"epochs": 70, "batch_size": 64, "learning_rate": 1.2e-3, "width": 16},
    "quick": {"epochs": 8, "batch_size": 64, "learning_rate": 1.2e-3, "width": 12, "ink": 0.25},
    "finish": {"epochs": 20, "batch_size": 64, "learning_rate": 5e-4, "width": 16},
}
BATCHES = 150  # in an epoch: nothing is seen twice, so that an epoch is as long as one likes
JUDGED = 1_500  # held-out lines, of digits that did not train
STORY = ("command", "seed", "backend", "libraries", "hardware", "python", "training")  # of a card: how it was made
CUT = 26_000  # lines that are cut into characters, for the network that looks at these alone


@dataclass(frozen=True, slots=True)
class Lines:
    """Lines and what is written on them.

    Attributes:
        pictures: each (LINE_HEIGHT, W) uint8, 0 is paper and 255 is full ink.
        texts: of `LABELS`.
    """

    pictures: Sequence[NDArray[np.uint8]]
    texts: Sequence[str]

    def __len__(self) -> int:
        return len(self.pictures)


def train_reader(
    options: TrainOptions,
    on_progress: Callable[[Progress], None] | None = None,
    on_stage: Callable[[str], None] | None = None,
) -> Path:
    """Train a reader of lines and write its model folder; as `inkdigit.training.train.train` does for digits.

    Its network of lines comes first, and then that of the characters which are cut from lines. Where all of `start` is
    kept, its network of lines stays as it is, and that of the characters alone is trained.

    Returns:
        The model folder.

    Raises:
        ConfigError: an option has an impossible value, or `out` exists already.
        DataError: MNIST cannot be had.
    """
    check(options)
    keras.utils.set_random_seed(options.seed)
    keras.config.set_dtype_policy(POLICIES[options.precision])
    mnist = load_mnist(options.source)
    training = mnist.training[: options.train_images or None]
    glyphs = Glyphs.of(training, np.random.default_rng(options.seed), options.ink * len(training) / len(mnist.training))
    others = Glyphs.of(mnist.held_out, np.random.default_rng([options.seed, 1]), options.ink / 10)
    held_out = draw_lines(others, JUDGED, np.random.default_rng([options.seed, 2]))
    task = LineTask(options, glyphs, held_out)
    history: list[dict[str, float]] = []
    if options.start is not None and options.kept == 1:
        network, card = plain(task.network()), _story_of(options.start)
    else:
        network, card, history = _train_lines(task, on_progress)
    tell = on_stage or (lambda _: None)
    tell("Cutting lines into characters, for the network that looks at these ...")
    random = np.random.default_rng([options.seed, 3])
    cut = draw_lines(glyphs, max(2, round(CUT * options.ink)), random)
    to_learn, to_judge = (cut_characters(part, network, random) for part in (cut, held_out))
    characters = train_characters(options, to_learn, to_judge, on_progress)
    tell(MEASURING)
    keras.config.set_dtype_policy(POLICIES["float32"])
    folder = write_reader_folder(network, options.out, held_out, card, history, characters)
    shutil.rmtree(scratch_of(options.out), ignore_errors=True)
    return folder


def _train_lines(
    task: "LineTask", on_progress: Callable[[Progress], None] | None
) -> tuple[keras.Sequential, dict[str, Any], list[dict[str, float]]]:
    """The network of lines, what the card says of its run, and figures per epoch."""
    options, held_out = task.options, len(task.held_out)
    of_lines = options if options.minutes is None else replace(options, minutes=(1 - SHARE) * options.minutes)
    run = Run(of_lines, task, on_progress)
    network = run.fit()
    lines = len(run.history) * BATCHES * options.batch_size
    seen = {"lines": lines, "glyphs": len(task.glyphs.images), "held_out_lines": held_out}
    return network, card_of(options, run, seen), run.history


def _story_of(folder: Path) -> dict[str, Any]:
    """What the card of a reader says of how its network of lines was made."""
    card = get_version(folder).card
    return {name: card[name] for name in STORY}


def draw_lines(glyphs: Glyphs, count: int, random: np.random.Generator) -> Lines:
    """Lines of every length, a share of them on clean paper."""
    texts = [any_text(random) for _ in range(count)]
    pictures = [write_line(glyphs, text, random, plain=random.random() < PLAIN) for text in texts]
    return Lines(pictures, [written(text) for text in texts])


@dataclass(frozen=True, slots=True)
class LineTask:
    """Whole numbers: connectionist temporal classification (Graves et al., 2006), which needs no segmentation."""

    options: TrainOptions
    glyphs: Glyphs
    held_out: Lines

    def maker(self) -> LineMaker:
        """Makes batches of lines that were never seen before."""
        return LineMaker(self.glyphs, self.options.batch_size, BATCHES, self.options.seed)

    def network(self) -> keras.Sequential:
        """A network of random weights, or of those that the run starts from."""
        network = build_line_network(self.options.width)
        if self.options.start:
            network.set_weights(network_of(self.options.start).get_weights())
            freeze(network, self.options.frozen)
        return network

    def loss(self) -> keras.losses.Loss:
        """Of a line: how unlikely its text is, summed over all its alignments."""
        return keras.losses.CTC()

    def judge(self, network: keras.Sequential) -> tuple[float, dict[str, float]]:
        """The mean loss on held-out lines, and the share of them that are read without a fault."""
        losses, right = [], 0
        for rows in in_batches(self.held_out.pictures):
            texts = [self.held_out.texts[row] for row in rows]
            logits = network.predict_on_batch(side_by_side([self.held_out.pictures[row] for row in rows]))
            losses.extend(keras.ops.convert_to_numpy(keras.losses.ctc(classes_of(texts), logits)))
            right += sum(text == best_path(line) for text, line in zip(texts, logits, strict=True))
        loss = float(np.mean(losses))
        return loss, {"held_out_accuracy": right / len(self.held_out), "held_out_loss": loss}


def in_batches(pictures: Sequence[NDArray[np.uint8]], size: int = 100) -> list[NDArray[np.intp]]:
    """The rows of lines, those of about one width together."""
    order = np.argsort([picture.shape[1] for picture in pictures], kind="stable")
    return [order[start : start + size] for start in range(0, len(order), size)]


def best_path(logits: NDArray[np.float32]) -> str:
    """The text of the likeliest class at each place of (T, C) logits, repetitions and nothings left out."""
    classes = logits.argmax(axis=1)
    begins = np.append(True, classes[1:] != classes[:-1])
    return "".join(LABELS[place - 1] for place in classes[begins] if place)

"""What correcting a few drawings does to the reading of one hand, and to that of all others.

    python -m benchmarks.adapting [--model NAME ...] [--hand NAME ...] [--repeats N] [--seed S] [--without-mislabelled]

Every contributor of `pen_digits_dev` is a hand. Two readings of "corrected drawings" are measured: drawings at random
with their labels, most of which were read right anyway; and misread ones first, from a random half of the hand's
drawings, filled up at random, judged by the other half. The cost is counted on MNIST's 5,000 held-out training images,
of which the gate knows some, and on 10,000 of those that trained, of which it knows none. The test images choose
nothing, here neither.
"""

import argparse
import itertools
import math
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from benchmarks import placements
from benchmarks.accuracy import SKIPPED
from benchmarks.answers import Frames
from benchmarks.drawings import MISLABELLED, PEN_FILE, SHARED, available, cache_folder, digest
from benchmarks.placements import PLACEMENTS
from benchmarks.table import markdown_table
from inkdigit import Layer, Recognizer, normalize, preprocess
from inkdigit.adapt import Grounds as ModelGrounds
from inkdigit.recognizer import share_out
from inkdigit.training.dataset import load_mnist
from inkdigit.training.labelled import frames

COUNTS: Final = (1, 5, 20, 50)
LEFT: Final = 20  # drawings that a hand must have besides those that teach, to be measured
READINGS: Final = ("at random", "misread first")

Rows = NDArray[np.intp]
Classes = NDArray[np.float32]


ANGLE: Final = float(np.deg2rad(40))
HANDS: Final = {
    "as they wrote": ((1.0, 0.0), (0.0, 1.0)),
    "leaning": ((1.0, -0.9), (0.0, 1.0)),
    "turned by 40 degrees": ((math.cos(ANGLE), -math.sin(ANGLE)), (math.sin(ANGLE), math.cos(ANGLE))),
}
"""What becomes of (x, y), y downwards: hands of a style that the contributors do not have."""


@dataclass(frozen=True, slots=True)
class Embedded:
    """What a model makes of labelled pictures: classes (N, C), embeddings (N, D), labels (N,)."""

    images: Frames
    classes: Classes
    embeddings: NDArray[np.float32]
    labels: NDArray[np.int64]
    grounds: ModelGrounds

    @classmethod
    def of(cls, recognizer: Recognizer, images: Frames, labels: NDArray[np.int64]) -> "Embedded":
        return cls(images, *recognizer.embed(images), labels, recognizer.grounds)

    def errors(self, layer: Layer | None = None, rows: Rows | None = None) -> int:
        """How many are read wrong, with a layer or without."""
        rows = np.arange(len(self.labels)) if rows is None else rows
        classes = self.classes[rows]
        found = classes if layer is None else layer.correct(classes, self.embeddings[rows], self.grounds)
        return int(np.count_nonzero(share_out(found).argmax(axis=1) != self.labels[rows]))

    @property
    def wrong(self) -> NDArray[np.bool_]:
        """(N,) which are read wrong without a layer."""
        return np.asarray(share_out(self.classes).argmax(axis=1) != self.labels)


@dataclass(slots=True)
class Tally:
    """What so many corrections did, over contributors and repeats."""

    before: dict[str, list[int]] = field(default_factory=dict)
    after: dict[str, list[int]] = field(default_factory=dict)
    left: dict[str, list[int]] = field(default_factory=dict)
    used: int = 0
    cost_held_out: list[int] = field(default_factory=list)
    cost_others: list[int] = field(default_factory=list)
    milliseconds: list[float] = field(default_factory=list)
    characters: list[int] = field(default_factory=list)

    def cells(self) -> list[str]:
        """A row of the table."""
        before, after = (sum(map(np.mean, part.values())) for part in (self.before, self.after))
        left = sum(map(np.mean, self.left.values()))
        rises = {hand: float(np.mean(self.after[hand]) - np.mean(self.before[hand])) for hand in self.before}
        worst = max(rises, key=lambda hand: rises[hand])
        trials = len(self.cost_held_out)
        return [
            f"{before:.1f} of {left:,.0f}",
            f"{after:.1f}",
            f"{100 * (1 - after / before):.0f} %" if before else "",
            f"{self._mean_fall():.0f} %",
            f"{rises[worst]:+.2f}" if rises[worst] > 0 else "none",
            f"{100 * self.used / trials:.0f} %",
            *(f"{np.mean(costs):+.2f} ({max(costs):+d})" for costs in (self.cost_held_out, self.cost_others)),
        ]

    def _mean_fall(self) -> float:
        """Mean over contributors of how much of their error went, in per cent; of those who had one."""
        pairs = [(np.mean(self.before[hand]), np.mean(self.after[hand])) for hand in self.before]
        return float(np.mean([100 * (1 - after / before) for before, after in pairs if before > 0] or [0]))


_HEAD = (
    "corrected", "drawings", "errors left alone", "errors after", "fewer, all", "fewer, mean of contributors",
    "largest rise of one", "layer used", "MNIST held out", "MNIST, others",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Grounds:
    """A model, a hand's drawings as it sees them, and the pictures on which a layer must not cost."""

    recognizer: Recognizer
    drawn: Embedded
    writers: NDArray[np.str_]
    held_out: Embedded
    others: Embedded

    def trials(self, count: int, reading: str, repeats: int, seed: int) -> Iterator[tuple[str, Rows, Rows]]:
        """Contributor, rows that teach, rows that judge."""
        rng, wrong = np.random.default_rng(seed), self.drawn.wrong
        for writer in np.unique(self.writers):
            rows = np.flatnonzero(self.writers == writer)
            enough = count + LEFT if reading == READINGS[0] else 2 * max(count, LEFT)
            for _ in range(repeats if len(rows) >= enough else 0):
                mixed = rng.permutation(rows)
                if reading == READINGS[0]:
                    yield str(writer), mixed[:count], mixed[count:]
                    continue
                half, rest = mixed[: len(mixed) // 2], mixed[len(mixed) // 2 :]
                yield str(writer), half[np.argsort(~wrong[half], kind="stable")][:count], rest

    def measure(self, count: int, reading: str, repeats: int, seed: int) -> Tally:
        """Adapt again and again, and count."""
        tally, costs = Tally(), (self.held_out.errors(), self.others.errors())
        for writer, teach, judge in self.trials(count, reading, repeats, seed):
            start = time.process_time()
            layer = self.recognizer.adapt(self.drawn.images[teach], self.drawn.labels[teach].tolist())
            tally.milliseconds.append(1e3 * (time.process_time() - start))
            tally.characters.append(len(layer.to_text()))
            tally.used += layer.used
            tally.before.setdefault(writer, []).append(self.drawn.errors(None, judge))
            tally.after.setdefault(writer, []).append(self.drawn.errors(layer, judge))
            tally.left.setdefault(writer, []).append(len(judge))
            tally.cost_held_out.append(self.held_out.errors(layer) - costs[0] if layer.used else 0)
            tally.cost_others.append(self.others.errors(layer) - costs[1] if layer.used else 0)
        return tally


def report(grounds: Grounds, repeats: int, seed: int) -> str:
    """The tables of one model and one kind of hand, in Markdown."""
    rows, tallies = [_HEAD], []
    for reading, count in itertools.product(READINGS, COUNTS):
        tally = grounds.measure(count, reading, repeats, seed)
        tallies.append(tally)
        rows.append((reading, str(count), *tally.cells()))
    twenty = tallies[len(COUNTS) + COUNTS.index(20)]
    each = ", ".join(
        f"{writer} {np.mean(twenty.before[writer]):.1f} to {np.mean(twenty.after[writer]):.1f}"
        for writer in twenty.before
    )
    times = [spent for tally in tallies for spent in tally.milliseconds]
    sizes = [length for tally in tallies for length in tally.characters]
    return (
        f"{markdown_table(rows)}\n\nBy contributor, 20 misread first: {each}.\n"
        f"Adapting took {np.median(times):.0f} ms of CPU (median; at most {max(times):.0f}), with the network's own "
        f"answers; a layer has {np.median(sizes):,.0f} characters (median; at most {max(sizes):,})."
    )


def hand_frames(name: str) -> tuple[Frames, NDArray[np.int64], NDArray[np.str_]]:
    """Frames, labels and contributors of the pen digits as a hand of this name writes them; kept on disk."""
    source = SHARED / f"{PEN_FILE}.npz"
    code = [Path(str(module.__file__)).read_bytes() for module in (placements, preprocess)]
    path = cache_folder() / f"hand-{digest(source.read_bytes(), repr(HANDS[name]).encode(), *code)}.npz"
    with np.load(source) as file:
        points, offsets, labels, writers = (file[key] for key in ("points", "offsets", "label", "contributor"))
    if not path.exists():
        bent = np.column_stack([points[:, :2] @ np.array(HANDS[name], np.float32).T, points[:, 2]])
        strokes = [bent[start:end] for start, end in itertools.pairwise(offsets)]
        images = [normalize((255 - placements.render(drawn, PLACEMENTS[0])).astype(np.uint8)) for drawn in strokes]
        np.savez_compressed(path, images=np.stack(images))
    with np.load(path) as kept:
        return kept["images"], labels.astype(np.int64), writers.astype(np.str_)


def main(arguments: list[str] | None = None) -> int:
    """Print a table for every model and every kind of hand."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--model", action="append", help="a version or a folder; digits-8 and small-3 where absent")
    parser.add_argument("--hand", action="append", choices=list(HANDS), help="all where absent")
    parser.add_argument("--repeats", type=int, default=20, help="draws of what is corrected, per contributor")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument(
        "--without-mislabelled", action="store_true", help="leave out the drawings whose label is believed wrong"
    )
    options = parser.parse_args(arguments)
    if not available():
        print(SKIPPED)
        return 0
    mnist = load_mnist()
    for model in options.model or ["digits-8", "small-3"]:
        recognizer = Recognizer.load(model)
        strangers = mnist.training[5::11].joined(mnist.training[8::11])  # the guard's are of [::11]
        held_out, others = (
            Embedded.of(recognizer, frames(part), part.labels.astype(np.int64)) for part in (mnist.held_out, strangers)
        )
        for hand in options.hand or HANDS:
            images, labels, writers = hand_frames(hand)
            if options.without_mislabelled:
                rows = np.delete(np.arange(len(labels)), sorted(MISLABELLED))
                images, labels, writers = images[rows], labels[rows], writers[rows]
            grounds = Grounds(recognizer, Embedded.of(recognizer, images, labels), writers, held_out, others)
            print(f"### {recognizer.version}, {hand}\n", flush=True)
            print(f"n = {len(labels):,}, {options.repeats} repeats, seed {options.seed}\n", flush=True)
            print(report(grounds, options.repeats, options.seed), end="\n\n", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())

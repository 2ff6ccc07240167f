"""What each ingredient of the training brings: short runs, each with one of them left out.

    python -m benchmarks.ablations [--seeds N] [--finished]

A run is small, so that all of them take an hour and not a week: what matters is the difference between them. The
answers of a finished run are kept in the user's cache folder, under a name that changes with the code that trains, so
that an interrupted table goes on.
"""

import argparse
import contextlib
import datetime
import functools
import hashlib
import os
import platform
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from importlib.metadata import version
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

import inkdigit.preprocess
import inkdigit.training
from benchmarks.answers import Answers, answers_of, frames
from benchmarks.drawings import PROJECT, available, cache_folder, image_drawings, pen_drawings, pen_signs
from benchmarks.environments import hardware, training_environment
from benchmarks.placements import PLACEMENTS
from benchmarks.setting import QUICK, Setting
from benchmarks.table import markdown_table
from inkdigit.training import augment, batches
from inkdigit.training.dataset import load_mnist
from inkdigit.training.ink import Ink, gather_ink, judging_non_digits

if TYPE_CHECKING:
    import keras

SETTINGS: dict[str, Any] = {
    "train_images": 8_000, "width": 16, "epochs": 6, "batch_size": 128, "precision": "bfloat16", "apart": False,
}  # fmt: skip
SEEDS = 3
THRESHOLD = 0.5  # probability of being no digit from which on a picture is rejected
HELD_OUT, SIGNS = "held out", "signs"
SKIPPED = "skipped: ../shared/data is not there, so there is no real ink to measure on"

Measured = Mapping[str, Answers]  # a set's name -> the answers of one run


@dataclass(frozen=True, slots=True)
class Change:
    """Another value for a name of a training module."""

    module: ModuleType
    name: str
    value: object


@dataclass(frozen=True, slots=True)
class Variant:
    """A recipe: the shipped one with changes.

    Attributes:
        name: what is left out, in words.
        kind: of picture that does not train (a key of `Ink.counts`), if any.
        changes: to the training package, for the length of a run.
    """

    name: str
    kind: str | None = None
    changes: tuple[Change, ...] = ()


def _as_it_stands(images: NDArray[np.uint8], _: np.random.Generator) -> NDArray[np.float32]:
    """In place of `augment.warp`: the same size of picture, and nothing moved."""
    return np.asarray(images.repeat(2, axis=1).repeat(2, axis=2) / np.float32(255), np.float32)


VARIANTS = (
    Variant("all of it"),
    Variant("no digits drawn from strokes", kind="drawn"),
    Variant("no MNIST digits inked anew", kind="redrawn"),
    Variant("no non-digits", kind="negatives"),
    Variant("no strokes added to MNIST digits", changes=(Change(augment, "STYLES", {}),)),
    Variant("no faults", changes=(Change(augment, "FAULTY", 0.0),)),
    Variant("no warping", changes=(Change(augment, "warp", _as_it_stands),)),
    Variant("no settling", changes=(Change(batches, "UNTOUCHED_AT_THE_END", batches.UNTOUCHED),)),
    Variant(
        "no redrawing: no warping, pens, faults or added strokes",
        changes=(Change(batches, "UNTOUCHED", 1.0), Change(batches, "UNTOUCHED_AT_THE_END", 1.0)),
    ),
)


@dataclass(frozen=True, slots=True)
class Without(Ink):
    """Ink of which one kind does not train; others of the epoch come twice instead, so that runs are equally long."""

    kind: str = ""

    def rows_of_an_epoch(self, random: np.random.Generator) -> NDArray[np.intp]:
        """As `Ink.rows_of_an_epoch`, and as many."""
        rows = Ink.rows_of_an_epoch(self, random)
        kinds = list(self.counts)
        ends = np.cumsum(list(self.counts.values()))
        missing = np.searchsorted(ends, rows, side="right") == kinds.index(self.kind)
        rows[missing] = random.choice(rows[~missing], int(missing.sum()), replace=False)
        return rows


@contextlib.contextmanager
def changed(changes: Sequence[Change]) -> Iterator[None]:
    """The training package with these changes, and as it was afterwards."""
    before = [replace(change, value=getattr(change.module, change.name)) for change in changes]
    for change in changes:
        setattr(change.module, change.name, change.value)
    try:
        yield
    finally:
        for change in before:
            setattr(change.module, change.name, change.value)


def measured(variant: Variant, seed: int) -> Measured:
    """The answers of a run, from the cache where it is finished."""
    path = _kept(variant, seed)
    if not path.exists():
        answers = _answers(_Trained(_train(variant, seed)))
        rows = {name: np.stack([a.labels, a.confidence, a.not_digit]) for name, a in answers.items()}
        np.savez_compressed(path, allow_pickle=False, **rows)
    with np.load(path) as file:
        return {name: Answers(file[name][0].astype(np.int64), file[name][1], file[name][2]) for name in file}


def _train(variant: Variant, seed: int) -> "keras.Sequential":
    import keras  # here, so that a table of finished runs needs no Keras

    from inkdigit.training.train import POLICIES, DigitTask, Run, TrainOptions, scratch_of

    out = cache_folder() / f"ablation-{_name(variant, seed)}"
    options = TrainOptions(out, seed=seed, **SETTINGS)
    keras.utils.set_random_seed(seed)
    keras.config.set_dtype_policy(POLICIES[options.precision])
    with changed(variant.changes):
        ink = _ink(seed)
        if variant.kind:
            ink = Without(**{field.name: getattr(ink, field.name) for field in fields(Ink)}, kind=variant.kind)
        held_out = load_mnist().held_out
        choosing = judging_non_digits(held_out, np.random.default_rng([seed, 2]))
        network = Run(options, DigitTask(options, ink, held_out, choosing), None).fit()
    keras.config.set_dtype_policy(POLICIES["float32"])
    shutil.rmtree(scratch_of(out))
    return network


@functools.lru_cache(1)  # all variants of one seed train on the same pictures
def _ink(seed: int) -> Ink:
    return gather_ink(load_mnist().training[: SETTINGS["train_images"]], np.random.default_rng(seed))


class _Trained:
    """A Keras network as the benchmarks ask it."""

    def __init__(self, network: "keras.Sequential") -> None:
        self._network = network

    def classify(self, images: NDArray[np.float32]) -> NDArray[np.float32]:
        return np.asarray(self._network.predict(images[..., None], batch_size=len(images), verbose=0), np.float32)


def _answers(network: _Trained) -> Measured:
    held_out = np.asarray(load_mnist().held_out.images / np.float32(255), np.float32)
    pictures = [(d.name, d.pngs) for d in _digits()] + [(SIGNS, pen_signs().pngs)]
    return {HELD_OUT: answers_of(network, held_out)} | {
        name: answers_of(network, *frames(pngs)) for name, pngs in pictures
    }


def _digits() -> list[Any]:
    return [*map(pen_drawings, PLACEMENTS), *map(image_drawings, ("mouse_digits_dev", "mnist_c_dev"))]


def _kept(variant: Variant, seed: int) -> Path:
    return cache_folder() / f"ablation-{_name(variant, seed)}.npz"


def _name(variant: Variant, seed: int) -> str:
    """Changes with the recipe and with the code that trains by it."""
    return hashlib.sha256(f"{variant.name} {seed} {SETTINGS} {_code()}".encode()).hexdigest()[:16]


TRAINING_FILES = (
    "augment", "batches", "faults", "fonts", "ink", "letters", "negatives", "network", "pen", "redraw", "strokes",
    "train",
)  # fmt: skip


@functools.cache
def _code() -> str:
    folder = Path(str(inkdigit.training.__file__)).parent
    files = [folder / f"{name}.py" for name in TRAINING_FILES] + [Path(str(inkdigit.preprocess.__file__))]
    return hashlib.sha256(b"\0".join(file.read_bytes() for file in files)).hexdigest()


@functools.cache
def _truths() -> dict[str, NDArray[np.int64]]:
    return {HELD_OUT: load_mnist().held_out.labels.astype(np.int64)} | {d.name: d.labels for d in _digits()}


HEAD = (
    "left out", "runs", "MNIST held out", "pen, centred", "pen, worst placement", "mouse", "MNIST-C",
    "pen digits rejected", "letters and signs accepted",
)  # fmt: skip


def figures(run: Measured, truths: Mapping[str, NDArray[np.int64]], scored: NDArray[np.bool_]) -> list[float]:
    """One run's figures in per cent, in the order of `HEAD`: errors, then what is rejected and accepted wrongly.

    Args:
        run: the answers to each set.
        truths: (N,) labels of each set of digits.
        scored: (N,) which of the signs are unambiguous.
    """
    error = {name: 100 * float(np.mean(run[name].labels != truths[name])) for name in truths}
    placed = [error[placement.name] for placement in PLACEMENTS]
    centred, signs = run[PLACEMENTS[0].name], run[SIGNS]
    rejected = 100 * float(np.mean(~centred.accepted(THRESHOLD)))
    accepted = 100 * float(np.mean(signs.accepted(THRESHOLD)[scored]))
    errors = [error[HELD_OUT], placed[0], max(placed), error["mouse_digits_dev"], error["mnist_c_dev"]]
    return [*errors, rejected, accepted]


def table(runs: Mapping[str, Sequence[Sequence[float]]]) -> str:
    """A row for each variant: how many runs, and of each figure the mean and its range over them."""
    cells: list[tuple[str, ...]] = [HEAD]
    for name, rows in runs.items():
        columns = [_spread(column) for column in zip(*rows, strict=True)]
        cells.append((name, str(len(rows)), *columns))
    return markdown_table(cells)


def _spread(values: Sequence[float]) -> str:
    mean, low, high = np.mean(values), min(values), max(values)
    return f"{mean:.2f} ({low:.2f} to {high:.2f})" if len(values) > 1 else f"{mean:.2f}"


def finished() -> dict[str, list[list[float]]]:
    """The figures of all runs in the cache, by variant."""
    scored = ~pen_signs().ambiguous
    rows = {v.name: [measured(v, s) for s in range(1, SEEDS + 1) if _kept(v, s).exists()] for v in VARIANTS}
    return {name: [figures(run, _truths(), scored) for run in runs] for name, runs in rows.items() if runs}


def circumstances() -> str:
    """The command, the day, the machine and the versions."""
    backend = os.environ.get("KERAS_BACKEND", "tensorflow")
    names = ("numpy", "keras", {"tensorflow": "tensorflow-cpu"}.get(backend, backend))
    versions = ", ".join(f"{name} {version(name)}" for name in names)
    return (
        f"- `KERAS_BACKEND={backend} python -m benchmarks.ablations`, {datetime.datetime.now(datetime.UTC).date()}\n"
        f"- {hardware()}\n"
        f"- Python {platform.python_version()}, {versions}"
    )


def ablations_section(setting: Setting) -> str:
    """Run this module where Keras is, and give what it prints; `--quick` trains nothing."""
    finished_alone = ["--finished"] if setting.effort == QUICK else []
    command: list[str | Path] = [training_environment().python, "-m", "benchmarks.ablations", *finished_alone]
    return subprocess.run(command, check=True, text=True, stdout=subprocess.PIPE, cwd=PROJECT).stdout.strip()


def main(arguments: list[str] | None = None) -> int:
    """Train what is not trained yet, then print the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--seeds", type=int, default=SEEDS, help=f"runs of each, {SEEDS} at most")
    parser.add_argument("--finished", action="store_true", help="train nothing: the table of what there is")
    options = parser.parse_args(arguments)
    if not available():
        print(SKIPPED)
        return 0
    for seed in range(1, 1 if options.finished else options.seeds + 1):
        for variant in VARIANTS:
            print(f"seed {seed}: {variant.name}", file=sys.stderr, flush=True)
            measured(variant, seed)
    print(f"{table(finished())}\n\n{circumstances()}")
    return 0


if __name__ == "__main__":
    sys.exit(main())

"""MNIST -> trained network -> model folder, interruptible at any time."""

import json
import logging
import math
import platform
import shutil
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from importlib.metadata import version as library_version
from pathlib import Path
from typing import Any, Protocol

import keras
import numpy as np
from numpy.typing import NDArray

from inkdigit.errors import ConfigError
from inkdigit.recognizer import check_digests, share_out
from inkdigit.registry import get_version
from inkdigit.training.batches import UNTOUCHED, Batch, Batches, BatchMaker, Maker, untouched
from inkdigit.training.dataset import Digits, Images, load_mnist
from inkdigit.training.evaluate import evaluate
from inkdigit.training.export import PRIOR, seed_figures, write_model_folder
from inkdigit.training.ink import Ink, gather_ink, judging_non_digits
from inkdigit.training.network import (
    build_broad_network,
    build_network,
    build_small_network,
    freeze,
    join,
    plain,
    trainable,
)

logger = logging.getLogger(__name__)

MEASURING = "Measuring, and writing the report ..."

PRESETS: dict[str, dict[str, Any]] = {
    "default": {"epochs": 48},
    "quick": {"epochs": 4, "width": 16, "ink": 0.25},
    "small": {"epochs": 60, "small": True},
    "broad": {"epochs": 47, "broad": True, "non_digits": 1.0, "kept": 0.35},
    "finish": {"epochs": 6, "learning_rate": 5e-4, "non_digits": 1.0, "kept": 0.5},
}
POLICIES = {"float32": "float32", "bfloat16": "mixed_bfloat16"}  # precision: Keras' name for it
NON_DIGITS_WEIGH = 0.1  # beside a held-out digit, in the loss that chooses the epoch that is kept
LIBRARIES = ("keras", "numpy", "onnxruntime", "tf2onnx", "tensorflow-cpu", "tensorflow", "torch", "jax")


@dataclass(frozen=True, slots=True)
class TrainOptions:
    """What a run is asked to do.

    Attributes:
        out: the model folder to write; its name is the version's name.
        source: folder of MNIST's IDX files; fetched into the user's cache where it is None.
        seed: of every random choice.
        epochs: passes over the training images; the learning rate falls to nothing at their end.
        minutes: end training by then, epochs done or not; the learning rate follows whichever comes first.
        resume: go on from where an interrupted run of the same `out` stopped.
        train_images: use only so many of the training images (0: all), for trials.
        small: train the small network, and write it in eight bits.
        ink: share of the usual number of redrawn digits, drawn ones and pictures that are none.
        non_digits: share of the pictures that are no digits, seen in one epoch.
        broad: train the network of broad kernels, and join it with `start`, which stays as it is, where one is given.
        start: model folder of a network like this one to go on from; such a run has settled from its beginning.
        kept: share of `start` in what is written: of the weights, the rest being the run's own, for their mean is as
            good at the old task as at the new one (Wortsman et al., Robust fine-tuning of zero-shot models, 2022); of
            the logits where the two networks are joined.
        frozen: how many of the first convolutions keep the weights of `start`; the steps take less time then.
        teacher: model folder whose answers the network learns beside the labels.
        beside: model folders of the same recipe and other seeds; the card states their figures beside its own.
        precision: of the arithmetic, "float32" or "bfloat16"; what is written is float32.
        width: channels of the first convolutions.
        batch_size: pictures per step.
        learning_rate: the highest of the schedule.
        apart: make the batches in a process of its own.
        command: the line that asked for the run, for the card.
    """

    out: Path
    source: Path | None = None
    seed: int = 1
    epochs: int = 48
    minutes: float | None = None
    resume: bool = False
    train_images: int = 0
    small: bool = False
    ink: float = 1.0
    non_digits: float = 0.4
    broad: bool = False
    start: Path | None = None
    kept: float = 0.0
    frozen: int = 0
    teacher: Path | None = None
    beside: tuple[Path, ...] = ()
    precision: str = "float32"
    width: int = 32
    batch_size: int = 256
    learning_rate: float = 3e-3
    apart: bool = True
    command: str = ""

    @property
    def goes_on(self) -> bool:
        """Whether the network begins with the weights of `start`."""
        return self.start is not None and not self.broad


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a run is, given to the caller after every step.

    Attributes:
        epoch: being run, from 1.
        epochs: in all.
        step: of the epoch, from 1.
        steps: in an epoch.
        loss: mean of the epoch so far.
        held_out_accuracy: of the last epoch that ended, in [0, 1]; None before the first.
    """

    epoch: int
    epochs: int
    step: int
    steps: int
    loss: float
    held_out_accuracy: float | None


def train(
    options: TrainOptions,
    on_progress: Callable[[Progress], None] | None = None,
    on_stage: Callable[[str], None] | None = None,
) -> Path:
    """Train a network on MNIST and write its model folder.

    A KeyboardInterrupt ends the run early and keeps the best network so far. A run that was killed goes on with
    `resume`.

    Args:
        options: what to train, on what, and for how long.
        on_progress: is told of every step.
        on_stage: is told what is done once no more steps come.

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
    ink = gather_ink(training, np.random.default_rng(options.seed), options.ink, options.non_digits)
    choosing = judging_non_digits(mnist.held_out, np.random.default_rng([options.seed, 2]))
    run = Run(options, DigitTask(options, ink, mnist.held_out, choosing), on_progress)
    network = run.fit()
    (on_stage or (lambda _: None))(MEASURING)
    keras.config.set_dtype_policy(POLICIES["float32"])
    if options.broad and options.start:
        network = join([network, uncalibrated(options.start)], [1 - options.kept, options.kept])
    non_digits = judging_non_digits(mnist.held_out, np.random.default_rng([options.seed, 1]))
    calibration = ink.pictures.images[::100] if options.small else None
    card = _card_of(options, run, ink, len(mnist.held_out))
    folder = write_model_folder(network, options.out, mnist, card, run.history, non_digits, calibration)
    shutil.rmtree(scratch_of(options.out))
    return folder


class Task(Protocol):
    """What a run trains: digits here, whole lines in `inkdigit.training.reading`."""

    def maker(self) -> Maker:
        """Makes the batches."""

    def network(self) -> keras.Sequential:
        """A network of random weights, or of those that the run starts from."""

    def loss(self) -> Any:
        """What Keras makes less of."""

    def judge(self, network: keras.Sequential) -> tuple[float, dict[str, float]]:
        """The loss that chooses the epoch that is kept, and the figures of an epoch; "held_out_accuracy" is one."""


@dataclass(frozen=True, slots=True)
class DigitTask:
    """Single digits, and pictures that are none."""

    options: TrainOptions
    ink: Ink
    held_out: Digits
    non_digits: Images

    def maker(self) -> BatchMaker:
        """Makes batches of redrawn pictures."""
        return BatchMaker(self.ink, self.options.batch_size, self.options.seed, self.options.teacher)

    def network(self) -> keras.Sequential:
        """The network asked for."""
        if self.options.goes_on and self.options.start:
            network = trainable(network_of(self.options.start))
            freeze(network, self.options.frozen)
            return network
        if self.options.broad:
            return build_broad_network()
        return build_small_network() if self.options.small else build_network(self.options.width)

    def loss(self) -> str:
        """Between probabilities."""
        return "categorical_crossentropy"

    def judge(self, network: keras.Sequential) -> tuple[float, dict[str, float]]:
        """On held-out digits, and on pictures that are none."""
        digits, others = (
            network.predict(scaled(images), batch_size=500, verbose=0)
            for images in (self.held_out.images, self.non_digits)
        )
        judged = evaluate(share_out(digits), self.held_out.labels)
        others_nll = float(-np.log(others[:, -1].clip(1e-12)).mean())
        figures = {"held_out_accuracy": judged.accuracy, "held_out_nll": judged.nll, "non_digits_nll": others_nll}
        return judged.nll + NON_DIGITS_WEIGH * others_nll, figures


class Run:
    """One training run: the schedule, the clock and the best network so far."""

    def __init__(self, options: TrainOptions, task: Task, on_progress: Callable[[Progress], None] | None) -> None:
        self.options = options
        self.task = task
        self.on_progress = on_progress or (lambda _: None)
        self.batches = _Feed(Batches(task.maker(), options.apart))
        self.scratch = scratch_of(options.out)
        self.history: list[dict[str, float]] = []
        self.seconds = 0.0
        self.cpu_seconds = 0.0
        self.best = math.inf
        if options.resume:
            self._remember()
        else:
            shutil.rmtree(self.scratch, ignore_errors=True)
        self.scratch.mkdir(parents=True, exist_ok=True)

    def fit(self) -> keras.Sequential:
        """Train to the end of the schedule, and give the best network, in float32 and of Keras' own layers."""
        network = self.task.network()
        network.compile(keras.optimizers.AdamW(self.options.learning_rate, weight_decay=1e-2), self.task.loss())
        backup = keras.callbacks.BackupAndRestore(self.scratch / "backup", delete_checkpoint=False)
        try:
            if not self.done():
                with self.batches.source:
                    callbacks = [_Watch(self), backup]
                    network.fit(self.batches, epochs=self.options.epochs, verbose=0, shuffle=False, callbacks=callbacks)
        except KeyboardInterrupt:
            logger.warning("interrupted: keeping the best network so far")
        if not self.best_weights.exists():
            network.save_weights(self.best_weights)
        network.load_weights(self.best_weights)
        if self.options.goes_on and self.options.start and self.options.kept:
            start = network_of(self.options.start).get_weights()
            network.set_weights(mixed(start, network.get_weights(), self.options.kept))
        return plain(network)

    @property
    def best_weights(self) -> Path:
        """The weights of the epoch that is kept."""
        return self.scratch / "best.weights.h5"

    def done(self) -> bool:
        """Whether the schedule has come to its end."""
        return self.progress(len(self.history), 0.0) >= 1

    def progress(self, epochs: float, seconds: float) -> float:
        """How much of the run is over, in [0, 1]: the greater of its share of epochs and of minutes."""
        limit = 60 * self.options.minutes if self.options.minutes else math.inf
        return min(1.0, max(epochs / self.options.epochs, (self.seconds + seconds) / limit))

    def end_epoch(self, network: keras.Sequential, loss: float, seconds: float, cpu_seconds: float) -> None:
        """Judge the network and write down how far the run is."""
        loss_to_choose_by, figures = self.task.judge(network)
        self.seconds += seconds
        self.cpu_seconds += cpu_seconds
        self.history.append({"loss": loss, **figures})
        if loss_to_choose_by < self.best:
            self.best = loss_to_choose_by
            network.save_weights(self.best_weights)
        state = {
            "history": self.history, "seconds": self.seconds, "cpu_seconds": self.cpu_seconds, "best": self.best,
            "options": _identity(self.options),
        }  # fmt: skip
        unfinished = self.scratch / "state.json.part"
        unfinished.write_text(json.dumps(state), "utf-8")
        unfinished.replace(self.scratch / "state.json")  # in one step, so that a killed run leaves a whole file

    def _remember(self) -> None:
        try:
            state = json.loads((self.scratch / "state.json").read_text("utf-8"))
            saved = json.loads((self.scratch / "backup" / "training_metadata.json").read_text("utf-8"))
        except FileNotFoundError as error:  # the second one, where the run was killed between the two
            raise ConfigError(f"nothing to resume in {self.scratch}; leave out --resume to start anew") from error
        if state["options"] != _identity(self.options):
            raise ConfigError("the interrupted run had other options; give the same ones, or leave out --resume")
        self.history, self.best = state["history"][: saved["epoch"]], state["best"]
        self.batches.epoch = len(self.history)
        self.seconds, self.cpu_seconds = state["seconds"], state["cpu_seconds"]


class _Feed(keras.utils.PyDataset):  # type: ignore[misc]  # Keras has no types
    """Batches as Keras takes them."""

    def __init__(self, source: Batches) -> None:
        super().__init__()
        self.source = source
        self.epoch = 0
        self.untouched = UNTOUCHED

    def __len__(self) -> int:
        return len(self.source)

    def __getitem__(self, index: int) -> Batch:
        return self.source.get(self.epoch, index, self.untouched)

    def on_epoch_end(self) -> None:
        """Keras calls this after each epoch."""
        self.epoch += 1


class _Watch(keras.callbacks.Callback):  # type: ignore[misc]  # Keras has no types
    """Sets the learning rate, tells the progress, and judges the network after every epoch."""

    def __init__(self, run: Run) -> None:
        super().__init__()
        self._run = run
        self._epoch = 0
        self._since = self._cpu_since = 0.0

    def _cpu(self) -> float:
        """CPU seconds of the training and of the process that makes its batches."""
        return time.process_time() + self._run.batches.source.cpu_seconds

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:  # noqa: ARG002 - Keras gives it
        self._epoch = epoch
        self._run.batches.untouched = untouched(1.0 if self._run.options.goes_on else self._run.progress(epoch, 0.0))
        self._since, self._cpu_since = time.monotonic(), self._cpu()

    def on_train_batch_begin(self, batch: int, logs: Any = None) -> None:  # noqa: ARG002 - Keras gives it
        epochs = self._epoch + batch / len(self._run.batches)
        progress = self._run.progress(epochs, time.monotonic() - self._since)
        self.model.optimizer.learning_rate = learning_rate(progress, self._run.options.learning_rate)
        self.model.stop_training = progress >= 1

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        run, steps = self._run, len(self._run.batches)
        accuracy = run.history[-1]["held_out_accuracy"] if run.history else None
        loss = float((logs or {}).get("loss", math.nan))
        run.on_progress(Progress(self._epoch + 1, run.options.epochs, batch + 1, steps, loss, accuracy))

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:  # noqa: ARG002 - Keras gives it
        seconds, cpu_seconds = time.monotonic() - self._since, self._cpu() - self._cpu_since
        self._run.end_epoch(self.model, float((logs or {})["loss"]), seconds, cpu_seconds)
        self.model.stop_training = self._run.done()


def learning_rate(progress: float, highest: float) -> float:
    """A short climb over the first 3 %, then half a cosine down to (almost) nothing.

    >>> [learning_rate(share, 0.002) for share in (0.03, 1.0)]
    [0.002, 2e-06]
    """
    climb = 0.03
    if progress < climb:
        return highest * max(progress / climb, 0.05)
    return highest * max(0.001, (1 + math.cos(math.pi * (progress - climb) / (1 - climb))) / 2)


def scaled(images: NDArray[np.uint8]) -> NDArray[np.float32]:
    """MNIST's own pictures as the network takes them: (N, 28, 28, 1) float32 in [0, 1]."""
    return np.asarray(images[..., None] / np.float32(255), np.float32)


def network_of(folder: Path) -> keras.Model:
    """The network of a model folder.

    Raises:
        ModelError: the folder is damaged.
    """
    check_digests(folder)
    return keras.models.load_model(folder / "model.keras", compile=False)


def uncalibrated(folder: Path) -> keras.Model:
    """A model's network as it was before its prior and its temperature were set: so as training goes on from it.

    Raises:
        ModelError: the folder is damaged.
    """
    network = network_of(folder)
    temperature = float(get_version(folder).card.get("temperature", 1.0))
    kernel, bias = (temperature * weights for weights in network.layers[-1].get_weights())
    bias[-1] += PRIOR
    network.layers[-1].set_weights([kernel, bias])
    return network


def mixed(
    first: list[NDArray[np.float32]], second: list[NDArray[np.float32]], share: float
) -> list[NDArray[np.float32]]:
    """Weights between those of two networks that are alike: so much of the first, the rest of the second.

    >>> mixed([np.float32([0, 4])], [np.float32([4, 4])], 0.25)[0].tolist()
    [3.0, 4.0]
    """
    return [np.asarray(share * a + (1 - share) * b, np.float32) for a, b in zip(first, second, strict=True)]


def _start_of(folder: Path) -> str:
    return f"{folder.name}: {get_version(folder).card['command']}"


def check(options: TrainOptions) -> None:
    """Refuse impossible options before any work.

    Raises:
        ConfigError: there is one.
    """
    if options.epochs < 1 or options.batch_size < 1 or (options.minutes is not None and options.minutes <= 0):
        raise ConfigError("--epochs and --minutes must be greater than 0")
    if options.start is not None and not options.start.is_dir():
        raise ConfigError(f"no model folder {options.start} to start from")
    if options.frozen and options.start is None:
        raise ConfigError("--frozen keeps weights of --start; give that too")
    if options.out.exists():
        raise ConfigError(f"{options.out} exists already; name another folder with --out")


def scratch_of(out: Path) -> Path:
    """Where an unfinished run keeps its state."""
    return out.with_name(f".{out.name}.training")


def _identity(options: TrainOptions) -> dict[str, Any]:
    """The options that an interrupted run and its continuation must share, as JSON holds them.

    How much is kept of the start's weights is not one: that is asked for when the run has ended.
    """
    fixed = replace(options, resume=False, command="", source=None, minutes=None, kept=0.0)
    known = {name: value for name, value in asdict(fixed).items() if name not in {"out", "source", "apart", "beside"}}
    return known | {name: str(known[name]) for name in ("teacher", "start") if known[name]}


def _card_of(options: TrainOptions, run: Run, ink: Ink, held_out: int) -> dict[str, Any]:
    seen = {f"{kind}_images": count for kind, count in ink.counts.items()} | {"held_out_images": held_out}
    return card_of(options, run, seen) | {
        "seeds": [seed_figures(get_version(folder, None).card) for folder in options.beside],
        "rejection": {"negatives": ink.negatives},
    }


def card_of(options: TrainOptions, run: Run, seen: dict[str, int]) -> dict[str, Any]:
    """What a run says of itself in its model's card; `seen` counts what it was trained and judged on."""
    return {
        "command": options.command,
        "seed": options.seed,
        "backend": keras.backend.backend(),
        "libraries": _libraries(),
        "hardware": f"{platform.machine()}, {_cpu_name()}",
        "python": platform.python_version(),
        "training": {
            "epochs": len(run.history),
            **seen,
            "batch_size": options.batch_size,
            "learning_rate": options.learning_rate,
            "precision": options.precision,
            **({"teacher": options.teacher.name} if options.teacher else {}),
            **({"start": _start_of(options.start), "kept": options.kept} if options.start else {}),
            **({"frozen": options.frozen} if options.frozen else {}),
            "minutes": round(run.seconds / 60, 1),
            "cpu_minutes": round(run.cpu_seconds / 60, 1),
        },
    }


def _libraries() -> dict[str, str]:
    found = {}
    for name in LIBRARIES:
        try:
            found[name] = library_version(name)
        except ModuleNotFoundError:
            continue
    return found


def _cpu_name() -> str:
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.is_file():
        names = [line.split(":", 1)[1].strip() for line in cpuinfo.read_text().splitlines() if "model name" in line]
        return f"{names[0]}, {len(names)} cores" if names else platform.processor()
    return platform.processor()

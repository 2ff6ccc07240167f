"""The current model learns from accepted drawings, and takes its own place only where it got better and nowhere worse.

Store -> training and judging drawings -> fine-tuned network -> candidate -> gates -> current version, or not. A run
leaves the candidate with its report in either case, and a record of what it learned from in its card.
"""

import hashlib
import itertools
import logging
import shutil
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Protocol

import keras
import numpy as np
from numpy.typing import NDArray

from inkdigit.errors import ConfigError, DataError
from inkdigit.feedback import Kept, Status
from inkdigit.recognizer import Recognizer, share_out
from inkdigit.registry import current, get_version, install, promote
from inkdigit.registry.folders import find_version, require_free
from inkdigit.training.batches import BatchMaker
from inkdigit.training.corrections import SHARE, By, Corrections, Counts, read_corrections
from inkdigit.training.dataset import Digits, Mnist, load_mnist
from inkdigit.training.evaluate import ask, evaluate
from inkdigit.training.export import Candidate, release, write_candidate, write_report
from inkdigit.training.gates import LEVEL, Exam, Gate, compare_sat, fewest_units, held_back_by, no_worse, sit
from inkdigit.training.ink import Ink, gather_ink, judging_non_digits
from inkdigit.training.network import trainable
from inkdigit.training.train import POLICIES, Progress, Run, TrainOptions, card_of, check, mixed, scaled, uncalibrated

CANDIDATES: Final = ".candidates"  # folder in the home folder; its name keeps it from being taken for a version
NON_DIGITS: Final = 0.55  # share of the pictures of no digit seen in an epoch: a quarter of it, as when training
BUDGET: Final = 2 / 3  # pictures of an epoch that corrections take at most, for each digit of MNIST: a quarter of all
WATCHED: Final = 1_000  # held-out digits that are read after every epoch, for the progress bar
LISTED: Final = 200  # sources that a card lists, the heaviest ones

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class RetrainOptions:
    """What a run is asked to do.

    Attributes:
        home: folder of further model versions, where the current one is looked for and the new one put.
        name: of the new version; the first free one of corrected-1, corrected-2, ... where it is None.
        source: folder of MNIST's IDX files; fetched into the user's cache where it is None.
        seed: of every random choice but the gates' pictures, which are always the same.
        epochs: passes over the pictures.
        minutes: end training by then, epochs done or not.
        share: of the weight of all corrections, at most, for one source.
        level: of the gates' tests.
        by: what goes wholly to one side, training or judging.
        kept: share of the old weights in those of the new network.
        digits: MNIST's training digits that are seen again, other kinds of ink in proportion.
        precision: of the arithmetic, "float32" or "bfloat16".
        batch_size: pictures per step.
        learning_rate: the highest of the schedule.
        apart: make the batches in a process of its own.
        command: the line that asked for the run, for the card.
    """

    home: Path
    name: str | None = None
    source: Path | None = None
    seed: int = 1
    epochs: int = 3
    minutes: float | None = None
    share: float = SHARE
    level: float = LEVEL
    by: By = By.WRITER
    kept: float = 0.5
    digits: int = 6_000
    precision: str = "float32"
    batch_size: int = 256
    learning_rate: float = 3e-4
    apart: bool = True
    command: str = ""


class Store(Protocol):
    """Where accepted drawings come from; `inkdigit.feedback.FeedbackStore` is one."""

    def iterate(self, status: Status | None = None) -> Iterator[Kept]:
        """All drawings of a status, oldest first."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What a run would learn from, and be judged by.

    Attributes:
        old: folder of the model that learns.
        version: the name of the new one.
        training: drawings that train.
        weights: how often each of them is seen in an epoch, on average.
        budget: most pictures of an epoch that drawings may take.
        held_out: drawings that judge.
        wrong: (M,) bool, which of those the old model gets wrong.
        unusable: accepted drawings that could not be read.
    """

    old: Path
    version: str
    training: Corrections
    weights: Counts
    budget: float
    held_out: Corrections
    wrong: NDArray[np.bool_]
    unusable: int

    def sources(self) -> list[dict[str, Any]]:
        """What each source brings, the heaviest first; their names are new in every version."""
        total = max(float(self.weights.sum()), 1e-9)
        names = sorted({*self.training.sources, *self.held_out.sources})
        rows = [
            {
                "source": hashlib.sha256(f"{self.version} {name}".encode()).hexdigest()[:12],
                "trained": self.training.sources.count(name),
                "weight": round(float(self.weights[np.array(self.training.sources) == name].sum()) / total, 4),
                "held_out": self.held_out.sources.count(name),
            }
            for name in names
        ]
        return sorted(rows, key=lambda row: (-float(row["weight"]), -int(row["held_out"])))

    def judging(self) -> tuple[int, int]:
        """How many have a say (writers, or drawings), and how many of them have something to gain."""
        voices = np.array(self.held_out.voices, np.str_)
        return len(np.unique(voices)), len(np.unique(voices[self.wrong]))


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a run.

    Attributes:
        version: the new one.
        folder: of the version, or of the candidate that was held back.
        promoted: whether it is current now.
        gates: what each gate found.
        taken_back: drawings (ids) that were deleted, relabelled or rejected while the run used them.
        test: figures on MNIST's test images, which nothing but a promoted model is asked.
    """

    version: str
    folder: Path
    promoted: bool
    gates: tuple[Gate, ...]
    taken_back: tuple[int, ...] = ()
    test: dict[str, Any] | None = None


def make_plan(options: RetrainOptions, store: Store) -> Plan:
    """Read the accepted drawings, split them, and weigh them.

    Raises:
        ConfigError: an option has an impossible value.
        DataError: there are too few drawings for a new model ever to be promoted.
        ModelError: the current model is damaged.
    """
    _check(options)
    old = current(options.home)
    accepted = read_corrections(store.iterate(Status.ACCEPTED), options.by)
    training, held_out = accepted.split()
    budget = BUDGET * options.digits
    plan = Plan(
        old=old,
        version=options.name or free_name(options.home),
        training=training,
        weights=training.weights(budget, options.share),
        budget=budget,
        held_out=held_out,
        wrong=~held_out.to_judge().right(ask(Recognizer.load(old), held_out.frames)),
        unusable=accepted.unusable,
    )
    _require_enough(plan, options)
    return plan


def retrain(
    options: RetrainOptions,
    store: Store,
    plan: Plan,
    on_progress: Callable[[Progress], None] | None = None,
    on_stage: Callable[[str], None] | None = None,
) -> Outcome:
    """Fine-tune the current model on a plan, judge it, and promote it if it passes every gate.

    A KeyboardInterrupt while it trains ends the training early; what was learned so far is judged.

    Raises:
        ConfigError: an option has an impossible value.
        DataError: MNIST cannot be had.
        ModelError: the old model, or the new one, is not whole.
    """
    tell = on_stage or (lambda _: None)
    tell("Drawing what is to be seen again ...")
    mnist = load_mnist(options.source)
    ink = gather(options, mnist.training, plan)
    run, network = fine_tune(options, plan, ink, mnist.held_out, on_progress)
    tell("Writing the candidate ...")
    candidate = write_down(options, plan, ink, mnist, run, network)
    tell("Reading the pictures of the gates with the old model and the new one ...")
    gates = judge_candidate(options, plan, candidate)
    candidate.card["retraining"]["gates"] = [gate.figures() for gate in gates]
    taken_back = missing(plan, store)
    if held_back_by(gates) or taken_back:
        write_report(candidate, candidate.held_out, run.history)
        return Outcome(plan.version, candidate.folder, False, tuple(gates), taken_back)
    tell("It passed: reading MNIST's test images, for its card alone ...")
    release(candidate, mnist.test, run.history)
    folder = install(candidate.folder, options.home)
    promote(plan.version, options.home)
    shutil.rmtree(candidate.folder)
    return Outcome(plan.version, folder, True, tuple(gates), test=candidate.card["metrics"]["test"])


def free_name(home: Path) -> str:
    """The first of corrected-1, corrected-2, ... that no version has."""
    return next(name for n in itertools.count(1) if find_version(name := f"corrected-{n}", home) is None)


def missing(plan: Plan, store: Store) -> tuple[int, ...]:
    """Drawings of a plan that are no longer accepted for what they were."""
    used = {
        drawing: None if label > 9 else int(label)
        for part in (plan.training, plan.held_out)
        for drawing, label in zip(part.ids, part.labels.tolist(), strict=True)
    }
    there = {drawing.id: drawing.truth for drawing in store.iterate(Status.ACCEPTED)}
    return tuple(sorted(one for one, truth in used.items() if one not in there or there[one] != truth))


def _check(options: RetrainOptions) -> None:
    if not 0 < options.share <= 1:
        raise ConfigError(f"--share must be greater than 0 and at most 1, not {options.share}")
    if not 0 < options.level < 0.5:
        raise ConfigError(f"--level must lie between 0 and 0.5, not {options.level}")
    if options.name is not None:
        require_free(options.name, options.home)


def _require_enough(plan: Plan, options: RetrainOptions) -> None:
    """Say before the long work that it would lead nowhere."""
    hint = "" if options.by is By.DRAWING else "; where a few people draw everything, use --by drawing"
    if not len(plan.training):
        raise DataError(f"there is nothing to learn from: no accepted drawing is on the side that trains{hint}")
    needed, (units, hopeful) = fewest_units(options.level), plan.judging()
    if hopeful < needed:
        raise DataError(
            f"too little to judge a new model by: at least {needed} {options.by}s must have something to gain, "
            f"and of the {units} that judge {hopeful} have; accept more drawings first{hint}"
        )


# --- training


@dataclass(frozen=True, slots=True)
class Mixture(Ink):
    """What training saw, seen again, and after it the drawings of users, each as often as its weight."""

    weights: Counts = field(default_factory=lambda: np.zeros(0))

    def rows_of_an_epoch(self, random: np.random.Generator) -> NDArray[np.intp]:
        """The rows of one epoch, in random order."""
        again = Ink.rows_of_an_epoch(self, random)
        times = np.floor(self.weights + random.random(len(self.weights))).astype(np.intp)
        drawings = np.repeat(np.arange(len(self.weights)) + sum(self.counts.values()), times)
        return random.permutation(np.concatenate([again, drawings]))


def gather(options: RetrainOptions, training: Digits, plan: Plan) -> Mixture:
    """The pictures of a run: a part of what training takes, and the drawings of a plan."""
    random = np.random.default_rng([options.seed, 3])
    rows = np.sort(random.permutation(len(training))[: options.digits])
    again = gather_ink(Digits(training.images[rows], training.labels[rows]), random, seen=NON_DIGITS)
    pictures = again.pictures.joined(Digits(plan.training.images, plan.training.labels))
    return Mixture(pictures, again.counts, again.negatives, again.seen, plan.weights)


class RetrainTask:
    """Single digits again: from the old model's weights, and the last epoch is kept, whatever the held-out say."""

    def __init__(self, options: TrainOptions, ink: Mixture, start: keras.Model, watched: Digits) -> None:
        self._options, self._ink, self._start, self._watched = options, ink, start, watched
        self._judged = 0

    def maker(self) -> BatchMaker:
        """Makes batches of redrawn pictures."""
        return BatchMaker(self._ink, self._options.batch_size, self._options.seed, None)

    def network(self) -> keras.Sequential:
        """The old network, as it was before it was calibrated."""
        return trainable(self._start)

    def loss(self) -> str:
        """Between probabilities."""
        return "categorical_crossentropy"

    def judge(self, network: keras.Sequential) -> tuple[float, dict[str, float]]:
        """On some held-out digits, to be watched; what is returned first falls, so that the last epoch is kept."""
        self._judged += 1
        found = network.predict(scaled(self._watched.images), batch_size=500, verbose=0)
        judged = evaluate(share_out(found), self._watched.labels)
        return -self._judged, {"held_out_accuracy": judged.accuracy, "held_out_nll": judged.nll}


def fine_tune(
    options: RetrainOptions,
    plan: Plan,
    ink: Mixture,
    held_out: Digits,
    on_progress: Callable[[Progress], None] | None,
) -> tuple[Run, keras.Sequential]:
    """Train the old network on; its weights in the end are the mean of the old and the new ones, by `kept`."""
    start = uncalibrated(plan.old)
    asked = TrainOptions(
        out=options.home / CANDIDATES / plan.version,
        seed=options.seed,
        epochs=options.epochs,
        minutes=options.minutes,
        small=is_small(plan.old),
        start=plan.old,
        precision=options.precision,
        batch_size=options.batch_size,
        learning_rate=options.learning_rate,
        apart=options.apart,
        command=options.command,
    )
    shutil.rmtree(asked.out, ignore_errors=True)  # a candidate of this name that was held back
    check(asked)
    keras.utils.set_random_seed(options.seed)
    keras.config.set_dtype_policy(POLICIES[options.precision])
    run = Run(asked, RetrainTask(asked, ink, start, held_out[:WATCHED]), on_progress)
    network = run.fit()
    keras.config.set_dtype_policy(POLICIES["float32"])
    network.set_weights(mixed(start.get_weights(), network.get_weights(), options.kept))
    shutil.rmtree(run.scratch)
    return run, network


def is_small(folder: Path) -> bool:
    """Whether a model is one of eight bits."""
    return bool(get_version(folder).card["network"]["name"] == "digits-small")


# --- judging and writing down


def write_down(
    options: RetrainOptions, plan: Plan, ink: Mixture, mnist: Mnist, run: Run, network: keras.Sequential
) -> Candidate:
    """Write the candidate's folder, with the record of what it learned from."""
    folder = run.options.out
    folder.mkdir(parents=True)
    seen = {f"{kind}_images": count for kind, count in ink.counts.items()}
    card = card_of(run.options, run, seen | {"corrections_images": len(plan.training)})
    card["training"]["kept"] = options.kept
    card["rejection"] = {"negatives": ink.negatives, "threshold": Recognizer.load(plan.old).threshold}
    card["retraining"] = record(options, plan)
    calibration = ink.pictures.images[::100] if run.options.small else None
    return write_candidate(
        network,
        folder,
        plan.version,
        mnist.held_out,
        card,
        exam_non_digits(mnist.held_out),
        calibration,
        mnist.training[::11],
    )


def exam_non_digits(held_out: Digits) -> NDArray[np.uint8]:
    """The pictures of no digit that every model is judged by, whatever the seed of its run."""
    return judging_non_digits(held_out, np.random.default_rng([1, 1]))


def judge_candidate(options: RetrainOptions, plan: Plan, candidate: Candidate) -> list[Gate]:
    """Compare a candidate with the old model and, so that small losses cannot add up, with the first of their line."""
    exam = Exam.of(candidate.held_out.labelled, plan.held_out.to_judge())
    new = sit(Recognizer.load(candidate.folder), exam)
    gates = compare_sat(exam, sit(Recognizer.load(plan.old), exam), new, options.level)
    first = find_version(first_of_line(plan.old), options.home)
    if first is None:
        logger.warning("%s is not there to be compared with", first_of_line(plan.old))
    elif first != plan.old:
        gates += no_worse(exam, sit(Recognizer.load(first), exam), new, options.level)
    return gates


def first_of_line(folder: Path) -> str:
    """The version from which a model was made by corrections alone, in however many steps; its own where by none."""
    version = get_version(folder)
    return str(version.card.get("retraining", {}).get("first", version.name))


def record(options: RetrainOptions, plan: Plan) -> dict[str, Any]:
    """What a card says of the drawings: which ones, and what each source weighed; nothing of what they show."""
    sources = plan.sources()
    return {
        "first": first_of_line(plan.old),
        "start": plan.old.name,
        "start_sha256": hashlib.sha256((plan.old / "SHA256SUMS").read_bytes()).hexdigest(),
        "trained": len(plan.training),
        "held_out": len(plan.held_out),
        "unusable": plan.unusable,
        "seen_in_an_epoch": round(float(plan.weights.sum())),
        "trained_ids": ranges(plan.training.ids),
        "held_out_ids": ranges(plan.held_out.ids),
        "by": str(options.by),
        "share": options.share,
        "level": options.level,
        "sources": len(sources),
        "heaviest_sources": sources[:LISTED],
    }


def ranges(numbers: Iterable[int]) -> str:
    """Whole numbers in few letters.

    >>> ranges([1, 2, 3, 7, 9, 10])
    '1-3, 7, 9-10'
    """
    found: list[list[int]] = []
    for number in sorted(numbers):
        if found and number == found[-1][1] + 1:
            found[-1][1] = number
        else:
            found.append([number, number])
    return ", ".join(str(low) if low == high else f"{low}-{high}" for low, high in found)

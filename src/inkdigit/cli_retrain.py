"""The command that lets the current model learn from accepted corrections, and what it shares with `inkdigit train`."""

import importlib.util
import logging
import shlex
import sys
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn, Self

import click

from inkdigit.errors import DataError, MissingExtraError
from inkdigit.terminal import (
    DIR,
    SOME_FAILED,
    IntegerRange,
    NumberRange,
    aligned,
    counted,
    database_of,
    examples,
    home_of,
    settings_of,
    usage,
)

if TYPE_CHECKING:
    from tqdm import tqdm

    from inkdigit.feedback import FeedbackStore
    from inkdigit.training.gates import Gate
    from inkdigit.training.retrain import Outcome, Plan, RetrainOptions
    from inkdigit.training.train import Progress

SHOWN = 12  # sources in the table of a plan


def require_training() -> None:
    """Say so where Keras is not installed.

    Raises:
        MissingExtraError: it is not.
    """
    for package in ("keras", "onnx"):
        if importlib.util.find_spec(package) is None:
            raise MissingExtraError(package, "train")


def command_line() -> str:
    """The line that was typed, for a model's card."""
    return shlex.join(["inkdigit", *sys.argv[1:]])


class ProgressBar:
    """A bar for the epoch that runs; an epoch that ended stays as a line."""

    def __init__(self) -> None:
        self._bar: tqdm[NoReturn] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Leave the bar as it is."""
        if self._bar is not None:
            self._bar.close()
            self._bar = None

    def show(self, progress: "Progress") -> None:
        """Move the bar on."""
        from tqdm import tqdm

        if self._bar is None or progress.step <= self._bar.n:
            self.close()
            pause = 0.1 if sys.stderr.isatty() else 60  # seconds; a log file wants few lines
            title = f"epoch {progress.epoch}/{progress.epochs}"
            self._bar = tqdm(total=progress.steps, desc=title, unit="step", mininterval=pause, dynamic_ncols=True)
        held_out = "" if progress.held_out_accuracy is None else f", held out {progress.held_out_accuracy:.2%}"
        self._bar.set_postfix_str(f"loss {progress.loss:.4f}{held_out}", refresh=False)
        self._bar.update(progress.step - self._bar.n)
        if progress.step == progress.steps:  # what follows is no part of the epoch
            self.close()


@click.command(
    epilog=examples(
        "inkdigit retrain --dry-run",
        "inkdigit retrain",
        "inkdigit retrain --out club-2 --minutes 10",
        "inkdigit retrain --by drawing --share 1",
        "inkdigit models rollback",
    )
)
@click.option("--out", "name", metavar="NAME", help="Name of the new version [default: corrected-1, -2, ...].")
@click.option("--from", "source", type=DIR, metavar="DIR", help="Folder with MNIST's IDX files, to fetch nothing.")
@click.option("--seed", type=IntegerRange(0), help="Of every random choice [default: 1].")
@click.option("--epochs", type=IntegerRange(1), help="Passes over the pictures [default: 3].")
@click.option("--minutes", type=NumberRange(0, min_open=True), help="End training by then, epochs done or not.")
@click.option(
    "--share",
    type=NumberRange(0, 1, min_open=True),
    help="Of the weight of all corrections, at most, for one source [default: 0.1].",
)
@click.option(
    "--level",
    type=NumberRange(0, 0.5, min_open=True, max_open=True),
    help="A difference that chance gives no more often than this counts [default: 0.05].",
)
@click.option(
    "--by",
    type=click.Choice(["writer", "drawing"]),
    help="What goes wholly to training or to judging; `drawing` where a few people draw everything [default: writer].",
)
@click.option(
    "--precision",
    type=click.Choice(["float32", "bfloat16"]),
    help="Of the arithmetic; bfloat16 is faster where the processor has it [default: float32].",
)
@click.option("--dry-run", is_flag=True, help="Show what would train and judge, and train nothing.")
def retrain(dry_run: bool, **given: Any) -> None:
    """Let the current model learn from the accepted corrections.

    Fine-tunes it on a part of MNIST and on the accepted drawings, those of three in ten writers apart, and compares the
    new model with the old one: on those writers' drawings, where it must be better, and on 5,000 held-out images of
    MNIST, on spoiled ones and on what is no digit, where it must not be worse. Both mean beyond chance, by an exact
    paired test. Only then does the new model become the current one; `inkdigit models rollback` takes that back.
    Otherwise the exit code is 1, a table says what held it back, and the candidate stays to be looked at.

    Drawings are accepted in the review; those that were deleted are not there to be learned from. Ctrl-C ends the
    training early and judges what was learned so far.

    Needs Keras: pip install 'inkdigit[train]'. KERAS_BACKEND picks its backend.
    """
    require_training()
    from inkdigit.feedback import FeedbackStore

    settings = settings_of()
    _require_name(given["name"], home_of(settings))
    with FeedbackStore.open(database_of(settings), read_only=True) as store:
        _require_accepted(store)
        _retrain(store, home_of(settings), dry_run, given)


def _require_name(name: str | None, home: Path) -> None:
    """Say at once that a version cannot be called so, since TensorFlow takes seconds to load."""
    from inkdigit.registry.folders import require_free

    if name is not None:
        with usage():
            require_free(name, home)


def _require_accepted(store: "FeedbackStore") -> None:
    """Say at once that there is nothing to learn from, since TensorFlow takes seconds to load."""
    from inkdigit.feedback import Status

    if not store.count()[Status.ACCEPTED]:
        raise DataError("there is nothing to learn from: no drawing was accepted; accept some in the review")


def _retrain(store: "FeedbackStore", home: Path, dry_run: bool, given: dict[str, Any]) -> None:
    from inkdigit.training.corrections import By
    from inkdigit.training.retrain import RetrainOptions, make_plan
    from inkdigit.training.retrain import retrain as run

    logging.basicConfig(format="%(message)s")
    warnings.filterwarnings("ignore", category=FutureWarning, module="keras")  # of Keras' own code, not of the user's
    wanted = {name: value for name, value in given.items() if value is not None}
    if "by" in wanted:
        wanted["by"] = By(wanted["by"])
    options = RetrainOptions(home=home, command=command_line(), **wanted)
    with ProgressBar() as bar:
        with usage():
            plan = make_plan(options, store)
        _show_plan(plan, options)
        if dry_run:
            return
        outcome = run(options, store, plan, bar.show, Stages(bar))
    _show_outcome(plan, outcome)
    if not outcome.promoted:
        click.get_current_context().exit(SOME_FAILED)


class Stages:
    """Says what a run does between the bars."""

    def __init__(self, bar: ProgressBar) -> None:
        self._bar = bar

    def __call__(self, stage: str) -> None:
        """Say what comes next, below the bar."""
        self._bar.close()
        click.echo(stage, err=True)


def _show_plan(plan: "Plan", options: "RetrainOptions") -> None:
    """What would train and judge: the counts, and the heaviest sources."""
    from inkdigit.training.gates import fewest_units

    rows, old = plan.sources(), plan.old.name
    units, hopeful = plan.judging()
    click.echo(f"{plan.version} would be made of {old} and {len(plan.training)} accepted drawings.")
    click.echo(
        f"{len(plan.held_out)} others, of {units} {options.by}s, judge it; {old} gets {plan.wrong.sum()} of them wrong."
    )
    click.echo(
        f"At least {fewest_units(options.level)} {options.by}s must get better; {hopeful} have something to gain."
    )
    if plan.unusable:
        click.echo(f"{counted(plan.unusable, 'drawing')} cannot be used: unreadable, or without ink.")
    click.echo()
    shown = [[row["source"], row["trained"], f"{row['weight']:.1%}", row["held_out"]] for row in rows[:SHOWN]]
    click.echo(aligned([["source", "train", "weight", "held out"], *shown]))
    if len(rows) > SHOWN:
        click.echo(f"and {counted(len(rows) - SHOWN, 'source')} more")
    click.echo()


def _show_outcome(plan: "Plan", outcome: "Outcome") -> None:
    click.echo(aligned([_HEADING, *map(_gate_row, outcome.gates)]))
    click.echo(f"\n{_WHAT_IT_MEANS.format(level=outcome.gates[0].level)}\n")
    if outcome.promoted and outcome.test is not None:
        test = outcome.test
        click.echo(f"{outcome.version} is current now: {outcome.folder}")
        click.echo(f"MNIST test, which decided nothing: {test['accuracy']:.2%} (n = {test['n']}).")
        click.echo("Take it back with: inkdigit models rollback", err=True)
        return
    held_back = [f"{gate.name} (against {gate.against})" for gate in outcome.gates if not gate.passed]
    held_back += [f"drawings taken back meanwhile ({len(outcome.taken_back)}): run it again"] * bool(outcome.taken_back)
    click.echo(f"{plan.old.name} stays current. {outcome.version} was held back by: {'; '.join(held_back)}.")
    click.echo(f"Look at it: {outcome.folder / 'report.html'}", err=True)


_HEADING = ["gate", "asked", "against", "n", "errors", "then", "lost", "gained", "p", "least", ""]
_WHAT_IT_MEANS = (
    "errors: of the old model, then of the new one. lost, gained: pictures that one of them alone gets right.\n"
    "p: how often chance does as much, by an exact one-sided sign-flip test (McNemar's, where pictures stand for\n"
    "themselves); {level:g} or less counts. least: the least net difference, in pictures, that would have counted."
)


def _gate_row(gate: "Gate") -> Sequence[str]:
    numbers = [gate.n, gate.old_errors, gate.new_errors, gate.lost, gate.gained]
    verdict = "passed" if gate.passed else "HELD BACK"
    return [gate.name, gate.aim, gate.against, *map(str, numbers), f"{gate.p_value:.2g}", str(gate.least), verdict]

"""The command that makes one table of any number of pictures; what all commands share is in `inkdigit.terminal`."""

import os
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn, cast

import click

from inkdigit.errors import ConfigError
from inkdigit.terminal import (
    NAME,
    SOME_FAILED,
    IntegerRange,
    NumberRange,
    counted,
    examples,
    home_of,
    settings_of,
    usage,
    visible,
    words_of_passed_over,
)

if TYPE_CHECKING:
    from tqdm import tqdm

    from inkdigit.bulk.job import Job, Reads, Style
    from inkdigit.bulk.run import Engine, Outcome
    from inkdigit.config import Settings

LOG_PAUSE_S = 30  # seconds between two lines of progress where no terminal shows a bar
_LEAST_TIMEOUT = 1  # seconds; workers are looked at four times in one, and what is shorter may pass unseen


class ProgressBar:
    """A bar with rate and time left, on standard error."""

    def __init__(self) -> None:
        self._bar: tqdm[NoReturn] | None = None
        self._told = time.monotonic()

    def looking(self, found: int) -> None:
        """Tell how many inputs were found so far."""
        if time.monotonic() - self._told > (1 if sys.stderr.isatty() else LOG_PAUSE_S):
            self._told = time.monotonic()
            click.echo(f"Found {counted(found, 'input')} ...", err=True)

    def begun(self, total: int, kept: int) -> None:
        """Begin a bar of so many inputs, of which so many were read before."""
        from tqdm import tqdm

        if kept:
            click.echo(f"{kept:,} of {counted(total, 'input')} were read before.", err=True)
        pause = 0.1 if sys.stderr.isatty() else LOG_PAUSE_S
        self._bar = tqdm(
            total=total, initial=kept, desc="read", unit="picture", mininterval=pause, dynamic_ncols=True, smoothing=0.1
        )
        self._kept = kept

    def reading(self, seen: int) -> None:
        """Move the bar to so many inputs that were read now; it goes back where a worker was lost."""
        if self._bar is not None:
            self._bar.update(self._kept + seen - self._bar.n)

    def close(self) -> None:
        """Leave the bar as it is."""
        if self._bar is not None:
            self._bar.close()


def _ray_address(_ctx: click.Context, _param: click.Parameter, address: str | None) -> str | None:
    if address is None or address == "local" or address.startswith("ray://"):
        return address
    raise click.BadParameter(f"{address} is no address of Ray; it is local, or ray://HOST:PORT of a cluster.")


@click.command(
    epilog=examples(
        "inkdigit batch scans/ --out digits.csv",
        "inkdigit batch 'scans/**/*.jpg' --out digits.parquet",
        "inkdigit batch --read --expect 'length=10; check=luhn' scans/ --out numbers.csv",
        "inkdigit batch --read --fields form.toml scans/ --out forms.parquet",
        "find /archive -name '*.png' -newer last | inkdigit batch - --out new.jsonl",
    )
)
@click.argument("sources", metavar="DIR|GLOB|LIST|-...", nargs=-1, required=True)
@click.option(
    "--out",
    required=True,
    metavar="FILE",
    type=click.Path(dir_okay=False, path_type=Path),
    help="The table to write; its name ends in .csv, .jsonl or .parquet, and says so what it is.",
)
@click.option("--read", "reads_numbers", is_flag=True, help="Read whole numbers instead of one digit on each picture.")
@click.option("--expect", metavar="RULES", help="With --read: what every number must be, as `inkdigit read` takes it.")
@click.option(
    "--fields",
    "template",
    metavar="FORM.toml",
    type=click.Path(dir_okay=False, path_type=Path),
    help="With --read: read the places of a form that this template names, into one row for each scan.",
)
@click.option(
    "--threshold",
    metavar="CONFIDENCE",
    type=NumberRange(0, 1),
    default=0.0,
    help="Accept a digit only if its confidence, 0 to 1, is at least this [default: whatever is a digit].",
)
@click.option("--workers", type=IntegerRange(1), metavar="N", help="Processes to read with [default: all cores].")
@click.option(
    "--timeout",
    type=NumberRange(_LEAST_TIMEOUT),
    default=120,
    show_default=True,
    help="Seconds that one picture may take before its row is an error; a network drive may need more.",
)
@click.option(
    "--on",
    "address",
    metavar="local|ray://HOST:PORT",
    callback=_ray_address,
    help="Read on Ray instead: on this computer, or on a cluster whose nodes see the same files.",
)
@click.option("--again", is_flag=True, help="Begin anew, whatever was done before.")
@click.option(
    "--model",
    metavar="NAME|DIR",
    type=NAME,
    help="Model version or folder of single digits; the current one if not given. INKDIGIT_MODEL sets it too.",
)
@click.option(
    "--reader",
    metavar="NAME|DIR",
    type=NAME,
    help="The same for the model that reads numbers. INKDIGIT_READER sets it too.",
)
def batch(
    sources: tuple[str, ...],
    out: Path,
    workers: int | None,
    timeout: float,
    address: str | None,
    again: bool,
    model: str | None,
    reader: str | None,
    **how: Any,
) -> None:
    """Read any number of pictures into one table.

    DIR stands for the pictures in it and its subfolders, GLOB for the files that match it (in quotes; ** stands for
    any folders), LIST for a text file with one name a line, and - for such a list on standard input. Each input is one
    row; one that cannot be read is a row with the reason, and then the exit code is 1. Without --read each is read as
    one digit, a shared drawing in a list as well.

    All cores work. What is done is kept in FILE.parts, so that after Ctrl-C, a crash or a full disk the same command
    goes on where it was, and reads every input exactly once; after the end it does nothing. Beside the table stands
    FILE.html, a summary with the most doubtful answers to look at.
    """
    from inkdigit.bulk.run import Plan, run

    plan = Plan(sources, out, _job(settings_of(model=model, reader=reader), out, **how))
    with usage():
        plan.require_apart()
    bar = ProgressBar()
    try:
        outcome = run(plan, _engine(workers, timeout, address), bar, again=again)
    except KeyboardInterrupt:
        bar.close()
        click.echo("What is done is kept; the same command goes on from here.", err=True)
        raise
    finally:
        bar.close()
    if passed := words_of_passed_over(sources):
        click.echo(passed, err=True)
    _tell(outcome)


def _engine(workers: int | None, timeout: float, address: str | None) -> "Engine":
    if address is not None:
        from inkdigit.distributed import on_ray

        return on_ray(address)
    from inkdigit.bulk.run import crew
    from inkdigit.config import core_count

    return crew(workers or core_count(), timeout)


def _job(
    settings: "Settings", out: Path, *, reads_numbers: bool, expect: str | None, template: Path | None, threshold: float
) -> "Job":
    from inkdigit.bulk.job import Job, digest_of
    from inkdigit.bulk.tables import style_of

    _require_fit(reads_numbers, expect, template, threshold)
    if not out.parent.is_dir():
        raise ConfigError(f"{out.parent} is not a folder; name the table in one that is there")
    reads: Reads = "digits" if not reads_numbers else "numbers" if template is None else "forms"
    with usage():
        style = cast("Style", style_of(out))
        rules = _checked_rules(expect)
    model = _model_of(settings, reads)
    return Job(
        reads,
        style,
        model=str(model.absolute()),
        digest=digest_of(model, reads),
        folder=os.getcwd(),  # noqa: PTH109 - a text is wanted
        min_confidence=threshold,
        rules=rules,
        form=None if template is None else _checked_form(template),
    )


def _require_fit(reads_numbers: bool, expect: str | None, template: Path | None, threshold: float) -> None:
    if not reads_numbers and (expect is not None or template is not None):
        raise click.UsageError("--expect and --fields are for whole numbers; add --read.")
    if expect is not None and template is not None:
        raise click.UsageError("--expect and --fields exclude each other; the template says what each field must be.")
    if reads_numbers and threshold:
        raise click.UsageError("--threshold is for single digits; filter the table by its confidence.")


def _checked_rules(rules: str | None) -> str | None:
    from inkdigit.expect import Expectation

    if rules is not None:
        Expectation.parse(rules)
    return rules


def _checked_form(template: Path) -> str:
    from inkdigit.fields import Template, template_text

    Template.load(template)
    return template_text(template)


def _model_of(settings: "Settings", reads: "Reads") -> Path:
    """The folder of the model that is to read, known to be whole and of the right kind before anything is begun."""
    from inkdigit.reader import POINTER, read_reader_folder
    from inkdigit.recognizer import find_model, read_model_folder
    from inkdigit.registry import current

    home = home_of(settings)
    if reads == "digits":
        folder = find_model(settings.model or current(home), home)
        read_model_folder(folder)
    else:
        folder = find_model(settings.reader or current(home, POINTER), home, POINTER)
        read_reader_folder(folder)
    return folder


def _tell(outcome: "Outcome") -> None:
    """Print where the table is; what went wrong, and how often, goes to standard error."""
    tally = outcome.tally
    if outcome.already:
        click.echo("All of it was done before; --again does it anew.", err=True)
    click.echo(visible(str(outcome.out)))
    click.echo(f"{counted(tally.rows, 'row')}; the summary is {visible(str(outcome.summary))}", err=True)
    if tally.failed:
        for file, reason in tally.bad:
            click.echo(f"{visible(file)}: {reason}", err=True)
        click.echo(f"{tally.failed:,} of {counted(tally.rows, 'input')} could not be read in full.", err=True)
        click.get_current_context().exit(SOME_FAILED)

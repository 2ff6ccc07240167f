"""The commands for regression cases: add a drawing or a picture that was misread, list them all, and check them."""

import functools
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from inkdigit.errors import ImageError
from inkdigit.terminal import (
    DIR,
    NAME,
    PICTURE,
    SOME_FAILED,
    aligned,
    counted,
    examples,
    home_of,
    recognizer_of,
    settings_of,
    shortened,
    usage,
    visible,
)

if TYPE_CHECKING:
    from inkdigit.cases import Case, Outcome, State

_SEVEN = "'http://127.0.0.1:5000/#d=AXjaeyD0gIPRh7mBdQPLAXaG9SwNXAA4yAVo'"

_cases_option = click.option(
    "--cases",
    "folder",
    type=DIR,
    metavar="DIR",
    envvar="INKDIGIT_CASES",
    help="Folder of the cases [default: tests/cases, in a checkout]. INKDIGIT_CASES sets it too.",
)
_model_option = click.option(
    "--model",
    metavar="NAME|DIR",
    type=NAME,
    help="Model version, or a model folder; the current one if not given. INKDIGIT_MODEL sets it too.",
)
_reader_option = click.option(
    "--reader", metavar="NAME|DIR", type=NAME, help="The same for the model that reads numbers."
)


@click.group(epilog=examples(f"inkdigit case add {_SEVEN} --label 7", "inkdigit case list", "inkdigit case run"))
def case() -> None:
    """Keep what was misread as regression cases, and check them.

    A case is a small text file in a folder: a shared drawing or a picture, what it must be read as, and its story.
    """


@case.command(
    "add",
    epilog=examples(
        f"inkdigit case add {_SEVEN} --label 7 --name plain-seven --story 'A seven without a bar.'",
        "inkdigit case add photo.jpg --label none",
        "inkdigit case add amount.png --label 12.50 --cases mine/",
    ),
)
@click.argument("source", metavar="LINK|CODE|PICTURE", type=PICTURE)
@click.option("--label", required=True, metavar="TEXT", help="What it must be read as: a digit, a number, or none.")
@click.option("--name", metavar="NAME", help="Of the case: small letters, digits and hyphens.")
@click.option("--story", default="", metavar="TEXT", help="What it shows and where it comes from.")
@click.option("--known", "known_misread", is_flag=True, help="Mark it as misread at present, so that it does not fail.")
@_cases_option
@_model_option
@_reader_option
def add(
    source: str,
    label: str,
    name: str | None,
    story: str,
    known_misread: bool,
    folder: Path | None,
    model: str | None,
    reader: str | None,
) -> None:
    """Write a case for a shared drawing or a picture.

    A link is only read, and nothing is fetched. A picture is kept as a PNG of its own, without whatever else its file
    held. What it is read as at present is told, too.
    """
    from inkdigit.cases import add_case, check_label, check_name

    with usage():
        check_label(label)
        if name is not None:
            check_name(name)
    folder = folder or _folder()
    try:
        added = add_case(folder, source, label, name, story, known_misread)
    except ImageError as error:
        click.echo(f"{shortened(source)}: {error}", err=True)
        click.get_current_context().exit(SOME_FAILED)
    click.echo(visible(str(folder / f"{added.name}.toml")))
    [outcome] = _run([added], folder, model, reader)
    click.echo(_WORDS[outcome.state].format(read=visible(outcome.read), label=label), err=True)


@case.command("list", epilog=examples("inkdigit case list", "inkdigit case list --cases mine/"))
@_cases_option
def list_(folder: Path | None) -> None:
    """List the cases: name, label, whether it is known to be misread, and the story.

    Nothing is read: `inkdigit case run` checks them.
    """
    from inkdigit.cases import load_cases

    rows = [
        (found.name, found.label, "misread" if found.known_misread else "", visible(found.story))
        for found in load_cases(folder or _folder())
    ]
    click.echo(aligned([("case", "label", "known", "story"), *rows]))


@case.command(
    "run", epilog=examples("inkdigit case run", "inkdigit case run plain-seven", "inkdigit case run --model mine")
)
@click.argument("names", metavar="[NAME]...", nargs=-1)
@_cases_option
@_model_option
@_reader_option
def run(names: tuple[str, ...], folder: Path | None, model: str | None, reader: str | None) -> None:
    """Check that cases are read as their labels say; all of them if none is named.

    Those that are not are listed, and the exit code is 1. A case that is known to be misread fails once it is read
    right: then the mark in its file has to go.
    """
    from inkdigit.cases import check_name, load_case, load_cases

    with usage():
        for name in names:
            check_name(name)
    folder = folder or _folder()
    cases = [load_case(folder, name) for name in names] or load_cases(folder)
    outcomes = _run(cases, folder, model, reader)
    failed = [outcome for outcome in outcomes if outcome.state in {"misread", "fixed"}]
    if failed:
        rows = [
            (outcome.case.name, outcome.case.label, visible(outcome.read), visible(outcome.case.story))
            for outcome in failed
        ]
        click.echo(aligned([("case", "label", "read as", "story"), *rows]))
    click.echo(_summary(outcomes), err=True)
    if failed:
        click.get_current_context().exit(SOME_FAILED)


_WORDS: "dict[State, str]" = {
    "right": "It is read right, as {read}; `inkdigit case run` checks that from now on.",
    "misread": "It is read as {read}, not as {label}: `inkdigit case run` fails until it is read right.",
    "known": "It is read as {read}, not as {label}, which is known: `inkdigit case run` says so once it is read right.",
    "fixed": "It is read right, as {read}, and is no known misread: take `known` out of its file.",
}


def _summary(outcomes: "Sequence[Outcome]") -> str:
    counts = Counter(outcome.state for outcome in outcomes)
    told: dict[State, str] = {
        "right": "read right",
        "known": "known to be misread",
        "misread": "misread",
        "fixed": "read right though known to be misread (take `known` out of the file)",
    }
    parts = [f"{counts[state]} {words}" for state, words in told.items() if counts[state]]
    return f"{counted(len(outcomes), 'case')}: {', '.join(parts) or 'nothing to check'}."


def _run(cases: "Sequence[Case]", folder: Path, model: str | None, reader: str | None) -> "list[Outcome]":
    from inkdigit.cases import run_cases
    from inkdigit.reader import Reader

    settings = settings_of(model=model, reader=reader)
    load = functools.cache(lambda: recognizer_of(settings))
    load_lines = functools.cache(lambda: Reader.load(settings.reader, home=home_of(settings)))
    return list(run_cases(cases, folder, load, load_lines))


def _folder() -> Path:
    from inkdigit.cases import find_folder

    return find_folder(Path.cwd())

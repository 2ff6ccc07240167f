"""The commands for model versions; what all commands share is in `inkdigit.terminal`."""

import contextlib
import json
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from inkdigit.errors import InkdigitError, ModelError
from inkdigit.terminal import (
    NAME,
    SOME_FAILED,
    aligned,
    brought,
    copy_out,
    examples,
    home_of,
    replacing,
    settings_of,
    visible,
)

if TYPE_CHECKING:
    from inkdigit.registry import Difference, Version

_WIDEST = 28  # letters of a text in a table of differences; its beginning tells two apart


def complete_model(_ctx: click.Context, _param: click.Parameter, start: str) -> list[str]:
    """The versions whose names begin so, for a shell that completes."""
    from inkdigit.registry import list_versions

    with contextlib.suppress(InkdigitError):  # a shell that completes has no place for an error
        return [version.name for version in list_versions(home_of(settings_of())) if version.name.startswith(start)]
    return []


_version = click.argument("version", metavar="NAME", shell_complete=complete_model)


@click.group(
    epilog=examples(
        "inkdigit models list",
        "inkdigit models show | jq .metrics",
        "inkdigit models diff digits-8 small-3",
        "inkdigit models promote small-3",
        "inkdigit models rollback",
    )
)
def models() -> None:
    """The model versions on this computer, and which of them reads.

    Some come with the program; further ones are looked for in the models folder, which INKDIGIT_HOME sets. The current
    one, of digits and of numbers, is the one that was promoted last, or else the one that the program came with.
    """


@models.command("list", epilog=examples("inkdigit models list"))
def list_models() -> None:
    """List the versions, the current one marked with a star.

    The accuracy is that on MNIST's test images, or that of a reader of whole numbers on synthetic lines, as the card
    states it; the card states n, and much more.
    """
    from inkdigit.registry import list_versions

    rows = [
        ("*" if version.current else "", visible(version.name), _accuracy(version.card), visible(str(version.path)))
        for version in list_versions(home_of(settings_of()))
    ]
    click.echo(aligned([("", "version", "accuracy", "folder"), *rows]))


def _accuracy(card: Mapping[str, Any]) -> str:
    try:
        if card.get("kind") == "reader":
            return f"{card['metrics']['held_out']['accuracy']:.2%} of lines"
        return f"{card['metrics']['test']['accuracy']:.2%}"
    except (KeyError, TypeError, ValueError):
        return "unknown"


@models.command("show", epilog=examples("inkdigit models show", "inkdigit models show mine | jq .metrics"))
@click.argument("version", metavar="[NAME|DIR]", type=NAME, required=False, shell_complete=complete_model)
@click.option("--markdown", is_flag=True, help="Print the card as a page to read.")
def show_model(version: str | None, markdown: bool) -> None:
    """Show a model's card: how it was made, from what, and how well it reads.

    NAME is a version, DIR a model folder; the current version if not given. The card is JSON.
    """
    from inkdigit.registry import card_as_markdown

    found = _with_card(version)
    if markdown:
        for line in card_as_markdown(found.card).splitlines():
            click.echo(visible(line))
    else:
        click.echo(json.dumps(found.card, indent=2))


def _with_card(version: str | None) -> "Version":
    from inkdigit.registry import get_version

    settings = settings_of()
    found = get_version(version or settings.model, home_of(settings))
    if not found.card:
        raise ModelError(f"{found.path / 'card.json'} cannot be read; run `inkdigit models verify`")
    return found


@models.command("diff", epilog=examples("inkdigit models diff small-3", "inkdigit models diff digits-8 small-3"))
@click.argument("first", metavar="NAME|DIR", type=NAME, shell_complete=complete_model)
@click.argument("second", metavar="[NAME|DIR]", type=NAME, required=False, shell_complete=complete_model)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object, a list of two for each difference.")
def diff_models(first: str, second: str | None, as_json: bool) -> None:
    """Set two cards side by side: all that differs, and by how much.

    With one model, the current one is the first of the two.
    """
    from inkdigit.registry import compare_cards

    versions = [_with_card(name) for name in ((first, second) if second else (None, first))]
    rows = compare_cards(*(version.card for version in versions))
    if as_json:
        click.echo(json.dumps({row.name: [row.first, row.second] for row in rows}))
    else:
        click.echo(aligned([("", *(visible(version.name) for version in versions), "difference"), *map(_cells, rows)]))


def _cells(row: "Difference") -> tuple[str, ...]:
    by = "" if row.by is None else f"{row.by:+.0f}" if row.by.is_integer() else f"{row.by:+.4g}"
    return visible(row.name), _cell(row.first), _cell(row.second), by


def _cell(value: object) -> str:
    text = "" if value is None else f"{value:.6g}" if isinstance(value, float) else visible(str(value))
    return text if len(text) <= _WIDEST else f"{text[:_WIDEST]}..."


@models.command("verify", epilog=examples("inkdigit models verify", "inkdigit models verify models/mine"))
@click.argument("versions", metavar="[NAME|DIR]...", type=NAME, nargs=-1, shell_complete=complete_model)
def verify_models(versions: tuple[str, ...]) -> None:
    """Check that models are whole, and answer as their cards say.

    Every file is compared with its digest, then the model is loaded and reads one known picture. All versions are
    checked if none is named; the exit code is 1 if one of them did not check out.
    """
    from inkdigit.registry import get_version, list_versions, verify

    home = home_of(settings_of())
    found = [get_version(version, home) for version in versions] or list_versions(home)
    failed = False
    for version in found:
        try:
            verify(version.path)
            click.echo(f"{visible(version.name)}\twhole")
        except ModelError as error:
            failed = True
            click.echo(visible(f"{version.name}: {error}"), err=True)
    if failed:
        click.get_current_context().exit(SOME_FAILED)


@models.command("promote", epilog=examples("inkdigit models promote small-3"))
@_version
def promote_model(version: str) -> None:
    """Make a version the current one, once it has been verified.

    It is then the one that every command uses where none is named, and a server that runs changes to it without a
    pause. A version of a reader of numbers becomes the current reader.
    """
    from inkdigit.registry import promote

    promote(version, home_of(settings_of()))
    click.echo(f"{version} is the current version.")


@models.command("rollback", epilog=examples("inkdigit models rollback", "inkdigit models rollback --reader"))
@click.option("--reader", is_flag=True, help="Take back the last reader of numbers, not the last model of digits.")
def rollback_model(reader: bool) -> None:
    """Take the last promotion back.

    The version before it is the current one then, and before the first promotion that was the one the program came
    with. Nothing is deleted: promote the version again to have it back.
    """
    from inkdigit.reader import POINTER
    from inkdigit.registry import CURRENT, rollback

    now = rollback(home_of(settings_of()), POINTER if reader else CURRENT)
    click.echo(f"{visible(now)} is the current version again.")


@models.command(
    "export",
    epilog=examples(
        "inkdigit models export mine",
        "inkdigit models export mine backup/mine.zip",
        "inkdigit models export mine - | ssh there 'cat > mine.zip'",
    ),
)
@click.argument("version", metavar="NAME|DIR", type=NAME, shell_complete=complete_model)
@click.argument("file", metavar="[FILE.zip|DIR]", default=".", type=click.Path(allow_dash=True, path_type=Path))
@replacing
def export_model(version: str, file: Path, force: bool) -> None:
    """Write a version into a ZIP file, to take it to another computer; - is standard output.

    It is checked first. The file is called after the version if it is not given.
    """
    from inkdigit.registry import export_archive, get_version

    folder = get_version(version, home_of(settings_of())).path
    if str(file) == "-":
        with tempfile.TemporaryDirectory() as place:
            copy_out(export_archive(folder, Path(place)))
    else:
        click.echo(visible(str(export_archive(folder, file, replace=force))))


@models.command(
    "import",
    epilog=examples(
        "inkdigit models import mine.zip",
        "inkdigit models import models/mine",
        "ssh there inkdigit models export mine - | inkdigit models import -",
    ),
)
@click.argument("source", metavar="FILE.zip|DIR", type=click.Path(allow_dash=True, path_type=Path))
def import_model(source: Path) -> None:
    """Put a version into the models folder, from a ZIP file or a model folder; - is a ZIP file on standard input.

    It is refused if it is damaged, holds anything but a version, or comes to no good in the process of its own that it
    is tried in; then nothing is left of it. It is not the current version before it is promoted.
    """
    from inkdigit.registry import import_archive, install
    from inkdigit.registry.contents import MAX_BYTES

    home = home_of(settings_of())
    if source.is_dir():
        folder = install(source, home)
    else:
        with brought(source, MAX_BYTES + 1) as archive:
            folder = import_archive(archive, home)
    click.echo(visible(str(folder)))
    click.echo(f"To read with it: inkdigit models promote {folder.name}", err=True)

"""The commands for the corrections that people handed in; what all commands share is in `inkdigit.terminal`."""

import json
import sys
import tempfile
from collections.abc import Iterable
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from inkdigit.terminal import (
    NAME,
    SOME_FAILED,
    IntegerRange,
    aligned,
    brought,
    copy_out,
    counted,
    csv_writer,
    database_of,
    examples,
    replacing,
    settings_of,
    visible,
    write_file,
)

if TYPE_CHECKING:
    from inkdigit.feedback import FeedbackStore, Kept, Status

_COLUMNS: Final = ["id", "created", "status", "label", "truth", "predicted", "confidence", "model", "source"]
_SHOWN: Final = (28, 14)  # characters across and down in which a drawing is shown


@click.group(
    "feedback",
    epilog=examples(
        "inkdigit feedback list --status new",
        "inkdigit feedback show 12",
        "inkdigit feedback export drawings.zip",
        "inkdigit feedback purge --older-than 365",
    ),
)
@click.option(
    "--database",
    metavar="FILE|URL",
    type=NAME,
    help="Where the drawings are kept: a file of SQLite, or postgresql+psycopg://user@host/name. INKDIGIT_DATABASE sets"
    " it too.",
)
@click.pass_context
def feedback(ctx: click.Context, database: str | None) -> None:
    """The drawings that people corrected, and let you keep.

    Each was handed in with consent, on the page or by a program. None leaves this computer but by `export`.
    """
    ctx.obj = database


def _open(*, read_only: bool = False) -> "FeedbackStore":
    from inkdigit.feedback import FeedbackStore

    database: str | None = click.get_current_context().obj
    return FeedbackStore.open(database_of(settings_of(database=database)), read_only=read_only)


_status_option = click.option(
    "--status", type=click.Choice(["new", "accepted", "rejected"]), help="Only those that stand so in review."
)


def _status_of(name: str | None) -> "Status | None":
    from inkdigit.feedback import Status

    return None if name is None else Status(name)


# --- looking


@feedback.command("list", epilog=examples("inkdigit feedback list", "inkdigit feedback list --format csv > table.csv"))
@_status_option
@click.option("-n", "--limit", type=IntegerRange(min=1), help="At most so many, the newest.")
@click.option(
    "--format",
    "style",
    type=click.Choice(["text", "json", "csv"]),
    default="text",
    show_default=True,
    help="What is printed: columns to read, one JSON object per line, or a table that spreadsheets may open.",
)
def list_drawings(status: str | None, limit: int | None, style: str) -> None:
    """List the drawings, newest first.

    Label is what the writer says, truth what review made of it, and predicted what the model said; "none" is what is
    no digit. All drawings of one source are by one writer; nothing else is known of them.
    """
    with _open(read_only=True) as store:
        rows = (_cells(kept) for kept in _newest(store, _status_of(status), limit))
        _WRITERS[style](rows)
        if style == "text":
            there_are = ", ".join(f"{count:,} {status.value}" for status, count in store.count().items())
            click.echo(f"There are {there_are}.", err=True)


def _newest(store: "FeedbackStore", status: "Status | None", limit: int | None) -> "Iterable[Kept]":
    """The newest drawings, a few in memory at a time."""
    after, left = None, sys.maxsize if limit is None else limit
    while left and (page := store.drawings(status=status, limit=min(left, 200), after=after)):
        yield from page
        after, left = page[-1].id, left - len(page)


def _cells(kept: "Kept") -> dict[str, Any]:
    """What is known of a drawing, besides picture and strokes."""
    values = {name: getattr(kept, name) for name in _COLUMNS}
    return values | {"created": kept.created.isoformat(timespec="seconds"), "status": kept.status.value}


def _write_table(rows: Iterable[dict[str, Any]]) -> None:
    click.echo(aligned([_COLUMNS, *(list(_texts(row).values()) for row in rows)]))


def _write_json(rows: Iterable[dict[str, Any]]) -> None:
    for row in rows:
        click.echo(json.dumps(row))


def _write_csv(rows: Iterable[dict[str, Any]]) -> None:
    write = csv_writer(_COLUMNS)
    for row in rows:
        write({name: _told(name, value) for name, value in row.items()})


_WRITERS: Final = {"text": _write_table, "json": _write_json, "csv": _write_csv}


def _texts(row: dict[str, Any]) -> dict[str, str]:
    """Cells that are easy to read: sources by their beginning, and no further digits of confidence."""
    confidence = "" if row["confidence"] is None else f"{row['confidence']:.3f}"
    texts = {name: visible(str(_told(name, value))) for name, value in row.items()}
    return texts | {"confidence": confidence, "source": texts["source"][:9]}


def _told(name: str, value: Any) -> Any:
    return "none" if value is None and name in ("label", "truth", "predicted") else value


@feedback.command("show", epilog=examples("inkdigit feedback show 12", "inkdigit feedback show 12 -o drawing.png"))
@click.argument("number", metavar="ID", type=IntegerRange(min=1))
@click.option(
    "-o",
    "--output",
    type=click.Path(dir_okay=False, allow_dash=True, path_type=Path),
    help="Write the picture into this PNG file; - writes it to standard output, and nothing else.",
)
@replacing
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object, with the strokes.")
def show_drawing(number: int, output: Path | None, force: bool, as_json: bool) -> None:
    """Show one drawing, and what is known of it.

    The picture is drawn in characters; ID is the number that list shows.
    """
    if as_json and str(output) == "-":
        raise click.UsageError("--json and --output - exclude each other; name a file for the picture.")
    from inkdigit.feedback import strokes_as_json

    with _open(read_only=True) as store:
        kept = store.get(number)
    if kept is None:
        click.echo(f"There is no drawing {number}; `inkdigit feedback list` lists those there are.", err=True)
        click.get_current_context().exit(SOME_FAILED)
    if str(output) == "-":
        sys.stdout.buffer.write(kept.image)
        return
    if output is not None:
        write_file(output, kept.image, force)
        click.echo(f"picture written to {visible(str(output))}", err=True)
    if as_json:
        click.echo(json.dumps(_cells(kept) | {"strokes": strokes_as_json(kept.strokes)}))
        return
    click.echo(_drawn(kept.image))
    for name, value in _cells(kept).items():
        told = _told(name, value)
        click.echo(f"{name:<11} {'-' if told is None else visible(str(told))}")


def _drawn(png: bytes) -> str:
    """The picture in characters, darker ones for more ink."""
    import io

    import numpy as np
    from PIL import Image

    with Image.open(io.BytesIO(png), formats=["PNG"]) as image:
        small = np.asarray(image.convert("L").resize(_SHOWN, Image.Resampling.BOX))
    return "\n".join("".join(" .:*#@"[(255 - int(level)) * 5 // 255] for level in row).rstrip() for row in small)


# --- out and in


@feedback.command(
    "export",
    epilog=examples(
        "inkdigit feedback export drawings.zip",
        "inkdigit feedback export --status accepted accepted.zip",
        "inkdigit feedback export - | ssh backup 'cat > drawings.zip'",
    ),
)
@click.argument("file", metavar="FILE.zip", type=click.Path(dir_okay=False, allow_dash=True, path_type=Path))
@_status_option
@replacing
def export(file: Path, status: str | None, force: bool) -> None:
    """Write the drawings into a ZIP file; - is standard output.

    It holds a PNG of each drawing and drawings.jsonl, a line of JSON for each: label, truth, status, strokes, and what
    else is known. It is whole or not there at all, and only its owner may read it. Where it is imported, receipts work.
    """
    from inkdigit.feedback import export_zip

    with _open(read_only=True) as store:
        if str(file) != "-":
            count = export_zip(store, file, _status_of(status), replace=force)
        else:
            with tempfile.TemporaryDirectory() as folder:
                count = export_zip(store, Path(folder, "drawings.zip"), _status_of(status))
                copy_out(Path(folder, "drawings.zip"))
    click.echo(
        f"{counted(count, 'drawing')} exported to {'standard output' if str(file) == '-' else visible(str(file))}",
        err=True,
    )


@feedback.command(
    "import", epilog=examples("inkdigit feedback import drawings.zip", "inkdigit feedback import - < drawings.zip")
)
@click.argument("file", metavar="FILE.zip", type=click.Path(dir_okay=False, allow_dash=True, path_type=Path))
def import_(file: Path) -> None:
    """Keep the drawings of a ZIP file that `export` wrote; - is standard input.

    The file is checked as a whole before any of it is kept. Drawings that are here already are passed over, and so are
    those that were deleted here.
    """
    from inkdigit.feedback import import_zip

    with _open() as store, brought(file) as archive:
        click.echo(f"{counted(import_zip(store, archive), 'drawing')} imported", err=True)


# --- forgetting


@feedback.command("purge", epilog=examples("inkdigit feedback purge --older-than 365"))
@click.option(
    "--older-than",
    "days",
    metavar="DAYS",
    type=IntegerRange(min=1, max=36_500),
    help="Days that a drawing is kept. INKDIGIT_RETENTION_DAYS sets it too.",
)
def purge(days: int | None) -> None:
    """Delete the drawings that are older than so many days, for good.

    Age goes by this computer's clock. A server with INKDIGIT_RETENTION_DAYS does the same once a day.
    """
    kept_days = days or settings_of().retention_days
    if kept_days is None:
        raise click.UsageError("Say how many days drawings are kept: --older-than DAYS, or INKDIGIT_RETENTION_DAYS.")
    with _open() as store:
        click.echo(f"{counted(store.purge(timedelta(days=kept_days)), 'drawing')} deleted", err=True)


@feedback.command(
    "delete",
    epilog=examples(
        "inkdigit feedback delete 1f0c33a8b6e94d2da4d3e2c5b8a7f601", "inkdigit feedback delete --id 12 --id 15"
    ),
)
@click.argument("receipts", metavar="[RECEIPT]...", nargs=-1)
@click.option("--id", "numbers", metavar="ID", type=IntegerRange(min=1), multiple=True, help="The id, as list has it.")
def delete(receipts: tuple[str, ...], numbers: tuple[int, ...]) -> None:
    """Delete drawings by their receipts or their ids, for good.

    They are in no export and no training after; an archive of before does not bring them back. The exit code is 1 if
    there is no drawing for one of them.
    """
    if not receipts and not numbers:
        raise click.UsageError("Name a RECEIPT, or an --id.")
    with _open() as store:
        done = {f"receipt {visible(receipt)}": store.delete(receipt) for receipt in receipts}
        done |= {f"id {number}": store.delete_id(number) for number in numbers}
    for what, deleted in done.items():
        click.echo(f"{what}: {'deleted' if deleted else 'there is no such drawing'}", err=True)
    if not all(done.values()):
        click.get_current_context().exit(SOME_FAILED)


@feedback.command("migrate", epilog=examples("inkdigit feedback migrate"))
def migrate() -> None:
    """Bring a store of an earlier version of Inkdigit up to date.

    A server does so by itself. Make a copy of the store before, if you may want to go back to the earlier version.
    """
    with _open() as store:
        click.echo(f"up to date, with {counted(sum(store.count().values()), 'drawing')}", err=True)

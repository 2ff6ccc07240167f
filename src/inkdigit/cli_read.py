"""The command that reads numbers from pictures of paper; what all commands share is in `inkdigit.terminal`."""

import functools
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from inkdigit.errors import ImageError
from inkdigit.terminal import (
    DIR,
    NAME,
    PICTURE,
    SOME_FAILED,
    csv_writer,
    examples,
    home_of,
    into_files,
    namer,
    settings_of,
    shortened,
    usage,
    visible,
    words_of_passed_over,
    write_file,
)

if TYPE_CHECKING:
    from inkdigit.config import Settings
    from inkdigit.expect import Expectation
    from inkdigit.fields import FormRow, Template
    from inkdigit.pages import NumberReader, PageRow

_NUMBER_COLUMNS = ["text", "value", "confidence", "doubt", "x", "y", "width", "height"]


def load_reader(settings: "Settings") -> "NumberReader":
    """The reader that the settings name, or else the current one.

    Raises:
        ModelError: there is no such model, or it is damaged.
    """
    from inkdigit.reader import POINTER, Reader
    from inkdigit.registry import current

    home = home_of(settings)
    return Reader.load(current(home, POINTER) if settings.reader is None else settings.reader, home=home)


def _expectation(_ctx: click.Context, _param: click.Parameter, rules: str | None) -> "Expectation | None":
    if rules is None:
        return None
    from inkdigit.expect import Expectation

    with usage():
        return Expectation.parse(rules)


reader_option = click.option(
    "--reader",
    metavar="NAME|DIR",
    type=NAME,
    help="Version or folder of the model that reads numbers; the current one if not given. INKDIGIT_READER sets it.",
)


@click.command(
    epilog=examples(
        "inkdigit read receipt.jpg",
        "inkdigit read --expect 'length=4' photos/",
        "inkdigit read --expect 'range=1..500; decimals=2' --format csv receipts/ > amounts.csv",
        "inkdigit read --format json receipt.jpg | jq '.numbers[].value'",
        "inkdigit read --annotate seen/ receipt.jpg",
        "inkdigit read --fields form.toml scans/ > table.csv",
        "inkdigit read - < receipt.jpg",
    )
)
@click.argument("files", metavar="FILE...", nargs=-1, required=True, type=PICTURE)
@click.option(
    "--format",
    "style",
    type=click.Choice(["text", "json", "csv"]),
    help="What is printed: the numbers, one JSON object per line with the API's field names, or a table that is safe "
    "to open in a spreadsheet [default: text; csv with --fields].",
)
@click.option("-H", "--with-filename", "named", is_flag=True, help="Print the file name even if there is one file.")
@click.option(
    "--expect",
    metavar="RULES",
    callback=_expectation,
    help="What every number must be, such as 'length=4' or 'range=1..500; decimals=2', with ; between rules.",
)
@click.option(
    "--fields",
    "template",
    metavar="FORM.toml",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Read the places of a form that this template names, into one row for each scan.",
)
@click.option(
    "--annotate",
    type=DIR,
    metavar="DIR",
    callback=into_files,
    help="Write each picture with what was read drawn on, as a PNG in a folder.",
)
@click.option("--force", is_flag=True, help="Replace the files of --annotate that are there.")
@reader_option
def read(
    files: tuple[str, ...],
    style: str | None,
    named: bool,
    expect: "Expectation | None",
    template: Path | None,
    annotate: Path | None,
    force: bool,
    reader: str | None,
) -> None:
    """Read the numbers on pictures of paper.

    FILE is a PNG, JPEG or WebP photo or scan, a folder of them (with its subfolders), - for standard input, or the link
    or the code of a drawing that the page shared. Numbers come in reading order, one a line; with several files each
    follows its file's name.

    A number that --expect rules out is read as the likeliest one that satisfies it: account numbers with a check digit
    correct themselves so. Where none is likely enough, the file is an error. A picture that cannot be read is named on
    standard error with the reason, the others are still read, and the exit code is 1.

    In the pictures that --annotate writes, orange characters are doubtful: look at them.

    Needs OpenCV: pip install 'inkdigit[read]'.
    """
    if template is not None and expect is not None:
        raise click.UsageError("--expect and --fields exclude each other; the template says what each field must be.")
    from inkdigit.batch import find_pictures, is_folder

    settings = settings_of(reader=reader)
    load = functools.cache(lambda: load_reader(settings))
    pictures = list(find_pictures(files))
    named = named or len(files) > 1 or is_folder(files[0])
    if template is None:
        failed = _read_pages(pictures, load, expect, style or "text", named, annotate, force)
    else:
        failed = _read_forms(pictures, load, template, style or "csv", named, annotate, force)
    if passed := words_of_passed_over(files):
        click.echo(passed, err=True)
    if any(failed) and len(failed) > 1:
        click.echo(f"{sum(failed)} of {len(failed)} pictures could not be read in full.", err=True)
    if any(failed):
        click.get_current_context().exit(SOME_FAILED)


# --- pages


def _read_pages(
    files: Sequence[str],
    load: "Callable[[], NumberReader]",
    expect: "Expectation | None",
    style: str,
    named: bool,
    annotate: Path | None,
    force: bool,
) -> list[bool]:
    """Print what each picture holds; which of them could not be read."""
    from inkdigit.pages import read_files

    # The files of drawings are looked for first: a table that is begun has its heading.
    annotators = [_page_annotator(_saver(annotate, files, force))] if annotate else []
    writers = [_page_writer(style, named), *annotators]
    return [_tell_page(row, writers) for row in read_files(files, load, expect)]


def _tell_page(row: "PageRow", writers: "list[Callable[[PageRow], None]]") -> bool:
    from inkdigit.pages import Reading

    for write in writers:
        write(row)
    if isinstance(row.result, Reading):
        if not row.result.numbers:
            click.echo(f"{shortened(row.file)}: no number was found on it", err=True)
        return False
    click.echo(f"{shortened(row.file)}: {row.result}", err=True)
    return True


def _page_writer(style: str, named: bool) -> "Callable[[PageRow], None]":
    if style == "json":
        return lambda row: click.echo(json.dumps(row.record()))
    return _page_table() if style == "csv" else functools.partial(_write_numbers, named=named)


def _write_numbers(row: "PageRow", named: bool) -> None:
    from inkdigit.pages import Reading

    for number in row.result.numbers if isinstance(row.result, Reading) else ():
        click.echo(f"{visible(row.file)}: {number.text}" if named else number.text)


def _page_table() -> "Callable[[PageRow], None]":
    """A row for each number; a picture without any, or with an error, has one row all the same."""
    from inkdigit.pages import Reading, error_record, number_cells

    write = csv_writer(["file", "number", *_NUMBER_COLUMNS, "model", "error", "detail"])

    def write_rows(row: "PageRow") -> None:
        file = {"file": visible(row.file)}
        if not isinstance(row.result, Reading):
            error = error_record(row.result)
            write(file | {"error": error["type"], "detail": error["detail"]})
            return
        file |= {"model": row.result.model}
        for place, number in enumerate(row.result.numbers, start=1):
            write(file | {"number": place} | number_cells(number))
        if not row.result.numbers:
            write(file)

    return write_rows


def _page_annotator(save: Callable[[str, bytes], None]) -> "Callable[[PageRow], None]":
    from inkdigit.annotate import annotate
    from inkdigit.pages import Reading

    def write(row: "PageRow") -> None:
        if isinstance(row.result, Reading):
            save(row.file, annotate(row.result.page, row.result.numbers))

    return write


def _saver(folder: Path, files: Sequence[str], force: bool) -> Callable[[str, bytes], None]:
    """Writes pictures into the folder, which is made if it is not there, and tells where each is."""
    name = namer(folder, "read", files, force)

    def save(file: str, picture: bytes) -> None:
        path = name(file)
        write_file(path, picture, force)
        click.echo(f"{shortened(file)}: drawn in {visible(str(path))}", err=True)

    return save


# --- forms


def _read_forms(
    files: Sequence[str],
    load: "Callable[[], NumberReader]",
    template: Path,
    style: str,
    named: bool,
    annotate: Path | None,
    force: bool,
) -> list[bool]:
    """Print what stands in the fields of each scan; which of them had errors."""
    from inkdigit.fields import Template, read_forms

    form = Template.load(template)
    annotators = [_form_annotator(_saver(annotate, files, force))] if annotate else []
    writers = [_form_writer(style, named, form), *annotators]
    return [_tell_form(row, writers) for row in read_forms(files, form, load)]


def _tell_form(row: "FormRow", writers: "list[Callable[[FormRow], None]]") -> bool:
    for write in writers:
        write(row)
    for error in row.errors:
        click.echo(f"{visible(row.file)}: {error}", err=True)
    return bool(row.errors)


def _form_writer(style: str, named: bool, form: "Template") -> "Callable[[FormRow], None]":
    from inkdigit.fields import columns

    if style == "json":
        return lambda row: click.echo(json.dumps(row.record()))
    if style == "text":
        return functools.partial(_write_entries, named=named)
    write = csv_writer(columns(form))
    return lambda row: write(row.cells() | {"file": visible(row.file)})


def _write_entries(row: "FormRow", named: bool) -> None:
    for entry in () if isinstance(row.result, ImageError) else row.result.entries:
        field = f"{visible(entry.name)}: {entry.text}".rstrip()
        click.echo(f"{visible(row.file)}: {field}" if named else field)


def _form_annotator(save: Callable[[str, bytes], None]) -> "Callable[[FormRow], None]":
    from inkdigit.annotate import annotate

    def write(row: "FormRow") -> None:
        if not isinstance(row.result, ImageError):
            entries = row.result.entries
            numbers = [number for entry in entries for number in entry.numbers]
            save(row.file, annotate(row.result.page, numbers, [entry.box for entry in entries]))

    return write

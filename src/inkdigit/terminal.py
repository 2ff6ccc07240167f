"""What the commands share at the terminal: settings, exit codes, examples, and text that is safe to print."""

import contextlib
import csv
import dataclasses
import io
import itertools
import math
import os
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import click

from inkdigit.errors import ConfigError
from inkdigit.share import is_shared
from inkdigit.table import counted as counted
from inkdigit.table import safe_cell as safe_cell
from inkdigit.table import visible as visible

if TYPE_CHECKING:
    from inkdigit.access import KeyFile
    from inkdigit.config import Settings
    from inkdigit.recognizer import Recognizer

SOME_FAILED, CANNOT_START, INTERRUPTED = 1, 3, 130

SHOWN = 60  # characters of a link or code in a message

DIR = click.Path(file_okay=False, path_type=Path)
PICTURE = click.Path(readable=False, allow_dash=True)  # what may not be read is told when its turn comes


class OutputClosedError(click.ClickException):
    """Standard output is closed, so that an answer would be lost."""

    exit_code = SOME_FAILED

    def __init__(self) -> None:
        super().__init__("standard output is closed; send it to a file or a pipe")


class ClosedOutput(io.TextIOBase):
    """Stands for standard output where there is none, as after the shell's >&-: an answer that is lost is told."""

    @property
    def buffer(self) -> NoReturn:
        """None, whoever wants to write bytes."""
        raise OutputClosedError

    def write(self, _text: str) -> NoReturn:
        """Write nothing."""
        raise OutputClosedError


def into_files(_ctx: click.Context, _param: click.Parameter, path: Path | None) -> Path | None:
    """Refuse "-" where no picture and no page goes to standard output: it would be the name of a file."""
    if path == Path("-"):
        raise click.BadParameter("nothing is written to standard output; name a file or a folder.")
    return path


replacing = click.option("--force", is_flag=True, help="Replace the file if it is there.")


def require_new(path: Path, force: bool, instead: str = "file") -> None:
    """Say at once that a file is there already, unless it is to be replaced.

    Args:
        path: of the file.
        force: whether it is to be replaced.
        instead: what else can be named.

    Raises:
        ConfigError: it is.
    """
    if not force and os.path.lexists(path):
        raise ConfigError(f"{path} is there already; name another {instead}, or replace it with --force")


def write_file(path: Path, contents: bytes, force: bool) -> None:
    """Write a file, unless one is there that is not to be replaced.

    Raises:
        ConfigError: one is.
        OSError: it cannot be written.
    """
    require_new(path, force)
    with path.open("wb" if force else "xb") as file:
        file.write(contents)


class IntegerRange(click.IntRange):
    """A range of whole numbers; click says of what is none that it is no valid range."""

    name = "integer"


class NumberRange(click.FloatRange):
    """A range of numbers; not a number lies in none, though no comparison says so."""

    name = "number"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """The number."""
        number = float(super().convert(value, param, ctx))
        return self.fail(f"{value} is no number.", param, ctx) if math.isnan(number) else number


class NameType(click.ParamType[str]):
    """A name that is not empty, as it is where a shell's variable is not set."""

    name = "text"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """The name."""
        return str(value) or self.fail(
            "it is empty, as a variable that is not set; name one, or leave it out.", param, ctx
        )


NAME = NameType()


def examples(*lines: str) -> str:
    """The end of a command's help: lines that can be copied."""
    return "\b\nExamples:\n" + "\n".join(f"  {line}" for line in lines)


def settings_of(**given: Any) -> "Settings":
    """The settings of the environment, and over them the options that were given.

    Raises:
        ConfigError: a value cannot work.
    """
    from inkdigit.config import Settings

    return dataclasses.replace(
        Settings.from_env(os.environ), **{name: value for name, value in given.items() if value is not None}
    )


@contextlib.contextmanager
def usage() -> Iterator[None]:
    """Within it, a value that cannot work was given with the command, which was then written wrongly."""
    try:
        yield
    except ConfigError as error:
        raise click.BadParameter(str(error)) from error


def home_of(settings: "Settings") -> Path:
    """The folder of further model versions."""
    import platformdirs

    return settings.home or platformdirs.user_data_path("inkdigit") / "models"


def database_of(settings: "Settings") -> str | Path:
    """Where corrections are kept: the database that is set, or a file beside the folder of model versions."""
    return settings.database or home_of(settings).parent / "feedback.sqlite"


def keys_of(settings: "Settings") -> "KeyFile":
    """Where the API keys are kept: the file that is set, or one in the folder of model versions."""
    from inkdigit.access import KeyFile

    return KeyFile(settings.keys or home_of(settings) / "keys.json")


def recognizer_of(settings: "Settings") -> "Recognizer":
    """The model of digits that the settings name, or else the current one.

    Raises:
        ModelError: there is no such model, or it is damaged.
    """
    from inkdigit.recognizer import Recognizer
    from inkdigit.registry import current

    home = home_of(settings)
    return Recognizer.load(current(home) if settings.model is None else settings.model, home=home)


def namer(folder: Path, what: str, pictures: Sequence[str], force: bool) -> Callable[[str], Path]:
    """Gives each picture a PNG of its own in the folder, since pictures of several folders may share a name.

    None of the pictures themselves is overwritten.

    Args:
        folder: where the PNGs go; made if it is not there.
        what: each shows, which stands behind the picture's name.
        pictures: that names will be asked for.
        force: whether other files that are there are to be replaced.

    Raises:
        ConfigError: one is there that is not.
    """
    name = _names(folder, what, pictures)
    for picture in pictures:  # all are looked at before the first is read; one that fails only leaves a name unused
        require_new(name(picture), force, "folder")
    folder.mkdir(parents=True, exist_ok=True)
    return _names(folder, what, pictures)


def _names(folder: Path, what: str, pictures: Iterable[str]) -> Callable[[str], Path]:
    taken = {_key(Path(picture)) for picture in pictures}

    def name(file: str) -> Path:
        stem = "stdin" if file == "-" else "drawing" if is_shared(file) else Path(file).stem
        numbers = itertools.chain([""], map("-{}".format, itertools.count(2)))
        names = (folder / f"{stem}-{what}{number}.png" for number in numbers)
        path = next(path for path in names if _key(path) not in taken)
        taken.add(_key(path))
        return path

    return name


def _key(path: Path) -> str:
    """Tells files apart as Windows and macOS do, where a.png and A.png are one."""
    return str(path.absolute()).casefold()


def csv_writer(columns: Sequence[str]) -> Callable[[Mapping[str, Any]], None]:
    """Begin a table on standard output with its heading; what comes back writes one row, safe for a spreadsheet.

    Where that is a file or a pipe, the table is the same bytes on every system: UTF-8, lines that end in a line feed.
    """
    out = sys.stdout
    if isinstance(out, io.TextIOWrapper) and not out.isatty():
        out.reconfigure(encoding="utf-8", errors="backslashreplace", newline="\n")
    table = csv.DictWriter(out, columns, restval="", lineterminator="\n")
    table.writerow({name: safe_cell(name) for name in columns})

    def write(cells: Mapping[str, Any]) -> None:
        table.writerow({name: safe_cell(cell) if isinstance(cell, str) else cell for name, cell in cells.items()})
        out.flush()  # here, where a full disk can still be told, and not when Python ends

    return write


@contextlib.contextmanager
def brought(file: Path, most: int = sys.maxsize) -> Iterator[Path]:
    """The file that is named; where that is "-", one with what comes from standard input, while it is worked with.

    Args:
        file: as it was given.
        most: bytes that are taken from standard input.

    Raises:
        ConfigError: there is no standard input.
    """
    if str(file) != "-":
        yield file
        return
    if sys.stdin is None:  # the shell's <&- closes it
        raise ConfigError("standard input is closed; send a file to it")
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder, "standard input")
        with copy.open("wb") as out:
            while chunk := sys.stdin.buffer.read(min(most, 1 << 20)):
                most -= out.write(chunk)
        yield copy


def copy_out(file: Path) -> None:
    """Write the contents of a file to standard output."""
    import shutil

    with file.open("rb") as source:
        shutil.copyfileobj(source, sys.stdout.buffer)


def words_of_passed_over(files: Iterable[str]) -> str:
    """Which scans and photos in folders are of kinds that are not read, in a line; "" where there are none."""
    from inkdigit.batch import SUFFIXES, passed_over

    found = passed_over(files)
    if not found:
        return ""
    kinds = ", ".join(f"{count:,} {suffix}" for suffix, count in found.items())
    total = counted(sum(found.values()), "file")
    return f"{total} passed over ({kinds}); save as {', '.join(SUFFIXES)} to have it read."


def shortened(file: str) -> str:
    """A file name for a message, safe to print; of a shared drawing the beginning, since a code may be long."""
    return f"{visible(file[:SHOWN])}..." if len(file) > SHOWN and is_shared(file) else visible(file)


def aligned(rows: Sequence[Sequence[object]]) -> str:
    """Rows of cells as a table, its columns one below the other.

    >>> print(aligned([("name", "n"), ("anna", 12)]))
    name  n
    anna  12
    """
    cells = [[str(cell) for cell in row] for row in rows]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    lines = ("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in cells)
    return "\n".join(line.rstrip() for line in lines)

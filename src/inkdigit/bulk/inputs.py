"""What a batch reads: folders, patterns and lists of names, looked through once and frozen in a manifest.

The manifest is a file of SQLite, which sorts more names than memory holds. An input is its place in it, for good: what
is put into a folder later is not part of a batch that has begun.
"""

import codecs
import contextlib
import hashlib
import os
import re
import sqlite3
import stat
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from fnmatch import fnmatch
from pathlib import Path
from typing import IO, Final, Self

from inkdigit.batch import STDIN, SUFFIXES, is_folder, is_hidden
from inkdigit.errors import BatchError
from inkdigit.registry.disk import sync_folder

LONGEST_LINE: Final = 65_536  # bytes of a list; no name and no link is longer
TOLD_EVERY: Final = 10_000  # inputs found, between two calls of who wants to know how many there are

Tell = Callable[[int], None]


@dataclass(frozen=True, slots=True)
class Found:
    """An input, as it was when it was found.

    Attributes:
        file: its name.
        size: in bytes; -1 where it could not be looked at.
        changed: when it was last, in nanoseconds.
        problem: why it cannot be read, if that is known already.
    """

    file: str
    size: int = -1
    changed: int = 0
    problem: str = ""


@dataclass(frozen=True, slots=True)
class Chunk:
    """Inputs that are read together: their numbers in the manifest's order, names, and what is wrong with some."""

    number: int
    files: tuple[str, ...]
    problems: dict[int, str]  # by the place in this chunk


# --- looking


def find(source: str) -> Iterator[tuple[int, Found]]:
    """The inputs that a folder, a pattern, a list or a picture stands for, each with the line that named it.

    Raises:
        BatchError: there is no such file, or the list is none.
    """
    if source == STDIN and sys.stdin is None:  # the shell's <&- closes it
        raise BatchError("standard input is closed; send a list of inputs to it")
    if source == STDIN:
        yield from _listed(sys.stdin.buffer, "standard input")
    elif is_folder(source):
        yield from ((0, found) for found in pictures_below(source))
    elif _is_file(source):
        yield from _in_file(source)
    elif _is_pattern(source):
        yield from ((0, found) for found in matching(source))
    else:
        raise BatchError(f"{source}: no such file or folder; check the name, and put patterns into quotes")


def is_one_of(file: str, paths: Sequence[Path]) -> bool:
    """Whether a name is that of one of these files, however it is written."""
    return any(_is_same(file, path) for path in paths)


def _is_same(file: str, path: Path) -> bool:
    try:
        return path.samefile(file)
    except (OSError, ValueError):  # one of them is not there, or can be no file
        return False


def is_anywhere(source: str) -> bool:
    """Whether a source stands for the same names wherever the command is run: it is absolute, and surely no list."""
    is_list = not is_folder(source) and (_is_file(source) or not _is_pattern(source))
    return os.path.isabs(source) and (not is_list or source.lower().endswith(SUFFIXES))  # noqa: PTH117 - no path yet


def _is_pattern(text: str) -> bool:
    return re.search(r"[*?\[]", text) is not None


def _is_file(source: str) -> bool:
    try:
        return Path(source).is_file()
    except OSError as error:
        return isinstance(error, PermissionError)  # opening it says so; else the name is too long


def _in_file(source: str) -> Iterator[tuple[int, Found]]:
    if source.lower().endswith(SUFFIXES):
        yield 0, look(source)
        return
    try:
        with Path(source).open("rb") as names:
            yield from _listed(names, source)
    except OSError as error:
        raise BatchError(f"{source} cannot be opened: {error.strerror}") from error


def _listed(names: IO[bytes], source: str) -> Iterator[tuple[int, Found]]:
    """The inputs of a list, one name a line; a folder among them stands for its pictures."""
    number = 0
    while line := names.readline(LONGEST_LINE):
        number += 1
        if b"\0" in line or len(line) == LONGEST_LINE:
            raise BatchError(f"{source} is no list of names: line {number} is none; pictures end in {_SUFFIXES}")
        if number == 1:
            line = line.removeprefix(codecs.BOM_UTF8)  # which some editors of Windows write
        name = os.fsdecode(line.rstrip(b"\r\n"))
        if is_folder(name):
            yield from ((number, found) for found in pictures_below(name))
        elif name:
            yield number, look(name)


_SUFFIXES: Final = ", ".join(SUFFIXES)


def look(file: str) -> Found:
    """A file as it is now; one that is not there is found all the same, for reading it says what is wrong."""
    try:
        state = os.stat(file)  # noqa: PTH116 - a name may be a link to a drawing, and no path at all
    except (OSError, ValueError):
        return Found(file)
    problem = "" if stat.S_ISREG(state.st_mode) else "this is no regular file"
    return Found(file, state.st_size, state.st_mtime_ns, problem)


def pictures_below(folder: str) -> Iterator[Found]:
    """The pictures in a folder and its subfolders; links to folders are not followed.

    However the folder is written, they have the names that `find_pictures` gives them, and none begins with a dot. A
    folder that cannot be looked through is an input too, with the reason.
    """
    root = str(Path(folder))
    found = _below(root, lambda path: path.lower().endswith(SUFFIXES), None, hidden=False)
    return map(_from_here, found) if root == "." else found


def matching(pattern: str) -> Iterator[Found]:
    """The files whose path matches a pattern: * and ? stop at the end of a name, and ** stands for any folders.

    Raises:
        BatchError: there is no such folder.
    """
    parts = pattern.replace(os.sep, "/").split("/")
    plain = next(i for i, part in enumerate(parts) if _is_pattern(part))
    root = "/".join(parts[:plain]) or ("/" if plain else ".")
    if not Path(root).is_dir():
        raise BatchError(f"{pattern}: there is no folder {root}; check the name")
    depth = None if "**" in parts else len(parts) - plain
    found = _below(root, lambda path: matches(_steps(path, root), parts[plain:]), depth)
    yield from found if plain else map(_from_here, found)


def _from_here(found: Found) -> Found:
    return replace(found, file=found.file.removeprefix(f".{os.sep}"))


def _steps(path: str, root: str) -> list[str]:
    return path.removeprefix(root).replace(os.sep, "/").strip("/").split("/")


def matches(path: Sequence[str], pattern: Sequence[str]) -> bool:
    """Whether a path matches a pattern, name by name; a name that begins with a dot must be asked for with the dot.

    >>> [matches(path.split("/"), ["**", "a*.png"]) for path in ("a.png", "x/y/ab.png", "x/.a.png", ".x/a.png")]
    [True, True, False, False]
    """
    if not pattern or not path:
        return not path and all(part == "**" for part in pattern)
    if path[0].startswith(".") and not pattern[0].startswith("."):
        return pattern[0] == "**" and matches(path, pattern[1:])
    if pattern[0] == "**":
        return matches(path, pattern[1:]) or matches(path[1:], pattern)
    return fnmatch(path[0], pattern[0]) and matches(path[1:], pattern[1:])


def _below(root: str, wanted: Callable[[str], bool], depth: int | None, hidden: bool = True) -> Iterator[Found]:
    """Look through folders without keeping more than one entry of each that is open."""
    folders = [_entries(root)]
    while folders:
        entry = next(folders[-1], None)
        if entry is None:
            folders.pop()
        elif isinstance(entry, Found):
            yield entry
        elif is_hidden(entry.name) and not hidden:
            continue
        elif not _is_folder(entry):
            if wanted(entry.path):
                yield look(entry.path)
        elif not entry.is_symlink() and (depth is None or len(folders) < depth):
            folders.append(_entries(entry.path))


def _entries(folder: str) -> Iterator["os.DirEntry[str] | Found"]:
    try:
        with os.scandir(folder) as entries:
            yield from entries
    except OSError as error:
        yield Found(folder, problem=f"the folder cannot be looked through: {error.strerror}; check its permissions")


def _is_folder(entry: "os.DirEntry[str]") -> bool:
    try:
        return entry.is_dir()
    except OSError:
        return False


# --- the manifest


class Manifest:
    """The frozen inputs of a batch.

    Attributes:
        count: of the inputs.
        digest: of their names, sizes and times.
    """

    def __init__(self, path: Path) -> None:
        with _told(path):
            self._database = sqlite3.connect(f"{_uri(path)}?mode=ro&immutable=1", uri=True)
            count, digest = self._database.execute("SELECT count, digest FROM about").fetchone()
            self.count, self.digest = int(count), str(digest)
        self._path = path

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._database.close()

    def chunk(self, number: int, size: int) -> Chunk:
        """The chunk of this number, where each holds `size` inputs and the last one the rest."""
        query = "SELECT file, problem FROM inputs WHERE place > ? AND place <= ? ORDER BY place"
        with _told(self._path):
            rows = self._database.execute(query, (number * size, (number + 1) * size)).fetchall()
        problems = {place: problem for place, (_, problem) in enumerate(rows) if problem}
        return Chunk(number, tuple(os.fsdecode(file) for file, _ in rows), problems)


def freeze(sources: Sequence[str], path: Path, tell: Tell = lambda _: None, written: Sequence[Path] = ()) -> None:
    """Look through the sources and write what they hold, sorted within each, so that the file is there or it is not.

    Args:
        sources: folders, patterns, lists, pictures, or "-" for a list on standard input.
        path: of the manifest.
        tell: is called now and then with how many inputs were found.
        written: files that are to be written, so that none of them can be an input.

    Raises:
        BatchError: a source is none, nothing is found, an input would be written over, or the disk is full.
    """
    new, notes = path.with_suffix(".new"), path.with_suffix(".notes")
    try:
        with _told(path), contextlib.closing(sqlite3.connect(_uri(new), uri=True)) as database:
            database.executescript(_TABLES)
            database.execute("ATTACH ? AS notes", (_uri(notes),))
            database.executescript(_NOTES)
            database.executemany("INSERT INTO notes.found VALUES (?, ?, ?, ?, ?, ?)", _noted(sources, tell, written))
            database.execute(_SORT)
            database.execute("INSERT INTO about VALUES (?, ?)", _about(database, sources))
            database.commit()
        with new.open("rb+") as file:
            os.fsync(file.fileno())
        new.replace(path)
        sync_folder(path.parent)
    finally:
        new.unlink(missing_ok=True)
        notes.unlink(missing_ok=True)


_TABLES: Final = """
PRAGMA journal_mode=OFF; PRAGMA synchronous=OFF;
DROP TABLE IF EXISTS inputs; DROP TABLE IF EXISTS about;
CREATE TABLE inputs (place INTEGER PRIMARY KEY, file BLOB, size INTEGER, changed INTEGER, problem TEXT);
CREATE TABLE about (count INTEGER, digest TEXT);
"""
_NOTES: Final = """
PRAGMA notes.journal_mode=OFF; PRAGMA notes.synchronous=OFF;
DROP TABLE IF EXISTS notes.found;
CREATE TABLE notes.found (source INTEGER, line INTEGER, file BLOB, size INTEGER, changed INTEGER, problem TEXT);
"""
_SORT: Final = """
INSERT INTO inputs (file, size, changed, problem)
SELECT file, size, changed, problem FROM notes.found ORDER BY source, line, file
"""


def _noted(
    sources: Sequence[str], tell: Tell, written: Sequence[Path]
) -> Iterator[tuple[int, int, bytes, int, int, str]]:
    count, ends = 0, tuple(path.name for path in written)  # a name is looked at by the system only if it may be one
    for source, name in enumerate(sources):
        for line, found in find(name):
            count += 1
            if count % TOLD_EVERY == 0:
                tell(count)
            if found.file.endswith(ends) and is_one_of(found.file, written):
                raise BatchError(f"{found.file} in {name} is to be read, and would be overwritten; name another --out")
            yield source, line, os.fsencode(found.file), found.size, found.changed, found.problem


def _about(database: sqlite3.Connection, sources: Sequence[str]) -> tuple[int, str]:
    digest, count = hashlib.sha256(), 0
    for row in database.execute("SELECT file, size, changed, problem FROM inputs ORDER BY place"):
        digest.update(repr(row).encode())
        count += 1
    if not count:
        raise BatchError(f"there is nothing to read in {', '.join(sources)}: names of pictures end in {_SUFFIXES}")
    return count, digest.hexdigest()


def _uri(path: Path) -> str:
    return path.absolute().as_uri()


@contextlib.contextmanager
def _told(path: Path) -> Iterator[None]:
    """SQLite's own errors in the package's words."""
    try:
        yield
    except sqlite3.Error as error:
        raise BatchError(f"{path}: {error}; where the disk is full make room, else begin anew with --again") from error

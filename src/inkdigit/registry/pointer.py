"""Which version is current: a file in the home folder that names it, and below it those that were so before.

The pointer and its history are one file, so that one change of a name on the disk takes both from the old to the new.
A line holds a version and when it was promoted, newest first; who edits it by hand may leave the time out.
"""

import logging
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from inkdigit.errors import ModelError
from inkdigit.reader import POINTER
from inkdigit.recognizer import check_digests, current_model
from inkdigit.registry.disk import locked, replace_file
from inkdigit.registry.folders import find_version, read_card, reads_lines, version_of
from inkdigit.registry.trial import verify

CURRENT: Final = "current"  # file that names the current model of digits; POINTER is that of the reader

_log = logging.getLogger(__name__)


def current(home: Path | None, pointer: str = CURRENT) -> Path:
    """The folder of the version that is loaded where none is named: the promoted one, or else the shipped one.

    A promoted version that is gone or damaged is passed over, with a warning, for the one that was promoted before it,
    as a server does that starts.

    Args:
        home: folder of further versions; it need not exist.
        pointer: CURRENT for digits, POINTER for the reader of numbers.

    Raises:
        ModelError: the shipped one is missing.
    """
    refused = ""
    for version in dict.fromkeys(history(home, pointer)):
        try:
            folder = _whole(version, home)
            break
        except ModelError as error:
            refused = refused or str(error)
    else:
        folder = current_model(pointer)
    if refused:
        _log.warning("%s; %s reads in place of the promoted version", refused, folder.name)
    return folder


def _whole(version: str, home: Path | None) -> Path:
    """The folder of a version whose files are as their digests say."""
    folder = version_folder(version, home)
    check_digests(folder)
    return folder


def named(home: Path | None, pointer: str = CURRENT) -> Path:
    """The folder of the promoted version, or of the shipped one where none was promoted.

    Raises:
        ModelError: the promoted one is gone, or the shipped one is missing.
    """
    promoted = history(home, pointer)[:1]
    return version_folder(promoted[0], home) if promoted else current_model(pointer)


def version_folder(version: str, home: Path | None) -> Path:
    """The folder of a version, whose card calls it so too.

    Raises:
        ModelError: there is none.
    """
    folder = find_version(version, home)
    if folder is None:
        raise ModelError(f"there is no version {version!r}; run `inkdigit models list`")
    if version_of(folder) != version:
        raise ModelError(f"the card in {folder} calls it {version_of(folder)}; run `inkdigit models import {folder}`")
    return folder


def history(home: Path | None, pointer: str = CURRENT) -> list[str]:
    """The versions that were promoted and not taken back, newest first; some may be gone from the disk."""
    return [line.split()[0] for line in _lines(home, pointer)]


def promote(version: str, home: Path) -> None:
    """Make a version the current one, of digits or of numbers as its card says.

    A crash leaves the old one or the new one. To promote the current one again changes nothing.

    Raises:
        ModelError: there is no such version, or it is not whole; the current one stays.
    """
    folder = version_folder(version, home)
    verify(folder)
    pointer = POINTER if reads_lines(read_card(folder)) else CURRENT
    with locked(home):
        lines = _lines(home, pointer)
        if history(home, pointer)[:1] != [version]:
            _write(home, pointer, [f"{version} {datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}", *lines])


def rollback(home: Path, pointer: str = CURRENT) -> str:
    """Take the last promotion back, and return the name of the version that is current from now on.

    Versions that are gone from the disk are passed over; before the first promotion the shipped one was current.

    Raises:
        ModelError: none was promoted.
    """
    with locked(home):
        lines = _lines(home, pointer)
        if not lines:
            raise ModelError("nothing to take back: no version was promoted")
        earlier = lines[1:]
        while earlier and find_version(earlier[0].split()[0], home) is None:
            del earlier[0]
        _write(home, pointer, earlier)
    return current(home, pointer).name


def _lines(home: Path | None, pointer: str) -> list[str]:
    if home is None:
        return []
    try:
        text = (home / pointer).read_text("utf-8", errors="replace")
    except (FileNotFoundError, NotADirectoryError):
        return []
    return [line for line in text.splitlines() if line.strip()]


def _write(home: Path, pointer: str, lines: list[str]) -> None:
    replace_file(home / pointer, "".join(f"{line}\n" for line in lines).encode())

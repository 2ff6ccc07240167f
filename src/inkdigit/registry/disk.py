"""Changes on disk that a crash leaves done or undone, and nothing between."""

import contextlib
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import IO


@contextlib.contextmanager
def locked(home: Path, *, wait: bool = True) -> Iterator[None]:
    """Keep other programs from changing what lies in `home` meanwhile; the folder is made if it is not there.

    Raises:
        BlockingIOError: another program has it, and this one shall not wait.
    """
    home.mkdir(parents=True, exist_ok=True)
    with (home / ".lock").open("ab") as file:
        _lock(file, wait)
        yield  # closing the file lets go of the lock, and so does the end of the program, however it comes


if sys.platform == "win32":
    import msvcrt

    def _lock(file: IO[bytes], wait: bool) -> None:
        while True:
            file.seek(0)
            try:
                msvcrt.locking(file.fileno(), msvcrt.LK_LOCK if wait else msvcrt.LK_NBLCK, 1)
                return
            except OSError as error:  # which says, to those who wait, that ten seconds were not enough
                if not wait:
                    raise BlockingIOError from error

else:
    import fcntl

    def _lock(file: IO[bytes], wait: bool) -> None:
        fcntl.flock(file.fileno(), fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))


def replace_file(path: Path, contents: bytes, *, private: bool = False, replace: bool = True) -> None:
    """Write a file so that it has the old contents or the new ones at any time; a private one is its owner's alone.

    Raises:
        OSError: it cannot be written, or is there and shall not be replaced; the error names the file, and not the one
            that stands in for it meanwhile.
    """
    new = path.with_name(f".{path.name}.new")
    try:
        new.unlink(missing_ok=True)  # what a crash left has the rights that it has
        if private:
            new.touch(mode=0o600)
        write_through(new, contents)
        if not replace:
            path.touch(exist_ok=False)  # takes the name, unless somebody else has meanwhile
        new.replace(path)
    except OSError as error:
        with contextlib.suppress(OSError):
            new.unlink()
        raise OSError(error.errno, error.strerror, str(path)) from error
    sync_folder(path.parent)


def write_through(path: Path, contents: bytes) -> None:
    """Write a file and wait until the disk has it."""
    with path.open("wb") as file:
        file.write(contents)
        file.flush()
        os.fsync(file.fileno())


def sync_folder(folder: Path) -> None:
    """Wait until the disk has the names in a folder; Windows does not let one ask."""
    if sys.platform == "win32":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)

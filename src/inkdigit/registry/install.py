"""A model folder becomes a version: copied whole into the home folder, or not at all."""

import logging
import os
import shutil
from pathlib import Path

from inkdigit.errors import ModelError
from inkdigit.recognizer import shipped_models
from inkdigit.registry.contents import SUMS, Contents, check_contents, read_folder
from inkdigit.registry.disk import locked, sync_folder, write_through
from inkdigit.registry.folders import model_folders
from inkdigit.registry.trial import try_apart, verify

_log = logging.getLogger(__name__)


def install(folder: Path, home: Path) -> Path:
    """Copy a model folder into the home folder, under the version that its card names; it is not promoted.

    What is there already and whole is left as it is, and files of it that are damaged are replaced. A crash leaves no
    half of it.

    Returns:
        The folder of the version.

    Raises:
        ModelError: the model is not whole, or another one is there under its name.
    """
    contents = read_folder(folder)
    return put(check_contents(contents, folder), contents, home, folder)


def put(version: str, contents: Contents, home: Path, source: Path, *, foreign: bool = False) -> Path:
    """Make the folder of a version from the contents of its files, once it has been tried out.

    Args:
        version: its name.
        contents: its files, of which the digests have been checked.
        home: folder to put it in.
        source: where it comes from, for errors.
        foreign: whether its Keras file is to be looked through as well.

    Raises:
        ModelError: the model is refused, or another one is there under its name.
    """
    with locked(home):
        taken = _taken(version, home)
        if taken is not None and _is_there(taken, contents):
            return taken
        unfinished = home / f".{version}.unfinished"  # what a crash left is in the way of nobody, and goes now
        shutil.rmtree(unfinished, ignore_errors=True)
        try:
            _write(unfinished, contents)
            _try_out(unfinished, foreign and "model.keras" in contents)
            if taken is None:
                unfinished.rename(home / version)
            else:
                _mend(taken, unfinished, contents)
        except ModelError as error:
            raise ModelError(str(error).replace(str(unfinished), str(source))) from error
        finally:
            shutil.rmtree(unfinished, ignore_errors=True)
        sync_folder(home)
    return taken or home / version


def _write(folder: Path, contents: Contents) -> None:
    folder.mkdir()
    for name, file in contents.items():
        write_through(folder / name, file)
    sync_folder(folder)


def _try_out(folder: Path, with_keras: bool) -> None:
    verify(folder)
    if with_keras and not try_apart("keras", folder / "model.keras"):
        _log.warning("its model.keras was looked through and not opened, for Keras is not installed")


def _taken(version: str, home: Path) -> Path | None:
    """The version of that name, as file systems see it that do not tell capitals from small letters."""
    there = [folder for place in (shipped_models(), home) for folder in model_folders(place)]
    if os.path.lexists(home / version):
        there.append(home / version)  # one that lost its digests, or is none
    return next((folder for folder in there if folder.name.casefold() == version.casefold()), None)


def _is_there(folder: Path, contents: Contents) -> bool:
    """Whether this version is there and whole, not damaged.

    Raises:
        ModelError: another version is there, or the damaged one came with the program.
    """
    whole = _is_whole(folder)
    telling = [SUMS] if whole else [SUMS, "card.json"]  # of a damaged one, either may be what is damaged
    if not any(_holds(folder / name, contents[name]) for name in telling):
        raise ModelError(f"another version {folder.name} is at {folder}; give the new one a name of its own")
    if not whole and folder.parent == shipped_models():
        raise ModelError(f"{folder} is damaged, and came with the program; install inkdigit again")
    return whole


def _is_whole(folder: Path) -> bool:
    try:
        check_contents(read_folder(folder), folder)
    except ModelError:
        return False
    return True


def _holds(path: Path, contents: bytes) -> bool:
    try:
        return path.read_bytes() == contents
    except OSError:
        return False


def _mend(folder: Path, whole: Path, contents: Contents) -> None:
    """Put the files of a version in the place of those that differ, each at once; whatever else lies there stays."""
    for name, file in contents.items():
        if not _holds(folder / name, file):
            (whole / name).replace(folder / name)
    sync_folder(folder)

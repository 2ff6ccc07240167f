"""A model folder becomes a version: copied whole into the home folder, or not at all."""

import shutil
from pathlib import Path

from inkdigit.errors import ModelError
from inkdigit.recognizer import shipped_models
from inkdigit.registry.disk import locked, sync_folder, write_through
from inkdigit.registry.folders import model_folders, version_of
from inkdigit.registry.versions import verify


def install(folder: Path, home: Path) -> Path:
    """Copy a model folder into the home folder, under the version that its card names; it is not promoted.

    What is there already with the same digests is left as it is. A crash leaves no half of it.

    Raises:
        ModelError: the model is not whole, or another one is there under its name.
    """
    verify(folder)
    contents = {name: (folder / name).read_bytes() for name in [*_sealed_names(folder), "SHA256SUMS"]}
    return put(version_of(folder), contents, home)


def put(name: str, contents: dict[str, bytes], home: Path) -> Path:
    """Make the folder of a version from the contents of its files.

    Raises:
        ModelError: the model is not whole, or another one is there under its name.
    """
    with locked(home):
        if (taken := _taken(name, home)) is not None:
            return _same(taken, contents)
        unfinished = home / f".{name}.unfinished"
        shutil.rmtree(unfinished, ignore_errors=True)
        unfinished.mkdir()
        try:
            for file, written in contents.items():
                write_through(unfinished / file, written)
            verify(unfinished)
            sync_folder(unfinished)
            folder = unfinished.rename(home / name)
        except BaseException:
            shutil.rmtree(unfinished, ignore_errors=True)
            raise
        sync_folder(home)
        return folder


def _sealed_names(folder: Path) -> list[str]:
    return [line.split(maxsplit=1)[1] for line in (folder / "SHA256SUMS").read_text("utf-8").splitlines() if line]


def _taken(name: str, home: Path) -> Path | None:
    """The version of that name, as file systems see it that do not tell capitals from small letters."""
    there = [folder for place in (shipped_models(), home) for folder in model_folders(place)]
    return next((folder for folder in there if folder.name.casefold() == name.casefold()), None)


def _same(folder: Path, contents: dict[str, bytes]) -> Path:
    if (folder / "SHA256SUMS").read_bytes() != contents["SHA256SUMS"]:
        raise ModelError(f"another version {folder.name} is at {folder}; give the new one a name of its own")
    return folder

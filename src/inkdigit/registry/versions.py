"""Which versions there are."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from inkdigit.reader import POINTER
from inkdigit.recognizer import find_model, shipped_models
from inkdigit.registry.folders import model_folders, read_card, reads_lines
from inkdigit.registry.pointer import current


@dataclass(frozen=True, slots=True)
class Version:
    """A model version.

    Attributes:
        name: of the version, and of its folder.
        path: of its folder.
        current: whether it is the one that is loaded where none is named.
        card: what its card.json says; empty where that cannot be read, and `verify` then says why.
    """

    name: str
    path: Path
    current: bool
    card: Mapping[str, Any] = field(default_factory=dict)

    @property
    def reads_lines(self) -> bool:
        """Whether it is a reader of whole numbers, not a model of single digits."""
        return reads_lines(self.card)


def list_versions(home: Path | None = None) -> list[Version]:
    """All versions, sorted by name; a shipped one hides one of the same name in `home`, as loading does.

    Args:
        home: folder that holds further versions, one folder each; it need not exist.

    >>> any(version.current for version in list_versions())
    True
    """
    now = _current_ones(home)
    places = [shipped_models()] if home is None else [home, shipped_models()]
    folders = {folder.name: folder for place in places for folder in model_folders(place)}
    return [Version(name, folder, folder in now, read_card(folder)) for name, folder in sorted(folders.items())]


def get_version(model: str | Path | None = None, home: Path | None = None) -> Version:
    """The version of a name, in a folder, or the current one where `model` is None.

    Raises:
        ModelError: there is none.
    """
    folder = current(home) if model is None else find_model(model, home)
    return Version(folder.resolve().name, folder, folder in _current_ones(home), read_card(folder))


def _current_ones(home: Path | None) -> list[Path]:
    """The model of digits and the reader, if one is there, that are loaded where none is named."""
    return [current(home), *([current(home, POINTER)] if (shipped_models() / POINTER).is_file() else [])]

"""Model versions on disk: which there are, which one is current, and whether their files are whole.

A version is a model folder, and the folder's name is the version's. The shipped ones lie in the package,
further ones in a home folder.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from inkdigit.errors import ModelError
from inkdigit.recognizer import find_model, shipped_models, verify_model_folder

_MEASURED = {"held_out": "MNIST, held out of training", "test": "MNIST test"}
_PAGE = Path(__file__).with_name("model_card.md")


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


def list_versions(home: Path | None = None) -> list[Version]:
    """All versions, sorted by name; a shipped one hides one of the same name in `home`, as loading does.

    Args:
        home: folder that holds further versions, one folder each; it need not exist.

    >>> any(version.current for version in list_versions())
    True
    """
    current = find_model(None)
    places = [shipped_models()] if home is None else [home, shipped_models()]
    folders = {folder.name: folder for place in places for folder in _model_folders(place)}
    return [Version(name, folder, folder == current, _read_card(folder)) for name, folder in sorted(folders.items())]


def get_version(model: str | Path | None = None, home: Path | None = None) -> Version:
    """The version of a name, in a folder, or the current one where `model` is None.

    Raises:
        ModelError: there is none.
    """
    folder = find_model(model, home)
    return Version(folder.resolve().name, folder, folder == find_model(None), _read_card(folder))


def verify(path: Path) -> None:
    """Check every file of a model folder against its digests, load the model and ask it its canary.

    Raises:
        ModelError: a file is missing or changed, or the model does not answer as its card says.
    """
    verify_model_folder(path)


def card_as_markdown(card: Mapping[str, Any]) -> str:
    """A card as a page to read.

    Raises:
        ModelError: the card leaves out something that training writes.
    """
    try:
        return _PAGE.read_text("utf-8").format(
            **card,
            parameters=card["network"]["parameters"],
            figures="\n".join(_figures(name, card["metrics"][key]) for key, name in _MEASURED.items()),
            used=", ".join(f"{library} {version}" for library, version in card["libraries"].items()),
            difference=max(card["agreement"]["batch_of_1"], card["agreement"]["batch_of_n"]),
            digests="\n".join(f"| {name} | `{digest}` |" for name, digest in card["data"]["sha256"].items()),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise ModelError(f"the card is incomplete or damaged at {error}; run `inkdigit models verify`") from error


def _figures(name: str, found: Mapping[str, Any]) -> str:
    accuracy = f"{found['accuracy']:.2%} | {found['errors']}"
    return f"| {name} | {found['n']:,} | {accuracy} | {found['nll']:.4f} | {found['ece']:.2%} |"


def _model_folders(place: Path) -> list[Path]:
    # A name with a dot before it is a folder that training has not finished.
    return [entry.parent for entry in place.glob("*/SHA256SUMS") if not entry.parent.name.startswith(".")]


def _read_card(folder: Path) -> Mapping[str, Any]:
    try:
        card = json.loads((folder / "card.json").read_bytes())
    except (OSError, ValueError):
        return {}
    return card if isinstance(card, dict) else {}

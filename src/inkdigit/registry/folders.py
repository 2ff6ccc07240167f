"""Where versions lie, what they may be called, and what their cards say."""

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from inkdigit.errors import ConfigError, ModelError
from inkdigit.recognizer import shipped_models

_NAME: Final = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]{0,62}[A-Za-z0-9_-])?", re.ASCII)
# A folder of such a name would hide a pointer file, or cannot be made on Windows.
_TAKEN: Final = re.compile(r"current(?:-reader)?|(?:con|prn|aux|nul|com\d|lpt\d)(?:\..*)?", re.IGNORECASE)
MAX_CARD_BYTES: Final = 2**20


def is_version_name(name: str) -> bool:
    """Whether a version may be called so: letters, digits, dots, underscores and hyphens, and nothing of a path.

    >>> is_version_name("digits-8"), is_version_name("../digits-8"), is_version_name(".hidden"), is_version_name("NUL")
    (True, False, False, False)
    """
    return bool(_NAME.fullmatch(name)) and not _TAKEN.fullmatch(name)


def find_version(name: str, home: Path | None) -> Path | None:
    """The folder of a version; None if there is none of that name, or it is no name of one."""
    if not is_version_name(name):
        return None
    places = [place for place in (shipped_models(), home) if place is not None]
    return next((place / name for place in places if (place / name / "SHA256SUMS").is_file()), None)


def require_free(name: str, home: Path | None) -> None:
    """Refuse a name that a new version cannot have.

    Raises:
        ConfigError: it is no name of a version, or there is one of that name.
    """
    if _TAKEN.fullmatch(name):
        raise ConfigError(f"{name!r} cannot name a version: Windows or Inkdigit reserves that name; choose another")
    if not is_version_name(name):
        raise ConfigError(f"{name!r} is no name of a version; use letters, digits, dots and hyphens")
    if find_version(name, home) is not None:
        raise ConfigError(f"there is a version {name} already; give another name with --out")


def model_folders(place: Path) -> list[Path]:
    """The model folders in a folder."""
    # A name with a dot before it is a folder that is not finished.
    return [entry.parent for entry in place.glob("*/SHA256SUMS") if not entry.parent.name.startswith(".")]


def read_card(folder: Path) -> Mapping[str, Any]:
    """What the card of a model folder says; empty where it cannot be read, and `verify` then says why."""
    try:
        with (folder / "card.json").open("rb") as file:
            card = json.loads(file.read(MAX_CARD_BYTES))
    except (OSError, ValueError, RecursionError):  # the last for brackets in brackets in brackets
        return {}
    return card if isinstance(card, dict) else {}


def version_of(folder: Path) -> str:
    """The version that the card of a model folder names.

    Raises:
        ModelError: it cannot be read, or what it names is no name of a version.
    """
    name = read_card(folder).get("version")
    if not isinstance(name, str) or not is_version_name(name):
        raise ModelError(f"{folder / 'card.json'} is missing or damaged, or names no version")
    return name


def reads_lines(card: Mapping[str, Any]) -> bool:
    """Whether a card is of a reader of whole numbers, not of a model of single digits."""
    return card.get("kind") == "reader"

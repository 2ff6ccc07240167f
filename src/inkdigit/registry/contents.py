"""The files of a version, read whole into memory and checked there, wherever they come from."""

import hashlib
import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from inkdigit.errors import ModelError
from inkdigit.recognizer import MAX_MODEL_BYTES
from inkdigit.registry.folders import MAX_CARD_BYTES, is_version_name

MAX_FILES: Final = 32
MAX_BYTES: Final = 2 * MAX_MODEL_BYTES  # of all files together
SUMS: Final = "SHA256SUMS"

_FILE_NAME: Final = re.compile(
    r"SHA256SUMS|[A-Za-z0-9][A-Za-z0-9_-]{0,63}\.(?:json|onnx|bin|keras|html|md|txt|csv|png)", re.ASCII
)

Contents = Mapping[str, bytes]
"""The files of a version by name."""


def is_file_name(name: str) -> bool:
    """Whether a version may hold a file of that name: no path, nothing hidden, nothing that runs or is unpickled.

    >>> is_file_name("card.json"), is_file_name("../card.json"), is_file_name("model.h5"), is_file_name("run.py")
    (True, False, False, False)
    """
    return bool(_FILE_NAME.fullmatch(name))


def read_folder(folder: Path) -> Contents:
    """The files of a model folder that its digests name.

    Raises:
        ModelError: one cannot be read, or they are too many or too large.
    """
    sums = _read(folder / SUMS, MAX_CARD_BYTES)
    contents = {SUMS: sums}
    for name in read_digests(sums, folder):
        contents[name] = _read(folder / name, MAX_BYTES - sum(map(len, contents.values())))
    return contents


def check_contents(contents: Contents, where: Path) -> str:
    """Compare files with their digests, and return the version that the card among them names.

    Raises:
        ModelError: a file differs from its digest, has none or is missing, or the card is not one.
    """
    digests = read_digests(contents.get(SUMS, b""), where)
    if set(digests) != set(contents) - {SUMS} or not {"card.json", "model.onnx"} <= set(digests):
        raise ModelError(f"{where} does not hold the files of a version, or others that have no digest")
    for name, digest in digests.items():
        if hashlib.sha256(contents[name]).hexdigest() != digest:
            raise ModelError(f"{name} of {where} differs from its digest in {SUMS}: it is damaged or was changed")
    return _version(contents["card.json"], where)


def read_digests(sums: bytes, where: Path) -> dict[str, str]:
    """The digests of a version's files by name.

    Raises:
        ModelError: the list of them is damaged, or names what is no file of a version.
    """
    pairs = [line.split(maxsplit=1) for line in sums.decode(errors="replace").splitlines() if line.strip()]
    if not 0 < len(pairs) <= MAX_FILES or any(len(pair) != 2 for pair in pairs):
        raise ModelError(f"{SUMS} of {where} is missing or damaged")
    for _, name in pairs:
        if not is_file_name(name) or name == SUMS:
            raise ModelError(f"{SUMS} of {where} names {name!r}, which is no file that a version may hold")
    return {name: digest for digest, name in pairs}


def _read(path: Path, limit: int) -> bytes:
    try:
        with path.open("rb") as file:
            contents = file.read(limit + 1)
    except OSError as error:
        raise ModelError(f"{path} cannot be read: {error.strerror}") from error
    if len(contents) > limit:
        raise ModelError(f"{path} is too large")
    return contents


def _version(card: bytes, where: Path) -> str:
    try:
        name = json.loads(card[:MAX_CARD_BYTES])["version"]
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise ModelError(f"card.json of {where} is not a model card of this program") from error
    if not isinstance(name, str) or not is_version_name(name):
        raise ModelError(f"card.json of {where} names a version {name!r}, and none may be called so")
    return name

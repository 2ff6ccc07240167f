"""Many files -> rows: finds the pictures, reads them in chunks, and tells what each holds or why it cannot be read."""

import errno
import os
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

from inkdigit.drawing import Sheet, as_png, square_of, whole_of
from inkdigit.errors import (
    BlankImageError,
    ImageError,
    ImageTooLargeError,
    UnreadableImageError,
    UnsupportedFormatError,
)
from inkdigit.image import MAX_IMAGE_BYTES, Polarity, read_picture
from inkdigit.preprocess import Normalized, normalize
from inkdigit.recognizer import Prediction, Recognizer
from inkdigit.share import is_shared, open_sheet
from inkdigit.table import in_letters

SUFFIXES = (".png", ".jpg", ".jpeg", ".webp")
OTHER_SUFFIXES = (".pdf", ".tif", ".tiff", ".heic", ".heif", ".avif", ".jp2", ".jxl", ".bmp", ".gif")  # of scans, too
CHUNK = 64  # pictures per call of the model: enough for full speed, few enough that the first answers come at once
STDIN = "-"
PROBABILITIES = tuple(f"p{digit}" for digit in range(10))  # columns of a table
COLUMNS = (
    *("file", "label", "confidence", "is_digit", "not_digit", "accepted", "model", "polarity"),
    *PROBABILITIES,
    *("error", "detail"),
)
UNACCEPTED = "?"  # stands for the digit in plain text where the answer is not accepted

ERROR_TYPES: dict[type[ImageError], str] = {
    BlankImageError: "blank-image",
    ImageTooLargeError: "image-too-large",
    UnreadableImageError: "unreadable-image",
    UnsupportedFormatError: "unsupported-format",
}
"""The names that the HTTP API gives to what can be wrong with a picture."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What a picture holds.

    Attributes:
        prediction: what it was read as.
        accepted: whether that counts: a digit, and sure enough for whoever asked.
        model: the version that said so.
        image: what the model saw.
        polarity: how the ink stood on the paper.
    """

    prediction: Prediction
    accepted: bool
    model: str
    image: Normalized
    polarity: Polarity

    @property
    def text(self) -> str:
        """The digit, or a question mark where the answer is not accepted."""
        return str(self.prediction.label) if self.accepted else UNACCEPTED

    @property
    def confidence(self) -> float:
        """That the digit is right, in [0, 1]."""
        return self.prediction.confidence


@dataclass(frozen=True, slots=True)
class Row:
    """What became of one input: an answer, or the error that kept it from being read."""

    file: str
    result: Answer | ImageError

    def record(self) -> dict[str, Any]:
        """The row in the field names of the HTTP API, ready for JSON."""
        if isinstance(self.result, ImageError):
            kind = ERROR_TYPES.get(type(self.result), "unreadable-image")
            return {"file": in_letters(self.file), "error": {"type": kind, "detail": str(self.result)}}
        found = self.result.prediction
        return {
            "file": in_letters(self.file),
            "label": found.label,
            "confidence": found.confidence,
            "is_digit": found.is_digit,
            "not_digit": found.not_digit,
            "accepted": self.result.accepted,
            "probabilities": list(found.probabilities),
            "model": self.result.model,
            "polarity": self.result.polarity,
        }

    def cells(self) -> dict[str, Any]:
        """The row by the names of `COLUMNS`: an error in two cells, each probability in its own."""
        cells = self.record()
        cells |= dict(zip(PROBABILITIES, cells.pop("probabilities", ()), strict=False))
        error = cells.pop("error", None)
        return cells if error is None else cells | {"error": error["type"], "detail": error["detail"]}


def find_pictures(files: Iterable[str]) -> Iterator[str]:
    """The files as given, and in place of each folder the pictures in it and its subfolders, sorted by name.

    Names that begin with a dot are left out there, and what lies in folders of such a name.

    A folder without pictures stays, and so does one that cannot be looked through: reading it says what is wrong.
    """
    for file in files:
        if is_folder(file):
            yield from _pictures_in(Path(file)) or [file]
        else:
            yield file


def passed_over(files: Iterable[str]) -> dict[str, int]:
    """How many scans and photos of kinds that are not read lie in the folders among some files, by their endings."""
    found = (path for file in files if is_folder(file) for path in _files_in(Path(file)))
    suffixes = (Path(path).suffix.lower() for path in found)
    return dict(sorted(Counter(suffix for suffix in suffixes if suffix in OTHER_SUFFIXES).items()))


def is_folder(file: str) -> bool:
    """Whether an input is a folder; what cannot be looked at is none, and reading it says why."""
    try:
        return file not in {STDIN, ""} and Path(file).is_dir()  # an empty name, as of an unset variable, is no folder
    except OSError:
        return False


def is_drawing(file: str) -> bool:
    """Whether an input is a shared drawing, as its link or its code, and not the name of a file."""
    if not is_shared(file):
        return False
    try:
        return not Path(file).exists()
    except (OSError, ValueError):  # too long for a name, or not of a name's letters
        return True


def is_accepted(prediction: Prediction, min_confidence: float) -> bool:
    """Whether an answer counts: the model takes the ink for a digit, and is at least so sure (in [0, 1]) which one."""
    return prediction.is_digit and prediction.confidence >= min_confidence


def predict_files(files: Iterable[str], load: Callable[[], Recognizer], min_confidence: float = 0.0) -> Iterator[Row]:
    """Read pictures in chunks: a row for each, in order; one that cannot be read does not stop the others.

    Args:
        files: paths, "-" for standard input, or links and codes of shared drawings; each is read before the next is
            asked for.
        load: gives the recognizer, each time the same. The first readable picture asks for it first, so that a mistyped
            name is told at once.
        min_confidence: in [0, 1]; an answer below it is not accepted.
    """
    remaining = iter(files)
    while chunk := [(file, _read(file)) for file in islice(remaining, CHUNK)]:
        yield from _predict_chunk(chunk, load, min_confidence)


@dataclass(frozen=True, slots=True)
class _Frame:
    """A picture as the network takes it."""

    image: Normalized
    polarity: Polarity


def _predict_chunk(
    reads: Sequence[tuple[str, _Frame | ImageError]], load: Callable[[], Recognizer], min_confidence: float
) -> Iterator[Row]:
    images = [frame.image for _, frame in reads if isinstance(frame, _Frame)]
    predictions = iter(load().predict(np.stack(images)) if images else [])
    for file, frame in reads:
        if isinstance(frame, _Frame):
            found = next(predictions)
            accepted = is_accepted(found, min_confidence)
            yield Row(file, Answer(found, accepted, load().version, frame.image, frame.polarity))
        else:
            yield Row(file, frame)


def _read(file: str) -> _Frame | ImageError:
    try:
        picture = read_picture(_picture_of(file))
        return _Frame(normalize(picture.ink), picture.polarity)
    except ImageError as error:
        return error


def _picture_of(file: str) -> bytes:
    return picture_of_digit(open_sheet(file)) if is_drawing(file) else read_bytes(file, MAX_IMAGE_BYTES)


def picture_of_digit(sheet: Sheet) -> bytes:
    """The PNG that the page posts to have a drawing read as one digit."""
    return as_png(sheet.strokes, square_of(sheet.strokes, sheet.paper))


def picture_of_number(sheet: Sheet) -> bytes:
    """The PNG that the page posts to have a drawing read as a number."""
    return as_png(sheet.strokes, whole_of(sheet.paper))


def read_bytes(file: str, limit: int) -> bytes:
    """The contents of a file, or of standard input for "-"; one byte over the limit tells that there is more.

    Raises:
        UnreadableImageError: there is nothing to read; the text says why.
    """
    if file == STDIN:
        return _read_stdin(limit)
    if not file:
        raise UnreadableImageError("the file name is empty; name a picture, a folder, or - for standard input")
    if is_folder(file):
        raise UnreadableImageError(_wrong_with_folder(file))
    try:
        if _would_wait(Path(file)):
            raise UnreadableImageError("this is no regular file")
        with Path(file).open("rb") as stream:
            return stream.read(limit + 1)
    except FileNotFoundError as error:
        raise UnreadableImageError("no such file or folder; check the name") from error
    except OSError as error:
        raise UnreadableImageError(f"cannot be opened: {error.strerror}; check {_to_check(error)}") from error


def _would_wait(path: Path) -> bool:
    """Whether it is a pipe or the like with the name of a picture; what the shell makes of <(...) has no such name."""
    return path.suffix.lower() in SUFFIXES and path.exists() and not path.is_file()


def _to_check(error: OSError) -> str:
    if isinstance(error, PermissionError):
        return "its permissions"
    return "the name" if error.errno in {errno.ENAMETOOLONG, errno.ENOTDIR, errno.ELOOP} else "the disk"


def _wrong_with_folder(folder: str) -> str:
    try:
        with os.scandir(folder):
            return f"the folder holds no picture; their names end in {', '.join(SUFFIXES)}"
    except OSError as error:
        return f"the folder cannot be looked through: {error.strerror}; check {_to_check(error)}"


def _read_stdin(limit: int) -> bytes:
    if sys.stdin is None:  # the shell's <&- closes it
        raise UnreadableImageError("standard input is closed; send a picture to it")
    return sys.stdin.buffer.read(limit + 1)


def _pictures_in(folder: Path) -> list[str]:
    """The pictures in a folder and its subfolders, and those of the folders that cannot be looked through."""
    unread: list[str] = []
    found = _files_in(folder, lambda error: unread.append(str(Path(error.filename))))
    return sorted([path for path in found if path.lower().endswith(SUFFIXES)] + unread)


def _files_in(folder: Path, onerror: Callable[[OSError], None] | None = None) -> Iterator[str]:
    """What is in a folder and its subfolders and not hidden by a dot before its name."""
    for within, folders, names in os.walk(folder, onerror=onerror):
        folders[:] = [name for name in folders if not is_hidden(name)]
        yield from (str(Path(within, name)) for name in names if not is_hidden(name))


def is_hidden(name: str) -> bool:
    """Whether a file or a folder is none that people see: `._scan.png`, say, which macOS puts beside scan.png."""
    return name.startswith(".")

"""Many pictures of paper -> rows: the numbers on each, or why it cannot be read, and both as records.

A shared drawing is answered as the page does it: what can only be one digit by the digit model, else by the reader.

The records are what the HTTP API answers and the command line prints: they are made here, once.
"""

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from typing import Any, Protocol

from inkdigit.batch import ERROR_TYPES, UNACCEPTED, Row, is_drawing, picture_of_number, predict_files, read_bytes
from inkdigit.drawing import is_one_digit
from inkdigit.errors import ImageError, NoReadingError, ShareError
from inkdigit.expect import Expectation
from inkdigit.image import Page, read_page
from inkdigit.number import Box, Character, Number
from inkdigit.recognizer import Recognizer
from inkdigit.share import open_sheet
from inkdigit.structure import PAGE_LIMITS
from inkdigit.table import in_letters

COLUMNS = ("file", "text", "confidence", "doubt", "count", "model", "error", "detail")
"""Of a table with a row for each picture."""

PageError = ImageError | NoReadingError
"""What can be wrong with one picture while the others are well."""


class NumberReader(Protocol):
    """What reading pages needs of a reader; `inkdigit.Reader` is one."""

    @property
    def version(self) -> str:
        """The model's name."""

    def read(self, page: Page, expect: Expectation | None = None) -> list[Number]:
        """Read the numbers on (H, W) uint8, dark ink on light paper."""


@dataclass(frozen=True, slots=True)
class Reading:
    """What a picture holds.

    Attributes:
        page: (H, W) uint8, as the reader saw it.
        numbers: in reading order; none where it shows none.
        model: the version that read them.
        accepted: whether that counts: the text as a whole is sure enough for whoever asked.
    """

    page: Page
    numbers: tuple[Number, ...]
    model: str
    accepted: bool = True

    @property
    def text(self) -> str:
        """The numbers with spaces between, or a question mark where they are not accepted."""
        return " ".join(number.text for number in self.numbers) if self.accepted else UNACCEPTED

    @property
    def confidence(self) -> float:
        """The probability that the whole text is right, in [0, 1]; 1 where there is no number."""
        return math.prod(number.confidence for number in self.numbers)

    @property
    def doubt(self) -> str:
        """The text with a question mark for each doubtful character; "" where none is."""
        marked = " ".join(doubt_of(number) or number.text for number in self.numbers)
        return "" if marked == " ".join(number.text for number in self.numbers) else marked


@dataclass(frozen=True, slots=True)
class PageRow:
    """What became of one input: a reading, or the error that kept it from being read."""

    file: str
    result: Reading | PageError

    def record(self) -> dict[str, Any]:
        """The row in the field names of the HTTP API, ready for JSON."""
        if isinstance(self.result, Reading):
            return {"file": in_letters(self.file), **reading_record(self.result.numbers, self.result.model)}
        return {"file": in_letters(self.file), "error": error_record(self.result)}

    def cells(self) -> dict[str, Any]:
        """The row by the names of `COLUMNS`; several numbers have spaces between."""
        if not isinstance(self.result, Reading):
            error = error_record(self.result)
            return {"file": in_letters(self.file), "error": error["type"], "detail": error["detail"]}
        found = self.result
        return {
            "file": in_letters(self.file),
            "text": found.text,
            "confidence": found.confidence if found.numbers else None,
            "doubt": found.doubt,
            "count": len(found.numbers),
            "model": found.model,
        }


def read_files(
    files: Iterable[str], load: Callable[[], NumberReader], expect: Expectation | None = None
) -> Iterator[PageRow]:
    """Read pictures of paper: a row for each, in order; one that cannot be read does not stop the others.

    Args:
        files: paths, "-" for standard input, or links and codes of shared drawings.
        load: gives the reader, each time the same. The first readable picture asks for it first, so that a mistyped
            name is told at once.
        expect: what every number must satisfy.
    """
    for file in files:
        yield PageRow(file, _read(file, load, expect))


def answer_files(
    files: Iterable[str],
    load: Callable[[], Recognizer],
    load_reader: Callable[[], NumberReader],
    min_confidence: float = 0.0,
) -> Iterator[Row | PageRow]:
    """Read the digit on each picture, and on a shared drawing whatever the page would read: a row for each, in order.

    Args:
        files: paths, "-" for standard input, or links and codes of shared drawings.
        load: gives the recognizer, each time the same.
        load_reader: gives the reader, each time the same; only a drawing of perhaps several digits asks for it.
        min_confidence: in [0, 1]; an answer below it is not accepted.
    """
    for is_wide, group in groupby(files, _may_be_a_number):
        if is_wide:
            for file in group:
                number = _read_as_number(file, load_reader, min_confidence)
                yield number or next(predict_files([file], load, min_confidence))
        else:
            yield from predict_files(group, load, min_confidence)


def _may_be_a_number(file: str) -> bool:
    try:
        return is_drawing(file) and not is_one_digit(open_sheet(file).strokes)
    except ShareError:  # reading it says what is wrong
        return False


def _read_as_number(file: str, load: Callable[[], NumberReader], min_confidence: float) -> PageRow | None:
    """What the reader makes of a drawing; None where it finds fewer than two characters."""
    reading = _read(file, load, None)
    if isinstance(reading, Reading) and sum(len(number.characters) for number in reading.numbers) > 1:
        return PageRow(file, replace(reading, accepted=reading.confidence >= min_confidence))
    return None


def _read(file: str, load: Callable[[], NumberReader], expect: Expectation | None) -> Reading | PageError:
    try:
        page = read_page_file(file)
        return Reading(page, tuple(load().read(page, expect)), load().version)
    except (ImageError, NoReadingError) as error:
        return error


def read_page_file(file: str) -> Page:
    """Read the picture of a file, of standard input for "-", or of a shared drawing for its link or code.

    Raises:
        ImageError: there is no such file, or it is no picture that can be read.
    """
    picture = picture_of_number(open_sheet(file)) if is_drawing(file) else read_bytes(file, PAGE_LIMITS.bytes)
    return read_page(picture)


def reading_record(numbers: Sequence[Number], model: str) -> dict[str, Any]:
    """What a picture holds, in the field names of the HTTP API."""
    return {"numbers": [number_record(number) for number in numbers], "model": model}


def number_record(number: Number) -> dict[str, Any]:
    """A number in the field names of the HTTP API."""
    return {
        "text": number.text,
        "value": number.value,
        "confidence": number.confidence,
        "box": _corner_and_size(number.box),
        "digits": [_character_record(character) for character in number.characters],
    }


def number_cells(number: Number) -> dict[str, Any]:
    """A number as the cells of a table's row."""
    box = number.box
    place = {"x": box.x, "y": box.y, "width": box.width, "height": box.height}
    return {
        "text": number.text,
        "value": number.value,
        "confidence": number.confidence,
        "doubt": doubt_of(number),
    } | place


def error_record(error: PageError) -> dict[str, str]:
    """What is wrong with a picture, in the words of the HTTP API."""
    kind = "no-reading" if isinstance(error, NoReadingError) else ERROR_TYPES.get(type(error), "unreadable-image")
    return {"type": kind, "detail": str(error)}


def doubt_of(number: Number) -> str:
    """The text with a question mark in place of each doubtful character; "" where none is.

    >>> from inkdigit.number import Box, Character, Number
    >>> box = Box(0, 0, 1, 1)
    >>> four, zero = Character("4", 0.99, box), Character("0", 0.6, box)
    >>> doubt_of(Number("40", 0.6, box, (four, zero))), doubt_of(Number("4", 0.99, box, (four,)))
    ('4?', '')
    """
    marked = "".join("?" if character.doubtful else character.label for character in number.characters)
    return "" if marked == number.text else marked


def _character_record(character: Character) -> dict[str, Any]:
    repaired = character.repaired_from
    return {
        "label": _label(character.label),
        "confidence": character.confidence,
        "box": _corner_and_size(character.box),
        "doubtful": character.doubtful,
        "alternatives": [
            {"label": _label(alternative.label), "confidence": alternative.confidence}
            for alternative in character.alternatives
        ],
    } | ({} if repaired is None else {"repaired_from": _label(repaired)})


def _label(label: str) -> int | str:
    """A digit as a number, a sign as text."""
    return int(label) if label.isdecimal() else label


def _corner_and_size(box: Box) -> list[int]:
    return [box.x, box.y, box.width, box.height]

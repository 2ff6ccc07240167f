"""Templates of forms: named boxes on a page, each read by itself and as its own expectation says.

A template is a TOML file:

    size = [1654, 2339]             # of the form, in the pixels that the boxes are given in

    [fields.account]
    box = [820, 300, 600, 90]       # left, top, width, height
    expect = "length=10; check=luhn"

    [fields.amount]
    box = [820, 420, 400, 90]

Without `size` the boxes are shares of the page, from 0 to 1.
"""

import math
import re
import tomllib
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final, Self

from inkdigit.comb import closed_up
from inkdigit.errors import BlankImageError, ConfigError, ImageError, NoReadingError
from inkdigit.expect import Expectation
from inkdigit.image import Page
from inkdigit.layout import Straight, straightened
from inkdigit.number import Box, Number
from inkdigit.pages import NumberReader, PageError, doubt_of, error_record, number_record, read_page_file
from inkdigit.table import in_letters

MAX_TEMPLATE_BYTES: Final = 2**20
MAX_FIELDS: Final = 500
MAX_BOXES: Final = 100  # side by side in one field
ROUNDING: Final = 1e-9  # of the page, by which a sum such as 0.7 + 0.3 may be off
MAX_STRETCH: Final = 1.1  # times the form's proportions that a scan's may differ by; A4 and US letter differ by 1.09

_NAME: Final = re.compile(r"\w[\w .-]{0,63}")
_TAKEN: Final = frozenset({"file", "model", "error", "detail"})  # columns of the table


class FormMismatchError(ImageError):
    """The picture has not the shape of the form."""


@dataclass(frozen=True, slots=True)
class Field:
    """One place of a form.

    Attributes:
        name: of its column.
        box: left, top, width and height as shares of the page, in [0, 1].
        expect: what a number there must satisfy; None for any number.
        boxes: how many printed boxes stand there side by side, each for one character; None for a place without.
    """

    name: str
    box: tuple[float, float, float, float]
    expect: Expectation | None = None
    boxes: int | None = None

    def place(self, page: Page) -> Box:
        """The place on a page of (H, W), in its pixels; at least one pixel each way."""
        height, width = page.shape
        x, y, share_x, share_y = self.box
        left, top = (min(round(at * size), size - 1) for at, size in ((x, width), (y, height)))
        right, bottom = round((x + share_x) * width), round((y + share_y) * height)
        return Box(left, top, max(right - left, 1), max(bottom - top, 1))


@dataclass(frozen=True, slots=True)
class Template:
    """A form.

    Attributes:
        fields: its places, each of another name.
        proportion: width by height of the form; None where the template does not say.
    """

    fields: tuple[Field, ...]
    proportion: float | None = None

    @classmethod
    def load(cls, path: str | Path) -> Self:
        """Read a template.

        Raises:
            ConfigError: it cannot be read, or holds what cannot be; the text says where.
        """
        text = template_text(path)
        try:
            return cls.parse(text)
        except ConfigError as error:
            raise ConfigError(f"the template {path}: {error}") from error

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read a template from the text of its file.

        Raises:
            ConfigError: as `load` does.

        >>> Template.parse("fields.year.box = [0.1, 0.1, 0.5, 0.2]").fields[0].name
        'year'
        """
        try:
            form = tomllib.loads(text)
        except (tomllib.TOMLDecodeError, RecursionError) as error:
            raise ConfigError(f"it is not valid TOML: {error}") from error
        _require_known(form, {"size", "fields"}, "the template")
        size = _numbers(form["size"], 2, "size") if "size" in form else None
        _require(size is None or min(size) > 0, f"size is {form.get('size')}; give width and height, both above 0")
        fields = form.get("fields")
        if not isinstance(fields, dict) or not 0 < len(fields) <= MAX_FIELDS:
            raise ConfigError(f"it needs 1 to {MAX_FIELDS} fields, each as a table such as [fields.amount]")
        scale = size or (1.0, 1.0)
        return cls(
            tuple(_field(name, field, scale) for name, field in fields.items()), size[0] / size[1] if size else None
        )


def template_text(path: str | Path) -> str:
    """The text of a template's file, without the mark that some editors begin UTF-8 with.

    Raises:
        ConfigError: it cannot be opened, is too long, or no UTF-8.
    """
    try:
        with Path(path).open("rb") as file:
            contents = file.read(MAX_TEMPLATE_BYTES + 1)
    except OSError as error:
        raise ConfigError(f"the template {path} cannot be opened: {error.strerror}") from error
    if len(contents) > MAX_TEMPLATE_BYTES:
        raise ConfigError(f"the template {path} has more than {MAX_TEMPLATE_BYTES:,} bytes")
    try:
        text = contents.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ConfigError(f"the template {path} is not in UTF-8; save it as UTF-8") from error
    if "\0" in text:  # UTF-16 without a mark decodes, too
        raise ConfigError(f"the template {path} is not in UTF-8, or is no text; save it as UTF-8")
    return text


@dataclass(frozen=True, slots=True)
class Entry:
    """What stands in one field of one scan.

    Attributes:
        name: of the field.
        box: where the field lies on the scan, in its pixels.
        numbers: what was read there, in pixels of the scan; none in an empty field.
        error: why what stands there could not be read, or None.
    """

    name: str
    box: Box
    numbers: tuple[Number, ...] = ()
    error: PageError | None = None

    @property
    def text(self) -> str:
        """The number; several with spaces between; "" for an empty field, or one that could not be read."""
        return " ".join(number.text for number in self.numbers)

    @property
    def confidence(self) -> float | None:
        """The probability that the whole text is right, in [0, 1]; None where there is none."""
        return math.prod(number.confidence for number in self.numbers) if self.numbers else None

    @property
    def doubt(self) -> str:
        """The text with a question mark in place of each doubtful character; "" where none is."""
        marked = " ".join(doubt_of(number) or number.text for number in self.numbers)
        return "" if marked == self.text else marked

    def record(self) -> dict[str, Any]:
        """The entry, ready for JSON."""
        found = {
            "text": self.text,
            "confidence": self.confidence,
            "numbers": [number_record(number) for number in self.numbers],
        }
        return found | ({} if self.error is None else {"error": error_record(self.error)})


@dataclass(frozen=True, slots=True)
class Form:
    """What was read on one scan.

    Attributes:
        page: (H, W) uint8, as the reader saw it.
        entries: one for each field of the template, in its order.
        model: the version that read them.
    """

    page: Page
    entries: tuple[Entry, ...]
    model: str


@dataclass(frozen=True, slots=True)
class FormRow:
    """What became of one scan: what was read on it, or the error that kept it from being read."""

    file: str
    result: Form | ImageError

    @property
    def errors(self) -> list[str]:
        """What went wrong, a line each."""
        if isinstance(self.result, ImageError):
            return [str(self.result)]
        return [f"{entry.name}: {entry.error}" for entry in self.result.entries if entry.error]

    def record(self) -> dict[str, Any]:
        """The row, ready for JSON."""
        if isinstance(self.result, ImageError):
            return {"file": in_letters(self.file), "error": error_record(self.result)}
        fields = {entry.name: entry.record() for entry in self.result.entries}
        return {"file": in_letters(self.file), "fields": fields, "model": self.result.model}

    def cells(self) -> dict[str, str | float | None]:
        """The row by the names of `columns`."""
        if isinstance(self.result, ImageError):
            error = error_record(self.result)
            return {"file": in_letters(self.file), "error": error["type"], "detail": error["detail"]}
        told: dict[str, str | float | None] = {"file": in_letters(self.file), "model": self.result.model}
        for entry in self.result.entries:
            error_text = "" if entry.error is None else str(entry.error)
            told |= dict(zip(_columns_of(entry.name), _values_of(entry, error_text), strict=True))
        return told


def columns(template: Template) -> list[str]:
    """The names of the columns of a template's table: the texts first, then what is to be known about each."""
    texts, abouts = [], []
    for field in template.fields:
        text, *about = _columns_of(field.name)
        texts.append(text)
        abouts += about
    return ["file", *texts, *abouts, "model", "error", "detail"]


def read_forms(files: Iterable[str], template: Template, load: Callable[[], NumberReader]) -> Iterator[FormRow]:
    """Read the same form from many scans: a row for each, in order, whatever goes wrong with one.

    Args:
        files: paths, or "-" for standard input.
        template: what stands where.
        load: gives the reader, each time the same.
    """
    for file in files:
        yield FormRow(file, _read(file, template, load))


def _read(file: str, template: Template, load: Callable[[], NumberReader]) -> Form | ImageError:
    try:
        page = read_page_file(file)
        return Form(page, read_form(page, template, load()), load().version)
    except ImageError as error:
        return error


def read_form(page: Page, template: Template, reader: NumberReader) -> tuple[Entry, ...]:
    """Read each field of a form.

    Args:
        page: (H, W) uint8, dark ink on light paper; the whole form, upright, with nothing round it. A crooked one is
            turned about its middle before its fields are cut.
        template: what stands where.
        reader: reads each place by itself.

    Returns:
        An entry for each field, boxes in pixels of the page as it came.

    Raises:
        FormMismatchError: the page has not the form's proportions.
    """
    _require_shape(page, template)
    straight = straightened(page)
    return tuple(_read_field(straight, field, reader) for field in template.fields)


def _require_shape(page: Page, template: Template) -> None:
    height, width = page.shape
    stretch = width / height / (template.proportion or width / height)
    if not 1 / MAX_STRETCH <= stretch <= MAX_STRETCH:
        raise FormMismatchError(
            f"the scan of {width}x{height} has not the form's proportions, {template.proportion:.3f} to 1; turn it "
            "upright, or cut it to the form"
        )


def _read_field(straight: Straight, field: Field, reader: NumberReader) -> Entry:
    cut = field.place(straight.page)
    box = straight.place(cut)
    page = straight.page[cut.y : cut.y + cut.height, cut.x : cut.x + cut.width]
    try:
        row = closed_up(page, field.boxes) if field.boxes else None
        numbers = reader.read(row.page if row else page, field.expect)
    except BlankImageError:
        return Entry(field.name, box)
    except (ImageError, NoReadingError) as error:
        return Entry(field.name, box, error=error)
    if not numbers:
        return Entry(field.name, box, error=NoReadingError("there is ink in the field, but no number"))

    def back(box: Box) -> Box:
        there = row.place(box) if row else box
        return straight.place(replace(there, x=there.x + cut.x, y=there.y + cut.y))

    return Entry(field.name, box, tuple(_moved(number, back) for number in numbers))


def _moved(number: Number, back: Callable[[Box], Box]) -> Number:
    """A number of a field, in pixels of the page as it came."""
    characters = tuple(replace(character, box=back(character.box)) for character in number.characters)
    return replace(number, box=back(number.box), characters=characters)


def _columns_of(name: str) -> tuple[str, str, str, str]:
    return name, f"{name}:confidence", f"{name}:doubt", f"{name}:error"


def _values_of(entry: Entry, error: str) -> tuple[str, float | None, str, str]:
    return entry.text, entry.confidence, entry.doubt, error


# --- what a template may hold


def _field(name: str, field: Any, scale: tuple[float, ...]) -> Field:
    rule = "1 to 64 letters, digits, spaces, _ - and ., of which the first is a letter, a digit or _"
    _require(_NAME.fullmatch(name) is not None, f"{name[:64]!r} is no name: {rule}")
    _require(name not in _TAKEN, f"a field cannot be called {name!r}: that is another column of the table")
    _require(isinstance(field, dict), f"the field {name!r} must be a table, as [fields.{name}]")
    _require_known(field, {"box", "boxes", "expect"}, f"the field {name!r}")
    _require("box" in field, f"the field {name!r} has no box; give left, top, width and height")
    boxes = field.get("boxes")
    _require(
        boxes is None or (type(boxes) is int and 1 <= boxes <= MAX_BOXES),
        f"boxes of the field {name!r} must be a whole number from 1 to {MAX_BOXES}",
    )
    return Field(name, _box(name, field["box"], scale), _expectation(name, field.get("expect")), boxes)


def _box(name: str, value: Any, scale: tuple[float, ...]) -> tuple[float, float, float, float]:
    x, y, width, height = _numbers(value, 4, f"the box of {name!r}")
    _require(width > 0 and height > 0, f"the box of {name!r} is empty: its width and height must be above 0")
    shares = x / scale[0], y / scale[1], width / scale[0], height / scale[1]
    inside = x >= 0 and y >= 0 and max(shares[0] + shares[2], shares[1] + shares[3]) < 1 + ROUNDING
    unit = "; without a size, boxes are shares of the page" if scale == (1.0, 1.0) else ""
    _require(inside, f"the box of {name!r}, {value}, juts out of the page of {scale[0]:g} by {scale[1]:g}{unit}")
    return shares


def _numbers(value: Any, count: int, what: str) -> tuple[float, ...]:
    numbers = value if isinstance(value, list) else []
    are_numbers = all(type(number) in {int, float} and abs(number) < 1e9 for number in numbers)  # nan is not
    _require(len(numbers) == count and are_numbers, f"{what} must be {count} numbers, not {str(value)[:80]}")
    return tuple(map(float, numbers))


def _expectation(name: str, rules: Any) -> Expectation | None:
    if rules is None:
        return None
    _require(isinstance(rules, str), f'expect of {name!r} must be a text such as "length=4"')
    try:
        return Expectation.parse(rules)
    except ConfigError as error:
        raise ConfigError(f"expect of {name!r}: {error}") from error


def _require_known(table: Mapping[str, Any], known: set[str], what: str) -> None:
    unknown = sorted(set(table) - known)
    _require(not unknown, f"{what} has no {', '.join(map(repr, unknown))}; known are {', '.join(sorted(known))}")


def _require(holds: bool, message: str) -> None:
    if not holds:
        raise ConfigError(message)

"""How the inputs of a batch are read and written as lines: the same in every process and on every machine."""

import csv
import dataclasses
import hashlib
import io
import json
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal, Protocol

from inkdigit import batch, fields, pages
from inkdigit.batch import Row, is_drawing, predict_files
from inkdigit.bulk.chunks import Done
from inkdigit.bulk.inputs import Chunk
from inkdigit.bulk.tally import Seen, Tally
from inkdigit.errors import ImageError, MissingExtraError, ModelError, UnreadableImageError
from inkdigit.expect import Expectation
from inkdigit.fields import FormRow, Template, read_forms
from inkdigit.pages import NumberReader, PageError, PageRow, Reading, error_record, number_cells, read_files
from inkdigit.recognizer import Recognizer, current_model
from inkdigit.table import safe_cell, visible

Reads = Literal["digits", "numbers", "forms"]
Style = Literal["jsonl", "csv", "parquet"]
AnyRow = Row | PageRow | FormRow
At = Callable[[int], None]

CHUNK_SIZES: Final[Mapping[Reads, int]] = {"digits": 256, "numbers": 32, "forms": 32}
"""Inputs that are read together: enough that keeping them costs nothing, few enough that a kill costs little."""


@dataclass(frozen=True, slots=True)
class Job:
    """What is done with every input.

    Attributes:
        reads: digits, whole numbers, or forms.
        style: of the lines that are written.
        model: folder of the model, of digits or of numbers.
        digest: of that model, and of all that it reads with.
        folder: from where relative names are taken.
        min_confidence: in [0, 1]; of digits, below which an answer is not accepted.
        rules: what every number must satisfy, as `Expectation.parse` takes it.
        form: text of a template.
    """

    reads: Reads
    style: Style
    model: str
    digest: str
    folder: str
    min_confidence: float = 0.0
    rules: str | None = None
    form: str | None = None

    @property
    def chunk_size(self) -> int:
        """How many inputs are read together."""
        return CHUNK_SIZES[self.reads]

    def columns(self) -> Mapping[str, type]:
        """The names of the table's columns, and the kind of what stands in each."""
        return _task_of(self).columns


def digest_of(model: Path, reads: Reads) -> str:
    """What tells a model, and all that it reads with, from every other.

    Raises:
        ModelError: there is no model in the folder.
    """
    folders = [model] if reads == "digits" else [model, current_model()]
    try:
        sums = [(folder / "SHA256SUMS").read_bytes() for folder in folders]
    except OSError as error:
        raise ModelError(f"{model} is not a model folder: {error.strerror}") from error
    return hashlib.sha256(b"".join(sums)).hexdigest()


class Bench:
    """A job with its model loaded, on which one chunk after the other is read."""

    def __init__(self, job: Job) -> None:
        """Load the model.

        Raises:
            ModelError: it is damaged, or not the one that the job was begun with.
        """
        if digest_of(Path(job.model), job.reads) != job.digest:
            raise ModelError(f"the model in {job.model} is not the one that the batch was begun with")
        self._job = job
        self._task = _task_of(job)
        self._task.load()

    def read(self, chunk: Chunk, at: At = lambda _: None) -> Done:
        """Read a chunk.

        Args:
            chunk: the inputs.
            at: is told the place in the chunk of each input before it is read, and -1 when none is.
        """
        begun = time.process_time()
        rows = list(self._rows(chunk, at))
        at(-1)
        tally = Tally.count(self._task.seen(row) for row in rows)
        lines = self._lines(rows)
        return Done(lines, dataclasses.replace(tally, cpu_s=round(time.process_time() - begun, 6)))

    def _rows(self, chunk: Chunk, at: At) -> Iterator[AnyRow]:
        """The rows in order: of inputs whose problem is known already, and between them of those that are read."""
        task, folder = self._task, self._job.folder
        sound = [place for place in range(len(chunk.files)) if place not in chunk.problems]
        files = _told(((place, _within(folder, chunk.files[place])) for place in sound), at)
        rows = task.rows(files, at)
        for place, file in enumerate(chunk.files):
            problem = chunk.problems.get(place)
            row = next(rows) if problem is None else task.failed(file, UnreadableImageError(problem))
            yield dataclasses.replace(row, file=file)

    def _lines(self, rows: Sequence[AnyRow]) -> bytes:
        if self._job.style == "csv":
            return csv_lines(self._task.columns, (self._task.cells(row) for row in rows))
        record = self._task.record if self._job.style == "jsonl" else self._task.cells
        return b"".join(json.dumps(record(row)).encode() + b"\n" for row in rows)


def _within(folder: str, file: str) -> str:
    """The file as any process finds it, wherever it works; the link of a drawing stays what it is."""
    return file if is_drawing(file) else str(Path(folder, file))


def _told(files: Iterable[tuple[int, str]], at: At) -> Iterator[str]:
    for place, file in files:
        at(place)
        yield file


def csv_lines(columns: Mapping[str, type], rows: Iterable[dict[str, Any]]) -> bytes:
    """Rows as lines of a table that a spreadsheet takes no formula from."""
    text = io.StringIO(newline="")
    names = [name for name, kind in columns.items() if kind is not list]
    table = csv.DictWriter(text, names, restval="", lineterminator="\n", extrasaction="ignore")
    for cells in rows:
        shown = cells | {"file": visible(cells["file"])}
        table.writerow({name: safe_cell(cell) if isinstance(cell, str) else cell for name, cell in shown.items()})
    return text.getvalue().encode()


# --- what can be read


class Task(Protocol):
    """Digits, numbers or forms; each has rows of its own."""

    @property
    def columns(self) -> Mapping[str, type]:
        """The columns of the table, each with the kind of what stands there; only wide tables have room for lists."""

    def load(self) -> None:
        """Load the model.

        Raises:
            ModelError: it is damaged.
        """

    def rows(self, files: Iterable[str], at: At, /) -> Iterator[Any]:
        """A row for each file, in order; `at` is told -1 while the network is at work on several."""

    def failed(self, file: str, error: ImageError) -> Any:
        """The row of a file that is not read."""

    def record(self, row: Any) -> dict[str, Any]:
        """The row, ready for JSON."""

    def cells(self, row: Any) -> dict[str, Any]:
        """The row by the names of the columns."""

    def seen(self, row: Any) -> Seen:
        """What counts of the row."""


def _task_of(job: Job) -> Task:
    if job.reads == "digits":
        return _Digits(job)
    if job.form is not None:
        return _Forms(job, Template.parse(job.form))
    return _Numbers(job, None if job.rules is None else Expectation.parse(job.rules))


_ABOUT: Final[Mapping[str, type]] = {"model": str, "error": str, "detail": str}
_KINDS: Final[Mapping[str, type]] = {"label": int, "confidence": float, "is_digit": bool, "not_digit": float} | {
    "accepted": bool,
    **dict.fromkeys(batch.PROBABILITIES, float),
}


class _Digits:
    """One digit on each picture, as `inkdigit predict` reads it."""

    columns: Mapping[str, type] = {name: _KINDS.get(name, str) for name in batch.COLUMNS}

    def __init__(self, job: Job) -> None:
        self._job = job

    def load(self) -> None:
        self._recognizer = Recognizer.load(self._job.model)

    def rows(self, files: Iterable[str], at: At) -> Iterator[Row]:
        def recognizer() -> Recognizer:
            at(-1)
            return self._recognizer

        return predict_files(files, recognizer, self._job.min_confidence)

    def failed(self, file: str, error: ImageError) -> Row:
        return Row(file, error)

    def record(self, row: Row) -> dict[str, Any]:
        return row.record()

    def cells(self, row: Row) -> dict[str, Any]:
        return row.cells()

    def seen(self, row: Row) -> Seen:
        if isinstance(row.result, ImageError):
            return Seen(row.file, problems=_problems([row.result]))
        found = row.result.prediction
        if not found.is_digit:
            return Seen(row.file, classes=("no digit",))
        return Seen(row.file, str(found.label), found.confidence, (str(found.label),))


class _Numbers:
    """The numbers on each picture, as `inkdigit read` reads them."""

    columns: Mapping[str, type] = {
        **{name: {"confidence": float, "count": int}.get(name, str) for name in pages.COLUMNS},
        "numbers": list,
    }

    def __init__(self, job: Job, expect: Expectation | None) -> None:
        self._job = job
        self._expect = expect

    def load(self) -> None:
        self._reader = _load_reader(self._job)

    def rows(self, files: Iterable[str], _at: At) -> Iterator[PageRow]:
        return read_files(files, lambda: self._reader, self._expect)

    def failed(self, file: str, error: ImageError) -> PageRow:
        return PageRow(file, error)

    def record(self, row: PageRow) -> dict[str, Any]:
        """As the HTTP API has it, with the text and the confidence of all numbers together."""
        found, record = row.result, row.record()
        both = {"text": found.text, "confidence": found.confidence} if isinstance(found, Reading) else {}
        return {"file": record["file"]} | both | record

    def cells(self, row: PageRow) -> dict[str, Any]:
        numbers = row.result.numbers if isinstance(row.result, Reading) else ()
        return row.cells() | {"numbers": [number_cells(number) for number in numbers]}

    def seen(self, row: PageRow) -> Seen:
        if not isinstance(row.result, Reading):
            return Seen(row.file, problems=_problems([row.result]))
        found = row.result
        if not found.numbers:
            return Seen(row.file, classes=("no number",))
        digits = tuple(letter for letter in found.text if letter.isdigit())
        return Seen(row.file, found.text, found.confidence, digits)


class _Forms:
    """The fields of each scan, as `inkdigit read --fields` reads them."""

    def __init__(self, job: Job, template: Template) -> None:
        self._job = job
        self._template = template
        self.columns = {name: float if name.endswith(":confidence") else str for name in fields.columns(template)}

    def load(self) -> None:
        self._reader = _load_reader(self._job)

    def rows(self, files: Iterable[str], _at: At) -> Iterator[FormRow]:
        return read_forms(files, self._template, lambda: self._reader)

    def failed(self, file: str, error: ImageError) -> FormRow:
        return FormRow(file, error)

    def record(self, row: FormRow) -> dict[str, Any]:
        return row.record()

    def cells(self, row: FormRow) -> dict[str, Any]:
        return row.cells()

    def seen(self, row: FormRow) -> Seen:
        if isinstance(row.result, ImageError):
            return Seen(row.file, problems=_problems([row.result]))
        entries = row.result.entries
        filled = [entry for entry in entries if entry.numbers]
        text = ", ".join(f"{entry.name}: {entry.text}" for entry in filled)
        confidence = min((entry.confidence or 0.0 for entry in filled), default=None)
        kinds = [kind for kind, _ in _problems(entry.error for entry in entries if entry.error)]
        problems = tuple(zip(kinds, row.errors, strict=True))  # which name the field
        return Seen(row.file, text, confidence, tuple(entry.name for entry in filled), problems)


def _problems(errors: Iterable[PageError]) -> tuple[tuple[str, str], ...]:
    records = [error_record(error) for error in errors]
    return tuple((record["type"], record["detail"]) for record in records)


def _load_reader(job: Job) -> NumberReader:
    """The reader, which needs one core: its neighbours have the others.

    Raises:
        ModelError: it is damaged.
        MissingExtraError: OpenCV is not installed.
    """
    from inkdigit.reader import Reader

    try:
        import cv2
    except ImportError as error:
        raise MissingExtraError("OpenCV", "read") from error
    cv2.setNumThreads(1)
    return Reader.load(job.model)

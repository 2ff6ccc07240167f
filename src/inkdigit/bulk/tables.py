"""Chunks -> the table that was asked for, without holding more of it than a group of rows."""

import contextlib
import io
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Final

from inkdigit.bulk.job import Job, csv_lines
from inkdigit.errors import ConfigError, MissingExtraError
from inkdigit.registry.disk import sync_folder

if TYPE_CHECKING:
    import pyarrow

STYLES: Final[Mapping[str, str]] = {".jsonl": "jsonl", ".csv": "csv", ".parquet": "parquet"}
GROUP_BYTES: Final = 4 * 2**20  # of lines, from which on they are written as one group of rows

Add = Callable[[bytes], object]


def style_of(out: Path) -> str:
    """The kind of a table, by the end of its name.

    Raises:
        ConfigError: there is no such kind.
        MissingExtraError: it needs a package that is not installed.
    """
    style = STYLES.get(out.suffix.lower())
    if style is None:
        raise ConfigError(f"{out}: the table's name must end in {', '.join(STYLES)}")
    if style == "parquet":
        _pyarrow()
    return style


def write_table(path: Path, job: Job, chunks: Iterable[bytes]) -> None:
    """Write a table so that it is there whole or not at all.

    Args:
        path: of the table.
        job: how its lines were made.
        chunks: the lines of each chunk, in order.

    Raises:
        OSError: the disk is full, or does not take it.
    """
    new = path.with_name(f".{path.name}.new")
    try:
        with new.open("wb") as file:
            with _parquet(file, job) if job.style == "parquet" else _plain(file, job) as add:
                for lines in chunks:
                    add(lines)
            file.flush()
            os.fsync(file.fileno())
        new.replace(path)
    finally:
        new.unlink(missing_ok=True)
    sync_folder(path.parent)


@contextlib.contextmanager
def _plain(file: IO[bytes], job: Job) -> Iterator[Add]:
    if job.style == "csv":
        file.write(csv_lines(job.columns(), [{name: name for name in job.columns()}]))
    yield file.write


@contextlib.contextmanager
def _parquet(file: IO[bytes], job: Job) -> Iterator[Add]:
    arrow = _pyarrow()
    import pyarrow.parquet

    schema = arrow.schema([(name, _type(kind)) for name, kind in job.columns().items()])
    waiting = io.BytesIO()
    with pyarrow.parquet.ParquetWriter(file, schema, compression="zstd") as writer:

        def flush() -> None:
            if waiting.tell():
                writer.write_table(_read_lines(waiting.getvalue(), schema))
            waiting.seek(0)
            waiting.truncate()

        def add(lines: bytes) -> None:
            waiting.write(lines)
            if waiting.tell() >= GROUP_BYTES:
                flush()

        yield add
        flush()


def _read_lines(lines: bytes, schema: "pyarrow.Schema") -> "pyarrow.Table":
    import pyarrow.json

    how = pyarrow.json.ParseOptions(explicit_schema=schema, unexpected_field_behavior="ignore")
    reading = pyarrow.json.ReadOptions(use_threads=False, block_size=len(lines) + 1)
    table = pyarrow.json.read_json(io.BytesIO(lines), read_options=reading, parse_options=how)
    return table.select(schema.names).cast(schema)


def _type(kind: type) -> Any:
    arrow = _pyarrow()
    if kind is list:
        about = {"text": str, "confidence": float, "doubt": str, "x": int, "y": int, "width": int, "height": int}
        return arrow.list_(arrow.struct([(name, _type(kind)) for name, kind in about.items()]))
    return {str: arrow.string(), float: arrow.float64(), int: arrow.int64(), bool: arrow.bool_()}[kind]


def _pyarrow() -> Any:
    try:
        import pyarrow
    except ImportError as error:
        raise MissingExtraError("pyarrow", "parquet") from error
    return pyarrow

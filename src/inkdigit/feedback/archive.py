"""A store as one ZIP file: a PNG for each drawing, and a line of JSON that says what is known of it.

What is imported was made by nobody knows whom. All of it is checked before any of it is kept, nothing is unpacked to
the disk, and pictures are encoded anew.
"""

import contextlib
import io
import itertools
import json
import math
import os
import re
import stat
import struct
import tempfile
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any, Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from inkdigit.drawing import parse_strokes
from inkdigit.errors import ImageError, StoreError
from inkdigit.feedback.record import ANONYMOUS, Kept, Label, Status, strokes_as_json
from inkdigit.feedback.store import FeedbackStore
from inkdigit.structure import Limits, Structure, inspect

MAX_DRAWINGS: Final = 500_000  # of one archive
MAX_SIDE: Final = 280  # pixels of a picture
_MAX_PICTURE_BYTES: Final = 128 * 1024  # as large as a PNG of so many grey pixels gets, and some
_MAX_LINE_BYTES: Final = 2 * 1024 * 1024  # the most points that a drawing may have, in 17 digits each
_MAX_DIRECTORY_BYTES: Final = 100 * MAX_DRAWINGS  # of the list of files at a ZIP's end
_LINES: Final = "drawings.jsonl"
_NAME: Final = re.compile(r"drawings\.jsonl|drawings/[1-9][0-9]{0,18}\.png", re.ASCII)
_HASH: Final = re.compile(r"[0-9a-f]{64}", re.ASCII)
_EPOCH: Final = (1980, 1, 1, 0, 0, 0)  # ZIP knows no earlier time; the same drawings give the same file at any time
_END, _END_64, _LOCATOR_64 = b"PK\5\6", b"PK\6\6", b"PK\6\7"


# --- out


def export_zip(store: FeedbackStore, path: Path, status: Status | None = None, *, replace: bool = True) -> int:
    """Write drawings into a ZIP file that only its owner may read, whole or not at all.

    Args:
        store: of the drawings.
        path: of the file.
        status: only those that stand so in review.
        replace: a file that is there already, rather than leave it alone.

    Returns:
        How many there are in it.

    Raises:
        StoreError: the store cannot be read, there are too many, or the file is there and shall not be replaced.
        OSError: the file cannot be written, or came meanwhile and shall not be replaced.
    """
    if not replace and os.path.lexists(path):
        raise StoreError(f"{path} is there already; name another file, or replace it with --force")
    with tempfile.NamedTemporaryFile(dir=path.absolute().parent, prefix=".inkdigit-", delete=False) as file:
        try:
            count = _write(store, file, status)
            file.flush()
            os.fsync(file.fileno())
            file.close()
            if not replace:
                path.touch(exist_ok=False)  # takes the name, unless somebody else has meanwhile
            Path(file.name).replace(path)
        except BaseException:  # Ctrl-C as well: no half file stays behind
            file.close()
            Path(file.name).unlink()
            raise
    return count


def _write(store: FeedbackStore, file: IO[bytes], status: Status | None) -> int:
    count = 0
    with zipfile.ZipFile(file, "w") as archive, tempfile.TemporaryFile() as lines:
        for count, (kept, receipt) in enumerate(store.with_receipts(status), start=1):
            if count > MAX_DRAWINGS:
                raise StoreError(f"an archive holds at most {MAX_DRAWINGS:,} drawings; export them by --status")
            record = _record(kept, receipt)
            archive.writestr(_entry(record["image"]), kept.image)
            lines.write(json.dumps(record, separators=(",", ":")).encode() + b"\n")
        lines.seek(0)
        with archive.open(_entry(_LINES, zipfile.ZIP_DEFLATED), "w", force_zip64=True) as out:
            while chunk := lines.read(1 << 20):
                out.write(chunk)
    return count


def _entry(name: str, method: int = zipfile.ZIP_STORED) -> zipfile.ZipInfo:
    entry = zipfile.ZipInfo(name, _EPOCH)
    entry.compress_type = method
    entry.external_attr = (stat.S_IFREG | 0o600) << 16
    return entry


def _record(kept: Kept, receipt: bytes) -> dict[str, Any]:
    """What a line of an archive says of a drawing."""
    return {
        "image": f"drawings/{kept.id}.png",
        "label": kept.label,
        "truth": kept.truth,
        "status": kept.status.value,
        "predicted": kept.predicted,
        "confidence": kept.confidence,
        "model": kept.model,
        "created": kept.created.isoformat(timespec="milliseconds"),
        "source": kept.source,
        "receipt_sha256": receipt.hex(),
        "strokes": strokes_as_json(kept.strokes),
    }


_FIELDS: Final = frozenset(
    [
        "image",
        "label",
        "truth",
        "status",
        "predicted",
        "confidence",
        "model",
        "created",
        "source",
        "receipt_sha256",
        "strokes",
    ]
)


# --- in


def import_zip(store: FeedbackStore, path: Path) -> int:
    """Keep the drawings of a ZIP file that `export_zip` wrote.

    Drawings that are here already, or were deleted here, are passed over, so that importing again is safe.

    Returns:
        How many were new.

    Raises:
        StoreError: the file is no such archive, or holds anything else; then none of it is kept.
    """
    try:
        with path.open("rb") as file:
            _check_directory(file)
            with zipfile.ZipFile(file) as archive:
                entries = _entries(archive)
                for _ in _drawings(archive, entries):
                    pass  # refused here, before anything is kept
                return store.restore(_drawings(archive, entries))
    except OSError as error:
        raise StoreError(f"{path} cannot be read: {error.strerror or error}") from error
    except _ZIP_ERRORS as error:
        raise StoreError(f"{path} is no archive of drawings, or is damaged; nothing was imported: {error}") from error


# The checks here raise ValueError, zipfile raises any of these for what is damaged, locked or lies about its lengths.
_ZIP_ERRORS: Final = (zipfile.BadZipFile, zlib.error, EOFError, RuntimeError, ValueError, struct.error)


def _check_directory(file: IO[bytes]) -> None:
    """Refuse a list of files that would not fit into memory, before zipfile reads it.

    zipfile reads as many bytes as the record at the end says, or another record that this one sends it to.
    """
    size = file.seek(0, os.SEEK_END)
    file.seek(max(0, size - 65_557))  # the record, and the longest comment
    tail = file.read()
    file.seek(0)
    at = tail.rfind(_END)
    if at < 0 or len(tail) - at < 22:
        raise ValueError("it is no ZIP file, or is cut short")
    lengths = [struct.unpack("<L", tail[at + 12 : at + 16])[0] % 0xFFFFFFFF]  # all ones: the other record says it
    if at >= 76 and tail[at - 20 : at - 16] == _LOCATOR_64:
        says = struct.unpack("<Q", tail[at - 12 : at - 4])[0]
        if tail[at - 76 : at - 72] != _END_64 or says != size - len(tail) + at - 76:
            raise ValueError("its end is not where it says")
        lengths += struct.unpack("<Q", tail[at - 36 : at - 28])
    if max(lengths) > _MAX_DIRECTORY_BYTES:
        raise ValueError(f"it lists more than {MAX_DRAWINGS:,} files")


def _entries(archive: zipfile.ZipFile) -> Mapping[str, zipfile.ZipInfo]:
    """The files of an archive by name, which are what `export_zip` writes, and no more."""
    files = archive.infolist()
    if len(files) > MAX_DRAWINGS + 1:
        raise ValueError(f"it lists more than {MAX_DRAWINGS:,} files")
    for file in files:
        _check_entry(file)
    entries = {file.filename: file for file in files}
    if len(entries) < len(files):
        raise ValueError("it holds two files of one name")
    if _LINES not in entries:
        raise ValueError(f"there is no {_LINES} in it")
    return entries


def _check_entry(file: zipfile.ZipInfo) -> None:
    # `orig_filename` is the name as it is written; zipfile cuts the other one at a NUL, and turns its slashes.
    if not _NAME.fullmatch(file.orig_filename) or file.filename != file.orig_filename:
        raise ValueError(f"a file in it is called {file.orig_filename[:80]!r}")
    if stat.S_IFMT(file.external_attr >> 16) not in (0, stat.S_IFREG):
        raise ValueError(f"{file.filename} is a link, a folder or a device")
    if file.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED) or file.flag_bits & 1:
        raise ValueError(f"{file.filename} is packed or locked in a way that no export is")
    if file.filename != _LINES and file.file_size > _MAX_PICTURE_BYTES:
        raise ValueError(f"{file.filename} has more than {_MAX_PICTURE_BYTES:,} bytes")


def _drawings(archive: zipfile.ZipFile, entries: Mapping[str, zipfile.ZipInfo]) -> Iterator[tuple[Kept, bytes]]:
    """The drawings with the hashes of their receipts, one in memory at a time."""
    pictures = set(entries) - {_LINES}
    with archive.open(entries[_LINES]) as lines:
        for number in itertools.count(1):
            line = lines.readline(_MAX_LINE_BYTES + 1)
            if not line:
                break
            with _located(number):
                record = _parse(line)
                pictures.remove(record["image"])
                drawing = _kept(record, archive.read(entries[record["image"]]))
            yield drawing, bytes.fromhex(record["receipt_sha256"])
    if pictures:
        raise ValueError(f"it holds {len(pictures):,} pictures of which nothing is said")


@contextlib.contextmanager
def _located(number: int) -> Iterator[None]:
    """Says in which line something is wrong."""
    try:
        yield
    except KeyError as error:
        raise ValueError(f"line {number} of {_LINES}: no picture is left for it") from error
    except (ValueError, RecursionError, OverflowError, ImageError) as error:
        raise ValueError(f"line {number} of {_LINES}: {str(error)[:200]}") from error


def _parse(line: bytes) -> dict[str, Any]:
    if len(line) > _MAX_LINE_BYTES:
        raise ValueError(f"it has more than {_MAX_LINE_BYTES:,} bytes")
    record = json.loads(line, parse_constant=_no_number)
    if not isinstance(record, dict) or record.keys() != _FIELDS:
        raise ValueError("it does not say all of a drawing, or more")
    if not _matches(_HASH, record["receipt_sha256"]):
        raise ValueError("receipt_sha256 is no SHA-256")
    if not isinstance(record["image"], str):
        raise ValueError("image is no name")
    return record


def _kept(record: Mapping[str, Any], picture: bytes) -> Kept:
    """What a line and a picture say, each checked as if a stranger had handed it in."""
    return Kept(
        id=0,  # the store gives a new one
        created=_moment(record["created"]),
        label=_label(record["label"]),
        predicted=_label(record["predicted"]),
        confidence=_confidence(record["confidence"]),
        model=_model(record["model"]),
        image=_encoded_anew(picture),
        strokes=None if record["strokes"] is None else parse_strokes(record["strokes"]),
        source=_source(record["source"]),
        status=Status(record["status"]),
        truth=_label(record["truth"]),
    )


def _no_number(name: str) -> None:
    raise ValueError(f"{name} is no number")


def _matches(pattern: re.Pattern[str], value: object) -> bool:
    return isinstance(value, str) and pattern.fullmatch(value) is not None


def _label(value: object) -> Label:
    if value is None or (type(value) is int and 0 <= value <= 9):
        return value
    raise ValueError("a label is no digit")


def _confidence(value: object) -> float | None:
    if value is None:
        return None
    if type(value) in (int, float) and isinstance(value, int | float) and 0 <= value <= 1 and math.isfinite(value):
        return float(value)
    raise ValueError("confidence is not from 0 to 1")


def _model(value: object) -> str:
    if isinstance(value, str) and 1 <= len(value) <= 200 and value.isprintable():
        return value
    raise ValueError("model is no name")


def _source(value: object) -> str:
    if isinstance(value, str) and (value == ANONYMOUS or _HASH.fullmatch(value)):
        return value
    raise ValueError("source is no SHA-256")


def _moment(value: object) -> datetime:
    moment = datetime.fromisoformat(value) if isinstance(value, str) else None
    if moment is None or moment.tzinfo is None:
        raise ValueError("created is no time with a zone")
    return moment.astimezone(UTC)


def _encoded_anew(picture: bytes) -> bytes:
    """The same grey pixels in a PNG of our own writing, which carries nothing else."""
    levels = _grey_levels(inspect(picture, Limits(_MAX_PICTURE_BYTES, MAX_SIDE * MAX_SIDE, MAX_SIDE, 64)))
    file = io.BytesIO()
    Image.fromarray(levels).save(file, "PNG")
    return file.getvalue()


def _grey_levels(structure: Structure) -> NDArray[np.uint8]:
    if structure.format != "png":
        raise ValueError("the picture is no PNG")
    try:
        with Image.open(io.BytesIO(structure.essence), formats=["PNG"]) as image:
            image.load()
    # Pillow's readers raise whatever a damaged file makes them trip over, and all of it means that.
    except Exception as error:
        raise ValueError("the picture is damaged") from error
    if image.mode != "L" or "transparency" in image.info:
        raise ValueError("the picture is not in shades of grey")
    return np.asarray(image)

"""A version as one ZIP file, to be carried to another computer.

What is imported was made by nobody knows whom: all that the file says of itself is checked before anything of it is
written, its model is tried in child processes, and what is then put in place is whole.
"""

import io
import os
import stat
import struct
import zipfile
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import IO, Final

from inkdigit.errors import ModelError
from inkdigit.recognizer import MAX_MODEL_BYTES
from inkdigit.registry.contents import MAX_BYTES, MAX_FILES, Contents, check_contents, is_file_name, read_folder
from inkdigit.registry.disk import replace_file
from inkdigit.registry.folders import is_version_name
from inkdigit.registry.install import put

_END: Final = struct.Struct("<4sHHHHIIH")  # signature, disks, entries here and in all, size and place of the list, ...
_END_64: Final = 20  # bytes of the record before it, in ZIPs that are larger than any of ours
_MAX_LIST_BYTES: Final = 16 * 1024
_EPOCH: Final = (1980, 1, 1, 0, 0, 0)  # ZIP knows no earlier time; a version gives the same file at any time


def export_archive(version: Path, path: Path, *, replace: bool = True) -> Path:
    """Write a version into a ZIP file, whole or not at all, and return its path.

    Args:
        version: its folder.
        path: of the file, or of a folder in which it is called after the version.
        replace: a file that is there already, rather than leave it alone.

    Raises:
        ModelError: the version is damaged, the folder is not there, or the file is and shall not be replaced.
        OSError: the file cannot be written, or came meanwhile and shall not be replaced.
    """
    if not path.parent.is_dir():
        raise ModelError(f"{path.parent} is not a folder; name the file in one that is there")
    contents = read_folder(version)
    name = check_contents(contents, version)
    target = path / f"{name}.zip" if path.is_dir() else path
    if not replace and os.path.lexists(target):
        raise ModelError(f"{target} is there already; name another file, or replace it with --force")
    written = io.BytesIO()
    with zipfile.ZipFile(written, "w") as archive:
        for file in sorted(contents):
            entry = zipfile.ZipInfo(f"{name}/{file}", _EPOCH)
            entry.external_attr = (stat.S_IFREG | 0o644) << 16
            archive.writestr(entry, contents[file], zipfile.ZIP_DEFLATED)
    replace_file(target, written.getvalue(), replace=replace)
    return target


def import_archive(path: Path, home: Path) -> Path:
    """Put the version of a ZIP file into the home folder, and return its folder; it is not promoted.

    Raises:
        ModelError: the file is no archive of a version, holds anything else, or the model in it is refused; then
            nothing is left behind. Or another version is there under its name.
    """
    contents = read_archive(path)
    return put(check_contents(contents, path), contents, home, path, foreign=True)


def read_archive(path: Path) -> Contents:
    """The files of the version in a ZIP file; writes nothing.

    Raises:
        ModelError: the file is no archive of a version, or holds anything else.
    """
    try:
        with path.open("rb") as file:
            _check_end(file)
            with zipfile.ZipFile(file) as archive:
                return _read(archive)
    except OSError as error:
        raise ModelError(f"{path} cannot be read: {error.strerror or error}") from error
    except (zipfile.BadZipFile, zlib.error, struct.error, ValueError, EOFError, RuntimeError) as error:
        raise ModelError(f"{path} is not an archive of a version: {error}") from error


def _check_end(file: IO[bytes]) -> None:
    """Look at the record at the end of a ZIP, before all that it lists is read into memory."""
    size = file.seek(0, io.SEEK_END)
    file.seek(max(0, size - _END.size - _END_64))
    tail = file.read()
    if size > MAX_BYTES or len(tail) < _END.size + _END_64 or tail.startswith(b"PK\x06\x07"):
        raise ValueError("it is too small or too large")
    signature, *_, entries, list_bytes, _, comment = _END.unpack(tail[-_END.size :])
    if signature != b"PK\x05\x06" or comment:
        raise ValueError("it is no plain ZIP file")
    if entries > 2 * MAX_FILES or list_bytes > _MAX_LIST_BYTES:
        raise ValueError("it holds too many files")


def _read(archive: zipfile.ZipFile) -> Contents:
    entries = archive.infolist()
    files = [entry for entry in entries if not _is_folder(entry, entries)]
    for entry in files:
        _check_entry(entry)
    folders = {entry.filename.partition("/")[0] for entry in files}
    if len(files) > MAX_FILES or len({entry.filename.casefold() for entry in files}) < len(files):
        raise ValueError("it holds too many files, or one twice")
    if len(folders) != 1:
        raise ValueError("it does not hold one folder, called after a version")
    if sum(entry.file_size for entry in files) > MAX_BYTES:
        raise ValueError(f"it holds more than {MAX_BYTES >> 20} MiB")
    return {entry.filename.partition("/")[2]: archive.read(entry) for entry in files}


def _is_folder(entry: zipfile.ZipInfo, entries: Sequence[zipfile.ZipInfo]) -> bool:
    """Whether it is the entry of the one folder itself, which some programs write; it holds nothing."""
    return entry.filename == f"{entries[-1].filename.partition('/')[0]}/" and not entry.file_size


def _check_entry(entry: zipfile.ZipInfo) -> None:
    folder, _, name = entry.filename.partition("/")
    shown = ascii(entry.orig_filename)
    if entry.orig_filename != entry.filename or not is_version_name(folder) or not is_file_name(name):
        raise ValueError(f"it holds {shown}, and no version has such a file")
    if stat.S_IFMT(entry.external_attr >> 16) not in (0, stat.S_IFREG):
        raise ValueError(f"{shown} is a link or a device, not a file")
    if entry.flag_bits & 1 or entry.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise ValueError(f"{shown} is encrypted, or packed in an unusual way")
    if entry.file_size > MAX_MODEL_BYTES:
        raise ValueError(f"{shown} is larger than {MAX_MODEL_BYTES >> 20} MiB")

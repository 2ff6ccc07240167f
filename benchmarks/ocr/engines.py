"""Readers of numbers side by side: picture files in, texts out, with the CPU time that it took."""

import functools
import json
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.drawings import PROJECT, save_pictures
from benchmarks.environments import ocr_environment
from inkdigit.errors import ImageError, ModelError
from inkdigit.image import read_page
from inkdigit.reader import Reader

SCRIPT = PROJECT / "benchmarks/ocr/ppocr.py"
WARM_UP = 3  # pictures that are read once before
OUR_PACKAGES = ("numpy", "pillow", "onnxruntime", "opencv-python-headless")
TESSERACT = ("--psm", "7", "-c", "tessedit_char_whitelist=0123456789")  # one line, digits alone
NO_TESSERACT = "Tesseract is left out: there is no tesseract here; `apt install tesseract-ocr` puts it there."


class MissingEngineError(Exception):
    """A reader cannot run here; the text says what would help."""


@dataclass(frozen=True, slots=True)
class Readings:
    """What one reader made of N pictures.

    Attributes:
        texts: the digits that it read, "" where none.
        confidence: (N,) that the whole text is right, in [0, 1]; 0 where there is none; NaN of who tells none.
        cpu_ms: mean milliseconds of CPU for one picture, from bytes to text.
    """

    texts: tuple[str, ...]
    confidence: NDArray[np.float64]
    cpu_ms: float


@dataclass(frozen=True, slots=True)
class Engine:
    """A reader by its name; `versions` say what it is made of, in words."""

    name: str
    versions: str
    read: Callable[[Sequence[bytes]], Readings]


# ---- ours ----


def inkdigit(model: str | None = None) -> Engine:
    """Our own reader, in this process.

    Args:
        model: a version or its folder; the shipped one where it is None.

    Raises:
        MissingEngineError: there is no such model.
    """
    try:
        reader = Reader.load(model)
    except ModelError as error:
        raise MissingEngineError(f"Inkdigit is left out: {error}") from error
    versions = ", ".join(f"{name} {version(name)}" for name in OUR_PACKAGES)
    return Engine("Inkdigit", f"{reader.version}, {versions}", functools.partial(read_all, reader))


def read_all(reader: Reader, pictures: Sequence[bytes]) -> Readings:
    """Read every picture as a user's call would; what is refused has no text."""
    for picture in pictures[:WARM_UP]:
        read_one(reader, picture)
    begun = time.process_time()
    answers = [read_one(reader, picture) for picture in pictures]
    taken = time.process_time() - begun
    confidence = np.array([sure for _, sure in answers], np.float64)
    return Readings(tuple(text for text, _ in answers), confidence, 1000 * taken / len(pictures))


def read_one(reader: Reader, picture: bytes) -> tuple[str, float]:
    """The digits of all numbers on a picture, from left to right, and the chance that all of them are right."""
    try:
        numbers = reader.read(read_page(picture))
    except ImageError:
        return "", 0.0
    in_line = sorted(numbers, key=lambda number: number.box.x)
    text = digits_of("".join(number.text for number in in_line))
    return text, float(np.prod([number.confidence for number in in_line])) if numbers else 0.0


def digits_of(text: str) -> str:
    """A text without its separators: the truths of the cheques have none.

    >>> digits_of("-1.250,00\\n")
    '125000'
    """
    return "".join(filter(str.isdecimal, text))


# ---- others ----


def pp_ocr(size: str) -> Engine:
    """The recognition network of PP-OCRv6 of that size, small or tiny, in its own environment."""
    environment = ocr_environment()

    def read(pictures: Sequence[bytes]) -> Readings:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "pictures.npz"
            save_pictures(path, pictures)
            found = json.loads(_run([environment.python, SCRIPT, size, path]).splitlines()[-1])
        return Readings(tuple(found["texts"]), _untold(pictures), float(np.mean(found["cpu_ms"])))

    return Engine(f"PP-OCRv6 {size}", environment.versions(), read)


def tesseract() -> Engine:
    """Tesseract as it is installed on this machine.

    Raises:
        MissingEngineError: it is not.
    """
    program = shutil.which("tesseract")
    if program is None:
        raise MissingEngineError(NO_TESSERACT)
    versions = f"{_run([program, '--version']).splitlines()[0]}, `{' '.join(TESSERACT)}`"
    return Engine("Tesseract", versions, functools.partial(_read_by_tesseract, program))


def _read_by_tesseract(program: str, pictures: Sequence[bytes]) -> Readings:
    """One process reads all, so that its start does not count for every picture."""
    with tempfile.TemporaryDirectory() as folder:
        paths = [Path(folder, f"{number:05}.{_ending(picture)}") for number, picture in enumerate(pictures)]
        for path, picture in zip(paths, pictures, strict=True):
            path.write_bytes(picture)
        listed = Path(folder, "pictures.txt")
        listed.write_text("".join(f"{path}\n" for path in paths))
        begun = _cpu_s_of_children()
        printed = _run([program, listed, "stdout", *TESSERACT], OMP_THREAD_LIMIT="1")
        taken = _cpu_s_of_children() - begun
    return Readings(pages_of(printed, len(pictures)), _untold(pictures), 1000 * taken / len(pictures))


def pages_of(printed: str, count: int) -> tuple[str, ...]:
    """The digits of each page that Tesseract prints; a form feed parts them and, in some versions, ends them.

    Raises:
        ValueError: there are fewer pages, or more.

    >>> pages_of("4007\\n\\f\\f12\\n", 3)
    ('4007', '', '12')
    """
    pages = printed.split("\f")
    if len(pages) not in (count, count + 1) or any(pages[count:]):
        raise ValueError(f"Tesseract printed {len(pages)} pages for {count} pictures")
    return tuple(map(digits_of, pages[:count]))


def _ending(picture: bytes) -> str:
    return "png" if picture.startswith(b"\x89PNG") else "jpg"


def _untold(pictures: Sequence[bytes]) -> NDArray[np.float64]:
    return np.full(len(pictures), np.nan)


def _cpu_s_of_children() -> float:
    used = os.times()
    return used.children_user + used.children_system


def _run(command: Sequence[str | Path], **settings: str) -> str:
    """What a command prints; it runs on the cores that this process may use."""
    environment = {**os.environ, **settings}
    run = subprocess.run(command, check=True, env=environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    return run.stdout.decode()


ENGINES: dict[str, Callable[[], Engine]] = {
    "pp-ocr-small": functools.partial(pp_ocr, "small"),
    "pp-ocr-tiny": functools.partial(pp_ocr, "tiny"),
    "tesseract": tesseract,
}

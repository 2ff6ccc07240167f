"""Labelled pictures to judge a model by: MNIST, IDX files, or folders of anyone's own pictures."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from inkdigit.batch import SUFFIXES
from inkdigit.errors import BlankImageError, DataError, ImageError
from inkdigit.image import read_image
from inkdigit.preprocess import SIZE, Normalized, normalize
from inkdigit.training.dataset import Digits, load_mnist, read_digits

NONE = "none"  # the subfolder of pictures that show no digit
MNIST_TEST, MNIST_HELD_OUT = "MNIST test", "MNIST, held out of training"

Frames = NDArray[np.float32]  # (N, 28, 28) in [0, 1], 1 is full ink, as `normalize` makes them


def no_frames() -> Frames:
    """A batch of no pictures."""
    return np.zeros((0, SIZE, SIZE), np.float32)


@dataclass(frozen=True, slots=True)
class Labelled:
    """Pictures to judge a model by.

    Attributes:
        source: what they are, for people.
        frames: (N, 28, 28) float32 in [0, 1], white ink on black.
        labels: (N,) uint8, 0 to 9.
        names: N names to tell the pictures by.
        writers: N names of who wrote them, "" where that is not known.
        others: (M, 28, 28) float32 pictures that show no digit.
        blank: pictures beside those that hold no ink at all and are refused before any model sees them.
        passed_over: names of subfolders that are called after no digit, and were not looked into.
    """

    source: str
    frames: Frames
    labels: NDArray[np.uint8]
    names: tuple[str, ...]
    writers: tuple[str, ...] = ()
    others: Frames = field(default_factory=no_frames)
    blank: int = 0
    passed_over: tuple[str, ...] = ()

    @classmethod
    def of(cls, source: str, digits: Digits, others: Frames | None = None, blank: int = 0) -> "Labelled":
        """Digits of a data set, named by their numbers, and perhaps pictures that show none."""
        names = tuple(f"no. {row}" for row in range(len(digits)))
        none = no_frames() if others is None else others
        return cls(source, frames(digits), digits.labels, names, others=none, blank=blank)


@dataclass(frozen=True, slots=True)
class Sample:
    """A picture file of a folder: what it shows (None: no digit), and who wrote it ("": not known)."""

    path: Path
    label: int | None
    writer: str


def frames(digits: Digits) -> Frames:
    """Pictures as the network takes them, through `normalize`: (N, 28, 28) float32."""
    return np.stack([normalize(image) for image in digits.images]) if len(digits) else no_frames()


def read_labelled(data: Path | None = None) -> Labelled:
    """The pictures of a folder: IDX files (`t10k-*` where they are there, else `train-*`), or subfolders 0 to 9.

    Args:
        data: the folder; MNIST's test images, checked against their digests, where it is None.

    Raises:
        DataError: the folder holds neither, or a file of it cannot be read.
    """
    if data is None:
        return Labelled.of(MNIST_TEST, load_mnist().test)
    if not data.is_dir():
        raise DataError(f"{data} is not a folder")
    for prefix in ("t10k", "train"):
        if any(data.glob(f"{prefix}-images-idx3-ubyte*")):
            return Labelled.of(f"{data.name}, {prefix} images", read_digits(data, prefix))
    return _read_samples(data, list(find_samples(data)))


def read_held_out() -> Labelled:
    """The 5,000 training images of MNIST that are held out: they may be looked at, where the test images may not."""
    return Labelled.of(MNIST_HELD_OUT, load_mnist().held_out)


def find_samples(folder: Path) -> Iterator[Sample]:
    """The pictures below the subfolders 0 to 9 and `none` of a folder, sorted.

    A writer is named by a further subfolder (`7/anna/1.png`), or else by what stands before the first underscore of the
    file's name (`7/anna_1.png`).

    Raises:
        DataError: no subfolder 0 to 9 holds a picture.
    """
    found = [
        Sample(path, None if place.name == NONE else int(place.name), _writer(path.relative_to(place)))
        for place in sorted(folder.iterdir())
        if place.is_dir() and _is_named(place)
        for path in sorted(place.rglob("*"))
        if path.suffix.lower() in SUFFIXES and path.is_file()
    ]
    if all(sample.label is None for sample in found):
        raise DataError(f"{folder} holds neither IDX files nor subfolders 0 to 9 with pictures")
    yield from found


def _is_named(folder: Path) -> bool:
    return folder.name in {*"0123456789", NONE}


def _writer(path: Path) -> str:
    if len(path.parts) > 1:
        return path.parts[0]
    before, underscore, _ = path.stem.partition("_")
    return before if underscore else ""


def _read_samples(folder: Path, samples: list[Sample]) -> Labelled:
    digits = [sample for sample in samples if sample.label is not None]
    nones = [sample.path for sample in samples if sample.label is None]
    others = [frame for path in nones if (frame := _frame_unless_blank(path)) is not None]
    writers = tuple(sample.writer for sample in digits)
    return Labelled(
        source=folder.resolve().name,
        frames=np.stack([_frame(sample.path) for sample in digits]),
        labels=np.array([sample.label for sample in digits], np.uint8),
        names=tuple(sample.path.relative_to(folder).as_posix() for sample in digits),
        writers=writers if any(writers) else (),
        others=np.stack(others) if others else no_frames(),
        blank=len(nones) - len(others),
        passed_over=tuple(sorted(place.name for place in folder.iterdir() if place.is_dir() and not _is_named(place))),
    )


def _frame(path: Path) -> Normalized:
    try:
        return normalize(read_image(path.read_bytes()))
    except (ImageError, OSError) as error:
        raise DataError(f"{path}: {error}") from error


def _frame_unless_blank(path: Path) -> Normalized | None:
    try:
        return _frame(path)
    except DataError as error:
        if isinstance(error.__cause__, BlankImageError):
            return None
        raise

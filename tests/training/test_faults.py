"""What befalls pictures leaves them digits."""

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from inkdigit import Recognizer, normalize
from inkdigit.training.dataset import Digits, read_digits
from inkdigit.training.faults import FAULTS, Fault, add_faults, covered, hollow, straight_line, zigzag_line

DATA = Path(__file__).parents[1] / "data"
faults = pytest.mark.parametrize("fault", FAULTS, ids=[fault.__name__ for fault in FAULTS])


@pytest.fixture(scope="module")
def digits() -> Digits:
    return read_digits(DATA, "t10k")[:200]


@pytest.fixture(scope="module")
def drawn(digits: Digits) -> NDArray[np.float32]:
    """(200, 56, 56): twice MNIST's size, as augmentation draws."""
    return np.asarray(digits.images.repeat(2, axis=1).repeat(2, axis=2) / 255, np.float32)


@faults
def test_a_fault_changes_every_picture_and_keeps_its_size(fault: Fault, drawn: NDArray[np.float32]) -> None:
    before = drawn.copy()

    faulty = fault(drawn, np.random.default_rng(1))

    assert faulty.shape == drawn.shape
    assert faulty.dtype == np.float32
    assert np.isfinite(faulty).all()
    assert (faulty != drawn).any(axis=(1, 2)).mean() > 0.9
    assert np.array_equal(drawn, before)


@faults
def test_a_faulty_digit_can_still_be_read(
    fault: Fault, digits: Digits, drawn: NDArray[np.float32], recognizer: Recognizer
) -> None:
    faulty = (fault(drawn, np.random.default_rng(1)).clip(0, 1) * 255).astype(np.uint8)

    read = recognizer.probabilities(np.stack([normalize(picture) for picture in faulty])).argmax(axis=1)

    assert (read == digits.labels).mean() > 0.6


def test_the_wanted_share_has_a_fault_and_the_rest_is_left_alone(drawn: NDArray[np.float32]) -> None:
    many = np.concatenate([drawn] * 5)

    faulty = add_faults(many, 0.3, np.random.default_rng(1))

    changed = (faulty != many).any(axis=(1, 2))
    assert changed.mean() == pytest.approx(0.3, abs=0.05)
    assert (faulty.min(), faulty.max()) == (0, 1)


def test_no_share_is_no_fault(drawn: NDArray[np.float32]) -> None:
    assert np.array_equal(add_faults(drawn, 0, np.random.default_rng(1)), drawn)


def test_the_same_seed_befalls_the_same(drawn: NDArray[np.float32]) -> None:
    first, second, other = (add_faults(drawn, 0.5, np.random.default_rng(seed)) for seed in (1, 1, 2))

    assert np.array_equal(first, second)
    assert not np.array_equal(first, other)


@pytest.mark.parametrize("line", [straight_line, zigzag_line])
def test_lines_only_add_ink_and_a_cover_only_takes_it(line: Fault, drawn: NDArray[np.float32]) -> None:
    assert (line(drawn, np.random.default_rng(1)) >= drawn).all()
    assert (covered(drawn, np.random.default_rng(1)) <= drawn).all()


def test_a_hollow_bar_is_its_outline() -> None:
    bar = np.zeros((1, 56, 56), np.float32)
    bar[:, 10:46, 20:36] = 1

    outline = hollow(bar, np.random.default_rng(1))[0]

    assert outline[28, 28] == 0
    assert outline[28, 20] > 0.9
    assert outline[10, 28] > 0.9

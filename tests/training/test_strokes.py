"""The digits drawn from strokes."""

import numpy as np
import pytest

from inkdigit import Recognizer
from inkdigit.training.pen import pen_widths, write
from inkdigit.training.strokes import COUNTS, HEIGHT, SHEET, Style, draw, draw_digits, sketch

styles = pytest.mark.parametrize(
    ("label", "style"), [row[:2] for row in COUNTS], ids=[row[1].__name__ for row in COUNTS]
)


def test_every_style_is_drawn_in_its_share() -> None:
    digits = draw_digits(np.random.default_rng(1), share=0.01)

    wanted = [sum(count // 100 for label, _, count in COUNTS if label == digit) for digit in range(10)]
    assert np.bincount(digits.labels, minlength=10).tolist() == wanted
    assert min(wanted) > 0


def test_drawn_digits_are_in_mnists_form() -> None:
    digits = draw_digits(np.random.default_rng(1), share=0.005)

    inked = (digits.images > 0).any(axis=2).sum(axis=1), (digits.images > 0).any(axis=1).sum(axis=1)
    assert digits.images.shape[1:] == (28, 28)
    assert np.maximum(*inked).max() <= 20
    assert digits.images.max(axis=(1, 2)).min() == 255


def test_the_same_seed_draws_the_same() -> None:
    first, second, other = (draw_digits(np.random.default_rng(seed), share=0.002) for seed in (1, 1, 2))

    assert np.array_equal(first.images, second.images)
    assert np.array_equal(first.labels, second.labels)
    assert not np.array_equal(first.images, other.images)


@styles
def test_a_sketch_fills_its_sheet_but_for_the_pen(label: int, style: Style) -> None:
    random = np.random.default_rng(2)

    for _ in range(30):
        line = sketch(style(random), random)

        rows, columns = (np.flatnonzero(line.any(axis=axis)) for axis in (1, 0))
        margin = (SHEET - HEIGHT) // 2
        assert max(np.ptp(rows), np.ptp(columns)) == pytest.approx(HEIGHT, abs=1)
        assert min(rows[0], columns[0]) >= margin - 1
        assert max(rows[-1], columns[-1]) <= SHEET - margin


@styles
def test_the_shipped_model_reads_most_of_every_style(recognizer: Recognizer, label: int, style: Style) -> None:
    random = np.random.default_rng(9)
    drawn = write(np.stack([sketch(style(random), random) for _ in range(60)]), pen_widths(60, random))

    read = recognizer.probabilities(np.asarray(drawn / 255, np.float32)).argmax(axis=1)

    assert (read == label).mean() > 0.7


def test_one_drawing_is_a_picture() -> None:
    random = np.random.default_rng(3)

    picture = draw(COUNTS[0][1](random), random)

    assert picture.shape == (28, 28)
    assert picture.max() == 255

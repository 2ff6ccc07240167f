"""The digits drawn from strokes."""

import numpy as np
import pytest

from inkdigit import Recognizer
from inkdigit.training.strokes import COUNTS, Style, draw, draw_digits


def test_every_style_is_drawn_in_its_share() -> None:
    digits = draw_digits(np.random.default_rng(1), share=0.01)

    drawn = np.bincount(digits.labels, minlength=10)
    assert drawn.tolist() == [18, 34, 0, 0, 12, 0, 0, 16, 0, 20]


def test_drawn_digits_are_in_mnists_form() -> None:
    digits = draw_digits(np.random.default_rng(1), share=0.005)

    inked = (digits.images > 0).any(axis=2).sum(axis=1), (digits.images > 0).any(axis=1).sum(axis=1)
    assert digits.images.shape[1:] == (28, 28)
    assert np.maximum(*inked).max() <= 20
    assert digits.images.max(axis=(1, 2)).min() == 255


@pytest.mark.parametrize(("label", "style"), [row[:2] for row in COUNTS], ids=[row[1].__name__ for row in COUNTS])
def test_the_shipped_model_reads_every_style(recognizer: Recognizer, label: int, style: Style) -> None:
    random = np.random.default_rng(9)
    drawn = [draw(style(random), random) for _ in range(60)]
    images = np.asarray(np.stack(drawn) / 255, np.float32)

    read = recognizer.probabilities(images).argmax(axis=1)

    assert (read == label).mean() > 0.9

"""The digits drawn from strokes."""

import numpy as np
import pytest

from inkdigit import Recognizer
from inkdigit.training.strokes import COUNTS, draw, draw_digits


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


@pytest.mark.parametrize(("label", "style"), [(label, style) for label, style, _ in COUNTS], ids=lambda value: str(value))
def test_the_shipped_model_reads_every_style(recognizer: Recognizer, label: int, style: object) -> None:
    random = np.random.default_rng(9)
    images = np.stack([draw(style(random), random) for _ in range(60)]) / np.float32(255)  # type: ignore[operator]

    read = recognizer.probabilities(images).argmax(axis=1)

    assert (read == label).mean() > 0.9

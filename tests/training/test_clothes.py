"""Clothes, shoes and bags."""

import numpy as np
import pytest

from inkdigit.preprocess import normalize
from inkdigit.training.clothes import GARMENTS, Mark, draw_garment


@pytest.mark.parametrize("cut", dict.fromkeys(GARMENTS), ids=lambda cut: str(cut.__name__))
def test_every_garment_has_marks_with_points_and_shades(cut: object) -> None:
    assert callable(cut)
    marks: list[Mark] = [mark for seed in range(40) for mark in cut(np.random.default_rng(seed))]

    assert all(stroke.ndim == 2 and stroke.shape[1] == 2 and len(stroke) > 1 for stroke, _, _ in marks)
    assert all(np.isfinite(stroke).all() and shade >= 0 and width >= 0 for stroke, shade, width in marks)


def test_garments_are_grey_and_fill_the_frame() -> None:
    random = np.random.default_rng(1)
    pictures = [normalize(draw_garment(random)) for _ in range(60)]

    greys = np.mean([np.mean((picture > 0.1) & (picture < 0.9)) / np.mean(picture > 0.1) for picture in pictures])
    assert greys > 0.5
    assert np.mean([np.count_nonzero(picture > 0.1) for picture in pictures]) > 120


def test_most_garments_come_as_small_pictures_and_some_as_larger_ones() -> None:
    random = np.random.default_rng(2)

    assert {draw_garment(random).shape for _ in range(80)} == {(28, 28), (84, 84)}

"""Surfaces of chance and of pattern."""

from collections.abc import Callable

import numpy as np
import pytest

from inkdigit.training.letters import Random
from inkdigit.training.textures import Surface, blots, checks, cut_noise, levels, noise, slope, stripes


@pytest.mark.parametrize("surface", [noise, cut_noise, blots, stripes, checks, slope])
@pytest.mark.parametrize("side", [28, 84])
def test_a_surface_has_the_side_asked_for_and_is_not_even(surface: Callable[[Random, int], Surface], side: int) -> None:
    values = surface(np.random.default_rng(3), side)

    assert values.shape == (side, side)
    assert np.ptp(values) > 0.05


def test_level_stripes_run_from_side_to_side() -> None:
    assert np.ptp(stripes(np.random.default_rng(1), level=True), axis=1).max() < 0.01


def test_levels_keep_to_the_range_of_ink() -> None:
    assert levels(np.array([[-1.0, 0.0, 0.5, 1.0, 3.0]])).tolist() == [[0, 0, 127, 255, 255]]

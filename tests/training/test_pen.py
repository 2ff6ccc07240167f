"""Lines inked with round pens."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray

from inkdigit.training.pen import PENS, batches, ink, lengths, pen_widths, write


def test_pens_run_from_hairlines_to_felt_pens() -> None:
    widths = pen_widths(4000, np.random.default_rng(1))

    shares = [((low <= widths) & (widths < high)).mean() for low, high, _ in PENS]
    assert shares == pytest.approx([share for _, _, share in PENS], abs=0.03)
    assert (widths.min() < 0.03, widths.max() > 0.25) == (True, True)


@settings(max_examples=60, deadline=None)
@given(lines=arrays(np.bool_, (2, 12, 15)), widths=st.tuples(st.floats(1, 8), st.floats(1, 8)))
def test_ink_lies_within_half_a_pen_of_the_line(lines: NDArray[np.bool_], widths: tuple[float, float]) -> None:
    lines[:, 6, 7] = True
    pixels = np.stack(np.meshgrid(np.arange(12), np.arange(15), indexing="ij"), axis=-1)

    inked = ink(lines, np.array(widths))

    for line, width, picture in zip(lines, widths, inked, strict=True):
        distance = np.linalg.norm(pixels[:, :, None] - np.argwhere(line), axis=-1).min(axis=2)
        assert np.abs(picture / 255 - (width / 2 + 0.5 - distance).clip(0, 1)).max() < 0.01


def test_the_length_of_a_digit_is_its_longer_side() -> None:
    lines = np.zeros((2, 50, 50), bool)
    lines[0, 10:31, 20] = True
    lines[1, 10, 5:46] = True

    assert lengths(lines).tolist() == [20, 40]


def test_every_row_is_in_one_batch() -> None:
    pens = pen_widths(1000, np.random.default_rng(1))

    rows = list(batches(pens))

    assert sorted(np.concatenate(rows).tolist()) == list(range(1000))
    assert all(pens[a].max() <= pens[b].min() for a, b in itertools.pairwise(rows))


@pytest.fixture
def corners() -> np.ndarray:
    lines = np.zeros((3, 120, 120), bool)
    lines[:, 20, 30:80] = lines[:, 20:95, 80] = True
    return lines


def test_wider_pens_leave_more_ink(corners: np.ndarray) -> None:
    thin, usual, felt = ink(corners, np.array([2.0, 8.0, 16.0])).sum(axis=(1, 2), dtype=int)

    assert thin < usual < felt


def test_thin_pens_are_seen_alike_and_a_felt_pen_as_a_wider_one(corners: np.ndarray) -> None:
    hairline, thin, felt = write(corners, np.array([0.02, 0.08, 0.2])).sum(axis=(1, 2), dtype=int)

    assert hairline == pytest.approx(thin, rel=0.15)
    assert felt > 1.2 * max(hairline, thin)

"""Placed and spoiled digits: they differ as they say, and remain the digits that they were."""

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from inkdigit import Recognizer
from inkdigit.training.dataset import read_digits
from inkdigit.training.labelled import frames
from inkdigit.training.variations import (
    CORRUPTIONS,
    PAD,
    PAGE,
    PLACEMENTS,
    UNSPOILED,
    placed,
    try_corruptions,
    try_placements,
)

DATA = Path(__file__).parents[1] / "data"
DIGITS = read_digits(DATA, "t10k")[:40]
FRAMES = frames(DIGITS)


def ink_of(page: np.ndarray) -> np.ndarray:
    return np.asarray(255 - page.astype(int))


def box(page: np.ndarray) -> tuple[int, int, int, int]:
    rows, columns = np.nonzero(ink_of(page) > 127)
    return rows.min(), rows.max(), columns.min(), columns.max()


@pytest.mark.parametrize("name", PLACEMENTS)
def test_every_placement_is_a_canvas_with_ink_within(name: str) -> None:
    for digit in FRAMES:
        page = PLACEMENTS[name](digit)

        border = np.concatenate([page[0], page[-1], page[:, 0], page[:, -1]])
        assert page.shape == (PAD, PAD)
        assert page.dtype == np.uint8
        assert ink_of(page).max() > 200
        assert (border == 255).all()


def test_the_side_of_the_frame_sets_the_size_of_the_digit() -> None:
    top, bottom, _, _ = box(placed(FRAMES[0], 252))
    rows = np.flatnonzero((FRAMES[0] > 0.5).any(axis=1))

    assert bottom - top + 1 == pytest.approx((rows[-1] - rows[0] + 1) * 9, abs=9)


def test_a_corner_is_at_the_upper_left() -> None:
    _, bottom, _, right = box(placed(FRAMES[0], 84, corner=True))

    assert max(bottom, right) < PAD / 2


def test_pens_make_strokes_thinner_and_thicker() -> None:
    for digit in FRAMES:
        thin, plain, thick = (int(ink_of(placed(digit, 252, pen=pen)).sum()) for pen in (0.5, 1, 1.8))

        assert thin < plain < thick


@pytest.mark.parametrize("name", CORRUPTIONS)
def test_every_corruption_but_none_changes_the_picture_and_hits_each_one_otherwise(name: str) -> None:
    page = np.full((PAGE, PAGE), 240, np.uint8)
    page[20:90, 50:60] = 40
    random = np.random.default_rng(2)

    spoiled = [as_page(CORRUPTIONS[name](page, random)) for _ in range(4)]

    assert {picture.shape for picture in spoiled} == {(PAGE, PAGE)}
    assert {picture.dtype for picture in spoiled} == {np.dtype(np.uint8)}
    assert (name == UNSPOILED) == all(np.array_equal(page, picture) for picture in spoiled)
    if name not in {UNSPOILED, "white on black"}:
        assert not np.array_equal(spoiled[0], spoiled[1])


def as_page(picture: bytes | np.ndarray) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(picture))) if isinstance(picture, bytes) else picture


def test_the_same_seed_spoils_in_the_same_way() -> None:
    first, again, other = (list(try_corruptions(FRAMES[:4], seed)) for seed in (1, 1, 2))

    assert all(np.array_equal(a.frames, b.frames) for a, b in zip(first, again, strict=True))
    assert not all(np.array_equal(a.frames, b.frames) for a, b in zip(first, other, strict=True))


def test_a_digit_that_only_moved_is_read_as_it_was(recognizer: Recognizer) -> None:
    moved = [tried for tried in try_placements(FRAMES) if "pen" not in tried.name]

    assert [tried.rows.tolist() for tried in moved] == [list(range(40))] * 4
    for tried in moved:
        assert (recognizer.probabilities(tried.frames).argmax(axis=1) == DIGITS.labels).mean() >= 0.95


def test_a_picture_that_is_refused_is_counted_without_a_frame(monkeypatch: pytest.MonkeyPatch) -> None:
    blank = np.full((PAGE, PAGE), 255, np.uint8)
    monkeypatch.setattr("inkdigit.training.variations.CORRUPTIONS", {"wiped": lambda page, random: blank})

    [tried] = try_corruptions(FRAMES[:3])

    assert (tried.name, tried.n, tried.rows.tolist(), tried.frames.shape) == ("wiped", 3, [], (0, 28, 28))

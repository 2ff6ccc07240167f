"""The lines that readers of whole numbers are measured on: what stands where, and that it stays the same."""

import io
import itertools
from pathlib import Path

import numpy as np
import pytest
from benchmarks.drawings import PEN_FILE
from benchmarks.placements import CANVAS
from benchmarks.strings import (
    CELLS,
    CHEQUES,
    INK,
    SCALE,
    all_strings,
    clean,
    long,
    penned,
    photographed,
    side_by_side,
    touching,
)
from numpy.typing import NDArray
from PIL import Image

from benchmarks import strings
from inkdigit.training.dataset import Digits


@pytest.fixture(scope="module")
def digits() -> Digits:
    """Upright bars of ten widths, each its own label, somewhere on 28x28."""
    images = np.zeros((10, 28, 28), np.uint8)
    for label, image in enumerate(images):
        image[4:24, 5 + label % 4 : 8 + label % 4 + label] = 255
    return Digits(images, np.arange(10, dtype=np.uint8))


def opened(picture: bytes) -> Image.Image:
    return Image.open(io.BytesIO(picture))


def runs(row: NDArray[np.uint8]) -> list[tuple[bool, int]]:
    """The lengths of ink and paper along a row."""
    return [(bool(ink), len(list(run))) for ink, run in itertools.groupby(row >= INK)]


def test_digits_stand_as_far_apart_as_was_said(digits: Digits) -> None:
    line = side_by_side(digits.images[[2, 0, 9]], [3, 6])

    assert runs(line[14])[1:-1] == [(True, 5), (False, 3), (True, 3), (False, 6), (True, 12)]


def test_overlapping_digits_share_as_many_columns_as_was_said(digits: Digits) -> None:
    line = side_by_side(digits.images[[2, 0]], [-2])

    assert runs(line[14])[1:-1] == [(True, 5 + 3 - 2)]


def test_a_digit_that_is_wider_to_the_left_than_the_one_before_is_not_cut(digits: Digits) -> None:
    wide, narrow = np.zeros((28, 28), np.uint8), np.zeros((28, 28), np.uint8)
    narrow[4:24, 1:3], wide[4:24, 2:27] = 255, 255

    line = side_by_side(np.stack([narrow, wide]), [-2])

    assert int((line[14] > 0).sum()) == 25


@pytest.mark.parametrize(("make", "lengths"), [(clean, {4}), (touching, {4}), (long, {6, 7, 8, 9, 10})])
def test_composed_lines_are_black_on_white_and_four_times_as_large(
    make: object, lengths: set[int], digits: Digits
) -> None:
    row = make(digits, 20)  # type: ignore[operator]

    pictures = [np.asarray(opened(picture)) for picture in row.pictures]
    assert {len(truth) for truth in row.truths} <= lengths
    assert {picture.shape[0] for picture in pictures} == {28 * SCALE}
    assert all(picture[0].min() == 255 and picture.min() == 0 for picture in pictures)


def test_the_truth_is_what_the_line_shows(digits: Digits) -> None:
    row = clean(digits, 5)

    for picture, truth in zip(row.pictures, row.truths, strict=True):
        small = 255 - np.asarray(opened(picture).reduce(SCALE))
        widths = [length for ink, length in runs(small[14]) if ink]
        assert "".join(str(width - 3) for width in widths) == truth


def test_the_same_lines_are_made_again(digits: Digits) -> None:
    assert photographed(digits, 3) == photographed(digits, 3)
    assert clean(digits, 3).pictures == clean(digits, 5).pictures[:3]


def test_photos_are_jpeg_files_in_colour_that_are_never_as_dark_as_the_paper_is_light(digits: Digits) -> None:
    photos = [opened(picture) for picture in photographed(digits, 10).pictures]

    assert {(photo.format, photo.mode) for photo in photos} == {("JPEG", "RGB")}
    assert all(np.ptp(np.asarray(photo.convert("L"))) > 60 for photo in photos)


def test_light_is_a_share_and_falls_on_everything() -> None:
    light = strings._light((60, 200), np.random.default_rng(4))

    assert light.shape == (60, 200)
    assert 0 < light.min() < light.max() <= 1


def test_real_pictures_are_cut_to_their_size_and_left_out_where_their_file_is(digits: Digits, tmp_path: Path) -> None:
    images = np.full((2, 9, 12), 200, np.uint8)
    np.savez(tmp_path / f"{CHEQUES}.npz", image=images, size=[[9, 12], [5, 7]], label=["18014", "350"])

    rows = all_strings(digits, 1, tmp_path)

    [real] = [row for row in rows if CHEQUES in row.name]
    assert [opened(picture).size for picture in real.pictures] == [(12, 9), (7, 5)]
    assert real.truths == ("18014", "350")
    assert [row for row in rows if CELLS in row.name] == []
    assert len(rows) == 5


def bars(path: Path, writers: str) -> None:
    """A file of pen strokes: ones, which lean the further the later their writer's letter comes."""
    lean = {writer: 10.0 * at for at, writer in enumerate(sorted(set(writers)))}
    points = [[(0, 0, 1), (lean[writer], 90, 1)] for writer in writers]
    offsets = np.arange(len(writers) + 1) * 2
    np.savez(
        path,
        points=np.float32(np.concatenate(points)),
        offsets=offsets,
        label=[1] * len(writers),
        contributor=list(writers),
    )


def test_a_pen_number_is_one_persons_with_room_between_its_digits_or_not(tmp_path: Path) -> None:
    bars(tmp_path / f"{PEN_FILE}.npz", "aabb")

    apart, close = penned(tmp_path, 12)

    assert {len(row) for row in (apart, close)} == {12}
    for row in (apart, close):
        assert all(2 <= len(truth) <= 6 and set(truth) == {"1"} for truth in row.truths)
    for picture, truth in zip(apart.pictures, apart.truths, strict=True):
        image = np.asarray(opened(picture)) < 128
        inked = image.any(axis=0)
        assert image.shape[0] == CANVAS
        assert np.count_nonzero(np.diff(inked.astype(int)) == 1) == len(truth)
        widths = np.diff(np.flatnonzero(np.diff(inked.astype(int))))[::2]
        assert widths.max() - widths.min() <= 4, "one hand's ones lean as far as each other"
    assert sum(opened(picture).width for picture in close.pictures) < sum(opened(p).width for p in apart.pictures)


def test_pen_numbers_are_the_same_every_time(tmp_path: Path) -> None:
    bars(tmp_path / f"{PEN_FILE}.npz", "aab")

    assert penned(tmp_path, 3) == penned(tmp_path, 3)

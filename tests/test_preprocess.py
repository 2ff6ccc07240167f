"""Ink -> 28x28, by itself and with what it is for: where and how large a digit is drawn does not matter."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from tests.drawings import draw, png

from inkdigit import BlankImageError, Recognizer, normalize, read_image
from inkdigit.preprocess import FAINT, lean, normalize_line
from inkdigit.training.dataset import read_digits

DATA = Path(__file__).parent / "data"
digits = st.integers(0, 9)


def label_of(recognizer: Recognizer, picture: np.ndarray) -> int:
    return recognizer.predict(normalize(read_image(png(picture)))[None])[0].label


@pytest.fixture(scope="module")
def upright(recognizer: Recognizer) -> dict[int, int]:
    return {digit: label_of(recognizer, draw(digit)) for digit in range(10)}


def test_the_ten_plain_digits_are_read(upright: dict[int, int]) -> None:
    assert upright == {digit: digit for digit in range(10)}


@settings(max_examples=150, deadline=None)
@given(digit=digits, share=st.floats(0.3, 1.0), across=st.floats(0, 1), down=st.floats(0, 1))
def test_where_and_how_large_a_digit_is_drawn_does_not_matter(
    recognizer: Recognizer, digit: int, share: float, across: float, down: float
) -> None:
    height = 250 * share
    room = 280 - 1.1 * height
    picture = draw(digit, height, left=0.05 * height + across * room, top=0.05 * height + down * room)

    assert label_of(recognizer, picture) == digit


@settings(max_examples=40, deadline=None)
@given(digit=digits, left=st.integers(0, 90), top=st.integers(10, 90))
def test_moving_a_drawing_by_whole_pixels_changes_nothing_at_all(digit: int, left: int, top: int) -> None:
    still = 255 - draw(digit, 160, left=10, top=10)
    moved = np.roll(still, (top - 10, left - 10), (0, 1))

    assert np.array_equal(normalize(moved), normalize(still))


@settings(max_examples=40, deadline=None)
@given(digit=digits, ink=st.integers(0, 170), paper=st.integers(200, 255))
def test_inverting_or_fading_a_drawing_keeps_the_answer(
    recognizer: Recognizer, digit: int, ink: int, paper: int
) -> None:
    picture = (ink + draw(digit) / 255 * (paper - ink)).astype(np.uint8)

    assert label_of(recognizer, picture) == label_of(recognizer, 255 - picture) == digit


@settings(max_examples=200, deadline=None)
@given(arrays(np.uint8, st.tuples(st.integers(1, 60), st.integers(1, 60)), elements=st.integers(0, 255)))
def test_any_ink_becomes_a_frame_or_is_blank(ink: np.ndarray) -> None:
    if not ink.any():
        with pytest.raises(BlankImageError):
            normalize(ink)
        return

    frame = normalize(ink)

    assert frame.shape == (28, 28)
    assert frame.dtype == np.float32
    assert (frame.min() >= 0, frame.max()) == (True, 1)


@pytest.mark.parametrize(
    "ink",
    [
        pytest.param(np.pad(np.full((1, 1), 255, np.uint8), 140), id="a single dot"),
        pytest.param(np.pad(np.full((200, 1), 255, np.uint8), 40), id="an upright line of one pixel"),
        pytest.param(np.pad(np.full((1, 200), 255, np.uint8), 40), id="a level line of one pixel"),
        pytest.param(np.full((280, 280), 255, np.uint8), id="a full canvas"),
        pytest.param(np.pad(np.full((50, 50), 1, np.uint8), 40), id="the faintest ink"),
        pytest.param(np.full((1, 1), 9, np.uint8), id="one pixel in all"),
        pytest.param(np.full((1, 8000), 255, np.uint8), id="a strip"),
    ],
)
def test_odd_drawings_never_crash(recognizer: Recognizer, ink: np.ndarray) -> None:
    prediction = recognizer.predict(normalize(ink)[None])[0]

    assert 0 <= prediction.label <= 9
    assert sum(prediction.probabilities) == pytest.approx(1, abs=1e-4)


@pytest.mark.parametrize("shape", [(280, 280), (1, 1), (0, 5), (5, 0)])
def test_blank_paper_is_never_a_digit(shape: tuple[int, int]) -> None:
    with pytest.raises(BlankImageError, match="blank"):
        normalize(np.zeros(shape, np.uint8))


@pytest.mark.parametrize("function", [normalize, normalize_line])
@pytest.mark.parametrize(
    ("ink", "kind"),
    [
        (np.ones((9, 9, 3), np.uint8), r"\(9, 9, 3\) uint8"),
        (np.ones((9, 9), np.float32), r"\(9, 9\) float32"),
        (np.ones(9, np.uint8), r"\(9,\) uint8"),
        ([[0, 255], [255, 0]], "list"),
        (b"\x89PNG", "bytes"),
        (None, "NoneType"),
    ],
)
def test_what_is_no_ink_is_refused_with_what_it_should_be(
    function: Callable[[Any], np.ndarray], ink: Any, kind: str
) -> None:
    with pytest.raises(ValueError, match=rf"ink must be \(H, W\) uint8, not {kind}; see inkdigit\."):
        function(ink)


@pytest.mark.parametrize("pen", [2, 4, 8, 12])
def test_a_thin_pens_strokes_are_widened_to_a_usual_pens(pen: int) -> None:
    thin, usual = (normalize(255 - draw(0, pen=width)).sum() for width in (pen, 18))

    assert thin == pytest.approx(usual, rel=0.15)


def test_a_felt_pens_strokes_are_thinned() -> None:
    usual, felt = (normalize(255 - draw(0, pen=pen)).sum() for pen in (18, 44))

    assert usual < felt < 1.8 * usual


def test_no_stroke_is_lost_where_others_fill_what_lies_between_them() -> None:
    ink = np.zeros((100, 100), np.uint8)
    ink[10:90, 10:60] = 255  # loops that filled up make strokes wide on the average
    ink[74:86, 60:90] = 255

    frame = normalize(ink)

    assert (frame.max(axis=0) > 0.5).sum() >= 18


def test_on_grainy_paper_a_thin_pens_strokes_stay_as_they_are() -> None:
    clean = 255 - draw(0, pen=6)
    grainy = clean.copy()
    grainy[60:220:8, 90:200:8] |= 80

    assert normalize(clean).sum() > 1.5 * normalize(grainy).sum()


def test_a_filled_square_stays_one() -> None:
    assert normalize(np.full((100, 100), 255, np.uint8)).sum() == 20 * 20


def test_proportions_are_kept() -> None:
    ink = np.zeros((100, 100), np.uint8)
    ink[10:90, 40:60] = 255
    ink[17:83, 47:53] = 0  # a frame of a usual pen's width: neither thinned nor widened

    inked = normalize(ink) > 0

    assert inked.any(axis=1).sum() == 20
    assert inked.any(axis=0).sum() == 5


def test_mnist_is_in_this_form_already() -> None:
    images = read_digits(DATA, "t10k").images[:2000]

    same = [np.abs(normalize(image) - image / image.max()).max() <= FAINT for image in images]

    assert np.mean(same) > 0.99


def test_enlarging_a_picture_keeps_its_frame() -> None:
    image = read_digits(DATA, "t10k").images[0]

    enlarged = normalize(image.repeat(6, axis=0).repeat(6, axis=1))

    assert np.abs(enlarged - normalize(image)).max() < 1e-5


def test_a_line_leans_about_its_middle_and_keeps_its_ink() -> None:
    stem = np.zeros((32, 41), np.float32)
    stem[:, 20] = 1.0

    leaning = lean(stem, 0.5, 1.0)

    columns = leaning.argmax(axis=1)
    middle = (leaning.shape[1] - 1) / 2
    assert leaning.shape[1] % 2 == 0
    assert columns[0] - columns[-1] == pytest.approx(0.5 * 31, abs=1)
    assert abs((columns[15] + columns[16]) / 2 - middle) <= 1
    assert leaning.max() == 1.0


def test_a_narrower_line_is_narrower() -> None:
    bar = np.zeros((32, 100), np.float32)
    bar[:, 20:80] = 1.0

    narrow = lean(bar, 0.0, 0.5)

    assert narrow[16].sum() == pytest.approx(30, abs=1)

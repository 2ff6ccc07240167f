import io

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given, settings
from numpy.typing import NDArray
from PIL import Image
from tests.conftest import number

from inkdigit.annotate import DOUBTFUL, FIELD, SURE, annotate
from inkdigit.number import Box, Number


def drawn(height: int, width: int, numbers: list[Number], fields: tuple[Box, ...] = ()) -> NDArray[np.uint8]:
    return np.asarray(Image.open(io.BytesIO(annotate(np.full((height, width), 200, np.uint8), numbers, fields))))


def where(picture: NDArray[np.uint8], colour: tuple[int, int, int]) -> NDArray[np.bool_]:
    return np.asarray((picture == colour).all(axis=2))


def orange(picture: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """Where the picture is rather orange, as letters are at their soft edges too."""
    return np.asarray(picture[..., 0].astype(int) - picture[..., 2] > 60)


def test_a_page_without_numbers_stays_as_it_is() -> None:
    assert (drawn(20, 30, []) == 200).all()


def test_a_number_has_a_box_round_it_and_its_text_above() -> None:
    blue = where(drawn(100, 120, [number("4007", x=20, y=50)]), SURE)

    rows, columns = np.nonzero(blue[50:])
    assert (rows.min(), rows.max(), columns.min(), columns.max()) == (0, 15, 20, 59)
    assert blue[34:48, 20:60].any()
    assert not blue[:34].any()


def test_only_what_is_in_doubt_is_orange() -> None:
    doubtful = drawn(100, 120, [number("4007", x=20, y=50, doubtful="7")])

    columns = np.nonzero(where(doubtful, DOUBTFUL)[50:])[1]
    assert (columns.min(), columns.max()) == (50, 59)
    assert orange(doubtful)[:50].any()
    assert not orange(drawn(100, 120, [number("4007", x=20, y=50)])).any()


def test_a_number_at_the_upper_edge_has_its_text_below() -> None:
    blue = where(drawn(100, 120, [number("4007", x=20, y=2)]), SURE)

    assert blue[20:40].any()


def test_fields_are_framed_in_grey() -> None:
    grey = where(drawn(100, 120, [], (Box(10, 20, 30, 40),)), FIELD)

    rows, columns = np.nonzero(grey)
    assert (rows.min(), rows.max(), columns.min(), columns.max()) == (20, 59, 10, 39)


@settings(max_examples=25, deadline=None)
@given(
    st.integers(1, 60),
    st.integers(1, 60),
    st.integers(0, 59),
    st.integers(0, 59),
    st.text("0123456789.-", min_size=1, max_size=12),
)
def test_no_place_is_too_narrow_to_draw_in(height: int, width: int, x: int, y: int, text: str) -> None:
    assert drawn(height, width, [number(text, x=min(x, width - 1), y=min(y, height - 1))]).shape == (height, width, 3)


@pytest.mark.parametrize("box", [Box(5, 5, 0, 0), Box(0, 0, 30, 20)])
def test_a_box_without_extent_or_as_large_as_the_page_is_drawn(box: Box) -> None:
    assert where(drawn(20, 30, [], (box,)), FIELD).any()

import numpy as np
import pytest

from inkdigit.segment import Piece, blanks, divide, is_apart

pytest.importorskip("cv2", reason="OpenCV is not installed: pip install 'inkdigit[read]'")


def sheet(*boxes: tuple[int, int, int, int]) -> np.ndarray:
    """A line of 40x120 with filled boxes (left, top, right, bottom)."""
    ink = np.zeros((40, 120), np.uint8)
    for left, top, right, bottom in boxes:
        ink[top:bottom, left:right] = 255
    return ink


def test_characters_that_stand_apart_are_whole_and_alone() -> None:
    ink = sheet((10, 5, 20, 35), (50, 5, 60, 35), (90, 5, 100, 35))

    pieces = divide(ink, [15, 55, 95])

    assert [(piece.x, piece.y, piece.whole) for piece in pieces] == [(9, 4, True), (49, 4, True), (89, 4, True)]
    assert [int((piece.ink > 0).sum()) for piece in pieces] == [300, 300, 300]


def test_a_stroke_that_leans_over_its_neighbour_goes_to_its_own_character() -> None:
    ink = sheet((10, 5, 20, 35), (30, 20, 40, 35))
    ink[5:8, 10:34] = 255  # the first one's bar reaches over the second one

    first, second = divide(ink, [15, 35])

    assert (first.whole, second.whole) == (True, True)
    assert first.ink.shape[1] >= 24
    assert int((second.ink > 0).sum()) == 150


def test_what_hangs_together_is_cut_where_there_is_least_ink() -> None:
    ink = sheet((10, 5, 40, 35), (60, 5, 90, 35), (40, 20, 60, 22))

    first, second = divide(ink, [25, 75])

    assert (first.whole, second.whole) == (False, False)
    assert first.x + first.ink.shape[1] == pytest.approx(50, abs=2)


def test_all_ink_is_given_to_some_character() -> None:
    ink = sheet((0, 5, 30, 35), (28, 10, 60, 30), (80, 0, 119, 40))

    pieces = divide(ink, [10, 40, 100])

    assert sum(int((piece.ink > 0).sum()) for piece in pieces) >= int((ink > 0).sum())


def test_a_character_without_ink_is_a_single_white_pixel() -> None:
    [piece] = divide(np.zeros((10, 10), np.uint8), [5])

    assert (piece.ink.tolist(), piece.whole) == ([[0]], False)


def row_of(*gaps: float) -> list[Piece]:
    """Characters of 20x40 pixels with these gaps between them, in heights."""
    lefts = np.cumsum([0, *(20 + round(40 * gap) for gap in gaps)])
    return [Piece(np.full((40, 20), 255, np.uint8), int(left), 0, whole=True) for left in lefts]


@pytest.mark.parametrize(
    ("gaps", "last"),
    [
        ((0.1, 0.8, 0.1), [1]),
        ((0.1, 0.7, 0.2, 0.9), [1, 3]),
        ((-0.3, 0.6, 0.05), [1]),
        ((0.1, 0.4, 0.1), []),  # wider than the others, and still no blank
        ((0.6, 0.5, 0.7), []),  # far apart, all of them
        ((0.4, 0.65, 0.3), []),
        ((0.9,), []),  # nothing to compare it with
        ((), []),
    ],
)
def test_a_number_ends_where_a_blank_is_far_wider_than_the_gaps_elsewhere(
    gaps: tuple[float, ...], last: list[int]
) -> None:
    assert blanks(row_of(*gaps), [True] * (len(gaps) + 1)) == last


@pytest.mark.parametrize("narrow", [(0,), (1,), (3,), (0, 1), (1, 2), (2, 3), (0, 3), (1, 2, 3)])
@pytest.mark.parametrize("pitch", [40, 44, 52])
def test_evenly_written_digits_are_one_number_however_narrow_some_are(narrow: tuple[int, ...], pitch: int) -> None:
    widths = [8 if place in narrow else 30 for place in range(4)]
    pieces = [
        Piece(np.full((40, width), 255, np.uint8), pitch * place - width // 2, 0, whole=True)
        for place, width in enumerate(widths)
    ]

    assert blanks(pieces, [True] * 4) == []


def test_a_number_ends_before_a_narrow_digit_too() -> None:
    lefts = [0, 12, 24, 70, 82]  # 111 11
    pieces = [Piece(np.full((40, 6), 255, np.uint8), left, 0, whole=True) for left in lefts]

    assert blanks(pieces, [True] * 5) == [2]


def test_no_number_ends_beside_a_sign() -> None:
    pieces = row_of(0.1, 0.8, 0.1, 0.9, 0.1)

    assert blanks(pieces, [True, True, False, True, True, True]) == [3]


@pytest.mark.parametrize(
    ("tall", "between", "apart"), [(20, 8, True), (40, 8, True), (10, 8, False), (20, 1, False), (20, -4, False)]
)
def test_ink_stands_apart_where_two_tall_parts_have_a_gap_between_them(tall: int, between: int, apart: bool) -> None:
    ink = np.zeros((40, 60), np.uint8)
    ink[:, :20] = 255
    ink[-tall:, 20 + between : 26 + between] = 255

    assert is_apart(Piece(ink, 0, 0, whole=True)) == apart

"""Lines of numbers: what is written is what is said to be written, and every fault leaves a line."""

from pathlib import Path

import numpy as np
import pytest

from inkdigit.number import LABELS
from inkdigit.preprocess import LINE_HEIGHT
from inkdigit.training import lines
from inkdigit.training.dataset import read_digits
from inkdigit.training.lines import (
    LARGEST,
    STEP,
    Glyphs,
    LineMaker,
    any_text,
    classes_of,
    random_text,
    side_by_side,
    write_line,
    written,
)

DATA = Path(__file__).parents[1] / "data"


@pytest.fixture(scope="module")
def glyphs() -> Glyphs:
    return Glyphs.of(read_digits(DATA, "t10k")[:400], np.random.default_rng(0), 0.01)


def pieces_of(line: np.ndarray) -> int:
    """How many runs of columns hold ink."""
    inked = np.asarray((line > 100).any(axis=0))
    return int((inked[1:] & ~inked[:-1]).sum() + inked[0])


def test_every_label_has_glyphs_from_fine_to_wide(glyphs: Glyphs) -> None:
    assert len(glyphs.rows) == len(glyphs.own) == 10
    assert all(len(rows) > len(own) > 0 for rows, own in zip(glyphs.rows, glyphs.own, strict=True))
    for rows in glyphs.rows:
        tenth = max(1, len(rows) // 10)
        finest, widest = (glyphs.images[part].mean() for part in (rows[:tenth], rows[-tenth:]))
        assert finest < widest


def test_a_plain_line_shows_its_digits_side_by_side(glyphs: Glyphs) -> None:
    random = np.random.default_rng(1)
    found = [pieces_of(write_line(glyphs, "0808", random, plain=True)) for _ in range(40)]

    assert float(np.mean([count == 4 for count in found])) > 0.4  # a crowded hand or a wide pen joins many


@pytest.mark.parametrize("text", ["7", "-12", "3.50", "12/03/2024", "1:2=3", "$ 400", "1 234 567,89"])
def test_every_text_becomes_a_line(glyphs: Glyphs, text: str) -> None:
    line = write_line(glyphs, text, np.random.default_rng(2))

    assert line.shape[0] == LINE_HEIGHT
    assert line.dtype == np.uint8
    assert line.max() > 60


def extents(line: np.ndarray) -> list[tuple[int, int]]:
    """The first and the last row of ink of each run of columns that holds some."""
    inked = np.flatnonzero((line > 100).any(axis=0))
    runs = np.split(inked, np.flatnonzero(np.diff(inked) > 1) + 1)
    rows = [np.flatnonzero((line[:, run] > 100).any(axis=1)) for run in runs]
    return [(int(each[0]), int(each[-1])) for each in rows]


def over(glyphs: Glyphs, text: str, seed: int) -> np.ndarray:
    """(N, 2) by what share of a digit's height the sign in the middle of plain lines reaches above and below both."""
    random = np.random.default_rng(seed)
    found = [extents(write_line(glyphs, text, random, plain=True)) for _ in range(120)]
    reach = [
        ((min(a[0], c[0]) - b[0]) / (a[1] - a[0]), (b[1] - max(a[1], c[1])) / (a[1] - a[0]))
        for a, b, c in (each for each in found if len(each) == 3)
    ]
    return np.array(reach)


def test_most_commas_reach_below_the_base_line(glyphs: Glyphs) -> None:
    above, below = over(glyphs, "8,0", 12).T

    assert len(below) > 30
    assert 0.5 < float((below > 0.04).mean()) < 0.95
    assert 0.2 < below.max() < 0.6
    assert above.max() < -0.1


def test_slashes_reach_above_digits_and_below_them(glyphs: Glyphs) -> None:
    above, below = over(glyphs, "8/0", 13).T

    assert len(below) > 30
    assert float((below > 0.04).mean()) > 0.5
    assert float((above > 0.04).mean()) > 0.5
    assert max(above.max(), below.max()) < 0.6


@pytest.mark.parametrize("fault", [fault for _, fault in lines._FAULTS])
def test_no_fault_changes_the_height_or_wipes_out_the_line(glyphs: Glyphs, fault: object) -> None:
    random = np.random.default_rng(3)
    hand = lines._hand(random, plain=True)
    line = lines._compose(glyphs, "4077", hand, random)

    spoiled = fault(line.copy(), hand, random)  # type: ignore[operator]

    assert spoiled.shape[0] == LINE_HEIGHT
    assert 0.3 < spoiled.max() <= 1.3
    assert np.isfinite(spoiled).all()


def test_texts_have_as_many_digits_as_asked() -> None:
    random = np.random.default_rng(4)
    texts = [random_text(random, 3, 5) for _ in range(300)]

    counts = {sum(sign.isdecimal() for sign in text) for text in texts}
    assert counts == {3, 4, 5}


def test_texts_hold_every_sign_that_is_read() -> None:
    random = np.random.default_rng(5)

    assert set("".join(written(any_text(random)) for _ in range(3000))) == set(LABELS)


def test_gaps_and_marks_are_not_read() -> None:
    assert written("$ 1 234,50 €-") == "1234,50-"


def test_classes_count_from_one_and_end_in_nothing() -> None:
    assert classes_of(["09", "-"]).tolist() == [[1, 10], [LABELS.index("-") + 1, 0]]


def test_lines_of_several_widths_make_one_batch() -> None:
    batch = side_by_side([np.full((LINE_HEIGHT, 10), 255, np.uint8), np.full((LINE_HEIGHT, 40), 51, np.uint8)])

    assert batch.shape == (2, LINE_HEIGHT, 2 * STEP, 1)
    assert batch[0, :, :10].min() == 1.0
    assert batch[0, :, 10:].max() == 0.0
    assert batch[1, 0, 39, 0] == pytest.approx(0.2)


def test_a_batch_depends_on_its_place_alone(glyphs: Glyphs) -> None:
    first, again = (LineMaker(glyphs, 4, 20, seed=1) for _ in range(2))
    first.make(0, 0, 0.1)

    expected, found = first.make(3, 9, 0.1), again.make(3, 9, 0.1)

    np.testing.assert_array_equal(expected[0], found[0])
    np.testing.assert_array_equal(expected[1], found[1])
    assert len(first) == 20
    assert found[0].shape[2] <= LARGEST


@pytest.mark.parametrize("count", [2, 3, 5])
def test_zeros_knotted_together_have_a_ring_each(count: int) -> None:
    random = np.random.default_rng(7)
    low = [lines._knotted(count, 0.5, 0.4, random)[:, 1] > 0.35 for _ in range(100)]  # where few knots hang down to

    assert np.median([int((part[1:] & ~part[:-1]).sum()) for part in low]) == count


def test_a_bend_moves_ink_and_makes_none(glyphs: Glyphs) -> None:
    random = np.random.default_rng(8)
    hand = lines._hand(random, plain=True)
    line = lines._compose(glyphs, "4077", hand, random)

    bent = [lines._bent(line, hand, random) for _ in range(20)]

    assert all(one.shape == line.shape for one in bent)
    assert not np.array_equal(bent[0], bent[1])
    assert float(np.mean([one.sum() for one in bent])) == pytest.approx(float(line.sum()), rel=0.15)
    assert max(float(one.max()) for one in bent) <= line.max()


def test_sums_of_money_have_their_thousands_apart_and_are_often_round() -> None:
    random = np.random.default_rng(9)
    sums = [lines._sum("1234567", random) for _ in range(300)]

    assert {one for one in sums if not one.endswith("00")} == {"1.234.567", "1234567", "1,234,567", "1 234 567"}
    assert 0.25 < float(np.mean([one.endswith("00") for one in sums])) < 0.55

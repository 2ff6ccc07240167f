"""Accepted drawings on their way into training: read as pictures are, split by writer, and bounded."""

import io
from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from tests.drawings import draw

from inkdigit import normalize, read_image
from inkdigit.feedback import ANONYMOUS
from inkdigit.training.corrections import REPEATS, By, Corrections, bounded, judges, read_corrections
from inkdigit.training.ink import NOT_A_DIGIT

many_sizes = st.lists(st.integers(1, 5_000), min_size=1, max_size=40)
shares = st.floats(0.01, 1.0)
budgets = st.floats(10, 20_000)


@dataclass
class Drawn:
    """An accepted drawing."""

    id: int
    image: bytes
    truth: int | None
    source: str


def png(digit: int, pen: float = 18) -> bytes:
    file = io.BytesIO()
    Image.fromarray(draw(digit, pen=pen)).save(file, "PNG")
    return file.getvalue()


def drawings(writers: int = 20, each: int = 5) -> list[Drawn]:
    """Drawings, all of which differ."""
    numbers = range(writers * each)
    return [Drawn(n, png(n % 10, 10 + n / 20), n % 10, f"writer-{n // each}") for n in numbers]


def sides(found: tuple[Corrections, Corrections]) -> tuple[set[int], set[int]]:
    training, judging = found
    return set(training.ids), set(judging.ids)


def test_drawings_take_the_road_that_pictures_take() -> None:
    found = read_corrections([Drawn(7, png(3), 3, "ann"), Drawn(9, png(5), None, "bob")])

    assert np.array_equal(found.frames[0], normalize(read_image(png(3))))
    assert np.abs(found.images / 255 - found.frames).max() <= 0.5 / 255 + 1e-6
    assert (found.labels.tolist(), found.ids, found.sources) == ([3, NOT_A_DIGIT], (7, 9), ("ann", "bob"))


def test_what_cannot_be_read_is_left_out_and_counted(caplog: pytest.LogCaptureFixture) -> None:
    file = io.BytesIO()
    Image.new("L", (280, 280), 255).save(file, "PNG")

    found = read_corrections([Drawn(1, b"junk", 1, "ann"), Drawn(2, file.getvalue(), None, "ann"), *drawings(1, 1)])

    assert (len(found), found.unusable) == (1, 2)
    assert "drawing 1 is left out" in caplog.text


def test_no_drawings_are_no_corrections() -> None:
    training, judging = read_corrections([]).split()

    assert (len(training), len(judging), training.weights(100, 0.1).shape) == (0, 0, (0,))


def test_every_writer_is_wholly_on_one_side() -> None:
    training, judging = read_corrections(drawings()).split()

    assert set(training.sources) & set(judging.sources) == set()
    assert set(training.sources) | set(judging.sources) == {f"writer-{n}" for n in range(20)}
    assert min(len(set(training.sources)), len(set(judging.sources))) >= 2


def test_a_drawing_stays_on_its_side_whatever_else_comes_and_goes() -> None:
    all_of_them = drawings()
    some = all_of_them[::3]

    before, after = (sides(read_corrections(each).split()) for each in (some, all_of_them))

    assert before[0] <= after[0]
    assert before[1] <= after[1]


def test_about_three_in_ten_judge() -> None:
    assert sum(judges(f"writer {n}") for n in range(2_000)) == pytest.approx(600, abs=80)


@pytest.mark.parametrize("by", list(By))
def test_drawings_that_nobody_signed_are_split_one_by_one_the_same_picture_to_the_same_side(by: By) -> None:
    unsigned = [Drawn(one.id, one.image, one.truth, ANONYMOUS) for one in drawings()]
    again = [Drawn(one.id + 1_000, one.image, one.truth, ANONYMOUS) for one in unsigned]

    training, judging = sides(read_corrections([*unsigned, *again], by).split())

    assert min(len(training), len(judging)) >= 20
    assert {number % 1_000 for number in training} & {number % 1_000 for number in judging} == set()


def test_one_persons_drawings_can_be_split_where_that_is_asked_for() -> None:
    training, judging = read_corrections(drawings(1, 40), By.DRAWING).split()

    assert min(len(training), len(judging)) >= 5


def test_drawings_of_one_writer_go_together_when_they_judge() -> None:
    found = read_corrections(drawings(3, 4)).to_judge()

    assert len(set(found.units.tolist())) == 3
    assert len(set(found.units[:4].tolist())) == 1


def test_what_nobody_signed_has_one_say_unless_every_drawing_has() -> None:
    unsigned = [Drawn(one.id, one.image, one.truth, ANONYMOUS) for one in drawings(2, 5)]

    by_writer, by_drawing = (read_corrections(unsigned, by).to_judge() for by in (By.WRITER, By.DRAWING))

    assert len(set(by_writer.units.tolist())) == 1
    assert len(set(by_drawing.units.tolist())) == 10


# --- the bound


@given(many_sizes, budgets, shares)
def test_no_source_weighs_more_than_its_share(sizes: list[int], budget: float, share: float) -> None:
    found = bounded(np.array(sizes), budget, share)

    assert found.max() <= max(share, 1 / len(sizes)) * found.sum() * (1 + 1e-6)
    assert found.max() <= share * budget * (1 + 1e-6)


@given(many_sizes, budgets, shares)
def test_corrections_never_take_more_than_their_part_of_an_epoch(sizes: list[int], budget: float, share: float) -> None:
    found = bounded(np.array(sizes), budget, share)

    assert 0 < found.sum() <= budget * (1 + 1e-6)
    assert (found <= REPEATS * np.array(sizes) * (1 + 1e-6)).all()


@given(many_sizes, budgets, shares)
def test_below_the_bound_every_drawing_weighs_the_same(sizes: list[int], budget: float, share: float) -> None:
    found = bounded(np.array(sizes), budget, share)

    each = found / np.array(sizes)
    unbounded = each[found < found.max() * (1 - 1e-6)]
    assert np.allclose(unbounded, each.max())


def test_a_flood_from_one_source_weighs_as_much_as_the_bound_says() -> None:
    crowd = [Drawn(n, png(n % 10), n % 10, f"writer-{n % 15}") for n in range(60)]
    flood = [Drawn(1_000 + n, crowd[0].image, 0, "flood") for n in range(600)]

    found = read_corrections([*crowd, *flood])

    weights = found.weights(budget=5_000, share=0.1)
    weight_of_flood = weights[np.array(found.sources) == "flood"].sum()
    assert weight_of_flood == pytest.approx(0.1 * weights.sum(), rel=1e-6)
    assert len(weights) == 660


def test_those_who_left_no_name_share_one_bound() -> None:
    crowd = [Drawn(n, png(n % 10), n % 10, f"writer-{n % 15}") for n in range(60)]
    nobody = [Drawn(1_000 + n, crowd[0].image, 0, ANONYMOUS) for n in range(500)]

    found = read_corrections([*crowd, *nobody])

    weights = found.weights(budget=5_000, share=0.1)
    assert weights[60:].sum() == pytest.approx(0.1 * weights.sum(), rel=1e-6)

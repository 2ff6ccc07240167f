"""The gates between an old model and a new one: their test is exact, and says what it can see."""

import itertools
import math
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from inkdigit.recognizer import Recognizer
from inkdigit.training import gates
from inkdigit.training.gates import (
    Aim,
    Drawings,
    Exam,
    Pairs,
    decide,
    fewest_units,
    held_back_by,
    least_difference,
    no_worse,
    sign_flip,
    sit,
)
from inkdigit.training.ink import NOT_A_DIGIT
from inkdigit.training.labelled import Labelled
from inkdigit.training.measures import mcnemar
from inkdigit.training.strokes import draw_digits

differences = st.lists(st.integers(-6, 6), max_size=9)


def counted_out(found: Sequence[int]) -> float:
    """The p-value by trying every choice of signs."""
    sums = [sum(choice) for choice in itertools.product(*((size, -size) for size in map(abs, found)))]
    return sum(each >= sum(found) for each in sums) / len(sums)


def at_least(heads: int, n: int) -> float:
    """The chance of so many heads of n fair coins."""
    return sum(math.comb(n, k) for k in range(heads, n + 1)) / 2.0**n


def pairs(lost: int, gained: int, both: int = 0) -> Pairs:
    old = [True] * lost + [False] * gained + [True] * both
    new = [False] * lost + [True] * gained + [True] * both
    return Pairs(np.array(old, np.bool_), np.array(new, np.bool_))


@given(differences)
def test_the_p_value_is_the_share_of_all_sign_changes_that_go_as_far(found: list[int]) -> None:
    assert sign_flip(np.array(found, np.int64)) == pytest.approx(counted_out(found), abs=1e-12)


@given(st.integers(0, 60), st.integers(0, 60))
def test_where_pictures_stand_for_themselves_it_is_the_exact_binomial_test(gained: int, lost: int) -> None:
    found = sign_flip(np.array([1] * gained + [-1] * lost, np.int64))

    assert found == pytest.approx(at_least(gained, gained + lost), rel=1e-9)


def test_twice_the_smaller_tail_is_mcnemars_two_sided_value() -> None:
    assert 2 * sign_flip(np.array([1] * 14 + [-1] * 5)) == pytest.approx(mcnemar(14, 5))


@given(st.integers(0, 40), st.integers(0, 40), st.floats(0.001, 0.4))
def test_the_least_difference_counts_and_a_lesser_one_does_not(gained: int, lost: int, level: float) -> None:
    n = gained + lost

    least = least_difference(np.array([1] * gained + [-1] * lost, np.int64), level)

    if n < fewest_units(level):
        assert least == fewest_units(level) > n
    else:
        assert at_least((n + least) // 2, n) <= level < at_least((n + least) // 2 - 1, n)


@given(st.floats(0.0001, 0.49))
def test_fewer_units_than_the_fewest_can_never_count(level: float) -> None:
    fewest = fewest_units(level)

    assert 0.5**fewest <= level < 0.5 ** (fewest - 1)


@pytest.mark.parametrize(
    ("lost", "gained", "passes"), [(0, 0, True), (4, 0, True), (5, 0, False), (12, 9, True), (21, 9, False)]
)
def test_a_model_is_held_back_only_by_losses_beyond_chance(lost: int, gained: int, passes: bool) -> None:
    gate = decide("digits", "old", pairs(lost, gained, both=300))

    assert gate.passed is passes
    assert (gate.n, gate.lost, gate.gained, gate.new_errors - gate.old_errors) == (
        300 + lost + gained, lost, gained, lost - gained,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("lost", "gained", "passes"), [(0, 0, False), (0, 4, False), (0, 5, True), (9, 12, False), (9, 21, True)]
)
def test_better_means_gains_beyond_chance(lost: int, gained: int, passes: bool) -> None:
    assert decide("drawings", "old", pairs(lost, gained), Aim.BETTER).passed is passes


def test_one_writer_alone_never_makes_a_model_better() -> None:
    old, new = np.zeros(500, np.bool_), np.ones(500, np.bool_)

    gate = decide("drawings", "old", Pairs(old, new, np.zeros(500, np.intp)), Aim.BETTER)

    assert (gate.p_value, gate.gained, gate.units, gate.passed) == (0.5, 500, 1, False)


def test_a_level_is_kept_to() -> None:
    strict, lax = (decide("drawings", "old", pairs(0, 6), Aim.BETTER, level) for level in (0.01, 0.05))

    assert (strict.p_value, strict.passed, lax.passed) == (1 / 64, False, True)


def test_a_model_no_better_than_the_old_one_passes_for_better_as_rarely_as_the_level_says() -> None:
    random = np.random.default_rng(1)
    units = np.repeat(np.arange(40), 5)
    tries = [Pairs(random.random(200) < 0.8, random.random(200) < 0.8, units) for _ in range(1000)]

    passed = sum(decide("drawings", "old", each, Aim.BETTER).passed for each in tries)

    assert passed < 80  # of 1,000 at a level of 0.05; more than 79 in one of 30,000 trials


def test_no_pictures_at_all_hold_nothing_back_and_are_no_gain() -> None:
    none = pairs(0, 0)

    assert decide("drawings", "old", none).passed
    assert not decide("drawings", "old", none, Aim.BETTER).passed


def test_a_gates_figures_are_ready_for_a_card() -> None:
    figures = decide("digits", "old", pairs(8, 1, both=91)).figures()

    assert figures == {
        "name": "digits", "against": "old", "aim": "no worse", "n": 100, "units": 100, "old_errors": 1, "new_errors": 8,
        "lost": 8, "gained": 1, "p_value": 0.0195, "least": 7, "level": 0.05, "passed": False,
    }  # fmt: skip


# --- the exam


class Blind:
    """Takes everything for the same digit."""

    version = "blind"

    def __init__(self, recognizer: Recognizer) -> None:
        self._card = recognizer.card

    def predict(self, images: np.ndarray) -> list[object]:
        from inkdigit.recognizer import Prediction

        return [Prediction(1, 1.0, (0.0, 1.0, *[0.0] * 8), True) for _ in images]


@pytest.fixture(scope="module")
def exam() -> Exam:
    """Digits drawn from strokes, and pictures that are none: the same ones upside down in ink."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(gates, "SPOILED", 10)
        digits = draw_digits(np.random.default_rng(4), 0.004)
        noise = np.random.default_rng(5).random((20, 28, 28)).astype(np.float32)
        labelled = Labelled.of("drawn", digits, others=noise)
        labels = np.where(np.arange(20) < 10, digits.labels[:20], NOT_A_DIGIT).astype(np.uint8)
        frames = np.concatenate([labelled.frames[:10], noise[:10]])
        return Exam.of(labelled, Drawings(frames, labels, np.arange(20)))


def test_a_model_passes_against_itself(exam: Exam, recognizer: Recognizer) -> None:
    sat = sit(recognizer, exam)

    assert held_back_by(no_worse(exam, sat, sat)) == []


def test_a_model_that_has_gone_blind_is_held_back_everywhere_it_is_worse(exam: Exam, recognizer: Recognizer) -> None:
    found = no_worse(exam, sit(recognizer, exam), sit(Blind(recognizer), exam))  # type: ignore[arg-type]

    assert {gate.name for gate in held_back_by(found)} == {
        "MNIST held out: read", "no digits: refused", "spoiled digits: read",
    }  # fmt: skip


def test_a_digit_is_read_right_only_if_it_is_taken_for_one_and_what_is_none_if_it_is_refused(
    exam: Exam, recognizer: Recognizer
) -> None:
    blind, seeing = sit(Blind(recognizer), exam), sit(recognizer, exam)  # type: ignore[arg-type]

    assert seeing.drawings[:10].sum() >= 9
    assert seeing.drawings[10:].all()
    assert not blind.drawings[10:].any()


def test_the_forms_of_one_digit_are_one_unit(exam: Exam, recognizer: Recognizer) -> None:
    sat = sit(recognizer, exam)

    [spoiled] = [gate for gate in no_worse(exam, sat, sat) if gate.name == "spoiled digits: read"]

    assert spoiled.units == 10
    assert spoiled.n == sum(len(tried.rows) for tried in exam.spoiled) > 100

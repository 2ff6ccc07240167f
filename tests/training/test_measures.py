"""Measures of answers, against closed forms and against counting one by one."""

import itertools
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from inkdigit.training.measures import (
    auroc,
    calibration_error,
    fit_temperature,
    interval,
    logits_of,
    mcnemar,
    reliability,
    risk_coverage,
    roc,
    softmax,
)

answers = st.lists(st.tuples(st.sampled_from([0.0, 0.2, 0.5, 0.5001, 0.9, 0.99, 1.0]), st.booleans()), min_size=1)
scores = st.lists(st.integers(0, 8).map(lambda tenth: tenth / 8), min_size=1, max_size=20)


def split(pairs: list[tuple[float, bool]]) -> tuple[np.ndarray, np.ndarray]:
    return np.array([sure for sure, _ in pairs]), np.array([right for _, right in pairs])


def random_logits(n: int, classes: int) -> tuple[np.ndarray, np.ndarray]:
    """Logits, and labels drawn from the very probabilities that these logits give."""
    random = np.random.default_rng(5)
    logits = random.normal(0, 2, (n, classes))
    labels = (softmax(logits).cumsum(axis=1) > random.random((n, 1))).argmax(axis=1)
    return logits, labels


@given(answers)
def test_every_answer_is_in_the_bin_that_its_confidence_names(pairs: list[tuple[float, bool]]) -> None:
    bins = reliability(*split(pairs))

    for bin_ in bins:
        inside = [(c, r) for c, r in pairs if bin_.low <= c < bin_.high or (c == bin_.high == 1)]
        assert bin_.n == len(inside)
        assert bin_.confidence == pytest.approx(sum(c for c, _ in inside) / max(len(inside), 1))
        assert bin_.accuracy == pytest.approx(sum(r for _, r in inside) / max(len(inside), 1))
    assert len(bins) == 15


@given(answers)
def test_calibration_error_is_the_mean_gap_of_the_diagram(pairs: list[tuple[float, bool]]) -> None:
    bins = reliability(*split(pairs))

    gap = sum(bin_.n * abs(bin_.confidence - bin_.accuracy) for bin_ in bins) / len(pairs)
    assert calibration_error(*split(pairs)) == pytest.approx(gap)


@given(answers)
def test_risk_is_the_error_among_those_at_least_as_confident(pairs: list[tuple[float, bool]]) -> None:
    curve = risk_coverage(*split(pairs))

    def risk(threshold: float) -> float:
        kept = [right for sure, right in pairs if sure >= threshold]
        return kept.count(False) / len(kept)

    assert curve.risk.tolist() == pytest.approx([risk(threshold) for threshold in curve.confidence])
    assert curve.area == pytest.approx(sum(risk(sure) for sure, _ in pairs) / len(pairs))
    assert curve.coverage[-1] == 1
    assert sorted(curve.confidence, reverse=True) == curve.confidence.tolist()


@given(answers)
def test_the_order_of_the_answers_changes_no_risk(pairs: list[tuple[float, bool]]) -> None:
    forth, back = risk_coverage(*split(pairs)), risk_coverage(*split(pairs[::-1]))

    assert forth.area == pytest.approx(back.area)
    assert forth.risk.tolist() == back.risk.tolist()


@given(scores, scores)
def test_auroc_is_the_share_of_pairs_in_the_right_order(wanted: list[float], unwanted: list[float]) -> None:
    pairs = list(itertools.product(wanted, unwanted))

    expected = sum((a > b) + (a == b) / 2 for a, b in pairs) / len(pairs)
    assert auroc(np.array(wanted), np.array(unwanted)) == pytest.approx(expected)


@given(scores, scores)
def test_a_roc_climbs_from_nothing_accepted_to_everything(wanted: list[float], unwanted: list[float]) -> None:
    passed, found = roc(np.array(wanted), np.array(unwanted))

    assert (passed[0], found[0], passed[-1], found[-1]) == (0, 0, 1, 1)
    assert (np.diff(passed) >= 0).all()
    assert (np.diff(found) >= 0).all()


@given(st.integers(0, 12), st.integers(0, 12))
def test_mcnemar_counts_the_coin_tosses_that_are_as_uneven(first: int, second: int) -> None:
    n = first + second
    uneven = sum(math.comb(n, heads) for heads in range(n + 1) if abs(heads - (n - heads)) >= abs(first - second))

    assert mcnemar(first, second) == pytest.approx(uneven / 2**n)


def test_mcnemar_is_exact_for_thousands_too() -> None:
    assert mcnemar(5_000, 5_000) == 1
    assert mcnemar(1_000, 1_200) == pytest.approx(2.2e-5, rel=0.05)  # by the normal curve, 199 / sqrt(2200) deviations


@given(st.integers(1, 500).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_an_interval_holds_every_share_that_the_count_does_not_rule_out(pair: tuple[int, int]) -> None:
    count, n = pair
    low, high = interval(count, n)

    rounding = 1e-12
    assert 0 <= low <= count / n + rounding
    assert count / n - rounding <= high <= 1
    for bound in (low, high):  # Wilson's own equation: the count is 1.96 deviations of the bound away
        if 0 < bound < 1:
            assert (count / n - bound) ** 2 == pytest.approx(1.959964**2 * bound * (1 - bound) / n, abs=1e-12)


def test_nothing_is_known_of_no_pictures() -> None:
    assert interval(0, 0) == (0, 1)


@pytest.mark.parametrize("temperature", [0.3, 1.0, 2.5])
def test_the_temperature_that_was_put_on_is_found_again(temperature: float) -> None:
    logits, labels = random_logits(40_000, 11)

    assert fit_temperature(logits * temperature, labels) == pytest.approx(temperature, rel=0.03)


def test_no_other_temperature_is_likelier() -> None:
    logits, labels = random_logits(300, 4)
    logits *= 1.7

    def nll(temperature: float) -> float:
        return float(-np.log(softmax(logits, temperature)[np.arange(300), labels]).sum())

    fitted = fit_temperature(logits, labels)
    assert nll(fitted) <= min(nll(float(other)) for other in np.geomspace(0.05, 20, 2001)) + 1e-9


@pytest.mark.parametrize("share", [0.6, 0.75, 0.95])
def test_of_two_classes_and_one_confidence_the_share_that_is_right_is_fitted(share: float) -> None:
    logits = np.tile([3.0, 0.0], (100, 1))
    labels = (np.arange(100) >= 100 * share).astype(int)

    fitted = fit_temperature(logits, labels)
    assert fitted == pytest.approx(3 / math.log(share / (1 - share)), rel=1e-6)


def test_a_temperature_stays_within_its_bounds() -> None:
    logits = np.tile([3.0, 0.0], (10, 1))

    assert fit_temperature(logits, np.zeros(10, int)) == pytest.approx(0.05)
    assert fit_temperature(logits, np.ones(10, int)) == pytest.approx(20)


def test_probabilities_serve_as_logits() -> None:
    logits, labels = random_logits(1_000, 11)
    probabilities = softmax(logits).astype(np.float32)

    assert softmax(logits_of(probabilities)) == pytest.approx(probabilities, abs=1e-6)
    assert fit_temperature(logits_of(probabilities), labels) == pytest.approx(fit_temperature(logits, labels), rel=1e-4)


def test_a_probability_that_was_rounded_to_nothing_is_no_trouble() -> None:
    probabilities = np.array([[1, 0], [0, 1], [1, 0]], np.float32)

    assert 0.05 <= fit_temperature(logits_of(probabilities), np.array([0, 1, 1])) <= 20

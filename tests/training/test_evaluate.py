"""Figures of a model, against ones counted another way."""

import itertools
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from inkdigit import DataError, Recognizer
from inkdigit.training.dataset import read_digits
from inkdigit.training.evaluate import (
    MIN_CONFIDENCES,
    Answers,
    compare,
    evaluate,
    group,
    judge,
    misread,
    operating_points,
    side_by_side,
    try_out,
)
from inkdigit.training.labelled import Labelled

DATA = Path(__file__).parents[1] / "data"


def random_answers(n: int, seed: int = 4) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(seed)
    probabilities = random.dirichlet(np.full(10, 0.3), n).astype(np.float32)
    return probabilities, random.integers(0, 10, n, np.uint8)


def answers_of(n: int, seed: int) -> Answers:
    not_digit = np.random.default_rng(seed).random(n).astype(np.float32)
    return Answers(random_answers(n, seed)[0], not_digit, not_digit < 0.7)


@pytest.fixture(scope="module")
def labelled() -> Labelled:
    """Sixty digits of two writers, and twelve pictures that show none, two of them blank."""
    digits = Labelled.of("sixty digits", read_digits(DATA, "t10k")[:60])
    scribbles = np.random.default_rng(1).random((10, 28, 28)).astype(np.float32)
    return replace(digits, writers=("ann",) * 20 + ("bob",) * 40, others=scribbles, blank=2)


def test_the_figures_agree_with_counting_one_by_one() -> None:
    probabilities, labels = random_answers(500)

    judged = evaluate(probabilities, labels)

    pairs = list(zip(probabilities, labels, strict=True))
    assert judged.accuracy == sum(int(row.argmax()) == label for row, label in pairs) / 500
    assert judged.errors == sum(int(row.argmax()) != label for row, label in pairs)
    assert judged.nll == pytest.approx(-sum(np.log(max(float(row[label]), 1e-12)) for row, label in pairs) / 500)
    assert judged.confusion.sum() == 500
    assert judged.confusion[3, 4] == sum(label == 3 and int(row.argmax()) == 4 for row, label in pairs)


def test_calibration_error_agrees_with_its_definition() -> None:
    probabilities, labels = random_answers(500)
    confidence, right = probabilities.max(axis=1), probabilities.argmax(axis=1) == labels

    expected = 0.0
    for low in range(15):
        inside = (confidence >= low / 15) & ((confidence < (low + 1) / 15) | (low == 14))
        if inside.any():
            expected += inside.mean() * abs(confidence[inside].mean() - right[inside].mean())

    assert evaluate(probabilities, labels).ece == pytest.approx(expected, abs=1e-6)


def test_the_most_confident_mistake_comes_first() -> None:
    probabilities, labels = random_answers(100)

    rows = misread(probabilities, labels)

    confidence = probabilities[rows].max(axis=1)
    assert (probabilities[rows].argmax(axis=1) != labels[rows]).all()
    assert (np.diff(confidence) <= 0).all()


def test_nothing_to_judge_by_is_refused() -> None:
    with pytest.raises(DataError, match="no picture"):
        evaluate(np.zeros((0, 10), np.float32), np.zeros(0, np.uint8))


def test_operating_points_agree_with_counting_one_by_one() -> None:
    digits, others = answers_of(200, 1), answers_of(50, 2)
    labels = random_answers(200)[1]

    points = operating_points(digits, labels, others)

    for point, least in zip(points, MIN_CONFIDENCES, strict=True):
        taken = [i for i in range(200) if digits.is_digit[i] and max(digits.probabilities[i]) >= least]
        wrong = [i for i in taken if digits.probabilities[i].argmax() != labels[i]]
        passed = [i for i in range(50) if others.is_digit[i] and max(others.probabilities[i]) >= least]
        assert point.min_confidence == least
        assert point.digits_accepted == pytest.approx(len(taken) / 200)
        assert point.error_accepted == pytest.approx(len(wrong) / max(len(taken), 1))
        assert point.non_digits_accepted == pytest.approx(len(passed) / 50)


def test_asking_for_more_confidence_never_accepts_more() -> None:
    points = operating_points(answers_of(300, 1), random_answers(300)[1], answers_of(80, 2))

    for less, more in itertools.pairwise(points):
        assert more.digits_accepted <= less.digits_accepted
        assert (more.non_digits_accepted or 0) <= (less.non_digits_accepted or 0)


def test_without_other_pictures_nothing_is_said_of_them() -> None:
    [point] = operating_points(answers_of(9, 1), random_answers(9)[1], answers_of(0, 2), at=[0.5])

    assert point.figures()["non_digits_accepted"] is None


def test_refused_pictures_are_never_accepted() -> None:
    answers = answers_of(5, 1).and_refused(3)

    assert answers.accepted(0.0)[5:].tolist() == [False] * 3
    assert answers.probabilities.sum(axis=1) == pytest.approx(1)
    assert (answers.confidence[5:] <= answers.confidence[:5].min()).all()


def test_groups_hold_every_answer_once_and_the_worst_comes_first() -> None:
    random = np.random.default_rng(3)
    names, right = random.choice(["ann", "bob", "cy", ""], 200).tolist(), random.random(200) < 0.8

    groups = group(names, right)

    assert {each.name: (each.n, each.errors) for each in groups} == {
        name: (names.count(name), sum(n == name and not ok for n, ok in zip(names, right, strict=True)))
        for name in ("ann", "bob", "cy", "")
    }
    assert [each.error for each in groups] == sorted((each.error for each in groups), reverse=True)
    assert all(each.interval[0] < each.error < each.interval[1] for each in groups if 0 < each.errors < each.n)


def test_two_models_are_compared_by_what_each_alone_reads() -> None:
    first, second = np.array([1, 1, 0, 0, 1, 1], bool), np.array([1, 0, 1, 0, 0, 0], bool)

    found = compare(first, second)

    assert (found.only_first.tolist(), found.only_second.tolist()) == ([1, 4, 5], [2])
    assert found.p_value == pytest.approx(2 * (1 + 4) / 16)


def test_a_model_is_judged_on_digits_writers_and_what_is_none(recognizer: Recognizer, labelled: Labelled) -> None:
    judged = judge(recognizer, labelled)

    figures = judged.figures()
    assert (figures["model"], figures["n"], figures["non_digits"]) == (recognizer.version, 60, 12)
    assert np.allclose(judged.answers.probabilities, recognizer.probabilities(labelled.frames))
    assert {each.name: each.n for each in judged.writers()} == {"ann": 20, "bob": 40}
    assert 0.5 < figures["auroc_confidence"] <= 1
    assert judged.operating_points()[0].non_digits_accepted == pytest.approx(judged.others.is_digit.mean())


def test_pictures_of_nobody_who_is_named_are_no_writer_s(recognizer: Recognizer, labelled: Labelled) -> None:
    judged = judge(recognizer, replace(labelled, writers=("",) * 30 + ("ann", "bob") * 15))
    wrong = replace(judged.labelled, labels=np.where(np.arange(60) < 30, 9, judged.labelled.labels))

    assert {each.name: each.n for each in judged.writers()} == {"ann": 15, "bob": 15}
    assert replace(judged, labelled=wrong).writers() == judged.writers()  # nor are their errors


def test_a_model_without_a_class_for_it_has_no_auroc_of_it(recognizer: Recognizer, labelled: Labelled) -> None:
    judged = judge(recognizer, labelled)
    plain = replace(judged, answers=replace(judged.answers, not_digit=np.zeros(60, np.float32)))
    knowing = replace(judged, answers=replace(judged.answers, not_digit=np.full(60, 0.1, np.float32)))
    others = replace(judged.others, not_digit=np.full(12, 0.9, np.float32))

    assert set(plain.telling_apart()) == {"auroc_confidence"}
    assert replace(knowing, others=others).telling_apart()["auroc_not_digit"] == 1


def test_details_are_ready_for_json_and_sum_up_to_the_figures(recognizer: Recognizer, labelled: Labelled) -> None:
    details = json.loads(json.dumps(judge(recognizer, labelled).details()))

    assert sum(bin_["n"] for bin_ in details["reliability"]) == 60
    assert sum(writer["errors"] for writer in details["writers"]) == details["errors"]
    assert details["operating_points"][0]["min_confidence"] == 0


def test_details_name_every_mistake_the_dearest_first(recognizer: Recognizer, labelled: Labelled) -> None:
    shifted = replace(labelled, labels=np.where(np.arange(60) < 5, (labelled.labels + 1) % 10, labelled.labels))

    mistakes = judge(recognizer, shifted).details()["mistakes"]

    assert {mistake["picture"] for mistake in mistakes} == {f"no. {row}" for row in range(5)}
    assert all(mistake["answer"] == (mistake["label"] - 1) % 10 for mistake in mistakes)
    sure = [mistake["confidence"] for mistake in mistakes]
    assert sure == sorted(sure, reverse=True)


def test_without_other_pictures_and_writers_there_are_no_figures_of_them(
    recognizer: Recognizer, labelled: Labelled
) -> None:
    judged = judge(recognizer, Labelled(labelled.source, labelled.frames, labelled.labels, labelled.names))

    assert "non_digits" not in judged.figures()
    assert (judged.writers(), judged.telling_apart()) == ([], {})


def test_a_model_beside_itself_is_as_good_as_itself(recognizer: Recognizer, labelled: Labelled) -> None:
    judged = judge(recognizer, labelled)

    beside = side_by_side(judged, judged)

    assert (beside["only_first"], beside["only_second"], beside["p_value"]) == ([], [], 1.0)
    assert beside["n"] == 60


def test_models_are_tried_on_the_same_digits(recognizer: Recognizer, labelled: Labelled) -> None:
    trials = try_out([recognizer, recognizer], labelled, most=10)

    assert (trials.source, trials.n) == ("sixty digits", 10)
    assert all(first == second for first, second in trials.placements + trials.corruptions)
    assert all(first.n == 10 for first, _ in trials.placements + trials.corruptions)
    assert try_out([recognizer], labelled, most=10).placements == [row[:1] for row in trials.placements]

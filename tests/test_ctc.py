import itertools

import numpy as np
import pytest

from inkdigit.ctc import Classes, Logs, condensed, likelihoods, log_softmax, probability, search, steps_of


def random_logs(steps: int, classes: int, seed: int) -> Logs:
    return log_softmax(np.random.default_rng(seed).normal(0, 2, (steps, classes)).astype(np.float32))


def by_every_spelling(logs: Logs) -> dict[Classes, float]:
    """The probability of every text, by going through all ways to name a class at each step."""
    chances: dict[Classes, float] = {}
    for path in itertools.product(range(logs.shape[1]), repeat=len(logs)):
        text = tuple(c for c, before in zip(path, (0, *path), strict=False) if c and c != before)
        chances[text] = chances.get(text, 0.0) + float(np.exp(sum(logs[at, c] for at, c in enumerate(path))))
    return chances


@pytest.mark.parametrize(("steps", "classes", "seed"), [(1, 3, 0), (4, 3, 1), (5, 3, 2), (6, 4, 3)])
def test_a_text_is_as_likely_as_all_its_spellings_together(steps: int, classes: int, seed: int) -> None:
    logs = random_logs(steps, classes, seed)
    expected = by_every_spelling(logs)

    found = np.exp(likelihoods(logs, list(expected)))

    np.testing.assert_allclose(found, list(expected.values()), atol=1e-12)
    assert found.sum() == pytest.approx(1)


@pytest.mark.parametrize(("steps", "classes", "seed"), [(4, 3, 1), (6, 4, 3)])
def test_a_wide_search_finds_every_text_with_its_probability(steps: int, classes: int, seed: int) -> None:
    logs = random_logs(steps, classes, seed)

    found = search(logs, 10_000)

    expected = by_every_spelling(logs)
    for text, chance in found:
        assert chance == pytest.approx(expected[text], abs=1e-3)  # what is very unlikely is not followed
    assert found[0][0] == max(expected, key=lambda text: expected[text])


def test_a_text_that_needs_more_steps_than_there_are_is_impossible() -> None:
    logs = random_logs(3, 3, 0)

    chances = likelihoods(logs, [(1, 1), (1, 1, 1), (1, 2, 1, 2)])

    assert np.exp(chances[0]) > 0
    assert np.exp(chances[1:]).tolist() == [0, 0]


def test_characters_stand_where_the_network_names_them() -> None:
    named = [0, 1, 1, 0, 1, 0, 0, 2, 2, 2]
    logs = log_softmax((9 * np.eye(3)[named]).astype(np.float32))

    [best, *_] = search(logs, 4)

    assert best[0] == (1, 1, 2)
    assert steps_of(logs, [best[0], (2,)]) == [[(1, 3), (4, 5), (7, 10)], [(7, 10)]]


def quiet_logs(named: list[int]) -> Logs:
    """Steps that are all but certain of what they name, 3 standing for doubt between 1 and 2."""
    chances = np.full((len(named), 3), 2e-5)
    for step, name in zip(chances, named, strict=True):
        step[[1, 2] if name == 3 else name] = 0.5 if name == 3 else 1.0
    return log_softmax(np.log(chances).astype(np.float32))


@pytest.mark.parametrize("named", [[0, 0, 0, 1, 0, 0, 2, 2, 0, 0], [3, 0, 0, 0, 3, 0, 0, 1], [0, 0, 0], [1, 2, 3], [0]])
def test_condensed_steps_spell_the_same_texts_at_the_same_places(named: list[int]) -> None:
    logs = quiet_logs(named)

    shorter, starts = condensed(logs)

    assert len(shorter) == len(starts) - 1 == len([at for at, c in enumerate(named) if c or at == 0 or named[at - 1]])
    assert (starts[0], starts[-1]) == (0, len(named))
    texts = [text for text, chance in search(logs, 12) if chance > 1e-3]
    np.testing.assert_allclose(likelihoods(shorter, texts), likelihoods(logs, texts), atol=1e-3)
    there = [[(int(starts[a]), int(starts[b])) for a, b in steps] for steps in steps_of(shorter, texts)]
    assert there == steps_of(logs, texts)


def test_a_higher_temperature_makes_less_sure() -> None:
    logits = np.random.default_rng(0).normal(0, 3, (8, 5)).astype(np.float32)

    cold, warm = (log_softmax(logits, temperature).max(axis=1) for temperature in (1.0, 2.0))

    assert (warm < cold).all()


def test_a_probability_is_never_above_one() -> None:
    assert (probability(1e-9), probability(-1e30)) == (1.0, 0.0)

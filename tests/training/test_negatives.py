"""The pictures that are not digits."""

from pathlib import Path

import numpy as np
import pytest

from inkdigit.preprocess import normalize
from inkdigit.training.dataset import Digits, read_digits
from inkdigit.training.letters import (
    ALPHABET,
    AMBIGUOUS,
    DOUBTFUL,
    FAMILIAR,
    HARD,
    HARDEST,
    OFTEN,
    OFTENEST,
    pick,
    write,
)
from inkdigit.training.negatives import CLOTHES, FACES, KINDS, LETTERS, PHOTOGRAPHS, Kind, Material, draw_negatives

DATA = Path(__file__).parents[1] / "data"
DRAWN_KINDS = [kind for kind in KINDS if kind[0] not in (FACES, PHOTOGRAPHS)]
each_kind = pytest.mark.parametrize("kind", DRAWN_KINDS, ids=[name for name, _, _ in DRAWN_KINDS])


@pytest.fixture(scope="module")
def digits() -> Digits:
    return read_digits(DATA, "t10k")[:500]


def test_every_kind_is_drawn_in_its_share(digits: Digits) -> None:
    images, counts = draw_negatives(np.random.default_rng(1), 200, Material(digits))

    shares = {name: share for name, _, share in KINDS}
    assert images.shape == (200, 28, 28)
    assert images.dtype == np.uint8
    assert sum(counts.values()) == 200
    assert counts[LETTERS] == pytest.approx(200 * (shares[LETTERS] + shares[FACES]), abs=4)
    assert counts[CLOTHES] == pytest.approx(200 * (shares[CLOTHES] + shares[PHOTOGRAPHS]), abs=1)
    others = [name for name, _, _ in DRAWN_KINDS if name not in (LETTERS, CLOTHES)]
    assert all(counts[name] == pytest.approx(200 * shares[name], abs=1) for name in others)


def test_the_same_seed_draws_the_same_pictures(digits: Digits) -> None:
    once, again = (draw_negatives(np.random.default_rng(5), 60, Material(digits))[0] for _ in range(2))

    assert np.array_equal(once, again)


def test_none_asked_for_is_none_drawn(digits: Digits) -> None:
    images, counts = draw_negatives(np.random.default_rng(1), 0, Material(digits))

    assert images.shape == (0, 28, 28)
    assert set(counts.values()) == {0}


def test_photographs_take_most_of_the_drawn_clothes_place(digits: Digits) -> None:
    coat = np.zeros((1, 28, 28), np.uint8)
    coat[0, 4:24, 8:20] = np.linspace(90, 255, 12)
    images, counts = draw_negatives(np.random.default_rng(1), 100, Material(digits, photographs=coat))

    random = np.random.default_rng(2)
    [photographed] = [draw for name, draw, _ in KINDS if name == PHOTOGRAPHS]
    seen = {normalize(photographed(random, Material(digits, photographs=coat))).tobytes() for _ in range(20)}
    drawn = {(image / np.float32(255)).round(2).tobytes() for image in images}
    assert counts[PHOTOGRAPHS] > 2 * counts[CLOTHES] > 0
    assert len(seen) == 2  # as it is, and in the mirror
    assert {np.frombuffer(one, np.float32).round(2).tobytes() for one in seen} <= drawn


@each_kind
def test_no_kind_is_blank_or_runs_out_of_the_frame(kind: tuple[str, Kind, float], digits: Digits) -> None:
    random = np.random.default_rng(2)
    drawn = [normalize(kind[1](random, Material(digits))) for _ in range(50)]

    assert all(image.max() == 1 for image in drawn)
    assert all(max((image > 0).any(0).sum(), (image > 0).any(1).sum()) <= 20 for image in drawn)


def test_hardly_two_pictures_are_alike(digits: Digits) -> None:
    images, _ = draw_negatives(np.random.default_rng(3), 600, Material(digits))

    assert len({image.tobytes() for image in images}) > 590


def test_what_passes_for_a_digit_is_no_letter_of_the_alphabet() -> None:
    assert not set(ALPHABET) & (AMBIGUOUS | DOUBTFUL)


def test_hard_signs_come_up_more_often() -> None:
    random = np.random.default_rng(6)
    signs = [pick(("a", "e", "x", "="), random) for _ in range(8000)]

    assert set(ALPHABET) >= HARD | HARDEST
    assert signs.count("a") == pytest.approx(OFTENEST * signs.count("="), rel=0.15)
    assert signs.count("e") == pytest.approx(OFTEN * signs.count("="), rel=0.15)
    assert signs.count("x") == pytest.approx(FAMILIAR * signs.count("="), rel=0.15)


@pytest.mark.parametrize("sign", "ij!?:")
def test_a_dot_stands_apart_from_the_rest(sign: str) -> None:
    random = np.random.default_rng(7)
    for variant in range(len(ALPHABET[sign])):
        *_, body, dot = write(sign, variant, random)

        assert np.hypot(*(body[:, None] - dot[None]).T).min() > 0.02
        assert np.ptp(dot, axis=0).max() < 0.3


def test_the_digits_are_left_as_they_were(digits: Digits) -> None:
    before = digits.images.copy()

    draw_negatives(np.random.default_rng(4), 300, Material(digits))

    assert np.array_equal(digits.images, before)

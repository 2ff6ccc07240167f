"""Characters cut from lines: each is what the text says, and a run on them learns to tell them."""

import importlib.util
import os
from pathlib import Path

import numpy as np
import pytest

from inkdigit.number import LABELS
from inkdigit.training.dataset import read_digits

MISSING = importlib.util.find_spec("keras") is None and not os.environ.get("CI")
pytestmark = [
    pytest.mark.skipif(MISSING, reason="Keras is not installed: pip install 'inkdigit[train]'"),
    pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning", "ignore::UserWarning"),
]
DATA = Path(__file__).parents[1] / "data"


class Lines:
    """Upright bars of several widths: a wide one is called 8, a narrow one a dash."""

    def __init__(self, texts: list[str]) -> None:
        self.texts = texts
        self.pictures = [self.line(text) for text in texts]

    @staticmethod
    def line(text: str) -> np.ndarray:
        line = np.zeros((32, 16 * len(text)), np.uint8)
        for at, sign in enumerate(text):
            line[6:26, 16 * at + 3 : 16 * at + (13 if sign == "8" else 7)] = 255
        return line


class Seeing:
    """A line network that sees in the middle of every sixteen columns what the width of the bar says."""

    def predict_on_batch(self, batch: np.ndarray) -> np.ndarray:
        logits = np.full((len(batch), batch.shape[2] // 2, len(LABELS) + 1), -9.0, np.float32)
        logits[..., 0] = 9
        for row, line in enumerate(batch[..., 0]):
            for at in range(batch.shape[2] // 16):
                if line[16, 16 * at + 4]:
                    sign = "8" if line[16, 16 * at + 10] else "-"
                    logits[row, 8 * at + 4, [0, LABELS.index(sign) + 1]] = -9, 9
        return logits


def test_characters_are_cut_with_what_the_text_says_they_are() -> None:
    from inkdigit.training.characters import cut_characters

    found = cut_characters(Lines(["8-8", "", "88"]), Seeing(), np.random.default_rng(1))

    assert found.images.shape == (5, 28, 28)
    assert found.images.dtype == np.uint8
    assert sorted(found.labels.tolist()) == [8, 8, 8, 8, 10]
    wide = (found.images > 127).any(axis=1).sum(axis=1)
    assert wide[found.labels == 8].min() > 1.5 * wide[found.labels == 10].max()


def test_a_line_on_which_its_text_is_not_seen_is_left_out() -> None:
    from inkdigit.training.characters import cut_characters

    lines = Lines(["88", "8-8"])
    lines.texts = ["77", "8-8"]

    assert len(cut_characters(lines, Seeing(), np.random.default_rng(1))) == 3


def test_a_batch_depends_on_seed_epoch_and_place_alone() -> None:
    from inkdigit.training.characters import CharacterMaker, Characters

    digits = read_digits(DATA, "t10k")[:100]
    maker = CharacterMaker(Characters(digits.images, digits.labels), 32, seed=3)
    first, labels = maker.make(0, 1, 0.5)
    again, _ = maker.make(0, 1, 0.5)
    other, _ = maker.make(1, 1, 0.5)

    assert len(maker) == 3
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other)
    assert (first.shape, labels.shape) == ((32, 28, 28, 1), (32, 11))
    assert 0 <= first.min() <= first.max() <= 1


def test_a_nudge_keeps_the_ink_near_its_place() -> None:
    from inkdigit.training.characters import nudge

    images = read_digits(DATA, "t10k")[:200].images
    nudged = nudge(images, np.random.default_rng(4))

    def middles(pictures: np.ndarray) -> np.ndarray:
        grid = np.arange(28)
        return np.stack([(pictures.sum(axis=axis) @ grid) / pictures.sum(axis=(1, 2)) for axis in (1, 2)])

    moved = np.abs(middles(nudged) - middles(images / 255))
    assert moved.max() < 4
    assert 0.1 < moved.mean() < 1
    assert nudged.sum() == pytest.approx((images / 255).sum(), rel=0.1)

"""Digits as pocket calculators have them, drawn by hand: a style that MNIST lacks, handed in as corrections."""

import io
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageDraw

from inkdigit.feedback import FeedbackStore, Status, Submission, Verdict

Random = np.random.Generator

SEGMENTS = ("abcdef", "bc", "abged", "abgcd", "fgbc", "afgcd", "afgedc", "abc", "abcdefg", "abcdfg")  # of 0 to 9
ENDS = {
    "a": ((0, 0), (1, 0)), "b": ((1, 0), (1, 1)), "c": ((1, 1), (1, 2)), "d": ((0, 2), (1, 2)),
    "e": ((0, 1), (0, 2)), "f": ((0, 0), (0, 1)), "g": ((0, 1), (1, 1)),
}  # fmt: skip


@dataclass(frozen=True)
class Hand:
    """How somebody draws segments."""

    slant: float
    wide: float
    gap: float
    shake: float
    pen: int
    size: float

    @classmethod
    def of(cls, random: Random) -> "Hand":
        uniform = random.uniform
        slant, wide = float(random.normal(0, 0.12)), uniform(0.8, 1.3)
        return cls(slant, wide, uniform(0.12, 0.3), uniform(0.01, 0.05), int(random.integers(8, 18)), uniform(70, 100))


def draw(digit: int, hand: Hand, random: Random) -> bytes:
    """A digit of segments in black on white, 280x280, as PNG bytes."""
    page = Image.new("L", (280, 280), 255)
    brush = ImageDraw.Draw(page)
    for segment in SEGMENTS[digit]:
        start, stop = (np.array(end, float) for end in ENDS[segment])
        ends = np.array([start + hand.gap * (stop - start), stop - hand.gap * (stop - start)])
        across, down = (ends + random.normal(0, hand.shake, (2, 2))).T - np.array([[0.5], [1.0]])
        points = [*zip((across * hand.wide - hand.slant * down) * hand.size + 140, down * hand.size + 140, strict=True)]
        brush.line(points, fill=0, width=hand.pen)
        for x, y in points:
            brush.ellipse([x - hand.pen / 2, y - hand.pen / 2, x + hand.pen / 2, y + hand.pen / 2], fill=0)
    file = io.BytesIO()
    page.save(file, "PNG")
    return file.getvalue()


def plant(store: FeedbackStore, writers: int, each: int, seed: int, shuffled: bool = False) -> list[str]:
    """Hand in drawings of several writers and accept them; labels may be dealt out by chance. Gives the receipts."""
    random = np.random.default_rng(seed)
    hands = [Hand.of(random) for _ in range(writers)]
    digits = random.integers(0, 10, (writers, each))
    labels = random.permutation(digits.ravel()).reshape(digits.shape) if shuffled else digits
    receipts = [
        store.add(Submission(int(label), None, None, "digits-8", draw(int(digit), hand, random), writer=f"writer {n}"))
        for n, hand in enumerate(hands)
        for digit, label in zip(digits[n], labels[n], strict=True)
    ]
    store.review({kept.id: Verdict(Status.ACCEPTED, kept.label) for kept in store.iterate(Status.NEW)})
    return receipts

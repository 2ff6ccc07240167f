"""What a run trains on: MNIST's digits, the same digits inked anew, drawn ones, and ink that is no digit."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from inkdigit.training.dataset import TRAINING, Digits, Images
from inkdigit.training.fashion import load_photographs
from inkdigit.training.fonts import load_faces
from inkdigit.training.negatives import Material, draw_negatives
from inkdigit.training.redraw import redraw
from inkdigit.training.strokes import draw_digits

NOT_A_DIGIT = 10  # label of what is none

REDRAWN = 20_000  # MNIST digits inked anew for a run on all of MNIST, and less for one on a part of it
NEGATIVES = 60_000
JUDGING = 2_000  # pictures that are no digits and do not train
SHARES = {"mnist": 1.0, "redrawn": 0.5, "drawn": 0.5}  # of a kind's pictures, seen in one epoch


@dataclass(frozen=True, slots=True)
class Ink:
    """Training pictures of several kinds, one kind after the other.

    Attributes:
        pictures: all of them; the label of those that are no digits is 10.
        counts: how many there are of each kind, in the order in which they stand.
        negatives: how many there are of each kind of non-digits.
        seen: share of the non-digits seen in one epoch.
    """

    pictures: Digits
    counts: dict[str, int]
    negatives: dict[str, int]
    seen: float = 0.4

    def rows_of_an_epoch(self, random: np.random.Generator) -> NDArray[np.intp]:
        """The rows of one epoch, in random order: all of MNIST, and another part of each further kind every time."""
        start, chosen = 0, []
        for kind, count in self.counts.items():
            chosen.append(start + random.permutation(count)[: round(SHARES.get(kind, self.seen) * count)])
            start += count
        return random.permutation(np.concatenate(chosen))


def gather_ink(training: Digits, random: np.random.Generator, share: float = 1.0, seen: float = 0.4) -> Ink:
    """MNIST's training pictures and what is drawn to go with them, in proportion.

    Args:
        training: MNIST's, or a part of it.
        random: the source of every choice.
        share: of the usual number of further pictures.
        seen: share of the non-digits that one epoch takes.
    """
    share *= len(training) / TRAINING
    rows = random.permutation(len(training))[: max(1, round(REDRAWN * share))]
    chosen = Digits(training.images[rows], training.labels[rows])
    redrawn = Digits(redraw(chosen, random), chosen.labels)
    drawn = draw_digits(random, share)
    material = Material(training, load_faces(), load_photographs()[0])
    negatives, kinds = draw_negatives(random, max(20, round(NEGATIVES * share)), material)
    none = Digits(negatives, np.full(len(negatives), NOT_A_DIGIT, np.uint8))
    counts = {"mnist": len(training), "redrawn": len(redrawn), "drawn": len(drawn), "negatives": len(none)}
    return Ink(training.joined(redrawn).joined(drawn).joined(none), counts, kinds, seen)


def judging_non_digits(held_out: Digits, random: np.random.Generator) -> Images:
    """Pictures that are no digits, to judge a network by: (2000, 28, 28) uint8, of digits that did not train it."""
    return draw_negatives(random, JUDGING, Material(held_out, load_faces(), load_photographs()[1]))[0]

"""Whether a model knows what it doesn't know: which digits it accepts, and what else it takes for one.

Accepted means what `Prediction.is_digit` means: the probability of being no digit is under the model's threshold.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks import doodles
from benchmarks.answers import Answers, answers_to
from benchmarks.drawings import PEN_FILE, Drawings, Signs, all_drawings, encode_png, pen_signs
from benchmarks.table import markdown_table
from inkdigit import Recognizer
from inkdigit.training.dataset import read_idx
from inkdigit.training.fashion import DEBIAN_FOLDER
from inkdigit.training.measures import auroc, calibration_error

THRESHOLDS = (0.1, 0.2, 0.3, 0.5, 0.7, 0.8, 0.9, 0.95)  # of the probability of being no digit
SURE = 0.9  # confidence from which on an answer is called sure
ALL = 1_000_000  # more pictures than any set has
WORST = 12  # signs that are named
NO_FASHION = f"Fashion-MNIST is left out: no {DEBIAN_FOLDER}; `apt install dataset-fashion-mnist` puts it there."
CATEGORIES = {"1b": "upper-case letters", "1c": "lower-case letters", "1d": "symbols"}


@dataclass(frozen=True, slots=True)
class Digits:
    """A set of digits and what was answered to it."""

    drawings: Drawings
    answers: Answers

    @property
    def right(self) -> NDArray[np.bool_]:
        """(N,) whether each answer agrees with its label."""
        return np.asarray(self.answers.labels == self.drawings.labels)

    @property
    def clean(self) -> NDArray[np.bool_]:
        """(N,) all but the pen digits whose label is believed wrong."""
        return ~np.isin(np.arange(len(self.drawings)), sorted(self.drawings.mislabelled))


@dataclass(frozen=True, slots=True)
class NonDigits:
    """Pictures of one kind that are no digits, and what was answered to them."""

    name: str
    answers: Answers

    def __len__(self) -> int:
        return len(self.answers.labels)


@dataclass(frozen=True, slots=True)
class Rejection:
    """All that one model answered: to digits, to the letters and symbols of the pen file, and to everything else."""

    threshold: float
    digits: tuple[Digits, ...]
    signs: Signs
    sign_answers: Answers
    others: tuple[NonDigits, ...]

    @property
    def ambiguous(self) -> NDArray[np.bool_]:
        """(N,) which signs a careful reader may take for a digit."""
        return self.signs.ambiguous

    @property
    def kinds(self) -> tuple[NonDigits, ...]:
        """Everything that is no digit, kind by kind."""
        category, clear = np.array(self.signs.categories), ~self.ambiguous
        parts = [("letters and symbols, unambiguous", clear)]
        parts += [(f"- {name}", clear & (category == key)) for key, name in CATEGORIES.items()]
        parts += [("letters and symbols, ambiguous", ~clear)]
        return (*(NonDigits(name, picked(self.sign_answers, rows)) for name, rows in parts), *self.others)


def picked(answers: Answers, rows: NDArray[np.bool_]) -> Answers:
    """The answers to some of the pictures."""
    return Answers(answers.labels[rows], answers.confidence[rows], answers.not_digit[rows])


def measure_rejection(recognizer: Recognizer, fashion: Path = DEBIAN_FOLDER, at_most: int = ALL) -> Rejection:
    """Ask a model for everything that there is; needs the data folder (`drawings.available`).

    Args:
        recognizer: the model.
        fashion: folder of Fashion-MNIST's IDX files; where there is none, those pictures are left out.
        at_most: pictures of each set.
    """
    sets = [drawings.thinned(at_most) for drawings in all_drawings()]
    digits = tuple(Digits(drawings, answers_to(recognizer, drawings.pngs)) for drawings in sets)
    signs = pen_signs().thinned(at_most)
    others = {kind: doodles.pngs_of(kind, min(at_most, doodles.EACH)) for kind in doodles.KINDS}
    if fashion.is_dir():
        others = {"Fashion-MNIST, test part": fashion_pngs(fashion)[:at_most], **others}
    asked = tuple(NonDigits(kind, answers_to(recognizer, pngs)) for kind, pngs in others.items())
    return Rejection(recognizer.threshold, digits, signs, answers_to(recognizer, signs.pngs), asked)


def fashion_pngs(folder: Path) -> list[bytes]:
    """Fashion-MNIST's 10,000 test pictures as they are: white on black, 28x28."""
    return [encode_png(image) for image in read_idx(folder, "t10k-images-idx3-ubyte")]


def digits_table(found: Rejection) -> str:
    """Of each set of digits: accuracy with and without doubtful labels, calibration, and what is accepted."""
    head = ("drawings", "file", "n", "accuracy", "without mislabelled", "ECE", "accepted", "error among accepted")
    return markdown_table([head, *(_digits_row(digits, found.threshold) for digits in found.digits)])


def _digits_row(digits: Digits, threshold: float) -> tuple[str, ...]:
    drawings, right, accepted = digits.drawings, digits.right, digits.answers.accepted(threshold)
    placed = drawings.file == PEN_FILE
    return (
        drawings.name if placed else "as they are",
        drawings.file,
        f"{len(drawings):,}",
        _share(right),
        _share(right[digits.clean]) if placed else "",
        f"{100 * calibration_error(digits.answers.confidence, right):.2f} %",
        _share(accepted),
        _share(~right[accepted]),
    )


def writers_table(found: Rejection) -> str:
    """Accuracy on each contributor's pen digits at every placement."""
    placed = [digits for digits in found.digits if digits.drawings.writers]
    writers = np.array(placed[0].drawings.writers)
    rows = [("contributor", "n", *(digits.drawings.name for digits in placed))]
    for writer in sorted(set(writers.tolist())):
        own = writers == writer
        rows.append((writer, f"{own.sum():,}", *(_share(digits.right[own]) for digits in placed)))
    return markdown_table(rows)


def kinds_table(found: Rejection) -> str:
    """Of each kind of non-digits: how many are accepted, and how many get a sure answer."""
    rows = [("no digits", "n", "accepted", f"confidence of {SURE} or more")]
    for kind in found.kinds:
        accepted, sure = kind.answers.accepted(found.threshold), kind.answers.confidence >= SURE
        rows.append((kind.name, f"{len(kind):,}", _counted(accepted), _counted(sure)))
    return markdown_table(rows)


def sweep_table(found: Rejection, thresholds: Sequence[float] = THRESHOLDS) -> str:
    """What is accepted at other thresholds: digits, and their error; then everything that should not be."""
    placed = [digits for digits in found.digits if digits.drawings.writers]
    worst = min(placed, key=lambda digits: float(np.mean(digits.answers.accepted(found.threshold))))
    chosen = [kind for kind in found.kinds if not kind.name.startswith("-")]
    head = ("threshold", "pen digits, centred", "error among them", f"pen digits, {worst.drawings.name}")
    rows: list[tuple[str, ...]] = [(*head, *(kind.name for kind in chosen))]
    for threshold in thresholds:
        accepted = placed[0].answers.accepted(threshold)
        shares = [_share(answers.accepted(threshold)) for answers in (worst.answers, *(k.answers for k in chosen))]
        rows.append((f"{threshold:g}", _share(accepted), _share(~placed[0].right[accepted]), *shares))
    return markdown_table(rows)


def told_apart(found: Rejection) -> float:
    """AUROC of centred pen digits against unambiguous letters and symbols, by the probability of being no digit."""
    unwanted = found.sign_answers.not_digit[~found.ambiguous]
    return auroc(1 - found.digits[0].answers.not_digit, 1 - unwanted)


def worst_signs(found: Rejection) -> list[tuple[str, int, int]]:
    """The unambiguous signs that are taken for digits most often: sign, how many are accepted, n."""
    clear = ~found.ambiguous
    signs, accepted = np.array(found.signs.signs)[clear], found.sign_answers.accepted(found.threshold)[clear]
    names = sorted(set(signs.tolist()))
    counts = [(sign, int(accepted[signs == sign].sum()), int((signs == sign).sum())) for sign in names]
    return sorted((row for row in counts if row[1]), key=lambda row: (-row[1], row[2]))[:WORST]


def rejection_report(found: Rejection, thresholds: Sequence[float] = THRESHOLDS) -> str:
    """All tables, in Markdown."""
    worst = ", ".join(f"`{sign}` {count} of {n}" for sign, count, n in worst_signs(found)) or "none"
    fashion = "" if any("Fashion" in kind.name for kind in found.others) else f"\n\n{NO_FASHION}"
    return "\n\n".join(
        [
            f"Threshold of the model: {found.threshold:g}.",
            digits_table(found),
            f"Pen digits against unambiguous letters and symbols: AUROC {100 * told_apart(found):.2f} %. "
            f"Accepted most often of those: {worst}.",
            kinds_table(found) + fashion,
            sweep_table(found, thresholds),
            writers_table(found),
        ]
    )


def _share(which: NDArray[np.bool_]) -> str:
    return f"{100 * float(np.mean(which)):.2f} %" if len(which) else "none"


def _counted(which: NDArray[np.bool_]) -> str:
    return f"{_share(which)} ({int(which.sum())})"

"""What an expectation is worth: account numbers read with and without their check digit.

    python -m benchmarks.expectations [--model MODEL] [--mnist DIR] [--n N] [--reader]

Five hundred numbers of ten digits, the last of which is their Luhn check digit, each digit a picture of MNIST's
held-out part: as it is, and spoilt as a bad copy is. Five hundred more have one digit written wrongly, so that no
reading of them should pass: what is then read in spite of it is a number that nobody wrote.
"""

import argparse
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from benchmarks.setting import Setting
from benchmarks.table import markdown_table
from inkdigit import Recognizer
from inkdigit.errors import NoReadingError
from inkdigit.expect import FLOOR, Expectation, Hypothesis, choose
from inkdigit.number import Alternative, Number
from inkdigit.training.dataset import Digits, load_mnist

ACCOUNTS = 500
PLACES = 10  # digits of a number, with the check digit
FLOORS = (0.3, 0.1, 0.03, 0.01, 0.003, 0.001, 0.0)
LUHN = "check=luhn"
SCALE = 2  # pixels of a page for one of MNIST's
MARGIN = 24  # pixels round the digits of a page

Images = NDArray[np.uint8]  # (N, 28, 28), 0 is paper and 255 is full ink


@dataclass(frozen=True, slots=True)
class Account:
    """A number and its ink.

    Attributes:
        text: what is written.
        digits: (PLACES, 28, 28) uint8, one picture for each digit, 0 is paper and 255 is full ink.
    """

    text: str
    digits: Images

    @property
    def page(self) -> NDArray[np.uint8]:
        """The digits side by side on white paper: (H, W) uint8, 0 is black."""
        row = Image.fromarray(np.concatenate(list(self.digits), axis=1))
        large = row.resize((row.width * SCALE, row.height * SCALE), Image.Resampling.BICUBIC)
        return np.pad(255 - np.asarray(large), MARGIN, constant_values=255)


@dataclass(frozen=True, slots=True)
class Answer:
    """What was read, and the confidence in all of it."""

    text: str
    confidence: float


Read = Callable[[Account, Expectation | None], Answer | None]  # None: refused


class PageReader(Protocol):
    """What `inkdigit.reader.Reader` offers."""

    def read(self, page: NDArray[np.uint8], expect: Expectation | None = None) -> list[Number]:
        """The numbers on a page."""
        ...


def by_digit(recognizer: Recognizer, floor: float = FLOOR) -> Read:
    """Reads each digit by itself: places are known, and what the recognizer confuses is all that can go wrong."""

    def read(account: Account, expectation: Expectation | None) -> Answer | None:
        probabilities = recognizer.probabilities((account.digits / np.float32(255)).astype(np.float32))
        try:
            choice = choose([hypothesis_of(probabilities)], expectation, floor=floor)
        except NoReadingError:
            return None
        return Answer(choice.text, choice.confidence)

    return read


def hypothesis_of(probabilities: NDArray[np.float32]) -> Hypothesis:
    """All that (N, 10) probabilities of digits allow."""
    places = (tuple(Alternative(str(label), float(p)) for label, p in enumerate(row)) for row in probabilities)
    return Hypothesis(1.0, tuple(places))


def by_page(reader: PageReader) -> Read:
    """Reads the page as it is; anything but one number on it is an answer too, and a wrong one."""

    def read(account: Account, expectation: Expectation | None) -> Answer | None:
        try:
            numbers = reader.read(account.page, expectation)
        except NoReadingError:
            return None
        confidence = float(np.prod([number.confidence for number in numbers]))
        return Answer(" ".join(number.text for number in numbers), confidence)

    return read


# ---- account numbers ----


def check_digit(digits: str) -> str:
    """Luhn's.

    >>> check_digit("7992739871")
    '3'
    """
    doubled = [int(digit) * (2 - at % 2) for at, digit in enumerate(reversed(digits))]
    return str(-sum(value - 9 * (value > 9) for value in doubled) % 10)


def account_texts(n: int, random: np.random.Generator) -> list[str]:
    """Numbers with their check digit."""
    starts = ["".join(map(str, random.integers(0, 10, PLACES - 1))) for _ in range(n)]
    return [start + check_digit(start) for start in starts]


def with_one_wrong(text: str, random: np.random.Generator) -> str:
    """The number with another digit somewhere; Luhn's check notices every such slip."""
    at = int(random.integers(len(text)))
    other = (int(text[at]) + int(random.integers(1, 10))) % 10
    return f"{text[:at]}{other}{text[at + 1 :]}"


def written(texts: Sequence[str], digits: Digits, random: np.random.Generator) -> list[Account]:
    """Each number in pictures that are picked at random among those of its digits."""
    of_digit = [np.flatnonzero(digits.labels == digit) for digit in range(10)]
    rows = [[int(random.choice(of_digit[int(character)])) for character in text] for text in texts]
    return [Account(text, digits.images[row]) for text, row in zip(texts, rows, strict=True)]


def copied_badly(accounts: Sequence[Account], random: np.random.Generator) -> list[Account]:
    """The same in ten pixels a side, blown up again, with noise."""
    return [Account(account.text, np.stack([_spoilt(one, random) for one in account.digits])) for account in accounts]


def _spoilt(digit: NDArray[np.uint8], random: np.random.Generator) -> NDArray[np.uint8]:
    small = Image.fromarray(digit).resize((10, 10), Image.Resampling.BOX)
    large = np.asarray(small.resize((28, 28), Image.Resampling.BILINEAR), np.float64)
    return np.clip(large + random.normal(0, 40, large.shape) * (large > 0), 0, 255).astype(np.uint8)


# ---- the measure ----


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of some numbers."""

    n: int
    right: int
    refused: int
    confidence: float  # the mean of the answers'

    @property
    def wrong(self) -> int:
        """How many were answered wrongly."""
        return self.n - self.right - self.refused


def outcome(read: Read, accounts: Sequence[Account], expect: str = "") -> Outcome:
    """Read every account, with an expectation or without."""
    expectation = Expectation.parse(expect) if expect else None
    answers = [read(account, expectation) for account in accounts]
    given = [answer for answer in answers if answer is not None]
    pairs = zip(answers, accounts, strict=True)
    right = sum(answer is not None and answer.text == account.text for answer, account in pairs)
    confidence = float(np.mean([answer.confidence for answer in given])) if given else 0.0
    return Outcome(len(accounts), right, len(answers) - len(given), confidence)


def gain_table(read: Read, sets: dict[str, Sequence[Account]]) -> str:
    """Errors with and without the check digit, set by set."""
    head = ("numbers", "expected", "n", "right", "wrong", "refused", "error", "among answered", "mean confidence")
    rows = [_row(name, expect, outcome(read, sets[name], expect)) for name in sets for expect in ("", LUHN)]
    return markdown_table([head, *rows])


def _row(name: str, expect: str, found: Outcome) -> tuple[str, ...]:
    answered = found.n - found.refused
    counts = (f"{count:,}" for count in (found.n, found.right, found.wrong, found.refused))
    among = _percent(found.wrong, answered)
    return (
        name,
        expect or "nothing",
        *counts,
        _percent(found.wrong, found.n),
        among,
        f"{100 * found.confidence:.1f} %",
    )


def floor_table(recognizer: Recognizer, sets: dict[str, Sequence[Account]]) -> str:
    """What other floors would do: of numbers that are right, and of those that hold a slip."""
    head = ("floor", *(f"{name}: right, wrong, refused" for name in sets))
    rows = [head]
    for floor in FLOORS:
        found = [outcome(by_digit(recognizer, floor), accounts, LUHN) for accounts in sets.values()]
        rows.append((f"{floor:g}", *(f"{one.right}, {one.wrong}, {one.refused}" for one in found)))
    return markdown_table(rows)


def _percent(part: int, whole: int) -> str:
    return f"{100 * part / whole:.1f} %" if whole else "none"


def account_sets(digits: Digits, n: int = ACCOUNTS) -> dict[str, Sequence[Account]]:
    """The numbers of the benchmark, the same in every run: good ones, and ones with a slip, in two states each."""
    random = np.random.default_rng(4)
    good = account_texts(n, random)
    slips = [with_one_wrong(text, random) for text in account_texts(n, random)]
    sets: dict[str, Sequence[Account]] = {}
    for name, texts in (("good", good), ("one digit written wrongly", slips)):
        sets[name] = written(texts, digits, random)
        sets[f"{name}, copied badly"] = copied_badly(sets[name], random)
    return sets


def expectations_report(read: Read, sets: dict[str, Sequence[Account]]) -> str:
    """The table, with what it says of numbers that hold a slip."""
    return f"{gain_table(read, sets)}\n\nOf numbers with a digit written wrongly, each answer to `{LUHN}` is an error."


def expectations_section(setting: Setting) -> str:
    """Digit by digit, as the shipped recognizer confuses them, and what other floors would do."""
    recognizer = Recognizer.load(setting.our_model)
    sets = account_sets(load_mnist().held_out, min(ACCOUNTS, setting.effort.pictures))
    return f"{expectations_report(by_digit(recognizer), sets)}\n\n{floor_table(recognizer, sets)}"


def main(arguments: list[str] | None = None) -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.expectations")
    parser.add_argument("--model", help="digit model, or with --reader the line model; the shipped one where absent")
    parser.add_argument("--mnist", type=Path, help="folder of MNIST's IDX files; else they are fetched")
    parser.add_argument("--n", type=int, default=ACCOUNTS, help="numbers of each kind")
    parser.add_argument("--reader", action="store_true", help="read whole pages instead of digit by digit")
    options = parser.parse_args(arguments)
    sets = account_sets(load_mnist(options.mnist).held_out, options.n)
    if options.reader:
        print(expectations_report(by_page(_page_reader(options.model)), sets))
        return 0
    recognizer = Recognizer.load(options.model)
    print(expectations_report(by_digit(recognizer), sets), floor_table(recognizer, sets), sep="\n\n")
    return 0


def _page_reader(model: str | None) -> PageReader:
    from inkdigit.reader import Reader

    reader: PageReader = Reader.load(model)
    return reader


if __name__ == "__main__":
    sys.exit(main())

"""The benchmark of expectations: its numbers, and how it counts."""

import numpy as np
from benchmarks.expectations import (
    LUHN,
    PLACES,
    Account,
    Answer,
    Outcome,
    account_sets,
    account_texts,
    by_digit,
    by_page,
    check_digit,
    gain_table,
    outcome,
    with_one_wrong,
)
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from inkdigit import Recognizer
from inkdigit.errors import NoReadingError
from inkdigit.expect import Expectation
from inkdigit.number import Box, Number
from inkdigit.training.dataset import Digits

BLANK = np.zeros((PLACES, 28, 28), np.uint8)
seeds = st.integers(0, 2**32 - 1).map(np.random.default_rng)


class Typist:
    """Reads from a page what it was told is on it."""

    def __init__(self, text: str) -> None:
        self.text = text

    def read(self, page: NDArray[np.uint8], expect: Expectation | None = None) -> list[Number]:
        if expect is not None and not expect.allows(self.text):
            raise NoReadingError(self.text)
        return [Number(self.text, 0.8, Box(0, 0, page.shape[1], page.shape[0]), ())]


@given(seeds)
def test_accounts_end_in_their_check_digit(random: np.random.Generator) -> None:
    texts = account_texts(5, random)

    assert all(len(text) == PLACES and Expectation.parse(LUHN).allows(text) for text in texts)


@given(seeds)
def test_a_slip_changes_one_digit_and_the_check_notices(random: np.random.Generator) -> None:
    [text] = account_texts(1, random)

    wrong = with_one_wrong(text, random)

    assert sum(one != other for one, other in zip(text, wrong, strict=True)) == 1
    assert not Expectation.parse(LUHN).allows(wrong)


def test_answers_are_right_wrong_or_refused() -> None:
    good = "123456789" + check_digit("123456789")
    accounts = [Account(good, BLANK), Account("0000000000", BLANK)]

    assert outcome(by_page(Typist(good)), accounts) == Outcome(2, right=1, refused=0, confidence=0.8)
    assert outcome(by_page(Typist("1234567890")), accounts, LUHN) == Outcome(2, right=0, refused=2, confidence=0.0)


def test_the_table_tells_errors_with_and_without() -> None:
    table = gain_table(
        lambda account, expectation: None if expectation else Answer("1", 0.5), {"some": [Account("1", BLANK)]}
    )

    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in table.splitlines()[2:]]

    assert rows == [
        ["some", "nothing", "1", "1", "0", "0", "0.0 %", "0.0 %", "50.0 %"],
        ["some", LUHN, "1", "0", "0", "1", "0.0 %", "none", "0.0 %"],
    ]


def test_a_page_shows_the_digits_dark_on_white() -> None:
    digits = BLANK.copy()
    digits[3, 10:18, 12:16] = 255

    page = Account("0", digits).page

    inked = np.flatnonzero((page < 128).any(axis=0))
    assert page.dtype == np.uint8
    assert (page.max(), page.min()) == (255, 0)
    assert page.shape[1] * 3 / PLACES < inked.mean() < page.shape[1] * 4 / PLACES


def test_sets_are_the_same_in_every_run() -> None:
    digits = Digits(np.zeros((10, 28, 28), np.uint8), np.arange(10, dtype=np.uint8))

    first, second = account_sets(digits, 3), account_sets(digits, 3)

    assert [len(accounts) for accounts in first.values()] == [3] * 4
    assert [[one.text for one in accounts] for accounts in first.values()] == [
        [one.text for one in accounts] for accounts in second.values()
    ]


def test_drawn_digits_are_read_one_by_one(recognizer: Recognizer) -> None:
    answer = by_digit(recognizer)(Account("0", BLANK), None)

    assert answer is not None
    assert len(answer.text) == PLACES
    assert 0 < answer.confidence <= 1

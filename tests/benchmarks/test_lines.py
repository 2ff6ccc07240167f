"""What the tables on whole numbers say of given readings, and what a picture's reading is taken to be."""

from collections.abc import Sequence

import numpy as np
import pytest
from benchmarks.lines import Score, accuracy_table, confidence_table, lost_rows, reliability_table, report, surest
from benchmarks.ocr import ppocr
from benchmarks.ocr.engines import MissingEngineError, Readings, digits_of, pages_of, read_all, read_one, tesseract
from benchmarks.strings import Strings, as_png
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks import lines
from inkdigit.errors import BlankImageError
from inkdigit.image import Page
from inkdigit.number import Box, Number

CHEQUES = Strings("amounts on cheques (cheque_numbers_dev)", (b"",) * 4, ("12", "34", "56", "78"))
CLEAN = Strings("four digits", (b"",) * 2, ("1234", "5678"))


def score(strings: Strings, texts: Sequence[str], confidence: Sequence[float] = ()) -> Score:
    sure = np.array(confidence) if confidence else np.full(len(texts), np.nan)
    return Score(strings, Readings(tuple(texts), sure, 12.5))


def cells_of(table: str) -> list[list[str]]:
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in table.splitlines()]


# ---- tables ----


def test_a_picture_counts_where_all_digits_are_right_and_no_other_is_read() -> None:
    found = score(CHEQUES, ["12", "3", "567", "78"])

    assert found.right.tolist() == [True, False, False, True]
    assert found.share == 0.5


def test_shares_come_with_their_interval_and_n() -> None:
    _, _, row = cells_of(accuracy_table({"ours": [score(CHEQUES, ["12", "34", "", "78"])]}))

    assert row == [CHEQUES.name, "4", "75.0 % (30.1 to 95.4)"]


def test_lost_rows_are_named_with_what_they_were_lost_by() -> None:
    ours = [score(CHEQUES, ["12", "34", "56", ""]), score(CLEAN, ["1234", "5678"])]
    theirs = [score(CHEQUES, ["12", "34", "56", "78"]), score(CLEAN, ["1234", ""])]

    [said] = lost_rows({"Inkdigit": ours, "other": theirs})

    assert said == f"Rows on which Inkdigit is not ahead: {CHEQUES.name}: other +25.0 points."


def test_a_draw_is_no_win() -> None:
    both = [score(CLEAN, ["1234", ""])]

    assert lost_rows({"Inkdigit": both, "other": both}) == [
        f"Rows on which Inkdigit is not ahead: {CLEAN.name}: other as many."
    ]


def test_a_win_of_every_row_is_said_too() -> None:
    [said] = lost_rows({"Inkdigit": [score(CLEAN, CLEAN.truths)], "other": [score(CLEAN, ["", ""])]})

    assert said == "Inkdigit reads more of every row than any other."


def test_the_error_of_the_surest_leaves_out_the_least_sure() -> None:
    strings = Strings("twenty", (b"",) * 20, ("7",) * 20)
    texts, sure = ["7"] * 18 + ["1", "2"], [0.99] * 18 + [0.9, 0.2]

    _, _, row = cells_of(confidence_table([score(strings, texts, sure)]))

    assert row[3:] == ["10.0 % (2)", "5.3 % (1)", "0.53"]


@settings(deadline=None)  # the machine may be busy
@given(st.lists(st.floats(0, 1), min_size=1), st.floats(0, 1))
def test_none_that_is_left_out_is_surer_than_one_that_is_kept(confidence: list[float], share: float) -> None:
    sure = np.array(confidence)

    kept = surest(sure, share)

    left_out = np.setdiff1d(np.arange(len(sure)), kept)
    assert len(kept) == round(share * len(sure))
    assert len(kept) == 0 or len(left_out) == 0 or sure[kept].min() >= sure[left_out].max()


def test_reliability_shows_the_bins_that_hold_something() -> None:
    table = cells_of(reliability_table(score(CHEQUES, ["12", "34", "", ""], [0.95, 0.99, 0.97, 0.1])))

    assert [row[:3] for row in table[2:]] == [["0.07 to 0.13", "1", "10.0 %"], ["0.93 to 1.00", "3", "97.0 %"]]


def test_a_reader_that_tells_no_confidence_has_no_table_of_it() -> None:
    told = report({"other": [score(CHEQUES, CHEQUES.truths)]}, [CHEQUES])
    silent_on_real_ink = report({"ours": [score(CLEAN, CLEAN.truths, [0.9, 1.0])]}, [CLEAN])

    assert "Confidence of" not in told
    assert "Confidence of ours" in silent_on_real_ink
    assert lines.SKIPPED in silent_on_real_ink
    assert lines.SKIPPED not in told


def test_what_was_read_wrong_is_listed_with_the_surest_first() -> None:
    rows = [score(CHEQUES, ["12", "3", "57", "78"], [0.9, 0.2, 0.8, 1.0]), score(CLEAN, ["1234", ""])]

    told = lines.wrong(rows)

    assert told[:4] == ["", CHEQUES.name, "    2 56 as 57, 0.800", "    1 34 as 3, 0.200"]
    assert told[4:] == ["", CLEAN.name, "    1 5678 as , nan"]


# ---- readings ----


class FakeReader:
    """Finds the same numbers on every page; on a dark one nothing, as its reading is refused."""

    version = "fake"

    def __init__(self, *found: tuple[str, float, int]) -> None:
        self.numbers = [Number(text, sure, Box(x, 0, 5, 5), ()) for text, sure, x in found]

    def read(self, page: Page) -> list[Number]:
        if page.max() == page.min():
            raise BlankImageError("nothing on it")
        return self.numbers


PICTURE = as_png(np.tile(np.array([255, 0], np.uint8), (20, 10)), np.random.default_rng(0))
BLANK = as_png(np.full((20, 20), 255, np.uint8), np.random.default_rng(0))


def test_several_numbers_are_one_text_from_left_to_right() -> None:
    text, sure = read_one(FakeReader(("5.0", 0.5, 90), ("-12", 0.9, 4)), PICTURE)  # type: ignore[arg-type]

    assert text == "1250"
    assert sure == pytest.approx(0.45)


def test_what_is_refused_or_shows_no_number_has_no_text_and_no_confidence() -> None:
    assert read_one(FakeReader(), PICTURE) == ("", 0.0)  # type: ignore[arg-type]
    assert read_one(FakeReader(("7", 1.0, 0)), BLANK) == ("", 0.0)  # type: ignore[arg-type]


def test_all_pictures_are_read_in_their_order() -> None:
    found = read_all(FakeReader(("7", 0.8, 0)), [PICTURE, BLANK, PICTURE])  # type: ignore[arg-type]

    assert found.texts == ("7", "", "7")
    assert found.confidence.tolist() == [0.8, 0.0, 0.8]
    assert found.cpu_ms >= 0


def test_separators_do_not_count() -> None:
    assert digits_of("=1.234,50-") == "123450"


def test_a_page_of_tesseract_may_be_empty() -> None:
    assert pages_of("12\n\f\f7 8\n", 3) == pages_of("12\n\f\f7 8\n\f", 3) == ("12", "", "78")


@pytest.mark.parametrize("printed", ["12\n", "1\n\f2\n\f3\n"])
def test_pages_that_are_missing_or_too_many_are_an_error(printed: str) -> None:
    with pytest.raises(ValueError, match="for 2 pictures"):
        pages_of(printed, 2)


def test_a_missing_tesseract_is_said_and_not_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shutil.which", lambda _: None)

    with pytest.raises(MissingEngineError, match="apt install tesseract-ocr"):
        tesseract()
    assert lines._readers(["tesseract"], None)[0] == []


# ---- PP-OCRv6 with digits alone ----


def test_repeats_are_one_digit_and_a_blank_parts_equal_ones() -> None:
    steps = np.eye(11, dtype=np.float32)[[0, 5, 5, 0, 1, 1, 0, 0, 1, 8]]

    assert ppocr.decode(steps) == "4007"


def test_letters_are_not_looked_at() -> None:
    characters = ["blank", "O", *"0123456789", "l"]
    steps = np.zeros((1, 2, len(characters)), np.float32)
    steps[0, 0, [1, 2]] = 0.9, 0.1
    steps[0, 1, [12, 3]] = 0.9, 0.1

    assert ppocr.DigitsOnly(characters)(steps) == [("01", 1.0)]

"""What holds for every reading of the shipped reader, whatever is written and wherever it stands."""

import io
import itertools
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, reject, settings
from hypothesis import strategies as st
from PIL import Image
from tests.data.hard import make
from tests.data.hard.cases import Case, Look
from tests.data.hard.make import picture

from inkdigit import reader as module
from inkdigit.errors import ConfigError, NoReadingError
from inkdigit.expect import Expectation
from inkdigit.image import Page, read_page
from inkdigit.number import Number
from inkdigit.reader import Reader

HARD = sorted((Path(__file__).parent / "data" / "hard").glob("*.[pj]*g"))
few = settings(max_examples=12, deadline=None, derandomize=True)  # each reads a page or two
numbers = st.text("0123456789", min_size=2, max_size=6)


@pytest.fixture(scope="module")
def reader() -> Reader:
    """The one that ships."""
    return Reader.load()


def written(text: str, look: Look = Look(gap=0.25)) -> Page:  # noqa: B008  # a frozen value
    """A page on which a number stands in plain digits."""
    return read_page(picture(Case("", text, look), np.random.default_rng(1)))


def texts(found: Sequence[Number]) -> list[str]:
    return [number.text for number in found]


def png(page: Page) -> bytes:
    file = io.BytesIO()
    Image.fromarray(page).save(file, "PNG")
    return file.getvalue()


def kept(reader: Reader, page: Page, expect: Expectation) -> list[str]:
    """What is read where something is expected; nothing where that is refused."""
    try:
        return texts(reader.read(page, expect))
    except NoReadingError:
        return []


# ---- where it stands and how large it is ----


@few
@given(text=numbers, padding=st.tuples(*[st.integers(0, 200)] * 4))
def test_paper_around_a_number_changes_nothing(reader: Reader, text: str, padding: tuple[int, int, int, int]) -> None:
    page, (above, below, left, right) = written(text), padding

    padded = np.pad(page, ((above, below), (left, right)), constant_values=255)

    assert texts(reader.read(padded)) == texts(reader.read(page))


@few
@given(text=numbers, x=st.floats(0, 1), y=st.floats(0, 1))
def test_where_a_number_stands_changes_nothing_but_its_boxes(reader: Reader, text: str, x: float, y: float) -> None:
    page, sheet = written(text), np.full((320, 480), 255, np.uint8)
    top, left = round(y * (sheet.shape[0] - page.shape[0])), round(x * (sheet.shape[1] - page.shape[1]))
    sheet[top : top + page.shape[0], left : left + page.shape[1]] = page

    moved, still = reader.read(sheet), reader.read(page)

    assert texts(moved) == texts(still)
    for after, before in zip(moved, still, strict=True):
        assert after.box.x - left == pytest.approx(before.box.x, abs=4)
        assert after.box.y - top == pytest.approx(before.box.y, abs=4)


@few
@given(text=numbers, scale=st.floats(0.5, 3))
def test_moderate_scaling_changes_nothing(reader: Reader, text: str, scale: float) -> None:
    page = written(text)
    size = round(page.shape[1] * scale), round(page.shape[0] * scale)

    scaled = np.asarray(Image.fromarray(page).resize(size, Image.Resampling.LANCZOS))

    assert texts(reader.read(scaled)) == texts(reader.read(page))


@few
@given(text=numbers)
def test_a_number_of_separate_digits_reads_as_the_digits_alone_do(reader: Reader, text: str) -> None:
    alone = [texts(reader.read(written(digit))) for digit in text]

    together = texts(reader.read(written(text, Look(gap=0.35))))

    assert together == ["".join(part for found in alone for part in found)]


def test_not_even_the_clearest_number_is_certain(reader: Reader) -> None:
    [number] = reader.read(written("47"))

    assert 0.99 < number.confidence < 1


def test_reading_twice_gives_the_same(reader: Reader) -> None:
    page = written("4007")

    assert reader.read(page) == reader.read(page)


def test_light_ink_on_dark_paper_reads_as_dark_ink_on_light(reader: Reader) -> None:
    page = written("4007")

    assert texts(reader.read(read_page(png(255 - page)))) == texts(reader.read(page))


# ---- one number or several ----


@pytest.mark.parametrize("text", ["4071 3295", "12 34", "407 12 9958", "3.50 128"])
@pytest.mark.parametrize("blank", [0.7, 1.0])
def test_numbers_with_a_wide_blank_between_them_are_several(
    reader: Reader, text: str, blank: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(make, "WORD", blank)

    found = reader.read(written(text, Look(gap=0.1)))

    assert texts(found) == text.split()
    boxes = [number.box for number in found]
    assert all(a.x + a.width < b.x for a, b in itertools.pairwise(boxes))


@pytest.mark.parametrize("text", ["12 500", "1 250 000"])
def test_thousands_that_stand_apart_are_one_number(reader: Reader, text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(make, "WORD", 0.8)

    assert texts(reader.read(written(text, Look(gap=0.1)))) == [text.replace(" ", "")]


@pytest.mark.parametrize(
    ("rule", "found"), [("check=luhn", ["79927398713"]), ("length=3..4", ["7992", "7398", "713"]), ("length=2", None)]
)
def test_what_keeps_to_the_rule_as_a_whole_is_one_number_and_else_its_parts_are_asked(
    reader: Reader, rule: str, found: list[str] | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(make, "WORD", 0.8)

    assert kept(reader, written("7992 7398 713", Look(gap=0.1)), Expectation.parse(rule)) == (found or [])


# ---- what is expected of it ----

lengths = st.tuples(st.integers(1, 5), st.integers(0, 2)).map(lambda pair: f"length={pair[0]}..{sum(pair)}")
ranges = st.tuples(st.integers(0, 9000), st.integers(1, 5000)).map(lambda pair: f"range={pair[0]}..{sum(pair)}")
patterns = st.sampled_from(
    ["pattern=[0-9]{4}", "pattern=[1-4]+", "pattern=[0-9]{2}[.][0-9]{2}", "pattern=[0-9]*[02468]"]
)
lists = st.lists(st.integers(10, 9999), min_size=1, max_size=9).map(lambda ns: "one-of=" + ",".join(map(str, ns)))
others = st.sampled_from(["integer", "decimal=.", "decimals=2", "check=luhn", "date=%d.%m.%Y"])
rules = st.lists(st.one_of(lengths, ranges, patterns, lists, others), min_size=1, max_size=2).map(";".join)


@few
@given(text=st.sampled_from(["4007", "3.50", "-12", "79927398713", "24.12.2025", "1234", "88"]), rule=rules)
def test_no_reading_violates_what_was_expected(reader: Reader, text: str, rule: str) -> None:
    try:
        expect = Expectation.parse(rule)
    except ConfigError:  # a list of which no text keeps to the other rule
        reject()

    found = kept(reader, written(text), expect)

    assert [text for text in found if not expect.allows(text)] == []


@pytest.mark.parametrize("path", HARD[::7], ids=lambda path: path.stem)
def test_no_reading_of_a_hard_case_violates_its_length(reader: Reader, path: Path) -> None:
    found = kept(reader, read_page(path.read_bytes()), Expectation.parse("length=4"))

    assert {len(text) for text in found} <= {4}


def test_what_was_read_is_kept_where_it_is_expected(reader: Reader) -> None:
    page = written("4007")

    [number] = reader.read(page, Expectation.parse("length=4; range=4000..5000; one-of=4007,4907"))

    assert number.text == "4007"
    assert [character.repaired_from for character in number.characters] == [None] * 4


def test_what_cannot_stand_there_is_refused(reader: Reader) -> None:
    with pytest.raises(NoReadingError):
        reader.read(written("4007"), Expectation.parse("one-of=112233445566"))


# ---- boxes ----


@pytest.mark.parametrize("path", HARD[::3], ids=lambda path: path.stem)
def test_boxes_lie_inside_the_picture_and_in_order(reader: Reader, path: Path) -> None:
    page = read_page(path.read_bytes())
    height, width = page.shape

    found = reader.read(page)

    assert found
    for number in found:
        boxes = [character.box for character in number.characters]
        assert "".join(character.label for character in number.characters) == number.text
        for box in (number.box, *boxes):
            assert 0 <= box.x < box.x + box.width <= width
            assert 0 <= box.y < box.y + box.height <= height
        middles = [box.x + box.width / 2 for box in boxes]
        assert middles == sorted(middles)
        assert (min(box.x for box in boxes), min(box.y for box in boxes)) == (number.box.x, number.box.y)


@pytest.mark.parametrize("path", HARD[1::5], ids=lambda path: path.stem)
def test_confidences_are_probabilities_and_leave_room_for_the_alternatives(reader: Reader, path: Path) -> None:
    for number in reader.read(read_page(path.read_bytes())):
        assert 0 <= number.confidence <= module.SUREST
        for character in number.characters:
            chances = [character.confidence, *(other.confidence for other in character.alternatives)]
            assert min(chances) >= 0
            assert sum(chances) <= 1 + 1e-6
            assert character.label not in {other.label for other in character.alternatives}

"""Expectations rule by rule, and the search against one that looks at every text there is."""

import itertools
import math
import pickle
import re
import sys
from collections import defaultdict
from collections.abc import Sequence
from random import Random

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from inkdigit.errors import ConfigError, MissingExtraError, NoReadingError
from inkdigit.expect import EXAMPLES, FLOOR, RULES, Choice, Expectation, Hypothesis, choose
from inkdigit.number import LABELS, Alternative, value_of

SPECIFICATIONS = [
    "length=2",
    "length=1..3",
    "pattern=[0-9]{2}",
    "pattern=(1|7)[0-9]*-?",
    "pattern=[0-9]+[.][0-9]; length=3..4",
    "one-of=1,17,70,1.7",
    "integer",
    "decimal=.",
    "decimals=1",
    "range=5..80",
    "range=-2..1.5; decimal=.",
    "check=luhn",
    "check=luhn; length=3",
    "date=%d.%m",
]
specifications = st.sampled_from(SPECIFICATIONS)
numbers = st.text("0179.-", max_size=5)
rows = settings(max_examples=200, deadline=None)


def place(**confidences: float) -> tuple[Alternative, ...]:
    """A place by its labels: `_7` for a 7, `none` for no character."""
    return tuple(
        Alternative("" if label == "none" else label.removeprefix("_"), confidence)
        for label, confidence in confidences.items()
    )


@st.composite
def places(draw: st.DrawFn) -> tuple[Alternative, ...]:
    labels = draw(st.lists(st.sampled_from(["0", "1", "7", "9", ".", "-", ""]), min_size=1, max_size=4))
    weights = draw(st.lists(st.integers(0, 1000), min_size=len(labels), max_size=len(labels)))
    total = max(1, sum(weights)) * draw(st.sampled_from([1.0, 1.25]))
    return tuple(Alternative(label, weight / total) for label, weight in zip(labels, weights, strict=True))


@st.composite
def several_hypotheses(draw: st.DrawFn) -> list[Hypothesis]:
    ways = draw(st.lists(st.lists(places(), min_size=1, max_size=4), min_size=1, max_size=3))
    weights = draw(st.lists(st.integers(0, 100), min_size=len(ways), max_size=len(ways)))
    total = max(1, sum(weights))
    return [Hypothesis(weight / total, tuple(way)) for weight, way in zip(weights, ways, strict=True)]


def every_text(hypotheses: Sequence[Hypothesis]) -> dict[str, float]:
    """The likelihood of each text that is possible, by looking at every path."""
    found: dict[str, list[float]] = defaultdict(list)
    for hypothesis in hypotheses:
        for path in itertools.product(*hypothesis.places):
            text = "".join(one.label for one in path)
            found[text].append(hypothesis.probability * math.prod(one.confidence for one in path))
    likelihoods = {text: math.fsum(parts) for text, parts in found.items()}
    return {text: likelihood for text, likelihood in likelihoods.items() if likelihood > 0}


def chosen(hypotheses: Sequence[Hypothesis], expectation: Expectation | None = None) -> Choice | None:
    try:
        return choose(hypotheses, expectation)
    except NoReadingError:
        return None


# --- the search


@rows
@given(hypotheses=several_hypotheses())
def test_without_an_expectation_the_likeliest_text_of_all_is_chosen(hypotheses: list[Hypothesis]) -> None:
    everything = every_text(hypotheses)
    assume(everything)

    choice = choose(hypotheses)

    assert choice.likelihood == pytest.approx(everything[choice.text])
    assert choice.likelihood >= 0.998 * max(everything.values())
    assert choice.confidence == pytest.approx(choice.likelihood / math.fsum(everything.values()))


@rows
@given(hypotheses=several_hypotheses(), specification=specifications)
def test_an_expectation_leaves_the_likeliest_text_that_it_allows(
    hypotheses: list[Hypothesis], specification: str
) -> None:
    expectation = Expectation.parse(specification)
    everything = every_text(hypotheses)
    allowed = {text: likelihood for text, likelihood in everything.items() if expectation.allows(text)}
    best, floor = max(allowed.values(), default=0.0), FLOOR * max(everything.values(), default=0.0)
    assume(everything and not 0.99 * floor < best < 1.01 * floor)

    choice = chosen(hypotheses, expectation)

    assert (choice is None) == (best < floor)
    if choice is not None:
        assert choice.likelihood == pytest.approx(allowed[choice.text])
        assert choice.likelihood >= 0.998 * best
        assert choice.confidence == pytest.approx(choice.likelihood / math.fsum(allowed.values()), abs=0.03)


@rows
@given(hypotheses=several_hypotheses(), specification=specifications)
def test_what_is_chosen_is_allowed_and_stands_in_its_hypothesis(
    hypotheses: list[Hypothesis], specification: str
) -> None:
    expectation = Expectation.parse(specification)
    choice = chosen(hypotheses, expectation)
    assume(choice)
    assert choice is not None

    ways = hypotheses[choice.hypothesis].places

    assert expectation.allows(choice.text)
    assert 0 < choice.confidence <= 1
    assert 0 < choice.likelihood <= 1 + 1e-9
    assert len(choice.labels) == len(ways)
    assert all(label in {one.label for one in way} for label, way in zip(choice.labels, ways, strict=True))


@rows
@given(hypotheses=several_hypotheses(), specification=specifications, seed=st.randoms(use_true_random=False))
def test_the_order_of_hypotheses_and_alternatives_does_not_matter(
    hypotheses: list[Hypothesis], specification: str, seed: Random
) -> None:
    expectation = Expectation.parse(specification)
    shuffled = [
        Hypothesis(one.probability, tuple(tuple(seed.sample(way, len(way))) for way in one.places))
        for one in hypotheses
    ]
    seed.shuffle(shuffled)

    first, second = chosen(hypotheses, expectation), chosen(shuffled, expectation)

    assert (first is None) == (second is None)
    if first is not None and second is not None:
        assert (first.labels, first.likelihood, first.confidence) == (
            second.labels,
            second.likelihood,
            second.confidence,
        )


def test_equal_texts_of_several_hypotheses_count_together() -> None:
    apart = Hypothesis(0.3, (place(_1=1.0), place(_7=1.0)))
    with_gap = Hypothesis(0.3, (place(_1=1.0), place(none=1.0), place(_7=1.0)))
    other = Hypothesis(0.4, (place(_4=1.0),))

    choice = choose([other, apart, with_gap])

    assert choice.text == "17"
    assert choice.confidence == pytest.approx(0.6)


def test_a_misread_digit_is_repaired_where_the_check_digit_calls_for_it() -> None:
    read = Hypothesis(1.0, (place(_7=0.99), place(_9=0.98), place(_9=0.6, _3=0.4), place(_2=0.99), place(_7=0.99)))

    choice = choose([read], Expectation.parse("check=luhn"))

    assert choose([read]).text == "79927"
    assert choice.text == "79327"
    assert choice.confidence == pytest.approx(1.0)
    assert choice.likelihood == pytest.approx(0.99**3 * 0.98 * 0.4)


def test_a_wrong_number_that_is_written_clearly_is_not_repaired() -> None:
    digit = [place(**{f"_{label}": 0.9991, f"_{(label + 3) % 10}": 0.0009}) for label in (1, 2, 3, 4, 5)]

    with pytest.raises(NoReadingError, match=r"12345 was read.*check=luhn"):
        choose([Hypothesis(1.0, tuple(digit))], Expectation.parse("check=luhn"))


def test_two_repairs_that_are_as_likely_say_so_in_the_confidence() -> None:
    read = Hypothesis(1.0, (place(_1=0.5, _2=0.25, _3=0.25), place(_0=1.0)))

    choice = choose([read], Expectation.parse("one-of=20,30"))

    assert choice.text in ("20", "30")
    assert choice.confidence == pytest.approx(0.5)


@pytest.mark.parametrize(
    "hypotheses",
    [[], [Hypothesis(1.0, ())], [Hypothesis(0.0, (place(_1=1.0),))], [Hypothesis(1.0, (place(_1=1.0), ()))]],
)
def test_nothing_possible_is_no_reading(hypotheses: list[Hypothesis]) -> None:
    with pytest.raises(NoReadingError, match="nothing was read"):
        choose(hypotheses)


def test_an_empty_reading_that_is_not_expected_says_that_nothing_was_read() -> None:
    with pytest.raises(NoReadingError, match="nothing was read, and no reading"):
        choose([Hypothesis(1.0, (place(none=0.999, _1=0.001),))], Expectation.parse("length=1"))


@pytest.mark.parametrize("specification", ["", "check=iban", "range=1..2", "pattern=([0-9]*1[0-9]{12}|[^1]*)[0-9.-]*"])
def test_the_most_open_line_is_answered_or_refused(specification: str) -> None:
    flat = tuple(Alternative(label, 1 / 18) for label in (*LABELS, ""))
    hypotheses = [Hypothesis(0.1, (flat,) * (30 + number)) for number in range(10)]
    expectation = Expectation.parse(specification)

    choice = chosen(hypotheses, expectation)

    assert choice is None or expectation.allows(choice.text)


# --- the text form


@given(specification=st.lists(specifications, max_size=3).map(";".join))
def test_the_text_form_is_read_back_as_it_was(specification: str) -> None:
    names = re.findall(r"(?:^|;) *([a-z-]+)", specification)
    assume(len(names) == len(set(names)))
    assume("one-of" not in names or len(names) == 1)  # a list of which no text keeps to the rest is refused

    expectation = Expectation.parse(specification)

    assert Expectation.parse(str(expectation)) == expectation
    assert hash(Expectation.parse(str(expectation))) == hash(expectation)
    assert pickle.loads(pickle.dumps(expectation)).allows("17") == expectation.allows("17")


def test_order_and_blanks_between_rules_do_not_matter() -> None:
    expectation = Expectation.parse(" check = LUHN ;; length=4..4 ")

    assert expectation == Expectation.parse("length=4;check=luhn")
    assert str(expectation) == "length=4;check=luhn"


def test_without_rules_everything_is_allowed() -> None:
    assert Expectation.parse("") == Expectation()
    assert Expectation.parse("").allows("12/x")


def test_every_rule_has_an_example_that_works() -> None:
    for name in RULES:
        first = re.split(r" or |, (?=ean)", EXAMPLES[name])[0]

        assert str(Expectation.parse(first)) == first


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("lenght=4", "did you mean length"),
        ("colour=red", "there are length, pattern"),
        ("length", "write length=4"),
        ("length=", "write length=4"),
        ("length=four", "length=four cannot be expected"),
        ("length=0", "between 1 and 64"),
        ("length=6..4", "its end lies below its beginning"),
        ("length=99..70", "its end lies below its beginning"),
        ("length=65", "between 1 and 64"),
        ("length=4;length=5", "length is expected twice"),
        ("integer=yes", "write integer"),
        ("integer=", "write integer"),
        ("pattern=[0-9", "cut short"),
        (f"pattern={'1' * 201}", "at most 200 characters"),
        ("one-of=12,,15", "is no number"),
        ("one-of=12,XV", "'XV' is no number"),
        ("one-of=1,2;length=5", "none of the texts of one-of keeps to the other rules"),
        ("decimal=;", "write decimal=."),
        ("decimal=:", "decimal=: cannot be"),
        ("decimals=two", "decimals=two cannot be"),
        ("decimals=10", "decimals=10 cannot be"),
        ("range=1-5", "range=1-5 cannot be"),
        ("range=5..1", "its end lies below"),
        ("range=1..", "cannot be expected"),
        ("range=nan..inf", "cannot be expected"),
        ("date=today", "its parts are %d"),
        ("date=%A", "its parts are %d"),
        ("date=..", "each part stands in it once"),
        ("date=%d.%d", "each part stands in it once"),
        ("date=%y/%Y", "each part stands in it once"),
        ("date=%d.%m.%", "its parts are %d"),
        ("check=verhoeff", "cannot be expected"),
        ("check=luhn:DE", "cannot be expected"),
        ("check=iban:Germany", "cannot be expected"),
        ("check=iban:ZZ", "no country ZZ"),
        ("check=iban:GB", "no country GB"),
        ("one-of=" + "1," * 3000, "at most 4,096"),
    ],
)
def test_what_cannot_be_expected_is_refused_with_the_reason(text: str, complaint: str) -> None:
    with pytest.raises(ConfigError, match=complaint):
        Expectation.parse(text)


@rows
@given(text=st.text("=;.,%-[]{}()0159abcdeghiklnoprtuDEY:", max_size=30), number=numbers)
def test_any_text_is_an_expectation_or_refused(text: str, number: str) -> None:
    try:
        expectation = Expectation.parse(text)
    except ConfigError:
        return

    assert expectation.allows(number) in (True, False)
    assert Expectation.parse(str(expectation)) == expectation


# --- the rules


@pytest.mark.parametrize(
    ("text", "allowed", "refused"),
    [
        ("length=4", ["4007", "1.50"], ["400", "40077", ""]),
        ("length=4..6", ["4007", "400777"], ["400", "4007777"]),
        ("pattern=[0-9]{3}-[0-9]{2}", ["123-45"], ["12345", "123-456"]),
        ("pattern=[0-9]*", ["", "1"], ["-"]),
        ("one-of=12,15,1.8", ["12", "1.8"], ["1", "18", "128", "012"]),
        ("integer", ["0", "-12", "0042"], ["1.0", "--1", "1-2", ""]),
        ("decimal=.", ["3.50", "3", "-3.5", "12.-", "12.--", "12=", "12-"], ["3,50", "1.2.3", ".5", "3.", "1,000.5"]),
        ("decimal=,", ["3,50", "3", "12,-"], ["3.50", "1.234,50"]),
        ("decimals=2", ["3.50", "3,50", "-0.05"], ["3.5", "350", "3.505"]),
        ("decimals=0", ["3", "-3"], ["3.0", "3."]),
        ("range=1..500", ["1", "500", "12.5", "0012", "12.-"], ["0", "501", "500.01", "-1", "12/03", "1:30", ""]),
        ("range=-5.5..-1", ["-5.5", "-1"], ["5", "-5.6", "0"]),
        ("decimal=,; decimals=2; range=1..500", ["12,50"], ["12.50", "512,50"]),
        (
            "date=%d.%m.%Y",
            ["01.02.2024", "1.2.2024", "29.02.2024"],
            ["29.02.2023", "31.04.2024", "1.13.2024", "1.2.24"],
        ),
        ("date=%d.%m", ["29.02", "31.12"], ["30.02", "31.04"]),
        ("date=%Y-%m-%d", ["2024-12-31"], ["2024-12-32", "24-12-31", "0000-01-01"]),
        ("date=%d%m%y", ["311299"], ["321299", "31129"]),
        ("date=%H:%M", ["23:59", "7:05"], ["24:00", "7:60"]),
        ("check=luhn", ["79927398713", "7992-7398-713", "00"], ["79927398710", "", "0", "-18", "1-8-", "7--5"]),
        ("check=ean13", ["4006381333931"], ["4006381333932", "73513537", "400638133393"]),
        ("check=isbn10", ["0306406152", "1-85798-218-5"], ["0306406153", "9783161484100"]),
        ("check=isbn13", ["9783161484100", "978-3-16-148410-0"], ["9783161484101", "4006381333931", "0306406152"]),
        ("check=iban:DE", ["89370400440532013000"], ["89370400440532013001", "8937040044053201300"]),
        ("check=iban:de89", ["370400440532013000"], ["370400440532013001", "89370400440532013000"]),
        ("check=iban", ["89370400440532013000", "9386011117947"], ["89370400440532013001", "12345678901234"]),
    ],
)
def test_a_rule_allows_what_it_says(text: str, allowed: list[str], refused: list[str]) -> None:
    expectation = Expectation.parse(text)

    assert [number for number in allowed if not expectation.allows(number)] == []
    assert [number for number in refused if expectation.allows(number)] == []


@pytest.mark.parametrize("text", [text for text in SPECIFICATIONS if text != "one-of=1,17,70,1.7"])
def test_letters_other_digits_and_endless_texts_are_never_allowed(text: str) -> None:
    expectation = Expectation.parse(text)

    assert not any(expectation.allows(odd) for odd in ("1a", "١٧", "1 7", "17\n", "7" * 5000))


@given(number=st.text("0123456789.,-=", max_size=8), low=st.integers(-50, 50), size=st.integers(0, 100))
def test_a_range_goes_by_the_value(number: str, low: int, size: int) -> None:
    value = value_of(number)
    digits_first = bool(re.match("-?[0-9]", number))

    inside = Expectation.parse(f"range={low}..{low + size}").allows(number)

    assert inside == (digits_first and value is not None and low <= value <= low + size)


# --- check digits, by other means than python-stdnum


def digit_sum(number: int) -> int:
    return sum(map(int, str(number)))


def is_luhn(digits: str) -> bool:
    return sum(digit_sum(int(digit) * (1 + at % 2)) for at, digit in enumerate(reversed(digits))) % 10 == 0


def is_weighted(digits: str, weights: Sequence[int], modulus: int) -> bool:
    weighted = (int(digit) * weight for digit, weight in zip(digits, itertools.cycle(weights), strict=False))
    return sum(weighted) % modulus == 0


def is_mod_97(country: str, digits: str) -> bool:
    letters = "".join(str(ord(letter) - ord("A") + 10) for letter in country)
    return int(digits[2:] + letters + digits[:2]) % 97 == 1


@given(st.text("0123456789", min_size=2, max_size=20))
def test_luhn_agrees_with_the_sum_by_hand(digits: str) -> None:
    assert Expectation.parse("check=luhn").allows(digits) == is_luhn(digits)


@given(st.text("0123456789", min_size=11, max_size=14))
def test_ean_agrees_with_the_sum_by_hand(digits: str) -> None:
    assert Expectation.parse("check=ean13").allows(digits) == (len(digits) == 13 and is_weighted(digits, (1, 3), 10))


@given(start=st.sampled_from(["978", "979", "977"]), rest=st.text("0123456789", min_size=10, max_size=10))
def test_isbn_13_agrees_with_the_sum_by_hand(start: str, rest: str) -> None:
    valid = start != "977" and is_weighted(start + rest, (1, 3), 10)

    assert Expectation.parse("check=isbn13").allows(start + rest) == valid


@given(st.text("0123456789", min_size=10, max_size=10))
def test_isbn_10_agrees_with_the_sum_by_hand(digits: str) -> None:
    assert Expectation.parse("check=isbn10").allows(digits) == is_weighted(digits, range(10, 0, -1), 11)


@given(account=st.text("0123456789", min_size=18, max_size=18), off=st.integers(0, 3))
def test_iban_agrees_with_the_remainder_by_hand(account: str, off: int) -> None:
    check = 98 - int(f"{account}131400") % 97  # D is 13, E is 14
    digits = f"{(check + off) % 100:02}{account}"

    assert Expectation.parse("check=iban:DE").allows(digits) == is_mod_97("DE", digits)
    assert off or is_mod_97("DE", digits)


def test_a_check_digit_without_python_stdnum_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "stdnum.luhn", None)

    with pytest.raises(MissingExtraError, match=r"inkdigit\[read\]"):
        Expectation.parse("check=luhn")


def test_other_rules_need_no_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "stdnum", None)
    monkeypatch.setitem(sys.modules, "stdnum.luhn", None)

    assert Expectation.parse("length=4").allows("4007")

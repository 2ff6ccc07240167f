"""Patterns against the standard library's `re`, which knows the same language and takes another way."""

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from inkdigit.errors import ConfigError
from inkdigit.number import LABELS
from inkdigit.pattern import MAX_PLACES, compile_pattern, escape

ATOMS = ["0", "1", "-", r"\.", r"\d", ".", "[01]", "[^0-8]", "[-,0-2]", r"[\d.]", "(?:1)"]
REPEATS = ["", "", "?", "*", "+", "{2}", "{0,2}", "{1,}", "{,2}", "{0}"]
texts = st.text("0129-.,", max_size=7)
patterns = st.recursive(
    st.sampled_from(ATOMS),
    lambda inner: st.one_of(
        st.tuples(inner, inner).map("".join),
        st.tuples(inner, inner).map(lambda pair: f"({pair[0]}|{pair[1]})"),
        st.tuples(inner, st.sampled_from(REPEATS)).map(lambda pair: f"({pair[0]}){pair[1]}"),
    ),
    max_leaves=6,
)


@settings(max_examples=400, deadline=None)
@given(source=patterns, text=texts)
def test_a_pattern_matches_what_the_standard_library_matches(source: str, text: str) -> None:
    assert compile_pattern(source).matches(text) == bool(re.fullmatch(source, text))


@settings(max_examples=200, deadline=None)
@given(source=patterns, text=texts)
def test_a_beginning_goes_on_where_the_whole_text_matches(source: str, text: str) -> None:
    pattern = compile_pattern(source)
    places = pattern.start
    viable = [pattern.ends]
    for character in reversed(text):
        viable.insert(0, pattern.back(viable[0], character))

    meets = [bool(places & viable[0])]
    for at, character in enumerate(text):
        places = pattern.step(places, character)
        meets.append(bool(places & viable[at + 1]))

    assert meets == [pattern.matches(text)] * (len(text) + 1)


@given(text=st.text(LABELS, max_size=10))
def test_an_escaped_text_matches_itself_alone(text: str) -> None:
    pattern = compile_pattern(escape(text))

    assert pattern.matches(text)
    assert not pattern.matches(f"{text}0")


def test_anchors_change_nothing() -> None:
    pattern = compile_pattern("^[0-9]{2}$")

    assert [pattern.matches(text) for text in ("12", "123", "1")] == [True, False, False]


@pytest.mark.parametrize("source", ["(([0-9]+)+)+-", "(([0-9]|[0-9][0-9])*)*-", "([0-9]*[0-9]*)*-", "(.*1){20}-"])
def test_patterns_that_backtracking_never_finishes_are_answered(source: str) -> None:
    assert not compile_pattern(source).matches("1" * 5000)


@pytest.mark.parametrize(
    ("source", "complaint"),
    [
        ("(1", "never closed"),
        ("1)", "closes nothing"),
        ("[12", "cut short"),
        ("1\\", "cut short"),
        ("*1", r"\* can stand nowhere"),
        ("1**", "repeat is repeated"),
        ("1+?", "repeat is repeated"),
        ("1{}", "repeats are written|does not count"),
        ("1{,}", "does not count"),
        ("1{3,2}", "does not count"),
        ("1{65}", "does not count"),
        ("1{x}", "repeats are written"),
        ("1{2", "repeats are written"),
        ("[9-0]", "from digit to digit"),
        ("[.-9]", "from digit to digit"),
        ("(?=1)", r"\(\?:"),
        ("(?P<a>1)", r"\(\?:"),
        (r"(1)\1", "means nothing here"),
        (r"\w", "means nothing here"),
        ("A", "A can stand nowhere"),
        ("[A-F]", "A can stand nowhere"),
        ("1^2", r"\^ can stand nowhere"),
        ("(" * 21 + ")" * 21, "nested"),
        ("((([0-9]{64}){64}){64}){64}", f"more than {MAX_PLACES} places"),
        ("(((((){64}){64}){64}){64}){64}", "repeats repeats"),
    ],
)
def test_what_cannot_be_used_is_refused_with_the_reason(source: str, complaint: str) -> None:
    with pytest.raises(ConfigError, match=complaint):
        compile_pattern(source)


@settings(max_examples=300, deadline=None)
@given(source=st.text("01.,-\\d[]()|?*+{}2^$:A", max_size=20), text=texts)
def test_any_pattern_is_used_as_the_standard_library_uses_it_or_refused(source: str, text: str) -> None:
    try:
        pattern = compile_pattern(source)
    except ConfigError:
        return

    assert pattern.matches(text) == bool(re.fullmatch(source, text))

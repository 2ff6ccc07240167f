"""Plots as SVG: what stands where, read back from the markup."""

import math
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markupsafe import Markup

from inkdigit.reports.plots import HEIGHT, WIDTH, Axis, Bar, Line, Mark, axis_to, bars, lines

UNIT = Axis("share", 0, 1, (0, 0.5, 1))


def parsed(drawing: Markup) -> ElementTree.Element:
    return ElementTree.fromstring(drawing)


def texts(drawing: Markup) -> list[str]:
    return [text.text or "" for text in parsed(drawing).iter("text")]


@given(st.floats(1e-6, 1e6), st.floats(1e-6, 1e6))
def test_equal_ratios_are_equal_steps_of_a_logarithmic_axis(first: float, second: float) -> None:
    axis = Axis("loss", 1e-6, 1e6, (), logarithmic=True)

    assert axis.place(first) - axis.place(second) == pytest.approx(math.log10(first / second) / 12, abs=1e-9)


@given(st.floats(-2, 3))
def test_what_lies_beyond_an_axis_is_put_on_its_edge(value: float) -> None:
    assert UNIT.place(value) == min(max(value, 0), 1)


@given(st.floats(0, 1e4))
def test_an_axis_reaches_to_a_round_value_over_the_highest(highest: float) -> None:
    axis = axis_to("error (%)", highest)

    assert axis.high >= highest * (1 - 1e-9)
    assert axis.high <= max(2.5 * highest, 1e-5)
    assert 2 <= len(axis.ticks) <= 7
    assert axis.ticks[-1] == pytest.approx(axis.high)


def test_a_line_goes_through_its_points() -> None:
    drawing = lines("rising", UNIT, UNIT, [Line("model", [(0, 0), (0.5, 0.25), (1, 1)])])

    [line] = parsed(drawing).iter("polyline")
    points = [tuple(map(float, pair.split(","))) for pair in line.get("points", "").split()]
    assert points == [(0, HEIGHT), (WIDTH / 2, HEIGHT * 0.75), (WIDTH, 0)]


def test_only_several_lines_are_named() -> None:
    one, two = Line("first model", [(0, 0), (1, 1)]), Line("second model", [(0, 1), (1, 0)], colour=1)

    assert "first model" not in texts(lines("one", UNIT, UNIT, [one]))
    assert {"first model", "second model"} <= set(texts(lines("two", UNIT, UNIT, [one, two])))


def test_a_mark_has_its_whisker_and_its_text() -> None:
    drawing = lines("marks", UNIT, UNIT, [], [Mark(0.5, 0.5, 0.25, 0.75, "half")])

    [circle] = parsed(drawing).iter("circle")
    [whisker] = parsed(drawing).iter("path")
    assert (circle.get("cx"), circle.get("cy")) == (f"{WIDTH / 2:.1f}", f"{HEIGHT / 2:.1f}")
    assert whisker.get("d") == f"M{WIDTH / 2:.1f} {HEIGHT * 0.75:.1f}V{HEIGHT * 0.25:.1f}"
    assert "half" in texts(drawing)


def test_bars_are_as_long_as_their_values() -> None:
    drawing = bars("error", Axis("error (%)", 0, 10, (0, 10)), ["model"], [
        ("ann", [Bar(2.5, 1, 4, "2.5 %")]), ("bob", [Bar(10, 9, 10, "10 %")]),
    ])  # fmt: skip

    assert [float(bar.get("width", 0)) for bar in parsed(drawing).iter("rect")] == [WIDTH / 4, WIDTH]
    assert {"ann", "bob", "2.5 %", "10 %", "error (%)"} <= set(texts(drawing))


def test_names_cannot_break_out_of_a_plot() -> None:
    evil = '"><script>alert(1)</script>'
    drawing = bars(evil, UNIT, [evil, evil], [(evil, [Bar(1, 1, 1, evil)] * 2)])

    assert "<script" not in drawing
    assert texts(drawing).count(evil) == 5
    assert parsed(drawing).get("aria-label") == evil

"""Plots as inline SVG: lines, marks and bars on labelled axes, coloured by the style sheet of the page around them."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from markupsafe import Markup

WIDTH, HEIGHT = 560, 260  # pixels, of a plot within its axes
LEFT, RIGHT, TOP, BOTTOM = 54, 18, 12, 40  # pixels around it, for the labels
LEGEND, LINE = 20, 15  # pixels, height of the line that names the colours, and of a line of text
ROW, THIN_ROW = 20, 14  # pixels, height of a row with one bar, and of one bar among several
NAME, RIGHT_OF_BARS = 150, 140  # pixels, for the names of the rows, and for what is written at the ends of bars

Point = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Axis:
    """An axis from low to high; a logarithmic one puts what lies below low on its edge.

    Attributes:
        label: what it measures, and in what unit.
        low: value at its beginning, greater than 0 where it is logarithmic.
        high: value at its end.
        ticks: values that are written beside it.
        logarithmic: whether equal steps are equal ratios.
    """

    label: str
    low: float
    high: float
    ticks: Sequence[float]
    logarithmic: bool = False

    def place(self, value: float) -> float:
        """Where a value lies, from 0 at the beginning to 1 at the end.

        >>> Axis("error", 0.01, 100, (), logarithmic=True).place(1.0)
        0.5
        """
        value = min(max(value, self.low), self.high)
        if self.logarithmic:
            return math.log(value / self.low) / math.log(self.high / self.low)
        return (value - self.low) / (self.high - self.low)


@dataclass(frozen=True, slots=True)
class Line:
    """Points joined by a line of a name and a colour: 0 and 1 tell two models apart, 2 is for comparison.

    Without points it names the colour of marks.
    """

    name: str
    points: Sequence[Point]
    colour: int = 0


@dataclass(frozen=True, slots=True)
class Mark:
    """A point of its own (its size is a radius in pixels), with a whisker from low to high and a text beside it."""

    x: float
    y: float
    low: float
    high: float
    text: str = ""
    colour: int = 0
    size: float = 4.0


@dataclass(frozen=True, slots=True)
class Bar:
    """A bar from 0 to a value, with a whisker from low to high and a text at its end."""

    value: float
    low: float
    high: float
    text: str


def axis_to(label: str, highest: float) -> Axis:
    """A linear axis from 0 to a round value at or above the highest, with about five ticks.

    >>> axis_to("error (%)", 0.87).ticks
    (0.0, 0.2, 0.4, 0.6, 0.8, 1.0)
    """
    step = 10.0 ** math.floor(math.log10(max(highest, 1e-6) / 2))
    step *= next(times for times in (1, 2, 5, 10) if highest / (step * times) <= 5.5)
    count = max(1, math.ceil(highest / step - 1e-9))
    return Axis(label, 0.0, step * count, tuple(round(step * i, 9) for i in range(count + 1)))


def lines(
    title: str,
    x: Axis,
    y: Axis,
    drawn: Sequence[Line],
    marks: Sequence[Mark] = (),
    below: Sequence[tuple[str, Sequence[str]]] = (),
) -> Markup:
    """A plot of lines and marks.

    Args:
        title: what it shows, for those who hear the page.
        x: the axis across.
        y: the axis upwards.
        drawn: lines; their names stand above where there are several.
        marks: points that stand for themselves.
        below: rows of texts under the x axis, each with a name and texts in columns of equal width.
    """
    legend = [(line.name, line.colour) for line in drawn] if len(drawn) > 1 else []

    def across(value: float) -> float:
        return x.place(value) * WIDTH

    def up(value: float) -> float:
        return (1 - y.place(value)) * HEIGHT

    parts = [
        *_legend(legend),
        *_grid(x, y),
        *(_polyline(line.colour, [(across(a), up(b)) for a, b in line.points]) for line in drawn if line.points),
        *(_mark(mark, across, up) for mark in marks),
        *_rows(below),
    ]
    top = TOP + (LEGEND if legend else 0)
    return _svg(title, (-LEFT, -top), (WIDTH + LEFT + RIGHT, top + HEIGHT + BOTTOM + LINE * len(below)), parts)


def bars(title: str, axis: Axis, names: Sequence[str], groups: Sequence[tuple[str, Sequence[Bar]]]) -> Markup:
    """A plot of horizontal bars, a row per group, with a bar in it per name.

    Args:
        title: what it shows, for those who hear the page.
        axis: of the values.
        names: of the colours, told above where there are several.
        groups: each with its name and as many bars as there are names.
    """
    legend = [(name, i) for i, name in enumerate(names)] if len(names) > 1 else []
    row = ROW if len(names) == 1 else THIN_ROW * len(names) + 6
    bottom = row * len(groups)
    parts = [
        *_legend(legend),
        *(part for tick in axis.ticks for part in _tick_of_bars(axis.place(tick) * WIDTH, bottom, tick)),
        *(_text(-8, (i + 0.5) * row + 4, name, "end") for i, (name, _) in enumerate(groups)),
        *(part for i, (_, members) in enumerate(groups) for part in _row_of_bars(i * row, members, axis)),
        _text(WIDTH, bottom + 32, axis.label, "end"),
    ]
    top = TOP + (LEGEND if legend else 0)
    return _svg(title, (-NAME, -top), (NAME + WIDTH + RIGHT_OF_BARS, top + bottom + BOTTOM), parts)


def _tick_of_bars(at: float, bottom: float, tick: float) -> list[Markup]:
    return [_rule(at, 0, at, bottom), _text(at, bottom + 16, f"{tick:g}", "middle")]


def _row_of_bars(top: float, members: Sequence[Bar], axis: Axis) -> list[Markup]:
    thick = ROW if len(members) == 1 else THIN_ROW
    return [_bar(i, axis, top + i * thick, thick, bar) for i, bar in enumerate(members)]


def _svg(title: str, corner: Point, size: Point, parts: Sequence[Markup]) -> Markup:
    box = " ".join(f"{number:g}" for number in (*corner, *size))
    whole = Markup('<svg viewBox="{}" width="{:g}" role="img" aria-label="{}">{}</svg>')
    return whole.format(box, size[0], title, Markup("\n").join(parts))


def _legend(names: Sequence[tuple[str, int]]) -> list[Markup]:
    """Names, each beside a patch of its colour, in columns over the plot."""
    patch = Markup('<rect class="{}" x="{:g}" y="-26" width="10" height="10"/>')
    lefts = [i * WIDTH / len(names) for i in range(len(names))]
    return [
        patch.format(_colour(colour), left) + _text(left + 15, -17, name)
        for left, (name, colour) in zip(lefts, names, strict=True)
    ]


def _grid(x: Axis, y: Axis) -> list[Markup]:
    parts = []
    for tick in y.ticks:
        at = (1 - y.place(tick)) * HEIGHT
        parts += [_rule(0, at, WIDTH, at), _text(-6, at + 4, f"{tick:g}", "end")]
    for tick in x.ticks:
        at = x.place(tick) * WIDTH
        parts += [_rule(at, HEIGHT, at, HEIGHT + 4), _text(at, HEIGHT + 17, f"{tick:g}", "middle")]
    sideways = Markup('<text transform="translate({} {}) rotate(-90)" text-anchor="middle">{}</text>')
    parts.append(sideways.format(-42, HEIGHT // 2, y.label))
    return [*parts, _text(WIDTH / 2, HEIGHT + 34, x.label, "middle")]


def _rows(below: Sequence[tuple[str, Sequence[str]]]) -> list[Markup]:
    parts = []
    for number, (name, texts) in enumerate(below):
        y = HEIGHT + BOTTOM + 9 + LINE * number
        parts.append(_text(-6, y, name, "end"))
        parts += [_text((i + 0.5) * WIDTH / len(texts), y, text, "middle") for i, text in enumerate(texts)]
    return parts


def _polyline(colour: int, points: Sequence[Point]) -> Markup:
    joined = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
    return Markup('<polyline class="{}" points="{}"/>').format(_colour(colour), joined)


def _mark(mark: Mark, across: Callable[[float], float], up: Callable[[float], float]) -> Markup:
    colour, x, y = _colour(mark.colour), across(mark.x), up(mark.y)
    whisker = Markup('<path class="{}" d="M{:.1f} {:.1f}V{:.1f}"/>').format(colour, x, up(mark.low), up(mark.high))
    point = Markup('<circle class="{}" cx="{:.1f}" cy="{:.1f}" r="{:.1f}"/>').format(colour, x, y, mark.size)
    return whisker + point + (_text(x - 7, y - 7, mark.text, "end") if mark.text else "")


def _bar(colour: int, axis: Axis, top: float, thick: float, bar: Bar) -> Markup:
    end, low, high = (axis.place(value) * WIDTH for value in (bar.value, bar.low, bar.high))
    middle = top + thick / 2
    body = Markup('<rect class="{}" x="0" y="{:g}" width="{:.1f}" height="{:g}"/>').format(
        _colour(colour), top + 3, end, thick - 6
    )
    whisker = Markup('<path class="whisker" d="M{:.1f} {:g}H{:.1f}"/>').format(low, middle, high)
    return body + whisker + _text(high + 6, middle + 4, bar.text)


def _rule(x1: float, y1: float, x2: float, y2: float) -> Markup:
    return Markup('<line class="grid" x1="{:.1f}" y1="{:.1f}" x2="{:.1f}" y2="{:.1f}"/>').format(x1, y1, x2, y2)


def _text(x: float, y: float, text: str, anchor: str = "start") -> Markup:
    return Markup('<text x="{:.1f}" y="{:.1f}" text-anchor="{}">{}</text>').format(x, y, anchor, text)


def _colour(number: int) -> str:
    return ("first", "second", "third")[number]

"""The arithmetic and the words of the report: percentiles, ratios, tables, and the blocks of docs/benchmarks.md."""

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Row:
    """One measure of both programs.

    Attributes:
        measure: what was measured, with its unit.
        ours: Inkdigit's figure.
        theirs: the baseline's figure.
        more_is_better: whether the larger figure wins.
        decimals: digits after the point.
        n: how many observations each figure rests on, in words.
        spread: how far repeats lie apart, in words; empty where nothing was repeated.
    """

    measure: str
    ours: float
    theirs: float
    more_is_better: bool = False
    decimals: int = 1
    n: str = ""
    spread: str = ""


def advantage(row: Row) -> float:
    """How many times better ours is: above 1 where Inkdigit wins, whichever direction is better."""
    better, worse = (row.ours, row.theirs) if row.more_is_better else (row.theirs, row.ours)
    return better / worse if worse else math.inf


def percentile(values: Sequence[float], share: float) -> float:
    """The smallest value that at least `share` of the values do not exceed (nearest rank).

    Args:
        values: at least one.
        share: in (0, 1].

    >>> percentile([5, 1, 4, 2, 3], 0.5), percentile([5, 1, 4, 2, 3], 0.99)
    (3, 5)
    """
    return sorted(values)[max(0, math.ceil(share * len(values)) - 1)]


def median(values: Sequence[float]) -> float:
    """The middle value; the mean of the two middle ones where there are two."""
    return statistics.median(values)


def span(values: Sequence[float], decimals: int = 1) -> str:
    """Smallest to largest, as text."""
    low, high = (f"{value:,.{decimals}f}" for value in (min(values), max(values)))
    return low if low == high else f"{low} to {high}"


def ratio_table(rows: Sequence[Row]) -> str:
    """A Markdown table: measure, both figures, how many times better ours is, n, spread."""
    cells = [("measure", "Inkdigit", "baseline", "better by", "n", "spread (Inkdigit; baseline)")]
    cells += [
        (row.measure, _figure(row.ours, row), _figure(row.theirs, row), times(advantage(row)), row.n, row.spread)
        for row in rows
    ]
    return markdown_table(cells)


def markdown_table(cells: Sequence[Sequence[str]]) -> str:
    """A Markdown table whose first row is the head, padded so that it reads as plain text too."""
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    rows = [cells[0], ["-" * width for width in widths], *cells[1:]]
    lines = [" | ".join(map(str.ljust, row, widths)) for row in rows]
    return "\n".join(f"| {line} |" for line in lines)


def times(ratio: float) -> str:
    """A ratio as a reader says it: three figures at most.

    >>> times(34.26), times(2.043), times(0.8), times(412.3)
    ('34x', '2.0x', '0.8x', '412x')
    """
    return f"{ratio:.0f}x" if ratio >= 10 else f"{ratio:.1f}x"


def replace_block(text: str, name: str, block: str) -> str:
    """Put a new block between the markers of that name.

    Raises:
        ValueError: the text has no such pair of markers.
    """
    begin, end = f"<!-- begin {name} -->", f"<!-- end {name} -->"
    before, opening, rest = text.partition(begin)
    _, closing, after = rest.partition(end)
    if not opening or not closing:
        raise ValueError(f"the document has no markers {begin} and {end}")
    return f"{before}{begin}\n\n{block.strip()}\n\n{end}{after}"


def write_block(document: Path, name: str, block: str) -> None:
    """`replace_block` on a file."""
    document.write_text(replace_block(document.read_text("utf-8"), name, block), "utf-8")


def _figure(value: float, row: Row) -> str:
    return f"{value:,.{row.decimals}f}"

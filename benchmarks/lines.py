"""How often a whole number is read right, beside other readers, and whether our confidence can be relied on.

    python -m benchmarks.lines [--held-out | --test] [--engine NAME ...] [--model MODEL] [--quick] [--wrong] [--write]

Everything runs on one core. Lines are composed of MNIST's held-out digits, so that trials may look at them; `--test`
composes them of the test digits, which choose nothing: only the figures of the document come from there. `--write`
puts the tables between their markers in docs/benchmarks.md.
"""

import argparse
import datetime
import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks import environments, servers
from benchmarks.drawings import PROJECT
from benchmarks.ocr.engines import ENGINES, Engine, MissingEngineError, Readings, inkdigit
from benchmarks.strings import CHEQUES, EACH, Strings, all_strings
from benchmarks.table import markdown_table, write_block
from inkdigit.training.dataset import load_mnist
from inkdigit.training.measures import calibration_error, interval, reliability

DOCUMENT = PROJECT / "docs/benchmarks.md"
OURS = "inkdigit"
FEW = 10  # pictures of a composed row, to see that everything works
ANSWERED = 0.95  # of the pictures: those with the surest readings
SKIPPED = "The real cheques and cells are left out: ../shared/data is not there."


@dataclass(frozen=True, slots=True)
class Score:
    """One reader on one row of pictures."""

    strings: Strings
    readings: Readings

    @property
    def right(self) -> NDArray[np.bool_]:
        """(N,) whether all digits of each picture were read, and no other."""
        return np.array([a == b for a, b in zip(self.readings.texts, self.strings.truths, strict=True)], np.bool_)

    @property
    def share(self) -> float:
        """Of the pictures, those that are right, in [0, 1]."""
        return float(self.right.mean())


Scores = Mapping[str, Sequence[Score]]  # of each reader by name, row by row, all in the same order


def main(arguments: list[str] | None = None) -> int:
    """Measure, print, and write where it was asked for."""
    options = _parse(arguments)
    servers.pin(os.getpid(), servers.server_core())
    readers, missing = _readers(options.engine or [OURS, *ENGINES], options.model)
    mnist = load_mnist(options.mnist)
    rows = all_strings(mnist.test if options.test else mnist.held_out, FEW if options.quick else EACH)
    scores = {reader.name: [_scored(reader, row) for row in rows] for reader in readers}
    block = "\n\n".join([report(scores, rows), *missing, _circumstances(readers, options.test)])
    print(block)
    if options.wrong:
        print("\n".join(["", *(line for of_reader in scores.values() for line in wrong(of_reader))]))
    if options.write:
        write_block(DOCUMENT, "lines", block)
    return 0


def _parse(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.lines", description=(__doc__ or "").splitlines()[0])
    digits = parser.add_mutually_exclusive_group()
    digits.add_argument("--held-out", action="store_true", help="compose lines of MNIST's held-out digits (default)")
    digits.add_argument("--test", action="store_true", help="of its test digits, for the figures of the document alone")
    every = [OURS, *ENGINES]
    parser.add_argument("--engine", action="append", choices=every, help="this reader alone; may be repeated")
    parser.add_argument("--model", help="a version of our reader or its folder; the shipped one where absent")
    parser.add_argument("--mnist", type=Path, help="folder of MNIST's IDX files; else they are fetched")
    parser.add_argument("--quick", action="store_true", help=f"{FEW} pictures of each composed row")
    parser.add_argument("--wrong", action="store_true", help="list what was read wrong, the surest first")
    parser.add_argument("--write", action="store_true", help="put the tables into docs/benchmarks.md")
    return parser.parse_args(arguments)


def _readers(names: Sequence[str], model: str | None) -> tuple[list[Engine], list[str]]:
    """Those that can run here, and what is to be said of the others."""
    found, missing = [], []
    for name in names:
        try:
            found.append(inkdigit(model) if name == OURS else ENGINES[name]())
        except MissingEngineError as error:
            missing.append(str(error))
    return found, missing


def _scored(reader: Engine, strings: Strings) -> Score:
    score = Score(strings, reader.read(strings.pictures))
    print(f"{reader.name}, {strings.name}: {_percent(score.share)}", file=sys.stderr)
    return score


def wrong(scores: Sequence[Score]) -> list[str]:
    """What one reader read wrong, row by row, the surest first."""
    lines = []
    for score in scores:
        lines += ["", score.strings.name]
        missed = np.flatnonzero(~score.right)
        sure = np.nan_to_num(score.readings.confidence)[missed]
        for place in missed[surest(sure, 1)]:
            truth, text = score.strings.truths[place], score.readings.texts[place]
            lines.append(f"{place:5} {truth} as {text}, {score.readings.confidence[place]:.3f}")
    return lines


# ---- what the tables say ----


def report(scores: Scores, rows: Sequence[Strings]) -> str:
    """All tables, in Markdown; those on confidence where a reader tells any."""
    parts = [accuracy_table(scores), speed_table(scores), *lost_rows(scores)]
    if not any(CHEQUES in row.name for row in rows):
        parts.append(SKIPPED)
    for name, of_reader in scores.items():
        sure = [score for score in of_reader if not np.isnan(score.readings.confidence).any()]
        if sure:
            parts += [f"Confidence of {name}:", confidence_table(sure), *map(reliability_table, _real(sure))]
    return "\n\n".join(parts)


def accuracy_table(scores: Scores) -> str:
    """Shares of pictures whose digits are all right, with 95 % confidence intervals (Wilson)."""
    cells = [("all digits right", "n", *scores)]
    for of_row in zip(*scores.values(), strict=True):
        strings = of_row[0].strings
        cells.append((strings.name, str(len(strings)), *(_with_interval(score.right) for score in of_row)))
    return markdown_table(cells)


def speed_table(scores: Scores) -> str:
    """Mean CPU milliseconds of a picture, from bytes to text."""
    cells = [("CPU per picture (ms)", "n", *scores)]
    for of_row in zip(*scores.values(), strict=True):
        strings = of_row[0].strings
        cells.append((strings.name, str(len(strings)), *(f"{score.readings.cpu_ms:.1f}" for score in of_row)))
    return markdown_table(cells)


def lost_rows(scores: Scores) -> list[str]:
    """On which rows the first reader is not ahead of every other, and by how much, in words; nothing to say of one."""
    (ours, own), *others = scores.items()
    if not others:
        return []
    lost = [f"{own[row].strings.name}: {_gap(own[row], row, others)}" for row in range(len(own))]
    lost = [line for line in lost if not line.endswith(": ")]
    if not lost:
        return [f"{ours} reads more of every row than any other."]
    return [f"Rows on which {ours} is not ahead: " + "; ".join(lost) + "."]


def _gap(own: Score, row: int, others: Sequence[tuple[str, Sequence[Score]]]) -> str:
    ahead = [(name, 100 * (of[row].share - own.share)) for name, of in others if of[row].share >= own.share]
    return ", ".join(f"{name} {points:+.1f} points" if points else f"{name} as many" for name, points in ahead)


def confidence_table(scores: Sequence[Score]) -> str:
    """Calibration of the numbers' confidence, and the error when only the surest are answered."""
    head = (
        "confidence of the whole number",
        "n",
        "ECE",
        "error",
        f"error of the {100 * ANSWERED:.0f} % surest",
        "of it",
    )
    return markdown_table([head, *map(_confidence_row, scores)])


def _confidence_row(score: Score) -> tuple[str, ...]:
    wrong, kept = ~score.right, surest(score.readings.confidence)
    error, kept_error = float(wrong.mean()), float(wrong[kept].mean())
    return (
        score.strings.name,
        str(len(wrong)),
        f"{100 * calibration_error(score.readings.confidence, score.right):.2f} %",
        f"{_percent(error)} ({wrong.sum()})",
        f"{_percent(kept_error)} ({wrong[kept].sum()})",
        f"{kept_error / error:.2f}" if error else "",
    )


def surest(confidence: NDArray[np.float64], share: float = ANSWERED) -> NDArray[np.intp]:
    """Places of so many of the (N,) readings, the surest ones; among equals the earlier.

    >>> surest(np.array([0.9, 0.2, 0.9, 0.99]), 0.75).tolist()
    [3, 0, 2]
    """
    return np.argsort(-confidence, kind="stable")[: round(share * len(confidence))]


def reliability_table(score: Score) -> str:
    """Accuracy beside confidence, in those of 15 equal bins of confidence that are not empty."""
    cells = [("confidence", "n", "mean confidence", f"right, {score.strings.name}")]
    for part in reliability(score.readings.confidence, score.right):
        if part.n:
            spread = "to".join(f" {_percent(bound)} " for bound in interval(round(part.accuracy * part.n), part.n))
            span, share = f"{part.low:.2f} to {part.high:.2f}", f"{_percent(part.accuracy)} ({spread.strip()})"
            cells.append((span, str(part.n), _percent(part.confidence), share))
    return markdown_table(cells)


def _real(scores: Sequence[Score]) -> list[Score]:
    return [score for score in scores if CHEQUES in score.strings.name]


def _with_interval(right: NDArray[np.bool_]) -> str:
    low, high = interval(int(right.sum()), len(right))
    return f"{_percent(float(right.mean()))} ({100 * low:.1f} to {100 * high:.1f})"


def _percent(share: float) -> str:
    return f"{100 * share:.1f} %"


def _circumstances(readers: Sequence[Engine], test: bool) -> str:
    busy = f", load average {os.getloadavg()[0]:.1f}" if hasattr(os, "getloadavg") else ""
    lines = [
        f"`python -m benchmarks.lines{' --test' if test else ''}`, {datetime.datetime.now(datetime.UTC).date()}; "
        f"lines composed of MNIST's {'test' if test else 'held-out'} digits",
        f"{environments.hardware()}, one core used{busy}",
        *(f"{reader.name}: {reader.versions}" for reader in readers),
    ]
    return "\n".join(f"- {line}" for line in lines)


if __name__ == "__main__":
    sys.exit(main())

"""The table of attacks and faults in docs/security.md: whole, and every test and trial that it names is there."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
CASES = 32


def rows() -> list[list[str]]:
    """The cells of the table, row by row."""
    text = (ROOT / "docs" / "security.md").read_text("utf-8")
    part = text.split("## What was tried\n")[1].split("\n## ")[0]
    return [
        [cell.strip() for cell in line.strip("|").split(" | ")] for line in part.splitlines() if line.startswith("| ")
    ][1:]


def names_in(path: Path) -> set[str]:
    """The tests of a file."""
    return {node.name for node in ast.parse(path.read_text("utf-8")).body if isinstance(node, ast.FunctionDef)}


def test_every_case_has_its_row_with_an_answer_and_a_figure() -> None:
    assert [row[0] for row in rows()] == [str(number) for number in range(1, CASES + 1)]
    assert [row for row in rows() if len(row) != 5 or not all(row)] == []
    assert [row for row in rows() if not re.search(r"\d", row[4]) and "every" not in row[4]] == []


@pytest.mark.parametrize("row", rows(), ids=lambda row: f"case {row[0]}")
def test_what_shows_it_is_there(row: list[str]) -> None:
    tests = re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", row[3])
    trials = re.findall(r"`python -m (benchmarks[\w.]+)`", row[3])

    assert tests
    assert [name for file, name in tests if name not in names_in(ROOT / file)] == []
    assert [trial for trial in trials if not (ROOT / f"{trial.replace('.', '/')}.py").is_file()] == []
    assert row[3].count("`") == 2 * len(tests + trials)  # nothing that this test doesn't know how to look up

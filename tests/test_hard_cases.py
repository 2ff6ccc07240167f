"""The hundred hard numbers under tests/data/hard: how many of them the shipped reader reads."""

import io
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from tests.data.hard import make
from tests.data.hard.cases import CASES

from inkdigit.image import read_page
from inkdigit.reader import Reader

LEAST = 90  # of the hundred are read right; the one place of this number
MOST_BYTES = 400_000  # of all pictures together

FOLDER = Path(__file__).parent / "data" / "hard"
INDEX: list[dict[str, Any]] = tomllib.loads((FOLDER / "cases.toml").read_text("utf-8"))["case"]


@pytest.fixture(scope="module")
def readings() -> Mapping[str, str]:
    """What the shipped reader makes of each file; a space between two numbers."""
    shipped = Reader.load()
    pages = {case["file"]: read_page((FOLDER / case["file"]).read_bytes()) for case in INDEX}
    return {name: " ".join(number.text for number in shipped.read(page)) for name, page in pages.items()}


def wrong(readings: Mapping[str, str], cases: list[dict[str, Any]]) -> list[str]:
    """Those that were read otherwise, in words."""
    return [
        f"{case['file']}: {case['text']!r} read as {readings[case['file']]!r}. {case['story']}"
        for case in cases
        if readings[case["file"]] != " ".join(case["text"].split())
    ]


def test_most_hard_cases_are_read_right(readings: Mapping[str, str]) -> None:
    missed = wrong(readings, INDEX)

    assert len(INDEX) - len(missed) >= LEAST, "\n".join(missed)


def test_those_that_must_be_read_right_are(readings: Mapping[str, str]) -> None:
    missed = wrong(readings, [case for case in INDEX if case["must"]])

    assert missed == []


def test_a_hundred_cases_have_a_picture_a_text_and_a_story_of_their_own() -> None:
    assert len(INDEX) == len({case["file"] for case in INDEX}) == len({case["story"] for case in INDEX}) == 100
    assert all(case["text"] for case in INDEX)
    assert sum(case["must"] for case in INDEX) >= 25


def test_every_picture_has_its_case_and_all_are_small() -> None:
    files = [path for path in FOLDER.iterdir() if path.suffix in {".png", ".jpg"}]

    assert {path.name for path in files} == {case["file"] for case in INDEX}
    assert sum(path.stat().st_size for path in files) < MOST_BYTES


def test_the_index_is_what_the_code_that_draws_says() -> None:
    told = [(case["text"], case["story"], case["must"]) for case in INDEX]

    assert told == [(case.text, case.story, case.must) for case in CASES]


@pytest.mark.parametrize("name", ["001.png", "050.png", "094.png"])
def test_a_picture_is_drawn_again_as_it_is(name: str) -> None:
    drawn = next(data for _, other, data in make.pictures() if other == name)

    again, kept = (np.asarray(Image.open(io.BytesIO(data)), int) for data in (drawn, (FOLDER / name).read_bytes()))
    assert again.shape == kept.shape
    assert np.abs(again - kept).mean() < 1  # level; another version of Pillow may round otherwise

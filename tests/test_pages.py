import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from tests.conftest import FakeReader, number

from inkdigit import (
    BlankImageError,
    ImageTooLargeError,
    MissingExtraError,
    UnreadableImageError,
    UnsupportedFormatError,
)
from inkdigit.errors import NoReadingError
from inkdigit.expect import Expectation
from inkdigit.fields import Entry
from inkdigit.image import read_page
from inkdigit.number import Box
from inkdigit.pages import Reading, doubt_of, error_record, read_files
from inkdigit.structure import PAGE_LIMITS


@pytest.fixture
def scan(tmp_path: Path) -> str:
    levels = np.full((60, 90), 255, np.uint8)
    levels[20:24, 10:60] = 0
    Image.fromarray(levels).save(tmp_path / "scan.png")
    return str(tmp_path / "scan.png")


def test_a_row_holds_the_page_that_the_reader_saw_and_what_it_read(scan: str) -> None:
    reader = FakeReader()
    [row] = read_files([scan], lambda: reader)

    assert isinstance(row.result, Reading)
    np.testing.assert_array_equal(row.result.page, read_page(Path(scan).read_bytes()))
    assert [found.text for found in row.result.numbers] == ["4007", "12.50"]
    assert row.record()["model"] == "fake-lines"


def test_the_confidence_of_a_picture_is_that_of_all_its_numbers_together_as_in_the_field_of_a_form(scan: str) -> None:
    [row] = read_files([scan], FakeReader)

    assert isinstance(row.result, Reading)
    assert row.cells()["confidence"] == pytest.approx(0.93 * 0.93)
    assert row.cells()["confidence"] == Entry("amount", Box(0, 0, 90, 60), row.result.numbers).confidence


def test_every_input_has_a_row_in_its_place(scan: str, tmp_path: Path) -> None:
    (tmp_path / "bad.png").write_bytes(b"no picture")
    large = tmp_path / "large.png"
    large.write_bytes(b"\x89PNG\r\n\x1a\n" + b"\0" * PAGE_LIMITS.bytes)
    files = ["nowhere.png", scan, str(tmp_path / "bad.png"), str(large), "", scan]

    rows = list(read_files(files, FakeReader))

    assert [row.file for row in rows] == files
    assert [row.record().get("error", {}).get("type") for row in rows] == [
        "unreadable-image", None, "unsupported-format", "image-too-large", "unreadable-image", None,
    ]  # fmt: skip


def test_what_is_expected_is_asked_of_every_file(scan: str) -> None:
    rows = list(read_files([scan, scan], FakeReader, Expectation.parse("length=9")))

    assert [type(row.result) for row in rows] == [NoReadingError] * 2


def test_a_missing_part_is_no_fault_of_a_picture(scan: str) -> None:
    class Bare(FakeReader):
        def read(self, page: Any, expect: Any = None) -> Any:
            raise MissingExtraError("opencv-python-headless", "read")

    with pytest.raises(MissingExtraError):
        list(read_files([scan], Bare))


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (NoReadingError("x"), "no-reading"),
        (BlankImageError("x"), "blank-image"),
        (ImageTooLargeError("x"), "image-too-large"),
        (UnreadableImageError("x"), "unreadable-image"),
        (UnsupportedFormatError("x"), "unsupported-format"),
    ],
)
def test_errors_have_the_names_of_the_api(error: Any, kind: str) -> None:
    from inkdigit.server.problems import kind_of

    told = kind_of(error)

    assert error_record(error) == {"type": kind, "detail": "x"}
    assert told is not None
    assert told.type == kind


def test_doubt_stands_where_the_doubtful_characters_are() -> None:
    assert doubt_of(number("4077", doubtful="7")) == "40??"
    assert doubt_of(number("4077")) == ""


def test_a_record_can_be_written_as_json(scan: str) -> None:
    [row] = read_files([scan], FakeReader)

    assert json.loads(json.dumps(row.record())) == row.record()

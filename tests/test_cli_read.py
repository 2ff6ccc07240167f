"""`inkdigit read`, with a fake reader: what is printed, drawn and told."""

import csv
import io
import json
import os
import re
import shutil
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner, Result
from PIL import Image, ImageDraw
from tests.conftest import FakeReader, number

from inkdigit import BlankImageError, MissingExtraError
from inkdigit.cli import main
from inkdigit.pages import reading_record

FORM = """
[fields.account]
box = [0.0, 0.0, 1.0, 0.5]
expect = "length=4"
[fields.amount]
box = [0.0, 0.5, 1.0, 0.5]
"""


def invoke(*arguments: object, stdin: bytes = b"") -> Result:
    return CliRunner().invoke(main, ["read", *map(str, arguments)], input=stdin, prog_name="inkdigit")


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in [name for name in os.environ if name.startswith("INKDIGIT_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("INKDIGIT_HOME", str(tmp_path / "home"))


@pytest.fixture
def reader(monkeypatch: pytest.MonkeyPatch) -> FakeReader:
    """What the command reads with."""
    fake = FakeReader()
    monkeypatch.setattr("inkdigit.cli_read.load_reader", lambda settings: fake)
    return fake


@pytest.fixture
def scan(tmp_path: Path) -> Path:
    """A picture with some ink on it."""
    picture = Image.new("L", (120, 100), "white")
    ImageDraw.Draw(picture).line([(20, 30), (60, 40), (20, 80)], fill="black", width=4)
    picture.save(tmp_path / "scan.png")
    return tmp_path / "scan.png"


@pytest.fixture
def form(tmp_path: Path) -> Path:
    (tmp_path / "form.toml").write_text(FORM, "utf-8")
    return tmp_path / "form.toml"


def table(result: Result) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(result.stdout)))


# --- text


def test_one_picture_prints_its_numbers_alone_a_line_each(reader: FakeReader, scan: Path) -> None:
    result = invoke(scan)

    assert (result.exit_code, result.stdout, result.stderr) == (0, "4007\n12.50\n", "")


def test_standard_input_is_read(reader: FakeReader, scan: Path) -> None:
    assert invoke("-", stdin=scan.read_bytes()).stdout == "4007\n12.50\n"


def test_several_pictures_print_file_and_number(reader: FakeReader, scan: Path) -> None:
    lines = invoke(scan, scan).stdout.splitlines()

    assert lines == [f"{scan}: 4007", f"{scan}: 12.50"] * 2


@pytest.mark.parametrize("option", ["-H", "--with-filename"])
def test_the_file_name_can_be_asked_for(reader: FakeReader, scan: Path, option: str) -> None:
    assert invoke(option, scan).stdout.startswith(f"{scan}: 4007\n")


def test_a_folder_prints_names_too(reader: FakeReader, scan: Path) -> None:
    assert invoke(scan.parent).stdout.startswith(f"{scan}: 4007\n")


def test_scans_in_a_folder_that_are_of_another_kind_are_counted_not_passed_over_in_silence(
    reader: FakeReader, scan: Path
) -> None:
    for name in ("a.pdf", "more/b.PDF", "more/c.tiff", "notes.txt", "table.csv", "._d.tif"):
        (scan.parent / name).parent.mkdir(exist_ok=True)
        (scan.parent / name).touch()
    result = invoke(scan.parent)

    assert result.exit_code == 0
    assert result.stderr == (
        "3 files passed over (2 .pdf, 1 .tiff); save as .png, .jpg, .jpeg, .webp to have it read.\n"
    )
    assert invoke(scan).stderr == ""


def test_a_picture_without_numbers_is_no_error_but_is_told(reader: FakeReader, scan: Path) -> None:
    reader.numbers = []
    result = invoke(scan)

    assert (result.exit_code, result.stdout) == (0, "")
    assert result.stderr == f"{scan}: no number was found on it\n"


def test_a_picture_that_cannot_be_read_does_not_stop_the_others(reader: FakeReader, scan: Path) -> None:
    result = invoke("nowhere.png", scan)

    assert result.exit_code == 1
    assert result.stdout.startswith(f"{scan}: 4007")
    assert result.stderr.startswith("nowhere.png: no such file")
    assert result.stderr.endswith("1 of 2 pictures could not be read in full.\n")


def test_a_wrong_name_is_told_before_any_model_is_loaded(monkeypatch: pytest.MonkeyPatch) -> None:
    loaded: list[Any] = []
    monkeypatch.setattr("inkdigit.cli_read.load_reader", loaded.append)
    result = invoke("nowhere.png")

    assert result.exit_code == 1
    assert loaded == []


@pytest.mark.skipif(sys.platform == "win32", reason="Windows allows no such names")
@pytest.mark.parametrize("style", ["text", "json", "csv"])
def test_a_file_name_cannot_steer_the_terminal_or_break_a_line(reader: FakeReader, scan: Path, style: str) -> None:
    renamed = scan.rename(scan.parent / "scan\x1b[2J\n\t.png")
    result = invoke("-H", "--format", style, renamed)

    assert "\x1b" not in result.output
    assert len(result.stdout.splitlines()) == {"text": 2, "json": 1, "csv": 3}[style]


# --- what is expected


def test_what_is_expected_reaches_the_reader(reader: FakeReader, scan: Path) -> None:
    reader.numbers = [number("4007")]

    assert invoke("--expect", "length=4; range=4000..5000", scan).stdout == "4007\n"


def test_a_page_that_breaks_what_is_expected_is_an_error_of_that_file(reader: FakeReader, scan: Path) -> None:
    result = invoke("--expect", "length=5", scan, scan)

    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr.count("no likely reading satisfies length=5") == 2


@pytest.mark.parametrize("rules", ["lenght=4", "length=", "range=5..1", "pattern=("])
def test_rules_that_cannot_be_are_a_mistake_of_usage(reader: FakeReader, scan: Path, rules: str) -> None:
    result = invoke("--expect", rules, scan)

    assert result.exit_code == 2
    assert "--expect" in result.stderr
    assert reader.seen == []


# --- json and csv


def test_json_is_one_object_per_line_with_the_fields_of_the_api(reader: FakeReader, scan: Path) -> None:
    records = [json.loads(line) for line in invoke("--format", "json", scan, scan).stdout.splitlines()]

    assert len(records) == 2
    assert records[0].pop("file") == str(scan)
    assert records[0] == json.loads(json.dumps(reading_record(reader.numbers, "fake-lines")))


def test_json_tells_errors_in_the_words_of_the_api(reader: FakeReader, scan: Path) -> None:
    result = invoke("--format", "json", "--expect", "length=9", scan, "nowhere.png")

    kinds = [json.loads(line)["error"]["type"] for line in result.stdout.splitlines()]
    assert kinds == ["no-reading", "unreadable-image"]


def test_csv_has_a_row_for_each_number_and_one_for_a_file_without(reader: FakeReader, scan: Path) -> None:
    rows = table(invoke("--format", "csv", scan, "nowhere.png"))

    assert [(row["number"], row["text"], row["doubt"]) for row in rows] == [
        ("1", "4007", "400?"),
        ("2", "12.50", ""),
        ("", "", ""),
    ]
    assert [rows[0][name] for name in ("value", "confidence", "x", "y", "width", "height", "model")] == [
        "4007", "0.93", "20", "30", "40", "16", "fake-lines",
    ]  # fmt: skip
    assert [row["error"] for row in rows] == ["", "", "unreadable-image"]


def test_a_picture_without_numbers_keeps_its_row(reader: FakeReader, scan: Path) -> None:
    reader.numbers = []

    assert [row["file"] for row in table(invoke("--format", "csv", scan))] == [str(scan)]


@pytest.mark.parametrize(
    ("text", "cell"),
    [
        ("=1/2", "'=1/2"),
        ("-1-2", "'-1-2"),
        ("--3", "'--3"),
        ("-12", "-12"),
        ("-3,50", "-3,50"),
        ("-", "'-"),
        ("1=2", "1=2"),
    ],
)
def test_csv_holds_no_formula(reader: FakeReader, scan: Path, text: str, cell: str) -> None:
    reader.numbers = [number(text)]

    [row] = table(invoke("--format", "csv", scan))

    assert row["text"] == cell


@pytest.mark.parametrize("name", ["=1+1.png", "+1.png", "-1.png", "@now.png"])
def test_a_file_name_is_no_formula_either(
    reader: FakeReader, scan: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.chdir(scan.parent)
    scan.rename(name)

    assert table(invoke("--format", "csv", "--", name))[0]["file"] == f"'{name}"


# --- drawings


def test_readings_are_drawn_with_doubt_in_another_colour(reader: FakeReader, scan: Path) -> None:
    target = scan.parent / "new" / "seen"
    result = invoke("--annotate", target, scan, scan)

    drawn = np.asarray(Image.open(target / "scan-read.png")).reshape(-1, 3)
    colours = {tuple(colour) for colour in drawn.tolist()}
    assert result.exit_code == 0
    assert {path.name for path in target.iterdir()} == {"scan-read.png", "scan-read-2.png"}
    assert {(0, 90, 181), (200, 75, 0)} <= colours
    assert result.stderr.splitlines()[0] == f"{scan}: drawn in {target / 'scan-read.png'}"


def test_what_cannot_be_read_is_not_drawn(reader: FakeReader, scan: Path) -> None:
    invoke("--annotate", scan.parent / "seen", "--expect", "length=9", scan)

    assert list((scan.parent / "seen").iterdir()) == []


def test_no_picture_that_is_read_is_overwritten_by_a_drawing(reader: FakeReader, scan: Path) -> None:
    other = scan.parent / "scan-read.png"
    other.write_bytes(scan.read_bytes())
    result = invoke("--annotate", scan.parent, scan, other)

    assert result.exit_code == 0
    assert other.read_bytes() == scan.read_bytes()
    assert (scan.parent / "scan-read-2.png").exists()


def test_drawings_have_names_that_differ_on_every_system(reader: FakeReader, scan: Path) -> None:
    (scan.parent / "more").mkdir()
    other = shutil.copy(scan, scan.parent / "more" / "SCAN.png")
    invoke("--annotate", scan.parent / "seen", scan, other)

    assert {path.name for path in (scan.parent / "seen").iterdir()} == {"scan-read.png", "SCAN-read-2.png"}


@pytest.mark.parametrize("with_form", [False, True])
def test_a_drawing_takes_the_place_of_no_file_unless_told_to(
    reader: FakeReader, scan: Path, form: Path, with_form: bool
) -> None:
    fields = ["--format", "csv", *(["--fields", form] if with_form else [])]
    there = scan.parent / "scan-read.png"
    there.write_bytes(b"another")

    refused = invoke(*fields, "--annotate", scan.parent, scan)
    kept = there.read_bytes()
    invoke(*fields, "--force", "--annotate", scan.parent, scan)

    assert (refused.exit_code, refused.stdout, kept) == (3, "", b"another")
    assert refused.stderr == f"Error: {there} is there already; name another folder, or replace it with --force\n"
    assert there.read_bytes().startswith(b"\x89PNG")


# --- forms


def test_a_form_is_a_table_with_a_row_for_each_scan(reader: FakeReader, scan: Path, form: Path) -> None:
    reader.numbers = [number("4007", doubtful="7")]
    result = invoke("--fields", form, scan, "nowhere.png", scan)

    rows = table(result)
    assert result.exit_code == 1
    assert [row["file"] for row in rows] == [str(scan), "nowhere.png", str(scan)]
    assert [row["account"] for row in rows] == ["4007", "", "4007"]
    assert (rows[0]["account:confidence"], rows[0]["account:doubt"], rows[0]["account:error"]) == ("0.93", "400?", "")
    assert rows[1]["error"] == "unreadable-image"


def test_a_field_that_breaks_its_expectation_is_told_and_the_others_stay(
    reader: FakeReader, scan: Path, form: Path
) -> None:
    reader.numbers = [number("12.50")]
    result = invoke("--fields", form, scan)

    [row] = table(result)
    assert result.exit_code == 1
    assert (row["account"], row["amount"]) == ("", "12.50")
    assert "length=4" in row["account:error"]
    assert result.stderr == f"{scan}: account: no likely reading satisfies length=4\n"


def test_a_form_can_be_had_as_text_and_as_json(reader: FakeReader, scan: Path, form: Path) -> None:
    reader.numbers = [number("4007")]
    text = invoke("--fields", form, "--format", "text", scan)
    named = invoke("--fields", form, "--format", "text", "-H", scan)
    record = json.loads(invoke("--fields", form, "--format", "json", scan).stdout)

    assert text.stdout == "account: 4007\namount: 4007\n"
    assert named.stdout == f"{scan}: account: 4007\n{scan}: amount: 4007\n"
    assert record["fields"]["amount"]["text"] == "4007"
    assert record["fields"]["amount"]["numbers"][0]["box"] == [20, 80, 40, 16]


def test_the_fields_of_a_form_are_framed_in_a_drawing(reader: FakeReader, scan: Path, form: Path) -> None:
    invoke("--fields", form, "--annotate", scan.parent / "seen", scan)

    picture = Image.open(scan.parent / "seen" / "scan-read.png")
    assert picture.getpixel((119, 10)) == (120, 120, 120)


def test_a_template_that_cannot_be_is_told_with_code_3(reader: FakeReader, scan: Path, form: Path) -> None:
    form.write_text('[fields.amount]\nbox = "all"', "utf-8")
    result = invoke("--fields", form, scan)

    assert result.exit_code == 3
    assert re.fullmatch(rf"Error: the template {re.escape(str(form))}: .*'amount'.*\n", result.stderr)
    assert reader.seen == []


def test_a_template_and_an_expectation_exclude_each_other(reader: FakeReader, scan: Path, form: Path) -> None:
    result = invoke("--fields", form, "--expect", "length=4", scan)

    assert result.exit_code == 2
    assert "exclude" in result.stderr


# --- what is missing


def test_without_opencv_the_line_that_installs_it_is_told_once(
    reader: FakeReader, scan: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def missing(page: Any, expect: Any = None) -> Any:
        raise MissingExtraError("opencv-python-headless", "read")

    monkeypatch.setattr(reader, "read", missing)
    result = invoke(scan, scan)

    assert result.exit_code == 3
    assert result.stderr.count("pip install 'inkdigit[read]'") == 1


def test_an_unknown_reader_is_told_with_code_3(scan: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    by_option = invoke("--reader", "nowhere", scan)
    monkeypatch.setenv("INKDIGIT_READER", "nowhere")
    by_variable = invoke(scan)

    assert (by_option.exit_code, by_variable.exit_code) == (3, 3)
    assert "nowhere" in by_option.stderr


def test_the_model_of_digits_is_not_taken_for_a_reader(
    reader: FakeReader, scan: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("INKDIGIT_MODEL", "nowhere")

    assert invoke(scan).exit_code == 0


def test_a_page_without_ink_is_an_error_of_that_file(
    reader: FakeReader, scan: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def blank(page: Any, expect: Any = None) -> Any:
        raise BlankImageError("the picture is blank")

    monkeypatch.setattr(reader, "read", blank)
    result = invoke("--format", "json", scan)

    assert result.exit_code == 1
    assert json.loads(result.stdout)["error"]["type"] == "blank-image"

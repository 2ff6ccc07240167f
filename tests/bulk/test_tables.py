import csv
import json
import re
import sys
from pathlib import Path
from typing import Any

import pyarrow.parquet
import pytest
from click.testing import CliRunner
from tests.bulk.scans import Noted, alone, digits, draw_seven, job, many, records
from tests.pages import Sheet

from inkdigit.bulk import job as job_module
from inkdigit.bulk import tables
from inkdigit.bulk.job import Job, Reads
from inkdigit.bulk.run import Outcome, Plan, run
from inkdigit.bulk.summary import write_summary
from inkdigit.bulk.tables import style_of, write_table
from inkdigit.bulk.tally import Seen, Tally
from inkdigit.cli import main
from inkdigit.drawing import parse_strokes
from inkdigit.errors import ConfigError, MissingExtraError
from inkdigit.recognizer import current_model
from inkdigit.share import encode

FORM = "fields.total = {box = [0, 0, 1, 0.5]}\nfields.none = {box = [0, 0.6, 1, 0.4]}"


@pytest.fixture(autouse=True)
def small_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(job_module, "CHUNK_SIZES", {"digits": 64, "numbers": 2, "forms": 2})


@pytest.fixture
def scans(tmp_path: Path) -> Path:
    """Three sevens, what is no picture, and names that harm."""
    many(tmp_path / "scans", 3)
    (tmp_path / "scans" / "<script>alert(1)<").mkdir()
    (tmp_path / "scans" / "<script>alert(1)<" / "script>.png").write_bytes(b"x")
    return tmp_path / "scans"


@pytest.fixture
def paper(tmp_path: Path) -> Path:
    """A page with a number, one without any, and no picture."""
    sheet = Sheet(600, 300)
    sheet.write("4071", 60, 60, 60)
    for name, drawn in (("1.png", sheet), ("2.png", Sheet(600, 300))):
        path = tmp_path / "paper" / name
        path.parent.mkdir(exist_ok=True)
        drawn.image.resize((600, 300)).save(path)
    (tmp_path / "paper" / "3.png").write_bytes(b"x")
    return tmp_path / "paper"


def batch(tmp_path: Path, folder: Path, done: Job) -> Outcome:
    return run(Plan((str(folder),), tmp_path / f"t.{done.style}", done), alone, Noted())


def rows_of(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_the_csv_is_what_predict_prints(tmp_path: Path, scans: Path) -> None:
    batch(tmp_path, scans, digits("csv"))
    printed = CliRunner().invoke(main, ["predict", "--csv", str(scans)])

    assert (tmp_path / "t.csv").read_text("utf-8") == printed.stdout


def test_the_json_lines_are_what_predict_prints(tmp_path: Path, scans: Path) -> None:
    batch(tmp_path, scans, digits("jsonl"))
    printed = CliRunner().invoke(main, ["predict", "--json", str(scans)])

    assert (tmp_path / "t.jsonl").read_text("utf-8") == printed.stdout


def test_parquet_holds_the_same_rows_with_types(tmp_path: Path, scans: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tables, "GROUP_BYTES", 100)  # so that there are several groups of rows
    batch(tmp_path, scans, digits("jsonl"))
    batch(tmp_path, scans, digits("parquet"))

    table = pyarrow.parquet.read_table(tmp_path / "t.parquet")
    expected = [flat(record) for record in records(tmp_path / "t.jsonl")]
    assert [{name: cell for name, cell in row.items() if cell is not None} for row in table.to_pylist()] == expected
    kinds = {name: str(table.schema.field(name).type) for name in ("file", "label", "confidence", "is_digit", "error")}
    assert kinds == {"file": "string", "label": "int64", "confidence": "double", "is_digit": "bool", "error": "string"}


def flat(record: dict[str, Any]) -> dict[str, Any]:
    cells = {name: value for name, value in record.items() if name not in {"error", "probabilities"}}
    cells |= {f"p{digit}": value for digit, value in enumerate(record.get("probabilities", ()))}
    error = record.get("error")
    return cells | ({"error": error["type"], "detail": error["detail"]} if error else {})


@pytest.mark.skipif(sys.platform != "linux", reason="others take no such name")
def test_a_name_of_no_letters_can_stand_in_every_table(tmp_path: Path) -> None:
    draw_seven(Path(str(tmp_path / "scans" / "a\udcff=.png")))
    for style in ("csv", "jsonl", "parquet"):
        batch(tmp_path, tmp_path / "scans", digits(style))

    names = [rows_of(tmp_path / "t.csv")[0]["file"], records(tmp_path / "t.jsonl")[0]["file"]]
    names += pyarrow.parquet.read_table(tmp_path / "t.parquet")["file"].to_pylist()
    assert [Path(name).name for name in names] == ["a\\xff=.png"] * 3


def test_numbers_are_rows_with_all_of_a_pictures_numbers(tmp_path: Path, paper: Path) -> None:
    lines = current_model("current-reader")
    for style in ("csv", "jsonl", "parquet"):
        outcome = batch(tmp_path, paper, job("numbers", lines, style))

    table = rows_of(tmp_path / "t.csv")
    wide = pyarrow.parquet.read_table(tmp_path / "t.parquet").to_pylist()
    assert (table[0]["text"], table[0]["count"], table[0]["error"]) == ("4071", "1", "")
    assert records(tmp_path / "t.jsonl")[0]["text"] == "4071"
    assert [number["text"] for number in wide[0]["numbers"]] == ["4071"]
    assert (outcome.tally.rows, outcome.tally.classes["4"]) == (3, 1)
    assert table[2]["error"] == "unsupported-format"


def test_a_shared_drawing_of_several_digits_is_a_number_with_read_and_one_digit_without(tmp_path: Path) -> None:
    sevens = [[[80 + dx, 70], [200 + dx, 70], [130 + dx, 230]] for dx in (0, 160, 320)]
    (tmp_path / "list").write_text(encode(parse_strokes(sevens)))
    numbers = job("numbers", current_model("current-reader"), "jsonl")

    run(Plan((str(tmp_path / "list"),), tmp_path / "digits.jsonl", digits()), alone, Noted())
    run(Plan((str(tmp_path / "list"),), tmp_path / "numbers.jsonl", numbers), alone, Noted())

    [digit], [number] = records(tmp_path / "digits.jsonl"), records(tmp_path / "numbers.jsonl")
    assert digit["label"] in range(10)
    assert number["text"] == "777"


def test_an_expectation_refuses_what_does_not_keep_to_it(tmp_path: Path, paper: Path) -> None:
    outcome = batch(tmp_path, paper, job("numbers", current_model("current-reader"), "csv", rules="length=9"))

    assert rows_of(tmp_path / "t.csv")[0]["error"] == "no-reading"
    assert outcome.tally.errors["no-reading"] == 1


def test_forms_are_rows_with_a_column_for_each_field(tmp_path: Path, paper: Path) -> None:
    lines = current_model("current-reader")
    for style in ("csv", "parquet"):
        outcome = batch(tmp_path, paper, job("forms", lines, style, form=FORM))

    table = rows_of(tmp_path / "t.csv")
    printed = CliRunner().invoke(main, ["read", "--fields", str(template(tmp_path)), str(paper)])
    assert (tmp_path / "t.csv").read_text("utf-8") == printed.stdout
    assert table[0]["total"] == "4071"
    assert pyarrow.parquet.read_table(tmp_path / "t.parquet")["total"].to_pylist()[0] == "4071"
    assert [row["error"] for row in table] == ["", "blank-image", "unsupported-format"]
    assert (outcome.tally.classes["total"], outcome.tally.errors["unsupported-format"]) == (1, 1)


def test_a_field_that_cannot_be_read_is_named_as_read_names_it(tmp_path: Path, paper: Path) -> None:
    form = FORM.replace("0.5]", '0.5], expect = "length=9"')
    outcome = batch(tmp_path, paper / "1.png", job("forms", current_model("current-reader"), "csv", form=form))

    (tmp_path / "form.toml").write_text(form)
    printed = CliRunner().invoke(main, ["read", "--fields", str(tmp_path / "form.toml"), str(paper / "1.png")])
    [(file, reason)] = outcome.tally.bad
    assert printed.stderr == f"{file}: {reason}\n"
    assert reason.startswith("total: ")
    assert outcome.tally.errors == {"no-reading": 1}


def template(tmp_path: Path) -> Path:
    (tmp_path / "form.toml").write_text(FORM)
    return tmp_path / "form.toml"


def test_a_formula_in_a_name_is_no_formula_in_the_table(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    draw_seven(tmp_path / "=cmd|'calc'.png")
    monkeypatch.chdir(tmp_path)

    run(Plan(("*.png",), tmp_path / "t.csv", digits("csv", folder=str(tmp_path))), alone, Noted())

    assert rows_of(tmp_path / "t.csv")[0]["file"] == "'=cmd|'calc'.png"


def test_a_name_of_another_kind_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"must end in \.jsonl, \.csv, \.parquet"):
        style_of(Path("t.xlsx"))


def test_parquet_without_its_extra_tells_the_line_that_installs_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)

    with pytest.raises(MissingExtraError, match=r"pip install 'inkdigit\[parquet\]'"):
        style_of(Path("t.parquet"))


def test_a_table_that_cannot_be_written_leaves_the_old_one(tmp_path: Path) -> None:
    path = tmp_path / "t.jsonl"
    path.write_text("old\n")

    def lines() -> Any:
        yield b"new\n"
        raise OSError(28, "No space left on device")

    with pytest.raises(OSError, match="No space"):
        write_table(path, digits("jsonl"), lines())

    assert [(path.name, path.read_text()) for path in tmp_path.iterdir()] == [("t.jsonl", "old\n")]


def test_the_summary_needs_no_other_file_runs_no_script_and_escapes_names(tmp_path: Path, scans: Path) -> None:
    outcome = batch(tmp_path, scans, digits("csv"))
    text = outcome.summary.read_text("utf-8")

    assert "<script" not in text
    assert "&lt;script&gt;alert(1)&lt;/script&gt;.png" in text
    assert text.count('<img class="whole" src="data:image/png;base64,') == 3
    assert "http" not in text.replace("http://www.w3.org", "")
    assert "unsupported-format" in text


@pytest.mark.parametrize(
    ("reads", "told"),
    [("digits", "no digit is left"), ("numbers", "the product of theirs"), ("forms", "the least sure of")],
)
def test_the_summary_says_what_a_confidence_is_that_of(tmp_path: Path, reads: Reads, told: str) -> None:
    done = job(reads, current_model("current-reader"), "csv", form=FORM if reads == "forms" else None)
    write_summary(tmp_path / "t.html", done, Tally.count([Seen("a.png", "7 1", 0.9)]), 0, 0.0)

    text = (tmp_path / "t.html").read_text("utf-8")
    ways = ("no digit is left", "the product of theirs", "the least sure of")
    assert [way for way in ways if way in text] == [told]


def test_the_summary_rounds_no_confidence_to_a_certainty(tmp_path: Path) -> None:
    seen = [Seen(f"{place}.png", "7", sure) for place, sure in enumerate((0.0001, 0.9981, 0.99996, 1.0))]
    write_summary(tmp_path / "t.html", digits(), Tally.count(seen), 0, 0.0)

    text = (tmp_path / "t.html").read_text("utf-8")
    assert re.findall("<strong>7</strong> (.*?)<br>", text) == ["under 0.1 %", "99.8 %", "99.9 %", "100 %"]


def test_a_doubtful_picture_that_is_gone_does_not_keep_the_summary_from_being_made(tmp_path: Path) -> None:
    many(tmp_path / "scans", 2)
    gone = tmp_path / "scans" / "000001.png"

    class Gone:
        def looking(self, found: int) -> None: ...
        def begun(self, total: int, kept: int) -> None: ...
        def reading(self, seen: int) -> None:
            gone.unlink()

    outcome = run(Plan((str(tmp_path / "scans"),), tmp_path / "t.csv", digits("csv")), alone, Gone())

    assert "the picture is no longer there" in outcome.summary.read_text("utf-8")
    assert json.loads((tmp_path / "t.csv.run.json").read_text())["count"] == 2

"""The commands of the store, run as a user would run them."""

import csv
import io
import json
import zipfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from tests.feedback.drawings import PNG, SEVEN, noise, submission

from inkdigit.cli import main
from inkdigit.feedback import FeedbackStore, Status, Verdict


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A computer on which nothing was kept yet."""
    monkeypatch.delenv("INKDIGIT_DATABASE", raising=False)
    monkeypatch.delenv("INKDIGIT_RETENTION_DAYS", raising=False)
    monkeypatch.setenv("INKDIGIT_HOME", str(tmp_path / "home" / "models"))
    return tmp_path / "home"


@pytest.fixture
def receipts(home: Path) -> list[str]:
    """Three drawings are kept where they are by default; the second one is accepted as a three."""
    with FeedbackStore.open(home / "feedback.sqlite") as store:
        handed_in = [submission(1, writer="alma"), submission(2, image=noise(1)), submission(None, confidence=None)]
        receipts = [store.add(one) for one in handed_in]
        store.review({2: Verdict(Status.ACCEPTED, 3)})
    return receipts


def inkdigit(*arguments: str, stdin: bytes = b"", code: int = 0) -> Result:
    result = CliRunner().invoke(main, ["feedback", *arguments], input=stdin)
    assert result.exit_code == code, result.output
    return result


def listed(*options: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in inkdigit("list", "--format", "json", *options).stdout.splitlines()]


# --- looking


def test_where_nothing_was_kept_that_is_said(home: Path) -> None:
    result = inkdigit("list", code=3)

    assert "no drawing was kept yet" in result.stderr
    assert not home.exists()


@pytest.mark.usefixtures("receipts")
def test_the_list_has_the_newest_first_and_says_how_many_there_are() -> None:
    result = inkdigit("list")

    heading, *rows = result.stdout.splitlines()
    assert heading.split()[:4] == ["id", "created", "status", "label"]
    assert [row.split()[0] for row in rows] == ["3", "2", "1"]
    assert rows[1].split()[2:] == ["accepted", "2", "3", "1", "0.625", "digits-8", "anonymous"]
    assert rows[0].split()[3:6] == ["none", "none", "1"]
    assert result.stderr == "There are 2 new, 1 accepted, 0 rejected.\n"


@pytest.mark.usefixtures("receipts")
def test_the_list_can_be_shortened() -> None:
    assert [row["id"] for row in listed("--limit", "2")] == [3, 2]
    assert [row["id"] for row in listed("--status", "accepted")] == [2]
    assert listed("--status", "rejected") == []


def test_a_long_list_is_whole(home: Path) -> None:
    with FeedbackStore.open(home / "feedback.sqlite") as store:
        receipt = store.add(submission())
        [(kept, _)] = store.with_receipts()
        store.restore((kept, number.to_bytes(32, "big")) for number in range(450))
        store.delete(receipt)

    assert len(listed()) == 450
    assert len(listed("-n", "301")) == 301


def test_a_table_holds_nothing_that_a_spreadsheet_would_run(home: Path) -> None:
    with FeedbackStore.open(home / "feedback.sqlite") as store:
        store.add(submission(7, model="=cmd|'/c calc'!A0"))

    [row] = csv.DictReader(io.StringIO(inkdigit("list", "--format", "csv").stdout))

    assert row["model"] == "'=cmd|'/c calc'!A0"
    assert (row["label"], row["confidence"]) == ("7", "0.625")


def test_a_name_cannot_command_the_terminal(home: Path) -> None:
    with FeedbackStore.open(home / "feedback.sqlite") as store:
        store.add(submission(7, model="a\x1b[2J\nb"))

    assert r"a\x1b[2J\nb" in inkdigit("list").stdout
    assert r"a\x1b[2J\nb" in inkdigit("show", "1").stdout


@pytest.mark.usefixtures("receipts")
def test_a_drawing_is_shown_as_far_as_a_terminal_can() -> None:
    told = inkdigit("show", "1").stdout

    drawn, _, rest = told.partition("\n\nid ")
    assert 3 < sum(line.count("@") + line.count("#") for line in drawn.splitlines()) < 100
    assert "truth       1\n" in rest
    assert "confidence  -\n" in inkdigit("show", "3").stdout


@pytest.mark.usefixtures("receipts")
def test_a_drawing_is_shown_with_its_strokes_and_its_picture(tmp_path: Path) -> None:
    told = json.loads(inkdigit("show", "1", "--json", "-o", str(tmp_path / "one.png")).stdout)

    assert told["strokes"] == [{"width": SEVEN[0].width, "points": [list(point) for point in SEVEN[0].points]}]
    assert (tmp_path / "one.png").read_bytes() == PNG


@pytest.mark.usefixtures("receipts")
def test_a_picture_takes_the_place_of_no_file_unless_told_to(tmp_path: Path) -> None:
    file = tmp_path / "one.png"
    file.write_bytes(b"another")

    told = inkdigit("show", "1", "-o", str(file), code=3).stderr
    kept = file.read_bytes()
    inkdigit("show", "1", "--force", "-o", str(file))

    assert told == f"Error: {file} is there already; name another file, or replace it with --force\n"
    assert (kept, file.read_bytes()) == (b"another", PNG)


@pytest.mark.usefixtures("receipts")
def test_a_picture_can_be_sent_to_standard_output(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)

    assert inkdigit("show", "1", "-o", "-").stdout_bytes == PNG
    assert "exclude each other" in inkdigit("show", "1", "--json", "-o", "-", code=2).stderr
    assert not (tmp_path / "-").exists()


@pytest.mark.usefixtures("receipts")
@pytest.mark.parametrize("number", ["99", "99999999999999999999999"])
def test_a_drawing_that_is_not_there_cannot_be_shown(number: str) -> None:
    assert f"There is no drawing {number}" in inkdigit("show", number, code=1).stderr


# --- out and in


@pytest.mark.usefixtures("receipts")
def test_an_export_is_imported_elsewhere(tmp_path: Path) -> None:
    archive, elsewhere = str(tmp_path / "out.zip"), str(tmp_path / "elsewhere.sqlite")

    assert inkdigit("export", archive).stderr == f"3 drawings exported to {archive}\n"
    assert inkdigit("--database", elsewhere, "import", archive).stderr == "3 drawings imported\n"
    assert inkdigit("--database", elsewhere, "import", archive).stderr == "0 drawings imported\n"

    assert [row["truth"] for row in listed()] == [None, 3, 1]
    with FeedbackStore.open(elsewhere) as store:
        assert [kept.truth for kept in store.drawings()] == [None, 3, 1]


@pytest.mark.usefixtures("receipts")
def test_an_export_goes_through_a_pipe(tmp_path: Path) -> None:
    piped = inkdigit("export", "--status", "accepted", "-").stdout_bytes

    with zipfile.ZipFile(io.BytesIO(piped)) as archive:
        assert archive.namelist() == ["drawings/2.png", "drawings.jsonl"]
    result = inkdigit("--database", str(tmp_path / "elsewhere.sqlite"), "import", "-", stdin=piped)
    assert result.stderr == "1 drawing imported\n"


@pytest.mark.usefixtures("receipts")
def test_an_export_takes_the_place_of_no_file_unless_told_to(tmp_path: Path) -> None:
    archive, link = tmp_path / "out.zip", tmp_path / "link.zip"
    archive.write_bytes(b"last year's")
    link.symlink_to(tmp_path / "gone.zip")

    refused = [inkdigit("export", str(path), code=3).stderr for path in (archive, link)]
    kept = archive.read_bytes()
    forced = inkdigit("export", "--force", str(archive)).stderr

    assert refused == [
        f"Error: {path} is there already; name another file, or replace it with --force\n" for path in (archive, link)
    ]
    assert (kept, link.is_symlink()) == (b"last year's", True)
    assert forced == f"3 drawings exported to {archive}\n"
    assert zipfile.is_zipfile(archive)


@pytest.mark.usefixtures("receipts")
def test_an_export_takes_the_place_of_no_file_that_came_meanwhile(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("os.path.lexists", lambda _: False)  # as it was when the export began
    archive = tmp_path / "out.zip"
    archive.write_bytes(b"another's")

    assert "out.zip: File exists" in inkdigit("export", str(archive), code=3).stderr
    assert [(path.name, path.read_bytes()) for path in tmp_path.glob("[!h]*")] == [("out.zip", b"another's")]


@pytest.mark.usefixtures("receipts")
def test_what_is_no_archive_is_refused_in_a_line(tmp_path: Path) -> None:
    (tmp_path / "evil.zip").write_bytes(b"PK\5\6" + b"\xff" * 18)

    told = inkdigit("import", str(tmp_path / "evil.zip"), code=3).stderr

    assert "nothing was imported" in told
    assert told.count("\n") == 1
    assert len(listed()) == 3


# --- forgetting


def test_a_receipt_deletes(receipts: list[str]) -> None:
    assert inkdigit("delete", receipts[0]).stderr == f"receipt {receipts[0]}: deleted\n"
    assert [row["id"] for row in listed()] == [3, 2]
    assert "there is no such drawing" in inkdigit("delete", receipts[0], code=1).stderr


def test_several_are_deleted_by_receipt_and_by_id(receipts: list[str]) -> None:
    told = inkdigit("delete", receipts[0], "--id", "2", "--id", "44", code=1).stderr

    assert [line.rpartition(": ")[2] for line in told.splitlines()] == [
        "deleted",
        "deleted",
        "there is no such drawing",
    ]
    assert [row["id"] for row in listed()] == [3]


@pytest.mark.usefixtures("receipts")
def test_deleting_nothing_in_particular_is_a_mistake() -> None:
    assert "Name a RECEIPT" in inkdigit("delete", code=2).stderr


def test_a_deleted_drawing_is_in_no_export_and_does_not_come_back(receipts: list[str], tmp_path: Path) -> None:
    inkdigit("export", str(tmp_path / "before.zip"))
    inkdigit("delete", receipts[1])
    inkdigit("export", str(tmp_path / "after.zip"))
    inkdigit("import", str(tmp_path / "before.zip"))

    with zipfile.ZipFile(tmp_path / "after.zip") as archive:
        assert archive.namelist() == ["drawings/1.png", "drawings/3.png", "drawings.jsonl"]
    assert [row["id"] for row in listed()] == [3, 1]


@pytest.mark.parametrize("by", ["option", "environment"])
def test_old_drawings_are_purged(home: Path, receipts: list[str], monkeypatch: pytest.MonkeyPatch, by: str) -> None:
    with FeedbackStore.open(home / "feedback.sqlite") as store:
        [(kept, _), *_] = store.with_receipts()
        old = type(kept)(**{name: getattr(kept, name) for name in kept.__dataclass_fields__} | {"created": LONG_AGO})
        store.restore([(old, b"o" * 32)])
    if by == "environment":
        monkeypatch.setenv("INKDIGIT_RETENTION_DAYS", "30")

    result = inkdigit("purge", *(["--older-than", "30"] if by == "option" else []))

    assert result.stderr == "1 drawing deleted\n"
    assert [row["id"] for row in listed()] == [3, 2, 1]


LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)


@pytest.mark.usefixtures("receipts")
def test_purging_needs_a_number_of_days() -> None:
    assert "--older-than DAYS" in inkdigit("purge", code=2).stderr
    assert len(listed()) == 3


# --- where


@pytest.mark.usefixtures("receipts")
def test_a_store_that_is_up_to_date_stays_so() -> None:
    assert inkdigit("migrate").stderr == "up to date, with 3 drawings\n"


@pytest.mark.parametrize("by", ["option", "environment"])
def test_the_database_can_be_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, by: str) -> None:
    with FeedbackStore.open(tmp_path / "named.sqlite") as store:
        store.add(submission(5))
    if by == "environment":
        monkeypatch.setenv("INKDIGIT_DATABASE", f"sqlite:///{tmp_path / 'named.sqlite'}")
    named = ["--database", str(tmp_path / "named.sqlite")] if by == "option" else []

    assert json.loads(inkdigit(*named, "list", "--format", "json").stdout)["label"] == 5


def test_an_empty_name_is_not_the_usual_database(tmp_path: Path) -> None:
    told = inkdigit("--database", "", "purge", "--older-than", "0", code=2).stderr

    assert "Invalid value for '--database': it is empty" in told


def test_a_database_that_cannot_be_reached_is_told_in_a_line_without_its_password() -> None:
    told = inkdigit("--database", "postgresql+psycopg://u:secret@127.0.0.1:1/x", "list", code=3).stderr

    assert "cannot be reached" in told
    assert told.count("\n") == 1
    assert "secret" not in told


def test_a_url_whose_port_is_no_number_is_told_in_a_line_without_its_password() -> None:
    told = inkdigit("--database", "postgresql+psycopg://u:secret@127.0.0.1:port/x", "list", code=3).stderr

    assert "--database has a port that is no number" in told
    assert told.count("\n") == 1
    assert "secret" not in told

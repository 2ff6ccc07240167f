"""`inkdigit models`: what is listed, shown, compared, promoted and carried about, and what is then used."""

import io
import json
import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import IO

import pytest
from click.testing import CliRunner, Result
from flask import Flask
from PIL import Image, ImageDraw
from tests.conftest import FakeReader
from tests.processes import INKDIGIT, WITHOUT_RIGHTS, needs_rights
from tests.versions import edit_card, hungry_network, make_version, put_network

from inkdigit import InkdigitError, Recognizer
from inkdigit.cli import main
from inkdigit.reader import POINTER, Reader
from inkdigit.recognizer import find_model
from inkdigit.registry import CURRENT, current, export_archive, history
from inkdigit.server.state import state_of

SHIPPED = find_model(None).name
LINES = find_model(None, pointer=POINTER).name


def invoke(*arguments: object, stdin: bytes | IO[bytes] = b"") -> Result:
    return CliRunner().invoke(main, [str(argument) for argument in arguments], input=stdin, prog_name="inkdigit")


def models(*arguments: object, stdin: bytes | IO[bytes] = b"") -> Result:
    return invoke("models", *arguments, stdin=stdin)


@pytest.fixture(autouse=True)
def home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """The models folder of the settings, which is not there yet."""
    for name in [name for name in os.environ if name.startswith("INKDIGIT_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("INKDIGIT_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


@pytest.fixture
def mine(home: Path) -> Path:
    """A further version, `mine`."""
    return make_version(home, "mine")


@pytest.fixture
def believed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Versions are taken for whole, in tests of what is done with them then."""
    monkeypatch.setattr("inkdigit.registry.pointer.verify", lambda folder: None)


# --- list and show


def starred() -> set[str]:
    lines = models("list").stdout.splitlines()
    return {line.split()[1] for line in lines if line.startswith("*")}


def test_the_current_models_are_listed_with_a_star() -> None:
    assert starred() == {SHIPPED, LINES}


def test_a_model_without_figures_is_listed_too(home: Path) -> None:
    (home / "odd").mkdir(parents=True)
    (home / "odd" / "SHA256SUMS").touch()

    assert re.search(r"^ +odd +unknown ", models("list").stdout, flags=re.MULTILINE)


def test_row_30_what_a_folder_is_called_does_nothing_to_the_terminal(home: Path) -> None:
    (home / "a\x1b[2Jb").mkdir(parents=True)
    (home / "a\x1b[2Jb" / "SHA256SUMS").touch()

    assert "\x1b" not in models("list").stdout


@pytest.mark.parametrize("named", [[], [SHIPPED], [find_model(None)]])
def test_a_card_is_shown_as_json(named: list[object]) -> None:
    assert json.loads(models("show", *named).stdout) == Recognizer.load().card


def test_row_30_what_a_card_says_does_nothing_to_the_terminal(mine: Path) -> None:
    edit_card(mine, command="\x1b[2J train")

    assert "\x1b" not in models("show", "mine").stdout
    assert "\x1b" not in models("show", "mine", "--markdown").stdout
    assert "\x1b" not in models("diff", "small-3", "mine").stdout


def test_a_card_that_cannot_be_read_is_told_with_code_3(tmp_path: Path) -> None:
    result = models("show", tmp_path)

    assert result.exit_code == 3
    assert "card.json" in result.stderr


# --- diff


def test_two_models_stand_side_by_side_with_what_differs_and_by_how_much() -> None:
    result = models("diff", "small-3", SHIPPED)
    rows = {line.split()[0]: line.split()[1:] for line in result.stdout.splitlines() if line.strip()}

    small, large = (Recognizer.load(name).card["metrics"]["test"]["accuracy"] for name in ("small-3", SHIPPED))
    assert rows["metrics.test.accuracy"] == [str(small), str(large), f"{large - small:+.4g}"]
    assert "labels" not in rows
    assert result.stdout.splitlines()[0].split() == ["small-3", SHIPPED, "difference"]


def test_one_model_stands_beside_the_current_one(mine: Path) -> None:
    assert models("diff", "mine").stdout.splitlines()[0].split() == [SHIPPED, "mine", "difference"]


def test_differences_come_as_json_too(mine: Path) -> None:
    assert json.loads(models("diff", "small-3", "mine", "--json").stdout) == {"version": ["small-3", "mine"]}


# --- verify


def test_whole_models_are_verified(mine: Path) -> None:
    result = models("verify")

    assert result.exit_code == 0
    assert {f"{SHIPPED}\twhole", f"{LINES}\twhole", "mine\twhole"} <= set(result.stdout.splitlines())


def test_a_damaged_model_is_told_and_the_others_are_still_verified(tmp_path: Path) -> None:
    result = models("verify", tmp_path, SHIPPED)

    assert result.exit_code == 1
    assert str(tmp_path) in result.stderr
    assert "whole" in result.stdout


def test_row_22_verifying_a_model_that_asks_for_160_gb_ends_well(mine: Path) -> None:
    put_network(mine, hungry_network())
    result = models("verify", "mine", SHIPPED)

    assert (result.exit_code, result.stdout) == (1, f"{SHIPPED}\twhole\n")
    assert result.stderr.startswith("mine: ")


# --- promote and rollback


def test_a_command_takes_the_version_and_not_a_folder_of_its_name(
    mine: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "here" / "mine").mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "here")

    assert models("verify", "mine").stdout == "mine\twhole\n"
    assert models("verify", "./mine").exit_code == 1


@pytest.mark.parametrize(
    "arguments",
    [
        ("predict", "--model", "", "seven.png"),
        ("read", "--reader", "", "seven.png"),
        ("batch", "scans", "--out", "t.csv", "--model", ""),
        ("case", "run", "--model", ""),
        ("evaluate", "--against", ""),
        ("models", "show", ""),
        ("models", "verify", ""),
        ("models", "export", ""),
    ],
)
def test_an_empty_name_is_told_as_that(arguments: tuple[str, ...]) -> None:
    result = invoke(*arguments)

    assert (result.exit_code, result.stdout) == (2, "")
    assert "it is empty" in result.stderr


def test_what_is_promoted_is_what_reads(mine: Path, home: Path, tmp_path: Path) -> None:
    picture = Image.new("L", (280, 280), "white")
    ImageDraw.Draw(picture).line([(80, 70), (200, 70), (130, 220)], fill="black", width=18, joint="curve")
    picture.save(tmp_path / "seven.png")
    said = models("promote", "mine")
    promoted = json.loads(invoke("predict", "--json", tmp_path / "seven.png").stdout)["model"]
    named = json.loads(invoke("predict", "--json", "--model", SHIPPED, tmp_path / "seven.png").stdout)["model"]

    assert (said.exit_code, promoted, named) == (0, "mine", SHIPPED)
    assert starred() == {"mine", LINES}
    assert json.loads(models("show").stdout)["version"] == "mine"


def test_a_promotion_is_taken_back(mine: Path, home: Path, believed: None) -> None:
    models("promote", "mine")
    result = models("rollback")

    assert (result.exit_code, result.stdout) == (0, f"{SHIPPED} is the current version again.\n")
    assert starred() == {SHIPPED, LINES}


def test_a_reader_is_promoted_and_taken_back_beside_the_model_of_digits(
    mine: Path, home: Path, believed: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(find_model(LINES), home / "lines-2")
    edit_card(home / "lines-2", version="lines-2")
    models("promote", "mine")
    models("promote", "lines-2")
    both = starred()
    back = models("rollback", "--reader")

    assert both == {"mine", "lines-2"}
    assert back.stdout == f"{LINES} is the current version again.\n"
    assert starred() == {"mine", LINES}


def test_the_promoted_reader_is_what_reads_numbers(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from inkdigit.cli_read import load_reader
    from inkdigit.terminal import settings_of

    shutil.copytree(find_model(LINES), home / "lines-2")
    edit_card(home / "lines-2", version="lines-2")
    (home / POINTER).write_text("lines-2\n")

    assert load_reader(settings_of()).version == "lines-2"
    assert isinstance(load_reader(settings_of(reader=LINES)), Reader)
    assert load_reader(settings_of(reader=LINES)).version == LINES


def test_with_nothing_promoted_there_is_nothing_to_take_back() -> None:
    result = models("rollback")

    assert (result.exit_code, result.stdout) == (3, "")
    assert "nothing to take back" in result.stderr


@pytest.mark.parametrize("name", ["nowhere", "../home/mine", "/etc", "."])
def test_row_20_a_version_is_promoted_by_name_alone(mine: Path, home: Path, name: str) -> None:
    result = models("promote", name)

    assert result.exit_code == 3
    assert not (home / CURRENT).exists()


def test_row_22_a_version_that_is_no_good_is_not_promoted(mine: Path, home: Path) -> None:
    put_network(mine, hungry_network())
    result = models("promote", "mine")

    assert (result.exit_code, current(home).name, history(home)) == (3, SHIPPED, [])


# --- serve


@pytest.fixture
def served(monkeypatch: pytest.MonkeyPatch) -> list[Flask]:
    """The applications that would be served, were there a port."""
    apps: list[Flask] = []
    monkeypatch.setattr("inkdigit.server.serving.serve", lambda app, settings, on_ready: apps.append(app))
    monkeypatch.setattr("inkdigit.cli.load_reader", lambda settings: FakeReader(version=Path(settings.reader).name))
    return apps


def test_a_server_follows_what_is_promoted_unless_a_version_was_asked_for_by_name(
    mine: Path, believed: None, served: list[Flask]
) -> None:
    models("promote", "mine")
    for options in [(), ("--model", SHIPPED), ("--reader", "theirs")]:
        assert invoke("serve", *options).exit_code == 0

    states = [state_of(app) for app in served]
    assert [state.recognizer.version for state in states] == ["mine", SHIPPED, "mine"]
    assert [state.number_reader().version for state in states] == [LINES, LINES, "theirs"]
    assert [(bool(state.models.digits), bool(state.models.lines)) for state in states] == [
        (True, True),
        (False, True),
        (True, False),
    ]


# --- export and import


def test_a_version_can_be_sent_to_standard_output(mine: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    before = sorted(tmp_path.iterdir())

    sent = models("export", "mine", "-").stdout_bytes

    assert sent == export_archive(mine, tmp_path / "there.zip").read_bytes()
    (tmp_path / "there.zip").unlink()
    assert sorted(tmp_path.iterdir()) == before


def test_an_export_takes_the_place_of_no_file_unless_told_to(mine: Path, tmp_path: Path) -> None:
    thesis = tmp_path / "mine.zip"
    thesis.write_bytes(b"a thesis")

    refused = [models("export", "mine", path) for path in (thesis, tmp_path)]
    kept = thesis.read_bytes()
    forced = models("export", "mine", "--force", tmp_path)

    assert [result.exit_code for result in refused] == [3, 3]
    assert {result.stderr for result in refused} == {
        f"Error: {thesis} is there already; name another file, or replace it with --force\n"
    }
    assert (kept, forced.exit_code) == (b"a thesis", 0)
    assert thesis.read_bytes() == export_archive(mine, tmp_path / "there.zip").read_bytes()


def test_an_export_takes_the_place_of_no_file_that_came_meanwhile(
    mine: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("os.path.lexists", lambda _: False)  # as it was when the export began
    folder = tmp_path / "out"
    folder.mkdir()
    (folder / "mine.zip").write_bytes(b"another's")

    told = models("export", "mine", folder)

    assert (told.exit_code, told.stderr) == (3, f"Error: {folder / 'mine.zip'}: File exists\n")
    assert [(path.name, path.read_bytes()) for path in folder.iterdir()] == [("mine.zip", b"another's")]


@needs_rights
def test_a_version_that_cannot_be_written_is_told_by_the_name_of_its_file(
    mine: Path, home: Path, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    (tmp_path / "closed").mkdir(mode=0o555)
    request.addfinalizer(lambda: (tmp_path / "closed").chmod(0o700))
    gone = models("export", "mine", tmp_path / "gone" / "x.zip")

    command = [*WITHOUT_RIGHTS, *INKDIGIT, "models", "export", "mine", str(tmp_path / "closed" / "x.zip")]
    told = subprocess.run(command, capture_output=True, text=True, check=False)

    assert (gone.exit_code, told.returncode) == (3, 3)
    assert gone.stderr == f"Error: {tmp_path / 'gone'} is not a folder; name the file in one that is there\n"
    assert told.stderr.startswith(f"Error: {tmp_path / 'closed' / 'x.zip'}: Permission denied; ")


def test_a_version_is_carried_to_another_computer(mine: Path, home: Path, tmp_path: Path) -> None:
    exported = models("export", "mine", tmp_path)
    shutil.rmtree(mine)
    imported = models("import", tmp_path / "mine.zip")

    assert (exported.stdout, imported.stdout) == (f"{tmp_path / 'mine.zip'}\n", f"{mine}\n")
    assert "inkdigit models promote mine" in imported.stderr
    assert starred() == {SHIPPED, LINES}


def test_an_export_goes_through_a_pipe(mine: Path, home: Path) -> None:
    piped = models("export", "mine", "-").stdout_bytes
    shutil.rmtree(mine)
    cut = models("import", "-", stdin=piped[:-1])

    imported = models("import", "-", stdin=piped)

    assert (cut.exit_code, cut.stdout) == (3, "")
    assert "standard input is not an archive of a version" in cut.stderr
    assert (imported.exit_code, imported.stdout) == (0, f"{mine}\n")


def test_no_more_than_a_version_may_have_is_taken_from_a_pipe(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("inkdigit.registry.contents.MAX_BYTES", 1_000)
    monkeypatch.setattr("inkdigit.registry.archive.MAX_BYTES", 1_000)
    endless = io.BytesIO(b"P" * 5_000)

    told = models("import", "-", stdin=endless)

    assert (told.exit_code, endless.tell()) == (3, 1_001)
    assert "too small or too large" in told.stderr


def test_a_model_folder_is_imported_under_the_name_on_its_card(home: Path, tmp_path: Path) -> None:
    folder = make_version(tmp_path, "trained").rename(tmp_path / "somewhere")
    result = models("import", folder)

    assert (result.exit_code, result.stdout) == (0, f"{home / 'trained'}\n")


def test_row_22_an_archive_whose_model_asks_for_160_gb_is_refused(home: Path, tmp_path: Path) -> None:
    folder = put_network(make_version(tmp_path, "huge"), hungry_network())
    result = models("import", export_archive(folder, tmp_path))

    assert (result.exit_code, result.stdout) == (3, "")
    assert "huge.zip" in result.stderr
    assert "Traceback" not in result.output
    assert not (home / "huge").exists()


@pytest.mark.parametrize("file", ["gone.zip", "junk.zip"])
def test_what_is_no_archive_is_told_with_code_3(home: Path, tmp_path: Path, file: str) -> None:
    (tmp_path / "junk.zip").write_bytes(b"junk" * 100)
    result = models("import", tmp_path / file)

    assert result.exit_code == 3
    assert file in result.stderr
    assert not home.exists()


def test_no_error_of_the_package_becomes_a_traceback(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise InkdigitError("something is wrong; do this")

    monkeypatch.setattr("inkdigit.registry.list_versions", fail)
    result = models("list")

    assert (result.exit_code, result.stderr) == (3, "Error: something is wrong; do this\n")

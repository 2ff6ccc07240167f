import contextlib
import csv
import functools
import http.client
import io
import json
import os
import re
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import threading
import webbrowser
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import click
import pytest
from click.testing import CliRunner, Result
from flask import Flask
from PIL import Image, ImageDraw
from tests.conftest import FakeReader
from tests.processes import INKDIGIT, WITHOUT_RIGHTS, needs_rights

from inkdigit import ModelError, Recognizer
from inkdigit.cli import main
from inkdigit.config import VARIABLES, Settings, package_version
from inkdigit.recognizer import find_model
from inkdigit.server import serving
from inkdigit.server.state import state_of

DOCS = Path(__file__).parent.parent / "docs" / "command-line.md"


def invoke(*arguments: object, stdin: bytes = b"") -> Result:
    return CliRunner().invoke(main, [str(argument) for argument in arguments], input=stdin, prog_name="inkdigit")


Start = Callable[..., "subprocess.Popen[bytes]"]


@pytest.fixture
def start() -> Iterator[Start]:
    """Starts the real program in a process of its own, which does not outlive the test."""
    with contextlib.ExitStack() as ending:

        def run(*arguments: object) -> "subprocess.Popen[bytes]":
            command = [sys.executable, "-m", "inkdigit", *map(str, arguments)]
            pipe = subprocess.PIPE
            process = ending.enter_context(subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=pipe))
            ending.callback(process.kill)
            return process

        yield run


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in [name for name in os.environ if name.startswith("INKDIGIT_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("INKDIGIT_HOME", str(tmp_path / "home"))


@pytest.fixture
def seven(tmp_path: Path) -> Path:
    """A picture of a seven."""
    picture = Image.new("L", (280, 280), "white")
    ImageDraw.Draw(picture).line([(80, 70), (200, 70), (130, 220)], fill="black", width=18, joint="curve")
    picture.save(tmp_path / "seven.png")
    return tmp_path / "seven.png"


@pytest.fixture
def blank(tmp_path: Path) -> Path:
    Image.new("L", (50, 50), "white").save(tmp_path / "blank.png")
    return tmp_path / "blank.png"


# --- help, errors and exit codes


def all_commands(command: click.Command = main, name: str = "inkdigit") -> Iterator[tuple[str, click.Command]]:
    yield name, command
    if isinstance(command, click.Group):
        for word, child in command.commands.items():
            yield from all_commands(child, f"{name} {word}")


COMMANDS = dict(all_commands())


def test_the_commands_are_those_that_are_promised() -> None:
    assert set(main.commands) == {
        "serve", "predict", "read", "feedback", "case", "config", "train", "retrain", "evaluate", "data", "models",
        "keys", "doctor", "batch",
    }  # fmt: skip


@pytest.mark.parametrize("name", COMMANDS)
def test_every_help_says_more_than_one_line_and_shows_examples(name: str) -> None:
    command = COMMANDS[name]
    result = invoke(*name.split()[1:], "--help")

    examples = result.stdout.partition("Examples:\n")[2].splitlines()
    assert result.exit_code == 0
    assert "\n\n" in (command.help or "")
    assert any(line.strip().startswith(name) for line in examples)


def section_of(name: str) -> str:
    """The part of the document that stands under the heading of a command."""
    after = re.split(rf"^#+ {re.escape(name)}$", DOCS.read_text("utf-8"), flags=re.MULTILINE)
    assert len(after) == 2, f"docs/command-line.md has no heading for {name}"
    return re.split(r"^## |^### inkdigit ", after[1], flags=re.MULTILINE)[0]


@pytest.mark.parametrize("name", [name for name in COMMANDS if name != "inkdigit"])
def test_every_command_stands_in_the_document_with_all_its_options(name: str) -> None:
    options = [option for param in COMMANDS[name].params if isinstance(param, click.Option) for option in param.opts]

    assert [option for option in options if f"`{option}" not in section_of(name)] == []


@pytest.mark.parametrize("name", ["serve", "predict", "read", "evaluate", "batch"])
def test_help_and_document_say_that_the_current_model_reads_where_none_is_named(name: str) -> None:
    options = [param for param in main.commands[name].params if {"--model", "--reader"} & set(param.opts)]
    helps = [option.help or "" for option in options if isinstance(option, click.Option)]
    told = re.findall(r"^\| `--(?:model|reader) .*", section_of(f"inkdigit {name}"), flags=re.MULTILINE)

    assert "the current one if not given" in helps[0]
    assert "current" in told[0]
    assert [text for text in [*helps, *told] if "shipped" in text] == []


def test_the_document_names_no_option_that_is_not_there() -> None:
    known = {option for command in COMMANDS.values() for param in command.params for option in param.opts}

    assert set(re.findall(r"`(--[a-z-]+)", DOCS.read_text("utf-8"))) - known == {"--help"}


@pytest.mark.parametrize("name", [name for name in COMMANDS if not isinstance(COMMANDS[name], click.Group)])
@pytest.mark.parametrize("source", ["help", "document"])
def test_every_example_is_one_that_the_command_takes(name: str, source: str) -> None:
    text = section_of(name) if source == "document" else (COMMANDS[name].epilog or "")
    examples = re.findall(rf"^ +(?:\$ )?{name}(?= |$)([^|<>\n]*)", text, flags=re.MULTILINE)
    taken = [COMMANDS[name].make_context(name, shlex.split(example)) for example in examples]

    assert taken


def test_every_setting_of_the_environment_stands_in_the_document() -> None:
    assert [name for name in VARIABLES if f"`{name}`" not in section_of("inkdigit serve")] == []


def test_no_arguments_give_a_quick_start() -> None:
    result = invoke()

    assert result.exit_code == 0
    assert "inkdigit serve --open" in result.stdout


def test_the_version_is_told() -> None:
    assert invoke("--version").stdout == f"inkdigit {package_version()}\n"


@pytest.mark.parametrize(("typed", "meant"), [("predct", "predict"), ("modles", "models")])
def test_a_mistyped_command_is_answered_with_the_one_meant(typed: str, meant: str) -> None:
    result = invoke(typed)

    assert result.exit_code == 2
    assert f"'{meant}'" in result.stderr


def test_a_mistyped_option_is_answered_with_the_one_meant() -> None:
    result = invoke("predict", "--cvs", "seven.png")

    assert result.exit_code == 2
    assert "'--csv'" in result.stderr


def test_a_missing_argument_is_a_mistake_of_usage() -> None:
    assert invoke("predict").exit_code == 2


def test_a_setting_that_cannot_work_is_one_line_and_code_3(monkeypatch: pytest.MonkeyPatch, seven: Path) -> None:
    monkeypatch.setenv("INKDIGIT_PORT", "many")
    result = invoke("predict", seven)

    assert result.exit_code == 3
    assert re.fullmatch(r"Error: INKDIGIT_PORT .*\n", result.stderr)


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_shells_can_complete(shell: str) -> None:
    script = CliRunner().invoke(main, env={"_INKDIGIT_COMPLETE": f"{shell}_source"}, prog_name="inkdigit")

    assert "inkdigit" in script.stdout
    assert f"{shell}_source inkdigit" in DOCS.read_text("utf-8")


def test_model_versions_are_completed() -> None:
    current = find_model(None).name
    words = {"_INKDIGIT_COMPLETE": "bash_complete", "COMP_WORDS": "inkdigit models show ", "COMP_CWORD": "3"}
    result = CliRunner().invoke(main, env=words, prog_name="inkdigit")

    assert current in result.stdout


def test_completion_has_no_word_where_a_setting_cannot_work(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("INKDIGIT_PORT", "many")
    words = {"_INKDIGIT_COMPLETE": "bash_complete", "COMP_WORDS": "inkdigit models show ", "COMP_CWORD": "3"}
    result = CliRunner().invoke(main, env=words, prog_name="inkdigit")

    assert (result.stdout.strip(), result.stderr) == ("", "")


# --- predict


def test_one_picture_prints_its_digit_alone(seven: Path) -> None:
    result = invoke("predict", seven)

    assert (result.exit_code, result.stdout, result.stderr) == (0, "7\n", "")


def test_standard_input_is_read(seven: Path) -> None:
    assert invoke("predict", "-", stdin=seven.read_bytes()).stdout == "7\n"


def test_several_pictures_print_file_digit_and_confidence(seven: Path) -> None:
    lines = invoke("predict", seven, seven).stdout.splitlines()

    assert len(lines) == 2
    assert re.fullmatch(rf"{re.escape(str(seven))}\t7\t[01]\.\d{{4}}", lines[0])


@pytest.mark.parametrize("option", ["-H", "--with-filename"])
def test_the_file_name_can_be_asked_for(seven: Path, option: str) -> None:
    assert invoke("predict", option, seven).stdout.startswith(f"{seven}\t7\t")


def test_a_folder_with_one_picture_prints_its_name_too(seven: Path) -> None:
    assert invoke("predict", seven.parent).stdout.startswith(f"{seven}\t7\t")


def test_json_is_one_object_per_line_with_the_fields_of_the_api(seven: Path) -> None:
    records = [json.loads(line) for line in invoke("predict", "--json", seven, seven).stdout.splitlines()]

    assert [record["label"] for record in records] == [7, 7]
    assert records[0]["file"] == str(seven)
    assert records[0]["polarity"] == "dark-on-light"
    assert sum(records[0]["probabilities"]) == pytest.approx(1, abs=1e-5)


def test_two_kinds_of_output_exclude_each_other_and_names_are_in_both(seven: Path) -> None:
    assert "--json and --csv exclude each other" in invoke("predict", "--json", "--csv", seven).stderr
    assert json.loads(invoke("predict", "--json", "-H", seven).stdout)["file"] == str(seven)


def test_a_picture_that_cannot_be_read_does_not_stop_the_others(seven: Path, blank: Path) -> None:
    result = invoke("predict", blank, "nowhere.png", seven)

    assert result.exit_code == 1
    assert result.stdout.startswith(f"{seven}\t7")
    assert [line.split(":")[0] for line in result.stderr.splitlines()[:-1]] == [str(blank), "nowhere.png"]
    assert result.stderr.endswith("2 of 3 pictures could not be read.\n")


@needs_rights
@pytest.mark.parametrize("command", ["predict", "read"])
def test_what_may_not_be_read_does_not_stop_the_others(
    seven: Path, tmp_path: Path, request: pytest.FixtureRequest, command: str
) -> None:
    names = ("closed.png", "folder/1.png", "folder/closed/1.png")
    for name in names:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        shutil.copyfile(seven, tmp_path / name)
    closed, folder = tmp_path / "closed.png", tmp_path / "folder" / "closed"
    for path in (closed, folder):
        path.chmod(0)
        request.addfinalizer(functools.partial(path.chmod, 0o700))

    line = [*WITHOUT_RIGHTS, *INKDIGIT, command, closed, tmp_path / "folder", folder, seven]
    told = subprocess.run(list(map(str, line)), capture_output=True, text=True, check=False)

    assert told.returncode == 1
    assert [text.replace("\t", ": ").split(": ")[0] for text in told.stdout.splitlines()] == [
        str(tmp_path / "folder" / "1.png"),
        str(seven),
    ]
    assert told.stderr.splitlines()[:-1] == [
        f"{closed}: cannot be opened: Permission denied; check its permissions",
        *[f"{folder}: the folder cannot be looked through: Permission denied; check its permissions"] * 2,
    ]


def test_json_tells_errors_in_the_words_of_the_api(blank: Path) -> None:
    result = invoke("predict", "--json", blank)

    assert result.exit_code == 1
    assert json.loads(result.stdout)["error"]["type"] == "blank-image"


def test_csv_has_a_heading_and_a_row_for_each_picture(seven: Path, blank: Path) -> None:
    rows = list(csv.DictReader(io.StringIO(invoke("predict", "--csv", seven, blank).stdout)))

    assert [row["label"] for row in rows] == ["7", ""]
    assert [row["error"] for row in rows] == ["", "blank-image"]
    assert max((f"p{digit}" for digit in range(10)), key=lambda name: float(rows[0][name])) == "p7"


@pytest.mark.parametrize("name", ["=1+1.png", "+1.png", "-1.png", "@now.png"])
def test_csv_holds_no_formula(seven: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.chdir(seven.parent)
    seven.rename(seven.parent / name)
    [row] = csv.DictReader(io.StringIO(invoke("predict", "--csv", "--", name).stdout))

    assert row["file"] == f"'{name}"


@pytest.mark.skipif(sys.platform == "win32", reason="Windows allows no such names")
@pytest.mark.parametrize("style", ["--csv", "--json", "-H"])
def test_a_file_name_cannot_steer_the_terminal_or_break_a_line(seven: Path, blank: Path, style: str) -> None:
    for picture in (seven, blank):
        picture.rename(picture.parent / f"{picture.stem}\x1b[2J\n\t.png")
    result = invoke("predict", style, seven.parent)

    assert "\x1b" not in result.output
    assert len(result.stderr.splitlines()) == 2
    assert len(result.stdout.splitlines()) == {"--csv": 3, "--json": 2, "-H": 1}[style]


@pytest.mark.skipif(sys.platform in {"win32", "darwin"}, reason="only Linux allows names that are not UTF-8")
@pytest.mark.parametrize("style", ["--csv", "--json", "-H"])
def test_a_file_name_need_not_be_utf8(seven: Path, style: str) -> None:
    renamed = seven.rename(seven.parent / os.fsdecode(b"\xff.png"))
    result = invoke("predict", style, renamed)

    assert result.exit_code == 0
    assert "\\xff.png" in result.stdout
    assert "udcff" not in result.stdout


@pytest.mark.parametrize("encoding", ["cp1252", "utf-16"])
def test_a_table_that_goes_to_a_file_is_utf8_whatever_is_printed_otherwise(seven: Path, encoding: str) -> None:
    named = seven.rename(seven.parent / "sieben-\u00fc-\u624b.png")
    command = [sys.executable, "-m", "inkdigit", "predict", "--csv", str(named)]
    told = subprocess.run(command, env=os.environ | {"PYTHONIOENCODING": encoding}, capture_output=True, check=True)

    head, row = told.stdout.decode("utf-8").splitlines()
    assert head.startswith("file,label,")
    assert row.startswith(f"{named},7,")
    assert b"\r" not in told.stdout


@pytest.mark.parametrize("style", ["--json", "-H"])
def test_a_file_name_need_not_be_in_the_letters_of_the_terminal(seven: Path, blank: Path, style: str) -> None:
    for picture in (seven, blank):
        picture.rename(picture.parent / f"{picture.stem}-\u624b.png")
    command = [sys.executable, "-m", "inkdigit", "predict", style, str(seven.parent)]
    told = subprocess.run(command, env=os.environ | {"PYTHONIOENCODING": "cp1252"}, capture_output=True, check=False)

    assert told.returncode == 1
    assert b"seven-\\u624b.png" in told.stdout
    assert b"blank-\\u624b.png: the picture is blank" in told.stderr


@pytest.mark.parametrize(
    ("command", "told"),
    [
        (["predict", "--model", "lines-7"], "is a reader of whole numbers, no model of digits; --reader takes it"),
        (["read", "--reader", "digits-8"], "is a model of digits, no reader of whole numbers; --model takes it"),
    ],
)
def test_a_model_of_the_other_kind_is_told_with_the_option_that_takes_it(
    seven: Path, command: list[str], told: str
) -> None:
    result = invoke(*command, seven)

    assert (result.exit_code, result.stdout) == (3, "")
    assert told in result.stderr


def test_an_unknown_model_is_told_with_code_3(seven: Path) -> None:
    result = invoke("predict", "--model", "nowhere", seven)

    assert result.exit_code == 3
    assert "inkdigit models list" in result.stderr


def test_the_model_of_the_environment_is_used_unless_an_option_names_one(
    monkeypatch: pytest.MonkeyPatch, seven: Path
) -> None:
    monkeypatch.setenv("INKDIGIT_MODEL", "nowhere")

    assert invoke("predict", seven).exit_code == 3
    assert invoke("predict", "--model", find_model(None).name, seven).exit_code == 0


def test_the_program_reads_a_pipe_and_ends_with_its_exit_code(start: Start, seven: Path) -> None:
    good, bad = start("predict", "-"), start("predict", "-")

    assert good.communicate(seven.read_bytes()) == (f"7{os.linesep}".encode(), b"")
    assert b"-: " in bad.communicate(b"not a picture")[1]
    assert (good.returncode, bad.returncode) == (0, 1)


def test_a_reader_that_goes_away_is_no_noise(start: Start, seven: Path) -> None:
    process = start("predict", "--json", *[seven] * 2000)
    assert process.stdout
    assert process.stderr
    process.stdout.readline()
    process.stdout.close()

    assert process.stderr.read() == b""
    assert process.wait() == 1


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no device that is always full")
@pytest.mark.parametrize("style", ["--json", "--csv", "-H", "--help", "--version"])
def test_a_full_disk_is_told_in_one_line(seven: Path, blank: Path, style: str) -> None:
    arguments = [style] if style in {"--help", "--version"} else ["predict", style, str(seven), str(blank)]
    with Path("/dev/full").open("wb") as full:
        told = subprocess.run([*INKDIGIT, *arguments], stdout=full, stderr=subprocess.PIPE, check=False)

    assert told.returncode == 3
    assert re.fullmatch(rb"Error: .*No space left.*\n", told.stderr)


@pytest.mark.parametrize(
    "command",
    [
        *("predict SEVEN", "predict --json SEVEN", "predict --csv SEVEN", "read SEVEN"),
        *("models list", "models export digits-8 -", "config", "--help", "--version"),
    ],
)
def test_an_answer_is_not_lost_unsaid_where_output_and_input_are_closed(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], seven: Path, command: str
) -> None:
    monkeypatch.setattr(sys, "stdin", None)
    monkeypatch.setattr(sys, "stdout", None)

    with pytest.raises(SystemExit) as ended:
        main([str(seven) if word == "SEVEN" else word for word in command.split()])

    assert ended.value.code == 1
    assert re.fullmatch("Error: standard output is closed.*\n", capsys.readouterr().err)


@pytest.mark.parametrize("command", ["batch - --out table.csv", "models import -", "feedback import -"])
def test_a_closed_input_is_told(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path, command: str
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "stdin", None)

    with pytest.raises(SystemExit) as ended:
        main(command.split())

    assert ended.value.code == 3
    assert capsys.readouterr().err.startswith("Error: standard input is closed; send a ")


def test_a_server_needs_no_output(monkeypatch: pytest.MonkeyPatch) -> None:
    served: list[str] = []

    def serve(_app: Flask, _settings: Settings, *, on_ready: Callable[[str], None]) -> None:
        on_ready("http://127.0.0.1:5000/")
        served.append("on")

    monkeypatch.setattr(serving, "serve", serve)
    monkeypatch.setattr(sys, "stdout", None)

    with pytest.raises(SystemExit) as ended:
        main(["serve"])

    assert (ended.value.code, served) == (0, ["on"])


@pytest.mark.parametrize(("style", "printed"), [("-H", "\t?\t"), (None, "?\n")])
def test_an_answer_that_is_not_sure_enough_prints_a_question_mark(seven: Path, style: str | None, printed: str) -> None:
    result = invoke("predict", *filter(None, [style]), "--threshold", 1, seven)

    assert result.exit_code == 0
    assert printed in result.stdout


def test_json_and_csv_tell_what_is_accepted(seven: Path) -> None:
    record = json.loads(invoke("predict", "--json", "--threshold", 1, seven).stdout)
    [row] = csv.DictReader(io.StringIO(invoke("predict", "--csv", seven).stdout))

    assert (record["label"], record["is_digit"], record["accepted"]) == (7, True, False)
    assert (row["is_digit"], row["accepted"]) == ("True", "True")
    assert float(row["not_digit"]) == pytest.approx(record["not_digit"])


@pytest.mark.parametrize("threshold", ["-0.1", "1.1", "high", "nan"])
def test_a_threshold_is_a_share(seven: Path, threshold: str) -> None:
    assert invoke("predict", "--threshold", threshold, seven).exit_code == 2


def size_of(path: Path) -> tuple[str, tuple[int, int]]:
    with Image.open(path) as picture:
        return picture.mode, picture.size


def test_one_picture_is_explained_in_the_file_that_is_named(seven: Path) -> None:
    target = seven.parent / "new" / "why.png"
    result = invoke("predict", "--explain", target, seven)

    assert (result.exit_code, result.stdout) == (0, "7\n")
    assert size_of(target) == ("RGBA", (280, 280))
    assert result.stderr == f"{seven}: explained in {target}\n"


def test_several_pictures_are_explained_in_a_folder_each_under_its_own_name(seven: Path, blank: Path) -> None:
    other = seven.parent / "more"
    other.mkdir()
    (other / "seven.jpg").write_bytes(seven.read_bytes())
    target = seven.parent / "why"
    result = invoke("predict", "--explain", target, seven, blank, other, "-", stdin=seven.read_bytes())

    names = sorted(path.name for path in target.iterdir())
    assert result.exit_code == 1
    assert names == ["seven-explained-2.png", "seven-explained.png", "stdin-explained.png"]
    assert {size_of(path) for path in target.iterdir()} == {("RGBA", (280, 280))}


def test_no_picture_goes_to_standard_output(seven: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    before = sorted(tmp_path.iterdir())
    for line in (
        ["predict", "--explain", "-", seven],
        ["read", "--annotate", "-", seven],
        ["evaluate", "--report", "-"],
    ):
        result = invoke(*line)

        assert result.exit_code == 2
        assert "nothing is written to standard output; name a file or a folder" in result.stderr

    assert sorted(tmp_path.iterdir()) == before


@needs_rights
@pytest.mark.parametrize(("command", "option"), [("predict", "--explain"), ("read", "--annotate")])
def test_a_folder_that_may_not_be_written_to_is_told_by_what_helps(
    seven: Path, tmp_path: Path, request: pytest.FixtureRequest, command: str, option: str
) -> None:
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o555)
    request.addfinalizer(lambda: closed.chmod(0o700))

    line = [*WITHOUT_RIGHTS, *INKDIGIT, command, str(seven), option, str(closed)]
    told = subprocess.run(line, capture_output=True, text=True, check=False)

    assert told.returncode == 3
    assert re.fullmatch(
        rf"Error: {re.escape(str(closed))}/seven-\w+\.png: Permission denied; see who may read and write there\n",
        told.stderr,
    )


def test_several_pictures_are_not_explained_in_one_file(seven: Path) -> None:
    result = invoke("predict", "--explain", "why.png", seven, seven)

    assert result.exit_code == 2
    assert "name a folder" in result.stderr


def test_a_picture_is_not_overwritten_by_its_explanation(seven: Path) -> None:
    before = seven.read_bytes()
    results = [invoke("predict", "--explain", target, seven) for target in (seven, seven.parent)]

    assert [result.exit_code for result in results] == [2, 0]
    assert seven.read_bytes() == before


def test_an_explanation_takes_the_place_of_no_file_unless_told_to(seven: Path) -> None:
    target = seven.parent / "why.png"
    target.write_bytes(b"another")

    refused = invoke("predict", "--explain", target, seven)
    kept = target.read_bytes()
    forced = invoke("predict", "--force", "--explain", target, seven)

    assert (refused.exit_code, refused.stdout) == (3, "")
    assert refused.stderr == f"Error: {target} is there already; name another file, or replace it with --force\n"
    assert (kept, forced.exit_code, size_of(target)) == (b"another", 0, ("RGBA", (280, 280)))


def test_explanations_in_a_folder_take_the_place_of_no_file_unless_told_to(seven: Path) -> None:
    target = seven.parent / "why"
    target.mkdir()
    (target / "seven-explained-2.png").write_bytes(b"another")

    refused = invoke("predict", "--csv", "--explain", target, seven, seven)
    kept = [(path.name, path.read_bytes()) for path in target.iterdir()]
    forced = invoke("predict", "--force", "--explain", target, seven, seven)

    there = target / "seven-explained-2.png"
    assert (refused.exit_code, refused.stdout) == (3, "")
    assert refused.stderr == f"Error: {there} is there already; name another folder, or replace it with --force\n"
    assert kept == [("seven-explained-2.png", b"another")]
    assert (forced.exit_code, size_of(there)) == (0, ("RGBA", (280, 280)))


def test_no_picture_that_is_read_is_overwritten_by_an_explanation(seven: Path) -> None:
    other = seven.parent / "seven-explained.png"
    other.write_bytes(seven.read_bytes())
    result = invoke("predict", "--force", "--explain", seven.parent, seven, other)

    assert result.exit_code == 0
    assert other.read_bytes() == seven.read_bytes()


def test_an_empty_name_is_not_the_current_folder(seven: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(seven.parent)

    result = invoke("predict", "")

    assert (result.exit_code, result.stdout) == (1, "")
    assert "empty" in result.stderr


# --- serve


class Served:
    """Stands in for waitress: remembers what it was given, says it is ready, and serves until the browser is open."""

    def __init__(self) -> None:
        self.serving = threading.Event()

    def __call__(self, app: Flask, settings: Settings, *, on_ready: Callable[[str], None]) -> None:
        self.app = app
        self.settings = settings
        on_ready("http://127.0.0.1:5000/")
        self.serving.set()
        for thread in [thread for thread in threading.enumerate() if thread.name == "browser"]:
            thread.join()


@pytest.fixture
def served(monkeypatch: pytest.MonkeyPatch) -> Served:
    stand_in = Served()
    monkeypatch.setattr(serving, "serve", stand_in)
    monkeypatch.setattr("inkdigit.cli.load_reader", lambda settings: FakeReader(version=settings.reader or "shipped"))
    return stand_in


def test_serving_is_on_this_computer_alone_unless_asked_otherwise(served: Served) -> None:
    result = invoke("serve")

    assert (served.settings.host, served.settings.port) == ("127.0.0.1", 5000)
    assert "http://127.0.0.1:5000/" in result.stdout
    assert result.stderr == ""


def test_options_count_more_than_the_environment(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("INKDIGIT_PORT", "8000")
    monkeypatch.setenv("INKDIGIT_THREADS", "2")
    invoke("serve", "--port", "9000")

    assert (served.settings.port, served.settings.threads) == (9000, 2)


def test_the_reader_of_numbers_can_be_chosen(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("INKDIGIT_READER", "theirs")
    invoke("serve")
    by_variable = state_of(served.app).number_reader().version
    invoke("serve", "--reader", "mine")

    assert (by_variable, state_of(served.app).number_reader().version) == ("theirs", "mine")


def test_without_the_shipped_reader_digits_are_served_and_a_warning_says_why(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    def missing(settings: Settings) -> Any:
        raise ModelError("the shipped model is missing")

    monkeypatch.setattr("inkdigit.cli.load_reader", missing)
    result = invoke("serve")
    asked_for = invoke("serve", "--reader", "mine")

    assert "Warning: no whole numbers will be read: the shipped model is missing\n" in result.stderr
    assert state_of(served.app).reader is None
    assert asked_for.exit_code == 3


def test_an_address_that_others_can_reach_is_refused_without_a_key_and_both_ways_out_are_told(served: Served) -> None:
    result = invoke("serve", "--host", "0.0.0.0")

    assert result.exit_code == 3
    assert not served.serving.is_set()
    assert len(result.stderr.splitlines()) == 1
    assert "inkdigit keys make --name NAME" in result.stderr
    assert "--public" in result.stderr


def test_with_a_key_an_address_that_others_can_reach_is_served(served: Served) -> None:
    invoke("keys", "make", "--name", "app")

    result = invoke("serve", "--host", "0.0.0.0")

    assert (result.exit_code, result.stderr, served.settings.host) == (0, "", "0.0.0.0")


def test_the_admin_key_is_a_key(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("INKDIGIT_ADMIN_KEY", "sesame-open-sesame")

    assert invoke("serve", "--host", "0.0.0.0").exit_code == 0


@pytest.mark.parametrize(("host", "warned"), [("0.0.0.0", True), ("localhost", False), ("127.0.0.2", False)])
def test_a_public_address_is_warned_of(served: Served, host: str, warned: bool) -> None:
    result = invoke("serve", "--public", "--host", host)

    assert result.exit_code == 0
    assert ("Warning" in result.stderr) is warned


def test_keys_for_everybody_need_a_key(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("INKDIGIT_REQUIRE_KEY", "1")
    without = invoke("serve")
    invoke("keys", "make", "--name", "app")

    assert (without.exit_code, invoke("serve").exit_code) == (3, 0)
    assert "INKDIGIT_REQUIRE_KEY is set, and there is no key" in without.stderr


def test_damaged_keys_are_told_before_any_model_is_loaded(served: Served, tmp_path: Path) -> None:
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "keys.json").write_text("{")

    result = invoke("serve")

    assert result.exit_code == 3
    assert "keys.json are damaged" in result.stderr


@pytest.mark.parametrize("opens", [True, False])
def test_the_page_is_opened_on_request(served: Served, monkeypatch: pytest.MonkeyPatch, opens: bool) -> None:
    opened: list[str] = []

    def open_page(url: str) -> bool:
        opened.append(url)
        return opens

    monkeypatch.setattr(webbrowser, "open", open_page)
    result = invoke("serve", "--open")

    assert opened == ["http://127.0.0.1:5000/"]
    assert ("No browser" in result.stderr) is not opens


def test_a_browser_that_holds_its_caller_up_does_not_hold_the_server_up(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    was_served: list[bool] = []

    def read_page(_url: str) -> bool:
        was_served.append(served.serving.wait(timeout=10))
        return True

    monkeypatch.setattr(webbrowser, "open", read_page)
    invoke("serve", "--open")

    assert was_served == [True]


@pytest.mark.parametrize(
    ("option", "value", "says"),
    [
        ("--port", "70000", "70000 is not in the range 0<=x<=65535."),
        ("--port", "80x", "'80x' is not a valid integer."),
        ("--workers", "x", "'x' is neither a number from 1 to 256 nor auto."),
        ("--workers", "0", "'0' is neither a number from 1 to 256 nor auto."),
        ("--workers", "257", "'257' is neither a number from 1 to 256 nor auto."),
    ],
)
def test_a_number_that_cannot_be_is_a_mistake_of_usage(option: str, value: str, says: str) -> None:
    result = invoke("serve", option, value)

    assert result.exit_code == 2
    assert f"Invalid value for '{option}': {says}\n" in result.stderr


def test_a_port_that_is_taken_is_told_with_the_option_that_helps(start: Start) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        process = start("serve", "--port", other.getsockname()[1])
        _, told = process.communicate()

    assert process.returncode == 3
    assert re.fullmatch(rb"Error: port \d+ .*--port.*", told.splitlines()[-1])


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGTERM")
def test_the_server_answers_what_the_command_line_answers_and_ends_on_sigterm(
    start: Start, monkeypatch: pytest.MonkeyPatch, seven: Path
) -> None:
    monkeypatch.setenv("INKDIGIT_DRAIN_NOTICE", "0")
    process = start("serve", "--port", "0")
    assert process.stdout
    url = re.search(rb"http://\S+", process.stdout.readline())
    assert url
    with contextlib.closing(http.client.HTTPConnection(urlsplit(url[0].decode()).netloc)) as connection:
        connection.request("POST", "/api/v1/predict", seven.read_bytes(), {"Content-Type": "image/png"})
        answer = json.loads(connection.getresponse().read())
    process.send_signal(signal.SIGTERM)

    record = json.loads(invoke("predict", "--json", seven).stdout)
    assert {name: record[name] for name in answer} == answer
    assert process.wait() == 0


# --- train and evaluate


@pytest.fixture
def trained(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[Any]:
    """The options of the runs that were asked for; the runs themselves are not done."""
    import inkdigit.training.train as training

    asked: list[Any] = []

    def run(
        options: training.TrainOptions,
        on_progress: Callable[[training.Progress], None],
        on_stage: Callable[[str], None],
    ) -> Path:
        asked.append(options)
        for epoch in (1, 2):
            for step in (1, 2):
                on_progress(training.Progress(epoch, 2, step, 2, 0.5, None if epoch == 1 else 0.99))
        on_stage("Measuring ...")
        return tmp_path / "model"

    monkeypatch.setattr(training, "train", run)
    return asked


def test_training_prints_the_folder_and_shows_its_progress(trained: list[Any], tmp_path: Path) -> None:
    result = invoke("train")

    assert result.stdout == f"{tmp_path / 'model'}\n"
    assert "epoch 2/2" in result.stderr
    assert result.stderr.splitlines()[-2] == "Measuring ..."
    assert "report.html" in result.stderr


def test_an_epoch_ends_with_its_last_step_and_not_with_what_is_done_after_it(
    capsys: pytest.CaptureFixture[str],
) -> None:
    from inkdigit.cli_retrain import ProgressBar
    from inkdigit.training.train import Progress

    with ProgressBar() as bar:
        bar.show(Progress(1, 1, 2, 2, 0.5, None))
        told = capsys.readouterr().err

    assert "2/2" in told
    assert told.endswith("\n")


def test_training_options_are_handed_on(trained: list[Any], tmp_path: Path) -> None:
    given = ["--out", tmp_path / "x", "--from", tmp_path, "--seed", 5, "--epochs", 2, "--minutes", 1.5]
    given += ["--start", tmp_path, "--frozen", 5, "--kept", 0.3]
    invoke("train", *given, "--train-images", 300, "--resume")

    [options] = trained
    assert (options.start, options.frozen, options.kept) == (tmp_path, 5, 0.3)
    assert (options.out, options.source, options.seed, options.epochs) == (tmp_path / "x", tmp_path, 5, 2)
    assert (options.minutes, options.train_images, options.resume) == (1.5, 300, True)


def test_a_model_goes_to_the_models_folder_unless_told_otherwise(trained: list[Any], tmp_path: Path) -> None:
    invoke("train")

    assert trained[0].out == tmp_path / "home" / "mine"


def test_defaults_of_the_command_are_those_of_the_library(trained: list[Any]) -> None:
    from inkdigit.training.train import TrainOptions

    invoke("train")

    assert trained[0] == TrainOptions(out=trained[0].out, command=trained[0].command)


def test_a_preset_sets_what_was_not_given(trained: list[Any]) -> None:
    invoke("train", "--preset", "small", "--epochs", "3")
    invoke("train", "--preset", "quick")

    small, quick = trained
    assert (small.small, small.epochs) == (True, 3)
    assert (quick.small, quick.epochs, quick.width, quick.ink) == (False, 4, 16, 0.25)


def test_training_without_keras_tells_the_line_that_installs_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    result = invoke("train")

    assert result.exit_code == 3
    assert "pip install 'inkdigit[train]'" in result.stderr


def test_an_interrupt_ends_with_code_130(trained: list[Any], monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("inkdigit.training.train.train", interrupted)

    assert invoke("train").exit_code == 130


@pytest.fixture
def labelled(seven: Path) -> Path:
    """A folder with one picture of a seven under 7, and the same under 1."""
    for label in "17":
        (seven.parent / "labelled" / label).mkdir(parents=True)
        (seven.parent / "labelled" / label / "a.png").write_bytes(seven.read_bytes())
    return seven.parent / "labelled"


def test_a_model_is_measured_on_a_folder_of_pictures(labelled: Path) -> None:
    result = invoke("evaluate", "--data", labelled)

    figures = dict(line.split() for line in result.stdout.splitlines())
    assert (figures["n"], figures["errors"], figures["accuracy"]) == ("2", "1", "0.5")
    assert figures["model"] == Recognizer.load().version


def test_figures_can_be_had_as_json_with_the_confusion_matrix(labelled: Path) -> None:
    figures = json.loads(invoke("evaluate", "--data", labelled, "--json").stdout)

    assert figures["n"] == 2
    assert figures["confusion"][1][7] == 1


def test_two_models_stand_in_two_columns_with_the_chance_that_they_are_equal(labelled: Path) -> None:
    result = invoke("evaluate", "--data", labelled, "--against", find_model(None))

    rows = {line.split()[0]: line.split()[1:] for line in result.stdout.splitlines()}
    assert rows["model"] == [Recognizer.load().version] * 2
    assert rows["errors"] == ["1", "1"]
    assert (rows["right_alone"], rows["mcnemar_p"]) == (["0", "0"], ["1"])


def test_a_comparison_in_json_names_the_pictures(labelled: Path) -> None:
    found = json.loads(invoke("evaluate", "--data", labelled, "--against", find_model(None), "--json").stdout)

    assert (found["against"]["only_first"], found["against"]["only_second"]) == ([], [])
    assert found["against"]["n"] == 2


def test_pictures_that_show_no_digit_add_a_table_of_what_a_threshold_lets_in(labelled: Path, blank: Path) -> None:
    (labelled / "none").mkdir()
    blank.rename(labelled / "none" / "blank.png")

    result = invoke("evaluate", "--data", labelled)

    figures, _, table = result.stdout.partition("\n\n")
    assert "non_digits          1" in figures.splitlines()
    assert table.splitlines()[1].split() == [
        "min_confidence", "digits_accepted", "error_accepted", "non_digits_accepted",
    ]  # fmt: skip
    assert all(line.endswith(" 0.0") for line in table.splitlines()[2:])


def test_a_report_is_written_where_it_is_asked_for_and_its_path_is_told(labelled: Path, tmp_path: Path) -> None:
    result = invoke("evaluate", "--data", labelled, "--json", "--report", tmp_path / "mine.html")

    page = (tmp_path / "mine.html").read_text("utf-8")
    assert json.loads(result.stdout)["n"] == 2
    assert f"The report is {tmp_path / 'mine.html'}" in result.stderr
    assert "1/a.png" in page
    assert 'aria-label="Error by placement"' in page


def test_a_report_without_data_tries_nothing_out_on_the_test_images(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    from inkdigit.training import dataset, labelled

    digits = dataset.read_digits(Path(__file__).parent / "data", "t10k")
    monkeypatch.setattr(labelled, "load_mnist", lambda: dataset.Mnist(digits[:0], digits[:3], digits[3:8]))

    assert invoke("evaluate", "--report", tmp_path / "mnist.html").exit_code == 0
    assert "the same 3 digits (MNIST, held out of training)" in (tmp_path / "mnist.html").read_text("utf-8")


def test_a_report_takes_the_place_of_no_file_unless_told_to(labelled: Path, tmp_path: Path) -> None:
    report = tmp_path / "mine.html"
    report.write_text("another")

    refused = invoke("evaluate", "--model", "nowhere", "--report", report)
    kept = report.read_text()
    forced = invoke("evaluate", "--data", labelled, "--report", report, "--force")

    assert refused.exit_code == 3
    assert refused.stderr == f"Error: {report} is there already; name another file, or replace it with --force\n"
    assert (kept, forced.exit_code) == ("another", 0)
    assert "1/a.png" in report.read_text("utf-8")


def test_a_report_in_a_folder_that_is_not_there_is_refused_before_anything_is_read(tmp_path: Path) -> None:
    result = invoke("evaluate", "--model", "nowhere", "--report", tmp_path / "gone" / "mine.html")

    assert result.exit_code == 3
    assert f"{tmp_path / 'gone'} is not a folder" in result.stderr


def test_a_report_that_cannot_be_written_is_refused_before_anything_is_read(tmp_path: Path) -> None:
    report = tmp_path / f"{'long' * 100}.html"  # longer than a name may be
    result = invoke("evaluate", "--model", "nowhere", "--report", report)

    assert result.exit_code == 3
    assert result.stderr.startswith(f"Error: {report}: ")


def test_looking_whether_a_report_can_be_written_changes_nothing(tmp_path: Path) -> None:
    (tmp_path / "old.html").write_text("old")
    for name in ("new.html", "old.html"):
        assert "no model" in invoke("evaluate", "--model", "nowhere", "--force", "--report", tmp_path / name).stderr

    assert [(path.name, path.read_text()) for path in tmp_path.iterdir()] == [("old.html", "old")]


def test_a_folder_that_is_called_after_no_digit_is_named(labelled: Path) -> None:
    for name in ("10", "foo"):
        (labelled / name).mkdir()

    result = invoke("evaluate", "--data", labelled)

    assert result.exit_code == 0
    assert result.stderr == "".join(f"{name}: passed over, since no digit is called so\n" for name in ("10", "foo"))


def test_a_folder_without_labelled_pictures_is_told_with_code_3(tmp_path: Path) -> None:
    result = invoke("evaluate", "--data", tmp_path)

    assert result.exit_code == 3
    assert str(tmp_path) in result.stderr


# --- data


@pytest.fixture
def tiny_mnist(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A folder of IDX files that counts as MNIST for the time of a test; the cache is empty."""
    import hashlib

    import numpy as np

    from inkdigit.training import dataset

    source = tmp_path / "downloads"
    source.mkdir()
    digests = {}
    for name in dataset.DIGESTS:
        contents = dataset.write_idx(np.zeros((3, 28, 28) if "images" in name else 3, np.uint8))
        (source / name).write_bytes(contents)
        digests[name] = hashlib.sha256(contents).hexdigest()
    monkeypatch.setattr(dataset, "DIGESTS", digests)
    monkeypatch.setattr(dataset, "default_cache", lambda: tmp_path / "cache")
    return source


def test_data_is_copied_into_the_cache_and_shown_there(tiny_mnist: Path, tmp_path: Path) -> None:
    fetched = invoke("data", "fetch", "--from", tiny_mnist)
    [folder, *files] = invoke("data", "show").stdout.splitlines()

    assert fetched.stdout.splitlines() == [folder] == [str(tmp_path / "cache")]
    assert [line.split("\t")[0] for line in files] == ["genuine"] * 4


def test_missing_and_damaged_data_are_shown(tiny_mnist: Path, tmp_path: Path) -> None:
    invoke("data", "fetch", "--from", tiny_mnist)
    images, labels = sorted((tmp_path / "cache").glob("t10k-*"))
    images.unlink()
    labels.write_bytes(b"")
    states = {line.split("\t")[-1]: line.split("\t")[0] for line in invoke("data", "show").stdout.splitlines()[1:]}

    assert (states[images.name], states[labels.name]) == ("missing", "damaged")


def test_data_that_is_not_genuine_is_refused(tiny_mnist: Path) -> None:
    next(tiny_mnist.glob("t10k-images*")).write_bytes(b"something else")
    result = invoke("data", "fetch", "--from", tiny_mnist)

    assert result.exit_code == 3
    assert "SHA-256" in result.stderr

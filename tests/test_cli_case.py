import csv
import io
import json
import os
import socket
from pathlib import Path
from typing import NoReturn

import pytest
from click.testing import CliRunner, Result
from PIL import Image

from inkdigit.cases import load_case, load_cases
from inkdigit.cli import main
from inkdigit.drawing import parse_strokes
from inkdigit.image import read_picture
from inkdigit.share import encode

SEVEN = [[80, 70], [200, 70], [130, 230]]
FOUR = [[[120, 50], [70, 160], [210, 160]], [[165, 100], [160, 240]]]
CODE = encode(parse_strokes([SEVEN]))
LINK = f"http://digits.example/#d={CODE}"
NUMBER = encode(parse_strokes([*FOUR, *([[x + dx, y] for x, y in SEVEN] for dx in (150, 310))]))


def invoke(*arguments: object, stdin: bytes = b"") -> Result:
    return CliRunner().invoke(main, [str(argument) for argument in arguments], input=stdin, prog_name="inkdigit")


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in [name for name in os.environ if name.startswith("INKDIGIT_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("INKDIGIT_HOME", str(tmp_path / "home"))


@pytest.fixture
def photo(tmp_path: Path, digit_png: bytes) -> Path:
    (tmp_path / "photo.png").write_bytes(digit_png)
    return tmp_path / "photo.png"


@pytest.fixture
def no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> NoReturn:
        raise AssertionError("a connection was opened, or a name looked up")

    for name in ("connect", "connect_ex", "sendto"):
        monkeypatch.setattr(socket.socket, name, refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)


# --- predict and read


@pytest.mark.usefixtures("no_network")
@pytest.mark.parametrize("shared", [LINK, CODE, f"#d={CODE}"])
def test_a_shared_digit_is_read_without_the_network(shared: str) -> None:
    result = invoke("predict", shared)

    assert (result.exit_code, result.stdout) == (0, "7\n")


@pytest.mark.usefixtures("no_network")
def test_a_link_without_a_drawing_is_an_error_that_says_so_and_the_others_are_read(photo: Path) -> None:
    result = invoke("predict", "https://digits.example/seven.png", LINK, photo)

    assert result.exit_code == 1
    assert result.stdout == f"{LINK}\t7\t{confidence(LINK):.4f}\n{photo}\t7\t{confidence(photo):.4f}\n"
    assert "https://digits.example/seven.png: the link holds no drawing: there is no #d= in it" in result.stderr


def confidence(source: object) -> float:
    return float(json.loads(invoke("predict", "--json", source).stdout)["confidence"])


def test_a_damaged_code_of_any_length_is_told_in_one_short_line() -> None:
    result = invoke("predict", LINK[:-3], "http://digits.example/#d=" + "A" * 200_000)

    damaged, long, summary = result.stderr.splitlines()
    assert result.exit_code == 1
    assert "the code is damaged" in damaged
    assert "longer than any drawing's" in long
    assert max(map(len, (damaged, long, summary))) < 300


def test_a_drawing_of_several_digits_is_read_as_the_number_that_the_page_would_show() -> None:
    assert invoke("predict", NUMBER).stdout == "477\n"
    assert invoke("read", NUMBER).stdout == "477\n"


def test_whether_a_drawing_of_several_digits_is_accepted_stands_in_its_record() -> None:
    sure, unsure = (
        json.loads(invoke("predict", "--json", "--threshold", threshold, NUMBER).stdout) for threshold in (0, 1)
    )

    assert (sure["accepted"], unsure["accepted"]) == (True, False)
    assert "accepted" not in json.loads(invoke("read", "--format", "json", NUMBER).stdout)


def test_a_drawing_of_several_digits_is_said_not_to_be_explained(tmp_path: Path) -> None:
    result = invoke("predict", "--explain", tmp_path / "why.png", NUMBER)

    assert (result.exit_code, result.stdout) == (0, "477\n")
    assert result.stderr == f"{NUMBER[:60]}...: not explained, since it holds several digits\n"
    assert not (tmp_path / "why.png").exists()


def test_a_number_has_the_fields_of_read_in_json_and_its_text_in_a_table() -> None:
    record = json.loads(invoke("predict", "--json", NUMBER).stdout)
    first, second = csv.DictReader(io.StringIO(invoke("predict", "--csv", NUMBER, CODE).stdout))

    assert [number["text"] for number in record["numbers"]] == ["477"]
    assert (first["label"], first["accepted"], first["p7"]) == ("477", "True", "")
    assert (second["label"], second["is_digit"]) == ("7", "True")


def test_why_a_shared_drawing_was_read_so_can_be_written(tmp_path: Path) -> None:
    result = invoke("predict", "--explain", tmp_path / "why", CODE, NUMBER, LINK)

    assert result.exit_code == 0
    assert sorted(path.name for path in (tmp_path / "why").iterdir()) == [
        "drawing-explained-2.png", "drawing-explained.png",
    ]  # fmt: skip


def test_a_file_that_is_named_like_a_code_is_read_as_a_file(
    tmp_path: Path, digit_png: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path(NUMBER).write_bytes(digit_png)

    assert invoke("predict", NUMBER).stdout == "7\n"


# --- case


def test_a_case_is_added_listed_and_checked(tmp_path: Path) -> None:
    cases = tmp_path / "cases"
    added = invoke("case", "add", LINK, "--label", 7, "--name", "seven", "--story", "No bar.", "--cases", cases)
    listed, run = (invoke("case", word, "--cases", cases) for word in ("list", "run"))

    assert (added.exit_code, added.stdout) == (0, f"{cases / 'seven.toml'}\n")
    assert "read right, as 7" in added.stderr
    assert listed.stdout.splitlines()[1].split() == ["seven", "7", "No", "bar."]
    assert (run.exit_code, run.stdout, run.stderr) == (0, "", "1 case: 1 read right.\n")


def test_a_case_that_fails_is_listed_and_the_exit_code_is_1(tmp_path: Path) -> None:
    added = invoke("case", "add", CODE, "--label", "1", "--name", "one", "--story", "A one?", "--cases", tmp_path)
    invoke("case", "add", CODE, "--label", "7", "--name", "seven", "--cases", tmp_path)
    run = invoke("case", "run", "--cases", tmp_path)

    assert added.exit_code == 0
    assert "fails until" in added.stderr
    assert run.exit_code == 1
    assert [line.split() for line in run.stdout.splitlines()] == [
        ["case", "label", "read", "as", "story"],
        ["one", "1", "7", "A", "one?"],
    ]
    assert run.stderr == "2 cases: 1 read right, 1 misread.\n"
    assert invoke("case", "run", "seven", "--cases", tmp_path).exit_code == 0


def test_a_known_misread_passes_until_it_is_read_right(tmp_path: Path) -> None:
    invoke("case", "add", CODE, "--label", "1", "--name", "one", "--known", "--cases", tmp_path)
    passed = invoke("case", "run", "--cases", tmp_path)
    invoke("case", "add", CODE, "--label", "7", "--name", "seven", "--known", "--cases", tmp_path)
    failed = invoke("case", "run", "--cases", tmp_path)

    assert (passed.exit_code, passed.stdout) == (0, "")
    assert failed.exit_code == 1
    assert "seven" in failed.stdout
    assert "take `known` out" in failed.stderr


def test_the_folder_of_cases_can_come_from_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("INKDIGIT_CASES", str(tmp_path / "mine"))
    invoke("case", "add", CODE, "--label", "7", "--name", "seven")

    assert [case.name for case in load_cases(tmp_path / "mine")] == ["seven"]


def test_outside_a_checkout_a_folder_must_be_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    result = invoke("case", "add", CODE, "--label", "7")

    assert result.exit_code == 3
    assert "--cases or INKDIGIT_CASES" in result.stderr


def test_a_picture_can_be_a_case_from_a_file_or_from_standard_input(photo: Path, tmp_path: Path) -> None:
    cases = tmp_path / "cases"
    invoke("case", "add", photo, "--label", "7", "--name", "file", "--cases", cases)
    invoke("case", "add", "-", "--label", "7", "--name", "pipe", "--cases", cases, stdin=photo.read_bytes())

    assert load_case(cases, "file").source is None
    assert (cases / "file.png").read_bytes() == (cases / "pipe.png").read_bytes()
    assert read_picture((cases / "pipe.png").read_bytes()).ink.shape == (280, 280)
    assert invoke("case", "run", "--cases", cases).exit_code == 0


@pytest.mark.parametrize("source", ["nowhere.png", "http://digits.example/", CODE[:-2]])
def test_what_holds_no_drawing_makes_no_case(source: str, tmp_path: Path) -> None:
    result = invoke("case", "add", source, "--label", "7", "--cases", tmp_path / "cases")

    assert result.exit_code == 1
    assert source in result.stderr
    assert not (tmp_path / "cases").exists()


def test_a_folder_is_no_case_whatever_it_holds(photo: Path, tmp_path: Path) -> None:
    result = invoke("case", "add", photo.parent, "--label", "7", "--cases", tmp_path / "cases")

    assert (result.exit_code, result.stderr) == (1, f"{photo.parent}: this is a folder; a case holds one picture\n")


def test_a_label_that_nothing_can_be_read_as_is_a_mistake_of_usage(photo: Path, tmp_path: Path) -> None:
    result = invoke("case", "add", photo, "--label", "x", "--cases", tmp_path / "cases")

    assert result.exit_code == 2
    assert "'x' is no label" in result.stderr
    assert not (tmp_path / "cases").exists()


def test_a_picture_without_ink_is_no_digit(tmp_path: Path) -> None:
    Image.new("L", (50, 50), "white").save(tmp_path / "blank.png")
    added = invoke("case", "add", tmp_path / "blank.png", "--label", "none", "--cases", tmp_path / "cases")

    assert "It is read right, as none" in added.stderr
    assert invoke("case", "run", "--cases", tmp_path / "cases").exit_code == 0


@pytest.mark.parametrize("word", ["add", "run"])
def test_a_name_that_leads_elsewhere_is_refused(word: str, tmp_path: Path) -> None:
    outside = tmp_path / "secret.toml"
    outside.write_text(f'label = "7"\ncode = "{CODE}"')
    arguments = ["add", CODE, "--label", "7", "--name", "../secret"] if word == "add" else ["run", "../secret"]

    result = invoke("case", *arguments, "--cases", tmp_path / "cases")

    assert result.exit_code == 2
    assert "cannot name a case" in result.stderr
    assert outside.read_text().startswith("label")


def test_a_story_cannot_steer_the_terminal(tmp_path: Path) -> None:
    invoke("case", "add", CODE, "--label", "7", "--name", "seven", "--story", "a\x1b[2Jb\nc", "--cases", tmp_path)

    assert r"a\x1b[2Jb\nc" in invoke("case", "list", "--cases", tmp_path).stdout

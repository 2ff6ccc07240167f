import json
import os
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from inkdigit.cli import main
from inkdigit.config import VARIABLES

SECRET = "sesame-open-sesame"


@pytest.fixture(autouse=True)
def nothing_set(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("INKDIGIT_")]:
        monkeypatch.delenv(name)


def invoke(*arguments: str) -> Result:
    return CliRunner().invoke(main, ["config", *arguments])


def shown() -> dict[str, tuple[object, str]]:
    lines = [json.loads(line) for line in invoke("--json").stdout.splitlines()]
    return {one["variable"]: (one["value"], one["source"]) for one in lines}


def test_every_setting_is_shown_with_its_default_and_where_things_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    found = shown()

    assert list(found) == list(VARIABLES)
    assert {source for _, source in found.values()} == {"default"}
    assert found["INKDIGIT_PORT"] == (5000, "default")
    home = Path(str(found["INKDIGIT_HOME"][0]))
    assert found["INKDIGIT_KEYS"] == (str(home / "keys.json"), "default")
    assert found["INKDIGIT_DATABASE"] == (str(home.parent / "feedback.sqlite"), "default")


def test_what_is_set_is_told_from_defaults(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "database").write_text("corrections.sqlite\n", "utf-8")
    monkeypatch.setenv("INKDIGIT_PORT", "8000")
    monkeypatch.setenv("INKDIGIT_DATABASE_FILE", str(tmp_path / "database"))
    monkeypatch.setenv("INKDIGIT_HOST", "")

    found = shown()

    assert found["INKDIGIT_PORT"] == (8000, "environment")
    assert found["INKDIGIT_DATABASE"] == ("corrections.sqlite", str(tmp_path / "database"))
    assert found["INKDIGIT_HOST"] == ("127.0.0.1", "default")  # an empty variable counts as unset


@pytest.mark.parametrize("options", [(), ("--json",)])
def test_keys_and_passwords_are_hidden(monkeypatch: pytest.MonkeyPatch, options: tuple[str, ...]) -> None:
    monkeypatch.setenv("INKDIGIT_ADMIN_KEY", SECRET)
    monkeypatch.setenv("INKDIGIT_DATABASE", f"postgresql+psycopg://user:{SECRET}@host/name?password={SECRET}")

    result = invoke(*options)

    assert result.exit_code == 0
    assert SECRET not in result.output
    assert result.output.count("(hidden)") == 2


def test_the_table_is_written_as_the_variables_are(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("INKDIGIT_PUBLIC", "yes")
    monkeypatch.setenv("INKDIGIT_WORKERS", "auto")
    monkeypatch.setenv("INKDIGIT_TRUSTED_HOSTS", "a.example, b.example")

    lines = [line.split() for line in invoke().stdout.splitlines()]

    assert lines[0] == ["variable", "value", "from"]
    assert ["INKDIGIT_PUBLIC", "1", "environment"] in lines
    assert ["INKDIGIT_WORKERS", "auto", "environment"] in lines
    assert ["INKDIGIT_TRUSTED_HOSTS", "a.example,b.example", "environment"] in lines
    assert ["INKDIGIT_ADMIN_KEY", "default"] in lines


def test_a_slip_in_a_name_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("INKDIGIT_PROT", "8000")
    monkeypatch.setenv("INKDIGIT_CASES", "cases")
    monkeypatch.setenv("INKDIGIT_ADMIN_KEY_FILE", "")

    result = invoke()

    assert result.stderr == "INKDIGIT_PROT is no setting; did you mean INKDIGIT_PORT?\n"


@pytest.mark.parametrize(
    ("variable", "value", "says"),
    [
        ("INKDIGIT_MODEL", "nope", "no model at nope"),
        ("INKDIGIT_READER", "nope", "no model at nope"),
        ("INKDIGIT_MODEL", "lines-7", "is a reader of whole numbers, no model of digits; --reader takes it"),
        ("INKDIGIT_READER", "digits-8", "is a model of digits, no reader of whole numbers; --model takes it"),
        ("INKDIGIT_MODEL", ".", "is not"),
        ("INKDIGIT_DATABASE", f"mysql://user:{SECRET}@host/name", "or a database of PostgreSQL"),
        ("INKDIGIT_DATABASE", f"postgresql+psycopg://user:{SECRET}@host:port/name", "a port that is no number"),
    ],
)
def test_a_model_or_a_database_that_a_server_could_not_load_is_told(
    monkeypatch: pytest.MonkeyPatch, variable: str, value: str, says: str
) -> None:
    monkeypatch.setenv(variable, value)

    result = invoke()

    assert result.exit_code == 3
    assert result.stderr.startswith(f"Error: {variable}: ")
    assert says in result.stderr
    assert SECRET not in result.stderr


def test_a_value_that_cannot_work_is_told_as_by_the_server(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("INKDIGIT_PORT", "seven")

    result = invoke()

    assert (result.exit_code, result.stdout) == (3, "")
    assert "INKDIGIT_PORT must be a number, not 'seven'" in result.stderr

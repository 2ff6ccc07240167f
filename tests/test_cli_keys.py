import json
import os
import shlex
import subprocess
from datetime import UTC, datetime
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from tests.processes import INKDIGIT

from inkdigit.access import KeyFile, Scope, digest_of
from inkdigit.cli import main


@pytest.fixture(autouse=True)
def home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    for name in [name for name in os.environ if name.startswith("INKDIGIT_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("INKDIGIT_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


def invoke(*arguments: str) -> Result:
    return CliRunner().invoke(main, ["keys", *arguments])


def test_the_key_alone_goes_to_standard_output(home: Path) -> None:
    result = invoke("make", "--name", "app", "--scope", "predict", "--scope", "feedback", "--limit", "600/min")

    [kept] = KeyFile(home / "keys.json").read()
    key = result.stdout.removesuffix("\n")
    assert digest_of(key) == kept.digest
    assert (kept.name, set(kept.scopes), str(kept.limit)) == ("app", {Scope.PREDICT, Scope.FEEDBACK}, "600/min")
    assert result.stderr == f"Key {kept.id} for app: feedback and predict. It is shown this once; keep it safe.\n"


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no device that is always full")
@pytest.mark.parametrize(("output", "code"), [(">&-", 1), ("> /dev/full", 3)])
def test_a_key_that_nobody_has_seen_is_taken_back(home: Path, output: str, code: int) -> None:
    invoke("make", "--name", "app")
    line = shlex.join([*INKDIGIT, "keys", "make", "--name", "lost"])

    told = subprocess.run(["sh", "-c", f"{line} {output}"], stderr=subprocess.PIPE, text=True, check=False)

    assert told.returncode == code
    assert "taken back" in told.stderr
    assert [key.name for key in KeyFile(home / "keys.json").read()] == ["app"]


def test_a_key_can_do_the_least_and_lasts_unless_asked_otherwise(home: Path) -> None:
    invoke("make", "--name", "app")

    [kept] = KeyFile(home / "keys.json").read()
    assert (set(kept.scopes), kept.expires, kept.limit) == ({Scope.PREDICT}, None, None)


def test_the_file_can_be_elsewhere(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("INKDIGIT_KEYS", str(tmp_path / "mine.json"))
    invoke("make", "--name", "app")

    assert [key.name for key in KeyFile(tmp_path / "mine.json").read()] == ["app"]


def test_the_list_shows_all_but_the_keys() -> None:
    first = invoke("make", "--name", "app", "--expires", "7").stdout.strip()
    invoke("make", "--name", "teacher", "--scope", "admin")
    invoke("revoke", first.split("_")[1])

    listed, records = invoke("list").stdout, invoke("list", "--json").stdout
    rows = [json.loads(line) for line in records.splitlines()]
    assert [(row["name"], row["scopes"], row["state"]) for row in rows] == [
        ("app", ["predict"], "revoked"),
        ("teacher", ["admin"], "good"),
    ]
    assert [line.split()[0] for line in listed.splitlines()] == ["id", rows[0]["id"], rows[1]["id"]]
    assert datetime.now(UTC).isoformat()[:10] in listed
    assert first.split("_", 2)[2] not in listed + records
    assert digest_of(first).hex() not in listed + records


def test_revoking_tells_which_ids_there_are_not_and_does_the_others(home: Path) -> None:
    key = invoke("make", "--name", "app").stdout.split("_")[1]

    result = invoke("revoke", "00000000", key)

    assert result.exit_code == 1
    assert "there is no key '00000000'" in result.stderr
    assert f"{key}: revoked, app" in result.stderr
    assert KeyFile(home / "keys.json").read()[0].revoked is not None


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (["make"], 2, "--name"),
        (["make", "--name", "app", "--scope", "root"], 2, "root"),
        (["make", "--name", "app", "--limit", "lots"], 2, "600/min"),
        (["make", "--name", "app", "--expires", "0"], 2, "1 to 3650 days"),
        (["make", "--name", "\x1b[2J"], 2, "can be printed"),
        (["revoke"], 2, "ID"),
    ],
)
def test_mistakes_are_told_and_nothing_is_made(home: Path, arguments: list[str], code: int, says: str) -> None:
    result = invoke(*arguments)

    assert (result.exit_code, result.stdout) == (code, "")
    assert says in result.stderr
    assert not (home / "keys.json").exists()


def test_damaged_keys_are_one_line_and_a_code(home: Path) -> None:
    home.mkdir()
    (home / "keys.json").write_text("{")

    result = invoke("list")

    assert (result.exit_code, len(result.stderr.splitlines())) == (3, 1)
    assert "damaged" in result.stderr

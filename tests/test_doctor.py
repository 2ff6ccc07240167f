import json
import os
import socket
import sqlite3
import subprocess
import sys
import tomllib
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from click.testing import CliRunner
from tests.processes import INKDIGIT, WITHOUT_RIGHTS, needs_rights
from tests.versions import make_version

from inkdigit import doctor
from inkdigit.access import KeyFile, Scope
from inkdigit.cli import main
from inkdigit.config import Settings
from inkdigit.doctor import CHECKS, Finding, Installation, Level, examine
from inkdigit.feedback import FeedbackStore, Submission
from inkdigit.feedback.database import Database
from inkdigit.feedback.schema import migrate
from inkdigit.registry import promote

KEY = "Kq7w-2mZr_9tXv4LpB"
Examine = Callable[..., dict[str, Finding]]
POSIX = pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such rights")


@pytest.fixture
def quick(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Examine:
    """Examines all but the models, which take processes of their own; the worst finding about each thing counts."""
    monkeypatch.setattr(doctor, "CHECKS", [check for check in CHECKS if check.__name__ not in {"_models", "_reader"}])
    (tmp_path / "home").mkdir(mode=0o700)

    def run(**settings: object) -> dict[str, Finding]:
        found = Settings(**{"port": 0} | settings)  # type: ignore[arg-type]
        database = found.database or tmp_path / "feedback.sqlite"
        findings = examine(Installation(found, tmp_path / "home", KeyFile(tmp_path / "home" / "keys.json"), database))
        return {one.about: one for one in sorted(findings, key=lambda one: list(Level).index(one.level))}

    return run


def test_a_fresh_installation_is_well_with_the_shipped_models(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("INKDIGIT_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("INKDIGIT_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("INKDIGIT_PORT", "0")

    result = CliRunner().invoke(main, ["doctor", "--json"])

    findings = [json.loads(line) for line in result.stdout.splitlines()]
    assert result.exit_code == 0, result.stdout
    assert {one["level"] for one in findings} <= {"fine", "note"}
    assert {"python", "packages", "model digits-8", "model lines-7", "store", "address"} <= {
        one["about"] for one in findings
    }
    assert list(tmp_path.iterdir()) == []


@pytest.fixture
def models(tmp_path: Path) -> Callable[[], dict[str, Finding]]:
    """Examines the models alone."""

    def run() -> dict[str, Finding]:
        home = tmp_path / "home"
        found = doctor._models(Installation(Settings(), home, KeyFile(home / "keys.json"), tmp_path / "none"))
        return {one.about: one for one in found}

    return run


@pytest.mark.parametrize("name", ["model.onnx", "card.json"])
def test_a_promoted_version_that_is_damaged_is_broken_though_another_one_reads(
    models: Callable[[], dict[str, Finding]], tmp_path: Path, name: str
) -> None:
    folder = make_version(tmp_path / "home", "mine")
    promote("small-3", tmp_path / "home")
    promote("mine", tmp_path / "home")
    whole = models()
    with (folder / name).open("ab") as file:
        file.write(b"x")
    damaged = models()

    assert "(current)" in whole["model mine"].text
    assert damaged["model mine"].level is Level.BROKEN
    assert "another one reads in its place" in damaged["model mine"].text
    assert damaged["model small-3"].text.endswith("(current)")


def test_a_promoted_version_that_is_gone_is_broken(models: Callable[[], dict[str, Finding]], tmp_path: Path) -> None:
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "current").write_text("mine\n")

    assert models()["model mine"].level is Level.BROKEN


def test_a_version_that_nobody_promoted_is_only_noted_where_it_is_damaged(
    models: Callable[[], dict[str, Finding]], tmp_path: Path
) -> None:
    (make_version(tmp_path / "home", "mine") / "model.onnx").write_bytes(b"")

    assert models()["model mine"].level is Level.NOTE


def test_one_is_not_told_as_several(quick: Examine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "core_count", lambda: 1)

    assert quick(threads=4)["cores"].text == "1 core, 1 worker of 4 threads"


def test_every_finding_that_is_not_fine_names_a_remedy(quick: Examine) -> None:
    findings = quick(host="0.0.0.0", admin_key="a" * 16, trusted_hosts=("x.example",), workers=200, public=True)

    assert [one for one in findings.values() if one.level is not Level.FINE and not one.remedy] == []
    assert {one.about for one in findings.values() if one.level is Level.UNSAFE} == {"admin key", "address"}


def test_a_server_that_would_not_start_is_broken(quick: Examine) -> None:
    assert quick(host="0.0.0.0")["address"].level is Level.BROKEN
    assert quick(require_key=True)["address"].level is Level.BROKEN
    assert quick(trusted_hosts=("digits.example.org",))["address"].level is Level.UNSAFE
    assert quick(host="0.0.0.0", admin_key=KEY)["address"].level is Level.FINE


@pytest.mark.parametrize("port", ["1", "port"])
def test_neither_keys_nor_passwords_are_told(quick: Examine, tmp_path: Path, port: str) -> None:
    made = KeyFile(tmp_path / "home" / "keys.json").make("app", [Scope.ADMIN])[1]
    url = f"postgresql+psycopg://inkdigit:pass-of-mine@127.0.0.1:{port}/nothing"
    findings = quick(admin_key=KEY, database=url)

    told = "".join(f"{one.text}{one.remedy}" for one in findings.values())
    assert findings["store"].level is Level.BROKEN
    assert [secret for secret in (KEY, made, made[-20:], "pass-of-mine") if secret in told] == []


def test_damaged_keys_are_broken_and_the_rest_is_examined_all_the_same(quick: Examine, tmp_path: Path) -> None:
    (tmp_path / "home" / "keys.json").write_text("{")
    findings = quick()

    assert findings["keys"].level is Level.BROKEN
    assert "damaged" in findings["keys"].text
    assert findings["clock"].level is Level.FINE


def test_a_damaged_store_is_broken(quick: Examine, tmp_path: Path) -> None:
    file = tmp_path / "feedback.sqlite"
    with FeedbackStore.open(file) as store:
        for number in range(200):
            store.add(Submission(number % 10, 7, 0.9, "fake-1", b"drawing" * 40))
    whole = quick()["store"]
    with closing(sqlite3.connect(file)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
    with file.open("r+b") as written:
        written.seek(file.stat().st_size // 2)
        written.write(os.urandom(20_000))

    assert (whole.level, quick()["store"].level) == (Level.FINE, Level.BROKEN)


def test_a_database_in_which_nothing_was_kept_is_well(quick: Examine, tmp_path: Path) -> None:
    missing = quick()["store"]
    (tmp_path / "feedback.sqlite").touch(mode=0o600)
    empty = quick()["store"]

    assert (missing.level, missing.text) == (Level.FINE, "none yet; the first correction makes it")
    assert empty == missing


def test_of_an_older_store_doctor_says_to_migrate_it_and_nothing_else(quick: Examine, tmp_path: Path) -> None:
    with closing(Database(tmp_path / "feedback.sqlite")) as older:
        migrate(older, to=1)
    store = quick()["store"]

    assert store.level is Level.BROKEN
    assert store.text.endswith("run `inkdigit feedback migrate`")
    assert store.remedy == "see the message"


@POSIX
def test_files_that_others_may_open_are_unsafe(quick: Examine, tmp_path: Path) -> None:
    FeedbackStore.open(tmp_path / "feedback.sqlite").close()
    (tmp_path / "feedback.sqlite").chmod(0o644)
    (tmp_path / "home").chmod(0o777)
    findings = quick()

    assert findings["store"].level is findings["home"].level is Level.UNSAFE
    assert findings["store"].remedy.startswith("run: chmod 600")


@needs_rights
def test_a_place_in_which_nothing_can_be_made_is_told(tmp_path: Path, request: pytest.FixtureRequest) -> None:
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o555)
    request.addfinalizer(lambda: closed.chmod(0o700))
    settings = {"INKDIGIT_HOME": str(closed / "new" / "models"), "INKDIGIT_PORT": "0"}

    line = [*WITHOUT_RIGHTS, *INKDIGIT, "doctor", "--json"]
    told = subprocess.run(line, capture_output=True, text=True, check=False, env=os.environ | settings)

    levels = {one["about"]: one["level"] for one in map(json.loads, told.stdout.splitlines())}
    assert (told.returncode, levels["store"], levels["home"]) == (3, "broken", "note")


def test_every_extra_is_looked_for_and_one_that_is_needed_is_missed(
    quick: Examine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "opentelemetry.sdk", None)
    findings = quick(tracing=True)

    with (Path(__file__).parents[1] / "pyproject.toml").open("rb") as file:
        extras = tomllib.load(file)["project"]["optional-dependencies"].keys() - {"test"}
    assert {about.removeprefix("extra ") for about in findings if about.startswith("extra ")} == extras
    assert findings["extra otel"].level is Level.BROKEN


def test_a_port_that_is_taken_is_noted(quick: Examine) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        assert quick(port=other.getsockname()[1])["port"].level is Level.NOTE


@pytest.mark.parametrize("host", ["999.1.1.1", "192.0.2.1", "2001:db8::1", "a..b"])
def test_an_address_on_which_no_server_can_start_is_broken(quick: Examine, host: str) -> None:
    findings = quick(host=host, admin_key=KEY)

    assert findings["port"].level is Level.BROKEN
    assert host in findings["port"].text


def has_ipv6() -> bool:
    try:
        socket.create_server(("::1", 0), family=socket.AF_INET6).close()
    except OSError:
        return False
    return True


@pytest.mark.skipif(not has_ipv6(), reason="this machine has no IPv6")
def test_an_address_of_ipv6_is_as_good_as_another(quick: Examine) -> None:
    assert quick(host="::1")["port"].level is Level.FINE


def test_a_full_disk_and_a_clock_that_stands_are_found(quick: Examine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shutil.disk_usage", lambda _: type("Usage", (), {"free": 10 * 2**20}))
    monkeypatch.setattr("inkdigit.doctor.time.time", lambda: 0.0)
    findings = quick()

    assert (findings["disk of home"].level, findings["clock"].level) == (Level.BROKEN, Level.UNSAFE)


@pytest.mark.parametrize(("host", "code"), [("127.0.0.1", 0), ("0.0.0.0", 3)])
def test_the_exit_code_tells_the_worst(quick: Examine, monkeypatch: pytest.MonkeyPatch, host: str, code: int) -> None:
    monkeypatch.setattr(doctor, "CHECKS", [doctor._address])
    monkeypatch.setenv("INKDIGIT_HOST", host)
    result = CliRunner().invoke(main, ["doctor"])

    assert result.exit_code == code
    assert ("inkdigit keys make" in result.stderr) is (code == 3)

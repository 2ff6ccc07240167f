import json
import os
import stat
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from inkdigit.access import MARK, MAX_DAYS, MAX_FILE_BYTES, Key, KeyFile, Limit, Scope, digest_of, id_in
from inkdigit.errors import ConfigError, KeysError

POSIX = pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such rights")


@pytest.fixture
def file(tmp_path: Path) -> KeyFile:
    return KeyFile(tmp_path / "home" / "keys.json")


# --- making and revoking


def test_where_there_is_no_file_there_are_no_keys(file: KeyFile) -> None:
    assert file.read() == ()


def test_a_key_is_kept_as_its_hash_and_nowhere_else(file: KeyFile) -> None:
    made, key = file.make("app", [Scope.PREDICT], limit=Limit.parse("600/min"), days=30)

    assert file.read() == (made,)
    assert made.digest == digest_of(key)
    assert made.limit == Limit(600, 60)
    assert made.expires == made.created + timedelta(days=30)
    assert id_in(key) == made.id
    assert key.rpartition("_")[2] not in file.path.read_text("utf-8")


def test_no_two_keys_are_alike_and_each_has_256_random_bits(file: KeyFile) -> None:
    keys = [file.make("app", [Scope.PREDICT])[1] for _ in range(5)]

    assert len(set(keys)) == 5
    assert all(key.startswith(f"{MARK}_") and len(key.split("_", 2)[2]) == 43 for key in keys)  # 43 x 6 bits


@POSIX
def test_the_file_is_its_owners_alone_whatever_the_umask(file: KeyFile) -> None:
    before = os.umask(0)
    try:
        file.make("app", [Scope.PREDICT])
        left_by_a_crash = file.path.with_name(".keys.json.new")
        left_by_a_crash.write_bytes(b"half")
        file.make("other", [Scope.ADMIN])
    finally:
        os.umask(before)

    assert stat.S_IMODE(file.path.stat().st_mode) == 0o600
    assert len(file.read()) == 2


def test_a_revoked_key_stays_known_and_stays_revoked(file: KeyFile) -> None:
    made, _ = file.make("app", [Scope.PREDICT])
    first = file.revoke(made.id)
    second = file.revoke(made.id)

    assert first.revoked is not None
    assert (file.read(), second) == ((first,), first)


def test_an_unknown_key_cannot_be_revoked(file: KeyFile) -> None:
    with pytest.raises(ConfigError, match="there is no key '00000000'"):
        file.revoke("00000000")


@pytest.mark.parametrize("name", ["", " app", "a" * 65, "a\nb", "\x1b[2J"])
def test_a_name_that_cannot_be_shown_is_refused(file: KeyFile, name: str) -> None:
    with pytest.raises(ConfigError, match="1 to 64 characters"):
        file.make(name, [Scope.PREDICT])


@pytest.mark.parametrize("days", [0, -1, MAX_DAYS + 1])
def test_a_key_expires_within_reason(file: KeyFile, days: int) -> None:
    with pytest.raises(ConfigError, match="expires after 1 to"):
        file.make("app", [Scope.PREDICT], days=days)


def test_a_key_without_a_scope_is_refused(file: KeyFile) -> None:
    with pytest.raises(ConfigError, match="needs a scope"):
        file.make("app", [])


@pytest.mark.parametrize("text", ["", "600", "0/min", "-1/s", "1.5/s", "600/day", "600/min ", "1e3/s"])
def test_what_is_no_limit_is_refused(text: str) -> None:
    with pytest.raises(ConfigError, match="is no limit"):
        Limit.parse(text)


@pytest.mark.parametrize("text", ["600/min", "10/s", "5000/h"])
def test_a_limit_is_written_as_it_was_read(text: str) -> None:
    assert str(Limit.parse(text)) == text


def test_a_key_is_good_until_it_expires_or_is_revoked(file: KeyFile) -> None:
    key, _ = file.make("app", [Scope.PREDICT], days=1)
    late, soon = key.created + timedelta(days=1), key.created + timedelta(hours=23)

    assert [key.standing(soon), key.standing(late)] == ["good", "expired"]
    assert replace(key, revoked=soon).standing(soon) == "revoked"


def test_admin_covers_the_other_scopes_and_they_cover_themselves_alone() -> None:
    keys = {scope: Key("0" * 8, "x", frozenset({scope}), b"", datetime.now(UTC)) for scope in Scope}

    assert {scope: [other for other in Scope if key.permits(other)] for scope, key in keys.items()} == {
        Scope.PREDICT: [Scope.PREDICT],
        Scope.FEEDBACK: [Scope.FEEDBACK],
        Scope.ADMIN: list(Scope),
    }


def test_programs_that_make_keys_at_the_same_time_lose_none(file: KeyFile) -> None:
    program = (
        "import sys; from pathlib import Path; from inkdigit.access import KeyFile, Scope\n"
        "for _ in range(4): KeyFile(Path(sys.argv[1])).make('app', [Scope.PREDICT])"
    )
    running = [subprocess.Popen([sys.executable, "-c", program, str(file.path)]) for _ in range(2)]

    assert [process.wait() for process in running] == [0, 0]
    assert len({key.id for key in file.read()}) == 8


# --- a file that cannot be trusted


def rewritten(file: KeyFile, change: Callable[[dict[str, Any]], Any]) -> None:
    contents = json.loads(file.path.read_text("utf-8"))
    change(contents)
    file.path.write_text(json.dumps(contents), "utf-8")


@pytest.mark.parametrize(
    "change",
    [
        lambda found: found.update(version=2),
        lambda found: found.pop("version"),
        lambda found: found.update(keys=None),
        lambda found: found.update(more=1),
        lambda found: found["keys"].append(found["keys"][0]),
        lambda found: found["keys"].append("key"),
        lambda found: found["keys"][0].pop("revoked"),
        lambda found: found["keys"][0].update(only_from="10.0.0.0/8"),
        lambda found: found["keys"][0].update(id="../../etc"),
        lambda found: found["keys"][0].update(id=7),
        lambda found: found["keys"][0].update(scopes=[]),
        lambda found: found["keys"][0].update(scopes=["root"]),
        lambda found: found["keys"][0].update(scopes=None),
        lambda found: found["keys"][0].update(sha256="00"),
        lambda found: found["keys"][0].update(sha256="z" * 64),
        lambda found: found["keys"][0].update(expires="2026-13-01T00:00:00+00:00"),
        lambda found: found["keys"][0].update(expires="2027-01-01T00:00:00"),
        lambda found: found["keys"][0].update(expires=7),
        lambda found: found["keys"][0].update(revoked=""),
        lambda found: found["keys"][0].update(limit="many"),
        lambda found: found["keys"][0].update(name="\x1b[2J"),
    ],
)
def test_a_file_with_something_in_it_that_is_not_known_lets_nobody_in(file: KeyFile, change: Any) -> None:
    file.make("app", [Scope.PREDICT])
    rewritten(file, change)

    with pytest.raises(KeysError, match=r"keys\.json are damaged .* let nobody in"):
        file.read()


@pytest.mark.parametrize(
    "contents",
    [b"", b"{", b"[]", b"null", b"7", b"\xff\xfe", b"[" * 100_000, b'{"version": 1}', b" " * (MAX_FILE_BYTES + 1)],
)
def test_a_file_that_is_something_else_lets_nobody_in(file: KeyFile, contents: bytes) -> None:
    file.path.parent.mkdir()
    file.path.write_bytes(contents)

    with pytest.raises(KeysError, match="are damaged"):
        file.read()


def test_half_a_file_lets_nobody_in_wherever_it_ends(file: KeyFile) -> None:
    file.make("app", [Scope.PREDICT])
    whole = file.path.read_bytes()
    for end in range(0, len(whole) - 2, 7):
        file.path.write_bytes(whole[:end])
        with pytest.raises(KeysError, match="are damaged"):
            file.read()


def test_a_damaged_file_is_not_written_over(file: KeyFile) -> None:
    file.path.parent.mkdir()
    file.path.write_bytes(b"{")

    with pytest.raises(KeysError):
        file.make("app", [Scope.PREDICT])
    assert file.path.read_bytes() == b"{"


@POSIX
@pytest.mark.parametrize("mode", [0o620, 0o602, 0o666])
def test_a_file_that_others_may_write_to_lets_nobody_in(file: KeyFile, mode: int) -> None:
    file.make("app", [Scope.PREDICT])
    file.path.chmod(mode)

    with pytest.raises(KeysError, match=r"others may write .* chmod 600"):
        file.read()


def test_a_folder_in_the_place_of_the_file_lets_nobody_in(file: KeyFile) -> None:
    file.path.mkdir(parents=True)

    with pytest.raises(KeysError, match="cannot be read"):
        file.read()


def test_a_place_that_cannot_be_written_to_is_told_with_the_remedy(tmp_path: Path) -> None:
    (tmp_path / "home").write_text("a file")

    with pytest.raises(KeysError, match=r"cannot be written .* INKDIGIT_KEYS"):
        KeyFile(tmp_path / "home" / "keys.json").make("app", [Scope.PREDICT])

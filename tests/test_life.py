"""A server's life under a supervisor, as systemd or a container engine leads it: real processes and real signals."""

import http.client
import itertools
import json
import os
import re
import shlex
import shutil
import signal
import sqlite3
import subprocess
import sys
from pathlib import Path
from typing import Any, Final

import pytest
from tests.processes import INKDIGIT, PATIENCE, Server, serving, wait_for
from tests.server.conftest import data_url
from tests.versions import make_version

from inkdigit.recognizer import find_model
from inkdigit.registry import promote

pytestmark = pytest.mark.skipif(os.name != "posix", reason="supervisors elsewhere send no signals")

UNIT: Final = (Path(__file__).parent.parent / "deploy" / "systemd" / "inkdigit.service").read_text("utf-8")
SHIPPED: Final = find_model(None).name


def ask(server: Server, path: str, body: bytes, kind: str = "image/png") -> tuple[int, dict[str, Any]]:
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=PATIENCE)
    connection.request("POST", path, body, {"Content-Type": kind, "Connection": "close"})
    response = connection.getresponse()
    status, answer = response.status, json.loads(response.read())
    connection.close()
    return status, answer


def version_of(server: Server, picture: bytes) -> str:
    return str(ask(server, "/api/v1/predict", picture)[1]["model"])


def hand_in(server: Server, picture: bytes) -> int:
    drawing = {"image": data_url(picture), "label": 7, "predicted": 1, "model": SHIPPED, "consent": True}
    return ask(server, "/api/v1/feedback", json.dumps(drawing).encode(), "application/json")[0]


def signal_of(directive: str) -> int:
    """The signal that the unit sends."""
    found = re.search(rf"^{directive}=(?:/bin/kill -(\w+) \$MAINPID|SIG(\w+))$", UNIT, re.MULTILINE)
    assert found is not None
    return signal.Signals[f"SIG{found[1] or found[2]}"]


def test_it_starts_reloads_and_stops_by_the_signals_of_the_unit(tmp_path: Path, digit_png: bytes) -> None:
    make_version(tmp_path / "models", "one")
    with serving(tmp_path, drain_notice=0) as server:
        at_first = version_of(server, digit_png)
        promote("one", tmp_path / "models")
        server.process.send_signal(signal_of("ExecReload"))
        wait_for(lambda: version_of(server, digit_png) == "one")
        for _ in range(20):  # one reload after the other harms nothing
            server.process.send_signal(signal_of("ExecReload"))
        after = ask(server, "/api/v1/predict", digit_png)[0]
        server.process.send_signal(signal_of("KillSignal"))
        code = server.process.wait(PATIENCE)

    assert (at_first, after, code) == (SHIPPED, 200, 0)


def test_after_a_crash_it_starts_on_the_same_port_at_once_and_has_all_that_it_acknowledged(
    tmp_path: Path, digit_png: bytes
) -> None:
    with serving(tmp_path) as first:
        kept = [hand_in(first, digit_png) for _ in range(3)]
        held = http.client.HTTPConnection("127.0.0.1", first.port, timeout=PATIENCE)
        held.connect()  # a client that was there when it died
        first.process.kill()
        code = first.process.wait(PATIENCE)
    with serving(tmp_path, port=first.port) as again:
        answered, one_more = version_of(again, digit_png), hand_in(again, digit_png)
    held.close()

    with sqlite3.connect(tmp_path / "feedback.sqlite") as store:
        rows = store.execute("SELECT count(*) FROM inkdigit_drawings").fetchone()[0]
        checked = store.execute("PRAGMA integrity_check").fetchone()[0]
    assert (code, kept, one_more) == (-signal.SIGKILL, [201] * 3, 201)
    assert (again.port, answered) == (first.port, SHIPPED)
    assert (rows, checked) == (4, "ok")


@pytest.mark.parametrize(("setting", "value"), [("port", "many"), ("model", "gone"), ("admin_key_file", "/gone")])
def test_a_wrong_setting_ends_it_with_a_code_of_its_own_and_one_line(setting: str, value: str, tmp_path: Path) -> None:
    base = {name: text for name, text in os.environ.items() if not name.startswith("INKDIGIT_")}
    environment = base | {f"INKDIGIT_{setting.upper()}": value, "PYTHONPATH": str(Path(__file__).parents[1] / "src")}

    ended = subprocess.run([*INKDIGIT, "serve"], env=environment, cwd=tmp_path, capture_output=True, text=True)

    assert ended.returncode == 3  # not 1 or 2, which a supervisor may take for other things
    assert len(ended.stderr.splitlines()) == 1


# --- with nothing that it does not need

SHUT: Final = """
mount --bind "$1" "$1"
awk '{ print $5 }' /proc/self/mountinfo | while read -r place; do
  case "$place" in "$1" | /dev* | /proc*) ;; *) mount -o remount,bind,ro "$place" 2>/dev/null || true ;; esac
done
shift
exec setpriv --no-new-privs --bounding-set=-all --inh-caps=-all "$@"
"""
"""Runs a command with a file system that is read-only but for one folder, and without capabilities."""


def _may_shut() -> bool:
    if sys.platform != "linux" or not (shutil.which("unshare") and shutil.which("setpriv")):
        return False
    return subprocess.run(["unshare", "--mount", "true"], capture_output=True).returncode == 0


@pytest.mark.skipif(not _may_shut(), reason="needs root on Linux, unshare and setpriv")
def test_it_needs_no_capability_and_writes_to_its_data_alone(tmp_path: Path, digit_png: bytes) -> None:
    data = tmp_path / "data"
    data.mkdir()
    (data / "log").touch()
    shut = ("unshare", "--mount", "--propagation", "private", "sh", "-ec", SHUT, "shut", str(data))
    with serving(data, command=(*shut, *INKDIGIT), drain_notice=0, workers=2) as server:
        status = Path(f"/proc/{server.process.pid}/status").read_text()
        mounts = Path(f"/proc/{server.process.pid}/mountinfo").read_text().splitlines()
        read, kept = ask(server, "/api/v1/predict", digit_png)[0], hand_in(server, digit_png)
        page = ask(server, "/api/v1/read", digit_png)[0]
        server.process.send_signal(signal.SIGTERM)
        code = server.process.wait(PATIENCE)

    writable = {line.split()[4] for line in mounts if "rw" in line.split()[5].split(",")}
    assert {place for place in writable if not re.match(r"/(dev|proc|sys)\b", place)} == {str(data)}
    assert set(re.findall(r"^Cap(?:Eff|Prm|Bnd):\s+(\w+)$", status, re.MULTILINE)) == {"0" * 16}
    assert re.search(r"^NoNewPrivs:\s+1$", status, re.MULTILINE)
    assert (read, kept, page, code) == (200, 201, 200, 0)


def test_the_unit_starts_the_command_that_is_tried_here() -> None:
    start = re.search(r"^ExecStart=(.*)$", UNIT, re.MULTILINE)

    assert start is not None
    assert list(itertools.islice(shlex.split(start[1]), 1, None)) == ["serve"]

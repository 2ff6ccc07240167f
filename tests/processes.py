"""Servers in processes of their own, started as a user starts them."""

import contextlib
import http.client
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

PATIENCE = 60.0  # seconds; nothing waits for it to pass, a fault ends by it
INKDIGIT = (sys.executable, "-m", "inkdigit")

_ROOT = hasattr(os, "geteuid") and os.geteuid() == 0
_RIGHTS = "-dac_override,-dac_read_search"
WITHOUT_RIGHTS = ("setpriv", f"--bounding-set={_RIGHTS}", f"--inh-caps={_RIGHTS}") if _ROOT else ()
"""What stands before a command so that rights of files count for it; they do for everyone but the superuser."""

needs_rights = pytest.mark.skipif(
    sys.platform == "win32" or (_ROOT and shutil.which("setpriv") is None),
    reason="Windows has no such rights, and they do not count for the superuser without setpriv",
)


@dataclass(frozen=True)
class Server:
    """A server that runs, and what it wrote to standard error."""

    process: subprocess.Popen[str]
    port: int
    log: Path

    def status(self, path: str) -> int:
        """The status of an answer to GET; 0 where nobody listens."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE)
        with contextlib.closing(connection):
            try:
                connection.request("GET", path, headers={"Connection": "close"})
                return connection.getresponse().status
            except (ConnectionError, http.client.RemoteDisconnected):
                return 0


@contextlib.contextmanager
def serving(folder: Path, *options: str, command: tuple[str, ...] = INKDIGIT, **settings: Any) -> Iterator[Server]:
    """A server of `inkdigit serve`, on a port of its choice where none is given; killed at the end if it still runs.

    Args:
        folder: for its log and its data.
        options: of the command, in front of the port.
        command: what stands for `inkdigit`.
        settings: variables of the environment, without INKDIGIT_ in front and in small letters.
    """
    ours = {f"INKDIGIT_{name.upper()}": str(value) for name, value in settings.items()}
    paths = os.pathsep.join([str(Path(__file__).parents[1] / "src"), *filter(None, [os.environ.get("PYTHONPATH")])])
    base = {name: value for name, value in os.environ.items() if not name.startswith("INKDIGIT_")}
    environment = base | {"INKDIGIT_PORT": "0", "INKDIGIT_HOME": str(folder / "models"), "PYTHONPATH": paths} | ours
    log = folder / "log"
    with (
        log.open("ab") as errors,
        subprocess.Popen(
            [*command, "serve", *options], env=environment, cwd=folder, stdout=subprocess.PIPE, stderr=errors, text=True
        ) as process,
    ):
        try:
            yield Server(process, _announced(process, log), log)
        finally:
            process.kill()


def _announced(process: subprocess.Popen[str], log: Path) -> int:
    assert process.stdout is not None
    line = process.stdout.readline()
    port = re.search(r"http://[^/]*:(\d+)/", line)
    assert port is not None, line + log.read_text()
    return int(port[1])


def wait_for(what: Callable[[], bool]) -> None:
    """Wait until something holds."""
    until = time.monotonic() + PATIENCE
    while not what():
        assert time.monotonic() < until
        time.sleep(0.02)

"""A PostgreSQL server of the tests' own: a fresh cluster on loopback, run by a user without rights, gone afterwards."""

import contextlib
import os
import secrets
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    import psycopg

MISSING: Final = "no PostgreSQL: install Debian's postgresql, or have initdb on PATH"


def find_programs() -> Path | None:
    """The folder of initdb and pg_ctl: on PATH, or where Debian puts the newest of them."""
    on_path = shutil.which("initdb")
    folders = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda folder: int(folder.parent.name))
    return Path(on_path).parent if on_path else next((f for f in reversed(folders) if (f / "initdb").exists()), None)


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
    return port


@dataclass
class Cluster:
    """A server that is running."""

    programs: Path
    folder: Path
    port: int
    password: str

    @property
    def url(self) -> str:
        return f"postgresql+psycopg://tests:{self.password}@127.0.0.1:{self.port}/postgres"

    def connect(self) -> "psycopg.Connection[Any]":
        import psycopg

        return psycopg.connect(self.url.replace("+psycopg", ""), autocommit=True)

    def empty(self) -> str:
        """Its URL, with nothing left in the database; a new one for each test would take a minute to delete."""
        with self.connect() as connection:
            connection.execute("DROP SCHEMA public CASCADE")
            connection.execute("CREATE SCHEMA public")
        return self.url

    def start(self) -> None:
        options = (
            f"-c listen_addresses=127.0.0.1 -c port={self.port} -c unix_socket_directories='' -c max_connections=40"
        )
        log = str(self.folder / "log")
        self._control("start", "-w", "-l", log, "-o", f"{options} -c shared_buffers=16MB -c fsync=off")

    def stop(self, mode: str = "immediate") -> None:
        """Stop it, by default as a power cut would: without a word to anybody."""
        self._control("stop", "-w", "-m", mode)

    def _control(self, *arguments: str) -> None:
        run([self.programs / "pg_ctl", "-D", self.folder / "data", *arguments])


def run(command: list[str | Path]) -> None:
    """Run one of PostgreSQL's programs, as its own user where this is root's process: it refuses to be root's."""
    owner: dict[str, Any] = {"user": "postgres", "group": "postgres", "extra_groups": []} if os.geteuid() == 0 else {}
    # What the server inherits it keeps open; a pipe would never end.
    with tempfile.TemporaryFile() as told:
        ended = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=told, stderr=told, cwd="/", **owner)
        told.seek(0)
        assert ended.returncode == 0, told.read().decode(errors="replace")


@contextlib.contextmanager
def cluster() -> Iterator[Cluster]:
    """A server that runs until the block ends."""
    programs = find_programs()
    assert programs is not None, MISSING
    place = "/tmp" if os.geteuid() == 0 else None  # PostgreSQL's user may not come through root's own folders
    with tempfile.TemporaryDirectory(prefix="inkdigit-postgres-", dir=place) as name:
        folder, password = Path(name), secrets.token_hex(16)
        (folder / "password").write_text(password)
        if os.geteuid() == 0:
            shutil.chown(folder, "postgres", "postgres")
            shutil.chown(folder / "password", "postgres", "postgres")
        made: list[str | Path] = ["-D", folder / "data", "-U", "tests", "-A", "scram-sha-256"]
        made += [f"--pwfile={folder / 'password'}", "--no-sync", "-E", "UTF8", "--locale=C"]
        run([programs / "initdb", *made])
        server = Cluster(programs, folder, _free_port(), password)
        server.start()
        try:
            yield server
        finally:
            server.stop()

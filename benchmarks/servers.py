"""The two servers, started the same way: pinned to one core, watched from outside."""

import base64
import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

from benchmarks.drawings import PROJECT
from benchmarks.load import HOST, Outcome, Plan

READY_WITHIN_S = 120.0
STOP_WITHIN_S = 20.0
POLL_S = 0.005


@dataclass(frozen=True, slots=True)
class Program:
    """A server program: how to start it on a port, and where it takes pictures."""

    name: str
    command: tuple[str, ...]  # "{port}" stands for the port
    predict_path: str
    environment: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Server:
    """A running server."""

    program: Program
    port: int
    pid: int

    def cpu_s(self) -> float:
        """CPU seconds that the process and its children have used, user and system."""
        return sum(_cpu_s(pid) for pid in [self.pid, *children(self.pid)])

    def peak_memory_bytes(self) -> int:
        """The most resident memory that the process has held."""
        status = Path(f"/proc/{self.pid}/status").read_text().splitlines()
        return next(int(line.split()[1]) * 1024 for line in status if line.startswith("VmHWM"))


def ours(python: Path, model: Path | None) -> Program:
    """Inkdigit's server: `inkdigit serve`."""
    chosen = ("--model", str(model)) if model else ()
    command = (str(python.with_name("inkdigit")), "serve", "--host", HOST, "--port", "{port}", *chosen)
    return Program("Inkdigit", command, "/api/v1/predict")


def baseline(python: Path, model: Path) -> Program:
    """The plain version's server: `app.run`."""
    app = PROJECT / "benchmarks/baseline/app.py"
    command = (str(python), str(app), str(model), "{port}")
    return Program("baseline", command, "/predict", {"TF_CPP_MIN_LOG_LEVEL": "3"})


@contextlib.contextmanager
def started(program: Program) -> Iterator[Server]:
    """Start a server on a free port and on the first core, and end it afterwards. It may not be ready yet."""
    port = free_port()
    command = [part.format(port=port) for part in program.command]
    environment = {**os.environ, **program.environment}
    process = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        pin(process.pid, server_core())
        yield Server(program, port, process.pid)
    finally:
        stop(process)


def stop(process: "subprocess.Popen[bytes]") -> None:
    """End a server politely, or else firmly, and the processes that it started and left."""
    started = {pid: _began(pid) for pid in children(process.pid)}
    process.terminate()
    try:
        process.wait(STOP_WITHIN_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    for pid, began in started.items():
        if began is not None and _began(pid) == began:  # and no other process that got its number
            os.kill(pid, signal.SIGKILL)


def _began(pid: int) -> str | None:
    """When a process began, as proc(5)'s stat counts it; None where there is none."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19]
    except OSError:
        return None


def wait_until_open(server: Server) -> None:
    """Return as soon as the port takes connections.

    Raises:
        TimeoutError: it does not.
    """
    deadline = time.monotonic() + READY_WITHIN_S
    while time.monotonic() < deadline:
        with contextlib.suppress(ConnectionRefusedError), socket.create_connection((HOST, server.port), timeout=5):
            return
        time.sleep(POLL_S)
    raise TimeoutError(f"{server.program.name} did not open its port within {READY_WITHIN_S} s")


def put_under_load(
    server: Server, bodies: Sequence[str], connections: int, seconds: float, requests: int, rate: float = 0.0
) -> Outcome:
    """Run the load generator in a process of its own, on another core where there is one."""
    plan = Plan(server.port, server.program.predict_path, list(bodies), connections, seconds, requests, rate)
    command = [sys.executable, "-m", "benchmarks.load"]
    with subprocess.Popen(command, cwd=PROJECT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as generator:
        pin(generator.pid, client_core())
        answer, _ = generator.communicate(json.dumps(asdict(plan)))
    if generator.returncode:
        raise RuntimeError(f"the load generator failed on {server.program.name}")
    outcome = Outcome(**json.loads(answer))
    if outcome.failures:
        raise RuntimeError(f"{server.program.name} failed {outcome.failures} times: {outcome.answers[-1][:300]}")
    return outcome


def request_body(png: bytes) -> str:
    """What the pages of both programs post: the canvas as a data URL in JSON."""
    return json.dumps({"image": "data:image/png;base64," + base64.b64encode(png).decode()})


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.create_server((HOST, 0)) as listener:
        return int(listener.getsockname()[1])


def can_pin() -> bool:
    """Whether processes can be kept on one core, with another left for the load generator."""
    return hasattr(os, "sched_setaffinity") and len(os.sched_getaffinity(0)) > 1


def server_core() -> int:
    """The core of the servers."""
    return min(os.sched_getaffinity(0)) if can_pin() else 0


def client_core() -> int:
    """The core of the load generator."""
    return max(os.sched_getaffinity(0)) if can_pin() else 0


def pin(pid: int, core: int) -> None:
    """Keep a process that has just started, and all threads that it will start, on one core."""
    if can_pin():
        os.sched_setaffinity(pid, {core})


def _cpu_s(pid: int) -> float:
    # Fields 14 to 17 of proc(5)'s stat, counted after the command's name, which may hold spaces.
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return sum(map(int, fields[11:15])) / os.sysconf("SC_CLK_TCK")


def children(pid: int) -> list[int]:
    """The processes that a process started, and those that they did."""
    listed = Path(f"/proc/{pid}/task").glob("*/children")  # each thread's own
    found = [int(child) for each in listed for child in each.read_text().split()]
    return found + [grandchild for child in found for grandchild in children(child)]

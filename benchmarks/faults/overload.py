"""Ten times the load that the server can take, and what it does: who is answered, how fast, and what it costs.

    python -m benchmarks.faults.overload [--times N] [--seconds S] [--workers N]

The server is the real one, on a free port of loopback. First its capacity is measured with eight connections; then
requests come at N times that rate on 200 connections, while health is asked for every 50 ms on a connection of its own.
At last 30 bodies are held open half-sent, and a good request is timed beside them.
"""

import argparse
import contextlib
import http.client
import json
import socket
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from benchmarks import servers, speed
from benchmarks.drawings import PROJECT
from benchmarks.load import HOST, Outcome, Plan
from benchmarks.servers import Program, Server
from benchmarks.table import percentile

PATH = "/api/v1/predict"
CONNECTIONS = 200
SLOW_BODIES = 30
HEALTH_EVERY_S = 0.05


@dataclass(frozen=True, slots=True)
class Trial:
    """What came of it; latencies in ms."""

    capacity_per_s: float
    offered_per_s: float
    accepted: int
    refused: int
    failed: int  # answered otherwise, which must be 0
    accepted_p50: float
    accepted_p99: float
    refused_p50: float
    health_p50: float
    health_p99: float
    health_worst: float
    answered_per_s: float  # of the accepted, under all that load
    memory_before_mb: float
    memory_after_mb: float
    first_answer_after: float  # of a request sent as the load ends
    beside_slow_bodies: float


def main(arguments: list[str] | None = None) -> int:
    """Try it and print what came of it."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.faults.overload")
    parser.add_argument("--times", type=float, default=10.0, help="how much more than the capacity")
    parser.add_argument("--seconds", type=float, default=20.0)
    parser.add_argument("--workers", type=int, default=1)
    options = parser.parse_args(arguments)
    trial = overload(options.times, options.seconds, options.workers)
    for name, value in asdict(trial).items():
        print(f"{name:20} {value:,.1f}")
    return bool(trial.failed)


def overload(times: float, seconds: float, workers: int) -> Trial:
    """Carry the trial out."""
    bodies = [servers.request_body(speed.as_canvas(png)) for png in speed.load_drawings()]
    command = (sys.executable, "-m", "inkdigit", "serve", "--port", "{port}", "--workers", str(workers))
    with servers.started(Program("Inkdigit", command, PATH, {"INKDIGIT_LOG": "quiet"})) as server:
        _wait_ready(server)
        calm = _load(Plan(server.port, PATH, bodies, 8, 5.0, 100_000))
        capacity = len(calm.latencies_s) / calm.elapsed_s
        before = _memory_mb(server)
        with _health(server) as health:
            storm = _load(Plan(server.port, PATH, bodies, CONNECTIONS, seconds, 10**7, rate=times * capacity))
            first = _time_one(server, bodies[0])
        after = _memory_mb(server)
        beside = _beside_slow_bodies(server, bodies[0])
    return _trial(storm, capacity, times * capacity, health, (before, after), (first, beside))


def _trial(
    storm: Outcome,
    capacity: float,
    offered: float,
    health: list[float],
    memory: tuple[float, float],
    singles: tuple[float, float],
) -> Trial:
    statuses = [json.loads(answer).get("status", 200) for answer in storm.answers]
    by_status: dict[int, list[float]] = {200: [], 503: []}
    for status, latency in zip(statuses, storm.latencies_s, strict=True):
        by_status.setdefault(status, []).append(1000 * latency)
    count = Counter(statuses)
    return Trial(
        capacity,
        offered,
        count[200],
        count[503],
        len(statuses) - count[200] - count[503],
        percentile(by_status[200] or [0], 0.5),
        percentile(by_status[200] or [0], 0.99),
        percentile(by_status[503] or [0], 0.5),
        percentile(health, 0.5),
        percentile(health, 0.99),
        max(health),
        count[200] / storm.elapsed_s,
        *memory,
        *singles,
    )


def _load(plan: Plan) -> Outcome:
    command = [sys.executable, "-m", "benchmarks.load"]
    with subprocess.Popen(command, cwd=PROJECT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as generator:
        servers.pin(generator.pid, servers.client_core())
        answer, _ = generator.communicate(json.dumps(asdict(plan)))
    return Outcome(**json.loads(answer))


@contextlib.contextmanager
def _health(server: Server) -> Iterator[list[float]]:
    """Ask for health again and again, and take down how many ms each answer took, from the opening of a connection."""
    taken: list[float] = []
    over = threading.Event()

    def ask() -> None:
        while not over.wait(HEALTH_EVERY_S):
            begun = time.perf_counter()
            connection = http.client.HTTPConnection(HOST, server.port, timeout=30)
            connection.request("GET", "/health/live")
            assert connection.getresponse().status == 200
            connection.close()
            taken.append(1000 * (time.perf_counter() - begun))

    asker = threading.Thread(target=ask)
    asker.start()
    try:
        yield taken
    finally:
        over.set()
        asker.join()


def _time_one(server: Server, body: str) -> float:
    """Ms until a request is answered with 200, sent again each time that it is refused."""
    begun, status = time.perf_counter(), 0
    while status != 200:
        connection = http.client.HTTPConnection(HOST, server.port, timeout=30)
        connection.request("POST", PATH, body, {"Content-Type": "application/json"})
        status = connection.getresponse().status
        connection.close()
    return 1000 * (time.perf_counter() - begun)


def _beside_slow_bodies(server: Server, body: str) -> float:
    head = (
        f"POST {PATH} HTTP/1.1\r\nHost: {HOST}\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    with contextlib.ExitStack() as stack:
        for _ in range(SLOW_BODIES):
            slow = stack.enter_context(socket.create_connection((HOST, server.port), 30))
            slow.sendall((head + body[: len(body) // 2]).encode())
        return _time_one(server, body)


def _wait_ready(server: Server) -> None:
    servers.wait_until_open(server)
    until = time.monotonic() + servers.READY_WITHIN_S
    while time.monotonic() < until:
        with contextlib.suppress(OSError):
            connection = http.client.HTTPConnection(HOST, server.port, timeout=5)
            connection.request("GET", "/health/ready")
            if connection.getresponse().status == 200:
                return
    raise TimeoutError("the server did not get ready")


def _memory_mb(server: Server) -> float:
    """What the process holds now; of several workers, the parent and all of them."""
    pids = [server.pid, *servers.children(server.pid)]
    lines = [line for pid in pids for line in Path(f"/proc/{pid}/status").read_text().splitlines()]
    return sum(int(line.split()[1]) for line in lines if line.startswith("VmRSS")) / 1000


if __name__ == "__main__":
    sys.exit(main())

"""Measure Inkdigit's server beside other servers, and write the table into docs/benchmarks.md.

    python -m benchmarks.serving [--rounds N] [--seconds S] [--write]

Every server is pinned to one core, the load generator to another. In each round all of them take turns, and before and
after each the work alone is measured on the same core under the same load, since whatever else runs on the machine
changes what a CPU second is worth: the figure is CPU per request over that floor.
"""

import argparse
import datetime
import json
import os
import statistics
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks import environments, servers, speed
from benchmarks.drawings import PROJECT
from benchmarks.servers import Program
from benchmarks.table import markdown_table, median, percentile, span, write_block

CONNECTIONS = 8
WARM_UP = 60  # requests


@dataclass(slots=True)
class Seen:
    """What was seen of one server, round by round."""

    over_floor: list[float] = field(default_factory=list)
    per_s: list[float] = field(default_factory=list)
    cpu_ms: list[float] = field(default_factory=list)
    half_load_ms: list[float] = field(default_factory=list)


def programs(python: Path) -> list[Program]:
    """All servers, ours first."""
    scripts, apps = python.parent, "benchmarks.serving.apps"
    path = {"PYTHONPATH": str(PROJECT), "INKDIGIT_LOG": "quiet"}
    host = ("--host", "127.0.0.1", "--port", "{port}")
    ours = servers.ours(python, None)
    return [
        Program(ours.name, ours.command, ours.predict_path, path),
        Program(
            "granian, Flask",
            (str(scripts / "granian"), "--interface", "wsgi", "--factory", *host, f"{apps}:flask_app"),
            "/predict",
            path,
        ),
        Program(
            "uvicorn, FastAPI",
            (str(scripts / "uvicorn"), "--factory", "--log-level", "warning", *host, f"{apps}:fastapi_app"),
            "/predict",
            path,
        ),
        Program(
            "waitress, Flask",
            (str(scripts / "waitress-serve"), *("--host=127.0.0.1", "--port={port}", "--call"), f"{apps}:flask_app"),
            "/predict",
            path,
        ),
        Program("LitServe", (str(python), "-m", "benchmarks.serving.lit", "{port}"), "/predict", path),
    ]


def observe(program: Program, bodies: Sequence[str], seconds: float, seen: Seen) -> float:
    """One round of one server; its CPU ms per request."""
    with servers.started(program) as server:
        servers.wait_until_open(server)
        servers.put_under_load(server, bodies, CONNECTIONS, seconds, WARM_UP)
        used = server.cpu_s()
        outcome = servers.put_under_load(server, bodies, CONNECTIONS, seconds, 1_000_000)
        used, count = server.cpu_s() - used, len(outcome.latencies_s)
        pace = count / outcome.elapsed_s / 2
        paced = servers.put_under_load(server, bodies, CONNECTIONS, seconds, 1_000_000, rate=pace)
    seen.cpu_ms.append(1000 * used / count)
    seen.per_s.append(count / outcome.elapsed_s)
    seen.half_load_ms += [1000 * latency for latency in paced.latencies_s]
    return 1000 * used / count


def floor(python: Path, bodies: Sequence[str], seconds: float) -> float:
    """CPU ms of the work alone, under the same load."""
    command = (str(python), "-m", "benchmarks.serving.bare", "{port}")
    with servers.started(Program("the work alone", command, "/", {"PYTHONPATH": str(PROJECT)})) as server:
        servers.wait_until_open(server)
        servers.put_under_load(server, bodies, CONNECTIONS, seconds, WARM_UP)
        outcome = servers.put_under_load(server, bodies, CONNECTIONS, seconds, 1_000_000)
    return statistics.mean(json.loads(answer)["cpu_ms"] for answer in outcome.answers)


def table(seen: dict[str, Seen]) -> str:
    """All servers in Markdown."""
    head = ["server", "CPU per request over the floor", "spread", "requests per CPU second", "p99 at half load (ms)"]
    rows = [
        [
            name,
            f"{median(one.over_floor):.2f}",
            span(one.over_floor, 2),
            f"{1000 / median(one.cpu_ms):.0f}",
            f"{percentile(one.half_load_ms, 0.99):.0f}",
        ]
        for name, one in seen.items()
    ]
    return markdown_table([head, *rows])


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.serving", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=5.0)
    parser.add_argument("--write", action="store_true", help="put the table into docs/benchmarks.md")
    options = parser.parse_args(arguments)
    environment = environments.servers_environment()
    bodies = [servers.request_body(speed.as_canvas(png)) for png in speed.load_drawings()]
    found = programs(environment.python)
    seen = {program.name: Seen() for program in found}
    for number in range(options.rounds):
        before = floor(environment.python, bodies, options.seconds / 2)
        for program in found[number % len(found) :] + found[: number % len(found)]:
            one = seen[program.name]
            cost_ms = observe(program, bodies, options.seconds, one)
            after = floor(environment.python, bodies, options.seconds / 2)
            one.over_floor.append(cost_ms / ((before + after) / 2))
            print(f"{program.name}: {one.over_floor[-1]:.3f} ({before:.2f}, {after:.2f})", file=sys.stderr, flush=True)
            before = after
    block = f"{table(seen)}\n\n{_circumstances(options, environment.versions())}"
    print(block)
    if options.write:
        write_block(PROJECT / "docs/benchmarks.md", "serving", block)
    return 0


def _circumstances(options: argparse.Namespace, versions: str) -> str:
    return (
        f"- `python -m benchmarks.serving --rounds {options.rounds} --seconds {options.seconds:g} --write`, "
        f"{datetime.datetime.now(datetime.UTC).date()}\n"
        f"- {environments.hardware()}, load average {os.getloadavg()[0]:.1f}\n- {versions}"
    )


if __name__ == "__main__":
    sys.exit(main())

"""Measure Inkdigit's server beside other servers, and write the table into docs/benchmarks.md.

    python -m benchmarks.serving [--rounds N] [--seconds S] [--only SERVER] [--write]

Every server is pinned to one core, the load generator to another. In each round all of them take turns, and before and
after each the work alone is measured on the same core under the same load, since whatever else runs on the machine
changes what a CPU second is worth: the figure is CPU per request over that floor.
"""

import argparse
import contextlib
import datetime
import http.client
import json
import os
import statistics
import sys
import time
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks import environments, servers, speed
from benchmarks.drawings import PROJECT
from benchmarks.load import HOST
from benchmarks.servers import Program, Server
from benchmarks.table import markdown_table, median, percentile, span, write_block

CONNECTIONS = 8
WARM_UP = 60  # requests
PACKAGES = {"MLServer": "mlserver", "BentoML": "bentoml", "Gradio": "gradio", "Ray Serve": "ray"}


@dataclass(slots=True)
class Seen:
    """What was seen of one server, round by round."""

    over_floor: list[float] = field(default_factory=list)
    per_s: list[float] = field(default_factory=list)
    cpu_ms: list[float] = field(default_factory=list)
    half_load_ms: list[float] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Peer:
    """A server, and how it is told what all are told: the text of a JSON object with the picture in `image`."""

    program: Program
    told: Callable[[str], str] = str


def peers(python: Path, only: Collection[str]) -> list[Peer]:
    """The servers of these names, or all; ours first."""
    near = [Peer(program) for program in programs(python) if not only or program.name in only]
    return near + [elsewhere(name) for name in PACKAGES if not only or name in only]


def elsewhere(name: str) -> Peer:
    """A server whose packages go with no others."""
    path = {"PYTHONPATH": str(PROJECT)}
    patient = {"RAY_SERVE_PROXY_READY_CHECK_TIMEOUT_S": "100"}  # on one core its many processes take long to start
    python = environments.peer_environment(name.lower().replace(" ", "-"), PACKAGES[name]).python

    def module(module: str) -> tuple[str, ...]:
        return str(python), "-m", f"benchmarks.serving.{module}", "{port}"

    bento = (str(python.parent / "bentoml"), "serve", "benchmarks.serving.bento:Digits")
    return {
        "MLServer": Peer(Program(name, module("mls"), "/v2/models/digits/infer", path), _as_tensor),
        "BentoML": Peer(Program(name, (*bento, "--host", HOST, "--port", "{port}"), "/predict", path)),
        "Gradio": Peer(Program(name, module("blocks"), "/gradio_api/run/predict", path), _as_inputs),
        "Ray Serve": Peer(Program(name, module("on_ray"), "/predict", path | patient)),
    }[name]


def _as_tensor(body: str) -> str:
    tensor = {"name": "image", "shape": [1], "datatype": "BYTES", "data": [json.loads(body)["image"]]}
    return json.dumps({"inputs": [tensor]})


def _as_inputs(body: str) -> str:
    return json.dumps({"data": [json.loads(body)["image"]]})


def wait_until_answering(server: Server, body: str) -> None:
    """Return as soon as a picture is read: some open their port before that.

    Raises:
        TimeoutError: none is.
    """
    until = time.monotonic() + servers.READY_WITHIN_S
    while time.monotonic() < until:
        with contextlib.suppress(OSError, http.client.HTTPException):
            connection = http.client.HTTPConnection(HOST, server.port, timeout=10)
            connection.request("POST", server.program.predict_path, body, {"Content-Type": "application/json"})
            if connection.getresponse().status == 200:
                return
        time.sleep(0.2)
    raise TimeoutError(f"{server.program.name} reads no picture")


def programs(python: Path) -> list[Program]:
    """The servers that share one environment, ours first."""
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


def observe(peer: Peer, bodies: Sequence[str], seconds: float, seen: Seen) -> float:
    """One round of one server; its CPU ms per request."""
    bodies = [peer.told(body) for body in bodies]
    with servers.started(peer.program) as server:
        wait_until_answering(server, bodies[0])
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
        if one.over_floor
    ]
    return markdown_table([head, *rows])


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.serving", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=5.0)
    parser.add_argument("--only", action="append", default=[], help="this server alone; may be repeated")
    parser.add_argument("--pictures", choices=("canvas", "page"), default="canvas", help="RGBA, or as our page sends")
    parser.add_argument("--write", action="store_true", help="put the table into docs/benchmarks.md")
    options = parser.parse_args(arguments)
    environment = environments.servers_environment()
    drawn = speed.as_page if options.pictures == "page" else speed.as_canvas
    bodies = [servers.request_body(drawn(png)) for png in speed.load_drawings()]
    found = peers(environment.python, options.only)
    seen = {peer.program.name: Seen() for peer in found}
    for number in range(options.rounds):
        before = floor(environment.python, bodies, options.seconds / 2)
        for peer in found[number % len(found) :] + found[: number % len(found)]:
            one, name = seen[peer.program.name], peer.program.name
            try:
                cost_ms = observe(peer, bodies, options.seconds, one)
            except (TimeoutError, RuntimeError) as error:  # it is left out of the table where it never answers
                print(f"{name}: {error}", file=sys.stderr, flush=True)
                continue
            after = floor(environment.python, bodies, options.seconds / 2)
            one.over_floor.append(cost_ms / ((before + after) / 2))
            print(f"{name}: {one.over_floor[-1]:.3f} ({before:.2f}, {after:.2f})", file=sys.stderr, flush=True)
            before = after
    block = f"{table(seen)}\n\n{_circumstances(options, environment.versions())}"
    print(block)
    if options.write:
        write_block(PROJECT / "docs/benchmarks.md", "serving", block)
    return 0


def _circumstances(options: argparse.Namespace, versions: str) -> str:
    return (
        f"- `python -m benchmarks.serving --rounds {options.rounds} --seconds {options.seconds:g} --write`, "
        f"{datetime.datetime.now(datetime.UTC).date()}, pictures as {options.pictures} makes them\n"
        f"- {environments.hardware()}, load average {os.getloadavg()[0]:.1f}\n- {versions}"
    )


if __name__ == "__main__":
    sys.exit(main())

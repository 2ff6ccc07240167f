"""The server on Ray Serve beside `inkdigit serve`: the same answers, and refusals once its line is full.

    python -m benchmarks.faults.ray_serve --rounds 3      # needs the packages of constraints/ray.txt

Both serve on 127.0.0.1, with one thread and a line of four. They are asked the same things, one after the other; then
Ray's is sent many pictures at the same time, and must answer or refuse each, and answer again afterwards.
"""

import argparse
import dataclasses
import http.client
import json
import os
import secrets
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from benchmarks.batch import pictures

OWN_PORT, RAY_PORT = 5123, 8000
LINE: Final = 4
START_S: Final = 300
LIMIT_S: Final = 60
PREDICT, EXPLAIN = "/api/v1/predict", "/api/v1/predict?explain=true"
SETTINGS: Final = {"INKDIGIT_PUBLIC": "1", "INKDIGIT_THREADS": "1", "INKDIGIT_QUEUE": str(LINE)}


@dataclass(frozen=True, slots=True)
class Asked:
    """A question."""

    path: str
    body: bytes | None = None
    kind: str = "image/png"
    host: str = "localhost"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a round; `different` must be empty, and `refused` more than none."""

    questions: int
    different: list[str]
    sent_at_once: int
    answered: int
    refused: int  # with 503
    otherwise: dict[str, int]
    again: int  # the status of one more question, afterwards


def ask(port: int, asked: Asked) -> tuple[int, bytes]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=LIMIT_S)
    headers = {"Host": asked.host, "X-Request-Id": "the-same"} | (
        {} if asked.body is None else {"Content-Type": asked.kind}
    )
    try:
        connection.request("GET" if asked.body is None else "POST", asked.path, asked.body, headers)
        answer = connection.getresponse()
        return answer.status, answer.read()
    finally:
        connection.close()


@contextmanager
def server(port: int, *command: str) -> Iterator[None]:
    """A server that is there until the block ends."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("INKDIGIT_")}
    ray = {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": secrets.token_hex(32), "RAY_USAGE_STATS_ENABLED": "0"}
    with subprocess.Popen(
        command, env=kept | ray | SETTINGS, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL
    ) as it:
        try:
            wait_until_ready(port)
            yield
        finally:
            it.terminate()
            it.wait(LIMIT_S)


def wait_until_ready(port: int) -> None:
    deadline = time.monotonic() + START_S
    while time.monotonic() < deadline:
        try:
            if ask(port, Asked("/health/ready"))[0] == 200:
                return
        except OSError:
            pass
        time.sleep(0.5)
    raise TimeoutError(f"nothing is ready on port {port}")


def questions(scans: list[bytes]) -> list[Asked]:
    """Pictures, pages, and what must be refused."""
    return [
        *[Asked(PREDICT, scan) for scan in scans],
        Asked(EXPLAIN, scans[0]),
        Asked("/api/v1/read", scans[1]),
        Asked(PREDICT, b"x"),
        Asked(PREDICT, b"{", "application/json"),
        Asked(PREDICT, scans[0], host="evil.example"),
        Asked("/", host="evil.example"),
        Asked("/"),
        Asked("/api/v1/model"),
        Asked("/api/openapi.json"),
        Asked("/static/main.js"),
        Asked("/v2/health/ready"),
        Asked("/nowhere"),
        Asked("/api/v1/review/drawings"),
    ]


def a_round(asked: list[Asked], at_once: int) -> Outcome:
    different = [one.path for one in asked if ask(OWN_PORT, one) != ask(RAY_PORT, one)]
    with ThreadPoolExecutor(at_once) as crowd:
        found = Counter(crowd.map(lambda _: ask(RAY_PORT, Asked(EXPLAIN, asked[0].body))[0], range(at_once)))
    again = ask(RAY_PORT, asked[0])[0]
    others = {str(status): count for status, count in found.items() if status not in (200, 503)}
    return Outcome(len(asked), different, at_once, found[200], found[503], others, again)


def main() -> int:
    """Run the rounds, and print what came of each as JSON; the exit code is 1 if an answer was another one."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--at-once", type=int, default=40)
    given = parser.parse_args()
    own = (sys.executable, "-m", "inkdigit", "serve", "--port", str(OWN_PORT))
    serve = (str(Path(sys.executable).with_name("serve")), "run", "--address", "local")
    sound = True
    with pictures(40) as folder, server(OWN_PORT, *own), server(RAY_PORT, *serve, "inkdigit.deployment:application"):
        asked = questions([scan.read_bytes() for scan in sorted((folder / "scans").rglob("*.png"))])
        for _ in range(given.rounds):
            outcome = a_round(asked, given.at_once)
            print(json.dumps(dataclasses.asdict(outcome)), flush=True)
            sound &= not outcome.different and not outcome.otherwise and outcome.refused > 0 and outcome.again == 200
    return 0 if sound else 1


if __name__ == "__main__":
    sys.exit(main())

"""Several processes behind one port; `crew` is the program that these tests start."""

import contextlib
import http.client
import json
import os
import re
import signal
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from tests.server import crew

from inkdigit import ConfigError
from inkdigit.config import Settings
from inkdigit.server.workers import serve_with_workers, worker_count

PATIENCE = 60.0  # seconds; no test waits for it to pass, a fault ends by it
posix = pytest.mark.skipif(os.name != "posix", reason="kills by signals")


@contextlib.contextmanager
def started(tmp_path: Path) -> Iterator[tuple["subprocess.Popen[str]", int]]:
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.server.crew"],
        stdout=subprocess.PIPE,
        text=True,
        env=dict(os.environ, PYTHONPATH=os.pathsep.join(path for path in sys.path if path), TMPDIR=str(tmp_path)),
        cwd=Path(__file__).parents[2],
    )
    assert process.stdout
    with process:
        try:
            yield process, int(process.stdout.readline().rsplit(":", 1)[1].rstrip("/\n"))
        finally:
            process.kill()


@pytest.fixture(scope="module")
def port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """A server that several tests share."""
    with started(tmp_path_factory.mktemp("crew")) as (_, port):
        yield port


@contextlib.contextmanager
def connection(port: int) -> Iterator[http.client.HTTPConnection]:
    with contextlib.closing(http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE)) as made:
        yield made


def call(made: http.client.HTTPConnection, method: str, path: str, body: Any = None, kind: str = "image/png") -> Any:
    made.request(method, path, body, {"Content-Type": kind})
    response = made.getresponse()
    return response.status, json.loads(response.read())


def worker_of(made: http.client.HTTPConnection, png: bytes) -> int:
    """The number of the process that answers on a connection."""
    status, answer = call(made, "POST", "/api/v1/predict", png)
    assert status == 200
    return int(answer["model"])


def until(holds: Callable[[], bool]) -> None:
    pause = threading.Event()
    while not holds():
        pause.wait(0.02)


@posix
def test_limits_count_what_came_to_any_worker(port: int, digit_png: bytes) -> None:
    workers: set[int] = set()
    statuses: list[int] = []
    while len(workers) < 2 or len(statuses) < 12:
        with connection(port) as made:
            workers.add(worker_of(made, digit_png))
            statuses.append(call(made, "POST", "/api/v1/feedback", "{}", "application/json")[0])

    assert statuses[:5] == [501] * 5  # this server keeps no drawings
    assert set(statuses[5:]) == {429}


def counted(port: int) -> dict[int, float]:
    """How many digits each worker has read, those that are gone included, as whichever answers tells it."""
    with connection(port) as made:
        made.request("GET", "/metrics")
        text = made.getresponse().read().decode()
    found = re.findall(r'^inkdigit_predictions_total\{label="7",model="(\d+)"\} (.*)$', text, re.MULTILINE)
    return {int(worker): float(count) for worker, count in found}


@posix
def test_whichever_worker_is_asked_tells_what_all_of_them_counted(port: int, digit_png: bytes) -> None:
    before = counted(port)
    asked: Counter[int] = Counter()
    while len(asked) < 2:
        with connection(port) as made:
            asked[worker_of(made, digit_png)] += 1

    told = [counted(port) for _ in range(8)]
    assert told == [{worker: before.get(worker, 0) + asked[worker] for worker in before.keys() | asked}] * 8


@posix
def test_a_killed_worker_is_replaced_and_the_others_lose_nothing(port: int, digit_png: bytes) -> None:
    with contextlib.ExitStack() as stack:
        by_worker: dict[int, http.client.HTTPConnection] = {}
        while len(by_worker) < 2:
            made = stack.enter_context(connection(port))
            by_worker.setdefault(worker_of(made, digit_png), made)
        victim, survivor = by_worker

        os.kill(victim, signal.SIGKILL)
        kept = [worker_of(by_worker[survivor], digit_png) for _ in range(20)]
        fresh: list[int] = []

        def has_newcomer() -> bool:
            with connection(port) as made:
                fresh.append(worker_of(made, digit_png))  # which fails if the answer is anything but 200
            return fresh[-1] not in (victim, survivor)

        until(has_newcomer)

    assert kept == [survivor] * 20
    assert counted(port)[victim] > 0
    assert victim not in fresh


@posix
def test_sigterm_reaches_every_worker_and_every_accepted_request_is_answered(tmp_path: Path, digit_png: bytes) -> None:
    with started(tmp_path) as (process, port), contextlib.ExitStack() as stack:
        made = [stack.enter_context(connection(port)) for _ in range(8)]
        workers = {worker_of(one, digit_png) for one in made}
        [shared] = tmp_path.glob("inkdigit-*")
        (shared / "slow").touch()
        for one in made:
            one.request("POST", "/api/v1/predict", digit_png, {"Content-Type": "image/png"})
        process.send_signal(signal.SIGTERM)
        answers = [one.getresponse().status for one in made]
        code = process.wait(PATIENCE)

    assert answers == [200] * 8
    assert code == 0
    assert not any(_is_alive(worker) for worker in workers)
    assert list(tmp_path.iterdir()) == []


@posix
def test_workers_do_not_outlive_their_parent(tmp_path: Path, digit_png: bytes) -> None:
    with started(tmp_path) as (process, port):
        with connection(port) as made:
            worker = worker_of(made, digit_png)
        process.kill()
        process.wait()

        until(lambda: not _is_alive(worker))

    assert not _is_alive(worker)


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return not Path("/proc/self").exists() or "State:\tZ" not in Path(f"/proc/{pid}/status").read_text()


def test_a_worker_that_cannot_start_is_told_in_its_own_words() -> None:
    with pytest.raises(ConfigError, match="there is no model here"):
        serve_with_workers(crew.build_nothing, replace(crew.SETTINGS, workers=1))


def test_auto_takes_every_core_that_this_process_may_use() -> None:
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()

    assert worker_count(Settings(workers=0)) == cores
    assert worker_count(Settings(workers=3)) == 3

"""The gate on a real port: who is let in, who is refused at once, and what that costs the others."""

import contextlib
import functools
import http.client
import json
import socket
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from flask.testing import FlaskClient
from tests.conftest import FakeRecognizer
from tests.server.conftest import ADMIN_KEY, submission

from inkdigit.access import KeyFile, Limit, Scope
from inkdigit.config import Settings
from inkdigit.feedback import FeedbackStore
from inkdigit.server import create_app, gate
from inkdigit.server.keyring import KeyRing
from inkdigit.server.limits import Allowance, Limits, make_table
from inkdigit.server.serving import HttpServer

PATIENCE = 30.0  # seconds; no test waits for it to pass, a fault ends by it
ANY_PORT = Settings(port=0)


@contextlib.contextmanager
def running(recognizer: Any, settings: Settings, **parts: Any) -> Iterator[HttpServer]:
    server = HttpServer(create_app(recognizer, settings, **parts), settings)
    loop = threading.Thread(target=server.run)
    loop.start()
    try:
        yield server
    finally:
        server.stop()
        loop.join(PATIENCE)
        server.close()
    assert not loop.is_alive()


class Held:
    """A recognizer whose answers wait until they are let go."""

    version, card = "held", FakeRecognizer().card

    def __init__(self) -> None:
        self.begun, self.release = threading.Semaphore(0), threading.Event()
        self.answered = 0

    def predict(self, images: Any) -> Any:
        self.begun.release()
        assert self.release.wait(PATIENCE)
        self.answered += 1
        return FakeRecognizer().predict(images)

    def classify(self, images: Any) -> Any:
        raise AssertionError("nobody asks for classes here")

    def wait_begun(self, count: int) -> None:
        assert all(self.begun.acquire(timeout=PATIENCE) for _ in range(count))


def ask(port: int, method: str = "GET", path: str = "/health/live", body: bytes | None = None, **headers: str) -> Any:
    """One request on a connection of its own: status, headers and body."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE)
    connection.request(method, path, body, {name.replace("_", "-"): text for name, text in headers.items()})
    response = connection.getresponse()
    data = response.read()
    connection.close()
    return response.status, response.headers, data


def predict(port: int, png: bytes) -> Any:
    return ask(port, "POST", "/api/v1/predict", png, Content_Type="image/png")


def in_background(count: int, call: Callable[[], Any]) -> tuple[list[threading.Thread], list[Any]]:
    answers: list[Any] = []
    threads = [threading.Thread(target=lambda: answers.append(call())) for _ in range(count)]
    for thread in threads:
        thread.start()
    return threads, answers


def wait_until(holds: Callable[[], bool]) -> None:
    pause = threading.Event()
    while not holds():
        pause.wait(0.01)


def test_digits_are_read_by_no_more_threads_than_there_are_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gate, "core_count", lambda: 6)

    assert gate.digit_threads(Settings(threads=4)) == 4
    assert gate.digit_threads(Settings(threads=8)) == 6
    assert gate.digit_threads(Settings(threads=8, workers=2)) == 3
    assert gate.digit_threads(Settings(threads=8, workers=0)) == 1
    assert gate.digit_threads(Settings(threads=8, workers=20)) == 1


def test_digits_hold_up_nothing_else(digit_png: bytes) -> None:
    held, settings = Held(), replace(ANY_PORT, threads=1, queue_limit=1)
    with running(held, settings) as server:
        port = server.port
        threads, _ = in_background(2, lambda: predict(port, digit_png))
        held.wait_begun(1)
        wait_until(lambda: server._lanes.waiting == 1)
        page = ask(port, path="/")
        held.release.set()
        for thread in threads:
            thread.join(PATIENCE)

    assert page[0] == 200


def test_a_full_line_refuses_at_once_and_the_accepted_are_answered(
    digit_png: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gate, "core_count", lambda: 2)
    held, settings = Held(), replace(ANY_PORT, threads=2, queue_limit=3)
    with running(held, settings) as server:
        port = server.port
        threads, answers = in_background(20, lambda: predict(port, digit_png))
        held.wait_begun(2)
        wait_until(lambda: len(answers) == 15)  # two are worked on and three wait; all others have been told so
        health = ask(port)
        held.release.set()
        for thread in threads:
            thread.join(PATIENCE)
        after = predict(port, digit_png)

    statuses = sorted(status for status, _, _ in answers)
    assert statuses == [200] * 5 + [503] * 15
    assert held.answered == 6
    assert health[0] == 200
    assert after[0] == 200


def test_a_refusal_says_when_to_try_again_and_keeps_the_connection(digit_png: bytes) -> None:
    held, settings = Held(), replace(ANY_PORT, threads=1, queue_limit=1)
    with running(held, settings) as server:
        port = server.port
        threads, _ = in_background(2, lambda: predict(port, digit_png))
        held.wait_begun(1)
        wait_until(lambda: server._lanes.waiting == 1)
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE)
        connection.request("POST", "/api/v1/predict", digit_png, {"Content-Type": "image/png"})
        refused = connection.getresponse()
        problem = json.loads(refused.read())
        kept = connection.sock
        held.release.set()
        for thread in threads:
            thread.join(PATIENCE)
        connection.request("POST", "/api/v1/predict", digit_png, {"Content-Type": "image/png"})
        taken = connection.getresponse()
        taken.read()
        same = connection.sock is kept
        connection.close()

    assert (refused.status, problem["type"], refused.headers["Retry-After"]) == (503, "overloaded", "1")
    assert refused.headers["Content-Type"] == "application/problem+json"
    assert refused.headers["X-Content-Type-Options"] == "nosniff"
    assert taken.status == 200
    assert same


def test_a_refused_head_has_no_body(digit_png: bytes) -> None:
    held, settings = Held(), replace(ANY_PORT, threads=1, queue_limit=1)
    with running(held, settings) as server:
        port = server.port
        threads, _ = in_background(2, lambda: predict(port, digit_png))
        held.wait_begun(1)
        wait_until(lambda: server._lanes.waiting == 1)
        with socket.create_connection(("127.0.0.1", port), PATIENCE) as sock:
            sock.sendall(b"HEAD /api/v1/predict HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
            answer = b"".join(iter(lambda: sock.recv(65536), b""))
        held.release.set()
        for thread in threads:
            thread.join(PATIENCE)

    assert answer.startswith(b"HTTP/1.1 503 ")
    assert answer.endswith(b"\r\n\r\n")


def test_a_request_whose_turn_comes_too_late_is_refused_and_not_worked_on(digit_png: bytes) -> None:
    held, settings = Held(), replace(ANY_PORT, threads=1, queue_timeout_s=0.05)
    with running(held, settings) as server:
        port = server.port
        first, _ = in_background(1, lambda: predict(port, digit_png))
        held.wait_begun(1)
        late, answers = in_background(1, lambda: predict(port, digit_png))
        threading.Event().wait(0.5)
        held.release.set()
        for thread in (*first, *late):
            thread.join(PATIENCE)

    [(status, _, body)] = answers
    assert (status, json.loads(body)["type"]) == (503, "overloaded")
    assert held.answered == 1


def test_pictures_of_paper_wait_in_a_line_of_their_own(digit_png: bytes, fake_recognizer: FakeRecognizer) -> None:
    at_work, most, release, lock = 0, 0, threading.Event(), threading.Lock()
    begun = threading.Semaphore(0)

    class Slow:
        version = "slow"

        def read(self, *_: Any) -> list[Any]:
            nonlocal at_work, most
            with lock:
                at_work += 1
                most = max(most, at_work)
            begun.release()
            assert release.wait(PATIENCE)
            with lock:
                at_work -= 1
            return []

    settings = replace(ANY_PORT, threads=4, page_threads=2)
    with running(fake_recognizer, settings, reader=Slow()) as server:
        port = server.port
        threads, answers = in_background(
            6, lambda: ask(port, "POST", "/api/v1/read", digit_png, Content_Type="image/png")
        )
        assert all(begun.acquire(timeout=PATIENCE) for _ in range(2))
        digit = predict(port, digit_png)
        release.set()
        for thread in threads:
            thread.join(PATIENCE)

    assert digit[0] == 200
    assert [status for status, _, _ in answers] == [200] * 6
    assert most == 2


def test_a_request_that_never_becomes_whole_loses_its_connection(fake_recognizer: FakeRecognizer) -> None:
    settings = replace(ANY_PORT, request_timeout_s=1.0)
    server = HttpServer(create_app(fake_recognizer, settings), settings)
    loop = threading.Thread(target=server.run)
    loop.start()
    try:
        with socket.create_connection(("127.0.0.1", server.port), PATIENCE) as slow:
            slow.sendall(b"POST /api/v1/predict HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\n")
            ended = threading.Event()
            threading.Thread(target=_wait_for_end, args=(slow, ended)).start()
            while not ended.is_set():
                with contextlib.suppress(OSError):
                    slow.sendall(b"x")  # never silent
                for listener in server._listeners:
                    listener.next_channel_cleanup = 0.0  # looks now, not in a quarter of a minute
                server._listeners[0].pull_trigger()
                ended.wait(0.1)
    finally:
        server.stop()
        loop.join(PATIENCE)
        server.close()

    assert not loop.is_alive()


def _wait_for_end(sock: socket.socket, ended: threading.Event) -> None:
    with contextlib.suppress(OSError):
        sock.recv(1)
    ended.set()


def test_beyond_the_limit_of_connections_health_still_answers_and_the_rest_is_refused(
    fake_recognizer: FakeRecognizer, digit_png: bytes
) -> None:
    settings = replace(ANY_PORT, connection_limit=10)
    with running(fake_recognizer, settings) as server, contextlib.ExitStack() as stack:
        for _ in range(10):
            stack.enter_context(socket.create_connection(("127.0.0.1", server.port), PATIENCE))
        wait_until(lambda: sum(len(listener.active_channels) for listener in server._listeners) == 10)
        health = ask(server.port)
        refused = predict(server.port, digit_png)

    assert health[0] == 200
    assert (refused[0], refused[1]["Connection"]) == (503, "close")


# --- how often one client may ask


def test_one_client_may_send_so_many_and_no_more(fake_recognizer: FakeRecognizer, digit_png: bytes) -> None:
    settings = replace(ANY_PORT, client_rate=0.001, client_burst=3)
    with running(fake_recognizer, settings) as server:
        port = server.port
        answers = [predict(port, digit_png) for _ in range(5)]
        health = ask(port)

    assert [status for status, _, _ in answers] == [200, 200, 200, 429, 429]
    assert json.loads(answers[-1][2])["type"] == "too-many-requests"
    assert 900 < int(answers[-1][1]["Retry-After"]) <= 1000
    assert health[0] == 200


def test_drawings_are_handed_in_at_a_bounded_rate(
    fake_recognizer: FakeRecognizer, store: FeedbackStore, digit_png: bytes
) -> None:
    settings = replace(ANY_PORT, feedback_per_minute=2)
    body = json.dumps(submission()).encode()
    with running(fake_recognizer, settings, feedback=lambda: store) as server:
        port = server.port
        answers = [ask(port, "POST", "/api/v1/feedback", body, Content_Type="application/json") for _ in range(4)]
        read = predict(port, digit_png)

    assert [status for status, _, _ in answers] == [201, 201, 429, 429]
    assert read[0] == 200


def test_after_too_many_wrong_keys_not_even_the_right_one_is_looked_at(
    keeping_client: FlaskClient, reviewer: FlaskClient
) -> None:
    before = reviewer.get("/api/v1/review/statistics")
    wrong = [
        keeping_client.get("/api/v1/review/statistics", headers={"Authorization": f"Bearer {ADMIN_KEY}{i}"})
        for i in range(31)
    ]
    after = reviewer.get("/api/v1/review/statistics")

    assert before.status_code == 200
    assert [answer.status_code for answer in wrong] == [401] * 30 + [429]
    assert after.status_code == 429
    assert after.json is not None
    assert after.json["type"] == "too-many-requests"
    assert int(after.headers["Retry-After"]) in {1, 2}


def test_a_bucket_fills_again_and_is_the_same_in_every_process(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    now = 100.0
    monkeypatch.setattr("time.monotonic", lambda: now)
    make_table(tmp_path / "limits")
    allowed = {"requests": Allowance(2, 0.5)}
    with Limits(allowed, tmp_path / "limits") as one, Limits(allowed, tmp_path / "limits") as other:
        taken = [limits.take("requests", "a") for limits in (one, other, one, other)]
        looked = other.wait_for("requests", "a")
        stranger = other.take("requests", "b")
        now += 2.0
        again = [limits.take("requests", "a") for limits in (other, one)]

    assert taken == [0, 0, 2.0, 2.0]
    assert looked == 2.0
    assert stranger == 0
    assert again == [0, 2.0]


def test_what_is_not_limited_never_waits() -> None:
    with Limits({}) as limits:
        assert not any(limits.take("requests", "a") for _ in range(1000))


def test_more_clients_than_buckets_push_out_those_that_asked_longest_ago() -> None:
    with Limits({"requests": Allowance(1, 0.001)}) as limits:
        first = limits.take("requests", "first")
        for number in range(20_000):
            limits.take("requests", f"client {number}")
        last = [limits.take("requests", f"client {number}") for number in range(19_900, 20_000)]

    assert first == 0
    assert sum(wait > 0 for wait in last) > 90


def test_a_key_with_a_limit_counts_for_itself_and_not_for_its_address(digit_png: bytes, tmp_path: Path) -> None:
    file, settings = KeyFile(tmp_path / "keys.json"), replace(ANY_PORT, client_rate=0.001, client_burst=1)
    _, limited = file.make("limited", [Scope.PREDICT], limit=Limit.parse("2/h"))
    _, free = file.make("free", [Scope.PREDICT])
    with running(FakeRecognizer(), settings, keys=KeyRing(file)) as server:

        def statuses(count: int, **headers: str) -> list[int]:
            return [ask(server.port, "POST", "/api/v1/predict", digit_png, **headers)[0] for _ in range(count)]

        with_limit = statuses(3, Content_Type="image/png", Authorization=f"Bearer {limited}")
        of_the_address = statuses(2, Content_Type="image/png", Authorization=f"Bearer {free}")
        forged = statuses(1, Content_Type="image/png", Authorization=f"Bearer {limited[:-1]}x")

    assert with_limit == [200, 200, 429]
    assert of_the_address == [200, 429]
    assert forged == [429]  # counts for the address, which has none left


# --- digits that the loop reads itself, where one thread is to read them


class Failing:
    """A connection that cannot be served."""

    def service(self) -> None:
        raise ZeroDivisionError


def test_the_loops_own_line_goes_on_after_a_request_that_failed() -> None:
    line = gate.OwnLane()
    line.add_task(Failing())
    line.serve_next()

    assert line.waiting == 0
    assert not line.is_full(0)


def test_what_still_waits_in_the_loops_own_line_is_let_go_of_at_the_end() -> None:
    cancelled: list[int] = []
    line = gate.OwnLane()
    for number in range(3):
        line.add_task(SimpleNamespace(cancel=functools.partial(cancelled.append, number)))
    line.shutdown()

    assert cancelled == [0, 1, 2]
    assert line.waiting == 0


ALONE = replace(ANY_PORT, threads=1)


def test_requests_of_one_connection_are_answered_in_order_by_loop_and_threads(digit_png: bytes) -> None:
    digit = b"POST /api/v1/predict HTTP/1.1\r\nHost: localhost\r\nContent-Type: image/png\r\n"
    digit += b"Content-Length: %d\r\n" % len(digit_png)
    health = b"GET /health/live HTTP/1.1\r\nHost: localhost\r\n"
    last = b"Connection: close\r\n"
    with running(FakeRecognizer(), ALONE) as server, socket.create_connection(("127.0.0.1", server.port)) as sock:
        sock.sendall(b"".join([digit, b"\r\n", digit_png, health, b"\r\n"] * 3 + [digit, last, b"\r\n", digit_png]))
        answers = sock.makefile("rb").read()

    assert answers.count(b"HTTP/1.1 200 OK") == 7
    told = [b"digit" if b'"label"' in part else b"health" for part in answers.split(b"HTTP/1.1 200 OK")[1:]]
    assert told == [b"digit", b"health"] * 3 + [b"digit"]


def test_a_digit_that_takes_long_in_the_loops_own_thread_holds_up_nobody(digit_png: bytes) -> None:
    held = Held()
    with running(held, replace(ALONE, queue_limit=1)) as server:
        threads, answers = in_background(2, lambda: predict(server.port, digit_png))
        held.wait_begun(1)
        wait_until(lambda: server._lanes.waiting == 1)
        during = [ask(server.port), predict(server.port, digit_png), ask(server.port)]
        held.release.set()
        for thread in threads:
            thread.join(PATIENCE)

    assert [status for status, _, _ in during] == [200, 503, 200]
    assert [status for status, _, _ in answers] == [200, 200]


def test_a_stopped_server_reads_the_digits_that_wait_for_its_loop(digit_png: bytes) -> None:
    held = Held()
    with running(held, ALONE) as server:
        threads, answers = in_background(3, lambda: predict(server.port, digit_png))
        held.wait_begun(1)
        wait_until(lambda: server._lanes.waiting == 2)
        server.stop()
        held.release.set()
        for thread in threads:
            thread.join(PATIENCE)

    assert [status for status, _, _ in answers] == [200, 200, 200]


def test_many_idle_connections_keep_nobody_waiting(digit_png: bytes) -> None:
    with running(FakeRecognizer(), ALONE) as server, contextlib.ExitStack() as stack:
        idle = [stack.enter_context(socket.create_connection(("127.0.0.1", server.port))) for _ in range(150)]
        answers = [predict(server.port, digit_png)[0] for _ in range(5)]
        idle[77].sendall(b"GET /health/live HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        late = idle[77].makefile("rb").read()

    assert answers == [200] * 5
    assert late.startswith(b"HTTP/1.1 200 OK")

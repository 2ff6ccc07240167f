"""The server on a real port: what raw bytes do to it, and how it starts and stops."""

import contextlib
import errno
import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import textwrap
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest
from flask import Flask

from inkdigit import ConfigError
from inkdigit.config import MAX_BODY_BYTES, Settings
from inkdigit.server import create_app, serving
from inkdigit.server.answers import MAX_HEADER_BYTES
from inkdigit.server.serving import HttpServer

PATIENCE = 30.0  # seconds; no test waits for it to pass, a fault ends by it
ANY_PORT = Settings(port=0)


@contextlib.contextmanager
def running(app: Flask, settings: Settings = ANY_PORT) -> Iterator[HttpServer]:
    server = HttpServer(app, settings)
    loop = threading.Thread(target=server.run)
    loop.start()
    try:
        yield server
    finally:
        server.stop()
        loop.join(PATIENCE)
        server.close()
    assert not loop.is_alive()


@pytest.fixture
def port(app: Flask) -> Iterator[int]:
    with running(app) as server:
        yield server.port


def connect(port: int) -> socket.socket:
    return socket.create_connection(("127.0.0.1", port), PATIENCE)


def read_all(sock: socket.socket) -> bytes:
    """Everything the server sends until it ends the connection, in order or by reset."""
    parts = []
    with contextlib.suppress(ConnectionResetError):
        while part := sock.recv(65536):
            parts.append(part)
    return b"".join(parts)


def exchange(port: int, *parts: bytes) -> bytes:
    with connect(port) as sock:
        for part in parts:
            sock.sendall(part)
        return read_all(sock)


def statuses(answer: bytes) -> list[int]:
    return [int(part[4:7]) for part in answer.split(b"HTTP/1.")[1:] if part[1:2] == b" " for part in [b"1." + part]]


def post(head: bytes, body: bytes = b"") -> bytes:
    return b"POST /api/v1/predict HTTP/1.1\r\nHost: localhost\r\nContent-Type: image/png\r\n" + head + b"\r\n" + body


HIDDEN = b"GET /health/live HTTP/1.1\r\nHost: localhost\r\n\r\n"
"""A request that hides behind a malformed one; an answer to it would show that it was served."""


# --- requests that break the rules


BROKEN = {
    "two lengths": post(b"Content-Length: 5\r\nContent-Length: 6\r\n", b"hello"),
    "the same length twice": post(b"Content-Length: 5\r\nContent-Length: 5\r\n", b"hello"),
    "a negative length": post(b"Content-Length: -5\r\n", b"hello"),
    "a length with a sign": post(b"Content-Length: +5\r\n", b"hello"),
    "a length in hex": post(b"Content-Length: 0x5\r\n", b"hello"),
    "a length of 5,000 digits": post(b"Content-Length: " + b"9" * 5000 + b"\r\n", b"hello"),
    "a length and chunks": post(b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n", b"0\r\n\r\n"),
    "chunks and a length": post(b"Transfer-Encoding: chunked\r\nContent-Length: 5\r\n", b"0\r\n\r\n"),
    "chunks in HTTP/1.0": post(b"Transfer-Encoding: chunked\r\nConnection: keep-alive\r\n", b"0\r\n\r\n").replace(
        b"HTTP/1.1", b"HTTP/1.0"
    ),
    "a negative chunk": post(b"Transfer-Encoding: chunked\r\n", b"-5\r\nhello\r\n0\r\n\r\n"),
    "a chunk longer than said": post(b"Transfer-Encoding: chunked\r\n", b"1\r\nhello\r\n0\r\n\r\n"),
    "a space before the colon": post(b"Content-Length : 5\r\n", b"hello"),
    "a bare line feed": post(b"X: 1\nContent-Length: 5\r\n", b"hello"),
    "a header without a name": post(b": 5\r\n"),
    "a NUL in a header": post(b"X: a\0b\r\n"),
    "no request line": b"\0\1\2\3 garbage \xff\r\n\r\n",
    "a lower-case method": b"get / HTTP/1.1\r\nHost: localhost\r\n\r\n",
    "a broken URL": b"GET http://[ HTTP/1.1\r\nHost: localhost\r\n\r\n",
    "TLS": bytes.fromhex("16030100") + b"\r\n\r\n",
}


@pytest.mark.parametrize("request_bytes", BROKEN.values(), ids=BROKEN.keys())
def test_a_broken_request_is_refused_and_nothing_behind_it_is_served(port: int, request_bytes: bytes) -> None:
    answer = exchange(port, request_bytes + HIDDEN, HIDDEN)

    assert statuses(answer) == [400]
    assert b"live" not in answer.partition(b"\r\n\r\n")[2]
    assert json.loads(answer.partition(b"\r\n\r\n")[2])["type"] == "bad-request"


def test_an_unknown_transfer_coding_is_refused(port: int) -> None:
    answer = exchange(port, post(b"Transfer-Encoding: gzip, chunked\r\n", b"0\r\n\r\n") + HIDDEN)

    assert statuses(answer) == [501]
    assert json.loads(answer.partition(b"\r\n\r\n")[2])["type"] == "unknown-transfer-coding"


@pytest.mark.parametrize(("address", "header"), [(0, 300_000), (300_000, 0)])
def test_an_address_and_headers_over_the_limit_are_refused(port: int, address: int, header: int) -> None:
    head = b"GET /" + b"a" * address + b" HTTP/1.1\r\nHost: localhost\r\nX: " + b"x" * header
    answer = exchange(port, head + b"\r\n\r\n" + HIDDEN)

    problem = json.loads(answer.partition(b"\r\n\r\n")[2])
    assert MAX_HEADER_BYTES < 300_000
    assert statuses(answer) == [431]
    assert problem["type"] == "headers-too-large"
    assert "address and the headers" in problem["detail"]
    assert f"over {MAX_HEADER_BYTES // 1024} KiB; shorten them" in problem["detail"]


def test_a_refusal_by_the_server_carries_the_headers_of_every_answer(port: int) -> None:
    answer = exchange(port, BROKEN["a negative length"])

    head = answer.partition(b"\r\n\r\n")[0].decode().lower().split("\r\n")
    assert "content-type: application/problem+json" in head
    assert "x-content-type-options: nosniff" in head
    assert "connection: close" in head
    assert any(line.startswith("content-security-policy: default-src 'self'") for line in head)
    assert not any(line.startswith("server:") for line in head)


def test_the_server_still_serves_after_all_of_them(port: int, digit_png: bytes) -> None:
    for request_bytes in BROKEN.values():
        exchange(port, request_bytes)

    answer = exchange(port, post(b"Connection: close\r\nContent-Length: %d\r\n" % len(digit_png), digit_png))

    assert statuses(answer) == [200]


# --- limits


def test_a_declared_body_of_10_gb_is_refused_before_it_is_sent(port: int) -> None:
    answer = exchange(port, post(b"Content-Length: 10000000000\r\n"))

    assert statuses(answer) == [413]
    assert json.loads(answer.partition(b"\r\n\r\n")[2])["type"] == "body-too-large"


def test_a_client_that_sends_too_much_still_reads_why(port: int) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE)

    connection.request("POST", "/api/v1/predict", b"x" * (2 * MAX_BODY_BYTES), {"Content-Type": "image/png"})
    response = connection.getresponse()

    assert response.status == 413
    assert json.loads(response.read())["type"] == "body-too-large"
    connection.close()


def test_a_refused_client_that_stays_is_left(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("inkdigit.server.http.DISCARD_S", 0.0)
    with running(app) as server, connect(server.port) as sock:
        sock.sendall(BROKEN["a negative length"])
        answer = read_all(sock)
        left = _until(lambda: not server._channels(), lambda: True)

    assert statuses(answer) == [400]
    assert left


def test_slow_bodies_held_open_keep_nobody_waiting(port: int, digit_png: bytes) -> None:
    predict = post(b"Connection: close\r\nContent-Length: %d\r\n" % len(digit_png), digit_png)
    with contextlib.ExitStack() as stack:
        slow = [stack.enter_context(connect(port)) for _ in range(30)]
        for sock in slow:
            sock.sendall(predict[:-10])
        answer = exchange(port, predict)
        for sock in slow:
            sock.sendall(predict[-10:])
        late = [read_all(sock) for sock in slow]

    assert statuses(answer) == [200]
    assert [statuses(answer) for answer in late] == [[200]] * 30


def test_a_chunked_body_over_the_limit_is_refused(port: int, digit_png: bytes, fake_recognizer: Any) -> None:
    parts = [digit_png, *[b"\0" * 65536] * (MAX_BODY_BYTES // 65536 + 1)]
    chunks = [b"%x\r\n%s\r\n" % (len(part), part) for part in parts]

    answer = exchange(port, post(b"Transfer-Encoding: chunked\r\n"), *chunks, b"0\r\n\r\n", HIDDEN)

    assert statuses(answer) == [413]
    assert fake_recognizer.seen == []


def test_a_chunked_body_under_the_limit_is_read_whole(port: int, digit_png: bytes, fake_recognizer: Any) -> None:
    chunks = [b"%x\r\n%s\r\n" % (len(part), part) for part in (digit_png[:100], digit_png[100:])]

    answer = exchange(port, post(b"Connection: close\r\nTransfer-Encoding: chunked\r\n"), *chunks, b"0\r\n\r\n")

    assert statuses(answer) == [200]
    assert len(fake_recognizer.seen) == 1


@pytest.mark.parametrize(("excess", "status"), [(0, 413), (1, 413)])
def test_the_limit_is_the_same_to_the_byte_in_both_layers(port: int, excess: int, status: int) -> None:
    body = b"x" * (MAX_BODY_BYTES + excess)

    answer = exchange(port, post(b"Connection: close\r\nContent-Length: %d\r\n" % len(body), body))

    assert statuses(answer) == [status]
    told = json.loads(answer.partition(b"\r\n\r\n")[2])["type"]
    assert told == ("body-too-large" if excess else "image-too-large")


def test_requests_sent_one_behind_the_other_are_answered_in_order(port: int, digit_png: bytes) -> None:
    predict = post(b"Content-Length: %d\r\n" % len(digit_png), digit_png)
    last = HIDDEN.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n")

    answer = exchange(port, HIDDEN + predict + HIDDEN + last)

    assert statuses(answer) == [200, 200, 200, 200]
    assert answer.index(b'"label":7') > answer.index(b'"status":"ok"')


@pytest.mark.parametrize("path", [b"//health/live", b"///health/live", b"/%2Fhealth/live", b"//health//live"])
def test_an_address_that_begins_with_a_doubled_slash_is_another_one(port: int, path: bytes) -> None:
    answer = exchange(
        port, HIDDEN.replace(b"/health/live", path).replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n")
    )

    assert statuses(answer) == [404]
    assert b'"type":"not-found"' in answer


def test_proxy_headers_of_strangers_change_nothing(port: int) -> None:
    answer = exchange(
        port, HIDDEN.replace(b"\r\n\r\n", b"\r\nX-Forwarded-Host: evil.example\r\nConnection: close\r\n\r\n")
    )

    assert statuses(answer) == [200]


# --- health does not wait


def test_health_answers_while_every_thread_is_at_work(fake_recognizer: Any, digit_png: bytes) -> None:
    held, release = threading.Semaphore(0), threading.Event()
    read = fake_recognizer.predict

    def wait(images: Any) -> Any:
        held.release()
        assert release.wait(PATIENCE)
        return read(images)

    fake_recognizer.predict = wait
    settings = replace(ANY_PORT, threads=2)
    predict = post(b"Connection: close\r\nContent-Length: %d\r\n" % len(digit_png), digit_png)
    with running(create_app(fake_recognizer, settings), settings) as server, contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(connect(server.port)) for _ in range(4)]
        for sock in sockets:
            sock.sendall(predict)
        assert all(held.acquire(timeout=PATIENCE) for _ in range(2))

        health = exchange(server.port, HIDDEN.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n"))
        release.set()
        answers = [read_all(sock) for sock in sockets]

    assert statuses(health) == [200]
    assert [statuses(answer) for answer in answers] == [[200]] * 4


# --- the start


def test_a_taken_port_is_named_with_the_option_that_chooses_another(app: Flask) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]

        with pytest.raises(ConfigError, match=f"port {port} on 127.0.0.1 is taken .* --port {port + 1}"):
            HttpServer(app, Settings(port=port))


def test_an_address_of_another_machine_is_named_with_the_option_that_chooses_another(app: Flask) -> None:
    with pytest.raises(ConfigError, match="--host") as told:
        HttpServer(app, Settings(host="192.0.2.1", port=0))

    assert str(told.value).count("192.0.2.1") == 1


@pytest.mark.parametrize("host", ["x" * 64, "a..b"])
def test_a_name_that_no_host_can_have_is_told_too(app: Flask, host: str) -> None:
    with pytest.raises(ConfigError, match=r"no address .* choose one with --host"):
        HttpServer(app, Settings(host=host, port=0))


def test_an_unknown_name_is_told_with_the_option_that_chooses_another(
    app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unknown(*args: Any, **kwargs: Any) -> Any:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)

    with pytest.raises(ConfigError, match="no address nowhere on this machine; choose one with --host"):
        HttpServer(app, Settings(host="nowhere", port=0))


@pytest.mark.parametrize(
    ("number", "platform", "message"),
    [
        (errno.EADDRINUSE, "darwin", "AirPlay Receiver"),
        (errno.EACCES, "linux", "port 80 is not allowed to this user"),
        (errno.ENOBUFS, "linux", "--host and --port"),
    ],
)
def test_other_reasons_are_told_too(
    app: Flask, monkeypatch: pytest.MonkeyPatch, number: int, platform: str, message: str
) -> None:
    def refuse(*args: Any, **kwargs: Any) -> Any:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(socket, "create_server", refuse)
    monkeypatch.setattr(sys, "platform", platform)

    with pytest.raises(ConfigError, match=message):
        HttpServer(app, Settings(port=80))


def test_localhost_is_served_on_every_address_it_has(app: Flask) -> None:
    settings = Settings(host="localhost", port=0)
    with running(app, settings) as server:
        families = {family for family, _ in serving._addresses("localhost")}
        addresses = [
            address
            for family, address in ((socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1"))
            if family in families and _can_bind(family, address)
        ]
        answers = [_get_live(address, server.port) for address in addresses]

    assert server.url == f"http://localhost:{server.port}/"
    assert answers == [200] * len(addresses)
    assert "127.0.0.1" in addresses


def _can_bind(family: socket.AddressFamily, address: str) -> bool:
    try:
        socket.create_server((address, 0), family=family).close()
    except OSError:
        return False
    return True


def _get_live(address: str, port: int) -> int:
    connection = http.client.HTTPConnection(address, port, timeout=PATIENCE)
    connection.request("GET", "/health/live", headers={"Connection": "close"})
    with connection.getresponse() as response:
        connection.close()
        return response.status


@pytest.mark.parametrize(
    ("host", "url"),
    [
        ("127.0.0.1", "http://127.0.0.1:80/"),
        ("0.0.0.0", "http://127.0.0.1:80/"),
        ("::", "http://[::1]:80/"),
        ("::1", "http://[::1]:80/"),
        ("printer.lan", "http://printer.lan:80/"),
    ],
)
def test_the_url_is_one_that_a_browser_on_this_machine_can_open(host: str, url: str) -> None:
    assert serving.url_of(host, 80) == url


# --- the end


def test_a_stopped_server_answers_what_it_holds_and_closes_idle_connections(app: Flask, digit_png: bytes) -> None:
    predict = post(b"Content-Length: %d\r\n" % len(digit_png), digit_png)
    with running(app) as server, connect(server.port) as idle, connect(server.port) as half_sent:
        idle.sendall(HIDDEN)
        first = http.client.HTTPResponse(idle)
        first.begin()
        first.read()
        half_sent.sendall(predict[:-10])
        assert _get_live("127.0.0.1", server.port) == 200  # so that both were taken in

        server.stop()
        rest = read_all(idle)
        half_sent.sendall(predict[-10:])
        answer = read_all(half_sent)

    assert (first.status, rest) == (200, b"")
    assert statuses(answer) == [200]
    assert b"Connection: close" in answer


def test_the_notice_ends_by_itself(app: Flask) -> None:
    with running(app) as server:
        server.stop(notice_s=0.05)
        closed = _until(lambda: not _is_open(server.port), lambda: True)

    assert closed


def test_another_stop_ends_the_notice_and_one_more_the_requests(
    app: Flask, digit_png: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    predict = post(b"Content-Length: %d\r\n" % len(digit_png), digit_png)
    with contextlib.ExitStack() as stack:
        with running(app) as server:
            half_sent = stack.enter_context(connect(server.port))
            half_sent.sendall(predict[:-10])
            assert _get_live("127.0.0.1", server.port) == 200
            for _ in range(3):
                server.stop(notice_s=3600)
        rest = read_all(half_sent)

    assert rest == b""
    assert "connections were cut off" in caplog.text


def test_stopping_what_has_ended_is_harmless(app: Flask) -> None:
    with running(app) as server:
        pass

    server.stop()

    with pytest.raises(ConnectionRefusedError):
        connect(server.port)


def test_serve_announces_the_url_and_gives_the_signals_back(app: Flask) -> None:
    before = [signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)]
    urls: list[str] = []

    def announce(url: str) -> None:
        urls.append(url)
        signal.raise_signal(signal.SIGINT)

    serving.serve(app, ANY_PORT, on_ready=announce)

    assert urls[0].startswith("http://127.0.0.1:")
    assert [signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)] == before


SLOW_SERVER = textwrap.dedent("""
    import os, sys, threading
    from inkdigit import Prediction
    from inkdigit.config import Settings
    from inkdigit.server import create_app
    from inkdigit.server.serving import serve

    class Slow:
        version, card = "slow", {}

        def predict(self, images):
            os.write(1, b"begun\\n")
            assert release.wait(30)
            return [Prediction(7, 1.0, (0.0,) * 7 + (1.0, 0.0, 0.0), True) for _ in images]

    release = threading.Event()
    threading.Thread(target=lambda: (sys.stdin.readline(), release.set()), daemon=True).start()
    settings = Settings(port=0, threads=3, drain_notice_s=float(sys.argv[1]))
    serve(create_app(Slow(), settings), settings, on_ready=lambda url: print(url, flush=True))
    print("ended", flush=True)
""")


@contextlib.contextmanager
def slow_server(notice_s: float) -> Iterator[tuple[subprocess.Popen[str], int]]:
    """A server in a process of its own, whose answers wait for a line on its standard input."""
    process = subprocess.Popen(
        [sys.executable, "-c", SLOW_SERVER, str(notice_s)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env=dict(os.environ, PYTHONPATH=os.pathsep.join(path for path in sys.path if path)),
    )
    assert process.stdin
    assert process.stdout
    with process:
        try:
            yield process, int(process.stdout.readline().rsplit(":", 1)[1].rstrip("/\n"))
        finally:
            process.kill()


@pytest.mark.skipif(os.name != "posix", reason="sends SIGTERM")
def test_sigterm_fails_readiness_first_then_finishes_every_accepted_request(digit_png: bytes) -> None:
    requests = 12
    predict = post(b"Content-Length: %d\r\n" % len(digit_png), digit_png)
    with slow_server(notice_s=600.0) as (process, port), contextlib.ExitStack() as stack:
        assert process.stdin
        assert process.stdout
        sockets = [stack.enter_context(connect(port)) for _ in range(requests)]
        for sock in sockets:
            sock.sendall(predict)
        assert process.stdout.readline() == "begun\n"

        process.send_signal(signal.SIGTERM)
        readiness = _until(lambda: _ready(port) == 503, lambda: True)
        late = stack.enter_context(connect(port))  # the port is still open, and takes requests
        late.sendall(predict)
        process.send_signal(signal.SIGTERM)  # ends the notice, which would otherwise be a long one
        refused = _until(lambda: not _is_open(port), lambda: process.poll() is None)
        process.stdin.write("\n")
        process.stdin.flush()
        answers = [read_all(sock) for sock in (*sockets, late)]
        output = process.stdout.read()

    assert readiness
    assert refused
    assert [statuses(answer) for answer in answers] == [[200]] * (requests + 1)
    assert all(b'"label":7' in answer for answer in answers)
    assert output.endswith("ended\n")
    assert process.returncode == 0


@pytest.mark.skipif(os.name != "posix", reason="sends SIGINT")
def test_ctrl_c_finishes_too_but_gives_no_notice(digit_png: bytes) -> None:
    predict = post(b"Content-Length: %d\r\n" % len(digit_png), digit_png)
    with slow_server(notice_s=600.0) as (process, port), connect(port) as sock:
        assert process.stdin
        assert process.stdout
        sock.sendall(predict)
        assert process.stdout.readline() == "begun\n"

        process.send_signal(signal.SIGINT)
        process.stdin.write("\n")
        process.stdin.flush()
        answer = read_all(sock)
        process.stdout.read()

    assert statuses(answer) == [200]
    assert process.returncode == 0


def _ready(port: int) -> int:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE)
    connection.request("GET", "/health/ready", headers={"Connection": "close"})
    with connection.getresponse() as response:
        connection.close()
        return response.status


def _is_open(port: int) -> bool:
    try:
        connect(port).close()
    except ConnectionRefusedError:
        return False
    return True


def _until(holds: Callable[[], bool], alive: Callable[[], bool]) -> bool:
    pause = threading.Event()
    while alive() and not holds():
        pause.wait(0.02)
    return holds()

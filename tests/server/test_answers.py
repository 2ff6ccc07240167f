"""How answers are written to the wire, whatever the application gives back."""

import contextlib
import http.client
import socket
import threading
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import pytest
from flask import Flask
from tests.server.running import PATIENCE, running
from waitress.task import WSGITask

Wsgi = Callable[[Any, Any], Iterable[bytes]]


@contextlib.contextmanager
def serving(app: Flask, answer: Wsgi) -> Iterator[int]:
    app.wsgi_app = answer  # type: ignore[method-assign,assignment]
    with running(app) as port:
        yield port


def ask(port: int, method: str = "GET", **headers: str) -> tuple[int, dict[str, str], bytes]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE)
    connection.request(method, "/", headers=headers)
    answer = connection.getresponse()
    body = answer.read()
    connection.close()
    return answer.status, {name.lower(): text for name, text in answer.getheaders()}, body


def giving(*parts: bytes, fields: Iterable[tuple[str, str]] = (), status: str = "200 OK") -> Wsgi:
    def answer(_environ: Any, start_response: Any) -> Iterable[bytes]:
        start_response(status, list(fields))
        return parts

    return answer


def test_an_answer_says_what_waitress_would_say(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    fields = [("Content-Type", "text/plain"), ("Content-Length", "5"), ("X-Request-ID", "a"), ("Set-Cookie", "b=c")]
    monkeypatch.setattr("inkdigit.server.answers._date", lambda _second: "now")
    monkeypatch.setattr("waitress.task.build_http_date", lambda _second: "now")
    with serving(app, giving(b"hello", fields=fields)) as port:
        ours = ask(port)
        monkeypatch.setattr("inkdigit.server.answers.AppTask.build_response_header", WSGITask.build_response_header)
        theirs = ask(port)

    assert ours == theirs
    assert ours[1]["date"] == "now"


@pytest.mark.parametrize("version", ["1.0", "1.1"])
@pytest.mark.parametrize("asked", ["keep-alive", "close", None])
def test_a_connection_ends_when_it_should(app: Flask, version: str, asked: str | None) -> None:
    head = f"GET / HTTP/{version}\r\nHost: localhost\r\n" + (f"Connection: {asked}\r\n" if asked else "")
    goes_on = asked == "keep-alive" or (version == "1.1" and asked is None)
    last = b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
    with (
        serving(app, giving(b"hello", fields=[("Content-Length", "5")])) as port,
        socket.create_connection(("127.0.0.1", port), PATIENCE) as sock,
    ):
        sock.sendall(f"{head}\r\n".encode() + last)
        answers = sock.makefile("rb").read()

    assert answers.count(b"hello") == (2 if goes_on else 1)


def test_a_length_that_the_application_leaves_out_is_told(app: Flask) -> None:
    with serving(app, giving(b"one", b"two")) as port:
        status, headers, body = ask(port)

    assert (status, headers["content-length"], body) == (200, "6", b"onetwo")


def test_a_stream_is_sent_in_chunks(app: Flask) -> None:
    def answer(_environ: Any, start_response: Any) -> Iterable[bytes]:
        start_response("200 OK", [])
        yield b"one"
        yield b""
        yield b"two"

    with serving(app, answer) as port:
        _, headers, body = ask(port)

    assert (headers["transfer-encoding"], body) == ("chunked", b"onetwo")


def test_a_large_answer_reaches_a_slow_reader_whole(app: Flask) -> None:
    large = bytes(range(256)) * 40_000
    with (
        serving(app, giving(large, fields=[("Content-Length", str(len(large)))])) as port,
        socket.create_connection(("127.0.0.1", port), PATIENCE) as sock,
    ):
        sock.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        threading.Event().wait(0.2)
        answer = sock.makefile("rb").read()

    assert answer.partition(b"\r\n\r\n")[2] == large


def test_an_answer_that_ends_too_early_ends_the_connection(app: Flask) -> None:
    with (
        serving(app, giving(b"hell", fields=[("Content-Length", "5")])) as port,
        socket.create_connection(("127.0.0.1", port), PATIENCE) as sock,
    ):
        sock.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
        answer = sock.makefile("rb").read()

    assert answer.endswith(b"hell")


def test_a_head_tells_the_length_of_a_body_that_is_not_sent(app: Flask) -> None:
    with serving(app, giving(fields=[("Content-Length", "5")])) as port:
        status, headers, body = ask(port, "HEAD")

    assert (status, headers["content-length"], body) == (200, "5", b"")


@pytest.mark.parametrize("bad", [("X", "a\r\nSet-Cookie: b=c"), ("X\n", "a"), ("X", "a\rb")])
def test_no_line_break_gets_into_a_head(app: Flask, bad: tuple[str, str]) -> None:
    with serving(app, giving(b"hello", fields=[("Content-Length", "5"), bad])) as port:
        status, headers, body = ask(port)

    assert status == 500
    assert "set-cookie" not in headers
    assert b"hello" not in body


def test_an_error_before_the_first_byte_takes_the_place_of_an_answer_that_was_begun(app: Flask) -> None:
    def answer(_environ: Any, start_response: Any) -> Iterable[bytes]:
        start_response("200 OK", [("Content-Length", "5")])
        try:
            raise ZeroDivisionError
        except ZeroDivisionError as error:
            start_response("503 Service Unavailable", [("Content-Length", "4")], (type(error), error, None))
        return (b"sooo",)

    with serving(app, answer) as port:
        status, headers, body = ask(port)

    assert (status, headers["content-length"], body) == (503, "4", b"sooo")


def test_an_application_that_begins_twice_is_told_off(app: Flask) -> None:
    def answer(_environ: Any, start_response: Any) -> Iterable[bytes]:
        start_response("200 OK", [])
        start_response("200 OK", [])
        return ()

    with serving(app, answer) as port:
        status, _, _ = ask(port)

    assert status == 500


def test_the_iterable_of_an_answer_is_closed_even_where_its_client_left(app: Flask) -> None:
    closed = threading.Event()

    class Parts:
        def __iter__(self) -> Iterator[bytes]:
            yield b"one"

        def close(self) -> None:
            closed.set()

    def answer(_environ: Any, start_response: Any) -> Iterable[bytes]:
        start_response("200 OK", [("Content-Length", "3")])
        return Parts()

    with serving(app, answer) as port, socket.create_connection(("127.0.0.1", port), PATIENCE) as sock:
        sock.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
        sock.close()
        assert closed.wait(PATIENCE)

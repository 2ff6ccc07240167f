"""What breaks the rules of HTTP, forms or JSON, sent over a socket to every route that there is; ATTACKS 13 to 15."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from flask import Flask
from tests.conftest import FakeReader, FakeRecognizer
from tests.server.conftest import ADMIN_KEY, drawing, submission
from tests.server.test_serving import HIDDEN, exchange, running, statuses

from inkdigit.config import Settings
from inkdigit.feedback import FeedbackStore, Status
from inkdigit.server import create_app

FILLED = {"version": "fake-1", "receipt": "a" * 32, "filename": "main.js"}


@dataclass(frozen=True, slots=True)
class Route:
    """A method and a path that the server knows."""

    method: str
    path: str

    def request(self, *headers: bytes, body: bytes = b"") -> bytes:
        lines = [f"{self.method} {self.path} HTTP/1.1".encode(), b"Host: localhost", *headers]
        return b"\r\n".join([*lines, f"Authorization: Bearer {ADMIN_KEY}".encode(), b"", b""]) + body


def routes_of(app: Flask) -> list[Route]:
    found = []
    for rule in app.url_map.iter_rules():
        path = rule.build({name: FILLED[name] for name in rule.arguments}, append_unknown=False)
        assert path is not None
        found += [Route(method, path[1]) for method in sorted((rule.methods or set()) - {"HEAD", "OPTIONS"})]
    return found


@dataclass(frozen=True, slots=True)
class Served:
    """A server on a port, with a corrected drawing in its store."""

    port: int
    routes: list[Route]
    store: FeedbackStore
    recognizer: FakeRecognizer

    def takers(self) -> list[Route]:
        return [route for route in self.routes if route.method == "POST" and not route.path.endswith("/undo")]

    def state(self) -> tuple[Any, ...]:
        return tuple((kept.id, kept.status) for kept in self.store.drawings(limit=9)), len(self.recognizer.seen)


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    settings, recognizer = Settings(port=0, admin_key=ADMIN_KEY), FakeRecognizer()
    with FeedbackStore.open(tmp_path_factory.mktemp("store") / "feedback.sqlite") as store:
        app = create_app(recognizer, settings, FakeReader(), feedback=lambda: store)
        app.test_client().post("/api/v1/feedback", json=submission())
        with running(app, settings) as server:
            yield Served(server.port, routes_of(app), store, recognizer)


LENGTH, CHUNKS = b"Content-Length: 5", b"Transfer-Encoding: chunked"
BROKEN = {
    "two lengths": ((LENGTH, b"Content-Length: 6"), b"hello"),
    "a negative length": ((b"Content-Length: -5",), b"hello"),
    "a length with a sign": ((b"Content-Length: +5",), b"hello"),
    "a length and chunks": ((LENGTH, CHUNKS), b"0\r\n\r\n"),
    "a negative chunk": ((CHUNKS,), b"-5\r\nhello\r\n0\r\n\r\n"),
    "a space before the colon": ((b"Content-Length : 5",), b"hello"),
    "a NUL in a header": ((b"X: a\0b",), b""),
}


@pytest.mark.parametrize(("headers", "body"), BROKEN.values(), ids=BROKEN.keys())
def test_a_broken_request_is_refused_on_every_route(served: Served, headers: tuple[bytes, ...], body: bytes) -> None:
    before = served.state()

    answers = {
        route: exchange(served.port, route.request(*headers, body=body) + HIDDEN, HIDDEN) for route in served.routes
    }

    assert {route: statuses(answer) for route, answer in answers.items()} == {route: [400] for route in served.routes}
    assert served.state() == before


def test_headers_over_the_limit_are_refused_on_every_route(served: Served) -> None:
    before = served.state()

    answers = [exchange(served.port, route.request(b"X: " + b"x" * 300_000) + HIDDEN) for route in served.routes]

    assert [statuses(answer) for answer in answers] == [[431]] * len(served.routes)
    assert served.state() == before


def sent(served: Served, route: Route, media_type: str, body: bytes) -> tuple[int, str]:
    """The status of an answer, and what it says is wrong, "" for nothing."""
    head = (f"Content-Type: {media_type}".encode(), b"Connection: close", b"Content-Length: %d" % len(body))
    answer = exchange(served.port, route.request(*head, body=body))
    assert len(statuses(answer)) == 1
    told = json.loads(answer.partition(b"\r\n\r\n")[2])
    return statuses(answer)[0], told.get("type") or told.get("error") or ""  # the protocol v2 has an error alone


def form_of(parts: int, boundary: str) -> bytes:
    part = f'--{boundary}\r\nContent-Disposition: form-data; name="image"; filename="i.png"\r\n\r\n'.encode()
    return (part + drawing() + b"\r\n") * parts + f"--{boundary}--\r\n".encode()


@pytest.mark.parametrize(("parts", "length"), [(50, 8), (1, 20_000)], ids=["50 parts", "a boundary of 20,000"])
def test_a_hostile_form_is_refused_wherever_something_is_sent(served: Served, parts: int, length: int) -> None:
    before, boundary = served.state(), "b" * length

    found = [
        sent(served, route, f"multipart/form-data; boundary={boundary}", form_of(parts, boundary))
        for route in served.takers()
    ]

    assert {status for status, _ in found} <= {400, 413, 415}
    assert all(problem for _, problem in found)
    assert served.state() == before


DEEP = 100_000
JSON = {
    "a depth bomb": b"[" * DEEP + b"]" * DEEP,
    "a depth bomb in a field": b'{"image": ' + b'{"a":' * DEEP + b"1" + b"}" * DEEP + b"}",
    "NaN": b'{"image": NaN}',
    "Infinity": b'{"image": -Infinity}',
    "a number of 5,000 digits": b'{"label": ' + b"9" * 5000 + b"}",
    "an exponent of 10,000": b'{"label": 1e10000}',
    "a list": b"[]",
    "null": b"null",
    "a text": b'"image"',
    "wrong types": b'{"image": {}, "label": [], "verdicts": 7, "inputs": "x", "layer": true, "corrections": null}',
    "NUL in a text": b'{"image": "data:image/png;base64,\\u0000"}',
    "NUL": b"\0",
    "no end": b'{"image": "',
    "half a letter": b'{"image": "\\ud800"}',
    "no UTF-8": b'{"image": "\xff"}',
    "the same name twice": b'{"image": "a", "image": "b"}',
}


@pytest.mark.parametrize("body", JSON.values(), ids=JSON.keys())
def test_hostile_json_is_refused_wherever_something_is_sent(served: Served, body: bytes) -> None:
    before = served.state()

    found = [sent(served, route, "application/json", body) for route in served.takers()]

    assert {status for status, _ in found} <= {400, 422}
    assert served.state() == before


def test_what_is_sent_rightly_is_still_taken_after_all_of_it(served: Served) -> None:
    for headers, body in BROKEN.values():
        exchange(served.port, Route("POST", "/api/v1/feedback").request(*headers, body=body))
    for body in JSON.values():
        sent(served, Route("POST", "/api/v1/review/verdicts"), "application/json", body)
    kept = served.store.drawings(limit=1)[0]
    verdict = json.dumps({"verdicts": [{"id": kept.id, "status": "accepted", "truth": 1}]}).encode()

    status, _ = sent(served, Route("POST", "/api/v1/review/verdicts"), "application/json", verdict)

    assert status == 200
    assert served.store.drawings(limit=1)[0].status is Status.ACCEPTED

"""The log: a line for each request with the id that its answer carries, and never a picture, an address or a key."""

import base64
import io
import json
import logging
import re
import socket
import threading
from collections.abc import Iterator
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from hypothesis import given
from hypothesis import strategies as st
from tests.conftest import FakeRecognizer
from tests.server.conftest import ADMIN_KEY, data_url, drawing, submission

from inkdigit.config import Settings
from inkdigit.feedback import FeedbackStore
from inkdigit.server import create_app
from inkdigit.server.logs import JsonLines, TextLines, formatter, redacted
from inkdigit.server.observing import REQUESTS_LOG, request_id
from inkdigit.server.serving import HttpServer

SETTINGS = Settings(port=0, admin_key=ADMIN_KEY, log="json")


class Log:
    """What a handler with our formatter wrote."""

    def __init__(self, settings: Settings) -> None:
        self._file = io.StringIO()
        self.handler = logging.StreamHandler(self._file)
        self.handler.setFormatter(formatter(settings))

    @property
    def text(self) -> str:
        return self._file.getvalue()

    @property
    def lines(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.text.splitlines()]

    @property
    def requests(self) -> list[dict[str, Any]]:
        return [line for line in self.lines if line["logger"] == REQUESTS_LOG]


@pytest.fixture
def log() -> Iterator[Log]:
    log, logger = Log(SETTINGS), logging.getLogger("inkdigit")
    level = logger.level
    logger.addHandler(log.handler)
    logger.setLevel(logging.DEBUG)
    yield log
    logger.removeHandler(log.handler)
    logger.setLevel(level)


@pytest.fixture
def text_log() -> Iterator[Log]:
    log, logger = Log(Settings(admin_key=ADMIN_KEY)), logging.getLogger("inkdigit")
    level = logger.level
    logger.addHandler(log.handler)
    logger.setLevel(logging.INFO)
    yield log
    logger.removeHandler(log.handler)
    logger.setLevel(level)


@pytest.fixture
def app(fake_recognizer: FakeRecognizer, store: FeedbackStore) -> Flask:
    return create_app(fake_recognizer, SETTINGS, feedback=lambda: store)


def test_a_request_leaves_one_line_with_what_became_of_it(client: FlaskClient, log: Log) -> None:
    answer = client.post("/api/v1/predict", data=drawing(), content_type="image/png")

    [line] = log.lines
    assert line.pop("duration_ms") > 0
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", line.pop("time"))
    assert line == {
        "level": "info",
        "logger": "inkdigit.requests",
        "message": "request",
        "request_id": answer.headers["X-Request-ID"],
        "method": "POST",
        "route": "/api/v1/predict",
        "status": 200,
        "bytes": len(answer.data),
        "model": "fake-1",
    }


def test_the_line_for_people_says_the_same(client: FlaskClient, text_log: Log) -> None:
    answer = client.post("/api/v1/predict", data=b"no picture", content_type="image/png")

    told = re.fullmatch(r"POST /api/v1/predict 415 [\d.]+ ms (\d+) B unsupported-format id=(\w+)\n", text_log.text)
    assert told
    assert told.groups() == (str(len(answer.data)), answer.headers["X-Request-ID"])


@pytest.mark.parametrize("given_id", ["7f3a", "2f1c9c9e-6d0e-4a57-8a0a-0d5b4a5d1c11", "a_b-C", "0" * 64])
def test_a_well_formed_id_comes_back(client: FlaskClient, log: Log, given_id: str) -> None:
    answer = client.get("/health/live", headers={"X-Request-ID": given_id})

    assert answer.headers.getlist("X-Request-ID") == [given_id]
    assert log.requests[0]["request_id"] == given_id


@pytest.mark.parametrize(
    "given_id", ["", "10.0.0.7", "::1", "a b", "ä", "inkdigit_01234567_abc", "0" * 65, "a\x1b[2J", '","x":"']
)
def test_another_id_is_replaced(client: FlaskClient, log: Log, given_id: str) -> None:
    answer = client.get("/health/live", headers={"X-Request-ID": given_id})

    assert re.fullmatch("[0-9a-f]{16}", answer.headers["X-Request-ID"])
    assert log.requests[0]["request_id"] == answer.headers["X-Request-ID"]


@given(st.text())
def test_no_id_can_break_a_line_or_hold_an_address(text: str) -> None:
    assert re.fullmatch(r"[A-Za-z0-9_-]{1,64}", request_id(text))


def test_ids_differ() -> None:
    assert len({request_id(None) for _ in range(1000)}) == 1000


def test_a_problem_names_the_request(client: FlaskClient, log: Log) -> None:
    answer = client.get("/nowhere")

    assert answer.get_json()["request_id"] == answer.headers["X-Request-ID"] == log.requests[0]["request_id"]
    assert (log.requests[0]["problem"], log.requests[0]["route"]) == ("not-found", "none")


def test_a_fault_is_logged_with_the_id_of_its_request(
    client: FlaskClient, log: Log, fake_recognizer: FakeRecognizer
) -> None:
    def fail(images: object) -> Any:
        return 1 / 0

    fake_recognizer.predict = fail  # type: ignore[method-assign]
    answer = client.post("/api/v1/predict", data=drawing(), content_type="image/png")

    fault, request = log.lines
    assert fault["request_id"] == request["request_id"] == answer.headers["X-Request-ID"]
    assert "ZeroDivisionError" in fault["exception"]
    assert (fault["level"], request["status"]) == ("error", 500)


# --- what no line ever holds

RECEIPT = "receipt-that-opens-a-drawing"
ADDRESS = "203.0.113.77"
OWN_KEY = "inkdigit_01234567_kQ3vJx-8tTn2"
QUERY_KEY = "query-key-1234567890"
BEARER = "bearer-key-1234567890"


def everything(client: FlaskClient) -> list[int]:
    """Requests of all kinds, with pictures, keys and addresses wherever they can stand."""
    picture = data_url(drawing())
    headers = {
        "X-Forwarded-For": ADDRESS,
        "Authorization": f"Bearer {BEARER}",
        "Cookie": f"key={QUERY_KEY}",
        "User-Agent": f"reader/{QUERY_KEY}",
        "X-Request-ID": ADDRESS,
    }
    query, peer = {"key": QUERY_KEY, "image": picture}, {"REMOTE_ADDR": ADDRESS}
    answers = [
        client.post("/api/v1/predict", json=body, headers=headers, query_string=query, environ_base=peer)
        for body in ({"image": picture}, {"image": picture[:-40]}, {"image": "http://10.1.2.3/x.png"}, {"key": BEARER})
    ]
    answers += [
        client.get("/api/v1/review/drawings", headers=headers | {"Authorization": f"Bearer {key}"}, environ_base=peer)
        for key in (ADMIN_KEY, BEARER)
    ]
    answers += [
        client.delete(f"/api/v1/feedback/{RECEIPT}", headers=headers),
        client.get(f"/{RECEIPT}/{QUERY_KEY}", headers=headers, query_string=query),
        client.open(f"/{QUERY_KEY}", method=BEARER.upper(), headers=headers),
        client.post("/api/v1/predict", data=drawing(), headers=headers | {"Host": "evil.example"}),
        client.post("/api/v1/feedback", json=submission(), headers=headers),
    ]
    return [answer.status_code for answer in answers]


def test_no_picture_address_or_key_is_logged(client: FlaskClient, log: Log) -> None:
    codes = everything(client)

    assert {200, 201, 204, 400, 401, 404} <= set(codes)
    assert len(log.requests) == len(codes)
    assert_clean(log.text)


def test_not_even_by_a_fault_that_quotes_them(
    client: FlaskClient, log: Log, text_log: Log, fake_recognizer: FakeRecognizer
) -> None:
    quoted = f"{data_url(drawing())} of {ADDRESS} and 2001:db8::7 with Bearer {BEARER}, {ADMIN_KEY}, {OWN_KEY}"

    def fail(images: object) -> Any:
        raise RuntimeError(quoted)

    fake_recognizer.predict = fail  # type: ignore[method-assign]
    client.post("/api/v1/predict", data=drawing(), content_type="image/png")
    logging.getLogger("inkdigit.server").error("postgresql://ann:%s@db/ink refused %s", BEARER, quoted)

    for text in (log.text, text_log.text):
        assert_clean(text)
        assert "RuntimeError" in text
        assert "api.py" in text  # where it happened is told


def assert_clean(text: str) -> None:
    picture = base64.b64encode(drawing()).decode()
    assert text
    for secret in (ADMIN_KEY, OWN_KEY, BEARER, QUERY_KEY, RECEIPT, ADDRESS, "10.1.2.3", "2001:db8", "evil.example"):
        assert secret.lower() not in text.lower()
    for place in range(0, len(picture) - 24, 24):
        assert picture[place : place + 24] not in text


@given(st.binary(min_size=48, max_size=400))
def test_what_looks_like_a_picture_in_base64_is_hidden(data: bytes) -> None:
    text = base64.b64encode(data).decode()
    shown = redacted(f"the field image: {text} is none")

    has_all = all(re.search(kind, text) for kind in ("[A-Z]", "[a-z]", r"\d"))
    assert (text not in shown) is has_all or re.fullmatch("[0-9a-f=]+", text)


@pytest.mark.parametrize(
    "text",
    [
        "version digits-8 answers from now on",
        "the store of drawings: the database is locked by test_what_is_told_stays_as_it_is_and_is_long",
        '  File "/home/Ann/Python3/site-packages/waitress/channel/of/a/long/path/server.py", line 7, in service',
        "took 3.14 s at 12:34, 0.5 of 1.25",
    ],
)
def test_other_words_stay(text: str) -> None:
    assert redacted(text) == text


# --- what the HTTP layer refuses


def exchange(port: int, data: bytes) -> bytes:
    with socket.create_connection(("127.0.0.1", port), 30) as sock:
        sock.sendall(data)
        parts = []
        while part := sock.recv(65536):
            parts.append(part)
    return b"".join(parts)


def test_what_the_http_layer_refuses_is_counted_and_logged_too(app: Flask, log: Log) -> None:
    server = HttpServer(app, SETTINGS)
    loop = threading.Thread(target=server.run)
    loop.start()
    head = b"POST /api/v1/predict HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer " + BEARER.encode()
    answers = [
        exchange(server.port, head + ending)
        for ending in (b"\r\nContent-Length: -5\r\n\r\n", b"\r\nContent-Length: 10000000000\r\n\r\n")
    ]
    server.stop()
    loop.join(30)
    server.close()

    told = [json.loads(answer.partition(b"\r\n\r\n")[2]) for answer in answers]
    assert [one["type"] for one in told] == ["bad-request", "body-too-large"]
    assert [one["request_id"].encode() in answer for one, answer in zip(told, answers, strict=True)] == [True, True]
    lines = [(line["request_id"], line["status"], line["problem"], line["route"]) for line in log.requests]
    expected = [(400, "bad-request", "unread"), (413, "body-too-large", "unread")]
    assert lines == [(one["request_id"], *line) for one, line in zip(told, expected, strict=True)]
    counted = app.extensions["inkdigit"].watch.metrics.exposition("")[0].decode()
    assert 'inkdigit_http_requests_total{method="unread",route="unread",status="413"} 1.0' in counted
    assert BEARER not in log.text


def test_formats_are_chosen_by_the_setting() -> None:
    assert isinstance(formatter(Settings(log="json")), JsonLines)
    assert isinstance(formatter(Settings(log="quiet")), TextLines)

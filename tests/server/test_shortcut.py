"""The short way of plain requests: the same answers, and nobody who should be asked or refused goes it."""

import importlib
from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask, request
from flask.testing import FlaskClient
from tests.conftest import FakeRecognizer
from tests.server.conftest import data_url, drawing
from werkzeug.test import TestResponse

from inkdigit.config import Settings
from inkdigit.image import Picture
from inkdigit.server import create_app

PREDICT = "/api/v1/predict"
PLAIN = {"image": data_url(drawing())}
Changing = dict[str, Any]


@pytest.fixture
def long_way() -> list[str]:
    """The paths of requests that Flask saw."""
    return []


def app_that_tells(seen: list[str], settings: Settings, recognizer: FakeRecognizer) -> Flask:
    app = create_app(recognizer, settings)
    app.before_request_funcs.setdefault(None, []).insert(0, lambda: seen.append(request.path))
    return app


@pytest.fixture
def client(long_way: list[str], fake_recognizer: FakeRecognizer) -> FlaskClient:
    return app_that_tells(long_way, Settings(max_body_bytes=100_000), fake_recognizer).test_client()


def told(response: TestResponse) -> tuple[int, bytes, dict[str, str]]:
    """What a client sees; not the id, which is every request's own."""
    return response.status_code, response.data, {k: v for k, v in response.headers if k != "X-Request-ID"}


def test_both_ways_lead_to_the_same_answer(client: FlaskClient, long_way: list[str]) -> None:
    short = client.post(PREDICT, json=PLAIN)
    assert long_way == []
    long = client.post(f"{PREDICT}?min_confidence=0", json=PLAIN)

    assert long_way == [PREDICT]
    assert short.status_code == 200
    assert told(short) == told(long)


def test_what_is_wrong_with_a_picture_is_told_as_on_the_long_way(client: FlaskClient) -> None:
    blank = {"image": data_url(drawing((-90, -90), (-80, -90)))}
    for body in (blank, {"image": "data:image/png;base64,AAAA"}, {"image": "seven"}):
        short, long = client.post(PREDICT, json=body), client.post(f"{PREDICT}?x=1", json=body)

        ids = [answer.json.pop("request_id") for answer in (short, long) if answer.json]
        assert short.status_code >= 400
        assert [len(one) for one in ids] == [16, 16]
        assert {**short.json, "request_id": ""} == {**long.json, "request_id": ""}  # type: ignore[dict-item]


def test_a_picture_is_read_once_whatever_comes_of_it(
    client: FlaskClient, monkeypatch: pytest.MonkeyPatch, long_way: list[str]
) -> None:
    reads: list[int] = []

    def count(data: bytes) -> Picture:
        reads.append(len(data))
        raise RuntimeError("out of paper")

    monkeypatch.setattr("inkdigit.server.shortcut.read_picture", count)
    monkeypatch.setattr(importlib.import_module("inkdigit.server.api"), "read_picture", count)
    response = client.post(PREDICT, json=PLAIN)

    assert (response.status_code, len(reads), long_way) == (500, 1, [PREDICT])


NOT_PLAIN: dict[str, Callable[[Changing], Changing]] = {
    "a query": lambda sent: sent | {"query_string": "include=input"},
    "another site": lambda sent: sent | {"headers": {"Sec-Fetch-Site": "cross-site"}},
    "another origin": lambda sent: sent | {"headers": {"Origin": "http://elsewhere.example"}},
    "another host": lambda sent: sent | {"headers": {"Host": "elsewhere.example"}},
    "a key": lambda sent: sent | {"headers": {"Authorization": "Bearer sesame"}},
    "a coding": lambda sent: sent | {"headers": {"Content-Encoding": "gzip"}},
    "text wanted": lambda sent: sent | {"headers": {"Accept": "text/plain"}},
    "nothing wanted": lambda sent: sent | {"headers": {"Accept": "image/gif"}},
    "another type": lambda sent: sent | {"content_type": "text/json"},
    "another method": lambda sent: sent | {"method": "PUT"},
    "another field": lambda sent: sent | {"json": {**PLAIN, "layer": "x"}},
    "no field": lambda sent: sent | {"json": {}},
    "no object": lambda sent: sent | {"json": [1]},
    "a number": lambda sent: sent | {"json": {"image": 7}},
    "half a letter": lambda sent: sent | {"json": {"image": "\ud800"}},
    "a key twice": lambda sent: {"data": b'{"image":"a","image":"b"}', "content_type": "application/json"},
    "no JSON": lambda sent: {"data": b'{"image"', "content_type": "application/json"},
    "no body": lambda sent: {"content_type": "application/json"},
    "too much": lambda sent: sent | {"json": {"image": "x" * 100_001}},
}


@pytest.mark.parametrize("change", NOT_PLAIN.values(), ids=NOT_PLAIN)
def test_whatever_is_not_plain_goes_the_long_way(
    client: FlaskClient, long_way: list[str], change: Callable[[Changing], Changing]
) -> None:
    sent: Changing = {"method": "POST"} | change({"json": PLAIN})
    client.open(PREDICT, **sent)

    assert long_way == [PREDICT]


@pytest.mark.parametrize(
    ("settings", "address"),
    [
        (Settings(require_key=True, admin_key="sesame-open-sesame"), "127.0.0.1"),
        (Settings(host="0.0.0.0", admin_key="sesame-open-sesame"), "192.0.2.7"),
    ],
)
def test_who_has_to_show_a_key_does_not_go_the_short_way(
    settings: Settings, address: str, long_way: list[str], fake_recognizer: FakeRecognizer
) -> None:
    client = app_that_tells(long_way, settings, fake_recognizer).test_client()
    response = client.post(PREDICT, json=PLAIN, environ_base={"REMOTE_ADDR": address})

    assert response.status_code == 401
    assert long_way == [PREDICT]

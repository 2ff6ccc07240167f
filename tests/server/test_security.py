from collections.abc import Callable
from typing import Any

import pytest
from flask.testing import FlaskClient

from inkdigit.config import Settings
from inkdigit.server import create_app

PREDICT = "/api/v1/predict"

ClientWith = Callable[[Settings], FlaskClient]


def post(client: FlaskClient, digit_png: bytes, **headers: str) -> tuple[int, str | None]:
    names = {name.replace("_", "-"): value for name, value in headers.items()}
    response = client.post(PREDICT, data=digit_png, content_type="image/png", headers=names)
    return response.status_code, response.get_json(force=True).get("type")


# --- the names the server answers to


@pytest.mark.parametrize("host", ["localhost", "localhost:5000", "127.0.0.1:5000", "[::1]:5000", "LOCALHOST:80"])
def test_loopback_is_always_a_known_host(client: FlaskClient, host: str) -> None:
    assert client.get("/health/live", headers={"Host": host}).status_code == 200


@pytest.mark.parametrize(
    "host", ["evil.example", "127.0.0.1.evil.example", "localhost.evil.example", "10.0.0.1", "[127.0.0.1]", "a b"]
)
@pytest.mark.parametrize("path", ["/", "/health/live", "/static/page.css", "/nothing", PREDICT])
def test_an_unknown_host_is_refused_everywhere(client: FlaskClient, host: str, path: str) -> None:
    response = client.get(path, headers={"Host": host})

    assert response.status_code == 400
    assert response.get_json(force=True)["type"] == "bad-host"
    assert "INKDIGIT_TRUSTED_HOSTS" in response.text


def test_a_request_without_a_host_is_refused(client: FlaskClient) -> None:
    response = client.get("/health/live", environ_overrides={"HTTP_HOST": ""})

    assert response.get_json(force=True)["type"] == "bad-host"


def test_trusted_hosts_and_the_bound_host_are_known(client_with: ClientWith) -> None:
    client = client_with(Settings(host="printer.lan", trusted_hosts=("digits.example.org:443",)))

    statuses = [
        client.get("/health/live", headers={"Host": host}).status_code
        for host in ("printer.lan:5000", "Digits.Example.org", "sub.digits.example.org")
    ]

    assert statuses == [200, 200, 400]


def test_an_ipv6_address_that_is_bound_is_known_in_brackets(client_with: ClientWith) -> None:
    client = client_with(Settings(host="fd00::5"))

    statuses = [client.get("/health/live", headers={"Host": host}).status_code for host in ("[fd00::5]:5000", "[::9]")]

    assert statuses == [200, 400]


@pytest.mark.parametrize("host", ["0.0.0.0", "::"])
def test_a_server_on_every_address_is_known_by_any_address_but_by_no_name(client_with: ClientWith, host: str) -> None:
    client = client_with(Settings(host=host))

    statuses = [
        client.get("/health/live", headers={"Host": name}).status_code
        for name in ("192.168.1.20:5000", "[fe80::1]", "evil.example")
    ]

    assert statuses == [200, 200, 400]


# --- other sites


@pytest.mark.parametrize("site", ["cross-site", "same-site", "unheard-of", ""])
def test_a_post_for_another_site_is_refused(client: FlaskClient, digit_png: bytes, site: str) -> None:
    assert post(client, digit_png, Sec_Fetch_Site=site) == (403, "cross-site-request")


@pytest.mark.parametrize("site", ["same-origin", "none"])
def test_a_post_of_the_own_page_passes(client: FlaskClient, digit_png: bytes, site: str) -> None:
    assert post(client, digit_png, Sec_Fetch_Site=site, Origin="http://localhost") == (200, None)


@pytest.mark.parametrize(
    "origin", ["http://evil.example", "null", "", "http://localhost:8000", "http://localhost.evil"]
)
def test_an_older_browser_is_judged_by_the_origin(client: FlaskClient, digit_png: bytes, origin: str) -> None:
    assert post(client, digit_png, Origin=origin) == (403, "cross-site-request")


def test_the_own_origin_passes_with_its_port(client: FlaskClient, digit_png: bytes) -> None:
    assert post(client, digit_png, Origin="http://127.0.0.1:5000", Host="127.0.0.1:5000") == (200, None)


def test_a_program_that_sends_neither_header_passes(client: FlaskClient, digit_png: bytes) -> None:
    assert post(client, digit_png) == (200, None)


def test_a_refused_post_is_not_read(fake_recognizer: Any, digit_png: bytes) -> None:
    client = create_app(fake_recognizer, Settings()).test_client()

    post(client, digit_png, Sec_Fetch_Site="cross-site")

    assert fake_recognizer.seen == []


def test_following_a_link_from_another_site_is_allowed(client: FlaskClient) -> None:
    response = client.get("/api/docs", headers={"Sec-Fetch-Site": "cross-site"})

    assert response.status_code == 200


# --- headers


@pytest.mark.parametrize(
    "path",
    ["/", "/api/docs", "/api/v1/model", "/api/openapi.json", "/health/ready", "/static/swagger/init.js", "/nope"],
)
def test_every_answer_carries_the_headers(client: FlaskClient, path: str) -> None:
    headers = client.get(path, buffered=True).headers

    policy = dict(part.split(" ", 1) for part in headers["Content-Security-Policy"].split("; "))
    assert policy["default-src"] == "'self'"
    assert policy["frame-ancestors"] == "'none'"
    assert "unsafe" not in headers["Content-Security-Policy"]
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["X-Frame-Options"] == "DENY"
    assert headers["Referrer-Policy"] == "no-referrer"
    assert headers["Cross-Origin-Opener-Policy"] == "same-origin"
    assert headers["Cross-Origin-Resource-Policy"] == "same-origin"
    assert not [name for name, _ in headers if name.lower().startswith("access-control")]
    assert "Server" not in headers


def test_answers_are_not_stored_and_files_are_asked_for_anew(client: FlaskClient) -> None:
    static = client.get("/static/swagger/init.js", buffered=True)
    again = client.get("/static/swagger/init.js", buffered=True, headers={"If-None-Match": static.headers["ETag"]})

    assert client.get("/api/v1/model").headers["Cache-Control"] == "no-store"
    assert client.get("/nope").headers["Cache-Control"] == "no-store"
    assert client.get("/").headers["Cache-Control"] == "no-cache"
    assert static.headers["Cache-Control"] == "no-cache"
    assert (again.status_code, again.get_data()) == (304, b"")

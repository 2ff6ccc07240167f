"""nginx in front, as deploy/nginx configures it: a real one, before a real server, over TLS."""

import contextlib
import http.client
import json
import os
import re
import shutil
import signal
import socket
import ssl
import subprocess
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

import pytest
from tests.processes import PATIENCE, Server, serving, wait_for

from inkdigit.config import MAX_BODY_BYTES

CONFIGURATION: Final = Path(__file__).parent.parent / "deploy" / "nginx" / "inkdigit.conf"
NAME: Final = "digits.example.org"
SLOW: Final = 30  # bodies held open; three times the connections that the server behind takes
AROUND: Final = """
daemon off; pid {folder}/pid; error_log {folder}/errors; worker_processes 1; {user}
events {{ worker_connections 256; }}
http {{
  access_log off;
  client_body_temp_path {folder}/bodies; proxy_temp_path {folder}/proxied; fastcgi_temp_path {folder}/f;
  scgi_temp_path {folder}/s; uwsgi_temp_path {folder}/u;
  include {folder}/inkdigit.conf;
}}
"""

pytestmark = pytest.mark.skipif(
    not (shutil.which("nginx") and shutil.which("openssl")) and os.environ.get("CI") != "true",
    reason="nginx or openssl is not installed; Debian's nginx-light is enough",
)


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as sock:
        return int(sock.getsockname()[1])


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A certificate of a name that nobody has, and its key."""
    folder = tmp_path_factory.mktemp("tls")
    made, key = folder / "fullchain.pem", folder / "privkey.pem"
    names = ["-subj", f"/CN={NAME}", "-addext", f"subjectAltName=DNS:{NAME}"]
    curve = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    command = ["openssl", "req", "-x509", "-days", "2", *curve, *names, "-keyout", str(key), "-out", str(made)]
    subprocess.run(command, check=True, capture_output=True)
    return made, key


class Proxy:
    """nginx before a server."""

    def __init__(self, folder: Path, behind: int, certificate: tuple[Path, Path]) -> None:
        self.plain_port, self.port = free_port(), free_port()
        self._trusting = ssl.create_default_context(cafile=str(certificate[0]))
        text = CONFIGURATION.read_text("utf-8")
        for old, new in {
            "/etc/ssl/inkdigit/fullchain.pem": str(certificate[0]),
            "/etc/ssl/inkdigit/privkey.pem": str(certificate[1]),
            "listen 80": f"listen 127.0.0.1:{self.plain_port}",
            "listen 443": f"listen 127.0.0.1:{self.port}",
            "server 127.0.0.1:5000": f"server 127.0.0.1:{behind}",
        }.items():
            assert old in text
            text = text.replace(old, new)
        (folder / "inkdigit.conf").write_text(text)
        user = "user root;" if os.name == "posix" and os.geteuid() == 0 else ""
        (folder / "nginx.conf").write_text(AROUND.format(folder=folder, user=user))
        self.command = ["nginx", "-e", str(folder / "errors"), "-c", str(folder / "nginx.conf")]

    def connect(self, name: str = NAME) -> ssl.SSLSocket:
        sock = socket.create_connection(("127.0.0.1", self.port), PATIENCE)
        return self._trusting.wrap_socket(sock, server_hostname=name)

    def ask(self, request: bytes) -> tuple[int, dict[str, str], bytes]:
        """An answer: status, headers with small names, and body."""
        with self.connect() as sock:
            return answer_on(sock, request)


def answer_on(sock: socket.socket, request: bytes) -> tuple[int, dict[str, str], bytes]:
    with contextlib.suppress(BrokenPipeError, ConnectionResetError, ssl.SSLError):  # it may refuse what is still sent
        sock.sendall(request)
    response = http.client.HTTPResponse(sock)
    response.begin()
    return response.status, {name.lower(): value for name, value in response.getheaders()}, response.read()


def post(picture: bytes, *headers: str, path: str = "/api/v1/predict") -> bytes:
    head = [f"POST {path} HTTP/1.1", f"Host: {NAME}", "Content-Type: image/png", "Connection: close", *headers]
    return "\r\n".join([*head, f"Content-Length: {len(picture)}", "", ""]).encode() + picture


@pytest.fixture
def run(tmp_path: Path, certificate: tuple[Path, Path]) -> Iterator[Callable[[int], Proxy]]:
    """Starts nginx before a port."""
    with contextlib.ExitStack() as stack:

        def start(behind: int) -> Proxy:
            proxy = Proxy(tmp_path, behind, certificate)
            process = stack.enter_context(subprocess.Popen(proxy.command))
            stack.callback(process.terminate)
            wait_for(lambda: _is_open(proxy.port))
            return proxy

        yield start


def _is_open(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), PATIENCE).close()
    except ConnectionRefusedError:
        return False
    return True


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """One that takes no more than ten connections at a time."""
    with serving(tmp_path_factory.mktemp("server"), trusted_hosts=NAME, connection_limit=10) as running:
        yield running


@pytest.fixture
def proxy(server: Server, run: Callable[[int], Proxy]) -> Proxy:
    return run(server.port)


def test_nginx_finds_nothing_wrong_with_the_file(tmp_path: Path, certificate: tuple[Path, Path]) -> None:
    proxy = Proxy(tmp_path, 5000, certificate)

    told = subprocess.run([*proxy.command, "-t"], capture_output=True, text=True)

    assert told.returncode == 0, told.stderr
    assert "warn" not in told.stderr


def test_a_digit_is_read_through_it(proxy: Proxy, digit_png: bytes) -> None:
    status, headers, body = proxy.ask(post(digit_png, f"Origin: https://{NAME}"))

    assert (status, json.loads(body)["label"]) == (200, 7)
    assert headers["strict-transport-security"].startswith("max-age=")
    assert headers["x-content-type-options"] == "nosniff"


def test_plain_http_is_sent_to_tls_whatever_the_path(proxy: Proxy) -> None:
    with socket.create_connection(("127.0.0.1", proxy.plain_port), PATIENCE) as sock:
        status, headers, _ = answer_on(sock, f"GET /review HTTP/1.1\r\nHost: {NAME}\r\n\r\n".encode())

    assert (status, headers["location"]) == (308, f"https://{NAME}/review")


def test_who_calls_by_another_name_is_not_answered(proxy: Proxy) -> None:
    with socket.create_connection(("127.0.0.1", proxy.plain_port), PATIENCE) as sock:
        sock.sendall(b"GET / HTTP/1.1\r\nHost: evil.example\r\n\r\n")
        answer = sock.recv(1000)

    assert answer == b""
    with pytest.raises(ssl.SSLError, match="unrecognized name"):
        proxy.connect("evil.example")


def test_a_name_behind_the_handshake_is_checked_too(proxy: Proxy) -> None:
    with proxy.connect() as sock:
        sock.sendall(b"GET / HTTP/1.1\r\nHost: evil.example\r\n\r\n")
        answer = sock.recv(1000)

    assert answer == b""


def test_other_sites_are_refused_through_it(proxy: Proxy, digit_png: bytes) -> None:
    status, _, body = proxy.ask(post(digit_png, "Origin: https://evil.example"))

    assert (status, json.loads(body)["type"]) == (403, "cross-site-request")


def test_how_the_server_fares_is_for_its_own_computer(proxy: Proxy, server: Server) -> None:
    through = proxy.ask(f"GET /metrics HTTP/1.1\r\nHost: {NAME}\r\nConnection: close\r\n\r\n".encode())[0]

    assert (through, server.status("/metrics")) == (404, 200)


@pytest.mark.parametrize("chunked", [False, True])
def test_a_body_over_the_limit_is_refused_there_in_the_servers_own_form(proxy: Proxy, chunked: bool) -> None:
    body = b"x" * (MAX_BODY_BYTES + 1)
    request = post(body)
    if chunked:
        request = re.sub(rb"Content-Length: \d+", b"Transfer-Encoding: chunked", post(b""))
        request += b"%x\r\n%s\r\n0\r\n\r\n" % (len(body), body)

    status, headers, told = proxy.ask(request)

    assert (status, headers["content-type"]) == (413, "application/problem+json")
    assert json.loads(told)["type"] == "body-too-large"


def test_a_photo_larger_than_a_drawing_may_be_passes_where_photos_go(proxy: Proxy, digit_png: bytes) -> None:
    padded = digit_png + b"\0" * MAX_BODY_BYTES

    status, _, body = proxy.ask(post(padded, path="/api/v1/read"))

    assert status != 413, body


def test_slow_bodies_are_held_by_nginx_and_never_reach_the_server(
    proxy: Proxy, server: Server, digit_png: bytes
) -> None:
    request = post(digit_png)
    with contextlib.ExitStack() as stack:
        slow = [stack.enter_context(proxy.connect()) for _ in range(SLOW)]
        for sock in slow:
            sock.sendall(request[:-10])
        status, _, _ = proxy.ask(request)
        reached = server.status("/health/ready")
        late = Counter(answer_on(sock, request[-10:])[0] for sock in slow)

    assert (status, reached) == (200, 200)
    assert late == {200: SLOW}


def test_more_than_a_client_may_ask_is_429_with_a_time_to_come_back(proxy: Proxy) -> None:
    live = f"GET /health/live HTTP/1.1\r\nHost: {NAME}\r\n\r\n".encode()
    with proxy.connect() as sock:
        sock.sendall(199 * live + live.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n"))
        told = b"".join(iter(lambda: sock.recv(65536), b""))

    counts = Counter(re.findall(rb"HTTP/1.1 (\d+)", told))
    assert set(counts) == {b"200", b"429"}
    assert told.count(b"Retry-After: 1\r\n") == told.count(b'"type":"too-many-requests"') == counts[b"429"]


def test_while_the_server_ends_and_starts_again_no_request_is_lost_and_none_fails_unclearly(
    run: Callable[[int], Proxy], tmp_path: Path, digit_png: bytes
) -> None:
    request = post(digit_png)
    with serving(tmp_path, trusted_hosts=NAME, drain_notice=600) as first:
        proxy = run(first.port)
        under_way = proxy.connect()
        under_way.sendall(request[:-10])
        first.process.send_signal(signal.SIGTERM)
        wait_for(lambda: first.status("/health/ready") == 503)
        in_notice = proxy.ask(request)[0]
        finished = answer_on(under_way, request[-10:])[0]
        under_way.close()
        first.process.send_signal(signal.SIGTERM)  # ends the notice
        code = first.process.wait(PATIENCE)
    gone, headers, body = proxy.ask(request)
    with serving(tmp_path, trusted_hosts=NAME, port=first.port):
        again = proxy.ask(request)[0]

    assert (in_notice, finished, code) == (200, 200, 0)
    assert (gone, headers["retry-after"], json.loads(body)["type"]) == (503, "5", "unavailable")
    assert again == 200

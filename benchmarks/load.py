"""A load generator, to be run in a process of its own: `python -m benchmarks.load < plan.json > outcome.json`.

The load is closed unless the plan has a rate: each of C connections sends its next request when the answer to the last
one has come. It ends after the planned time or number of requests, whichever is first; what is then under way is still
waited for. With a rate, requests are due at even times, on whichever connection is free; a latency then counts from
when the request was due. A connection is kept alive for as long as the server allows, and is opened anew, within the
measured time, where the server closes it.
"""

import json
import selectors
import socket
import sys
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from itertools import count
from typing import Self

HOST = "127.0.0.1"
STALLED_S = 60.0  # a server that answers nothing for so long is broken, not slow


@dataclass(frozen=True, slots=True)
class Plan:
    """What to send: request i posts `bodies[i % len(bodies)]` (JSON texts) to the path."""

    port: int
    path: str
    bodies: list[str]
    connections: int
    seconds: float
    requests: int
    rate: float = 0.0  # requests per second; as many as are answered where it is 0


@dataclass(slots=True)
class Outcome:
    """What came back, in order of arrival: `latencies_s[i]` is of the answer `answers[i]` to the body `sent[i]`."""

    elapsed_s: float = 0.0
    latencies_s: list[float] = field(default_factory=list)
    sent: list[int] = field(default_factory=list)
    answers: list[str] = field(default_factory=list)
    failures: int = 0  # answers of another status than 200


@dataclass(slots=True)
class Connection:
    """One client: at most one request under way, on a socket that lives as long as the server lets it."""

    port: int
    wire: socket.socket | None = None
    received: bytes = b""
    body: int = 0
    started: float = 0.0

    def send(self, request: bytes, body: int) -> Self:
        """Send one request, on a fresh socket where the last was closed."""
        self.started, self.body, self.received = time.perf_counter(), body, b""
        if self.wire is None:
            self.wire = socket.create_connection((HOST, self.port), timeout=STALLED_S)
            self.wire.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.wire.sendall(request)
        return self

    def receive(self) -> bool:
        """Take what has arrived; true once the answer is whole."""
        assert self.wire is not None
        part = self.wire.recv(65536)
        self.received += part
        if not part and not is_whole(self.received):
            raise ConnectionError(f"the server closed the connection after {len(self.received)} bytes of an answer")
        return is_whole(self.received)

    def close(self) -> None:
        """Close the socket; the next request opens another."""
        if self.wire is not None:
            self.wire.close()
        self.wire = None


def drive(plan: Plan) -> Outcome:
    """Carry out a plan from this thread."""
    outcome, numbers, start = Outcome(), count(), time.perf_counter()
    requests = [as_request(plan, body.encode()) for body in plan.bodies]
    with selectors.DefaultSelector() as selector:

        def next_request(connection: Connection) -> None:
            if time.perf_counter() - start < plan.seconds and (number := next(numbers)) < plan.requests:
                body = number % len(requests)
                sent = connection.send(requests[body], body).wire
                assert sent is not None
                selector.register(sent, selectors.EVENT_READ, connection)
            else:
                connection.close()

        for _ in range(plan.connections):
            next_request(Connection(plan.port))
        for connection in _answered(selector):
            _record(outcome, connection)
            next_request(connection)
    outcome.elapsed_s = time.perf_counter() - start
    return outcome


def drive_paced(plan: Plan) -> Outcome:
    """Carry out a plan that has a rate."""
    outcome, start, sent = Outcome(), time.perf_counter(), 0
    requests = [as_request(plan, body.encode()) for body in plan.bodies]
    free = [Connection(plan.port) for _ in range(plan.connections)]
    with selectors.DefaultSelector() as selector:
        while sent < min(plan.requests, plan.rate * plan.seconds) or selector.get_map():
            due = start + sent / plan.rate
            over = sent >= min(plan.requests, plan.rate * plan.seconds)
            if not over and free and time.perf_counter() >= due:
                connection = free.pop().send(requests[sent % len(requests)], sent % len(requests))
                connection.started, sent = due, sent + 1
                assert connection.wire is not None
                selector.register(connection.wire, selectors.EVENT_READ, connection)
                continue
            for key, _ in selector.select(STALLED_S if over or not free else max(0.0, due - time.perf_counter())):
                if key.data.receive():
                    selector.unregister(key.fileobj)
                    _record(outcome, key.data)
                    free.append(key.data)
    for connection in free:
        connection.close()
    outcome.elapsed_s = time.perf_counter() - start
    return outcome


def as_request(plan: Plan, body: bytes) -> bytes:
    """The bytes of one POST."""
    head = f"POST {plan.path} HTTP/1.1\r\nHost: {HOST}:{plan.port}\r\nContent-Type: application/json\r\n"
    return f"{head}Accept: application/json\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body


def is_whole(answer: bytes) -> bool:
    """Whether all of an HTTP answer is there, with a Content-Length or in chunks (RFC 9112, section 7.1)."""
    head, blank, body = answer.partition(b"\r\n\r\n")
    if header(head, b"transfer-encoding") == b"chunked":
        return bool(blank) and unchunked(body)[1]
    return bool(blank) and len(body) >= int(header(head, b"content-length") or 0)


def unchunked(body: bytes) -> tuple[bytes, bool]:
    r"""The content of a body in chunks, as far as it has come, and whether it has all come.

    >>> unchunked(b"3\r\none\r\n3\r\ntwo\r\n0\r\n\r\n")
    (b'onetwo', True)
    >>> unchunked(b"3\r\none\r\n3\r\nt")
    (b'one', False)
    """
    content = b""
    while True:
        size, line_end, rest = body.partition(b"\r\n")
        length = int(size.partition(b";")[0], 16) if line_end else -1
        if length < 0 or len(rest) < length + 2:
            return content, False
        if length == 0:
            return content, True
        content, body = content + rest[:length], rest[length + 2 :]


def header(head: bytes, name: bytes) -> bytes:
    """The value of a header, in lower case; empty where it is not there."""
    lines = (line.partition(b":") for line in head.lower().split(b"\r\n")[1:])
    return next((value.strip() for key, _, value in lines if key == name), b"")


def _answered(selector: selectors.BaseSelector) -> Iterator[Connection]:
    """Connections whose answer has arrived whole, no longer registered, until none is under way."""
    while selector.get_map():
        ready = selector.select(timeout=STALLED_S)
        if not ready:
            raise TimeoutError(f"no answer within {STALLED_S} s")
        for key, _ in ready:
            if key.data.receive():
                selector.unregister(key.fileobj)
                yield key.data


def _record(outcome: Outcome, connection: Connection) -> None:
    outcome.latencies_s.append(time.perf_counter() - connection.started)
    head, _, body = connection.received.partition(b"\r\n\r\n")
    if header(head, b"transfer-encoding") == b"chunked":
        body, _ = unchunked(body)
    outcome.sent.append(connection.body)
    outcome.answers.append(body.decode("utf-8", "replace"))
    outcome.failures += b" 200 " not in head.split(b"\r\n")[0] + b" "
    if header(head, b"connection") == b"close" or head.startswith(b"HTTP/1.0"):
        connection.close()


if __name__ == "__main__":
    wanted = Plan(**json.load(sys.stdin))
    json.dump(asdict((drive_paced if wanted.rate else drive)(wanted)), sys.stdout)

"""Waitress, made stricter: refuses ambiguous requests, tells errors as problems, and closes connections in order.

Waitress reads every request to its end before the application sees it, so a limit that waitress refuses at is told
here, and in the same words as the application tells it.
"""

import contextlib
import socket
import time
from http import HTTPStatus
from typing import Any, Final

from waitress import wasyncore
from waitress.channel import HTTPChannel
from waitress.parser import HTTPRequestParser, ParsingError
from waitress.server import TcpWSGIServer
from waitress.task import ErrorTask, ThreadedTaskDispatcher, WSGITask

from inkdigit.server import problems
from inkdigit.server.problems import PROBLEM_JSON, Kind, problem_json
from inkdigit.server.security import HEADERS

DISCARD_S: Final = 2.0  # for this long what a refused client still sends is read and thrown away
QUIET_S: Final = 0.25  # a connection without a request counts as idle after this
STALLED_S: Final = 5.0  # a request that stopped half-way counts as abandoned after this

_REFUSALS: Final = {
    413: (problems.BODY_TOO_LARGE, "the body is over the limit; send a smaller picture"),
    431: (problems.HEADERS_TOO_LARGE, "the headers of the request are over the limit"),
    500: (problems.INTERNAL_ERROR, "the server met an error of its own; its log says which"),
}
_MALFORMED: Final = "the request breaks the rules of HTTP/1.1"


class Parser(HTTPRequestParser):  # type: ignore[misc]
    """Refuses requests whose end is ambiguous, instead of choosing one reading."""

    adj: Any

    def parse_header(self, header_plus: bytes) -> None:
        """Parse the head of a request.

        Raises:
            ParsingError: it is malformed, or its end can be read in two ways.
        """
        try:
            super().parse_header(header_plus)
        except ValueError as error:  # waitress lets two through: a length of 5,000 digits, and URLs like http://[
            raise ParsingError("malformed") from error
        if self.chunked and "CONTENT_LENGTH" in self.headers:
            raise ParsingError("both a length and chunks")
        if "TRANSFER_ENCODING" in self.headers:  # what waitress leaves there: chunks sent by HTTP/1.0
            raise ParsingError("chunks in HTTP/1.0")
        self.adj = self.adj.by_path.get(self.path, self.adj)  # before the body comes, whose limit depends on the path


class AppTask(WSGITask):  # type: ignore[misc]
    """Runs the application; while the server drains, an answer says that it is the connection's last."""

    def start(self) -> None:
        """Begin."""
        super().start()
        with self.channel.requests_lock:
            is_last = len(self.channel.requests) == 1
        if self.channel.server.draining and is_last:
            self.set_close_on_finish()


class ProblemTask(ErrorTask):  # type: ignore[misc]
    """Tells what waitress itself refused, as problem details and with the headers of every answer."""

    def execute(self) -> None:
        """Write the answer and end the connection, since the start of a next request is not known."""
        status = HTTPStatus(self.request.error.code)
        kind, detail = _REFUSALS.get(status, (Kind("bad-request", status, problems.BAD_REQUEST.title), _MALFORMED))
        body = problem_json(kind, detail)
        self.status = f"{status.value} {status.phrase}"
        self.response_headers.extend([*HEADERS.items(), ("Content-Type", PROBLEM_JSON)])
        self.set_close_on_finish()
        self.content_length = len(body)
        self.channel.refused = True
        self.write(body)


class Channel(HTTPChannel):  # type: ignore[misc]
    """One connection.

    When it was refused, it is not closed on the spot: the client may still be sending, and a socket closed with unread
    data resets the connection before the client has read why. What it sends is thrown away for a moment first.
    """

    parser_class = Parser
    task_class = AppTask
    error_task_class = ProblemTask

    refused = False
    close_when_flushed: bool
    discard_until = 0.0  # time.time(); set once the answer to a refused request has left

    def readable(self) -> bool:
        """Whether to wait for data."""
        if self.discard_until and time.time() > self.discard_until:
            self.will_close = True
        return bool(self.discard_until) or bool(super().readable())

    def handle_read(self) -> None:
        """Take data."""
        if not self.discard_until:
            super().handle_read()
            return
        with contextlib.suppress(OSError):  # the client has gone, which is the end of it
            if self.recv(self.adj.recv_bytes):
                return
        self.will_close = True

    def handle_write(self) -> None:
        """Send data; after a refusal, stop sending and begin to throw away."""
        if not (self.refused and self.close_when_flushed):
            super().handle_write()
            return
        self._flush_exception(self._flush_some)
        if not self.total_outbufs_len:
            self.close_when_flushed = False
            self.discard_until = time.time() + DISCARD_S
            with contextlib.suppress(OSError):  # already gone
                self.socket.shutdown(socket.SHUT_WR)

    def is_idle(self) -> bool:
        """Whether the connection could be closed now without anybody missing an answer."""
        at_work = self.requests or self.total_outbufs_len or self.close_when_flushed or self.discard_until
        patience = STALLED_S if self.request else QUIET_S
        return not at_work and time.time() - self.last_activity > patience


class Listener(TcpWSGIServer):  # type: ignore[misc]
    """One listening socket and its connections."""

    channel_class = Channel
    draining = False

    def stop_listening(self) -> None:
        """Take in the connections that wait in the queue, then close the port, but no connection."""
        known = -1
        while known != len(self.active_channels):
            known = len(self.active_channels)
            self.handle_accept()
        wasyncore.dispatcher.close(self)


class Lanes(ThreadedTaskDispatcher):  # type: ignore[misc]
    """Worker threads, and one more for health checks alone, so that they never wait behind pictures."""

    def __init__(self, threads: int) -> None:
        super().__init__()
        self.set_thread_count(threads)
        self.health = ThreadedTaskDispatcher()
        self.health.set_thread_count(1)

    def add_task(self, task: Channel) -> None:
        """Queue a connection whose first request is complete."""
        is_health = getattr(task.requests[0], "path", "").startswith("/health/")
        add = self.health.add_task if is_health else super().add_task
        add(task)

    def stop(self) -> None:
        """End all threads, each after the request it is at."""
        self.health.shutdown()
        self.shutdown()

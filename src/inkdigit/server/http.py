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
from waitress.task import ErrorTask, Task, WSGITask

from inkdigit.server import problems
from inkdigit.server.gate import LATE, Refusal
from inkdigit.server.observing import REQUEST_ID, Watch, request_id
from inkdigit.server.problems import Kind, told_as
from inkdigit.server.security import HEADERS

DISCARD_S: Final = 2.0  # for this long what a refused client still sends is read and thrown away
QUIET_S: Final = 0.25  # a connection without a request counts as idle after this
ACCEPTS: Final = 32  # connections taken in at one turn of the loop
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

    wrote_header: bool

    def start(self) -> None:
        """Begin."""
        super().start()
        _close_if_draining(self)

    def write(self, data: bytes) -> None:
        """Write a part of the answer; the head goes with the first, in one packet and one call of the system."""
        if self.wrote_header or not data or self.content_length != len(data) or not self.has_body:
            super().write(data)
            return
        self.channel.write_soon(self.build_response_header() + data)
        self.wrote_header, self.content_bytes_written = True, len(data)


class ProblemTask(ErrorTask):  # type: ignore[misc]
    """Tells what was refused before the application saw it, as problem details and with the headers of every answer."""

    def execute(self) -> None:
        """Write the answer."""
        if isinstance(self.request.error, Refusal):
            self._refuse(self.request.error)
        else:
            self._end()

    def _refuse(self, refusal: Refusal) -> None:
        """The request is whole, so the connection may go on."""
        _close_if_draining(self)
        if refusal.closes:
            self.set_close_on_finish()
        self.channel.server.task_dispatcher.count(refusal)
        self.response_headers.append(("Retry-After", str(refusal.retry_after_s)))
        self._tell(HTTPStatus(refusal.kind.status), refusal.kind, refusal.detail)

    def _end(self) -> None:
        """It broke a rule; the connection ends, since the start of a next request is not known."""
        status = HTTPStatus(self.request.error.code)
        kind, detail = _REFUSALS.get(status, (Kind("bad-request", status, problems.BAD_REQUEST.title), _MALFORMED))
        self.set_close_on_finish()
        self.channel.refused = True
        self._tell(status, kind, detail)

    def _tell(self, status: HTTPStatus, kind: Kind, detail: str) -> None:
        asked = request_id(self.request.headers.get("X_REQUEST_ID"))
        body, media_type = told_as(getattr(self.request, "path", ""), kind, detail, asked)
        self.status = f"{status.value} {status.phrase}"
        self.response_headers.extend([*HEADERS.items(), ("Content-Type", media_type), (REQUEST_ID, asked)])
        self.content_length = len(body)
        self.channel.server.watch.refuse(asked, status.value, kind.type, len(body))
        self.write(b"" if getattr(self.request, "command", "") == "HEAD" else body)


def _close_if_draining(task: Task) -> None:
    with task.channel.requests_lock:
        is_last = len(task.channel.requests) == 1
    if task.channel.server.draining and is_last:
        task.set_close_on_finish()


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
    patience_ends = 0.0  # time.monotonic(); set by the gate, when a request that still waits is refused
    begun_at = 0.0  # time.time(), when the first byte came of a request that is not whole yet

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

    def received(self, data: bytes) -> bool:
        """Take data in, and note since when a request has been coming."""
        went_on = self.request is not None
        taken = bool(super().received(data))
        if self.request is not None and not (went_on and self.begun_at):
            self.begun_at = time.time()
        if self.request is None:
            self.begun_at = 0.0
        return taken

    def service(self) -> None:
        """Answer one request, unless it has waited for too long."""
        request = self.requests[0]
        if request.error is None and time.monotonic() > self.patience_ends:
            request.error = LATE
        super().service()

    def is_dragging(self, limit_s: float) -> bool:
        """Whether a request has been coming for so long that it looks as if it never will."""
        return bool(self.begun_at) and time.time() - self.begun_at > limit_s and not self.requests

    def is_idle(self) -> bool:
        """Whether the connection could be closed now without anybody missing an answer."""
        at_work = self.requests or self.total_outbufs_len or self.close_when_flushed or self.discard_until
        patience = STALLED_S if self.request else QUIET_S
        return not at_work and time.time() - self.last_activity > patience


class Listener(TcpWSGIServer):  # type: ignore[misc]
    """One listening socket and its connections."""

    channel_class = Channel
    draining = False
    watch: Watch

    def maintenance(self, now: float) -> None:
        """Close connections that are silent, and those whose request has been coming for too long."""
        super().maintenance(now)
        for channel in self.active_channels.values():
            if channel.is_dragging(self.adj.request_timeout_s):
                channel.will_close = True

    def handle_accept(self) -> None:
        """Take in some of the connections that wait; one at each turn would have them wait behind all open ones."""
        for _ in range(ACCEPTS):
            known = len(self.active_channels)
            super().handle_accept()
            if len(self.active_channels) == known or known + 1 >= self.adj.connection_limit:
                return

    def stop_listening(self) -> None:
        """Take in the connections that wait in the queue, then close the port, but no connection."""
        known = -1
        while known != len(self.active_channels):
            known = len(self.active_channels)
            self.handle_accept()
        wasyncore.dispatcher.close(self)

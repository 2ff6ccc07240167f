"""Waitress, made stricter: refuses ambiguous requests, and closes connections in order."""

import contextlib
import socket
import time
from typing import Any, Final

from waitress import wasyncore
from waitress.channel import ClientDisconnected, HTTPChannel
from waitress.parser import HTTPRequestParser, ParsingError
from waitress.server import TcpWSGIServer

from inkdigit.server.answers import AppTask, ProblemTask
from inkdigit.server.gate import LATE
from inkdigit.server.loop import Loop
from inkdigit.server.observing import Watch

DISCARD_S: Final = 2.0  # for this long what a refused client still sends is read and thrown away
QUIET_S: Final = 0.25  # a connection without a request counts as idle after this
ACCEPTS: Final = 128  # connections taken in at one turn of the loop
STALLED_S: Final = 5.0  # a request that stopped half-way counts as abandoned after this


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
    stays_watched = False  # by the loop, though nothing is to be read before the request that waits is answered
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
        if self.socket is not None and not self.total_outbufs_len:  # None where the client had gone
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
        self.server.loop.serves(self._fileno)
        super().service()

    def write_soon(self, data: Any) -> int:
        """Send a part of an answer at once, as far as the system takes it; the rest goes the way through a buffer."""
        if self.total_outbufs_len or not isinstance(data, bytes):
            return int(super().write_soon(data))
        if not self.connected:
            raise ClientDisconnected
        with self.outbuf_lock:
            sent = self._send(data)
        if sent < len(data):
            super().write_soon(data[sent:])
        return len(data)

    def _send(self, data: bytes) -> int:
        self.last_activity = time.time()
        try:
            return int(self.send(data, do_close=False))
        except OSError:  # of which the loop learns, and closes the connection
            self.will_close = True
            return 0

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
    loop: Loop

    def pull_trigger(self) -> None:
        """Have the loop look after the connection that this thread serves."""
        self.loop.look_after_served()

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

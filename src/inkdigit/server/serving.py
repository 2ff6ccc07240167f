"""Serving: waitress, started with a clear word when it cannot be, and stopped without dropping a request.

After SIGTERM `/health/ready` says no while everything still works, so that a balancer can look away; then the port
closes, what was accepted is answered, and `serve` returns. Ctrl-C does the same without the wait. Each further signal
ends what the server is waiting for: first the notice, then the requests.
"""

import contextlib
import copy
import errno
import logging
import os
import signal
import socket
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from types import FrameType
from typing import Any, Final

from flask import Flask
from waitress.adjustments import Adjustments

from inkdigit.config import Settings
from inkdigit.errors import ConfigError
from inkdigit.server.answers import MAX_HEADER_BYTES
from inkdigit.server.gate import Lanes
from inkdigit.server.http import Channel, Listener
from inkdigit.server.loop import IDLE_TURN_S, Loop, StandIn
from inkdigit.server.reading import READ_PATH, max_body_bytes
from inkdigit.server.security import EVERY_ADDRESS
from inkdigit.server.state import state_of

BACKLOG: Final = 1024  # connections the system holds until they are taken in
CHANNEL_TIMEOUT_S: Final = 60
DRAIN_TURN_S: Final = 0.05

_log = logging.getLogger(__name__)


def serve(app: Flask, settings: Settings, *, on_ready: Callable[[str], None] | None = None) -> None:
    """Serve until SIGTERM or Ctrl-C, and finish what was accepted. To be called from the main thread.

    Args:
        app: made by `create_app`.
        settings: how to serve; the same that `create_app` was given.
        on_ready: called with the URL of the page once the port is open.

    Raises:
        ConfigError: the address or the port cannot be had.
    """
    server = HttpServer(app, settings)
    stopped = stopped_by_signals(server.stop, settings.drain_notice_s)
    with contextlib.closing(server), stopped, looking_at_signals(state_of(app).models.look):
        if on_ready:
            on_ready(server.url)
        server.run()


class HttpServer:
    """An open port and the loop that serves it.

    Attributes:
        port: the port that was opened.
        url: address of the page.
    """

    def __init__(self, app: Flask, settings: Settings, sockets: Sequence[socket.socket] = ()) -> None:
        """Open the port, unless its sockets are there already.

        Raises:
            ConfigError: the address or the port cannot be had.
        """
        logging.getLogger("waitress.queue").setLevel(logging.ERROR)  # it warns of every request that waits for a moment
        sockets = sockets or open_port(settings)
        self._settings = settings
        self._state = state_of(app)
        self._stops = 0
        self._notice_s = 0.0
        self._loop = Loop()
        self._lanes = Lanes(settings, self._state.limits, self._state.keys)
        self._listeners = [_listen(app, sock, _adjustments(settings), self._lanes, self._loop) for sock in sockets]
        for listener in self._listeners:
            listener.watch = self._state.watch
            listener.loop = self._loop
        self._loop.wake = self._listeners[0].trigger.pull_trigger
        self._stand_in = StandIn(self._loop)
        self.port: int = sockets[0].getsockname()[1]
        self.url = url_of(settings.host, self.port)

    def run(self) -> None:
        """Serve until `stop` is called, then finish what was accepted."""
        self._loop.own()
        while not self._stops:
            self._turn(IDLE_TURN_S)
            self._state.models.glance()
        self._wait_noticed()
        self._finish()

    def stop(self, notice_s: float = 0.0) -> None:
        """Ask for the end, from a signal handler or another thread; again, to end what the server is waiting for.

        Args:
            notice_s: seconds to go on taking requests while `/health/ready` already says no; the first call's counts.
        """
        is_first = not self._stops
        if is_first:
            self._notice_s = notice_s  # before the count, at which the loop reads it
        self._stops += 1
        if is_first:  # and not again: a second signal may come while the first one holds the event's lock
            self._state.draining.set()
        with contextlib.suppress(OSError):  # the loop has ended already and needs no waking
            self._loop.wake()

    def close(self) -> None:
        """Close everything; `run` has returned."""
        self._lanes.shutdown()
        self._stand_in.end()
        self._loop.close()

    def _turn(self, timeout_s: float) -> None:
        own = self._lanes.own
        self._loop.turn(0.0 if own.waiting else timeout_s)
        if own.waiting:
            self._stand_in.away(own.serve_next)
        self._state.watch.metrics.queued.set(self._lanes.waiting)

    def _wait_noticed(self) -> None:
        until = time.monotonic() + self._notice_s
        while self._stops == 1 and (left := until - time.monotonic()) > 0:
            self._turn(min(left, IDLE_TURN_S))

    def _finish(self) -> None:
        for listener in self._listeners:
            listener.draining = True
            listener.stop_listening()
        enough = 3 if self._notice_s else 2
        until = time.monotonic() + self._settings.drain_timeout_s
        while self._channels() and self._stops < enough and time.monotonic() < until:
            self._turn(DRAIN_TURN_S)
            self._close_idle()
        if left := len(self._channels()):
            _log.warning("%d connections were cut off", left)

    def _close_idle(self) -> None:
        for channel in self._channels():
            if channel.is_idle():
                channel.will_close = True
        self._loop.look_after_all()

    def _channels(self) -> list[Channel]:
        return [channel for listener in self._listeners for channel in listener.active_channels.values()]


@contextlib.contextmanager
def stopped_by_signals(stop: Callable[[float], None], notice_s: float, *, ctrl_c: bool = True) -> Iterator[None]:
    """Let SIGTERM, and Ctrl-C without a notice, call `stop`."""

    def handle(number: int, _frame: FrameType | None) -> None:
        stop(notice_s if number == signal.SIGTERM else 0.0)

    numbers = (signal.SIGTERM, signal.SIGINT) if ctrl_c else (signal.SIGTERM,)
    before = {number: signal.signal(number, handle) for number in numbers}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextlib.contextmanager
def looking_at_signals(look: Callable[[], None]) -> Iterator[None]:
    """Let SIGHUP ask for a look at the models, as it does of servers that no terminal holds.

    Where one does, the signal says that the terminal is gone, and ends the server; under nohup it does nothing.
    """
    if sys.platform == "win32" or _has_terminal() or signal.getsignal(signal.SIGHUP) != signal.SIG_DFL:
        yield
        return
    signal.signal(signal.SIGHUP, lambda _number, _frame: look())
    try:
        yield
    finally:
        signal.signal(signal.SIGHUP, signal.SIG_DFL)


def _has_terminal() -> bool:
    """Whether this process belongs to a terminal, wherever its input and output go."""
    try:
        os.close(os.open("/dev/tty", os.O_RDONLY | os.O_NOCTTY))
    except OSError:
        return False
    return True


def _adjustments(settings: Settings) -> Adjustments:
    adjustments = Adjustments(
        threads=settings.threads,
        connection_limit=2 * settings.connection_limit,  # beyond the limit to be refused, so that health checks get in
        backlog=BACKLOG,
        max_request_header_size=MAX_HEADER_BYTES,
        max_request_body_size=max_body_bytes(settings, "/") + 1,  # waitress refuses from there, Flask beyond its limit
        channel_timeout=CHANNEL_TIMEOUT_S,
        cleanup_interval=CHANNEL_TIMEOUT_S // 4,
        recv_bytes=64 * 1024,
        clear_untrusted_proxy_headers=True,
        expose_tracebacks=False,
        log_socket_errors=False,
        ident=None,
    )
    for_pages = copy.copy(adjustments)
    for_pages.max_request_body_size = max_body_bytes(settings, READ_PATH) + 1
    adjustments.request_timeout_s = settings.request_timeout_s
    adjustments.by_path = {READ_PATH: for_pages}
    return adjustments


def _listen(app: Flask, sock: socket.socket, adj: Adjustments, lanes: Lanes, sockets: dict[int, Any]) -> Listener:
    info = (sock.family, sock.type, sock.proto, sock.getsockname())
    return Listener(app, sockets, True, sock, dispatcher=lanes, adj=adj, sockinfo=info, bind_socket=False)


def open_port(settings: Settings) -> list[socket.socket]:
    """Open the port on every address that the host has; the first one's errors count.

    Raises:
        ConfigError: the address or the port cannot be had.
    """
    host, port = settings.host, settings.port
    (family, address), *others = _addresses(host)
    opened = [_bind(host, port, family, address)]
    for family, address in others:
        with contextlib.suppress(ConfigError):  # such as ::1 of a localhost on a machine without IPv6
            opened.append(_bind(host, opened[0].getsockname()[1], family, address))
    return opened


def _addresses(host: str) -> list[tuple[socket.AddressFamily, str]]:
    try:
        found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except (OSError, UnicodeError) as error:  # the latter for a label of more than 63 letters, or of none
        raise ConfigError(f"there is no address {host} on this machine; choose one with --host") from error
    unique = dict.fromkeys((family, str(address[0])) for family, _, _, _, address in found)
    return sorted(unique, key=lambda entry: entry[0] != socket.AF_INET)


def _bind(host: str, port: int, family: socket.AddressFamily, address: str) -> socket.socket:
    try:
        return socket.create_server((address, port), family=family, backlog=BACKLOG)
    except OSError as error:
        raise ConfigError(_why_not(error, host, port)) from error


def _why_not(error: OSError, host: str, port: int) -> str:
    if error.errno == errno.EADDRINUSE:
        airplay = " (on a Mac port 5000 belongs to the AirPlay Receiver)" if sys.platform == "darwin" else ""
        return f"port {port} on {host} is taken by another program{airplay}; choose another, as in --port {port + 1}"
    if error.errno == errno.EACCES:
        return f"port {port} is not allowed to this user; choose one above 1023, as in --port 5000"
    reason = os.strerror(error.errno) if error.errno else error  # Python's own words name host and port once more
    return f"{host} port {port} cannot be opened ({reason}); choose others with --host and --port"


def url_of(host: str, port: int) -> str:
    """The address of the page that a browser on this machine can open."""
    shown = {"0.0.0.0": "127.0.0.1", "::": "::1"}[host] if host in EVERY_ADDRESS else host  # noqa: S104
    return f"http://[{shown}]:{port}/" if ":" in shown else f"http://{shown}:{port}/"

"""Every request seen from outside: it gets an id, is timed and counted, and leaves one line in the log.

`Observed` stands around the whole application, so that it sees what goes wrong before or behind the views too. What
only the inside knows, such as the route and the model that answered, is noted in the request's `Seen`.
"""

import contextlib
import logging
import re
import secrets
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from types import TracebackType
from typing import TYPE_CHECKING, Any, Final, Protocol, cast

from flask import Flask, has_request_context, request

from inkdigit.access import MARK
from inkdigit.recognizer import Prediction
from inkdigit.server.history import History, Record
from inkdigit.server.metrics import METHODS, OTHER, Metrics

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

REQUEST_ID: Final = "X-Request-ID"
REQUESTS_LOG: Final = "inkdigit.requests"
NO_ROUTE: Final = "none"  # of a request to an address that nothing is served at
UNREAD: Final = "unread"  # of a request that was refused before it was read to its end

_SEEN: Final = "inkdigit.seen"
_WATCH: Final = "inkdigit.watch"
_GIVEN: Final = re.compile(r"[A-Za-z0-9_-]{1,64}")  # no dots and colons, which an address would have

_log = logging.getLogger(REQUESTS_LOG)


@dataclass(slots=True)
class Seen:
    """What is known of one request. Nothing of what it carries is, and nothing of who sent it."""

    id: str
    method: str
    route: str = NO_ROUTE
    status: int = 500  # unless an answer comes
    size: int | None = None  # bytes of the answer's body
    model: str | None = None
    problem: str | None = None
    trace: str | None = None
    seconds: float = 0.0
    started: float = field(default_factory=time.perf_counter)


class Spans(Protocol):
    """What passes on where the time of a request went, as it happens; see `tracing`."""

    def request(self, seen: Seen, headers: Mapping[str, str]) -> contextlib.AbstractContextManager[object]:
        """A request, from here to the end of the context."""

    def step(self, name: str) -> contextlib.AbstractContextManager[object]:
        """A step of the current request."""


@dataclass(frozen=True, slots=True)
class Watch:
    """What is done with all that is seen."""

    metrics: Metrics = field(default_factory=Metrics)
    spans: Spans | None = None
    history: History | None = None

    def records(self) -> list[Record]:
        """What all counts stood at in the last hour, slot by slot."""
        return [] if self.history is None else self.history.records()

    def begin(self) -> None:
        """Note that a request comes, before anything of it is counted."""
        if self.history is not None:
            self.history.look()

    def step(self, name: str) -> "Step":
        """What times a step of a request, as in ``with watch.step("decode"):``."""
        return Step(self, name)

    def read_digit(self, seen: Seen, prediction: Prediction, model: str) -> None:
        """Note a digit that a request's picture was read as."""
        seen.model = model
        self.metrics.count_digit(prediction, model)

    def finish(self, seen: Seen) -> None:
        """Count and log a request that was answered."""
        seen.seconds = time.perf_counter() - seen.started
        self.metrics.count(seen.method, seen.route, seen.status, seen.seconds)
        if seen.problem is not None:
            self.metrics.count_problem(seen.problem)
        if _log.isEnabledFor(logging.INFO):
            told = (seen.method, seen.route, seen.status)
            line = logging.LogRecord(_log.name, logging.INFO, __file__, 0, "%s %s %d", told, None)
            line.seen = seen
            _log.handle(line)  # _log.info would look through the stack for who calls, at the price of all the rest

    def refuse(self, id: str, status: int, problem: str, size: int) -> None:  # noqa: A002
        """Count and log a request that was refused before it was read, so that not even its method is known."""
        self.begin()
        self.finish(Seen(id, UNREAD, UNREAD, status, size, problem=problem))


class Observed:
    """The application, with every request seen."""

    def __init__(self, app: "WSGIApplication", watch: Watch) -> None:
        self._app = app
        self._watch = watch

    def __call__(self, environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        """Handle a request."""
        environ[_WATCH] = watch = self._watch
        method = environ["REQUEST_METHOD"]
        known = method if method in METHODS else OTHER  # for it may be any word at all
        environ[_SEEN] = seen = Seen(request_id(environ.get("HTTP_X_REQUEST_ID")), known)
        watch.begin()
        watch.metrics.in_flight.inc()
        try:
            if watch.spans is None:
                return self._answer(environ, start_response, seen)
            with watch.spans.request(seen, environ):
                return self._answer(environ, start_response, seen)
        finally:
            watch.metrics.in_flight.dec()
            watch.finish(seen)

    def _answer(self, environ: "WSGIEnvironment", start_response: "StartResponse", seen: Seen) -> Iterable[bytes]:
        def start(status: str, headers: list[tuple[str, str]], *problem: Any) -> Callable[[bytes], object]:
            seen.status, seen.size = int(status[:3]), _length(headers)
            headers.append((REQUEST_ID, seen.id))
            return start_response(status, headers, *problem)

        return self._app(environ, cast("StartResponse", start))


class Step:
    """Times what is done inside it."""

    __slots__ = ("_name", "_span", "_started", "_watch")

    def __init__(self, watch: Watch, name: str) -> None:
        self._name, self._watch = name, watch
        self._span = None if watch.spans is None else watch.spans.step(name)

    def __enter__(self) -> None:
        if self._span is not None:
            self._span.__enter__()
        self._started = time.perf_counter()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._watch.metrics.count_step(self._name, time.perf_counter() - self._started)
        if self._span is not None:
            self._span.__exit__(kind, error, trace)


def observe(app: Flask, watch: Watch) -> None:
    """Let the application's requests be seen."""
    app.wsgi_app = Observed(app.wsgi_app, watch)  # type: ignore[method-assign]

    @app.before_request
    def note_route() -> None:
        if request.url_rule is not None:
            seen().route = request.url_rule.rule


def step(name: str) -> Step:
    """What times what the current request does inside it."""
    return watch_of(request.environ).step(name)


def note_digit(prediction: Prediction, model: str) -> None:
    """Note a digit that the current request's picture was read as."""
    watch_of(request.environ).read_digit(seen(), prediction, model)


def note_numbers(confidences: Iterable[float], model: str) -> None:
    """Note the numbers that were found on the current request's picture."""
    seen().model = model
    for confidence in confidences:
        watch_of(request.environ).metrics.count_number(confidence, model)


def note_problem(name: str) -> str:
    """Note the problem that the current request is answered with, and get the request's id."""
    seen().problem = name
    return seen().id


def seen() -> Seen:
    """What is known of the current request."""
    return seen_of(request.environ)


def seen_of(environ: "WSGIEnvironment") -> Seen:
    """What is known of a request."""
    return cast(Seen, environ[_SEEN])


def watch_of(environ: "WSGIEnvironment") -> Watch:
    """What is done with what is seen of a request."""
    return cast(Watch, environ[_WATCH])


def current_id() -> str | None:
    """The id of the current request; None outside of any."""
    return seen().id if has_request_context() and _SEEN in request.environ else None


def request_id(given: str | None) -> str:
    """The id that came with a request, if it is well-formed, and else a new one.

    >>> request_id("7f3a-1"), len(request_id("10.0.0.7")), len(request_id(None))
    ('7f3a-1', 16, 16)
    """
    if given is not None and _GIVEN.fullmatch(given) and not given.startswith(MARK):  # which would be a key
        return given
    return secrets.token_hex(8)


def _length(headers: list[tuple[str, str]]) -> int | None:
    return next((int(value) for name, value in headers if name == "Content-Length"), None)

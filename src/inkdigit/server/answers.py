"""How answers are written: those of the application, and those to requests that it never saw.

Waitress reads every request to its end before the application sees it, so a limit that waitress refuses at is told
here, and in the same words as the application tells it.
"""

import functools
import logging
from collections.abc import Callable
from http import HTTPStatus
from typing import Any, Final

from waitress.task import ErrorTask, Task, WSGITask
from waitress.utilities import build_http_date

from inkdigit.server import problems
from inkdigit.server.gate import Refusal
from inkdigit.server.observing import REQUEST_ID, request_id
from inkdigit.server.problems import Kind, told_as
from inkdigit.server.security import HEADERS

MAX_HEADER_BYTES: Final = 32 * 1024  # of the line with the address and of the headers, together

_REFUSALS: Final = {
    413: (problems.BODY_TOO_LARGE, "the body is over the limit; send a smaller picture"),
    431: (
        problems.HEADERS_TOO_LARGE,
        f"the address and the headers of the request are together over {MAX_HEADER_BYTES // 1024} KiB; shorten them",
    ),
    501: (
        problems.UNKNOWN_TRANSFER_CODING,
        "of all transfer codings chunked alone is read; send the body plainly",
    ),
    500: (problems.INTERNAL_ERROR, "the server met an error of its own; its log says which"),
}
_MALFORMED: Final = "the request breaks the rules of HTTP/1.1"
_NOT_PLAIN: Final = frozenset({"Connection", "Date", "Server"})  # fields that change what else the head says

_log = logging.getLogger(__name__)


class AppTask(WSGITask):  # type: ignore[misc]
    """Runs the application; while the server drains, an answer says that it is the connection's last.

    Waitress writes every answer as if it were a stream, which costs more than all the rest of its work.
    """

    complete: bool
    wrote_header: bool
    content_length: int | None
    response_headers: list[tuple[str, str]]

    def start(self) -> None:
        """Begin."""
        super().start()
        _close_if_draining(self)

    def get_environment(self) -> dict[str, Any]:
        """What the application sees, with all slashes of the address: waitress takes the first ones away."""
        environ: dict[str, Any] = super().get_environment()
        environ["PATH_INFO"] = self.request.path
        return environ

    def execute(self) -> None:
        """Run the application, and send what it answers."""
        answer = self.channel.server.application(self.get_environment(), self.start_response)
        try:
            if self.content_length is None and isinstance(answer, (list, tuple)):
                self.content_length = sum(map(len, answer))
            for part in answer:
                if part:
                    self.write(part)
        finally:
            if hasattr(answer, "close"):
                answer.close()
        if self.content_length not in {None, self.content_bytes_written} and self.request.command != "HEAD":
            _log.warning("an answer of %s bytes ended after %d", self.content_length, self.content_bytes_written)
            self.set_close_on_finish()  # for its client would wait for the rest

    def start_response(
        self, status: str, headers: list[tuple[str, str]], problem: Any = None
    ) -> Callable[[bytes], object]:
        """Take the head of an answer (PEP 3333)."""
        if problem and self.wrote_header:
            raise problem[1]
        if problem:
            self.response_headers.clear()
        if self.complete and not problem:
            raise AssertionError("the application began a second answer")
        text = "".join([status, *(part for field in headers for part in field)])
        if "\n" in text or "\r" in text:
            raise ValueError("the head of an answer holds a line break")
        self.complete, self.status = True, status
        self.response_headers.extend(headers)
        self.content_length = next((int(text) for name, text in headers if name.lower() == "content-length"), None)
        return self.write

    def write(self, data: bytes) -> None:
        """Write a part of the answer; the head goes with the first, in one packet and one call of the system."""
        if self.wrote_header or not data or self.content_length != len(data) or not self.has_body:
            super().write(data)
            return
        self.channel.write_soon(self.build_response_header() + data)
        self.wrote_header, self.content_bytes_written = True, len(data)

    def build_response_header(self) -> bytes:
        """The head of the answer, which waitress only writes where more has to be told than the date."""
        names = {name for name, _ in self.response_headers}
        if not (self._is_usual() and "Content-Length" in names and names.isdisjoint(_NOT_PLAIN)):
            return bytes(super().build_response_header())
        fields = "".join([f"{name}: {text}\r\n" for name, text in self.response_headers])
        return f"HTTP/1.1 {self.status}\r\n{fields}Date: {_date(int(self.start_time))}\r\n\r\n".encode("latin-1")

    def _is_usual(self) -> bool:
        """Whether the connection goes on behind an answer with a body."""
        ends = self.close_on_finish or self.request.headers.get("CONNECTION", "").lower() == "close"
        return bool(self.version == "1.1" and self.has_body and not ends)


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


@functools.lru_cache(maxsize=2)
def _date(second: int) -> str:
    return str(build_http_date(second))


def _close_if_draining(task: Task) -> None:
    with task.channel.requests_lock:
        is_last = len(task.channel.requests) == 1
    if task.channel.server.draining and is_last:
        task.set_close_on_finish()

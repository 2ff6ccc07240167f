"""The lines of the log: as text to read, or each as one JSON object. They never hold a picture, an address or a key.

A request's line is made of what `observing.Seen` knows, which is none of these. All other lines are made of words that
parts of the program chose, and of errors that may quote what they met; so `redacted` goes over these.
"""

import json
import logging
import re
import time
from collections.abc import Sequence
from typing import Any, Final

from inkdigit.config import Settings
from inkdigit.server.observing import Seen, current_id

HIDDEN: Final = "[hidden]"
_QUOTED: Final = re.compile(
    r"""
      data:[\w.+-]*/?[\w.+-]*[;,][^\s'")]*             # a data URL
    | (?<![\w+/=-])(?<!File\ ")(?=[\w+/=-]*[A-Z])(?=[\w+/=-]*[a-z])(?=[\w+/=-]*\d)[\w+/=-]{32,}  # base64
    | (?<!\w)[0-9a-f]{32,}(?!\w)                       # a key in hexadecimal
    | \binkdigit_[0-9a-f]{8}_[\w-]+                      # a key of our own
    | (?i:\b(?:bearer|basic))\s+[^\s'"]+               # credentials in a header
    | (?<=://)[^\s/@]*:[^\s/@]*@                       # and in a URL
    | (?<![\w.])\d{1,3}(?:\.\d{1,3}){3}(?![\w.]*\w)    # an address, IPv4
    | (?<![\w:.])(?:[0-9a-fA-F]{0,4}:){2,7}[0-9a-fA-F]{1,4}(?![\w:])  # and IPv6
    """,
    re.VERBOSE,
)


class TextLines(logging.Formatter):
    """Lines for people."""

    def __init__(self, secrets: Sequence[str] = ()) -> None:
        super().__init__()
        self._secrets = secrets

    def format(self, record: logging.LogRecord) -> str:
        """Write a record down."""
        seen = getattr(record, "seen", None)
        if isinstance(seen, Seen):
            return _request_text(seen)
        told = redacted(self._told(record), self._secrets)
        asked = current_id()
        return f"{record.levelname}: {told}" + (f" (request {asked})" if asked else "")

    def _told(self, record: logging.LogRecord) -> str:
        trace = "" if not record.exc_info else "\n" + self.formatException(record.exc_info)
        return record.getMessage() + trace


class JsonLines(logging.Formatter):
    """Lines for programs: an object each, with the time in UTC."""

    def __init__(self, secrets: Sequence[str] = ()) -> None:
        super().__init__()
        self._secrets = secrets

    def format(self, record: logging.LogRecord) -> str:
        """Write a record down."""
        line: dict[str, Any] = {
            "time": f"{time.strftime('%Y-%m-%dT%H:%M:%S', time.gmtime(record.created))}.{int(record.msecs):03}Z",
            "level": record.levelname.lower(),
            "logger": record.name,
        }
        seen = getattr(record, "seen", None)
        line |= _request_fields(seen) if isinstance(seen, Seen) else self._other_fields(record)
        return json.dumps(line, separators=(",", ":"))

    def _other_fields(self, record: logging.LogRecord) -> dict[str, Any]:
        fields: dict[str, Any] = {"message": redacted(record.getMessage(), self._secrets)}
        if (asked := current_id()) is not None:
            fields["request_id"] = asked
        if record.exc_info:
            fields["exception"] = redacted(self.formatException(record.exc_info), self._secrets)
        return fields


def formatter(settings: Settings) -> logging.Formatter:
    """What writes the lines of a server with these settings."""
    secrets = [settings.admin_key] if settings.admin_key else []
    return JsonLines(secrets) if settings.log == "json" else TextLines(secrets)


def redacted(text: str, secrets: Sequence[str] = ()) -> str:
    """The text without what may be a picture, an address or a key.

    >>> redacted("no digit in data:image/png;base64,iVBORw0KGgo from 10.0.0.7"), redacted("mine: s3same", ["s3same"])
    ('no digit in [hidden] from [hidden]', 'mine: [hidden]')
    """
    for secret in secrets:
        text = text.replace(secret, HIDDEN)
    return _QUOTED.sub(HIDDEN, text)


def _request_text(seen: Seen) -> str:
    told = (seen.model, seen.problem, f"id={seen.id}")
    more = " ".join(one for one in told if one)
    return f"{seen.method} {seen.route} {seen.status} {1000 * seen.seconds:.1f} ms {seen.size or 0} B {more}"


def _request_fields(seen: Seen) -> dict[str, Any]:
    fields: dict[str, Any] = {
        "message": "request",
        "request_id": seen.id,
        "method": seen.method,
        "route": seen.route,
        "status": seen.status,
        "duration_ms": round(1000 * seen.seconds, 3),
        "bytes": seen.size,
        "model": seen.model,
    }
    if seen.problem is not None:
        fields["problem"] = seen.problem
    if seen.trace is not None:
        fields["trace_id"] = seen.trace
    return fields

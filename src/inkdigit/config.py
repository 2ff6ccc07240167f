"""Settings of the server: read once at the edge, then passed by hand."""

import ipaddress
import math
import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Self

from inkdigit.errors import ConfigError
from inkdigit.image import MAX_IMAGE_BYTES
from inkdigit.structure import PAGE_LIMITS

BODY_SLACK: Final = 64 * 1024  # bytes, for the JSON or the form around a picture
MAX_BODY_BYTES: Final = 4 * math.ceil(MAX_IMAGE_BYTES / 3) + BODY_SLACK  # the largest picture, in base64, in JSON
MAX_PAGE_BODY_BYTES: Final = PAGE_LIMITS.bytes + BODY_SLACK  # the largest photo, as it is or in a form

LOGS: Final = ("text", "json", "quiet")

_HOST: Final = re.compile(
    r"(?:\[([0-9a-f]*:[0-9a-f:.]+)\]|([a-z0-9._-]+)\.?)(?::[0-9]{1,5})?", re.ASCII | re.IGNORECASE
)
_KEY: Final = re.compile(r"[!-~]{16,256}")
_KEY_RULE: Final = "16 to 256 characters: letters, digits and signs of ASCII, and no spaces"


@dataclass(frozen=True, slots=True)
class Settings:
    """How to serve.

    Attributes:
        host: address or name to listen on; loopback unless asked for more, because the server knows no passwords.
        port: TCP port, 0 for any free one.
        model: a model folder or the name of a version; the current one where it is None.
        reader: the same for the model that reads whole numbers.
        home: folder of further model versions.
        trusted_hosts: names, besides loopback and `host`, under which browsers may reach the server.
        workers: processes that serve; one for each core where it is 0.
        threads: requests worked on at the same time, pictures of paper aside; of single digits no more than there are
            cores for.
        page_threads: pictures of paper read at the same time; each takes up to 0.4 GB.
        queue_limit: requests that wait for a thread, of each of these two kinds; one more is refused.
        queue_timeout_s: seconds after which a request that still waits is refused.
        connection_limit: connections held open at the same time.
        request_timeout_s: seconds that a request may take to arrive.
        client_rate: requests per second that one client may send, in the long run; as many as it likes where it is 0.
        client_burst: requests that it may send at once.
        feedback_per_minute: drawings that one client may hand in; as many as it likes where it is 0.
        admin_tries_per_minute: wrong admin keys that one client may send; as many as it likes where it is 0.
        drain_notice_s: seconds between "not ready" and the closing of the port after SIGTERM.
        drain_timeout_s: seconds that accepted requests then have to finish.
        max_body_bytes: largest request body, the same in every layer.
        max_page_body_bytes: the same for pictures of paper.
        database: where corrections are kept, as a file or a URL of SQLAlchemy; beside `home` where it is None.
        admin_key: a key of scope admin, besides those in the file.
        keys: the file of API keys; in `home` where it is None.
        require_key: whether programs and browsers on this computer need a key too.
        public: whether reading and handing in need no key, wherever they come from.
        tracing: whether spans go to where the variables of OpenTelemetry say.
        log: "text" logs a line for each request, "json" the same for programs, "quiet" faults alone.
        retention_days: corrections are deleted once they are older; kept until somebody deletes them where it is None.
    """

    host: str = "127.0.0.1"
    port: int = 5000
    model: str | None = None
    reader: str | None = None
    home: Path | None = None
    trusted_hosts: tuple[str, ...] = ()
    workers: int = 1
    threads: int = 4
    page_threads: int = 2
    queue_limit: int = 64
    queue_timeout_s: float = 10.0
    connection_limit: int = 500
    request_timeout_s: float = 300.0
    client_rate: float = 0.0
    client_burst: int = 60
    feedback_per_minute: int = 120
    admin_tries_per_minute: int = 30
    drain_notice_s: float = 1.0
    drain_timeout_s: float = 30.0
    max_body_bytes: int = MAX_BODY_BYTES
    max_page_body_bytes: int = MAX_PAGE_BODY_BYTES
    database: str | None = field(default=None, repr=False)  # it may hold a password
    admin_key: str | None = field(default=None, repr=False)
    keys: Path | None = None
    require_key: bool = False
    public: bool = False
    retention_days: int | None = None
    log: str = "text"
    tracing: bool = False

    def __post_init__(self) -> None:
        """Refuse values that cannot work.

        Raises:
            ConfigError: a value is out of its range.
        """
        _require(bool(self.host), "the host is empty; use 127.0.0.1, or 0.0.0.0 for every address")
        _require_range("port", self.port, 0, 65535)
        _require_range("number of workers", self.workers, 0, 256)
        _require_range("threads", self.threads, 1, 256)
        _require_range("threads for pages", self.page_threads, 1, 256)
        _require_range("queue", self.queue_limit, 1, 10_000)
        _require_range("queue timeout", self.queue_timeout_s, 0.01, 3600)
        _require_range("request timeout", self.request_timeout_s, 1, 86_400)
        _require_range("client rate", self.client_rate, 0, 1e6)
        _require_range("client burst", self.client_burst, 1, 1_000_000)
        _require_range("drawings per minute", self.feedback_per_minute, 0, 1_000_000)
        _require_range("admin tries per minute", self.admin_tries_per_minute, 0, 1_000_000)
        _require_range("connection limit", self.connection_limit, 10, 10_000)
        _require_range("drain notice", self.drain_notice_s, 0, 600)
        _require_range("drain timeout", self.drain_timeout_s, 0, 3600)
        for limit in (self.max_body_bytes, self.max_page_body_bytes):
            _require_range("body limit", limit, 1, 2**30)
        _require(
            not (self.public and self.require_key),
            "INKDIGIT_REQUIRE_KEY asks everybody for a key, --public (INKDIGIT_PUBLIC) nobody; take one of them away",
        )
        if self.admin_key is not None:
            _require(_KEY.fullmatch(self.admin_key) is not None, f"the admin key must have {_KEY_RULE}")
        if self.retention_days is not None:
            _require_range("retention in days", self.retention_days, 1, 36_500)
        _require(self.log in LOGS, f"the log is one of {', '.join(LOGS)}; it is {self.log!r}")
        for host in self.trusted_hosts:
            _require(host_name(host) is not None, f"{host!r} is not a host name; write it as in digits.example.org")

    @classmethod
    def from_env(cls, env: Mapping[str, str]) -> Self:
        """Read settings from environment variables; an empty variable counts as unset.

        Raises:
            ConfigError: a value cannot work, or the file that holds it cannot be read; the text names the variable.

        >>> Settings.from_env({"INKDIGIT_PORT": "8080"}).port
        8080
        """
        found = {name: env[name] for name in VARIABLES if env.get(name)} | _secrets(env)
        return cls(**{VARIABLES[name][0]: _parse(name, text) for name, text in found.items()})


def host_name(host: str) -> str | None:
    """The name or address in a ``Host`` header, in lower case, without port and brackets; None if it is malformed.

    >>> host_name("[::1]:5000"), host_name("LocalHost"), host_name("two, hosts")
    ('::1', 'localhost', None)
    """
    match = _HOST.fullmatch(host)
    if match is None:
        return None
    if match[2]:
        return match[2].lower().removesuffix(".")
    return str(ipaddress.IPv6Address(match[1])) if is_address(match[1]) else None


def is_loopback(host: str) -> bool:
    """Whether a name or an address means this computer alone.

    >>> is_loopback("127.0.0.1"), is_loopback("::ffff:127.0.0.1"), is_loopback("localhost"), is_loopback("0.0.0.0")
    (True, True, True, False)
    """
    if host in ("127.0.0.1", "::1") or host.lower() == "localhost":
        return True
    if not is_address(host):
        return False
    address = ipaddress.ip_address(host)
    return (getattr(address, "ipv4_mapped", None) or address).is_loopback


def is_address(name: str) -> bool:
    """Whether the text is an IP address rather than a name."""
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


def core_count() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def package_version() -> str:
    """The version of the installed package; "0+source" when it runs from a source tree that was never installed."""
    from importlib import metadata  # here, because it takes longer than all else that settings need

    try:
        return metadata.version("inkdigit")
    except metadata.PackageNotFoundError:
        return "0+source"


def _names(text: str) -> tuple[str, ...]:
    return tuple(name.strip() for name in text.split(",") if name.strip())


def _flag(text: str) -> bool:
    return {"1": True, "true": True, "yes": True, "on": True, "0": False, "false": False, "no": False, "off": False}[
        text.lower()
    ]


def _count_or_auto(text: str) -> int:
    if text == "auto":
        return 0
    count = int(text)
    _require(1 <= count <= 256, f"INKDIGIT_WORKERS must be a number from 1 to 256, or auto, not {count}")
    return count


VARIABLES: Final[Mapping[str, tuple[str, Callable[[str], Any]]]] = {
    "INKDIGIT_HOST": ("host", str),
    "INKDIGIT_PORT": ("port", int),
    "INKDIGIT_MODEL": ("model", str),
    "INKDIGIT_READER": ("reader", str),
    "INKDIGIT_HOME": ("home", Path),
    "INKDIGIT_TRUSTED_HOSTS": ("trusted_hosts", _names),
    "INKDIGIT_WORKERS": ("workers", _count_or_auto),
    "INKDIGIT_THREADS": ("threads", int),
    "INKDIGIT_PAGE_THREADS": ("page_threads", int),
    "INKDIGIT_QUEUE": ("queue_limit", int),
    "INKDIGIT_QUEUE_TIMEOUT": ("queue_timeout_s", float),
    "INKDIGIT_REQUEST_TIMEOUT": ("request_timeout_s", float),
    "INKDIGIT_CLIENT_RATE": ("client_rate", float),
    "INKDIGIT_CLIENT_BURST": ("client_burst", int),
    "INKDIGIT_FEEDBACK_RATE": ("feedback_per_minute", int),
    "INKDIGIT_ADMIN_TRIES": ("admin_tries_per_minute", int),
    "INKDIGIT_CONNECTION_LIMIT": ("connection_limit", int),
    "INKDIGIT_DRAIN_NOTICE": ("drain_notice_s", float),
    "INKDIGIT_DRAIN_TIMEOUT": ("drain_timeout_s", float),
    "INKDIGIT_DATABASE": ("database", str),
    "INKDIGIT_ADMIN_KEY": ("admin_key", str),
    "INKDIGIT_KEYS": ("keys", Path),
    "INKDIGIT_REQUIRE_KEY": ("require_key", _flag),
    "INKDIGIT_PUBLIC": ("public", _flag),
    "INKDIGIT_RETENTION_DAYS": ("retention_days", int),
    "INKDIGIT_LOG": ("log", str),
    "INKDIGIT_TRACING": ("tracing", _flag),
}
"""Every environment variable that is read, with the field it sets."""

SECRETS: Final = ("INKDIGIT_DATABASE", "INKDIGIT_ADMIN_KEY")
"""Those that may stand in a file instead, which the variable with `_FILE` behind its name names: the environment of a
process is shown to others more readily than a file."""


def _secrets(env: Mapping[str, str]) -> dict[str, str]:
    files = {name: env[f"{name}_FILE"] for name in SECRETS if env.get(f"{name}_FILE")}
    for name in files:
        _require(not env.get(name), f"{name} and {name}_FILE are both set; keep one of them")
    return {name: _secret(name, Path(file)) for name, file in files.items()}


def _secret(name: str, file: Path) -> str:
    try:
        text = file.read_text("utf-8").rstrip("\r\n")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is no text"
        raise ConfigError(f"{name}_FILE names {file}, which cannot be read ({reason})") from error
    _require(bool(text), f"{name}_FILE names {file}, which is empty")
    return text


def _parse(name: str, text: str) -> Any:
    try:
        return VARIABLES[name][1](text)
    except ValueError as error:
        raise ConfigError(f"{name} must be a number, not {text!r}") from error
    except KeyError as error:
        raise ConfigError(f"{name} must be 1 or 0, not {text!r}") from error


def _require(holds: bool, message: str) -> None:
    if not holds:
        raise ConfigError(message)


def _require_range(what: str, value: float, low: float, high: float) -> None:
    _require(low <= value <= high, f"the {what} must lie between {low} and {high}; it is {value}")

"""What keeps other sites out: the names the server answers to, the origin of writes, and the headers of answers."""

from collections.abc import Mapping
from typing import Final

from flask import Flask, Response, request

from inkdigit.config import Settings, host_name, is_address
from inkdigit.server.problems import BadHost, CrossSiteRequest

LOOPBACK: Final = frozenset({"127.0.0.1", "localhost", "::1"})
EVERY_ADDRESS: Final = frozenset({"0.0.0.0", "::"})  # noqa: S104  compared with, not bound to
SAFE_METHODS: Final = frozenset({"GET", "HEAD", "OPTIONS", "TRACE"})

CONTENT_SECURITY_POLICY: Final = "; ".join(
    (
        "default-src 'self'",
        "img-src 'self' data: blob:",
        "object-src 'none'",
        "base-uri 'none'",
        "form-action 'self'",
        "frame-ancestors 'none'",
    )
)
HEADERS: Final[Mapping[str, str]] = {
    "Content-Security-Policy": CONTENT_SECURITY_POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
}
"""On every answer, unless its view set another value."""


def protect(app: Flask, settings: Settings) -> None:
    """Guard every route of the application, those that do not exist too."""
    own = f"[{settings.host}]" if ":" in settings.host else settings.host  # a Host header puts IPv6 into brackets
    names = LOOPBACK | {host_name(host) for host in (*settings.trusted_hosts, own)}
    any_address = settings.host in EVERY_ADDRESS

    @app.before_request
    def refuse_strangers() -> None:
        _check_host(names, any_address)
        _check_site()

    app.after_request(add_headers)


def add_headers(response: Response) -> Response:
    """Add the headers that every answer carries."""
    given = {name.lower() for name, _ in response.headers}
    for name, value in HEADERS.items():
        if name.lower() not in given:
            response.headers.add(name, value)
    return response


def _check_host(names: frozenset[str | None], any_address: bool) -> None:
    """Refuse unknown names: a page elsewhere can point a name of its own at this address (DNS rebinding).

    A server that listens on every address cannot know them all, so there any address counts; a rebound request
    carries a name.
    """
    name = host_name(request.headers.get("Host", ""))
    if name is None or not (name in names or (any_address and is_address(name))):
        raise BadHost("the Host header names no host of this server; add the name to INKDIGIT_TRUSTED_HOSTS")


def _check_site() -> None:
    """Refuse writes that a browser sends for another site; programs send neither header and pass."""
    if request.method in SAFE_METHODS:
        return
    site = request.headers.get("Sec-Fetch-Site")
    origin = request.headers.get("Origin")
    own = origin is None or origin.partition("://")[2].lower() == request.headers.get("Host", "").lower()
    if site not in {"same-origin", "none"} and not (site is None and own):
        raise CrossSiteRequest("the request comes from a page of another site; send it from a program instead")

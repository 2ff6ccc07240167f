"""What keeps other sites out: the names the server answers to, the origin of writes, and the headers of answers."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Self

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


@dataclass(frozen=True, slots=True)
class Names:
    """The names that the server answers to.

    A page elsewhere can point a name of its own at this address (DNS rebinding). A server that listens on every address
    cannot know them all, so there any address counts; a rebound request carries a name.
    """

    known: frozenset[str | None]
    any_address: bool

    @classmethod
    def of(cls, settings: Settings) -> Self:
        """Those of a server with these settings."""
        own = f"[{settings.host}]" if ":" in settings.host else settings.host  # a Host header puts IPv6 into brackets
        known = LOOPBACK | {host_name(host) for host in (*settings.trusted_hosts, own)}
        return cls(known, settings.host in EVERY_ADDRESS)

    def admit(self, host: str) -> bool:
        """Whether a Host header names this server."""
        name = host_name(host)
        return name is not None and (name in self.known or (self.any_address and is_address(name)))


def is_own_site(site: str | None, origin: str | None, host: str) -> bool:
    """Whether a write comes from a page of this server, or from a program: these send neither of the first two headers.

    Args:
        site: the header Sec-Fetch-Site.
        origin: the header Origin.
        host: the header Host.
    """
    own = origin is None or origin.partition("://")[2].lower() == host.lower()
    return site in {"same-origin", "none"} or (site is None and own)


def protect(app: Flask, settings: Settings) -> None:
    """Guard every route of the application, those that do not exist too."""
    names = Names.of(settings)

    @app.before_request
    def refuse_strangers() -> None:
        host = request.headers.get("Host", "")
        if not names.admit(host):
            raise BadHost("the Host header names no host of this server; add the name to INKDIGIT_TRUSTED_HOSTS")
        site, origin = request.headers.get("Sec-Fetch-Site"), request.headers.get("Origin")
        if request.method not in SAFE_METHODS and not is_own_site(site, origin, host):
            raise CrossSiteRequest("the request comes from a page of another site; send it from a program instead")

    app.after_request(add_headers)


def add_headers(response: Response) -> Response:
    """Add the headers that every answer carries."""
    given = {name.lower() for name, _ in response.headers}
    for name, value in HEADERS.items():
        if name.lower() not in given:
            response.headers.add(name, value)
    return response

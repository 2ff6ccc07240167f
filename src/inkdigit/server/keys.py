"""The admin key: who holds it may review what was handed in."""

import hashlib
import hmac

from flask import request
from werkzeug.datastructures import WWWAuthenticate
from werkzeug.exceptions import TooManyRequests

from inkdigit.server.limits import ADMIN_TRIES, client_of
from inkdigit.server.problems import AdminKeyRequired, NoAdminKey, whole_seconds
from inkdigit.server.state import current_state

HOW_TO_SET: str = "set INKDIGIT_ADMIN_KEY to 16 characters or more, and start the server again"


def require_admin() -> None:
    """Let a request pass that carries the admin key.

    Raises:
        NoAdminKey: the server has none, and lets nobody pass.
        TooManyRequests: its client has sent too many wrong ones; then not even the right one is looked at.
        AdminKeyRequired: the request carries none, or another.
    """
    key = current_state().settings.admin_key
    if key is None:
        raise NoAdminKey(f"this server was started without an admin key; {HOW_TO_SET}")
    authorization = request.headers.get("Authorization", "")
    limits, client = current_state().limits, client_of(request.remote_addr or "", authorization)
    if wait := whole_seconds(limits.wait_for(ADMIN_TRIES, client)):
        raise TooManyRequests(f"too many wrong keys came from this client; try again in {wait} s", retry_after=wait)
    scheme, _, given = authorization.partition(" ")
    if scheme.lower() != "bearer" or not _is_same(given.strip(), key):
        limits.take(ADMIN_TRIES, client)
        raise AdminKeyRequired(
            "send the admin key in the header Authorization: Bearer",
            www_authenticate=WWWAuthenticate("bearer", {"realm": "inkdigit review"}),
        )


def _is_same(given: str, key: str) -> bool:
    """Compared by digest, so that the time it takes tells neither where two keys differ nor how long they are."""
    first, second = (hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest() for text in (given, key))
    return hmac.compare_digest(first, second)

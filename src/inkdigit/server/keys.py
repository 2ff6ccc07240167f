"""Asking for keys: which request needs one, and whether the one it carries is good for it.

A request needs none that comes from this computer under its own name, unless the settings ask for keys here too: what
a reverse proxy hands on looks the same if it changes the Host header. Nobody needs one where there is none at all and
the server listens on loopback: then what stands in front of it decides who comes.
"""

from typing import Final, NoReturn

from flask import Flask, g, request
from werkzeug.datastructures import WWWAuthenticate
from werkzeug.exceptions import TooManyRequests

from inkdigit.access import Key, Scope
from inkdigit.config import Settings, host_name, is_loopback
from inkdigit.errors import ConfigError, KeysError
from inkdigit.server.keyring import KeyRing, bearer_in
from inkdigit.server.limits import ADMIN_TRIES, client_of
from inkdigit.server.problems import AdminKeyRequired, KeyRequired, NoAdminKey, ScopeMissing, whole_seconds
from inkdigit.server.rules import Rule, rule_of
from inkdigit.server.state import State, current_state

HOW_TO_SET: Final = "run `inkdigit keys make --name NAME --scope admin`, or set INKDIGIT_ADMIN_KEY and start it again"
_HELD: Final = "inkdigit-key"


def refuse_exposure(settings: Settings, ring: KeyRing) -> None:
    """Refuse to start a server that everybody could use by mistake.

    Raises:
        ConfigError: it would be one, or nobody could use it.
    """
    if not is_loopback(settings.host) and not settings.public and ring.is_empty():
        raise ConfigError(
            f"everyone who can reach {settings.host} could use this server; make a key first (inkdigit keys make --name"
            " NAME), or add --public to mean it"
        )
    if settings.require_key and ring.is_empty():
        raise ConfigError("INKDIGIT_REQUIRE_KEY is set, and there is no key; run: inkdigit keys make --name NAME")


def guard(app: Flask) -> None:
    """Ask every request for the key that its route needs, before anything of it is read."""

    @app.before_request
    def ask() -> None:
        if request.endpoint is not None:  # else there is nothing to protect, and the answer is 404 or 405
            _ask(rule_of(request.endpoint))


def asks_for(endpoint: str) -> bool:
    """Whether who sent the current request would be asked for a key at another route."""
    try:
        return _is_asked_now(rule_of(endpoint))
    except KeysError:  # which that route tells, when it is asked
        return True


def current_key() -> Key | None:
    """The good key that the current request carries, asked for or not; None if it carries none."""
    held: Key | None = g.get(_HELD)
    return held


def _ask(rule: Rule) -> None:
    scope = rule.scope if _is_asked_now(rule) else None
    key = _given_key(is_needed=scope is not None)
    g.setdefault(_HELD, key)
    if scope is not None and (key is None or not key.permits(scope)):
        _refuse(scope, key)


def is_asked(rule: Rule, state: State, address: str, host: str) -> bool:
    """Whether a rule asks a request for a key.

    Args:
        rule: of the route.
        state: the application's parts.
        address: that the request comes from.
        host: its header Host.

    Raises:
        KeysError: the file of keys cannot be read or trusted.
    """
    if rule.scope is None or (state.settings.public and not rule.when_public):
        return False
    if not state.settings.require_key and not rule.at_home and _is_at_home(address, host):
        return False
    return rule.when_public or not (is_loopback(state.settings.host) and state.keys.is_empty())


def _is_asked_now(rule: Rule) -> bool:
    return is_asked(rule, current_state(), request.remote_addr or "", request.headers.get("Host", ""))


def _is_at_home(address: str, host: str) -> bool:
    """Whether the request comes from this computer, under a name of its own: a proxy hands on that of the server."""
    return is_loopback(address) and is_loopback(host_name(host) or "")


def _given_key(*, is_needed: bool) -> Key | None:
    given = bearer_in(request.headers.get("Authorization", ""))
    try:
        return None if given is None else _found(given)
    except (KeysError, TooManyRequests):
        if is_needed:
            raise
        return None


def _found(given: str) -> Key | None:
    """The key that was given, if it is a good one.

    Raises:
        KeysError: the file of keys cannot be read or trusted.
        TooManyRequests: its client has sent too many wrong ones; then not even the right one is looked at.
    """
    state = current_state()
    if state.keys.knows(given):  # by its id; that its 256 bits are guessed nobody need fear
        return state.keys.find(given)
    client = client_of(request.remote_addr or "")
    if wait := whole_seconds(state.limits.wait_for(ADMIN_TRIES, client)):
        raise TooManyRequests(f"too many wrong keys came from this client; try again in {wait} s", retry_after=wait)
    found = state.keys.find(given)
    if found is None:
        state.limits.take(ADMIN_TRIES, client)
    return found


def _refuse(scope: Scope, key: Key | None) -> NoReturn:
    if key is not None:
        raise ScopeMissing(
            f"the key {key.id} is good for {' and '.join(sorted(key.scopes))}; this needs one of scope {scope}",
            www_authenticate=_challenge(error="insufficient_scope", scope=scope),
        )
    if scope is Scope.ADMIN:
        if not current_state().keys.has_admin():
            raise NoAdminKey(f"this server has no admin key; {HOW_TO_SET}")
        raise AdminKeyRequired(
            f"{_wrong()}send an admin key in the header Authorization: Bearer", www_authenticate=_challenge(scope=scope)
        )
    raise KeyRequired(
        f"{_wrong()}send an API key of scope {scope} in the header Authorization: Bearer; `inkdigit keys make` makes"
        " one",
        www_authenticate=_challenge(scope=scope),
    )


def _wrong() -> str:
    """What is the matter with a key that is no good, if one was sent; which of the three, only its owner may know."""
    sent = bearer_in(request.headers.get("Authorization", ""))
    return "the key that was sent is wrong, expired or revoked; " if sent else ""


def _challenge(**values: str) -> WWWAuthenticate:
    return WWWAuthenticate("bearer", {"realm": "inkdigit", **values})

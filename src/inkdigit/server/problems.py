"""Errors to RFC 9457 problem details: the one place that knows which error has which status."""

import json
import logging
import math
from collections.abc import Mapping
from dataclasses import dataclass

from flask import Flask, Response, request
from werkzeug import exceptions as http

from inkdigit.errors import (
    BlankImageError,
    ConflictError,
    ImageError,
    ImageTooLargeError,
    InkdigitError,
    KeysError,
    MissingExtraError,
    NoReadingError,
    StoreError,
    UnreadableImageError,
    UnsupportedFormatError,
)
from inkdigit.server.observing import note_problem
from inkdigit.server.schemas import Problem, ProblemType

PROBLEM_JSON = "application/problem+json"
RETRY_AFTER_S = 30  # until a store that failed is worth another try

_log = logging.getLogger(__name__)


class BadHost(http.BadRequest):
    """The ``Host`` header names no host of this server."""


class CrossSiteRequest(http.Forbidden):
    """A browser sent the request on behalf of another site."""


class ConsentRequired(http.UnprocessableEntity):
    """A drawing was handed in without the consent to keep it."""


class CannotAdapt(http.NotImplemented):
    """The model that answers brings nothing along to learn a hand with."""


class NoStore(http.NotImplemented):
    """This server keeps no drawings."""


class NoAdminKey(http.Forbidden):
    """Nobody may: the server has no admin key."""


class AdminKeyRequired(http.Unauthorized):
    """The admin key is missing or wrong."""


class KeyRequired(http.Unauthorized):
    """The API key is missing or wrong, expired or revoked."""


class ScopeMissing(http.Unauthorized):
    """The API key is a good one, but not for this."""

    code = 403  # which comes with WWW-Authenticate too (RFC 6750, section 3.1), and werkzeug's own cannot


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of problem: its stable name, its status and its title."""

    type: ProblemType
    status: int
    title: str


BLANK_IMAGE = Kind("blank-image", 422, "There is no ink on the picture")
NO_READING = Kind("no-reading", 422, "No likely reading is as expected")
UNREADABLE_IMAGE = Kind("unreadable-image", 400, "The picture cannot be read")
IMAGE_TOO_LARGE = Kind("image-too-large", 413, "The picture is too large")
UNSUPPORTED_FORMAT = Kind("unsupported-format", 415, "This format is not read")
BODY_TOO_LARGE = Kind("body-too-large", 413, "The request body is too large")
BAD_REQUEST = Kind("bad-request", 400, "The request is malformed")
BAD_HOST = Kind("bad-host", 400, "The server is not known under this name")
CROSS_SITE_REQUEST = Kind("cross-site-request", 403, "Requests from other sites are refused")
NOT_FOUND = Kind("not-found", 404, "There is nothing at this address")
METHOD_NOT_ALLOWED = Kind("method-not-allowed", 405, "This address does not take this method")
NOT_ACCEPTABLE = Kind("not-acceptable", 406, "The answer exists in no accepted media type")
HEADERS_TOO_LARGE = Kind("headers-too-large", 431, "The request headers are too large")
UNKNOWN_TRANSFER_CODING = Kind("unknown-transfer-coding", 501, "The request body comes in a way that is not read")
TOO_MANY_REQUESTS = Kind("too-many-requests", 429, "This client asks too often")
OVERLOADED = Kind("overloaded", 503, "The server has more to do than it can")
INTERNAL_ERROR = Kind("internal-error", 500, "The server failed")
MISSING_EXTRA = Kind("missing-extra", 501, "A part that this needs is not installed on the server")
MISSING_READER = Kind("missing-reader", 501, "This server has no model that reads whole numbers")
CONSENT_REQUIRED = Kind("consent-required", 422, "A drawing is kept with consent alone")
IDEMPOTENCY_CONFLICT = Kind("idempotency-conflict", 409, "The Idempotency-Key belongs to another submission")
STORE_UNAVAILABLE = Kind("store-unavailable", 503, "The store of drawings cannot be reached")
CANNOT_ADAPT = Kind("cannot-adapt", 501, "The model of this server learns no hand")
MISSING_STORE = Kind("missing-store", 501, "This server keeps no drawings")
ADMIN_KEY_REQUIRED = Kind("admin-key-required", 401, "This needs an admin key")
ADMIN_KEY_UNSET = Kind("admin-key-unset", 403, "This is shut: the server has no admin key")
KEY_REQUIRED = Kind("key-required", 401, "This needs an API key")
SCOPE_MISSING = Kind("scope-missing", 403, "The API key is not for this")
KEYS_UNAVAILABLE = Kind("keys-unavailable", 503, "The API keys cannot be checked")

_LATER = {STORE_UNAVAILABLE: "drawings", KEYS_UNAVAILABLE: "API keys"}

KINDS: Mapping[type[Exception], Kind] = {
    BlankImageError: BLANK_IMAGE,
    UnreadableImageError: UNREADABLE_IMAGE,
    ImageTooLargeError: IMAGE_TOO_LARGE,
    UnsupportedFormatError: UNSUPPORTED_FORMAT,
    ImageError: UNREADABLE_IMAGE,
    NoReadingError: NO_READING,
    MissingExtraError: MISSING_EXTRA,
    http.RequestEntityTooLarge: BODY_TOO_LARGE,
    http.UnsupportedMediaType: UNSUPPORTED_FORMAT,
    BadHost: BAD_HOST,
    http.SecurityError: BAD_HOST,
    http.BadRequest: BAD_REQUEST,
    CrossSiteRequest: CROSS_SITE_REQUEST,
    http.NotFound: NOT_FOUND,
    http.MethodNotAllowed: METHOD_NOT_ALLOWED,
    http.NotAcceptable: NOT_ACCEPTABLE,
    http.InternalServerError: INTERNAL_ERROR,
    http.NotImplemented: MISSING_READER,
    ConsentRequired: CONSENT_REQUIRED,
    ConflictError: IDEMPOTENCY_CONFLICT,
    StoreError: STORE_UNAVAILABLE,
    CannotAdapt: CANNOT_ADAPT,
    NoStore: MISSING_STORE,
    AdminKeyRequired: ADMIN_KEY_REQUIRED,
    NoAdminKey: ADMIN_KEY_UNSET,
    http.TooManyRequests: TOO_MANY_REQUESTS,
    KeyRequired: KEY_REQUIRED,
    ScopeMissing: SCOPE_MISSING,
    KeysError: KEYS_UNAVAILABLE,
}
"""Which error is which kind of problem; the nearest class in the error's ancestry counts."""


def kind_of(error: Exception) -> Kind | None:
    """The kind of problem an error is; None where the table has none."""
    return next((KINDS[cls] for cls in type(error).__mro__ if cls in KINDS), None)


def whole_seconds(wait_s: float) -> int:
    """A wait as the header Retry-After tells it."""
    return math.ceil(wait_s)


def problem_json(kind: Kind, detail: str, request_id: str) -> bytes:
    """The body of a problem."""
    problem = Problem(
        type=kind.type, title=kind.title, status=kind.status, detail=_sentence(detail), request_id=request_id
    )
    return problem.model_dump_json().encode()


def told_as(path: str, kind: Kind, detail: str, request_id: str) -> tuple[bytes, str]:
    """Body and media type of a problem: under /v2 in the form of the Open Inference Protocol."""
    if _is_inference(path):
        return json.dumps({"error": _sentence(detail)}).encode(), "application/json"
    return problem_json(kind, detail, request_id), PROBLEM_JSON


def _is_inference(path: str) -> bool:
    return path == "/v2" or path.startswith("/v2/")


def problem_response(kind: Kind, detail: str) -> Response:
    """The answer that tells a problem."""
    body, media_type = told_as(request.path, kind, detail, note_problem(kind.type))
    return Response(body, kind.status, mimetype=media_type)


def register(app: Flask) -> None:
    """Let the application answer every error with problem details."""
    app.register_error_handler(InkdigitError, _tell_own)
    app.register_error_handler(http.HTTPException, _tell_http)
    # Whatever else is raised is a fault of the program: it is logged, and the client learns nothing of the inside.
    app.register_error_handler(Exception, _tell_unexpected)


def _tell_own(error: InkdigitError) -> Response:
    kind = kind_of(error)
    if kind in _LATER:
        return _tell_later(kind, error)
    return _tell_unexpected(error) if kind is None else problem_response(kind, str(error))


def _tell_later(kind: Kind, error: InkdigitError) -> Response:
    """The log learns why; the client that the same request, with the same key, may be sent again."""
    what = _LATER[kind]
    _log.error("the %s: %s", what, error)
    response = problem_response(kind, f"the {what} cannot be reached at the moment; try again later")
    response.retry_after = RETRY_AFTER_S
    return response


def _tell_http(error: http.HTTPException) -> Response:
    kind = kind_of(error) or Kind("about:blank", error.code or 500, error.name)
    response = problem_response(kind, _detail(error) or kind.title)
    response.headers.extend((name, value) for name, value in error.get_headers() if name != "Content-Type")
    return response


def _detail(error: http.HTTPException) -> str | None:
    if isinstance(error, http.NotFound):
        known = error.description != http.NotFound.description
        there = "/v2/models/digits is the model" if _is_inference(request.path) else "/api/docs lists what is"
        return error.description if known else f"nothing is served at this address; {there}"
    if isinstance(error, http.MethodNotAllowed):
        return f"this address takes {', '.join(sorted(error.valid_methods or ()))} only"
    return error.description


def _tell_unexpected(error: Exception) -> Response:
    _log.error("a request failed", exc_info=error)
    return problem_response(INTERNAL_ERROR, "The server met an error of its own; its log says which. Try again.")


def _sentence(text: str) -> str:
    text = text[:1].upper() + text[1:]
    return text if text.endswith((".", "?", "!")) else text + "."

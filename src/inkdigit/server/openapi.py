"""The OpenAPI 3.1 document: its schemas come from `schemas`, its problems from `problems`."""

import json
from collections.abc import Sequence
from functools import cache
from typing import Any, Final

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from inkdigit.access import Scope
from inkdigit.config import package_version
from inkdigit.server import problems, schemas
from inkdigit.server.adapting import ADAPT_PATH
from inkdigit.server.feedback import FEEDBACK_PATH
from inkdigit.server.monitoring import METRICS_PATH, STATUS_PATH
from inkdigit.server.problems import PROBLEM_JSON, Kind
from inkdigit.server.reading import RAW_TYPES, READ_PATH
from inkdigit.server.review import REVIEW_PATH
from inkdigit.server.rules import ADMIN, FEEDBACK, OPEN, OPERATE, PREDICT, Rule

JsonObject = dict[str, Any]

_KEY: Final = {
    "type": "http",
    "scheme": "bearer",
    "description": "An API key of the scope that is named, or of scope admin; INKDIGIT_ADMIN_KEY is such a one. Where "
    "an empty requirement stands beside it, servers that ask for no key answer without.",
}
_REF: Final = "#/components/schemas/"
_REQUESTS: Final = (
    schemas.PictureBody,
    schemas.PredictBody,
    schemas.PictureForm,
    schemas.AdaptBody,
    schemas.SubmissionBody,
    schemas.VerdictsBody,
)
_PREDICT_ANSWERS: Final = (
    schemas.PredictAnswer,
    schemas.PredictAnswerWithInput,
    schemas.PredictAnswerWithExplanation,
    schemas.PredictAnswerWithBoth,
)
_ANSWERS: Final = (
    *_PREDICT_ANSWERS,
    schemas.ReadAnswer,
    schemas.AdaptAnswer,
    schemas.ModelAnswer,
    schemas.HealthAnswer,
    schemas.ReceiptAnswer,
    schemas.ReviewAnswer,
    schemas.ReviewedAnswer,
    schemas.UndoneAnswer,
    schemas.StatisticsAnswer,
    schemas.StatusAnswer,
    schemas.Problem,
)
_HEALTH: Final = (  # what is refused before a route is looked at
    problems.BAD_HOST,
    problems.BAD_REQUEST,
    problems.INTERNAL_ERROR,
    problems.HEADERS_TOO_LARGE,
    problems.BODY_TOO_LARGE,
    problems.UNKNOWN_TRANSFER_CODING,
)
_EVERYWHERE: Final = (*_HEALTH, problems.TOO_MANY_REQUESTS, problems.OVERLOADED)  # health checks are let in always
_PREDICT: Final = (
    problems.UNREADABLE_IMAGE,
    problems.CROSS_SITE_REQUEST,
    problems.NOT_ACCEPTABLE,
    problems.IMAGE_TOO_LARGE,
    problems.UNSUPPORTED_FORMAT,
    problems.BLANK_IMAGE,
)
_READ: Final = (*_PREDICT, problems.NO_READING, problems.MISSING_EXTRA, problems.MISSING_READER)
_BODY: Final = (problems.CROSS_SITE_REQUEST, problems.UNSUPPORTED_FORMAT)
_STORE: Final = (problems.STORE_UNAVAILABLE, problems.MISSING_STORE, problems.MISSING_EXTRA)
_SUBMIT: Final = (
    *_BODY,
    *_STORE,
    problems.UNREADABLE_IMAGE,
    problems.IMAGE_TOO_LARGE,
    problems.BLANK_IMAGE,
    problems.CONSENT_REQUIRED,
    problems.IDEMPOTENCY_CONFLICT,
)
_ADAPT: Final = (
    *_BODY,
    problems.UNREADABLE_IMAGE,
    problems.IMAGE_TOO_LARGE,
    problems.BLANK_IMAGE,
    problems.CANNOT_ADAPT,
)
_REVIEW: Final = _STORE
_LATER: Final = (
    problems.TOO_MANY_REQUESTS,
    problems.OVERLOADED,
    problems.STORE_UNAVAILABLE,
    problems.KEYS_UNAVAILABLE,
)
_CHALLENGES: Final = (problems.KEY_REQUIRED, problems.ADMIN_KEY_REQUIRED, problems.SCOPE_MISSING)


@cache
def openapi_document() -> str:
    """The document as JSON."""
    document = {
        "openapi": "3.1.0",
        "info": {
            "title": "Inkdigit",
            "version": package_version(),
            "summary": "Reads handwritten digits and numbers.",
            "description": "Errors are RFC 9457 problem details; `type` is a stable name to branch on.",
            "license": {"name": "MIT", "identifier": "MIT"},
        },
        "tags": [
            {"name": "reading", "description": "Read digits and numbers."},
            {"name": "corrections", "description": "Hand in what was read wrongly, and take it back."},
            {"name": "review", "description": "Look at what was handed in; with an admin key."},
            {"name": "server", "description": "Its state."},
        ],
        "paths": _paths(),
        "components": {"schemas": _component_schemas(), "securitySchemes": {"key": _KEY}},
    }
    return json.dumps(document, indent=1)


def _paths() -> JsonObject:
    health = {"200": _json("It does.", schemas.HealthAnswer)}
    not_ready = {"503": _json("It is about to stop.", schemas.HealthAnswer)}
    return {
        "/api/v1/predict": {"post": _predict()},
        READ_PATH: {"post": _read()},
        ADAPT_PATH: {"post": _adapt()},
        FEEDBACK_PATH: {"post": _submit()},
        FEEDBACK_PATH + "/{receipt}": {"delete": _withdraw()},
        **_review(),
        "/api/v1/model": {
            "get": _get(
                "model", "reading", "Which model answers", {"200": _json("The model.", schemas.ModelAnswer)}, PREDICT
            )
        },
        "/health/live": {"get": _get("live", "server", "Whether the server answers at all", health, OPEN, _HEALTH)},
        "/health/ready": {
            "get": _get("ready", "server", "Whether the server takes requests", health | not_ready, OPEN, _HEALTH)
        },
        METRICS_PATH: {"get": _metrics()},
        STATUS_PATH: {
            "get": _get(
                "status",
                "server",
                "How the server fares",
                {"200": _json("The last hour.", schemas.StatusAnswer)},
                OPERATE,
            )
        },
        "/api/openapi.json": {
            "get": _get("openapi", "server", "This document", {"200": _content("The document.", {"type": "object"})})
        },
    }


def _predict() -> JsonObject:
    return {
        "operationId": "predict",
        "tags": ["reading"],
        "summary": "Read the digit on a picture",
        "description": "Takes a PNG, JPEG or WebP picture of one digit, of any size and place, dark on light or light "
        "on dark: as a data URL in JSON, as a file in a form, or as the body itself.",
        "parameters": _parameters(schemas.PredictQuery),
        "requestBody": _picture(schemas.PredictBody),
        "responses": {"200": _predict_answer()} | _problem_responses((*_EVERYWHERE, *_PREDICT, *_refusals(PREDICT))),
        "security": _security(PREDICT),
    }


def _read() -> JsonObject:
    return {
        "operationId": "read",
        "tags": ["reading"],
        "summary": "Read the numbers on a picture of paper",
        "description": "Takes a photo or scan of up to 12.6 megapixels, in the same three ways as `predict`, and finds "
        "the numbers on it.",
        "parameters": _parameters(schemas.ReadQuery),
        "requestBody": _picture(),
        "responses": {"200": _read_answer()} | _problem_responses((*_EVERYWHERE, *_READ, *_refusals(PREDICT))),
        "security": _security(PREDICT),
    }


def _adapt() -> JsonObject:
    return {
        "operationId": "adapt",
        "tags": ["reading"],
        "summary": "Learn to read one hand",
        "description": "Makes a layer of a few kB from drawings of one hand, which is then sent along with `predict`. "
        "Neither is kept. A layer that does not help on drawings left out, or would cost others more than 0.04 points, "
        "is not used.",
        "requestBody": _json_body(schemas.AdaptBody),
        "responses": {"200": _json("What was learnt.", schemas.AdaptAnswer)}
        | _problem_responses((*_EVERYWHERE, *_ADAPT, *_refusals(PREDICT))),
        "security": _security(PREDICT),
    }


def _submit() -> JsonObject:
    [header] = _parameters(schemas.IdempotencyKey, "header")
    return {
        "operationId": "submit",
        "tags": ["corrections"],
        "summary": "Keep a drawing, with what it shows",
        "description": "Strokes, a picture of our own encoding, and what is said here: no address and no cookie. It is "
        "kept until it is deleted with its receipt, or is too old.",
        "parameters": [header],
        "requestBody": _json_body(schemas.SubmissionBody),
        "responses": {"201": _json("It is kept.", schemas.ReceiptAnswer)}
        | _problem_responses((*_EVERYWHERE, *_SUBMIT, *_refusals(FEEDBACK))),
        "security": _security(FEEDBACK),
    }


def _withdraw() -> JsonObject:
    receipt = {"name": "receipt", "in": "path", "required": True, "schema": {"type": "string", "minLength": 1}}
    return {
        "operationId": "withdraw",
        "tags": ["corrections"],
        "summary": "Delete a drawing",
        "description": "For good: it is absent from every export and every training after. Again, it answers the same.",
        "parameters": [receipt],
        "security": _security(OPEN),
        "responses": {"204": {"description": "It is gone, or was never there."}}
        | _problem_responses((*_EVERYWHERE, *_STORE, problems.CROSS_SITE_REQUEST)),
    }


def _review() -> JsonObject:
    drawings = {"parameters": _parameters(schemas.ReviewQuery)}
    body = {"requestBody": _json_body(schemas.VerdictsBody)}
    return {
        f"{REVIEW_PATH}/drawings": {"get": _admin("drawings", "Show drawings", schemas.ReviewAnswer) | drawings},
        f"{REVIEW_PATH}/verdicts": {
            "post": _admin("verdicts", "Accept, relabel or reject drawings", schemas.ReviewedAnswer, *_BODY) | body
        },
        f"{REVIEW_PATH}/undo": {
            "post": _admin("undo", "Take the last step back", schemas.UndoneAnswer, problems.CROSS_SITE_REQUEST)
        },
        f"{REVIEW_PATH}/statistics": {
            "get": _admin("statistics", "What is drawn, and how it is read", schemas.StatisticsAnswer)
        },
    }


def _admin(name: str, summary: str, answer: type[BaseModel], *kinds: Kind) -> JsonObject:
    found = {"200": _json("Done.", answer)}
    return {
        "operationId": name,
        "tags": ["review"],
        "summary": summary,
        "security": _security(ADMIN),
        "responses": found | _problem_responses((*_EVERYWHERE, *_REVIEW, *_refusals(ADMIN), *kinds)),
    }


def _metrics() -> JsonObject:
    text = {"schema": {"type": "string"}}
    content = dict.fromkeys(("text/plain", "application/openmetrics-text"), text)
    return {
        "operationId": "metrics",
        "tags": ["server"],
        "summary": "Counts for Prometheus",
        "description": "For requests from the server's own computer, and for others with an admin key.",
        "security": _security(OPERATE),
        "responses": {"200": {"description": "The counts.", "content": content}}
        | _problem_responses((*_EVERYWHERE, *_refusals(OPERATE))),
    }


def _json_body(schema: type[BaseModel]) -> JsonObject:
    return {"required": True, "content": {"application/json": {"schema": _ref(schema)}}}


def _picture(body: type[BaseModel] = schemas.PictureBody) -> JsonObject:
    return {
        "required": True,
        "content": {
            "application/json": {"schema": _ref(body)},
            "multipart/form-data": {"schema": _ref(schemas.PictureForm)},
            **{media_type: {"schema": {"type": "string", "format": "binary"}} for media_type in RAW_TYPES},
        },
    }


def _parameters(schema: type[BaseModel], place: str = "query") -> list[JsonObject]:
    described = schema.model_json_schema()["properties"].items()
    hidden = {"title", "description", "default", "uniqueItems"}  # twice the same does no harm, so it is not forbidden
    return [
        {
            "name": name,
            "in": place,
            "description": field["description"],
            "schema": {key: value for key, value in field.items() if key not in hidden},
        }
        for name, field in described
    ]


def _predict_answer() -> JsonObject:
    some = {"anyOf": [_ref(schema) for schema in _PREDICT_ANSWERS]}
    answer = _content("The digit; with `Accept: text/plain`, the digit alone, or `?` if it is not accepted.", some)
    answer["content"]["text/plain"] = {"schema": {"type": "string", "pattern": "^[0-9?]$"}, "example": "7"}
    return answer


def _read_answer() -> JsonObject:
    answer = _json("The numbers; with `Accept: text/plain`, each on a line.", schemas.ReadAnswer)
    answer["content"]["text/plain"] = {
        "schema": {"type": "string", "pattern": r"^([0-9.,/:=-]+\n)*$"},
        "example": "4007\n12.50\n",
    }
    return answer


def _get(
    name: str,
    tag: str,
    summary: str,
    responses: JsonObject,
    rule: Rule = OPEN,
    kinds: Sequence[Kind] = _EVERYWHERE,
) -> JsonObject:
    return {
        "operationId": name,
        "tags": [tag],
        "summary": summary,
        "responses": responses | _problem_responses((*kinds, *_refusals(rule))),
        "security": _security(rule),
    }


def _security(rule: Rule) -> list[JsonObject]:
    """What a route asks for: nothing, a key, or a key on some servers alone."""
    if rule.scope is None:
        return []
    key: JsonObject = {"key": [str(rule.scope)]}
    return [key] if rule.at_home else [key, {}]


def _refusals(rule: Rule) -> tuple[Kind, ...]:
    """How it refuses who has no key for it."""
    if rule.scope is None:
        return ()
    is_admin = rule.scope is Scope.ADMIN
    asking = (problems.ADMIN_KEY_REQUIRED, problems.ADMIN_KEY_UNSET) if is_admin else (problems.KEY_REQUIRED,)
    return (*asking, problems.SCOPE_MISSING, problems.KEYS_UNAVAILABLE)


def _problem_responses(kinds: Sequence[Kind]) -> JsonObject:
    by_status: dict[str, list[Kind]] = {}
    for kind in sorted(kinds, key=lambda kind: kind.status):
        by_status.setdefault(str(kind.status), []).append(kind)
    return {status: _problem_response(group) for status, group in by_status.items()}


def _problem_response(kinds: list[Kind]) -> JsonObject:
    told = "; ".join(f"`{kind.type}`: {kind.title[0].lower()}{kind.title[1:]}" for kind in kinds)
    schema = {"allOf": [_ref(schemas.Problem)], "properties": {"type": {"enum": [kind.type for kind in kinds]}}}
    examples = {kind.type: {"value": _example(kind)} for kind in kinds}
    response = {"description": f"{told}.", "content": {PROBLEM_JSON: {"schema": schema, "examples": examples}}}
    headers = {
        name: {"description": told, "required": all(kind in some for kind in kinds), "schema": schema}
        for name, (some, told, schema) in _HEADERS.items()
        if any(kind in some for kind in kinds)
    }
    return response | ({"headers": headers} if headers else {})


_HEADERS: Final[dict[str, tuple[tuple[Kind, ...], str, JsonObject]]] = {
    "WWW-Authenticate": (
        _CHALLENGES,
        "The scheme, Bearer, and the scope that the key must have.",
        {"type": "string"},
    ),
    "Retry-After": (
        _LATER,
        "The seconds after which the same request may be sent again.",
        {"type": "integer", "minimum": 0},
    ),
}
"""Which kinds of problems come with which header, what it tells, and its form."""


def _example(kind: Kind) -> JsonObject:
    detail = "What is wrong with this request, and what to do about it."
    return schemas.Problem(
        type=kind.type, title=kind.title, status=kind.status, detail=detail, request_id="7f3a09c2d5b81e64"
    ).model_dump()


def _json(description: str, schema: type[BaseModel]) -> JsonObject:
    return _content(description, _ref(schema))


def _content(description: str, schema: JsonObject) -> JsonObject:
    return {"description": description, "content": {"application/json": {"schema": schema}}}


def _ref(schema: type[BaseModel]) -> JsonObject:
    return {"$ref": _REF + schema.__name__}


def _component_schemas() -> JsonObject:
    requests = [(schema, "validation") for schema in _REQUESTS]
    answers = [(schema, "serialization") for schema in _ANSWERS]
    _, definitions = models_json_schema([*requests, *answers], ref_template=_REF + "{model}")  # type: ignore[list-item]
    return dict(definitions["$defs"])

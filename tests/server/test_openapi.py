import json
import re
from typing import Any, get_args

import pytest
from flask import Flask
from flask.testing import FlaskClient

from inkdigit.server import problems
from inkdigit.server.problems import KINDS, Kind
from inkdigit.server.rules import rule_of
from inkdigit.server.schemas import PredictQuery, ProblemType, ReadQuery

PAGES = {"/", "/review", "/status", "/api/docs", "/static/{path:filename}"}


@pytest.fixture
def document(client: FlaskClient) -> dict[str, Any]:
    return dict(client.get("/api/openapi.json").get_json())


def test_every_route_but_the_pages_is_documented_with_its_methods(app: Flask, document: dict[str, Any]) -> None:
    routes = {
        rule.rule.replace("<", "{").replace(">", "}"): {
            method.lower() for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
        }
        for rule in app.url_map.iter_rules()
    }

    documented = {path: set(operations) for path, operations in document["paths"].items()}
    ours = {
        path: methods for path, methods in routes.items() if not path.startswith("/v2")
    }  # a standard describes those
    assert documented == {path: methods for path, methods in ours.items() if path not in PAGES}


def test_every_reference_leads_to_a_schema_and_every_schema_is_used(document: dict[str, Any]) -> None:
    referred = set(re.findall(r'"#/components/schemas/(\w+)"', json.dumps(document)))

    assert referred == set(document["components"]["schemas"])


READERS = pytest.mark.parametrize("path", ["/api/v1/predict", "/api/v1/read"])


@READERS
def test_what_reads_takes_the_three_kinds_of_body(document: dict[str, Any], path: str) -> None:
    body = document["paths"][path]["post"]["requestBody"]

    assert body["required"] is True
    assert set(body["content"]) == {
        "application/json",
        "multipart/form-data",
        "image/png",
        "image/jpeg",
        "image/webp",
        "application/octet-stream",
    }


@READERS
def test_what_reads_answers_json_or_text(document: dict[str, Any], path: str) -> None:
    answer = document["paths"][path]["post"]["responses"]["200"]

    assert set(answer["content"]) == {"application/json", "text/plain"}


def test_the_documented_options_are_those_that_are_read(document: dict[str, Any]) -> None:
    parameters = {one["name"]: one for one in document["paths"]["/api/v1/predict"]["post"]["parameters"]}

    assert set(parameters) == set(PredictQuery.model_fields)
    assert {one["in"] for one in parameters.values()} == {"query"}
    assert all(one["description"] for one in parameters.values())
    assert parameters["include"]["schema"]["items"]["enum"] == ["input", "explanation"]
    assert parameters["min_confidence"]["schema"] == {"type": "number", "minimum": 0, "maximum": 1}


def test_what_is_expected_is_documented(document: dict[str, Any]) -> None:
    [parameter] = document["paths"]["/api/v1/read"]["post"]["parameters"]

    assert {parameter["name"]} == set(ReadQuery.model_fields)
    assert "length=4" in parameter["description"]


def kinds() -> list[Kind]:
    return [value for value in vars(problems).values() if isinstance(value, Kind)]


def test_every_kind_of_problem_has_a_name_of_its_own_and_a_place_in_the_table() -> None:
    names = [kind.type for kind in kinds()]

    assert sorted([*names, "about:blank"]) == sorted(get_args(ProblemType))
    assert {kind for kind in kinds() if kind not in KINDS.values()} == {
        problems.HEADERS_TOO_LARGE,
        problems.UNKNOWN_TRANSFER_CODING,
        problems.OVERLOADED,
    }


OF_NUMBERS = {problems.NO_READING, problems.MISSING_EXTRA, problems.MISSING_READER}
OF_CORRECTIONS = {
    problems.CONSENT_REQUIRED,
    problems.IDEMPOTENCY_CONFLICT,
    problems.STORE_UNAVAILABLE,
    problems.MISSING_STORE,
    problems.ADMIN_KEY_REQUIRED,
    problems.ADMIN_KEY_UNSET,
    problems.CANNOT_ADAPT,
}


@pytest.mark.parametrize(("path", "others"), [("/api/v1/predict", OF_NUMBERS), ("/api/v1/read", set())])
def test_the_problems_of_what_reads_are_documented_with_their_statuses(
    document: dict[str, Any], path: str, others: set[Kind]
) -> None:
    responses = document["paths"][path]["post"]["responses"]

    documented = {
        (status, kind)
        for status, response in responses.items()
        if "application/problem+json" in response["content"]
        for kind in response["content"]["application/problem+json"]["schema"]["properties"]["type"]["enum"]
    }
    unrelated = {problems.NOT_FOUND, problems.METHOD_NOT_ALLOWED} | OF_CORRECTIONS | others
    assert documented == {(str(kind.status), kind.type) for kind in kinds() if kind not in unrelated}


def operations_of(document: dict[str, Any]) -> list[tuple[str, str, dict[str, Any]]]:
    return [(path, method, one) for path, methods in document["paths"].items() for method, one in methods.items()]


def types_of(operation: dict[str, Any], status: str) -> list[str]:
    told = operation["responses"].get(status, {}).get("content", {}).get("application/problem+json")
    return [] if told is None else list(told["schema"]["properties"]["type"]["enum"])


def test_what_the_server_refuses_before_it_looks_at_a_route_is_documented_with_every_route(
    document: dict[str, Any],
) -> None:
    for path, method, operation in operations_of(document):
        assert types_of(operation, "431") == ["headers-too-large"], (method, path)
        assert "bad-request" in types_of(operation, "400"), (method, path)
        assert "body-too-large" in types_of(operation, "413"), (method, path)
        assert "unknown-transfer-coding" in types_of(operation, "501"), (method, path)


CARRIED = {
    "WWW-Authenticate": {"key-required", "admin-key-required", "scope-missing"},
    "Retry-After": {"too-many-requests", "overloaded", "store-unavailable", "keys-unavailable"},
}


@pytest.mark.parametrize("name", CARRIED)
def test_a_header_is_documented_with_every_refusal_that_carries_it(document: dict[str, Any], name: str) -> None:
    found = 0
    for path, method, operation in operations_of(document):
        for status, response in operation["responses"].items():
            types = set(types_of(operation, status))
            carrying = types & CARRIED[name]
            header = response.get("headers", {}).get(name)
            assert (header is not None) == bool(carrying), (method, path, status)
            assert header is None or header["required"] == (types == carrying)
            found += header is not None
    assert found


def test_no_kind_of_problem_stands_twice_in_an_answer(document: dict[str, Any]) -> None:
    for _, _, operation in operations_of(document):
        for status in operation["responses"]:
            types = types_of(operation, status)
            assert len(types) == len(set(types))


def test_every_route_is_documented_with_the_key_that_it_asks_for(app: Flask, document: dict[str, Any]) -> None:
    asked = {
        (rule.rule.replace("<", "{").replace(">", "}"), method.lower()): rule_of(rule.endpoint)
        for rule in app.url_map.iter_rules()
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
    }

    documented = {
        (path, method): operation["security"]
        for path, operations in document["paths"].items()
        for method, operation in operations.items()
    }
    expected = {
        route: [] if rule.scope is None else [{"key": [rule.scope]}, *([] if rule.at_home else [{}])]
        for route, rule in asked.items()
        if route in documented
    }
    assert documented == expected
    assert [{"key": ["admin"]}] in documented.values()
    assert document["components"]["securitySchemes"]["key"]["scheme"] == "bearer"

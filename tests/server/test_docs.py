"""What docs/http-api.md and docs/security.md state is what the server does."""

import re
from pathlib import Path

import pytest
from flask import Flask

from inkdigit.config import MAX_BODY_BYTES, MAX_PAGE_BODY_BYTES, VARIABLES, Settings
from inkdigit.expect import RULES, Expectation
from inkdigit.server import MAX_FORM_PARTS, MAX_FORM_TEXT_BYTES, problems
from inkdigit.server.answers import MAX_HEADER_BYTES
from inkdigit.server.problems import Kind
from inkdigit.server.reading import MAX_BOUNDARY, MAX_KEYS
from inkdigit.server.security import HEADERS
from inkdigit.server.serving import CHANNEL_TIMEOUT_S
from inkdigit.structure import DIGIT_LIMITS, PAGE_LIMITS, Limits

DOCS = Path(__file__).parents[2] / "docs"


@pytest.fixture(scope="module")
def api_doc() -> str:
    return (DOCS / "http-api.md").read_text("utf-8")


@pytest.fixture(scope="module")
def security_doc() -> str:
    return (DOCS / "security.md").read_text("utf-8")


def test_every_route_is_in_the_docs_and_no_other(app: Flask, api_doc: str) -> None:
    routes = {rule.rule for rule in app.url_map.iter_rules() if rule.endpoint != "static"}

    assert set(re.findall(r"^\| `(?:GET|POST|DELETE) (\S+)` \|", api_doc, re.MULTILINE)) == routes


def test_every_problem_is_in_the_docs_with_its_status(api_doc: str) -> None:
    kinds = {(kind.type, str(kind.status)) for kind in vars(problems).values() if isinstance(kind, Kind)}

    documented = set(re.findall(r"^\| `([a-z-]+)` \| (\d{3}) \|", api_doc, re.MULTILINE))
    assert documented == kinds


def test_every_variable_is_in_the_docs_with_its_default(api_doc: str) -> None:
    documented = dict(re.findall(r"^\| `(INKDIGIT_\w+)` \| (.+?) \|", api_doc, re.MULTILINE))

    defaults = {name: getattr(Settings(), field) for name, (field, _) in VARIABLES.items()}
    assert set(documented) == set(VARIABLES)
    for name, default in defaults.items():
        assert not default or float_or_text(documented[name].strip("`")) == float_or_text(str(default))


def float_or_text(value: str) -> float | str:
    return float(value) if value.replace(".", "", 1).isdigit() else value


def test_every_limit_is_in_the_docs(api_doc: str, security_doc: str) -> None:
    form = f"{MAX_FORM_PARTS} parts, {MAX_FORM_TEXT_BYTES // 1024} KiB of text, a boundary of {MAX_BOUNDARY} characters"
    connections = f"| {Settings().connection_limit}, {CHANNEL_TIMEOUT_S} s of silence |"

    assert f"a body over {MAX_BODY_BYTES:,} bytes" in api_doc
    assert f"more than {MAX_FORM_PARTS} parts or {MAX_FORM_TEXT_BYTES // 1024} KiB of text" in api_doc
    assert f"over {MAX_HEADER_BYTES // 1024} KiB of address and headers together" in api_doc
    assert f"for `read` over {MAX_PAGE_BODY_BYTES:,} bytes" in api_doc
    assert f"over {told(DIGIT_LIMITS)} pixels on a side, for `read` over {told(PAGE_LIMITS)} on a side" in api_doc
    assert f"| body | {MAX_BODY_BYTES:,} bytes |" in security_doc
    assert f"| body of `read` | {MAX_PAGE_BODY_BYTES:,} bytes |" in security_doc
    assert f"| address and headers | {MAX_HEADER_BYTES // 1024} KiB |" in security_doc
    assert f"| JSON object | {MAX_KEYS} keys |" in security_doc
    assert form in security_doc
    assert connections in security_doc


def told(limits: Limits) -> str:
    return f"{limits.bytes >> 20} MiB, {limits.pixels:,} pixels or {limits.side:,}"


def test_every_rule_of_an_expectation_is_in_the_docs_and_no_other() -> None:
    text = (DOCS / "expectations.md").read_text("utf-8")
    [rules] = re.findall(r"^## The rules$(.*?)^##", text, re.MULTILINE | re.DOTALL)

    cells = re.findall(r"^\| (`.*?) \|", rules, re.MULTILINE)
    assert {name for cell in cells for name in re.findall(r"`([a-z-]+)[=`]", cell)} == set(RULES)


def test_the_rules_that_the_api_names_are_rules(api_doc: str) -> None:
    [named] = re.findall(r"^Among \[the rules\]\(.*?\) are (.*)$", api_doc, re.MULTILINE)

    rules = re.findall(r"`(.+?)`", named)
    assert [str(Expectation.parse(rule)) for rule in rules] == rules


@pytest.mark.parametrize("name", HEADERS)
def test_every_header_is_in_the_docs_with_its_value(security_doc: str, name: str) -> None:
    [row] = [line for line in security_doc.splitlines() if line.startswith("|") and f"`{name}`" in line]

    assert f"`{HEADERS[name]}`" in row

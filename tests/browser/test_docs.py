"""The page of the HTTP API, in a browser under the same content security policy as every other page."""

from typing import TYPE_CHECKING

import pytest
from tests.browser.sheet import Served

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page


@pytest.fixture
def record() -> tuple[list[str], list[str]]:
    """What the page asked for, and what it complained of."""
    return [], []


@pytest.fixture
def docs(browser: "Browser", server: Served, record: tuple[list[str], list[str]]) -> "Page":
    requested, complaints = record
    page = browser.new_page()
    page.on("request", lambda request: requested.append(request.url))
    page.on("console", lambda message: complaints.append(message.text))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.goto(f"{server.url}api/docs")
    page.wait_for_selector("#operations-reading-predict")
    return page


def test_the_docs_ask_nobody_else_and_break_no_policy(
    docs: "Page", server: Served, record: tuple[list[str], list[str]]
) -> None:
    docs.click("#operations-reading-predict .opblock-summary")
    docs.wait_for_selector("#operations-reading-predict .responses-table")

    requested, complaints = record
    assert len(requested) >= 5
    assert [url for url in requested if not url.startswith(server.url) and not url.startswith("data:")] == []
    assert complaints == []


def test_the_example_in_the_docs_can_be_tried_and_is_read_as_a_seven(docs: "Page") -> None:
    docs.click("#operations-reading-predict .opblock-summary")
    docs.click("#operations-reading-predict .try-out__btn")
    docs.click("#operations-reading-predict button.execute")
    answer = docs.wait_for_selector(".live-responses-table .highlight-code")

    assert answer is not None
    assert '"label": 7' in (answer.text_content() or "")

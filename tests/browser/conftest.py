"""A browser, and a server with the shipped model."""

import contextlib
import importlib.util
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pytest
from tests.browser.sheet import Served, Sheet, SlicingReader

from inkdigit.feedback import FeedbackStore
from inkdigit.recognizer import Recognizer

if TYPE_CHECKING:
    from playwright.sync_api import Browser

CHROMIUMS: Final = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome")  # the quickest first
CHROMIUM_FLAGS: Final = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-quic",
    "--no-first-run",
]

# A headless Chromium now and then gives a page no more frames, and Playwright, which counts two of them before a click,
# waits in vain. Such a test is begun once more on a new page; what fails otherwise has failed.
STOPPED: Final = r"\A(?![\s\S]*element is not)[\s\S]*waiting for element to be visible, enabled and stable\s*\Z"


def _find_chromium() -> str | None:
    named = os.environ.get("INKDIGIT_CHROMIUM")
    return named or next(filter(None, map(shutil.which, CHROMIUMS)), None)


def _missing() -> str | None:
    if importlib.util.find_spec("playwright") is None:
        return "no Playwright: install the package playwright"
    if _find_chromium() is None:
        return "no Chromium: install chromium-headless-shell or chromium, or set INKDIGIT_CHROMIUM to a browser"
    return None


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skip what needs a browser where there is none, but never in CI; go on where one stopped drawing."""
    here = Path(__file__).parent
    reason = _missing()
    absent = pytest.mark.skipif(reason is not None and os.environ.get("CI") != "true", reason=reason or "")
    stopped = pytest.mark.flaky(reruns=1, only_rerun=[STOPPED])
    for item in items:
        if here in item.path.parents:
            item.add_marker(absent)
            item.add_marker(stopped)


@pytest.fixture(scope="module")
def launch() -> dict[str, Any]:
    """How to launch the browser."""
    return {"executable_path": _find_chromium(), "args": CHROMIUM_FLAGS}


@pytest.fixture(scope="module")
def browser(launch: dict[str, Any]) -> Iterator["Browser"]:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        running = playwright.chromium.launch(**launch)
        yield running
        running.close()


@pytest.fixture(scope="module")
def server(recognizer: Recognizer) -> Iterator[Served]:
    with Served(recognizer) as served:
        yield served


@pytest.fixture(scope="module")
def reading_server(recognizer: Recognizer) -> Iterator[Served]:
    """A server that reads whole numbers, too."""
    with Served(recognizer, SlicingReader()) as served:
        yield served


@pytest.fixture
def database(tmp_path: Path) -> Path:
    """Where the server keeps the drawings that it is given."""
    return tmp_path / "drawings.sqlite"


@pytest.fixture
def keeping_server(recognizer: Recognizer, database: Path) -> Iterator[Served]:
    """A server that keeps drawings, and reads whole numbers, too."""
    with Served(recognizer, SlicingReader(), lambda: FeedbackStore.open(database)) as served:
        yield served


@pytest.fixture
def unsteady_server(recognizer: Recognizer) -> Iterator[Served]:
    """A server of one's own, to take away."""
    with Served(recognizer) as served:
        yield served


@pytest.fixture
def open_sheet(browser: "Browser", server: Served) -> Iterator[Callable[..., Sheet]]:
    """Opens the page; takes the options of a browser context, and `url`."""
    with contextlib.ExitStack() as stack:

        def open_(url: str = server.url, **options: Any) -> Sheet:
            context = browser.new_context(**options)
            stack.callback(context.close)
            sheet = Sheet(context.new_page())
            sheet.page.goto(url)
            sheet.expect("blank")
            return sheet

        yield open_


@pytest.fixture
def sheet(open_sheet: Callable[..., Sheet]) -> Sheet:
    return open_sheet()


@pytest.fixture
def reading_sheet(open_sheet: Callable[..., Sheet], reading_server: Served) -> Sheet:
    """The page of a server that reads whole numbers, too."""
    return open_sheet(reading_server.url)


@pytest.fixture
def keeping_sheet(open_sheet: Callable[..., Sheet], keeping_server: Served) -> Sheet:
    """The page of a server that keeps drawings, and reads whole numbers, too."""
    return open_sheet(keeping_server.url)

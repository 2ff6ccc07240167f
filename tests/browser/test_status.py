"""The status page in a browser: its plots, its key, and that nobody is shut out."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal

import pytest
from tests.browser.sheet import Served

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page, Route

AXE: Final = Path(__file__).parents[2] / "node_modules" / "axe-core" / "axe.min.js"
CI: Final = os.environ.get("CI") == "true"
LIGHT: Final = {"color_scheme": "light"}
PHONE: Final = {"color_scheme": "dark", "viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True}
KEY: Final = "open-sesame-open-sesame"
NO_STORE: Final = """Object.defineProperty(window, "sessionStorage", {
    get() { throw new DOMException("denied", "SecurityError"); },
})"""
HEIGHTS: Final = "texts => texts.map((text) => text.getBoundingClientRect().height)"


@pytest.mark.skipif(not AXE.exists() and not CI, reason="no node_modules/axe-core: run `npm ci`")
@pytest.mark.parametrize("options", [LIGHT, PHONE], ids=["light", "dark phone"])
def test_the_plots_are_there_for_everybody(
    browser: "Browser", server: Served, digit_png: bytes, options: dict[str, Any]
) -> None:
    context = browser.new_context(**options)
    page, complaints = context.new_page(), []
    page.on("console", lambda message: complaints.append(message.text))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.request.post(f"{server.url}api/v1/predict", data=digit_png, headers={"Content-Type": "image/png"})
    page.goto(f"{server.url}status")
    page.wait_for_selector("#plots section:nth-of-type(5) svg")
    page.evaluate(AXE.read_text(encoding="utf-8"))
    violations = page.evaluate("axe.run({resultTypes: ['violations']})")["violations"]
    fits = page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    heights = page.locator("svg text:not(:empty)").evaluate_all(HEIGHTS)
    told = page.locator("#now").inner_text()
    read = page.locator("#plots section:nth-of-type(5) svg").get_attribute("aria-label") or ""
    context.close()

    assert [(one["id"], [node["target"] for node in one["nodes"]][:3]) for one in violations] == []
    assert complaints == []
    assert fits
    assert min(heights) > 12
    assert "digits-8" in told
    assert sum(int(one.partition(": ")[2]) for one in read.split(", ")) > 0


@pytest.fixture
def asking(browser: "Browser", server: Served) -> Iterator["Page"]:
    """A page that tells nothing but with the key, as elsewhere than on the server's computer; not opened yet."""

    def answer(route: "Route") -> None:
        if route.request.headers.get("authorization") == f"Bearer {KEY}":
            route.continue_()
        else:
            route.fulfill(status=401, json={"type": "admin-key-required"})

    context = browser.new_context(base_url=server.url)
    context.route("**/api/v1/status", answer)
    yield context.new_page()
    context.close()


def give(page: "Page", key: str) -> None:
    page.wait_for_selector("#door:visible")
    page.fill("#key", key)
    page.keyboard.press("Enter")


def test_a_key_that_is_none_is_refused_and_not_kept(asking: "Page") -> None:
    asking.goto("status")

    for key, why in (("ключ-от-двери-0123", "letters of ASCII only"), ("close-sesame-close", "does not take this key")):
        give(asking, key)
        asking.wait_for_selector(f"#key-said:has-text('{why}')")
        assert asking.locator("#door").is_visible()
        assert asking.evaluate("sessionStorage.length") == 0
    give(asking, KEY)

    asking.wait_for_selector("#plots svg")
    assert asking.locator("#door").is_hidden()
    asking.reload()
    asking.wait_for_selector("#plots svg")


def test_a_key_that_no_header_carries_is_forgotten(asking: "Page") -> None:
    asking.add_init_script("sessionStorage.setItem('inkdigit-admin-key', 'ключ-от-двери-0123')")

    asking.goto("status")
    give(asking, KEY)

    asking.wait_for_selector("#plots svg")


def test_a_key_is_not_kept_before_the_server_took_it(asking: "Page") -> None:
    asking.goto("status")
    asking.wait_for_selector("#door:visible")
    asking.route("**/api/v1/status", lambda route: route.abort())

    give(asking, KEY)
    asking.wait_for_selector("#now:has-text('does not answer')")

    assert asking.evaluate("sessionStorage.length") == 0


def test_a_key_can_be_forgotten(asking: "Page") -> None:
    asking.goto("status")
    assert asking.locator("#forget").is_hidden()
    give(asking, KEY)
    asking.wait_for_selector("#plots svg")

    asking.click("#forget")

    asking.wait_for_selector("#door:visible")
    assert asking.locator("#forget").is_hidden()
    assert asking.locator("#plots svg").count() == 0
    assert asking.evaluate("sessionStorage.length") == 0


def test_where_the_browser_stores_nothing_the_page_opens_all_the_same(asking: "Page") -> None:
    asking.add_init_script(NO_STORE)

    asking.goto("status")
    give(asking, KEY)

    asking.wait_for_selector("#plots svg")


def test_too_many_wrong_keys_are_told_as_such(asking: "Page") -> None:
    detail = "Too many wrong keys came from this client; try again in 42 s."
    asking.route("**/api/v1/status", lambda route: route.fulfill(status=429, json={"detail": detail}))

    asking.goto("status")

    asking.wait_for_selector(f"#now:has-text('{detail}')")


def test_figures_of_a_server_that_hangs_are_told_to_be_old(asking: "Page") -> None:
    asking.goto("status")
    give(asking, KEY)
    asking.wait_for_selector("#plots svg")
    asking.evaluate("AbortSignal.timeout = () => AbortSignal.abort()")

    asking.wait_for_selector("#now:has-text('these are its last figures')")


def figures() -> dict[str, Any]:
    """What the server tells: in one slot some answers of each kind, in the next none."""
    slots = ({"2xx": 0, "4xx": 0, "5xx": 0}, {"2xx": 9, "4xx": 5, "5xx": 4}, {"2xx": 9, "4xx": 5, "5xx": 4})
    rest: dict[str, Any] = {"type": {}, "label": {}, "times": {}, "confidences": {}}
    records = [{"slot": slot, "status": status, **rest} for slot, status in enumerate(slots)]
    return {"slot_seconds": 15, "records": records, "models": [], "refused": []}


def luminance(color: str) -> float:
    """Of `rgb(...)`, as WCAG 2 defines it."""
    parts = [int(one) / 255 for one in color[4:-1].split(",")]
    linear = [one / 12.92 if one <= 0.04045 else ((one + 0.055) / 1.055) ** 2.4 for one in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_what_is_refused_is_seen_and_the_legend_says_which_it_is(
    browser: "Browser", server: Served, scheme: Literal["light", "dark"]
) -> None:
    page = browser.new_page(color_scheme=scheme)
    page.route("**/api/v1/status", lambda route: route.fulfill(json=figures()))
    page.goto(f"{server.url}status")
    page.wait_for_selector("#plots section:nth-of-type(5) svg")
    answers = page.locator("#plots section").first
    paper = answers.evaluate("section => getComputedStyle(section).backgroundColor")
    bars = answers.locator("rect").evaluate_all("all => all.map((bar) => getComputedStyle(bar).fill)")
    swatches = answers.locator(".swatch").evaluate_all("all => all.map((one) => getComputedStyle(one).backgroundColor)")
    legend = answers.locator(".kinds").inner_text()
    page.close()

    ratios = [(luminance(paper) + 0.05) / (luminance(bar) + 0.05) for bar in bars]
    assert [max(ratio, 1 / ratio) for ratio in ratios if max(ratio, 1 / ratio) < 3] == []
    assert swatches == bars[::-1]
    assert len(set(bars)) == 3
    assert " ".join(legend.split()) == "Each bar is 15 seconds: well 9 refused 5 failed 4"

"""The status page in a browser: its plots, and that nobody is shut out."""

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pytest
from tests.browser.sheet import Served

if TYPE_CHECKING:
    from playwright.sync_api import Browser

AXE: Final = Path(__file__).parents[2] / "node_modules" / "axe-core" / "axe.min.js"
CI: Final = os.environ.get("CI") == "true"
LIGHT: Final = {"color_scheme": "light"}
PHONE: Final = {"color_scheme": "dark", "viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True}
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
    assert "digits-7" in told
    assert sum(int(one.partition(": ")[2]) for one in read.split(", ")) > 0

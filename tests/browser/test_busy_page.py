"""A main thread that is kept busy: no place the pen passed is lost.

The browser is driven asynchronously here, because moves have to arrive while the page is too busy to take them.
"""

import asyncio
from collections.abc import Coroutine
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import numpy as np
from tests.browser.sheet import SIDE, Served, ink_of, posted_image

if TYPE_CHECKING:
    from playwright.async_api import CDPSession, Page

MOVES = 240
BURST = 24
BUSY_MS = 40
# Spins for the given time in every frame, as a page does that has too much to do.
KEEP_BUSY = """(ms) => {
  const spin = () => {
    const until = performance.now() + ms;
    while (performance.now() < until);
    requestAnimationFrame(spin);
  };
  requestAnimationFrame(spin);
}"""
COUNT_EVENTS = """() => {
  window.moves = 0;
  document.querySelector("#pad").addEventListener("pointermove", () => { window.moves += 1; });
}"""


def _zigzag() -> list[tuple[float, float]]:
    """Places along five steep teeth; a stroke that skips some of them cuts the teeth off."""
    along = np.linspace(0, 1, MOVES)
    teeth = np.abs((along * 5) % 1 - 0.5) * 2
    return [(30 + 220 * x, 40 + 200 * y) for x, y in zip(along.tolist(), teeth.tolist(), strict=True)]


def test_a_busy_page_loses_no_points(server: Served, launch: dict[str, Any]) -> None:
    places = _zigzag()

    posted, events = _run(_draw_while_busy(server.url, launch, places))

    ink = ink_of(posted)
    missed = [(x, y) for x, y in places if not ink[round(y), round(x)]]
    assert events < MOVES / 3  # the page was too busy to get an event for each place
    assert missed == []


def _run(work: Coroutine[Any, Any, tuple[str, int]]) -> tuple[str, int]:
    """In a thread of its own, since the other tests' browser has a loop in this one."""
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(asyncio.run, work).result()


async def _draw_while_busy(url: str, launch: dict[str, Any], places: list[tuple[float, float]]) -> tuple[str, int]:
    from playwright.async_api import async_playwright

    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(**launch)
        page = await browser.new_page()
        posted: list[str] = []
        page.on("request", lambda request: posted.extend(posted_image(request)))
        await page.goto(url)
        await page.evaluate(COUNT_EVENTS)
        await page.evaluate(KEEP_BUSY, BUSY_MS)
        await _drag(page, await page.context.new_cdp_session(page), places)
        await page.wait_for_selector("#answer[aria-busy=false][data-label]")
        events: int = await page.evaluate("window.moves")
        await browser.close()
    return posted[-1], events


async def _drag(page: "Page", session: "CDPSession", places: list[tuple[float, float]]) -> None:
    box = await page.locator("#pad canvas").bounding_box()
    assert box
    scale = box["height"] / SIDE
    windowed = [(box["x"] + x * scale, box["y"] + y * scale) for x, y in places]

    async def send(kind: str, x: float, y: float) -> None:
        event = {"type": kind, "x": x, "y": y, "button": "left", "buttons": 1, "clickCount": 1}
        await session.send("Input.dispatchMouseEvent", event)

    await send("mousePressed", *windowed[0])
    for start in range(0, MOVES, BURST):
        await asyncio.gather(*(send("mouseMoved", x, y) for x, y in windowed[start : start + BURST]))
    await send("mouseReleased", *windowed[-1])

"""A server that can go away, and the page as a person with a mouse uses it."""

import base64
import io
import itertools
import json
import threading
import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Final, Self
from urllib.parse import urlsplit

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from inkdigit.config import Settings
from inkdigit.errors import BlankImageError
from inkdigit.expect import Expectation
from inkdigit.feedback import FeedbackStore
from inkdigit.image import Page as Paper
from inkdigit.number import Alternative, Box, Character, Number
from inkdigit.recognizer import Recognizer
from inkdigit.server import create_app
from inkdigit.server.serving import HttpServer

if TYPE_CHECKING:
    from playwright.async_api import Request as AsyncRequest
    from playwright.sync_api import FilePayload, Locator, Page, Request

Strokes = list[list[tuple[float, float]]]

PATIENCE_S: Final = 30  # as long as Playwright waits for what it is told to
SIDE: Final = 280  # drawing units from the top of the pad to its bottom, and pixels of the picture of one digit
SEVEN: Final[Strokes] = [[(80, 70), (200, 70), (130, 230)]]
ONE: Final[Strokes] = [[(100, 60), (100, 230)]]
FOUR: Final[Strokes] = [[(120, 50), (70, 160), (210, 160)], [(165, 100), (160, 240)]]


class SlicingReader:
    """Finds where ink stands, and says of it what it was told to.

    Ink that no empty row or column divides is one character; a gap wider than a row is high divides two numbers. The
    characters are those of `text`, again and again; each "7" is doubtful, and may be a "1" or nothing.
    """

    version = "slices-1"

    def __init__(self, text: str = "4007") -> None:
        self.text = text
        self.seen: list[Paper] = []

    def read(self, page: Paper, _expect: Expectation | None = None) -> list[Number]:
        self.seen.append(page)
        ink: NDArray[np.bool_] = np.asarray(page < 128)
        if not ink.any():
            raise BlankImageError("there is no ink on the picture")
        rows = [(top, bottom, ink[top:bottom]) for top, bottom in _runs(np.any(ink, axis=1))]
        boxes = [
            [Box(left, top, right - left, bottom - top) for left, right in number]
            for top, bottom, row in rows
            for number in _groups(list(_runs(np.any(row, axis=0))), bottom - top)
        ]
        labels = itertools.cycle(self.text)
        return [_number([(next(labels), box) for box in number]) for number in boxes]


def _number(characters: list[tuple[str, Box]]) -> Number:
    doubt = (Alternative("1", 0.3), Alternative("", 0.1))
    first, last = characters[0][1], characters[-1][1]
    return Number(
        text="".join(label for label, _ in characters),
        confidence=0.58 if any(label == "7" for label, _ in characters) else 0.97,
        box=Box(first.x, first.y, last.x + last.width - first.x, first.height),
        characters=tuple(
            Character(label, 0.6, box, doubt) if label == "7" else Character(label, 0.99, box)
            for label, box in characters
        ),
    )


def _runs(holds: NDArray[np.bool_]) -> Iterator[tuple[int, int]]:
    """Where stretches of true values begin and end."""
    edges = np.flatnonzero(np.diff(np.r_[False, holds, False].astype(int)))
    return zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True)


def _groups(runs: list[tuple[int, int]], gap: int) -> list[list[tuple[int, int]]]:
    groups = [runs[:1]]
    for before, run in itertools.pairwise(runs):
        if run[0] - before[1] > gap:
            groups.append([])
        groups[-1].append(run)
    return groups


class Served:
    """A server on loopback that can go away and come back on the same port."""

    def __init__(
        self,
        recognizer: Recognizer,
        reader: SlicingReader | None = None,
        feedback: Callable[[], FeedbackStore] | None = None,
    ) -> None:
        self._recognizer = recognizer
        self._parts = (reader, feedback)
        self._settings = Settings(port=0)
        self.start()

    def start(self) -> None:
        self._server = HttpServer(create_app(self._recognizer, self._settings, *self._parts), self._settings)
        self._settings = Settings(port=self._server.port)
        self._thread = threading.Thread(target=self._server.run)
        self._thread.start()

    def stop(self) -> None:
        self._server.stop()
        self._thread.join()
        self._server.close()

    @property
    def url(self) -> str:
        return self._server.url

    @property
    def version(self) -> str:
        """Of the model."""
        return self._recognizer.version

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()


class Sheet:
    """The page, as a person with a mouse uses it, and a record of what it sends."""

    def __init__(self, page: "Page") -> None:
        self.page = page
        self.requested: list[str] = []
        self.posted: list[str] = []
        self.posted_to: list[str] = []
        self.complaints: list[str] = []
        page.on("request", self._note)
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on("console", lambda message: self.complaints.append(message.text))

    def _note(self, request: "Request") -> None:
        self.requested.append(request.url)
        posted = posted_image(request)
        self.posted.extend(posted)
        self.posted_to.extend(request.url for _ in posted)

    @property
    def pad(self) -> "Locator":
        return self.page.locator("#pad")

    def place(self, x: float, y: float) -> tuple[float, float]:
        """Where a point in drawing units lies in the window, in CSS pixels."""
        box = self.page.locator("#pad canvas").bounding_box()
        assert box
        scale = box["height"] / SIDE
        return box["x"] + x * scale, box["y"] + y * scale

    def draw(self, strokes: Strokes) -> None:
        mouse = self.page.mouse
        for first, *rest in strokes:
            mouse.move(*self.place(*first))
            mouse.down()
            for point in rest:
                mouse.move(*self.place(*point), steps=10)
            mouse.up()

    def choose(self, data: bytes, name: str = "photo.jpg", mime: str = "image/jpeg") -> None:
        """Choose a file for the page to read."""
        file: FilePayload = {"name": name, "mimeType": mime, "buffer": data}
        self.page.locator("#choose").set_input_files(file)

    def expect(self, mood: str, label: int | None = None) -> None:
        """Wait until the answer to the finished drawing is of a mood, and of a label where one is given."""
        shown = "" if label is None else f'[data-label="{label}"]'
        self.page.wait_for_selector(f'#answer[data-mood="{mood}"]{shown}:not([aria-busy=true])')

    def expect_answer(self) -> None:
        """Wait until the finished drawing is answered, however it is."""
        self.page.wait_for_selector("#answer[data-label]:not([data-label='']):not([aria-busy=true])")

    def expect_posts(self, count: int) -> None:
        """Wait until at least so many pictures were posted."""
        while len(self.posted) < count:
            self.page.wait_for_timeout(20)

    def expect_true(self, script: str) -> None:
        """Wait until a script gives true; from here, since the page's policy lets no wait of its own run one."""
        until = time.monotonic() + PATIENCE_S
        while not self.page.evaluate(script):
            assert time.monotonic() < until, f"never true: {script}"
            self.page.wait_for_timeout(20)

    def answer_with(self, *, label: int, is_digit: bool = True, confidence: float = 0.9, **more: object) -> None:
        """Replace the server's answers, for those that no drawing brings about in every model."""
        shares = {label: confidence, (label + 5) % 10: 1 - confidence}
        answer = {
            "label": label,
            "confidence": confidence,
            "is_digit": is_digit,
            "probabilities": [shares.get(digit, 0) for digit in range(10)],
            "model": "another",
            **more,
        }
        self.page.route("**/api/v1/predict*", lambda route: route.fulfill(json=answer))

    def number(self) -> str:
        """The number as it stands on the page, each character by its accessible name."""
        signs = self.page.locator("#number :is(button, [role=img])")
        names = signs.evaluate_all("signs => signs.map((sign) => sign.getAttribute('aria-label'))")
        return "; ".join(name.replace("\u00a0", " ") for name in names)

    def said(self) -> str:
        """What a screen reader says of the answer."""
        text = self.page.locator("#answer [aria-live=polite]").inner_text()
        return " ".join(text.split())


def posted_image(request: "Request | AsyncRequest") -> list[str]:
    """The drawing that a request posts to be read, as a data URL, if it posts one."""
    path = urlsplit(request.url).path
    if path not in {"/api/v1/predict", "/api/v1/read"} or request.headers.get("content-type") != "application/json":
        return []
    return [json.loads(request.post_data or "")["image"]]


def beside(*digits: Strokes) -> Strokes:
    """The digits side by side, 140 drawing units from each to the next."""
    return [[(x - 60 + 140 * i, y) for x, y in stroke] for i, digit in enumerate(digits) for stroke in digit]


def ink_of(posted: str) -> NDArray[np.bool_]:
    """(H, W), true where the posted picture holds ink; 280 x 280 for one digit."""
    picture = Image.open(io.BytesIO(base64.b64decode(posted.partition(",")[2])))
    return np.asarray(picture.convert("L")) < 128

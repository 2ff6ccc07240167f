"""A server that can go away, and the page as a person with a mouse uses it."""

import base64
import io
import json
import threading
from typing import TYPE_CHECKING, Final, Self

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from inkdigit.config import Settings
from inkdigit.recognizer import Recognizer
from inkdigit.server import create_app
from inkdigit.server.serving import HttpServer

if TYPE_CHECKING:
    from playwright.async_api import Request as AsyncRequest
    from playwright.sync_api import Locator, Page, Request

Strokes = list[list[tuple[float, float]]]

SIDE: Final = 280  # drawing units from the top of the pad to its bottom, and pixels of the picture of one digit
SEVEN: Final[Strokes] = [[(80, 70), (200, 70), (130, 230)]]
FOUR: Final[Strokes] = [[(120, 50), (70, 160), (210, 160)], [(165, 100), (160, 240)]]


class Served:
    """A server on loopback that can go away and come back on the same port."""

    def __init__(self, recognizer: Recognizer) -> None:
        self._recognizer = recognizer
        self._settings = Settings(port=0)
        self.start()

    def start(self) -> None:
        self._server = HttpServer(create_app(self._recognizer, self._settings), self._settings)
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

    def said(self) -> str:
        """What a screen reader says of the answer."""
        text = self.page.locator("#answer [aria-live=polite]").inner_text()
        return " ".join(text.split())


def posted_image(request: "Request | AsyncRequest") -> list[str]:
    """The drawing that a request posts, as a data URL, if it posts one."""
    if request.method != "POST" or request.headers.get("content-type") != "application/json":
        return []
    return [json.loads(request.post_data or "")["image"]]


def ink_of(posted: str) -> NDArray[np.bool_]:
    """(280, 280), true where the posted picture holds ink."""
    picture = Image.open(io.BytesIO(base64.b64decode(posted.partition(",")[2])))
    return np.asarray(picture.convert("L")) < 128

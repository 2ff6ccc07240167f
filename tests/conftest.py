"""Fixtures that more than one part of the tests use."""

import io
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest
from flask import Flask
from flask.testing import FlaskClient
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from inkdigit.config import Settings
from inkdigit.errors import NoReadingError
from inkdigit.expect import Expectation
from inkdigit.image import Page
from inkdigit.number import Alternative, Box, Character, Number
from inkdigit.recognizer import Prediction, Recognizer
from inkdigit.server import create_app

SEVEN = [(80, 60), (200, 60), (120, 220)]
LONGEST = (
    "test_retrain.py",
    "test_train.py",
    "test_page.py",
    "test_correcting.py",
    "test_numbers.py",
    "test_pictures.py",
    "test_expect.py",
    "test_recognizer.py",
    "test_registry.py",
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Start with the files that take longest, so that workers that share the files end at about the same time."""
    items.sort(key=lambda item: LONGEST.index(item.path.name) if item.path.name in LONGEST else len(LONGEST))


@dataclass
class FakeRecognizer:
    """Reads every picture as the same digit, and remembers the pictures."""

    label: int = 7
    not_digit: float = 0.0
    version: str = "fake-1"
    card: Mapping[str, Any] = field(default_factory=lambda: {"version": "fake-1", "metrics": {"accuracy": 0.5}})
    seen: list[NDArray[np.float32]] = field(default_factory=list)

    def predict(self, images: NDArray[np.float32]) -> list[Prediction]:
        self.seen.extend(images)
        probabilities = tuple(0.91 if digit == self.label else 0.01 for digit in range(10))
        is_digit = self.not_digit < 0.5
        return [Prediction(self.label, 0.91, probabilities, is_digit, self.not_digit) for _ in images]

    def classify(self, images: NDArray[np.float32]) -> NDArray[np.float32]:
        """The more ink in the upper half, the surer it is; the lower half speaks against the label."""
        ink = images[:, :14].sum(axis=(1, 2)) - images[:, 14:].sum(axis=(1, 2)) / 2
        sure = 1 / (1 + np.exp(-ink / 20))
        classes = np.repeat((1 - sure)[:, None] / 9, 10, axis=1)
        classes[:, self.label] = sure
        return np.asarray(classes, np.float32)


def number(text: str, x: int = 20, y: int = 30, doubtful: str = "") -> Number:
    """A number whose characters are 10 pixels wide and 16 high; those of `doubtful` are in doubt."""
    boxes = [Box(x + 10 * place, y, 10, 16) for place in range(len(text))]
    other = (Alternative("9", 0.3), Alternative("", 0.1))
    characters = tuple(
        Character(label, 0.6, box, other) if label in doubtful else Character(label, 0.99, box)
        for label, box in zip(text, boxes, strict=True)
    )
    return Number(text, 0.93, Box(x, y, 10 * len(text), 16), characters)


@dataclass
class FakeReader:
    """Reads the same numbers on every page, and remembers the pages."""

    numbers: list[Number] = field(default_factory=lambda: [number("4007", doubtful="7"), number("12.50", y=60)])
    version: str = "fake-lines"
    card: Mapping[str, Any] = field(default_factory=dict)
    seen: list[Page] = field(default_factory=list)

    def read(self, page: Page, expect: Expectation | None = None) -> list[Number]:
        self.seen.append(page)
        if expect and not all(expect.allows(number.text) for number in self.numbers):
            raise NoReadingError(f"no likely reading satisfies {expect}")
        return self.numbers


@pytest.fixture(scope="session")
def recognizer() -> Recognizer:
    """The model that ships with the package."""
    return Recognizer.load()


@pytest.fixture
def fake_recognizer() -> FakeRecognizer:
    return FakeRecognizer()


@pytest.fixture
def fake_reader() -> FakeReader:
    return FakeReader()


@pytest.fixture
def app(fake_recognizer: FakeRecognizer, fake_reader: FakeReader) -> Flask:
    """The application, with a fake recognizer and a fake reader."""
    return create_app(fake_recognizer, Settings(), fake_reader)


@pytest.fixture
def client_with(fake_recognizer: FakeRecognizer) -> Callable[[Settings], FlaskClient]:
    """Makes clients of applications with other settings."""
    return lambda settings: create_app(fake_recognizer, settings).test_client()


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    return app.test_client()


@pytest.fixture(scope="session")
def digit_png() -> bytes:
    """A seven in black on white, 280x280, as PNG bytes."""
    picture = Image.new("L", (280, 280), 255)
    ImageDraw.Draw(picture).line(SEVEN, fill=0, width=20, joint="curve")
    file = io.BytesIO()
    picture.save(file, "PNG")
    return file.getvalue()

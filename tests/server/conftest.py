"""A server that keeps corrections, and one who may review them."""

import base64
import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest
from flask import Flask
from flask.testing import FlaskClient
from PIL import Image, ImageDraw
from tests.conftest import FakeRecognizer

from inkdigit.config import Settings
from inkdigit.feedback import FeedbackStore
from inkdigit.server import create_app

ADMIN_KEY: Final = "sesame-open-sesame"


def drawing(*points: tuple[int, int], side: int = 280) -> bytes:
    """A stroke, black on white, as PNG bytes."""
    picture = Image.new("L", (side, side), 255)
    ImageDraw.Draw(picture).line(points or ((80, 60), (200, 60), (120, 220)), fill=0, width=20, joint="curve")
    file = io.BytesIO()
    picture.save(file, "PNG")
    return file.getvalue()


def data_url(png: bytes) -> str:
    return f"data:image/png;base64,{base64.b64encode(png).decode()}"


def submission(**fields: Any) -> dict[str, Any]:
    """A submission as the page makes it, with some of its fields changed; None takes one out."""
    body = {"image": data_url(drawing()), "label": 1, "predicted": 7, "model": "fake-1", "consent": True} | fields
    return {name: value for name, value in body.items() if value is not ...}


@pytest.fixture
def store(tmp_path: Path) -> Iterator[FeedbackStore]:
    """The store that the server of `app_with_store` keeps drawings in."""
    with FeedbackStore.open(tmp_path / "feedback.sqlite") as opened:
        yield opened


@pytest.fixture
def keeping_app(fake_recognizer: FakeRecognizer, store: FeedbackStore) -> Flask:
    return create_app(fake_recognizer, Settings(admin_key=ADMIN_KEY), feedback=lambda: store)


@pytest.fixture
def keeping_client(keeping_app: Flask) -> FlaskClient:
    """Somebody who draws."""
    return keeping_app.test_client()


@pytest.fixture
def reviewer(keeping_app: Flask) -> FlaskClient:
    """Somebody with the admin key."""
    client = keeping_app.test_client()
    client.environ_base["HTTP_AUTHORIZATION"] = f"Bearer {ADMIN_KEY}"
    return client

"""The server keeps what its OpenAPI document promises: schemathesis makes the requests and judges the answers.

A schema cannot say "a picture of a digit", so pictures come from the strategies below; with them, what the document
allows must succeed and what it forbids must be refused, under every check that schemathesis has.
"""

import base64
import dataclasses
import io
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import hypothesis
import numpy as np
import pytest
import schemathesis
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image, ImageDraw
from tests.conftest import number
from tests.server.conftest import ADMIN_KEY, drawing

from inkdigit import Layer
from inkdigit.config import Settings
from inkdigit.drawing import MAX_LENGTH, parse_strokes
from inkdigit.drawing import draw as paint
from inkdigit.expect import Expectation
from inkdigit.feedback import FeedbackStore, Submission
from inkdigit.number import Alternative, Box, Character, Number
from inkdigit.recognizer import Prediction
from inkdigit.server import create_app
from inkdigit.server.state import state_of

MEDIA_TYPES = {"PNG": "image/png", "JPEG": "image/jpeg", "WEBP": "image/webp"}
BOUNDED = hypothesis.settings(max_examples=50, deadline=None, database=None)
SEED = 20261122


EXAMPLES = (np.ones((3, 10), np.int8), np.full(3, 0.01, np.float32), np.zeros((3, 11), np.float32))
LAYER = Layer("seven", b"12345678", 3, 1, 0, 0, *EXAMPLES)
OTHERS_LAYER = dataclasses.replace(LAYER, model="eight")


class Seven:
    """Reads every picture as a seven."""

    version = "seven"
    card = {"version": "seven"}  # noqa: RUF012  never changed

    def predict(self, images: NDArray[np.float32], layer: Layer | None = None) -> list[Prediction]:
        return [Prediction(7, 0.91, (0.01,) * 7 + (0.91, 0.01, 0.01), is_digit=True)] * len(images)

    def adapt(self, images: NDArray[np.float32], labels: Sequence[int]) -> Layer:
        return dataclasses.replace(LAYER, corrections=len(images))

    def takes(self, layer: Layer) -> bool:
        return layer.model == "seven"

    def classify(self, images: NDArray[np.float32]) -> NDArray[np.float32]:
        return np.full((len(images), 10), 0.1, np.float32)


class Numbers:
    """Reads numbers of every shape on every page, whatever is expected."""

    version = "numbers"

    def read(self, page: object, expect: object = None) -> list[Number]:
        box = Box(1, 2, 3, 4)
        repaired = Number("9", 0.5, box, (Character("9", 0.5, box, (Alternative("", 0.1),), "4"),))
        return [number("4007"), number("-3,50", doubtful="5"), number("12/03/2024"), repaired]


def draw(points: list[tuple[int, int]], width: int, light: bool, kind: str) -> bytes:
    picture = Image.new("L", (64, 64), 0 if light else 255)
    ImageDraw.Draw(picture).line(points, fill=255 if light else 0, width=width)
    file = io.BytesIO()
    picture.save(file, kind)
    return file.getvalue()


def data_url(kind: str, picture: bytes) -> str:
    return f"data:{MEDIA_TYPES[kind]};base64,{base64.b64encode(picture).decode()}"


def pictures(kind: str) -> st.SearchStrategy[bytes]:
    point = st.tuples(st.integers(4, 60), st.integers(4, 60))
    points = st.lists(point, min_size=2, max_size=6, unique=True)
    return st.builds(draw, points, st.integers(2, 9), st.booleans(), st.just(kind))


ANY_PICTURE = st.one_of([pictures(kind) for kind in MEDIA_TYPES])
DATA_URLS = st.one_of([st.builds(data_url, st.just(kind), pictures(kind)) for kind in MEDIA_TYPES])

for kind, media_type in MEDIA_TYPES.items():
    schemathesis.openapi.media_type(media_type, pictures(kind))
schemathesis.openapi.media_type("application/octet-stream", ANY_PICTURE)
schemathesis.openapi.format("binary", ANY_PICTURE)
schemathesis.openapi.format("image-data-url", DATA_URLS)
EXPECTATIONS = (
    "length=4",
    "range=-1.5..500; decimals=2",
    "integer;length=1..6",
    "pattern=[0-9]{3}-[0-9]+",
    "date=%d.%m.%Y",
)
schemathesis.openapi.format("layer", st.sampled_from([LAYER.to_text(), OTHERS_LAYER.to_text()]))
schemathesis.openapi.format("expectation", st.sampled_from(EXPECTATIONS))

# By itself it would also post bytes that stand in our source, for pictures; they are none.
# A form of many parts is refused with 413, before its fields are looked at.
REFUSALS = ["400", "401", "403", "404", "405", "406", "409", "413", "415", "422", "428", "429", "5xx"]
CONFIG = schemathesis.Config.from_dict(
    {
        "analysis": {"constants": {"enabled": False}},
        "auth": {"openapi": {"key": {"bearer": ADMIN_KEY}}},
        "checks": {"negative_data_rejection": {"expected-statuses": REFUSALS}},
    }
)
FOLDERS: list[Path] = []


def open_store() -> FeedbackStore:
    """A store with a page of drawings, some of which say that they are no sevens."""
    store = FeedbackStore.open(FOLDERS[-1] / "feedback.sqlite")
    for label in (7, 1, None, 7, 4, 7):
        store.add(Submission(label, 7, 0.9, "seven", drawing()))
    return store


app = create_app(Seven(), Settings(admin_key=ADMIN_KEY, admin_tries_per_minute=0), Numbers(), open_store)
document = schemathesis.openapi.from_wsgi("/api/openapi.json", app, config=CONFIG)


@pytest.fixture(autouse=True, scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Where the drawings are kept that are posted here."""
    FOLDERS.append(tmp_path_factory.mktemp("kept"))
    yield
    state_of(app).keeping().close()


def is_sent_as_made(case: Any) -> bool:
    """Whether all of a request travels: a field of a form that holds an empty list leaves no part, wrong as it is."""
    is_form = case.media_type == "multipart/form-data" and isinstance(case.body, dict)
    return not is_form or all(value != [] for value in case.body.values())


def shows_ink(case: Any) -> bool:
    """Whether the strokes of a request, where they are some, stand on the paper: a schema cannot say that."""
    try:
        return bool(paint(parse_strokes(case.body["strokes"])).any())
    except (ValueError, TypeError, KeyError, AttributeError):
        return True


def can_be_drawn(case: Any) -> bool:
    """Whether drawings of a hand show ink, and are not too much of it together: a schema cannot say that."""
    try:
        drawn = [parse_strokes(drawing["strokes"]) for drawing in case.body["drawings"] if "strokes" in drawing]
    except (KeyError, TypeError, ValueError):
        return True
    points = [np.array(stroke.points) for strokes in drawn for stroke in strokes]
    length = sum(float(np.hypot(*np.diff(way, axis=0).T).sum()) for way in points)
    return length < MAX_LENGTH and all(paint(strokes).any() for strokes in drawn)


@document.parametrize()
@hypothesis.seed(SEED)
@BOUNDED
def test_the_server_answers_as_documented(case: Any) -> None:
    hypothesis.assume(is_sent_as_made(case) and shows_ink(case) and can_be_drawn(case))

    case.call_and_validate()


@document.include(path="/api/v1/predict").parametrize()
@hypothesis.seed(SEED)
@BOUNDED
def test_predict_answers_in_plain_text_as_documented(case: Any) -> None:
    hypothesis.assume(is_sent_as_made(case))

    response = case.call_and_validate(headers={"Accept": "text/plain"})

    assert response.status_code != 200 or response.content in {b"7", b"?"}


@document.include(path="/api/v1/read").parametrize()
@hypothesis.seed(SEED)
@BOUNDED
def test_read_answers_in_plain_text_as_documented(case: Any) -> None:
    hypothesis.assume(is_sent_as_made(case))

    response = case.call_and_validate(headers={"Accept": "text/plain"})

    assert response.status_code != 200 or re.fullmatch(rb"([0-9.,/:=-]+\n)+", response.content)


def test_the_expectations_that_are_sent_are_some() -> None:
    assert [str(Expectation.parse(rules)) for rules in EXPECTATIONS]

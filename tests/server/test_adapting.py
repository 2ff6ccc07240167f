"""A hand is learnt over HTTP, and nothing of it stays behind."""

import base64
import io
import logging
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from flask.testing import FlaskClient
from PIL import Image
from tests.conftest import FakeRecognizer

from inkdigit import Layer, Recognizer, encode_explanation, explain, normalize
from inkdigit.config import Settings
from inkdigit.drawing import draw, parse_strokes
from inkdigit.image import encode_data_url, encode_png
from inkdigit.server import create_app
from inkdigit.server.schemas import SEVEN

ADAPT, PREDICT = "/api/v1/adapt", "/api/v1/predict"


def roofed(lean: int = 0, label: int = 1) -> dict[str, Any]:
    """A one with a roof, which others read as a seven."""
    return {"strokes": [[[80 + lean, 72], [200, 70 + lean], [132 + lean, 230]]], "label": label}


def nought(size: int) -> dict[str, Any]:
    corners = [[140, 60], [140 + size, 140], [140, 220], [140 - size, 140], [140, 60]]
    return {"strokes": [corners], "label": 0}


HAND = [*(roofed(lean) for lean in (0, 4, 8, 12)), *(nought(size) for size in (50, 60))]


@pytest.fixture(scope="module")
def client() -> FlaskClient:
    return create_app(Recognizer.load("small-3"), Settings()).test_client()


@pytest.fixture(scope="module")
def layer(client: FlaskClient) -> str:
    return str(client.post(ADAPT, json={"drawings": HAND}).get_json()["layer"])


def test_a_hand_is_learnt_from_strokes(client: FlaskClient) -> None:
    response = client.post(ADAPT, json={"drawings": HAND})

    answer = response.get_json()
    assert response.status_code == 200
    assert answer["used"] is True
    assert answer["corrections"] == 6
    assert 0 < answer["errors_before"] <= answer["corrections"]
    assert answer["errors_after"] <= answer["errors_before"]
    assert answer["model"] == Layer.from_text(answer["layer"]).model == "small-3"


def test_pictures_teach_as_strokes_do(client: FlaskClient) -> None:
    response = client.post(ADAPT, json={"drawings": [{"image": SEVEN, "label": 7}, roofed()]})

    assert response.get_json()["corrections"] == 2


def test_an_answer_with_a_layer_says_so(client: FlaskClient, layer: str) -> None:
    plain = client.post(PREDICT, json={"image": SEVEN}).get_json()
    adapted = client.post(PREDICT, json={"image": SEVEN, "layer": layer}).get_json()

    assert "adapted" not in plain
    assert adapted["adapted"] is True
    assert adapted["probabilities"][1] > plain["probabilities"][1]


def test_a_layer_has_its_say_in_plain_text_and_with_extras_too(client: FlaskClient, layer: str) -> None:
    body = {"image": SEVEN, "layer": layer}

    text = client.post(PREDICT, json=body, headers={"Accept": "text/plain"})
    extras = client.post(f"{PREDICT}?include=input,explanation", json=body).get_json()

    assert text.get_data(as_text=True) in set("0123456789?")
    assert extras["adapted"] is True
    assert {"input", "explanation"} <= set(extras)


def test_an_explanation_speaks_for_the_label_that_is_answered_with_a_layer(client: FlaskClient, layer: str) -> None:
    ink = draw(parse_strokes(roofed()["strokes"]))
    body = {"image": encode_data_url(encode_png((ink / 255).astype(np.float32)))}

    plain = client.post(f"{PREDICT}?include=explanation", json=body).get_json()
    adapted = client.post(f"{PREDICT}?include=explanation", json=body | {"layer": layer}).get_json()

    assert (plain["label"], adapted["label"]) == (7, 1)
    for answer in (plain, adapted):
        why = explain(Recognizer.load("small-3"), normalize(ink), answer["label"])
        assert answer["explanation"] == encode_data_url(encode_explanation(normalize(ink), why, scale=1))


def test_a_layer_that_is_not_used_changes_nothing(client: FlaskClient) -> None:
    [unused] = [client.post(ADAPT, json={"drawings": [roofed()]}).get_json()]
    plain = client.post(PREDICT, json={"image": SEVEN}).get_json()

    answer = client.post(PREDICT, json={"image": SEVEN, "layer": unused["layer"]}).get_json()

    assert unused["used"] is False
    assert answer == plain | {"adapted": False}


def test_a_layer_of_another_model_has_no_say(client: FlaskClient, layer: str, recognizer: Recognizer) -> None:
    other = create_app(recognizer, Settings()).test_client()

    answer = other.post(PREDICT, json={"image": SEVEN, "layer": layer}).get_json()

    assert answer == other.post(PREDICT, json={"image": SEVEN}).get_json() | {"adapted": False}


def test_a_model_that_cannot_learn_says_so_and_reads_on(layer: str) -> None:
    client = create_app(FakeRecognizer(), Settings()).test_client()

    refused = client.post(ADAPT, json={"drawings": HAND})
    answer = client.post(PREDICT, json={"image": SEVEN, "layer": layer})

    assert (refused.status_code, refused.get_json()["type"]) == (501, "cannot-adapt")
    assert answer.get_json()["adapted"] is False


@pytest.mark.parametrize("text", ["", "1", "2AAAA", "1" + "A" * 200, "ü", "1%%%%", "x" * 20_000, 5, ["1"]])
def test_what_is_no_layer_is_refused(client: FlaskClient, text: object) -> None:
    response = client.post(PREDICT, json={"image": SEVEN, "layer": text})

    assert (response.status_code, response.get_json()["type"]) == (400, "bad-request")
    assert "layer" in response.get_json()["detail"]


@pytest.mark.parametrize(
    ("drawings", "status", "kind"),
    [
        ([], 400, "bad-request"),
        ([roofed()] * 101, 400, "bad-request"),
        ([{"label": 7}], 400, "bad-request"),
        ([{"image": SEVEN}], 400, "bad-request"),
        ([roofed(label=10)], 400, "bad-request"),
        ([roofed() | {"label": None}], 400, "bad-request"),
        ([roofed() | {"label": True}], 400, "bad-request"),
        ([roofed() | {"more": 1}], 400, "bad-request"),
        ([{"strokes": [[[1, 2, 3]]], "label": 1}], 400, "bad-request"),
        ([{"strokes": [[[1e9, 2]]], "label": 1}], 400, "bad-request"),
        ([{"strokes": [[[0, y] for y in range(250)] * 5] * 2, "label": 1}] * 10, 400, "bad-request"),
        ([roofed(), {"strokes": [[[-9.47, 100]]], "label": 1}], 422, "blank-image"),  # a hair over the paper's edge
        ([{"image": "data:image/png;base64,AAAA", "label": 1}], 415, "unsupported-format"),
        ([{"image": "seven", "label": 1}], 400, "unreadable-image"),
    ],
)
def test_drawings_that_cannot_teach_are_refused(
    client: FlaskClient, drawings: list[dict[str, Any]], status: int, kind: str
) -> None:
    response = client.post(ADAPT, json={"drawings": drawings})

    assert (response.status_code, response.get_json()["type"]) == (status, kind)


@pytest.mark.parametrize(
    "too_much",
    [
        [[20 + 240 * (i % 2), i] for i in range(400)],
        {"points": [[140 + 16 * (i % 2), i / 20] for i in range(6000)], "width": 40},
    ],
)
def test_what_is_too_much_is_refused_before_any_of_it_is_painted(
    client: FlaskClient, monkeypatch: pytest.MonkeyPatch, too_much: object
) -> None:
    monkeypatch.setattr(
        import_module("inkdigit.server.adapting"), "draw", lambda _strokes: pytest.fail("it is painted")
    )

    response = client.post(ADAPT, json={"drawings": [roofed(), *[{"strokes": [too_much], "label": 1}] * 3]})

    assert response.status_code == 400
    assert "send fewer drawings" in response.get_json()["detail"]


def test_the_drawing_at_fault_is_named(client: FlaskClient) -> None:
    file = io.BytesIO()
    Image.new("L", (40, 40), 255).save(file, "PNG")
    blank = f"data:image/png;base64,{base64.b64encode(file.getvalue()).decode()}"

    response = client.post(ADAPT, json={"drawings": [roofed(), {"image": blank, "label": 1}]})

    assert response.status_code == 422
    assert response.get_json()["type"] == "blank-image"
    assert "drawings.1" in response.get_json()["detail"]


def test_a_drawing_of_nothing_is_told_what_it_needs(client: FlaskClient) -> None:
    detail = client.post(ADAPT, json={"drawings": [roofed(), {"label": 1}]}).get_json()["detail"]

    assert detail.startswith("The field drawings.1: send the drawing: its picture in the field image")


def test_only_json_is_taken(client: FlaskClient) -> None:
    response = client.post(ADAPT, data=b"1", content_type="image/png")

    assert (response.status_code, response.get_json()["type"]) == (415, "unsupported-format")


def test_a_body_over_the_limit_is_refused() -> None:
    client = create_app(FakeRecognizer(), Settings(max_body_bytes=1000)).test_client()

    response = client.post(ADAPT, json={"drawings": HAND * 10})

    assert (response.status_code, response.get_json()["type"]) == (413, "body-too-large")


def test_other_sites_may_not_ask(client: FlaskClient) -> None:
    response = client.post(ADAPT, json={"drawings": HAND}, headers={"Sec-Fetch-Site": "cross-site"})

    assert response.status_code == 403


def test_nothing_of_a_hand_is_kept(
    client: FlaskClient, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.chdir(tmp_path)
    before = client.post(PREDICT, json={"image": SEVEN}).get_json()
    caplog.clear()

    with caplog.at_level(logging.DEBUG):
        client.post(ADAPT, json={"drawings": HAND})

    assert list(tmp_path.iterdir()) == []
    assert [record.getMessage() for record in caplog.records] == ["POST /api/v1/adapt 200"]
    assert client.post(PREDICT, json={"image": SEVEN}).get_json() == before

"""The Open Inference Protocol: by a client that others wrote, and by plain requests."""

import contextlib
import gzip
import importlib.util
import json
import os
from typing import Any

import numpy as np
import pytest
from flask import Flask
from flask.testing import FlaskClient
from numpy.typing import NDArray
from tests.conftest import FakeRecognizer
from tests.server.running import running

from inkdigit import Recognizer
from inkdigit.config import Settings
from inkdigit.recognizer import share_out
from inkdigit.server import create_app
from inkdigit.server.oip import MAX_BATCH
from inkdigit.server.state import state_of

CI = os.environ.get("CI") == "true"
INFER = "/v2/models/digits/infer"


@pytest.fixture(scope="module")
def images(recognizer: Recognizer) -> NDArray[np.float32]:
    """Strokes, a blank and a scrawl: (6, 28, 28)."""
    drawn = np.zeros((6, 28, 28), np.float32)
    for place in range(5):
        drawn[place, 5:23, 8 + 2 * place : 11 + 2 * place] = 1.0
    drawn[3, 5:8, 6:20] = 0.8
    drawn[5] = np.random.default_rng(5).random((28, 28))
    return drawn


def tensor(images: NDArray[np.float32], **changed: Any) -> dict[str, Any]:
    made = {"name": "image", "shape": list(images.shape), "datatype": "FP32", "data": images.ravel().tolist()}
    return {"inputs": [made | changed]}


# --- a client that we did not write


@pytest.mark.skipif(importlib.util.find_spec("tritonclient") is None and not CI, reason="no tritonclient[http]")
def test_tritons_client_reads_what_the_library_reads(recognizer: Recognizer, images: NDArray[np.float32]) -> None:
    import tritonclient.http as triton
    from tritonclient.utils import InferenceServerException

    sent = triton.InferInput("image", list(images.shape), "FP32")
    sent.set_data_from_numpy(images, binary_data=False)
    wanted = [triton.InferRequestedOutput(name, binary_data=False) for name in ("probabilities", "label", "is_digit")]
    with (
        running(create_app(recognizer, Settings())) as port,
        contextlib.closing(triton.InferenceServerClient(f"127.0.0.1:{port}")) as client,
    ):
        alive = client.is_server_live(), client.is_server_ready(), client.is_model_ready("digits", recognizer.version)
        described = client.get_server_metadata(), client.get_model_metadata("digits")
        answer = client.infer("digits", [sent], outputs=wanted, request_id="seven")
        of_all = client.infer("digits", [sent], model_version=recognizer.version)
        in_binary = client.infer("digits", [sent], outputs=[triton.InferRequestedOutput("label", binary_data=True)])
        with pytest.raises(InferenceServerException, match="no other") as other:
            client.infer("digits", [sent], model_version="none-such")
        with pytest.raises(InferenceServerException, match="served at this address"):
            client.load_model("digits")
        with pytest.raises(InferenceServerException, match="served at this address"):
            client.register_system_shared_memory("mine", "/mine", 100)
        sent.set_data_from_numpy(images, binary_data=True)
        with pytest.raises(InferenceServerException, match="binary_data=False"):
            client.infer("digits", [sent])
        broken = triton.InferInput("image", [1, 5], "FP32")
        broken.set_data_from_numpy(np.zeros((1, 5), np.float32), binary_data=False)
        with pytest.raises(InferenceServerException, match="shape is"):
            client.infer("digits", [broken])

    predictions = recognizer.predict(images)
    assert alive == (True, True, True)
    assert described[0]["name"] == "inkdigit"
    assert described[1]["versions"] == [recognizer.version]
    assert answer.as_numpy("probabilities").dtype == np.float32
    assert np.allclose(answer.as_numpy("probabilities"), share_out(recognizer.classify(images)), atol=1e-6)
    assert answer.as_numpy("label").tolist() == [one.label for one in predictions]
    assert answer.as_numpy("is_digit").tolist() == [one.is_digit for one in predictions]
    assert (answer.get_response()["id"], answer.get_response()["model_version"]) == ("seven", recognizer.version)
    assert of_all.as_numpy("label").tolist() == answer.as_numpy("label").tolist()
    assert in_binary.as_numpy("label").tolist() == answer.as_numpy("label").tolist()
    assert other.value.status() == "404"


# --- plain requests


@pytest.mark.parametrize("shape", [(6, 28, 28), (6, 28, 28, 1), (6, 784)])
@pytest.mark.parametrize("is_flat", [True, False])
def test_a_tensor_comes_in_three_shapes_flat_or_nested(
    client: FlaskClient, fake_recognizer: FakeRecognizer, images: NDArray[np.float32], shape: tuple[int], is_flat: bool
) -> None:
    data = images.reshape(shape)
    answer = client.post(INFER, json=tensor(data) if is_flat else tensor(data, data=data.tolist()))

    outputs = {one["name"]: one for one in answer.get_json()["outputs"]}
    assert answer.status_code == 200
    assert np.array_equal(np.stack(fake_recognizer.seen), images)
    assert (outputs["probabilities"]["shape"], outputs["label"]["shape"]) == ([6, 10], [6])
    assert outputs["label"] == {"name": "label", "datatype": "INT64", "shape": [6], "data": [7] * 6}


def test_a_compressed_body_is_told_to_be_sent_as_it_is(client: FlaskClient, images: NDArray[np.float32]) -> None:
    body = gzip.compress(json.dumps(tensor(images)).encode())
    answer = client.post(INFER, data=body, content_type="application/json", headers={"Content-Encoding": "gzip"})

    assert answer.status_code == 415
    assert "Content-Encoding: gzip" in answer.get_json()["error"]


def test_only_the_outputs_that_are_asked_for_come_in_their_order(
    client: FlaskClient, images: NDArray[np.float32]
) -> None:
    asked = tensor(images) | {"id": "a", "outputs": [{"name": "is_digit"}, {"name": "label"}]}
    answer = client.post(INFER, json=asked).get_json()

    assert [one["name"] for one in answer["outputs"]] == ["is_digit", "label"]
    assert (answer["id"], answer["model_name"], answer["model_version"]) == ("a", "digits", "fake-1")


@pytest.mark.parametrize(
    "asked",
    [
        {"outputs": [{"name": "label", "parameters": {"binary_data": True}}]},
        {"parameters": {"binary_data_output": True}},
    ],
)
def test_outputs_that_are_asked_for_in_binary_come_in_json(
    client: FlaskClient, images: NDArray[np.float32], asked: dict[str, Any]
) -> None:
    answer = client.post(INFER, json=tensor(images) | asked)

    outputs = {one["name"]: one for one in answer.get_json()["outputs"]}
    assert (answer.status_code, answer.mimetype) == (200, "application/json")
    assert outputs["label"] == {"name": "label", "datatype": "INT64", "shape": [6], "data": [7] * 6}


ONE = np.full((1, 28, 28), 0.5, np.float32)
REFUSED: dict[str, tuple[Any, str]] = {
    "no JSON": ("{", "JSON"),
    "no object": ([1], "JSON object"),
    "no inputs": ({"inputs": []}, "inputs"),
    "two inputs": ({"inputs": tensor(ONE)["inputs"] * 2}, "inputs"),
    "another name": (tensor(ONE, name="picture"), "image"),
    "another type": (tensor(ONE, datatype="FP64"), "FP32"),
    "another shape": (tensor(ONE, shape=[28, 28]), "shape"),
    "an empty batch": (tensor(ONE, shape=[0, 28, 28], data=[]), "shape"),
    "too large a batch": (tensor(ONE, shape=[MAX_BATCH + 1, 28, 28]), f"N from 1 to {MAX_BATCH}"),
    "a huge shape": (tensor(ONE, shape=[10**12, 28, 28]), "N from 1"),
    "too few numbers": (tensor(ONE, data=[0.5] * 783), "as many"),
    "too many numbers": (tensor(ONE, data=[0.5] * 785), "as many"),
    "another nesting": (tensor(ONE, data=[[0.5] * 392] * 2), "as many"),
    "ragged lists": (tensor(ONE, data=[[0.5] * 28, [0.5]]), "numbers"),
    "texts": (tensor(ONE, data=["0.5"] * 784), "numbers"),
    "nothing": (tensor(ONE, data=[None] * 784), "numbers"),
    "truths": (tensor(ONE, data=[True] * 784), "numbers"),
    "no data": (tensor(ONE, data=None), "numbers"),
    "negative": (tensor(ONE, data=[-0.1] * 784), "between 0"),
    "over one": (tensor(ONE, data=[255] * 784), "between 0"),
    "infinite": (json.dumps(tensor(ONE)).replace("0.5", "1e999", 1), "between 0"),
    "NaN": (json.dumps(tensor(ONE)).replace("0.5", "NaN", 1), "NaN"),
    "a huge number": (tensor(ONE, data=[10**400] + [0] * 783), "numbers"),
    "shared memory": (tensor(ONE, data=None, parameters={"shared_memory_region": "mine"}), "memory"),
    "binary data": (tensor(ONE, data=None, parameters={"binary_data_size": 3136}), "binary"),
    "classification": (
        tensor(ONE) | {"outputs": [{"name": "label", "parameters": {"classification": 3}}]},
        "neither",
    ),
    "an unknown output": (tensor(ONE) | {"outputs": [{"name": "embedding"}]}, "outputs"),
    "an unknown key": (tensor(ONE) | {"priority": 1}, "priority"),
}


@pytest.mark.parametrize(("body", "word"), REFUSED.values(), ids=REFUSED.keys())
def test_what_is_no_such_tensor_is_refused_in_the_protocols_own_form(
    client: FlaskClient, fake_recognizer: FakeRecognizer, body: Any, word: str
) -> None:
    text = body if isinstance(body, str) else json.dumps(body)
    answer = client.post(INFER, data=text, content_type="application/json")

    assert (answer.status_code, set(answer.get_json())) == (400, {"error"})
    assert word in answer.get_json()["error"]
    assert fake_recognizer.seen == []


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/v2/models/cats", 404),
        ("GET", "/v2/models/digits/versions/1", 404),
        ("POST", "/v2/models/digits/versions/1/infer", 404),
        ("GET", INFER, 405),
        ("POST", "/v2/repository/index", 404),
        ("POST", "/v2/repository/models/digits/load", 404),
        ("POST", "/v2/repository/models/digits/unload", 404),
        ("POST", "/v2/systemsharedmemory/region/mine/register", 404),
        ("POST", "/v2/cudasharedmemory/region/mine/register", 404),
        ("GET", "/v2/models/digits/config", 404),
    ],
)
def test_nothing_else_is_there(client: FlaskClient, method: str, path: str, status: int) -> None:
    answer = client.open(path, method=method, json={})

    assert (answer.status_code, set(answer.get_json())) == (status, {"error"})
    assert answer.mimetype == "application/json"
    assert answer.headers["X-Request-ID"]


def test_an_unknown_address_is_answered_with_that_of_the_model(client: FlaskClient) -> None:
    told = client.get("/v2/models/cats").get_json()["error"]

    assert told == "Nothing is served at this address; /v2/models/digits is the model."
    assert client.get(INFER.removesuffix("/infer")).get_json()["name"] == "digits"


def test_the_server_the_model_and_their_health_are_described(client: FlaskClient, app: Flask) -> None:
    paths = ("/v2", "/v2/health/live", "/v2/health/ready", "/v2/models/digits/versions/fake-1/ready")
    before = [client.get(path).get_json() for path in paths]
    state_of(app).draining.set()
    after = [client.get(path).status_code for path in paths]
    inputs = client.get("/v2/models/digits").get_json()["inputs"]

    assert before[0]["name"] == "inkdigit"
    assert before[1:3] == [{"live": True}, {"ready": True}]
    assert before[3] == {"name": "digits", "version": "fake-1", "ready": True}
    assert after == [200, 200, 503, 503]
    assert inputs == [{"name": "image", "datatype": "FP32", "shape": [-1, 28, 28]}]


def test_the_limits_of_bodies_hold_here_too(fake_recognizer: FakeRecognizer) -> None:
    client = create_app(fake_recognizer, Settings(max_body_bytes=1000)).test_client()
    answer = client.post(INFER, json=tensor(ONE))

    assert (answer.status_code, set(answer.get_json())) == (413, {"error"})


def test_what_the_http_layer_refuses_here_has_the_protocols_form_too(app: Flask) -> None:
    import http.client

    with (
        running(app) as port,
        contextlib.closing(http.client.HTTPConnection("127.0.0.1", port)) as sent,
    ):
        sent.putrequest("POST", INFER)
        sent.putheader("Content-Length", "10000000000")
        sent.endheaders()
        answer = sent.getresponse()
        told = json.loads(answer.read())

    assert (answer.status, set(told)) == (413, {"error"})


def test_each_picture_of_a_batch_is_counted(client: FlaskClient, app: Flask, images: NDArray[np.float32]) -> None:
    client.post(INFER, json=tensor(images))

    text = state_of(app).watch.metrics.exposition("")[0].decode()
    assert 'inkdigit_predictions_total{label="7",model="fake-1"} 6.0' in text

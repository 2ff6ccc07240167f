"""The Open Inference Protocol, version 2, as a thin adapter: tensors of 28x28 in, probabilities out.

It reads what `normalize` makes, and nothing but that; for pictures there is `api`. No model can be loaded, unloaded or
changed here, and no memory is shared with a client.
"""

import json
import math
from collections.abc import Callable, Mapping, Sequence
from typing import Annotated, Any, Final, Literal

import numpy as np
from flask import Blueprint, Response, request
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field
from werkzeug.exceptions import BadRequest, NotFound

from inkdigit.config import package_version
from inkdigit.preprocess import SIZE
from inkdigit.recognizer import Prediction
from inkdigit.server.observing import note_digit, step
from inkdigit.server.reading import parse_json, refuse_compressed, validated
from inkdigit.server.state import current_state

OIP_PATH: Final = "/v2"
MODEL: Final = "digits"
INPUT: Final = "image"
MAX_BATCH: Final = 256

oip = Blueprint("oip", __name__, url_prefix=OIP_PATH)

Parameters = dict[str, bool | int | float | str]


class _Message(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class Tensor(_Message):
    """An input, its data flat or nested."""

    name: Literal["image"]
    shape: Annotated[list[int], Field(min_length=2, max_length=4)]
    datatype: Literal["FP32"]
    data: list[Any] | None = None
    parameters: Parameters = {}


class Wanted(_Message):
    """An output that is asked for."""

    name: Literal["probabilities", "label", "is_digit"]
    parameters: Parameters = {}


class Inference(_Message):
    """A request to infer."""

    id: Annotated[str, Field(max_length=256)] | None = None
    parameters: Parameters = {}
    inputs: Annotated[list[Tensor], Field(min_length=1, max_length=1)]
    outputs: Annotated[list[Wanted], Field(max_length=3)] = []


@oip.get("")
def server() -> Response:
    """Describe the server."""
    return _json({"name": "inkdigit", "version": package_version(), "extensions": []})


@oip.get("/health/live")
def live() -> Response:
    """Tell that the server answers at all."""
    return _json({"live": True})


@oip.get("/health/ready")
def ready() -> Response:
    """Tell whether the server takes new requests."""
    return _ready()


@oip.get(f"/models/{MODEL}")
@oip.get(f"/models/{MODEL}/versions/<version>")
def model(version: str | None = None) -> Response:
    """Describe the model."""
    current = _current(version)
    inputs = [{"name": INPUT, "datatype": "FP32", "shape": [-1, SIZE, SIZE]}]
    outputs = [{"name": name, "datatype": kind, "shape": shape} for name, (kind, shape, _) in _OUTPUTS.items()]
    return _json({"name": MODEL, "versions": [current], "platform": "inkdigit", "inputs": inputs, "outputs": outputs})


@oip.get(f"/models/{MODEL}/ready")
@oip.get(f"/models/{MODEL}/versions/<version>/ready")
def model_ready(version: str | None = None) -> Response:
    """Tell whether the model answers."""
    return _ready(name=MODEL, version=_current(version))


@oip.post(f"/models/{MODEL}/infer")
@oip.post(f"/models/{MODEL}/versions/<version>/infer")
def infer(version: str | None = None) -> Response:
    """Read tensors."""
    current = _current(version)
    asked = _read_request()
    images = _images(asked.inputs[0])
    with step("predict"):
        predictions = current_state().recognizer.predict(images)
    for prediction in predictions:
        note_digit(prediction, current)
    answer = {"model_name": MODEL, "model_version": current, "outputs": _outputs(asked.outputs, predictions)}
    return _json(answer if asked.id is None else answer | {"id": asked.id})


def _current(version: str | None) -> str:
    """The version that answers.

    Raises:
        NotFound: another one is asked for.
    """
    current = current_state().recognizer.version
    if version not in {None, current}:
        raise NotFound(f"version {current} of the model answers, and no other")
    return current


def _ready(**fields: str) -> Response:
    draining = current_state().draining.is_set()
    return _json({**fields, "ready": not draining}, 503 if draining else 200)


def _read_request() -> Inference:
    if "Inference-Header-Content-Length" in request.headers:
        raise BadRequest("tensors in binary are not read; send them as JSON (binary_data=False)")
    refuse_compressed(request)
    asked = validated(Inference, parse_json(request.get_data(cache=False)))
    for parameters in (asked.inputs[0].parameters, *(output.parameters for output in asked.outputs)):
        _refuse_extensions(parameters)
    return asked


def _refuse_extensions(parameters: Parameters) -> None:
    """Refuse what would be read or answered as something else.

    Outputs that are asked for in binary (`binary_data`, `binary_data_output`) come in JSON: Triton's client asks so
    unless told otherwise, and finds out from each output how it came.

    Raises:
        BadRequest: memory, data in binary or classification are asked for.
    """
    if any(name.startswith("shared_memory") for name in parameters):
        raise BadRequest("there is no memory that a client could share; send the data in the request")
    if "binary_data_size" in parameters or "classification" in parameters:
        raise BadRequest("extensions of the protocol are not spoken: neither binary data nor classification")


def _images(tensor: Tensor) -> NDArray[np.float32]:
    """The pictures of a tensor: (N, 28, 28) float32 in [0, 1].

    Raises:
        BadRequest: it holds none such.
    """
    count, *frame = tensor.shape
    if frame not in ([SIZE, SIZE], [SIZE, SIZE, 1], [SIZE * SIZE]) or not 1 <= count <= MAX_BATCH:
        raise BadRequest(
            f"the shape is [N, {SIZE}, {SIZE}], [N, {SIZE}, {SIZE}, 1] or [N, {SIZE * SIZE}], N from 1 to {MAX_BATCH}"
        )
    numbers = _numbers(tensor.data)
    if numbers.shape not in {(math.prod(tensor.shape),), tuple(tensor.shape)}:
        raise BadRequest("the data are not as many numbers as the shape says, flat or nested as it is")
    if not (numbers.min() >= 0 and numbers.max() <= 1):  # so that NaN is refused, too
        raise BadRequest("the numbers lie between 0, paper, and 1, full ink")
    return numbers.astype(np.float32).reshape(count, SIZE, SIZE)


def _numbers(data: Sequence[Any] | None) -> NDArray[Any]:
    try:
        numbers = np.asarray(data)
    except (ValueError, OverflowError) as error:  # lists of several lengths
        raise BadRequest("the data are not numbers alone, or their lists are of several lengths") from error
    if numbers.dtype.kind not in "fiu" or numbers.size == 0:
        raise BadRequest("the data are not numbers alone, or there are none")
    return numbers


def _outputs(wanted: Sequence[Wanted], predictions: Sequence[Prediction]) -> list[dict[str, Any]]:
    names: list[str] = [one.name for one in wanted] or list(_OUTPUTS)
    return [_output(name, predictions) for name in names]


def _output(name: str, predictions: Sequence[Prediction]) -> dict[str, Any]:
    kind, (_, *rest), values = _OUTPUTS[name]
    data = [value for prediction in predictions for value in values(prediction)]
    return {"name": name, "datatype": kind, "shape": [len(predictions), *rest], "data": data}


_OUTPUTS: Final[Mapping[str, tuple[str, list[int], Callable[[Prediction], Sequence[object]]]]] = {
    "probabilities": ("FP32", [-1, 10], lambda one: one.probabilities),
    "label": ("INT64", [-1], lambda one: [one.label]),
    "is_digit": ("BOOL", [-1], lambda one: [one.is_digit]),
}


def _json(answer: Mapping[str, Any], status: int = 200) -> Response:
    return Response(json.dumps(answer), status, mimetype="application/json")

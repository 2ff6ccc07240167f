"""The views: decode, call, encode."""

from collections.abc import Callable, Mapping
from dataclasses import asdict
from typing import Any, Final

from flask import Blueprint, Response, render_template, request
from pydantic import BaseModel

from inkdigit.batch import UNACCEPTED, is_accepted
from inkdigit.config import package_version
from inkdigit.explain import encode_explanation, explain, locate
from inkdigit.image import Picture, encode_data_url, encode_png, read_page, read_picture
from inkdigit.pages import reading_record
from inkdigit.preprocess import Normalized, normalize
from inkdigit.recognizer import Prediction
from inkdigit.server.adapting import predict_with, read_predict
from inkdigit.server.keys import asks_for
from inkdigit.server.observing import note_digit, note_numbers, step
from inkdigit.server.openapi import openapi_document
from inkdigit.server.reading import PREDICT_PATH, READ_PATH, accepted_type, read_body, read_expectation, read_query
from inkdigit.server.schemas import (
    Extra,
    HealthAnswer,
    ModelAnswer,
    PlaceAnswer,
    PredictAnswer,
    PredictAnswerWithBoth,
    PredictAnswerWithExplanation,
    PredictAnswerWithInput,
    ReadAnswer,
)
from inkdigit.server.shortcut import raise_fault_in
from inkdigit.server.state import current_state

api = Blueprint("api", __name__)


@api.get("/")
def page() -> Response:
    """The page to draw on."""
    return _page("index.html", model=current_state().recognizer.version, asks=asks_for("api.predict"))


@api.post(PREDICT_PATH)
def predict() -> Response:
    """Read the digit on a picture."""
    raise_fault_in(request.environ)
    query, media_type = read_query(request), accepted_type(request)
    body, layer = read_predict(request)
    with step("decode"):
        picture = read_picture(body)
    with step("normalize"):
        image = normalize(picture.ink)
    with step("predict"):
        prediction, adapted = predict_with(current_state().recognizer, image, layer)
    version = current_state().recognizer.version
    note_digit(prediction, version)
    if media_type == "text/plain":
        accepted = is_accepted(prediction, query.min_confidence)
        return Response(str(prediction.label) if accepted else UNACCEPTED, mimetype=media_type)
    extras = {
        name: value for extra in query.include for name, value in _EXTRAS[extra](picture, image, prediction).items()
    }
    answer = _ANSWERS[query.include].of(prediction, version, query.min_confidence, **extras, **adapted)
    return Response(answer.model_dump_json(exclude_unset=True), mimetype=media_type)


@api.post(READ_PATH)
def read() -> Response:
    """Read the numbers on a picture of paper."""
    expect, media_type, reader = read_expectation(request), accepted_type(request), current_state().number_reader()
    body = read_body(request)
    with step("decode-page"):
        page = read_page(body)
    with step("read-page"):
        numbers = reader.read(page, expect)
    note_numbers((number.confidence for number in numbers), reader.version)
    if media_type == "text/plain":
        return Response("".join(f"{number.text}\n" for number in numbers), mimetype=media_type)
    return _json(ReadAnswer.model_validate(reading_record(numbers, reader.version)))


@api.get("/api/v1/model")
def model() -> Response:
    """Tell which models answer."""
    recognizer, reader = current_state().recognizer, current_state().reader
    version = None if reader is None else reader.version
    return _json(ModelAnswer(version=recognizer.version, card=recognizer.card, reader=version))


@api.get("/health/live")
def live() -> Response:
    """Tell that the server answers at all."""
    return _json(HealthAnswer(status="ok"))


@api.get("/health/ready")
def ready() -> Response:
    """Tell whether the server takes new requests."""
    draining = current_state().draining.is_set()
    return _json(HealthAnswer(status="draining" if draining else "ok"), 503 if draining else 200)


@api.get("/api/openapi.json")
def openapi() -> Response:
    """The OpenAPI document."""
    return Response(openapi_document(), mimetype="application/json")


@api.get("/api/docs")
def docs() -> Response:
    """The OpenAPI document as a page to try it on."""
    return _page("docs.html")


def _input(picture: Picture, image: Normalized, _prediction: Prediction) -> dict[str, Any]:
    return {"input": encode_data_url(encode_png(image)), "polarity": picture.polarity}


def _explanation(picture: Picture, image: Normalized, prediction: Prediction) -> dict[str, Any]:
    # Of the label as answered: a layer may have turned it, and the recognizer by itself would answer another one.
    why = explain(current_state().recognizer, image, prediction.label)
    painted = encode_explanation(image, why, scale=1)
    return {"explanation": encode_data_url(painted), "place": PlaceAnswer(**asdict(locate(picture.ink, image)))}


_EXTRAS: Final[Mapping[Extra, Callable[[Picture, Normalized, Prediction], dict[str, Any]]]] = {
    "input": _input,
    "explanation": _explanation,
}
_ANSWERS: Final[Mapping[frozenset[Extra], type[PredictAnswer]]] = {
    frozenset(): PredictAnswer,
    frozenset({"input"}): PredictAnswerWithInput,
    frozenset({"explanation"}): PredictAnswerWithExplanation,
    frozenset({"input", "explanation"}): PredictAnswerWithBoth,
}


def _json(answer: BaseModel, status: int = 200) -> Response:
    return Response(answer.model_dump_json(), status, mimetype="application/json")


def _page(template: str, **values: object) -> Response:
    page = Response(render_template(template, version=package_version(), **values))
    page.cache_control.no_cache = True  # a page names its scripts, so it is asked for anew with them
    return page

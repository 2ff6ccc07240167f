"""The views: decode, call, encode."""

from flask import Blueprint, Response, render_template, request
from pydantic import BaseModel

from inkdigit.config import package_version
from inkdigit.image import Picture, encode_data_url, encode_png, read_picture
from inkdigit.preprocess import Normalized, normalize
from inkdigit.recognizer import Prediction
from inkdigit.server.openapi import openapi_document
from inkdigit.server.reading import accepted_type, read_body, read_query
from inkdigit.server.schemas import HealthAnswer, ModelAnswer, PredictAnswer, PredictAnswerWithInput
from inkdigit.server.state import current_state

api = Blueprint("api", __name__)


@api.get("/")
def page() -> Response:
    """The page to draw on."""
    return _page("index.html", model=current_state().recognizer.version)


@api.post("/api/v1/predict")
def predict() -> Response:
    """Read the digit on a picture."""
    query, media_type = read_query(request), accepted_type(request)
    picture = read_picture(read_body(request))
    image = normalize(picture.ink)
    [prediction] = current_state().recognizer.predict(image[None])
    if media_type == "text/plain":
        return Response(str(prediction.label), mimetype=media_type)
    return _json(_with_input(prediction, picture, image) if query.include else _answer(prediction))


@api.get("/api/v1/model")
def model() -> Response:
    """Tell which model answers."""
    recognizer = current_state().recognizer
    return _json(ModelAnswer(version=recognizer.version, card=recognizer.card))


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


def _answer(prediction: Prediction) -> PredictAnswer:
    return PredictAnswer.of(prediction, current_state().recognizer.version)


def _with_input(prediction: Prediction, picture: Picture, image: Normalized) -> PredictAnswerWithInput:
    seen = encode_data_url(encode_png(image))
    return PredictAnswerWithInput(**_answer(prediction).model_dump(), input=seen, polarity=picture.polarity)


def _json(answer: BaseModel, status: int = 200) -> Response:
    return Response(answer.model_dump_json(), status, mimetype="application/json")


def _page(template: str, **values: str) -> Response:
    page = Response(render_template(template, version=package_version(), **values))
    page.cache_control.no_cache = True  # a page names its scripts, so it is asked for anew with them
    return page

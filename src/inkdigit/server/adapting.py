"""Reading one hand over HTTP: drawings come in, a layer goes out, and nothing of either is kept."""

import contextlib
from collections.abc import Iterator, Sequence
from typing import Final, Protocol, runtime_checkable

import numpy as np
from flask import Blueprint, Request, Response, request
from numpy.typing import NDArray
from werkzeug.exceptions import BadRequest

from inkdigit.adapt import Layer
from inkdigit.drawing import MAX_LENGTH, MAX_POINTS, Strokes, draw, painting_cost, parse_strokes
from inkdigit.errors import ConfigError, ImageError, ModelError
from inkdigit.image import decode_data_url, read_picture
from inkdigit.preprocess import normalize
from inkdigit.recognizer import Prediction
from inkdigit.server.problems import CannotAdapt
from inkdigit.server.reading import read_body, read_json, validated
from inkdigit.server.schemas import AdaptAnswer, AdaptBody, LabelledDrawing, PredictBody
from inkdigit.server.state import DigitReader, current_state
from inkdigit.structure import DIGIT_LIMITS

ADAPT_PATH: Final = "/api/v1/adapt"
MAX_PIXELS: Final = 16 * 2**20  # of all pictures of a request together
MAX_PAINTING: Final = 140_000_000  # looked at to paint all strokes of a request; 100 large, thick digits take 133

adapting = Blueprint("adapting", __name__)


@runtime_checkable
class Adaptable(Protocol):
    """A recognizer that learns a hand; `inkdigit.Recognizer` is one."""

    version: str

    def adapt(self, images: NDArray[np.float32], labels: Sequence[int]) -> Layer:
        """Learn from (N, 28, 28) float32 in [0, 1], white ink on black, and N digits."""

    def takes(self, layer: Layer) -> bool:
        """Whether a layer was learnt on this very model."""

    def predict(self, images: NDArray[np.float32], layer: Layer | None = None) -> list[Prediction]:
        """Read (N, 28, 28) float32 in [0, 1] as one hand writes."""


@adapting.post(ADAPT_PATH)
def adapt() -> Response:
    """Learn a hand."""
    given = validated(AdaptBody, read_json(request)).drawings
    recognizer = _adaptable(current_state().recognizer)
    images = read_drawings(given)
    try:
        layer = recognizer.adapt(images, [drawing.label for drawing in given])
    except ModelError as error:
        raise CannotAdapt(str(error)) from error
    answer = AdaptAnswer(
        layer=layer.to_text(),
        used=layer.used,
        corrections=layer.corrections,
        errors_before=layer.errors_before,
        errors_after=layer.errors_after,
        model=layer.model,
    )
    return Response(answer.model_dump_json(), mimetype="application/json")


def read_predict(request: Request) -> tuple[bytes, Layer | None]:
    """The picture that a request to predict carries, and the layer that came with it, if one did.

    Raises:
        BadRequest: what came is malformed, or the layer is none.
        RequestEntityTooLarge: the body is over a limit.
        UnsupportedMediaType: the content type is none of those that are read.
        ImageError: the data URL holds no picture.
    """
    if request.mimetype != "application/json":
        return read_body(request), None
    body = validated(PredictBody, read_json(request))
    layer = None if body.layer is None else _layer(body.layer)
    return decode_data_url(body.image, DIGIT_LIMITS.bytes), layer


def predict_with(
    recognizer: DigitReader, image: NDArray[np.float32], layer: Layer | None
) -> tuple[Prediction, dict[str, bool]]:
    """Read one 28x28, and tell whether a layer that came along had its say; one of another model has none."""
    if layer is None:
        [prediction] = recognizer.predict(image[None])
        return prediction, {}
    if not isinstance(recognizer, Adaptable) or not layer.used or not recognizer.takes(layer):
        [prediction] = recognizer.predict(image[None])
        return prediction, {"adapted": False}
    try:
        [prediction] = recognizer.predict(image[None], layer)
    except ModelError as error:  # its digest is this model's and its size is not, so it was made up
        raise BadRequest(f"the field layer: {error}") from error
    return prediction, {"adapted": True}


def read_drawings(drawings: Sequence[LabelledDrawing]) -> NDArray[np.float32]:
    """Drawings as the network sees them: (N, 28, 28) float32.

    Raises:
        BadRequest: strokes are at fault, or all of them together are too long.
        ImageError: a picture cannot be read, or there is no ink on it; the text says which.
    """
    parts = [_strokes(drawing, f"the field drawings.{place}") for place, drawing in enumerate(drawings)]
    _check_together(drawings, parts)
    pixels, images = 0, []
    for place, (drawing, strokes) in enumerate(zip(drawings, parts, strict=True)):
        where = f"the field drawings.{place}"
        with _saying(where):
            shown = _is_shown(drawing)
            ink = read_picture(decode_data_url(drawing.image, DIGIT_LIMITS.bytes)).ink if shown else draw(strokes)
            images.append(normalize(ink))
        pixels += ink.size
        if pixels > MAX_PIXELS:
            raise BadRequest(f"{where}: the pictures are too large together; send smaller ones")
    return np.stack(images)


def _check_together(drawings: Sequence[LabelledDrawing], parts: Sequence[Strokes]) -> None:
    """Refuse what is too much, before any of it is painted."""
    points, length, painting = 0, 0.0, 0
    for place, (drawing, strokes) in enumerate(zip(drawings, parts, strict=True)):
        where = f"the field drawings.{place}"
        points, length = points + sum(len(stroke.points) for stroke in strokes), length + _length(strokes)
        if points > MAX_POINTS or length > MAX_LENGTH:
            raise BadRequest(f"{where}: all strokes together have too many points or are too long; send fewer drawings")
        painting += 0 if _is_shown(drawing) else painting_cost(strokes)
        if painting > MAX_PAINTING:
            raise BadRequest(f"{where}: there is too much to be painted; send fewer drawings, or their pictures")


def _is_shown(drawing: LabelledDrawing) -> bool:
    return "image" in drawing.model_fields_set


def _strokes(drawing: LabelledDrawing, where: str) -> Strokes:
    given = drawing.model_fields_set & {"image", "strokes"}
    if not given:
        raise BadRequest(f"{where}: send the drawing: its picture in the field image, its strokes in strokes, or both")
    if "strokes" not in given:
        return ()
    try:
        return parse_strokes(drawing.strokes)
    except ValueError as error:
        raise BadRequest(f"{where}.strokes: {error}") from error


def _length(strokes: Strokes) -> float:
    """How far the pen went, in drawing units."""
    ways = [np.diff(np.array(stroke.points, float), axis=0) for stroke in strokes]
    return float(sum(np.hypot(way[:, 0], way[:, 1]).sum() for way in ways))


@contextlib.contextmanager
def _saying(where: str) -> Iterator[None]:
    try:
        yield
    except ImageError as error:
        raise type(error)(f"{where}: {error}") from error


def _layer(text: str) -> Layer:
    try:
        return Layer.from_text(text)
    except ConfigError as error:
        raise BadRequest(f"the field layer: {error}") from error


def _adaptable(recognizer: DigitReader) -> Adaptable:
    if not isinstance(recognizer, Adaptable):
        raise CannotAdapt("what reads on this server learns nothing")
    return recognizer

"""Corrections over HTTP: a drawing is handed in with consent, and deleted again with its receipt."""

from typing import Any, Final

import numpy as np
from flask import Blueprint, Request, Response, request
from numpy.typing import NDArray
from PIL import Image
from werkzeug.exceptions import BadRequest

from inkdigit.drawing import Strokes, draw, painting_cost, parse_strokes
from inkdigit.errors import BlankImageError
from inkdigit.feedback import Submission
from inkdigit.image import Ink, decode_data_url, encode_png, read_picture
from inkdigit.server.problems import ConsentRequired
from inkdigit.server.reading import read_json, validated
from inkdigit.server.schemas import IdempotencyKey, ReceiptAnswer, SubmissionBody
from inkdigit.server.state import current_state

FEEDBACK_PATH: Final = "/api/v1/feedback"
SIDE: Final = 280  # pixels, the longest side of a picture that is kept
MARGIN: Final = 28  # pixels of paper around it, at least
MAX_PAINTING: Final = 24_000_000  # pixels looked at, about a second; a large digit in the widest pen has 7 million
FAINT: Final = 12  # levels of ink; less does not tell where the drawing ends

feedback = Blueprint("feedback", __name__)


@feedback.post(FEEDBACK_PATH)
def submit() -> Response:
    """Keep a drawing."""
    keeping = current_state().keeping()
    key, submission = read_key(request), read_submission(read_json(request))
    with keeping.store() as store:
        receipt = store.add(submission, key=key)
        keeping.purge(store)
    return Response(ReceiptAnswer(receipt=receipt).model_dump_json(), 201, mimetype="application/json")


@feedback.delete(f"{FEEDBACK_PATH}/<receipt>")
def withdraw(receipt: str) -> Response:
    """Delete a drawing; whether there was one is nobody's business."""
    with current_state().keeping().store() as store:
        store.delete(receipt)
    return Response(status=204)


def read_key(request: Request) -> str | None:
    """The header by which a submission sent twice is kept once.

    Raises:
        BadRequest: it is empty, too long, or has other characters than ASCII's visible ones.
    """
    given = request.headers.getlist("Idempotency-Key")
    if not given:
        return None
    return validated(IdempotencyKey, {"Idempotency-Key": given[0] if len(given) == 1 else given}).key


def read_submission(body: Any) -> Submission:
    """A drawing as it came in, checked and in our own encoding.

    Raises:
        ConsentRequired: whoever drew it did not agree to its being kept; nothing else of it is looked at.
        BadRequest: something is missing, unknown or out of its range.
        ImageError: the picture cannot be read, or there is no ink on it.
    """
    if isinstance(body, dict) and body.get("consent") in (None, False):
        raise ConsentRequired('a drawing is kept only if whoever drew it agrees; send "consent": true once they do')
    given = validated(SubmissionBody, body)
    strokes = read_strokes(given.strokes) if given.strokes else None
    return Submission(
        label=given.label,
        predicted=given.predicted,
        confidence=given.confidence,
        model=given.model,
        image=encode_drawing(_ink_of(given, strokes)),
        strokes=strokes,
        writer=given.writer,
    )


def read_strokes(data: list[Any]) -> Strokes:
    """Strokes as they came in.

    Raises:
        BadRequest: they are none, or too many.
    """
    try:
        return parse_strokes(data)
    except ValueError as error:
        raise BadRequest(f"the field strokes: {error}") from error


def encode_drawing(ink: Ink) -> bytes:
    """A drawing as it is kept: a greyscale PNG of at most 280x280, black ink on white.

    Of a larger picture the paper around the ink is left out first, for a digit may be small on it.

    Raises:
        BlankImageError: there is no ink on it.
    """
    if max(ink.shape) > SIDE:
        ink = _without_margins(ink)
    image = Image.fromarray(ink)
    image.thumbnail((SIDE, SIDE), Image.Resampling.BOX)
    kept = np.asarray(image, np.float32)
    if not kept.any():
        raise BlankImageError("the picture is blank; draw a digit on it")
    return encode_png(np.float32(1) - kept / np.float32(255))


def _without_margins(ink: Ink) -> Ink:
    inked = ink >= FAINT
    rows, columns = (slice(*_ends(np.asarray(inked.any(axis=axis)))) for axis in (1, 0))
    return ink[rows, columns] if inked.any() else ink


def _ends(inked: NDArray[np.bool_]) -> tuple[int, int]:
    """From where to where there is ink along a side, and a margin around it."""
    places = np.flatnonzero(inked).tolist() or [0]
    margin = max(MARGIN, (places[-1] - places[0]) // 10)
    return max(places[0] - margin, 0), places[-1] + margin + 1


def _ink_of(given: SubmissionBody, strokes: Strokes | None) -> Ink:
    if "image" in given.model_fields_set:
        return read_picture(decode_data_url(given.image)).ink
    if strokes is None:
        raise BadRequest("send the drawing: its picture in the field image, its strokes in strokes, or both")
    if painting_cost(strokes) > MAX_PAINTING:
        raise BadRequest("the field strokes: there is too much of them to be painted; send the picture along")
    return draw(strokes)

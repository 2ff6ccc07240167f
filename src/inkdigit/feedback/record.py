"""A drawing with what its writer says it is: handed in (`Submission`), and as the store gives it back (`Kept`)."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, Final

from inkdigit.drawing import Stroke, Strokes

Label = int | None
"""A digit from 0 to 9, or None for what is not a digit."""

ANONYMOUS: Final = "anonymous"
"""The source that all drawings without a writer share."""


class Status(StrEnum):
    """Where a drawing stands in review."""

    NEW = "new"
    ACCEPTED = "accepted"
    REJECTED = "rejected"


@dataclass(frozen=True, slots=True)
class Submission:
    """What a person hands in; the caller has checked it.

    Attributes:
        label: what the writer says it is.
        predicted: what the model said.
        confidence: how sure the model was, from 0 to 1, where that is known.
        model: the version that said so.
        image: our own encoding of the picture: a greyscale PNG of at most 280x280, black ink on white.
        strokes: the pen's way, where the drawing was made on the page.
        writer: a random token that stands for one browser; never an address or a cookie. The store keeps its hash.
    """

    label: Label
    predicted: Label
    confidence: float | None
    model: str
    image: bytes
    strokes: Strokes | None = None
    writer: str | None = None


@dataclass(frozen=True, slots=True)
class Kept:
    """A drawing of the store: a submission, and what became of it.

    Attributes:
        id: grows with every drawing, and is never used again.
        created: when it was handed in, by this computer's clock (UTC); the order of drawings is that of `id`.
        label: what the writer says it is.
        predicted: what the model said.
        confidence: how sure the model was, from 0 to 1, where that is known.
        model: the version that said so.
        image: greyscale PNG of at most 280x280, black ink on white.
        strokes: the pen's way, where it is known.
        source: one for each writer, and says nothing about them; "anonymous" for all who left no token.
        status: of the review.
        truth: the writer's label, or what the review made of it.
    """

    id: int
    created: datetime
    label: Label
    predicted: Label
    confidence: float | None
    model: str
    image: bytes
    strokes: Strokes | None
    source: str
    status: Status
    truth: Label


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a review says of a drawing: whether it is accepted, and what it shows."""

    status: Status
    truth: Label


def strokes_as_json(strokes: Strokes | None) -> list[dict[str, Any]] | None:
    """Strokes as they are written down: for each its width and its points."""
    return None if strokes is None else [{"width": stroke.width, "points": stroke.points} for stroke in strokes]


def strokes_of(written: Sequence[dict[str, Any]] | None) -> Strokes | None:
    """The strokes that `strokes_as_json` wrote."""
    if written is None:
        return None
    return tuple(Stroke(stroke["width"], tuple((x, y) for x, y in stroke["points"])) for stroke in written)

"""The shapes of requests and answers; the OpenAPI document is generated from them."""

from collections.abc import Mapping
from typing import Annotated, Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field

from inkdigit.image import Polarity
from inkdigit.recognizer import Prediction

ProblemType = Literal[
    "blank-image",
    "unreadable-image",
    "image-too-large",
    "unsupported-format",
    "body-too-large",
    "bad-request",
    "bad-host",
    "cross-site-request",
    "not-found",
    "method-not-allowed",
    "not-acceptable",
    "headers-too-large",
    "internal-error",
    "about:blank",
]

SEVEN: Final = (
    "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAABwAAAAcAQAAAABaduI5AAAAQUlEQVR42mP8z8DwkYmBgYEBg2DkYG"
    "BiYPgD4bIw/D8Bl4WyGP7/l/8AFfuvAJP95wCT/fEfJvsTbugnKIsRi70AFIAS5BuTH1cAAAAASUVORK5CYII="
)
"""A seven that the documents show, and that can be posted as it stands."""

Probability = Annotated[float, Field(ge=0, le=1)]
DataUrl = Annotated[
    str,
    Field(
        json_schema_extra={"format": "image-data-url"},
        examples=[SEVEN],
        description="A PNG, JPEG or WebP picture as a base64 data URL.",
    ),
]


class _Schema(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class PredictRequest(_Schema):
    """A picture of one digit."""

    image: DataUrl


class PredictQuery(_Schema):
    """What the answer holds besides the digit."""

    model_config = ConfigDict(extra="ignore")  # links gather parameters of others on their way

    include: Literal["input"] | None = None


class PredictForm(_Schema):
    """A form with the picture as a file."""

    image: Annotated[
        str,
        Field(
            json_schema_extra={"format": "binary", "contentMediaType": "application/octet-stream"},
            description="A PNG, JPEG or WebP file.",
        ),
    ]


class PredictAnswer(_Schema):
    """What the picture was read as."""

    label: Annotated[int, Field(ge=0, le=9, description="The most probable digit.", examples=[7])]
    confidence: Annotated[Probability, Field(description="Its probability.", examples=[0.998])]
    is_digit: Annotated[bool, Field(description="Whether the model takes the ink for a digit at all.")]
    probabilities: Annotated[
        list[Probability],
        Field(
            min_length=10,
            max_length=10,
            description="Of the digits 0 to 9, of sum 1.",
            examples=[[0.0, 0.001, 0.0, 0.0, 0.0, 0.0, 0.0, 0.998, 0.0, 0.001]],
        ),
    ]
    model: Annotated[str, Field(description="The version of the model that answered.")]

    @classmethod
    def of(cls, prediction: Prediction, model: str) -> "PredictAnswer":
        """The answer that tells a prediction."""
        return cls(
            label=prediction.label,
            confidence=prediction.confidence,
            is_digit=prediction.is_digit,
            probabilities=list(prediction.probabilities),
            model=model,
        )


class PredictAnswerWithInput(PredictAnswer):
    """The answer, with what the model saw."""

    input: Annotated[DataUrl, Field(description="The 28x28 that the model saw, white ink on black, as a PNG data URL.")]
    polarity: Annotated[Polarity, Field(description="How the ink stood on the paper.")]


class ModelAnswer(_Schema):
    """The model that answers."""

    version: str
    card: Annotated[Mapping[str, Any], Field(description="The model's card: how it was trained and how well it reads.")]


class HealthAnswer(_Schema):
    """Whether the server lives, or takes new requests."""

    status: Literal["ok", "draining"]


class Problem(_Schema):
    """What went wrong, as RFC 9457 problem details."""

    type: Annotated[ProblemType, Field(description="A stable name to branch on.")]
    title: Annotated[str, Field(description="The kind of problem, the same for every case of a type.")]
    status: Annotated[int, Field(ge=400, le=599)]
    detail: Annotated[str, Field(description="This case, and what to do about it.")]

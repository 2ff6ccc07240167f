"""The shapes of requests and answers; the OpenAPI document is generated from them."""

from collections.abc import Mapping
from typing import Annotated, Any, Final, Literal, Self

from pydantic import BaseModel, ConfigDict, Field

from inkdigit.batch import is_accepted
from inkdigit.image import Polarity
from inkdigit.recognizer import Prediction

ProblemType = Literal[
    "blank-image",
    "no-reading",
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
    "missing-extra",
    "missing-reader",
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


class PictureBody(_Schema):
    """A picture."""

    image: DataUrl


Extra = Literal["input", "explanation"]


class PredictQuery(_Schema):
    """What the answer holds besides the digit, and from where on it is accepted."""

    model_config = ConfigDict(extra="ignore", strict=False)  # links gather parameters of others on their way

    include: Annotated[
        frozenset[Extra],
        Field(
            description="`input` adds the 28x28 that the model saw, `explanation` what it looked at. Both: "
            "`include=input,explanation`, or the parameter twice."
        ),
    ] = frozenset()
    min_confidence: Annotated[
        Probability, Field(description="An answer that is less sure than this is not accepted.", allow_inf_nan=False)
    ] = 0.0


class PictureForm(_Schema):
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
    not_digit: Annotated[Probability, Field(description="How probable it is that the ink is no digit.", examples=[0.0])]
    accepted: Annotated[
        bool, Field(description="Whether it is a digit, and `confidence` at least the query's `min_confidence`.")
    ]
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
    def of(cls, prediction: Prediction, model: str, min_confidence: float, **extras: Any) -> Self:
        """The answer that tells a prediction, with the further fields of this class."""
        return cls(
            label=prediction.label,
            confidence=prediction.confidence,
            is_digit=prediction.is_digit,
            not_digit=prediction.not_digit,
            accepted=is_accepted(prediction, min_confidence),
            probabilities=list(prediction.probabilities),
            model=model,
            **extras,
        )


class PredictAnswerWithInput(PredictAnswer):
    """The answer, with what the model saw."""

    input: Annotated[DataUrl, Field(description="The 28x28 that the model saw, white ink on black, as a PNG data URL.")]
    polarity: Annotated[Polarity, Field(description="How the ink stood on the paper.")]


class PlaceAnswer(_Schema):
    """A square on the posted picture, in pixels of the picture held upright; it may jut out."""

    left: float
    top: float
    side: Annotated[float, Field(gt=0)]


class PredictAnswerWithExplanation(PredictAnswer):
    """The answer, with what the model looked at."""

    explanation: Annotated[
        DataUrl,
        Field(
            description="The ink of the 28x28 as a PNG data URL, coloured: orange speaks for the label, blue against "
            "it, grey does neither; paper is transparent."
        ),
    ]
    place: Annotated[PlaceAnswer, Field(description="Where on the picture the 28x28 lies.")]


class PredictAnswerWithBoth(PredictAnswerWithExplanation, PredictAnswerWithInput):
    """The answer, with what the model saw and what it looked at."""


class ReadQuery(_Schema):
    """What is known of the numbers beforehand."""

    model_config = ConfigDict(extra="ignore", strict=False)

    expect: Annotated[
        str | None,
        Field(
            json_schema_extra={"format": "expectation"},
            examples=["length=4", "range=1..500; decimals=2"],
            description="What every number must be, in rules with `;` between them, such as `length=4`. The likeliest "
            "reading that satisfies all of them is answered.",
        ),
    ] = None


Sign = Literal[".", ",", "-", "/", ":", "="]
Corner = Annotated[int, Field(ge=0)]
PixelBox = Annotated[
    list[Corner],
    Field(
        min_length=4,
        max_length=4,
        description="Left, top, width and height in pixels of the picture, held upright.",
        examples=[[120, 84, 96, 40]],
    ),
]
Digit = Annotated[int, Field(ge=0, le=9)]


class AlternativeAnswer(_Schema):
    """What else a character may be."""

    label: Annotated[
        Digit | Sign | Literal[""],
        Field(description="A digit as a number, a sign as text; empty if perhaps no character stands there."),
    ]
    confidence: Annotated[Probability, Field(description="Its probability.", examples=[0.01])]


class CharacterAnswer(_Schema):
    """One character of a number."""

    label: Annotated[Digit | Sign, Field(description="A digit as a number, a sign as text.", examples=[4])]
    confidence: Annotated[Probability, Field(description="The probability that it is right.", examples=[0.99])]
    box: PixelBox
    doubtful: Annotated[bool, Field(description="Whether a person should look at it.")]
    alternatives: Annotated[list[AlternativeAnswer], Field(description="What else it may be, the likeliest first.")]


class RepairedAnswer(CharacterAnswer):
    """A character that `expect` changed."""

    repaired_from: Annotated[
        Digit | Sign | Literal[""], Field(description="What would have been read without `expect`.", examples=[9])
    ]


class NumberAnswer(_Schema):
    """One number on the picture."""

    text: Annotated[str, Field(description="As it is written: digits and signs.", examples=["4007"])]
    value: Annotated[
        int | float | None, Field(description="Its value; null for what is no plain number.", examples=[4007])
    ]
    confidence: Annotated[
        Probability, Field(description="The probability that the whole text is right.", examples=[0.93])
    ]
    box: PixelBox
    digits: Annotated[
        list[RepairedAnswer | CharacterAnswer],
        Field(description="One for each character of the text, from left to right; signs too."),
    ]


class ReadAnswer(_Schema):
    """The numbers on the picture."""

    numbers: Annotated[list[NumberAnswer], Field(description="In reading order; none where the picture shows none.")]
    model: Annotated[str, Field(description="The version of the model that read them.")]


class ModelAnswer(_Schema):
    """The models that answer."""

    version: str
    card: Annotated[Mapping[str, Any], Field(description="The model's card: how it was trained and how well it reads.")]
    reader: Annotated[
        str | None, Field(description="The version of the model that reads whole numbers; null if there is none.")
    ]


class HealthAnswer(_Schema):
    """Whether the server lives, or takes new requests."""

    status: Literal["ok", "draining"]


class Problem(_Schema):
    """What went wrong, as RFC 9457 problem details."""

    type: Annotated[ProblemType, Field(description="A stable name to branch on.")]
    title: Annotated[str, Field(description="The kind of problem, the same for every case of a type.")]
    status: Annotated[int, Field(ge=400, le=599)]
    detail: Annotated[str, Field(description="This case, and what to do about it.")]

"""The shapes of requests and answers; the OpenAPI document is generated from them."""

from collections.abc import Mapping
from typing import Annotated, Any, Final, Literal, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from inkdigit.adapt import MAX_EXAMPLES, MAX_TEXT
from inkdigit.batch import is_accepted
from inkdigit.drawing import HIGH, LOW, MAX_STROKES, MAX_WIDTH, MIN_WIDTH
from inkdigit.image import Polarity
from inkdigit.recognizer import Prediction
from inkdigit.server.judging import Standing

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
    "unknown-transfer-coding",
    "too-many-requests",
    "overloaded",
    "internal-error",
    "missing-extra",
    "missing-reader",
    "consent-required",
    "idempotency-conflict",
    "store-unavailable",
    "missing-store",
    "cannot-adapt",
    "admin-key-required",
    "admin-key-unset",
    "key-required",
    "scope-missing",
    "keys-unavailable",
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


def _layer_may_be_absent(schema: dict[str, Any]) -> None:
    schema["properties"]["layer"].pop("default", None)
    schema["examples"] = [{"image": SEVEN}]  # else tools would make up a layer to try it with


class PredictBody(PictureBody):
    """A picture, and perhaps what was learnt of the hand that drew it."""

    model_config = ConfigDict(json_schema_extra=_layer_may_be_absent)

    layer: Annotated[
        str | None,
        Field(
            max_length=MAX_TEXT,
            json_schema_extra={"format": "layer"},
            description="From `adapt`. One that was learnt on another model than answers now has no say.",
        ),
    ] = None


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
    adapted: Annotated[
        bool, Field(description="Only where a layer was sent along: whether it had its say.", examples=[True])
    ] = False

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


# --- corrections


def _whole(value: object) -> object:
    """JSON knows no difference between 7 and 7.0."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


GivenDigit = Annotated[Digit | None, BeforeValidator(_whole)]
OptionalDigit = Annotated[Digit | None, Field(description="0 to 9, or null for what is not a digit.")]
_COORDINATE: Final = {"type": "number", "minimum": LOW, "maximum": HIGH}
_POINTS: Final = {
    "type": "array",
    "minItems": 1,
    "items": {"type": "array", "minItems": 2, "maxItems": 2, "items": _COORDINATE},
}
_PEN: Final = {
    "type": "object",
    "properties": {"width": {"type": "number", "minimum": MIN_WIDTH, "maximum": MAX_WIDTH}, "points": _POINTS},
    "required": ["points"],
    "additionalProperties": False,
}
DrawnStrokes = Annotated[
    list[Any],  # `parse_strokes` looks into it, and says where it is at fault
    Field(
        min_length=1,
        max_length=MAX_STROKES,
        json_schema_extra={"items": {"anyOf": [_POINTS, _PEN]}},
        examples=[[[[80, 70], [200, 70], [130, 230]]]],
        description="What a pen wrote: strokes of points [x, y] on paper 280 units high, y downwards; or objects with "
        "such `points` and the pen's `width`.",
    ),
]


def _without_defaults(schema: dict[str, Any]) -> None:
    for field in schema["properties"].values():
        field.pop("default", None)
    schema["anyOf"] = [{"required": ["image"]}, {"required": ["strokes"]}]


class LabelledDrawing(_Schema):
    """A drawing and the digit that it shows: with `image`, with `strokes`, or with both; the picture counts then."""

    model_config = ConfigDict(json_schema_extra=_without_defaults)

    image: DataUrl = ""
    strokes: DrawnStrokes = []
    label: Annotated[Digit, BeforeValidator(_whole), Field(description="The digit that it shows.", examples=[7])]


class AdaptBody(_Schema):
    """Drawings of one hand: those that were misread, and others that were read right."""

    drawings: Annotated[list[LabelledDrawing], Field(min_length=1, max_length=MAX_EXAMPLES)]


class AdaptAnswer(_Schema):
    """What was learnt of a hand; the server keeps none of it."""

    layer: Annotated[
        str,
        Field(
            max_length=MAX_TEXT,
            pattern=r"^[A-Za-z0-9_-]+$",
            description="Send it along with every picture that this hand drew.",
        ),
    ]
    used: Annotated[
        bool,
        Field(description="Whether it changes answers: it helped on drawings left out, and cost next to nothing."),
    ]
    corrections: Annotated[int, Field(ge=0, description="Drawings that it was learnt from.", examples=[12])]
    errors_before: Annotated[int, Field(ge=0, description="How many of them the model alone reads wrong.")]
    errors_after: Annotated[
        int,
        Field(ge=0, description="How many are read wrong with what the others teach, each left out in turn."),
    ]
    model: Annotated[str, Field(description="The version that it belongs to.")]


class SubmissionBody(_Schema):
    """A drawing, what it shows, and the consent to keep it: with `image`, with `strokes`, or with both."""

    model_config = ConfigDict(json_schema_extra=_without_defaults)

    image: DataUrl = ""
    strokes: DrawnStrokes = []
    label: Annotated[GivenDigit, Field(description="What it shows: 0 to 9, or null for what is not a digit.")]
    predicted: Annotated[GivenDigit, Field(description="What it was read as; null for what was read as no digit.")]
    confidence: Annotated[Probability | None, Field(description="How sure that reading was.")] = None
    model: Annotated[str, Field(pattern=r"^[A-Za-z0-9._+-]{1,100}$", description="The version that read it.")]
    consent: Annotated[
        bool, Field(json_schema_extra={"const": True}, description="That whoever drew it agrees to its being kept.")
    ]
    writer: Annotated[
        str | None,
        Field(
            pattern=r"^[A-Za-z0-9_-]{16,64}$",
            description="A random text that stands for one browser, so that no writer gets too much weight. Its hash "
            "is kept.",
        ),
    ] = None


class IdempotencyKey(_Schema):
    """The header by which the same submission, sent twice, is kept once."""

    key: Annotated[
        str,
        Field(
            alias="Idempotency-Key",
            pattern=r"^[!-~]{1,255}$",
            description="Random text, new for each drawing: a submission that is sent again under the same key is kept "
            "once, and its receipt is the same.",
        ),
    ]


class ReceiptAnswer(_Schema):
    """That the drawing is kept."""

    receipt: Annotated[str, Field(description="With it, and with nothing else, the drawing can be deleted again.")]


# --- review

StatusName = Literal["new", "accepted", "rejected"]
Order = Literal["newest", "valuable"]
ClassName = Literal["any", "0", "1", "2", "3", "4", "5", "6", "7", "8", "9", "none"]
MAX_ID: Final = 2**31 - 1
DrawingId = Annotated[int, Field(ge=1, le=MAX_ID)]
Count = Annotated[int, Field(ge=0)]


class CountsAnswer(_Schema):
    """How many drawings are kept, by status."""

    new: Count
    accepted: Count
    rejected: Count


class ReviewQuery(_Schema):
    """Which drawings, in which order, and from where on."""

    model_config = ConfigDict(extra="ignore", strict=False)

    status: Annotated[
        Literal["new", "accepted", "rejected", "all"], Field(description="Only drawings of this status.")
    ] = "new"
    order: Annotated[
        Order,
        Field(description="`newest` first; or the most `valuable`: those whose label surprises the model most."),
    ] = "newest"
    truth: Annotated[ClassName, Field(description="Only drawings of this digit, or of `none`.")] = "any"
    reading: Annotated[ClassName, Field(description="Only drawings that the model reads as this.")] = "any"
    limit: Annotated[int, Field(ge=1, le=200, description="At most so many.")] = 60
    after: Annotated[str, Field(pattern=r"^[0-9]{1,5}-[0-9]{1,10}$", description="The `next` of the page before.")] = ""


class DrawingReading(_Schema):
    """What the model that serves now makes of a drawing."""

    label: OptionalDigit
    confidence: Annotated[Probability, Field(description="The probability of that.")]
    of_truth: Annotated[Probability, Field(description="The probability of what the drawing is said to be.")]
    surprise: Annotated[float, Field(ge=0, le=20, description="The same in bits: 0 where the model was sure of it.")]
    standing: Annotated[
        Standing,
        Field(
            description="Whether the model agrees; agrees but is doubtful (under 0.9); disagrees; or takes another "
            "reading for a hundred times as likely, so that the label is probably wrong."
        ),
    ]
    shares: Annotated[
        list[Probability],
        Field(
            min_length=11,
            max_length=11,
            description="Of the digits 0 to 9, then of no digit: what `of_truth` is with each as the truth.",
        ),
    ]
    standings: Annotated[
        list[Standing], Field(min_length=11, max_length=11, description="The same for `standing`, in this order.")
    ]


class DrawingAnswer(_Schema):
    """A drawing under review."""

    id: DrawingId
    created: Annotated[str, Field(json_schema_extra={"format": "date-time"})]
    status: StatusName
    label: Annotated[Digit | None, Field(description="What was handed in with it.")]
    truth: Annotated[Digit | None, Field(description="What it is, by the review; the label before that.")]
    predicted: Annotated[Digit | None, Field(description="What it was read as when it was drawn.")]
    model: Annotated[str, Field(description="The version that read it then.")]
    source: Annotated[str, Field(description="The same for all drawings of one writer.")]
    image: DataUrl
    reading: DrawingReading


class ReviewAnswer(_Schema):
    """A page of drawings."""

    drawings: list[DrawingAnswer]
    next: Annotated[str | None, Field(description="`after` of the next page; null on the last one.")]
    unread: Annotated[
        Count,
        Field(description="Drawings that the model has yet to read before they can be put in order: ask again."),
    ]
    matching: Annotated[Count, Field(description="Drawings in all that were asked for; of the newest 5,000.")]
    counts: CountsAnswer
    model: str


class VerdictBody(_Schema):
    """What becomes of one drawing."""

    id: Annotated[DrawingId, BeforeValidator(_whole)]
    status: StatusName
    truth: Annotated[GivenDigit, Field(description="What it shows: 0 to 9, or null for what is not a digit.")]


class VerdictsBody(_Schema):
    """One step of the review."""

    verdicts: Annotated[
        list[VerdictBody], Field(min_length=1, max_length=500, description="Of two on one drawing, the latter counts.")
    ]


class _ChangedAnswer(_Schema):
    changed: Annotated[Count, Field(description="How many drawings it changed.")]
    counts: CountsAnswer


class ReviewedAnswer(_ChangedAnswer):
    """That a step is done."""

    missing: Annotated[list[DrawingId], Field(description="Those that are gone: their writers deleted them.")]


class StandingAnswer(_Schema):
    """How a drawing stands."""

    id: DrawingId
    status: StatusName
    truth: OptionalDigit


class UndoneAnswer(_ChangedAnswer):
    """That the last step is taken back."""

    drawings: Annotated[list[StandingAnswer], Field(description="How those that it changed stand again.")]


class ClassAnswer(CountsAnswer):
    """How many drawings of one class are kept."""

    truth: OptionalDigit


class ExampleAnswer(_Schema):
    """A drawing to show."""

    id: DrawingId
    image: DataUrl


class ErrorAnswer(_Schema):
    """Drawings of one class that the model reads as another."""

    truth: OptionalDigit
    reading: OptionalDigit
    count: Annotated[int, Field(ge=1)]
    examples: list[ExampleAnswer]


class WeekAnswer(_Schema):
    """The drawings of one week, Monday to Sunday in UTC."""

    monday: Annotated[str, Field(json_schema_extra={"format": "date"})]
    drawings: Annotated[int, Field(ge=1)]
    low: Annotated[Probability, Field(description="A tenth of the confidences of the model are lower.")]
    median: Annotated[Probability, Field(description="Half of them are.")]
    high: Annotated[Probability, Field(description="Nine tenths of them are.")]
    told: Annotated[
        Probability | None, Field(description="The median of what was told when they were drawn; null if none was.")
    ]
    agreed: Annotated[Probability, Field(description="The share that was then read as what it is labelled.")]


class StatisticsAnswer(_Schema):
    """What is drawn, and how it is read; all but the counts of the newest 5,000."""

    model: str
    counts: CountsAnswer
    considered: Annotated[Count, Field(description="Drawings that the rest is of.")]
    unread: Annotated[Count, Field(description="Drawings among them that the model has yet to read: ask again.")]
    classes: Annotated[list[ClassAnswer], Field(description="The digits 0 to 9, and what is none.")]
    confusion: Annotated[
        list[list[Count]],
        Field(description="How many of each class (row) are read as each (column), without those rejected."),
    ]
    errors: Annotated[list[ErrorAnswer], Field(description="The most frequent first.")]
    weeks: Annotated[list[WeekAnswer], Field(description="The oldest first.")]


class RecordAnswer(_Schema):
    """What all counts stood at when a slot of time began."""

    slot: Annotated[int, Field(description="The number of the slot: seconds since 1970 over `slot_seconds`.")]
    status: Annotated[dict[str, float], Field(description="Answers, by the class of their status, as in 2xx.")]
    type: Annotated[dict[str, float], Field(description="Problems, by their type.")]
    label: Annotated[dict[str, float], Field(description="Digits read, by what as; none for what is no digit.")]
    times: Annotated[dict[str, float], Field(description="Answers to pictures within so many seconds.")]
    confidences: Annotated[dict[str, float], Field(description="Digits read with a confidence up to this.")]


class StatusAnswer(_Schema):
    """How the server fares."""

    slot_seconds: float
    records: Annotated[list[RecordAnswer], Field(description="Of the last hour, the oldest first; the last is of now.")]
    models: Annotated[list[dict[str, str]], Field(description="The models that answer now.")]
    refused: Annotated[list[str], Field(description="What of is read by an older version than was promoted.")]


class Problem(_Schema):
    """What went wrong, as RFC 9457 problem details."""

    type: Annotated[ProblemType, Field(description="A stable name to branch on.")]
    title: Annotated[str, Field(description="The kind of problem, the same for every case of a type.")]
    status: Annotated[int, Field(ge=400, le=599)]
    detail: Annotated[str, Field(description="This case, and what to do about it.")]
    request_id: Annotated[
        str, Field(description="What the log calls the request; the header X-Request-ID says it, too.")
    ]

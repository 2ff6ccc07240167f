"""What a reading is made of: numbers, their characters, their boxes and what else they may be."""

from dataclasses import dataclass

SIGNS = ".,-/:="  # that stand in numbers beside the digits
LABELS = "0123456789" + SIGNS  # the classes of a reader's network from 1 on; 0 is "nothing here"
DOUBTFUL_BELOW = 0.9  # confidence of a character


@dataclass(frozen=True, slots=True)
class Box:
    """A rectangle in pixels of the picture as it was given: left, top, width and height, x to the right, y down."""

    x: int
    y: int
    width: int
    height: int


@dataclass(frozen=True, slots=True)
class Alternative:
    """Another character that may stand in the same place.

    Attributes:
        label: a digit or one of `SIGNS`; "" where perhaps no character stands there at all.
        confidence: its probability, in [0, 1].
    """

    label: str
    confidence: float


@dataclass(frozen=True, slots=True)
class Character:
    """One character of a number.

    Attributes:
        label: "0" to "9", or one of `SIGNS`.
        confidence: the probability that this character is right, in [0, 1].
        box: where it stands.
        alternatives: what else it may be, the likeliest first.
        repaired_from: what was read there before an expectation called for `label`; None where nothing was changed.
    """

    label: str
    confidence: float
    box: Box
    alternatives: tuple[Alternative, ...] = ()
    repaired_from: str | None = None

    @property
    def doubtful(self) -> bool:
        """Whether a reader should look at it again."""
        return self.confidence < DOUBTFUL_BELOW or self.repaired_from is not None


@dataclass(frozen=True, slots=True)
class Number:
    """One number on a picture.

    Attributes:
        text: as it is written: digits and `SIGNS`.
        confidence: the probability that the whole text is right, in [0, 1].
        box: round all of it.
        characters: one for each of the text's, from left to right.
    """

    text: str
    confidence: float
    box: Box
    characters: tuple[Character, ...]

    @property
    def value(self) -> int | float | None:
        """The number's value; None for what is no plain number, such as a date.

        A comma counts as a decimal point, and so does a point, but for groups of three digits behind each of several.

        >>> [value_of(text) for text in ("4007", "-12", "3.50", "3,5", "1.234.567", "12/03/2024", "1.")]
        [4007, -12, 3.5, 3.5, 1234567, None, 1]
        """
        return value_of(self.text)


def value_of(text: str) -> int | float | None:
    """The value of a number's text, or None; see `Number.value`."""
    sign, digits = (-1, text[1:]) if text.startswith("-") else (1, text)
    digits = digits.rstrip("-.,=")
    groups = digits.replace(",", ".").split(".")
    if not all(group.isdecimal() and group.isascii() for group in groups):
        return None
    if len(groups) == 1:
        return sign * int(digits)
    if len(groups) == 2:
        return sign * float(".".join(groups))
    return sign * int("".join(groups)) if all(len(group) == 3 for group in groups[1:]) else None

"""What the model of today makes of the drawings under review, and which of them a person should look at first."""

import math
import threading
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from inkdigit.errors import ImageError
from inkdigit.image import read_image
from inkdigit.preprocess import Normalized, normalize
from inkdigit.recognizer import CLASSES, Prediction

if TYPE_CHECKING:
    from inkdigit.feedback import Kept, Label

Standing = Literal["agrees", "doubtful", "disagrees", "mislabelled"]

AT_ONCE: Final = 1_000  # drawings read for one request, some two seconds of one core
REMEMBERED: Final = 20_000  # readings, of the newest drawings mostly; half a kilobyte each
SURE: Final = 0.9  # probability from which on the model does not doubt
MISLABELLED: Final = 100.0  # times as likely as the label is what the model reads instead
MAX_SURPRISE: Final = 20.0  # bits; what is less likely than one in a million is all the same
BLANK: Final = Prediction(0, 0.1, (0.1,) * 10, is_digit=False, not_digit=1.0)


class _Reader(Protocol):
    @property
    def version(self) -> str: ...

    def predict(self, images: NDArray[np.float32]) -> list[Prediction]: ...


@dataclass(frozen=True, slots=True)
class Judged:
    """A drawing, with what the model makes of it.

    Attributes:
        kept: the drawing.
        reading: what the model takes it for; None for no digit.
        shares: 11 probabilities, of the digits 0 to 9 and of no digit.
    """

    kept: "Kept"
    reading: "Label"
    shares: tuple[float, ...]

    @property
    def confidence(self) -> float:
        """The probability of the reading."""
        return self.shares[_place(self.reading)]

    @property
    def of_truth(self) -> float:
        """The probability of what the drawing is said to be."""
        return self.shares[_place(self.kept.truth)]

    @property
    def surprise(self) -> float:
        """The same in bits, 0 to 20, in thousandths: how much there is to learn, or how wrong the label is."""
        return round(min(-math.log2(max(self.of_truth, 1e-9)), MAX_SURPRISE), 3) + 0.0

    @property
    def standing(self) -> Standing:
        """Whether the model agrees with what the drawing is said to be, and how firmly."""
        return self.standings[_place(self.kept.truth)]

    @property
    def standings(self) -> tuple[Standing, ...]:
        """The same for each of the 11 things that it may be said to be."""
        return tuple(self._standing(place) for place in range(len(self.shares)))

    def _standing(self, place: int) -> Standing:
        if place != _place(self.reading):
            return "mislabelled" if self.confidence >= MISLABELLED * self.shares[place] else "disagrees"
        return "agrees" if self.confidence >= SURE else "doubtful"


class Judge:
    """Reads drawings, each once for each version of the model; shared by threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._version = ""
        self._known: dict[int, Prediction] = {}

    def judge(self, drawings: Sequence["Kept"], recognizer: _Reader) -> tuple[list[Judged], int]:
        """Judge drawings.

        Returns:
            Those that are judged, in their order; and how many are left to a next call, for only so many new ones are
            read at once.
        """
        with self._lock:
            known = self._known_to(recognizer.version)
            unknown = [kept for kept in drawings if kept.id not in known]
            known.update(_read(unknown[:AT_ONCE], recognizer))
            judged = [_judged(kept, known[kept.id]) for kept in drawings if kept.id in known]
            self._forget()
        return judged, len(drawings) - len(judged)

    def _known_to(self, version: str) -> dict[int, Prediction]:
        if version != self._version:
            self._version, self._known = version, {}
        return self._known

    def _forget(self) -> None:
        for id in list(self._known)[: max(0, len(self._known) - REMEMBERED)]:  # noqa: A001
            del self._known[id]


def _read(drawings: Iterable["Kept"], recognizer: _Reader) -> dict[int, Prediction]:
    images = {kept.id: image for kept in drawings if (image := _image_of(kept.image)) is not None}
    predictions = recognizer.predict(np.stack(list(images.values()))) if images else []
    return {kept.id: BLANK for kept in drawings} | dict(zip(images, predictions, strict=True))


def _image_of(png: bytes) -> Normalized | None:
    """None for what shows nothing, such as a blank picture out of an archive."""
    try:
        return normalize(read_image(png))
    except ImageError:
        return None


def _judged(kept: "Kept", prediction: Prediction) -> Judged:
    none = prediction.not_digit
    digits = [share - none / 10 for share in prediction.probabilities]  # without what "not a digit" shared out
    reading = prediction.label if prediction.is_digit else None
    return Judged(kept, reading, tuple(min(max(share, 0.0), 1.0) for share in (*digits, none)))


def _place(label: "Label") -> int:
    """Where a label stands among shares: no digit comes last."""
    return CLASSES if label is None else label

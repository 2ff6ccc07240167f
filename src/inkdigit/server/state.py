"""What a running application holds, and the little it asks of a recognizer."""

import threading
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Protocol, cast

import numpy as np
from flask import Flask, current_app, g
from numpy.typing import NDArray
from werkzeug.exceptions import NotImplemented as NotProvided

from inkdigit.config import Settings
from inkdigit.pages import NumberReader
from inkdigit.recognizer import Prediction
from inkdigit.server.judging import Judge
from inkdigit.server.keeping import Keeping
from inkdigit.server.keyring import KeyRing
from inkdigit.server.limits import Limits
from inkdigit.server.models import Follower
from inkdigit.server.observing import Watch
from inkdigit.server.problems import NoStore

EXTENSION = "inkdigit"


class DigitReader(Protocol):
    """What the server needs of a recognizer; `inkdigit.Recognizer` is one."""

    @property
    def version(self) -> str:
        """The model's name."""

    @property
    def card(self) -> Mapping[str, Any]:
        """The model's card."""

    def predict(self, images: NDArray[np.float32]) -> list[Prediction]:
        """Read (N, 28, 28) float32 in [0, 1], white ink on black."""

    def classify(self, images: NDArray[np.float32]) -> NDArray[np.float32]:
        """Probabilities (N, C) of the network's classes, the digits 0 to 9 first, of the same pictures."""


@dataclass(frozen=True, slots=True)
class Models:
    """What changes the models under way, where no version was asked for by name."""

    digits: Follower[DigitReader] | None = None
    lines: Follower[NumberReader] | None = None

    def glance(self) -> None:
        """Ask the same if that was not done a moment ago, for nobody may be asking anything."""
        for follower in (self.digits, self.lines):
            if follower is not None:
                follower.now()

    def look(self) -> None:
        """Ask whether another version is to answer from now on; from a signal handler, too."""
        for follower in (self.digits, self.lines):
            if follower is not None:
                follower.look()


@dataclass(frozen=True, slots=True)
class State:
    """One application's parts, made by `create_app` and shared by its threads."""

    recognizer: DigitReader
    settings: Settings
    reader: NumberReader | None = None
    feedback: Keeping | None = None
    judge: Judge = field(default_factory=Judge)
    models: Models = field(default_factory=Models)
    limits: Limits = field(default_factory=lambda: Limits({}))
    keys: KeyRing = field(default_factory=KeyRing)
    watch: Watch = field(default_factory=Watch)
    draining: threading.Event = field(default_factory=threading.Event)

    def at_this_moment(self) -> "State":
        """The same parts, with the versions that answer now."""
        digits, lines = self.models.digits, self.models.lines
        if digits is None and lines is None:
            return self
        return replace(
            self,
            recognizer=self.digit_reader(),
            reader=self.reader if lines is None else lines.now(),
        )

    def digit_reader(self) -> DigitReader:
        """What reads digits now."""
        return self.recognizer if self.models.digits is None else self.models.digits.now()

    def models_info(self) -> list[tuple[dict[str, str], float]]:
        """Which models answer now, as the labels of a metric."""
        now = self.at_this_moment()
        names = {"digits": now.recognizer.version} | ({} if now.reader is None else {"numbers": now.reader.version})
        return [({"reads": reads, "version": version}, 1.0) for reads, version in names.items()]

    def models_refused(self) -> list[tuple[dict[str, str], float]]:
        """Which models were promoted and are refused, as the labels of a metric."""
        followed = {"digits": self.models.digits, "numbers": self.models.lines}
        return [({"reads": reads}, float(one is not None and one.refuses)) for reads, one in followed.items()]

    def number_reader(self) -> NumberReader:
        """What reads whole numbers.

        Raises:
            NotProvided: this server was started without.
        """
        if self.reader is None:
            raise NotProvided("this server has no model that reads whole numbers; its start says why")
        return self.reader

    def keeping(self) -> Keeping:
        """What keeps corrections.

        Raises:
            NoStore: this server keeps none.
        """
        if self.feedback is None:
            raise NoStore("this server was started without a store of corrections; `inkdigit serve` has one")
        return self.feedback


def state_of(app: Flask) -> State:
    """The parts of an application made by `create_app`."""
    return cast(State, app.extensions[EXTENSION])


def current_state() -> State:
    """The parts of the application that handles the current request; while that lasts, no version changes."""
    found = g.get(EXTENSION)
    if found is None:
        found = g.setdefault(EXTENSION, state_of(current_app).at_this_moment())
    return cast(State, found)

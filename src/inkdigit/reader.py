"""A page or line of ink -> numbers, each character with its box, its confidence and what else it may be.

A network reads a whole line without dividing it. Then the recognizer of single digits looks at each character alone,
and so does a network that learnt on characters as they are cut from lines; all of them have a say. What is expected of
the number, if anything, chooses among what they think possible.
"""

import base64
import itertools
import json
import re
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from difflib import SequenceMatcher
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Self

import numpy as np
from numpy.typing import NDArray

from inkdigit.ctc import Classes, Logs, condensed, likelihoods, log_softmax, search, steps_of
from inkdigit.errors import BlankImageError, ModelError, NoReadingError
from inkdigit.expect import Choice, Expectation, Hypothesis, choose
from inkdigit.image import Ink, Page
from inkdigit.layout import Line, find_lines
from inkdigit.number import LABELS, SIGNS, Alternative, Box, Character, Number
from inkdigit.preprocess import LINE_HEIGHT, SIZE, Normalized, kind_of, lean, normalize, normalize_line
from inkdigit.recognizer import (
    CLASSES,
    Recognizer,
    find_model,
    read_further_network,
    read_sealed,
    start_session,
)
from inkdigit.segment import Piece, blanks, divide, is_apart

if TYPE_CHECKING:
    from onnxruntime import InferenceSession

LINE_VERSION: Final = 1  # stands in every reader's card: how a line is brought before the network
POINTER: Final = "current-reader"  # file that names the shipped reader
CHARACTERS: Final = "characters.onnx"  # file of a reader: its network that looks at characters alone
CANARY_TOLERANCE: Final = 0.05  # of a logit, or of a probability

BEAMS: Final = 12  # texts that the search keeps
DIVISIONS: Final = 3  # numbers of characters that are looked at
LEAST_DIVISION: Final = 0.01  # of the likeliest text's probability, that a text of another length must have
LONGEST: Final = 40  # characters of which each is looked at alone; a longer line is no number
UNLIKELY: Final = float(np.log(1e-4))  # logarithm of a probability at any step of a character: it is not this one
FLOOR: Final = 1e-4  # probability that a look at one character never goes below: it may look at the wrong ink
MERE_STROKES: Final = "/,"  # signs that are a one, but for their size and place
SURE: Final = 0.92  # confidence of a whole text under which the line is looked at again
VIEWS: Final = ((-0.2, 1.0), (0.0, 0.86))  # as what: its lean, to the right per pixel upwards, and its width
SUREST: Final = 0.998  # confidence of a whole text, at most: of 1,004 readings with nothing else likely, 2 were wrong
SHOWN: Final = 0.005  # confidence from which on an alternative is told
GROUPED: Final = re.compile(r"-?[0-9]{1,3}( [0-9]{3})+([.,][0-9]+)?[-.,=]*")  # one number, its thousands apart


Opinion = tuple[NDArray[np.float64], float]  # (L, 16) what each character may be; that there are as many
Steps = Sequence[tuple[int, int]]  # at which each character of a text stands, from the first up to behind the last


class Reader:
    """A model that reads whole numbers, with the recognizer that looks at their digits.

    Safe to share between threads. `version` names the model, `card` is its card.json.

    Args:
        session: of the network that reads lines.
        card: what its card.json says.
        recognizer: of single digits.
        characters: of the network that looks at characters as they are cut from lines; older readers have none.
    """

    def __init__(
        self,
        session: "InferenceSession",
        card: Mapping[str, Any],
        recognizer: Recognizer,
        characters: "InferenceSession | None" = None,
    ) -> None:
        self._session = session
        self._input = session.get_inputs()[0].name
        self._recognizer = recognizer
        self._characters = characters
        self.card = card
        self.version = str(card["version"])
        self._temperature = float(card["temperature"])
        self._trust = Trust(**card["trust"])

    @classmethod
    def load(cls, model: str | Path | None = None, *, home: Path | None = None) -> Self:
        """Load a reader after checking its digests, its card and one known answer.

        Args:
            model: a model folder, or the name of a version; the shipped reader where it is None.
            home: folder that holds further versions, one folder each.

        Raises:
            ModelError: no such model, or it is damaged, of another kind, or gives another answer than its card says.
        """
        folder = find_model(model, home, POINTER)
        card, onnx, characters = read_reader_folder(folder)
        further = None if characters is None else start_session(characters, folder)
        reader = cls(start_session(onnx, folder), card, Recognizer.load(), further)
        reader._check_canary(folder)
        return reader

    def read(self, page: Page, expect: Expectation | None = None) -> list[Number]:
        """Read the numbers on a page.

        Args:
            page: (H, W) uint8, dark ink on light paper, as `inkdigit.read_page` makes it.
            expect: what each number must keep to.

        Returns:
            The numbers in reading order, boxes in pixels of the page; none where the page shows none.

        Raises:
            BlankImageError: the page holds no ink.
            NoReadingError: no likely reading of a number keeps to what was expected.
            MissingExtraError: a package of the extra `read` is not installed.
            ValueError: the page is no (H, W) array of uint8 with H, W >= 1, or the expectation is none.
        """
        _require_page(page)
        _require_expectation(expect)
        return [number for line in find_lines(page) for number in self.read_line(line, expect)]

    def read_line(self, line: Line, expect: Expectation | None = None) -> list[Number]:
        """Read one line: a number, or several where wide blanks part them; none where it holds no number.

        What keeps to the expectation as a whole is one number, blanks or not; but where it would have to be repaired
        for that, and its parts keep to the expectation as they stand, these are the numbers. Signs alone, such as a
        staple that looks like a dash, are a number only where an expectation has rules and allows them.

        Raises:
            NoReadingError: no likely reading keeps to what was expected, neither of the whole nor of its parts.
        """
        try:
            frame = normalize_line(line.ink)
        except BlankImageError:
            return []
        divisions, best = self._looked_at(frame, line.ink)
        if best is None:
            return []
        parts, choice = _parts(line, divisions[best.hypothesis], best), best
        if expect is None or not expect.rules:
            if parts:
                return self._read_all(parts, None)
            if not set(best.text) - set(SIGNS):
                return []
        else:
            try:
                choice = _likeliest(divisions, expect)
            except NoReadingError:
                if not parts:
                    raise
                return self._read_all(parts, expect)
            if parts and choice.text != best.text and (as_they_stand := self._read_unrepaired(parts, expect)):
                return as_they_stand
        return [_number(divisions[choice.hypothesis], choice, best.text, line, self._trust)]

    def _read_unrepaired(self, lines: Sequence[Line], expect: Expectation) -> list[Number]:
        """The numbers of several lines where each keeps to the expectation as it stands; else none."""
        try:
            numbers = self._read_all(lines, expect)
        except NoReadingError:
            return []
        characters = (character for number in numbers for character in number.characters)
        return [] if any(character.repaired_from is not None for character in characters) else numbers

    def _read_all(self, lines: Sequence[Line], expect: Expectation | None) -> list[Number]:
        return [number for line in lines for number in self.read_line(line, expect)]

    def _looked_at(self, frame: Normalized, ink: Ink) -> tuple[list["Division"], Choice | None]:
        """The ways to divide a line, and the best reading.

        A line is looked at upright and narrower as well where the first reading leaves doubt, or takes for one
        character what stands apart: the network is sure of itself where it overlooked a short digit beside a tall one.
        """
        views, looks = [self._view(frame)], Looks(ink, self._look)
        divisions = self._divisions(views, looks)
        best = _best(divisions)
        if best is not None and self._is_enough(best, divisions[best.hypothesis].pieces):
            return divisions, best
        divisions = self._divisions(views + [self._view(lean(frame, *view)) for view in VIEWS], looks)
        return divisions, _best(divisions)

    def _is_enough(self, best: Choice, pieces: Sequence[Piece]) -> bool:
        return self._trust.calibrated(best.confidence) >= SURE and not any(map(is_apart, pieces))

    def _view(self, frame: Normalized) -> "View":
        logs, starts = condensed(self.logs(frame))
        return View(logs, starts, search(logs, BEAMS))

    def logs(self, frame: Normalized) -> Logs:
        """What the network says of a line (LINE_HEIGHT, W): (W / 2, 17) logarithms of probabilities."""
        return log_softmax(self._run(frame), self._temperature)

    def _run(self, frame: Normalized) -> NDArray[np.float32]:
        return np.asarray(self._session.run(None, {self._input: frame[None, ..., None]})[0][0], np.float32)

    def _look(self, images: NDArray[np.float32]) -> NDArray[np.float32]:
        """(N, 16) probabilities of `LABELS` for (N, 28, 28) characters alone; signs are no digits, one like another."""
        looks = _in_labels(self._recognizer.classify(images))
        if self._characters is not None:
            share = np.float32(self._trust.characters)
            looks = share * _in_labels(_seen_by(self._characters, images)) + (1 - share) * looks
        return _with_mere_strokes(looks)

    def _divisions(self, views: Sequence["View"], looks: "Looks") -> list["Division"]:
        """The likeliest texts of each length, each with what else its characters may be; all views count the same."""
        texts = _likely(views)
        by_text = zip(*(view.spelled(texts) for view in views), strict=True)
        return weighed(
            [
                self._division(mixed([opinion for _, opinion in spelled]), views[0].middles(spelled[0][0]), looks)
                for spelled in by_text
            ]
        )

    def _division(self, by_view: Opinion, middles: Sequence[float], looks: "Looks") -> "Division":
        by_line, mass = by_view
        pieces, by_look = looks.at(middles)
        whole = np.array([piece.whole for piece in pieces])
        agreement = self._trust.agreement(by_line, by_look, whole)
        return Division(mass, agreement, self._trust.joined(by_line, by_look, whole), pieces)

    def _check_canary(self, folder: Path) -> None:
        canary = self.card["canary"]
        image = np.frombuffer(base64.b64decode(canary["image"]), np.uint8).reshape(LINE_HEIGHT, -1)
        try:
            logits = self._run(np.asarray(image / np.float32(255), np.float32))
        except Exception as error:  # ONNX Runtime raises its own types, one per fault of a model
            raise ModelError(f"the model in {folder} does not run: {error}") from error
        promised = np.asarray(canary["logits"])
        if not _is_close(logits[len(logits) // 2], promised):
            raise ModelError(f"the model in {folder} does not give the answer that its card promises; reinstall it")
        if self._characters is not None:
            _check_characters(self._characters, folder, canary["character"])


def _check_characters(characters: "InferenceSession", folder: Path, canary: Mapping[str, Any]) -> None:
    try:
        image = np.frombuffer(base64.b64decode(canary["image"]), np.uint8).reshape(1, SIZE, SIZE)
        [classes] = _seen_by(characters, np.asarray(image / np.float32(255), np.float32))
    except Exception as error:  # as with lines
        raise ModelError(f"{CHARACTERS} in {folder} does not run: {error}") from error
    if not _is_close(classes, np.asarray(canary["probabilities"])):
        raise ModelError(f"{CHARACTERS} in {folder} does not give the answer that its card promises; reinstall it")


def _seen_by(characters: "InferenceSession", images: NDArray[np.float32]) -> NDArray[np.float32]:
    """(N, 11) what a network of characters says of (N, 28, 28): the ten digits, and what is none."""
    return np.asarray(characters.run(None, {characters.get_inputs()[0].name: images[..., None]})[0], np.float32)


def _is_close(answer: NDArray[np.float32], promised: NDArray[np.float64]) -> bool:
    return answer.shape == promised.shape and bool(np.allclose(answer, promised, atol=CANARY_TOLERANCE))


def _in_labels(classes: NDArray[np.float32]) -> NDArray[np.float32]:
    """(N, 16) probabilities of `LABELS` from (N, 10) or (N, 11) of the digits and of what is none: any sign is none."""
    none = classes[:, CLASSES:].sum(axis=1, keepdims=True) / np.float32(len(SIGNS))
    return np.hstack([classes[:, :CLASSES], np.repeat(none, len(SIGNS), axis=1)])


def _with_mere_strokes(looks: NDArray[np.float32]) -> NDArray[np.float32]:
    """(N, 16), slashes and commas as likely as a one, at least: without the line about them they look like ones."""
    signs = [LABELS.index(sign) for sign in MERE_STROKES]
    looks[:, signs] = np.maximum(looks[:, signs], looks[:, LABELS.index("1"), None])
    return looks


@dataclass(frozen=True, slots=True, eq=False)
class View:
    """A line as the network saw it once.

    Attributes:
        logs: (T, 17), what it said, condensed.
        starts: (T + 1,) with which of the network's own steps each of them begins, and their number.
        found: the likeliest texts, and how likely they are.
    """

    logs: Logs
    starts: NDArray[np.intp]
    found: Sequence[tuple[Classes, float]]
    _spelled: dict[Classes, tuple[Steps, Opinion]] = field(default_factory=dict)

    def spelled(self, texts: Sequence[Classes]) -> list[tuple[Steps, Opinion]]:
        """For each text where its characters stand, and what else they may be; each is gone into once."""
        new = [text for text in texts if text not in self._spelled]
        if new:
            steps = steps_of(self.logs, new)
            self._spelled.update(zip(new, zip(steps, substitutions(self.logs, new, steps), strict=True), strict=True))
        return [self._spelled[text] for text in texts]

    def middles(self, steps: Steps) -> list[float]:
        """Where characters stand, as shares of the width of what was seen."""
        return [float(self.starts[start] + self.starts[stop]) / 2 / int(self.starts[-1]) for start, stop in steps]


class Looks:
    """The characters of a line, each looked at alone and once, however often the line is divided.

    Args:
        ink: (H, W) uint8 of the line.
        classify: from (N, 28, 28) float32 to (N, 16) probabilities of `LABELS`.
    """

    def __init__(self, ink: Ink, classify: Callable[[NDArray[np.float32]], NDArray[np.float32]]) -> None:
        self._ink = ink
        self._classify = classify
        self._divided: dict[tuple[float, ...], list[Piece]] = {}
        self._seen: dict[tuple[tuple[int, ...], bytes], NDArray[np.floating[Any]]] = {}

    def at(self, middles: Sequence[float]) -> tuple[list[Piece], NDArray[np.float64]]:
        """The ink of each character, and (L, 16) probabilities of `LABELS` by that alone; signs are no digits to it.

        Args:
            middles: where the characters are, as shares of the line's width, ascending.
        """
        places = tuple(middles)
        if places not in self._divided:
            self._divided[places] = divide(self._ink, [middle * self._ink.shape[1] for middle in middles])
        pieces = self._divided[places]
        return pieces, self._look(pieces)

    def _look(self, pieces: Sequence[Piece]) -> NDArray[np.float64]:
        inks = [(piece.ink.shape, piece.ink.tobytes()) for piece in pieces]
        pairs = zip(inks, pieces, strict=True)
        new = {ink: piece for ink, piece in pairs if ink not in self._seen and piece.ink.any()}
        if new:
            looks = self._classify(np.stack([normalize(piece.ink) for piece in new.values()]))
            self._seen.update(zip(new, looks.clip(FLOOR), strict=True))
        nothing = np.full(len(LABELS), 1 / len(LABELS))
        return np.stack([self._seen.get(ink, nothing) for ink in inks]).astype(np.float64)


@dataclass(frozen=True, slots=True)
class Trust:
    """How much is given on each opinion of a character: exponents of their probabilities.

    Attributes:
        line: on the network's that saw the whole line.
        whole: on those of the looks at a character alone, where its ink touches no other's.
        cut: on the same, where a stroke was cut.
        agree: on both being of one opinion, where a line may be divided in several ways.
        sure: on the odds of a whole text being right, so that its confidence means what it says (Platt, 1999),
        lift: and what these odds are multiplied by.
        characters: no exponent: the share of the reader's own network in the looks, the rest being the recognizer's.
    """

    line: float
    whole: float
    cut: float
    agree: float
    sure: float = 1.0
    lift: float = 1.0
    characters: float = 0.0

    def calibrated(self, confidence: float) -> float:
        """The confidence of a whole text, in [0, 1], its odds to the power of `sure` and times `lift`.

        >>> [Trust(1, 1, 1, 1, sure=2).calibrated(share) for share in (0.0, 0.5, 0.75, 1.0)]
        [0.0, 0.5, 0.9, 1.0]
        >>> Trust(1, 1, 1, 1, lift=4).calibrated(0.5)
        0.8
        """
        right, wrong = self.lift * confidence**self.sure, (1 - confidence) ** self.sure
        return float(right / (right + wrong))

    def joined(
        self, by_line: NDArray[np.float64], by_look: NDArray[np.float64], whole: NDArray[np.bool_]
    ) -> NDArray[np.float64]:
        """(L, C) probabilities from both opinions; rows of sum 1."""
        trust = np.where(whole, self.whole, self.cut)[:, None]
        logs = self.line * np.log(by_line.clip(1e-12)) + trust * np.log(by_look)
        weights = np.exp(logs - logs.max(axis=1, keepdims=True))
        return np.asarray(weights / weights.sum(axis=1, keepdims=True))

    def agreement(self, by_line: NDArray[np.float64], by_look: NDArray[np.float64], whole: NDArray[np.bool_]) -> float:
        """How well both opinions of all characters go together: 1 where one of them says nothing, higher if well."""
        together = (by_line * by_look).sum(axis=1) * by_line.shape[1]
        exponents = self.agree * np.where(whole, 1.0, self.cut)
        return float(np.prod(together**exponents))


@dataclass(frozen=True, slots=True, eq=False)
class Division:
    """One way to divide a line into characters.

    Attributes:
        mass: probability that this many characters stand there.
        agreement: of the two opinions of them, see `Trust.agreement`.
        places: (L, 16) probabilities of `LABELS` at each of them.
        pieces: their ink.
    """

    mass: float
    agreement: float
    places: NDArray[np.float64]
    pieces: Sequence[Piece]

    @property
    def has_signs_of_nothing(self) -> bool:
        """Whether a sign would stand where all ink is some other character's."""
        signs = (place.argmax() >= CLASSES for place in self.places)
        return any(sign and not piece.ink.any() for sign, piece in zip(signs, self.pieces, strict=True))

    @property
    def hypothesis(self) -> Hypothesis:
        """The same as `choose` takes it."""
        return Hypothesis(self.mass, tuple(_alternatives(place) for place in self.places))


def _best(divisions: Sequence[Division]) -> Choice | None:
    return _likeliest(divisions) if divisions else None


def _likeliest(divisions: Sequence[Division], expect: Expectation | None = None) -> Choice:
    """The likeliest reading that keeps to what is expected, if anything is.

    It has no sign without ink where another is likely enough. A digit without ink may lie in another; so may the point
    of an amount, where what is expected says that there is one.

    Raises:
        NoReadingError: no likely reading keeps to it.
    """
    on_ink = [row for row, division in enumerate(divisions) if not division.has_signs_of_nothing]
    if on_ink:
        with suppress(NoReadingError):
            return _chosen(divisions, on_ink, expect)
    return _chosen(divisions, range(len(divisions)), expect)


def _chosen(divisions: Sequence[Division], rows: Sequence[int], expect: Expectation | None) -> Choice:
    choice = choose([divisions[row].hypothesis for row in rows], expect)
    return replace(choice, hypothesis=rows[choice.hypothesis])


def weighed(divisions: Sequence[Division]) -> list[Division]:
    """The ways to divide one line, those preferred whose characters both opinions agree on; their sum stays."""
    total = sum(division.mass for division in divisions)
    weights = [division.mass * division.agreement for division in divisions]
    scale = min(total, 1.0) / max(sum(weights), 1e-300)
    return [replace(division, mass=weight * scale) for division, weight in zip(divisions, weights, strict=True)]


def _alternatives(place: NDArray[np.float64]) -> tuple[Alternative, ...]:
    """What may stand at a place, the likeliest first."""
    order = np.argsort(-place, kind="stable")
    return tuple(Alternative(LABELS[at], float(place[at])) for at in order if place[at] > FLOOR)


def _likely(views: Sequence[View]) -> list[Classes]:
    """The likeliest text of each of the likeliest lengths, by what all views say together."""
    chances: dict[Classes, float] = {}
    for view in views:
        for text, chance in view.found:
            chances[text] = chances.get(text, 0.0) + chance / len(views)
    found: dict[int, tuple[Classes, float]] = {}
    for text, chance in sorted(chances.items(), key=lambda text: -text[1]):
        found.setdefault(len(text), (text, chance))
    texts = list(found.values())[:DIVISIONS]
    return [text for text, chance in texts if 0 < len(text) <= LONGEST and chance > LEAST_DIVISION * texts[0][1]]


def substitutions(logs: Logs, texts: Sequence[Classes], steps: Sequence[Sequence[tuple[int, int]]]) -> list[Opinion]:
    """What else each character of a text may be, the others being as they are.

    Args:
        logs: (T, C), what the network says.
        texts: at least one, of at least one character each.
        steps: at which of the T each character of each stands; what the network never names there has no chance.

    Returns:
        For each text (L, C - 1) probabilities, rows of sum 1; and the probability that there are as many characters as
        in the text, at most 1, as if each were independent of the others.
    """
    tried = [_tried(logs, at) for at in steps]
    others = [
        [text, *((*text[:at], other, *text[at + 1 :]) for at, other in exchanged)]
        for text, exchanged in zip(texts, tried, strict=True)
    ]
    chances = likelihoods(logs, [text for each in others for text in each])
    by_text = np.split(chances, np.cumsum([len(each) for each in others])[:-1])
    return [
        _opinion(text, exchanged, each, logs.shape[1] - 1)
        for text, exchanged, each in zip(texts, tried, by_text, strict=True)
    ]


def _tried(logs: Logs, steps: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    """Places of a text and what may stand there: what the network names at their steps or beside them."""
    named = [logs[start - 1 if start else 0 : stop + 1].max(axis=0) > UNLIKELY for start, stop in steps]
    return [(at, int(other)) for at, names in enumerate(named) for other in np.flatnonzero(names) if other]


def _opinion(text: Classes, tried: Sequence[tuple[int, int]], chances: NDArray[np.float64], characters: int) -> Opinion:
    whole, *further = chances.tolist()
    relative = np.zeros((len(text), characters))
    relative[np.arange(len(text)), np.array(text) - 1] = 1.0
    for (at, other), chance in zip(tried, further, strict=True):
        relative[at, other - 1] = np.exp(chance - whole)
    sums = relative.sum(axis=1, keepdims=True)
    return np.asarray(relative / sums), float(min(1.0, np.exp(whole + np.log(sums).sum())))


def mixed(opinions: Sequence[Opinion]) -> Opinion:
    """What several views, each as good as another, say together: the mean of what `substitutions` gives for each."""
    masses = np.array([mass for _, mass in opinions])
    shares = masses / max(masses.sum(), 1e-300)
    places = np.tensordot(shares, np.stack([places for places, _ in opinions]), axes=1)
    return np.asarray(places / places.sum(axis=1, keepdims=True)), float(masses.mean())


def _parts(line: Line, division: Division, choice: Choice) -> list[Line]:
    """The numbers of a line of several; none where it holds but one, which may have its thousands apart."""
    standing = [(piece, label) for piece, label in zip(division.pieces, choice.labels, strict=True) if label]
    pieces, labels = [piece for piece, _ in standing], "".join(label for _, label in standing)
    last = blanks(pieces, [label.isdecimal() for label in labels])
    bounds = [0, *(place + 1 for place in last), len(labels)]
    if GROUPED.fullmatch(" ".join(labels[start:stop] for start, stop in itertools.pairwise(bounds))) or not last:
        return []
    cuts = [(pieces[at].x + pieces[at].ink.shape[1] + pieces[at + 1].x) // 2 for at in last]
    return [line.part(start, stop) for start, stop in itertools.pairwise([0, *cuts, line.ink.shape[1]])]


def _number(division: Division, choice: Choice, read: str, line: Line, trust: Trust) -> Number:
    """The chosen reading, with places on the page; `read` is what would have been chosen with nothing expected."""
    standing = [row for row, label in enumerate(choice.labels) if label]
    characters = [
        _character(division.places[row], choice.labels[row], before, _box(division.pieces[row], line))
        for row, before in zip(standing, changes(read, choice.text), strict=True)
    ]
    confidence = min(SUREST, trust.calibrated(min(1.0, choice.confidence)))
    return Number(choice.text, confidence, _around([c.box for c in characters]), tuple(characters))


def changes(read: str, chosen: str) -> list[str | None]:
    """For each character of a chosen text what was read in its place, where that is something else.

    A character that was not read at all was "" before; one beside which something was left out was both.

    >>> changes("4017", "4077"), changes("407", "4077"), changes("4177", "477")
    ([None, None, '1', None], [None, None, None, ''], [None, '17', None])
    """
    if len(read) == len(chosen):
        return [None if a == b else a for a, b in zip(read, chosen, strict=True)]
    before: list[str | None] = [None] * len(chosen)
    for kind, start, stop, first, last in SequenceMatcher(None, read, chosen, autojunk=False).get_opcodes():
        if kind == "delete" and chosen:
            beside = min(first, len(chosen) - 1)
            before[beside] = (
                read[start:stop] + chosen[beside] if first < len(chosen) else chosen[beside] + read[start:stop]
            )
        elif kind != "equal":
            for at in range(first, last):
                before[at] = read[start + at - first : start + at - first + 1] if start + at - first < stop else ""
    return before


def _character(place: NDArray[np.float64], label: str, before: str | None, box: Box) -> Character:
    others = tuple(other for other in _alternatives(place) if other.label != label and other.confidence >= SHOWN)
    confidence = float(place[LABELS.index(label)])
    return Character(label, confidence, box, others, before)


def _box(piece: Piece, line: Line) -> Box:
    height, width = piece.ink.shape
    return line.place(piece.x, piece.y, piece.x + width, piece.y + height)


def _around(boxes: Sequence[Box]) -> Box:
    """The box round several."""
    left, top = min(box.x for box in boxes), min(box.y for box in boxes)
    right, bottom = max(box.x + box.width for box in boxes), max(box.y + box.height for box in boxes)
    return Box(left, top, right - left, bottom - top)


def _require_page(page: object) -> None:
    if not (isinstance(page, np.ndarray) and page.ndim == 2 and page.dtype == np.uint8 and page.size):
        raise ValueError(f"page must be (H, W) uint8 with H, W >= 1, not {kind_of(page)}; see inkdigit.read_page")


def _require_expectation(expect: object) -> None:
    if not (expect is None or isinstance(expect, Expectation)):
        raise ValueError(f"expect must be an Expectation or None, not {type(expect).__name__}; see Expectation.parse")


def read_reader_folder(folder: Path) -> tuple[Mapping[str, Any], bytes, bytes | None]:
    """The card and the networks of a reader's folder, of lines and of characters, all checked.

    Raises:
        ModelError: a file is missing, too large or differs from its digest, or the card is no reader's of this program.
    """
    sealed, onnx = read_sealed(folder)
    card, characters = _read_card(folder, sealed), read_further_network(folder, CHARACTERS)
    if (characters is not None) != ("character" in card["canary"]):
        raise ModelError(f"{folder} has {CHARACTERS} and no word of it in its card, or the other way round")
    return card, onnx, characters


def _read_card(folder: Path, contents: bytes) -> Mapping[str, Any]:
    try:
        card: dict[str, Any] = dict(json.loads(contents))
        if "kind" not in card and "preprocess" in card:
            raise ModelError(f"{folder} is a model of digits, no reader of whole numbers; --model takes it")
        kind, version, labels = card["kind"], card["lines"], card["labels"]
        float(card["temperature"])
        Trust(**card["trust"])
        base64.b64decode(card["canary"]["image"])
        list(map(float, card["canary"].get("character", {"probabilities": []})["probabilities"]))
    except (ValueError, KeyError, TypeError) as error:
        raise ModelError(f"{folder / 'card.json'} is not the card of a reader of this program") from error
    if kind != "reader" or "".join(labels) != LABELS:
        raise ModelError(f"{folder / 'card.json'} describes a network that does not read lines of digits")
    if version != LINE_VERSION:
        raise ModelError(f"{folder} was made for line version {version}, this is {LINE_VERSION}; train anew")
    return card

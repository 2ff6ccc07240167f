"""A few labelled drawings of one hand -> a small correction of the network's answers, in milliseconds and numpy alone.

The correction is a kernel ridge regression, in closed form, from the embedding (what the network's last layer sees) to
what the network's answers lacked. Directions in which the embeddings of MNIST spread are damped, so that it learns what
is this hand's own and leaves alone what all hands share; and the kernel falls with the square of the cosine, so that an
example speaks for drawings like it and hardly for others. It is used only if it passes a gate: with each example left
out in turn, the others must make the answer to it better; and of the guard, those of 10,000 MNIST images (the 5,000
held out, and 5,000 that trained and come from many more writers) that are most easily read otherwise, no more than four
may become errors.
"""

import base64
import binascii
import io
import struct
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from inkdigit.errors import ConfigError, ModelError

Reals = NDArray[np.float64]

MAX_EXAMPLES = 100  # drawings that one layer learns from
MAX_TEXT = 48 * 1024  # characters of a layer's text
GUARD = 2_000  # MNIST images that are watched; beyond them hardly an answer changes
LEVELS = 31  # of a number in the guard's embeddings; in a file so many do, and compress well
STEPS = 7  # of a number in an example's embedding, on either side of nothing; a layer's text is the shorter for it
RANK = 64  # directions that are damped one by one
DAMPING = 0.05  # of the mean variance; it is added to every direction's, so that none counts without bound
COST = 4  # of those 10,000 images, how many may be read wrong by a layer and right without: 0.04 points
HELD_OUT_COST = 1  # further errors among the 5,000 held out of them: 0.02 points, for one or two are not watched
SOFTENED = 0.35  # power of the probabilities that the correction is added to: a sure answer moves too, but not at once
PENALTIES = np.geomspace(30, 0.03, 13)  # of the ridge, from the most cautious on
ENOUGH = 0.9  # share of the best penalty's gain with which a more cautious one is preferred
LEAST_GAIN = 1e-3  # nats per example; less is no help
DOUBT = 0.01  # share of an answer that is always doubted, so that one sure mistake does not decide alone

_VERSION = "2"
_HEAD = struct.Struct("<8sBBBBBBHB")  # digest, length of the name, four counts, sizes
_MAX_SIDE, _MAX_CLASSES = 2048, 16
_MAX_GROUNDS = 16 * 2**20  # bytes, unpacked
_MAX_NUMBER = 1e3  # no number of a layer comes near it
_MAX_BODY = _HEAD.size + 255 + MAX_EXAMPLES * (4 + 4 * _MAX_CLASSES + _MAX_SIDE)
_ARRAYS = ("mean", "directions", "gains", "rest", "embeddings", "classes", "labels", "held_out")


@dataclass(frozen=True, slots=True, eq=False)
class Grounds:
    """What a model brings along so that it can be adapted; `adapting.bin` in its folder.

    Attributes:
        mean: (D,) of the embeddings of MNIST, each of length 1.
        directions: (D, R) the directions in which those spread most, orthonormal.
        gains: (R,) how much of such a direction is kept; less than `rest`.
        rest: how much of all others is kept.
        embeddings: (G, D) of the guard, each of length 1.
        classes: (G, C) the network's answers to the guard.
        labels: (G,) its digits.
        held_out: (G,) bool, which of it trained nothing.
    """

    mean: Reals
    directions: Reals
    gains: Reals
    rest: float
    embeddings: Reals
    classes: Reals
    labels: NDArray[np.int64]
    held_out: NDArray[np.bool_]

    @classmethod
    def measure(
        cls,
        classes: NDArray[np.float32],
        embeddings: NDArray[np.float32],
        labels: NDArray[np.uint8],
        held_out: NDArray[np.bool_],
    ) -> Self:
        """Measure them on digits that other people wrote: held-out ones, and some that trained, of more writers.

        Args:
            classes: (N, C) the network's answers to them.
            embeddings: (N, D) of them; the ones that are most easily read otherwise become the guard.
            labels: (N,) what they are.
            held_out: (N,) which of them trained nothing.
        """
        units = unit(embeddings)
        mean = units.mean(axis=0)
        directions, gains, rest = _gains(units - mean)
        lengths = np.linalg.norm(_damp(units - mean, directions, gains, rest), axis=1)
        likely = np.sort(soften(classes.astype(np.float64)), axis=1)
        # A correction of a given size can change what it reaches far and what was hardly decided, so that comes first.
        reach = lengths / np.maximum(likely[:, -1] - likely[:, -2], 1e-6)
        rows = np.sort(np.argsort(-reach, kind="stable")[:GUARD])
        scaled, scaled_rest = gains / lengths.mean(), rest / float(lengths.mean())
        guard = units[rows], classes[rows].astype(np.float64), labels[rows].astype(np.int64)
        return cls(mean, directions, scaled, scaled_rest, *guard, held_out[rows])

    def to_bytes(self) -> bytes:
        """A file of arrays, in as few bits as they need; no pickles."""
        file = io.BytesIO()
        np.savez_compressed(
            file,
            mean=self.mean.astype(np.float32),
            directions=self.directions.astype(np.float16),
            gains=self.gains.astype(np.float32),
            rest=np.float32(self.rest),
            embeddings=(self.embeddings / self.embeddings.max(axis=1, keepdims=True) * LEVELS).round().astype(np.uint8),
            classes=self.classes.astype(np.float32),
            labels=self.labels.astype(np.uint8),
            held_out=self.held_out,
        )
        return file.getvalue()

    @classmethod
    def from_bytes(cls, contents: bytes) -> Self:
        """The same from a file.

        Raises:
            ModelError: it is not one.
        """
        import zipfile  # here, because few of those who import the package adapt a model

        try:
            with zipfile.ZipFile(io.BytesIO(contents)) as archive:
                if sum(part.file_size for part in archive.infolist()) > _MAX_GROUNDS:
                    raise ValueError("it is larger than any")
            with np.load(io.BytesIO(contents), allow_pickle=False) as file:
                found = {name: np.asarray(file[name], np.float64) for name in _ARRAYS}
            rest = float(found.pop("rest"))
            labels, held_out = found.pop("labels").astype(np.int64), found.pop("held_out").astype(bool)
            found["embeddings"] = unit(found["embeddings"])
            grounds = cls(rest=rest, labels=labels, held_out=held_out, **found)
            grounds._check()
            return grounds
        except (OSError, ValueError, KeyError, TypeError, EOFError, zipfile.BadZipFile, zlib.error) as error:
            raise ModelError("the model's adapting.bin is damaged; install the model again") from error

    def _check(self) -> None:
        depth, rank, guard, classes = len(self.mean), len(self.gains), *self.classes.shape
        shapes = [array.shape for array in (self.directions, self.embeddings, self.labels, self.held_out)]
        if shapes != [(depth, rank), (guard, depth), (guard,), (guard,)] or not 10 <= classes <= _MAX_CLASSES:
            raise ValueError("its arrays do not fit each other")
        if not all(np.isfinite(getattr(self, name)).all() for name in _ARRAYS):
            raise ValueError("it holds what is no number")

    def damp(self, embeddings: Reals) -> Reals:
        """(N, D) embeddings of length 1 -> (N, D), what they have in common with MNIST made small."""
        return _damp(embeddings - self.mean, self.directions, self.gains, self.rest)

    def costs(self, shift: Reals) -> tuple[int, int]:
        """How many of the guard a correction makes wrong; and how many more of the held-out ones are wrong with it.

        Args:
            shift: (G, C) what it adds to the softened answers to them.
        """
        answers = soften(self.classes)
        before, after = _right(answers, self.labels), _right(answers + shift, self.labels)
        lost = int(np.count_nonzero(before & ~after))
        return lost, int(np.count_nonzero(before[self.held_out]) - np.count_nonzero(after[self.held_out]))


@dataclass(frozen=True, slots=True, eq=False)
class Layer:
    """What was learnt of one hand; made by `Recognizer.adapt`, used by `Recognizer.predict`.

    It holds what the network's last layer saw of the drawings, coarsely, and neither strokes nor pixels.

    Attributes:
        model: the version of the model that it belongs to; no other one takes it.
        digest: of that model, 8 bytes.
        corrections: drawings that it was learnt from.
        errors_before: how many of those the model alone reads wrong.
        errors_after: how many are read wrong with what the others teach, each left out in turn.
        cost: of 10,000 images of MNIST, how many more are read wrong; what it puts right is not set off against them.
        examples: (N, D) int8, the damped embeddings of the drawings, in units of `scales`; N is 0 for a layer that is
            not used.
        scales: (N,) float32.
        shares: (N, C) float32, what a drawing like an example gets added to its softened answer.
    """

    model: str
    digest: bytes
    corrections: int
    errors_before: int
    errors_after: int
    cost: int
    examples: NDArray[np.int8]
    scales: NDArray[np.float32]
    shares: NDArray[np.float32]

    @property
    def used(self) -> bool:
        """Whether it changes answers: it helped on examples left out, and cost next to nothing elsewhere."""
        return self.examples.size > 0

    def correct(
        self, classes: NDArray[np.float32], embeddings: NDArray[np.float32], grounds: Grounds
    ) -> NDArray[np.float32]:
        """The network's answers with the correction.

        Args:
            classes: (M, C) probabilities of the network's classes, rows of sum 1.
            embeddings: (M, D) of the same pictures.
            grounds: what the model brings along.

        Returns:
            (M, C) float32, rows of sum 1; the very same where the layer is not used.

        Raises:
            ModelError: the layer is of a network of another size.
        """
        if not self.used or len(classes) == 0:
            return classes
        if (self.examples.shape[1], self.shares.shape[1]) != (embeddings.shape[1], classes.shape[1]):
            raise ModelError("the layer was learnt on another model; adapt anew")
        likeness = _kernel(grounds.damp(unit(embeddings)), _restored(self.examples, self.scales))
        return sharpen(soften(classes.astype(np.float64)) + likeness @ self.shares).astype(np.float32)

    def to_text(self) -> str:
        """The layer as text of letters, digits, `-` and `_`; some 250 characters for each example."""
        name = self.model.encode()
        counts = (self.corrections, self.errors_before, self.errors_after, self.cost)
        sizes = (*self.examples.shape, self.shares.shape[1])
        head = _HEAD.pack(self.digest, len(name), *counts, *sizes)
        numbers = self.scales.astype("<f4").tobytes() + self.shares.astype("<f4").tobytes()
        return _VERSION + base64.urlsafe_b64encode(
            zlib.compress(head + name + numbers + self.examples.tobytes(), 9)
        ).decode().rstrip("=")

    @classmethod
    def from_text(cls, text: str) -> Self:
        """The layer that `to_text` wrote.

        Raises:
            ConfigError: the text is none of those.
        """
        try:
            return cls._unpack(_inflate(text))
        except (ValueError, struct.error, zlib.error, binascii.Error) as error:
            raise ConfigError(f"this is not a layer: {error}; adapt anew") from error

    @classmethod
    def _unpack(cls, body: bytes) -> Self:
        digest, letters, given, before, after, cost, count, depth, classes = _HEAD.unpack_from(body)
        parts = [letters, 4 * count, 4 * count * classes, count * depth]
        if len(body) != _HEAD.size + sum(parts):
            raise ValueError("its sizes do not fit its length")
        if depth > _MAX_SIDE or not 10 <= classes <= _MAX_CLASSES:
            raise ValueError("no model has such a size")
        name, scales, shares, examples = np.split(
            np.frombuffer(body, np.uint8, offset=_HEAD.size), np.cumsum(parts)[:-1]
        )
        layer = cls(
            model=name.tobytes().decode(),
            digest=digest,
            corrections=given,
            errors_before=before,
            errors_after=after,
            cost=cost,
            examples=examples.view(np.int8).reshape(count, depth),
            scales=scales.view("<f4").astype(np.float32),
            shares=shares.view("<f4").astype(np.float32).reshape(count, classes),
        )
        layer._check()
        return layer

    def _check(self) -> None:
        numbers = np.concatenate([self.scales, self.shares.ravel()])
        if not np.all(np.abs(numbers) <= _MAX_NUMBER) or np.any(self.scales < 0):  # what is no number fails, too
            raise ValueError("it holds a number that no layer has")
        if not self.model or not self.model.isprintable():
            raise ValueError("it names no model")
        if not max(self.errors_before, self.errors_after, len(self.examples)) <= self.corrections <= MAX_EXAMPLES:
            raise ValueError("its counts contradict each other")


def learn(
    classes: NDArray[np.float32],
    embeddings: NDArray[np.float32],
    labels: Sequence[int],
    grounds: Grounds,
    model: str,
    digest: bytes,
) -> Layer:
    """Learn a layer from examples; their order does not matter, and one given twice counts once.

    Args:
        classes: (N, C) the network's answers to N <= 100 examples.
        embeddings: (N, D) of the same.
        labels: N digits, what they are.
        grounds: what the model brings along.
        model: its version.
        digest: of it, 8 bytes.

    Returns:
        A layer; not used where there is nothing that helps.
    """
    if len(labels) and (len(grounds.mean), grounds.classes.shape[1]) != (embeddings.shape[1], classes.shape[1]):
        raise ModelError("the model's adapting.bin belongs to another network; install the model again")
    if len(labels) == 0:
        embeddings = np.zeros((0, len(grounds.mean)), np.float32)  # of no picture, there is none of any size
    examples = _Examples.of(classes, embeddings, labels)
    stored, scales = _stored(grounds.damp(examples.embeddings))
    trials = [trial for trial in _trials(examples, _restored(stored, scales), grounds) if trial.helps]
    enough = ENOUGH * max((trial.gain for trial in trials), default=0.0)
    chosen = next((trial for trial in trials if trial.gain >= enough), _nothing(examples))
    return Layer(
        model=model,
        digest=digest,
        corrections=len(labels),
        errors_before=examples.errors,
        errors_after=chosen.errors,
        cost=chosen.cost,
        examples=stored[: len(chosen.shares)],
        scales=scales[: len(chosen.shares)],
        shares=chosen.shares,
    )


@dataclass(frozen=True, slots=True, eq=False)
class _Examples:
    """Examples in an order of their own: softened answers (N, C), embeddings (N, D) of length 1, labels (N,)."""

    answers: Reals
    embeddings: Reals
    labels: NDArray[np.int64]

    @classmethod
    def of(cls, classes: NDArray[np.float32], embeddings: NDArray[np.float32], labels: Sequence[int]) -> Self:
        keys = [(int(label), row.tobytes()) for label, row in zip(labels, embeddings, strict=True)]
        rows = [row for _, row in sorted({key: row for row, key in enumerate(keys)}.items())]
        answers = soften(classes[rows].astype(np.float64))
        return cls(answers, unit(embeddings[rows]), np.asarray(labels, np.int64).reshape(-1)[rows])

    @property
    def errors(self) -> int:
        """How many the network alone reads wrong."""
        return _errors(self.answers, self.labels)

    @property
    def truths(self) -> Reals:
        """(N, C) one for the true class, zero for the others."""
        return np.eye(self.answers.shape[1])[self.labels]


@dataclass(frozen=True, slots=True, eq=False)
class _Trial:
    """One penalty: what it gives, and how it passes the gate."""

    shares: NDArray[np.float32]
    errors: int
    gain: float
    cost: int
    helps: bool


def _nothing(examples: _Examples) -> _Trial:
    """What is chosen where no penalty helps: no correction."""
    return _Trial(np.zeros((0, examples.answers.shape[1]), np.float32), examples.errors, 0.0, 0, helps=False)


def _trials(examples: _Examples, damped: Reals, grounds: Grounds) -> list[_Trial]:
    """The penalties that cost little enough, the most cautious one first."""
    if len(examples.labels) == 0:
        return []
    variances, axes = np.linalg.eigh(_kernel(damped, damped))
    guard = _kernel(grounds.damp(grounds.embeddings), damped)
    lacking, trials = examples.truths - examples.answers, []
    before = _loss(examples.answers, examples.labels)
    for penalty in PENALTIES:
        inverse = (axes / (variances.clip(0) + penalty)) @ axes.T
        shares = (inverse @ lacking).astype(np.float32)
        # What the ridge would say of each example without it: its own residual, divided by its leverage's complement.
        left_out = examples.truths - shares / np.diag(inverse)[:, None]
        cost, held_out_cost = grounds.costs(guard @ shares)
        if cost > COST or held_out_cost > HELD_OUT_COST:
            break
        errors, gain = _errors(left_out, examples.labels), before - _loss(left_out, examples.labels)
        trials.append(_Trial(shares, errors, gain, cost, errors <= examples.errors and gain > LEAST_GAIN))
    return trials


def _kernel(first: Reals, second: Reals) -> Reals:
    """(M, D) and (N, D) damped embeddings -> (M, N) how much of what is true of the second is of the first.

    Their lengths times the square of the cosine between them; nothing beyond a right angle.
    """
    lengths = np.linalg.norm(first, axis=1)[:, None] * np.linalg.norm(second, axis=1)[None]
    return np.asarray((first @ second.T).clip(0) ** 2 / lengths.clip(1e-9))


def soften(classes: Reals) -> Reals:
    """(N, C) probabilities -> the same, less sure of themselves; rows of sum 1."""
    powers = classes.clip(1e-9) ** SOFTENED
    return np.asarray(powers / powers.sum(axis=1, keepdims=True))


def sharpen(softened: Reals) -> Reals:
    """The inverse of `soften`; what a correction took under zero is zero."""
    powers = softened.clip(1e-9) ** (1 / SOFTENED)
    return np.asarray(powers / powers.sum(axis=1, keepdims=True))


def unit(embeddings: NDArray[np.floating]) -> Reals:
    """(N, D) -> (N, D) of length 1."""
    lengths = np.linalg.norm(embeddings.astype(np.float64), axis=1, keepdims=True)
    return np.asarray(embeddings / np.maximum(lengths, 1e-9))


def _damp(embeddings: Reals, directions: Reals, gains: Reals, rest: float) -> Reals:
    return np.asarray(rest * embeddings + (embeddings @ directions * (gains - rest)) @ directions.T)


def _gains(centred: Reals) -> tuple[Reals, Reals, float]:
    """The directions in which embeddings spread most, how much of each to keep, and how much of all the others."""
    variances, directions = np.linalg.eigh(centred.T @ centred / len(centred))
    variances, directions = variances[::-1], directions[:, ::-1][:, :RANK]
    typical = variances.mean()
    gains = np.sqrt(typical / (np.append(variances[:RANK], variances[RANK:].mean()) + DAMPING * typical))
    return directions, gains[:-1], float(gains[-1])


def _stored(damped: Reals) -> tuple[NDArray[np.int8], NDArray[np.float32]]:
    """(N, D) numbers in few steps, and how large a row's steps are."""
    scales = (np.abs(damped).max(axis=1, initial=0.0) / STEPS).clip(1e-12).astype(np.float32)
    return (damped / scales[:, None]).round().astype(np.int8), scales


def _restored(stored: NDArray[np.int8], scales: NDArray[np.float32]) -> Reals:
    return stored.astype(np.float64) * scales.astype(np.float64)[:, None]


def _right(answers: Reals, labels: NDArray[np.int64]) -> NDArray[np.bool_]:
    """(N,) rows whose likeliest digit is the true one."""
    return np.asarray(answers[:, :10].argmax(axis=1) == labels)


def _errors(answers: Reals, labels: NDArray[np.int64]) -> int:
    return len(labels) - int(np.count_nonzero(_right(answers, labels)))


def _loss(softened: Reals, labels: NDArray[np.int64]) -> float:
    """Mean of minus the logarithm of the true digit's probability, with some doubt in every answer."""
    likely = sharpen(softened)[np.arange(len(labels)), labels]
    return float(-np.log((1 - DOUBT) * likely + DOUBT / 10).mean())


def _inflate(text: str) -> bytes:
    if not isinstance(text, str) or not text.startswith(_VERSION) or len(text) > MAX_TEXT:
        raise ValueError(f"it does not start with {_VERSION}, or is longer than {MAX_TEXT} characters")
    packed = text[len(_VERSION) :].encode("ascii")
    raw = base64.b64decode(packed + b"=" * (-len(packed) % 4), altchars=b"-_", validate=True)
    if base64.urlsafe_b64encode(raw).rstrip(b"=") != packed:
        raise ValueError("its last character says more than it may")
    inflater = zlib.decompressobj()
    body = inflater.decompress(raw, _MAX_BODY)
    if not inflater.eof or inflater.unused_data:
        raise ValueError("it is cut short or too long")
    return body

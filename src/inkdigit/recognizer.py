"""28x28 -> prediction: loads a model folder with care and runs it on ONNX Runtime.

A model folder holds `model.onnx`, `card.json` and `SHA256SUMS`, `adapting.bin` where it can be adapted to a hand, and
what training left beside them. Nothing in it is executed: no pickle, no Keras file is opened here.
"""

import base64
import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import NDArray

from inkdigit.adapt import MAX_EXAMPLES, Grounds, Layer, learn
from inkdigit.errors import ModelError
from inkdigit.preprocess import PREPROCESS_VERSION, SIZE

if TYPE_CHECKING:
    from onnxruntime import InferenceSession

CLASSES = 10
NOT_A_DIGIT = "none"  # label of the class that a network may have beyond the ten digits
EMBEDDING = "embedding"  # output of a network with what its last layer sees
GROUNDS = "adapting.bin"  # what a model that can be adapted brings along
MAX_MODEL_BYTES = 64 * 2**20
CANARY_TOLERANCE = 1e-3  # probability; wide enough for every CPU's rounding, far under any real change
# How a tensor that lives in another file is spelt inside an ONNX file: a word behind its length. A length of 8 may be
# padded to more bytes, ten at most, as any number there.
_ELSEWHERE = b"location"
_LENGTH_8 = re.compile(rb"(?:\x08|\x88\x80*\x00)\Z")
_MAX_LENGTH_BYTES = 10
_CHUNK = 256  # pictures per run of the network: more gains no speed and only takes memory


@dataclass(frozen=True, slots=True)
class Prediction:
    """What a picture was read as.

    Attributes:
        label: the most probable digit, 0 to 9.
        confidence: its probability, in [0, 1]; low for what is no digit.
        probabilities: of the digits 0 to 9, in [0, 1], of sum 1.
        is_digit: whether the model takes the ink for a digit at all: `not_digit` is under its threshold.
        not_digit: the probability that the ink is no digit, in [0, 1]; 0 from a model that knows digits only.
    """

    label: int
    confidence: float
    probabilities: tuple[float, ...]
    is_digit: bool
    not_digit: float = 0.0


class Recognizer:
    """A digit model, ready to read.

    Safe to share between threads. `version` names the model, `card` is its card.json, and `threshold` the probability
    of being no digit from which on a picture is rejected.
    """

    def __init__(
        self, session: "InferenceSession", card: Mapping[str, Any], adapting: "Adapting | None" = None
    ) -> None:
        self._session = session
        self._input = session.get_inputs()[0].name
        self._adapting = adapting or Adapting()
        self.card = card
        self.version = str(card["version"])
        self.threshold = float(card.get("rejection", {}).get("threshold", 1.0))

    @classmethod
    def load(cls, model: str | Path | None = None, *, home: Path | None = None) -> Self:
        """Load a model after checking its digests, its card and one known answer.

        Args:
            model: a model folder, or the name of a version; the shipped model where it is None.
            home: folder that holds further versions, one folder each.

        Raises:
            ModelError: no such model, or it is damaged, of another format, or gives another answer than its card says.

        >>> Recognizer.load().predict(np.zeros((0, 28, 28), np.float32))
        []
        """
        folder = find_model(model, home)
        contents = read_model_folder(folder)
        session = start_session(contents.onnx, folder)
        outputs = tuple(output.name for output in session.get_outputs())
        digest = hashlib.sha256(contents.onnx).digest()[:8]
        recognizer = cls(session, contents.card, Adapting(outputs, digest, contents.grounds))
        recognizer._check_canary(folder)
        return recognizer

    def predict(self, images: NDArray[np.float32], layer: Layer | None = None) -> list[Prediction]:
        """Read pictures, a batch at a time; one picture is a batch of one.

        Args:
            images: (N, 28, 28) float32 in [0, 1], white ink on black, as `normalize` makes them.
            layer: what `adapt` learnt of the hand that wrote them; None for anybody's.

        Raises:
            ValueError: the shape, the kind of number or the range is another.
            ModelError: the layer was learnt on another model.
        """
        if layer is not None and not self.takes(layer):
            raise ModelError(f"the layer was learnt on model {layer.model}, not on this {self.version}; adapt anew")
        if layer is None or not layer.used:
            return _predictions(self.classify(images), self.threshold)
        return _predictions(layer.correct(*self.embed(images), self.grounds), self.threshold)

    def adapt(self, images: NDArray[np.float32], labels: Sequence[int] | NDArray[np.integer[Any]]) -> Layer:
        """Learn a hand from a few of its drawings: those that were misread, and others that were read right.

        It takes some milliseconds. The layer is used only if it passes a gate (see `inkdigit.adapt`), and else changes
        nothing; `layer.used` tells.

        Args:
            images: (N, 28, 28) float32 in [0, 1], white ink on black, N <= 100.
            labels: N digits, what they show; a sequence, or an array of whole numbers.

        Raises:
            ValueError: the shape, the kind of number or the range is another.
            ModelError: the model brings nothing along to be adapted with.
        """
        digits = _checked_labels(labels)
        if len(digits) != len(images) or len(digits) > MAX_EXAMPLES:
            raise ValueError(f"there must be a label for each image, and at most {MAX_EXAMPLES} of both")
        grounds, (classes, embeddings) = self.grounds, self.embed(images)
        return learn(classes, embeddings, digits, grounds, self.version, self._adapting.digest)

    @property
    def grounds(self) -> Grounds:
        """What it is adapted with.

        Raises:
            ModelError: the model brings nothing along to be adapted with.
        """
        return self._adapting.grounds(self.version)

    def takes(self, layer: Layer) -> bool:
        """Whether a layer was learnt on this very model."""
        return layer.digest == self._adapting.digest

    def probabilities(self, images: NDArray[np.float32]) -> NDArray[np.float32]:
        """Probabilities of the digits 0 to 9.

        A picture that may be no digit at all could as well be any of them: what the network gives to "not a digit" is
        shared out among the ten.

        Args:
            images: (N, 28, 28) float32 in [0, 1], white ink on black.

        Returns:
            (N, 10) float32 in [0, 1], rows of sum 1.

        Raises:
            ValueError: the shape, the kind of number or the range is another.
        """
        return share_out(self.classify(images))

    def classify(self, images: NDArray[np.float32]) -> NDArray[np.float32]:
        """What the network itself answers: the probabilities of its classes.

        Args:
            images: (N, 28, 28) float32 in [0, 1], white ink on black.

        Returns:
            (N, C) float32 in [0, 1], rows of sum 1: the digits 0 to 9 and, where the model knows it, "not a digit".

        Raises:
            ValueError: the shape, the kind of number or the range is another.
        """
        classes, *_ = self._run(images, self._adapting.outputs[:1] or None)
        return classes

    def embed(self, images: NDArray[np.float32]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """What the network answers, and what its last layer sees.

        Args:
            images: (N, 28, 28) float32 in [0, 1], white ink on black.

        Returns:
            (N, C) float32 as `classify` has it, and (N, D) float32 of the same pictures.

        Raises:
            ValueError: the shape, the kind of number or the range is another.
            ModelError: the model does not tell the latter.
        """
        outputs = self._adapting.outputs
        if EMBEDDING not in outputs[1:]:
            raise ModelError(f"model {self.version} has no output {EMBEDDING!r}: it cannot be adapted; export it anew")
        classes, embeddings = self._run(images, (outputs[0], EMBEDDING))
        return classes, embeddings

    def _run(self, images: NDArray[np.float32], outputs: Sequence[str] | None) -> list[NDArray[np.float32]]:
        """The outputs for all pictures, a chunk at a time; of none where there is no picture."""
        batch = _checked(images)[..., None]
        chunks = [batch[i : i + _CHUNK] for i in range(0, len(batch), _CHUNK)]
        parts = [self._session.run(outputs, {self._input: chunk}) for chunk in chunks]
        if not parts:
            return [np.zeros((0, len(self.card["labels"])), np.float32) for _ in outputs or [""]]
        return [np.concatenate(found).astype(np.float32, copy=False) for found in zip(*parts, strict=True)]

    def _check_canary(self, folder: Path) -> None:
        canary = self.card["canary"]
        image = np.frombuffer(base64.b64decode(canary["image"]), np.uint8).reshape(1, SIZE, SIZE)
        try:
            answer = self.classify((image / np.float32(255)).astype(np.float32))[0]
        except Exception as error:  # ONNX Runtime raises its own types, one per fault of a model
            raise ModelError(f"the model in {folder} does not run: {error}") from error
        promised = np.asarray(canary["probabilities"])
        if answer.shape != promised.shape or not np.allclose(answer, promised, atol=CANARY_TOLERANCE):
            raise ModelError(f"the model in {folder} does not give the answer that its card promises; reinstall it")


@dataclass(frozen=True)
class Adapting:
    """What a model needs to be adapted to a hand; one that has none of it reads all the same.

    Attributes:
        outputs: the names of the network's outputs, its answers first.
        digest: 8 bytes that tell the network from every other.
        file: the contents of `adapting.bin`.
    """

    outputs: tuple[str, ...] = ()
    digest: bytes = bytes(8)
    file: bytes = b""

    def grounds(self, version: str) -> Grounds:
        """The file's arrays, read at the first call.

        Raises:
            ModelError: there is no such file, or it is damaged.
        """
        if not self.file:
            raise ModelError(f"model {version} has no {GROUNDS}: it cannot be adapted; export it anew")
        return self._grounds

    @cached_property
    def _grounds(self) -> Grounds:
        return Grounds.from_bytes(self.file)


@dataclass(frozen=True, slots=True)
class ModelFolder:
    """The checked contents of a model folder."""

    onnx: bytes
    card: Mapping[str, Any]
    grounds: bytes = b""  # of `adapting.bin`; empty where there is none


def shipped_models() -> Path:
    """The folder of the models that come with the package."""
    return Path(__file__).parent / "models"


def find_model(model: str | Path | None, home: Path | None = None, pointer: str = "current") -> Path:
    """The folder of a model given as None (the shipped one, that `pointer` names), a path, or a version name.

    A text that is a version's name means the version, whatever lies in the working directory, where `./NAME` is meant
    by a slash.

    Raises:
        ModelError: there is none.
    """
    if model is None:
        return current_model(pointer)
    version = _version_folder(str(model), home)
    if version is not None and isinstance(model, str) and (version / "SHA256SUMS").is_file():
        return version
    if model != "" and Path(model).is_dir():
        return Path(model)
    if version is None:
        raise ModelError(f"no model at {model or repr(model)}, nor a version of that name; run `inkdigit models list`")
    return version


def _version_folder(name: str, home: Path | None) -> Path | None:
    """The folder of that name among the versions, a shipped one first."""
    places = [place for place in (home, shipped_models()) if place is not None]
    folders = {folder.name: folder for place in places if place.is_dir() for folder in place.iterdir()}
    folder = folders.get(name)
    return folder if folder is not None and folder.is_dir() else None


def current_model(pointer: str = "current") -> Path:
    """The folder of the shipped model that a pointer file names: "current" for digits, "current-reader" for lines.

    Raises:
        ModelError: there is none.
    """
    try:
        return shipped_models() / (shipped_models() / pointer).read_text("utf-8").strip()
    except OSError as error:
        raise ModelError("the shipped model is missing; install inkdigit again") from error


def read_model_folder(folder: Path) -> ModelFolder:
    """Read a model folder once, and check what was read.

    Raises:
        ModelError: a file is missing, too large or differs from its digest, the card is not one of this program's, the
            network keeps data in other files, or it was trained on pictures normalised in another way.
    """
    card_bytes, onnx = read_sealed(folder)
    digests = _read_digests(folder)
    grounds = _read_checked(folder, GROUNDS, digests) if GROUNDS in digests else b""
    return ModelFolder(onnx, _read_card(folder, card_bytes), grounds)


def read_sealed(folder: Path) -> tuple[bytes, bytes]:
    """The card and the network of a model folder, as their digests say they are.

    Raises:
        ModelError: one is missing, too large or differs from its digest, or the network keeps data in other files.
    """
    digests = _read_digests(folder)
    card, onnx = (_read_checked(folder, name, digests) for name in ("card.json", "model.onnx"))
    if _keeps_data_elsewhere(onnx):
        raise ModelError(f"the model in {folder} keeps data in other files, which is not allowed")
    return card, onnx


def read_further_network(folder: Path, name: str) -> bytes | None:
    """Another network of a model folder, as its digest says it is; None where the folder has none of that name.

    Raises:
        ModelError: it is missing, too large or differs from its digest, or it keeps data in other files.
    """
    digests = _read_digests(folder)
    if name not in digests:
        return None
    onnx = _read_checked(folder, name, digests)
    if _keeps_data_elsewhere(onnx):
        raise ModelError(f"{name} in {folder} keeps data in other files, which is not allowed")
    return onnx


def _keeps_data_elsewhere(onnx: bytes) -> bool:
    """Whether a tensor of the network lives in another file."""
    before = onnx.split(_ELSEWHERE)[:-1]  # the word first: one pattern for all of it takes ten times as long
    return any(_LENGTH_8.search(part[-_MAX_LENGTH_BYTES:]) for part in before)


def verify_model_folder(folder: Path) -> None:
    """Check every file of a model folder against SHA256SUMS, then load it and run its canary.

    Raises:
        ModelError: as `Recognizer.load` does, or another file of the folder is missing or changed.
    """
    check_digests(folder)
    Recognizer.load(folder)


def check_digests(folder: Path) -> None:
    """Check every file of a model folder against SHA256SUMS.

    Raises:
        ModelError: one is missing or changed.
    """
    digests = _read_digests(folder)
    for name in digests:
        _read_checked(folder, name, digests)


def _read_digests(folder: Path) -> dict[str, str]:
    try:
        lines = (folder / "SHA256SUMS").read_text("utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise ModelError(f"{folder} is not a model folder: SHA256SUMS cannot be read") from error
    pairs = [line.split(maxsplit=1) for line in lines if line.strip()]
    if any(len(pair) != 2 or Path(pair[1]).name != pair[1] for pair in pairs):
        raise ModelError(f"{folder / 'SHA256SUMS'} is damaged")
    return {name: digest for digest, name in pairs}


def _read_checked(folder: Path, name: str, digests: Mapping[str, str]) -> bytes:
    path = folder / name
    try:
        if path.stat().st_size > MAX_MODEL_BYTES:
            raise ModelError(f"{path} is larger than {MAX_MODEL_BYTES >> 20} MiB")
        contents = path.read_bytes()
    except OSError as error:
        raise ModelError(f"{path} cannot be read: {error.strerror}") from error
    if hashlib.sha256(contents).hexdigest() != digests.get(name):
        raise ModelError(f"{path} differs from its digest in SHA256SUMS: it is damaged or was changed")
    return contents


def _read_card(folder: Path, contents: bytes) -> Mapping[str, Any]:
    try:
        card: dict[str, Any] = dict(json.loads(contents))
        if card.get("kind") == "reader":
            raise ModelError(f"{folder} is a reader of whole numbers, no model of digits; --reader takes it")
        preprocess, labels, _ = card["preprocess"], card["labels"], card["version"]
        float(card.get("rejection", {}).get("threshold", 1.0))
        canary = base64.b64decode(card["canary"]["image"]), [float(p) for p in card["canary"]["probabilities"]]
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise ModelError(f"{folder / 'card.json'} is not a model card of this program") from error
    if preprocess != PREPROCESS_VERSION:
        raise ModelError(
            f"{folder} was made for preprocess version {preprocess}, this is {PREPROCESS_VERSION}; train anew"
        )
    digits = [str(digit) for digit in range(CLASSES)]
    if labels not in (digits, [*digits, NOT_A_DIGIT]) or [*map(len, canary)] != [SIZE**2, len(labels)]:
        raise ModelError(f"{folder / 'card.json'} describes a network that does not read the digits 0 to 9")
    return card


def start_session(onnx: bytes, folder: Path) -> "InferenceSession":
    """Start a network on one core.

    Raises:
        ModelError: ONNX Runtime does not take it.
    """
    import onnxruntime  # here, because it takes most of the time that `import inkdigit` would

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1  # a digit is too small to share among cores; callers run sessions side by side
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    try:
        return onnxruntime.InferenceSession(onnx, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # ONNX Runtime raises its own types, one per fault of a file
        raise ModelError(f"the model in {folder} cannot be loaded: {error}") from error


def _checked(images: NDArray[np.float32]) -> NDArray[np.float32]:
    """The pictures, if they are what the network was trained on; it would answer to anything of the right shape."""
    batch = np.asarray(images)
    if batch.ndim != 3 or batch.shape[1:] != (SIZE, SIZE):
        raise ValueError(f"images must be (N, {SIZE}, {SIZE}), not {batch.shape}; see inkdigit.normalize")
    if batch.dtype.kind != "f":
        raise ValueError(f"images must be float32 in [0, 1], not {batch.dtype}; see inkdigit.normalize")
    if not (batch.min(initial=0) >= 0 and batch.max(initial=1) <= 1):  # so written, NaN is refused too
        raise ValueError("images must lie in [0, 1], 1 being full ink; see inkdigit.normalize")
    return np.ascontiguousarray(batch, np.float32)


def _checked_labels(labels: Sequence[int] | NDArray[np.integer[Any]]) -> list[int]:
    digits = np.asarray(labels)
    if digits.size == 0:
        return []
    if digits.ndim != 1 or digits.dtype.kind not in "iu" or digits.min() < 0 or digits.max() >= CLASSES:
        raise ValueError("labels must be whole numbers from 0 to 9, one for each image")
    return [int(digit) for digit in digits]


def _predictions(classes: NDArray[np.float32], threshold: float) -> list[Prediction]:
    """The rows of (N, C) probabilities in words; all rows at once, for numpy takes as long for one as for a hundred."""
    shares = share_out(classes)
    labels = shares.argmax(axis=1).tolist()
    others = classes[:, CLASSES:].sum(axis=1).tolist()
    return [
        Prediction(label, row[label], tuple(row), not_digit < threshold, not_digit)
        for label, row, not_digit in zip(labels, shares.tolist(), others, strict=True)
    ]


def share_out(classes: NDArray[np.float32]) -> NDArray[np.float32]:
    """Probabilities of the digits: what a network gives to "not a digit" is shared out among the ten.

    Args:
        classes: (N, C) float32, rows of sum 1, as a network answers.

    Returns:
        (N, 10) float32, rows of sum 1.
    """
    digits, none = classes[:, :CLASSES], classes[:, CLASSES:].sum(axis=1, keepdims=True)
    return np.asarray(digits + none / np.float32(CLASSES))

"""How good a model is on labelled pictures: figures with their n, and the pictures it misreads."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from inkdigit.errors import DataError, ImageError
from inkdigit.image import read_image
from inkdigit.preprocess import normalize
from inkdigit.recognizer import CLASSES, Recognizer
from inkdigit.training.dataset import Digits, load_mnist, read_digits, read_folder

ECE_BINS = 15


@dataclass(frozen=True, slots=True)
class Evaluation:
    """Figures of a model on n labelled pictures.

    Attributes:
        n: pictures.
        accuracy: share read right, in [0, 1].
        nll: mean negative log-likelihood of the true label, in nats.
        ece: expected calibration error over 15 equal bins of confidence, in [0, 1] (Naeini et al., 2015).
        confusion: (10, 10) counts, a row per true label, a column per predicted one.
    """

    n: int
    accuracy: float
    nll: float
    ece: float
    confusion: NDArray[np.int64]

    def figures(self) -> dict[str, Any]:
        """As a card or a command states them."""
        return {
            "n": self.n,
            "errors": self.n - int(np.trace(self.confusion)),
            "accuracy": round(self.accuracy, 6),
            "nll": round(self.nll, 6),
            "ece": round(self.ece, 6),
        }


def evaluate(probabilities: NDArray[np.float32], labels: NDArray[np.uint8]) -> Evaluation:
    """Judge the probabilities (N, 10) that a model gave to pictures of these labels (N,).

    Raises:
        DataError: there is no picture.

    >>> sure = np.eye(10, dtype=np.float32)
    >>> evaluate(sure[[3, 5]], np.array([3, 6], np.uint8)).figures()
    {'n': 2, 'errors': 1, 'accuracy': 0.5, 'nll': 13.815511, 'ece': 0.5}
    """
    if len(labels) == 0:
        raise DataError("there is no picture to judge the model by")
    predicted = probabilities.argmax(axis=1)
    confusion = np.zeros((CLASSES, CLASSES), np.int64)
    np.add.at(confusion, (labels, predicted), 1)
    truth = probabilities[np.arange(len(labels)), labels].astype(np.float64)
    right = predicted == labels
    return Evaluation(
        n=len(labels),
        accuracy=float(right.mean()),
        nll=float(-np.log(truth.clip(1e-12)).mean()),
        ece=calibration_error(probabilities.max(axis=1), right),
        confusion=confusion,
    )


def calibration_error(confidence: NDArray[np.float32], right: NDArray[np.bool_]) -> float:
    """Mean gap between confidence and accuracy over 15 equal bins of confidence, each weighted by its pictures."""
    bins = np.minimum((confidence * ECE_BINS).astype(int), ECE_BINS - 1)
    gaps = np.bincount(bins, confidence.astype(np.float64), ECE_BINS) - np.bincount(bins, right, ECE_BINS)
    return float(np.abs(gaps).sum() / len(right))


def misread(probabilities: NDArray[np.float32], labels: NDArray[np.uint8]) -> NDArray[np.int64]:
    """Rows that were read wrong, the most confident mistake first."""
    wrong = np.flatnonzero(probabilities.argmax(axis=1) != labels)
    return wrong[np.argsort(-probabilities[wrong].max(axis=1), kind="stable")]


def frames(digits: Digits) -> NDArray[np.float32]:
    """Pictures as the network takes them, through `normalize`: (N, 28, 28) float32."""
    return np.stack([normalize(image) for image in digits.images]) if len(digits) else np.zeros((0, 28, 28), np.float32)


def evaluate_on(recognizer: Recognizer, data: Path | None = None) -> Evaluation:
    """Judge a model on a folder: IDX files (`t10k-*` where they are there, else `train-*`), or subfolders 0 to 9.

    Args:
        recognizer: the model.
        data: the folder; MNIST's test images, checked against their digests, where it is None.

    Raises:
        DataError: the folder holds neither, or a file of it cannot be read.
    """
    images, labels = _labelled(load_mnist().test) if data is None else _load(data)
    return evaluate(recognizer.probabilities(images), labels)


def _labelled(digits: Digits) -> tuple[NDArray[np.float32], NDArray[np.uint8]]:
    return frames(digits), digits.labels


def _load(data: Path) -> tuple[NDArray[np.float32], NDArray[np.uint8]]:
    if not data.is_dir():
        raise DataError(f"{data} is not a folder")
    for prefix in ("t10k", "train"):
        if any(data.glob(f"{prefix}-images-idx3-ubyte*")):
            return _labelled(read_digits(data, prefix))
    pictures = list(read_folder(data))
    return np.stack([_frame(path) for path, _ in pictures]), np.array([label for _, label in pictures], np.uint8)


def _frame(path: Path) -> NDArray[np.float32]:
    try:
        return normalize(read_image(path.read_bytes()))
    except (ImageError, OSError) as error:
        raise DataError(f"{path}: {error}") from error

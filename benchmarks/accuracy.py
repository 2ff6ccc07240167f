"""How often the answer is right, on real people's ink.

    python -m benchmarks.accuracy [--model PATH]

Every picture travels as it would in the server: PNG bytes -> `read_image` -> `normalize` -> `predict`. A picture that
is refused counts as wrong.
"""

import argparse
import sys
from collections.abc import Callable, Iterable
from pathlib import Path

import inkdigit.image
import numpy as np
from numpy.typing import NDArray

import inkdigit.preprocess
from benchmarks.drawings import Drawings, all_drawings, available, cache_folder, digest
from inkdigit import Recognizer, normalize, read_image
from inkdigit.errors import ImageError

BATCH = 256
REFUSED = -1  # the label of a picture that was not read at all
SKIPPED = "skipped: ../shared/data is not there, so there is no real ink to measure on"


def evaluate_real_ink(recognizer: Recognizer) -> dict[str, tuple[float, int]]:
    """Measure one model on every set.

    Args:
        recognizer: The model; only `predict` is used.

    Returns:
        Name of the set -> (accuracy in [0, 1], number of pictures). `mnist_c_dev` holds equally many pictures of each
        corruption, so one minus its accuracy is the mean error over the corruptions.
    """
    return {
        drawings.name: (accuracy(predict_all(recognizer, drawings), drawings.labels), len(drawings.labels))
        for drawings in all_drawings()
    }


def accuracy(answers: NDArray[np.int64], labels: NDArray[np.int64]) -> float:
    """The share of answers that are right, in [0, 1]."""
    return float(np.mean(answers == labels))


def predict_all(recognizer: Recognizer, drawings: Drawings) -> NDArray[np.int64]:
    """(N,) answers to N pictures, REFUSED where there was none."""
    inputs, readable = _inputs(drawings)
    answers = np.full(len(inputs), REFUSED, np.int64)
    for rows in _batches(np.flatnonzero(readable)):
        answers[rows] = [prediction.label for prediction in recognizer.predict(inputs[rows])]
    return answers


def answers_of(classify: Callable[[bytes], int], pngs: Iterable[bytes]) -> NDArray[np.int64]:
    """(N,) answers of a function that reads one PNG file at a time."""
    return np.array([classify(png) for png in pngs], np.int64)


def _batches(rows: NDArray[np.intp]) -> list[NDArray[np.intp]]:
    return [rows[start : start + BATCH] for start in range(0, len(rows), BATCH)]


def _inputs(drawings: Drawings) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """The 28x28 frames, and which of them could be made: kept on disk, for comparing models is the common case."""
    code = [Path(str(module.__file__)).read_bytes() for module in (inkdigit.image, inkdigit.preprocess)]
    path = cache_folder() / f"frames-{digest(*drawings.pngs, *code)}.npz"
    if not path.exists():
        frames = [_frame(png) for png in drawings.pngs]
        readable = np.array([frame is not None for frame in frames])
        blank = np.zeros((28, 28), np.float32)
        np.savez(path, inputs=np.stack([blank if f is None else f for f in frames]), readable=readable)
    with np.load(path) as file:
        return file["inputs"], file["readable"]


def _frame(png: bytes) -> NDArray[np.float32] | None:
    try:
        return normalize(read_image(png))
    except ImageError:
        return None


def main(arguments: list[str] | None = None) -> int:
    """Print one line per set."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--model", type=Path, help="a version folder; the shipped model where absent")
    options = parser.parse_args(arguments)
    if not available():
        print(SKIPPED)
        return 0
    for name, (share, n) in evaluate_real_ink(Recognizer.load(options.model)).items():
        print(f"{name:20} {100 * share:6.2f} %   n = {n:,}", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())

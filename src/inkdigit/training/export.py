"""Trained network -> model folder: Keras and ONNX files that agree, a card, digests and a report."""

import base64
import hashlib
import importlib.util
import json
import os
import shutil
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from inkdigit.errors import MissingExtraError, ModelError
from inkdigit.preprocess import PREPROCESS_VERSION
from inkdigit.recognizer import CLASSES, Recognizer
from inkdigit.training.dataset import DIGESTS, Digits, Mnist
from inkdigit.training.evaluate import evaluate, frames

AGREEMENT_IMAGES = 1_000
AGREEMENT = 1e-5  # greatest difference of a probability between Keras and ONNX Runtime


def write_model_folder(
    network: keras.Sequential, out: Path, mnist: Mnist, card: dict[str, Any], history: list[dict[str, float]]
) -> Path:
    """Write a version folder beside its final place, check it, and move it there whole.

    Args:
        network: trained.
        out: the folder to make; its name becomes the version.
        mnist: its held-out part checks the agreement of the two files, its test part judges the result.
        card: what the training run says of itself.
        history: figures per epoch, for the report.

    Raises:
        ModelError: the ONNX file does not give what Keras gives.
    """
    unfinished = out.with_name(f".{out.name}.unfinished")
    shutil.rmtree(unfinished, ignore_errors=True)
    unfinished.mkdir(parents=True)
    export(network, unfinished)
    images = frames(mnist.held_out)
    full = _describe(network, out.name, images[0]) | card
    _seal(unfinished, full)
    recognizer = Recognizer.load(unfinished)
    full["agreement"] = _agreement(network, recognizer, images[:AGREEMENT_IMAGES])
    probabilities = {"held_out": recognizer.probabilities(images), "test": recognizer.probabilities(frames(mnist.test))}
    full["metrics"] = {name: _figures(rows, getattr(mnist, name)) for name, rows in probabilities.items()}
    _report(unfinished, full, history, mnist.test, probabilities["test"])
    _seal(unfinished, full)
    unfinished.replace(out)
    return out


def export(network: keras.Sequential, folder: Path) -> None:
    """Write `model.keras` and `model.onnx`, the latter from TensorFlow whatever trained: its graph runs fastest.

    Raises:
        MissingExtraError: a package that writes ONNX files is not installed.
        ModelError: TensorFlow could not write it.
    """
    plain = keras.Sequential.from_config(network.get_config())  # without its optimizer, which reading needs not
    plain.set_weights(network.get_weights())
    plain(np.zeros((1, 28, 28, 1), np.float32))  # a Sequential must be called once before export
    plain.save(folder / "model.keras")
    for package in ("tensorflow", "tf2onnx"):
        if importlib.util.find_spec(package) is None:
            raise MissingExtraError(package, "train")
    if keras.backend.backend() == "tensorflow":
        plain.export(folder / "model.onnx", format="onnx", verbose=False)
    else:
        _export_elsewhere(folder)


def _export_elsewhere(folder: Path) -> None:
    """Write `model.onnx` from `model.keras` in a process of its own, since a process has one backend for good."""
    code = (
        "import sys, keras, numpy; network = keras.models.load_model(sys.argv[1], compile=False); "
        "network(numpy.zeros((1, 28, 28, 1), 'float32')); network.export(sys.argv[2], format='onnx', verbose=False)"
    )
    command = [sys.executable, "-c", code, str(folder / "model.keras"), str(folder / "model.onnx")]
    environment = os.environ | {"KERAS_BACKEND": "tensorflow"}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)  # noqa: S603
    if done.returncode:
        raise ModelError(f"TensorFlow could not export the network: {done.stderr.strip().splitlines()[-1:]}")


def _describe(network: keras.Sequential, version: str, canary: NDArray[np.float32]) -> dict[str, Any]:
    image = (canary * 255).round().astype(np.uint8)
    answer = network.predict((image / np.float32(255))[None, ..., None], verbose=0)[0]
    return {
        "version": version,
        "created": datetime.now(UTC).strftime("%Y-%m-%d"),
        "preprocess": PREPROCESS_VERSION,
        "labels": [str(digit) for digit in range(CLASSES)],
        "network": {"name": network.name, "parameters": network.count_params()},
        "data": {"name": "MNIST", "sha256": DIGESTS},
        "canary": {"image": base64.b64encode(image.tobytes()).decode(), "probabilities": [float(p) for p in answer]},
    }


def _agreement(network: keras.Sequential, recognizer: Recognizer, images: NDArray[np.float32]) -> dict[str, Any]:
    """The greatest difference between Keras and the ONNX file, one picture at a time and all at once."""
    expected = network.predict(images[..., None], batch_size=100, verbose=0)
    one_by_one = np.concatenate([recognizer.probabilities(image[None]) for image in images])
    found = {
        "n": len(images),
        "batch_of_1": float(np.abs(one_by_one - expected).max()),
        "batch_of_n": float(np.abs(recognizer.probabilities(images) - expected).max()),
    }
    if max(found["batch_of_1"], found["batch_of_n"]) > AGREEMENT:
        raise ModelError(f"the ONNX file differs from the Keras model by more than {AGREEMENT}: {found}")
    return found


def _figures(probabilities: NDArray[np.float32], digits: Digits) -> dict[str, Any]:
    return evaluate(probabilities, digits.labels).figures()


def _report(
    folder: Path, card: dict[str, Any], history: list[dict[str, float]], test: Digits, rows: NDArray[np.float32]
) -> None:
    from inkdigit.training.report import write_report

    write_report(folder / "report.html", card, history, test, rows)


def _seal(folder: Path, card: dict[str, Any]) -> None:
    """Write the card, then the digests of all that is in the folder."""
    (folder / "card.json").write_text(json.dumps(card, indent=2) + "\n", "utf-8")
    files = sorted(path for path in folder.iterdir() if path.name != "SHA256SUMS")
    lines = [f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.name}\n" for path in files]
    (folder / "SHA256SUMS").write_text("".join(lines), "utf-8")

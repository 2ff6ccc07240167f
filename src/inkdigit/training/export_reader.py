"""Trained reader of lines -> model folder: Keras and ONNX files that agree, a card, digests and a report."""

import base64
import shutil
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from inkdigit.ctc import likelihoods, log_softmax, probability, search
from inkdigit.errors import ModelError
from inkdigit.number import LABELS
from inkdigit.reader import BEAMS, CHARACTERS, LINE_VERSION, Reader, Trust
from inkdigit.recognizer import start_session
from inkdigit.training.characters import CharacterNetwork, Lines
from inkdigit.training.dataset import DIGESTS
from inkdigit.training.export import export, seal
from inkdigit.training.lines import classes_of
from inkdigit.training.measures import calibration_error, interval
from inkdigit.training.report import write_reader_report

AGREEMENT = 0.01  # greatest difference of a logit between Keras and ONNX Runtime
AGREEMENT_LINES = 50
# What read the most of cheque_numbers_dev and of held-out lines; the last two fit the confidence to cheque_numbers_dev.
TRUST = Trust(line=1.0, whole=1.0, cut=0.3, agree=0.6, sure=0.55, lift=3.8, characters=0.5)
TEMPERATURES = np.geomspace(0.5, 3.0, 19)


@dataclass(frozen=True, slots=True)
class Reading:
    """What the network made of a held-out line.

    Attributes:
        text: what stands there.
        read: the likeliest text.
        confidence: its probability, in [0, 1].
        picture: the line, (LINE_HEIGHT, W) uint8, 0 is paper.
    """

    text: str
    read: str
    confidence: float
    picture: NDArray[np.uint8]


def write_reader_folder(
    network: keras.Sequential,
    out: Path,
    held_out: Lines,
    card: dict[str, Any],
    history: list[dict[str, float]],
    characters: CharacterNetwork,
) -> Path:
    """Write a version folder beside its final place, check it, and move it there whole.

    Args:
        network: trained, as `network.plain` gives it.
        out: the folder to make; its name becomes the version.
        held_out: lines that set the temperature and judge.
        card: what the training run says of itself.
        history: figures per epoch, for the report.
        characters: the network that looks at characters alone.

    Raises:
        ModelError: the ONNX file does not give what Keras gives.
    """
    unfinished = out.with_name(f".{out.name}.unfinished")
    shutil.rmtree(unfinished, ignore_errors=True)
    unfinished.mkdir(parents=True)
    pictures, texts = held_out.pictures, held_out.texts
    export(network, unfinished)
    _export_characters(characters.network, unfinished)
    onnx = (unfinished / "model.onnx").read_bytes()
    session = start_session(onnx, unfinished)
    name = session.get_inputs()[0].name
    answers = [np.asarray(session.run(None, {name: _framed(picture)})[0][0], np.float32) for picture in pictures]
    temperature = fit_line_temperature(answers, texts)
    readings = [_read(*line, temperature) for line in zip(answers, texts, pictures, strict=True)]
    full = card | {
        "kind": "reader",
        "version": out.name,
        "created": datetime.now(UTC).strftime("%Y-%m-%d"),
        "lines": LINE_VERSION,
        "labels": list(LABELS),
        "network": {"name": network.name, "parameters": network.count_params(), "onnx_bytes": len(onnx)},
        "data": {"name": "MNIST", "sha256": DIGESTS},
        "temperature": round(temperature, 4),
        "trust": asdict(TRUST),
        "canary": {**_canary(pictures[0], answers[0]), "character": characters.canary},
        "characters": characters.card,
        "agreement": _agreement(network, pictures[:AGREEMENT_LINES], answers),
        "metrics": {"held_out": line_figures(readings)},
    }
    seal(unfinished, full)
    Reader.load(unfinished)
    write_reader_report(unfinished / "report.html", full, history, readings)
    seal(unfinished, full)
    unfinished.replace(out)
    return out


def _export_characters(network: keras.Sequential, folder: Path) -> None:
    """Write the network of characters as ONNX alone: no run goes on from it, for it is soon trained anew."""
    apart = folder / "characters"
    apart.mkdir()
    export(network, apart)
    (apart / "model.onnx").rename(folder / CHARACTERS)
    shutil.rmtree(apart)


def _framed(picture: NDArray[np.uint8]) -> NDArray[np.float32]:
    """A line alone as a batch, of even width."""
    even = np.pad(picture, ((0, 0), (0, picture.shape[1] % 2)))
    return np.asarray(even[None, ..., None] / np.float32(255), np.float32)


def fit_line_temperature(answers: Sequence[NDArray[np.float32]], texts: Sequence[str]) -> float:
    """The temperature at which the texts are the likeliest.

    Args:
        answers: (T, C) logits of each line.
        texts: what the lines show.
    """
    known = [tuple(classes_of([text])[0].tolist()) if text else () for text in texts]

    def loss(temperature: float) -> float:
        logs = (log_softmax(answer, temperature) for answer in answers)
        found = [max(float(likelihoods(log, [text])[0]), -30.0) for log, text in zip(logs, known, strict=True)]
        return -float(np.mean(found))

    return float(min(TEMPERATURES, key=loss))


def _read(answer: NDArray[np.float32], text: str, picture: NDArray[np.uint8], temperature: float) -> Reading:
    logs = log_softmax(answer, temperature)
    best, _ = search(logs, BEAMS)[0]
    read = "".join(LABELS[character - 1] for character in best)
    return Reading(text, read, probability(float(likelihoods(logs, [best])[0])), picture)


def line_figures(readings: Sequence[Reading]) -> dict[str, Any]:
    """How well lines were read: n, how many wholly right with the 95 % interval, and the calibration error."""
    right = np.array([reading.text == reading.read for reading in readings])
    confidence = np.array([reading.confidence for reading in readings])
    low, high = interval(int(right.sum()), len(right))
    return {
        "n": len(right),
        "accuracy": float(right.mean()),
        "interval": [round(low, 5), round(high, 5)],
        "errors": int((~right).sum()),
        "ece": calibration_error(confidence, right),
    }


def _canary(picture: NDArray[np.uint8], answer: NDArray[np.float32]) -> dict[str, Any]:
    """A line, and what the network says in its middle."""
    even = np.pad(picture, ((0, 0), (0, picture.shape[1] % 2)))
    return {
        "image": base64.b64encode(even.tobytes()).decode(),
        "logits": [round(float(logit), 4) for logit in answer[len(answer) // 2]],
    }


def _agreement(
    network: keras.Sequential, pictures: Sequence[NDArray[np.uint8]], answers: Sequence[NDArray[np.float32]]
) -> dict[str, Any]:
    """The greatest difference of a logit between Keras and the ONNX file."""
    differences = [
        float(np.abs(network.predict_on_batch(_framed(picture))[0] - answer).max())
        for picture, answer in zip(pictures, answers, strict=False)
    ]
    if max(differences) > AGREEMENT:
        raise ModelError(f"the ONNX file differs from the Keras model by more than {AGREEMENT}: {max(differences)}")
    return {"n": len(differences), "greatest_difference_of_a_logit": max(differences)}

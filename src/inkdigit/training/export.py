"""Trained network -> model folder: Keras and ONNX files that agree, a card, digests and a report."""

import base64
import hashlib
import importlib.util
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray
from onnxruntime import InferenceSession

from inkdigit.adapt import Grounds
from inkdigit.errors import MissingExtraError, ModelError
from inkdigit.preprocess import PREPROCESS_VERSION
from inkdigit.recognizer import CLASSES, EMBEDDING, GROUNDS, NOT_A_DIGIT, Recognizer
from inkdigit.training.dataset import DIGESTS, Digits, Images, Mnist
from inkdigit.training.evaluate import Judged, judge, try_out
from inkdigit.training.labelled import MNIST_HELD_OUT, MNIST_TEST, Labelled, frames
from inkdigit.training.measures import fit_temperature, logits_of
from inkdigit.training.report import write_training_report

AGREEMENT_IMAGES = 1_000
AGREEMENT = 1e-5  # greatest difference of a probability between Keras and ONNX Runtime
EIGHT_BIT_AGREEMENT = 0.5  # the same for a network in eight bits, which differs on doubtful digits
SOME_WIDTH = 64  # pixels, of a line with which a network of any width is tried
PRIOR = 2.0  # taken from the logit of "not a digit": a quarter of what trains is none, far less of what users draw
THRESHOLD = (
    0.045  # probability of being no digit from which on a picture is rejected; 99.5 % of pen_digits_dev stay under it
)


def write_model_folder(
    network: keras.Sequential,
    out: Path,
    mnist: Mnist,
    card: dict[str, Any],
    history: list[dict[str, float]],
    non_digits: Images,
    calibration: Images | None = None,
) -> Path:
    """Write a version folder beside its final place, check it, and move it there whole.

    Args:
        network: trained, as `network.plain` gives it; its last layer gets the prior and the temperature that fit.
        out: the folder to make; its name becomes the version.
        mnist: its held-out part sets the temperature and checks that the two files agree, its test part judges.
        card: what the training run says of itself.
        history: figures per epoch, for the report.
        non_digits: (N, 28, 28) uint8 pictures that are no digits and did not train; they and the held-out digits
            tell what becomes of either at which confidence.
        calibration: (N, 28, 28) uint8 training pictures; where they are given, the ONNX file computes in eight bits,
            with the ranges that these show.

    Raises:
        ModelError: the ONNX file does not give what Keras gives.
    """
    unfinished = out.with_name(f".{out.name}.unfinished")
    shutil.rmtree(unfinished, ignore_errors=True)
    unfinished.mkdir(parents=True)
    some = mnist.training[::11]
    candidate = write_candidate(network, unfinished, out.name, mnist.held_out, card, non_digits, calibration, some)
    release(candidate, mnist.test, history)
    unfinished.replace(out)
    return out


@dataclass(frozen=True, slots=True)
class Candidate:
    """A model folder that is whole but for its report, and that MNIST's test images have not judged.

    Attributes:
        folder: its place.
        card: what its card.json says.
        held_out: its answers to the held-out digits, and to pictures that are none.
    """

    folder: Path
    card: dict[str, Any]
    held_out: Judged


def write_candidate(
    network: keras.Sequential,
    folder: Path,
    version: str,
    held_out: Digits,
    card: dict[str, Any],
    non_digits: Images,
    calibration: Images | None = None,
    trained: Digits | None = None,
) -> Candidate:
    """Write a network into an empty folder and check it; the arguments are those of `write_model_folder`.

    Digits that trained, where some are given, join the held-out ones in the guard of what is learnt of a hand: they
    come from more writers.

    A threshold that the card states already (`rejection.threshold`) stays.

    Raises:
        ModelError: the ONNX file does not give what Keras gives.
    """
    frames_held_out = frames(held_out)
    correct_prior(network)
    temperature = cool(network, frames_held_out, held_out.labels)
    export(network, folder)
    if calibration is not None:
        quantize(folder / "model.onnx", calibration)
        temperature *= _cool_in_eight_bits(network, folder / "model.onnx", held_out, calibration)
    expose_embedding(folder / "model.onnx")
    full = card | {
        "temperature": round(temperature, 4),
        "rejection": {"threshold": THRESHOLD} | card.get("rejection", {}),
    }
    full = _describe(version, network, folder / "model.onnx", frames_held_out[0]) | full
    seal(folder, full)
    recognizer = Recognizer.load(folder)
    write_grounds(recognizer, folder, held_out, held_out[:0] if trained is None else trained)
    limit = AGREEMENT if calibration is None else EIGHT_BIT_AGREEMENT
    full["agreement"] = _agreement(network, recognizer, frames_held_out[:AGREEMENT_IMAGES], limit)
    judged = judge(recognizer, _labelled(MNIST_HELD_OUT, held_out, non_digits))
    full["metrics"] = {"held_out": judged.evaluation.figures()}
    full["rejection"] |= {
        "n_digits": len(held_out),
        "n_non_digits": len(non_digits),
        "operating_points": [point.figures() for point in judged.operating_points()],
    }
    seal(folder, full)
    return Candidate(folder, full, judged)


def release(candidate: Candidate, test: Digits, history: list[dict[str, float]]) -> None:
    """Let MNIST's test images judge a candidate, once and for its card alone, and write its report."""
    card, others = candidate.card, candidate.held_out.labelled.others
    recognizer = Recognizer.load(candidate.folder)
    judged = judge(recognizer, replace(Labelled.of(MNIST_TEST, test), others=others))
    card["metrics"]["test"] = judged.evaluation.figures()
    if card.get("seeds"):
        card["seeds"] = sorted([*card["seeds"], seed_figures(card)], key=lambda run: run["seed"])
    write_report(candidate, judged, history)


def write_report(candidate: Candidate, judged: Judged, history: list[dict[str, float]]) -> None:
    """Write a candidate's report, on the pictures that it was judged by, and seal its folder."""
    folder = candidate.folder
    trials = try_out([Recognizer.load(folder)], candidate.held_out.labelled)
    write_training_report(folder / "report.html", candidate.card, history, judged, trials)
    seal(folder, candidate.card)


def _labelled(source: str, digits: Digits, non_digits: Images) -> Labelled:
    others = frames(Digits(non_digits, np.zeros(len(non_digits), np.uint8)))
    return replace(Labelled.of(source, digits), others=others)


def seed_figures(card: Mapping[str, Any]) -> dict[str, Any]:
    """What a card says of its run in the table of runs that differ in their seed alone."""
    figures = {f"{name}_{key}": part[key] for name, part in card["metrics"].items() for key in ("accuracy", "ece")}
    return {"seed": card["seed"], **figures}


def correct_prior(network: keras.Sequential) -> None:
    """Make "not a digit" as rare an answer as it is among what users draw; changes the network in place."""
    last = network.layers[-1]
    weights, bias = last.get_weights()
    bias[-1] -= PRIOR
    last.set_weights([weights, bias])


def cool(network: keras.Sequential, images: NDArray[np.float32], labels: NDArray[np.uint8]) -> float:
    """Divide the last layer by the temperature at which its probabilities are the likeliest, and say which.

    Args:
        network: changed in place.
        images: (N, 28, 28) float32 digits that did not train it.
        labels: (N,) theirs.
    """
    return divide(network, fit_temperature(logits_of(network.predict(images[..., None], 500, verbose=0)), labels))


def divide(network: keras.Sequential, temperature: float) -> float:
    """Divide the last layer by a temperature, and give that back; changes the network in place."""
    last = network.layers[-1]
    last.set_weights([weights / temperature for weights in last.get_weights()])
    return temperature


def _cool_in_eight_bits(network: keras.Sequential, path: Path, held_out: Digits, calibration: Images) -> float:
    """Write the file in eight bits once more, at the temperature that its own answers ask for, and say which."""
    session = InferenceSession(path, providers=["CPUExecutionProvider"])
    [answers] = session.run(None, {session.get_inputs()[0].name: frames(held_out)[..., None]})
    temperature = divide(network, fit_temperature(logits_of(answers), held_out.labels))
    export(network, path.parent)
    quantize(path, calibration)
    return temperature


def quantize(path: Path, images: Images) -> None:
    """Make an ONNX file compute in eight bits, with the ranges that these (N, 28, 28) uint8 pictures show.

    The probabilities are left in float32: in eight bits they would be multiples of 1/256, and never say 99.9 %.
    Weights keep to seven of their eight bits: processors without VNNI add two products in sixteen bits, which overflow
    otherwise, and would answer otherwise than those that have it.
    """
    from onnxruntime.quantization import CalibrationMethod, QuantFormat, QuantType, quantize_static

    full = path.with_name("full.onnx")
    path.rename(full)
    quantize_static(
        full,
        path,
        _Pictures(images),
        op_types_to_quantize=["Conv", "MatMul"],
        quant_format=QuantFormat.QOperator,
        per_channel=True,
        reduce_range=True,
        activation_type=QuantType.QUInt8,
        weight_type=QuantType.QInt8,
        calibrate_method=CalibrationMethod.MinMax,
    )
    full.unlink()


class _Pictures:
    """Pictures as ONNX Runtime's calibration asks for them."""

    def __init__(self, images: Images) -> None:
        scaled = np.asarray(images[..., None] / np.float32(255), np.float32)
        self._batches = iter([{"image": scaled[i : i + 100]} for i in range(0, len(scaled), 100)])

    def get_next(self) -> dict[str, NDArray[np.float32]] | None:
        """The next batch; None after the last."""
        return next(self._batches, None)


def export(network: keras.Sequential, folder: Path) -> None:
    """Write `model.keras` and `model.onnx`, the latter from TensorFlow whatever trained: its graph runs fastest.

    Raises:
        MissingExtraError: a package that writes ONNX files is not installed.
        ModelError: TensorFlow could not write it.
    """
    shape = [side or SOME_WIDTH for side in network.input_shape[1:]]
    network(np.zeros((1, *shape), np.float32))  # a Sequential must be called once before export
    network.save(folder / "model.keras")
    for package in ("tensorflow", "tf2onnx"):
        if importlib.util.find_spec(package) is None:
            raise MissingExtraError(package, "train")
    if keras.backend.backend() == "tensorflow":
        network.export(folder / "model.onnx", format="onnx", verbose=False)
    else:
        _export_elsewhere(folder, shape)


def _export_elsewhere(folder: Path, shape: Sequence[int]) -> None:
    """Write `model.onnx` from `model.keras` in a process of its own, since a process has one backend for good."""
    code = (
        "import sys, keras, numpy; network = keras.models.load_model(sys.argv[1], compile=False); "
        f"network(numpy.zeros({(1, *shape)}, 'float32')); network.export(sys.argv[2], format='onnx', verbose=False)"
    )
    command = [sys.executable, "-c", code, str(folder / "model.keras"), str(folder / "model.onnx")]
    environment = os.environ | {"KERAS_BACKEND": "tensorflow"}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)  # noqa: S603
    if done.returncode:
        raise ModelError(f"TensorFlow could not export the network: {done.stderr.strip().splitlines()[-1:]}")


def expose_embedding(path: Path) -> None:
    """Let an ONNX file also tell what its last layer sees, as a second output; its answers stay the same.

    Of a joined network, what its last layer sees of the first part: that tells as much of a hand in half the numbers.

    Raises:
        ModelError: it has no dense layer.
    """
    import onnx  # here, because it comes with the exporter

    model = onnx.load(path)
    dense = [node for node in model.graph.node if node.op_type in ("MatMul", "Gemm", "QLinearMatMul")]
    if not dense:
        raise ModelError(f"{path} has no dense layer, so it has no embedding")
    last = dense[-1]
    inputs = list(last.input[:3] if last.op_type == "QLinearMatMul" else last.input[:1])
    operation = "DequantizeLinear" if len(inputs) == 3 else "Identity"
    sides = {tensor.name: tensor.dims for tensor in model.graph.initializer}
    side = sides[last.input[3 if len(inputs) == 3 else 1]][0]
    for node in model.graph.node:
        if node.op_type == "Concat" and list(node.output) == inputs:
            inputs, side = [node.input[0]], "of the first part"
    model.graph.node.append(onnx.helper.make_node(operation, inputs, [EMBEDDING], name=EMBEDDING))
    shape = ["pictures", side]
    model.graph.output.append(onnx.helper.make_tensor_value_info(EMBEDDING, onnx.TensorProto.FLOAT, shape))
    onnx.checker.check_model(model)
    onnx.save(model, path)


def write_grounds(recognizer: Recognizer, folder: Path, held_out: Digits, trained: Digits) -> None:
    """Write what a model must bring along to be adapted to a hand, measured on digits that others wrote."""
    digits, held = held_out.joined(trained), np.arange(len(held_out) + len(trained)) < len(held_out)
    grounds = Grounds.measure(*recognizer.embed(frames(digits)), digits.labels, held)
    (folder / GROUNDS).write_bytes(grounds.to_bytes())


def _describe(version: str, network: keras.Sequential, onnx: Path, canary: NDArray[np.float32]) -> dict[str, Any]:
    image = (canary * 255).round().astype(np.uint8)
    session = InferenceSession(onnx, providers=["CPUExecutionProvider"])
    [answer] = session.run(None, {session.get_inputs()[0].name: (image / np.float32(255))[None, ..., None]})[0]
    return {
        "version": version,
        "created": datetime.now(UTC).strftime("%Y-%m-%d"),
        "preprocess": PREPROCESS_VERSION,
        "labels": [*(str(digit) for digit in range(CLASSES)), NOT_A_DIGIT],
        "network": {"name": network.name, "parameters": network.count_params(), "onnx_bytes": onnx.stat().st_size},
        "data": {"name": "MNIST", "sha256": DIGESTS},
        "canary": {"image": base64.b64encode(image.tobytes()).decode(), "probabilities": [float(p) for p in answer]},
    }


def _agreement(
    network: keras.Sequential, recognizer: Recognizer, images: NDArray[np.float32], limit: float
) -> dict[str, Any]:
    """The greatest difference between Keras and the ONNX file, one picture at a time and all at once."""
    expected = network.predict(images[..., None], batch_size=100, verbose=0)
    one_by_one = np.concatenate([recognizer.classify(image[None]) for image in images])
    found = {
        "n": len(images),
        "batch_of_1": float(np.abs(one_by_one - expected).max()),
        "batch_of_n": float(np.abs(recognizer.classify(images) - expected).max()),
    }
    if max(found["batch_of_1"], found["batch_of_n"]) > limit:
        raise ModelError(f"the ONNX file differs from the Keras model by more than {limit}: {found}")
    return found


def seal(folder: Path, card: dict[str, Any]) -> None:
    """Write the card, then the digests of all that is in the folder."""
    (folder / "card.json").write_text(json.dumps(card, indent=2) + "\n", "utf-8")
    files = sorted(path for path in folder.iterdir() if path.name != "SHA256SUMS")
    lines = [f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.name}\n" for path in files]
    (folder / "SHA256SUMS").write_text("".join(lines), "utf-8")

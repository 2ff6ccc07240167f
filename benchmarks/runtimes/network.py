"""Clock a network in one or more runtimes: milliseconds of CPU, of all threads of the process.

python network.py FOLDER FRAMES.npy ANSWERS.npz SECONDS RUNTIME...

FOLDER holds model.onnx, model.keras or model.tflite, whichever the runtime reads; FRAMES.npy holds (N, 28, 28) float32.
Prints JSON: the CPU seconds of the imports and the first load, and for each runtime the arithmetic it says it uses and
the times of single frames and of all N at once. Where there are several runtimes they take turns, call by call.
ANSWERS.npz gets the (N, C) probabilities of each.
"""

import functools
import json
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

WARM_UP = 3  # calls that do not count
EIGHT_BITS, FLOAT = "8 bits", "float32"

Run = Callable[[Any], Any]  # (N, 28, 28, 1) float32 -> (N, C) probabilities


@dataclass(frozen=True)
class Loaded:
    """A network in a runtime, for batches of one size."""

    run: Run
    arithmetic: str


def inkdigit(folder: Path, _n: int) -> Loaded:
    """`Recognizer.predict`, with all that it checks and makes."""
    from inkdigit import Recognizer

    recognizer = Recognizer.load(folder)
    return Loaded(lambda batch: recognizer.predict(batch[..., 0]), arithmetic_of(folder))


def onnxruntime(folder: Path, _n: int) -> Loaded:
    """The bare session, with the options that `Recognizer` sets."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(folder / "model.onnx", options, providers=["CPUExecutionProvider"])
    name = session.get_inputs()[0].name
    return Loaded(lambda batch: session.run(None, {name: batch})[0], arithmetic_of(folder))


def keras_predict(folder: Path, n: int) -> Loaded:
    """`model.predict`, as first demos call it."""
    model = _keras_model(folder)
    return Loaded(lambda batch: model.predict(batch, batch_size=n, verbose=0), FLOAT)


def keras_call(folder: Path, _n: int) -> Loaded:
    """`model(x)`, as the Keras documentation advises for few pictures."""
    model = _keras_model(folder)
    return Loaded(lambda batch: np.asarray(model(batch, training=False)), FLOAT)


def openvino(folder: Path, n: int) -> Loaded:
    """OpenVINO as it comes: with the arithmetic that it thinks best on this processor."""
    return _openvino(folder, n, {})


def openvino_float(folder: Path, n: int) -> Loaded:
    """OpenVINO, told to compute as exactly as the network was exported."""
    return _openvino(folder, n, {"INFERENCE_PRECISION_HINT": "f32"})


def litert(folder: Path, n: int) -> Loaded:
    """LiteRT, on what TensorFlow's converter made of the Keras file."""
    from ai_edge_litert.interpreter import Interpreter

    interpreter = Interpreter(str(folder / "model.tflite"), num_threads=1)
    frames, answer = interpreter.get_input_details()[0]["index"], interpreter.get_output_details()[0]["index"]
    interpreter.resize_tensor_input(frames, [n, 28, 28, 1])
    interpreter.allocate_tensors()

    def run(batch: Any) -> Any:
        interpreter.set_tensor(frames, batch)
        interpreter.invoke()
        return interpreter.get_tensor(answer)

    return Loaded(run, arithmetic_of(folder))


RUNTIMES = {
    "inkdigit": inkdigit,
    "onnxruntime": onnxruntime,
    "keras-predict": keras_predict,
    "keras-call": keras_call,
    "openvino": openvino,
    "openvino-float": openvino_float,
    "litert": litert,
}


def arithmetic_of(folder: Path) -> str:
    """What the ONNX file computes in."""
    return EIGHT_BITS if b"QLinearConv" in (folder / "model.onnx").read_bytes() else FLOAT


def clock(runs: Mapping[str, Callable[[], object]], seconds: float) -> dict[str, list[float]]:
    """CPU milliseconds of each call, the runs in turn, until each has taken so many seconds in all."""
    times: dict[str, list[float]] = {name: [] for name in runs}
    for run in runs.values():
        for _ in range(WARM_UP):
            run()
    while min(map(sum, times.values())) < 1000 * seconds:
        for name, run in runs.items():
            begun = time.process_time()
            run()
            times[name].append(1000 * (time.process_time() - begun))
    return times


def _keras_model(folder: Path) -> Any:
    import keras

    return keras.models.load_model(folder / "model.keras", compile=False)


def _openvino(folder: Path, n: int, options: dict[str, str]) -> Loaded:
    from openvino import Core

    core = Core()
    model = core.read_model(folder / "model.onnx")
    model.reshape([n, 28, 28, 1])  # a little faster than with a size left open
    compiled = core.compile_model(model, "CPU", {"INFERENCE_NUM_THREADS": 1, **options})
    request = compiled.create_infer_request()
    precision = compiled.get_property("INFERENCE_PRECISION_HINT").get_type_name()
    arithmetic = {"f32": FLOAT, "bf16": "bfloat16"}.get(precision, precision)
    return Loaded(lambda batch: next(iter(request.infer({0: batch}).values())).copy(), arithmetic)


def load(folder: Path, names: Sequence[str], sizes: Sequence[int]) -> tuple[dict[tuple[str, int], Loaded], float]:
    """The network in each runtime for each size of batch, and the CPU seconds until the first of them was ready."""
    begun = time.process_time()
    loaded = {(names[0], sizes[0]): RUNTIMES[names[0]](folder, sizes[0])}
    load_s = time.process_time() - begun
    others = [(name, n) for name in names for n in sizes if (name, n) not in loaded]
    return loaded | {(name, n): RUNTIMES[name](folder, n) for name, n in others}, load_s


def main(folder: str, frames: str, answers: str, seconds: str, *names: str) -> None:
    batch = np.load(frames)[..., None]
    sizes = (1, len(batch))
    try:
        loaded, load_s = load(Path(folder), names, sizes)
    except Exception as error:  # noqa: BLE001  # each runtime has its own types for "this is a file that I do not read"
        print(json.dumps({"failed": str(error)}))
        return
    runs = {n: {name: functools.partial(loaded[name, n].run, batch[:n]) for name in names} for n in sizes}
    np.savez(answers, **{name: run() for name, run in runs[len(batch)].items() if name != "inkdigit"})
    one, together = (clock(runs[n], float(seconds)) for n in sizes)
    found = {
        name: {"arithmetic": loaded[name, 1].arithmetic, "one_ms": one[name], "all_ms": together[name]}
        for name in names
    }
    print(json.dumps({"load_s": load_s, "runtimes": found}))


if __name__ == "__main__":
    main(*sys.argv[1:])

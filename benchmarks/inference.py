"""CPU time of an answer: stage by stage from the page's data URL, and of the same network in other runtimes."""

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import environments, servers, speed
from benchmarks.drawings import PROJECT, save_pictures
from benchmarks.environments import Environment
from benchmarks.setting import Setting
from benchmarks.table import markdown_table, median, percentile, span
from inkdigit import Recognizer, normalize, read_image

SCRIPTS = PROJECT / "benchmarks/runtimes"
BATCH = 256  # frames
SPELLS = 10  # of one runtime and one size of batch, in the seconds of a spell of load
TENSORFLOW = ("keras", "tensorflow-cpu", "tensorflow")
STAGES = {
    "decode_data_url": "data URL to bytes",
    "read_image": "bytes to ink",
    "normalize": "ink to frame",
    "predict": "frame to answer",
}


@dataclass(frozen=True, slots=True)
class Contender:
    """A runtime: what runtimes/network.py calls it, what the table calls it, and the packages that it is."""

    runtime: str
    name: str
    packages: tuple[str, ...]


ONNX_RUNTIME = Contender("onnxruntime", "ONNX Runtime, bare session", ("onnxruntime",))
OURS = (Contender("inkdigit", "`Recognizer.predict`", ("inkdigit", "onnxruntime")), ONNX_RUNTIME)
KERAS = (
    Contender("keras-predict", "Keras `predict`", TENSORFLOW),
    Contender("keras-call", "Keras `__call__`", TENSORFLOW),
)
OPENVINO = Contender("openvino", "OpenVINO, as it comes", ("openvino",))
OPENVINO_FLOAT = Contender("openvino-float", "OpenVINO, float32", ("openvino",))
LITERT = Contender("litert", "LiteRT", ("ai-edge-litert",))


@dataclass(slots=True)
class Clocked:
    """What was seen of one runtime, over all rounds."""

    arithmetic: str = ""
    load_s: list[float] = field(default_factory=list)  # one per round; CPU seconds
    one_ms: list[float] = field(default_factory=list)  # medians of the rounds; CPU milliseconds of a single frame
    all_ms: list[float] = field(default_factory=list)  # the same for a whole batch
    calls: int = 0
    difference: float = 0.0  # greatest one of a probability from what ONNX Runtime says
    failure: str = ""

    def add(self, load_s: float, found: Mapping[str, Any], difference: float) -> None:
        """Take in one round, as runtimes/network.py prints it."""
        self.arithmetic = found["arithmetic"]
        self.load_s.append(load_s)
        self.one_ms.append(median(found["one_ms"]))
        self.all_ms.append(median(found["all_ms"]))
        self.calls += len(found["one_ms"]) + len(found["all_ms"])
        self.difference = max(self.difference, difference)

    def per_second(self) -> list[float]:
        """Digits per second of CPU in batches, a figure per round."""
        return [1000 * BATCH / taken for taken in self.all_ms]


@dataclass(frozen=True, slots=True)
class Task:
    """A model in a folder of its own, and what it is clocked on."""

    name: str
    folder: Path  # holds the model and its LiteRT file
    pictures: Path
    frames: Path
    seconds: float


def inference(setting: Setting) -> str:
    """Clock every model, round by round, and tell it in Markdown."""
    others = environments.runtimes_environment()
    pngs = [speed.as_canvas(png) for png in speed.load_drawings()]
    parts = []
    with tempfile.TemporaryDirectory() as scratch:
        for model in setting.our_models:
            task = _task(setting, model, pngs, Path(scratch))
            parts.append(f"### {task.name}\n\n{_road(setting, task)}\n\n{_runtimes(setting, others, task)}")
            print(parts[-1], file=sys.stderr)  # as soon as it is known, for the next model takes minutes
    return "\n\n".join([*parts, f"- other runtimes: {others.versions()}"])


def _task(setting: Setting, model: Path, pngs: Sequence[bytes], scratch: Path) -> Task:
    folder, pictures, frames = scratch / model.name, scratch / "pictures.npz", scratch / "frames.npy"
    shutil.copytree(model, folder)
    save_pictures(pictures, pngs)
    drawn = [normalize(read_image(png)) for png in pngs]
    np.save(frames, np.stack([drawn[i % len(drawn)] for i in range(BATCH)]))
    if (folder / "model.keras").exists():
        _run(setting.their_environment, "convert.py", folder, frames)
    seconds = setting.effort.seconds / SPELLS
    return Task(Recognizer.load(folder).version, folder, pictures, frames, seconds)


# ---- from the page's data URL to an answer ----


def _road(setting: Setting, task: Task) -> str:
    rounds = [
        json.loads(_run(setting.our_environment, "road.py", task.folder, task.pictures, task.seconds))
        for _ in range(setting.effort.rounds)
    ]
    return road_table(rounds)


def road_table(rounds: Sequence[Mapping[str, Sequence[float]]]) -> str:
    """Stages with their share of the whole, from the milliseconds of each stage of each answer, round by round."""
    wholes = [[sum(answer) for answer in zip(*(times[name] for name in STAGES), strict=True)] for times in rounds]
    stages = {name: [median(times[name]) for times in rounds] for name in (*STAGES, "network")}
    in_all = sum(median(stages[name]) for name in STAGES)

    def row(name: str, medians: Sequence[float], share: str = "") -> tuple[str, ...]:
        return name, f"{median(medians):.3f}", share, span(medians, 3)

    def shared(name: str, title: str) -> tuple[str, ...]:
        return row(title, stages[name], f"{100 * median(stages[name]) / in_all:.0f} %")

    rows = [shared(name, f"{title} (`{name}`)") for name, title in STAGES.items()]
    rows.append(shared("network", "of this, the network alone"))
    rows.append(row("**all, median**", [median(whole) for whole in wholes], "100 %"))
    rows.append(row("all, 99th percentile", [percentile(whole, 0.99) for whole in wholes]))
    answers = sum(map(len, wholes))
    head = ("one digit, data URL to answer", "CPU (ms)", "share", "rounds")
    return f"{markdown_table([head, *rows])}\n\nn = {answers:,} answers in {len(rounds)} rounds."


# ---- the network in several runtimes ----


def _runtimes(setting: Setting, others: Environment, task: Task) -> str:
    # Those that share a process take turns call by call; all others take turns round by round.
    processes: list[tuple[Environment, tuple[Contender, ...]]] = [
        (setting.our_environment, OURS),
        *((setting.their_environment, (contender,)) for contender in KERAS if (task.folder / "model.keras").exists()),
        (others, (OPENVINO,)),
        (others, (OPENVINO_FLOAT,)),
        *((others, (contender,)) for contender in (LITERT,) if (task.folder / "model.tflite").exists()),
    ]
    seen = {contender: Clocked() for _, contenders in processes for contender in contenders}
    for _ in range(setting.effort.rounds):
        for environment, contenders in processes:
            _observe(environment, contenders, task, seen)
    sizes = {
        contender: environment.packages_bytes(contender.packages)
        for environment, contenders in processes
        for contender in contenders
    }
    return runtimes_table(seen, sizes)


def _observe(
    environment: Environment, contenders: Sequence[Contender], task: Task, seen: Mapping[Contender, Clocked]
) -> None:
    names = [contender.runtime for contender in contenders]
    answers = task.folder / f"answers-{names[-1]}.npz"
    told = json.loads(_run(environment, "network.py", task.folder, task.frames, answers, task.seconds, *names))
    for contender in contenders:
        if "failed" in told:
            seen[contender].failure = told["failed"]
        else:
            found = told["runtimes"][contender.runtime]
            seen[contender].add(told["load_s"], found, _difference(task, contender))


def _difference(task: Task, contender: Contender) -> float:
    if contender in OURS:
        return 0.0
    given, expected = (
        np.load(task.folder / f"answers-{runtime}.npz")[runtime]
        for runtime in (contender.runtime, ONNX_RUNTIME.runtime)
    )
    return float(np.abs(given - expected).max())


def runtimes_table(seen: Mapping[Contender, Clocked], sizes: Mapping[Contender, int]) -> str:
    """One row per runtime; digits per second are of batches, and the ratio is the bare session's to the row's."""
    reference = seen[ONNX_RUNTIME]
    head = (
        "same network in",
        "arithmetic",
        "one digit, CPU (ms)",
        "rounds",
        f"digits/s, batches of {BATCH}",
        "rounds",
        "bare session faster by",
        "greatest difference",
        "import and load, CPU (s)",
        "packages (MB)",
        "n (calls)",
    )
    return markdown_table(
        [head, *(_runtime_row(contender, seen[contender], reference, sizes[contender]) for contender in seen)]
    )


def _runtime_row(contender: Contender, clocked: Clocked, reference: Clocked, size: int) -> tuple[str, ...]:
    if clocked.failure:
        return (contender.name, "does not read the file", *[""] * 7, f"{size / 1e6:.0f}", "")
    faster = median(clocked.all_ms) / median(reference.all_ms)
    return (
        contender.name,
        clocked.arithmetic,
        f"{median(clocked.one_ms):.3f}",
        span(clocked.one_ms, 3),
        f"{median(clocked.per_second()):,.0f}",
        span(clocked.per_second(), 0),
        f"{faster:.2f}x",
        "" if contender in OURS else f"{clocked.difference:.1g}",
        f"{median(clocked.load_s):.2f}",
        f"{size / 1e6:.0f}",
        f"{clocked.calls:,}",
    )


def _run(environment: Environment, script: str, *arguments: str | Path | float) -> str:
    """What a script of runtimes/ prints last, run on the one core of the servers."""
    command = [str(part) for part in (environment.python, SCRIPTS / script, *arguments)]
    settings = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3", "KERAS_BACKEND": "tensorflow", "CUDA_VISIBLE_DEVICES": ""}
    with subprocess.Popen(
        command, env=settings, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as process:
        servers.pin(process.pid, servers.server_core())
        printed, _ = process.communicate()
    if process.returncode:
        raise RuntimeError(f"{script} failed; to see why: {' '.join(command)}")
    return (printed.splitlines() or [""])[-1]

"""What the child process does that a model is tried in: `python -m inkdigit.registry.child model|keras PATH`.

It limits itself before it looks at anything, and ends with one line of JSON. What a model does to it (no memory, a
crash, no end) befalls it alone.
"""

import contextlib
import importlib
import json
import os
import re
import sys
import zipfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from inkdigit.errors import InkdigitError, ModelError

MEMORY_BYTES: Final[Mapping[str, int]] = {"model": 2 * 2**30, "keras": 6 * 2**30}  # TensorFlow takes 1.5 for itself
CPU_S: Final[Mapping[str, int]] = {"model": 20, "keras": 240}

_KERAS_FILES: Final = {"metadata.json", "config.json", "model.weights.h5"}
_MAX_CONFIG_BYTES: Final = 2**20
_MAX_WEIGHTS_BYTES: Final = 64 * 2**20
_MAX_SIZE: Final = 2**16  # of a layer, in whatever unit; the largest of ours has 256
# Whatever Keras makes from a configuration is named by module and class; these are what networks of this program need.
_KERAS_MODULES: Final = re.compile(r"keras(?:\.(?:layers|initializers|regularizers|constraints))?")
# fmt: off
_KERAS_CLASSES: Final = frozenset((
    "Activation", "Add", "Average", "AveragePooling1D", "AveragePooling2D", "BatchNormalization", "Bidirectional",
    "Concatenate", "Conv1D", "Conv2D", "DTypePolicy", "Dense", "DepthwiseConv2D", "Dropout", "Flatten", "Functional",
    "GRU", "GlobalAveragePooling2D", "GlorotNormal", "GlorotUniform", "HeNormal", "HeUniform", "InputLayer", "L1",
    "L1L2", "L2", "LSTM", "LayerNormalization", "MaxPooling1D", "MaxPooling2D", "Multiply", "Ones", "Orthogonal",
    "Permute", "ReLU", "Rescaling", "Reshape", "SeparableConv2D", "Sequential", "Softmax", "SpatialDropout2D",
    "ZeroPadding2D", "Zeros",
))
# fmt: on


def main(what: str, path: str) -> None:
    """Try a model, and write what was found: how far it was tried, or what is wrong with it."""
    _limit(MEMORY_BYTES[what], CPU_S[what])
    os.write(1, f"\n{json.dumps(_verdict(_TRIALS[what], Path(path)))}\n".encode())


def _verdict(trial: Callable[[Path], bool], path: Path) -> dict[str, str | bool]:
    try:
        return {"opened": trial(path)}
    except InkdigitError as error:
        return {"refused": str(error)}
    except MemoryError:
        return {"refused": f"{path} asks for too much memory"}
    except Exception as error:  # noqa: BLE001 - a strange model makes its libraries raise anything; all refuses it
        return {"refused": f"{path} cannot be used: {type(error).__name__}: {error}"}


def _limit(memory_bytes: int, cpu_s: int) -> None:
    """Bound memory and time where the system knows how, and write no core and no file of any size."""
    try:
        import resource
    except ImportError:  # Windows; there the time is bounded by the parent
        return
    limits = {"AS": memory_bytes, "CPU": cpu_s, "FSIZE": 2**16, "CORE": 0}
    for name, limit in limits.items():
        with contextlib.suppress(ValueError, OSError):  # a system may refuse one, and the others still hold
            resource.setrlimit(getattr(resource, f"RLIMIT_{name}"), (limit, limit))


def _try_model(folder: Path) -> bool:
    import numpy as np

    from inkdigit.preprocess import SIZE
    from inkdigit.reader import Reader
    from inkdigit.recognizer import Recognizer
    from inkdigit.registry.folders import read_card, reads_lines

    if reads_lines(read_card(folder)):
        Reader.load(folder)
        return True
    answers = Recognizer.load(folder).classify(np.zeros((300, SIZE, SIZE), np.float32))  # more than one run takes
    if not np.allclose(answers.sum(axis=1), 1, atol=0.05):  # one of eight bits rounds
        raise ModelError(f"the model in {folder} does not answer with probabilities")
    return True


def _try_keras(path: Path) -> bool:
    """Look through a Keras file, and open it where Keras is there; it may name nothing but plain layers."""
    for part in _parts(_keras_config(path)):
        _check_part(path, part)
    try:
        keras = importlib.import_module("keras")  # so, because no module of the core may come to need it
    except ImportError:  # or the library under it, which KERAS_BACKEND names, is not there
        return False
    keras.saving.load_model(path, compile=False, safe_mode=True)
    return True


def _keras_config(path: Path) -> Any:
    with zipfile.ZipFile(path) as file:
        sizes = {entry.filename: entry.file_size for entry in file.infolist()}
        if not set(sizes) <= _KERAS_FILES or len(file.infolist()) != len(sizes):
            raise ModelError(f"{path.name} holds other files than a network and its weights")
        if sizes["config.json"] > _MAX_CONFIG_BYTES or max(sizes.values()) > _MAX_WEIGHTS_BYTES:
            raise ModelError(f"{path.name} holds too large a file")
        return json.loads(file.read("config.json"))


def _parts(config: Any) -> Iterator[Any]:
    """All that a configuration is made of, down to the numbers."""
    yield config
    inner = config.values() if isinstance(config, dict) else config if isinstance(config, list) else ()
    for part in inner:
        yield from _parts(part)


def _check_part(path: Path, part: Any) -> None:
    if isinstance(part, dict) and not _is_plain(part):
        name = ".".join(str(part[key]) for key in ("module", "class_name") if part.get(key))
        raise ModelError(f"{path.name} holds {name or 'a function'}, which is no layer that this program uses")
    if isinstance(part, int | float) and not abs(part) <= _MAX_SIZE:  # so written, NaN is refused too
        raise ModelError(f"{path.name} asks for a layer of {part}")


def _is_plain(part: Mapping[str, Any]) -> bool:
    if "class_name" not in part:
        return "module" not in part
    return (
        part["class_name"] in _KERAS_CLASSES
        and part.get("registered_name") in (None, part["class_name"])
        and bool(_KERAS_MODULES.fullmatch(str(part.get("module"))))
    )


_TRIALS: Final[Mapping[str, Callable[[Path], bool]]] = {"model": _try_model, "keras": _try_keras}

if __name__ == "__main__":
    main(*sys.argv[1:])

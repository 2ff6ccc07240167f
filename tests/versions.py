"""Model versions made for tests: whole ones under other names, and some that nobody should load."""

import hashlib
import io
import json
import shutil
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import onnx
from onnx import TensorProto, helper

from inkdigit.recognizer import find_model


def seal(folder: Path) -> Path:
    """Write digests that fit, as somebody would who changes a model on purpose."""
    files = sorted(path for path in folder.iterdir() if path.name != "SHA256SUMS")
    lines = [f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.name}\n" for path in files]
    (folder / "SHA256SUMS").write_text("".join(lines))
    return folder


def edit_card(folder: Path, **changes: Any) -> Path:
    """Change a card, and seal the folder again."""
    card = json.loads((folder / "card.json").read_text())
    (folder / "card.json").write_text(json.dumps(card | changes))
    return seal(folder)


def make_version(place: Path, name: str, of: str = "small-3") -> Path:
    """A shipped model as a version of another name, in a folder of that name; without its Keras file."""
    folder = place / name
    folder.mkdir(parents=True)
    for file in ("card.json", "model.onnx"):
        shutil.copyfile(find_model(of) / file, folder / file)
    return edit_card(folder, version=name)


def put_network(folder: Path, network: bytes) -> Path:
    """Another network, with digests that fit."""
    (folder / "model.onnx").write_bytes(network)
    return seal(folder)


def hungry_network() -> bytes:
    """A network of some 70 bytes that loads, and at its first run asks for 160 GB."""
    made = helper.make_node("RandomUniform", [], ["p"], shape=[40 * 10**9])
    image = helper.make_tensor_value_info("i", TensorProto.FLOAT, None)
    graph = helper.make_graph([made], "g", [image], [helper.make_tensor_value_info("p", TensorProto.FLOAT, None)])
    return bytes(
        helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8).SerializeToString()
    )


def endless_network() -> bytes:
    """A network that never comes to an end: a loop without a bound."""
    flag, turn, again, kept, given = (
        helper.make_tensor_value_info(name, kind, [])
        for name, kind in [
            ("on", TensorProto.BOOL),
            ("turn", TensorProto.INT64),
            ("again", TensorProto.BOOL),
            ("kept", TensorProto.BOOL),
            ("given", TensorProto.BOOL),
        ]
    )
    nodes = [helper.make_node("Identity", ["on"], ["again"]), helper.make_node("Identity", ["kept"], ["given"])]
    body = helper.make_graph(nodes, "body", [turn, flag, kept], [again, given])
    graph = helper.make_graph(
        [helper.make_node("Loop", ["", "true", "true"], ["p"], body=body)],
        "g",
        [helper.make_tensor_value_info("image", TensorProto.FLOAT, ["n", 28, 28, 1])],
        [helper.make_tensor_value_info("p", TensorProto.BOOL, None)],
        [helper.make_tensor("true", TensorProto.BOOL, [], [True])],
    )
    return bytes(
        helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8).SerializeToString()
    )


def network_beside(folder: Path) -> bytes:
    """The network of a folder with its weights moved to another file, as large models have it."""
    network = onnx.load(folder / "model.onnx")
    written = io.BytesIO()
    onnx.external_data_helper.convert_model_to_external_data(network, location="../secret", size_threshold=0)
    onnx.save(network, written)
    return written.getvalue()


def write_zip(path: Path, files: Mapping[str, bytes]) -> Path:
    """A plain ZIP file."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, contents in files.items():
            archive.writestr(name, contents)
    return path


def keras_file(*layers: Mapping[str, Any]) -> bytes:
    """A Keras file of these layers; its weights are no weights."""
    config = {"module": "keras", "class_name": "Sequential", "config": {"name": "net", "layers": layers}}
    written = io.BytesIO()
    with zipfile.ZipFile(written, "w") as archive:
        archive.writestr("metadata.json", '{"keras_version": "3.15.1"}')
        archive.writestr("config.json", json.dumps(config))
        archive.writestr("model.weights.h5", b"\x89HDF\r\n\x1a\n")
    return written.getvalue()


def layer(class_name: str, module: str = "keras.layers", **config: Any) -> dict[str, Any]:
    """A layer as Keras writes it down."""
    return {"module": module, "class_name": class_name, "config": config, "registered_name": None}

"""28x28 -> prediction: the shipped model, and what is refused in its place."""

import base64
import hashlib
import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from inkdigit import ModelError, Recognizer
from inkdigit.recognizer import find_model, shipped_models, verify_model_folder
from inkdigit.training.dataset import read_digits
from inkdigit.training.evaluate import evaluate
from inkdigit.training.labelled import frames

DATA = Path(__file__).parent / "data"

Change = Callable[[Path], None]


def seal(folder: Path) -> None:
    """Write digests that fit, as somebody would who changes a model on purpose."""
    files = [path for path in folder.iterdir() if path.name != "SHA256SUMS"]
    lines = [f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.name}\n" for path in files]
    (folder / "SHA256SUMS").write_text("".join(lines))


def edit_card(**changes: object) -> Change:
    def change(folder: Path) -> None:
        card = json.loads((folder / "card.json").read_text())
        (folder / "card.json").write_text(json.dumps(card | changes))

    return change


def append_to_network(tail: bytes) -> Change:
    def change(folder: Path) -> None:
        (folder / "model.onnx").write_bytes((folder / "model.onnx").read_bytes() + tail)

    return change


def replace_network(contents: bytes) -> Change:
    def change(folder: Path) -> None:
        (folder / "model.onnx").write_bytes(contents)

    return change


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A copy of the shipped model, to be changed."""
    return Path(shutil.copytree(find_model(None), tmp_path / "model"))


def test_the_shipped_model_reads_the_whole_mnist_test_set(recognizer: Recognizer) -> None:
    test = read_digits(DATA, "t10k")

    judged = evaluate(recognizer.probabilities(frames(test)), test.labels)

    stated = recognizer.card["metrics"]["test"]
    found = judged.figures()
    assert found["n"] == stated["n"] == 10_000
    assert stated["accuracy"] >= 0.9955
    assert abs(found["errors"] - stated["errors"]) <= 2  # another processor rounds otherwise, and ties are close
    assert found["nll"] == pytest.approx(stated["nll"], rel=0.01)


def test_a_batch_reads_as_its_pictures_do_alone(recognizer: Recognizer) -> None:
    images = frames(read_digits(DATA, "t10k")[:300])

    together = recognizer.probabilities(images)

    alone = np.concatenate([recognizer.probabilities(image[None]) for image in images])
    assert np.abs(together - alone).max() < 1e-5


def test_a_prediction_holds_together(recognizer: Recognizer) -> None:
    image = frames(read_digits(DATA, "t10k")[:1])

    prediction = recognizer.predict(image)[0]

    assert prediction.label == 7
    assert prediction.confidence == max(prediction.probabilities) == prediction.probabilities[7]
    assert sum(prediction.probabilities) == pytest.approx(1, abs=1e-5)
    assert prediction.is_digit is True


def test_no_pictures_give_no_predictions(recognizer: Recognizer) -> None:
    assert recognizer.predict(np.zeros((0, 28, 28), np.float32)) == []


@pytest.mark.parametrize("shape", [(28, 28), (1, 28, 27), (1, 28, 28, 1), (3, 784)])
def test_another_shape_is_refused(recognizer: Recognizer, shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="images must be"):
        recognizer.predict(np.zeros(shape, np.float32))


@pytest.mark.parametrize(
    "image",
    [
        pytest.param(np.full((1, 28, 28), 255, np.uint8), id="bytes"),
        pytest.param(np.full((1, 28, 28), 255, np.float32), id="beyond 1"),
        pytest.param(np.full((1, 28, 28), -0.5, np.float32), id="below 0"),
        pytest.param(np.full((1, 28, 28), np.nan, np.float32), id="not a number"),
    ],
)
def test_numbers_that_no_picture_holds_are_refused(recognizer: Recognizer, image: np.ndarray) -> None:
    with pytest.raises(ValueError, match="images must"):
        recognizer.predict(image)


def test_a_model_loads_by_name_by_path_and_by_default(folder: Path) -> None:
    shipped = Recognizer.load()

    assert Recognizer.load(shipped.version).version == shipped.version
    assert Recognizer.load(folder).version == shipped.version
    assert Recognizer.load("model", home=folder.parent).version == shipped.version
    assert shipped.version == (shipped_models() / "current").read_text().strip()


def test_a_model_that_is_not_there_is_named() -> None:
    with pytest.raises(ModelError, match=r"no model at nowhere\.onnx"):
        Recognizer.load("nowhere.onnx")


def test_a_package_without_its_model_says_so(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("inkdigit.recognizer.shipped_models", lambda: tmp_path)

    with pytest.raises(ModelError, match="install inkdigit again"):
        Recognizer.load()


@pytest.mark.parametrize("name", ["model.onnx", "card.json"])
@pytest.mark.parametrize("place", [0, 0.5, -1])
def test_one_changed_bit_is_refused_by_its_digest(folder: Path, name: str, place: float) -> None:
    contents = bytearray((folder / name).read_bytes())
    contents[int(place * len(contents)) if place >= 0 else -1] ^= 4
    (folder / name).write_bytes(contents)

    with pytest.raises(ModelError, match="differs from its digest"):
        Recognizer.load(folder)


@pytest.mark.parametrize("name", ["model.onnx", "card.json", "SHA256SUMS"])
def test_a_missing_file_is_named(folder: Path, name: str) -> None:
    (folder / name).unlink()

    with pytest.raises(ModelError, match=name):
        Recognizer.load(folder)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        pytest.param(edit_card(preprocess=0), "preprocess version 0", id="another preprocess version"),
        pytest.param(edit_card(labels=["a", "b"]), "does not read the digits", id="other labels"),
        pytest.param(edit_card(canary={"image": "AA==", "probabilities": [1]}), "does not read", id="a short canary"),
        pytest.param(edit_card(canary=None), "not a model card", id="no canary"),
        pytest.param(
            edit_card(canary={"image": "A" * 1048, "probabilities": ["x"] * 10}), "not a model card", id="words"
        ),
        pytest.param(replace_network(b"junk"), "cannot be loaded", id="junk"),
        pytest.param(replace_network(b""), "cannot be loaded", id="nothing"),
        pytest.param(append_to_network(b"\x0a\x08location\x12\x01x"), "other files", id="data in other files"),
        pytest.param(append_to_network(b"\x0a\x88\x80\0location\x12\x01x"), "other files", id="the same, padded"),
    ],
)
def test_a_model_that_cannot_be_right_is_refused(folder: Path, change: Change, reason: str) -> None:
    change(folder)
    seal(folder)

    with pytest.raises(ModelError, match=reason):
        Recognizer.load(folder)


def test_a_model_that_answers_otherwise_than_its_card_says_is_refused(folder: Path) -> None:
    edit_card(canary={"image": base64.b64encode(bytes(784)).decode(), "probabilities": [0.1] * 10})(folder)
    seal(folder)

    with pytest.raises(ModelError, match="does not give the answer"):
        Recognizer.load(folder)


@pytest.mark.parametrize("sums", ["one-word\n", "abc  ../model.onnx\n", "\xff\xfe"])
def test_damaged_digests_are_refused(folder: Path, sums: str) -> None:
    (folder / "SHA256SUMS").write_bytes(sums.encode("latin-1"))

    with pytest.raises(ModelError, match="SHA256SUMS"):
        Recognizer.load(folder)


def test_a_huge_file_is_refused_before_it_is_read(folder: Path) -> None:
    with (folder / "model.onnx").open("r+b") as file:
        file.truncate(10 * 2**30)

    with pytest.raises(ModelError, match="larger than 64 MiB"):
        Recognizer.load(folder)


def test_verifying_looks_at_every_file(folder: Path) -> None:
    verify_model_folder(folder)
    (folder / "report.html").write_text("another report")

    with pytest.raises(ModelError, match=r"report\.html differs"):
        verify_model_folder(folder)

"""28x28 -> prediction: the shipped model, and what is refused in its place."""

import base64
import hashlib
import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from inkdigit import ModelError, Recognizer
from inkdigit.preprocess import PREPROCESS_VERSION
from inkdigit.recognizer import find_model, share_out, shipped_models, verify_model_folder
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


DIGITS = [str(digit) for digit in range(10)]
WITH_NONE = [*DIGITS, "none"]


class FixedSession:
    """A network that answers the same to every picture."""

    def __init__(self, *answer: float) -> None:
        self.answer = np.array(answer, np.float32)
        self.name = "image"

    def get_inputs(self) -> list["FixedSession"]:
        return [self]

    def run(self, _: None, feed: dict[str, NDArray[np.float32]]) -> list[NDArray[np.float32]]:
        return [np.tile(self.answer, (len(feed["image"]), 1))]


def answering(*classes: float, **card: object) -> Recognizer:
    """A recognizer whose network gives these probabilities to its classes."""
    labels = WITH_NONE[: len(classes)]
    return Recognizer(FixedSession(*classes), {"version": "fixed", "labels": labels} | card)


def write_folder(folder: Path, labels: list[str], answer: list[float], **card: object) -> Path:
    """A model folder whose network gives the same probabilities to every picture."""
    weights = [np.zeros((784, len(answer)), np.float32), np.log(np.array(answer, np.float32))]
    graph = helper.make_graph(
        [
            helper.make_node("Flatten", ["image"], ["flat"]),
            helper.make_node("Gemm", ["flat", "weights", "bias"], ["logits"]),
            helper.make_node("Softmax", ["logits"], ["probabilities"], axis=1),
        ],
        "fixed",
        [helper.make_tensor_value_info("image", TensorProto.FLOAT, ["n", 28, 28, 1])],
        [helper.make_tensor_value_info("probabilities", TensorProto.FLOAT, ["n", len(answer)])],
        [numpy_helper.from_array(array, name) for array, name in zip(weights, ("weights", "bias"), strict=True)],
    )
    folder.mkdir()
    onnx.save(
        helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), folder / "model.onnx"
    )
    canary = {"image": base64.b64encode(bytes(784)).decode(), "probabilities": answer}
    described = {"version": "fixed", "preprocess": PREPROCESS_VERSION, "labels": labels, "canary": canary}
    (folder / "card.json").write_text(json.dumps(described | card))
    seal(folder)
    return folder


def blank(n: int) -> NDArray[np.float32]:
    return np.zeros((n, 28, 28), np.float32)


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
    assert recognizer.predict(blank(0)) == []


def test_what_the_network_gives_to_its_eleventh_class_is_told_and_shared_out() -> None:
    seven = [0.0] * 7 + [0.375, 0.0, 0.0, 0.625]

    [prediction] = answering(*seven).predict(blank(1))

    assert (prediction.label, prediction.not_digit) == (7, 0.625)
    assert prediction.confidence == prediction.probabilities[7] == pytest.approx(0.375 + 0.0625)
    assert prediction.probabilities[:7] + prediction.probabilities[8:] == pytest.approx([0.0625] * 9)


@pytest.mark.parametrize(("not_digit", "is_digit"), [(0.0, True), (0.25, True), (0.5, False), (1.0, False)])
def test_ink_is_a_digit_under_the_threshold_of_the_card(not_digit: float, is_digit: bool) -> None:
    recognizer = answering(1 - not_digit, *[0.0] * 9, not_digit, rejection={"threshold": 0.5})

    [prediction] = recognizer.predict(blank(1))

    assert (prediction.is_digit, prediction.not_digit) == (is_digit, not_digit)


def test_the_most_probable_digit_may_be_less_probable_than_none() -> None:
    [prediction] = answering(0.125, *[0.0] * 9, 0.875, rejection={"threshold": 0.9}).predict(blank(1))

    assert (prediction.label, prediction.is_digit) == (0, True)


def test_a_model_of_ten_classes_takes_all_for_digits() -> None:
    predictions = answering(*[0.1] * 10).predict(blank(3))

    assert [(found.is_digit, found.not_digit) for found in predictions] == [(True, 0.0)] * 3
    assert len(predictions[0].probabilities) == 10


@settings(deadline=None)  # the machine may be busy
@given(
    weights=arrays(np.float32, (4, 11), elements=st.floats(0, 1, width=32)).filter(
        lambda weights: bool(weights.sum(axis=1).min() > 0.01)
    )
)
def test_shared_out_probabilities_keep_their_sum_and_their_order(weights: NDArray[np.float32]) -> None:
    classes = weights / weights.sum(axis=1, keepdims=True)

    shares = share_out(classes)

    none = classes[:, 10]
    assert shares.sum(axis=1) == pytest.approx(np.ones(4), abs=1e-5)
    assert shares.max(axis=1) == pytest.approx(classes[:, :10].max(axis=1) + none / 10, abs=1e-6)
    assert np.all(shares.max(axis=1) <= 1 - 0.9 * none + 1e-6)  # who doubts that it is a digit is not sure which one


@settings(deadline=None)  # the machine may be busy
@given(answer=arrays(np.float32, 11, elements=st.floats(2**-10, 1, width=32)))
def test_a_prediction_says_what_the_arrays_say(answer: NDArray[np.float32]) -> None:
    recognizer = answering(*(answer / answer.sum()).tolist(), rejection={"threshold": 0.1})

    predictions = recognizer.predict(blank(2))

    classes, shares = recognizer.classify(blank(2)), recognizer.probabilities(blank(2))
    assert [list(found.probabilities) for found in predictions] == shares.tolist()
    assert [found.confidence for found in predictions] == shares.max(axis=1).tolist()
    assert [found.label for found in predictions] == shares.argmax(axis=1).tolist()
    assert [found.not_digit for found in predictions] == classes[:, 10].tolist()
    assert [found.is_digit for found in predictions] == (classes[:, 10] < 0.1).tolist()


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


def test_a_version_is_not_hidden_by_a_folder_of_its_name(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "here" / "model").mkdir(parents=True)
    (tmp_path / "here" / "small-3").mkdir()
    monkeypatch.chdir(tmp_path / "here")

    assert find_model("model", folder.parent) == folder
    assert find_model("small-3") == shipped_models() / "small-3"
    assert find_model("./small-3") == find_model(Path("small-3")) == Path("small-3")
    assert find_model("model") == Path("model")


def test_an_empty_name_is_no_folder() -> None:
    with pytest.raises(ModelError, match="no model at ''"):
        find_model("")


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
        pytest.param(
            append_to_network(b"\x0a\x88" + 8 * b"\x80" + b"\0location\x12\x01x"),
            "other files",
            id="padded to the utmost",
        ),
        pytest.param(
            append_to_network(b"\x72\x0e\x0a\x09locations\x12\x01x\x72\x0d\x0a\x08location\x12\x01x"),
            "other files",
            id="behind a word that only begins so",
        ),
    ],
)
def test_a_model_that_cannot_be_right_is_refused(folder: Path, change: Change, reason: str) -> None:
    change(folder)
    seal(folder)

    with pytest.raises(ModelError, match=reason):
        Recognizer.load(folder)


def test_a_network_may_speak_of_locations(folder: Path) -> None:
    append_to_network(b"\x72\x0e\x0a\x09locations\x12\x01x")(folder)  # among what ONNX calls metadata
    seal(folder)

    assert Recognizer.load(folder).version


def test_a_model_that_answers_otherwise_than_its_card_says_is_refused(folder: Path) -> None:
    labels = json.loads((folder / "card.json").read_text())["labels"]
    other = [1 / len(labels)] * len(labels)
    edit_card(canary={"image": base64.b64encode(bytes(784)).decode(), "probabilities": other})(folder)
    seal(folder)

    with pytest.raises(ModelError, match="does not give the answer"):
        Recognizer.load(folder)


def test_a_folder_of_ten_classes_loads_and_one_of_eleven_brings_its_threshold(tmp_path: Path) -> None:
    old = write_folder(tmp_path / "old", DIGITS, [0.1] * 10)
    new = write_folder(tmp_path / "new", WITH_NONE, [0.05] * 10 + [0.5], rejection={"threshold": 0.25})

    loaded = [Recognizer.load(folder) for folder in (old, new)]

    assert [recognizer.threshold for recognizer in loaded] == [1.0, 0.25]
    assert [recognizer.predict(blank(1))[0].is_digit for recognizer in loaded] == [True, False]


@pytest.mark.parametrize(
    ("labels", "answer", "card"),
    [
        pytest.param([*DIGITS, "letter"], [1 / 11] * 11, {}, id="another eleventh class"),
        pytest.param(WITH_NONE, [0.1] * 10, {}, id="a network without it"),
        pytest.param(DIGITS, [1 / 11] * 11, {}, id="a network with more than the card says"),
        pytest.param(DIGITS, [0.1] * 10, {"rejection": {"threshold": "half"}}, id="a threshold in words"),
        pytest.param(DIGITS, [0.1] * 10, {"rejection": 0.5}, id="a threshold elsewhere"),
    ],
)
def test_a_card_that_contradicts_itself_is_refused(
    tmp_path: Path, labels: list[str], answer: list[float], card: dict[str, object]
) -> None:
    folder = write_folder(tmp_path / "model", labels, answer, **card)

    with pytest.raises(ModelError, match=r"not a model card|does not read the digits"):
        Recognizer.load(folder)


def test_a_network_with_fewer_classes_than_its_card_is_refused(tmp_path: Path) -> None:
    folder = write_folder(tmp_path / "model", DIGITS, [0.1] * 10)
    canary = {"image": base64.b64encode(bytes(784)).decode(), "probabilities": [1 / 11] * 11}
    edit_card(labels=WITH_NONE, canary=canary)(folder)
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

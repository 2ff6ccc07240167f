"""A layer: what it takes to be used, what it leaves alone, and which texts are none."""

import base64
import dataclasses
import hashlib
import io
import json
import shutil
import zipfile
import zlib
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from tests.test_recognizer import answering

from inkdigit import ConfigError, Layer, ModelError, Recognizer
from inkdigit.adapt import COST, MAX_EXAMPLES, MAX_TEXT, Grounds, sharpen, soften
from inkdigit.recognizer import GROUNDS, find_model, share_out
from inkdigit.training.dataset import read_digits
from inkdigit.training.labelled import frames

Frames = NDArray[np.float32]

DATA = Path(__file__).parent / "data"
SMALL = "small-3"  # is quicker, and nothing here depends on which model it is


@pytest.fixture(scope="module")
def small() -> Recognizer:
    return Recognizer.load(SMALL)


@pytest.fixture(scope="module")
def digits() -> tuple[Frames, NDArray[np.uint8]]:
    """Some test digits, and what they are."""
    test = read_digits(DATA, "t10k")[:400]
    return frames(test), test.labels


@pytest.fixture(scope="module")
def odd(digits: tuple[Frames, NDArray[np.uint8]]) -> tuple[Frames, list[int]]:
    """A hand that slants so much that it is often misread: 60 drawings, and what they are."""
    images, labels = digits
    rows = (np.arange(28) - 13.5) * 1.6
    columns = np.clip(np.round(np.arange(28)[None] + rows[:, None]).astype(int), 0, 27)
    slanted = np.take_along_axis(images[:60], columns[None].repeat(60, 0), axis=2)
    return slanted, [int(label) for label in labels[:60]]


@pytest.fixture(scope="module")
def layer(small: Recognizer, odd: tuple[Frames, list[int]]) -> Layer:
    return small.adapt(odd[0][:40], odd[1][:40])


def errors(recognizer: Recognizer, images: Frames, labels: list[int], layer: Layer | None = None) -> int:
    found = recognizer.predict(images, layer)
    return sum(prediction.label != label for prediction, label in zip(found, labels, strict=True))


def test_a_hand_that_was_corrected_is_read_better(
    small: Recognizer, odd: tuple[Frames, list[int]], layer: Layer
) -> None:
    before = errors(small, odd[0][40:], odd[1][40:])
    after = errors(small, odd[0][40:], odd[1][40:], layer)

    assert layer.used
    assert layer.errors_after < layer.errors_before
    assert after < before


def test_other_hands_are_read_as_before(
    small: Recognizer, digits: tuple[Frames, NDArray[np.uint8]], layer: Layer
) -> None:
    images, labels = digits[0][100:], [int(label) for label in digits[1][100:]]

    assert errors(small, images, labels, layer) <= errors(small, images, labels) + 1
    assert layer.cost <= COST


def test_without_examples_every_answer_stays_the_same(small: Recognizer, odd: tuple[Frames, list[int]]) -> None:
    nothing = small.adapt(np.zeros((0, 28, 28), np.float32), [])

    assert not nothing.used
    assert small.predict(odd[0], nothing) == small.predict(odd[0])


def test_one_example_alone_cannot_show_that_it_helps(small: Recognizer, odd: tuple[Frames, list[int]]) -> None:
    assert not small.adapt(odd[0][:1], odd[1][:1]).used


def test_an_example_given_twice_counts_once(small: Recognizer, odd: tuple[Frames, list[int]]) -> None:
    once = small.adapt(odd[0][:10], odd[1][:10])
    twice = small.adapt(odd[0][[*range(10), *range(10)]], odd[1][:10] * 2)

    assert twice.to_text().encode() != once.to_text().encode()  # for it says how many drawings were given
    assert (twice.shares == once.shares).all()
    assert (twice.examples == once.examples).all()
    assert twice.errors_before == once.errors_before


def test_labels_may_be_an_array(small: Recognizer, odd: tuple[Frames, list[int]]) -> None:
    listed = small.adapt(odd[0][:10], odd[1][:10])
    array = small.adapt(odd[0][:10], np.array(odd[1][:10], np.uint8))

    assert array.to_text() == listed.to_text()


@settings(max_examples=10, deadline=None)
@given(order=st.permutations(range(15)))
def test_the_order_of_examples_does_not_matter(order: list[int]) -> None:
    small, rng = Recognizer.load(SMALL), np.random.default_rng(7)
    images = rng.random((15, 28, 28), np.float32) ** 4
    labels = [place % 10 for place in range(15)]

    told = small.adapt(images, labels).to_text()

    assert small.adapt(images[order], [labels[place] for place in order]).to_text() == told


def test_labels_at_random_teach_nothing_that_costs(small: Recognizer, digits: tuple[Frames, NDArray[np.uint8]]) -> None:
    images, labels = digits[0][:100], digits[1]
    wrong = [int(label + 1) % 10 for label in labels[:100]]

    learnt = small.adapt(images, wrong)

    assert learnt.cost <= COST


def test_answers_with_a_layer_are_probabilities(small: Recognizer, odd: tuple[Frames, list[int]], layer: Layer) -> None:
    found = small.predict(odd[0], layer)

    assert np.allclose([sum(prediction.probabilities) for prediction in found], 1, atol=1e-5)
    assert all(0 <= prediction.not_digit <= 1 for prediction in found)


def test_a_layer_reads_no_picture_as_no_answer(small: Recognizer, layer: Layer) -> None:
    assert small.predict(np.zeros((0, 28, 28), np.float32), layer) == []


def test_a_layer_of_another_model_is_refused(recognizer: Recognizer, layer: Layer) -> None:
    assert not recognizer.takes(layer)
    with pytest.raises(ModelError, match="small-3"):
        recognizer.predict(np.zeros((1, 28, 28), np.float32), layer)


def test_a_layer_with_this_models_digest_and_another_size_is_refused(small: Recognizer, layer: Layer) -> None:
    odd_one = dataclasses.replace(layer, examples=layer.examples[:, :-1])

    with pytest.raises(ModelError, match="another model"):
        small.predict(np.zeros((1, 28, 28), np.float32), odd_one)


def test_a_model_without_an_embedding_reads_and_cannot_be_adapted() -> None:
    plain = answering(0.1, 0.9, *[0.0] * 8)
    picture = np.zeros((1, 28, 28), np.float32)

    assert plain.predict(picture)[0].label == 1
    with pytest.raises(ModelError, match="cannot be adapted"):
        plain.adapt(picture, [1])


@pytest.mark.parametrize("labels", [[1], [1, 10], [1, -1], [1.0, 2.0], [[1], [2]], ["1", "2"], [True, False]])
def test_labels_must_be_digits_one_for_each_image(small: Recognizer, labels: list[int]) -> None:
    with pytest.raises(ValueError, match="label"):
        small.adapt(np.zeros((2, 28, 28), np.float32), labels)


def test_examples_are_limited(small: Recognizer) -> None:
    count = MAX_EXAMPLES + 1

    with pytest.raises(ValueError, match="at most 100"):
        small.adapt(np.zeros((count, 28, 28), np.float32), [1] * count)


def test_text_and_layer_are_the_same(small: Recognizer, odd: tuple[Frames, list[int]], layer: Layer) -> None:
    again = Layer.from_text(layer.to_text())

    assert again.to_text() == layer.to_text()
    assert (again.model, again.used, again.corrections) == ("small-3", True, 40)
    assert small.predict(odd[0], again) == small.predict(odd[0], layer)


def test_the_text_of_a_layer_is_a_few_kilobytes(layer: Layer) -> None:
    assert len(layer.to_text()) < 16 * 1024
    assert set(layer.to_text()) <= set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_")


@settings(max_examples=200, deadline=None)
@given(text=st.text(max_size=300))
def test_no_other_text_is_a_layer(text: str) -> None:
    for candidate in (text, "2" + text):
        with pytest.raises(ConfigError, match="not a layer"):
            Layer.from_text(candidate)


@settings(max_examples=200, deadline=None)
@given(body=st.binary(max_size=300))
def test_no_other_bytes_are_a_layer(body: bytes) -> None:
    with pytest.raises(ConfigError, match="not a layer"):
        Layer.from_text(packed(body))


@settings(max_examples=200, deadline=None)
@given(data=st.data())
def test_a_changed_character_is_noticed_or_changes_nothing(data: st.DataObject) -> None:
    text = a_layer().to_text()
    place = data.draw(st.integers(0, len(text) - 1))
    other = data.draw(st.characters(codec="ascii").filter(lambda character: character != text[place]))

    try:
        found = Layer.from_text(text[:place] + other + text[place + 1 :]).to_text()
    except ConfigError:
        found = text  # refused; what is not refused differs in bits that packing leaves unused

    assert found == text


def test_a_text_cut_short_is_noticed(layer: Layer) -> None:
    text = layer.to_text()

    for length in (0, 1, 10, len(text) // 2, len(text) - 1):
        with pytest.raises(ConfigError, match="not a layer"):
            Layer.from_text(text[:length])


@pytest.mark.parametrize(
    "changes",
    [
        {"scales": np.full(2, np.nan, np.float32)},
        {"scales": np.full(2, np.inf, np.float32)},
        {"scales": np.full(2, -1, np.float32)},
        {"scales": np.full(2, 1e30, np.float32)},
        {"shares": np.full((2, 11), np.nan, np.float32)},
        {"shares": np.full((2, 11), 1e9, np.float32)},
        {"corrections": 1, "errors_before": 1, "errors_after": 1},
        {"corrections": 1, "errors_before": 2},
        {"corrections": 101},
        {"examples": np.ones((2, 3000), np.int8)},
        {"shares": np.zeros((2, 5), np.float32)},
        {"model": "x\ny"},
        {"model": ""},
    ],
)
def test_numbers_that_no_layer_has_are_refused(changes: dict[str, object]) -> None:
    text = dataclasses.replace(a_layer(), **changes).to_text()  # type: ignore[arg-type]

    with pytest.raises(ConfigError, match="not a layer"):
        Layer.from_text(text)


def test_a_text_that_swells_is_refused_before_it_does() -> None:
    bomb = packed(bytes(50_000_000))
    assert len(bomb) > MAX_TEXT  # so long a run of zeros does not even fit; one that fits is of no layer's size

    for body in (bomb, packed(bytes(10_000_000))):
        with pytest.raises(ConfigError, match="not a layer"):
            Layer.from_text(body)


def test_softening_is_undone_by_sharpening() -> None:
    classes = np.array([[0.9, 0.05, 0.05], [1 / 3, 1 / 3, 1 / 3]])

    assert np.allclose(sharpen(soften(classes)), classes)


def test_the_shipped_grounds_are_read_as_they_were_written(small: Recognizer) -> None:
    contents = (find_model(SMALL) / GROUNDS).read_bytes()
    grounds = Grounds.from_bytes(contents)

    again = Grounds.from_bytes(grounds.to_bytes())

    assert np.allclose(again.embeddings, grounds.embeddings, atol=1e-6)
    assert (again.labels == grounds.labels).all()
    assert np.allclose(np.linalg.norm(grounds.embeddings, axis=1), 1)


def test_damaged_grounds_are_a_model_error_and_reading_goes_on(tmp_path: Path) -> None:
    folder = with_grounds(tmp_path / "model", b"no archive at all")
    recognizer, picture = Recognizer.load(folder), np.zeros((1, 28, 28), np.float32)

    assert recognizer.predict(picture)
    with pytest.raises(ModelError, match="damaged"):
        recognizer.adapt(picture, [1])


@pytest.mark.parametrize("change", ["missing", "shape", "nan", "large"])
def test_grounds_that_do_not_fit_are_a_model_error(change: str) -> None:
    with np.load(io.BytesIO((find_model(SMALL) / GROUNDS).read_bytes())) as file:
        arrays = {name: file[name] for name in file.files}
    if change == "missing":
        del arrays["gains"]
    elif change == "shape":
        arrays["labels"] = arrays["labels"][:-1]
    elif change == "nan":
        arrays["mean"][0] = np.nan
    else:
        arrays["more"] = np.zeros(20_000_000, np.uint8)
    file_again = io.BytesIO()
    np.savez_compressed(file_again, **arrays)

    with pytest.raises(ModelError, match="damaged"):
        Grounds.from_bytes(file_again.getvalue())


def test_grounds_of_another_network_are_a_model_error(tmp_path: Path) -> None:
    others = (find_model("digits-8") / GROUNDS).read_bytes()
    recognizer = Recognizer.load(with_grounds(tmp_path / "model", others))

    with pytest.raises(ModelError, match="another network"):
        recognizer.adapt(np.zeros((1, 28, 28), np.float32), [1])


def test_grounds_hold_no_pickles() -> None:
    for model in ("digits-8", SMALL):
        with zipfile.ZipFile(find_model(model) / GROUNDS) as archive:
            heads = [archive.read(name)[:128] for name in archive.namelist()]

        assert all(b"'O'" not in head and b"|O" not in head for head in heads)


def test_asking_for_the_answers_alone_gives_the_same_bits(recognizer: Recognizer) -> None:
    images = np.random.default_rng(3).random((5, 28, 28), np.float32)

    answers, embeddings = recognizer.embed(images)

    assert answers.tobytes() == recognizer.classify(images).tobytes()
    assert embeddings.shape == (5, 512)
    assert share_out(answers).argmax(axis=1).tolist() == [p.label for p in recognizer.predict(images)]


def a_layer() -> Layer:
    """Of three drawings, two of which have a say."""
    examples, scales = np.arange(8, dtype=np.int8).reshape(2, 4), np.ones(2, np.float32)
    return Layer("fixed", b"12345678", 3, 2, 2, 0, examples, scales, np.full((2, 11), 0.5, np.float32))


def packed(body: bytes) -> str:
    return "2" + base64.urlsafe_b64encode(zlib.compress(body)).decode().rstrip("=")


def with_grounds(folder: Path, contents: bytes) -> Path:
    """A copy of the small model that brings other grounds along."""
    shutil.copytree(find_model(SMALL), folder)
    (folder / GROUNDS).write_bytes(contents)
    sums = {line.split()[1]: line.split()[0] for line in (folder / "SHA256SUMS").read_text().splitlines()}
    sums[GROUNDS] = hashlib.sha256(contents).hexdigest()
    (folder / "SHA256SUMS").write_text("".join(f"{digest}  {name}\n" for name, digest in sums.items()))
    assert json.loads((folder / "card.json").read_text())
    return folder

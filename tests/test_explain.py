"""28x28 -> why: the map follows the model, and points at the ink that decides."""

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from inkdigit import Place, Recognizer, encode_explanation, explain, locate, normalize
from inkdigit.recognizer import find_model
from inkdigit.training.dataset import read_digits
from inkdigit.training.labelled import frames

DATA = Path(__file__).parent / "data"
N = 200  # of MNIST's test digits
SHARE = 0.15  # of a digit's ink that is cut out

Images = NDArray[np.float32]


class Weighing:
    """A linear model whose log-odds for the digit 1, against all the others, are the ink times the weights."""

    def __init__(self, weights: Images) -> None:
        self.weights = weights
        self.asked: list[int] = []

    def classify(self, images: Images) -> Images:
        self.asked.append(len(images))
        odds = np.exp((images * self.weights).sum(axis=(1, 2), dtype=np.float64) + 3)
        classes = np.repeat(1 / (1 + odds)[:, None] / 9, 10, axis=1)
        classes[:, 1] = odds / (1 + odds)
        return classes.astype(np.float32)


@pytest.fixture(scope="module")
def digits() -> Images:
    return frames(read_digits(DATA, "t10k")[:N])


@pytest.fixture
def bar() -> Images:
    """An upright stroke, two pixels wide."""
    image = np.zeros((28, 28), np.float32)
    image[4:24, 13:15] = 1
    return image


def half(upper: float, lower: float) -> Images:
    return np.repeat(np.array([upper, lower], np.float32), 14)[:, None] * np.ones(28, np.float32)


def shuffled(seed: int) -> Recognizer:
    """The shipped model with the numbers of each of its weights in another order."""
    model = onnx.load(find_model(None) / "model.onnx")
    rng = np.random.default_rng(seed)
    for weight in model.graph.initializer:
        numbers = onnx.numpy_helper.to_array(weight)
        if numbers.dtype == np.float32:
            weight.CopyFrom(onnx.numpy_helper.from_array(rng.permuted(numbers), weight.name))
    return Recognizer(onnxruntime.InferenceSession(model.SerializeToString()), Recognizer.load().card)


# --- what the map is


def test_ink_for_the_answer_is_above_0_and_ink_against_it_below(bar: Images) -> None:
    why = explain(Weighing(half(upper=0.2, lower=-0.1)), bar)

    assert why[8:12, 13:15].min() == pytest.approx(1, abs=0.01)
    assert why[17:21, 13:15] == pytest.approx(-0.5, abs=0.01)


def test_ink_for_another_label_than_the_recognizers_own_is_told_on_request(bar: Images) -> None:
    weighing = Weighing(half(upper=0.2, lower=-0.1))

    why = explain(weighing, bar, label=7)

    assert (why[8:12, 13:15] < 0).all()  # what speaks for the 1 speaks against every other digit
    np.testing.assert_array_equal(explain(weighing, bar, label=1), explain(weighing, bar))


def test_the_largest_magnitude_is_1_and_paper_is_0(recognizer: Recognizer, digits: Images) -> None:
    maps = np.array([explain(recognizer, image) for image in digits[:20]])

    assert maps.dtype == np.float32
    assert np.abs(maps).max(axis=(1, 2)) == pytest.approx(1)
    assert not maps[digits[:20] == 0].any()


def test_ink_that_makes_no_difference_is_0(bar: Images) -> None:
    assert not explain(Weighing(half(0, 0)), bar).any()


def test_a_frame_without_ink_has_nothing_to_explain(recognizer: Recognizer) -> None:
    assert not explain(recognizer, np.zeros((28, 28), np.float32)).any()


def test_an_answer_as_good_as_certain_is_explained_too(bar: Images) -> None:
    model = Weighing(half(upper=2, lower=0))

    why = explain(model, bar)

    assert model.classify(bar[None])[0, 1] == 1
    assert why[8, 13] == pytest.approx(1)
    assert why[20, 13] == 0


def test_the_model_is_asked_once_and_for_no_more_pictures_than_squares_with_ink(bar: Images) -> None:
    model = Weighing(half(1, 1))

    explain(model, bar)

    assert model.asked == [1 + 11 * 2]


# --- whether it is true


def test_it_changes_with_the_weights(recognizer: Recognizer, digits: Images) -> None:
    another = shuffled(seed=1)

    pairs = [[explain(model, image)[image > 0] for model in (recognizer, another)] for image in digits[:50]]

    alike = [np.corrcoef(one, other)[0, 1] for one, other in pairs]
    assert abs(float(np.mean(alike))) < 0.2


def test_cutting_out_the_ink_it_points_at_changes_the_answer_more_than_as_much_ink_elsewhere(
    recognizer: Recognizer, digits: Images
) -> None:
    rng = np.random.default_rng(1)
    places = np.moveaxis(np.indices((28, 28)), 0, -1)
    maps = [explain(recognizer, image) for image in digits]
    inked = [rng.choice(np.argwhere(image > 0.5)) for image in digits]
    near = [-np.linalg.norm(places - place, axis=-1) for place in inked]

    pointed_at = fall(recognizer, digits, maps)
    elsewhere = fall(recognizer, digits, near)
    last = fall(recognizer, digits, [-why for why in maps])

    assert pointed_at.mean() > 2 * elsewhere.mean()
    assert np.mean(pointed_at > last) > 0.95
    assert abs(last.mean()) < 0.1 * pointed_at.mean()


def fall(recognizer: Recognizer, images: Images, scores: list[NDArray[np.floating]]) -> NDArray[np.float64]:
    """How much the answers' probabilities fall when the ink with the highest scores is cut out."""
    whole = recognizer.probabilities(images)
    cut = recognizer.probabilities(
        np.array([without(image, score) for image, score in zip(images, scores, strict=True)])
    )
    rows = np.arange(len(images))
    return np.asarray(whole.max(axis=1) - cut[rows, whole.argmax(axis=1)], np.float64)


def without(image: Images, score: NDArray[np.floating]) -> Images:
    """The picture less the share of its ink that scores highest."""
    order = np.argsort(-np.where(image > 0, score, -np.inf), axis=None)
    gone = order[: 1 + np.searchsorted(image.ravel()[order].cumsum(), SHARE * image.sum())]
    left = image.ravel().copy()
    left[gone] = 0
    return left.reshape(image.shape)


# --- how it is shown


def painted(image: Images, why: Images, scale: int) -> NDArray[np.uint8]:
    return np.asarray(Image.open(io.BytesIO(encode_explanation(image, why, scale))))


def test_the_picture_is_of_the_size_that_was_asked_for(bar: Images) -> None:
    assert painted(bar, bar, 1).shape == (28, 28, 4)
    assert painted(bar, bar, 10).shape == (280, 280, 4)
    assert Image.open(io.BytesIO(encode_explanation(bar, bar))).size == (280, 280)


def test_ink_is_orange_blue_or_grey_and_paper_is_clear(bar: Images) -> None:
    picture = painted(bar, bar * half(1, -1) * (np.arange(28) < 14), 1).astype(int)
    red, green, blue, alpha = np.moveaxis(picture, -1, 0)

    assert red[8, 13] > green[8, 13] > blue[8, 13]
    assert red[20, 13] < green[20, 13] < blue[20, 13]
    assert red[8, 14] == green[8, 14] == blue[8, 14]
    assert np.array_equal(alpha, bar * 255)


def test_orange_and_blue_differ_in_every_kind_of_colour_vision(bar: Images) -> None:
    upper, lower = (painted(bar, bar * sign, 1)[10, 13, :3] / 255 for sign in (1, -1))

    assert min(np.abs(upper - lower)[[0, 2]]) > 0.5  # in red and in blue, so that no missing kind of cone hides it


# --- where it belongs


@pytest.mark.parametrize("wrong", [[[0.0] * 28] * 28, np.zeros((2, 2), np.float32), np.zeros((28, 28), np.uint8), None])
def test_what_is_no_frame_is_refused_with_what_it_should_be(recognizer: Recognizer, wrong: Any) -> None:
    frame, ink = np.ones((28, 28), np.float32), np.ones((28, 28), np.uint8)
    calls: list[tuple[str, Callable[[], object]]] = [
        ("image", lambda: explain(recognizer, wrong)),
        ("image", lambda: encode_explanation(wrong, frame)),
        ("explanation", lambda: encode_explanation(frame, wrong)),
        ("image", lambda: locate(ink, wrong)),
    ]

    for name, call in calls:
        with pytest.raises(ValueError, match=rf"{name} must be \(28, 28\) float32, not .*; see inkdigit\."):
            call()
    with pytest.raises(ValueError, match="ink must be"):
        locate([[0, 255]], frame)  # type: ignore[arg-type]


@pytest.mark.parametrize("width", [4, 19, 38])
@pytest.mark.parametrize("box", [(40, 60, 100, 160), (30, 130, 250, 190), (200, 20, 260, 40)])
def test_a_picture_and_its_frame_coincide_where_it_says(width: int, box: tuple[int, int, int, int]) -> None:
    picture = Image.new("L", (280, 280))
    ImageDraw.Draw(picture).ellipse(box, outline=255, width=width)
    ink = np.asarray(picture)

    place = locate(ink, normalize(ink))

    seen = laid_over(normalize(ink), place)
    assert np.abs(middles(ink, box) - middles(seen, box)).max() <= 0.7 * place.side / 28 + 1


def middles(picture: NDArray[np.uint8], box: tuple[int, int, int, int]) -> NDArray[np.float64]:
    """Where a ring's stroke has its middle: left, right, above and below."""
    left, top, right, bottom = box
    lines = picture[(top + bottom) // 2], picture[:, (left + right) // 2]
    inked = [np.flatnonzero(line > 127) for line in lines]
    runs = [np.split(places, np.flatnonzero(np.diff(places) > 1) + 1) for places in inked]
    return np.array([end.mean() for strokes in runs for end in (strokes[0], strokes[-1])])


def laid_over(image: Images, place: Place) -> NDArray[np.uint8]:
    """The frame, enlarged and put where it belongs on a sheet of 280 pixels."""
    frame = Image.fromarray((image * 255).astype(np.uint8)).resize([round(place.side)] * 2, Image.Resampling.BICUBIC)
    sheet = Image.new("L", (280, 280))
    sheet.paste(frame, (round(place.left), round(place.top)))
    return np.asarray(sheet)


def test_a_digit_in_mnists_own_form_lies_where_it_is(digits: Images) -> None:
    ink = np.rint(digits[0] * 255).astype(np.uint8)

    place = locate(ink, normalize(ink))

    assert (place.left, place.top, place.side) == pytest.approx((0, 0, 28), abs=1e-6)

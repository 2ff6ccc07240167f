"""Real training runs, small ones: they end in model folders that load, serve and explain themselves."""

import contextlib
import functools
import importlib.util
import json
import os
import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import onnx
import onnxruntime
import pytest
from tests.training.conftest import build_tiny_network, untraced

from inkdigit import ConfigError, ModelError, Recognizer, normalize, read_image
from inkdigit.config import Settings
from inkdigit.recognizer import verify_model_folder
from inkdigit.registry.cards import card_as_markdown
from inkdigit.server import create_app
from inkdigit.training.dataset import Mnist, read_digits
from inkdigit.training.labelled import frames
from inkdigit.training.measures import fit_temperature, logits_of

if TYPE_CHECKING:
    from inkdigit.training.train import Progress, TrainOptions

MISSING = importlib.util.find_spec("keras") is None and not os.environ.get("CI")
pytestmark = [
    pytest.mark.skipif(MISSING, reason="Keras is not installed: pip install 'inkdigit[train]'"),
    pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning", "ignore::UserWarning"),
]
DATA = Path(__file__).parents[1] / "data"
NO_PHOTOGRAPHS = np.zeros((0, 28, 28), np.uint8)

Train = Callable[..., Path]


@pytest.fixture(scope="module")
def few() -> Mnist:
    """A few hundred digits in place of MNIST; which ones they are plays no part here."""
    digits = read_digits(DATA, "t10k")
    return Mnist(digits[:640], digits[640:840], digits[840:1040])


@pytest.fixture(scope="module")
def train(few: Mnist) -> Iterator[Train]:
    """Trains with options given by name, on the few digits, fetching nothing and judging on a handful."""
    from inkdigit.training import evaluate, export, ink
    from inkdigit.training import train as module

    def run(
        out: Path,
        on_progress: "Callable[[Progress], None] | None" = None,
        whole: bool = False,
        on_stage: "Callable[[str], None] | None" = None,
        **options: object,
    ) -> Path:
        small = {"width": 8, "batch_size": 128, "ink": 0.25, "apart": False} | options
        given: TrainOptions = module.TrainOptions(out=out, **small)  # type: ignore[arg-type]
        with contextlib.nullcontext() if whole else tiny_networks():
            return module.train(given, on_progress, on_stage)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "load_mnist", lambda source: few)
        patch.setattr(ink, "load_faces", lambda: ())
        patch.setattr(ink, "load_photographs", lambda: (NO_PHOTOGRAPHS, NO_PHOTOGRAPHS))
        patch.setattr(ink, "JUDGING", 40)
        patch.setattr(export, "try_out", functools.partial(evaluate.try_out, most=4))
        yield run


@contextlib.contextmanager
def tiny_networks() -> Iterator[None]:
    """For what does not depend on the network."""
    from inkdigit.training import train as module

    with pytest.MonkeyPatch.context() as patch, untraced():
        patch.setattr(module, "build_network", build_tiny_network)
        yield


@pytest.fixture(scope="module")
def small(train: Train, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The model folder of a run of two epochs, of the network that users train."""
    out = tmp_path_factory.mktemp("models") / "small"
    return train(out, whole=True, epochs=2, seed=3, command="inkdigit train --epochs 2")


@pytest.fixture(scope="module")
def tiny(train: Train, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The model folder of a run of two epochs, of a network of one convolution."""
    return train(tmp_path_factory.mktemp("models") / "tiny", epochs=2, seed=3, command="inkdigit train --epochs 2")


def stop_in(epoch: int, error: BaseException) -> "Callable[[Progress], None]":
    def on_progress(progress: "Progress") -> None:
        if progress.epoch == epoch:
            raise error

    return on_progress


def read_card(folder: Path) -> dict[str, object]:
    return dict(json.loads((folder / "card.json").read_text()))


def test_a_run_ends_in_a_served_model(small: Path, digit_png: bytes) -> None:
    recognizer = Recognizer.load(small)

    answer = create_app(recognizer, Settings()).test_client().post(
        "/api/v1/predict", data=digit_png, content_type="image/png"
    )  # fmt: skip
    expected = recognizer.predict(normalize(read_image(digit_png))[None])[0]
    assert answer.json is not None
    assert (answer.json["label"], answer.json["model"]) == (expected.label, "small")


def test_a_model_folder_says_all_that_it_should(small: Path, few: Mnist) -> None:
    card = read_card(small)

    verify_model_folder(small)
    assert {path.name for path in small.iterdir()} == {
        "SHA256SUMS", "adapting.bin", "card.json", "model.keras", "model.onnx", "report.html",
    }  # fmt: skip
    assert (card["version"], card["seed"], card["command"]) == ("small", 3, "inkdigit train --epochs 2")
    assert card["metrics"]["test"]["n"] == len(few.test)  # type: ignore[index]
    assert card["metrics"]["held_out"]["n"] == len(few.held_out)  # type: ignore[index]
    assert max(card["agreement"]["batch_of_1"], card["agreement"]["batch_of_n"]) <= 1e-5  # type: ignore[index]
    assert {"keras", "numpy", "onnxruntime"} <= set(card["libraries"])  # type: ignore[call-overload]
    assert [path.name for path in small.parent.iterdir()] == ["small"]


def test_the_report_stands_alone_and_shows_every_mistake(small: Path) -> None:
    report = (small / "report.html").read_text()

    errors = read_card(small)["metrics"]["test"]["errors"]  # type: ignore[index]
    assert report.count("<figure>") == errors > 0
    assert "http" not in report
    assert {"loss (nats)", "Reliability diagram", "Risk against coverage"} <= set(
        re.findall('aria-label="(.*?)"', report)
    )


def test_the_networks_files_agree_on_other_pictures_too(small: Path, few: Mnist) -> None:
    import keras

    images = np.asarray(few.training.images[:100] / 255, np.float32)

    network = keras.models.load_model(small / "model.keras", compile=False)

    expected = network.predict(images[..., None], verbose=0)
    assert np.abs(Recognizer.load(small).classify(images) - expected).max() < 1e-5


def test_another_backends_network_is_exported_in_a_process_of_its_own(small: Path, tmp_path: Path) -> None:
    from inkdigit.training.export import _export_elsewhere

    shutil.copytree(small, tmp_path, dirs_exist_ok=True)
    (tmp_path / "model.onnx").unlink()

    _export_elsewhere(tmp_path, (28, 28, 1))

    first, second = (onnxruntime.InferenceSession(path / "model.onnx") for path in (small, tmp_path))
    image = {first.get_inputs()[0].name: np.full((3, 28, 28, 1), 0.5, np.float32)}
    assert np.allclose(first.run(None, image)[0], second.run(None, image)[0], atol=1e-6)


def test_a_network_that_cannot_be_exported_is_said_so(tmp_path: Path) -> None:
    from inkdigit.training.export import _export_elsewhere

    with pytest.raises(ModelError, match="could not export"):
        _export_elsewhere(tmp_path, (28, 28, 1))


def test_ctrl_c_keeps_the_best_so_far(train: Train, tmp_path: Path) -> None:
    folder = train(tmp_path / "small", stop_in(2, KeyboardInterrupt()), epochs=5)

    assert read_card(folder)["training"]["epochs"] == 1  # type: ignore[index]
    assert Recognizer.load(folder).version == "small"


def test_ctrl_c_in_the_first_epoch_still_leaves_a_model(train: Train, tmp_path: Path) -> None:
    folder = train(tmp_path / "small", stop_in(1, KeyboardInterrupt()), epochs=5)

    assert Recognizer.load(folder).version == "small"


def test_a_killed_run_goes_on_where_it_was(train: Train, tmp_path: Path) -> None:
    out = tmp_path / "small"
    seen: list[int] = []
    with pytest.raises(SystemExit):
        train(out, stop_in(3, SystemExit()), epochs=4)

    folder = train(out, lambda progress: seen.append(progress.epoch), epochs=4, resume=True)

    assert set(seen) == {3, 4}
    assert read_card(folder)["training"]["epochs"] == 4  # type: ignore[index]


def test_a_run_that_was_over_before_it_was_killed_only_writes_its_folder(train: Train, tmp_path: Path) -> None:
    from inkdigit.training import train as module

    out = tmp_path / "small"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "write_model_folder", lambda *_, **__: (_ for _ in ()).throw(SystemExit()))
        with pytest.raises(SystemExit):
            train(out, epochs=2)

    folder = train(out, stop_in(1, AssertionError("an epoch ran again")), epochs=2, resume=True)

    assert read_card(folder)["training"]["epochs"] == 2  # type: ignore[index]


def test_other_options_do_not_continue_a_run(train: Train, tmp_path: Path) -> None:
    with pytest.raises(SystemExit):
        train(tmp_path / "small", stop_in(2, SystemExit()), epochs=4)

    with pytest.raises(ConfigError, match="other options"):
        train(tmp_path / "small", epochs=4, seed=9, resume=True)


def test_nothing_to_resume_is_said(train: Train, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="nothing to resume"):
        train(tmp_path / "small", resume=True)


def test_minutes_end_a_run_and_what_follows_its_last_step_is_told(train: Train, tmp_path: Path) -> None:
    told: list[str] = []
    folder = train(
        tmp_path / "small",
        lambda progress: told.append(f"step {progress.step}"),
        on_stage=told.append,
        epochs=1000,
        minutes=0.02,
    )

    assert read_card(folder)["training"]["epochs"] < 1000  # type: ignore[index]
    assert told[-2].startswith("step")
    assert told[-1].startswith("Measuring")


@pytest.mark.parametrize("options", [{"epochs": 0}, {"minutes": 0.0}, {"batch_size": 0}])
def test_impossible_options_are_refused(train: Train, tmp_path: Path, options: dict[str, float]) -> None:
    with pytest.raises(ConfigError, match="greater than 0"):
        train(tmp_path / "small", **options)


def test_a_folder_that_is_there_is_never_overwritten(train: Train, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="exists already"):
        train(tmp_path)


def test_a_network_file_that_disagrees_is_never_released(
    train: Train, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from inkdigit.training import export

    monkeypatch.setattr(export, "AGREEMENT", -1)

    with pytest.raises(ModelError, match="differs from the Keras model"):
        train(tmp_path / "small", epochs=1)

    assert not (tmp_path / "small").exists()


def test_the_small_network_is_written_in_eight_bits(train: Train, few: Mnist, tmp_path: Path) -> None:
    folder = train(tmp_path / "tiny", epochs=1, small=True)

    card = read_card(folder)
    weights = [
        tensor.data_type for tensor in onnx.load(folder / "model.onnx").graph.initializer if len(tensor.dims) > 1
    ]
    assert set(weights) == {onnx.TensorProto.INT8}
    assert card["network"]["parameters"] <= 60_000  # type: ignore[index]
    assert card["network"]["onnx_bytes"] == (folder / "model.onnx").stat().st_size < 80_000  # type: ignore[index]
    answers = Recognizer.load(folder).classify(frames(few.held_out))
    assert not np.allclose(256 * answers, (256 * answers).round(), atol=1e-3), "the probabilities are in eight bits too"
    assert fit_temperature(logits_of(answers), few.held_out.labels) == pytest.approx(1.0, abs=0.02)


def test_a_network_learns_from_a_teacher(train: Train, small: Path, tmp_path: Path) -> None:
    folder = train(tmp_path / "taught", epochs=1, teacher=small)

    assert read_card(folder)["training"]["teacher"] == "small"  # type: ignore[index]


def test_a_run_goes_on_from_another_network(train: Train, tiny: Path, tmp_path: Path) -> None:
    from inkdigit.training.train import network_of

    folder = train(tmp_path / "finished", epochs=1, learning_rate=1e-9, start=tiny)

    before, after = network_of(tiny).get_weights()[0], network_of(folder).get_weights()[0]
    assert np.allclose(before, after, atol=1e-6)
    assert read_card(folder)["training"]["start"] == "tiny: inkdigit train --epochs 2"  # type: ignore[index]


def test_a_start_that_is_not_there_is_said(train: Train, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="to start from"):
        train(tmp_path / "finished", start=tmp_path / "nowhere")


def test_so_much_of_the_start_as_is_kept_is_in_the_end(train: Train, tiny: Path, tmp_path: Path) -> None:
    from inkdigit.training import train as module

    folder = train(tmp_path / "kept", epochs=1, learning_rate=1e-2, start=tiny, kept=1.0)

    [*body, _, _], [*expected, _, _] = (module.network_of(path).get_weights() for path in (folder, tiny))
    assert all(np.array_equal(a, b) for a, b in zip(body, expected, strict=True))  # the last layer is calibrated anew
    assert read_card(folder)["training"]["kept"] == 1.0  # type: ignore[index]


def test_frozen_convolutions_stay_as_they_are(train: Train, small: Path, tmp_path: Path) -> None:
    from inkdigit.training import train as module

    folder = train(tmp_path / "frozen", epochs=1, learning_rate=1e-2, start=small, frozen=2, whole=True)

    before, after = module.network_of(small).get_weights(), module.network_of(folder).get_weights()
    same = [np.array_equal(a, b) for a, b in zip(before, after, strict=True)]
    assert len(before) == 8 * 5 + 2  # of each convolution its kernel, and four of its normalisation; the last layer
    assert same == [True] * 10 + [False] * 32
    assert read_card(folder)["training"]["frozen"] == 2  # type: ignore[index]


def test_the_broad_network_is_joined_with_the_one_it_starts_from(
    train: Train, tiny: Path, few: Mnist, tmp_path: Path
) -> None:
    alone = train(tmp_path / "alone", whole=True, broad=True, epochs=1, seed=4)
    joined = train(tmp_path / "joined", whole=True, broad=True, start=tiny, kept=0.25, epochs=1, seed=4)

    pictures = frames(few.test)
    first, second, both = (_raw_logits(folder, pictures) for folder in (tiny, alone, joined))
    assert np.allclose(both, 0.25 * first + 0.75 * second, atol=1e-3)
    parameters = [read_card(folder)["network"]["parameters"] for folder in (tiny, alone, joined)]  # type: ignore[index]
    assert parameters[2] == parameters[0] + parameters[1] - 11  # one bias in place of two
    ours, theirs = (Recognizer.load(folder).embed(pictures)[1] for folder in (joined, alone))
    assert np.allclose(ours, theirs, atol=1e-5)  # a hand is told by what the first part sees
    assert "Keras networks side by side, joined" in card_as_markdown(read_card(joined))


def _raw_logits(folder: Path, pictures: np.ndarray) -> np.ndarray:
    """Before prior and temperature, and each picture's less their mean, for a softmax does not know it."""
    from inkdigit.training.train import uncalibrated

    logits = np.log(uncalibrated(folder).predict(pictures[..., None], verbose=0))
    return np.asarray(logits - logits.mean(axis=1, keepdims=True))


def test_a_joined_network_is_trained_on(train: Train, tiny: Path, tmp_path: Path) -> None:
    from inkdigit.training import train as module

    joined = train(tmp_path / "joined", whole=True, broad=True, start=tiny, kept=0.5, epochs=1, seed=4)
    further = train(tmp_path / "further", start=joined, frozen=1, epochs=1, seed=5)

    before, after = (module.network_of(folder).get_weights() for folder in (joined, further))
    changed = [not np.array_equal(old, new) for old, new in zip(before, after, strict=True)]
    assert [changed[0], changed[30]] == [False, False]  # the first convolution of either
    assert changed[5]
    assert changed[-2:] == [True, True]


def test_how_much_of_the_start_is_kept_can_be_said_when_the_run_has_ended(
    train: Train, tiny: Path, tmp_path: Path
) -> None:
    from inkdigit.training import train as module

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "write_model_folder", fail_to_write)
        with pytest.raises(ModelError):
            train(tmp_path / "run", epochs=1, start=tiny, kept=0.5)
    folder = train(tmp_path / "run", epochs=1, start=tiny, kept=1.0, resume=True)

    assert np.array_equal(module.network_of(folder).get_weights()[0], module.network_of(tiny).get_weights()[0])


def fail_to_write(*_: object) -> None:
    raise ModelError("the disk is full")


def test_the_card_states_the_figures_of_other_seeds_beside_its_own(train: Train, tiny: Path, tmp_path: Path) -> None:
    folder = train(tmp_path / "again", epochs=1, seed=2, beside=(tiny,))

    card = read_card(folder)
    runs: Any = card["seeds"]
    figures: Any = [card["metrics"], read_card(tiny)["metrics"]]
    assert [run["seed"] for run in runs] == [2, 3]
    assert [run["test_accuracy"] for run in runs] == [each["test"]["accuracy"] for each in figures]


def test_the_card_says_what_becomes_of_digits_and_of_what_is_none(small: Path) -> None:
    rejection: Any = read_card(small)["rejection"]

    assert Recognizer.load(small).threshold == rejection["threshold"]
    assert (rejection["n_digits"], rejection["n_non_digits"]) == (200, 40)
    assert sum(rejection["negatives"].values()) == read_card(small)["training"]["negatives_images"]  # type: ignore[index]
    accepted = [point["digits_accepted"] for point in rejection["operating_points"]]
    assert accepted == sorted(accepted, reverse=True)


def test_a_network_is_cooled_to_the_temperature_that_fits(small: Path, few: Mnist) -> None:
    import keras

    from inkdigit.training.export import cool

    network = keras.models.load_model(small / "model.keras", compile=False)
    images = np.asarray(few.test.images / 255, np.float32)
    fitting = cool(network, images, few.test.labels)
    last = network.layers[-1]
    last.set_weights([2 * weights for weights in last.get_weights()])

    temperature = cool(network, images, few.test.labels)

    assert fitting > 0
    assert temperature == pytest.approx(2.0, abs=0.05)
    assert cool(network, images, few.test.labels) == pytest.approx(1.0, abs=0.01)


def test_the_prior_lowers_the_odds_of_what_is_no_digit(small: Path, few: Mnist) -> None:
    import keras

    from inkdigit.training.export import PRIOR, correct_prior

    network = keras.models.load_model(small / "model.keras", compile=False)
    images = np.asarray(few.test.images[:20, ..., None] / 255, np.float32)
    before = network.predict(images, verbose=0)

    correct_prior(network)

    after = network.predict(images, verbose=0)
    odds = [np.log(rows[:, 10] / (1 - rows[:, 10])) for rows in (before, after)]
    assert np.allclose(odds[0] - odds[1], PRIOR, atol=0.02)


def test_another_precision_is_for_training_alone(train: Train, tmp_path: Path) -> None:
    import keras

    folder = train(tmp_path / "coarse", epochs=1, precision="bfloat16")

    network = keras.models.load_model(folder / "model.keras", compile=False)
    assert {layer.compute_dtype for layer in network.layers} == {"float32"}
    assert keras.config.dtype_policy().name == "float32"

"""A real run of the reader, a tiny one: it ends in a model folder that loads and explains itself."""

import importlib.util
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from inkdigit.ctc import log_softmax
from inkdigit.errors import ConfigError, ModelError
from inkdigit.number import LABELS
from inkdigit.reader import Reader
from inkdigit.recognizer import check_digests, current_model
from inkdigit.training.dataset import Mnist, read_digits

MISSING = importlib.util.find_spec("keras") is None and not os.environ.get("CI")
pytestmark = [
    pytest.mark.skipif(MISSING, reason="Keras is not installed: pip install 'inkdigit[train]'"),
    pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning", "ignore::UserWarning"),
]
DATA = Path(__file__).parents[1] / "data"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The model folder of a run of two epochs of two batches."""
    from inkdigit.training import characters, reading
    from inkdigit.training.train import TrainOptions

    digits = read_digits(DATA, "t10k")
    few = Mnist(digits[:400], digits[400:600], digits[600:640])
    out = tmp_path_factory.mktemp("models") / "lines"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(reading, "load_mnist", lambda source: few)
        patch.setattr(reading, "BATCHES", 2)
        patch.setattr(reading, "JUDGED", 12)
        patch.setattr(reading, "CUT", 2_000)
        patch.setattr(characters, "FOUND", -1e9)  # a network that has learnt so little sees no text
        options = TrainOptions(
            out=out, epochs=2, batch_size=4, width=4, ink=0.02, apart=False, seed=5, command="inkdigit train --reader"
        )
        yield reading.train_reader(options)


@pytest.fixture(scope="module")
def further(folder: Path) -> Iterator[Path]:
    """A run from that folder, all of whose lines' network is kept."""
    from inkdigit.training import characters, reading
    from inkdigit.training.train import TrainOptions

    digits = read_digits(DATA, "t10k")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(reading, "load_mnist", lambda source: Mnist(digits[:400], digits[400:600], digits[600:640]))
        patch.setattr(reading, "JUDGED", 12)
        patch.setattr(reading, "CUT", 500)
        patch.setattr(characters, "FOUND", -1e9)
        options = TrainOptions(
            out=folder.with_name("further"), start=folder, kept=1, width=4, ink=0.02, apart=False, seed=6, command="on"
        )
        yield reading.train_reader(options)


def read_card(folder: Path) -> dict[str, Any]:
    return dict(json.loads((folder / "card.json").read_text()))


def test_a_run_ends_in_a_reader_that_loads(folder: Path) -> None:
    reader = Reader.load(folder)

    logs = reader.logs(np.zeros((32, 64), np.float32))

    assert reader.version == "lines"
    assert logs.shape == (32, len(LABELS) + 1)
    np.testing.assert_allclose(np.exp(logs).sum(axis=1), 1)


def test_a_reader_folder_says_all_that_it_should(folder: Path) -> None:
    card = read_card(folder)

    check_digests(folder)
    assert (card["kind"], card["version"], card["seed"]) == ("reader", "lines", 5)
    assert (card["training"]["lines"], card["training"]["epochs"]) == (16, 2)
    assert card["metrics"]["held_out"]["n"] == 12
    assert card["agreement"]["greatest_difference_of_a_logit"] <= 0.01
    assert "inkdigit train --reader" in (folder / "report.html").read_text()


def test_a_damaged_reader_is_refused(folder: Path, tmp_path: Path) -> None:
    for path in folder.iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    (tmp_path / "model.onnx").write_bytes((folder / "model.onnx").read_bytes()[:-1] + b"x")

    with pytest.raises(ModelError, match="digest"):
        Reader.load(tmp_path)


def test_a_model_of_digits_is_no_reader() -> None:
    with pytest.raises(ModelError, match="a model of digits, no reader"):
        Reader.load(current_model())


def test_the_folder_must_be_new(folder: Path) -> None:
    from inkdigit.training.reading import train_reader
    from inkdigit.training.train import TrainOptions

    with pytest.raises(ConfigError, match="exists already"):
        train_reader(TrainOptions(out=folder))


def test_the_temperature_that_fits_is_found() -> None:
    from inkdigit.training.export_reader import fit_line_temperature

    random = np.random.default_rng(0)
    answers, texts = [], []
    for _ in range(300):  # one step each: what stands there is drawn from what is said at a temperature of 2
        logits = random.normal(0, 4, (1, len(LABELS) + 1)).astype(np.float32)
        drawn = int(random.choice(len(LABELS) + 1, p=np.exp(log_softmax(logits, 2.0))[0]))
        answers.append(logits)
        texts.append(LABELS[drawn - 1] if drawn else "")

    assert fit_line_temperature(answers, texts) == pytest.approx(2.0, rel=0.25)


def test_a_reader_brings_a_network_of_characters(folder: Path) -> None:
    own = read_card(folder)["characters"]

    assert own["network"]["parameters"] > 200_000
    assert own["training"]["characters"] > own["training"]["held_out_characters"] > 10
    assert 0 <= own["metrics"]["held_out"]["accuracy"] <= 1
    assert {path.name for path in folder.iterdir()} == {
        "SHA256SUMS", "card.json", "characters.onnx", "model.keras", "model.onnx", "report.html",
    }  # fmt: skip


def test_where_all_of_the_start_is_kept_the_network_of_characters_alone_is_trained(folder: Path, further: Path) -> None:
    before, after = read_card(folder), read_card(further)
    line = np.random.default_rng(3).random((32, 64)).astype(np.float32)

    np.testing.assert_allclose(Reader.load(further)._run(line), Reader.load(folder)._run(line), atol=1e-3)
    assert after["version"] == "further"
    assert {name: after[name] for name in ("command", "seed", "training")} == {
        name: before[name] for name in ("command", "seed", "training")
    }
    assert (after["characters"]["command"], after["characters"]["seed"]) == ("on", 6)
    assert (further / "characters.onnx").read_bytes() != (folder / "characters.onnx").read_bytes()

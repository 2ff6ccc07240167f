"""Real retraining, a little of it: what is good is learned, what is bad is refused, and each says why."""

import functools
import importlib.util
import json
import os
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from benchmarks.planted import plant

from inkdigit import ConfigError, DataError, Recognizer
from inkdigit.feedback import FeedbackStore, Status, Submission, Verdict
from inkdigit.recognizer import current_model, verify_model_folder
from inkdigit.registry import current, rollback
from inkdigit.training.dataset import Mnist, read_digits

if TYPE_CHECKING:
    from inkdigit.training.retrain import Outcome, Plan, RetrainOptions
    from inkdigit.training.train import Progress

MISSING = importlib.util.find_spec("keras") is None and not os.environ.get("CI")
pytestmark = [
    pytest.mark.skipif(MISSING, reason="Keras is not installed: pip install 'inkdigit[train]'"),
    pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning", "ignore::UserWarning"),
]
DATA = Path(__file__).parents[1] / "data"
NO_PHOTOGRAPHS = np.zeros((0, 28, 28), np.uint8)
SHIPPED = current_model().name

Options = Callable[..., "RetrainOptions"]


@pytest.fixture(scope="module")
def few() -> Mnist:
    """A thousand digits in place of MNIST; which ones they are plays no part here."""
    digits = read_digits(DATA, "t10k")
    return Mnist(digits[:400], digits[400:900], digits[900:1000])


@pytest.fixture(scope="module", autouse=True)
def small(few: Mnist) -> Iterator[None]:
    """Gates and reports of few pictures, and nothing fetched."""
    from inkdigit.training import evaluate, export, gates, ink, retrain

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(retrain, "load_mnist", lambda source: few)
        patch.setattr(ink, "load_faces", lambda: ())
        patch.setattr(ink, "load_photographs", lambda: (NO_PHOTOGRAPHS, NO_PHOTOGRAPHS))
        patch.setattr(ink, "JUDGING", 100)
        patch.setattr(gates, "SPOILED", 20)
        patch.setattr(export, "AGREEMENT_IMAGES", 100)
        patch.setattr(export, "try_out", functools.partial(evaluate.try_out, most=4))
        yield


@pytest.fixture
def store(tmp_path: Path) -> Iterator[FeedbackStore]:
    with FeedbackStore.open(tmp_path / "feedback.sqlite") as opened:
        yield opened


@pytest.fixture
def options(tmp_path: Path) -> Options:
    return functools.partial(options_of, tmp_path / "models")


def options_of(home: Path, **given: Any) -> "RetrainOptions":
    from inkdigit.training.retrain import RetrainOptions

    small = {"digits": 300, "epochs": 4, "batch_size": 64, "learning_rate": 5e-4, "kept": 0.3, "apart": False}
    return RetrainOptions(**{"home": home, **small, **given})


def plan_of(options: "RetrainOptions", store: FeedbackStore) -> "Plan":
    from inkdigit.training.retrain import make_plan

    return make_plan(options, store)


class Ran:
    """A whole run, and the store that it learned from."""

    def __init__(self, folder: Path, shuffled: bool, meanwhile: Callable[[FeedbackStore, list[str]], object]) -> None:
        from inkdigit.training.retrain import retrain

        self.home = folder / "models"
        self.seen: list[float] = []
        options = options_of(self.home, command="inkdigit retrain")
        with FeedbackStore.open(folder / "feedback.sqlite") as store:
            receipts = plant(store, writers=26, each=10, seed=5, shuffled=shuffled)
            self.plan = plan_of(options, store)

            def on_progress(step: "Progress") -> None:
                self.seen.append(step.loss)

            def on_stage(stage: str) -> None:
                if "gates" in stage:
                    meanwhile(store, receipts)

            self.outcome: Outcome = retrain(options, store, self.plan, on_progress, on_stage)
        self.card: dict[str, Any] = json.loads((self.outcome.folder / "card.json").read_text())


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory) -> Ran:
    """Learns from digits of segments, which MNIST has not."""
    return Ran(tmp_path_factory.mktemp("good"), shuffled=False, meanwhile=lambda *_: None)


@pytest.fixture(scope="module")
def bad(tmp_path_factory: pytest.TempPathFactory) -> Ran:
    """Learns from the same pictures, labelled by chance; a writer takes one back while it trains."""
    return Ran(tmp_path_factory.mktemp("bad"), shuffled=True, meanwhile=take_back_the_first)


def take_back_the_first(store: FeedbackStore, receipts: list[str]) -> None:
    store.delete(receipts[0])


def test_a_style_that_mnist_lacks_is_learned_and_takes_the_old_models_place(good: Ran) -> None:
    outcome = good.outcome

    assert outcome.promoted
    assert all(gate.passed for gate in outcome.gates)
    assert current(good.home) == outcome.folder == good.home / "corrected-1"
    verify_model_folder(outcome.folder)
    drawings = outcome.gates[0]
    assert (drawings.name, drawings.aim) == ("drawings held out", "better")
    assert drawings.old_errors >= 20
    assert drawings.new_errors < drawings.old_errors / 2


def test_labels_dealt_out_by_chance_are_refused_and_the_old_model_stays(bad: Ran) -> None:
    outcome = bad.outcome

    assert not outcome.promoted
    assert not outcome.gates[0].passed
    assert current(bad.home).name == SHIPPED
    assert not (bad.home / "corrected-1").exists()


def test_a_candidate_that_was_held_back_stays_to_be_looked_at(bad: Ran) -> None:
    folder = bad.outcome.folder

    verify_model_folder(folder)
    assert Recognizer.load(folder).version == "corrected-1"
    assert "HELD BACK" in (folder / "report.html").read_text()


def test_mnists_test_images_are_read_for_a_promoted_model_alone(good: Ran, bad: Ran, few: Mnist) -> None:
    assert good.card["metrics"]["test"]["n"] == len(few.test)
    assert good.outcome.test == good.card["metrics"]["test"]
    assert list(bad.card["metrics"]) == ["held_out"]
    assert bad.outcome.test is None


def test_a_drawing_that_is_taken_back_while_it_trains_holds_the_model_back(bad: Ran, good: Ran) -> None:
    assert bad.outcome.taken_back == (1,)
    assert good.outcome.taken_back == ()


def test_a_card_records_which_drawings_taught_a_model_and_nothing_of_what_they_show(good: Ran) -> None:
    found = good.card["retraining"]

    assert (found["start"], found["first"], found["by"], found["share"]) == (SHIPPED, SHIPPED, "writer", 0.1)
    assert found["trained"] + found["held_out"] == 260
    assert found["sources"] == len(found["heaviest_sources"]) == 26
    assert sum(row["trained"] for row in found["heaviest_sources"]) == found["trained"]
    assert max(row["weight"] for row in found["heaviest_sources"]) <= 0.1
    assert not any(source in json.dumps(good.card) for source in good.plan.training.sources)
    assert [gate["passed"] for gate in found["gates"]] == [True] * 5


def test_the_report_shows_the_gates_and_no_drawing_of_a_user(good: Ran) -> None:
    report = (good.outcome.folder / "report.html").read_text()

    assert "drawings held out" in report
    assert report.count("<figure>") == good.card["metrics"]["test"]["errors"]


def test_a_promotion_can_be_taken_back(good: Ran) -> None:
    # What is undone here is done again, for the tests that come after.
    from inkdigit.registry import promote

    assert rollback(good.home) == SHIPPED
    assert current(good.home).name == SHIPPED
    promote("corrected-1", good.home)


def test_the_next_model_is_compared_with_the_first_of_the_line_as_well(good: Ran, few: Mnist) -> None:
    from inkdigit.training import retrain
    from inkdigit.training.export import Candidate
    from inkdigit.training.labelled import Labelled

    folder = good.outcome.folder
    judged: Any = SimpleNamespace(labelled=Labelled.of("held out", few.held_out))
    candidate = Candidate(folder, good.card, judged)
    plan = replace(good.plan, old=folder)

    found = retrain.judge_candidate(options_of(good.home), plan, candidate)

    assert [gate.against for gate in found] == ["corrected-1"] * 5 + [SHIPPED] * 4
    assert retrain.first_of_line(folder) == SHIPPED
    assert retrain.free_name(good.home) == "corrected-2"


def test_the_progress_is_told_step_by_step(good: Ran) -> None:
    assert len(good.seen) >= 4
    assert np.isfinite(good.seen).all()


# --- plans


def test_deleted_drawings_neither_train_nor_judge(store: FeedbackStore, options: Options) -> None:
    receipts = plant(store, writers=20, each=8, seed=1)
    before = plan_of(options(), store)

    for receipt in receipts[::2]:
        store.delete(receipt)

    after = plan_of(options(), store)
    assert {*before.training.ids, *before.held_out.ids} == set(range(1, 161))
    assert {*after.training.ids, *after.held_out.ids} == set(range(2, 161, 2))


def test_pictures_that_train_are_those_of_the_plan(store: FeedbackStore, options: Options, few: Mnist) -> None:
    from inkdigit.training.retrain import gather

    plant(store, writers=20, each=8, seed=1)
    plan = plan_of(options(), store)

    ink = gather(options(), few.training, plan)

    drawn = len(plan.training)
    assert np.array_equal(ink.pictures.images[-drawn:], plan.training.images)
    assert np.array_equal(ink.pictures.labels[-drawn:], plan.training.labels)
    rows = ink.rows_of_an_epoch(np.random.default_rng(1))
    seen = np.count_nonzero(rows >= len(ink.pictures) - drawn)
    assert seen == pytest.approx(plan.weights.sum(), abs=drawn)
    assert 0.1 < seen / len(rows) < 0.3


def test_drawings_that_were_not_accepted_play_no_part(store: FeedbackStore, options: Options) -> None:
    plant(store, writers=20, each=8, seed=1)
    store.review({3: Verdict(Status.REJECTED, 0), 8: Verdict(Status.NEW, 0)})

    plan = plan_of(options(), store)

    assert {*plan.training.ids, *plan.held_out.ids} == set(range(1, 161)) - {3, 8}


def test_what_the_review_says_is_what_is_learned(store: FeedbackStore, options: Options) -> None:
    plant(store, writers=20, each=8, seed=1)
    store.review({number: Verdict(Status.ACCEPTED, None) for number in range(1, 161)})

    plan = plan_of(options(), store)

    assert {*plan.training.labels.tolist(), *plan.held_out.labels.tolist()} == {10}


def test_a_flood_from_one_source_is_bounded(store: FeedbackStore, options: Options) -> None:
    plant(store, writers=30, each=4, seed=1)
    trains = (plan_of(options(), store).training.ids[0] - 1) // 4  # a writer, by number
    flood(store, writer=trains, count=300)

    plan = plan_of(options(), store)

    heaviest = plan.sources()[0]
    assert heaviest["trained"] >= 300
    assert heaviest["weight"] == pytest.approx(0.1, abs=0.001)


def flood(store: FeedbackStore, writer: int, count: int) -> None:
    """The same picture of one writer again and again, accepted."""
    picture = next(iter(store.iterate())).image
    for _ in range(count):
        store.add(Submission(1, None, None, "digits-8", picture, writer=f"writer {writer}"))
    store.review({kept.id: Verdict(Status.ACCEPTED, 1) for kept in store.iterate(Status.NEW)})


def test_relabelled_and_deleted_drawings_are_missed(store: FeedbackStore, options: Options) -> None:
    from inkdigit.training.retrain import missing

    receipts = plant(store, writers=20, each=8, seed=1)
    plan = plan_of(options(), store)
    assert missing(plan, store) == ()

    store.delete(receipts[4])
    store.review({9: Verdict(Status.REJECTED, 0), 20: Verdict(Status.ACCEPTED, None)})

    assert missing(plan, store) == (5, 9, 20)


def test_an_empty_store_has_nothing_to_learn_from(store: FeedbackStore, options: Options) -> None:
    with pytest.raises(DataError, match="nothing to learn from"):
        plan_of(options(), store)


def test_too_few_writers_are_told_before_any_work(store: FeedbackStore, options: Options) -> None:
    plant(store, writers=5, each=20, seed=1)

    with pytest.raises(DataError, match=r"at least 5 writers.*--by drawing"):
        plan_of(options(), store)


def test_one_persons_drawings_are_enough_where_they_are_split(store: FeedbackStore, options: Options) -> None:
    from inkdigit.training.corrections import By

    plant(store, writers=1, each=120, seed=1)

    plan = plan_of(options(by=By.DRAWING, share=1.0), store)

    assert len(plan.training) + len(plan.held_out) == 120
    assert len(plan.held_out) > 20


@pytest.mark.parametrize(
    "given", [{"share": 0.0}, {"share": 1.1}, {"level": 0.0}, {"level": 0.5}, {"name": "../up"}, {"name": SHIPPED}]
)
def test_impossible_options_are_refused(store: FeedbackStore, options: Options, given: dict[str, Any]) -> None:
    with pytest.raises(ConfigError):
        plan_of(options(**given), store)


def test_training_goes_on_from_weights_as_they_were_before_they_were_calibrated(few: Mnist) -> None:
    import keras

    from inkdigit.training.export import PRIOR
    from inkdigit.training.train import uncalibrated

    network = keras.models.load_model(current_model() / "model.keras", compile=False)
    images = np.asarray(few.test.images[:20, ..., None] / 255, np.float32)
    calibrated = np.log(network.predict(images, verbose=0))

    raw = np.log(uncalibrated(current_model()).predict(images, verbose=0))

    temperature = json.loads((current_model() / "card.json").read_text())["temperature"]
    expected = calibrated * temperature + np.eye(11)[10] * PRIOR
    shift = raw - expected
    assert np.allclose(shift, shift[:, :1], atol=0.01)


def test_a_small_model_goes_on_as_a_small_one(few: Mnist, options: Options) -> None:
    from inkdigit.training.retrain import is_small
    from inkdigit.training.train import uncalibrated

    [folder] = current_model().parent.glob("small-*")

    images = np.asarray(few.test.images[..., None] / 255, np.float32)
    right = uncalibrated(folder).predict(images, verbose=0)[:, :10].argmax(axis=1) == few.test.labels
    assert (is_small(folder), is_small(current_model())) == (True, False)
    assert right.mean() > 0.95

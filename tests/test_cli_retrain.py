"""`inkdigit retrain`: what it says of a plan and of its outcome; real runs are in tests/training/test_retrain.py."""

import importlib.util
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from benchmarks.planted import plant
from click.testing import CliRunner, Result

from inkdigit.cli import main
from inkdigit.feedback import FeedbackStore
from inkdigit.recognizer import current_model

if TYPE_CHECKING:
    from inkdigit.training.retrain import Outcome, Plan, RetrainOptions
    from inkdigit.training.train import Progress

MISSING = importlib.util.find_spec("keras") is None and not os.environ.get("CI")
pytestmark = [
    pytest.mark.skipif(MISSING, reason="Keras is not installed: pip install 'inkdigit[train]'"),
    pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning", "ignore::UserWarning"),
]
SHIPPED = current_model().name

FakeRun = Callable[..., list["RetrainOptions"]]


def invoke(*arguments: object) -> Result:
    return CliRunner().invoke(main, ["retrain", *map(str, arguments)], prog_name="inkdigit")


@pytest.fixture(autouse=True)
def home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    for name in [name for name in os.environ if name.startswith("INKDIGIT_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("INKDIGIT_HOME", str(tmp_path / "home" / "models"))
    return tmp_path / "home" / "models"


@pytest.fixture
def store(home: Path) -> Path:
    """A store where the commands look for it, with drawings of 16 writers that were accepted."""
    home.mkdir(parents=True)
    with FeedbackStore.open(home.parent / "feedback.sqlite") as opened:
        plant(opened, writers=16, each=5, seed=3)
    return home.parent / "feedback.sqlite"


@pytest.fixture
def ran(monkeypatch: pytest.MonkeyPatch) -> FakeRun:
    """Puts a run in place of the real one, which ends with these gains and losses; gives the options that it got."""
    from inkdigit.training import retrain
    from inkdigit.training.train import Progress

    seen: list[RetrainOptions] = []

    def ends_with(lost: int = 0, gained: int = 9, taken_back: tuple[int, ...] = ()) -> list["RetrainOptions"]:
        def run(
            options: "RetrainOptions",
            store: FeedbackStore,
            plan: "Plan",
            on_progress: Callable[["Progress"], None],
            on_stage: Callable[[str], None],
        ) -> "Outcome":
            seen.append(options)
            on_stage("Drawing ...")
            on_progress(Progress(1, 1, 1, 1, 0.5, None))
            on_stage("Judging ...")
            return outcome_of(plan, lost, gained, taken_back)

        monkeypatch.setattr(retrain, "retrain", run)
        return seen

    return ends_with


def outcome_of(plan: "Plan", lost: int, gained: int, taken_back: tuple[int, ...]) -> "Outcome":
    import numpy as np

    from inkdigit.training.gates import Aim, Pairs, decide
    from inkdigit.training.retrain import Outcome

    old, new = np.repeat([True, False, True], [lost, gained, 50]), np.repeat([False, True, True], [lost, gained, 50])
    aims: dict[str, Any] = {"drawings held out": Aim.BETTER, "MNIST held out: read": Aim.NO_WORSE}
    gates = tuple(decide(name, plan.old.name, Pairs(old, new), aim) for name, aim in aims.items())
    promoted = all(gate.passed for gate in gates) and not taken_back
    test = {"accuracy": 0.9968, "n": 10_000} if promoted else None
    return Outcome(plan.version, Path("somewhere"), promoted, gates, taken_back, test)


def test_a_dry_run_shows_who_would_train_and_judge_and_trains_nothing(store: Path, home: Path, ran: FakeRun) -> None:
    seen = ran()

    result = invoke("--dry-run")

    assert (result.exit_code, seen) == (0, [])
    assert f"corrected-1 would be made of {SHIPPED} and 45 accepted drawings." in result.stdout
    assert "35 others, of 7 writers, judge it" in result.stdout
    assert "At least 5 writers must get better" in result.stdout
    assert result.stdout.splitlines()[4].split() == ["source", "train", "weight", "held", "out"]
    assert "and 4 sources more" in result.stdout
    assert list(home.iterdir()) == []


def test_a_model_that_passed_is_said_to_be_current_and_how_that_is_undone(store: Path, ran: FakeRun) -> None:
    ran(gained=9)

    result = invoke()

    assert result.exit_code == 0
    rows = [line.split() for line in result.stdout.splitlines() if line.startswith(("drawings", "MNIST held"))]
    assert rows[0] == ["drawings", "held", "out", "better", SHIPPED, "59", "9", "0", "0", "9", "0.002", "7", "passed"]
    assert "corrected-1 is current now: somewhere" in result.stdout
    assert "MNIST test, which decided nothing: 99.68% (n = 10000)." in result.stdout
    assert "inkdigit models rollback" in result.stderr


def test_what_held_a_model_back_is_said_and_the_exit_code_is_1(store: Path, ran: FakeRun) -> None:
    ran(lost=9, gained=1)

    result = invoke()

    assert result.exit_code == 1
    assert result.stdout.count("HELD BACK") == 2
    held_back_by = f"drawings held out (against {SHIPPED}); MNIST held out: read (against {SHIPPED})"
    assert f"{SHIPPED} stays current. corrected-1 was held back by: {held_back_by}." in result.stdout
    assert "report.html" in result.stderr


def test_drawings_that_were_taken_back_meanwhile_hold_it_back_too(store: Path, ran: FakeRun) -> None:
    ran(taken_back=(4, 7))

    result = invoke()

    assert result.exit_code == 1
    assert "held back by: drawings taken back meanwhile (2): run it again." in result.stdout


def test_options_reach_the_run(store: Path, ran: FakeRun, home: Path) -> None:
    from inkdigit.training.corrections import By

    seen = ran()

    invoke(
        "--out", "club-2", "--seed", 7, "--epochs", 2, "--minutes", 5, "--share", 0.5, "--level", 0.1, "--by", "drawing"
    )

    [options] = seen
    assert (options.home, options.name, options.seed, options.epochs, options.minutes) == (home, "club-2", 7, 2, 5)
    assert (options.share, options.level, options.by) == (0.5, 0.1, By.DRAWING)


def test_the_stages_and_the_bar_go_to_standard_error(store: Path, ran: FakeRun) -> None:
    ran()

    result = invoke()

    assert "Drawing ..." in result.stderr
    assert "epoch 1/1" in result.stderr
    assert "Drawing ..." not in result.stdout


def test_too_few_corrections_are_one_line_and_exit_code_3(home: Path) -> None:
    home.mkdir(parents=True)
    with FeedbackStore.open(home.parent / "feedback.sqlite") as opened:
        plant(opened, writers=2, each=3, seed=3)

    result = invoke()

    assert result.exit_code == 3
    assert result.stderr.startswith("Error: ")
    assert "--by drawing" in result.stderr


def test_where_nothing_was_accepted_that_is_said_before_keras_is_loaded(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home.mkdir(parents=True)
    FeedbackStore.open(home.parent / "feedback.sqlite").close()
    monkeypatch.setitem(sys.modules, "inkdigit.training.retrain", None)

    result = invoke("--dry-run")

    assert (result.exit_code, result.stdout) == (3, "")
    assert "there is nothing to learn from: no drawing was accepted" in result.stderr


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("../x", "no name of a version"),
        ("con", "reserves that name"),
        ("current", "reserves that name"),
        (SHIPPED, "give another name"),
    ],
)
@pytest.mark.usefixtures("store")
def test_a_name_that_cannot_be_is_told_before_keras_is_loaded(
    monkeypatch: pytest.MonkeyPatch, name: str, told: str
) -> None:
    monkeypatch.setitem(sys.modules, "inkdigit.training.retrain", None)

    result = invoke("--out", name)

    assert (result.exit_code, result.stdout) == (2, "")
    assert told in result.stderr


def test_a_store_that_is_not_there_is_said_so(home: Path) -> None:
    result = invoke("--dry-run")

    assert result.exit_code == 3
    assert "feedback.sqlite" in result.stderr
    assert not home.parent.exists()


@pytest.mark.parametrize(
    "arguments",
    [["--share", "0"], ["--share", "2"], ["--share", "nan"], ["--level", "0.5"], ["--by", "moon"], ["--out", "a b"]],
)
@pytest.mark.usefixtures("store")
def test_impossible_options_are_told_by_the_command_line(arguments: list[str]) -> None:
    assert invoke(*arguments).exit_code == 2

"""What retraining makes of corrections that are good, and of the same ones with labels dealt out by chance.

    python -m benchmarks.retraining [--writers 30] [--each 12] [--seed 1] [--digits 6000] [--epochs 3] [--only good]

Plants drawings in a style that MNIST lacks (`benchmarks.planted`) in a store of its own, retrains the shipped model
and prints what each gate found, as Markdown. MNIST is the user's, in the cache folder.
"""

import argparse
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.environments import hardware
from benchmarks.planted import plant
from benchmarks.table import markdown_table
from inkdigit.feedback import FeedbackStore

if TYPE_CHECKING:
    from inkdigit.training.gates import Gate

KINDS = ("good", "shuffled")
HEADING = ["gate", "asked", "n", "errors before", "errors after", "lost", "gained", "p", "least", "verdict"]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--writers", type=int, default=30)
    parser.add_argument("--each", type=int, default=12, help="drawings of each writer")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--digits", type=int, default=6_000, help="of MNIST, seen again")
    parser.add_argument("--epochs", type=int, default=3)
    parser.add_argument("--precision", default="bfloat16")
    parser.add_argument("--only", choices=KINDS)
    given = parser.parse_args()
    for kind in [given.only] if given.only else KINDS:
        with tempfile.TemporaryDirectory() as folder:
            measure(kind, Path(folder), given)


def measure(kind: str, folder: Path, given: argparse.Namespace) -> None:
    """Plant drawings, retrain, and print what came of it."""
    from inkdigit.training.retrain import RetrainOptions, make_plan, retrain

    asked = {name: getattr(given, name) for name in ("seed", "digits", "epochs", "precision")}
    options = RetrainOptions(folder / "models", apart=False, **asked)
    with FeedbackStore.open(folder / "feedback.sqlite") as store:
        plant(store, given.writers, given.each, seed=5, shuffled=kind == "shuffled")
        cpu = time.process_time()
        plan = make_plan(options, store)
        outcome = retrain(options, store, plan, on_stage=lambda stage: print(f"- {stage}", flush=True))
    print(f"\n{kind}: {given.writers} writers, {given.each} drawings of each, seed {given.seed}")
    print(f"{len(plan.training)} drawings train and {len(plan.held_out)} judge\n")
    print(markdown_table([HEADING, *map(_row, outcome.gates)]))
    print(f"\npromoted: {outcome.promoted}; MNIST test: {outcome.test}")
    print(f"{time.process_time() - cpu:.0f} CPU seconds; {hardware()}\n", flush=True)


def _row(gate: "Gate") -> list[str]:
    numbers = [gate.n, gate.old_errors, gate.new_errors, gate.lost, gate.gained]
    verdict = "passed" if gate.passed else "held back"
    return [gate.name, str(gate.aim), *map(str, numbers), f"{gate.p_value:.2g}", str(gate.least), verdict]


if __name__ == "__main__":
    main()

"""Run Inkdigit beside the plain version of the same thing and write docs/benchmarks.md.

    python -m benchmarks.run [--quick] [--only SECTION] [--model MODEL] [--mnist DIR]

Each section prints a table of ratios and puts it between its markers in the document. `--quick` measures little, to
see that everything works, and only prints.
"""

import argparse
import datetime
import os
import sys
from pathlib import Path

from benchmarks import environments
from benchmarks.ablations import ablations_section
from benchmarks.accuracy import accuracy_section
from benchmarks.corruptions import corruptions_section
from benchmarks.drawings import PROJECT
from benchmarks.inference import inference
from benchmarks.setting import FULL, QUICK, Setting, prepare
from benchmarks.speed import speed
from benchmarks.startup import install, startup
from benchmarks.table import write_block
from inkdigit import Recognizer

DOCUMENT = PROJECT / "docs/benchmarks.md"
SECTIONS = {
    "accuracy": accuracy_section,
    "corruptions": corruptions_section,
    "inference": inference,
    "speed": speed,
    "startup": startup,
    "install": install,
}
TRAINING = PROJECT / "docs/training.md"
BY_NAME_ALONE = {"ablations": ablations_section}  # takes an hour, tells what it ran on itself, and is part of TRAINING


def main(arguments: list[str] | None = None) -> int:
    """Measure, print, write."""
    options = _parse(arguments)
    setting = prepare(QUICK if options.quick else FULL, options.model or (), options.mnist)
    for name in options.only or SECTIONS:
        if name in BY_NAME_ALONE:
            document, block = TRAINING, BY_NAME_ALONE[name](setting)
        else:
            document, block = DOCUMENT, f"{SECTIONS[name](setting)}\n\n{_circumstances(name, setting)}"
        print(f"## {name}\n\n{block}\n", flush=True)
        if not options.quick:
            write_block(document, name, block)
    return 0


def _parse(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.run", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="measure little and only print")
    every = [*SECTIONS, *BY_NAME_ALONE]
    parser.add_argument("--only", action="append", choices=every, help="this section alone; may be repeated")
    parser.add_argument(
        "--model",
        action="append",
        help="a version of Inkdigit or its folder; the shipped one where absent. May be repeated: `inference` measures "
        "them all (where absent, all shipped ones), the others the first",
    )
    parser.add_argument("--mnist", type=Path, help="folder of plain IDX files for the baseline; else it is fetched")
    return parser.parse_args(arguments)


def _circumstances(name: str, setting: Setting) -> str:
    busy = f", load average {os.getloadavg()[0]:.1f}" if hasattr(os, "getloadavg") else ""
    models = setting.our_models if name == "inference" else [setting.our_model]
    versions = " and ".join(Recognizer.load(model).version for model in models)
    return (
        f"- `benchmarks/run --only {name}`, {datetime.datetime.now(datetime.UTC).date()}\n"
        f"- {environments.hardware()}{busy}\n"
        f"- Inkdigit with model {versions}: {setting.our_environment.versions()}\n"
        f"- baseline: {setting.their_environment.versions()}"
    )


if __name__ == "__main__":
    sys.exit(main())

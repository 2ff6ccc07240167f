"""What all sections need: the two programs with their environments and models, and how long to measure."""

import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks import environments, servers
from benchmarks.drawings import PROJECT, cache_folder, digest
from benchmarks.environments import Environment
from benchmarks.servers import Program
from inkdigit.recognizer import find_model
from inkdigit.registry import list_versions

BASELINE = PROJECT / "benchmarks/baseline"


@dataclass(frozen=True, slots=True)
class Effort:
    """How much to measure."""

    starts: int  # of each server, and imports of each package
    rounds: int  # of load on each server, in turn
    seconds: float  # each spell of load, at most
    requests: int  # each spell of load, at most
    pictures: int  # of each set of drawings, at most


FULL = Effort(starts=7, rounds=3, seconds=10, requests=10_000, pictures=100_000)
QUICK = Effort(starts=2, rounds=1, seconds=3, requests=1_000, pictures=100)


@dataclass(frozen=True, slots=True)
class Setting:
    """Both programs, ready to run."""

    effort: Effort
    our_environment: Environment
    their_environment: Environment
    our_model: Path | None  # None: the shipped one
    their_model: Path
    our_models: tuple[Path, ...]  # those that were asked for, of which the first is `our_model`; else all shipped ones

    @property
    def ours(self) -> Program:
        """Inkdigit's server."""
        return servers.ours(self.our_environment.python, self.our_model)

    @property
    def theirs(self) -> Program:
        """The plain version's server."""
        return servers.baseline(self.their_environment.python, self.their_model)


def prepare(effort: Effort, models: Sequence[str], mnist: Path | None) -> Setting:
    """Make what is not there yet: both environments, and the baseline's model."""
    chosen = tuple(find_model(model).resolve() for model in models)
    theirs = environments.baseline_environment()
    ours = environments.serving_environment()
    their_model = baseline_model(theirs, mnist)
    return Setting(effort, ours, theirs, chosen[0] if chosen else None, their_model, chosen or all_shipped())


def all_shipped() -> tuple[Path, ...]:
    """The folders of all models that ship, the default first."""
    default = find_model(None)
    versions = [version for version in list_versions() if not version.reads_lines and version.path != default]
    others = sorted(version.path for version in versions)
    return (default, *others)


def baseline_model(environment: Environment, mnist: Path | None) -> Path:
    """The dense network, trained once by baseline/train.py and kept in the cache folder."""
    recipe, lock = BASELINE / "train.py", PROJECT / "constraints/benchmarks.txt"
    path = cache_folder() / f"dense-{digest(recipe.read_bytes(), lock.read_bytes())}.keras"
    if not path.exists():
        subprocess.run([environment.python, recipe, mnist or _fetched_mnist(), path], check=True)
    return path


def _fetched_mnist() -> Path:
    from inkdigit.training.dataset import fetch_mnist

    return fetch_mnist()

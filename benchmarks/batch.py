"""How much memory a batch takes, however many pictures there are, and how fast it is on several cores.

    python -m benchmarks.batch memory --pictures 10000 200000
    python -m benchmarks.batch speed --pictures 8000 --rounds 3

Pictures are links to 1,000 MNIST test digits, as PNGs of 28x28, in folders of 1,000. `memory` runs the command and
looks at its processes five times a second; the kernel keeps the peak of each. `speed` runs a batch with one worker and
with one for each core by turns, from the first picture on: starting takes as long with any number of them. On a
machine that does other things too, what counts is processor time: what all processes together took for a picture.
"""

import argparse
import gzip
import json
import os
import re
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

import numpy as np
from PIL import Image

from inkdigit.bulk.job import Job, digest_of
from inkdigit.bulk.run import Plan, crew, run
from inkdigit.config import core_count
from inkdigit.recognizer import current_model

DIGITS: Final = Path(__file__).parents[1] / "tests" / "data" / "t10k-images-idx3-ubyte.gz"
KINDS: Final = 1000  # different pictures, and links in a folder
LOOK_S: Final = 0.2


@dataclass(frozen=True, slots=True)
class Memory:
    """Peaks in MiB: of the command, of its largest worker, and of all its processes added up."""

    pictures: int
    seconds: float
    command: float
    worker: float
    all: float


@dataclass(frozen=True, slots=True)
class Speed:
    """Medians over the rounds, and the ratios between both ways, each of the same round.

    Attributes:
        one: pictures a second with one worker.
        many: the same with a worker for each core.
        wall: many over cores times one.
        cpu_one: ms of processor for a picture, all processes together, with one worker.
        cpu_many: the same with one for each core.
        cpu: cpu_one over cpu_many: what share of the cores' time would go to pictures if the machine did nothing else.
        load: the machine's load average while it ran, of one minute.
    """

    pictures: int
    cores: int
    rounds: int
    one: float
    many: float
    wall: float
    cpu_one: float
    cpu_many: float
    cpu: float
    load: float


@contextmanager
def pictures(count: int) -> Iterator[Path]:
    """A folder of so many pictures, which goes afterwards."""
    with tempfile.TemporaryDirectory(prefix="inkdigit-batch-") as name:
        digits = np.frombuffer(gzip.decompress(DIGITS.read_bytes()), np.uint8, offset=16).reshape(-1, 28, 28)
        first = Path(name, "scans", "0000")
        for number in range(count):
            path = Path(name, "scans", f"{number // KINDS:04}", f"{number % KINDS:04}.png")
            path.parent.mkdir(parents=True, exist_ok=True)
            if number < KINDS:
                Image.fromarray(255 - digits[number]).save(path)
            else:
                os.link(first / path.name, path)
        yield Path(name)


# --- memory


def memory(count: int, workers: int) -> Memory:
    """Run the command, and remember the peak of each of its processes."""
    with pictures(count) as folder:
        out = folder / "t.csv"
        command = [sys.executable, "-m", "inkdigit", "batch", folder / "scans", "--out", out, "--workers", workers]
        begun, peaks = time.monotonic(), dict[int, float]()
        with subprocess.Popen([*map(str, command)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as batch:
            while batch.poll() is None:
                for pid in (batch.pid, *_children(batch.pid)):
                    peaks[pid] = max(peaks.get(pid, 0.0), _peak(pid))
                time.sleep(LOOK_S)
        if batch.returncode:
            sys.exit(f"the batch ended with code {batch.returncode}")
        others = [peak for pid, peak in peaks.items() if pid != batch.pid]
        seconds = round(time.monotonic() - begun, 1)
        return Memory(count, seconds, peaks[batch.pid], max(others), round(sum(peaks.values()), 1))


def _children(pid: int) -> list[int]:
    try:
        return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except OSError:
        return []


def _peak(pid: int) -> float:
    """The peak of resident memory, MiB; 0 of a process that has ended."""
    try:
        found = re.search(r"VmHWM:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text())
    except OSError:
        return 0.0
    return round(int(found[1]) / 1024, 1) if found else 0.0


# --- speed


class _Clock:
    """Remembers when reading was under way, and when it ended."""

    def __init__(self) -> None:
        self.seen: list[tuple[float, int]] = []

    def looking(self, found: int) -> None:
        """Of no interest."""

    def begun(self, total: int, kept: int) -> None:
        """Of no interest."""

    def reading(self, seen: int) -> None:
        if seen:
            self.seen.append((time.monotonic(), seen))

    def rate(self) -> float:
        """Pictures a second, from the first that were seen to the last."""
        (begun, before), (ended, after) = self.seen[0], self.seen[-1]
        return (after - before) / (ended - begun)


def _once(folder: Path, workers: int) -> tuple[float, float]:
    """Pictures a second, and ms of processor for each."""
    model = current_model()
    job = Job("digits", "csv", str(model), digest_of(model, "digits"), str(folder))
    clock, before = _Clock(), _cpu()
    outcome = run(Plan((str(folder / "scans"),), folder / "t.csv", job), crew(workers, 600), clock, again=True)
    return clock.rate(), 1000 * (_cpu() - before) / outcome.tally.rows


def _cpu() -> float:
    both = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(used.ru_utime + used.ru_stime for used in both)


def speed(count: int, rounds: int) -> Speed:
    """One worker and many, by turns."""
    with pictures(count) as folder:
        found = [(_once(folder, 1), _once(folder, core_count())) for _ in range(rounds)]

    def median(values: list[float]) -> float:
        return round(statistics.median(values), 3)

    return Speed(
        count,
        core_count(),
        rounds,
        one=median([one[0] for one, _ in found]),
        many=median([many[0] for _, many in found]),
        wall=median([many[0] / one[0] / core_count() for one, many in found]),
        cpu_one=median([one[1] for one, _ in found]),
        cpu_many=median([many[1] for _, many in found]),
        cpu=median([one[1] / many[1] for one, many in found]),
        load=round(os.getloadavg()[0], 1),
    )


def main() -> None:
    """Measure, and print a line of JSON for each result."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("what", choices=["memory", "speed"])
    parser.add_argument("--pictures", type=int, nargs="+", default=[10_000])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--workers", type=int, default=core_count())
    given = parser.parse_args()
    for count in given.pictures:
        result = memory(count, given.workers) if given.what == "memory" else speed(count, given.rounds)
        print(json.dumps(asdict(result)), flush=True)


if __name__ == "__main__":
    main()

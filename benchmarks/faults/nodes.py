"""A batch on two nodes of Ray, of whose processes and nodes some are killed; the table must be what one process makes.

    python -m benchmarks.faults.nodes --pictures 4000       # needs the packages of constraints/ray.txt

Both nodes are on this computer (`ray.cluster_utils.Cluster`): each has a raylet and workers of its own. First a worker
is killed that reads a chunk, then the second node with all its processes.
"""

import argparse
import dataclasses
import json
import os
import secrets
import signal
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.batch import pictures
from inkdigit.bulk.job import Job, digest_of
from inkdigit.bulk.run import Plan, crew, run
from inkdigit.distributed import on_ray
from inkdigit.recognizer import current_model

READER = "ray::read_chunk"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of it; `same` must be true, and `rows` what there were of pictures."""

    pictures: int
    rows: int
    seconds: float
    workers_killed: int
    nodes_killed: int
    same: bool  # byte for byte as the table of one process


class Killer:
    """Watches a batch, and kills at a third of it and at two thirds."""

    def __init__(self, kill_node: Callable[[], None]) -> None:
        self.kill_node = kill_node
        self.workers = self.nodes = self.total = 0

    def looking(self, found: int) -> None:
        """Of no interest."""

    def begun(self, total: int, _kept: int) -> None:
        self.total = total

    def reading(self, seen: int) -> None:
        if not self.workers and seen > self.total / 3:
            self.workers += _kill_reader()
        if not self.nodes and seen > self.total * 2 / 3:
            self.kill_node()
            self.nodes = 1


def _kill_reader() -> int:
    """Kill one process that reads a chunk on Ray; how many there were to kill, 0 or 1."""
    for process in Path("/proc").glob("[0-9]*"):
        try:
            title = (process / "cmdline").read_bytes()
        except OSError:
            continue
        if title.startswith(READER.encode()):
            os.kill(int(process.name), signal.SIGKILL)
            return 1
    return 0


def trial(count: int) -> Outcome:
    """Make the same table twice: on two nodes that are killed, and in this computer's own processes."""
    os.environ |= {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": secrets.token_hex(32)}  # read when Ray is imported
    import ray
    from ray.cluster_utils import Cluster

    model = current_model()
    with pictures(count) as folder:
        job = Job("digits", "jsonl", str(model), digest_of(model, "digits"), str(folder))
        sources = (str(folder / "scans"),)
        cluster: Any = Cluster(initialize_head=True, head_node_args={"num_cpus": 1, "include_dashboard": False})
        second = cluster.add_node(num_cpus=1)
        cluster.wait_for_nodes(timeout=300)
        killer = Killer(lambda: cluster.remove_node(second, allow_graceful=False))
        begun = time.monotonic()
        try:
            run(Plan(sources, folder / "nodes.jsonl", job), on_ray(cluster.address), killer)
        finally:
            ray.shutdown()
            cluster.shutdown()
        seconds = time.monotonic() - begun
        run(Plan(sources, folder / "one.jsonl", job), crew(1, 600), Killer(lambda: None))
        both = [(folder / name).read_bytes() for name in ("nodes.jsonl", "one.jsonl")]
        same, rows = both[0] == both[1], both[0].count(b"\n")
        return Outcome(count, rows, round(seconds, 1), killer.workers, killer.nodes, same)


def main() -> int:
    """Run it, and print what came of it as JSON; the exit code is 1 if anything was lost or doubled."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--pictures", type=int, default=4000)
    outcome = trial(parser.parse_args().pictures)
    print(json.dumps(dataclasses.asdict(outcome)))
    return 0 if outcome.same and outcome.rows == outcome.pictures else 1


if __name__ == "__main__":
    sys.exit(main())

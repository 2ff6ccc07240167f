"""How much a hostile picture takes: processor time and memory of each of the tests' cases, in a process of its own.

    python -m benchmarks.faults.pictures                     # the named cases, 20 times each
    python -m benchmarks.faults.pictures --mutations 30000   # and broken pictures, each timed

Prints a line of JSON for each group of cases.
"""

import argparse
import contextlib
import json
import os
import resource
import statistics
import time
from collections.abc import Callable, Sequence
from typing import Any

from tests.test_image_attacks import BROKEN, STRANGERS, TOO_LARGE
from tests.test_image_fuzz import mutated, seeds

from inkdigit.errors import ImageError
from inkdigit.image import read_picture

GROUPS = {"too large": TOO_LARGE, "broken": BROKEN, "of another type": STRANGERS}


def milliseconds(data: bytes) -> float:
    """Processor time that reading or refusing a picture takes; what else the machine does counts for nothing."""
    started = time.process_time()
    with contextlib.suppress(ImageError):
        read_picture(data)
    return 1000 * (time.process_time() - started)


def in_a_child(work: Callable[[], Any]) -> Any:
    """What `work` returns, in a process that ends then; its memory is nobody else's."""
    reads, writes = os.pipe()
    if (child := os.fork()) == 0:
        os.write(writes, json.dumps(work()).encode())
        os._exit(0)
    os.close(writes)
    with os.fdopen(reads) as told:
        answer = json.loads(told.read())
    os.waitpid(child, 0)
    return answer


def measured(data: bytes, times: int) -> tuple[float, float]:
    """The median processor time in milliseconds, and by how many MB the peak of the process grew."""
    milliseconds(seeds()[0])  # so that what is loaded once counts for nobody
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    taken = [milliseconds(data) for _ in range(times)]
    return statistics.median(taken), (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024


def of_group(cases: dict[str, Callable[[], bytes]], times: int) -> dict[str, Any]:
    """The slowest of a group, and the one that took most memory."""
    found = {name: in_a_child(lambda make=make: measured(make(), times)) for name, make in cases.items()}
    slowest = max(found, key=lambda name: found[name][0])
    largest = max(found, key=lambda name: found[name][1])
    return {
        "cases": len(cases),
        "slowest": slowest,
        "ms": round(found[slowest][0], 2),
        "largest": largest,
        "MB": round(found[largest][1], 1),
    }


def of_mutations(count: int) -> dict[str, Any]:
    """How long broken pictures take."""
    sources = seeds()
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    taken = sorted(milliseconds(mutated(number, sources)) for number in range(count))
    growth = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
    parts = {"median": taken[count // 2], "p99": taken[count * 99 // 100], "slowest": taken[-1]}
    return {"pictures": count, **{name: round(value, 2) for name, value in parts.items()}, "MB": round(growth, 1)}


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--times", type=int, default=20)
    parser.add_argument("--mutations", type=int, default=0)
    options = parser.parse_args(arguments)
    for name, cases in GROUPS.items():
        print(json.dumps({"group": name, **of_group(cases, options.times)}), flush=True)
    if options.mutations:
        print(json.dumps({"group": "mutations", **of_mutations(options.mutations)}), flush=True)


if __name__ == "__main__":
    main()

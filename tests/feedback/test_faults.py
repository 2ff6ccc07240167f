"""Writers that are killed and power that is cut: what was acknowledged is there, whole and once."""

import json
import random
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from benchmarks.faults import power, store
from tests.feedback.conftest import needs_postgres
from tests.feedback.postgres import Cluster

from inkdigit.feedback import FeedbackStore

ROOT = Path(__file__).parents[2]
needs_log = pytest.mark.skipif(power.library() is None, reason="this Python's SQLite cannot be listened to")


def crash(database: str, seconds: float) -> dict[str, Any]:
    """In a process of its own, which may fork: it has no threads."""
    command = [sys.executable, "-m", "benchmarks.faults.store", "--database", database, "--seconds", str(seconds)]
    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert run.returncode == 0, run.stdout + run.stderr
    outcome: dict[str, Any] = json.loads(run.stdout)
    return outcome


FAULTS = ["lost", "back", "double", "damaged", "strangers", "failed", "unsound"]


def test_writers_that_all_make_the_store_and_are_killed_lose_nothing(tmp_path: Path) -> None:
    outcome = crash(str(tmp_path / "feedback.sqlite"), 4)

    assert {name: outcome[name] for name in FAULTS} == dict.fromkeys(FAULTS, 0)
    assert outcome["kills"] > 4
    assert outcome["acknowledged"] > 0


@needs_postgres
def test_writers_to_postgresql_that_are_killed_lose_nothing(postgres: Cluster) -> None:
    outcome = crash(postgres.empty(), 3)

    assert {name: outcome[name] for name in FAULTS} == dict.fromkeys(FAULTS, 0)
    assert outcome["acknowledged"] > 0


def test_what_is_lost_or_back_or_a_stranger_would_be_told(tmp_path: Path) -> None:
    path = tmp_path / "feedback.sqlite"
    here, gone, deleted, unknown = (f"{number:016x}" for number in range(4))
    with FeedbackStore.open(path) as opened:
        for token in (here, here, deleted, unknown):
            opened.add(store.drawing(token))
    told = [f"{mark} {token} 1" for token in (here, gone, deleted) for mark in "?+"]
    told += [f"{mark} {deleted} 1" for mark in "-x"]

    outcome = store._compare(path, told, 1.0, 0, 0)

    assert (outcome.lost, outcome.back, outcome.double, outcome.strangers, outcome.damaged) == (1, 1, 1, 1, 0)
    assert not outcome.sound


@needs_log
def test_a_power_cut_loses_nothing_that_was_acknowledged(tmp_path: Path) -> None:
    empty, log = power.work(tmp_path, drawings=30)

    outcome = power.replay(empty, log, cuts=60)

    assert (outcome.lost, outcome.back, outcome.unsound) == (0, 0, 0)
    assert outcome.acknowledged == 30
    assert {"write", "sync", "truncate"} <= {step.kind for step in log}


@needs_log
def test_a_power_cut_would_lose_drawings_if_commits_were_not_synced(tmp_path: Path) -> None:
    empty, log = power.work(tmp_path, drawings=12, synchronous="NORMAL")

    outcome = power.replay(empty, log, cuts=20)

    assert outcome.lost > 0


def test_a_cut_keeps_what_was_synced_and_any_part_of_the_rest() -> None:
    log = [
        power.Step("write", "a", 0, b"1" * 1024),
        power.Step("sync", "a"),
        power.Step("write", "a", 512, b"2" * 1024),
        power.Step("write", "b", 0, b"3" * 512),
    ]
    seen = {seed: power.cut(b"", log, random.Random(seed)) for seed in range(60)}

    assert all(files["a"][:512] == b"1" * 512 for files in seen.values())
    assert {files["a"][512:1024][:1] for files in seen.values()} == {b"1", b"2"}
    assert {len(files["b"]) for files in seen.values()} == {0, 512}

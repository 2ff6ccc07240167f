"""The work on Ray with a stand-in for Ray; benchmarks/faults/nodes.py kills processes and nodes of the real one."""

import functools
import sys
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from tests.bulk.scans import alone, make, many, records

from inkdigit import distributed
from inkdigit.bulk import job as job_module
from inkdigit.bulk.crew import LOST, STRIKES
from inkdigit.bulk.inputs import Chunk
from inkdigit.bulk.job import Job
from inkdigit.distributed import Answer, on_ray
from inkdigit.errors import BatchError, MissingExtraError

SIZE = 4


class RayError(Exception):
    """A process or a node is gone."""


@dataclass
class FakeRay:
    """Does a task when its answer is asked for, and loses those that `loses` says, by the files of the chunk."""

    loses: Callable[[Sequence[str]], bool] = lambda _: False
    exceptions: Any = field(default_factory=lambda: SimpleNamespace(RayError=RayError))
    most_at_once: int = 0

    def remote(self, **_: Any) -> Callable[[Callable[..., Answer]], Any]:
        return lambda task: SimpleNamespace(remote=lambda job, chunk: functools.partial(self._do, task, job, chunk))

    def _do(self, task: Callable[..., Answer], job: Job, chunk: Chunk) -> Answer:
        if self.loses([file for place, file in enumerate(chunk.files) if place not in chunk.problems]):
            raise RayError("the worker died")
        return task(job, chunk)

    def cluster_resources(self) -> dict[str, float]:
        return {"CPU": 2.0}

    def wait(self, references: list[Any], timeout: float) -> tuple[list[Any], list[Any]]:
        self.most_at_once = max(self.most_at_once, len(references))
        return references[-1:], references[:-1]  # the last comes first

    def get(self, reference: Any, timeout: float | None = None) -> Answer:
        answer: Answer = reference()
        return answer


@pytest.fixture(autouse=True)
def small_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(job_module, "CHUNK_SIZES", {"digits": SIZE})


def read_on(ray: FakeRay, tmp_path: Path) -> list[Any]:
    """The label of each picture, or what its error says."""
    make(tmp_path / "ray.jsonl", tmp_path / "scans", engine=functools.partial(distributed._work, ray))
    rows = records(tmp_path / "ray.jsonl")
    return [row["error"]["detail"] if "error" in row else row["label"] for row in rows]


def test_the_table_is_the_same_as_without_ray_whatever_comes_first(tmp_path: Path) -> None:
    many(tmp_path / "scans", 7 * SIZE + 1)
    (tmp_path / "scans" / "000005.png").write_bytes(b"x")
    ray = FakeRay()

    read_on(ray, tmp_path)
    make(tmp_path / "alone.jsonl", tmp_path / "scans", engine=alone)

    assert (tmp_path / "ray.jsonl").read_bytes() == (tmp_path / "alone.jsonl").read_bytes()
    assert ray.most_at_once == 4  # two for each core


def test_chunks_that_are_lost_are_read_again(tmp_path: Path) -> None:
    expected = many(tmp_path / "scans", 3 * SIZE)
    tries: Counter[str] = Counter()

    def lose_twice(files: Sequence[str]) -> bool:
        tries[files[0]] += 1
        return tries[files[0]] < STRIKES

    assert read_on(FakeRay(lose_twice), tmp_path) == [7] * 3 * SIZE
    assert [row["file"] for row in records(tmp_path / "ray.jsonl")] == expected


def test_an_input_that_processes_die_of_is_an_error_row(tmp_path: Path) -> None:
    deadly = many(tmp_path / "scans", 2 * SIZE)[5]

    found = read_on(FakeRay(lambda files: deadly in files), tmp_path)

    assert found == [7] * 5 + [f"reading it failed {STRIKES} times: the worker died"] + [7] * 2


def test_chunks_that_are_lost_for_no_input_end_the_batch(tmp_path: Path) -> None:
    many(tmp_path / "scans", SIZE)

    with pytest.raises(BatchError, match=f"chunk 0 failed {LOST} times, and of no input: the worker died"):
        read_on(FakeRay(lambda files: len(files) > 1), tmp_path)


def test_another_model_on_a_node_ends_the_batch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    many(tmp_path / "scans", SIZE)
    monkeypatch.setattr(distributed, "read_chunk", lambda job, chunk: (b"", "the model is not the one"))

    with pytest.raises(BatchError, match="the model is not the one"):
        read_on(FakeRay(), tmp_path)


def test_without_its_extra_the_line_that_installs_it_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)

    with pytest.raises(MissingExtraError, match=r"pip install 'inkdigit\[ray\]'"):
        on_ray("local")


def test_a_cluster_that_does_not_answer_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: Any, **__: Any) -> None:
        raise ConnectionError("nobody there")

    monkeypatch.setitem(sys.modules, "ray", SimpleNamespace(is_initialized=lambda: False, init=refuse))

    with pytest.raises(BatchError, match="no cluster of Ray answers at ray://gone:10001: nobody there"):
        on_ray("ray://gone:10001")


def test_a_cluster_whose_client_server_lost_its_process_is_asked_again(monkeypatch: pytest.MonkeyPatch) -> None:
    tries: list[str] = []

    def lose_twice(*, address: str, log_to_driver: bool) -> None:
        tries.append(address)
        if len(tries) < 3:
            raise ConnectionAbortedError("Starting Ray client server failed")

    monkeypatch.setitem(sys.modules, "ray", SimpleNamespace(is_initialized=lambda: False, init=lose_twice))

    on_ray("ray://head:10001")

    assert tries == ["ray://head:10001"] * 3


def test_a_cluster_that_loses_it_again_and_again_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    tries: list[str] = []

    def lose(*, address: str, log_to_driver: bool) -> None:
        tries.append(address)
        raise ConnectionAbortedError("Starting Ray client server failed")

    monkeypatch.setitem(sys.modules, "ray", SimpleNamespace(is_initialized=lambda: False, init=lose))

    with pytest.raises(BatchError, match="no cluster of Ray answers at ray://head:10001: Starting Ray client server"):
        on_ray("ray://head:10001")
    assert len(tries) == distributed.CONNECTS


def test_a_cluster_that_goes_away_ends_the_batch_and_what_is_done_is_kept(tmp_path: Path) -> None:
    many(tmp_path / "scans", 3 * SIZE)
    gone: list[bool] = []

    def wait(references: list[Any], timeout: float) -> tuple[list[Any], list[Any]]:
        if gone:
            raise ConnectionError("the head does not answer")
        gone.append(True)
        return references[:1], references[1:]

    ray = FakeRay()
    ray.wait = wait  # type: ignore[method-assign]
    with pytest.raises(BatchError, match=r"the cluster is gone \(the head does not answer\)\. What is done is kept"):
        read_on(ray, tmp_path)

    assert read_on(FakeRay(), tmp_path) == [7] * 3 * SIZE


def test_what_a_node_that_is_cut_off_never_answers_is_handed_out_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(distributed, "PATIENCE_S", 0.0)
    many(tmp_path / "scans", 3 * SIZE)
    cut_off: list[Any] = []

    def wait(references: list[Any], timeout: float) -> tuple[list[Any], list[Any]]:
        cut_off[:] = cut_off or references[:2]  # the first two never come back
        heard = [one for one in references if one not in cut_off]
        return heard, [one for one in references if one in cut_off]

    ray = FakeRay()
    ray.wait = wait  # type: ignore[method-assign]

    assert read_on(ray, tmp_path) == [7] * 3 * SIZE

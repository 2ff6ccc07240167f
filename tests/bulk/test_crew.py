"""Workers that are killed, stand still or do not start, for real."""

import multiprocessing
import os
import sys
from pathlib import Path

import pytest
from tests.bulk.pipes import beside, held, kill_reader, put_pipe
from tests.bulk.scans import Noted, alone, digits, make, many, records

from inkdigit.bulk import crew as crew_module
from inkdigit.bulk.crew import LOST, STRIKES
from inkdigit.bulk.job import CHUNK_SIZES
from inkdigit.bulk.run import crew
from inkdigit.errors import BatchError

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="a named pipe is what a worker is held up with")
PATIENT_S = 600  # that a picture may take, where that is not what is tested


class Pipe(Noted):
    """Once the inputs are frozen, puts a pipe in place of a picture."""

    def __init__(self, picture: str) -> None:
        super().__init__()
        self.path = Path(picture)

    def begun(self, total: int, kept: int) -> None:
        self.contents = put_pipe(self.path)


@pytest.fixture
def three(tmp_path: Path) -> list[str]:
    return many(tmp_path / "scans", 3)


@pytest.fixture
def unnamed(tmp_path: Path) -> list[str]:
    return many(tmp_path / "scans", 3, ending="")  # a pipe that is named as a picture would not be waited for


def answers(tmp_path: Path, pipe: Pipe, limit_s: float = PATIENT_S) -> list[int | str]:
    """The label of each picture, or what its error says."""
    make(tmp_path / "t.jsonl", tmp_path / "scans" / "*", engine=crew(1, limit_s), watcher=pipe)
    return [row["error"]["detail"] if "error" in row else row["label"] for row in records(tmp_path / "t.jsonl")]


def kill_worker() -> None:
    for worker in multiprocessing.active_children():
        worker.kill()


def test_a_worker_that_is_killed_costs_nothing(tmp_path: Path, unnamed: list[str]) -> None:
    pipe = Pipe(unnamed[1])

    def kill_the_first() -> None:
        with held(pipe.path) as end:
            kill_reader(end, kill_worker)
        with held(pipe.path) as end:
            os.write(end, pipe.contents)

    with beside(kill_the_first):
        found = answers(tmp_path, pipe)

    assert found == [7, 7, 7]


def test_a_picture_that_workers_die_of_is_an_error_row(tmp_path: Path, unnamed: list[str]) -> None:
    pipe = Pipe(unnamed[1])

    def kill_all() -> None:
        for _ in range(STRIKES):
            with held(pipe.path) as end:
                kill_reader(end, kill_worker)

    with beside(kill_all):
        found = answers(tmp_path, pipe)

    assert found == [7, "reading it failed 3 times: the process was ended by signal 9", 7]


def test_a_picture_that_takes_too_long_is_an_error_row(
    tmp_path: Path, unnamed: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(crew_module, "STRIKES", 1)

    assert answers(tmp_path, Pipe(unnamed[1]), limit_s=0.5) == [
        7,
        "reading it failed 1 times: it took longer than 0.5 s",
        7,
    ]


def test_workers_that_die_before_they_read_end_the_batch_and_it_goes_on_later(
    tmp_path: Path, three: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONHOME", str(tmp_path))  # where no Python starts

    with pytest.raises(BatchError, match=r"a worker ends before it can read: .* The same command goes on"):
        make(tmp_path / "t.jsonl", tmp_path / "scans", engine=crew(1, PATIENT_S))

    monkeypatch.delenv("PYTHONHOME")
    make(tmp_path / "t.jsonl", tmp_path / "scans")
    assert [row["file"] for row in records(tmp_path / "t.jsonl")] == three


def test_a_model_that_was_changed_meanwhile_is_refused(tmp_path: Path, three: list[str]) -> None:
    with pytest.raises(BatchError, match="is not the one that the batch was begun with"):
        make(tmp_path / "t.jsonl", *three, engine=crew(1, PATIENT_S), job=digits(digest="another"))


def test_a_disk_that_takes_no_more_ends_the_batch_with_the_reason(tmp_path: Path, three: list[str]) -> None:
    class Filled(Noted):
        def begun(self, total: int, kept: int) -> None:
            (tmp_path / "t.jsonl.parts" / "chunks" / "00000").write_text("no folder can be made here")

    with pytest.raises(BatchError, match=r"chunks: File exists\. What is done is kept; the same command goes on"):
        make(tmp_path / "t.jsonl", *three, engine=crew(1, PATIENT_S), watcher=Filled())


def test_several_workers_write_the_same_table_as_one_process_whichever_is_killed(tmp_path: Path) -> None:
    many(tmp_path / "scans", 2 * CHUNK_SIZES["digits"] + 40)
    (tmp_path / "scans" / "000100.png").write_bytes(b"x")

    class Killing(Noted):
        def reading(self, seen: int) -> None:
            super().reading(seen)
            if seen and len(self.told) % 2 == 0 and self.killed < LOST - 1:
                for worker in multiprocessing.active_children()[:1]:  # none is there while a new one is begun
                    self.killed += 1
                    worker.kill()

        killed = 0

    watcher = Killing()
    make(tmp_path / "many.csv", tmp_path / "scans", engine=crew(2, PATIENT_S), watcher=watcher)
    make(tmp_path / "one.csv", tmp_path / "scans", engine=alone)

    assert watcher.killed
    assert (tmp_path / "many.csv").read_bytes() == (tmp_path / "one.csv").read_bytes()

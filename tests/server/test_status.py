"""The last hour, slot by slot: what the status page shows."""

import itertools
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient

from inkdigit.server import history
from inkdigit.server.history import SLOT_S, SLOTS, History


class Clock:
    """A clock that a test turns."""

    def __init__(self) -> None:
        self.now = 1_000_000 * SLOT_S + 1

    def time(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()
    monkeypatch.setattr(history, "time", made)
    return made


class Counting:
    """Counts what it is told to, and keeps the last hour of that."""

    def __init__(self, file: Path | None = None) -> None:
        self.count = 0
        self.history = History(lambda: {"n": self.count}, file)

    def happen(self, times: int = 1) -> None:
        for _ in range(times):
            self.history.look()
            self.count += 1

    def by_slot(self) -> list[tuple[int, int]]:
        records = self.history.records()
        return [(a["slot"] - 1_000_000, b["n"] - a["n"]) for a, b in itertools.pairwise(records)]


def test_what_happened_belongs_to_its_slot_however_long_nothing_did(clock: Clock) -> None:
    counting = Counting()
    for slot, times in ((0, 3), (1, 2), (40, 5)):
        clock.now = (1_000_000 + slot) * SLOT_S + 1
        counting.happen(times)

    assert counting.by_slot() == [(0, 3), (1, 2), (40, 5)]


def test_only_the_last_hour_is_kept(clock: Clock) -> None:
    counting = Counting()
    for _ in range(3 * SLOTS):
        counting.happen()
        clock.now += SLOT_S

    assert len(counting.by_slot()) in {SLOTS - 1, SLOTS}
    assert {times for _, times in counting.by_slot()} == {1}


def test_processes_that_share_a_file_tell_the_same(clock: Clock, tmp_path: Path) -> None:
    first = Counting(tmp_path / "history")
    first.happen(2)
    second = Counting(tmp_path / "history")
    second.count = first.count
    clock.now += SLOT_S
    second.happen(3)
    first.count = second.count

    assert first.by_slot() == second.by_slot() == [(0, 2), (1, 3)]


def test_a_clock_that_jumps_back_hides_nothing_after(clock: Clock) -> None:
    counting = Counting()
    counting.happen(2)
    clock.now -= 10 * SLOT_S
    counting.happen(1)

    assert counting.by_slot() == [(-10, 1)]


def test_the_route_tells_what_became_of_requests(client: FlaskClient, digit_png: bytes) -> None:
    for body in (digit_png, digit_png, b"no picture"):
        client.post("/api/v1/predict", data=body, content_type="image/png")
    client.get("/health/live")
    client.get("/api/v1/status")

    told: dict[str, Any] = client.get("/api/v1/status").get_json()
    first, last = told["records"][0], told["records"][-1]
    assert (first["status"], first["label"]) == ({}, {})
    assert (last["status"], last["type"], last["label"]) == ({"2xx": 2, "4xx": 1}, {"unsupported-format": 1}, {"7": 2})
    assert (last["times"]["+Inf"], last["confidences"]["0.9"], last["confidences"]["0.95"]) == (3, 0, 2)
    assert told["models"] == [{"reads": "digits", "version": "fake-1"}, {"reads": "numbers", "version": "fake-lines"}]


def test_another_computer_needs_a_key_for_it_and_not_for_the_page(client: FlaskClient) -> None:
    elsewhere = {"REMOTE_ADDR": "192.0.2.7"}

    assert client.get("/api/v1/status", environ_base=elsewhere).status_code in {401, 403}
    assert client.get("/status", environ_base=elsewhere).status_code == 200

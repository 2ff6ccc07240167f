"""The pure parts of the benchmark of inference: who takes turns, what is counted and what the tables say."""

import pytest
from benchmarks.inference import BATCH, KERAS, LITERT, ONNX_RUNTIME, OPENVINO, OURS, Clocked, road_table, runtimes_table
from benchmarks.runtimes import network
from benchmarks.setting import all_shipped


def cells_of(table: str) -> list[list[str]]:
    lines = [line for line in table.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]


def clocked(one_ms: float, all_ms: float, difference: float = 0.0) -> Clocked:
    found = Clocked()
    found.add(0.5, {"arithmetic": "float32", "one_ms": [one_ms] * 3, "all_ms": [all_ms] * 2}, difference)
    return found


def test_the_stages_of_an_answer_have_shares_of_the_whole() -> None:
    times = {"decode_data_url": [0.1, 0.1], "read_image": [1.2, 1.2], "normalize": [0.2, 0.2], "predict": [0.5, 0.5]}

    _, _, *rows, whole, worst = cells_of(road_table([times | {"network": [0.4, 0.4]}] * 3))

    assert [row[2] for row in rows] == ["5 %", "60 %", "10 %", "25 %", "20 %"]
    assert whole[1] == worst[1] == "2.000"


def test_answers_are_added_up_one_by_one() -> None:
    times = {"decode_data_url": [0.0] * 3, "read_image": [1.0, 2.0, 9.0], "normalize": [9.0, 2.0, 1.0]}

    *_, whole, worst = cells_of(road_table([times | {"predict": [0.0] * 3, "network": [0.0] * 3}]))

    assert (whole[1], worst[1]) == ("10.000", "10.000")


def test_runtimes_are_compared_with_the_bare_session() -> None:
    seen = {OURS[0]: clocked(0.5, 110.0), ONNX_RUNTIME: clocked(0.4, 100.0), LITERT: clocked(0.6, 250.0, 0.0004)}

    _, _, ours, bare, litert = cells_of(runtimes_table(seen, dict.fromkeys(seen, 10_000_000)))

    assert [row[6] for row in (ours, bare, litert)] == ["1.10x", "1.00x", "2.50x"]
    assert bare[4] == f"{1000 * BATCH / 100:,.0f}"
    assert [row[7] for row in (ours, bare, litert)] == ["", "", "0.0004"]
    assert [row[10] for row in (ours, bare, litert)] == ["5"] * 3


def test_a_runtime_that_cannot_read_a_network_has_a_row_that_says_so() -> None:
    seen = {ONNX_RUNTIME: clocked(0.4, 100.0), OPENVINO: Clocked(failure="no such operation")}

    table = runtimes_table(seen, dict.fromkeys(seen, 184_000_000))

    assert cells_of(table)[-1][:2] == [OPENVINO.name, "does not read the file"]
    assert len({len(row) for row in cells_of(table)}) == 1


def test_every_contender_is_a_runtime_that_can_be_clocked() -> None:
    assert {contender.runtime for contender in (*OURS, *KERAS, OPENVINO, LITERT)} <= set(network.RUNTIMES)


def test_runtimes_take_turns_until_each_has_had_its_time(monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[str] = []
    now = [0.0]
    monkeypatch.setattr("time.process_time", lambda: now[0])

    def taking(name: str, seconds: float) -> None:
        calls.append(name)
        now[0] += seconds

    times = network.clock({"quick": lambda: taking("quick", 0.25), "slow": lambda: taking("slow", 1.0)}, 1.0)

    warm_up = ["quick"] * network.WARM_UP + ["slow"] * network.WARM_UP
    assert calls == warm_up + ["quick", "slow"] * 4
    assert times == {"quick": [250.0] * 4, "slow": [1000.0] * 4}


def test_without_a_choice_every_shipped_model_of_digits_is_measured_the_default_first() -> None:
    folders = all_shipped()

    assert folders[0].name == (folders[0].parent / "current").read_text().strip()
    reader = (folders[0].parent / "current-reader").read_text().strip()
    shipped = {path.parent.name for path in folders[0].parent.glob("*/card.json")}
    assert {folder.name for folder in folders} == shipped - {reader}

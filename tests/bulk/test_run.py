import errno
import os
import re
from collections.abc import Callable, Generator, Iterable
from pathlib import Path

import pytest
from tests.bulk.scans import Noted, alone, digits, draw_seven, make, many, records

from inkdigit.bulk import job as job_module
from inkdigit.bulk import run as run_module
from inkdigit.bulk.chunks import ChunkFolder
from inkdigit.bulk.crew import Progress, Shop
from inkdigit.bulk.run import Plan, run
from inkdigit.errors import BatchError, ConfigError

SIZE = 8  # inputs of a chunk here


@pytest.fixture(autouse=True)
def small_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(job_module, "CHUNK_SIZES", {"digits": SIZE})


def names(out: Path) -> list[str]:
    return [record["file"] for record in records(out)]


def broken_off_after(chunks: int, error: BaseException) -> Callable[..., Generator[Progress]]:
    """An engine that ends so after some chunks."""

    def engine(shop: Shop, numbers: Iterable[int]) -> Generator[Progress]:
        for done, progress in enumerate(alone(shop, numbers), 1):
            yield progress
            if done == chunks:
                raise error

    return engine


def counting(read: list[int]) -> Callable[..., Generator[Progress]]:
    """An engine that remembers the chunks it was asked for."""

    def engine(shop: Shop, numbers: Iterable[int]) -> Generator[Progress]:
        for number in numbers:
            read.append(number)
            yield from alone(shop, [number])

    return engine


def test_every_input_is_one_row_in_order_and_a_bad_one_says_why(tmp_path: Path) -> None:
    good = many(tmp_path / "scans", 3)
    (tmp_path / "scans" / "000001a.png").write_bytes(b"not a picture")

    outcome = make(tmp_path / "t.jsonl", tmp_path / "scans")

    found = records(tmp_path / "t.jsonl")
    assert [row["file"] for row in found] == sorted([*good, str(tmp_path / "scans" / "000001a.png")])
    assert [row.get("label", row.get("error", {}).get("type")) for row in found] == [7, 7, "unsupported-format", 7]
    assert (outcome.tally.rows, outcome.tally.failed, outcome.read) == (4, 1, 4)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["scans", "t.jsonl", "t.jsonl.html", "t.jsonl.run.json"]


@pytest.mark.parametrize("error", [KeyboardInterrupt(), BatchError("workers end"), OSError(errno.ENOSPC, "full")])
def test_what_was_broken_off_goes_on_and_reads_every_input_once(tmp_path: Path, error: BaseException) -> None:
    expected = many(tmp_path / "scans", 2 * SIZE + 5)
    out = tmp_path / "t.jsonl"
    with pytest.raises((KeyboardInterrupt, BatchError)):
        make(out, tmp_path / "scans", engine=broken_off_after(2, error))
    assert not out.exists()
    read: list[int] = []

    outcome = make(out, tmp_path / "scans", engine=counting(read))

    assert (read, outcome.read, outcome.tally.rows) == ([2], 5, 2 * SIZE + 5)
    assert names(out) == expected


def test_a_folder_that_grows_meanwhile_does_not_change_a_batch_that_has_begun(tmp_path: Path) -> None:
    expected = many(tmp_path / "scans", SIZE + 1)
    with pytest.raises(KeyboardInterrupt):
        make(tmp_path / "t.jsonl", tmp_path / "scans", engine=broken_off_after(1, KeyboardInterrupt()))
    draw_seven(tmp_path / "scans" / "000000a.png")

    make(tmp_path / "t.jsonl", tmp_path / "scans")

    assert names(tmp_path / "t.jsonl") == expected


def test_the_same_command_twice_reads_nothing_twice(tmp_path: Path) -> None:
    many(tmp_path / "scans", 2)
    first = make(tmp_path / "t.csv", tmp_path / "scans")
    written = (tmp_path / "t.csv").stat()
    read: list[int] = []

    second = make(tmp_path / "t.csv", tmp_path / "scans", engine=counting(read))

    assert (read, second.already, second.tally) == ([], True, first.tally)
    assert (tmp_path / "t.csv").stat() == written
    assert not (tmp_path / "t.csv.parts").exists()


def test_again_reads_all_of_it_anew(tmp_path: Path) -> None:
    many(tmp_path / "scans", 2)
    make(tmp_path / "t.csv", tmp_path / "scans")
    third = draw_seven(tmp_path / "scans" / "9.png")

    outcome = make(tmp_path / "t.csv", tmp_path / "scans", again=True)

    assert (outcome.read, outcome.already) == (3, False)
    assert third in (tmp_path / "t.csv").read_text()


def test_a_finished_table_of_other_inputs_is_not_taken_for_these(tmp_path: Path) -> None:
    many(tmp_path / "scans", 2)
    make(tmp_path / "t.csv", tmp_path / "scans")
    draw_seven(tmp_path / "scans" / "9.png")

    with pytest.raises(BatchError, match=r"the inputs of .* are others .* \(2 then, 3 now\); .*--again"):
        make(tmp_path / "t.csv", tmp_path / "scans")


def test_a_table_that_is_deleted_is_made_again(tmp_path: Path) -> None:
    many(tmp_path / "scans", 2)
    make(tmp_path / "t.csv", tmp_path / "scans")
    (tmp_path / "t.csv").unlink()

    assert make(tmp_path / "t.csv", tmp_path / "scans").read == 2


@pytest.mark.parametrize("damage", [lambda whole: b"", lambda whole: whole[:-1], lambda whole: whole.swapcase()])
def test_a_table_that_is_not_as_it_was_written_is_not_called_done(
    tmp_path: Path, damage: Callable[[bytes], bytes]
) -> None:
    many(tmp_path / "scans", 2)
    make(tmp_path / "t.csv", tmp_path / "scans")
    damaged = damage((tmp_path / "t.csv").read_bytes())
    (tmp_path / "t.csv").write_bytes(damaged)

    with pytest.raises(BatchError, match=r"t\.csv is not as it was written: .*--again"):
        make(tmp_path / "t.csv", tmp_path / "scans")

    assert (tmp_path / "t.csv").read_bytes() == damaged
    assert make(tmp_path / "t.csv", tmp_path / "scans", again=True).read == 2


def test_a_summary_that_is_deleted_is_made_again_without_reading_anything(tmp_path: Path) -> None:
    many(tmp_path / "scans", 2)
    summary = make(tmp_path / "t.csv", tmp_path / "scans").summary
    first = summary.read_text("utf-8")
    summary.unlink()
    read: list[int] = []

    second = make(tmp_path / "t.csv", tmp_path / "scans", engine=counting(read))

    assert (read, second.already, summary.read_text("utf-8")) == ([], True, first)


def test_a_file_of_somebody_else_is_not_overwritten(tmp_path: Path) -> None:
    many(tmp_path / "scans", 1)
    (tmp_path / "t.csv").write_text("mine")

    with pytest.raises(BatchError, match=r"t\.csv is there, and not of this command"):
        make(tmp_path / "t.csv", tmp_path / "scans")

    assert (tmp_path / "t.csv").read_text() == "mine"
    assert not (tmp_path / "t.csv.parts").exists()


@pytest.mark.parametrize("end", [".html", ".run.json"])
def test_what_somebody_else_put_beside_the_table_is_overwritten_only_if_that_is_asked_for(
    tmp_path: Path, end: str
) -> None:
    many(tmp_path / "scans", 1)
    out, mine = tmp_path / "t.csv", tmp_path / f"t.csv{end}"
    mine.write_text('{"notes": "mine"}')

    with pytest.raises(BatchError, match=re.escape(f"{mine} is there, and not of this command; ")):
        make(out, tmp_path / "scans")

    assert sorted(path.name for path in tmp_path.iterdir()) == ["scans", mine.name]
    assert mine.read_text() == '{"notes": "mine"}'
    assert make(out, tmp_path / "scans", again=True).read == 1


@pytest.mark.parametrize("again", [False, True])
@pytest.mark.parametrize("file", ["mine.txt", "sub/mine.txt", "chunks/mine.txt", "chunks/00000/mine.chunk"])
def test_a_folder_of_somebody_else_in_place_of_the_parts_is_left_alone(tmp_path: Path, file: str, again: bool) -> None:
    many(tmp_path / "scans", 1)
    mine = tmp_path / "t.csv.parts" / file
    mine.parent.mkdir(parents=True)
    mine.write_text("mine")

    with pytest.raises(BatchError, match=r"not of this command; move it"):
        make(tmp_path / "t.csv", tmp_path / "scans", again=again)

    assert [path for path in (tmp_path / "t.csv.parts").rglob("*") if path.is_file()] == [mine]
    assert not (tmp_path / "t.csv").exists()


@pytest.mark.parametrize("again", [False, True])
def test_a_file_that_comes_into_the_parts_meanwhile_stops_nothing_and_stays(tmp_path: Path, again: bool) -> None:
    expected = many(tmp_path / "scans", SIZE + 1)
    out, parts = tmp_path / "t.jsonl", tmp_path / "t.jsonl.parts"
    with pytest.raises(KeyboardInterrupt):
        make(out, tmp_path / "scans", engine=broken_off_after(1, KeyboardInterrupt()))
    came = [parts / ".DS_Store", parts / "chunks" / ".DS_Store"]
    for file in came:
        file.write_text("of the system")

    outcome = make(out, tmp_path / "scans", again=again)

    assert (names(out), outcome.read) == (expected, SIZE + 1 if again else 1)
    assert sorted(path for path in parts.rglob("*") if path.is_file() and path.name != ".lock") == came


@pytest.mark.parametrize("finished", [False, True])
def test_beginning_anew_with_a_wrong_name_costs_nothing_of_what_is_done(tmp_path: Path, finished: bool) -> None:
    many(tmp_path / "scans", SIZE + 1)
    out = tmp_path / "t.jsonl"
    if finished:
        make(out, tmp_path / "scans")
    else:
        with pytest.raises(KeyboardInterrupt):
            make(out, tmp_path / "scans", engine=broken_off_after(1, KeyboardInterrupt()))

    with pytest.raises(BatchError, match="no such file"):
        make(out, tmp_path / "scan", again=True)

    assert make(out, tmp_path / "scans").read == (0 if finished else 1)


@pytest.mark.parametrize("again", [False, True])
@pytest.mark.parametrize("end", ["", ".html", ".run.json"])
def test_a_list_is_not_overwritten_by_what_is_read_from_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, end: str, again: bool
) -> None:
    draw_seven(tmp_path / "1.png")
    names_of_it = tmp_path / f"t.csv{end}"
    names_of_it.write_text("1.png\n")
    monkeypatch.chdir(tmp_path)

    with pytest.raises(ConfigError, match=r"would overwrite .*; name another --out"):
        make(Path("t.csv"), names_of_it, again=again)

    assert names_of_it.read_text() == "1.png\n"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["1.png", names_of_it.name]


@pytest.mark.parametrize("source", ["list.txt", "t.*", "scans/../t.*"])
def test_an_input_that_a_list_or_a_pattern_names_is_not_overwritten(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, source: str
) -> None:
    many(tmp_path / "scans", 1)
    (tmp_path / "t.csv").write_text("mine")
    (tmp_path / "list.txt").write_text(f"scans\n{tmp_path / 't.csv'}\n")
    monkeypatch.chdir(tmp_path)

    with pytest.raises(BatchError, match=r"t\.csv in .* is to be read, and would be overwritten"):
        make(Path("t.csv"), source, again=True)

    assert (tmp_path / "t.csv").read_text() == "mine"
    assert not (tmp_path / "t.csv.parts").exists()


@pytest.mark.parametrize("finished", [False, True])
def test_other_settings_or_another_model_do_not_go_on(tmp_path: Path, finished: bool) -> None:
    many(tmp_path / "scans", SIZE + 1)
    out = tmp_path / "t.jsonl"
    if finished:
        make(out, tmp_path / "scans")
    else:
        with pytest.raises(KeyboardInterrupt):
            make(out, tmp_path / "scans", engine=broken_off_after(1, KeyboardInterrupt()))

    with pytest.raises(BatchError, match=r"min_confidence was 0\.0, and is 0\.5.* Give the same command"):
        make(out, tmp_path / "scans", job=digits(min_confidence=0.5))
    with pytest.raises(BatchError, match=r"digest was '.*', and is 'other'"):
        make(out, tmp_path / "scans", job=digits(digest="other"))


@pytest.mark.parametrize("step", ["replace_file", "_clear"])
def test_an_end_between_the_last_steps_loses_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    expected = many(tmp_path / "scans", 3)
    real = getattr(run_module, step)

    def killed(path: Path, *rest: bytes) -> None:
        is_near_the_end = (tmp_path / "t.jsonl").exists()
        if is_near_the_end and path.name.endswith((".run.json", ".parts")):
            raise KeyboardInterrupt
        real(path, *rest)

    monkeypatch.setattr(run_module, step, killed)
    with pytest.raises(KeyboardInterrupt):
        make(tmp_path / "t.jsonl", tmp_path / "scans")
    monkeypatch.setattr(run_module, step, real)
    read: list[int] = []

    outcome = make(tmp_path / "t.jsonl", tmp_path / "scans", engine=counting(read))

    assert (read, outcome.tally.rows, names(tmp_path / "t.jsonl")) == ([], 3, expected)
    assert not (tmp_path / "t.jsonl.parts").exists()


def test_a_chunk_that_the_disk_lost_is_read_again(tmp_path: Path) -> None:
    expected = many(tmp_path / "scans", SIZE + 1)
    with pytest.raises(KeyboardInterrupt):
        make(tmp_path / "t.jsonl", tmp_path / "scans", engine=broken_off_after(1, KeyboardInterrupt()))
    kept = ChunkFolder(tmp_path / "t.jsonl.parts" / "chunks").place(0)
    kept.write_bytes(kept.read_bytes()[:-20])
    read: list[int] = []

    make(tmp_path / "t.jsonl", tmp_path / "scans", engine=counting(read))

    assert (read, names(tmp_path / "t.jsonl")) == ([0, 1], expected)


def test_two_at_once_on_one_table_are_one_too_many(tmp_path: Path) -> None:
    many(tmp_path / "scans", 1)

    def meanwhile(shop: Shop, numbers: Iterable[int]) -> Generator[Progress]:
        with pytest.raises(BatchError, match=r"another inkdigit is at work on .*t\.csv"):
            make(tmp_path / "t.csv", tmp_path / "scans")
        yield from alone(shop, numbers)

    assert make(tmp_path / "t.csv", tmp_path / "scans", engine=meanwhile).tally.rows == 1


def test_who_watches_is_told_how_far_it_is(tmp_path: Path) -> None:
    many(tmp_path / "scans", SIZE + 3)
    watcher = Noted()
    with pytest.raises(KeyboardInterrupt):
        make(tmp_path / "t.jsonl", tmp_path / "scans", engine=broken_off_after(1, KeyboardInterrupt()))

    run(Plan((str(tmp_path / "scans"),), tmp_path / "t.jsonl", digits()), alone, watcher)

    assert watcher.told == [("total", SIZE + 3), ("kept", SIZE), ("seen", 3)]


def test_relative_names_are_read_from_where_the_batch_was_begun(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    draw_seven(tmp_path / "scans" / "1.png")
    monkeypatch.chdir(tmp_path)
    job = digits(folder=str(tmp_path))

    def elsewhere(shop: Shop, numbers: Iterable[int]) -> Generator[Progress]:
        os.chdir(tmp_path / "scans")
        yield from alone(shop, numbers)
        os.chdir(tmp_path)

    make(tmp_path / "t.jsonl", "scans", engine=elsewhere, job=job)

    assert [(row["file"], row["label"]) for row in records(tmp_path / "t.jsonl")] == [(str(Path("scans", "1.png")), 7)]


@pytest.mark.parametrize("finished", [False, True])
@pytest.mark.parametrize("source", ["scans", "scans/*.png", "scans/000000.png"])
def test_where_the_command_is_run_does_not_matter_to_absolute_names(
    tmp_path: Path, source: str, finished: bool
) -> None:
    many(tmp_path / "scans", 2)
    out, job = tmp_path / "t.jsonl", digits(folder=str(tmp_path))
    if finished:
        make(out, tmp_path / source, job=job)
    else:
        with pytest.raises(KeyboardInterrupt):
            make(out, tmp_path / source, job=job, engine=broken_off_after(1, KeyboardInterrupt()))

    assert make(out, tmp_path / source, job=digits(folder="/elsewhere")).already is finished


@pytest.mark.parametrize("source", ["scans", "list"])
def test_a_batch_of_names_that_may_be_relative_goes_on_where_it_was_begun(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, source: str
) -> None:
    scans = many(tmp_path / "scans", 1)
    (tmp_path / "list").write_text("\n".join(scans))
    monkeypatch.chdir(tmp_path)
    given = source if source == "scans" else tmp_path / source
    make(tmp_path / "t.jsonl", given, job=digits(folder=str(tmp_path)))
    (tmp_path / "list").unlink()

    with pytest.raises(BatchError, match=re.escape(f"Give the same command in {tmp_path}, ")):
        make(tmp_path / "t.jsonl", given, job=digits(folder="/elsewhere"))

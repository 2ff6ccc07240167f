"""The command itself, killed and interrupted as a user or a machine would do it."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from tests.bulk.pipes import held, put_pipe, wait_for
from tests.bulk.scans import alone, draw_seven, many, records

from inkdigit.bulk import run as run_module
from inkdigit.bulk.job import CHUNK_SIZES
from inkdigit.cli import main

posix = pytest.mark.skipif(sys.platform == "win32", reason="a named pipe is what the command is held up with")
WHOLE = CHUNK_SIZES["digits"]


@pytest.fixture
def invoke(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Result]:
    """The command without processes."""
    monkeypatch.setattr(run_module, "crew", lambda workers, limit_s: alone)
    return lambda *arguments: CliRunner().invoke(main, ["batch", *map(str, arguments)])


def test_the_path_of_the_table_is_printed_and_all_else_goes_to_standard_error(
    invoke: Callable[..., Result], tmp_path: Path
) -> None:
    draw_seven(tmp_path / "scans" / "1.png")

    result = invoke(tmp_path / "scans", "--out", tmp_path / "t.csv")

    assert (result.exit_code, result.stdout) == (0, f"{tmp_path / 't.csv'}\n")
    assert "1 row; the summary is" in result.stderr


def test_scans_of_a_kind_that_is_not_read_are_counted(invoke: Callable[..., Result], tmp_path: Path) -> None:
    draw_seven(tmp_path / "scans" / "1.png")
    (tmp_path / "scans" / "2.pdf").touch()

    result = invoke(tmp_path / "scans", "--out", tmp_path / "t.csv")

    assert result.exit_code == 0
    assert "1 file passed over (1 .pdf); save as" in result.stderr


def test_bad_inputs_are_listed_and_end_in_code_1_the_second_time_too(
    invoke: Callable[..., Result], tmp_path: Path
) -> None:
    draw_seven(tmp_path / "scans" / "1.png")
    (tmp_path / "scans" / "2.png").write_bytes(b"x")

    first = invoke(tmp_path / "scans", "--out", tmp_path / "t.csv")
    second = invoke(tmp_path / "scans", "--out", tmp_path / "t.csv")

    assert (first.exit_code, second.exit_code) == (1, 1)
    for result in (first, second):
        assert f"{tmp_path / 'scans' / '2.png'}: the file is no picture" in result.stderr
        assert "1 of 2 inputs could not be read in full." in result.stderr
    assert "All of it was done before; --again does it anew." in second.stderr


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["gone", "--out", "t.csv"], 3, "gone: no such file or folder"),
        (["1.png", "--out", "t.xlsx"], 2, "must end in"),
        (["1.png"], 2, "Missing option '--out'"),
        (["1.png", "--out", "t.csv", "--expect", "length=4"], 2, "add --read"),
        (["1.png", "--out", "t.csv", "--read", "--threshold", "0.5"], 2, "for single digits"),
        (["1.png", "--out", "t.csv", "--read", "--expect", "lenth=4"], 2, "lenth"),
        (["1.png", "--out", "t.csv", "--read", "--fields", "gone.toml"], 3, "gone.toml cannot be opened"),
        (["1.png", "--out", "t.csv", "--model", "no-such"], 3, "no model at no-such"),
        (["1.png", "--out", "t.csv", "--model", "lines-7"], 3, "--reader takes it"),
        (["1.png", "--out", "t.csv", "--read", "--reader", "digits-8"], 3, "--model takes it"),
        (["1.png", "--out", "gone/t.csv"], 3, "gone"),
        (["gone", "--out", "t.csv", "--again"], 3, "gone: no such file or folder"),
        (["1.png", "--out", "t.csv", "--on", "cluster"], 2, "is no address of Ray"),
        (["1.png", "--out", "t.csv", "--timeout", "0.001"], 2, "0.001 is not in the range x>=1"),
    ],
)
def test_mistakes_are_told_before_anything_is_read(
    invoke: Callable[..., Result],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    arguments: list[str],
    code: int,
    message: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    draw_seven(tmp_path / "1.png")

    result = invoke(*arguments)

    assert (result.exit_code, message in result.stderr) == (code, True), result.stderr
    assert sorted(path.name for path in tmp_path.iterdir()) == ["1.png"]


def test_a_table_in_the_place_of_its_own_list_is_a_mistake_of_the_command(
    invoke: Callable[..., Result], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    draw_seven(tmp_path / "1.png")
    (tmp_path / "t.csv").write_text("1.png\n")

    result = invoke("t.csv", "--out", "./t.csv", "--again")

    assert (result.exit_code, "t.csv would overwrite t.csv" in result.stderr) == (2, True), result.stderr
    assert (tmp_path / "t.csv").read_text() == "1.png\n"


HEARING = (  # a shell starts what it puts into the background deaf to Ctrl-C, the tests and all that they start
    "import signal, sys; from inkdigit.cli import main; "
    "signal.signal(signal.SIGINT, signal.default_int_handler); sys.exit(main())"
)


def start(*arguments: object) -> "subprocess.Popen[str]":
    command = [sys.executable, "-c", HEARING, "batch", *map(str, arguments)]
    return subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True, encoding="utf-8"
    )


@posix
def test_after_kill_9_and_ctrl_c_the_same_command_goes_on_and_reads_every_input_once(tmp_path: Path) -> None:
    expected = many(tmp_path / "scans", WHOLE + 3, ending="")  # a pipe with the name of a picture is not waited for
    out, pipe = tmp_path / "t.jsonl", Path(expected[WHOLE + 1])  # of the second chunk
    command = (tmp_path / "scans" / "*", "--out", out, "--workers", "2")

    killed = start(*command)
    wait_for(tmp_path / "t.jsonl.parts" / "inputs.sqlite")
    contents = put_pipe(pipe)
    wait_for(tmp_path / "t.jsonl.parts" / "chunks" / "00000" / "00000000.chunk")
    with held(pipe):
        killed.kill()
        killed.communicate()
    interrupted = start(*command)
    with held(pipe):
        os.killpg(interrupted.pid, signal.SIGINT)  # as a terminal does it, to all processes of the command
        _, told = interrupted.communicate()
    pipe.unlink()
    pipe.write_bytes(contents)
    finished = start(*command)
    _, after = finished.communicate()

    assert (killed.returncode, interrupted.returncode, finished.returncode) == (-signal.SIGKILL, 130, 0)
    assert "What is done is kept; the same command goes on from here." in told
    assert "Traceback" not in told
    assert f"{WHOLE:,} of {WHOLE + 3:,} inputs were read before." in after
    assert [record["file"] for record in records(out)] == expected
    assert not (tmp_path / "t.jsonl.parts").exists()


@posix
def test_a_disk_that_is_full_is_told_and_what_is_done_is_kept(tmp_path: Path) -> None:
    expected = many(tmp_path / "scans", WHOLE + 3)
    out = tmp_path / "t.jsonl"
    program = (
        "import resource, sys\n"
        "from inkdigit.cli import main\n"
        "if __name__ == '__main__':\n"
        "    resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv.pop(1)), resource.RLIM_INFINITY))\n"
        "    main()\n"
    )
    (tmp_path / "small.py").write_text(program)

    def within(largest: int) -> "subprocess.CompletedProcess[str]":
        """Run the command where no file may be larger: what then fails is what fails on a full disk."""
        command = [sys.executable, tmp_path / "small.py", str(largest), "batch", tmp_path / "scans", "--out", out]
        return subprocess.run([*map(str, command)], capture_output=True, text=True, check=False)

    full, enough = within(100_000), within(10_000_000)

    assert (full.returncode, out.exists() and enough.returncode) == (3, 0)
    assert "File too large. What is done is kept" in full.stderr
    assert "Traceback" not in full.stderr
    assert [record["file"] for record in records(out)] == expected

"""Start-up of the two servers, their imports, and how large their installations are."""

import subprocess
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks import load, servers, speed
from benchmarks.load import Plan
from benchmarks.servers import Program
from benchmarks.setting import Setting
from benchmarks.table import Row, median, ratio_table, span

OUR_IMPORT = "import inkdigit"
THEIR_IMPORT = "import base64, sys, cv2, keras, numpy, flask"


@dataclass(frozen=True, slots=True)
class Start:
    """One start of a server."""

    open_s: float  # from the start of the process until its port takes connections
    answer_s: float  # from the start of the process until the first answer is there
    cpu_s: float  # CPU of the process until then
    first_cpu_s: float  # of this, after the port was open: what the first answer itself took


def startup(setting: Setting) -> str:
    """Start both servers again and again, in turn, and tell it in Markdown."""
    body = servers.request_body(speed.as_canvas(speed.load_drawings()[0]))
    ours: list[Start] = []
    theirs: list[Start] = []
    our_imports: list[float] = []
    their_imports: list[float] = []
    for _ in range(setting.effort.starts):
        ours.append(first_answer(setting.ours, body))
        theirs.append(first_answer(setting.theirs, body))
        our_imports.append(import_cpu_s(setting.our_environment.python, OUR_IMPORT))
        their_imports.append(import_cpu_s(setting.their_environment.python, THEIR_IMPORT))
    rows = [
        _row("start to first answer (s)", [s.answer_s for s in ours], [s.answer_s for s in theirs]),
        _row("start to first answer, CPU (s)", [s.cpu_s for s in ours], [s.cpu_s for s in theirs]),
        _row("start to open port (s)", [s.open_s for s in ours], [s.open_s for s in theirs]),
        _row("first answer alone, CPU (s)", [s.first_cpu_s for s in ours], [s.first_cpu_s for s in theirs]),
        _row("import, CPU (s)", our_imports, their_imports),
    ]
    return ratio_table(rows) + f"\n\nImports compared: `{OUR_IMPORT}` and `{THEIR_IMPORT}`."


def first_answer(program: Program, body: str) -> Start:
    """Start a server, ask it one thing as soon as it can be asked, and end it."""
    begun = time.perf_counter()
    with servers.started(program) as server:
        servers.wait_until_open(server)
        open_s, open_cpu_s = time.perf_counter() - begun, server.cpu_s()
        outcome = load.drive(Plan(server.port, program.predict_path, [body], connections=1, seconds=60, requests=1))
        answer_s, cpu_s = time.perf_counter() - begun, server.cpu_s()
    if outcome.failures:
        raise RuntimeError(f"{program.name} failed its first request: {outcome.answers[0][:300]}")
    return Start(open_s, answer_s, cpu_s, cpu_s - open_cpu_s)


def import_cpu_s(python: Path, statement: str) -> float:
    """CPU seconds that an import takes in a fresh interpreter, the interpreter's own start not counted."""
    code = f"import time; start = time.process_time(); {statement}; print(time.process_time() - start)"
    return float(subprocess.check_output([python, "-c", code], stderr=subprocess.DEVNULL))


def install(setting: Setting) -> str:
    """Compare the sizes of the two fresh environments, in Markdown."""
    ours, theirs = setting.our_environment.size_bytes(), setting.their_environment.size_bytes()
    return ratio_table([Row("fresh environment (MB)", ours / 1e6, theirs / 1e6, decimals=0, n="1")])


def _row(measure: str, ours: Sequence[float], theirs: Sequence[float]) -> Row:
    spread = f"{span(ours, 2)}; {span(theirs, 2)}"
    return Row(measure, median(ours), median(theirs), decimals=2, n=f"{len(ours)}", spread=spread)

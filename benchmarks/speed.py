"""Throughput, CPU, latency and memory of the two servers under the same load."""

import io
import json
import struct
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from benchmarks import drawings, placements, servers
from benchmarks.accuracy import baseline_answers, our_answers
from benchmarks.load import Outcome
from benchmarks.placements import PLACEMENTS
from benchmarks.servers import Program, Server
from benchmarks.setting import Effort, Setting
from benchmarks.table import Row, median, percentile, ratio_table, span

CONNECTIONS = 8  # under load
WARM_UP = 20  # requests before each measurement
PER_PLACEMENT = 10  # different drawings in the load, of each placement
SEVEN = np.array([(20, 10, 0), (80, 10, 0), (70, 40, 0), (45, 100, 0), (30, 55, 1), (75, 55, 1)], np.float32)


@dataclass(slots=True)
class Spell:
    """All rounds of one kind of load on one server."""

    requests_per_s: list[float] = field(default_factory=list)
    cpu_ms: list[float] = field(default_factory=list)  # per request
    latencies_ms: list[float] = field(default_factory=list)

    def add(self, outcome: Outcome, cpu_s: float) -> None:
        """Take in one round."""
        n = len(outcome.latencies_s)
        self.requests_per_s.append(n / outcome.elapsed_s)
        self.cpu_ms.append(1000 * cpu_s / n)
        self.latencies_ms += [1000 * latency for latency in outcome.latencies_s]


@dataclass(slots=True)
class Behaviour:
    """What was seen of one server."""

    alone: Spell = field(default_factory=Spell)
    loaded: Spell = field(default_factory=Spell)
    memory_mb: list[float] = field(default_factory=list)
    answers: dict[int, set[int]] = field(default_factory=dict)  # number of the drawing -> labels that came back


def speed(setting: Setting) -> str:
    """Measure both servers in turn, round by round, and tell it in Markdown."""
    pngs = load_drawings()
    bodies = [servers.request_body(as_canvas(png)) for png in pngs]
    seen = {program.name: Behaviour() for program in (setting.ours, setting.theirs)}
    for _ in range(setting.effort.rounds):
        for program in (setting.ours, setting.theirs):
            _observe(program, seen[program.name], bodies, setting.effort)
    ours, theirs = seen[setting.ours.name], seen[setting.theirs.name]
    return ratio_table(_rows(ours, theirs)) + "\n\n" + _remarks(setting, pngs, ours, theirs)


def load_drawings() -> list[bytes]:
    """Some drawings of each placement; where the data is absent, one digit at each placement."""
    if not drawings.available():
        return [drawings.encode_png(placements.render(SEVEN, placement)) for placement in PLACEMENTS]
    sets = [drawings.pen_drawings(placement).pngs for placement in PLACEMENTS]
    return [pngs[row] for pngs in sets for row in np.linspace(0, len(pngs) - 1, PER_PLACEMENT).astype(int)]


def as_canvas(png: bytes) -> bytes:
    """The same picture as a browser's canvas gives it: RGBA."""
    file = io.BytesIO()
    Image.open(io.BytesIO(png)).convert("RGBA").save(file, "PNG")
    return file.getvalue()


def as_page(png: bytes) -> bytes:
    """The same picture as our own page posts it: grey, its rows unfiltered."""
    levels = np.asarray(Image.open(io.BytesIO(png)).convert("L"))
    rows = np.pad(levels, ((0, 0), (1, 0))).tobytes()
    header = struct.pack(">IIBBBBB", levels.shape[1], len(levels), 8, 0, 0, 0, 0)
    chunks = ((b"IHDR", header), (b"IDAT", zlib.compress(rows)), (b"IEND", b""))
    packed = (struct.pack(">I", len(b)) + n + b + struct.pack(">I", zlib.crc32(n + b)) for n, b in chunks)
    return b"\x89PNG\r\n\x1a\n" + b"".join(packed)


def _observe(program: Program, behaviour: Behaviour, bodies: Sequence[str], effort: Effort) -> None:
    with servers.started(program) as server:
        servers.wait_until_open(server)
        servers.put_under_load(server, bodies, 1, effort.seconds, WARM_UP)
        for spell, connections in ((behaviour.alone, 1), (behaviour.loaded, CONNECTIONS)):
            outcome = _spell(server, spell, bodies, connections, effort)
            for body, answer in zip(outcome.sent, outcome.answers, strict=True):
                behaviour.answers.setdefault(body, set()).add(json.loads(answer)["label"])
        behaviour.memory_mb.append(server.peak_memory_bytes() / 1e6)


def _spell(server: Server, spell: Spell, bodies: Sequence[str], connections: int, effort: Effort) -> Outcome:
    before = server.cpu_s()
    outcome = servers.put_under_load(server, bodies, connections, effort.seconds, effort.requests)
    spell.add(outcome, server.cpu_s() - before)
    return outcome


def _rows(ours: Behaviour, theirs: Behaviour) -> list[Row]:
    def row(measure: str, of: Callable[[Behaviour], Sequence[float]], **how: int) -> Row:
        mine, other = of(ours), of(theirs)
        decimals = how.get("decimals", 1)
        return Row(
            measure,
            median(mine),
            median(other),
            more_is_better=bool(how.get("more_is_better")),
            decimals=decimals,
            n=f"{len(mine)} rounds",
            spread=f"{span(mine, decimals)}; {span(other, decimals)}",
        )

    load = f"{CONNECTIONS} connections"
    return [
        row(f"requests per second, {load}", lambda b: b.loaded.requests_per_s, more_is_better=True),
        row("requests per second, 1 connection", lambda b: b.alone.requests_per_s, more_is_better=True),
        row(f"CPU per request, {load} (ms)", lambda b: b.loaded.cpu_ms, decimals=2),
        row("CPU per request, 1 connection (ms)", lambda b: b.alone.cpu_ms, decimals=2),
        *_latency_rows("1 connection", ours.alone, theirs.alone),
        *_latency_rows(load, ours.loaded, theirs.loaded),
        row("peak memory (MB)", lambda b: b.memory_mb, decimals=0),
    ]


def _latency_rows(load: str, ours: Spell, theirs: Spell) -> list[Row]:
    n = f"{len(ours.latencies_ms):,}; {len(theirs.latencies_ms):,} requests"
    return [
        Row(
            f"latency {name}, {load} (ms)",
            percentile(ours.latencies_ms, share),
            percentile(theirs.latencies_ms, share),
            n=n,
        )
        for name, share in (("p50", 0.5), ("p99", 0.99))
    ]


def _remarks(setting: Setting, pngs: Sequence[bytes], ours: Behaviour, theirs: Behaviour) -> str:
    pinned = "both servers pinned to one core, the load generator to another" if servers.can_pin() else "not pinned"
    equal = _equal(ours.answers, our_answers(setting.our_model, pngs))
    their_equal = _equal(theirs.answers, baseline_answers(setting, pngs))
    return (
        f"{pinned.capitalize()}; {len(pngs)} different drawings in turn. Answers over HTTP equal to those in process: "
        f"Inkdigit {equal} of {len(ours.answers)} drawings, baseline {their_equal} of {len(theirs.answers)}."
    )


def _equal(over_http: dict[int, set[int]], in_process: NDArray[np.int64]) -> int:
    return sum(labels == {int(in_process[number])} for number, labels in over_http.items())

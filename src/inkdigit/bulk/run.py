"""A batch from beginning to end, and again from wherever it was broken off.

Beside the table stand its companions: `.parts/`, a folder with the manifest and the chunks while the batch is under
way; `.run.json`, which says how a finished table was made; and `.html`, the summary. What bears such a name and was
not made here is nobody's but the user's: it is neither deleted nor, unless that is asked for, written over.
"""

import contextlib
import dataclasses
import hashlib
import json
import os
import re
import time
from collections.abc import Generator, Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, Protocol

from inkdigit.bulk.chunks import ChunkFolder, Done
from inkdigit.bulk.crew import Crew, Progress, Shop
from inkdigit.bulk.inputs import Manifest, freeze, is_anywhere, is_one_of
from inkdigit.bulk.job import Job
from inkdigit.bulk.summary import write_summary
from inkdigit.bulk.tables import write_table
from inkdigit.bulk.tally import Tally
from inkdigit.config import package_version
from inkdigit.errors import BatchError, ConfigError
from inkdigit.registry.disk import locked, replace_file

SHOWN: Final = 200  # characters of a setting in a message
MANIFEST: Final = "inputs.sqlite"
NEWEST: Final = "now.sqlite"  # a manifest of the inputs as they are now
ABOUT: Final = "batch.json"
RECORD, SUMMARY = ".run.json", ".html"
AGAIN: Final = "name another --out, or begin anew with --again"
# All that this command puts into its folder, by the paths there.
_OWN: Final = re.compile(
    r"\.lock|(?:inputs|now)\.(?:sqlite|new|notes)|batch\.json|\.batch\.json\.new"
    r"|chunks(?:/\d{5,}(?:/\d{8,}\.(?:chunk|\d+))?)?"
)


@dataclass(frozen=True, slots=True)
class Plan:
    """What is asked for.

    Attributes:
        sources: folders, patterns, lists or pictures.
        out: the table.
        job: what is done with each input.
    """

    sources: tuple[str, ...]
    out: Path
    job: Job

    def identity(self) -> dict[str, Any]:
        """What must be the same for a batch to go on: its sources, its settings, its model and the program."""
        sources = [source if source == "-" else os.path.abspath(source) for source in self.sources]  # noqa: PTH100 - a pattern is no path
        identity = {"sources": sources, "version": package_version()} | dataclasses.asdict(self.job)
        if all(map(is_anywhere, self.sources)):
            del identity["folder"]
        return identity

    def companion(self, end: str) -> Path:
        """The path of what stands beside the table."""
        return self.out.with_name(self.out.name + end)

    @property
    def written(self) -> tuple[Path, ...]:
        """The files that are there when all is done."""
        return self.out, self.companion(SUMMARY), self.companion(RECORD)

    def require_apart(self) -> None:
        """Refuse a source that the table, or what stands beside it, would take the place of.

        Raises:
            ConfigError: there is one.
        """
        for source in self.sources:
            if is_one_of(source, self.written):
                raise ConfigError(f"{self.out} would overwrite {source}, which is to be read; name another --out")


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a batch.

    Attributes:
        tally: of all rows.
        out: the table.
        summary: the page about it.
        seconds: that this call took to read what it read.
        read: inputs that this call read.
        already: whether all was done before, and nothing now.
    """

    tally: Tally
    out: Path
    summary: Path
    seconds: float = 0.0
    read: int = 0
    already: bool = False


class Engine(Protocol):
    """Reads chunks and keeps them; `Crew` does so with processes of this computer."""

    def __call__(self, shop: Shop, numbers: Iterable[int]) -> Generator[Progress]:
        """Read the chunks of these numbers, keep each, and tell how far it is."""


class Watcher(Protocol):
    """Is told how far a batch is."""

    def looking(self, found: int) -> None:
        """So many inputs were found so far."""

    def begun(self, total: int, kept: int) -> None:
        """There are so many inputs, and so many were read by earlier calls."""

    def reading(self, seen: int) -> None:
        """This call has read so many."""


def crew(workers: int, limit_s: float) -> Engine:
    """So many processes of this computer; one input may take so many seconds."""
    return lambda shop, numbers: Crew(shop, workers, limit_s).work(numbers)


def run(plan: Plan, engine: Engine, watcher: Watcher, *, again: bool = False) -> Outcome:
    """Make the table, or go on where an earlier call was broken off, or do nothing where it is there.

    Args:
        plan: what is asked for.
        engine: reads the chunks.
        watcher: is told how far it is.
        again: begin anew whatever was done before.

    Raises:
        BatchError: it cannot begin or go on; what is done is kept.
        ConfigError: the table would take the place of one of the sources.
    """
    parts = plan.companion(".parts")
    plan.require_apart()
    try:
        _require_own(parts)  # before anything is put into it
        with locked(parts, wait=False):
            try:
                return _run(plan, parts, engine, watcher, again)
            finally:
                _leave_nothing_empty(parts)
    except BlockingIOError as error:
        raise BatchError(f"another inkdigit is at work on {plan.out}; wait for it, or stop it") from error
    except OSError as error:
        raise BatchError(f"{error.filename or parts}: {error.strerror}. What is done is kept") from error


def _run(plan: Plan, parts: Path, engine: Engine, watcher: Watcher, again: bool) -> Outcome:
    if not again and (finished := _finished(plan, parts, watcher)):
        return finished
    _begin(plan, parts, watcher, again)
    with Manifest(parts / MANIFEST) as manifest:
        begun = time.monotonic()
        read = _read(plan, parts, manifest, engine, watcher)
        seconds = time.monotonic() - begun
        tally = _write(plan, parts, manifest)
        outcome = Outcome(tally, plan.out, plan.companion(SUMMARY), seconds, read)
        _finish(plan, manifest, outcome)
    _clear(parts)
    return outcome


# --- before


def _finished(plan: Plan, parts: Path, watcher: Watcher) -> Outcome | None:
    """What came of it, where it was finished before."""
    record = _record(plan.companion(RECORD))
    if record is None or not plan.out.exists():
        return None
    _require_same(plan, record, "was made")
    if record.get("table") != _digest(plan.out):
        raise BatchError(f"{plan.out} is not as it was written: it was changed, or is damaged; {AGAIN}")
    if (parts / MANIFEST).exists():  # the end came between the record and the clearing
        _clear(parts)
    with _looked_through(plan, parts, watcher) as now:
        if now.digest != record["inputs"]:
            raise BatchError(
                f"the inputs of {plan.out} are others now ({record['count']} then, {now.count} now); {AGAIN}"
            )
    outcome = Outcome(Tally.of(record["tally"]), plan.out, plan.companion(SUMMARY), already=True)
    if not outcome.summary.exists():
        write_summary(outcome.summary, plan.job, outcome.tally, record["read"], record["seconds"])
    return outcome


def _digest(table: Path) -> str:
    with table.open("rb") as file:  # which takes less than the look through its inputs
        return hashlib.file_digest(file, "sha256").hexdigest()


@contextlib.contextmanager
def _looked_through(plan: Plan, parts: Path, watcher: Watcher) -> Iterator[Manifest]:
    path = parts / NEWEST
    try:
        freeze(plan.sources, path, watcher.looking, plan.written)
        with Manifest(path) as manifest:
            yield manifest
    finally:
        path.unlink(missing_ok=True)


def _begin(plan: Plan, parts: Path, watcher: Watcher, again: bool) -> None:
    """Freeze the inputs, unless that was done by an earlier call of the same plan."""
    if not again:
        if (record := _record(parts / ABOUT)) is not None:
            _require_same(plan, record, "was begun")
            return
        _require_free(plan)
    freeze(plan.sources, parts / NEWEST, watcher.looking, plan.written)  # first: a wrong name costs nothing of old
    (parts / ABOUT).unlink(missing_ok=True)
    plan.companion(RECORD).unlink(missing_ok=True)
    _clear(parts, NEWEST)
    (parts / NEWEST).replace(parts / MANIFEST)
    (parts / "chunks").mkdir(exist_ok=True)
    replace_file(parts / ABOUT, json.dumps({"plan": plan.identity()}, indent=1).encode())


def _require_own(parts: Path) -> None:
    """Refuse a folder in which no batch has begun, and that holds what this command did not make."""
    with contextlib.suppress(BatchError):  # a damaged one proves nothing
        if _record(parts / ABOUT) is not None:
            return
    for folder, folders, files in os.walk(parts):
        for path in (Path(folder, name) for name in folders + files):
            if not _is_own(path, parts):
                raise BatchError(f"{path} is there, and not of this command; move it, or name another --out")


def _is_own(path: Path, parts: Path) -> bool:
    return _OWN.fullmatch(path.relative_to(parts).as_posix()) is not None


def _require_free(plan: Plan) -> None:
    """Refuse to write over what was there before; a record that is one says that all of it is of this command."""
    if _record(plan.companion(RECORD)) is not None:
        return
    for path in plan.written:
        if os.path.lexists(path):
            raise BatchError(f"{path} is there, and not of this command; {AGAIN}")


def _record(path: Path) -> dict[str, Any] | None:
    try:
        record = json.loads(path.read_bytes())
    except FileNotFoundError:
        return None
    except ValueError as error:
        raise BatchError(f"{path} is damaged; {AGAIN}") from error
    if not isinstance(record, dict) or "plan" not in record:
        raise BatchError(f"{path} is there, and not of this command; {AGAIN}")
    return record


def _require_same(plan: Plan, record: dict[str, Any], how: str) -> None:
    now = plan.identity()
    then = {"folder": now.get("folder")} | record.get("plan", {})  # where it says none, any is as good
    differing = [name for name in now if then.get(name) != now[name]]
    if set(differing) - {"model"}:  # which may lie elsewhere now, if it is the same by its digest
        told = "; ".join(f"{name} was {_short(then.get(name))}, and is {_short(now[name])}" for name in differing)
        where = f" in {then['folder']}" if "folder" in differing else ""
        raise BatchError(f"{plan.out} {how} otherwise: {told}. Give the same command{where}, {AGAIN}")


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= SHOWN else f"{text[:SHOWN]}..."


# --- reading


def _read(plan: Plan, parts: Path, manifest: Manifest, engine: Engine, watcher: Watcher) -> int:
    """Have every chunk read that is not there; how many inputs this call read."""
    shop = Shop(plan.job, parts / MANIFEST, parts / "chunks")
    chunks = ChunkFolder(shop.chunks)
    kept = sum(_size(number, manifest, plan.job) for number in _numbers(manifest, plan.job) if chunks.is_there(number))
    watcher.begun(manifest.count, kept)
    missing = (number for number in _numbers(manifest, plan.job) if not chunks.place(number).exists())
    progress = Progress(0, 0)
    with contextlib.closing(engine(shop, missing)) as work:  # which ends its processes
        for progress in work:
            watcher.reading(progress.seen)
    return progress.kept


def _numbers(manifest: Manifest, job: Job) -> range:
    return range(-(-manifest.count // job.chunk_size))


def _size(number: int, manifest: Manifest, job: Job) -> int:
    return min(job.chunk_size, manifest.count - number * job.chunk_size)


# --- after


def _write(plan: Plan, parts: Path, manifest: Manifest) -> Tally:
    """Put the table together; what its rows come to."""
    chunks = ChunkFolder(parts / "chunks")
    tally = Tally()

    def lines() -> Iterator[bytes]:
        nonlocal tally
        for number in _numbers(manifest, plan.job):
            done = _whole(chunks.read(number), number, _size(number, manifest, plan.job), parts)
            tally += done.tally
            yield done.lines

    write_table(plan.out, plan.job, lines())
    return tally


def _whole(done: Done | None, number: int, size: int, parts: Path) -> Done:
    if done is None or done.tally.rows != size:
        raise BatchError(f"chunk {number} in {parts} is missing or damaged; the same command reads it again")
    return done


def _finish(plan: Plan, manifest: Manifest, outcome: Outcome) -> None:
    """Write the summary, and last the record that says that all is done."""
    write_summary(outcome.summary, plan.job, outcome.tally, outcome.read, outcome.seconds)
    record = {
        "plan": plan.identity(),
        "inputs": manifest.digest,
        "count": manifest.count,
        "finished": f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}",
        "table": _digest(outcome.out),
        "tally": outcome.tally.record(),
        "read": outcome.read,
        "seconds": outcome.seconds,
    }
    replace_file(plan.companion(RECORD), json.dumps(record, indent=1).encode())


def _clear(parts: Path, but: str = ".lock") -> None:
    """Delete what this command put into its folder, but for the lock and one more file; nothing of anybody else."""
    for folder, folders, files in os.walk(parts, topdown=False):
        for path in (Path(folder, name) for name in files if name not in {".lock", but}):
            if _is_own(path, parts):
                path.unlink()
        for path in (Path(folder, name) for name in folders):
            if _is_own(path, parts):
                with contextlib.suppress(OSError):  # it is not empty
                    path.rmdir()


def _leave_nothing_empty(parts: Path) -> None:
    with contextlib.suppress(OSError):
        if [path.name for path in parts.iterdir()] == [".lock"]:
            (parts / ".lock").unlink()
            parts.rmdir()

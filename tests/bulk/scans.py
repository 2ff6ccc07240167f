"""What the tests of batches share: pictures, jobs, and an engine without processes."""

import json
import os
from collections.abc import Generator, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from PIL import Image, ImageDraw

from inkdigit.bulk.chunks import ChunkFolder, encode
from inkdigit.bulk.crew import Progress, Shop
from inkdigit.bulk.inputs import Manifest
from inkdigit.bulk.job import Bench, Job, Reads, Style, digest_of
from inkdigit.bulk.run import Engine, Outcome, Plan, Watcher, run
from inkdigit.recognizer import current_model


def draw_seven(path: Path) -> str:
    """A seven, saved under this name."""
    path.parent.mkdir(parents=True, exist_ok=True)
    picture = Image.new("L", (100, 100), "white")
    ImageDraw.Draw(picture).line([(30, 25), (70, 25), (45, 80)], fill="black", width=8)
    picture.save(path, "PNG")
    return str(path)


def many(folder: Path, count: int, ending: str = ".png") -> list[str]:
    """So many names of the same picture, sorted."""
    names = [folder / f"{number:06}{ending}" for number in range(count)]
    draw_seven(names[0])
    for name in names[1:]:
        os.link(names[0], name)
    return [str(name) for name in names]


def digits(style: Style = "jsonl", **given: Any) -> Job:
    return job("digits", current_model(), style, **given)


def job(reads: Reads, model: Path, style: Style, **given: Any) -> Job:
    about = {"folder": str(Path.cwd()), "digest": digest_of(model, reads)} | given
    return Job(reads, style, str(model), **about)


def alone(shop: Shop, numbers: Iterable[int]) -> Generator[Progress]:
    """Reads chunks in this process."""
    bench = Bench(shop.job)
    kept = 0
    with Manifest(shop.manifest) as manifest:
        for number in numbers:
            chunk = manifest.chunk(number, shop.job.chunk_size)
            ChunkFolder(shop.chunks).keep(number, encode(number, bench.read(chunk)))
            kept += len(chunk.files)
            yield Progress(kept, kept)


@dataclass
class Noted:
    """Remembers what it was told."""

    told: list[tuple[str, int]] = field(default_factory=list)

    def looking(self, found: int) -> None:
        self.told.append(("found", found))

    def begun(self, total: int, kept: int) -> None:
        self.told += [("total", total), ("kept", kept)]

    def reading(self, seen: int) -> None:
        self.told.append(("seen", seen))


def make(
    out: Path,
    *sources: object,
    engine: Engine = alone,
    again: bool = False,
    job: Job | None = None,
    watcher: Watcher | None = None,
) -> Outcome:
    """Make a table of digits; its kind is what the name ends in."""
    style: Style = "csv" if out.suffix == ".csv" else "jsonl"
    plan = Plan(tuple(map(str, sources)), out, job or digits(style))
    return run(plan, engine, watcher or Noted(), again=again)


def records(out: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in out.read_text("utf-8").splitlines()]

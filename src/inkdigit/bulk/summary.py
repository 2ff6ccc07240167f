"""The page about a batch: counts, plots, and pictures of the answers that are in the greatest doubt."""

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from PIL import Image

from inkdigit.batch import read_bytes
from inkdigit.bulk.job import Job, Reads
from inkdigit.bulk.tally import BINS, Tally
from inkdigit.errors import ImageError, UnreadableImageError
from inkdigit.image import encode_data_url, read_page
from inkdigit.registry.disk import replace_file
from inkdigit.reports import page, share
from inkdigit.reports.plots import Bar, axis_to, bars
from inkdigit.structure import PAGE_LIMITS
from inkdigit.table import visible

SIDE: Final = 200  # pixels, of a picture's longer side
SHOWN_CLASSES: Final = 40
_WHOLE: Final[Mapping[Reads, str]] = {
    "digits": "What was taken for no digit is left out.",
    "numbers": "That of a picture with several numbers is the probability that all of them are right, the product of "
    "theirs; pictures without a number are left out.",
    "forms": "A form is as sure as the least sure of its fields; one with no field filled in is left out.",
}
"""What the confidence of a row is that of."""


@dataclass(frozen=True, slots=True)
class Doubtful:
    """An answer to be looked at: the picture as a data URL, or why there is none."""

    file: str
    text: str
    confidence: float
    picture: str
    missing: str


def write_summary(path: Path, job: Job, tally: Tally, read: int, seconds: float) -> None:
    """Write the page.

    Args:
        path: of the HTML file.
        job: what was done with each input.
        tally: what the rows come to.
        read: inputs that the last call read.
        seconds: that it took.
    """
    html = page(
        "inkdigit.bulk",
        "summary.html",
        name=path.name.removesuffix(".html"),
        model=Path(job.model).name,
        settings=_settings(job),
        tally=tally,
        bad=[(visible(file), text) for file, text in tally.bad],
        classes=_classes(tally),
        confidences=_confidences(tally),
        whole=_WHOLE[job.reads],
        errors=_counted("Errors by kind", "inputs", tally.errors.most_common(), tally.failed),
        doubtful=[_doubtful(job, *doubt) for doubt in tally.doubtful],
        read=read,
        seconds=seconds,
    )
    replace_file(path, html.encode())


def _settings(job: Job) -> list[tuple[str, Any]]:
    named = [("least confidence", job.min_confidence or None), ("expected", job.rules), ("template", job.form)]
    return [(name, value) for name, value in named if value is not None]


def _classes(tally: Tally) -> str:
    rows = sorted(tally.classes.items(), key=lambda row: (len(row[0]) > 1, row[0]))[:SHOWN_CLASSES]
    return _counted("What was read", "count", rows, sum(tally.classes.values()))


def _confidences(tally: Tally) -> str:
    bins = enumerate(tally.confidences)
    rows = [(f"{100 * i // BINS} to {100 * (i + 1) // BINS} %", count) for i, count in bins]
    return _counted("Confidence of the answers", "answers", rows, sum(tally.confidences))


def _counted(title: str, unit: str, rows: Sequence[tuple[str, int]], total: int) -> str:
    """A plot of counts, or nothing where there is none."""
    highest = max((count for _, count in rows), default=0)
    if not highest:
        return ""
    drawn = [(name, [Bar(n, n, n, f"{n:,} ({share(n / max(total, 1), 1)})")]) for name, n in rows]
    return bars(title, axis_to(unit, highest), [unit], drawn)


def _doubtful(job: Job, confidence: float, file: str, text: str) -> Doubtful:
    try:
        picture, missing = _small(str(Path(job.folder, file))), ""
    except ImageError as error:
        picture, missing = "", str(error)
    return Doubtful(visible(file), text, confidence, picture, missing)


def _small(file: str) -> str:
    """A picture as it was read, made small, as a data URL.

    Raises:
        ImageError: it cannot be read any more.
    """
    if not Path(file).is_file():  # reading may wait forever for what is none
        raise UnreadableImageError("the picture is no longer there")
    seen = Image.fromarray(read_page(read_bytes(file, PAGE_LIMITS.bytes)))
    seen.thumbnail((SIDE, SIDE))
    png = io.BytesIO()
    seen.save(png, "PNG")
    return encode_data_url(png.getvalue())

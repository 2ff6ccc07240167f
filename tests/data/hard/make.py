"""Draw the hundred hard cases again: pictures, and `cases.toml` with each one's text and story.

    python -m tests.data.hard.make [FOLDER]

Every stroke is drawn by this code and by `inkdigit.training.strokes`; no picture holds anybody's ink. Seeds are fixed.
"""

import io
import itertools
import json
import math
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFilter
from tests.data.hard.cases import CASES, Case, Look
from tests.drawings import STROKES

from inkdigit.training import strokes as styles

Points = NDArray[np.float64]  # (M, 2): x to the right, y down, in heights of a digit
Ink = NDArray[np.float64]  # (H, W), 0 is paper and 1 is full ink
Random = np.random.Generator

FINE = 4  # times finer than the picture, while drawing
PITCH = 1.9  # from line to line, in heights of a digit
WORD = 1.6  # of the gap between two numbers, the same way
SIGNS: Mapping[str, list[list[tuple[float, float]]]] = {
    ".": [[(0, 0.97), (0.01, 0.98)]],
    ",": [[(0.08, 0.93), (0.07, 1.02), (0, 1.14)]],
    "-": [[(0, 0.56), (0.36, 0.53)]],
    "/": [[(0.42, -0.05), (0, 1.1)]],
    ":": [[(0, 0.36), (0.01, 0.37)], [(0, 0.86), (0.01, 0.87)]],
    "=": [[(0, 0.42), (0.4, 0.4)], [(0.01, 0.62), (0.41, 0.61)]],
}


def main(arguments: list[str]) -> None:
    folder = Path(arguments[0]) if arguments else Path(__file__).parent
    entries = []
    for case, name, data in pictures():
        (folder / name).write_bytes(data)
        entries.append(entry(case, name))
    (folder / "cases.toml").write_text("\n".join(["# Written by make.py.", *entries]), "utf-8")


def pictures() -> Iterator[tuple[Case, str, bytes]]:
    """Every case, the name of its file, and the file."""
    for number, case in enumerate(CASES, start=1):
        random = np.random.default_rng([2026, number, case.seed])
        ending = "jpg" if case.look.quality else "png"
        yield case, f"{number:03}.{ending}", picture(case, random)


def entry(case: Case, name: str) -> str:
    """A case as a table of the index."""
    fields = {"file": name, "text": case.text, "story": case.story, "must": case.must}
    lines = (f"{key} = {json.dumps(value, ensure_ascii=False)}" for key, value in fields.items())
    return "\n".join(["", "[[case]]", *lines, ""])


# ---- strokes ----


def written(case: Case, random: Random) -> list[Points]:
    """All strokes of a case, in heights of a digit."""
    lines = (moved(line_of(text, case, random), 0, PITCH * row) for row, text in enumerate(case.text.splitlines()))
    return list(itertools.chain.from_iterable(lines))


def line_of(text: str, case: Case, random: Random) -> list[Points]:
    """The strokes of one line, digit by digit, each as far from the last one's ink as the look says."""
    look, right, last = case.look, 0.0, list[Points]()
    done: list[Points] = []
    for sign in text:
        if sign == " ":
            right, last = right + WORD, []
            continue
        shape = glyph(sign, case.styles.get(sign), look, random)
        gap = 0 if not done else look.gap if sign.isdecimal() else max(look.gap, 0.15)
        x = right + gap - edge(shape, min)
        shape = moved(shape, x, look.rise * (right + gap))
        done += [*shape, *(ligature(last, shape) if look.joined else [])]
        right, last = edge(shape, max), shape
    return done


def glyph(sign: str, style: str | None, look: Look, random: Random) -> list[Points]:
    """The strokes of a digit, in a style of `inkdigit.training.strokes` or plainly; or those of a separator."""
    if not sign.isdecimal():
        shape = [np.array(stroke) for stroke in SIGNS[sign]]
    elif style is None:
        shape = sized([np.array(stroke) * (0.8, 1) for stroke in STROKES[int(sign)]], sign, look, random)
    else:
        shape = sized([np.asarray(stroke) for stroke in getattr(styles, style)(random)], sign, look, random)
    shape = [stroke + random.normal(0, look.shaky, stroke.shape) for stroke in shape]
    return [np.column_stack([stroke[:, 0] + look.slant * (1 - stroke[:, 1]), stroke[:, 1]]) for stroke in shape]


def sized(shape: list[Points], sign: str, look: Look, random: Random) -> list[Points]:
    """A digit of height 1, or about 1 in an unsteady hand; the slash of a zero may reach beyond."""
    body = shape[0] if sign == "0" else np.concatenate(shape)
    top, height = body[:, 1].min(), np.ptp(body[:, 1])
    size, lift = np.exp(random.normal(0, look.unsteady)), random.normal(0, look.unsteady)
    return [(stroke - (0, top + height)) / height * size + (0, 1 + lift) for stroke in shape]


def edge(shape: list[Points], which: Callable[[Iterable[float]], float]) -> float:
    """The least or the greatest x of all strokes."""
    return which(which(stroke[:, 0].tolist()) for stroke in shape)


def moved(shape: list[Points], x: float, y: float) -> list[Points]:
    """A shape elsewhere."""
    return [stroke + np.array([x, y]) for stroke in shape]


def ligature(last: list[Points], shape: list[Points]) -> list[Points]:
    """A hanging curve from the end of one digit to what is nearest of the next; none from an end on the left side."""
    if not last or last[-1][-1, 0] < (edge(last, min) + edge(last, max)) / 2 - 0.05:
        return []
    start, points = last[-1][-1], np.concatenate(shape)
    stop = points[np.linalg.norm(points - start, axis=1).argmin()]
    share = np.linspace(0, 1, 12)[:, None]
    return [np.asarray(start + share * (stop - start) + np.array([0.0, 0.3]) * share * (1 - share))]


# ---- strokes to pictures ----


def picture(case: Case, random: Random) -> bytes:
    """The whole file."""
    look = case.look
    strokes = [stroke * look.height for stroke in written(case, random)]
    points = np.concatenate(strokes)
    margin = look.margin * look.height
    corner = margin - points.min(axis=0)
    width, height = (math.ceil(side) for side in np.ptp(points, axis=0) + 2 * margin)
    ink = inked([stroke + corner for stroke in strokes], look.pen * look.height, (height, width))
    page = coloured(ink, printed(look, (height, width)), look)
    return encoded(taken(page, look, random), look)


def inked(strokes: list[Points], pen: float, shape: tuple[int, int]) -> Ink:
    """Strokes of a round pen."""
    sheet = Image.new("L", (FINE * shape[1], FINE * shape[0]), 0)
    brush, reach = ImageDraw.Draw(sheet), FINE * pen / 2
    for stroke in strokes:
        path = [(FINE * x, FINE * y) for x, y in stroke]
        brush.line(path, fill=255, width=max(1, round(2 * reach)), joint="curve")
        for x, y in path:
            brush.ellipse((x - reach, y - reach, x + reach, y + reach), fill=255)
    return np.asarray(sheet.reduce(FINE), np.float64) / 255


def printed(look: Look, shape: tuple[int, int]) -> Ink:
    """What was on the paper before: rules, squares, a line under the number, a box, cells."""
    lines = np.zeros(shape)
    top, bottom = look.margin * look.height, shape[0] - look.margin * look.height
    left, right = look.margin * look.height / 2, shape[1] - look.margin * look.height / 2
    pitch, thick = look.pitch * look.height, max(1, round(look.rule * look.height))

    def across(y: float) -> None:
        lines[max(0, round(y)) : max(0, round(y)) + thick] = 1

    def down(x: float) -> None:
        lines[:, max(0, round(x)) : max(0, round(x)) + thick] = 1

    if look.ruling in {"ruled", "squared"}:
        for y in np.arange(bottom % pitch, shape[0], pitch):
            across(y)
    if look.ruling == "squared":
        for x in np.arange(pitch / 3, shape[1], pitch):
            down(x)
    if look.ruling == "underline":
        across(bottom + look.below * look.height)
        lines[:, : round(left)] = lines[:, round(right) :] = 0
    if look.ruling in {"box", "cells"}:
        for y in (top - look.below * look.height, bottom + look.below * look.height):
            across(y)
        for x in np.linspace(left, right, 2 if look.ruling == "box" else look.cells + 1):
            down(x)
        lines[: round(top - look.below * look.height)] = 0
        lines[round(bottom + look.below * look.height) + thick :] = 0
        lines[:, : round(left)] = lines[:, round(right) + thick :] = 0
    return lines


def coloured(ink: Ink, lines: Ink, look: Look) -> Ink:
    """(H, W, 3) levels in [0, 255]: paper, what is printed on it, and the pen over both."""
    page = np.full((*ink.shape, 3), look.paper, np.float64)
    page += lines[..., None] * (np.array(look.rules, np.float64) - page)
    page += ink[..., None] * (np.array(look.ink, np.float64) - page)
    return page


def taken(page: Ink, look: Look, random: Random) -> Ink:
    """The page as a camera sees it, where the look asks for one: turned, lit, blurred, with grain."""
    image = Image.fromarray(np.rint(page).astype(np.uint8))
    if look.turn:
        image = image.rotate(look.turn, Image.Resampling.BICUBIC, expand=True, fillcolor=look.paper)
    if look.blur:
        image = image.filter(ImageFilter.GaussianBlur(look.blur))
    levels = np.asarray(image, np.float64)
    levels = levels * light(levels.shape[:2], look)[..., None]
    return np.asarray((levels + random.normal(0, look.grain, levels.shape[:2])[..., None]).clip(0, 255))


def light(shape: tuple[int, ...], look: Look) -> Ink:
    """(H, W) shares of the light: it falls off to the right and downwards, and a shadow lies over the left part."""
    y, x = np.mgrid[0 : 1 : shape[0] * 1j, 0 : 1 : shape[1] * 1j]
    fall = 1 - look.fall * (0.7 * x + 0.3 * y)
    return np.asarray(fall * (1 - look.shadow / (1 + np.exp(40 * (x - 0.45 - 0.2 * y)))))


def encoded(page: Ink, look: Look) -> bytes:
    """A grey file where all is grey, else one in colours."""
    levels = np.rint(page).astype(np.uint8)
    grey = bool((levels == levels[..., :1]).all())
    image, file = Image.fromarray(levels[..., 0] if grey else levels), io.BytesIO()
    if look.quality:
        image.save(file, "JPEG", quality=look.quality)
    else:
        image.save(file, "PNG", optimize=True)
    return file.getvalue()


if __name__ == "__main__":
    main(sys.argv[1:])

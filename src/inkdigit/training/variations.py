"""The same digits placed, sized, inked and spoiled in other ways: what a report tries a model on besides.

Each variation makes a picture file of a digit, which then takes the whole road that a user's picture takes: decoding,
clean-up, normalisation, network. The formulas are our own and small; none of them trains a network.
"""

import io
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFilter

from inkdigit.errors import ImageError
from inkdigit.image import read_image
from inkdigit.preprocess import normalize
from inkdigit.training.labelled import Frames

Page = NDArray[np.uint8]  # (H, W) grey, 0 is black and 255 is white
Random = np.random.Generator

PAD = 280  # pixels, side of the canvas on which people draw
PAGE = 112  # pixels, side of the page that is spoiled
UNSPOILED = "unspoiled"
MARGIN = 6  # pixels of paper in a corner


@dataclass(frozen=True, slots=True)
class Tried:
    """Pictures of one variation: which of the digits could be read at all, and these as the network takes them.

    Attributes:
        name: of the variation.
        rows: (K,) of the digits whose pictures could be read; the others were refused.
        frames: (K, 28, 28) float32 in [0, 1].
        n: digits that were tried, K or more.
    """

    name: str
    rows: NDArray[np.intp]
    frames: Frames
    n: int


def try_placements(digits: Frames) -> Iterator[Tried]:
    """Digits (N, 28, 28) placed on a canvas of 280x280 in each of the ways in which drawings differ."""
    for name, place in PLACEMENTS.items():
        yield _try(name, digits, [place(digit) for digit in digits])


def try_corruptions(digits: Frames, seed: int = 1) -> Iterator[Tried]:
    """Digits (N, 28, 28) on a page of 112x112 that is spoiled in each of the ways in which pictures are."""
    for name, spoil in CORRUPTIONS.items():
        random = np.random.default_rng(seed)
        yield _try(name, digits, [spoil(_page(digit), random) for digit in digits])


def _try(name: str, digits: Frames, pictures: Sequence[bytes | Page]) -> Tried:
    found = [_read(picture) for picture in pictures]
    rows = [row for row, frame in enumerate(found) if frame is not None]
    frames = [frame for frame in found if frame is not None]
    return Tried(name, np.array(rows, np.intp), np.stack(frames) if frames else digits[:0], len(digits))


def _read(page: bytes | Page) -> Frames | None:
    """The picture as the network takes it, by the road of a user's file; None where that refuses it."""
    try:
        return normalize(read_image(page if isinstance(page, bytes) else _png(page)))
    except ImageError:
        return None


def _png(page: Page) -> bytes:
    file = io.BytesIO()
    Image.fromarray(page).save(file, "PNG", compress_level=1)
    return file.getvalue()


# --- placements


def placed(digit: Frames, side: float, corner: bool = False, pen: float = 1.0) -> Page:
    """A digit drawn in black on a white canvas.

    Args:
        digit: (28, 28) float32 in [0, 1].
        side: of the frame that it is drawn in, 28 pixels of MNIST, in pixels of the canvas.
        corner: in the upper left corner instead of the middle.
        pen: how wide strokes become, 1 being as they are.
    """
    ink = _inked(_enlarged(_cropped(digit), side / 28), pen)
    top, left = (MARGIN, MARGIN) if corner else ((PAD - ink.shape[0]) // 2, (PAD - ink.shape[1]) // 2)
    page = np.full((PAD, PAD), 255, np.uint8)
    page[top : top + ink.shape[0], left : left + ink.shape[1]] -= ink[: PAD - top, : PAD - left]
    return page


PLACEMENTS: dict[str, Callable[[Frames], Page]] = {
    "middle": lambda digit: placed(digit, 252),
    "large": lambda digit: placed(digit, 350),
    "half the size": lambda digit: placed(digit, 126),
    "small, in a corner": lambda digit: placed(digit, 84, corner=True),
    "thin pen": lambda digit: placed(digit, 252, pen=0.5),
    "thick pen": lambda digit: placed(digit, 252, pen=1.8),
}


def _cropped(digit: Frames) -> Frames:
    rows, columns = np.flatnonzero(digit.any(axis=1)), np.flatnonzero(digit.any(axis=0))
    return digit[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]


def _enlarged(digit: Frames, times: float) -> Page:
    """Ink (H, W) uint8 enlarged, with edges as sharp as a pen's."""
    height, width = (max(1, round(length * times)) for length in digit.shape)
    picture = Image.fromarray((np.pad(digit, 1) * 255).astype(np.uint8))
    box = (1, 1, digit.shape[1] + 1, digit.shape[0] + 1)
    smooth = np.asarray(picture.resize((width, height), Image.Resampling.BICUBIC, box), np.float32)
    return np.asarray(((smooth - 128) * times / 2 + 128).clip(0, 255), np.uint8)


def _inked(ink: Page, pen: float) -> Page:
    """The ink with strokes `pen` times as wide, with paper around where they grow."""
    edge = round(abs(pen - 1) / 2 * _stroke_width(ink))
    framed = np.pad(ink, edge)
    if pen < 1:
        return 255 - _greatest(_greatest(255 - framed, edge).T, edge).T
    return _greatest(_greatest(framed, edge).T, edge).T


def _stroke_width(ink: Page) -> float:
    """Mean width of the strokes in pixels: twice their area over the length of their outline."""
    inked = np.pad(ink > 127, 1)
    outline = np.count_nonzero(np.diff(inked, axis=0)) + np.count_nonzero(np.diff(inked, axis=1))
    return float(2 * inked.sum() / max(outline * np.pi / 4, 1))


def _greatest(ink: Page, reach: int) -> Page:
    """Each row becomes the greatest of itself and `reach` rows to either side."""
    padded = np.pad(ink, ((reach, reach), (0, 0)), mode="edge")
    return np.asarray(np.maximum.reduce([padded[i : i + len(ink)] for i in range(2 * reach + 1)]), np.uint8)


# --- corruptions


def _page(digit: Frames) -> Page:
    """A digit in dark ink on a light page, MNIST's frame four times as large, as a scan would hold it."""
    ink = np.asarray(Image.fromarray((digit * 255).astype(np.uint8)).resize((PAGE, PAGE), Image.Resampling.BICUBIC))
    return np.asarray(240 - ink * (200 / 255), np.uint8)


def grain(page: Page, random: Random) -> Page:
    """The grain of a sensor in weak light."""
    return _levels(page + random.normal(0, random.uniform(25, 60), page.shape))


def salt_and_pepper(page: Page, random: Random) -> Page:
    """Single pixels that are black or white whatever they show."""
    struck = random.random(page.shape) < random.uniform(0.03, 0.12)
    return np.where(struck, random.choice(np.array([0, 255], np.uint8), page.shape), page)


def speckles(page: Page, random: Random) -> Page:
    """Dirt: small dark blots."""

    def blot(brush: ImageDraw.ImageDraw) -> None:
        for x, y, wide, high in random.uniform((0, 0, 0.8, 0.8), (PAGE, PAGE, 2.5, 2.5), (25, 4)):
            brush.ellipse((x - wide, y - high, x + wide, y + high), fill=_dark(random))

    return _drawn(page, blot)


def stripes(page: Page, random: Random) -> Page:
    """Ruled paper, or the stripes of a printer."""
    period, width = random.uniform(10, 22), random.uniform(1, 3)
    along = np.arange(PAGE) + random.uniform(0, period)
    dark = np.where(along % period < width, random.uniform(40, 120), 0)
    return _levels(page - (dark[:, None] if random.random() < 0.5 else dark[None]))


def stray_line(page: Page, random: Random) -> Page:
    """A stroke across the digit that is not part of it."""
    ends = random.uniform(0, PAGE, 4)
    ends[random.integers(0, 4)] = 0
    return _drawn(page, lambda brush: brush.line(ends.tolist(), fill=_dark(random), width=int(random.integers(2, 6))))


def hole(page: Page, random: Random) -> Page:
    """A piece of the digit that is hidden by paper."""
    top, left = random.uniform(0.2, 0.6, 2) * PAGE
    box = (left, top, left + random.uniform(12, 24), top + random.uniform(12, 24))
    return _drawn(page, lambda brush: brush.rectangle(box, fill=240))


def out_of_focus(page: Page, random: Random) -> Page:
    """The blur of a lens."""
    return np.asarray(Image.fromarray(page).filter(ImageFilter.GaussianBlur(random.uniform(3, 6))))


def shaken(page: Page, random: Random) -> Page:
    """The blur of a hand that moves, along a straight line."""
    reach, angle = random.uniform(8, 20), random.uniform(0, np.pi)
    steps = np.linspace(-reach / 2, reach / 2, 15)[:, None] * (np.sin(angle), np.cos(angle))
    padded = np.pad(page, 12, mode="edge").astype(np.float32)
    moved = [np.roll(padded, (round(down), round(right)), (0, 1)) for down, right in steps.tolist()]
    return _levels(np.mean(moved, axis=0)[12:-12, 12:-12])


def pale(page: Page, random: Random) -> Page:
    """Ink hardly darker than the paper."""
    return _levels(255 - (255 - page.astype(np.float32)) * random.uniform(0.12, 0.3) - random.uniform(0, 60))


def fog(page: Page, random: Random) -> Page:
    """Uneven haze over ink that has grown weak."""
    coarse = Image.fromarray(random.uniform(0, 255, (5, 5)).astype(np.uint8))
    haze = np.asarray(coarse.resize((PAGE, PAGE), Image.Resampling.BICUBIC), np.float32)
    return _levels(page * 0.45 + haze * 0.55)


def shadow(page: Page, random: Random) -> Page:
    """Light from one side, and the edge of a shadow."""
    angle = random.uniform(0, 2 * np.pi)
    down, right = np.mgrid[-1 : 1 : PAGE * 1j, -1 : 1 : PAGE * 1j]
    across = down * np.sin(angle) + right * np.cos(angle)
    light = 1 - 0.25 * (across + 1) / 2 - 0.3 * (across > random.uniform(-0.5, 0.5))
    return _levels(page * light)


def coarse(page: Page, random: Random) -> Page:
    """A picture of very few pixels."""
    side = int(random.integers(10, 15))
    small = Image.fromarray(page).resize((side, side), Image.Resampling.BOX)
    return np.asarray(small.resize((PAGE, PAGE), Image.Resampling.NEAREST))


def squeezed(page: Page, random: Random) -> bytes:
    """JPEG of the poorest quality."""
    file = io.BytesIO()
    Image.fromarray(page).save(file, "JPEG", quality=int(random.integers(1, 8)))
    return file.getvalue()


CORRUPTIONS: dict[str, Callable[[Page, Random], bytes | Page]] = {
    UNSPOILED: lambda page, _: page,
    "white on black": lambda page, _: 255 - page,
    **{
        spoil.__name__.replace("_", " "): spoil
        for spoil in (
            grain, salt_and_pepper, speckles, stripes, stray_line, hole, out_of_focus, shaken, pale, fog, shadow,
            coarse, squeezed,
        )
    },
}  # fmt: skip


def _levels(page: NDArray[Any]) -> Page:
    return np.asarray(page.clip(0, 255), np.uint8)


def _dark(random: Random) -> int:
    return int(random.integers(20, 120))


def _drawn(page: Page, draw: Callable[[ImageDraw.ImageDraw], None]) -> Page:
    picture = Image.fromarray(page)
    draw(ImageDraw.Draw(picture))
    return np.asarray(picture)

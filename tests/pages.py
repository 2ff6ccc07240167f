"""Pages of paper with numbers on them, drawn so that it is known where each stands."""

import io
import math
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFilter
from tests.drawings import STROKES, Point

Colour = tuple[int, int, int]
Corners = NDArray[np.float64]  # (4, 2), x and y

BLACK: Colour = (30, 30, 35)
BLUE: Colour = (40, 50, 150)
RED: Colour = (190, 40, 45)
GREEN: Colour = (20, 120, 60)
PENCIL: Colour = (135, 135, 135)
PAPER: Colour = (236, 234, 228)

SIGNS: dict[str, list[list[Point]]] = {
    ".": [[(0.1, 0.97), (0.12, 1.0)]],
    ",": [[(0.12, 0.93), (0.06, 1.12)]],
    "-": [[(0.05, 0.55), (0.5, 0.55)]],
    "/": [[(0.45, -0.05), (0.05, 1.05)]],
    ":": [[(0.1, 0.35), (0.12, 0.37)], [(0.1, 0.85), (0.12, 0.87)]],
    "=": [[(0.05, 0.42), (0.5, 0.42)], [(0.05, 0.66), (0.5, 0.66)]],
}
NARROW = 0.3  # of the height, that a sign takes up; a digit takes 0.75


@dataclass(frozen=True)
class Written:
    """A number on a page, and the rectangle round its ink."""

    text: str
    left: float
    top: float
    right: float
    bottom: float

    def moved(self, x: float, y: float) -> "Written":
        return Written(self.text, self.left + x, self.top + y, self.right + x, self.bottom + y)


@dataclass
class Sheet:
    """A sheet of paper to write and draw on."""

    width: int = 1000
    height: int = 800
    paper: Colour = PAPER
    written: list[Written] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.image = Image.new("RGB", (self.width * 2, self.height * 2), self.paper)  # twice as large, for soft edges
        self.brush = ImageDraw.Draw(self.image)

    def write(
        self,
        text: str,
        x: float,
        y: float,
        height: float = 40,
        pen: float | None = None,
        ink: Colour = BLACK,
        slope: float = 0.0,
        gap: float = 0.2,
    ) -> "Sheet":
        """Write a number whose upper left corner is there; the slope is that of its base line, in degrees."""
        pen = pen or max(2.0, height / 12)
        up = math.tan(math.radians(slope))
        points: list[Point] = []
        at = x
        for character in text:
            for stroke in STROKES[int(character)] if character.isdigit() else SIGNS[character]:
                path = [(at + u * height, y + v * height - up * (at + u * height - x)) for u, v in stroke]
                self._draw(path, pen, ink)
                points += path
            at += height * ((0.75 if character.isdigit() else NARROW) + gap)
        (left, top), (right, bottom) = np.min(points, axis=0) - pen / 2, np.max(points, axis=0) + pen / 2
        self.written.append(Written(text, left, top, right, bottom))
        return self

    def _draw(self, path: list[Point], pen: float, ink: Colour) -> None:
        self.brush.line([(2 * x, 2 * y) for x, y in path], fill=ink, width=max(1, round(2 * pen)), joint="curve")
        for x, y in path:
            self.brush.ellipse((2 * x - pen, 2 * y - pen, 2 * x + pen, 2 * y + pen), fill=ink)

    def line(self, x0: float, y0: float, x1: float, y1: float, pen: float = 2, ink: Colour = BLACK) -> "Sheet":
        self.brush.line((2 * x0, 2 * y0, 2 * x1, 2 * y1), fill=ink, width=round(2 * pen))
        return self

    def ruled(self, apart: float, pen: float = 1.5, ink: Colour = (150, 170, 210), squared: bool = False) -> "Sheet":
        """Print lines from edge to edge."""
        for y in np.arange(apart, self.height, apart):
            self.line(0, y, self.width, y, pen, ink)
        for x in np.arange(apart, self.width, apart) if squared else []:
            self.line(x, 0, x, self.height, pen, ink)
        return self

    def box(self, x: float, y: float, width: float, height: float, pen: float = 2, ink: Colour = BLACK) -> "Sheet":
        outline = (2 * x, 2 * y, 2 * (x + width), 2 * (y + height))
        self.brush.rectangle(outline, outline=ink, width=round(2 * pen))
        return self

    def dust(self, count: int, seed: int = 0, size: float = 2.5) -> "Sheet":
        for x, y, r in np.random.default_rng(seed).random((count, 3)) * (2 * self.width, 2 * self.height, size):
            self.brush.ellipse((x - r, y - r, x + r, y + r), fill=BLACK)
        return self

    def picture(self) -> Image.Image:
        return self.image.reduce(2)


@dataclass
class Photo:
    """How a camera sees a sheet: turned, unevenly lit, noisy, soft."""

    angle: float = 0.0  # degrees, counter-clockwise
    shade: float = 0.0  # share of the light that is gone in the darkest corner
    shadow: bool = False  # of a hand, with a soft edge
    noise: float = 0.0  # standard deviation, in levels
    blur: float = 0.0  # pixels
    quality: int | None = None  # of a JPEG
    seed: int = 0

    def of(self, sheet: Sheet) -> tuple[NDArray[np.uint8], list[Corners]]:
        """The photo, (H, W, 3) uint8, and where each number stands on it, corner by corner."""
        picture = sheet.picture()
        turned = picture.rotate(self.angle, Image.Resampling.BICUBIC, expand=True, fillcolor=sheet.paper)
        corners = [self._turned(number, picture.size, turned.size) for number in sheet.written]
        return self._shot(turned), corners

    def _turned(self, number: Written, size: tuple[int, int], turned: tuple[int, int]) -> Corners:
        x = np.array([number.left, number.right, number.right, number.left]) - size[0] / 2
        y = np.array([number.top, number.top, number.bottom, number.bottom]) - size[1] / 2
        cos, sin = math.cos(math.radians(self.angle)), math.sin(math.radians(self.angle))
        return np.stack([cos * x + sin * y + turned[0] / 2, cos * y - sin * x + turned[1] / 2], axis=1)

    def _shot(self, picture: Image.Image) -> NDArray[np.uint8]:
        if self.blur:
            picture = picture.filter(ImageFilter.GaussianBlur(self.blur))
        levels = np.asarray(picture, np.float32)
        height, width = levels.shape[:2]
        y, x = np.mgrid[0:height, 0:width].astype(np.float32) / max(height, width)
        light = 1 - self.shade * np.sqrt(x * x + y * y) / math.sqrt(2)
        if self.shadow:
            light *= 1 - 0.4 / (1 + np.exp(-(x + 0.3 * y - 0.6) * 60))
        random = np.random.default_rng(self.seed)
        noisy = levels * light[..., None] + random.normal(0, self.noise or 1e-6, levels.shape)
        return self._stored(Image.fromarray(np.clip(np.rint(noisy), 0, 255).astype(np.uint8)))

    def _stored(self, picture: Image.Image) -> NDArray[np.uint8]:
        if self.quality is None:
            return np.asarray(picture)
        return np.asarray(Image.open(io.BytesIO(encoded(picture, "JPEG", quality=self.quality))).convert("RGB"))


def encoded(picture: Image.Image | NDArray[np.uint8], kind: str = "PNG", **options: Any) -> bytes:
    """The bytes of a picture file."""
    file = io.BytesIO()
    image = picture if isinstance(picture, Image.Image) else Image.fromarray(picture)
    image.save(file, kind, **options)
    return file.getvalue()

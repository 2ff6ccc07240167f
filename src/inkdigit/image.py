"""Bytes to ink: the only place that reads picture files.

A picture is checked (`inkdigit.structure`, before any decoder runs), decoded, turned upright, laid on white, and its
ink is lifted off the paper, whichever of the two is the lighter one. Nothing here ever fetches a URL.
"""

import base64
import binascii
import functools
import io
import itertools
import re
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageChops, ImageFilter, ImageStat

from inkdigit.errors import BlankImageError, ImageTooLargeError, UnreadableImageError, UnsupportedFormatError
from inkdigit.structure import (
    MAX_IMAGE_BYTES,
    MAX_PIXELS,
    MAX_SIDE,
    PAGE_LIMITS,
    Format,
    Structure,
    inspect,
)

__all__ = [
    "MAX_IMAGE_BYTES",
    "MAX_PIXELS",
    "MAX_SIDE",
    "Ink",
    "Page",
    "Picture",
    "Polarity",
    "decode_data_url",
    "encode_data_url",
    "encode_png",
    "read_image",
    "read_page",
    "read_picture",
    "reencode",
]

Ink = NDArray[np.uint8]  # (H, W), 0 is paper and 255 is full ink
Page = NDArray[np.uint8]  # (H, W), 0 is black and 255 is white, dark ink on light paper
Polarity = Literal["dark-on-light", "light-on-dark"]
_Levels = NDArray[np.uint8]  # (H, W), 0 is black and 255 is white
_Box = tuple[int, int, int, int]  # left, top, right, bottom
_Marks = NDArray[np.float32]  # (H, W), distance from the paper in levels, ink above 0

BANDS: Final = 9  # at most, side by side
BAND_WIDTH: Final = 0.08  # of the picture's side, at least
BAND_EDGE: Final = 0.6  # of its length along which the edge of a band shows; strokes that cross it hide the rest
MIN_CONTRAST: Final = 8  # levels between paper and ink; under it a picture is blank
SURE_SHARE: Final = 2 / 3  # of all pixels: what has them is the paper
OUTLIER: Final = 1.5  # times the usual ink; what is stronger counts as full
COLOUR_GAIN: Final = 1.5  # times the contrast of the grey picture that a colour channel must have to be used instead

_PLAIN_GREY: Final = bytes((8, 0, 0, 0, 0))  # of a PNG's header: depth, colour, compression, filtering, interlacing
OPAQUE: Final = np.uint32(0xFF000000)  # of a pixel in 32 bits: its alpha; red, green and blue go up alike by GREY_STEP
GREY_STEP: Final = np.uint32(0x00010101)

FLAT_SHARE: Final = 0.5  # of the paper that has one level: then it is a drawing, and no estimate of shade is needed
FLAT_WIDTH: Final = 2  # levels to either side that still count as that one level
GRAIN_SHARE: Final = 0.25  # of the pixels of that level: with more of them beside it the paper has grain
LOSSY_MARGIN: Final = 0.06  # of the contrast; JPEG and lossy WebP ring that much around a stroke

PAGE_SIDE: Final = 512  # pixels, longest side of the small copy on which it is told what is a page's paper
PAGE_WINDOW: Final = 1 / 24  # of that side; strokes stand out from the average of such a square
PAGE_CONTRARY: Final = 0.15  # of a channel's contrast; another that goes so far the other way is its contrary
PAGE_HALF: Final = 0.5  # of the contrast of a page's strongest channel that another needs to be taken in its place
PAGE_DIM: Final = 1 / 4  # of the white of a page's lightest channel: in one that has less the paper is black
PAGE_WHITE: Final = 98  # per cent of a page's pixels that are no lighter than white, in each colour

SHADE_SIDE: Final = 32  # pixels, longest side of the small copy on which the shade of the paper is estimated
PLANE_SHARE: Final = 0.6  # of the small copy's pixels, those nearest to a plane, are paper and shade
SHADE_WINDOW: Final = 15  # of those pixels; ink must cover less than half of such a square
NOISE_MARGIN: Final = 3.0  # standard deviations of the paper's grain that still are paper
NOISE_FLOOR: Final = 3.0  # standard deviations of the paper's grain that the ink must stand out by

FRAME_SIDE: Final = 96  # pixels, longest side of the small copy on which the edge of a photo is cleared
FRAME_WIDTH: Final = 1 / 6  # of the shorter side
RULE_LENGTH: Final = 0.7  # of the picture's side that a print line covers
RULE_ROUNDS: Final = 3
RULE_ACROSS: Final = 0.97  # of it where the line goes through the middle
RULE_SIDE: Final = 40  # pixels, the least side of a drawing in which lines are looked for
RULE_RAGGED: Final = 0.15  # of the pixels beside a line that ink may cover: strokes that cross it
RULE_LEAN: Final = 0.12  # of its length that it may lean
RULE_ASIDE: Final = 1 / 6  # of the side from the middle

SPECKS: Final = 6  # single pixels
SPECK_SHARE: Final = 0.004  # of all pixels that are single ones: more is noise
FAINT: Final = 12  # levels of ink that no smudge reaches down to
SMUDGE_SHARE: Final = 0.05  # of all pixels that are faint and far from full ink; in MNIST it is 0.03 at most

_TURNS: Final = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}  # by EXIF orientation
_DATA_URL: Final = re.compile(r"data:([^,]*),", re.IGNORECASE)
_DATA_URL_HEAD: Final = 256  # characters in which the comma must come
_MIME_TYPES: Final = frozenset({"image/png", "image/jpeg", "image/webp"})


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture reduced to its ink.

    Attributes:
        ink: (H, W) uint8, 0 is paper and 255 is full ink.
        polarity: how the ink stood on the paper before it was lifted.
        format: the type found in the bytes, whatever the file was called.
    """

    ink: Ink
    polarity: Polarity
    format: Format


def read_image(data: bytes) -> Ink:
    """Read the ink of a PNG, JPEG or WebP picture.

    Args:
        data: the whole file; its type is told from the bytes.

    Returns:
        (H, W) uint8, 0 is paper and 255 is full ink; H and W are those of the picture held upright.

    Raises:
        UnreadableImageError: empty, truncated or damaged.
        UnsupportedFormatError: another type of file.
        ImageTooLargeError: over a limit on bytes, pixels, sides, chunks or scans.
        BlankImageError: no ink on it.

    >>> drawing = np.zeros((28, 28), np.float32)
    >>> drawing[4:24, 13:15] = 1.0
    >>> read_image(encode_png(drawing)).shape
    (28, 28)
    """
    return read_picture(data).ink


def read_picture(data: bytes) -> Picture:
    """Read a PNG, JPEG or WebP picture, and tell its polarity and type as well.

    A clean drawing, such as one of MNIST or one from a canvas, comes back with its levels as they were, stretched so
    that the fullest ink is 255. On a photo the shade of the paper and its grain are taken away first.

    Args:
        data: the whole file; its type is told from the bytes.

    Raises:
        ImageError: as `read_image` says.

    >>> drawing = np.zeros((28, 28), np.float32)
    >>> drawing[4:24, 13:15] = 1.0
    >>> picture = read_picture(encode_png(drawing))
    >>> picture.polarity, picture.format
    ('light-on-dark', 'png')
    """
    structure = inspect(data)
    levels = _plain_levels(structure)
    if levels is None:
        levels = _levels(_decode(structure))
    ink, polarity = _lift(levels, structure.lossy)
    return Picture(ink, polarity, structure.format)


def read_page(data: bytes) -> Page:
    """Read a photo or scan of paper, or a drawing, as large as a phone's camera makes it.

    Unlike `read_image` it takes nothing away: shade, grain and print lines are left to `inkdigit.layout`.

    Args:
        data: the whole file; its type is told from the bytes.

    Returns:
        (H, W) uint8, upright, 0 is black and 255 is white: dark ink on light paper, turned over where it was light on
        dark. A pen of any colour is as dark as in the colour channel in which it is darkest.

    Raises:
        UnreadableImageError: empty, truncated or damaged.
        UnsupportedFormatError: another type of file.
        ImageTooLargeError: over a limit on bytes, pixels, sides, chunks or scans.
        BlankImageError: no ink on it.

    >>> drawing = np.zeros((28, 28), np.float32)
    >>> drawing[4:24, 13:15] = 1.0
    >>> int(read_page(encode_png(drawing))[0, 0])  # was white on black
    255
    """
    structure = inspect(data, PAGE_LIMITS)
    page = _page(_load(structure))
    return np.asarray(_upright(page, structure))


def reencode(data: bytes) -> bytes:
    """The picture of a PNG, JPEG or WebP file as a PNG of our own: its pixels, upright, and nothing else it held.

    Args:
        data: the whole file; its type is told from the bytes.

    Raises:
        ImageError: as `read_page` says; a blank picture is none of its errors.
    """
    image = _decode(inspect(data, PAGE_LIMITS))
    file = io.BytesIO()
    (image.convert("RGB") if image.mode in {"CMYK", "YCbCr"} else image).save(file, "PNG")
    return file.getvalue()


# ---- file to levels ----


def _decode(structure: Structure) -> Image.Image:
    return _upright(_load(structure), structure)


def _upright(image: Image.Image, structure: Structure) -> Image.Image:
    turn = _TURNS.get(structure.orientation)
    return image if turn is None else image.transpose(turn)


def _load(structure: Structure) -> Image.Image:
    try:
        with Image.open(io.BytesIO(structure.essence), formats=[structure.format]) as image:
            if image.size != (structure.width, structure.height):
                raise UnreadableImageError("the file is damaged: its headers contradict each other; save it again")
            image.load()
            return image
    except UnreadableImageError:
        raise
    # Pillow's readers raise whatever a damaged file makes them trip over: OSError and SyntaxError by design,
    # ValueError, TypeError, struct.error, IndexError and more by accident. All mean the same to the caller.
    except Exception as error:
        raise UnreadableImageError("the file is damaged or cut short; save or send it again") from error


def _plain_levels(structure: Structure) -> _Levels | None:
    """The levels of the plainest PNG, such as our own page posts: grey, in one piece, its rows unfiltered.

    What is anything else, or damaged, is left to Pillow, which takes several times as long.
    """
    file, width, height = structure.essence, structure.width, structure.height
    if structure.format != "png" or file[24:29] != _PLAIN_GREY or structure.orientation != 1:
        return None
    length = int.from_bytes(file[33:37], "big")
    if file[37:41] != b"IDAT" or file[45 + length + 4 : 45 + length + 8] != b"IEND":
        return None
    inflater = zlib.decompressobj()
    try:
        rows = inflater.decompress(file[41 : 41 + length], height * (width + 1) + 1)
    except zlib.error:
        return None
    if not inflater.eof or len(rows) != height * (width + 1):
        return None
    table = np.frombuffer(rows, np.uint8).reshape(height, width + 1)
    return None if table[:, 0].any() else table[:, 1:]


def _levels(image: Image.Image) -> _Levels:
    """Grey levels of the picture on white paper; on black, where on white there would be nothing to see."""
    if image.mode == "I;16":
        image = _eight_bits(image)
    if not image.has_transparency_data:
        return _grey(image)
    image = image if image.mode == "RGBA" else image.convert("RGBA")
    pixels = np.frombuffer(image.tobytes(), "<u4")  # red in the lowest of four bytes, alpha in the highest
    if pixels.min() >= OPAQUE:
        levels = pixels.astype(np.uint8)
        if np.array_equal(pixels, levels * GREY_STEP + OPAQUE):  # what a canvas makes of a drawing
            return levels.reshape(image.height, image.width)
        return _grey(image.convert("RGB"))
    on_white = _grey(_composite(image, "white"))
    return on_white if int(np.ptp(on_white)) >= MIN_CONTRAST else _grey(_composite(image, "black"))


def _eight_bits(image: Image.Image) -> Image.Image:
    """A 16-bit grey picture in 8 bits; Pillow's own conversion would clip it."""
    levels = np.asarray(image)
    grey = Image.fromarray((levels >> 8).astype(np.uint8))
    clear = image.info.get("transparency")
    if clear is not None:
        grey.putalpha(Image.fromarray(np.where(levels == clear, 0, 255).astype(np.uint8)))
    return grey


def _composite(image: Image.Image, paper: str) -> Image.Image:
    return Image.alpha_composite(Image.new("RGBA", image.size, paper), image).convert("RGB")


def _grey(image: Image.Image) -> _Levels:
    """Luminance; or the red, green or blue channel, where ink and paper differ in colour more than in brightness."""
    if image.mode in {"1", "L"}:
        return np.asarray(image.convert("L"))
    image = image.convert("RGB")
    red, green, blue = image.split()
    if red.tobytes() == green.tobytes() == blue.tobytes():
        return np.asarray(red)
    grey = image.convert("L")
    channel = max((red, green, blue), key=_spread)
    return np.asarray(channel if _spread(channel) > COLOUR_GAIN * _spread(grey) else grey)


def _spread(channel: Image.Image) -> float:
    return ImageStat.Stat(_shrunk(channel, SHADE_SIDE * 2)).stddev[0]


def _shrunk(page: Image.Image, side: int) -> Image.Image:
    """The picture in averages, its longest side about as long as asked (at least half, at most twice as long)."""
    factor = round(max(page.size) / side)
    return page.reduce(factor) if factor > 1 else page


# ---- levels to page ----


def _page(image: Image.Image) -> Image.Image:
    """Grey levels, dark ink on light paper; on black, where on white there would be nothing to see."""
    if image.mode == "I;16":
        image = _eight_bits(image)
    if not image.has_transparency_data:
        return _dark_on_light(image)
    image = image.convert("RGBA")
    try:
        return _dark_on_light(_laid_on(image, "white"))
    except BlankImageError:
        return _dark_on_light(_laid_on(image, "black"))


def _laid_on(image: Image.Image, paper: str) -> Image.Image:
    page = Image.new("RGB", image.size, paper)
    page.paste(image, mask=image)
    return page


def _dark_on_light(image: Image.Image) -> Image.Image:
    """Every pixel as dark as in its darkest channel, once the paper is white in all of them that tell ink from it."""
    image = image.convert("L" if image.mode in {"1", "L"} else "RGB")
    small = _shrunk(image, PAGE_SIDE)
    if max(high - low for low, high in _ranges(small)) < MIN_CONTRAST:
        raise BlankImageError("the picture is blank; draw or write a number on it")
    channels, copies = list(image.split()), list(small.split())
    agreeing = _agreeing(copies)
    if not _is_light_page(np.asarray(small.convert("L") if len(agreeing) == len(copies) else copies[agreeing[0]])):
        channels, copies = list(map(ImageChops.invert, channels)), list(map(ImageChops.invert, copies))
    whites = {i: max(1.0, float(np.percentile(np.asarray(copies[i]), PAGE_WHITE))) for i in agreeing}
    return functools.reduce(
        ImageChops.darker,
        [
            channels[i].point([min(255, round(level * 255 / white)) for level in range(256)])
            for i, white in whites.items()
            if white >= PAGE_DIM * max(whites.values())
        ],
    )


def _agreeing(channels: Sequence[Image.Image]) -> list[int]:
    """The channels in which ink is darker than the paper, or in which it is lighter; the strongest of them first.

    They are all of them on ordinary paper. Green ink on red paper is dark in the red channel, but light in the green
    one, in which all the paper is black. Dark ink goes first, since other ink on the page is likely to be dark as well.
    """
    marks = [np.asarray(_shrunk(channel, SHADE_SIDE * 2), np.float32) for channel in channels]
    marks = [levels - levels.mean() for levels in marks]
    strengths = [float(np.square(levels).sum()) for levels in marks]
    strongest, *others = sorted(range(len(marks)), key=lambda i: -strengths[i])
    agreeing = _alike(marks, strongest)
    if len(agreeing) == len(channels) or _is_light_page(np.asarray(channels[strongest])):
        return agreeing
    for other in others:
        if strengths[other] > PAGE_HALF**2 * strengths[strongest] and _is_light_page(np.asarray(channels[other])):
            return _alike(marks, other)
    return agreeing


def _alike(marks: Sequence[_Marks], first: int) -> list[int]:
    """One channel, and those that are not light where it is dark."""
    least = -PAGE_CONTRARY * float(np.square(marks[first]).sum())
    return [
        first,
        *(i for i, levels in enumerate(marks) if i != first and float((levels * marks[first]).sum()) >= least),
    ]


def _ranges(image: Image.Image) -> list[tuple[int, int]]:
    """The darkest and lightest level of every channel."""
    return [(int(np.min(channel)), int(np.max(channel))) for channel in map(np.asarray, image.split())]


def _is_light_page(levels: _Levels) -> bool:
    """Whether a small copy shows dark ink on light paper: on a photo, where strokes stand out to the dark."""
    counts = np.bincount(levels.ravel(), minlength=256)
    if np.convolve(counts, np.ones(2 * FLAT_WIDTH + 1)).max() > FLAT_SHARE * levels.size:
        return _has_light_paper(levels > (int(levels.min()) + int(levels.max())) // 2)
    page = Image.fromarray(levels)
    average = page.filter(ImageFilter.BoxBlur(max(levels.shape) * PAGE_WINDOW))
    return float(((np.asarray(page, np.float32) - np.asarray(average, np.float32)) ** 3).sum()) < 0


# ---- levels to ink ----


def _lift(levels: _Levels, lossy: bool) -> tuple[Ink, Polarity]:
    darkest, lightest = int(levels.min()), int(levels.max())
    if lightest - darkest < MIN_CONTRAST:
        raise BlankImageError("the picture is blank; draw or write a digit on it")
    bright = levels > (darkest + lightest) // 2
    if 0 < np.count_nonzero(border := _border(bright)) < border.size:
        levels, bright = _without_bands(levels, bright)
    light = _has_light_paper(bright)
    page = Image.fromarray(np.bitwise_not(levels) if light else levels)  # from here on ink is the lighter one
    box = page.getbbox() or (0, 0, *page.size)
    counts = _histogram(page, box)
    paper = _flat_paper(counts)
    if paper is not None:
        ink = _lift_from_flat(page, box, counts, paper, lossy)
    else:
        ink, turned = _lift_from_shaded(page)
        light ^= turned
    return _clean(ink, box if paper is not None else (0, 0, *page.size)), "dark-on-light" if light else "light-on-dark"


def _border(pixels: NDArray[Any]) -> NDArray[Any]:
    return np.concatenate([pixels[0], pixels[-1], pixels[:, 0], pixels[:, -1]])


def _without_bands(levels: _Levels, bright: NDArray[np.bool_]) -> tuple[_Levels, NDArray[np.bool_]]:
    """Undo large bands in which black and white have changed places, upright or level, from end to end.

    Where nothing or a shape that reaches an edge would be left, there were no bands: it was a stroke, cut close.
    """
    for turned in (False, True):
        shapes = bright.T if turned else bright
        swapped = _swapped(shapes)
        plain = shapes ^ swapped
        if swapped.any() and plain.any() and not _reaches_edge(plain):
            inverse = int(levels.min()) + int(levels.max()) - levels.astype(np.int16)
            swapped = np.broadcast_to(swapped, shapes.shape)
            mask = swapped.T if turned else swapped
            return np.where(mask, inverse, levels).astype(np.uint8), bright ^ mask
    return levels, bright


def _swapped(shapes: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """(W,) which columns belong to upright bands on light paper; none where such bands are not large."""
    width = shapes.shape[1]
    steps = shapes[:, 1:] != shapes[:, :-1]
    ends = np.flatnonzero((steps.mean(axis=0) >= BAND_EDGE) & steps[0] & steps[-1]) + 1
    bands = [slice(start, stop) for start, stop in itertools.pairwise([0, *ends.tolist(), width])]
    swapped = np.zeros(width, np.bool_)
    if 2 <= len(bands) <= BANDS and min(band.stop - band.start for band in bands) >= BAND_WIDTH * width:
        for band in bands:
            swapped[band] = _has_light_paper(shapes[:, band])
    return swapped


def _has_light_paper(light: NDArray[np.bool_]) -> bool:
    """Whether the lighter pixels are the paper: two thirds of all surely are, and else the border has a say.

    A thick pen covers more than half of a tight crop, but not of its border too; a frame covers the border, but never
    two thirds of the whole.
    """
    share = np.count_nonzero(light) / light.size
    if abs(share - 0.5) > SURE_SHARE - 0.5:
        return bool(share > 0.5)
    return bool(share + float(_border(light).mean()) > 1.0)


def _histogram(page: Image.Image, box: _Box) -> NDArray[np.int_]:
    """How many pixels have each level; outside of the box all have level 0."""
    inside = page.crop(box)
    counts = np.asarray(inside.histogram())
    counts[0] += page.width * page.height - inside.width * inside.height
    return counts


def _flat_paper(counts: NDArray[np.int_]) -> int | None:
    """The one level of the paper of a drawing; None for a photo, where it has many."""
    used = np.flatnonzero(counts)
    dark = counts[: (used[0] + used[-1]) // 2 + 1]
    paper = int(dark.argmax())
    near = dark[max(0, paper - FLAT_WIDTH) : paper + FLAT_WIDTH + 1].sum()
    return paper if near >= FLAT_SHARE * dark.sum() else None


def _lift_from_flat(page: Image.Image, box: _Box, counts: NDArray[np.int_], paper: int, lossy: bool) -> Ink:
    """Ink of a drawing; outside of the box all of it has level 0, which is no ink."""
    inside = page.crop(box)

    def lift(counts: NDArray[np.int_]) -> Ink:
        if not counts[paper + MIN_CONTRAST :].any():
            raise BlankImageError("the picture is blank; draw or write a digit on it")
        margin, full = _flat_range(counts[paper:], lossy)
        scale = np.clip((np.arange(256) - paper - margin) * (255 / (full - margin)), 0, 255)
        ink = np.zeros((page.height, page.width), np.uint8)
        ink[_in(box)] = np.asarray(inside.point(np.rint(scale).astype(int).tolist()))
        return ink

    ink = lift(counts)
    if min(ink.shape) < RULE_SIDE or _border(ink).max() < 64:
        return ink
    return _without_rules(ink, lambda where: lift(np.asarray(page.histogram(Image.fromarray(where)))))


def _flat_range(counts: NDArray[np.int_], lossy: bool) -> tuple[int, int]:
    """How far from the paper ink begins and is full, in levels, from the number of pixels at each distance."""
    peak = int(np.flatnonzero(counts)[-1])
    grainy = counts[1 : FLAT_WIDTH + 1].sum() > GRAIN_SHARE * counts[0]
    margin = max(round(LOSSY_MARGIN * peak) if lossy else 0, FLAT_WIDTH if grainy else 0)
    first = max(margin, FLAT_WIDTH) + 1
    marks = counts[first:].cumsum()
    usual = first + int(np.searchsorted(marks, 0.95 * marks[-1]))
    # A few stray pixels do not make the rest look faint; a lossy encoder overshoots inside a stroke too.
    return margin, min(peak, round(usual if lossy else OUTLIER * usual))


def _lift_from_shaded(page: Image.Image) -> tuple[Ink, bool]:
    """Ink of a photo, and whether its ink turned out to be the darker one after all."""
    marks = np.asarray(page, np.float32) - _shade(page)
    turned = float(np.square(marks.clip(max=0)).sum()) > float(np.square(marks.clip(min=0)).sum())
    if turned:
        marks = -marks
    ink = _without_rules(_ink_of(marks), lambda where: _ink_of(marks, where))
    return _without_frame(ink), turned


def _ink_of(marks: _Marks, where: NDArray[np.bool_] | None = None) -> Ink:
    """Ink of the whole picture, its strength measured where it is said."""
    start, full = _shaded_range(marks if where is None else marks[where])
    return np.asarray(np.rint(np.clip((marks - start) * (255 / (full - start)), 0, 255)), np.uint8)


def _shade(page: Image.Image) -> _Marks:
    """The picture without its ink: a plane, and the median about it of a window wider than any stroke, smoothed."""
    small = _shrunk(page, SHADE_SIDE)
    levels = np.asarray(small, np.float32)
    slope = _slope(levels)
    flat = Image.fromarray(np.rint(np.clip(levels - slope + 128, 0, 255)).astype(np.uint8))
    median = flat.filter(ImageFilter.MedianFilter(SHADE_WINDOW)).filter(ImageFilter.BoxBlur(SHADE_WINDOW // 4))
    shade = Image.fromarray(np.asarray(median, np.float32) - 128 + slope)
    return np.asarray(shade.resize(page.size, Image.Resampling.BILINEAR), np.float32)


def _slope(levels: _Marks) -> _Marks:
    """The plane that fits most of the picture: fitted to the pixels that are nearest to it, again and again."""
    height, width = levels.shape
    y, x = np.mgrid[0:height, 0:width].astype(np.float32)
    terms = np.stack([np.ones_like(x), x / width - 0.5, y / height - 0.5]).reshape(3, -1)
    flat = levels.ravel()
    plane = np.full_like(flat, np.median(flat))
    for _ in range(4):
        off = np.abs(flat - plane)
        some = off <= np.quantile(off, PLANE_SHARE)
        fit = np.linalg.lstsq(terms[:, some].T, flat[some], rcond=None)[0]
        plane = fit @ terms
    return plane.reshape(levels.shape).astype(np.float32)


def _shaded_range(marks: _Marks) -> tuple[float, float]:
    """How far from the shade ink begins and is full, in levels."""
    cut = _otsu(marks)
    paper, ink = marks[marks <= cut], marks[marks > cut]
    middle = float(np.median(paper))
    grain = max(1.0, 1.4826 * float(np.median(np.abs(paper - middle))))  # a standard deviation, blind to outliers
    if ink.size == 0 or float(ink.mean()) - middle < max(MIN_CONTRAST, NOISE_FLOOR * grain):
        raise BlankImageError("the picture is blank; draw or write a digit on it")
    start = min(middle + NOISE_MARGIN * grain, cut)
    return start, max(float(np.percentile(ink, 80)), start + 1.0)


def _otsu(marks: _Marks) -> float:
    """The level that divides paper from ink with the least variance inside the two (Otsu, 1979)."""
    counts = np.bincount(marks.clip(0, 255).astype(np.uint8).ravel(), minlength=256).astype(np.float64)
    below, total = counts.cumsum()[:-1], counts.sum()
    moment = (counts * np.arange(256)).cumsum()
    between = (moment[-1] * below - moment[:-1] * total) ** 2 / np.maximum(below * (total - below), 1)
    return float(between.argmax())


# ---- cleaning ----


def _without_frame(ink: Ink) -> Ink:
    """Drop what lies wholly along the edge of a photo: a shadow, a piece of the neighbour.

    What reaches into the middle is kept from end to end. Where nothing does, all is.
    """
    core = _core(_small(ink))
    return np.where(_large(_widened(core, 1), ink.shape), ink, 0) if core.any() else ink


def _without_rules(ink: Ink, lift: Callable[[NDArray[np.bool_]], Ink]) -> Ink:
    """Ink without print lines: straight ones from end to end, near an edge or all across the picture.

    How dark ink is gets measured anew without them: pencil is faint beside the printed box around it. Where the rest
    would be nothing in the middle, or itself reaches an edge, no line is taken for one: then the picture was cut close
    around the digit, and the line is a stroke of it.

    Args:
        ink: (H, W), with the lines.
        lift: makes the ink anew, its strength measured on the pixels given.
    """
    rest, shapes = ink, _small(ink)
    rules = np.zeros_like(shapes)
    for _ in range(RULE_ROUNDS):  # fainter ones show when darker ones are gone
        found = _rules(shapes) | _rules(shapes.T).T
        if not found.any():
            break
        rules |= _widened(found, 1)
        try:
            rest = lift(~_large(rules, ink.shape))
        except BlankImageError:
            return ink
        shapes = _small(rest) & ~rules
    core = _core(shapes)
    if not rules.any() or not core.any() or _reaches_edge(core) or _is_ragged(rules, shapes):
        return ink
    closed = ~_widened(~_widened(shapes, 4), 4)  # a stroke that crosses a line is not cut in two
    return np.where(_large(_widened(core, 1) | rules & closed, ink.shape), rest, 0)


def _is_ragged(rules: NDArray[np.bool_], shapes: NDArray[np.bool_]) -> bool:
    """Whether ink is left all along the lines: then they were strokes of a hand, not straight enough for print."""
    beside = _widened(rules, 1) & ~rules
    return bool(np.count_nonzero(shapes & beside) > RULE_RAGGED * np.count_nonzero(beside))


def _rules(marks: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """The nearly upright lines in (H, W) marks."""
    height, width = marks.shape
    lean = max(1, round(height * RULE_LEAN))
    page = Image.fromarray(np.pad(marks, ((0, 0), (lean, lean))).view(np.uint8))
    centre = np.abs(np.arange(page.width) - (page.width - 1) / 2)
    needed = np.where(centre > RULE_ASIDE * width, RULE_LENGTH, RULE_ACROSS) * height
    found = np.zeros((height, page.width), np.bool_)
    for step in range(-lean, lean + 1):
        slope = step / height
        turned = np.asarray(_sheared(page, slope))
        lines = (turned.sum(axis=0, dtype=np.uint32) >= needed) & (turned[:2].any(axis=0) | turned[-2:].any(axis=0))
        if lines.any():
            upright = Image.fromarray(np.tile(lines.view(np.uint8), (height, 1)))
            found |= np.asarray(_sheared(upright, -slope)) > 0
    return found[:, lean:-lean] & marks


def _sheared(page: Image.Image, slope: float) -> Image.Image:
    return page.transform(page.size, Image.Transform.AFFINE, (1, slope, -slope * page.height / 2, 0, 1, 0))


def _small(ink: Ink) -> NDArray[np.bool_]:
    """A small copy of the shapes on which lines and edges are judged."""
    page = Image.fromarray((ink > 63).view(np.uint8) * 255)
    return np.asarray(_shrunk(page, FRAME_SIDE)) > 0


def _large(shapes: NDArray[np.bool_], shape: tuple[int, ...]) -> NDArray[np.bool_]:
    page = Image.fromarray(shapes.view(np.uint8) * 255)
    return np.asarray(page.resize((shape[1], shape[0]), Image.Resampling.NEAREST)) > 0


def _core(shapes: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """What hangs together with the middle."""
    edge = round(min(shapes.shape) * FRAME_WIDTH)
    middle = np.zeros_like(shapes)
    middle[edge : len(shapes) - edge, edge : shapes.shape[1] - edge] = True
    core, size = shapes & middle, -1
    while size != (size := int(np.count_nonzero(core))):
        for _ in range(4):
            core = _widened(core, 1) & shapes
    return core


def _widened(shapes: NDArray[np.bool_], reach: int) -> NDArray[np.bool_]:
    """The shapes and all that is at most so many pixels away, sideways, upright or both."""
    for _ in range(2):
        padded = np.pad(shapes, ((reach, reach), (0, 0)))
        shapes = np.logical_or.reduce([padded[i : i + len(shapes)] for i in range(2 * reach + 1)]).T
    return shapes


def _reaches_edge(shapes: NDArray[np.bool_]) -> bool:
    return bool(_border(shapes).any())


def _in(box: _Box) -> tuple[slice, slice]:
    """Rows and columns."""
    left, top, right, bottom = box
    return slice(top, bottom), slice(left, right)


def _clean(ink: Ink, box: _Box) -> Ink:
    """Wipe away noise where there is so much that it cannot be part of a drawing; else the ink stays as it is.

    Outside of the box there is no ink.
    """
    cleaned = _without_smudges(_without_specks(ink, box), box)
    if cleaned.max() < 128:
        raise BlankImageError("the picture holds single dots only; draw or write a digit on it")
    return cleaned


def _without_specks(ink: Ink, box: _Box) -> Ink:
    """Undo salt and pepper: many single pixels of ink with no neighbour."""
    inked = ink[_in(box)] > 127
    full = np.zeros((len(inked) + 2, inked.shape[1] + 2), np.uint8)
    full[1:-1, 1:-1] = inked
    rows = full[:-2] + full[1:-1] + full[2:]
    alone = (rows[:, :-2] + rows[:, 1:-1] + rows[:, 2:] == 1) & inked
    if np.count_nonzero(alone) < max(SPECKS, SPECK_SHARE * ink.size):
        return ink
    median = np.asarray(Image.fromarray(ink).filter(ImageFilter.MedianFilter(3)))
    return np.where(np.abs(median.astype(np.int16) - ink) > 100, median, ink)


def _without_smudges(ink: Ink, box: _Box) -> Ink:
    """Drop faint marks that are far from any full ink: blots, show-through, ruled lines."""
    inside = ink[_in(box)]
    if np.count_nonzero((inside > FAINT) & (inside < 128)) < SMUDGE_SHARE * ink.size:
        return ink
    faint = (ink > FAINT) & (ink < 128)
    smudges = faint & ~_near(ink >= 128)
    if np.count_nonzero(smudges) < SMUDGE_SHARE * ink.size:
        return ink
    return np.where(smudges, 0, ink).astype(np.uint8)


def _near(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Where the mask is at most two pixels of a 28x28 picture away."""
    page = Image.fromarray(mask.view(np.uint8) * 255)
    small = _shrunk(page, SHADE_SIDE).point(lambda share: 255 if share else 0)
    return np.asarray(small.filter(ImageFilter.MaxFilter(5)).resize(page.size, Image.Resampling.NEAREST)) > 0


# ---- wrapping ----


def decode_data_url(url: str, max_bytes: int = MAX_IMAGE_BYTES) -> bytes:
    r"""Take the bytes out of a base64 data URL (RFC 2397) of a PNG, JPEG or WebP picture.

    Nothing is ever fetched: any other URL is refused. Parameters such as a charset are allowed and mean nothing; the
    type named in the URL must be one of the three, and the bytes alone decide which.

    Raises:
        UnreadableImageError: no data URL, or not base64.
        UnsupportedFormatError: another type.
        ImageTooLargeError: over so many bytes.

    >>> decode_data_url("data:image/png;base64,iVBORw0KGgo=")
    b'\x89PNG\r\n\x1a\n'
    """
    match = _DATA_URL.match(url[:_DATA_URL_HEAD])
    if match is None:
        raise UnreadableImageError("not a data URL; one begins with data:image/png;base64, and the picture follows")
    mime, *parameters = (part.strip().lower() for part in match[1].split(";"))
    if mime not in _MIME_TYPES:
        raise UnsupportedFormatError(f"a data URL of type {mime or 'text/plain'!r}; make it a PNG, JPEG or WebP")
    if parameters[-1:] != ["base64"]:
        raise UnreadableImageError("a data URL that is not base64; one begins with data:image/png;base64,")
    if len(url) - match.end() > max_bytes // 3 * 4 + 4:
        raise ImageTooLargeError(f"the data URL holds more than {max_bytes} bytes; make the picture smaller")
    try:
        return base64.b64decode(url[match.end() :], validate=True)
    except (binascii.Error, ValueError) as error:
        raise UnreadableImageError("the data URL is damaged: what follows the comma is not base64") from error


def encode_png(image: NDArray[np.float32]) -> bytes:
    r"""Encode a model input as a PNG, the only form in which a picture leaves this program.

    Args:
        image: (28, 28), or any (H, W), float32 in [0, 1], white ink on black.

    Returns:
        An 8-bit grey PNG, white ink on black.

    >>> encode_png(np.ones((28, 28), np.float32))[:4]
    b'\x89PNG'
    """
    levels = np.rint(np.clip(image, 0.0, 1.0) * 255).astype(np.uint8)
    file = io.BytesIO()
    Image.fromarray(levels).save(file, "PNG")
    return file.getvalue()


def encode_data_url(png: bytes) -> str:
    """Wrap a PNG in a data URL.

    >>> encode_data_url(b"ink")
    'data:image/png;base64,aW5r'
    """
    return "data:image/png;base64," + base64.b64encode(png).decode("ascii")

"""Bytes to ink: the only place that reads picture files.

A picture is checked (`inkdigit.structure`, before any decoder runs), decoded, turned upright, laid on white, and its
ink is lifted off the paper, whichever of the two is the lighter one. Nothing here ever fetches a URL.
"""

import base64
import binascii
import io
import re
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageChops, ImageFilter, ImageStat

from inkdigit.errors import BlankImageError, ImageTooLargeError, UnreadableImageError, UnsupportedFormatError
from inkdigit.structure import MAX_IMAGE_BYTES, MAX_PIXELS, MAX_SIDE, Format, Structure, inspect

__all__ = [
    "MAX_IMAGE_BYTES",
    "MAX_PIXELS",
    "MAX_SIDE",
    "Ink",
    "Picture",
    "Polarity",
    "decode_data_url",
    "encode_data_url",
    "encode_png",
    "read_image",
    "read_picture",
]

Ink = NDArray[np.uint8]  # (H, W), 0 is paper and 255 is full ink
Polarity = Literal["dark-on-light", "light-on-dark"]
_Levels = NDArray[np.uint8]  # (H, W), 0 is black and 255 is white
_Marks = NDArray[np.float32]  # (H, W), distance from the paper in levels, ink above 0

MIN_CONTRAST: Final = 8  # levels between paper and ink; under it a picture is blank
SURE_SHARE: Final = 2 / 3  # of all pixels: what has them is the paper
OUTLIER: Final = 1.5  # times the usual ink; what is stronger counts as full
COLOUR_GAIN: Final = 1.5  # times the contrast of the grey picture that a colour channel must have to be used instead

FLAT_SHARE: Final = 0.5  # of the paper that has one level: then it is a drawing, and no estimate of shade is needed
FLAT_WIDTH: Final = 2  # levels to either side that still count as that one level
GRAIN_SHARE: Final = 0.25  # of the pixels of that level: with more of them beside it the paper has grain
LOSSY_MARGIN: Final = 0.06  # of the contrast; JPEG and lossy WebP ring that much around a stroke

SHADE_SIDE: Final = 32  # pixels, longest side of the small copy on which the shade of the paper is estimated
SHADE_WINDOW: Final = 9  # of those pixels; ink must cover less than half of such a square
NOISE_MARGIN: Final = 3.0  # standard deviations of the paper's grain that still are paper
NOISE_FLOOR: Final = 3.0  # standard deviations of the paper's grain that the ink must stand out by

FRAME_SIDE: Final = 96  # pixels, longest side of the small copy on which the edge of a photo is cleared
FRAME_WIDTH: Final = 1 / 6  # of the shorter side

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
    levels = _levels(_decode(structure))
    ink, polarity = _lift(levels, structure.lossy)
    return Picture(ink, polarity, structure.format)


# ---- file to levels ----


def _decode(structure: Structure) -> Image.Image:
    try:
        with Image.open(io.BytesIO(structure.essence), formats=[structure.format]) as image:
            if image.size != (structure.width, structure.height):
                raise UnreadableImageError("the file is damaged: its headers contradict each other; save it again")
            image.load()
            turn = _TURNS.get(structure.orientation)
            return image if turn is None else image.transpose(turn)
    except UnreadableImageError:
        raise
    # Pillow's readers raise whatever a damaged file makes them trip over: OSError and SyntaxError by design,
    # ValueError, TypeError, struct.error, IndexError and more by accident. All mean the same to the caller.
    except Exception as error:
        raise UnreadableImageError("the file is damaged or cut short; save or send it again") from error


def _levels(image: Image.Image) -> _Levels:
    """Grey levels of the picture on white paper; on black, where on white there would be nothing to see."""
    if image.mode == "I;16":
        image = _eight_bits(image)
    if not image.has_transparency_data:
        return _grey(image)
    image = image.convert("RGBA")
    if image.getchannel("A").getextrema() == (255, 255):
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
    grey = image.convert("L")
    if red.tobytes() == green.tobytes() == blue.tobytes():
        return np.asarray(red)
    channel = max((red, green, blue), key=_spread)
    return np.asarray(channel if _spread(channel) > COLOUR_GAIN * _spread(grey) else grey)


def _spread(channel: Image.Image) -> float:
    return ImageStat.Stat(_shrunk(channel, SHADE_SIDE * 2)).stddev[0]


def _shrunk(page: Image.Image, side: int) -> Image.Image:
    """The picture in averages, its longest side about as long as asked (at least half, at most twice as long)."""
    factor = round(max(page.size) / side)
    return page.reduce(factor) if factor > 1 else page


# ---- levels to ink ----


def _lift(levels: _Levels, lossy: bool) -> tuple[Ink, Polarity]:
    darkest, lightest = int(levels.min()), int(levels.max())
    if lightest - darkest < MIN_CONTRAST:
        raise BlankImageError("the picture is blank; draw or write a digit on it")
    light = _has_light_paper(levels > (darkest + lightest) // 2)
    page = Image.fromarray(np.bitwise_not(levels) if light else levels)  # from here on ink is the lighter one
    counts = np.asarray(page.histogram())
    paper = _flat_paper(counts)
    if paper is not None:
        ink = _lift_from_flat(page, counts, paper, lossy)
    else:
        ink, turned = _lift_from_shaded(page)
        light ^= turned
    return _clean(ink), "dark-on-light" if light else "light-on-dark"


def _has_light_paper(light: NDArray[np.bool_]) -> bool:
    """Whether the lighter pixels are the paper: two thirds of all surely are, and else the border has a say.

    A thick pen covers more than half of a tight crop, but not of its border too; a frame covers the border, but never
    two thirds of the whole.
    """
    share = float(light.mean())
    if abs(share - 0.5) > SURE_SHARE - 0.5:
        return share > 0.5
    border = np.concatenate([light[0], light[-1], light[:, 0], light[:, -1]])
    return share + float(border.mean()) > 1.0


def _flat_paper(counts: NDArray[np.int_]) -> int | None:
    """The one level of the paper of a drawing; None for a photo, where it has many."""
    used = np.flatnonzero(counts)
    dark = counts[: (used[0] + used[-1]) // 2 + 1]
    paper = int(dark.argmax())
    near = dark[max(0, paper - FLAT_WIDTH) : paper + FLAT_WIDTH + 1].sum()
    return paper if near >= FLAT_SHARE * dark.sum() else None


def _lift_from_flat(page: Image.Image, counts: NDArray[np.int_], paper: int, lossy: bool) -> Ink:
    margin, full = _flat_range(counts[paper:], lossy)
    scale = np.clip((np.arange(256) - paper - margin) * (255 / (full - margin)), 0, 255)
    return np.array(page.point(np.rint(scale).astype(int).tolist()))


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
    marks = np.asarray(page, np.float32) - np.asarray(_shade(page), np.float32)
    turned = float(np.square(marks.clip(max=0)).sum()) > float(np.square(marks.clip(min=0)).sum())
    if turned:
        marks = -marks
    start, full = _shaded_range(marks)
    ink = np.rint(np.clip((marks - start) * (255 / (full - start)), 0, 255)).astype(np.uint8)
    return _without_frame(ink), turned


def _shade(page: Image.Image) -> Image.Image:
    """The picture without its ink: the median of a window that is wider than any stroke, smoothed."""
    median = _shrunk(page, SHADE_SIDE).filter(ImageFilter.MedianFilter(SHADE_WINDOW))
    return median.filter(ImageFilter.BoxBlur(SHADE_WINDOW // 4)).resize(page.size, Image.Resampling.BILINEAR)


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
    """Drop what lies wholly along the edge of a photo: print lines, a shadow, a piece of the neighbour.

    What reaches into the middle is kept from end to end. Where nothing does, all is.
    """
    page = Image.fromarray((ink > 63).view(np.uint8) * 255)
    marks = _shrunk(page, FRAME_SIDE).point(lambda share: 255 if share else 0)
    edge = round(min(marks.size) * FRAME_WIDTH)
    kept = Image.new("L", marks.size)
    middle = (edge, edge, marks.width - edge, marks.height - edge)
    kept.paste(marks.crop(middle), middle)
    if kept.getextrema()[1] == 0:
        return ink
    outline = _grown(kept, marks).filter(ImageFilter.MaxFilter(3)).resize(page.size, Image.Resampling.NEAREST)
    return np.where(np.asarray(outline) > 0, ink, 0).astype(np.uint8)


def _grown(seed: Image.Image, marks: Image.Image) -> Image.Image:
    """The marks that hang together with the seed."""
    while True:
        grown = ImageChops.darker(seed.filter(ImageFilter.MaxFilter(3)), marks)
        if grown.tobytes() == seed.tobytes():
            return seed
        seed = grown


def _clean(ink: Ink) -> Ink:
    """Wipe away noise where there is so much that it cannot be part of a drawing; else the ink stays as it is."""
    cleaned = _without_smudges(_without_specks(ink))
    if cleaned.max() < 128:
        raise BlankImageError("the picture holds single dots only; draw or write a digit on it")
    return cleaned


def _without_specks(ink: Ink) -> Ink:
    """Undo salt and pepper: many single pixels of ink with no neighbour."""
    full = np.pad(ink > 127, 1).view(np.uint8)
    rows = full[:-2] + full[1:-1] + full[2:]
    alone = (rows[:, :-2] + rows[:, 1:-1] + rows[:, 2:] == 1) & (ink > 127)
    if np.count_nonzero(alone) < max(SPECKS, SPECK_SHARE * ink.size):
        return ink
    median = np.asarray(Image.fromarray(ink).filter(ImageFilter.MedianFilter(3)))
    return np.where(np.abs(median.astype(np.int16) - ink) > 100, median, ink)


def _without_smudges(ink: Ink) -> Ink:
    """Drop faint marks that are far from any full ink: blots, show-through, ruled lines."""
    faint = (ink > FAINT) & (ink < 128)
    if np.count_nonzero(faint) < SMUDGE_SHARE * ink.size:
        return ink
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


def decode_data_url(url: str) -> bytes:
    r"""Take the bytes out of a base64 data URL (RFC 2397) of a PNG, JPEG or WebP picture.

    Nothing is ever fetched: any other URL is refused. Parameters such as a charset are allowed and mean nothing; the
    type named in the URL must be one of the three, and the bytes alone decide which.

    Raises:
        UnreadableImageError: no data URL, or not base64.
        UnsupportedFormatError: another type.
        ImageTooLargeError: over `MAX_IMAGE_BYTES`.

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
    if len(url) - match.end() > MAX_IMAGE_BYTES // 3 * 4 + 4:
        raise ImageTooLargeError(f"the data URL holds more than {MAX_IMAGE_BYTES} bytes; make the picture smaller")
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

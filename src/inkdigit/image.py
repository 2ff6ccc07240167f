"""Bytes to ink: the only place that reads picture files, and where every size limit stands.

``read_picture`` sniffs the type, walks the structure of the file before any decoder runs, decodes with Pillow, turns
the picture upright, lays it on white, and lifts the ink off the paper. Nothing here ever fetches a URL.
"""

import base64
import binascii
import io
import re
import struct
import zlib
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from inkdigit.errors import (
    BlankImageError,
    ImageTooLargeError,
    UnreadableImageError,
    UnsupportedFormatError,
)

Ink = NDArray[np.uint8]
Levels = NDArray[np.uint8]
Polarity = Literal["dark-on-light", "light-on-dark"]
Format = Literal["png", "jpeg", "webp"]

MAX_IMAGE_BYTES: Final = 4 * 1024 * 1024
MAX_PIXELS: Final = 4_194_304
MAX_SIDE: Final = 8192
MAX_SCANS: Final = 32
MIN_CONTRAST: Final = 8

_PNG_SIGNATURE: Final = b"\x89PNG\r\n\x1a\n"


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
    """Read the ink of a PNG, JPEG or WebP picture; see `read_picture`."""
    return read_picture(data).ink


def read_picture(data: bytes) -> Picture:
    """Read a PNG, JPEG or WebP picture and lift its ink off the paper."""
    kind = _sniff(data)
    try:
        with Image.open(io.BytesIO(data), formats=[kind.upper()]) as image:
            if image.width * image.height > MAX_PIXELS or max(image.size) > MAX_SIDE:
                raise ImageTooLargeError(f"the picture is {image.width}x{image.height} pixels; make it smaller")
            rgba = image.convert("RGBA")
    except (OSError, SyntaxError, ValueError, struct.error, zlib.error) as error:
        raise UnreadableImageError("the picture is damaged; save it again") from error
    paper = Image.new("RGBA", rgba.size, "white")
    levels = np.asarray(Image.alpha_composite(paper, rgba).convert("L"))
    low, high = int(levels.min()), int(levels.max())
    if high - low < MIN_CONTRAST:
        raise BlankImageError("the picture is blank")
    light = float((levels > (low + high) / 2).mean()) > 0.5
    contrast = high - levels if light else levels - low
    ink = np.rint(contrast * (255.0 / (high - low))).astype(np.uint8)
    return Picture(ink, "dark-on-light" if light else "light-on-dark", kind)


def _sniff(data: bytes) -> Format:
    if len(data) > MAX_IMAGE_BYTES:
        raise ImageTooLargeError(f"the picture has {len(data)} bytes; at most {MAX_IMAGE_BYTES} are read")
    if not data:
        raise UnreadableImageError("the picture is empty")
    if data.startswith(_PNG_SIGNATURE):
        return "png"
    if data.startswith(b"\xff\xd8\xff"):
        return "jpeg"
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "webp"
    raise UnsupportedFormatError("only PNG, JPEG and WebP pictures are read")


def decode_data_url(url: str) -> bytes:
    """Return the bytes inside a base64 data URL of a PNG, JPEG or WebP picture; nothing is ever fetched."""
    match = re.match(r"data:([^;,]*);base64,", url[:64], re.IGNORECASE)
    if match is None:
        raise UnreadableImageError("not a data URL; it starts like data:image/png;base64,")
    if match[1].lower() not in {"image/png", "image/jpeg", "image/webp"}:
        raise UnsupportedFormatError("only PNG, JPEG and WebP pictures are read")
    if len(url) > MAX_IMAGE_BYTES * 4 // 3 + 64:
        raise ImageTooLargeError(f"the picture is larger than {MAX_IMAGE_BYTES} bytes")
    try:
        return base64.b64decode(url[match.end() :], validate=True)
    except (binascii.Error, ValueError) as error:
        raise UnreadableImageError("the data URL is not valid base64") from error


def encode_png(image: NDArray[np.float32]) -> bytes:
    """Encode a (28, 28) float image in [0, 1] as an 8-bit grey PNG."""
    levels = np.rint(np.clip(image, 0.0, 1.0) * 255.0).astype(np.uint8)
    file = io.BytesIO()
    Image.fromarray(levels).save(file, "PNG")
    return file.getvalue()


def encode_data_url(png: bytes) -> str:
    """Wrap PNG bytes in a data URL."""
    return "data:image/png;base64," + base64.b64encode(png).decode("ascii")

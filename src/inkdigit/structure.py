"""The structure of picture files, walked before any decoder runs.

`inspect` tells the type from the bytes alone, checks the file against every limit, and hands on what a decoder needs
and no more: text, colour profiles, thumbnails, later frames and whatever is glued to the end of the file stay behind.
The cost is a few milliseconds at most, whatever the file claims about itself.
"""

import re
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Final, Literal

from inkdigit.errors import ImageTooLargeError, UnreadableImageError, UnsupportedFormatError

Format = Literal["png", "jpeg", "webp"]

MAX_IMAGE_BYTES: Final = 4 * 1024 * 1024
MAX_PIXELS: Final = 4_194_304  # 2048 x 2048
MAX_SIDE: Final = 8192  # pixels
MAX_PARTS: Final = 2048  # chunks of a PNG or WebP, segments of a JPEG; an encoder that flushes every 4 KB makes 1,024
MAX_FRAME_PARTS: Final = 8  # chunks of one frame of an animated WebP
MAX_SCANS: Final = 32  # of a JPEG; the usual progressive scripts make 6 to 18, and each costs a pass over all pixels
MAX_METADATA_BYTES: Final = 1024 * 1024  # of a PNG's compressed texts and profile, once inflated


@dataclass(frozen=True, slots=True)
class Limits:
    """How large a picture may be. How many scans and how much inflated text it may have is the same for all.

    Attributes:
        bytes: of the file.
        pixels: width times height.
        side: width and height, in pixels.
        parts: chunks of a PNG or WebP, segments of a JPEG.
    """

    bytes: int
    pixels: int
    side: int
    parts: int


DIGIT_LIMITS: Final = Limits(MAX_IMAGE_BYTES, MAX_PIXELS, MAX_SIDE, MAX_PARTS)
PAGE_LIMITS: Final = Limits(  # for what a phone's camera or a scanner makes
    bytes=16 * 1024 * 1024,
    pixels=12_582_912,  # 4096 x 3072
    side=8192,
    parts=8192,  # twice what an encoder makes that flushes every 4 KB
)

_PNG_SIGNATURE: Final = b"\x89PNG\r\n\x1a\n"
_PNG_DEPTHS: Final = {0: (1, 2, 4, 8, 16), 2: (8, 16), 3: (1, 2, 4, 8), 4: (8, 16), 6: (8, 16)}  # by colour type
_PNG_SAMPLES: Final = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}  # per pixel, by colour type
_PNG_KEPT: Final = frozenset({b"IHDR", b"PLTE", b"tRNS", b"IDAT", b"IEND"})
_PNG_COMPRESSED: Final = frozenset({b"zTXt", b"iTXt", b"iCCP"})

# Inside a scan 0xFF stands before 0x00 (a plain 0xFF), a restart number or another 0xFF; anything else ends the scan.
_JPEG_MARKER: Final = re.compile(rb"\xff[^\x00\xff\xd0-\xd7]")
_JPEG_FRAMES: Final = frozenset({0xC0, 0xC1, 0xC2})  # baseline, extended and progressive, all Huffman coded
_JPEG_RARE_FRAMES: Final = frozenset({0xC3, 0xC5, 0xC6, 0xC7, 0xC8, 0xC9, 0xCA, 0xCB, 0xCD, 0xCE, 0xCF})
_JPEG_EOI, _JPEG_SOS, _JPEG_APP1 = 0xD9, 0xDA, 0xE1
_JPEG_LONELY: Final = frozenset({0x01, 0xD8})  # markers with no segment, which have no place inside a picture
# JFIF and Adobe stay: they say how the colours are coded.
_JPEG_METADATA: Final = frozenset({0xFE, *range(0xE0, 0xF0)}) - {0xE0, 0xEE}  # comment, APP0 to APP15

_WEBP_SIZED: Final = frozenset({b"VP8 ", b"VP8L", b"VP8X"})

_EXIF_ORIENTATION: Final = (0x0112, 3)  # tag and type (a 16-bit number)
_EXIF_ENTRIES: Final = 256  # looked at

_STRANGERS: Final = (
    ("a GIF", rb"GIF8[79]a"),
    ("a BMP", rb"BM.{12}[\x0c\x28\x38\x40\x6c\x7c]\x00\x00\x00"),
    ("a TIFF", rb"II[*+]\x00|MM\x00[*+]"),
    ("an AVIF or HEIC", rb".{4}ftyp"),
    ("an SVG", rb"\s*(?:<\?xml.{0,500})?<(?:svg|!DOCTYPE svg)"),
    ("a PDF", rb"%PDF"),
)


@dataclass(frozen=True, slots=True)
class Structure:
    """What the header says, and the bytes that the decoder may see.

    Attributes:
        format: the type found in the bytes.
        width: of the stored picture, before it is turned upright, in pixels.
        height: of the same.
        orientation: EXIF's, 1 to 8; 1 where the file names none.
        lossy: whether the encoder may have left noise around the strokes.
        essence: the file without metadata, later frames and trailing bytes.
    """

    format: Format
    width: int
    height: int
    orientation: int
    lossy: bool
    essence: bytes


def inspect(data: bytes, limits: Limits = DIGIT_LIMITS) -> Structure:
    """Check the structure of a PNG, JPEG or WebP file without decoding it.

    Args:
        data: the whole file; its name and declared type do not matter.
        limits: that it must keep to.

    Raises:
        TypeError: it is no bytes, but the name of a file perhaps.
        UnreadableImageError: empty, truncated or damaged.
        UnsupportedFormatError: another type, or a rare variant of JPEG.
        ImageTooLargeError: over one of the limits, or of the others of this module.

    >>> inspect(b"GIF89a")
    Traceback (most recent call last):
    inkdigit.errors.UnsupportedFormatError: the file is a GIF; save it as PNG, JPEG or WebP
    """
    if not isinstance(data, bytes | bytearray):  # the slip that is made most often
        slip = type(data).__name__
        raise TypeError(f"a picture is the bytes of its file, not {slip}; read them with Path(...).read_bytes()")
    if not data:
        raise UnreadableImageError("the file is empty")
    if len(data) > limits.bytes:
        raise ImageTooLargeError(f"the file has more than {limits.bytes:,} bytes; save it smaller")
    if data.startswith(_PNG_SIGNATURE):
        return _inspect_png(data, limits)
    if data.startswith(b"\xff\xd8\xff"):
        return _inspect_jpeg(data, limits)
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return _inspect_webp(data, limits)
    raise UnsupportedFormatError(f"the file is {_stranger(data)}; save it as PNG, JPEG or WebP")


def _stranger(data: bytes) -> str:
    head = data[:1024]
    return next((name for name, start in _STRANGERS if re.match(start, head, re.DOTALL)), "no picture that is known")


def _check_size(width: int, height: int, limits: Limits) -> None:
    if width < 1 or height < 1:
        raise UnreadableImageError(f"the file is damaged: it says that the picture is {width}x{height} pixels")
    over = [f"{limits.pixels / 1e6:.1f} megapixels"] if width * height > limits.pixels else []
    over += [f"{limits.side} a side"] if max(width, height) > limits.side else []
    if over:
        raise ImageTooLargeError(f"the picture is {width}x{height} pixels, over {' and '.join(over)}; make it smaller")


def _too_many(what: str, limit: int) -> ImageTooLargeError:
    return ImageTooLargeError(f"the file has more than {limit} {what}; save it again with another program")


def _damaged(what: str) -> UnreadableImageError:
    return UnreadableImageError(f"the file is damaged or cut short ({what}); save or send it again")


# ---- PNG (ISO/IEC 15948) ----


@dataclass(frozen=True, slots=True)
class _Chunk:
    kind: bytes
    body: bytes
    whole: bytes  # with length, kind and checksum


def _inspect_png(data: bytes, limits: Limits) -> Structure:
    width, height, row_bits = _png_header(data)
    _check_size(width, height, limits)
    chunks = list(_png_chunks(data, limits))
    _check_png_order(chunks)
    _check_png_pixels(chunks, expected_bytes=height * (row_bits // 8 + 2))
    _check_png_metadata(chunks)
    orientation = next((_orientation(chunk.body) for chunk in chunks if chunk.kind == b"eXIf"), 1)
    essence = _PNG_SIGNATURE + b"".join(chunk.whole for chunk in chunks if chunk.kind in _PNG_KEPT)
    return Structure("png", width, height, orientation, lossy=False, essence=essence)


def _png_header(data: bytes) -> tuple[int, int, int]:
    """Width and height in pixels, and the size of a row in bits."""
    if data[8:16] != b"\x00\x00\x00\x0dIHDR" or len(data) < 33:
        raise _damaged("it does not begin with a PNG header")
    width, height, depth, colour, compression, filtering, interlace = struct.unpack_from(">IIBBBBB", data, 16)
    if depth not in _PNG_DEPTHS.get(colour, ()) or compression or filtering or interlace > 1:
        raise _damaged("its PNG header makes no sense")
    return width, height, width * depth * _PNG_SAMPLES[colour]


def _png_chunks(data: bytes, limits: Limits) -> Iterator[_Chunk]:
    """Every chunk up to and with IEND; what the decoder will see has its checksum verified."""
    at = len(_PNG_SIGNATURE)
    for _ in range(limits.parts):
        if at + 12 > len(data):
            raise _damaged("it ends before its last PNG chunk")
        length, kind = struct.unpack_from(">I4s", data, at)
        end = at + 12 + length
        if end > len(data) or not kind.isalpha():
            raise _damaged("a PNG chunk does not fit")
        chunk = _Chunk(kind, data[at + 8 : end - 4], data[at:end])
        if kind in _PNG_KEPT and zlib.crc32(chunk.whole[4:-4]) != int.from_bytes(chunk.whole[-4:], "big"):
            raise _damaged("a PNG checksum is wrong")
        yield chunk
        if kind == b"IEND":
            return
        at = end
    raise _too_many("PNG chunks", limits.parts)


def _check_png_order(chunks: list[_Chunk]) -> None:
    critical = b" ".join(chunk.kind for chunk in chunks if chunk.kind[:1].isupper())
    if not re.fullmatch(rb"IHDR (PLTE )?(IDAT )+IEND", critical):
        raise _damaged("its PNG chunks are missing, unknown or out of order")


def _check_png_pixels(chunks: list[_Chunk], expected_bytes: int) -> None:
    """Refuse far more data than such a picture can need: it would inflate to something else."""
    size = sum(len(chunk.body) for chunk in chunks if chunk.kind == b"IDAT")
    if size > 2 * expected_bytes + 64 * 1024:
        raise ImageTooLargeError(f"the file holds {size} bytes of pixels for a picture of {expected_bytes}")


def _check_png_metadata(chunks: list[_Chunk]) -> None:
    left = MAX_METADATA_BYTES
    for chunk in chunks:
        if chunk.kind in _PNG_COMPRESSED:
            left -= _inflated_size(chunk, limit=left)
        if left <= 0:
            raise ImageTooLargeError(f"the file's texts inflate to more than {MAX_METADATA_BYTES} bytes; remove them")


def _inflated_size(chunk: _Chunk, limit: int) -> int:
    """Size of a text or profile once inflated, counted up to the limit; damaged text counts as none."""
    keyword, _, rest = chunk.body.partition(b"\0")
    if chunk.kind == b"iTXt":  # flag, method, language, translated keyword, text
        rest = rest[1:].split(b"\0", 2)[-1] if rest[:1] == b"\1" else b""
    try:
        return len(zlib.decompressobj().decompress(rest[1:], limit))
    except zlib.error:
        return len(keyword)


# ---- JPEG (ITU-T T.81) ----


@dataclass(frozen=True, slots=True)
class _Segment:
    marker: int
    body: bytes
    whole: bytes  # with marker and length, and for a scan all its data


def _inspect_jpeg(data: bytes, limits: Limits) -> Structure:
    segments = list(_jpeg_segments(data, limits))
    frames = [segment.body for segment in segments if segment.marker in _JPEG_FRAMES]
    if len(frames) != 1 or not any(segment.marker == _JPEG_SOS for segment in segments):
        raise _damaged("it holds no JPEG picture, or two")
    height, width = struct.unpack_from(">HH", frames[0], 1)
    exif = (s.body[6:] for s in segments if s.marker == _JPEG_APP1 and s.body.startswith(b"Exif\0\0"))
    kept = b"".join(segment.whole for segment in segments if segment.marker not in _JPEG_METADATA)
    orientation = next(map(_orientation, exif), 1)
    return Structure("jpeg", width, height, orientation, lossy=True, essence=b"\xff\xd8" + kept + b"\xff\xd9")


def _jpeg_segments(data: bytes, limits: Limits) -> Iterator[_Segment]:
    """Every segment between start and end of image, a scan together with its data."""
    scans, at = 0, 2
    for _ in range(limits.parts):
        start = _next_marker(data, at)
        if data[start + 1] == _JPEG_EOI:
            return
        segment = _jpeg_segment(data, start)
        _check_jpeg_frame(segment, limits)
        scans += segment.marker == _JPEG_SOS
        if scans > MAX_SCANS:
            raise _too_many("JPEG scans", MAX_SCANS)
        yield segment
        at = start + len(segment.whole)
    raise _too_many("JPEG segments", limits.parts)


def _next_marker(data: bytes, at: int) -> int:
    marker = _JPEG_MARKER.search(data, at)
    if marker is None:
        raise _damaged("it ends before the end of its JPEG data")
    return marker.start()


def _jpeg_segment(data: bytes, start: int) -> _Segment:
    marker = data[start + 1]
    length = int.from_bytes(data[start + 2 : start + 4], "big")
    stop = start + 2 + length
    if marker in _JPEG_LONELY or length < 2 or stop > len(data):
        raise _damaged("a JPEG segment does not fit")
    end = _next_marker(data, stop) if marker == _JPEG_SOS else stop
    return _Segment(marker, data[start + 4 : stop], data[start:end])


def _check_jpeg_frame(segment: _Segment, limits: Limits) -> None:
    if segment.marker in _JPEG_RARE_FRAMES:
        raise UnsupportedFormatError("the file is a lossless, arithmetic or hierarchical JPEG; save it as a plain one")
    if segment.marker not in _JPEG_FRAMES:
        return
    if len(segment.body) < 6:
        raise _damaged("its JPEG header makes no sense")
    depth, height, width, components = struct.unpack_from(">BHHB", segment.body)
    _check_size(width, height, limits)
    if depth != 8 or components not in {1, 3, 4}:
        raise UnsupportedFormatError(f"the file is a JPEG of {components} times {depth} bits; save it as a plain one")


# ---- WebP (RFC 9649) ----


def _inspect_webp(data: bytes, limits: Limits) -> Structure:
    end = 8 + int.from_bytes(data[4:8], "little")
    if end > len(data):
        raise _damaged("it ends before the end of its WebP data")
    chunks = list(_webp_chunks(data[12:end], limits))
    kinds = [kind for kind, _ in chunks]
    if kinds[:1] not in ([b"VP8 "], [b"VP8L"], [b"VP8X"]):
        raise _damaged("it does not begin with a WebP header")
    width, height = _webp_size(*chunks[0])
    orientation = next((_orientation(body.removeprefix(b"Exif\0\0")) for kind, body in chunks if kind == b"EXIF"), 1)
    return Structure("webp", width, height, orientation, lossy=b"VP8L" not in kinds, essence=data[:end])


def _webp_chunks(data: bytes, limits: Limits) -> Iterator[tuple[bytes, bytes]]:
    """Kind and body of every chunk, with the size of each picture and frame checked on the way."""
    at = 0
    for _ in range(limits.parts):
        if at >= len(data):
            return
        length = int.from_bytes(data[at + 4 : at + 8], "little")
        kind, body = data[at : at + 4], data[at + 8 : at + 8 + length]
        if len(body) < length or at + 8 > len(data):
            raise _damaged("a WebP chunk does not fit")
        if kind in _WEBP_SIZED:
            _check_size(*_webp_size(kind, body), limits)
        if kind == b"ANMF":
            list(_webp_chunks(body[16:], replace(limits, parts=MAX_FRAME_PARTS)))
        yield kind, body
        at += 8 + length + length % 2
    raise _too_many("WebP chunks", limits.parts)


def _webp_size(kind: bytes, body: bytes) -> tuple[int, int]:
    """Width and height that a picture's or file's header declares, in pixels."""
    if kind == b"VP8 " and len(body) >= 10 and body[3:6] == b"\x9d\x01\x2a" and not body[0] & 1:
        width, height = struct.unpack_from("<HH", body, 6)
        return width & 0x3FFF, height & 0x3FFF
    if kind == b"VP8L" and len(body) >= 5 and body[0] == 0x2F:
        bits = int.from_bytes(body[1:5], "little")
        return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    if kind == b"VP8X" and len(body) >= 10:
        return int.from_bytes(body[4:7], "little") + 1, int.from_bytes(body[7:10], "little") + 1
    raise _damaged("a WebP header makes no sense")


# ---- EXIF (as in TIFF 6.0) ----


def _orientation(exif: bytes) -> int:
    """Orientation 1 to 8 from an EXIF block; 1 where there is none or the block is damaged."""
    order = {b"II*\0": "<", b"MM\0*": ">"}.get(exif[:4])
    if order is None:
        return 1
    try:
        (at,) = struct.unpack_from(order + "I", exif, 4)
        (entries,) = struct.unpack_from(order + "H", exif, at)
        for entry in range(min(entries, _EXIF_ENTRIES)):
            tag, kind, _, value = struct.unpack_from(order + "HHIH", exif, at + 2 + 12 * entry)
            if (tag, kind) == _EXIF_ORIENTATION:
                return value if 1 <= value <= 8 else 1
    except struct.error:
        return 1
    return 1

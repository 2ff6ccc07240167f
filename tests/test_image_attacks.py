"""Hostile and broken picture files: a declared error, and where it can be so before any decoder has run."""

import io
import struct
import subprocess
import sys
import tracemalloc
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageDraw

from inkdigit.errors import (
    ImageError,
    ImageTooLargeError,
    UnreadableImageError,
    UnsupportedFormatError,
)
from inkdigit.image import MAX_IMAGE_BYTES, MAX_PIXELS, MAX_SIDE, decode_data_url, read_image, read_picture
from inkdigit.structure import MAX_METADATA_BYTES, MAX_PARTS, MAX_SCANS, inspect

SIGNATURE = b"\x89PNG\r\n\x1a\n"


def encode(image: Image.Image, kind: str = "PNG", **options: Any) -> bytes:
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def digit(mode: str = "L") -> Image.Image:
    page = Image.new("L", (28, 28), 255)
    ImageDraw.Draw(page).line([(8, 6), (19, 6), (12, 22)], fill=0, width=3)
    return page.convert(mode)


def chunk(kind: bytes, body: bytes = b"") -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def header(width: int, height: int, depth: int = 8, colour: int = 0, *rest: int) -> bytes:
    compression, filtering, interlace = rest or (0, 0, 0)
    return chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, depth, colour, compression, filtering, interlace))


def png(*chunks: bytes) -> bytes:
    return SIGNATURE + b"".join(chunks) + chunk(b"IEND")


def pixels(count: int = 28 * 29) -> bytes:
    return chunk(b"IDAT", zlib.compress(bytes(count), 9))


def zeros(mebibytes: int) -> bytes:
    """A deflate stream of that many MiB of zeros: one block of them, again and again."""
    packer = zlib.compressobj(9)
    block = bytes(2**20)
    first = packer.compress(block) + packer.flush(zlib.Z_FULL_FLUSH)
    again = packer.compress(block) + packer.flush(zlib.Z_FULL_FLUSH)
    return first + again * (mebibytes - 1) + packer.flush()


def with_extra(*chunks: bytes) -> bytes:
    """A good PNG with chunks put after its header."""
    good = encode(digit())
    return good[:33] + b"".join(chunks) + good[33:]


def jpeg_header(width: int, height: int, depth: int = 8, components: int = 3, marker: int = 0xC0) -> bytes:
    """A JPEG file whose frame header says so, then the start of a scan, and the end."""
    parts = b"".join(bytes([i, 0x11, 0]) for i in range(components))
    frame = struct.pack(">BHHB", depth, height, width, components) + parts
    scan = b"\x01\x00\x00\x00\x3f\x00"
    return (
        b"\xff\xd8\xff" + bytes([marker]) + struct.pack(">H", len(frame) + 2) + frame
        + b"\xff\xda" + struct.pack(">H", len(scan) + 2) + scan + b"\x00\xff\xd9"
    )  # fmt: skip


def riff(*chunks: bytes) -> bytes:
    body = b"WEBP" + b"".join(chunks)
    return b"RIFF" + struct.pack("<I", len(body)) + body


def riff_chunk(kind: bytes, body: bytes) -> bytes:
    return kind + struct.pack("<I", len(body)) + body + b"\0" * (len(body) % 2)


def vp8l(width: int, height: int, rest: bytes = b"") -> bytes:
    return riff_chunk(b"VP8L", b"\x2f" + struct.pack("<I", (width - 1) | (height - 1) << 14) + rest)


def vp8(width: int, height: int) -> bytes:
    return riff_chunk(b"VP8 ", b"\x10\0\0\x9d\x01\x2a" + struct.pack("<HH", width, height) + bytes(8))


def vp8x(width: int, height: int, flags: int = 0) -> bytes:
    size = (width - 1).to_bytes(3, "little") + (height - 1).to_bytes(3, "little")
    return riff_chunk(b"VP8X", struct.pack("<I", flags) + size)


def progressive(scans: int) -> bytes:
    """A progressive JPEG whose last scan is there again and again."""
    good = encode(digit(), "JPEG", progressive=True)
    last = good[good.rindex(b"\xff\xda") : -2]
    return good[:-2] + last * (scans - good.count(b"\xff\xda")) + good[-2:]


@pytest.fixture
def decoded(monkeypatch: pytest.MonkeyPatch) -> list[object]:
    """What was handed to a decoder since the test began."""
    calls: list[object] = []
    real_open = Image.open

    def recording_open(*arguments: Any, **options: Any) -> Image.Image:
        calls.append(arguments)
        return real_open(*arguments, **options)

    monkeypatch.setattr(Image, "open", recording_open)
    return calls


@contextmanager
def traced_peak() -> Iterator[Callable[[], int]]:
    tracemalloc.start()
    try:
        yield lambda: tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


TOO_LARGE: dict[str, Callable[[], bytes]] = {
    # rows 1 and 2: what the header declares
    "PNG of 50,000 x 50,000": lambda: png(header(50_000, 50_000), pixels()),
    "PNG of 30,000 x 30,000 in 1 bit": lambda: png(header(30_000, 30_000, 1), pixels()),
    "PNG of 1 x 10,000,000": lambda: png(header(1, 10_000_000), pixels()),
    "PNG of 10,000,000 x 1": lambda: png(header(10_000_000, 1), pixels()),
    "PNG of 2^31 x 2^31": lambda: png(header(2**31, 2**31), pixels()),
    "PNG of 2^31-1 x 1": lambda: png(header(2**31 - 1, 1), pixels()),
    "PNG of 12,000 x 12,000 in 16-bit RGBA": lambda: png(header(12_000, 12_000, 16, 6), pixels()),
    "PNG one pixel over the side": lambda: png(header(MAX_SIDE + 1, 1), pixels()),
    "PNG one row over the area": lambda: png(header(2048, MAX_PIXELS // 2048 + 1), pixels()),
    "PNG that is nothing but a large header": lambda: SIGNATURE + header(50_000, 50_000),
    "JPEG of 20,000 x 20,000": lambda: jpeg_header(20_000, 20_000),
    "JPEG of 65,535 x 65,535": lambda: jpeg_header(65_535, 65_535, marker=0xC2),
    "WebP of 38 bytes and 16,383 x 16,383, lossless": lambda: riff(vp8l(16_383, 16_383, bytes(12))),
    "WebP of 38 bytes and 16,383 x 16,383, lossy": lambda: riff(vp8(16_383, 16_383)),
    "WebP of 38 bytes and 16,383 x 16,383, extended": lambda: riff(vp8x(16_383, 16_383), bytes(8)),
    "WebP with a canvas of 2^24 x 2^24": lambda: riff(vp8x(2**24, 2**24), vp8l(28, 28)),
    "WebP with a small canvas and a large picture": lambda: riff(vp8x(28, 28), vp8l(16_383, 16_383)),
    "WebP with a small canvas and a large frame": lambda: riff(
        vp8x(28, 28, flags=2), riff_chunk(b"ANMF", bytes(16) + vp8(16_383, 16_383))
    ),
    # row 3
    "progressive JPEG of 5,000 scans": lambda: progressive(5_000),
    "progressive JPEG of one scan too many": lambda: progressive(MAX_SCANS + 1),
    # row 4
    "200,000 text chunks": lambda: with_extra(chunk(b"tEXt", b"a\0b") * 200_000),
    "5,000 empty private chunks": lambda: with_extra(chunk(b"prVt") * 5_000),
    "5,000 empty JPEG comments": lambda: b"\xff\xd8" + b"\xff\xfe\x00\x02" * 5_000 + jpeg_header(28, 28)[2:],
    "5,000 empty WebP chunks": lambda: riff(vp8x(28, 28), riff_chunk(b"ABCD", b"") * 5_000, vp8l(28, 28)),
    "zTXt bomb": lambda: with_extra(chunk(b"zTXt", b"a\0\0" + zeros(200))),
    "iTXt bomb": lambda: with_extra(chunk(b"iTXt", b"a\0\1\0\0\0" + zeros(200))),
    "iCCP bomb": lambda: with_extra(chunk(b"iCCP", b"a\0\0" + zeros(200))),
    "many small zTXt bombs": lambda: with_extra(chunk(b"zTXt", b"a\0\0" + zeros(1)) * 100),
    # row 5
    "28 x 28 pixels that inflate to 600 MB": lambda: png(header(28, 28), chunk(b"IDAT", zeros(600))),
    # the size of the file itself
    "a file over the limit": lambda: encode(digit()) + bytes(MAX_IMAGE_BYTES),
}


@pytest.mark.parametrize("case", TOO_LARGE)
def test_too_large_is_refused_before_any_decoder_runs(case: str, decoded: list[object]) -> None:
    data = TOO_LARGE[case]()

    with traced_peak() as peak, pytest.raises(ImageTooLargeError, match=r"\d"):
        read_picture(data)

    assert decoded == []
    assert peak() < 2 * len(data) + 4 * MAX_METADATA_BYTES


@pytest.mark.parametrize(
    ("width", "height", "over"),
    [
        (MAX_SIDE + 1, 10, f"over {MAX_SIDE} a side;"),
        (MAX_SIDE // 2, MAX_SIDE // 2, f"over {MAX_PIXELS / 1e6:.1f} megapixels;"),
        (MAX_SIDE + 1, MAX_SIDE, f"over {MAX_PIXELS / 1e6:.1f} megapixels and {MAX_SIDE} a side;"),
    ],
)
def test_only_the_limits_that_are_exceeded_are_told(width: int, height: int, over: str) -> None:
    with pytest.raises(ImageTooLargeError, match=over):
        read_picture(png(header(width, height)))


def test_a_good_picture_does_reach_the_decoder(decoded: list[object]) -> None:
    read_picture(encode(digit()))

    assert len(decoded) == 1


def test_the_largest_pictures_that_are_allowed_pass_the_check() -> None:
    assert inspect(png(header(2048, 2048), pixels())).width == 2048
    assert inspect(png(header(MAX_SIDE, 1), pixels())).width == MAX_SIDE
    assert inspect(progressive(MAX_SCANS)).format == "jpeg"
    assert inspect(with_extra(chunk(b"tEXt", b"a\0b") * (MAX_PARTS - 10))).format == "png"


BROKEN: dict[str, Callable[[], bytes]] = {
    "empty": lambda: b"",
    "PNG signature alone": lambda: SIGNATURE,
    "PNG of no width": lambda: png(header(0, 28), pixels()),
    "PNG of no height": lambda: png(header(28, 0), pixels()),
    "PNG of 3 bits": lambda: png(header(28, 28, 3), pixels()),
    "PNG of colour type 5": lambda: png(header(28, 28, 8, 5), pixels()),
    "PNG of 16-bit palette": lambda: png(header(28, 28, 16, 3), pixels()),
    "PNG with unknown compression": lambda: png(header(28, 28, 8, 0, 1, 0, 0), pixels()),
    "PNG with unknown interlacing": lambda: png(header(28, 28, 8, 0, 0, 0, 2), pixels()),
    "PNG with a header of the wrong length": lambda: png(chunk(b"IHDR", bytes(12)), pixels()),
    "PNG without header": lambda: png(pixels()),
    "PNG with two headers": lambda: png(header(28, 28), header(28, 28), pixels()),
    "PNG without pixels": lambda: png(header(28, 28)),
    "PNG without end": lambda: SIGNATURE + header(28, 28) + pixels(),
    "PNG with palette after pixels": lambda: png(header(28, 28, 8, 3), pixels(), chunk(b"PLTE", bytes(3))),
    "PNG with an unknown critical chunk": lambda: with_extra(chunk(b"EVIL")),
    "PNG chunk named in digits": lambda: with_extra(chunk(b"1234")),
    "PNG chunk of 2^32-1 bytes": lambda: with_extra(b"\xff\xff\xff\xfftEXt"),
    "PNG header with a wrong checksum": lambda: SIGNATURE + header(28, 28)[:-1] + b"?" + pixels() + chunk(b"IEND"),
    "PNG pixels with a wrong checksum": lambda: png(header(28, 28), pixels()[:-1] + b"?"),
    "PNG pixels that are not deflated": lambda: png(header(28, 28), chunk(b"IDAT", b"not deflated at all")),
    "PNG pixels that stop early": lambda: png(header(28, 28), pixels(100)),
    "PNG with no palette": lambda: png(header(28, 28, 8, 3), pixels(100)),
    "JPEG of three bytes": lambda: b"\xff\xd8\xff",
    "JPEG of no height": lambda: jpeg_header(28, 0),
    "JPEG with no tables": lambda: jpeg_header(28, 28),
    "JPEG with two frames": lambda: jpeg_header(28, 28)[:-2] + jpeg_header(28, 28)[2:],
    "JPEG with an empty frame header": lambda: b"\xff\xd8\xff\xc0\x00\x02\xff\xd9",
    "JPEG without frame": lambda: b"\xff\xd8\xff\xfe\x00\x02\xff\xd9",
    "JPEG with a segment of length 1": lambda: b"\xff\xd8\xff\xe0\x00\x01\xff\xd9",
    "JPEG inside a JPEG": lambda: b"\xff\xd8" + jpeg_header(28, 28),
    "WebP header alone": lambda: riff(),
    "WebP that says it is longer": lambda: b"RIFF\xff\xff\xff\xffWEBP" + vp8l(28, 28),
    "WebP of an unknown kind": lambda: riff(riff_chunk(b"VP9 ", bytes(20))),
    "WebP chunk that does not fit": lambda: riff(b"VP8L\xff\xff\xff\x7f/"),
    "WebP without picture": lambda: riff(vp8x(28, 28)),
    "WebP with a wrong magic number": lambda: riff(riff_chunk(b"VP8 ", bytes(20))),
    "WebP that is a later frame of a video": lambda: riff(riff_chunk(b"VP8 ", b"\x11\0\0\x9d\x01\x2a" + bytes(9))),
    "WebP lossy of no width": lambda: riff(vp8(0, 28)),
    "WebP with junk for a picture": lambda: riff(vp8l(28, 28, b"\xff" * 40)),
    "WebP whose canvas is another size than its picture": lambda: riff(vp8x(56, 56), vp8l(28, 28, bytes(20))),
}


@pytest.mark.parametrize("case", BROKEN)
def test_a_broken_file_is_unreadable(case: str) -> None:
    with pytest.raises(UnreadableImageError, match=r"empty|damaged"):
        read_picture(BROKEN[case]())


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP"])
def test_a_file_cut_short_anywhere_is_refused(kind: str) -> None:
    good = encode(digit(), kind)

    for size in range(len(good)):
        with pytest.raises(ImageError):
            read_picture(good[:size])


STRANGERS: dict[str, Callable[[], bytes]] = {
    "GIF": lambda: encode(digit(), "GIF"),
    "TIFF": lambda: encode(digit(), "TIFF"),
    "BMP": lambda: encode(digit(), "BMP"),
    "PPM": lambda: encode(digit("RGB"), "PPM"),
    "ICO": lambda: encode(digit(), "ICO"),
    "EPS": lambda: encode(digit(), "EPS"),
    "PDF": lambda: encode(digit(), "PDF"),
    "TGA": lambda: encode(digit(), "TGA"),
    "JPEG 2000": lambda: b"\x00\x00\x00\x0cjP  \r\n\x87\n" + bytes(40),
    "AVIF": lambda: b"\x00\x00\x00\x1cftypavif" + bytes(40),
    "SVG": lambda: b'<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg"><text>7</text></svg>',
    "HTML": lambda: b"<!doctype html><title>7</title>",
    "a RIFF that is sound": lambda: b"RIFF\x24\x00\x00\x00WAVEfmt " + bytes(28),
    "one byte": lambda: b"\x89",
    "zeros": lambda: bytes(1000),
}


@pytest.mark.parametrize("case", STRANGERS)
def test_other_types_are_unsupported_and_reach_no_decoder(case: str, decoded: list[object]) -> None:
    data = STRANGERS[case]()
    decoded.clear()

    with pytest.raises(UnsupportedFormatError, match="save it as PNG, JPEG or WebP"):
        read_picture(data)

    assert decoded == []


@pytest.mark.parametrize(("case", "name"), [("GIF", "a GIF"), ("SVG", "an SVG"), ("AVIF", "an AVIF"), ("BMP", "a BMP")])
def test_the_message_names_the_type_that_was_sent(case: str, name: str) -> None:
    with pytest.raises(UnsupportedFormatError, match=name):
        read_picture(STRANGERS[case]())


@pytest.mark.parametrize("marker", [0xC3, 0xC5, 0xC9, 0xCA])
def test_lossless_and_arithmetic_jpegs_are_unsupported(marker: int, decoded: list[object]) -> None:
    with pytest.raises(UnsupportedFormatError, match="JPEG"):
        read_picture(jpeg_header(28, 28, marker=marker))

    assert decoded == []


@pytest.mark.parametrize(("depth", "components"), [(12, 3), (8, 2), (8, 5)])
def test_jpegs_of_odd_samples_are_unsupported(depth: int, components: int) -> None:
    with pytest.raises(UnsupportedFormatError, match="JPEG"):
        read_picture(jpeg_header(28, 28, depth, components))


@settings(deadline=None)  # the machine may be busy
@given(st.binary(max_size=200), st.sampled_from([b"", SIGNATURE, b"\xff\xd8\xff", b"RIFF\x40\0\0\0WEBPVP8 "]))
def test_random_bytes_end_in_a_declared_error(tail: bytes, start: bytes) -> None:
    with pytest.raises(ImageError):
        read_picture(start + tail)


@settings(deadline=None)  # the machine may be busy
@given(st.integers(0, 2**32 - 1), st.integers(0, 2**32 - 1), st.sampled_from([1, 8, 16]), st.sampled_from([0, 2, 6]))
def test_no_declared_size_gets_past_the_limits(width: int, height: int, depth: int, colour: int) -> None:
    data = png(header(width, height, depth, colour), pixels())

    try:
        structure = inspect(data)
    except ImageError:
        structure = None

    allowed = 0 < width <= MAX_SIDE and 0 < height <= MAX_SIDE and width * height <= MAX_PIXELS
    assert structure is None or allowed


@pytest.mark.skipif(sys.platform == "win32", reason="Windows does not tell a process how much memory it has held")
def test_pixels_that_inflate_beyond_the_picture_are_never_inflated() -> None:
    """Under the limit on compressed bytes 60 MB of zeros may hide; the decoder stops where the picture is full."""
    bomb = png(header(28, 28), chunk(b"IDAT", zeros(60)))
    script = (
        "import resource, sys\n"
        "from inkdigit import errors, image\n"
        "data = sys.stdin.buffer.read()\n"
        "before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\n"
        "try:\n    image.read_picture(data)\n"
        "except errors.ImageError as error:\n    print(type(error).__name__)\n"
        "print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)\n"
    )

    run = subprocess.run([sys.executable, "-c", script], input=bomb, capture_output=True, check=True, timeout=60)

    outcome, growth = run.stdout.decode().split()
    unit = 1 if sys.platform == "darwin" else 1024
    assert outcome == "BlankImageError"
    assert int(growth) * unit < 30 * 2**20


def test_a_picture_that_is_also_a_web_page_or_an_archive_is_read_as_a_picture() -> None:
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr("evil.sh", "echo")
    plain = read_image(encode(digit()))

    for tail in (b"<script>alert(1)</script>", archive.getvalue()):
        assert np.array_equal(read_image(encode(digit()) + tail), plain)
    assert np.array_equal(read_image(with_extra(chunk(b"tEXt", b"Comment\0<script>alert(1)</script>"))), plain)


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP"])
def test_metadata_and_trailing_bytes_are_kept_from_the_decoder(kind: str) -> None:
    secret = b"<script>alert(1)</script>"
    options = {"exif": b"Exif\0\0II*\0" + secret} if kind == "JPEG" else {}
    data = encode(digit(), kind, **options) + secret
    if kind == "PNG":
        data = data[:33] + chunk(b"tEXt", b"a\0" + secret) + chunk(b"iCCP", b"a\0\0" + secret) + data[33:]

    assert secret not in inspect(data).essence


def test_damaged_metadata_does_not_stop_a_good_picture() -> None:
    plain = read_image(encode(digit()))
    damaged = [chunk(b"zTXt", b"a\0\0not deflated"), chunk(b"iCCP", b"no end"), chunk(b"eXIf", b"II*\0")]

    assert np.array_equal(read_image(with_extra(*damaged, chunk(b"tEXt")[:-1] + b"?")), plain)


def test_importing_leaves_pillows_settings_alone() -> None:
    script = (
        "from PIL import Image, ImageFile\n"
        "before = Image.MAX_IMAGE_PIXELS, ImageFile.LOAD_TRUNCATED_IMAGES\n"
        "import inkdigit.image\n"
        "assert before == (Image.MAX_IMAGE_PIXELS, ImageFile.LOAD_TRUNCATED_IMAGES)\n"
        "assert not ImageFile.LOAD_TRUNCATED_IMAGES\n"
    )

    run = subprocess.run([sys.executable, "-c", script], check=False, timeout=60)

    assert run.returncode == 0


def test_errors_of_the_decoder_stay_as_the_cause() -> None:
    with pytest.raises(UnreadableImageError) as caught:
        read_picture(png(header(28, 28), chunk(b"IDAT", b"not deflated at all")))

    assert caught.value.__cause__ is not None


# ---- data URLs (row 11) ----

GOOD_URL = "data:image/png;base64,iVBORw0KGgo="


@pytest.mark.parametrize(
    "url",
    [
        GOOD_URL,
        "DATA:IMAGE/PNG;BASE64,iVBORw0KGgo=",
        "data:image/jpeg;base64,iVBORw0KGgo=",
        "data:image/webp;charset=utf-8;base64,iVBORw0KGgo=",
        "data:image/png; base64,iVBORw0KGgo=",
    ],
)
def test_data_urls_of_the_three_types_are_decoded(url: str) -> None:
    assert decode_data_url(url) == SIGNATURE


@pytest.mark.parametrize(
    "url",
    [
        "",
        "data:",
        "data:image/png;base64",
        "iVBORw0KGgo=",
        "data:image/png,iVBORw0KGgo=",
        "data:image/png;base64;charset=utf-8,iVBORw0KGgo=",
        "data:image/png;base64,iVBORw0KGg",
        "data:image/png;base64,iVBO Rw0K Ggo=",
        "data:image/png;base64,iVBORw0KGgo=\n",
        "data:image/png;base64,iVBORw0KGgo%3D",
        "data:image/png;base64,iVBORw0KGgo=iVBORw0KGgo=",
        "data:image/png;base64,-_-_",
        "data:image/png;base64,é",
        "data:image/png;base64,\ud800",
        "data:image/png" + ";x" * 500 + ";base64,iVBORw0KGgo=",
        "http://127.0.0.1:9/7.png",
        "https://example.org/data:image/png;base64,iVBORw0KGgo=",
        "file:///etc/passwd",
        "//example.org/7.png",
        "javascript:alert(1),",
        " " + GOOD_URL,
    ],
)
def test_what_is_no_base64_data_url_is_unreadable(url: str) -> None:
    with pytest.raises(UnreadableImageError, match="data URL"):
        decode_data_url(url)


@pytest.mark.parametrize(
    "mime", ["", "image/svg+xml", "image/gif", "text/html", "image/png2", "application/octet-stream"]
)
def test_data_urls_of_another_type_are_unsupported(mime: str) -> None:
    with pytest.raises(UnsupportedFormatError, match="PNG, JPEG or WebP"):
        decode_data_url(f"data:{mime};base64,iVBORw0KGgo=")


def test_a_data_url_over_the_limit_is_refused_before_it_is_decoded(monkeypatch: pytest.MonkeyPatch) -> None:
    url = "data:image/png;base64," + "A" * (MAX_IMAGE_BYTES // 3 * 4 + 8)
    decoded: list[object] = []
    monkeypatch.setattr("base64.b64decode", lambda *a, **k: decoded.append(a))

    with pytest.raises(ImageTooLargeError):
        decode_data_url(url)

    assert decoded == []


def test_a_data_url_of_exactly_the_limit_is_decoded() -> None:
    size = MAX_IMAGE_BYTES

    assert len(decode_data_url("data:image/png;base64," + "A" * (size // 3 * 4) + "AA==")) == size


def test_no_url_opens_a_connection_or_a_file(monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[object] = []
    monkeypatch.setattr("socket.socket.connect", lambda *a: opened.append(a))
    monkeypatch.setattr("builtins.open", lambda *a, **k: opened.append(a))

    for url in ("http://127.0.0.1:9/7.png", "file:///etc/passwd", "ftp://127.0.0.1/7.png"):
        with pytest.raises(UnreadableImageError):
            decode_data_url(url)

    assert opened == []


@settings(deadline=None)  # the machine may be busy
@given(st.binary(max_size=80), st.sampled_from(["", "data:", "data:image/png;base64,"]))
def test_any_text_decodes_or_ends_in_a_declared_error(text: bytes, start: str) -> None:
    try:
        decoded = decode_data_url(start + text.decode("latin-1"))
    except ImageError:
        decoded = b""

    assert isinstance(decoded, bytes)

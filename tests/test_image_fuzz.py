"""30,000 broken pictures: each is read, or refused with a declared error, in bounded memory.

The mutations are the same in every run. They know a little of the formats, so that many get past the checks of the
header and reach the decoders: a PNG's checksums are made to fit again, and the seeds cover all three formats with
their variants.
"""

import io
import random
import struct
import sys
import zlib
from collections import Counter
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageDraw

from inkdigit.errors import ImageError
from inkdigit.image import MAX_PIXELS, MAX_SIDE, Picture, read_picture

MUTATIONS = 30_000
PARTS = 10  # the mutations come in parts, so that a failure names a smaller range
MEMORY_BYTES = 40 * MAX_PIXELS  # the largest picture allowed, as RGBA, decoded and composited, with room for arrays


def encode(image: Image.Image, kind: str, **options: Any) -> bytes:
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def seeds() -> list[bytes]:
    page = Image.new("L", (24, 24), 255)
    ImageDraw.Draw(page).line([(6, 5), (17, 5), (10, 19)], fill=0, width=3)
    colour, other = page.convert("RGB"), page.rotate(90).convert("RGB")
    alpha = Image.new("RGBA", page.size, (0, 0, 0, 0))
    alpha.putalpha(page)
    deep = Image.fromarray(np.asarray(page).astype(np.uint16) * 257)
    exif = Image.Exif()
    exif[0x0112] = 6
    frames: dict[str, Any] = {"save_all": True, "append_images": [other]}
    return [
        encode(page, "PNG"),
        encode(page.convert("1"), "PNG"),
        encode(page.convert("P"), "PNG", transparency=0),
        encode(alpha, "PNG"),
        encode(alpha.convert("LA"), "PNG", exif=exif),
        encode(deep, "PNG", transparency=65535),
        encode(colour, "PNG", **frames),
        encode(page, "JPEG"),
        encode(colour, "JPEG", exif=exif, quality=60),
        encode(colour, "JPEG", progressive=True, subsampling=2),
        encode(colour.convert("CMYK"), "JPEG", quality=50),
        encode(colour, "WEBP", quality=50),
        encode(alpha, "WEBP", quality=50, exif=exif),
        encode(alpha, "WEBP", lossless=True),
        encode(colour, "WEBP", **frames),
    ]


# ---- mutations: bytes of one or more seeds -> bytes ----


def flip_bits(data: bytearray, dice: random.Random) -> None:
    for _ in range(dice.choice([1, 1, 2, 4, 16])):
        data[dice.randrange(len(data))] ^= 1 << dice.randrange(8)


def put_extremes(data: bytearray, dice: random.Random) -> None:
    size = dice.choice([1, 2, 4])
    at = dice.randrange(max(1, len(data) - size))
    value = dice.choice([0, 1, 0x7F, 0x80, 0xFF, 0x7FFF, 0xFFFF, 0x7FFFFFFF, 0xFFFFFFFF])
    data[at : at + size] = (value & ((1 << 8 * size) - 1)).to_bytes(size, dice.choice(["big", "little"]))


def cut(data: bytearray, dice: random.Random) -> None:
    at = dice.randrange(len(data))
    del data[at : at + dice.choice([1, 2, 8, 64, len(data)])]


def repeat(data: bytearray, dice: random.Random) -> None:
    at = dice.randrange(len(data))
    part = data[at : at + dice.choice([1, 4, 12, 60])]
    data[at:at] = part * dice.choice([1, 2, 50])


def insert_noise(data: bytearray, dice: random.Random) -> None:
    at = dice.randrange(len(data))
    data[at:at] = dice.randbytes(dice.choice([1, 2, 7, 40]))


def overwrite_the_header(data: bytearray, dice: random.Random) -> None:
    data[dice.randrange(8, 40) % len(data)] = dice.randrange(256)


MUTATORS: list[Callable[[bytearray, random.Random], None]] = [
    flip_bits,
    flip_bits,
    put_extremes,
    cut,
    repeat,
    insert_noise,
    overwrite_the_header,
]


def with_fitting_checksums(data: bytes) -> bytes:
    """The PNG with each chunk's checksum made right, as far as its chunks can be followed."""
    at, fixed = 8, bytearray(data)
    while at + 12 <= len(fixed):
        end = at + 12 + int.from_bytes(fixed[at : at + 4], "big")
        if end > len(fixed):
            break
        fixed[end - 4 : end] = struct.pack(">I", zlib.crc32(fixed[at + 4 : end - 4]))
        at = end
    return bytes(fixed)


def mutated(number: int, sources: list[bytes]) -> bytes:
    dice = random.Random(number)
    data = bytearray(sources[number % len(sources)])
    for _ in range(dice.choice([1, 1, 1, 2, 3])):
        if data:
            dice.choice(MUTATORS)(data, dice)
    if dice.random() < 0.05:
        data += dice.choice(sources)[dice.randrange(100) :]
    is_png = data[:4] == b"\x89PNG"
    return with_fitting_checksums(bytes(data)) if is_png and dice.random() < 0.8 else bytes(data)


def peak_memory_bytes() -> int:
    """The most memory that this process has held; 0 on Windows, where it cannot be asked so."""
    if sys.platform == "win32":
        return 0
    import resource

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


def assert_sound(picture: Picture) -> None:
    height, width = picture.ink.shape
    assert picture.ink.dtype == np.uint8
    assert 0 < height <= MAX_SIDE
    assert 0 < width <= MAX_SIDE
    assert picture.ink.size <= MAX_PIXELS
    assert picture.ink.max() >= 128


@pytest.mark.parametrize("part", range(PARTS))
def test_mutated_pictures_are_read_or_refused_in_bounded_memory(part: int) -> None:
    sources = seeds()
    outcomes: Counter[str] = Counter()
    memory_before = peak_memory_bytes()
    count = MUTATIONS // PARTS

    for number in range(part * count, (part + 1) * count):
        data = mutated(number, sources)
        try:
            picture = read_picture(data)
        except ImageError as error:
            outcomes[type(error).__name__] += 1
        except BaseException as error:
            raise AssertionError(f"mutation {number} ended in {error!r}: {data.hex()}") from error
        else:
            outcomes["read"] += 1
            assert_sound(picture)

    assert peak_memory_bytes() - memory_before < MEMORY_BYTES
    assert outcomes.total() == count
    assert outcomes["read"] > count // 20  # else the mutations are too wild to try the decoders
    assert outcomes["UnreadableImageError"] > count // 5

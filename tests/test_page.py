"""bytes -> page: photos as large as a phone makes them, upright and dark on light, and hostile files refused."""

import subprocess
import sys
from collections.abc import Callable

import numpy as np
import pytest
from PIL import Image
from tests.pages import BLACK, BLUE, GREEN, PAPER, RED, Colour, Photo, Sheet, encoded
from tests.test_image_attacks import (
    BROKEN,
    STRANGERS,
    TOO_LARGE,
    chunk,
    digit,
    encode,
    header,
    jpeg_header,
    pixels,
    png,
    progressive,
    riff,
    riff_chunk,
    traced_peak,
    vp8l,
    vp8x,
    with_extra,
)

from inkdigit.errors import (
    BlankImageError,
    ImageError,
    ImageTooLargeError,
    UnreadableImageError,
    UnsupportedFormatError,
)
from inkdigit.image import read_image, read_page
from inkdigit.structure import DIGIT_LIMITS, MAX_IMAGE_BYTES, MAX_METADATA_BYTES, MAX_PIXELS, PAGE_LIMITS, inspect

# What is too large for a digit and not for a page; the like of it at a page's limits is below.
DIGITS_ALONE = {
    "PNG one row over the area",
    "5,000 empty private chunks",
    "5,000 empty JPEG comments",
    "5,000 empty WebP chunks",
    "a file over the limit",
}
LARGE_PAGES: dict[str, Callable[[], bytes]] = {
    **{case: make for case, make in TOO_LARGE.items() if case not in DIGITS_ALONE},
    "PNG one row over a page": lambda: png(header(4096, 3073), pixels()),
    "PNG one pixel over a page's side": lambda: png(header(PAGE_LIMITS.side + 1, 1), pixels()),
    "JPEG one row over a page": lambda: jpeg_header(4096, 3073),
    "WebP one row over a page": lambda: riff(vp8l(4096, 3073, bytes(12))),
    "9,000 empty private chunks": lambda: with_extra(chunk(b"prVt") * 9_000),
    "9,000 empty JPEG comments": lambda: b"\xff\xd8" + b"\xff\xfe\x00\x02" * 9_000 + jpeg_header(28, 28)[2:],
    "9,000 empty WebP chunks": lambda: riff(vp8x(28, 28), riff_chunk(b"ABCD", b"") * 9_000, vp8l(28, 28)),
    "a file over a page's limit": lambda: encode(digit()) + bytes(PAGE_LIMITS.bytes),
}


@pytest.mark.parametrize("case", LARGE_PAGES)
def test_too_large_is_refused_before_any_decoder_runs(case: str, monkeypatch: pytest.MonkeyPatch) -> None:
    data = LARGE_PAGES[case]()
    opened: list[object] = []
    monkeypatch.setattr(Image, "open", lambda *given, **_: opened.append(given))

    with traced_peak() as peak, pytest.raises(ImageTooLargeError, match=r"\d"):
        read_page(data)

    assert opened == []
    assert peak() < 2 * len(data) + 4 * MAX_METADATA_BYTES


@pytest.mark.parametrize("case", BROKEN)
def test_a_broken_file_is_unreadable(case: str) -> None:
    with pytest.raises(UnreadableImageError, match=r"empty|damaged"):
        read_page(BROKEN[case]())


@pytest.mark.parametrize("case", STRANGERS)
def test_other_types_are_unsupported(case: str) -> None:
    with pytest.raises(UnsupportedFormatError, match="save it as PNG, JPEG or WebP"):
        read_page(STRANGERS[case]())


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP"])
def test_a_file_cut_short_is_refused(kind: str) -> None:
    good = encode(digit(), kind)

    for size in range(0, len(good), 7):
        with pytest.raises(ImageError):
            read_page(good[:size])


def test_mutated_files_end_in_a_page_or_a_declared_error() -> None:
    random = np.random.default_rng(4)
    good = [np.frombuffer(encode(digit(), kind), np.uint8) for kind in ("PNG", "JPEG", "WEBP")]

    for turn in range(300):
        data = good[turn % 3].copy()
        data[random.integers(0, len(data), 3)] = random.integers(0, 256, 3)
        try:
            page = read_page(data.tobytes())
        except ImageError:
            continue
        assert page.dtype == np.uint8
        assert page.size <= PAGE_LIMITS.pixels


def test_the_largest_photos_pass_the_check() -> None:
    assert inspect(png(header(4096, 3072), pixels()), PAGE_LIMITS).width == 4096
    assert inspect(jpeg_header(3072, 4096), PAGE_LIMITS).height == 4096
    assert inspect(progressive(32), PAGE_LIMITS).format == "jpeg"


def test_the_limits_of_a_digit_stay_as_they_are() -> None:
    assert (DIGIT_LIMITS.bytes, DIGIT_LIMITS.pixels) == (MAX_IMAGE_BYTES, MAX_PIXELS)
    with pytest.raises(ImageTooLargeError):
        read_image(png(header(4096, 3072), pixels()))


PEAK = """
import re, sys
from inkdigit.image import read_page
from inkdigit.layout import find_lines
page = read_page(sys.stdin.buffer.read())
find_lines(page)
with open("/proc/self/status") as status:  # getrusage would count what the process held that started this one
    print(*page.shape, re.search(r"VmHWM:\\s+(\\d+)", status.read())[1])
"""


@pytest.mark.skipif(sys.platform != "linux", reason="other systems count the memory a process has held differently")
@pytest.mark.parametrize(("kind", "options"), [("JPEG", {"progressive": True}), ("PNG", {"compress_level": 1})])
def test_a_photo_of_twelve_megapixels_takes_little_memory(kind: str, options: dict[str, int]) -> None:
    sheet = Sheet(1024, 768).write("4007", 100, 100).write("12", 600, 100).write("3.50", 100, 400, ink=BLUE)
    photo = sheet.picture().resize((4096, 3072))
    data = encoded(photo if kind == "JPEG" else photo.convert("RGBA"), kind, **options)

    run = subprocess.run([sys.executable, "-c", PEAK], input=data, capture_output=True, check=True)
    height, width, peak_kib = map(int, run.stdout.split())

    assert (height, width) == (3072, 4096)
    assert peak_kib < 600 * 1024


def seven(ink: Colour = BLACK, paper: Colour = PAPER) -> Image.Image:
    return Sheet(160, 120, paper).write("7", 40, 30, 50, ink=ink).picture()


def as_alpha(ink: Colour) -> Image.Image:
    shape = seven((255, 255, 255), (0, 0, 0)).convert("L")
    page = Image.new("RGBA", shape.size, (*ink, 0))
    page.putalpha(shape)
    return page


SAME_PAGE: dict[str, Callable[[], bytes]] = {
    "dark on light": lambda: encoded(seven()),
    "light on dark": lambda: encoded(seven(PAPER, BLACK)),
    "black on transparent": lambda: encoded(as_alpha((0, 0, 0))),
    "white on transparent": lambda: encoded(as_alpha((255, 255, 255))),
    "palette": lambda: encoded(seven().convert("L").convert("P")),
    "grey": lambda: encoded(seven().convert("L")),
    "16-bit grey": lambda: encoded(Image.fromarray(np.asarray(seven().convert("L")).astype(np.uint16) * 257)),
    "CMYK": lambda: encoded(seven().convert("CMYK"), "JPEG", quality=95),
    "lossless WebP": lambda: encoded(seven(), "WEBP", lossless=True),
    "a noisy photo, light on dark": lambda: encoded(Photo(noise=6, shade=0.2).of(Sheet(160, 120, (40, 50, 45)).write(
        "7", 40, 30, 50, ink=(230, 230, 230)))[0]),
}  # fmt: skip


@pytest.mark.parametrize("case", SAME_PAGE)
def test_a_page_is_dark_on_light_however_it_was_saved(case: str) -> None:
    want = np.asarray(seven().convert("L"), np.float32)

    page = read_page(SAME_PAGE[case]())

    assert page.dtype == np.uint8
    assert np.corrcoef(page.ravel(), want.ravel())[0, 1] > 0.9


@pytest.mark.parametrize("ink", [BLACK, BLUE, RED, GREEN, (230, 120, 20), (200, 60, 200)])
def test_a_pen_of_any_colour_is_dark(ink: Colour) -> None:
    page = read_page(encoded(seven(ink)))

    assert page.min() < 70
    assert np.median(page) > 230


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_turned_photo_comes_out_upright(orientation: int) -> None:
    turns = [None, None, 0, 3, 1, 5, 2, 6, 4]  # what a camera that was held so has done to the picture
    turn = turns[orientation]
    stored = seven() if turn is None else seven().transpose(Image.Transpose(turn))
    exif = Image.Exif()
    exif[0x0112] = orientation

    page = read_page(encoded(stored, "PNG", exif=exif))

    assert (page == read_page(encoded(seven()))).all()


@pytest.mark.parametrize("paper", ["white", "black", "grey"])
def test_a_picture_of_one_colour_is_blank(paper: str) -> None:
    with pytest.raises(BlankImageError, match="blank"):
        read_page(encoded(Image.new("RGB", (300, 200), paper)))

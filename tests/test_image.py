"""bytes -> ink: what is read, and that the same drawing gives the same ink however it was saved."""

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from inkdigit.errors import BlankImageError
from inkdigit.image import (
    MIN_CONTRAST,
    Ink,
    decode_data_url,
    encode_data_url,
    encode_png,
    read_image,
    read_page,
    read_picture,
)

DEV_DATA = Path(__file__).parents[2] / "shared" / "data"
needs_dev_data = pytest.mark.skipif(not DEV_DATA.is_dir(), reason="the development drawings are not on this machine")


def encode(image: Image.Image, kind: str = "PNG", **options: Any) -> bytes:
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def png_of(levels: NDArray[np.uint8]) -> bytes:
    return encode(Image.fromarray(levels))


def seven(ink: Any = "black", paper: Any = "white", side: int = 112, mode: str = "RGB") -> Image.Image:
    """A 7 with soft edges, off centre, so that turning or mirroring it shows."""
    page = Image.new(mode, (4 * side, 4 * side), paper)
    points = [(x * 4 * side // 280, y * 4 * side // 280) for x, y in [(60, 60), (180, 60), (110, 230)]]
    ImageDraw.Draw(page).line(points, fill=ink, width=side // 3, joint="curve")
    return page.resize((side, side), Image.Resampling.BOX)


def seven_as_alpha(ink: tuple[int, int, int]) -> Image.Image:
    page = Image.new("RGBA", (112, 112), (*ink, 0))
    page.putalpha(seven("white", "black").convert("L"))
    return page


def seven_in_16_bits() -> Image.Image:
    return Image.fromarray(np.asarray(seven().convert("L")).astype(np.uint16) * 257)


@pytest.fixture(scope="module")
def plain() -> Ink:
    return read_image(encode(seven().convert("L")))


SAME_INK: dict[str, Callable[[], bytes]] = {
    "colour": lambda: encode(seven()),
    "colour with alpha": lambda: encode(seven().convert("RGBA")),
    "white on black": lambda: encode(seven("white", "black")),
    "black on transparent": lambda: encode(seven_as_alpha((0, 0, 0))),
    "white on transparent": lambda: encode(seven_as_alpha((255, 255, 255))),
    "grey with alpha": lambda: encode(seven_as_alpha((0, 0, 0)).convert("LA")),
    "white grey with alpha": lambda: encode(seven_as_alpha((255, 255, 255)).convert("LA")),
    "palette": lambda: encode(seven().convert("L").convert("P")),
    "palette, paper transparent": lambda: encode(seven().convert("L").convert("P"), transparency=255),
    "grey, paper transparent": lambda: encode(seven().convert("L"), transparency=255),
    "colour, paper transparent": lambda: encode(seven(), transparency=(255, 255, 255)),
    "16-bit grey": lambda: encode(seven_in_16_bits()),
    "16-bit grey, paper transparent": lambda: encode(seven_in_16_bits(), transparency=65535),
    "interlaced frames (APNG)": lambda: encode(seven(), save_all=True, append_images=[seven().rotate(180)]),
    "lossless WebP": lambda: encode(seven(), "WEBP", lossless=True),
    "lossless WebP with alpha": lambda: encode(seven_as_alpha((0, 0, 0)), "WEBP", lossless=True),
    "faint": lambda: encode(Image.fromarray((235 + np.asarray(seven().convert("L")) * (20 / 255)).astype(np.uint8))),
}

NEARLY_SAME_INK: dict[str, Callable[[], bytes]] = {
    "JPEG": lambda: encode(seven(), "JPEG", quality=95),
    "JPEG, poor": lambda: encode(seven(), "JPEG", quality=30),
    "progressive JPEG": lambda: encode(seven(), "JPEG", quality=95, progressive=True),
    "grey JPEG": lambda: encode(seven().convert("L"), "JPEG", quality=95),
    "CMYK JPEG": lambda: encode(seven().convert("CMYK"), "JPEG", quality=95),
    "WebP": lambda: encode(seven(), "WEBP", quality=90),
    "animated WebP": lambda: encode(seven(), "WEBP", save_all=True, append_images=[seven().rotate(180)]),
    "1 bit": lambda: encode(seven().convert("1", dither=Image.Dither.NONE)),
    "red on green of the same brightness": lambda: encode(seven((255, 0, 0), (0, 130, 0))),
    "yellow on white": lambda: encode(seven((255, 255, 0))),
    "blue on black": lambda: encode(seven((0, 0, 255), "black")),
    "pencil grey on brown paper": lambda: encode(seven((95, 95, 95), (200, 180, 150)), "JPEG"),
}


@pytest.mark.parametrize("case", SAME_INK)
def test_how_a_drawing_is_stored_does_not_change_its_ink(case: str, plain: Ink) -> None:
    ink = read_image(SAME_INK[case]())

    tolerance = 13 if case == "faint" else 1  # 20 levels stretched to 255
    assert np.abs(ink.astype(int) - plain).max() <= tolerance


@pytest.mark.parametrize("case", NEARLY_SAME_INK)
def test_a_lossy_or_coloured_drawing_has_nearly_the_same_ink(case: str, plain: Ink) -> None:
    ink = read_image(NEARLY_SAME_INK[case]())

    assert np.abs(ink.astype(int) - plain).mean() < 2.5
    assert np.array_equal(ink[:8], np.zeros((8, 112), np.uint8))  # far from the strokes the paper is clean


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_picture_is_turned_upright_as_its_exif_says(orientation: int, kind: str, plain: Ink) -> None:
    undo = {
        2: Image.Transpose.FLIP_LEFT_RIGHT,
        3: Image.Transpose.ROTATE_180,
        4: Image.Transpose.FLIP_TOP_BOTTOM,
        5: Image.Transpose.TRANSPOSE,
        6: Image.Transpose.ROTATE_90,
        7: Image.Transpose.TRANSVERSE,
        8: Image.Transpose.ROTATE_270,
    }
    stored = seven() if orientation == 1 else seven().transpose(undo[orientation])
    exif = Image.Exif()
    exif[0x0112] = orientation

    ink = read_image(encode(stored, kind, exif=exif, quality=95))

    assert np.abs(ink.astype(int) - plain).mean() < 1.5


@pytest.mark.parametrize("exif", [b"", b"II*\0", b"MM\0*\xff\xff\xff\xff", b"Exif\0\0II*\0\x08\0\0\0\xff\xff\x12\x01"])
def test_a_damaged_exif_block_turns_nothing(exif: bytes, plain: Ink) -> None:
    ink = read_image(encode(seven(), "WEBP", lossless=True, exif=exif))

    assert np.array_equal(ink, plain)


def test_a_drawing_on_its_own_side_keeps_its_shape() -> None:
    page = Image.new("L", (40, 20), 255)
    page.paste(0, (5, 5, 9, 15))
    exif = Image.Exif()
    exif[0x0112] = 6

    assert read_image(encode(page, exif=exif)).shape == (40, 20)


@st.composite
def strokes(draw: st.DrawFn) -> NDArray[np.uint8]:
    """White strokes of any strength on black, off the border, covering less than half of the canvas."""
    side = draw(st.integers(12, 64))
    levels = np.zeros((side, side), np.uint8)
    for _ in range(draw(st.integers(1, 3))):
        top, left = draw(st.integers(2, side // 2)), draw(st.integers(2, side // 2))
        height, width = draw(st.integers(1, side // 3)), draw(st.integers(1, side // 3))
        levels[top : top + height, left : left + width] = draw(st.integers(180, 255))
    levels[2, 2:4] = 255
    assume((levels > 0).mean() < 0.5)
    return levels


@settings(deadline=None)  # the machine may be busy
@given(strokes())
def test_a_clean_drawing_comes_back_as_it_was(levels: NDArray[np.uint8]) -> None:
    picture = read_picture(png_of(levels))

    assert picture.polarity == "light-on-dark"
    assert np.array_equal(picture.ink, levels)


@settings(deadline=None)  # the machine may be busy
@given(strokes())
def test_inverting_a_drawing_changes_its_polarity_and_not_its_ink(levels: NDArray[np.uint8]) -> None:
    picture = read_picture(png_of(255 - levels))

    assert picture.polarity == "dark-on-light"
    assert np.array_equal(picture.ink, levels)


@settings(deadline=None)  # the machine may be busy
@given(strokes(), st.integers(0, 200), st.integers(30, 255))
def test_dark_paper_and_weak_ink_are_stretched_to_the_full_range(
    levels: NDArray[np.uint8], paper: int, contrast: int
) -> None:
    contrast = min(contrast, 255 - paper)
    dull = (paper + levels * (contrast / 255)).round().astype(np.uint8)

    ink = read_image(png_of(dull))

    assert ink.min() == 0
    assert ink.max() == 255
    assert np.abs(ink.astype(float) - levels).max() <= 255 / contrast


def test_a_thick_pen_that_fills_most_of_a_tight_crop_is_still_the_ink() -> None:
    page = Image.new("L", (160, 160), 0)
    ImageDraw.Draw(page).ellipse((0, 0, 159, 159), outline=255, width=40)
    levels = np.asarray(page.resize((16, 16), Image.Resampling.BOX))
    covered = float((levels > 127).mean())

    polarity = read_picture(png_of(levels)).polarity

    assert covered > 0.5
    assert polarity == "light-on-dark"


def test_a_frame_around_the_drawing_does_not_turn_the_polarity() -> None:
    page = seven()
    ImageDraw.Draw(page).rectangle((0, 0, 111, 111), outline="black", width=2)

    assert read_picture(encode(page)).polarity == "dark-on-light"


def photo(light: bool, grain: float = 4.0, shade: float = 90.0) -> Image.Image:
    """The seven on paper that is lit from one side, with grain."""
    random = np.random.default_rng(7)
    contrast = np.asarray(seven("white", "black", side=224).convert("L"), float) * (-70 / 255 if light else 70 / 255)
    lit = np.linspace(0, shade, 224) + np.linspace(0, shade / 3, 224)[:, None] + (110 if light else 20)
    levels = lit + contrast + random.normal(0, grain, (224, 224))
    return Image.fromarray(levels.clip(0, 255).astype(np.uint8))


@pytest.mark.parametrize("kind", ["PNG", "JPEG"])
@pytest.mark.parametrize("light", [True, False])
def test_shade_and_grain_of_a_photo_are_not_ink(light: bool, kind: str) -> None:
    drawn = np.asarray(seven("white", "black", side=224).convert("L"))

    picture = read_picture(encode(photo(light), kind))

    assert picture.polarity == ("dark-on-light" if light else "light-on-dark")
    assert (picture.ink[drawn == 255] > 127).mean() > 0.99
    assert (picture.ink[drawn == 0] > 127).mean() < 0.01
    assert (picture.ink[drawn == 0] > 0).mean() < 0.05


def test_print_lines_along_the_edge_of_a_photo_are_dropped() -> None:
    page = photo(light=True)
    ImageDraw.Draw(page).line([(12, 0), (12, 223)], fill=30, width=5)
    ImageDraw.Draw(page).line([(0, 210), (223, 210)], fill=30, width=3)

    ink = read_image(encode(page))

    assert not ink[:, :20].any()
    assert not ink[205:].any()
    assert (ink[40:190, 40:190] > 127).sum() > 2000


def test_a_photo_with_ink_along_its_edge_only_keeps_it() -> None:
    page = photo(light=True)
    page.paste(photo(light=True).crop((0, 0, 30, 30)).resize((224, 224)))
    ImageDraw.Draw(page).line([(12, 60), (12, 150)], fill=30, width=9)

    assert read_image(encode(page))[70:140, 12].min() > 127


def test_salt_and_pepper_is_wiped_off() -> None:
    levels = np.asarray(seven("white", "black", side=56).convert("L")).copy()
    clean = levels > 127
    random = np.random.default_rng(3)
    levels[random.random(levels.shape) < 0.03] = 255
    levels[random.random(levels.shape) < 0.03] = 0

    ink = read_image(png_of(levels))

    assert ((ink > 127) != clean).mean() < 0.02


def test_faint_blots_far_from_the_ink_are_wiped_off() -> None:
    page = seven(side=112).convert("L")
    ImageDraw.Draw(page).rectangle((80, 60, 110, 110), fill=210)

    ink = read_image(encode(page))

    assert ink[70:, 85:].max() == 0


def test_one_stray_pixel_does_not_make_a_faint_drawing_fainter() -> None:
    levels = np.asarray(seven((225, 225, 225)).convert("L")).copy()
    levels[105, 105] = 0

    ink = read_image(png_of(levels))

    assert np.percentile(ink[ink > 0], 90) > 150


@pytest.mark.parametrize(
    "levels",
    [
        np.full((28, 28), 255, np.uint8),
        np.zeros((28, 28), np.uint8),
        np.full((1, 1), 128, np.uint8),
        np.full((28, 28), 200, np.uint8) + np.arange(28, dtype=np.uint8)[:, None] % MIN_CONTRAST,
        np.random.default_rng(1).normal(128, 12, (64, 64)).astype(np.uint8),
        np.tile(np.linspace(80, 200, 96).astype(np.uint8), (96, 1)),
    ],
    ids=["white", "black", "one pixel", "too little contrast", "grain and nothing else", "shade and nothing else"],
)
def test_a_picture_without_ink_is_blank(levels: NDArray[np.uint8]) -> None:
    with pytest.raises(BlankImageError, match="blank"):
        read_picture(png_of(levels))


def test_scattered_single_dots_are_no_drawing() -> None:
    levels = np.full((56, 56), 255, np.uint8)
    levels[4:52:8, 4:52:8] = 0

    with pytest.raises(BlankImageError, match="dots"):
        read_picture(png_of(levels))


def test_a_single_dot_is_ink() -> None:
    levels = np.full((56, 56), 255, np.uint8)
    levels[20, 30] = 0

    assert np.argwhere(read_image(png_of(levels))).tolist() == [[20, 30]]


def test_a_wholly_transparent_picture_is_blank() -> None:
    with pytest.raises(BlankImageError):
        read_picture(encode(Image.new("RGBA", (28, 28), (10, 200, 30, 0))))


@pytest.mark.parametrize(("kind", "name"), [("PNG", "png"), ("JPEG", "jpeg"), ("WEBP", "webp")])
def test_the_type_is_told_from_the_bytes(kind: str, name: str) -> None:
    assert read_picture(encode(seven(), kind)).format == name


@pytest.mark.parametrize("shape", [(1, 2), (2, 1), (1, 200), (200, 1), (2, 2), (3, 300)])
def test_odd_shapes_never_crash(shape: tuple[int, int]) -> None:
    levels = np.full(shape, 255, np.uint8)
    levels[0, 0] = 0

    ink = read_image(png_of(levels))

    assert ink.shape == shape
    assert ink.max() == 255


@settings(deadline=None)  # the machine may be busy
@given(st.binary(max_size=300))
def test_a_data_url_gives_back_the_bytes_it_was_made_of(data: bytes) -> None:
    assert decode_data_url(encode_data_url(data)) == data


@settings(deadline=None)  # the machine may be busy
@given(strokes())
def test_what_the_model_saw_survives_its_png(levels: NDArray[np.uint8]) -> None:
    image = (levels / 255).astype(np.float32)

    decoded = np.asarray(Image.open(io.BytesIO(encode_png(image))))

    assert np.array_equal(decoded, levels)


def test_values_outside_the_range_are_cut_off_in_a_png() -> None:
    image = np.array([[-1.0, 0.5, 2.0]], np.float32)

    decoded = np.asarray(Image.open(io.BytesIO(encode_png(image))))

    assert decoded.tolist() == [[0, 128, 255]]


@needs_dev_data
@pytest.mark.parametrize("name", ["mouse_digits_dev", "drawn28_digits_dev", "post_digits_dev"])
def test_the_polarity_of_real_drawings_is_right_both_ways(name: str) -> None:
    images = np.load(DEV_DATA / f"{name}.npz")["image"][:400]

    as_drawn = [read_picture(png_of(image)).polarity for image in images]
    inverted = [read_picture(png_of(255 - image)).polarity for image in images]

    assert set(as_drawn) == {"light-on-dark"}
    assert set(inverted) == {"dark-on-light"}


@needs_dev_data
def test_the_polarity_of_photographed_digits_is_right() -> None:
    images = np.load(DEV_DATA / "photo_digits_dev.npz")["image"]

    assert {read_picture(png_of(image)).polarity for image in images} == {"dark-on-light"}


@needs_dev_data
def test_the_polarity_of_corrupted_digits_is_right_stripes_included() -> None:
    data = np.load(DEV_DATA / "mnist_c_dev.npz")
    images = data["image"][::4]

    wrong = sum(read_picture(png_of(image)).polarity != "light-on-dark" for image in images)

    assert wrong <= len(images) // 200


def test_print_lines_that_the_digit_touches_are_dropped_and_the_digit_stays_whole() -> None:
    page = photo(light=True)
    pen = ImageDraw.Draw(page)
    pen.line([(40, 0), (36, 223)], fill=30, width=6)
    pen.line([(0, 190), (223, 186)], fill=60, width=3)  # through the foot of the seven

    ink = read_image(encode(page))

    plain = read_image(encode(photo(light=True)))
    assert not ink[60:180, 30:44].any()
    assert (ink > 127).sum() == pytest.approx((plain > 127).sum(), rel=0.1)


def test_a_digit_cut_close_keeps_its_straight_strokes() -> None:
    page = Image.new("L", (120, 160), 255)
    ImageDraw.Draw(page).line([(0, 8), (112, 8), (40, 159)], fill=0, width=17, joint="curve")
    levels = np.asarray(page)

    assert np.array_equal(read_image(png_of(levels)), 255 - levels)


@pytest.mark.parametrize("upright", [True, False])
@pytest.mark.parametrize("inverted", [True, False])
def test_bands_in_which_black_and_white_changed_places_change_back(upright: bool, inverted: bool) -> None:
    plain = np.asarray(seven("white", "black", side=56).convert("L"))
    levels = plain.copy() if upright else plain.T.copy()
    levels[:, :14] = 255 - levels[:, :14]
    levels[:, 40:] = 255 - levels[:, 40:]
    levels = levels if upright else levels.T

    ink = read_image(png_of(255 - levels if inverted else levels))

    assert np.array_equal(ink, plain)


@pytest.mark.parametrize("name", ["seven.png", Path("seven.png")])
@pytest.mark.parametrize("read", [read_image, read_page])
def test_a_name_in_place_of_the_bytes_is_told_with_what_helps(read: Callable[[Any], object], name: object) -> None:
    with pytest.raises(TypeError, match=r"the bytes of its file, not \w+; read them with Path"):
        read(name)

import hashlib
import io
import itertools
import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from inkdigit.drawing import (
    MAX_POINTS,
    MAX_STROKES,
    Paper,
    Stroke,
    Strokes,
    as_png,
    bounds_of,
    draw,
    is_one_digit,
    paint,
    painting_cost,
    paper_for,
    parse_strokes,
    square_of,
    whole_of,
)
from inkdigit.number import Box
from inkdigit.preprocess import normalize
from inkdigit.recognizer import Recognizer
from inkdigit.share import open_sheet

VECTORS = json.loads((Path(__file__).parent / "data" / "codes.json").read_text("utf-8"))
SQUARE = Box(0, 0, 280, 280)
SEVEN = [[80, 70], [200, 70], [130, 230]]
ONE = [[100, 60], [100, 230]]
few = settings(max_examples=25, deadline=None)
FINE = 16  # times finer than the picture: what the oracle paints


def strokes_of(*strokes: Any, width: float = 10.0, dx: float = 0.0) -> Strokes:
    return tuple(Stroke(width, tuple((float(x) + dx, float(y)) for x, y in stroke)) for stroke in strokes)


def painted_by_sampling(strokes: Strokes, crop: Box = SQUARE) -> NDArray[np.float64]:
    """The same picture by another way: discs, so close that they are a curve, on a sheet many times finer."""
    sheet = Image.new("L", (crop.width * FINE, crop.height * FINE))
    pen = ImageDraw.Draw(sheet)
    for stroke in strokes:
        radius = (stroke.width * FINE - 1) / 2  # Pillow paints both edges of a shape
        for x, y in walk(stroke.points):
            x, y = (x - crop.x) * FINE - 0.5, (y - crop.y) * FINE - 0.5
            pen.ellipse((x - radius, y - radius, x + radius, y + radius), fill=255)
    return np.asarray(sheet.reduce(FINE), np.float64)


def walk(points: tuple[tuple[float, float], ...]) -> list[tuple[float, float]]:
    """Points along the curve that the page draws, a sixteenth of a pixel from each to the next or less."""
    middles = [((a + c) / 2, (b + d) / 2) for (a, b), (c, d) in itertools.pairwise(points)]
    path = [points[0]]
    for start, corner, end in zip([points[0], *middles[1:-1]], points[1:-1], middles[1:], strict=False):
        for share in np.linspace(0, 1, 400).tolist():
            ways = [
                (1 - share) ** 2 * a + 2 * share * (1 - share) * b + share**2 * c
                for a, b, c in zip(start, corner, end, strict=True)
            ]
            path.append((ways[0], ways[1]))
    last = path[-1]
    path += [
        (last[0] + s * (points[-1][0] - last[0]), last[1] + s * (points[-1][1] - last[1]))
        for s in np.linspace(0, 1, 4000).tolist()
    ]
    return path


# --- painting


@pytest.mark.parametrize(
    "strokes",
    [
        strokes_of([[140, 140]]),
        strokes_of([[140.4, 139.7]], width=38),
        strokes_of([[60.2, 60.9], [200.5, 180.1]]),
        strokes_of(SEVEN, width=19),
        strokes_of([[50, 200], [60, 60], [140, 40], [200, 120], [90, 230]], width=4),
        strokes_of(SEVEN, ONE, width=26.5),
    ],
)
def test_a_picture_is_what_finer_sampling_gives(strokes: Strokes) -> None:
    difference = np.abs(paint(strokes, SQUARE) - painted_by_sampling(strokes))

    assert difference.mean() < 0.15
    assert difference.max() < 24  # of 255, where strokes cross or ends are round


@few
@given(st.floats(4, 60), st.floats(80, 200), st.floats(80, 200))
def test_a_dot_has_the_area_of_its_pen(width: float, x: float, y: float) -> None:
    area = paint((Stroke(width, ((x, y),)),), SQUARE).sum() / 255

    assert area == pytest.approx(math.pi * width**2 / 4, rel=0.03)


@few
@given(st.floats(4, 40), st.floats(0, 2 * math.pi), st.floats(1, 90))
def test_a_line_has_the_area_of_a_bar_with_round_ends(width: float, angle: float, length: float) -> None:
    end = (140 + length * math.cos(angle), 140 + length * math.sin(angle))

    area = paint((Stroke(width, ((140.0, 140.0), end)),), SQUARE).sum() / 255

    assert area == pytest.approx(width * length + math.pi * width**2 / 4, rel=0.03)


@few
@given(st.integers(-30, 30), st.integers(-30, 30))
def test_a_drawing_that_is_moved_is_the_same_picture_moved(dx: int, dy: int) -> None:
    here = paint(strokes_of(SEVEN), SQUARE)
    there = paint(strokes_of([(x + dx, y + dy) for x, y in SEVEN]), Box(dx, dy, 280, 280))

    np.testing.assert_array_equal(here, there)


def test_ink_off_the_paper_is_not_seen() -> None:
    assert not paint(strokes_of([[-40, 20], [-20, 290]], [[-20, 290], [400, 290]], [[400, 400]]), SQUARE).any()
    assert paint(strokes_of([[-60, 140], [340, 140]]), SQUARE)[140].tolist() == [255] * 280


def test_strokes_that_cross_are_no_darker_than_ink() -> None:
    crossed = paint(strokes_of([[60, 60], [200, 200]], [[200, 60], [60, 200]]), SQUARE)

    assert crossed.max() == 255
    assert np.all(crossed >= paint(strokes_of([[60, 60], [200, 200]]), SQUARE))


def test_a_sharp_turn_and_a_pen_that_stood_still_are_painted() -> None:
    back = paint(strokes_of([[60, 140], [200, 140], [60, 140]]), SQUARE)
    still = paint(strokes_of([[140, 140]] * 5), SQUARE)

    assert back[140, 60:130].min() == 255
    np.testing.assert_array_equal(still, paint(strokes_of([[140, 140]]), SQUARE))


def test_a_picture_can_have_another_size() -> None:
    large, small = draw(strokes_of(SEVEN), 280), draw(strokes_of(SEVEN), 140)

    halved = large.reshape(140, 2, 140, 2).mean(axis=(1, 3))
    assert small.shape == (140, 140)
    assert np.abs(small - halved).max() < 12


def test_what_painting_costs_is_reckoned_as_the_page_does() -> None:
    strokes = (Stroke(10, ((0, 0), (32, 0))), Stroke(10, ((7, 7),)))

    assert painting_cost(strokes) == 2 * 29**2 + 13**2


def test_the_png_is_black_ink_on_white_paper() -> None:
    strokes = strokes_of(SEVEN)

    picture = np.asarray(Image.open(io.BytesIO(as_png(strokes, SQUARE))))

    np.testing.assert_array_equal(255 - picture, paint(strokes, SQUARE))


def test_the_largest_drawing_is_painted() -> None:
    spiral = tuple((140 + 130 * math.cos(i), 140 + 130 * math.sin(i)) for i in np.linspace(0, 300, MAX_POINTS).tolist())

    assert draw((Stroke(6.0, spiral),)).max() == 255


def test_many_strokes_on_large_paper_are_painted() -> None:
    dots = tuple(Stroke(9.0, ((20.0 + 90 * (i % 22), 20.0 + 85 * (i // 22)),)) for i in range(MAX_STROKES))

    assert paint(dots, Box(0, 0, 2048, 2048)).sum() == MAX_STROKES * paint(dots[:1], SQUARE).sum()


@pytest.mark.parametrize("dx", [0.0, 150.0, 390.0])
def test_a_digit_is_read_wherever_on_the_paper_it_stands(recognizer: Recognizer, dx: float) -> None:
    [found] = recognizer.predict(normalize(draw(strokes_of(SEVEN, width=19, dx=dx)))[None])

    assert (found.label, found.is_digit) == (7, True)


@pytest.mark.parametrize("vector", VECTORS, ids=[vector["name"] for vector in VECTORS])
def test_a_picture_is_the_page_s_to_the_last_bit(vector: dict[str, Any]) -> None:
    sheet = open_sheet(vector["code"])

    levels = 255 - paint(sheet.strokes, square_of(sheet.strokes, sheet.paper))

    assert hashlib.sha256(levels.tobytes()).hexdigest() == vector["picture"]  # what raster.js paints, by its own test


# --- where it stands; that the page's own code says the same is told in the browser


def test_one_digit_is_told_from_two() -> None:
    barred = [[115, 150], [175, 150]]

    assert is_one_digit(strokes_of(SEVEN, barred))
    assert not is_one_digit(strokes_of(SEVEN, [(x + 150, y) for x, y in ONE]))
    assert not is_one_digit(strokes_of([[60, 70], [140, 70], [90, 230], [180, 230], [240, 70], [320, 70], [270, 230]]))
    assert is_one_digit(strokes_of([[60, 140], [200, 140]]))  # a dash


def test_paper_grows_where_ink_would_not_fit() -> None:
    assert paper_for(strokes_of(SEVEN)) == Paper(600, 280)
    assert paper_for(strokes_of(SEVEN, dx=600)) == Paper(600 * (805 / 600), 280 * (805 / 600))
    assert paper_for(strokes_of(SEVEN), Paper(300, 300)) == Paper(280, 280)


def test_a_digit_stands_in_the_middle_of_its_square_as_far_as_the_paper_goes() -> None:
    assert square_of(strokes_of(SEVEN, dx=200), Paper()) == Box(200, 0, 280, 280)
    assert square_of(strokes_of(SEVEN), Paper()) == Box(0, 0, 280, 280)
    assert square_of(strokes_of(SEVEN, dx=390), Paper()) == Box(320, 0, 280, 280)
    assert square_of(strokes_of([[10, 10], [590, 200]]), Paper()) == Box(5, 0, 590, 590)
    assert whole_of(Paper(519.5, 280)) == Box(0, 0, 520, 280)


def test_bounds_are_round_all_ink() -> None:
    bounds = bounds_of(strokes_of(SEVEN, [[250, 20]]))

    assert (bounds.left, bounds.top, bounds.right, bounds.bottom) == (75, 15, 255, 235)


# --- strokes from outside


def test_strokes_come_as_points_or_with_the_width_of_their_pen() -> None:
    points = ((80.0, 70.0), (200.0, 70.5))

    assert parse_strokes([[[80, 70], [200, 70.5]]]) == (Stroke(19.0, points),)
    assert parse_strokes([{"width": 4, "points": [[80, 70], [200, 70.5]]}]) == (Stroke(4.0, points),)
    assert parse_strokes([{"points": [[80, 70], [200, 70.5]]}]) == (Stroke(19.0, points),)


@pytest.mark.parametrize(
    "data",
    [
        None, 7, "strokes", {}, [], [[]], [None], ["ab"], [[80, 70]], [[[80]]], [[[80, 70, 1]]], [[["80", "70"]]],
        [[[True, False]]], [[[math.nan, 1]]], [[[1, math.inf]]], [[[10**400, 1]]], [[[-65, 1]]], [[[1, 2049]]],
        [[[None, 1]]], [{"width": 4}], [{"points": []}], [{"points": [[1, 1]], "width": 0}],
        [{"points": [[1, 1]], "width": 41}], [{"points": [[1, 1]], "width": math.nan}],
        [{"points": [[1, 1]], "width": "4"}], [{"points": [[1, 1]], "color": "red"}],
        [[[1, 1]]] * 501, [[[1, 1]] * (MAX_POINTS + 1)], [[[1, 1]] * MAX_POINTS] * 2, [[[0, 0], [2000, 0]] * 60],
    ],
    ids=lambda data: repr(data)[:40],
)  # fmt: skip
def test_what_is_no_drawing_is_refused(data: object) -> None:
    with pytest.raises(ValueError, match=r"."):
        parse_strokes(data)


def test_a_fault_is_told_with_its_place() -> None:
    with pytest.raises(ValueError, match="stroke 2"):
        parse_strokes([[[1, 1]], [[1, "x"]]])


json_values = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(["width", "points", "x"]), inner, max_size=3)
    ),
)


@settings(deadline=None)
@given(json_values)
def test_any_json_is_a_drawing_or_a_value_error(data: object) -> None:
    try:
        strokes = parse_strokes(data)
    except ValueError:
        return

    again = json.loads(json.dumps([{"width": stroke.width, "points": stroke.points} for stroke in strokes]))
    assert parse_strokes(again) == strokes

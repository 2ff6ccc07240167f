"""That `inkdigit.drawing` paints what the page posts, to the last bit, and that both look like the pad."""

import base64
import io
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from tests.browser.sheet import Sheet

from inkdigit.cases import load_cases
from inkdigit.drawing import Sheet as Drawn
from inkdigit.drawing import Stroke, Strokes, as_png, is_one_digit, paper_for, square_of, whole_of
from inkdigit.image import read_picture
from inkdigit.number import Box
from inkdigit.preprocess import normalize
from inkdigit.recognizer import Recognizer
from inkdigit.share import encode, open_sheet

CASES = {case.name: open_sheet(case.source) for case in load_cases(Path(__file__).parents[1] / "cases") if case.source}

POSTED = """
    async (drawings) => {
        const { drawStrokes, pictureOf } = await import("./static/render.js");
        const { isOneDigit, paperFor, squareFor, wholeOf } = await import("./static/paper.js");
        const { encode, decodeSheet } = await import("./static/share.js");
        const canvas = document.createElement("canvas");
        const byCanvas = (drawing, { left, top, width, height }) => {
            Object.assign(canvas, { width, height });
            const context = canvas.getContext("2d");
            context.fillStyle = "#fff";
            context.fillRect(0, 0, width, height);
            context.translate(-left, -top);
            drawStrokes(context, drawing, "#000");
            return canvas.toDataURL();
        };
        const numbers = ({ left, top, width, height }) => [left, top, width, height];
        return Promise.all(drawings.map(async (code) => {
            const { drawing, paper } = await decodeSheet(code);
            const [square, whole] = [squareFor(drawing, paper), wholeOf(paper)];
            const usual = paperFor(600, 280, drawing);
            return {
                image: await pictureOf(drawing, square),
                canvas: byCanvas(drawing, square),
                square: numbers(square),
                whole: numbers(whole),
                usual: [usual.width, usual.height],
                isOneDigit: isOneDigit(drawing),
                code: await encode(drawing, paper),
            };
        }));
    }
"""


def posted(sheet: Sheet, *drawn: Drawn) -> list[dict[str, Any]]:
    """What the page makes of drawings."""
    codes = [encode(one.strokes, one.paper) for one in drawn]
    answers: list[dict[str, Any]] = sheet.page.evaluate(POSTED, codes)
    return answers


def wild(count: int) -> list[Drawn]:
    """Drawings of any shape, place and pen; the same ones each time."""
    random = np.random.default_rng(5)
    drawings = []
    for _ in range(count):
        corner, size = random.uniform(-20, 420, 2) * (1, 0.4), random.uniform(10, 260, 2)
        strokes: Strokes = tuple(
            Stroke(
                round(random.uniform(4, 38)),
                tuple((x, y) for x, y in (corner + size * random.random((random.integers(1, 7), 2))).round(2).tolist()),
            )
            for _ in range(random.integers(1, 5))
        )
        drawings.append(open_sheet(encode(strokes, paper_for(strokes))))
    return drawings


def levels(png: bytes) -> Any:
    return np.asarray(Image.open(io.BytesIO(png)).convert("L"), float)


def bytes_of(data_url: str) -> bytes:
    return base64.b64decode(data_url.partition(",")[2])


def test_drawings_stand_where_the_page_has_them_and_are_one_digit_where_it_says_so(sheet: Sheet) -> None:
    drawings = [*CASES.values(), *wild(80)]

    for drawn, page in zip(drawings, posted(sheet, *drawings), strict=True):
        usual = paper_for(drawn.strokes)
        assert Box(*page["square"]) == square_of(drawn.strokes, drawn.paper)
        assert Box(*page["whole"]) == whole_of(drawn.paper)
        assert page["usual"] == [usual.width, usual.height]
        assert page["isOneDigit"] == is_one_digit(drawn.strokes)
        assert open_sheet(page["code"]) == drawn


def test_pictures_are_those_that_the_page_posts_to_the_last_bit(sheet: Sheet) -> None:
    drawings = [*CASES.values(), *wild(40)]

    for drawn, page in zip(drawings, posted(sheet, *drawings), strict=True):
        ours = as_png(drawn.strokes, square_of(drawn.strokes, drawn.paper))
        np.testing.assert_array_equal(levels(bytes_of(page["image"])), levels(ours))


def test_pictures_look_like_the_pad_but_for_the_soft_edges_of_strokes(sheet: Sheet) -> None:
    for page in posted(sheet, *CASES.values()):
        difference = np.abs(levels(bytes_of(page["image"])) - levels(bytes_of(page["canvas"])))
        assert difference.mean() < 1  # of 255
        assert np.mean(difference > 64) < 0.002


def test_what_a_hand_draws_is_posted_as_its_code_is_painted(sheet: Sheet) -> None:
    strokes = [[(90.3, 61.7), (203.9, 66.2), (151.1, 141.8), (128.4, 229.9)], [(101.2, 148.3), (190.6, 139.4)]]
    sheet.draw(strokes)
    sheet.expect("sure", 7)

    sheet.page.click("#share")
    sheet.expect_true("document.querySelector('#link').value !== ''")

    drawn = open_sheet(sheet.page.input_value("#link"))
    assert len(drawn.strokes) == 2
    np.testing.assert_array_equal(
        levels(bytes_of(sheet.posted[-1])), levels(as_png(drawn.strokes, square_of(drawn.strokes, drawn.paper)))
    )


def test_cases_are_read_alike_from_what_is_posted_and_from_what_is_seen(sheet: Sheet, recognizer: Recognizer) -> None:
    pages = posted(sheet, *CASES.values())
    pictures = [bytes_of(page[kind]) for kind in ("image", "canvas") for page in pages]

    answers = recognizer.predict(np.stack([normalize(read_picture(png).ink) for png in pictures]))

    for name, there, here in zip(CASES, answers, answers[len(CASES) :], strict=False):
        assert (there.label, there.is_digit) == (here.label, here.is_digit), name

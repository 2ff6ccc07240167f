import base64
import json
import math
import zlib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from inkdigit.drawing import MAX_POINTS, Paper, Sheet, Stroke, Strokes, parse_strokes
from inkdigit.errors import ShareError
from inkdigit.share import VERSION, decode, encode, is_shared, open_sheet

unhurried = settings(deadline=None)
SEVEN: Strokes = (Stroke(19.0, ((80.0, 70.0), (200.0, 70.0), (130.0, 230.0))),)
VECTORS = json.loads((Path(__file__).parent / "data" / "codes.json").read_text("utf-8"))
names = [vector["name"] for vector in VECTORS]

places = st.floats(-64, 2000)
drawings = st.lists(
    st.builds(Stroke, st.floats(1, 40), st.lists(st.tuples(places, places), min_size=1, max_size=20).map(tuple)),
    min_size=1,
    max_size=5,
).map(tuple)
papers = st.builds(Paper, st.floats(1, 2048), st.floats(1, 2048))


def payload_of(code: str) -> bytes:
    """What a code holds, whoever deflated it."""
    return zlib.decompress(base64.urlsafe_b64decode(code + "=" * (-len(code) % 4))[1:])


def code_of(payload: bytes, version: int = 1) -> str:
    return base64.urlsafe_b64encode(bytes([version]) + zlib.compress(payload)).decode().rstrip("=")


# --- what a code holds


@pytest.mark.parametrize("vector", VECTORS, ids=names)
def test_codes_are_read_as_the_page_reads_them(vector: dict[str, Any]) -> None:
    sheet = open_sheet(vector["code"])

    assert sheet == Sheet(parse_strokes(vector["decoded"]["strokes"]), Paper(*vector["decoded"]["paper"]))


@pytest.mark.parametrize("vector", VECTORS, ids=names)
def test_codes_are_written_as_the_page_writes_them(vector: dict[str, Any]) -> None:
    code = encode(parse_strokes(vector["strokes"]), Paper(*vector["paper"]))

    assert payload_of(code) == payload_of(vector["code"])


def test_the_code_of_a_seven_is_what_the_format_says() -> None:
    code = encode(SEVEN)

    # Paper 2400 x 1120, 1 stroke, 76 wide, of 3 points: 320, 280; 480, 0; -280, 640. Those are folded.
    assert payload_of(code).hex(" ") == "e0 12 e0 08 01 4c 03 80 05 b0 04 c0 07 00 af 04 80 0a"
    assert base64.urlsafe_b64decode(code + "===")[:2] == b"\x01\x78"


def near(drawn: float, kept: float) -> bool:
    return abs(drawn - kept) <= 1 / 8 and kept * 4 == round(kept * 4)


@unhurried
@given(drawings, papers)
def test_a_drawing_comes_back_to_a_quarter_of_a_unit(strokes: Strokes, paper: Paper) -> None:
    sheet = open_sheet(encode(strokes, paper))

    assert near(paper.width, sheet.paper.width)
    assert near(paper.height, sheet.paper.height)
    for stroke, kept in zip(strokes, sheet.strokes, strict=True):
        assert near(stroke.width, kept.width)
        assert {rounded(point) for point in stroke.points} == set(kept.points)
        assert rounded(stroke.points[0]) == kept.points[0]
        assert rounded(stroke.points[-1]) == kept.points[-1]


def rounded(point: tuple[float, float]) -> tuple[float, float]:
    x, y = (math.floor(value * 4 + 0.5) / 4 for value in point)
    return x, y


@unhurried
@given(drawings, papers)
def test_what_came_back_is_written_the_same_again(strokes: Strokes, paper: Paper) -> None:
    code = encode(strokes, paper)
    sheet = open_sheet(code)

    assert encode(sheet.strokes, sheet.paper) == code


def test_a_pen_that_stood_still_in_a_corner_leaves_the_corner() -> None:
    waits = (Stroke(19.0, ((10.0, 10.0), *[(100.0, 10.0)] * 9, (100.0, 90.0))),)

    assert decode(encode(waits))[0].points == ((10.0, 10.0), (100.0, 10.0), (100.0, 10.0), (100.0, 90.0))


def test_a_pen_that_never_moved_leaves_a_dot() -> None:
    assert decode(encode((Stroke(9.0, ((5.0, 5.0), (5.1, 5.0), (5.0, 5.1))),)))[0].points == ((5.0, 5.0),)


def test_a_digit_of_a_busy_mouse_has_a_few_hundred_characters() -> None:
    hand = tuple((140 + 60 * math.cos(i / 40), 140 + 90 * math.sin(i / 40)) for i in range(250))

    assert len(encode((Stroke(19.0, hand),))) < 500


# --- links


@pytest.mark.parametrize(
    "link",
    [
        "{}",
        " {}\n",
        "d={}",
        "#d={}",
        "http://127.0.0.1:5000/#d={}",
        "HTTPS://digits.example/ink?lang=de#d={}",
        "localhost:5000/#d={}",
        "http://digits.example/#lang=de&d={}&x",
    ],
)
def test_a_code_is_found_in_its_link(link: str) -> None:
    text = link.format(encode(SEVEN))

    assert is_shared(text)
    assert decode(text) == SEVEN


@pytest.mark.parametrize(
    "link", ["http://127.0.0.1:5000/", "https://digits.example/seven.png?d=AXja", "http://a.example/#top"]
)
def test_a_link_without_a_drawing_is_told_so_and_not_fetched(link: str) -> None:
    assert is_shared(link)
    with pytest.raises(ShareError, match="no #d= in it"):
        decode(link)


@pytest.mark.parametrize(
    "name", ["seven.png", "scans/", "-", "", "AXja.png", "AXj", "A" * 40, "../AXjaeyD0gIPRh7mBdQPL", "d=7.png"]
)
def test_names_of_files_are_no_codes(name: str) -> None:
    assert not is_shared(name)


# --- what is refused


@pytest.mark.parametrize(
    "strokes",
    [
        (),
        (Stroke(19.0, ()),),
        (Stroke(41.0, ((1.0, 1.0),)),),
        (Stroke(math.nan, ((1.0, 1.0),)),),
        (Stroke(19.0, ((math.nan, 1.0),)),),
        (Stroke(19.0, ((1.0, math.inf),)),),
        (Stroke(19.0, ((2049.0, 1.0),)),),
        (Stroke(19.0, ((1.0, 1.0),)),) * 501,
        (Stroke(19.0, ((1.0, 1.0),) * (MAX_POINTS + 1)),),
        (Stroke(19.0, ((0.0, 0.0), (2000.0, 0.0)) * 100),),
    ],
)
def test_what_no_hand_draws_is_not_shared(strokes: Strokes) -> None:
    with pytest.raises(ShareError, match="cannot be shared"):
        encode(strokes)


def test_paper_that_no_page_has_is_not_shared() -> None:
    for paper in (Paper(5000, 280), Paper(600, math.nan), Paper(0, 0)):
        with pytest.raises(ShareError, match="paper"):
            encode(SEVEN, paper)


PAPER = bytes.fromhex("e012 e008")


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("", "letters"),
        ("AX!!", "letters"),
        ("AXja\u00e9", "letters"),
        ("AXjae", "cut short"),
        (code_of(b"", version=2), "version 2"),
        (code_of(b"", version=0), "damaged"),
        (code_of(PAPER + b"\1\x4c\1\2\2", version=2), "damaged: it does not begin"),
        (base64.urlsafe_b64encode(b"\2" + zlib.compress(b"")[:-1] + b"\0").decode().rstrip("="), "damaged"),
        (base64.urlsafe_b64encode(b"\1\1\1\1\1\1").decode(), "inflate"),
        (base64.urlsafe_b64encode(b"\1" + zlib.compress(PAPER) + b"tail").decode().rstrip("="), "after its end"),
        ("A" * 1_000_000, "longer"),
        ("http://a.example/#d=" + "A" * 1_000_000, "longer"),
        (code_of(bytes(50_000_000)), "more than any drawing"),
        (code_of(PAPER + b"\xc8\x01"), "too early"),
        (code_of(PAPER + b"\xc0\x84\x3d"), "too many strokes"),
        (code_of(PAPER + b"\1\x4c\xc0\x84\x3d"), "too many points"),
        (code_of(PAPER + b"\1\x4c\0"), "no point"),
        (code_of(PAPER + b"\0"), "strokes"),
        (code_of(PAPER + b"\1\x4c\1\2\2\x09"), "follows"),
        (code_of(b"\xe0"), "within a number"),
        (code_of(b"\xff" * 9), "too large"),
        (code_of(PAPER + b"\1\0\1\2\2"), "wide"),
        (code_of(PAPER + b"\1\x4c\1\xff\xff\x7f\0"), "not in"),
        (code_of(b"\0\0\1\x4c\1\2\2"), "paper"),
    ],
    ids=lambda text: text[:30],
)
def test_a_code_that_cannot_be_is_refused_with_a_reason(code: str, message: str) -> None:
    with pytest.raises(ShareError, match=message):
        decode(code)


def test_a_code_that_is_cut_short_or_has_one_letter_wrong_never_shows_another_drawing() -> None:
    code = encode(SEVEN)

    for place in range(len(code) - 1):
        other = "B" if code[place] == "A" else "A"
        for damaged in (code[:place], code[:place] + other + code[place + 1 :]):
            with pytest.raises(ShareError, match="the code is damaged"):
                decode(damaged)


@pytest.mark.parametrize("wrong", range(256))
def test_a_code_whose_first_byte_is_garbled_is_damaged_and_of_no_newer_version(wrong: int) -> None:
    garbled = base64.urlsafe_b64decode(encode(SEVEN) + "==")[1:]

    code = base64.urlsafe_b64encode(bytes([wrong]) + garbled).decode().rstrip("=")

    if wrong != VERSION:
        with pytest.raises(ShareError, match="the code is damaged"):
            decode(code)


@unhurried
@given(st.binary(max_size=60))
def test_whatever_a_code_inflates_to_it_is_a_drawing_or_refused(payload: bytes) -> None:
    try:
        sheet = open_sheet(code_of(payload))
    except ShareError:
        return

    assert open_sheet(encode(sheet.strokes, sheet.paper)).paper == sheet.paper


@unhurried
@given(st.text(max_size=60))
def test_no_text_breaks_the_reading_of_codes(text: str) -> None:
    with pytest.raises(ShareError):
        decode(f"{text}!")


def test_the_largest_drawing_has_a_code() -> None:
    zigzag = tuple((float(i % 2), float(i % 3)) for i in range(MAX_POINTS))

    assert len(decode(encode((Stroke(1.0, zigzag),)))[0].points) == MAX_POINTS

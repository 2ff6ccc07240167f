"""The hundred hard cases: what is written, how it looks, and why it is hard."""

from collections.abc import Mapping
from dataclasses import dataclass, field

Colour = tuple[int, int, int]

BLACK, BLUE, RED, GREEN, PENCIL, FAINT = (
    (20, 20, 20),
    (35, 50, 170),
    (200, 40, 40),
    (30, 130, 70),
    (110,) * 3,
    (196,) * 3,
)
WHITE, CREAM, GREY, BOARD = (255, 255, 255), (246, 240, 220), (205, 205, 205), (30, 60, 45)
PALE, DARK = (170, 195, 225), (60, 60, 60)


@dataclass(frozen=True, slots=True)
class Look:
    """How a number is written and pictured. Lengths are in heights of a digit where nothing else is said.

    Attributes:
        height: of a digit, in pixels.
        pen: its width.
        gap: between the ink of neighbours; negative where they overlap.
        slant: how far the top leans to the right.
        rise: how far the line sinks per length; negative where it rises.
        unsteady: spread of sizes and heights of the digits.
        shaky: spread of the points of a stroke.
        joined: whether the pen stays on the paper between digits.
        ink: colour of the pen.
        paper: colour of the paper.
        ruling: what is printed: "", "ruled", "squared", "underline", "box" or "cells".
        rules: colour of that.
        rule: its thickness.
        pitch: from rule to rule.
        below: from the ink to the line under it, or to the box.
        cells: so many of them.
        margin: of paper on each side.
        turn: of the whole picture, in degrees to the left.
        fall: share of the light that is lost across the picture.
        shadow: share of it that is lost on the left.
        blur: radius, in pixels.
        grain: of the picture, in levels.
        quality: of the JPEG; 0 for a PNG.
    """

    height: float = 48
    pen: float = 0.09
    gap: float = 0.22
    slant: float = 0.0
    rise: float = 0.0
    unsteady: float = 0.0
    shaky: float = 0.004
    joined: bool = False
    ink: Colour = BLACK
    paper: Colour = WHITE
    ruling: str = ""
    rules: Colour = PALE
    rule: float = 0.03
    pitch: float = 1.0
    below: float = 0.15
    cells: int = 0
    margin: float = 0.45
    turn: float = 0.0
    fall: float = 0.0
    shadow: float = 0.0
    blur: float = 0.0
    grain: float = 0.0
    quality: int = 0


@dataclass(frozen=True, slots=True)
class Case:
    """A hard case.

    Attributes:
        story: why it is hard, in a sentence.
        text: what is written; a space parts two numbers, a line break two lines.
        look: how.
        styles: of some digits, by their names in `inkdigit.training.strokes`.
        must: whether a reader that is any good reads it.
        seed: to draw it in another hand.
    """

    story: str
    text: str
    look: Look = Look()
    styles: Mapping[str, str] = field(default_factory=dict)
    must: bool = False
    seed: int = 0


SLASHED, INNER, DOTTED, OPEN = ({"0": f"{kind}_zero"} for kind in ("slashed", "inner_slashed", "dotted", "open"))
HAND = {
    "1": "plain_one",
    "2": "plain_two",
    "3": "round_three",
    "4": "closed_four",
    "5": "snake_five",
    "6": "open_six",
    "7": "plain_seven",
    "8": "crossed_eight",
    "9": "stemmed_nine",
}
BARRED, FLAGGED, FOOTED = {"7": "barred_seven"}, {"1": "flagged_one"}, {"1": "footed_one"}
PHOTO = Look(fall=0.35, blur=0.8, grain=3, quality=70, paper=(225, 222, 212))

CASES: tuple[Case, ...] = (
    # touching and overlapping
    Case("Neighbours just touch, as in a quick hand.", "4007", Look(gap=0.02), must=True),
    Case("Two zeros touch and look like an infinity sign or an 8 on its side.", "2500", Look(gap=0.0), must=True),
    Case("Sevens whose roofs reach the next digit.", "1774", Look(gap=-0.02)),
    Case("Fives whose flags lie over the next digit.", "5535", Look(gap=-0.05)),
    Case("All digits touch, and the pen is thick.", "9086", Look(gap=0.03, pen=0.14)),
    Case("Overlap by an eighth of a digit.", "6328", Look(gap=-0.1), styles=HAND),
    Case("Ones so close to a neighbour that they seem a part of it.", "3161", Look(gap=0.07)),
    Case("Leaning digits whose boxes overlap though their ink does not.", "7177", Look(gap=-0.12, slant=0.35)),
    Case("Eight touching digits in a row.", "20493857", Look(gap=0.0), styles=HAND),
    Case("The first two touch and the others stand apart: the 4 runs into the 2.", "42 86", Look(gap=0.0)),
    # ligatures
    Case("Zeros joined at the foot, as on cheques.", "1200", Look(joined=True, gap=0.2), {"0": "open_zero"}),
    Case("Three zeros in one stroke.", "3000", Look(joined=True, gap=0.15)),
    Case("The pen stays on the paper from each digit to the next.", "2402", Look(joined=True)),
    Case("Joined and slanted.", "8920", Look(joined=True, slant=0.3)),
    Case("Joined feet of twos and fours.", "4249", Look(joined=True, gap=0.3)),
    Case("Joined with a felt pen.", "508", Look(joined=True, pen=0.15, gap=0.3)),
    # zeros
    Case("Slashed zeros, as programmers write them.", "1004", styles=SLASHED, seed=3),
    Case("A slashed zero beside an 8.", "808", styles=SLASHED),
    Case("A number of slashed zeros alone.", "000", styles=SLASHED),
    Case("Zeros with the slash inside.", "3020", styles=INNER),
    Case("Dotted zeros.", "1050", styles=DOTTED),
    Case("Zeros that are not closed and look like a 6 or a C.", "6002", styles=OPEN),
    # sevens and ones
    Case("Barred sevens, as in Europe.", "1777", styles=BARRED),
    Case("A barred seven beside a four.", "7474", styles=BARRED),
    Case("Barred sevens that touch.", "2771", Look(gap=0.0), styles=BARRED),
    Case(
        "Ones with a long flag, which are sevens elsewhere; the real seven has a bar.", "1171", styles=BARRED | FLAGGED
    ),
    Case("Ones with a long flag beside fours.", "4141", styles=FLAGGED),
    Case("Ones with a foot, near to a 2.", "1212", styles=FOOTED),
    Case("Bare strokes for ones.", "1111", must=True),
    Case("A one at the end that is a stroke, close to the number.", "881", Look(gap=0.12), must=True),
    # other styles
    Case("Fours with an open top.", "4494", styles={"4": "open_four"}),
    Case("Fours like lightning.", "2346", styles={"4": "lightning_four"}),
    Case("Fives in two strokes, the flag apart.", "5505", styles={"5": "two_stroke_five"}),
    Case("Flat threes, near to a 5 or a Z.", "3323", styles={"3": "flat_three"}),
    Case("Eights of two rings.", "8838", styles={"8": "ringed_eight"}),
    Case("Twos with a loop at the foot.", "2242", styles={"2": "looped_two"}),
    Case("Nines with a curled tail, near to a g.", "9979", styles={"9": "curled_nine"}),
    # separators
    Case("A decimal point.", "3.50", must=True),
    Case("A decimal point of a single dot of the pen, close to its neighbours.", "12.75", Look(gap=0.12)),
    Case("A decimal point behind a touching pair.", "88.40", Look(gap=0.03)),
    Case("A point that leads a fraction.", "0.05", must=True),
    Case("A decimal comma.", "3,50", must=True),
    Case("A decimal comma, which hangs below the line.", "149,99", styles=HAND),
    Case("Points between thousands, a comma before the cents.", "1.234,56"),
    Case("A comma between thousands and a point before the cents.", "12,480.00", styles=HAND),
    Case("A minus sign.", "-12", must=True),
    Case("A minus sign and a decimal point.", "-0.75", styles=HAND),
    Case("A minus before a one, both plain strokes.", "-1", must=True),
    Case("A minus before a seven with a bar.", "-17", styles=BARRED),
    Case("A time of the day.", "12:45", must=True),
    Case("A time at night, in a slanted hand.", "23:59", Look(slant=0.25), styles=HAND),
    Case("A scale.", "1:250", styles=HAND),
    Case("An equals sign before a result.", "=42"),
    Case("A small sum with its result.", "7-3=4", Look(gap=0.3), styles=HAND),
    Case("A comma and a dash for no cents, as on price tags.", "25,-", styles=HAND),
    Case("A house number on two flats.", "12/3", Look(gap=0.25), styles=HAND),
    # dates
    Case("A date with slashes: the slash is like a 1.", "12/03/2024", Look(height=40, gap=0.25), styles=HAND),
    Case("A date with slashes between ones.", "11/11/2011", Look(height=40, gap=0.25)),
    Case("A date with points.", "24.12.2025", Look(height=40), must=True),
    Case("A date with dashes.", "2026-11-22", Look(height=40, gap=0.25), must=True),
    Case("A short date, slanted.", "1/9/98", Look(slant=0.25, gap=0.25), styles=HAND),
    # lines on the paper
    Case("Underlined, with paper between.", "4750", Look(ruling="underline", rules=DARK), must=True),
    Case(
        "Underlined so closely that the line touches the feet.",
        "2904",
        Look(ruling="underline", rules=DARK, below=0.03),
        styles=HAND,
    ),
    Case("Underlined with the same pen.", "631", Look(ruling="underline", rules=BLACK, rule=0.09, below=0.2)),
    Case("In a printed box.", "5028", Look(ruling="box", rules=DARK, below=0.2), must=True),
    Case("In a box that the digits nearly touch.", "386", Look(ruling="box", rules=DARK, below=0.08), styles=HAND),
    Case(
        "A digit in each cell of a form.",
        "40721",
        Look(ruling="cells", rules=PALE, cells=5, gap=0.3, below=0.2),
        styles=HAND,
    ),
    Case(
        "A digit in each cell, printed dark.",
        "9356",
        Look(ruling="cells", rules=DARK, cells=4, gap=0.32, below=0.2),
        styles=HAND,
    ),
    Case("On ruled paper.", "2468", Look(ruling="ruled"), must=True),
    Case(
        "On narrowly ruled paper, with rules through the digits.", "1357", Look(ruling="ruled", pitch=0.42), styles=HAND
    ),
    Case("Pencil on ruled paper.", "70.25", Look(ruling="ruled", ink=PENCIL, pitch=0.8), styles=HAND),
    Case("On squared paper.", "8140", Look(ruling="squared", pitch=0.55), must=True),
    Case("On finely squared paper, with a thin pen.", "9273", Look(ruling="squared", pitch=0.3, pen=0.06), styles=HAND),
    Case(
        "On squared paper whose lines are as dark as a pencil.",
        "5406",
        Look(ruling="squared", rules=(140, 140, 150), pitch=0.6),
        styles=HAND,
    ),
    # sizes and pens
    Case("Digits of twelve pixels.", "4820", Look(height=12, pen=0.11), must=True),
    Case("Digits of nine pixels.", "307", Look(height=9, pen=0.13)),
    Case("A tiny number with a decimal point of one pixel.", "6.25", Look(height=14, pen=0.1)),
    Case("Digits of 220 pixels.", "52", Look(height=220), must=True),
    Case("Huge digits with a hairline.", "369", Look(height=200, pen=0.012), styles=HAND),
    Case("A small number in the middle of a large sheet.", "71", Look(height=24, margin=6)),
    Case("A hairline pen.", "1984", Look(pen=0.025), must=True),
    Case("A felt pen.", "2057", Look(pen=0.17, gap=0.3), must=True),
    Case("A felt pen so thick that the loops nearly close.", "6989", Look(pen=0.22, gap=0.35), styles=HAND),
    Case("A faint pencil.", "4316", Look(ink=FAINT), must=True),
    Case(
        "A faint pencil on grainy paper.",
        "850",
        Look(ink=(170, 170, 170), paper=(226, 226, 224), grain=4, quality=80),
        styles=HAND,
    ),
    # the hand
    Case("A strong slant to the right.", "27.40", Look(slant=0.5), styles=HAND),
    Case("A slant to the left.", "5139", Look(slant=-0.3), must=True),
    Case("The line rises.", "30486", Look(rise=-0.16), must=True),
    Case("The line falls, and the digits are of many sizes.", "61527", Look(rise=0.12, unsteady=0.1), styles=HAND),
    Case("A shaky hand.", "4638", Look(shaky=0.018)),
    Case("Digits far apart that are still one number.", "9042", Look(gap=0.6), styles=HAND),
    Case("Two numbers on a line.", "4071 3295", styles=HAND),
    Case("Three numbers, one below the other.", "12\n350\n7", must=True),
    # pictures
    Case("Blue ink on cream paper.", "7310", Look(ink=BLUE, paper=CREAM), must=True),
    Case("Red ink, bright in grey levels.", "582", Look(ink=RED, paper=(250, 235, 200)), styles=HAND),
    Case("Chalk on a board: light on dark.", "2049", Look(ink=(235, 235, 230), paper=BOARD), must=True),
    Case("A photo with light from one side.", "4865", PHOTO, must=True),
    Case(
        "A photo with the edge of a shadow through the number.",
        "9170",
        Look(shadow=0.5, blur=0.8, grain=3, quality=70, paper=(228, 226, 220)),
        styles=HAND,
    ),
    Case(
        "A photo held askew.",
        "6234",
        Look(turn=9, fall=0.3, blur=0.8, grain=3, quality=65, paper=(226, 224, 216), ink=BLUE),
        styles=HAND,
    ),
    Case("Saved over and over as JPEG.", "3.1415", Look(quality=12, grain=2, ink=DARK), styles=HAND),
)

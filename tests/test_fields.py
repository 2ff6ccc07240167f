import json
import math
import re
from pathlib import Path
from typing import Any

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given, settings
from PIL import Image
from tests.conftest import FakeReader, number
from tests.pages import Sheet, encoded

from inkdigit import BlankImageError, ConfigError, Reader, UnreadableImageError
from inkdigit.errors import NoReadingError
from inkdigit.expect import Expectation
from inkdigit.fields import (
    MAX_FIELDS,
    MAX_TEMPLATE_BYTES,
    Field,
    FormMismatchError,
    Template,
    columns,
    read_form,
    read_forms,
    template_text,
)
from inkdigit.image import read_page
from inkdigit.number import Box

DOCS = Path(__file__).parent.parent / "docs"
FORM = """
size = [800, 400]

[fields.account]
box = [100, 50, 300, 80]
expect = "length=4"

[fields.amount]
box = [400, 200, 400, 200]
"""
PAGE = np.full((200, 400), 255, np.uint8)


@pytest.fixture
def scan(tmp_path: Path) -> str:
    Image.fromarray(np.where(np.arange(200)[:, None] % 50 < 5, 0, PAGE).astype(np.uint8)).save(tmp_path / "scan.png")
    return str(tmp_path / "scan.png")


# --- templates


def test_boxes_are_in_pixels_of_the_form_or_in_shares_of_the_page() -> None:
    in_pixels = Template.parse(FORM).fields[0]
    in_shares = Template.parse("fields.account.box = [0.125, 0.125, 0.375, 0.2]").fields[0]

    assert in_pixels.box == in_shares.box
    assert in_pixels.place(PAGE) == Box(50, 25, 150, 40)


def test_fields_keep_their_order_and_their_expectations() -> None:
    template = Template.parse(FORM)

    assert [field.name for field in template.fields] == ["account", "amount"]
    assert [field.expect for field in template.fields] == [Expectation.parse("length=4"), None]
    assert template.proportion == 2


SHARES = st.floats(0, 1).flatmap(
    lambda at: st.tuples(st.just(at), st.floats(0.001, 1).map(lambda size: min(size, 1 - at)))
)


@settings(max_examples=200, deadline=None)
@given(SHARES, SHARES, st.integers(1, 300), st.integers(1, 300))
def test_a_place_is_never_empty_and_never_outside_the_page(
    across: tuple[float, float], down: tuple[float, float], width: int, height: int
) -> None:
    box = Field("a", (across[0], down[0], across[1], down[1])).place(np.zeros((height, width), np.uint8))

    assert box.width >= 1
    assert box.height >= 1
    assert 0 <= box.x < box.x + box.width <= width
    assert 0 <= box.y < box.y + box.height <= height


def test_shares_may_sum_to_one_however_they_are_rounded() -> None:
    assert Template.parse("fields.a.box = [0.7, 0.1, 0.3, 0.9]").fields[0].place(PAGE) == Box(280, 20, 120, 180)
    assert 0.1 + 0.2 + 0.7 > 0.9


IMPOSSIBLE = {
    "no TOML": ("size = [", "not valid TOML"),
    "a name twice": ("[fields.a]\nbox=[0,0,1,1]\n[fields.a]\nbox=[0,0,1,1]", "not valid TOML"),
    "nothing": ("", "1 to 500 fields"),
    "no fields": ("[fields]", "1 to 500 fields"),
    "fields that are no table": ("fields = 3", "1 to 500 fields"),
    "too many fields": ("\n".join(f"fields.f{i}.box=[0,0,1,1]" for i in range(MAX_FIELDS + 1)), "1 to 500 fields"),
    "an unknown key": ("sise = [1, 2]\nfields.a.box=[0,0,1,1]", "'sise'.*known are fields, size"),
    "an unknown key of a field": ("fields.a.box=[0,0,1,1]\nfields.a.expects='x'", "the field 'a' has no 'expects'"),
    "a field that is no table": ("fields.a = [0,0,1,1]", "must be a table"),
    "no box": ("fields.a.expect='length=4'", "'a' has no box"),
    "three numbers": ("fields.a.box=[0,0,1]", "the box of 'a' must be 4 numbers"),
    "words": ("fields.a.box=['0',0,1,1]", "must be 4 numbers"),
    "true for a number": ("fields.a.box=[true,0,1,1]", "must be 4 numbers"),
    "not a number": ("fields.a.box=[nan,0,1,1]", "must be 4 numbers"),
    "infinity": ("fields.a.box=[0,0,inf,1]", "must be 4 numbers"),
    "an integer of a thousand digits": ("fields.a.box=[0,0,1," + "9" * 1000 + "]", "must be 4 numbers"),
    "no width": ("fields.a.box=[0,0,0,1]", "'a' is empty"),
    "a negative height": ("fields.a.box=[0,0.5,1,-0.5]", "'a' is empty"),
    "left of the page": ("fields.a.box=[-0.1,0,1,1]", "juts out of the page"),
    "below the page": ("size=[10,10]\nfields.a.box=[0,5,10,6]", "juts out of the page of 10 by 10"),
    "pixels without a size": ("fields.a.box=[10,5,10,6]", "boxes are shares of the page"),
    "a size of nothing": ("size=[0,10]\nfields.a.box=[0,0,1,1]", "both above 0"),
    "a size of three": ("size=[1,2,3]\nfields.a.box=[0,0,1,1]", "size must be 2 numbers"),
    "an unknown rule": ("fields.a.box=[0,0,1,1]\nfields.a.expect='lenght=4'", "expect of 'a'"),
    "a rule that is no text": ("fields.a.box=[0,0,1,1]\nfields.a.expect=4", "expect of 'a' must be a text"),
    "no boxes": ("fields.a.box=[0,0,1,1]\nfields.a.boxes=0", "boxes of the field 'a' must be a whole number from 1"),
    "half a box": ("fields.a.box=[0,0,1,1]\nfields.a.boxes=2.5", "must be a whole number"),
    "true boxes": ("fields.a.box=[0,0,1,1]\nfields.a.boxes=true", "must be a whole number"),
    "boxes without number": ("fields.a.box=[0,0,1,1]\nfields.a.boxes=101", "from 1 to 100"),
    "an empty name": ("fields.''.box=[0,0,1,1]", "no name"),
    "a name that steers the terminal": ('fields."a\\u001b[2J".box=[0,0,1,1]', "no name"),
    "a formula": ("fields.'=1+1'.box=[0,0,1,1]", "no name"),
    "a name that looks like an option": ("fields.'-a'.box=[0,0,1,1]", "the first is a letter"),
    "a long name": (f"fields.{'a' * 65}.box=[0,0,1,1]", "no name"),
    "the name of another column": ("fields.file.box=[0,0,1,1]", "another column"),
    "the name of a field's own column": ("fields.'a:error'.box=[0,0,1,1]", "no name"),
    "tables in tables": ("a=" + "[" * 100_000, "not valid TOML"),
}


@pytest.mark.parametrize(("text", "told"), IMPOSSIBLE.values(), ids=IMPOSSIBLE.keys())
def test_what_cannot_be_is_refused_with_its_place(text: str, told: str) -> None:
    with pytest.raises(ConfigError, match=told):
        Template.parse(text)


@pytest.mark.parametrize(
    ("contents", "told"),
    [
        (None, "cannot be opened"),
        (b"\xff", "save it as UTF-8"),
        (FORM.encode("utf-16"), "save it as UTF-8"),
        (FORM.encode("utf-16-le"), "save it as UTF-8"),
        (b"#" * (MAX_TEMPLATE_BYTES + 1), "more than"),
        (b"size=", "TOML"),
    ],
)
def test_a_file_that_is_no_template_is_named(tmp_path: Path, contents: bytes | None, told: str) -> None:
    path = tmp_path / "form.toml"
    if contents is not None:
        path.write_bytes(contents)

    with pytest.raises(ConfigError, match=rf"form\.toml.*{told}"):
        Template.load(path)


def test_a_file_may_begin_with_the_mark_that_some_editors_write(tmp_path: Path) -> None:
    (tmp_path / "form.toml").write_text(FORM, "utf-8-sig")

    assert Template.load(tmp_path / "form.toml") == Template.parse(FORM)
    assert Template.parse(template_text(tmp_path / "form.toml")) == Template.parse(FORM)  # as a batch keeps it


def test_the_template_of_the_document_is_one(tmp_path: Path) -> None:
    [text] = re.findall(r"```toml\n(.*?)```", (DOCS / "forms.md").read_text("utf-8"), re.DOTALL)
    (tmp_path / "form.toml").write_text(text, "utf-8")

    assert [field.name for field in Template.parse(text).fields] == ["account", "amount", "date of birth"]
    assert Template.load(str(tmp_path / "form.toml")) == Template.parse(text)


# --- reading


def test_each_field_is_cut_from_the_page_and_read_with_its_own_expectation() -> None:
    asked: list[Any] = []

    class Cutter(FakeReader):
        def read(self, page: Any, expect: Any = None) -> Any:
            asked.append((page.shape, int(page[0, 0]), expect))
            return [number("4007")]

    page = PAGE.copy()
    page[25, 50], page[100, 200] = 1, 2
    read_form(page, Template.parse(FORM), Cutter())

    assert asked == [((40, 150), 1, Expectation.parse("length=4")), ((100, 200), 2, None)]


def test_boxes_are_those_of_the_page() -> None:
    template = Template.parse("size=[800, 400]\nfields.a.box=[100, 50, 300, 80]")

    [entry] = read_form(PAGE, template, FakeReader(numbers=[number("40", x=3, y=5)]))

    assert entry.box == Box(50, 25, 150, 40)
    assert entry.numbers[0].box == Box(53, 30, 20, 16)
    assert [character.box.x for character in entry.numbers[0].characters] == [53, 63]


@pytest.mark.parametrize("bar", [False, True])
@pytest.mark.parametrize("angle", [-4, -1.5, 0, 2, 3])
def test_a_crooked_scan_is_read_as_a_straight_one_and_boxes_lie_on_it(angle: float, bar: bool) -> None:
    sheet = Sheet(1200, 960)
    if bar:
        sheet.brush.rectangle((160, 1720, 2240, 1880), fill=(40, 40, 60))
    for row, text in enumerate(("4071", "385", "20", "96128")):
        sheet.write("1234567", 100, 85 + 200 * row, 30)
        sheet.box(500, 60 + 200 * row, 320, 80).write(text, 530, 78 + 200 * row, 44)
    places = "".join(f"[fields.row{row}]\nbox = [490, {50 + 200 * row}, 340, 100]\n" for row in range(4))
    turned = sheet.picture().rotate(angle, Image.Resampling.BICUBIC, fillcolor=sheet.paper)
    page = read_page(encoded(turned))

    entries = read_form(page, Template.parse(f"size = [1200, 960]\n{places}"), Reader.load())

    assert [entry.text for entry in entries] == ["4071", "385", "20", "96128"]
    turn = math.radians(angle)
    for entry, written in zip(entries, sheet.written[1::2], strict=True):
        x, y = (written.left + written.right) / 2 - 600, (written.top + written.bottom) / 2 - 480
        on_scan = math.cos(turn) * x + math.sin(turn) * y + 600, math.cos(turn) * y - math.sin(turn) * x + 480
        for box in (entry.box, entry.numbers[0].box):
            assert box.x < on_scan[0] < box.x + box.width
            assert box.y < on_scan[1] < box.y + box.height


def test_several_numbers_in_a_field_stay_apart_and_their_chances_multiply() -> None:
    [entry] = read_form(
        PAGE, Template.parse("fields.a.box=[0,0,1,1]"), FakeReader([number("12"), number("50", doubtful="0")])
    )

    assert (entry.text, entry.doubt) == ("12 50", "12 5?")
    assert entry.confidence == pytest.approx(0.93**2)


def test_a_field_without_ink_is_empty_and_no_error() -> None:
    class Blank(FakeReader):
        def read(self, page: Any, expect: Any = None) -> Any:
            raise BlankImageError("blank")

    entries = read_form(PAGE, Template.parse(FORM), Blank())

    assert [(entry.text, entry.confidence, entry.doubt, entry.error) for entry in entries] == [("", None, "", None)] * 2


def test_ink_that_is_no_number_is_an_error_of_its_field() -> None:
    [entry] = read_form(PAGE, Template.parse("fields.a.box=[0,0,1,1]"), FakeReader([]))

    assert isinstance(entry.error, NoReadingError)
    assert entry.record()["error"]["type"] == "no-reading"


@pytest.mark.parametrize(
    ("shape", "fits"), [((200, 400), True), ((1000, 2050), True), ((400, 200), False), ((200, 480), False)]
)
def test_a_scan_of_other_proportions_is_refused(shape: tuple[int, int], fits: bool) -> None:
    page, template = np.full(shape, 255, np.uint8), Template.parse(FORM)

    if fits:
        assert len(read_form(page, template, FakeReader([number("4007")]))) == 2
    else:
        with pytest.raises(FormMismatchError, match="turn it upright"):
            read_form(page, template, FakeReader())


def test_shares_fit_a_page_of_any_proportions() -> None:
    template = Template.parse("fields.a.box=[0,0,1,1]")

    assert read_form(np.full((9, 999), 255, np.uint8), template, FakeReader())[0].text == "4007 12.50"


# --- rows


def test_no_row_is_lost_whatever_goes_wrong(scan: str, tmp_path: Path) -> None:
    (tmp_path / "bad.png").write_bytes(b"no picture")
    turned = tmp_path / "turned.png"
    with Image.open(scan) as picture:
        picture.transpose(Image.Transpose.ROTATE_90).save(turned)
    files = [scan, "nowhere.png", str(tmp_path / "bad.png"), str(turned), scan]

    rows = list(read_forms(files, Template.parse(FORM), lambda: FakeReader([number("4007")])))

    assert [row.file for row in rows] == files
    assert [bool(row.errors) for row in rows] == [False, True, True, True, False]
    assert [row.cells().get("account") for row in rows] == ["4007", None, None, None, "4007"]
    assert isinstance(rows[1].result, UnreadableImageError)


def test_rows_have_the_columns_that_are_promised_and_records_that_json_can_hold(scan: str) -> None:
    template = Template.parse(FORM)
    [row, bad] = read_forms([scan, "nowhere.png"], template, lambda: FakeReader([number("4007")]))

    assert columns(template) == [
        "file", "account", "amount",
        "account:confidence", "account:doubt", "account:error", "amount:confidence", "amount:doubt", "amount:error",
        "model", "error", "detail",
    ]  # fmt: skip
    assert set(row.cells()) | set(bad.cells()) == set(columns(template))
    assert json.loads(json.dumps(row.record()))["fields"]["account"]["text"] == "4007"
    assert not math.isnan(json.loads(json.dumps(row.record()))["fields"]["account"]["confidence"])
    assert json.loads(json.dumps(bad.record()))["error"]["type"] == "unreadable-image"

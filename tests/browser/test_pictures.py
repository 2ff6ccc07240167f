"""Pictures on the page: how they come there, where their numbers are shown, and what goes wrong with them."""

import io
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from PIL import Image
from tests.browser.papers import ROWS, SIZE, TURNED_LEFT, TURNED_RIGHT, UPRIGHT, UPSIDE_DOWN, jpeg, paper
from tests.browser.sheet import SEVEN, Served, Sheet

if TYPE_CHECKING:
    from playwright.sync_api import Locator, Route

OpenSheet = Callable[..., Sheet]


def _read(sheet: Sheet, data: bytes | None = None) -> None:
    sheet.choose(jpeg(paper()) if data is None else data)
    sheet.expect("number")


def _boxes(sheet: Sheet) -> "Locator":
    return sheet.page.locator("#boxes button")


def _rectangle(part: "Locator") -> tuple[float, float, float, float]:
    box = part.bounding_box()
    assert box
    return box["x"], box["y"], box["width"], box["height"]


# --- the three ways ---


def test_a_chosen_picture_is_read_in_the_place_of_the_pad(reading_sheet: Sheet) -> None:
    _read(reading_sheet)

    assert [box.get_attribute("aria-label") for box in _boxes(reading_sheet).all()] == ["4007, one doubtful digit"] * 3
    assert reading_sheet.said().startswith("3 numbers. 4007: the 4th digit is doubtful: 7, 60.0 %, or perhaps 1.")
    assert reading_sheet.number().endswith("7, doubtful, 60.0 %")
    assert not reading_sheet.pad.is_visible()


def test_of_dropped_files_the_first_picture_is_read_and_the_others_are_told_of(
    reading_sheet: Sheet, tmp_path: Path
) -> None:
    files = [tmp_path / name for name in ("notes.txt", "photo.jpg", "other.jpg")]
    for file in files:
        file.write_bytes(jpeg(paper()))
    session = reading_sheet.page.context.new_cdp_session(reading_sheet.page)
    x, y = reading_sheet.place(140, 140)
    data = {"items": [], "files": [str(file) for file in files], "dragOperationsMask": 1}

    for kind in ("dragEnter", "dragOver"):
        session.send("Input.dispatchDragEvent", {"type": kind, "x": x, "y": y, "data": data})
    reading_sheet.page.wait_for_selector(".sheet.is-hovered")
    session.send("Input.dispatchDragEvent", {"type": "drop", "x": x, "y": y, "data": data})
    reading_sheet.expect("number")

    assert _boxes(reading_sheet).count() == 3
    assert reading_sheet.page.locator(".sheet.is-hovered").count() == 0
    assert "@photo.jpg" in reading_sheet.page.locator("#call").input_value()
    assert reading_sheet.page.locator("#picture-said").inner_text() == "Of 3 files only photo.jpg is taken."


def test_a_picture_whose_name_tells_no_type_is_read(reading_sheet: Sheet, tmp_path: Path) -> None:
    file = tmp_path / "photo"
    file.write_bytes(jpeg(paper()))
    reading_sheet.page.locator("#choose").set_input_files(file)
    reading_sheet.expect("number")

    assert _boxes(reading_sheet).count() == 3
    assert "application/octet-stream" in reading_sheet.page.locator("#call").input_value()


COPY_IMAGE = """async (bytes) => {
  const blob = new Blob([new Uint8Array(bytes)], { type: "image/png" });
  await navigator.clipboard.write([new ClipboardItem({ "image/png": blob })]);
}"""


def test_a_pasted_picture_is_read(open_sheet: OpenSheet, reading_server: Served) -> None:
    sheet = open_sheet(reading_server.url, permissions=["clipboard-read", "clipboard-write"])
    data = io.BytesIO()
    paper().save(data, "PNG")
    sheet.page.evaluate(COPY_IMAGE, list(data.getvalue()))
    sheet.page.keyboard.press("Control+v")
    sheet.expect("number")

    assert _boxes(sheet).count() == 3


@pytest.mark.parametrize(("field", "takes_it"), [("#access-key", True), ("#call", False)])
def test_text_that_is_also_a_picture_goes_to_the_field_that_takes_text(
    reading_sheet: Sheet, field: str, takes_it: bool
) -> None:
    reading_sheet.draw(SEVEN)
    reading_sheet.expect_answer()
    reading_sheet.page.evaluate(
        """([field, bytes]) => {
          const data = new DataTransfer();
          data.setData("text/plain", "a-key");
          data.items.add(new File([new Uint8Array(bytes)], "image.png", { type: "image/png" }));
          const paste = { clipboardData: data, bubbles: true, cancelable: true };
          document.querySelector(field).dispatchEvent(new ClipboardEvent("paste", paste));
        }""",
        [field, list(jpeg(paper()))],
    )

    assert reading_sheet.pad.is_visible() is takes_it


def test_pasted_text_is_left_alone(reading_sheet: Sheet) -> None:
    reading_sheet.page.evaluate(
        "document.dispatchEvent(new ClipboardEvent('paste', { clipboardData: new DataTransfer(), bubbles: true }))"
    )

    assert reading_sheet.pad.is_visible()


def test_a_long_name_of_a_file_does_not_widen_the_page(reading_sheet: Sheet) -> None:
    reading_sheet.choose(jpeg(paper()), name=f"{'scan' * 50}.jpg")
    reading_sheet.expect("number")
    reading_sheet.page.locator("summary").click()

    for width in (1280, 320):
        reading_sheet.page.set_viewport_size({"width": width, "height": 720})
        assert reading_sheet.page.evaluate("document.documentElement.scrollWidth") <= width


def test_the_next_picture_takes_the_place_of_the_last(reading_sheet: Sheet) -> None:
    _read(reading_sheet)
    reading_sheet.choose(jpeg(paper(ROWS[:1])), name="other.jpg")
    reading_sheet.page.locator("#boxes li:only-child").wait_for()

    assert reading_sheet.page.get_by_alt_text("The picture other.jpg").is_visible()


def test_a_phone_offers_its_camera_and_a_desktop_does_not(open_sheet: OpenSheet, reading_server: Served) -> None:
    phone = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True}
    offers = {}
    for name, options in {"phone": phone, "desktop": {}}.items():
        sheet = open_sheet(reading_server.url, **options)
        offers[name] = sheet.page.get_by_text("Take a photo").is_visible()

    assert offers == {"phone": True, "desktop": False}
    assert sheet.page.locator("#camera").get_attribute("capture") == "environment"


# --- where the numbers are shown ---


@pytest.mark.parametrize("orientation", [UPRIGHT, UPSIDE_DOWN, TURNED_LEFT, TURNED_RIGHT])
def test_boxes_stand_over_their_ink_however_the_phone_was_held(reading_sheet: Sheet, orientation: int) -> None:
    _read(reading_sheet, jpeg(paper(), orientation))

    left, top, width, height = _rectangle(reading_sheet.page.locator("#picture"))
    scale = width / SIZE[0]
    found = [_rectangle(box) for box in _boxes(reading_sheet).all()]

    assert width / height == pytest.approx(SIZE[0] / SIZE[1], rel=0.01)
    for (x, y), box in zip(ROWS, found, strict=True):
        expected = (left + x * scale - 4, top + y * scale - 4, 141 * scale + 8, 61 * scale + 8)
        assert box == pytest.approx(expected, abs=3)


@pytest.mark.parametrize("orientation", [UPRIGHT, TURNED_LEFT])
def test_the_picture_is_shown_upright(reading_sheet: Sheet, orientation: int) -> None:
    _read(reading_sheet, jpeg(paper(), orientation))
    boxes = reading_sheet.page.locator("#boxes")
    boxes.evaluate("list => { list.style.visibility = 'hidden'; }")

    shot = Image.open(io.BytesIO(reading_sheet.page.locator("#picture").screenshot())).convert("L").resize(SIZE)
    upright = paper().convert("L")

    assert np.abs(np.asarray(shot, float) - np.asarray(upright, float)).mean() < 4


def test_what_is_clear_in_a_picture_is_white_on_a_dark_page_too(open_sheet: OpenSheet, reading_server: Served) -> None:
    sheet = open_sheet(reading_server.url, color_scheme="dark")
    picture, data = Image.new("RGBA", SIZE), io.BytesIO()
    picture.paste(paper(), (0, SIZE[1] // 2))
    picture.save(data, "PNG")
    _read(sheet, data.getvalue())

    shot = Image.open(io.BytesIO(sheet.page.locator("#picture").screenshot()))

    assert shot.convert("RGB").getpixel((shot.width // 2, 20)) == (255, 255, 255)


def test_boxes_follow_the_picture_when_the_window_changes(reading_sheet: Sheet) -> None:
    _read(reading_sheet)
    shares = []
    for width in (1280, 390):
        reading_sheet.page.set_viewport_size({"width": width, "height": 844})
        left, _, across, _ = _rectangle(reading_sheet.page.locator("#picture"))
        x, _, wide, _ = _rectangle(_boxes(reading_sheet).nth(2))
        shares.append((x + wide / 2 - left) / across)

    assert shares == pytest.approx([(360 + 70) / 640] * 2, abs=0.01)


@pytest.mark.parametrize("width", [1280, 390])
def test_no_tag_covers_another_number(reading_sheet: Sheet, width: int) -> None:
    reading_sheet.page.set_viewport_size({"width": width, "height": 844})
    _read(reading_sheet, jpeg(paper([(60, y) for y in (70, 140, 210, 280)])))
    tags = [_rectangle(tag) for tag in _boxes(reading_sheet).locator("span").all() if tag.is_visible()]
    numbers = [_rectangle(number) for number in reading_sheet.page.locator("#boxes li").all()]

    assert len(tags) == 2
    assert not [
        (tag, number)
        for tag in tags
        for number in numbers
        if tag[1] < number[1] + number[3] and number[1] < tag[1] + tag[3]
    ]


def test_a_tapped_number_shows_its_digits(reading_sheet: Sheet) -> None:
    _read(reading_sheet)
    _boxes(reading_sheet).nth(2).click()

    assert [box.get_attribute("aria-pressed") for box in _boxes(reading_sheet).all()] == ["false", "false", "true"]
    assert reading_sheet.page.locator("#number li").count() == 4


def test_a_choice_changes_the_number_on_the_picture_and_in_what_is_copied(
    open_sheet: OpenSheet, reading_server: Served
) -> None:
    sheet = open_sheet(reading_server.url, permissions=["clipboard-read", "clipboard-write"])
    _read(sheet)
    _boxes(sheet).nth(1).click()
    sheet.page.get_by_role("button", name="7, doubtful").click()
    sheet.page.get_by_role("button", name="1, 30.0 %").click()
    copies = [_copied(sheet, name) for name in ("Copy as text", "Copy as CSV")]

    assert _boxes(sheet).nth(1).get_attribute("aria-label") == "4001, chosen by you"
    assert sheet.page.locator("#picture-said").inner_text() == "Copied."
    assert copies[0] == "4007\n4001\n4007\n"
    rows = copies[1].splitlines()
    assert rows[0] == "number,text,confidence,doubt,x,y,width,height"
    assert [row.split(",")[:4] for row in rows[1:]] == [
        ["1", "4007", "0.58", "400?"],
        ["2", "4001", "", ""],
        ["3", "4007", "0.58", "400?"],
    ]


def _copied(sheet: Sheet, button: str) -> str:
    sheet.page.get_by_role("button", name=button).click()
    sheet.page.locator("#picture-said:not(:empty)").wait_for()
    sheet.page.wait_for_timeout(100)
    text: str = sheet.page.evaluate("navigator.clipboard.readText()")
    return text.replace("\r\n", "\n")


def test_copying_works_where_the_browser_keeps_its_clipboard_from_the_page(reading_sheet: Sheet) -> None:
    _read(reading_sheet)
    reading_sheet.page.evaluate(
        """() => {
          navigator.clipboard.writeText = () => Promise.reject(new Error("no"));
          window.addEventListener("copy", (event) => { window.copy = event.clipboardData.getData("text/plain"); });
        }"""
    )
    reading_sheet.page.get_by_role("button", name="Copy as text").click()
    reading_sheet.page.locator("#picture-said:not(:empty)").wait_for()

    assert reading_sheet.page.locator("#picture-said").inner_text() == "Copied."
    assert reading_sheet.page.evaluate("window.copy") == "4007\n4007\n4007\n"


# --- and back ---


@pytest.mark.parametrize("how", ["button", "Escape"])
def test_back_at_the_pad_the_drawing_is_still_there(reading_sheet: Sheet, how: str) -> None:
    reading_sheet.draw(SEVEN)
    reading_sheet.expect("sure", 7)
    _read(reading_sheet)
    if how == "button":
        reading_sheet.page.get_by_role("button", name="Back to drawing").click()
    else:
        reading_sheet.page.keyboard.press(how)

    reading_sheet.expect("sure", 7)
    assert reading_sheet.pad.is_visible()
    assert _boxes(reading_sheet).count() == 0


def test_what_was_chosen_on_a_picture_comes_back_with_it(reading_sheet: Sheet, tmp_path: Path) -> None:
    for name in ("photo.jpg", "another.jpg"):
        (tmp_path / name).write_bytes(jpeg(paper()))
    for name in ("photo.jpg", "another.jpg", "photo.jpg"):
        reading_sheet.page.locator("#choose").set_input_files(tmp_path / name)
        reading_sheet.expect("number")
        names = [box.get_attribute("aria-label") for box in _boxes(reading_sheet).all()]
        if name == "another.jpg":
            assert names == ["4007, one doubtful digit"] * 3
        elif "4001, chosen by you" not in names:
            reading_sheet.page.get_by_role("button", name="7, doubtful").click()
            reading_sheet.page.get_by_role("button", name="1, 30.0 %").click()
        reading_sheet.page.keyboard.press("Escape")
        reading_sheet.expect("blank")

    assert names == ["4001, chosen by you", *["4007, one doubtful digit"] * 2]


def test_a_shells_call_goes_with_its_picture(reading_sheet: Sheet) -> None:
    way, command, copied = (reading_sheet.page.locator(part) for part in ("#way", "#command", "#copied"))
    reading_sheet.page.locator("summary").click()
    reading_sheet.page.locator("#copy").click()
    first = copied.text_content()
    _read(reading_sheet)
    with_picture = (way.text_content(), command.text_content(), copied.text_content())
    reading_sheet.page.locator("#copy").click()
    reading_sheet.page.locator("#copied:not(:empty)").wait_for()
    reading_sheet.page.locator("#back").click()
    reading_sheet.expect("blank")

    assert first == "Draw something first."
    assert with_picture == ("Or run", "inkdigit read 'photo.jpg'", "")
    assert way.text_content() == "Or save the drawing and run"
    assert (command.text_content(), copied.text_content()) == ("inkdigit predict drawing.png", "")


def test_keys_leave_the_drawing_behind_a_picture_alone(reading_sheet: Sheet) -> None:
    reading_sheet.draw(SEVEN)
    reading_sheet.expect("sure", 7)
    _read(reading_sheet)
    reading_sheet.page.keyboard.press("Control+z")
    reading_sheet.page.keyboard.press("Escape")

    reading_sheet.expect("sure", 7)


# --- when things go wrong ---


@pytest.mark.parametrize(
    ("data", "name", "mime", "said"),
    [
        (b"GIF89a", "a.gif", "image/gif", "This file is not read. Choose a PNG, JPEG or WebP picture."),
        (b"", "a.png", "image/png", "This file is empty."),
    ],
)
def test_a_file_that_cannot_be_read_is_told_before_it_is_sent(
    reading_sheet: Sheet, data: bytes, name: str, mime: str, said: str
) -> None:
    reading_sheet.choose(data, name, mime)
    reading_sheet.expect("problem")
    reading_sheet.page.locator("#picture:not([src])").wait_for(state="hidden")

    assert not reading_sheet.page.locator("#picture").is_visible()
    assert reading_sheet.said().startswith(f"Encountered an error. {said}")
    assert not any(url.endswith("/read") for url in reading_sheet.requested)


def test_a_file_over_the_limit_is_told_before_it_is_sent(reading_sheet: Sheet, tmp_path: Path) -> None:
    file = tmp_path / "large.jpg"
    with file.open("wb") as large:
        large.truncate(16 * 2**20 + 1)
    reading_sheet.page.locator("#choose").set_input_files(file)
    reading_sheet.expect("problem")

    assert "This picture has 17 MiB; at most 16 MiB are read." in reading_sheet.said()
    assert not any(url.endswith("/read") for url in reading_sheet.requested)


def test_a_broken_and_a_blank_picture_are_told_in_the_servers_words(reading_sheet: Sheet) -> None:
    said = []
    for data in (b"not a picture", jpeg(paper([]))):
        reading_sheet.choose(data)
        reading_sheet.expect("problem")
        said.append(reading_sheet.said())
        reading_sheet.page.keyboard.press("Escape")
        reading_sheet.expect("blank")

    assert all("Choose another picture, or draw the number." in words for words in said)
    assert "blank" in said[1]
    assert said[0] != said[1]


def test_a_picture_without_numbers_is_told(reading_sheet: Sheet) -> None:
    reading_sheet.page.route("**/api/v1/read", lambda route: route.fulfill(json={"numbers": [], "model": "lines-1"}))
    _read(reading_sheet)

    assert reading_sheet.said() == "No numbers found. The picture shows none that can be read."
    reading_sheet.page.get_by_role("button", name="Copy as text").click()
    assert reading_sheet.page.locator("#picture-said").inner_text() == "No numbers to copy."


def test_a_server_without_the_reader_says_so(sheet: Sheet) -> None:
    sheet.choose(jpeg(paper()))
    sheet.expect("problem")

    assert "no model that reads whole numbers" in sheet.said()


def test_a_picture_is_read_as_soon_as_the_server_is_back(reading_sheet: Sheet) -> None:
    reading_sheet.page.route("**/api/v1/read", lambda route: route.abort())
    reading_sheet.choose(jpeg(paper()))
    reading_sheet.expect("problem")
    said = reading_sheet.said()
    reading_sheet.page.unroute("**/api/v1/read")

    reading_sheet.expect("number")
    assert said.startswith("Encountered an error. The server does not answer. Your picture is kept, and read as soon")


def test_a_reading_that_comes_after_going_back_is_not_shown(reading_sheet: Sheet) -> None:
    held: list[Route] = []
    reading_sheet.page.route("**/api/v1/read", lambda route: held.append(route))
    reading_sheet.choose(jpeg(paper()))
    reading_sheet.page.wait_for_selector("#answer[data-mood=waiting]")
    while not held:
        reading_sheet.page.wait_for_timeout(20)
    reading_sheet.page.keyboard.press("Escape")
    held[0].continue_()
    reading_sheet.page.wait_for_timeout(200)

    assert reading_sheet.said().startswith("Draw a number.")


def test_a_photo_of_twelve_megapixels_is_read(reading_sheet: Sheet) -> None:
    _read(reading_sheet, jpeg(paper(size=(4032, 3024))))

    assert _boxes(reading_sheet).count() == 3
    assert reading_sheet.page.locator("#picture").evaluate("image => image.naturalWidth") == 4032


def test_the_page_keeps_to_its_own_security_policy_with_a_picture_on_it(reading_sheet: Sheet) -> None:
    _read(reading_sheet)
    reading_sheet.page.keyboard.press("Escape")
    reading_sheet.expect("blank")

    assert reading_sheet.complaints == []

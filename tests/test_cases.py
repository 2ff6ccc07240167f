import io
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import cast

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from tests.conftest import FakeReader, FakeRecognizer

from inkdigit.cases import (
    MISREAD,
    Case,
    Outcome,
    State,
    add_case,
    check_name,
    find_folder,
    load_case,
    load_cases,
    run_cases,
)
from inkdigit.drawing import parse_strokes
from inkdigit.errors import ConfigError, ImageError
from inkdigit.image import read_picture
from inkdigit.reader import Reader
from inkdigit.recognizer import Recognizer
from inkdigit.share import encode, open_sheet

FOLDER = Path(__file__).parent / "cases"
CODE = encode(parse_strokes([[[80, 70], [200, 70], [130, 230]]]))


@pytest.fixture(scope="module")
def outcomes(recognizer: Recognizer) -> Mapping[str, Outcome]:
    reader = Reader.load()
    found = run_cases(load_cases(FOLDER), FOLDER, lambda: recognizer, lambda: reader)
    return {outcome.case.name: outcome for outcome in found}


def fake(not_digit: float = 0.0) -> Recognizer:
    """Reads everything as a seven."""
    return cast(Recognizer, FakeRecognizer(not_digit=not_digit))


# --- the project's own cases


@pytest.mark.parametrize("name", sorted(path.stem for path in FOLDER.glob("*.toml")))
def test_every_case_is_read_as_it_should_be_or_known_not_to(name: str, outcomes: Mapping[str, Outcome]) -> None:
    outcome = outcomes[name]

    assert outcome.state in {"right", "known"}, f"{outcome.case.label!r} read as {outcome.read!r}"


def test_the_cases_are_several_digits_numbers_and_signs_that_are_none_and_have_stories() -> None:
    cases = load_cases(FOLDER)

    assert len(cases) >= 10
    assert {case.label for case in cases} >= {"0", "1", "7", "9", "none", "1947", "12.5"}
    assert all(case.story for case in cases)


def test_every_file_among_the_cases_belongs_to_one() -> None:
    known = {case.name for case in load_cases(FOLDER)}

    assert {path.stem for path in FOLDER.iterdir()} == known


# --- adding


def test_an_added_drawing_is_a_small_text_file_that_is_read_again(tmp_path: Path) -> None:
    added = add_case(tmp_path / "new", f"http://127.0.0.1:5000/#d={CODE}", "7", "plain-seven", "No bar.")

    assert load_case(tmp_path / "new", "plain-seven") == added == Case("plain-seven", "7", CODE, "No bar.")
    assert tomllib.loads((tmp_path / "new" / "plain-seven.toml").read_text("utf-8")) == {
        "label": "7",
        "code": CODE,
        "story": "No bar.",
    }


def test_a_known_misread_is_marked_in_its_file(tmp_path: Path) -> None:
    add_case(tmp_path, CODE, "1", "seven", known_misread=True)

    assert load_case(tmp_path, "seven").known_misread
    assert f'known = "{MISREAD}"' in (tmp_path / "seven.toml").read_text("utf-8")


def test_a_case_without_a_name_gets_one_from_its_label_and_drawing(tmp_path: Path) -> None:
    digit, number = add_case(tmp_path, CODE, "7"), add_case(tmp_path, CODE, "12.50")

    assert digit.name.startswith("7-")
    assert number.name.startswith("12-50-")
    assert [case.name for case in load_cases(tmp_path)] == sorted([digit.name, number.name])


@settings(max_examples=40, deadline=None)
@given(st.text(max_size=80))
def test_a_story_of_any_letters_comes_back(story: str) -> None:
    from tempfile import TemporaryDirectory

    with TemporaryDirectory() as folder:
        add_case(Path(folder), CODE, "7", "seven", story)
        told = load_case(Path(folder), "seven").story

    assert told == story.encode("utf-8", "backslashreplace").decode("utf-8")


def test_a_picture_is_kept_as_a_png_of_its_pixels_alone(tmp_path: Path, digit_png: bytes) -> None:
    exif = Image.Exif()
    exif[0x010E] = "taken at home"
    photo = tmp_path / "photo.jpg"
    Image.open(io.BytesIO(digit_png)).convert("CMYK").save(photo, "JPEG", exif=exif, comment=b"a secret")

    add_case(tmp_path / "cases", str(photo), "7", "photo")

    kept = (tmp_path / "cases" / "photo.png").read_bytes()
    assert load_case(tmp_path / "cases", "photo").source is None
    assert b"taken at home" not in kept
    assert b"a secret" not in kept
    assert b"eXIf" not in kept
    assert np.abs(read_picture(kept).ink.astype(int) - read_picture(digit_png).ink).mean() < 2


def test_a_picture_on_its_side_is_kept_upright(tmp_path: Path, digit_png: bytes) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned to the right
    Image.open(io.BytesIO(digit_png)).transpose(Image.Transpose.ROTATE_90).save(tmp_path / "side.png", exif=exif)

    add_case(tmp_path / "cases", str(tmp_path / "side.png"), "7", "side")

    kept = Image.open(tmp_path / "cases" / "side.png")
    np.testing.assert_array_equal(np.asarray(kept), np.asarray(Image.open(io.BytesIO(digit_png))))


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "I;16"])
def test_a_png_of_every_kind_is_read_as_before(mode: str, tmp_path: Path, digit_png: bytes) -> None:
    source: Image.Image = Image.open(io.BytesIO(digit_png))
    if mode == "I;16":
        source = Image.fromarray(np.asarray(source).astype(np.uint16) << 8)
    (source if mode == "I;16" else source.convert(mode)).save(tmp_path / "seven.png")

    add_case(tmp_path / "cases", str(tmp_path / "seven.png"), "7", "seven")

    pictures = [read_picture((tmp_path / place).read_bytes()) for place in ("seven.png", "cases/seven.png")]
    np.testing.assert_array_equal(pictures[0].ink, pictures[1].ink)


def test_a_case_is_never_overwritten(tmp_path: Path, digit_png: bytes) -> None:
    (tmp_path / "photo.png").write_bytes(digit_png)
    add_case(tmp_path, CODE, "7", "seven")

    for source, name in ((CODE, "seven"), (str(tmp_path / "photo.png"), "photo")):
        with pytest.raises(ConfigError, match="is there already"):
            add_case(tmp_path, source, "1", name)
    assert load_case(tmp_path, "seven").label == "7"


@pytest.mark.parametrize("source", ["nowhere.png", "http://127.0.0.1:5000/", f"{CODE[:-2]}", ""])
def test_what_cannot_be_read_makes_no_case(source: str, tmp_path: Path) -> None:
    with pytest.raises(ImageError):
        add_case(tmp_path / "cases", source, "7")

    assert not (tmp_path / "cases").exists()


@pytest.mark.parametrize(
    "name",
    ["", "..", "../seven", "a/b", "a\\b", "/etc/passwd", "C:seven", ".hidden", "seven.toml", "Seven", "sëven", "-seven",
     "seven-", "a b", "seven\n", "seven\0", "con", "nul", "com1", "a" * 65],
)  # fmt: skip
def test_a_name_that_leads_elsewhere_is_refused_before_anything_is_touched(name: str, tmp_path: Path) -> None:
    for attempt in (
        lambda: check_name(name),
        lambda: add_case(tmp_path / "cases", CODE, "7", name or "/"),
        lambda: load_case(tmp_path, name),
    ):
        with pytest.raises(ConfigError, match="cannot name a case"):
            attempt()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(("name", "why"), [("con", "Windows"), ("Seven", "small letters, digits and hyphens")])
def test_a_name_that_is_refused_is_told_by_what_is_wrong_with_it(name: str, why: str) -> None:
    with pytest.raises(ConfigError, match=why) as refused:
        check_name(name)

    assert ("Windows" in str(refused.value)) == (name == "con")


@pytest.mark.parametrize("name", ["seven", None])
@pytest.mark.parametrize("label", ["", "seven", "12 50", "7\n", "٧", "..", "1" * 65, "None"])
def test_a_label_that_nothing_is_read_as_is_refused(label: str, name: str | None, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="is no label"):
        add_case(tmp_path, CODE, label, name)


def test_a_label_does_not_lead_the_name_elsewhere(tmp_path: Path) -> None:
    added = add_case(tmp_path / "cases", CODE, "../7")

    assert added.name.startswith("7-")
    assert [path.parent for path in tmp_path.rglob("*.toml")] == [tmp_path / "cases"]


# --- reading files


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("label = 7", "all of them text"),
        ('label = "7"', "either a code or picture"),
        (f'label = "7"\ncode = "{CODE}"\npicture = "seven.png"', "either a code or picture"),
        ('label = "7"\npicture = "../secret.png"', "either a code or picture"),
        ('label = "7"\npicture = "/etc/passwd"', "either a code or picture"),
        (f'code = "{CODE}"', "is no label"),
        (f'label = "7"\ncode = "{CODE}"\nknown = "perhaps"', 'can only be "misread"'),
        (f'label = "7"\ncode = "{CODE}"\nlable = "7"', "no other"),
        ("label = ", "not TOML"),
        ("\xff", "not TOML"),
        ("a = " + "[" * 5000, "not TOML"),
        ("# " + "x" * 300_000, "larger"),
    ],
)
def test_a_file_that_is_no_case_is_told_with_its_path(text: str, message: str, tmp_path: Path) -> None:
    (tmp_path / "seven.toml").write_bytes(text.encode("latin-1"))

    with pytest.raises(ConfigError, match=message):
        load_cases(tmp_path)


def test_a_case_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"seven\.toml cannot be read"):
        load_case(tmp_path, "seven")
    with pytest.raises(ConfigError, match="add a case first"):
        load_cases(tmp_path / "none")


def test_links_to_other_places_are_not_followed(tmp_path: Path, digit_png: bytes) -> None:
    (tmp_path / "secret.toml").write_text(f'label = "7"\ncode = "{CODE}"')
    (tmp_path / "secret.png").write_bytes(digit_png)
    folder = tmp_path / "cases"
    folder.mkdir()
    (folder / "seven.toml").symlink_to(tmp_path / "secret.toml")
    (folder / "photo.toml").write_text('label = "7"\npicture = "photo.png"')
    (folder / "photo.png").symlink_to(tmp_path / "secret.png")

    with pytest.raises(ConfigError, match="link to another place"):
        load_case(folder, "seven")
    with pytest.raises(ConfigError, match="link to another place"):
        list(run_cases([load_case(folder, "photo")], folder, fake, FakeReader))


# --- checking


@pytest.mark.parametrize(
    ("label", "known", "state"),
    [
        ("7", False, "right"),
        ("1", False, "misread"),
        ("1", True, "known"),
        ("7", True, "fixed"),
        ("none", True, "known"),
    ],
)
def test_a_case_is_right_misread_known_to_be_or_fixed(label: str, known: bool, state: State) -> None:
    [outcome] = run_cases([Case("seven", label, CODE, "", known)], Path(), fake, FakeReader)

    assert outcome.state == state


def test_what_is_no_digit_is_read_as_none() -> None:
    [outcome] = run_cases([Case("blot", "none", CODE)], Path(), lambda: fake(0.9), FakeReader)

    assert outcome.read == "none"


def test_pictures_of_digits_go_to_the_digit_model_and_those_of_numbers_to_the_reader(
    tmp_path: Path, digit_png: bytes
) -> None:
    (tmp_path / "seven.png").write_bytes(digit_png)
    cases = [
        add_case(tmp_path / "cases", str(tmp_path / "seven.png"), label, f"case-{i}")
        for i, label in enumerate(["7", "none", "4007"])
    ]

    read = [outcome.read for outcome in run_cases(cases, tmp_path / "cases", fake, FakeReader)]

    assert read == ["7", "7", "4007 12.50"]


def test_a_case_whose_picture_is_gone_fails_with_the_reason(tmp_path: Path) -> None:
    (tmp_path / "photo.toml").write_text('label = "7"\npicture = "photo.png"')

    [outcome] = run_cases(load_cases(tmp_path), tmp_path, fake, FakeReader)

    assert outcome.state == "misread"
    assert outcome.read == "error: no such file or folder; check the name"


def test_a_code_from_elsewhere_is_written_anew(tmp_path: Path) -> None:
    added = add_case(tmp_path, f"http://digits.example/#x=1&d={CODE}&y", "7", "seven")

    assert added.source is not None
    assert open_sheet(added.source) == open_sheet(CODE)


def test_a_checkout_is_found_from_any_folder_in_it(tmp_path: Path) -> None:
    assert find_folder(Path(__file__).parent) == FOLDER
    with pytest.raises(ConfigError, match="--cases"):
        find_folder(tmp_path)

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageDraw
from tests.processes import WITHOUT_RIGHTS, needs_rights

from inkdigit import ImageError, Layer, Prediction, Recognizer, normalize, read_image
from inkdigit.batch import CHUNK, ERROR_TYPES, Answer, find_pictures, predict_files
from inkdigit.errors import ImageTooLargeError
from inkdigit.image import MAX_IMAGE_BYTES


@pytest.fixture
def draw(tmp_path: Path) -> Callable[[str], str]:
    def save(name: str) -> str:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        picture = Image.new("L", (100, 100), "white")
        ImageDraw.Draw(picture).line([(30, 25), (70, 25), (45, 80)], fill="black", width=8)
        picture.save(path)
        return str(path)

    return save


class CountingRecognizer(Recognizer):
    """Says 7 to everything, as sure as it is told to be, and remembers the sizes of its batches."""

    def __init__(self, confidence: float = 0.91, is_digit: bool = True) -> None:
        self.version = "counting"
        self.batches: list[int] = []
        self.prediction = Prediction(7, confidence, (0.0,) * 7 + (confidence, 0.0, 0.0), is_digit)

    def predict(self, images: NDArray[np.float32], layer: Layer | None = None) -> list[Prediction]:
        self.batches.append(len(images))
        return [self.prediction] * len(images)


def test_a_folder_stands_for_its_pictures_in_order_of_their_names(draw: Callable[[str], str], tmp_path: Path) -> None:
    expected = [draw("scans/10.PNG"), draw("scans/2.jpg"), draw("scans/more/1.webp")]
    (tmp_path / "scans" / "notes.txt").write_text("not a picture")

    assert list(find_pictures([str(tmp_path / "scans")])) == expected


def test_a_folder_named_as_a_picture_is_a_folder(draw: Callable[[str], str], tmp_path: Path) -> None:
    (tmp_path / "scan.png").mkdir()
    inside = draw("scan.png/1.png")

    assert list(find_pictures([str(tmp_path)])) == [inside]


def test_in_a_folder_names_that_begin_with_a_dot_are_left_out(draw: Callable[[str], str], tmp_path: Path) -> None:
    seen, hidden = draw("scans/1.png"), draw("scans/._1.png")
    draw("scans/.trash/2.png")

    assert list(find_pictures([str(tmp_path / "scans"), hidden])) == [seen, hidden]


@pytest.mark.parametrize("dotted", [".scans", "scans/.."])
def test_a_folder_that_is_named_is_looked_through_whatever_its_name(
    draw: Callable[[str], str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, dotted: str
) -> None:
    for name in ("scans/1.png", ".scans/1.png"):
        draw(name)
    monkeypatch.chdir(tmp_path)

    assert list(find_pictures([dotted])) == [str(Path(dotted, *(["scans"] if ".." in dotted else []), "1.png"))]


@pytest.mark.skipif(sys.platform == "win32", reason="Windows lets few users make links")
def test_a_link_back_to_its_own_folder_is_not_followed(draw: Callable[[str], str], tmp_path: Path) -> None:
    only = draw("scans/1.png")
    (tmp_path / "scans" / "loop").symlink_to(tmp_path / "scans")

    assert list(find_pictures([str(tmp_path / "scans")])) == [only]


def test_files_and_standard_input_stay_as_they_were_given() -> None:
    assert list(find_pictures(["b.bin", "-", "a.png"])) == ["b.bin", "-", "a.png"]


def test_pictures_are_read_in_batches(draw: Callable[[str], str]) -> None:
    recognizer = CountingRecognizer()
    picture = draw("7.png")

    rows = list(predict_files([picture] * (CHUNK + 3), lambda: recognizer))

    assert recognizer.batches == [CHUNK, 3]
    assert len(rows) == CHUNK + 3


def test_rows_keep_the_order_of_the_files_around_one_that_cannot_be_read(draw: Callable[[str], str]) -> None:
    first, last = draw("1.png"), draw("2.png")

    rows = list(predict_files([first, "nowhere.png", last], CountingRecognizer))

    assert [row.file for row in rows] == [first, "nowhere.png", last]
    assert [isinstance(row.result, Answer) for row in rows] == [True, False, True]


def test_no_model_is_loaded_while_nothing_can_be_read(tmp_path: Path) -> None:
    def load() -> Recognizer:
        raise AssertionError("the model was loaded")

    [row] = predict_files([str(tmp_path / "nowhere.png")], load)

    assert "no such file" in str(row.result)


def test_a_folder_without_pictures_is_an_error_that_names_what_is_looked_for(tmp_path: Path) -> None:
    [row] = predict_files(find_pictures([str(tmp_path)]), CountingRecognizer)

    assert isinstance(row.result, ImageError)
    assert ".png" in str(row.result)


_TELL = """
import sys
from inkdigit.batch import predict_files

for row in predict_files(sys.argv[1:], lambda: sys.exit("the model was loaded")):
    print(type(row.result).__name__, row.result)
"""


@needs_rights
def test_a_file_that_may_not_be_read_is_an_error(draw: Callable[[str], str]) -> None:
    secret = Path(draw("secret.png"))
    secret.chmod(0)

    line = [*WITHOUT_RIGHTS, sys.executable, "-c", _TELL, str(secret)]  # in a process to which rights of files apply
    told = subprocess.run(line, capture_output=True, text=True, check=False)

    assert (told.returncode, told.stderr) == (0, "")
    assert told.stdout.startswith("UnreadableImageError ")
    assert "Permission denied" in told.stdout


def test_a_name_that_no_file_can_have_is_an_error() -> None:
    [row] = predict_files(["x" * 5000 + ".png"], CountingRecognizer)

    assert isinstance(row.result, ImageError)
    assert str(row.result).endswith("; check the name")


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such files")
def test_a_pipe_with_the_name_of_a_picture_is_not_waited_for(draw: Callable[[str], str], tmp_path: Path) -> None:
    picture = draw("scans/2.png")
    pipe = tmp_path / "scans" / "1.png"
    os.mkfifo(pipe)

    rows = list(predict_files(find_pictures([str(tmp_path / "scans")]), CountingRecognizer))

    assert [row.file for row in rows] == [str(pipe), picture]
    assert str(rows[0].result) == "this is no regular file"
    assert isinstance(rows[1].result, Answer)


def test_a_file_over_the_limit_is_not_read_to_its_end_nor_given_a_wrong_size(tmp_path: Path) -> None:
    (tmp_path / "large.png").write_bytes(bytes(2 * MAX_IMAGE_BYTES))

    [row] = predict_files([str(tmp_path / "large.png")], CountingRecognizer)

    assert isinstance(row.result, ImageTooLargeError)
    assert f"more than {MAX_IMAGE_BYTES:,} bytes" in str(row.result)


@pytest.mark.parametrize(
    ("confidence", "is_digit", "least", "accepted"),
    [
        (0.1, True, 0.0, True),
        (0.9, True, 0.9, True),
        (0.9, True, 0.91, False),
        (0.9, False, 0.0, False),
    ],
)
def test_a_digit_is_accepted_from_the_least_confidence_on(
    draw: Callable[[str], str], confidence: float, is_digit: bool, least: float, accepted: bool
) -> None:
    [row] = predict_files([draw("7.png")], lambda: CountingRecognizer(confidence, is_digit), least)

    assert row.record()["accepted"] is accepted


def test_an_answer_holds_what_the_model_saw(draw: Callable[[str], str]) -> None:
    file = draw("7.png")

    [row] = predict_files([file], CountingRecognizer)

    assert isinstance(row.result, Answer)
    np.testing.assert_array_equal(row.result.image, normalize(read_image(Path(file).read_bytes())))


def test_errors_have_the_names_that_the_api_gives_them() -> None:
    from inkdigit.server.problems import KINDS

    assert {error: KINDS[error].type for error in ERROR_TYPES} == ERROR_TYPES


def test_a_record_has_the_fields_of_the_api(draw: Callable[[str], str]) -> None:
    from inkdigit.server.schemas import PredictAnswer

    [row] = predict_files([draw("7.png")], CountingRecognizer)

    assert set(row.record()) == {"file", "polarity", *PredictAnswer.model_fields} - {"adapted"}  # which is of a layer

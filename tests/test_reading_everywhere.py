"""The shipped reader, the same on the server, on the command line and in a form."""

import csv
import importlib.util
import io
import json
import os
import sys
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result
from PIL import Image

from inkdigit.cli import main
from inkdigit.config import Settings
from inkdigit.reader import Reader
from inkdigit.recognizer import Recognizer
from inkdigit.server import create_app
from inkdigit.training.dataset import read_digits

FIRST, SECOND = "7210", "4149"  # the labels of MNIST's first test images
FORM = """
size = [400, 300]
fields.upper.box = [10, 10, 380, 130]
fields.upper.expect = "length=4"
fields.lower.box = [10, 150, 380, 140]
"""

pytestmark = pytest.mark.skipif(importlib.util.find_spec("cv2") is None, reason="OpenCV is not installed")


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in [name for name in os.environ if name.startswith("INKDIGIT_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("INKDIGIT_HOME", str(tmp_path / "home"))


@pytest.fixture(scope="module")
def page() -> bytes:
    """A sheet of 400x300 with two numbers, one under the other, as PNG bytes."""
    digits = read_digits(Path(__file__).parent / "data", "t10k").images[:8]
    sheet = np.zeros((300, 400), np.uint8)
    for place, digit in enumerate(digits):
        x, y = 40 + 66 * (place % 4), 50 + 140 * (place // 4)
        sheet[y : y + 56, x : x + 56] = digit.repeat(2, axis=0).repeat(2, axis=1)
    file = io.BytesIO()
    Image.fromarray(255 - sheet).save(file, "PNG")
    return file.getvalue()


@pytest.fixture
def scan(page: bytes, tmp_path: Path) -> Path:
    (tmp_path / "scan.png").write_bytes(page)
    return tmp_path / "scan.png"


def read(*arguments: object) -> Result:
    return CliRunner().invoke(main, ["read", *map(str, arguments)], prog_name="inkdigit")


def test_the_command_line_prints_what_stands_there(scan: Path) -> None:
    result = read(scan)

    assert (result.exit_code, result.stdout) == (0, f"{FIRST}\n{SECOND}\n")


def test_the_server_answers_what_the_command_line_prints(recognizer: Recognizer, scan: Path, page: bytes) -> None:
    client = create_app(recognizer, Settings(), Reader.load()).test_client()

    answer = client.post("/api/v1/read", data=page, content_type="image/png")
    text = client.post("/api/v1/read", data=page, content_type="image/png", headers={"Accept": "text/plain"})

    assert {"file": str(scan)} | answer.get_json() == json.loads(read("--format", "json", scan).stdout)
    assert text.text == read(scan).stdout


def test_boxes_lie_round_the_digits(recognizer: Recognizer, page: bytes) -> None:
    answer = (
        create_app(recognizer, Settings(), Reader.load())
        .test_client()
        .post("/api/v1/read", data=page, content_type="image/png")
    )

    places = [digit["box"] for number in answer.get_json()["numbers"] for digit in number["digits"]]
    middles = [(x + width / 2, y + height / 2) for x, y, width, height in places]
    drawn = [(68 + 66 * column, 78 + 140 * row) for row in range(2) for column in range(4)]
    assert np.abs(np.subtract(middles, drawn)).max() < 20


def test_what_is_expected_changes_the_reading_and_is_told(recognizer: Recognizer, page: bytes) -> None:
    client = create_app(recognizer, Settings(), Reader.load()).test_client()

    kept = client.post("/api/v1/read?expect=length%3D4", data=page, content_type="image/png")
    broken = client.post("/api/v1/read?expect=length%3D9", data=page, content_type="image/png")

    assert [number["text"] for number in kept.get_json()["numbers"]] == [FIRST, SECOND]
    assert (broken.status_code, broken.get_json(force=True)["type"]) == (422, "no-reading")


def test_a_form_reads_each_field_of_a_scan_of_another_size(page: bytes, tmp_path: Path) -> None:
    with Image.open(io.BytesIO(page)) as sheet:
        sheet.resize((800, 600)).save(tmp_path / "large.png")
    (tmp_path / "form.toml").write_text(FORM, "utf-8")
    result = read("--fields", tmp_path / "form.toml", tmp_path / "large.png")

    [row] = csv.DictReader(io.StringIO(result.stdout))
    assert (row["upper"], row["lower"], row["error"]) == (FIRST, SECOND, "")
    assert 0 < float(row["upper:confidence"]) <= 1


def test_an_empty_field_is_empty(page: bytes, scan: Path, tmp_path: Path) -> None:
    (tmp_path / "form.toml").write_text("fields.nothing.box = [0.0, 0.85, 1.0, 0.15]", "utf-8")
    result = read("--fields", tmp_path / "form.toml", scan)

    [row] = csv.DictReader(io.StringIO(result.stdout))
    assert (result.exit_code, row["nothing"], row["nothing:error"]) == (0, "", "")


def test_a_blank_page_is_blank_everywhere(recognizer: Recognizer, tmp_path: Path) -> None:
    Image.new("L", (200, 100), "white").save(tmp_path / "blank.png")
    client = create_app(recognizer, Settings(), Reader.load()).test_client()

    answer = client.post("/api/v1/read", data=(tmp_path / "blank.png").read_bytes(), content_type="image/png")
    told = read("--format", "json", tmp_path / "blank.png")

    assert (answer.status_code, answer.get_json(force=True)["type"]) == (422, "blank-image")
    assert (told.exit_code, json.loads(told.stdout)["error"]["type"]) == (1, "blank-image")


def test_without_opencv_digits_are_still_served(
    recognizer: Recognizer, scan: Path, page: bytes, digit_png: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "cv2", None)
    client = create_app(recognizer, Settings(), Reader.load()).test_client()

    answer = client.post("/api/v1/read", data=page, content_type="image/png")
    told = read(scan)

    assert (answer.status_code, answer.get_json(force=True)["type"]) == (501, "missing-extra")
    assert client.post("/api/v1/predict", data=digit_png, content_type="image/png").status_code == 200
    assert (told.exit_code, told.stdout) == (3, "")
    assert "pip install 'inkdigit[read]'" in told.stderr

"""The examples of the documents run as they stand, each by itself."""

import importlib.util
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.conftest import FakeRecognizer
from tests.pages import Sheet
from tests.server.running import running

from inkdigit import Recognizer
from inkdigit.cli import main
from inkdigit.config import Settings
from inkdigit.server import create_app

ROOT = Path(__file__).parent.parent
EXAMPLE = re.compile(r"^```python\n(.*?)^```", re.DOTALL | re.MULTILINE)
CI = os.environ.get("CI") == "true"
NEEDED = {"tritonclient": "tritonclient", "Reader": "cv2"}  # a word in an example, and the package that it needs


def needs_of(text: str) -> list[pytest.MarkDecorator]:
    missing = [name for word, name in NEEDED.items() if word in text and importlib.util.find_spec(name) is None]
    return [pytest.mark.skipif(bool(missing) and not CI, reason=f"not installed: {missing}")]


EXAMPLES = [
    pytest.param(text, id=f"{path.name}-{place}", marks=needs_of(text))
    for path in [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
    for place, text in enumerate(EXAMPLE.findall(path.read_text("utf-8")))
]
OURS = "127.0.0.1:5000"


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A folder with the files that the examples name."""
    for copy in ("docs/images/seven.png", "seven.png", "scans/seven.png"):
        (tmp_path / copy).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / "docs" / "images" / "seven.png", tmp_path / copy)
    sheet = Sheet(827, 1170)
    sheet.write("4071", 100, 100, 60)
    for name in ("form.jpg", "scan.png"):
        sheet.image.save(tmp_path / name)
    [form] = re.findall(r"```toml\n(.*?)```", (ROOT / "docs" / "forms.md").read_text("utf-8"), re.DOTALL)
    (tmp_path / "form.toml").write_text(form, "utf-8")
    return tmp_path


@pytest.fixture
def port() -> Iterator[int]:
    with running(create_app(FakeRecognizer(), Settings())) as port:
        yield port


@pytest.mark.parametrize("example", EXAMPLES)
def test_an_example_runs_as_it_stands(example: str, place: Path, port: int) -> None:
    (place / "example.py").write_text(example.replace(OURS, f"127.0.0.1:{port}"), "utf-8")

    done = subprocess.run([sys.executable, "example.py"], cwd=place, capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stderr


def test_the_answer_that_the_readme_shows_is_the_one_that_is_given(recognizer: Recognizer) -> None:
    [answer] = re.findall(r'^ +({"label".*})$', (ROOT / "README.md").read_text("utf-8"), re.MULTILINE)
    shown = json.loads(answer.replace("[…]", "null"))
    picture = (ROOT / "docs" / "images" / "seven.png").read_bytes()
    client = create_app(recognizer, Settings()).test_client()
    given = client.post("/api/v1/predict", data=picture, content_type="image/png").get_json()

    assert given | {"probabilities": None} == pytest.approx(shown, abs=1e-5)


def test_the_table_of_commands_has_each_of_them() -> None:
    page = (ROOT / "docs" / "command-line.md").read_text("utf-8")
    rows = re.findall(r"^\| \[`inkdigit (\w+)`\]\(#inkdigit-(\w+)\) \|", page, re.MULTILINE)

    assert sorted(rows) == [(name, name) for name in sorted(main.commands)]


def test_the_documents_name_the_shipped_model_in_their_answers(recognizer: Recognizer) -> None:
    texts = [path.read_text("utf-8") for path in (ROOT / "README.md", *(ROOT / "docs").glob("*.md"))]
    named = {name for text in texts for name in re.findall(r'"model": ?"(digits-[0-9]+)"', text)}

    assert named == {recognizer.version}

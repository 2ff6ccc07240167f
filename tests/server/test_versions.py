"""Versions change under a running server: no request fails, and each answer is of one version."""

import contextlib
import http.client
import json
import logging
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from tests.conftest import FakeReader, FakeRecognizer
from tests.server.running import running
from tests.versions import edit_card, hungry_network, make_version, put_network

from inkdigit import ModelError, Recognizer
from inkdigit.config import Settings
from inkdigit.image import read_picture
from inkdigit.preprocess import normalize
from inkdigit.reader import POINTER
from inkdigit.recognizer import find_model
from inkdigit.registry import CURRENT, current, promote, rollback
from inkdigit.server import create_app, serving
from inkdigit.server.models import Follower
from inkdigit.server.state import Models

PATIENCE = 120.0  # seconds; no test waits for it to pass, a fault ends by it
AT_ONCE = 0.0  # seconds between two looks


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two versions that answer differently, and a reader; not to be changed."""
    home = tmp_path_factory.mktemp("versions") / "home"
    make_version(home, "one", of="small-3")
    make_version(home, "two", of="digits-8")
    return home


@pytest.fixture
def home(made: Path, tmp_path: Path) -> Path:
    """A copy of them."""
    return Path(shutil.copytree(made, tmp_path / "home"))


@pytest.fixture
def believed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Versions are taken for whole, in tests of what is done with them then."""
    monkeypatch.setattr("inkdigit.registry.pointer.verify", lambda folder: None)
    monkeypatch.setattr("inkdigit.server.models.verify", lambda folder: None)


@dataclass
class Loader:
    """Loads fakes that bear the names of their folders, and remembers them."""

    loaded: list[str] = field(default_factory=list)
    refused: set[str] = field(default_factory=set)

    def __call__(self, folder: Path) -> FakeRecognizer:
        self.loaded.append(folder.name)
        if folder.name in self.refused:
            raise ModelError(f"{folder.name} is damaged")
        return FakeRecognizer(version=folder.name)


@pytest.fixture
def load() -> Loader:
    return Loader()


SHIPPED = find_model(None).name


def wait_for(what: Callable[[], bool]) -> None:
    """Wait until something holds."""
    until = time.monotonic() + PATIENCE
    while not what():
        assert time.monotonic() < until
        time.sleep(0.005)


def wait_until_it_answers(follower: Follower[Any], version: str) -> None:
    wait_for(lambda: follower.now().version == version)


def settled(follower: Follower[Any]) -> str:
    """The version after whatever the next look leads to is over."""
    follower.look()
    wait_for(lambda: not [thread for thread in threading.enumerate() if thread.name == "models"])
    return str(follower.now().version)


# --- following the pointer


@pytest.mark.parametrize("name", ["model.onnx", "card.json"])
def test_a_server_and_a_command_read_with_the_same_version_where_the_promoted_one_is_damaged(
    home: Path, name: str
) -> None:
    promote("one", home)
    promote("two", home)
    with (home / "two" / name).open("ab") as file:
        file.write(b"x")

    assert Follower(home, CURRENT, Recognizer.load).now().version == current(home).name == "one"


def test_it_begins_with_the_version_that_is_current(home: Path, load: Loader, believed: None) -> None:
    shipped = Follower(home, CURRENT, load).now().version
    promote("one", home)

    assert shipped == Follower(home / "nowhere", CURRENT, load).now().version == SHIPPED
    assert Follower(home, CURRENT, load).now().version == "one"


def test_promotions_and_rollbacks_are_followed(home: Path, load: Loader, believed: None) -> None:
    follower = Follower(home, CURRENT, load, look_s=AT_ONCE)
    for version in ("one", "two"):
        promote(version, home)
        wait_until_it_answers(follower, version)
    for version in ("one", SHIPPED):
        rollback(home)
        wait_until_it_answers(follower, version)

    assert load.loaded == [SHIPPED, "one", "two", "one", SHIPPED]


def test_the_reader_is_followed_by_a_pointer_of_its_own(home: Path, load: Loader, believed: None) -> None:
    digits, lines = (Follower(home, pointer, load, look_s=AT_ONCE) for pointer in (CURRENT, POINTER))
    shutil.copytree(find_model(None, pointer=POINTER), home / "lines-2")
    edit_card(home / "lines-2", version="lines-2")
    promote("lines-2", home)

    wait_until_it_answers(lines, "lines-2")
    assert settled(digits) == SHIPPED


def test_the_pointer_is_looked_at_no_more_often_than_asked(
    home: Path, load: Loader, believed: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks: list[Path] = []
    stat = Path.stat

    def seen(path: Path, **given: Any) -> os.stat_result:
        looks.extend([path] if path == home / CURRENT else [])
        return stat(path, **given)

    monkeypatch.setattr(Path, "stat", seen)
    follower = Follower(home, CURRENT, load, look_s=3600)
    for _ in range(1000):
        follower.now()

    assert len(looks) == 1


def test_the_old_version_answers_while_the_new_one_is_loaded(home: Path, believed: None) -> None:
    loading, go_on = threading.Event(), threading.Event()

    def load(folder: Path) -> FakeRecognizer:
        if folder.name == "one":
            loading.set()
            assert go_on.wait(PATIENCE)
        return FakeRecognizer(version=folder.name)

    follower = Follower(home, CURRENT, load, look_s=AT_ONCE)
    promote("one", home)
    follower.now()
    assert loading.wait(PATIENCE)
    meanwhile = {follower.now().version for _ in range(100)}
    promote("two", home)  # before the load of the one before is over
    go_on.set()

    assert meanwhile == {SHIPPED}
    wait_until_it_answers(follower, "two")


def test_a_version_that_was_replaced_in_its_place_is_loaded_when_a_look_is_asked_for(
    home: Path, load: Loader, believed: None
) -> None:
    promote("one", home)
    follower = Follower(home, CURRENT, load)
    before = settled(follower)
    edit_card(home / "one", seed=12345)
    after = settled(follower)

    assert (before, after, load.loaded) == ("one", "one", ["one", "one"])


# --- what is refused


def test_row_23_a_version_that_is_refused_never_answers_and_that_is_said_once(
    home: Path, load: Loader, believed: None, caplog: pytest.LogCaptureFixture
) -> None:
    promote("one", home)
    follower = Follower(home, CURRENT, load, look_s=AT_ONCE)
    load.refused = {"two"}
    promote("two", home)
    answers = {settled(follower) for _ in range(5)}

    assert answers == {"one"}
    assert [record.getMessage() for record in caplog.records] == [
        "version one goes on answering, for the promoted one is refused: two is damaged"
    ]


def test_after_one_that_is_refused_the_next_is_followed(home: Path, load: Loader, believed: None) -> None:
    follower = Follower(home, CURRENT, load, look_s=AT_ONCE)
    load.refused = {"two"}
    promote("two", home)
    settled(follower)
    promote("one", home)

    wait_until_it_answers(follower, "one")


def test_a_version_that_was_refused_is_tried_again_later(home: Path, load: Loader, believed: None) -> None:
    follower = Follower(home, CURRENT, load, look_s=AT_ONCE, retry_s=0.01)
    load.refused = {"one"}
    promote("one", home)
    settled(follower)
    load.refused = set()

    wait_until_it_answers(follower, "one")


@pytest.mark.parametrize("fault", [MemoryError, KeyError, OSError])
def test_row_23_whatever_befalls_a_change_the_old_version_goes_on_and_it_is_tried_again(
    home: Path, believed: None, fault: type[Exception], caplog: pytest.LogCaptureFixture
) -> None:
    faults = [fault("no room")]

    def load(folder: Path) -> FakeRecognizer:
        if folder.name == "one" and faults:
            raise faults.pop()
        return FakeRecognizer(version=folder.name)

    follower = Follower(home, CURRENT, load, look_s=AT_ONCE, retry_s=0.01)
    promote("one", home)

    wait_until_it_answers(follower, "one")
    assert "no room" in caplog.text


def test_row_23_a_machine_that_gives_no_thread_fails_no_request(
    home: Path, load: Loader, believed: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    follower = Follower(home, CURRENT, load, look_s=AT_ONCE, retry_s=0.01)
    promote("one", home)
    with monkeypatch.context() as meanwhile:
        meanwhile.setattr(threading.Thread, "start", refuse)
        at_first = follower.now().version

    assert at_first == SHIPPED
    wait_until_it_answers(follower, "one")


def test_row_23_where_the_promoted_version_cannot_be_loaded_the_one_before_it_is(
    home: Path, load: Loader, believed: None, caplog: pytest.LogCaptureFixture
) -> None:
    for version in ("one", "two"):
        promote(version, home)
    load.refused = {"two"}
    earlier = Follower(home, CURRENT, load).now().version
    load.refused = {"one", "two"}
    shutil.rmtree(home / "two")

    assert (earlier, Follower(home, CURRENT, load).now().version) == ("one", SHIPPED)
    assert "two is damaged" in caplog.text


def test_without_any_version_there_is_an_error(home: Path, load: Loader) -> None:
    load.refused = {SHIPPED}

    with pytest.raises(ModelError, match="is damaged"):
        Follower(home, CURRENT, load)


def flip_a_bit(folder: Path) -> None:
    contents = bytearray((folder / "model.onnx").read_bytes())
    contents[len(contents) // 2] ^= 1
    (folder / "model.onnx").write_bytes(contents)


def cut_short(folder: Path) -> None:
    (folder / "model.onnx").write_bytes((folder / "model.onnx").read_bytes()[:1000])


SPOILT: dict[str, Callable[[Path], Any]] = {
    "a bit flipped": flip_a_bit,
    "cut short": cut_short,
    "foreign": lambda folder: edit_card(folder, preprocess=99),
    "another's": lambda folder: edit_card(folder, version="one"),
    "160 GB": lambda folder: put_network(folder, hungry_network()),
    "gone": shutil.rmtree,
}


@pytest.mark.parametrize("kind", SPOILT)
def test_row_22_the_old_model_keeps_serving_where_a_promoted_one_is_no_good(
    home: Path, kind: str, caplog: pytest.LogCaptureFixture
) -> None:
    follower = Follower(home, CURRENT, Recognizer.load, look_s=AT_ONCE)
    SPOILT[kind](home / "two")
    (home / CURRENT).write_text("two\n")

    assert settled(follower) == SHIPPED
    assert follower.now().predict(np.zeros((1, 28, 28), np.float32))
    assert [record.levelno for record in caplog.records] == [logging.ERROR]


@pytest.mark.parametrize("name", ["../two", "/etc", "current", "two/../one", "\x1b[2J"])
def test_row_20_a_pointer_leads_nowhere_but_to_a_version(
    home: Path, load: Loader, believed: None, name: str, caplog: pytest.LogCaptureFixture
) -> None:
    follower = Follower(home, CURRENT, load, look_s=AT_ONCE)
    (home / CURRENT).write_text(name)

    assert settled(follower) == SHIPPED
    assert load.loaded == [SHIPPED]
    assert "\x1b" not in caplog.text


# --- requests


class Restless:
    """Follows nothing and changes with every look: no two questions get the same model."""

    def __init__(self) -> None:
        self.asked = 0

    def now(self) -> FakeRecognizer:
        self.asked += 1
        return FakeRecognizer(label=self.asked % 10, version=f"version-{self.asked}")


def test_row_23_one_request_keeps_to_one_version(digit_png: bytes) -> None:
    digits: Any = Restless()
    client = create_app(FakeRecognizer(), Settings(), models=Models(digits)).test_client()
    for number in range(1, 6):
        answer = client.post("/api/v1/predict?include=explanation", data=digit_png, content_type="image/png").get_json()

        assert (answer["model"], answer["label"]) == (f"version-{number}", number)


def test_the_reader_changes_too(home: Path) -> None:
    lines: Any = Restless()
    client = create_app(FakeRecognizer(), Settings(), FakeReader(), models=Models(None, lines)).test_client()
    models = [client.get("/api/v1/model").get_json() for _ in range(2)]

    assert [(model["version"], model["reader"]) for model in models] == [
        ("fake-1", "version-1"),
        ("fake-1", "version-2"),
    ]


def ask(connection: http.client.HTTPConnection, picture: bytes) -> tuple[int, dict[str, Any]]:
    connection.request("POST", "/api/v1/predict", picture, {"Content-Type": "image/png"})
    answer = connection.getresponse()
    return answer.status, json.loads(answer.read())


def ask_once(port: int, picture: bytes) -> tuple[int, dict[str, Any]]:
    with contextlib.closing(http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE)) as connection:
        return ask(connection, picture)


def probabilities_of(folder: Path, picture: bytes) -> NDArray[np.float32]:
    image = normalize(read_picture(picture).ink)
    return np.asarray(Recognizer.load(folder).predict(image[None])[0].probabilities, np.float32)


def test_row_23_versions_flip_under_load_and_no_request_fails(home: Path, digit_png: bytes, believed: None) -> None:
    expected = {folder.name: probabilities_of(folder, digit_png) for folder in (home / "one", home / "two")}
    promote("one", home)
    follower = Follower(home, CURRENT, Recognizer.load, look_s=0.01)
    app = create_app(follower.now(), Settings(), models=Models(follower))
    answers: list[tuple[int, dict[str, Any]]] = []
    enough = threading.Event()

    def keep_asking(port: int) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE)
        while not enough.is_set():
            answers.append(ask(connection, digit_png))
        connection.close()

    with running(app) as port:
        threads = [threading.Thread(target=keep_asking, args=(port,)) for _ in range(4)]
        for thread in threads:
            thread.start()
        try:
            for turn in range(24):
                version = rollback(home) if turn % 3 == 2 else ("two", "one")[turn % 3]
                promote(version, home)
                seen = len(answers)
                wait_for(lambda: any(answer.get("model") == version for _, answer in answers[seen:]))  # noqa: B023
        finally:
            enough.set()
            for thread in threads:
                thread.join(PATIENCE)

    counts = Counter((status, answer.get("model")) for status, answer in answers)
    assert set(counts) == {(200, "one"), (200, "two")}
    assert abs(expected["one"] - expected["two"]).max() > 1e-5  # so that a mixed answer could be told
    for _, answer in answers:
        assert np.allclose(answer["probabilities"], expected[answer["model"]], atol=1e-6)


def test_row_23_a_server_of_its_own_process_changes_version_and_refuses_a_bad_one(
    home: Path, digit_png: bytes, believed: None, tmp_path: Path
) -> None:
    environment = {**os.environ, "INKDIGIT_HOME": str(home), "PYTHONPATH": str(Path(__file__).parents[2] / "src")}
    command = [sys.executable, "-m", "inkdigit", "serve", "--port", "0"]
    with (
        (tmp_path / "log").open("wb") as log,
        subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=log) as process,
    ):
        try:
            assert process.stdout is not None
            port = int(process.stdout.readline().split(b":")[2].partition(b"/")[0])
            at_first = ask_once(port, digit_png)[1]["model"]
            promote("one", home)
            wait_for(lambda: ask_once(port, digit_png)[1]["model"] == "one")
            put_network(home / "two", hungry_network())
            promote("two", home)
            wait_for(lambda: b"refused" in (tmp_path / "log").read_bytes())  # and nobody asks anything meanwhile
            at_last = ask_once(port, digit_png)
        finally:
            process.terminate()
            process.wait(PATIENCE)

    assert (at_first, at_last[0], at_last[1]["model"]) == (SHIPPED, 200, "one")
    assert process.returncode == 0


# --- signals


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGHUP")
@pytest.mark.parametrize("terminal", [False, True])
def test_a_server_without_a_terminal_looks_when_it_is_sent_the_signal(
    monkeypatch: pytest.MonkeyPatch, terminal: bool
) -> None:
    looked = threading.Event()
    before = signal.signal(signal.SIGHUP, signal.SIG_DFL)
    monkeypatch.setattr(serving, "_has_terminal", lambda: terminal)
    with serving.looking_at_signals(looked.set):
        handled = signal.getsignal(signal.SIGHUP) != signal.SIG_DFL
        if handled:
            os.kill(os.getpid(), signal.SIGHUP)
            assert looked.wait(PATIENCE)
    after = signal.signal(signal.SIGHUP, before)

    assert (handled, looked.is_set()) == (not terminal, not terminal)
    assert after == signal.SIG_DFL

"""Versions on disk: listed, verified, promoted, carried about, and what is refused in their place."""

import os
import shutil
import stat
import struct
import subprocess
import sys
import threading
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.versions import (
    edit_card,
    endless_network,
    hungry_network,
    keras_file,
    layer,
    make_version,
    network_beside,
    put_network,
    seal,
    write_zip,
)

from inkdigit import ModelError, Recognizer
from inkdigit.reader import POINTER
from inkdigit.recognizer import find_model, shipped_models
from inkdigit.registry import (
    CURRENT,
    card_as_markdown,
    compare_cards,
    current,
    export_archive,
    get_version,
    history,
    import_archive,
    install,
    list_versions,
    named,
    promote,
    rollback,
    trial,
    verify,
)
from inkdigit.registry.archive import read_archive
from inkdigit.registry.folders import find_version, is_version_name


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A home folder with one further version, `mine`."""
    shutil.copytree(find_model(None), tmp_path / "home" / "mine")
    return tmp_path / "home"


def test_exactly_one_shipped_version_of_either_kind_is_current() -> None:
    current = [version for version in list_versions() if version.current]

    assert {version.reads_lines: version.path for version in current} == {
        False: find_model(None),
        True: find_model(None, pointer="current-reader"),
    }
    assert len(current) == 2


def test_versions_of_a_home_folder_are_listed_beside_the_shipped_ones(home: Path) -> None:
    names = {version.name for version in list_versions(home)}

    assert names == {version.name for version in list_versions()} | {"mine"}


def test_a_home_folder_need_not_exist(tmp_path: Path) -> None:
    assert list_versions(tmp_path / "nowhere") == list_versions()


def test_a_folder_that_holds_no_model_is_not_a_version(home: Path) -> None:
    (home / "notes").mkdir()

    assert "notes" not in {version.name for version in list_versions(home)}


def test_a_folder_that_training_has_not_finished_is_not_a_version(home: Path) -> None:
    (home / "mine").rename(home / ".mine.unfinished")

    assert list_versions(home) == list_versions()


def test_a_shipped_version_is_the_one_listed_where_two_have_its_name(home: Path) -> None:
    shipped = find_model(None)
    shutil.copytree(shipped, home / shipped.name)

    assert [version.path for version in list_versions(home) if version.name == shipped.name] == [shipped]


def test_what_is_listed_is_what_is_loaded(home: Path) -> None:
    assert {version.name: version.path for version in list_versions(home)} == {
        version.name: find_model(version.name, home) for version in list_versions(home)
    }


def test_a_version_with_a_damaged_card_is_listed_without_it(home: Path) -> None:
    (home / "mine" / "card.json").write_text("[")

    assert {version.name: version.card for version in list_versions(home)}["mine"] == {}


def test_a_version_is_found_by_name_and_by_folder(home: Path) -> None:
    assert get_version("mine", home).path == home / "mine"
    assert get_version(home / "mine").name == "mine"
    assert get_version().current


def test_a_version_that_is_not_there_is_an_error() -> None:
    with pytest.raises(ModelError, match="models list"):
        get_version("nowhere")


def test_shipped_versions_are_whole() -> None:
    versions = list_versions()
    for version in versions:
        verify(version.path)

    assert versions


@pytest.mark.parametrize("name", ["model.onnx", "model.keras", "card.json"])
def test_a_changed_file_is_found(home: Path, name: str) -> None:
    with (home / "mine" / name).open("ab") as file:
        file.write(b"\n")

    with pytest.raises(ModelError, match=name):
        verify(home / "mine")


def test_a_missing_file_is_found(home: Path) -> None:
    (home / "mine" / "model.keras").unlink()

    with pytest.raises(ModelError, match=r"model\.keras"):
        verify(home / "mine")


def test_the_model_card_in_the_documents_is_the_shipped_models() -> None:
    page = Path(__file__).parents[1] / "docs" / "model-card.md"

    assert page.read_text("utf-8") == card_as_markdown(get_version().card)


def test_the_readers_card_in_the_documents_is_the_shipped_readers() -> None:
    page = Path(__file__).parents[1] / "docs" / "reader-card.md"
    [reader] = [version for version in list_versions() if version.current and version.reads_lines]

    assert page.read_text("utf-8") == card_as_markdown(reader.card)


@pytest.fixture
def card() -> dict[str, Any]:
    """The card of the shipped model, without what a card may leave out."""
    optional = ("seeds", "rejection", "temperature")
    return {name: value for name, value in get_version().card.items() if name not in optional}


def rows_of(page: str) -> list[list[str]]:
    """The cells of every row of every table."""
    return [[cell.strip() for cell in line.split("|")[1:-1]] for line in page.splitlines() if line.startswith("|")]


def test_a_plain_card_has_one_run_and_no_word_of_seeds_or_thresholds(card: dict[str, Any]) -> None:
    page = card_as_markdown(card | {"labels": [str(digit) for digit in range(10)]})

    assert "One training run" in page
    assert "no class for anything else" in page
    assert not any(word in page for word in ("seeds:", "min_confidence", "Calibration."))


def test_runs_with_several_seeds_stand_side_by_side_with_mean_and_deviation(card: dict[str, Any]) -> None:
    runs = [{"seed": seed, "test_accuracy": accuracy} for seed, accuracy in ((1, 0.996), (2, 0.997), (3, 0.998))]

    rows = rows_of(card_as_markdown(card | {"seeds": runs}))

    assert ["2", "99.700%"] in rows
    assert ["mean", "99.700%"] in rows
    assert ["standard deviation", "0.100%"] in rows


def test_a_card_tells_what_a_threshold_lets_in_and_what_taught_it(card: dict[str, Any]) -> None:
    points = [
        {"min_confidence": 0.5, "digits_accepted": 0.999, "error_accepted": 0.001, "non_digits_accepted": 0.01},
        {"min_confidence": 0.9, "digits_accepted": 0.99, "error_accepted": 0.0, "non_digits_accepted": None},
    ]
    negatives = {"scribbles": 12000, "upside_down": 900}
    rejection = {"threshold": 0.4, "negatives": negatives, "operating_points": points, "n_digits": 5000}

    page = card_as_markdown(card | {"labels": [*"0123456789", "none"], "rejection": rejection, "temperature": 1.25})

    assert ["0.5", "99.90%", "0.10%", "1.00%"] in rows_of(page)
    assert ["0.9", "99.00%", "0.00%", ""] in rows_of(page)
    assert "12,000 scribbles, 900 upside down" in page
    assert "gets 0.4 or more" in page
    assert "of 5,000 digits:" in page
    assert "divided by 1.25" in page
    assert "An eleventh class" in page


def test_a_page_names_every_kind_of_picture_and_every_setting_of_the_run(card: dict[str, Any]) -> None:
    training = card["training"] | {"traced_images": 1234, "teacher": "big-1", "ema": 0.999}

    page = card_as_markdown(card | {"training": training})

    assert "1,234 traced" in page
    assert "teacher big-1, ema 0.999" in page
    assert "held out," not in page


def test_what_did_not_train_a_model_is_said(card: dict[str, Any]) -> None:
    assert "**What it was not trained on.** MNIST's test images" in card_as_markdown(card)


@pytest.mark.parametrize("broken", [{"seeds": [{"seed": 1}, 2]}, {"rejection": []}, {"temperature": "warm"}])
def test_a_damaged_card_is_no_page(card: dict[str, Any], broken: dict[str, Any]) -> None:
    with pytest.raises(ModelError, match="incomplete or damaged"):
        card_as_markdown(card | broken)


def test_an_incomplete_card_is_no_page() -> None:
    with pytest.raises(ModelError, match="incomplete"):
        card_as_markdown({"version": "x"})


# --- the current version


@pytest.fixture(scope="session")
def two(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home folder with the versions `one` and `two`; not to be changed."""
    home = tmp_path_factory.mktemp("two") / "home"
    make_version(home, "one")
    make_version(home, "two")
    return home


@pytest.fixture
def pair(two: Path, tmp_path: Path) -> Path:
    """A copy of it."""
    return Path(shutil.copytree(two, tmp_path / "pair"))


@pytest.fixture
def believed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Versions are taken for whole, in tests of what is done with them then."""
    monkeypatch.setattr("inkdigit.registry.pointer.verify", lambda folder: None)


def test_without_a_promotion_the_shipped_version_is_current(pair: Path, tmp_path: Path) -> None:
    assert current(None) == current(pair) == current(tmp_path / "nowhere") == find_model(None)
    assert current(pair, POINTER) == find_model(None, pointer=POINTER)
    assert history(pair) == history(None) == []


def test_a_promoted_version_is_current_and_listed_as_such(pair: Path) -> None:
    promote("one", pair)

    assert current(pair) == get_version(None, pair).path == pair / "one"
    assert {version.name for version in list_versions(pair) if version.current and not version.reads_lines} == {"one"}
    assert find_model(None) == shipped_models() / (shipped_models() / "current").read_text().strip()


def test_every_promotion_can_be_taken_back_down_to_the_shipped_version(pair: Path, believed: None) -> None:
    for version in ("one", "two", "one"):
        promote(version, pair)
    at_first = history(pair)

    taken_back = [rollback(pair) for _ in at_first]

    assert at_first == ["one", "two", "one"]
    assert taken_back == ["two", "one", find_model(None).name]
    with pytest.raises(ModelError, match="nothing to take back"):
        rollback(pair)


def test_promoting_the_current_version_again_changes_nothing(pair: Path, believed: None) -> None:
    promote("one", pair)
    before = (pair / CURRENT).read_bytes()
    promote("one", pair)

    assert (pair / CURRENT).read_bytes() == before


def test_a_shipped_version_can_be_promoted_and_then_stays_when_another_ships(pair: Path) -> None:
    promote("small-3", pair)

    assert current(pair) == shipped_models() / "small-3"


def test_a_reader_is_promoted_beside_the_model_of_digits(pair: Path, believed: None) -> None:
    promote("one", pair)
    promote(current(None, POINTER).name, pair)

    assert (history(pair), history(pair, POINTER)) == (["one"], [current(None, POINTER).name])
    assert rollback(pair, POINTER) == current(None, POINTER).name
    assert history(pair) == ["one"]


def test_a_version_that_is_gone_is_passed_over_on_the_way_back(pair: Path, believed: None) -> None:
    make_version(pair, "three")
    for version in ("one", "two", "three"):
        promote(version, pair)
    shutil.rmtree(pair / "two")

    assert rollback(pair) == "one"


def test_a_pointer_to_a_version_that_is_gone_warns_and_the_shipped_one_is_used(
    pair: Path, believed: None, caplog: pytest.LogCaptureFixture
) -> None:
    promote("one", pair)
    shutil.rmtree(pair / "one")

    assert current(pair) == find_model(None)
    assert "'one'" in caplog.text
    with pytest.raises(ModelError, match="one"):
        named(pair)


@pytest.mark.parametrize("name", ["model.onnx", "card.json", "SHA256SUMS"])
def test_the_version_promoted_before_reads_in_place_of_a_damaged_one_and_that_is_said(
    pair: Path, believed: None, caplog: pytest.LogCaptureFixture, name: str
) -> None:
    promote("one", pair)
    promote("two", pair)
    with (pair / "two" / name).open("ab") as file:
        file.write(b"x")

    assert current(pair) == get_version(None, pair).path == pair / "one"
    assert [version.name for version in list_versions(pair) if version.current and not version.reads_lines] == ["one"]
    assert "one reads in place of the promoted version" in caplog.text


def test_where_all_that_were_promoted_are_damaged_the_shipped_version_reads(pair: Path, believed: None) -> None:
    for name in ("one", "two", "one"):
        promote(name, pair)
    for name in ("one", "two"):
        flip_a_bit(pair / name / "model.onnx")

    assert current(pair) == find_model(None)


@pytest.mark.parametrize(
    "written", [b"", b"\n\n", b"one\n", b"one", b"  one  2026-11-22T10:00:00Z \r\n", b"two\none\n"]
)
def test_a_pointer_may_be_written_by_hand(pair: Path, written: bytes) -> None:
    (pair / CURRENT).write_bytes(written)

    words = written.split()
    assert current(pair).name == (words[0].decode() if words else find_model(None).name)


@pytest.mark.parametrize("written", [b"\xff\xfe\0", b"../one\n", b"current\n", b"a" * 100_000, b"\x1b[2J"])
def test_a_pointer_that_makes_no_sense_leads_to_the_shipped_version(pair: Path, written: bytes) -> None:
    (pair / CURRENT).write_bytes(written)

    assert current(pair) == find_model(None)


def test_promotion_mends_a_damaged_pointer(pair: Path, believed: None) -> None:
    (pair / CURRENT).write_bytes(b"\xff\xfe\0\n")
    promote("one", pair)

    assert current(pair).name == "one"


def test_a_version_is_promoted_by_the_name_that_its_card_bears(pair: Path) -> None:
    (pair / "one").rename(pair / "uno")

    with pytest.raises(ModelError, match="calls it one"):
        promote("uno", pair)


def test_row_22_a_version_that_is_not_whole_is_not_promoted_and_the_old_one_stays(pair: Path) -> None:
    promote("one", pair)
    flip_a_bit(pair / "two" / "model.onnx")

    with pytest.raises(ModelError, match=r"model\.onnx"):
        promote("two", pair)

    assert (current(pair).name, history(pair)) == ("one", ["one"])


def flip_a_bit(path: Path) -> None:
    contents = bytearray(path.read_bytes())
    contents[len(contents) // 2] ^= 1
    path.write_bytes(contents)


def test_promotions_from_many_threads_lose_none_of_the_history(pair: Path, believed: None) -> None:
    for name in "abcdef":
        make_version(pair, name)
    threads = [threading.Thread(target=promote, args=(name, pair)) for name in "abcdef"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(history(pair)) == [*"abcdef"]


KILLED = """\
import os, signal, sys
from pathlib import Path
from inkdigit.registry import history, pointer, disk, rollback, promote

pointer.verify = lambda folder: None
home, what = Path(sys.argv[1]), sys.argv[2]
act = {"promote": lambda: promote("two", home), "rollback": lambda: rollback(home)}[what]
ours = {disk.__file__, pointer.__file__}


def dies_at(step):
    lines = 0

    def trace(frame, event, _):
        nonlocal lines
        if frame.f_code.co_filename not in ours:
            return None
        lines += event == "line"
        if lines == step:
            os.kill(os.getpid(), signal.SIGKILL)
        return trace

    return trace


for step in range(1, 10_000):
    before = (home / "current").read_bytes()
    child = os.fork()
    if child == 0:
        sys.settrace(dies_at(step))
        act()
        os._exit(0)
    _, status = os.waitpid(child, 0)
    print(step, ",".join(history(home)))
    (home / "current").write_bytes(before)
    if status == 0:
        break
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="killing at each step takes a system that forks")
@pytest.mark.parametrize(("what", "new"), [("promote", "two,one"), ("rollback", "")])
def test_row_23_a_promotion_killed_at_any_line_leaves_the_old_pointer_or_the_new_one(
    pair: Path, believed: None, what: str, new: str
) -> None:
    promote("one", pair)
    run = subprocess.run([sys.executable, "-c", KILLED, pair, what], capture_output=True, text=True, env=with_source())

    found = [line.partition(" ")[2] for line in run.stdout.splitlines()]
    assert run.stderr == ""
    assert len(found) > 20
    assert set(found) == {"one", new}
    assert found == sorted(found, key=lambda names: names == new)  # once it is the new one, it stays that


def with_source() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, map(str, sys.path)))}


def test_row_23_what_a_killed_promotion_left_is_in_nobodys_way(pair: Path, believed: None) -> None:
    (pair / f".{CURRENT}.new").write_text("half of a na")
    promote("one", pair)

    assert current(pair).name == "one"
    assert {version.name for version in list_versions(pair)} >= {"one", "two"}


# --- installing


def test_an_installed_version_is_a_whole_copy_and_not_yet_current(two: Path, tmp_path: Path) -> None:
    folder = install(two / "one", tmp_path / "home")

    assert folder == tmp_path / "home" / "one"
    assert {file.name: file.read_bytes() for file in folder.iterdir()} == {
        file.name: file.read_bytes() for file in (two / "one").iterdir()
    }
    assert current(tmp_path / "home") == find_model(None)


def test_what_has_no_digest_is_left_behind(pair: Path, tmp_path: Path) -> None:
    (pair / "one" / "notes.txt").write_text("mine alone")

    assert not (install(pair / "one", tmp_path / "home") / "notes.txt").exists()


def test_installing_twice_is_installing_once(two: Path, tmp_path: Path) -> None:
    first = install(two / "one", tmp_path / "home")
    written = first.stat().st_mtime_ns

    assert install(two / "one", tmp_path / "home") == first
    assert first.stat().st_mtime_ns == written
    assert install(find_model(None), tmp_path / "home") == find_model(None)


def cut(file: Path) -> None:
    file.write_bytes(file.read_bytes()[:50])


@pytest.mark.parametrize("damage", [cut, flip_a_bit, Path.unlink])
@pytest.mark.parametrize("name", ["model.onnx", "card.json", "SHA256SUMS"])
def test_a_damaged_version_that_is_imported_anew_is_whole_again(
    archive: Path, two: Path, pair: Path, name: str, damage: Callable[[Path], object]
) -> None:
    damage(pair / "one" / name)
    (pair / "one" / "notes.txt").write_text("mine alone")

    assert import_archive(archive, pair) == pair / "one"

    verify(pair / "one")
    assert {file.name: file.read_bytes() for file in (pair / "one").iterdir()} == {
        "notes.txt": b"mine alone",
        **{file.name: file.read_bytes() for file in (two / "one").iterdir()},
    }
    assert not (pair / ".one.unfinished").exists()


def test_a_damaged_version_is_not_mended_with_the_files_of_another(pair: Path, tmp_path: Path) -> None:
    other = edit_card(make_version(tmp_path / "from", "one"), seed=12345)
    flip_a_bit(pair / "one" / "model.onnx")
    damaged = (pair / "one" / "model.onnx").read_bytes()

    with pytest.raises(ModelError, match="another version"):
        install(other, pair)

    assert (pair / "one" / "model.onnx").read_bytes() == damaged


def test_another_network_under_the_same_card_is_another_version(pair: Path, tmp_path: Path) -> None:
    other = make_version(tmp_path / "from", "one")
    put_network(other, (other / "model.onnx").read_bytes() + b"\0")

    with pytest.raises(ModelError, match="another version"):
        install(other, pair)


def test_a_damaged_version_of_the_program_is_not_mended_by_an_import(
    two: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shipped = Path(shutil.copytree(two, tmp_path / "shipped"))
    monkeypatch.setattr(sys.modules[install.__module__], "shipped_models", lambda: shipped)
    flip_a_bit(shipped / "one" / "model.onnx")

    with pytest.raises(ModelError, match="install inkdigit again"):
        install(two / "one", tmp_path / "home")


@pytest.mark.parametrize("name", ["one", "ONE", "digits-8"])
def test_a_version_never_takes_the_place_of_another(two: Path, tmp_path: Path, name: str) -> None:
    home = Path(shutil.copytree(two, tmp_path / "home"))
    other = edit_card(make_version(tmp_path / "from", name), seed=12345)

    with pytest.raises(ModelError, match="another version"):
        install(other, home)

    assert sorted(path.name for path in home.iterdir() if not path.name.startswith(".")) == ["one", "two"]


@pytest.mark.parametrize(
    "name",
    ["..", "../one", "a/b", "a\\b", "/etc", ".hidden", "", " ", "x" * 65, "con", "NUL.1", "current", "a\nb", "ä", 7],
)
def test_row_20_a_name_that_is_more_than_a_name_is_refused(two: Path, tmp_path: Path, name: object) -> None:
    folder = edit_card(make_version(tmp_path, "mine"), version=name)

    with pytest.raises(ModelError, match="version"):
        install(folder, tmp_path / "home")

    assert not (tmp_path / "home").exists()
    assert find_version(str(name), two) is None
    with pytest.raises(ModelError, match="no version"):
        promote(str(name), two)


@given(st.text())
def test_row_20_a_name_stays_in_its_folder(name: str) -> None:
    inside = (Path("/home") / name).parent == Path("/home") and Path(name).name == name

    assert inside or not is_version_name(name)


@pytest.mark.parametrize("file", ["run.py", "model.h5", "weights.pkl", ".profile", "a b.json", "SHA256SUMS"])
def test_a_version_holds_no_file_that_may_do_more_than_be_read(tmp_path: Path, file: str) -> None:
    folder = make_version(tmp_path, "mine")
    (folder / file).write_bytes(b"import os")
    with (folder / "SHA256SUMS").open("a") as sums:
        sums.write(f"{'0' * 64}  {file}\n")

    with pytest.raises(ModelError, match="no file that a version may hold"):
        install(folder, tmp_path / "home")


def test_a_killed_installation_leaves_no_half_version(two: Path, tmp_path: Path) -> None:
    left = tmp_path / "home" / ".one.unfinished"
    left.mkdir(parents=True)
    (left / "SHA256SUMS").touch()
    (left / "junk").touch()
    before = list_versions(tmp_path / "home")

    assert before == list_versions()
    assert not (install(two / "one", tmp_path / "home") / "junk").exists()
    assert not left.exists()


# --- models that nobody should load


@dataclass(frozen=True)
class Hostile:
    """A way to spoil a model folder whose digests still fit, and what is then said of it."""

    spoil: Callable[[Path], object]
    reason: str


HOSTILE = {
    "junk": Hostile(lambda folder: put_network(folder, b"junk"), "cannot be loaded"),
    "nothing": Hostile(lambda folder: put_network(folder, b""), "cannot be loaded"),
    "half of it": Hostile(
        lambda folder: put_network(folder, (folder / "model.onnx").read_bytes()[:30_000]), "cannot be loaded"
    ),
    "another shape": Hostile(lambda folder: shutil.copy(find_lines() / "model.onnx", folder) and seal(folder), "."),
    "data in other files": Hostile(lambda folder: put_network(folder, network_beside(folder)), "other files"),
    "160 GB": Hostile(lambda folder: put_network(folder, hungry_network()), "does not run"),
    "no canary": Hostile(lambda folder: edit_card(folder, canary=None), "not a model card"),
    "another answer": Hostile(
        lambda folder: edit_card(folder, canary={**read_canary(folder), "probabilities": [1 / 11] * 11}),
        "does not give the answer",
    ),
}


def find_lines() -> Path:
    return find_model(None, pointer=POINTER)


def read_canary(folder: Path) -> dict[str, Any]:
    return dict(Recognizer.load(folder).card["canary"])


@pytest.mark.parametrize("kind", HOSTILE)
def test_row_22_a_model_with_fitting_digests_is_tried_before_it_is_installed(tmp_path: Path, kind: str) -> None:
    folder = make_version(tmp_path, "mine")
    HOSTILE[kind].spoil(folder)

    with pytest.raises(ModelError, match=HOSTILE[kind].reason) as caught:
        install(folder, tmp_path / "home")

    assert "unfinished" not in str(caught.value)
    assert [path.name for path in (tmp_path / "home").iterdir()] == [".lock"]


def test_row_22_a_model_that_never_answers_is_refused_in_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(trial.TIMEOUT_S, "model", 3)
    folder = put_network(make_version(tmp_path, "mine"), endless_network())

    with pytest.raises(ModelError, match="after 3 s"):
        verify(folder)


InPlaceOf = Callable[[str, str], None]


@pytest.fixture
def in_place_of(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> InPlaceOf:
    """Puts another program in place of a library, for the child processes in which models are tried."""

    def put(library: str, program: str) -> None:
        (tmp_path / "instead").mkdir()
        (tmp_path / "instead" / f"{library}.py").write_text(program)
        path = f"{tmp_path / 'instead'}{os.pathsep}{Path(__file__).parents[1] / 'src'}"
        monkeypatch.setattr(trial, "_environment", lambda: {**os.environ, "PYTHONPATH": path})

    return put


def test_row_22_a_model_that_kills_its_process_kills_no_other(tmp_path: Path, in_place_of: InPlaceOf) -> None:
    in_place_of("onnxruntime", "import os; os.abort()")

    with pytest.raises(ModelError, match="ended the process"):
        verify(make_version(tmp_path, "mine"))


# --- archives


@pytest.fixture(scope="session")
def archive(two: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The version `one` as a ZIP file."""
    return export_archive(two / "one", tmp_path_factory.mktemp("archive"))


def test_a_version_goes_to_another_computer_and_is_the_same_there(archive: Path, two: Path, tmp_path: Path) -> None:
    folder = import_archive(archive, tmp_path / "home")

    assert archive.name == "one.zip"
    assert {file.name: file.read_bytes() for file in folder.iterdir()} == {
        file.name: file.read_bytes() for file in (two / "one").iterdir()
    }


def test_a_version_gives_the_same_archive_at_any_time(archive: Path, two: Path, tmp_path: Path) -> None:
    again = export_archive(two / "one", tmp_path / "again.zip")

    assert again.read_bytes() == archive.read_bytes()


def test_a_damaged_version_is_not_exported(pair: Path, tmp_path: Path) -> None:
    flip_a_bit(pair / "one" / "model.onnx")

    with pytest.raises(ModelError, match="differs from its digest"):
        export_archive(pair / "one", tmp_path / "one.zip")
    assert not (tmp_path / "one.zip").exists()


def test_an_archive_of_the_tools_of_the_system_is_taken_too(two: Path, tmp_path: Path) -> None:
    shutil.make_archive(str(tmp_path / "packed"), "zip", two, "one")

    assert set(read_archive(tmp_path / "packed.zip")) == {"SHA256SUMS", "card.json", "model.onnx"}


def contents_of(archive: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(archive) as file:
        return {name: file.read(name) for name in file.namelist()}


def refuse(path: Path, home: Path, reason: str) -> None:
    """Importing fails for the reason given, and writes nothing at all."""
    before = sorted(home.parent.rglob("*"))
    with pytest.raises(ModelError, match=reason):
        import_archive(path, home)
    assert sorted(home.parent.rglob("*")) == before


@pytest.mark.parametrize(
    "name",
    [
        "../evil.json", "one/../../evil.json", "/tmp/evil.json", "one/sub/card.json", "one\\card.json", "C:/card.json",
        "one/", "one//card.json", "./one/card.json", "two/card.json", "card.json", "one/run.py", "one/model.h5",
        "one/.profile", "current", "one/" + "x" * 300 + ".json",
    ],
)  # fmt: skip
def test_row_21_an_archive_with_any_other_name_is_refused_before_anything_is_written(
    archive: Path, tmp_path: Path, name: str
) -> None:
    path = write_zip(tmp_path / "bad.zip", contents_of(archive) | {name: b"{}"})

    refuse(path, tmp_path / "home", "not an archive")


def test_row_21_a_name_that_goes_on_after_its_end_is_refused(archive: Path, tmp_path: Path) -> None:
    path = write_zip(tmp_path / "bad.zip", contents_of(archive) | {"one/more.json_.png": b"{}"})
    path.write_bytes(path.read_bytes().replace(b"more.json_", b"more.json\0"))

    refuse(path, tmp_path / "home", "not an archive")


@pytest.mark.parametrize("kind", [stat.S_IFLNK, stat.S_IFCHR, stat.S_IFBLK, stat.S_IFIFO, stat.S_IFSOCK, stat.S_IFDIR])
def test_row_21_links_and_devices_are_refused(archive: Path, tmp_path: Path, kind: int) -> None:
    files = contents_of(archive)
    with zipfile.ZipFile(tmp_path / "bad.zip", "w") as file:
        for name, contents in files.items():
            entry = zipfile.ZipInfo(name)
            entry.external_attr = ((kind if name.endswith("card.json") else stat.S_IFREG) | 0o644) << 16
            file.writestr(entry, contents)

    refuse(tmp_path / "bad.zip", tmp_path / "home", "a link or a device")


def test_row_21_one_name_twice_is_refused(archive: Path, tmp_path: Path) -> None:
    path = write_zip(tmp_path / "bad.zip", contents_of(archive) | {"one/evil.json": b"{}"})
    path.write_bytes(path.read_bytes().replace(b"one/evil.json", b"one/card.json"))

    refuse(path, tmp_path / "home", "one twice")


def test_row_21_bombs_are_refused_by_what_they_declare(archive: Path, tmp_path: Path) -> None:
    large = write_zip(tmp_path / "large.zip", contents_of(archive) | {"one/report.html": bytes(65 * 2**20)})
    many = write_zip(tmp_path / "many.zip", {f"one/{number}.txt": b"" for number in range(100)})
    flood = write_zip(tmp_path / "flood.zip", {f"one/{number}.txt": b"" for number in range(50_000)})

    assert large.stat().st_size < 2**20
    for path, reason in ((large, "larger than 64 MiB"), (many, "too many files"), (flood, "too many files")):
        refuse(path, tmp_path / "home", reason)


def test_row_21_a_bomb_that_declares_less_than_it_holds_is_refused(archive: Path, tmp_path: Path) -> None:
    path = write_zip(tmp_path / "lying.zip", contents_of(archive) | {"one/report.html": bytes(8 * 2**20)})
    contents = path.read_bytes().replace(struct.pack("<I", 8 * 2**20), struct.pack("<I", 100))
    path.write_bytes(contents)

    refuse(path, tmp_path / "home", "not an archive")


@pytest.mark.parametrize("contents", [b"", b"PK", b"junk" * 100, b"PK\x05\x06" + bytes(18), bytes(100)])
def test_what_is_no_archive_is_refused(tmp_path: Path, contents: bytes) -> None:
    (tmp_path / "bad.zip").write_bytes(contents)

    refuse(tmp_path / "bad.zip", tmp_path / "home", "not an archive")


def test_an_archive_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    refuse(tmp_path / "gone.zip", tmp_path / "home", "cannot be read")
    refuse(tmp_path, tmp_path / "home", "cannot be read")


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_row_21_a_changed_archive_is_refused_or_holds_the_same(
    archive: Path, tmp_path: Path, data: st.DataObject
) -> None:
    whole = archive.read_bytes()
    place = data.draw(st.integers(0, len(whole) - 1) | st.integers(len(whole) - 400, len(whole) - 1))
    instead = data.draw(st.binary(max_size=4))
    cut = data.draw(st.booleans())
    changed = whole[:place] + (b"" if cut else instead + whole[place + 1 :])
    (tmp_path / "changed.zip").write_bytes(changed)

    try:
        found = read_archive(tmp_path / "changed.zip")
    except ModelError:
        return
    assert found.keys() <= {"SHA256SUMS", "card.json", "model.onnx"}


@pytest.mark.parametrize("file", ["card.json", "model.onnx", "SHA256SUMS"])
def test_an_archive_without_one_of_its_files_is_refused(archive: Path, tmp_path: Path, file: str) -> None:
    files = {name: contents for name, contents in contents_of(archive).items() if not name.endswith(file)}

    refuse(write_zip(tmp_path / "bad.zip", files), tmp_path / "home", "SHA256SUMS|files of a version")


def test_a_file_without_a_digest_is_refused(archive: Path, tmp_path: Path) -> None:
    path = write_zip(tmp_path / "bad.zip", contents_of(archive) | {"one/report.html": b"<script>"})

    refuse(path, tmp_path / "home", "no digest")


def test_a_bit_flipped_in_an_archive_is_found(archive: Path, tmp_path: Path) -> None:
    files = contents_of(archive)
    network = bytearray(files["one/model.onnx"])
    network[len(network) // 2] ^= 1

    refuse(write_zip(tmp_path / "bad.zip", files | {"one/model.onnx": bytes(network)}), tmp_path / "home", "digest")


@pytest.mark.parametrize("card", [b"[" * 100_000, b"[]", b'{"version": 1}', b'{"version": "../one"}', b"\xff"])
def test_a_card_that_is_none_is_refused(tmp_path: Path, card: bytes) -> None:
    folder = make_version(tmp_path / "from", "one")
    (folder / "card.json").write_bytes(card)
    seal(folder)
    files = {f"one/{path.name}": path.read_bytes() for path in folder.iterdir()}

    refuse(write_zip(tmp_path / "bad.zip", files), tmp_path / "home", r"card\.json")


def test_row_22_an_imported_model_that_is_refused_leaves_nothing_behind(tmp_path: Path) -> None:
    folder = put_network(make_version(tmp_path / "from", "one"), hungry_network())
    path = export_archive(folder, tmp_path / "bad.zip")

    with pytest.raises(ModelError, match=r"bad\.zip does not run"):
        import_archive(path, tmp_path / "home")

    assert [left.name for left in (tmp_path / "home").iterdir()] == [".lock"]


# --- Keras files


def with_keras(place: Path, contents: bytes) -> Path:
    """The archive of a version that brings this Keras file."""
    folder = make_version(place / "from", "one")
    (folder / "model.keras").write_bytes(contents)
    return export_archive(seal(folder), place / "one.zip")


HUGE = 2**31 - 1
BAD_LAYERS = {
    "Lambda": layer("Lambda", function={"class_name": "__lambda__", "config": {"code": "4wEA"}}),
    "a gadget": layer("system", "os", command="true"),
    "a gadget of Keras": layer("get_file", "keras.utils", origin="x"),
    "a function": layer(
        "Dense", units=10, activation={"module": "builtins", "class_name": "function", "config": "exec"}
    ),
    "a class of its own": layer("Dense", units=10) | {"registered_name": "mine>Dense"},
    "inner module": layer("Dense", "keras.src.layers.core.lambda_layer", units=10),
    "a huge layer": layer("Dense", units=HUGE),
    "TFSMLayer": layer("TFSMLayer", filepath="/tmp/model"),
}


@pytest.mark.parametrize("kind", BAD_LAYERS)
def test_row_24_a_keras_file_with_more_than_plain_layers_is_never_opened(tmp_path: Path, kind: str) -> None:
    (tmp_path / "model.keras").write_bytes(keras_file(BAD_LAYERS[kind]))

    with pytest.raises(ModelError, match=r"model\.keras (holds|asks)"):
        trial.try_apart("keras", tmp_path / "model.keras")


@pytest.mark.parametrize("contents", [b"", b"\x89HDF\r\n\x1a\n" + bytes(100), b"PK\x05\x06" + bytes(18)])
def test_row_24_a_keras_file_that_is_none_is_refused(tmp_path: Path, contents: bytes) -> None:
    (tmp_path / "model.keras").write_bytes(contents)

    with pytest.raises(ModelError, match=r"model\.keras"):
        trial.try_apart("keras", tmp_path / "model.keras")


def test_row_24_a_version_with_such_a_keras_file_is_not_imported(tmp_path: Path) -> None:
    path = with_keras(tmp_path, keras_file(BAD_LAYERS["Lambda"]))

    with pytest.raises(ModelError, match=r"model\.keras holds keras\.layers\.Lambda"):
        import_archive(path, tmp_path / "home")

    assert [left.name for left in (tmp_path / "home").iterdir()] == [".lock"]


def test_row_24_layers_that_are_huge_together_fail_in_the_child_alone(tmp_path: Path) -> None:
    layers = [layer("InputLayer", batch_shape=[None, 60_000]), *(layer("Dense", units=60_000, name=n) for n in "ab")]
    (tmp_path / "model.keras").write_bytes(keras_file(*layers))

    with pytest.raises(ModelError, match=r"model\.keras"):
        trial.try_apart("keras", tmp_path / "model.keras")


def test_a_keras_file_of_this_program_is_opened_where_keras_is_there(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = with_keras(tmp_path, (find_model("small-3") / "model.keras").read_bytes())

    assert (import_archive(path, tmp_path / "home") / "model.keras").is_file()
    assert caplog.text == ""


def test_without_keras_its_file_is_looked_through_and_left_unopened_and_that_is_said(
    tmp_path: Path, in_place_of: InPlaceOf, caplog: pytest.LogCaptureFixture
) -> None:
    in_place_of("keras", "raise ImportError")
    path = with_keras(tmp_path, (find_model("small-3") / "model.keras").read_bytes())

    assert (import_archive(path, tmp_path / "home") / "model.keras").is_file()
    assert "not opened" in caplog.text


# --- cards side by side


def test_two_cards_are_compared_figure_by_figure() -> None:
    first = {"version": "a", "metrics": {"n": 10, "accuracy": 0.5}, "labels": ["0", "1"], "seeds": [{"seed": 1}]}
    second = {"version": "b", "metrics": {"n": 10, "accuracy": 0.75}, "labels": ["0", "1"], "seeds": [], "new": None}
    rows = compare_cards(first, second)

    assert [(row.name, row.first, row.second, row.by) for row in rows] == [
        ("metrics.accuracy", 0.5, 0.75, 0.25),
        ("version", "a", "b", None),
        ("seeds[1].seed", 1, None, None),
        ("seeds", None, "", None),
    ]


def test_a_card_does_not_differ_from_itself() -> None:
    card = get_version().card

    assert compare_cards(card, card) == []

import io
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.bulk.scans import draw_seven, many

from inkdigit.batch import find_pictures
from inkdigit.bulk import inputs
from inkdigit.bulk.inputs import Manifest, freeze
from inkdigit.errors import BatchError

posix = pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such files")


def frozen(tmp_path: Path, *sources: object) -> list[str]:
    freeze([str(source) for source in sources], tmp_path / "inputs.sqlite")
    with Manifest(tmp_path / "inputs.sqlite") as manifest:
        return list(manifest.chunk(0, manifest.count).files)


def problems(tmp_path: Path) -> dict[int, str]:
    with Manifest(tmp_path / "inputs.sqlite") as manifest:
        return manifest.chunk(0, manifest.count).problems


def test_a_folder_stands_for_the_same_pictures_in_the_same_order_as_elsewhere(tmp_path: Path) -> None:
    for name in (
        "scans/b.png",
        "scans/B.PNG",
        "scans/a/é.jpg",
        "scans/a-b.webp",
        "scans/scan.png/1.png",
        "scans/._b.png",
        "scans/.x/1.png",
    ):
        draw_seven(tmp_path / name)
    (tmp_path / "scans" / "notes.txt").write_text("none")

    found = frozen(tmp_path, tmp_path / "scans")

    assert len(found) == 5
    assert found == list(find_pictures([str(tmp_path / "scans")]))


@pytest.mark.parametrize("folder", [".", "./", "scans", "./scans", "scans//", "scans/./a", "scans/../scans"])
def test_however_a_folder_is_written_its_pictures_have_the_names_that_they_have_elsewhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, folder: str
) -> None:
    for name in ("=1+2.png", "scans/b.png", "scans/a/1.jpg"):
        draw_seven(tmp_path / name)
    monkeypatch.chdir(tmp_path)

    assert frozen(tmp_path, folder) == list(find_pictures([folder]))


def test_chunks_hold_every_input_once(tmp_path: Path) -> None:
    expected = many(tmp_path / "scans", 23)
    freeze([str(tmp_path / "scans")], tmp_path / "inputs.sqlite")

    with Manifest(tmp_path / "inputs.sqlite") as manifest:
        chunks = [manifest.chunk(number, 10).files for number in range(4)]

    assert [len(chunk) for chunk in chunks] == [10, 10, 3, 0]
    assert [file for chunk in chunks for file in chunk] == expected


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("*.png", ["1.png"]),
        ("**/*.png", ["1.png", "a/2.png", "a/b/3.png"]),
        ("a/*/[23].png", ["a/b/3.png"]),
        ("?.png", ["1.png"]),
        ("*/*", ["a/2.png", "a/x.dat"]),
        ("**/.*.png", ["a/.4.png"]),
    ],
)
def test_a_pattern_stops_at_the_end_of_a_name_unless_it_says_otherwise(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, pattern: str, expected: list[str]
) -> None:
    for name in ("1.png", "a/2.png", "a/b/3.png", "a/.4.png", "a/x.dat"):
        draw_seven(tmp_path / "scans" / name)
    monkeypatch.chdir(tmp_path / "scans")

    assert [name.replace(os.sep, "/") for name in frozen(tmp_path, pattern)] == expected
    assert frozen(tmp_path, tmp_path / "scans" / pattern) == [str(tmp_path / "scans" / name) for name in expected]


def test_a_list_keeps_its_order_and_a_folder_in_it_stands_for_its_pictures(tmp_path: Path) -> None:
    inside = [draw_seven(tmp_path / "scans" / name) for name in ("1.png", "2.png")]
    last = draw_seven(tmp_path / "0.png")
    (tmp_path / "list.txt").write_text(f"{tmp_path / 'scans'}\n\n{last}\ngone.png\r\n{last}\n")

    assert frozen(tmp_path, tmp_path / "list.txt") == [*inside, last, "gone.png", last]


def test_a_line_that_no_file_can_be_named_is_an_input_all_the_same(tmp_path: Path) -> None:
    (tmp_path / "list.txt").write_text(f"1.png\n{'a' * 300}\n")

    assert frozen(tmp_path, tmp_path / "list.txt") == ["1.png", "a" * 300]
    with pytest.raises(BatchError, match="no such file or folder"):
        frozen(tmp_path, "a" * 300)


def test_a_list_may_begin_with_a_mark_of_its_encoding(tmp_path: Path) -> None:
    (tmp_path / "list.txt").write_bytes(b"\xef\xbb\xbf1.png\r\n2.png\r\n")

    assert frozen(tmp_path, tmp_path / "list.txt") == ["1.png", "2.png"]


def test_a_list_comes_from_standard_input(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"2.png\n1.png\n")))

    assert frozen(tmp_path, "-") == ["2.png", "1.png"]


@posix
def test_a_name_of_no_letters_comes_back_as_it_was(tmp_path: Path) -> None:
    name = os.fsdecode(bytes(tmp_path / "scans") + b"/\xff\n.png")
    draw_seven(Path(name))

    assert frozen(tmp_path, tmp_path / "scans") == [name]


@posix
def test_a_link_to_a_folder_is_not_followed(tmp_path: Path) -> None:
    only = draw_seven(tmp_path / "scans" / "1.png")
    (tmp_path / "scans" / "loop").symlink_to(tmp_path / "scans")

    assert frozen(tmp_path, tmp_path / "scans") == [only]


@posix
def test_what_would_be_waited_for_forever_is_told_and_not_read(tmp_path: Path) -> None:
    (tmp_path / "scans").mkdir()
    os.mkfifo(tmp_path / "scans" / "pipe.png")
    frozen(tmp_path, tmp_path / "scans")

    assert problems(tmp_path) == {0: "this is no regular file"}


def test_a_folder_that_cannot_be_looked_through_is_an_input_that_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    draw_seven(tmp_path / "scans" / "closed" / "1.png")
    open_one = draw_seven(tmp_path / "scans" / "open" / "1.png")
    scandir = os.scandir

    def refuse(folder: str) -> Any:
        if folder.endswith("closed"):
            raise PermissionError(13, "Permission denied", folder)
        return scandir(folder)

    monkeypatch.setattr(os, "scandir", refuse)

    assert frozen(tmp_path, tmp_path / "scans") == [str(tmp_path / "scans" / "closed"), open_one]
    assert problems(tmp_path) == {0: "the folder cannot be looked through: Permission denied; check its permissions"}


@pytest.mark.parametrize("source", ["gone", "gone/*.png", "empty", "binary.dat"])
def test_a_source_without_inputs_is_refused_and_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, source: str
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "empty").mkdir()
    (tmp_path / "binary.dat").write_bytes(b"II*\0\0\0")
    (tmp_path / "parts").mkdir()

    with pytest.raises(BatchError, match=r"no such file|there is no folder|nothing to read|is no list of names"):
        freeze([source], tmp_path / "parts" / "inputs.sqlite")

    assert list((tmp_path / "parts").iterdir()) == []


def test_who_waits_is_told_how_many_were_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inputs, "TOLD_EVERY", 3)
    many(tmp_path / "scans", 8)
    told: list[int] = []

    freeze([str(tmp_path / "scans")], tmp_path / "inputs.sqlite", told.append)

    assert told == [3, 6]


def test_the_digest_tells_whether_the_inputs_are_the_same(tmp_path: Path) -> None:
    def digest() -> Iterator[str]:
        freeze([str(tmp_path / "scans")], tmp_path / "inputs.sqlite")
        with Manifest(tmp_path / "inputs.sqlite") as manifest:
            yield manifest.digest

    many(tmp_path / "scans", 3)
    before, same = next(digest()), next(digest())
    (tmp_path / "scans" / "000001.png").unlink()
    fewer = next(digest())
    draw_seven(tmp_path / "scans" / "000001.png")
    os.utime(tmp_path / "scans" / "000001.png", ns=(1, 1))

    assert before == same
    assert len({before, fewer, next(digest())}) == 3


def test_a_manifest_that_is_none_is_told(tmp_path: Path) -> None:
    (tmp_path / "inputs.sqlite").write_bytes(b"none of it")

    with pytest.raises(BatchError, match="begin anew with --again"):
        Manifest(tmp_path / "inputs.sqlite")

"""A store as one ZIP file: what goes out, what comes back, and what is refused before any of it is kept."""

import dataclasses
import io
import json
import shutil
import stat
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image
from tests.feedback.drawings import CROSSED, PNG, noise, submission

from inkdigit.errors import StoreError
from inkdigit.feedback import FeedbackStore, Kept, Status, Verdict, archive
from inkdigit.feedback.archive import export_zip, import_zip

LINES = "drawings.jsonl"


@pytest.fixture
def other(tmp_path: Path) -> Iterator[FeedbackStore]:
    """A store with nothing in it."""
    with FeedbackStore.open(tmp_path / "other.sqlite") as opened:
        yield opened


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a store of three drawings, of which one is accepted as a three, and its export."""
    folder = tmp_path_factory.mktemp("original")
    with FeedbackStore.open(folder / "full.sqlite") as store:
        store.add(submission(1, writer="alma", strokes=CROSSED))
        store.add(submission(None, strokes=None, confidence=None, predicted=None, image=noise(1)))
        store.add(submission(3, image=noise(2)))
        store.review({store.drawings(limit=1)[0].id: Verdict(Status.ACCEPTED, 3)})
        export_zip(store, folder / "drawings.zip")
    return folder


@pytest.fixture
def full(original: Path, tmp_path: Path) -> Iterator[FeedbackStore]:
    """A copy of that store."""
    shutil.copy(original / "full.sqlite", tmp_path)
    with FeedbackStore.open(tmp_path / "full.sqlite") as opened:
        yield opened


@pytest.fixture
def exported(original: Path, tmp_path: Path) -> Path:
    """A copy of that export."""
    return Path(shutil.copy(original / "drawings.zip", tmp_path))


def without_ids(store: FeedbackStore) -> list[Kept]:
    return [dataclasses.replace(kept, id=0) for kept in store.iterate()]


def contents(path: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(path) as files:
        return {name: files.read(name) for name in files.namelist()}


def lines_of(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in contents(path)[LINES].splitlines()]


def packed(path: Path, files: dict[str, bytes]) -> Path:
    with zipfile.ZipFile(path, "w") as out:
        for name, content in files.items():
            out.writestr(name, content)
    return path


# --- out and in


def test_what_goes_out_comes_back(store: FeedbackStore, other: FeedbackStore, tmp_path: Path) -> None:
    store.add(submission(1, writer="alma", strokes=CROSSED))
    store.add(submission(None, strokes=None, confidence=None, predicted=None, image=noise(1)))
    store.review({store.drawings(limit=1)[0].id: Verdict(Status.REJECTED, None)})

    went, came = export_zip(store, tmp_path / "out.zip"), import_zip(other, tmp_path / "out.zip")

    assert (went, came) == (2, 2)
    assert without_ids(other) == without_ids(store)


def test_receipts_work_in_the_store_that_imported(other: FeedbackStore, full: FeedbackStore, tmp_path: Path) -> None:
    receipt = full.add(submission())
    export_zip(full, tmp_path / "out.zip")
    import_zip(other, tmp_path / "out.zip")

    assert other.delete(receipt)


def test_an_archive_is_pictures_and_lines_that_others_can_read(exported: Path) -> None:
    lines = lines_of(exported)
    pictures = [np.asarray(Image.open(io.BytesIO(contents(exported)[line["image"]]))) for line in lines]

    assert [line["truth"] for line in lines] == [1, None, 3]
    assert [line["status"] for line in lines] == ["new", "new", "accepted"]
    assert [picture.shape for picture in pictures] == [(280, 280), (60, 60), (60, 60)]
    assert lines[0]["strokes"][1] == {"width": 12.5, "points": [[90.0, 140.0], [180.0, 135.0]]}


def test_an_export_can_be_of_one_status(full: FeedbackStore, tmp_path: Path) -> None:
    assert export_zip(full, tmp_path / "accepted.zip", Status.ACCEPTED) == 1
    assert [line["label"] for line in lines_of(tmp_path / "accepted.zip")] == [3]


def test_a_deleted_drawing_is_in_no_export_after(store: FeedbackStore, tmp_path: Path) -> None:
    receipt = store.add(submission(1, image=noise(3)))
    store.add(submission(2))
    store.delete(receipt)

    export_zip(store, tmp_path / "out.zip")

    assert [line["label"] for line in lines_of(tmp_path / "out.zip")] == [2]
    assert list(contents(tmp_path / "out.zip").values()).count(noise(3)) == 0


def test_an_old_archive_does_not_bring_a_deleted_drawing_back(full: FeedbackStore, exported: Path) -> None:
    full.delete_id(next(full.iterate()).id)

    assert import_zip(full, exported) == 0
    assert len(full.drawings()) == 2


def test_importing_again_adds_nothing(other: FeedbackStore, exported: Path) -> None:
    assert [import_zip(other, exported) for _ in range(3)] == [3, 0, 0]


def test_the_same_drawings_give_the_same_file(full: FeedbackStore, exported: Path, tmp_path: Path) -> None:
    export_zip(full, tmp_path / "again.zip")

    assert (tmp_path / "again.zip").read_bytes() == exported.read_bytes()


def test_an_empty_store_can_be_exported_and_imported(other: FeedbackStore, tmp_path: Path) -> None:
    assert export_zip(other, tmp_path / "empty.zip") == 0
    assert import_zip(other, tmp_path / "empty.zip") == 0


def test_nobody_else_may_read_an_export(exported: Path) -> None:
    assert stat.S_IMODE(exported.stat().st_mode) == 0o600


def test_an_export_that_fails_leaves_the_old_file_and_nothing_else(
    full: FeedbackStore, exported: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before, files = exported.read_bytes(), set(exported.parent.iterdir())
    monkeypatch.setattr(archive, "MAX_DRAWINGS", 2)

    with pytest.raises(StoreError, match="at most 2 drawings"):
        export_zip(full, exported)

    assert exported.read_bytes() == before
    assert {path for path in exported.parent.iterdir() if "sqlite" not in path.name} == {
        path for path in files if "sqlite" not in path.name
    }


def test_archives_of_more_files_than_the_old_format_counts_come_back(
    full: FeedbackStore, other: FeedbackStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(zipfile, "ZIP_FILECOUNT_LIMIT", 2)
    export_zip(full, tmp_path / "large.zip")
    monkeypatch.undo()

    assert b"PK\6\6" in (tmp_path / "large.zip").read_bytes()[-200:]
    assert import_zip(other, tmp_path / "large.zip") == 3


# --- what is refused


def refused(store: FeedbackStore, path: Path, reason: str = "nothing was imported") -> None:
    before = store.drawings()

    with pytest.raises(StoreError, match=reason):
        import_zip(store, path)

    assert store.drawings() == before


Files = dict[str, bytes]


def renamed(name: str) -> Callable[[Files], Files]:
    """The last picture has another name, in the list of files and in its line."""

    def change(files: Files) -> Files:
        *_, old = sorted(set(files) - {LINES})
        lines = [json.loads(line) for line in files[LINES].splitlines()]
        renamed_lines = [line | {"image": name if line["image"] == old else line["image"]} for line in lines]
        content = {name if key == old else key: value for key, value in files.items()}
        return content | {LINES: b"".join(json.dumps(line).encode() + b"\n" for line in renamed_lines)}

    return change


@pytest.mark.parametrize(
    "name",
    [
        "../4.png",
        "drawings/../../4.png",
        "/etc/4.png",
        "C:\\4.png",
        "drawings\\4.png",
        "drawings/4.png/",
        "4.png",
        "drawings/4\N{ARABIC-INDIC DIGIT FOUR}.png",
        "drawings/04.png",
        "drawings/4.png ",
        "drawings/4.PNG",
        "drawings/4.svg",
        "drawings/" + "4" * 40 + ".png",
        "drawings/4.png\n",
        "DRAWINGS.JSONL",
    ],
)
def test_a_name_that_no_export_has_is_refused(other: FeedbackStore, exported: Path, name: str) -> None:
    packed(exported, renamed(name)(contents(exported)))

    refused(other, exported, "called")


def test_a_name_that_goes_on_after_a_nul_is_refused(other: FeedbackStore, exported: Path) -> None:
    data = exported.read_bytes()
    exported.write_bytes(data.replace(b"drawings/3.png", b"drawings/3.p\0g"))

    refused(other, exported)


@pytest.mark.parametrize("kind", [stat.S_IFLNK, stat.S_IFCHR, stat.S_IFBLK, stat.S_IFIFO, stat.S_IFDIR, stat.S_IFSOCK])
def test_links_devices_and_folders_are_refused(other: FeedbackStore, exported: Path, kind: int) -> None:
    files = contents(exported)
    with zipfile.ZipFile(exported, "w") as out:
        for name, content in files.items():
            info = zipfile.ZipInfo(name)
            info.external_attr = ((kind if name != LINES else stat.S_IFREG) | 0o777) << 16
            out.writestr(info, content)

    refused(other, exported, "link, a folder or a device")


def test_a_tar_with_hard_links_is_no_archive(other: FeedbackStore, tmp_path: Path) -> None:
    path = tmp_path / "drawings.zip"
    with tarfile.open(path, "w") as out:
        link = tarfile.TarInfo("drawings/1.png")
        link.type, link.linkname = tarfile.LNKTYPE, "/etc/passwd"
        out.addfile(link)

    refused(other, path, "no ZIP file")


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_two_files_of_one_name_are_refused(other: FeedbackStore, exported: Path) -> None:
    with zipfile.ZipFile(exported, "a") as out:
        out.writestr("drawings/1.png", noise(9))

    refused(other, exported, "two files of one name")


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_other_ways_of_packing_are_refused(other: FeedbackStore, exported: Path, method: int) -> None:
    files = contents(exported)
    with zipfile.ZipFile(exported, "w", method) as out:
        for name, content in files.items():
            out.writestr(name, content)

    refused(other, exported, "packed or locked")


def test_a_picture_that_unpacks_to_much_is_refused(other: FeedbackStore, exported: Path) -> None:
    files = contents(exported)
    with zipfile.ZipFile(exported, "w", zipfile.ZIP_DEFLATED) as out:
        for name, content in files.items():
            out.writestr(name, content if name != "drawings/2.png" else bytes(5_000_000))

    refused(other, exported, "more than 131,072 bytes")


def test_a_picture_that_unpacks_to_more_than_is_said_is_refused(other: FeedbackStore, exported: Path) -> None:
    files = contents(exported)
    bomb = bytes(5_000_000)
    with zipfile.ZipFile(exported, "w", zipfile.ZIP_DEFLATED) as out:
        for name, content in files.items():
            out.writestr(name, content if name != "drawings/2.png" else bomb)
    said = struct.pack("<L", len(bomb))
    exported.write_bytes(exported.read_bytes().replace(said, struct.pack("<L", 1000)))

    refused(other, exported)


def test_lines_that_unpack_to_much_are_refused(other: FeedbackStore, exported: Path) -> None:
    files = contents(exported)
    with zipfile.ZipFile(exported, "w", zipfile.ZIP_DEFLATED) as out:
        for name, content in files.items():
            out.writestr(name, content if name != LINES else b" " * 20_000_000)

    refused(other, exported, "line 1 of drawings.jsonl: it has more than")


def test_more_files_than_an_export_has_are_refused_unread(
    other: FeedbackStore, exported: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(archive, "MAX_DRAWINGS", 2)

    refused(other, exported, "lists more than 2 files")


@pytest.mark.parametrize("length", [60_000_000, 0xFFFFFFFE])
def test_a_list_of_files_that_is_said_to_be_huge_is_not_read(other: FeedbackStore, exported: Path, length: int) -> None:
    data = bytearray(exported.read_bytes())
    at = data.rfind(b"PK\5\6")
    data[at + 12 : at + 16] = struct.pack("<L", length)
    exported.write_bytes(data)

    refused(other, exported, "lists more than 500,000 files")


def test_an_end_that_points_elsewhere_is_refused(other: FeedbackStore, exported: Path) -> None:
    data = exported.read_bytes()
    record = b"PK\6\6" + bytes(52)
    locator = b"PK\6\7" + struct.pack("<LQL", 0, 5, 1)
    at = data.rfind(b"PK\5\6")
    exported.write_bytes(data[:at] + record + locator + data[at:])

    refused(other, exported, "not where it says")


def png_of(image: Image.Image, **options: Any) -> bytes:
    file = io.BytesIO()
    image.save(file, options.pop("format", "PNG"), **options)
    return file.getvalue()


def _chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">L", len(body)) + kind + body + struct.pack(">L", zlib.crc32(kind + body))


LYING_PNG = (
    b"\x89PNG\r\n\x1a\n"
    + _chunk(b"IHDR", struct.pack(">LLBBBBB", 50_000, 50_000, 8, 0, 0, 0, 0))
    + _chunk(b"IDAT", zlib.compress(bytes(1000)))
    + _chunk(b"IEND", b"")
)


@pytest.mark.parametrize(
    "picture",
    [
        pytest.param(b"", id="empty"),
        pytest.param(b"not a picture", id="text"),
        pytest.param(PNG[: len(PNG) // 2], id="cut short"),
        pytest.param(png_of(Image.new("L", (281, 280))), id="too wide"),
        pytest.param(png_of(Image.new("RGB", (28, 28))), id="colour"),
        pytest.param(png_of(Image.new("I;16", (28, 28))), id="16 bits"),
        pytest.param(png_of(Image.new("L", (28, 28)), transparency=3), id="transparent"),
        pytest.param(png_of(Image.new("L", (28, 28)), format="JPEG"), id="JPEG"),
        pytest.param(LYING_PNG, id="huge"),
    ],
)
def test_a_picture_that_is_none_of_ours_is_refused(other: FeedbackStore, exported: Path, picture: bytes) -> None:
    packed(exported, contents(exported) | {"drawings/2.png": picture})

    refused(other, exported, "line 2 of drawings.jsonl")


def test_only_the_pixels_of_a_picture_are_kept(other: FeedbackStore, exported: Path) -> None:
    from PIL.PngImagePlugin import PngInfo

    text = PngInfo()
    text.add_text("Author", "<script>alma</script>")
    with Image.open(io.BytesIO(PNG)) as image:
        told = png_of(image, pnginfo=text)
    packed(exported, contents(exported) | {"drawings/1.png": told + b"<html>alma</html>"})

    import_zip(other, exported)

    [kept, *_] = other.iterate()
    assert b"alma" not in kept.image
    assert np.array_equal(np.asarray(Image.open(io.BytesIO(kept.image))), np.asarray(Image.open(io.BytesIO(PNG))))


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("label", 10),
        ("label", "7"),
        ("label", True),
        ("label", 7.0),
        ("truth", -1),
        ("predicted", [1]),
        ("status", "lost"),
        ("status", None),
        ("confidence", 1.01),
        ("confidence", True),
        ("confidence", "0.5"),
        ("model", ""),
        ("model", "a\nb"),
        ("model", "a\0b"),
        ("model", "x" * 201),
        ("model", None),
        ("created", "yesterday"),
        ("created", "2026-01-01T00:00:00"),
        ("created", "9999-12-31T23:59:59-23:59"),
        ("created", 5),
        ("source", "alma"),
        ("source", None),
        ("receipt_sha256", "00"),
        ("receipt_sha256", "A" * 64),
        ("receipt_sha256", None),
        ("strokes", []),
        ("strokes", {}),
        ("strokes", [[[1e9, 0]]]),
        ("image", "drawings/3.png"),
        ("image", "drawings/9.png"),
        ("image", LINES),
        ("image", None),
        ("image", ["x"]),
        ("further", 1),
    ],
    ids=str,
)
def test_a_line_that_no_export_has_is_refused(other: FeedbackStore, exported: Path, field: str, value: object) -> None:
    lines = lines_of(exported)
    lines[1][field] = value
    packed(exported, contents(exported) | {LINES: b"".join(json.dumps(line).encode() + b"\n" for line in lines)})

    refused(other, exported, "line [23] of drawings.jsonl")


@pytest.mark.parametrize(
    "line",
    [
        b"\n",
        b"{}\n",
        b"[" * 100_000 + b"\n",
        b'{"label": NaN}\n',
        b"9" * 10_000 + b"\n",
        b"\xff\n",
        b'"x"\n',
        b"null\n",
    ],
    ids=["empty", "{}", "deep", "NaN", "long number", "no UTF-8", "text", "null"],
)
def test_a_line_that_is_no_drawing_is_refused(other: FeedbackStore, exported: Path, line: bytes) -> None:
    files = contents(exported)
    packed(exported, files | {LINES: files[LINES] + line})

    refused(other, exported, "line 4 of drawings.jsonl")


def test_a_picture_of_which_nothing_is_said_is_refused(other: FeedbackStore, exported: Path) -> None:
    packed(exported, contents(exported) | {"drawings/77.png": PNG})

    refused(other, exported, "nothing is said")


def test_an_archive_without_lines_is_refused(other: FeedbackStore, exported: Path) -> None:
    files = contents(exported)
    del files[LINES]

    refused(other, packed(exported, files), "there is no drawings.jsonl")


def test_a_file_that_is_not_there_is_an_error(other: FeedbackStore, tmp_path: Path) -> None:
    refused(other, tmp_path / "gone.zip", "No such file")


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(changes=st.lists(st.tuples(st.floats(0, 1, exclude_max=True), st.integers(0, 255)), min_size=1, max_size=5))
def test_a_damaged_archive_is_refused_or_harmless(
    other: FeedbackStore, exported: Path, changes: list[tuple[float, int]]
) -> None:
    data = bytearray(exported.read_bytes())
    for place, value in changes:
        data[int(place * len(data))] = value
    damaged = exported.with_name("damaged.zip")
    damaged.write_bytes(data)

    before = other.drawings()
    try:
        import_zip(other, damaged)
    except StoreError:
        assert other.drawings() == before
    else:
        assert len(other.drawings()) - len(before) in (0, 3)


@pytest.mark.parametrize("share", [0.0, 0.1, 0.5, 0.9, 0.999])
def test_an_archive_that_is_cut_short_is_refused(other: FeedbackStore, exported: Path, share: float) -> None:
    data = exported.read_bytes()
    exported.write_bytes(data[: int(share * len(data))])

    refused(other, exported)

"""Handwriting faces, their glyphs traced to strokes."""

import logging
import shutil
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from inkdigit.training import fonts
from inkdigit.training.dataset import read_digits
from inkdigit.training.fonts import DIGESTS, SIGNS, UNCLEAR, Face, follow, glyph, load_faces
from inkdigit.training.letters import AMBIGUOUS, DOUBTFUL
from inkdigit.training.negatives import FACES, KINDS, Material, draw_negatives

DATA = Path(__file__).parents[1] / "data"


def line_of(*rows: str) -> NDArray[np.bool_]:
    return np.pad(np.array([[mark == "#" for mark in row] for row in rows]), 1)


def test_a_line_is_followed_from_end_to_end() -> None:
    [stroke] = follow(line_of("#....", ".#...", "..###"), spur=2)

    assert stroke.tolist() == [[1, 1], [2, 2], [3, 3], [4, 3], [5, 3]]


def test_a_ring_is_followed_round_to_its_start() -> None:
    [stroke] = follow(line_of(".##.", "#..#", "#..#", ".##."), spur=2)

    assert len(stroke) == 9
    assert stroke[0].tolist() == stroke[-1].tolist()


def test_a_cross_is_four_strokes_from_its_middle() -> None:
    strokes = follow(line_of("..#..", "..#..", "#####", "..#..", "..#.."), spur=2)

    ends = sorted(sorted([stroke[0].tolist(), stroke[-1].tolist()]) for stroke in strokes)
    assert ends == [[[1, 3], [3, 3]], [[3, 1], [3, 3]], [[3, 3], [3, 5]], [[3, 3], [5, 3]]]


def test_a_side_branch_shorter_than_a_spur_is_dropped() -> None:
    branched = line_of("....#....", "#########")

    assert len(follow(branched, spur=3)) == len(follow(branched, spur=1)) - 1


def test_a_dot_is_a_short_stroke() -> None:
    [stroke] = follow(line_of("#"), spur=2)

    assert np.ptp(stroke, axis=0).max() == 1


def test_no_sign_of_the_faces_passes_for_a_digit() -> None:
    assert not set(SIGNS) & (AMBIGUOUS | DOUBTFUL)
    assert set(UNCLEAR) <= set(DIGESTS)


def test_faces_that_cannot_be_had_are_done_without_and_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(shutil, "which", lambda _: None)

    with caplog.at_level(logging.WARNING):
        faces = load_faces(tmp_path)

    assert faces == ()
    assert "npm is not installed" in caplog.text


def test_a_face_that_was_tampered_with_is_not_used(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    for name in DIGESTS:
        (tmp_path / f"{name}.woff").write_bytes(b"something else")

    faces = load_faces(tmp_path)

    assert faces == ()
    assert "its SHA-256 differs" in caplog.text


def test_faces_are_not_fetched_where_that_is_not_wanted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fonts, "_fetch", lambda _: pytest.fail("fetched"))

    assert load_faces(tmp_path / "none", fetch=False) == ()


@pytest.fixture
def faces(monkeypatch: pytest.MonkeyPatch) -> tuple[Face, ...]:
    """A face whose file is any font: the one that comes with Pillow."""
    from PIL import ImageFont

    monkeypatch.setattr(fonts, "_opened", lambda _: ImageFont.load_default(fonts.HEIGHT))
    return (Face("any", Path("any.woff")),)


def test_a_glyph_becomes_the_strokes_that_a_pen_would_make(faces: tuple[Face, ...]) -> None:
    upright, across = fonts.strokes_of(faces[0], "+")[:2], fonts.strokes_of(faces[0], "=")

    assert len(upright) == 2
    assert len(across) == 2
    assert all(np.ptp(stroke[:, 1]) < 0.1 < np.ptp(stroke[:, 0]) for stroke in across)


def test_the_same_seed_writes_the_same_glyph(faces: tuple[Face, ...]) -> None:
    (sign, once), (same, again) = (glyph(faces, np.random.default_rng(4)) for _ in range(2))

    assert sign == same
    assert all(np.array_equal(a, b) for a, b in zip(once, again, strict=True))


def test_with_faces_their_letters_are_drawn_too(faces: tuple[Face, ...]) -> None:
    shares = {name: share for name, _, share in KINDS}

    images, counts = draw_negatives(np.random.default_rng(1), 50, Material(read_digits(DATA, "t10k")[:300], faces))

    assert len(images) == 50
    assert counts[FACES] == pytest.approx(50 * shares[FACES], abs=1)

"""Handwriting faces: where they come from, how they are checked, and how a glyph becomes strokes again.

The faces are free fonts that imitate single hands. Their outlines are thinned to the way that the pen went, so that
they can be written anew with any pen and any slant, like the letters of our own alphabet.
"""

import hashlib
import logging
import shutil
import subprocess
import tarfile
import tempfile
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import platformdirs
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from inkdigit.errors import DataError, InkdigitError
from inkdigit.training.letters import Random, Stroke, bent, pick, smooth
from inkdigit.training.redraw import thin

logger = logging.getLogger(__name__)

VERSION = "5.3.0"  # of every package @fontsource/<face>
HEIGHT = 60  # pixels, of the type that glyphs are traced from
INKED = 110  # of 255: from which level on a pixel belongs to a glyph
MISSING = "\uffff"  # a character that no face has

# SHA-256 of each face's Latin regular in WOFF form.
DIGESTS = {
    "architects-daughter": "0249dd5f81431dbf8a8406996c43f8018bf707221cf261d75145f083bb7091cf",
    "caveat": "38b98dbeb922a14a74dfb41f83fc24e0e645e2eed9ce72145fefbdae8828cbfb",
    "cedarville-cursive": "8d8360a98492b42d02c17e94c38bcd2a3cce6db6b9b430f3a110e71f81d7149c",
    "coming-soon": "d0a25ae9b9ffb2a2c235687f1698af2bbe18a84f47f1b099077a50382b812858",
    "covered-by-your-grace": "876d8371eedf1f9add237910aea034ca42cd5bdc8f7d722c7a04819ab3f711b8",
    "dancing-script": "3e114c39b274829edb96a698275563336a42ec5c2a9c1fb7d7108b8bb804bfd3",
    "gloria-hallelujah": "31e7def8cf155d4dcc98216517ad509923a8a197bc9c8937668d04767c52040e",
    "gochi-hand": "82a4149218f2edccef96d2b0ed5bf92adc6ea290222bac4dcfa3de91afb6b3a3",
    "handlee": "9a8af5254df769bbdc196fd998231daec67c81dc3d6fd6f294ed80c2c4343551",
    "homemade-apple": "998f34b48e0bcb8974dc6e8d94961a87689ca40e3258554d2f6fc3778b1968a3",
    "indie-flower": "2cf7154e899ad16246196238d6d13f0135c5feba2d8ccde5d97a22664d012660",
    "kalam": "70ab8c1d2c10a28f213c6f1c359888624d5e650ffcd64f93a8194c3e14403746",
    "la-belle-aurore": "d5ec94f05c2cb9ab9dd5bba03faede9a6d767803e36b6b5df36f64ada8546ce0",
    "mansalva": "956720ae5632b40a4f79e92b27b936e174a038aa41b8638d30965c61ab465aff",
    "neucha": "b0c09e2ecd7d760fb997f926f2d15e53c57561802fb071a317832942536ca82a",
    "nothing-you-could-do": "454bff123de1c8224aff670f12797ca91cf54becf6f8359391bd37a6dd68a60e",
    "over-the-rainbow": "e721f12763490802b576b3c1511cf4a0c6a33221772bf846885a295e5b758e3e",
    "patrick-hand": "0f7031f6665437e04d6f354c5f64d6ae6777b498afbe804638c45b957a7ce8aa",
    "permanent-marker": "ab8ac2bb72d48e089e37d8eefbacdfe2d74ccd48ae786d952fce9874837d2b2b",
    "reenie-beanie": "1b86681155e125625f01839b2e6688dde2b2a7766a8eb49645b3a8707c2bee9f",
    "rock-salt": "358d065405a805204d48cc51cc48a8447f8d86369aa05d44c70e0111d7ee7e29",
    "schoolbell": "a448b8f4209a8ca16adc48753170f40a57e17f70675963e092501ed48842e4c8",
    "shadows-into-light": "93cff8110a18bb3e1fb0179c95f706ed1e8037e2e527c4cb425b46deaddbd975",
    "waiting-for-the-sunrise": "8a2cf921d4129a7d447370c559d0687579e842196c9e80a774fb428b1755911b",
}
# Signs that most faces write clearly, and the faces that do not: some write B or & as an 8, D as a 0, G as a 6, J and y
# as a 9 or 4, Q, r, ? or % as a 2, or lose the dot of an i. A > is too often a 7: that one comes from our own alphabet.
SIGNS = tuple("ABCDEFGHJKLMNPQRTUVWXYacdefhijkmnprtuvwxy+=*#@$%?!;:<[]{^~")
UNCLEAR = {
    "architects-daughter": "^",
    "caveat": "DGJ",
    "cedarville-cursive": "GJj",
    "coming-soon": "D",
    "covered-by-your-grace": "Ua%Q",
    "dancing-script": "DGj{",
    "gloria-hallelujah": "BDy",
    "gochi-hand": "Gy",
    "homemade-apple": "BDFGJQjr",
    "indie-flower": "?",
    "la-belle-aurore": "DGJj%r",
    "mansalva": "GQy",
    "nothing-you-could-do": "DG%",
    "over-the-rainbow": "FGJj%?",
    "patrick-hand": "G^",
    "permanent-marker": "Bij;",
    "reenie-beanie": "G",
    "rock-salt": "Yijy",
    "schoolbell": "a",
    "waiting-for-the-sunrise": ":;",
}


@dataclass(frozen=True, slots=True)
class Face:
    """One handwriting face: its name and its file."""

    name: str
    file: Path


def default_cache() -> Path:
    """The user's cache folder for faces."""
    return Path(platformdirs.user_cache_dir("inkdigit")) / "faces"


def load_faces(folder: Path | None = None, fetch: bool = True) -> tuple[Face, ...]:
    """The faces in the cache, filling that first where it lacks some; none, and a warning, where they cannot be had.

    Args:
        folder: to keep them in; the user's cache folder where it is None.
        fetch: whether missing ones may be fetched.
    """
    folder = folder or default_cache()
    faces = tuple(Face(name, folder / f"{name}.woff") for name in DIGESTS)
    try:
        if fetch and not all(face.file.is_file() for face in faces):
            _fetch(folder)
        for face in faces:
            _check(face.name, face.file.read_bytes())
    except (InkdigitError, OSError, subprocess.SubprocessError, tarfile.TarError) as error:
        logger.warning("no handwriting faces (%s): the letters are those of our own alphabet alone", error)
        return ()
    return faces


def _fetch(folder: Path) -> None:
    npm = shutil.which("npm")
    if npm is None:
        raise DataError("npm is not installed")
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder) as scratch:
        command = [npm, "pack", *(f"@fontsource/{name}@{VERSION}" for name in DIGESTS)]
        subprocess.run(command, cwd=scratch, check=True, capture_output=True, timeout=600)  # noqa: S603
        for name in DIGESTS:
            _unpack(name, Path(scratch) / f"fontsource-{name}-{VERSION}.tgz", folder)


def _unpack(name: str, archive: Path, folder: Path) -> None:
    inside = f"package/files/{name}-latin-400-normal.woff"
    with tarfile.open(archive) as files:
        member = files.extractfile(inside) if inside in files.getnames() else None
        if member is None:
            raise DataError(f"{inside} is not in the package @fontsource/{name}@{VERSION}")
        contents = member.read()
    _check(name, contents)
    unfinished = folder / f"{name}.woff.part"
    unfinished.write_bytes(contents)
    unfinished.replace(folder / f"{name}.woff")


def _check(name: str, contents: bytes) -> None:
    if hashlib.sha256(contents).hexdigest() != DIGESTS[name]:
        raise DataError(f"the face {name} is not the one known: its SHA-256 differs; delete it and fetch it again")


def glyph(faces: tuple[Face, ...], random: Random) -> tuple[str, list[Stroke]]:
    """A clear sign of one of the faces and its strokes, slanted, stretched and bent anew."""
    while True:
        face, sign = faces[random.integers(len(faces))], pick(SIGNS, random)
        strokes = strokes_of(face, sign)
        if strokes and sign not in UNCLEAR.get(face.name, ""):
            return sign, bent(list(strokes), random)


@cache
def strokes_of(face: Face, sign: str) -> tuple[Stroke, ...]:
    """The way the pen went for a sign, in units of the longer side of the glyph; none where the face lacks it."""
    rendered = _rendered(face, sign)
    if rendered.max() <= INKED or np.array_equal(rendered, _rendered(face, MISSING)):
        return ()
    inked = rendered > INKED
    line = thin(inked[None])[0]
    if not line.any():  # a mark so small that thinning leaves nothing of it
        return ()
    strokes = follow(line, spur=0.6 * np.count_nonzero(inked) / np.count_nonzero(line))
    size = float(np.ptp(np.concatenate(strokes), axis=0).max())
    return tuple(smooth(_thinned_out(stroke) / size, 3) for stroke in strokes)


def _rendered(face: Face, sign: str) -> NDArray[np.uint8]:
    font = _opened(face)
    left, top, right, bottom = (round(edge) for edge in font.getbbox(sign))
    sheet = Image.new("L", (right - left + 8, bottom - top + 8))
    ImageDraw.Draw(sheet).text((4 - left, 4 - top), sign, fill=255, font=font)
    return np.asarray(sheet)


@cache
def _opened(face: Face) -> ImageFont.FreeTypeFont:
    return ImageFont.truetype(face.file, HEIGHT)


Pixel = tuple[int, int]  # x, y


def follow(line: NDArray[np.bool_], spur: float) -> list[Stroke]:
    """The strokes of a drawing of lines one pixel wide, from end or fork to end or fork; rings where there is neither.

    Args:
        line: (H, W) bool, False along its edges.
        spur: in pixels; side branches shorter than that come from thinning, not from a pen, and are dropped.

    Returns:
        (M, 2) x, y in pixels each.
    """
    pixels = {(int(x), int(y)) for y, x in np.argwhere(line)}
    beside = {pixel: _beside(pixel, pixels) for pixel in pixels}
    forks = [pixel for pixel in sorted(pixels) if len(beside[pixel]) != 2]
    left = set(pixels) - set(forks)
    ways = [(fork, first) for fork in forks for first in beside[fork]]
    strokes = [_walk(fork, first, beside, left) for fork, first in ways if first in left or fork < first]
    while left:
        start = min(left)
        left.discard(start)
        ring = _walk(start, beside[start][0], beside, left)
        strokes.append([*ring, start])
    kept = [stroke for stroke in strokes if len(stroke) >= spur or not _is_side_branch(stroke, beside)]
    lone = [[(x, y), (x + 1, y)] for x, y in forks if not beside[x, y]]
    return [np.array(stroke, np.float64) for stroke in kept + lone]


def _beside(pixel: Pixel, pixels: set[Pixel]) -> list[Pixel]:
    """The neighbours of a pixel; those across a corner only where no straight way leads there."""
    x, y = pixel
    straight = [(x + dx, y + dy) for dx, dy in ((1, 0), (-1, 0), (0, 1), (0, -1)) if (x + dx, y + dy) in pixels]
    across = [(x + dx, y + dy) for dx in (-1, 1) for dy in (-1, 1) if (x + dx, y + dy) in pixels]
    return straight + [p for p in across if (p[0], y) not in pixels and (x, p[1]) not in pixels]


def _walk(start: Pixel, first: Pixel, beside: dict[Pixel, list[Pixel]], left: set[Pixel]) -> list[Pixel]:
    path = [start, first]
    while len(beside[path[-1]]) == 2:
        left.discard(path[-1])
        onward = [pixel for pixel in beside[path[-1]] if pixel != path[-2]]
        if not onward or onward[0] == start:
            break
        path.append(onward[0])
    return path


def _is_side_branch(stroke: list[Pixel], beside: dict[Pixel, list[Pixel]]) -> bool:
    """Whether one end is loose and the other at a fork."""
    less, more = sorted((len(beside[stroke[0]]), len(beside[stroke[-1]])))
    return less == 1 and more > 2


def _thinned_out(stroke: Stroke) -> Stroke:
    """Every fourth point or so, and the last: the steps between pixels are gone then."""
    rows = np.unique(np.linspace(0, len(stroke) - 1, max(2, round(len(stroke) / 4))).astype(int))
    return stroke[rows] if len(rows) > 1 else np.vstack([stroke[:1], stroke[:1] + 0.5])

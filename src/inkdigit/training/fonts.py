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
    "annie-use-your-telescope": "555a3ba045673dfa29aa1b2ed52f17772212380d2da9a79dc813ef51e26b0147",
    "architects-daughter": "0249dd5f81431dbf8a8406996c43f8018bf707221cf261d75145f083bb7091cf",
    "bad-script": "07202e03862cf10af6c0a9f5cfce39ef10e1923b64b965c3185b5ddef61b91f1",
    "beth-ellen": "0650ec8a5e854614c0edaaa7650112846da25e5d31ffa820bcf13b623f5704dc",
    "bilbo": "091c1190b2434a8bfa7e02e8db672f9e42f86fe8e115a68f3d81da84d21622c4",
    "calligraffitti": "1fee22a7ff179d7623483a623aba71e5541ef16efd5e28bc45d4403d6f010ad5",
    "caveat": "38b98dbeb922a14a74dfb41f83fc24e0e645e2eed9ce72145fefbdae8828cbfb",
    "caveat-brush": "2c57f92c541e3d7c8050ca99d8ce3f6ee2f64cbdfe72f304f6d7683f0db388ba",
    "cedarville-cursive": "8d8360a98492b42d02c17e94c38bcd2a3cce6db6b9b430f3a110e71f81d7149c",
    "chilanka": "e13443776c36ae978fcd63bb5e54af10043ed9df172f924e427e0e40ec783e39",
    "coming-soon": "d0a25ae9b9ffb2a2c235687f1698af2bbe18a84f47f1b099077a50382b812858",
    "covered-by-your-grace": "876d8371eedf1f9add237910aea034ca42cd5bdc8f7d722c7a04819ab3f711b8",
    "crafty-girls": "5d7392f508057ab8c20fa7e92989e679a9efd058b9d7736d688a614df9a79dfa",
    "dancing-script": "3e114c39b274829edb96a698275563336a42ec5c2a9c1fb7d7108b8bb804bfd3",
    "dawning-of-a-new-day": "db6b4ace05ee8134f67c89150c387961d9c4f3e8ecc3efecfe8510738c3158fd",
    "dekko": "03a28a935e5e77df75afc369cac04b9e28be68aa2156c20c649103e29d084a60",
    "delius": "eabc55870044215231d9f905b1b898926bcf588dc78e53523ea6590281b606f1",
    "edu-nsw-act-foundation": "abebb0863c1a82e42f688b59d66851a6896cd8f46f543f60d3c24750709157ea",
    "edu-vic-wa-nt-beginner": "d1d07ef8700ab8a5b349dc78e8c976629d63e62407dc092eb9f304d5a6ee08d6",
    "fuzzy-bubbles": "7d4f62492b07a98081096631cf93ce385b6646a6f38d63a4cabbe24f0acbeeba",
    "gaegu": "6d4c9dac093fce05bcf214b7b1e9d60de7ecae8a22aa940d63e586bcf32cab29",
    "gamja-flower": "a38f64533c71165be3845e8e1600a2c6062464d83c7c160d00ee5a9cbd67c46d",
    "give-you-glory": "84c8bec3e54403b756b60f5fa44aeb89ceb5a31c7296211a0d7717611bb73f8c",
    "gloria-hallelujah": "31e7def8cf155d4dcc98216517ad509923a8a197bc9c8937668d04767c52040e",
    "gochi-hand": "82a4149218f2edccef96d2b0ed5bf92adc6ea290222bac4dcfa3de91afb6b3a3",
    "grape-nuts": "058c99599408dd60de19ebb1abbf764b9a18eebb553fee1670f0b2d2a4fd5235",
    "handlee": "9a8af5254df769bbdc196fd998231daec67c81dc3d6fd6f294ed80c2c4343551",
    "hi-melody": "346d604a1b9cbe55b43837112ce70dd6d30909898d82c3014c1f37f8e40f27a3",
    "homemade-apple": "998f34b48e0bcb8974dc6e8d94961a87689ca40e3258554d2f6fc3778b1968a3",
    "indie-flower": "2cf7154e899ad16246196238d6d13f0135c5feba2d8ccde5d97a22664d012660",
    "itim": "b226c76f3c05960cc30eaeca322d31cc5ecbeb4c693996d5d0964f892de12b46",
    "just-another-hand": "996689005263a02315843bd1eff3f67b71ec1ca25be7fa9ee4523e4d282b7b89",
    "just-me-again-down-here": "154f149b85fa4145d2545b270db1a149c1815fca861b2ef90700cccf20e76050",
    "kalam": "70ab8c1d2c10a28f213c6f1c359888624d5e650ffcd64f93a8194c3e14403746",
    "klee-one": "4c039b95126f61e0eb408e604751ac097fbf768043011d0156b407315776c720",
    "la-belle-aurore": "d5ec94f05c2cb9ab9dd5bba03faede9a6d767803e36b6b5df36f64ada8546ce0",
    "liu-jian-mao-cao": "cab561530949aaacec3f941e88d05386818c24b5a54ea50d2c5a50e0fefec0ae",
    "long-cang": "2392465c01aa8beaf5495ad22a8c006115e48a21f3a10ec774aaee7aef51522b",
    "loved-by-the-king": "c865f5db8c24e82e05b74065da789d1df28b12d66d2977e884af4a444ff46cb5",
    "mali": "cd38e40d516ab13ab4ef21cdb01671bac4c326ef338b39d87eb1892c5fc17bbf",
    "mansalva": "956720ae5632b40a4f79e92b27b936e174a038aa41b8638d30965c61ab465aff",
    "marck-script": "c26db9210c0b2823550e11baaeb2b6d234e5e5a14e8e6497029f29844859610d",
    "mynerve": "5d9deb86c7caed58b6c2624cc2ff1e4cd76bd389e99cf5d62f6342b0242d1d29",
    "nanum-pen-script": "08cdd640e142c977071b4c3d5c33fd9ec322990e540f5511ca2fccff4568d0ec",
    "neucha": "b0c09e2ecd7d760fb997f926f2d15e53c57561802fb071a317832942536ca82a",
    "nothing-you-could-do": "454bff123de1c8224aff670f12797ca91cf54becf6f8359391bd37a6dd68a60e",
    "oooh-baby": "8adff98725aa267417e7cc2543a08056d22a170bea51de1b368c60a217e7a2bd",
    "over-the-rainbow": "e721f12763490802b576b3c1511cf4a0c6a33221772bf846885a295e5b758e3e",
    "pangolin": "d51be35cd652ff73e3d174e01cd978942cf67bcea08ab3043f711814fab162ce",
    "patrick-hand": "0f7031f6665437e04d6f354c5f64d6ae6777b498afbe804638c45b957a7ce8aa",
    "permanent-marker": "ab8ac2bb72d48e089e37d8eefbacdfe2d74ccd48ae786d952fce9874837d2b2b",
    "playpen-sans": "25b16389b5a9978b1b9949398c494451d02c738f837e64095601e1c8447341fb",
    "playwrite-at": "f0eaaf381f3fadaa16a114e2ce13defc46fe0909ea4000542cf7203caa8a88fe",
    "playwrite-be-wal": "a8571777ad961a17bfd8ea18e9094e76f54ca42324f5b36f52228581c52222b1",
    "playwrite-cz": "97eb5b8985600339c77a0b8a0ae0af4a3c858fd7b6dd052fae985c98db15c713",
    "playwrite-de-grund": "2ef35798b3ea53e8ff8501c4a1d4608096b0b74c3a165b5ea53b1b694484de94",
    "playwrite-fr-trad": "adc3f44033860c19c23661a7d669b31b81ba836ba317ceb39eb74d1d919b92ad",
    "playwrite-hr": "70ad35bbd59c3730438615da21916e4225a1764f28f8755aa9b09d417c32a0c8",
    "playwrite-it-trad": "48eda15a43ceeec3f465014c9241a9f377129831159fa25acada492ecdf96711",
    "playwrite-mx": "753fc0ffbf7ebaa2358c3c4b70f996c255f94b8899ee57f072dc0415080d23f4",
    "playwrite-nl": "8a4510dab5571fed635e852bc776a6f3e8b9398b0bfabb2903600e95733bc580",
    "playwrite-no": "17af90ebfc46c222de4592b40365003933f58da511792c756d5452c59617c219",
    "playwrite-pl": "4f68a8bba4692b522e66771b9a3c5d67a4f5eb296da06ff717b50bfbd0c56d73",
    "playwrite-pt": "c7a5ec887965cd332a1935577dc70dfc9602f69b8657a7b9fc27e96abd38d85d",
    "playwrite-us-trad": "198bc82b022ab9844fdb6645aecc87041ed99b1373d1c89a0f291f35a056223d",
    "poor-story": "15608168b3f53bff2060591a8a6953c9ab1c91eb19529e15b973ac2b70ca709f",
    "rancho": "f19330a4aee7eaac41911b9002a0e402feaa84f0318ea422668e11b920ed8fca",
    "reenie-beanie": "1b86681155e125625f01839b2e6688dde2b2a7766a8eb49645b3a8707c2bee9f",
    "rock-salt": "358d065405a805204d48cc51cc48a8447f8d86369aa05d44c70e0111d7ee7e29",
    "schoolbell": "a448b8f4209a8ca16adc48753170f40a57e17f70675963e092501ed48842e4c8",
    "sedgwick-ave": "378d3d70f69fb7c7382cbbd3dc3663bc409bd45dee5711aa8543afee85de2f14",
    "shadows-into-light": "93cff8110a18bb3e1fb0179c95f706ed1e8037e2e527c4cb425b46deaddbd975",
    "shantell-sans": "8aa8fe63633c806fac26f8ae5c712851eb67d8e1cd34555873d4e60abe685d31",
    "short-stack": "db596e8545afc95f708ad2d5ac878771998f7378da84c56759527fbdb02f5836",
    "solitreo": "2d7015dda96694e9990c51ef9a3ee7d003e07a78a5c785c39ad8b3550df28cb2",
    "square-peg": "f7da17dedee1e713341ea2b5a26bff3a8cb25e3dfe94e7a927c1ed56ecc4a1f7",
    "sriracha": "5d58be0698ba9a1b621ca2fa6d44e0b08b50fed7d913c956a4c0a9fd9fbfaa40",
    "sue-ellen-francisco": "e2c988155c07d4a26b81216397fa1841af0916c9737a61e05ea38bd1bd5361b1",
    "swanky-and-moo-moo": "f4f292b60677133249ab543ca178fa6786d3dd9681899ef7ccde255bf956aced",
    "the-girl-next-door": "301aabf8a983d1231988eea6e125338a3933bd69de8b14137df80840c8d8c5e8",
    "vibur": "f13c8b62aa8abf958356887bc6e44d9af48037c38f96b238e66ec1b537b0dd4e",
    "waiting-for-the-sunrise": "8a2cf921d4129a7d447370c559d0687579e842196c9e80a774fb428b1755911b",
    "yomogi": "889ffc6f4e2587b8bd94d0b2c7ddd2f7bb3d89b25be1b6f3290775620a204210",
    "zen-kurenaido": "1e20aeb08f255fbcf0ab5ccd03296d18bbeac3cefdb95e09c5b1676d73ac33b7",
    "zeyada": "91d3613bd2d6ca6d14bfba2a7c3918ee4ced380d570d1b29a6ebfbcf56e7a6ff",
}
# Signs that most faces write clearly, and the faces that do not: some write B or & as an 8, D as a 0, G as a 6, J and y
# as a 9 or 4, Q, r, ? or % as a 2, or lose the dot of an i. A > is too often a 7: that one comes from our own alphabet.
SIGNS = tuple("ABCDEFGHJKLMNPQRTUVWXYacdefhijkmnprtuvwxy+=*#@$%?!;:<[]{^~")
UNCLEAR = {
    "annie-use-your-telescope": "%*?[{",
    "architects-daughter": "^",
    "bad-script": ":<GL[v{",
    "beth-ellen": "<DJLYfy",
    "bilbo": "<D",
    "calligraffitti": "!DJcv{",
    "caveat": "DGJ",
    "caveat-brush": "DLc",
    "cedarville-cursive": "GJj",
    "chilanka": "^",
    "coming-soon": "D",
    "covered-by-your-grace": "Ua%Q",
    "crafty-girls": "$L[^r",
    "dancing-script": "DGj{",
    "dawning-of-a-new-day": ":;DFJP^ip",
    "dekko": "$:BD[]{",
    "delius": "!:?[{",
    "edu-nsw-act-foundation": "D[{",
    "edu-vic-wa-nt-beginner": "!:;?[i{",
    "fuzzy-bubbles": "[y{",
    "gaegu": "!:<?D{",
    "gamja-flower": "!<?Dax",
    "give-you-glory": "?GY",
    "gloria-hallelujah": "BDy",
    "gochi-hand": "Gy",
    "grape-nuts": "<BDGY[ty",
    "hi-melody": "!;?i",
    "homemade-apple": "BDFGJQjr",
    "indie-flower": "?",
    "itim": ":;[{",
    "just-another-hand": "!:;<?DL[^acey{",
    "just-me-again-down-here": "!BDG[]cx{",
    "klee-one": "[^",
    "la-belle-aurore": "DGJj%r",
    "liu-jian-mao-cao": "?FJjp",
    "long-cang": "!CDG",
    "loved-by-the-king": "%CDGLUcy",
    "mali": ":;?[c{",
    "mansalva": "GQy",
    "marck-script": "BDFJT[^ci{",
    "mynerve": "Gy{",
    "nanum-pen-script": "?BDy",
    "nothing-you-could-do": "DG%",
    "oooh-baby": "<fp",
    "over-the-rainbow": "FGJj%?",
    "pangolin": "$C[{",
    "patrick-hand": "G^",
    "permanent-marker": "Bij;",
    "playpen-sans": "Di{",
    "playwrite-at": ";JL[jt",
    "playwrite-be-wal": ";J[",
    "playwrite-cz": ";DJQ[t",
    "playwrite-de-grund": ";[",
    "playwrite-fr-trad": ";J[",
    "playwrite-hr": ";DJL[{",
    "playwrite-it-trad": ";J[e{",
    "playwrite-mx": ";DFJ[",
    "playwrite-nl": ";JL[^{",
    "playwrite-no": ";JL[{",
    "playwrite-pl": ";JL[{",
    "playwrite-pt": ";JQ[{",
    "playwrite-us-trad": ";DJ[",
    "poor-story": "Di{",
    "rancho": "$D[]^{",
    "reenie-beanie": "G",
    "rock-salt": "Yijy",
    "schoolbell": "a",
    "sedgwick-ave": "CL",
    "short-stack": ":[{",
    "solitreo": "<{",
    "square-peg": "$<BD",
    "sriracha": "D[a",
    "sue-ellen-francisco": "$%:<DGL[]t{",
    "swanky-and-moo-moo": "!%BDGMny",
    "the-girl-next-door": "!",
    "vibur": "Dcjr",
    "waiting-for-the-sunrise": ":;",
    "yomogi": "y",
    "zen-kurenaido": "!?",
    "zeyada": ":GJLYdft",
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

"""A drawing as a short text, to stand behind the # of a link: no server keeps anything, and nothing is ever fetched.

A code is base64url, without padding, of one byte for the version and a zlib stream. That holds the paper's width and
height, the number of strokes, and for each its width, its number of points and the way from each point to the next
(from the end of the stroke before, and at first from the corner), all as varints in quarters of a drawing unit; what
can be negative is folded (0, -1, 1, -2, ...). The page's `share.js` writes and reads the same.
"""

import base64
import itertools
import math
import re
import zlib
from collections.abc import Iterable, Iterator
from typing import Final

from inkdigit.drawing import (
    MAX_POINTS,
    MAX_STROKES,
    Paper,
    Sheet,
    Stroke,
    Strokes,
    check_paper,
    check_strokes,
    paper_for,
)
from inkdigit.errors import ShareError

__all__ = ["decode", "encode", "is_shared", "open_sheet"]

VERSION: Final = 1
STEPS: Final = 4  # of a drawing unit
MAX_PAYLOAD: Final = 128 * 1024  # bytes, inflated; the largest drawing has 123 KB
MAX_CODE: Final = 180_000  # characters; what such a drawing has if nothing of it can be deflated
MAX_VARINT: Final = 3  # bytes, seven bits in each

_CODE: Final = re.compile(r"[A-Za-z0-9_-]+", re.ASCII)
_KEY: Final = "#d="
_BARE: Final = re.compile(r"(?:d=)?AX[g-j][A-Za-z0-9_-]{12,}", re.ASCII)  # how every code of version 1 begins
_LINK: Final = re.compile(r"https?://", re.IGNORECASE)

_Place = tuple[int, int]  # in quarters of a unit


def encode(strokes: Strokes, paper: Paper | None = None) -> str:
    """The code of a drawing; a digit's has 100 to 300 characters.

    Widths and positions are kept to the nearest quarter of a unit.

    Args:
        strokes: at least one.
        paper: on which it was drawn; that of the page's usual pad if not given.

    Raises:
        ShareError: there is nothing to share, or more than a code can hold.

    >>> seven = (Stroke(19.0, ((80.0, 70.0), (200.0, 70.0), (130.0, 230.0))),)
    >>> decode(encode(seven)) == seven, len(encode(seven)) < 50
    (True, True)
    """
    try:
        check_strokes(strokes)
        check_paper(paper := paper or paper_for(strokes))
    except ValueError as error:
        raise ShareError(f"the drawing cannot be shared: {error}") from error
    numbers = [_steps(paper.width), _steps(paper.height), len(strokes), *_numbers_of(strokes)]
    payload = b"".join(map(_varint, numbers))
    return base64.urlsafe_b64encode(bytes([VERSION]) + zlib.compress(payload, 9)).decode("ascii").rstrip("=")


def decode(code_or_url: str) -> Strokes:
    """The strokes of a code, or of the link that holds it.

    Raises:
        ShareError: as `open_sheet` says.

    >>> decode("http://127.0.0.1:5000/#d=" + encode((Stroke(19.0, ((80.1, 70.0),)),)))
    (Stroke(width=19.0, points=((80.0, 70.0),)),)
    """
    return open_sheet(code_or_url).strokes


def open_sheet(code_or_url: str) -> Sheet:
    """The drawing of a code, or of the link that holds it, on its paper.

    Only what stands behind the # of a link is looked at; its host is never asked for anything. However long the code,
    and whatever it claims, this takes milliseconds.

    Raises:
        ShareError: no code, a damaged one, one of a newer version, or one of more than a hand can draw.
    """
    try:
        version, stream = _parts_of(_code_in(code_or_url.strip()))
        payload = _inflate(stream)
        if version > VERSION:
            raise _newer(version, payload)
        return _sheet_of(_unpack(payload))
    except ValueError as error:
        raise ShareError(f"the code is damaged: {error}; copy the whole link again") from error


def is_shared(text: str) -> bool:
    """Whether a text is meant as a link or a code, rather than as the name of a file.

    >>> is_shared("http://127.0.0.1:5000/#d=AXja"), is_shared("seven.png")
    (True, False)
    """
    text = text.strip()
    return _LINK.match(text) is not None or _KEY in text or _BARE.fullmatch(text) is not None


# ---- drawing to numbers ----


def _numbers_of(strokes: Strokes) -> Iterator[int]:
    x = y = 0
    for stroke in strokes:
        places = _thinned([(_steps(x), _steps(y)) for x, y in stroke.points])
        yield from (_steps(stroke.width), len(places))
        for to_x, to_y in places:
            yield from (_folded(to_x - x), _folded(to_y - y))
            x, y = to_x, to_y


def _thinned(places: list[_Place]) -> list[_Place]:
    """Leave out where the pen stood still: two points in one place make a corner, and more of them no other."""
    if len(set(places)) == 1:
        return places[:1]
    return [place for place, run in itertools.groupby(places) for place in itertools.islice(run, 2)]


def _steps(value: float) -> int:
    """In quarters of a unit, a half up, as JavaScript rounds."""
    return math.floor(value * STEPS + 0.5)


def _folded(number: int) -> int:
    return 2 * number if number >= 0 else -2 * number - 1


def _varint(number: int) -> bytes:
    low = [number >> shift & 127 for shift in range(0, max(number.bit_length(), 1), 7)]
    return bytes([*(part | 128 for part in low[:-1]), low[-1]])


# ---- text to drawing ----


def _code_in(text: str) -> str:
    if _LINK.match(text) is None and "#" not in text:
        return text.removeprefix("d=")
    parts = text.partition("#")[2].split("&")
    codes = [part.removeprefix("d=") for part in parts if part.startswith("d=")]
    if not codes:
        raise ShareError("the link holds no drawing: there is no #d= in it, and nothing else of a link is looked at")
    return codes[0]


def _parts_of(code: str) -> tuple[int, bytes]:
    """The version of a code, and its zlib stream."""
    if len(code) > MAX_CODE:
        raise ShareError(f"the code is longer than any drawing's, {MAX_CODE} characters")
    if not _CODE.fullmatch(code) or len(code) % 4 == 1:
        raise ValueError("it is not of the letters that a code has, or cut short")
    data = base64.urlsafe_b64decode(code + "=" * (-len(code) % 4))
    if data[0] < VERSION:
        raise ValueError("no code begins like it")
    return data[0], data[1:]


def _inflate(data: bytes) -> bytes:
    stream = zlib.decompressobj()
    try:
        payload = stream.decompress(data, MAX_PAYLOAD + 1)
    except zlib.error as error:
        raise ValueError("it does not inflate") from error
    if len(payload) > MAX_PAYLOAD:
        raise ShareError("the code holds more than any drawing has")
    if not stream.eof or stream.unused_data:
        raise ValueError("it is cut short, or has something after its end")
    return payload


def _newer(version: int, payload: bytes) -> Exception:
    """What is wrong with a whole stream of a later version: that alone, or else the version is what is garbled."""
    try:
        _sheet_of(_unpack(payload))
    except ValueError:
        return ShareError(f"the code is of version {version}, and this program reads version {VERSION}; upgrade it")
    return ValueError("it does not begin as it should")


def _unpack(payload: bytes) -> list[int]:
    numbers, number, shift = [], 0, 0
    for byte in payload:
        number |= (byte & 127) << shift
        shift += 7
        if byte < 128:
            numbers.append(number)
            number, shift = 0, 0
        elif shift == 7 * MAX_VARINT:
            raise ValueError("a number in it is too large")
    if shift:
        raise ValueError("it ends within a number")
    return numbers


def _sheet_of(numbers: list[int]) -> Sheet:
    rest = iter(numbers)
    paper = Paper(*(number / STEPS for number in _take(rest, 2)))
    [count] = _take(rest, 1)
    if count > MAX_STROKES:
        raise ValueError("it claims too many strokes")
    strokes = tuple(_strokes_of(rest, count))
    if next(rest, None) is not None:
        raise ValueError("something follows the last stroke")
    check_paper(paper)
    check_strokes(strokes)
    return Sheet(strokes, paper)


def _strokes_of(rest: Iterator[int], count: int) -> Iterator[Stroke]:
    x = y = 0
    for _ in range(count):
        width, length = _take(rest, 2)
        if length > MAX_POINTS:
            raise ValueError("it claims too many points")
        ways = _take(rest, 2 * length)
        across = list(itertools.accumulate(map(_unfolded, ways[::2]), initial=x))
        down = list(itertools.accumulate(map(_unfolded, ways[1::2]), initial=y))
        x, y = across[-1], down[-1]
        yield Stroke(width / STEPS, tuple(_points(across[1:], down[1:])))


def _points(across: Iterable[int], down: Iterable[int]) -> Iterator[tuple[float, float]]:
    return ((x / STEPS, y / STEPS) for x, y in zip(across, down, strict=True))


def _take(rest: Iterator[int], count: int) -> list[int]:
    taken = list(itertools.islice(rest, count))
    if len(taken) < count:
        raise ValueError("it ends too early")
    return taken


def _unfolded(number: int) -> int:
    return number >> 1 if number % 2 == 0 else -(number >> 1) - 1

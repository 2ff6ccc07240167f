"""Regression cases: drawings and pictures with what they must be read as, one small TOML file each.

    label = "7"                      # what it must be read as: a digit, a number, or "none" for no digit
    code = "AXja..."                 # a shared drawing; or else picture = "NAME.png", beside this file
    story = "A seven with a bar."
    known = "misread"                # only where it is read wrongly at present

A case is answered as the page answers it. One that is known to be misread is checked as well: once it is read right,
the mark has to go.
"""

import hashlib
import json
import re
import tomllib
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal

from inkdigit.batch import UNACCEPTED, Row, is_drawing, is_folder, predict_files, read_bytes
from inkdigit.errors import BlankImageError, ConfigError, InkdigitError, UnreadableImageError
from inkdigit.image import reencode
from inkdigit.number import LABELS
from inkdigit.pages import NumberReader, PageRow, answer_files, read_files
from inkdigit.recognizer import Recognizer
from inkdigit.share import encode, open_sheet
from inkdigit.structure import PAGE_LIMITS

NO_DIGIT: Final = "none"  # the label of what is not a digit
MISREAD: Final = "misread"
MAX_CASE_BYTES: Final = 256 * 1024  # of a TOML file; a code has at most 180,000

_NAME: Final = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,62}[a-z0-9])?", re.ASCII)
_DEVICES: Final = re.compile(r"con|prn|aux|nul|com[0-9]|lpt[0-9]")  # of Windows, whatever ending a file has
_LABEL: Final = re.compile(f"(?=.*[0-9])[{re.escape(LABELS)}]{{1,64}}|{NO_DIGIT}", re.ASCII)
_FIELDS: Final = frozenset({"label", "code", "picture", "story", "known"})

State = Literal["right", "misread", "known", "fixed"]


@dataclass(frozen=True, slots=True)
class Case:
    """What must be read as what.

    Attributes:
        name: of its file, without the ending: small letters, digits and hyphens.
        label: a digit, a number, or "none".
        source: the code of a shared drawing; None where a picture lies beside the file.
        story: what it shows and where it comes from, for people.
        known_misread: whether it is read wrongly at present.
    """

    name: str
    label: str
    source: str | None
    story: str = ""
    known_misread: bool = False

    def __post_init__(self) -> None:
        """Refuse a name that leads elsewhere, and a label that nothing can be read as.

        Raises:
            ConfigError: one of the two; the text says how they are written.
        """
        check_label(self.label)
        check_name(self.name)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a case was read as.

    Attributes:
        case: it.
        read: a digit, a number, "none", or what is wrong with the case.
    """

    case: Case
    read: str

    @property
    def state(self) -> State:
        """Whether that is as it should be ("right", or "known" to be misread), or not ("misread", or "fixed")."""
        if self.read == self.case.label:
            return "fixed" if self.case.known_misread else "right"
        return "known" if self.case.known_misread else "misread"


def check_label(label: str) -> None:
    """Refuse a label that nothing can be read as.

    Raises:
        ConfigError: it is such a label.
    """
    if not _LABEL.fullmatch(label):
        raise ConfigError(f"{label[:80]!r} is no label; it is a digit, a number, or {NO_DIGIT}")


def check_name(name: str) -> None:
    """Refuse a name that would lead out of the folder, or that some system cannot have.

    Raises:
        ConfigError: it is such a name.
    """
    if _DEVICES.fullmatch(name):
        raise ConfigError(f"{name!r} cannot name a case: Windows reserves that name; choose another")
    if not _NAME.fullmatch(name):
        raise ConfigError(f"{name[:80]!r} cannot name a case; use small letters, digits and hyphens, 64 at most")


def find_folder(start: Path) -> Path:
    """The cases of the checkout in which a folder lies.

    Raises:
        ConfigError: it lies in none.
    """
    for folder in (start, *start.parents):
        if (folder / "src" / "inkdigit").is_dir() and (folder / "tests").is_dir():
            return folder / "tests" / "cases"
    raise ConfigError("this is no checkout of Inkdigit; name a folder for cases with --cases or INKDIGIT_CASES")


# ---- reading and writing ----


def load_cases(folder: Path) -> list[Case]:
    """All cases of a folder, by name.

    Raises:
        ConfigError: there is no such folder, or a case in it is not written as it must be.
    """
    if not folder.is_dir():
        raise ConfigError(f"{folder} is no folder; add a case first, with `inkdigit case add`")
    return [load_case(folder, path.stem) for path in sorted(folder.glob("*.toml"))]


def load_case(folder: Path, name: str) -> Case:
    """One case of a folder.

    Raises:
        ConfigError: there is none of that name, or it is not written as it must be.
    """
    check_name(name)
    path = folder / f"{name}.toml"
    fields = _fields(path)
    picture, code = fields.get("picture"), fields.get("code")
    if (code is None) == (picture is None) or picture not in {None, f"{name}.png"}:
        raise ConfigError(f'{path} must have either a code or picture = "{name}.png"')
    if fields.get("known", MISREAD) != MISREAD:
        raise ConfigError(f'{path}: known can only be "{MISREAD}"')
    return Case(name, fields.get("label", ""), code, fields.get("story", ""), "known" in fields)


def _fields(path: Path) -> Mapping[str, str]:
    try:
        fields = tomllib.loads(_text(path))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError) as error:
        raise ConfigError(f"{path} is not TOML: {error}") from error
    if not fields.keys() <= _FIELDS or not all(isinstance(value, str) for value in fields.values()):
        raise ConfigError(f"{path} may have the fields {', '.join(sorted(_FIELDS))}, all of them text, and no other")
    return fields


def _text(path: Path) -> str:
    if path.is_symlink():
        raise ConfigError(f"{path} is a link to another place; a case is a file of its own")
    try:
        with path.open("rb") as file:
            data = file.read(MAX_CASE_BYTES + 1)
    except OSError as error:
        raise ConfigError(f"{path} cannot be read: {error.strerror}") from error
    if len(data) > MAX_CASE_BYTES:
        raise ConfigError(f"{path} is larger than any case")
    return data.decode("utf-8")


def add_case(
    folder: Path, source: str, label: str, name: str | None = None, story: str = "", known_misread: bool = False
) -> Case:
    """Write a case of a shared drawing, or of a picture, into a folder, which is made if it is not there.

    A picture is kept as a PNG of its own: its pixels, upright, and nothing else that its file held.

    Args:
        folder: where cases lie.
        source: the link or code of a drawing, the path of a picture, or "-" for one on standard input.
        label: what it must be read as.
        name: of the case; made of the label and the drawing if not given.
        story: what it shows, for people.
        known_misread: whether it is read wrongly at present.

    Raises:
        ImageError: the code or the picture cannot be read.
        ConfigError: the name or the label cannot be, or there is such a case already.
    """
    code, png = _kept(source)
    case = Case(name or _name_for(label, png or (code or "").encode()), label, code, story, known_misread)
    text, picture = (folder / f"{case.name}.{ending}" for ending in ("toml", "png"))
    if text.exists() or picture.exists():
        raise ConfigError(f"{text} is there already; give the case another --name")
    folder.mkdir(parents=True, exist_ok=True)
    if png is not None:
        picture.write_bytes(png)
    text.write_text(_as_toml(case), encoding="utf-8", newline="\n")
    return case


def _kept(source: str) -> tuple[str, None] | tuple[None, bytes]:
    """What a case holds: a code, or a PNG."""
    if is_drawing(source):
        sheet = open_sheet(source)
        return encode(sheet.strokes, sheet.paper), None
    if is_folder(source):
        raise UnreadableImageError("this is a folder; a case holds one picture")
    return None, reencode(read_bytes(source, PAGE_LIMITS.bytes))


def _name_for(label: str, held: bytes) -> str:
    """A name for a case without one: what it must be read as, and the beginning of a digest."""
    return f"{re.sub('[^a-z0-9]+', '-', label).strip('-')}-{hashlib.sha256(held).hexdigest()[:8]}"


def _as_toml(case: Case) -> str:
    held = {"picture": f"{case.name}.png"} if case.source is None else {"code": case.source}
    fields = {"label": case.label, **held, "story": case.story} | ({"known": MISREAD} if case.known_misread else {})
    return "".join(f"{name} = {_quoted(text)}\n" for name, text in fields.items())


def _quoted(text: str) -> str:
    """A basic string of TOML, which is JSON's but for one control character; what is no text is written out."""
    text = text.encode("utf-8", "backslashreplace").decode("utf-8")
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")


# ---- checking ----


def run_cases(
    cases: Iterable[Case], folder: Path, load: Callable[[], Recognizer], load_reader: Callable[[], NumberReader]
) -> Iterator[Outcome]:
    """Read cases, and tell of each what it was read as.

    Args:
        cases: of the folder.
        folder: where their pictures lie.
        load: gives the recognizer, each time the same.
        load_reader: gives the reader; only numbers ask for it.
    """
    for case in cases:
        yield Outcome(case, _text_of(_row(case, folder, load, load_reader)))


def _row(
    case: Case, folder: Path, load: Callable[[], Recognizer], load_reader: Callable[[], NumberReader]
) -> Row | PageRow:
    if case.source is not None:
        return next(answer_files([case.source], load, load_reader))
    picture = folder / f"{case.name}.png"
    if picture.is_symlink():
        raise ConfigError(f"{picture} is a link to another place; a picture of a case is a file of its own")
    if case.label == NO_DIGIT or len(case.label) == 1:
        return next(predict_files([str(picture)], load))
    return next(read_files([str(picture)], load_reader))


def _text_of(row: Row | PageRow) -> str:
    result: Any = row.result
    if isinstance(result, BlankImageError):
        return NO_DIGIT  # as `evaluate` counts it: no ink is no digit
    if isinstance(result, InkdigitError):
        return f"error: {result}"
    return NO_DIGIT if result.text in {UNACCEPTED, ""} else str(result.text)

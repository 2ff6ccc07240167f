"""Examining an installation, offline: what is unsafe, what is broken, and what helps. Nothing is changed.

Each check looks at one thing and says what it found; none of them says a key, a password or a drawing.
"""

import errno
import importlib.util
import os
import shutil
import socket
import stat
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from importlib.metadata import PackageNotFoundError, requires, version
from pathlib import Path
from typing import TYPE_CHECKING, Final

from inkdigit.access import KeyFile, Scope
from inkdigit.config import Settings, core_count, is_loopback, package_version
from inkdigit.errors import InkdigitError, NoStoreError
from inkdigit.table import counted

if TYPE_CHECKING:
    from inkdigit.registry import Version

OLDEST_PYTHON: Final = (3, 11)
LOW_DISK, VERY_LOW_DISK = 2**30, 100 * 2**20  # bytes
STORE_TIMEOUT_S: Final = 2.0
NO_STORE: Final = "none yet; the first correction makes it"
SANE: Final = datetime(2026, 1, 1, tzinfo=UTC)  # no clock that goes right stands before it
EXTRAS: Final = {
    "read": "cv2",
    "postgres": "psycopg",
    "otel": "opentelemetry.sdk",
    "parquet": "pyarrow",
    "ray": "ray",
    "ray-serve": "a2wsgi",
    "train": "keras",
}
"""A module of each extra that nothing else brings along."""

_LONGEST_NAME: Final = 64  # characters of what a pointer names that may be anything
FEW_CHARACTERS: Final = 8  # different ones, in an admin key that nobody made up at random


class Level(StrEnum):
    """How bad a finding is."""

    FINE = "fine"
    NOTE = "note"
    UNSAFE = "unsafe"
    BROKEN = "broken"


@dataclass(frozen=True, slots=True)
class Finding:
    """What a check found.

    Attributes:
        about: the thing that was looked at.
        level: how bad it is.
        text: what was found.
        remedy: what to do about it; empty where nothing need be done.
    """

    about: str
    level: Level
    text: str
    remedy: str = ""


@dataclass(frozen=True, slots=True)
class Installation:
    """What is examined.

    Attributes:
        settings: of the server.
        home: folder of model versions.
        keys: the file of API keys.
        database: where corrections are kept.
    """

    settings: Settings
    home: Path
    keys: KeyFile
    database: str | Path


def examine(found: Installation) -> Iterator[Finding]:
    """Look at everything, one thing after the other; what fails in an unforeseen way is a finding as well."""
    for check in CHECKS:
        try:
            yield from check(found)
        except InkdigitError as error:
            yield Finding(check.__name__.strip("_"), Level.BROKEN, str(error), "see the message")
        except OSError as error:
            text = f"it cannot be looked at ({error.strerror})"
            yield Finding(check.__name__.strip("_"), Level.BROKEN, text, "run this as the user who serves")


def _python(_found: Installation) -> Iterator[Finding]:
    running = ".".join(map(str, sys.version_info[:3]))
    text = f"Inkdigit {package_version()} on Python {running}, {sys.platform}"
    if sys.version_info < OLDEST_PYTHON:
        yield Finding("python", Level.BROKEN, text, "install Python 3.11 or newer")
    else:
        yield Finding("python", Level.FINE, text)


def _packages(_found: Installation) -> Iterator[Finding]:
    names = sorted({_name_of(line) for line in _required() if "extra ==" not in line})
    missing = [name for name in names if _version_of(name) is None]
    if missing:
        remedy = "run: pip install --force-reinstall inkdigit"
        yield Finding("packages", Level.BROKEN, f"missing: {', '.join(missing)}", remedy)
    there = ", ".join(f"{name} {_version_of(name)}" for name in names if name not in missing)
    yield Finding("packages", Level.FINE, there or "run from a source tree, whose requirements are not known")


def _extras(found: Installation) -> Iterator[Finding]:
    needed = {"postgres": "the database"} if str(found.database).startswith("postgresql") else {}
    needed |= {"otel": "INKDIGIT_TRACING"} if found.settings.tracing else {}
    for extra, module in EXTRAS.items():
        install = f"pip install 'inkdigit[{extra}]'"
        if _is_installed(module):
            yield Finding(f"extra {extra}", Level.FINE, "installed")
        elif extra in needed:
            text = f"not installed, and {needed[extra]} needs it"
            yield Finding(f"extra {extra}", Level.BROKEN, text, f"run: {install}")
        else:
            yield Finding(f"extra {extra}", Level.NOTE, "not installed", f"where it is wanted: {install}")


def _models(found: Installation) -> Iterator[Finding]:
    """Every version by its digests and a known picture; one that reads or ought to is worse damaged than another."""
    from inkdigit.reader import POINTER
    from inkdigit.registry import CURRENT, history, list_versions

    versions = list_versions(found.home)
    promoted = {name for pointer in (CURRENT, POINTER) for name in history(found.home, pointer)[:1]}
    for one in versions:
        yield _model(one, found.home, one.name in promoted)
    for name in sorted(promoted - {one.name for one in versions}):
        text = "it was promoted and is gone; another one reads in its place"
        yield Finding(f"model {name[:_LONGEST_NAME]}", Level.BROKEN, text, _anew(None))


def _model(one: "Version", home: Path, is_promoted: bool) -> Finding:
    from inkdigit.registry import verify, version_folder

    about = f"model {one.name}"
    try:
        verify(one.path)
        if is_promoted:
            version_folder(one.name, home)  # which no card may call otherwise
    except InkdigitError as error:
        in_its_place = "; it was promoted, and another one reads in its place" * (is_promoted and not one.current)
        level = Level.BROKEN if one.current or is_promoted else Level.NOTE
        return Finding(about, level, f"{error}{in_its_place}", _anew(one.path))
    return Finding(about, Level.FINE, f"whole, and answers as its card says{' (current)' * one.current}")


def _anew(folder: Path | None) -> str:
    from inkdigit.recognizer import shipped_models

    if folder is not None and folder.parent == shipped_models():
        return "install inkdigit again: pip install --force-reinstall inkdigit"
    return "import it anew, or `inkdigit models rollback`"


def _chosen(found: Installation) -> Iterator[Finding]:
    """The models that the settings name, which a server would load."""
    from inkdigit.recognizer import Recognizer

    if found.settings.model is not None:
        loaded = Recognizer.load(found.settings.model, home=found.home)
        yield Finding("model", Level.FINE, f"INKDIGIT_MODEL loads {loaded.version}")


def _reader(found: Installation) -> Iterator[Finding]:
    if not _is_installed(EXTRAS["read"]):
        text = "no whole numbers are read: OpenCV is not installed"
        yield Finding("reader", Level.NOTE, text, "where they are wanted: pip install 'inkdigit[read]'")
        return
    from inkdigit.reader import POINTER, Reader
    from inkdigit.registry import current

    where = found.settings.reader or current(found.home, POINTER)
    yield Finding("reader", Level.FINE, f"{Reader.load(where, home=found.home).version} loads")


def _store(found: Installation) -> Iterator[Finding]:
    """Whether corrections can be kept; a store that is not there yet is made by the first of them."""
    from inkdigit.feedback import FeedbackStore

    is_url = isinstance(found.database, str) and "://" in found.database
    if not is_url and not Path(found.database).exists():
        obstacle = _obstacle(Path(found.database))
        if obstacle is None:
            yield Finding("store", Level.FINE, NO_STORE)
        else:
            remedy = "see who may write there, or set INKDIGIT_DATABASE"
            yield Finding("store", Level.BROKEN, f"none yet, and none can be made: {obstacle}", remedy)
        return
    try:
        with FeedbackStore.open(found.database, read_only=True, timeout_s=STORE_TIMEOUT_S) as store:
            counts = store.count()
    except NoStoreError:
        yield Finding("store", Level.FINE, NO_STORE)
        return
    yield Finding("store", Level.FINE, f"opens, of this version, with {counted(sum(counts.values()), 'drawing')}")
    if not is_url:
        yield from _integrity(Path(found.database))


def _integrity(file: Path) -> Iterator[Finding]:
    import sqlite3

    try:
        with closing(sqlite3.connect(f"{file.absolute().as_uri()}?mode=ro", uri=True)) as connection:
            [said] = connection.execute("PRAGMA quick_check(1)").fetchone()
    except sqlite3.Error as error:
        said = str(error)
    if said != "ok":
        remedy = "keep a copy of the file, and import the last export into a new one"
        yield Finding("store", Level.BROKEN, f"the file is damaged: {said[:100]}", remedy)
    if _others_may(file, stat.S_IRWXG | stat.S_IRWXO):
        yield Finding("store", Level.UNSAFE, f"others may open people's drawings in {file}", f"run: chmod 600 {file}")


def _disk(found: Installation) -> Iterator[Finding]:
    for about, place in {"home": found.home, "keys": found.keys.path}.items():
        free = shutil.disk_usage(_nearest(place)).free
        level = Level.BROKEN if free < VERY_LOW_DISK else Level.UNSAFE if free < LOW_DISK else Level.FINE
        remedy = "" if level is Level.FINE else "make room, or set INKDIGIT_HOME to another disk"
        yield Finding(f"disk of {about}", level, f"{free / 2**30:,.1f} GiB free", remedy)
        if found.keys.path.parent == found.home:
            return


def _home(found: Installation) -> Iterator[Finding]:
    obstacle = _obstacle(found.home)
    if not found.home.exists() and obstacle is None:
        yield Finding("home", Level.FINE, f"{found.home} is made when it is needed")
    elif not found.home.exists():
        text = f"{found.home} cannot be made: {obstacle}, so nothing can be promoted"
        yield Finding("home", Level.NOTE, text, "fine for a server; else see who may write there, or set INKDIGIT_HOME")
    elif _others_may(found.home, stat.S_IWGRP | stat.S_IWOTH):
        text = f"others may put models and keys into {found.home}"
        yield Finding("home", Level.UNSAFE, text, f"run: chmod go-w {found.home}")
    elif not os.access(found.home, os.W_OK):
        text = f"{found.home} may not be written to, so nothing can be promoted"
        yield Finding("home", Level.NOTE, text, "fine for a server; else run this as its owner")
    else:
        yield Finding("home", Level.FINE, f"{found.home} is its owner's")


def _keys(found: Installation) -> Iterator[Finding]:
    keys, now = found.keys.read(), datetime.now(UTC)
    good = [key for key in keys if key.standing(now) == "good"]
    yield Finding("keys", Level.FINE, f"{len(good)} good, {len(keys) - len(good)} expired or revoked")
    if keys and _others_may(found.keys.path, stat.S_IRGRP | stat.S_IROTH):
        remedy = f"run: chmod 600 {found.keys.path}"
        yield Finding("keys", Level.NOTE, f"others may read the hashes in {found.keys.path}", remedy)
    for key in good:
        if Scope.ADMIN in key.scopes and key.expires is None:
            remedy = "give admin keys an end: inkdigit keys make --scope admin --expires 365"
            yield Finding("keys", Level.NOTE, f"the admin key {key.id} never expires", remedy)


def _admin_key(found: Installation) -> Iterator[Finding]:
    key = found.settings.admin_key
    if key is None:
        return
    if len(set(key)) < FEW_CHARACTERS or key.isalpha() or key.isdecimal():
        remedy = "make a random one: inkdigit keys make --name NAME --scope admin"
        yield Finding("admin key", Level.UNSAFE, "INKDIGIT_ADMIN_KEY can be guessed", remedy)
    else:
        yield Finding("admin key", Level.FINE, "INKDIGIT_ADMIN_KEY is set, and not easy to guess")


def _address(found: Installation) -> Iterator[Finding]:
    settings = found.settings
    any_key = settings.admin_key is not None or bool(found.keys.read())
    where = f"{settings.host} port {settings.port}"
    if settings.public and not is_loopback(settings.host):
        remedy = "see that this is meant; else take --public away and make keys"
        yield Finding("address", Level.UNSAFE, f"{where} is public: everyone who reaches it can use it", remedy)
    elif not any_key and (settings.require_key or not is_loopback(settings.host)):
        remedy = "run: inkdigit keys make --name NAME"
        yield Finding("address", Level.BROKEN, f"a server on {where} does not start without a key", remedy)
    elif settings.trusted_hosts and not any_key and not settings.public:
        text = f"{where} answers to {', '.join(settings.trusted_hosts)} and asks nobody for a key"
        yield Finding("address", Level.UNSAFE, text, "make a key, or see that the proxy in front checks who comes")
    else:
        asks = "everyone" if settings.require_key else "who comes from elsewhere" if any_key else "nobody"
        yield Finding("address", Level.FINE, f"{where}, asks {asks} for a key")


def _port(found: Installation) -> Iterator[Finding]:
    settings = found.settings
    try:
        with _opened(settings.host, settings.port):
            yield Finding("port", Level.FINE, f"{settings.port} is free")
    except (OSError, UnicodeError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        text = f"{settings.host} port {settings.port} cannot be had now ({reason})"
        if getattr(error, "errno", None) == errno.EADDRINUSE:
            remedy = "fine if it is the server; else choose another with --port or --host"
            yield Finding("port", Level.NOTE, text, remedy)
        else:
            yield Finding("port", Level.BROKEN, text, "choose others with --port and --host")


def _opened(host: str, port: int) -> socket.socket:
    """The port on the address on which a server would have to get it."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    family, _, _, _, (address, *_) = min(found, key=lambda entry: entry[0] != socket.AF_INET)
    return socket.create_server((str(address), port), family=family)


def _cores(found: Installation) -> Iterator[Finding]:
    cores = core_count()
    workers, threads = found.settings.workers, found.settings.threads
    text = f"{counted(cores, 'core')}, {counted(workers or cores, 'worker')} of {counted(threads, 'thread')}"
    if workers > 2 * cores:
        yield Finding("cores", Level.NOTE, text, "more workers than cores cost memory; try --workers auto")
    else:
        yield Finding("cores", Level.FINE, text)


def _clock(_found: Installation) -> Iterator[Finding]:
    now = datetime.fromtimestamp(time.time(), UTC)
    if now < SANE:
        text = f"the clock says {now:%Y-%m-%d}: keys do not expire, and corrections get wrong dates"
        yield Finding("clock", Level.UNSAFE, text, "set the clock")
    else:
        yield Finding("clock", Level.FINE, f"{now:%Y-%m-%d %H:%M} UTC")


CHECKS: Final[tuple[Callable[[Installation], Iterator[Finding]], ...]] = (
    _python,
    _packages,
    _extras,
    _models,
    _chosen,
    _reader,
    _store,
    _disk,
    _home,
    _keys,
    _admin_key,
    _address,
    _port,
    _cores,
    _clock,
)


def _is_installed(module: str) -> bool:
    try:
        return importlib.util.find_spec(module) is not None
    except ModuleNotFoundError:  # of the package that it is a part of
        return False


def _nearest(place: Path) -> Path:
    """The place, or the nearest folder above it that is there."""
    return next(folder for folder in (place, *place.absolute().parents) if folder.exists())


def _obstacle(place: Path) -> str | None:
    """Why a file or folder cannot be made there; None if it can."""
    there = _nearest(place)
    if not there.is_dir():
        return f"{there} is no folder"
    return None if os.access(there, os.W_OK | os.X_OK) else f"{there} may not be written to"


def _others_may(path: Path, rights: int) -> bool:
    """Whether others than its owner have some of these rights; Windows has no such ones."""
    return sys.platform != "win32" and bool(path.stat().st_mode & rights)


def _required() -> list[str]:
    try:
        return requires("inkdigit") or []
    except PackageNotFoundError:
        return []


def _name_of(requirement: str) -> str:
    return next((requirement[:end] for end, sign in enumerate(requirement) if sign in " <>=!~;[("), requirement)


def _version_of(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None

"""What is built and installed: the wheel, the locked dependencies, and the scripts that set both up."""

import io
import os
import re
import shlex
import shutil
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from collections.abc import Callable
from email.parser import HeaderParser
from pathlib import Path

import pytest

from inkdigit.recognizer import shipped_models

ROOT = Path(__file__).parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
PROJECT_FILES = [
    *tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]["hatch"]["build"]["targets"]["sdist"][
        "include"
    ],
    "pyproject.toml",
]
LOCKS = sorted(path.name for path in (ROOT / "constraints").glob("*.txt"))
posix = pytest.mark.skipif(sys.platform == "win32", reason="the scripts are for bash")


# --- the wheel


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built by the locked build backend, without the network."""
    out = tmp_path_factory.mktemp("wheel")
    build = [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", str(out)]
    subprocess.run(build, cwd=ROOT, check=True, capture_output=True)
    return next(out.glob("*.whl"))


@pytest.fixture(scope="module")
def contents(wheel: Path) -> set[str]:
    with zipfile.ZipFile(wheel) as archive:
        return set(archive.namelist())


def test_the_wheel_holds_every_file_of_the_shipped_model(contents: set[str]) -> None:
    current = (shipped_models() / "current").read_text("utf-8").strip()
    listed = (shipped_models() / current / "SHA256SUMS").read_text("utf-8").split()[1::2]

    expected = {"current", f"{current}/SHA256SUMS", *(f"{current}/{name}" for name in listed)}
    assert {f"inkdigit/models/{name}" for name in expected} <= contents


@pytest.mark.parametrize(
    "folder", ["server/templates", "server/static", "reports/templates", "training/templates", "bulk/templates"]
)
def test_the_wheel_holds_every_template_and_every_file_of_the_page(contents: set[str], folder: str) -> None:
    source = ROOT / "src" / "inkdigit" / folder
    files = {f"inkdigit/{folder}/{path.relative_to(source).as_posix()}" for path in source.rglob("*") if path.is_file()}

    assert files
    assert files <= contents


@pytest.mark.parametrize("name", ["py.typed", "model_card.md"])
def test_the_wheel_holds_the_mark_of_a_typed_package_and_the_form_of_a_card(contents: set[str], name: str) -> None:
    assert f"inkdigit/{name}" in contents


def test_the_wheel_holds_the_package_and_its_description_and_nothing_else(contents: set[str]) -> None:
    assert {name.split("/")[0] for name in contents} == {"inkdigit", f"inkdigit-{PROJECT['version']}.dist-info"}
    assert [name for name in contents if "__pycache__" in name or name.endswith(".pyc")] == []


def test_the_wheel_states_its_licence_and_its_extras(wheel: Path) -> None:
    folder = f"inkdigit-{PROJECT['version']}.dist-info"
    with zipfile.ZipFile(wheel) as archive:
        metadata = HeaderParser().parsestr(archive.read(f"{folder}/METADATA").decode())
        licence = archive.read(f"{folder}/licenses/LICENSE").decode()

    assert metadata["License-Expression"] == "MIT"
    assert "MIT" in licence
    assert set(metadata.get_all("Provides-Extra", [])) == set(PROJECT["optional-dependencies"])


def test_an_installed_wheel_reads_a_digit_without_the_network(wheel: Path, tmp_path: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(tmp_path)
    program = """
import socket
def refuse(*_): raise OSError("no network")
socket.socket.connect = socket.getaddrinfo = refuse
import io, sys, inkdigit
from PIL import Image, ImageDraw
picture, png = Image.new("L", (100, 100), "white"), io.BytesIO()
ImageDraw.Draw(picture).line([(30, 25), (70, 25), (45, 80)], fill="black", width=7)
picture.save(png, "PNG")
image = inkdigit.normalize(inkdigit.read_image(png.getvalue()))
print(inkdigit.__file__, inkdigit.Recognizer.load().predict(image[None])[0].label)
"""
    environment = os.environ | {"PYTHONPATH": str(tmp_path)}
    run = subprocess.run([sys.executable, "-c", program], env=environment, cwd=tmp_path, capture_output=True, text=True)

    assert run.stdout.split() == [str(tmp_path / "inkdigit" / "__init__.py"), "7"], run.stderr


# --- built again

EVERYWHERE = [*PROJECT_FILES, ".gitignore"]
BUILD = "umask {umask}; exec {python} -m hatchling build --directory {out}"


def built(checkout: Path, umask: str, **environment: str) -> dict[str, bytes]:
    """The bytes of wheel and source archive, built in a checkout."""
    out = checkout.parent / f"{checkout.name} built"
    command = BUILD.format(umask=umask, python=shlex.quote(sys.executable), out=shlex.quote(str(out)))
    subprocess.run(["sh", "-c", command], cwd=checkout, env=os.environ | environment, check=True, capture_output=True)
    return {path.suffix: path.read_bytes() for path in out.iterdir()}


@pytest.fixture(scope="module")
def twice(tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, bytes], dict[str, bytes]]:
    """What is built here and in another year, at two places, by people whose computers differ."""
    folders = [tmp_path_factory.mktemp("here") / "checkout", tmp_path_factory.mktemp("there") / "another place"]
    for folder in folders:
        folder.mkdir()
        for name in EVERYWHERE:
            copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copy
            copy(ROOT / name, folder / name)
    for path in folders[1].rglob("*"):
        os.utime(path, (10**9, 10**9))
    here = built(folders[0], "022", TZ="UTC", LC_ALL="C", PYTHONHASHSEED="1")
    return here, built(folders[1], "077", TZ="Asia/Kathmandu", LC_ALL="C.UTF-8", PYTHONHASHSEED="2")


@posix
@pytest.mark.parametrize("kind", [".whl", ".gz"])
def test_a_build_is_the_same_to_the_byte_wherever_and_whenever_it_is_made(
    kind: str, twice: tuple[dict[str, bytes], dict[str, bytes]]
) -> None:
    here, there = twice

    assert here[kind] == there[kind]


@posix
def test_the_source_archive_holds_the_projects_files_and_nothing_else(
    twice: tuple[dict[str, bytes], dict[str, bytes]],
) -> None:
    with tarfile.open(fileobj=io.BytesIO(twice[0][".gz"])) as archive:
        members = archive.getmembers()

    top = f"inkdigit-{PROJECT['version']}"
    names = {member.name.partition("/")[2] for member in members}
    ours = {name for name in tracked_names() if name.split("/")[0] in PROJECT_FILES}
    assert {member.name.partition("/")[0] for member in members} == {top}
    assert all(member.isfile() for member in members)
    assert names - ours == {"PKG-INFO", ".gitignore"}
    assert ours - names == set()


def tracked_names() -> set[str]:
    """The files under version control; where there is none, those that the archive came with."""
    if not (ROOT / ".git").exists():
        found = {path.relative_to(ROOT) for name in PROJECT_FILES for path in [ROOT / name, *(ROOT / name).rglob("*")]}
        return {path.as_posix() for path in found if (ROOT / path).is_file() and "__pycache__" not in path.parts}
    listed = subprocess.run(["git", "-c", "safe.directory=*", "ls-files", "-z"], cwd=ROOT, capture_output=True)
    return {name for name in listed.stdout.decode().split("\0") if name and (ROOT / name).is_file()}


# --- licences


def licences() -> dict[str, str]:
    text = (ROOT / "docs" / "licences.md").read_text("utf-8")
    return dict(re.findall(r"^\| ([a-z0-9._-]+) \| (.+) \|$", text, re.MULTILINE))


def test_the_page_of_licences_is_what_the_installed_packages_say() -> None:
    program = ROOT / "scripts" / "licences.py"
    printed = subprocess.run([sys.executable, program], capture_output=True, check=True).stdout.decode()

    assert printed.splitlines() == (ROOT / "docs" / "licences.md").read_text("utf-8").splitlines()


def test_every_package_of_the_container_has_a_licence_that_lets_it_be_served_with() -> None:
    permissive = {
        "0BSD",
        "Apache-2.0",
        "BSD-2-Clause",
        "BSD-3-Clause",
        "CC0-1.0",
        "MIT",
        "MIT-CMU",
        "PSF-2.0",
        "ZPL-2.1",
        "Zlib",
    }
    weak = {"LGPL-2.1-or-later", "LGPL-3.0-only", "MPL-2.0"}  # of libraries that are used as they are
    words = {name: set(re.split(r" (?:AND|OR|and) ", licence)) for name, licence in licences().items()}

    assert set(words) <= set(requirements("container.txt"))
    assert {"flask", "numpy", "onnxruntime"} <= set(words)
    assert {name: stated for name, stated in words.items() if not stated <= permissive | weak} == {}


# --- the locked dependencies


def requirements(lock: str) -> dict[str, str]:
    """The text of each requirement of a lock file, by the name of its package."""
    text = re.sub(r"^ *#.*\n", "", (ROOT / "constraints" / lock).read_text("utf-8"), flags=re.MULTILINE)
    blocks = re.split(r"\n(?=\S)", text.strip())
    return {re.split(r"[\[=;\s]", block)[0]: block for block in blocks}


def names(dependencies: list[str]) -> set[str]:
    return {re.split(r"[<>=;!~ \[]", dependency)[0].lower() for dependency in dependencies}


@pytest.mark.parametrize("lock", LOCKS)
def test_every_locked_package_has_one_version_and_hashes(lock: str) -> None:
    pinned = re.compile(r"[^\s\[=]+(?:\[[^\]]+\])?==\S+[^\n]*\\\n +--hash=sha256:")  # extras have spaces between them

    assert [name for name, block in requirements(lock).items() if not pinned.match(block)] == []


@pytest.mark.parametrize("lock", LOCKS)
def test_lock_files_name_no_place(lock: str) -> None:
    text = (ROOT / "constraints" / lock).read_text("utf-8")

    assert re.findall(r"://|--(?:extra-)?index-url|--find-links|file:|^/|@ ", text) == []


def test_everything_that_serving_needs_is_locked() -> None:
    assert names(PROJECT["dependencies"]) | {"hatchling"} <= set(requirements("serve.txt"))


def test_everything_that_the_tests_need_is_locked() -> None:
    apart = {"ray", "ray-serve"}  # large, and tested in an environment of its own
    extras = {name: extra for name, extra in PROJECT["optional-dependencies"].items() if name not in apart}

    needed = [dependency for extra in extras.values() for dependency in extra]
    assert names(needed) | set(requirements("serve.txt")) <= set(requirements("test.txt"))


def test_the_container_serves_with_the_versions_of_everybody() -> None:
    serve, container = requirements("serve.txt"), requirements("container.txt")

    assert set(container) - set(serve) <= {"psycopg", "psycopg-binary", "tzdata"}
    assert [name for name, block in container.items() if serve.get(name, block) != block] == []


def test_serving_installs_nothing_of_training() -> None:
    assert names(PROJECT["optional-dependencies"]["train"]) & set(requirements("serve.txt")) == set()


# --- the scripts


@posix
@pytest.mark.parametrize(
    "script", ["scripts/serve", "scripts/test", "scripts/check", "scripts/lock", "scripts/supply", ".ci/run"]
)
def test_scripts_can_be_run(script: str) -> None:
    parsed = subprocess.run(["bash", "-n", ROOT / script], capture_output=True)

    assert os.access(ROOT / script, os.X_OK)
    assert (parsed.returncode, parsed.stderr) == (0, b"")


FAKE_UV = """#!/bin/sh
echo "$@" >>"$UV_LOG"
case "$*" in
*--editable*) ;;
*"$UV_FAILS_AT"*) exit 1 ;;
venv*) for folder; do :; done; mkdir -p "$folder/bin"; ln -s "$UV_PYTHON" "$folder/bin/python" ;;
esac
"""
INSTALLS_ALL = ["venv", "pip install --require-hashes", "pip install --editable"]


@pytest.fixture
def set_up(tmp_path: Path) -> Callable[..., list[str]]:
    """Sets a checkout up with a stand-in for uv, and tells what it was asked to do."""
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "uv").write_text(FAKE_UV)
    (tmp_path / "bin" / "uv").chmod(0o755)
    log = tmp_path / "log"

    def run(checkout: Path, *, fails_at: str = "never", code: int = 0) -> list[str]:
        log.write_text("")
        stand_in = {"UV_LOG": str(log), "UV_FAILS_AT": fails_at, "UV_PYTHON": sys.executable}
        environment = os.environ | stand_in | {"PATH": f"{tmp_path / 'bin'}:{os.environ['PATH']}"}
        command = "set -euo pipefail; source scripts/venv.sh; make_venv .venv constraints/serve.txt 14"
        done = subprocess.run(["bash", "-c", command], cwd=checkout, env=environment, capture_output=True)
        assert done.returncode == code, done.stderr
        return [summary(line) for line in log.read_text().splitlines()]

    return run


def summary(call: str) -> str:
    verbs = re.match(r"[a-z ]+", call)
    option = re.search(r"--require-hashes|--editable", call)
    return " ".join(part[0].strip() for part in (verbs, option) if part)


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    folder = tmp_path / "check out"
    folder.mkdir()
    for part in ("scripts", "constraints"):
        shutil.copytree(ROOT / part, folder / part)
    shutil.copy(ROOT / "pyproject.toml", folder)
    return folder


@posix
def test_the_first_start_installs_and_the_second_asks_for_nothing(
    set_up: Callable[..., list[str]], checkout: Path
) -> None:
    assert set_up(checkout) == INSTALLS_ALL
    assert set_up(checkout) == []


@posix
def test_an_interrupted_set_up_is_begun_anew(set_up: Callable[..., list[str]], checkout: Path) -> None:
    set_up(checkout, fails_at="--require-hashes", code=1)

    assert set_up(checkout) == INSTALLS_ALL


@posix
def test_other_locked_versions_are_installed_anew(set_up: Callable[..., list[str]], checkout: Path) -> None:
    set_up(checkout)
    with (checkout / "constraints" / "serve.txt").open("a") as lock:
        lock.write("# another\n")

    assert set_up(checkout) == INSTALLS_ALL


@posix
def test_a_changed_project_is_installed_again_without_its_dependencies(
    set_up: Callable[..., list[str]], checkout: Path
) -> None:
    set_up(checkout)
    with (checkout / "pyproject.toml").open("a") as project:
        project.write("# another\n")

    assert set_up(checkout) == ["pip install --editable"]


@posix
def test_a_checkout_that_was_moved_is_set_up_anew(
    set_up: Callable[..., list[str]], checkout: Path, tmp_path: Path
) -> None:
    set_up(checkout)

    assert set_up(checkout.rename(tmp_path / "moved")) == INSTALLS_ALL


@posix
def test_an_environment_whose_python_is_gone_is_set_up_anew(set_up: Callable[..., list[str]], checkout: Path) -> None:
    set_up(checkout)
    (checkout / ".venv" / "bin" / "python").unlink()

    assert set_up(checkout) == INSTALLS_ALL

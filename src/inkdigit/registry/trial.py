"""Whether a model is whole: its digests here, its first answers in a child process that may die of them."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Final

from inkdigit.errors import ModelError
from inkdigit.recognizer import check_digests, shipped_models, verify_model_folder
from inkdigit.registry.folders import read_card, reads_lines

TIMEOUT_S: Final[dict[str, float]] = {"model": 120, "keras": 480}


def verify(path: Path) -> None:
    """Check every file of a model folder against its digests, load the model and ask it its canary.

    A model that did not come with the program does the latter in a child process, with bounds on memory and time.

    Raises:
        ModelError: a file is missing or changed, or the model does not answer as its card says.
    """
    check_digests(path)
    if path.parent.resolve() != shipped_models().resolve():
        try_apart("model", path)
    elif reads_lines(read_card(path)):
        from inkdigit.reader import Reader

        Reader.load(path)
    else:
        verify_model_folder(path)


def try_apart(what: str, path: Path) -> bool:
    """Try a model folder ("model") or a Keras file ("keras") in a child process.

    Returns:
        Whether it was opened: without Keras, a Keras file is only looked through.

    Raises:
        ModelError: it is refused, or the child did not live to tell.
    """
    command = [sys.executable, "-P", "-B", "-m", "inkdigit.registry.child", what, str(path.resolve())]
    try:
        child = subprocess.run(  # noqa: S603 - our own program
            command, env=_environment(), stdin=subprocess.DEVNULL, capture_output=True, timeout=TIMEOUT_S[what]
        )
    except subprocess.TimeoutExpired as error:
        raise ModelError(f"{path} was still not tried out after {TIMEOUT_S[what]:g} s, and is refused") from error
    except OSError as error:
        raise ModelError(f"{path} cannot be tried out: {error}") from error
    verdict = _verdict(child.stdout)
    if verdict is None:
        raise ModelError(f"{path} ended the process that it was tried in ({_end_of(child)}), and is refused")
    if "refused" in verdict:
        raise ModelError(str(verdict["refused"]))
    return bool(verdict.get("opened"))


def _verdict(output: bytes) -> dict[str, str | bool] | None:
    try:
        verdict = json.loads(output.splitlines()[-1])
    except (IndexError, ValueError):
        return None
    return verdict if isinstance(verdict, dict) else None


def _end_of(child: "subprocess.CompletedProcess[bytes]") -> str:
    lines = child.stderr.decode(errors="replace").strip().splitlines()
    return lines[-1] if lines else f"code {child.returncode}"


def _environment() -> dict[str, str]:
    """Where the child finds this program, and that its libraries start no threads, each of which takes memory."""
    path = os.pathsep.join(filter(None, [str(Path(__file__).parents[2]), os.environ.get("PYTHONPATH")]))
    one_thread = ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS")
    quiet = dict.fromkeys(one_thread, "1") | {"MALLOC_ARENA_MAX": "2", "TF_CPP_MIN_LOG_LEVEL": "3"}
    return {**os.environ, **quiet, "PYTHONPATH": path}

"""The report of a training run: one HTML file that needs nothing else."""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from inkdigit.training.dataset import Digits


def write_report(
    path: Path, card: dict[str, Any], history: list[dict[str, float]], test: Digits, probabilities: NDArray[np.float32]
) -> None:
    path.write_text(f"<!doctype html><title>{card['version']}</title>")

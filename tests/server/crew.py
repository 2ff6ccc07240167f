"""A server of two workers in a process of its own, `python -m tests.server.crew`: each answers with its number."""

import os
import sys
import time
from pathlib import Path
from typing import Any

from flask import Flask

from inkdigit import ConfigError, Prediction
from inkdigit.config import Settings
from inkdigit.server import create_app
from inkdigit.server.limits import limits_of
from inkdigit.server.metrics import Metrics
from inkdigit.server.observing import Watch
from inkdigit.server.workers import COUNTS, TABLE, serve_with_workers

SETTINGS = Settings(port=0, workers=2, feedback_per_minute=5, drain_notice_s=0.5)


class Numbered:
    """Answers with the number of its process; slowly where it finds a file of this name beside the table."""

    def __init__(self, slow: Path) -> None:
        self.slow = slow

    @property
    def version(self) -> str:
        return str(os.getpid())

    @property
    def card(self) -> dict[str, Any]:
        return {}

    def predict(self, images: Any) -> list[Prediction]:
        if self.slow.exists():
            time.sleep(1.0)
        return [Prediction(7, 1.0, (0.0,) * 7 + (1.0, 0.0, 0.0), True) for _ in images]

    def classify(self, images: Any) -> Any:
        raise AssertionError("nobody asks for classes here")


def build(settings: Settings, shared: Path | None) -> Flask:
    assert shared
    watch = Watch(Metrics(shared / COUNTS))
    return create_app(Numbered(shared / "slow"), settings, limits=limits_of(settings, shared / TABLE), watch=watch)


def build_nothing(settings: Settings, shared: Path | None) -> Flask:
    raise ConfigError("there is no model here")


if __name__ == "__main__":
    serve_with_workers(build, SETTINGS, on_ready=lambda url: print(url, flush=True))
    sys.exit(0)

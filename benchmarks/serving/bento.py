"""The same service on BentoML: `bentoml serve benchmarks.serving.bento:Digits`."""

from typing import Any

import bentoml

from benchmarks.serving.apps import read, recognizer


@bentoml.service(workers=1)
class Digits:
    """What BentoML asks of a service."""

    def __init__(self) -> None:
        recognizer()

    @bentoml.api  # type: ignore[misc]
    def predict(self, image: str) -> dict[str, Any]:
        return read(image)

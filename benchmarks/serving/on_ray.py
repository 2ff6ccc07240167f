"""The same service on Ray Serve, which starts processes of its own: `python -m benchmarks.serving.on_ray PORT`."""

import signal
import sys
from typing import Any

import ray
from ray import serve
from starlette.requests import Request

from benchmarks.serving.apps import read, recognizer


@serve.deployment(num_replicas=1, max_ongoing_requests=16)
class Digits:
    """What Ray Serve asks of a deployment."""

    def __init__(self) -> None:
        recognizer()

    async def __call__(self, request: Request) -> dict[str, Any]:
        return read((await request.json())["image"])


if __name__ == "__main__":
    ray.init("local", num_cpus=2, include_dashboard=False, log_to_driver=False, configure_logging=False)
    serve.start(http_options={"host": "127.0.0.1", "port": int(sys.argv[1])})
    serve.run(Digits.bind(), route_prefix="/predict")
    signal.sigwait({signal.SIGTERM, signal.SIGINT})
    ray.shutdown()

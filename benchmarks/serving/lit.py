"""The same service on LitServe, which starts processes of its own: `python -m benchmarks.serving.lit PORT`."""

import sys
from typing import Any

import litserve

from benchmarks.serving.apps import read, recognizer


class Api(litserve.LitAPI):  # type: ignore[misc]
    """What LitServe asks of a model."""

    def setup(self, device: str) -> None:  # noqa: ARG002
        recognizer()

    def decode_request(self, request: dict[str, Any]) -> str:
        return str(request["image"])

    def predict(self, url: str) -> dict[str, Any]:
        return read(url)

    def encode_response(self, output: dict[str, Any]) -> dict[str, Any]:
        return output


if __name__ == "__main__":
    server = litserve.LitServer(Api(), accelerator="cpu", workers_per_device=1)
    server.run(host="127.0.0.1", port=int(sys.argv[1]), generate_client_file=False, log_level="warning")

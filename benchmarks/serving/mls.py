"""The same service on MLServer: `python -m benchmarks.serving.mls PORT`.

The picture is a tensor of one text, as the Open Inference Protocol has it. There is one process: with workers beside it
the tensors would go through a pipe, too.
"""

import asyncio
import json
import sys

from mlserver import MLModel, MLServer, ModelSettings, Settings
from mlserver.codecs import StringCodec
from mlserver.types import InferenceRequest, InferenceResponse

from benchmarks.servers import free_port
from benchmarks.serving.apps import read, recognizer


class Digits(MLModel):  # type: ignore[misc]
    """What MLServer asks of a model."""

    async def load(self) -> bool:
        recognizer()
        return True

    async def predict(self, payload: InferenceRequest) -> InferenceResponse:
        [url] = StringCodec.decode_input(payload.inputs[0])
        return InferenceResponse(
            model_name=self.name, outputs=[StringCodec.encode_output("answer", [json.dumps(read(url))])]
        )


async def serve(port: int) -> None:
    """Serve until the process is ended."""
    settings = Settings(
        host="127.0.0.1", http_port=port, grpc_port=free_port(), metrics_port=free_port(), parallel_workers=0
    )
    server = MLServer(settings)
    await server.start([ModelSettings(name="digits", implementation=Digits)])


if __name__ == "__main__":
    asyncio.run(serve(int(sys.argv[1])))

"""The same service on Gradio: `python -m benchmarks.serving.blocks PORT`.

Without its queue, so that one request is all that an answer takes; with it the answer comes over a second one.
"""

import sys
from typing import Any

import gradio

from benchmarks.serving.apps import read, recognizer


def predict(image: str) -> dict[str, Any]:
    """What the page of the interface would call."""
    return read(image)


if __name__ == "__main__":
    recognizer()
    page = gradio.Interface(
        predict, gradio.Textbox(), gradio.JSON(), api_name="predict", flagging_mode="never", concurrency_limit=None
    )
    for function in page.fns.values():
        function.queue = False
    page.launch(server_name="127.0.0.1", server_port=int(sys.argv[1]), quiet=True, show_error=True)

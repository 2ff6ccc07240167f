"""What the server tells of itself to whoever runs it: metrics for Prometheus."""

from typing import Final

from flask import Blueprint, Response, request

from inkdigit.server.metrics import Fact
from inkdigit.server.state import State, current_state

METRICS_PATH: Final = "/metrics"

monitoring = Blueprint("monitoring", __name__)


def facts_of(state: State) -> list[Fact]:
    """What holds of an application and is not counted."""
    return [
        Fact("inkdigit_model_info", "The models that answer now.", state.models_info),
        Fact(
            "inkdigit_model_refused",
            "Whether the version that was promoted is refused, and an older one answers.",
            state.models_refused,
        ),
    ]


@monitoring.get(METRICS_PATH)
def metrics() -> Response:
    """Tell all counts."""
    text, media_type = current_state().watch.metrics.exposition(request.headers.get("Accept", ""))
    return Response(text, content_type=media_type)

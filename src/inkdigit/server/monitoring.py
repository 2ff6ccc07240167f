"""What the server tells of itself to whoever runs it: metrics for Prometheus, and a page with plots."""

from typing import Final

from flask import Blueprint, Response, render_template, request

from inkdigit.config import package_version
from inkdigit.server.history import SLOT_S
from inkdigit.server.metrics import Fact
from inkdigit.server.schemas import RecordAnswer, StatusAnswer
from inkdigit.server.state import State, current_state

METRICS_PATH: Final = "/metrics"
STATUS_PATH: Final = "/api/v1/status"

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


@monitoring.get("/status")
def page() -> Response:
    """The page that shows how the server fares; what it shows comes from the route below."""
    answer = Response(render_template("status.html", version=package_version()))
    answer.cache_control.no_cache = True
    return answer


@monitoring.get(STATUS_PATH)
def status() -> Response:
    """Tell what happened in the last hour, slot by slot."""
    state = current_state()
    answer = StatusAnswer(
        slot_seconds=SLOT_S,
        records=[RecordAnswer(**record) for record in state.watch.records()],
        models=[labels for labels, _ in state.models_info()],
        refused=[labels["reads"] for labels, is_refused in state.models_refused() if is_refused],
    )
    return Response(answer.model_dump_json(), mimetype="application/json")

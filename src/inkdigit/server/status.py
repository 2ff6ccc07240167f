"""The status page's figures: what happened in the last hour, and what stands now."""

import functools
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from prometheus_client.core import Metric

from inkdigit.server.history import History
from inkdigit.server.metrics import Metrics
from inkdigit.server.observing import Spans, Watch

_SUM = {
    "inkdigit_http_requests_total": "status",
    "inkdigit_problems_total": "type",
    "inkdigit_predictions_total": "label",
}
_BUCKETS = {
    "inkdigit_http_request_duration_seconds_bucket": "times",
    "inkdigit_prediction_confidence_bucket": "confidences",
}
_WATCHING = frozenset(
    {"/metrics", "/status", "/api/v1/status", "/health/live", "/health/ready"}
)  # no use of the server
_READING = frozenset({"/api/v1/predict", "/api/v1/read", "/v2/models/digits/infer"})


def watching(metrics: Metrics, spans: Spans | None = None, file: Path | None = None) -> Watch:
    """A watch that keeps the last hour, too: in a file, where several processes share it."""
    return Watch(metrics, spans, History(functools.partial(totals, metrics), file))


def totals(metrics: Metrics) -> dict[str, Any]:
    """What all counts stand at: few numbers, of all processes."""
    return _totals(metrics.count_families())


def _totals(families: Iterable[Metric]) -> dict[str, Any]:
    names = (*_SUM.values(), *_BUCKETS.values())
    found: dict[str, defaultdict[str, float]] = {name: defaultdict(float) for name in names}
    for sample in (sample for family in families for sample in family.samples):
        if sample.labels.get("route") in _WATCHING:
            continue
        if sample.name in _SUM:
            label = _SUM[sample.name]
            found[label][_short(label, sample.labels[label])] += sample.value
        elif sample.name in _BUCKETS and sample.labels.get("route", "/api/v1/predict") in _READING:
            found[_BUCKETS[sample.name]][sample.labels["le"]] += sample.value
    return {name: dict(counted) for name, counted in found.items()}


def _short(label: str, value: str) -> str:
    return f"{value[0]}xx" if label == "status" else value

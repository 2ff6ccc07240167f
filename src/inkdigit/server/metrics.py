"""What is counted, for Prometheus: right across the workers of one server, and with labels that stay few.

Where one server is several processes, each writes its counts into files of its own in a folder that they share, and
whichever is asked adds them all up. One process alone counts in its memory and needs no folder.
"""

import os
import platform
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import prometheus_client
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, multiprocess, values
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.exposition import choose_encoder
from prometheus_client.registry import Collector

from inkdigit.config import package_version
from inkdigit.recognizer import Prediction

SECONDS: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)
STEP_SECONDS: Final = (0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.1, 1.0)
CONFIDENCES: Final = (0.2, 0.4, 0.6, 0.8, 0.9, 0.95, 0.98, 0.99, 0.995, 0.999, 1.0)
NO_DIGIT: Final = "none"
METHODS: Final = frozenset({"GET", "HEAD", "POST", "DELETE", "PUT", "PATCH", "OPTIONS"})
MAX_VERSIONS: Final = 32  # that get series of their own; what is promoted after them counts as one
OTHER: Final = "other"

_FOLDER: Final = "PROMETHEUS_MULTIPROC_DIR"  # where prometheus_client looks for the folder


@dataclass(frozen=True, slots=True)
class Fact:
    """Something that holds now and is not counted: a gauge, asked for when somebody looks.

    Attributes:
        name: of the metric.
        text: what it means.
        values: its labels, by name, and its value, for each series.
    """

    name: str
    text: str
    values: Callable[[], Iterable[tuple[dict[str, str], float]]]


class Metrics:
    """One server's counts; shared by its threads.

    Args:
        shared: the folder that several processes count in; None where there is one process alone.
    """

    def __init__(self, shared: Path | None = None) -> None:
        prometheus_client.disable_created_metrics()  # type: ignore[no-untyped-call]  # each count's time of birth would be a series more
        self._shared = shared
        _choose_storage(shared)
        own = self._registry = CollectorRegistry()
        self._requests = Counter(
            "inkdigit_http_requests", "Requests answered.", ["method", "route", "status"], registry=own
        )
        self._durations = Histogram(
            "inkdigit_http_request_duration_seconds",
            "Time from a request's last byte at the application to its answer.",
            ["route"],
            buckets=SECONDS,
            registry=own,
        )
        self.in_flight = Gauge(
            "inkdigit_http_requests_in_flight",
            "Requests at the application now.",
            registry=own,
            multiprocess_mode="livesum",
        )
        self.queued = Gauge(
            "inkdigit_queue_depth",
            "Requests that wait for a thread.",
            registry=own,
            multiprocess_mode="livesum",
        )
        self._problems = Counter(
            "inkdigit_problems", "Requests answered with a problem, by its type.", ["type"], registry=own
        )
        self._steps = Histogram(
            "inkdigit_step_duration_seconds",
            "Time of one step from picture to prediction.",
            ["step"],
            buckets=STEP_SECONDS,
            registry=own,
        )
        self._predictions = Counter(
            "inkdigit_predictions",
            "Pictures read as a digit, by what they were read as.",
            ["label", "model"],
            registry=own,
        )
        self._confidences = Histogram(
            "inkdigit_prediction_confidence",
            "Confidence in the digits that were read.",
            ["model"],
            buckets=CONFIDENCES,
            registry=own,
        )
        self._numbers = Histogram(
            "inkdigit_number_confidence",
            "Confidence in the whole numbers that were read.",
            ["model"],
            buckets=CONFIDENCES,
            registry=own,
        )
        self._versions: set[str] = set()
        self._known: dict[tuple[str, ...], _Answered] = {}
        self._known_digits: dict[tuple[str, str], _Read] = {}
        self._known_steps: dict[str, Histogram] = {}
        self._lock = threading.Lock()
        self._facts = [_build()]
        _started(own)

    def count(self, method: str, route: str, status: int, seconds: float) -> None:
        """Count a request that was answered; method and route are some of a few."""
        key = (method, route, str(status))
        found = self._known.get(key)
        if found is None:  # looked up once, since the library takes longer for that than for counting
            found = _Answered(self._requests.labels(*key), self._durations.labels(route))
            self._known[key] = found
        found.requests.inc()
        found.durations.observe(seconds)

    def count_problem(self, name: str) -> None:
        """Count a problem that was answered."""
        self._problems.labels(name).inc()

    def count_step(self, name: str, seconds: float) -> None:
        """Count a step of a request's work."""
        found = self._known_steps.get(name)
        if found is None:
            found = self._known_steps[name] = self._steps.labels(name)
        found.observe(seconds)

    def count_digit(self, prediction: Prediction, model: str) -> None:
        """Count a digit that was read."""
        version = self._bounded(model)
        label = str(prediction.label) if prediction.is_digit else NO_DIGIT
        found = self._known_digits.get((label, version))
        if found is None:
            found = _Read(self._predictions.labels(label, version), self._confidences.labels(version))
            self._known_digits[label, version] = found
        found.predictions.inc()
        found.confidences.observe(prediction.confidence)

    def count_number(self, confidence: float, model: str) -> None:
        """Count a number that was read."""
        self._numbers.labels(self._bounded(model)).observe(confidence)

    def tell(self, fact: Fact) -> None:
        """Let a fact be among the metrics from now on."""
        self._facts.append(fact)

    def count_families(self) -> Iterable[Metric]:
        """All counts, of all processes, without the facts."""
        return self._counts().collect()

    def exposition(self, accept: str) -> tuple[bytes, str]:
        """The metrics in Prometheus' text format, or in OpenMetrics where that is accepted, and the media type."""
        encode, media_type = choose_encoder(accept)
        return encode(self._everything()), media_type

    def _everything(self) -> CollectorRegistry:
        everything = self._counts()
        everything.register(_Told(self._facts))
        return everything

    def _counts(self) -> CollectorRegistry:
        counts = CollectorRegistry()
        if self._shared is None:
            counts.register(_Own(self._registry))
        else:
            multiprocess.MultiProcessCollector(counts, str(self._shared))  # type: ignore[no-untyped-call]
        return counts

    def _bounded(self, version: str) -> str:
        if version in self._versions:
            return version
        with self._lock:
            if len(self._versions) < MAX_VERSIONS:
                self._versions.add(version)
                return version
        return OTHER


@dataclass(frozen=True, slots=True)
class _Answered:
    """Where the requests of one kind are counted."""

    requests: Counter
    durations: Histogram


@dataclass(frozen=True, slots=True)
class _Read:
    """Where the digits of one kind are counted."""

    predictions: Counter
    confidences: Histogram


class _Own(Collector):
    """The counts of this process."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._registry = registry

    def collect(self) -> Iterable[Metric]:
        return self._registry.collect()


class _Told(Collector):
    """The facts as metrics."""

    def __init__(self, facts: Iterable[Fact]) -> None:
        self._facts = facts

    def collect(self) -> Iterable[Metric]:
        for fact in self._facts:
            series = list(fact.values())
            family = GaugeMetricFamily(fact.name, fact.text, labels=list(series[0][0]) if series else [])
            for labels, value in series:
                family.add_metric(list(labels.values()), value)
            yield family


def forget_process(folder: Path, pid: int | None) -> None:
    """Drop what a process that has ended says of the present; what it counted stays counted."""
    multiprocess.mark_process_dead(pid, str(folder))  # type: ignore[no-untyped-call]


def _choose_storage(shared: Path | None) -> None:
    """Where the library keeps what is counted from now on: it would choose at its import, which may be too early."""
    if shared is None:
        values.ValueClass = values.MutexValue
    elif os.environ.get(_FOLDER) != str(shared) or values.ValueClass is values.MutexValue:
        shared.mkdir(exist_ok=True)
        os.environ[_FOLDER] = str(shared)
        values.ValueClass = values.MultiProcessValue()  # type: ignore[no-untyped-call]


def _build() -> Fact:
    labels = {"version": package_version(), "python": platform.python_version()}
    return Fact("inkdigit_build_info", "The version of Inkdigit, and of Python.", lambda: [(labels, 1.0)])


def _started(registry: CollectorRegistry) -> None:
    """Of several processes the first one's start counts, those included that have ended."""
    text = "When the server started, in seconds since 1970."
    Gauge("inkdigit_start_time_seconds", text, registry=registry, multiprocess_mode="min").set(time.time())

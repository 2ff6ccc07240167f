"""Spans for OpenTelemetry: one for each request, and in it one for each step. Imported only where they are asked for.

Where they go and how many of them is said by the variables that OpenTelemetry has for that, such as
OTEL_EXPORTER_OTLP_ENDPOINT and OTEL_TRACES_SAMPLER. They hold what the log holds, and as little of a request.
"""

import contextlib
import os
from collections.abc import Iterator, Mapping

from inkdigit.config import package_version
from inkdigit.errors import ConfigError, MissingExtraError
from inkdigit.server.observing import Seen

try:
    from opentelemetry.propagate import extract
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor, ConsoleSpanExporter, SpanExporter
    from opentelemetry.trace import SpanKind, Status, StatusCode
except ImportError as error:
    raise MissingExtraError("opentelemetry", "otel") from error


class Tracing:
    """Makes spans; shared by all threads.

    Args:
        provider: passes them on.
    """

    def __init__(self, provider: TracerProvider) -> None:
        self._tracer = provider.get_tracer("inkdigit", package_version())

    @contextlib.contextmanager
    def request(self, seen: Seen, headers: Mapping[str, str]) -> Iterator[None]:
        """A request; part of the trace that its header traceparent names, if there is one."""
        above = extract({"traceparent": headers.get("HTTP_TRACEPARENT", "")})
        with self._tracer.start_as_current_span(
            seen.method, above, SpanKind.SERVER, record_exception=False, set_status_on_exception=False
        ) as span:
            seen.trace = format(span.get_span_context().trace_id, "032x")
            yield
            span.update_name(f"{seen.method} {seen.route}")
            span.set_attributes(_attributes(seen))
            if seen.status >= 500:
                span.set_status(Status(StatusCode.ERROR))

    def step(self, name: str) -> contextlib.AbstractContextManager[object]:
        """A step of the current request."""
        return self._tracer.start_as_current_span(name, record_exception=False, set_status_on_exception=False)


def tracing_from_environment() -> Tracing:
    """Spans that go where the environment says.

    Raises:
        ConfigError: it names an exporter that is not there.
    """
    named = {"service.name": _service(), "service.version": package_version()}
    provider = TracerProvider(resource=Resource.create(named))
    exporter = _exporter(os.environ.get("OTEL_TRACES_EXPORTER") or "otlp")
    if exporter is not None:
        provider.add_span_processor(BatchSpanProcessor(exporter))
    return Tracing(provider)


def _service() -> str:
    return os.environ.get("OTEL_SERVICE_NAME") or "inkdigit"


def _exporter(name: str) -> SpanExporter | None:
    if name == "none":
        return None
    if name == "console":
        return ConsoleSpanExporter()
    protocol = os.environ.get("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL") or os.environ.get("OTEL_EXPORTER_OTLP_PROTOCOL")
    if name != "otlp" or protocol not in {None, "", "http/protobuf"}:
        raise ConfigError("OTEL_TRACES_EXPORTER is otlp, console or none, and its protocol http/protobuf")
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter

    return OTLPSpanExporter()


def _attributes(seen: Seen) -> dict[str, str | int]:
    """What the conventions of OpenTelemetry call by these names."""
    found: dict[str, str | int | None] = {
        "http.request.method": seen.method,
        "http.route": seen.route,
        "http.response.status_code": seen.status,
        "http.response.body.size": seen.size,
        "error.type": seen.problem,
        "inkdigit.request_id": seen.id,
        "inkdigit.model": seen.model,
    }
    return {name: value for name, value in found.items() if value is not None}

"""Spans, as OpenTelemetry's own exporter in memory receives them."""

import subprocess
import sys
from typing import Any

import pytest
from flask.testing import FlaskClient
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from tests.conftest import FakeRecognizer

from inkdigit import ConfigError
from inkdigit.config import Settings
from inkdigit.server import create_app
from inkdigit.server.observing import Watch
from inkdigit.server.tracing import Tracing, tracing_from_environment

TRACE, PARENT = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"


@pytest.fixture
def exporter() -> InMemorySpanExporter:
    return InMemorySpanExporter()


@pytest.fixture
def client(fake_recognizer: FakeRecognizer, exporter: InMemorySpanExporter) -> FlaskClient:
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    return create_app(fake_recognizer, Settings(), watch=Watch(spans=Tracing(provider))).test_client()


def predict(client: FlaskClient, png: bytes, **headers: str) -> Any:
    return client.post("/api/v1/predict", data=png, content_type="image/png", headers=headers)


def test_a_request_is_a_span_with_its_steps_in_it(
    client: FlaskClient, exporter: InMemorySpanExporter, digit_png: bytes
) -> None:
    answer = predict(client, digit_png)

    *steps, request = exporter.get_finished_spans()
    assert [span.name for span in steps] == ["decode", "normalize", "predict"]
    assert request.context
    assert {span.parent.span_id for span in steps if span.parent} == {request.context.span_id}
    assert request.name == "POST /api/v1/predict"
    assert dict(request.attributes or {}) == {
        "http.request.method": "POST",
        "http.route": "/api/v1/predict",
        "http.response.status_code": 200,
        "http.response.body.size": len(answer.data),
        "inkdigit.request_id": answer.headers["X-Request-ID"],
        "inkdigit.model": "fake-1",
    }


def test_the_trace_of_the_caller_goes_on(client: FlaskClient, exporter: InMemorySpanExporter, digit_png: bytes) -> None:
    predict(client, digit_png, traceparent=f"00-{TRACE}-{PARENT}-01")

    request = exporter.get_finished_spans()[-1]
    assert request.context
    assert request.parent
    assert (format(request.context.trace_id, "032x"), format(request.parent.span_id, "016x")) == (TRACE, PARENT)


def test_a_fault_is_an_error_and_quotes_nothing(
    client: FlaskClient, exporter: InMemorySpanExporter, digit_png: bytes, fake_recognizer: FakeRecognizer
) -> None:
    def fail(images: object) -> Any:
        raise RuntimeError("a secret")

    fake_recognizer.predict = fail  # type: ignore[method-assign]
    predict(client, digit_png)
    predict(client, b"no picture")

    spans = exporter.get_finished_spans()
    requests = [span for span in spans if span.name == "POST /api/v1/predict"]
    assert [span.status.is_ok for span in requests] == [False, True]
    assert [(span.attributes or {})["error.type"] for span in requests] == ["internal-error", "unsupported-format"]
    assert "secret" not in "".join(span.to_json() for span in spans)


@pytest.mark.parametrize("name", ["none", "console", "otlp", ""])
def test_the_environment_chooses_the_exporter(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_TRACES_EXPORTER", name)

    assert isinstance(tracing_from_environment(), Tracing)


@pytest.mark.parametrize(("name", "protocol"), [("zipkin", ""), ("otlp", "grpc")])
def test_an_exporter_that_is_not_there_is_told(name: str, protocol: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_TRACES_EXPORTER", name)
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_PROTOCOL", protocol)

    with pytest.raises(ConfigError, match="OTEL_TRACES_EXPORTER"):
        tracing_from_environment()


def test_nothing_of_it_is_imported_unless_it_is_asked_for() -> None:
    program = "import inkdigit.cli, inkdigit.server, sys; print('opentelemetry' in sys.modules)"
    told = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)

    assert told.stdout == "False\n"

"""What the server counts: by real requests, in one process and across several, and as Prometheus' own tool likes it."""

import itertools
import os
import re
import shutil
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient
from tests.conftest import FakeRecognizer
from tests.server.conftest import ADMIN_KEY

from inkdigit.config import Settings
from inkdigit.recognizer import Prediction
from inkdigit.server import create_app
from inkdigit.server.metrics import MAX_VERSIONS, Fact, Metrics, forget_process
from inkdigit.server.observing import Watch

CI = os.environ.get("CI") == "true"
DEPLOY = Path(__file__).parents[2] / "deploy"
PROMTOOL = shutil.which("promtool")


def values(metrics: Metrics) -> dict[str, float]:
    """Every series by its name and labels, as the exposition writes them."""
    lines = metrics.exposition("")[0].decode().splitlines()
    return {name: float(value) for name, value in (line.rsplit(" ", 1) for line in lines if not line.startswith("#"))}


@pytest.fixture
def metrics() -> Metrics:
    return Metrics()


@pytest.fixture
def client(fake_recognizer: FakeRecognizer, metrics: Metrics) -> FlaskClient:
    return create_app(fake_recognizer, Settings(), watch=Watch(metrics)).test_client()


def predict(client: FlaskClient, png: bytes) -> Any:
    return client.post("/api/v1/predict", data=png, content_type="image/png")


def test_requests_are_counted_by_method_route_and_status(
    client: FlaskClient, metrics: Metrics, digit_png: bytes
) -> None:
    predict(client, digit_png)
    predict(client, digit_png)
    predict(client, b"no picture")
    client.get("/api/v1/predict")

    found = values(metrics)
    assert found['inkdigit_http_requests_total{method="POST",route="/api/v1/predict",status="200"}'] == 2
    assert found['inkdigit_http_requests_total{method="POST",route="/api/v1/predict",status="415"}'] == 1
    assert found['inkdigit_http_requests_total{method="GET",route="none",status="405"}'] == 1
    assert found['inkdigit_http_request_duration_seconds_count{route="/api/v1/predict"}'] == 3
    assert found['inkdigit_problems_total{type="unsupported-format"}'] == 1
    assert found["inkdigit_http_requests_in_flight"] == 0


def test_what_was_read_is_counted_with_the_version_that_read_it(
    client: FlaskClient, metrics: Metrics, digit_png: bytes, fake_recognizer: FakeRecognizer
) -> None:
    predict(client, digit_png)
    fake_recognizer.not_digit = 0.9
    predict(client, digit_png)

    found = values(metrics)
    assert found['inkdigit_predictions_total{label="7",model="fake-1"}'] == 1
    assert found['inkdigit_predictions_total{label="none",model="fake-1"}'] == 1
    assert found['inkdigit_prediction_confidence_bucket{le="0.9",model="fake-1"}'] == 0
    assert found['inkdigit_prediction_confidence_bucket{le="0.95",model="fake-1"}'] == 2
    steps = [f'inkdigit_step_duration_seconds_count{{step="{name}"}}' for name in ("decode", "normalize", "predict")]
    assert [found[name] for name in steps] == [2, 2, 2]


def test_numbers_are_counted_too(app: Any, digit_png: bytes) -> None:
    app.test_client().post("/api/v1/read", data=digit_png, content_type="image/png")

    found = values(app.extensions["inkdigit"].watch.metrics)
    assert found['inkdigit_number_confidence_count{model="fake-lines"}'] == 2


def test_strangers_cannot_make_series(client: FlaskClient, metrics: Metrics, digit_png: bytes) -> None:
    before = len(values(metrics))
    for number in range(20):
        client.get(f"/nowhere/{number}")
        client.open("/health/live", method=f"BREW{number}")
        client.delete(f"/api/v1/feedback/receipt-{number}")
        client.get("/health/live", headers={"Host": f"evil{number}.example"})
    first = len(values(metrics))
    for number in range(20, 60):
        client.get(f"/nowhere/{number}")
        client.open("/health/live", method=f"BREW{number}")
        client.delete(f"/api/v1/feedback/receipt-{number}")
        client.get("/health/live", headers={"Host": f"evil{number}.example"})

    assert len(values(metrics)) == first > before


def test_versions_past_a_bound_share_a_series(metrics: Metrics) -> None:
    for number in range(3 * MAX_VERSIONS):
        metrics.count_digit(Prediction(1, 0.5, (0.1,) * 10, is_digit=True), f"version-{number}")

    predictions = {name: value for name, value in values(metrics).items() if name.startswith("inkdigit_predictions")}
    assert len(predictions) == MAX_VERSIONS + 1
    assert predictions['inkdigit_predictions_total{label="1",model="other"}'] == 2 * MAX_VERSIONS


def test_times_of_more_than_ten_seconds_are_told_apart_up_to_a_minute(metrics: Metrics) -> None:
    for seconds in (13, 45, 100):
        metrics.count("POST", "/api/v1/read", 200, seconds)

    text = metrics.exposition("")[0].decode()
    counts = [
        re.search(rf'duration_seconds_bucket{{le="{bound}",.*}} (.*)', text) for bound in ("10.0", "30.0", "60.0")
    ]

    assert [found and found[1] for found in counts] == ["0.0", "1.0", "2.0"]


def test_counts_of_two_applications_are_apart(fake_recognizer: FakeRecognizer, digit_png: bytes) -> None:
    first, second = Metrics(), Metrics()
    predict(create_app(fake_recognizer, Settings(), watch=Watch(first)).test_client(), digit_png)

    name = 'inkdigit_predictions_total{label="7",model="fake-1"}'
    assert name in values(first)
    assert name not in values(second)


WORKER = textwrap.dedent("""
    import sys
    from pathlib import Path
    from inkdigit.server.metrics import Metrics

    metrics = Metrics(Path(sys.argv[1]))
    for _ in range(5):
        metrics.count("POST", "/api/v1/predict", 200, 0.003)
        metrics.in_flight.inc()
    print("counted", flush=True)
    sys.stdin.readline()
""")


def test_what_several_processes_count_adds_up_and_outlives_them(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PROMETHEUS_MULTIPROC_DIR", "")  # so that it is gone again afterwards
    env = dict(os.environ, PYTHONPATH=os.pathsep.join(path for path in sys.path if path))
    pipe = subprocess.PIPE
    with subprocess.Popen([sys.executable, "-c", WORKER, tmp_path], stdin=pipe, stdout=pipe, env=env) as other:
        here = Metrics(tmp_path)
        for _ in range(3):
            here.count("POST", "/api/v1/predict", 200, 0.003)
            here.in_flight.inc()
        assert other.stdout
        assert other.stdout.readline().split() == [b"counted"]
        both = values(here)
        other.kill()
    forget_process(tmp_path, other.pid)
    one_gone = values(here)

    total = 'inkdigit_http_requests_total{method="POST",route="/api/v1/predict",status="200"}'
    bucket = 'inkdigit_http_request_duration_seconds_bucket{le="0.005",route="/api/v1/predict"}'
    assert (both[total], both[bucket], both["inkdigit_http_requests_in_flight"]) == (8, 8, 8)
    assert (one_gone[total], one_gone["inkdigit_http_requests_in_flight"]) == (8, 3)


@pytest.mark.skipif(not PROMTOOL and not CI, reason="no promtool: install Debian's package prometheus")
@pytest.mark.parametrize("accept", ["", "application/openmetrics-text; version=1.0.0"])
def test_prometheus_own_tool_finds_nothing_to_complain_of(
    client: FlaskClient, metrics: Metrics, digit_png: bytes, accept: str
) -> None:
    predict(client, digit_png)
    predict(client, b"no picture")
    metrics.count_number(0.9, "lines")

    checked = subprocess.run(
        [PROMTOOL or "promtool", "check", "metrics"], input=metrics.exposition("")[0], capture_output=True, check=False
    )
    text, media_type = metrics.exposition(accept)

    assert (checked.returncode, checked.stdout, checked.stderr) == (0, b"", b"")
    assert media_type.startswith("application/openmetrics-text" if accept else "text/plain")
    assert text.endswith(b"# EOF\n") is bool(accept)


def test_a_fact_is_asked_for_when_somebody_looks(metrics: Metrics) -> None:
    numbers = itertools.count(1)
    metrics.tell(Fact("inkdigit_example", "An example.", lambda: [({"part": "one"}, float(next(numbers)))]))

    first, second = values(metrics), values(metrics)

    name = 'inkdigit_example{part="one"}'
    assert (first[name], second[name]) == (1, 2)


# --- who may look


METRICS = "/metrics"


@pytest.mark.parametrize(
    ("peer", "host", "key", "status"),
    [
        ("127.0.0.1", "localhost", "", 200),
        ("::1", "[::1]:5000", "", 200),
        ("192.0.2.7", "localhost", "", 401),  # another computer
        ("127.0.0.1", "digits.example.org", "", 401),  # what a reverse proxy here hands on
        ("192.0.2.7", "digits.example.org", "Bearer sesame-open-sesame", 200),
        ("192.0.2.7", "digits.example.org", "Bearer close-close-close", 401),
    ],
)
def test_metrics_are_for_this_computer_and_for_who_has_the_key(
    fake_recognizer: FakeRecognizer, peer: str, host: str, key: str, status: int
) -> None:
    settings = Settings(host="0.0.0.0", admin_key=ADMIN_KEY, trusted_hosts=("digits.example.org",))
    client = create_app(fake_recognizer, settings).test_client()
    headers = {"Host": host} | ({"Authorization": key} if key else {})

    answer = client.get(METRICS, headers=headers, environ_base={"REMOTE_ADDR": peer})

    assert answer.status_code == status
    assert (b"inkdigit_build_info" in answer.data) is (status == 200)


def test_the_route_answers_in_the_format_that_is_accepted(client: FlaskClient) -> None:
    plain = client.get(METRICS)
    open_metrics = client.get(METRICS, headers={"Accept": "application/openmetrics-text; version=1.0.0"})

    assert plain.content_type.startswith("text/plain; version=")
    assert open_metrics.content_type.startswith("application/openmetrics-text; version=1.0.0")
    assert 'inkdigit_model_info{reads="digits",version="fake-1"} 1.0' in plain.text


def test_every_metric_stands_in_the_document_and_none_else(app: Any, digit_png: bytes) -> None:
    text = app.extensions["inkdigit"].watch.metrics.exposition("")[0].decode()
    document = (Path(__file__).parents[2] / "docs" / "monitoring.md").read_text("utf-8")

    exported = set(re.findall(r"^# TYPE (\w+)", text, re.MULTILINE))
    assert exported == set(re.findall(r"^\| `(inkdigit_\w+)`", document, re.MULTILINE))


@pytest.mark.parametrize("file", ["grafana/inkdigit.json", "prometheus/alerts.yaml"])
def test_the_dashboard_and_the_alerts_ask_for_nothing_that_is_not_there(app: Any, digit_png: bytes, file: str) -> None:
    client = app.test_client()
    predict(client, digit_png)
    client.get("/nowhere")
    client.post("/api/v1/read", data=digit_png, content_type="image/png")
    exported = {name.partition("{")[0] for name in values(app.extensions["inkdigit"].watch.metrics)}

    named = set(re.findall(r"\binkdigit_\w+", (DEPLOY / file).read_text("utf-8")))
    assert named
    assert named - exported == set()


@pytest.mark.skipif(not PROMTOOL and not CI, reason="no promtool: install Debian's package prometheus")
def test_prometheus_takes_the_alerts() -> None:
    rules = DEPLOY / "prometheus" / "alerts.yaml"
    checked = subprocess.run([PROMTOOL or "promtool", "check", "rules", rules], capture_output=True, check=False)

    assert checked.returncode == 0, checked.stderr

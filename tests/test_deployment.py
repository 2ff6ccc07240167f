"""The server on Ray Serve, with a stand-in for it; benchmarks/faults/ray_serve.py asks the real one."""

import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from flask import Flask

from inkdigit import deployment
from inkdigit.config import Settings
from inkdigit.errors import ConfigError, MissingExtraError


@pytest.fixture(autouse=True)
def home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("INKDIGIT_HOME", str(tmp_path))
    for name in ("INKDIGIT_PUBLIC", "INKDIGIT_ADMIN_KEY", "INKDIGIT_KEYS"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """What Ray Serve is asked for."""
    told: dict[str, Any] = {}

    def deploy(**options: Any) -> Callable[[Any], Any]:
        told.update(options)
        return lambda ingress: SimpleNamespace(bind=lambda: ingress)

    serve = SimpleNamespace(deployment=deploy, ingress=lambda build: lambda: build)
    monkeypatch.setitem(sys.modules, "ray", SimpleNamespace(serve=serve))
    return told


def test_without_its_extra_the_line_that_installs_it_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)

    with pytest.raises(MissingExtraError, match=r"pip install 'inkdigit\[ray-serve\]'"):
        deployment.deployment_of(Settings())


def test_without_a_key_it_is_not_deployed_whatever_address_the_settings_name(
    asked: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("INKDIGIT_HOST", "127.0.0.1")

    with pytest.raises(ConfigError, match="key"):
        deployment.application()
    assert asked == {}


def test_the_settings_bound_the_replicas_and_the_line(asked: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {"PUBLIC": "1", "WORKERS": "3", "THREADS": "2", "QUEUE": "5", "DRAIN_TIMEOUT": "7"}.items():
        monkeypatch.setenv(f"INKDIGIT_{name}", value)

    deployment.application()

    assert asked == {
        "name": "inkdigit",
        "num_replicas": 3,
        "max_ongoing_requests": 2,
        "max_queued_requests": 5,
        "graceful_shutdown_timeout_s": 7.0,
    }


def test_a_replica_makes_the_application_that_serve_serves(
    asked: dict[str, Any], app: Flask, monkeypatch: pytest.MonkeyPatch, digit_png: bytes
) -> None:
    made: list[Settings] = []
    monkeypatch.setenv("INKDIGIT_PUBLIC", "1")

    def make(settings: Settings) -> Flask:
        made.append(settings)
        return app

    monkeypatch.setattr(deployment, "app_of", make)
    monkeypatch.setitem(sys.modules, "a2wsgi", SimpleNamespace(WSGIMiddleware=lambda wsgi, workers: (wsgi, workers)))

    wsgi, workers = deployment.application()()

    client = Flask("client").test_client()
    client.application.wsgi_app = wsgi  # type: ignore[method-assign]
    assert client.post("/api/v1/predict", data=digit_png, content_type="image/png").get_json()["label"] == 7
    assert [settings.public for settings in made] == [True]
    assert workers == Settings().threads

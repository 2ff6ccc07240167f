"""The server as an application of Ray Serve: `serve run inkdigit.deployment:application`.

The same application as `inkdigit serve` runs in every replica. Ray Serve takes the place of waitress and of the gate:
it listens, spreads requests over the replicas, lets them wait in a line of bounded length, and refuses the rest.
"""

import dataclasses
import functools
import os
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any

from inkdigit.cli import app_of, ring_of
from inkdigit.config import Settings
from inkdigit.errors import MissingExtraError

if TYPE_CHECKING:
    from flask import Flask

ANYWHERE = "0.0.0.0"  # noqa: S104 - nothing listens there because of it


def application(_: Mapping[str, Any] | None = None) -> Any:
    """What `serve run` runs, with the settings of the environment that it is started in.

    Ray decides which address it listens on, so a key or INKDIGIT_PUBLIC is asked for as if it were every one.

    Raises:
        ConfigError: a setting cannot work, or there are neither keys nor INKDIGIT_PUBLIC.
        MissingExtraError: Ray Serve is not installed.
    """
    from inkdigit.server.keys import refuse_exposure

    settings = dataclasses.replace(Settings.from_env(os.environ), host=ANYWHERE)
    refuse_exposure(settings, ring_of(settings))
    return deployment_of(settings).bind()


def deployment_of(settings: Settings) -> Any:
    """Replicas, each with one core, and with the line in front of them that the settings ask for."""
    try:
        from ray import serve
    except ImportError as error:
        raise MissingExtraError("Ray Serve", "ray-serve") from error
    from inkdigit.server.workers import worker_count

    return serve.deployment(
        name="inkdigit",
        num_replicas=worker_count(settings),
        max_ongoing_requests=settings.threads,
        max_queued_requests=settings.queue_limit,
        graceful_shutdown_timeout_s=settings.drain_timeout_s,
    )(serve.ingress(builder_of(settings))())


def builder_of(settings: Settings) -> Callable[[], Any]:
    """Makes the application where a replica starts: Ray wants a function, and carries it there."""

    def build() -> Any:
        return asgi_of(app_of(settings), settings)

    return build


def asgi_of(app: "Flask", settings: Settings) -> Any:
    """The application for a server that speaks ASGI, with as many threads as the settings say."""
    from a2wsgi import WSGIMiddleware

    return WSGIMiddleware(functools.partial(_answer, app), workers=settings.threads)


def _answer(app: "Flask", environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
    """An answer to a request whose body ends where it ends, whether it told its length or came in chunks."""
    return app(environ | {"wsgi.input_terminated": True}, start_response)

"""The HTTP server. `create_app` is the one place where its parts are put together."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from flask import Flask, request
from werkzeug.exceptions import NotFound

from inkdigit.config import Settings
from inkdigit.pages import NumberReader
from inkdigit.server import keys as asking
from inkdigit.server import problems, security
from inkdigit.server.adapting import adapting
from inkdigit.server.api import api
from inkdigit.server.feedback import feedback as feedback_routes
from inkdigit.server.keeping import Keeping
from inkdigit.server.keyring import KeyRing
from inkdigit.server.limits import Limits, limits_of
from inkdigit.server.metrics import Metrics
from inkdigit.server.monitoring import facts_of, monitoring
from inkdigit.server.observing import Watch, observe
from inkdigit.server.oip import oip
from inkdigit.server.reading import PictureRequest
from inkdigit.server.review import review
from inkdigit.server.shortcut import Shortcut
from inkdigit.server.state import EXTENSION, DigitReader, Models, State
from inkdigit.server.status import watching

if TYPE_CHECKING:
    from inkdigit.feedback import FeedbackStore

MAX_FORM_PARTS = 8
MAX_FORM_TEXT_BYTES = 512 * 1024  # must exceed the 64 KiB that werkzeug reads a file by, or it refuses some files

__all__ = ["create_app"]


def create_app(
    recognizer: DigitReader,
    settings: Settings,
    reader: NumberReader | None = None,
    feedback: "Callable[[], FeedbackStore] | None" = None,
    models: Models | None = None,
    limits: Limits | None = None,
    keys: KeyRing | None = None,
    watch: Watch | None = None,
) -> Flask:
    """Put the application together.

    Args:
        recognizer: reads the digits; shared by all threads.
        settings: how to serve.
        reader: reads whole numbers, shared too; without it the server says that it cannot.
        feedback: opens the store of corrections, when one is first needed; without it the server keeps none.
        models: changes recognizer and reader under way; without it they stay.
        limits: how often one client may ask; as the settings say, for this process alone, where they are not given.
        keys: the keys to take; without it the admin key of the settings alone.
        watch: counts and tells what happens; one for this process alone if not given.
    """
    app = Flask("inkdigit.server", static_folder=None)  # whose route Flask would make before it knows the settings
    app.url_map.merge_slashes = False  # another address is another address, and no redirect that a POST does not follow
    app.request_class = PictureRequest
    app.config.update(
        MAX_FORM_PARTS=MAX_FORM_PARTS,
        MAX_FORM_MEMORY_SIZE=MAX_FORM_TEXT_BYTES,
        PROVIDE_AUTOMATIC_OPTIONS=False,  # no CORS, so nobody has a use for OPTIONS
    )
    app.static_folder = "static"
    app.add_url_rule("/static/<path:filename>", "static", app.send_static_file)
    watch = watch or watching(Metrics())
    app.extensions[EXTENSION] = state = State(
        recognizer,
        settings,
        reader,
        _keeping(feedback, settings),
        models=models or Models(),
        limits=limits or limits_of(settings),
        keys=keys or KeyRing(admin_key=settings.admin_key),
        watch=watch,
    )
    for fact in facts_of(state):
        watch.metrics.tell(fact)
    app.wsgi_app = Shortcut(app.wsgi_app, state)  # type: ignore[method-assign]
    observe(app, watch)
    for routes in (api, adapting, feedback_routes, review, monitoring, oip):
        app.register_blueprint(routes)
    security.protect(app, settings)
    asking.guard(app)
    app.before_request(_refuse_doubled_slash)
    problems.register(app)
    return app


def _refuse_doubled_slash() -> None:
    """Refuse an address that begins with two slashes; werkzeug would take it for the one with one."""
    if request.environ["PATH_INFO"].startswith("//"):
        raise NotFound


def _keeping(open_store: "Callable[[], FeedbackStore] | None", settings: Settings) -> Keeping | None:
    """One thread at least is left for pictures, whatever becomes of the store."""
    return open_store and Keeping(open_store, max(1, settings.threads - 1), settings.retention_days)

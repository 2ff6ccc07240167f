"""The HTTP server. `create_app` is the one place where its parts are put together."""

from flask import Flask

from inkdigit.config import Settings
from inkdigit.pages import NumberReader
from inkdigit.server import problems, security
from inkdigit.server.api import api
from inkdigit.server.reading import PictureRequest
from inkdigit.server.state import EXTENSION, DigitReader, State

MAX_FORM_PARTS = 8
MAX_FORM_TEXT_BYTES = 512 * 1024  # must exceed the 64 KiB that werkzeug reads a file by, or it refuses some files

__all__ = ["create_app"]


def create_app(recognizer: DigitReader, settings: Settings, reader: NumberReader | None = None) -> Flask:
    """Put the application together.

    Args:
        recognizer: reads the digits; shared by all threads.
        settings: how to serve.
        reader: reads whole numbers, shared too; without it the server says that it cannot.
    """
    app = Flask("inkdigit.server")
    app.request_class = PictureRequest
    app.config.update(
        MAX_FORM_PARTS=MAX_FORM_PARTS,
        MAX_FORM_MEMORY_SIZE=MAX_FORM_TEXT_BYTES,
        PROVIDE_AUTOMATIC_OPTIONS=False,  # no CORS, so nobody has a use for OPTIONS
    )
    app.extensions[EXTENSION] = State(recognizer, settings, reader)
    app.register_blueprint(api)
    security.protect(app, settings)
    problems.register(app)
    return app

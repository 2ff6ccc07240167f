"""The application behind the program's own server, on a port of loopback, in a thread of the test."""

import contextlib
import threading
from collections.abc import Iterator

from flask import Flask

from inkdigit.config import Settings
from inkdigit.server.serving import HttpServer

PATIENCE = 30.0  # seconds; no test waits for it to pass, a fault ends by it


@contextlib.contextmanager
def running(app: Flask) -> Iterator[int]:
    """The port on which it answers, one that is free."""
    server = HttpServer(app, Settings(port=0))
    loop = threading.Thread(target=server.run)
    loop.start()
    try:
        yield server.port
    finally:
        server.stop()
        loop.join(PATIENCE)
        server.close()
    assert not loop.is_alive()

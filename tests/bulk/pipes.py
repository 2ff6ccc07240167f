"""A picture that holds up who reads it: a named pipe, which says nothing until it is told to. Its name has no ending of
pictures, or it would not be waited for."""

import contextlib
import os
import select
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from threading import Thread
from typing import TypeVar

T = TypeVar("T")
PATIENCE_S = 60  # after which a test has failed


def put_pipe(picture: Path) -> bytes:
    """A pipe in place of a picture, whose contents are returned."""
    contents = picture.read_bytes()
    picture.unlink()
    os.mkfifo(picture)
    return contents


@contextlib.contextmanager
def held(pipe: Path) -> Iterator[int]:
    """While somebody reads from the pipe: the end to write to."""
    end = _reached(lambda: _opened(pipe))
    try:
        yield end
    finally:
        os.close(end)


def _opened(pipe: Path) -> int:
    if not pipe.is_fifo():
        raise FileNotFoundError(pipe)
    return os.open(pipe, os.O_WRONLY | os.O_NONBLOCK)  # which fails as long as nobody reads


def kill_reader(end: int, kill: Callable[[], None]) -> None:
    """Kill who reads from a pipe, and wait until nobody does."""
    kill()
    gone = select.poll()
    gone.register(end, 0)  # asks for nothing but the end of the other side
    assert gone.poll(PATIENCE_S * 1000)


def wait_for(path: Path) -> None:
    _reached(path.stat)


def _reached(look: Callable[[], T]) -> T:
    until = time.monotonic() + PATIENCE_S
    while time.monotonic() < until:
        with contextlib.suppress(OSError):
            return look()
        time.sleep(0.01)
    raise TimeoutError(f"nothing came within {PATIENCE_S} s")


@contextlib.contextmanager
def beside(act: Callable[[], None]) -> Iterator[None]:
    """Does something in a thread meanwhile, and waits for its end."""
    thread = Thread(target=act, daemon=True)
    thread.start()
    yield
    thread.join(PATIENCE_S)
    assert not thread.is_alive()

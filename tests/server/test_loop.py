"""The loop over the sockets, and whoever turns it while its own thread is away."""

import socket
import struct
import threading
from collections.abc import Callable, Iterator
from typing import Any, ClassVar

import pytest
from waitress import wasyncore
from waitress.trigger import trigger

from inkdigit.config import Settings
from inkdigit.server import loop as loops
from inkdigit.server.loop import EVENTS, Loop, StandIn
from inkdigit.server.serving import HttpServer

PATIENCE = 30.0  # seconds; no test waits for it to pass, a fault ends by it


class Wire(wasyncore.dispatcher):  # type: ignore[misc]
    """One end of a connection, which notes what the loop does with it."""

    far_ends: ClassVar[list[socket.socket]] = []

    def __init__(self, loop: Loop) -> None:
        self.far, near = socket.socketpair()
        self.far_ends.append(self.far)
        self.on_read: Callable[[], object] = self.take
        self.wants_read, self.wants_write = True, False
        self.asked, self.got, self.wrote = 0, b"", 0
        super().__init__(near, loop)
        self.connected = True

    @property
    def number(self) -> int:
        return int(self._fileno)

    def readable(self) -> bool:
        self.asked += 1
        return self.wants_read

    def writable(self) -> bool:
        return self.wants_write

    def handle_read(self) -> None:
        self.on_read()

    def take(self) -> None:
        self.got += self.recv(1)

    def handle_write(self) -> None:
        self.wrote, self.wants_write = self.wrote + 1, False

    def handle_close(self) -> None:
        self.close()


@pytest.fixture
def loop(monkeypatch: pytest.MonkeyPatch) -> Iterator[Loop]:
    """A loop that can be woken, and asks no socket for its own sake."""
    monkeypatch.setattr(loops, "LOOK_S", PATIENCE)
    made = Loop()
    made.wake = trigger(made).pull_trigger
    made.own()
    made.turn(0.0)
    yield made
    made.close()
    while Wire.far_ends:
        Wire.far_ends.pop().close()


def test_idle_connections_are_not_asked_again_and_again(loop: Loop) -> None:
    busy, idle = Wire(loop), [Wire(loop) for _ in range(100)]
    for _ in range(20):
        busy.far.send(b"x")
        loop.turn(PATIENCE)

    assert busy.got == b"x" * 20
    assert {wire.asked for wire in idle} == {1}


def test_a_connection_that_wants_nothing_is_left_alone_until_it_is_looked_after(loop: Loop) -> None:
    wire = Wire(loop)
    wire.wants_read = False
    wire.far.send(b"x")
    loop.turn(0.0)
    left_alone, wire.wants_read = wire.got, True
    loop.turn(0.0)
    unnoticed = wire.got
    loop.serves(wire.number)
    loop.look_after_served()
    loop.turn(0.0)

    assert (left_alone, unnoticed, wire.got) == (b"", b"", b"x")


def test_all_are_asked_where_that_is_wanted(loop: Loop) -> None:
    wire = Wire(loop)
    wire.wants_read = False
    loop.turn(0.0)
    wire.far.send(b"x")
    wire.wants_read = True
    loop.look_after_all()
    loop.turn(0.0)

    assert wire.got == b"x"


def test_a_thread_that_serves_a_connection_ends_the_wait(loop: Loop) -> None:
    wire = Wire(loop)
    loop.turn(0.0)

    def serve() -> None:
        loop.serves(wire.number)
        wire.wants_write = True
        loop.look_after_served()

    thread = threading.Thread(target=serve)
    thread.start()
    while not wire.wrote:
        loop.turn(PATIENCE)  # ends when it is woken
    thread.join()

    assert wire.wrote == 1


def test_what_waits_for_the_loop_itself_stays_watched_until_more_comes(loop: Loop) -> None:
    wire = Wire(loop)
    loop.turn(0.0)
    wire.wants_read, wire.stays_watched = False, True
    loop.look_after_all()
    loop.turn(0.0)
    kept = wire.number in loop._watched
    wire.far.send(b"x")
    loop.turn(PATIENCE)

    assert kept
    assert wire.number not in loop._watched
    assert wire.got == b""


def test_a_closed_connection_is_forgotten_and_its_number_can_be_used_again(loop: Loop) -> None:
    first, second = Wire(loop), Wire(loop)
    loop.turn(0.0)
    for wire in (first, second):
        wire.far.send(b"x")
        wire.on_read = second.close if wire is first else first.close
    loop.turn(PATIENCE)  # each closes the other, so one of them is not handled
    left = first if first.socket else second
    other, again = (second if left is first else first), Wire(loop)
    again.far.send(b"y")
    loop.turn(PATIENCE)

    assert other.got == b""
    assert again.got == b"y"


def test_one_that_fails_is_closed_and_the_others_go_on(loop: Loop) -> None:
    def fail() -> None:
        raise ZeroDivisionError

    bad, good = Wire(loop), Wire(loop)
    bad.on_read = fail
    bad.far.send(b"x")
    for _ in range(2):
        good.far.send(b"x")
        loop.turn(PATIENCE)

    assert bad.socket is None
    assert good.got == b"xx"


def test_of_many_those_come_first_that_waited_the_longest(loop: Loop) -> None:
    crowd = [Wire(loop) for _ in range(3 * EVENTS)]
    for wire in crowd:
        wire.far.send(b"xxxx")
    for _ in range(4):
        loop.turn(PATIENCE)
    new = Wire(loop)
    new.far.send(b"n")
    loop.turn(PATIENCE)

    assert new.got == b"n"
    assert {wire.got for wire in crowd} == {b"x", b"xx"}


def test_the_door_is_open_however_many_ask(loop: Loop) -> None:
    crowd = [Wire(loop) for _ in range(2 * EVENTS)]
    door = Wire(loop)
    door.accepting, door.handle_accept = True, door.take
    for wire in [*crowd, door]:
        wire.far.send(b"x" * 8)
    for _ in range(4):
        loop.turn(PATIENCE)

    assert len(door.got) >= 4


def test_another_thread_turns_the_loop_while_its_own_is_away(loop: Loop) -> None:
    wire, read = Wire(loop), threading.Event()
    stand_in, turned_by = StandIn(loop), []

    def take() -> None:
        wire.take()
        turned_by.append(threading.current_thread())
        read.set()

    wire.on_read = take
    loop.turn(0.0)

    def work() -> None:
        wire.far.send(b"x")
        assert read.wait(PATIENCE)

    for _ in range(2):  # and once more, after it has come back
        stand_in.away(work)
        read.clear()
    while stand_in._is_turning:
        loop.turn(0.0)
    wire.far.send(b"x")
    loop.turn(PATIENCE)
    stand_in.end()

    me = threading.current_thread()
    assert [thread is me for thread in turned_by] == [False, False, True]


def test_the_loop_is_its_owners_again_after_work_that_failed(loop: Loop) -> None:
    def fail() -> Any:
        raise ZeroDivisionError

    stand_in, wire = StandIn(loop), Wire(loop)
    with pytest.raises(ZeroDivisionError):
        stand_in.away(fail)
    wire.far.send(b"x")
    loop.turn(PATIENCE)
    stand_in.end()

    assert wire.got == b"x"


def test_a_refused_client_that_has_left_is_no_error(app: Any, caplog: pytest.LogCaptureFixture) -> None:
    server = HttpServer(app, Settings(port=0))
    thread = threading.Thread(target=server.run)
    thread.start()
    for _ in range(60):
        with socket.create_connection(("127.0.0.1", server.port), PATIENCE) as sock:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))  # a reset, not a farewell
            sock.sendall(b"GARBAGE\r\n\r\n")
    server.stop()
    thread.join(PATIENCE)
    server.close()

    assert not [record.getMessage() for record in caplog.records if "uncaptured" in record.getMessage()]

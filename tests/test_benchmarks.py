"""The pure parts of the benchmark harness: what draws, what counts and what writes."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import ClassVar

import numpy as np
import pytest
from benchmarks.corruptions import CORRUPTIONS, Errors, corrupted, errors_table
from benchmarks.load import Plan, drive, is_whole
from benchmarks.placements import CANVAS, PLACEMENTS, Placement, ink_strokes, render
from benchmarks.table import Row, advantage, markdown_table, percentile, ratio_table, replace_block, span, times
from hypothesis import given
from hypothesis import strategies as st

SEVEN = np.array([(0, 0, 0), (60, 0, 0), (25, 100, 0), (15, 50, 1), (55, 50, 1)], np.float32)
BY_NAME = {placement.name: placement for placement in PLACEMENTS}


def ink_box(placement: Placement) -> tuple[int, int, int, int]:
    """Top, bottom, left and right of the ink, in pixels."""
    inked = render(SEVEN, placement) < 128
    rows, columns = np.flatnonzero(inked.any(axis=1)), np.flatnonzero(inked.any(axis=0))
    return int(rows[0]), int(rows[-1]), int(columns[0]), int(columns[-1])


def test_there_are_the_six_placements_of_the_brief() -> None:
    assert list(BY_NAME) == ["centred", "big", "half size", "corner", "4 px pen", "38 px pen"]


@pytest.mark.parametrize("placement", PLACEMENTS, ids=lambda placement: placement.name)
def test_ink_is_as_high_as_the_placement_says_and_the_pen_is_wide(placement: Placement) -> None:
    top, bottom, _, _ = ink_box(placement)

    assert bottom - top + 1 == pytest.approx(placement.side + placement.pen, abs=1)


@pytest.mark.parametrize("placement", [p for p in PLACEMENTS if not p.corner], ids=lambda placement: placement.name)
def test_ink_stands_in_the_middle(placement: Placement) -> None:
    top, bottom, left, right = ink_box(placement)

    assert (top + bottom, left + right) == pytest.approx((CANVAS - 1, CANVAS - 1), abs=1)


def test_ink_in_the_corner_touches_no_edge() -> None:
    top, bottom, left, right = ink_box(BY_NAME["corner"])

    assert 1 <= top == left < 10
    assert max(bottom, right) < CANVAS / 2


@given(angle=st.floats(0, np.pi), pen=st.floats(4, 40))
def test_a_bar_has_the_area_of_a_round_pen_at_every_angle(angle: float, pen: float) -> None:
    half = 80 * np.array([np.cos(angle), np.sin(angle)])
    ends = np.array([(*(140 - half), 0), (*(140 + half), 0)], np.float32)

    ink = (255 - ink_strokes(ends, pen).astype(float)).sum() / 255

    assert ink == pytest.approx(160 * pen + np.pi * pen**2 / 4, abs=0.8 * 160)  # of the width, within a pixel


def test_strokes_are_not_joined_to_each_other() -> None:
    apart = np.array([(50, 50, 0), (50, 60, 0), (200, 50, 1), (200, 60, 1)], np.float32)

    assert ink_strokes(apart, 10)[:, 100:150].min() == 255


def test_edges_are_smooth_and_the_pen_is_black() -> None:
    picture = render(SEVEN, BY_NAME["centred"])

    assert picture.min() == 0
    assert picture.max() == 255
    assert len(np.unique(picture)) > 8


def test_a_single_dot_is_a_disc() -> None:
    picture = render(np.array([(5, 5, 0)], np.float32), BY_NAME["half size"])

    assert (255 - picture.astype(float)).sum() / 255 == pytest.approx(np.pi * 9**2, rel=0.1)


@given(values=st.lists(st.floats(0, 1e6), min_size=1), share=st.floats(0.01, 1))
def test_a_percentile_is_the_least_value_that_covers_the_share(values: list[float], share: float) -> None:
    found = percentile(values, share)

    assert np.mean(np.array(values) <= found) >= share - 1e-9
    assert np.mean(np.array(values) < found) < share + 1e-9


def test_less_is_better_for_milliseconds_and_more_for_throughput() -> None:
    milliseconds = Row("CPU", ours=2.0, theirs=80.0)
    throughput = Row("requests", ours=400.0, theirs=10.0, more_is_better=True)

    assert (advantage(milliseconds), advantage(throughput)) == (40, 40)


def test_a_loss_is_shown_as_one() -> None:
    row = ratio_table([Row("size", ours=200.0, theirs=100.0, n="1")]).splitlines()[-1]

    assert [cell.strip() for cell in row.strip("|").split("|")] == ["size", "200.0", "100.0", "0.5x", "1", ""]


def test_a_table_has_a_rule_and_lines_of_one_width() -> None:
    lines = markdown_table([("a", "b"), ("long cell", "c")]).splitlines()

    assert len({len(line) for line in lines}) == 1
    assert set(lines[1]) == set("|- ")


def test_spans_and_ratios_are_short() -> None:
    assert span([3.14, 2.0, 2.5]) == "2.0 to 3.1"
    assert span([2.0, 2.01]) == "2.0"
    assert [times(0.5), times(9.94), times(31.4)] == ["0.5x", "9.9x", "31x"]


def test_a_block_is_replaced_and_all_else_stays() -> None:
    document = "before\n<!-- begin speed -->\nold\n<!-- end speed -->\nafter"

    once = replace_block(document, "speed", "new")

    assert once == "before\n<!-- begin speed -->\n\nnew\n\n<!-- end speed -->\nafter"
    assert replace_block(once, "speed", "new") == once


def test_a_document_without_the_markers_is_refused() -> None:
    with pytest.raises(ValueError, match="begin speed"):
        replace_block("no markers", "speed", "new")


def test_an_answer_is_whole_when_its_length_is_there() -> None:
    head = b"HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\n"

    assert not is_whole(head[:-1])
    assert not is_whole(head + b"123")
    assert is_whole(head + b"1234")


class Echo(BaseHTTPRequestHandler):
    """Answers with what it was sent, and counts the connections."""

    protocol_version = "HTTP/1.1"
    connections: ClassVar[set[int]] = set()

    def do_POST(self) -> None:
        self.connections.add(self.client_address[1])
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(503 if body == b'"refuse"' else 200)
        if body == b'"close"':
            self.send_header("Connection", "close")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def echo_port() -> Iterator[int]:
    Echo.connections.clear()
    with HTTPServer(("127.0.0.1", 0), Echo) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server.server_port
        server.shutdown()
        thread.join()


def plan(port: int, *bodies: str, requests: int) -> Plan:
    return Plan(port, "/", [json.dumps(body) for body in bodies], connections=1, seconds=60, requests=requests)


def test_the_load_sends_as_many_requests_as_planned_and_pairs_the_answers(echo_port: int) -> None:
    outcome = drive(plan(echo_port, "a", "b", requests=7))

    assert outcome.sent == [0, 1, 0, 1, 0, 1, 0]
    assert outcome.answers == ['"a"', '"b"'] * 3 + ['"a"']
    assert (len(outcome.latencies_s), outcome.failures) == (7, 0)


def test_a_connection_is_kept_as_long_as_the_server_keeps_it(echo_port: int) -> None:
    drive(plan(echo_port, "a", requests=5))
    kept = len(Echo.connections)
    drive(plan(echo_port, "close", requests=5))

    assert (kept, len(Echo.connections)) == (1, 6)


def test_refusals_are_counted(echo_port: int) -> None:
    assert drive(plan(echo_port, "a", "refuse", requests=4)).failures == 2


@pytest.mark.parametrize("name", CORRUPTIONS)
def test_a_corruption_changes_the_picture_always_in_the_same_way_and_leaves_a_mark(name: str) -> None:
    digit = np.zeros((1, 28, 28), np.uint8)
    digit[0, 4:24, 12:16] = 255

    plain, once, again = (corrupted(digit, kind)[0] for kind in ("none", name, name))

    assert (once.shape, once.dtype) == ((112, 112), np.uint8)
    assert np.array_equal(once, again)
    assert np.array_equal(once, plain) == (name == "none")
    assert np.ptp(once) > 30


def test_the_mean_error_is_over_the_corruptions_alone() -> None:
    table = errors_table([Errors("none", 10, 0, 0, 0), Errors("blur", 10, 0.5, 0.2, 0.1), Errors("crop", 10, 1, 0, 0)])

    assert [cell.strip() for cell in table.splitlines()[-1].strip("|").split("|")] == [
        "mean",
        "20",
        "75.00 %",
        "10.00 %",
        "5.00 %",
    ]

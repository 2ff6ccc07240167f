"""The pure parts of the benchmark harness: what draws, what counts and what writes."""

import json
import threading
from collections.abc import Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import ClassVar

import numpy as np
import pytest
from benchmarks.ablations import VARIANTS, Change, Variant, Without
from benchmarks.answers import REFUSED, Answers, Frames, answers_of, answers_to
from benchmarks.corruptions import CORRUPTIONS, Errors, corrupted, errors_table
from benchmarks.doodles import KINDS, pngs_of
from benchmarks.drawings import Drawings, Signs, encode_png
from benchmarks.load import Plan, drive, drive_paced, is_whole
from benchmarks.placements import CANVAS, PLACEMENTS, Placement, ink_strokes, render
from benchmarks.rejection import Digits as AnsweredDigits
from benchmarks.rejection import NonDigits, Rejection, kinds_table, sweep_table, told_apart, worst_signs
from benchmarks.signs import is_ambiguous
from benchmarks.table import Row, advantage, markdown_table, percentile, ratio_table, replace_block, span, times
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from benchmarks import ablations
from inkdigit.training.dataset import Digits

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


def test_an_answer_in_chunks_is_whole_when_the_empty_one_is_there() -> None:
    head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"

    assert not is_whole(head)
    assert not is_whole(head + b"4\r\n1234\r\n")
    assert is_whole(head + b"4\r\n1234\r\n0\r\n\r\n")


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


def test_paced_requests_come_at_their_rate_and_count_from_when_they_were_due(echo_port: int) -> None:
    outcome = drive_paced(replace(plan(echo_port, "a", "b", requests=9), rate=50.0))

    assert outcome.sent == [0, 1, 0, 1, 0, 1, 0, 1, 0]
    assert outcome.elapsed_s >= 8 / 50
    assert outcome.failures == 0


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

    assert once.shape == (112, 112)
    assert once.dtype == np.uint8
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


class Constant:
    """A network that gives every picture the same answer."""

    def __init__(self, *classes: float) -> None:
        self.classes = np.array([classes], np.float32)

    def classify(self, images: Frames) -> NDArray[np.float32]:
        return self.classes.repeat(len(images), axis=0)


def test_what_a_network_gives_to_no_digit_lowers_the_confidence_and_rejects() -> None:
    answers = answers_of(Constant(0, 0.4, *[0] * 8, 0.6), np.zeros((300, 28, 28), np.float32))

    assert np.all(answers.labels == 1)
    assert answers.confidence == pytest.approx(np.full(300, 0.46))
    assert (answers.accepted(0.5).sum(), answers.accepted(0.7).sum()) == (0, 300)


def test_a_refused_picture_has_no_label_and_is_surely_no_digit(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("benchmarks.answers.cache_folder", lambda: tmp_path)
    blank = encode_png(np.full((CANVAS, CANVAS), 255, np.uint8))
    drawn = encode_png(render(SEVEN, BY_NAME["centred"]))

    answers = answers_to(Constant(*[0.1] * 10), [blank, drawn])

    assert answers.labels.tolist() == [REFUSED, 0]
    assert answers.accepted(1.0).tolist() == [False, True]
    assert answers.confidence[0] == 0


@pytest.mark.parametrize("kind", KINDS)
def test_pictures_that_are_no_digits_are_the_same_ones_every_time_and_differ_among_themselves(kind: str) -> None:
    pictures = pngs_of(kind, 8)

    assert pictures == pngs_of(kind, 8)
    assert len(set(pictures)) > 4


def test_signs_that_have_the_shape_of_a_digit_are_known() -> None:
    assert all(is_ambiguous(sign, 1) for sign in "OoIlZzSsbqg}")
    assert not any(is_ambiguous(sign, 2) for sign in "AKi?>x")
    assert is_ambiguous("i", 1)


def given_answers(*not_digit: float) -> Answers:
    """One answer for each of these probabilities of being no digit; every label is 3."""
    unlike = np.array(not_digit)
    return Answers(np.full(len(unlike), 3), 1 - 0.9 * unlike, unlike)


def small_rejection() -> Rejection:
    """Three digits, five signs of which one is ambiguous, two doodles."""
    drawings = Drawings("centred", "pen", (b"", b"", b""), np.array([3, 3, 4]), writers=("a", "a", "b"))
    signs = Signs((b"",) * 5, ("A", "A", "O", "x", "x"), ("1b",) * 3 + ("1c",) * 2, np.array([0, 0, 1, 0, 0], bool))
    return Rejection(
        threshold=0.5,
        digits=(AnsweredDigits(drawings, given_answers(0.0, 0.2, 0.6)),),
        signs=signs,
        sign_answers=given_answers(0.1, 0.4, 0.0, 0.9, 0.3),
        others=(NonDigits("doodles", given_answers(1.0, 0.45)),),
    )


def test_a_thinned_set_keeps_what_belongs_to_each_picture() -> None:
    pngs, writers = tuple(bytes([i]) for i in range(9)), tuple("abcdefghi")
    signs = Signs(pngs, writers, writers, np.arange(9) == 8).thinned(3)
    digits = Drawings("centred", "pen", pngs, np.arange(9), writers=writers, mislabelled=frozenset({4, 5})).thinned(3)

    assert (digits.pngs, digits.labels.tolist()) == ((b"\0", b"\4", b"\10"), [0, 4, 8])
    assert digits.writers == ("a", "e", "i")
    assert set(digits.mislabelled) == {1}
    assert (signs.pngs, signs.signs, signs.ambiguous.tolist()) == (digits.pngs, digits.writers, [False, False, True])


def cells(line: str) -> list[str]:
    return [cell.strip() for cell in line.strip("|").split("|")]


def test_signs_are_counted_apart_from_ambiguous_ones_and_by_category() -> None:
    rows = {row[0]: row[1:3] for row in map(cells, kinds_table(small_rejection()).splitlines()[2:])}

    assert rows["letters and symbols, unambiguous"] == ["4", "75.00 % (3)"]
    assert rows["letters and symbols, ambiguous"] == ["1", "100.00 % (1)"]
    assert rows["- lower-case letters"] == ["2", "50.00 % (1)"]
    assert rows["doodles"] == ["2", "50.00 % (1)"]


def test_the_signs_accepted_most_often_come_first() -> None:
    assert worst_signs(small_rejection()) == [("A", 2, 2), ("x", 1, 2)]


def test_a_higher_threshold_accepts_more_digits_and_more_of_all_else() -> None:
    rows = [cells(line) for line in sweep_table(small_rejection(), (0.05, 0.5, 0.95)).splitlines()[2:]]

    assert [row[1] for row in rows] == ["33.33 %", "66.67 %", "100.00 %"]
    assert [row[2] for row in rows] == ["0.00 %", "0.00 %", "33.33 %"]
    assert [row[4] for row in rows] == ["0.00 %", "75.00 %", "100.00 %"]


def test_digits_are_told_apart_from_unambiguous_signs_alone() -> None:
    # Of the 3 x 4 pairs the digit is the likelier one in 4 + 3 + 1: O, which outdoes them all, is in none.
    assert told_apart(small_rejection()) == pytest.approx(8 / 12)


def values_of(changes: list[Change]) -> list[object]:
    return [getattr(change.module, change.name) for change in changes]


def interrupted_run(changes: list[Change], seen: list[object]) -> None:
    """A run that notes what it trains with, and is stopped."""
    with ablations.changed(changes):
        seen += values_of(changes)
        raise KeyboardInterrupt


def test_changes_to_the_training_end_with_the_run() -> None:
    changes = [change for variant in VARIANTS for change in variant.changes]
    before, during = values_of(changes), list[object]()
    with pytest.raises(KeyboardInterrupt):
        interrupted_run(changes, during)

    assert during != before
    assert values_of(changes) == before


def test_ink_without_a_kind_trains_as_long_on_the_others() -> None:
    pictures = Digits(np.zeros((350, 28, 28), np.uint8), np.zeros(350, np.uint8))
    counts = {"mnist": 200, "redrawn": 60, "drawn": 40, "negatives": 50}

    everything = Without(pictures, counts, {}, kind="negatives").rows_of_an_epoch(np.random.default_rng(1))

    assert len(everything) == 200 + 30 + 20 + 20
    assert everything.max() < 300


def test_runs_of_other_recipes_and_seeds_are_kept_apart() -> None:
    variants = [*VARIANTS, Variant("another", changes=(Change(ablations, "SEEDS", 1),))]

    names = {ablations._name(variant, seed) for variant in variants for seed in (1, 2)}

    assert len(names) == 2 * len(variants)


def test_the_table_of_ablations_tells_mean_and_range_of_each_figure() -> None:
    runs = {"all of it": [[1.0] * 7, [3.0] * 7], "no faults": [[4.0] * 7]}

    rows = [cells(line) for line in ablations.table(runs).splitlines()[2:]]

    assert rows[0][:3] == ["all of it", "2", "2.00 (1.00 to 3.00)"]
    assert rows[1][:3] == ["no faults", "1", "4.00"]


def test_figures_of_a_run_are_errors_then_what_is_rejected_and_accepted_wrongly() -> None:
    sets = [ablations.HELD_OUT, *BY_NAME, "mouse_digits_dev", "mnist_c_dev"]
    truths = {name: np.array([3, 3, 3, 4]) for name in sets} | {"corner": np.array([3, 3, 4, 4])}
    run = dict.fromkeys(sets, given_answers(0.0, 0.0, 0.7, 0.0)) | {ablations.SIGNS: given_answers(0.2, 0.8, 0.1)}

    found = ablations.figures(run, truths, np.array([True, True, False]))

    assert found == [25.0, 25.0, 50.0, 25.0, 25.0, 25.0, 50.0]

"""Reports: what they show agrees with the answers, and one file is enough to show it."""

import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest
from markupsafe import Markup

from inkdigit import Recognizer
from inkdigit.registry import get_version
from inkdigit.reports.plots import HEIGHT, WIDTH
from inkdigit.training import report
from inkdigit.training.dataset import read_digits
from inkdigit.training.evaluate import Answers, Group, Judged, Trials, compare, evaluate, judge, misread
from inkdigit.training.labelled import Labelled
from inkdigit.training.report import (
    error_bars,
    reliability_diagram,
    risk_plot,
    roc_plot,
    write_evaluation,
    write_training_report,
)

DATA = Path(__file__).parents[1] / "data"
N, OTHERS = 120, 40
HISTORY = [{"loss": 0.5, "held_out_accuracy": 0.9, "held_out_nll": 0.3}] * 3


class Page(HTMLParser):
    """What a page asks a browser to load, what tags it opened and did not close, and which plots it holds."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.text = path.read_text("utf-8")
        self.loads: list[str] = []
        self.open: list[str] = []
        self.plots: list[str] = []
        self.feed(self.text)

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        given = dict(attributes)
        self.loads += [str(given[name]) for name in ("src", "href") if name in given]
        self.plots += [str(given["aria-label"])] if tag == "svg" else []
        if tag not in {"meta", "img", "br"}:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        pass

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def made_up(seed: int, name: str, writers: tuple[str, ...] = ("ann", "bob")) -> Judged:
    """Answers that are mostly right, by a model that is none, to real digits."""
    digits = read_digits(DATA, "t10k")[:N]
    by = tuple(writers[row % len(writers)] for row in range(N)) if writers else ()
    labelled = replace(Labelled.of("some digits", digits), writers=by)
    random = np.random.default_rng(seed)
    sure = random.dirichlet(np.full(10, 0.2), N) + 0.8 * np.eye(10)[digits.labels]
    probabilities = (sure / sure.sum(axis=1, keepdims=True)).astype(np.float32)
    unsure = random.dirichlet(np.full(10, 0.5), OTHERS).astype(np.float32)
    return Judged(
        name, labelled, answers(probabilities, 0.1), answers(unsure, 0.6), evaluate(probabilities, digits.labels)
    )


def answers(probabilities: np.ndarray, none: float) -> Answers:
    not_digit = np.full(len(probabilities), none, np.float32)
    return Answers(probabilities, not_digit, not_digit < 0.5)


@pytest.fixture(scope="module")
def models() -> list[Judged]:
    return [made_up(1, "model-a"), made_up(2, "model-b")]


@pytest.fixture(scope="module")
def trials() -> Trials:
    rows = [[Group(name, 50, 3 + i), Group(name, 50, i)] for i, name in enumerate(("unspoiled", "fog", "grain"))]
    return Trials("held-out digits", 50, rows, rows)


def only(trials: Trials, column: int) -> Trials:
    return replace(
        trials,
        placements=[row[column : column + 1] for row in trials.placements],
        corruptions=[row[column : column + 1] for row in trials.corruptions],
    )


def points_of(drawing: Markup) -> list[list[tuple[float, float]]]:
    lines = ElementTree.fromstring(drawing).iter("polyline")
    return [[(float(x), float(y)) for x, y in (p.split(",") for p in line.get("points", "").split())] for line in lines]


def test_a_report_is_one_whole_file_that_loads_nothing(models: list[Judged], trials: Trials, tmp_path: Path) -> None:
    write_evaluation(tmp_path / "two.html", models, trials)

    page = Page(tmp_path / "two.html")
    assert page.open == []
    assert page.loads
    assert all(address.startswith("data:image/png;base64,") for address in page.loads)
    assert not re.search("<script|https?:|@import|url\\(", page.text)


def test_a_sentence_under_every_plot_says_how_to_read_it(models: list[Judged], trials: Trials, tmp_path: Path) -> None:
    write_evaluation(tmp_path / "two.html", models, trials)

    page = Page(tmp_path / "two.html")
    assert page.plots == [
        "Reliability diagram", "Risk against coverage", "Digits against what is none (ROC)", "Error by writer",
        "Error by placement", "Error by corruption",
    ]  # fmt: skip
    assert len(re.findall(r"</svg></div><figcaption>How to read it: .{60,}", page.text)) == len(page.plots)


def test_what_was_not_measured_has_no_plot(trials: Trials, tmp_path: Path) -> None:
    judged = made_up(1, "model-a", writers=())
    none = Answers(judged.others.probabilities[:0], judged.others.not_digit[:0], judged.others.is_digit[:0])
    write_evaluation(tmp_path / "one.html", [replace(judged, others=none)])

    assert Page(tmp_path / "one.html").plots == ["Reliability diagram", "Risk against coverage"]


@pytest.mark.parametrize("writers", [("ann",), ("ann", "")])
def test_one_writer_is_not_set_beside_nobody(writers: tuple[str, ...], tmp_path: Path) -> None:
    write_evaluation(tmp_path / "one.html", [made_up(1, "model-a", writers)])

    assert "Error by writer" not in Page(tmp_path / "one.html").plots


def test_pictures_of_nobody_who_is_named_count_for_no_writer(tmp_path: Path) -> None:
    write_evaluation(tmp_path / "two.html", [made_up(seed, "model", ("ann", "", "bob")) for seed in (1, 2)])

    assert "<p>2 writers, median error" in (tmp_path / "two.html").read_text("utf-8")


def test_the_reliability_diagram_shows_every_answer_in_a_bin(models: list[Judged]) -> None:
    drawing = ElementTree.fromstring(reliability_diagram(models[:1]))

    places = list(drawing.iter("text"))
    counts = [int(text.text or 0) for text in places[[text.text for text in places].index("n") + 1 :]]
    assert (len(counts), sum(counts)) == (15, N)
    assert len(list(drawing.iter("circle"))) == len([count for count in counts if count])


def test_a_risk_curve_ends_at_the_error_of_all_answers(models: list[Judged]) -> None:
    for judged in models:
        [curve] = points_of(risk_plot([judged]))
        highest = max(float(text.text or 0) for text in ElementTree.fromstring(risk_plot([judged])).iter("text")
                      if re.fullmatch(r"[\d.]+", text.text or "") and text.get("x") == "-6.0")  # fmt: skip

        assert curve[-1][0] == WIDTH
        error = 100 * judged.evaluation.errors / N
        assert (1 - curve[-1][1] / HEIGHT) * highest == pytest.approx(error, abs=0.01 * highest)


def test_a_roc_curve_climbs(models: list[Judged]) -> None:
    for curve in points_of(roc_plot(models)):
        assert curve == sorted(curve, key=lambda point: (point[0], -point[1]))
        assert curve[-1] == (WIDTH, 0)


def test_a_model_that_knows_of_non_digits_has_a_curve_of_that_too(models: list[Judged]) -> None:
    [judged, _] = models
    ten_classes = replace(judged, answers=answers(judged.answers.probabilities, 0.0))

    assert len(points_of(roc_plot([judged]))) == 2
    assert points_of(roc_plot([judged]))[1][-1] == (WIDTH, 0)
    assert len(points_of(roc_plot([ten_classes]))) == 1


def test_long_curves_are_thinned_and_keep_their_ends() -> None:
    kept = report._thinned(np.arange(10_000))

    assert len(kept) == report.POINTS
    assert (kept[0], kept[-1]) == (0, 9_999)


def test_error_bars_have_a_row_per_group_and_a_bar_per_model(trials: Trials) -> None:
    drawing = ElementTree.fromstring(error_bars("Error", ["model-a", "model-b"], trials.corruptions))

    words = [text.text for text in drawing.iter("text")]
    assert [word for word in words if word in {"unspoiled", "fog", "grain"}] == ["unspoiled", "fog", "grain"]
    assert "8.00 %, 4 of 50" in words
    assert len([path for path in drawing.iter("path") if path.get("class") == "whisker"]) == 6


def test_the_mean_over_corruptions_leaves_the_unspoiled_out(
    models: list[Judged], trials: Trials, tmp_path: Path
) -> None:
    write_evaluation(tmp_path / "one.html", models[:1], only(trials, 0))

    assert "Mean over the kinds of fault: model-a 9.00 %." in (tmp_path / "one.html").read_text("utf-8")


def test_the_gallery_shows_every_mistake_the_dearest_first(models: list[Judged], tmp_path: Path) -> None:
    [judged, _] = models
    write_evaluation(tmp_path / "one.html", [judged])

    shown = re.findall(r'alt="no\. (\d+)"', (tmp_path / "one.html").read_text("utf-8"))
    assert [int(row) for row in shown] == misread(judged.answers.probabilities, judged.labelled.labels).tolist()
    assert shown


def test_a_gallery_that_is_too_long_says_how_many_it_leaves_out(
    models: list[Judged], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(report, "SHOWN", 2)
    write_evaluation(tmp_path / "one.html", models[:1])

    text = (tmp_path / "one.html").read_text("utf-8")
    assert text.count("<figure>") == 2
    assert f"the first 2 of {models[0].evaluation.errors}" in text


def test_two_models_are_shown_by_what_each_alone_reads(models: list[Judged], tmp_path: Path) -> None:
    write_evaluation(tmp_path / "two.html", models)

    found = compare(models[0].right, models[1].right)
    text = (tmp_path / "two.html").read_text("utf-8")
    beside = text[text.index("The two side by side") : text.index("Is a confidence what it says?")]
    assert f"p = {found.p_value:.3g}." in beside
    assert {int(row) for row in re.findall(r'alt="no\. (\d+)"', beside)} == {*found.only_first, *found.only_second}
    assert f"model-a alone reads {len(found.only_first)} right" in beside


@pytest.mark.parametrize("label", [3, 4])
def test_one_picture_makes_a_report_whether_it_is_read_right_or_wrong(label: int, tmp_path: Path) -> None:
    judged = made_up(1, "model-a", writers=())
    one = Labelled("one picture", judged.labelled.frames[:1], np.array([label], np.uint8), ("it.png",))
    three = answers(np.eye(10, dtype=np.float32)[[3]], 0.0)
    write_evaluation(
        tmp_path / "one.html",
        [Judged("model-a", one, three, answers(three.probabilities[:0], 0), evaluate(three.probabilities, one.labels))],
    )

    assert Page(tmp_path / "one.html").open == []
    assert Page(tmp_path / "one.html").text.count("<figure>") == (label != 3)


def test_what_no_picture_tells_of_a_digit_has_a_dash(tmp_path: Path) -> None:
    judged = made_up(1, "model-a", writers=())
    confusion = np.zeros((10, 10), np.int64)
    confusion[3, 3], confusion[3, 5] = 3, 1  # no other digit was there, and none but these was answered
    evaluation = replace(judged.evaluation, confusion=confusion)
    write_evaluation(tmp_path / "one.html", [replace(judged, evaluation=evaluation)])

    text = (tmp_path / "one.html").read_text("utf-8")
    assert "<tr><td>3</td><td>4</td><td>75.00 %</td><td>100.00 %</td></tr>" in text
    assert "<tr><td>5</td><td>0</td><td>–</td><td>0.00 %</td></tr>" in text
    assert "<tr><td>7</td><td>0</td><td>–</td><td>–</td></tr>" in text


def test_names_of_files_writers_and_models_are_only_text(tmp_path: Path) -> None:
    evil = "<script>alert(1)</script>"
    judged = made_up(1, evil, writers=(evil, "bob"))
    named = replace(judged, labelled=replace(judged.labelled, source=evil, names=(evil,) * N))
    write_evaluation(tmp_path / "one.html", [named])

    assert "<script" not in (tmp_path / "one.html").read_text("utf-8")


@pytest.fixture
def card() -> dict[str, Any]:
    return dict(get_version().card)


def test_a_training_report_shows_the_run_and_all_that_an_evaluation_shows(
    card: dict[str, Any], models: list[Judged], trials: Trials, tmp_path: Path
) -> None:
    write_training_report(tmp_path / "report.html", card, HISTORY, models[0], only(trials, 0))

    page = Page(tmp_path / "report.html")
    assert (page.open, page.plots[:3]) == (
        [],
        ["loss (nats)", "error on the held-out images (%)", "Reliability diagram"],
    )
    assert len(page.plots) == 8
    assert card["command"] in page.text
    assert page.text.count("How to read it: ") == 9  # the plots, and the table of thresholds


def test_a_run_without_a_whole_epoch_has_no_curves(card: dict[str, Any], models: list[Judged], tmp_path: Path) -> None:
    write_training_report(tmp_path / "report.html", card, [], models[0])

    assert "loss (nats)" not in Page(tmp_path / "report.html").plots


def test_a_real_model_s_report_agrees_with_its_figures(recognizer: Recognizer, tmp_path: Path) -> None:
    judged = judge(recognizer, Labelled.of("digits", read_digits(DATA, "t10k")[:300]))
    write_evaluation(tmp_path / "one.html", [judged])

    text = (tmp_path / "one.html").read_text("utf-8")
    assert f"<td>{100 * judged.evaluation.accuracy:.2f} %</td>" in text
    assert text.count("<figure>") == judged.evaluation.errors

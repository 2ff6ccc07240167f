import re
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from tests.conftest import FakeRecognizer
from tests.server.conftest import ADMIN_KEY, data_url, drawing

from inkdigit.config import Settings
from inkdigit.errors import StoreError
from inkdigit.feedback import FeedbackStore, Kept, Label, Status, Submission, Verdict
from inkdigit.recognizer import Prediction
from inkdigit.server import create_app, finding, judging
from inkdigit.server.judging import Judge, Judged
from inkdigit.server.schemas import CountsAnswer
from inkdigit.server.statistics import summarize

REVIEW = "/api/v1/review"
ROUTES = [("get", "drawings"), ("get", "statistics"), ("post", "verdicts"), ("post", "undo")]
BODY = {"verdicts": [{"id": 1, "status": "accepted", "truth": 3}]}
NONE = (0.01,) * 10


def keep(store: FeedbackStore, *labels: Label, model: str = "fake-1") -> None:
    for label in labels:
        store.add(Submission(label, 7, 0.9, model, drawing(), writer="w" * 16))


def ask(client: FlaskClient, **query: Any) -> dict[str, Any]:
    response = client.get(f"{REVIEW}/drawings", query_string=query)
    assert response.status_code == 200, response.text
    return dict(response.get_json())


def verdict(number: int, status: str = "accepted", truth: Label = 1) -> dict[str, Any]:
    return {"id": number, "status": status, "truth": truth}


def labels(answer: dict[str, Any]) -> list[Label]:
    return [one["label"] for one in answer["drawings"]]


# --- the key


@pytest.mark.parametrize(("method", "route"), ROUTES)
@pytest.mark.parametrize(
    "authorization",
    [
        None,
        "",
        "Bearer",
        "Bearer ",
        f"Bearer {ADMIN_KEY}x",
        f"Bearer {ADMIN_KEY[:-1]}",
        f"Bearer {ADMIN_KEY.upper()}",
        f"Basic {ADMIN_KEY}",
        ADMIN_KEY,
        "Bearer sch\xf6n",
    ],
)
def test_without_the_key_nothing_is_shown_or_changed(
    keeping_client: FlaskClient, store: FeedbackStore, method: str, route: str, authorization: str | None
) -> None:
    keep(store, 1)
    headers = {} if authorization is None else {"Authorization": authorization}

    response = getattr(keeping_client, method)(f"{REVIEW}/{route}", headers=headers, **json_for(method))

    [kept] = store.drawings()
    assert response.status_code == 401
    assert response.get_json()["type"] == "admin-key-required"
    assert response.headers["WWW-Authenticate"].startswith("Bearer")
    assert ADMIN_KEY not in response.text
    assert (kept.status, kept.truth) == (Status.NEW, 1)


def json_for(method: str) -> dict[str, Any]:
    return {"json": BODY} if method == "post" else {}


@pytest.mark.parametrize(("method", "route"), ROUTES)
def test_a_server_without_a_key_lets_nobody_in_and_says_how_to_set_one(
    fake_recognizer: FakeRecognizer, store: FeedbackStore, method: str, route: str
) -> None:
    client = create_app(fake_recognizer, Settings(), feedback=lambda: store).test_client()

    for key in ("", "None", "null", ADMIN_KEY):
        headers = {"Authorization": f"Bearer {key}"}
        response = getattr(client, method)(f"{REVIEW}/{route}", headers=headers, **json_for(method))

        assert response.status_code == 403
        assert response.get_json()["type"] == "admin-key-unset"
        assert "INKDIGIT_ADMIN_KEY" in response.get_json()["detail"]


@pytest.mark.parametrize("route", ["verdicts", "undo"])
def test_another_site_cannot_review_even_with_the_key(reviewer: FlaskClient, store: FeedbackStore, route: str) -> None:
    keep(store, 1)

    response = reviewer.post(f"{REVIEW}/{route}", json=BODY, headers={"Sec-Fetch-Site": "cross-site"})

    assert response.get_json()["type"] == "cross-site-request"
    assert store.drawings()[0].status is Status.NEW


def test_the_scheme_may_be_written_in_any_case(keeping_client: FlaskClient) -> None:
    response = keeping_client.get(f"{REVIEW}/drawings", headers={"Authorization": f"bearer {ADMIN_KEY}"})

    assert response.status_code == 200


def test_a_key_may_hold_any_sign(fake_recognizer: FakeRecognizer, store: FeedbackStore) -> None:
    key = 'a=b,c="d" e\'f;g#h'.replace(" ", "")
    client = create_app(fake_recognizer, Settings(admin_key=key), feedback=lambda: store).test_client()

    response = client.get(f"{REVIEW}/drawings", headers={"Authorization": f"Bearer {key}"})

    assert response.status_code == 200


def test_the_page_is_there_for_everybody_and_shows_nothing(keeping_client: FlaskClient, store: FeedbackStore) -> None:
    keep(store, 1)

    response = keeping_client.get("/review")

    assert response.status_code == 200
    assert "data:image" not in response.text
    assert ADMIN_KEY not in response.text
    assert not re.search(r"<script(?![^>]*\bsrc=)|\bon\w+=|<style|\bstyle=", response.text)


def test_the_page_of_a_server_without_a_key_says_how_to_set_one(client: FlaskClient) -> None:
    response = client.get("/review")

    assert response.status_code == 403
    assert "INKDIGIT_ADMIN_KEY" in response.text
    assert "<script" not in response.text


# --- which drawings, in which order


def test_drawings_come_newest_first_and_whole(reviewer: FlaskClient, store: FeedbackStore) -> None:
    keep(store, 7, None, 3)

    answer = ask(reviewer)

    first = answer["drawings"][0]
    assert labels(answer) == [3, None, 7]
    assert first["image"] == data_url(drawing())
    assert first["reading"] == {
        "label": 7,
        "confidence": 0.91,
        "of_truth": 0.01,
        "surprise": 6.644,
        "standing": "disagrees",
        "shares": pytest.approx([*NONE[:7], 0.91, *NONE[8:], 0.0]),
        "standings": ["disagrees"] * 7 + ["agrees"] + ["disagrees"] * 2 + ["mislabelled"],
    }
    assert (first["status"], first["truth"], first["predicted"], first["model"]) == ("new", 3, 7, "fake-1")
    assert datetime.fromisoformat(first["created"]).tzinfo == UTC
    assert (answer["matching"], answer["unread"], answer["next"], answer["model"]) == (3, 0, None, "fake-1")
    assert answer["counts"] == {"new": 3, "accepted": 0, "rejected": 0}


def test_only_those_of_a_status_are_shown(reviewer: FlaskClient, store: FeedbackStore) -> None:
    keep(store, 1, 2, 3)
    store.review({1: Verdict(Status.ACCEPTED, 1), 2: Verdict(Status.REJECTED, 2)})

    found = {status: labels(ask(reviewer, status=status)) for status in ("new", "accepted", "rejected", "all")}

    assert found == {"new": [3], "accepted": [1], "rejected": [2], "all": [3, 2, 1]}


@pytest.mark.parametrize("order", ["newest", "valuable"])
def test_pages_follow_one_another_while_drawings_are_judged_and_handed_in(
    reviewer: FlaskClient, store: FeedbackStore, order: str
) -> None:
    keep(store, *[7, 1, 2] * 5)
    seen: list[int] = []
    after = ""

    while after is not None:
        answer = ask(reviewer, order=order, limit=4, **({"after": after} if after else {}))
        ids = [one["id"] for one in answer["drawings"]]
        seen += ids
        after = answer["next"]
        reviewer.post(f"{REVIEW}/verdicts", json={"verdicts": [verdict(number) for number in ids]})
        keep(store, 7)  # comes too late for the newest, and has the place of what is least valuable

    assert set(range(1, 16)) <= set(seen)
    assert len(seen) == len(set(seen))


def test_the_most_valuable_comes_first(reviewer: FlaskClient, store: FeedbackStore) -> None:
    keep(store, 7, 1, 7, None)

    answer = ask(reviewer, order="valuable")

    assert labels(answer) == [None, 1, 7, 7]
    assert [one["id"] for one in answer["drawings"]] == [4, 2, 3, 1]


def test_drawings_can_be_found_by_class_and_reading(
    reviewer: FlaskClient, store: FeedbackStore, fake_recognizer: FakeRecognizer
) -> None:
    keep(store, 7, 1, None, 1)

    assert labels(ask(reviewer, truth="1")) == [1, 1]
    assert labels(ask(reviewer, truth="none", order="valuable")) == [None]
    assert labels(ask(reviewer, reading="7")) == [1, None, 1, 7]
    assert labels(ask(reviewer, reading="none")) == []
    assert ask(reviewer, truth="1", limit=1)["matching"] == 2


@pytest.mark.parametrize(
    "query",
    [
        {"status": "old"},
        {"order": "random"},
        {"truth": "10"},
        {"reading": "-1"},
        {"limit": "0"},
        {"limit": "201"},
        {"limit": "many"},
        {"after": "1"},
        {"after": "1-' OR 1=1"},
        {"after": f"1-{10**12}"},
    ],
)
def test_an_impossible_question_is_refused(reviewer: FlaskClient, query: dict[str, str]) -> None:
    response = reviewer.get(f"{REVIEW}/drawings", query_string=query)

    assert (response.status_code, response.get_json()["type"]) == (400, "bad-request")


def test_the_model_reads_so_many_at_a_time_and_goes_on_when_asked_again(
    reviewer: FlaskClient, store: FeedbackStore, fake_recognizer: FakeRecognizer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(judging, "AT_ONCE", 3)
    keep(store, *range(8))

    answers = [ask(reviewer, order="valuable") for _ in range(3)]

    assert [answer["unread"] for answer in answers] == [5, 2, 0]
    assert [len(answer["drawings"]) for answer in answers] == [0, 0, 8]
    assert len(fake_recognizer.seen) == 8


def test_only_the_newest_are_put_in_order(
    reviewer: FlaskClient, store: FeedbackStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(finding, "WINDOW", 2)
    keep(store, 1, 7, 2)

    assert labels(ask(reviewer, order="valuable")) == [2, 7]


# --- what the model makes of them


def kept(truth: Label, number: int = 1, status: Status = Status.NEW, **fields: Any) -> Kept:
    values = {
        "created": datetime(2026, 11, 22, tzinfo=UTC),
        "label": truth,
        "predicted": 7,
        "confidence": None,
        "model": "fake-1",
        "image": drawing(),
        "strokes": None,
        "source": "anonymous",
    } | fields
    return Kept(id=number, status=status, truth=truth, **values)


def prediction(label: int, share: float, not_digit: float = 0.0, threshold: float = 0.5) -> Prediction:
    rest = (1 - share - not_digit) / 9
    digits = [share if digit == label else rest for digit in range(10)]
    shared = tuple(value + not_digit / 10 for value in digits)
    return Prediction(label, shared[label], shared, not_digit < threshold, not_digit)


@pytest.mark.parametrize(
    ("truth", "found", "standing"),
    [
        (7, prediction(7, 0.99), "agrees"),
        (7, prediction(7, 0.6), "doubtful"),
        (1, prediction(7, 0.6), "disagrees"),
        (1, prediction(7, 0.99), "mislabelled"),
        (None, prediction(7, 0.02, not_digit=0.95), "agrees"),
        (None, prediction(7, 0.3, not_digit=0.6), "doubtful"),
        (7, prediction(7, 0.3, not_digit=0.6), "disagrees"),
        (None, prediction(7, 0.99), "mislabelled"),
    ],
)
def test_what_the_model_makes_of_a_label(truth: Label, found: Prediction, standing: str) -> None:
    class Reader:
        version = "fixed"

        def predict(self, images: Any) -> list[Prediction]:
            return [found] * len(images)

    [judged], left = Judge().judge([kept(truth)], Reader())

    assert judged.standing == standing
    assert left == 0


def test_what_the_model_makes_of_any_label_is_what_it_makes_of_a_drawing_that_has_it() -> None:
    labels: list[Label] = [*range(10), None]
    shares = (0.0, 0.001, 0.002, 0.005, 0.01, 0.02, 0.1, 0.6, 0.05, 0.1, 0.112)

    standings = [Judged(kept(label), 7, shares).standing for label in labels]

    assert all(Judged(kept(label), 7, shares).standings == tuple(standings) for label in labels)
    assert set(standings) == {"doubtful", "disagrees", "mislabelled"}


def shares_of(shares: dict[int, float]) -> tuple[float, ...]:
    return tuple(shares.get(place, 0.0) for place in range(11))


def test_the_less_likely_a_label_the_more_it_surprises() -> None:
    shares = [1.0, 0.5, 0.25, 1e-3, 1e-12, 0.0]

    surprises = [Judged(kept(7), 7, shares_of({7: share})).surprise for share in shares]

    assert surprises == sorted(surprises)
    assert surprises[:3] == [0.0, 1.0, 2.0]
    assert surprises[-1] == judging.MAX_SURPRISE


def test_a_picture_without_ink_counts_as_no_digit(fake_recognizer: FakeRecognizer) -> None:
    [judged], _ = Judge().judge([kept(7, image=b"no picture")], fake_recognizer)

    assert (judged.reading, judged.confidence) == (None, 1.0)
    assert fake_recognizer.seen == []


def test_another_model_reads_them_anew(fake_recognizer: FakeRecognizer) -> None:
    judge = Judge()
    judge.judge([kept(7)], fake_recognizer)
    judge.judge([kept(7)], fake_recognizer)
    fake_recognizer.version, fake_recognizer.label = "fake-2", 3

    [judged], _ = judge.judge([kept(7)], fake_recognizer)

    assert judged.reading == 3
    assert len(fake_recognizer.seen) == 2


def test_only_so_many_readings_are_remembered(fake_recognizer: FakeRecognizer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(judging, "REMEMBERED", 2)
    judge = Judge()

    for number in (1, 2, 3, 1):
        judge.judge([kept(7, number)], fake_recognizer)

    assert len(fake_recognizer.seen) == 4


# --- verdicts


def test_verdicts_are_taken_as_one_step_and_taken_back_as_one(reviewer: FlaskClient, store: FeedbackStore) -> None:
    keep(store, 1, 2, 3)
    step = [verdict(1), verdict(2, truth=None), verdict(3, "rejected", 3)]

    taken = reviewer.post(f"{REVIEW}/verdicts", json={"verdicts": step}).get_json()
    after = [(one.status, one.truth) for one in store.drawings(newest_first=False)]
    undone = reviewer.post(f"{REVIEW}/undo").get_json()

    assert taken == {"changed": 3, "counts": {"new": 0, "accepted": 2, "rejected": 1}, "missing": []}
    assert after == [(Status.ACCEPTED, 1), (Status.ACCEPTED, None), (Status.REJECTED, 3)]
    assert undone == {
        "changed": 3,
        "counts": {"new": 3, "accepted": 0, "rejected": 0},
        "drawings": [{"id": number, "status": "new", "truth": number} for number in (1, 2, 3)],
    }
    assert [(one.status, one.truth) for one in store.drawings(newest_first=False)] == [
        (Status.NEW, truth) for truth in (1, 2, 3)
    ]


def test_of_two_verdicts_on_one_drawing_the_latter_counts(reviewer: FlaskClient, store: FeedbackStore) -> None:
    keep(store, 1)

    reviewer.post(f"{REVIEW}/verdicts", json={"verdicts": [verdict(1, truth=4), verdict(1, truth=9)]})

    assert store.drawings()[0].truth == 9


def test_a_drawing_that_its_writer_deleted_is_passed_over(reviewer: FlaskClient, store: FeedbackStore) -> None:
    keep(store, 1)
    gone = store.add(Submission(2, 7, None, "fake-1", drawing()))
    store.delete(gone)

    answer = reviewer.post(f"{REVIEW}/verdicts", json={"verdicts": [verdict(1), verdict(2)]}).get_json()

    assert (answer["changed"], answer["missing"]) == (1, [2])


def test_a_drawing_that_stands_as_it_is_said_to_is_not_missing(reviewer: FlaskClient, store: FeedbackStore) -> None:
    keep(store, 1)

    for changed in (1, 0):
        answer = reviewer.post(f"{REVIEW}/verdicts", json={"verdicts": [verdict(1)]}).get_json()

        assert (answer["changed"], answer["missing"]) == (changed, [])


def test_with_nothing_to_take_back_undo_changes_nothing(reviewer: FlaskClient) -> None:
    undone = reviewer.post(f"{REVIEW}/undo").get_json()

    assert (undone["changed"], undone["drawings"]) == (0, [])


def test_what_is_taken_back_is_told_though_somebody_else_did_it(reviewer: FlaskClient, store: FeedbackStore) -> None:
    keep(store, 1, 2)
    reviewer.post(f"{REVIEW}/verdicts", json={"verdicts": [verdict(1, "rejected", 1)]})
    reviewer.post(f"{REVIEW}/verdicts", json={"verdicts": [verdict(2, truth=5)]})  # a colleague's

    undone = reviewer.post(f"{REVIEW}/undo").get_json()

    assert undone["drawings"] == [{"id": 2, "status": "new", "truth": 2}]
    assert [one.status for one in store.drawings(newest_first=False)] == [Status.REJECTED, Status.NEW]


@pytest.mark.parametrize(
    "body",
    [
        [],
        {},
        {"verdicts": []},
        {"verdicts": [verdict(1)] * 501},
        {"verdicts": [{"id": 1, "status": "accepted"}]},
        {"verdicts": [verdict(1, "perfect")]},
        {"verdicts": [verdict(1, truth=10)]},
        {"verdicts": [verdict(0)]},
        {"verdicts": [verdict(2**63)]},
        {"verdicts": [verdict(1) | {"id": "1"}]},
        {"verdicts": [verdict(1) | {"reviewer": "me"}]},
        {"verdicts": [verdict(1), "reject the rest"]},
    ],
)
def test_a_malformed_verdict_is_refused_and_nothing_changes(
    reviewer: FlaskClient, store: FeedbackStore, body: Any
) -> None:
    keep(store, 1)

    response = reviewer.post(f"{REVIEW}/verdicts", json=body)

    assert (response.status_code, response.get_json()["type"]) == (400, "bad-request")
    assert store.count()[Status.NEW] == 1


@pytest.mark.parametrize(("method", "route"), ROUTES)
def test_a_store_that_fails_is_told(fake_recognizer: FakeRecognizer, method: str, route: str) -> None:
    def fail() -> FeedbackStore:
        raise StoreError("locked")

    client = create_app(fake_recognizer, Settings(admin_key=ADMIN_KEY), feedback=fail).test_client()
    headers = {"Authorization": f"Bearer {ADMIN_KEY}"}

    response = getattr(client, method)(f"{REVIEW}/{route}", headers=headers, **json_for(method))

    assert (response.status_code, response.get_json()["type"]) == (503, "store-unavailable")
    assert "Retry-After" in response.headers


# --- statistics


def test_statistics_count_what_is_drawn_and_how_it_is_read(reviewer: FlaskClient, store: FeedbackStore) -> None:
    keep(store, 7, 7, 1, None, 1)
    store.review({1: Verdict(Status.ACCEPTED, 7), 5: Verdict(Status.REJECTED, 1)})

    answer = reviewer.get(f"{REVIEW}/statistics").get_json()

    classes = {one["truth"]: (one["new"], one["accepted"], one["rejected"]) for one in answer["classes"]}
    assert answer["counts"] == {"new": 3, "accepted": 1, "rejected": 1}
    assert list(classes) == [*range(10), None]
    assert {truth: counts for truth, counts in classes.items() if any(counts)} == {
        7: (1, 1, 0),
        1: (1, 0, 1),
        None: (1, 0, 0),
    }
    assert [(i, j, n) for i, row in enumerate(answer["confusion"]) for j, n in enumerate(row) if n] == [
        (1, 7, 1),
        (7, 7, 2),
        (10, 7, 1),
    ]
    assert [(one["truth"], one["reading"], one["count"]) for one in answer["errors"]] == [(None, 7, 1), (1, 7, 1)]
    assert answer["errors"][0]["examples"][0] == {"id": 4, "image": data_url(drawing())}
    assert (answer["considered"], answer["unread"], answer["model"]) == (5, 0, "fake-1")


def test_statistics_wait_until_all_is_read(
    reviewer: FlaskClient, store: FeedbackStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(judging, "AT_ONCE", 2)
    keep(store, 1, 2, 3)

    first, second = (reviewer.get(f"{REVIEW}/statistics").get_json() for _ in range(2))

    assert (first["unread"], first["weeks"], first["errors"]) == (1, [], [])
    assert (second["unread"], len(second["errors"])) == (0, 3)


def test_an_empty_store_has_statistics_too(reviewer: FlaskClient) -> None:
    answer = reviewer.get(f"{REVIEW}/statistics").get_json()

    assert (answer["considered"], answer["errors"], answer["weeks"]) == (0, [], [])


def test_confidence_is_told_week_by_week() -> None:
    monday = datetime(2026, 11, 2, 0, 0, tzinfo=UTC)
    days = [0, 6, 7, 21]
    shares = [0.5, 0.9, 0.8, 0.7]
    judged = [
        Judged(kept(7, created=monday + timedelta(days=day, hours=23), confidence=0.6), 7, shares_of({7: share}))
        for day, share in zip(days, shares, strict=True)
    ]

    weeks = summarize(judged, "fake-1", CountsAnswer(new=4, accepted=0, rejected=0), 0, 4).weeks

    assert [date.fromisoformat(week.monday) for week in weeks] == [date(2026, 11, day) for day in (2, 9, 23)]
    assert [week.drawings for week in weeks] == [2, 1, 1]
    assert [round(week.median, 3) for week in weeks] == [0.7, 0.8, 0.7]
    assert all(week.low <= week.median <= week.high for week in weeks)
    assert [week.told for week in weeks] == [0.6] * 3
    assert [week.agreed for week in weeks] == [1.0] * 3


def test_the_most_frequent_errors_come_first_with_some_examples() -> None:
    nines = [Judged(kept(4, number), 9, shares_of({9: 0.9, 4: 0.1})) for number in range(1, 21)]
    judged = [*nines, Judged(kept(1, 30), 7, shares_of({7: 0.9, 1: 0.1}))]

    errors = summarize(judged, "fake-1", CountsAnswer(new=21, accepted=0, rejected=0), 0, 21).errors

    assert [(one.truth, one.reading, one.count) for one in errors] == [(4, 9, 20), (1, 7, 1)]
    assert [one.id for one in errors[0].examples] == [1, 2, 3, 4, 5, 6]


# --- what was handed in is shown, never run


def test_nothing_that_was_handed_in_reaches_the_page_as_markup(
    reviewer: FlaskClient, store: FeedbackStore, keeping_app: Flask
) -> None:
    keep(store, 1, model="<script>alert(1)</script>")  # as an archive from elsewhere may hold it

    response = reviewer.get(f"{REVIEW}/drawings")

    assert response.mimetype == "application/json"
    assert response.headers["X-Content-Type-Options"] == "nosniff"
    assert response.get_json()["drawings"][0]["model"] == "<script>alert(1)</script>"

import base64
import io
import json
import logging
import math
import sqlite3
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from flask import Flask
from flask.testing import FlaskClient
from PIL import Image
from tests.conftest import FakeRecognizer
from tests.server.conftest import data_url, drawing, submission

from inkdigit.config import Settings
from inkdigit.drawing import draw, parse_strokes
from inkdigit.errors import StoreError
from inkdigit.feedback import FeedbackStore, Status
from inkdigit.image import read_image
from inkdigit.preprocess import normalize
from inkdigit.server import create_app
from inkdigit.server.state import state_of

FEEDBACK = "/api/v1/feedback"
SEVEN = [[[80, 60], [200, 60], [120, 220]]]


def answer(response: Any) -> tuple[int, str | None]:
    return response.status_code, (response.get_json(silent=True, force=True) or {}).get("type")


# --- what is kept


def test_a_drawing_with_consent_is_kept_and_answered_with_a_receipt(
    keeping_client: FlaskClient, store: FeedbackStore
) -> None:
    response = keeping_client.post(FEEDBACK, json=submission(confidence=0.83, writer="w" * 16))

    [kept] = store.drawings()
    assert response.status_code == 201
    assert set(response.get_json()) == {"receipt"}
    assert (kept.label, kept.truth, kept.predicted, kept.confidence, kept.model) == (1, 1, 7, 0.83, "fake-1")
    assert kept.status is Status.NEW
    assert kept.strokes is None


def test_what_is_kept_is_a_picture_of_our_own_making(keeping_client: FlaskClient, store: FeedbackStore) -> None:
    polyglot = drawing() + b"<script>alert(1)</script>"

    keeping_client.post(FEEDBACK, json=submission(image=data_url(polyglot)))

    [kept] = store.drawings()
    picture = Image.open(io.BytesIO(kept.image))
    assert b"script" not in kept.image
    assert (picture.format, picture.mode, picture.size, picture.info) == ("PNG", "L", (280, 280), {})
    np.testing.assert_array_equal(255 - np.asarray(picture), read_image(polyglot))


def test_a_large_picture_is_kept_small_and_reads_as_before(keeping_client: FlaskClient, store: FeedbackStore) -> None:
    large = drawing((1700, 1500), (1850, 1500), (1750, 1720), side=2000)

    keeping_client.post(FEEDBACK, json=submission(image=data_url(large)))

    [kept] = store.drawings()
    assert max(Image.open(io.BytesIO(kept.image)).size) <= 280
    assert np.abs(normalize(read_image(kept.image)) - normalize(read_image(large))).mean() < 0.02


def test_strokes_alone_are_drawn(keeping_client: FlaskClient, store: FeedbackStore) -> None:
    keeping_client.post(FEEDBACK, json=submission(image=..., strokes=SEVEN))

    [kept] = store.drawings()
    assert kept.strokes == parse_strokes(SEVEN)
    np.testing.assert_array_equal(255 - np.asarray(Image.open(io.BytesIO(kept.image))), draw(parse_strokes(SEVEN)))


def test_a_picture_may_come_with_its_strokes(keeping_client: FlaskClient, store: FeedbackStore) -> None:
    strokes = [{"width": 12, "points": SEVEN[0]}]

    keeping_client.post(FEEDBACK, json=submission(strokes=strokes))

    [kept] = store.drawings()
    assert kept.strokes == parse_strokes(strokes)
    np.testing.assert_array_equal(read_image(kept.image), read_image(drawing()))


def test_what_is_no_digit_is_kept_as_such(keeping_client: FlaskClient, store: FeedbackStore) -> None:
    keeping_client.post(FEEDBACK, json=submission(label=None, predicted=None))

    [kept] = store.drawings()
    assert (kept.label, kept.truth, kept.predicted) == (None, None, None)


def test_neither_address_nor_cookie_nor_writer_nor_key_nor_receipt_is_stored_or_logged(
    fake_recognizer: FakeRecognizer, store: FeedbackStore, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    keeping_client = create_app(fake_recognizer, Settings(public=True), feedback=lambda: store).test_client()
    keeping_client.set_cookie("crumb", "cookie-of-mine")
    headers = {"Idempotency-Key": "key-of-mine", "User-Agent": "browser-of-mine", "X-Forwarded-For": "203.0.113.9"}

    receipt = keeping_client.post(
        FEEDBACK,
        json=submission(writer="writer-of-mine-1"),
        headers=headers,
        environ_overrides={"REMOTE_ADDR": "203.0.113.7"},
    ).get_json()["receipt"]

    written = b"".join(path.read_bytes() for path in tmp_path.iterdir()) + caplog.text.encode()
    secrets = ["203.0.113", "cookie-of-mine", "writer-of-mine", "key-of-mine", "browser-of-mine", receipt]
    assert b"inkdigit_drawings" in written
    assert [secret for secret in secrets if secret.encode() in written] == []


# --- consent


@pytest.mark.parametrize("consent", [..., False, None])
def test_without_consent_nothing_is_kept(keeping_client: FlaskClient, store: FeedbackStore, consent: Any) -> None:
    response = keeping_client.post(FEEDBACK, json=submission(consent=consent))

    assert answer(response) == (422, "consent-required")
    assert store.drawings() == []


def test_without_consent_the_store_is_not_even_opened(fake_recognizer: FakeRecognizer) -> None:
    opened: list[str] = []

    def open_store() -> FeedbackStore:
        opened.append("store")
        raise StoreError("it should not have been opened")

    app = create_app(fake_recognizer, Settings(), feedback=open_store)

    response = app.test_client().post(FEEDBACK, json=submission(consent=False))

    assert answer(response) == (422, "consent-required")
    assert opened == []


@pytest.mark.parametrize("consent", ["yes", "true", 1, [True], {}])
def test_consent_is_true_and_nothing_like_it(keeping_client: FlaskClient, store: FeedbackStore, consent: Any) -> None:
    assert answer(keeping_client.post(FEEDBACK, json=submission(consent=consent))) == (400, "bad-request")
    assert store.drawings() == []


# --- what is refused


@pytest.mark.parametrize(
    "fields",
    [
        {"image": ...},
        {"label": ...},
        {"label": 10},
        {"label": "7"},
        {"label": True},
        {"label": 7.5},
        {"predicted": ...},
        {"predicted": -1},
        {"confidence": 1.5},
        {"confidence": "high"},
        {"model": ...},
        {"model": ""},
        {"model": "../../etc/passwd"},
        {"model": "<script>alert(1)</script>"},
        {"model": "m" * 101},
        {"writer": "short"},
        {"writer": "x" * 65},
        {"writer": "sixteen letters!"},
        {"image": 7},
        {"image": "http://127.0.0.1/seven.png"},
        {"strokes": 7},
        {"strokes": []},
        {"strokes": [[]]},
        {"strokes": [[[1, 2, 3]]]},
        {"strokes": [[["1", "2"]]]},
        {"strokes": [[[1e9, 0]]]},
        {"strokes": [[[1, 2]]] * 501},
        {"strokes": [[[5, 5], [6, 6]] * 10_001]},
        {"strokes": [{"points": [[1, 2]], "width": 10_000}]},
        {"strokes": [{"points": [[1, 2]], "colour": "red"}]},
        {"address": "203.0.113.7"},
    ],
)
def test_what_is_malformed_is_refused_and_not_kept(
    keeping_client: FlaskClient, store: FeedbackStore, fields: dict[str, Any]
) -> None:
    status, kind = answer(keeping_client.post(FEEDBACK, json=submission(**fields)))

    assert status == 400
    assert kind in {"bad-request", "unreadable-image"}
    assert store.drawings() == []


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"image": data_url(b"GIF89a")}, (415, "unsupported-format")),
        ({"image": data_url(drawing()[:90])}, (400, "unreadable-image")),
        ({"image": data_url(drawing((-20, -20), (-5, -5)))}, (422, "blank-image")),
        ({"image": ..., "strokes": [[[-50, -50]]]}, (422, "blank-image")),
        ({"image": ..., "strokes": [[[-9.47, 100]]]}, (422, "blank-image")),  # 4 levels of ink, a hair over the edge
    ],
)
def test_a_picture_that_cannot_be_read_is_not_kept(
    keeping_client: FlaskClient, store: FeedbackStore, fields: dict[str, Any], expected: tuple[int, str]
) -> None:
    assert answer(keeping_client.post(FEEDBACK, json=submission(**fields))) == expected
    assert store.drawings() == []


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"7", b'{"consent": NaN}', b'{"consent": true, "consent": true}'])
def test_what_is_no_json_object_is_refused(keeping_client: FlaskClient, body: bytes) -> None:
    assert answer(keeping_client.post(FEEDBACK, data=body, content_type="application/json")) == (400, "bad-request")


def test_no_other_kind_of_body_is_taken(keeping_client: FlaskClient) -> None:
    response = keeping_client.post(FEEDBACK, data=drawing(), content_type="image/png")

    assert answer(response) == (415, "unsupported-format")


def test_a_body_over_the_limit_is_refused(keeping_app: Flask) -> None:
    over = b" " * (Settings().max_body_bytes + 1)

    response = keeping_app.test_client().post(FEEDBACK, data=over, content_type="application/json")

    assert answer(response) == (413, "body-too-large")


@pytest.mark.parametrize("method", ["post", "delete"])
def test_another_site_can_neither_hand_in_nor_delete(
    keeping_client: FlaskClient, store: FeedbackStore, method: str
) -> None:
    receipt = keeping_client.post(FEEDBACK, json=submission()).get_json()["receipt"]
    strange = {"Sec-Fetch-Site": "cross-site"}

    if method == "post":
        response = keeping_client.post(FEEDBACK, json=submission(label=2), headers=strange)
    else:
        response = keeping_client.delete(f"{FEEDBACK}/{receipt}", headers=strange)

    assert answer(response) == (403, "cross-site-request")
    assert [kept.label for kept in store.drawings()] == [1]


# --- the same again


def test_a_submission_repeated_with_its_key_is_kept_once(keeping_client: FlaskClient, store: FeedbackStore) -> None:
    headers = {"Idempotency-Key": "c0ffee-c0ffee"}

    receipts = {
        keeping_client.post(FEEDBACK, json=submission(), headers=headers).get_json()["receipt"] for _ in range(3)
    }

    assert len(receipts) == 1
    assert len(store.drawings()) == 1


def test_without_a_key_each_submission_is_one(keeping_client: FlaskClient, store: FeedbackStore) -> None:
    receipts = {keeping_client.post(FEEDBACK, json=submission()).get_json()["receipt"] for _ in range(2)}

    assert len(receipts) == len(store.drawings()) == 2


def test_another_submission_under_the_same_key_is_refused(keeping_client: FlaskClient, store: FeedbackStore) -> None:
    headers = {"Idempotency-Key": "c0ffee"}
    keeping_client.post(FEEDBACK, json=submission(), headers=headers)

    response = keeping_client.post(FEEDBACK, json=submission(label=3), headers=headers)

    assert answer(response) == (409, "idempotency-conflict")
    assert [kept.label for kept in store.drawings()] == [1]


@pytest.mark.parametrize("key", ["", "two words", "k" * 256, "sch\xf6n"])
def test_a_key_that_is_none_is_refused(keeping_client: FlaskClient, store: FeedbackStore, key: str) -> None:
    response = keeping_client.post(FEEDBACK, json=submission(), headers={"Idempotency-Key": key})

    assert answer(response) == (400, "bad-request")
    assert store.drawings() == []


# --- taking it back


def test_a_receipt_deletes_its_drawing_and_no_other(keeping_client: FlaskClient, store: FeedbackStore) -> None:
    first = keeping_client.post(FEEDBACK, json=submission(label=3)).get_json()["receipt"]
    keeping_client.post(FEEDBACK, json=submission(label=4))

    responses = [keeping_client.delete(f"{FEEDBACK}/{first}") for _ in range(2)]

    assert [(response.status_code, response.data) for response in responses] == [(204, b"")] * 2
    assert [kept.label for kept in store.drawings()] == [4]


def test_a_deleted_drawing_does_not_come_back_with_its_key(keeping_client: FlaskClient, store: FeedbackStore) -> None:
    headers = {"Idempotency-Key": "c0ffee"}
    receipt = keeping_client.post(FEEDBACK, json=submission(), headers=headers).get_json()["receipt"]
    keeping_client.delete(f"{FEEDBACK}/{receipt}")

    again = keeping_client.post(FEEDBACK, json=submission(), headers=headers)

    assert (again.status_code, again.get_json()) == (201, {"receipt": receipt})
    assert store.drawings() == []


@pytest.mark.parametrize("receipt", ["nobodys", "..", "%2e%2e%2fsecret", "a" * 4000, "%00", "%ff", "' OR 1=1 --"])
def test_a_receipt_that_is_none_deletes_nothing(
    keeping_client: FlaskClient, store: FeedbackStore, receipt: str
) -> None:
    keeping_client.post(FEEDBACK, json=submission())

    status = keeping_client.delete(f"{FEEDBACK}/{receipt}").status_code

    assert status in {204, 404}  # what climbs out of the address ends elsewhere
    assert len(store.drawings()) == 1


# --- a store that fails


class Broken:
    """A store whose disk is full."""

    def __init__(self) -> None:
        self.purged: list[timedelta] = []

    def add(self, *_: object, **__: object) -> str:
        raise StoreError("the store of corrections at /srv/secret.sqlite: the disk is full")

    delete = review = undo = count = drawings = purge = add


@pytest.fixture
def broken_client(fake_recognizer: FakeRecognizer) -> FlaskClient:
    return create_app(fake_recognizer, Settings(), feedback=Broken).test_client()  # type: ignore[arg-type]


@pytest.mark.parametrize("method", ["post", "delete"])
def test_a_store_that_fails_is_told_with_when_to_try_again(
    broken_client: FlaskClient, method: str, caplog: pytest.LogCaptureFixture
) -> None:
    if method == "post":
        response = broken_client.post(FEEDBACK, json=submission())
    else:
        response = broken_client.delete(f"{FEEDBACK}/receipt")

    assert answer(response) == (503, "store-unavailable")
    assert int(response.headers["Retry-After"]) > 0
    assert "secret" not in response.text
    assert "the disk is full" in caplog.text


def test_digits_are_read_while_the_store_fails(broken_client: FlaskClient, digit_png: bytes) -> None:
    broken_client.post(FEEDBACK, json=submission())

    response = broken_client.post("/api/v1/predict", data=digit_png, content_type="image/png")

    assert response.get_json()["label"] == 7


def test_a_store_whose_url_cannot_be_read_is_told_like_any_other(fake_recognizer: FakeRecognizer) -> None:
    url = "postgresql+psycopg://u:secret@h:port/x"
    app = create_app(fake_recognizer, Settings(), feedback=lambda: FeedbackStore.open(url))

    response = app.test_client().post(FEEDBACK, json=submission())

    assert answer(response) == (503, "store-unavailable")


def test_a_store_that_could_not_be_opened_is_tried_again(fake_recognizer: FakeRecognizer, tmp_path: Path) -> None:
    folder = tmp_path / "later"
    folder.write_text("a file where the folder should be")
    app = create_app(fake_recognizer, Settings(), feedback=lambda: FeedbackStore.open(folder / "feedback.sqlite"))
    before = app.test_client().post(FEEDBACK, json=submission())

    folder.unlink()
    after = app.test_client().post(FEEDBACK, json=submission())

    assert (before.status_code, after.status_code) == (503, 201)
    close(app)


def test_a_locked_store_is_told_and_recovers(fake_recognizer: FakeRecognizer, tmp_path: Path) -> None:
    file = tmp_path / "feedback.sqlite"
    app = create_app(fake_recognizer, Settings(), feedback=lambda: FeedbackStore.open(file, timeout_s=0.05))
    client = app.test_client()
    client.post(FEEDBACK, json=submission())
    other = sqlite3.connect(file, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")

    locked = client.post(FEEDBACK, json=submission())
    other.execute("ROLLBACK")
    after = client.post(FEEDBACK, json=submission())

    assert (locked.status_code, after.status_code) == (503, 201)
    other.close()
    close(app)


def test_a_thread_is_always_left_for_pictures(fake_recognizer: FakeRecognizer, store: FeedbackStore) -> None:
    app = create_app(fake_recognizer, Settings(threads=3), feedback=lambda: store)
    kept = state_of(app).keeping()

    with kept.store(), kept.store():
        crowded = app.test_client().post(FEEDBACK, json=submission())
    after = app.test_client().post(FEEDBACK, json=submission())

    assert (crowded.status_code, after.status_code) == (503, 201)


def test_a_server_without_a_store_says_so(client: FlaskClient) -> None:
    assert answer(client.post(FEEDBACK, json=submission())) == (501, "missing-store")
    assert answer(client.delete(f"{FEEDBACK}/receipt")) == (501, "missing-store")


def close(app: Flask) -> None:
    state_of(app).keeping().close()


# --- retention


@pytest.fixture
def old_drawing(keeping_client: FlaskClient, tmp_path: Path) -> Callable[[], None]:
    """Makes all drawings that are kept a year older."""

    def age() -> None:
        year_ms = 365 * 24 * 3600 * 1000
        with sqlite3.connect(tmp_path / "feedback.sqlite") as connection:
            connection.execute(f"UPDATE inkdigit_drawings SET created_ms = created_ms - {year_ms}")
        connection.close()

    return age


def test_what_is_too_old_is_deleted_when_another_drawing_comes(
    fake_recognizer: FakeRecognizer, store: FeedbackStore, keeping_client: FlaskClient, old_drawing: Callable[[], None]
) -> None:
    keeping_client.post(FEEDBACK, json=submission(label=3))
    old_drawing()
    client = create_app(fake_recognizer, Settings(retention_days=30), feedback=lambda: store).test_client()

    client.post(FEEDBACK, json=submission(label=4))

    assert [kept.label for kept in store.drawings()] == [4]


def test_it_is_looked_for_once_a_day(
    fake_recognizer: FakeRecognizer,
    store: FeedbackStore,
    old_drawing: Callable[[], None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    now = [1_000_000.0]
    monkeypatch.setattr("inkdigit.server.keeping.time", SimpleNamespace(monotonic=lambda: now[0]))
    client = create_app(fake_recognizer, Settings(retention_days=30), feedback=lambda: store).test_client()
    counts = []

    for pause in (0, 0, 23 * 3600, 2 * 3600):
        now[0] += pause
        client.post(FEEDBACK, json=submission())
        counts.append(len(store.drawings()))
        old_drawing()

    assert counts == [1, 2, 3, 1]


def test_without_a_retention_nothing_is_deleted(
    keeping_client: FlaskClient, store: FeedbackStore, old_drawing: Callable[[], None]
) -> None:
    keeping_client.post(FEEDBACK, json=submission())
    old_drawing()

    keeping_client.post(FEEDBACK, json=submission())

    assert len(store.drawings()) == 2


def test_a_purge_that_fails_costs_no_drawing(
    fake_recognizer: FakeRecognizer, store: FeedbackStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_self: object, _older_than: object) -> int:
        raise StoreError("locked")

    monkeypatch.setattr(FeedbackStore, "purge", fail)
    client = create_app(fake_recognizer, Settings(retention_days=30), feedback=lambda: store).test_client()

    response = client.post(FEEDBACK, json=submission())

    assert response.status_code == 201
    assert len(store.drawings()) == 1


def test_the_example_of_the_documents_is_kept(keeping_client: FlaskClient, store: FeedbackStore) -> None:
    document = json.loads(keeping_client.get("/api/openapi.json").data)
    properties = document["components"]["schemas"]["SubmissionBody"]["properties"]

    image, strokes = properties["image"]["examples"][0], properties["strokes"]["examples"][0]
    response = keeping_client.post(FEEDBACK, json=submission(image=image, strokes=strokes))

    assert response.status_code == 201
    assert base64.b64decode(image.partition(",")[2]).startswith(b"\x89PNG")
    assert len(store.drawings()) == 1


def test_strokes_that_would_take_long_to_paint_are_refused(keeping_client: FlaskClient) -> None:
    scribble = [[100 + 80 * math.sin(i), 140 + 80 * math.cos(i * 1.1)] for i in range(1500)]
    strokes = [{"width": 40, "points": scribble}]

    refused = keeping_client.post("/api/v1/feedback", json=submission(image=..., strokes=strokes))
    taken = keeping_client.post("/api/v1/feedback", json=submission(strokes=strokes))

    assert (refused.status_code, refused.json["type"]) == (400, "bad-request")  # type: ignore[index]
    assert taken.status_code == 201

"""POST /api/v1/read: what it answers, and what it refuses. How a body is told apart is the same as for predict."""

import io
import json
import struct
import zlib
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from flask.testing import FlaskClient
from PIL import Image
from tests.conftest import number
from tests.server.test_api import BAD_FORMS, BAD_JSON, FILE, data_url, form, multipart, picture, refused
from tests.server.test_serving import HIDDEN, exchange, running, statuses

from inkdigit import BlankImageError, MissingExtraError
from inkdigit.config import MAX_BODY_BYTES, MAX_PAGE_BODY_BYTES, Settings
from inkdigit.image import read_page
from inkdigit.number import Alternative, Box, Character, Number
from inkdigit.pages import reading_record
from inkdigit.server import MAX_FORM_PARTS, create_app
from inkdigit.structure import PAGE_LIMITS

READ = "/api/v1/read"
FOUR, ZERO, SEVEN = (
    {"label": label, "confidence": 0.99, "box": [x, 30, 10, 16], "doubtful": False, "alternatives": []}
    for label, x in ((4, 20), (0, 30), (7, 50))
)
DOUBT = {"doubtful": True, "confidence": 0.6}
OTHERS = [{"label": 9, "confidence": 0.3}, {"label": "", "confidence": 0.1}]


def ask(client: FlaskClient, page: bytes, query: str = "", **headers: str) -> Any:
    return client.post(f"{READ}{query}", data=page, content_type="image/png", headers=headers)


def padded(png: bytes, size: int) -> bytes:
    """The same picture in a file of so many bytes."""
    chunk = b"juNk" + b"\0" * (size - len(png) - 12)
    return png[:33] + struct.pack(">I", len(chunk) - 4) + chunk + struct.pack(">I", zlib.crc32(chunk)) + png[33:]


# --- what is answered


def test_numbers_are_told_with_their_digits_boxes_and_doubts(client: FlaskClient, digit_png: bytes) -> None:
    answer = ask(client, digit_png).get_json()

    assert answer["model"] == "fake-lines"
    assert [found["text"] for found in answer["numbers"]] == ["4007", "12.50"]
    assert answer["numbers"][0] == {
        "text": "4007",
        "value": 4007,
        "confidence": 0.93,
        "box": [20, 30, 40, 16],
        "digits": [FOUR, ZERO, ZERO | {"box": [40, 30, 10, 16]}, SEVEN | DOUBT | {"alternatives": OTHERS}],
    }


def test_digits_are_numbers_and_signs_are_text(client: FlaskClient, digit_png: bytes) -> None:
    [_, amount] = ask(client, digit_png).get_json()["numbers"]

    assert [character["label"] for character in amount["digits"]] == [1, 2, ".", 5, 0]
    assert amount["value"] == 12.5


@pytest.mark.parametrize(
    ("text", "value"), [("-12", -12), ("12/03/2024", None), ("3,50", 3.5), ("9" * 30, int("9" * 30))]
)
def test_a_value_is_a_number_or_nothing(
    client: FlaskClient, digit_png: bytes, fake_reader: Any, text: str, value: Any
) -> None:
    fake_reader.numbers = [number(text)]

    [answer] = ask(client, digit_png).get_json()["numbers"]

    assert (answer["text"], answer["value"]) == (text, value)


@pytest.mark.parametrize(("repaired", "told"), [("9", 9), (".", "."), ("", "")])
def test_a_repaired_digit_says_what_it_was(
    client: FlaskClient, digit_png: bytes, fake_reader: Any, repaired: str, told: Any
) -> None:
    box = Box(1, 2, 3, 4)
    fake_reader.numbers = [Number("47", 0.9, box, (Character("4", 0.9, box), Character("7", 0.9, box, (), repaired)))]

    [four, seven] = ask(client, digit_png).get_json()["numbers"][0]["digits"]

    assert "repaired_from" not in four
    assert seven["repaired_from"] == told
    assert seven["doubtful"] is True


def test_a_page_without_numbers_is_an_answer(client: FlaskClient, digit_png: bytes, fake_reader: Any) -> None:
    fake_reader.numbers = []

    assert ask(client, digit_png).get_json() == {"numbers": [], "model": "fake-lines"}
    assert ask(client, digit_png, Accept="text/plain").text == ""


def test_the_answer_is_the_record_that_the_command_line_prints(
    client: FlaskClient, digit_png: bytes, fake_reader: Any
) -> None:
    every_sign = Alternative(":", 0.01)
    box = Box(0, 0, 1, 1)
    fake_reader.numbers.append(Number("=", 0.5, box, (Character("=", 0.5, box, (every_sign,), "-"),)))

    answer = ask(client, digit_png).get_json()

    assert answer == json.loads(json.dumps(reading_record(fake_reader.numbers, "fake-lines")))


def test_plain_text_is_a_number_a_line(client: FlaskClient, digit_png: bytes) -> None:
    response = ask(client, digit_png, Accept="text/plain")

    assert response.mimetype == "text/plain"
    assert response.text == "4007\n12.50\n"


@pytest.mark.parametrize("way", ["raw", "form", "json"])
def test_the_reader_gets_the_page_whichever_way_it_comes(
    client: FlaskClient, digit_png: bytes, fake_reader: Any, way: str
) -> None:
    ways: dict[str, dict[str, Any]] = {
        "raw": {"data": digit_png, "content_type": "image/jpeg"},
        "form": form(digit_png),
        "json": {"json": {"image": data_url(digit_png)}},
    }

    client.post(READ, **ways[way])

    [page] = fake_reader.seen
    np.testing.assert_array_equal(page, read_page(digit_png))


# --- what is expected


def test_what_is_expected_reaches_the_reader(client: FlaskClient, digit_png: bytes, fake_reader: Any) -> None:
    fake_reader.numbers = [number("4007")]

    fits = ask(client, digit_png, "?expect=length%3D4%3Brange%3D4000..5000")
    does_not = ask(client, digit_png, "?expect=length%3D5")

    assert fits.status_code == 200
    assert refused(does_not) == (422, "no-reading")
    assert "length=5" in does_not.text


@pytest.mark.parametrize("query", ["?expect=", "?utm_source=mail"])
def test_expecting_nothing_is_no_fault(client: FlaskClient, digit_png: bytes, query: str) -> None:
    assert ask(client, digit_png, query).status_code == 200


@pytest.mark.parametrize(
    "rules",
    ["lenght=4", "length=", "length=-1", "range=5..1", "pattern=(", "pattern=[0-9", "one-of=", "x" * 5000, "a\0b"],
)
def test_rules_that_cannot_be_are_refused(client: FlaskClient, digit_png: bytes, fake_reader: Any, rules: str) -> None:
    response = client.post(READ, data=digit_png, content_type="image/png", query_string={"expect": rules})

    assert refused(response) == (400, "bad-request")
    assert "expect" in response.text
    assert len(response.get_data()) < 1000
    assert fake_reader.seen == []


def test_rules_given_twice_are_refused(client: FlaskClient, digit_png: bytes) -> None:
    response = ask(client, digit_png, "?expect=length%3D4&expect=integer")

    assert refused(response) == (400, "bad-request")
    assert "expect is given more than once" in response.text


# --- what is refused


def failing(error: Exception) -> FlaskClient:
    class Failing:
        version = "failing"

        def read(self, page: Any, expect: Any = None) -> Any:
            raise error

    return create_app(_Digits(), Settings(), Failing()).test_client()


class _Digits:
    version = "digits"
    card: Any = {}  # noqa: RUF012  never changed

    def predict(self, images: Any) -> Any:
        return []

    def classify(self, images: Any) -> Any:
        return images


def test_a_server_without_opencv_says_what_to_install(digit_png: bytes) -> None:
    response = ask(failing(MissingExtraError("opencv-python-headless", "read")), digit_png)

    assert refused(response) == (501, "missing-extra")
    assert "pip install 'inkdigit[read]'" in response.text


def test_a_server_without_a_reader_still_reads_digits(
    client: FlaskClient, fake_recognizer: Any, digit_png: bytes
) -> None:
    client = create_app(fake_recognizer, Settings()).test_client()

    assert refused(ask(client, digit_png)) == (501, "missing-reader")
    assert client.post("/api/v1/predict", data=digit_png, content_type="image/png").status_code == 200


def test_a_page_without_ink_is_refused_as_one_of_predict_is(digit_png: bytes) -> None:
    response = ask(failing(BlankImageError("the picture is blank")), digit_png)

    assert refused(response) == (422, "blank-image")


def test_a_fault_of_the_reader_is_logged_and_tells_nothing(digit_png: bytes, caplog: pytest.LogCaptureFixture) -> None:
    response = ask(failing(RuntimeError("secret")), digit_png)

    assert refused(response) == (500, "internal-error")
    assert "secret" not in response.text
    assert "secret" in caplog.text


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        pytest.param(b"", (400, "unreadable-image"), id="empty"),
        pytest.param(picture()[:40], (400, "unreadable-image"), id="cut short"),
        pytest.param(picture(mode="1", color=1, size=(9000, 10)), (413, "image-too-large"), id="too wide"),
        pytest.param(picture(mode="1", color=1, size=(4100, 3100)), (413, "image-too-large"), id="too many pixels"),
        pytest.param(picture(kind="GIF"), (415, "unsupported-format"), id="GIF"),
        pytest.param(b"hello, world", (415, "unsupported-format"), id="text"),
    ],
)
@pytest.mark.parametrize("way", ["raw", "form", "json"])
def test_a_bad_picture_is_the_same_problem_whichever_way_it_comes(
    client: FlaskClient, fake_reader: Any, body: bytes, expected: tuple[int, str], way: str
) -> None:
    ways: dict[str, dict[str, Any]] = {
        "raw": {"data": body, "content_type": "image/png"},
        "form": form(body),
        "json": {"json": {"image": data_url(body)}},
    }

    response = client.post(READ, **ways[way])

    assert refused(response) == expected
    assert fake_reader.seen == []


@pytest.mark.parametrize("url", ["data:image/png;base64,@@@@", "data:image/png;base64", "http://127.0.0.1:9/7.png", ""])
def test_a_bad_data_url_is_refused_and_never_fetched(
    client: FlaskClient, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    connections: list[Any] = []
    monkeypatch.setattr("socket.socket.connect", lambda *target: connections.append(target))

    response = client.post(READ, json={"image": url})

    assert refused(response) == (400, "unreadable-image")
    assert connections == []


@pytest.mark.parametrize("body", BAD_JSON.values(), ids=BAD_JSON.keys())
def test_bad_json_is_refused(client: FlaskClient, fake_reader: Any, body: bytes) -> None:
    response = client.post(READ, data=body, content_type="application/json")

    assert refused(response) == (400, "bad-request")
    assert len(response.get_data()) < 1000
    assert fake_reader.seen == []


@pytest.mark.parametrize("body", BAD_FORMS.values(), ids=BAD_FORMS.keys())
def test_a_bad_form_is_refused(client: FlaskClient, body: bytes) -> None:
    response = client.post(READ, data=body, content_type="multipart/form-data; boundary=frontier")

    assert refused(response) == (400, "bad-request")


def test_a_form_of_many_parts_or_with_a_long_boundary_is_refused(client: FlaskClient, digit_png: bytes) -> None:
    many = multipart((FILE, digit_png), *[('name="more"', b"x")] * 49)
    boundary = "b" * 20_000
    long = multipart((FILE, digit_png), boundary=boundary.encode())

    parts = client.post(READ, data=many, content_type="multipart/form-data; boundary=frontier")
    wall = client.post(READ, data=long, content_type=f"multipart/form-data; boundary={boundary}")

    assert refused(parts) == (413, "body-too-large")
    assert f"{MAX_FORM_PARTS} parts" in parts.text
    assert refused(wall) == (400, "bad-request")


def test_who_accepts_no_form_of_the_answer_is_told_so(client: FlaskClient, digit_png: bytes) -> None:
    assert refused(ask(client, digit_png, Accept="image/png")) == (406, "not-acceptable")


# --- how large a body may be


def test_a_page_may_be_larger_than_the_picture_of_a_digit(client: FlaskClient, digit_png: bytes) -> None:
    large = padded(digit_png, MAX_BODY_BYTES + 1)

    responses = [
        client.post(READ, data=large, content_type="image/png"),
        client.post(READ, **form(large)),
        client.post(READ, json={"image": data_url(large)}),
        client.post("/api/v1/predict", data=large, content_type="image/png"),
    ]

    assert [response.status_code for response in responses] == [200, 200, 200, 413]


def test_the_largest_page_fits_as_it_is_and_into_a_form(client: FlaskClient, digit_png: bytes) -> None:
    largest = padded(digit_png, PAGE_LIMITS.bytes)

    assert ask(client, largest).status_code == 200
    assert client.post(READ, **form(largest)).status_code == 200
    assert refused(ask(client, padded(digit_png, PAGE_LIMITS.bytes + 1))) == (413, "image-too-large")


@pytest.mark.parametrize("media_type", ["application/json", "multipart/form-data; boundary=b", "image/png"])
def test_a_body_over_the_limit_is_refused(client: FlaskClient, media_type: str) -> None:
    response = client.post(READ, data=b"x" * (MAX_PAGE_BODY_BYTES + 1), content_type=media_type)

    assert refused(response) == (413, "body-too-large")
    assert str(MAX_PAGE_BODY_BYTES) in response.text


def test_a_chunked_body_over_the_limit_is_never_cut_short(
    client: FlaskClient, digit_png: bytes, fake_reader: Any
) -> None:
    endless = io.BytesIO(digit_png + b"\0" * MAX_PAGE_BODY_BYTES)

    response = client.post(
        READ, input_stream=endless, content_type="image/png", environ_overrides={"wsgi.input_terminated": True}
    )

    assert refused(response) == (413, "body-too-large")
    assert fake_reader.seen == []


# --- on a real port


@pytest.fixture
def port(app: Any) -> Iterator[int]:
    with running(app) as server:
        yield server.port


def post(head: bytes, body: bytes = b"", path: bytes = READ.encode()) -> bytes:
    return b"POST %s HTTP/1.1\r\nHost: localhost\r\nContent-Type: image/png\r\n%s\r\n%s" % (path, head, body)


def problem_of(answer: bytes) -> str:
    return str(json.loads(answer.partition(b"\r\n\r\n")[2])["type"])


def test_a_large_page_is_read_over_the_wire(port: int, digit_png: bytes) -> None:
    large = padded(digit_png, MAX_BODY_BYTES + 1)

    answer = exchange(port, post(b"Connection: close\r\nContent-Length: %d\r\n" % len(large), large))

    assert statuses(answer) == [200]
    assert b'"text":"4007"' in answer


@pytest.mark.parametrize(("excess", "told"), [(0, "image-too-large"), (1, "body-too-large")])
def test_the_limit_is_the_same_to_the_byte_in_both_layers(port: int, excess: int, told: str) -> None:
    body = b"x" * (MAX_PAGE_BODY_BYTES + excess)

    answer = exchange(port, post(b"Connection: close\r\nContent-Length: %d\r\n" % len(body), body))

    assert statuses(answer) == [413]
    assert problem_of(answer) == told


def test_a_chunked_page_is_read_whole_up_to_the_limit_and_refused_beyond(
    port: int, digit_png: bytes, fake_reader: Any
) -> None:
    def chunked(body: bytes) -> list[bytes]:
        parts = [body[start : start + 65536] for start in range(0, len(body), 65536)]
        chunks = [b"%x\r\n%s\r\n" % (len(part), part) for part in parts]
        return [post(b"Connection: close\r\nTransfer-Encoding: chunked\r\n"), *chunks, b"0\r\n\r\n"]

    fits = exchange(port, *chunked(padded(digit_png, PAGE_LIMITS.bytes)))
    too_much = exchange(port, *chunked(digit_png + b"\0" * MAX_PAGE_BODY_BYTES), HIDDEN)

    assert statuses(fits) == [200]
    assert statuses(too_much) == [413]
    assert len(fake_reader.seen) == 1


@pytest.mark.parametrize("path", [b"/api/v1/predict", b"/api/v1/read/", b"/api//v1/read", b"/api/v1/read2", b"/"])
def test_no_other_path_takes_so_much(port: int, path: bytes) -> None:
    answer = exchange(port, post(b"Content-Length: %d\r\n" % (MAX_BODY_BYTES + 1), path=path))

    assert statuses(answer) == [413]
    assert problem_of(answer) == "body-too-large"


def test_requests_behind_one_another_each_have_their_own_limit(port: int, digit_png: bytes) -> None:
    page = post(b"Content-Length: %d\r\n" % len(digit_png), digit_png)
    too_much = post(b"Content-Length: %d\r\n" % (MAX_BODY_BYTES + 1), path=b"/api/v1/predict")

    answer = exchange(port, page + too_much + HIDDEN)

    assert statuses(answer) == [200, 413]


BROKEN = {
    "two lengths": b"Content-Length: 5\r\nContent-Length: 6\r\n",
    "a negative length": b"Content-Length: -5\r\n",
    "a length of 5,000 digits": b"Content-Length: " + b"9" * 5000 + b"\r\n",
    "a length and chunks": b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n",
}


@pytest.mark.parametrize("head", BROKEN.values(), ids=BROKEN.keys())
def test_a_broken_request_is_refused_and_nothing_behind_it_is_served(port: int, head: bytes) -> None:
    answer = exchange(port, post(head, b"0\r\n\r\n") + HIDDEN)

    assert statuses(answer) == [400]
    assert problem_of(answer) == "bad-request"


def test_a_declared_body_of_10_gb_is_refused_before_it_is_sent(port: int) -> None:
    answer = exchange(port, post(b"Content-Length: 10000000000\r\n"))

    assert statuses(answer) == [413]
    assert problem_of(answer) == "body-too-large"


def test_a_phone_photo_on_its_side_has_its_boxes_on_the_upright_picture(client: FlaskClient, fake_reader: Any) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    file = io.BytesIO()
    lines = np.full((40, 90, 3), 240, np.uint8)
    lines[10:14, 10:60] = 20
    Image.fromarray(lines).save(file, "JPEG", exif=exif)

    client.post(READ, data=file.getvalue(), content_type="image/jpeg")

    assert fake_reader.seen[0].shape == (90, 40)

import base64
import gzip
import io
import json
import re
import struct
import zlib
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from flask import Flask
from flask.testing import FlaskClient
from numpy.typing import NDArray
from PIL import Image

from inkdigit import locate, normalize, read_image
from inkdigit.config import MAX_BODY_BYTES, Settings
from inkdigit.image import MAX_IMAGE_BYTES
from inkdigit.server import MAX_FORM_PARTS, MAX_FORM_TEXT_BYTES, create_app
from inkdigit.server.state import state_of

PREDICT = "/api/v1/predict"
FILE = 'name="image"; filename="a.png"'
EXPECTED = {
    "label": 7,
    "confidence": 0.91,
    "is_digit": True,
    "not_digit": 0.0,
    "accepted": True,
    "probabilities": [0.01] * 7 + [0.91] + [0.01] * 2,
    "model": "fake-1",
}
"""What the fake recognizer's answer looks like."""


def data_url(png: bytes, media_type: str = "image/png") -> str:
    return f"data:{media_type};base64,{base64.b64encode(png).decode()}"


def picture(mode: str = "L", color: Any = 255, size: tuple[int, int] = (40, 40), kind: str = "PNG") -> bytes:
    file = io.BytesIO()
    Image.new(mode, size, color).save(file, kind)
    return file.getvalue()


def multipart(*parts: tuple[str, bytes], boundary: bytes = b"frontier") -> bytes:
    body = b"".join(
        b"--%s\r\nContent-Disposition: form-data; %s\r\n\r\n%s\r\n" % (boundary, head.encode(), content)
        for head, content in parts
    )
    return body + b"--%s--\r\n" % boundary


def form(data: bytes) -> dict[str, Any]:
    return {"data": multipart((FILE, data)), "content_type": "multipart/form-data; boundary=frontier"}


# --- what is read


def test_a_data_url_in_json_is_read(client: FlaskClient, digit_png: bytes) -> None:
    response = client.post(PREDICT, json={"image": data_url(digit_png)})

    assert response.status_code == 200
    assert response.mimetype == "application/json"
    assert response.json == EXPECTED


def test_a_file_in_a_form_is_read(client: FlaskClient, digit_png: bytes) -> None:
    response = client.post(PREDICT, **form(digit_png))

    assert response.json == EXPECTED


@pytest.mark.parametrize("media_type", ["image/png", "image/jpeg", "image/webp", "application/octet-stream"])
def test_a_raw_body_is_read_whatever_type_it_is_said_to_have(
    client: FlaskClient, digit_png: bytes, media_type: str
) -> None:
    response = client.post(PREDICT, data=digit_png, content_type=media_type)

    assert response.json == EXPECTED


@pytest.mark.parametrize("filler", [b"\r", b"\n", b"\r\n", b"\r\n--frontie", b"--", b"\0"])
def test_a_file_of_megabytes_in_a_form_is_read_whole(client: FlaskClient, digit_png: bytes, filler: bytes) -> None:
    chunk = b"".join((b"juNk", filler * (3_000_000 // len(filler))))
    large = digit_png[:33] + struct.pack(">I", len(chunk) - 4) + chunk + struct.pack(">I", zlib.crc32(chunk))

    response = client.post(PREDICT, **form(large + digit_png[33:]))

    assert response.json == EXPECTED


def test_content_types_may_have_parameters_and_capitals(client: FlaskClient, digit_png: bytes) -> None:
    body = json.dumps({"image": data_url(digit_png)})

    response = client.post(PREDICT, data=body, content_type="Application/JSON; charset=utf-8")

    assert response.json == EXPECTED


def test_the_recognizer_gets_what_the_library_makes_of_the_picture(
    client: FlaskClient, fake_recognizer: Any, digit_png: bytes
) -> None:
    client.post(PREDICT, data=digit_png, content_type="image/png")

    [image] = fake_recognizer.seen
    np.testing.assert_array_equal(image, normalize(read_image(digit_png)))


def test_the_input_is_added_on_request(client: FlaskClient, digit_png: bytes) -> None:
    response = client.post(f"{PREDICT}?include=input", data=digit_png, content_type="image/png")

    answer = dict(response.get_json())
    head, _, png = answer.pop("input").partition(",")
    assert head == "data:image/png;base64"
    seen = np.asarray(Image.open(io.BytesIO(base64.b64decode(png))), np.float32) / 255
    np.testing.assert_allclose(seen, normalize(read_image(digit_png)), atol=0.5 / 255 + 1e-6)
    assert answer.pop("polarity") == "dark-on-light"
    assert answer == EXPECTED


def test_the_polarity_of_light_ink_is_told(client: FlaskClient, digit_png: bytes) -> None:
    inverted = Image.eval(Image.open(io.BytesIO(digit_png)), lambda level: 255 - level)
    file = io.BytesIO()
    inverted.save(file, "PNG")

    response = client.post(f"{PREDICT}?include=input", data=file.getvalue(), content_type="image/png")

    assert response.get_json()["polarity"] == "light-on-dark"


def test_the_explanation_is_added_on_request(client: FlaskClient, digit_png: bytes) -> None:
    response = client.post(f"{PREDICT}?include=explanation", data=digit_png, content_type="image/png")

    answer = dict(response.get_json())
    seen = normalize(read_image(digit_png))
    red, _, blue, alpha = np.moveaxis(rgba_of(answer.pop("explanation")).astype(int), -1, 0)
    np.testing.assert_array_equal(alpha, np.rint(seen * 255))
    assert (red > blue)[:12][seen[:12] > 0.5].all()
    assert (red < blue)[17:][seen[17:] > 0.5].all()
    assert answer.pop("place") == asdict(locate(read_image(digit_png), seen))
    assert answer == EXPECTED


def rgba_of(url: str) -> NDArray[np.uint8]:
    head, _, png = url.partition(",")
    assert head == "data:image/png;base64"
    image = Image.open(io.BytesIO(base64.b64decode(png)))
    assert image.mode == "RGBA"
    return np.asarray(image)


@pytest.mark.parametrize(
    "query",
    [
        "include=input,explanation",
        "include=explanation,input",
        "include=input&include=explanation",
        "include=input,explanation&include=input",
    ],
)
def test_both_are_added_however_they_are_asked_for(client: FlaskClient, digit_png: bytes, query: str) -> None:
    response = client.post(f"{PREDICT}?{query}", data=digit_png, content_type="image/png")

    assert set(response.get_json()) == {*EXPECTED, "input", "polarity", "explanation", "place"}


def test_nothing_is_explained_unless_it_is_asked_for(
    client: FlaskClient, digit_png: bytes, fake_recognizer: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[Any] = []
    monkeypatch.setattr(fake_recognizer, "classify", asked.append)

    client.post(f"{PREDICT}?include=input", data=digit_png, content_type="image/png")

    assert asked == []


@pytest.mark.parametrize(("least", "accepted"), [("0", True), ("0.91", True), ("0.92", False), ("1", False)])
def test_an_answer_under_the_least_confidence_is_not_accepted(
    client: FlaskClient, digit_png: bytes, least: str, accepted: bool
) -> None:
    url = f"{PREDICT}?min_confidence={least}"

    answer = client.post(url, data=digit_png, content_type="image/png")
    text = client.post(url, data=digit_png, content_type="image/png", headers={"Accept": "text/plain"})

    assert answer.json == EXPECTED | {"accepted": accepted}
    assert text.text == ("7" if accepted else "?")


def test_what_is_no_digit_is_not_accepted_however_little_is_asked(
    client: FlaskClient, digit_png: bytes, fake_recognizer: Any
) -> None:
    fake_recognizer.not_digit = 0.75

    answer = client.post(f"{PREDICT}?min_confidence=0", data=digit_png, content_type="image/png")
    text = client.post(PREDICT, data=digit_png, content_type="image/png", headers={"Accept": "text/plain"})

    assert answer.json == EXPECTED | {"is_digit": False, "not_digit": 0.75, "accepted": False}
    assert text.text == "?"


def test_unknown_parameters_are_ignored(client: FlaskClient, digit_png: bytes) -> None:
    response = client.post(f"{PREDICT}?utm_source=mail&utm_source=chat", data=digit_png, content_type="image/png")

    assert response.json == EXPECTED


@pytest.mark.parametrize(
    "accept",
    [
        "text/plain",
        "text/plain, application/json;q=0.9",
        "application/json;q=0, */*",
        "text/plain; charset=utf-8",
        "application/json; indent=4; q=0.5, text/plain; format=flowed",
    ],
)
def test_who_prefers_plain_text_gets_the_digit_alone(client: FlaskClient, digit_png: bytes, accept: str) -> None:
    response = client.post(PREDICT, data=digit_png, content_type="image/png", headers={"Accept": accept})

    assert response.mimetype == "text/plain"
    assert response.text == "7"


@pytest.mark.parametrize(
    "accept",
    [
        "",
        "*/*",
        "application/*",
        "text/plain;q=0.5, application/json",
        "text/html, */*;q=0.1",
        "application/json; charset=utf-8",
        "application/json; indent=4, text/plain;q=0.9",
        'application/json; profile="a;b"',
    ],
)
def test_everybody_else_gets_json(client: FlaskClient, digit_png: bytes, accept: str) -> None:
    response = client.post(PREDICT, data=digit_png, content_type="image/png", headers={"Accept": accept})

    assert response.json == EXPECTED


def test_the_model_tells_its_version_and_card(client: FlaskClient, fake_recognizer: Any) -> None:
    response = client.get("/api/v1/model")

    assert response.json == {"version": "fake-1", "card": fake_recognizer.card, "reader": "fake-lines"}


def test_a_server_without_a_reader_says_so(fake_recognizer: Any) -> None:
    response = create_app(fake_recognizer, Settings()).test_client().get("/api/v1/model")

    assert response.get_json()["reader"] is None


def test_health_is_ok_until_the_server_drains(app: Flask, client: FlaskClient) -> None:
    before = client.get("/health/ready")
    state_of(app).draining.set()
    after = client.get("/health/ready")

    assert (before.status_code, before.json) == (200, {"status": "ok"})
    assert (after.status_code, after.json) == (503, {"status": "draining"})
    assert client.get("/health/live").json == {"status": "ok"}


def test_the_page_names_the_model_and_asks_nobody_else(client: FlaskClient) -> None:
    response = client.get("/")

    assert response.status_code == 200
    assert response.mimetype == "text/html"
    assert "fake-1" in response.text
    assert "https://" not in response.text


def test_the_docs_load_their_parts_from_this_server(client: FlaskClient) -> None:
    page = client.get("/api/docs")

    sources = [part.split('"')[0] for name in ('src="', 'href="') for part in page.text.split(name)[1:]]
    assert len(sources) >= 4
    assert all(source.startswith("/") for source in sources)
    assert [client.get(source, buffered=True).status_code for source in sources] == [200] * len(sources)


def test_swagger_ui_is_kept_with_its_license_and_version_and_without_source_maps() -> None:
    folder = Path(create_app.__code__.co_filename).parent / "static" / "swagger"

    assert {path.name for path in folder.iterdir()} == {
        "LICENSE",
        "NOTICE",
        "VERSION",
        "init.js",
        "swagger-ui-bundle.js",
        "swagger-ui-bundle.js.LICENSE.txt",
        "swagger-ui.css",
    }
    assert not any(b"sourceMappingURL" in path.read_bytes() for path in folder.iterdir())


# --- what is refused, as what


def refused(response: Any) -> tuple[int, str]:
    """Status and type of a problem, after its form was checked."""
    problem = json.loads(response.get_data())
    assert response.mimetype == "application/problem+json"
    assert set(problem) == {"type", "title", "status", "detail", "request_id"}
    assert problem["status"] == response.status_code
    assert problem["detail"][0].isupper()
    assert problem["detail"][-1] in ".?!"
    return response.status_code, problem["type"]


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        pytest.param(picture(), (422, "blank-image"), id="blank"),
        pytest.param(b"", (400, "unreadable-image"), id="empty"),
        pytest.param(picture()[:40], (400, "unreadable-image"), id="cut short"),
        pytest.param(b"\x89PNG\r\n\x1a\n" + b"\0" * 500, (400, "unreadable-image"), id="damaged"),
        pytest.param(picture(mode="1", color=1, size=(9000, 10)), (413, "image-too-large"), id="too wide"),
        pytest.param(picture() + b"\0" * MAX_IMAGE_BYTES, (413, "image-too-large"), id="too many bytes"),
        pytest.param(picture(kind="GIF"), (415, "unsupported-format"), id="GIF"),
        pytest.param(b"<svg xmlns='http://www.w3.org/2000/svg'/>", (415, "unsupported-format"), id="SVG"),
        pytest.param(b"hello, world", (415, "unsupported-format"), id="text"),
    ],
)
@pytest.mark.parametrize("way", ["raw", "form", "json"])
def test_a_bad_picture_is_the_same_problem_whichever_way_it_comes(
    client: FlaskClient, body: bytes, expected: tuple[int, str], way: str
) -> None:
    ways: dict[str, dict[str, Any]] = {
        "raw": {"data": body, "content_type": "image/png"},
        "form": form(body),
        "json": {"json": {"image": data_url(body)}},
    }

    response = client.post(PREDICT, **ways[way])

    assert refused(response) == expected


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("data:image/png;base64,@@@@", (400, "unreadable-image")),
        ("data:image/png;base64,\0", (400, "unreadable-image")),
        ("data:image/png;base64,\ud800", (400, "unreadable-image")),
        ("data:image/png;base64", (400, "unreadable-image")),
        ("", (400, "unreadable-image")),
        ("seven.png", (400, "unreadable-image")),
        ("data:image/svg+xml;base64,AAAA", (415, "unsupported-format")),
        ("data:text/html;base64,AAAA", (415, "unsupported-format")),
    ],
)
def test_a_bad_data_url_is_refused(client: FlaskClient, url: str, expected: tuple[int, str]) -> None:
    response = client.post(PREDICT, json={"image": url})

    assert refused(response) == expected


@pytest.mark.parametrize("url", ["http://127.0.0.1:9/seven.png", "https://example.org/7.png", "file:///etc/passwd"])
def test_no_url_is_ever_fetched(client: FlaskClient, url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    connections: list[Any] = []
    monkeypatch.setattr("socket.socket.connect", lambda *target: connections.append(target))

    response = client.post(PREDICT, json={"image": url})

    assert response.status_code in {400, 415}
    assert "root:" not in response.text
    assert connections == []


BAD_JSON = {
    "nothing": b"",
    "no JSON": b"seven",
    "cut short": b'{"image": "data:',
    "two documents": b'{"image": "x"} {}',
    "not an object": b'["data:image/png;base64,AAAA"]',
    "a string": b'"data:image/png;base64,AAAA"',
    "null": b"null",
    "no image": b"{}",
    "a number": b'{"image": 7}',
    "a list": b'{"image": ["data:image/png;base64,AAAA"]}',
    "an object": b'{"image": {"url": "x"}}',
    "null image": b'{"image": null}',
    "another key": b'{"image": "data:image/png;base64,AAAA", "more": 1}',
    "a key twice": b'{"image": "data:image/png;base64,AAAA", "image": "data:image/png;base64,AAAB"}',
    "a hundred thousand keys": b"{" + b",".join(b'"%d":0' % key for key in range(100_000)) + b"}",
    "a long key": b'{"image": "x", "' + b"k" * 100_000 + b'": 1}',
    "NaN": b'{"image": NaN}',
    "Infinity": b'{"image": -Infinity}',
    "a huge integer": b'{"image": ' + b"9" * 100_000 + b"}",
    "a huge float": b'{"image": 1e400}',
    "lists in lists": b"[" * 200_000,
    "objects in objects": b'{"image":' * 200_000,
    "closed lists in lists": b"[" * 100_000 + b"]" * 100_000,
    "a raw NUL": b'{"image": "\0"}',
    "NUL after it": b'{"image": "x"}\0',
    "UTF-16": '{"image": "x"}'.encode("utf-16"),
    "no UTF-8": b'{"image": "\xff\xfe"}',
    "a byte order mark": b'\xef\xbb\xbf{"image": "x"}',
}


@pytest.mark.parametrize("body", BAD_JSON.values(), ids=BAD_JSON.keys())
def test_bad_json_is_refused(client: FlaskClient, fake_recognizer: Any, body: bytes) -> None:
    response = client.post(PREDICT, data=body, content_type="application/json")

    assert refused(response) == (400, "bad-request")
    assert len(response.get_data()) < 1000
    assert fake_recognizer.seen == []


@pytest.mark.parametrize("body", [b"[]", b"null", b'"data:"'])
def test_json_that_is_no_object_is_told_what_it_must_be(client: FlaskClient, body: bytes) -> None:
    detail = client.post(PREDICT, data=body, content_type="application/json").get_json()["detail"]

    assert detail.startswith("The body must be a JSON object")


@pytest.mark.parametrize(
    ("body", "told"),
    [
        (b'{"image": ' + b"9" * 5_000 + b"}", "An integer in the JSON has thousands of digits"),
        ('{"image": "x"}'.encode("utf-16"), "The body is not valid JSON: it is not in UTF-8."),
        (b'\xef\xbb\xbf{"image": "x"}', "it begins with a byte order mark"),
        (b'{"image": "x", "image": "y"}', "The body is not valid JSON: a key stands there twice."),
        (b'{"image": NaN}', "The body is not valid JSON: NaN is no number in JSON."),
    ],
)
def test_what_is_wrong_with_json_is_told_in_words_of_json(client: FlaskClient, body: bytes, told: str) -> None:
    detail = client.post(PREDICT, data=body, content_type="application/json").get_json()["detail"]

    assert told in detail
    assert not re.search(r"sys\.|codec|\bset_int|int\(", detail)


@pytest.mark.parametrize("path", ["/api/v1/adapt", "/api/v1/review/verdicts", "/v2/models/digits/infer"])
def test_what_takes_no_picture_asks_for_none(client_with: Any, path: str) -> None:
    client, key = client_with(Settings(admin_key="sesame-open-sesame")), {"Authorization": "Bearer sesame-open-sesame"}
    answer = client.post(path, json=[], headers=key).get_json()

    assert answer.get("detail", answer.get("error")) == "The body must be a JSON object."


def test_a_part_that_is_no_object_is_told_with_its_place(client: FlaskClient) -> None:
    answer = client.post("/v2/models/digits/infer", json={"inputs": [1]}).get_json()

    assert answer["error"] == "The field inputs.0: it must be a JSON object."


def test_a_picture_without_a_file_name_is_told_to_be_no_file(client: FlaskClient) -> None:
    detail = client.post(PREDICT, data={"image": "x"}, content_type="multipart/form-data").get_json()["detail"]

    assert detail == "The field image of the form is text, and no file; send the picture with a file name."


BAD_FORMS = {
    "empty": multipart(),
    "another field": multipart(('name="picture"; filename="a.png"', b"x")),
    "text instead of a file": multipart(('name="image"', b"data:image/png;base64,AAAA")),
    "two pictures": multipart((FILE, b"x"), (FILE, b"y")),
    "a picture and a text": multipart((FILE, b"x"), ('name="more"', b"y")),
    "a picture and another file": multipart((FILE, b"x"), ('name="more"; filename="b.png"', b"y")),
    "not closed": multipart((FILE, b"x"))[:-8],
    "another boundary": multipart((FILE, b"x"), boundary=b"wall"),
    "no form": b"\0" * 1000,
    "a part without a name": multipart(("", b"x")),
}


@pytest.mark.parametrize("body", BAD_FORMS.values(), ids=BAD_FORMS.keys())
def test_a_bad_form_is_refused(client: FlaskClient, body: bytes) -> None:
    response = client.post(PREDICT, data=body, content_type="multipart/form-data; boundary=frontier")

    assert refused(response) == (400, "bad-request")


@pytest.mark.parametrize("boundary", ["", "; boundary=", "; boundary=\xe4", "; boundary=" + "b" * 20_000])
def test_a_bad_boundary_is_refused(client: FlaskClient, boundary: str) -> None:
    body = multipart((FILE, b"x"), boundary=b"b" * 20_000)

    response = client.post(PREDICT, data=body, content_type=f"multipart/form-data{boundary}")

    assert refused(response) == (400, "bad-request")
    assert ("no boundary" in response.text) is ("bbb" not in boundary)


def test_a_form_of_many_parts_is_refused(client: FlaskClient, digit_png: bytes) -> None:
    body = multipart((FILE, digit_png), *[('name="more"', b"x")] * 49)

    response = client.post(PREDICT, data=body, content_type="multipart/form-data; boundary=frontier")

    assert refused(response) == (413, "body-too-large")
    assert f"{MAX_FORM_PARTS} parts" in response.text


def test_a_long_text_in_a_form_is_refused(client: FlaskClient, digit_png: bytes) -> None:
    body = multipart(('name="more"', b"x" * (MAX_FORM_TEXT_BYTES + 1)), (FILE, digit_png))

    response = client.post(PREDICT, data=body, content_type="multipart/form-data; boundary=frontier")

    assert refused(response) == (413, "body-too-large")


@pytest.mark.parametrize("media_type", ["application/json", "multipart/form-data; boundary=b", "image/png"])
def test_a_body_over_the_limit_is_refused(client: FlaskClient, media_type: str) -> None:
    response = client.post(PREDICT, data=b"x" * (MAX_BODY_BYTES + 1), content_type=media_type)

    assert refused(response) == (413, "body-too-large")
    assert str(MAX_BODY_BYTES) in response.text


def test_a_chunked_body_over_the_limit_is_never_cut_short(
    client: FlaskClient, digit_png: bytes, fake_recognizer: Any
) -> None:
    endless = io.BytesIO(digit_png + b"\0" * MAX_BODY_BYTES)

    response = client.post(
        PREDICT, input_stream=endless, content_type="image/png", environ_overrides={"wsgi.input_terminated": True}
    )

    assert refused(response) == (413, "body-too-large")
    assert fake_recognizer.seen == []


@pytest.mark.parametrize("media_type", [None, "text/plain", "application/x-www-form-urlencoded", "image/gif", "junk"])
def test_another_content_type_is_refused(client: FlaskClient, digit_png: bytes, media_type: str | None) -> None:
    response = client.post(PREDICT, data=digit_png, content_type=media_type)

    assert refused(response) == (415, "unsupported-format")
    assert "image/png" in response.text


@pytest.mark.parametrize(
    "query",
    [
        "include=",
        "include=output",
        "include=input,output",
        "include=input,",
        "include=input&include=",
        "min_confidence=",
        "min_confidence=high",
        "min_confidence=-0.1",
        "min_confidence=1.01",
        "min_confidence=nan",
        "min_confidence=inf",
    ],
)
def test_an_option_that_cannot_be_is_refused(client: FlaskClient, digit_png: bytes, query: str) -> None:
    response = client.post(f"{PREDICT}?{query}", data=digit_png, content_type="image/png")

    assert refused(response) == (400, "bad-request")
    assert query.partition("=")[0] in response.text


def test_an_option_of_one_value_that_is_given_twice_is_told_as_that(client: FlaskClient, digit_png: bytes) -> None:
    query = "utm=a&utm=b&min_confidence=0.5&min_confidence=0.6"
    response = client.post(f"{PREDICT}?{query}", data=digit_png, content_type="image/png")

    assert refused(response) == (400, "bad-request")
    assert "min_confidence is given more than once" in response.text


@pytest.mark.parametrize("media_type", ["application/json", "image/png", "multipart/form-data; boundary=b"])
@pytest.mark.parametrize("path", [PREDICT, "/api/v1/read", "/api/v1/adapt"])
def test_a_compressed_body_is_told_to_be_sent_as_it_is(client: FlaskClient, path: str, media_type: str) -> None:
    body, headers = gzip.compress(b'{"image": "x"}'), {"Content-Encoding": "GZIP"}
    response = client.post(path, data=body, content_type=media_type, headers=headers)

    assert refused(response) == (415, "unsupported-format")
    assert response.headers["Accept-Encoding"] == "identity"
    assert "Content-Encoding: GZIP" in response.get_json()["detail"]


def test_a_route_that_needs_no_body_does_not_look_at_one(client: FlaskClient) -> None:
    response = client.get("/api/v1/model", data=gzip.compress(b"{}"), headers={"Content-Encoding": "gzip"})

    assert response.status_code == 200


def test_a_body_that_says_that_it_is_not_compressed_is_read(client: FlaskClient, digit_png: bytes) -> None:
    headers = {"Content-Encoding": "identity"}
    answers = [
        client.post(PREDICT, data=digit_png, content_type="image/png", headers=headers),
        client.post(PREDICT, json={"image": data_url(digit_png)}, headers=headers),
    ]

    assert [answer.json for answer in answers] == [EXPECTED, EXPECTED]


def test_who_accepts_no_form_of_the_answer_is_told_so(client: FlaskClient, digit_png: bytes) -> None:
    response = client.post(PREDICT, data=digit_png, content_type="image/png", headers={"Accept": "image/png"})

    assert refused(response) == (406, "not-acceptable")


def test_a_problem_is_told_as_a_problem_to_those_who_asked_for_text_too(client: FlaskClient) -> None:
    response = client.post(PREDICT, data=picture(), content_type="image/png", headers={"Accept": "text/plain"})

    assert refused(response) == (422, "blank-image")


@pytest.mark.parametrize("path", ["/nothing", "/api/v2/predict", "/static/nothing.js", "/static/../config.py", "/API"])
def test_an_unknown_address_is_a_problem(client: FlaskClient, path: str) -> None:
    response = client.get(path)

    assert refused(response) == (404, "not-found")
    assert "/api/docs lists what is" in response.get_json()["detail"]


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("GET", PREDICT, "POST"),
        ("DELETE", PREDICT, "POST"),
        ("OPTIONS", PREDICT, "POST"),
        ("POST", "/", "GET, HEAD"),
        ("OPTIONS", "/static/swagger/init.js", "GET, HEAD"),
    ],
)
def test_an_unknown_method_is_a_problem_that_names_the_known_ones(
    client: FlaskClient, method: str, path: str, allowed: str
) -> None:
    response = client.open(path, method=method)

    assert refused(response) == (405, "method-not-allowed")
    assert sorted(response.headers["Allow"].split(", ")) == allowed.split(", ")


def test_a_range_that_a_file_does_not_have_is_a_problem_of_no_kind_of_its_own(client: FlaskClient) -> None:
    response = client.get("/static/swagger/init.js", buffered=True, headers={"Range": "bytes=99999999-"})

    assert refused(response) == (416, "about:blank")
    assert response.headers["Content-Range"].startswith("bytes */")


@pytest.mark.parametrize(("method", "path"), [("GET", "/api//docs"), ("POST", "/api//v1/predict")])
def test_an_address_with_a_doubled_slash_is_another_one_and_redirects_nowhere(
    client: FlaskClient, method: str, path: str
) -> None:
    response = client.open(path, method=method)

    assert refused(response) == (404, "not-found")
    assert "Location" not in response.headers


# --- what fails inside


@pytest.fixture(params=[RuntimeError("secret"), ValueError("secret"), MemoryError("secret")], ids=repr)
def failing_app(request: pytest.FixtureRequest, fake_recognizer: Any) -> Flask:
    def fail(images: object) -> Any:
        raise request.param

    fake_recognizer.predict = fail
    return create_app(fake_recognizer, Settings())


def test_a_failure_inside_is_logged_and_tells_nothing(
    failing_app: Flask, digit_png: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    response = failing_app.test_client().post(PREDICT, data=digit_png, content_type="image/png")

    assert refused(response) == (500, "internal-error")
    assert "secret" not in response.text
    assert "secret" in caplog.text


def test_a_fault_of_the_model_is_no_fault_of_the_client(
    fake_recognizer: Any, digit_png: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    from inkdigit import ModelError

    def fail(images: object) -> Any:
        raise ModelError("the model is damaged")

    fake_recognizer.predict = fail

    response = (
        create_app(fake_recognizer, Settings()).test_client().post(PREDICT, data=digit_png, content_type="image/png")
    )

    assert refused(response) == (500, "internal-error")
    assert "the model is damaged" in caplog.text

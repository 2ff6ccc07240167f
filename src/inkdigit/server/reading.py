"""Requests to pictures: the body told apart by content type, the query and the accepted media types."""

import contextlib
import functools
import io
import json
from collections.abc import Iterator
from typing import Any, BinaryIO, Final, NoReturn, TypeVar

from flask import Request
from pydantic import BaseModel, ValidationError
from werkzeug.datastructures import MIMEAccept
from werkzeug.exceptions import BadRequest, NotAcceptable, RequestEntityTooLarge, UnsupportedMediaType
from werkzeug.http import parse_accept_header

from inkdigit.config import Settings
from inkdigit.errors import ConfigError
from inkdigit.expect import Expectation
from inkdigit.image import decode_data_url
from inkdigit.server.schemas import PictureBody, PredictQuery, ReadQuery
from inkdigit.server.state import current_state
from inkdigit.structure import DIGIT_LIMITS, PAGE_LIMITS

PREDICT_PATH: Final = "/api/v1/predict"
READ_PATH: Final = "/api/v1/read"  # of pictures of paper, which may be larger than those of a digit
RAW_TYPES: Final = ("image/png", "image/jpeg", "image/webp", "application/octet-stream")
ANSWER_TYPES: Final = ("application/json", "text/plain")
MAX_KEYS: Final = 16  # of a JSON object; each unknown one costs a complaint
MAX_BOUNDARY: Final = 70  # characters, RFC 2046 section 5.1.1
MANY: Final = "include"  # the one option that takes several values

NO_OPTIONS: Final = PredictQuery()

_Model = TypeVar("_Model", bound=BaseModel)


class CompressedBody(UnsupportedMediaType):
    """The body is compressed, or in another coding; bodies are limited in bytes as they come, so none is undone."""

    def get_headers(self, *args: Any, **kwargs: Any) -> list[tuple[str, str]]:
        """With what may be sent (RFC 9110, section 12.5.3)."""
        return [*super().get_headers(*args, **kwargs), ("Accept-Encoding", "identity")]


class PictureRequest(Request):
    """A request whose files stay in memory, which the body limit bounds: no drawing is written to a disk."""

    def _get_file_stream(self, *_args: object, **_kwargs: object) -> BinaryIO:
        return io.BytesIO()

    @property  # type: ignore[misc]  # Flask lets it be set, but from 3.1 on only
    def max_content_length(self) -> int:  # type: ignore[override]
        """The largest body, in bytes."""
        return max_body_bytes(current_state().settings, self.path)


def max_body_bytes(settings: Settings, path: str) -> int:
    """The largest body that a path takes; every layer that refuses asks here."""
    return settings.max_page_body_bytes if path == READ_PATH else settings.max_body_bytes


def read_body(request: Request) -> bytes:
    """The bytes of the picture that a request carries.

    Raises:
        BadRequest: the JSON or the form is malformed.
        RequestEntityTooLarge: the body is over a limit.
        UnsupportedMediaType: the content type is none of those that are read, or the body is compressed.
        ImageError: the data URL holds no picture.
    """
    refuse_compressed(request)
    with _telling_limits(request):
        return _read_by_type(request)


def read_json(request: Request) -> Any:
    """The JSON that a request carries, where nothing else is taken.

    Raises:
        BadRequest: it is malformed.
        RequestEntityTooLarge: the body is over the limit.
        UnsupportedMediaType: the content type is another, or the body is compressed.
    """
    refuse_compressed(request)
    if request.mimetype != "application/json":
        raise UnsupportedMediaType("send application/json, and say so in Content-Type")
    with _telling_limits(request):
        return parse_json(request.get_data(cache=False))


def refuse_compressed(request: Request) -> None:
    """Let through what comes as it is.

    Raises:
        UnsupportedMediaType: the body is in a content coding, such as gzip.
    """
    coding = request.headers.get("Content-Encoding", "").strip()
    if coding.lower() not in {"", "identity"}:
        raise CompressedBody(f"the body is sent with Content-Encoding: {coding[:40]}; send it as it is, without one")


@contextlib.contextmanager
def _telling_limits(request: Request) -> Iterator[None]:
    try:
        yield
    except RequestEntityTooLarge as error:
        raise RequestEntityTooLarge(
            f"a body may have {request.max_content_length} bytes, and a form {request.max_form_parts} parts "
            f"and {request.max_form_memory_size} bytes of text; send a smaller picture"
        ) from error


def _read_by_type(request: Request) -> bytes:
    if request.mimetype == "application/json":
        limits = PAGE_LIMITS if request.path == READ_PATH else DIGIT_LIMITS
        return decode_data_url(_read_json(request.get_data(cache=False)).image, limits.bytes)
    if request.mimetype == "multipart/form-data":
        return _read_form(request)
    if request.mimetype in RAW_TYPES:
        return request.get_data(cache=False)
    raise UnsupportedMediaType(
        f"send application/json, multipart/form-data or one of {', '.join(RAW_TYPES)}, and say so in Content-Type"
    )


def read_query(request: Request) -> PredictQuery:
    """The options in the query.

    Raises:
        BadRequest: an option has an unknown value, or one that takes a single value has several.
    """
    return read_options(PredictQuery, request) if request.query_string else NO_OPTIONS


def read_expectation(request: Request) -> Expectation | None:
    """What the query expects of every number; None where it expects nothing.

    Raises:
        BadRequest: a rule is unknown or cannot be.
        MissingExtraError: a rule needs a part that is not installed.
    """
    rules = read_options(ReadQuery, request).expect
    try:
        return None if rules is None else Expectation.parse(rules)
    except ConfigError as error:
        raise BadRequest(f"the field expect: {str(error)[:300]}") from error  # it names rules that may be long


def read_options(schema: type[_Model], request: Request) -> _Model:
    """The options in the query, as one of our shapes; those that it does not know are left alone.

    Raises:
        BadRequest: an option has an unknown value, or one that takes a single value has several.
    """
    options: dict[str, Any] = {}
    for name, values in request.args.lists():
        if name == MANY:
            options[name] = ",".join(values).split(",")
        elif len(values) > 1 and name in schema.model_fields:
            raise BadRequest(f"the field {name} is given more than once")
        else:
            options[name] = values[0]
    return validated(schema, options)


def validated(schema: type[_Model], values: Any) -> _Model:
    """What came in, as one of our shapes.

    Raises:
        BadRequest: it has another; the text names the first field at fault.
    """
    try:
        return schema.model_validate(values)
    except ValidationError as error:
        raise BadRequest(_first_fault(error, issubclass(schema, PictureBody))) from error


def accepted_type(request: Request) -> str:
    """The media type that the client prefers among those the answer comes in.

    Raises:
        NotAcceptable: it accepts none of them.
    """
    best = best_type(request.headers.get("Accept", ""))
    if best is None:
        raise NotAcceptable(f"the answer comes as {' or '.join(ANSWER_TYPES)}; accept one of them")
    return best


@functools.lru_cache(maxsize=256)  # clients of one kind send one text; one that is long is not kept for long
def best_type(accept: str) -> str | None:
    """The media type of an answer that a header Accept prefers; None if it takes none.

    Parameters such as ``charset=utf-8`` rule no type out: the answer would be the same without them.
    """
    wanted = parse_accept_header(accept, MIMEAccept)
    bare = MIMEAccept([(media_type.partition(";")[0].strip(), quality) for media_type, quality in wanted])
    return bare.best_match(ANSWER_TYPES) if bare else ANSWER_TYPES[0]


def _read_json(body: bytes) -> PictureBody:
    return validated(PictureBody, parse_json(body))


def parse_json(body: bytes) -> Any:
    """Parse JSON as RFC 8259 has it: UTF-8, no NaN, each key once, of a depth and with numbers that Python can hold.

    Raises:
        BadRequest: it is not such JSON.
    """
    try:
        text = body.decode("utf-8")
    except UnicodeDecodeError as error:
        raise _no_json("it is not in UTF-8") from error
    if text.startswith("\ufeff"):
        raise _no_json("it begins with a byte order mark; leave that out")
    try:
        return json.loads(text, object_pairs_hook=_unique, parse_constant=_refuse_constant)
    except RecursionError as error:
        raise BadRequest("the JSON is nested too deeply") from error
    except json.JSONDecodeError as error:
        raise _no_json(str(error)[:100]) from error
    except ValueError as error:  # of Python, which makes no integer of so much text
        raise BadRequest("an integer in the JSON has thousands of digits, which is more than is read") from error


def _no_json(why: str) -> BadRequest:
    return BadRequest(f"the body is not valid JSON: {why}")


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    if len(pairs) > MAX_KEYS:
        raise _no_json(f"an object has more than {MAX_KEYS} keys")
    found = dict(pairs)
    if len(found) != len(pairs):
        raise _no_json("a key stands there twice")
    return found


def _refuse_constant(name: str) -> NoReturn:
    raise _no_json(f"{name} is no number in JSON")


def _read_form(request: Request) -> bytes:
    boundary = request.mimetype_params.get("boundary", "")
    if not boundary:
        raise BadRequest("the Content-Type names no boundary; let your client write it, which knows the form's")
    if len(boundary) > MAX_BOUNDARY:
        raise BadRequest(f"the boundary of the form is longer than {MAX_BOUNDARY} characters")
    names = [name for fields in (request.form, request.files) for name, _ in fields.items(multi=True)]
    if names == ["image"] and "image" in request.form:
        raise BadRequest("the field image of the form is text, and no file; send the picture with a file name")
    if names != ["image"]:
        raise BadRequest(f"the form must hold one file, in the field image, and nothing else; it holds {_shown(names)}")
    data: bytes = request.files["image"].read()
    return data


def _shown(names: list[str]) -> str:
    return ", ".join(repr(str(name)[:40]) for name in names) or "nothing"


def _first_fault(error: ValidationError, of_picture: bool) -> str:
    fault = error.errors(include_url=False, include_context=False, include_input=False)[0]
    place = ".".join(str(part) for part in fault["loc"])[:60]
    if fault["type"] == "model_type" and not place:
        return f"the body must be a JSON object{', with the picture as a data URL in the field image' * of_picture}"
    told = "it must be a JSON object" if fault["type"] == "model_type" else fault["msg"]
    return f"the field {place}: {told}" if place else told

"""A short way for the plainest requests to predict, for which most of what Flask does is not needed.

It refuses nothing. A request that is not plain in every respect, or that a rule might refuse, goes the way of all
others, which decides; what is asked here are the very functions that are asked there. A picture that cannot be read is
not read twice: what was wrong goes along, and is told there.
"""

import io
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, Final

from werkzeug.exceptions import BadRequest

from inkdigit.errors import KeysError
from inkdigit.image import decode_data_url, read_picture
from inkdigit.preprocess import normalize
from inkdigit.server.keys import is_asked
from inkdigit.server.observing import seen_of, watch_of
from inkdigit.server.reading import ANSWER_TYPES, PREDICT_PATH, best_type, max_body_bytes, parse_json
from inkdigit.server.rules import rule_of
from inkdigit.server.schemas import PredictAnswer
from inkdigit.server.security import HEADERS, Names, is_own_site
from inkdigit.server.state import State
from inkdigit.structure import DIGIT_LIMITS

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

JSON: Final = ANSWER_TYPES[0]

_RULE: Final = rule_of("api.predict")
_FAULT: Final = "inkdigit.fault"
_JSON_TYPES: Final = frozenset({JSON, f"{JSON}; charset=utf-8", f"{JSON};charset=UTF-8"})
_HEADERS: Final = (("Content-Type", JSON), *HEADERS.items())


class Shortcut:
    """The application, with a short way for some requests.

    Args:
        app: what goes the long way.
        state: its parts.
    """

    def __init__(self, app: "WSGIApplication", state: State) -> None:
        self._app, self._state = app, state
        self._names = Names.of(state.settings)

    def __call__(self, environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        """Handle a request."""
        if environ["PATH_INFO"] == PREDICT_PATH and self._is_plain(environ):
            url = self._picture_in(environ)
            if url is not None:
                try:
                    answer = self._answer(environ, url)
                except Exception as error:  # noqa: BLE001 - whatever it is, the view raises it, as if it were its own
                    environ[_FAULT] = error
                else:
                    start_response("200 OK", [*_HEADERS, ("Content-Length", str(len(answer)))])
                    return (answer,)
        return self._app(environ, start_response)

    def _is_plain(self, environ: "WSGIEnvironment") -> bool:
        """Whether a request asks for what most ask for, and no rule could refuse it."""
        host = environ.get("HTTP_HOST", "")
        return (
            environ["REQUEST_METHOD"] == "POST"
            and not environ.get("QUERY_STRING")
            and not environ.get("SCRIPT_NAME")
            and environ.get("CONTENT_TYPE") in _JSON_TYPES
            and "HTTP_AUTHORIZATION" not in environ
            and "HTTP_CONTENT_ENCODING" not in environ
            and self._names.admit(host)
            and is_own_site(environ.get("HTTP_SEC_FETCH_SITE"), environ.get("HTTP_ORIGIN"), host)
            and best_type(environ.get("HTTP_ACCEPT", "")) == JSON
            and self._asks_no_key(environ.get("REMOTE_ADDR", ""), host)
        )

    def _asks_no_key(self, address: str, host: str) -> bool:
        try:
            return not is_asked(_RULE, self._state, address, host)
        except KeysError:
            return False

    def _picture_in(self, environ: "WSGIEnvironment") -> str | None:
        """The data URL in a body that holds nothing else; None in any other, which then can be read again."""
        length = environ.get("CONTENT_LENGTH") or ""
        if not (length.isdecimal() and int(length) <= max_body_bytes(self._state.settings, PREDICT_PATH)):
            return None
        body = environ["wsgi.input"].read(int(length))
        try:
            found: Any = parse_json(body)
        except BadRequest:
            found = None
        if isinstance(found, dict) and found.keys() == {"image"}:
            url = found["image"]
            if isinstance(url, str) and url.isascii():
                return url
        environ["wsgi.input"] = io.BytesIO(body)
        return None

    def _answer(self, environ: "WSGIEnvironment", url: str) -> bytes:
        """Read the digit."""
        seen, watch, recognizer = seen_of(environ), watch_of(environ), self._state.digit_reader()
        seen.route = PREDICT_PATH
        data = decode_data_url(url, DIGIT_LIMITS.bytes)
        with watch.step("decode"):
            ink = read_picture(data).ink
        with watch.step("normalize"):
            image = normalize(ink)
        with watch.step("predict"):
            [prediction] = recognizer.predict(image[None])
        watch.read_digit(seen, prediction, recognizer.version)
        answer = PredictAnswer.of(prediction, recognizer.version, 0.0)
        return answer.model_dump_json(exclude_unset=True).encode()


def raise_fault_in(environ: "WSGIEnvironment") -> None:
    """Raise what went wrong on the short way, if anything did."""
    if (fault := environ.get(_FAULT)) is not None:
        raise fault

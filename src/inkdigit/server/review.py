"""The review: a page and its JSON routes, which show what was handed in and take verdicts, all behind the admin key."""

from typing import Final

from flask import Blueprint, Response, render_template, request
from pydantic import BaseModel

from inkdigit.config import package_version
from inkdigit.feedback import Status, Verdict
from inkdigit.server.finding import WINDOW, counts_of, find, judge
from inkdigit.server.reading import read_json, read_options, validated
from inkdigit.server.schemas import ReviewedAnswer, ReviewQuery, StandingAnswer, UndoneAnswer, VerdictsBody
from inkdigit.server.state import current_state
from inkdigit.server.statistics import summarize

REVIEW_PATH: Final = "/api/v1/review"

review = Blueprint("review", __name__)


@review.get("/review")
def page() -> Response:
    """The page to review on; where nobody may, it says how to change that."""
    shut = not current_state().keys.has_admin()
    text = render_template("review.html", version=package_version(), shut=shut)
    answer = Response(text, 403 if shut else 200)
    answer.cache_control.no_cache = True
    return answer


@review.get(f"{REVIEW_PATH}/drawings")
def drawings() -> Response:
    """Show drawings."""
    query = read_options(ReviewQuery, request)
    with current_state().keeping().store() as store:
        return _json(find(store, query))


@review.post(f"{REVIEW_PATH}/verdicts")
def verdicts() -> Response:
    """Take verdicts, as one step."""
    body = validated(VerdictsBody, read_json(request))
    steps = {verdict.id: Verdict(Status(verdict.status), verdict.truth) for verdict in body.verdicts}
    with current_state().keeping().store() as store:
        changed = store.review(steps)
        missing = [] if changed == len(steps) else [one for one in steps if store.get(one) is None]
        return _json(ReviewedAnswer(changed=changed, counts=counts_of(store), missing=missing))


@review.post(f"{REVIEW_PATH}/undo")
def undo() -> Response:
    """Take the last step back."""
    with current_state().keeping().store() as store:
        undone = store.undo()
        drawings = [StandingAnswer(id=one, status=to.status.value, truth=to.truth) for one, to in undone.items()]
        return _json(UndoneAnswer(changed=len(undone), counts=counts_of(store), drawings=drawings))


@review.get(f"{REVIEW_PATH}/statistics")
def statistics() -> Response:
    """Tell what is drawn, and how it is read."""
    with current_state().keeping().store() as store:
        newest, counts = store.drawings(limit=WINDOW), counts_of(store)
    judged, unread = judge(newest)
    return _json(summarize([] if unread else judged, current_state().recognizer.version, counts, unread, len(newest)))


def _json(answer: BaseModel) -> Response:
    return Response(answer.model_dump_json(), mimetype="application/json")

"""Who may do what: one rule for each route. A test refuses a route without one, and a server keeps it to admins."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from inkdigit.access import Scope


@dataclass(frozen=True, slots=True)
class Rule:
    """What a route asks of who calls it.

    Attributes:
        scope: what the key must be good for; no key is asked for where it is None.
        when_public: whether a public server asks too.
        at_home: whether a program or browser on the server's own computer is asked too.
    """

    scope: Scope | None = None
    when_public: bool = False
    at_home: bool = False


OPEN: Final = Rule()
"""Asks nobody: what holds nothing to protect, or has another secret in its address."""

PREDICT: Final = Rule(Scope.PREDICT)
FEEDBACK: Final = Rule(Scope.FEEDBACK)

OPERATE: Final = Rule(Scope.ADMIN, when_public=True)
"""What tells how the server fares: for its own computer, and for admins elsewhere."""

ADMIN: Final = Rule(Scope.ADMIN, when_public=True, at_home=True)
"""Asks everybody."""

RULES: Final[Mapping[str, Rule]] = {
    "static": OPEN,
    "api.page": OPEN,
    "api.docs": OPEN,
    "api.openapi": OPEN,
    "api.live": OPEN,
    "api.ready": OPEN,
    "api.model": PREDICT,
    "api.predict": PREDICT,
    "api.read": PREDICT,
    "adapting.adapt": PREDICT,
    "feedback.submit": FEEDBACK,
    "feedback.withdraw": OPEN,  # the receipt is what it asks for
    "oip.live": OPEN,
    "oip.ready": OPEN,
    "oip.server": PREDICT,
    "oip.model": PREDICT,
    "oip.model_ready": PREDICT,
    "oip.infer": PREDICT,
    "monitoring.metrics": OPERATE,
    "monitoring.status": OPERATE,
    "monitoring.page": OPEN,  # what it shows comes from the route above
    "review.page": OPEN,  # holds no drawing; what it shows comes from the routes below, with the key
    "review.drawings": ADMIN,
    "review.verdicts": ADMIN,
    "review.undo": ADMIN,
    "review.statistics": ADMIN,
}
"""The rule of each endpoint; ADMIN for one that is missing here."""


def rule_of(endpoint: str) -> Rule:
    """The rule that a route keeps to."""
    return RULES.get(endpoint, ADMIN)

"""Corrections that people hand in: what one is, and the store that keeps, reviews and forgets them."""

from inkdigit.errors import ConflictError
from inkdigit.feedback.archive import export_zip, import_zip
from inkdigit.feedback.record import ANONYMOUS, Kept, Label, Status, Submission, Verdict, strokes_as_json
from inkdigit.feedback.store import FeedbackStore

__all__ = [
    "ANONYMOUS",
    "ConflictError",
    "FeedbackStore",
    "Kept",
    "Label",
    "Status",
    "Submission",
    "Verdict",
    "export_zip",
    "import_zip",
    "strokes_as_json",
]

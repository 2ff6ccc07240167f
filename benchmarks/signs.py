"""Which letters and symbols of the pen file a careful reader may take for a digit: they are scored apart."""

from inkdigit.training.letters import AMBIGUOUS as NOT_TRAINED

# What the training leaves out for the same reason, and the closing brace: most of the seven in the file are a 3 with a
# spur. Looked at and left among the unambiguous: > (a chevron has no roof), y and Y (few are an open 4), G (few are a
# 6), Q (its tail shows), u, a, d, r, ?, ^.
AMBIGUOUS = NOT_TRAINED | {"}"}


def is_ambiguous(sign: str, strokes: int) -> bool:
    """Whether a sign, drawn in so many strokes, has the shape of a digit. An i in one stroke has no dot, as l has none.

    >>> is_ambiguous("O", 1), is_ambiguous("i", 1), is_ambiguous("i", 2)
    (True, True, False)
    """
    return sign in AMBIGUOUS or (sign == "i" and strokes == 1)

"""Which letters and symbols of the pen file a careful reader may take for a digit: they are scored apart."""

from inkdigit.training.letters import AMBIGUOUS as NOT_TRAINED

# What the training leaves out for the same reason, and what only some hands write like a digit.
AMBIGUOUS = NOT_TRAINED

"""Inkdigit beside the plain version of the same thing; run it with `python -m benchmarks.run`."""

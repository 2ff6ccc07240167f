"""The plain version: what a first demo of a digit reader looks like, written here to measure against.

It runs in its own virtual environment (constraints/benchmarks.txt) and imports nothing of Inkdigit.
"""

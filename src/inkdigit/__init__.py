"""Reads handwritten digits, picture -> ink -> 28x28 -> prediction, and whole numbers, page -> lines -> text.

>>> from pathlib import Path
>>> from inkdigit import Recognizer, normalize, read_image
>>> recognizer = Recognizer.load()
>>> ink = read_image(Path("docs/images/seven.png").read_bytes())
>>> recognizer.predict(normalize(ink)[None])[0].label
7
"""

from inkdigit.adapt import Layer
from inkdigit.errors import (
    BlankImageError,
    ConfigError,
    DataError,
    ImageError,
    ImageTooLargeError,
    InkdigitError,
    MissingExtraError,
    ModelError,
    NoReadingError,
    UnreadableImageError,
    UnsupportedFormatError,
)
from inkdigit.expect import Expectation
from inkdigit.explain import Explanation, Place, encode_explanation, explain, locate
from inkdigit.image import Ink, Page, Picture, Polarity, read_image, read_page, read_picture
from inkdigit.number import Alternative, Box, Character, Number
from inkdigit.preprocess import Normalized, normalize
from inkdigit.reader import Reader
from inkdigit.recognizer import Prediction, Recognizer

__all__ = [
    "Alternative",
    "BlankImageError",
    "Box",
    "Character",
    "ConfigError",
    "DataError",
    "Expectation",
    "Explanation",
    "ImageError",
    "ImageTooLargeError",
    "Ink",
    "InkdigitError",
    "Layer",
    "MissingExtraError",
    "ModelError",
    "NoReadingError",
    "Normalized",
    "Number",
    "Page",
    "Picture",
    "Place",
    "Polarity",
    "Prediction",
    "Reader",
    "Recognizer",
    "UnreadableImageError",
    "UnsupportedFormatError",
    "encode_explanation",
    "explain",
    "locate",
    "normalize",
    "read_image",
    "read_page",
    "read_picture",
]

"""Reads handwritten digits: picture -> ink -> 28x28 -> prediction.

>>> from pathlib import Path
>>> from inkdigit import Recognizer, normalize, read_image
>>> recognizer = Recognizer.load()
>>> ink = read_image(Path("docs/images/seven.png").read_bytes())
>>> recognizer.predict(normalize(ink)[None])[0].label
7
"""

from inkdigit.errors import (
    BlankImageError,
    ConfigError,
    DataError,
    ImageError,
    ImageTooLargeError,
    InkdigitError,
    MissingExtraError,
    ModelError,
    UnreadableImageError,
    UnsupportedFormatError,
)
from inkdigit.explain import Explanation, Place, encode_explanation, explain, locate
from inkdigit.image import Ink, Picture, Polarity, read_image, read_picture
from inkdigit.preprocess import Normalized, normalize
from inkdigit.recognizer import Prediction, Recognizer

__all__ = [
    "BlankImageError",
    "ConfigError",
    "DataError",
    "Explanation",
    "ImageError",
    "ImageTooLargeError",
    "Ink",
    "InkdigitError",
    "MissingExtraError",
    "ModelError",
    "Normalized",
    "Picture",
    "Place",
    "Polarity",
    "Prediction",
    "Recognizer",
    "UnreadableImageError",
    "UnsupportedFormatError",
    "encode_explanation",
    "explain",
    "locate",
    "normalize",
    "read_image",
    "read_picture",
]

"""Drawings to hand in."""

import io
from typing import Any

import numpy as np
from PIL import Image

from inkdigit.drawing import Stroke, draw
from inkdigit.feedback import Submission

SEVEN = (Stroke(19.0, ((80.0, 60.0), (200.0, 60.0), (120.5, 220.25))),)
CROSSED = (*SEVEN, Stroke(12.5, ((90.0, 140.0), (180.0, 135.0))))


def png(side: int = 280) -> bytes:
    """A seven in black on white, as the store keeps pictures."""
    file = io.BytesIO()
    Image.fromarray(255 - draw(SEVEN, side)).save(file, "PNG")
    return file.getvalue()


def noise(seed: int, side: int = 60) -> bytes:
    """A picture that no other resembles."""
    file = io.BytesIO()
    levels = np.random.default_rng(seed).integers(0, 256, (side, side), dtype=np.uint8)
    Image.fromarray(levels).save(file, "PNG")
    return file.getvalue()


PNG = png()


def submission(label: int | None = 7, **changes: Any) -> Submission:
    """A seven that the model took for a one."""
    fields: dict[str, Any] = {"predicted": 1, "confidence": 0.625, "model": "digits-8", "image": PNG, "strokes": SEVEN}
    return Submission(label=label, **fields | changes)

"""The same service, as the documents of each framework show it: a picture as a data URL in, the digit out.

All of them call Inkdigit's library for the work. They check nothing else: no host, no key, no size of a body, and no
queue that ends.
"""

from functools import cache
from typing import Any

from inkdigit import Recognizer
from inkdigit.image import decode_data_url, read_picture
from inkdigit.preprocess import normalize


@cache
def recognizer() -> Recognizer:
    """The shipped model, loaded once."""
    return Recognizer.load()


def read(url: str) -> dict[str, Any]:
    """The work itself: decode, preprocess, network."""
    image = normalize(read_picture(decode_data_url(url)).ink)
    [found] = recognizer().predict(image[None])
    return {"label": found.label, "confidence": found.confidence, "probabilities": list(found.probabilities)}


def flask_app() -> Any:
    """Flask, for waitress and granian."""
    from flask import Flask, request

    app = Flask(__name__)
    recognizer()

    @app.post("/predict")
    def predict() -> dict[str, Any]:
        return read(request.get_json()["image"])

    return app


def fastapi_app() -> Any:
    """FastAPI, for uvicorn."""
    from fastapi import FastAPI
    from pydantic import BaseModel

    class Body(BaseModel):
        image: str

    class Answer(BaseModel):
        label: int
        confidence: float
        probabilities: list[float]

    app = FastAPI()
    recognizer()

    def predict(body: Body) -> Any:
        return read(body.image)

    app.post("/predict", response_model=Answer)(predict)
    return app

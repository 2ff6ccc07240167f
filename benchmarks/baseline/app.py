"""A digit reader in thirty lines: Flask, OpenCV and `model.predict`.

python app.py MODEL.keras PORT
"""

import base64
import sys
from pathlib import Path

import cv2
import keras
import numpy as np
from flask import Flask, jsonify, request

app = Flask(__name__)


def preprocess(picture):
    """PNG bytes, black ink on white -> (28, 28, 1) float32, white ink on black: the whole canvas, shrunk."""
    grey = cv2.imdecode(np.frombuffer(picture, np.uint8), cv2.IMREAD_GRAYSCALE)
    small = cv2.resize(255 - grey, (28, 28), interpolation=cv2.INTER_AREA)
    return (small / 255).astype("float32")[..., None]


@app.get("/")
def index():
    return "POST a drawing to /predict"


@app.post("/predict")
def predict():
    picture = base64.b64decode(request.get_json()["image"].split(",")[1])
    probabilities = model.predict(preprocess(picture)[None], verbose=0)[0]
    return jsonify(label=int(probabilities.argmax()), confidence=float(probabilities.max()))


if __name__ == "__main__":
    model = keras.models.load_model(Path(sys.argv[1]))
    app.run(port=int(sys.argv[2]))

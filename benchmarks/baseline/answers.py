"""The plain version's answers to many pictures: its own `preprocess`, then one `model.predict` for all of them.

python answers.py MODEL.keras PICTURES.npz ANSWERS.npy

PICTURES.npz holds `bytes`, all PNG files in a row, and `ends`, where each ends.
"""

import itertools
import sys

import keras
import numpy as np
from app import preprocess


def main(model, pictures, answers):
    with np.load(pictures) as file:
        data, ends = file["bytes"].tobytes(), file["ends"]
    images = [preprocess(data[start:end]) for start, end in itertools.pairwise([0, *ends])]
    probabilities = keras.models.load_model(model).predict(np.stack(images), batch_size=256, verbose=0)
    np.save(answers, probabilities.argmax(axis=1))


if __name__ == "__main__":
    main(*sys.argv[1:])

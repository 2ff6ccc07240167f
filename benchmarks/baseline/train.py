"""Train the plain version's model: two dense layers, ten epochs.

python train.py MNIST_FOLDER MODEL.keras
"""

import sys
from pathlib import Path

import keras
import numpy as np

EPOCHS = 10


def read_idx(path, header):
    return np.frombuffer(Path(path).read_bytes(), np.uint8, offset=header)


def read_mnist(folder, part):
    images = read_idx(Path(folder) / f"{part}-images-idx3-ubyte", header=16).reshape(-1, 28, 28, 1)
    return images.astype("float32") / 255, read_idx(Path(folder) / f"{part}-labels-idx1-ubyte", header=8)


def train(folder, path):
    keras.utils.set_random_seed(1)
    model = keras.Sequential(
        [
            keras.Input((28, 28, 1)),
            keras.layers.Flatten(),
            keras.layers.Dense(128, activation="relu"),
            keras.layers.Dense(10, activation="softmax"),
        ]
    )
    model.compile(optimizer="adam", loss="sparse_categorical_crossentropy", metrics=["accuracy"])
    model.fit(*read_mnist(folder, "train"), epochs=EPOCHS, verbose=2)
    _, accuracy = model.evaluate(*read_mnist(folder, "t10k"), verbose=0)
    print(f"MNIST test accuracy {100 * accuracy:.2f} %")
    model.save(path)


if __name__ == "__main__":
    train(sys.argv[1], sys.argv[2])

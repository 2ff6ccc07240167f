"""Train a plain CNN, as tutorials have it: two convolutions with pooling, dropout, six epochs of the first 55,000.

python train_cnn.py MNIST_FOLDER MODEL.keras
"""

import sys

import keras
from train import read_mnist

EPOCHS = 6
TRAINED = 55_000


def train(folder, path):
    keras.utils.set_random_seed(1)
    model = keras.Sequential(
        [
            keras.Input((28, 28, 1)),
            keras.layers.Conv2D(32, 3, activation="relu"),
            keras.layers.MaxPooling2D(),
            keras.layers.Conv2D(64, 3, activation="relu"),
            keras.layers.MaxPooling2D(),
            keras.layers.Flatten(),
            keras.layers.Dropout(0.5),
            keras.layers.Dense(10, activation="softmax"),
        ]
    )
    model.compile(optimizer="adam", loss="sparse_categorical_crossentropy", metrics=["accuracy"])
    images, labels = read_mnist(folder, "train")
    model.fit(images[:TRAINED], labels[:TRAINED], batch_size=128, epochs=EPOCHS, verbose=2)
    model.save(path)


if __name__ == "__main__":
    train(sys.argv[1], sys.argv[2])

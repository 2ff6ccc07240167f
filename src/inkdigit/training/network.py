"""The network: a Keras Sequential of plain convolutions, in calls that every Keras 3 backend has."""

import keras
from keras import layers

INPUT_SHAPE = (28, 28, 1)
CLASSES = 10


def build_network(width: int = 32) -> keras.Sequential:
    """Two blocks of three convolutions, the last of each halving the picture, and one hidden dense layer.

    Args:
        width: channels of the first block; the second has twice as many. 32 gives 326,826 parameters.
    """
    return keras.Sequential(
        [
            keras.Input(INPUT_SHAPE, name="image"),
            *_block(width, 3),
            *_block(width, 3),
            *_block(width, 5, strides=2),
            layers.Dropout(0.25),
            *_block(2 * width, 3),
            *_block(2 * width, 3),
            *_block(2 * width, 5, strides=2),
            layers.Dropout(0.25),
            layers.Flatten(),
            layers.Dense(4 * width, use_bias=False),
            *_normalised_relu(),
            layers.Dropout(0.4),
            layers.Dense(CLASSES, activation="softmax", name="probabilities"),
        ],
        name="digits",
    )


def _block(channels: int, kernel: int, strides: int = 1) -> list[keras.Layer]:
    padding = "same" if strides > 1 else "valid"
    return [layers.Conv2D(channels, kernel, strides, padding, use_bias=False), *_normalised_relu()]


def _normalised_relu() -> list[keras.Layer]:
    # A momentum of 0.9, not 0.99, so that short runs end with statistics of the weights they end with.
    return [layers.BatchNormalization(momentum=0.9), layers.ReLU()]

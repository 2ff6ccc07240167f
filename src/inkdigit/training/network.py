"""The networks: Keras Sequentials of plain convolutions, in calls that every Keras 3 backend has."""

import math
from typing import Any

import keras
import numpy as np
from keras import layers
from numpy.typing import NDArray

from inkdigit.preprocess import LINE_HEIGHT

INPUT_SHAPE = (28, 28, 1)
CLASSES = 11  # the digits, and "not a digit"
LINE_CLASSES = 17  # "nothing here", the digits and the signs between them, in the order of `lines.LABELS`


def build_network(width: int = 32) -> keras.Sequential:
    """Eight convolutions in three widths, two of which halve the picture, and one dense layer.

    Args:
        width: channels of the first convolutions; then come twice and four times as many. 32 gives 550,000 parameters.
    """
    return keras.Sequential(
        [
            keras.Input(INPUT_SHAPE, name="image"),
            *_block(width, 3),
            *_block(width, 3),
            *_block(2 * width, 4, strides=2),
            *_block(2 * width, 3),
            *_block(2 * width, 3),
            *_block(4 * width, 4, strides=2),
            layers.Dropout(0.2),
            *_block(4 * width, 3, padding="same"),
            *_block(4 * width, 3),
            *_answer(),
        ],
        name="digits",
    )


def build_small_network() -> keras.Sequential:
    """Seven narrow convolutions, 56,000 parameters, for eight-bit arithmetic."""
    return keras.Sequential(
        [
            keras.Input(INPUT_SHAPE, name="image"),
            *_block(16, 3),
            *_block(16, 3),
            *_block(24, 3),
            *_block(32, 3, strides=2),
            *_block(32, 3),
            *_block(48, 3, strides=2),
            *_block(36, 3),
            *_answer(dropout=0.1),
        ],
        name="digits-small",
    )


def build_line_network(width: int = 20) -> keras.Sequential:
    """A reader of lines: convolutions that take the height away and halve the width, then four along the line.

    From (N, 32, W, 1) it makes (N, W / 2, 17) logits, for every second column of pixels what stands there; W is even.
    What stands at a column is told from some 40 columns of pixels to either side of it.

    Args:
        width: channels of the first convolution; the others grow in proportion. 20 gives 1.3 million parameters.
    """
    first, second, third, fourth, last = width, 5 * width // 2, 4 * width, 6 * width, 10 * width
    return keras.Sequential(
        [
            keras.Input((LINE_HEIGHT, None, 1), name="image"),
            *_block(first, 3, padding="same"),
            *_block(second, (4, 4), strides=(2, 2)),
            *_block(second, 3, padding="same"),
            *_block(third, (4, 3), strides=(2, 1)),
            *_block(third, 3, padding="same"),
            *_block(fourth, (4, 3), strides=(2, 1)),
            *_block(fourth, 3, padding="same"),
            *_block(last, (4, 1)),
            layers.Reshape((-1, last)),
            *_along(last),
            *_along(last, dilation=2),
            *_along(last, dilation=4),
            *_along(last),
            layers.Dropout(0.2),
            layers.Dense(LINE_CLASSES, name="logits", dtype="float32"),
        ],
        name="lines",
    )


def _along(channels: int, dilation: int = 1) -> list[keras.Layer]:
    """A convolution along the line, which sees the neighbours of a digit."""
    convolution = layers.Conv1D(channels, 5, padding="same", dilation_rate=dilation, use_bias=False)
    return [convolution, FusedBatchNormalization(momentum=0.9), layers.ReLU()]


def freeze(network: keras.Sequential, convolutions: int) -> None:
    """Keep the first convolutions of a network, and what comes before the next one, as they are while it trains."""
    passed = 0
    for layer in network.layers:
        passed += isinstance(layer, layers.Conv2D)
        layer.trainable = passed > convolutions


def grow(network: keras.Sequential, start: keras.Sequential) -> None:
    """Give a network of lines the weights of a narrower or shallower one, so that it answers as that one does.

    What is new begins at random, and nothing old listens to it yet (Chen, Goodfellow and Shlens, Net2Net, 2016, keep
    the answers too, but by copies of what is there). New layers along the line pass on what they are given.

    Args:
        network: a new one, of random weights.
        start: one of the same kind, of as many or fewer channels and layers along the line.
    """
    known = [layer.get_weights() for layer in start.layers if layer.weights]
    wanted = [layer for layer in network.layers if layer.weights]
    new = (len(wanted) - len(known)) // 2  # convolutions with their normalisations
    answer = known.pop()
    for _ in range(new):
        known += _passing_on(known[-1])
    for layer, weights in zip(wanted, [*known, answer], strict=True):
        layer.set_weights([_within(old, new) for old, new in zip(weights, layer.get_weights(), strict=True)])


def _passing_on(normalisation: list[NDArray[np.float32]]) -> list[list[NDArray[np.float32]]]:
    """A convolution along the line, and its normalisation, that hand on what comes from a layer normalised so.

    What comes is rectified, and as good as normally distributed before that: so its mean and variance are known.
    """
    gamma, beta, *_ = normalisation
    spread = np.abs(gamma) + 1e-3
    density = np.exp(-((beta / spread) ** 2) / 2) / math.sqrt(2 * math.pi)
    below = np.array([math.erf(value / math.sqrt(2)) for value in beta / spread]) / 2 + 0.5
    mean = beta * below + spread * density
    variance = np.maximum((beta**2 + spread**2) * below + beta * spread * density - mean**2, 1e-3)
    kernel = np.zeros((5, len(beta), len(beta)), np.float32)
    kernel[2] = np.eye(len(beta))
    deviation = np.sqrt(variance + 1e-3)  # Keras' epsilon
    return [[kernel], [np.asarray(part, np.float32) for part in (deviation, mean, mean, variance)]]


def _within(old: NDArray[np.float32], new: NDArray[np.float32]) -> NDArray[np.float32]:
    """The old weights in the first channels of the new ones; the new channels give nothing to the old."""
    if old.ndim > 1:
        new[..., old.shape[-2] :, : old.shape[-1]] = 0
    new[tuple(map(slice, old.shape))] = old
    return new


def plain(network: keras.Sequential) -> keras.Sequential:
    """The same network of Keras' own layers alone, in float32 and without its optimizer: what a reader needs."""
    copy = keras.Sequential(
        [keras.Input(network.input_shape[1:], name="image"), *map(_plain_layer, network.layers)], name=network.name
    )
    copy.set_weights(network.get_weights())
    return copy


Size = int | tuple[int, int]


def _block(channels: int, kernel: Size, strides: Size = 1, padding: str = "valid") -> list[keras.Layer]:
    padding = padding if strides == 1 else "same"
    return [
        layers.Conv2D(channels, kernel, strides, padding, use_bias=False),
        # A momentum of 0.9, not 0.99, so that short runs end with statistics of the weights they end with.
        FusedBatchNormalization(momentum=0.9),
        layers.ReLU(),
    ]


def _answer(dropout: float = 0.4) -> list[keras.Layer]:
    softmax = layers.Dense(CLASSES, activation="softmax", name="probabilities", dtype="float32")
    return [layers.Flatten(), layers.Dropout(dropout), softmax]


class FusedBatchNormalization(layers.BatchNormalization):  # type: ignore[misc]  # Keras has no types
    """Batch normalisation that is one operation where PyTorch trains: a network's step takes 40 % of the time then."""

    def call(self, inputs: Any, training: bool | None = None, mask: Any = None) -> Any:
        """Normalise channels-last pictures (N, H, W, C), or lines (N, W, C)."""
        if keras.backend.backend() != "torch" or not training or not self.trainable:
            return super().call(inputs, training=training, mask=mask)
        from torch.nn.functional import batch_norm  # torch is there, or it would not train

        weights = (self.moving_mean, self.moving_variance, self.gamma, self.beta)
        channels_first = inputs.movedim(-1, 1)
        normalised = batch_norm(
            channels_first, *(w.value for w in weights), training=True, momentum=1 - self.momentum, eps=self.epsilon
        )
        return normalised.movedim(1, -1)


def _plain_layer(layer: keras.Layer) -> keras.Layer:
    kind = layers.BatchNormalization if isinstance(layer, FusedBatchNormalization) else type(layer)
    return kind.from_config(layer.get_config() | {"dtype": "float32", "trainable": True})

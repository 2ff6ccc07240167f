"""The networks: Keras Sequentials of plain convolutions, in calls that every Keras 3 backend has."""

from collections.abc import Callable, Sequence
from typing import Any

import keras
import numpy as np
from keras import layers

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


def build_broad_network() -> keras.Sequential:
    """Six convolutions, four of them of 5x5, so that it errs elsewhere than `build_network`: 535,000 parameters."""
    return keras.Sequential(
        [
            keras.Input(INPUT_SHAPE, name="image"),
            *_block(32, 5),
            *_block(48, 5, strides=2),
            *_block(64, 5),
            *_block(96, 5, strides=2),
            layers.Dropout(0.2),
            *_block(128, 3, padding="same"),
            *_block(128, 3),
            *_answer(),
        ],
        name="digits-broad",
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


def build_line_network(width: int = 16) -> keras.Sequential:
    """A reader of lines: convolutions that halve the height four times and the width once, then three along the line.

    From (N, 32, W, 1) it makes (N, W / 2, 17) logits, for every second column of pixels what stands there; W is even.

    Args:
        width: channels of the first convolution; the others grow in proportion. 16 gives 590,000 parameters.
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
            layers.Dropout(0.2),
            layers.Dense(LINE_CLASSES, name="logits", dtype="float32"),
        ],
        name="lines",
    )


def _along(channels: int, dilation: int = 1) -> list[keras.Layer]:
    """A convolution along the line, which sees the neighbours of a digit."""
    convolution = layers.Conv1D(channels, 5, padding="same", dilation_rate=dilation, use_bias=False)
    return [convolution, FusedBatchNormalization(momentum=0.9), layers.ReLU()]


def build_character_network() -> keras.Sequential:
    """What looks at characters as they are cut from lines: 217,000 parameters; shapes as `build_network` has them."""
    return keras.Sequential(
        [
            keras.Input(INPUT_SHAPE, name="image"),
            *_block(24, 5, strides=2),
            *_block(48, 3),
            *_block(64, 4, strides=2),
            *_block(96, 3, padding="same"),
            *_block(96, 3),
            *_answer(dropout=0.2),
        ],
        name="characters",
    )


def join(networks: Sequence[keras.Model], shares: Sequence[float]) -> keras.Model:
    """One network of several that stand side by side: its last layer gives the weighted mean of their logits.

    Args:
        networks: trained, as `build_network`, `build_broad_network` or this gives them; they stay as they are.
        shares: how much the logits of each weigh.
    """
    image = keras.Input(INPUT_SHAPE, name="image")
    bodies = [  # all but the last two layers, dropout and softmax
        keras.Model(network.inputs, network.layers[-3].output, name=f"{network.name}-{place}")
        for place, network in enumerate(map(plain, networks), 1)
    ]
    seen = layers.Concatenate(name="seen")([body(image) for body in bodies])
    answer = layers.Dense(CLASSES, activation="softmax", name="probabilities")
    joined = keras.Model(image, answer(layers.Dropout(0.4)(seen)), name="digits-joined")
    lasts = [network.layers[-1].get_weights() for network in networks]
    kernel = np.concatenate([share * weights for share, (weights, _) in zip(shares, lasts, strict=True)])
    answer.set_weights([kernel, sum(share * bias for share, (_, bias) in zip(shares, lasts, strict=True))])
    return joined


def freeze(network: keras.Model, convolutions: int) -> None:
    """Keep the first convolutions of a network, and what comes before the next one, as they are while it trains.

    Of a joined network, so many of each that stand in it.
    """
    passed = 0
    for layer in network.layers:
        if isinstance(layer, keras.Model):
            freeze(layer, convolutions)
            continue
        passed += isinstance(layer, layers.Conv2D)
        layer.trainable = passed > convolutions or isinstance(layer, layers.Dense)


def plain(network: keras.Model) -> keras.Model:
    """The same network of Keras' own layers alone, in float32 and without its optimizer: what a reader needs."""
    return _copied(network, _plain_layer)


def trainable(network: keras.Model) -> keras.Model:
    """The same network of layers that train fast, in the precision of today; the opposite of `plain`."""
    return _copied(network, _trained_layer)


def _copied(network: keras.Model, layer: Callable[[keras.Layer], keras.Layer]) -> keras.Model:
    copy = keras.models.clone_model(network, clone_function=layer, recursive=True)
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


def _trained_layer(layer: keras.Layer) -> keras.Layer:
    kind = FusedBatchNormalization if type(layer) is layers.BatchNormalization else type(layer)
    policy = "float32" if isinstance(layer, layers.Dense) else keras.config.dtype_policy().name
    return kind.from_config(layer.get_config() | {"dtype": policy})

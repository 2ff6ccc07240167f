"""Small training runs in less time: with the whole network and few pictures, most of it goes into making graphs."""

import contextlib
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    import keras


def build_tiny_network(width: int) -> "keras.Sequential":
    """One convolution between the layers that every network begins and ends with."""
    import keras

    from inkdigit.training import network

    layers = [keras.Input(network.INPUT_SHAPE, name="image"), *network._block(width, 4, strides=4), *network._answer()]
    return keras.Sequential(layers, name="digits")


@contextlib.contextmanager
def untraced() -> Iterator[None]:
    """Keras computes step by step, without a graph."""
    import keras

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(keras.Model, "run_eagerly", property(lambda _: True, lambda *_: None))
        yield

"""Make a LiteRT file from a Keras file, with TensorFlow's own converter.

python convert.py FOLDER FRAMES.npy

Reads model.keras and writes model.tflite beside it; in eight bits where model.onnx computes in eight bits, with the
ranges that the (N, 28, 28) float32 frames show.
"""

import sys
from pathlib import Path

import keras
import numpy as np
import tensorflow
from network import EIGHT_BITS, arithmetic_of


def main(folder, frames):
    model = keras.models.load_model(Path(folder) / "model.keras", compile=False)
    converter = tensorflow.lite.TFLiteConverter.from_keras_model(model)
    if arithmetic_of(Path(folder)) == EIGHT_BITS:
        converter.optimizations = [tensorflow.lite.Optimize.DEFAULT]
        converter.representative_dataset = lambda: ([frame[None, ..., None]] for frame in np.load(frames))
        converter.target_spec.supported_ops = [tensorflow.lite.OpsSet.TFLITE_BUILTINS_INT8]
    (Path(folder) / "model.tflite").write_bytes(converter.convert())


if __name__ == "__main__":
    main(*sys.argv[1:])

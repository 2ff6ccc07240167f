"""Training in two processes with Keras' distribution API gives the losses of one process.

    python -m benchmarks.two_processes        # needs keras, jax[cpu], numpy and Pillow

The small network learns MNIST's test digits for a few steps, on JAX: once in one process, and once in two that
`keras.distribution` joins over 127.0.0.1, each of which is fed one half of every batch. The network, the order and the
seed are the same; what is compared is the loss of every step.
"""

import argparse
import gzip
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

DATA = Path(__file__).parents[1] / "tests" / "data"
BATCH = 64  # pictures, of all processes together


def digits(count: int) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    images = np.frombuffer(gzip.decompress((DATA / "t10k-images-idx3-ubyte.gz").read_bytes()), np.uint8, offset=16)
    labels = np.frombuffer(gzip.decompress((DATA / "t10k-labels-idx1-ubyte.gz").read_bytes()), np.uint8, offset=8)
    scaled = images.reshape(-1, 28, 28, 1)[:count].astype(np.float32) / np.float32(255)
    return scaled, labels[:count].astype(np.int64)


def train(rank: int, processes: int, port: int, steps: int) -> list[float]:
    """The loss of each step, as the process of this rank sees it."""
    import jax
    import keras

    if processes > 1:
        jax.config.update("jax_cpu_collectives_implementation", "gloo")
        keras.distribution.initialize(f"127.0.0.1:{port}", processes, rank)

    from inkdigit.training.network import build_small_network

    keras.utils.set_random_seed(1)
    keras.distribution.set_distribution(keras.distribution.DataParallel(auto_shard_dataset=False))
    network = build_small_network()
    network.compile(optimizer=keras.optimizers.SGD(0.05), loss=keras.losses.SparseCategoricalCrossentropy(True))
    images, labels = digits(BATCH * steps)
    share = BATCH // processes
    rows = np.arange(len(images)).reshape(steps, processes, share)[:, rank].ravel()
    seen = _Losses()
    network.fit(
        images[rows], labels[rows], batch_size=share, shuffle=False, verbose=0, callbacks=[seen.callback(keras)]
    )
    return seen.losses


class _Losses:
    """The mean loss of all steps so far, after each."""

    def __init__(self) -> None:
        self.losses: list[float] = []

    def callback(self, keras: object) -> object:
        return keras.callbacks.LambdaCallback(  # type: ignore[attr-defined]
            on_train_batch_end=lambda _, logs: self.losses.append(float(logs["loss"]))
        )


def start(rank: int, processes: int, given: argparse.Namespace) -> "subprocess.Popen[str]":
    command = [sys.executable, "-m", "benchmarks.two_processes", "--rank", rank, "--processes", processes]
    command += ["--port", given.port, "--steps", given.steps]
    environment = os.environ | {"KERAS_BACKEND": "jax", "JAX_PLATFORMS": "cpu"}
    return subprocess.Popen([*map(str, command)], env=environment, stdout=subprocess.PIPE, text=True)


def losses_of(processes: int, given: argparse.Namespace) -> list[list[float]]:
    running = [start(rank, processes, given) for rank in range(processes)]
    return [json.loads(process.communicate(timeout=given.timeout)[0].splitlines()[-1]) for process in running]


def main() -> int:
    """Train both ways, and print the losses and how far they are apart; the exit code is 1 if by over a thousandth."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--steps", type=int, default=10)
    parser.add_argument("--port", type=int, default=35_791)
    parser.add_argument("--timeout", type=float, default=500)
    parser.add_argument("--rank", type=int, help="of this process; set by the program itself")
    parser.add_argument("--processes", type=int, default=2)
    given = parser.parse_args()
    if given.rank is not None:
        print(json.dumps(train(given.rank, given.processes, given.port, given.steps)))
        return 0
    (one,), two = losses_of(1, given), losses_of(2, given)
    apart = max(abs(a - b) / a for rank in two for a, b in zip(one, rank, strict=True))
    print(json.dumps({"one": one, "two": two[0], "apart": apart}))
    return int(apart > 1e-3)


if __name__ == "__main__":
    sys.exit(main())

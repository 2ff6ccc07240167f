"""Clock Inkdigit's whole road from a data URL to an answer, stage by stage: milliseconds of CPU.

python road.py FOLDER PICTURES.npz SECONDS

PICTURES.npz holds `bytes`, all PNG files in a row, and `ends`, where each ends. The pictures take turns until the road
has taken so many seconds in all. Prints JSON: the times of each stage, one per picture and turn.
"""

import base64
import itertools
import json
import sys
import time
from pathlib import Path

import numpy as np
from network import WARM_UP, onnxruntime

from inkdigit import Recognizer, normalize, read_image
from inkdigit.image import decode_data_url

STAGES = ("decode_data_url", "read_image", "normalize", "predict")


def main(folder: str, pictures: str, seconds: str) -> None:
    with np.load(pictures) as file:
        data, ends = file["bytes"].tobytes(), file["ends"]
    urls = [
        "data:image/png;base64," + base64.b64encode(data[start:end]).decode()
        for start, end in itertools.pairwise([0, *ends])
    ]
    recognizer, network = Recognizer.load(folder), onnxruntime(Path(folder), 1).run
    times: dict[str, list[float]] = {name: [] for name in (*STAGES, "network")}
    for url in urls[:WARM_UP]:
        walk(url, recognizer)
    spent, limit = 0.0, 1000 * float(seconds)
    for url in itertools.cycle(urls):
        stages, frame = walk(url, recognizer)
        begun = time.process_time()
        network(frame[None, ..., None])
        stages["network"] = 1000 * (time.process_time() - begun)
        for name, taken in stages.items():
            times[name].append(taken)
        spent += sum(stages.values())
        if spent > limit:
            break
    print(json.dumps(times))


def walk(url, recognizer):
    """The times of the stages, and the frame that the network saw."""
    clock = [time.process_time()]
    picture = decode_data_url(url)
    clock.append(time.process_time())
    ink = read_image(picture)
    clock.append(time.process_time())
    frame = normalize(ink)
    clock.append(time.process_time())
    recognizer.predict(frame[None])
    clock.append(time.process_time())
    taken = [1000 * (stop - start) for start, stop in itertools.pairwise(clock)]
    return dict(zip(STAGES, taken, strict=True)), frame


if __name__ == "__main__":
    main(*sys.argv[1:])

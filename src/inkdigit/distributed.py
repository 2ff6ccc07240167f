"""A batch's chunks read on Ray, by this computer or by many; they are kept here, and nothing else rests on Ray."""

import functools
import logging
import os
import time
from collections import Counter
from collections.abc import Generator, Iterable, Iterator
from dataclasses import replace
from itertools import islice
from typing import Any, Final

from inkdigit.bulk.chunks import ChunkFolder, Done, encode
from inkdigit.bulk.crew import LOST, STRIKES, Progress, Shop
from inkdigit.bulk.inputs import Chunk, Manifest
from inkdigit.bulk.job import Bench, Job
from inkdigit.bulk.run import Engine
from inkdigit.errors import BatchError, InkdigitError, MissingExtraError

logger = logging.getLogger(__name__)

LOCAL: Final = "local"
AHEAD: Final = 2  # chunks for each core of the cluster that are handed out at a time
PATIENCE_S: Final = 180.0  # seconds without any answer, after which what is waited for is handed out a second time
LOOK_S: Final = 0.5  # seconds between two looks at how far it is
CONNECTS: Final = (
    4  # tries: Ray's client server forks for each client, and now and then loses the process (Ray's issue 63202)
)

Answer = tuple[bytes, str]
"""The contents of a chunk's file, or else why there is none."""


def on_ray(address: str) -> Engine:
    """An engine of tasks on Ray.

    Args:
        address: "local" for this computer alone, or of a cluster, as `ray://host:10001`, whose nodes need the same
            version of this program and of the model, and the inputs under the same names.

    Raises:
        MissingExtraError: Ray is not installed.
    """
    return functools.partial(_work, _start(address))


def _start(address: str) -> Any:
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # Ray tells its makers about each cluster else
    os.environ.setdefault("RAY_raylet_start_wait_time_s", "120")  # a busy computer needs more than Ray's 30
    if address == LOCAL:
        os.environ.setdefault("RAY_AUTH_MODE", "token")  # its ports are open to the network, and run any code
    try:  # Ray reads all of these when it is imported
        import ray
    except ImportError as error:
        raise MissingExtraError("Ray", "ray") from error
    if not ray.is_initialized():
        try:
            _connect(ray, address)
        except Exception as error:  # Ray raises no less where its processes do not start in time
            raise BatchError(f"no cluster of Ray answers at {address}: {error}") from error
    return ray


def _connect(ray: Any, address: str, tries: int = CONNECTS) -> None:
    try:
        ray.init(**_cluster(address), log_to_driver=False)
    except ConnectionAbortedError:  # the client server answered, and its process for this client was lost
        if tries == 1:
            raise
        logger.info("Ray's client server lost the process that it had started; asking again")
        _connect(ray, address, tries - 1)


def _cluster(address: str) -> dict[str, Any]:
    """What Ray is told of a cluster; one that is made for this batch alone asks for a token and has no page."""
    if address == LOCAL:
        return {"address": LOCAL, "include_dashboard": False}  # never one that runs already
    return {"address": address}


def _work(ray: Any, shop: Shop, numbers: Iterable[int]) -> Generator[Progress]:
    """Hand chunks out, keep what comes back, and hand out again what does not."""
    kept = 0
    with Manifest(shop.manifest) as manifest:
        chunks = (manifest.chunk(number, shop.job.chunk_size) for number in numbers)
        for number, (contents, reason), count in _while_connected(_answers(ray, shop.job, chunks)):
            if reason:
                raise BatchError(reason)
            try:
                ChunkFolder(shop.chunks).keep(number, contents)
            except OSError as error:
                raise BatchError(f"{shop.chunks}: {error.strerror}. What is done is kept") from error
            kept += count
            yield Progress(kept, kept)


def _while_connected(answers: Iterator[tuple[int, Answer, int]]) -> Iterator[tuple[int, Answer, int]]:
    try:
        yield from answers
    except ConnectionError as error:  # Ray's client raises nothing of its own
        raise BatchError(f"the cluster is gone ({error}). What is done is kept; the same command goes on") from error


def _answers(ray: Any, job: Job, chunks: Iterator[Chunk]) -> Iterator[tuple[int, Answer, int]]:
    """The number and the contents of each chunk, and how many inputs it holds, as they come."""
    task = ray.remote(num_cpus=1, max_retries=0, scheduling_strategy="SPREAD")(read_chunk)
    waiting: dict[Any, Chunk] = {}
    failures: Counter[int] = Counter()
    heard = time.monotonic()
    while True:
        room = max(1, AHEAD * int(ray.cluster_resources().get("CPU", 1)) - len(waiting))
        waiting |= {task.remote(job, chunk): chunk for chunk in islice(chunks, room)}
        if not waiting:
            return
        done, _ = ray.wait(list(waiting), timeout=LOOK_S)
        silent = not done and time.monotonic() - heard > PATIENCE_S
        heard = time.monotonic() if done or silent else heard
        if silent:  # a node is cut off, and Ray goes on waiting for it
            waiting |= {task.remote(job, chunk): chunk for chunk in _each_once(waiting.values())}
        for reference in [one for one in done if one in waiting]:
            chunk = waiting.pop(reference)
            try:
                answer = ray.get(reference, timeout=PATIENCE_S)
            except ray.exceptions.RayError as error:  # the process or the node is gone, or what it had made
                failures[chunk.number] += 1
                waiting[task.remote(job, _without_deadly(ray, task, job, chunk, failures, error))] = chunk
            else:
                waiting = {other: handed for other, handed in waiting.items() if handed.number != chunk.number}
                yield chunk.number, answer, len(chunk.files)


def _each_once(chunks: Iterable[Chunk]) -> list[Chunk]:
    return list({chunk.number: chunk for chunk in chunks}.values())


def _without_deadly(ray: Any, task: Any, job: Job, chunk: Chunk, failures: Counter[int], error: Exception) -> Chunk:
    """The chunk to be read again; once it failed too often, without the inputs that fail by themselves too.

    Raises:
        BatchError: it fails and no input is at fault.
    """
    if failures[chunk.number] < STRIKES:
        return chunk
    if failures[chunk.number] >= LOST:
        raise BatchError(f"chunk {chunk.number} failed {LOST} times, and of no input: {error}")
    alone = [place for place in range(len(chunk.files)) if place not in chunk.problems]
    problems = {place: reason for place in alone if (reason := _fault(ray, task, job, chunk.files[place]))}
    return replace(chunk, problems=chunk.problems | problems)


def _fault(ray: Any, task: Any, job: Job, file: str) -> str:
    """Why reading an input by itself fails as often as is allowed; "" where it does not."""
    reason = ""
    for _ in range(STRIKES):
        try:
            ray.get(task.remote(job, Chunk(0, (file,), {})))
        except ray.exceptions.RayError as error:
            reason = f"reading it failed {STRIKES} times: {str(error).splitlines()[0]}"
        else:
            return ""
    return reason


# --- on a node


def read_chunk(job: Job, chunk: Chunk) -> Answer:
    """Read a chunk, with a model that stays loaded for the next one."""
    try:
        done: Done = _bench(job).read(chunk)
    except InkdigitError as error:
        return b"", str(error)
    return encode(chunk.number, done), ""


@functools.lru_cache(maxsize=1)
def _bench(job: Job) -> Bench:
    return Bench(job)

"""The command `inkdigit batch --on ray://` beside a cluster of two machines, of which one is lost half-way.

    python -m benchmarks.faults.network --pictures 1500 --rounds 3      # as root on Linux, with constraints/ray.txt

The machines are network namespaces, joined by veth pairs: a head and a node with one core each, and one that only runs
the command and talks to the head's Ray Client. A worker on the node is killed at a third of the chunks; at two thirds
the node is: all its processes are killed, or its cable is pulled. The table must be, byte for byte, what this
computer's own processes make of the same pictures.
"""

import argparse
import dataclasses
import json
import math
import os
import secrets
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from benchmarks.batch import pictures
from benchmarks.faults.nodes import READER
from inkdigit.bulk.job import CHUNK_SIZES

HEAD, NODE, DESK = PLACES = ("ink-head", "ink-node", "ink-desk")
ADDRESSES: Final = {HEAD: "10.77.0.1", NODE: "10.77.0.2", DESK: "10.77.0.3"}
CLIENT_PORT: Final = 10001
STORE_PORT: Final = 6379
AGENTS: Final = ("metrics-export", "dashboard-agent-grpc", "dashboard-agent-listen", "runtime-env-agent")
"""What listens on given ports: for those that choose their own, Ray's raylet waits 15 seconds and then ends itself."""
AGENT_PORT: Final = 20_100
START_S: Final = 180
LIMIT_S: Final = 900  # for the command, once the node is lost
COMMAND: Final = (sys.executable, "-m", "inkdigit", "batch")


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a round; `same` must be true, and `rows` what there were of pictures."""

    pictures: int
    rows: int
    seconds: float
    workers_killed: int
    node_lost: str  # how, and with how many processes
    chunks_kept_before: int  # of how many chunks the command kept when the node was lost
    chunks: int
    same: bool  # byte for byte as the table of this computer's own processes


# --- machines


def ip(*arguments: str) -> None:
    subprocess.run(["ip", *arguments], check=True)


@contextmanager
def network() -> Iterator[None]:
    """Three namespaces on one bridge, which stands in the head's; nothing outside them is touched."""
    with ExitStack() as stack:
        for place in PLACES:
            ip("netns", "add", place)
            stack.callback(ip, "netns", "del", place)
            ip("-n", place, "link", "set", "lo", "up")
        ip("-n", HEAD, "link", "add", "bridge", "type", "bridge")
        ip("-n", HEAD, "addr", "add", f"{ADDRESSES[HEAD]}/24", "dev", "bridge")
        ip("-n", HEAD, "link", "set", "bridge", "up")
        for place in (NODE, DESK):
            ip("-n", HEAD, "link", "add", place, "type", "veth", "peer", "name", "cable", "netns", place)
            ip("-n", HEAD, "link", "set", place, "master", "bridge", "up")
            ip("-n", place, "addr", "add", f"{ADDRESSES[place]}/24", "dev", "cable")
            ip("-n", place, "link", "set", "cable", "up")
        yield


def processes(place: str) -> list[int]:
    found = subprocess.run(["ip", "netns", "pids", place], capture_output=True, text=True, check=True)
    return [int(line) for line in found.stdout.split()]


def kill_all(place: str) -> int:
    """Kill every process of a machine; how many there were."""
    first = running = processes(place)
    while running:
        for process in running:
            try:
                os.kill(process, signal.SIGKILL)
            except ProcessLookupError:
                continue
        time.sleep(0.1)
        running = processes(place)
    return len(first)


@contextmanager
def machine(place: str, *arguments: str) -> Iterator[None]:
    """Ray on a machine; all its processes are killed in the end."""
    ray = Path(sys.executable).with_name("ray")
    start = [str(ray), "start", f"--node-ip-address={ADDRESSES[place]}", "--num-cpus=1", "--block", *arguments]
    start += [f"--{agent}-port={AGENT_PORT + number}" for number, agent in enumerate(AGENTS)]
    command = ["ip", "netns", "exec", place, *start]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL):
        try:
            yield
        finally:
            kill_all(place)


def wait_for_port(port: int) -> None:
    deadline = time.monotonic() + START_S
    looks = ["ip", "netns", "exec", DESK, "bash", "-c", f"exec 3<>/dev/tcp/{ADDRESSES[HEAD]}/{port}"]
    while subprocess.run(looks, capture_output=True, check=False).returncode:
        if time.monotonic() > deadline:
            raise TimeoutError(f"nothing listens on port {port} of the head")
        time.sleep(0.5)


def wait_for_nodes(count: int) -> None:
    """Until so many nodes are alive, as the head's own store says."""
    asks = "import ray, sys; ray.init(sys.argv[1]); print(sum(node['Alive'] for node in ray.nodes()))"
    command = ["ip", "netns", "exec", HEAD, sys.executable, "-c", asks, f"{ADDRESSES[HEAD]}:{STORE_PORT}"]
    deadline = time.monotonic() + START_S
    while time.monotonic() < deadline:
        found = subprocess.run(command, capture_output=True, text=True, check=False)
        if found.stdout.split()[-1:] == [str(count)]:
            return
    raise TimeoutError(f"fewer than {count} nodes after {START_S} s: {found.stderr[-500:]}")


# --- a round


def kill_reader(place: str) -> int:
    """Kill one process of a machine that reads a chunk; how many there were to kill, 0 or 1."""
    for process in processes(place):
        if Path(f"/proc/{process}/cmdline").read_bytes().startswith(READER.encode()):
            os.kill(process, signal.SIGKILL)
            return 1
    return 0


def lose_node(how: str) -> str:
    if how == "cable":
        ip("-n", HEAD, "link", "set", NODE, "down")
        return "its cable pulled"
    return f"its {kill_all(NODE)} processes killed"


def chunks_in(table: Path) -> int:
    """How many chunks of a table are kept so far."""
    return sum(path.suffix == ".chunk" for path in Path(f"{table}.parts").rglob("*"))


def lose_some(table: Path, chunks: int, how: str, command: "subprocess.Popen[bytes]") -> tuple[int, str, int]:
    """Kill a worker at a third of the chunks and the node at two; what was killed, and how many chunks were kept."""
    workers, kept = 0, 0
    while command.poll() is None and kept < 2 * chunks // 3:
        time.sleep(0.02)
        kept = max(kept, chunks_in(table))
        if not workers and kept >= chunks // 3:
            workers = kill_reader(NODE)
    return workers, lose_node(how) if command.poll() is None else "too late", kept


@contextmanager
def cluster() -> Iterator[str]:
    """A head and a node on a network of their own; what the desk calls it."""
    client, store = f"--ray-client-server-port={CLIENT_PORT}", f"{ADDRESSES[HEAD]}:{STORE_PORT}"
    with network(), machine(HEAD, "--head", f"--port={STORE_PORT}", "--include-dashboard=false", client):
        wait_for_port(CLIENT_PORT)
        with machine(NODE, f"--address={store}"):
            wait_for_nodes(2)
            yield f"ray://{ADDRESSES[HEAD]}:{CLIENT_PORT}"


def one_round(how: str, count: int) -> Outcome:
    """Make the table twice: here, and on a cluster that loses its second machine."""
    with pictures(count) as folder:
        own, theirs = folder / "own.jsonl", folder / "theirs.jsonl"
        subprocess.run([*COMMAND, folder / "scans", "--out", own], check=True, capture_output=True)
        chunks = math.ceil(count / CHUNK_SIZES["digits"])
        with cluster() as address:
            begun = time.monotonic()
            ray = ["ip", "netns", "exec", DESK, *COMMAND, folder / "scans", "--out", theirs, "--on", address]
            with subprocess.Popen(ray, stdout=subprocess.DEVNULL) as command:
                workers, lost, kept = lose_some(theirs, chunks, how, command)
                code = command.wait(timeout=LIMIT_S)
            seconds = round(time.monotonic() - begun, 1)
        rows = theirs.read_bytes().count(b"\n") if code == 0 else 0
        same = code == 0 and own.read_bytes() == theirs.read_bytes()
        return Outcome(count, rows, seconds, workers, lost, kept, chunks, same)


def main() -> int:
    """Run the rounds, and print what came of each as JSON; the exit code is 1 if anything was lost or doubled."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--pictures", type=int, default=4000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--lose", choices=["processes", "cable"], default="processes", help="what the node loses")
    given = parser.parse_args()
    os.environ |= {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": secrets.token_hex(32), "RAY_USAGE_STATS_ENABLED": "0"}
    sound = True
    for _ in range(given.rounds):
        outcome = one_round(given.lose, given.pictures)
        sound &= outcome.same and outcome.rows == outcome.pictures
        print(json.dumps(dataclasses.asdict(outcome)), flush=True)
    return 0 if sound else 1


if __name__ == "__main__":
    sys.exit(main())

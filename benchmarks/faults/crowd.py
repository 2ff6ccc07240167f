"""Far more requests than a server can take, and bodies that come slowly: who is answered, who is refused, and how soon.

    python -m benchmarks.faults.crowd

A server is asked for pictures by as many clients as it has threads, for its rate; then by a crowd that asks again as
soon as it is answered or refused. Meanwhile its health is asked for, and 30 bodies stay half sent. Ends by itself after
about half a minute.
"""

import base64
import contextlib
import http.client
import json
import os
import re
import socket
import subprocess
import sys
import threading
import time
from collections import Counter
from dataclasses import asdict
from pathlib import Path
from typing import Any

from benchmarks.load import HOST, Outcome, Plan, as_request

PICTURE = Path(__file__).parents[2] / "docs" / "images" / "seven.png"
THREADS, QUEUE, SLOW = 4, 64, 30
CROWD = 10 * (THREADS + QUEUE)
SECONDS = 8.0


def load(port: int, connections: int) -> Outcome:
    """What a load of so many clients came to; it is made by a process of its own."""
    body = json.dumps({"image": "data:image/png;base64," + base64.b64encode(PICTURE.read_bytes()).decode()})
    plan = Plan(port, "/api/v1/predict", [body], connections, SECONDS, 10**6)
    command = [sys.executable, "-m", "benchmarks.load"]
    done = subprocess.run(command, input=json.dumps(asdict(plan)), capture_output=True, text=True, check=True)
    return Outcome(**json.loads(done.stdout))


def asked(port: int) -> float:
    """Seconds that an answer about health takes."""
    started = time.perf_counter()
    connection = http.client.HTTPConnection(HOST, port, timeout=60)
    connection.request("GET", "/health/live", headers={"Connection": "close"})
    assert connection.getresponse().status == 200
    connection.close()
    return time.perf_counter() - started


def memory_mb(process: "subprocess.Popen[str]") -> int:
    """What the server holds."""
    found = re.search(r"VmRSS:\s+(\d+)", Path(f"/proc/{process.pid}/status").read_text())
    assert found is not None
    return int(found[1]) // 1024


def of_answers(outcome: Outcome) -> dict[str, Any]:
    """Rates and times of those that were answered, and of those that were refused."""
    refused = [answer.startswith('{"type"') for answer in outcome.answers]
    times = {
        name: sorted(1000 * took for took, out in zip(outcome.latencies_s, refused, strict=True) if out is which)
        for name, which in (("answered", False), ("refused", True))
    }
    told = {
        name: {"n": len(all_), "p99_ms": round(all_[len(all_) * 99 // 100])} for name, all_ in times.items() if all_
    }
    kinds = Counter(json.loads(answer)["type"] for answer, out in zip(outcome.answers, refused, strict=True) if out)
    return {"per_second": round(len(refused) / outcome.elapsed_s), **told, "refusals": kinds}


def main() -> None:
    settings = {"PORT": "0", "THREADS": THREADS, "QUEUE": QUEUE, "CONNECTION_LIMIT": 2 * CROWD, "LOG": "quiet"}
    environment = os.environ | {f"INKDIGIT_{name}": str(value) for name, value in settings.items()}
    command = [sys.executable, "-m", "inkdigit", "serve"]
    with (
        subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as process,
        contextlib.ExitStack() as stack,
    ):
        stack.callback(process.terminate)
        assert process.stdout is not None
        port = int(process.stdout.readline().split(":")[2].partition("/")[0])
        alone = of_answers(load(port, THREADS))
        before = memory_mb(process)
        request = as_request(Plan(port, "/api/v1/predict", [], 0, 0, 0), b"x" * 1000)
        for _ in range(SLOW):
            stack.enter_context(socket.create_connection((HOST, port))).sendall(request[:-10])
        crowd: list[Outcome] = []
        pressing = threading.Thread(target=lambda: crowd.append(load(port, CROWD)))
        pressing.start()
        health = []
        while pressing.is_alive():
            health.append(1000 * asked(port))
            time.sleep(0.1)
        after = of_answers(load(port, THREADS))
        health.sort()
        told = {"n": len(health), "median_ms": round(health[len(health) // 2]), "slowest_ms": round(health[-1])}
        print(json.dumps({"alone": alone, "crowd": of_answers(crowd[0]), "health": told, "after": after}))
        print(json.dumps({"clients": CROWD, "slow": SLOW, "MB": [before, memory_mb(process)]}))


if __name__ == "__main__":
    main()

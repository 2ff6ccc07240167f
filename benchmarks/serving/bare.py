"""The work alone, under the same load: `python -m benchmarks.serving.bare PORT` answers with what each picture cost.

One thread, a loop over sockets, and no more of HTTP than the load generator speaks. The CPU that the work takes is
measured around the work, so that this server's own does not count.
"""

import json
import selectors
import socket
import sys
import time

from benchmarks.load import is_whole
from benchmarks.serving.apps import read, recognizer


def answer(request: bytes) -> bytes:
    """Do the work, and tell what it cost."""
    url = json.loads(request.partition(b"\r\n\r\n")[2])["image"]
    before = time.thread_time()
    read(url)
    body = json.dumps({"cpu_ms": 1000 * (time.thread_time() - before)}).encode()
    return b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body)


def serve(port: int) -> None:
    """Serve until the process is ended."""
    recognizer()
    with socket.create_server(("127.0.0.1", port)) as listener, selectors.DefaultSelector() as selector:
        selector.register(listener, selectors.EVENT_READ, None)
        received: dict[socket.socket, bytes] = {}
        while True:
            for key, _ in selector.select():
                if key.data is None:
                    connection = listener.accept()[0]
                    received[connection] = b""
                    selector.register(connection, selectors.EVENT_READ, connection)
                    continue
                part = key.data.recv(65536)
                received[key.data] += part
                if not part:
                    selector.unregister(key.data)
                    del received[key.data]
                    key.data.close()
                elif is_whole(received[key.data]):
                    key.data.sendall(answer(received[key.data]))
                    received[key.data] = b""


if __name__ == "__main__":
    serve(int(sys.argv[1]))

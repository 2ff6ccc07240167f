"""What the work alone costs: `python -m benchmarks.serving.floor COUNT < urls.json` prints CPU ms per picture."""

import json
import sys
import time

from benchmarks.serving.apps import read


def main() -> None:
    """Read pictures in turn, and print what one costs."""
    urls, count = json.load(sys.stdin), int(sys.argv[1])
    for url in urls:
        read(url)
    before = time.process_time()
    for number in range(count):
        read(urls[number % len(urls)])
    print(1000 * (time.process_time() - before) / count)


if __name__ == "__main__":
    main()

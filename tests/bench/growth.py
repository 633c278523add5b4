"""How much slower a list is on a large table than on a small one: two processes, with a database each.

``python -m tests.bench.growth NAME`` is such a process: it reads how many calls to make, and prints their
times in milliseconds.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import time

from . import databases
from .measuring import Measured

ROUNDS, CALLS = 20, 10


def measured(large: str, small: int, drop: bool) -> Measured:
    """Returns the medians for the small and the large database, taken in turns."""
    times: dict[str, list[float]] = {}
    name = f"headlessly_bench_{small}"
    _prepare(name, small)
    workers = {each: _worker(each) for each in (name, large)}
    try:
        for number in range(ROUNDS + 1):
            for each, worker in workers.items():
                worker.stdin.write(f"{CALLS}\n")
                worker.stdin.flush()
                found = [float(text) for text in worker.stdout.readline().split()]
                if number:  # the first round warms up
                    times.setdefault(each, []).extend(found)
    finally:
        for worker in workers.values():
            worker.stdin.close()
            worker.wait()
    if drop:
        subprocess.run([sys.executable, "-m", "tests.bench.growth", name, "drop"], check=True)
    small_ms, large_ms = (statistics.median(times[each]) for each in (name, large))
    return Measured(f"growth of the list from {small:,} leads", small_ms, large_ms, 1.15)


def _prepare(name: str, small: int) -> None:
    command = [sys.executable, "-m", "tests.bench.growth", name, "fill", str(small)]
    subprocess.run(command, check=True)


def _worker(name: str) -> subprocess.Popen:
    command = [sys.executable, "-m", "tests.bench.growth", name, "serve"]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def main(name: str, what: str, count: str = "") -> None:
    databases.ready()
    if what in ("fill", "drop"):
        from .fill import fill

        with databases.opened(name, lambda: fill(int(count)), drop=what == "drop"):
            return
    databases.use(name)
    from .paths import LIST, Bench

    call = Bench.caller()
    for line in sys.stdin:
        times = []
        for _ in range(int(line)):
            started = time.perf_counter()
            call("GET", "/leads", LIST)
            times.append((time.perf_counter() - started) * 1000)
        print(*times, flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])

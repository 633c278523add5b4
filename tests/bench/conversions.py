"""Conversions a second by eight at once: the limit in threads, the product in processes, as it is served.

``python -m tests.bench.conversions NAME`` is such a process: it reads the ids of leads, tells that it is
ready, and converts them when told to.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from . import databases
from .measuring import Measured

if TYPE_CHECKING:
    from .paths import Bench

#: How many processes convert at once, how many leads each, how many of them before timing starts, and rounds.
AT_ONCE, EACH, WARM, ROUNDS = 8, 50, 10, 3
LABEL = f"conversions a second, {AT_ONCE} at once"


def measured(bench: Bench) -> Measured:
    """Returns the medians of some rounds, taken in turns."""
    from django.db import connection

    name = connection.settings_dict["NAME"]
    rates: tuple[list[float], list[float]] = ([], [])
    for _ in range(ROUNDS):
        rates[0].append(limit(bench))
        rates[1].append(product(bench, name))
    return Measured(LABEL, *map(statistics.median, rates), 0.25, "/s", more_is_better=True)


def limit(bench: Bench) -> float:
    import psycopg

    from .limit import Limit

    company = bench.known[1]
    connections = [psycopg.connect(**databases.parameters()) for _ in range(AT_ONCE)]
    people = bench.people(AT_ONCE)
    work = [
        Limit(connection, bench.tenant.pk).convert(person, company, EACH)
        for connection, person in zip(connections, people, strict=True)
    ]
    gate = threading.Barrier(AT_ONCE + 1)

    def convert(once: Callable[[], None]) -> None:
        for _ in range(WARM):
            once()
        gate.wait()
        for _ in range(EACH - WARM):
            once()

    threads = [threading.Thread(target=convert, args=(once,)) for once in work]
    for thread in threads:
        thread.start()
    gate.wait()
    started = time.perf_counter()
    for thread in threads:
        thread.join()
    took = time.perf_counter() - started
    for each in connections:
        each.close()
    return AT_ONCE * (EACH - WARM) / took


def product(bench: Bench, name: str) -> float:
    ids = bench.qualified(AT_ONCE * EACH)
    command = [sys.executable, "-m", "tests.bench.conversions", name]
    workers = [
        subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        for _ in range(AT_ONCE)
    ]
    for number, worker in enumerate(workers):
        worker.stdin.write(" ".join(ids[number::AT_ONCE]) + "\n")
        worker.stdin.flush()
    for worker in workers:
        worker.stdout.readline()
    started = time.perf_counter()
    for worker in workers:
        worker.stdin.write("\n")
        worker.stdin.flush()
    for worker in workers:
        worker.stdout.readline()
    took = time.perf_counter() - started
    for worker in workers:
        worker.stdin.close()
        worker.wait()
    return AT_ONCE * (EACH - WARM) / took


def main(name: str) -> None:
    databases.ready()
    databases.use(name)
    from .paths import Bench

    call = Bench.caller()
    ids = sys.stdin.readline().split()
    for id in ids[:WARM]:  # everything is imported, compiled and prepared once
        call("POST", f"/leads/{id}/convert")
    print("ready", flush=True)
    sys.stdin.readline()
    for id in ids[WARM:]:
        call("POST", f"/leads/{id}/convert")
    print("done", flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])

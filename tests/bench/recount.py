"""``python -m tests.bench.recount [--leads 1000000]``: a change of a score rule, counted by two workers.

The first tenant, which has half of all leads, changes a score rule so that every lead gets another score. Two
processes of ``manage.py work`` count; one of them is killed in the middle, and another one takes its place.
Meanwhile a program and a browser request lists of leads, and their times before and during the recount are
printed: the median (p50) and the 95th percentile (p95).

It measures elapsed time, so the machine must have nothing else to do. As half of all leads are counted, the
time for a million is extrapolated; ``--leads 2000000`` counts a million.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from . import databases
from .scores import LINES

ROOT = Path(__file__).parents[2]
WORKER = """
import sys
import django
import headlessly.settings as s
s.DATABASES["default"]["NAME"] = sys.argv[1]
django.setup()
from django.core.management import call_command
call_command("work")
"""
#: A killed worker is noticed after a minute; then another one takes over its job.
LONGEST = 3 * 3600
LISTS = {
    "REST": ("/leads", "limit=50"),
    "REST, by score": ("/leads", "limit=50&sort=-score"),
    "browser": ("/crm/lead/", "view=all"),
}


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.bench.recount", description=__doc__)
    parser.add_argument("--leads", type=int, default=100_000)
    parser.add_argument("--workers", type=int, default=2)
    options = parser.parse_args()
    databases.ready()
    from .fill import fill

    name = f"headlessly_bench_{options.leads}"
    with databases.opened(name, lambda: fill(options.leads)):
        measure(name, options.workers)


def measure(name: str, workers: int) -> None:
    from crm import Lead
    from headlessly.access import actors, tenancy
    from headlessly.access.models import Tenant

    tenant = Tenant.objects.get(pk=1)
    ask = askers(tenant)
    with tenancy.active(tenant), actors.acting(actors.SYSTEM):
        there = Lead.objects.count()
    before = {what: [timed(one) for _n in range(30)] for what, one in ask.items()}
    change_what_a_lead_is_worth(tenant)
    began, processes = time.monotonic(), [start(name) for _n in range(workers)]
    while_it_is: dict[str, list[float]] = {what: [] for what in ask}
    killed: float | None = None
    try:
        while (found := progress(tenant)).finished_at is None:
            if time.monotonic() - began > LONGEST:
                raise RuntimeError(f"{found.counted:,} of {there:,} counted")
            if killed is None and found.counted >= there // 2:
                processes[0].kill()  # with -9
                processes[0].wait()
                killed = time.monotonic() - began
                processes[0] = start(name)
            for what, one in ask.items():
                while_it_is[what].append(timed(one))
            time.sleep(0.2)
    finally:
        for each in processes:
            each.terminate()
        for each in processes:
            each.wait(30)
    took = time.monotonic() - began
    tell(there, took, killed, found, before, while_it_is, tenant)


def askers(tenant: Any) -> dict[str, Callable[[], Any]]:
    """Returns the callers that request a list, by name."""
    from .calls import by_key, by_session

    program, browser = by_key(tenant), by_session(tenant)
    return {
        what: lambda caller=browser if what == "browser" else program, place=place: caller(
            "GET", *place
        )
        for what, place in LISTS.items()
    }


def timed(ask: Callable[[], Any]) -> float:
    """Returns how many milliseconds a call took."""
    began = time.perf_counter()
    ask()
    return (time.perf_counter() - began) * 1000


def change_what_a_lead_is_worth(tenant: Any) -> None:
    """Change the points of a line that holds for all leads, so that every lead gets another score."""
    from django.db import connection

    from crm import Rule
    from headlessly.access import actors, tenancy

    with tenancy.active(tenant), actors.acting(actors.SYSTEM):
        with connection.cursor() as cursor:
            cursor.execute("DELETE FROM procrastinate_jobs WHERE task_name LIKE 'score.%'")
        rules = list(Rule.find({"kind": "Score"}))
        points = 3 + rules[0].version % 5 if rules else 3
        everybody = {"name": "Is one", "points": points, "type": "Lead", "filter": {}}
        lines = [everybody, *LINES]
        if rules:
            rules[0].update(lines=lines)
        else:
            condition = {"type": "Lead", "filter": {}}
            Rule.create(name="Worth", kind="Score", condition=condition, lines=lines)


def start(name: str) -> subprocess.Popen[bytes]:
    # Who asks for lists here is answered by the site, which has said "production" in this process since.
    env = os.environ | {
        "DJANGO_SETTINGS_MODULE": "headlessly.settings",
        "HEADLESSLY_ENV": "development",
    }
    return subprocess.Popen([sys.executable, "-c", WORKER, name], cwd=ROOT, env=env)


def progress(tenant: Any) -> Any:
    from crm.rules.score import recount
    from headlessly.access import tenancy

    with tenancy.active(tenant):
        found = recount.progress()
    assert found is not None
    return found


def tell(
    there: int,
    took: float,
    killed: float | None,
    found: Any,
    before: dict[str, list[float]],
    while_it_is: dict[str, list[float]],
    tenant: Any,
) -> None:
    from crm import Lead
    from headlessly.access import actors, tenancy

    with tenancy.active(tenant), actors.acting(actors.SYSTEM):
        left = Lead.objects.filter(scored_with=None).exclude(scored_by=Lead.BY_HAND).count()
    at = "none was killed" if killed is None else f"one worker killed after {killed:.0f} s"
    print(
        f"{there:,} leads: {found.counted:,} counted, {found.changed:,} written, {left:,} left out, in "
        f"{took:.0f} s ({at}); a million at this pace: {took / there * 1_000_000 / 60:.1f} minutes"
    )
    for what, times in while_it_is.items():
        print(f"{what}: {said(before[what])} before, {said(times)} while it is counted")


def said(times: list[float]) -> str:
    ordered = sorted(times)
    if not ordered:
        return "nothing asked"
    p50, p95 = (ordered[min(len(ordered) - 1, len(ordered) * n // 100)] for n in (50, 95))
    return f"p50 {p50:.0f} and p95 {p95:.0f} ms of {len(ordered)}"


if __name__ == "__main__":
    main()

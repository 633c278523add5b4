"""``python -m tests.bench.scores [--leads 100000]``: how many leads a second a change of a score rule counts.

Times are CPU of this process and of the PostgreSQL process that works for it. They take turns, so their sum
is what a recount takes of one free core. A million leads take ten times as long or more.
"""

from __future__ import annotations

import argparse
import os
import time
from pathlib import Path

from . import databases

LINES = [
    {"name": "Site", "points": 20, "type": "Lead", "filter": {"source": "website"}},
    {"name": "Money", "points": 15, "type": "Lead", "filter": {"budget": {"$gte": 20_000}}},
    {"name": "Need", "points": 10, "type": "Lead", "filter": {"need": {"$exists": True}}},
    {"name": "Decider", "points": 10, "type": "Lead", "filter": {"authority": {"$exists": True}}},
    {"name": "Industry", "points": 10, "type": "Lead", "filter": {"organization.industry": "Technology"}},
    {"name": "Refund", "points": -10, "type": "Lead", "filter": {"source": {"$in": ["event", "x"]}}},
    {"name": "Calls", "points": 10, "type": "Activity", "filter": {"type": "Call", "status": "Completed"},
     "since": "completedAt", "halfLife": 30, "cap": 30},
    {"name": "Meetings", "points": 20, "type": "Activity", "filter": {"type": {"$in": ["Meeting", "Demo"]}},
     "since": "$createdAt", "halfLife": 60, "cap": 40},
]  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.bench.scores", description=__doc__)
    parser.add_argument("--leads", type=int, default=100_000)
    parser.add_argument("--most", type=int, default=1_000_000, help="stop after so many")
    options = parser.parse_args()
    databases.ready()
    from .fill import fill

    with databases.opened(f"headlessly_bench_{options.leads}", lambda: fill(options.leads)):
        measure(options.most)


def measure(most: int) -> None:
    from crm import Rule
    from crm.rules.score import recount
    from headlessly.access import actors, tenancy
    from headlessly.access.models import Tenant

    tenant = Tenant.objects.order_by("pk").first()
    with tenancy.active(tenant), actors.acting(actors.SYSTEM):
        for rule in Rule.find({"kind": "Score"}):
            rule.delete()
        for each, lines in (("all are new", LINES), ("one line more points", _changed())):
            found = Rule.find({"kind": "Score"})
            if found:
                found[0].update(lines=lines)
            else:
                Rule.create(
                    name="Worth",
                    kind="Score",
                    condition={"type": "Lead", "filter": {}},
                    lines=lines,
                )
            tell(each, recount, most)
        Rule.find({"kind": "Score"})[0].update(name="The same")
        tell("none is another", recount, most)


def _changed() -> list[dict]:
    return [{**LINES[0], "points": 25}, *LINES[1:]]


def tell(what: str, recount, most: int) -> None:  # type: ignore[no-untyped-def]
    began, ours, theirs = time.perf_counter(), time.process_time(), _database_cpu()
    while recount.count_chunk() and recount.progress().counted < most:
        pass
    run = recount.progress()
    wall = time.perf_counter() - began
    ours, theirs = time.process_time() - ours, _database_cpu() - theirs
    print(
        f"{what}: {run.counted:,} counted, {run.changed:,} written; {run.counted / (ours + theirs):,.0f} a "
        f"second of CPU (Python {ours:.1f} s, PostgreSQL {theirs:.1f} s, on the clock {wall:.1f} s); "
        f"a million: {1_000_000 * (ours + theirs) / run.counted / 60:.1f} minutes of CPU, "
        f"{1_000_000 * max(ours, theirs) / run.counted / 60:.1f} with each on a core"
    )


def _database_cpu() -> float:
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        (pid,) = cursor.fetchone()
    parts = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(parts[11]) + int(parts[12])) / os.sysconf("SC_CLK_TCK")


if __name__ == "__main__":
    main()

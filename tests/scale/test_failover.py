"""The machine of the leader loses its power: what was acknowledged is there, and followers miss nothing.

Slow, and so by itself: CELLS=1 runs it (`.ci/run` does).
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from django.db import connection

from headlessly.database.row_security import ROLE as BOUND
from headlessly.database.server import ROLE

from .cells import Cell
from .clusters import environment
from .test_handbook import free_port, wait_for

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.skipif(not os.environ.get("CELLS"), reason="slow: CELLS=1 runs it"),
]

ROOT = Path(__file__).parents[2]
WRITES, WRITERS = 1_000, 4
TENANT = """
import django
django.setup()
from headlessly.access.models import ApiKey, Tenant
tenant = Tenant.objects.create(slug="acme", name="Acme")
print(ApiKey.issue(tenant, "writer", rate_limit=1_000_000)[1])
"""


@pytest.fixture
def cell() -> Iterator[Cell]:
    with tempfile.TemporaryDirectory(prefix="headlessly-") as folder:
        Path(folder).chmod(0o755)
        made = Cell(Path(folder))
        try:
            made.start_server(0)
            wait_for(lambda: made.leader() == 0, 60)
            made.start_server(1)
            wait_for(made.is_synchronous, 60)
            yield made
        except BaseException:
            for log in sorted(Path(folder).glob("*.log")):
                print(log.name, log.read_text()[-3_000:])
            raise
        finally:
            made.stop()


def fill_with_tables(cell: Cell) -> None:
    """Give the cell the product's tables, as `migrate` does."""
    connection.ensure_connection()
    with cell.connect() as admin:
        admin.execute(f"CREATE ROLE {ROLE} LOGIN")
        admin.execute(f"CREATE DATABASE {ROLE} OWNER {ROLE}")
        # Roles are in no dump.
        admin.execute(f"CREATE ROLE {BOUND} NOLOGIN")
        admin.execute(f"GRANT {BOUND} TO {ROLE}")
    leader = cell.leader()
    assert leader is not None
    here = connection.settings_dict
    base, dump = cell.base, cell.base.cluster / "dump"
    base.run("pg_dump", "-h", here["HOST"], "-U", "postgres", "-Fc", "-f", dump, here["NAME"])
    base.run(
        "pg_restore", "-h", "127.0.0.1", "-p", str(cell.ports[leader]), "-U", "postgres", "-d", ROLE,
        "--exit-on-error", dump,
    )  # fmt: skip


def test_nothing_acknowledged_is_lost_with_the_leader_and_followers_are_told_all(
    cell: Cell,
) -> None:
    fill_with_tables(cell)
    given = environment(cell.url, DJANGO_SETTINGS_MODULE="headlessly.settings", LOG_LEVEL="ERROR")
    told = subprocess.run(
        [sys.executable, "-c", TENANT], cwd=ROOT, env=given, capture_output=True, text=True
    )
    assert told.returncode == 0, told.stderr
    port = free_port()
    words = [
        sys.executable,
        "manage.py",
        "serve",
        "--port",
        str(port),
        "--workers",
        "1",
        "--jobs",
        "0",
    ]
    log = (cell.folder / "serve.log").open("wb")
    served = subprocess.Popen(words, cwd=ROOT, env=given, stdout=log, stderr=log)
    headers = {"Authorization": f"Bearer {told.stdout.split()[-1]}"}
    site = httpx.Client(base_url=f"http://127.0.0.1:{port}/~acme", headers=headers, timeout=60)
    acknowledged: list[str] = []
    refused = 0

    def write() -> None:
        nonlocal refused
        with httpx.Client(base_url=site.base_url, headers=headers, timeout=60) as client:
            while len(acknowledged) < WRITES:
                try:
                    answer = client.post("/leads", json={"name": "Kept", "source": "website"})
                except httpx.HTTPError:
                    continue
                if answer.status_code == 201:
                    acknowledged.append(answer.json()["$id"])
                else:
                    refused += 1
                    time.sleep(0.2)

    followed: list[str] = []
    is_over = threading.Event()

    def follow() -> None:
        """Read the log on, as a follower does, and keep what it tells."""
        cursor = ""
        while True:
            was_over = is_over.is_set()
            try:
                answer = site.get("/events", params={"cursor": cursor, "limit": 100})
                page = answer.raise_for_status().json()
            except httpx.HTTPError:
                time.sleep(0.2)
                continue
            followed.extend(
                each["target"] for each in page["results"] if each["name"] == "Lead.Created"
            )
            cursor = page["cursor"]
            if was_over and not page["hasMore"] and not page["results"]:
                return
            time.sleep(0.05)

    try:
        wait_for(lambda: site.get(f"http://127.0.0.1:{port}/readyz").status_code == 200, 60)
        threads = [threading.Thread(target=write) for _ in range(WRITERS)]
        follower = threading.Thread(target=follow)
        for thread in (*threads, follower):
            thread.start()
        wait_for(lambda: len(acknowledged) > WRITES // 3, 120)
        before, began = cell.leader(), time.monotonic()
        cell.kill_leader()
        wait_for(lambda: cell.leader() not in (None, before), 90)
        at_switch = len(acknowledged)
        wait_for(lambda: len(acknowledged) > at_switch, 60)
        pause = time.monotonic() - began
        for thread in threads:
            thread.join(120)
        time.sleep(0.5)
        is_over.set()
        follower.join(60)
    finally:
        served.terminate()
        served.wait(30)
    with cell.connect(ROLE, ROLE) as asked:
        there = {id for (id,) in asked.execute("SELECT id FROM crm_lead")}
    print(
        f"{len(acknowledged)} acknowledged, {refused} refused, {pause:.0f} s until the next write"
    )
    assert len(acknowledged) >= WRITES
    assert set(acknowledged) - there == set(), "lost with the leader"
    assert len(followed) == len(set(followed)), "told twice"
    assert there - set(followed) == set(), "never told"

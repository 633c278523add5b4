"""A recount of all scores by real workers: one is killed in the middle, and each lead is counted."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from typing import Any

import pytest
from django.conf import settings
from django.db import connection

from crm import Lead, Rule
from crm.rules.score import recount
from headlessly.log.events import Event

pytestmark = pytest.mark.django_db(transaction=True)
MANY, CHUNK = 90, 10
LINES = [{"name": "Site", "points": 30, "type": "Lead", "filter": {"source": "website"}}]
#: `manage.py work` on this test's database, in small chunks with a pause between them.
WORKER = """
import sys, time
import django
import headlessly.settings as s
s.DATABASES["default"]["NAME"] = sys.argv[1]
django.setup()
from crm.rules.score import recount
recount.CHUNK, pause, count_chunk = int(sys.argv[2]), float(sys.argv[3]), recount.count_chunk

def slowly(descends=False):
    time.sleep(pause)
    return count_chunk(descends)

recount.count_chunk = slowly
from django.core.management import call_command
call_command("work", *sys.argv[4:])
"""


def worker(pause: float, *options: str) -> subprocess.Popen[bytes]:
    name = connection.settings_dict["NAME"]
    env = os.environ | {
        "DJANGO_SETTINGS_MODULE": "headlessly.settings",
        "HEADLESSLY_DATA": str(settings.DATA_DIR),
    }
    command = [sys.executable, "-c", WORKER, name, str(CHUNK), str(pause), *options]
    return subprocess.Popen(command, cwd=settings.BASE_DIR, env=env)


def counted() -> int:
    found = recount.progress()
    return found.counted if found else 0


def wait_until(what: Any, seconds: float = 60) -> None:
    ends = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < ends, f"{counted()} counted"
        time.sleep(0.05)


def test_a_worker_that_is_killed_in_the_middle_leaves_the_rest_to_the_next(acme):
    leads = [Lead.create(name=f"L{n}", source="website").pk for n in range(MANY)]
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM procrastinate_jobs")
    Rule.create(name="W", kind="Score", condition={"type": "Lead", "filter": {}}, lines=LINES)
    killed = worker(0.5)
    try:
        wait_until(lambda: counted() >= 2 * CHUNK)
    finally:
        killed.kill()  # with -9
        killed.wait(20)
    there = counted()
    assert 0 < there < MANY, "it is in the middle"
    assert Lead.objects.filter(score=30).count() == there, "what is counted is written, and no more"
    with connection.cursor() as cursor:  # what the next minute finds
        cursor.execute(
            "UPDATE procrastinate_jobs SET status = 'todo', worker_id = NULL WHERE status = 'doing'"
        )
    other = worker(0, "--until-idle")
    assert other.wait(60) == 0
    found = recount.progress()
    assert found.finished_at is not None
    # Where the two ways meet, a chunk may be looked at by both; each lead is written once.
    assert found.changed == MANY <= found.counted <= MANY + CHUNK
    assert set(Lead.objects.filter(pk__in=leads).values_list("score", "version")) == {(30, 2)}
    assert Event.objects.filter(name="Lead.Rescored").count() == MANY

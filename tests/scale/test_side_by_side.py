"""While a release is installed, the code before it works on the new tables, beside the new code.

It needs the history of the code: the last tag that is a release, else the commit that OLD_CODE names.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from .clusters import Cluster, environment

pytestmark = pytest.mark.django_db

ROOT = Path(__file__).parents[2]
#: Works as a client of REST does, and as a worker; prints what is in the log.
WORK = """
import json, sys, django
django.setup()
from django.test import Client
from headlessly.access import actors, tenancy
from headlessly.access.models import ApiKey, Tenant
tenant, _ = Tenant.objects.get_or_create(slug="acme", name="Acme")
with tenancy.active(tenant), actors.acting(actors.SYSTEM):
    secret = ApiKey.issue(tenant, sys.argv[1])[1]
def ask(method, path, body=None, status=200):
    answer = Client().generic(
        method, "/~acme" + path, json.dumps(body or {}), content_type="application/json",
        headers={"Authorization": "Bearer " + secret},
    )
    assert answer.status_code == status, (path, answer.status_code, answer.content)
    return answer.json() if answer.content else None
person = {"name": sys.argv[1], "email": sys.argv[1] + "@acme.example"}
contact = ask("POST", "/contacts", person, 201)["$id"]
lead = {"name": sys.argv[1], "source": "website", "contact": contact}
lead = ask("POST", "/leads", lead, 201)["$id"]
for status in ("Contacted", "Qualified"):
    ask("PATCH", "/leads/" + lead, {"status": status})
ask("POST", "/leads/" + lead + "/convert")
for each in ask("GET", "/leads?include=deal,contact")["results"]:
    ask("PATCH", "/contacts/" + each["contact"]["$id"], {"title": "of " + sys.argv[1]})
    assert ask("GET", "/leads/" + each["$id"])["status"] == "Converted"
assert ask("GET", "/leads?asOf=now")["results"]
print(json.dumps([each["name"] for each in ask("GET", "/events?limit=100")["results"]]))
"""


def git(*words: str) -> str:
    done = subprocess.run(["git", *words], cwd=ROOT, capture_output=True, text=True)
    return done.stdout.strip() if done.returncode == 0 else ""


@pytest.fixture
def old_code() -> Iterator[Path]:
    """The code of the release before, in a folder of its own."""
    commit = os.environ.get("OLD_CODE") or git(
        "describe", "--tags", "--abbrev=0", "--match=v[0-9]*"
    )
    if not commit or not git("cat-file", "-t", commit):
        pytest.skip("There is no release before this code, or its history is not here.")
    with tempfile.TemporaryDirectory(prefix="headlessly-") as folder:
        packed = subprocess.run(
            ["git", "archive", commit], cwd=ROOT, capture_output=True, check=True
        )
        subprocess.run(["tar", "-x", "-C", folder], input=packed.stdout, check=True)
        yield Path(folder)


def work(code: Path, cell: Cluster, name: str) -> Any:
    more = {"DJANGO_SETTINGS_MODULE": "headlessly.settings", "ALLOWED_HOSTS": "testserver"}
    given = environment(cell.url, PYTHONPATH=str(code), **more)
    words = [sys.executable, "-c", WORK, name]
    done = subprocess.run(words, cwd=code, env=given, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def test_the_code_before_works_on_the_new_tables_and_both_read_each_other(
    old_code: Path, cell: Cluster
) -> None:
    assert work(ROOT, cell, "new").count("Lead.Converted") == 1
    assert work(old_code, cell, "old").count("Lead.Converted") == 2
    assert work(ROOT, cell, "newer").count("Lead.Converted") == 3

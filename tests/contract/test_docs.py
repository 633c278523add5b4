"""The pages for newcomers say what is true: README's blocks run, links lead somewhere."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.db import connection

from headlessly.access import actors, tenancy
from headlessly.access.models import ApiKey, Tenant

ROOT = Path(settings.BASE_DIR)
PAGES = [*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").rglob("*.md"))]


def walk() -> str:
    """The blocks of README that walk one lead over every surface, as one script."""
    section = (ROOT / "README.md").read_text().split("## One lead", 1)[1].split("\n## ", 1)[0]
    return "set -euo pipefail\n" + "\n".join(re.findall(r"```sh\n(.*?)```", section, re.DOTALL))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_it_links_to_what_exists(page: Path) -> None:
    for target in re.findall(r"\]\((?!https?:)([^)#]+)", page.read_text()):
        assert (page.parent / target).exists(), f"{page.name} links to {target}"


@pytest.mark.parametrize("page", ["architecture.md", "contributing.md"])
def test_it_names_files_that_are_there(page: str) -> None:
    """A path is from the top of the tree; a bare name of a file is one of the room that is spoken of."""
    text = re.sub(r"^```\w+\n.*?^```$", "", (ROOT / "docs" / page).read_text(), flags=re.M | re.S)
    named = set(re.findall(r"`([\w.]+(?:/[\w.]+)*(?:/|\.(?:py|md|toml|css|html)))`", text))
    assert len(named) > 10
    rooms = [ROOT / name for name in ("headlessly", "crm", "marketing", "tests", "docs")]
    missing = [
        name
        for name in named - {"headlessly/formats/fr/formats.py"}  # that of a language to come
        if not (ROOT / name).exists()
        and ("/" in name or not any(found for room in rooms for found in room.rglob(name)))
    ]
    assert missing == []


@pytest.mark.skipif(not shutil.which("curl"), reason="README's blocks use curl: install it")
@pytest.mark.django_db(transaction=True)
def test_it_walks_a_lead_over_every_surface_as_readme_says(
    live_server: Any, tmp_path: Path
) -> None:
    tenant = Tenant.objects.create(slug="acme", name="Acme")
    _, secret = ApiKey.issue(tenant, "readme")
    for name in ("headlessly", "crm", "marketing", "templates", "manage.py"):
        (tmp_path / name).symlink_to(ROOT / name)
    (tmp_path / ".venv/bin").mkdir(parents=True)
    (tmp_path / ".venv/bin/python").write_text(f'#!/bin/sh\nexec {sys.executable} "$@"\n')
    (tmp_path / ".venv/bin/python").chmod(0o755)
    (tmp_path / ".data").mkdir()
    told = {"url": f"{live_server.url}/~acme", "apiKey": secret, "email": "e", "password": "p"}
    (tmp_path / ".data/demo.json").write_text(json.dumps({"tenants": {"acme": told}}))
    database = connection.settings_dict
    url = f"postgresql://{database['USER']}@/{database['NAME']}?host={database['HOST']}"
    ran = subprocess.run(
        ["bash", "-c", walk()],
        cwd=tmp_path,
        env={**os.environ, "DATABASE_URL": os.environ.get("DATABASE_URL") or url},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert ran.returncode == 0, ran.stderr
    assert "Converted → Chen Platform Evaluation 50000.00 · Qualified" in ran.stdout
    assert "does not go from" in ran.stdout or "Use the verb convert" in ran.stdout
    assert '"error":"conflict"' in ran.stdout
    assert "Does it compile?" in ran.stdout
    assert "open_a_deal" in ran.stdout
    # An agent, a script and a terminal.
    assert '"Script.Ran"' in ran.stdout.replace("\\", "")
    assert "Lost" in ran.stdout and "['Lead.Lost', 'Lead.Created']" in ran.stdout
    assert "exit code 5" in ran.stdout
    with tenancy.active(tenant), actors.acting(actors.SYSTEM):
        from crm import Lead

        (lead,) = Lead.find({"source": "website"})
        names = [event.name for event in Lead.history(lead.pk).order_by("seq")]
    assert names == [
        "Lead.Created", "Lead.Updated", "Lead.Updated", "Lead.Converted", "Lead.Updated"
    ]  # fmt: skip

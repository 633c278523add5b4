"""The pages for newcomers say what is true: README's blocks run, links lead somewhere."""

from __future__ import annotations

import json
import os
import re
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from django.conf import settings
from django.db import connection
from django.urls import resolve

from headlessly.access import actors, tenancy
from headlessly.access.models import ApiKey, Tenant
from headlessly.client import NotVerified
from headlessly.webhooks import signing

ROOT = Path(settings.BASE_DIR)
PAGES = [*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").rglob("*.md"))]


README = (ROOT / "README.md").read_text()


def blocks(kind: str, text: str = README) -> list[str]:
    """The blocks of this kind (``sh``, ``json``, ``python``) in a page, in order."""
    return re.findall(rf"```{kind}\n(.*?)```", text, re.DOTALL)


def walk_section() -> str:
    return README.split("## One lead", 1)[1].split("\n## ", 1)[0]


def walk() -> str:
    """The blocks of README that walk one lead over every surface, as one script."""
    return "set -euo pipefail\n" + "\n".join(blocks("sh", walk_section()))


def database_url() -> str:
    """Where the tests' database is, for a process of its own."""
    database = connection.settings_dict
    url = f"postgresql://{database['USER']}@/{database['NAME']}?host={database['HOST']}"
    return os.environ.get("DATABASE_URL") or url


@pytest.mark.parametrize("document", PAGES, ids=lambda document: document.name)
def test_it_links_to_what_exists(document: Path) -> None:
    for target in re.findall(r"\]\((?!https?:)([^)#]+)", document.read_text()):
        assert (document.parent / target).exists(), f"{document.name} links to {target}"


@pytest.mark.parametrize("document", ["architecture.md", "contributing.md"])
def test_it_names_files_that_are_there(document: str) -> None:
    """A path is from the top of the tree; a bare name of a file is one of the room that is spoken of."""
    text = re.sub(
        r"^```\w+\n.*?^```$", "", (ROOT / "docs" / document).read_text(), flags=re.M | re.S
    )
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


def test_the_page_of_security_names_files_and_tests_that_are_there() -> None:
    text = (ROOT / "docs/security.md").read_text()
    named = set(re.findall(r"(?:[\w]+/)+\w+\.py", text))
    assert len(named) > 30
    roots = (ROOT / "headlessly", ROOT / "tests")
    assert {name for name in named if not any((root / name).exists() for root in roots)} == set()


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
    ran = subprocess.run(
        ["bash", "-c", walk()],
        cwd=tmp_path,
        env={**os.environ, "DATABASE_URL": database_url()},
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


def test_the_settings_that_are_read_are_those_that_are_described() -> None:
    files = ("settings.py", "environment.py", "management/commands/serve.py")
    text = "".join((ROOT / "headlessly" / name).read_text() for name in files)
    described = text.split('"""')[1]
    named = re.findall(r"^ {4}([A-Z_]{4,})(?:, +([A-Z_]{4,}))? ", described, re.MULTILINE)
    read = re.findall(
        r'(?:environ(?:\.get)?[\[(]|\b(?:flag|words|number|database)\(|variable=)"([A-Z_]+)"', text
    )
    assert {name for pair in named for name in pair if name} == set(read)


def test_it_has_no_block_in_readme_that_nobody_tries() -> None:
    """Those of the walk, the first and the last of the shell's, two configurations, one of a receiver."""
    assert len(blocks("sh")) == len(blocks("sh", walk_section())) + 2
    assert (len(blocks("json")), len(blocks("python"))) == (2, 1)
    assert len(re.findall("^```", README, re.MULTILINE)) == 2 * (len(blocks("sh")) + 3)


@pytest.mark.skipif(not shutil.which("make"), reason="The first block of README uses make.")
def test_it_begins_with_targets_that_make_knows() -> None:
    targets = re.findall(r"^make (\w+)", blocks("sh")[0], re.MULTILINE)
    assert targets == ["demo", "test"]
    subprocess.run(["make", "-n", *targets], cwd=ROOT, check=True, capture_output=True)


def test_it_configures_agents_with_what_there_is() -> None:
    http, stdio = (json.loads(block)["mcpServers"]["acme"] for block in blocks("json"))
    assert resolve("/mcp", urlconf="headlessly.tenant_urls")
    assert http["url"].endswith("/~acme/mcp")
    assert stdio["command"].endswith("/.venv/bin/headlessly")
    told = subprocess.run(
        [sys.executable, "-m", "headlessly", *stdio["args"], "--help"],
        cwd=ROOT, capture_output=True, text=True, check=True,
    ).stdout  # fmt: skip
    assert "Serve MCP on stdin and stdout" in told


def test_it_verifies_what_a_webhook_sent(capsys: pytest.CaptureFixture[str]) -> None:
    secret, now = signing.new_secret(), str(int(time.time()))
    body = b'{"id": "event_1", "name": "Lead.Lost", "data": {"lostReason": "Price"}}'
    headers = {
        "webhook-id": "event_1",
        "webhook-timestamp": now,
        "webhook-signature": signing.standard_signature(secret, "event_1", now, body),
    }
    (code,) = blocks("python")
    code = code.replace("whsec_...", secret)
    exec(code, {"request": SimpleNamespace(headers=headers, body=body)})
    assert capsys.readouterr().out == "event_1 Lead.Lost {'lostReason': 'Price'}\n"
    with pytest.raises(NotVerified):
        exec(code, {"request": SimpleNamespace(headers=headers, body=body + b" ")})


@pytest.mark.django_db(transaction=True)
def test_it_is_served_to_others_as_readme_says(tmp_path: Path) -> None:
    """The last block as it is pasted, with a port and a database of ours, which is migrated already."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    script = blocks("sh")[-1].replace(".venv/bin/python", sys.executable)
    assert "DATABASE_URL=" in script and "serve --host 0.0.0.0" in script
    script = script.replace("manage.py migrate", "manage.py migrate --check")
    script = re.sub(r"DATABASE_URL=\S+", f"DATABASE_URL='{database_url()}'", script)
    script = script.replace(
        "serve --host 0.0.0.0", f"serve --host 127.0.0.1 --port {port} --jobs 0 --workers 1"
    )
    script = script.replace(
        f"{sys.executable} manage.py serve", f"exec {sys.executable} manage.py serve"
    )
    server = subprocess.Popen(
        ["bash", "-ec", script],
        cwd=ROOT,
        env={**os.environ, "STATIC_ROOT": str(tmp_path / "static")},
        stdout=(out := (tmp_path / "out").open("w")),
        stderr=subprocess.STDOUT,
    )
    try:
        asked = urllib.request.Request(
            f"http://127.0.0.1:{port}/",
            headers={"Host": "crm.example.com", "X-Forwarded-Proto": "https"},
        )
        until = time.monotonic() + 120
        while True:
            try:
                with urllib.request.urlopen(asked, timeout=5) as answer:
                    page = answer.read().decode()
                break
            except urllib.error.URLError:
                there = server.poll() is None and time.monotonic() < until
                assert there, (tmp_path / "out").read_text()
                time.sleep(0.1)
        assert "Sign in" in page
        assert Tenant.objects.get(slug="acme").name == "Acme"
        assert "you@example.com" in (tmp_path / "out").read_text()
    finally:
        server.terminate()
        server.wait(20)
        out.close()

"""`manage.py demo`: fills, remembers, tells where to look; and starts quickly the second time."""

from __future__ import annotations

import json
import socket
from pathlib import Path
from typing import Any

import pytest
from django.test import Client

from crm import Lead
from headlessly.access import actors, tenancy
from headlessly.access.models import ApiKey, Membership, Tenant, User
from headlessly.models import Event
from marketing.management.commands import demo as command
from tests.curl_lines import CurlLine
from tests.marketing.demo.conftest import Filled
from tests.marketing.demo.telling import demo, everything


def curl(line: str) -> Any:
    """What the curl of a line would do, done by Django's client."""
    method, url, headers, body = CurlLine.read(line)
    kind = headers.pop("Content-Type", "application/octet-stream")
    path = url.removeprefix("http://127.0.0.1:8123")
    return Client().generic(method, path, body, content_type=kind, headers=headers)


def test_it_fills_two_tenants_and_remembers_how_to_get_in(filled: Filled, db: None) -> None:
    remembered = json.loads(filled.file.read_text())
    assert filled.file.stat().st_mode & 0o777 == 0o600
    assert remembered.keys() == {"url", "tenants"}
    assert remembered["url"] == "http://127.0.0.1:8123"
    assert remembered["tenants"].keys() == {"acme", "rival"}
    for slug, entry in remembered["tenants"].items():
        assert entry.keys() == {"url", "apiKey", "readKey", "email", "password"}
        assert entry["url"] == f"http://127.0.0.1:8123/~{slug}"
        key, reader = ApiKey.find_valid(entry["apiKey"]), ApiKey.find_valid(entry["readKey"])
        assert key and key.tenant.slug == slug and key.scope == "admin"
        assert reader and reader.tenant.slug == slug and reader.scope == "read"
        assert key.rate_limit == reader.rate_limit == 100_000
        place = Membership.objects.get(user__email=entry["email"], tenant__slug=slug)
        assert place.role == actors.ADMIN and place.user.check_password(entry["password"])
    acme = Membership.objects.filter(tenant__slug="acme")
    roles = sorted(acme.values_list("role", flat=True))
    assert roles == ["admin", "manager", *["rep"] * 8, "viewer", "viewer"]
    password = remembered["tenants"]["acme"]["password"]
    assert all(user.check_password(password) for user in User.objects.all())


def test_it_changes_nothing_when_it_runs_again(file: Path) -> None:
    remembered, there = json.loads(file.read_text()), everything()
    hashes = dict(User.objects.values_list("email", "password"))
    said = demo(leads=5)
    assert "Filling" not in said
    assert json.loads(file.read_text()) == remembered
    assert everything() == there
    assert dict(User.objects.values_list("email", "password")) == hashes


def test_it_follows_another_port_and_a_lost_file(file: Path) -> None:
    before, there = json.loads(file.read_text()), everything()
    demo(port=8124)
    moved = json.loads(file.read_text())
    assert moved["tenants"]["rival"]["url"] == "http://127.0.0.1:8124/~rival"
    assert moved["tenants"]["rival"]["apiKey"] == before["tenants"]["rival"]["apiKey"]
    assert everything() == there

    # Keys cannot be read again, so there are new ones, and a new password for all.
    file.write_text("{")
    demo()
    new = json.loads(file.read_text())["tenants"]["acme"]
    assert ApiKey.find_valid(new["apiKey"]) and new["apiKey"] != before["tenants"]["acme"]["apiKey"]
    assert User.objects.get(email=new["email"]).check_password(new["password"])
    with tenancy.active(Tenant.objects.get(slug="acme")), actors.acting(actors.SYSTEM):
        assert Event.objects.count() == there["acme"]


def test_it_says_where_to_look_in_lines_that_work(filled: Filled, file: Path) -> None:
    entry = json.loads(file.read_text())["tenants"]["acme"]
    for what in (
        f"{entry['url']}/admin/",
        entry["email"],
        entry["password"],
        entry["apiKey"],
        "/admin/",
    ):
        assert what in filled.said
    lines = [line.strip() for line in filled.said.splitlines() if line.strip().startswith("curl")]
    assert len(lines) == 4
    listed, created, converted, tried = (curl(line) for line in lines)
    assert listed.status_code == 200 and listed.json()["total"] > 0
    assert {lead["status"] for lead in listed.json()["results"]} == {"Qualified"}
    assert created.status_code == 201 and created.json()["name"] == "Inbound Demo"
    assert converted.status_code == 200 and converted.json()["status"] == "Converted"
    assert (
        tried.status_code == 200
        and tried.json()["complete"]
        and tried.json()["kind"] == "Assignment"
    )
    with tenancy.active(Tenant.objects.get(slug="acme")), actors.acting(actors.SYSTEM):
        assert Lead.get(converted.json()["$id"]).deal_id


def test_it_serves_where_it_said(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    served: list[list[str]] = []
    monkeypatch.setattr(command.os, "execv", lambda _program, words: served.append(words))
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    demo(port=port, serve=True)
    assert [words[-3:] for words in served] == [["serve", "--port", str(port)]]

"""Each number by name is the same over REST, MCP, the client and the command line, and on the dashboard."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from crm import Deal, Lead
from crm.dashboard import report_title
from headlessly.access.models import Membership, User
from headlessly.client.commands import run
from headlessly.query.named_reports import reports
from tests.conftest import Api
from tests.headlessly.admin.signed_in import client_of
from tests.headlessly.mcp.conftest import Agent

pytestmark = pytest.mark.django_db(transaction=True)


def test_it_is_the_same_number_on_every_surface(
    tenants: Any, acme: Any, people: Any, home: Any, capfd: Any, monkeypatch: Any
) -> None:
    won = Lead.create(name="Won", source="website", owner=people.bob, contact=people.ada)
    won.update(status="Contacted")
    won.update(status="Qualified")
    won.convert()
    Lead.create(name="Lost", source="event").lose(lost_reason="Timing")
    for currency in ("USD", "JPY"):
        Deal.create(name=currency, value=500, currency=currency, probability=40)
        Deal.create(name=currency, value=700, currency=currency, contact=people.ada).win()
    monkeypatch.setenv("HEADLESSLY_URL", tenants.acme.url)
    monkeypatch.setenv("HEADLESSLY_API_KEY", tenants.acme.secret)
    api, agent = Api(acme), Agent(acme)
    measured = [report for report in reports.by_name.values() if report.measure]
    assert len(measured) > 10
    said = {}
    for report in measured:
        asked = {"period": "this_year"} if report.over_time else {}
        query = "?period=this_year" if asked else ""
        rest = api.call("GET", f"/reports/{report.name}{query}").json()
        assert agent.tool("fetch", type="Report", id=report.name, parameters=asked) == rest
        capfd.readouterr()
        options = ["--period", "this_year"] if asked else []
        assert run(["report", report.name, *options, "--output", "json"]) == 0
        assert json.loads(capfd.readouterr().out) == rest
        said[report.name] = rest["value"]
    assert said["newLeads"] == 2 and said["convertedRate"] == 50
    assert said["wonValue"] == {"USD": 700.0, "JPY": 700.0}
    assert said["forecast"] == {"USD": 200.0, "JPY": 200.0}
    assert run(["report", "newLeads", "--period", "this_year", "--output", "table"]) == 0
    assert " to " in capfd.readouterr().out
    assert run(["report", "newLeads", "--since", "1d ago", "--output", "json"]) == 0
    assert json.loads(capfd.readouterr().out)["since"]["difference"] == 2
    assert run(["report", "--output", "table"]) == 0
    assert "wonValue" in capfd.readouterr().out
    person = User.objects.create_user("cleo@acme.example")
    Membership.objects.create(tenant=acme, user=person, role="manager")
    html = client_of(person).get("/~acme/admin/dashboard/?period=this_year")
    tiles = dict(
        re.findall(
            r'<li class="card tile">\s*<h2[^>]*>(.*?)</h2>\s*<p class="figure">(.*?)</p>',
            html.content.decode(),
            re.S,
        )
    )
    figures = {name: re.sub("<.*?>", "", text) for name, text in tiles.items()}
    assert figures[report_title("newLeads")] == "2"
    assert figures[report_title("qualifiedRate")] == f"{said['qualifiedRate']:.0f}\u00a0%"
    assert figures[report_title("convertedRate")] == "50\u00a0%"
    assert figures[report_title("staleLeads")] == str(said["staleLeads"])
    assert "200" in figures[report_title("forecast")]

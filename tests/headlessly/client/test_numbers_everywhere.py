"""Each number by name is the same over REST, MCP, the client and the command line, and on the dashboard."""

from __future__ import annotations

import json
import re
from html import unescape
from typing import Any
from urllib.parse import urlencode

import pytest

from crm import Activity, Deal, ExchangeRate, Goal, Lead
from headlessly.access.models import Membership, User
from headlessly.admin import display
from headlessly.client.commands import run
from headlessly.declaration import days
from headlessly.declaration.labels import fields_in_words
from headlessly.query.named_reports import reports
from tests.conftest import Api
from tests.headlessly.admin.signed_in import client_of
from tests.headlessly.mcp.conftest import Agent

#: What the page says within the sentences of others, or what only programs ask for by itself.
IN_SENTENCES = {
    "openValue", "openDeals", "staleDeals", "cycleTime", "conversions", "lostLeads", "wonDeals",
    "wonValue", "attribution", "funnel",
}  # fmt: skip

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
    ExchangeRate.create(currency="EUR", day="2020-01-01", rate=1.1)
    Deal.create(name="Euro", value=900, currency="EUR", probability=50)
    Activity.create(subject="Call", assignee=people.bob)
    Goal.create(
        measure="WonValue", period="Year", start_date=f"{days.today():%Y}-01-01", target=5_000
    )
    people.spring.update(landing_page_url="https://acme.example", budget=900, actual_cost=1_000)
    people.spring.launch()
    Deal.create(name="Sprung", value=4_500, campaign=people.spring, contact=people.ada).win()
    monkeypatch.setenv("HEADLESSLY_URL", tenants.acme.url)
    monkeypatch.setenv("HEADLESSLY_API_KEY", tenants.acme.secret)
    api, agent = Api(acme), Agent(acme)
    said, answers = {}, {}
    for report in reports.by_name.values():
        asked = {"period": "this_year"} if "period" in report.parameters else {}
        if report.name == "funnel":
            asked["steps"] = "Lead.Created,Lead.Updated,Lead.Converted"
        query = f"?{urlencode(asked)}"
        rest = without_moments(api.call("GET", f"/reports/{report.name}{query}").json())
        about = {"type": "Report", "id": report.name, "parameters": asked}
        told = agent.tool("fetch", **about, include=["lists"])
        assert without_moments(told) == rest
        in_few_words = agent.tool("fetch", **about)
        if rest.get("rows"):
            assert "include" in in_few_words.pop("leftOut")["lists"]
        assert '"lists":' not in json.dumps(in_few_words)
        assert without_moments(in_few_words).get("value") == rest.get("value")
        capfd.readouterr()
        options = [each for name, text in asked.items() for each in (f"--{name}", text)]
        assert run(["report", report.name, *options, "--output", "json"]) == 0
        assert without_moments(json.loads(capfd.readouterr().out)) == rest
        said[report.name] = rest.get("value")
        answers[report.name] = rest
    assert said["newLeads"] == 2 and said["convertedRate"] == 50
    assert said["wonValue"] == {"USD": 5200.0, "JPY": 700.0}
    assert said["forecast"] == {"USD": 200.0, "EUR": 450.0, "JPY": 200.0}
    assert run(["report", "newLeads", "--period", "this_year", "--output", "table"]) == 0
    assert " to " in capfd.readouterr().out
    assert run(["report", "newLeads", "--since", "1d ago", "--output", "json"]) == 0
    assert json.loads(capfd.readouterr().out)["since"]["difference"] == 2
    assert run(["report", "--output", "table"]) == 0
    assert "wonValue" in capfd.readouterr().out
    # What a report takes the server knows.
    assert run(["report", "newLeads", "--owner", people.bob.pk, "--output", "json"]) == 0
    assert json.loads(capfd.readouterr().out)["value"] == 1
    for wrong, says in (
        (
            ["newLeads", "--name", "x"],
            "There is no parameter 'name' here. Parameters: period, from, to, owner",
        ),
        (["newLeads", "owner"], "a parameter is --name VALUE"),
        (["newLeads", "--owner"], "--owner needs a value"),
        (["--owner", "me"], "Say first which report"),
    ):
        assert run(["report", *wrong]) != 0
        assert says in capfd.readouterr().err
    person = User.objects.create_user("cleo@acme.example")
    Membership.objects.create(tenant=acme, user=person, role="manager", contact_id=people.cleo.pk)
    html = client_of(person).get("/~acme/admin/dashboard/?period=this_year").content.decode()
    shown = set()
    for name, (figure, sentence) in tiles_of(html).items():
        value = answers[name]["value"]
        if isinstance(value, dict):
            # The first currency is the figure, the others stand beside it.
            assert {figure, *re.findall(r"\+ ([^ ]+)", sentence.split("weighted")[0])} == {
                money_word(code, amount) for code, amount in value.items()
            }
        else:
            assert figure == words(answers[name], reports.by_name[name].unit, value)
        shown.add(name)
    for name, (heads, rows) in tables_of(html).items():
        report = reports.by_name[name]
        answer = answers[name]
        shown.add(name)
        if not heads:
            assert not answer["value"], "a chart without anything to draw says so"
            continue
        assert heads == [str(report.row_title), *(str(each.title) for each in report.columns)]
        assert rows == [
            [
                row["name"],
                *(words(row, each.unit, row[each.name], each.name) for each in report.columns),
            ]
            for row in answer["rows"]
        ], name
    elsewhere = {
        each.name for each in reports.by_name.values() if each.icon or not each.is_offered()
    }
    assert shown == {*reports.by_name} - IN_SENTENCES - elsewhere
    # Whose tasks are open depends on who asks: the key is of nobody.
    mine = client_of(person).get(f"/~acme/admin/dashboard/?owner={people.bob.pk}").content.decode()
    rest = api.call("GET", f"/reports/openTasks?owner={people.bob.pk}").json()
    assert tables_of(mine)["openTasks"][1] == [
        [row["name"], str(row["activities"])] for row in rest["rows"]
    ]


def test_it_has_a_definition_that_its_tile_or_chart_leads_to(acme: Any, people: Any) -> None:
    Lead.create(name="First", source="event")
    person = User.objects.create_user("cleo@acme.example")
    Membership.objects.create(tenant=acme, user=person, role="viewer")
    browser = client_of(person)
    page = browser.get("/~acme/admin/dashboard/").content.decode()
    links = re.findall(r'class="means" href="([^"#]*)#(\w+)"', page)
    assert len(links) > 12
    (address,) = {href for href, _name in links}
    definitions = unescape(browser.get(address).content.decode())
    for name, report in reports.by_name.items():
        told = definitions.split(f'id="{name}"')[1].split("</div>")[0]
        assert str(report.title) in told and fields_in_words(report.definition) in told


def without_moments(answer: Any) -> Any:
    """An answer without the moments that say when it was asked."""
    text = json.dumps(answer)
    return json.loads(re.sub(r'"\d{4}-\d\d-\d\dT[\d:.]+Z"', '"then"', text))


def tiles_of(html: str) -> dict[str, tuple[str, str]]:
    """The tiles of a dashboard by the number that they show: the figure, and the sentence beside it."""
    found = re.findall(
        r'<p class="figure">(.*?)</p>\s*<p class="quiet">(.*?)</p>.*?class="means" href="[^"#]*#(\w+)"',
        html.split('<ul class="tiles">')[1].split('<div class="charts">')[0],
        re.S,
    )
    return {name: (plain(figure), plain(sentence)) for figure, sentence, name in found}


def tables_of(html: str) -> dict[str, tuple[list[str], list[list[str]]]]:
    """The tables of a dashboard's charts: their heads and rows."""
    found = {}
    for section in html.split('<section class="card graph')[1:]:
        name = re.findall(r'class="means" href="[^"#]*#(\w+)"', section)[0]
        heads = [plain(cell) for cell in re.findall(r'<th scope="col">(.*?)</th>', section)]
        body = section.split("<tbody>")[-1].split("</tbody>")[0]
        rows = [
            [plain(cell) for cell in re.findall(r"<t[hd][^>]*>(.*?)</t[hd]>", row, re.S)]
            for row in re.findall(r"<tr>(.*?)</tr>", body, re.S)
        ]
        found[name] = (heads, rows if heads else [])
    return found


def plain(html: str) -> str:
    return unescape(re.sub("<.*?>", "", html)).strip()


def words(answer: Any, unit: str, value: Any, name: str = "") -> str:
    """How a page says a value of REST's: of amounts the converted total and what it is of."""
    if value is None:
        return "–"
    if isinstance(value, dict):
        return money_words(answer, value, name)
    if unit == "percent":
        return display.percent(value)
    if unit == "seconds":
        return display.duration(value)
    return value if isinstance(value, str) else f"{value:,.0f}"


def money_words(answer: Any, value: dict[str, float], name: str) -> str:
    parts = [money_word(code, amount) for code, amount in value.items() if amount]
    if set(value) <= {"USD"}:
        return parts[0] if parts else "$0"
    converted = answer["converted"][name]["value"]
    if converted is None:
        return " + ".join(parts)
    return f"{money_word('USD', converted)} ({' + '.join(parts)})"


def money_word(code: str, amount: float) -> str:
    """An amount of a currency."""
    signs = {"USD": "$", "EUR": "€"}
    return f"{signs[code]}{amount:,.0f}" if code in signs else f"{amount:,.0f}\u00a0{code}"

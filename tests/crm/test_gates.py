"""Gates over every way in: the same refusal with the same fields, and told before one runs into it."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from crm import Deal, Gate, Lead, Pipeline
from headlessly.client.commands.describe import describe_noun
from headlessly.client.declarations import Declarations
from tests.answered import answered, named, problem, unchanged
from tests.headlessly.admin.conftest import users  # noqa: F401
from tests.headlessly.admin.signed_in import client_of
from tests.headlessly.mcp.conftest import Agent
from tests.headlessly.transfer.conftest import sender, told

pytestmark = pytest.mark.usefixtures("acme")

ASKED = ["budget", "authority"]


@pytest.fixture
def gated() -> SimpleNamespace:
    """A lead before a gate and a deal before one of its pipeline's."""
    Pipeline.create(name="Sales", is_default=True)
    renewals = Pipeline.create(name="Renewals", stages=[{"name": "Upcoming"}, {"name": "Quoted"}])
    Gate.create(type="Lead", state="Qualified", requires=[{"field": each} for each in ASKED])
    Gate.create(type="Deal", state="Quoted", pipeline=renewals.pk, requires=[{"field": "nextStep"}])
    lead = Lead.create(name="Before the gate", source="web").update(status="Contacted")
    deal = Deal.create(name="Renewal", value=1, pipeline=renewals.pk)
    return SimpleNamespace(lead=lead, deal=deal, renewals=renewals)


def test_rest_and_a_batch_name_what_a_gate_asks_for(api: Any, gated: SimpleNamespace) -> None:
    lead, deal = f"/leads/{gated.lead.pk}", f"/deals/{gated.deal.pk}"
    with unchanged():
        for method, path, body, fields in (
            ("PATCH", lead, {"status": "Qualified"}, ASKED),
            ("POST", f"{deal}/advance", {}, ["nextStep"]),
            ("POST", f"{deal}/move", {"stage": "Quoted"}, ["nextStep"]),
            (
                "POST",
                "/deals",
                {"name": "X", "value": 1, "pipeline": gated.renewals.pk, "stage": "Quoted"},
                ["nextStep"],
            ),
        ):
            alone = api.call(method, path, body)
            assert list(named(problem(alone, 422, "gate_closed"))) == fields, path
            for atomic in (False, True):
                operations = [{"id": "a", "method": method, "path": path, "body": body}]
                sent = {"operations": operations, "atomic": atomic}
                answer = api.call("POST", "/batch", sent)
                (result,) = answered(answer, 422 if atomic else 200)["results"]
                assert (result["status"], result["body"]["error"]) == (422, "gate_closed")
                assert list(named(result["body"])) == fields


def test_an_import_refuses_the_row_that_a_gate_stops(
    api: Any, work: Any, gated: SimpleNamespace
) -> None:
    rows = "name,source,status,budget,authority\nA,web,Qualified,,\nB,web,Qualified,5,CTO\n"
    response = sender(api)("leads", rows)
    assert response.status_code == 202, response.content
    work()
    done = told(api, response.json()["$id"])
    assert (done["created"], done["refused"]) == (1, 1), done
    assert {each["field"] for each in done["errors"]} <= set(ASKED), done
    assert Lead.count({"name": "A"}) == 0


def test_agents_and_scripts_are_refused_alike(acme: Any, gated: SimpleNamespace) -> None:
    agent = Agent(acme, "write")
    code = f"Lead.update('{gated.lead.pk}', status='Qualified')"
    said = agent.refused("do", code=code)
    assert set(ASKED) <= set(str(said).replace("'", " ").split()), said
    assert Lead.get(gated.lead.pk).status == "Contacted"
    filled = f"Lead.update('{gated.lead.pk}', status='Qualified', budget=5, authority='CTO')"
    agent.tool("do", code=filled)
    assert Lead.get(gated.lead.pk).status == "Qualified"


def test_gates_are_told_to_who_asks_what_there_is(
    api: Any, rival_api: Any, acme: Any, gated: SimpleNamespace, capsys: Any
) -> None:
    words = "Quoted of Renewals needs nextStep."
    deal = answered(api.call("GET", "/schema/Deal"))
    assert deal["machine"]["gates"] == [
        {"state": "Quoted", "requires": ["nextStep"], "pipeline": gated.renewals.pk}
    ]
    for verb, is_told in (("advance", True), ("move", True), ("create", True), ("win", False)):
        assert (words in deal["verbs"][verb].get("requires", ())) is is_told, verb
    agents = Agent(acme, "read").tool("fetch", type="Schema", id="Deal")
    assert agents["states"]["gates"] == deal["machine"]["gates"]
    assert words in agents["verbs"]["move"]["requires"]
    document = answered(api.call("GET", "/openapi.json"))["paths"]
    assert words in document["/deals/{id}/advance"]["post"]["description"]
    assert "Qualified needs budget, authority." in document["/leads/{id}"]["patch"]["description"]
    assert words not in str(document["/deals/{id}/win"])
    data = answered(api.call("GET", "/schema"))
    describe_noun(Declarations(data).noun("Deal"), "table")
    printed = capsys.readouterr().out
    assert f"Quoted {gated.renewals.pk}" in printed and "needs nextStep" in printed
    gated.renewals.update(stages=[{"name": "Upcoming"}, {"name": "Offered"}])
    renamed = answered(api.call("GET", "/schema/Deal"))["machine"]["gates"]
    assert renamed[0]["state"] == "Offered"
    assert answered(rival_api.call("GET", "/schema/Deal"))["machine"]["gates"] == []
    assert words not in rival_api.call("GET", "/openapi.json").content.decode()


def test_many_at_once_are_stopped_one_by_one(users: Any, gated: SimpleNamespace) -> None:  # noqa: F811
    ready = Lead.create(name="Ready", source="web", budget=5, authority="CTO")
    ready.update(status="Contacted")
    ids = f"{gated.lead.pk},{ready.pk}"
    sent = {"ids": ids, "query": "", "go": "1", "to": "Qualified", "status": "Qualified"}
    place = "/~acme/admin/crm/lead/bulk/move/"
    page = client_of(users.bob).post(place, sent, headers={"X-Part": "1"})
    html = page.content.decode()
    assert "Qualified needs this" in html, html
    assert Lead.get(ready.pk).status == "Qualified"
    assert Lead.get(gated.lead.pk).status == "Contacted"

"""Stages of a tenant's own and gates before them, in the browser: boards, records, settings, dialogs."""

from __future__ import annotations

import json
import re
from html import unescape
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from headlessly.access.models import Tenant

DEALS = "/~acme/admin/crm/deal/"
BOARD = "/~acme/admin/crm/deal/board/"
JSON = {"Accept": "application/json"}


@pytest.fixture
def pipelines(people: Any) -> tuple[Any, Any]:
    from crm import Gate, Pipeline

    sales = Pipeline.create(name="Sales", is_default=True)
    stages = [{"name": n} for n in ("Upcoming", "Offer sent", "Signing")]
    renewals = Pipeline.create(name="Renewals", stages=stages)
    Gate.create(
        type="Deal", state="Offer sent", pipeline=renewals.id,
        requires=[{"field": "expectedCloseDate"}, {"field": "nextStep"}],
    )  # fmt: skip
    Gate.create(type="Lead", state="Contacted", requires=[{"field": "budget"}])
    return sales, renewals


def test_a_board_has_the_columns_of_its_pipeline(bob: Any, pipelines: Any) -> None:
    from crm import Deal

    _sales, renewals = pipelines
    Deal.create(name="Renewal one", value=1, pipeline=renewals.id)
    html = bob.get(f"{BOARD}?pipeline={renewals.id}").content.decode()
    places = [html.index(f'data-label="{n}"') for n in ("Upcoming", "Offer sent", "Signing", "Won")]
    assert places == sorted(places)
    assert 'data-label="Prospecting"' not in html
    assert "Offer sent" in bob.get(f"{DEALS}?view=all").content.decode()


def test_a_board_is_of_one_pipeline_the_default_one_first(bob: Any, pipelines: Any) -> None:
    from crm import Deal

    sales, renewals = pipelines
    Deal.create(name="Sale one", value=7)
    Deal.create(name="Renewal one", value=1, pipeline=renewals.id)
    html = bob.get(BOARD).content.decode()
    assert 'data-label="Prospecting"' in html and 'data-label="Upcoming"' not in html
    assert "Sale one" in html and "Renewal one" not in html
    # Each is one press away, in the address; none is a filter that could be taken away.
    menu = html.split('class="switch paths" aria-label="Pipeline"')[1].split("</nav>")[0]
    tabs = re.findall(r'<a href="([^"]*)"( aria-current="page")?>(Sales|Renewals)</a>', menu)
    assert [(name, bool(now)) for _url, now, name in tabs] == [("Sales", True), ("Renewals", False)]
    assert 'class="chips"' not in html and 'name="pipeline"' not in html
    renewed = bob.get(BOARD + unescape(tabs[1][0]) + "&owner=-").content.decode()
    assert "Renewal one" in renewed and "Sale one" not in renewed
    assert f'<input type="hidden" name="pipeline" value="{renewals.id}">' in renewed
    assert f'href="{DEALS}add/?pipeline={renewals.id}"' in renewed, "what is added is on it"
    assert f'href="?pipeline={renewals.id}"' in renewed, "without the filter it stays where it is"
    # A count is of the list that it opens.
    opened = re.findall(rf'href="({DEALS}\?[^"]*stage=Prospecting[^"]*)"', html)
    rows = bob.get(unescape(opened[0])).content.decode()
    assert "Sale one" in rows and "Renewal one" not in rows
    assert f"pipeline={sales.id},-" in unescape(opened[0])


def test_the_cards_of_one_pipeline_are_gathered_before_they_are_put_in_order(
    bob: Any, pipelines: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Along the order they may be the last of all deals; where there are more than are counted, they are soon
    met there. Either way they are the same."""
    from crm import Deal
    from headlessly.query import paging, reads

    for number in (3, 1, 2):
        Deal.create(
            name=f"Sale {number}", value=1, pipeline=pipelines[0].id,
            expected_close_date=f"2099-01-0{number}",
        )  # fmt: skip

    def board() -> tuple[list[str], bool]:
        with CaptureQueriesContext(connection) as caught:
            html = bob.get(f"{BOARD}?pipeline={pipelines[0].id}").content.decode()
        (keys,) = [q["sql"] for q in caught if "SELECT k FROM" in q["sql"]]
        return re.findall(r"Sale \d(?=</a>)", html), "AS found (k" in keys

    monkeypatch.setattr("headlessly.admin.boards.board.CARDS", 2)
    assert board() == (["Sale 1", "Sale 2"], True)
    for module in (paging, reads):
        monkeypatch.setattr(module, "COUNT_CAP", 2)
    # Those that have few are gathered still.
    with CaptureQueriesContext(connection) as caught:
        html = bob.get(f"{BOARD}?pipeline={pipelines[0].id}").content.decode()
    assert re.findall(r"Sale \d(?=</a>)", html) == ["Sale 1", "Sale 2"] and ">2+<" in html
    (keys,) = [q["sql"] for q in caught if "SELECT k FROM" in q["sql"]]
    assert keys.count("AS found (k") == len(Deal.schema.require_machine().default_path.states) - 1


def test_a_pipeline_that_is_none_shows_nothing(bob: Any, pipelines: Any) -> None:
    from crm import Deal

    Deal.create(name="Sale one", value=7)
    html = bob.get(f"{BOARD}?pipeline=pipeline_none").content.decode()
    assert "Sale one" not in html and "Show all" in html


def test_a_list_of_one_pipeline_offers_its_stages_alone(bob: Any, pipelines: Any) -> None:
    def stages(query: str) -> list[str]:
        html = bob.get(f"{DEALS}?view=all&{query}").content.decode()
        return re.findall(
            '<option value="([^"]*)"', html.split('<select name="stage"')[1].split("</select>")[0]
        )

    assert {"Prospecting", "Upcoming"} <= set(stages(""))
    assert stages(f"pipeline={pipelines[1].id}")[2:5] == ["Upcoming", "Offer sent", "Signing"]
    assert "Prospecting" not in stages(f"pipeline={pipelines[1].id}")


def test_deals_of_no_pipeline_have_a_board_beside_the_others(bob: Any, people: Any) -> None:
    from crm import Deal, Pipeline

    Deal.create(name="Sale one", value=7)
    Pipeline.create(name="Renewals", stages=[{"name": "Upcoming"}])
    html = bob.get(BOARD).content.decode()
    assert (
        "Sale one" in html and '<a href="?pipeline=-" aria-current="page">No pipeline</a>' in html
    )
    sales = Pipeline.create(name="Sales", is_default=True)
    for query in ("", f"?pipeline={sales.id}"):
        html = bob.get(BOARD + query).content.decode()
        assert "Sale one" in html, "what refers to none is on the default one"
        assert "No pipeline" not in html


def test_a_board_asks_for_what_a_gate_wants_and_goes_on(bob: Any, pipelines: Any) -> None:
    from crm import Deal, Lead

    deal = Deal.create(name="Renewal one", value=1, pipeline=pipelines[1].id)
    sent: dict[str, Any] = {"move": f"{deal.pk} 1 Offer sent"}
    asked = bob.post(BOARD, sent, headers=JSON)
    assert asked.status_code == 200, asked.content
    html = asked.json()["dialog"]
    assert html.count('name="lacks"') == 2
    assert "first-expected_close_date" in html
    assert Deal.get(deal.pk).stage == "Upcoming"
    filled = sent | {
        "asked": "1", "lacks": ["expected_close_date", "next_step"],
        "first-expected_close_date": "2030-01-01", "first-next_step": "Call",
    }  # fmt: skip
    done = bob.post(BOARD, filled, headers=JSON)
    assert done.status_code == 200, done.content
    now = Deal.get(deal.pk)
    assert (now.stage, now.next_step) == ("Offer sent", "Call")
    lead = Lead.create(name="L", source="web")
    moved: dict[str, Any] = {"move": f"{lead.pk} 1 Contacted"}
    board = "/~acme/admin/crm/lead/board/"
    assert "first-budget" in bob.post(board, moved, headers=JSON).json()["dialog"]
    filled = moved | {"asked": "1", "lacks": "budget", "first-budget": "500"}
    assert bob.post(board, filled, headers=JSON).status_code == 200
    assert Lead.get(lead.pk).status == "Contacted"


def test_a_record_asks_for_what_a_gate_wants(bob: Any, pipelines: Any) -> None:
    from crm import Deal, Lead

    lead = Lead.create(name="L", source="web")
    place = f"/~acme/admin/crm/lead/{lead.pk}/move/"
    asked = bob.post(place, {"to": "Contacted"})
    assert asked.status_code == 422
    assert "first-budget" in asked.content.decode()
    sent = {"to": "Contacted", "asked": "1", "lacks": "budget", "first-budget": "5"}
    assert bob.post(place, sent).status_code == 302
    assert Lead.get(lead.pk).status == "Contacted"
    deal = Deal.create(name="Renewal one", value=1, pipeline=pipelines[1].id)
    page = bob.get(f"{DEALS}{deal.pk}/change/").content.decode()
    assert "Upcoming" in page and "Signing" in page
    refused = bob.post(f"{DEALS}{deal.pk}/do/advance/", {})
    assert "first-next_step" in refused.content.decode()


def test_the_dialog_of_a_conversion_asks_for_the_pipeline(bob: Any, pipelines: Any) -> None:
    from crm import Contact, Deal, Lead

    lead = Lead.create(name="L", source="web", contact=Contact.create(name="Ada"), budget=5)
    lead.update(status="Contacted").update(status="Qualified")
    place = f"/~acme/admin/crm/lead/{lead.pk}/do/convert/"
    asked = bob.get(place).content.decode()
    assert re.search(r'<select[^>]* name="pipeline"', asked)
    both = {"deal-how": "none", "pipeline": pipelines[1].pk}
    refused = bob.post(place, both)
    assert refused.status_code == 422
    assert "Only a new deal is put into a pipeline" in refused.content.decode()
    foretold = bob.post(place, {"deal-how": "new", "pipeline": pipelines[1].pk, "preview": "1"})
    assert "Only a new deal" not in foretold.content.decode() and not Deal.count()
    done = bob.post(place, {"deal-how": "new", "pipeline": pipelines[1].pk})
    assert done.status_code == 302, done.content.decode()
    deal = Deal.get(Lead.get(lead.pk).deal_id)
    assert (deal.pipeline_id, deal.stage) == (pipelines[1].pk, "Upcoming")


def test_the_dialog_of_a_move_takes_a_deal_to_another_pipeline(bob: Any, pipelines: Any) -> None:
    from crm import Deal

    deal = Deal.create(name="D", value=1, stage="Qualification")
    place = f"{DEALS}{deal.pk}/do/move/"
    asked = bob.get(place).content.decode()
    assert re.search(r'<select[^>]* name="pipeline"', asked)
    stages = re.search(r'<select[^>]* name="stage".*?</select>', asked, re.DOTALL)
    assert (
        stages
        and '<option value=""' in stages[0]
        and "selected" not in stages[0].replace('<option value="" selected>', "")
    )
    sent = {"pipeline": pipelines[1].pk, "stage": ""}
    foretold = bob.post(place, sent | {"preview": "1"}).content.decode()
    assert "Upcoming" in foretold
    assert Deal.get(deal.pk).stage == "Qualification"
    wrong = bob.post(place, sent | {"stage": "Proposal"})
    assert wrong.status_code == 422 and "Use one of Upcoming" in wrong.content.decode()
    assert bob.post(place, sent).status_code == 302
    moved = Deal.get(deal.pk)
    assert (moved.pipeline_id, moved.stage) == (pipelines[1].pk, "Upcoming")


def test_a_pipeline_is_shaped_in_the_settings(users: Any, pipelines: Any, acme: Tenant) -> None:
    from crm import Deal, Pipeline
    from tests.headlessly.admin.signed_in import client_of

    ann, renewals = client_of(users.ann), pipelines[1]
    page = ann.get(f"/~acme/admin/crm/pipeline/{renewals.pk}/edit/").content.decode()
    assert "no effect" not in page and "hidden" in page and "rotting" in page
    stages = '[{"name": "Upcoming"}, {"name": "Quoted"}, {"name": "Signing"}]'
    sent = {"stages": stages, "version": Pipeline.get(renewals.pk).version}
    answer = ann.post(f"/~acme/admin/crm/pipeline/{renewals.pk}/edit/", sent)
    assert answer.status_code == 302, answer.content[:2000]
    assert [s["name"] for s in Pipeline.get(renewals.pk).stages] == [
        "Upcoming",
        "Quoted",
        "Signing",
    ]
    Deal.create(name="Renewal one", value=1, pipeline=renewals.pk)
    html = ann.get(f"{BOARD}?pipeline={renewals.pk}").content.decode()
    assert re.findall(r'data-label="([^"]*)"', html)[:3] == ["Upcoming", "Quoted", "Signing"]


def options_of(html: str, name: str) -> str:
    found = re.search(rf'<select name="{name}".*?</select>', html, re.S)
    assert found, html
    return found[0]


def test_the_dialog_of_a_move_has_the_stages_by_pipeline(bob: Any, pipelines: Any) -> None:
    from crm import Deal

    deal = Deal.create(name="Renewal one", value=1, pipeline=pipelines[1].id)
    dialog = bob.get(f"{DEALS}{deal.pk}/do/move/").content.decode()
    shown = options_of(dialog, "stage")
    titles = re.findall(r'<optgroup label="(\w+)"', shown)
    assert titles == ["Renewals", "Sales"], "the deal's own first"
    assert shown.index("Signing") < shown.index('label="Sales"') < shown.index("Prospecting")
    assert ">Won<" not in shown
    answer = bob.post(f"{DEALS}{deal.pk}/do/move/", {"stage": "Signing"})
    assert answer.status_code == 302 and Deal.get(deal.pk).stage == "Signing"


def test_the_form_of_a_gate_offers_nouns_and_their_states(users: Any, pipelines: Any) -> None:
    from crm import Gate
    from tests.headlessly.admin.signed_in import client_of

    ann = client_of(users.ann)
    place = "/~acme/admin/crm/gate/"
    html = ann.get(f"{place}add/").content.decode()
    assert re.search(r'<option value="Contact"', options_of(html, "type"))
    states = options_of(html, "state")
    for title in ("Lead", "Deal: Sales", "Deal: Renewals"):
        assert f'<optgroup label="{title}">' in states
    gate = Gate.find({"state": "Offer sent"}).get()
    html = ann.get(f"{place}{gate.pk}/edit/").content.decode()
    assert '<option value="Offer sent" selected>' in options_of(html, "state")
    sent = {"type": "Deal", "state": "Signing", "requires": '[{"field": "nextStep"}]'}
    assert ann.post(f"{place}add/", sent).status_code == 302
    wrong = ann.post(f"{place}add/", sent | {"state": "Nowhere"})
    assert wrong.status_code == 422 and "Use one of" in wrong.content.decode()


def test_what_every_noun_has_stands_under_more(bob: Any, people: Any) -> None:
    html = bob.get(f"{DEALS}add/").content.decode()
    more = html.index(">More<")
    assert more < html.index('name="tags"') and more < html.index('name="external_ids"')


def test_what_is_given_row_by_row_is_called_as_people_do(users: Any, pipelines: Any) -> None:
    from crm import Gate
    from tests.headlessly.admin.signed_in import client_of

    ann, gate = client_of(users.ann), Gate.objects.get(type="Deal")
    for address in (f"{gate.pk}/change/", ""):
        html = ann.get(f"/~acme/admin/crm/gate/{address}").content.decode()
        assert "Expected close date, Next step" in html and "expectedCloseDate" not in html
    form = unescape(ann.get(f"/~acme/admin/crm/gate/{gate.pk}/edit/").content.decode())
    rows = re.search(r'data-rows="(\{.*?\]\}.*?\})"', form)
    assert rows
    groups = dict(json.loads(rows[1])["columns"][0]["of"])
    assert ["expectedCloseDate", "Expected close date"] in groups["Deal"]


def test_a_pipeline_that_says_no_stages_shows_the_usual_ones_to_be_changed(
    users: Any, pipelines: Any
) -> None:
    from crm import Pipeline
    from tests.headlessly.admin.signed_in import client_of

    ann, sales = client_of(users.ann), pipelines[0]
    for address in ("add/", f"{sales.pk}/edit/"):
        form = unescape(ann.get(f"/~acme/admin/crm/pipeline/{address}").content.decode())
        text = re.search(r'<textarea name="stages".*?>(.*?)</textarea>', form, re.DOTALL)
        names = [stage["name"] for stage in json.loads(text[1])]
        assert names[0] == "Prospecting" and names[-1] == "Lost"
    assert not Pipeline.get(sales.pk).stages

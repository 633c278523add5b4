"""The board: its columns, its numbers, and the cards that are moved through the machine."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from headlessly.admin.boards import board
from headlessly.context import clock
from headlessly.declaration.registry import registry
from headlessly.query import reads
from tests.headlessly.admin.signed_in import without_frame

BOARD = "/~acme/admin/crm/lead/board/"
DEALS = "/~acme/admin/crm/deal/board/"
JSON = {"Accept": "application/json"}


def lead_of(**fields: Any) -> Any:
    from crm import Lead

    return Lead.create(**{"source": "website"} | fields)


@pytest.fixture
def leads(people: Any) -> dict[str, Any]:
    from crm import Lead

    made = {
        "new": lead_of(name="Nadir new", owner=people.bob, score=10, budget=1_000),
        "hot": lead_of(name="Hot new", owner=people.cleo, score=90, budget=2_500),
        "contacted": lead_of(name="Coral contacted", contact=people.ada, owner=people.cleo),
        "lost": lead_of(name="Larch lost", source="event", contact=people.ada),
    }
    Lead.update(made["contacted"].pk, status="Contacted")
    Lead.lose(made["lost"].pk, lost_reason="No budget")
    return made


def page(client: Any, query: str = "", start: str = BOARD) -> str:
    return without_frame(client, f"{start}?{query}")


def column(html: str, state: str) -> str:
    """The HTML of one column."""
    return html.split(f'data-column="{state}"')[1].split("</section>")[0]


def names(html: str) -> list[str]:
    return re.findall(r'<a class="name"[^>]*>([^<]*)</a>', html)


def count(html: str, state: str) -> str:
    return re.search(r"data-count>([^<]*)<", column(html, state))[1]


def total(html: str, state: str) -> str:
    return re.search(r"data-sum>([^<]*)<", column(html, state))[1]


def move(client: Any, record: Any, target: str, **more: Any) -> Any:
    """What the script sends when a card is dropped."""
    version = more.pop("version", None) or type(record).get(record.pk).version
    start = more.pop("start", BOARD)
    sent = {"move": f"{record.pk} {version} {target}"} | more
    return client.post(start, sent, headers=JSON)


def ago(days: int) -> Any:
    return clock.set_clock(clock.now() - timedelta(days=days), purpose="demo")


# -- what it shows --------------------------------------------------------------------------------


def test_shows_each_record_in_the_column_of_its_state_the_most_urgent_first(bob, leads):
    html = page(bob)
    assert names(column(html, "New")) == ["Hot new", "Nadir new"]
    assert names(column(html, "Contacted")) == ["Coral contacted"]
    assert names(column(html, "Lost")) == ["Larch lost"]
    assert names(column(html, "Qualified")) == []


def test_counts_and_adds_up_each_column(bob, leads):
    html = page(bob)
    assert (count(html, "New"), total(html, "New")) == ("2", "$3,500")
    assert (count(html, "Qualified"), total(html, "Qualified")) == ("0", "")


def test_a_count_that_is_capped_says_so_and_so_does_its_sum(bob, leads, monkeypatch):
    monkeypatch.setattr(reads, "COUNT_CAP", 1)
    html = page(bob)
    assert count(html, "New") == "1+"
    assert total(html, "New").endswith("+")
    assert count(html, "Contacted") == "1"


def test_adds_up_currencies_that_have_rates_converted(bob, people):
    from crm import Deal, ExchangeRate

    Deal.create(name="Dollars", value=100)
    Deal.create(name="Euros", value=70, currency="EUR")
    ExchangeRate.create(currency="EUR", day="2024-01-01", rate=1.5)
    assert total(page(bob, start=DEALS), "Prospecting") == "$205"


def test_adds_up_each_currency_by_itself(bob, people):
    from crm import Deal

    Deal.create(name="Dollars", value=100)
    Deal.create(name="More dollars", value=50)
    Deal.create(name="Euros", value=70, currency="EUR")
    assert total(page(bob, start=DEALS), "Prospecting") == "$150 · €70"


def test_a_card_says_who_whose_how_much_and_how_long_ago(bob, people):
    lead_of(name="Card", contact=people.ada, owner=people.bob, budget=50_000, score=82)
    card = column(page(bob), "New")
    for said in ("Ada Chen", "Bob Stone", ">BS<", "50,000", ">Score </span>82", "<time "):
        assert said in card


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("owner=me", ["Nadir new"]),
        ("source=event", ["Larch lost"]),
        ("q=ada@acme", ["Coral contacted", "Larch lost"]),
        ("owner=-", ["Larch lost"]),
    ],
)
def test_is_narrowed_like_the_list(bob, leads, query, found):
    assert names(page(bob, query)) == found


def test_shows_the_columns_by_which_it_is_narrowed_and_no_others(bob, leads):
    html = page(bob, "status=New,Contacted")
    assert re.findall(r'data-column="(\w+)"', html) == ["New", "Contacted"]


def test_the_list_and_the_board_lead_to_each_other_with_the_same_question(bob, leads):
    assert f'href="{BOARD}?owner=me"' in page(bob, "owner=me&p=2", "/~acme/admin/crm/lead/")
    assert 'href="/~acme/admin/crm/lead/?owner=me"' in page(bob, "owner=me")


def test_a_count_leads_to_the_list_of_its_column(bob, leads):
    html = column(page(bob, "owner=me"), "New")
    assert 'href="/~acme/admin/crm/lead/?owner=me&amp;status=New"' in html


@pytest.mark.parametrize("query", ["nope=1", "status=Nope", "owner=42", "q=%00", "contact=x%00"])
def test_an_address_that_means_nothing_shows_nothing_and_says_why(bob, leads, query):
    response = bob.get(f"{BOARD}?{query}")
    assert response.status_code == 200
    assert 'role="alert"' in response.content.decode()
    assert names(response.content.decode()) == []


def test_columns_of_what_has_ended_go_back_a_month(bob, people):
    from crm import Lead

    with ago(days=31):
        lead_of(name="Open for long")
        long_lost = lead_of(name="Lost for long")
        Lead.lose(long_lost.pk, lost_reason="No budget")
    assert names(page(bob)) == ["Open for long"]
    Lead.update(long_lost.pk, source_detail="Corrected since")
    assert names(column(page(bob), "Lost")) == []
    Lead.update(long_lost.pk, status="New")
    Lead.lose(long_lost.pk, lost_reason="Still no budget")
    assert names(column(page(bob), "Lost")) == ["Lost for long"]


def test_marks_what_nobody_has_touched_for_long(bob, leads):
    from crm import Lead

    assert ">stale<" not in page(bob)
    with ago(days=15):
        lead_of(name="Waiting")
        Lead.lose(lead_of(name="Lost").pk, lost_reason="No budget")
    html = page(bob)
    assert column(html, "New").count(">stale<") == 1
    assert ">stale<" not in column(html, "Lost")


def test_deals_are_stale_when_their_pipeline_says_so(bob, people):
    from crm import Deal, Pipeline

    with ago(days=12):
        Deal.create(name="Waiting", value=1)
    assert ">stale<" not in page(bob, start=DEALS), "it is two weeks where nobody says"
    sales = Pipeline.create(name="Sales", is_default=True, deal_rotting=10)
    assert ">stale<" in page(bob, start=DEALS)
    sales.update(stages=[{"name": "Prospecting", "rotting": 30}, {"name": "Proposal"}])
    assert ">stale<" not in page(bob, start=DEALS), "its stage has a number of its own"


def test_an_activity_is_overdue_when_it_was_due(bob, people):
    from crm import Activity

    Activity.create(subject="Late", due_at=clock.now() - timedelta(hours=1))
    Activity.create(subject="Soon", due_at=clock.now() + timedelta(hours=1))
    Activity.create(subject="Some day")
    html = column(page(bob, start="/~acme/admin/crm/activity/board/"), "Pending")
    assert names(html) == ["Late", "Soon", "Some day"]
    assert html.count(">overdue<") == 1


def test_goes_on_where_a_column_ended_whatever_was_added_meanwhile(bob, people, monkeypatch):
    monkeypatch.setattr(board, "CARDS", 2)
    for score in (50, 40, 30, None, None):
        lead_of(name=f"Score {score}", score=score)
    seen = names(column(html := page(bob), "New"))
    lead_of(name="Hotter", score=99)
    more = re.search(r'data-more="([^"]*)"', html)[1]
    while more:
        answer = bob.get(more, headers=JSON).json()
        seen += names(answer["cards"])
        more = answer["more"]
    assert seen == ["Score 50", "Score 40", "Score 30", "Score None", "Score None"]


@pytest.mark.parametrize("address", ["New/nonsense/", "New/e30/"])
def test_a_cursor_that_is_none_is_refused(bob, leads, address):
    answer = bob.get(f"{BOARD}more/{address}")
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_filter")


def test_a_cursor_of_another_question_is_refused(bob, people, monkeypatch):
    monkeypatch.setattr(board, "CARDS", 1)
    lead_of(name="One"), lead_of(name="Two")
    more = re.search(r'data-more="([^"]*)"', page(bob))[1]
    assert bob.get(f"{more}owner=me").status_code == 400


def test_asks_as_often_for_many_cards_as_for_one(bob, people):
    def queries() -> int:
        with CaptureQueriesContext(connection) as captured:
            assert bob.get(BOARD).status_code == 200
        return len(captured)

    full = {"contact": people.ada, "organization": people.corp, "owner": people.bob}
    lead_of(name="One", **full)
    queries()
    one = queries()
    for number in range(30):
        lead = lead_of(name=f"Lead {number}", **full)
        lead.update(status="Contacted") if number % 2 else None
    assert queries() == one
    assert (
        5 < one <= 21
    )  # two for the facets of what a tenant may have: its tags, its teams; two for views


def test_a_full_board_stays_small(bob, people):
    from crm import Deal

    full = {"contact": people.ada, "organization": people.corp, "owner": people.bob, "value": 1}
    for number in range(60):
        deal = Deal.create(name=f"A deal with a name of some length {number}", **full)
        for _ in range(number % 4):
            Deal.advance(deal.pk)
    assert len(bob.get(f"{DEALS}?view=all").content) < 250_000


def test_a_noun_that_declares_none_has_no_board(bob, acme):
    assert bob.get("/~acme/admin/crm/contact/board/").status_code == 404
    assert "Board</a>" not in page(bob, start="/~acme/admin/crm/contact/")


@pytest.mark.parametrize("name", [n for n, noun in registry.items() if noun.Surface.board])
def test_every_board_opens_empty_and_says_how_to_begin(bob, acme, name):
    noun = registry[name]
    html = page(bob, start=f"/~acme/admin/{noun._meta.app_label}/{noun._meta.model_name}/board/")
    assert "on the board yet" in html


def test_shows_nothing_of_another_tenant(bob, leads, theirs):
    html = page(bob)
    assert "Their lead" not in html
    answer = bob.post(BOARD, {"move": f"{theirs.lead.pk} 1 Contacted"}, headers=JSON)
    assert (answer.status_code, answer.json()["reason"]) == (404, "This lead is gone.")


def test_a_limited_rep_sees_and_moves_their_own_and_nobodys(bob, leads, acme, unchanged):
    acme.limits_reps = True
    acme.save()
    html = page(bob)
    assert names(html) == ["Nadir new", "Larch lost"]
    assert (count(html, "New"), total(html, "New")) == ("1", "$1,000")
    with unchanged():
        answer = move(bob, leads["hot"], "Contacted")
    assert answer.status_code == 404


def test_escapes_what_people_typed(bob, people):
    lead_of(name="<script>alert(1)</script>", owner=people.bob)
    assert "<script>alert(1)" not in page(bob)


# -- moving ---------------------------------------------------------------------------------------


def test_moves_a_card_by_a_change_of_its_state(bob, leads, users):
    answer = move(bob, leads["new"], "Contacted").json()
    leads["new"].refresh_from_db()
    assert leads["new"].status == "Contacted"
    event = type(leads["new"]).history(leads["new"]).first()
    assert (event.name, event.actor) == ("Lead.Updated", users.bob.pk)
    assert answer["said"] == "Nadir new is Contacted now."
    assert answer["state"] == "Contacted"
    assert 'data-version="2"' in answer["card"]
    assert answer["numbers"] == {
        "New": {"count": "1", "sum": "$2,500"},
        "Contacted": {"count": "2", "sum": "$1,000"},
    }


def test_moves_a_card_by_the_verb_that_leads_there(bob, people):
    from crm import Deal

    deal = Deal.create(name="Deal", value=10)
    assert move(bob, deal, "Qualification", start=DEALS).status_code == 200
    assert move(bob, deal, "Won", start=DEALS).json()["state"] == "Won"
    names = [event.name for event in Deal.history(deal)]
    assert names == ["Deal.Won", "Deal.Advanced", "Deal.Created"]


def test_a_verb_that_needs_something_asks_for_it_first(bob, leads, unchanged):
    with unchanged():
        dialog = move(bob, leads["new"], "Lost").json()["dialog"]
    assert "<dialog" in dialog
    assert 'name="lost_reason"' in dialog
    with unchanged():
        answer = move(bob, leads["new"], "Lost", asked="1", lost_reason=" ")
    assert answer.status_code == 422
    assert "This is required." in answer.json()["dialog"]
    assert move(bob, leads["new"], "Lost", asked="1", lost_reason="No budget").status_code == 200
    leads["new"].refresh_from_db()
    assert (leads["new"].status, leads["new"].lost_reason) == ("Lost", "No budget")


def test_a_conversion_asks_for_the_deal_and_makes_it(bob, qualified, unchanged):
    with unchanged():
        dialog = move(bob, qualified, "Converted").json()["dialog"]
    assert "A new deal is made." in dialog
    sent = {"asked": "1", "deal-value": "75,000"}
    assert move(bob, qualified, "Converted", **sent).json()["state"] == "Converted"
    qualified.refresh_from_db()
    assert qualified.deal.value == 75_000


def test_a_hook_that_refuses_is_heard_beside_the_card(bob, people, unchanged):
    from crm import Lead

    lead = lead_of(name="Without anybody")
    lead.update(status="Contacted")
    lead.update(status="Qualified")
    with unchanged():
        answer = move(bob, lead, "Converted", asked="1")
    said = answer.json()
    assert answer.status_code == 422
    assert said["reason"] == "Lead must have a contact before conversion"
    assert said["fix"]["label"] == "Add contact"
    assert said["state"] == "Qualified"
    assert Lead.get(lead.pk).status == "Qualified"


@pytest.mark.parametrize(
    ("target", "status", "allowed"),
    [("Qualified", 409, "New"), ("Converted", 409, "New"), ("Nope", 422, "Contacted")],
)
def test_a_way_that_the_machine_does_not_have_is_refused_with_those_it_has(
    bob, leads, unchanged, target, status, allowed
):
    with unchanged():
        answer = move(bob, leads["lost"], target)
    assert answer.status_code == status
    assert allowed in answer.json()["reason"]
    assert answer.json()["state"] == "Lost"


def test_marks_where_a_card_may_go_and_says_so(bob, leads):
    html = column(page(bob), "New")
    assert html.startswith(' data-ways="Contacted,Lost"')
    assert 'data-hint="From New a lead goes to Contacted or Lost."' in html


def test_a_card_that_somebody_else_moved_is_shown_where_it_is(bob, cleo, leads, unchanged):
    from crm import Lead

    seen = leads["new"].version
    assert move(cleo, leads["new"], "Contacted").status_code == 200
    with unchanged():
        answer = move(bob, leads["new"], "Contacted", version=seen)
    assert answer.status_code == 412
    assert answer.json()["reason"] == "Cleo moved this meanwhile: it is Contacted now."
    assert answer.json()["state"] == "Contacted"
    assert Lead.get(leads["new"].pk).version == 2


def test_a_card_that_somebody_else_only_changed_is_moved(bob, cleo, leads):
    from crm import Lead

    seen = leads["new"].version
    Lead.update(leads["new"].pk, budget=7)
    assert move(bob, leads["new"], "Contacted", version=seen).status_code == 200


@pytest.mark.parametrize(
    "sent", ["", "x", "lead_x 1", "lead_x one New", "lead_x -1 New", "a b c d", "x 1 New\x00"]
)
def test_a_move_that_cannot_be_read_is_refused(bob, leads, unchanged, sent):
    with unchanged():
        answer = bob.post(BOARD, {"move": sent}, headers=JSON)
    assert answer.status_code in (400, 404)
    assert answer.json()["reason"]


def test_somebody_who_only_looks_moves_nothing(vic, leads, unchanged):
    html = page(vic)
    assert 'name="move"' not in html
    assert "data-movable" not in html
    with unchanged():
        answer = move(vic, leads["new"], "Contacted")
    assert answer.status_code == 403
    assert answer.json()["state"] == "New"


def test_without_a_script_the_menu_posts_and_comes_back(bob, leads):
    sent = {"move": f"{leads['new'].pk} 1 Contacted"}
    answer = bob.post(f"{BOARD}?owner=me", sent, follow=True)
    assert answer.redirect_chain == [(f"{BOARD}?owner=me", 302)]
    assert names(column(answer.content.decode(), "Contacted")) == ["Nadir new"]
    assert "Nadir new is Contacted now." in answer.content.decode()


def test_without_a_script_a_refusal_is_shown_on_the_card(bob, leads, unchanged):
    with unchanged():
        answer = bob.post(BOARD, {"move": f"{leads['new'].pk} 1 Qualified"})
    assert answer.status_code == 409
    html = column(answer.content.decode(), "New")
    assert re.search(r'class="refusal" role="alert">A Lead does not go from New to Qualified', html)


def test_without_a_script_the_question_is_a_page(bob, leads):
    sent = {"move": f"{leads['new'].pk} 1 Lost"}
    html = bob.post(f"{BOARD}?owner=me", sent).content.decode()
    assert f'action="{BOARD}?owner=me"' in html
    assert 'name="asked" value="1"' in html
    answer = bob.post(f"{BOARD}?owner=me", sent | {"asked": "1", "lost_reason": "Gone"})
    assert answer.status_code == 302


def test_a_move_needs_the_token_of_the_page(users, leads):
    from django.test import Client

    client = Client(enforce_csrf_checks=True)
    client.force_login(users.bob)
    assert move(client, leads["new"], "Contacted").status_code == 403

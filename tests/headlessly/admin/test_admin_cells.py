"""Changing a cell of a list: its control, what is saved, and why not."""

from __future__ import annotations

from typing import Any

import pytest


def cell(address: Any, record: Any, name: str) -> str:
    return address(record, "cell", name)


def test_offers_where_the_record_can_go_from_here(bob, lead, address):
    html = bob.get(cell(address, lead, "status")).content.decode()
    assert '<option value="New" selected>New</option>' in html
    assert '<option value="Contacted">Contacted</option>' in html
    assert "Qualified" not in html
    assert "Lost" not in html  # that asks for a reason


def test_saves_by_the_verb_and_answers_the_row(bob, lead, people, address, users):
    sent = {"status": "Contacted", "version": lead.version, "in": "columns=status"}
    answer = bob.post(cell(address, lead, "status"), sent)
    html = answer.content.decode()
    assert answer.status_code == 200 and html.count("<tr") == 1
    assert "Contacted" in html and "Bob Stone" not in html  # the columns of that list
    lead.refresh_from_db()
    event = lead.history(lead)[0]
    assert (lead.status, event.name, event.actor) == ("Contacted", "Lead.Updated", users.bob.pk)


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("score", "12", 12),
        ("score", "", None),
        ("owner_id", "cleo", "cleo"),
        ("owner_id", "", None),
    ],
)
def test_saves_amounts_and_references(bob, lead, people, address, name, text, value):
    people_ids = {"cleo": people.cleo.pk}
    field = name.removesuffix("_id")
    sent = {field: people_ids.get(text, text), "version": lead.version}
    assert bob.post(cell(address, lead, field), sent).status_code == 200
    lead.refresh_from_db()
    assert getattr(lead, name) == people_ids.get(value, value)


def test_what_a_deal_is_worth_is_changed_where_it_stands(bob, people, address):
    from crm import Deal

    deal = Deal.create(name="Rollout", value=5, currency="EUR", owner=people.bob)
    listed = bob.get("/~acme/admin/crm/deal/?view=all").content.decode()
    assert 'data-label="Value" data-edit>' in listed
    answer = bob.post(cell(address, deal, "value"), {"value": "42k", "version": deal.version})
    deal.refresh_from_db()
    assert (deal.value, deal.currency) == (42_000, "EUR")
    assert "€42,000" in answer.content.decode()


@pytest.mark.parametrize(
    ("name", "text", "status", "says"),
    [
        ("score", "900", 422, "Use a number from 0 to 100."),
        ("score", "many", 422, "This is a number."),
        ("status", "Converted", 409, "does not go from New to Converted"),
        ("status", "Nope", 422, "Use one of"),
        ("owner", "contact_nobody", 422, "There is no Contact"),
    ],
)
def test_a_refusal_answers_the_control_with_the_reason(
    bob, lead, address, unchanged, name, text, status, says
):
    with unchanged():
        answer = bob.post(cell(address, lead, name), {name: text, "version": lead.version})
    html = answer.content.decode()
    assert answer.status_code == status
    assert says in html.split('role="alert"')[1] and "<tr" not in html


def test_somebody_elses_change_is_shown_and_not_overwritten(bob, lead, address):
    read = lead.version
    lead.update(score=55)
    answer = bob.post(cell(address, lead, "score"), {"score": "11", "version": read})
    html = answer.content.decode()
    assert answer.status_code == 412
    assert "System changed this meanwhile" in html and "</progress> <span>55</span>" in html
    lead.refresh_from_db()
    assert lead.score == 55


def test_a_state_that_a_verb_leads_to_is_taken_by_the_verb(cleo, people, address):
    campaign = people.spring
    campaign.update(landing_page_url="https://acme.example/spring", budget=100)
    html = cleo.get(cell(address, campaign, "status")).content.decode()
    assert '<option value="verb:launch">Launched</option>' in html
    sent = {"status": "verb:launch", "version": campaign.version}
    assert cleo.post(cell(address, campaign, "status"), sent).status_code == 200
    assert campaign.history(campaign)[0].name == "Campaign.Launched"
    sent = {"status": "verb:delete", "version": campaign.version + 1}
    assert cleo.post(cell(address, campaign, "status"), sent).status_code == 404


def test_only_declared_cells_of_ones_own_tenant_for_those_who_may(
    bob, vic, ann, lead, theirs, address, unchanged
):
    with unchanged():
        assert (
            bob.post(cell(address, lead, "converted_at"), {"converted_at": "x"}).status_code == 404
        )
        assert bob.post(cell(address, lead, "nope"), {"nope": "x"}).status_code == 404
        assert vic.get(cell(address, lead, "score")).status_code == 403
        assert vic.post(cell(address, lead, "score"), {"score": "1"}).status_code == 403
        assert ann.get(cell(address, theirs.lead, "score")).status_code == 404
        assert ann.post(cell(address, theirs.lead, "score"), {"score": "1"}).status_code == 404
    assert "data-edit" not in vic.get(address(type(lead), "change")).content.decode()


def test_closed_fields_have_no_control_in_the_list(cleo, qualified, address):
    type(qualified).convert(qualified.pk)
    html = cleo.get(address(type(qualified), "change")).content.decode()
    assert 'data-label="Status" data-edit' not in html
    assert 'data-label="Owner" data-edit' in html


def test_what_a_limited_rep_gives_away_leaves_their_list(bob, lead, people, address, acme):
    acme.limits_reps = True
    acme.save()
    sent = {"owner": people.cleo.pk, "version": lead.version}
    answer = bob.post(cell(address, lead, "owner"), sent)
    assert answer.status_code == 204
    lead.refresh_from_db()
    assert lead.owner_id == people.cleo.pk

"""Checks what contributing.md promises of its recipes, in the copy in which they were followed."""

from __future__ import annotations

from typing import Any

import pytest

from crm import Activity, Deal, Lead, Venue
from headlessly.access import actors
from headlessly.access.actors import Actor
from headlessly.access.models import Membership, User
from headlessly.errors import VerbRefused
from tests.headlessly.admin.signed_in import client_of

ADMIN = "/~acme/admin"


@pytest.fixture
def ann(acme: Any) -> Any:
    """A browser in which an admin of acme is signed in."""
    user = User.objects.create_user("ann@sign.example", first_name="Ann")
    Membership.objects.create(user=user, tenant=acme, role="admin")
    return client_of(user)


@pytest.fixture
def deal(people: Any) -> Any:
    return Deal.create(name="A deal", value=5, contact=people.ada)


def test_a_field_is_on_every_surface(api, lead, ann):
    answer = api.call("PATCH", f"/leads/{lead.pk}", {"phone": "+49 30 1"})
    assert answer.json()["phone"] == "+49 30 1"
    found = api.call("GET", "/leads?phone=%2B49%2030%201&sort=phone").json()
    assert [each["$id"] for each in found["results"]] == [lead.pk]
    assert "+49 30 1" in ann.get(f"{ADMIN}/crm/lead/{lead.pk}/change/").content.decode()
    assert Lead.get(lead.pk, as_of=Lead.get(lead.pk).created_at).phone is None


def test_a_verb_is_on_every_surface_and_its_hook_reacts(api, deal, ann):
    answer = api.call("POST", f"/deals/{deal.pk}/remind", {"nextStep": "Sign"})
    assert answer.status_code == 200, answer.content
    assert answer.json()["nextStep"] == "Sign"
    assert Deal.history(deal.pk).first().name == "Deal.Reminded"
    assert [each.subject for each in Activity.find({"deal": deal.pk})] == ["Ask again: A deal"]
    page = ann.get(f"{ADMIN}/crm/deal/{deal.pk}/do/remind/")
    assert page.status_code == 200


def test_a_hook_refuses(deal):
    deal.update(probability=0)
    with pytest.raises(VerbRefused, match="can be won") as refusal:
        deal.win()
    assert refusal.value.reason == "no_chance"
    assert Deal.get(deal.pk).stage == "Prospecting"


def test_a_noun_is_on_every_surface(api, deal, ann):
    made = api.call("POST", "/venues", {"name": "Chair", "code": "C-1", "price": 90})
    assert made.status_code == 201, made.content
    id = made.json()["$id"]
    assert id.startswith("venue_")
    assert api.call("PATCH", f"/deals/{deal.pk}", {"venue": id}).status_code == 200
    assert ann.get(f"{ADMIN}/crm/venue/{id}/change/").status_code == 200
    assert [each.name for each in Venue.find(q="cha")] == ["Chair"]


def test_a_number_is_on_the_dashboard(lead, deal, ann):
    deal.win()
    page = ann.get(f"{ADMIN}/dashboard/").content.decode()
    assert "Won" in page and "actualCloseDate__gte" in page


def test_a_setting_is_in_the_settings(acme, ann):
    place = f"{ADMIN}/settings/"
    assert 'name="answer_days"' in ann.get(place).content.decode()
    assert ann.post(place, {"name": "Acme", "answer_days": "0"}).status_code == 422
    assert ann.post(place, {"name": "Acme", "answer_days": "5"}).status_code == 302
    acme.refresh_from_db()
    assert acme.answer_days == 5


def test_a_rule_of_visibility_holds(people):
    Venue.create(name="Bob's", keeper=people.bob)
    Venue.create(name="Cleo's", keeper=people.cleo)
    Venue.create(name="Nobody's")
    with actors.acting(Actor("user_bob", "Bob", "rep", people.bob.pk, limited=True)):
        assert {each.name for each in Venue.find()} == {"Bob's", "Nobody's"}
        assert Venue.count() == 2


def test_a_page_is_in_the_admin_for_members_only(people, ann, client):
    Venue.create(name="Chair", price=90)
    place = f"{ADMIN}/crm/venue/prices/"
    assert "Chair" in ann.get(place).content.decode()
    assert client.get(place).status_code == 302


def test_a_route_is_closed_to_strangers_and_to_other_tenants(api, rival_api, client):
    api.call("POST", "/venues", {"name": "Chair", "price": 90})
    answer = api.call("GET", "/price-list")
    assert answer.json() == {"prices": {"Chair": 90}}
    assert rival_api.call("GET", "/price-list").json() == {"prices": {}}
    assert client.get("/~acme/price-list").status_code == 401
    assert api.call("GET", "/price-list?colour=red").status_code == 400

"""Records that are parts of another are added, changed and taken away on its page: the people of a deal."""

from __future__ import annotations

import re

from crm import Contact, Deal, DealContact, LineItem, Product
from headlessly.access import tenancy
from headlessly.access.models import Membership
from tests.headlessly.admin.signed_in import client_of

DEAL = "/~acme/admin/crm/deal/{}/change/"
PART = "/~acme/admin/crm/dealcontact/{}/{}/"
QUICK = "/~acme/admin/crm/dealcontact/quick/"


def card(client, place, label="Deal contacts"):
    """The card of the page, as HTML."""
    page = client.get(place).content.decode()
    start = page.index(f'aria-label="{label}"')
    return page[start : page.index("</section>", start)]


def test_a_person_is_added_by_a_dialog_that_knows_the_deal(bob, people):
    deal = Deal.create(name="Fleet", value=1)
    shown = card(bob, DEAL.format(deal.pk), "None yet")
    assert f'href="{QUICK}?for-deal={deal.pk}" data-quick' in shown
    dialog = bob.get(f"{QUICK}?for-deal={deal.pk}").content.decode()
    assert "Fleet" in dialog and 'name="deal"' not in dialog and 'name="contact"' in dialog
    typed = {"for-deal": deal.pk, "contact": people.ada.pk, "role": "Champion", "then": ""}
    answer = bob.post(QUICK, typed)
    assert answer["Location"] == f"{QUICK}?for-deal={deal.pk}"
    person = DealContact.find().get()
    assert (person.deal_id, person.contact_id, person.role) == (deal.pk, people.ada.pk, "Champion")
    assert "Ada Chen" in (shown := card(bob, DEAL.format(deal.pk))) and "Champion" in shown
    assert "Fleet" in card(bob, f"/~acme/admin/crm/contact/{people.ada.pk}/change/")


def test_what_is_missing_or_not_there_is_said_in_the_dialog(bob, people, rival):
    for typed, said in (
        ({"contact": people.ada.pk, "role": "User"}, "deal"),
        ({"for-deal": "deal_nothere00000", "contact": people.ada.pk, "role": "User"}, "deal"),
        ({"for-deal": "\x00", "contact": people.ada.pk, "role": "User"}, "deal"),
    ):
        answer = bob.post(QUICK, typed)
        assert answer.status_code == 422 and said in answer.content.decode()
    deal = Deal.create(name="Fleet", value=1)
    answer = bob.post(QUICK, {"for-deal": deal.pk, "contact": people.ada.pk})
    assert answer.status_code == 422 and f'value="{deal.pk}"' in answer.content.decode()
    with tenancy.active(rival):
        hidden = Deal.create(name="Their secret", value=1)
    assert "Their secret" not in bob.get(f"{QUICK}?for-deal={hidden.pk}").content.decode()
    assert not DealContact.find()


def test_a_role_is_changed_and_a_person_made_primary_and_removed_where_they_stand(
    bob, users, people
):
    deal = Deal.create(name="Fleet", value=1, contact=people.ada)
    ada = DealContact.create(deal=deal, contact=people.ada, role="User")
    eli = DealContact.create(
        deal=deal, contact=Contact.create(name="Eli Ross"), role="Blocker", note="Asks for a price"
    )
    shown = card(bob, DEAL.format(deal.pk))
    assert shown.count(">primary<") == 1 and shown.count("Make primary") == 1
    assert "Blocker · Asks for a price" in shown
    here = DEAL.format(deal.pk)
    only = {"only": "role", "back": here}
    answer = bob.post(PART.format(ada.pk, "edit"), only | {"role": "Champion", "version": "1"})
    assert answer["Location"] == here and DealContact.get(ada.pk).role == "Champion"
    answer = bob.post(PART.format(eli.pk, "do/make_primary"), {"back": here})
    assert answer["Location"] == here
    assert Deal.get(deal.pk).contact_id == eli.contact_id
    assert "Remove" not in card(bob, here)  # a rep deletes nothing
    Membership.objects.filter(user=users.bob).update(role="manager")
    bob = client_of(users.bob)
    assert card(bob, here).count("Remove") == 2
    answer = bob.post(PART.format(ada.pk, "delete"), {"back": here})
    assert answer["Location"] == here and DealContact.find().get() == eli
    outside = bob.post(PART.format(eli.pk, "delete"), {"back": "https://elsewhere.example/"})
    assert outside["Location"] == "/~acme/admin/crm/dealcontact/"


def test_whoever_may_not_change_them_is_offered_nothing(users, people, acme):
    deal = Deal.create(name="Fleet", value=1, contact=people.ada)
    DealContact.create(deal=deal, contact=people.ada, role="User")
    Membership.objects.filter(user=users.bob).update(role="viewer")
    shown = card(client_of(users.bob), DEAL.format(deal.pk))
    assert "Ada Chen" in shown and "<form" not in shown and "data-quick" not in shown


def test_a_part_is_not_among_what_is_made_anywhere(bob, people):
    assert "dealcontact/quick" not in bob.get("/~acme/admin/crm/lead/quick/").content.decode()


def test_where_its_name_is_one_of_several_values_it_is_told_in_words(bob, people):
    deal = Deal.create(name="Fleet", value=1)
    person = DealContact.create(deal=deal, contact=people.ada, role="DecisionMaker")
    assert str(person) == "Decision maker"
    bob.cookies["django_language"] = "de"
    page = bob.get(PART.format(person.pk, "change"), headers={"Accept-Language": "de"})
    assert "<h1>Entscheider" in re.sub(r"<h1[^>]*>\s*(<bdi>)?", "<h1>", page.content.decode())
    assert (
        'aria-label="Entscheider ändern"'
        in bob.get(DEAL.format(deal.pk), headers={"Accept-Language": "de"}).content.decode()
    )


def test_a_part_that_is_called_like_what_it_links_to_says_so_once(bob, people):
    deal, seat = Deal.create(name="Fleet", value=1), Product.create(name="Seat", price=40)
    item = LineItem.create(deal=deal, product=seat, quantity=3)
    shown = card(bob, DEAL.format(deal.pk), "Line items")
    assert shown.count(">Seat<") == 1 and "$120" in shown
    item.update(name="Seats of the depot")
    shown = card(bob, DEAL.format(deal.pk), "Line items")
    assert "Seats of the depot" in shown and ">Seat<" in shown

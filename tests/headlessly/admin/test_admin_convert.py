"""The dialog of a conversion: the contact, the organization and the deal are each new, there or none."""

from __future__ import annotations

import re
from typing import Any

import pytest

from crm import Contact, Deal, Lead, Organization
from tests.headlessly.admin.test_admin_record import text


def chosen(html: str) -> dict[str, str]:
    """How each of the three is chosen in the dialog."""
    found = re.findall(r'name="([a-z]+)-how" value="([a-z]+)" checked', html)
    return dict(found)


def offered(html: str) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for name, how in re.findall(r'name="([a-z]+)-how" value="([a-z]+)"', html):
        found.setdefault(name, []).append(how)
    return found


@pytest.fixture
def convert(bob: Any, qualified: Any, address: Any) -> Any:
    def send(**sent: str) -> Any:
        given = {name.replace("_", "-"): value for name, value in sent.items()}
        return bob.post(address(qualified, "do", "convert"), given)

    return send


def now(lead: Any) -> Any:
    return Lead.get(lead.pk, include=["contact", "organization", "deal"])


def test_who_the_lead_is_about_stays_unless_said_otherwise(bob, qualified, people, address):
    html = bob.get(address(qualified, "do", "convert")).content.decode()
    assert chosen(html) == {"deal": "new", "contact": "existing", "organization": "existing"}
    assert offered(html) == {
        "deal": ["new", "existing", "none"],
        "contact": ["new", "existing"],
        "organization": ["new", "existing", "none"],
    }
    assert f'<option value="{people.ada.pk}" selected' in html


def test_accepted_as_it_is_it_converts_as_without_a_dialog(convert, qualified, people):
    convert(
        deal_how="new", contact_how="existing", contact=people.ada.pk,
        organization_how="existing", organization=people.corp.pk,
    )  # fmt: skip
    lead = now(qualified)
    assert (lead.contact_id, lead.organization_id) == (people.ada.pk, people.corp.pk)
    assert (lead.deal.contact_id, lead.deal.organization_id) == (people.ada.pk, people.corp.pk)


def test_both_may_be_new_with_what_the_lead_knows(bob, convert, qualified, people, address):
    html = bob.get(address(qualified, "do", "convert")).content.decode()
    (source,) = re.findall(r'<input[^>]*name="contact-source"[^>]*>', html)
    assert 'value="website"' in source
    said = convert(
        preview="1", contact_how="new", contact_name="Grace Hopper", organization_how="new",
        organization_name="Navy",
    ).content.decode()  # fmt: skip
    assert "Grace Hopper" in said and "Navy" in said
    assert not Contact.count({"name": "Grace Hopper"})
    convert(
        contact_how="new", contact_name="Grace Hopper", contact_email="grace@navy.example",
        contact_source="website", contact_owner=people.bob.pk,
        organization_how="new", organization_name="Navy",
    )  # fmt: skip
    lead = now(qualified)
    assert (lead.contact.name, lead.contact.source) == ("Grace Hopper", "website")
    assert (lead.contact.owner_id, lead.contact.organization_id) == (
        people.bob.pk,
        lead.organization_id,
    )
    assert (lead.organization.name, lead.deal.organization_id) == ("Navy", lead.organization_id)


def test_there_may_be_no_organization(convert, qualified):
    convert(contact_how="existing", contact=qualified.contact_id, organization_how="none")
    lead = now(qualified)
    assert lead.contact_id and (lead.organization_id, lead.deal.organization_id) == (None, None)


def test_a_lead_without_an_organization_has_none_unless_said(bob, people, address):
    lead = Lead.create(name="Alone", source="x", contact=people.cleo)
    for status in ("Contacted", "Qualified"):
        lead.update(status=status)
    html = bob.get(address(lead, "do", "convert")).content.decode()
    assert chosen(html)["organization"] == "none"
    bob.post(
        address(lead, "do", "convert"),
        {"deal-how": "none", "contact-how": "existing", "contact": people.cleo.pk,
         "organization-how": "existing", "organization": people.corp.pk},
    )  # fmt: skip
    assert (now(lead).organization_id, now(lead).deal_id) == (people.corp.pk, None)


@pytest.mark.parametrize(
    ("sent", "said"),
    [
        ({"contact_how": "existing", "contact": ""}, "Choose the contact."),
        ({"organization_how": "existing", "organization": ""}, "Choose the organization."),
        ({"contact_how": "new", "contact_source": "x"}, "give a name"),
        ({"contact_how": "new", "contact_name": "A", "contact_email": "nonsense"}, "email"),
    ],
)
def test_what_is_missing_is_said_beside_it(convert, unchanged, sent, said):
    with unchanged():
        answer = convert(**sent)
    assert answer.status_code == 422
    assert said in text(answer)


def test_another_companys_contact_is_a_warning(convert, people):
    other = Contact.create(name="Eve", organization=Organization.create(name="Other Ltd"))
    given = {"preview": "1", "contact_how": "existing"}
    assert "Other Ltd" in convert(**given, contact=other.pk).content.decode()
    assert 'role="alert"' not in convert(**given, contact=people.ada.pk).content.decode()


def test_every_way_in_takes_the_same_and_refuses_what_contradicts(api, qualified, people):
    sent = {"organization": people.corp.pk, "withoutOrganization": True}
    said = api.call("POST", f"/leads/{qualified.pk}/convert", sent)
    assert said.status_code == 422
    assert (said.json()["field"], said.json()["reason"]) == (
        "withoutOrganization",
        "organization_not_wanted",
    )
    api.call("POST", f"/leads/{qualified.pk}/convert", {"withoutOrganization": True})
    lead = now(qualified)
    assert (lead.organization_id, Deal.get(lead.deal_id).organization_id) == (None, None)

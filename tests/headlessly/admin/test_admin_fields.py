"""Settings, Fields: an admin adds one and sees it everywhere; renames, archives and deletes it."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from crm import Contact, Lead
from headlessly.access import tenancy
from headlessly.errors import Invalid
from headlessly.shaping import custom_fields
from headlessly.shaping.models import CustomField
from tests.headlessly.admin.signed_in import client_of

pytestmark = pytest.mark.django_db
BASE = "/~acme/admin/settings/fields/"


@pytest.fixture
def ann(users: SimpleNamespace) -> Client:
    return client_of(users.ann)


def test_an_admin_adds_a_field_and_sees_it_on_list_form_and_record(
    ann: Client, lead: Any, acme: Any
) -> None:
    assert ann.get(BASE).status_code == 200
    sent: dict[str, Any] = {
        "noun": "Lead", "label": "Region", "type": "choice", "group": "Where",
        "option_value": ["", "", ""], "option_label": ["North", "South", ""],
        "option_color": ["#1d4ed8", "", ""], "option_retired": ["", "", ""],
    }  # fmt: skip
    assert ann.post(BASE, sent).status_code == 302
    field = CustomField.objects.get()
    assert [each["value"] for each in field.options] == ["North", "South"]
    for page in (
        f"/~acme/admin/crm/lead/{lead.pk}/edit/",
        "/~acme/admin/crm/lead/add/",
    ):
        assert "Region" in ann.get(page).content.decode(), page
    acme.refresh_from_db()
    with tenancy.active(type(acme).objects.get(pk=acme.pk)):
        Lead.update(lead.pk, region="South")
        assert Lead.get(lead.pk).region == "South"
        assert "South" in ann.get(f"/~acme/admin/crm/lead/{lead.pk}/change/").content.decode()

        # A new name for an option, and one that is not offered any more.
        place = f"{BASE}{field.pk}/"
        shown = ann.get(place).content.decode()
        assert "Filled in 1 record" in shown
        assert 'name="minimum"' not in shown, "a list has no least value"
        changed = {
            "label": "Territory", "name": "territory",
            "option_value": ["North", "South", ""], "option_label": ["North", "The south", "East"],
            "option_color": ["", "", ""], "option_retired": ["yes", "", ""],
        }  # fmt: skip
        assert ann.post(place, changed).status_code == 302
        # Without the values each would be a new option, and the old ones gone from their records.
        unnamed = {key: value for key, value in changed.items() if key != "option_value"}
        for wrong in (unnamed, changed | {"option_color": ["#123456", "", ""]}, {}):
            assert ann.post(place, wrong).status_code == 422
        field.refresh_from_db()
        assert [each["value"] for each in field.options] == ["North", "South", "East"]
        page = ann.get(f"/~acme/admin/crm/lead/{lead.pk}/change/").content.decode()
        assert "Territory" in page and "The south" in page

        ann.post(f"{place}archive/")
        assert (
            "Territory" not in ann.get(f"/~acme/admin/crm/lead/{lead.pk}/change/").content.decode()
        )
        ann.post(f"{place}archive/")
        assert "The south" in ann.get(f"/~acme/admin/crm/lead/{lead.pk}/change/").content.decode()

        refused = ann.post(f"{place}delete/", {"typed": "nope"})
        assert refused.status_code == 422 and CustomField.objects.exists()
        assert ann.post(f"{place}delete/", {"typed": "territory"}).status_code == 302
        assert not CustomField.objects.exists()


@pytest.mark.parametrize("number", [10**30, -(10**400), 2e9, float("nan"), float("inf"), True, "5"])
def test_a_bound_and_a_place_are_numbers_that_can_be_kept(acme: Any, number: Any) -> None:
    sent = {"noun": "Lead", "label": "Size", "type": "integer"}
    with pytest.raises(Invalid) as wrong:
        custom_fields.create_field({**sent, "order": number})
    assert wrong.value.field == "order"
    if number != 2e9:
        with pytest.raises(Invalid) as wrong:
            custom_fields.create_field({**sent, "maximum": number})
        assert wrong.value.field == "maximum"
    assert not CustomField.objects.exists()


def test_what_is_wrong_stands_beside_its_input(ann: Client, acme: Any) -> None:
    for minimum in ("nan", "1e999", "-inf"):
        sent = {"noun": "Lead", "label": "Size", "type": "integer", "minimum": minimum}
        refused = ann.post(BASE, sent)
        assert refused.status_code == 422 and "This is a number." in refused.content.decode()
    refused = ann.post(BASE, {"noun": "Lead", "label": "Status", "type": "string"})
    assert refused.status_code == 422
    assert "Lead has status already." in refused.content.decode()
    refused = ann.post(
        BASE, {"noun": "Lead", "label": "Size", "type": "integer", "minimum": "x", "maximum": "3"}
    )
    assert refused.status_code == 422 and "This is a number." in refused.content.decode()
    refused = ann.post(BASE, {"noun": "Lead", "label": "Kind", "type": "choice"})
    assert refused.status_code == 422 and "at least one option" in refused.content.decode()
    assert not CustomField.objects.exists()


def test_it_is_for_admins_of_this_tenant(
    ann: Client, bob: Client, cleo: Client, users: SimpleNamespace
) -> None:
    ann.post(BASE, {"noun": "Deal", "label": "Contract end", "type": "date"})
    field = CustomField.objects.get()
    eve = client_of(users.eve)
    for client in (bob, cleo):
        assert client.get(BASE).status_code == 403
        assert client.post(f"{BASE}{field.pk}/delete/", {"typed": field.name}).status_code == 403
    assert eve.get(f"/~rival/admin/settings/fields/{field.pk}/").status_code == 404
    assert "Contract end" not in eve.get("/~rival/admin/settings/fields/").content.decode()
    assert CustomField.objects.filter(pk=field.pk).exists()


def test_a_list_reads_a_reference_of_ones_own_for_all_rows_at_once(
    ann: Client, acme: Any, people: SimpleNamespace
) -> None:
    ann.post(BASE, {"noun": "Lead", "label": "Told by", "type": "reference", "to": "Contact"})
    place = "/~acme/admin/crm/lead/?view=all&columns=status,toldBy"

    def statements() -> int:
        with CaptureQueriesContext(connection) as asked:
            page = ann.get(place).content.decode()
        assert "Who told 0" in page
        return len(asked)

    with tenancy.active(type(acme).objects.get(pk=acme.pk)):
        for number in range(6):
            teller = Contact.create(name=f"Who told {number}")
            Lead.create(name=f"Lead {number}", source="event", told_by=teller)
            if number == 0:
                statements()
                one = statements()
    assert statements() == one


def test_an_admin_makes_a_field_unique_and_gives_it_another_type(ann: Client, acme: Any) -> None:
    field = custom_fields.create_field({"noun": "Lead", "label": "Number", "type": "string"})
    leads = [Lead.create(name="A", source="web", number="K1") for _n in range(2)]
    place = f"{BASE}{field.pk}/"
    sent = {"label": "Number", "name": "number", "unique": "on"}
    page = ann.post(place, sent).content.decode()
    assert "1 value is in several records" in page and leads[0].pk in page
    Lead.update(leads[1].pk, number="K2")
    assert ann.post(place, sent).status_code == 302
    page = ann.post(place, {**sent, "type": "email"}).content.decode()
    assert "2 values, in 2 records, would not be one: K1, K2." in page
    assert 'value="integer"' not in page  # whose values are kept in another way
    page = ann.post(place, {**sent, "type": "choice"}).content.decode()
    assert "Give at least one option." in page
    assert ann.post(place, {**sent, "type": "phone"}).status_code == 302
    field.refresh_from_db()
    assert (field.type, field.unique) == ("phone", True)


def test_yes_or_no_is_said_by_these_words_alone(ann: Client, acme: Any) -> None:
    sent = {"noun": "Lead", "label": "Region", "type": "string"}
    for name in ("required", "unique"):
        answer = ann.post(BASE, sent | {name: "maybe"})
        assert answer.status_code == 422 and "This is true or false." in answer.content.decode()
        assert not custom_fields.list_fields()
    assert ann.post(BASE, sent | {"required": "on", "unique": "false"}).status_code == 302
    (field,) = custom_fields.list_fields()
    assert (field.required, field.unique) == (True, False)

"""A record with all that it refers to is the one that its noun finds, by one statement that is made once."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from django.db import connection
from django.db.models import Model
from django.test.utils import CaptureQueriesContext

from crm import Lead
from headlessly.access import actors, tenancy
from headlessly.access.actors import Actor
from headlessly.admin.whole_records import find_whole
from headlessly.errors import NotFound
from headlessly.nouns import Noun
from headlessly.shaping import custom_fields
from tests.contract import samples


def columns_of(record: Model | None) -> Any:
    return record and {f.attname: getattr(record, f.attname) for f in record._meta.concrete_fields}


def others_of(record: Noun) -> dict[str, Any]:
    """What it refers to, each with all that it has; a statement would be asked for what was not read."""
    names = [field.name for field in record.schema.references.values()]
    with CaptureQueriesContext(connection) as asked:
        found = {name: columns_of(getattr(record, name)) for name in names}
    assert not asked.captured_queries
    return found


def test_it_is_each_nouns_own_with_its_references_by_one_statement(acme: Any) -> None:
    for noun in samples.NOUNS:
        # The plain one first: others refer to it, whose currency is the tenant's.
        for record in (samples.create(noun), samples.create(noun, full=True)):
            plain = noun.get(record.pk, include=[*noun.schema.references])
            find_whole(noun, record.pk)  # makes the statement
            with CaptureQueriesContext(connection) as asked:
                whole = find_whole(noun, record.pk)
            assert len(asked) == 1
            assert columns_of(whole) == columns_of(plain), noun
            assert others_of(whole) == others_of(plain), noun
            assert whole.as_json() == plain.as_json()


def test_it_is_not_found_in_another_tenant_or_once_it_is_deleted(
    lead: Lead, theirs: SimpleNamespace, rival: Any
) -> None:
    for id in (theirs.lead.pk, "lead_222222222222", "lead_\x00", "", "x" * 300):
        with pytest.raises(NotFound):
            find_whole(Lead, id)
    with tenancy.active(rival):
        assert find_whole(Lead, theirs.lead.pk).contact == theirs.eve
        with pytest.raises(NotFound):
            find_whole(Lead, lead.pk)
    lead.delete()
    with pytest.raises(NotFound):
        find_whole(Lead, lead.pk)


def test_it_shows_a_limited_rep_what_they_see_and_has_the_tenants_own_references(
    lead: Lead, people: SimpleNamespace
) -> None:
    people.ada.update(owner=people.cleo)
    assert not find_whole(Lead, lead.pk).contact.is_card
    bob, cleo = (
        Actor(f"user_{each.name}", each.name, "rep", contact_id=each.pk, limited=True)
        for each in (people.bob, people.cleo)
    )
    with actors.acting(bob):
        card = find_whole(Lead, lead.pk).contact
        assert (card.name, card.is_card) == ("Ada Chen", True)
    with actors.acting(cleo), pytest.raises(NotFound):
        find_whole(Lead, lead.pk)
    custom_fields.create_field(
        {"noun": "Lead", "label": "Partner", "type": "reference", "to": "Organization"}
    )
    lead.update(partner=people.corp)
    assert others_of(find_whole(Lead, lead.pk))["partner"]["name"] == "Acme Corp"

"""The page of a record lists who refers to it by a field of the tenant's own."""

from __future__ import annotations

from typing import Any

from crm import Deal
from headlessly.shaping import custom_fields
from tests.headlessly.admin.signed_in import client_of


def test_the_page_lists_those_that_the_reader_sees(
    bob: Any, users: Any, people: Any, acme: Any
) -> None:
    custom_fields.create_field(
        {"noun": "Deal", "label": "Decider", "type": "reference", "to": "Contact"}
    )
    place = f"/~acme/admin/crm/contact/{people.ada.pk}/change/"
    assert "Deals: Decider" not in bob.get(place).content.decode()
    Deal.create(name="Hush", value=1, decider=people.ada, owner=people.cleo)
    Deal.create(name="Fleet", value=1, decider=people.ada, owner=people.bob)
    acme.limits_reps = True
    acme.save()
    shown = client_of(users.bob).get(place).content.decode()
    card = shown[shown.index('aria-label="Deals: Decider"') :]
    card = card[: card.index("</section>")]
    assert "Fleet" in card and "Hush" not in shown
    assert f"?decider={people.ada.pk}" in card

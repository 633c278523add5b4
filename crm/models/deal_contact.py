"""Who takes part in a deal: a contact, and their role in it."""

from __future__ import annotations

from typing import ClassVar

from django.db import models

from headlessly.declaration.fields import Choice, Reference, String
from headlessly.nouns import Noun, verb


class DealContact(Noun):
    """A person who takes part in a deal. The deal's own contact is the primary one of them."""

    class Role(models.TextChoices):
        DECISION_MAKER = "DecisionMaker"
        INFLUENCER = "Influencer"
        CHAMPION = "Champion"
        BLOCKER = "Blocker"
        USER = "User"

    prefix = "dealcontact"

    role = Choice(
        Role, "what they are to this deal; somebody may be several things",
        required=True, listed=True, list_of="Contact.role",
    )  # fmt: skip
    deal = Reference("crm.Deal", "people", required=True, on_delete=models.CASCADE)
    contact = Reference("crm.Contact", "deal_roles", required=True)
    note = String("what to know of them in this deal")

    class Surface:
        icon = "group"
        rank = 45
        is_in_menu = False
        columns = ("role", "contact", "deal", "note")
        facets = ("role", "deal", "contact")
        inline = ("role",)
        quick = ("deal", "contact", "role", "note")
        about = ("deal",)
        introduces = ("contact",)
        search = ("contact__name", "deal__name")
        alike = ()
        ordering = ("-created_at",)
        groups = (("Person", ("deal", "contact", "role", "note")),)

    class Meta:
        indexes: ClassVar = [
            models.Index(fields=["tenant", "-created_at", "-id"], name="dealcontact_by_created"),
            models.Index(fields=["tenant", "deal", "contact"], name="dealcontact_by_deal"),
            models.Index(fields=["tenant", "contact"], name="dealcontact_by_contact"),
        ]

    def is_needless_with(self, field: str, successor: str) -> bool:
        """Whether the successor of a merged contact takes part in the deal already."""
        there = DealContact.objects.filter(deal=self.deal_id, contact=successor)
        return field == "contact" and there.exists()

    @verb(event="MadePrimary")
    def make_primary(self) -> None:
        """Have this person as the deal's own contact."""

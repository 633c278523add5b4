"""Who a website's visitors are: the contact behind an anonymous id, once somebody names it."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from crm.models import Contact
from headlessly.access import tenancy
from headlessly.execution import executor
from marketing.models import Touchpoint, Visitor


def identify(anonymous_id: str | None, contact: str, moment: datetime) -> None:
    """Note that a visitor is this contact, who gets the visitor's past and future touchpoints.

    Touchpoints that have a contact already keep it.
    """
    if not anonymous_id:
        return
    Visitor.objects.update_or_create(
        tenant=tenancy.require(),
        anonymous_id=anonymous_id,
        defaults={"contact_id": contact, "identified_at": moment},
    )
    unknown = Touchpoint.objects.filter(anonymous_id=anonymous_id, contact=None)
    for id in unknown.order_by("occurred_at", "pk").values_list("pk", flat=True):
        executor.update_references(Touchpoint, id, contact=contact)


def contact_of(anonymous_id: str | None) -> str | None:
    """Returns the id of the contact that a visitor is, or of the contact that one was merged into.

    Returns None for an unknown visitor, and for a contact that is gone.
    """
    if not anonymous_id:
        return None
    known = Visitor.objects.filter(anonymous_id=anonymous_id)
    return Contact.find_living(known.values_list("contact", flat=True).first())


def named_contact(name: Any) -> str | None:
    """Returns the id of the contact that a website calls by `name`, an id or an address, or None."""
    if not isinstance(name, str):
        return None
    if Contact.objects.filter(pk=name).exists():
        return name
    email = Contact.schema.by_name["email"]
    try:
        return Contact.find_id_by_unique(email, email.clean(name))
    except ValueError:
        return None

"""Who may work on a record: contacts linked to a member of the tenant, or invited to become one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.db.models import QuerySet
from django.utils.translation import gettext as _

from headlessly.access import tenancy
from headlessly.access.models import Membership
from headlessly.access.prepared_queries import prepared_query
from headlessly.accounts.models import Invitation
from headlessly.declaration.surface import WORKERS

if TYPE_CHECKING:
    from headlessly.declaration.record import Record
    from headlessly.declaration.schema import Field
    from headlessly.execution.execution import Execution


def refuse_others_than_members(
    execution: Execution,
    record: Record,
    fields: Mapping[str, Field],
    values: Mapping[str, Any],
    problems: dict[str, str],
) -> None:
    """Add to ``problems`` the owners and assignees in ``values`` that are neither members nor invited.

    A worker that the record already has is not checked. While no member is linked to a contact, everybody is
    accepted: otherwise nobody could be named, and files of a previous system are read at that time (decision
    99). The system, by which an operator puts things right, is never checked.
    """
    stated = {
        name: id
        for name, field in fields.items()
        if field.name in WORKERS
        and field.type == "reference"
        and field.target_noun._meta.label == settings.PERSON_MODEL
        and isinstance(id := values.get(name), str)
        and name not in problems
        and id not in execution.member_ids
        and (record._state.adding or getattr(record, field.column, None) != id)
    }
    if not stated:
        return
    execution.member_ids.update(id for id in set(stated.values()) if _memberships_of(id))
    others = {name: id for name, id in stated.items() if id not in execution.member_ids}
    if others and Membership.objects.filter(tenant=execution.tenant).exclude(contact=None).exists():
        waiting = Invitation.objects.open().filter(tenant=execution.tenant)
        invited = set(
            waiting.filter(contact_id__in=set(others.values())).values_list("contact_id", flat=True)
        )
        others = {name: id for name, id in others.items() if id not in invited}
        problems.update({name: _("Name a member: %s is none.") % id for name, id in others.items()})


@prepared_query
def _memberships_of(contact: str) -> QuerySet[Membership, tuple[Any, ...]]:
    return Membership.objects.filter(tenant=tenancy.require(), contact=contact).values_list("pk")

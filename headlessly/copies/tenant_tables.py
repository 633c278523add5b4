"""The tables of a tenant's data. They are derived from the models, so that a new noun is copied without
more.

A table belongs to a tenant by its column ``tenant_id``, or by a reference to a row of one that does.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

from django.apps import apps
from django.db import models

from headlessly.access.encryption import EncryptedText
from headlessly.access.models import Tenant, User
from headlessly.log.events import Event
from headlessly.log.versions import Version

#: Tables of a tenant that are not copied, and why.
LEFT_OUT = {
    "headlessly.ExternalId": "the database keeps it by itself, of what stands in the records",
    "headlessly.IndexedValue": "the database keeps it by itself, of what stands in the records",
    "headlessly.UniqueValue": "the database keeps it by itself, of what stands in the records",
    "headlessly.Presence": "who looks at a record just now",
}
#: Tables that are only copied together with the secrets, and why.
SECRET = {
    "headlessly.ApiKey": "whoever has the key of one installation would get into the other",
    "headlessly.IdempotentReply": "answers to retries may hold keys, and are good for a day",
    "headlessly.Invitation": "its link leads to the installation that sent it",
}
#: Tables whose rows never change and are never deleted: what has arrived once need not come again.
ONLY_GROWING = {"headlessly.Event", "headlessly.ContentPart"}
#: Columns of a tenant's row that describe its installation, and are not copied.
OF_THE_PLACE = {"headlessly.Tenant": {"id", "has_webhooks", "log_offset", "log_cluster"}}
#: Values for rows that are copied without their secret. A webhook is paused: its receiver could not verify
#: a new secret's signatures, and still gets the events from the other installation.
WITHOUT_SECRET: dict[str, dict[str, Any]] = {"headlessly.Webhook": {"active": False}}
#: Columns of users that are copied; their password only with the secrets.
PERSON_COLUMNS = (
    *("id", "email", "first_name", "last_name", "language", "time_zone"),
    *("is_active", "email_proven_at", "password_link_by", "date_joined"),
)


@dataclass(frozen=True)
class TenantTable:
    """A table with rows of tenants, and how those of one are read and written."""

    model: type[models.Model]
    owned_by: str  #: a condition on the row ``t`` with one parameter, the tenant's key

    @property
    def label(self) -> str:
        return self.model._meta.label

    @property
    def name(self) -> str:
        return self.model._meta.db_table

    @cached_property
    def columns(self) -> tuple[str, ...]:
        """The columns that are copied: all but the tenant's key and sequence numbers that nothing refers
        to."""
        left_out = OF_THE_PLACE.get(self.label, set())
        return tuple(
            str(f.column)
            for f in self.model._meta.concrete_fields
            if f.column != "tenant_id"
            and f.column not in left_out
            and (not _is_drawn(f) or self.model is Event or _is_referred_to(self.model))
        )

    @property
    def drawn(self) -> str | None:
        """The copied column that a sequence fills, if any. Not for events: theirs is shared by all
        tenants."""
        pk = self.model._meta.pk
        is_copied = _is_drawn(pk) and self.model is not Event and pk.column in self.columns
        return str(pk.column) if is_copied else None

    @property
    def has_tenant(self) -> bool:
        return any(f.column == "tenant_id" for f in self.model._meta.concrete_fields)

    @cached_property
    def key(self) -> str | None:
        """The column that identifies a row in every database; None if only a sequence number does."""
        if self.model is Tenant:
            return "slug"
        return pk if (pk := self.model._meta.pk.column) in self.columns else None

    @property
    def order(self) -> str:
        """Columns that give its rows a stable order."""
        if self.model is Event:
            return "t.xid, t.seq"
        return ", ".join(f"t.{field.column}" for field in self.model._meta.pk_fields)

    @property
    def only_grows(self) -> bool:
        return self.label in ONLY_GROWING

    @cached_property
    def encrypted(self) -> tuple[str, ...]:
        fields = self.model._meta.concrete_fields
        return tuple(str(f.column) for f in fields if isinstance(f, EncryptedText))

    @cached_property
    def people(self) -> tuple[str, ...]:
        """The columns that refer to users."""
        fields = self.model._meta.concrete_fields
        return tuple(str(f.column) for f in fields if f.related_model is User)

    @property
    def is_past(self) -> bool:
        return issubclass(self.model, Version)


def tenant_tables(*, with_secrets: bool, with_moment: bool = False) -> list[TenantTable]:
    """Returns the tables of a tenant in the order in which they are written: the past after its records.

    Those that are not copied are included only ``with_moment``.
    """
    skipped = ({} if with_moment else LEFT_OUT) | ({} if with_secrets else SECRET)
    found = []
    for model in apps.get_models():
        if model._meta.label not in skipped and (condition := _condition(model, "t")) is not None:
            found.append(TenantTable(model, condition))
    return sorted(found, key=lambda t: (t.model is not Tenant, t.is_past, t.name))


def _is_drawn(field: Any) -> bool:
    return isinstance(field, models.AutoField | models.BigAutoField)


def _is_referred_to(model: type[models.Model]) -> bool:
    """Whether other tables refer to it."""
    return any(
        each.auto_created and not each.concrete and each.is_relation
        for each in model._meta.get_fields(include_hidden=True)
    )


def _condition(model: type[models.Model], alias: str) -> str | None:
    """Returns the condition for a row of the model to be a tenant's; None if it belongs to none."""
    if not model._meta.managed:
        return None
    if model is Tenant:
        return f"{alias}.id = %s"
    fields = model._meta.concrete_fields
    if any(f.related_model is Tenant for f in fields):
        return f"{alias}.tenant_id = %s"
    for field in fields:
        above: Any = field.related_model
        if above is None or field.null or above is model:
            continue
        if (condition := _condition(above, f"{alias}a")) is not None:
            return (
                f"{alias}.{field.column} IN (SELECT {alias}a.{above._meta.pk.column} "
                f"FROM {above._meta.db_table} AS {alias}a WHERE {condition})"
            )
    return None

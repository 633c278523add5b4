"""Indexes of a tenant's own fields, built and deleted in the background, while people write."""

from __future__ import annotations

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from headlessly.access import actors
from headlessly.background.jobs import job
from headlessly.declaration.registry import registry
from headlessly.log import indexed_values, unique_values
from headlessly.shaping.changing import changing_shape
from headlessly.shaping.models import CustomField


def keep_index(field: CustomField, former: str) -> None:
    """Builds the index of a field if it has one, and deletes the one under its ``former`` key."""
    if former:
        forget_index.defer(index_key=former)
    if field.index_key:
        make_index.defer(field=field.pk, index_key=field.index_key, lock=f"index {field.pk}")


@job("shaping.make_index", retry=3)
def make_index(field: str, index_key: str) -> None:
    """Indexes the values of all records, some at a time, after which lists use the index.

    It can be restarted: existing entries stay. It does nothing if the field has another index by now.
    """
    found = CustomField.objects.filter(pk=field, index_key=index_key, indexed_at=None).first()
    if found is None or found.noun not in registry:
        return
    with transaction.atomic():
        unique_values.hold_writes()  # waits for writes that do not know the index
    after, more = "", True
    while more:
        with transaction.atomic():
            after = indexed_values.take_up_values(
                registry[found.noun], found.key, index_key, found.type, after
            )
        more = bool(after)
    with actors.acting(actors.SYSTEM), changing_shape(_("Admins decide which fields there are.")):
        there = CustomField.objects.filter(pk=field, index_key=index_key)
        if there.update(indexed_at=timezone.now()):
            indexed_values.forget_empty_rows(index_key)


@job("shaping.forget_index", retry=3)
def forget_index(index_key: str) -> None:
    """Deletes the entries under a key that is no longer used."""
    more = True
    while more:
        with transaction.atomic():
            more = indexed_values.forget_values(index_key)

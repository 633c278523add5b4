"""A tenant's own fields: creates, changes, archives and deletes them, for every surface.

Each change is one transaction, validated as a whole, logged, and effective on every surface with the next
request. Only admins may make one.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import count
from typing import Any

from django.dispatch import Signal
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from headlessly.access import tenancy
from headlessly.declaration.registry import registry
from headlessly.declaration.schema import snake_name
from headlessly.errors import Conflict, Invalid, NotFound
from headlessly.log import unique_values
from headlessly.log.names import (
    FIELD_ARCHIVED,
    FIELD_CHANGED,
    FIELD_CREATED,
    FIELD_DELETED,
    FIELD_RESTORED,
)
from headlessly.log.security_events import record_security_event
from headlessly.query import paging
from headlessly.shaping import indexing
from headlessly.shaping.changing import changing_shape
from headlessly.shaping.field_settings import FIXED, check_name, name_from_label, take_settings
from headlessly.shaping.held_values import (
    check_survival,
    keep_unique,
    keep_used_options,
    settings_of_other_type,
)
from headlessly.shaping.models import TYPES, CustomField, new_key

#: Sent when a tenant's own field of a noun is renamed from ``former`` to ``name``. It is still found by
#: the old name; receivers update what shows names to choose from.
field_renamed = Signal()
#: Sent when options of a tenant's own field have new labels or are no longer offered; ``former`` has the
#: old label of each value. Receivers update what shows them to choose from.
options_changed = Signal()
#: How many fields a tenant may add to a noun, including archived ones.
MOST_FIELDS = 200
#: How many of its former names a field is found by.
MOST_NAMES = 20


def list_fields(noun: str | None = None) -> list[CustomField]:
    """Returns the tenant's own fields, of one noun or of all, including archived ones, in their order."""
    found = CustomField.objects.all() if noun is None else CustomField.objects.filter(noun=noun)
    return list(found.order_by("noun", "order", "created_at", "id"))


def find_field(id: str) -> CustomField:
    """Returns a field by its id, or by noun and name: ``Lead.region``. Raises NotFound."""
    noun, _dot, name = id.partition(".")
    wanted = {"noun": noun, "name": name} if name else {"pk": id}
    if (found := CustomField.objects.filter(**wanted).first()) is None:
        raise NotFound(_("There is no field %s.") % id[:64], type="Field", id=id[:64])
    return found


def create_field(values: Mapping[str, Any]) -> CustomField:
    """Creates a field: ``noun``, ``type`` and ``label`` or ``name`` are required; the other settings are
    in :data:`.field_settings.SETTABLE`.

    Raises Invalid with an error for each wrong value, Conflict if there are too many, Forbidden.
    """
    with changing_shape(_("Admins decide which fields there are.")):
        field = CustomField(tenant=tenancy.require())
        given = dict(values)
        if given.get("name") in (None, "") and isinstance(given.get("label"), str):
            given["name"] = name_from_label(given["label"]) or _free_name(given.get("noun"))
        if given.get("label") in (None, "") and isinstance(given.get("name"), str):
            given["label"] = snake_name(given["name"]).replace("_", " ").capitalize()
        take_settings(field, given)
        there = CustomField.objects.filter(noun=field.noun)
        if there.count() >= MOST_FIELDS:
            raise Conflict(
                _("A noun has %d fields of a tenant's own at the most, archived ones among them.")
                % MOST_FIELDS,
                type="Field",
            )
        if "order" not in given:
            field.order = there.count()
        if field.indexed:
            field.indexed_at = timezone.now()  # there are no values yet
        field.save(force_insert=True)
        record_security_event(FIELD_CREATED, about=field.pk, **describe(field))
    return field


def _free_name(noun: Any) -> str:
    """Returns a name for a label without any English letter, such as one in Arabic: ``field3``."""
    there = CustomField.objects.filter(noun=str(noun)[:64])
    taken = {
        name for own, former in there.values_list("name", "former_names") for name in (own, *former)
    }
    return next(name for n in count(1) if (name := f"field{n}") not in taken)


class _OnlyTried(Exception):
    """Rolls back the transaction of a dry run."""


def change_field(
    field: CustomField,
    values: Mapping[str, Any],
    *,
    archived: bool | None = None,
    dry_run: bool = False,
) -> CustomField:
    """Changes the settings of a field. Under a new name it keeps its values, including past ones.
    ``archived`` removes it from every surface, or brings it back.

    Another ``type`` has to accept every existing value as it is: no record is written. ``dry_run`` changes
    nothing. Raises Invalid, also for settings that never change (:data:`FIXED`), and Forbidden.
    """
    changed = field
    try:
        with changing_shape(_("Admins decide which fields there are.")):
            if values:
                changed = _change(field, values)
            if archived is not None:
                changed = _archive(changed) if archived else _bring_back(changed)
            if dry_run:
                raise _OnlyTried
    except _OnlyTried:
        pass
    return changed


def _change(field: CustomField, values: Mapping[str, Any]) -> CustomField:
    field = _locked(field)
    before, index_key = describe(field), field.index_key
    for name in FIXED:
        if name in values and values[name] == getattr(field, name):
            values = {key: value for key, value in values.items() if key != name}
    was_unique, was_type = field.unique, field.type
    other = values.get("type", was_type)
    if isinstance(other, str) and other in TYPES and other != was_type:
        values = settings_of_other_type(field, values)
    take_settings(field, values)
    keep_used_options(field, before["options"] or [])
    if field.type != was_type:
        check_survival(field)
        if field.indexed and field.index_key == index_key:  # another type sorts differently
            field.index_key, field.indexed_at = new_key(), None
    if field.unique != was_unique:
        keep_unique(field)
    if field.name != before["name"]:
        known = [n for n in (before["name"], *field.former_names) if n != field.name]
        field.former_names = known[:MOST_NAMES]
    field.save()
    if field.index_key != index_key:
        indexing.keep_index(field, former=index_key)
    now = describe(field)
    changed = {name: now[name] for name in now if now[name] != before.get(name)}
    if changed:
        previous = {name: before.get(name) for name in changed}
        record_security_event(FIELD_CHANGED, about=field.pk, previous=previous, **changed)
    if "name" in changed and field.archived_at is None:  # else nothing shows it
        tenancy.renew_shape()
        field_renamed.send(registry[field.noun], former=before["name"], name=field.name)
    if "options" in changed and field.archived_at is None:
        tenancy.renew_shape()
        former = {each["value"]: each["label"] for each in before["options"] or ()}
        options_changed.send(registry[field.noun], name=field.name, former=former)
    return field


def archive_field(field: CustomField) -> CustomField:
    """Archives a field: removes it from every surface. Its values stay, and come back with it."""
    return change_field(field, {}, archived=True)


def _archive(field: CustomField) -> CustomField:
    field = _locked(field)
    if field.archived_at is None:
        field.archived_at = timezone.now()
        field.save(update_fields=["archived_at", "updated_at"])
        record_security_event(FIELD_ARCHIVED, about=field.pk, noun=field.noun, name=field.name)
    return field


def bring_back_field(field: CustomField) -> CustomField:
    """Brings an archived field back, with its values."""
    return change_field(field, {}, archived=False)


def _bring_back(field: CustomField) -> CustomField:
    field = _locked(field)
    if field.archived_at is not None:
        field.archived_at = None
        problems: dict[str, str] = {}
        check_name(field, problems)
        if problems:
            raise Invalid.for_fields(problems, type="Field")
        field.save(update_fields=["archived_at", "updated_at"])
        record_security_event(FIELD_RESTORED, about=field.pk, noun=field.noun, name=field.name)
        if field.former_names:  # it may have been renamed meanwhile
            tenancy.renew_shape()
            for former in field.former_names:
                field_renamed.send(registry[field.noun], former=former, name=field.name)
    return field


def count_values(field: CustomField) -> tuple[int, bool]:
    """Returns in how many records the field has a value, and whether the count is exact: it stops at a
    cap."""
    noun = registry[field.noun]
    return paging.count_records(noun.objects.filter(**{f"{field.column}__isnull": False}))


def delete_field(field: CustomField, confirmed_name: str) -> None:
    """Deletes a field for good: its values can no longer be read, past ones neither.

    Raises Invalid unless its name is given, with the number of records that would lose a value; and
    Forbidden.
    """
    with changing_shape(_("Admins decide which fields there are.")):
        field = _locked(field)
        if confirmed_name != field.name:
            count, exact = count_values(field)
            lost = f"{count}{'' if exact else '+'}"
            raise Invalid.for_fields(
                {
                    "name": ngettext(
                        "Give its name, %(name)s, to delete it with its values in %(count)s record.",
                        "Give its name, %(name)s, to delete it with its values in %(count)s records.",
                        count,
                    )
                    % {"name": field.name, "count": lost}
                },
                type="Field",
            )
        record_security_event(FIELD_DELETED, about=field.pk, **describe(field))
        if field.unique:
            unique_values.hold_writes()
            unique_values.cease_to_keep(field.key)
        if field.indexed:
            indexing.forget_index.defer(index_key=field.index_key)
        field.delete()


def describe(field: CustomField) -> dict[str, Any]:
    """Returns the settings of a field as JSON."""
    return {
        "noun": field.noun,
        "name": field.name,
        "type": field.type,
        "label": field.label,
        "help": field.help or None,
        "options": field.options or None,
        "to": field.to or None,
        "required": field.required,
        "unique": field.unique,
        "indexed": field.indexed,
        "default": field.default,
        "minimum": field.minimum,
        "maximum": field.maximum,
        "group": field.group or None,
        "order": field.order,
        "archived": field.archived_at is not None,
    }


def _locked(field: CustomField) -> CustomField:
    """Returns the field as it is now. The caller has locked the tenant, which every change of its shape
    does."""
    found = CustomField.objects.filter(pk=field.pk).first()
    if found is None:
        raise NotFound(_("There is no field %s.") % field.pk, type="Field", id=field.pk)
    return found

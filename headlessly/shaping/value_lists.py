"""The tenant's lists of values: order, colours, open or closed, and merging two values.

A field that declares suggestions (``suggests``) has a list, and so does a choice that is ``listed``;
several fields may share one. In the schema the tenant's list replaces the declared one: so every surface
spells a value as the list does, and a closed list refuses values that it does not have. The list of a
choice is always closed. A retired value is no longer offered, and stays where it is used.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from django.db.models import Count
from django.utils.translation import gettext as _

from headlessly.access import tenancy
from headlessly.access.models import Tenant
from headlessly.access.suggestions import (
    MAX_LENGTH,
    ListedValue,
    ValueList,
    listed_fields,
    read_list,
    suggestions_key,
)
from headlessly.declaration.choices import choice_key
from headlessly.declaration.colors import tone_of
from headlessly.declaration.schema import Field, Schema
from headlessly.declaration.shapes import Shape, cached_by_shape, composes_schemas
from headlessly.errors import HeadlesslyError, Invalid, NotFound, did_you_mean
from headlessly.execution.executor import one_transaction, run
from headlessly.log.names import LIST_CHANGED
from headlessly.log.security_events import record_security_event
from headlessly.query.merged_values import MergedValue
from headlessly.shaping.changing import changing_shape
from headlessly.shaping.following import Followed, follow_value

if TYPE_CHECKING:
    from headlessly.declaration.record import Record

#: How many records one merge updates; the next call continues.
MOST_MERGED = 500
#: How many used values are counted, the most frequent first.
MOST_USED = 500


@cached_by_shape
def lists_by_name() -> dict[str, ValueList]:
    """Returns the active tenant's own lists, as they are stored now."""
    found = Tenant.objects.filter(pk=tenancy.require().pk).values_list("choices", flat=True)
    return {name: read_list(given) for name, given in found.get().items()}


@composes_schemas
def set_value_lists(schema: Schema, shape: Shape) -> None:
    """Replaces the declared lists by the tenant's."""
    own = lists_by_name()
    changed = {
        wire: _with_list(field, own[name])
        for wire, field in schema.fields.items()
        if field.listed and (name := field.list_of) in own
    }
    if changed:
        schema.set_fields(changed.get(field.wire, field) for field in schema.fields.values())


def _with_list(field: Field, values: ValueList) -> Field:
    tones = {each.value: tone_of(each.color) for each in values.values if each.color}
    if field.choices:
        named = {
            each.value: each.value for each in values.values if each.value not in field.choices
        }
        return replace(
            field,
            choices=(*values.offered, *values.retired),
            retired=values.retired,
            value_labels=named or None,
            normalize=values.spell,
            tones=tones,
        )
    return replace(
        field,
        tones=tones,
        suggests=values.offered,
        retired=values.retired,
        normalize=values.spell,
        list_check=None if values.open else values.check,
    )


@dataclass(frozen=True)
class FieldList:
    """The list of a field, the tenant's own or the declared one."""

    noun: type[Record]
    field: Field
    values: ValueList
    #: The fields that share the list, this one first.
    fields: tuple[tuple[type[Record], Field], ...]

    @property
    def is_choice(self) -> bool:
        """Whether it is the list of a choice, which never has other values."""
        return bool(self.field.choices)

    @property
    def name(self) -> str:
        """The name of the list: ``Lead.lostReason``."""
        return suggestions_key(self.noun, self.field)

    def used(self) -> dict[str, int]:
        """Returns how many records have each value, the most frequent first."""
        counts: Counter[str] = Counter()
        for noun, field in self.fields:
            column = field.column
            found = noun.objects.filter(**{f"{column}__isnull": False}).order_by()
            counted = found.values_list(column).annotate(number=Count("pk"))
            counts.update(dict(counted.order_by("-number", column)[:MOST_USED]))
        return dict(sorted(counts.items(), key=lambda each: (-each[1], each[0]))[:MOST_USED])

    def as_json(self, used: Mapping[str, int] | None = None) -> dict[str, Any]:
        """Returns the list as JSON. With ``used`` it has how often each value is used, followed by values
        outside the list."""
        values: list[dict[str, Any]] = [
            {"value": v.value, "color": v.color or None, "retired": v.retired}
            for v in self.values.values
        ]
        said = {
            "$id": self.name,
            "$type": "List",
            "$context": tenancy.context_url(),
            "noun": self.noun.__name__,
            "field": self.field.wire,
            "fields": [f"{noun.__name__}.{field.wire}" for noun, field in self.fields],
            "open": self.values.open,
            "values": values,
        }
        if used is not None:
            for value in values:
                value["used"] = used.get(str(value["value"]), 0)
            said["others"] = self.others(used)
        return said

    def others(self, used: Mapping[str, int]) -> list[dict[str, Any]]:
        """Returns the values that records have but the list does not."""
        listed = {each.value for each in self.values.values}
        return [{"value": v, "used": count} for v, count in used.items() if v not in listed]


def all_lists() -> list[FieldList]:
    """Returns the list of every field that has one, in the order of the nouns."""
    stored = tenancy.require().choices
    having: dict[str, list[tuple[type[Record], Field]]] = {}
    for noun, field in listed_fields():
        of_list = having.setdefault(field.list_of, [])
        is_first = field.list_of == f"{noun.__name__}.{field.wire}"
        of_list.insert(0 if is_first else len(of_list), (noun, field))
    return [
        FieldList(noun, field, _list_of(noun, field, stored), ((noun, field), *others))
        for (noun, field), *others in having.values()
    ]


def _list_of(noun: type[Record], field: Field, stored: Mapping[str, Any]) -> ValueList:
    own = stored.get(suggestions_key(noun, field))
    if own is not None:
        return read_list(own)
    declared = [*field.choices] or [*field.suggests]
    return read_list({"values": declared, "open": not field.choices})


def find_list(name: str) -> FieldList:
    """Returns a list by its name: ``Lead.lostReason``. Raises NotFound."""
    found = all_lists()
    for each in found:
        if each.name == name:
            return each
    names = [each.name for each in found]
    said = _("There is no list %(name)s. Lists: %(names)s.") % {
        "name": name[:64], "names": ", ".join(names)
    } + did_you_mean(name, names)  # fmt: skip
    raise NotFound(said, type="List", id=name[:64])


def change_list(name: str, values: Mapping[str, Any]) -> FieldList:
    """Sets the ``values`` of a list, in their order, and whether it is ``open``.

    A removed value stays with the records that use it; in a closed list it should be retired instead.
    Raises Invalid, NotFound and Forbidden.
    """
    with changing_shape(_("Admins decide which values there are.")) as stored:
        found = find_list(name)
        said = {key: given for key, given in values.items() if key not in ("open", "values")}
        if said:
            problem = _("There is no such setting. Settings: %s.") % "open, values"
            raise Invalid.for_fields({str(key)[:64]: problem for key in said}, type="List")
        made = _read(found.values.as_json() | dict(values), "values")
        _keep(stored.choices, found, _of_choice(found, made) if found.is_choice else made)
    return find_list(name)


def _of_choice(found: FieldList, made: ValueList) -> ValueList:
    """Returns the list of a choice: closed, with removed values retired, because records may have them,
    and no value longer than a field takes. Raises Invalid."""
    if made.open:
        said = _("This is a choice: it takes no values but those of its list.")
        raise Invalid.for_fields({"open": said}, type="List")
    most = min(field.max_length or MAX_LENGTH for _noun, field in found.fields)
    if any(len(each.value) > most for each in made.values):
        said = _("Each is a text of 1 to %d characters.") % most
        raise Invalid.for_fields({"values": said}, type="List")
    known = {choice_key(each.value) for each in made.values}
    left = [each for each in found.values.values if choice_key(each.value) not in known]
    kept = ValueList((*made.values, *(replace(each, retired=True) for each in left)), open=False)
    return _read(kept.as_json(), "values")


def _read(given: Any, name: str) -> ValueList:
    """Reads a list that was given under this name. Raises Invalid."""
    try:
        return read_list(given)
    except ValueError as problem:
        raise Invalid.for_fields({name: str(problem)}, type="List") from None


@dataclass(frozen=True)
class Merged:
    """The result of a merge."""

    changed: list[str]  #: the ids of changed records
    refused: list[tuple[str, str]]  #: the ids of refused records, with the reason
    remaining: int  #: how many records still have it; the next call changes more
    followed: list[Followed]  #: filters and the like that were updated

    def as_json(self) -> dict[str, Any]:
        return {
            "$type": "ListMerge",
            "changed": self.changed,
            "refused": [{"id": id, "message": said} for id, said in self.refused],
            "remaining": self.remaining,
            "followed": [each.as_json() for each in self.followed],
        }


def merge_values(name: str, source: Any, into: Any) -> Merged:
    """Merges the value ``source`` into ``into``: it is retired, and every record that has it is changed by
    an event.

    Each record is changed by itself, at most :data:`MOST_MERGED` of them; undoing the request restores
    their values. Filters and the like are updated together with the list. A value outside the list may be
    merged, too, and a new one is added, which renames a value. Raises Invalid, NotFound and Forbidden.
    """
    problems: dict[str, str] = {}
    for key, text in (("from", source), ("into", into)):
        try:
            read_list([text] if isinstance(text, str) else [None])
        except ValueError as problem:
            problems[key] = str(problem)
    if not problems and source == into:
        problems["into"] = _("This is the same value.")
    if problems:
        raise Invalid.for_fields(problems, type="List")
    into = " ".join(into.split())
    with changing_shape(_("Admins decide which values there are.")) as stored:
        found = find_list(name)
        if not _occurs(found, source):
            near = did_you_mean(source, [each.value for each in found.values.values])
            said = _("Neither the list nor a record has %s.") % source[:64] + near
            raise Invalid.for_fields({"from": said}, type="List")
        made = _merged(found.values, source, into)
        if found.is_choice:
            made = _of_choice(found, made)
        followed = _keep(stored.choices, found, made, MergedValue(found.fields, source, into))
    found = find_list(name)
    changed: list[str] = []
    refused: list[tuple[str, str]] = []
    for noun, field in found.fields:
        most = MOST_MERGED - len(changed) - len(refused)
        having = noun.objects.filter(**{field.column: source}).order_by("pk")
        for id in list(having.values_list("pk", flat=True)[:most]):
            try:
                is_done = _reword(noun, field, id, source, into)
            except HeadlesslyError as problem:
                refused.append((id, problem.message))
            else:
                changed.extend([id] if is_done else [])
    remaining = sum(noun.objects.filter(**{f.column: source}).count() for noun, f in found.fields)
    return Merged(changed, refused, remaining, followed)


def _occurs(found: FieldList, value: str) -> bool:
    """Whether the list or a record has the value."""
    return any(each.value == value for each in found.values.values) or any(
        noun.objects.filter(**{field.column: value}).exists() for noun, field in found.fields
    )


def _reword(noun: type[Record], field: Field, id: str, source: str, into: str) -> bool:
    """Changes the value of one record by a verb. Returns whether it still had the old value once it was
    locked."""
    with one_transaction() as execution:
        record = execution.lock(noun, id)
        if field.value_of(record) != source:
            return False
        if field.read_only or "update" not in noun.verbs:
            run(noun.corrections["reword"], id, {"listed": field.wire, "wording": into})
        else:
            run(noun.verbs["update"], id, {field.name: into})
    return True


def _merged(values: ValueList, source: str, into: str) -> ValueList:
    """Returns the list with ``source`` retired, and ``into`` in its place if that is new."""
    known = {each.value for each in values.values}
    made: list[ListedValue] = []
    for each in values.values:
        if each.value == source:
            if into not in known and choice_key(into) != choice_key(source):
                made.append(replace(each, value=into, retired=False))
            if choice_key(into) == choice_key(source):
                made.append(replace(each, value=into))  # another spelling of it
            else:
                made.append(replace(each, retired=True))
        elif each.value == into:
            made.append(replace(each, retired=False))
        elif choice_key(each.value) == choice_key(into):
            said = _("The list has it as %s.") % each.value
            raise Invalid.for_fields({"into": said}, type="List")
        else:
            made.append(each)
    if into not in {each.value for each in made}:
        made.append(ListedValue(into))
    return _read(ValueList(tuple(made), values.open).as_json(), "into")


def _keep(
    stored: Mapping[str, Any],
    found: FieldList,
    values: ValueList,
    merged: MergedValue | None = None,
) -> list[Followed]:
    """Stores the list, and updates everything that uses a merged value. One event logs both."""
    tenant = tenancy.require()
    now, followed = values.as_json(), list[Followed]()
    is_other = stored.get(found.name) != now
    if is_other:
        tenant.choices = {**stored, found.name: now}
        Tenant.objects.filter(pk=tenant.pk).update(choices=tenant.choices)
    said: dict[str, Any] = {}
    if merged is not None:
        tenancy.renew_shape()
        followed = follow_value(merged)
        said["merged"] = {
            "from": merged.source,
            "into": merged.into,
            "followed": [each.as_json() for each in followed],
        }
    if is_other or followed:
        previous = found.values.as_json()
        record_security_event(LIST_CHANGED, list=found.name, previous=previous, **said, **now)
    return followed

"""The tenant's lists of values: ordered, coloured, closed, and two of their values made one.

A field that declares what people usually write (``suggests``) has a list. The tenant's own takes the place of
the declared one in the schema: so every way in spells a value as the list does, and a closed list refuses
what it does not have. A retired value is offered no more, and stays where it is used.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from django.db.models import Count
from django.utils.translation import gettext as _

from headlessly.access import tenancy
from headlessly.access.models import Tenant
from headlessly.access.suggestions import (
    ListedValue,
    ValueList,
    listed_fields,
    read_list,
    suggestions_key,
)
from headlessly.declaration.choices import choice_key
from headlessly.declaration.schema import Field, Schema
from headlessly.declaration.shapes import Shape, cached_by_shape, composes_schemas
from headlessly.errors import HeadlesslyError, Invalid, NotFound, did_you_mean
from headlessly.execution.executor import one_transaction, run
from headlessly.log.names import LIST_CHANGED
from headlessly.log.security_events import record_security_event
from headlessly.shaping.changing import changing_shape

if TYPE_CHECKING:
    from headlessly.declaration.record import Record

#: How many records one merge updates; asked again it goes on.
MOST_MERGED = 500
#: How many values that are used are counted, the most frequent first.
MOST_USED = 500


@cached_by_shape
def lists_by_name() -> dict[str, ValueList]:
    """The lists that the active tenant has of its own, as they are stored now."""
    found = Tenant.objects.filter(pk=tenancy.require().pk).values_list("choices", flat=True)
    return {name: read_list(given) for name, given in found.get().items()}


@composes_schemas
def set_value_lists(schema: Schema, shape: Shape) -> None:
    """The tenant's lists in the place of what the fields declare."""
    own = lists_by_name()
    changed = {
        wire: _with_list(field, own[name])
        for wire, field in schema.fields.items()
        if field.listed and (name := f"{schema.name}.{wire}") in own
    }
    if changed:
        schema.set_fields(changed.get(field.wire, field) for field in schema.fields.values())


def _with_list(field: Field, values: ValueList) -> Field:
    return replace(
        field,
        suggests=values.offered,
        retired=values.retired,
        closed=not values.open,
        normalize=values.spell,
        validators=field.validators if values.open else (*field.validators, values.check),
    )


@dataclass(frozen=True)
class FieldList:
    """The list of one field, the tenant's own or the declared one."""

    noun: type[Record]
    field: Field
    values: ValueList

    @property
    def name(self) -> str:
        """``Lead.lostReason``."""
        return suggestions_key(self.noun, self.field)

    def used(self) -> dict[str, int]:
        """How many records have each value, the most frequent first."""
        column = self.field.column
        found = self.noun.objects.filter(**{f"{column}__isnull": False}).order_by()
        counted = found.values_list(column).annotate(number=Count("pk")).order_by("-number", column)
        return dict(counted[:MOST_USED])

    def as_json(self, used: Mapping[str, int] | None = None) -> dict[str, Any]:
        """The list as programs read it; with how often each value is used, those outside it behind."""
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
            "open": self.values.open,
            "values": values,
        }
        if used is not None:
            for value in values:
                value["used"] = used.get(str(value["value"]), 0)
            said["others"] = self.others(used)
        return said

    def others(self, used: Mapping[str, int]) -> list[dict[str, Any]]:
        """What records have and the list does not."""
        listed = {each.value for each in self.values.values}
        return [{"value": v, "used": count} for v, count in used.items() if v not in listed]


def all_lists() -> list[FieldList]:
    """The list of every field that has one, in the order of the nouns."""
    stored = tenancy.require().choices
    return [
        FieldList(noun, field, _list_of(noun, field, stored)) for noun, field in listed_fields()
    ]


def _list_of(noun: type[Record], field: Field, stored: Mapping[str, Any]) -> ValueList:
    own = stored.get(suggestions_key(noun, field))
    return read_list(own) if own is not None else read_list(list(field.suggests))


def find_list(name: str) -> FieldList:
    """One of them by its name: ``Lead.lostReason``. Raises NotFound."""
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
    """Say which ``values`` a list has, in their order, and whether it is ``open``.

    What is left out of it and used by records stays with them; of a closed list it is better retired. Raises
    Invalid, NotFound and Forbidden.
    """
    with changing_shape(_("Admins decide which values there are.")) as stored:
        found = find_list(name)
        said = {key: given for key, given in values.items() if key not in ("open", "values")}
        if said:
            problem = _("There is no such setting. Settings: %s.") % "open, values"
            raise Invalid.for_fields({str(key)[:64]: problem for key in said}, type="List")
        try:
            made = read_list(found.values.as_json() | dict(values))
        except ValueError as problem:
            raise Invalid.for_fields({"values": str(problem)}, type="List") from None
        _keep(stored.choices, found, made)
    return find_list(name)


@dataclass(frozen=True)
class Merged:
    """What became of the records that had one value."""

    changed: list[str]  #: the ids of those that have the other now
    refused: list[tuple[str, str]]  #: the ids of those that were refused, and why
    remaining: int  #: how many have it still; asked again, the next are changed

    def as_json(self) -> dict[str, Any]:
        return {
            "$type": "ListMerge",
            "changed": self.changed,
            "refused": [{"id": id, "message": said} for id, said in self.refused],
            "remaining": self.remaining,
        }


def merge_values(name: str, source: Any, into: Any) -> Merged:
    """Make ``source`` the value ``into``: it is retired, and every record that has it is changed by an event.

    Each is changed by itself, at the most :data:`MOST_MERGED` of them; undoing the request gives them back
    what they had. A value of no list may be merged too, a new one is added: so a value is renamed. Raises
    Invalid, NotFound and Forbidden.
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
        made = _merged(found.values, source, into)
        _keep(stored.choices, found, made)
    found = find_list(name)
    having = found.noun.objects.filter(**{found.field.column: source})
    changed: list[str] = []
    refused: list[tuple[str, str]] = []
    for id in list(having.order_by("pk").values_list("pk", flat=True)[:MOST_MERGED]):
        try:
            is_done = _reword(found, id, source, into)
        except HeadlesslyError as problem:
            refused.append((id, problem.message))
        else:
            changed.extend([id] if is_done else [])
    return Merged(changed, refused, having.count())


def _reword(found: FieldList, id: str, source: str, into: str) -> bool:
    """Give one record the other value by a verb; whether it still had the one once it was locked."""
    noun, field = found.noun, found.field
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
    """The list with ``source`` retired, in whose place ``into`` stands where it is new."""
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
    try:
        return read_list(ValueList(tuple(made), values.open).as_json())
    except ValueError as problem:
        raise Invalid.for_fields({"into": str(problem)}, type="List") from None


def _keep(stored: Mapping[str, Any], found: FieldList, values: ValueList) -> None:
    tenant = tenancy.require()
    now = values.as_json()
    if stored.get(found.name) != now:
        tenant.choices = {**stored, found.name: now}
        Tenant.objects.filter(pk=tenant.pk).update(choices=tenant.choices)
        previous = found.values.as_json()
        record_security_event(LIST_CHANGED, list=found.name, previous=previous, **now)

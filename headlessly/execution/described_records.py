"""Records that a new one refers to, given by what they are: ``{"contact": {"email": "ada@acme.example"}}``.

They are found by what is unique of them, else by their name where one alone has it; what is not there is
made by its own ``create``, with the caller's permissions and in the same transaction. Which references take
it says ``Surface.files.described``, as for the rows of a file.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from django.db.models import QuerySet
from django.utils.translation import gettext as _

from headlessly.access import visibility
from headlessly.declaration import labels
from headlessly.declaration.folding import fold_words
from headlessly.declaration.schema import Field
from headlessly.declaration.values import is_storable
from headlessly.errors import Invalid

if TYPE_CHECKING:
    from headlessly.declaration.record import Record
    from headlessly.execution.execution import Execution


def compose_name(noun: type[Record], given: Mapping[str, Any], *, wire: bool = False) -> str | None:
    """The name of a record that has none, of what its noun is named by (``Surface.files.named_by``); values
    by the names of fields, those of a described record a mapping. None where nothing is there."""
    own = given.get(noun.schema.name_field.wire if wire else noun.schema.name_field.name)
    if isinstance(own, str) and own.strip():
        return own
    for names in noun.Surface.files.named_by:
        parts = []
        for field in (noun.schema.by_name[name] for name in names):
            value = given.get(field.wire if wire else field.name)
            if isinstance(value, Mapping):
                value = compose_name(field.target_noun, value, wire=wire)
            elif field.type == "reference":
                value = None
            if isinstance(value, str) and value.strip():
                parts.append(value.strip())
        if parts:
            return " ".join(parts)
    return None


def find_or_create_described(
    execution: Execution, noun: type[Record], values: dict[str, Any]
) -> None:
    """Put ids into ``values`` where they have the fields of a record, in the order of declaration: a later
    one belongs to what an earlier one is. Raises Invalid, the reference before the name of its field."""
    for name in noun.Surface.files.described:
        given = values.get(name)
        if not isinstance(given, Mapping):
            continue
        reference = noun.schema.by_name[name]
        other = reference.target_noun
        given = dict(given)
        if (composed := compose_name(other, given)) is not None:
            given[other.schema.name_field.name] = composed
        id = find_described(other, given)
        if id is None:
            for same, field in other.schema.references.items():
                if (
                    same in noun.Surface.files.described
                    and field.to == noun.schema.by_name[same].to
                    and isinstance(values.get(same), str)
                ):
                    given.setdefault(same, values[same])
            id = _create(execution, reference, given)
        else:
            _bring_along(noun, other, id, values)
        values[name] = id


def _bring_along(noun: type[Record], other: type[Record], id: str, values: dict[str, Any]) -> None:
    """Who is found brings whom they belong to, where nothing else is said: a contact their organization."""
    record = other.objects.get(pk=id)
    for name in noun.Surface.files.described:
        field, its = noun.schema.by_name[name], other.schema.references.get(name)
        if its is None or its.to != field.to or values.get(name) is not None:
            continue
        theirs = getattr(record, its.column)
        if theirs and _visible(field.target_noun).filter(pk=theirs).exists():
            values[name] = theirs


def find_described(noun: type[Record], given: Mapping[str, Any]) -> str | None:
    """The id of the record that ``given`` (values by the names of fields) describes, of those that the actor
    sees; None where none or several are it. Somebody with another address is another person."""
    unique = [
        field
        for name in noun.unique_fields
        if isinstance(given.get((field := noun.schema.by_name[name]).name), str)
    ]
    for field in unique:
        id = noun.find_id_by_unique(field, given[field.name])
        if id is not None and _visible(noun).filter(pk=id).exists():
            return id
    name = given.get(noun.schema.name_field.name)
    if unique or not isinstance(name, str) or not is_storable(name):
        return None
    called = _visible(noun).filter(**{f"{noun.schema.name_field.name}__folded": fold_words(name)})
    found = list(called.order_by().values_list("pk", flat=True)[:2])
    return found[0] if len(found) == 1 else None


def _visible(noun: type[Record]) -> QuerySet[Any]:
    """What the caller sees, though a verb is running."""
    person = visibility.visible_owner_of_actor()
    found: QuerySet[Any] = noun.objects.all()
    if person is None:
        return found
    seen = visibility.visible_condition(noun, person)
    return found.filter(seen | visibility.is_introduced_to(noun, person))


def _create(execution: Execution, reference: Field, given: Mapping[str, Any]) -> str:
    noun = reference.target_noun
    try:
        return execution.perform(noun.verbs["create"], None, given, for_caller=True).pk
    except Invalid as problem:
        said = {
            f"{reference.wire}.{detail['field']}": detail["message"]
            for detail in problem.details or ()
        }
        raise Invalid.for_fields(
            said or {reference.wire: problem.message}, type=noun.__name__
        ) from problem


def check_described(field: Field, given: Mapping[str, Any]) -> str | None:
    """What is wrong with a described record that says nothing; None where it says something."""
    if compose_name(field.target_noun, given) is None:
        return _("Say which %s: give a name.") % labels.noun_in_error(field.target_noun)
    return None

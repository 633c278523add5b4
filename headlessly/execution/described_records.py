"""References of a new record, given by a description instead of an id: ``{"contact": {"email":
"ada@acme.example"}}``.

The described record is found by its unique fields, or by its name if only one record has it. Otherwise its
own ``create`` makes it, with the caller's permissions and in the same transaction.
``Surface.files.described`` says which references may be described, as for the rows of a file.
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
    """Returns the name of a record, or composes one from other values, as ``Surface.files.named_by`` says.
    Returns None if these are empty too.

    ``given`` has values by the names of fields; a described record is a mapping.
    """
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
    """Replace descriptions of records in ``values`` by their ids, in the order of declaration: a later one
    may belong to an earlier one. Raises Invalid, with the reference before the name of its field."""
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
    """Fill other references from a record that was found, where nothing else is said: a contact brings their
    organization."""
    record = other.objects.get(pk=id)
    for name in noun.Surface.files.described:
        field, its = noun.schema.by_name[name], other.schema.references.get(name)
        if its is None or its.to != field.to or values.get(name) is not None:
            continue
        theirs = getattr(record, its.column)
        if theirs and _visible(field.target_noun).filter(pk=theirs).exists():
            values[name] = theirs


def find_described(noun: type[Record], given: Mapping[str, Any]) -> str | None:
    """Returns the id of the record that ``given`` (values by the names of fields) describes, among those that
    the actor sees.

    Returns None if no record matches, or several do. A given unique value that is unknown means another
    record, even if the name is the same.
    """
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
    """Returns the records that the caller sees, also while a verb is running."""
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
    """Returns the error for a described record without a name, or None."""
    if compose_name(field.target_noun, given) is None:
        return _("Say which %s: give a name.") % labels.noun_in_error(field.target_noun)
    return None

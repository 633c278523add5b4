"""Existing records that probably are the one about to be created, as their noun says (``Surface.alike``).

This is a hint and not a rule: two people may share a name and a telephone number. Unique fields need no hint,
because the verb refuses and names the record with the value.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, TypeVar

from django.db.models import Q

from headlessly.access import visibility
from headlessly.declaration import normalization
from headlessly.declaration.choices import split_choices
from headlessly.declaration.fields import Domain
from headlessly.declaration.folding import draw_together, fold, phone_digits, write_out
from headlessly.declaration.schema import Field
from headlessly.declaration.values import is_storable

if TYPE_CHECKING:
    from headlessly.declaration.record import Record

R = TypeVar("R", bound="Record")
#: Returns the condition for records that are alike in a field; None if the value says nothing.
Condition = Callable[["type[Record]", Field, Any], Q | None]

#: How many duplicates are shown, and how many are looked at for each field.
MOST_TOLD, MOST_READ = 5, 50
#: How many last digits two spellings of a telephone number share: some are written without the country. A
#: number with fewer digits than the second is an extension.
SHARED_DIGITS, FEWEST_DIGITS = 9, 7


def find_duplicates(noun: type[R], given: Mapping[str, Any]) -> list[tuple[R, list[Field]]]:
    """Returns the records that are like ``given`` (values by the names of fields), each with the matching
    fields. Those with the most matching fields come first, then the latest. Only records that the actor sees.

        >>> find_duplicates(Contact, {"name": "ada CHEN", "phone": "030 1234567"})
        [(<Contact: Ada Chen>, [<Field name>, <Field phone>])]
    """
    found: dict[str, tuple[R, list[Field]]] = {}
    for name in noun.Surface.alike:
        field = noun.schema.by_name.get(name)
        value = given.get(name)
        if field is None or value in (None, "") or not is_storable(str(value)):
            continue
        condition = _condition_of(field)(noun, field, value)
        if condition is None:
            continue
        same = visibility.load_visible_references(
            noun.objects.filter(condition), noun.schema.references
        )
        for record in same.order_by()[:MOST_READ]:
            found.setdefault(record.pk, (record, []))[1].append(field)
    latest = sorted(found.values(), key=lambda each: each[0].created_at, reverse=True)
    latest.sort(key=lambda each: -len(each[1]))
    return latest[:MOST_TOLD]


def _condition_of(field: Field) -> Condition:
    if field.type == "reference":
        return _refers_to_the_same
    if field.type == "url":
        return _has_its_domain
    if (field.item or field).normalize is normalization.normalize_phone:
        return _has_its_number
    return _is_called_the_same


def _is_called_the_same(noun: type[Record], field: Field, value: Any) -> Q | None:
    """Returns the condition for the same text, ignoring case and accents, and with ae for ä."""
    text = " ".join(str(value).split())
    if not text:
        return None
    column, out = f"{field.name}__folded", write_out(text)
    same = Q(**{f"{column}__in": list({fold(text), out})})
    if (together := draw_together(out)) != out:
        same |= Q(**{column: together, f"{field.name}__written_out": out})
    return same


def _has_its_number(noun: type[Record], field: Field, value: Any) -> Q | None:
    """Returns the condition for a number in any telephone field, with the country or without; for several
    numbers, any of them."""
    texts = value if isinstance(value, list | tuple) else split_choices(str(value))
    numbers = [phone_digits(str(text)) for text in texts]
    same = Q()
    for digits in (number for number in numbers if len(number) >= FEWEST_DIGITS):
        last = digits[-SHARED_DIGITS:]
        for column in noun.schema.phones:
            same |= Q(**{f"{column}__digits__endswith": last})
        for others in noun.schema.others:
            if others.beside[0] in noun.schema.phones:
                ends = {f"{others.column}__numbers__contains": f'{last}"'}
                same |= Q(**{f"{others.column}__isnull": False}, **ends)
    return same or None


def _has_its_domain(noun: type[Record], field: Field, value: Any) -> Q | None:
    """Returns the condition for the same domain, if the noun has a field for it."""
    domains = [f.name for f in noun._meta.concrete_fields if isinstance(f, Domain)]
    try:
        domain = normalization.normalize_domain(str(value))
    except ValueError:
        return None
    return Q(**{f"{domains[0]}__folded": fold(domain)}) if domains else None


def _refers_to_the_same(noun: type[Record], field: Field, value: Any) -> Q | None:
    """Returns the condition for open records with the same reference: a new one after a closed one is no
    duplicate."""
    same = Q(**{field.column: getattr(value, "pk", value)})
    machine = noun.schema.machine
    if machine is not None and hasattr(noun, "OPEN"):
        same &= Q(**{f"{machine.name}__in": noun.OPEN})
    return same

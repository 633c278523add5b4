"""Fields with several values: a first value in its own column, and the others beside it.

``Contact.email`` is the address to write to, and ``other_emails`` has the others, by which the contact is
found too. If one of the others becomes the first, the former first takes its place; if there is no first one,
the first of the others becomes it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from headlessly.declaration import choices, normalization
from headlessly.declaration.folding import phone_digits

if TYPE_CHECKING:
    from headlessly.declaration.record import Record
    from headlessly.declaration.schema import Field

#: How many others a record may have, and how long each may be.
MOST, LENGTH = 20, 255


def changing_others(example: Sequence[str] | None) -> Callable[[Any, Mapping[str, Any]], list[str]]:
    """Returns the function that changes some of several values; errors show ``example``."""
    return partial(choices.change_choices, length=LENGTH, example=example or choices.EXAMPLE)


def without_firsts(record: Record, others: Field, values: Mapping[str, Any]) -> list[str]:
    """Returns the others in ``values``, new values of the record, without those that are first values
    then."""
    firsts = (values.get(f.name, getattr(record, f.column)) for f in first_fields(record, others))
    held = _keys(others, firsts)
    given: Sequence[str] = values[others.name] or ()
    return [value for value in given if other_key(others, value) not in held]


def other_key(field: Field, value: str) -> str:
    """Returns a value as it is compared: telephone numbers by their digits, other text ignoring case."""
    kind = field.item or field
    if kind.normalize is normalization.normalize_phone:
        return phone_digits(value) or value.lower()
    return value.lower()


def first_fields(record: Record | type[Record], others: Field) -> Iterator[Field]:
    """Returns the fields with the first values."""
    return (record.schema.by_name[name] for name in others.beside)


def all_values(record: Record, others: Field) -> list[str]:
    """Returns the first values and the others."""
    firsts = (getattr(record, field.column) for field in first_fields(record, others))
    return [*(value for value in firsts if value), *(getattr(record, others.column) or ())]


def settle_others(record: Record, read: Mapping[str, Any]) -> None:
    """Make each value of a record either a first value or one of the others. ``read`` has the values as they
    were read."""
    for others in record.schema.others:
        given = getattr(record, others.column)
        firsts = list(first_fields(record, others))
        if not given and not read.get(others.column):
            continue
        values = list(given or ())
        if given == read.get(others.column):
            values = list(_after_exchange(record, others, firsts, values, read))
        if values and all(getattr(record, field.column) is None for field in firsts):
            setattr(record, firsts[0].column, values.pop(0))
        held = _keys(others, (getattr(record, field.column) for field in firsts))
        left = [value for value in values if other_key(others, value) not in held]
        if left != (given or []):
            setattr(record, others.column, left or None)


def _after_exchange(
    record: Record,
    others: Field,
    firsts: Iterable[Field],
    values: list[str],
    read: Mapping[str, Any],
) -> Iterator[str]:
    """Yields the others; one that has become a first value is replaced by the former first value."""
    left = {}
    for field in firsts:
        now, before = getattr(record, field.column), read.get(field.column)
        if now and before and other_key(others, now) != other_key(others, before):
            left[other_key(others, now)] = before
    return (left.get(other_key(others, value), value) for value in values)


def _keys(others: Field, values: Iterable[str | None]) -> set[str]:
    return {other_key(others, value) for value in values if value}

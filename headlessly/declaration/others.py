"""What a record has more than one of: a first value in a column of its own, and others beside it.

``Contact.email`` is where one writes to, and ``other_emails`` are the others: whoever looks for a record by
one of them finds it. One of the others that is made the first leaves its place to the former; and where there
is no first one, the first of the others is it.
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
    """How some of several values are changed; ``example`` is what an error shows of them."""
    return partial(choices.change_choices, length=LENGTH, example=example or choices.EXAMPLE)


def unite_others(now: Sequence[str] | None, others: Sequence[str] | None) -> list[str] | None:
    """The others of two records that become one, be they more than there may be."""
    return choices.unique_choices([*(now or ()), *(others or ())]) or None


def without_firsts(record: Record, others: Field, values: Mapping[str, Any]) -> list[str]:
    """The others among ``values``, which a record gets, without the first ones that it has then."""
    firsts = (values.get(f.name, getattr(record, f.column)) for f in first_fields(record, others))
    held = _keys(others, firsts)
    given: Sequence[str] = values[others.name] or ()
    return [value for value in given if other_key(others, value) not in held]


def other_key(field: Field, value: str) -> str:
    """A value of ``field``, or of the others beside it, as it is compared: telephones by their digits."""
    kind = field.item or field
    if kind.normalize is normalization.normalize_phone:
        return phone_digits(value) or value.lower()
    return value.lower()


def first_fields(record: Record | type[Record], others: Field) -> Iterator[Field]:
    """The fields with the first values."""
    return (record.schema.by_name[name] for name in others.beside)


def all_values(record: Record, others: Field) -> list[str]:
    """The first values and the others."""
    firsts = (getattr(record, field.column) for field in first_fields(record, others))
    return [*(value for value in firsts if value), *(getattr(record, others.column) or ())]


def settle_others(record: Record, read: Mapping[str, Any]) -> None:
    """Let each value of a record, which was ``read`` so, be the first or one of the others, and not both."""
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
    """The others, each that has become a first value replaced by what was it before."""
    left = {}
    for field in firsts:
        now, before = getattr(record, field.column), read.get(field.column)
        if now and before and other_key(others, now) != other_key(others, before):
            left[other_key(others, now)] = before
    return (left.get(other_key(others, value), value) for value in values)


def _keys(others: Field, values: Iterable[str | None]) -> set[str]:
    return {other_key(others, value) for value in values if value}

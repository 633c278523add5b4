"""What a merge does beside the record that goes: what refers to it refers to its successor, which keeps of
each field the value that was chosen, else its own, else what the other knew.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from django.utils.translation import gettext as _

from headlessly.access import actors
from headlessly.declaration import others
from headlessly.declaration.custom_values import has_value
from headlessly.declaration.merging import THIS, choosable_fields, keep_together
from headlessly.errors import Invalid
from headlessly.notifications import following

if TYPE_CHECKING:
    from headlessly.declaration.record import Record
    from headlessly.declaration.schema import Field, Machine
    from headlessly.execution.execution import Execution


def carry_over(
    execution: Execution, merged: Record, survivor: Record, keep: Mapping[str, str]
) -> None:
    """Let ``survivor`` have what belonged to ``merged``: what referred to it, and the values that stay.

    Raises Invalid and Conflict, naming the field, for a chosen value that the survivor cannot have.
    """
    with actors.acting(actors.SYSTEM):  # all of it, also what the actor does not see
        if handed_on := merged.handed_on(survivor):
            _update(execution, survivor, handed_on)
        _move_references(execution, merged, survivor)
        _settle_values(execution, merged, survivor, keep)
    following.follow_instead(merged.pk, survivor.pk)


def _update(execution: Execution, record: Record, values: Mapping[str, Any]) -> None:
    execution.perform(type(record).__dict__["update"], record.pk, values)


# -- references -------------------------------------------------------------------------------------


def _move_references(execution: Execution, merged: Record, survivor: Record) -> None:
    for noun, field in merged.schema.all_referrers:
        referring = noun.objects.filter(has_value(field.column, merged.pk))
        for record in execution.lock_many(noun, referring.values_list("pk", flat=True)):
            if getattr(record, field.column) != merged.pk:
                continue  # somebody let it refer to another meanwhile
            if record.is_needless_with(field.name, survivor.pk):
                execution.perform(noun.verbs["delete"], record.pk, {})
                continue
            # Nobody reports to themselves.
            to = None if record.pk == survivor.pk else survivor.pk
            execution.perform(noun.__dict__["update"], record.pk, {field.name: to})


# -- values -----------------------------------------------------------------------------------------


def _settle_values(
    execution: Execution, merged: Record, survivor: Record, keep: Mapping[str, str]
) -> None:
    values = values_to_carry_over(merged, survivor, keep)
    values |= _united(merged, survivor, values)
    if values:
        try:
            _update(execution, survivor, values)
        except Invalid as problem:
            raise _named_as_kept(problem, survivor, keep) from problem
    machine = survivor.machine
    if machine is not None and keep.get(machine.name) == THIS:
        state = getattr(merged, machine.name)
        way = steps_between(machine, getattr(survivor, machine.name), state)
        for step in [state] if way is None else way:  # the machine says why where there is none
            _update(execution, survivor, {machine.name: step})


def values_to_carry_over(
    merged: Record, survivor: Record, keep: Mapping[str, str]
) -> dict[str, Any]:
    """What the survivor gets of ``merged`` in the fields that are chosen from, its state aside: what was
    chosen, what fills its gaps, and the currency of both. Raises Invalid for an amount that was chosen and
    is in another currency than those that stay."""
    by_name, keep = survivor.schema.by_name, keep_together(merged, survivor, keep)
    chosen = {
        name: value_for_merge(by_name[name], merged, survivor)
        for name, whose in keep.items()
        if whose == THIS and not by_name[name].moves
    }
    values = dict(_gaps_filled(merged, survivor, keep)) | chosen
    _settle_currency(merged, survivor, values, chosen)
    return values


def value_for_merge(field: Field, record: Record, other: Record) -> Any:
    """What ``record`` has in it; nothing where that is one of the two, which become one."""
    value = getattr(record, field.column)
    return None if value in (record.pk, other.pk) else value


def _named_as_kept(problem: Invalid, survivor: Record, keep: Mapping[str, str]) -> Invalid:
    """The refusal with the fields that were chosen named as whoever chose them did."""
    by_name, said = survivor.schema.by_name, {}
    for each in problem.details or ():
        name = each["field"]
        said[f"keep.{by_name[name].wire}" if name in keep else name] = each["message"]
    return Invalid.for_fields(said, type=survivor.schema.name) if said else problem


def _gaps_filled(
    merged: Record, survivor: Record, keep: Mapping[str, str]
) -> Iterator[tuple[str, Any]]:
    """What only ``merged`` knew, as far as the survivor may have it."""
    machine = survivor.machine
    closed = machine.closed.get(getattr(survivor, machine.name), ()) if machine is not None else ()
    known = {
        name: value
        for name, field in choosable_fields(type(survivor)).items()
        if name not in keep
        and name not in closed
        and not field.moves
        # A flag says something of its own record: consent was given for another address.
        and (field.type != "bool" or field.is_custom)
        and (value := value_for_merge(field, merged, survivor)) is not None
    }
    known = survivor.only_empty(known)
    problems: dict[str, str] = {}
    survivor.validate(known, problems)
    return ((name, value) for name, value in known.items() if name not in problems)


def _settle_currency(
    merged: Record, survivor: Record, values: dict[str, Any], chosen: Mapping[str, Any]
) -> None:
    """Let the amounts that come along have their currency, or stay where the survivor's own has another.

    Raises Invalid where such an amount was chosen.
    """
    currency = survivor.schema.currency
    if currency is None:
        return
    own, other = (getattr(each, currency.attname) for each in (survivor, merged))
    amounts = [f.name for f in survivor.schema.stored if f.type == "money" and not f.read_only]
    coming = [name for name in amounts if values.get(name) is not None]
    if own == other or not coming:
        return
    stay = (values.get(name, getattr(survivor, name)) for name in amounts if name not in coming)
    if all(amount is None for amount in stay):
        values[currency.name] = other
        return
    for name in coming:
        if name in chosen:
            said = _("This amount is in %(other)s, others here are in %(own)s.")
            wire = survivor.schema.by_name[name].wire
            raise Invalid.for_fields(
                {f"keep.{wire}": said % {"other": other, "own": own}}, type=survivor.schema.name
            )
        del values[name]


def _united(merged: Record, survivor: Record, values: Mapping[str, Any]) -> dict[str, Any]:
    """The values of both where a field has several, with first ones that give way; the latest moments."""
    schema, found = survivor.schema, {}
    for field in schema.inputs():
        now, other = (getattr(each, field.column) for each in (survivor, merged))
        if field.beside:
            firsts = [f for f in others.first_fields(survivor, field) if values.get(f.name)]
            left = [was for f in firsts if (was := getattr(survivor, f.column))]
            all_of_both = [*left, *others.all_values(merged, field)]
            found[field.name] = others.unite_others(now, all_of_both)
        elif field.unite is not None:
            found[field.name] = field.unite(now, other)
        elif field.follows_events and other is not None:
            found[field.name] = max(filter(None, (now, other)))
    _refuse_too_many(survivor, values, found)
    return {
        name: value
        for name, value in found.items()
        if value != getattr(survivor, schema.by_name[name].column)
    }


def _refuse_too_many(
    survivor: Record, values: Mapping[str, Any], united: Mapping[str, Any]
) -> None:
    """Raise Invalid where both have more of something together than one may have: which of it is to go, only
    people know."""
    problems = {}
    for name, value in united.items():
        field = survivor.schema.by_name[name]
        if field.beside:
            value = others.without_firsts(survivor, field, {**values, name: value})
        if field.type == "choices" and field.maximum and len(value or ()) > field.maximum:
            said = _(
                "Together they have %(count)s, and one has %(most)s at the most. Take some away first."
            )
            problems[field.wire] = said % {"count": len(value), "most": int(field.maximum)}
    if problems:
        raise Invalid.for_fields(problems, type=survivor.schema.name)


def steps_between(machine: Machine, state: str, target: str) -> list[str] | None:
    """The states through which updates lead from one to another; None where they do not."""
    first: list[str] = []
    ways, seen = deque([(state, first)]), {state}
    while ways:
        here, way = ways.popleft()
        if here == target:
            return way
        for step in machine.field.moves.get(here, ()):
            if step not in seen:
                seen.add(step)
                ways.append((step, [*way, step]))
    return None

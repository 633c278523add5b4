"""What a merge does to other records and to the survivor. References move to the survivor, which keeps of
each field the chosen value, else its own, else that of the merged record."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from django.utils.translation import gettext as _

from headlessly.access import actors
from headlessly.declaration import choices, others
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
    """Give ``survivor`` what belonged to ``merged``: the references to it, and the values that stay.

    Raises Invalid and Conflict, naming the field, for a chosen value that the survivor cannot have.
    """
    with actors.acting(actors.SYSTEM):  # including records that the actor does not see
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
                continue  # somebody changed the reference meanwhile
            if record.is_needless_with(field.name, survivor.pk):
                execution.perform(noun.verbs["delete"], record.pk, {})
                continue
            # No record may refer to itself: nobody reports to themselves.
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
        # Without a way the machine refuses, and says why.
        for step in [state] if way is None else way:
            _update(execution, survivor, {machine.name: step})


def values_to_carry_over(
    merged: Record, survivor: Record, keep: Mapping[str, str]
) -> dict[str, Any]:
    """Returns the values of ``merged`` that the survivor gets, apart from its state and fields with several
    values: chosen ones, those that fill gaps, and the currency of both. Raises Invalid for a chosen amount in
    another currency than the amounts that stay."""
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
    """Returns the field's value, or None if it refers to one of the two records, which become one."""
    value = getattr(record, field.column)
    return None if value in (record.pk, other.pk) else value


def _named_as_kept(problem: Invalid, survivor: Record, keep: Mapping[str, str]) -> Invalid:
    """Returns the refusal with chosen fields named as the caller named them: ``keep.phone``."""
    by_name, said = survivor.schema.by_name, {}
    for each in problem.details or ():
        name = each["field"]
        said[f"keep.{by_name[name].wire}" if name in keep else name] = each["message"]
    return Invalid.for_fields(said, type=survivor.schema.name) if said else problem


def _gaps_filled(
    merged: Record, survivor: Record, keep: Mapping[str, str]
) -> Iterator[tuple[str, Any]]:
    """Returns the values that only ``merged`` has, and that the survivor may take."""
    machine = survivor.machine
    closed = machine.closed.get(getattr(survivor, machine.name), ()) if machine is not None else ()
    known = {
        name: value
        for name, field in choosable_fields(type(survivor)).items()
        if name not in keep
        and name not in closed
        and not field.moves
        # A flag belongs to its own record: consent was given for another address.
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
    """Take over the currency of ``merged`` for amounts that are carried over, or leave them out if the
    survivor has amounts in another currency.

    Raises Invalid if such an amount was chosen.
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
    """Returns the values of both for fields with several, including first values that are replaced, and the
    latest of their moments."""
    schema, found = survivor.schema, {}
    for field in schema.inputs():
        now, other = (getattr(each, field.column) for each in (survivor, merged))
        if field.beside:
            firsts = [f for f in others.first_fields(survivor, field) if values.get(f.name)]
            left = [was for f in firsts if (was := getattr(survivor, f.column))]
            all_of_both = [*left, *others.all_values(merged, field)]
            found[field.name] = choices.unite_choices(now, all_of_both)
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
    """Raise Invalid if both together have more values than a field may hold: only people know which of them
    can go."""
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
    """Returns the states through which updates lead from one state to another, or None if they do not."""
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

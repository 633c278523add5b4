"""Why a verb is refused before it begins, and which record an error is about."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING, Any

from django.utils.translation import gettext as _

from headlessly.access import actors
from headlessly.declaration import labels
from headlessly.declaration.registry import registry
from headlessly.errors import Forbidden, HeadlesslyError, Invalid, Stale
from headlessly.language import wording

if TYPE_CHECKING:
    from headlessly.access.actors import Actor
    from headlessly.declaration.record import Record
    from headlessly.declaration.verbs import Verb


def refuse_if_stale(record: Record, wanted: int | Collection[int]) -> None:
    """Raise Stale unless the record is at one of the versions that the caller has seen."""
    wanted = (wanted,) if isinstance(wanted, int) else wanted
    if record.version not in wanted:
        named = {
            "noun": labels.noun_in_error(type(record)),
            "version": record.version,
            "seen": wording.join_with_or(map(str, wanted)),
        }
        raise Stale(
            _("This %(noun)s is at version %(version)s, not %(seen)s. Read it again.") % named
            if wanted
            else _("This %(noun)s is at version %(version)s. Read it again.") % named,
            type=type(record).__name__,
            id=record.pk,
            version=record.version,
        )


def refuse_unless_permitted(actor: Actor, verb: Verb) -> None:
    """Raise Forbidden if ``actor`` may not execute the verb."""
    if not actors.may(actor, verb.name, verb.noun):
        raise Forbidden(
            wording.fill(
                _("As %(role)s you may not %(verb)s a %(noun)s."),
                {
                    "role": wording.role_in_error(actor.role),
                    "verb": labels.verb_in_error(verb, verb.noun),
                    "noun": labels.noun_in_error(verb.noun),
                },
            ),
            type=verb.noun.__name__,
        )


def refuse_unless_possible(verb: Verb, record: Record) -> None:
    """Raise Conflict if the verb has no step from the record's state."""
    machine = record.machine
    if machine is None or not verb.declared_steps:
        return
    if getattr(record, machine.name) not in machine.targets[verb.name]:
        raise record.illegal_verb_conflict(verb)


def name_input(problem: Exception, verb: Verb, data: Mapping[str, Any], *, wire: bool) -> None:
    """Name fields as the caller knows them, in an error about a record that a hook could not create or
    change. Fields of a record that the caller described get its name: ``deal.stage``, not ``stage`` of a
    deal."""
    if not isinstance(problem, Invalid) or problem.type in (None, verb.noun.__name__):
        return
    if (noun := registry.get(problem.type or "")) is None:
        return
    described = next(
        (
            field.wire
            for field in verb.inputs.values()
            if field.new
            and field.target_noun is noun
            and isinstance(data.get(field.wire if wire else field.name), Mapping)
        ),
        None,
    )
    if described is None and not wire:
        return  # hooks use Python names already
    renamed, schema = {}, noun.schema
    for each in problem.details or ():
        name = each["field"]
        if (inner := schema.by_name.get(name) or schema.fields.get(name)) is not None:
            name = inner.wire if wire else inner.name
            name = f"{described}.{name}" if described else name
        renamed[name] = each["message"]
    if renamed:
        type = verb.noun.__name__ if described else problem.type
        named = Invalid.for_fields(renamed, type=type)
        problem.args, problem.message, problem.type = named.args, named.message, named.type
        problem.field, problem.details = named.field, named.details


def name_record(problem: Exception, record: Record) -> None:
    """Add the type and the id of the refused record to an error that has none."""
    name = type(record).__name__
    if isinstance(problem, HeadlesslyError) and problem.type in (None, name):
        problem.type = name
        if problem.id is None and not record._state.adding:
            problem.id = record.pk

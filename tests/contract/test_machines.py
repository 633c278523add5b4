"""Every state × every verb and every change of status: allowed, or refused with what is."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext, suppress
from typing import Any

import pytest
from django.db import transaction

from headlessly.errors import Conflict, Invalid, VerbRefused
from headlessly.log.events import Event
from headlessly.nouns import Noun
from tests.contract import samples
from tests.refusals import refused

pytestmark = pytest.mark.usefixtures("acme")

MACHINES = [noun for noun in samples.NOUNS if noun.schema.machine]
STATES = [(noun, state) for noun in MACHINES for state in samples.states(noun)]
states = pytest.mark.parametrize(
    ("noun", "state"), STATES, ids=[f"{n.__name__}-{s}" for n, s in STATES]
)


@contextmanager
def undone() -> Iterator[None]:
    """Try something on a record that the next try needs as it was."""
    with transaction.atomic():
        yield
        transaction.set_rollback(True)


def state_of(record: Noun) -> str:
    return getattr(record, record.schema.machine.name)


def says_where_it_stands(body: dict[str, Any], record: Noun) -> None:
    machine, state = record.schema.machine, state_of(record)
    assert body["status"] == body[machine.name] == state
    assert body["allowed"] == machine.allowed(state)
    assert body["allowedVerbs"] == machine.allowed_verbs(state)


@states
def test_it_takes_the_verbs_that_the_machine_allows_from(noun: type[Noun], state: str) -> None:
    record = samples.in_state(noun, state)
    allowed = {verb.name: verb for verb in noun.verbs.values() if state in verb.steps}
    assert set(noun.schema.machine.allowed_verbs(state)) == set(allowed)
    for verb in allowed.values():
        data = samples.inputs(verb, record=record)
        with undone():
            samples.run(verb, record.pk, data)
            after = noun.get(record.pk)
            assert state_of(after) == verb.steps[state]
            event = Event.objects.filter(target=record.pk, name=verb.event).latest("seq")
            stayed = {} if verb.steps[state] != state else {noun.schema.machine.name: state}
            assert (event.previous | stayed)[noun.schema.machine.name] == state
            assert event.version == record.version + 1


@states
def test_it_refuses_the_verbs_that_the_machine_does_not_allow_from(
    noun: type[Noun], state: str
) -> None:
    record = samples.in_state(noun, state)
    for verb in noun.verbs.values():
        if verb.steps and state not in verb.steps:
            data = samples.inputs(verb, record=record)
            with refused((Conflict, VerbRefused)) as caught:
                samples.run(verb, record.pk, data)
            says_where_it_stands(caught.value.body(), record)


@states
def test_it_takes_the_verbs_without_steps_from_any_state_as_from(
    noun: type[Noun], state: str
) -> None:
    record = samples.in_state(noun, state)
    for verb in noun.verbs.values():
        if verb.steps or verb.creates or verb.restores:
            continue
        data = samples.inputs(verb, record=record)
        if verb.name == "rollback":
            data["asOf"] = record.updated_at
        # What a hook made on the way here may refer to the record, and then it stays.
        with undone(), suppress(Conflict) if verb.deletes else nullcontext():
            samples.run(verb, record.pk, data)


@states
def test_it_moves_by_update_only_as_the_machine_says_from(noun: type[Noun], state: str) -> None:
    machine, update = noun.schema.machine, noun.verbs["update"]
    record = samples.in_state(noun, state)
    for target in machine.states:
        if target == state or target in machine.field.moves.get(state, ()):
            with undone():
                before = Event.objects.filter(target=record.pk).latest("seq")
                assert state_of(samples.run(update, record.pk, {machine.name: target})) == target
                event = Event.objects.filter(target=record.pk).latest("seq")
                if target == state:
                    assert event == before, "nothing has changed"
                    continue
                assert event.verb == "Updated"
                assert event.previous.get(machine.name) == state
        else:
            with refused(Conflict) as caught:
                samples.run(update, record.pk, {machine.name: target})
            body = caught.value.body()
            says_where_it_stands(body, record)
            assert body["field"] == machine.name
            for step in machine.steps_from(state):
                assert step.target != target or step.via in body["message"]


@pytest.mark.parametrize("noun", MACHINES, ids=lambda n: n.__name__)
def test_it_starts_in_an_entry_state_only(noun: type[Noun]) -> None:
    machine, create = noun.schema.machine, noun.verbs["create"]
    data = samples.inputs(create)
    for state in machine.states:
        if state in machine.entry:
            with undone():
                assert state_of(samples.run(create, None, data | {machine.name: state})) == state
        else:
            with refused(Invalid, "starts as", state):
                samples.run(create, None, data | {machine.name: state})
    record = samples.run(create, None, data)
    assert state_of(record) == machine.states[0]
    for nonsense in ("Nonsense", None, 5, machine.states[0].lower()):
        with refused(Invalid, machine.name):
            samples.run(noun.verbs["update"], record.pk, {machine.name: nonsense})


@states
def test_it_keeps_what_a_final_state_closes_in(noun: type[Noun], state: str) -> None:
    machine, update = noun.schema.machine, noun.verbs["update"]
    record = samples.in_state(noun, state)
    for name in machine.closed.get(state, ()):
        field = noun.schema.by_name[name]
        if field.read_only or field.moves:
            continue
        same = record.as_json()[field.wire]
        for other in (samples.value(field), None):
            with refused(Conflict, "no longer changes", field.wire) as caught:
                samples.run(update, record.pk, {field.wire: other})
            says_where_it_stands(caught.value.body(), record)
        with undone():
            samples.run(update, record.pk, {field.wire: same})

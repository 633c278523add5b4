"""Every verb of every noun is taken back by its request: byte for byte, or it stays and says why."""

from __future__ import annotations

import uuid
from functools import cache
from typing import Any

import pytest

from headlessly.context import tracing
from headlessly.database.prepared import execute_prepared
from headlessly.declaration.registry import registry
from headlessly.declaration.verbs import Verb
from headlessly.errors import Conflict
from headlessly.log.events import Event
from headlessly.nouns import Noun
from headlessly.undo.at_once import undo_request
from tests.contract import samples
from tests.refusals import refused

pytestmark = pytest.mark.usefixtures("acme")

VERBS = [verb for noun in samples.NOUNS for verb in noun.verbs.values()]
verbs = pytest.mark.parametrize("verb", VERBS, ids=[f"{v.noun.__name__}.{v.name}" for v in VERBS])
#: What tells of a version, and not of the record.
OF_VERSIONS = ("version", "updated_at")


def rows() -> dict[str, str]:
    """Every record that is there, of every noun, with all of its columns; and who is which contact."""
    return dict(execute_prepared(_of_all_nouns(), ()))


@cache
def _of_all_nouns() -> str:
    """The statement, always the same: it is planned once."""
    versions = " ".join(f"- '{name}'" for name in OF_VERSIONS)
    return " UNION ALL ".join(
        f"SELECT t.id, (to_jsonb(t) {versions})::text FROM {noun._meta.db_table} t"
        " WHERE t.deleted_at IS NULL"
        for noun in registry.values()
    )


@pytest.fixture
def ready(verb: Verb) -> tuple[Noun | None, dict[str, Any]]:
    """A record from which ``verb`` is allowed (None where it creates), and its input."""
    if verb.creates:
        return None, samples.inputs(verb, full=not verb.asks)
    source = next(iter(verb.steps), None)
    record = samples.in_state(verb.noun, source) if source else samples.create(verb.noun, full=True)
    if verb.restores:
        record.delete()
    if verb.name == "rollback":
        samples.run(verb.noun.verbs["update"], record.pk, samples.change(record))
    return record, samples.inputs(verb, record=record, full=verb.name == "update")


def do(verb: Verb, record: Noun | None, data: dict[str, Any]) -> str:
    """Execute the verb as a request of its own; answers the request's id."""
    with tracing.request_id_scope(f"req_{uuid.uuid4().hex[:20]}") as request:
        samples.run(verb, record and record.pk, data)
    return request


def undo(request: str, **options: Any) -> Any:
    with tracing.request_id_scope(f"req_{uuid.uuid4().hex[:20]}") as own:
        done = undo_request(request, **options)
    done.own_request = own
    return done


@verbs
def test_it_is_taken_back_byte_for_byte_and_done_again_by_undoing_that(
    verb: Verb, ready: Any
) -> None:
    record, data = ready
    before = rows()
    request = do(verb, record, data)
    after = rows()
    if after == before:  # it says again what was so, and only leaves an event
        with refused(Conflict, "as it was before"):
            undo(request)
        return
    last = Event.objects.latest("seq").seq
    foreseen = undo(request, dry_run=True)
    assert (rows(), Event.objects.latest("seq").seq) == (after, last)
    done = undo(request)
    assert rows() == before
    assert done.undone and not done.stays
    assert foreseen.as_json() == done.as_json() | {"event": None, "dryRun": True}
    leaves_events_caused_by_the_undo(last, request, done)
    with refused(Conflict, "taken back already"):
        undo(request)
    again = undo(done.own_request)
    assert not again.stays
    assert rows() == after
    undo(again.own_request)
    assert rows() == before


def leaves_events_caused_by_the_undo(last: int, request: str, done: Any) -> None:
    first, *others = Event.objects.filter(seq__gt=last).order_by("seq")
    assert (first.name, first.id) == ("Request.Undone", done.event)
    assert first.data == {"request": request}
    causes = {first.id, *(event.id for event in others)}
    assert others and all(event.cause in causes for event in others)
    assert {each.event for each in done.undone} <= {event.name for event in others}


CHANGING = [v for v in VERBS if not v.noun.immutable and not v.deletes and not v.asks]


@pytest.mark.parametrize("verb", CHANGING, ids=[f"{v.noun.__name__}.{v.name}" for v in CHANGING])
def test_it_stays_where_somebody_changed_the_same_since_and_says_what(verb: Verb) -> None:
    noun = verb.noun
    source = next(iter(verb.steps), None)
    if verb.creates:
        record, data = None, samples.inputs(verb)
    else:
        record = samples.in_state(noun, source) if source else samples.create(noun)
        if verb.restores:
            record.delete()
        if verb.name == "rollback":
            samples.run(noun.verbs["update"], record.pk, samples.change(record))
        data = samples.inputs(verb, record=record)
    request = do(verb, record, data)
    event = Event.objects.filter(request_id=request, cause=None).latest("seq")
    wires = [w for w in event.previous or {} if not noun.schema.fields[w].follows_events]
    made = verb.creates or verb.restores
    field = next(
        (
            f
            for f in noun.schema.inputs()
            if (f.wire in wires or made) and f.type in ("string", "text", "number") and not f.unique
        ),
        None,
    )
    if field is None:
        return  # nothing that anybody could change again by hand
    with tracing.request_id_scope("req_meanwhile0000000") as meanwhile:
        samples.run(noun.verbs["update"], event.target, {field.wire: samples.value(field)})
    with refused(Conflict, "changed again since") as caught:
        undo(request)
    (stays,) = [s for s in caught.value.extra["stays"] if s["id"] == event.target]
    assert (stays["type"], stays["reason"]) == (noun.__name__, "changed")
    assert field.wire in stays["fields"]
    assert stays["since"]["requestId"] == meanwhile
    # What the others changed is taken back first: then this can be.
    undo(meanwhile)
    undo(request)

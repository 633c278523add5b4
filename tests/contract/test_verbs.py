"""Every verb of every noun: its hooks, its event, and that all of it happens or nothing."""

from __future__ import annotations

import json
from typing import Any

import pytest

from headlessly.context import clock, tracing
from headlessly.declaration.conjugation import conjugate
from headlessly.declaration.verbs import Verb
from headlessly.errors import VerbRefused
from headlessly.log import events
from headlessly.log.events import Event
from headlessly.nouns import Noun
from tests.contract import samples
from tests.refusals import everything, refused

pytestmark = pytest.mark.usefixtures("acme")

VERBS = [verb for noun in samples.NOUNS for verb in noun.verbs.values()]
verbs = pytest.mark.parametrize("verb", VERBS, ids=[f"{v.noun.__name__}.{v.name}" for v in VERBS])


class Mine(Exception):
    """An error of a hook."""


def ready(verb: Verb) -> tuple[Noun | None, dict[str, Any]]:
    """A record from which ``verb`` is allowed (None where it creates), and its input."""
    if verb.creates:
        return None, samples.inputs(verb)
    source = next(iter(verb.steps), None)
    record = samples.in_state(verb.noun, source) if source else samples.create(verb.noun)
    if verb.restores:
        record.delete()
    return record, samples.inputs(verb, record=record)


def new_events(after: int) -> list[Event]:
    return list(Event.objects.filter(seq__gt=after).order_by("seq"))


def last_seq() -> int:
    return Event.objects.order_by("-seq").values_list("seq", flat=True).first() or 0


@verbs
def test_it_happens_whole_or_not_at_all_and_leaves_one_event(verb: Verb) -> None:
    """Of one record: what changes nothing comes first, one after the other."""
    record, data = ready(verb)
    hears_its_before_hooks_and_changes_nothing_when_one_refuses(verb, record, data)
    undoes_everything_when_an_after_hook_fails(verb, record, data)
    told = tells_on_a_dry_run_what_it_would_do_and_does_not(verb, record, data)
    found = leaves_one_event_that_tells_it_whole(verb, record, data)
    assert told == [e.name for e in found], "the dry run told other events"


def hears_its_before_hooks_and_changes_nothing_when_one_refuses(
    verb: Verb, record: Noun | None, data: dict[str, Any]
) -> None:
    heard: list[Any] = []

    def hook(subject: Noun, ctx: Any) -> None:
        heard.append(
            (type(subject), subject.version, ctx.event, ctx.verb, ctx.actor.id, ctx.tenant.slug)
        )
        inputs = verb.inputs_of(subject).values()
        assert set(ctx.input) <= {f.name for f in inputs} | set(verb.noun.schema.by_name)
        raise VerbRefused("Not today")

    shown = dict(record.__dict__) if record else None
    with verb.before.attached(hook), refused(VerbRefused, "Not today") as caught:
        samples.run(verb, record, data)
    version = record.version if record else None
    assert heard == [(verb.noun, version, None, verb.name, "system", "acme")]
    assert caught.value.status == 422
    assert caught.value.body()["error"] == "refused"
    assert record is None or record.__dict__ == shown


def undoes_everything_when_an_after_hook_fails(
    verb: Verb, record: Noun | None, data: dict[str, Any]
) -> None:
    seen: list[Event] = []

    def hook(subject: Noun, ctx: Any) -> None:
        seen.append(ctx.event)
        assert subject.pk == ctx.event.target
        raise error

    shown = dict(record.__dict__) if record else None
    for error in (Mine("no"), VerbRefused("no")):
        with verb.after.attached(hook), refused(type(error), "no"):
            samples.run(verb, record, data)
        assert record is None or record.__dict__ == shown
    assert [e.name for e in seen] == [verb.event] * 2


def tells_on_a_dry_run_what_it_would_do_and_does_not(
    verb: Verb, record: Noun | None, data: dict[str, Any]
) -> list[str]:
    """Answers the events that it told."""
    shown, before = dict(record.__dict__) if record else None, everything()
    dry = samples.run(verb, record, data, dry_run=True)
    assert everything() == before
    assert record is None or record.__dict__ == shown
    assert dry.record.version >= 1
    return [e.name for e in dry.events]


def leaves_one_event_that_tells_it_whole(
    verb: Verb, record: Noun | None, data: dict[str, Any]
) -> list[Event]:
    """Answers all that it left, those of its hooks too."""
    was, before = record and as_json(record.as_json()), last_seq()
    moment = clock.now()
    with tracing.request_id_scope() as request, clock.set_clock(moment, purpose="demo"):
        answer = samples.run(verb, record and record.pk, data)
    found = new_events(before)
    own = [e for e in found if e.name == verb.event and e.cause is None]
    assert len(own) == 1
    event = own[0]
    assert found[0] == event, "the events of its hooks come after it"
    target = record.pk if record else answer.pk
    now = as_json(event.data)
    assert (event.target, event.target_type) == (target, verb.noun.__name__)
    assert (event.actor, event.tenant_id) == (
        "system",
        verb.noun.with_deleted.get(pk=target).tenant_id,
    )
    assert event.id.startswith("evt_")
    assert event.version == now["$version"] == (was["$version"] + 1 if was else 1)
    assert event.timestamp.isoformat().replace("+00:00", "Z") == now["$updatedAt"]
    assert event.timestamp == moment, "the moment is the clock's"
    assert answer.updated_at <= moment
    stored = {f.wire for f in verb.noun.schema.stored}
    assert set(now) == set(as_json(verb.noun().as_json()))
    assert (
        event.previous == {k: was[k] for k in stored if was[k] != now[k]}
        if was
        else event.previous == {}
    )
    assert {e.request_id for e in found} == {request}
    assert all(e.cause in {c.id for c in found[:n]} for n, e in enumerate(found) if n)
    by = getattr(verb.noun, verb.conjugation.by)
    assert by("system")[0] == event
    assert not by("user_somebody")
    return found


def as_json(value: Any) -> Any:
    return json.loads(events.dump_json(value))


def test_they_are_conjugated_once_and_named_everywhere() -> None:
    for verb in VERBS:
        words = conjugate(verb.name, verb.conjugation.event)
        assert verb.conjugation == words, verb
        assert getattr(verb.noun, words.before) is verb.before
        assert getattr(verb.noun, words.after) is verb.after
        assert verb.event == f"{verb.noun.__name__}.{words.event}"
        assert verb.summary, verb
        assert len({v.before.name for v in verb.noun.verbs.values()}) == len(verb.noun.verbs), verb


@pytest.mark.parametrize("noun", samples.CHANGING, ids=lambda n: n.__name__)
def test_it_numbers_its_versions_without_a_gap(noun: type[Noun]) -> None:
    for record in [samples.create(noun, full=True)] + [
        samples.in_state(noun, state) for state in samples.states(noun)
    ]:
        for _ in range(2):
            samples.run(noun.verbs["update"], record.pk, {})
        history = list(noun.history(record))[::-1]
        assert [e.version for e in history] == list(range(1, len(history) + 1))
        assert noun.get(record.pk).version == len(history)
        versions = noun.past.objects.filter(record=record.pk).order_by("seq")
        assert [v.version for v in versions] == [e.version for e in history]
        assert [v.valid_to for v in versions] == [*(v.valid_from for v in versions[1:]), None]

"""Describes what a verb would do, from its dry run."""

from __future__ import annotations

from typing import Any

from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.text import capfirst
from django.utils.translation import gettext as _

from headlessly.admin import display
from headlessly.admin.event_facts import (
    CREATE,
    DELETE,
    EventFacts,
    EventReader,
    event_currency,
    record_name,
    recorded_facts,
)
from headlessly.declaration import labels
from headlessly.declaration.record import Record
from headlessly.execution.executor import DryRun
from headlessly.language import wording
from headlessly.language.wording import SUBJECT
from headlessly.log.events import Event


def preview_sentences(run: DryRun) -> list[SafeString]:
    """Returns a sentence for each record that would be created or changed, and for each event that would
    be tracked."""
    new = {e.target: record_name(e) for e in run.events if e.version == 1 and e.target}
    reader = EventReader(run.events, new)
    sentences = [_sentence(reader, event, run.record, new) for event in run.events]
    return [sentence for sentence in sentences if sentence]


def new_record_values(run: DryRun, noun: type[Record]) -> dict[str, Any]:
    """Returns the fields of the record of ``noun`` that would be created, by Python name; empty if there
    is none."""
    for event in run.events:
        if event.target_type == noun.__name__ and event.version == 1:
            return {f.name: event.data.get(f.wire) for f in noun.schema.stored}
    return {}


def _sentence(
    reader: EventReader, event: Event, record: Record, new: dict[str, str]
) -> SafeString | None:
    facts = reader.facts(event)
    if facts is None:
        what = wording.tracked_event_label(event.name)
        told = ", ".join(f"{fact.inside} {fact.now}" for fact in recorded_facts(event))
        return format_html(_("Recorded: {what}{facts}"), what=what, facts=told and f" ({told})")
    noun = facts.noun
    if facts.kind == CREATE:
        return format_html(
            _("{a_deal} is created: {name}{facts}"),
            a_deal=capfirst(labels.a_noun(noun, SUBJECT)),
            name=format_html("<b>{}</b>", facts.name),
            facts=_new_record_facts(reader, facts),
        )
    who = (
        capfirst(labels.this_noun(noun))
        if event.target == record.pk
        else format_html('<a href="{}">{}</a>', facts.url, facts.name)
    )
    if facts.kind == DELETE and event.target != record.pk:
        return format_html(
            _("{a_deal} is deleted with it: {name}"),
            a_deal=capfirst(labels.a_noun(noun, SUBJECT)),
            name=who,
        )
    # The sentence about a new record already says that this one refers to it.
    previous = {
        wire: was
        for wire, was in facts.previous.items()
        if not (isinstance(id := facts.data.get(wire), str) and id in new)
    }
    changes = reader.changes(noun, previous, facts.data)
    if facts.moved is not None and facts.moved[0] is not None:
        state = display.state_html(noun, facts.moved[1])
        with_it = format_html_join("", "; {}: {}", ((c.inside, c.now or "–") for c in changes))
        return format_html(
            _("{who} becomes {state}{with_it}"), who=who, state=state, with_it=with_it
        )
    if not changes:
        return None
    told = format_html_join("; ", "{}: {}", ((c.inside, c.now or _("emptied")) for c in changes))
    return format_html("{who}: {told}", who=who, told=told)


def _new_record_facts(reader: EventReader, facts: EventFacts) -> SafeString:
    """Returns the state of a new record and what its list would show."""
    schema, data = facts.noun.schema, facts.data
    found = []
    for name in schema.columns[1:]:
        declared = schema.by_name[name]
        value = data.get(declared.wire)
        if value in (None, "") or declared.computed:
            continue
        if schema.machine and name == schema.machine.name:
            found.append(("", display.state_html(facts.noun, value)))
        else:
            label = f"{wording.inside_sentence(labels.field_label(declared))} "
            currency = event_currency(facts.noun, data)
            found.append((label, reader.value(declared, value, currency=currency)))
    return format_html_join("", ", {}{}", found)

"""What a verb would do, in words: its dry run told before anybody does it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.text import capfirst
from django.utils.translation import gettext as _

from headlessly.admin import display
from headlessly.admin.event_text import Teller, properties
from headlessly.declaration.registry import registry
from headlessly.language.wording import SUBJECT

if TYPE_CHECKING:
    from headlessly.execution.executor import DryRun
    from headlessly.log.events import Event
    from headlessly.nouns import Noun


def told(run: DryRun) -> list[SafeString]:
    """One sentence for each record that would be made or changed, and for what would be recorded."""
    made = {event.target: _name(event) for event in run.events if event.version == 1}
    teller = Teller(run.events, made)
    found = [_sentence(teller, event, run.record, made) for event in run.events]
    return [sentence for sentence in found if sentence]


def made(run: DryRun, noun: type[Noun]) -> dict[str, Any]:
    """The fields of the record of ``noun`` that would be made, by Python name; else nothing."""
    for event in run.events:
        if event.target_type == noun.__name__ and event.version == 1:
            return {f.name: event.data.get(f.wire) for f in noun.schema.stored}
    return {}


def _sentence(
    teller: Teller, event: Event, record: Noun, made: dict[str, str]
) -> SafeString | None:
    noun = registry.get(event.target_type or "")
    if noun is None:
        what = display.tracked_event_label(event.name)
        facts = ", ".join(
            f"{display.inside_sentence(display.json_key_label(key))} {value}"
            for key, value in properties(event.data)
        )
        return format_html(_("Recorded: {what}{facts}"), what=what, facts=facts and f" ({facts})")
    if event.version == 1:
        return format_html(
            _("{a_deal} is created: {name}{facts}"),
            a_deal=capfirst(display.a_noun(noun, SUBJECT)),
            name=format_html("<b>{}</b>", made[event.target]),
            facts=_facts(teller, noun, event),
        )
    who = (
        capfirst(display.this_noun(noun))
        if event.target == record.pk
        else format_html(
            '<a href="{}">{}</a>', display.place(noun, "change", event.target), _name(event)
        )
    )
    previous = dict(event.previous or {})
    machine = noun.schema.machine
    wire = noun.schema.by_name[machine.name].wire if machine else None
    moved = previous.pop(wire, None) if wire else None
    previous = {w: was for w, was in previous.items() if event.data.get(w) not in made}
    changes = teller.changes(noun, previous, event.data)
    if moved is not None:
        state = display.state(noun, event.data[wire])
        with_it = format_html_join("", "; {}: {}", ((c.inside, c.now or "–") for c in changes))
        return format_html(
            _("{who} becomes {state}{with_it}"), who=who, state=state, with_it=with_it
        )
    if not changes:
        return None
    told = format_html_join("; ", "{}: {}", ((c.inside, c.now or _("emptied")) for c in changes))
    return format_html("{who}: {told}", who=who, told=told)


def _facts(teller: Teller, noun: type[Noun], event: Event) -> SafeString:
    """Where the new record stands, and what its list would show of it."""
    schema, data = noun.schema, event.data
    found = []
    for name in schema.columns[1:]:
        declared = schema.by_name[name]
        value = data.get(declared.wire)
        if value in (None, "") or declared.computed:
            continue
        if schema.machine and name == schema.machine.name:
            found.append(("", display.state(noun, value)))
        else:
            found.append(
                (
                    f"{display.inside_sentence(display.field_label(declared))} ",
                    teller.value(declared, value),
                )
            )
    return format_html_join("", ", {}{}", found)


def _name(event: Event) -> str:
    noun = registry[event.target_type]
    wire = noun.schema.by_name[noun.schema.columns[0]].wire
    return str(event.data.get(wire) or event.target)

"""A person's day: the records of every noun's ``Surface.agenda``, the most urgent first.

Each reason is a list of the noun, so that its number and the list that it opens cannot disagree. A record
with several reasons has one entry, below the most urgent, which names the others.
"""

from __future__ import annotations

import time
from collections import defaultdict
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from django.http import QueryDict
from django.utils.html import format_html
from django.utils.translation import gettext as _

from headlessly.access import actors, visibility
from headlessly.admin import display, field_values
from headlessly.admin.lists.address import Address
from headlessly.admin.lists.changelist import NounList, read_pages
from headlessly.admin.lists.tabs import fill_in_query
from headlessly.admin.pages import keep_list
from headlessly.admin.records import composers
from headlessly.database import timeouts
from headlessly.declaration.record import Record
from headlessly.declaration.schema import Field
from headlessly.declaration.surface import Reason
from headlessly.declaration.verbs import Verb
from headlessly.nouns import Noun
from headlessly.query.people_groups import find_group, person_noun

#: How many records of each reason the day shows.
SHOWN = 8
#: Counts stop here: nobody can do more in a day.
MOST = 1_000
#: How many seconds reading the whole day may take.
SECONDS = 5
#: The day of everybody.
TEAM = "team"
PERSON = "{person}"


@dataclass
class Entry:
    """A record of the day, with the actions on it."""

    record: Noun
    below: str
    when: Any
    owner: str = ""
    call: str = ""  #: the phone number of the contact
    done: Verb | None = None  #: the verb that marks it as done
    may_put_off: bool = False
    may_take: bool = False
    ref: str = ""  #: its noun and id, as forms send them
    about: str = ""  #: the same of the record that it is about
    also: list[str] = field(default_factory=list)  #: its other reasons
    keep: str = ""  #: the query by which its page knows its list and the next record

    @cached_property
    def name(self) -> str:
        return str(self.record)

    @property
    def url(self) -> str:
        return display.record_url(self.record) + self.keep

    @property
    def done_url(self) -> str:
        assert self.done is not None
        return display.page_url(type(self.record), "do", self.record.pk, self.done.name)

    @property
    def done_inputs(self) -> list[tuple[str, str]]:
        """The verb's required inputs, with a default text."""
        inputs = self.done.inputs.values() if self.done else ()
        return [(given.name, _("Done")) for given in inputs if given.required]


@dataclass
class AgendaPart:
    """The records of the day with the same reason."""

    reason: Reason
    noun: type[Noun]
    query: str
    found: NounList
    entries: list[Entry] = field(default_factory=list)
    above: int = 0  #: how many of its first records are further up, for a more urgent reason
    html: str = ""  #: the entries as the page shows them

    @property
    def name(self) -> str:
        return _(self.reason.name)

    @property
    def url(self) -> str:
        return f"{display.page_url(self.noun, 'changelist')}?{self.query}"


def read_agenda(nouns: list[type[Noun]], person: str, site: Any) -> list[AgendaPart]:
    """Returns the day of ``person`` (the id of a contact or of a group such as a team, or ``TEAM``) by
    urgency, without empty parts. The number of queries does not depend on the length of the day."""
    reasons = [
        (reason, noun)
        for noun in nouns
        for reason in noun.Surface.agenda
        if not reason.column or reason.column in noun.schema.columns
    ]
    reasons.sort(key=lambda each: each[0].rank)
    parts = [_part(noun, reason, person, site) for reason, noun in reasons]
    with timeouts.read_until(time.monotonic() + SECONDS):
        read_pages(part.found for part in parts)
        _make_entries(parts, is_shared(person))
    return [
        part
        for part in parts
        if part.entries or part.found.problem or (part.above and part.found.more)
    ]


def _make_entries(parts: list[AgendaPart], shared: bool) -> None:
    """Makes one entry for each record, at its most urgent reason. The entry names its other reasons,
    including lists of which the day does not show that record."""
    by_noun: dict[type[Noun], list[AgendaPart]] = defaultdict(list)
    for part in parts:
        by_noun[part.noun].append(part)
    for of_noun in by_noun.values():
        known: set[str] = set()
        for part in of_noun:
            records = [record for record in part.found.records if record.pk not in known]
            part.above = len(part.found.records) - len(records)
            known |= {record.pk for record in records}
            part.entries = [_entry(record, part.reason, shared) for record in records]
            others = [each for each in of_noun if each is not part]
            for entry in part.entries:
                entry.keep = keep_list(part.query)
                entry.also = [p.name for p in others if entry.record.pk in p.found.fitting]
    _add_numbers([entry for part in parts for entry in part.entries])


def _add_numbers(entries: list[Entry]) -> None:
    """Adds the contact's phone number to each entry, with one query for each noun that has numbers."""
    wanted: dict[type[Record], dict[str, list[Entry]]] = defaultdict(lambda: defaultdict(list))
    for entry in entries:
        for about in _about(type(entry.record)):
            id = getattr(entry.record, about.column)
            if id and _numbers_of(about.target_noun):
                wanted[about.target_noun][id].append(entry)
                break
    for noun, by_id in wanted.items():
        people = visibility.with_cards(noun).filter(pk__in=list(by_id))
        found = people.values_list("pk", *_numbers_of(noun))
        for id, *numbers in found:
            for entry in by_id[id]:
                entry.call = next(filter(None, numbers), "")


def _numbers_of(noun: type[Record]) -> list[str]:
    """Returns the noun's fields with phone numbers on its card."""
    return [name for name in noun.Surface.card if name in display.TELEPHONES]


def _part(noun: type[Noun], reason: Reason, person: str, site: Any) -> AgendaPart:
    query = agenda_query(noun, reason, person)
    owner, about = noun.schema.owner, _about(noun)
    known = [*about, owner] if owner is not None else about
    found = NounList(
        Address(noun, query, site), per_page=SHOWN, references=known, most_counted=MOST
    )
    return AgendaPart(reason, noun, query, found)


def is_shared(person: str) -> bool:
    """Whether it is the day of several people, so that each entry names its owner."""
    return person == TEAM or not person.startswith(f"{person_noun().prefix}_")


def agenda_query(noun: type[Noun], reason: Reason, person: str) -> str:
    """Returns the query of a reason's list for a person."""
    given = QueryDict(fill_in_query(noun, reason.query), mutable=True)
    for name, value in list(given.items()):
        if value == PERSON:
            of, whose = whose_records(noun.schema.fields[name], person)
            if of != name or person == TEAM:
                del given[name]
            if person != TEAM:
                given[of] = whose
    return given.urlencode(safe=",")


def whose_records(owner: Field, person: str) -> tuple[str, str]:
    """Returns the parameter and the value that limit a list to the records of ``person``, a contact or a
    group, by ``owner``."""
    if (found := find_group(person)) is not None:
        return f"{owner.wire}.{found[0].field.wire}", person
    return owner.wire, "me" if person == actors.current().contact_id else person


def _about(noun: type[Noun]) -> list[Field]:
    return list(noun.schema.about or display.about_references(noun))


def _entry(record: Noun, reason: Reason, shared: bool) -> Entry:
    noun = type(record)
    about = _about(noun)
    schema, actor = noun.schema, actors.current()
    moment = schema.by_name[reason.moment]
    owner = schema.owner
    other = getattr(record, owner.name) if owner is not None else None
    below = display.subtitle(record, about)
    entry = Entry(
        record,
        below=below,
        when=_when(record, moment, below),
        owner=display.visible_name(other) if shared and other is not None else "",
        done=_done_verb(record, reason),
        ref=f"{noun.__name__}.{record.pk}",
        about=next(
            (
                f"{each.to}.{getattr(record, each.column)}"
                for each in about
                if noun.Surface.engagements and getattr(record, each.column)
            ),
            f"{noun.__name__}.{record.pk}" if reason.done else "",
        ),
    )
    if owner is not None and getattr(record, owner.column) is None:
        entry.may_take = bool(actor.contact_id) and actors.may(actor, "update", noun)
    if reason.done:
        pass  # its form asks for the next step once it is done
    elif reason.moment == noun.Surface.due:
        entry.may_put_off = actors.may(actor, "update", noun)
    else:
        entry.may_put_off = composers.plan_form(noun) is not None and not entry.may_take
    return entry


def _when(record: Noun, moment: Field, below: str) -> Any:
    """Returns since or until when. If somebody waits for a reply it also names them, unless the entry
    already does."""
    waiting = getattr(record, moment.column)
    if moment.name != record.Surface.waits or waiting is None:  # it may have been answered by now
        return field_values.field_html(record, moment)
    since = display.age_html(waiting, ago=True)
    who = next((name for each in _about(type(record)) if (name := _name_of(record, each))), "")
    if who and (display.says(below, who) or display.says(str(record), who)):
        return format_html(_("answered {when}"), when=since)
    return format_html(_("{who} answered {when}"), who=who or _("Somebody"), when=since)


def _name_of(record: Noun, about: Field) -> str:
    other = getattr(record, about.name) if getattr(record, about.column) else None
    return "" if other is None else str(other)


def _done_verb(record: Noun, reason: Reason) -> Verb | None:
    """Returns the verb by which the actor can mark the record as done, or None."""
    noun = type(record)
    if not reason.done:
        return composers.done_verb(record) if noun.Surface.engagements else None
    return noun.verbs[reason.done] if actors.may(actors.current(), reason.done, noun) else None

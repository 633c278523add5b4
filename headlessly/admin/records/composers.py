"""Touches (notes, calls, tasks) on the page of the record that they are about: written, listed, marked as
done."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from django.utils import timezone
from django.utils.translation import gettext as _

from headlessly.access import actors
from headlessly.admin import display, field_values
from headlessly.admin.forms import DeclaredForm, mark_whole_days
from headlessly.admin.records import day_and_time
from headlessly.context import clock
from headlessly.declaration import days, engagements, labels, values
from headlessly.declaration.engagements import EngagementForm, EngagementNoun
from headlessly.declaration.record import Record
from headlessly.declaration.registry import registry
from headlessly.declaration.schema import Field
from headlessly.declaration.verbs import Verb
from headlessly.errors import HeadlesslyError
from headlessly.execution import executor
from headlessly.language import wording
from headlessly.language.moments import split_ending_day
from headlessly.nouns import Noun

#: How many open touches the page lists.
OPEN = 8
#: How many templates a form offers.
BEGINNINGS = 12
#: The input with the day that the form proposed. A day in the headline replaces it.
PROPOSED = "proposed"


@dataclass
class Composer:
    """The form to write one kind of touch in place."""

    touch: EngagementForm
    url: str
    form: DeclaredForm
    act: str  #: the label of its button
    open: bool = False
    proposed: str = ""  #: the day that the form proposes
    #: The templates: their names and addresses.
    begins: list[tuple[str, str]] = field(default_factory=list)

    @property
    def name(self) -> str:
        return self.touch.name

    @property
    def label(self) -> str:
        return labels.engagement_label(self.touch.name)

    @property
    def one(self) -> str:
        return wording.a_kind_of_engagement(self.touch.name)

    @property
    def id(self) -> str:
        return f"write-{self.touch.slug.lower()}"


@dataclass
class ToDo:
    """An open touch: the record, when it is due, and the address of the verb that marks it as done."""

    record: Noun
    when: Any = ""
    late: bool = False
    done_url: str = ""
    asks: list[Field] = field(default_factory=list)

    @property
    def url(self) -> str:
        return display.record_url(self.record)


def writable_touches(noun: type[Noun]) -> list[EngagementForm]:
    """Returns the forms for touches of ``noun``'s records that the actor may use."""
    touching = engagements.engagement_noun(noun)
    if touching is None:
        return []
    actor = actors.current()
    forms = touching.declared.forms
    return [
        way
        for way in forms
        if actors.may(actor, way.verb, touching.noun)
        and way.offered()
        and (not way.needs or _can_give(noun, touching.noun, way.needs))
    ]


def _can_give(noun: type[Record], touching: type[Record], name: str) -> bool:
    """Whether records of ``noun`` refer to what an engagement needs, or are it themselves."""
    return name in noun.schema.references or touching.schema.references[name].to == noun.__name__


def plan_form(noun: type[Noun]) -> EngagementForm | None:
    """Returns the form for a touch with a due day, for an actor who may write one; else None."""
    touching = engagements.engagement_noun(noun)
    if touching is None:
        return None
    forms = writable_touches(noun)
    return next((form for form in forms if touching.declared.due in form.asks), None)


def propose_step(record: Noun) -> dict[str, str] | None:
    """Returns the values to start the form for the next step with, from the record's own note of what is
    next; None without one."""
    intends = type(record).Surface.intends
    said = getattr(record, record.schema.by_name[intends].column) if intends else None
    if not said:
        return None
    declared = engagements.require_engagement_noun(type(record)).declared
    return {declared.headline: said, declared.due: _("tomorrow")}


def note_touch(noun: type[Noun]) -> EngagementForm | None:
    """Returns the form that the note of a verb's dialog is written by, or None."""
    return next(iter(writable_touches(noun)), None)


def make_composers(
    record: Noun, site: Any, keep: str, written: Composer | None = None
) -> list[Composer]:
    """Returns the composers of all forms. ``written`` replaces its own kind, with what was typed."""
    found = [
        make_composer(way, record, site, keep)
        for way in writable_touches(type(record))
        if not way.needs or way.given_by(record) is not None
    ]
    return [written if written and c.name == written.name else c for c in found]


def make_composer(
    way: EngagementForm, record: Noun, site: Any, keep: str, data: Mapping[str, str] | None = None
) -> Composer:
    touching = engagements.require_engagement_noun(type(record))
    noun = touching.noun
    inputs = noun.verbs[way.verb].python_inputs
    asked = [inputs[n] for n in way.asks]
    moments = [f.name for f in asked if f.type == "datetime" and f.day_if]
    if data is not None:
        data = dict(data.items()) | {
            name: day_and_time.join_day_and_time(data, name) for name in moments
        }
        data |= _day_in_words(touching, way, data)
    form = DeclaredForm(asked, site, data=data, initial=_taken(way, record), id=way.slug)
    for name in moments:
        form.fields[name].widget = day_and_time.DayAndTime(form.fields[name].widget.attrs)
    form.suggest(noun)
    first = form.fields[way.asks[0]]
    if not way.done:
        first.label = labels.engagement_label(way.name)
    for name, label in way.says.items():
        form.fields[name].label = label
    for name, item in form.fields.items():
        if form.declared[name].is_past:
            item.label = _("When, if not now")
        if form.declared[name].type == "integer" and item.help_text:
            item.label = f"{item.label} ({wording.inside_sentence(str(item.help_text))})"
        item.help_text = ""
    place = display.page_url(type(record), "touch", record.pk, way.slug) + keep
    act = labels.verb_label(noun.verbs[way.verb]) if way.done else _("Save")
    found = Composer(way, place, form, act)
    if way.begins_with:
        found.begins = _beginnings(way, record, keep)
    return found


def _taken(way: EngagementForm, record: Noun) -> dict[str, Any]:
    """Returns the inputs that a form takes from the record that it needs: the address of a contact."""
    other = way.given_by(record) if way.takes else None
    return {} if other is None else {n: getattr(other, of) for n, of in way.takes.items()}


def _beginnings(way: EngagementForm, record: Noun, keep: str) -> list[tuple[str, str]]:
    """Returns the templates for this noun, by name, with the addresses that open the form with them."""
    templates = registry[way.begins_with].objects.filter(
        about=type(record).__name__, is_active=True
    )
    here = display.record_url(record) + (f"{keep}&" if keep else "?")
    return [
        (str(each), f"{here}write={way.slug}&begin={each.pk}#write-{way.slug.lower()}")
        for each in templates.order_by("name")[:BEGINNINGS]
    ]


def begun_composer(record: Noun, site: Any, keep: str, slug: str, id: str) -> Composer | None:
    """Returns the open form ``slug`` with what a template says of the record; None if there is no such form
    or template."""
    ways = writable_touches(type(record))
    way = next((way for way in ways if way.slug == slug and way.begins_with), None)
    if way is None or way.given_by(record) is None:
        return None
    template = registry[way.begins_with].objects.filter(pk=id, about=type(record).__name__).first()
    if template is None:
        return None
    composer = make_composer(
        way, record, site, keep, _taken(way, record) | template.first_values(record)
    )
    composer.open = True
    return composer


def _day_in_words(
    touching: EngagementNoun, way: EngagementForm, data: Mapping[str, str]
) -> dict[str, str]:
    """Returns the headline and the day that it ends with ("Send the offer tomorrow 9"), unless the form
    has a day other than the proposed one."""
    headline, due = touching.declared.headline, touching.declared.due
    beside = data.get(due, "").strip()
    if due not in way.asks or (beside and beside != data.get(PROPOSED)):
        return {}
    now = timezone.localtime(clock.now())
    said, day = split_ending_day(data.get(headline, ""), now)
    return {headline: said, due: day} if day else {}


def write_touch(way: EngagementForm, record: Noun, given: Mapping[str, Any]) -> Noun:
    """Writes a touch of ``record`` with the filled inputs. Raises what the executor raises."""
    touching = engagements.require_engagement_noun(type(record))
    noun, declared = touching.noun, touching.declared
    sent = dict(given)
    words = (n for n in way.asks if noun.schema.by_name[n].type in values.TEXT_TYPES)
    said = next(
        (sent[n] for n in (declared.headline, *declared.text_fields, *words) if n in sent), ""
    )
    if said and declared.headline not in sent:
        longest = noun.schema.by_name[declared.headline].max_length or len(said)
        sent[declared.headline] = engagements.first_line(said, longest)
    mark_whole_days(sent, [noun.schema.by_name[name] for name in way.asks])
    about = touch_references(touching, record)
    return executor.run(noun.verbs[way.verb], None, {**about, **way.values, **sent}, text=True)


def show_refusal(found: Composer, problem: HeadlesslyError) -> None:
    """Adds the errors to the inputs. An error about the headline goes to the first input."""
    first = found.touch.asks[0]
    for detail in problem.details or ():
        if detail["field"] not in found.form.fields:
            detail["field"] = first
    found.form.refuse(problem)
    found.open = True


def open_touches(record: Noun) -> dict[str, Any] | None:
    """Returns the open touches of ``record``, the most urgent first; None if its noun has no touches."""
    touching = engagements.engagement_noun(type(record))
    if touching is None:
        return None
    noun, declared, reference = touching
    machine = noun.schema.require_machine()
    still_open = [s for s in machine.states if machine.steps_from(s)]
    found = noun.objects.filter(
        **{reference.column: record.pk, f"{machine.name}__in": still_open}
    ).order_by(declared.due, "created_at")[:OPEN]
    of_this = f"?{reference.wire}={record.pk}"
    return {
        "rows": [_to_do(row, declared.due) for row in found],
        "may_plan": plan_form(type(record)) is not None,
        "all": display.page_url(noun, "changelist") + of_this,
    }


def _to_do(row: Noun, due_name: str) -> ToDo:
    field = row.schema.by_name[due_name]
    due = days.deadline(row, field)
    found = ToDo(row, field_values.field_html(row, field), bool(due) and due < clock.now())
    if (verb := done_verb(row)) is not None:
        found.done_url = display.page_url(type(row), "do", row.pk, verb.name)
        found.asks = [given for given in verb.inputs.values() if given.required]
    return found


def done_verb(record: Noun) -> Verb | None:
    """Returns the verb by which the actor can mark an open touch as done, or None."""
    noun, machine = type(record), record.schema.require_machine()
    end, now = display.path_states(noun)[-1], getattr(record, machine.name)
    actor = actors.current()
    leading = (verb for verb in noun.verbs.values() if verb.steps.get(now) == end)
    return next((verb for verb in leading if actors.may(actor, verb.name, noun)), None)


def added_text(way: EngagementForm, record: Noun, touch: Noun) -> str:
    """Returns the message about a touch of ``record`` that was just written."""
    if way.done:
        return str(way.done)
    kind = engagements.require_engagement_noun(type(record)).declared.kind
    return _("%s added.") % wording.state_label(getattr(touch, kind))


def touch_references(touching: EngagementNoun, record: Noun) -> dict[str, str]:
    """Returns the references of a new touch of ``record``: the record itself, those that both are about,
    and the actor as its owner."""
    schema = touching.noun.schema
    found = {}
    for about in schema.about:
        own = record.schema.references.get(about.name)
        # A reference that the writer does not see at all is left out.
        if own is None or own.to != about.to:
            continue
        other = getattr(record, own.name)
        if other is not None:
            found[about.name] = getattr(record, own.column)
    owner, person = schema.owner, actors.current().contact_id
    if owner is not None and person:
        found[owner.name] = person
    return found | {touching.reference.name: record.pk}

"""The steps of an automation: how they are written, and their validation.

``[{"wait": "3 days"}, {"do": "Activity.create", "with": {"subject": "Ask {{name}}", "lead": "{{$id}}"}}]``.
Double braces hold a place: a field of the record, possibly through references, or a moment such as ``{{3 days
from now}}``. Behind a line stands what is said where the record has nothing there:
``{{contact.firstName|there}}``. Nothing in them is executed.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import time, timedelta
from typing import Any

from django.conf import settings
from django.utils.translation import gettext as _

from headlessly.context import clock
from headlessly.declaration import days, values
from headlessly.declaration.record import Record
from headlessly.declaration.registry import registry
from headlessly.declaration.schema import Field, snake_name, wire_name
from headlessly.declaration.verbs import Verb
from headlessly.errors import did_you_mean
from headlessly.language import wording
from headlessly.webhooks.models import Webhook

MOST_STEPS, MOST_REFERENCES = 20, 3
#: The longest wait: after that, nobody remembers the rule.
LONGEST_WAIT = timedelta(days=3 * 366)
#: The name for the next day on which people work.
WORKING_DAY = "workingDay"
KINDS = ("wait", "do", "notify", "webhook")

#: ``until workingDay 09:00``, short for an object with ``until`` and ``at``.
UNTIL = re.compile(r"until\s+(?P<until>\w+)(?:\s+(?P<at>\S+))?")
TEMPLATE = re.compile(r"\{\{\s*([^{}]*?)\s*\}\}")
PERSON = settings.PERSON_MODEL.rpartition(".")[2]


class StepProblem(ValueError):
    """Raised for wrong steps. The message names the step and says what is allowed."""


@dataclass(frozen=True)
class Wait:
    """Waits for a duration, until a date of the record, or until a working day."""

    distance: tuple[int, str, str] | None = None  #: as :func:`.days.parse_relative` returns it
    until: str | None = None  #: the wire name of a field, or WORKING_DAY
    at: time | None = None


@dataclass(frozen=True)
class Do:
    """Runs a verb on the record, or on one that it refers to, or a verb that creates a record."""

    verb: Verb
    path: tuple[str, ...]  #: the references that lead to the record
    given: Mapping[str, Any]


@dataclass(frozen=True)
class Notify:
    """Notifies a person."""

    person: tuple[str, ...] | str  #: the references that lead to the person, or an id
    text: str


@dataclass(frozen=True)
class Send:
    """Sends the record to a webhook."""

    webhook: str


Step = Wait | Do | Notify | Send


def read_steps(noun: type[Record], steps: Any, *, saved: bool = False) -> list[Step]:
    """Returns the steps of an automation for records of `noun`. Raises StepProblem for wrong ones.

    Steps that are `saved` were checked before; then only what may have changed since is checked.
    """
    if not isinstance(steps, list) or not 1 <= len(steps) <= MOST_STEPS:
        raise StepProblem(
            _("Send a list of 1 to %(most)d steps, each one of %(kinds)s.")
            % {"most": MOST_STEPS, "kinds": ", ".join(KINDS)}
        )
    found = []
    for number, step in enumerate(steps, 1):
        try:
            found.append(_read_step(noun, step, saved))
        except ValueError as problem:
            raise StepProblem(
                _("Step %(number)d: %(problem)s") % {"number": number, "problem": problem}
            ) from None
    if isinstance(found[-1], Wait):
        raise StepProblem(_("Step %d: nothing comes after this wait.") % len(found))
    return found


def _read_step(noun: type[Record], step: Any, saved: bool) -> Step:
    kind = next((each for each in KINDS if isinstance(step, dict) and each in step), None)
    if kind is None:
        raise ValueError(_("send an object with one of %s.") % ", ".join(KINDS))
    allowed = {"do": ("do", "of", "with"), "notify": ("notify", "text")}.get(kind, (kind,))
    if others := sorted(set(step) - set(allowed)):
        raise ValueError(
            _("there is no %(other)s here; it has %(allowed)s.")
            % {"other": str(others[0])[:64], "allowed": ", ".join(allowed)}
        )
    match kind:
        case "wait":
            return _read_wait(noun, step["wait"])
        case "do":
            return _read_do(noun, step)
        case "notify":
            return _read_notify(noun, step)
    return _read_webhook(step["webhook"], saved)


# -- the kinds ----------------------------------------------------------------------------------------


def _read_wait(noun: type[Record], wait: Any) -> Wait:
    if isinstance(wait, str) and (said := UNTIL.fullmatch(wait.strip())):
        wait = {name: text for name, text in said.groupdict().items() if text}
    if isinstance(wait, str):
        return Wait(distance=read_distance(wait))
    if not isinstance(wait, dict) or "until" not in wait or set(wait) - {"until", "at"}:
        raise ValueError(
            _('wait: send a time such as "3 days", or "until %s 09:00".') % WORKING_DAY
        )
    at = _read_time(wait["at"]) if "at" in wait else None
    until = wait["until"]
    if until == WORKING_DAY:
        return Wait(until=until, at=at or time(9))
    fields = [f.wire for f in noun.schema.stored if f.type in ("date", "datetime")]
    field = noun.schema.field(until) if isinstance(until, str) else None
    if field is None or field.wire not in fields:
        raise ValueError(
            _("wait: until one of %s.") % ", ".join([WORKING_DAY, *fields])
            + (did_you_mean(until, fields) if isinstance(until, str) else "")
        )
    return Wait(until=field.wire, at=at)


def read_distance(text: str) -> tuple[int, str, str]:
    """Returns how far a duration such as ``3 days`` goes. Raises ValueError for any other text."""
    found = days.parse_relative(f"{text.strip()} from now")
    try:
        length = None if found is None else days.moment_from(now := clock.now(), found) - now
    except (OverflowError, ValueError):
        length = None
    if found is None or length is None or not timedelta() < length <= LONGEST_WAIT:
        raise ValueError(
            _(
                'wait: send a time such as "3 days", of three years at the most, or "until %s 09:00".'
            )
            % WORKING_DAY
        )
    return found


def _read_time(text: Any) -> time:
    try:
        return time.fromisoformat(text) if re.fullmatch(r"\d\d:\d\d", text) else time(int("x"))
    except (TypeError, ValueError):
        raise ValueError(_('wait: at a time of day such as "09:00".')) from None


def _read_do(noun: type[Record], step: dict[str, Any]) -> Do:
    name, _dot, called = str(step["do"]).partition(".")
    other = registry.get(name)
    verb = other and other.verbs.get(snake_name(called))
    if other is None or verb is None:
        names = [f"{n}.{wire_name(v)}" for n, each in registry.items() for v in each.verbs]
        there = [each for each in names if each.startswith(f"{name}.")] or list(registry)
        raise ValueError(
            _("do: there is no verb %s.") % str(step["do"])[:64]
            + did_you_mean(str(step["do"]), names)
            + " "
            + _("Use one of %s.") % ", ".join(there)
        )
    if verb.takes_file:
        raise ValueError(_("do: %s takes a file, and no step has one.") % step["do"])
    given = step.get("with", {})
    if not isinstance(given, dict):
        raise ValueError(_("with: send an object with the input of %s.") % step["do"])
    path = _read_path(noun, step.get("of", ""))
    if verb.creates:
        if path:
            raise ValueError(_("of: %s makes a record of its own.") % step["do"])
    elif (leads := _end_of(noun, path)) is not other:
        raise ValueError(
            wording.fill(
                _("of: %(verb)s is of a %(noun)s. Name a reference that leads to one."),
                {"verb": step["do"], "noun": other.__name__},
            )
            if leads is not None
            else _("of: name a reference.")
        )
    return Do(verb, path, _read_input(noun, verb, given))


def _read_input(noun: type[Record], verb: Verb, given: Mapping[str, Any]) -> dict[str, Any]:
    """Returns the input of a verb under the present names of its fields."""
    inputs = verb.inputs
    said: dict[str, Any] = {}
    for wire, value in given.items():
        field = find_input(verb, wire)
        if field is None:
            raise ValueError(
                _("with: there is no %(input)s; it takes %(inputs)s.")
                % {"input": str(wire)[:64], "inputs": ", ".join(inputs) or _("nothing")}
            )
        try:
            _check_value(noun, field, value)
        except ValueError as problem:
            raise ValueError(f"with: {wire}: {problem}") from None
        said[field.wire] = value
    missing = [wire for wire, field in inputs.items() if field.required and wire not in said]
    if missing:
        raise ValueError(_("with: it needs %s.") % ", ".join(missing))
    return said


def find_input(verb: Verb, wire: str) -> Field | None:
    """Returns an input of a verb by its name, or by a former name of the tenant's own field."""
    inputs = verb.inputs
    return inputs.get(wire) or next((f for f in inputs.values() if wire in f.former), None)


def _check_value(noun: type[Record], field: Field, value: Any) -> None:
    texts = list(values.texts_in(value))
    paths = [path for text in texts for path in TEMPLATE.findall(text)]
    for path in paths:
        check_place(noun, path)
    if not paths and not (field.new and isinstance(value, dict)):
        field.clean(value)


def _read_notify(noun: type[Record], step: dict[str, Any]) -> Notify:
    text, whom = step.get("text"), step["notify"]
    if not isinstance(text, str) or not text.strip() or len(text) > 1_000:
        raise ValueError(_("text: send 1 to 1,000 characters."))
    for path in TEMPLATE.findall(text):
        check_place(noun, path)
    prefix = registry[PERSON].prefix
    if isinstance(whom, str) and whom.startswith(f"{prefix}_"):
        if not registry[PERSON].objects.filter(pk=whom).exists():
            raise ValueError(_("notify: there is no such person."))
        return Notify(whom, text)
    path = _read_path(noun, whom) if isinstance(whom, str) else ()
    if not path or (end := _end_of(noun, path)) is None or end.__name__ != PERSON:
        people = [f.wire for f in noun.schema.references.values() if f.to == PERSON]
        raise ValueError(
            _("notify: name a person by their id, or one of %s.") % ", ".join(people or ["-"])
        )
    return Notify(path, text)


def _read_webhook(id: Any, saved: bool) -> Send:
    there = Webhook.objects.all()
    if not isinstance(id, str) or not (saved or there.filter(pk=id).exists()):
        raise ValueError(_("webhook: send the id of a webhook, like webhook_fX9bL5nRdK2a."))
    return Send(id)


# -- places in a record -------------------------------------------------------------------------------


def check_place(noun: type[Record], place: str) -> None:
    """Raises ValueError if `place` names nothing in a record of `noun`."""
    place, _otherwise = _split_place(place)
    if place == "$id" or days.is_relative(place):
        return
    *references, last = _names_in(noun, place)
    end = _end_of(noun, _read_path(noun, ".".join(references)))
    fields = [*end.schema.fields, "$id"] if end is not None else []
    if end is None or (last != "$id" and last not in end.schema.fields):
        raise ValueError(
            _("{{%(place)s}}: %(noun)s has no field %(field)s.")
            % {"place": place[:64], "noun": (end or noun).__name__, "field": last[:64]}
            + did_you_mean(last, fields)
        )


def field_of_place(noun: type[Record], place: str) -> tuple[type[Record], str] | None:
    """Returns the field in a place and its noun, or None if there is no such field."""
    *references, last = _names_in(noun, _split_place(place)[0])
    try:
        end = _end_of(noun, _read_path(noun, ".".join(references)))
    except ValueError:
        return None
    field = end.schema.field(last) if end is not None else None
    return None if end is None or field is None else (end, field.wire)


def _split_place(place: str) -> tuple[str, str]:
    """Returns a place without what is said where nothing stands there, and that."""
    place, _line, otherwise = place.partition("|")
    return place.strip(), otherwise.strip()


def _names_in(noun: type[Record], place: str) -> list[str]:
    """Returns the names that make up a place.

    The noun may stand first for the record itself: ``lead.name`` of a lead.
    """
    names = place.split(".")
    own = noun.__name__[:1].lower() + noun.__name__[1:]
    if len(names) > 1 and names[0] == own and own not in noun.schema.fields:
        return names[1:]
    return names


def _read_path(noun: type[Record], path: Any) -> tuple[str, ...]:
    if not isinstance(path, str):
        raise ValueError(_("of: name a reference."))
    names = tuple(path.split(".")) if path else ()
    if len(names) > MOST_REFERENCES:
        raise ValueError(_("At most %d references lead to it.") % MOST_REFERENCES)
    here = noun
    for name in names:
        field = here.schema.fields.get(name)
        if field is None or field.type != "reference":
            known = [f.wire for f in here.schema.references.values()]
            raise ValueError(
                _("%(name)s is no reference of %(noun)s; it has %(known)s.")
                % {"name": name[:64], "noun": here.__name__, "known": ", ".join(known) or "-"}
            )
        here = field.target_noun
    return names


def _end_of(noun: type[Record], path: tuple[str, ...]) -> type[Record] | None:
    for name in path:
        noun = noun.schema.fields[name].target_noun
    return noun


# -- what stands there --------------------------------------------------------------------------------


def record_at_path(record: Any, path: tuple[str, ...]) -> Any:
    """Returns the record that references lead to, or None if one is empty or its record is gone."""
    for name in path:
        field = record.schema.fields[name]
        id = field.value_of(record)
        record = field.target_noun.objects.filter(pk=id).first() if id else None
        if record is None:
            return None
    return record


def fill_in(record: Any, value: Any, field: Field | None = None) -> Any:
    """Returns `value` with its places filled in from the record.

    A value that is nothing but a place keeps the type of what stands there, as `field` needs it.
    """
    if isinstance(value, dict):
        return {key: fill_in(record, each) for key, each in value.items()}
    if isinstance(value, list):
        return [fill_in(record, each) for each in value]
    if not isinstance(value, str):
        return value
    if (whole := TEMPLATE.fullmatch(value)) is not None:
        place, otherwise = _split_place(whole[1])
        found = _value_at(record, place, field)
        return otherwise if otherwise and found is None else found
    return TEMPLATE.sub(lambda found: _text_or_else(record, found[1]), value)


def _text_or_else(record: Any, place: str) -> str:
    place, otherwise = _split_place(place)
    return _text_at(record, place) or otherwise


def _value_at(record: Any, place: str, field: Field | None) -> Any:
    if days.is_relative(place):
        if field is not None and field.type == "date":
            return days.relative_day(place)
        return days.relative_moment(place)
    *references, last = _names_in(type(record), place)
    there = record_at_path(record, tuple(references))
    if there is None:
        return None
    if last == "$id":
        return there.pk
    found = there.schema.fields[last]
    return found.to_json(found.value_of(there))


def _text_at(record: Any, place: str) -> str:
    *references, last = _names_in(type(record), place)
    if (
        not days.is_relative(place)
        and (there := record_at_path(record, tuple(references))) is not None
    ):
        found = there.schema.fields.get(last)
        if found is not None and found.type == "reference":
            there = record_at_path(there, (last,))
            return "" if there is None else str(there)
    value = _value_at(record, place, None)
    if value is None:
        return ""
    return value.isoformat(" ", "minutes") if hasattr(value, "hour") else str(value)

"""What is planned with a record, in a few words: the next step, that it is overdue, or that there is none;
before it, that somebody waits for a reply."""

from __future__ import annotations

from collections.abc import Iterable

from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from headlessly.admin import display, field_values
from headlessly.declaration import engagements
from headlessly.nouns import Noun


def planned_texts(noun: type[Noun], records: Iterable[Noun]) -> dict[str, SafeString]:
    """Returns what is planned with each open record of ``records``, by id; empty for a noun without
    engagements. Takes one statement for any number of records."""
    records = list(records)
    touching, machine = engagements.engagement_noun(noun), noun.schema.machine
    states = getattr(noun, "OPEN", None)
    if touching is None or machine is None or states is None:
        return {}
    still_open = [record.pk for record in records if getattr(record, machine.name) in states]
    if not still_open:
        return {}
    other, declared, reference = touching
    due = other.schema.by_name[declared.due]
    state = other.schema.require_machine().name
    first = (
        other.objects.filter(
            **{f"{reference.column}__in": still_open, f"{state}__in": getattr(other, "OPEN", ())}
        )
        .order_by(reference.column, due.column, "created_at")
        .distinct(reference.column)
    )
    found = dict.fromkeys(still_open, _mark("none", _("nothing planned")))
    for touch in first:
        late = field_values.overdue_html(touch, due)
        when = late or field_values.field_html(touch, due)
        words = when if late else format_html(_("next: {when}"), when=when) if when else str(touch)
        found[getattr(touch, reference.column)] = _mark("late" if late else "some", words)
    return _with_waits(noun, records, found)


def _with_waits(
    noun: type[Noun], records: Iterable[Noun], found: dict[str, SafeString]
) -> dict[str, SafeString]:
    """Returns the texts, with how long somebody has been waiting put first."""
    if not noun.Surface.waits:
        return found
    column = noun.schema.by_name[noun.Surface.waits].column
    for record in records:
        since = getattr(record, column)
        if since is not None and record.pk in found:
            said = format_html(_("reply waits {age}"), age=display.age_html(since))
            found[record.pk] = format_html("{} · {}", _mark("reply", said), found[record.pk])
    return found


def _mark(kind: str, words: str) -> SafeString:
    return format_html('<span class="plan {}">{}</span>', kind, words)

"""What a notification says, in the language of who reads it: made when it is read, of what they may see."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from headlessly.access import actors
from headlessly.access.actor_names import actor_names
from headlessly.declaration import labels
from headlessly.declaration.registry import registry
from headlessly.notifications.models import Notification

#: Where the platform's own are looked at, below the tenant's address, by kind.
PLACES = {
    "proposal": "/admin/proposals/{}/",
    "webhook": "/admin/settings/webhooks/{}/",
    "import_done": "/admin/imports/{}/",
}


#: What a followed view tells of, as the second part of the occasion says it; the first is the view's id.
ENTERED, LEFT, STOPPED = "entered", "left", "stopped"


@dataclass(frozen=True)
class Line:
    """One notification as it is read."""

    id: str
    kind: str
    text: str
    detail: str  #: what was written, where something was
    path: str  #: below the tenant's address
    at: datetime
    is_read: bool
    record: str | None
    record_type: str | None
    moment: str  #: the field that says when, where it can be put off


def lines_of(found: Sequence[Notification]) -> list[Line]:
    """These notifications in words, without those about records that whoever acts does not see any more."""
    names = _names(found)
    people = actor_names({each.actor for each in found})
    lines = []
    for each in found:
        if each.record is not None and each.record not in names:
            continue
        who = people.get(each.actor, "")
        text = _text(each, names.get(each.record or "", ""), who)
        lines.append(
            Line(
                each.pk,
                each.kind,
                text,
                each.excerpt if each.kind == "mentioned" else "",
                _path(each),
                each.created_at,
                each.read_at is not None,
                each.record,
                each.record_type,
                _moment(each),
            )
        )
    return lines


def _text(each: Notification, name: str, who: str) -> str:
    values = {"who": who or _("Somebody"), "name": name, "count": each.count - 1}
    match each.kind:
        case "assigned" if each.count > 1:
            return (
                ngettext(
                    "%(who)s gave you %(name)s and %(count)d more",
                    "%(who)s gave you %(name)s and %(count)d more",
                    each.count - 1,
                )
                % values
            )
        case "assigned" if each.actor == actors.PUBLIC.id:
            return _("New for you: %(name)s") % values
        case "assigned":
            return _("%(who)s gave you %(name)s") % values
        case "mentioned":
            return _("%(who)s mentioned you in %(name)s") % values
        case "followed":
            return _("%(who)s changed %(name)s") % values
        case "reminder":
            return _("Reminder: %(name)s") % values
        case "overdue":
            return _("Overdue: %(name)s") % values
        case "view":
            return _text_of_view(each, name)
        case "rule":
            return each.excerpt
        case "answer_near":
            return _("First answer due soon: %(name)s") % values
        case "answer_missed":
            return _("First answer missed: %(name)s") % values
        case "import_done":
            return _("Your import is done: %s") % each.excerpt
        case "proposal":
            return _("%(who)s proposes something that waits for approval") % values
        case "webhook":
            return _("A webhook was disabled: %s") % each.excerpt
    return name


def _text_of_view(each: Notification, name: str) -> str:
    """What a followed view tells: its name stands in ``excerpt``."""
    noun = registry.get(each.record_type or "")
    many = labels.plural_in_sentence(noun) if noun else ""
    values = {"name": name, "view": each.excerpt, "count": each.count, "records": many}
    happened = each.occasion.split(":")[1]
    if happened == STOPPED:
        return _("“%(view)s” is not followed any more: its filters have to be changed") % values
    if happened == ENTERED:
        one, several = (
            _("%(name)s entered “%(view)s”"),
            _("%(count)d %(records)s entered “%(view)s”"),
        )
    else:
        one, several = _("%(name)s left “%(view)s”"), _("%(count)d %(records)s left “%(view)s”")
    return (several if each.count > 1 else one) % values


def _moment(each: Notification) -> str:
    noun = registry.get(each.record_type or "")
    if noun is None:
        return ""
    named = {"reminder": noun.Surface.reminds, "overdue": noun.Surface.due}
    return named.get(each.kind) or ""


def _path(each: Notification) -> str:
    noun = registry.get(each.record_type or "")
    if noun is None:
        return PLACES.get(each.kind, "/admin/").format(each.occasion.partition(":")[0])
    if each.kind == "view" and (each.record is None or each.count > 1):
        view = each.occasion.partition(":")[0]
        return f"/admin/{noun._meta.app_label}/{noun._meta.model_name}/?view={view}"
    return f"/admin/{noun._meta.app_label}/{noun._meta.model_name}/{each.record}/change/"


def _names(found: Iterable[Notification]) -> dict[str, str]:
    """The names of the records that whoever acts sees; one query per noun."""
    by_noun: dict[str, set[str]] = defaultdict(set)
    for each in found:
        if each.record is not None and each.record_type in registry:
            by_noun[each.record_type].add(each.record)
    return {
        record.pk: str(record)
        for name, ids in by_noun.items()
        for record in registry[name].objects.filter(pk__in=ids)
    }

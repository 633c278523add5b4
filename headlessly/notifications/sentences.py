"""The sentences of notifications in the active language, and where they lead."""

from __future__ import annotations

from collections.abc import Sequence

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from headlessly.access import actors
from headlessly.access.models import ApiKey, User
from headlessly.declaration import labels
from headlessly.declaration.registry import registry
from headlessly.declaration.values import group_thousands
from headlessly.notifications import kinds
from headlessly.notifications.models import Notification

#: The pages of subjects that are no records, below the tenant's address, by kind.
PLACES = {
    "proposal": "/admin/proposals/{}/",
    "webhook": "/admin/settings/webhooks/{}/",
    "import_done": "/admin/imports/{}/",
    "undo_done": "/admin/undos/{}/",
}


#: What a notification about a view says: the second part of its occasion, after the view's id.
ENTERED, LEFT, STOPPED = "entered", "left", "stopped"


#: What a notification about a webhook says, in the same place.
FAILING, DISABLED = "failing", "disabled"


def text_of(each: Notification, name: str, who: str, *, is_part: bool = False) -> str:
    """Returns the text of a notification; of a row's part the text of that part alone."""
    values = {"who": who or _("Somebody"), "name": name, "count": each.count - 1}
    match each.kind:
        case "assigned" if each.count > 1 and not is_part and each.actor != actors.PUBLIC.id:
            return (
                ngettext(
                    "%(who)s gave you %(name)s and %(count)d more",
                    "%(who)s gave you %(name)s and %(count)d more",
                    each.count - 1,
                )
                % values
            )
        case "assigned" if _came_by_itself(each.actor):
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
        case "undo_done":
            return _text_of_undo(each, values)
        case "proposal":
            return _("%(who)s proposes something that waits for approval") % values
        case "webhook":
            failing = f":{FAILING}:" in each.occasion
            said = _("A webhook is failing: %s") if failing else _("A webhook was disabled: %s")
            return said % each.excerpt
    return name


def _text_of_undo(each: Notification, values: dict[str, object]) -> str:
    """Returns the text on how a large undo ended. Its status is the second part of the occasion, and
    ``excerpt`` the number of records."""
    match each.occasion.partition(":")[2]:
        case "failed":
            return _("Your undo failed")
        case "cancelled":
            return _("%(who)s stopped your undo") % values
    count = int(each.excerpt) if each.excerpt.isdecimal() else 0
    said = ngettext("Taken back: %(count)s record.", "Taken back: %(count)s records.", count)
    return said % {"count": group_thousands(count)}


def _came_by_itself(actor: str) -> bool:
    """Whether no person assigned it: a visitor created it, or a rule, which is a record, decided."""
    people = (User.prefix, ApiKey.prefix)
    return actor == actors.PUBLIC.id or (
        actor != actors.SYSTEM.id and not actor.startswith(tuple(f"{each}_" for each in people))
    )


def text_of_many(several: Sequence[Notification], count: int, who: str) -> str:
    """Returns the text of a row with ``count`` notifications, the first of them first."""
    first = several[0]
    noun = registry.get(first.record_type or "")
    values = {
        "count": count,
        "records": labels.plural_in_sentence(noun) if noun else "",
        "who": who,
        "view": first.excerpt,
        "label": kinds.KINDS[first.kind].label,
    }
    if first.kind == "view":
        return _text_of_many_in_view(first, values)
    sentences = {
        "assigned": _("%(count)d new %(records)s for you"),
        "followed": _("%(count)d changes of %(records)s that you follow"),
        "reminder": _("%(count)d reminders"),
        "overdue": _("%(count)d %(records)s are overdue"),
        "answer_near": _("First answer due soon for %(count)d %(records)s"),
        "answer_missed": _("First answer missed for %(count)d %(records)s"),
        "proposal": _("%(count)d proposals wait for approval"),
        "rule": _("%(count)d messages of the rule “%(who)s”"),
    }
    return sentences.get(first.kind, _("%(count)d × %(label)s")) % values


def _text_of_many_in_view(each: Notification, values: dict[str, object]) -> str:
    match each.occasion.split(":")[1]:
        case "entered":
            return _("%(count)d %(records)s entered “%(view)s”") % values
        case "left":
            return _("%(count)d %(records)s left “%(view)s”") % values
    return _("“%(view)s” is not followed any more: its filters have to be changed") % values


def _text_of_view(each: Notification, name: str) -> str:
    """Returns the text about a followed view, whose name is in ``excerpt``."""
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


def moment_of(each: Notification) -> str:
    """Returns the field by which its record is put off; empty if it cannot be."""
    noun = registry.get(each.record_type or "")
    if noun is None:
        return ""
    named = {"reminder": noun.Surface.reminds, "overdue": noun.Surface.due}
    return named.get(each.kind) or ""


def path_of_many(first: Notification) -> str:
    """Returns the path of a row: that of its view, or of the row itself."""
    if first.kind == "view":
        return _path_of_view(first)
    return f"/admin/notifications/#{first.pk}"


def _path_of_view(each: Notification) -> str:
    noun, view = registry[each.record_type or ""], each.occasion.partition(":")[0]
    return f"/admin/{noun._meta.app_label}/{noun._meta.model_name}/?view={view}"


def path_of(each: Notification) -> str:
    """Returns the path of its subject, below the tenant's address."""
    noun = registry.get(each.record_type or "")
    if noun is None:
        return PLACES.get(each.kind, "/admin/").format(each.occasion.partition(":")[0])
    if each.kind == "view" and (each.record is None or each.count > 1):
        return _path_of_view(each)
    return f"/admin/{noun._meta.app_label}/{noun._meta.model_name}/{each.record}/change/"

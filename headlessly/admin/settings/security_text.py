"""Security events in words: one sentence each, and who made the link if that was somebody else."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from headlessly.access.actor_names import actor_names
from headlessly.access.models import ApiKey, User
from headlessly.accounts.models import SecondFactor
from headlessly.admin.settings.member_forms import ROLES
from headlessly.declaration import labels
from headlessly.declaration.registry import registry
from headlessly.language import wording
from headlessly.log import names
from headlessly.log.events import Event

#: Groups of events to filter by: the value in the address, its label, and the names of its events.
GROUPS: dict[str, tuple[Promise, tuple[str, ...]]] = {
    "sign-ins": (
        gettext_lazy("Sign-ins"),
        (names.SIGNED_IN, names.SIGN_IN_FAILED, names.SESSIONS_ENDED),
    ),
    "accounts": (
        gettext_lazy("Passwords and second factors"),
        (names.LINK_MADE, names.PASSWORD_CHANGED, names.FACTOR_ADDED, names.FACTOR_REMOVED),
    ),
    "members": (
        gettext_lazy("Members"),
        (
            names.INVITED,
            names.INVITATION_WITHDRAWN,
            names.INVITATION_ACCEPTED,
            names.ROLE_CHANGED,
            names.MEMBER_REMOVED,
        ),
    ),
    "keys": (
        gettext_lazy("Keys and webhooks"),
        (
            names.KEY_ISSUED,
            names.KEY_REVOKED,
            names.WEBHOOK_CREATED,
            names.WEBHOOK_CHANGED,
            names.WEBHOOK_DELETED,
        ),
    ),
    "settings": (gettext_lazy("Settings"), (names.SETTINGS_CHANGED,)),
    "fields": (
        gettext_lazy("Fields"),
        (
            names.FIELD_CREATED,
            names.FIELD_CHANGED,
            names.FIELD_ARCHIVED,
            names.FIELD_RESTORED,
            names.FIELD_DELETED,
            names.LIST_CHANGED,
        ),
    ),
    "files": (gettext_lazy("Exports and imports"), (names.EXPORTED, names.IMPORT_STARTED)),
}

#: What happened, in words. ``%(whom)s`` is the person that the event is about; the other values come from
#: the event's data.
SENTENCES: dict[str, Promise] = {
    names.SIGNED_IN: gettext_lazy("signed in from %(address)s, in %(browser)s"),
    names.SIGN_IN_FAILED: gettext_lazy("tried a wrong password for %(whom)s, from %(address)s"),
    names.SESSIONS_ENDED: gettext_lazy("signed out of other browsers"),
    names.PASSWORD_CHANGED: gettext_lazy("chose a new password for %(whom)s"),
    names.FACTOR_ADDED: gettext_lazy("set up a second factor: %(factor)s"),
    names.FACTOR_REMOVED: gettext_lazy("removed a second factor: %(factor)s"),
    names.INVITED: gettext_lazy("invited %(email)s as %(role)s"),
    names.INVITATION_WITHDRAWN: gettext_lazy("withdrew the invitation of %(email)s"),
    names.INVITATION_ACCEPTED: gettext_lazy("accepted the invitation and is %(role)s"),
    names.ROLE_CHANGED: gettext_lazy("made %(whom)s %(role)s"),
    names.MEMBER_REMOVED: gettext_lazy("removed %(whom)s"),
    names.KEY_ISSUED: gettext_lazy("made the API key “%(name)s” (%(scope)s)"),
    names.KEY_REVOKED: gettext_lazy("revoked the API key “%(name)s”"),
    names.SETTINGS_CHANGED: gettext_lazy("changed the settings: %(settings)s"),
    names.WEBHOOK_CREATED: gettext_lazy("made a webhook to %(url)s"),
    names.WEBHOOK_CHANGED: gettext_lazy("changed a webhook: %(settings)s"),
    names.WEBHOOK_DELETED: gettext_lazy("deleted the webhook to %(url)s"),
    names.FIELD_CREATED: gettext_lazy("added the field “%(label)s”: %(noun)s"),
    names.FIELD_CHANGED: gettext_lazy("changed a field: %(settings)s"),
    names.FIELD_ARCHIVED: gettext_lazy("archived the field “%(name)s”: %(noun)s"),
    names.FIELD_RESTORED: gettext_lazy("brought back the field “%(name)s”: %(noun)s"),
    names.FIELD_DELETED: gettext_lazy("deleted the field “%(label)s”: %(noun)s"),
    names.LIST_CHANGED: gettext_lazy("changed the list of values %(list)s"),
    names.EXPORTED: gettext_lazy("exported %(rows)s: %(noun)s"),
    names.IMPORT_STARTED: gettext_lazy("started an import"),
}


class SecurityTeller:
    """Puts security events into words. The names in them are fetched once for all."""

    def __init__(self, events: Iterable[Event]) -> None:
        events = list(events)
        makers = (event.data.get("linkMadeBy") or "" for event in events)
        about = (e.target or "" for e in events)
        ids = {event.actor for event in events} | {*makers, *about}
        prefixes = (User.prefix, ApiKey.prefix, "system", "public")
        self.names = actor_names({id for id in ids if id.startswith(prefixes)})

    def row(self, event: Event) -> dict[str, Any]:
        """Returns one line of the page."""
        maker = self.names.get(event.data.get("linkMadeBy") or "", "")
        return {
            "event": event,
            "who": self.names.get(event.actor, _("Somebody")),
            "did": self._sentence(event),
            "maker": maker,
            "asked": _asked(event),
        }

    def _sentence(self, event: Event) -> str:
        data, whom = event.data, self.names.get(event.target or "", "")
        if event.name == names.LINK_MADE:
            shown = _("made a link to choose a password for %(whom)s, and was shown it")
            sent = _("had a link to choose a password sent to %(whom)s")
            return (shown if data.get("linkShown") else sent) % {"whom": whom}
        facts = {key: str(value) for key, value in data.items()} | {
            "whom": whom,
            "role": str(ROLES.get(data.get("role", ""), "")),
            "factor": data.get("name")
            or str(dict(SecondFactor.KINDS).get(data.get("kind", ""), "")),
            "settings": ", ".join(_changes(event)),
            "noun": _noun(data.get("noun", "")),
            "rows": str(data.get("rows", "?")),
        }
        sentence: Any = SENTENCES.get(event.name, event.name)
        return str(sentence) % _Facts(facts)


class _Facts(dict[str, str]):
    """The values of a sentence: a question mark for any that the event lacks."""

    def __missing__(self, key: str) -> str:
        return "?"


def _noun(name: str) -> str:
    noun = registry.get(name)
    return labels.plural_title(noun) if noun is not None else name


def _changes(event: Event) -> Iterable[str]:
    previous = event.previous or {}
    for key, value in event.data.items():
        if key in previous and previous[key] != value:
            yield f"{wording.json_key_label(key)}: {_word(previous[key])} → {_word(value)}"
        elif key == "newSecret":
            yield _("a new secret")


def _word(value: Any) -> str:
    match value:
        case True:
            return _("Yes")
        case False:
            return _("No")
        case list():
            return ", ".join(map(str, value))
    return str(value)


def _asked(event: Event) -> str:
    asked: dict[str, str] = event.data.get("asked") or {}
    return (
        "&".join(f"{key}={value}" for key, value in asked.items())
        if event.name == names.EXPORTED
        else ""
    )

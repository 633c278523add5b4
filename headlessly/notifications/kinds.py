"""The kinds of notifications, and where somebody wants each."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy

from headlessly.access import actors

if TYPE_CHECKING:
    from headlessly.access.models import Membership

#: The channels.
BROWSER, MAIL = "browser", "mail"
CHANNELS = (BROWSER, MAIL)


@dataclass(frozen=True)
class Kind:
    name: str
    label: str | Promise  #: its label among the choices
    by_mail: bool  #: whether it is also sent by email by default
    roles: tuple[str, ...] = actors.ROLES  #: the roles that may get it


KINDS = {
    kind.name: kind
    for kind in (
        Kind("assigned", gettext_lazy("I am given a record"), by_mail=True),
        Kind("mentioned", gettext_lazy("Somebody mentions me"), by_mail=True),
        Kind("reminder", gettext_lazy("A reminder of mine is due"), by_mail=True),
        Kind("overdue", gettext_lazy("Something of mine is overdue"), by_mail=False),
        Kind("answer_near", gettext_lazy("A first answer of mine is due soon"), by_mail=True),
        Kind(
            "answer_missed", gettext_lazy("A first answer came too late, or not yet"), by_mail=True
        ),
        Kind("followed", gettext_lazy("A record that I follow changes"), by_mail=False),
        Kind("view", gettext_lazy("A record enters or leaves a view that I follow"), by_mail=False),
        Kind("rule", gettext_lazy("A rule has something to tell me"), by_mail=True),
        Kind("import_done", gettext_lazy("An import of mine is done"), by_mail=False),
        Kind("undo_done", gettext_lazy("A large undo of mine is over"), by_mail=False),
        Kind(
            "proposal",
            gettext_lazy("A proposal waits for approval"),
            by_mail=True,
            roles=(actors.ADMIN, actors.MANAGER),
        ),
        Kind(
            "webhook",
            gettext_lazy("A webhook is failing, or was disabled for it"),
            by_mail=True,
            roles=(actors.ADMIN,),
        ),
    )
}


def kinds_of(membership: Membership) -> list[Kind]:
    """Returns the kinds that a member may get."""
    return [kind for kind in KINDS.values() if membership.role in kind.roles]


def wants_kind(membership: Membership, kind: str, channel: str) -> bool:
    """Whether a member gets this kind by this channel."""
    chosen = _choices(membership).get(kind, {}).get(channel)
    if chosen is not None:
        return chosen
    return channel == BROWSER or KINDS[kind].by_mail


def digest_hour(membership: Membership) -> int | None:
    """Returns the hour, in the member's time zone, of a daily email with all notifications; None if each
    is sent at once."""
    return membership.notifications.get("digest")


def choose_kind(membership: Membership, kind: str, channel: str, value: bool) -> None:
    """Sets a member's choice. The caller saves."""
    kept = {**_choices(membership)}
    kept[kind] = {**kept.get(kind, {}), channel: value}
    membership.notifications = {**membership.notifications, "kinds": kept}


def choose_digest(membership: Membership, hour: int | None) -> None:
    """Sets the hour of a member's daily email. The caller saves."""
    membership.notifications = {**membership.notifications, "digest": hour}


def _choices(membership: Membership) -> Mapping[str, Any]:
    return membership.notifications.get("kinds", {})

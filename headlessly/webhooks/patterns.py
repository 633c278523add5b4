"""The events that a webhook wants: ``Lead.Converted``, ``Deal.*``, a tracked event's name, or ``*``.

``View.*`` means records entering and leaving watched saved views. These events belong to no noun: ``Lead.*``
is what was done with leads, and a view only noted it. For a single view the name is
``View.Entered:view_fX9bL5nRdK2a``.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from django.utils.translation import gettext as _

from headlessly.declaration.registry import registry
from headlessly.errors import Invalid, did_you_mean
from headlessly.log.names import (
    OF,
    PLATFORM_EVENTS,
    SECURITY,
    SECURITY_EVENTS,
    VIEW,
    VIEW_EVENTS,
    names_of,
    without_view,
)
from headlessly.log.tracking import check_event_name, is_tracked
from headlessly.query.saved_views import watched_views

ALL = "*"
#: How many patterns a webhook may have.
MAX_PATTERNS = 100


def known_event_names() -> list[str]:
    """Returns the names of the events of all verbs, noun by noun, and of the platform."""
    verbs = [name for noun in registry.values() for name in noun.schema.verbs_by_event]
    return list(dict.fromkeys([*verbs, *PLATFORM_EVENTS, *VIEW_EVENTS]))


def event_sources() -> list[str]:
    """Returns the names that may stand before ``.*``: the nouns, and the saved views."""
    return [*registry, VIEW]


def check_patterns(value: Any) -> list[str]:
    """Returns the patterns, each once. Raises ValueError with what is allowed."""
    if not isinstance(value, list) or not value:
        raise ValueError(
            _('Send a list of event names, such as ["Lead.Converted"], or ["*"] for all.')
        )
    if len(value) > MAX_PATTERNS:
        raise ValueError(
            _("At most %(most)s names are allowed, not %(count)s.")
            % {"most": MAX_PATTERNS, "count": len(value)}
        )
    return list(dict.fromkeys(map(_check_pattern, value)))


def check_known_event(name: str) -> None:
    """Raise ValueError for a name that no event can have, with a suggestion."""
    if ALL in name:
        raise ValueError(_("This is the name of one event, without a star."))
    if name in registry and not is_tracked(name):
        raise ValueError(
            _("%(name)s is a noun, and no event: targetType=%(name)s finds all of its events.")
            % {"name": name}
        )
    if name not in SECURITY_EVENTS:  # these are in the log, but no webhook may have them
        _check_pattern(name)


def _check_pattern(value: Any) -> str:
    if not isinstance(value, str):
        raise ValueError(_("An event's name is a string."))
    value = value.strip()
    if value == ALL:
        return value
    name, dot, event = value.partition(".")
    if dot and event == ALL:
        if name not in event_sources():
            raise ValueError(_no_noun(name))
        return value
    if without_view(value) in VIEW_EVENTS and OF in value:
        return _check_view(value)
    if "*" in value:
        raise ValueError(
            _("A star stands alone or after a noun, as in %s.*") % next(iter(registry))
        )
    if value in event_sources() and not is_tracked(value):
        raise ValueError(
            _("%(name)s is no event: %(name)s.* is all of its events.") % {"name": value}
        )
    names = known_event_names()
    if value in names:
        return value
    if dot and name in event_sources():
        own = [each for each in names if each.startswith(f"{name}.")]
        raise ValueError(
            _("There is no event %(name)s. Events: %(names)s")
            % {"name": value[:64], "names": ", ".join([*own, f"{name}.*"])}
            + did_you_mean(value, own)
        )
    if dot and (meant := [each for each in names if each.casefold() == value.casefold()]):
        raise ValueError(
            _("There is no event %(name)s. Did you mean %(meant)s?")
            % {"name": value[:64], "meant": meant[0]}
        )
    try:
        check_event_name(value)
    except Invalid as problem:
        if dot and name[:1].isupper() and event[:1].isupper():
            raise ValueError(_no_noun(name)) from None
        raise ValueError(problem.first_message) from None
    return value


def _check_view(value: str) -> str:
    """Returns the pattern if there is such a view. Raises ValueError."""
    id = value.partition(OF)[2]
    if id not in watched_views():
        raise ValueError(no_view(id))
    return value


def no_view(id: str) -> str:
    """Returns the error for a view that does not exist or is not watched."""
    return _(
        "There is no view %s whose changes are sent to webhooks: share one with the team, and choose that."
    ) % (id[:64] or "-")


def _no_noun(name: str) -> str:
    there = {"name": name[:64], "names": ", ".join(event_sources())}
    said = _("There is no noun %(name)s. Nouns: %(names)s.") % there
    return said + did_you_mean(name, event_sources())


def matches_any(
    patterns: Collection[str], name: str, target_type: str | None, view: str | None = None
) -> bool:
    """Whether the patterns match an event with this name and type; ``view`` is the view that a record entered
    or left. Security events, which only admins may read, are never sent."""
    if target_type == SECURITY:
        return False
    source = VIEW if name in VIEW_EVENTS else target_type
    wanted = (ALL, f"{source}.*", *names_of(name, view))
    return not set(wanted).isdisjoint(patterns)

"""Which events a webhook wants: ``Lead.Converted``, ``Deal.*``, a tracked event's name, or ``*``.

``View.*`` is what comes into the saved views that are watched, and goes. It is of no noun: ``Lead.*`` is what
was done with leads, and a view only noted it.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from django.utils.translation import gettext as _

from headlessly.declaration.registry import registry
from headlessly.errors import Invalid, did_you_mean
from headlessly.log.events import check_event_name
from headlessly.log.names import PLATFORM_EVENTS, SECURITY, SECURITY_EVENTS, VIEW, VIEW_EVENTS

ALL = "*"
#: How many patterns a webhook may have.
MAX_PATTERNS = 100


def known_event_names() -> list[str]:
    """The names of the events that verbs leave, noun by noun, and of those that the platform does."""
    verbs = [name for noun in registry.values() for name in noun.schema.verbs_by_event]
    return list(dict.fromkeys([*verbs, *PLATFORM_EVENTS, *VIEW_EVENTS]))


def sources() -> list[str]:
    """Of what all events can be wanted, ``Lead.*``: the nouns, and the saved views."""
    return [*registry, VIEW]


def check_patterns(value: Any) -> list[str]:
    """The patterns, each once. Raises ValueError with what there is."""
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
    """Raise ValueError for the name of an event that there can be none of, with what was perhaps meant."""
    if ALL in name:
        raise ValueError(_("This is the name of one event, without a star."))
    if name not in SECURITY_EVENTS:  # in the log, but in no webhook
        _check_pattern(name)


def _check_pattern(value: Any) -> str:
    if not isinstance(value, str):
        raise ValueError(_("An event's name is a string."))
    value = value.strip()
    if value == ALL:
        return value
    name, dot, event = value.partition(".")
    if dot and event == ALL:
        if name not in sources():
            raise ValueError(_no_noun(name))
        return value
    if "*" in value:
        raise ValueError(
            _("A star stands alone or after a noun, as in %s.*") % next(iter(registry))
        )
    names = known_event_names()
    if value in names:
        return value
    if dot and name in sources():
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
        details = problem.details or [problem.body()]
        raise ValueError(details[0]["message"]) from None
    return value


def _no_noun(name: str) -> str:
    there = {"name": name[:64], "names": ", ".join(sources())}
    said = _("There is no noun %(name)s. Nouns: %(names)s.") % there
    return said + did_you_mean(name, sources())


def matches_any(patterns: Collection[str], name: str, target_type: str | None) -> bool:
    """Whether an event of this name, and of a record of this noun, is one of those. What admins alone read
    goes to no other system."""
    if target_type == SECURITY:
        return False
    source = VIEW if name in VIEW_EVENTS else target_type
    return ALL in patterns or name in patterns or f"{source}.*" in patterns

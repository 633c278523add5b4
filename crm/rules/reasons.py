"""The reasons of what rules do, as sentences that are shown in each reader's language."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from django.utils.translation import gettext_noop

from headlessly.language.sayings import ANYTHING, DAY, MOMENT, NUMBER, SAID, Saying, join_sayings

#: How many of the passed-over people a reason names, and how long a reason may be.
MOST_NAMED, LONGEST = 5, 255

#: Names the rule, with or without the reason.
OF_RULE = Saying(
    gettext_noop('Rule "%(rule)s", version %(version)s'), rule=ANYTHING, version=NUMBER
)
BY_RULE = Saying(
    gettext_noop('Rule "%(rule)s", version %(version)s: %(why)s'),
    rule=ANYTHING,
    version=NUMBER,
    why=SAID,
)

# -- who gets a lead --------------------------------------------------------------------------------------

NOBODY = Saying(gettext_noop("nobody, as it says"))
FOR_PERSON = Saying(gettext_noop("for %(name)s"))
TURN = Saying(gettext_noop("turn %(turn)s of %(all)s"), turn=NUMBER, all=NUMBER)
FEWEST = Saying(gettext_noop("fewest open leads (%(open)s)"), open=NUMBER)
NOBODY_CAN = Saying(gettext_noop("nobody can take it"))
NOBODY_THERE = Saying(gettext_noop("there is nobody to take it"))
FALLBACK = Saying(gettext_noop("the fallback, as %(why)s"), why=SAID)
MORE = Saying(gettext_noop("and %(more)s more"), more=NUMBER)

#: Why somebody was passed over.
NO_MEMBER = Saying(gettext_noop("%(name)s is no member"))
AWAY = Saying(gettext_noop("%(name)s is away until %(day)s"), day=DAY)
OFF_WORK = Saying(gettext_noop("%(name)s works again %(moment)s"), moment=MOMENT)
NEVER_WORKS = Saying(gettext_noop("%(name)s works at no time, as the calendar says"))
NO_TURNS = Saying(gettext_noop("%(name)s takes no turns"))
FULL = Saying(
    gettext_noop("%(name)s has %(open)s of %(most)s open leads"), open=NUMBER, most=NUMBER
)

# -- until when a lead is answered ------------------------------------------------------------------------

WITHIN = Saying(gettext_noop("within %(minutes)s min of working time"), minutes=NUMBER)
WITHIN_HOURS = Saying(gettext_noop("within %(hours)s h of working time"), hours=NUMBER)

# -- why a run is over ------------------------------------------------------------------------------------

NOT_ACTIVE = Saying(gettext_noop("The rule is not active any more."))
NO_STEPS = Saying(gettext_noop("It was no automation then: it has no steps."))
FITS_NO_MORE = Saying(gettext_noop("The condition did not hold any more after the wait."))
RECORD_GONE = Saying(gettext_noop("The record is gone."))
STOPPED_BY = Saying(gettext_noop("%(name)s stopped it."))
CIRCLE = Saying(gettext_noop("Rules cause each other without end: %(path)s."), path=ANYTHING)
EMPTY = Saying(gettext_noop("%(path)s is empty."))
NOBODY_TOLD = Saying(gettext_noop("%(path)s is empty: nobody is told."))
NOT_A_MEMBER = Saying(gettext_noop("%(person)s is no member, and cannot be told."))
NO_WEBHOOK = Saying(gettext_noop("There is no active webhook %(id)s."))
TOO_LONG = Saying(gettext_noop("It took longer than the database allows."))
NOBODY_WORKS = Saying(gettext_noop("As the calendar says nobody works for years."))
BROKEN = Saying(
    gettext_noop("It could not be done (%(problem)s). The log of the server says more.")
)


class Versioned(Protocol):
    """What a reason needs to know about its rule."""

    @property
    def name(self) -> str: ...

    @property
    def version(self) -> int: ...


def within(minutes: int) -> str:
    """Returns an amount of working time in words, whole hours as hours."""
    hours, rest = divmod(minutes, 60)
    return WITHIN(minutes=minutes) if rest or not hours else WITHIN_HOURS(hours=hours)


def of_rule(rule: Versioned) -> str:
    """Returns which rule it was."""
    return _cut(OF_RULE(rule=rule.name, version=rule.version))


def reason(rule: Versioned, why: str, passed: Sequence[str] = ()) -> str:
    """Returns why a rule did something, and why it did not choose others, cut to whole sentences that fit."""
    for named in range(min(len(passed), MOST_NAMED), -1, -1):
        more = len(passed) - named
        others = [*passed[:named], MORE(more=more)] if more else passed[:named]
        said = BY_RULE(rule=rule.name, version=rule.version, why=join_sayings(why, *others))
        if len(said) <= LONGEST:
            return said
    return _cut(said)


def _cut(text: str) -> str:
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 1]}\N{HORIZONTAL ELLIPSIS}"

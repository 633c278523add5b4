"""When people work, and when they are on leave.

Both are given with a person's places in teams, and apply to the person everywhere: somebody who is on leave
in one team is on leave in all, and somebody whose places name several calendars works in the hours of each.
People without a calendar work always.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from datetime import date, datetime

from crm.calendars import hours_by_calendar, office_zone
from crm.models import TeamMember
from crm.working_time import WorkingTime
from headlessly.access import tenancy

#: A leave: its first day, or None if it has begun already, and the first day after it.
Leave = tuple[date | None, date]


@dataclass
class Presence:
    """When one person is there. Moments in ascending order are answered fastest."""

    hours: tuple[WorkingTime, ...] = ()
    leaves: list[Leave] = field(default_factory=list)
    #: For each of the calendars: the moment of the last question, and the stretch of work found for it.
    _known: dict[int, tuple[datetime, datetime, datetime]] = field(default_factory=dict)

    def day_of(self, moment: datetime) -> date:
        """Returns the date of a moment where the person works."""
        zone = self.hours[0].zone if self.hours else office_zone()
        return moment.astimezone(zone).date()

    def back_on(self, moment: datetime) -> date | None:
        """Returns the day on which the person is back, or None if they are not on leave."""
        return back_on(self.leaves, self.day_of(moment)) if self.leaves else None

    def works_at(self, moment: datetime) -> bool:
        """Whether a moment is in the person's hours, whether or not they are on leave."""
        opens = self.opens_at(moment) if self.hours else moment
        # Not compared for equality: moments in the repeated hour of a clock change equal no moment of another
        # zone.
        return opens is not None and opens <= moment

    def opens_at(self, moment: datetime) -> datetime | None:
        """Returns when the person works next, in the zone of their calendar: `moment` if they work then.

        Returns None if they do not work for years.
        """
        found = [self._next(number, moment) for number in range(len(self.hours))]
        return min((each for each in found if each is not None), default=None)

    def _next(self, number: int, moment: datetime) -> datetime | None:
        hours = self.hours[number]
        known = self._known.get(number)
        if known is None or not known[0] <= moment < known[2]:
            stretch = hours.next_stretch(moment)
            if stretch is None:
                return None
            self._known[number] = known = (moment, *stretch)
        return max(moment, known[1]).astimezone(hours.zone)


def back_on(leaves: Iterable[Leave], day: date) -> date | None:
    """Returns the day on which somebody with these leaves is back, or None if they are on none of them."""
    now = [until for begins, until in leaves if until > day and (begins is None or begins <= day)]
    return max(now, default=None)


def presences_of(contacts: Collection[str]) -> dict[str, Presence]:
    """Returns when each of these people is there, by their present places in teams."""
    places = TeamMember.objects.filter(member__in=contacts).order_by("created_at", "pk")
    columns = ("member_id", "calendar_id", "away_from", "away_until")
    found: dict[str, Presence] = {contact: Presence() for contact in contacts}
    calendars: dict[str, dict[str, None]] = defaultdict(dict)
    for contact, calendar, begins, until in places.values_list(*columns):
        if until is not None:
            found[contact].leaves.append((begins, until))
        if calendar is not None:
            calendars[contact][calendar] = None
    if calendars:
        known = hours_by_calendar()
        for contact, named in calendars.items():
            found[contact].hours = tuple(known[each] for each in named if each in known)
    return found


@dataclass
class PastLeaves:
    """Who was on leave at moments of the past, as it was known at the time."""

    #: For each contact, what held from one moment to another.
    by_contact: dict[str, list[tuple[datetime, datetime | None, Leave]]]

    @classmethod
    def of(cls, contacts: Collection[str], begins: datetime, ends: datetime) -> PastLeaves:
        past = TeamMember.past.objects.filter(
            tenant_id=tenancy.require().pk,
            member__in=list(contacts),
            deleted_at=None,
            away_until__isnull=False,
            valid_from__lt=ends,
        ).exclude(valid_to__lte=begins)
        found: dict[str, list[tuple[datetime, datetime | None, Leave]]] = defaultdict(list)
        columns = ("member_id", "valid_from", "valid_to", "away_from", "away_until")
        for contact, since, until, first, back in past.order_by("seq").values_list(*columns):
            found[contact].append((since, until, (first, back)))
        return cls(dict(found))

    def was_away(self, contact: str, moment: datetime, presence: Presence) -> bool:
        if not (known := self.by_contact.get(contact)):
            return False
        held = [
            leave
            for since, until, leave in known
            if since <= moment and (until is None or moment < until)
        ]
        return back_on(held, presence.day_of(moment)) is not None

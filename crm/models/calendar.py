"""The calendar: when people work, by weekdays, public holidays and the tenant's own days off."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from datetime import date, timedelta
from typing import Any, ClassVar
from zoneinfo import ZoneInfo

from django.db import models
from django.utils.translation import gettext as _

from crm.models.validators import validate_timezone
from crm.working_time import MINUTES_A_DAY, WorkingTime, public_holidays, regions_by_country
from headlessly.declaration.fields import Flag, Json, String
from headlessly.declaration.values import parse_iso_day
from headlessly.errors import did_you_mean
from headlessly.nouns import Noun

WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
#: The most stretches of time in a week, the most days off of a calendar, and the most days of one entry among
#: these.
MOST_STRETCHES, MOST_DAYS_OFF, LONGEST = 70, 500, 366
TIME = re.compile(r"([01]\d|2[0-3]):([0-5]\d)\Z|24:00\Z")


def usual_hours() -> list[dict[str, str]]:
    """Returns the hours from nine to five, Monday to Friday."""
    return [{"day": day, "from": "09:00", "to": "17:00"} for day in WEEKDAYS[:5]]


class Calendar(Noun):
    """When people work: by it the time is counted within which a lead is to be answered."""

    name = String(required=True)
    is_default = Flag("by it is counted; there is one", verbose_name="default")
    time_zone = String(
        "whose clock counts: an IANA name, like Europe/Berlin", required=True,
        validators=[validate_timezone], suggests=("UTC", "Europe/Berlin", "America/New_York"),
        example="Europe/Berlin",
    )  # fmt: skip
    hours = Json(
        "when is worked: day, from and to, such as 09:00 and 17:00; a day may have several stretches, "
        "one to the end of the day is to 24:00",
        required=True,
        keys=("day", "from", "to"),
        kinds={"day": WEEKDAYS},
        default=usual_hours,
        example=[{"day": "Monday", "from": "09:00", "to": "17:00"}],
    )
    country = String(
        "whose public holidays are days off: a code of ISO 3166, like DE or US", example="DE"
    )
    region = String("of which region of the country: the second half of its code, like BY")
    days_off = Json(
        "other days on which nobody works: from, to (the last of several) and name, such as 2026-12-24",
        keys=("from", "to", "name"),
        kinds={"from": "date", "to": "date"},
        example=[{"from": "2026-12-24", "to": "2026-12-31", "name": "Closed"}],
    )

    class Surface:
        icon = "schedule"
        area = "setup"
        setting = "When you work: hours, holidays and days off"
        rank = 63
        columns = ("name", "is_default", "time_zone", "country", "region")
        facets = ("is_default",)
        alike = ("name",)
        groups = (
            ("Hours", ("name", "is_default", "time_zone", "hours")),
            ("Days off", ("country", "region", "days_off")),
        )

    class Meta:
        indexes: ClassVar = [
            models.Index(fields=["tenant", "-created_at", "-id"], name="calendar_by_created"),
        ]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["tenant"],
                condition=models.Q(is_default=True, deleted_at=None),
                name="one_default_calendar",
            )
        ]

    def working_time(self) -> WorkingTime:
        """Returns the calendar as an object that calculates working time."""
        week: list[list[tuple[int, int]]] = [[] for _day in WEEKDAYS]
        for stretch in self.hours:
            week[WEEKDAYS.index(stretch["day"])].append(_stretch_minutes(stretch))
        own = frozenset(_days_of(self.days_off or ()))
        country, region = self.country, self.region

        def is_day_off(day: date) -> bool:
            known = country is not None and day in public_holidays(country, region, day.year)
            return known or day in own

        return WorkingTime(
            ZoneInfo(self.time_zone), tuple(tuple(sorted(day)) for day in week), is_day_off
        )

    def before_write(self) -> None:
        """Write the codes of country and region in their official spelling."""
        self.country = self.country and self.country.upper()
        if self.region and self.country:
            known = regions_by_country().get(self.country, ())
            spelled = {each.lower(): each for each in known}
            self.region = spelled.get(self.region.lower(), self.region)

    def validate(self, values: Mapping[str, Any], problems: dict[str, str]) -> None:
        """Check the hours and days off, that country and region are known, and that there is only one
        default."""
        found = {
            "hours": _wrong_hours(values["hours"]) if "hours" in values else None,
            "days_off": _wrong_days_off(values["days_off"]) if values.get("days_off") else None,
        }
        if {"country", "region"} & values.keys():
            country = values.get("country", self.country)
            name, said = _wrong_place(country, values.get("region", self.region))
            found[name] = said
        if values.get("is_default"):
            others = Calendar.objects.filter(is_default=True).exclude(pk=self.pk)
            if other := others.first():
                found["is_default"] = _("%s is the default calendar already.") % other.name
        for name, said in found.items():
            if said:
                problems.setdefault(name, said)


def _stretch_minutes(stretch: Mapping[str, str]) -> tuple[int, int]:
    """Returns the start and end of a stretch, in minutes since midnight."""
    first, last = (int(stretch[key][:2]) * 60 + int(stretch[key][3:]) for key in ("from", "to"))
    return first, last


def _days_of(days_off: Iterable[Mapping[str, str]]) -> Iterable[date]:
    for each in days_off:
        first = parse_iso_day(each["from"])
        last = parse_iso_day(each.get("to") or each["from"])
        for number in range((last - first).days + 1):
            yield first + timedelta(days=number)


def _wrong_hours(hours: Any) -> str | None:
    """Returns what is wrong with the hours of a week, or None."""
    if not isinstance(hours, list) or not 1 <= len(hours) <= MOST_STRETCHES:
        return _("Send a list of 1 to %d stretches of time.") % MOST_STRETCHES
    known: dict[str, list[tuple[int, int]]] = {}
    for number, stretch in enumerate(hours, 1):
        if not isinstance(stretch, dict) or set(stretch) != {"day", "from", "to"}:
            return _("Stretch %d: send day, from and to, and nothing else.") % number
        day, first, last = (stretch[key] for key in ("day", "from", "to"))
        if day not in WEEKDAYS:
            return _("Stretch %(number)d: day is one of %(days)s.") % {
                "number": number, "days": ", ".join(WEEKDAYS)
            }  # fmt: skip
        if not all(isinstance(each, str) and TIME.match(each) for each in (first, last)):
            return _("Stretch %d: from and to are times like 09:00, at most 24:00.") % number
        begin, end = _stretch_minutes(stretch)
        if not begin < end <= MINUTES_A_DAY:
            return (
                _("Stretch %d: it ends after it begins; what goes past midnight is two.") % number
            )
        if any(begin < stop and start < end for start, stop in known.get(day, ())):
            return _("Stretch %d: it is partly in another one of its day.") % number
        known.setdefault(day, []).append((begin, end))
    return None


def _wrong_days_off(days: Any) -> str | None:
    """Returns what is wrong with the tenant's own days off, or None."""
    if not isinstance(days, list) or len(days) > MOST_DAYS_OFF:
        return _("Send a list of at most %d days off.") % MOST_DAYS_OFF
    for number, each in enumerate(days, 1):
        if not isinstance(each, dict) or set(each) - {"from", "to", "name"} or "from" not in each:
            return _("Day off %d: send from, to and name, and nothing else.") % number
        name = each.get("name")
        if name is not None and (not isinstance(name, str) or len(name) > 255):
            return _("Day off %d: its name is a text of at most 255 characters.") % number
        try:
            first = parse_iso_day(each["from"])
            last = parse_iso_day(each.get("to") or each["from"])
        except (TypeError, ValueError, AttributeError):
            return _("Day off %d: from and to are days like 2026-12-24.") % number
        if not 0 <= (last - first).days < LONGEST:
            return _("Day off %(number)d: to is a later day, at most %(most)d days on.") % {
                "number": number, "most": LONGEST
            }  # fmt: skip
    return None


def _wrong_place(country: Any, region: Any) -> tuple[str, str | None]:
    """Returns which of the two fields is wrong, and what is wrong with it."""
    if not country:
        return "region", _("Say of which country.") if region else None
    regions = regions_by_country().get(str(country).upper())
    if regions is None:
        return "country", _("Use a code of ISO 3166 like DE or US.")
    if region and str(region).lower() not in {each.lower() for each in regions}:
        if not regions:
            return "region", _("%s has no regions: leave it empty.") % str(country).upper()
        said = _("Use one of %s.") % ", ".join(regions)
        return "region", said + did_you_mean(str(region), regions)
    return "country", None

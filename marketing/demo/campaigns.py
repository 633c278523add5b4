"""The year's campaigns: what ran when, for how much, and how strongly it attracted leads."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING

from django.utils.text import slugify

from headlessly.context import clock
from marketing.demo.calendar import at_work, midnight
from marketing.demo.timeline import Story
from marketing.models import Campaign

if TYPE_CHECKING:
    from marketing.demo.business import Business

COUNTED = timedelta(
    days=110
)  #: how long after its end a campaign is counted, as sales take their time
COSTS = timedelta(days=30)


@dataclass(frozen=True)
class Plan:
    """One campaign. Days count from the first day of the year."""

    title: str
    type: str
    source: str  #: the channel of its leads
    medium: str
    start: int
    days: int
    budget: int
    draw: float  #: compared with the weights of the ordinary channels
    quality: float = 0.0
    pause: tuple[int, int] | None = None  #: from, to
    cancelled: bool = False

    def draws(self, day: int) -> bool:
        """Whether leads come from it on this day: from some days after the launch, and for some days after
        its end."""
        paused = self.pause is not None and self.pause[0] - 1 <= day < self.pause[1] + 4
        return (
            not self.cancelled and not paused and self.start + 4 <= day < self.start + self.days + 9
        )


PLANS = (
    Plan("Search ads: shift planning",
         "Paid", "paid-search", "cpc", 5, 400, 46_000, 9, -0.02, pause=(160, 190)),
    Plan("Guide: shift rules on one page",
         "Content", "content", "download", 9, 150, 13_500, 8, -0.02),
    Plan("Logistics trade fair", "Event", "event", "fair", 38, 4, 16_500, 110, 0.08),
    Plan("Customers bring customers",
         "Referral", "referral", "referral", 60, 400, 12_000, 9, 0.06),
    Plan("Webinar: rest periods and works councils",
         "Webinar", "webinar", "webinar", 78, 12, 11_500, 45, 0.04),
    Plan("Newsletter: stock counts in half the time",
         "Email", "email", "email", 104, 24, 4_800, 22),
    Plan("A day on site", "Social", "social", "video", 128, 46, 9_600, 17, -0.06),
    Plan("Facility management fair", "Event", "event", "fair", 186, 4, 14_000, 100, 0.04),
    Plan("Search ads: stock counts", "Paid", "paid-search", "cpc", 200, 80, 14_000, 10, -0.08),
    Plan("Webinar: routes with fewer empty miles",
         "Webinar", "webinar", "webinar", 236, 12, 12_000, 50, 0.10),
    Plan("E-book: ready for the peak season",
         "Content", "content", "download", 258, 60, 6_200, 13),
    Plan("Foremen tell",
         "Social", "social", "video", 306, 90, 11_000, 14, 0.02, pause=(352, 900)),
    Plan("Webinar: hours per job, live",
         "Webinar", "webinar", "webinar", 346, 40, 10_500, 30, 0.05),
    Plan("Roadshow with partners",
         "Event", "partner", "event", 300, 10, 18_000, 0, cancelled=True),
    Plan("Logistics trade fair", "Event", "event", "fair", 403, 4, 19_000, 0),
)  # fmt: skip


def settle_in_calendar(plan: Plan, first: date) -> Plan:
    """Returns the plan moved in the calendar: it starts on a Monday or Tuesday, and not around New Year."""
    start = plan.start
    day = first + timedelta(start)
    if (day.month, day.day) > (12, 12) or (day.month, day.day) < (1, 6):
        start += 26
    return replace(plan, start=start + (7 - (first + timedelta(start)).weekday()) % 7 + start % 2)


def campaign(business: Business, plan: Plan) -> Story:
    """Tells a campaign from its first draft to the count of what it brought."""
    rng = business.random("campaign", plan.title, plan.start)
    start = business.first + timedelta(plan.start)
    end = start + timedelta(plan.days - 1)
    boss = business.manager
    conceived = max(start - timedelta(24 + rng.randrange(12)), business.first + timedelta(1))
    # What is planned beyond the year was begun within it.
    conceived = min(conceived, business.last - timedelta(12))

    yield morning(conceived, 10), boss.actor
    record = Campaign.create(**_facts(business, plan, start, end)).pk
    if plan.start > 12:
        yield morning(min(start - timedelta(9), business.last - timedelta(6)), 11), boss.actor
        Campaign.update(record, status="Scheduled")
    if plan.cancelled:
        yield morning(start - timedelta(3), 15), boss.actor
        Campaign.update(record, status="Cancelled")
        return
    yield morning(start, 8), boss.actor
    Campaign.launch(record)
    business.running[plan] = record
    for moment, what in _course(business, plan, start, end):
        yield moment, boss.actor
        if what == "pause":
            Campaign.pause(record)
        elif what == "launch":
            Campaign.launch(record)
        elif what == "spend":
            Campaign.update(record, actual_cost=_spent(plan, start, business.overspend(plan)))
        else:
            Campaign.complete(record)


def _facts(business: Business, plan: Plan, start: date, end: date) -> dict[str, object]:
    short = plan.title.partition(": ")[2] or plan.title
    word = slugify(short)
    return {
        "name": f"{plan.title}, {start:%B %Y}",
        "slug": f"{word}-{start:%Y-%m}",
        "type": plan.type,
        "description": f"{plan.type} campaign for {business.name}, planned for {plan.days} days.",
        "start_date": start,
        "end_date": end,
        "budget": plan.budget,
        "target_leads": round(plan.budget / 280),
        "target_revenue": plan.budget * 6,
        "landing_page_url": f"https://www.{business.domain}/{word}",
        "utm_source": plan.source,
        "utm_medium": plan.medium,
        "utm_campaign": f"{word}-{start:%Y-%m}",
        "owner": business.manager.contact,
    }


def _course(
    business: Business, plan: Plan, start: date, end: date
) -> Iterator[tuple[datetime, str]]:
    """Yields what happens to a running campaign, in order."""
    course = []
    if plan.pause:
        for day, what in zip(plan.pause, ("pause", "launch"), strict=True):
            course.append((morning(business.first + timedelta(day), 9), what))
    spent = start + min(COSTS, timedelta(max(plan.days, 6)))
    while spent < min(end + COSTS, business.last):
        course.append((morning(spent, 16), "spend"))
        spent += COSTS
    course.append((morning(end + COUNTED, 14), "complete"))
    yield from sorted(course, key=lambda step: step[0])


def _spent(plan: Plan, start: date, overspend: float) -> float:
    """Returns what it has cost by now: the budget is spent evenly, and a little faster than planned."""
    days = (clock.now().date() - start).days
    return round(plan.budget * overspend * min(days / max(plan.days, 1), 1), -1)


def morning(day: date, hour: int) -> datetime:
    return at_work(midnight(day) + timedelta(hours=hour, minutes=(day.toordinal() * 13) % 50))

"""The goals that the manager sets: a little more than what the previous months brought."""

from __future__ import annotations

from datetime import date, timedelta
from typing import TYPE_CHECKING

from crm.models import Deal, Goal, Lead
from marketing.demo.calendar import at_work, midnight
from marketing.demo.timeline import Story

if TYPE_CHECKING:
    from marketing.demo.business import Business

#: How much more than before, and how many months are averaged.
MORE, LOOKS_BACK = 1.1, 3
#: How long before a month its goals are set, so that the company has some in its first hours.
AHEAD = timedelta(5)


def goals(business: Business) -> Story:
    """In the last days before each month, goals are set for everybody, and won deals for each rep."""
    first = (business.first + timedelta(100)).replace(day=1)
    while first - AHEAD < business.last:
        yield at_work(midnight(first - AHEAD) + timedelta(hours=8)), business.manager.actor
        _plan_month(business, first)
        if first.month in (1, 4, 7, 10):
            _plan_quarter(first)
        first = _months_after(first, 1)


def _plan_month(business: Business, first: date) -> None:
    since = _months_after(first, -LOOKS_BACK)
    won = {"stage": "Won", "actualCloseDate": {"$gte": f"{since}", "$lt": f"{first}"}}
    by_owner = {row["owner"]: row["count"] for row in Deal.aggregate(won, group="owner")}
    (whole,) = Deal.aggregate(won, measure="sum(value)")
    if worth := _converted(whole, "sum(value)"):
        _set("WonValue", "Month", first, round(worth / LOOKS_BACK * MORE, -3) or 1_000)
    for rep in business.reps:
        if rep.joined <= (first - business.first).days:
            count = by_owner.get(rep.contact, 0)
            _set("WonDeals", "Month", first, max(round(count / LOOKS_BACK * MORE), 1), rep.contact)


def _plan_quarter(first: date) -> None:
    since = _months_after(first, -LOOKS_BACK)
    done = {"convertedAt": {"$gte": f"{since}", "$lt": f"{first}"}}
    (converted,) = Lead.aggregate(done)
    _set("Conversions", "Quarter", first, max(round(converted["count"] * MORE), 1))


def _set(measure: str, period: str, first: date, target: float, owner: str | None = None) -> None:
    Goal.create(measure=measure, period=period, start_date=first, target=target, owner=owner)


def _converted(row: dict, name: str) -> float:
    """Returns an amount of a group in the tenant's currency."""
    if (known := row.get("converted", {}).get(name)) is not None:
        return known["value"] or 0
    return sum(row[name].values())


def _months_after(first: date, months: int) -> date:
    number = first.year * 12 + first.month - 1 + months
    return date(number // 12, number % 12 + 1, 1)

"""The forecast: what should close in each month, by how certain it is, now and some weeks ago."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta

from django.db.models import Case, CharField, Q, Value, When
from django.db.models.functions import TruncMonth

from crm.models import Deal, Goal
from crm.reports.deals import MONTHS_AHEAD, open_stages, won_stages
from headlessly.query import money
from headlessly.query.money import Amounts, add_amounts
from headlessly.query.reports import Records, Slice

WON = "Won"
#: The parts of a month, the most certain first. Omitted deals are in none of the sums.
COMMIT, BEST_CASE, PIPELINE, OMITTED = map(
    str,
    (
        Deal.ForecastCategory.COMMIT,
        Deal.ForecastCategory.BEST_CASE,
        Deal.ForecastCategory.PIPELINE,
        Deal.ForecastCategory.OMITTED,
    ),
)
PARTS = (WON, COMMIT, BEST_CASE, PIPELINE, OMITTED)
#: The parts that are expected: what was won, and what is committed.
EXPECTED = (WON, COMMIT)
#: How many weeks back the forecast is compared.
WEEKS_AGO = (1, 4)


@dataclass(frozen=True)
class MonthForecast:
    """The forecast of one month at a moment, by part."""

    first: date
    parts: dict[str, Amounts]
    records: dict[str, Records]  #: the deals of each part

    def sum_of(self, *names: str) -> Amounts:
        return add_amounts(self.parts[name] for name in names if name in self.parts)

    @property
    def expected(self) -> Amounts:
        """What was won and what is committed."""
        return self.sum_of(*EXPECTED)


@dataclass(frozen=True)
class Forecast:
    """The forecast of all months at a moment (None for now), with earlier ones to compare."""

    as_of: datetime | None
    months: list[MonthForecast]
    before: dict[int, Forecast]  #: by the number of weeks
    goals: dict[date, float]  #: of won value, in the tenant's currency, by month


def forecast_by_category(slice: Slice) -> Forecast:
    """Returns the forecast of this month and the :data:`MONTHS_AHEAD` - 1 after it, whatever the period.

    Open deals count in the month of their expectedCloseDate, with their whole value, by forecastCategory. Won
    deals count as won, whatever their category, in the month of actualCloseDate. Open deals that should have
    closed in an earlier month are left out. The forecasts of one and four weeks ago are those of the deals as
    they were then. Amounts are in the deals' currencies; they are converted at the rate of the day on which a
    deal was won, and for open deals at that of the forecast's day.
    """
    months = months_ahead(slice.today)
    before = {
        weeks: _forecast(slice, months, slice.now - timedelta(weeks=weeks)) for weeks in WEEKS_AGO
    }
    found = _forecast(slice, months, slice.as_of)
    return Forecast(slice.as_of, found.months, before, _goals(slice, months))


def months_ahead(today: date) -> list[date]:
    """Returns the first days of this month and of the following ones."""
    found = [today.replace(day=1)]
    while len(found) < MONTHS_AHEAD:
        found.append((found[-1] + timedelta(days=32)).replace(day=1))
    return found


def _forecast(slice: Slice, months: list[date], moment: datetime | None) -> Forecast:
    end = (months[-1] + timedelta(days=32)).replace(day=1)
    then = slice.at(moment)
    opened = then.records(Deal, stage__in=open_stages())
    won = then.records(Deal, stage__in=won_stages())
    rows = opened.where(**_between("expected_close_date", months[0], end)).queryset()
    rows |= won.where(**_between("actual_close_date", months[0], end)).queryset()
    is_won = Q(stage__in=Deal.WON)
    closes = Case(When(is_won, then="actual_close_date"), default="expected_close_date")
    part = Case(
        When(is_won, then=Value(WON)), default="forecast_category", output_field=CharField()
    )
    grouped = money.sum_amounts(
        rows.annotate(month=TruncMonth(closes), part=part),
        "value",
        by=("month", "part"),
        as_of=moment,
    )
    sums = {key: amounts[0] for key, amounts in grouped.items()}
    found = []
    for first, following in zip(months, [*months[1:], end], strict=True):
        who = {
            part: opened.where(
                forecastCategory__in=part, **_between("expected_close_date", first, following)
            )
            for part in PARTS[1:]
        }
        who = {WON: won.where(**_between("actual_close_date", first, following))} | who
        found.append(MonthForecast(first, {p: a for (m, p), a in sums.items() if m == first}, who))
    return Forecast(moment, found, {}, {})


def _between(day: str, first: date, end: date) -> dict[str, str]:
    wire = Deal.schema.by_name[day].wire
    return {f"{wire}__gte": f"{first}", f"{wire}__lt": f"{end}"}


def _goals(slice: Slice, months: list[date]) -> dict[date, float]:
    """Returns the goal of won value for each month: of the slice's owner, else everybody's."""
    if set(slice.narrowed) - {"owner"}:
        return {}
    found = (
        slice.scope(Goal)
        .queryset()
        .filter(
            measure=Goal.Measure.WON_VALUE,
            period=Goal.Period.MONTH,
            start_date__in=months,
            owner=slice.narrowed.get("owner"),
        )
    )
    return dict(found.values_list("start_date", "target"))

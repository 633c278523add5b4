"""The value of open deals, by stage and by the month in which they should close."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from django.db.models import Case, DecimalField, ExpressionWrapper, F, Q, Sum, Value, When
from django.db.models.functions import Cast, Coalesce, TruncMonth

from crm.models import Deal, Lead
from crm.models.deal import USUAL_CHANCES
from headlessly.declaration.paths import OPEN
from headlessly.query import money
from headlessly.query.reports import Records, Slice

#: The number of months in the forecast, this one included.
MONTHS_AHEAD = 6


@dataclass(frozen=True)
class PipelineRules:
    """How deals move: by the tenant's pipelines, or by the usual one."""

    #: Probabilities of winning, in percent, by pipeline and stage; deals without a pipeline under None.
    chances: Mapping[tuple[str | None, str], float]
    rotting: int  #: days without activity before a lead is stale


def pipeline_rules(slice: Slice) -> PipelineRules:
    machine, chances = Deal.schema.require_machine(), {}
    for path in (*machine.paths, replace(machine.default_path, id=None)):
        for state in path.states:
            if state.kind == OPEN:
                usual = USUAL_CHANCES.get(state.key, 0)
                given = state.probability
                chances[path.id, state.key] = usual if given is None else given
    return PipelineRules(chances, Lead.stale_after().days)


def open_stages() -> str:
    """Returns the stages in which deals are open, as an address lists them."""
    return ",".join(Deal.OPEN)


def won_stages() -> str:
    """Returns the stages in which deals are won, as an address lists them."""
    return ",".join(Deal.WON)


@dataclass(frozen=True)
class Amount:
    """Deals of one currency: their number, their value, and their value times the chance of winning."""

    deals: int = 0
    value: Decimal = Decimal(0)
    weighted: Decimal = Decimal(0)

    def __add__(self, other: Amount) -> Amount:
        return Amount(
            self.deals + other.deals, self.value + other.value, self.weighted + other.weighted
        )


@dataclass(frozen=True)
class PipelinePart:
    """A part of the open deals, by stage or by closing month, with its amounts by currency."""

    name: str  #: a stage, one of WHEN, or a month like 2026-11
    who: Records
    amounts: dict[str, Amount] = field(default_factory=dict)

    @property
    def deals(self) -> int:
        """The number of deals in all currencies."""
        return sum(amount.deals for amount in self.amounts.values())


OVERDUE, LATER, UNDATED = WHEN = ("overdue", "later", "undated")


@dataclass(frozen=True)
class OpenPipeline:
    """All open deals, by stage and by month."""

    stages: list[PipelinePart]
    months: list[PipelinePart]
    whole: PipelinePart
    rates: money.Rates
    day: date  #: the day whose rates convert amounts

    def sum_of(self, part: PipelinePart, what: str) -> money.Amounts:
        """Returns the ``value`` or the ``weighted`` value of a part, by currency and in the tenant's own."""
        found = money.Amounts(self.rates.own)
        for currency, amount in part.amounts.items():
            rate, used = self.rates.between(currency, self.rates.own, self.day)
            found.add(currency, getattr(amount, what), rate, *used)
        return found

    @property
    def currencies(self) -> list[str]:
        """The currencies that occur, the one with the most deals first."""
        amounts = self.whole.amounts
        return sorted(amounts, key=lambda currency: (-amounts[currency].deals, currency))


def open_pipeline(slice: Slice) -> OpenPipeline:
    """Returns the value of the open deals, whatever the period: by stage, and forecast by month.

    Each deal counts once, with its own value in its currency; amounts of different currencies are added only
    after conversion (:meth:`OpenPipeline.sum_of`). The weighted value is value times probability; a deal
    without a probability has the chance of its stage in its pipeline (:class:`PipelineRules`). The months are
    those of expectedCloseDate: deals that should have closed before today are overdue, and those that close
    after :data:`MONTHS_AHEAD` months are later. One pass over the open deals.
    """
    chances, today = slice.cached(pipeline_rules).chances, slice.today
    whole = slice.records(Deal, stage__in=open_stages())
    usual = Case(
        *(
            When(stage=stage, pipeline=pipeline, then=Value(chance))
            for (pipeline, stage), chance in chances.items()
        ),
        default=Value(0),
        output_field=Deal._meta.get_field("probability"),
    )
    exact = DecimalField(max_digits=30, decimal_places=8)
    percent = Cast(F("value"), exact) * Cast(Coalesce(F("probability"), usual), exact)
    columns = {
        "month": TruncMonth("expected_close_date"),
        "late": Q(expected_close_date__lt=today, expected_close_date__isnull=False),
    }
    sums = {
        "worth": Sum("value"),
        # The sum is divided, not each value: one division instead of one for each deal.
        "weighted": ExpressionWrapper(
            Sum(percent, output_field=exact) / Value(100, output_field=exact), output_field=exact
        ),
    }
    rows = whole.count_groups("stage", "currency", *columns, made=columns, more=sums)
    months = _months(today)
    stages = {
        state: PipelinePart(state, whole.where(stage__in=state)) for state in map(str, Deal.OPEN)
    }
    when = {name: PipelinePart(name, whole.where(**said)) for name, said in months.items()}
    every = PipelinePart("", whole)
    for stage, currency, month, late, *sums in rows:
        amount = Amount(*sums)
        for part in (stages[stage], when[_when(month, late, months)], every):
            part.amounts[currency] = part.amounts.get(currency, Amount()) + amount
    day = money.rate_day(slice.as_of)
    return OpenPipeline(
        list(stages.values()),
        [part for part in when.values() if part.amounts],
        every,
        money.Rates((currency, day) for currency in every.amounts),
        day,
    )


def _months(today: date) -> dict[str, dict[str, str]]:
    """Returns the parts of the forecast in order, each with its condition in an address."""
    close, first = "expectedCloseDate", today.replace(day=1)
    found = {OVERDUE: {f"{close}__lt": f"{today}"}}
    start = today
    for _ in range(MONTHS_AHEAD):
        first = (first + timedelta(days=32)).replace(day=1)
        found[f"{start:%Y-%m}"] = {f"{close}__gte": f"{start}", f"{close}__lt": f"{first}"}
        start = first
    return found | {LATER: {f"{close}__gte": f"{start}"}, UNDATED: {f"{close}__isnull": "true"}}


def _when(month: date | None, late: bool | None, months: Mapping[str, Any]) -> str:
    if month is None:
        return UNDATED
    if late:
        return OVERDUE
    return name if (name := f"{month:%Y-%m}") in months else LATER

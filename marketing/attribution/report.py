"""What each campaign, source, medium, page or owner earned of the deals that were won in a period.

A model shares revenue among the touches of each deal's path (:mod:`.sharing`). The row None holds deals
without a path, and what touches without a campaign (or source, ...) earned. Amounts stay in their currencies
and are converted at the rate of the day on which each deal was won. All rows together are the revenue, in
each currency and converted.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import ROUND_FLOOR, Decimal, localcontext
from functools import cached_property
from typing import Any

from django.db.models import Count, OuterRef, Q, Subquery

from crm.models import Contact, Lead
from headlessly.access import tenancy
from headlessly.query import money
from headlessly.query.periods import Period
from headlessly.query.scope import Scope
from marketing.attribution import paths, sharing
from marketing.attribution.paths import DealPath
from marketing.models import Campaign, Touchpoint
from marketing.returns import return_on_investment

#: The field of a campaign that equals the group, so that its cost belongs to the row.
COST_OF = {
    "campaign": "pk",
    "source": "utm_source",
    "medium": "utm_medium",
    "page": "landing_page_url",
    "owner": "owner_id",
}
#: The field of a lead that equals the group; for other groups it is a field of the lead's first touch.
LEAD_FIELDS = {"campaign": "campaign_id", "source": "source", "owner": "owner_id"}
#: The nouns of groups that are records.
NOUNS: Mapping[str, Any] = {"campaign": Campaign, "owner": Contact}


@dataclass
class Row:
    """What one campaign (or source, ...) earned. The key is None for what none of them earned."""

    key: str | None
    revenue: money.Amounts
    deals: int = 0  #: with a touch of the group that has a share
    leads: int = 0  #: created in the period
    cost: money.Amounts | None = None  #: None if it is unknown
    name: str = ""
    #: The revenue in the tenant's currency, rounded so that all rows add up to the total; None if a rate is
    #: missing.
    converted: Decimal | None = None

    @property
    def roi(self) -> float | None:
        """(revenue - cost) / cost * 100, in percent; None without a cost or a rate."""
        if self.converted is None or (cost := self.converted_cost) is None:
            return None
        return return_on_investment(self.converted, cost)

    @property
    def converted_cost(self) -> Decimal | None:
        return None if self.cost is None else self.cost.converted

    @property
    def cost_per_lead(self) -> Decimal | None:
        return self._cost_of_one(self.leads)

    @property
    def cost_per_deal(self) -> Decimal | None:
        return self._cost_of_one(self.deals)

    def _cost_of_one(self, count: int) -> Decimal | None:
        cost = self.converted_cost
        return None if cost is None or not count else (cost / count).quantize(money.CENT)


@dataclass
class Attribution:
    """The rows of a report under one model, the most revenue first, and their total."""

    model: str
    by: str
    rows: list[Row]
    total: Row


@dataclass
class Question:
    """A question: deals won in a period, as of a moment. Their paths are read once for all models."""

    by: str
    period: Period
    as_of: datetime | None = None

    @cached_property
    def paths(self) -> list[DealPath]:
        condition = paths.won_deals(*self.period.bounds)
        return list(paths.read_paths(condition, by=self.by, as_of=self.as_of))

    @cached_property
    def rates(self) -> money.Rates:
        return money.Rates({(each.currency, each.day) for each in self.paths})

    @cached_property
    def touching(self) -> dict[str | None, None]:
        """All groups that touched any of the deals: the rows are the same under every model."""
        return dict.fromkeys(key for each in self.paths for key in each.said or [None])

    @cached_property
    def leads(self) -> dict[str | None, int]:
        """The number of leads created in the period, by the group that brought them."""
        first, end = self.period.bounds
        scope = Scope(Lead, self.as_of)
        found = scope.queryset().filter(created_at__gte=first, created_at__lt=end).order_by()
        if (name := LEAD_FIELDS.get(self.by)) is None:
            touches, name = Scope(Touchpoint, self.as_of), "_said"
            own = touches.queryset().filter(lead=OuterRef(scope.key))
            own = own.order_by("occurred_at", touches.key).values(self.by)
            found = found.annotate(_said=Subquery(own[:1]))
        return dict(found.values_list(name).annotate(count=Count("pk")))

    @cached_property
    def costs(self) -> dict[str | None, money.Amounts]:
        """What the campaigns of each group cost in total, as their costs have no dates."""
        scope = Scope(Campaign, self.as_of)
        name = scope.key if COST_OF[self.by] == "pk" else COST_OF[self.by]
        known = scope.queryset().filter(**{f"{name}__isnull": False, "actual_cost__isnull": False})
        sums = money.sum_amounts(known, "actual_cost", by=[name], as_of=self.as_of)
        return {key: amounts for (key,), (amounts,) in sums.items()}

    @cached_property
    def running(self) -> set[str | None]:
        """The groups whose campaigns ran in the period and cost something: they have a row in any case."""
        first, last = self.period.first, self.period.last
        scope = Scope(Campaign, self.as_of)
        name = scope.key if COST_OF[self.by] == "pk" else COST_OF[self.by]
        ran = scope.queryset().filter(
            Q(end_date__isnull=True) | Q(end_date__gte=first),
            start_date__lte=last,
            actual_cost__isnull=False,
            **{f"{name}__isnull": False},
        )
        return set(ran.order_by().values_list(name, flat=True))

    def names(self, keys: Iterable[str | None]) -> dict[str | None, str]:
        """Returns the names of the groups."""
        every = [key for key in keys if key is not None]
        if (noun := NOUNS.get(self.by)) is None:
            return {key: key for key in every}
        return {each.pk: str(each) for each in noun.with_deleted.filter(pk__in=every)}

    def attribute(self, model: str) -> Attribution:
        """Returns the report under one of :data:`.sharing.MODELS`."""
        earned: dict[Any, int] = defaultdict(int)
        deals: dict[str | None, int] = defaultdict(int)
        whole: dict[Any, int] = defaultdict(int)
        for each in self.paths:
            weights = sharing.MODELS[model](each.path) if each.path.moments else [1]
            said = each.said or [None]
            for key, cents in zip(said, sharing.share_cents(each.cents, weights), strict=True):
                earned[key, each.currency, each.day] += cents
            for key in {key for key, weight in zip(said, weights, strict=True) if weight}:
                deals[key] += 1
            whole[each.currency, each.day] += each.cents
        rows = self._rows(earned, deals)
        own = tenancy.require().currency
        total = Row(None, money.Amounts(own), len(self.paths), sum(self.leads.values()))
        for (currency, day), cents in whole.items():
            self._add(total.revenue, currency, day, cents)
        total.converted = total.revenue.converted
        costs = [row.cost for row in rows if row.cost is not None]
        total.cost = money.add_amounts(costs) if costs else None
        if total.converted is not None:
            _convert_together(rows, total.converted)
        names = self.names(row.key for row in rows)
        for row in rows:
            row.name = names.get(row.key, "")
        rows.sort(key=lambda row: (-(row.converted or 0), -row.deals, -row.leads, row.name))
        return Attribution(model, self.by, rows, total)

    def _rows(self, earned: Mapping[Any, int], deals: Mapping[str | None, int]) -> list[Row]:
        own = tenancy.require().currency
        keys = dict.fromkeys([*self.touching, *self.leads, *self.running])
        rows = {
            key: Row(
                key,
                money.Amounts(own),
                deals.get(key, 0),
                self.leads.get(key, 0),
                self.costs.get(key) if key is not None else None,
            )
            for key in keys
        }
        for (key, currency, day), cents in earned.items():
            if cents:
                self._add(rows[key].revenue, currency, day, cents)
        return list(rows.values())

    def _add(self, amounts: money.Amounts, currency: str, day: date | None, cents: int) -> None:
        rate, used = self.rates.between(currency, amounts.currency, day)
        amounts.add(currency, Decimal(cents) / 100, rate, *used)


def _convert_together(rows: list[Row], whole: Decimal) -> None:
    """Round the converted amounts of the rows so that together they equal the total."""
    with localcontext(prec=money.DIGITS):
        exact = [row.revenue.exact for row in rows]
        floors = [each.quantize(money.CENT, ROUND_FLOOR) for each in exact]
        left = int((whole - sum(floors, Decimal(0))) / money.CENT)
        order = sorted(range(len(rows)), key=lambda n: (floors[n] - exact[n], n))
        for n in order[:left]:
            floors[n] += money.CENT
    for row, amount in zip(rows, floors, strict=True):
        row.converted = amount

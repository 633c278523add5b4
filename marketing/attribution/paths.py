"""The paths of won deals, read in one statement: of today, or as they were on any day.

The sources are the querysets of the nouns: of the active tenant, as far as the actor may see them, and for a
past moment their versions. So the paths of a limited rep consist of what that rep may see.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from django.db.models import F, Q

from crm.models import Deal, Lead
from headlessly.access import tenancy
from headlessly.database import prepared
from headlessly.query import money
from headlessly.query.scope import Scope
from marketing.attribution.sharing import Path
from marketing.models import Touchpoint

#: How touches are grouped, with the touch's column for it; an owner is the deal's.
GROUPS: dict[str, str | None] = {
    "campaign": "campaign_id",
    "source": "source",
    "medium": "medium",
    "page": "page",
    "owner": None,
}


def _microseconds(column: str) -> str:
    """Returns SQL for a moment as a number of microseconds, which is read and compared faster, and is exact
    for centuries."""
    return f"(date_part('epoch', {column}) * 1000000)::bigint"


#: The moment up to which touches count for a won deal.
WON_AT = F("won_at")

STATEMENT = f"""
WITH won (id, value, currency, day, created_at, until, contact, owner) AS MATERIALIZED ({{deals}}),
     leads (id, deal, created_at) AS MATERIALIZED (
         SELECT l.* FROM ({{leads}}) AS l (id, deal, created_at) JOIN won ON won.id = l.deal),
     touches (id, contact, lead, occurred_at, said) AS NOT MATERIALIZED ({{touches}}),
     path (deal, id, occurred_at, said) AS (
         SELECT won.id, t.id, t.occurred_at, t.said
         FROM won JOIN touches t ON t.contact = won.contact AND t.occurred_at <= won.until
         UNION ALL  -- the others: those of the contact are in the first part, whatever they are about
         SELECT won.id, t.id, t.occurred_at, t.said
         FROM leads JOIN won ON won.id = leads.deal
         JOIN touches t ON t.lead = leads.id AND t.occurred_at <= won.until
         WHERE t.contact IS DISTINCT FROM won.contact OR won.contact IS NULL)
SELECT won.id, (won.value * 100)::bigint, won.currency, won.day, won.owner,
       {_microseconds("won.created_at")}, {_microseconds("l.created_at")}, p.moments, p.ids, p.said
FROM won
LEFT JOIN (SELECT deal, min(created_at) AS created_at FROM leads GROUP BY deal) l ON l.deal = won.id
LEFT JOIN (SELECT deal, array_agg({_microseconds("occurred_at")} ORDER BY occurred_at, id) AS moments,
                  array_agg(id ORDER BY occurred_at, id) FILTER (WHERE {{named}}) AS ids,
                  array_agg(said ORDER BY occurred_at, id) AS said
           FROM path GROUP BY deal) p ON p.deal = won.id
ORDER BY won.until, won.id
"""


@dataclass(frozen=True)
class DealPath:
    """A deal with the touches that led to it."""

    deal: str
    cents: int
    currency: str
    day: date | None  #: the day whose rate converts its value
    owner: str | None
    touches: list[str]  #: the ids of the touchpoints in their order, if they were asked for
    said: list[str | None]  #: what each touch says of the requested group
    path: Path


def won_deals(first: datetime | None, end: datetime | None) -> Q:
    """Returns the condition for deals that were won from `first` to before `end`."""
    condition = Q(stage__in=Deal.WON, won_at__isnull=False)
    if first is not None:
        condition &= Q(won_at__gte=first)
    if end is not None:
        condition &= Q(won_at__lt=end)
    return condition


def read_paths(
    condition: Q,
    *,
    by: str = "campaign",
    as_of: datetime | None = None,
    until: Any = WON_AT,
    named: bool = False,
) -> Iterator[DealPath]:
    """Yields the paths of the deals that meet `condition`, in the order in which they were won.

    `by` is one of :data:`GROUPS`. Touches count up to the moment `until`. With `named` the ids of the touches
    are read too, which reports do not need.
    """
    deals, leads, touches = (Scope(noun, as_of) for noun in (Deal, Lead, Touchpoint))
    own = tenancy.require().currency
    found = deals.queryset().filter(condition).order_by()
    found = found.annotate(_day=money.day_of_rate(Deal.schema, own, as_of), _until=until)
    said = GROUPS[by] or "source"
    parts = {
        "deals": found.values_list(
            deals.key, "value", "currency", "_day", "created_at", "_until", "contact_id", "owner_id"
        ),
        "leads": leads.queryset().filter(deal__isnull=False).order_by().values_list(
            leads.key, "deal_id", "created_at"
        ),
        "touches": touches.queryset().order_by().values_list(
            touches.key, "contact_id", "lead_id", "occurred_at", said
        ),
    }  # fmt: skip
    written = {name: part.query.sql_with_params() for name, part in parts.items()}
    sql = STATEMENT.format(
        **{name: text for name, (text, _given) in written.items()}, named=str(named).lower()
    )
    given = [each for name in ("deals", "leads", "touches") for each in written[name][1]]
    for (
        deal,
        cents,
        currency,
        day,
        owner,
        created,
        lead,
        moments,
        ids,
        groups,
    ) in prepared.execute_planned(sql, given):
        count = len(moments or ())
        yield DealPath(
            deal,
            cents,
            currency,
            day,
            owner,
            ids or [],
            (groups or []) if GROUPS[by] else [owner] * count,
            Path(moments or [], lead, created),
        )

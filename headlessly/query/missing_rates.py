"""The currencies whose amounts a range leaves out, because they have no exchange rate.

With exchange rates, ``value >= 10,000`` compares amounts in the tenant's currency (:mod:`.money`). An amount
in a currency without a rate is in no range at all, so the caller is told.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from headlessly.query import filters
from headlessly.query.paging import COUNT_CAP
from headlessly.query.scope import Scope
from headlessly.query.search import Search

#: At most this many currencies are named.
MOST = 10


def missing_rates(
    scope: Scope, stated: Sequence[Mapping[str, Any] | None], search: Search | None = None
) -> list[str]:
    """Returns the currencies without a rate among the records that match ``stated`` apart from its ranges of
    amounts. Looks only at as many records as are counted, so that the cost does not grow with the table. Does
    nothing if there is no such range, or no rates."""
    currency = scope.noun.schema.currency
    if currency is None or not filters.may_compare(stated):
        return []
    asked = filters.without_rate_conditions(scope, stated)
    if asked is None:
        return []
    rest, without_rate = asked
    some = scope.queryset().filter(rest)
    if search is not None:
        some = some.filter(search.condition)
    found = scope.queryset().filter(without_rate, pk__in=some.order_by()[:COUNT_CAP].values("pk"))
    codes = found.order_by(currency.attname).values_list(currency.attname, flat=True)
    return list(codes.distinct()[:MOST])

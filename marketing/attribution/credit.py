"""What each touch of one deal earned, under every model."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from django.db.models import DateTimeField, Q, Value

from crm.models import Deal
from headlessly.context import clock
from headlessly.query.scope import Scope
from marketing.attribution import paths
from marketing.attribution.sharing import MODELS, credits


@dataclass(frozen=True)
class DealCredit:
    """The touches of a deal in their order, and for each model what each of them earned, in cents."""

    touches: list[str]
    credits: dict[str, dict[str, int]]


def credit_of_deal(deal: Deal, as_of: datetime | None = None) -> DealCredit:
    """Returns what the touches of a deal earned. A deal that is not won has a path up to now but earned
    nothing."""
    is_won = deal.stage in Deal.WON and deal.won_at is not None
    now = Value(as_of or clock.now(), output_field=DateTimeField())
    condition = Q(**{Scope(Deal, as_of).key: deal.pk})
    until = paths.WON_AT if is_won else now
    for found in paths.read_paths(condition, as_of=as_of, until=until, named=True):
        earned = {
            model: dict(zip(found.touches, credits(model, found.path, found.cents), strict=True))
            for model in (MODELS if is_won else ())
        }
        return DealCredit(found.touches, earned)
    return DealCredit([], {})

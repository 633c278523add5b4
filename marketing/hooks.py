"""What follows from what in marketing."""

from __future__ import annotations

from headlessly.errors import VerbRefused
from headlessly.execution import Context

from .models import Campaign


@Campaign.launching
def require_somewhere_to_land_and_something_to_spend(campaign: Campaign, ctx: Context) -> None:
    missing = [
        words
        for words, value in (
            ("a landing page", campaign.landing_page_url),
            ("a budget", campaign.budget),
        )
        if value is None
    ]
    if missing:
        raise VerbRefused(
            f"A campaign needs {' and '.join(missing)} before its launch", code="not_ready"
        )

"""The campaign that a visit came from, by its utm values, and the link that has them."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import parse_qsl, urlencode, urlsplit

from django.db.models import Q

from marketing.models import Campaign

#: What an address says of a campaign, the most telling last.
UTM = ("utm_medium", "utm_source", "utm_campaign")


def campaign_of(utm: Mapping[str, str | None]) -> str | None:
    """The id of the campaign that these utm values belong to, or None.

    A campaign fits when its utm_campaign is the one given (or neither has one), when its source and its
    medium are those given wherever both say one, and when anything is the same at all. Case does not count.
    Of several the one that says most wins, then one that is running, then the newest.
    """
    given = {name: value for name in UTM if (value := (utm.get(name) or "").strip())}
    if not given:
        return None
    fits, same = _matches("utm_campaign", given.get("utm_campaign")), Q()
    for name, value in given.items():
        same |= _matches(name, value)
        if name != "utm_campaign":
            fits &= _matches(name, value) | Q(**{f"{name}__isnull": True})
    found = Campaign.objects.filter(fits & same).order_by("-created_at", "-id")[:100]

    def rank(campaign: Campaign) -> tuple[int, bool]:
        said = sum(
            (getattr(campaign, name) or "").casefold() == value.casefold()
            for name, value in given.items()
        )
        return said, campaign.status == Campaign.Status.LAUNCHED

    return best.pk if (best := max(found, key=rank, default=None)) else None


def landing_link(campaign: Campaign) -> str:
    """The address that leads to a campaign's landing page and says that it came from there; empty where it
    has no page, or nothing by which a visit could be told."""
    said = {name: value for name in reversed(UTM) if (value := getattr(campaign, name))}
    if not campaign.landing_page_url or not said:
        return ""
    parts = urlsplit(campaign.landing_page_url)
    others = [
        each for each in parse_qsl(parts.query, keep_blank_values=True) if each[0] not in said
    ]
    return parts._replace(query=urlencode([*others, *said.items()])).geturl()


def _matches(name: str, value: str | None) -> Q:
    """The campaigns with this value, whatever its case; without one those that have none."""
    return Q(**{f"{name}__isnull": True}) if value is None else Q(**{f"{name}__iexact": value})

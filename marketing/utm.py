"""Finds the campaign that a visit came from by its utm values, and builds the link that has them."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import parse_qsl, urlencode, urlsplit

from django.db.models import Q

from marketing.models import Campaign

#: The parameters of a campaign in an address, the most specific last.
UTM = ("utm_medium", "utm_source", "utm_campaign")


def campaign_of(utm: Mapping[str, str | None]) -> str | None:
    """Returns the id of the campaign that these utm values belong to, or None.

    A campaign fits if its utm_campaign is the given one (or neither has one), if its source and medium equal
    the given ones wherever both have one, and if at least one value is the same. Case does not matter. If
    several fit, the one with the most values wins, then one that is running, then the newest.
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
    """Returns the address of a campaign's landing page with its utm values.

    It is empty if the campaign has no page, or nothing by which a visit could be recognized.
    """
    said = {name: value for name in reversed(UTM) if (value := getattr(campaign, name))}
    if not campaign.landing_page_url or not said:
        return ""
    parts = urlsplit(campaign.landing_page_url)
    others = [
        each for each in parse_qsl(parts.query, keep_blank_values=True) if each[0] not in said
    ]
    return parts._replace(query=urlencode([*others, *said.items()])).geturl()


def _matches(name: str, value: str | None) -> Q:
    """Returns the condition for campaigns with this value, whatever its case; without a value, for those that
    have none."""
    return Q(**{f"{name}__isnull": True}) if value is None else Q(**{f"{name}__iexact": value})

"""Links from an organization's page to a map."""

from __future__ import annotations

from urllib.parse import urlencode

from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from crm.models import Organization

MAP = "https://www.openstreetmap.org/search"


def address_html(organization: Organization) -> SafeString | str:
    """Returns the street with a link to a map."""
    return _on_map(organization, organization.address)


def city_html(organization: Organization) -> SafeString | str:
    """Returns the city, with a link to a map if no street is known."""
    if organization.address:
        return organization.city or ""
    return _on_map(organization, organization.city)


def _on_map(organization: Organization, said: str | None) -> SafeString | str:
    if not said:
        return ""
    town = " ".join(filter(None, (organization.postal_code, organization.city)))
    parts = (organization.address, town, organization.state, organization.country)
    return format_html(
        '<a href="{}" rel="noopener noreferrer" target="_blank" title="{}">{}</a>',
        f"{MAP}?{urlencode({'query': ', '.join(filter(None, parts))})}",
        _("On a map"),
        said,
    )

"""Where a request comes from, as far as this site can know."""

from __future__ import annotations

from collections.abc import Mapping
from ipaddress import IPv6Address, ip_address, ip_network
from typing import Any

from django.conf import settings
from django.core import signing

#: The cookie of a browser in which somebody has signed in, and how long it is valid, in seconds.
BROWSER_COOKIE, BROWSER_LASTS = "browser", 365 * 24 * 60 * 60


def caller_address(environ: Mapping[str, Any]) -> str:
    """Returns the address of the client. Behind a proxy it is the last one in the header, which the proxy
    itself has added."""
    forwarded = environ.get("HTTP_X_FORWARDED_FOR", "") if settings.TRUST_PROXY else ""
    return (forwarded.rpartition(",")[2].strip() or environ.get("REMOTE_ADDR", ""))[:64]


def customer_network(address: str) -> str:
    """Returns the network that one customer of a provider has: an IPv4 address, or 64 bits of an IPv6 one."""
    try:
        found = ip_address(address)
    except ValueError:
        return address
    if isinstance(found, IPv6Address):
        return str(found.ipv4_mapped or ip_network((found, 64), strict=False))
    return str(found)


def browser_mark(cookies: Mapping[str, str]) -> str:
    """Returns the content of this browser's cookie; empty for a new browser, and for a forged cookie."""
    try:
        return signing.loads(
            cookies.get(BROWSER_COOKIE, ""), salt=BROWSER_COOKIE, max_age=BROWSER_LASTS
        )
    except signing.BadSignature:
        return ""

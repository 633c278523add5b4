"""The addresses that a webhook may have: hosts of the public internet, by http or https.

An address is checked twice: as it is written, when the webhook is registered, and as it resolves, at each
delivery. The connection uses exactly the address that was checked, so that a name cannot lead elsewhere in
between.
"""

from __future__ import annotations

import asyncio
import re
import socket
import threading
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import Any

from django.conf import settings
from django.utils.translation import gettext as _

from headlessly.declaration.values import group_thousands

MAX_URL_LENGTH = 2000
#: Other well-known ports belong to other services.
PORTS = {"http": 80, "https": 443}
FREE_PORTS = range(1024, 65536)

PARTS = re.compile(
    r"(?P<scheme>https?)://"
    r"(?P<host>\[[0-9a-f:.]+\]|[a-z0-9._-]+)"
    r"(?::(?P<port>[0-9]{1,5}))?"
    r"(?P<target>[/?][!-~]*)?",
    re.IGNORECASE | re.ASCII,  # without the letters of other alphabets that are a small s or k
)
LABEL = re.compile(r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?")
#: A last label like this makes a host an IPv4 address to whoever resolves it.
NUMERIC = re.compile(r"[0-9]+|0x[0-9a-f]*")
#: Names that lead nowhere but to this machine or its neighbours.
INNER = ("localhost", "local", "internal", "intranet", "lan", "home.arpa")

#: All of IPv4 that is not the public internet (IANA's registry of special-purpose addresses, multicast and
#: reserved ranges). Listed explicitly, because what Python calls global differs between its releases.
CLOSED = [
    ip_network(network)
    for network in (
        "0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16",
        "172.16.0.0/12", "192.0.0.0/24", "192.0.2.0/24", "192.31.196.0/24", "192.52.193.0/24",
        "192.88.99.0/24", "192.168.0.0/16", "192.175.48.0/24", "198.18.0.0/15",
        "198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/4", "240.0.0.0/4",
    )
]  # fmt: skip
#: For IPv6 the other way round: only global unicast is open, except for its special ranges. So IPv4 addresses
#: embedded in IPv6 (mapped, compatible, NAT64, 6to4, Teredo) are closed, whatever they are.
OPEN_6 = ip_network("2000::/3")
CLOSED_6 = [
    ip_network(network)
    for network in ("2001::/23", "2001:db8::/32", "2002::/16", "2620:4f:8000::/48", "3fff::/20")
]

#: Looking up a name cannot be interrupted. A delivery waits for these threads only as long as it has time.
RESOLVERS = ThreadPoolExecutor(32, thread_name_prefix="resolver")
#: The running look-ups. Requests for the same name share one, so that a host that cannot be resolved occupies
#: one thread, however much is to be sent to it.
_lookups: dict[tuple[str, int], Future[Any]] = {}
_lock = threading.Lock()


class AddressNotAllowed(Exception):
    """The host resolves to an address that webhooks may not use."""


@dataclass(frozen=True)
class WebhookUrl:
    """A URL in its parts. It is parsed only here."""

    scheme: str
    host: str  #: in small letters, an IPv6 address without its brackets
    port: int
    target: str

    @classmethod
    def parse(cls, text: str) -> WebhookUrl:
        """Returns the parts of ``text``. Raises ValueError with what is allowed."""
        if len(text) > MAX_URL_LENGTH:
            raise ValueError(
                _("At most %(most)s characters are allowed, not %(count)s.")
                % {"most": group_thousands(MAX_URL_LENGTH), "count": group_thousands(len(text))}
            )
        authority = re.split(r"[/?#\\]", text.partition("://")[2], maxsplit=1)[0]
        if "@" in authority:
            raise ValueError(_("A user name or password has no place in this address."))
        if "#" in text or "\\" in text:
            raise ValueError(_("An address here has no fragment and no backslash."))
        found = PARTS.fullmatch(text)
        if found is None:
            raise ValueError(
                _(
                    "Use an address like https://example.com/hook, in ASCII (a host name in its xn-- form)."
                )
            )
        scheme = found["scheme"].lower()
        if scheme == "http" and not settings.WEBHOOKS_ALLOW_HTTP:
            raise ValueError(_("Use https: what is sent there is nobody else's business."))
        port = int(found["port"] or PORTS[scheme])
        if port not in PORTS.values() and port not in FREE_PORTS:
            raise ValueError(_("Use the port 80, 443 or one from 1024 to 65535."))
        target = found["target"] or "/"
        return cls(
            scheme,
            _checked_host(found["host"].lower()),
            port,
            target if target.startswith("/") else f"/{target}",
        )

    @property
    def authority(self) -> str:
        """The Host header."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == PORTS[self.scheme] else f"{host}:{self.port}"


def _checked_host(host: str) -> str:
    """Returns the host, if it is allowed. Raises ValueError."""
    if host.startswith("["):
        return _checked_ip(host[1:-1], _("This is no IPv6 address."))
    host = host.removesuffix(".")
    labels = host.split(".")
    if NUMERIC.fullmatch(labels[-1]):
        return _checked_ip(host, _("Write an IPv4 address as four decimal numbers."))
    if len(host) > 253 or not all(map(LABEL.fullmatch, labels)):
        raise ValueError(_("This is no host name."))
    inner = len(labels) == 1 or any(host == name or host.endswith(f".{name}") for name in INNER)
    if inner and not settings.WEBHOOKS_ALLOW_PRIVATE:
        raise ValueError(
            _("%s is a name of an inner network. Webhooks go to public addresses only.") % host
        )
    return host


def _checked_ip(text: str, otherwise: str) -> str:
    try:
        found = ip_address(text)
    except ValueError:
        raise ValueError(otherwise) from None
    if not is_allowed(found):
        raise ValueError(
            _("%s is no address of the public internet. Webhooks go to public addresses only.")
            % found
        )
    return str(found)


def is_allowed(address: IPv4Address | IPv6Address) -> bool:
    """Whether a webhook may connect to this address."""
    return settings.WEBHOOKS_ALLOW_PRIVATE or is_public(address)


def is_public(address: IPv4Address | IPv6Address) -> bool:
    if isinstance(address, IPv4Address):
        return not any(address in network for network in CLOSED)
    return address in OPEN_6 and not any(address in network for network in CLOSED_6)


async def resolve(host: str, port: int) -> list[str]:
    """Returns the addresses of ``host`` according to the system. Raises OSError if there are none."""
    with _lock:
        if (lookup := _lookups.get((host, port))) is None:
            lookup = RESOLVERS.submit(_look_up, host, port)
            _lookups[host, port] = lookup
    # Shielded, because others may wait for it longer.
    found = await asyncio.shield(asyncio.wrap_future(lookup))
    return list(dict.fromkeys(str(address[0]) for *_, address in found))


def _look_up(host: str, port: int) -> Any:
    try:
        return socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    finally:
        with _lock:  # the submitting thread holds the lock until the look-up is registered
            del _lookups[host, port]


async def resolve_allowed(host: str, port: int) -> list[str]:
    """Returns the addresses of ``host``, all of which may be connected to.

    Raises AddressNotAllowed if any of them may not, because a mixture is suspicious.
    """
    addresses = await resolve(host, port)
    if not all(is_allowed(ip_address(address)) for address in addresses):
        raise AddressNotAllowed
    return addresses

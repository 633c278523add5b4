"""Rate limits for requests without an API key, where those are allowed.

Requests are counted per tenant and client address, in the same table as keys (see :mod:`.limits`).
"""

from __future__ import annotations

import hashlib
from typing import Any

from django.http import HttpRequest

from headlessly.access import actors, tenancy
from headlessly.access.models import Tenant
from headlessly.api import limits
from headlessly.database import prepared
from headlessly.web.callers import caller_address, customer_network

#: Requests a minute from one address: enough for an office that shares it, too few for a flood by a program.
PER_MINUTE = 30
#: Maximum size of a body in bytes. Ten long answers fit.
MAX_BODY_SIZE = 256 * 1024
#: Never blocks: skips rows that are locked by a count.
CLEAR = """
DELETE FROM headlessly_keyuse WHERE key = ANY(ARRAY(
    SELECT key FROM headlessly_keyuse
    WHERE key >= 'ip_' AND key < 'ip`' AND since < clock_timestamp() - interval '1 minute'
    LIMIT 200 FOR UPDATE SKIP LOCKED))
"""


def enter_tenant(request: Any) -> None:
    """Act as the public actor in the address's tenant until the end of the request.

    Without a tenant, enter an empty one that goes through the same checks, so that neither the response nor
    its time reveals whether the tenant exists.
    """
    if request.tenant is None:
        tenancy.enter(Tenant(pk=limits.NOBODY))
    actors.enter(actors.PUBLIC)


def count_request(request: HttpRequest) -> limits.RequestCount:
    """Count one request from this address."""
    tenant = tenancy.current()
    where = (
        f"{tenant.pk if tenant else limits.NOBODY} {customer_network(caller_address(request.META))}"
    )
    key = f"ip_{hashlib.sha256(where.encode()).hexdigest()[:29]}"
    used, reset, seconds = limits.count_stranger(key)
    if key.endswith("0") and used == 1:
        prepared.execute_prepared(CLEAR, [], rows=False)
    return limits.RequestCount(PER_MINUTE, used, reset, seconds, who="One address")

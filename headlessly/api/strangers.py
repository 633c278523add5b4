"""Those who come without a key, where that is allowed: how much each may send.

They are counted by the address that they come from, in the table in which keys are (see
:mod:`.limits`), each tenant by itself.
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

#: Requests a minute from one address: an office behind one is no flood, a program is.
PER_MINUTE = 30
#: The most bytes of a body. Ten long answers fit.
MAX_BODY_SIZE = 256 * 1024
#: Nobody waits for this: rows that are being counted are passed over.
CLEAR = """
DELETE FROM headlessly_keyuse WHERE key = ANY(ARRAY(
    SELECT key FROM headlessly_keyuse
    WHERE key >= 'ip_' AND key < 'ip`' AND since < clock_timestamp() - interval '1 minute'
    LIMIT 200 FOR UPDATE SKIP LOCKED))
"""


def enter_tenant(request: Any) -> None:
    """Act as nobody in particular in the tenant of the address, until the end of the request.

    Where there is none it is one that has nothing: the same is asked, refused and answered there, so that
    neither what is told nor its time tells whether there is a tenant.
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

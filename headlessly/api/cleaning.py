"""What nobody asks for any more is deleted: ended sessions, counts of minutes that are over, old answers.

Each is cleared a little by whoever comes by; this sees to it that none stays where nobody comes by any more.
"""

from __future__ import annotations

import time
from importlib import import_module

from django.conf import settings
from django.utils import timezone
from procrastinate.contrib.django import app

from headlessly.api import idempotency
from headlessly.context.tenant_scope import every_tenant
from headlessly.database import prepared

#: How long one round may take, in seconds; what is left then is for the next.
SLICE = 60
#: How many rows one statement deletes.
AT_ONCE = 5_000
#: Counts of keys and of strangers, long after their minute.
CLEAR_COUNTS = """
DELETE FROM headlessly_keyuse WHERE key = ANY(ARRAY(
    SELECT key FROM headlessly_keyuse WHERE since < clock_timestamp() - interval '1 hour'
    LIMIT %s FOR UPDATE SKIP LOCKED))
RETURNING 1"""


@app.periodic(cron="17 * * * *")
@app.task(name="api.clean", queueing_lock="api.clean")
@every_tenant()
def delete_what_is_over(timestamp: int) -> None:
    """Once an hour, delete what is over."""
    import_module(str(settings.SESSION_ENGINE)).SessionStore.clear_expired()
    until = time.monotonic() + SLICE
    while time.monotonic() < until:
        before = timezone.now() - idempotency.KEEP_FOR
        deleted = prepared.execute_prepared(idempotency.CLEAR_ALL, (before, AT_ONCE))
        deleted += prepared.execute_prepared(CLEAR_COUNTS, (AT_ONCE,))
        if not deleted:
            return

"""What waits to be put into search indexes is put there by the worker, not by whoever saves."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connection

from crm import Lead
from headlessly.background import waiting_entries
from headlessly.context.tenant_scope import every_tenant


@pytest.mark.django_db(transaction=True)
def test_a_minute_later_nothing_waits(acme: Any) -> None:
    def waiting() -> int:
        with every_tenant(), connection.cursor() as cursor:
            cursor.execute("SELECT gin_clean_pending_list('lead_search')")
            return cursor.fetchone()[0]

    Lead.create(name="Rebuild the website", source="web")
    assert waiting()
    Lead.create(name="Rebuild the shop", source="web")
    waiting_entries.put_away.func(0)
    assert not waiting()

"""Jobs that read the log find those tenants of which they have not read all."""

from __future__ import annotations

import json
import re
from typing import Any

from django.db import connection

from crm import Lead
from headlessly.access import tenancy
from headlessly.access.models import CLOSED, Tenant
from headlessly.background.log_reading import BEHIND, tenants_behind
from headlessly.context.tenant_scope import every_tenant
from headlessly.log.events import Event
from headlessly.notifications.models import NotificationReader
from headlessly.subscriptions.models import ListReader


@every_tenant()
def read_all(reader: Any, tenant: Any) -> None:
    last = Event._base_manager.filter(tenant=tenant).order_by("-xid", "-seq").first()
    assert last is not None
    reader.objects.update_or_create(tenant=tenant, defaults={"xid": int(last.xid), "seq": last.seq})


@every_tenant()
def behind(reader: Any) -> set[Any]:
    return set(tenants_behind(reader))


def test_a_tenant_is_behind_until_its_last_event_is_read(acme: Any, rival: Any) -> None:
    for tenant, name in ((acme, "Mia"), (rival, "Noa")):
        with tenancy.active(tenant):
            Lead.create(name=name, source="web")
    for reader in (NotificationReader, ListReader):
        assert {acme, rival} <= behind(reader)
        read_all(reader, acme)
        assert acme not in behind(reader)
        assert rival in behind(reader)
        # The other's place is not mine.
        read_all(reader, rival)
        assert not {acme, rival} & behind(reader)
    with tenancy.active(acme):
        Lead.create(name="Later", source="web")
    assert acme in behind(ListReader)
    Tenant.objects.filter(pk=acme.pk).update(log_cluster=CLOSED)
    assert acme not in behind(ListReader)


def test_it_begins_at_the_place_that_was_read_however_long_the_log_is(acme: Any) -> None:
    for n in range(20):
        Lead.create(name=f"Lead {n}", source="web")
    read_all(NotificationReader, acme)
    statement = BEHIND.format(readers='"headlessly_notificationreader"')
    with every_tenant(), connection.cursor() as cursor:
        # Of a log that it takes for empty PostgreSQL would read any index, and of twenty events all.
        cursor.execute("ANALYZE headlessly_event")
        cursor.execute("SET LOCAL enable_seqscan = off")
        cursor.execute("SET LOCAL enable_bitmapscan = off")
        cursor.execute(f"EXPLAIN (ANALYZE, FORMAT JSON) {statement}")
        plan = json.dumps(cursor.fetchone())
    assert re.search(r'"Index Cond": "[^"]*ROW\(xid, seq\) > ROW\(', plan), plan

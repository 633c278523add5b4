"""The log goes on where its cluster does not: restored, read on a standby, promoted without its last part."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import transaction
from django.test import Client

from crm import Lead
from headlessly.access.models import Tenant
from headlessly.log import pages
from headlessly.log.events import LOG_START, Event, LogPosition
from headlessly.webhooks import outbox
from headlessly.webhooks.models import Delivery

from .clusters import Cluster, acme_at, listen

pytestmark = pytest.mark.django_db

NEXT = 50


@pytest.fixture(scope="module")
def restored(original: Cluster, new_lasting_cluster: Callable[[], Cluster]) -> Cluster:
    """A fresh cluster with two databases that were dumped there."""
    cluster = new_lasting_cluster().start()
    cluster.restore(str(original.socket_dir), "headlessly")
    with cluster.connect(user="postgres", dbname="postgres", autocommit=True) as admin:
        admin.execute("CREATE DATABASE second TEMPLATE headlessly OWNER headlessly")
    return cluster


def write(count: int) -> set[str]:
    """So many leads, each in a transaction of its own; answers their events."""
    before = set(Event.log.values_list("id", flat=True))
    for number in range(count):
        Lead.create(name=f"Lead {number}", source="website")
    return set(Event.log.values_list("id", flat=True)) - before


def follow(place: LogPosition) -> tuple[list[str], LogPosition]:
    """What somebody who goes on from here reads, by pages, and where they come to stand."""
    read: list[str] = []
    while True:
        page = pages.LogQuestion().read_page(place, 20)
        read += [event.id for event in page.events]
        place = page.end
        if not page.events:
            return read, place


def told() -> set[str]:
    """The events that the webhook was told of."""
    outbox.pump()
    return set(Delivery.objects.values_list("event__id", flat=True))


def test_it_is_read_on_after_a_restore(original: Cluster, restored: Cluster) -> None:
    with acme_at(original):
        _, cursor = follow(LOG_START)
        call_command("log", "check")
    with acme_at(restored) as acme:
        answer = Client().get("/readyz")
        assert answer.status_code == 503
        assert "Run: manage.py log resume" in json.loads(answer.content)["log"]
        for command in (["work"], ["log", "check"]):
            with pytest.raises(CommandError, match=r"acme.* Run: manage\.py log resume"):
                call_command(*command)

        call_command("log", "resume")
        assert Client().get("/readyz").status_code == 200
        new = write(NEXT)
        read, end = follow(cursor)
        assert (len(read), set(read)) == (NEXT, new)
        assert new <= told()

        offset = Tenant.objects.get(pk=acme.pk).log_offset
        call_command("log", "resume")
        assert Tenant.objects.get(pk=acme.pk).log_offset == offset
        call_command("log", "resume", "--force")
        assert Tenant.objects.get(pk=acme.pk).log_offset > offset
        assert write(1) == set(follow(end)[0])


def test_it_resumes_by_itself_when_somebody_writes_first(
    original: Cluster, restored: Cluster
) -> None:
    with acme_at(original):
        _, cursor = follow(LOG_START)
    with acme_at(restored, "second"):
        new = write(NEXT)
        assert set(follow(cursor)[0]) == new
        listen("https://late.example/")
        later = write(1)
        outbox.pump()
        late = Delivery.objects.filter(webhook__url="https://late.example/")
        told_late = set(late.values_list("event__id", flat=True))
        assert later <= told_late and not told_late & new


def test_it_is_read_on_a_standby_in_order_and_after_its_promotion(
    original: Cluster, new_cluster: Callable[[], Cluster]
) -> None:
    standby = new_cluster().become_standby_of(original).start()
    with acme_at(original) as acme:
        _, start = follow(LOG_START)
        with original.connect() as slow:
            early = _append(slow, acme, "evt_early")
            with original.connect(autocommit=True) as quick:
                assert _append(quick, acme, "evt_quick") > early
            standby.catch_up_with(original)
            with acme_at(standby):
                assert follow(start)[0] == []
            slow.commit()
        standby.catch_up_with(original)
    with acme_at(standby):
        assert follow(start)[0] == ["evt_early", "evt_quick"]

    # The end of the log is lost: a follower has read it where it was written, the standby never got it.
    standby.stop()
    with acme_at(original):
        write(NEXT)
        _, ahead = follow(start)
        seen = told()
    settings = standby.cluster / "postgresql.auto.conf"
    settings.write_text(settings.read_text() + "primary_conninfo = ''\n")
    standby.start_server()
    standby.promote()
    with acme_at(standby):
        assert Client().get("/readyz").status_code == 200
        new = write(NEXT)
        assert set(follow(ahead)[0]) == new
        assert new <= told() and not new & seen


def test_it_waits_for_a_transaction_that_is_prepared(original: Cluster) -> None:
    with acme_at(original) as acme:
        _, start = follow(LOG_START)
        with original.connect() as slow:
            _append(slow, acme, "evt_prepared")
            slow.execute("PREPARE TRANSACTION 'held'")
        try:
            with transaction.atomic():
                Lead.create(name="Meanwhile", source="website")
            assert follow(start)[0] == []
        finally:
            with original.connect(autocommit=True) as quick:
                quick.execute("COMMIT PREPARED 'held'")
        assert follow(start)[0][0] == "evt_prepared"
        assert len(follow(start)[0]) == 2


def _append(at: Any, tenant: Tenant, id: str) -> int:
    """An event, written as anybody writes one; answers its transaction."""
    return at.execute(
        "INSERT INTO headlessly_event (id, tenant_id, name, actor, timestamp, data, request_id, xid)"
        " SELECT %s, t.id, 'page_view', 'system', now(), '{}', 'req_scale',"
        " (pg_current_xact_id()::text::bigint + t.log_offset)::text::xid8"
        " FROM headlessly_tenant AS t WHERE t.id = %s RETURNING xid::text::bigint",
        [id, tenant.pk],
    ).fetchone()[0]

"""Following the log: nothing is skipped and nothing comes twice, however transactions end."""

from __future__ import annotations

import random
import threading
import time
from typing import Any

import pytest
from django.db import connection, transaction

from crm import Lead
from headlessly.access import actors, tenancy
from headlessly.access.models import Tenant
from headlessly.log.events import LOG_START
from headlessly.models import Event

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def tenant() -> Any:
    return Tenant.objects.create(slug="acme", name="Acme")


def in_thread(tenant: Tenant, work: Any) -> threading.Thread:
    """Run ``work`` in the tenant, on a connection of its own."""

    def run() -> None:
        try:
            with tenancy.active(tenant), actors.acting(actors.SYSTEM):
                work()
        finally:
            connection.close()

    thread = threading.Thread(target=run)
    thread.start()
    return thread


def test_it_does_not_read_past_a_transaction_that_is_slow(tenant: Any) -> None:
    wrote, go_on = threading.Event(), threading.Event()

    def slow() -> None:
        with transaction.atomic():
            Lead.create(name="Slow", source="website")
            wrote.set()
            assert go_on.wait(20)

    with tenancy.active(tenant), actors.acting(actors.SYSTEM):
        thread = in_thread(tenant, slow)
        assert wrote.wait(20)
        Lead.create(name="Quick", source="website")
        early = list(Event.objects.settled_after(LOG_START))
        assert early == []  # the quick one has the later number: reading it would skip the slow one
        go_on.set()
        thread.join()
        names = [event.data["name"] for event in Event.objects.settled_after(LOG_START)]
        assert sorted(names) == ["Quick", "Slow"]


def test_it_gives_every_event_once_while_eight_writers_write(tenant: Any) -> None:
    chance = random.Random(5)

    def write() -> None:
        for _ in range(12):
            with transaction.atomic():
                Lead.create(name="A lead", source="website")
                time.sleep(chance.random() / 50)

    with tenancy.active(tenant), actors.acting(actors.SYSTEM):
        threads = [in_thread(tenant, write) for _ in range(8)]
        seen: list[str] = []
        place = LOG_START
        while True:
            writing = any(thread.is_alive() for thread in threads)
            page = list(Event.objects.settled_after(place)[:5])
            seen += [event.id for event in page]
            place = page[-1].position if page else place
            if not page and not writing:
                break
        for thread in threads:
            thread.join()
        assert len(seen) == len(set(seen)) == 96
        assert set(seen) == set(Event.objects.values_list("id", flat=True))


@pytest.mark.parametrize("wait", ["26", "-1", "soon", "nan", "inf"])
def test_it_refuses_to_wait_for_anything_but_a_short_while(tenant: Any, wait: str) -> None:
    from tests.conftest import Api

    answer = Api(tenant).call("GET", f"/events?wait={wait}")
    assert answer.status_code == 400
    assert answer.json()["field"] == "wait"

"""Nothing is lost or out of order, whoever commits first and whoever is killed."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from django.db import connection, transaction
from django.utils import timezone

from crm import Contact
from headlessly.access import actors, tenancy
from headlessly.context import running
from headlessly.execution import executor
from headlessly.models import Delivery, Webhook
from headlessly.webhooks import outbox

pytestmark = pytest.mark.django_db(transaction=True)
ROOT = Path(__file__).parents[3]


@contextmanager
def meanwhile(work: Callable[[threading.Event], None]) -> Iterator[threading.Event]:
    """``work`` in a thread, as far as the event that it sets; it may go on when the block ends."""
    tenant = tenancy.require()
    reached, go_on = threading.Event(), threading.Event()

    def run() -> None:
        try:
            with tenancy.active(tenant), actors.acting(actors.SYSTEM):
                work(reached, go_on)
        finally:
            connection.close()

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    assert reached.wait(20)
    try:
        yield go_on
    finally:
        go_on.set()
        thread.join(20)
        assert not thread.is_alive()


def create(name: str) -> Callable[..., None]:
    def work(reached: threading.Event, go_on: threading.Event) -> None:
        with transaction.atomic():
            Contact.create(name=name)
            reached.set()
            go_on.wait(20)

    return work


@pytest.fixture(autouse=True)
def impatient(db: None, monkeypatch: Any) -> None:
    monkeypatch.setattr(outbox, "PATIENCE", 0.1)
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM procrastinate_jobs")  # what others left in line


def names(receiver: Any) -> list[str]:
    return sorted(body["data"]["name"] for body in receiver.got)


def test_it_misses_nothing_that_commits_late(listen, deliver, receiver):
    listen()
    with meanwhile(create("Slow")):
        Contact.create(name="Fast")
        deliver()
        assert "Slow" not in names(receiver)
    deliver()
    deliver()
    assert names(receiver) == ["Fast", "Slow"]


def test_it_tells_what_was_under_way_when_it_was_made_and_nothing_before(
    listen, deliver, receiver, acme
):
    Contact.create(name="Before")
    with meanwhile(create("Under way")):
        Contact.create(name="Over, with a later number")
        listen()
        Contact.create(name="After")
    deliver()
    assert names(receiver) == ["After", "Under way"]


def test_it_keeps_the_order_of_a_record_that_a_transaction_waited_for(listen, deliver, receiver):
    """The log has the second change first, for its transaction began before the other."""
    listen()
    contact = Contact.create(name="Ada")
    deliver()
    receiver.got.clear()

    def second(reached: threading.Event, go_on: threading.Event) -> None:
        with executor.one_transaction():
            Contact.create(name="Early")
            running.flush_events()
            reached.set()
            go_on.wait(20)
            Contact.update(contact.id, title="second")

    with meanwhile(second) as go_on, meanwhile(create("Between")):
        Contact.update(contact.id, title="first")
        go_on.set()
        until = time.monotonic() + 20
        while Contact.get(contact.id).title != "second" and time.monotonic() < until:
            time.sleep(0.02)
        deliver()  # "Between" is still open: the log is settled up to there
        assert Contact.get(contact.id).title == "second"
        versions = receiver.versions(contact.id)
        assert versions == sorted(versions) and versions[-1] == Contact.get(contact.id).version
    deliver()
    versions = receiver.versions(contact.id)
    assert versions == sorted(set(versions)), "each once, in order"


def test_it_sends_each_once_with_several_workers(listen, deliver, receiver):
    listen()
    contacts = [Contact.create(name=f"C{n}") for n in range(20)]
    for contact in contacts:
        contact.update(title="x")
    tenant = tenancy.require()
    hook = Webhook.objects.get().pk

    def work() -> None:
        from headlessly.webhooks import deliveries

        try:
            with tenancy.active(tenant), actors.acting(actors.SYSTEM):
                outbox.pump()
                deliveries.deliver(webhook=hook)
        finally:
            connection.close()

    threads = [threading.Thread(target=work, daemon=True) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    deliver()
    assert len(receiver.got) == len({body["id"] for body in receiver.got}) == 40
    for contact in contacts:
        assert receiver.versions(contact.id) == [1, 2]


def test_it_wakes_a_worker_at_the_commit_and_at_most_one(listen, receiver):
    listen()
    tenancy.require().refresh_from_db()
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM procrastinate_jobs")
        for n in range(5):
            Contact.create(name=f"C{n}")
        with pytest.raises(RuntimeError), transaction.atomic():
            Contact.create(name="Undone")
            raise RuntimeError
        cursor.execute("SELECT task_name FROM procrastinate_jobs WHERE status = 'todo'")
        assert cursor.fetchall() == [(outbox.pump.name,)]


def test_it_costs_a_tenant_without_webhooks_nothing(acme, django_assert_num_queries):
    Contact.create(name="Warm")
    with django_assert_num_queries(4):  # begin, row, event, commit
        Contact.create(name="Ada")
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM procrastinate_jobs WHERE task_name LIKE '%webhooks%pump'"
        )
        assert cursor.fetchone() == (0,)


def worker() -> subprocess.Popen[bytes]:
    """`manage.py work` on this test's database."""
    code = (
        "import django; from django.conf import settings; import headlessly.settings as s;"
        f"s.DATABASES['default']['NAME'] = {connection.settings_dict['NAME']!r};"
        "s.WEBHOOKS_ALLOW_PRIVATE = True; django.setup();"
        "from django.core.management import call_command; call_command('work')"
    )
    env = os.environ | {"DJANGO_SETTINGS_MODULE": "headlessly.settings"}
    return subprocess.Popen([sys.executable, "-c", code], cwd=ROOT, env=env)


def test_it_sends_again_what_a_killed_worker_was_sending(listen, receiver, deliver):
    listen()
    tenancy.require().refresh_from_db()
    sending, over = threading.Event(), threading.Event()

    def hang(body: Any) -> int:
        sending.set()
        over.wait(60)  # it is noted when it is answered: after what comes next, or not at all
        return 200

    receiver.answer = hang
    contact = Contact.create(name="Ada")
    contact.update(title="CTO")
    killed = worker()
    try:
        assert sending.wait(40), "the worker sends what the commit told it of"
        killed.kill()  # with -9
    finally:
        killed.kill()
        killed.wait(20)
    receiver.answer = lambda body: 200
    assert {d.status for d in Delivery.objects.all()} == {"pending"}
    Delivery.objects.update(held_until=timezone.now())  # a minute later
    deliver()
    versions = receiver.versions(contact.id)
    over.set()
    assert versions == [1, 2], "once more, in order"
    assert {d.status for d in Delivery.objects.all()} == {"delivered"}

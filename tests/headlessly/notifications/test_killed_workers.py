"""Workers that are killed with -9: what people are told is neither lost nor doubled, in rows and letters."""

from __future__ import annotations

import re
import signal
from collections import Counter, defaultdict
from collections.abc import Iterator
from datetime import timedelta
from itertools import cycle, islice
from types import SimpleNamespace
from typing import Any

import pytest
from asgiref.sync import async_to_sync
from django.conf import settings
from django.db import connection
from django.utils import timezone
from procrastinate.contrib.django import app
from procrastinate.exceptions import AlreadyEnqueued

from crm import Activity, Lead
from headlessly.access import actors, tenancy
from headlessly.background import jobs
from headlessly.notifications import from_clock, from_log, letters
from headlessly.notifications.models import Notification
from tests.headlessly.notifications import dying_workers as dying
from tests.headlessly.notifications.dying_workers import Workers
from tests.headlessly.notifications.mailbox import Mailbox, mailbox, plain
from tests.headlessly.notifications.test_telling import by

__all__ = ["mailbox"]
pytestmark = pytest.mark.django_db(transaction=True)

KILLS = 20
#: Where each is killed, and whether the first or the second time that a worker comes there.
PLACES = [
    (place, time)
    for time in (1, 2)
    for place in (dying.READ, dying.CLOCK, dying.BEGUN, dying.BEFORE, dying.SENT, dying.NOTED)
    if (place, time) != (dying.CLOCK, 2)
]


@pytest.fixture
def workers(mailbox: Mailbox, acme: Any) -> Iterator[Workers]:
    found = Workers(connection.settings_dict["NAME"], settings.EMAIL_PORT)
    yield found
    found.stop()


def a_minute_later() -> None:
    """What the clock does for what a killed worker left."""
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE procrastinate_workers SET last_heartbeat = now() - interval '1 hour'"
        )
        rescue: Any = jobs.requeue_lost_jobs
        async_to_sync(rescue.func)(SimpleNamespace(app=app), 60)
        cursor.execute("UPDATE procrastinate_jobs SET scheduled_at = NULL WHERE status = 'todo'")
    from_log.catch_up(0)
    with actors.acting(actors.SYSTEM):
        letters.defer_digests(timezone.now())
    try:
        from_clock.tick.defer(timestamp=60)
    except AlreadyEnqueued:
        pass


def happen(number: int, people: SimpleNamespace, users: SimpleNamespace) -> None:
    """Something for each of them to hear of, by the log and by the clock."""
    with by(users.ann):
        for person in (people.bob, people.cleo):
            for each in range(2):
                Lead.create(name=f"Lead {number}.{each}", owner=person, source="event")
            Activity.create(
                subject=f"Call {number}", assignee=person,
                reminder_at=timezone.now() - timedelta(seconds=1),
            )  # fmt: skip


def kill(workers: Workers, place: str, time: int) -> bool:
    """Have a worker die there. What one puts in line for later another one does a minute later."""
    for _minute in range(3):
        a_minute_later()
        if workers.run(place, time) == signal.SIGKILL:
            return True
    return False


def test_nothing_is_told_twice_and_nothing_is_lost_over_twenty_kills(
    workers: Workers, mailbox: Mailbox, people: SimpleNamespace, users: SimpleNamespace
) -> None:
    for number, (place, time) in enumerate(islice(cycle(PLACES), KILLS)):
        happen(number, people, users)
        assert kill(workers, place, time), f"{number}: no worker came to {place}"
    for _minute in range(3):
        a_minute_later()
        assert workers.run() == 0

    told = Notification.objects.filter(tenant=tenancy.require(), user__in=[users.bob, users.cleo])
    leads, calls = Lead.objects.filter(name__startswith="Lead "), Activity.objects.all()
    expected = Counter({("assigned", lead.pk): 1 for lead in leads})
    expected |= Counter({(kind, call.pk): 1 for call in calls for kind in ("assigned", "reminder")})
    assert Counter(told.values_list("kind", "record")) == expected
    assert set(told.values_list("count", flat=True)) == {1}
    assert not told.filter(mailed_at=None).exists()
    below = Counter(told.exclude(part_of=None).values_list("part_of", flat=True))
    assert below == Counter(dict(told.filter(parts__gt=0).values_list("pk", "parts")))

    # By mail: a letter comes again where its worker was killed when the server had just taken it, and so may
    # the other person's of that moment. It is the same one then, and no two letters tell of the same.
    by_id: dict[str, list[Any]] = defaultdict(list)
    for letter in mailbox.letters:
        by_id[letter["Message-ID"]].append(letter)
    again = sum(len(same) - 1 for same in by_id.values())
    killed_behind = sum(place == dying.SENT for place, _time in islice(cycle(PLACES), KILLS))
    assert killed_behind <= again <= KILLS
    assert all(len({plain(each) for each in same}) == 1 for same in by_id.values())
    mailed: Counter[Any] = Counter()
    for first, *_same in by_id.values():
        mailed += Counter(re.findall(r"/((?:lead|activity)_\w+)/change/", plain(first)))
    assert mailed == Counter({record: n for (_kind, record), n in _by_record(expected).items()})


def _by_record(expected: Counter[Any]) -> Counter[Any]:
    found: Counter[Any] = Counter()
    for (_kind, record), times in expected.items():
        found["", record] += times
    return found

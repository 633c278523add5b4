"""What is left for the background is done there, as the one who left it."""

import os
import subprocess
import sys
import time
from contextlib import ExitStack
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace

import orjson
import pytest
from asgiref.sync import async_to_sync
from django.db import OperationalError, connection, transaction
from procrastinate import RetryStrategy
from procrastinate import worker as worker_module
from procrastinate.contrib.django import app
from psycopg import errors as postgres

from headlessly.access import actors, tenancy
from headlessly.access.actors import Actor
from headlessly.background.clock_ticks import Deferrer, follow_the_clock
from headlessly.background.jobs import JobPlaces, ShareTaken, is_over, job, job_places
from headlessly.background.putting_back import WorkersJobManager
from headlessly.context import tracing

seen = []


@job("tests.remember")
def remember(text):
    seen.append((text, tenancy.current(), actors.current(), tracing.request_id()))


@job("tests.greet")
def greet(name):
    from crm import Contact

    Contact.create(name=name)


@pytest.fixture(autouse=True)
def nothing_seen():
    seen.clear()


def waiting():
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM procrastinate_jobs WHERE status = 'todo' AND task_name = %s",
            [greet.name],
        )
        return cursor.fetchone()[0]


def test_runs_in_the_same_tenant_as_the_same_actor_under_the_same_request(acme, work):
    bob = Actor("user_bob", "Bob", "rep", "contact_bob")
    with actors.acting(bob), tracing.request_id_scope("req_12345678"):
        remember.defer(text="hello")
    assert seen == []
    work()
    assert seen == [("hello", acme, bob, "req_12345678")]


def test_is_gone_with_the_transaction_that_asked_for_it(acme, work):
    with pytest.raises(RuntimeError), transaction.atomic():
        remember.defer(text="hello")
        raise RuntimeError
    work()
    assert seen == []


def test_leaves_the_jobs_of_a_tenant_that_is_gone(acme, work):
    """What the ``work`` of these tests promises: no test does what another left behind."""
    from headlessly.access.models import Tenant

    gone = Tenant.objects.create(slug="gone", name="Gone")
    with tenancy.active(gone):
        remember.defer(text="theirs")
    gone.delete()
    remember.defer(text="ours")
    assert work() == [remember.name]
    assert [text for text, *_ in seen] == ["ours"]


def test_waits_once_where_it_should_and_leaves_the_transaction_whole(acme, work):
    assert remember.defer(once="it", text="first")
    assert not remember.defer(once="it", text="second")
    work()
    assert [text for text, *_ in seen] == ["first"]
    assert remember.defer(once="it", text="third"), "nothing waits any more"


@pytest.mark.django_db(transaction=True)
def test_is_done_by_a_worker_of_its_own_process():
    from crm import Contact
    from headlessly.access.models import Tenant

    tenant = Tenant.objects.create(slug="acme", name="Acme")
    with tenancy.active(tenant), actors.acting(actors.SYSTEM):
        greet.defer(name="Ada Chen")
        worker("tests.headlessly.test_jobs")
        ada = Contact.objects.get(name="Ada Chen")
        assert ada.created_by == "system"
    assert waiting() == 0


given_up = []


@job("tests.bring_down")
def bring_down(text):
    """What kills its worker, in the tests that say so."""


@bring_down.on_failure
def remember_failure(text):
    given_up.append((text, tenancy.current()))


def die_with_all():
    """A worker takes all that is in line, and dies."""
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO procrastinate_workers (last_heartbeat) "
            "VALUES (now() - interval '1 hour') RETURNING id"
        )
        dead = cursor.fetchone()
        for _ in range(5):
            cursor.execute("SELECT * FROM procrastinate_fetch_job_v2(NULL, %s)", dead)


def rescue():
    workers = SimpleNamespace(job_manager=WorkersJobManager(app.connector))
    async_to_sync(app.tasks["jobs.rescue"].func)(SimpleNamespace(app=workers), 0)


def states(name):
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT status::text FROM procrastinate_jobs WHERE task_name = %s ORDER BY id", [name]
        )
        return [status for (status,) in cursor.fetchall()]


@pytest.fixture
def alone():
    """A tenant, and nothing in line but what the test leaves there."""
    from headlessly.access.models import Tenant

    tenant = Tenant.objects.create(slug="acme", name="Acme")
    with tenancy.active(tenant), actors.acting(actors.SYSTEM):
        with connection.cursor() as cursor:
            cursor.execute("DELETE FROM procrastinate_jobs")  # what the minute left in line
        yield tenant


@pytest.mark.django_db(transaction=True)
def test_is_done_again_when_its_worker_died(alone):
    from crm import Contact

    greet.defer(name="Ada Chen")
    die_with_all()
    assert waiting() == 0, "the dead worker has it"
    rescue()
    assert waiting() == 1
    worker("tests.headlessly.test_jobs")
    assert Contact.objects.filter(name="Ada Chen").count() == 1


@pytest.mark.django_db(transaction=True)
def test_fails_and_says_so_when_it_has_lost_its_worker_three_times(alone):
    given_up.clear()
    bring_down.defer(text="too much")
    for _ in range(2):
        die_with_all()
        rescue()
        assert (states(bring_down.name), given_up) == (["todo"], [])
    die_with_all()
    rescue()
    assert states(bring_down.name) == ["failed"]
    assert given_up == [("too much", alone)]


@job("tests.ask_too_much", retry=RetryStrategy(max_attempts=6, retry_exceptions={OperationalError}))
def ask_too_much(problem):
    raise OperationalError(problem) from PROBLEMS[problem]("said the database")


@ask_too_much.on_failure
def remember_refusal(problem):
    given_up.append((problem, tenancy.current()))


PROBLEMS = {
    "full": postgres.DiskFull,
    "away": postgres.AdminShutdown,
    "slow": postgres.QueryCanceled,
}


@pytest.mark.parametrize(
    ("problem", "attempts", "is_over"),
    [("full", 0, False), ("full", 500, False), ("away", 6, False), ("slow", 5, False), ("slow", 6, True)],
)  # fmt: skip
def test_is_tried_for_as_long_as_the_database_is_in_need_and_says_so_when_it_is_not(
    acme, problem, attempts, is_over
):
    given_up.clear()
    tried = SimpleNamespace(job=SimpleNamespace(id=1, attempts=attempts), should_abort=bool)
    circumstances = {"tenant": acme.pk, "actor": asdict(actors.SYSTEM), "request_id": None}
    with pytest.raises(OperationalError) as raised:
        ask_too_much.perform(tried, circumstances=circumstances, problem=problem)
    again = ask_too_much.retry.get_retry_decision(exception=raised.value, job=tried.job)
    assert (again is None, given_up) == (is_over, [(problem, acme)] * is_over)
    if again is not None:
        assert again.retry_at - datetime.now(UTC) <= timedelta(minutes=15)


@pytest.mark.django_db(transaction=True)
def test_goes_where_the_same_waits_by_then_and_keeps_no_other_from_its_place(alone):
    greet.defer(name="Ada Chen", once="greeting", lock="greetings")
    bring_down.defer(text="too much")
    die_with_all()
    assert greet.defer(name="Ada Chen", once="greeting", lock="greetings"), "none waits any more"
    rescue()
    assert states(greet.name) == ["todo"], "the lost one is no failure"
    assert states(bring_down.name) == ["todo"]


@job("tests.line_up_again", retry=3)
def line_up_again(text):
    """What fails when somebody has put the same in line meanwhile."""
    if text == "first":
        line_up_again.defer(text="again", once="one", lock="one")
        raise ShareTaken


@pytest.mark.django_db(transaction=True)
def test_goes_where_the_same_was_put_in_line_while_it_was_at_work(alone):
    line_up_again.defer(text="first", once="one", lock="one")
    worker("tests.headlessly.test_jobs")
    assert "doing" not in states(line_up_again.name), (
        "its lock would be kept while its worker lives"
    )


@pytest.mark.django_db(transaction=True)
def test_is_put_back_although_nobody_can_be_told_that_another_failed(alone, monkeypatch):
    def nobody(text):
        raise RuntimeError("Nobody is there.")

    monkeypatch.setattr(bring_down, "failure_hook", nobody)
    bring_down.defer(text="too much")
    for _ in range(2):
        die_with_all()
        rescue()
    greet.defer(name="Ada Chen")
    die_with_all()
    rescue()
    assert states(bring_down.name) == ["failed"]
    assert states(greet.name) == ["todo"]


def test_only_one_that_has_lost_a_worker_is_at_work_at_a_time():
    # Else those beside one that brings workers down would fail with it.
    places = JobPlaces()
    with (
        places.reserve(1, is_suspect=True),
        places.reserve(1),
        pytest.raises(ShareTaken),
        places.reserve(3, is_suspect=True),
    ):
        pass
    with places.reserve(3, is_suspect=True):
        pass


def test_one_that_has_lost_a_worker_waits_beside_another(acme):
    remember.defer(text="lost")
    arguments = json_of(remember)
    arguments["circumstances"]["losses"] = 1
    worker = SimpleNamespace(job=SimpleNamespace(id=0), should_abort=bool)
    with job_places.reserve(None, is_suspect=True), pytest.raises(ShareTaken):
        remember.task.func(worker, **arguments)
    remember.task.func(worker, **arguments)
    assert [text for text, *_ in seen] == ["lost"]


def json_of(job):
    with connection.cursor() as cursor:
        cursor.execute("SELECT args::text FROM procrastinate_jobs WHERE task_name = %s", [job.name])
        return orjson.loads(cursor.fetchone()[0])


@pytest.mark.django_db(transaction=True)
def test_of_a_later_version_waits_for_its_workers(alone):
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO procrastinate_jobs (task_name, queue_name, args) VALUES "
            "('tests.of_a_later_version', 'default', '{}')"
        )
    worker("tests.headlessly.test_jobs")
    assert states("tests.of_a_later_version") == ["todo"]
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE procrastinate_jobs SET scheduled_at = now(), attempts = 4 WHERE scheduled_at > now()"
            " AND task_name = 'tests.of_a_later_version' AND attempts = 1"
        )
        assert cursor.rowcount == 1
    worker("tests.headlessly.test_jobs")
    assert states("tests.of_a_later_version") == ["failed"]


@pytest.mark.django_db(transaction=True)
def test_the_clock_goes_on_putting_jobs_in_line_when_it_has_gone_back(alone, caplog):
    deferrer = Deferrer(app.periodic_registry)
    tomorrow, now = time.time() + 86_400, time.time()
    assert len(list(deferrer.get_previous_tasks(tomorrow))) > 5, "it was wrong, and is put right"
    remember.defer(text="later", at=datetime.fromtimestamp(tomorrow, UTC))
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM procrastinate_periodic_defers")
    async_to_sync(deferrer.defer_jobs)(deferrer.get_previous_tasks(now))
    assert "The clock went back by 86" in caplog.text
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FILTER (WHERE task_name = 'jobs.rescue'), count(scheduled_at)"
            " FROM procrastinate_jobs"
        )
        assert cursor.fetchone() == (1, 0)
    caplog.clear()
    async_to_sync(deferrer.defer_jobs)(deferrer.get_previous_tasks(now))
    assert not caplog.records


def test_a_year_that_the_clock_has_skipped_is_not_made_up_for():
    deferrer, now = Deferrer(app.periodic_registry), 1_800_000_000
    first = len(list(deferrer.get_previous_tasks(now)))
    assert len(list(deferrer.get_previous_tasks(now + 60))) >= first
    assert len(list(deferrer.get_previous_tasks(now + 365 * 86_400))) <= 2 * first


def test_a_worker_has_the_deferrer_that_knows_of_a_clock_that_goes_back():
    follow_the_clock()
    assert worker_module.periodic.PeriodicDeferrer is Deferrer


def test_what_waits_for_its_tenants_share_lets_others_have_the_place_that_is_left(acme, rival):
    for tenant in (acme, acme, acme, rival):
        with tenancy.active(tenant):
            remember.defer(text=tenant.slug)
    strategy, taken = remember.task.retry_strategy, []
    decision = strategy.get_retry_decision(exception=ShareTaken(), job=None)
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM procrastinate_jobs WHERE task_name <> %s", [remember.name])
        cursor.execute("INSERT INTO procrastinate_workers DEFAULT VALUES RETURNING id")
        worker = cursor.fetchone()
        while "rival" not in taken and len(taken) < 10:
            cursor.execute(
                "SELECT id, args ->> 'text' FROM procrastinate_fetch_job_v2(NULL, %s)", worker
            )
            id, text = cursor.fetchone()
            taken.append(text)
            cursor.execute(  # due again by the time that all have been asked
                "SELECT procrastinate_retry_job_v2(%s, now(), %s, NULL, NULL)",
                [id, decision.priority],
            )
    assert taken == ["acme"] * 3 + ["rival"]


def test_waiting_for_the_tenants_share_is_no_attempt(acme):
    remember.defer(text="at last")
    with connection.cursor() as cursor, ExitStack() as stack:
        cursor.execute(
            "SELECT id, args::text FROM procrastinate_jobs WHERE task_name = %s", [remember.name]
        )
        id, arguments = cursor.fetchone()
        worker = SimpleNamespace(job=SimpleNamespace(id=id), should_abort=bool)
        for _ in range(job_places.size - 1):
            stack.enter_context(job_places.reserve(acme.pk))
        for _ in range(3):
            cursor.execute("UPDATE procrastinate_jobs SET status = 'doing' WHERE id = %s", [id])
            with pytest.raises(ShareTaken):
                remember.task.func(worker, **orjson.loads(arguments))
            cursor.execute("SELECT procrastinate_retry_job_v2(%s, now(), NULL, NULL, NULL)", [id])
        cursor.execute("SELECT attempts, status::text FROM procrastinate_jobs WHERE id = %s", [id])
        assert cursor.fetchone() == (0, "todo")


@pytest.mark.django_db(transaction=True)
def test_is_deleted_a_week_after_it_failed(alone):
    bring_down.defer(text="old")
    for _ in range(3):
        die_with_all()
        rescue()
    for days, left in ((6, ["failed"]), (2, [])):
        with connection.cursor() as cursor:
            cursor.execute(
                "UPDATE procrastinate_events SET at = at - make_interval(days => %s)", [days]
            )
        rescue()
        assert states(bring_down.name) == left


@pytest.mark.parametrize("of", [1, None], ids=["a tenant's", "letters, which are nobody's"])
def test_leaves_a_place_to_other_tenants(of):
    places = JobPlaces()
    with ExitStack() as stack:
        for _ in range(places.size - 1):
            stack.enter_context(places.reserve(of))
        with pytest.raises(ShareTaken):
            stack.enter_context(places.reserve(of))
        stack.enter_context(places.reserve(2))
    with places.reserve(of):
        assert places.by_tenant == {of: 1}
    decision = greet.task.retry_strategy.get_retry_decision(exception=ShareTaken(), job=None)
    assert decision.retry_at is not None, "it comes again"
    assert greet.task.retry_strategy.get_retry_decision(exception=ValueError(), job=None) is None


def worker(module):
    """`manage.py work` on this test's database, with the jobs of a module."""
    code = (
        "import django; from django.conf import settings; import headlessly.settings as s;"
        f"s.DATABASES['default']['NAME'] = {connection.settings_dict['NAME']!r};"
        f"s.PROCRASTINATE_IMPORT_PATHS += [{module!r}]; django.setup();"
        "from django.core.management import call_command; call_command('work', until_idle=True)"
    )
    root = Path(__file__).parents[2]
    env = os.environ | {"DJANGO_SETTINGS_MODULE": "headlessly.settings"}
    subprocess.run([sys.executable, "-c", code], cwd=root, env=env, check=True, timeout=60)


@job("tests.take_long")
def take_long(taken):
    """What lines up again after a while."""
    while not is_over(time.monotonic() + 60):
        taken.append(1)


def test_of_a_while_stops_with_its_worker(acme):
    taken = []
    worker = SimpleNamespace(job=SimpleNamespace(id=1), should_abort=lambda: len(taken) == 3)
    here = {"tenant": acme.pk, "actor": asdict(actors.SYSTEM), "request_id": None}
    take_long.perform(worker, circumstances=here, taken=taken)
    assert taken == [1] * 3
    assert not is_over(time.monotonic() + 60), "of other jobs nothing is known"


def test_waits_under_a_name_that_does_not_move_with_its_code():
    from headlessly.transfer import import_job
    from headlessly.webhooks import deliveries, outbox

    names = [job.name for job in (import_job.import_in_background, outbox.pump, deliveries.deliver)]
    assert names == ["imports.run", "webhooks.pump", "webhooks.deliver"]

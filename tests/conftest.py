"""Fixtures for all tests: two tenants, people with names, and a database that is emptied quickly."""

from __future__ import annotations

import gc
import os
import re
import sys
from collections.abc import Generator, Iterator
from functools import cache
from types import SimpleNamespace
from typing import Any

import orjson
import pytest
from django.db import connection
from django.db.models import NOT_PROVIDED
from django.db.models.signals import post_migrate
from django.test import Client
from psycopg._preparing import PrepareManager
from psycopg.pq import ExecStatus

from headlessly.access import actors, tenancy
from headlessly.context.tenant_scope import EVERY, enter_scope
from tests import template, tenancy_of_statements
from tests.emptying import empty_quickly

# Compiled modules are used even if the environment forbids it: compiling takes a third of the time before
# a worker's first test.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
sys.dont_write_bytecode = False
# Imported modules and collected tests stay in memory, so collecting garbage meanwhile only costs time.
gc.disable()


def pytest_configure() -> None:
    """Saves time in all tests: passwords are hashed quickly, and a client does not read all folders of
    static files before its first request."""
    from django.conf import settings

    enter_scope(EVERY)  # a test sees all tenants until it opens one
    settings.WHITENOISE_AUTOREFRESH = True
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Runs the browser's tests besides the others."""
    from tests.scheduling import BrowsersBeside

    return BrowsersBeside(config, log) if config.option.dist == "load" else None


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, Any, Any]:
    """Freezes all objects that exist after collection, so that the garbage collector skips them."""
    collected = yield
    gc.freeze()
    gc.set_threshold(100_000, 20, 20)
    gc.enable()
    return collected


@pytest.fixture(scope="session")
def django_db_modify_db_settings(django_db_modify_db_settings: None) -> None:
    """Copies the database from a template, now that its name has the worker's suffix."""
    template.copy_when_created(connection)


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup: None, django_db_blocker: Any) -> None:
    """Lets tests with real transactions empty the log afterwards, which the product forbids, and quickly.

    Commits do not wait for the disk.
    """
    with django_db_blocker.unblock(), connection.cursor() as cursor:
        name = connection.ops.quote_name(connection.settings_dict["NAME"])
        cursor.execute(f"ALTER DATABASE {name} SET synchronous_commit TO off")
        cursor.execute("SET synchronous_commit TO off")
        cursor.execute("DROP TRIGGER headlessly_append_only_truncate ON headlessly_event")
        empty_quickly(connection)
    post_migrate.disconnect(dispatch_uid="headlessly.keep_the_past", sender=_platform())


@pytest.fixture(scope="session", autouse=True)
def prepared_statements_outlive_a_rollback() -> None:
    """Keeps prepared statements after a rollback, with which each test ends.

    A connection keeps them between requests, but psycopg forgets all of them on rollback. It still does if
    a table was created, altered or dropped, or if that was rolled back.
    """
    forgets = PrepareManager.clear
    alters = re.compile(rb"(?:CREATE|ALTER|DROP|DISCARD ALL|DEALLOCATE ALL)\b").match

    def should_discard(manager: Any, prep: Any, results: Any, *matching: Any) -> bool:
        for each in results:
            if each.status == ExecStatus.COMMAND_OK and alters(each.command_status or b""):
                manager.altered = True
                return forgets(manager)
        return False

    # Only a connection's ``rollback()`` calls this.
    def clear(manager: Any) -> bool:
        return vars(manager).pop("altered", False) and forgets(manager)

    PrepareManager._should_discard = should_discard  # type: ignore[method-assign]
    PrepareManager.clear = clear  # type: ignore[method-assign]


@pytest.fixture(scope="session", autouse=True)
def what_a_page_was_drawn_with_is_kept_once(django_test_environment: None) -> None:
    """Sets ``response.context`` to that of the page only.

    Django's test client would also copy the context for each included part and each field, hundreds of
    times a page.
    """
    from django.template import RequestContext, Template
    from django.test.signals import template_rendered

    def render(template: Any, context: Any) -> Any:
        if context.template is template and isinstance(context, RequestContext):
            template_rendered.send(sender=template, template=template, context=context)
        return template.nodelist.render(context)

    Template._render = render  # type: ignore[method-assign]


@pytest.fixture(scope="session", autouse=True)
def who_is_signed_in_has_a_session_and_that_is_all() -> None:
    """Lets ``force_login`` create the session with one statement: every fourth test begins with it.

    Tests of signing in itself use its page, or ``client.login``.
    """
    from importlib import import_module

    from django.conf import settings
    from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
    from django.http import HttpRequest
    from django.utils import timezone

    from headlessly.accounts import sessions, signing_in

    djangos = Client.force_login

    def force_login(client: Client, user: Any, backend: str | None = None) -> None:
        if settings.SESSION_COOKIE_NAME in client.cookies:
            return djangos(client, user, backend)
        request, now = HttpRequest(), timezone.now().isoformat()
        request.session = import_module(settings.SESSION_ENGINE).SessionStore()
        request.session.update({
            SESSION_KEY: str(user.pk),
            BACKEND_SESSION_KEY: backend or settings.AUTHENTICATION_BACKENDS[0],
            HASH_SESSION_KEY: user.get_session_auth_hash(),
            sessions.CREATED: now, signing_in.CONFIRMED: now,
            sessions.ADDRESS: "", sessions.BROWSER: "?",
        })  # fmt: skip
        request.session.save()
        client._set_login_cookies(request)
        return None

    Client.force_login = force_login  # type: ignore[method-assign]


@pytest.fixture(scope="session", autouse=True)
def certificates_are_read_once() -> None:
    """Loads the trusted certificates once: each HTTP client would load them again, which takes longer than
    most of its requests."""
    from httpx._transports import default

    made = default.create_ssl_context
    usual = cache(made)

    def create_ssl_context(verify: Any = True, **given: Any) -> Any:
        return (usual if verify is True and not given.get("cert") else made)(verify, **given)

    default.create_ssl_context = create_ssl_context


def _platform() -> Any:
    from django.apps import apps

    return apps.get_app_config("headlessly")


@pytest.fixture(autouse=True)
def every_statement_names_its_tenant() -> Iterator[None]:
    """Asserts that the product's statements name the tenant, except for those in the list."""
    with tenancy_of_statements.watch() as found:
        yield
    assert not found, "\n".join(dict.fromkeys(found))


def create_tenant(slug: str, name: str) -> Any:
    """Like ``Tenant.objects.create(slug=slug, name=name)``, but with a cached statement, as most tests
    begin with it."""
    from headlessly.access.models import Tenant
    from headlessly.database.prepared import execute_prepared

    new = Tenant(slug=slug, name=name)
    sql, given, made = _insertion(Tenant)
    values = [f.get_db_prep_save(f.pre_save(new, True), connection) for f in given]
    return made(execute_prepared(sql, values, scoped=False)[0])


@cache
def _insertion(model: Any) -> tuple[str, list[Any], Any]:
    """Returns the statement that inserts a row and returns it, the fields that it takes, and the function
    that makes an object of the row."""
    from headlessly.database.prepared import select_by_unique

    selecting, made = select_by_unique(model, "pk")
    columns = selecting.removeprefix("SELECT ").partition(" FROM ")[0]
    given = [
        field
        for field in model._meta.concrete_fields
        if not field.primary_key and field.db_default is NOT_PROVIDED
    ]
    names = ", ".join(connection.ops.quote_name(field.column) for field in given)
    marks = ", ".join(["%s"] * len(given))
    table = connection.ops.quote_name(model._meta.db_table)
    return f"INSERT INTO {table} ({names}) VALUES ({marks}) RETURNING {columns}", given, made


@pytest.fixture
def rival(db: None) -> Any:
    """The other tenant. Nothing of it may ever be seen in acme."""
    return create_tenant("rival", "Rival Ltd")


@pytest.fixture
def acme(db: None) -> Iterator[Any]:
    """The active tenant, with the system as the actor."""
    tenant = create_tenant("acme", "Acme")
    with tenancy.active(tenant), actors.acting(actors.SYSTEM):
        yield tenant


@pytest.fixture
def people(acme: Any) -> SimpleNamespace:
    """Ada, who might buy; Bob and Cleo, who sell; Acme Corp, where Ada works; the spring campaign.

    They are created in one transaction, as every third test begins with them.
    """
    from crm import Contact, Organization
    from headlessly.execution.executor import one_transaction
    from marketing import Campaign

    with one_transaction():
        corp = Organization.create(name="Acme Corp", domain="acme.example", industry="Technology")
        return SimpleNamespace(
            corp=corp,
            ada=Contact.create(
                name="Ada Chen", email="ada@acme.example", organization=corp, title="CTO"
            ),
            bob=Contact.create(name="Bob Stone", email="bob@seller.example"),
            cleo=Contact.create(name="Cleo Marsh", email="cleo@seller.example"),
            spring=Campaign.create(name="Spring launch", utm_campaign="spring"),
        )


@pytest.fixture
def lead(people: SimpleNamespace) -> Any:
    """A new lead with everything a conversion needs."""
    from crm import Lead

    return Lead.create(
        name="Acme Platform Evaluation",
        contact=people.ada,
        organization=people.corp,
        owner=people.bob,
        campaign=people.spring,
        source="website",
        source_detail="/pricing",
        budget=50_000,
        score=82,
    )


@pytest.fixture
def qualified(lead: Any) -> Any:
    """The same lead, qualified."""
    lead.update(status="Contacted")
    lead.update(status="Qualified")
    return lead


@pytest.fixture
def theirs(rival: Any) -> SimpleNamespace:
    """Records of the rival: a contact, a company, a campaign and a lead."""
    from crm import Contact, Lead, Organization
    from marketing import Campaign

    with tenancy.active(rival), actors.acting(actors.SYSTEM):
        eve = Contact.create(name="Eve Rival", email="eve@rival.example")
        return SimpleNamespace(
            eve=eve,
            corp=Organization.create(name="Rival Corp", domain="rival.example"),
            campaign=Campaign.create(name="Their campaign"),
            lead=Lead.create(name="Their lead", contact=eve, source="website"),
        )


class Api(Client):
    """A client of one tenant's REST API: JSON in, JSON out."""

    def __init__(self, tenant: Any, scope: str = "admin") -> None:
        from headlessly.access.models import ApiKey

        super().__init__(raise_request_exception=False)
        self.key, self.secret = ApiKey.issue(tenant, f"{scope} key", scope, rate_limit=100_000)
        self.base = f"/~{tenant.slug}"

    def call(self, method: str, path: str, body: Any = None, **headers: str) -> Any:
        """Sends a request. The response has the JSON at ``.json()``. Keyword arguments like ``If_Match``
        are headers."""
        sent = {"Authorization": f"Bearer {self.secret}"} | {
            name.replace("_", "-"): value for name, value in headers.items()
        }
        return self.generic(
            method,
            self.base + path,
            b"" if body is None else _json(body),
            content_type="application/json",
            headers=sent,
        )


def _json(body: Any) -> bytes:
    return body if isinstance(body, bytes) else orjson.dumps(body)


@pytest.fixture
def api(acme: Any) -> Api:
    """REST in acme with an admin's key, which is another actor than the test's own."""
    return Api(acme)


@pytest.fixture
def rival_api(rival: Any) -> Api:
    """REST in rival with an admin's key."""
    return Api(rival)


@pytest.fixture
def work(db: None) -> Any:
    """A function that runs the jobs that are due, in order, in this thread and this transaction, and
    returns their names.

    It runs only jobs of this test's tenants: those that earlier tests left belong to tenants that are
    gone.
    """
    from procrastinate.contrib.django import app

    def work(*, later: bool = False) -> list[str]:
        due = "" if later else "AND (scheduled_at IS NULL OR scheduled_at <= now())"
        due += (
            " AND ((args #>> '{circumstances,tenant}')::bigint IN (SELECT id FROM headlessly_tenant)"
            # Emails to users; those to deleted users do nothing.
            " OR task_name LIKE 'accounts.%%')"
        )
        done = []
        while True:
            with connection.cursor() as cursor:
                cursor.execute(
                    "UPDATE procrastinate_jobs SET status = 'succeeded' WHERE id = (SELECT id FROM "
                    f"procrastinate_jobs WHERE status = 'todo' {due} ORDER BY id LIMIT 1) "
                    "RETURNING task_name, args::text"
                )
                if (found := cursor.fetchone()) is None:
                    return done
            name, arguments = found
            with tenancy.active(None), actors.acting(None):
                app.tasks[name].func(**orjson.loads(arguments))
            done.append(name)

    return work

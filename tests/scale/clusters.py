"""PostgreSQL clusters for single tests, made with the programs of the embedded server."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
import pytest
from django.db import connection, connections

from crm import Lead
from headlessly.access import actors, tenancy
from headlessly.access.models import Tenant, User
from headlessly.database.server import ROLE, Server
from headlessly.errors import Conflict
from headlessly.log.events import LOG_START
from headlessly.notifications import from_log
from headlessly.notifications.models import Follower, NotificationReader
from headlessly.query.saved_views import View
from headlessly.shaping.custom_fields import create_field
from headlessly.subscriptions import following
from headlessly.subscriptions.models import ListMember, ListReader
from headlessly.webhooks.registration import create_webhook


class Cluster(Server):
    """A server that a test starts, stops, copies and promotes."""

    def start(self, **settings: Any) -> Cluster:
        """Start the server, after creating it if necessary. `settings` are PostgreSQL's."""
        self.initialise()
        with (self.cluster / "postgresql.auto.conf").open("a") as file:
            # Nothing here must survive a crash, so no disk is waited for.
            for name, value in {"fsync": "off", **settings}.items():
                file.write(f"{name} = '{value}'\n")
        self.start_server()
        if not self.ask("SELECT pg_is_in_recovery()"):
            self.create_role_and_database()
        return self

    def stop(self, mode: str = "fast") -> None:
        if (self.cluster / "postmaster.pid").exists():
            self.run("pg_ctl", "-D", self.cluster, "-m", mode, "-w", "stop", check=False)

    def become_standby_of(self, primary: Cluster) -> Cluster:
        """Copy another server in order to follow it; this one is not started."""
        self.make_private(self.cluster)
        self.run(
            *("pg_basebackup", "-h", primary.socket_dir, "-U", "postgres"),
            *("-D", self.cluster, "-R", "--checkpoint=fast"),
        )
        for lock in self.cluster.glob(".s.PGSQL*"):
            # Of the original's socket, if the path is short enough to lie in its folder.
            lock.unlink()
        return self

    def promote(self) -> None:
        self.run("pg_ctl", "-D", self.cluster, "-w", "promote")

    def restore(self, host: str, name: str) -> None:
        """Restore a dump of another server's database into this one."""
        dump = self.cluster / "dump"
        self.run("pg_dump", "-h", host, "-U", "postgres", "-Fc", "-f", dump, name)
        here = ("-h", self.socket_dir, "-U", "postgres", "-d", ROLE)
        self.run("pg_restore", *here, "--exit-on-error", dump)

    def ask(self, sql: str) -> Any:
        with self.connect(user="postgres", dbname="postgres", autocommit=True) as asked:
            return asked.execute(sql).fetchone()[0]

    def connect(self, **given: Any) -> psycopg.Connection[Any]:
        at = {"host": str(self.socket_dir), "user": ROLE, "dbname": ROLE}
        return psycopg.connect(**at | given)

    def catch_up_with(self, primary: Cluster, seconds: float = 20) -> None:
        """Wait until this standby has replayed all that `primary` has written."""
        place = primary.ask("SELECT pg_current_wal_insert_lsn()::text")
        primary.ask("SELECT txid_current()")  # a commit is sent at once
        until = f"SELECT pg_last_wal_replay_lsn() >= '{place}'::pg_lsn"
        with self.connect(user="postgres", dbname="postgres", autocommit=True) as asked:
            for _ in range(int(seconds * 20)):
                if asked.execute(until).fetchone() == (True,):
                    return
                asked.execute("SELECT pg_sleep(0.05)")
        raise AssertionError("The standby stays behind.")

    @property
    def url(self) -> str:
        """The database's address for other processes."""
        return f"postgresql://{ROLE}@/{ROLE}?host={self.socket_dir}"

    @contextmanager
    def in_use(self, name: str = ROLE) -> Iterator[None]:
        """Let Django use this cluster, with the database `name`, inside the block."""
        usual = connections["default"]
        here = usual.copy()
        options = {n: v for n, v in usual.settings_dict["OPTIONS"].items() if n != "pool"}
        # The tests' embedded server is another one: the address of this one is given.
        here.settings_dict |= {"EMBEDDED": False, "HOST": str(self.socket_dir), "NAME": name}
        here.settings_dict["OPTIONS"] = options
        connections["default"] = here
        try:
            yield
        finally:
            here.close()
            connections["default"] = usual


def environment(url: str, **more: str) -> dict[str, str]:
    """Returns the environment of a process of the product that uses the database at `url`."""
    kept = {n: v for n, v in os.environ.items() if not re.match("DATABASE_|HEADLESSLY_", n)}
    return kept | {"HEADLESSLY_ENV": "development", "DATABASE_URL": url} | more


@contextmanager
def acme_at(cluster: Cluster, name: str = "headlessly") -> Iterator[Tenant]:
    """The tenant acme as it is in this cluster."""
    with cluster.in_use(name), actors.acting(actors.SYSTEM):
        tenant = Tenant.objects.get(slug="acme")
        with tenancy.active(tenant):
            yield tenant


def shape() -> str:
    """Create what the database stores besides records, and return the id of the view.

    That is a value of the tenant's own field, unique and indexed; a watched view with its members; and a
    record that somebody followed who has left.
    """
    create_field(
        {"noun": "Lead", "label": "Number", "type": "string", "unique": True, "indexed": True}
    )
    tenancy.renew_shape()
    numbered = Lead.create(name="Numbered", source="website", number="A-1")
    tenant = tenancy.require()
    user = User.objects.create_user(f"left@{tenant.slug}.example")
    view = View.objects.create(
        tenant=tenant, user=user, noun="Lead", name="Numbered", query="number=A-1", shared=True
    )
    following.watch(view)
    from_log.read_log()
    left = User.objects.create_user(f"former@{tenant.slug}.example")
    Follower.objects.create(tenant=tenant, record=numbered.pk, user=left)
    return view.pk


def times_analyzed(table: str) -> int:
    """Returns how often a table was analyzed."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_stat_clear_snapshot()")
        cursor.execute("SELECT analyze_count FROM pg_stat_user_tables WHERE relname = %s", [table])
        return int(cursor.fetchone()[0])


def check_shape(view: str) -> None:
    """Assert that all of it is there and still works."""
    (numbered,) = Lead.find({"number": "A-1"})
    with pytest.raises(Conflict, match="with number a-1"):
        Lead.create(name="Twice", source="website", number="a-1")
    assert [lead.pk for lead in Lead.find({"number": {"$gte": "A"}}, sort="number")] == [
        numbered.pk
    ]
    tenant = tenancy.require()
    members = ListMember.objects.filter(tenant=tenant, list__view=view)
    assert list(members.values_list("record", flat=True)) == [numbered.pk]
    (follower,) = Follower.objects.filter(tenant=tenant).select_related("user")
    assert follower.user.email.startswith("former@")
    for reader in (NotificationReader, ListReader):  # nothing is told again
        assert reader.objects.get(tenant=tenant).position > LOG_START
    another = View.objects.create(
        tenant=tenant,
        user=follower.user,
        noun="Lead",
        name="Named",
        query="q=numbered",
        shared=True,
    )
    following.watch(another)
    assert ListMember.objects.filter(tenant=tenant, list__view=another).count() == 1


def listen(url: str) -> None:
    """Create a webhook for all events."""
    create_webhook({"url": url, "events": ["*"], "secret": "s" * 24})

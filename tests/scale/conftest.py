"""Clusters for single tests, in folders that their unprivileged user may enter."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from django.db import connection

from crm import Lead
from headlessly.access.models import Tenant
from headlessly.webhooks import outbox

from .clusters import Cluster, acme_at, listen


def _new_clusters() -> Iterator[Callable[[], Cluster]]:
    # Not in pytest's folders: each run of pytest closes them to other users, also those of other runs.
    with ExitStack() as stack:

        def new() -> Cluster:
            folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="headlessly-"))
            cluster = Cluster(Path(folder))
            stack.callback(cluster.stop, "immediate")
            return cluster

        yield new


@pytest.fixture
def new_cluster() -> Iterator[Callable[[], Cluster]]:
    """A function that creates a cluster, not started, that ends with the test."""
    yield from _new_clusters()


@pytest.fixture(scope="package")
def new_lasting_cluster() -> Iterator[Callable[[], Cluster]]:
    """A function that creates a cluster, not started, that ends with the last of these tests."""
    yield from _new_clusters()


def fill_with_tables(cluster: Cluster) -> Cluster:
    """Creates the product's tables in the cluster, without rows."""
    connection.ensure_connection()
    cluster.restore(connection.settings_dict["HOST"], connection.settings_dict["NAME"])
    return cluster


@pytest.fixture(scope="package")
def cell(
    new_lasting_cluster: Callable[[], Cluster], django_db_setup: None, django_db_blocker: Any
) -> Cluster:
    """Another cluster with the product's tables, to which tenants are moved."""
    with django_db_blocker.unblock():
        return fill_with_tables(new_lasting_cluster().start())


@pytest.fixture(scope="package")
def original(
    new_lasting_cluster: Callable[[], Cluster], django_db_setup: None, django_db_blocker: Any
) -> Cluster:
    """A cluster with acme, its leads and its webhook, and with a high count of transactions."""
    with django_db_blocker.unblock():
        cluster = fill_with_tables(new_lasting_cluster().start(max_prepared_transactions=5))
        with cluster.connect(user="postgres", autocommit=True) as admin:
            admin.execute(
                "DO $$BEGIN FOR i IN 1..20000 LOOP PERFORM pg_current_xact_id(); COMMIT;"
                " END LOOP; END$$"
            )
        with cluster.in_use():
            Tenant.objects.create(slug="acme", name="Acme")
        with acme_at(cluster):
            Lead.create(name="Before", source="website")
            listen("https://hooks.example/")
            for number in range(20):
                Lead.create(name=f"Lead {number}", source="website")
            outbox.pump()
        return cluster

"""Alive is not the same as ready."""

import json
from types import SimpleNamespace

import pytest
from django.db import OperationalError, connection
from django.db.migrations.recorder import MigrationRecorder
from django.test import Client

from headlessly.web import health


def test_is_alive_without_a_database(rf):
    assert health.healthz(rf.get("/healthz")).status_code == 200


@pytest.mark.django_db
def test_is_ready_when_every_migration_is_applied(rf):
    response = health.readyz(rf.get("/readyz"))
    assert (response.status_code, json.loads(response.content)) == (200, {"status": "ok"})


@pytest.mark.django_db
def test_names_the_migration_it_waits_for(rf):
    MigrationRecorder.Migration.objects.filter(app="headlessly", name__startswith="0001").delete()
    response = health.readyz(rf.get("/readyz"))
    assert response.status_code == 503
    assert b"headlessly.0001" in response.content


def test_is_not_ready_without_its_database_and_keeps_the_reason_to_itself(rf, monkeypatch):
    def unreachable(self):
        raise OperationalError("connection to db.internal failed for user crm")

    monkeypatch.setattr(MigrationRecorder, "applied_migrations", unreachable)
    response = health.readyz(rf.get("/readyz"))
    assert response.status_code == 503
    assert b"unreachable" in response.content
    assert b"db.internal" not in response.content


@pytest.mark.django_db
@pytest.mark.parametrize("host", ["10.1.2.3", "10.1.2.3:8000", "pod-7.internal", "", "..."])
@pytest.mark.parametrize("path", ["/healthz", "/readyz"])
def test_answers_a_probe_whatever_name_it_asks_by(path, host, settings):
    settings.ALLOWED_HOSTS = ["crm.example.com"]
    settings.SECURE_SSL_REDIRECT = True
    response = Client().get(path, headers={"Host": host})
    assert (response.status_code, json.loads(response.content)) == (200, {"status": "ok"})
    assert Client().get("/", headers={"Host": host}).status_code == 400
    assert Client().post(path).status_code == 405


@pytest.mark.django_db
def test_is_not_ready_on_a_database_that_only_reads_unless_that_is_meant(rf, settings):
    with connection.cursor() as cursor:
        cursor.execute("SET TRANSACTION READ ONLY")
    response = health.readyz(rf.get("/readyz"))
    assert response.status_code == 503
    assert "READ_ONLY=1" in json.loads(response.content)["database"]
    settings.READ_ONLY = True
    assert health.readyz(rf.get("/readyz")).status_code == 200


@pytest.mark.parametrize(
    ("changed", "exhausted"),
    [
        ({}, True),
        ({"requests_waiting": 0}, False),
        ({"pool_available": 1}, False),
        ({"pool_size": 3}, False),
    ],
)
def test_is_not_ready_while_others_wait_for_a_connection(changed, exhausted):
    full = {"pool_size": 4, "pool_max": 4, "pool_available": 0, "requests_waiting": 1}
    pool = SimpleNamespace(get_stats=lambda: full | changed)
    assert health._is_exhausted(pool) is exhausted


@pytest.mark.django_db
def test_refuses_to_write_where_it_only_reads(settings):
    settings.READ_ONLY = True
    for method in ("post", "patch", "put", "delete"):
        for path in ("/~acme/leads", "/", "/~acme/admin/crm/lead/add/"):
            response = getattr(Client(), method)(path)
            assert response.status_code == 503
            assert json.loads(response.content)["error"] == "read_only"

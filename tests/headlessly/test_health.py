"""Alive is not the same as ready."""

import json

import pytest
from django.db import OperationalError
from django.db.migrations.recorder import MigrationRecorder

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

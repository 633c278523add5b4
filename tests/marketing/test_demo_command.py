"""`manage.py demo` refuses: in production, on a port that is taken, beside a tenant that is somebody's."""

from __future__ import annotations

import socket
from pathlib import Path
from typing import Any

import psycopg
import pytest
from django.core.management.base import CommandError
from django.db import connection

from headlessly.access.models import Tenant
from marketing.management.commands.demo import FILLING
from tests.marketing.demo.telling import demo, everything


@pytest.fixture
def file(tmp_path: Path, settings: Any) -> Path:
    """Where the demo would remember; in a folder of the test's own."""
    settings.DATA_DIR = tmp_path
    return tmp_path / "demo.json"


def test_it_does_not_touch_a_tenant_that_it_did_not_make(acme: Tenant, file: Path) -> None:
    there = everything()
    with pytest.raises(CommandError, match="tenant acme that the demo did not make"):
        demo()
    assert everything() == there and not file.exists()


def test_it_refuses_in_production(db: None, file: Path, settings: Any) -> None:
    settings.PRODUCTION = True
    with pytest.raises(CommandError, match="development"):
        demo()
    assert not Tenant.objects.exists() and not file.exists()


def test_it_fills_nothing_while_another_does(db: None, file: Path) -> None:
    with psycopg.connect(**connection.get_connection_params()) as other:
        other.execute("SELECT pg_advisory_lock(%s)", [FILLING])
        with pytest.raises(CommandError, match="Another demo is just filling this database"):
            demo()
    assert not Tenant.objects.exists() and not file.exists()


def test_it_says_at_once_when_the_port_is_taken(db: None, file: Path) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        with pytest.raises(CommandError, match=f"port {port}"):
            demo(port=port, serve=True)
    assert not Tenant.objects.exists() and not file.exists()

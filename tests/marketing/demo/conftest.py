"""The demo, filled by its command once for all tests here: each of them undoes its changes."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from django.db import transaction

from headlessly.access import actors, tenancy
from headlessly.access.models import Tenant
from headlessly.context.tenant_scope import every_tenant
from tests.marketing.demo.telling import LEADS, demo


@dataclass(frozen=True)
class Filled:
    """The output of the command, and the file with the passwords and keys."""

    said: str
    file: Path


@pytest.fixture(scope="package")
def filled(
    django_db_setup: None, django_db_blocker: Any, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Filled]:
    """Both tenants after a year with few leads."""
    from django.conf import settings

    folder = tmp_path_factory.mktemp("demo")
    with django_db_blocker.unblock(), transaction.atomic(), pytest.MonkeyPatch.context() as patch:
        patch.setattr(settings, "DATA_DIR", folder)
        yield Filled(demo(leads=LEADS), folder / "demo.json")
        transaction.set_rollback(True)


@pytest.fixture
def file(filled: Filled, db: None, tmp_path: Path, settings: Any) -> Path:
    """The demo's file; a copy for this test."""
    settings.DATA_DIR = tmp_path
    return Path(shutil.copy(filled.file, tmp_path))


@pytest.fixture
def acme(filled: Filled, db: None) -> Iterator[Tenant]:
    with every_tenant():
        told = Tenant.objects.get(slug="acme")
    with tenancy.active(told), actors.acting(actors.SYSTEM):
        yield told

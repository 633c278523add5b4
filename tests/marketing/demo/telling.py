"""Runs the command, and counts what it made."""

from __future__ import annotations

from datetime import date
from io import StringIO
from typing import Any
from unittest import mock

from django.core.management import call_command

from headlessly.access import actors, tenancy
from headlessly.access.models import ApiKey, Tenant, User
from headlessly.models import Event
from marketing.demo.cast import fill
from marketing.management.commands import demo as command

#: Another day would produce another year.
DAY = date(2025, 6, 16)
LEADS = 60


def demo(**options: Any) -> str:
    """Run the command as if it were always the same day, and return what it prints."""
    out = StringIO()
    told = mock.patch.object(command, "fill", lambda cast, today, *rest: fill(cast, DAY, *rest))
    with told:
        call_command("demo", stdout=out, **{"serve": False, "leads": 25, "port": 8123} | options)
    return out.getvalue()


def everything() -> dict[str, Any]:
    """Returns how many users and keys there are, and the events of each tenant."""
    counts: dict[str, Any] = {"users": User.objects.count(), "keys": ApiKey.objects.count()}
    for tenant in Tenant.objects.all():
        with tenancy.active(tenant), actors.acting(actors.SYSTEM):
            counts[tenant.slug] = Event.objects.count()
    return counts

"""`manage.py apikey acme --name site --scope write`: a key for an integration, shown once."""

from __future__ import annotations

from argparse import ArgumentParser
from datetime import timedelta
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from headlessly import actors
from headlessly.models import ApiKey, Tenant


class Command(BaseCommand):
    help = "Issue an API key for a tenant. The key is shown once; only its hash is kept."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("slug", help="of the tenant")
        parser.add_argument("--name", required=True, help="who will use it: its events say so")
        parser.add_argument("--scope", choices=list(actors.SCOPES), default="write")
        parser.add_argument("--days", type=int, help="how long it is valid; for ever unless said")

    def handle(self, *, slug: str, name: str, scope: str, days: int | None, **_: Any) -> None:
        tenant = Tenant.by_slug(slug)
        if tenant is None:
            slugs = ", ".join(Tenant.objects.order_by("slug").values_list("slug", flat=True))
            raise CommandError(f"There is no tenant {slug}. There are: {slugs or 'none'}.")
        if not name.strip():
            raise CommandError("A key needs a name: its events say who did it.")
        if days is not None and days < 1:
            raise CommandError("--days: a key is valid for a day at least.")
        _, secret = ApiKey.issue(
            tenant, name, scope, expires_at=timezone.now() + timedelta(days) if days else None
        )
        self.stdout.write(secret)
        until = f"for {days} days" if days else "until it is revoked"
        self.stderr.write(f"{scope} in {slug}, {until}. It is not shown again.")

"""`manage.py apikey`: keys for integrations and agents.

manage.py apikey acme --name site --scope write    issue one; it is shown once
manage.py apikey acme --list                       list the tenant's keys, without their secrets
manage.py apikey acme --revoke apikey_pQ8xNfKm     refuse it from now on
"""

from __future__ import annotations

from argparse import ArgumentParser
from datetime import timedelta
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from headlessly.access import actors, tenancy
from headlessly.access.models import RATE_LIMIT, Tenant
from headlessly.accounts.keys import issue_key, revoke_key
from headlessly.context.tenant_scope import every_tenant

#: How many days a key with an end is valid at most: a hundred years.
MOST_DAYS = 36_500


class Command(BaseCommand):
    help = "Issue, list or revoke API keys of a tenant. A key is shown once; only its hash is kept."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("slug", help="of the tenant")
        what = parser.add_mutually_exclusive_group(required=True)
        what.add_argument("--name", help="issue a key: who will use it; its events say so")
        what.add_argument("--list", action="store_true", help="show the tenant's keys")
        what.add_argument("--revoke", metavar="ID", help="refuse this key from now on")
        parser.add_argument(
            "--scope",
            choices=list(actors.SCOPES),
            default="write",
            help="propose: reads, and its scripts wait for somebody to approve them; %(default)s",
        )
        parser.add_argument("--days", type=int, help="how long it is valid; for ever unless said")
        parser.add_argument(
            "--rate-limit", type=int, default=RATE_LIMIT, help="requests a minute; %(default)s"
        )

    @every_tenant()
    def handle(self, *, slug: str, **options: Any) -> None:
        tenant = Tenant.find_by_slug(slug)
        if tenant is None:
            slugs = ", ".join(Tenant.objects.order_by("slug").values_list("slug", flat=True))
            raise CommandError(f"There is no tenant {slug}. There are: {slugs or 'none'}.")
        if options["list"]:
            self._list(tenant)
        elif options["revoke"] is not None:
            self._revoke(tenant, options["revoke"])
        else:
            self._issue(tenant, **options)

    def _issue(
        self, tenant: Tenant, *, name: str, scope: str, days: int | None, rate_limit: int, **_: Any
    ) -> None:
        if not name.strip():
            raise CommandError("A key needs a name: its events say who did it.")
        if days is not None and not 1 <= days <= MOST_DAYS:
            raise CommandError(f"--days: a key is valid for 1 to {MOST_DAYS} days.")
        if not 1 <= rate_limit < 2**31:
            raise CommandError("--rate-limit: at least one request a minute.")
        with tenancy.active(tenant), actors.acting(actors.SYSTEM):
            key, secret = issue_key(
                name,
                scope,
                service=True,
                expires_at=timezone.now() + timedelta(days) if days else None,
                rate_limit=rate_limit,
            )
        self.stdout.write(secret)
        until = f"for {days} days" if days else "until it is revoked"
        self.stderr.write(f"{key.pk}: {scope} in {tenant.slug}, {until}. It is not shown again.")

    def _list(self, tenant: Tenant) -> None:
        for key in tenant.api_keys.order_by("-created_at", "id"):
            self.stdout.write(
                f"{key.pk}  {key.hint}  {key.scope:7}  {key.standing:7}  "
                f"last used {_day(key.last_used_at) or 'never'}  {key.name}"
            )

    def _revoke(self, tenant: Tenant, id: str) -> None:
        key = tenant.api_keys.filter(pk=id).first()
        if key is None:
            raise CommandError(f"{tenant.slug} has no key {id}. --list shows those it has.")
        if key.revoked_at is not None:
            raise CommandError(f"{key.name} was revoked on {_day(key.revoked_at)} already.")
        with tenancy.active(tenant), actors.acting(actors.SYSTEM):
            revoke_key(key)
        self.stdout.write(f"Revoked {key.name}. Whoever uses it is refused from now on.")


def _day(moment: Any) -> str:
    return f"{moment:%Y-%m-%d}" if moment else ""

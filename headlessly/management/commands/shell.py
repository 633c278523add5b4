"""`manage.py shell`: Django's shell inside a tenant, with every noun imported."""

from __future__ import annotations

from typing import Any

from django.core.management.base import CommandError, CommandParser
from django.core.management.commands import shell
from django.db import ProgrammingError

from headlessly.access import actors, tenancy
from headlessly.access.models import Tenant
from headlessly.declaration.registry import registry

#: Imported besides the nouns: the platform's own tables, and what is needed to act as somebody else.
PLATFORM = (
    "headlessly.models.ApiKey",
    "headlessly.models.Event",
    "headlessly.models.Membership",
    "headlessly.models.Tenant",
    "headlessly.models.User",
    "headlessly.errors.VerbRefused",
    "headlessly.access.actors",
    "headlessly.context.clock",
    "headlessly.access.tenancy",
    "headlessly",
)


class Command(shell.Command):
    help = "A Python shell in one tenant, acting as the system, with every noun imported."

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument(
            "--tenant", metavar="SLUG", help="which one; not needed when there is one"
        )

    def handle(self, **options: Any) -> None:
        # Only while the shell is open, as programs may call commands, too.
        tenant = self.choose_tenant(options["tenant"])
        with tenancy.active(tenant), actors.acting(actors.SYSTEM):
            super().handle(**options)

    def get_auto_imports(self) -> list[str]:
        return [*PLATFORM, *(f"{noun.__module__}.{name}" for name, noun in registry.items())]

    def choose_tenant(self, slug: str | None) -> Tenant | None:
        """Returns the tenant with this slug, or the only one; else None, and prints how to choose one."""
        try:
            slugs = list(Tenant.objects.order_by("slug").values_list("slug", flat=True))
        except ProgrammingError:
            problem = "The database has no tables yet: python manage.py migrate"
            if slug:
                raise CommandError(problem) from None
            self.stderr.write(problem)
            return None
        if slug is None and len(slugs) != 1:
            self.stderr.write(
                f"No tenant is open. There are {', '.join(slugs)}. "
                f"Choose one: python manage.py shell --tenant {slugs[0]}"
                if slugs
                else "There is no tenant yet. Make one: python manage.py tenant acme --name Acme"
            )
            return None
        tenant = Tenant.find_by_slug(slug or slugs[0])
        if tenant is None:
            there = f"There are {', '.join(slugs)}." if slugs else "There is none yet."
            raise CommandError(f"There is no tenant {slug}. {there}")
        return tenant

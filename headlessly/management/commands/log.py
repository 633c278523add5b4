"""`manage.py log resume`: the log goes on in this cluster, after a restore or a move."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from headlessly.access.models import Tenant
from headlessly.context.tenant_scope import every_tenant
from headlessly.log import offsets


class Command(BaseCommand):
    help = (
        "Check the log of each tenant, or let it go on in this cluster: `log check`, `log resume`."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "action",
            choices=["check", "resume"],
            help="check: fail when there is something to resume; resume: after a restore, a move, or a "
            "promotion. Nothing is lost by doing it once more",
        )
        parser.add_argument("--tenant", metavar="SLUG", help="of one tenant; else of all")
        parser.add_argument(
            "--force",
            action="store_true",
            help="also where the cluster is the same: after its disk was put back to an earlier moment",
        )

    @every_tenant()
    def handle(self, *, action: str, tenant: str | None, force: bool, **_: Any) -> None:
        tenants = Tenant.objects.order_by("slug")
        if tenant is not None and not (tenants := tenants.filter(slug=tenant)):
            raise CommandError(f"There is no tenant {tenant}.")
        if action == "check":
            if slugs := offsets.slugs_to_resume():
                raise CommandError(
                    f"From another cluster: {', '.join(slugs)}. Run: manage.py log resume"
                )
            self.stdout.write("Every log is of this cluster.")
            return
        resumed = [
            each.slug
            for each in tenants.iterator()
            # One that is closed has moved away, or is about to: it is opened by its name alone.
            if offsets.resume_log(each, force=force and (not each.is_closed or tenant is not None))
        ]
        for slug in resumed:
            self.stdout.write(f"The log of {slug} goes on here.")
        if not resumed:
            self.stdout.write("There was nothing to resume: every log is of this cluster.")

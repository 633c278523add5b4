"""`manage.py log`: resumes logs after a restore or a move, and archives and restores their old months."""

from __future__ import annotations

from argparse import ArgumentParser
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from headlessly.access.models import Tenant
from headlessly.context import clock
from headlessly.context.tenant_scope import every_tenant
from headlessly.copies.log_archive import Month, archive_log, restore_log
from headlessly.copies.process import begin_copying
from headlessly.copies.tenant_rows import CopyRefused
from headlessly.log import offsets


class Command(BaseCommand):
    help = (
        "Check the log of each tenant, or let it go on in this cluster: `log check`, `log resume`. "
        "Take old months of it and of the past out to files: `log archive`, and back: `log restore`."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "action",
            choices=["check", "resume", "archive", "restore"],
            help="check: fail when there is something to resume; resume: after a restore, a move, or a "
            "promotion. Nothing is lost by doing it once more; archive and restore: months that are over",
        )
        parser.add_argument("--tenant", metavar="SLUG", help="of one tenant; else of all")
        parser.add_argument(
            "--force",
            action="store_true",
            help="also where the cluster is the same: after its disk was put back to an earlier moment",
        )

        months = parser.add_argument_group("archive, restore")
        months.add_argument(
            "--folder", type=Path, help="where the files are; each tenant has one in it"
        )
        months.add_argument(
            "--before", metavar="YYYY-MM", help="the first month that is to stay; archive"
        )
        months.add_argument("--dry-run", action="store_true", help="only count; archive")

    @every_tenant()
    def handle(self, *, action: str, tenant: str | None, **options: Any) -> None:
        tenants = Tenant.objects.order_by("slug")
        if tenant is not None and not (tenants := tenants.filter(slug=tenant)):
            raise CommandError(f"There is no tenant {tenant}.")
        if action in ("archive", "restore"):
            begin_copying()
            try:
                months = self.archive_months if action == "archive" else self.restore_months
                months(tenants, **options)
            except CopyRefused as problem:
                raise CommandError(str(problem)) from None
            except OSError as problem:  # the folder or its disk
                raise CommandError(f"{problem.filename}: {problem.strerror}.") from None
        elif action == "check":
            self.check_logs()
        else:
            self.resume_logs(tenants, named=tenant is not None, **options)

    def check_logs(self) -> None:
        if slugs := offsets.slugs_to_resume():
            raise CommandError(
                f"From another cluster: {', '.join(slugs)}. Run: manage.py log resume"
            )
        self.stdout.write("Every log is of this cluster.")

    def resume_logs(self, tenants: Any, *, named: bool, force: bool, **_: Any) -> None:
        resumed = [
            each.slug
            for each in tenants.iterator()
            # A closed one has moved away, or is about to: it is only opened if it is named.
            if offsets.resume_log(each, force=force and (not each.is_closed or named))
        ]
        for slug in resumed:
            self.stdout.write(f"The log of {slug} goes on here.")
        if not resumed:
            self.stdout.write("There was nothing to resume: every log is of this cluster.")

    def archive_months(
        self, tenants: Any, *, folder: Path | None, before: str | None, dry_run: bool, **_: Any
    ) -> None:
        if folder is None:
            raise CommandError("Where to? --folder FOLDER.")
        until = read_month(before)
        self.say_months(tenants, lambda slug: archive_log(slug, folder, until, dry_run=dry_run))

    def restore_months(self, tenants: Any, *, folder: Path | None, **_: Any) -> None:
        if folder is None or not folder.is_dir():
            raise CommandError("Where from? --folder FOLDER, the one of `log archive`.")
        self.say_months(tenants, lambda slug: restore_log(slug, folder))

    def say_months(self, tenants: Any, months_of: Callable[[str], Iterable[Month]]) -> None:
        """Archives or restores months of all tenants, and prints them.

        Goes on after a refusal, and raises CopyRefused at the end with all refusals.
        """
        refused = []
        for each in tenants:
            try:
                for month in months_of(each.slug):
                    rows = sum(month.rows.values())
                    self.stdout.write(f"{month.folder}: {rows:,} rows of {each.slug}.")
            except CopyRefused as problem:
                refused.append(str(problem))
        if refused:
            raise CopyRefused("\n".join(refused))


def read_month(text: str | None) -> datetime:
    """Returns the first moment of a month that has begun. Raises CommandError."""
    try:
        month = datetime.strptime(text or "", "%Y-%m").replace(tzinfo=UTC)
    except ValueError:
        raise CommandError("Before which month? --before YYYY-MM, such as 2026-03.") from None
    if month > clock.now():
        raise CommandError(f"{text} has not begun: what is of this month or later stays.")
    return month

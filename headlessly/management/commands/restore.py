"""`manage.py restore FILE`: replaces the database by a backup, and resumes the logs."""

from __future__ import annotations

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from headlessly.context.tenant_scope import every_tenant
from headlessly.copies.backups import BackupRefused, restore_backup
from headlessly.copies.process import begin_copying
from headlessly.copies.programs import ProgramFailed


class Command(BaseCommand):
    help = (
        "Put a file of `manage.py backup` into the database of DATABASE_URL: all of it or nothing."
    )
    requires_system_checks = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", type=Path)
        parser.add_argument(
            "--replace", action="store_true", help="delete what the database has; else it is empty"
        )

    @every_tenant()
    def handle(self, *, file: Path, replace: bool, **_: Any) -> None:
        begin_copying()
        try:
            facts, resumed = restore_backup(file, replace=replace)
        except (BackupRefused, ProgramFailed) as problem:
            raise CommandError(str(problem)) from None
        self.stdout.write(
            f"The database is as it was at {facts.made_at:%Y-%m-%d %H:%M:%S} UTC. What happened later is "
            "not in it."
        )
        for slug in resumed:
            self.stdout.write(f"The log of {slug} goes on here.")
        if facts.missing:
            self.stdout.write(
                "The backup is of an earlier version. Run: manage.py migrate && manage.py log resume"
            )

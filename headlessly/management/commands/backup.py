"""`manage.py backup FILE`: writes the whole database to one file."""

from __future__ import annotations

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from headlessly.copies.backups import BackupRefused, write_backup
from headlessly.copies.process import begin_copying
from headlessly.copies.programs import ProgramFailed


class Command(BaseCommand):
    help = "Write the whole database to a file, while it is in use. `manage.py restore` reads it."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", type=Path, help="its name; only its owner may read it")
        parser.add_argument("--replace", action="store_true", help="also where the file exists")

    def handle(self, *, file: Path, replace: bool, **_: Any) -> None:
        begin_copying()
        try:
            moment = write_backup(file, replace=replace)
        except (BackupRefused, ProgramFailed) as problem:
            raise CommandError(str(problem)) from None
        self.stdout.write(
            f"{file}: {file.stat().st_size:,} bytes. Everything that was committed before "
            f"{moment:%Y-%m-%d %H:%M:%S} UTC is in it."
        )
        self.stdout.write("SECRET_KEY is not: keep it elsewhere, or what is encrypted stays so.")

"""`manage.py dumpdata`, which Django has: here it says what to use instead."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError


class Command(BaseCommand):
    """Django's would see no tenant's rows, and read back would have triggers write the past a second time."""

    help = "Is not for the tables of tenants: use `backup`, or `tenant export`."

    def run_from_argv(self, argv: list[str]) -> None:
        super().run_from_argv(argv[:2])  # whatever Django's would have taken

    def handle(self, *_args: Any, **_options: Any) -> None:
        raise CommandError(
            "Fixtures hold neither the log nor the past. Use `manage.py backup FILE` for all, "
            "`manage.py tenant export SLUG FOLDER` for one tenant; and `restore`, `tenant import`."
        )

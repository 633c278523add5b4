"""`manage.py dumpdata`: replaces Django's command, and tells what to use instead."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError


class Command(BaseCommand):
    """Refuses, as Django's command would see no rows of tenants, and triggers would write the past again
    when they are loaded."""

    help = "Is not for the tables of tenants: use `backup`, or `tenant export`."

    def run_from_argv(self, argv: list[str]) -> None:
        super().run_from_argv(argv[:2])  # accepts all arguments of Django's command

    def handle(self, *_args: Any, **_options: Any) -> None:
        raise CommandError(
            "Fixtures hold neither the log nor the past. Use `manage.py backup FILE` for all, "
            "`manage.py tenant export SLUG FOLDER` for one tenant; and `restore`, `tenant import`."
        )

"""`manage.py migrate`: connects past a pooler, and does not render a model again when something is added
to it."""

from __future__ import annotations

from typing import Any

from django.core.management.commands import migrate

from headlessly.context.tenant_scope import every_tenant
from headlessly.database.migration_states import adding_to_drawn_models
from headlessly.database.roles import connect_directly, name_connections


class Command(migrate.Command):
    def handle(self, *args: Any, **options: Any) -> str | None:
        connect_directly()
        name_connections("migrate")
        with adding_to_drawn_models(), every_tenant():
            return super().handle(*args, **options)

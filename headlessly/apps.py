"""The platform as a Django app."""

from __future__ import annotations

from typing import Any

from django.apps import AppConfig
from django.db.models.signals import post_migrate
from django.utils.translation import gettext_lazy


class HeadlesslyConfig(AppConfig):
    name = "headlessly"
    verbose_name = gettext_lazy("Operator")

    def ready(self) -> None:
        # Imported here and below: models can be imported once every app is loaded.
        from headlessly import checks  # noqa: F401  (registers them)
        from headlessly.accounts import session_cache  # noqa: F401  (hears of sessions)
        from headlessly.background import garbage
        from headlessly.log import events, news, offsets
        from headlessly.notifications import from_clock, from_log  # noqa: F401  (the clock's task)
        from headlessly.subscriptions import from_clock as _lists_clock  # noqa: F401  (its task)
        from headlessly.subscriptions import from_log as lists_from_log
        from headlessly.web import health
        from headlessly.webhooks import outbox

        events.events_appended.connect(outbox.pump_after_append, dispatch_uid="headlessly.webhooks")
        events.events_appended.connect(
            from_log.look_after_append, dispatch_uid="headlessly.notifications"
        )
        events.events_appended.connect(
            lists_from_log.look_after_append, dispatch_uid="headlessly.subscriptions"
        )
        events.events_appended.connect(news.tell_news, dispatch_uid="headlessly.news")
        health.readiness_checks["log"] = offsets.restored_log_problem
        post_migrate.connect(keep_the_past, sender=self, dispatch_uid="headlessly.keep_the_past")
        garbage.loaded()  # the models, that is; the pages follow with the first request


def keep_the_past(**_: Any) -> None:
    """Renew what the database does by itself, after migrations.

    That is the append-only log, the versions of every noun, and the statistics on searched columns.
    """
    from django.db import connection

    from headlessly.database import policies, statistics
    from headlessly.declaration.registry import registry
    from headlessly.log import events, external_ids, indexed_values, unique_values, versions

    tables = set(connection.introspection.table_names())
    with connection.cursor() as cursor:
        if events.Event._meta.db_table in tables:
            cursor.execute(events.APPEND_ONLY)
            cursor.execute(events.OLDEST_RUNNING)
    nouns = [noun for noun in registry.values() if noun._meta.db_table in tables]
    for noun in nouns:
        versions.install_triggers(noun)
    statistics.look_closely([noun._meta.db_table for noun in nouns])
    statistics.expect_one_tenant()
    if external_ids.ExternalId._meta.db_table in tables:
        external_ids.install_triggers(nouns)
    if unique_values.UniqueValue._meta.db_table in tables:
        unique_values.install_triggers(nouns)
    if indexed_values.IndexedValue._meta.db_table in tables:
        indexed_values.install_triggers(nouns)
    if events.Event._meta.db_table in tables:
        policies.install_row_security()

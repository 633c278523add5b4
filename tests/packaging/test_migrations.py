"""A migration keeps nobody waiting, and lets the code before it go on: for a while both are there."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models
from django.db.migrations.loader import MigrationLoader
from django_migration_linter import MigrationLinter
from django_migration_linter.sql_analyser import postgresql

from headlessly.database.migration_states import adding_to_drawn_models

pytestmark = pytest.mark.django_db(transaction=True)  # as `migrate` works

#: The last migration of each app that no installation has yet, and that so may lock what is empty. From
#: the first release on it stays as it is.
FREE_UNTIL = {"headlessly": 2, "crm": 2, "marketing": 1}

#: What is said of a migration beside what keeps a table locked.
HELP = """
An index is added by AddIndexConcurrently in a migration with atomic = False, a column with a db_default;
what the code before this one reads goes in the release after. Until the first release FREE_UNTIL may be
raised. See docs/decisions/0074."""


#: An index and its table. The linter's own pattern takes columns for a part of the table's name if one of
#: them is an expression, and so knows no table that was created before.
INDEX = re.compile(r"CREATE (?:UNIQUE )?INDEX (?!CONCURRENTLY).*? ON (\S+)")


def indexes_what_was_there(statements: list[str], **_: Any) -> bool:
    """Whether an index is created of a table that the migration did not create."""
    created = " ".join(sql for sql in statements if sql.startswith("CREATE TABLE"))
    tables = (found[1] for sql in statements if (found := INDEX.match(sql)))
    return any(f"CREATE TABLE {table} " not in created for table in tables)


@pytest.fixture(autouse=True)
def tables_are_known_by_their_names(monkeypatch: pytest.MonkeyPatch) -> None:
    for check in postgresql.PostgresqlAnalyser.migration_checks:
        if check.code in ("CREATE_INDEX", "CREATE_INDEX_EXCLUSIVE"):
            monkeypatch.setattr(check, "fn", indexes_what_was_there)


def lint(found: list[Any], read: Callable[[], Any]) -> str:
    """What is wrong with these migrations."""
    linter = MigrationLinter(
        all_warnings_as_errors=True, no_cache=True, analyser_string="postgresql"
    )
    read()
    with adding_to_drawn_models():  # as `migrate` does
        for migration in found:
            linter.lint_migration(migration)
    said = read().out
    return said if linter.has_errors else ""


def test_no_migration_locks_a_table_or_breaks_the_code_before_it(
    capsys: pytest.CaptureFixture[str],
) -> None:
    loader = MigrationLoader(None)
    new = [
        migration
        for (app, name), migration in loader.disk_migrations.items()
        if app in FREE_UNTIL and int(name.split("_")[0]) > FREE_UNTIL[app]
    ]
    assert not (said := lint(new, capsys.readouterr)), said + HELP


def test_what_locks_or_breaks_is_refused_by_name(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    index = models.Index(fields=["tenant", "need"], name="lead_by_need")
    ((_, last),) = MigrationLoader(None).graph.leaf_nodes("crm")
    migration = migrations.Migration("9999_locks", "crm")
    migration.dependencies = [("crm", last)]
    migration.operations = [
        migrations.AddIndex("lead", index),
        migrations.RemoveIndex("lead", "lead_by_score"),
        migrations.RenameField("lead", "need", "wish"),
        migrations.AddField("lead", "must", models.IntegerField(default=1)),
        migrations.AlterField("lead", "score", models.BigIntegerField()),
        migrations.RemoveField("lead", "timeline"),
    ]
    load_disk = MigrationLoader.load_disk

    def with_this_one(self: MigrationLoader) -> None:
        load_disk(self)
        self.disk_migrations["crm", "9999_locks"] = migration

    monkeypatch.setattr(MigrationLoader, "load_disk", with_this_one)
    monkeypatch.setattr(MigrationLinter, "get_migration_hash", staticmethod(lambda *_: ""))
    said = lint([migration], capsys.readouterr)
    for words in (
        "CREATE INDEX locks table", "DROP INDEX locks table", "RENAMING columns",
        "NOT NULL constraint", "ALTERING columns", "DROPPING columns",
    ):  # fmt: skip
        assert words in said, (words, said)
    migration.atomic = False
    migration.operations = [AddIndexConcurrently("lead", index)]
    assert lint([migration], capsys.readouterr) == ""

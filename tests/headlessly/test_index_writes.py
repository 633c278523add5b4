"""What an update writes beside its row: an index is paid for by every verb."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connection
from django.db.models import QuerySet

from crm import Deal
from headlessly.context.tenant_scope import every_tenant
from headlessly.declaration.registry import registry
from headlessly.undo.models import UndoRecord


@pytest.mark.parametrize("name", ["Contact", "Deal", "Lead", "Organization"])
def test_it_has_no_index_on_what_every_update_changes(name: str, acme: Any) -> None:
    """Else no update is within its page, and each writes in every index of the table."""
    table = registry[name]._meta.db_table
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT indexname FROM pg_indexes WHERE tablename = %s "
            "AND indexdef ~ '\\y(updated_at|version)\\y'",
            [table],
        )
        assert cursor.fetchall() == []


def test_it_has_no_second_index_for_like_on_what_is_compared_byte_by_byte(db: Any) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT c.relname FROM pg_index AS i JOIN pg_class AS c ON c.oid = i.indexrelid "
            "JOIN pg_attribute AS a ON a.attrelid = i.indrelid AND a.attnum = ANY(i.indkey) "
            "WHERE c.relname LIKE '%\\_like' "
            "AND a.attcollation = (SELECT oid FROM pg_collation WHERE collname = 'C')"
        )
        assert cursor.fetchall() == []


def test_it_changes_one_row_quickly_after_it_has_changed_many(lead: Any) -> None:
    """The plan for many rows, which a connection keeps, reads the whole past for each."""
    with connection.cursor() as cursor:
        many = "UPDATE crm_lead SET need = 'more', updated_at = clock_timestamp()"
        for _ in range(3):
            cursor.execute(many)
        cursor.execute("SELECT count(*), count(valid_to) FROM crm_lead_version")
        assert cursor.fetchone() == (4, 3)
        cursor.execute(
            "SELECT tgname FROM pg_trigger AS t JOIN pg_class AS c ON c.oid = t.tgrelid "
            "WHERE tgname LIKE '%\\_version\\_update' AND tgtype & 1 = 0"
        )
        assert cursor.fetchall() == [], "for each row"


def test_it_looks_up_what_refers_to_a_part_of_an_undo(acme: Any) -> None:
    """A part of 2,000 records compared with each of 100,000 takes a second and more."""
    refer = QuerySet(UndoRecord).filter(refers__overlap=["lead_1"])
    with every_tenant():  # or the tenant alone would lead to an index
        assert "undo_records_by_refers" in plan_of(refer, "indexscan")


def test_it_reads_the_forecast_of_then_by_its_index_of_deals_with_a_day(acme: Any) -> None:
    """Deals without a day, as a conversion makes them, write nothing in it."""
    closing = Deal.past.objects.filter(
        tenant_id=acme.pk, deleted_at=None, stage__in=list(Deal.OPEN),
        expected_close_date__gte="2026-11-01", expected_close_date__lt="2026-12-01",
    )  # fmt: skip
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_sort = off")
    assert "deal_past_by_close_date" in plan_of(closing.order_by("expected_close_date"))


def plan_of(found: Any, *but: str) -> str:
    with connection.cursor() as cursor:
        for each in ("seqscan", *but):
            cursor.execute(f"SET LOCAL enable_{each} = off")
    return found.explain()

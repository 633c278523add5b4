"""A row that a verb and its hooks change is written once, and nobody can tell."""

from __future__ import annotations

import re
from types import SimpleNamespace
from typing import Any

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from crm import Contact, Deal, Lead, Organization
from headlessly.access import tenancy
from headlessly.declaration.registry import registry
from headlessly.errors import Conflict, VerbRefused
from headlessly.execution import executor
from headlessly.execution.waiting_rows import FILLED_BY_TRIGGERS
from headlessly.log.events import Event


def updates(asked: CaptureQueriesContext, table: str) -> list[str]:
    update = f'UPDATE "{table}" SET '
    return [q["sql"] for q in asked.captured_queries if update in q["sql"]]


def past(lead: Lead) -> list[tuple[Any, ...]]:
    versions = Lead.past.objects.filter(tenant_id=lead.tenant_id, record=lead.pk).order_by("seq")
    return list(versions.values_list("version", "status", "deal_id", "valid_from", "valid_to"))


def test_it_is_written_once_by_a_conversion_with_each_version_in_its_past(qualified: Lead) -> None:
    with CaptureQueriesContext(connection) as asked:
        qualified.convert()
    (update,) = updates(asked, "crm_lead")
    assert 'INSERT INTO "crm_lead_version"' in update
    *_, before, converted, attached = past(qualified)
    moment = converted[3]
    assert before[0] + 2 == converted[0] + 1 == attached[0] == qualified.version
    assert (before[1], before[4]) == ("Qualified", moment)
    assert converted[1:] == ("Converted", None, moment, moment)
    assert attached[1:] == ("Converted", qualified.deal_id, moment, None)
    whole = Lead.past.objects.filter(tenant_id=qualified.tenant_id, record=qualified.pk)
    *_, was, between, now = whole.order_by("seq").values()
    own = {"seq", "version", "valid_from", "valid_to", "updated_at"}
    changed = {name for name in was if was[name] != between[name]} - own
    assert changed == {"status", "converted_at", "last_activity_at"}
    assert {name for name in now if now[name] != between[name]} - own == {"deal_id"}
    events = Lead.history(qualified).order_by("seq")
    told = [(e.name, e.version, e.data["deal"], e.previous) for e in events][-2:]
    assert [each[:3] for each in told] == [
        ("Lead.Converted", converted[0], None),
        ("Lead.Updated", attached[0], qualified.deal_id),
    ]
    assert "deal" not in told[0][3] and told[1][3] == {"deal": None}


@pytest.mark.parametrize("how", ["objects", "raw", "past", "count"])
def test_a_hook_that_asks_for_it_sees_it_as_it_is(how: str, lead: Lead) -> None:
    seen: list[Any] = []

    def look(record: Lead, ctx: Any) -> None:
        if how == "objects":
            seen.append(Lead.objects.get(pk=record.pk).score)
        elif how == "past":
            seen.append(past(record)[-1][0] - 1)
        elif how == "count":
            seen.append(Lead.objects.filter(score=1).count())
        else:
            with connection.cursor() as cursor:
                cursor.execute("SELECT score FROM crm_lead WHERE id = %s", [record.pk])
                seen.extend(cursor.fetchone())

    with Lead.updated.attached(look):
        lead.update(score=1)
    assert seen == [1]
    assert Lead.objects.get(pk=lead.pk).version == 2


@pytest.mark.parametrize(
    "sql",
    [
        "select score from CRM_LEAD where id = %s",
        'WITH x AS (SELECT * FROM public."crm_lead") SELECT score FROM x WHERE id = %s',
    ],
)
def test_a_statement_names_it_as_postgresql_reads_names(sql: str, lead: Lead) -> None:
    seen: list[Any] = []

    def look(record: Lead, ctx: Any) -> None:
        with connection.cursor() as cursor:
            cursor.execute(sql, [record.pk])
            seen.extend(cursor.fetchone())

    with Lead.updated.attached(look):
        lead.update(score=1)
    assert seen == [1]


def test_what_goes_past_djangos_cursor_has_it_after_a_flush(lead: Lead) -> None:
    seen: list[bytes] = []

    def copy(record: Lead, ctx: Any) -> None:
        ctx.flush()
        sql = "COPY (SELECT score FROM crm_lead) TO STDOUT"
        with connection.cursor() as cursor, cursor.copy(sql) as rows:
            seen.extend(bytes(row) for row in rows)

    with Lead.updated.attached(copy):
        lead.update(score=1)
    assert seen == [b"1\n"]


@pytest.mark.parametrize("scope", ["rival", "none"])
def test_it_is_written_whichever_tenant_is_open_where_somebody_asks(
    scope: str, lead: Lead, rival: Any
) -> None:
    def look(record: Lead, ctx: Any) -> None:
        with tenancy.active(rival if scope == "rival" else None), connection.cursor() as cursor:
            cursor.execute("SELECT count(*) FROM crm_lead")
            assert cursor.fetchone() == (0,)

    with Lead.updated.attached(look):
        lead.update(score=1)
    assert Lead.objects.get(pk=lead.pk).score == 1


def test_what_a_hook_does_to_a_list_without_a_verb_is_not_written(lead: Lead) -> None:
    def spoil(record: Lead, ctx: Any) -> None:
        assert record.tags is not None
        record.tags.append("spoiled")

    with Lead.updated.attached(spoil):
        lead.update(tags=["one"])
    assert Lead.objects.get(pk=lead.pk).tags == ["one"]


def test_a_hook_that_asks_for_others_does_not_have_it_written(lead: Lead) -> None:
    def go_on(record: Lead, ctx: Any) -> None:
        if record.need is None:
            assert Deal.objects.count() == 0
            ctx.Lead.update(record.pk, need="more")

    with Lead.updated.attached(go_on), CaptureQueriesContext(connection) as asked:
        lead.update(score=1)
    assert len(updates(asked, "crm_lead")) == 1
    found = Lead.objects.get(pk=lead.pk)
    assert (found.score, found.need, found.version) == (1, "more", 3)
    assert [version for version, *_ in past(lead)] == [1, 2, 3]


def test_what_a_hook_lets_go_somebody_else_may_have(people: SimpleNamespace) -> None:
    """The rows of a table are written in the order of their changes."""

    def take_over(record: Contact, ctx: Any) -> None:
        if record.pk == people.ada.pk and record.email is None:
            ctx.Contact.update(people.bob.pk, email="ada@acme.example")
            ctx.Contact.update(people.ada.pk, email="bob@seller.example")

    with Contact.updated.attached(take_over):
        people.ada.update(email=None)
    ada, bob = (Contact.objects.get(pk=each.pk) for each in (people.ada, people.bob))
    assert (ada.email, bob.email) == ("bob@seller.example", "ada@acme.example")


def test_what_others_keep_of_it_is_there_for_who_asks(people: SimpleNamespace) -> None:
    seen: list[Any] = []

    def look(record: Organization, ctx: Any) -> None:
        with connection.cursor() as cursor:
            cursor.execute("SELECT value FROM headlessly_externalid WHERE record = %s", [record.pk])
            seen.extend(cursor.fetchall())

    with Organization.updated.attached(look):
        people.corp.update(external_ids=[{"system": "zoho", "id": "77"}])
    assert seen == [("77",)]


def test_it_is_not_there_where_its_part_was_undone(lead: Lead) -> None:
    """What waits is written before a part that is undone begins, and what waits in that is forgotten."""

    def attempt(record: Lead, ctx: Any) -> None:
        if record.timeline is not None:
            return
        with pytest.raises(VerbRefused), ctx.attempt():
            ctx.Lead.update(record.pk, timeline="never")
            raise VerbRefused("no")
        ctx.Lead.update(record.pk, timeline="later")

    with Lead.updated.attached(attempt):
        lead.update(score=1)
    found = Lead.objects.get(pk=lead.pk)
    assert (found.score, found.timeline, found.version) == (1, "later", 3)
    assert [version for version, *_ in past(lead)] == [1, 2, 3]
    assert "never" not in [e.data["timeline"] for e in Lead.history(lead)]


def test_a_savepoint_of_a_hooks_own_keeps_what_was_before_it(lead: Lead) -> None:
    def try_something(record: Lead, ctx: Any) -> None:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SELECT 1")
            transaction.set_rollback(True)

    with Lead.updated.attached(try_something):
        lead.update(score=1)
    assert Lead.objects.get(pk=lead.pk).score == 1


def test_a_value_that_is_taken_is_refused_by_the_verb_that_wants_it(
    people: SimpleNamespace,
) -> None:
    def go_on(record: Contact, ctx: Any) -> None:
        ctx.Organization.update(people.corp.pk, industry="Retail")

    with Contact.updated.attached(go_on), pytest.raises(Conflict) as told:
        people.ada.update(email="BOB@seller.example")
    assert (told.value.type, told.value.field) == ("Contact", "email")
    assert Contact.objects.get(pk=people.ada.pk).email == "ada@acme.example"
    assert Organization.objects.get(pk=people.corp.pk).industry == "Technology"


@pytest.mark.parametrize("flushes", [True, False])
def test_a_hook_that_passes_over_what_fails_does_not_pass_over_that(
    flushes: bool, lead: Lead
) -> None:
    """As the hooks of rules do: the row that they have written before them is not what they tried."""
    other = Lead.create(name="Other", source="website")

    def take(record: Lead, ctx: Any) -> None:
        """Another transaction has it by now, of which the check knew nothing."""
        with connection.cursor() as cursor:
            cursor.execute(
                "INSERT INTO headlessly_externalid (tenant_id, noun, system, value, record) "
                "VALUES (%s, 'Lead', 'zoho', '7', %s)",
                [record.tenant_id, other.pk],
            )

    def try_something(record: Lead, ctx: Any) -> None:
        if flushes:
            ctx.flush()
        try:
            with ctx.attempt():
                Lead.objects.count()
        except Exception:
            Lead.objects.count()

    with (
        Lead.updating.attached(take),
        Lead.updated.attached(try_something),
        pytest.raises(Conflict) as told,
    ):
        lead.update(external_ids=[{"system": "zoho", "id": "7"}])
    assert (told.value.type, told.value.field) == ("Lead", "externalIds")
    assert Lead.objects.get(pk=lead.pk).external_ids is None


def test_a_savepoint_by_hand_keeps_what_was_before_it(lead: Lead) -> None:
    def try_something(record: Lead, ctx: Any) -> None:
        if record.need is None:
            with connection.cursor() as cursor:
                cursor.execute("savepoint tried")
                ctx.Lead.update(record.pk, need="nothing")
                cursor.execute("rollback to savepoint tried")

    with Lead.updated.attached(try_something):
        lead.update(score=1)
    found = Lead.objects.get(pk=lead.pk)
    assert (found.score, found.need) == (1, None)


def test_each_of_several_verbs_is_done_before_the_next_one_begins(lead: Lead) -> None:
    with executor.one_transaction() as execution:
        lead.update(score=1)
        assert not execution.waiting_rows
        lead.update(score=2)
    assert [version for version, *_ in past(lead)] == [1, 2, 3]


def test_nothing_of_a_refused_verb_is_written(lead: Lead) -> None:
    def refuse(record: Lead, ctx: Any) -> None:
        raise VerbRefused("no")

    with Lead.updated.attached(refuse), pytest.raises(VerbRefused):
        lead.update(score=1)
    assert Lead.objects.get(pk=lead.pk).score == 82
    assert [version for version, *_ in past(lead)] == [1]
    assert Event.objects.filter(target=lead.pk).count() == 1


def test_it_knows_each_table_that_is_filled_from_a_row(acme: Any) -> None:
    """Whoever reads one of these has the row written first."""
    tables = {noun._meta.db_table for noun in registry.values()}
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT DISTINCT c.relname, p.prosrc FROM pg_trigger AS t "
            "JOIN pg_class AS c ON c.oid = t.tgrelid JOIN pg_proc AS p ON p.oid = t.tgfoid "
            "WHERE NOT t.tgisinternal AND c.relname = ANY(%s)",
            [list(tables)],
        )
        sources = cursor.fetchall()
    assert {table for table, _ in sources} == tables
    filled = {
        name
        for table, source in sources
        for name in re.findall(r"(?:INSERT INTO|DELETE FROM|UPDATE) \"?([a-z]\w+)", source)
        if not name.startswith(table)
    }
    assert filled == set(FILLED_BY_TRIGGERS)

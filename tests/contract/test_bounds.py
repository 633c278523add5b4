"""Every noun's lists, in REST and in the browser: what they cost does not depend on how much there is."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from django.db import connection, transaction
from django.test import Client
from django.test.utils import CaptureQueriesContext

from headlessly.access.models import Membership, User
from headlessly.admin.lists.changelist import PER_PAGE
from headlessly.admin.lists.columns import MAX_COLUMNS
from headlessly.database import statistics
from headlessly.nouns import Noun
from tests.contract import samples

nouns = pytest.mark.parametrize("noun", samples.NOUNS, ids=[n.__name__ for n in samples.NOUNS])
#: How large the HTML of a list may be, in bytes.
LARGEST = 250_000
#: How many records more there are when it is asked again.
MORE = 5


@pytest.fixture
def signed_in(acme: Any, people: Any) -> Client:
    """A browser of a manager who owns records."""
    user = User.objects.create_user("cleo@sign.example")
    Membership.objects.create(user=user, tenant=acme, role="manager", contact_id=people.cleo.pk)
    client = Client()
    client.force_login(user)
    return client


def in_rest(noun: type[Noun]) -> list[str]:
    includes = ",".join([*noun.schema.references, *noun.schema.relations])
    found = ["", "q=word", "q=word+another", "asOf=now", "sort=-updatedAt", "count=exact"]
    if includes:
        found += [f"include={includes}", f"include={includes}&asOf=now"]
    return [f"/~acme/{noun.plural}?{query}" for query in found]


def in_browser(noun: type[Noun]) -> list[str]:
    start = f"/~acme/admin/{noun._meta.app_label}/{noun._meta.model_name}/"
    columns = [name for name in noun.schema.fields if not noun.schema.fields[name].computed]
    found = ["view=all", "q=word", "asOf=today", "o=-updatedAt", "deleted=true"]
    found.append(f"columns={','.join(columns[: MAX_COLUMNS - 1])}")
    pages = [f"{start}?{query}" for query in found]
    shown = {"board": noun.Surface.board, "calendar": noun.Surface.calendar}
    return [*pages, *(f"{start}{page}/" for page, declared in shown.items() if declared)]


def unlike(few: dict[str, tuple[int, int]], many: dict[str, tuple[int, int]]) -> list[str]:
    """The addresses that did not take as many statements."""
    return [address for address in few if few[address][0] != many[address][0]]


@contextmanager
def more(noun: type[Noun], given: dict[str, Any]) -> Iterator[None]:
    """Some more records, inside the block."""
    with transaction.atomic():
        for _ in range(MORE):
            samples.create(noun, full=True, **given)
        yield
        transaction.set_rollback(True)


def statements(asked: dict[str, tuple[int, int]]) -> dict[str, int]:
    return {address: count for address, (count, _size) in asked.items()}


@nouns
def test_it_is_listed_by_as_many_statements_and_in_a_page_as_small_however_many_there_are(
    noun: type[Noun], api: Any, signed_in: Client
) -> None:
    addresses = [(api.secret, each) for each in in_rest(noun)]
    addresses += [(None, each) for each in in_browser(noun)]

    def asked(again: Collection[str] = ()) -> dict[str, tuple[int, int]]:
        """Each address, or those that are asked again, with how many statements it took, and how large the
        answer was."""
        found = {}
        for secret, address in addresses:
            if again and address not in again:
                continue
            headers = {"Authorization": f"Bearer {secret}"} if secret else {}
            with CaptureQueriesContext(connection) as captured:
                answer = (api if secret else signed_in).get(address, headers=headers)
            assert answer.status_code == 200, (address, answer.content[:300])
            found[address] = len(captured), len(answer.content)
        return found

    # Of some there is one at the most: none is that one.
    flags = {f.wire: False for f in noun.schema.inputs() if f.type == "bool"}
    made = [samples.create(noun, full=True, **flags) for _ in range(3)]
    made.pop().delete()
    least = noun.count()
    with more(noun, flags):
        assert (total := noun.count()) == least + MORE
        many = asked()
    few = asked()
    # What is read once and kept is not counted: it makes the first time more, and never less.
    if again := unlike(few, many):
        with more(noun, flags):
            many |= asked(again)
            if again := unlike(few, many):
                # Stages and gates are the tenant's own: after they change they are read once more.
                many |= asked(again)
    for _ in range(2):  # what was undone made the connection forget some of it, too
        if again := unlike(few, many):
            few |= asked(again)
    assert statements(many) == statements(few)
    # Tenant, key and its count, which records, the records, one for each other side.
    most = 4 + len(noun.schema.relations)
    including = [each for each in in_rest(noun) if "include=" in each and "asOf" not in each]
    if over := [each for each in including if few[each][0] > most]:
        few |= asked(over)  # they were the first that read what is kept
    for address in including:
        assert few[address][0] <= most, address
    # Each record is a row like the others: what a whole page of them is follows from what some more take.
    for address, (_, size) in many.items():
        if "/admin/" in address:
            row = (size - few[address][1]) / MORE
            assert size + row * (PER_PAGE - total) < LARGEST, address


def test_the_planner_is_told_how_many_have_a_word_by_more_values_than_by_itself(db: None) -> None:
    """Of each expression that a search is looked up by; and of none that the planner never asks."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT x.relname, i.indpred IS NULL, array_agg(a.attstattarget ORDER BY a.attnum) "
            "FROM pg_index i JOIN pg_class t ON t.oid = i.indrelid JOIN pg_class x ON x.oid = i.indexrelid "
            "JOIN pg_attribute a ON a.attrelid = x.oid AND i.indkey[a.attnum - 1] = 0 "
            "WHERE t.relname = ANY(%s) GROUP BY 1, 2",
            [[noun._meta.db_table for noun in samples.NOUNS]],
        )
        found = {index: (of_all, kept) for index, of_all, kept in cursor.fetchall()}
    declared = {index.name: index for noun in samples.NOUNS for index in noun._meta.indexes}
    searched = {name for name in declared if name.endswith("_search")}
    assert searched <= set(found) and len(searched) > 10
    for name, (of_all, kept) in found.items():
        assert set(kept) == {statistics.KEPT if of_all else 0}, name


@pytest.mark.parametrize("noun", samples.NOUNS, ids=lambda noun: noun.__name__)
def test_a_record_is_found_by_its_id_before_anybody_has_looked_at_its_table(
    acme: Any, noun: Any
) -> None:
    """A statement that was prepared then goes on like this, however many records there are later."""
    if connection.pg_version < 18_00_00:
        pytest.skip("Nobody can say what the planner should expect before PostgreSQL 18.")
    table = noun._meta.db_table
    with connection.cursor() as cursor:
        cursor.execute(
            f"EXPLAIN (GENERIC_PLAN) SELECT id FROM {table} "
            "WHERE id = $1 AND tenant_id = $2 AND deleted_at IS NULL FOR KEY SHARE"
        )
        plan = "\n".join(line for (line,) in cursor.fetchall())
    found = re.findall(r"Index Cond: (.*)", plan)
    assert found, plan
    assert all("(id)::text = $1" in condition for condition in found), plan

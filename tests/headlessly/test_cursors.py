"""Paging by cursor: everything once, whatever happens meanwhile."""

from __future__ import annotations

import base64
import random
from datetime import timedelta
from typing import Any

import orjson
import pytest

from crm import Lead
from headlessly.errors import InvalidFilter
from headlessly.execution.executor import one_transaction
from headlessly.query import reads

SORTS = (
    None,
    "score",
    "-score",
    "-budget,source",
    "source,-score",
    "-score,source,-createdAt",
    "firstTouchAt",
    "-$id",
    "timeline,-need",
)


@pytest.fixture
def many(acme: Any) -> list[str]:
    """Forty leads with ties and gaps in what they are sorted by."""
    chance = random.Random(7)
    with one_transaction():
        return [
            Lead.create(
                name=f"Lead {n}",
                source=chance.choice(["website", "referral"]),
                score=chance.choice([None, 10, 10, 55.5, 90]),
                budget=chance.choice([None, 100, 250.5]),
                timeline=chance.choice([None, "Q1", "Q2"]),
                need=chance.choice([None, "speed", "peace"]),
            ).pk
            for n in range(40)
        ]


def walk(limit: int = 7, meanwhile: Any = None, **question: Any) -> list[str]:
    """The ids of all pages, one after the other."""
    found: list[str] = []
    cursor = None
    while True:
        page = reads.record_page(Lead, limit=limit, cursor=cursor, **question)
        found += [record["$id"] for record in page.results]
        if page.cursor is None:
            assert not page.has_more
            return found
        assert page.has_more
        cursor = page.cursor
        if meanwhile:
            meanwhile()


@pytest.mark.parametrize("sort", SORTS)
def test_it_shows_every_record_once_and_in_the_order_of_the_list(
    many: list[str], sort: Any
) -> None:
    whole = [record["$id"] for record in reads.record_page(Lead, sort=sort, limit=100).results]
    assert sorted(whole) == sorted(many)
    assert walk(sort=sort) == whole
    assert walk(sort=sort, limit=1) == whole


@pytest.mark.parametrize("sort", ["-score", "score", "source,-score", "-createdAt"])
def test_it_neither_repeats_nor_skips_while_rows_come_and_go(many: list[str], sort: str) -> None:
    chance = random.Random(3)
    stay = set(many)

    def meanwhile() -> None:
        Lead.create(name="Another", source="event", score=chance.choice([None, 10, 95]))
        gone = chance.choice(sorted(stay))
        stay.discard(gone)
        Lead.delete(gone)

    seen = walk(sort=sort, meanwhile=meanwhile)
    assert len(seen) == len(set(seen))
    assert stay <= set(seen)


def test_it_keeps_to_the_moment_of_its_first_page(many: list[str]) -> None:
    def meanwhile() -> None:
        Lead.create(name="Too late", source="event")

    then = Lead.get(many[-1]).created_at + timedelta(milliseconds=1)
    seen = walk(as_of=then.isoformat(), meanwhile=meanwhile, include="contact")
    assert sorted(seen) == sorted(many)
    there = set(Lead.objects.values_list("pk", flat=True))
    assert set(walk(as_of="now", meanwhile=meanwhile)) == there


@pytest.mark.parametrize(
    "other", [{"sort": "score"}, {"filter": {"source": "website"}}, {"q": "lead"}, {"as_of": "now"}]
)
def test_it_refuses_the_cursor_of_another_question(many: list[str], other: dict[str, Any]) -> None:
    cursor = reads.record_page(Lead, sort="-score", limit=5).cursor
    with pytest.raises(InvalidFilter, match="another sort or filter"):
        reads.record_page(Lead, **{"sort": "-score", "limit": 5, "cursor": cursor} | other)


@pytest.mark.parametrize(
    "nonsense", ["x", "e30", "W10", "bnVsbA", "é", "W251bGwsMSwyXQ", "a" * 4000]
)
def test_it_refuses_what_is_no_cursor(many: list[str], nonsense: str) -> None:
    with pytest.raises(InvalidFilter, match="cursor"):
        reads.record_page(Lead, cursor=nonsense)


@pytest.mark.parametrize(
    ("sort", "place", "value"),
    [
        ("createdAt", 1, "0001-01-01T00:00:00+23:59"),
        ("createdAt", 1, "9999-12-31T23:59:59-23:59"),
        ("createdAt", 2, "0001-01-01T00:00:00+23:59"),
        ("-budget", 2, "NaN"),
        ("-budget", 2, "1E+1000000"),
        ("-score", 2, 2**63),
        ("source", 2, "\x00"),
        ("$version", 2, 1.5e300),
    ],
)
def test_it_takes_no_place_that_no_list_has(
    many: list[str], sort: str, place: int, value: Any
) -> None:
    cursor = reads.record_page(Lead, sort=sort, limit=5).cursor
    row = orjson.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
    row[place] = value
    forged = base64.urlsafe_b64encode(orjson.dumps(row)).decode().rstrip("=")
    with pytest.raises(InvalidFilter, match="cursor"):
        reads.record_page(Lead, sort=sort, limit=5, cursor=forged)


def test_it_refuses_a_cursor_together_with_an_offset(many: list[str]) -> None:
    cursor = reads.record_page(Lead, limit=5).cursor
    with pytest.raises(InvalidFilter, match="not by both"):
        reads.record_page(Lead, limit=5, cursor=cursor, offset=5)


def test_it_pages_over_rest_with_plain_conditions(many: list[str], api: Any) -> None:
    first = api.call("GET", "/leads?source=website&sort=-score&limit=3").json()
    assert first["hasMore"] and first["cursor"]
    again = f"/leads?source=website&sort=-score&limit=3&cursor={first['cursor']}"
    second = api.call("GET", again).json()
    ids = [r["$id"] for r in first["results"] + second["results"]]
    whole = api.call("GET", "/leads?source=website&sort=-score&limit=6").json()["results"]
    assert ids == [r["$id"] for r in whole]
    other = api.call("GET", again.replace("source=website", "source=referral"))
    assert other.status_code == 400
    assert other.json()["field"] == "cursor"

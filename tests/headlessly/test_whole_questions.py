"""A list as a plain reading of the same rows: any filter, at any moment, in any order, page by page.

The company changes from day to day and is copied into plain dictionaries each evening. What a list
answers, now or as of one of those evenings, is worked out again from the copy.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from functools import partial
from typing import Any

import pytest
from django.db import transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from crm import Contact, Lead, Organization
from headlessly.context import clock
from headlessly.query import reads
from marketing import Campaign
from tests.headlessly.test_filters import OPERATORS, as_dict, nested

at = partial(clock.set_clock, purpose="replay")

DAYS = [datetime(2026, 3, day, 9, tzinfo=UTC) for day in (1, 2, 3, 4)]
NOW = datetime(2026, 3, 5, 12, tzinfo=UTC)
#: What is said of moments, and what it means at NOW.
SAID: dict[str, datetime] = {
    "now": NOW,
    "today": NOW.replace(hour=0),
    "yesterday": NOW.replace(day=4, hour=0),
    "tomorrow": NOW.replace(day=6, hour=0),
    "36h ago": NOW - timedelta(hours=36),
    "2d ago": NOW - timedelta(days=2),
    "1w ago": NOW - timedelta(days=7),
    "1mo ago": NOW - timedelta(days=30),
    "90m from now": NOW + timedelta(minutes=90),
}
MOMENTS = [datetime(2026, 3, day, 12, tzinfo=UTC) for day in (2, 3, 4)]

Copy = dict[str, dict[str, Any]]


# -- a company, day by day ------------------------------------------------------------------------


@pytest.fixture
def evenings(acme: Any) -> Iterator[dict[datetime | None, Copy]]:
    """Every record as it was on each evening, and now."""
    chance = random.Random(11)
    found: dict[datetime | None, Copy] = {}
    for day in DAYS:
        with at(day):
            (begin if day is DAYS[0] else go_on)(chance)
        with at(day.replace(hour=12)):
            found[day.replace(hour=12)] = copied()
    found[None] = found[MOMENTS[-1]]
    with at(NOW):
        yield found


def begin(chance: random.Random) -> None:
    top = Organization.create(name="Top", industry="Tools")
    mid = Organization.create(name="Mid", parent=top)
    low = Organization.create(name="Low lee", industry="Software", parent=mid)
    people = [
        Contact.create(name="Ann", email="ann@lee.example", organization=low),
        Contact.create(name="Bob", organization=mid, marketing_consent=True),
        Contact.create(name="ann lee", role="Champion"),
    ]
    campaigns = [Campaign.create(name="C"), Campaign.create(name="D", start_date="2026-03-05")]
    for number in range(14):
        Lead.create(
            name=chance.choice(["Ann", "ann lee", "Bob", "100%_"]),
            source=chance.choice(["website", "referral"]),
            source_detail=chance.choice([None, "Ann", "x y"]),
            score=chance.choice([None, 0, 10, 10.5]),
            budget=chance.choice([None, 0, 99.99]),
            first_touch_at=chance.choice(
                [None, *(f"2026-0{day}T06:00:00Z" for day in ("2-26", "3-03", "3-04", "3-05"))]
            ),
            contact=[None, *people][number % 4],
            organization=[None, low, mid][number % 3],
            campaign=[None, *campaigns][number % 3],
        )


def go_on(chance: random.Random) -> None:
    """A day on which something of everything changes."""
    leads = list(Lead.find(sort="$id"))
    for lead in chance.sample(leads, 5):
        lead.update(
            score=chance.choice([None, 10, 90]),
            name=chance.choice(["Ann", "Bob"]),
            contact=chance.choice([None, lead.contact]),
        )
    fresh = next(lead for lead in leads if lead.status == "New")
    fresh.update(status="Contacted")
    next(lead for lead in leads if lead.status == "New" and lead.pk != fresh.pk).lose(
        lost_reason="x"
    )
    Lead.delete(leads[0].pk)
    Lead.create(name="b.b", source="event", score=chance.choice([None, 10]))
    for organization in Organization.find():
        organization.update(industry=chance.choice([None, "Tools", "Software"]))
    for contact in Contact.find():
        contact.update(name=chance.choice(["Ann", "Bob"]), role=chance.choice([None, "User"]))


def copied() -> Copy:
    return {
        record.pk: {f.wire: plain(getattr(record, f.column)) for f in noun.schema.stored}
        | {
            "$id": record.pk,
            "$version": record.version,
            "$createdAt": record.created_at,
            "$updatedAt": record.updated_at,
            "$type": noun.__name__,
        }
        for noun in (Lead, Contact, Organization, Campaign)
        for record in noun.find()
    }


def plain(value: Any) -> Any:
    return float(value) if isinstance(value, Decimal) else value


# -- a plain reading ------------------------------------------------------------------------------

PATHS: dict[str, list[Any]] = {
    "name": ["Ann", "ann lee", "Bob", "b.b", "100%_"],
    "sourceDetail": [None, "Ann", "x y"],
    "status": ["New", "Contacted", "Lost"],
    "score": [None, 0, 10, 10.5, 90],
    "budget": [None, 0, 99.99],
    "$version": [1, 2, 3],
    "contact.name": ["Ann", "Bob"],
    "contact.role": [None, "Champion", "User"],
    "contact.marketingConsent": [None, True, False],
    "contact.organization.industry": [None, "Tools", "Software"],
    "contact.organization.parent.industry": [None, "Tools", "Software"],
    "organization.parent.parent.name": [None, "Top"],
    "firstTouchAt": [datetime(2026, 3, 4, 6, tzinfo=UTC), *SAID],
    "lostAt": [None, DAYS[2], *SAID],
    "$createdAt": [DAYS[0], *SAID],
    "contact.$updatedAt": [None, DAYS[1], *SAID],
    "campaign.startDate": [None, date(2026, 3, 5), *SAID],
}
WORDS = ("name", "sourceDetail", "contact.name", "contact.organization.industry")
UNORDERED = ("status", "contact.role", "contact.marketingConsent")
SORTABLE = ["name", "sourceDetail", "status", "score", "budget", "contact", "firstTouchAt", "lostAt",
            "$version", "$createdAt", "$updatedAt", "$id"]  # fmt: skip


@st.composite
def leaves(draw: Any) -> tuple[str, Any]:
    if draw(st.integers(0, 9)) == 0:
        return "$text", draw(st.sampled_from(["ann", "LEE b", "o", "lee.example", " "]))
    dates = draw(st.integers(0, 2)) == 0
    path = draw(st.sampled_from([path for path in PATHS if is_date(path) == dates]))
    path = "firstTouchAt" if dates and draw(st.booleans()) else path
    values = st.sampled_from(PATHS[path])
    kinds: list[Any] = [
        values,
        st.builds(lambda name, v: {name: v}, st.sampled_from(["$eq", "$ne"]), values),
        st.builds(
            lambda name, v: {name: v},
            st.sampled_from(["$in", "$nin"]),
            st.lists(values, max_size=3),
        ),
        st.builds(lambda v: {"$exists": v}, st.booleans()),
    ]
    if path not in UNORDERED:
        names = st.sampled_from(["$gt", "$gte", "$lt", "$lte"])
        known = values.filter(lambda value: value is not None)
        kinds.append(st.builds(lambda name, v: {name: v}, names, known))
    if path in WORDS:
        patterns = st.sampled_from(["^A", "n", "b$", r"\.", "A|l", "[a-m]+o", "(?i)^b", ""])
        kinds.append(st.builds(lambda v: {"$regex": v}, patterns))
        kinds.append(st.builds(lambda v: {"$text": v}, st.sampled_from(["ANN", "lee ann", ""])))
    one = st.one_of(kinds)
    both = st.builds(lambda a, b: as_dict(a) | as_dict(b), one, one)
    inner = st.one_of(one, both)
    return path, draw(st.one_of(inner, st.builds(lambda v: {"$not": as_dict(v)}, inner)))


def is_date(path: str) -> bool:
    return path.endswith(("At", "startDate"))


def value_at(copy: Copy, record: dict[str, Any] | None, path: str) -> Any:
    head, _, rest = path.partition(".")
    if record is None:
        return None
    return value_at(copy, copy.get(record[head] or ""), rest) if rest else record[head]


def holds(copy: Copy, record: dict[str, Any], filter: dict[str, Any]) -> bool:
    return all(part(copy, record, key, value) for key, value in filter.items())


def part(copy: Copy, record: dict[str, Any], key: str, value: Any) -> bool:
    match key:
        case "$and":
            return all(holds(copy, record, each) for each in value)
        case "$or":
            return any(holds(copy, record, each) for each in value)
        case "$not":
            return not holds(copy, record, value)
        case "$text":
            searched = (path.replace("__", ".") for path in Lead.Surface.search)
            said = [value_at(copy, record, path) for path in searched]
            return all(any(has_word(s or "", word) for s in said) for word in value.split())
        case _:
            return condition(value_at(copy, record, key), value, key)


def has_word(text: str, word: str) -> bool:
    """Whether a word is in a text: anywhere; of one or two letters where a word begins."""
    begins = r"(?:^|(?<=[ -]))" if len(word) < 3 else ""
    return re.search(begins + re.escape(word.lower()), text.lower()) is not None


def condition(found: Any, wanted: Any, path: str) -> bool:
    for name, operand in as_dict(wanted).items():
        if name == "$not":
            held = not condition(found, operand, path)
        else:
            held = OPERATORS[name](found, meant(operand, path, name))
        if not held:
            return False
    return True


@dataclass(frozen=True)
class DayOf:
    """What a moment equals that is on this day."""

    day: date

    def __eq__(self, other: object) -> bool:
        return isinstance(other, datetime) and other.date() == self.day

    __hash__ = None  # type: ignore[assignment]


def meant(operand: Any, path: str, name: str = "") -> Any:
    """Relative dates as what they mean."""
    if name in ("$eq", "$ne", "$in", "$nin") and path.endswith("At"):
        if isinstance(operand, list):
            return [meant(each, path, name) for each in operand]
        if operand in ("today", "yesterday", "tomorrow"):
            return DayOf(SAID[operand].date())
    if isinstance(operand, list):
        return [meant(each, path) for each in operand]
    if is_date(path) and isinstance(operand, str):
        return SAID[operand].date() if path.endswith("startDate") else SAID[operand]
    return operand


#: The fields that people write.
TEXT = ("name", "source", "sourceDetail")


def folded(field: str, value: Any) -> Any:
    """Text sorts whatever its case; ids and states as they are written."""
    return value.lower() if field in TEXT and isinstance(value, str) else value


def in_order(found: list[dict[str, Any]], sort: list[str]) -> list[str]:
    """The ids in this order: what has no value last either way, the id last of all."""
    names = [*sort, ("-" if sort[-1].startswith("-") else "") + "$id"]
    for name in reversed(names):
        field, descending = name.lstrip("-"), name.startswith("-")
        found = [r | {"by": folded(field, r[field])} for r in found]
        there = [r for r in found if r["by"] is not None]
        there.sort(key=lambda r: r["by"], reverse=descending)
        if descending:  # sorted backwards, ties have to stay as they were
            ties: dict[Any, list[Any]] = {}
            for r in found:
                ties.setdefault(r["by"], []).append(r)
            there = [r for value in dict.fromkeys(t["by"] for t in there) for r in ties[value]]
        found = there + [r for r in found if r["by"] is None]
    return [record["$id"] for record in found]


# -- the same by the product ----------------------------------------------------------------------

QUESTIONS = st.fixed_dictionaries(
    {
        "filter": nested(leaves()),
        "as_of": st.sampled_from([None, *MOMENTS]),
        "sort": st.lists(st.sampled_from(SORTABLE), min_size=1, max_size=3, unique=True).flatmap(
            lambda names: st.tuples(*(st.sampled_from([n, f"-{n}"]) for n in names)).map(list)
        ),
    }
)


def pages(
    question: dict[str, Any], limit: int, meanwhile: Callable[[], None] | None = None
) -> Iterator[reads.Page]:
    cursor = None
    while True:
        page = reads.record_page(Lead, **question, limit=limit, cursor=cursor)
        yield page
        cursor = page.cursor
        if cursor is None:
            return
        if meanwhile:
            meanwhile()


CAREFUL = settings(deadline=None, suppress_health_check=list(HealthCheck), database=None)


def test_it_is_answered_like_a_plain_reading_of_the_rows_of_then(
    evenings: dict[datetime | None, Copy],
) -> None:
    @settings(CAREFUL, max_examples=60)
    @given(QUESTIONS, st.integers(1, 6))
    def check(question: dict[str, Any], limit: int) -> None:
        copy = evenings[question["as_of"]]
        leads = [record for record in copy.values() if record["$type"] == "Lead"]
        wanted = [lead for lead in leads if holds(copy, lead, question["filter"])]
        answers = list(pages(question, limit))
        found = [record for page in answers for record in page.results]
        assert [record["$id"] for record in found] == in_order(wanted, question["sort"])
        assert {page.total for page in answers} == {len(wanted)}
        for record in found:
            was = copy[record["$id"]]
            assert (record["name"], record["score"]) == (was["name"], was["score"])

    check()


def test_it_misses_and_repeats_nothing_in_any_order_while_rows_come_and_go(
    evenings: dict[datetime | None, Copy],
) -> None:
    @settings(CAREFUL, max_examples=20)
    @given(QUESTIONS, st.integers(1, 4), st.integers(0, 99))
    def check(question: dict[str, Any], limit: int, seed: int) -> None:
        chance = random.Random(seed)
        question |= {"as_of": None}
        copy = evenings[None]
        stay = [
            r for r in copy.values() if r["$type"] == "Lead" and holds(copy, r, question["filter"])
        ]

        def meanwhile() -> None:
            Lead.create(name="Ann", source="event", score=chance.choice([None, 10, 95]))
            if stay:
                Lead.delete(stay.pop(chance.randrange(len(stay)))["$id"])

        with transaction.atomic():
            answers = list(pages(question, limit, meanwhile))
            transaction.set_rollback(True)
        seen = [record["$id"] for page in answers for record in page.results]
        assert len(seen) == len(set(seen))
        order = in_order(stay, question["sort"])
        assert [id for id in seen if id in set(order)] == order

    check()

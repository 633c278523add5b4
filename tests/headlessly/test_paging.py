"""Lists whose filter and order do not agree, words that are in many records, and what they may cost."""

from __future__ import annotations

import itertools
from datetime import UTC, datetime
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from crm import Activity, Contact, Deal, ExchangeRate, Lead, Organization
from headlessly.access import actors
from headlessly.context import clock
from headlessly.context.tenant_scope import every_tenant
from headlessly.declaration import indexes
from headlessly.log.versions import RowsMoment
from headlessly.query import filters, paging, reads, search, sorting
from headlessly.query.scope import Scope
from headlessly.query.search import Search

WORDS = (
    "platform",
    "berlin",
    "platform berlin",
    "berlin platform",
    "chen",
    "chen platform",
    "nothing",
)


@pytest.fixture
def leads(acme: Any, theirs: Any) -> list[Lead]:
    """Forty leads: every second about a platform, every third in Berlin, every fifth with Ada Chen."""
    ada = Contact.create(name="Ada Chen")
    corp = Organization.create(name="Berlin Works")
    made = []
    for number in range(40):
        name = f"{'Platform' if number % 2 == 0 else 'Pilot'} {'Berlin' if number % 3 == 0 else 'Rome'}"
        made.append(
            Lead.create(
                name=f"{name} {number}",
                source="web" if number % 4 else "fair",
                score=number % 7 if number % 6 else None,
                contact=ada if number % 5 == 0 else None,
                organization=corp if number == 7 else None,
            )
        )
    return made


def fitting(leads: list[Lead], words: str) -> set[str]:
    """The ids of those with every word somewhere, told without the database."""
    found = set()
    for lead in leads:
        text = f"{lead.name} {'Ada Chen' if lead.contact_id else ''}"
        text += " Berlin Works" if lead.organization_id else ""
        if all(word in text.casefold() for word in words.split()):
            found.add(lead.pk)
    return found


def paged(**asked: Any) -> list[str]:
    """The ids of all pages of seven, by cursor."""
    found: list[str] = []
    cursor = None
    while True:
        page = reads.record_page(Lead, limit=7, cursor=cursor, **asked)
        found += [record["$id"] for record in page.results]
        if not page.has_more:
            return found
        cursor = page.cursor


@pytest.mark.parametrize("few", [True, False], ids=["few", "many"])
def test_it_finds_the_same_whether_they_are_few_or_many(
    few: bool, leads: list[Lead], monkeypatch: pytest.MonkeyPatch
) -> None:
    if not few:
        monkeypatch.setattr(paging, "COUNT_CAP", 2)
    for words, sort in itertools.product(WORDS, ("-score", "score", "-createdAt", "name")):
        _check_words(words, sort, few, {lead.pk: lead for lead in leads})


@pytest.mark.parametrize("listed", [0, 1, 100])
def test_it_finds_several_words_whether_they_are_listed_behind_references_or_not(
    listed: int, leads: list[Lead], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(search, "LISTED", listed)
    for name in ("Platform Chen", "Chen Adams"):
        Contact.create(name=name)
    by_id = {lead.pk: lead for lead in leads}
    for words in (
        "chen platform", "ada chen", "berlin works", "works chen", "chen berlin platform",
        "ad ch", "7 works", "platform nothing", "nothing nowhere",
    ):  # fmt: skip
        _check_words(words, "-createdAt", True, by_id)


def test_it_asks_twice_for_two_words(leads: list[Lead]) -> None:
    """Once what is behind references, and once for the records, in one part where that is listed."""
    with CaptureQueriesContext(connection) as asked:
        assert reads.record_page(Lead, q="chen platform").total == 4
    listing, found = [q["sql"] for q in asked.captured_queries if "headlessly_fold(" in q["sql"]]
    assert listing.count(" UNION ALL ") == 3 and " UNION " not in found
    assert not [q for q in asked.captured_queries if q["sql"].startswith("EXPLAIN")]


def _check_words(words: str, sort: str, few: bool, leads: dict[str, Lead]) -> None:
    found = paged(q=words, sort=sort)
    assert len(found) == len(set(found))
    assert set(found) == fitting(list(leads.values()), words)
    column = sort.lstrip("-").replace("createdAt", "created_at")
    order = [getattr(leads[id], column) for id in found]
    filled = [value for value in order if value is not None]
    assert order[: len(filled)] == sorted(filled, reverse=sort[0] == "-")
    total = reads.record_page(Lead, q=words).total
    assert total == (len(found) if few else min(2, len(found)))
    assert reads.record_page(Lead, q=words, count_all=True).total == len(found)


@pytest.mark.parametrize("cap", [10_000, 2], ids=["few", "many"])
def test_what_searches_is_compiled_once_for_all_words_and_filters_alike(
    cap: int, leads: list[Lead], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(paging, "COUNT_CAP", cap)
    compiled: list[str] = []
    for name in ("keys_in_any_order", "keys_with_fit"):
        plain = getattr(paging, name)
        monkeypatch.setattr(
            paging, name, lambda *given, of=plain: compiled.append("once") or of(*given)
        )
    once = []
    for words, source in (
        *(("platform rome", "web"), ("pilot rome", "fair"), ("rome platform", "web")),
        *(("chen", "web"), ("nothing", "fair"), ("platform", "fair")),
        *(("platform berlin", "web"), ("pilot berlin", "fair")),
    ):
        page = reads.record_page(Lead, {"source": source}, q=words, limit=100)
        there = {lead.pk for lead in leads if lead.source == source}
        assert {record["$id"] for record in page.results} == fitting(leads, words) & there
        once.append(len(compiled))
        compiled.clear()
    assert once[0] and not any(once[1:3]), "Other words and another source are values."
    assert once[3] and not once[4], "One word is another statement."
    assert once[6] and not once[7], "So is one that a company has."


def test_it_goes_on_where_a_walk_along_the_order_met_too_few(
    leads: list[Lead], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(paging, "COUNT_CAP", 2)
    expected = paged(q="platform", sort="-score")
    monkeypatch.setattr(paging, "MAX_WALK", 3)
    assert paged(q="platform", sort="-score") == expected
    by_offset = [
        reads.record_page(Lead, q="platform", sort="-score", limit=5, offset=at)
        for at in (0, 5, 10, 15)
    ]
    assert [r["$id"] for page in by_offset for r in page.results] == expected


FILTERS: list[Any] = [
    {"source": "fair"}, {"status": "New"}, {"score": {"$gte": 5}}, {"name": {"$text": "berlin"}},
    {"status": {"$in": ["New", "Lost"]}, "source": "web"}, {"status": "Lost"}, {"score": None},
]  # fmt: skip
SORTS = ("-score", "score", "-createdAt", "-lastActivityAt", "lastActivityAt")


@pytest.mark.parametrize("cap", [100, 2])
def test_it_pages_through_a_filter_in_any_order(
    cap: int, leads: list[Lead], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(paging, "COUNT_CAP", cap)
    for filter, sort in itertools.product(FILTERS, SORTS):
        expected = [lead.pk for lead in reads.find_queryset(Lead, filter, sort=sort)]
        assert paged(filter=filter, sort=sort) == expected, (filter, sort)
        page = reads.record_page(Lead, filter, sort=sort, limit=1)
        assert (page.total, page.total_is_exact) == (min(len(expected), cap), len(expected) <= cap)


def test_it_reads_several_states_apart_where_an_index_has_the_order_of_each(
    leads: list[Lead], monkeypatch: pytest.MonkeyPatch
) -> None:
    for lead in leads[::2]:
        lead.update(status="Contacted")
    for lead in leads[::5]:
        lead.lose(lost_reason="Price")
    monkeypatch.setattr(paging, "COUNT_CAP", 2)
    several = {"status": {"$in": ["New", "Contacted", "New"]}}
    for filter in (
        several,
        {"$and": [several, {"source": "web"}]},
        several | {"score": {"$gte": 2}},
    ):
        for sort in SORTS:
            expected = [lead.pk for lead in reads.find_queryset(Lead, filter, sort=sort)]
            assert paged(filter=filter, sort=sort) == expected, (filter, sort)
            page = reads.record_page(Lead, filter, sort=sort, limit=4, offset=6)
            assert [record["$id"] for record in page.results] == expected[6:10]
    for sort, is_apart in (("-score", True), ("-createdAt", False)):
        with CaptureQueriesContext(connection) as asked:
            reads.record_page(Lead, several, sort=sort, limit=4)
        assert (
            any("CROSS JOIN LATERAL" in each["sql"] for each in asked.captured_queries) == is_apart
        )


def test_it_is_led_by_the_rarest_of_several_words(leads: list[Lead]) -> None:
    with every_tenant(), connection.cursor() as cursor:
        cursor.execute("ANALYZE crm_lead")
    for words in ("pilot 39", "39 pilot"):
        search = Search(Scope(Lead), words)
        assert search._by_rarity(Lead.objects.all())[0].text == "39"
    assert [lead["$id"] for lead in reads.record_page(Lead, q="pilot 39").results] == [leads[39].pk]


def test_it_knows_which_orders_an_index_carries() -> None:
    def carried(sort: str, *equal: str) -> bool:
        return indexes.has_index_for(Lead, equal, sorting.sort_keys(Scope(Lead), sort))

    assert carried("-score", "status") and carried("score", "status") and carried("-score")
    assert carried("-createdAt") and carried("createdAt") and carried("-createdAt", "source")
    assert (
        carried("name")
        and carried("-name")
        and not carried("name", "status")
        and not carried("source")
        and not carried("-score", "source")
        and not carried("-score", "owner_id")
    )

    def of_each(sort: str, *states: str, noun: Any = Lead) -> bool:
        keys = sorting.sort_keys(Scope(noun), sort)
        return indexes.has_index_of_each(noun, "status", states, keys)

    assert of_each("-score", "New", "Lost") and of_each("dueAt", "Pending", noun=Activity)
    assert not of_each("dueAt", "Pending", "Completed", noun=Activity)
    assert not of_each("-lastActivityAt", "New", "Lost") and of_each("-lastActivityAt", "Lost")
    assert not carried("-score,createdAt", "status") and not carried("-createdAt", "status")


@pytest.mark.parametrize(
    ("filter", "sort"), [({"status": "New"}, "-score"), (None, "name"), (None, "-createdAt")]
)
def test_a_first_page_of_an_index_is_one_statement_and_says_what_three_would(
    filter: dict[str, Any] | None, sort: str, leads: list[Lead], monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = {"sort": sort, "include": "contact,organization"}

    def pages() -> list[tuple[Any, ...]]:
        found = (reads.record_page(Lead, filter, limit=size, **asked) for size in (7, 39, 40, 41))
        return [(p.results, p.total, p.has_more, bool(p.cursor)) for p in found]

    with CaptureQueriesContext(connection) as statements:
        together = pages()
    assert len(statements) == 4, "one for each page"
    assert [(total, more) for _results, total, more, _cursor in together] == [
        (40, True), (40, True), (40, False), (40, False),
    ]  # fmt: skip
    monkeypatch.setattr(paging.RecordList, "_read_first_page", _read_apart)
    assert pages() == together
    monkeypatch.setattr(paging, "COUNT_CAP", 5)
    page = reads.record_page(Lead, filter, limit=3, **asked)
    assert (page.total, page.total_is_exact) == (5, False)


def test_a_first_page_of_nothing_says_so(leads: list[Lead]) -> None:
    page = reads.record_page(Lead, {"status": "Lost"}, sort="-score")
    assert (page.results, page.total, page.total_is_exact, page.has_more) == ([], 0, True, False)


def _read_apart(self: Any, listed: Any, reading: Any, size: int) -> Any:
    page = self.page_keys(size)
    return reading.fetch([key for key, *_ in page.keys[:size]]), page


def test_a_new_rate_counts_at_once_in_what_is_compiled(acme: Any) -> None:
    for name, value, currency in (("Paid in euros", 100, "EUR"), ("Paid in dollars", 150, "USD")):
        Deal.create(name=name, value=value, currency=currency)
    above = {"value": {"$gte": 140}}
    for rate, day, largest in ((1.2, "2026-01-01", "dollars"), (2, "2026-02-01", "euros")):
        ExchangeRate.create(currency="EUR", rate=rate, day=day)
        for filter, words in ((None, None), (None, "paid"), (above, None)):
            page = reads.record_page(Deal, filter, sort="-value", q=words)
            assert page.results[0]["name"] == f"Paid in {largest}", (rate, filter, words)
        assert reads.record_page(Deal, above).total == (1 if rate < 1.4 else 2)


def test_amounts_of_then_are_compared_at_the_rates_of_then(acme: Any) -> None:
    def noon(day: int, month: int = 1) -> datetime:
        return datetime(2026, month, day, 12, tzinfo=UTC)

    with clock.set_clock(noon(10), purpose="demo"):
        company = Organization.create(name="Berlin Works")
        for name, value, currency in (("Euros", 100, "EUR"), ("Dollars", 150, "USD")):
            Deal.create(name=name, value=value, currency=currency, organization=company)
    for rate, month in ((1.2, 1), (2, 2)):
        ExchangeRate.create(currency="EUR", rate=rate, day=f"2026-{month:02}-01")
    above = {"value": {"$gte": 140}}
    for moment, largest, many in (
        (noon(15), "Dollars", 1),
        (noon(15, 2), "Euros", 2),
        (None, "Euros", 2),
    ):
        page = reads.record_page(Deal, sort="-value", as_of=moment)
        assert page.results[0]["name"] == largest, moment
        assert reads.record_page(Deal, above, as_of=moment).total == many, moment
        behind = {"deals": {"$some": {"currency": "EUR", **above}}}
        assert reads.record_page(Organization, behind, as_of=moment).total == many - 1, moment
    with actors.acting(actors.SYSTEM):
        kept = filters.compile_filter(Scope(Deal, RowsMoment()), above)
    past = Deal.past.objects.filter(kept, tenant_id=acme.pk)
    assert {each.name for each in past} == {"Dollars"}, "each as of the day on which it began"

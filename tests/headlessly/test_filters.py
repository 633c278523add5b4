"""The filter language: every operator, exact complements, paths over references, and its errors."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from crm import Activity, Contact, Deal, Lead, Organization, Pipeline
from headlessly.context import clock
from headlessly.database import timeouts
from headlessly.declaration import days
from headlessly.errors import InvalidFilter
from headlessly.query import reads
from marketing import Campaign

pytestmark = pytest.mark.usefixtures("acme")

# -- a small world, and a plain reading of the language -------------------------------------------

PATHS: dict[str, list[Any]] = {
    "name": ["Ann", "ann lee", "Bob", "b.b", "100%_"],
    "sourceDetail": [None, "Ann", "lee", "x y"],
    "status": ["New", "Contacted", "Lost"],
    "score": [None, 0, 10, 10.5, 100],
    "budget": [None, 0, 10, 99.99],
    "firstTouchAt": [datetime(2026, 1, d, tzinfo=UTC) for d in (1, 2, 3)],
    "$version": [1, 2],
    "contact": [None],
    "contact.name": ["Ann", "Bob"],
    "contact.marketingConsent": [True, False],
    "contact.role": [None, "Champion", "User"],
    "contact.organization": [None],
    "contact.organization.industry": [None, "Tools", "Software"],
    "contact.organization.parent.industry": [None, "Tools"],
    "campaign.startDate": [None, date(2026, 1, 1), date(2026, 2, 1)],
}
TEXT = {"name", "sourceDetail", "contact.name", "contact.organization.industry"}
ORDERED = {"score", "budget", "firstTouchAt", "$version", "campaign.startDate"} | TEXT


@pytest.fixture
def world(acme: Any) -> list[Lead]:
    """Leads in every combination that matters, a null at every place that can have one."""
    tools = Organization.create(name="Parent", industry="Tools")
    organizations = [
        None,
        Organization.create(name="Silent"),
        Organization.create(name="Softies", industry="Software", parent=tools),
    ]
    contacts = [None] + [
        Contact.create(name=name, organization=org, marketing_consent=consent, role=role)
        for name, org, consent, role in zip(
            ("Ann", "Bob", "Ann"), organizations, (True, False, True),
            (None, "Champion", "User"), strict=True,
        )
    ]  # fmt: skip
    campaigns = [
        None,
        Campaign.create(name="C"),
        Campaign.create(name="D", start_date="2026-01-01"),
    ]
    leads = []
    for n in range(15):
        pick = {p: values[n % len(values)] for p, values in PATHS.items() if "." not in p}
        lead = Lead.create(
            name=pick["name"],
            source="x",
            source_detail=pick["sourceDetail"],
            score=PATHS["score"][(n * 2) % 5],
            budget=PATHS["budget"][(n // 2) % 4],
            first_touch_at=pick["firstTouchAt"],
            contact=contacts[n % 4],
            campaign=campaigns[n % 3],
        )
        if n % 3 == 1:
            lead.update(status="Contacted")
        if n % 5 == 2:
            lead.lose(lost_reason="x")
        leads.append(lead)
    PATHS["contact"][1:] = [c.id for c in contacts if c]
    PATHS["contact.organization"][1:] = [o.id for o in organizations if o]
    return leads


def value_at(record: Any, path: str) -> Any:
    """What stands at the end of ``path``; None as soon as something on the way is missing."""
    head, _, rest = path.partition(".")
    if record is None:
        return None
    field = Lead.schema.field(head) if isinstance(record, Lead) else type(record).schema.field(head)
    if rest:
        return value_at(getattr(record, field.name), rest)
    name = {"$version": "version", "$id": "pk"}.get(head) or field.column
    value = getattr(record, name)
    return float(value) if isinstance(value, Decimal) else value


def holds(record: Any, filter: dict[str, Any]) -> bool:
    return all(part(record, key, value) for key, value in filter.items())


def part(record: Any, key: str, value: Any) -> bool:
    match key:
        case "$and":
            return all(holds(record, each) for each in value)
        case "$or":
            return any(holds(record, each) for each in value)
        case "$not":
            return not holds(record, value)
        case _:
            return condition(value_at(record, key), value)


def condition(found: Any, wanted: Any) -> bool:
    if not isinstance(wanted, dict):
        wanted = {"$eq": wanted}
    return all(OPERATORS[name](found, operand) for name, operand in wanted.items())


def compared(compare: Any) -> Any:
    return lambda found, operand: found is not None and compare(found, operand)


OPERATORS = {
    "$eq": lambda found, operand: found == operand,
    "$ne": lambda found, operand: found != operand,
    "$gt": compared(lambda a, b: a > b),
    "$gte": compared(lambda a, b: a >= b),
    "$lt": compared(lambda a, b: a < b),
    "$lte": compared(lambda a, b: a <= b),
    "$in": lambda found, operand: found in operand,
    "$nin": lambda found, operand: found not in operand,
    "$exists": lambda found, operand: (found is not None) == operand,
    "$regex": compared(lambda found, pattern: re.search(pattern, found) is not None),
    "$text": compared(lambda found, words: all(w.lower() in found.lower() for w in words.split())),
    "$not": lambda found, operand: not condition(found, operand),
}


@st.composite
def leaves(draw: Any) -> tuple[str, Any]:
    """One condition on one path."""
    path = draw(st.sampled_from(sorted(PATHS)))
    some = st.sampled_from(PATHS[path])
    known = some.filter(lambda value: value is not None)
    operators: list[Any] = [
        some,
        st.builds(lambda v: {"$eq": v}, some),
        st.builds(lambda v: {"$ne": v}, some),
        st.builds(lambda v: {"$in": v}, st.lists(some, max_size=3)),
        st.builds(lambda v: {"$nin": v}, st.lists(some, max_size=3)),
        st.builds(lambda v: {"$exists": v}, st.booleans()),
    ]
    if path in ORDERED:
        for name in ("$gt", "$gte", "$lt", "$lte"):
            operators.append(st.builds(lambda v, name=name: {name: v}, known))
    if path in TEXT:
        operators.append(
            st.builds(lambda v: {"$regex": v}, st.sampled_from(["^A", "n", "b$", r"\.", "A|l", ""]))
        )
        operators.append(
            st.builds(lambda v: {"$text": v}, st.sampled_from(["ANN", "lee ann", "%", "_", ""]))
        )
    one = st.one_of(operators)
    both = st.builds(lambda a, b: as_dict(a) | as_dict(b), one, one)
    inner = st.one_of(one, both)
    return path, draw(st.one_of(inner, st.builds(lambda v: {"$not": as_dict(v)}, inner)))


def as_dict(condition: Any) -> dict[str, Any]:
    return condition if isinstance(condition, dict) else {"$eq": condition}


def nested(leaves: Any) -> Any:
    """Filters of these conditions, and of filters."""
    return st.recursive(
        st.dictionaries(st.just("_"), st.none(), max_size=0)
        | st.lists(leaves, min_size=1, max_size=2).map(dict),
        lambda inner: st.one_of(
            st.builds(lambda parts: {"$and": parts}, st.lists(inner, min_size=1, max_size=3)),
            st.builds(lambda parts: {"$or": parts}, st.lists(inner, min_size=1, max_size=3)),
            st.builds(lambda part: {"$not": part}, inner),
            st.builds(lambda a, b: {"$and": [a], "$not": b}, inner, inner),
        ),
        max_leaves=6,
    )


def test_it_answers_like_a_plain_reading_of_the_language(world: list[Lead]) -> None:
    leads = list(Lead.find(sort="$id"))

    @settings(max_examples=50, deadline=None, suppress_health_check=list(HealthCheck))
    @given(nested(leaves()))
    def check(filter: dict[str, Any]) -> None:
        wanted = {lead.id for lead in leads if holds(lead, filter)}
        assert set(Lead.find(filter).values_list("id", flat=True)) == wanted
        assert {lead.id for lead in Lead.find(filter, as_of="now")} == wanted

    check()


def names(filter: Any, **options: Any) -> set[str]:
    return {record.name for record in Lead.find(filter, **options)}


# -- the operators, one by one --------------------------------------------------------------------


@pytest.fixture
def few(acme: Any) -> None:
    """Four leads that differ in score, and one without."""
    for score in (None, 0, 50, 79.5, 80):
        Lead.create(name=str(score), source="website", score=score)


@pytest.mark.parametrize(
    ("condition", "found"),
    [
        (80, "80"),
        ({"$eq": 80}, "80"),
        ({"$eq": None}, "None"),
        (None, "None"),
        ({"$ne": 80}, "None 0 50 79.5"),
        ({"$ne": None}, "0 50 79.5 80"),
        ({"$gt": 50}, "79.5 80"),
        ({"$gte": 50}, "50 79.5 80"),
        ({"$lt": 50}, "0"),
        ({"$lte": 50}, "0 50"),
        ({"$gte": 50, "$lt": 80}, "50 79.5"),
        ({"$in": [0, 80]}, "0 80"),
        ({"$in": [0, None]}, "None 0"),
        ({"$in": []}, ""),
        ({"$nin": [0, 80]}, "None 50 79.5"),
        ({"$nin": [0, None]}, "50 79.5 80"),
        ({"$nin": []}, "None 0 50 79.5 80"),
        ({"$exists": True}, "0 50 79.5 80"),
        ({"$exists": False}, "None"),
        ({"$not": {"$gte": 50}}, "None 0"),
        ({"$not": {"$gte": 50, "$lt": 80}}, "None 0 80"),
        ({"$not": {"$not": {"$gte": 50}}}, "50 79.5 80"),
        ({"$gt": 1000}, ""),
        ({"$lt": -5}, ""),
    ],
    ids=str,
)
def test_it_compares(condition: Any, found: str, few: None) -> None:
    assert names({"score": condition}) == set(found.split())
    assert Lead.count({"score": condition}) == len(found.split())


@pytest.mark.parametrize(
    ("filter", "found"),
    [
        ({}, "None 0 50 79.5 80"),
        (None, "None 0 50 79.5 80"),
        ({"score": 0, "name": "50"}, ""),
        ({"$and": [{"score": {"$gt": 0}}, {"score": {"$lt": 80}}]}, "50 79.5"),
        ({"$or": [{"score": 0}, {"score": None}]}, "None 0"),
        ({"$or": [{"score": 0}, {}]}, "None 0 50 79.5 80"),
        ({"$not": {"score": {"$gt": 0}}}, "None 0"),
        ({"$not": {}}, ""),
        ({"$not": {"$or": [{"score": 0}, {"score": 80}]}}, "None 50 79.5"),
        ({"$text": "79"}, "79.5"),
        ({"name": {"$text": "79 .5"}}, "79.5"),
        ({"$or": [{"score": 0}], "name": "0"}, "0"),
    ],
    ids=str,
)
def test_it_combines(filter: Any, found: str, few: None) -> None:
    assert names(filter) == set(found.split())


def test_it_distinguishes_case_in_patterns_only() -> None:
    for name in ("Acme", "acme", "100% _x"):
        Lead.create(name=name, source="x")
    assert names({"name": {"$regex": "^A"}}) == {"Acme"}
    assert names({"name": {"$regex": "(?i)^A"}}) == {"Acme", "acme"}
    assert names({"name": {"$text": "ACME"}}) == {"Acme", "acme"}
    assert names({"name": {"$text": "%"}}) == {"100% _x"}
    assert names({"name": {"$not": {"$regex": "^A"}}}) == {"acme", "100% _x"}
    assert names({}, q="ACM") == {"Acme", "acme"}


def test_it_reads_names_of_the_wire_and_of_python(lead: Lead) -> None:
    for filter in (
        {"sourceDetail": "/pricing"}, {"source_detail": "/pricing"}, {"$id": lead.id},
        {"id": lead.id}, {"$version": 1}, {"$createdBy": "system"}, {"createdAt": lead.created_at},
        {"$createdAt": {"$lte": "now"}}, {"contact": lead.contact}, {"contact": lead.contact_id},
        {"contact": {"$id": lead.contact_id}}, {"contact.name": "Ada Chen"},
        {"organization.industry": "Technology"}, {"contact.organization.domain": "acme.example"},
        {"campaign.utmCampaign": "spring"}, {"contact.$createdBy": "system"},
    ):  # fmt: skip
        assert Lead.count(filter) == 1, filter
        assert Lead.count({"$not": filter}) == 0, filter


def test_it_follows_references_to_depth_three_and_no_deeper() -> None:
    top = Organization.create(name="Top", industry="Tools")
    org = Organization.create(name="Org", parent=top)
    ada = Contact.create(name="Ada", organization=org)
    Lead.create(name="L", source="x", contact=ada)
    assert Lead.count({"contact.organization.parent.industry": "Tools"}) == 1
    with pytest.raises(InvalidFilter, match="at most 3"):
        Lead.count({"contact.organization.parent.parent.industry": "Tools"})


def test_it_counts_a_path_that_ends_early_as_no_value() -> None:
    silent = Organization.create(name="Silent")
    for name, contact in (
        ("nobody", None),
        ("alone", Contact.create(name="A")),
        ("silent", Contact.create(name="B", organization=silent)),
        (
            "loud",
            Contact.create(name="C", organization=Organization.create(name="O", industry="I")),
        ),
    ):
        Lead.create(name=name, source="x", contact=contact)
    path = "contact.organization.industry"
    without = {"nobody", "alone", "silent"}
    assert names({path: {"$exists": True}}) == names({path: {"$ne": None}}) == {"loud"}
    assert names({path: {"$exists": False}}) == names({path: None}) == without
    assert names({path: {"$ne": "I"}}) == names({path: {"$nin": ["I"]}}) == without
    assert names({path: {"$in": [None, "I"]}}) == without | {"loud"}
    assert names({path: {"$not": {"$regex": "I"}}}) == without


def test_it_finds_only_in_its_own_tenant_also_over_references(theirs: Any, lead: Lead) -> None:
    assert Lead.count({"contact": theirs.eve.id}) == 0
    assert Lead.count({"contact.name": "Eve Rival"}) == 0
    assert names({}) == {lead.name}
    assert Lead.find(q="Eve").count() == 0


@pytest.mark.parametrize(
    ("when", "days"),
    [("7d ago", -7), ("1w ago", -7), ("2 d ago", -2), ("24h ago", -1), ("1440m ago", -1),
     ("3d from now", 3), ("now", 0), ("7D AGO", -7),
     ("30 days ago", -30), ("1 day ago", -1), ("2 Weeks from now", 14), ("1440 minutes ago", -1),
     ("48 hours from now", 2)],
)  # fmt: skip
def test_it_knows_relative_moments(when: str, days: int) -> None:
    moment = clock.now() + timedelta(days=days)
    minute = timedelta(minutes=1)
    before = Activity.create(subject="just before", due_at=moment - minute)
    after = Activity.create(subject="just after", due_at=moment + minute)
    assert list(Activity.find({"dueAt": {"$lt": when}})) == [before]
    assert list(Activity.find({"dueAt": {"$gte": when}})) == [after]


@pytest.mark.parametrize(
    ("when", "at", "moment"),
    [("1 month ago", "2025-03-31", "2025-02-28"), ("1mo ago", "2025-03-15", "2025-02-15"),
     ("13 months ago", "2025-03-31", "2024-02-29"), ("1 month from now", "2025-01-31", "2025-02-28"),
     ("1y ago", "2024-02-29", "2023-02-28"), ("2 years from now", "2025-03-01", "2027-03-01"),
     ("12 months ago", "2025-03-01", "2024-03-01")],
)  # fmt: skip
def test_it_goes_by_months_and_years_of_the_calendar(when: str, at: str, moment: str) -> None:
    now = datetime.fromisoformat(f"{at}T10:30:00Z")
    then = datetime.fromisoformat(f"{moment}T10:30:00Z")
    Activity.create(subject="just before", due_at=then - timedelta(seconds=1))
    after = Activity.create(subject="after", due_at=then)
    deal = Deal.create(name="D", value=1, expected_close_date=then.date())
    with clock.set_clock(now, purpose="trial"):
        assert list(Activity.find({"dueAt": {"$gte": when}})) == [after]
        assert list(Deal.find({"expectedCloseDate": when})) == [deal]


def test_a_month_is_one_where_one_reads() -> None:
    summer = datetime(
        2025, 4, 1, 7, tzinfo=UTC
    )  # nine o'clock in Berlin, where a month ago it was winter
    with clock.set_clock(summer, purpose="trial"), timezone.override("Europe/Berlin"):
        assert days.relative_moment("1 month ago") == datetime(2025, 3, 1, 8, tzinfo=UTC)
        assert days.relative_moment("1 hour ago") == datetime(2025, 4, 1, 6, tzinfo=UTC)
    night = datetime(2025, 4, 30, 22, 30, tzinfo=UTC)  # the first of May there
    with clock.set_clock(night, purpose="trial"), timezone.override("Europe/Berlin"):
        assert days.relative_day("1 month ago") == date(2025, 4, 1)


@pytest.mark.parametrize(
    ("when", "at", "day"),
    [("start of this week", "2025-03-30", "2025-03-24"),
     ("start of last week", "2025-01-01", "2024-12-23"),
     ("start of next week", "2025-12-29", "2026-01-05"),
     ("start of this month", "2025-03-31", "2025-03-01"),
     ("Start of  last month", "2025-01-31", "2024-12-01"),
     ("start of next month", "2025-12-01", "2026-01-01"),
     ("start of this quarter", "2025-02-28", "2025-01-01"),
     ("start of last quarter", "2025-02-28", "2024-10-01"),
     ("start of next quarter", "2025-12-31", "2026-01-01"),
     ("start of this year", "2024-02-29", "2024-01-01"),
     ("start of last year", "2024-02-29", "2023-01-01"),
     ("start of next year", "2024-02-29", "2025-01-01")],
)  # fmt: skip
def test_it_knows_when_weeks_months_quarters_and_years_begin(when: str, at: str, day: str) -> None:
    start = datetime.fromisoformat(f"{day}T00:00:00Z")
    before = Activity.create(subject="just before", due_at=start - timedelta(seconds=1))
    after = Activity.create(subject="after", due_at=start)
    deal = Deal.create(name="D", value=1, expected_close_date=start.date())
    now = datetime.fromisoformat(f"{at}T10:30:00Z")
    with clock.set_clock(now, purpose="trial"):
        assert list(Activity.find({"dueAt": {"$gte": when}})) == [after]
        assert list(Activity.find({"dueAt": {"$lt": when}})) == [before]
        assert list(Deal.find({"expectedCloseDate": when})) == [deal]


@pytest.mark.parametrize("when", ["99999 months ago", "99999 years from now", "2100 years ago"])
def test_it_refuses_months_beyond_the_calendar(when: str) -> None:
    with pytest.raises(InvalidFilter, match="out of range"):
        Activity.count({"dueAt": {"$gte": when}})
    with pytest.raises(InvalidFilter, match="out of range"):
        Deal.count({"expectedCloseDate": {"$gte": when}})


@pytest.mark.parametrize(("day", "offset"), [("yesterday", -1), ("today", 0), ("tomorrow", 1)])
def test_it_knows_days_by_name(day: str, offset: int) -> None:
    midnight = clock.now().replace(hour=0, minute=0, second=0, microsecond=0)
    moment = midnight + timedelta(days=offset)
    Activity.create(subject="before", due_at=moment - timedelta(seconds=1))
    after = Activity.create(subject="after", due_at=moment)
    assert list(Activity.find({"dueAt": {"$gte": day}})) == [after]
    deal = Deal.create(name="D", value=1, expected_close_date=moment.date())
    assert list(Deal.find({"expectedCloseDate": day})) == [deal]
    assert not Deal.find({"expectedCloseDate": {"$lt": day}})


def test_it_compares_every_type_by_its_value() -> None:
    Activity.create(subject="A", all_day=True, duration=30, due_at="2026-01-31T09:00:00Z")
    assert Activity.count({"allDay": True, "duration": {"$gt": 29}}) == 1
    assert Activity.count({"dueAt": "2026-01-31T10:00:00+01:00"}) == 1
    assert Activity.count({"dueAt": {"$gt": "2026-01-31"}}) == 1
    Deal.create(name="D", value=10.5)
    assert Deal.count({"value": 10.5}) == Deal.count({"value": {"$lt": 10.51}}) == 1
    Pipeline.create(name="P", stages=[{"name": "One"}])
    assert Pipeline.count({"stages": {"$exists": True}}) == 1


# -- errors ---------------------------------------------------------------------------------------

ERRORS = [
    ({"nonsense": 1}, "nonsense", ["no field", "name", "sourceDetail", "$createdAt"]),
    ({"nonsense.name": 1}, "nonsense", ["no field"]),
    ({"contact.nonsense": 1}, "nonsense", ["Contact has no field", "firstName"]),
    ({"name.length": 1}, "name.length", ["no reference"]),
    ({"bant": {}}, "bant", ["computed"]),
    ({"bant.answered": 4}, "bant.answered", ["no reference"]),
    ({"score": {"$near": 1}}, "score", ["$near", "$gte", "$regex"]),
    ({"score": {"gte": 1}}, "score", ["gte", "Operators"]),
    ({"contact.name": {"$near": 1}}, "contact.name", ["$near", "Operators"]),
    ({"$nor": []}, "$nor", ["$nor", "$and, $or, $not"]),
    ({"$where": "1=1"}, "$where", ["no operator"]),
    ({"$and": []}, "$and", ["at least one"]),
    ({"$or": []}, "$or", ["at least one"]),
    ({"$or": {}}, "$or", ["list"]),
    ({"$and": "x"}, "$and", ["list"]),
    ({"$or": [5]}, "filter", ["object"]),
    ({"$not": []}, "filter", ["object"]),
    ({"score": {}}, "score", ["empty"]),
    ({"score": {"$not": {}}}, "score", ["empty"]),
    ({"score": "80"}, "score", ["number"]),
    ({"score": {"$gt": None}}, "score", ["$gt needs a value"]),
    ({"score": {"$in": 5}}, "score", ["list"]),
    ({"score": {"$in": "ab"}}, "score", ["list"]),
    ({"score": {"$in": [[1]]}}, "score", ["number"]),
    ({"score": {"$exists": "yes"}}, "score", ["true or false"]),
    ({"score": {"$exists": 1}}, "score", ["true or false"]),
    ({"score": {"$regex": "1"}}, "score", ["text"]),
    ({"score": float("nan")}, "score", ["finite"]),
    ({"name": 5}, "name", ["string"]),
    ({"name": {"$regex": 5}}, "name", ["pattern"]),
    ({"name": {"$regex": "x" * 201}}, "name", ["200"]),
    ({"name": "\x00"}, "name", ["NUL"]),
    ({"name": {"$regex": "\x00"}}, "name", ["NUL"]),
    ({"name": {"$text": "\ud800"}}, "name", ["surrogate"]),
    ({"$text": "\x00"}, "$text", ["NUL"]),
    ({"$text": 5}, "$text", ["text"]),
    ({"$id": "\x00"}, "$id", ["NUL"]),
    ({"status": "Nonsense"}, "status", ["New, Contacted"]),
    ({"status": {"$gt": "New"}}, "status", ["compares"]),
    ({"contact": 5}, "contact", ["id of a Contact"]),
    ({"firstTouchAt": "soon"}, "firstTouchAt", ["moment"]),
    ({"firstTouchAt": "99999y ago"}, "firstTouchAt", ["out of range"]),
    ({5: 1}, "filter", ["names of fields"]),
    ([], None, ["object"]),
    ("", None, ["object"]),
    (0, None, ["object"]),
    ("status", None, ["object"]),
    ({"contact.organization.parent.parent.name": "x"}, None, ["at most 3"]),
    ({"score": {"$in": [1] * 1001}}, "score", ["1,000"]),
    ({"$and": [{"score": 1}] * 201}, "filter", ["200 conditions"]),
]  # fmt: skip


@pytest.mark.parametrize(("filter", "field", "says"), ERRORS, ids=lambda v: str(v)[:40])
def test_it_says_what_is_wrong_and_what_there_is(
    filter: Any, field: str | None, says: list[str], lead: Lead
) -> None:
    for ask in (Lead.find, Lead.count, lambda f: reads.record_page(Lead, f)):
        with pytest.raises(InvalidFilter) as caught:
            ask(filter)
        body = caught.value.body()
        assert body["error"] == "invalid_filter"
        assert field is None or body["field"] == field
        for words in says:
            assert words in body["message"]


def test_it_is_not_nested_without_end() -> None:
    deep: Any = {"name": "x"}
    flat: Any = {"$eq": 1}
    for _ in range(500):
        deep, flat = {"$not": deep}, {"$not": flat}
    for filter in (deep, {"score": flat}):
        with pytest.raises(InvalidFilter, match="16 levels"):
            Lead.find(filter)


@pytest.mark.parametrize("pattern", ["(", "[", "*", "a{2,1}", "\\", "(?<x>a)", "x{99999}"])
def test_it_refuses_a_pattern_that_is_none(pattern: str, lead: Lead) -> None:
    for ask in (
        lambda f: list(Lead.find(f)),
        lambda f: Lead.find(f).exists(),
        lambda f: Lead.find(f).first(),
        Lead.count,
        lambda f: reads.record_page(Lead, f),
        lambda f: list(Lead.find(f, as_of="now")),
        lambda f: Lead.count(f, as_of="now"),
    ):
        for filter in ({"name": {"$regex": pattern}}, {"contact.name": {"$regex": pattern}}):
            with pytest.raises(InvalidFilter, match="pattern"):
                ask(filter)
    assert Lead.count() == 1


def test_it_bounds_the_time_of_a_pattern(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(timeouts.statement_timeout.__wrapped__, "__defaults__", (1,))
    for n in range(3):
        Lead.create(name=f"{n}", source="x", need="xy" * 4999)
    slow = {"need": {"$regex": r"(x+y*)*(y+x*)*\1\2$"}}
    for ask in (Lead.count, lambda f: list(Lead.find(f)), lambda f: reads.record_page(Lead, f)):
        with pytest.raises(InvalidFilter, match="too long"):
            ask(slow)
    assert Lead.count() == 3


def test_it_never_takes_a_filter_for_sql(lead: Lead) -> None:
    for text in ("'; DROP TABLE crm_lead; --", "%s", "%(x)s", "\\", "' OR '1'='1", "{}"):
        for condition in (text, {"$text": text}, {"$regex": re.escape(text)}, {"$in": [text]}):
            assert Lead.count({"name": condition}) == 0
        if any(letter.isalnum() for letter in text):
            assert not Lead.find(q=text)
        with pytest.raises(InvalidFilter):
            Lead.find({text: 1})
        with pytest.raises(InvalidFilter):
            Lead.find(sort=text)


# -- sort, limit, include -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("sort", "order"),
    [
        ("score", "0 50 79.5 80 None"),
        ("-score", "80 79.5 50 0 None"),
        ({"score": "desc"}, "80 79.5 50 0 None"),
        ({"score": -1}, "80 79.5 50 0 None"),
        (["-score"], "80 79.5 50 0 None"),
        ("source,-score", "80 79.5 50 0 None"),
        ("createdAt", "None 0 50 79.5 80"),
        ("-$createdAt", "80 79.5 50 0 None"),
        (None, "80 79.5 50 0 None"),
    ],
    ids=str,
)
def test_it_sorts_with_missing_values_last(sort: Any, order: str, few: None) -> None:
    assert [lead.name for lead in Lead.find(sort=sort)] == order.split()
    assert [x["name"] for x in reads.record_page(Lead, sort=sort).results] == order.split()


@pytest.mark.parametrize(
    "sort",
    [
        "nonsense",
        "-",
        "bant",
        "contact.name",
        {"score": "up"},
        5,
        ["score", 5],
        ",".join("abcdefghi"),
    ],
)
def test_it_refuses_a_sort_that_makes_no_sense(sort: Any) -> None:
    with pytest.raises(InvalidFilter):
        Lead.find(sort=sort)
    with pytest.raises(InvalidFilter):
        Pipeline.find(sort="stages")


def test_it_limits(few: None) -> None:
    assert len(Lead.find(limit=2)) == 2
    for limit in (0, -1, 101, "x", 1.5, True):
        with pytest.raises(InvalidFilter, match="limit"):
            Lead.find(limit=limit)


def test_it_includes_only_what_there_is(lead: Lead) -> None:
    for include in ("nonsense", ["contact", "nonsense"], "name", 5, ["tenant"]):
        with pytest.raises(InvalidFilter):
            list(Lead.find(include=include))
    with pytest.raises(
        InvalidFilter, match="Include: contact, organization, owner, campaign, deal"
    ):
        Lead.get(lead.id, include=["nonsense"])


def test_it_pages_without_losing_or_repeating(few: None) -> None:
    seen = []
    for offset in range(0, 6, 2):
        page = reads.record_page(Lead, sort="source", limit=2, offset=offset)
        assert (page.total, page.total_is_exact, page.has_more) == (5, True, offset < 4)
        seen += [record["$id"] for record in page.results]
    assert len(seen) == len(set(seen)) == 5


def test_it_asks_what_refers_to_a_record(few: None) -> None:

    idle, busy, *_ = Lead.find(sort="createdAt")
    before = clock.now()
    call = Activity.create(subject="Call", lead=busy)
    Activity.log(subject="Mail", lead=idle)
    pending = {"activities": {"$some": {"status": "Pending", "subject": {"$text": "call"}}}}
    none = {"activities": {"$none": {"status": "Pending"}}}
    assert [lead.pk for lead in Lead.find(pending)] == [busy.pk]
    assert busy.pk not in {lead.pk for lead in Lead.find(none)}
    assert Lead.find(none).count() == 4
    assert [lead.pk for lead in Lead.find({"$not": none})] == [busy.pk]
    assert Lead.find(pending, as_of=before).count() == 0
    Activity.delete(call)
    assert Lead.find(pending).count() == 0
    assert Lead.find(none | {"activities": {"$some": {}}})[0].pk == idle.pk


@pytest.mark.parametrize(
    "condition",
    [
        {},
        [],
        "Pending",
        {"$all": {}},
        {"$some": "x"},
        {"$none": {"nonsense": 1}},
        {"status": "Pending"},
    ],
)
def test_it_says_how_one_asks_what_refers_to_a_record(condition: Any) -> None:
    with pytest.raises(InvalidFilter):
        Lead.find({"activities": condition})


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"filter": {"score": {">": 80}}}, "no operator '>'. Did you mean '$gt'?"),
        ({"filter": {"name": {"$contains": "x"}}}, "Did you mean '$text'?"),
        ({"filter": {"score": {"$not_in": [1]}}}, "Did you mean '$nin'?"),
        ({"filter": {"score": {"$near": 1}}}, "no operator '$near'. Operators: $eq"),
        ({"sort": "score desc"}, "score desc is said as -score."),
        ({"sort": "name,score:ASC"}, "score:ASC is said as score."),
        ({"fields": "name,owner.name"}, "to include owner answers its name."),
    ],
)
def test_it_says_how_is_said_here_what_other_languages_say(
    asked: dict[str, Any], said: str
) -> None:
    with pytest.raises(InvalidFilter, match=re.escape(said)):
        reads.record_page(Lead, asked.pop("filter", None), **asked)

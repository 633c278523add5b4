"""The rows of the filter builder can say whatever the filter language says, of every field of every noun."""

from __future__ import annotations

from typing import Any

import pytest
from django.http import QueryDict

from headlessly.admin import workplace
from headlessly.admin.filtering.form import FilterForm, Row
from headlessly.admin.filtering.tree import Group, Related, Written
from headlessly.declaration.registry import registry
from headlessly.ids import public_id
from headlessly.query import filters, operators

NOUNS = sorted(registry)
SAMPLES: dict[str, list[Any]] = {
    "string": ["a, b", "b"],
    "text": ["a", "b"],
    "email": ["a@b.example", "c@d.example"],
    "url": ["https://a.example", "https://b.example"],
    "number": [1.5, 2],
    "integer": [1, 2],
    "money": [12.5, 2000],
    "bool": [True, False],
    "choices": ["VIP", "Partner"],
    "date": ["2026-01-31", "7d ago"],
    "datetime": ["2026-01-31T09:30:05Z", "today"],
}
#: So many conditions are rows of one form.
TOGETHER = 25
COMPARISONS = ("$gt", "$gte", "$lt", "$lte")


def samples(field: Any) -> list[Any]:
    if field.type == "reference":
        return [public_id(field.target_noun.prefix) for _each in "ab"]
    if field.name == "other_emails":
        return SAMPLES["email"]
    return list(field.choices[:2]) if field.type == "enum" else SAMPLES[field.type]


def conditions(noun: Any) -> list[dict[str, Any]]:
    """Every operator of every field of a noun, as the filter language takes it."""
    found: list[dict[str, Any]] = []
    fields = [f for f in noun.schema.fields.values() if f.computed is None]
    for field in [*fields, *filters.META_FIELDS.values()]:
        said: list[Any] = [None, {"$exists": True}, {"$exists": False}, {"$ne": None}]
        if field.type != "json":
            one, two = (samples(field) * 2)[:2]
            said += [one, two, {"$ne": one}]
            if one != two:  # a list of one is said as one value
                said += [{"$in": [one, two]}, {"$nin": [one, two]}]
            said += [{"$in": [one, None]}, {"$nin": [None, two]}, {"$not": {"$eq": one}}]
        if field.type == "choices":
            said += [{"$all": samples(field)}]
        if field.type in operators.ORDERED_TYPES:
            said += [{each: value} for each in COMPARISONS for value in samples(field)]
            said += [{"$gte": samples(field)[0], "$lt": samples(field)[1]}]
        if field.type in operators.TEXT_TYPES:
            said += [{"$text": "two words"}, {"$regex": "^a.b$"}]
        found += [{field.wire: each} for each in said]
    if noun.schema.machine is not None:
        states = list(noun.schema.machine.path[:2])
        found += [{"$reached": states[0]}, {"$reached": {"$in": states}}]
    found += [{f"{r.wire}.$id": {"$exists": True}} for r in noun.schema.references.values()]
    for relation in noun.schema.relations.values():
        found += [{relation.wire: {each: {}}} for each in ("$some", "$none")]
    found += [{"$text": "two words"}]
    return found


def sent(row: Row) -> list[tuple[str, str]]:
    """What a browser sends of a row as it is drawn."""
    found: list[tuple[str, str]] = []
    if row.match:
        found.append((f"m.{row.key}", next(v for v, _l, on in row.match if on)))
    if row.kind != "group":
        found += [(f"f.{row.key}", row.chosen), (f"was.{row.key}", row.chosen)]
        assert any(on for _t, group in row.choices for _v, _l, on in group), row.chosen
    found += [(f"o.{row.key}", v) for v, _l, on in row.operators if on]
    found += [(f"w.{row.key}", v) for v, _l, on in row.when if on]
    match row.input:
        case "boxes":
            found += [(f"v.{row.key}", v) for v, _l, on in row.boxes if on]
        case "records":
            found += [(f"v.{row.key}", text) for text in row.texts]
        case "lines":
            found.append((f"v.{row.key}", row.lines))
        case "line" | "when" | "written":
            found.append((f"v.{row.key}", row.text))
    for part in row.rows:
        found += sent(part)
    return found


def is_written(part: Any) -> bool:
    match part:
        case Group(parts=parts):
            return any(map(is_written, parts))
        case Related(group=group):
            return is_written(group)
    return isinstance(part, Written)


def sql(noun: Any, filter: Any) -> str:
    return str(noun.objects.filter(filters.compile_filter(noun, filter)).query)


def _is_said_differently(held: Any) -> bool:
    """A list of one and nothing is said as one value or nothing; days of now pass by while one compares."""
    return any(each in str(held) for each in ("$text", "ago", "today", "None]", "[None"))


def says(noun: Any, held: Any) -> None:
    form = FilterForm.of_filter(noun, held, workplace)
    assert not is_written(form.group), held
    assert not form.has_problem, held
    again = QueryDict(mutable=True)
    for key, value in sent(form.root):
        again.appendlist(key, value)
    after = FilterForm.of_sent(noun, again, workplace)
    assert after.filter == form.filter, held
    if not _is_said_differently(held):
        assert _plain(sql(noun, after.filter)) == _plain(sql(noun, held)), held


@pytest.mark.parametrize("name", NOUNS)
def test_says_every_operator_of_every_field_and_means_the_same(name, acme):
    noun = registry[name]
    every = conditions(noun)
    for held in [every[0], {"$or": every[:3]}, {"$not": {"$or": every[:2]}}, {"$and": every[:3]}]:
        says(noun, held)
    # As rows of one form: which one of them is wrong, it says by itself.
    different = [each for each in every if _is_said_differently(each)]
    for alike in (different, [each for each in every if each not in different]):
        for first in range(0, len(alike), TOGETHER):
            together = alike[first : first + TOGETHER]
            try:
                says(noun, {"$and": together})
            except AssertionError:
                for held in together:
                    says(noun, held)
                raise


def _plain(statement: str) -> str:
    """A statement without the order of what is joined, and of aliases."""
    return "".join(sorted(statement.replace("(", "").replace(")", "").replace(" ", "")))


@pytest.mark.parametrize(
    "held",
    [{"nothing": 1}, {"status": {"$in": []}}, {"$or": [{}]}, {"metadata": {"a": 1}}, {"$not": {}}],
)
def test_what_has_no_row_stays_as_it_is_written(held, acme):
    form = FilterForm.of_filter(registry["Lead"], held, workplace)
    again = QueryDict(mutable=True)
    for key, value in sent(form.root):
        again.appendlist(key, value)
    assert FilterForm.of_sent(registry["Lead"], again, workplace).filter == held


def _nested(levels: int) -> dict[str, Any]:
    held: dict[str, Any] = {"score": 1}
    for _level in range(levels):
        held = {"$or": [{"score": 2}, {"$not": held}]}
    return held


@pytest.mark.parametrize(
    "held",
    [
        {"$or": [{"score": number} for number in range(80)]},
        {"name": "a", "$not": {"$or": [{"score": number} for number in range(80)]}},
        _nested(9),
    ],
)
def test_keeps_the_whole_of_a_filter_that_is_too_large_for_rows(held, acme):
    form = FilterForm.of_filter(registry["Lead"], held, workplace)
    assert is_written(form.group)
    assert not form.has_problem
    again = QueryDict(mutable=True)
    for key, value in sent(form.root):
        again.appendlist(key, value)
    after = FilterForm.of_sent(registry["Lead"], again, workplace)
    assert after.filter == held
    assert not after.has_problem


def test_says_that_rows_are_too_many_and_drops_none(acme):
    held = {"$or": [{"score": number} for number in range(60)]}
    again = QueryDict("do=add:0", mutable=True)
    for key, value in sent(FilterForm.of_filter(registry["Lead"], held, workplace).root):
        again.appendlist(key, value)
    form = FilterForm.of_sent(registry["Lead"], again, workplace)
    assert form.filter == held
    assert "60" in form.root.problem

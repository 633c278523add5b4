"""A noun's filter set: django-filter's filters, made from the declaration, that clean conditions."""

from __future__ import annotations

from timeit import repeat
from typing import Any

import pytest
from django_filters import Filter, FilterSet

from crm import Lead
from headlessly.api.filtersets import filterset_for
from headlessly.api.routes import router
from headlessly.declaration.registry import registry
from headlessly.errors import InvalidFilter
from tests.answered import answered, problem
from tests.contract import samples
from tests.refusals import refused

pytestmark = pytest.mark.usefixtures("acme")
LeadFilterSet = filterset_for(Lead)


def test_it_is_the_filterset_class_of_every_noun_that_is_listed() -> None:
    listed = {prefix: view for prefix, view, _ in router.registry if hasattr(view, "noun")}
    for noun in registry.values():
        filterset = listed[noun.plural].filterset_class
        assert issubclass(filterset, FilterSet)
        assert filterset is filterset_for(noun)
        assert all(isinstance(each, Filter) for each in filterset.base_filters.values())


#: How many filters of a noun are asked in one request.
AT_ONCE = 10


@pytest.mark.parametrize("noun", samples.NOUNS, ids=lambda noun: noun.__name__)
def test_it_declares_filters_that_lists_and_exports_take(noun: Any, api: Any) -> None:
    """Some at a time: one that is refused is named by the answer."""
    asked = []
    for name, declared in filterset_for(noun).base_filters.items():
        field = declared.declared_field
        value = "true" if name.endswith("__isnull") else _value_as_text(field)
        asked.append(f"{name}={value}")
    while some := asked[:AT_ONCE]:
        answered(api.call("GET", f"/{noun.plural}?limit=1&{'&'.join(some)}"))
        del asked[:AT_ONCE]


def _value_as_text(field: Any) -> str:
    if field.type == "reference":
        return f"{field.prefix}_abc"
    if field.type == "choices":
        return ",".join(samples.value(field))
    return "true" if field.type == "bool" else str(samples.value(field))


def test_it_cleans_what_is_asked_into_the_filter_language() -> None:
    asked = LeadFilterSet({"status": "New", "score__gte": "80", "contact.organization.name": "A"})
    assert asked.conditions == [
        {"status": {"$eq": "New"}},
        {"score": {"$gte": 80}},
        {"contact.organization.name": {"$eq": "A"}},
    ]
    assert list(asked.filters) == ["status", "score__gte", "contact.organization.name"]
    for wrong in ({"nothing": "1"}, {"score__most": "1"}, {"name.first": "1"}):
        with refused(InvalidFilter):
            LeadFilterSet(wrong)
    with refused(InvalidFilter, "score"):
        _ = LeadFilterSet({"score__gte": "many"}).conditions


def test_it_filters_a_queryset_as_a_list_does(lead: Lead, api: Any) -> None:
    Lead.create(name="Other", source="other", score=90)
    for query in ({"score__gte": "80"}, {"source": "website"}, {"score__isnull": "true"}):
        named = "&".join(f"{name}={value}" for name, value in query.items())
        listed = answered(api.call("GET", f"/leads?{named}"))["results"]
        assert {r["$id"] for r in listed} == {r.pk for r in LeadFilterSet(query).qs}
        among = LeadFilterSet(query, Lead.objects.exclude(pk=lead.pk)).qs
        assert {r.pk for r in among} == {r["$id"] for r in listed} - {lead.pk}


def test_it_costs_less_than_a_tenth_of_a_millisecond() -> None:
    query = {"status": "New", "score__gte": "80"}
    seconds = min(repeat(lambda: LeadFilterSet(query).conditions, number=200, repeat=5)) / 200
    assert seconds < 100e-6


@pytest.mark.parametrize("query", ["status=New,Lost", "status__ne=New,Lost", "score=1,2"])
def test_it_says_what_to_write_for_several_values(query: str, api: Any) -> None:
    name, values = query.split("=")
    said = problem(api.call("GET", f"/leads?{query}"), 400, "invalid_filter")
    path = name.partition("__")[0]
    assert f"{path}__in={values}" in said["message"]
    assert answered(api.call("GET", "/leads?status__in=New,Lost"))["total"] == 0

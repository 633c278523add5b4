"""A value of a list that becomes another: what asks for it, or gives it, follows in the same request."""

from __future__ import annotations

from typing import Any

import pytest

from crm import Lead, Organization
from headlessly.query import filters, list_address
from headlessly.query.merged_values import MergedValue, follow_address, follow_filter
from headlessly.query.saved_views import REPORT, View
from headlessly.shaping import value_lists
from tests.answered import answered

PLACE = "/lists/Lead.source"


@pytest.fixture
def ads(acme: Any) -> MergedValue:
    return MergedValue(value_lists.find_list("Lead.source").fields, "Ads", "Google")


@pytest.mark.parametrize(
    ("asked", "follows"),
    [
        ({"source": "ads"}, {"source": {"$in": ["Google", "ads"]}}),
        ({"source": {"$ne": "Ads"}}, {"source": {"$nin": ["Google", "Ads"]}}),
        ({"source": {"$in": ["Fair", "Ads"]}}, {"source": {"$in": ["Fair", "Google", "Ads"]}}),
        ({"source": {"$in": ["Google", "Ads"]}}, {"source": {"$in": ["Google", "Ads"]}}),
        (
            {"source": {"$ne": "Ads", "$nin": ["Fair"]}},
            {"source": {"$not": {"$in": ["Google", "Ads"]}, "$nin": ["Fair"]}},
        ),
        (
            {"$or": [{"organization.source": "Ads"}, {"$not": {"source": {"$eq": "Ads"}}}]},
            {
                "$or": [
                    {"organization.source": {"$in": ["Google", "Ads"]}},
                    {"$not": {"source": {"$in": ["Google", "Ads"]}}},
                ]
            },
        ),
        ({"name": "Ads", "$text": "Ads"}, {"name": "Ads", "$text": "Ads"}),
        ({"source": {"$text": "Ads"}}, {"source": {"$text": "Ads"}}),
    ],
)
def test_a_filter_asks_for_both(ads: Any, asked: Any, follows: Any) -> None:
    assert follow_filter(Lead, asked, ads) == follows
    filters.compile_filter(Lead, follows)
    behind = {"leads": {"$some": asked}}
    assert follow_filter(Organization, behind, ads) == {"leads": {"$some": follows}}


@pytest.mark.parametrize(
    ("into", "query", "follows"),
    [
        ("Google", "source=Ads&view=all&o=-score", "source=Google,Ads&view=all&o=-score"),
        ("Google", "source=Fair,ads,-", "source=Fair,Google,ads,-"),
        ("Google", "source__ne=Ads", "source__nin=Google,Ads"),
        ("Google", "contact.source=Ads", "contact.source__in=Google,Ads"),
        ("Google", "name=Ads&q=Ads&o=Ads&nothing=Ads", "name=Ads&q=Ads&o=Ads&nothing=Ads"),
        ("Fair, Berlin", "source=Ads&q=x", 'q=x&filter={"source":{"$in":["Fair, Berlin","Ads"]}}'),
        ("Google", 'filter={"source":"Ads"}', 'filter={"source":{"$in":["Google","Ads"]}}'),
        ("Google", "filter={", "filter={"),
        ("ADS", "source=Ads", "source=Ads"),
        ("ADS", 'filter={"source":"ads"}', 'filter={"source":"ads"}'),
    ],
)
def test_an_address_asks_for_both(ads: Any, into: str, query: str, follows: str) -> None:
    followed = follow_address(Lead, query, MergedValue(ads.fields, "Ads", into))
    assert list_address.given_of(followed) == list_address.given_of(follows)


def test_what_names_a_merged_value_follows_and_is_undone_with_it(
    api: Any, acme: Any, people: Any
) -> None:
    made = {
        name: answered(api.call("POST", f"/{plural}", body), 201)["$id"]
        for name, plural, body in [
            ("lead", "leads", {"name": "A", "source": "Ads"}),
            ("segment", "segments", {
                "name": "From ads", "criteria": {"type": "Lead", "filter": {"source": "Ads"}},
            }),
            ("other", "segments", {
                "name": "Others", "criteria": {"type": "Lead", "filter": {"source": "Fair"}},
            }),
            ("score", "rules", {
                "name": "Worth", "kind": "Score", "condition": {"type": "Lead", "filter": {}},
                "lines": [{
                    "name": "Ads", "points": 20, "type": "Lead", "filter": {"source": "Ads"},
                }],
            }),
            ("automation", "rules", {
                "name": "Back", "kind": "Automation", "events": ["Lead.Lost"],
                "condition": {"type": "Lead", "filter": {"source": {"$ne": "Ads"}}},
                "steps": [{"do": "Lead.update", "with": {"source": "Ads", "need": "Ads"}}],
            }),
        ]
    }  # fmt: skip
    views = [
        View.objects.create(tenant=acme, noun="Lead", name=name, query=query, kind=kind, shared=shared)
        for name, query, kind, shared in [
            ("Mine", "source=Ads", "list", False),
            ("By owner", "source=Ads&group=owner", REPORT, True),
        ]
    ]  # fmt: skip
    answer = api.call("POST", f"{PLACE}/merge", {"from": "Ads", "into": "Google"})
    merged = answered(answer)
    assert merged["changed"] == [made["lead"]]
    followed = {each["$id"]: each for each in merged["followed"]}
    assert followed.keys() == {made["segment"], made["score"], made["automation"]} | {
        view.pk for view in views
    }
    assert followed[made["segment"]] == {
        "$type": "Segment", "$id": made["segment"], "name": "From ads"
    }  # fmt: skip
    assert "name" not in followed[views[0].pk]  # it is somebody's own
    assert followed[views[1].pk]["previous"] == "source=Ads&group=owner"
    both = {"$in": ["Google", "Ads"]}

    def held(plural: str, name: str, field: str) -> Any:
        return answered(api.call("GET", f"/{plural}/{made[name]}"))[field]

    assert held("segments", "segment", "criteria")["filter"] == {"source": both}
    assert held("rules", "score", "lines")[0]["filter"] == {"source": both}
    rule = answered(api.call("GET", f"/rules/{made['automation']}"))
    assert rule["condition"]["filter"] == {"source": {"$nin": ["Google", "Ads"]}}
    assert rule["steps"][0]["with"] == {"source": "Google", "need": "Ads"}
    assert rule["$version"] == 2
    assert [View.objects.get(pk=view.pk).query for view in views] == [
        "source=Google,Ads", "source=Google,Ads&group=owner",
    ]  # fmt: skip
    told = answered(api.call("GET", "/events?name=List.Changed"))["results"][0]["data"]
    assert told["merged"]["followed"] == merged["followed"]
    answered(api.call("POST", f"/requests/{answer.headers['X-Request-Id']}/undo"))
    assert held("segments", "segment", "criteria")["filter"] == {"source": "Ads"}
    found = answered(api.call("GET", "/leads?source__in=Google,Ads"))["results"]
    assert [each["source"] for each in found] == ["Ads"]


def test_what_cannot_follow_a_merged_value_is_told(api: Any, acme: Any) -> None:
    query = "source=Ads&filter=" + "x" * 3_985
    view = View.objects.create(tenant=acme, noun="Lead", name="Long", query=query, shared=True)
    answered(api.call("POST", "/leads", {"name": "A", "source": "Ads"}), 201)
    merged = answered(api.call("POST", f"{PLACE}/merge", {"from": "Ads", "into": "Google"}))
    assert [each["$id"] for each in merged["followed"]] == [view.pk]
    assert merged["followed"][0]["message"]
    assert View.objects.get(pk=view.pk).query == query

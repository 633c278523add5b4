"""A filter is put together row by row, and what anything holds comes out as it went in."""

from __future__ import annotations

import json
import re
from html import unescape
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

LEADS = "/~acme/admin/crm/lead/"
BUILDER = f"{LEADS}filter/"


def names(client: Any, place: str) -> set[str]:
    html = client.get(place).content.decode()
    return set(re.findall(r'<td class="name"[^>]*><a href="[^"]*">([^<]*)</a>', html))


def applied(client: Any, **rows: Any) -> str:
    """Where the form leads that has these rows: ``f_0_0`` is the field of the first."""
    sent = {re.sub(r"_(?=\d)", ".", name): value for name, value in rows.items()}
    answer = client.get(BUILDER, {"m.0": "all", **sent, "do": "apply"})
    assert answer.status_code == 302, answer.content.decode()
    return str(answer["Location"])


def filter_in(place: str) -> Any:
    return json.loads(parse_qs(urlsplit(place).query)["filter"][0])


def test_finds_who_has_nothing_planned(bob, people):
    from crm import Activity, Lead

    idle, planned, done = (
        Lead.create(name=f"Lead {n}", source="web") for n in ("idle", "planned", "done")
    )
    Activity.create(subject="Call", type="Call", lead=planned)
    call = Activity.create(subject="Call", type="Call", lead=done)
    Activity.complete(call.pk, outcome="Reached")
    place = applied(
        bob,
        f_0_0="@activities", o_0_0="none", m_0_0="all",
        f_0_0_0="status", o_0_0_0="is", v_0_0_0="Pending",
    )  # fmt: skip
    assert filter_in(place) == {"activities": {"$none": {"status": "Pending"}}}
    assert names(bob, place) == {idle.name, done.name}
    chips = bob.get(place).content.decode()
    assert "Activities: none with Status is Pending" in chips


def test_takes_several_values_and_groups(bob, people):
    from crm import Lead

    Lead.create(name="New web", source="web")
    Lead.create(name="Worth it", source="event", score=90)
    Lead.create(name="Neither", source="fair", score=3)
    place = applied(
        bob, m_0="any",
        f_0_0="source", o_0_0="is", v_0_0="web\nphone",
        m_0_1="all", f_0_1_0="score", o_0_1_0="gte", v_0_1_0="80", f_0_1_1="owner", o_0_1_1="empty",
    )  # fmt: skip
    assert filter_in(place) == {
        "$or": [
            {"source": {"$in": ["web", "phone"]}},
            {"score": {"$gte": 80}, "owner": {"$exists": False}},
        ]
    }
    assert names(bob, place) == {"New web", "Worth it"}


def test_says_beside_a_row_what_is_wrong_with_it(bob):
    answer = bob.get(
        BUILDER, {"m.0": "all", "f.0.0": "score", "o.0.0": "gte", "v.0.0": "many", "do": "apply"}
    )
    assert answer.status_code == 422
    html = answer.content.decode()
    assert "This is a number" in html
    assert 'value="many"' in html


def test_leaves_no_condition_out_that_has_no_value_yet(bob):
    rows = {"m.0": "all", "f.0.0": "source", "o.0.0": "is", "v.0.0": "web", "f.0.1": "score"}
    rows |= {"o.0.1": "gte", "f.0.2": "@activities", "o.0.2": "some", "f.0.2.0": "status"}
    told = "Say a value, or remove the condition."
    assert told not in bob.get(BUILDER, rows).content.decode()
    answer = bob.get(BUILDER, rows | {"do": "apply"})
    assert (answer.status_code, answer.content.decode().count(told)) == (422, 2)
    # A row that is about nothing yet is none.
    assert filter_in(applied(bob, f_0_0="source", o_0_0="is", v_0_0="web", f_0_1="")) == {
        "source": "web"
    }


def test_drops_one_part_by_its_chip(bob):
    query = {"filter": json.dumps({"score": {"$gte": 3}, "source": "web"})}
    html = bob.get(LEADS, query).content.decode()
    assert "Score is at least 3" in html
    drops = re.findall(r'<a href="([^"]*)" aria-label="Remove the filter', html)
    assert [filter_in(each.replace("&amp;", "&")) for each in drops] == [
        {"source": "web"},
        {"score": {"$gte": 3}},
    ]


@pytest.mark.parametrize("text", ["{", "[]", '{"nothing": 1}', '{"score": {"$gte": "x"}}'])
def test_says_what_is_wrong_with_the_filter_of_an_address(bob, text):
    html = bob.get(LEADS, {"filter": text}).content.decode()
    assert 'class="notice bad"' in html


def test_a_segment_shows_its_members_and_leads_to_them_as_a_list(cleo, people):
    from crm import Lead
    from marketing import Segment

    hot = Lead.create(name="Hot one", source="web", score=90)
    Lead.create(name="Cold one", source="web", score=3)
    segment = Segment.create(
        name="Hot", criteria={"type": "Lead", "filter": {"score": {"$gte": 80}}}
    )
    html = cleo.get(f"/~acme/admin/marketing/segment/{segment.pk}/change/").content.decode()
    card = html.split('aria-label="Members now"')[1].split("</section>")[0]
    assert "Score is at least 80" in card
    assert f'href="/~acme/admin/crm/lead/{hot.pk}/change/">{hot.name}</a>' in card
    assert "Cold one" not in card
    listed = cleo.get("/~acme/admin/marketing/segment/?view=all").content.decode()
    assert "1 now</span>" in listed and "⌀" not in listed, "nobody has counted it yet"
    Segment.create(name="Nobody", criteria={"type": "Lead", "filter": {"score": 77}})
    Segment.create(name="Of nothing")
    listed = cleo.get("/~acme/admin/marketing/segment/?view=all").content.decode()
    assert sorted(re.findall(r">(\d) now<", listed)) == ["0", "1"]
    segment.refresh()
    assert "1 now" not in cleo.get("/~acme/admin/marketing/segment/?view=all").content.decode()
    place = re.findall(r'class="btn" href="([^"]+)"', card)[0].replace("&amp;", "&")
    assert names(cleo, place) == {hot.name}
    page = cleo.get("/~acme/admin/marketing/segment/add/").content.decode()
    (built,) = re.findall(r'data-builds="([^"]*)"', page)
    offered = [each["name"] for each in json.loads(unescape(built))["types"]]
    assert offered[0] == "Lead", "of whom segments are, as the menu has them"


@pytest.mark.parametrize("operator", ["is", "not", "gt", "lte"])
def test_says_that_a_day_at_the_end_of_the_calendar_is_none(bob, operator):
    rows = {"m.0": "all", "f.0.0": "createdAt", "o.0.0": operator, "w.0.0": "on"}
    answer = bob.get(BUILDER, {**rows, "v.0.0": "9999-12-31", "do": "apply"})
    assert answer.status_code == 422
    assert answer.context["rows"].rows[0].problem


def test_says_of_a_filter_that_is_nested_too_deep_that_it_is(bob):
    too_deep = "nested 16 levels deep at the most"
    for levels in (17, 32, 60, 350, 3_000):
        filter = '{"$not":' * levels + '{"name":"x"}' + "}" * levels
        for page in (LEADS, BUILDER):
            answer = bob.get(page, {"filter": filter})
            assert answer.status_code in (200, 422)
            if levels < 400 and (page == LEADS or levels > 32):
                assert too_deep in answer.content.decode(), (page, levels)
        sent = {"m.0": "all", "f.0.0": "{}", "v.0.0": filter, "do": "apply"}
        assert bob.get(BUILDER, sent).status_code == 422, levels
    for levels in (100, 400, 1_000):
        brackets = "[" * levels + "]" * levels
        for text in (brackets, f'{{"name": {brackets}}}'):
            sent = {"m.0": "all", "f.0.0": "{}", "v.0.0": text, "do": "apply"}
            assert bob.get(BUILDER, sent).status_code == 422
        assert bob.get(LEADS, {"filter": f'{{"name": {brackets}}}'}).status_code in (200, 422)

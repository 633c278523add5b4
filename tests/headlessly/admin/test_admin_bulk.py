"""Many records at once: each by itself through its verb, and what became of each."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import parse_qs, urlsplit

import orjson
import pytest

LEADS = "/~acme/admin/crm/lead/"


@pytest.fixture
def three(people: Any) -> list[Any]:
    """A new lead, a contacted one and a lost one."""
    from crm import Lead

    made = [Lead.create(name=f"Lead {n}", source="web", owner=people.bob) for n in "ABC"]
    made[1].update(status="Contacted")
    made[2].lose(lost_reason="No budget")
    return made


def post(client: Any, verb: str, leads: Any, place: str = LEADS, **more: Any) -> Any:
    sent = {"ids": ",".join(getattr(lead, "pk", lead) for lead in leads), "query": "", **more}
    return client.post(f"{place}bulk/{verb}/", sent, headers={"X-Part": "1"})


def states(leads: Any) -> list[str]:
    for lead in leads:
        lead.refresh_from_db()
    return [lead.status for lead in leads]


def outcomes(answer: Any) -> tuple[list[str], dict[str, str]]:
    """The names of those that were done, and of the others with the reasons."""
    html = answer.content.decode()
    refused = dict(
        re.findall(r'class="refused">(?:<a[^>]*>)?([^<]*)(?:</a>)?<span>([^<]*)</span>', html)
    )
    done = re.findall(r"<li>(?:<a[^>]*>)?([^<]*)", html)
    return done, refused


def test_asks_before_it_does_anything(bob, three, unchanged):
    with unchanged():
        answer = post(bob, "lose", three)
    html = answer.content.decode()
    assert answer.status_code == 200
    assert "Lose: 3 leads" in html and 'name="lost_reason"' in html
    assert "<html" not in html


def test_does_each_by_itself_and_tells_what_became_of_it(bob, three):
    answer = post(bob, "lose", three, go="1", lost_reason="Gone quiet")
    done, refused = outcomes(answer)
    assert done == ["Lead A", "Lead B"]
    assert refused == {"Lead C": "This Lead is already Lost."}
    assert f'data-failed="{three[2].pk}"' in answer.content.decode()
    assert states(three) == ["Lost"] * 3
    assert [lead.lost_reason for lead in three] == ["Gone quiet", "Gone quiet", "No budget"]
    assert three[0].history(three[0])[0].name == "Lead.Lost"


def test_a_missing_input_is_asked_for_again(bob, three, unchanged):
    with unchanged():
        for name in ("lose", "assign", "move"):
            answer = post(bob, name, three, go="1")
            assert answer.status_code == 422, name
            assert "This is required." in answer.content.decode(), name


def test_assigns_and_moves_by_updating(bob, three, people):
    assert post(bob, "assign", three, go="1", owner=people.cleo.pk).status_code == 204
    assert "Assign: 3 done." in bob.get("/~acme/admin/crm/lead/?view=all").content.decode()
    done, refused = outcomes(post(bob, "move", three, go="1", status="Qualified"))
    assert done == ["Lead B"]
    assert set(refused) == {"Lead A", "Lead C"}
    assert states(three) == ["New", "Qualified", "Lost"]
    assert {lead.owner_id for lead in three} == {people.cleo.pk}


def test_converts_several_each_to_a_deal_of_its_own(bob, three, people):
    from crm import Deal

    for lead in three[:2]:
        lead.update(contact=people.ada)
    three[0].update(status="Contacted")
    for lead in three[:2]:
        lead.update(status="Qualified")
    done, refused = outcomes(post(bob, "convert", three, go="1"))
    assert len(done) == 2 and list(refused) == ["Lead C"]
    assert Deal.count() == 2


def test_all_that_fit_are_read_when_it_asks(bob, three, people):
    from crm import Lead

    answer = post(bob, "lose", [], query="status=New,Contacted", all="1")
    ids = re.search(r'name="ids" value="([^"]*)"', answer.content.decode())[1]
    assert set(ids.split(",")) == {three[0].pk, three[1].pk}
    late = Lead.create(name="Late", source="web")
    post(bob, "lose", ids.split(","), go="1", lost_reason="x")
    assert states([*three, late]) == ["Lost", "Lost", "Lost", "New"]


def test_refuses_more_than_it_does_at_once(bob, three, monkeypatch, unchanged):
    from headlessly.admin.lists import bulk

    monkeypatch.setattr(bulk, "AT_ONCE", 2)
    with unchanged():
        for more in ({"all": "1"}, {}):
            answer = post(bob, "lose", three, go="1", lost_reason="x", **more)
            assert answer.status_code == 422
            assert "At most 2 at once" in answer.content.decode()


@pytest.mark.parametrize("ids", [[], ["", ","]])
def test_refuses_to_do_nothing(bob, three, ids):
    answer = post(bob, "lose", ids, go="1", lost_reason="x")
    assert answer.status_code == 422
    assert "Nothing is selected." in answer.content.decode()


def test_what_is_not_ones_own_does_not_exist(bob, three, theirs, unchanged):
    strange = [theirs.lead.pk, "lead_nope", "lead_\x00", "contact_x"]
    with unchanged():
        done, refused = outcomes(post(bob, "lose", strange, go="1", lost_reason="x"))
    assert done == []
    assert len(refused) == 4 and all("There is no Lead" in why for why in refused.values())
    assert "Their lead" not in post(bob, "lose", strange, go="1", lost_reason="x").content.decode()


def test_offers_what_one_may_and_nothing_else(bob, cleo, vic, three, unchanged):
    def offered(client: Any) -> list[str]:
        return re.findall(
            r'formaction="[^"]*/bulk/(\w+)/"', client.get(f"{LEADS}?view=all").content.decode()
        )

    all_may = ["assign", "move", "change", "tag", "untag", "convert", "lose", "claim", "settle"]
    assert offered(bob) == all_may
    assert offered(cleo) == [*all_may, "delete", "merge"]
    assert offered(vic) == []
    from crm import Rule

    everybody = {"type": "Lead", "filter": {}}
    Rule.create(name="Soon", kind="FirstAnswer", condition=everybody, within=60)
    assert offered(bob) == [*all_may[:-1], "expect_answer", "settle"]
    line = {"name": "All", "about": "fit", "points": 5, "type": "Lead", "filter": {}}
    Rule.create(name="Worth", kind="Score", condition=everybody, lines=[line])
    assert {"expect_answer", "rescore"} <= {*offered(bob)}
    with unchanged():
        assert post(bob, "delete", three, go="1").status_code == 404
        assert post(vic, "lose", three, go="1", lost_reason="x").status_code == 404
        assert post(bob, "update", three, go="1", name="x").status_code == 404
        assert post(bob, "rollback", three, go="1", as_of="now").status_code == 404
        assert (
            post(bob, "lose", three, go="1", lost_reason="x", query="asOf=today").status_code == 404
        )
        assert bob.get(f"{LEADS}bulk/lose/").status_code == 405


def test_deletes_and_says_what_is_still_needed(cleo, three, lead, people):
    from crm import Contact

    place = "/~acme/admin/crm/contact/"
    spare = Contact.create(name="Spare")
    done, refused = outcomes(post(cleo, "delete", [spare, people.ada], place, go="1"))
    assert done == ["Spare"]
    assert "referred to" in refused["Ada Chen"]


def test_several_are_merged_into_one(cleo, people):
    from crm import Contact

    place = "/~acme/admin/crm/contact/"
    twins = [Contact.create(name=f"Ada {n}") for n in (1, 2)]
    chosen = [*twins, people.ada]
    asked = post(cleo, "merge", chosen, place).content.decode()
    # The one that stays is one of them, mostly: a press each, and nothing to look for.
    for each in chosen:
        assert f'name="into" value="{each.pk}"' in asked
    assert "Ada Chen · Acme Corp" in asked and "field by field" not in asked
    assert post(cleo, "merge", chosen, place, go="1", into=people.ada.pk).status_code == 204
    assert [each.name for each in Contact.objects.filter(name__startswith="Ada")] == ["Ada Chen"]


def test_two_that_are_merged_may_be_looked_at_field_by_field(cleo, people):
    from crm import Contact

    place, twin = "/~acme/admin/crm/contact/", Contact.create(name="Ada 1")
    asked = post(cleo, "merge", [twin, people.ada], place).content.decode()
    beside = f"{place}{twin.pk}/do/merge/?into={people.ada.pk}"
    assert f'href="{beside}"' in asked
    assert cleo.get(beside).content.decode().count('class="versus"') > 1


def test_what_is_merged_into_itself_is_refused(cleo, people, unchanged):
    with unchanged():
        answer = post(
            cleo, "merge", [people.ada], "/~acme/admin/crm/contact/", go="1", into=people.ada.pk
        )
        assert list(outcomes(answer)[1]) == ["Ada Chen"]


def test_works_without_a_script(bob, three):
    answer = bob.post(
        f"{LEADS}bulk/lose/", {"ids": [three[0].pk, three[1].pk], "query": "o=-score"}
    )
    html = answer.content.decode()
    assert "<html" in html and "Lose: 2 leads" in html
    assert f'href="{LEADS}?o=-score"' in html


def test_exports_what_is_selected_or_all_that_fits(bob, three):
    def asked(**sent: Any) -> dict[str, list[str]]:
        answer = bob.post(f"{LEADS}bulk/export/", sent)
        assert answer.status_code == 302
        address = urlsplit(answer.url)
        assert address.path == "/~acme/export/leads"
        return parse_qs(address.query)

    found = asked(ids=three[0].pk, query="o=-score")
    assert orjson.loads(found["filter"][0]) == {"$id": {"$in": [three[0].pk]}}
    assert (found["format"], found["sort"]) == (["csv"], ["-score"])
    every = asked(all="1", query="status=New&score__gte=5&q=lead&is=bant-complete")
    said = orjson.loads(every["filter"][0])["$and"]
    assert said[0] == {"status": {"$in": ["New"]}} and len(said) == 2
    assert (every["score__gte"], every["q"]) == (["5"], ["lead"])
    or_none = asked(all="1", query="score__lt=5,-&name__icontains=x")
    assert "score" in or_none["filter"][0] and or_none["name__icontains"] == ["x"]


def test_what_cannot_be_undone_together_is_done_one_by_one(bob, three, people, monkeypatch):
    """A failure of ours in the middle loses nothing of what was done before it."""
    from headlessly.execution import executor

    run, seen = executor.run, []

    def failing(verb: Any, target: Any, *args: Any, **kwargs: Any) -> Any:
        seen.append(target)
        if len(seen) == 2:
            raise RuntimeError("the power is out")
        return run(verb, target, *args, **kwargs)

    monkeypatch.setattr(executor, "run", failing)
    with pytest.raises(RuntimeError):
        post(bob, "lose", three, go="1", lost_reason="x")
    assert states(three) == ["Lost", "Contacted", "Lost"]


def test_whom_they_are_given_to_is_offered_and_nobody_is_chosen(bob, three, people):
    html = post(bob, "assign", three).content.decode()
    offered = dict(re.findall(r'name="owner" value="([^"]*)">([^<]*)</button>', html))
    assert set(offered) >= {people.bob.pk}
    assert "(me)" in offered[people.bob.pk]
    assert f'<option value="{people.bob.pk}" selected' not in html
    # A press on one sends the empty choice before it.
    sent = {"go": "1", "owner": ["", people.bob.pk]}
    assert post(bob, "assign", three, **sent).status_code == 204


def test_without_scripts_the_list_says_what_was_done(bob, three):
    ids = ",".join(lead.pk for lead in three[:2])
    sent = {"ids": ids, "query": "source=web", "go": "1", "lost_reason": "Price"}
    answer = bob.post(f"{LEADS}bulk/lose/", sent, follow=True)
    assert answer.redirect_chain == [(f"{LEADS}?source=web", 302)]
    html = answer.content.decode()
    assert "Lose: 2 done." in html and "data-undo" in html

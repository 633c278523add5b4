"""What the palette finds: records, pages and things to do, of this tenant and for this person."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from crm import Contact
from headlessly.admin import choices
from headlessly.query.duplicates import find_duplicates
from tests.headlessly.admin.signed_in import client_of

FIND = "/~acme/admin/find/"


def find(client: Any, **asked: str) -> dict[str, list[dict[str, Any]]]:
    """The items by the title of their group."""
    answer = client.get(FIND, asked)
    assert answer.status_code == 200
    return {group["title"]: group["items"] for group in answer.json()["groups"]}


def labels(found: dict[str, list[dict[str, Any]]], title: str) -> list[str]:
    return [item["label"] for item in found.get(title, [])]


@pytest.mark.parametrize(
    ("words", "title", "found"),
    [
        ("platform", "Leads", "Acme Platform Evaluation"),
        ("ada@acme", "Contacts", "Ada Chen"),
        ("acme corp", "Organizations", "Acme Corp"),
        ("SPRING", "Campaigns", "Spring launch"),
        ("Ac", "Leads", "Acme Platform Evaluation"),
    ],
)
def test_finds_records_of_every_noun_by_their_words(bob, lead, words, title, found):
    assert found in labels(find(bob, q=words), title)


def test_adds_by_the_quick_form_where_there_is_one(bob, acme):
    found = {item["label"]: item for item in find(bob, q="create")["Do"]}
    assert found["Create lead"]["url"].endswith("/lead/quick/") and found["Create lead"]["quick"]


def test_tells_a_record_from_its_namesakes(bob, lead):
    [item] = find(bob, q="platform")["Leads"]
    assert item["detail"] == "Ada Chen · Acme Corp"
    assert (item["state"], item["tone"], item["kind"]) == ("New", "slate", "Lead")
    assert item["url"] == f"/~acme/admin/crm/lead/{lead.pk}/change/"


def test_puts_what_is_called_like_that_first_and_shows_five(bob, acme):
    from crm import Organization

    for name in (
        "The Ember Works",
        "Ember",
        "Embers & Sons",
        "Old Ember",
        "September",
        "Ember Two",
    ):
        Organization.create(name=name)
    found = labels(find(bob, q="ember"), "Organizations")
    assert found == ["Ember", "Ember Two", "Embers & Sons", "Old Ember", "The Ember Works"]


def test_finds_umlauts_in_records_and_members_whichever_way_they_are_typed(bob, people):
    Contact.update(people.bob.pk, name="Jürgen Böhm")
    for typed in ("juergen", "boehm", "JÜRGEN", "jurgen"):
        assert labels(find(bob, q=typed), "Contacts") == ["Jürgen Böhm"]
        (member,) = choices.find_members(Contact, typed, offers=False)
        assert member["id"] == people.bob.pk
    for typed in ("JUERGEN  boehm", "Jurgen Bohm", " jürgen böhm "):
        ((record, _same),) = find_duplicates(Contact, {"name": typed})
        assert record.pk == people.bob.pk
    assert not find_duplicates(Contact, {"name": "Jurgen Boehme"})


def test_finds_a_record_by_its_id(bob, lead):
    assert labels(find(bob, q=lead.pk), "Leads") == ["Acme Platform Evaluation"]


def test_finds_nothing_of_another_tenant(bob, theirs):
    for words in ("their", "eve rival", theirs.lead.pk):
        assert not {"Leads", "Contacts", "Campaigns"} & set(find(bob, q=words))
    assert "Recent" not in find(bob, recent=theirs.lead.pk)


def test_finds_for_a_limited_rep_their_own_and_nobodys(bob, lead, people, acme):
    acme.limits_reps = True
    acme.save()
    lead.update(owner=people.cleo)
    assert "Leads" not in find(bob, q="platform")
    assert "Leads" not in find(bob, q=lead.pk)
    assert "Recent" not in find(bob, recent=lead.pk)


def test_without_words_shows_what_was_opened_lately_as_it_is_now(bob, lead, people):
    lead.update(name="Renamed")
    found = find(bob, recent=f"{people.corp.pk},{lead.pk},lead_gone,nonsense,x\x00")
    assert labels(found, "Recent") == ["Acme Corp", "Renamed"]


def test_goes_to_lists_and_boards(bob, acme):
    assert labels(find(bob, q="leads"), "Go to")[:2] == ["Leads", "Leads board"]
    assert find(bob, q="deals board")["Go to"][0]["url"] == "/~acme/admin/crm/deal/board/"
    assert "Today" in labels(find(bob), "Go to")


def test_goes_to_views_those_that_people_saved_too(bob, cleo, acme):
    assert labels(find(bob, q="going cold"), "Go to") == ["Leads: Going cold"]
    sent = {"name": "Fairs", "query": "source=fair", "shared": "on"}
    cleo.post("/~acme/admin/crm/lead/views/", sent)
    cleo.post("/~acme/admin/crm/lead/views/", {"name": "Fairs, mine", "query": "source=x"})
    assert labels(find(bob, q="fairs"), "Go to") == ["Leads: Fairs"]
    assert "source=fair" in find(bob, q="fairs")["Go to"][0]["url"]


def test_goes_to_each_page_of_the_settings_that_one_may_open(bob, ann, acme):
    for words, label, place in (
        ("members", "Members", "settings/members/"),
        ("webhook", "Webhooks", "settings/webhooks/"),
        ("who did", "Who did what", "settings/log/"),
        ("lists of", "Lists of values", "settings/lists/"),
        ("api keys", "API keys", "settings/keys/"),
    ):
        found = {i["label"]: i["url"] for i in find(ann, q=words)["Go to"]}
        assert found.get(label) == f"/~acme/admin/{place}", words
        assert label not in labels(find(bob, q=words), "Go to"), words
    # What is everybody's own is offered to everybody, also by what it is for.
    assert "Imports" in labels(find(bob, q="imports"), "Go to")
    assert "Sign-in and security" in labels(find(bob, q="sessions"), "Go to")
    settings = [i["url"] for i in find(ann, q="settings")["Go to"]]
    assert len(settings) == len(set(settings)) > 8
    assert all("/settings/" not in i["url"] for i in find(bob, q="settings")["Go to"])


def test_does_what_is_no_record_once_one_types(bob, vic, acme):
    for words, label in (
        ("dark", "Dark theme"),
        ("light", "Light theme"),
        ("export", "Export this list as CSV"),
        ("sign o", "Sign out"),
        ("log out", "Sign out"),
    ):
        assert label in labels(find(bob, q=words), "Do"), words
        assert label in labels(find(vic, q=words), "Do"), words
    assert labels(find(bob, q="import"), "Do") == ["Import"]
    assert "Do" not in find(vic, q="import")
    assert labels(find(bob, q="add lead"), "Do") == ["Create lead"]
    assert not {"Dark theme", "Sign out"} & set(labels(find(bob), "Do"))


def test_knows_its_commands_in_german(users, acme):
    users.bob.language = "de"
    users.bob.save()
    client = client_of(users.bob)
    answer = client.get(FIND, {"q": "abmelden"}).json()
    assert [i["label"] for group in answer["groups"] for i in group["items"]] == ["Abmelden"]
    for words in ("dunkel", "exportieren", "lead hinzu", "importe"):
        assert client.get(FIND, {"q": words}).json()["groups"], words


def test_what_begins_as_it_was_typed_stands_first(ann, lead):
    lead.update(need="They have no webhooks so far")
    found = list(find(ann, q="webhooks"))
    assert found.index("Go to") < found.index("Leads")
    found = labels(find(ann, q="im"), "Go to")
    assert found.index("Imports") == 0
    assert next(iter(find(ann, q="acme"))) in ("Leads", "Organizations")


def test_offers_what_one_may_create(bob, vic, acme):
    assert "Create lead" in labels(find(bob, q="create"), "Do")
    assert "Create pipeline" not in labels(find(bob, q="create"), "Do")
    assert "Do" not in find(vic, q="create")


def test_offers_what_the_open_record_allows(bob, vic, lead, theirs, address):
    at = address(lead)
    done = labels(find(bob, at=at), "Do")
    assert {"Move to Contacted", "Lose…"} <= set(done)
    assert "Convert" not in done
    assert labels(find(bob, at=at, q="contacted"), "Do") == ["Move to Contacted"]
    assert "Do" not in find(vic, at=at)


@pytest.mark.parametrize("at", ["", "/", "x", "/~acme/admin/\x00", "/~acme/admin/crm/lead/nope/change/",
                                "/~rival/admin/crm/lead/x/change/"])  # fmt: skip
def test_a_page_that_is_no_record_offers_no_verbs(bob, acme, at):
    assert all(item.get("url") for item in find(bob, at=at)["Do"])


@pytest.mark.parametrize("words", ["\x00", "x" * 101])
def test_words_that_nobody_can_look_for_are_refused_in_a_sentence(bob, acme, words):
    answer = bob.get(FIND, {"q": words})
    assert answer.status_code == 200
    assert answer.json()["problem"]


def test_signs_alone_are_refused_in_a_sentence_by_the_palette_and_the_list(bob, acme):
    assert "letter or a digit" in bob.get(FIND, {"q": "&&"}).json()["problem"]
    answer = bob.get("/~acme/admin/crm/lead/", {"q": "&"})
    assert answer.status_code == 200
    assert "letter or a digit" in answer.content.decode()


def test_only_reads_and_only_for_members(bob, users, acme):
    from django.test import Client

    assert bob.post(FIND).status_code == 405
    assert Client().get(FIND).status_code == 302
    stranger = Client()
    stranger.force_login(users.eve)
    assert stranger.get(FIND).status_code == 404


def test_asks_as_often_for_many_records_as_for_few(bob, people):
    from crm import Lead

    def queries() -> int:
        with CaptureQueriesContext(connection) as captured:
            find(bob, q="common")
        return len(captured)

    for number in range(3):
        Lead.create(name=f"Common {number}", source="x", contact=people.ada)
    queries()
    few = queries()
    for number in range(20):
        Lead.create(name=f"Common {number}", source="x", contact=people.ada)
    assert queries() == few


def test_every_page_of_the_tenant_has_it_and_the_operators_have_not(bob, users, lead, address):
    from tests.headlessly.admin.signed_in import client_of

    for page in (
        "/~acme/admin/",
        address(lead),
        "/~acme/admin/crm/lead/?view=all",
        address(lead, "edit"),
    ):
        assert 'id="palette"' in bob.get(page).content.decode()
    assert f'data-here="{lead.pk}"' in bob.get(address(lead)).content.decode()
    assert 'id="palette"' not in client_of(users.olga).get("/admin/").content.decode()


def test_tells_where_in_a_record_the_words_are(bob, lead, people):
    from crm import Activity, Deal

    lead.update(
        need="Their five tools do not talk to each other, so a pilot in spring is what they ask for"
    )
    Activity.log(type="Note", subject="Note", description="Ada mentioned the pilot", lead=lead)
    Deal.create(name="Pilot", value=1)
    found = find(bob, q="pilot")
    assert "so a pilot in spring is" in found["Leads"][0]["detail"]
    assert found["Activities"][0]["detail"] == "Ada mentioned the pilot"
    assert "pilot" not in found["Deals"][0]["detail"]

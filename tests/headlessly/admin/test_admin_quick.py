"""The quick form: what is there already is told, nothing hidden is, and pickers make what is missing."""

from __future__ import annotations

import json

from crm import Contact, Lead, Organization
from headlessly.access import actors
from tests.headlessly.admin.signed_in import client_of

QUICK = "/~acme/admin/crm/{}/quick/"


def told(client, noun="lead", **typed):
    answer = client.post(QUICK.format(noun), {"alike": "1", **typed}, headers={"X-Region": "1"})
    assert answer.status_code == 200
    return answer.content.decode()


def test_tells_whom_a_record_would_be_about_and_what_is_alike(bob, people, lead):
    shown = told(bob, **{"contact-email": "ada@acme.example", "organization-name": "acme"})
    assert "Ada Chen" in shown and "is taken" in shown
    assert "Acme Corp" in shown  # begins as it is typed
    assert "Acme Platform Evaluation" in shown  # an open lead of the same person
    assert told(bob).strip() == ""


def test_tells_namesakes_apart_and_takes_the_one_that_was_chosen(bob, people):
    jo = [Contact.create(name="Jo Park", title=title) for title in ("Buyer", "Driver")]
    shown = told(bob, **{"contact-name": "Jo Park"})
    assert "Buyer" in shown and "Driver" in shown
    typed = {"name": "Vans", "source": "x", "contact-name": "Jo Park", "then": ""}
    bob.post(QUICK.format("lead"), typed | {"contact-taken": jo[1].pk})
    assert Lead.objects.get(name="Vans").contact_id == jo[1].pk
    bob.post(QUICK.format("lead"), typed | {"name": "", "contact-taken": jo[0].pk})
    assert Lead.objects.get(name="Jo Park").contact_id == jo[0].pk
    # Whom one types anew is not the one who was taken.
    bob.post(QUICK.format("lead"), typed | {"name": "Other", "contact-taken": people.ada.pk})
    assert Lead.objects.get(name="Other").contact_id not in (people.ada.pk, None)


def test_tells_a_limited_rep_nothing_of_the_others(bob, users, people, acme, theirs):
    acme.limits_reps = True
    acme.save()
    hush = Organization.create(name="Hush AG")
    Contact.create(
        name="Hush Person", email="h@x.example", phone="030 1234567", owner=people.cleo,
        organization=hush,
    )  # fmt: skip
    Lead.create(name="Hush lead", source="x", owner=people.cleo)
    client = client_of(users.bob)
    for typed in (
        {"contact-name": "Hush Person"},
        {"contact-name": "Hush"},
        {"contact-email": "h@x.example"},
        {"name": "Hush lead"},
        {"contact-name": "Eve Rival", "contact-email": "eve@rival.example"},
    ):
        assert told(client, **typed).strip() == "", typed
    assert told(client, "contact", name="Hush Person", phone="030 1234567").strip() == ""


def test_makes_what_a_picker_asks_for_or_asks_for_what_is_missing(bob, people):
    made = bob.post(QUICK.format("organization"), {"choice": "1", "name": "Holm AS"})
    found = Organization.find({"name": "Holm AS"}).get()
    assert json.loads(made.content) == {"id": found.pk, "text": "Holm AS"}
    assert made.headers["X-Undo"]
    asked = bob.post(QUICK.format("lead"), {"choice": "1", "name": "Pilot"})
    assert (asked.status_code, Lead.count()) == (422, 0)
    assert 'name="choice"' in asked.content.decode()


def test_pickers_offer_to_make_what_is_not_there_to_those_who_may(bob, users, people):
    def choices(client, field):
        query = f"?term=Holm&app_label=crm&model_name=contact&field_name={field}"
        return client.get(f"/~acme/admin/autocomplete/{query}").json()["results"]

    assert choices(bob, "or-new")[-1]["create"] == QUICK.format("contact")
    assert choices(bob, "id") == choices(client_of(users.vic), "or-new") == []
    assert [c["text"].split(" ·")[0] for c in choices(bob, "member")] == []


def offered(client, noun, term, app="crm"):
    query = f"?term={term}&app_label={app}&model_name={noun}&field_name=or-new"
    return client.get(f"/~acme/admin/autocomplete/{query}").json()["results"]


def test_each_picker_makes_what_it_refers_to_and_asks_for_what_that_cannot_do_without(
    bob, users, people
):
    from headlessly.declaration.registry import registry

    admin = client_of(users.ann)
    nouns = {f.target_noun for noun in registry.values() for f in noun.schema.references.values()}
    assert {"Deal", "Team", "Pipeline"} <= {noun.__name__ for noun in nouns}
    for noun in nouns:
        app, model = noun._meta.app_label, noun._meta.model_name
        [item] = offered(admin, model, "Holm", app)
        assert item["create"] == f"/~acme/admin/{app}/{model}/quick/", noun
        answer = admin.post(item["create"], {"choice": "1", **item["sends"]})
        if answer.status_code == 422:
            assert 'name="choice"' in answer.content.decode(), noun
            assert not noun.objects.exclude(pk=people.bob.pk).filter(name="Holm"), noun
        else:
            assert json.loads(answer.content)["text"] == "Holm", noun
    # A deal needs its value too: it is asked for in the dialog.
    deal = {"choice": "1", "name": "Holm"}
    assert "Value" in bob.post(QUICK.format("deal"), deal).content.decode()
    made = bob.post(QUICK.format("deal"), {**deal, "value": "40k"})
    assert json.loads(made.content)["text"] == "Holm"
    # And who may not make one is not offered to.
    assert offered(bob, "pipeline", "Holm 2") == []
    assert bob.post(QUICK.format("pipeline"), {"choice": "1", "name": "Holm 2"}).status_code == 403


def test_a_picker_makes_another_beside_many_that_are_called_alike(bob, acme):
    for number in range(25):
        Organization.create(name=f"Holm {number}")
    found = offered(bob, "organization", "Holm")
    assert (len(found), found[-1]["id"]) == (21, "+")
    query = "?term=Holm&app_label=crm&model_name=organization&field_name=or-new&page=2"
    second = bob.get(f"/~acme/admin/autocomplete/{query}").json()["results"]
    assert "+" not in [each["id"] for each in second]


def test_is_for_those_who_may_create(bob, users):
    assert "quick-opener" in bob.get("/~acme/admin/crm/lead/?view=all").content.decode()
    viewer = client_of(users.vic)
    assert "quick-opener" not in viewer.get("/~acme/admin/crm/lead/").content.decode()
    assert viewer.get(QUICK.format("lead")).status_code == 403
    with actors.acting(actors.SYSTEM):
        assert Lead.count() == 0


def test_answers_what_no_text_can_hold_with_a_problem_at_its_field(bob, people):
    for name in ("contact-name", "organization-name"):
        told(bob, **{name: "Ada\x00"})
        answer = bob.post(QUICK.format("lead"), {"name": "New", name: "Ada\x00"})
        assert answer.status_code == 422, name
    assert not Lead.objects.filter(name="New").exists()


def test_says_of_a_key_that_is_none_that_nothing_arrived_with_it(bob):
    for key in ("a%20b", "%C3%A9", "known-to-nobody"):
        answer = bob.get(f"/~acme/admin/sent/{key}/")
        assert answer.status_code == 200
        assert answer.json() == {"arrived": False}

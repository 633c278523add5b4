"""What forms of rules, funnels and websites suggest is read in words; lists and charts say what they mean."""

from __future__ import annotations

import json
import re
from html import unescape
from typing import Any

import pytest

from crm import Deal, Lead, Rule
from headlessly.admin.import_text import field_words
from headlessly.shaping import custom_fields, value_lists
from marketing import Form, Funnel
from tests.headlessly.admin.conftest import *  # noqa: F403  (the people who sign in)
from tests.headlessly.admin.signed_in import client_of

ADMIN = "/~acme/admin/"
#: An event or a verb as programs write it.
WIRE = re.compile(r"\b[A-Z]\w+\.[A-Z]?\w+|\b[a-z]+[A-Z]\w+")


@pytest.fixture
def ann(users: Any) -> Any:
    return client_of(users.ann)


def page(client: Any, address: str) -> str:
    return unescape(client.get(f"{ADMIN}{address}").content.decode())


def suggested(html: str, name: str, key: str) -> dict[str, str]:
    """What a form suggests under a key of a list, by what is sent."""
    said = re.search(rf'<textarea name="{name}"[^>]*?data-rows="(.*?\}}\}})"', html, re.DOTALL)
    assert said
    columns = {each["key"]: each for each in json.loads(said[1])["columns"]}
    return dict(columns[key]["offers"])


def help_of(html: str, name: str) -> str:
    said = re.search(rf'<p class="help[^"]*" id="[^"]*{name}_helptext">(.*?)</p>', html, re.DOTALL)
    assert said
    return said[1]


def test_what_an_automation_follows_and_does_is_suggested_in_words(ann: Any) -> None:
    html = page(ann, "crm/rule/add/?kind=Automation")
    events = re.search(r'name="events"[^>]*?data-several="(.*?\]\})"', html, re.DOTALL)
    assert events
    assert dict(json.loads(events[1])["offers"])["Deal.Won"] == "Deal: won"
    assert suggested(html, "steps", "do")["Activity.create"] == "Activity: Create"
    waits = suggested(html, "steps", "wait")
    assert waits["3 days"] == "3 days"
    assert waits["until expectedCloseDate"] == "until Expected close date"
    assert suggested(html, "steps", "notify")["owner"] == "Owner"
    for name in ("events", "steps"):
        assert not WIRE.search(help_of(html, name))
    everything = [suggested(html, "steps", key) for key in ("do", "wait", "of", "notify")]
    assert not [word for each in everything for word in each.values() if WIRE.search(word)]


def test_they_are_suggested_in_the_readers_language(users: Any) -> None:
    users.ann.language = "de"
    users.ann.save()
    html = page(client_of(users.ann), "crm/rule/add/?kind=Automation")
    assert suggested(html, "steps", "wait")["3 days"] == "3 Tage"
    assert "after what happens" not in help_of(html, "events").lower()


def test_steps_of_funnels_are_chosen_and_read_in_words_and_typed_as_programs_know_them(
    ann: Any, acme: Any
) -> None:
    assert suggested(page(ann, "marketing/funnel/add/"), "steps", "event")["Lead.Created"] == (
        "Lead: created"
    )
    Lead.create(name="Acme", source="website")
    steps = [{"name": "In", "event": "Lead.Created"}, {"name": "Seen", "event": "page_view"}]
    made = Funnel.create(name="Web", steps=steps)
    shown = page(ann, f"marketing/funnel/{made.pk}/change/")
    assert "Lead: created" in shown and "page_view" in shown
    for asked in ("Lead: created", "Lead.Created"):
        answer = ann.get(
            f"{ADMIN}marketing/funnel/steps/",
            {"step": [asked, "lead: converted"], "period": "this_year"},
        )
        html = unescape(answer.content.decode())
        assert 'role="alert"' not in html and 'value="Lead: created"' in html
        assert ">Lead.Created" not in html and '<span class="label">Lead: created' in html


def test_a_form_offers_the_fields_that_its_answers_fill_also_those_of_ones_own(
    ann: Any, acme: Any, rival: Any
) -> None:
    custom_fields.create_field({"noun": "Lead", "label": "Sales region", "type": "string"})
    custom_fields.create_field(
        {"noun": "Contact", "label": "Badge", "type": "string", "unique": True}
    )
    html = page(ann, "marketing/form/add/")
    names = suggested(html, "fields", "name")
    assert names["salesRegion"] == "Lead: Sales region" and names["phone"] == "Contact: Phone"
    assert "badge" not in names
    assert not WIRE.search(help_of(html, "fields"))
    asked = [{"name": "email", "type": "email"}, {"name": "salesRegion", "type": "text"}]
    made = Form.create(name="Demo", fields=asked)
    assert "Lead: Sales region" in page(ann, f"marketing/form/{made.pk}/change/")


def test_a_list_of_rules_says_of_which_kind_each_is_and_no_mean_of_places(ann: Any) -> None:
    about = {"type": "Lead", "filter": {}}
    Rule.create(name="To nobody", condition=about, position=10)
    Rule.create(name="In time", kind="FirstAnswer", within=60, condition=about, position=20)
    html = page(ann, "crm/rule/?view=all")
    kinds = re.findall(r'data-label="Kind"[^>]*>(.*?)</td>', html, re.DOTALL)
    assert [re.sub("<[^>]*>", "", kind).strip() for kind in kinds] == ["Assignment", "First answer"]
    assert "⌀" not in page(ann, "crm/rule/totals/?view=all")
    assert 'data-label="Kind"' not in page(ann, "crm/rule/?kind=FirstAnswer")


def test_a_mean_is_in_the_unit_of_its_column_and_a_list_of_one_owner_says_so(
    ann: Any, people: Any
) -> None:
    Deal.create(name="Likely", value=5, probability=40, owner=people.bob)
    assert "⌀ 40\xa0%" in page(ann, "crm/deal/totals/?view=all")
    assert 'class="list of-one"' in page(ann, f"crm/deal/?owner={people.bob.pk}")
    assert "of-one" not in page(ann, f"crm/deal/?owner={people.bob.pk},{people.cleo.pk}")


def test_a_line_over_time_has_the_colour_of_its_value(ann: Any) -> None:
    fair = {"value": "Fair", "color": "#0f766e"}
    value_lists.change_list("Lead.source", {"values": [fair, {"value": "Website"}]})
    for source in ("Fair", "Website"):
        Lead.create(name=source, source=source)
    html = page(ann, "reports/leads/?over=month(createdAt)&groupBy=source")
    drawn = re.findall(r'<line class="stroke line\d( tone-\w+)?".*?</svg>(\w+)</li>', html)
    assert {label: tone for tone, label in drawn} == {"Fair": " tone-teal", "Website": ""}
    assert len(re.findall(r'<circle class="line\d tone-teal"', html)) == 1


def test_types_of_questions_and_definitions_of_numbers_are_told_in_words(ann: Any) -> None:
    html = page(ann, "marketing/form/add/")
    rows = re.search(r'<textarea name="fields"[^>]*?data-rows="(.*?\}\})"', html, re.DOTALL)
    assert rows
    types = next(each for each in json.loads(rows[1])["columns"] if each["key"] == "type")
    assert (
        dict(types["of"])["textarea"] == "Long text"
        and dict(types["of"])["select"] == "One of a list"
    )
    told = page(ann, "dashboard/definitions/").split('class="card definitions"')[1]
    told = re.sub(r"<code>.*?</code>", "", told)
    assert "The leads created in the period (“Created”)" in told
    assert not re.search(r"\b(created|lost|converted|answerDue)At\b", told)


def test_errors_of_an_import_name_fields_as_people_do(acme: Any) -> None:
    assert field_words(Lead, "contact.email") == "Contact: Email"
    assert field_words(Lead, "name") == "Name"
    assert field_words(Lead, "Deal Size (EUR)") == "Deal Size (EUR)"
    assert field_words(Lead, None) == ""

"""Whoever gets the lead of a form is told of it with all its answers: by mail, in the browser and by REST."""

from __future__ import annotations

import json
from types import SimpleNamespace
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from crm import Contact, Lead, Rule
from headlessly.access.models import ApiKey
from headlessly.notifications import from_log, inbox, wording
from marketing import Form
from tests.answered import answered
from tests.conftest import Api
from tests.headlessly.admin.conftest import ann, bob, cleo, users, vic
from tests.headlessly.notifications.mailbox import Mailbox, html, mailbox, plain
from tests.headlessly.notifications.test_telling import by

__all__ = ["ann", "bob", "cleo", "mailbox", "users", "vic"]
pytestmark = pytest.mark.django_db

FIELDS = [
    {"name": "email", "type": "email"},
    {"name": "name", "type": "text"},
    {"name": "message", "type": "textarea", "label": "What do you need?"},
    {"name": "team_size", "type": "select", "options": ["1-50", "51-500"], "label": "Team size?"},
]
ADA = {
    "email": "ada@new.example", "name": "Ada New", "message": "A <b>fast</b> start & a demo",
    "team_size": "51-500",
}  # fmt: skip


@pytest.fixture
def form(acme: Any) -> Any:
    return Form.create(name="Demo", slug="demo", fields=FIELDS).publish()


@pytest.fixture
def inbound(people: SimpleNamespace, users: SimpleNamespace) -> Any:
    return Rule.create(
        name="DACH inbound",
        condition={"type": "Lead", "filter": {}},
        how="Person",
        person=people.bob,
    )


def submit(form: Any, **answers: Any) -> None:
    sent = json.dumps(ADA | answers)
    answered(Client().post(f"/~acme/forms/{form.pk}/submit", sent, "application/json"))


def test_a_lead_that_a_rule_gave_is_told_with_why_and_with_all_its_answers(
    form: Any, inbound: Any, mailbox: Mailbox, users: SimpleNamespace, bob: Client, acme: Any,
    work: Any,
) -> None:  # fmt: skip
    submit(form)
    from_log.read_log()
    work(later=True)
    (letter,) = mailbox.letters
    assert letter["To"] == "bob@sign.example"
    assert letter["Subject"] == "New for you: Demo: Ada New"
    for said in (
        'Why: Rule "DACH inbound", version 1: for Bob Stone',
        "Email: ada@new.example",
        "What do you need? A <b>fast</b> start & a demo",
        "Team size? 51-500",
    ):
        assert said in plain(letter), said
    assert "What do you need? A &lt;b&gt;fast&lt;/b&gt; start &amp; a demo<br>" in html(letter)
    page = bob.get("/~acme/admin/notifications/").content.decode()
    assert "Team size? 51-500" in page and "A &lt;b&gt;fast&lt;/b&gt; start" in page
    api = Api(acme)
    api.key, api.secret = ApiKey.issue(acme, "own", "read", user=users.bob, rate_limit=100_000)
    (line,) = answered(api.call("GET", "/notifications"))["results"]
    assert line["detail"].splitlines()[1:] == [
        "Email: ada@new.example",
        "Name: Ada New",
        "What do you need? A <b>fast</b> start & a demo",
        "Team size? 51-500",
    ]


def test_it_is_told_in_the_language_of_its_reader(
    form: Any, inbound: Any, mailbox: Mailbox, users: SimpleNamespace, work: Any
) -> None:
    users.bob.language = "de"
    users.bob.save()
    submit(form)
    from_log.read_log()
    work(later=True)
    (letter,) = mailbox.letters
    assert letter["Subject"] == "Neu für Sie: Demo: Ada New"
    assert "Warum: Regel „DACH inbound“, Version 1: für Bob Stone" in plain(letter)
    assert "Team size? 51-500" in plain(letter)


def test_a_lead_of_somebody_known_is_its_owners_and_told_alike(
    form: Any, mailbox: Mailbox, people: SimpleNamespace, users: SimpleNamespace, work: Any
) -> None:
    Contact.create(name="Ada New", email="ada@new.example", owner=people.bob)
    submit(form)
    from_log.read_log()
    work(later=True)
    (letter,) = mailbox.letters
    assert "New for you: Demo: Ada New" in letter["Subject"] + plain(letter)
    assert "Team size? 51-500" in plain(letter) and "Why:" not in plain(letter)


def test_leads_that_came_another_way_have_no_answers_of_others(
    form: Any, inbound: Any, users: SimpleNamespace
) -> None:
    submit(form)
    with by(users.cleo):
        Lead.create(name="By hand", source="event")
    from_log.read_log()
    with by(users.bob):
        (row,) = wording.lines_of(list(inbox.rows_of(users.bob.pk)))
    details = {part.text: part.detail for part in row.parts}
    assert "Team size?" in details["New for you: Demo: Ada New"]
    assert details["New for you: By hand"].startswith('Why: Rule "DACH inbound"')
    assert "\n" not in details["New for you: By hand"]


def test_many_leads_with_answers_cost_as_many_statements_as_one(
    form: Any, inbound: Any, users: SimpleNamespace
) -> None:
    def statements() -> int:
        found = list(inbox.notifications_of(users.bob.pk).filter(kind="assigned"))
        with by(users.bob), CaptureQueriesContext(connection) as seen:
            lines = wording.lines_of_groups([[each] for each in found])
        assert all("Team size? 51-500" in line.detail for line in lines)
        return len(seen)

    submit(form)
    from_log.read_log()
    statements()
    one = statements()
    for number in range(4):
        submit(form, email=f"new{number}@new.example", name=f"New {number}")
    from_log.read_log()
    assert inbox.notifications_of(users.bob.pk).filter(kind="assigned").count() == 5
    assert statements() == one

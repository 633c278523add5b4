"""Many visitors at the same moment, with real threads on PostgreSQL."""

from __future__ import annotations

import itertools
from typing import Any

import pytest

from crm import Contact, Lead
from headlessly.access import actors
from headlessly.log.events import Event
from marketing import Form
from tests.headlessly.test_races import assert_nothing_dangles, assert_whole_log, at_once

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("acme")]

FIELDS = [{"name": "email", "type": "email"}, {"name": "phone", "type": "phone"}]


def published(name: str) -> Form:
    return Form.create(name=name, fields=FIELDS).publish()


#: Each visit says something else, or it would be the one before, sent twice.
numbers = itertools.count(1_000_000)


def visit(form: Form, email: str, times: int = 1) -> Any:
    def submit() -> None:
        for _ in range(times):
            with actors.acting(actors.PUBLIC):
                Form.submit(form.pk, email=email, phone=f"555 {next(numbers)}")

    return submit


def test_it_loses_no_submission_of_many() -> None:
    form = published("Demo")
    calls = [visit(form, f"visitor{n % 4}@people.example", times=5) for n in range(12)]
    assert at_once(*calls) == [None] * 12
    assert Form.get(form.pk).submission_count == Lead.count() == 60
    assert Contact.count() == 4
    assert Event.objects.filter(name="Form.Submitted").count() == 60
    assert Event.objects.filter(name="form_submitted").count() == 60
    assert_whole_log()
    assert_nothing_dangles()


def test_it_makes_one_contact_of_who_sends_several_forms_at_once() -> None:
    """Their forms are locked each for itself, so all of them look for the contact and find none."""
    for number in range(5):
        forms = [published(f"Form {n}") for n in range(6)]
        answers = at_once(*(visit(form, f"new{number}@people.example") for form in forms))
        assert answers == [None] * 6
        assert Contact.count({"email": f"new{number}@people.example"}) == 1
        assert {Form.get(form.pk).submission_count for form in forms} == {1}
    assert Lead.count() == 30
    assert_whole_log()


def test_it_goes_on_while_others_work_on_the_same_records() -> None:
    """Submitting, renaming the form, enriching and merging the contact: no deadlock, nothing lost."""
    form = published("Demo")
    ada = Contact.create(name="Ada", email="ada@people.example")
    twin = Contact.create(name="Twin", email="twin@people.example")

    def rename() -> None:
        for number in range(6):
            Form.update(form.pk, name=f"Demo {number}")

    def enrich() -> None:
        for number in range(6):
            Contact.update(ada.pk, title=f"Title {number}")

    def merge() -> None:
        Contact.merge(twin.pk, into=ada.pk)

    answers = at_once(
        visit(form, "ada@people.example", 5),
        visit(form, "twin@people.example", 5),
        visit(form, "ada@people.example", 5),
        rename,
        enrich,
        merge,
    )
    assert answers == [None] * 6
    assert Form.get(form.pk).submission_count == Lead.count() == 15
    assert_whole_log()
    assert_nothing_dangles()


def test_it_makes_one_lead_of_what_is_sent_eight_times_at_once() -> None:
    form = published("Demo")
    with actors.acting(actors.PUBLIC):
        Form.submit(form.pk, email="first@people.example", phone="555 0100")
    for email in ("first@people.example", "second@people.example"):

        def send(email: str = email) -> None:
            with actors.acting(actors.PUBLIC):
                Form.submit(form.pk, email=email, phone="555 0100")

        assert at_once(*[send] * 8) == [None] * 8
    assert Form.get(form.pk).submission_count == Lead.count() == 2
    assert Event.objects.filter(name="Form.Submitted").count() == 2
    assert_whole_log()

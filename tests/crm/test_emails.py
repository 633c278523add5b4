"""Emails are written from the pages of records, go out seconds later, and say how it went."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from crm import Activity, Contact, EmailTemplate, Lead
from headlessly.access import actors, tenancy
from headlessly.context import clock
from headlessly.errors import Invalid, VerbRefused
from headlessly.log.events import Event
from tests.headlessly.admin.conftest import bob, users
from tests.headlessly.notifications.mailbox import mailbox, plain

__all__ = ["bob", "mailbox", "users"]

TO = "ada@acme.example"
WORDS = {"recipient": TO, "subject": "Our offer", "description": "Dear Ada,\n\nhere it is.\n\nBob"}


@pytest.fixture
def lead(people: Any) -> Any:
    return Lead.create(name="Platform", source="web", contact=people.ada, owner=people.bob)


def test_it_goes_out_in_the_name_of_the_owner_and_is_answered_to_them(
    lead, people, mailbox, work, settings
):
    settings.DEFAULT_FROM_EMAIL = "crm@acme.example"
    people.bob.update(email="bob@acme.example")
    email = Activity.send(lead=lead, **WORDS)
    assert (email.type, email.direction, email.status) == ("Email", "Outbound", "Completed")
    assert (email.contact_id, email.assignee_id) == (people.ada.pk, people.bob.pk)
    assert (email.delivery, email.recipient) == ("Waiting", TO)
    assert work() == [] and not mailbox.letters, "it waits for ten seconds"
    assert work(later=True) == ["crm.send_email"]
    (letter,) = mailbox.letters
    assert (letter["To"], letter["Subject"]) == (TO, "Our offer")
    assert (letter["From"], letter["Reply-To"]) == (
        f"{people.bob} <crm@acme.example>",
        "bob@acme.example",
    )
    assert letter["Message-ID"].startswith(f"<{email.pk}@")
    assert plain(letter).strip() == WORDS["description"]
    assert Activity.get(email.pk).delivery == "Sent"
    assert [e.name for e in Activity.history(email)] == ["Activity.Updated", "Activity.Sent"]
    assert Lead.get(lead.pk).last_activity_at == email.completed_at


def test_it_is_sent_once_and_not_if_it_was_taken_back_before(lead, mailbox, work):
    from crm.emails import send_email

    email = Activity.send(lead=lead, **WORDS)
    work(later=True)
    send_email.defer(activity=email.pk)  # as a worker that was lost leaves it
    work()
    back = Activity.send(lead=lead, **WORDS)
    Activity.delete(back.pk)
    work(later=True)
    assert len(mailbox.letters) == 1


def test_what_has_gone_out_is_not_taken_back(api, lead, mailbox, work):
    sent = api.call("POST", "/activities/send", {"lead": lead.pk, **WORDS})
    assert sent.status_code == 201, sent.content
    request = Event.objects.get(target=sent.json()["$id"]).request_id
    work(later=True)
    answer = api.call("POST", f"/requests/{request}/undo", {})
    assert Activity.objects.filter(pk=sent.json()["$id"]).exists()
    assert "Delivery: changed again since" in answer.content.decode()


def test_a_dry_run_sends_nothing(api, lead, mailbox, work):
    answer = api.call("POST", "/activities/send?dryRun=true", {"lead": lead.pk, **WORDS})
    assert answer.status_code == 200, answer.content
    assert work(later=True) == [] and not Activity.objects.exists()


def test_a_server_that_is_busy_is_asked_again(lead, mailbox, work):
    from smtplib import SMTPDataError

    mailbox.broken = 1
    email = Activity.send(lead=lead, **WORDS)
    with pytest.raises(SMTPDataError):
        work(later=True)
    assert Activity.get(email.pk).delivery == "Waiting" and not mailbox.letters
    from crm.emails import give_up

    give_up(email.pk)
    failed = Activity.get(email.pk)
    assert (failed.delivery, failed.delivery_problem) == (
        "Failed", "The mail server took it in none of its attempts."
    )  # fmt: skip


def test_an_address_that_is_refused_is_said_at_once_and_stands_on_the_senders_day(
    bob, lead, people, mailbox, work
):
    async def refuse(server: Any, session: Any, envelope: Any, address: str, options: Any) -> str:
        return "550 No such user"

    mailbox.handle_RCPT = refuse
    email = Activity.send(lead=lead, **WORDS)
    work(later=True)
    failed = Activity.get(email.pk)
    assert (failed.delivery, failed.delivery_problem) == ("Failed", "550 No such user")
    day = bob.get("/~acme/admin/").content.decode()
    assert "Email not delivered" in day and f"/activity/{email.pk}/" in day


@pytest.mark.parametrize("status", ["Unsubscribed", "Bounced"])
@pytest.mark.parametrize("named", [True, False])
def test_who_gets_no_emails_is_written_none(people, status, named):
    people.ada.update(status=status, other_emails=["ada@home.example"])
    given = {"contact": people.ada, "recipient": "new@acme.example"} if named else {}
    for more in ({}, {} if named else {"recipient": "ada@home.example"}):
        with pytest.raises(Invalid, match="gets no emails") as refused:
            Activity.send(**WORDS | given | more)
        assert refused.value.field == "recipient"
    assert not Activity.objects.exists()


def test_an_email_to_a_known_address_stands_with_its_contact(people):
    assert Activity.send(**WORDS).contact_id == people.ada.pk
    assert Activity.send(**WORDS | {"recipient": "new@acme.example"}).contact_id is None


def test_it_says_all_that_is_missing(acme):
    with pytest.raises(Invalid) as refused:
        Activity.send()
    assert {e["field"] for e in refused.value.details} == {"subject", "description", "recipient"}


def test_what_was_taken_back_goes_out_when_it_comes_back_soon(lead, mailbox, work):
    email = Activity.send(lead=lead, **WORDS)
    email.delete()
    work(later=True)
    Activity.restore(email.pk)
    work(later=True)
    assert (Activity.get(email.pk).delivery, len(mailbox.letters)) == ("Sent", 1)


def test_what_comes_back_later_is_not_sent_by_surprise(lead, mailbox, work):
    with clock.set_clock(timezone.now() - timedelta(hours=2), purpose="demo"):
        email = Activity.send(lead=lead, **WORDS)
        email.delete()
    work(later=True)
    Activity.restore(email.pk)
    failed = Activity.get(email.pk)
    assert (failed.delivery, failed.delivery_problem) == (
        "Failed", "It was taken back before it went out."
    )  # fmt: skip
    assert work(later=True) == [] and not mailbox.letters


def test_where_it_is_stays_when_its_fields_go_back(lead, mailbox, work):
    email = Activity.send(lead=lead, **WORDS)
    work(later=True)
    Activity.update(email.pk, subject="Another")
    back = Activity.rollback(email.pk, as_of=email.created_at)
    assert (back.subject, Activity.get(email.pk).delivery) == ("Our offer", "Sent")


def test_a_fault_of_the_installation_is_no_fault_of_the_email(lead, mailbox, work, settings):
    from smtplib import SMTPSenderRefused

    async def refuse(*_: Any) -> str:
        return "550 Not from there"

    mailbox.handle_MAIL = refuse
    email = Activity.send(lead=lead, **WORDS)
    with pytest.raises(SMTPSenderRefused):
        work(later=True)
    assert Activity.get(email.pk).delivery == "Waiting"
    gone = Activity.send(lead=lead, **WORDS)
    settings.MAIL_IS_SET_UP = False
    work(later=True)
    assert Activity.get(gone.pk).delivery_problem == "No mail server is set up any more."


def test_a_name_with_a_line_break_makes_no_header(lead, people, mailbox, work):
    people.bob.update(name="Bob\nBcc: eve@x.example")
    Activity.send(lead=lead, **WORDS)
    work(later=True)
    assert mailbox.letters[0]["Bcc"] is None and "Bob Bcc:" in mailbox.letters[0]["From"]


def test_without_a_mail_server_it_says_what_is_missing(lead, settings):
    settings.MAIL_IS_SET_UP = False
    with pytest.raises(VerbRefused, match="EMAIL_URL"):
        Activity.send(lead=lead, **WORDS)


# -- templates ------------------------------------------------------------------------------------


@pytest.fixture
def template(acme: Any) -> Any:
    return EmailTemplate.create(
        name="First words", about="Lead", subject="{{name}}",
        body="Hello {{contact.firstName|there}},\n\n{{owner.name}} here, of {{organization.name|us}}.",
    )  # fmt: skip


def test_a_template_says_what_each_record_has(lead, people, template):
    people.ada.update(first_name="Ada")
    assert template.first_values(lead) == {
        "subject": "Platform", "description": f"Hello Ada,\n\n{people.bob} here, of us.",
    }  # fmt: skip
    people.ada.update(first_name=None)
    assert template.first_values(Lead.get(lead.pk))["description"].startswith("Hello there,")


PAGE = "/~acme/admin/crm/lead/{}/change/"


def test_the_page_of_a_lead_begins_with_a_template_and_sends(
    bob, lead, people, template, mailbox, work
):
    place = PAGE.format(lead.pk)
    page = bob.get(place).content.decode()
    link = f"{place}?write=Email&amp;begin={template.pk}"
    assert link in page and f'value="{TO}"' in page
    queue = "in=view%3Dall"  # whoever works a list stays in it
    assert (
        f"{place}?{queue}&amp;write=Email&amp;begin="
        in bob.get(f"{place}?{queue}").content.decode()
    )
    begun = bob.get(link.replace("&amp;", "&")).content.decode()
    assert "Hello there," in begun and 'value="Platform"' in begun
    written = {name: WORDS[name] for name in ("recipient", "subject", "description")}
    answer = bob.post(f"/~acme/admin/crm/lead/{lead.pk}/touch/Email/", written)
    assert answer.status_code == 302
    work(later=True)
    (letter,) = mailbox.letters
    assert letter["To"] == TO
    assert "Our offer" in bob.get(place).content.decode()
    answer = bob.post(f"/~acme/admin/crm/lead/{lead.pk}/touch/Email/", written | {"recipient": "?"})
    assert answer.status_code == 422 and "Our offer" in answer.content.decode()
    people.ada.update(status="Unsubscribed")
    answer = bob.post(f"/~acme/admin/crm/lead/{lead.pk}/touch/Email/", written)
    assert answer.status_code == 422 and "gets no emails" in answer.content.decode()


def test_it_is_offered_only_where_there_is_somebody_and_a_server(bob, lead, settings):
    from crm import Organization

    corp = Organization.create(name="Nobody's")
    assert (
        "write-email"
        not in bob.get(f"/~acme/admin/crm/organization/{corp.pk}/change/").content.decode()
    )
    assert "write-email" in bob.get(PAGE.format(lead.pk)).content.decode()
    settings.MAIL_IS_SET_UP = False
    assert "write-email" not in bob.get(PAGE.format(lead.pk)).content.decode()


@pytest.mark.parametrize(
    ("given", "field", "said"),
    [
        ({"body": "Hello {{contact.firstname}}"}, "body", "Did you mean 'firstName'"),
        ({"subject": "{{budget.name}}"}, "subject", "no reference"),
        ({"about": "Leed"}, "about", "Use one of Lead, Deal, Contact."),
        ({"subject": "{{budget}}", "about": "Contact"}, "subject", "no field budget"),
    ],
)
def test_a_place_that_is_not_there_is_refused_when_it_is_saved(template, given, field, said):
    with pytest.raises(Invalid, match=said) as refused:
        template.update(**given)
    assert field in [each["field"] for each in refused.value.details]


def test_nothing_of_another_tenant_is_sent_or_begun_with(api, bob, people, lead, rival):
    with tenancy.active(rival):
        theirs = Contact.create(name="Rita", email="rita@rival.example")
        words = EmailTemplate.create(name="Theirs", about="Lead", subject="a", body="Secret")
    answer = api.call("POST", "/activities/send", {**WORDS, "contact": theirs.pk})
    assert answer.status_code == 422 and answer.json()["field"] == "contact"
    answer = api.call("POST", "/activities/send", WORDS | {"recipient": theirs.email})
    assert answer.json()["contact"] is None
    page = bob.get(f"{PAGE.format(lead.pk)}?write=Email&begin={words.pk}")
    assert page.status_code == 200 and "Secret" not in page.content.decode()


def test_a_limited_rep_learns_of_no_contact_that_they_do_not_see(acme, people):
    from headlessly.access.models import Membership, User

    acme.limits_reps = True
    acme.save()
    user = User.objects.create_user("bob@sign.example", first_name="Bob")
    member = Membership.objects.create(user=user, tenant=acme, role="rep", contact=people.bob)
    people.ada.update(owner=people.cleo)
    with actors.acting(member.actor):
        assert Activity.send(**WORDS).contact_id is None
    people.ada.update(status="Unsubscribed")
    with actors.acting(member.actor), pytest.raises(Invalid) as refused:
        Activity.send(**WORDS)
    assert TO in str(refused.value) and people.ada.name not in str(refused.value)


def test_that_it_has_gone_is_not_taken_back(api, lead, mailbox, work):
    email = Activity.send(lead=lead, **WORDS)
    work(later=True)
    noted = Event.objects.filter(target=email.pk, name="Activity.Updated").get()
    api.call("POST", f"/requests/{noted.request_id}/undo", {})
    assert Activity.get(email.pk).delivery == "Sent"
    assert work(later=True) == [] and len(mailbox.letters) == 1

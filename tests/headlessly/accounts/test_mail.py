"""Letters: in their reader's language, read in a checkout, and not sent where they are void by then."""

from __future__ import annotations

from django.core.mail import EmailMessage, get_connection
from django.test import Client

from headlessly.access.models import User
from headlessly.accounts import invitations, mail
from tests.headlessly.accounts.letters import link_in


def test_it_is_written_in_the_language_of_its_reader(acme, work, mailoutbox):
    user = User.objects.create_user("bob@sign.example", language="de")
    mail.notify(user, "password")
    mail.send_later(mail.mail_password_link, user=user.pk)
    work()
    assert [letter.subject for letter in mailoutbox] == [
        "Ihr Passwort wurde geändert",
        "Neues Passwort wählen",
    ]


def test_it_has_no_line_of_its_own_for_what_people_type(acme, work, mailoutbox):
    acme.name = "Acme\nBcc: all@sign.example"
    acme.save()
    invitations.invite(
        email="new@sign.example", first_name="N", last_name="", role="rep", contact_id=None
    )
    work()
    (letter,) = mailoutbox
    assert letter.subject == "Acme Bcc: all@sign.example invites you"
    assert letter.recipients() == ["new@sign.example"]


def test_a_withdrawn_invitation_and_an_inactive_account_are_sent_nothing(acme, work, mailoutbox):
    made = invitations.invite(
        email="new@sign.example", first_name="N", last_name="", role="rep", contact_id=None
    )
    invitations.withdraw(made)
    user = User.objects.create_user("bob@sign.example", is_active=False)
    mail.notify(user, "password")
    mail.send_later(mail.mail_password_link, user=user.pk)
    work()
    assert not mailoutbox


def test_its_links_lead_to_this_site_whatever_host_a_request_names(acme, work, mailoutbox):
    User.objects.create_user("bob@sign.example")
    Client().post("/forgotten", {"email": "bob@sign.example"}, headers={"host": "127.0.0.1"})
    work()
    assert link_in(mailoutbox[0]).startswith("/password/user_")


def test_a_checkout_shows_what_it_would_have_sent(db, settings, tmp_path):
    settings.EMAIL_FILE_PATH = str(tmp_path)
    assert "Nothing yet" in Client().get("/mail/").content.decode()
    backend = "django.core.mail.backends.filebased.EmailBackend"
    connection = get_connection(backend, file_path=str(tmp_path))
    text = "Come in:\n\nhttp://testserver/invitation/x/y\n\n<b>“Grüße”</b>"
    for subject in ("First", "Second"):
        EmailMessage(subject, text, to=["a@b.example"], connection=connection).send()
    page = Client().get("/mail/").content.decode()
    assert "First" in page and "Second" in page and "“Grüße”" in page
    assert '<a href="http://testserver/invitation/x/y">' in page and "<b>“" not in page
    settings.PRODUCTION = True
    assert Client().get("/mail/").status_code == 404

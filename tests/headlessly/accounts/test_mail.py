"""Letters: in their reader's language, read in a checkout, and not sent where they are void by then."""

from __future__ import annotations

import email
import re
from email.policy import default

import pytest
from django.core.mail import EmailMessage, EmailMultiAlternatives, get_connection
from django.test import Client

from headlessly.access import actors
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


def test_who_asks_for_one_link_after_the_other_is_told_to_look_for_them(acme, work, mailoutbox):
    ask = {"email": "bob@sign.example"}
    *sent, last = (Client().post("/forgotten", ask) for _ in range(4))
    assert [page.status_code for page in sent] == [200] * 3
    assert last.status_code == 429
    assert "Several links were asked for already. Look into your mail" in last.content.decode()


def test_an_invitation_to_somebody_new_is_in_the_language_of_who_invites(acme, work, mailoutbox):
    bob = User.objects.create_user("bob@sign.example", language="de", first_name="Bob")
    with actors.acting(actors.Actor(bob.pk, "Bob", "admin")):
        invitations.invite(
            email="new@sign.example", first_name="N", last_name="", role="rep", contact_id=None
        )
    User.objects.create_user("old@sign.example", language="en")
    with actors.acting(actors.Actor(bob.pk, "Bob", "admin")):
        invitations.invite(
            email="old@sign.example", first_name="O", last_name="", role="rep", contact_id=None
        )
    work()
    new, old = sorted(mailoutbox, key=lambda letter: letter.to)
    assert new.subject == "Acme lädt Sie ein"
    assert "Bob lädt Sie ein, mit Acme in headlessly zu arbeiten." in new.body
    assert old.subject == "Acme invites you", "who has a language reads their own"


@pytest.mark.parametrize("language", ["en", "de"])
def test_links_are_read_as_text_and_as_html(acme, work, mailoutbox, language):
    """An invitation, a link for a password and a notice: the same in both, in the language of the reader."""
    bob = User.objects.create_user("bob@sign.example", language=language, first_name="Bob <b>")
    with actors.acting(actors.Actor(bob.pk, "Bob", "admin")):
        invitations.invite(
            email="new@sign.example", first_name="N", last_name="", role="rep", contact_id=None
        )
    mail.send_later(mail.mail_password_link, user=bob.pk, asked_by=bob.pk)
    mail.notify(bob, "browser", browser="Firefox", address="192.0.2.7")
    work()
    assert len(mailoutbox) == 3
    said = {
        "en": ("Come in by this link", "Choose it by this link", "safety of your account"),
        "de": (
            "Über diesen Link kommen Sie hinein",
            "Wählen Sie es über diesen Link",
            "Sicherheit Ihres Kontos",
        ),
    }[language]
    for letter, sentence in zip(mailoutbox, said, strict=True):
        message = email.message_from_bytes(letter.message().as_bytes(), policy=default)
        plain = message.get_body(("plain",)).get_content()
        html = message.get_body(("html",)).get_content()
        assert sentence in plain and sentence in html
        assert f'<html lang="{language}">' in html and "<b>" not in html
        for link in re.findall(r"https?://\S+", plain):
            assert f'href="{link}"' in html
        assert message["List-Unsubscribe"] is None, "nobody unsubscribes from these"
    assert "/invitation/" in mailoutbox[0].body and "/password/" in mailoutbox[1].body


def test_a_checkout_shows_the_html_in_a_frame_that_loads_and_runs_nothing(db, settings, tmp_path):
    settings.EMAIL_FILE_PATH = str(tmp_path)
    backend = "django.core.mail.backends.filebased.EmailBackend"
    connection = get_connection(backend, file_path=str(tmp_path))
    letter = EmailMultiAlternatives("Hello", "Text", to=["a@b.example"], connection=connection)
    letter.attach_alternative("<p style='color:red'>Grüße</p><script>1</script>", "text/html")
    letter.send()
    browser = Client(headers={"accept-language": "de"})
    page = browser.get("/outbox/")
    assert "Was verschickt worden wäre" in page.content.decode()
    assert "frame-src 'self'" in page["Content-Security-Policy"]
    (address,) = re.findall(r'<iframe sandbox loading="lazy" src="([^"]+)"', page.content.decode())
    shown = browser.get(address)
    assert "Grüße" in shown.content.decode()
    policy = shown["Content-Security-Policy"]
    assert (
        "default-src 'none'" in policy and policy.endswith("; sandbox") and "script" not in policy
    )
    assert shown["X-Frame-Options"] == "SAMEORIGIN"
    for wrong in ("/outbox/x/0/", address.replace("/0/", "/7/"), "/outbox/..%2Fx/0/"):
        assert browser.get(wrong).status_code == 404
    settings.PRODUCTION = True
    assert browser.get(address).status_code == 404


def test_a_checkout_shows_what_it_would_have_sent(db, settings, tmp_path):
    settings.EMAIL_FILE_PATH = str(tmp_path)
    assert "Nothing yet" in Client().get("/outbox/").content.decode()
    backend = "django.core.mail.backends.filebased.EmailBackend"
    connection = get_connection(backend, file_path=str(tmp_path))
    text = "Come in:\n\nhttp://testserver/invitation/x/y\n\n<b>“Grüße”</b>"
    for subject in ("First", "Second"):
        EmailMessage(subject, text, to=["a@b.example"], connection=connection).send()
    page = Client().get("/outbox/").content.decode()
    assert "First" in page and "Second" in page and "“Grüße”" in page
    assert '<a href="http://testserver/invitation/x/y">' in page and "<b>“" not in page
    settings.PRODUCTION = True
    assert Client().get("/outbox/").status_code == 404

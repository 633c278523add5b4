"""Emails about accounts: links to get in, and notices of what happened to an account.

Each email is a job, written in its reader's language. Links are made when the email is sent, so no queue
and no database dump contains one.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.contrib.auth.tokens import default_token_generator
from django.core.mail import EmailMultiAlternatives
from django.template.loader import render_to_string
from django.utils import timezone, translation
from django.utils.translation import gettext as _
from procrastinate import RetryStrategy

from headlessly.access import actors, tenancy
from headlessly.access.models import Tenant, User
from headlessly.accounts.models import Invitation
from headlessly.background.jobs import Job, job
from headlessly.context import tracing
from headlessly.context.tenant_scope import every_tenant
from headlessly.language.languages import ENGLISH

#: If a mail server is down: retried at growing intervals for about a day.
AGAIN = RetryStrategy(max_attempts=8, wait=30, exponential_wait=4)


def is_set_up() -> bool:
    """Whether emails can be sent."""
    return settings.MAIL_IS_SET_UP


def sending_host() -> str:
    """Returns the host in the ids of messages."""
    return settings.SITE_URL.split("://")[-1].split("/")[0].split(":")[0]


def send_later(letter: Job, **arguments: Any) -> None:
    """Sends an email after the commit, as the system and without a tenant; nothing if no mail is set up."""
    if is_set_up():
        with tenancy.active(None), actors.acting(actors.SYSTEM), tracing.request_id_scope():
            letter.defer(**arguments)


def password_path(user: User) -> str:
    """Returns the path of a link to choose a password, which works once, within an hour."""
    return f"/password/{user.pk}/{default_token_generator.make_token(user)}"


def invitation_path(invitation: Invitation) -> str:
    """Returns the path of the link to accept an invitation, which works once, until the invitation
    expires."""
    return f"/invitation/{invitation.pk}/{invitation.token}"


@job("accounts.mail_invitation", retry=AGAIN)
def mail_invitation(invitation: str) -> None:
    """Sends the link of an invitation if it is still open."""
    with every_tenant():
        found = Invitation.objects.select_related("tenant").filter(pk=invitation).first()
    if found is None or not found.is_open:
        return
    user = User.objects.with_email(found.email).first()
    inviter = User.objects.filter(pk=found.invited_by).first()
    # Somebody without an account has no language: the email is in that of the person who invites them.
    with _read_by(user or inviter):
        context = {"tenant": found.tenant.name, "who": inviter or _("Somebody")}
        _send(
            found.email,
            _("%(tenant)s invites you") % context,
            _("%(who)s invites you to work with %(tenant)s in headlessly.") % context,
            _("Come in by this link. It works once, for a week:"),
            settings.SITE_URL + invitation_path(found),
            _("If you did not expect this, do nothing: nobody gets in without the link."),
        )


@job("accounts.mail_password_link", retry=AGAIN)
def mail_password_link(user: str, asked_by: str | None = None) -> None:
    """Sends a link to choose a new password; ``asked_by`` is the admin who requested it, if any."""
    found = User.objects.filter(pk=user, is_active=True).first()
    if found is None:
        return
    asker = User.objects.filter(pk=asked_by).first() if asked_by else None
    with _read_by(found):
        _send(
            found.email,
            _("Choose a new password"),
            _("%s has this link sent to you.") % asker
            if asker
            else _("Somebody, you we suppose, asked for a new password."),
            _("Choose it by this link. It works once, within the hour:"),
            settings.SITE_URL + password_path(found),
            _("If you did not want this, do nothing: your password stays as it is."),
        )


def _notices(details: dict[str, str]) -> dict[str, Callable[[], tuple[str, str]]]:
    """Returns the notices by name, each with its subject and its sentence."""
    return {
        "browser": lambda: (
            _("A sign-in from a new browser"),
            _("Somebody signed in with your password in %(browser)s, from %(address)s.") % details,
        ),
        "password": lambda: (_("Your password was changed"), _("Your password was changed.")),
        "guessing": lambda: (
            _("Somebody is trying passwords"),
            _(
                "Somebody tried several passwords for your account, from %(address)s, and has to wait now. "
                "If you cannot get in yourself, choose a new password by “Forgotten?” on the sign-in page."
            )
            % details,
        ),
        "key": lambda: (
            _("A new API key of yours"),
            _("The API key “%(name)s” was made in your name in %(tenant)s.") % details,
        ),
        "factor_added": lambda: (
            _("A second factor was added"),
            _("“%(name)s” now belongs to how you sign in.") % details,
        ),
        "factor_removed": lambda: (
            _("A second factor was removed"),
            _("“%(name)s” no longer belongs to how you sign in.") % details,
        ),
        "code": lambda: (
            _("A recovery code was used"),
            _("Somebody signed in with one of your recovery codes. %(left)s are left.") % details,
        ),
    }


@job("accounts.mail_notice", retry=AGAIN)
def mail_notice(user: str, notice: str, details: dict[str, str]) -> None:
    """Sends a notice about an account."""
    found = User.objects.filter(pk=user, is_active=True).first()
    if found is None:
        return
    with _read_by(found):
        subject, sentence = _notices(details)[notice]()
        _send(
            found.email,
            subject,
            sentence,
            _("It happened on %s (UTC).") % details["at"],
            _("If that was not you, choose a new password at once:"),
            f"{settings.SITE_URL}/forgotten",
            footer=Footer(
                _(
                    "This is about the safety of your account: it is sent whatever else you want by mail."
                )
            ),
        )


def notify(user: User, notice: str, **details: str) -> None:
    """Sends somebody a notice about their account."""
    at = f"{timezone.now():%Y-%m-%d %H:%M}"
    send_later(mail_notice, user=user.pk, notice=notice, details=details | {"at": at})


def notify_of_key(user: User, name: str, tenant: Tenant) -> None:
    notify(user, "key", name=name, tenant=tenant.name)


def _read_by(user: User | None) -> Any:
    return translation.override((user and user.language) or ENGLISH)


def _send(to: str, subject: str, *paragraphs: str, footer: Footer | None = None) -> None:
    """Sends an email of sentences and links, each a paragraph."""
    letter = [
        Paragraph(each, each if each.startswith(("http://", "https://")) else "")
        for each in paragraphs
    ]
    send_letter(to, subject, letter, footer=footer)


@dataclass(frozen=True)
class Paragraph:
    """A paragraph of an email: a sentence, or the text of a link with a small note."""

    text: str
    link: str = ""
    small: str = ""

    @property
    def plain(self) -> str:
        lines = (self.text, self.small, self.link if self.link != self.text else "")
        return "\n".join(line for line in lines if line)


@dataclass(frozen=True)
class Footer:
    """The reason for an email, and the links to unsubscribe: what from, the link, and its text."""

    text: str
    links: Sequence[tuple[str, str, str]] = ()

    @property
    def plain(self) -> str:
        said = (": ".join(filter(None, (of, f"{words}: {link}"))) for of, link, words in self.links)
        return "\n".join(("-- ", self.text, *said))


def send_letter(
    to: str,
    subject: str,
    paragraphs: Sequence[Paragraph],
    *,
    footer: Footer | None = None,
    headers: Mapping[str, str] | None = None,
    connection: Any = None,
) -> None:
    """Sends an email as plain text and as HTML, in the active language; by an open ``connection``, or by
    one of its own."""
    # Text that people typed may contain line breaks, which a subject must not.
    subject = " ".join(subject.split())
    plain = [each.plain for each in paragraphs]
    if footer is not None:
        plain.append(footer.plain)
    letter = EmailMultiAlternatives(
        subject,
        "\n\n".join(plain) + "\n",
        to=[to],
        headers=dict(headers or {}),
        connection=connection,
    )
    context: dict[str, Any] = {"subject": subject, "paragraphs": paragraphs, "footer": footer}
    letter.attach_alternative(render_to_string("headlessly/mail/letter.html", context), "text/html")
    letter.send()

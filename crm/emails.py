"""Sends the emails that people write, some seconds after they were written."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta
from email.utils import formataddr, parseaddr
from smtplib import SMTPDataError, SMTPRecipientsRefused
from typing import Any

from django.conf import settings
from django.core.mail import EmailMessage, get_connection
from django.utils import timezone
from django.utils.translation import gettext_noop

from crm.models import Activity
from headlessly.access import actors, tenancy
from headlessly.accounts.mail import AGAIN, is_set_up, sending_host
from headlessly.background.jobs import job
from headlessly.context import tracing
from headlessly.errors import NotFound
from headlessly.execution import executor
from headlessly.execution.executor import Context, one_transaction
from headlessly.ids import public_id
from headlessly.language.sayings import Saying
from headlessly.log.events import Event

#: How long an email waits, so that it can be taken back.
REGRET = timedelta(seconds=10)
#: How long after it was written an email is still sent that was taken back in between.
EXPECTED = timedelta(hours=1)
WAITING, SENT, FAILED = Activity.Delivery.WAITING, Activity.Delivery.SENT, Activity.Delivery.FAILED
NO_SERVER = Saying(gettext_noop("No mail server is set up any more."))
TAKEN_BACK = Saying(gettext_noop("It was taken back before it went out."))
NOT_REACHED = Saying(gettext_noop("The mail server took it in none of its attempts."))
SEND = Activity.verbs["send"]
NOTE = Activity.corrections["note_delivery"]


@contextmanager
def _own_request() -> Iterator[None]:
    """Acts as the system, in a request of its own: whoever takes back the one that wrote an email is told
    that it has gone out."""
    with actors.acting(actors.SYSTEM), tracing.request_id_scope(public_id("req")):
        yield


@Activity.sent
def send_soon(activity: Activity, ctx: Context) -> None:
    """The email goes out by itself."""
    send_email.defer(at=timezone.now() + REGRET, activity=activity.pk)


@job("crm.send_email", retry=AGAIN)
def send_email(activity: str) -> None:
    """Send an email that waits, unless it was taken back.

    It is noted as sent in the transaction in which it is sent: a worker that is killed between the answer of
    the mail server and the commit, which follows at once, sends it again with the same Message-ID.
    """
    with _own_request():
        found = Activity.objects.filter(pk=activity, delivery=WAITING).first()
        if found is None:
            return
        if not is_set_up():
            _fail(activity, NO_SERVER())
            return
        try:
            with get_connection() as connection, one_transaction():
                if _note(activity, SENT):
                    _message(found, connection).send()
        except (SMTPRecipientsRefused, SMTPDataError) as refused:
            code, said = _answer(refused)
            if code < 500:
                raise  # for the moment
            _fail(activity, f"{code} {said}")
        # Whatever else the server refuses is no fault of this email: the installation's address or password.


def _answer(refused: SMTPRecipientsRefused | SMTPDataError) -> tuple[int, str]:
    """Returns the code and the words by which a mail server refused an email."""
    answer: Any = (
        next(iter(refused.recipients.values()))
        if isinstance(refused, SMTPRecipientsRefused)
        else (refused.smtp_code, refused.smtp_error)
    )
    code, said = answer
    return code, said.decode(errors="replace") if isinstance(said, bytes) else str(said)


@Activity.restored
def send_after_all(activity: Activity, ctx: Context) -> None:
    """An email that was deleted while it waited goes out when it is brought back, unless so late that nobody
    expects it any more."""
    if activity.delivery != WAITING:
        return
    if activity.completed_at and activity.moment() - activity.completed_at < EXPECTED:
        send_soon(activity, ctx)
    else:
        _run_note(activity.pk, FAILED, TAKEN_BACK())


@Activity.rolled_back
@Activity.corrected
def keep_what_happened(activity: Activity, ctx: Context) -> None:
    """Where an email is does not go back with its other fields."""
    before = (ctx.event.previous or {}) if ctx.event is not None else {}
    if before.get("delivery") in (SENT, FAILED) and activity.delivery != before["delivery"]:
        problem = before.get("deliveryProblem", activity.delivery_problem)
        _run_note(activity.pk, before["delivery"], problem)


@send_email.on_failure
def give_up(activity: str) -> None:
    """Note that nothing could be sent, after the last attempt."""
    _fail(activity, NOT_REACHED())


def _fail(activity: str, problem: str) -> None:
    with suppress(NotFound), _own_request():  # it may have been deleted meanwhile
        _note(activity, FAILED, problem[:255])


def _note(activity: str, delivery: str, problem: str | None = None) -> bool:
    """Notes how it went with an email that waits, because it was written. Returns whether it did wait."""
    with one_transaction() as execution:
        if execution.lock(Activity, activity).delivery != WAITING:
            return False
        written = Event.log.filter(target=activity, name=SEND.event).first()
        execution.cause = written.id if written is not None else None
        _run_note(activity, delivery, problem)
    return True


def _run_note(activity: str, delivery: str, problem: str | None) -> None:
    executor.run(NOTE, activity, {"delivery": delivery, "delivery_problem": problem})


def _message(email: Activity, connection: Any) -> EmailMessage:
    """Returns the email: from the installation's address, in the name of who wrote it, whom answers go to."""
    sender = email.assignee
    _name, address = parseaddr(settings.DEFAULT_FROM_EMAIL)
    return EmailMessage(
        " ".join((email.subject or "").split()),
        email.description or "",
        formataddr((" ".join(str(sender or tenancy.require().name).split()), address)),
        [email.recipient or ""],
        reply_to=[sender.email] if sender is not None and sender.email else None,
        headers={"Message-ID": f"<{email.pk}@{sending_host()}>"},
        connection=connection,
    )

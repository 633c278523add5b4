"""Emails that are written from pages of records: to whom they go, in whose name, and whether they may."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from django.db.models import Q
from django.utils.translation import gettext as _

from headlessly.access import actors, visibility
from headlessly.accounts import mail
from headlessly.errors import Invalid, VerbRefused
from headlessly.language.wording import state_label

if TYPE_CHECKING:
    from crm.models.activity import Activity
    from crm.models.contact import Contact

#: The statuses of contacts that get no emails.
NO_EMAILS = ("Bounced", "Unsubscribed")


def address(email: Activity) -> None:
    """Say whom an email goes to and in whose name, unless said: to the contact with this address, in that of
    who acts, else of who owns what it is about.

    Raises VerbRefused without a mail server, and Invalid where the contact gets no emails.
    """
    if not mail.is_set_up():
        raise VerbRefused(
            _("No mail server is set up, so nothing can be sent. The operator sets EMAIL_URL."),
            code="mail_not_set_up",
        )
    contacts = cast("type[Contact]", email.registry["Contact"])
    known = contacts.find_id_by_unique(contacts.schema.by_name["email"], email.recipient)
    found = contacts.objects.filter(pk=known).first() if known else None
    sees = visibility.visible_owner_of_actor()  # a verb itself sees everything
    own = Q() if sees is None else visibility.visible_condition(contacts, sees)
    seen = found if found and contacts.objects.filter(own, pk=found.pk).exists() else None
    email.contact_id = email.contact_id or (seen.pk if seen else None)
    about: tuple[Any, ...] = (email.lead, email.deal, email.contact)
    owners = (each.owner_id for each in about if each is not None and each.owner_id)
    email.assignee_id = email.assignee_id or actors.current().contact_id or next(owners, None)
    person = found or email.contact
    if person is not None and person.status in NO_EMAILS:
        said = _("%(name)s gets no emails: the status is %(status)s.")
        name = person if seen or person is not found else email.recipient
        values = {"name": name, "status": state_label(person.status)}
        raise Invalid.for_fields({"recipient": said % values}, type="Activity")

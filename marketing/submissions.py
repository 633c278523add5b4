"""Turns a form's submission into a contact, a lead, and a tracked event with all answers.

Everything goes through the verbs of those nouns in the transaction of the submission, so that the log says
which submission made them, and a submission that fails leaves nothing.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import pgettext_lazy

from crm import replies
from crm.models import Contact, Deal, Lead
from headlessly.context import tracing
from headlessly.declaration.values import is_storable, to_json_value
from headlessly.errors import NotFound, VerbRefused
from headlessly.execution.executor import Context
from headlessly.nouns import Noun
from marketing import questions, touches
from marketing.models import Form
from marketing.question_names import (
    CONTACT_FIELDS,
    LEAD_FIELDS,
    meant_value,
    own_fields,
    plain_name,
)
from marketing.utm import campaign_of

SOURCE = "form"
EVENT = "form_submitted"
#: The texts of the event that is recorded here beside those of verbs.
RECORDED = (pgettext_lazy("event", "form submitted"), pgettext_lazy("label", "Page"))


def create_lead(form: Form, ctx: Context) -> None:
    """Create the lead of a submission, and track the submission."""
    answers = {
        n: v
        for n, v in ctx.input.items()
        if n not in questions.ATTRIBUTION_FIELDS and v is not None
    }
    utm = {n: v for n in questions.UTM if (v := ctx.input.get(n)) is not None}
    page = ctx.input.get(questions.PAGE) or _referrer()
    contact = _find_or_create_contact(form, ctx, answers)
    if not contact.is_new:
        _tell_who_works_them(contact, ctx)
    lead = ctx.Lead.create(
        **matching_values(Lead, LEAD_FIELDS, answers),
        name=f"{form.name}: {contact.name}"[:255],
        contact=contact,
        organization=contact.organization_id,
        owner=contact.owner_id,
        source=SOURCE,
        source_detail=page and page[:255],
        campaign=form.campaign_id or campaign_of(utm),
    )
    touches.touch_of_form(lead, ctx, page, ctx.input)
    kept = {"extras": dict(ctx.extras)} if ctx.extras else {}
    ctx.Event.create(
        name=EVENT,
        properties={
            "form": form.pk,
            "lead": lead.pk,
            "contact": contact.pk,
            "page": page,
            "utm": utm,
            "answers": {name: to_json_value(value) for name, value in answers.items()},
            **kept,
        },
    )


def _tell_who_works_them(contact: Contact, ctx: Context) -> None:
    """Note that a reply waits with the lead and the deal of a known sender that were last touched."""
    leads = Lead.objects.filter(
        contact=contact.pk, status__in=(Lead.Status.CONTACTED, Lead.Status.QUALIFIED)
    )
    deals = Deal.objects.filter(contact=contact.pk, stage__in=tuple(Deal.OPEN))
    for found in (leads, deals):
        latest = found.order_by("-last_activity_at", "-pk").first()
        if latest is not None:
            replies.note_return(latest, ctx)


def _find_or_create_contact(form: Form, ctx: Context, answers: Mapping[str, Any]) -> Contact:
    """Returns the contact with this email address, its empty fields filled in, or a new one."""
    email = answers.get(questions.email_question(form.fields) or "")
    if email is None:
        raise VerbRefused(_("This form has no email field to know a sender by"), code="no_email")
    said = matching_values(Contact, CONTACT_FIELDS, answers)
    said.setdefault("name", _fallback_name(said, email))
    known = _lock_contact(ctx, email)
    if known is None:
        return ctx.Contact.create(**said, email=email, source=SOURCE)
    return ctx.Contact.enrich(known, **new) if (new := known.gaps_filled_by(said)) else known


def _lock_contact(ctx: Context, email: str) -> Contact | None:
    """Returns the contact with this address, locked until the submission is done, or None."""
    while (id := Contact.find_id_by_unique(Contact.schema.by_name["email"], email)) is not None:
        try:
            return ctx.lock(Contact, id)
        except NotFound:
            pass  # deleted or merged while we waited for the lock: search again
    return None


def _fallback_name(said: Mapping[str, Any], email: str) -> str:
    """Returns a name for a contact who gave none: first and last name, else the part of the email before the
    @."""
    spoken = " ".join(filter(None, (said.get("first_name"), said.get("last_name"))))
    return (spoken or email.partition("@")[0])[:255]


def matching_values(
    noun: type[Noun], table: Mapping[str, str], answers: Mapping[str, Any]
) -> dict[str, Any]:
    """Returns the answers that are values of the noun's fields, including the tenant's own fields.

    An answer that does not fit its field is only kept in the log.
    """
    found: dict[str, Any] = {}
    own = own_fields(noun)
    for name, value in answers.items():
        field = noun.schema.by_name.get(table.get(re.sub(r"[^a-z]", "", name.lower()), ""))
        field = field or own.get(plain_name(name))
        if field is None or field.name in found:
            continue
        try:
            value = field.clean(meant_value(field, value), text=field.type == "choices")
        except ValueError:
            continue
        if value is not None:
            found[field.name] = value
    return found


def _referrer() -> str | None:
    page = tracing.referrer()
    return None if page is None or not is_storable(page) else page[:2000] or None

"""The hooks of marketing: consequences of verbs."""

from __future__ import annotations

from django.utils.translation import gettext as _

from headlessly.errors import VerbRefused
from headlessly.execution.executor import Context
from headlessly.language import wording
from marketing import questions, submissions
from marketing.models import Campaign, Form


@Campaign.launching
def require_somewhere_to_land_and_something_to_spend(campaign: Campaign, ctx: Context) -> None:
    """A campaign needs a landing page and a budget before its launch."""
    missing = {
        field: words
        for field, words, value in (
            ("landingPageUrl", _("a landing page"), campaign.landing_page_url),
            ("budget", _("a budget"), campaign.budget),
        )
        if value is None
    }
    if missing:
        said = _("A campaign needs %s before its launch")
        raise VerbRefused(
            said % wording.join_with_and(missing.values()),
            code="not_ready",
            field=next(iter(missing)),
            details=[{"field": f, "message": said % words} for f, words in missing.items()],
        )


# -- forms --------------------------------------------------------------------------------------------


@Form.publishing
def require_something_to_ask(form: Form, ctx: Context) -> None:
    """A form needs a field of type email: without it nobody could tell whom a lead is about."""
    if not form.fields or questions.email_question(form.fields) is None:
        said = (
            _("A form needs a field of type email before it is published")
            if form.fields
            else _("A form needs fields, one of them of type email, before it is published")
        )
        raise VerbRefused(said, code="not_ready", field="fields")


@Form.submitted
def make_a_lead(form: Form, ctx: Context) -> None:
    """Who sent a form is a lead: found or made by email, attributed, and all answers kept."""
    submissions.create_lead(form, ctx)

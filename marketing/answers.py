"""What the sender of a form answered, on the page of the lead that came of it."""

from __future__ import annotations

from typing import Any

from django.utils.translation import pgettext

from crm.models import Lead
from headlessly.access import actors
from headlessly.admin import display
from headlessly.admin.event_facts import properties
from headlessly.admin.records.panels import FactsPanel, record_panel
from headlessly.language import wording
from headlessly.log.events import Event
from marketing import questions, submissions
from marketing.models import Form

#: What a submission recorded stands in the log right behind the lead that it made.
WITHIN = 64


@record_panel(Lead)
def answers_panel(lead: Lead) -> FactsPanel | None:
    """All answers, also those that are no field of the lead, under the labels of the form's questions."""
    submission = find_submission(lead)
    answers = (submission.data or {}).get("answers") if submission else None
    if submission is None or not isinstance(answers, dict):
        return None
    form = Form.objects.filter(pk=submission.data.get("form")).first()
    asked = (
        {field["name"]: questions.question_label(field) for field in form.fields or ()}
        if form
        else {}
    )
    pairs: list[tuple[str, Any]] = [
        (asked.get(name) or wording.json_key_label(name), value)
        for name, value in properties(answers)
    ]
    if not pairs:
        return None
    origin = (str(form), display.page_url(Form, "change", form.pk)) if form else None
    return FactsPanel(pgettext("to the questions of a form", "Answers"), pairs, origin)


def find_submission(lead: Lead) -> Event | None:
    """The event of the submission that made this lead; None of a lead that came another way."""
    if lead.source != submissions.SOURCE and lead.created_by != actors.PUBLIC.id:
        return None
    made = Event.objects.filter(target=lead.pk, version=1).first()
    if made is None or made.cause is None:
        return None
    return Event.objects.filter(
        seq__gt=made.seq,
        seq__lte=made.seq + WITHIN,
        cause=made.cause,
        name=submissions.EVENT,
    ).first()

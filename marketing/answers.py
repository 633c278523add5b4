"""The answers of the form that made a lead, on the lead's page and in notifications about it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from django.db.models import Q
from django.utils.translation import pgettext

from crm.models import Lead
from headlessly.access import actors
from headlessly.admin import display
from headlessly.admin.event_facts import properties
from headlessly.admin.records.panels import FactsPanel, record_panel
from headlessly.language import wording
from headlessly.log.events import Event
from headlessly.notifications.record_facts import Fact, record_facts
from marketing import questions, submissions
from marketing.models import Form

#: How many events may lie in the log between a new lead and its submission.
WITHIN = 64


@record_panel(Lead)
def answers_panel(lead: Lead) -> FactsPanel | None:
    """Shows all answers under the labels of the form's questions, even those that fill no field of the
    lead."""
    submission = find_submission(lead)
    if submission is None:
        return None
    form = _forms_of([submission]).get(submission.data.get("form"))
    pairs = _answers_in(submission, form)
    if not pairs:
        return None
    origin = (str(form), display.page_url(Form, "change", form.pk)) if form else None
    return FactsPanel(pgettext("to the questions of a form", "Answers"), pairs, origin)


@record_facts(Lead)
def tell_answers(leads: Sequence[Lead]) -> dict[str, list[Fact]]:
    """Returns the answers for people who are notified of the leads, in emails and in the list of
    notifications."""
    submissions_of = find_submissions(leads)
    forms = _forms_of(submissions_of.values())
    return {
        lead: [
            (label, str(value))
            for label, value in _answers_in(submission, forms.get(submission.data.get("form")))
        ]
        for lead, submission in submissions_of.items()
    }


def _forms_of(found: Iterable[Event]) -> dict[str, Form]:
    ids = {id for each in found if (id := (each.data or {}).get("form"))}
    return {form.pk: form for form in Form.objects.filter(pk__in=ids)} if ids else {}


def _answers_in(submission: Event, form: Form | None) -> list[tuple[str, Any]]:
    """Returns the answers of a submission in the order and under the labels of its form's questions."""
    answers = (submission.data or {}).get("answers")
    if not isinstance(answers, dict):
        return []
    fields = (form.fields or ()) if form else ()
    asked = {field["name"]: questions.question_label(field) for field in fields}
    in_order = {name: answers[name] for name in asked if name in answers} | answers
    return [
        (asked.get(name) or wording.json_key_label(name), value)
        for name, value in properties(in_order)
    ]


def find_submission(lead: Lead) -> Event | None:
    """Returns the event of the submission that made this lead, or None if the lead came in another way."""
    return find_submissions([lead]).get(lead.pk)


def find_submissions(leads: Sequence[Lead]) -> dict[str, Event]:
    """Returns the events of the submissions that made these leads, by lead, in two statements."""
    by_form = [
        lead.pk
        for lead in leads
        if lead.source == submissions.SOURCE or lead.created_by == actors.PUBLIC.id
    ]
    if not by_form:
        return {}
    made = [
        each
        for each in Event.objects.filter(target__in=by_form, version=1)
        if each.cause is not None
    ]
    if not made:
        return {}
    places = Q()
    for each in made:
        places |= Q(seq__gt=each.seq, seq__lte=each.seq + WITHIN, cause=each.cause)
    causes: dict[str, Event] = {}
    for event in Event.objects.filter(places, name=submissions.EVENT).order_by("-seq"):
        causes[event.cause or ""] = event
    return {
        each.target: causes[each.cause] for each in made if each.target and each.cause in causes
    }

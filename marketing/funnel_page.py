"""The steps of a funnel in the browser: of a saved funnel, or of steps chosen on the page."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from django.http import HttpRequest, HttpResponse, QueryDict
from django.utils.translation import gettext as _

from headlessly.admin import NounAdmin, widgets
from headlessly.admin.dashboards.dashboard import Narrowing, period_choices, refuse_unknown
from headlessly.admin.dashboards.figures import Bar, Chart, Figure, Mark
from headlessly.admin.dashboards.report_text import percent_of, row_figures, table_of, value_text
from headlessly.admin.lists.address import past_moment
from headlessly.admin.past_days import read_past_days
from headlessly.declaration import labels
from headlessly.errors import HeadlesslyError
from headlessly.query.named_reports import Measured, Row, reports
from headlessly.query.report_answers import NONE
from headlessly.query.reports import Records
from marketing import funnels
from marketing.funnel_report import (
    PARAMETERS,
    MeasuredFunnel,
    Question,
    measure_funnel,
    read_question,
)
from marketing.models import Funnel

#: How many saved funnels can be chosen, and how many steps.
MOST_FUNNELS, CHOICES = 200, 6


def show_steps(admin: NounAdmin, request: HttpRequest) -> HttpResponse:
    """Show the funnel that the address asks for.

    The address gives ``funnel`` or several ``step``, a period, an owner, a campaign, ``by`` and ``asOf``.
    """
    offered = funnels.offered_events()
    # Events are shown in words, and can be typed in words too.
    by_word = {label.casefold(): event for event, label in offered}
    typed = [step.strip() for step in request.GET.getlist("step") if step.strip()]
    chosen = [by_word.get(step.casefold(), step) for step in typed]
    given = read_past_days(
        {k: text for k, v in request.GET.items() if k != "step" and (text := str(v).strip())}
    )
    if chosen:
        given = {k: text for k, text in given.items() if k != "funnel"} | {
            "steps": ",".join(chosen)
        }
    known = list(Funnel.objects.order_by("name", "pk")[:MOST_FUNNELS])
    if (
        not chosen
        and "funnel" not in given
        and (first := next((f for f in known if f.steps), None))
    ):
        given["funnel"] = first.pk
    narrowings = [Narrowing(field, admin.admin_site, given) for field in reports.fields()]
    context: dict[str, Any] = {}
    try:
        if "funnel" in given or chosen:
            moment = past_moment(given.get("asOf", ""))
            asked = given | ({"asOf": moment.isoformat()} if moment else {})
            refuse_unknown(given, ("step", *PARAMETERS))
            question = _in_words(read_question(asked))
            found = measure_funnel(question)
            context = {
                "question": question,
                "moment": question.slice.as_of,
                "chart": draw_funnel(question, found.whole),
                "compared": compare_groups(request.GET, question, found),
            }
    except HeadlesslyError as problem:
        context["problem"] = problem.message
    return admin.respond(
        request,
        "marketing/funnel_steps.html",
        title=_("Steps of funnels"),
        styles=["dashboard"],
        media=widgets.select2(),
        given=given,
        known=known,
        choices=[labels.event_title(chosen[n]) if n < len(chosen) else "" for n in range(CHOICES)],
        events=[label for _event, label in offered],
        presets=period_choices(given),
        narrowings=narrowings,
        **context,
    )


def _in_words(question: Question) -> Question:
    """Returns the question with chosen steps named after their events, as they have no names of their own."""
    if question.funnel is not None:
        return question
    return replace(question, steps=[(labels.event_title(e), e) for _name, e in question.steps])


def draw_funnel(question: Question, found: Measured) -> Chart:
    """Draws a bar for each step, its length the share of those who began that took it."""
    report = reports.require("funnel")
    bars: list[Bar] = []
    for row in found.rows or ():
        count, share, step = row_figures(report, row)
        part: Any = row.values["share"]
        bars.append(
            Bar(
                row.name,
                count,
                (Mark(0, percent_of(part, 100)),),
                _("%(all)s of all, %(step)s of the step before")
                % {"all": share.text, "step": step.text}
                if bars
                else "",
            )
        )
    begun: Any = (found.rows or ())[0].values["count"]
    return Chart(
        "funnel",
        bars if begun else (),
        table_of(report, found),
        _("Who took the first step in %(period)s, and how far they came since.")
        % {"period": question.slice.period.name},
        nothing=_("Nobody took the first step in this period."),
        wide=True,
        most=funnels.MOST_STEPS,
    )


@dataclass(frozen=True)
class Step:
    """How many of a group took a step, and which share of those who began."""

    count: Figure | str
    share: str
    bar: Mark


@dataclass(frozen=True)
class Compared:
    """The funnel of one group in a line. Its name links to that funnel alone."""

    name: str
    url: str
    steps: Sequence[Step]


def compare_groups(
    given: QueryDict, question: Question, found: MeasuredFunnel
) -> list[Compared] | None:
    """Returns the same steps for each group, after the line for all, or None if no groups are compared."""
    if question.by is None or found.groups is None:
        return None
    whole = found.whole.rows or ()
    lines = [Compared(_("All"), "", _steps(whole, [row.lists["count"] for row in whole]))]
    for group in found.groups:
        alone = given.copy()
        del alone["by"]
        alone[question.by.wire] = NONE if group.key is None else group.key
        url = "" if group.is_rest else f"?{alone.urlencode()}"
        lines.append(Compared(group.name, url, _steps(group.rows)))
    return lines


def _steps(rows: Sequence[Row], lists: Sequence[Records | None] = ()) -> list[Step]:
    found = []
    for number, row in enumerate(rows):
        share: Any = row.values["share"]
        count = value_text("number", row.values["count"])
        found.append(
            Step(
                Figure(count, lists[number]) if lists else count,
                value_text("percent", share),
                Mark(0, percent_of(share, 100)),
            )
        )
    return found

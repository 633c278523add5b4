"""The steps of a funnel in the browser: a saved one, or steps that are chosen on the page."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext as _

from headlessly.admin import NounAdmin, widgets
from headlessly.admin.dashboards.dashboard import Narrowing, period_choices, refuse_unknown
from headlessly.admin.dashboards.figures import Bar, Chart, Mark
from headlessly.admin.dashboards.report_text import percent_of, row_figures, table_of
from headlessly.admin.lists.address import past_moment
from headlessly.errors import HeadlesslyError
from headlessly.query.named_reports import reports
from marketing import funnels
from marketing.funnel_report import PARAMETERS, Question, measure_funnel, read_question
from marketing.models import Funnel

#: As many saved funnels can be chosen, and as many steps on the page.
MOST_FUNNELS, CHOICES = 200, 6


def show_steps(admin: NounAdmin, request: HttpRequest) -> HttpResponse:
    """The page of an address: ``funnel`` or several ``step``, a period, an owner, a campaign, ``asOf``."""
    chosen = [step for step in request.GET.getlist("step") if step.strip()]
    given = {k: text for k, v in request.GET.items() if k != "step" and (text := str(v).strip())}
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
            question = read_question(asked)
            context = {
                "question": question,
                "moment": question.slice.as_of,
                "chart": draw_funnel(question),
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
        choices=[chosen[n] if n < len(chosen) else "" for n in range(CHOICES)],
        events=funnels.verb_events(),
        presets=period_choices(given),
        narrowings=narrowings,
        **context,
    )


def draw_funnel(question: Question) -> Chart:
    """A bar for each step, as long as the part of those who began that took it."""
    report, found = reports.require("funnel"), measure_funnel(question)
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

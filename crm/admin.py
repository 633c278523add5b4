"""Admin pages of rules, beyond what their declaration gives them.

They show the runs of an automation, its failures and waiting steps, and what a rule would have done.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import path
from django.utils.functional import SimpleLazyObject
from django.utils.html import format_html
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_POST
from unfold.widgets import INPUT_CLASSES

from crm import places
from crm.attachments import file_address, file_html
from crm.models import Attachment, Organization, Pipeline, Rule, RuleAttempt, RuleRun
from crm.models.pipeline import usual_path
from crm.models.steps import fill_in
from crm.rules import runs
from crm.rules.active import active_rules
from crm.rules.backtest import trial
from crm.rules.backtest.panel import page_of
from crm.rules.operations import find_failures, find_runs
from crm.rules.step_text import entry_row, events_text, state_badge, step_text, steps_html
from headlessly.admin import NounAdmin, display, field_values, workplace
from headlessly.admin.past_days import read_past_days
from headlessly.admin.records.panels import FactsPanel, record_panel, record_panel_of_all
from headlessly.context import clock
from headlessly.declaration import days, labels
from headlessly.declaration.paths import OPEN
from headlessly.declaration.registry import registry
from headlessly.declaration.values import parse_iso_day
from headlessly.errors import BadRequest, Conflict, HeadlesslyError
from headlessly.language import sayings
from headlessly.nouns import Noun

field_values.displays(Attachment, "name")(file_html)
field_values.displays(Organization, "address")(places.address_html)
field_values.displays(Organization, "city")(places.city_html)
field_values.displays(Rule, "steps")(steps_html)
field_values.displays(Rule, "events")(events_text)

#: The kinds of pictures that browsers show.
PICTURES = ("image/png", "image/jpeg", "image/gif", "image/webp")


@record_panel(Attachment)
def file_panel(attachment: Attachment) -> FactsPanel | None:
    """The file itself: a picture as it looks, another one to be opened."""
    if not (address := file_address(attachment)):
        return None
    shown = file_html(attachment)
    if attachment.checksum and attachment.media_type in PICTURES:
        picture = '<a href="{}"><img class="attached" src="{}" alt="{}"></a>'
        shown = format_html(picture, address, address, attachment.name)
    return FactsPanel(_("File"), [(_("Open"), shown)])


#: How many runs one page shows, and how many of those that wait the page of a record.
PAGE, MOST_WAITING = 10, 5
MOST_COUNTED = 1_000


@admin.register(Pipeline, site=workplace)
class PipelineAdmin(NounAdmin):
    """The admin of pipelines.

    A pipeline that gives no stages has the usual ones, and its form offers those to be changed.
    """

    @property
    def starts_with(self) -> dict[str, Any]:  # type: ignore[override]
        return {"stages": usual_stages()}

    def stands_for(self, record: Noun) -> dict[str, Any]:
        return {"stages": usual_stages()}


def usual_stages() -> list[dict[str, Any]]:
    """Returns the usual stages, in the form in which a pipeline gives its own."""
    return [
        {"name": state.name, **({"kind": state.kind} if state.kind != OPEN else {})}
        for state in usual_path().states
    ]


@admin.register(Rule, site=workplace)
class RuleAdmin(NounAdmin):
    """The admin of rules, with the runs of automations."""

    record_template = "crm/rule.html"

    def get_urls(self) -> list[Any]:
        def page(route: str, view: Callable[..., HttpResponse], name: str) -> Any:
            return path(route, self.admin_site.admin_view(view), name=f"crm_rule_{name}")

        return [
            page("<str:id>/runs/<str:run>/stop/", self.stop_view, "run_stop"),
            page("<str:id>/runs/<str:run>/retry/", self.retry_view, "run_retry"),
            page("<str:id>/run/", self.run_view, "run"),
            page("<str:id>/again/", self.again_view, "again"),
            page("<str:id>/backtest/", self.backtest_view, "backtest"),
            *super().get_urls(),
        ]

    def context(self, request: HttpRequest, **more: Any) -> dict[str, Any]:
        found = super().context(request, **more)
        rule = more.get("original")
        if rule is not None and rule.kind == Rule.Kind.AUTOMATION and self.may("update"):
            before = request.GET.get("before", "")
            found["rule_runs"] = SimpleLazyObject(lambda: runs_of(rule, before))
        if rule is not None and rule.is_active and (error := rule.error):
            found["does_nothing"] = error.partition(". ")[0].rstrip(
                "."
            )  # the rest stands in the field
        if rule is not None and self.may("update"):
            found["rule_failures"] = SimpleLazyObject(lambda: failures_of(rule))
            found["gives_away"] = rule.kind == Rule.Kind.ASSIGNMENT and rule.is_active
            found["may_be_tried"] = rule.kind in trial.trials
        return found

    def backtest_view(self, request: HttpRequest, id: str) -> HttpResponse:
        """Ask for a period; a POST tries the rule on it."""
        rule, now = self._rule(id), clock.now()
        given = read_past_days({name: request.POST.get(name, "") for name in ("from", "to")})
        context: dict[str, Any] = {}
        if request.method == "POST":
            try:
                period = _read_days(given, now)
                context["found"] = page_of(rule, trial.try_on_the_past(rule, period))
            except HeadlesslyError as problem:
                context["problem"] = problem.message
        today = days.day_of(now)
        return self.respond(
            request,
            "crm/backtest.html",
            original=rule,
            title=_("Tried on the past"),
            styles=["dashboard"],
            input_class=" ".join(INPUT_CLASSES),
            first=given["from"] or (today - trial.USUAL).isoformat(),
            last=given["to"] or today.isoformat(),
            **context,
        )

    def _rule(self, id: str) -> Rule:
        if not self.may("update"):
            raise PermissionDenied
        return self.find(id)  # type: ignore[return-value]

    def _change(
        self, request: HttpRequest, id: str, run: str, change: Callable[[RuleRun], None], said: str
    ) -> HttpResponse:
        found = RuleRun.objects.filter(rule=self._rule(id).pk, pk=run).first()
        if found is None:
            raise Http404
        try:
            change(found)
            messages.success(request, said)
        except Conflict as problem:
            messages.error(request, problem.message)
        return HttpResponseRedirect(self.place("change", id))

    def stop_view(self, request: HttpRequest, id: str, run: str) -> HttpResponse:
        """Stop a run."""
        stop = require_POST(lambda r: self._change(r, id, run, runs.stop_run, _("It is stopped.")))
        return stop(request)

    def retry_view(self, request: HttpRequest, id: str, run: str) -> HttpResponse:
        """Try the failed step of a run again."""
        said = _("It is tried again.")
        retry = require_POST(lambda r: self._change(r, id, run, runs.try_again, said))
        return retry(request)

    def again_view(self, request: HttpRequest, id: str) -> HttpResponse:
        """Try again everything that the rule failed at."""
        rule = self._rule(id)
        return require_POST(lambda r: self._again(r, rule))(request)

    def _again(self, request: HttpRequest, rule: Rule) -> HttpResponse:
        runs.try_attempts_again(rule)
        messages.success(request, _("It is tried again."))
        return HttpResponseRedirect(self.place("change", rule.pk))

    def run_view(self, request: HttpRequest, id: str) -> HttpResponse:
        """Show which existing records a rule would run on; a POST runs it on them."""
        rule = self._rule(id)
        posted = request.method == "POST"
        try:
            found = runs.run_on_what_is_there(rule, dry_run=not posted)
        except Conflict as problem:
            messages.error(request, problem.message)
            return HttpResponseRedirect(self.place("change", id))
        if posted:
            said = ngettext("It runs on %d record.", "It runs on %d records.", len(found))
            messages.success(request, said % len(found))
            return HttpResponseRedirect(self.place("change", id))
        noun = registry[rule.condition["type"]]
        return self.respond(
            request,
            "crm/rule_run.html",
            original=rule,
            title=_("Run on what is there"),
            count=display.number(len(found)),
            first=[str(each) for each in noun.objects.filter(pk__in=found[:PAGE])],
            steps=[step_text(noun, step) for step in rule.steps or ()],
            gives_away=rule.kind == Rule.Kind.ASSIGNMENT,
        )


def _read_days(given: dict[str, str], now: datetime) -> trial.Period:
    """Returns the period that a form gives; its last day is included."""
    try:
        first, last = (parse_iso_day(given[n]) if given[n] else None for n in ("from", "to"))
    except ValueError:
        raise BadRequest(_("This is a day like 2026-01-31.")) from None
    ends = days.start_of_day(last + timedelta(days=1)) if last else None
    return trial.read_period(days.start_of_day(first) if first else None, ends, now)


def runs_of(rule: Rule, before: str = "") -> dict[str, Any]:
    """Returns one page of the runs of a rule, the newest first."""
    found = find_runs(rule)
    if before and (last := found.filter(pk=before).first()) is not None:
        found = found.filter(moment__lte=last.moment).exclude(moment=last.moment, pk__gte=last.pk)
    page = list(found[: PAGE + 1])
    names = _names(page[:PAGE])
    return {
        "rows": [_run_row(run, names) for run in page[:PAGE]],
        "older": page[PAGE - 1].pk if len(page) > PAGE else None,
        "waiting": "" if before else _count_open(rule),
    }


def _count_open(rule: Rule) -> str:
    """Returns how many runs of a rule are not over: "500+" for more than are counted."""
    there = RuleRun.objects.filter(rule=rule.pk, state__in=RuleRun.OPEN)
    count = there.order_by()[: MOST_COUNTED + 1].count()
    said = display.number(min(count, MOST_COUNTED))
    return f"{said}+" if count > MOST_COUNTED else said if count else ""


def _run_row(run: RuleRun, names: dict[str, str]) -> dict[str, Any]:
    noun = registry[run.record_type]
    return {
        "run": run,
        "name": names.get(run.record, run.record),
        "url": display.page_url(noun, "change", run.record) if run.record in names else "",
        "badge": state_badge(run.state),
        "steps": [entry_row(noun, entry, run) for entry in run.steps or ()],
        "because": sayings.translate_problem(run.because or ""),
        "event": labels.event_title(run.event_name) if run.event_name else "",
        "may_retry": run.state in (RuleRun.FAILED, RuleRun.RETRYING),
    }


def failures_of(rule: Rule) -> dict[str, Any]:
    """Returns the last failures of a rule grouped by their cause, and their number as far as it is
    counted."""
    found = find_failures(rule)
    page = list(found[:PAGE])
    names = _names(page)
    count = found.order_by()[: MOST_COUNTED + 1].count() if len(page) == PAGE else len(page)
    said = display.number(min(count, MOST_COUNTED))
    by_reason: dict[str, list[dict[str, Any]]] = {}
    for each in page:
        reason = sayings.translate_problem(each.because or "")
        by_reason.setdefault(reason, []).append(_failure_row(each, names))
    return {
        "reasons": list(by_reason.items()),
        "count": f"{said}+" if count > MOST_COUNTED else said,
    }


def _failure_row(row: RuleAttempt, names: dict[str, str]) -> dict[str, Any]:
    noun, known = registry[row.record_type], row.record in names
    times = ngettext("once", "%(count)d times", row.failures) % {"count": row.failures}
    return {
        "row": row,
        "name": names.get(row.record, row.record),
        "url": display.page_url(noun, "change", row.record) if known else "",
        "times": times,
        "next": display.moment_text(row.next_at) if row.next_at else "",
        "asked": display.moment_text(row.asked_at) if row.asked_at else "",
    }


def _names(page: Sequence[RuleRun | RuleAttempt]) -> dict[str, str]:
    names: dict[str, str] = {}
    for type in {run.record_type for run in page}:
        ids = [run.record for run in page if run.record_type == type]
        names |= {each.pk: str(each) for each in registry[type].objects.filter(pk__in=ids)}
    return names


def _step_for(record: Noun, step: dict[str, Any]) -> str:
    """Returns what a step will do with `record`, in words.

    The step's placeholders are filled in from the record; if one of them no longer exists, the step is
    described as it is written.
    """
    try:
        step = fill_in(record, step)
    except KeyError:
        pass
    return step_text(type(record), step)


@record_panel_of_all
def waiting_panel(record: Noun) -> FactsPanel | None:
    """Shows which rules wait to go on with a record, and until when."""
    if not active_rules(Rule.Kind.AUTOMATION):
        return None
    waiting = RuleRun.objects.filter(record=record.pk, next_at__isnull=False, steps__isnull=False)
    found = list(waiting.select_related("rule").order_by("next_at", "id")[:MOST_WAITING])
    if not found:
        return None
    return FactsPanel(_("What follows by itself"), [_waiting_pair(record, run) for run in found])


def _waiting_pair(record: Noun, run: RuleRun) -> tuple[str, str]:
    left = [_step_for(record, each["step"]) for each in (run.steps or ())[run.position :]]
    moment = display.moment_text(run.next_at) if run.next_at else ""
    return f"{run.rule.name} · {moment}", "\n".join(left)

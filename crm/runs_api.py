"""Rules over REST: what they did, and failed at, and would have done."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.db.models import Q
from django.http import HttpResponse
from rest_framework.request import Request

from crm.models import Rule, RuleAttempt, RuleRun
from crm.rules import backtest, runs
from headlessly.access import actors
from headlessly.api import parameters
from headlessly.api.base import TenantView, find_by_id
from headlessly.api.bodies import ApiResponse
from headlessly.api.log import paginate
from headlessly.context import clock
from headlessly.declaration import days, values
from headlessly.errors import BadRequest, Forbidden
from headlessly.query import reads
from headlessly.query.explanations import explains

#: How many runs or failures an agent is told of.
AGENTS_PAGE = 20


def permit_rules() -> None:
    """Raise Forbidden for whoever may not change rules: runs name records of all."""
    if not actors.may(actors.current(), "update", Rule):
        role = actors.current().role
        raise Forbidden(f"As {role} you may not see what rules did.", type="RuleRun")


def _find_rule(id: str) -> Rule:
    """A rule whose runs may be seen. What it is not is said before anything is said of what was sent."""
    permit_rules()
    return reads.find_record(Rule, id)  # type: ignore[return-value]


def find_runs(rule: Rule, state: str | None = None) -> Any:
    """The runs of a rule that have begun, the newest first. Raises BadRequest for a state that is none."""
    found = RuleRun.objects.filter(rule=rule.pk)
    found = found.filter(Q(steps__isnull=False) | Q(because__isnull=False))
    if state is not None:
        if state not in RuleRun.STATES:
            raise BadRequest(f"state: use one of {', '.join(RuleRun.STATES)}.", field="state")
        found = found.filter(state=state)
    return found.order_by("-moment", "-id")


class RunsView(TenantView):
    """The runs of one rule."""

    def get(self, request: Request, id: str) -> ApiResponse:
        """The newest first."""
        given = parameters.read_parameters(request.GET, ("state", *parameters.PAGE))
        found = find_runs(_find_rule(id), given.pop("state", None))
        return ApiResponse(paginate(found, RuleRun.as_json, **given))

    def post(self, request: Request, id: str) -> ApiResponse:
        """Run the rule on all that is there and fits; with ``dryRun`` say on what."""
        dry_run = parameters.read_dry_run(request.GET)
        rule = _find_rule(id)
        _refuse_body(request)
        records = runs.run_on_what_is_there(rule, dry_run=dry_run)
        said = {"dryRun": dry_run, "count": len(records), "records": records[:100]}
        return ApiResponse(said, status=200 if dry_run else 202)


class RunView(TenantView):
    """One run: stopped, or tried again."""

    what: str = ""

    def post(self, request: Request, id: str, run: str) -> HttpResponse:
        parameters.refuse_parameters(request.GET)
        rule = _find_rule(id)
        found = find_by_id(RuleRun.objects.filter(rule=rule.pk), "RuleRun", run)
        _refuse_body(request)
        (runs.stop_run if self.what == "stop" else runs.try_again)(found)
        return ApiResponse(found.as_json(), status=202)


def find_failures(rule: Rule) -> Any:
    """What a rule failed at and was not made up for, the latest first."""
    found = RuleAttempt.objects.filter(rule=rule.pk, because__isnull=False)
    return found.order_by("-last_at", "-id")


class FailuresView(TenantView):
    """What one rule failed at."""

    def get(self, request: Request, id: str) -> ApiResponse:
        """The latest first."""
        given = parameters.read_parameters(request.GET, parameters.PAGE)
        return ApiResponse(paginate(find_failures(_find_rule(id)), RuleAttempt.as_json, **given))


class FailuresAgainView(TenantView):
    """All of it tried again now, also what is not any more by itself."""

    def post(self, request: Request, id: str) -> ApiResponse:
        parameters.refuse_parameters(request.GET)
        rule = _find_rule(id)
        _refuse_body(request)
        return ApiResponse({"count": runs.try_attempts_again(rule)}, status=202)


class BacktestView(TenantView):
    """What a rule would have done, beside what really happened."""

    def post(self, request: Request, id: str) -> ApiResponse:
        given = parameters.read_parameters(request.GET, ("from", "to"))
        rule = _find_rule(id)
        _refuse_body(request)
        begins, ends = (_read_moment(name, given.get(name)) for name in ("from", "to"))
        period = backtest.read_period(begins, ends, clock.now())
        return ApiResponse(backtest.try_on_the_past(rule, period))


# -- for agents, who fetch rule_.../runs --------------------------------------------------------------


def _first_page(found: Any, said: Any) -> dict[str, Any]:
    return paginate(found, said, AGENTS_PAGE)


@explains(Rule, "runs", schema={"type": "object"}, has_address=False)
def explain_runs(id: str, as_of: datetime | None = None) -> dict[str, Any]:
    """What an automation did and waits for, the newest first."""
    return _first_page(find_runs(_find_rule(id)), RuleRun.as_json)


@explains(Rule, "failures", schema={"type": "object"}, has_address=False)
def explain_failures(id: str, as_of: datetime | None = None) -> dict[str, Any]:
    """What a rule failed at and has not made up for, the latest first."""
    return _first_page(find_failures(_find_rule(id)), RuleAttempt.as_json)


@explains(Rule, "backtest", schema={"type": "object"}, has_address=False)
def explain_backtest(id: str, as_of: datetime | None = None) -> dict[str, Any]:
    """What a rule, active or not, would have done over the last 90 days, beside what really happened; nothing
    is written."""
    rule = _find_rule(id)
    return backtest.try_on_the_past(rule, backtest.read_period(None, None, clock.now()))


def _read_moment(name: str, said: str | None) -> datetime | None:
    if said is None:
        return None
    try:
        return days.relative_moment(said) or values.clean_moment(None, said, text=True)
    except ValueError as problem:
        raise BadRequest(f"{name}: {problem}", field=name) from None


def _refuse_body(request: Request) -> None:
    if request.data:
        raise BadRequest("This takes no body.", field=str(next(iter(request.data)))[:64])

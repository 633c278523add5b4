"""The steps of an automation and the states of its runs, in the words of whoever reads."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import ngettext, pgettext_lazy

from crm.models import RuleRun
from crm.models.steps import UNTIL, WORKING_DAY, StepProblem, read_duration
from headlessly.admin import display
from headlessly.declaration import labels
from headlessly.declaration.record import Record
from headlessly.declaration.registry import registry
from headlessly.declaration.schema import snake_name

PLANNED = "Planned"
STATES = {
    RuleRun.RUNNING: (pgettext_lazy("run", "running"), "sky"),
    RuleRun.WAITING: (pgettext_lazy("run", "waiting"), "amber"),
    RuleRun.RETRYING: (pgettext_lazy("run", "tried again"), "amber"),
    RuleRun.DONE: (pgettext_lazy("run", "done"), "green"),
    RuleRun.FAILED: (pgettext_lazy("run", "failed"), "red"),
    RuleRun.STOPPED: (pgettext_lazy("run", "stopped"), "grey"),
    PLANNED: (pgettext_lazy("run", "to come"), "grey"),
}


def state_badge(state: str) -> SafeString:
    """A state as a badge."""
    return display.badge(*STATES[state])


def step_text(noun: type[Record], step: dict[str, Any]) -> str:
    """What a step does: ``Wait 3 days``, ``Activity: create``."""
    if "wait" in step:
        return _wait_text(noun, step["wait"])
    if "notify" in step:
        return _("Tell somebody: %s") % display.cut(step.get("text", ""), 80)
    if "webhook" in step:
        return _("Call a webhook")
    name, _dot, called = str(step.get("do", "")).partition(".")
    other = registry.get(name)
    verb = other and other.verbs.get(snake_name(called))
    if other is None or verb is None:
        return str(step.get("do", ""))
    said = f"{labels.noun_title(other)}: {labels.verb_label(verb)}"
    # What the record that it makes is called, or the first that it says.
    given = step.get("with", {})
    texts = [given.get(other.schema.by_name[other.schema.columns[0]].wire), *given.values()]
    subject = next((v for v in texts if isinstance(v, str)), "")
    return f"{said} ({display.cut(subject, 60)})" if subject else said


def _wait_text(noun: type[Record], wait: Any) -> str:
    if isinstance(wait, str) and (said := UNTIL.fullmatch(wait.strip())):
        wait = {name: text for name, text in said.groupdict().items() if text}
    if isinstance(wait, str):
        return _("Wait %s") % _duration_text(wait)
    at = wait.get("at", "09:00" if wait["until"] == WORKING_DAY else "")
    if wait["until"] == WORKING_DAY:
        until = _("a working day")
    else:
        field = noun.schema.fields.get(wait["until"])
        until = labels.field_label(field) if field else wait["until"]
    return _("Wait until %s") % f"{until} {at}".strip()


def _duration_text(text: str) -> str:
    """``3 days``, in the largest unit of which it is so many."""
    try:
        duration = read_duration(text)
    except StepProblem:
        return text  # a rule of before may hold what is refused today
    if not duration % timedelta(days=1):
        return ngettext("%d day", "%d days", duration.days) % duration.days
    if not duration % timedelta(hours=1):
        hours = duration // timedelta(hours=1)
        return ngettext("%d hour", "%d hours", hours) % hours
    minutes = duration // timedelta(minutes=1)
    return ngettext("%d minute", "%d minutes", minutes) % minutes


def entry_row(noun: type[Record], entry: dict[str, Any], run: RuleRun) -> dict[str, Any]:
    """A step of a run: what it does, its state, and when it was done or goes on."""
    state = entry["state"]
    if not run.is_open and state not in (RuleRun.DONE, RuleRun.FAILED):
        state = RuleRun.STOPPED if state != PLANNED else PLANNED
    moment = entry.get("at") or entry.get("until")
    return {
        "text": step_text(noun, entry["step"]),
        "badge": state_badge(state),
        "when": display.moment_text(datetime.fromisoformat(moment)) if moment else "",
        "made": _made_url(entry.get("did")),
    }


def _made_url(did: dict[str, str] | None) -> str:
    noun = registry.get(did["type"]) if did else None
    return display.page_url(noun, "change", did["id"]) if noun is not None and did else ""

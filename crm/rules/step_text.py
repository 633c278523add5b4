"""The steps of an automation and the states of its runs, in words for the reader."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import pgettext_lazy

from crm.models import Rule, RuleRun
from crm.models.step_offers import wait_text
from crm.models.steps import PERSON
from headlessly.admin import display
from headlessly.declaration import labels
from headlessly.declaration.record import Record
from headlessly.declaration.registry import registry
from headlessly.declaration.schema import snake_name
from headlessly.language import sayings
from headlessly.log.names import OF
from headlessly.query.saved_views import watched_views

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
    """Returns a state as a badge."""
    return display.badge(*STATES[state])


def step_text(noun: type[Record], step: dict[str, Any]) -> str:
    """Returns what a step does: ``Wait 3 days``, ``Activity: create``."""
    if "wait" in step:
        return wait_text(noun, step["wait"])
    if "notify" in step:
        text = display.cut(step.get("text", ""), 80)
        return _("Tell %(whom)s: %(text)s") % {
            "whom": _path_text(noun, step["notify"]),
            "text": text,
        }
    if "webhook" in step:
        return _("Call a webhook")
    name, _dot, called = str(step.get("do", "")).partition(".")
    other = registry.get(name)
    verb = other and other.verbs.get(snake_name(called))
    if other is None or verb is None:
        return str(step.get("do", ""))
    said = f"{labels.noun_title(other)}: {labels.verb_label(verb)}"
    if step.get("of"):
        said = f"{_path_text(noun, step['of'])}: {labels.verb_label(verb)}"
    # The name of the new record, or the first text that is given for it.
    given = step.get("with", {})
    texts = [given.get(other.schema.by_name[other.schema.columns[0]].wire), *given.values()]
    subject = next((v for v in texts if isinstance(v, str)), "")
    return f"{said} ({display.cut(subject, 60)})" if subject else said


def _path_text(noun: type[Record], path: str) -> str:
    """Returns a path over references in words: ``Owner``. An id becomes the person's name."""
    person = registry[PERSON]
    if path.startswith(f"{person.prefix}_"):
        found = person.objects.filter(pk=path).first()
        return path if found is None else str(found)
    said, here = [], noun
    for name in path.split("."):
        field = here.schema.fields.get(name)
        if field is None or field.to is None:
            return path
        said.append(labels.field_label(field))
        here = field.target_noun
    return " \N{SINGLE RIGHT-POINTING ANGLE QUOTATION MARK} ".join(said)


def steps_html(rule: Rule) -> SafeString:
    """Returns the steps of a rule as a list, in their order."""
    noun = registry.get(str(rule.condition.get("type")))
    if noun is None or not rule.steps:
        return SafeString("")
    steps = ((step_text(noun, step),) for step in rule.steps if isinstance(step, dict))
    return format_html('<ol class="steps">{}</ol>', format_html_join("", "<li>{}</li>", steps))


def events_text(rule: Rule) -> str:
    """Returns the events that a rule follows: ``Deal: won``, or for a view ``Hot leads: entered``."""
    names = rule.events or ()
    views = watched_views() if any(OF in name for name in names) else {}
    said = []
    for name in names:
        event, of, id = name.partition(OF)
        _noun, called = views.get(id, ("", id))
        said.append(f"{called}: {labels.event_word(event)}" if of else labels.event_title(event))
    return ", ".join(said)


def entry_row(noun: type[Record], entry: dict[str, Any], run: RuleRun) -> dict[str, Any]:
    """Returns a step of a run: what it does, its state, and when it was done or goes on."""
    state = entry["state"]
    if not run.is_open and state not in (RuleRun.DONE, RuleRun.FAILED):
        state = RuleRun.STOPPED if state != PLANNED else PLANNED
    moment = entry.get("at") or entry.get("until")
    return {
        "text": step_text(noun, entry["step"]),
        "badge": state_badge(state),
        "error": sayings.translate_problem(entry.get("error") or ""),
        "when": display.moment_text(datetime.fromisoformat(moment)) if moment else "",
        "made": _made_url(entry.get("did")),
    }


def _made_url(did: dict[str, str] | None) -> str:
    noun = registry.get(did["type"]) if did else None
    return display.page_url(noun, "change", did["id"]) if noun is not None and did else ""

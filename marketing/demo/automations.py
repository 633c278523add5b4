"""The automations of the demo: three that work and one that fails, and the worker that runs them over
time."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from crm.models import Activity, Rule
from crm.rules import runs
from headlessly.access import actors
from headlessly.context import clock
from marketing.demo.calendar import at_work, midnight
from marketing.demo.timeline import Story

if TYPE_CHECKING:
    from marketing.demo.business import Business

#: How many days before the demo's last day the rules are written, and how often the worker looks.
DAYS, EVERY = 120, timedelta(hours=1)
#: How long after a follow-up was created its rep completes it.
DONE_AFTER = timedelta(days=2)


def _follow_up(subject: str, **more: Any) -> dict[str, Any]:
    given = {
        "subject": subject,
        "deal": "{{$id}}",
        "assignee": "{{owner}}",
        "dueAt": "{{tomorrow}}",
        "allDay": True,
    }
    return {"do": "Activity.create", "with": given | more}


RULES: tuple[dict[str, Any], ...] = (
    {
        "name": "Proposal without an answer",
        "events": ["Deal.Advanced"],
        "condition": {"type": "Deal", "filter": {"stage": "Proposal"}},
        "steps": [
            {"wait": "3 days"},
            {"wait": "until workingDay 09:00"},
            _follow_up("Ask about the proposal: {{name}}", type="FollowUp", priority="High"),
        ],
    },
    {
        "name": "A reference, a month after",
        "events": ["Deal.Won"],
        "condition": {"type": "Deal", "filter": {"stage": "Won"}},
        "steps": [
            {"wait": "30 days"},
            _follow_up("Ask {{contact}} for a reference", type="Task", contact="{{contact}}"),
            {"notify": "owner", "text": "A month ago {{name}} was won: ask for a reference"},
        ],
    },
    {
        "name": "A partner sent somebody",
        "events": ["Lead.Created"],
        "condition": {"type": "Lead", "filter": {"source": "partner", "owner": {"$exists": True}}},
        "steps": [
            {"notify": "owner", "text": "{{name}} comes by a partner: thank them today"},
            {"wait": "2 days"},
            {"notify": "owner", "text": "Tell the partner how it goes with {{name}}"},
        ],
    },
)
#: A rule that somebody wrote without thinking of what a lead needs before it can be converted.
FAILING: dict[str, Any] = {
    "name": "Partners' leads are deals at once",
    "events": ["Lead.Created"],
    "condition": {"type": "Lead", "filter": {"source": "partner"}},
    "steps": [{"do": "Lead.convert"}],
}
FAILS_SINCE = timedelta(days=6)


def automations(it: Business) -> Story:
    """The admin writes the automations."""
    day = midnight(it.last) - timedelta(days=DAYS)
    yield at_work(day + timedelta(hours=9, minutes=35)), it.members[0].actor
    *rules, partners = RULES
    told = {"notify": it.members[0].contact, "text": "A partner sent {{name}}: {{owner}} has it"}
    partners = partners | {"steps": [told, *partners["steps"]]}
    for position, rule in enumerate((*rules, partners), 1):
        Rule.create(kind="Automation", position=position, **rule)
    yield at_work(midnight(it.last) - FAILS_SINCE + timedelta(hours=9)), it.members[0].actor
    Rule.create(kind="Automation", position=len(RULES) + 1, **FAILING)


def at_work_beside(it: Business, watch: Callable[[datetime], None]) -> Callable[[datetime], None]:
    """Returns `watch` extended by the worker, and by reps who complete what the worker created for them."""
    begins = midnight(it.last) - timedelta(days=DAYS)
    looked = begins

    def look(moment: datetime) -> None:
        nonlocal looked
        watch(moment)
        if moment < looked + EVERY:
            return
        looked = moment
        work_at(moment)
        if at_work(moment) == moment:
            _do_follow_ups(it, moment)

    return look


def work_at(moment: datetime) -> None:
    """Do what the worker does at this moment."""
    with clock.set_clock(moment, purpose="demo"), actors.acting(actors.SYSTEM):
        while runs.work_once():
            pass


def _do_follow_ups(it: Business, moment: datetime) -> None:
    made_by = Rule.objects.filter(kind=Rule.Kind.AUTOMATION).values("pk")
    old = Activity.objects.filter(
        created_by__in=made_by, status="Pending", created_at__lt=moment - DONE_AFTER
    )
    for task in old.order_by("created_at", "subject"):
        rep = next((m for m in it.members if m.contact == task.assignee_id), None)
        if rep is not None:
            with clock.set_clock(moment, purpose="demo"), actors.acting(rep.actor):
                Activity.complete(task.pk, outcome="They will say next week.")

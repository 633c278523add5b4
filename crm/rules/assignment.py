"""Assignment rules: give a new lead without an owner to somebody, once, and record why.

The first rule that fits decides. Locks are taken in one order: the rule's turn, then the people whose open
leads are counted, by their keys. A rule that fails is skipped and tried again later: the lead then passes the
rules as they are at that time, if it still has no owner.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from django.db import connection
from django.db.models import Count

from crm.models import Contact, Lead, Rule, RuleAttempt, RuleTurn, TeamMember
from crm.models.rule import members_among
from crm.presence import Presence, presences_of
from crm.rules import attempts, reasons
from crm.rules.active import active_rules
from headlessly.access import actors, tenancy
from headlessly.access.actors import ADMIN, Actor
from headlessly.context import clock
from headlessly.declaration.hooks import after_creation, only_creates
from headlessly.errors import NotFound
from headlessly.execution.executor import Context, Execution


@dataclass
class Candidate:
    """A person who may get a lead."""

    contact: str
    name: str
    weight: int = 1
    open: int = 0
    presence: Presence = field(default_factory=Presence)


@dataclass
class Decision:
    """Who gets a lead, or None for nobody, and why."""

    owner: str | None
    reason: str


# -- at creation --------------------------------------------------------------------------------------


@after_creation(Lead)
@only_creates  # writes gathered rows before it asks for one
def assign_new_lead(lead: Lead, ctx: Context) -> None:
    """Give a new lead without an owner to the person that the rules choose."""
    if not lead.is_new or not _is_to_assign(lead):
        return
    if not (rules := active_rules(Rule.Kind.ASSIGNMENT)):
        return
    ctx.flush()
    assign_by(rules, lead, ctx)


def _is_to_assign(lead: Lead) -> bool:
    return lead.owner_id is None and lead.status in Lead.OPEN


def assign_by(rules: Sequence[Rule], lead: Lead, doing: Context | Execution) -> None:
    """Let the first fitting rule decide about a lead. A rule that fails must not cost anybody the lead."""

    def give(rule: Rule) -> None:
        decision = decide_owner(rule)
        with doing.acted_by(Actor(rule.pk, rule.name, ADMIN)):
            Lead.assign(lead, owner=decision.owner, reason=decision.reason)

    attempts.ask_in_order(rules, lead, doing, give)


@attempts.tries_again(Rule.Kind.ASSIGNMENT)
def assign_again(execution: Execution, rule: Rule, row: RuleAttempt) -> bool:
    """Let a lead without an owner pass the rules as a new one does, or the one rule that somebody asked
    for."""
    try:
        lead = execution.lock(Lead, row.record)
    except NotFound:
        return False
    if not _is_to_assign(lead):
        return False
    assign_by((rule,) if row.is_asked else active_rules(Rule.Kind.ASSIGNMENT), lead, execution)
    return True


# -- deciding -----------------------------------------------------------------------------------------


def decide_owner(rule: Rule) -> Decision:
    """Returns who gets the next lead of a rule, and takes that person's turn. The turn is locked until the
    commit."""
    if rule.how == Rule.How.NOBODY:
        return Decision(None, reasons.reason(rule, reasons.NOBODY()))
    turn = _lock_turn(rule) if rule.how != Rule.How.PERSON else None
    with actors.acting(actors.SYSTEM):
        everybody = list(candidates_of(rule))
        members = members_among([each.contact for each in everybody])
        if rule.capacity is not None:
            _lock_people(each.contact for each in everybody)
        if rule.capacity is not None or rule.how == Rule.How.FEWEST:
            _count_open(everybody)
        now = clock.now()
        passed = {
            each.contact: why for each in everybody if (why := _passed(each, rule, members, now))
        }
        free = [each for each in everybody if each.contact not in passed]
        if not free:
            return _fall_back(rule, list(passed.values()), now)
    if turn is None:
        (found,) = free
        why = reasons.FOR_PERSON(name=found.name)
    else:
        found = _take_turn(turn, having_fewest(free) if rule.how == Rule.How.FEWEST else free)
        place = everybody.index(found) + 1
        why = reasons.TURN(turn=place, all=len(everybody))
        if rule.how == Rule.How.FEWEST:
            why = reasons.FEWEST(open=found.open)
    return Decision(found.contact, reasons.reason(rule, why, list(passed.values())))


def candidates_of(rule: Rule) -> Iterator[Candidate]:
    """Yields the people whom a rule may choose, in the order of their turns, with their presence."""
    if rule.how == Rule.How.PERSON:
        people = Contact.objects.filter(pk=rule.person_id)
        found = [Candidate(*each) for each in people.values_list("pk", "name")]
    else:
        places = TeamMember.objects.filter(team=rule.team_id, member__deleted_at=None)
        places = places.order_by("created_at", "member__name", "pk")
        rows = places.values_list("member_id", "member__name", "weight")
        found = [Candidate(*each) for each in rows]
    there = presences_of([each.contact for each in found])
    for each in found:
        each.presence = there[each.contact]
    yield from found


def _passed(each: Candidate, rule: Rule, members: set[str], now: datetime) -> str | None:
    """Returns why somebody gets no lead at the moment, or None."""
    if each.contact not in members:
        return reasons.NO_MEMBER(name=each.name)
    if (back := each.presence.back_on(now)) is not None:
        return reasons.AWAY(name=each.name, day=back)
    if each.weight == 0:
        return reasons.NO_TURNS(name=each.name)
    if is_off_work(rule, each.presence, now):
        opens = each.presence.opens_at(now)
        if opens is None:
            return reasons.NEVER_WORKS(name=each.name)
        return reasons.OFF_WORK(name=each.name, moment=opens)
    if rule.capacity is not None and each.open >= rule.capacity:
        return reasons.FULL(name=each.name, open=each.open, most=rule.capacity)
    return None


def is_off_work(rule: Rule, presence: Presence, moment: datetime) -> bool:
    """Whether a rule passes somebody over because they do not work at this time."""
    return rule.off_hours == Rule.OffHours.PASS_OVER and not presence.works_at(moment)


def _fall_back(rule: Rule, passed: list[str], now: datetime) -> Decision:
    """Returns the decision for a lead that nobody else can take: it goes to the fallback at any hour.

    The lead waits there until they come to work. It goes to nobody if the rule names no fallback, or if that
    person is on leave.
    """
    why = reasons.NOBODY_CAN() if passed else reasons.NOBODY_THERE()
    if (id := rule.fallback_id) and members_among([id]):
        back = presences_of([id])[id].back_on(now)
        if back is None:
            said = reasons.reason(rule, reasons.FALLBACK(why=why), passed)
            return Decision(id, said)
        name = Contact.objects.filter(pk=id).values_list("name", flat=True).first()
        passed = [*passed, reasons.AWAY(name=name or id, day=back)]
    return Decision(None, reasons.reason(rule, why, passed))


def having_fewest(free: list[Candidate]) -> list[Candidate]:
    least = min(each.open for each in free)
    return [each for each in free if each.open == least]


def _take_turn(turn: RuleTurn, free: list[Candidate]) -> Candidate:
    """Choose who is next among the free candidates, and store that their turn is taken."""
    credits = dict(turn.credits)
    found = choose_by_turn(credits, free)
    turn.credits = {contact: credit for contact, credit in credits.items() if credit}
    turn.save(update_fields=["credits"])
    return found


def choose_by_turn(credits: dict[str, int], free: list[Candidate]) -> Candidate:
    """Choose who is next by weight, and update `credits`, what each person is owed.

    Everybody free is owed their weight, and the person who gets the lead pays for all. People who are away
    are owed nothing for that time, so they are not flooded when they return.
    """
    for each in free:
        credits[each.contact] = credits.get(each.contact, 0) + each.weight
    found = max(
        free, key=lambda each: credits[each.contact]
    )  # the first of those who are owed most
    credits[found.contact] -= sum(each.weight for each in free)
    return found


def _count_open(everybody: list[Candidate]) -> None:
    owned = Lead.objects.filter(
        owner__in=[each.contact for each in everybody], status__in=Lead.OPEN
    )
    counts = dict(owned.values_list("owner").annotate(Count("pk")).order_by())
    for each in everybody:
        each.open = counts.get(each.contact, 0)


def _lock_turn(rule: Rule) -> RuleTurn:
    """Returns the turn of a rule, locked until the commit."""
    turns = RuleTurn.objects.filter(rule=rule.pk).select_for_update()
    if (found := turns.first()) is None:
        new = RuleTurn(tenant=tenancy.require(), rule_id=rule.pk)
        RuleTurn.objects.bulk_create([new], ignore_conflicts=True)
        found = turns.get()
    return found


def _lock_people(contacts: Iterable[str]) -> None:
    """Keep others from giving these people leads by capacity until the commit, as their open leads are
    counted.

    Advisory locks are used instead of locks on their rows: editing a contact must not wait for a lead.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_advisory_xact_lock(key) FROM ("
            "SELECT hashtextextended('capacity:' || contact, 0) AS key FROM unnest(%s::text[]) contact"
            " ORDER BY 1) AS keys",
            [list(contacts)],
        )

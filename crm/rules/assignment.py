"""What assignment rules do: a new lead that nobody owns is given to somebody, once, and told why.

The first rule that fits decides. Locks are taken in one order: the rule's turn, then the people whose open
leads are counted, by their keys.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date

from django.db import DataError, connection
from django.db.models import Count
from django.utils import timezone

from crm.models import Contact, Lead, Rule, RuleTurn, TeamMember
from crm.models.rule import members_among
from crm.rules import reasons
from crm.rules.active import active_rules, fits
from headlessly.access import actors, tenancy
from headlessly.access.actors import ADMIN, Actor
from headlessly.declaration.hooks import only_creates
from headlessly.errors import HeadlesslyError
from headlessly.execution.executor import Context

logger = logging.getLogger(__name__)


@dataclass
class Candidate:
    """Somebody who may get a lead."""

    contact: str
    name: str
    weight: int = 1
    away_until: date | None = None
    open: int = 0


@dataclass
class Decision:
    """Who gets a lead, None for nobody, and why."""

    owner: str | None
    reason: str


# -- at creation --------------------------------------------------------------------------------------


@only_creates  # it writes the rows that are gathered before it asks for one
def assign_new_lead(lead: Lead, ctx: Context) -> None:
    """A new lead that comes without an owner goes to whom the rules say."""
    if not lead.is_new or lead.owner_id is not None or lead.status not in Lead.OPEN:
        return
    if not (rules := active_rules(Rule.Kind.ASSIGNMENT)):
        return
    ctx.flush()
    for rule in rules:
        try:
            with ctx.attempt():
                if not fits(rule, lead):
                    continue
                decision = decide(rule)
                with ctx.acted_by(Actor(rule.pk, rule.name, ADMIN)):
                    ctx.Lead.assign(lead, owner=decision.owner, reason=decision.reason)
        except (HeadlesslyError, DataError):
            # What a rule gets wrong is shown with it (`Rule.error`) and costs nobody their lead.
            logger.warning("Rule %s failed for %s.", rule.pk, lead.pk, exc_info=True)
            continue
        return


for _verb in Lead.verbs.values():
    if _verb.creates:
        _verb.after(assign_new_lead)


# -- deciding -----------------------------------------------------------------------------------------


def decide(rule: Rule) -> Decision:
    """Who gets the next lead of a rule; its turn is taken then, and held until the commit."""
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
        passed = {each.contact: why for each in everybody if (why := _passed(each, rule, members))}
        free = [each for each in everybody if each.contact not in passed]
        if not free:
            return _fall_back(rule, list(passed.values()))
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
    """Whom a rule may choose, in the order of their turns."""
    if rule.how == Rule.How.PERSON:
        found = Contact.objects.filter(pk=rule.person_id)
        yield from (Candidate(*each) for each in found.values_list("pk", "name"))
        return
    places = TeamMember.objects.filter(team=rule.team_id, member__deleted_at=None)
    columns = ("member_id", "member__name", "weight", "away_until")
    for contact, name, weight, away in places.order_by(
        "created_at", "member__name", "pk"
    ).values_list(*columns):
        yield Candidate(contact, name, weight, away)


def _passed(each: Candidate, rule: Rule, members: set[str]) -> str | None:
    """Why somebody gets nothing at the moment, or None."""
    if each.contact not in members:
        return reasons.NO_MEMBER(name=each.name)
    if each.away_until is not None and each.away_until > timezone.localdate():
        return reasons.AWAY(name=each.name, day=each.away_until)
    if each.weight == 0:
        return reasons.NO_TURNS(name=each.name)
    if rule.capacity is not None and each.open >= rule.capacity:
        return reasons.FULL(name=each.name, open=each.open, most=rule.capacity)
    return None


def _fall_back(rule: Rule, passed: list[str]) -> Decision:
    """Whoever gets what nobody else can take, and nobody where the rule names none."""
    why = reasons.NOBODY_CAN() if passed else reasons.NOBODY_THERE()
    if rule.fallback_id and members_among([rule.fallback_id]):
        said = reasons.reason(rule, reasons.FALLBACK(why=why), passed)
        return Decision(rule.fallback_id, said)
    return Decision(None, reasons.reason(rule, why, passed))


def having_fewest(free: list[Candidate]) -> list[Candidate]:
    least = min(each.open for each in free)
    return [each for each in free if each.open == least]


def _take_turn(turn: RuleTurn, free: list[Candidate]) -> Candidate:
    """Whose turn it is among those who are free; it is taken then."""
    credits = dict(turn.credits)
    found = choose_by_turn(credits, free)
    turn.credits = {contact: credit for contact, credit in credits.items() if credit}
    turn.save(update_fields=["credits"])
    return found


def choose_by_turn(credits: dict[str, int], free: list[Candidate]) -> Candidate:
    """Whose turn it is, by weight: everybody is owed theirs, who gets one pays for all. Who is away is owed
    nothing for it, and so is not flooded on their return. What each is owed then is in ``credits``."""
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
    """The turn of a rule, held until the commit."""
    turns = RuleTurn.objects.filter(tenant=tenancy.require(), rule=rule.pk).select_for_update()
    if (found := turns.first()) is None:
        new = RuleTurn(tenant=tenancy.require(), rule_id=rule.pk)
        RuleTurn.objects.bulk_create([new], ignore_conflicts=True)
        found = turns.get()
    return found


def _lock_people(contacts: Iterable[str]) -> None:
    """Let nobody else give these people a lead by a capacity until the commit: their open leads are counted.

    Not their rows: who edits a contact waits for no lead."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_advisory_xact_lock(key) FROM ("
            "SELECT hashtextextended('capacity:' || contact, 0) AS key FROM unnest(%s::text[]) contact"
            " ORDER BY 1) AS keys",
            [list(contacts)],
        )

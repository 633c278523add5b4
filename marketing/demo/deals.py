"""The story of one deal: from the conversion to a signature, a refusal, or silence."""

from __future__ import annotations

from random import Random
from typing import TYPE_CHECKING

from crm.models import (
    Activity,
    Attachment,
    Contact,
    Deal,
    DealContact,
    LineItem,
    Organization,
)
from headlessly.context import clock
from headlessly.declaration.sent_files import SentFile
from marketing.demo import offers, words
from marketing.demo.business import STAGES
from marketing.demo.calendar import later
from marketing.demo.papers import paper
from marketing.demo.timeline import Story

if TYPE_CHECKING:
    from marketing.demo.companies import Company
    from marketing.demo.prospects import Prospect

OPEN = ("Prospecting", "Qualification", "Proposal", "Negotiation")
CHANCE = dict(STAGES)
PAID = {None: "", "Monthly": " a month", "Quarterly": " a quarter", "Yearly": " a year"}
#: The roles of colleagues in a deal, and what is known about them.
SAYS = (
    ("DecisionMaker", "Signs above 10,000."),
    ("Influencer", None),
    ("Champion", "Saw it at a former employer."),
    ("Blocker", "Would rather build it."),
    ("User", "Plans the shifts today."),
)


def deal_value(rng: Random, company: Company) -> int:
    """Returns what a company of this size pays: by seats, with a discount that grows with them."""
    seats = company.employees * rng.uniform(0.25, 0.8)
    value = max(1_800, seats * 190 * (40 / max(seats, 40)) ** 0.22) * rng.uniform(0.8, 1.3)
    return round(value, -2 if value < 20_000 else -3)


def deal(it: Prospect) -> Story:
    """Tells what becomes of the deal that a lead was converted into."""
    rng, id = it.rng, it.deal_id
    goes_on = 0.73 + 0.2 * it.quality + it.rep.skill / 2
    task = offer = None
    for stage in OPEN[1:]:
        yield later(rng, clock.now(), days=rng.randint(3, 11) * it.pace), it.actor
        if rng.random() > goes_on:
            yield from _end_badly(it, task)
            return
        Deal.advance(id)
        if stage == "Proposal":
            _involve_others(it)
            offers.offer_lines(it)
            offer = Attachment.upload(file=_offer(it), deal=id).pk
        if task:
            Activity.complete(task, outcome="Done.")
            task = None
        step = rng.choice(words.NEXT_STEPS[stage])
        Deal.update(
            id,
            probability=CHANCE[stage],
            next_step=step,
            competitor_notes=rng.choice(words.COMPETITORS) if rng.random() < 0.15 else None,
        )
        title, outcome = words.DEAL_TOUCHES[stage]
        if rng.random() < 0.6:
            it.log("Meeting", f"{title}: {it.company.name}", outcome, 45)
        due = later(rng, clock.now(), days=4 * it.pace)
        if rng.random() < 0.4:
            task = it.plan_touch("Task", f"{step}: {it.company.name}", due)
        if stage == "Negotiation" and rng.random() < 0.4:
            offers.lower(it, round(it.value * rng.uniform(0.82, 0.97), -2))
            if offer:
                Attachment.replace(offer, file=_offer(it))
    yield later(rng, clock.now(), days=rng.randint(3, 11) * it.pace), it.actor
    if task:
        Activity.complete(task, outcome="Done.")
    if rng.random() > 0.30 + 0.46 * it.quality + it.rep.skill:
        yield from _end_badly(it, None)
        return
    Deal.win(id, won_reason=rng.choice(words.WON))
    it.business.free.append(it.person)
    yield from _afterwards(it)


def _offer(it: Prospect) -> SentFile:
    """Returns the offer with what the deal consists of at present."""
    deal = Deal.objects.get(pk=it.deal_id)
    items = LineItem.objects.filter(deal=deal.pk).order_by("-amount", "name")
    lines = (
        f"Offer for {it.company.name}",
        f"{it.person.name}, {it.person.title}",
        f"As of {clock.now():%Y-%m-%d}, valid for 30 days",
        *(
            f"{i.quantity:g} x {i.name}: {i.amount:,.2f} {i.currency}{PAID[i.interval]}"
            for i in items
        ),
        f"Once: {deal.value:,.2f} {deal.currency}",
        f"{it.rep.name}, Acme",
    )
    return paper(f"Offer {it.company.name}.pdf", lines)


def _involve_others(it: Prospect) -> None:
    """Add known colleagues to the deal once there is an offer; sometimes they decide more than the lead."""
    # A generator of its own: the story stays the same.
    rng = Random(f"deciding with {it.person.email}")
    known = Contact.objects.filter(organization=it.company.id).exclude(pk=it.person.id)
    colleagues = list(known.order_by("created_at", "email")[:3])
    if not colleagues or DealContact.objects.filter(deal=it.deal_id).exists():
        return
    DealContact.create(deal=it.deal_id, contact=it.person.id, role=it.person.role)
    chosen = rng.sample(colleagues, rng.randint(1, len(colleagues)))
    for colleague, (role, note) in zip(chosen, rng.sample(SAYS, len(chosen)), strict=True):
        person = DealContact.create(deal=it.deal_id, contact=colleague, role=role, note=note)
        if role == "DecisionMaker" and rng.random() < 0.3:
            DealContact.make_primary(person.pk)


def _end_badly(it: Prospect, task: str | None) -> Story:
    """Tells a bad end: most deals are lost with a reason, some just end, and a few come back."""
    rng, id = it.rng, it.deal_id
    yield later(rng, clock.now(), days=rng.randint(2, 14)), it.actor
    if task:
        Activity.cancel(task)
    if rng.random() < 0.1:
        Deal.close(id)
        return
    reason = rng.choices([r for r, _ in words.DEAL_LOST], [w for _, w in words.DEAL_LOST])[0]
    Deal.lose(id, lost_reason=reason)
    if reason in ("No decision", "Budget withdrawn") and rng.random() < 0.3:
        yield later(rng, clock.now(), days=rng.randint(30, 80)), it.actor
        Deal.reopen(id)
        yield from deal(it)
        return
    it.business.free.append(it.person)


def _afterwards(it: Prospect) -> Story:
    """Tells what follows a sale: a customer is asked how it goes, and some leave."""
    rng = it.rng
    yield later(rng, clock.now(), days=60), it.business.manager.actor
    assert it.person.id and it.company.id, "Who buys is known by then."
    happy = min(max(rng.gauss(74, 16), 8), 100)
    Organization.score(it.company.id, health_score=round(happy), nps_score=round(happy * 1.6 - 70))
    if happy < 45:
        yield later(rng, clock.now(), days=45), it.business.manager.actor
        if Contact.get(it.person.id).stage == Contact.Stage.CUSTOMER:
            Contact.update(it.person.id, stage=Contact.Stage.CHURNED)
        if Organization.get(it.company.id).type == Organization.Type.CUSTOMER:
            Organization.update(it.company.id, status="Churned")

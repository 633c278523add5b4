"""The story of one lead: it comes in, is called, qualified step by step, and won over or lost."""

from __future__ import annotations

from collections.abc import Generator
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

from crm.models import Activity, Contact, Lead
from headlessly.context import clock
from headlessly.undo.at_once import undo_request
from marketing.demo import words
from marketing.demo.calendar import later, on_the_half_hour
from marketing.demo.companies import COUNTRIES, INDUSTRIES, Company
from marketing.demo.deals import deal
from marketing.demo.prospects import ANONYMOUS, DUPLICATE, SLIP, SPAM, Prospect
from marketing.demo.timeline import Story

if TYPE_CHECKING:
    from marketing.demo.business import Business

Steps = Generator[Any, None, bool]


def lead(business: Business, number: int, day: date) -> Story:
    """Tells a lead from the first touch to a deal, to a loss, or to wherever it stands today."""
    rng = business.random("lead", number)
    it = Prospect(business, rng, day, number % 100)
    yield it.arrival, business.website if it.inbound else it.actor
    it.meet(business.person(rng) if it.fate != SPAM else business.colleague(rng, _nobody()))
    if it.fate == SPAM:
        yield from _spam(it)
        return
    it.appear()
    if it.fate in ACCIDENTS:
        yield from ACCIDENTS[it.fate](it)
    while True:
        reason = yield from _work(it)
        if reason is None or reason not in words.REVIVED:
            return
        why, chance = words.REVIVED[reason]
        if rng.random() > chance:
            return
        yield later(rng, clock.now(), days=rng.randint(25, 90)), it.actor
        if it.person in business.free:
            business.free.remove(it.person)
        business.open[it.id] = it
        Lead.update(it.id, status="New", score=it.score(0.6))
        it.log("Note", "Back again", f"{why}.")
        it.quality = min(it.quality + 0.12, 0.97)


def _work(it: Prospect) -> Generator[Any, None, str | None]:
    """A rep works the lead. Returns why it was lost, or None if it was won over."""
    reached = yield from _reach(it)
    if not reached:
        return it.lose(words.UNREACHED)
    fits = yield from _qualify(it)
    if not fits:
        return it.lose(words.UNFIT)
    persuaded = yield from _persuade(it)
    if not persuaded:
        return it.lose(words.STALLED)
    _convert(it)
    return None


def _reach(it: Prospect) -> Steps:
    """Calls and emails until somebody answers."""
    rng = it.rng
    promptness = rng.expovariate(1 / (3 if it.quality > 0.5 else 9)) + 0.1
    yield later(rng, clock.now(), hours=promptness), it.actor
    for attempt in range(rng.choices((1, 2, 3, 4), (2, 5, 4, 2))[0]):
        if attempt:
            due = later(rng, clock.now(), days=1 + attempt * 1.6)
            # Not every call is planned; the planned ones are on somebody's list.
            task = (
                it.plan_touch("FollowUp", f"Call {it.person.first} again", due)
                if (attempt == 1 and rng.random() < 0.5)
                else None
            )
            yield (later(rng, due, hours=rng.choice((0.1, 2, 30))) if task else due), it.actor
            if task:
                if rng.random() < 0.42 + 0.4 * it.quality:
                    Activity.complete(task, outcome=it.say(words.REACHED, 9), result="Reached")
                    return _contacted(it)
                Activity.complete(task, outcome=rng.choice(words.MISSED), result="No answer")
                continue
        if rng.random() < 0.30 + 0.45 * it.quality:
            minutes = rng.randint(4, 25)
            if rng.random() < 0.25:
                it.log("Email", f"Re: {it.about}", it.say(words.REPLIED), direction="Inbound")
            else:
                it.log(
                    "Call", f"Call with {it.person.name}", it.say(words.REACHED, minutes), minutes
                )
            return _contacted(it)
        if rng.random() < 0.3:
            said = rng.choice(words.WRITTEN)
            it.log("Email", f"Introduction: {it.about}", said, direction="Outbound")
        else:
            it.log("Call", f"Call {it.person.name}", rng.choice(words.MISSED))
    yield later(rng, clock.now(), days=rng.randint(6, 28)), it.actor
    return False


def _contacted(it: Prospect) -> bool:
    it.find_out()
    if it.fate == ANONYMOUS and it.person.id is None:
        it.record_person()
        Lead.update(it.id, contact=it.person.id, organization=it.company.id)
    known = {"need": it.need} if it.rng.random() < 0.85 else {}
    if it.rng.random() < 0.45:
        known["authority"] = it.rng.choice(words.AUTHORITIES[it.person.role])
    Lead.update(it.id, status="Contacted", score=it.score(0.7), **known)
    return True


def _qualify(it: Prospect) -> Steps:
    """A meeting tells whether they have the problem, the money and the say."""
    rng = it.rng
    if rng.random() < 0.12:
        it.log("Note", "Good to know", rng.choice(words.NOTES))
    if rng.random() > 0.30 + 0.72 * it.quality:
        yield later(rng, clock.now(), days=rng.randint(2, 20) * it.pace), it.actor
        return False
    for attempt in range(2):
        kind, title = rng.choice((("Demo", "Demo"), ("Meeting", "First meeting")))
        start = on_the_half_hour(later(rng, clock.now(), days=rng.randint(3, 13) * it.pace))
        minutes = rng.choice((30, 45, 60))
        meeting = it.plan_touch(kind, f"{title}: {it.company.name}", start, minutes)
        yield start + timedelta(minutes=minutes + rng.randint(1, 90)), it.actor
        if attempt or rng.random() > 0.13:
            break
        Activity.cancel(meeting)
    Activity.complete(meeting, outcome=it.say(words.MET))
    found: dict[str, Any] = {
        "authority": rng.choice(words.AUTHORITIES[it.person.role]),
        "timeline": it.timeline,
        "score": it.score(0.85),
    }
    if rng.random() > 0.20 + 0.84 * it.quality:
        if rng.random() < 0.5:
            Lead.update(it.id, **found)
        yield later(rng, clock.now(), days=rng.randint(1, 12)), it.actor
        return False
    if rng.random() < 0.7:
        found["budget"] = it.value
    Lead.update(it.id, status="Qualified", need=it.need, **found)
    return True


def _persuade(it: Prospect) -> Steps:
    """Leads from a confirmed problem to a project."""
    rng = it.rng
    for _ in range(rng.choices((0, 1, 2), (3, 5, 3))[0]):
        due = later(rng, clock.now(), days=rng.randint(4, 14) * it.pace)
        if rng.random() < 0.4:
            task = it.plan_touch("Task", f"Business case for {it.company.name}", due)
            yield later(rng, due, hours=rng.choice((0.2, 3, 50))), it.actor
            Activity.complete(task, outcome=it.say(words.NURTURED))
        else:
            yield due, it.actor
            it.log("Call", f"Follow-up with {it.person.name}", it.say(words.NURTURED), 15)
    yield later(rng, clock.now(), days=rng.randint(3, 13) * it.pace), it.actor
    return rng.random() < 0.26 + 0.56 * it.quality + it.rep.skill


def _convert(it: Prospect) -> None:
    business, rng = it.business, it.rng
    if Lead.get(it.id).budget is None:
        Lead.update(it.id, budget=it.value, score=it.score(1.0))
    given: dict[str, Any] = {
        "name": f"{it.company.name}: {it.about}",
        "expected_close_date": (clock.now() + timedelta(days=45 * it.pace)).date(),
        "probability": 10,
        "next_step": rng.choice(words.NEXT_STEPS["Prospecting"]),
    }
    if rng.random() < 0.55:
        given |= {"recurring_value": round(it.value * 0.22, -2), "recurring_interval": "Yearly"}
    it.deal_id = Lead.convert(it.id, deal=given).deal_id
    business.open.pop(it.id, None)
    business.timeline.begin(deal(it))


# -- what one in a hundred meets -------------------------------------------------------------------


def _nobody() -> Any:
    """Returns the company of people who only want to sell something themselves."""
    return Company(
        "Rank Rocket", "rank-rocket.example", INDUSTRIES[0], COUNTRIES[0], "", "Startup", 3, 2023
    )


def _spam(it: Prospect) -> Story:
    """Somebody abuses the form; the next morning a manager cleans up."""
    it.about, it.need = "first page guaranteed, reply today", None
    it.person.id = Contact.capture(name=it.person.name, email=it.person.email, source="website").pk
    it.appear()
    boss = it.business.manager.actor
    yield later(it.rng, clock.now(), days=1), boss
    it.business.open.pop(it.id)
    Lead.delete(it.id)
    yield later(it.rng, clock.now(), hours=1), boss
    Lead.restore(it.id)  # restored once more, to see where it came from
    yield later(it.rng, clock.now(), hours=1), boss
    Lead.delete(it.id)
    Contact.delete(it.person.id)


def _duplicate(it: Prospect) -> Story:
    """They write again from a private address; the manager sees that both are one person and one lead."""
    yield later(it.rng, clock.now(), hours=2), it.business.website
    again = it.capture(f"{it.person.first}.{it.person.last}@mail.example".lower())
    twice = Lead.create(
        name=f"{it.company.name}: {it.about}",
        contact=again.pk,
        organization=it.company.id,
        owner=it.rep.contact,
        source=it.source,
    )
    yield later(it.rng, clock.now(), hours=5), it.business.manager.actor
    Contact.merge(again.pk, into=it.person.id)
    Lead.merge(twice.pk, into=it.id)


def _slip(it: Prospect) -> Story:
    """A typing error, seen an hour later and undone."""
    yield later(it.rng, clock.now(), hours=1), it.actor
    Lead.update(it.id, budget=it.value * 100)
    slip = Lead.history(it.id)[0]
    yield later(it.rng, clock.now(), hours=1), it.business.manager.actor
    undo_request(slip.request_id, event=slip.id)


ACCIDENTS = {DUPLICATE: _duplicate, SLIP: _slip}

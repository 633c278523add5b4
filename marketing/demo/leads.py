"""The story of one lead: it comes in, is called, qualified step by step, and won over or lost."""

from __future__ import annotations

from collections.abc import Generator
from datetime import date, timedelta
from random import Random
from typing import TYPE_CHECKING, Any

from crm.models import Activity, Contact, Lead, Organization
from headlessly import clock

from . import words
from .business import INBOUND
from .calendar import any_hour, later, office_hour, on_the_half_hour
from .deals import deal, worth
from .timeline import Story

if TYPE_CHECKING:
    from .business import Business, Member, Person

PAGES = (
    "/pricing",
    "/demo",
    "/contact",
    "/product/shifts",
    "/product/stock",
    "/industries/logistics",
)
DETAILS = {
    "website": PAGES,
    "paid-search": (
        "search: shift planning software",
        "search: crew scheduling",
        "search: stock app",
    ),
    "content": ("/guides/shift-rules", "/guides/stock-counts", "/blog/empty-miles"),
    "social": ("video post", "comment on a post", "profile"),
    "webinar": ("registration", "recording"),
    "email": ("newsletter", "reply to a newsletter"),
    "event": ("booth", "talk", "evening event"),
    "referral": ("customer", "former colleague", "advisor"),
    "partner": ("ERP integrator", "payroll provider", "consultancy"),
    "outbound": ("call list", "account research"),
}
SIZE = {"Startup": -0.10, "SMB": 0.0, "Business": 0.08, "Enterprise": 0.03}
#: How long a company takes to decide, as a factor.
PATIENCE = {"Startup": 0.7, "SMB": 0.85, "Business": 1.15, "Enterprise": 1.7}

#: What one lead in a hundred meets: every company has them, so every size of story does.
SPAM, SLIP, DUPLICATE, ANONYMOUS = 7, 11, 17, 23

Steps = Generator[Any, None, bool]


class Prospect:
    """One lead, with what is true of it whether or not anybody knows it yet."""

    def __init__(self, business: Business, rng: Random, day: date, fate: int) -> None:
        self.business, self.rng, self.fate = business, rng, fate
        self.source, self.plan, self.appeal = business.channel(rng, day)
        if fate in (SPAM, DUPLICATE, ANONYMOUS):
            self.source, self.plan, self.appeal = "website", None, 0.0
        self.rep = business.rep(rng, day)
        self.inbound = self.source in INBOUND
        self.arrival = any_hour(rng, day) if self.inbound else office_hour(rng, day)
        self.about, self.need = rng.choice(words.INTERESTS)
        self.timeline, self.urgency = rng.choice(words.TIMELINES)
        self.id = ""
        self.deal_id: str | None = None

    @property
    def actor(self) -> Any:
        return self.rep.actor

    def meet(self, person: Person) -> None:
        """Now it is known who it is, and so how promising."""
        self.person, self.company = person, person.company
        quality = (
            0.37
            + self.appeal
            + self.company.industry.fit
            + SIZE[self.company.tier]
            + person.word
            + self.urgency
            + self.rng.gauss(0, 0.15)
        )
        self.quality = min(max(quality, 0.03), 0.97)
        self.pace = PATIENCE[self.company.tier] * self.rng.lognormvariate(0, 0.35)
        self.value = worth(self.rng, self.company)

    def score(self, known: float) -> int:
        """The score as well as one may judge who knows this share of the truth."""
        seen = 45 + (self.quality * 100 - 45) * known
        return round(min(max(seen + self.rng.gauss(0, 9 * (1.1 - known)), 1), 99))

    def hand_to(self, rep: Member) -> None:
        """Somebody else takes over."""
        self.rep = rep
        Lead.update(self.id, owner=rep.contact)
        if self.person.id:
            Contact.assign(self.person.id, owner=rep.contact)

    # -- records -----------------------------------------------------------------------------------

    def appear(self) -> None:
        """The lead is recorded, and who it is, when they say so."""
        if self.fate not in (SPAM, ANONYMOUS):
            self.record_person()
        lead = Lead.create(
            name=f"{self.company.name}: {self.about}",
            contact=self.person.id,
            organization=self.company.id,
            owner=self.rep.contact,
            source=self.source,
            source_detail=self.rng.choice(DETAILS[self.source]),
            campaign=self.business.running[self.plan] if self.plan else None,
            score=self.score(0.45),
            need=self.need if self.inbound and self.rng.random() < 0.35 else None,
            first_touch_at=clock.now() - timedelta(days=self.rng.choice((0, 0, 0, 1, 2, 6))),
        )
        self.id = lead.pk
        self.business.open[self.id] = self

    def record_person(self) -> None:
        if self.company.id is None:
            facts = {} if self.inbound else self.company.facts
            self.company.id = Organization.create(
                **self.company.known, source=self.source, **facts
            ).pk
        if self.person.id is None:
            self.person.id = self.capture(self.person.email).pk

    def capture(self, email: str) -> Contact:
        person, rng = self.person, self.rng
        return Contact.capture(
            name=person.name,
            first_name=person.first,
            last_name=person.last,
            email=email,
            organization=self.company.id,
            owner=self.rep.contact,
            source=self.source,
            language=self.company.country.language,
            timezone=self.company.country.timezone,
            phone=f"{self.company.country.dial} {rng.randrange(100, 1000)}",
            title=None if self.inbound and rng.random() < 0.5 else person.title,
            marketing_consent=rng.random() < (0.6 if self.inbound else 0.2),
        )

    def find_out(self) -> None:
        """What a rep looks up before or after the first talk."""
        if self.inbound and self.company.id and not getattr(self.company, "looked_up", False):
            self.company.looked_up = True  # type: ignore[attr-defined]
            Organization.enrich(self.company.id, **self.company.facts)
        if self.inbound and self.person.id and self.rng.random() < 0.4:
            Contact.enrich(
                self.person.id,
                title=self.person.title,
                department=self.person.department,
                role=self.person.role,
            )

    # -- touches -----------------------------------------------------------------------------------

    @property
    def subject(self) -> dict[str, Any]:
        """What an activity is about."""
        about = {"lead": self.id, "contact": self.person.id, "organization": self.company.id}
        return about | {"deal": self.deal_id, "assignee": self.rep.contact}

    def log(self, type: str, title: str, outcome: str, minutes: int | None = None) -> None:
        Activity.log(subject=title, type=type, outcome=outcome, duration=minutes, **self.subject)

    def plan_touch(self, type: str, title: str, due: Any, minutes: int | None = None) -> str:
        """Put something on the list; who leaves the story here leaves an open task."""
        meeting = type in ("Meeting", "Demo")
        return Activity.create(
            subject=title,
            type=type,
            due_at=due,
            start_at=due if meeting else None,
            end_at=due + timedelta(minutes=minutes) if meeting and minutes else None,
            duration=minutes,
            priority="High" if self.quality > 0.7 else "Medium" if self.quality > 0.35 else "Low",
            meeting_link=f"https://meet.{self.business.domain}/{self.rng.randrange(10**6):06}"
            if meeting
            else None,
            **self.subject,
        ).pk

    def say(self, lines: tuple[str, ...], minutes: int = 0) -> str:
        text = self.rng.choice(lines).format(about=self.about, minutes=minutes)
        return text[:1].upper() + text[1:]

    def lose(self, reasons: tuple[tuple[str, int], ...]) -> str:
        reason = self.rng.choices([r for r, _ in reasons], [w for _, w in reasons])[0]
        Lead.lose(self.id, lost_reason=reason)
        self.leave()
        return reason

    def leave(self) -> None:
        """Nobody works on it any more; the person may be back one day."""
        if self.business.open.pop(self.id, None) and self.person.id and self.fate != SPAM:
            self.business.free.append(self.person)


def lead(business: Business, number: int, day: date) -> Story:
    """From the first touch to a deal, to a loss, or to wherever it stands today."""
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
    """A rep works the lead: why it was lost, or None when it was won over."""
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
    """Calls and mails until somebody answers."""
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
                    Activity.complete(task, outcome=it.say(words.REACHED, 9))
                    return _contacted(it)
                Activity.complete(task, outcome=rng.choice(words.MISSED))
                continue
        if rng.random() < 0.30 + 0.45 * it.quality:
            minutes = rng.randint(4, 25)
            if rng.random() < 0.25:
                it.log("Email", f"Re: {it.about}", it.say(words.REPLIED))
            else:
                it.log(
                    "Call", f"Call with {it.person.name}", it.say(words.REACHED, minutes), minutes
                )
            return _contacted(it)
        if rng.random() < 0.3:
            it.log("Email", f"Introduction: {it.about}", rng.choice(words.WRITTEN))
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
    fits = rng.random() < 0.20 + 0.84 * it.quality
    found = {
        "authority": rng.choice(words.AUTHORITIES[it.person.role]),
        "timeline": it.timeline,
        "score": it.score(0.85),
    }
    if not fits:
        yield later(rng, clock.now(), days=rng.randint(1, 12)), it.actor
        return False
    if rng.random() < 0.7:
        found["budget"] = it.value
    Lead.update(it.id, status="Qualified", need=it.need, **found)
    return True


def _persuade(it: Prospect) -> Steps:
    """From a problem confirmed to a project."""
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
    open_record = Lead.get(it.id)
    budget = open_record.budget
    if budget is None:
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
    """Where those come from who only want to sell something themselves."""
    from .companies import COUNTRIES, INDUSTRIES, Company

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
    Contact.delete(it.person.id)


def _duplicate(it: Prospect) -> Story:
    """They write again from their private address; the rep sees that it is one person."""
    yield later(it.rng, clock.now(), hours=2), it.business.website
    again = it.capture(f"{it.person.first}.{it.person.last}@mail.example".lower())
    yield later(it.rng, clock.now(), hours=5), it.actor
    Contact.merge(again.pk, into=it.person.id)


def _slip(it: Prospect) -> Story:
    """A typing error, seen an hour later and rolled back."""
    before = clock.now()
    yield later(it.rng, before, hours=1), it.actor
    Lead.update(it.id, budget=it.value * 100)
    yield later(it.rng, clock.now(), hours=1), it.business.manager.actor
    Lead.rollback(it.id, as_of=before)


ACCIDENTS = {DUPLICATE: _duplicate, SLIP: _slip}

"""A lead as its story knows it: who it is, how promising it is, and what is done about it."""

from __future__ import annotations

from datetime import date, timedelta
from random import Random
from typing import TYPE_CHECKING, Any

from django.utils.text import capfirst

from crm.models import Activity, Contact, Lead, Organization
from headlessly.context import clock
from marketing.demo import words
from marketing.demo.business import INBOUND, PRODUCTS, SITES
from marketing.demo.calendar import any_hour, office_hour
from marketing.demo.deals import deal_value
from marketing.models import Touchpoint

if TYPE_CHECKING:
    from marketing.demo.business import Business, Member, Person

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
#: Tags by which some people are remembered.
TAGS = ("Reference", "Speaker", "Former customer", "Trade press", "Wants to see it")
SIZE = {"Startup": -0.10, "SMB": 0.0, "Business": 0.08, "Enterprise": 0.03}
#: How long a company takes to decide, as a factor.
PATIENCE = {"Startup": 0.7, "SMB": 0.85, "Business": 1.15, "Enterprise": 1.7}

#: Rare fates, each of one lead in a hundred, so that a demo of any size has some.
SPAM, SLIP, DUPLICATE, ANONYMOUS = 7, 11, 17, 23


class Prospect:
    """One lead, with the facts about it whether or not anybody knows them yet."""

    def __init__(self, business: Business, rng: Random, day: date, fate: int) -> None:
        self.business, self.rng, self.fate = business, rng, fate
        self.source, self.plan, self.appeal = business.channel(rng, day)
        if fate in (SPAM, DUPLICATE, ANONYMOUS):
            self.source, self.plan, self.appeal = "website", None, 0.0
        self.rep = business.rep(rng, day)
        self.inbound = self.source in INBOUND
        self.arrival = any_hour(rng, day) if self.inbound else office_hour(rng, day)
        self.about: str
        self.need: str | None
        self.about, self.need = rng.choice(words.INTERESTS)
        self.timeline, self.urgency = rng.choice(words.TIMELINES)
        self.id = ""
        self.deal_id: str | None = None

    @property
    def actor(self) -> Any:
        return self.rep.actor

    def meet(self, person: Person) -> None:
        """Set who it is, and so how promising it is."""
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
        self.value = deal_value(self.rng, self.company)

    def score(self, known: float) -> int:
        """Returns the score that somebody would give who knows this share of the facts."""
        seen = 45 + (self.quality * 100 - 45) * known
        return round(min(max(seen + self.rng.gauss(0, 9 * (1.1 - known)), 1), 99))

    def hand_to(self, rep: Member) -> None:
        """Hand the lead over to another rep."""
        self.rep = rep
        Lead.update(self.id, owner=rep.contact)
        if self.person.id:
            Contact.assign(self.person.id, owner=rep.contact)

    # -- records -----------------------------------------------------------------------------------

    def appear(self) -> None:
        """Record the lead, and the person if they say who they are."""
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
            currency=self.company.country.currency,
            need=self.need if self.inbound and self.rng.random() < 0.35 else None,
            first_touch_at=clock.now() - timedelta(days=self.rng.choice((0, 0, 0, 1, 2, 6))),
            **self.trade(),
        )
        if self.inbound and self.person.id and self.fate != SPAM:
            self.tell_of_visits()
        self.id = lead.pk
        self.business.open[self.id] = self

    def trade(self) -> dict[str, Any]:
        """Returns what the company stores of a lead in its own fields, as far as it is known."""
        # A generator of its own: the story stays the same.
        rng = Random(f"trade of {self.person.email}")
        if rng.random() < 0.3:
            return {}
        sites = rng.randrange(3)
        return {
            "sites": SITES[sites],
            "interested_in": rng.sample(PRODUCTS, rng.choice((1, 1, 2))),
            "workers": round(rng.uniform(1, 4) * 12 * (1, 5, 20)[sites]),
        }

    def tell_of_visits(self) -> None:
        """Record what brought them to the website before: other running campaigns, or just a search."""
        # A generator of its own: the story stays the same.
        rng = Random(f"visits of {self.person.email}")
        for _ in range(rng.choice((0, 0, 1, 1, 2, 3))):
            plan = rng.choice([None, *self.business.running])
            Touchpoint.create(
                kind=Touchpoint.Kind.VISIT,
                contact=self.person.id,
                campaign=self.business.running[plan] if plan else None,
                source=plan.source if plan else "search",
                medium=plan.medium if plan else "organic",
                page=f"https://{self.business.domain}{rng.choice(PAGES)}",
                occurred_at=clock.now()
                - timedelta(days=rng.randrange(1, 40), minutes=rng.randrange(600)),
            )

    def record_person(self) -> None:
        if self.company.id is None:
            facts = {} if self.inbound else self.company.facts
            self.company.id = Organization.create(
                **self.company.known, source=self.source, **facts
            ).pk
        if self.person.id is None:
            self.person.id = self.capture(self.person.email, **self.known_beside()).pk

    def known_beside(self) -> dict[str, Any]:
        """Returns what else is known of some people: other addresses and numbers, and tags."""
        person = self.person
        rng = Random(f"beside {person.email}")  # a generator of its own: the story stays the same
        found: dict[str, Any] = {}
        if rng.random() < 0.15:
            user, _at, domain = person.email.partition("@")
            found["other_emails"] = [f"{user}@{domain.partition('.')[0]}.mail.example"]
        if rng.random() < 0.12:
            found["other_phones"] = [f"{person.company.country.dial} {rng.randrange(1000, 10_000)}"]
        if rng.random() < 0.2:
            found["tags"] = rng.sample(TAGS, rng.choice((1, 1, 2)))
        return found

    def capture(self, email: str, **more: Any) -> Contact:
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
            **more,
        )

    def find_out(self) -> None:
        """Look up what a rep finds out before or after the first talk."""
        if self.inbound and self.company.id and not self.company.looked_up:
            self.company.looked_up = True
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

    def log(
        self, type: str, title: str, outcome: str, minutes: int | None = None, **more: Any
    ) -> None:
        said = {"subject": title, "type": type, "outcome": outcome, "duration": minutes}
        Activity.log(**said, **more, **self.subject)

    def plan_touch(self, type: str, title: str, due: Any, minutes: int | None = None) -> str:
        """Plan an activity; a story that ends here leaves it open."""
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
        return capfirst(self.rng.choice(lines).format(about=self.about, minutes=minutes))

    def lose(self, reasons: tuple[tuple[str, int], ...]) -> str:
        reason = self.rng.choices([r for r, _ in reasons], [w for _, w in reasons])[0]
        Lead.lose(self.id, lost_reason=reason)
        self.leave()
        return reason

    def leave(self) -> None:
        """Stop working on the lead; the person may be back one day."""
        if self.business.open.pop(self.id, None) and self.person.id and self.fate != SPAM:
            self.business.free.append(self.person)

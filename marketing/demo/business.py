"""The company whose year is told: who works there, who might buy, and which story happens when."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from random import Random
from typing import Any

from crm.models import (
    Activity,
    Calendar,
    Contact,
    ExchangeRate,
    Gate,
    Lead,
    Organization,
    Pipeline,
    Rule,
    StaleLimit,
    Team,
    TeamMember,
)
from crm.models.calendar import WEEKDAYS
from crm.rules import first_answer
from crm.rules.score import recount
from headlessly.access.actors import SYSTEM, Actor
from headlessly.context import clock
from headlessly.shaping import custom_fields, value_lists
from marketing.demo import companies, emails, offers, people, words
from marketing.demo.calendar import YEAR, arrivals, at_work, midnight
from marketing.demo.campaigns import Plan, campaign, settle_in_calendar
from marketing.demo.companies import Company
from marketing.demo.timeline import Story, Timeline

#: The ordinary channels, with their weight and their effect on the quality of a lead.
CHANNELS = {
    "website": (25, 0.06),
    "paid-search": (5, -0.06),
    "content": (6, -0.07),
    "social": (4, -0.15),
    "webinar": (1, 0.04),
    "email": (4, 0.0),
    "event": (2, 0.03),
    "referral": (7, 0.20),
    "partner": (7, 0.14),
    "outbound": (13, -0.11),
}
#: Channels whose leads the website records; reps enter the others.
INBOUND = {"website", "paid-search", "content", "social", "webinar", "email"}

#: What a unit of its customers' currencies is worth at the start of the year.
RATES = {"EUR": 1.08, "GBP": 1.27}
#: The assignment rules by team: leads from the website's forms go round; leads from partners go to the person
#: with the fewest open leads.
RULES: dict[str, dict[str, Any]] = {
    "New business": {
        "name": "From our forms", "position": 10, "how": "Turns",
        "condition": {"type": "Lead", "filter": {"source": "form"}},
    },
    "Growth": {
        "name": "From partners", "position": 20, "how": "Fewest open", "capacity": 500,
        "condition": {"type": "Lead", "filter": {"source": "partner"}},
    },
}  # fmt: skip
#: A field that a rule asks for and that was deleted since: the rule is skipped and reports the error.
FORGOTTEN_FIELD = {"noun": "Lead", "label": "Region", "type": "string"}
FORGOTTEN: dict[str, Any] = {
    "name": "From the north", "position": 5, "how": "Person",
    "condition": {"type": "Lead", "filter": {"region": "North"}},
}  # fmt: skip
FROM_THE_FAIR: dict[str, Any] = {
    "name": "From the fair", "position": 30, "how": "Person",
    "condition": {"type": "Lead", "filter": {"source": "event"}},
}  # fmt: skip
#: The rule for first answers to leads that come in by themselves, and for how many days it has existed.
ANSWERS: dict[str, Any] = {
    "name": "Half a day",
    "kind": Rule.Kind.FIRST_ANSWER,
    "within": 240,
    "warn_before": 60,
    "condition": {
        "type": "Lead",
        "filter": {"source": {"$in": [*sorted(INBOUND), "chat", "form", "partner", "referral"]}},
    },
}
ANSWERS_FOR = 28
#: The score rule: who leads are, and what they did lately.
WORTH: dict[str, Any] = {
    "name": "Fit and interest", "kind": "Score",
    "condition": {"type": "Lead", "filter": {}},
    "lines": [
        {"name": "They came to us", "about": "fit", "points": 10, "type": "Lead",
         "filter": {"source": {"$in": ["website", "form", "webinar", "content"]}}},
        {"name": "Somebody recommended us", "about": "fit", "points": 20, "type": "Lead",
         "filter": {"source": {"$in": ["referral", "partner"]}}},
        {"name": "A company of our size", "about": "fit", "points": 10, "type": "Lead",
         "filter": {"organization.tier": {"$in": ["SMB", "Business"]}}},
        {"name": "The budget is known", "about": "fit", "points": 15, "type": "Lead",
         "filter": {"budget": {"$exists": True}}},
        {"name": "We talk to who decides", "about": "fit", "points": 15, "type": "Lead",
         "filter": {"authority": {"$exists": True}}},
        {"name": "There is nobody to write to", "about": "fit", "points": -20, "type": "Lead",
         "filter": {"contact": None}},
        {"name": "Meetings and demos held", "about": "engagement", "points": 20, "type": "Activity",
         "filter": {"type": {"$in": ["Meeting", "Demo"]}, "status": "Completed"},
         "since": "completedAt", "halfLife": 30, "cap": 30},
        {"name": "Calls and mails", "about": "engagement", "points": 6, "type": "Activity",
         "filter": {"type": {"$in": ["Call", "Email", "FollowUp"]}, "status": "Completed"},
         "since": "completedAt", "halfLife": 21, "cap": 20},
    ],
    "thresholds": [{"name": "Warm", "from": 40}, {"name": "Hot", "from": 65}],
}  # fmt: skip
#: The company's own field of leads.
SITES = ("One site", "Two to five", "More than five")
PRODUCTS = ("Shifts", "Routes", "Stock", "Payroll export")
#: The colors of its options: the more sites, the warmer.
SITE_COLORS = ("#57606a", "#1d4ed8", "#15803d")
OWN_FIELDS: tuple[dict[str, Any], ...] = (
    {"noun": "Lead", "label": "Sites", "type": "choice", "group": "Trade",
     "options": [{"value": v, "color": c} for v, c in zip(SITES, SITE_COLORS, strict=True)]},
    {"noun": "Lead", "label": "Interested in", "type": "choices", "options": list(PRODUCTS),
     "group": "Trade"},
    {"noun": "Lead", "label": "Workers", "type": "integer", "minimum": 1, "group": "Trade",
     "help": "Who would be planned with it."},
    {"noun": "Deal", "label": "Contract end", "type": "date",
     "help": "When their contract with another vendor ends."},
)  # fmt: skip
STAGES = (
    ("Prospecting", 10),
    ("Qualification", 25),
    ("Proposal", 50),
    ("Negotiation", 75),
    ("Won", 100),
    ("Lost", 0),
)


@dataclass(eq=False)
class Member:
    """A person who works here, as a user and as a contact."""

    name: str
    email: str
    title: str
    role: str
    share: float = 0.0  #: of new leads
    skill: float = 0.0
    joined: int = 0  #: day of the year
    actor: Actor = None  # type: ignore[assignment]
    contact: str = ""


@dataclass(eq=False)
class Person:
    """A person who might buy, and their record once there is one."""

    first: str
    last: str
    email: str
    company: Company
    title: str
    department: str
    role: str
    word: float  #: how much their word counts
    id: str | None = None

    @property
    def name(self) -> str:
        return f"{self.first} {self.last}"


@dataclass
class Business:
    """One tenant's year. `first` is its first day, `last` the day on which it ends."""

    name: str
    domain: str
    seed: str
    last: date
    leads: int
    members: list[Member]
    website: Actor
    plans: tuple[Plan, ...]
    timeline: Timeline = field(default_factory=Timeline)
    running: dict[Plan, str] = field(default_factory=dict)
    open: dict[str, Any] = field(default_factory=dict)  #: the leads that are being worked on, by id
    #: Known people who are not a lead at the moment.
    free: list[Person] = field(default_factory=list)
    known: list[Company] = field(default_factory=list)
    emails: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.first = self.last - timedelta(YEAR)
        self.plans = tuple(settle_in_calendar(plan, self.first) for plan in self.plans)
        taken: set[str] = set()
        self.companies = companies.endless_companies(self.random("companies"), taken)
        self.former_companies = companies.endless_companies(self.random("former companies"), taken)
        self.manager = next(m for m in self.members if m.role == "manager")
        self.reps = [m for m in self.members if m.role == "rep"]

    def random(self, *what: Any) -> Random:
        """Returns a random generator for one purpose, so that stories never disturb each other."""
        return Random("/".join(map(str, (self.seed, *what))))

    def tell(self, watch: Callable[[datetime], None] = lambda moment: None) -> None:
        """Tell the whole year."""
        # Imported here: the modules of stories import this one.
        from marketing.demo import automations, forms, goals, leads

        self.timeline.begin(self._first_day())
        for plan in self.plans:
            self.timeline.begin(campaign(self, plan))
        self.timeline.begin(forms.forms(self))
        self.timeline.begin(forms.numbers(self))
        self.timeline.begin(goals.goals(self))
        self.timeline.begin(self._late_word())
        self.timeline.begin(self._replies())
        self.timeline.begin(emails.emails(self))
        self.timeline.begin(self._rules())
        self.timeline.begin(self._answers())
        self.timeline.begin(automations.automations(self))
        visitors = min(forms.VISITORS, self.leads // 10)
        for number in range(visitors):
            self.timeline.begin(forms.visitor(self, number))
        for number, day in enumerate(
            arrivals(self.random("arrivals"), self.first, self.leads - visitors)
        ):
            self.timeline.begin(leads.lead(self, number, max(day, self.first + timedelta(2))))
        for rep in self.reps:
            if rep.joined:
                self.timeline.begin(self._handover(rep))
        self.timeline.run(midnight(self.last), automations.at_work_beside(self, watch))
        automations.work_at(midnight(self.last) - timedelta(minutes=1))

    def _first_day(self) -> Story:
        yield midnight(self.first) + timedelta(hours=7), self.members[0].actor
        Pipeline.create(
            name="Standard",
            slug="standard",
            description="Every deal goes this way.",
            is_default=True,
            deal_rotting=21,
            stages=[
                {"name": name, "probability": chance, "order": order}
                for order, (name, chance) in enumerate(STAGES, 1)
            ],
        )
        renewals = Pipeline.create(
            name="Renewals",
            slug="renewals",
            description="Customers whose contract ends.",
            deal_rotting=30,
            stages=[
                {"name": "Upcoming", "probability": 60, "order": 1},
                {"name": "Offer sent", "probability": 75, "rotting": 10, "order": 2},
                {"name": "Renewed", "kind": "won", "order": 3},
                {"name": "Churned", "kind": "lost", "order": 4},
            ],
        )
        # Only for renewals: leads and new business work as everywhere.
        Gate.create(
            type="Deal",
            pipeline=renewals,
            state="Offer sent",
            requires=[{"field": "expectedCloseDate"}],
            reason="An offer without a day is forgotten.",
        )
        Calendar.create(
            name="Office", is_default=True, time_zone="Europe/London", country="GB", region="ENG",
            days_off=[{"from": f"{self.last.year}-12-24", "to": f"{self.last.year}-12-31", "name": "Closed"}],
        )  # fmt: skip
        StaleLimit.create(about="Lead", status=Lead.Status.NEW, days=7, reason="They asked.")
        for own in OWN_FIELDS:
            custom_fields.create_field(own)
        for name, values in words.LISTS.items():
            value_lists.change_list(name, values)
        offers.fill_catalogue()
        emails.write_templates()
        for currency, rate in RATES.items():
            ExchangeRate.create(currency=currency, day=clock.now().date(), rate=rate, source="ECB")
        for name, part in (("New business", slice(0, None, 2)), ("Growth", slice(1, None, 2))):
            team = Team.create(name=name)
            for number, rep in enumerate(self.reps[part]):
                role = TeamMember.Role.MEMBER if number else TeamMember.Role.LEADER
                TeamMember.create(team=team, member=rep.contact, role=role)
        home = Organization.create(name=self.name, domain=self.domain, type="Partner")
        for member in self.members:
            Contact.update(member.contact, organization=home)

    def _late_word(self) -> Story:
        """On the evening before, a rep asks the admin and the manager about an open lead, and both are
        notified."""
        rep, evening = self.reps[0], midnight(self.last) - timedelta(minutes=40)
        if evening.weekday() >= 5:
            return
        yield evening, rep.actor
        asked = [self.members[0], self.manager]
        lead = next((id for id, each in self.open.items() if each.rep is rep), None)
        names = " ".join(f"@{member.name}" for member in asked)
        Activity.log(
            subject="A word before tomorrow",
            type="Note",
            lead=lead,
            description=f"{names} they asked for references in their trade. Whom may I name?",
        )
        for member in asked:
            Activity.create(
                subject="Names of references",
                type="Task",
                lead=lead,
                assignee=member.contact,
                due_at=midnight(self.last) + timedelta(hours=18),
                reminder_at=midnight(self.last) - timedelta(minutes=10),
            )

    def _replies(self) -> Story:
        """On the last evening, two leads of each rep answer, and nobody sees it before the morning.

        Only the last one is called back at once.
        """
        evening = midnight(self.last) - timedelta(minutes=50)
        while evening.weekday() >= 5:
            evening -= timedelta(days=1)
        yield evening, self.reps[0].actor
        answered = [each for rep in self.reps for each in self.worked_by(rep)[:2]]
        said = self.random("replies")
        for theirs in answered:
            text = said.choice(words.REPLIED).format(about=theirs.about)
            Activity.log(
                subject=f"Re: {theirs.about}", type="Email", direction="Inbound", description=text,
                **theirs.subject,
            )  # fmt: skip
        for theirs in answered[1:][-1:]:
            yield evening + timedelta(minutes=10), theirs.rep.actor
            Lead.settle(theirs.id)

    def worked_by(self, rep: Any) -> list[Any]:
        """Returns the leads that a rep is talking with."""
        states = (Lead.Status.CONTACTED, Lead.Status.QUALIFIED)
        theirs = [each for each in self.open.values() if each.rep is rep and each.person.id]
        ids = [each.id for each in theirs]
        worked = set(
            Lead.objects.filter(pk__in=ids, status__in=states).values_list("pk", flat=True)
        )
        return [each for each in theirs if each.id in worked]

    def _rules(self) -> Story:
        """On the evening before, the admin writes rules for scores and assignment. Some leads come in.

        A rep claims what no rule assigned.
        """
        evening = midnight(self.last) - timedelta(minutes=50)
        yield evening, self.members[0].actor
        Rule.create(**WORTH)
        recount.recount_all()
        self._hours_and_leave()
        for team in Team.find().order_by("created_at", "name"):
            if rule := RULES.get(team.name):
                Rule.create(team=team, fallback=self.manager.contact, **rule)
        Rule.create(person=self.members[0].contact, **FROM_THE_FAIR)
        field = custom_fields.create_field(FORGOTTEN_FIELD)
        Rule.create(person=self.manager.contact, **FORGOTTEN)
        custom_fields.delete_field(field, field.name)
        yield evening + timedelta(minutes=4), self.website
        for name in words.REFERRED:
            Lead.create(name=name, source="partner")
        for name in words.FAIR:
            Lead.create(name=f"{name}, at our stand", source="event")
        left = Lead.create(name=words.ASKED, source="chat")
        if evening.weekday() < 5:
            yield evening + timedelta(minutes=8), self.reps[0].actor
            left.claim()

    def _hours_and_leave(self) -> None:
        """One member of the second team works in the mornings, and somebody's leave begins next week."""
        mornings = Calendar.create(
            name="Mornings",
            time_zone="Europe/London",
            country="GB",
            region="ENG",
            hours=[{"day": day, "from": "09:00", "to": "13:00"} for day in WEEKDAYS[:5]],
        )
        places = TeamMember.find({"team.name": "Growth"})
        leader, *others = places.order_by("role", "member__name")
        leader.update(
            away_from=self.last + timedelta(days=7), away_until=self.last + timedelta(days=21)
        )
        for place in others[:1]:
            place.update(calendar=mornings)

    def _answers(self) -> Story:
        """For some weeks, the time to the first answer is watched, and missed answers are recorded."""
        start = midnight(self.last - timedelta(ANSWERS_FOR)) + timedelta(hours=8)
        yield start, self.manager.actor
        Rule.create(**ANSWERS)
        for hours in range(24 * ANSWERS_FOR - 8):
            yield start + timedelta(hours=hours, minutes=30), SYSTEM
            first_answer.note_missed_answers()

    def _handover(self, rep: Member) -> Story:
        """A rep who joins during the year takes over some of the others' work."""
        day = self.first + timedelta(rep.joined)
        yield at_work(midnight(day) + timedelta(hours=9, minutes=20)), self.manager.actor
        busy = [p for p in self.open.values() if p.rep.share >= 1.2]
        for prospect in busy[::4]:
            prospect.hand_to(rep)

    # -- chance ------------------------------------------------------------------------------------

    def overspend(self, plan: Plan) -> float:
        return self.random("overspend", plan.title, plan.start).uniform(0.88, 1.17)

    def channel(self, rng: Random, day: date) -> tuple[str, Plan | None, float]:
        """Returns where a lead of this day comes from: source, campaign, and effect on its quality."""
        number = (day - self.first).days
        choices: list[tuple[str, Plan | None]] = [(source, None) for source in CHANNELS]
        weights: list[float] = [weight for weight, _ in CHANNELS.values()]
        for plan in self.plans:
            if plan.draws(number):
                choices.append((plan.source, plan))
                weights.append(plan.draw)
        source, chosen = rng.choices(choices, weights)[0]
        return source, chosen, CHANNELS[source][1] + (chosen.quality if chosen else 0)

    def rep(self, rng: Random, day: date) -> Member:
        """Returns who gets the next lead."""
        number = (day - self.first).days
        here = [rep for rep in self.reps if rep.joined <= number]
        return rng.choices(here, [rep.share for rep in here])[0]

    def person(self, rng: Random) -> Person:
        """Returns who gets in touch: somebody known, somebody else of a known company, or somebody new."""
        if self.free and rng.random() < 0.30:
            return self.free.pop(rng.randrange(len(self.free)))
        if self.known and rng.random() < 0.64:
            return self.colleague(rng, rng.choice(self.known))
        company = next(self.companies)
        self.known.append(company)
        return self.colleague(rng, company)

    def colleague(self, rng: Random, company: Company) -> Person:
        first, last = people.name(rng, company.country.region)
        stem = f"{first}.{last}".lower()
        email, number = f"{stem}@{company.domain}", 1
        while email in self.emails:
            number += 1
            email = f"{stem}{number}@{company.domain}"
        self.emails.add(email)
        return Person(first, last, email, company, *people.title(rng))

"""The workspace of another CRM, read from its users' exports and replayed with the product's verbs.

Its folder stays outside of the project. The README there says how to read it: states in words, money like
``$1,117.10K``, owners by name, and CONVERTED, which overrides the status beside it.
"""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from itertools import count
from pathlib import Path

from django.db import connection

from crm import Contact, Deal, Lead, Organization
from headlessly.context import clock
from headlessly.execution import executor
from marketing import Campaign

#: Beside the checkout, or beside the folder of a second checkout.
PLACES = [Path(__file__).resolve().parents[n] / "shared" / "data" / "zoho" for n in (3, 4)]
FOLDER = next((place for place in PLACES if place.is_dir()), PLACES[0])

STATUSES = {
    "Not Contacted": "New",
    "Attempted to Contact": "New",
    "Contacted": "Contacted",
    "Contact in Future": "Contacted",
    "Pre Qualified": "Qualified",
    "Lost Lead": "Lost",
    "Junk Lead": "Lost",
}
STAGES = {
    "Prospect": "Prospecting",
    "Qualification": "Qualification",
    "Needs Analysis": "Qualification",
    "Initial Offer": "Proposal",
    "Proposal/Price Quote": "Proposal",
    "Negotiation/Review": "Negotiation",
    "Closed Won": "Won",
    "Closed Lost": "Lost",
}
#: How often a new deal is advanced to reach a stage; won and lost deals need no advance.
ADVANCES = {"Qualification": 1, "Proposal": 2, "Negotiation": 3}
CAMPAIGN_TYPES = {
    "Advertisement": "Paid",
    "Conference": "Event",
    "Direct mail": "Content",
    "Email": "Email",
    "Partners": "Referral",
    "Public Relations": "Social",
    "Referral Program": "Referral",
    "Telemarketing": "Paid",
    "Webinar": "Webinar",
    "Others": None,
}
CAMPAIGN_STATUSES = {
    "Planning": "Draft",
    "Active": "Launched",
    "Inactive": "Paused",
    "Complete": "Completed",
}
#: Companies and owners have no date: they existed before everything else.
BEGINNING = datetime(2018, 7, 1, tzinfo=UTC)

#: How many steps share a transaction, as an import job would do it.
TOGETHER = 20
#: After so many transactions the tables are analyzed. PostgreSQL does that by itself between transactions,
#: but a test is one long transaction; without statistics it would read all contacts to find an email.
ANALYSED = {1, 10, 50, 200}

Row = dict[str, str]
Step = Callable[[], None]


def money(text: str) -> Decimal:
    """``$1,117.10K`` is 1,117,100.00."""
    text = text.strip().lstrip("$").replace(",", "")
    scale = {"K": 1_000, "M": 1_000_000}.get(text[-1:].upper(), 1)
    return Decimal(text.rstrip("KkMm") or "0") * scale


def moment(text: str) -> datetime:
    """``15 Apr, 2021 00:03:00`` or ``2021-04-25``."""
    if "," in text:
        return datetime.strptime(text, "%d %b, %Y %H:%M:%S").replace(tzinfo=UTC)
    return datetime.combine(date.fromisoformat(text), time(), UTC)


def rows(name: str) -> list[Row]:
    with (FOLDER / f"{name}.csv").open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


def status_of(lead: Row) -> str:
    return "Converted" if lead["CONVERTED"] == "Yes" else STATUSES[lead["Lead Status"]]


def converted_at(lead: Row, potential: Row, campaign: Row) -> datetime:
    """Returns when everything that a conversion needs existed: many deals are older than their leads."""
    return max(moment(row["Created Time"]) for row in (lead, potential, campaign))


@dataclass
class Replay:
    """The whole workspace, and every step of its history in order."""

    steps: list[tuple[datetime, int, Step]] = field(default_factory=list)
    numbers: Iterator[int] = field(default_factory=count)
    owners: dict[str, str] = field(default_factory=dict)
    accounts: dict[str, str] = field(default_factory=dict)  #: by id
    companies: dict[str, str] = field(default_factory=dict)  #: by name
    campaigns: dict[str, str] = field(default_factory=dict)
    people: dict[str, str] = field(default_factory=dict)  #: by email

    def __post_init__(self) -> None:
        self.leads = rows("Leads")
        self.potentials = {row["LEADID"]: row for row in rows("Potentials")}
        self.contact_rows = rows("Contacts")
        self.account_rows = rows("Accounts")
        self.campaign_rows = {row["CAMPAIGNID"]: row for row in rows("Campaigns")}

    def run(self) -> None:
        """Replay the history."""
        self.at(BEGINNING, self.begin)
        for row in self.campaign_rows.values():
            self.campaign(row)
        for row in self.contact_rows:
            self.at(moment(row["Created Time"]), lambda row=row: self.contact(row))
        for row in self.leads:
            self.lead(row)
        self.steps.sort(key=lambda step: step[:2])
        for number, first in enumerate(range(0, len(self.steps), TOGETHER)):
            if number in ANALYSED:
                with connection.cursor() as cursor:
                    cursor.execute("ANALYZE")
            with executor.one_transaction():
                for when, _, step in self.steps[first : first + TOGETHER]:
                    with clock.set_clock(when, purpose="replay"):
                        step()

    def at(self, when: datetime, step: Step) -> None:
        self.steps.append((when, next(self.numbers), step))

    # -- who and what was there -------------------------------------------------------------------

    def begin(self) -> None:
        names = {row["Lead Owner"] for row in self.leads}
        names |= {row["Potential Owner"] for row in self.potentials.values()}
        for name in sorted(names | {row["Contact Owner"] for row in self.contact_rows}):
            self.owners[name] = Contact.create(name=name, stage="Partner").pk
        domains: set[str] = set()
        for row in self.account_rows:
            domain = row["Website"].lower()
            # An account without a name is named by its website.
            name = row["Account Name"].strip() or row["Website"]
            account = Organization.create(
                name=name,
                domain=None if domain in domains else domain,
                website=f"https://{domain}",
                type=row["Account Type"],
                industry=row["Industry"],
            ).pk
            domains.add(domain)
            self.accounts[row["ACCOUNTID"]] = account
            self.companies.setdefault(name, account)

    def campaign(self, row: Row) -> None:
        id, created = row["CAMPAIGNID"], moment(row["Created Time"])

        def create() -> None:
            self.campaigns[id] = Campaign.create(
                name=row["Campaign Name"],
                type=CAMPAIGN_TYPES[row["Type"]],
                start_date=date.fromisoformat(row["Start Date"]),
                end_date=date.fromisoformat(row["End Date"]),
                budget=money(row["Budgeted Cost"]),
                actual_cost=money(row["Actual Cost"]),
                target_revenue=money(row["Expected Revenue"]),
                # The export has none, but launching requires one.
                landing_page_url=f"https://campaigns.example/{id}",
            ).pk

        self.at(created, create)
        status = CAMPAIGN_STATUSES[row["Status"]]
        start, end = (moment(row[f"{word} Date"]) for word in ("Start", "End"))
        start = max(start, created)
        if status != "Draft":
            self.at(start, lambda: Campaign.launch(self.campaigns[id]))
        if status == "Paused":
            self.at(
                max(start, moment(row["Modified Time"])), lambda: Campaign.pause(self.campaigns[id])
            )
        if status == "Completed":
            self.at(max(start, end), lambda: Campaign.complete(self.campaigns[id]))

    def contact(self, row: Row) -> None:
        """Create a contact, or complete one that a lead created."""
        self.people[row["Email"].lower()] = Contact.capture(
            **self.person(row),
            owner=self.owners[row["Contact Owner"]],
            organization=self.accounts[row["Account Id"]],
        ).pk

    @staticmethod
    def person(row: Row) -> dict[str, str]:
        return {
            "name": row["Last Name"],
            "last_name": row["Last Name"],
            "email": row["Email"],
            "mobile": row["Mobile"],
            "source": row["Lead Source"],
        }

    # -- leads and what became of them ------------------------------------------------------------

    def lead(self, row: Row) -> None:
        ids: dict[str, str] = {}
        created = moment(row["Created Time"])
        self.at(created, lambda: ids.update(lead=self.new_lead(row)))
        status = status_of(row)
        if status == "Converted":
            potential = self.potentials[row["LEADID"]]
            when = converted_at(row, potential, self.campaign_rows[potential["Campaign Id"]])
            self.at(when, lambda: ids.update(deal=self.convert(ids["lead"], potential)))
            stage = STAGES[potential["Stage"]]
            if stage in ("Won", "Lost"):
                end = max(moment(potential["Closing Date"]), when)
                self.at(end, lambda: self.end(ids["deal"], stage))
            return
        later = created + timedelta(hours=1)
        if status == "Lost":
            self.at(later, lambda: Lead.lose(ids["lead"], lost_reason=row["Lead Status"]))
        for target in ("Contacted", "Qualified"):
            if status == target or status == "Qualified":
                self.at(later, lambda target=target: Lead.update(ids["lead"], status=target))

    def new_lead(self, row: Row) -> str:
        company = self.companies.get(row["Company"])
        email = row["Email"].lower()
        if email not in self.people:
            self.people[email] = Contact.create(**self.person(row)).pk
        return Lead.create(
            name=f"{row['Last Name']}, {row['Company']}",
            contact=self.people[email],
            organization=company,
            owner=self.owners[row["Lead Owner"]],
            source=row["Lead Source"],
            source_detail=row["Website"],
        ).pk

    def convert(self, lead: str, potential: Row) -> str:
        """Move the lead to its potential, which describes the deal."""
        Lead.update(lead, status="Contacted", campaign=self.campaigns[potential["Campaign Id"]])
        Lead.update(lead, status="Qualified")
        deal = {
            "name": potential["Potential Name"],
            "value": money(potential["Amount"]),
            "owner": self.owners[potential["Potential Owner"]],
            "expected_close_date": moment(potential["Closing Date"]).date(),
            "probability": float(potential["Probability"]) if potential["Probability"] else None,
        }
        id = Lead.convert(lead, deal=deal).deal_id
        for _ in range(ADVANCES.get(STAGES[potential["Stage"]], 0)):
            Deal.advance(id)
        return id

    def end(self, deal: str, stage: str) -> None:
        if stage == "Won":
            Deal.win(deal)
        else:
            # The export does not say why.
            Deal.lose(deal, lost_reason="Closed Lost")

"""The history that the company brought from its former program: the year before, in three dated files."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Mapping
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING

from headlessly.access import actors
from headlessly.context import clock
from headlessly.declaration.registry import registry
from headlessly.transfer import imports
from headlessly.transfer.import_job import Run
from marketing.demo import words
from marketing.demo.business import CHANNELS
from marketing.demo.calendar import YEAR, arrivals, later, midnight, office_hour
from marketing.demo.deals import deal_value

if TYPE_CHECKING:
    from marketing.demo.business import Business

#: The year before had one lead for so many of this year.
SHARE = 4
#: Leads of the former program end this many days before this year, so that all of them are closed.
LAST = 60
WON, CONVERTED = 0.45, 0.28

Row = Mapping[str, object]


def move_in(business: Business) -> None:
    """Import contacts, deals and leads of the year before, as the admin did on the first morning.

    All of them are closed: open records are those of this year.
    """
    files: dict[str, list[Row]] = {"Contact": [], "Deal": [], "Lead": []}
    for number, day in enumerate(_days(business)):
        for noun, row in _ended_lead(business, number, day):
            files[noun].append(row)
    moment = midnight(business.first) + timedelta(hours=6, minutes=30)
    with clock.set_clock(moment, purpose="demo"), actors.acting(business.members[0].actor):
        for noun, rows in files.items():
            if rows:
                _import(noun, rows, f"{noun.lower()}s of {_years(business)}.csv")


def _days(business: Business) -> list[date]:
    """Returns the days on which the leads came in, in order."""
    before = arrivals(
        business.random("arrivals before"),
        business.first - timedelta(YEAR),
        business.leads // SHARE,
    )
    last = business.first - timedelta(LAST)
    return [min(day, last) for day in before]


def _years(business: Business) -> str:
    first = (business.first - timedelta(YEAR)).year
    return f"{first} and {business.first.year}" if business.first.year > first else f"{first}"


def _ended_lead(business: Business, number: int, day: date) -> Iterator[tuple[str, Row]]:
    """Yields the rows of one lead: the person, the lead, and the deal that it became."""
    rng = business.random("before", number)
    company = next(business.former_companies)
    person = business.colleague(rng, company)
    rep = rng.choice([rep for rep in business.reps if not rep.joined])
    source = rng.choices(list(CHANNELS), [weight for weight, _ in CHANNELS.values()])[0]
    about = rng.choice(words.INTERESTS)[0]
    created = office_hour(rng, day)
    ended = later(rng, created, days=rng.randint(5, 25))
    value = deal_value(rng, company)
    converted = rng.random() < CONVERTED + CHANNELS[source][1] / 2
    won = converted and rng.random() < WON
    name = f"{company.name}: {about}"
    yield (
        "Contact",
        {
            "Full Name": person.name,
            "Email": person.email,
            "Company": company.name,
            "Job Title": person.title,
            "Lifecycle Stage": "Customer" if won else "Lead",
            "Lead Source": source,
            "Contact Owner": rep.email,
            "Create Date": created.isoformat(),
        },
    )
    if converted:
        closed = min(later(rng, ended, days=rng.randint(8, 30)), _eve(business))
        yield (
            "Deal",
            {
                "Deal Name": name,
                "Amount": value,
                "Stage": "Closed Won" if won else "Closed Lost",
                "Contact Name": person.email,
                "Company": company.name,
                "Lead Source": source,
                "Deal Owner": rep.email,
                "Create Date": ended.isoformat(),
                "Won Time": closed.isoformat() if won else "",
                "Lost Time": "" if won else f"{closed:%Y-%m-%d}",
                "Closed Lost Reason": "" if won else rng.choice(words.DEAL_LOST)[0],
            },
        )
    yield (
        "Lead",
        {
            "Lead Name": name,
            "Email": person.email,
            "Company": company.name,
            "Lead Status": "Converted" if converted else "Disqualified",
            "Lead Source": source,
            "Lead Owner": rep.email,
            "Amount": value if converted else "",
            "Deal": name if converted else "",
            "Create Date": created.isoformat(),
            "Converted Date": ended.isoformat() if converted else "",
            "Lost Date": "" if converted else ended.isoformat(),
            "Loss Reason": "" if converted else rng.choice(words.UNFIT)[0],
        },
    )


def _eve(business: Business) -> datetime:
    """Returns the last moment of the former program."""
    return midnight(business.first) - timedelta(hours=6)


def _import(noun: str, rows: list[Row], filename: str) -> None:
    """Import a file as a person would who uploads it, and wait until it is done."""
    text = io.StringIO()
    table = csv.DictWriter(text, list(rows[0]))
    table.writeheader()
    table.writerows(rows)
    content = text.getvalue().encode()
    source = imports.begin_import(
        registry[noun], io.BytesIO(content), "csv", size=len(content), filename=filename
    )
    Run(source).go()  # the deferred job finds it done

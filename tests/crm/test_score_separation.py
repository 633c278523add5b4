"""Score rules on real leads: those of a public teaching set, which is not part of the project."""

from __future__ import annotations

import csv
import io
from pathlib import Path
from typing import Any

import pytest

from crm import Lead, Rule
from crm.rules.score import recount
from crm.rules.score.preview import separation_of_rule, separation_of_stored
from headlessly.shaping import custom_fields
from tests.headlessly.transfer.conftest import imported, send  # noqa: F401

PLACES = [each / "shared/data/scoring/leads.csv" for each in Path(__file__).resolve().parents]
FILE = next((each for each in PLACES if each.exists()), PLACES[-1])
#: Enough to see it, and quick.
ROWS = 1_500
FIELDS = {
    "origin": ("string", "Lead Origin"),
    "occupation": ("string", "What is your current occupation"),
    "lastDone": ("string", "Last Activity"),
    "secondsOnSite": ("integer", "Total Time Spent on Website"),
    "noMail": ("string", "Do Not Email"),
}


def line(name: str, points: int, **filter: Any) -> dict[str, Any]:
    return {"name": name, "points": points, "type": "Lead", "filter": filter}


LINES = [
    line("Asked by our form", 25, origin="Lead Add Form"),
    line("Works", 25, occupation="Working Professional"),
    line("Said what they do", 15, occupation={"$exists": True}),
    line("Ten minutes on the site", 15, secondsOnSite={"$gte": 600}),
    line("Twenty minutes on the site", 10, secondsOnSite={"$gte": 1_200}),
    line("Answered by SMS", 15, lastDone="SMS Sent"),
    line("Only chatted", -10, lastDone="Olark Chat Conversation"),
    line("Wants no mail", -10, noMail="Yes"),
    line("Recommended", 10, source={"$in": ["Reference", "Welingak Website"]}),
]


def as_file() -> bytes:
    """The set as a file of ours; what was not answered is empty."""
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(["name", "source", "status", "lostReason", *FIELDS])
    with FILE.open(encoding="utf-8-sig", newline="") as text:
        for number, row in enumerate(csv.DictReader(text)):
            if number == ROWS:
                break
            won = row["Converted"] == "1"
            given = [row[column] for _type, column in FIELDS.values()]
            state = ["Converted", ""] if won else ["Lost", "No answer"]
            writer.writerow([
                f"Lead {row['Lead Number']}", row["Lead Source"] or "unknown", *state,
                *("" if each == "Select" else each for each in given),
            ])  # fmt: skip
    return out.getvalue().encode()


@pytest.mark.skipif(not FILE.exists(), reason="the public scoring set is not in this folder")
def test_it_tells_those_who_bought_from_those_who_did_not(acme, imported):  # noqa: F811
    for name, (kind, _column) in FIELDS.items():
        custom_fields.create_field({"noun": "Lead", "name": name, "label": name, "type": kind})
    told = imported("leads", as_file())
    assert told["created"] == ROWS, told
    rule = Rule.create(
        name="Worth", kind="Score", condition={"type": "Lead", "filter": {}}, lines=LINES
    )
    for descends in (False, True):
        recount.recount_all(descends=descends)
    assert Lead.objects.filter(score=None).count() == 0
    found = separation_of_rule(rule.pk)
    assert (found["leads"], found["givesAway"]) == (ROWS, [])
    best, worst = found["tenths"][0], found["tenths"][-1]
    print(found["share"], found["order"], [round(each["share"], 2) for each in found["tenths"]])
    assert 0.3 < found["share"] < 0.5
    assert best["share"] > 0.8 and worst["share"] < 0.2 and found["order"] > 0.75
    stored = separation_of_stored(rule)
    assert stored["tenths"] == found["tenths"], "what stands there is what is counted"

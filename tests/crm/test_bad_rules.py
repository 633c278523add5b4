"""Bad input to rules, calendars and limits: each way in names the field and what is allowed."""

from __future__ import annotations

import json
from typing import Any

import pytest

from crm import Calendar, Rule, StaleLimit, Team, TeamMember
from headlessly.access.models import ApiKey
from tests.answered import problem
from tests.headlessly.admin.conftest import *  # noqa: F403  (the people who sign in)
from tests.headlessly.admin.signed_in import WITHOUT_FRAME
from tests.headlessly.mcp.conftest import Agent

ALL = {"type": "Lead", "filter": {}}
LINE = {"name": "L", "points": 5, "type": "Lead", "filter": {}}
SINCE = {**LINE, "since": "$createdAt"}
CREATE = {"do": "Activity.create", "with": {"subject": "S"}}


def scores(**line: Any) -> dict[str, Any]:
    said = {"name": "R", "kind": "Score", "condition": ALL}
    return said | {"lines": [{**SINCE, **line}]}


def follows(*steps: Any, **given: Any) -> dict[str, Any]:
    said = {"name": "R", "kind": "Automation", "condition": ALL, "events": ["Lead.Created"]}
    return said | {"steps": list(steps)} | given


def gives(**given: Any) -> dict[str, Any]:
    return {"name": "R", "kind": "Assignment", "condition": ALL, "how": "Nobody"} | given


def works(**given: Any) -> dict[str, Any]:
    return {"name": "C", "timeZone": "UTC"} | given


def hours(*stretches: Any) -> dict[str, Any]:
    return works(hours=list(stretches))


MONDAY = {"day": "Monday", "from": "09:00", "to": "17:00"}

#: The noun, what is sent, the field that is named, and what is said of what is allowed.
WRONG = [
    # Calendars
    ("calendars", works(timeZone="Europe/Nowhere"), "timeZone", "IANA"),
    ("calendars", works(timeZone=5), "timeZone", "text"),
    ("calendars", works(country="ZZ"), "country", "ISO 3166"),
    ("calendars", works(country="DE", region="XX"), "region", "BY"),
    ("calendars", works(region="BY"), "region", "country"),
    ("calendars", hours(), "hours", "1 to 70"),
    ("calendars", works(hours={"day": "Monday"}), "hours", "list"),
    ("calendars", works(hours="9 to 5"), "hours", "list"),
    ("calendars", hours("Monday"), "hours", "day, from and to"),
    ("calendars", hours({**MONDAY, "day": "Mo"}), "hours", "Monday"),
    ("calendars", hours({**MONDAY, "day": ["Monday"]}), "hours", "Monday"),
    ("calendars", hours({**MONDAY, "day": {"a": 1}}), "hours", "Monday"),
    ("calendars", hours({**MONDAY, "from": "9"}), "hours", "09:00"),
    ("calendars", hours({**MONDAY, "from": None}), "hours", "09:00"),
    ("calendars", hours({**MONDAY, "to": "24:01"}), "hours", "24:00"),
    ("calendars", hours({**MONDAY, "to": "08:00"}), "hours", "ends after"),
    ("calendars", hours(MONDAY, {**MONDAY, "from": "12:00"}), "hours", "another one"),
    ("calendars", works(daysOff=[{"from": "24.12."}]), "daysOff", "2026-12-24"),
    ("calendars", works(daysOff=[{"from": 5}]), "daysOff", "2026-12-24"),
    ("calendars", works(daysOff=[{"from": "2026-12-24", "to": 5}]), "daysOff", "2026-12-24"),
    ("calendars", works(daysOff=[{"from": "2026-12-24", "to": "2026-12-23"}]), "daysOff", "later"),
    ("calendars", works(daysOff=[{"to": "2026-12-24"}]), "daysOff", "from, to and name"),
    ("calendars", works(daysOff="never"), "daysOff", "list"),
    ("calendars", works(daysOff=[{"from": "2026-12-24", "name": 5}]), "daysOff", "text"),
    # Stale limits
    ("stalelimits", {"about": "Deal", "days": 5}, "about", "pipeline"),
    ("stalelimits", {"about": "Led", "days": 5}, "about", "Lead"),
    ("stalelimits", {"about": 5, "days": 5}, "about", "text"),
    ("stalelimits", {"about": "Lead", "days": 0}, "days", "1"),
    ("stalelimits", {"about": "Lead", "days": "soon"}, "days", "number"),
    ("stalelimits", {"about": "Lead", "days": 5, "status": "Converted"}, "status", "New"),
    ("stalelimits", {"about": "Lead", "days": 5, "status": "Open"}, "status", "New"),
    ("stalelimits", {"about": "Lead"}, "days", "required"),
    # Scores
    ("rules", scores(points="many"), "lines", "-100 to 100"),
    ("rules", scores(points=0), "lines", "-100 to 100"),
    ("rules", scores(points=1.5), "lines", "-100 to 100"),
    ("rules", scores(points=True), "lines", "-100 to 100"),
    ("rules", scores(halfLife=0), "lines", "days"),
    ("rules", scores(halfLife=-3), "lines", "days"),
    ("rules", scores(halfLife="a week"), "lines", "days"),
    ("rules", scores(within=99999), "lines", "3650"),
    ("rules", scores(cap=-5), "lines", "1 to 100"),
    ("rules", scores(cap="much"), "lines", "1 to 100"),
    ("rules", scores(name=""), "lines", "1 to 100"),
    ("rules", scores(name=["L"]), "lines", "1 to 100"),
    ("rules", scores(about="luck"), "lines", "fit or engagement"),
    ("rules", scores(about=["fit"]), "lines", "fit or engagement"),
    ("rules", scores(type="Deal"), "lines", "Lead, Activity"),
    ("rules", scores(type=["Lead"]), "lines", "Lead, Activity"),
    ("rules", scores(type={}), "lines", "Lead, Activity"),
    ("rules", scores(since="name"), "lines", "moment"),
    ("rules", scores(since=5), "lines", "moment"),
    ("rules", scores(filter="x"), "lines", "object"),
    ("rules", scores(filter={"nope": 1}), "lines", "nope"),
    ("rules", scores(bonus=1), "lines", "bonus"),
    ("rules", {**scores(), "lines": []}, "lines", "1 to 50"),
    ("rules", {**scores(), "lines": {}}, "lines", "1 to 50"),
    ("rules", {**scores(), "lines": [5]}, "lines", "object"),
    ("rules", {**scores(), "lines": [LINE, LINE]}, "lines", "two lines"),
    ("rules", {**scores(), "thresholds": [{"name": "A", "from": 0}]}, "thresholds", "1 to 100"),
    ("rules", {**scores(), "thresholds": "hot"}, "thresholds", "list"),
    # Assignment
    ("rules", gives(how="Turns"), "team", "needs"),
    ("rules", gives(how="Person"), "person", "needs"),
    ("rules", gives(how="Dice"), "how", "Turns"),
    ("rules", gives(how="Person", person="contact_none"), "person", "contact_none"),
    ("rules", gives(capacity=0), "capacity", "1"),
    ("rules", gives(capacity="ten"), "capacity", "number"),
    ("rules", gives(condition={"type": "Deal", "filter": {}}), "condition", "Lead"),
    ("rules", gives(condition={"type": ["Lead"], "filter": {}}), "condition", "Lead"),
    ("rules", gives(condition={"type": {}, "filter": {}}), "condition", "Lead"),
    ("rules", gives(condition="all"), "condition", "type and filter"),
    ("rules", gives(kind="Magic"), "kind", "Assignment"),
    ("rules", gives(position=-1), "position", "0"),
    # Automations
    ("rules", follows(), "steps", "1 to 20"),
    ("rules", follows("wait"), "steps", "wait, do, notify, webhook"),
    ("rules", follows({"wait": "soon"}, CREATE), "steps", "3 days"),
    ("rules", follows({"wait": 5}, CREATE), "steps", "3 days"),
    ("rules", follows({"wait": {"until": ["x"]}}, CREATE), "steps", "workingDay"),
    ("rules", follows({"wait": {"until": {"x": 1}}}, CREATE), "steps", "workingDay"),
    ("rules", follows({"wait": {"until": "workingDay", "at": 9}}, CREATE), "steps", "09:00"),
    ("rules", follows({"wait": "3 days"}), "steps", "nothing comes after"),
    ("rules", follows({"do": 5}), "steps", "Use one of"),
    ("rules", follows({"do": ["Lead.update"]}), "steps", "Use one of"),
    ("rules", follows({"do": "Lead.jump"}), "steps", "Lead.update"),
    ("rules", follows({**CREATE, "with": "x"}), "steps", "object"),
    ("rules", follows({**CREATE, "with": {"subject": "S", "x": 1}}), "steps", "it takes"),
    ("rules", follows({**CREATE, "with": {}}), "steps", "subject"),
    ("rules", follows({**CREATE, "of": 5}), "steps", "of"),
    ("rules", follows({"notify": 5, "text": "T"}), "steps", "owner"),
    ("rules", follows({"notify": ["owner"], "text": "T"}), "steps", "owner"),
    ("rules", follows({"notify": "owner", "text": 5}), "steps", "1,000"),
    ("rules", follows({"notify": "owner", "text": "{{nope}}"}), "steps", "nope"),
    ("rules", follows({"webhook": 5}), "steps", "webhook"),
    ("rules", follows({"webhook": "webhook_nope"}), "steps", "webhook"),
    ("rules", follows(CREATE, events=["Deal.Won"]), "events", "Lead.Created"),
    ("rules", follows(CREATE, events=[]), "events", "Lead.Created"),
    ("rules", follows(CREATE, events="Lead.Created, x"), "events", ""),
    ("rules", follows(CREATE, events=[5]), "events", ""),
]
NOUNS = {"calendars": Calendar, "stalelimits": StaleLimit, "rules": Rule}


def nothing_is_there() -> bool:
    return not any(noun.count() for noun in NOUNS.values())


def told(found: dict[str, Any]) -> dict[str, str]:
    """What a refusal says, by the field that it names."""
    return {each["field"]: each["message"] for each in found["details"]}


def test_rest_names_the_field_and_what_is_allowed(api: Any) -> None:
    for path, given, field, said in WRONG:
        answer = api.call("POST", f"/{path}", given)
        assert answer.status_code == 422, (path, given, answer.content)
        says = told(problem(answer, 422, "validation_error"))
        assert field in says and said in says[field], (path, given, says)
    assert nothing_is_there()


def in_a_form(noun: Any, given: dict[str, Any]) -> dict[str, str]:
    """What a browser sends of what is given."""
    sent = {}
    for wire, value in given.items():
        one = noun.schema.fields[wire]
        if one.type == "choices" and isinstance(value, list):
            value = "; ".join(map(str, value))
        as_it_is = isinstance(value, str) and one.type != "json"
        sent[one.name] = value if as_it_is else json.dumps(value)
    if noun is Calendar:
        sent.setdefault("hours", json.dumps([MONDAY]))
    return sent


def test_so_does_the_form(ann: Any) -> None:
    for path, given, field, _said in WRONG:
        noun = NOUNS[path]
        kind = f"?kind={given['kind']}" if given.get("kind") in Rule.Kind.values else ""
        page = ann.post(
            f"/~acme/admin/crm/{noun._meta.model_name}/add/{kind}",
            in_a_form(noun, given),
            headers=WITHOUT_FRAME,
        )
        if page.status_code == 302 and isinstance(given.get(field), int | str):
            noun.objects.get().delete()  # a text is a text in a form
            continue
        assert page.status_code == 422, (path, given, page.status_code)
        errors = page.context["form"].errors
        assert noun.schema.fields[field].name in errors, (path, given, errors)
    assert nothing_is_there()


def test_so_does_an_agent(acme: Any) -> None:
    agent = Agent(acme, "admin")
    for path, given, field, said in WRONG[::4]:
        values = ", ".join(f"{wire}={value!r}" for wire, value in given.items())
        found = agent.refused("do", code=f"{NOUNS[path].__name__}.create({values})")
        says = told(found)
        assert field in says and said in says[field], (path, given, found)
    assert nothing_is_there()


def test_members_of_a_team_are_there_once_with_a_weight(acme: Any, people: Any, api: Any) -> None:
    team = Team.create(name="North")
    TeamMember.create(team=team, member=people.bob)
    for given, field, said in (
        ({"member": people.bob.pk}, "member", "already"),
        ({"member": people.cleo.pk, "weight": -1}, "weight", "0"),
        ({"member": people.cleo.pk, "weight": "much"}, "weight", "number"),
        ({"member": people.cleo.pk, "awayUntil": "soon"}, "awayUntil", "2026"),
    ):
        reply = api.call("POST", "/teammembers", {"team": team.pk, **given})
        assert reply.status_code in (409, 422), reply.content
        assert field in reply.content.decode() and said in reply.content.decode(), reply.content
    assert TeamMember.count() == 1


@pytest.mark.parametrize("query", ["kind=nope", "kind=", "kind=assigned,nope", "kind=%00"])
def test_kinds_of_notifications_are_named(api: Any, users: Any, query: str) -> None:
    problem(api.call("GET", f"/notifications?{query}"), 403, "forbidden")  # a key that is nobody's
    ApiKey.objects.filter(pk=api.key.pk).update(user=users.ann)
    found = problem(api.call("GET", f"/notifications?{query}"), 400, "invalid_filter", field="kind")
    assert "assigned" in found["message"]

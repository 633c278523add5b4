"""``python -m tests.bench.rules [--leads 1000000]``: rules tried on the past, and leads from a form.

A rule of each kind is tried through REST on the last 90 days of the first tenant, which has half of all
leads. Then leads of a form (``--forms 1000``) come one after the other, with three rules that assign them and
one that leaves every tenth without an owner; the number of leads that should have an owner but have none is
printed, and must be 0. Times are CPU of this process, and elapsed time.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from typing import Any

from . import databases
from .scores import LINES

ALL: dict[str, Any] = {"type": "Lead", "filter": {}}
STEPS = [
    {"wait": "3 days"},
    {"do": "Activity.create", "with": {"subject": "Ask {{lead.name}}", "lead": "{{lead.$id}}"}},
]
KINDS: dict[str, dict[str, Any]] = {
    "assignment": {"kind": "Assignment", "how": "Turns", "capacity": 500},
    "first answer": {"kind": "FirstAnswer", "within": 240},
    "automation": {"kind": "Automation", "events": ["Lead.Created"], "steps": STEPS},
    "score": {"kind": "Score", "lines": LINES},
}


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.bench.rules", description=__doc__)
    parser.add_argument("--leads", type=int, default=100_000)
    parser.add_argument("--forms", type=int, default=1_000)
    options = parser.parse_args()
    databases.ready()
    from .fill import fill

    with databases.opened(f"headlessly_bench_{options.leads}", lambda: fill(options.leads)):
        measure(options.forms)


def measure(forms: int) -> None:
    from headlessly.access import actors, tenancy
    from headlessly.access.models import Tenant

    from .calls import by_key

    tenant = Tenant.objects.get(pk=1)
    call = by_key(tenant)
    with tenancy.active(tenant), actors.acting(actors.SYSTEM):
        remove_rules()
        try:
            team = make_team()
            try_each(call, team)
            if forms:
                send_forms(forms, team)
        finally:
            remove_rules()


def remove_rules() -> None:
    from crm import Rule

    for rule in Rule.objects.all():
        rule.delete()


def make_team() -> Any:
    """Create a team of four members who take turns, one of whom works in office hours."""
    from crm import Calendar, Contact, Team, TeamMember
    from headlessly.access import tenancy
    from headlessly.access.models import Membership, User

    team = Team.objects.filter(name="Bench").first()
    if team is None:
        team = Team.create(name="Bench")
        office = Calendar.create(name="Bench", time_zone="Europe/Berlin", country="DE")
        for number, contact in enumerate(Contact.objects.order_by("pk")[:4]):
            TeamMember.create(team=team, member=contact, calendar=None if number else office)
    for place in TeamMember.objects.filter(team=team.pk):
        email = f"{place.pk.lower()}@bench.example"
        user = User.objects.filter(email=email).first() or User.objects.create_user(email)
        Membership.objects.update_or_create(
            user=user,
            tenant=tenancy.require(),
            defaults={"role": "rep", "contact_id": place.member_id},
        )
    return team


def try_each(call: Any, team: Any) -> None:
    import orjson

    from crm import Rule

    for what, given in KINDS.items():
        more = {"team": team} if given.get("how") == "Turns" else {}
        rule = Rule.create(name=what, condition=ALL, is_active=False, **given, **more)
        found: dict[str, Any] = {}

        def try_it(rule: Any = rule, found: dict[str, Any] = found) -> None:
            found |= orjson.loads(call("POST", f"/rules/{rule.pk}/backtest"))

        took = taken(try_it)
        fitting = found.get("fitting", 0)
        print(
            f"{what}: {found['events']:,} events, {fitting:,} fitting, "
            f"{'all of them' if found['complete'] else 'not to the end'}; {took}"
        )


def send_forms(count: int, team: Any) -> None:
    from crm import Lead, Rule
    from marketing import Form

    def rule(name: str, position: int, filter: Any, **given: Any) -> None:
        Rule.create(
            name=name, position=position, condition={"type": "Lead", "filter": filter}, **given
        )

    rule("Big", 1, {"name": {"$regex": "7 "}}, how="Turns", team=team)
    rule("Junk", 2, {"name": {"$regex": "3 "}}, how="Nobody")
    rule("Rest", 3, {}, how="Fewest open", team=team)
    asked = [{"name": "email", "type": "email"}, {"name": "name", "type": "text"}]
    form = Form.create(name="Bench", fields=asked).publish()
    came: list[str] = []

    def send() -> None:
        for n in range(count):
            name = f"Person {n} of many"
            form.submit(email=f"p{time.time_ns()}@b.example", name=name)
            came.append(name)

    began, took = time.time(), taken(send)
    leads = Lead.objects.filter(source="form").order_by("-created_at")[:count]
    rows = list(leads.values_list("name", "owner", "assigned_because"))
    nobodys = [name for name, owner, _why in rows if owner is None]
    lost = [name for name in nobodys if "3 of many" not in name]
    print(
        f"{len(rows):,} leads of a form: {len(nobodys) - len(lost):,} nobody's as a rule says, "
        f"{len(lost):,} without one, {sum(why is None for *_, why in rows):,} unexplained; {took}, "
        f"{(time.time() - began) / count * 1000:.0f} ms each"
    )


def taken(work: Callable[[], Any]) -> str:
    began, ours = time.perf_counter(), time.process_time()
    work()
    wall, ours = time.perf_counter() - began, time.process_time() - ours
    return f"Python {ours:.1f} s, on the clock {wall:.1f} s"


if __name__ == "__main__":
    main()

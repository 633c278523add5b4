"""Scripts that bring the interpreter down, answer what cannot be read, or hold what others need."""

from __future__ import annotations

import dataclasses
import random
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.db import connection

from headlessly import scripts
from headlessly.access import actors
from headlessly.access.actors import Actor
from headlessly.context.tenant_scope import every_tenant
from headlessly.errors import HeadlesslyError, status_and_body
from headlessly.scripts import limits, proposals
from headlessly.scripts.host import Host
from tests.attacks.site import Site, is_locked

MANAGER = Actor("user_m", "Mallory", actors.MANAGER)
#: What the interpreter or the library that reads its answers cannot take, and the line where it stands.
UNREADABLE = {
    "a class before its record": ("[Lead, Lead.find(limit=1)[0]]", 1),
    "a class of one's own": ("class X:\n    pass\n[X, X()]", 3),
    "a set of records": ("a = 1\nset(Lead.find(limit=2))", 2),
    "a record as a key": ("lead = Lead.find(limit=1)[0]\n{lead: 1}", 2),
    "a tuple of records as a key": ("{(Lead.find(limit=1)[0],): 1}", 1),
    "an exception of a record": ("lead = Lead.find(limit=1)[0]\n\nraise ValueError(lead)", 3),
    "an exception of a class": ("raise ValueError(Lead)", 1),
    "an exception of a function": ("raise KeyError(lambda: 1)", 1),
    "a set of records, handed over": ("Lead.find({'$id': {'$in': set(Lead.find(limit=2))}})", 1),
}


@pytest.mark.django_db
@pytest.mark.parametrize("name", UNREADABLE)
@pytest.mark.parametrize("way", ["run", "propose"])
def test_tells_what_it_cannot_read_as_an_error_of_the_script(
    lead: Any, qualified: Any, name: str, way: str
) -> None:
    code, line = UNREADABLE[name]
    with actors.acting(MANAGER), pytest.raises(HeadlesslyError) as refusal:
        scripts.run(code) if way == "run" else proposals.propose(code)
    status, body = status_and_body(refusal.value)
    assert (status, body["error"], body.get("line")) == (422, "script_error", line), body
    assert "monty" not in body["message"].lower()


#: What random scripts are made of: {} is filled with another of these.
PIECES = (
    *("1", "-2 ** 70", "0.5", "1j", "'text'", "b'x'", "None", "...", "True", "[]", "{{}}", "lead"),
    *("Lead", "Lead.find", "lead.update", "lambda: 1", "range(3)", "slice(1)", "int", "json", "$"),
    *("[{}, {}]", "({}, {})", "{{{}: {}}}", "{{{}, {}}}", "str({})", "repr({})", "set([{}])"),
    *("frozenset([{}])", "list({})", "dict(a={})", "Lead.find({})", "Lead.get({})", "({}).name"),
    *("Lead.find(limit=1)[0]", "Lead.update({}, score={})", "Lead.create(name={})", "print({})"),
    *("lead.update(name={})", "Lead.count({})", "Lead.history({})", "Lead.find(**{{'q': {}}})"),
    *("[{} for x in range(3)]", "max({}, {})", "{} + {}", "{} == {}", "{} or {}", "len({})"),
    *("json.dumps({})", "datetime.now(timezone.utc)", "timedelta({})", "math.sqrt({})", "({})[{}]"),
    *("Event.create({}, {})", "(x for x in [{}])", "sorted([{}, {}])", "Exception({})", "type({})"),
)
STATEMENTS = ("{}", "raise ValueError({})", "x = {}\nx", "def f(a={}):\n    return {}\nf()")
STATEMENTS += ("try:\n    {}\nexcept Exception as e:\n    e", "class X:\n    y = {}\n[X(), {}]")


def random_script(chance: random.Random) -> str:
    def fill(text: str, depth: int) -> str:
        parts = text.split("{}")
        filled = parts[0].replace("{{", "{").replace("}}", "}")
        for part in parts[1:]:
            filled += fill(chance.choice(PIECES if depth < 3 else PIECES[:12]), depth + 1)
            filled += part.replace("{{", "{").replace("}}", "}")
        return filled

    return "lead = Lead.find(limit=1)[0]\n" + fill(chance.choice(STATEMENTS), 0)


@pytest.mark.django_db
def test_has_no_internal_error_for_any_of_a_thousand_random_scripts(lead: Any) -> None:
    chance, internal, worked = random.Random(12), [], 0
    ends = time.monotonic() + 40
    for _ in range(1_000):
        code = random_script(chance)
        try:
            with actors.acting(MANAGER):
                scripts.run(code, dry_run=True)
            worked += 1
        except Exception as problem:
            status, body = status_and_body(problem)
            if status >= 500:
                internal.append((code, body, repr(problem)))
        assert time.monotonic() < ends
    assert internal == []
    assert worked > 200


@pytest.mark.django_db
def test_ends_with_its_time_wherever_it_spent_it(lead: Any, monkeypatch: Any) -> None:
    tight = dataclasses.replace(limits.LIMITS[actors.MANAGER], seconds=2.0)
    monkeypatch.setitem(limits.LIMITS, actors.MANAGER, tight)
    answer = Host.answer

    def answer_slowly(*arguments: Any) -> Any:
        time.sleep(0.6)
        return answer(*arguments)

    monkeypatch.setattr(Host, "answer", answer_slowly)
    with actors.acting(MANAGER):
        scripts.run("Lead.count()")  # a worker is there
        began = time.monotonic()
        with pytest.raises(HeadlesslyError, match=r"at most 2 s"):
            scripts.run("for n in range(3):\n    Lead.count()\nwhile True:\n    pass")
    assert time.monotonic() - began < 3.5


def test_holds_nothing_longer_than_a_second_where_it_only_proposes(site: Site) -> None:
    id = site.tenants["greedy"]["lead"]
    endless = f'Lead.update("{id}", score=1)\nwhile True:\n    pass'
    site.script(f'Lead.update("{id}", score=2)', "greedy", "propose")  # workers are there
    proposed = threading.Thread(target=site.script, args=(endless, "greedy", "propose"))
    proposed.start()
    site.wait_until(lambda: site.is_locked("crm_lead", id), 10)
    began = time.monotonic()
    site.wait_until(lambda: not site.is_locked("crm_lead", id), 5)
    assert time.monotonic() - began < 1
    proposed.join()
    assert site.call("PATCH", f"/leads/{id}", {"score": 3}, tenant="greedy").status == 200


@pytest.mark.django_db(transaction=True)
def test_lets_go_of_its_locks_with_its_time(lead: Any, monkeypatch: Any) -> None:
    tight = dataclasses.replace(limits.LIMITS[actors.MANAGER], seconds=1.0)
    monkeypatch.setitem(limits.LIMITS, actors.MANAGER, tight)

    @every_tenant()
    def seconds_locked() -> float:
        """How long somebody has the lead, seen by a connection of its own."""
        try:
            ends = time.monotonic() + 20
            while not is_locked(connection, "crm_lead", lead.pk) and time.monotonic() < ends:
                time.sleep(0.02)
            began = time.monotonic()
            while is_locked(connection, "crm_lead", lead.pk) and time.monotonic() < ends:
                time.sleep(0.02)
            return time.monotonic() - began
        finally:
            connection.close()

    with actors.acting(MANAGER), ThreadPoolExecutor(1) as pool:
        scripts.run("Lead.count()")  # a worker is there
        watched = pool.submit(seconds_locked)
        with pytest.raises(HeadlesslyError, match=r"at most 1 s"):
            scripts.run(f'Lead.update("{lead.pk}", score=1)\nwhile True:\n    pass')
    assert 0.3 < watched.result() < 1.5


def test_waits_for_nobody_where_it_only_proposes(site: Site) -> None:
    id = site.tenants["greedy"]["lead"]
    change = f'Lead.update("{id}", score=8)'
    site.script(change, "greedy", "propose")  # workers are there
    with site.holding("crm_lead", id):
        proposed = [site.script(change, "greedy", "propose") for _ in range(2)]
    assert [each.body.get("error") for each in proposed] == ["unavailable"] * 2
    # Anybody else waits for five seconds; a busy machine takes its time for all else.
    assert max(each.seconds for each in proposed) < 4.9

"""Rules, from a terminal."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from crm import Lead, Rule
from crm.models import RuleAttempt, RuleRun
from crm.rules import runs
from headlessly.access import actors, tenancy
from headlessly.client import AsyncHeadlessly, Headlessly
from headlessly.client.commands import output
from tests.headlessly.client.test_command_line import cli, signed_in

__all__ = ["cli", "signed_in"]
pytestmark = pytest.mark.django_db(transaction=True)
ALL = json.dumps({"type": "Lead", "filter": {}})
LINE = {"name": "Site", "points": 30, "type": "Lead", "filter": {"source": "website"}}


def test_a_rule_is_made_read_and_obeyed(cli: Any, signed_in: Any, people: Any) -> None:
    score = ("Rule.create", "--kind", "Score", "--condition", ALL)
    wrong = cli(*score, "--name", "W", "--lines", json.dumps([{**LINE, "points": 500}]))
    assert wrong.code != 0 and "lines" in wrong.err and "100" in wrong.err, wrong.err
    assert not Rule.objects.exists()
    made = cli(*score, "--name", "Worth", "--lines", json.dumps([LINE]))
    assert made.code == 0, made.err
    assert Rule.objects.get().lines == [LINE]
    (row,) = cli("Rule.find", "--kind", "Score").json()
    assert (row["name"], row["error"]) == ("Worth", None)
    assert cli("Lead.create", "--name", "L", "--source", "website").code == 0
    assert Lead.objects.get().score == 30


FAILS = {"do": "Lead.convert"}
WAITS = {"wait": "3 days"}


def automation(*steps: Any) -> Rule:
    """One that follows each new lead."""
    made = Rule.create(
        name="Follow",
        kind="Automation",
        condition=json.loads(ALL),
        events=["Lead.Created"],
        steps=list(steps),
    )
    Lead.create(name="Ada", source="website")
    runs.work()
    return made


def test_all_that_a_rule_did_is_listed_page_by_page(
    cli: Any, signed_in: Any, people: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(output, "PAGE", 2)
    rule = automation(WAITS, FAILS)
    for name in "BCDE":
        Lead.create(name=name, source="website")
    runs.work()
    listed = cli("Rule.runs", rule.pk).json()
    assert len({each["id"] for each in listed}) == len(listed) == 5


def test_what_a_rule_did_is_listed_step_by_step_stopped_and_tried_again(
    cli: Any, signed_in: Any, people: Any
) -> None:
    rule = automation(WAITS, FAILS)
    (run,) = cli("Rule.runs", rule.pk).json()
    assert [run["state"], *(step["state"] for step in run["steps"])] == [
        "Waiting",
        "Waiting",
        "Planned",
    ]
    table = cli("Rule.runs", rule.pk, "--output", "table").out
    assert "Waiting, Planned" in table and run["id"] in table and "Lead.Created" in table
    assert cli("Rule.runs", rule.pk, "--state", "Done").json() == []
    assert len(cli("Rule.runs", rule.pk, "--limit", 0).json()) == 1, "0 is all, as of a list"
    for asked in (("Rule.runs", rule.pk), ("Rule.history", rule.pk), ("Lead.find",)):
        wrong = cli(*asked, "--limit", -1)
        assert (wrong.code, "0 or more" in wrong.err) == (2, True), wrong.err
    wrong = cli("Rule.runs", rule.pk, "--state", "Asleep")
    assert wrong.code and "state" in wrong.err and "Waiting" in wrong.err
    early = cli("Rule.runRetry", rule.pk, run["id"])
    assert early.code and "Waiting" in early.err, "only what failed is tried again"
    stopped = cli("Rule.runStop", rule.pk, run["id"])
    assert (stopped.code, stopped.json()["state"]) == (0, "Stopped"), stopped.err
    assert RuleRun.objects.get().state == "Stopped"
    missing = cli("Rule.runStop", rule.pk, "run_0000000000zz")
    assert missing.code and "run_0000000000zz" in missing.err
    tried = cli("Rule.runAll", rule.pk, "--dry-run")
    assert tried.json()["count"] == 1 and RuleRun.objects.count() == 1
    assert cli("Rule.runAll", rule.pk).json() == tried.json() | {"dryRun": False}
    assert RuleRun.objects.count() == 2


def test_what_a_rule_failed_at_is_listed_and_tried_again(
    cli: Any, signed_in: Any, people: Any, monkeypatch: Any
) -> None:
    from crm.rules import assignment

    rule = Rule.create(name="To Bob", condition=json.loads(ALL), how="Person", person=people.bob)

    def broken(*_: Any) -> Any:
        raise ValueError("Nobody knows whose turn it is.")

    with monkeypatch.context() as patched:
        patched.setattr(assignment, "decide_owner", broken)
        lead = Lead.create(name="L", source="website")
    (failure,) = cli("Rule.failures", rule.pk).json()
    assert (failure["record"], failure["failures"], failure["askedAt"]) == (lead.pk, 1, None)
    assert "whose turn" in cli("Rule.failures", rule.pk, "--output", "table").out
    assert cli("Rule.failuresRetry", rule.pk).json() == {"count": 1}
    runs.work()
    assert Lead.get(lead.pk).owner_id == people.bob.pk and not RuleAttempt.objects.exists()
    assert cli("Rule.failures", rule.pk, "--output", "table").err.strip() == "None."


def test_a_rule_is_tried_on_the_past_and_a_score_is_explained(
    cli: Any, signed_in: Any, people: Any
) -> None:
    made = Lead.create(name="Before", source="website")
    rule = Rule.create(
        name="Worth", kind="Score", condition=json.loads(ALL), lines=[LINE], is_active=False
    )
    found = cli("Rule.backtest", rule.pk, "--from", "2 days ago", "--to", "now").json()
    assert (found["rule"], found["fitting"], found["complete"]) == (rule.pk, 1, True)
    said = cli("Rule.backtest", rule.pk, "--output", "table").out
    assert "fitting" in said and "records" in said and made.pk in said
    wrong = cli("Rule.backtest", rule.pk, "--from", "soon")
    assert wrong.code and "from" in wrong.err and "30 days ago" in wrong.err
    unknown = cli("Rule.backtest", rule.pk, "--since", "2 days ago")
    assert unknown.code and "--from" in unknown.err + cli("Rule.backtest", "--help").out
    rule.update(is_active=True)
    lead = Lead.create(name="L", source="website")
    why = cli("Lead.score", lead.pk).json()
    assert (why["counted"], why["lines"][0]["name"]) == (30, "Site")
    assert "Site" in cli("Lead.score", lead.pk, "--output", "table").out
    then = cli("Lead.score", made.pk, "--as-of", "2020-01-01")
    assert then.code and made.pk in then.err, "it was not there yet"
    told = cli("Rule", "--output", "table").out
    assert "Rule.backtest" in told and "--from --to" in told and "Rule.runStop" in told


def test_the_client_asks_the_same(signed_in: Any, people: Any) -> None:
    rule = automation(WAITS, FAILS)
    with Headlessly(signed_in.acme.url, signed_in.acme.secret) as acme:
        (run,) = acme.Rule.runs(rule.pk, state="Waiting")["results"]
        assert acme.Rule.backtest(rule.pk, from_="1d ago", to="now")["events"] == 1
        assert acme.Rule.run_stop(rule.pk, run=run["id"])["state"] == "Stopped"
        assert acme.Rule.get(rule.pk).failures()["results"] == []
        with pytest.raises(TypeError, match="takes no since"):
            acme.Rule.backtest(rule.pk, since="1d ago")
        with pytest.raises(TypeError, match="needs run"):
            acme.Rule.run_stop(rule.pk)
        with pytest.raises(AttributeError, match="backtest"):
            _ = acme.Rule.backtests
        assert "backtest" in dir(acme.Rule)
        with acme.batch() as batch:
            tried = batch.Rule.run_all(rule.pk, dry_run=True)
            lead = batch.Lead.get(run["record"])
        assert (tried.result["count"], lead.result.name) == (1, "Ada")
        assert type(tried.result) is dict, "as it is answered by itself"

    async def ask() -> tuple[str, int]:
        async with AsyncHeadlessly(signed_in.acme.url, signed_in.acme.secret) as acme:
            (run,) = (await acme.Rule.runs(rule.pk))["results"]
            return run["state"], (await acme.Rule.failures_retry(rule.pk))["count"]

    assert asyncio.run(ask()) == ("Stopped", 0)


def test_the_operator_asks_the_same(acme: Any, rival: Any, people: Any, capsys: Any) -> None:
    rule = automation(WAITS, FAILS)

    def ask(*words: str) -> Any:
        with tenancy.active(None), actors.acting(actors.SYSTEM):
            call_command("ask", *words)
        return json.loads(capsys.readouterr().out)

    (run,) = ask("acme", f"{rule.pk}/runs", "state=Waiting")["results"]
    assert ask("acme", f"{rule.pk}/runStop", f"run={run['id']}")["state"] == "Stopped"
    assert ask("acme", f"{rule.pk}/backtest", "from=1d ago")["events"] == 1
    for words, said in (
        (("nobody", f"{rule.pk}/runs"), "no tenant nobody"),
        (("acme", f"{rule.pk}/rnus"), "backtest"),
        (("acme", "x/y"), "lead_.../score"),
        (("acme", f"{rule.pk}/runs", "state"), "NAME=VALUE"),
        (("acme", f"{rule.pk}/runs", "state=Asleep"), "Waiting"),
        (("acme", f"{rule.pk}/runs", "limit=1", "limit=2"), "limit is given 2 times"),
        (("acme",), "required: ID/NAME$"),
        (("acme", f"{rule.pk}/runStop"), "run"),
        (("rival", f"{rule.pk}/runs"), rule.pk),
    ):
        with pytest.raises(CommandError, match=said):
            ask(*words)

"""What enters and leaves a watched view starts automations and is sent to webhooks, of one view alone too."""

from __future__ import annotations

from html import unescape
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from crm import Activity, Lead, Rule
from crm.models import RuleRun
from crm.rules import runs
from headlessly.access import actors, tenancy
from headlessly.context.request_memory import request_memory
from headlessly.errors import Invalid
from headlessly.query import saved_views
from headlessly.subscriptions import following, from_log
from headlessly.webhooks import outbox
from headlessly.webhooks.models import Delivery
from tests.answered import answered, problem
from tests.headlessly.admin.conftest import *  # noqa: F403  (the people who sign in)
from tests.headlessly.admin.signed_in import client_of
from tests.refusals import details, refused

CALL = {
    "do": "Activity.create",
    "with": {"subject": "Call {{name}}", "type": "Call", "lead": "{{$id}}"},
}
COOL = {"do": "Lead.update", "with": {"score": 10}}
HEAT = {"do": "Lead.update", "with": {"score": 90}}


def view(name: str, query: str, *, watched: bool = True) -> Any:
    made = saved_views.save_view(Lead, name, query, shared=True)
    if watched:
        following.watch(made)
    return made


@pytest.fixture
def views(acme: Any, users: Any) -> list[Any]:
    """Of hot leads, and of those with much money, which both are watched; and one that is not."""
    member = users.ann.memberships.select_related("tenant", "user").get()
    with actors.acting(member.actor):
        return [
            view("Hot", "score__gte=80"),
            view("Rich", "budget__gte=1000"),
            view("Cold", "score__lt=20", watched=False),
        ]


def rule(*events: str, steps: Any = (CALL,), filter: Any = None, **given: Any) -> Rule:
    about = {"type": "Lead", "filter": filter or {}}
    values = {"name": "Call them", "kind": "Automation", "condition": about}
    return Rule.create(**values | {"events": list(events), "steps": list(steps)} | given)


def happens() -> None:
    """What workers do after a commit."""
    from_log.read_log()
    runs.work()


def called() -> list[str]:
    return sorted(Activity.find().values_list("subject", flat=True))


def test_what_enters_one_view_starts_an_automation_about_it_once(views: Any) -> None:
    rule(f"View.Entered:{views[0].pk}")
    hot = Lead.create(name="Hot", source="x", score=90)
    Lead.create(name="Rich", source="x", budget=5_000)
    for _again in range(2):
        happens()
    assert called() == ["Call Hot"]
    run = RuleRun.objects.get()
    assert (run.record, run.event_name, run.state) == (hot.pk, "View.Entered", "Done")
    Lead.update(hot.pk, name="Hot still")
    happens()
    assert called() == ["Call Hot"], "it did not enter again"


def test_pages_name_the_view(views: Any, users: Any) -> None:
    ann = client_of(users.ann)
    made = rule(f"View.Entered:{views[0].pk}")
    for place in ("?view=all", f"{made.pk}/change/"):
        assert "Hot: entered" in ann.get(f"/~acme/admin/crm/rule/{place}").content.decode()
    form = unescape(ann.get(f"/~acme/admin/crm/rule/{made.pk}/edit/").content.decode())
    assert f'["View.Entered:{views[0].pk}", "Hot: entered"]' in form
    assert views[2].pk not in form
    page = ann.get("/~acme/admin/settings/webhooks/").content.decode()
    assert f"View.Entered:{views[0].pk}" in page and views[2].pk not in page


def test_without_a_view_it_follows_all_and_asks_its_condition_of_the_record_as_it_is(
    views: Any,
) -> None:
    rule("View.Entered", filter={"source": "fair"})
    for name, values in (("Hot", {"score": 90}), ("Rich", {"budget": 5_000})):
        Lead.create(name=name, source="fair", **values)
    Lead.create(name="Other", source="x", score=90)
    happens()
    assert called() == ["Call Hot", "Call Rich"]


def test_what_leaves_starts_one_too(views: Any) -> None:
    rule(f"View.Left:{views[0].pk}")
    lead = Lead.create(name="Hot", source="x", score=90)
    happens()
    assert called() == []
    Lead.update(lead.pk, score=5)
    happens()
    assert called() == ["Call Hot"]


def test_two_that_drive_a_record_in_and_out_stop_as_any_circle_does(views: Any) -> None:
    rule(f"View.Entered:{views[0].pk}", steps=[COOL], name="Cool")
    rule(f"View.Left:{views[0].pk}", steps=[HEAT], name="Heat")
    Lead.create(name="Hot", source="x", score=90)
    for _round in range(40):
        happens()
    failed = RuleRun.objects.get(state=RuleRun.FAILED)
    assert "Cool" in (failed.because or "") and "View.Left" in (failed.because or "")
    assert RuleRun.objects.count() < 30


@pytest.mark.parametrize("which", ["not watched", "none", "the rival's", "of deals"])
def test_a_view_that_is_not_there_or_not_watched_is_refused_by_name(
    which: str, views: Any, rival: Any, users: Any
) -> None:
    from crm import Deal

    if which == "not watched":
        id = views[2].pk
    elif which == "of deals":
        with actors.acting(users.ann.memberships.select_related("tenant", "user").get().actor):
            made = saved_views.save_view(Deal, "All", "", shared=True)
            following.watch(made)
        id = made.pk
    elif which == "the rival's":
        with (
            tenancy.active(rival),
            actors.acting(users.eve.memberships.select_related("tenant", "user").get().actor),
        ):
            id = view("Theirs", "score__gte=1").pk
    else:
        id = "view_nothing"
    with refused(Invalid) as problem:
        rule(f"View.Entered:{id}")
    assert id in details(problem)["events"]
    assert not Rule.find().exists()


def test_a_rule_says_that_its_view_is_watched_no_more(views: Any, users: Any) -> None:
    made = rule(f"View.Entered:{views[0].pk}")
    assert made.error is None
    with actors.acting(users.ann.memberships.select_related("tenant", "user").get().actor):
        following.watch(views[0], watched=False)
    assert views[0].pk in str(Rule.get(made.pk).error)


def test_a_webhook_is_sent_what_enters_the_view_that_it_names_and_no_other(
    views: Any, api: Any, settings: Any
) -> None:
    settings.WEBHOOKS_ALLOW_PRIVATE = True
    hot, _rich, cold = views
    url = {"url": "http://127.0.0.1:9009/hook"}
    made = api.call("POST", "/webhooks", url | {"events": [f"View.Entered:{hot.pk}"]})
    answered(made, 201)
    for wrong in (f"View.Entered:{cold.pk}", "View.Entered:view_nothing", "View.Entered:"):
        said = problem(
            api.call("POST", "/webhooks", url | {"events": [wrong]}), 422, "validation_error"
        )
        assert said["details"][0]["field"] == "events"
    lead = Lead.create(name="Hot", source="x", score=90)
    Lead.create(name="Rich", source="x", budget=5_000)
    Lead.update(lead.pk, score=1)
    from_log.read_log()
    Lead.update(lead.pk, score=95)
    from_log.read_log()
    outbox.pump()
    assert list(Delivery.objects.values_list("name", "target")) == [("View.Entered", lead.pk)]


def test_more_rules_that_name_a_view_ask_no_more_of_the_database(
    views: Any, api: Any, users: Any
) -> None:
    ann = client_of(users.ann)

    def statements() -> list[int]:
        counts = []
        for ask in (
            lambda: answered(api.call("GET", "/rules")),
            lambda: ann.get("/~acme/admin/crm/rule/?kind=Automation"),
        ):
            ask()  # what is kept for the tenant is there then
            with CaptureQueriesContext(connection) as asked:
                ask()
            counts.append(len(asked))
        return counts

    rule(f"View.Entered:{views[0].pk}")
    few = statements()
    for n in range(8):
        rule(f"View.Left:{views[n % 2].pk}", name=f"Rule {n}")
    assert statements() == few


def test_what_a_request_has_read_is_asked_anew_where_it_changed_and_is_of_its_tenant(
    views: Any, users: Any, rival: Any
) -> None:
    hot = views[0]
    with request_memory(), actors.acting(users.ann.memberships.get().actor):
        assert saved_views.watched_views()[hot.pk] == ("Lead", "Hot")
        following.watch(hot, watched=False)
        assert hot.pk not in saved_views.watched_views()
        assert saved_views.watched_views().keys() == {views[1].pk}
        with tenancy.active(rival):
            assert not saved_views.watched_views()

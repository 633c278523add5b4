"""Followed views: who is told that a record came or went, once, and what the log has of it."""

from __future__ import annotations

from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from crm import Activity, Lead
from headlessly.access import actors, tenancy
from headlessly.access.models import Membership
from headlessly.context import clock
from headlessly.errors import Forbidden, Invalid
from headlessly.log.events import Event
from headlessly.log.names import VIEW_EVENTS
from headlessly.notifications import kinds, wording
from headlessly.notifications.models import Follower, Notification
from headlessly.query import saved_views
from headlessly.subscriptions import following, from_clock, from_log, members
from headlessly.subscriptions.models import ListMember, WatchedList

pytestmark = pytest.mark.django_db


def member(user: Any) -> Membership:
    return Membership.objects.select_related("tenant", "user").get(user=user)


def by(user: Any) -> Any:
    return actors.acting(member(user).actor)


def save(user: Any, query: str, name: str = "Hot leads", *, shared: bool = True) -> Any:
    with by(user):
        return saved_views.save_view(Lead, name, query, shared=shared)


def told(user: Any) -> list[str]:
    """What somebody is told of views, the oldest first, in words."""
    found = Notification.objects.filter(user=user, kind="view").order_by("created_at", "id")
    with by(user):
        return [line.text for line in wording.lines_of_groups([[each] for each in found])]


def noted() -> list[tuple[str, str]]:
    """What the log has of views, the oldest first."""
    found = Event.objects.filter(name__in=VIEW_EVENTS).order_by("seq")
    return [(each.name, each.target) for each in found]


def make(name: str, **values: Any) -> Any:
    return Lead.create(name=name, source="event", **values)


@pytest.fixture
def hot(acme: Any, users: SimpleNamespace) -> Any:
    """A view that Bob follows: leads with 80 points and more."""
    view = save(users.cleo, "score__gte=80")
    following.follow(view, member(users.bob))
    return view


def test_what_is_there_is_no_entry_and_what_comes_is_told_once(
    acme: Any, users: SimpleNamespace
) -> None:
    old = make("Old", score=90)
    view = save(users.cleo, "score__gte=80")
    following.follow(view, member(users.bob))
    assert ListMember.objects.get().record == old.pk
    with by(users.cleo):
        new = make("New", score=85)
        make("Cold", score=3)
        old.update(score=95)
    for _again in range(3):
        from_log.read_log()
        from_clock.sweep()
    assert noted() == [("View.Entered", new.pk)]
    assert told(users.bob) == ["New entered “Hot leads”"]
    with by(users.cleo):
        new.update(score=5)
    from_log.read_log()
    with by(users.cleo):
        new.update(score=99)
    from_log.read_log()
    assert [name for name, _id in noted()] == ["View.Entered", "View.Left", "View.Entered"]
    assert told(users.bob) == [
        "New entered “Hot leads”", "New left “Hot leads”", "New entered “Hot leads”",
    ]  # fmt: skip


def test_the_event_says_the_view_the_record_and_what_brought_it(
    hot: Any, users: SimpleNamespace
) -> None:
    with by(users.cleo):
        lead = make("New", score=85)
    cause = Event.objects.get(target=lead.pk, name="Lead.Created")
    from_log.read_log()
    event = Event.objects.get(name="View.Entered")
    assert (event.target, event.target_type, event.version) == (lead.pk, "Lead", None)
    assert event.data == {"view": hot.pk, "viewName": "Hot leads"}
    assert (event.cause, event.actor) == (cause.id, users.cleo.pk)
    assert event.request_id != cause.request_id


def test_many_of_one_request_become_one(hot: Any, users: SimpleNamespace) -> None:
    from headlessly.execution import executor

    with by(users.cleo), executor.one_transaction():
        for number in range(3):
            make(f"Lead {number}", score=90)
    from_log.read_log()
    assert len(noted()) == 3
    assert told(users.bob) == ["3 leads entered “Hot leads”"]
    with by(users.bob):
        (line,) = wording.lines_of(list(Notification.objects.filter(kind="view")))
    assert line.path == f"/admin/crm/lead/?view={hot.pk}"


def test_nobody_is_told_of_what_they_did_or_may_not_see_and_everybody_chooses(
    acme: Any, hot: Any, people: SimpleNamespace, users: SimpleNamespace
) -> None:
    following.follow(hot, member(users.cleo))
    following.follow(hot, member(users.vic))
    vics = member(users.vic)
    for channel in kinds.CHANNELS:
        kinds.choose_kind(vics, "view", channel, False)
    vics.save()
    acme.limits_reps = True
    acme.save()
    with by(users.cleo):
        make("Cleo's", score=90, owner=people.cleo)
    from_log.read_log()
    assert len(noted()) == 1
    assert told(users.cleo) == []  # her own action
    assert told(users.bob) == []  # limited to his own, and it is hers
    assert not Notification.objects.filter(kind="view").exists()
    with by(users.bob):
        assert noted() == []  # nor does he see it in the log
    with by(users.ann):
        for name, owner in (("One", people.cleo), ("Two", people.bob)):
            make(name, score=90, owner=owner)
    from_log.read_log()
    assert told(users.bob) == ["Two entered “Hot leads”"]
    assert sorted(told(users.cleo)) == ["One entered “Hot leads”", "Two entered “Hot leads”"]


def test_what_follows_by_itself_is_the_doing_of_who_set_it_off(
    hot: Any, users: SimpleNamespace
) -> None:
    from headlessly.execution import executor

    lead = make("Quiet", score=1)
    from_log.read_log()
    with by(users.bob), executor.one_transaction():
        lead.update(score=90)
        with actors.acting(actors.SYSTEM):
            lead.update(need="What a rule wrote")
    from_log.read_log()
    assert len(noted()) == 1 and told(users.bob) == []


def test_a_private_view_is_ones_own_and_its_name_too(
    acme: Any, users: SimpleNamespace, people: SimpleNamespace
) -> None:
    mine = save(users.bob, "score__gte=80", "Bob's secret", shared=False)
    with by(users.cleo), pytest.raises(saved_views.NotFound):
        saved_views.get_view(mine.pk)
    following.follow(mine, member(users.bob))
    with by(users.ann):
        make("New", score=85)
    from_log.read_log()
    assert told(users.bob) == ["New entered “Bob's secret”"]
    assert Event.objects.get(name="View.Entered").data == {"view": mine.pk}
    with pytest.raises(Invalid) as refused, by(users.cleo):
        following.watch(mine)
    assert refused.value.details[0]["field"] == "query"


def test_a_view_that_is_private_again_tells_nobody_else(hot: Any, users: SimpleNamespace) -> None:
    with by(users.cleo):
        hot.change(shared=False)
    assert not Follower.objects.filter(record=hot.pk).exists()
    with by(users.ann):
        make("New", score=85)
    from_clock.sweep()
    assert told(users.bob) == [] and not WatchedList.objects.exists()
    assert not tenancy.require().has_watched_views


def test_a_view_that_says_me_is_a_list_for_each(
    acme: Any, users: SimpleNamespace, people: SimpleNamespace
) -> None:
    view = save(users.cleo, "owner=me&score__gte=80")
    for user in (users.bob, users.cleo):
        following.follow(view, member(user))
    with pytest.raises(Invalid) as refused:
        following.follow(view, member(users.vic))
    assert refused.value.details[0]["field"] == "query"
    with pytest.raises(Invalid), by(users.cleo):
        following.watch(view)
    with by(users.ann):
        lead = make("Bob's", score=85, owner=people.bob)
    from_log.read_log()
    assert (told(users.bob), told(users.cleo)) == (["Bob's entered “Hot leads”"], [])
    with by(users.ann):
        lead.update(owner=people.cleo)
    from_log.read_log()
    assert told(users.bob)[1:] == ["Bob's left “Hot leads”"]
    assert told(users.cleo) == ["Bob's entered “Hot leads”"]
    persons = [e.data["person"] for e in Event.objects.filter(name="View.Entered").order_by("seq")]
    assert persons == [people.bob.pk, people.cleo.pk]


def test_time_brings_a_record_in_and_nobody_did_it(acme: Any, users: SimpleNamespace) -> None:
    view = save(users.cleo, "%24createdAt__lt=30d+ago", "Month old")
    now = timezone.now()
    with clock.set_clock(now - timedelta(days=40), purpose="trial"), by(users.cleo):
        lead = make("Ageing")
        following.follow(view, member(users.bob))
        from_log.read_log()
    for hours, found in ((360, []), (12, ["View.Entered"]), (0, ["View.Entered"])):
        with clock.set_clock(now - timedelta(hours=hours), purpose="trial"):
            from_clock.sweep()
        assert [name for name, _id in noted()] == found
    event = Event.objects.get(name="View.Entered")
    assert (event.target, event.actor, event.cause) == (lead.pk, actors.SYSTEM.id, None)
    assert told(users.bob) == ["Ageing entered “Month old”"]


def test_the_clock_compares_a_list_in_one_statement(hot: Any, users: SimpleNamespace) -> None:
    make("New", score=85)
    WatchedList.objects.update(due_at=timezone.now())
    from_clock.sweep()
    assert len(noted()) == 1
    WatchedList.objects.update(due_at=timezone.now())
    with CaptureQueriesContext(connection) as asked:
        from_clock.sweep()
    compared = [q["sql"] for q in asked if "UNION ALL" in q["sql"]]
    assert len(compared) == 1
    assert len([q for q in asked if '"crm_lead"' in q["sql"]]) == 1


def test_it_looks_again_at_what_refers_to_a_touched_record(
    acme: Any, users: SimpleNamespace, people: SimpleNamespace
) -> None:
    lead = make("Referring", organization=people.corp)
    view = save(users.cleo, "organization.industry=Retail", "Retail")
    idle = save(users.cleo, 'filter={"activities":{"$none":{"status":"Pending"}}}', "Idle")
    for each in (view, idle):
        following.follow(each, member(users.bob))
    with by(users.cleo):
        people.corp.update(industry="Retail")
    from_log.read_log()
    assert told(users.bob) == ["Referring entered “Retail”"]
    with by(users.cleo):
        task = Activity.create(subject="Call", lead=lead, due_at=timezone.now())
    from_log.read_log()
    assert told(users.bob)[1:] == ["Referring left “Idle”"]
    with by(users.cleo):
        task.cancel()
    from_log.read_log()
    assert told(users.bob)[2:] == ["Referring entered “Idle”"]


def test_another_filter_begins_anew_in_silence(hot: Any, users: SimpleNamespace) -> None:
    low = make("Low", score=10)
    from_log.read_log()
    with by(users.cleo):
        hot.change(query="score__lt=80")
        make("Other", score=20)
    from_log.read_log()
    assert noted() == [] and low.pk in ListMember.objects.values_list("record", flat=True)
    with by(users.cleo):
        make("Next", score=20)
    from_log.read_log()
    assert told(users.bob) == ["Next entered “Hot leads”"]


def test_a_view_that_comes_to_say_me_is_a_list_for_each_and_back(
    acme: Any, users: SimpleNamespace, people: SimpleNamespace
) -> None:
    view = save(users.cleo, "score__gte=80")
    for user in (users.bob, users.cleo):
        following.follow(view, member(user))
    with by(users.cleo):
        following.watch(view)
        view.change(query="owner=me")
    make("Bob's", owner=people.bob)
    from_log.read_log()
    persons = WatchedList.objects.order_by("person").values_list("person", flat=True)
    assert list(persons) == sorted([people.bob.pk, people.cleo.pk])
    view.refresh_from_db()
    assert noted() == [] and not view.watched
    make("Bob's next", owner=people.bob)
    from_log.read_log()
    assert (told(users.bob), told(users.cleo)) == (["Bob's next entered “Hot leads”"], [])
    with by(users.cleo):
        view.change(query="score__gte=70")
    WatchedList.objects.update(due_at=timezone.now())
    from_clock.sweep()
    assert list(persons.all()) == [""] and len(noted()) == 1


def test_what_is_deleted_goes_and_nothing_is_left(hot: Any, users: SimpleNamespace) -> None:
    lead = make("New", score=85)
    from_log.read_log()
    lead.delete()
    from_log.read_log()
    assert [name for name, _id in noted()] == ["View.Entered", "View.Left"]
    make("Another", score=85)
    from_log.read_log()
    with by(users.cleo):
        hot.remove()
    left = (WatchedList.objects, ListMember.objects, Follower.objects.filter(record=hot.pk))
    assert [each.count() for each in left] == [0, 0, 0]
    from_clock.sweep()
    assert not tenancy.require().has_watched_views


def test_a_view_of_too_many_is_refused_and_one_that_grows_is_stopped(
    acme: Any, users: SimpleNamespace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(members, "MOST", 2)
    for number in range(3):
        make(f"Hot {number}", score=90)
    view = save(users.cleo, "score__gte=80")
    with pytest.raises(Invalid) as refused:
        following.follow(view, member(users.bob))
    assert refused.value.details[0]["field"] == "query"
    assert "more than 2 records" in refused.value.details[0]["message"]
    assert not WatchedList.objects.exists() and not Follower.objects.exists()
    Lead.objects.get(name="Hot 0").update(score=1)
    following.follow(view, member(users.bob))
    with by(users.cleo):
        make("One more", score=90)
    for _again in range(2):
        from_log.read_log()
        from_clock.sweep()
    assert noted() == [] and not ListMember.objects.exists()
    assert told(users.bob) == [
        "“Hot leads” is not followed any more: its filters have to be changed"
    ]
    (state,) = following.states_of([view], member(users.bob)).values()
    assert state.following and state.problem == members.TOO_MANY
    Lead.objects.get(name="One more").update(score=1)
    WatchedList.objects.update(due_at=timezone.now())
    from_clock.sweep()
    (state,) = following.states_of([view], member(users.bob)).values()
    assert state.problem is None and ListMember.objects.count() == 2


def test_a_filter_that_means_nothing_any_more_holds_up_no_other(
    hot: Any, users: SimpleNamespace
) -> None:
    other = save(users.cleo, "score__gte=70", "Warm")
    following.follow(other, member(users.bob))
    saved_views.View.objects.filter(pk=hot.pk).update(query="nothing__gte=1")
    with by(users.cleo):
        make("New", score=85)
    from_log.read_log()
    assert sorted(told(users.bob)) == [
        "New entered “Warm”",
        "“Hot leads” is not followed any more: its filters have to be changed",
    ]


def test_a_write_costs_no_statement_more_where_somebody_follows(
    acme: Any, users: SimpleNamespace
) -> None:
    save(users.cleo, "score__gte=80")
    with CaptureQueriesContext(connection) as without:
        make("New", score=85)
    from_log.read_log()
    assert noted() == []
    following.follow(saved_views.View.objects.get(), member(users.bob))
    with CaptureQueriesContext(connection) as followed:
        make("New", score=85)
    tables = [q["sql"] for q in followed if "list" in q["sql"].lower() and "watched" in q["sql"]]
    assert len(followed) == len(without) and not tables


def test_whoever_unfollows_is_told_no_more_and_nothing_is_kept(
    hot: Any, users: SimpleNamespace
) -> None:
    following.unfollow(hot, member(users.bob))
    assert not WatchedList.objects.exists() and not tenancy.require().has_watched_views
    with by(users.bob), pytest.raises(Forbidden):
        following.watch(hot)
    with by(users.cleo):
        following.watch(hot)
    with by(users.ann):
        make("New", score=85)
    from_log.read_log()
    assert len(noted()) == 1 and told(users.bob) == []
    with by(users.cleo):
        following.watch(hot, watched=False)
    assert not WatchedList.objects.exists()


def test_it_is_no_change_of_the_record(hot: Any, users: SimpleNamespace) -> None:
    """Who takes a request back is not told that the record was changed since."""
    from headlessly.log.events import last_events_since

    with by(users.cleo):
        lead = make("New", score=85)
    seq = Event.objects.get(target=lead.pk, name="Lead.Created").seq
    from_log.read_log()
    assert len(noted()) == 1
    assert last_events_since([{"target": lead.pk, "seq": seq, "fields": []}]) == {}


def test_two_tenants_follow_each_its_own(
    hot: Any, users: SimpleNamespace, rival: Any, acme: Any
) -> None:
    with tenancy.active(rival):
        theirs = save(users.eve, "score__gte=80", "Theirs")
        following.follow(theirs, member(users.eve))
        make("Rival's", score=90)
    make("Ours", score=90)
    from_log.read_log()
    assert told(users.bob) == ["Ours entered “Hot leads”"]
    with tenancy.active(rival):
        assert told(users.eve) == []
        from_log.read_log()
        assert told(users.eve) == ["Rival's entered “Theirs”"]
        assert len(noted()) == 1
    with pytest.raises(saved_views.NotFound):
        saved_views.get_view(theirs.pk)

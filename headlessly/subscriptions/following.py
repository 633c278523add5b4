"""Follows views, and watches them for other systems, which makes them watched lists."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from django.db import transaction
from django.utils.translation import gettext as _

from headlessly.access import actors, tenancy
from headlessly.access.models import Membership, Tenant
from headlessly.context import clock
from headlessly.declaration.registry import registry
from headlessly.errors import Conflict, Forbidden, Invalid
from headlessly.notifications.models import Follower
from headlessly.query import list_address
from headlessly.query.saved_views import View
from headlessly.subscriptions import members
from headlessly.subscriptions.models import WatchedList
from headlessly.subscriptions.telling import followers_of

#: How many watched lists a tenant may have: each event is checked against each of them.
MOST_LISTS = 100


def follow(view: View, member: Membership) -> None:
    """Makes a member follow a view. The records that are in it now are not told.

    Raises Invalid for a view that is meaningless for them or too large, and Conflict if too many are
    watched.
    """
    person = ""
    if list_address.says_me(registry[view.noun], view.query):
        if not member.contact_id:
            raise _refusal(_("You are not linked to a contact here, so nothing is yours."))
        person = member.contact_id
    tenant = tenancy.require()
    with transaction.atomic():
        members.lock_reader(tenant)
        _begin(view, person)
        Follower.objects.bulk_create(
            [Follower(tenant=tenant, record=view.pk, user_id=member.user_id)],
            ignore_conflicts=True,
        )


def unfollow(view: View, member: Membership) -> None:
    """Makes a member no longer follow a view. A view without followers is no longer watched."""
    tenant = tenancy.require()
    with transaction.atomic():
        members.lock_reader(tenant)
        Follower.objects.filter(tenant=tenant, record=view.pk, user=member.user_id).delete()
        _tidy(tenant)


def watch(view: View, *, watched: bool = True) -> None:
    """Watches a view: records that enter and leave it are logged and sent to webhooks, whoever follows it.
    Or stops that.

    Raises Forbidden for an actor who may not share views, and Invalid for a view that differs by person.
    """
    if not actors.may_share(actors.current()):
        raise Forbidden(_("Managers change what the team shares."), type="View")
    if watched and not view.shared:
        raise _refusal(_("This view is private: share it with the team first."))
    if watched and list_address.says_me(registry[view.noun], view.query):
        raise _refusal(
            _("This view says “me”, so that it is another list for everybody: name the person.")
        )
    tenant = tenancy.require()
    with transaction.atomic():
        members.lock_reader(tenant)
        view.watched = watched
        view.save(update_fields=["watched", "updated_at"])
        if watched:
            _begin(view, "")
        else:
            _tidy(tenant)


class State(NamedTuple):
    """A member's relation to a view: whether they follow it (None without a member), and why it is not
    being watched."""

    following: bool | None
    problem: str | None


def states_of(views: Sequence[View], member: Membership | None) -> dict[str, State]:
    """Returns a member's relation to these views, by id. There is no query in a tenant without watched
    views."""
    tenant = tenancy.require()
    ids = [view.pk for view in views]
    followed: set[str] = set()
    problems: dict[str, str] = {}
    if tenant.has_watched_views and ids:
        if member is not None:
            mine = Follower.objects.filter(tenant=tenant, record__in=ids, user=member.user_id)
            followed = set(mine.values_list("record", flat=True))
        persons = ["", *([member.contact_id] if member and member.contact_id else [])]
        stopped = WatchedList.objects.filter(tenant=tenant, view__in=ids, person__in=persons)
        problems = dict(stopped.exclude(problem="").values_list("view_id", "problem"))
    return {id: State(None if member is None else id in followed, problems.get(id)) for id in ids}


def _begin(view: View, person: str) -> None:
    """Starts to watch a list, unless it is watched already."""
    lists = WatchedList.objects.filter(tenant=view.tenant_id)
    if lists.filter(view=view, person=person, problem="").exists():
        return
    if lists.count() >= MOST_LISTS:
        said = _("%s views are followed here already: follow one less first.") % MOST_LISTS
        raise Conflict(said, type="View")
    if not lists.exists():
        members.skip_to_end_of_log(tenancy.require())
    question = members.ListQuestion(registry[view.noun], view.query, person)
    each = lists.filter(view=view, person=person).first() or WatchedList(
        tenant_id=view.tenant_id, view=view, person=person
    )
    each.view = view
    each.due_at = question.due_after(clock.now())
    each.save()
    if not members.note_members(each, question):
        raise _refusal(
            _("This view has more than %s records: narrow it, and it can be followed.")
            % f"{members.MOST:,}"
        )
    _note(tenancy.require(), True)


def renew(each: WatchedList) -> bool:
    """Reads the members of a list again because the query of its view has changed, without telling
    anybody; within a transaction that holds the reader. Returns whether the list is small enough.

    If the view now says "me", each follower gets a list; if it no longer does, there is one for all.
    """
    view = each.view
    noun = registry[view.noun]
    if (mine := list_address.says_me(noun, view.query)) == bool(each.person):
        return members.note_members(each, members.ListQuestion.of_list(each))
    people = followers_of(each)
    each.delete()
    if mine and view.watched:  # it now differs by person
        View.objects.filter(tenant=view.tenant_id, pk=view.pk).update(watched=False)
    persons = {member.contact_id for member in people if member.contact_id} if mine else {""}
    for person in sorted(persons):
        made, is_new = WatchedList.objects.get_or_create(
            tenant_id=view.tenant_id, view=view, person=person, defaults={"due_at": clock.now()}
        )
        if is_new:
            with members.stopping_at_problems(made):
                if not members.note_members(made, members.ListQuestion.of_list(made)):
                    members.stop_watching(made, members.TOO_MANY)
    return True


def _refusal(said: str) -> Invalid:
    return Invalid.for_fields({"query": said}, type="View")


def tidy(tenant: Tenant) -> None:
    """Stops watching lists without followers: they have left, or the view is private now."""
    with transaction.atomic():
        members.lock_reader(tenant)
        _tidy(tenant)


def _tidy(tenant: Tenant) -> None:
    lists = members.watched_lists(tenant)
    wanted = [
        each for each in lists if (each.view.watched and not each.person) or followers_of(each)
    ]
    for each in lists:
        if each not in wanted:
            each.delete()
    _note(tenant, bool(wanted))


def _note(tenant: Tenant, has: bool) -> None:
    if tenant.has_watched_views != has:
        Tenant.objects.filter(pk=tenant.pk).update(has_watched_views=has)
        tenant.has_watched_views = has

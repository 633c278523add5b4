"""Following a view, and having it watched for other systems: what makes it a list that is looked at."""

from __future__ import annotations

from django.db import transaction
from django.utils.translation import gettext as _

from headlessly.access import actors, tenancy
from headlessly.access.models import Membership, Tenant
from headlessly.context import clock
from headlessly.declaration.registry import registry
from headlessly.errors import Conflict, Forbidden, Invalid
from headlessly.notifications.models import Follower
from headlessly.query import listed
from headlessly.query.saved_views import View
from headlessly.subscriptions import members
from headlessly.subscriptions.models import WatchedList
from headlessly.subscriptions.telling import followers_of

#: As many lists a tenant may have watched: of each it is asked what an event touched.
MOST_LISTS = 100


def follow(view: View, member: Membership) -> None:
    """Tell a member from now on what enters the view and leaves it. What is in it now is no news.

    Raises Invalid for a view that finds nothing for them or too much, and Conflict where too many are
    watched.
    """
    person = ""
    if listed.says_me(registry[view.noun], view.query):
        if not member.contact_id:
            raise _refusal(_("You are not linked to a contact here, so nothing is yours."))
        person = member.contact_id
    tenant = tenancy.require()
    with transaction.atomic():
        members.hold(tenant)
        _begin(view, person)
        Follower.objects.bulk_create(
            [Follower(tenant=tenant, record=view.pk, user_id=member.user_id)],
            ignore_conflicts=True,
        )


def unfollow(view: View, member: Membership) -> None:
    """Tell a member no more of it; one that nobody follows is looked at no more."""
    tenant = tenancy.require()
    with transaction.atomic():
        members.hold(tenant)
        Follower.objects.filter(tenant=tenant, record=view.pk, user=member.user_id).delete()
        _tidy(tenant)


def watch(view: View, *, watched: bool = True) -> None:
    """Have what enters a view and leaves it in the log and sent to webhooks, whoever follows it; or no more.

    Raises Forbidden for who may not share views, and Invalid for a view that is not the same for everybody.
    """
    if not actors.may_share(actors.current()):
        raise Forbidden(_("Managers change what the team shares."), type="View")
    if watched and not view.shared:
        raise _refusal(_("This view is private: share it with the team first."))
    if watched and listed.says_me(registry[view.noun], view.query):
        raise _refusal(
            _("This view says “me”, so that it is another list for everybody: name the person.")
        )
    tenant = tenancy.require()
    with transaction.atomic():
        members.hold(tenant)
        view.watched = watched
        view.save(update_fields=["watched", "updated_at"])
        if watched:
            _begin(view, "")
        else:
            _tidy(tenant)


def is_following(view: View, user: str) -> bool:
    """Whether somebody is told of a view. Nothing is asked where nobody is of any."""
    tenant = tenancy.require()
    if not tenant.has_watched_views:
        return False
    return Follower.objects.filter(tenant=tenant, record=view.pk, user=user).exists()


def problem_of(view: View, person: str | None) -> str:
    """Why a view is not looked at, though it should be; empty where it is."""
    found = WatchedList.objects.filter(tenant=view.tenant_id, view=view).exclude(problem="")
    return (
        found.filter(person__in=["", person or ""]).values_list("problem", flat=True).first() or ""
    )


def _begin(view: View, person: str) -> None:
    """Look at a list from now on, unless that is done already."""
    lists = WatchedList.objects.filter(tenant=view.tenant_id)
    if lists.filter(view=view, person=person, problem="").exists():
        return
    if lists.count() >= MOST_LISTS:
        said = _("%s views are followed here already: follow one less first.") % MOST_LISTS
        raise Conflict(said, type="View")
    if not lists.exists():
        members.begin_at_the_end(tenancy.require())
    question = members.Question(registry[view.noun], view.query, person)
    each = lists.filter(view=view, person=person).first() or WatchedList(
        tenant_id=view.tenant_id, view=view, person=person
    )
    each.view = view
    each.due_at = question.due_after(clock.now())
    each.save()
    if not members.take(each, question):
        raise _refusal(
            _("This view has more than %s records: narrow it, and it can be followed.")
            % f"{members.MOST:,}"
        )
    _note(tenancy.require(), True)


def _refusal(said: str) -> Invalid:
    return Invalid.for_fields({"query": said}, type="View")


def tidy(tenant: Tenant) -> None:
    """Look no more at lists that nobody follows any more: who did has left, or the view is private now."""
    with transaction.atomic():
        members.hold(tenant)
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

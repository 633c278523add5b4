"""The bell and its page: a person's notifications, which of them they want, and the records they follow."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.shortcuts import get_object_or_404, redirect
from django.urls import URLPattern, reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_GET, require_POST
from unfold.widgets import UnfoldAdminSelectWidget

from headlessly.access import actors, tenancy
from headlessly.access.models import Membership
from headlessly.admin import display
from headlessly.admin.sites import TenantSite
from headlessly.admin.undo import safe_return
from headlessly.context import clock
from headlessly.notifications import following, inbox, kinds, mentions, wording

#: How many notifications a page has, and up to how many the bell counts.
PAGE, MOST = 50, 99


def urls(site: TenantSite) -> list[URLPattern]:
    """Returns the URL patterns of notifications, below the site's own."""
    return [
        site.page("notifications/", notifications_view, "notifications"),
        site.page("notifications/unread/", unread_view, "notifications_unread"),
        site.page("notifications/read/", read_view, "notifications_read"),
        site.page("notifications/choices/", choices_view, "notification_choices"),
        site.page("notifications/<str:id>/", open_view, "notification"),
        site.page("mentions/", mentions_view, "mentions"),
        site.page("follow/", follow_view, "follow"),
    ]


def _own() -> Any:
    return inbox.notifications_of(actors.current().id)


def _rows() -> Any:
    return inbox.rows_of(actors.current().id)


def unread_count() -> int:
    """Returns the number of the actor's unread notifications, up to one more than the bell shows."""
    return int(_rows().filter(read_at=None)[: MOST + 1].count())


def _unread_state() -> tuple[int, str]:
    """Returns the number of unread notifications, and a text that changes whenever the page of the bell
    does."""
    count, newest = unread_count(), _own().values_list("pk", flat=True).first()
    return count, f"{count}:{newest or ''}"


@require_GET
def unread_view(request: HttpRequest, *, site: TenantSite) -> HttpResponse:
    """Returns the bell's number and the state of its page, for bell.js."""
    count, state = _unread_state()
    text = f"{MOST}+" if count > MOST else str(count)
    return JsonResponse({"count": count, "text": text, "state": state})


@require_GET
def notifications_view(request: HttpRequest, *, site: TenantSite) -> HttpResponse:
    """Lists notifications, the newest first; ``after`` is the id of the last one of the page before."""
    unread, state = _unread_state()  # before the rows: what arrives in between changes the state
    found = _rows()
    if after := request.GET.get("after", ""):
        rest = inbox.notifications_after(found, actors.current().id, after)
        found = found if rest is None else rest
    page = list(found[: PAGE + 1])
    return site.respond(
        request,
        "notifications",
        _("Notifications"),
        lines=wording.lines_of(page[:PAGE]),
        unread=unread,
        state=state,
        after=page[PAGE - 1].pk if len(page) > PAGE else "",
        here=request.get_full_path(),
        later=later_choices(),
    )


#: Before this hour, "later" is still today.
STILL_TODAY = 21


def later_choices() -> list[tuple[str, str]]:
    """Returns the choices to put something off, here and on the day's page: the text as it is typed, and
    the label. Anything with a time is then due in the morning."""
    still = timezone.localtime(clock.now()).hour < STILL_TODAY
    return [
        ("in 3 hours", _("Later today") if still else _("In 3 hours")),
        ("tomorrow", _("Tomorrow")),
        ("next mon", _("Monday")),
        ("in 2 weeks", _("In two weeks")),
    ]


@require_GET
def open_view(request: HttpRequest, id: str, *, site: TenantSite) -> HttpResponse:
    """Redirects to the subject of a notification and marks it read. ``alone`` takes the first of a group
    by itself."""
    found, alone = get_object_or_404(_own(), pk=id), "alone" in request.GET
    inbox.mark_read(actors.current().id, id, alone=alone)
    lines = wording.lines_of_groups([[found]]) if alone else wording.lines_of([found])
    if not lines:
        messages.error(request, _("This is not there any more."))
        return redirect("admin:notifications")
    return HttpResponseRedirect(request.META.get("SCRIPT_NAME", "") + lines[0].path)


@require_POST
def read_view(request: HttpRequest, *, site: TenantSite) -> HttpResponse:
    """Marks all notifications read, or the one in the form."""
    inbox.mark_read(actors.current().id, request.POST.get("id", ""))
    return HttpResponseRedirect(safe_return(request) or reverse("admin:notifications"))


# -- what one wants -------------------------------------------------------------------------------


class ChoicesForm(forms.Form):
    """A switch for each kind and channel, and the hour of the daily email."""

    digest = forms.TypedChoiceField(
        label=gettext_lazy("By mail"),
        required=False,
        coerce=int,
        empty_value=None,
        widget=UnfoldAdminSelectWidget,
        help_text=gettext_lazy("The hour is that of your own day."),
        show_hidden_initial=True,
    )

    def __init__(self, member: Membership, data: Any = None) -> None:
        given: dict[str, Any] = {"digest": kinds.digest_hour(member)}
        self.kinds = kinds.kinds_of(member)
        for kind in self.kinds:
            for channel in kinds.CHANNELS:
                given[f"{kind.name}_{channel}"] = kinds.wants_kind(member, kind.name, channel)
        super().__init__(data, initial=given)
        hours = [(hour, _("once a day, at %d:00") % hour) for hour in range(24)]
        digest: Any = self.fields["digest"]
        digest.choices = [("", _("when it happens")), *hours]
        for kind in self.kinds:
            for channel in kinds.CHANNELS:
                self.fields[f"{kind.name}_{channel}"] = forms.BooleanField(
                    required=False, show_hidden_initial=True
                )

    def has_chosen(self, name: str) -> bool:
        """Whether a choice differs from what the page showed. Choices that somebody else changed meanwhile
        are kept."""
        shown: Any = self.data.get(self.add_initial_prefix(name), self.initial[name])
        return bool(self.fields[name].has_changed(shown, self[name].data))

    def chosen(self) -> dict[str, dict[str, bool]]:
        """Returns the changed choices by kind and channel."""
        found: dict[str, dict[str, bool]] = {}
        for kind in self.kinds:
            for channel in kinds.CHANNELS:
                if self.has_chosen(name := f"{kind.name}_{channel}"):
                    found.setdefault(kind.name, {})[channel] = self.cleaned_data[name]
        return found

    def rows(self) -> list[tuple[Any, list[Any]]]:
        return [
            (kind.label, [self[f"{kind.name}_{channel}"] for channel in kinds.CHANNELS])
            for kind in self.kinds
        ]


def choices_view(request: HttpRequest, *, site: TenantSite) -> HttpResponse:
    """Shows the choices of notifications; a POST stores them with the membership."""
    member = _member(request)
    form = ChoicesForm(member, request.POST if request.method == "POST" else None)
    if form.is_valid():
        hour = form.cleaned_data["digest"]
        digest = {"digest": hour} if form.has_chosen("digest") else {}
        inbox.change_preferences(member, form.chosen(), **digest)
        messages.success(request, _("Saved."))
        return HttpResponseRedirect(request.get_full_path())
    return site.respond(request, "notification_choices", _("Notifications"), form=form)


def _member(request: HttpRequest) -> Membership:
    found = Membership.find_membership(request.user, tenancy.current())
    if found is None:
        raise Http404
    return found


# -- mentioning ----------------------------------------------------------------------------------------

#: Maximum length of the text that is searched for.
LONGEST_NAME = 100


@require_GET
def mentions_view(request: HttpRequest, *, site: TenantSite) -> HttpResponse:
    """Returns the members whom a text after an @ may mean, for mentions.js: ``q`` is the beginning of a
    name, ``at`` the current page."""
    begun = request.GET.get("q", "")[:LONGEST_NAME]
    names = mentions.suggest_members(begun, display.record_of_page(request.GET.get("at", "")))
    return JsonResponse({"names": names})


# -- following ------------------------------------------------------------------------------------


def is_following(record: str) -> bool:
    """Whether the actor follows a record. There is no query in a tenant where nobody follows any."""
    return following.is_following(actors.current().id, record)


@require_POST
def follow_view(request: HttpRequest, *, site: TenantSite) -> HttpResponse:
    """Follows a record, or stops following it."""
    back = safe_return(request) or reverse("admin:index")
    record = display.record_named(request.POST.get("record", ""))
    if record is None:
        messages.error(request, _("This is not there any more."))
        return HttpResponseRedirect(back)
    user = actors.current().id
    if request.POST.get("stop"):
        following.unfollow(user, record.pk)
        messages.success(request, _("You do not follow it any more."))
        return HttpResponseRedirect(back)
    following.follow(user, record.pk)
    messages.success(request, _("You are told of what changes."))
    return HttpResponseRedirect(back)

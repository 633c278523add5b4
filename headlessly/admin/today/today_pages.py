"""The first page of a tenant: what is next for the person or the team, with the actions on it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, time
from typing import Any
from urllib.parse import urlencode

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import URLPattern, reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from headlessly.access import actors, tenancy
from headlessly.access.models import Membership
from headlessly.admin import display, toasts, widgets
from headlessly.admin.pages import MEDIA
from headlessly.admin.records import composers
from headlessly.admin.sites import TenantSite
from headlessly.admin.today import agenda, setup_steps
from headlessly.admin.today.entry_html import EntryWriter
from headlessly.admin.today.handing_over import hand_over_url, hand_over_view, may_hand_over
from headlessly.admin.undo import safe_return
from headlessly.context import clock
from headlessly.declaration import engagements, labels
from headlessly.declaration.values import is_storable
from headlessly.errors import HeadlesslyError
from headlessly.execution import executor
from headlessly.language.moments import When, no_day_said, read_when
from headlessly.nouns import Noun
from headlessly.query import counts
from headlessly.query.people_groups import find_group, list_groups, people_in

#: The time at which something with a time is due if only a day was given.
MORNING = time(9)
#: How many groups are shown beside the person's own day; the others are reached from their pages.
MOST_GROUPS = 4


def urls(site: TenantSite) -> list[URLPattern]:
    """Returns the URL patterns below the first page's own."""
    return [
        site.page("today/later/", later_view, "put_off"),
        site.page("today/take/", take_view, "take"),
        site.page("today/hand-over/", hand_over_view, "hand_over"),
    ]


def today_context(request: HttpRequest, site: TenantSite) -> dict[str, Any]:
    """Returns the context of the page."""
    nouns, person = site.nouns, whose_day(request)
    parts = agenda.read_agenda(nouns, person, site) if person else []
    with_machine = [noun for noun in nouns if noun.schema.machine]
    here = _address(request)
    writer = EntryWriter(request, here)
    for part in parts:
        part.html = writer.write(part)
    return {
        "title": _("Today"),
        "media": widgets.select2() + MEDIA,
        "own_heading": True,
        "person": person,
        "whose": _whose_choices(person),
        "parts": parts,
        "entries": sum(len(part.entries) for part in parts),
        "here": here,
        "hand_over": _hand_over_link(nouns, person),
        "week": _week_link(nouns, person),
        "next_step": ask_next_step(request, site),
        "standing": _standing(with_machine, person),
        "first": _first_steps(nouns),
        "setup": setup_steps.open_steps(),
    }


# -- whose day ---------------------------------------------------------------------------------


def whose_day(request: HttpRequest) -> str:
    """Returns the id of the contact or group whose day is shown, or ``team``. Managers and people who are
    no contact start with the team. Empty for somebody who may see only their own records and is no
    contact."""
    actor = actors.current()
    asked = request.GET.get("of", "")
    if asked == agenda.TEAM and not actor.limited:
        return agenda.TEAM
    if asked and not actor.limited and (_is_colleague(asked) or find_group(asked)):
        return asked
    if asked == "me" and actor.contact_id:
        return actor.contact_id
    if not actor.limited and (actors.may_share(actor) or not actor.contact_id):
        return agenda.TEAM
    return actor.contact_id or ""


def _is_colleague(contact: str) -> bool:
    if not is_storable(contact):
        return False
    return Membership.objects.filter(tenant=tenancy.require(), contact=contact).exists()


def _whose_choices(person: str) -> list[dict[str, Any]]:
    """Returns the choices of days: the actor's own, everybody's, each group's, and the shown colleague's."""
    actor = actors.current()
    found = []
    if actor.contact_id:
        found.append({"label": _("Mine"), "of": "me", "on": person == actor.contact_id})
    groups = {} if actor.limited else {each.pk: str(each) for each in list_groups()}
    if not actor.limited:
        everybody = _("Everybody") if groups else _("Team")
        found.append({"label": everybody, "of": agenda.TEAM, "on": person == agenda.TEAM})
    shown = [id for n, id in enumerate(groups) if n < MOST_GROUPS or id == person]
    found += [{"label": groups[id], "of": id, "on": person == id} for id in shown]
    if person and person not in (agenda.TEAM, actor.contact_id, *groups):
        contact = Membership.objects.select_related("contact").get(
            tenant=tenancy.require(), contact=person
        )
        found.append({"label": str(contact.contact), "of": person, "on": True})
    return found if len(found) > 1 else []


def _address(request: HttpRequest, **more: str) -> str:
    """Returns the address of this page for the shown day, with more parameters."""
    said = {"of": request.GET["of"]} if request.GET.get("of") else {}
    query = urlencode({**said, **more})
    return reverse("admin:index") + (f"?{query}" if query else "")


# -- what comes after something is done --------------------------------------------------------


@dataclass
class NextStepForm:
    """The form for the next step with a record, after the last one was done."""

    record: Noun
    composer: composers.Composer
    proposed: str  #: the proposed day

    @property
    def url(self) -> str:
        return display.record_url(self.record)


def ask_next_step(request: HttpRequest, site: TenantSite) -> NextStepForm | None:
    """Returns the form for the next step with the record that the address names as ``next``; None without
    one, and if a step is already planned."""
    record = display.record_named(request.GET.get("next", ""))
    if record is None or (form := composers.plan_form(type(record))) is None:
        return None
    planned = composers.open_touches(record)
    if planned and planned["rows"]:
        return None
    touching = engagements.require_engagement_noun(type(record))
    proposal = {touching.declared.headline: _("Follow up"), touching.declared.due: _("tomorrow")}
    composer = composers.make_composer(form, record, site, "", proposal)
    return NextStepForm(record, composer, proposal[touching.declared.due])


# -- what is done from here --------------------------------------------------------------------


@require_POST
def later_view(request: HttpRequest, *, site: TenantSite) -> HttpResponse:
    """Puts a record off: a record with a due day gets another, for all others a step is planned."""
    back = safe_return(request) or reverse("admin:index")
    record = display.record_named(request.POST.get("record", ""))
    text = request.POST.get("until", "").strip()
    now = timezone.localtime(clock.now())
    when = read_when(text[:100], now)
    if record is None:
        messages.error(request, _("This is not there any more."))
    elif when is None:
        messages.error(request, no_day_said())
    else:
        try:
            said = put_off(record, when, request.POST.get("moment", ""))
        except HeadlesslyError as problem:
            messages.error(request, problem.message)
        else:
            toasts.say(request, said, undo=True)
    return HttpResponseRedirect(back)


def put_off(record: Noun, when: When, moment: str) -> str:
    """Puts the record off and returns the message. Raises what the executor raises."""
    noun = type(record)
    day = display.day_text(when.day)
    own = {name for name in (noun.Surface.due, noun.Surface.reminds) if name}
    due = noun.schema.by_name[moment] if moment in own else None
    if due is not None:
        executor.run(noun.verbs["update"], record.pk, _due_values(noun, due.name, when), text=True)
        return _("%(record)s: %(day)s.") % {"record": record, "day": day}
    form = composers.plan_form(noun)
    if form is None:
        raise noun.not_found(record.pk)
    touching = engagements.require_engagement_noun(noun)
    given = _due_values(touching.noun, touching.declared.due, when)
    composers.write_touch(form, record, {touching.declared.headline: _("Follow up"), **given})
    return _("Planned: %(record)s, %(day)s.") % {"record": record, "day": day}


def _due_values(noun: Any, name: str, when: When) -> Mapping[str, str]:
    """Returns the values of a day or moment for a verb. A moment that cannot stand for a whole day is set
    to the morning: nobody wants to be reminded at midnight."""
    field = noun.schema.by_name[name]
    if field.type == "date" or (when.time is None and field.day_if):
        whole = {field.day_if: "true"} if field.day_if else {}
        return {name: when.day.isoformat(), **whole}
    moment = datetime.combine(when.day, when.time or MORNING, timezone.get_current_timezone())
    whole = {field.day_if: "false"} if field.day_if else {}
    return {name: moment.isoformat(), **whole}


@require_POST
def take_view(request: HttpRequest, *, site: TenantSite) -> HttpResponse:
    """Makes the actor the owner of a record that has none. Somebody who comes second is told who was
    first."""
    back = safe_return(request) or reverse("admin:index")
    record = display.record_named(request.POST.get("record", ""))
    person = actors.current().contact_id
    owner = None if record is None else record.schema.owner
    if record is None or owner is None or not person:
        messages.error(request, _("This is not there any more."))
    elif getattr(record, owner.column) is not None:
        taken = display.visible_name(getattr(record, owner.name))
        messages.error(
            request, _("%(record)s is %(owner)s's by now.") % {"record": record, "owner": taken}
        )
    else:
        try:
            executor.run(
                record.verbs["update"], record.pk, {owner.name: person}, if_match=record.version
            )
        except HeadlesslyError as problem:
            messages.error(request, problem.message)
        else:
            toasts.say(request, _("%s is yours.") % record, undo=True)
    return HttpResponseRedirect(back)


def _hand_over_link(nouns: list[type[Noun]], person: str) -> str:
    """Returns the address that hands over the person's records; empty for a day of several people."""
    if not person or agenda.is_shared(person) or not may_hand_over(nouns):
        return ""
    return hand_over_url(person)


def _week_link(nouns: list[type[Noun]], person: str) -> str:
    """Returns the address of the week of whose day it is, on the first calendar that people may have in their
    own programs; empty where there is none."""
    for noun in nouns:
        owner, calendar = noun.schema.owner, noun.Surface.calendar
        if person and owner is not None and calendar is not None and calendar.is_fed:
            whole = person == agenda.TEAM
            query = {"view": "all"} if whole else dict([agenda.whose_records(owner, person)])
            return f"{display.page_url(noun, 'calendar_by', 'week')}?{urlencode(query)}"
    return ""


# -- beside it ---------------------------------------------------------------------------------


def _first_steps(nouns: list[type[Noun]]) -> list[dict[str, str]]:
    """Returns the links for somebody who starts with nothing."""
    actor = actors.current()
    return [
        {"label": labels.a_noun(noun), "url": display.page_url(noun, "add")}
        for noun in nouns[:3]
        if actors.may(actor, "create", noun)
    ]


def _standing(nouns: list[type[Noun]], person: str) -> list[dict[str, Any]]:
    """Returns the counts of records by state, of everybody or of a person or group."""
    if not person or person == agenda.TEAM:
        return [_counts_by_state(each) for each in counts.count_states(nouns)]
    people = people_in(person) if agenda.is_shared(person) else [person]
    found = counts.count_states(nouns, people)
    return [_counts_by_state(each, person) for each in found if any(each.states.values())]


def _counts_by_state(counted: counts.StateCounts, person: str = "") -> dict[str, Any]:
    """Returns the counts of a noun's records by state, each with the address of its list: of all, or of
    ``person``."""
    noun = counted.noun
    start, of = display.page_url(noun, "changelist"), ""
    if person and (owner := noun.schema.owner) is not None:
        of = urlencode(dict([agenda.whose_records(owner, person)]))
    wire = noun.schema.by_name[counted.machine.name].wire
    return {
        "title": labels.plural_title(noun),
        "url": f"{start}?{of}" if of else start,
        "empty": not any(counted.states.values()),
        "states": [
            {
                "state": display.state_html(noun, state),
                "count": display.number(count) + ("+" if state in counted.capped else ""),
                "none": not count,
                "url": f"{start}?{urlencode({wire: state})}" + (f"&{of}" if of else ""),
            }
            for state, count in counted.states.items()
        ],
    }

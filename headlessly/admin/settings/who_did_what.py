"""Who did what: the tenant's events by person, day, verb and record, the latest first, for its admins."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from django.http import HttpRequest, HttpResponse, QueryDict
from django.utils.text import capfirst
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET

from headlessly.access import actors, tenancy
from headlessly.access.actor_names import actor_names, find_actor
from headlessly.access.models import ApiKey, Membership
from headlessly.accounts.entering import is_confirmed
from headlessly.admin.account import pages as account_pages
from headlessly.admin.past_days import read_past_days
from headlessly.admin.settings import who_did_what_files as files
from headlessly.admin.settings.event_lines import EventLines
from headlessly.admin.settings.security_text import GROUPS
from headlessly.admin.sites import TenantSite
from headlessly.declaration import days, labels
from headlessly.declaration.registry import registry
from headlessly.declaration.values import as_storable, check_storable, parse_iso_day
from headlessly.language import wording
from headlessly.log.names import EXPORTED, SECURITY
from headlessly.log.newest import LatestQuestion, Place
from headlessly.log.security_events import record_security_event
from headlessly.query.people_groups import find_group, list_groups, people_in

PAGE = 50
#: How many members and how many keys the filter offers at most; others are found by their ids.
MOST_OFFERED = 500
#: Matches an id anywhere in a text, such as in the address of a record's page.
ID = re.compile(r"[a-z]{2,16}_[0-9A-Za-z]{8,24}")


@dataclass
class Asked:
    """The filters of the page as its controls show them. ``problem`` says what is wrong with them."""

    who: str = ""
    what: str = ""
    record: str = ""
    since: str = ""
    until: str = ""
    problem: str = ""

    @classmethod
    def read(cls, given: QueryDict) -> Asked:
        names = ("who", "what", "record", "since", "until")
        texts = read_past_days({name: given.get(name, "").strip()[:200] for name in names})
        try:
            for text in texts.values():
                check_storable(text)
        except ValueError as problem:
            storable = {name: as_storable(text, "") for name, text in texts.items()}
            return cls(**storable, problem=str(problem))
        return cls(**texts)

    def question(self) -> LatestQuestion:
        """Returns the filters as a question to the log. Sets ``problem`` if one of them is not understood."""
        group = find_group(self.who) if self.who else None
        if self.who and group is None:
            try:
                self.who = find_actor(self.who)
            except ValueError as problem:
                self.problem = capfirst(str(problem))
        columns = {"actor": self.who} if self.who and group is None else {}
        members = None if group is None else _actors_of(self.who)
        names: tuple[str, ...] = ()
        if self.what in GROUPS:
            names = GROUPS[self.what][1]
        elif self.what in registry or self.what == SECURITY:
            columns["target_type"] = self.what
        elif self.what:
            columns["name"] = self.what
        if self.record:
            if (found := ID.search(self.record)) is None:
                self.problem = _("Paste the id of a record, or the address of its page.")
            else:
                columns["target"] = found[0]
        since, until = self._day("since"), self._day("until")
        begin = None if since is None else days.start_of_day(since)
        end: datetime | None = None
        if until is not None and until < date.max:
            end = days.start_of_day(until + timedelta(days=1))
        return LatestQuestion(columns, begin, end, names, members)

    def _day(self, name: str) -> date | None:
        text = getattr(self, name)
        if not text:
            return None
        try:
            found = parse_iso_day(text)
            days.start_of_day(found)
        except (ValueError, OverflowError):
            self.problem = _("“%s” is no day: write it like 2026-01-31.") % text[:40]
            return None
        return found

    def query(self, **more: str) -> str:
        """Returns the query string of these filters, from the newest event on."""
        query = QueryDict(mutable=True)
        for name in ("who", "what", "record", "since", "until"):
            if value := getattr(self, name):
                query[name] = value
        query.update(more)
        return f"?{query.urlencode()}" if query else "?"

    @property
    def narrows(self) -> bool:
        return self.query() != "?"


@require_GET
def who_did_what_view(request: HttpRequest, *, site: TenantSite) -> HttpResponse:
    """Shows a page of events from the place in the address on, or all of them as a file."""
    asked = Asked.read(request.GET)
    question = asked.question()
    form = request.GET.get("as", "")
    if form in files.FORMATS and not asked.problem:
        if not is_confirmed(request):
            return account_pages.ask_to_confirm(request)
        return _file(request, form, asked, question)
    before = _place(request.GET.get("before", ""))
    events, end = ([], None) if asked.problem else question.read_page(before, PAGE)
    return site.respond(
        request,
        "settings/log",
        _("Who did what"),
        asked=asked,
        rows=EventLines(events).rows(),
        people=_people(asked.who),
        kinds=_kinds(asked.what),
        older=asked.query(before=str(end)) if end is not None else "",
        newest=asked.query() if before is not None else "",
        files=[(name, asked.query(**{"as": form})) for form, name in files.FORMATS.items()],
        most=files.MOST_ROWS,
        rest_query=_rest_query(asked),
    )


def _actors_of(group: str) -> frozenset[str]:
    """Returns the ids of a group's members and of their keys."""
    tenant = tenancy.require()
    inside = Membership.objects.filter(tenant=tenant, contact__in=people_in(group))
    users = list(inside.values_list("user_id", flat=True))
    keys = ApiKey.objects.filter(tenant=tenant, user__in=users)
    return frozenset([*users, *keys.values_list("pk", flat=True)])


def _file(request: HttpRequest, form: str, asked: Asked, question: LatestQuestion) -> HttpResponse:
    rows = files.rows_of(question)
    if request.method != "HEAD":  # a HEAD request exports nothing
        told = {name: value for name, value in vars(asked).items() if value}
        record_security_event(EXPORTED, noun="Event", asked=told, rows=len(rows))
    return files.write_file(form, rows)


def _place(text: str) -> Place | None:
    try:
        return Place.parse(text) if text else None
    except (ValueError, OverflowError):
        return None


def _people(chosen: str) -> list[dict[str, Any]]:
    """Returns the actors to filter by: groups, members, keys, the system and visitors, and the chosen one."""
    tenant = tenancy.require()
    members = Membership.objects.filter(tenant=tenant).select_related("user")[:MOST_OFFERED]
    found = [(str(each), each.pk) for each in list_groups()]
    found += sorted((str(each.user), each.user_id) for each in members)
    keys = ApiKey.objects.filter(tenant=tenant).order_by("name")[:MOST_OFFERED]
    found += [(_("API key “%s”") % key.name, key.pk) for key in keys]
    found += [(_("System"), actors.SYSTEM.id), (_("A visitor"), actors.PUBLIC.id)]
    if chosen and chosen not in {id for _name, id in found}:
        found.append((actor_names({chosen}).get(chosen, chosen), chosen))
    return [{"id": id, "label": name, "on": id == chosen} for name, id in found]


def _kinds(chosen: str) -> list[tuple[str, list[tuple[str, str, bool]]]]:
    """Returns the kinds of events to filter by: for each noun all events and those of each verb, and the
    groups of security events."""
    security = [(SECURITY, _("All of them"))]
    security += [(word, str(title)) for word, (title, _names) in GROUPS.items()]
    found = [(_("Access and settings"), security)]
    for noun in registry.values():
        title = labels.plural_title(noun)
        verbs = {verb.event: verb for verb in noun.verbs.values()}
        offered = [(noun.__name__, _("%s: all") % title)]
        for name in verbs:
            did = wording.event_label(name.partition(".")[2])
            offered.append((name, f"{title}: {wording.inside_sentence(did)}"))
        found.append((title, offered))
    if chosen and all(chosen != value for _title, group in found for value, _label in group):
        found.append((_("Anything else"), [(chosen, chosen)]))
    return [(title, [(v, label, v == chosen) for v, label in group]) for title, group in found]


def _rest_query(asked: Asked) -> str:
    """Returns the REST query for the same events, as far as one query can say it."""
    names = {"actor": "" if find_group(asked.who) else asked.who, "since": asked.since}
    if asked.what and asked.what not in GROUPS:
        is_type = asked.what in registry or asked.what == SECURITY
        names["targetType" if is_type else "name"] = asked.what
    if asked.record and (found := ID.search(asked.record)):
        names["target"] = found[0]
    query = QueryDict(mutable=True)
    query.update({name: value for name, value in names.items() if value})
    return f"?{query.urlencode()}" if query else ""

"""The pages of a calendar: its days, and moving a record to another day."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect, QueryDict
from django.utils.text import capfirst
from django.utils.translation import gettext as _

from headlessly.access import actors
from headlessly.admin import display, toasts
from headlessly.admin.calendars.calendar import EARLIEST, LATEST, MONTH, SHOWN, NounCalendar
from headlessly.admin.lists.list_pages import LAST_VIEW, remember_view
from headlessly.admin.lists.tabs import Tabs
from headlessly.admin.lists.typed_filters import expand_typed_filters
from headlessly.admin.pages import NounPages
from headlessly.admin.records import timeline
from headlessly.admin.sites import PART
from headlessly.admin.watching.position import watched
from headlessly.admin.whole_records import find_whole
from headlessly.declaration import days, labels
from headlessly.errors import BadRequest, HeadlesslyError, NotFound, Stale
from headlessly.execution import executor
from headlessly.nouns import Noun
from headlessly.query import calendar_days


@dataclass(frozen=True)
class NewDay:
    """A requested move: a record, the version that was seen, and by how many days it moves."""

    id: str
    version: int
    away: int

    @classmethod
    def parse(cls, text: str) -> NewDay:
        """Parses what the script sends. Raises BadRequest."""
        parts = text.split(" ")
        try:
            id, version, since, until = parts[0], int(parts[1]), *map(date.fromisoformat, parts[2:])
            if not (0 < version < 10**9 and EARLIEST <= until <= LATEST):
                raise ValueError
        except (ValueError, IndexError):
            raise BadRequest(
                _(
                    "move: send an id, a version, the day it was on and the new day, as in “activity_x 3 "
                    "2026-01-30 2026-02-02”."
                ),
                field="move",
            ) from None
        return cls(id, version, (until - since).days)


class CalendarPages(NounPages):
    """The pages of a noun's calendar."""

    @watched
    def calendar_view(self, request: HttpRequest, by: str = MONTH, day: str = "") -> HttpResponse:
        """Shows the calendar; a POST moves a record to another day."""
        if self.noun.Surface.calendar is None or by not in SHOWN:
            raise Http404
        calendar = self._calendar(request.GET, by, _read_day(day))
        if request.method == "POST":
            return self._move(request, calendar)
        tabs = Tabs(calendar.address, request.COOKIES.get(LAST_VIEW, ""))
        if whole := expand_typed_filters(calendar.address) or tabs.expanded():
            return HttpResponseRedirect(request.path + whole)
        response = self._page(request, calendar, tabs=tabs)
        if tabs.now is not None and PART not in request.headers:
            remember_view(request, response, self.admin.place("changelist"), tabs.now.key)
        return response

    def show_again(self, request: HttpRequest, query: str, **refused: Any) -> HttpResponse:
        """The calendar of an address, with what a refused form about its views said."""
        calendar = self._calendar(QueryDict(query), MONTH, days.today())
        status = next(each["status"] for each in refused.values())
        return self._page(request, calendar, status=status, **refused)

    def _calendar(self, query: QueryDict, by: str, day: date) -> NounCalendar:
        return NounCalendar(query, self.noun, self.site, by, day)

    def _page(
        self,
        request: HttpRequest,
        calendar: NounCalendar,
        *,
        status: int = 200,
        tabs: Tabs | None = None,
        **more: Any,
    ) -> HttpResponse:
        return self.admin.respond(
            request,
            "calendar",
            status=status,
            calendar=calendar,
            tabs=tabs or Tabs(calendar.address),
            title=_("%(nouns)s: %(days)s")
            % {"nouns": labels.plural_title(self.noun), "days": calendar.title},
            is_fullwidth="1",
            here=calendar.url(calendar.by, calendar.day),
            looks=self.admin.looks(calendar.address.query_string, "calendar"),
            shown_as="calendar",
            is_fed=calendar.declared.is_fed and actors.current().contact_id is not None,
            said={
                "picked": _(
                    "%(name)s picked up, %(day)s. Arrow keys choose a day, enter drops it, escape puts it "
                    "back."
                ),
                "cancelled": _("%(name)s put back, %(day)s."),
            },
            **more,
        )

    def _move(self, request: HttpRequest, calendar: NounCalendar) -> HttpResponse:
        refused: dict[str, Any] = {}
        try:
            move = NewDay.parse(request.POST.get("move", ""))
            found = find_whole(self.noun, move.id)
            refused["record"] = found
            moved = self._execute(found, move)
        except HeadlesslyError as problem:
            refused["reason"] = problem.first_message
            if isinstance(problem, NotFound):
                refused["reason"] = _("%(this)s is gone.") % {
                    "this": capfirst(labels.this_noun(self.noun))
                }
            return self._page(request, calendar, status=problem.status, refusal=refused)
        on = calendar_days.days_of(moved)
        said = {"name": moved, "day": display.day_text(on[0]) if on else ""}
        toasts.say(request, _("%(name)s is on %(day)s now.") % said, undo=True)
        return HttpResponseRedirect(request.get_full_path())

    def _execute(self, found: Noun, move: NewDay) -> Noun:
        """Moves the record. Raises Stale if somebody gave it another day since it was seen; any other change
        does not matter."""
        try:
            sent: dict[str, Any] = dict(calendar_days.shifted(found, move.away))
        except OverflowError:
            raise BadRequest(_("move: no such day."), field="move") from None
        if not sent:
            raise BadRequest(_("move: it stands on no day."), field="move")
        fields = [self.schema.by_name[name] for name in sent]
        if found.version != move.version:
            since = timeline.entries_since(found, move.version)
            wires = {field.wire for field in fields}
            by = next((e.who for e in since if wires & {*(e.event.previous or {})}), None)
            if by is not None:
                raise Stale(_("%(who)s moved this meanwhile.") % {"who": by})
        # A day stands for itself only with its flag; sent along, it stays what it is.
        sent |= {name: getattr(found, name) for name in {f.day_if for f in fields if f.day_if}}
        return executor.run(self.noun.verbs["update"], found.pk, sent, if_match=found.version)


def _read_day(text: str) -> date:
    """Returns the day of an address; without one, today. Raises Http404."""
    if not text:
        return days.today()
    try:
        day = date.fromisoformat(text)
    except ValueError:
        raise Http404 from None
    if not EARLIEST <= day <= LATEST:
        raise Http404
    return day

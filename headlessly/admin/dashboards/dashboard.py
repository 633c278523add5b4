"""The dashboard: the registered tiles and charts for the slice in the address.

``?period=last_month&owner=me&campaign=campaign_…``, or ``from`` and ``to``; ``-`` means without. ``asOf``
shows the numbers as they were at the end of a day, ``since`` what changed since the end of an earlier day.
The address is the whole state, so it can be shared: each reader sees their own part of the numbers.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Collection, Mapping
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponse
from django.template.loader import render_to_string
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET

from headlessly.access import actors
from headlessly.admin import display, widgets
from headlessly.admin.dashboards.figures import Chart, Tile, dashboard
from headlessly.admin.dashboards.report_text import change_text
from headlessly.admin.lists.address import past_moment
from headlessly.admin.past_days import read_past_days
from headlessly.admin.sites import TenantSite
from headlessly.context import clock, tracing
from headlessly.database import timeouts
from headlessly.declaration import days, labels
from headlessly.declaration.schema import Field
from headlessly.errors import InvalidFilter
from headlessly.query import periods
from headlessly.query.list_address import ME
from headlessly.query.named_reports import reports
from headlessly.query.report_answers import read_narrowing
from headlessly.query.reports import Slice

logger = logging.getLogger(__name__)

#: How many seconds one report may take in the database, and all reports of a page together.
PATIENCE, BUDGET = 5, 12


@require_GET
def dashboard_view(request: HttpRequest, *, site: TenantSite) -> HttpResponse:
    """Shows the dashboard of an address, or what is wrong with the address."""
    asked = AskedSlice(request, site)
    context: dict[str, Any] = {}
    try:
        slice, since = asked.read()
        context = {"period": slice.period, "moment": slice.as_of, "since": since}
        context |= _draw_reports(slice, since)
    except InvalidFilter as problem:
        context["problem"] = problem.message
    return site.respond(
        request,
        "dashboard",
        _("Dashboard"),
        styles=["dashboard"],
        empty=_empty(),
        **asked.context(),
        **context,
    )


class AskedSlice:
    """The slice that an address asks for: a period, an owner or campaign, a day."""

    def __init__(self, request: HttpRequest, site: TenantSite) -> None:
        self.given = read_past_days(
            {name: text for name, value in request.GET.items() if (text := str(value).strip())}
        )
        self.narrowings = [Narrowing(field, site, self.given) for field in reports.fields()]

    def read(self) -> tuple[Slice, datetime | None]:
        """Returns the slice, and the moment since when to show changes. Raises InvalidFilter."""
        wires = (narrowing.wire for narrowing in self.narrowings)
        refuse_unknown(self.given, ["period", "from", "to", *wires, "asOf", "since"])
        moment, since = _read_days(self.given)
        period = periods.read_period(self.given, moment and days.day_of(moment))
        return Slice(period, {n.name: n.id() for n in self.narrowings if n.value}, moment), since

    def context(self) -> dict[str, Any]:
        """Returns the context of the form."""
        return {
            "media": widgets.select2(),
            "presets": period_choices(self.given),
            "narrowings": self.narrowings,
            "narrowed": bool(self.given),
            "at_present": _without(self.given, "asOf"),
            "without_since": _without(self.given, "since"),
            "given": self.given,
        }


class Narrowing:
    """A reference that all numbers can be narrowed by: a searchable choice."""

    def __init__(self, field: Field, site: TenantSite, given: Mapping[str, str]) -> None:
        self.field = field
        self.name, self.label = self.field.name, labels.field_label(self.field)
        self.wire, self.value = self.field.wire, given.get(self.field.wire, "")
        self.given = given
        self.select = widgets.NarrowingSelect(self.field, site)

    @property
    def widget(self) -> str:
        return self.select.render(self.wire, self.value, {"id": f"narrow-{self.wire}"})

    @property
    def mine(self) -> str:
        """The address narrowed to "me"; empty where the reference is not about people who work on a
        record."""
        if self.name not in display.WORKERS or actors.current().contact_id is None:
            return ""
        return "?" + urlencode({**self.given, self.wire: ME}) if self.value != ME else ""

    def id(self) -> str | None:
        """Returns the id that is meant, or None for "without". Raises InvalidFilter."""
        return read_narrowing(self.field, self.value)


def refuse_unknown(given: Mapping[str, str], allowed: Collection[str]) -> None:
    """Raises InvalidFilter for a parameter that the page does not take."""
    for name in given:
        if name not in allowed:
            raise InvalidFilter(
                _("There is no filter “%(name)s” here. Filters: %(allowed)s.")
                % {"name": name[:64], "allowed": ", ".join(allowed)},
                field=name[:64],
            )


def _read_days(given: Mapping[str, str]) -> tuple[datetime | None, datetime | None]:
    """Returns the moment of the numbers, and the one since when to show changes. Raises InvalidFilter."""
    moment = past_moment(given.get("asOf", ""))
    since = past_moment(given.get("since", ""), "since")
    if since is not None:
        periods.check_day(days.day_of(since), "since")
    if since is not None and since >= (moment or clock.now()):
        raise InvalidFilter(
            _(
                "since: choose a day before the one that is shown: that is what it is compared with."
            ),
            field="since",
        )
    return moment, since


def _without(given: Mapping[str, str], name: str) -> str:
    """Returns the address without a parameter."""
    return "?" + urlencode({key: text for key, text in given.items() if key != name})


def period_choices(given: Mapping[str, str]) -> list[dict[str, Any]]:
    """Returns the periods that a page of numbers offers, and which one its address names."""
    custom = bool(given.get("from") or given.get("to"))
    chosen = given.get("period") or periods.DEFAULT
    return [
        {"name": name, "label": label, "chosen": name == chosen and not custom}
        for name, (label, make) in periods.PRESETS.items()
    ]


def _empty() -> dict[str, str] | None:
    """Returns the context of the hint on how to begin, while there is nothing to count."""
    noun = dashboard.subject
    if noun is None or noun.objects.exists():
        return None
    return {
        "nouns": labels.plural_in_sentence(noun),
        "list": display.page_url(noun, "changelist"),
        "add": display.page_url(noun, "add")
        if actors.may(actors.current(), "create", noun)
        else "",
        "what": labels.a_noun(noun),
    }


# -- asking for the numbers ------------------------------------------------------------------------


def _draw_reports(slice: Slice, since: datetime | None) -> dict[str, Any]:
    """Returns all tiles and charts of a slice as HTML, within the time budget, and how many took too long."""
    until = time.monotonic() + BUDGET
    late = 0
    drawn: dict[str, list[SafeString]] = {"tile": [], "chart": []}
    for kind, registered in (("tile", dashboard.tiles), ("chart", dashboard.charts)):
        for _rank, report in registered:
            try:
                html = _draw_report(kind, report, slice, until, since)
            except timeouts.TooSlow:
                logger.warning("A report was given up: %s", _full_name(report))
                late += 1
            except Exception:
                # One failing report must not hide the others; the log has the traceback.
                logger.exception("A report failed: %s", _full_name(report))
                failed = {"kind": kind, "request_id": tracing.request_id()}
                drawn[kind].append(render_to_string("headlessly/failed_report.html", failed))
            else:
                drawn[kind] += [html] if html else []
    return {"late": late, "tiles": drawn["tile"], "charts": drawn["chart"]}


def _draw_report(
    kind: str,
    report: Callable[[Slice], Tile | Chart | None],
    slice: Slice,
    until: float,
    since: datetime | None,
) -> SafeString | None:
    """Returns one report as HTML, or None if it has nothing to show. Raises TooSlow if it takes too long,
    so that no other report has to wait for it."""
    left = min(PATIENCE, until - time.monotonic())
    if left <= 0:
        raise timeouts.TooSlow("")
    with timeouts.statement_timeout(max(1, int(left * 1000))):
        made = report(slice)
        if made is None:
            return None
        change = change_text(made.report, slice, since) if since and kind == "tile" else ""
        return render_to_string(f"headlessly/{kind}.html", {kind: made, "change": change})


def _full_name(report: Callable[[Slice], Tile | Chart | None]) -> str:
    return f"{report.__module__}.{report.__name__}"

"""The results of a report: its groups in words, each number with the list behind it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from functools import cached_property
from typing import Any
from urllib.parse import urlencode

from django.utils import timezone
from django.utils.translation import gettext as _

from headlessly.admin import display, stretches
from headlessly.admin.filtering.offered import path_label
from headlessly.admin.reports import offered
from headlessly.admin.reports.report_address import ReportAddress
from headlessly.declaration import days, labels
from headlessly.declaration.schema import Field
from headlessly.errors import InvalidFilter
from headlessly.query import aggregates, measures, querystring
from headlessly.query.measures import MAX_GROUPS, Measure
from headlessly.query.reports import record_names

#: How many groups the table on a page has at most; a workbook has all.
SHOWN = 200
#: How many groups are printed at most, so that a report has two pages (`reports.css`).
PRINTED = 45
#: The smallest step between two moments: it turns an inclusive end into an exclusive one.
STEP = timedelta(microseconds=1)


@dataclass(frozen=True)
class Cell:
    """A number of a group as text, and the address of the list behind it."""

    text: str
    url: str = ""
    note: str = ""  #: the parts of a converted amount, or the rates it lacks


@dataclass(frozen=True)
class Row:
    """One group: its labels, its numbers, and the answer that they were read from."""

    labels: list[str]
    cells: list[Cell]
    answer: Mapping[str, Any]
    first: date | None = None  #: the first day of its stretch of time
    url: str = ""
    tone: str = ""  #: the colour of the first of its values that has one


@dataclass
class Report:
    """The results of a report's address. Its rows take one query for the names of each grouped reference."""

    address: ReportAddress
    problem: str = ""
    answers: list[dict[str, Any]] = field(default_factory=list)
    total: Mapping[str, Any] | None = None
    has_more: bool = False
    missing_rates: str = ""  #: which amounts a filter leaves out for want of a rate, in words

    @cached_property
    def measures(self) -> list[Measure]:
        return measures.read_measures(self.address.noun, self.address.measure_terms)

    @property
    def addable(self) -> list[str]:
        """The measures that make sense for all records together: not amounts that recur at different
        intervals."""
        noun = self.address.noun
        return [m.name for m in self.measures if measures.interval_field(noun, m) is None]

    @cached_property
    def heads(self) -> list[dict[str, Any]]:
        """The columns of the table with the addresses that sort by them."""
        address, noun = self.address, self.address.noun
        (sorted_by, descending), *_others = address.table_order
        found = [(address.unit, offered.over_label(noun, address.over))] if address.over else []
        found += [(name, path_label(noun, name)) for name in address.group_names]
        texts = len(found)
        found += [(term, offered.measure_label(noun, term)) for term in address.measure_terms]
        heads = []
        for number, (name, label) in enumerate(found):
            is_number = number >= texts
            down = not descending if name == sorted_by else is_number
            heads.append(
                {
                    "label": label,
                    "number": is_number,
                    "url": address.but({"o": f"-{name}" if down else name}),
                    "sorted": name == sorted_by and texts > 0,
                    "ascending": name == sorted_by and not descending,
                }
            )
        return heads

    @cached_property
    def rows(self) -> list[Row]:
        names = self._names()
        return [self._row(answer, names) for answer in self.answers]

    @property
    def shown(self) -> list[Row]:
        return self.rows[:SHOWN]

    @property
    def left(self) -> int:
        """How many groups the page leaves to the workbook."""
        return len(self.answers) - len(self.shown)

    @property
    def is_cut_on_paper(self) -> bool:
        return len(self.answers) > PRINTED

    @cached_property
    def total_cells(self) -> list[Cell]:
        """The numbers of all records together."""
        if self.total is None:
            return []
        url = list_url(self.address, self.address.record_parameters)
        return [self._cell(self.total, each, url) for each in self.measures]

    def _names(self) -> dict[str, dict[str, str]]:
        """Returns the names of the records that are grouped by, by group and id."""
        found = {}
        for name in self.address.group_names:
            field = querystring.field_at_path(self.address.noun, name)
            if field.type == "reference":
                ids = [answer[name] for answer in self.answers]
                found[name] = record_names(field.target_noun, ids)
        return found

    def _row(self, answer: Mapping[str, Any], names: Mapping[str, Mapping[str, str]]) -> Row:
        address, noun = self.address, self.address.noun
        labels, tones = [], []
        first = None
        if address.over:
            name = answer[address.unit]
            first = None if name is None else stretches.first_day(address.unit, name)
            labels.append(
                _("no date")
                if name is None
                else stretches.stretch_label(address.unit, first)
                if first
                else name
            )
        for name in address.group_names:
            found = querystring.field_at_path(noun, name)
            labels.append(value_text(found, answer[name], names.get(name, {})))
            tones.append(found.tones.get(answer[name], ""))
        url = records_url(address, answer)
        cells = [self._cell(answer, m, url) for m in self.measures]
        return Row(labels, cells, answer, first, url, next(filter(None, tones), ""))

    def _cell(self, answer: Mapping[str, Any], measure: Measure, url: str) -> Cell:
        text, note = number_text(answer, measure)
        return Cell(text, url if text != "–" else "", note)


def run_report(address: ReportAddress) -> Report:
    """Runs the report of an address. An error becomes the report's ``problem``."""
    found = Report(address)
    if address.is_wrong:
        found.problem = address.problem
        return found
    order = [f"-{name}" if descending else name for name, descending in address.table_order]
    try:
        answer = aggregate(address, sort=order, limit=MAX_GROUPS)
        found.answers, found.has_more = answer.groups, answer.has_more
        found.missing_rates = display.missing_rates_text(answer.missing_rates)
        if found.answers and (address.over or address.group_names):
            together = aggregate(address, group=(), by=None, measure=found.addable)
            found.total = together.groups[0]
    except InvalidFilter as problem:
        found.problem = problem.message
    return found


def aggregate(address: ReportAddress, **asked: Any) -> aggregates.Aggregation:
    """Aggregates as an address says, with the arguments in ``asked`` in place of its own. Raises
    InvalidFilter."""
    given: dict[str, Any] = {
        "group": address.group_names,
        "by": address.over or None,
        "measure": address.measure_terms,
    }
    return aggregates.aggregate(
        address.noun,
        address.filter,
        as_of=address.moment,
        zone=timezone.get_current_timezone_name(),
        **given | asked,
    )


# -- in words ----------------------------------------------------------------------------------------------


def value_text(found: Field, value: Any, names: Mapping[str, str]) -> str:
    """Returns the value of a group as text."""
    if value is None:
        return _("none")
    match found.type:
        case "reference":
            return names.get(value, display.visible_name(None))
        case "enum":
            return labels.choice_label(found, value)
        case "bool":
            return _("yes") if value else _("no")
        case "number" | "integer":
            return display.number(value)
        case "date":
            return display.day_text(date.fromisoformat(str(value)[:10]))
    return str(value)


def number_text(answer: Mapping[str, Any], measure: Measure) -> tuple[str, str]:
    """Returns a number of a group as text, and a note on it. A sum of several currencies is converted
    where there are rates, with its parts as the note."""
    value = answer.get(measure.name)
    if value is None or value == {}:
        return "–", ""
    if measure.is_money:
        joined = " + " if measure.function == "sum" else " · "  # medians are not added
        parts = joined.join(money_text(amount, currency) for currency, amount in value.items())
        converted = answer.get("converted", {}).get(measure.name)
        if converted is None:
            return parts, ""
        if converted["value"] is None:
            missing = ", ".join(converted["missing"])
            return parts, _("There is no exchange rate for %s.") % missing
        return money_text(converted["value"], converted["currency"]), parts
    if measure.field is not None and measure.field.type in ("date", "datetime"):
        return moment_in_words(value), ""
    return display.number(round(value, 2) if isinstance(value, float) else value), ""


def money_text(amount: float, currency: str) -> str:
    return display.money(round(amount, 2), currency)


def moment_in_words(value: Any) -> str:
    if isinstance(value, datetime):
        return display.moment_text(value)
    return display.day_text(value if isinstance(value, date) else date.fromisoformat(value[:10]))


def drawn_values(answer: Mapping[str, Any], measure: Measure) -> list[tuple[str | None, float]]:
    """Returns a number of a group for drawing, with its currency if it has one: several where currencies
    cannot be added up."""
    value = answer.get(measure.name)
    if not isinstance(value, Mapping):
        number = value if isinstance(value, int | float) and not isinstance(value, bool) else None
        return [] if number is None else [(None, float(number))]
    amounts = aggregates.converted_amounts(answer, measure.name)
    return [(currency, float(amount)) for currency, amount in amounts.items()]


# -- the lists behind --------------------------------------------------------------------------------------


def list_url(address: ReportAddress, parameters: Mapping[str, str]) -> str:
    query = urlencode(parameters, safe=",@") if parameters else "view=all"
    return f"{display.page_url(address.noun, 'changelist')}?{query}"


def records_url(address: ReportAddress, answer: Mapping[str, Any]) -> str:
    """Returns the address of the list behind a group; empty where no list can express it."""
    parameters = dict(address.record_parameters)
    said: dict[str, str] = {}
    for name in address.group_names:
        said |= _group_parameter(address, name, answer[name])
    if address.over:
        between = _stretch_parameters(address, answer[address.unit], parameters | said)
        if between is None:
            return ""
        said |= between
    return list_url(address, parameters | said)


def _group_parameter(address: ReportAddress, name: str, value: Any) -> dict[str, str]:
    """Returns the parameters that select the records of one group, as a facet where there is one."""
    noun = address.noun
    found = querystring.field_at_path(noun, name)
    path = name.replace("$", "")
    facets = {noun.schema.by_name[facet].wire for facet in noun.schema.facets}
    chosen = path in facets and found.type in ("enum", "reference", "bool")
    if value is None:
        return {path: "-"} if chosen else {f"{path}__isnull": "true"}
    text = ("true" if value else "false") if isinstance(value, bool) else f"{value}"
    if chosen or found.type == "bool":
        return {path: text}
    return {f"{path}__exact" if "," in text else f"{path}__in": text}


def _stretch_parameters(
    address: ReportAddress, name: str | None, given: Mapping[str, str]
) -> dict[str, str] | None:
    """Returns the parameters that select one stretch of time. If a filter already uses the lookup of an
    end, the end is said by its sibling (``gt`` for ``gte``); None if that is used as well."""
    unit, found = offered.stretch_field(address.noun, address.over)
    wire = found.wire.removeprefix("$")
    if name is None:
        return {f"{wire}__isnull": "true"}
    first = stretches.first_day(unit, name)
    if first is None:
        return None
    end = stretches.day_after(unit, first)
    ends = (("gte", "gt", first, -1), ("lt", "lte", end, -1))
    said = {}
    for lookup, beside, day, before in ends:
        if f"{wire}__{lookup}" not in given:
            said[f"{wire}__{lookup}"] = f"{day}"
        elif f"{wire}__{beside}" not in given:
            said[f"{wire}__{beside}"] = (
                f"{day + timedelta(days=before)}"
                if found.type == "date"
                else f"{(days.start_of_day(day) + before * STEP).astimezone(UTC):%Y-%m-%dT%H:%M:%S.%fZ}"
            )
        else:
            return None
    return said

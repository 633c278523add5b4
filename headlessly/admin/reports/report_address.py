"""The address of a report: that of a list, with how its records are grouped, measured and shown.

``?groupBy=source,owner&measures=count,sum(budget)&over=month(createdAt)&as=line`` beside the filters of a
list. ``o`` is the order of the table, by the name of a group or a measure.
"""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import pgettext_lazy

from headlessly.admin.filtering.offered import path_label
from headlessly.admin.lists.address import Address
from headlessly.admin.reports import offered
from headlessly.declaration import labels
from headlessly.errors import InvalidFilter
from headlessly.query import measures
from headlessly.query.querystring import BROWSER_LIST
from headlessly.query.scope import Scope

GROUPS, MEASURES, OVER, SHAPE = REPORT_NAMES = ("groupBy", "measures", "over", "as")
#: How many groups and measures a report has at most, which is also how many controls there are for each.
MAX_GROUPS, MAX_MEASURES = 2, 3
SHAPES = {
    "table": pgettext_lazy("report", "Table"),
    "bars": pgettext_lazy("report", "Bars"),
    "line": pgettext_lazy("report", "Line over time"),
}


class ReportAddress(Address):
    """The parsed address of a report. ``errors`` has what is wrong with it, by the control that shows it."""

    own_names = (*BROWSER_LIST, *REPORT_NAMES)

    def _read(self) -> None:
        super()._read()
        self.errors: dict[str, str] = {}
        self.group_names = self._terms(GROUPS)
        self.measure_terms = self._terms(MEASURES) or ["count"]
        self.over = self.given.get(OVER, "").strip()
        self._check_groups()
        self._check_measures()
        self._check_over()
        self.shape = self._shape()

    def _terms(self, name: str) -> list[str]:
        terms = (part.strip() for part in self.given.get(name, "").split(","))
        return list(dict.fromkeys(term for term in terms if term))

    def _check_groups(self) -> None:
        for name in self.group_names:
            try:
                measures.read_groups(Scope(self.noun), [name])
            except InvalidFilter:
                self.errors[GROUPS] = _("“%s” is nothing to group by here.") % name[:64]
        if len(self.group_names) > MAX_GROUPS:
            self.errors[GROUPS] = _("Group by %d fields at the most.") % MAX_GROUPS

    def _check_measures(self) -> None:
        for term in self.measure_terms:
            try:
                (found,) = measures.read_measures(self.noun, [term])
            except InvalidFilter:
                self.errors[MEASURES] = _("“%s” cannot be measured here.") % term[:64]
                continue
            self._check_interval(found)
        if len(self.measure_terms) > MAX_MEASURES:
            self.errors[MEASURES] = _("Measure %d numbers at the most.") % MAX_MEASURES

    def _check_interval(self, measure: measures.Measure) -> None:
        per = measures.interval_field(self.noun, measure)
        if per is None or GROUPS in self.errors:
            return
        if not measures.is_grouped_by(
            measures.read_groups(Scope(self.noun), self.group_names), per
        ):
            self.errors[MEASURES] = _("%(measure)s: group by %(interval)s as well.") % {
                "measure": offered.measure_label(self.noun, measure.name),
                "interval": labels.field_label(per),
            }

    def _check_over(self) -> None:
        if self.over:
            try:
                measures.read_period(Scope(self.noun), self.over, measures.read_zone("UTC"))
            except InvalidFilter:
                self.errors[OVER] = _("“%s” is no stretch of time here.") % self.over[:64]

    def _shape(self) -> str:
        shape = self.given.get(SHAPE, "")
        if not shape:
            return "line" if self.over else "bars" if self.group_names else "table"
        if shape not in SHAPES:
            self.errors[SHAPE] = _("A report is shown as %s.") % ", ".join(
                map(str, SHAPES.values())
            )
        elif shape == "line" and not self.over:
            self.errors[SHAPE] = _("A line needs a stretch of time: choose one.")
        elif shape == "bars" and not (self.over or self.group_names):
            self.errors[SHAPE] = _("Bars need something to group by: choose it.")
        return shape

    # -- what is asked ----------------------------------------------------------------------------

    @property
    def is_wrong(self) -> bool:
        return bool(self.errors or self.problem)

    @property
    def unit(self) -> str:
        """The unit of the stretches of time; empty without one."""
        return offered.stretch_field(self.noun, self.over)[0] if self.over else ""

    @property
    def table_order(self) -> list[tuple[str, bool]]:
        """The names that the table is sorted by, each with whether it is in descending order."""
        known = {*self.group_names, *self.measure_terms, self.unit}
        found = [
            (part.removeprefix("-"), part.startswith("-"))
            for part in self.given.get("o", "").split(",")
        ]
        if chosen := [each for each in found if each[0] in known and each[0]]:
            return chosen
        return [(self.unit, False)] if self.over else [(self.measure_terms[0], True)]

    @property
    def title(self) -> str:
        """The report's question in words."""
        if self.errors:
            return labels.plural_title(self.noun)
        parts = [offered.measure_label(self.noun, term) for term in self.measure_terms]
        parts += [path_label(self.noun, name) for name in self.group_names]
        parts += [offered.over_label(self.noun, self.over)] if self.over else []
        return f"{labels.plural_title(self.noun)}: {', '.join(parts)}"

    # -- other addresses --------------------------------------------------------------------------

    @property
    def record_parameters(self) -> dict[str, str]:
        """The parameters that select the records: those of the list of all records in the report."""
        gone = (*REPORT_NAMES, "o", "p", "view", "columns", "deleted")
        return {name: value for name, value in self.given.items() if name not in gone}

    @property
    def without_filters(self) -> str:
        """The address of this report without filters."""
        kept = (*REPORT_NAMES, "o", "view")
        return self.but({name: None for name in self.given if name not in kept})

    @property
    def kept(self) -> list[tuple[str, str]]:
        """The parameters without a control in the form, sent with it as they are: the order of the table,
        and conditions that only an address can express."""
        shown = {"q", "asOf", "view", *REPORT_NAMES, *(facet.name for facet in self.facets)}
        shown |= {end["name"] for each in self.ranges for end in (each.low, each.high)}
        return self._kept(*shown)

    # -- its controls -----------------------------------------------------------------------------

    @property
    def group_controls(self) -> list[dict[str, Any]]:
        options = offered.group_options(self.noun)
        return _controls(options, self.group_names, MAX_GROUPS, _("not grouped"))

    @property
    def measure_controls(self) -> list[dict[str, Any]]:
        options = offered.measure_options(self.noun)
        return _controls(options, self.measure_terms, MAX_MEASURES, _("nothing more"))

    @property
    def over_control(self) -> dict[str, Any]:
        options = offered.stretch_options(self.noun)
        return _controls(options, [self.over] if self.over else [], 1, _("not over time"))[0]

    @property
    def shape_options(self) -> list[dict[str, Any]]:
        return [
            {"value": value, "label": label, "on": value == self.shape}
            for value, label in SHAPES.items()
        ]


def _controls(
    options: offered.Options, chosen: list[str], most: int, empty: Any
) -> list[dict[str, Any]]:
    """Returns ``most`` controls that each choose one of ``options``, or more if more are chosen. A chosen
    value that is not an option is added to its control."""
    found = []
    for number in range(max(most, len(chosen))):
        now = chosen[number] if number < len(chosen) else ""
        known = any(value == now for group in options.values() for value, _label in group)
        groups = [
            {
                "title": title,
                "options": [
                    {"value": value, "label": label, "on": value == now} for value, label in group
                ],
            }
            for title, group in options.items()
        ]
        if now and not known:
            groups.append({"title": "", "options": [{"value": now, "label": now, "on": True}]})
        found.append({"place": f"{number + 1}", "empty": empty, "groups": groups, "now": now})
    return found


__all__ = ["GROUPS", "MEASURES", "OVER", "SHAPE", "ReportAddress"]

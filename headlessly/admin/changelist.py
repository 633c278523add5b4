"""The list of a noun: its facets, its order and a count that knows when to stop."""

from __future__ import annotations

from functools import cached_property
from typing import Any
from urllib.parse import urlencode

from django import forms
from django.core.paginator import Paginator
from django.http import HttpRequest
from unfold.templatetags.unfold_list import result_headers
from unfold.views import ChangeList

from .. import filters, reads, sight, sorting
from ..errors import InvalidFilter
from . import record, words
from .facets import facet

#: Parameters of an address that are no fields.
OWN = {"q", "o", "p", "e", "all", "_popup", "_to_field", "_facets", "_changelist_filters"}


class CappedPaginator(Paginator):
    """Counts to the cap and no further: nobody pages to the end of more."""

    @cached_property
    def counted(self) -> tuple[int, bool]:
        return reads.count(self.object_list)

    @cached_property
    def count(self) -> int:
        return self.counted[0]

    @property
    def said(self) -> str:
        count, exact = self.counted
        return f"{count:,}" if exact else f"{count:,}+"


class Words(forms.Form):
    """What is searched for, as it was typed: whether it can be is the filter's to say."""

    q = forms.Field(required=False)


class NounList(ChangeList):
    """Django's list with the platform's filters, its order and its rows."""

    search_form_class = Words

    problem = ""

    def get_filters(self, request: HttpRequest) -> tuple[list[Any], bool, dict, bool, bool]:
        """One facet per declared one, and one for any other field that the address names."""
        schema = self.model.schema
        fields = [schema.by_name[name] for name in schema.facets]
        for name in self.params:
            if name in OWN:
                continue
            declared = schema.fields.get(name)
            if declared is None or declared.computed or declared.type == "json":
                self.problem = f"There is no filter “{name[:64]}” here."
            elif declared not in fields:
                fields.append(declared)
        site = self.model_admin.admin_site
        specs = [facet(self.model, f, self.params.get(f.wire, ""), site) for f in fields]
        return specs, bool(specs), {}, False, any(spec.value for spec in specs)

    def get_queryset(self, request: HttpRequest, exclude_parameters: Any = None) -> Any:
        specs, has, _, _, active = self.get_filters(request)
        self.filter_specs, self.has_filters, self.has_active_filters = specs, has, active
        self.clear_all_filters_qs = self.get_query_string(remove=[spec.name for spec in specs])
        found = self.root_queryset
        try:
            for spec in specs:
                if spec.value:
                    found = found.filter(spec.condition())
            found, _ = self.model_admin.get_search_results(request, found, self.query)
        except InvalidFilter as problem:
            self.problem = problem.message
        if self.problem:
            return found.none()
        shown = self.model_admin.references_shown
        return sight.related(found.order_by(*self.get_ordering(request, found)), shown)

    def get_ordering(self, request: HttpRequest, queryset: Any) -> list[Any]:
        """The order by the columns that the address names, exactly as the indexes have it."""
        return sorting.order(filters.Scope(self.model), self.sort(request))

    def sort(self, request: HttpRequest) -> str:
        """That order as a sort of the platform's: ``-score,name``; empty for the noun's own."""
        sort = []
        for part in self.params.get("o", "").split("."):
            number = part.removeprefix("-")
            if number.isdecimal() and len(number) < 4 and int(number) < len(self.list_display):
                field = self.list_display[int(number)].declared
                if field.computed is None and field.type != "json":
                    sort.append(part[: len(part) - len(number)] + field.name)
        return ",".join(sort)

    def headers(self) -> list[dict[str, Any]]:
        """The columns' names with the addresses that sort by them."""
        return [
            header | {"kind": column.declared.type}
            for header, column in zip(result_headers(self), self.list_display, strict=True)
        ]

    def pages(self) -> dict[str, str]:
        """Where this page stands among the others."""
        first = (self.page_num - 1) * self.list_per_page + 1
        last = first + len(self.result_list) - 1
        number = self.page_num
        ahead = last < self.result_count
        return {
            "said": f"{first:,}–{last:,} of {self.paginator.said}",
            "previous": self.get_query_string({"p": number - 1}) if number > 1 else "",
            "next": self.get_query_string({"p": number + 1}) if ahead else "",
        }

    @property
    def without_query(self) -> str:
        return self.get_query_string({"q": None, "p": None})

    def chips(self) -> list[dict[str, str]]:
        """The filters that are on, each with the address without it."""
        return [
            {
                "label": spec.label,
                "value": spec.said(),
                "without": self.get_query_string({spec.name: None, "p": None}),
            }
            for spec in self.filter_specs
            if spec.value
        ]

    def rows(self) -> list[dict[str, Any]]:
        """What the table shows of each record."""
        schema, below = self.model.schema, self.model_admin.below_name
        fields = [schema.by_name[name] for name in schema.columns]
        # The record's page leads on to its neighbours in this list.
        from_here = f"?{urlencode({'in': self.get_query_string({'p': None})[1:]})}"
        return [
            {
                "url": words.place(self.model, "change", row.pk) + from_here,
                "name": str(row),
                "below": record.subtitle(row, below),
                "cells": [
                    {
                        "name": f.name,
                        "label": words.label(f),
                        "kind": f.type,
                        "value": words.of(row, f, links=f.type == "datetime"),
                    }
                    for f in fields[1:]
                ],
            }
            for row in self.result_list
        ]

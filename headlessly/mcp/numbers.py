"""`fetch` of ``Report``: the named reports, and the result of one."""

from __future__ import annotations

from collections import Counter
from typing import Any

from headlessly.errors import BadRequest
from headlessly.mcp import arguments
from headlessly.query.named_reports import reports
from headlessly.query.report_answers import report_as_json

#: Entry of a row that is returned on request only: the filter behind each of its numbers.
LISTS = "lists"
#: The keys of an amount that was converted from several currencies.
CONVERTED = {"currency", "value", "rates"}


def fetch_report(asked: dict[str, Any]) -> dict[str, Any]:
    """Returns the names of all reports, or the result of the one in ``id``. Raises NotFound, BadRequest,
    InvalidFilter."""
    if "id" not in asked:
        arguments.refuse_other_arguments("fetch of Report without id", asked, ())
        return describe_reports()
    include = asked.get("include") or []
    if set([include] if isinstance(include, str) else include) - {LISTS}:
        raise BadRequest(
            f'A Report includes "{LISTS}" and nothing else: the filter behind each number of its rows.',
            field="include",
        )
    given = dict(asked.get("parameters", {}))
    found = report_as_json(asked["id"], given | {k: asked[k] for k in ("asOf",) if k in asked})
    return found if include else tell_rates_once(_without_lists(found))


def tell_rates_once(found: dict[str, Any]) -> dict[str, Any]:
    """Returns the report with the rates of converted amounts listed once, not with each amount."""
    rates: dict[tuple[Any, ...], dict[str, Any]] = {}
    shown: dict[str, Any] = _without_rates(found, rates)
    return shown | ({"rates": list(rates.values())} if rates else {})


def _without_rates(said: Any, rates: dict[tuple[Any, ...], dict[str, Any]]) -> Any:
    if isinstance(said, list):
        return [_without_rates(each, rates) for each in said]
    if not isinstance(said, dict):
        return said
    if said.keys() == CONVERTED:
        rates.update({tuple(each.values()): each for each in said["rates"]})
        return {name: value for name, value in said.items() if name != "rates"}
    return {name: _without_rates(each, rates) for name, each in said.items()}


def describe_reports() -> dict[str, Any]:
    """Returns the reports by name; the result of each has its definition, unit and parameters."""
    found = reports.by_name
    ((usual, _count),) = Counter(each.parameters for each in found.values()).most_common(1)
    return {
        "reports": {name: str(each.title) for name, each in found.items()},
        "parameters": {
            "usual": usual,
            **{n: each.parameters for n, each in found.items() if each.parameters != usual},
        },
        "how": 'fetch {"type": "Report", "id": <name>}: what it means and takes, and its numbers.',
    }


def _without_lists(found: dict[str, Any]) -> dict[str, Any]:
    """Returns the report without the filters behind the numbers of rows, including those of the previous
    period."""
    shown = found | {"rows": _rows_without_lists(found)} if found.get("rows") else found
    if (before := found.get("before")) and before.get("rows"):
        shown = shown | {"before": before | {"rows": _rows_without_lists(before)}}
    if shown is found:
        return found
    how = f'The filter behind each number: ask with "include": ["{LISTS}"].'
    return shown | {"leftOut": {LISTS: how}}


def _rows_without_lists(table: dict[str, Any]) -> list[dict[str, Any]]:
    return [{name: said for name, said in row.items() if name != LISTS} for row in table["rows"]]

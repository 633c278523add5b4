"""Renders the rows of a list without a template, because cells are most of what a list costs."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.utils.html import conditional_escape as escape
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext as _

from headlessly.admin.lists.cells import Row


def rows_html(
    rows: Iterable[Row], *, selects: bool, part: bool = False, restore_url: str = ""
) -> SafeString:
    """Returns the rows of a table as HTML.

    As a ``part`` of a page they leave out what all rows share, which the page's script adds (see
    lists.js). That keeps the replacement of a list small.
    """
    if part:
        return mark_safe("".join(_short_row(row, selects) for row in rows))
    said = _("Select %(name)s") if selects else ""
    return mark_safe("".join(_whole_row(row, said, restore_url) for row in rows))


def _whole_row(row: Row, select: str, restore_url: str) -> str:
    id, name = escape(row.id), escape(row.name)
    problem = f' data-problem="{escape(row.problem)}"' if row.problem else ""
    found = [f'<tr data-row="{id}" data-version="{row.version}"{problem}>']
    if select:
        label = escape(select % {"name": row.name})
        found.append(
            f'<td class="check"><input type="checkbox" name="ids" value="{id}" form="selection" '
            f'aria-label="{label}"></td>'
        )
    shown = f"<b>{name}</b>" if row.gone else f'<a href="{escape(row.url)}">{name}</a>'
    found.append(f'<td class="name"{_edit(row.edits_name)}>{shown}{_below(row)}</td>')
    found += [
        f'<td class="{cell.kind}" data-label="{escape(cell.label)}"{_edit(cell.edits)}>'
        f"{escape(cell.value)}</td>"
        for cell in row.cells
    ]
    if row.gone:
        found.append(_deletion(row.gone, id, restore_url))
    return "".join((*found, "</tr>"))


def _short_row(row: Row, selects: bool) -> str:
    start = (
        f'<tr data-row="{escape(row.id)}" data-version="{row.version}" data-place="{row.place}">'
        f"{'<td></td>' if selects else ''}"
        f"<td{_edit(row.edits_name)}><a>{escape(row.name)}</a>{_below(row)}</td>"
    )
    cells = (f"<td{_edit(cell.edits)}>{_short(cell.value)}</td>" for cell in row.cells)
    return "".join((start, *cells, "</tr>"))


def _short(value: Any) -> str:
    """Returns a cell without the attributes that all bars and initials share."""
    return (
        escape(value).replace(' aria-hidden="true"', "").replace('<progress max="100"', "<progress")
    )


def _below(row: Row) -> str:
    """Returns the line below the name: whom the record is about, which may be cut, and what is planned,
    which is not, because it says what to do."""
    if row.below and row.planned:
        return f"<small><span>{escape(row.below)}</span> · {escape(row.planned)}</small>"
    said = row.below or row.planned
    return f"<small>{escape(said)}</small>" if said else ""


def _edit(edits: bool) -> str:
    return " data-edit" if edits else ""


def _deletion(gone: dict[str, Any], id: str, restore_url: str) -> str:
    who = f" · {escape(gone['who'])}" if gone["who"] else ""
    if gone["merged"]:
        does = f'<span class="quiet">{escape(_("merged"))}</span>'
    else:
        does = (
            f'<button type="submit" class="btn small" form="selection" formaction="{escape(restore_url)}" '
            f'name="only" value="{id}">{escape(_("Restore"))}</button>'
        )
    return f'<td data-label="{escape(_("Deleted"))}">{gone["when"]}{who}</td><td>{does}</td>'

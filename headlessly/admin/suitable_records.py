"""Finds records that suit another one which is to go on as one of them: open deals for a lead.

They are ranked by the references that both have, in the order of declaration: the same organization before
the same contact.
"""

from __future__ import annotations

from typing import Any

from django.db.models import Q, QuerySet
from django.utils.translation import gettext as _

from headlessly.access import visibility
from headlessly.admin import display, field_values
from headlessly.language import wording
from headlessly.nouns import Noun
from headlessly.query import sorting
from headlessly.query.paging import narrow_by_search
from headlessly.query.scope import Scope
from headlessly.query.search import Search


def suiting_records(
    noun: type[Noun], record: Noun, search: Search | None, limit: int
) -> list[Noun]:
    """Returns matching open records of ``noun``, those that refer to the same records as ``record`` first."""
    return _open_records(noun, search, limit, _parts(noun, record))


def _open_records(
    noun: type[Noun], search: Search | None, limit: int, parts: list[Q]
) -> list[Noun]:
    """Returns the open records of these parts, one part after the other."""
    open_ones: QuerySet[Noun] = noun.objects.all()
    if (machine := noun.schema.machine) and hasattr(noun, "OPEN"):
        open_ones = open_ones.filter(**{f"{machine.name}__in": noun.OPEN})
    open_ones, _many = narrow_by_search(open_ones, search)
    in_order = sorting.order_by_expressions(Scope(noun), None)
    fields = [f.name for f in (*_shown_references(noun), *_owner(noun))]
    found: list[Noun] = []
    for part in parts:
        rest = limit - len(found)
        if rest > 0:
            rows = open_ones.filter(part).order_by(*in_order)
            found += visibility.load_visible_references(rows, fields)[:rest]
    return found


def nearest_records(noun: type[Noun], record: Noun, limit: int) -> list[Noun]:
    """Returns the open records of ``noun`` that refer to the same as ``record``, the nearest first."""
    return _open_records(noun, None, limit, _parts(noun, record)[:-1])


def is_near(noun: type[Noun], record: Noun) -> bool:
    """Whether some records of ``noun`` can be nearer to ``record`` than others, because both have the same
    references."""
    return bool(_shared(noun, record))


def _parts(noun: type[Noun], record: Noun) -> list[Q]:
    """Returns conditions that divide the records by how near they are to ``record``, without overlap."""
    parts, before = [], Q()
    for name in _shared(noun, record):
        column = noun.schema.references[name].column
        if id := getattr(record, column):
            same = Q(**{column: id})
            parts.append(before & same)
            before &= ~same | Q(**{f"{column}__isnull": True})
    return [*parts, before]


def _shared(noun: type[Noun], record: Noun) -> list[str]:
    """Returns the names of references that records of ``noun`` and ``record`` both have, without owners
    and the like."""
    own = record.schema.references
    return [
        name
        for name, field in noun.schema.references.items()
        if name in own and own[name].to == field.to and name not in display.WORKERS
    ]


def _shown_references(noun: type[Noun]) -> list[Any]:
    """Returns the references among the columns of the noun's list, without owners and the like."""
    columns = (noun.schema.by_name[name] for name in noun.schema.columns)
    return [f for f in columns if f.type == "reference" and f.name not in display.WORKERS]


def _owner(noun: type[Noun]) -> list[Any]:
    """Returns the owner's reference in a list; empty for a noun without one."""
    return [noun.schema.owner] if noun.schema.owner is not None else []


def option_text(record: Noun) -> str:
    """Returns a record with what distinguishes it: whom it is about, its state, its value, its owner."""
    noun, found = type(record), [str(record)]
    found += [
        display.visible_name(r) for f in _shown_references(noun) if (r := getattr(record, f.name))
    ]
    if machine := noun.schema.machine:
        found.append(str(wording.state_label(getattr(record, machine.name))))
    money = next((noun.schema.by_name[n] for n in noun.schema.columns
                  if noun.schema.by_name[n].type == "money"), None)  # fmt: skip
    if money is not None and getattr(record, money.column) is not None:
        found.append(str(field_values.field_html(record, money, links=False)))
    found += [display.visible_name(r) for f in _owner(noun) if (r := getattr(record, f.name))]
    return " · ".join(found)


def difference_warning(chosen: Noun, record: Noun) -> str:
    """Returns a warning if ``chosen`` is about somebody else than ``record``, else an empty text."""
    for name in _shared(type(chosen), record)[:1]:
        theirs, ours = getattr(chosen, name), getattr(record, name)
        if theirs is not None and ours is not None and theirs.pk != ours.pk:
            return _("“%(chosen)s” is about %(theirs)s, “%(record)s” about %(ours)s.") % {
                "chosen": chosen,
                "theirs": theirs,
                "record": record,
                "ours": ours,
            }
    return ""

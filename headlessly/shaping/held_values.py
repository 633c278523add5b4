"""Checks that existing values fit a change of a tenant's own field: to be unique, or of another type.

All values are checked while the tenant goes on writing. Then writes are blocked, and those that the log
has since are checked as well.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from headlessly.declaration.custom_values import held_json
from headlessly.declaration.registry import registry
from headlessly.errors import Invalid
from headlessly.log import unique_values
from headlessly.log.events import settled_horizon
from headlessly.shaping.models import CustomField, types_that_keep_values

if TYPE_CHECKING:
    from headlessly.declaration.record import Record

#: How many of the values that a type would refuse are named.
MOST_TOLD = 5


def settings_of_other_type(field: CustomField, values: Mapping[str, Any]) -> dict[str, Any]:
    """Returns the settings of a change to another type; the options of a choice are dropped.

    Raises Invalid if the two types store values differently.
    """
    possible = types_that_keep_values(field.type)
    if values["type"] not in possible:
        others = ", ".join(each for each in possible if each != field.type)
        raise Invalid.for_fields(
            {
                "type": _("What is %(type)s can become %(others)s.")
                % {"type": field.type, "others": others}
                if others
                else _("What is %s cannot become anything else. Add another field.") % field.type
            },
            type="Field",
        )
    return dict(values) if values["type"] == "choice" else {"options": [], **values}


def check_survival(field: CustomField) -> None:
    """Raises Invalid if values do not fit the field's new type, with their number and the first ones."""
    noun, since = registry[field.noun], settled_horizon()[0]
    _refuse_lost_values(field, unique_values.count_values(noun, field.key))
    unique_values.hold_writes()
    _refuse_lost_values(field, unique_values.count_values(noun, field.key, since))


def _refuse_lost_values(field: CustomField, values: Iterable[tuple[Any, int]]) -> None:
    cleaned = field.as_field_without_default()
    lost, records = 0, 0
    told: list[str] = []
    for value, count in values:
        try:
            kept = held_json(field.column, cleaned.clean(value))[field.key] == value
        except (ValueError, TypeError):
            kept = False
        if not kept:
            lost, records = lost + 1, records + count
            if len(told) < MOST_TOLD:
                told.append(str(value)[:60])
    if lost:
        raise Invalid.for_fields(
            {
                "type": ngettext(
                    "%(lost)d value, in %(records)d records, would not be one: %(told)s.",
                    "%(lost)d values, in %(records)d records, would not be one: %(told)s.",
                    lost,
                )
                % {
                    "lost": lost,
                    "records": records,
                    "told": ", ".join([*told, *("…" for _n in range(lost > len(told)))]),
                }
            },
            type="Field",
        )


def keep_used_options(field: CustomField, former: list[dict[str, Any]]) -> None:
    """Retires removed options that records have, including deleted records, so that such a record can be
    saved, filtered by and restored. Other removed options are gone."""
    known = {option["value"] for option in field.options}
    left = [option for option in former if option["value"] not in known]
    if not left or field.type not in ("choice", "choices"):
        return
    held = set[Any]()
    for value, _count in unique_values.count_values(registry[field.noun], field.key):
        held.update(value if isinstance(value, list) else [value])
    field.options = [
        *field.options,
        *({**option, "retired": True} for option in left if option["value"] in held),
    ]


def keep_unique(field: CustomField) -> None:
    """Makes the database keep the field unique, or stop doing so, from the end of the transaction on.

    Raises Invalid naming values that several records have.
    """
    if not field.unique:
        unique_values.hold_writes()
        unique_values.cease_to_keep(field.key)
        return
    noun, since = registry[field.noun], settled_horizon()[0]
    _refuse_doubles(noun, field)
    unique_values.begin_to_keep(noun, field.key)
    unique_values.hold_writes()
    if not unique_values.catch_up(noun, field.key, since):
        _refuse_doubles(noun, field)


def _refuse_doubles(noun: type[Record], field: CustomField) -> None:
    many, doubles = unique_values.find_doubles(noun, field.key)
    if doubles:
        told = "; ".join(
            _("%(value)s in %(count)d (%(records)s)")
            % {
                "value": each.value[:100],
                "count": each.count,
                "records": ", ".join(
                    [*each.records, *("…" for _n in range(each.count > len(each.records)))]
                ),
            }
            for each in doubles
        )
        raise Invalid.for_fields(
            {
                "unique": ngettext(
                    "%(many)d value is in several records: %(told)s.",
                    "%(many)d values are in several records: %(told)s.",
                    many,
                )
                % {"many": many, "told": told + ("; …" if many > len(doubles) else "")}
            },
            type="Field",
        )

"""Updates everything that uses a value when it is merged into another: filters of records, saved views and
reports, and whatever an app's receivers find (:data:`value_merged`)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.dispatch import Signal
from django.utils.translation import gettext as _

from headlessly.access import actors
from headlessly.declaration.registry import registry
from headlessly.errors import HeadlesslyError
from headlessly.execution.executor import run
from headlessly.query.merged_values import MergedValue, follow_address, follow_filter
from headlessly.query.saved_views import MAX_QUERY, View

if TYPE_CHECKING:
    from headlessly.declaration.record import Record

#: Sent when a value is merged, as ``merged`` says. Receivers return the records that set it in another way
#: than by a filter, with their new values: ``[(rule, {"steps": [...]})]``.
value_merged = Signal()
#: Prefix of the noun in the kind of a filter among rows.
FILTER_OF = "filter:"


@dataclass(frozen=True)
class Followed:
    """Something that was updated to the other value, or was refused."""

    type: str
    id: str
    name: str | None  #: None if it is another person's private one
    refused: str | None = None  #: why it could not be updated
    previous: str | None = None  #: a view's previous query, which no event has

    def as_json(self) -> dict[str, Any]:
        said = {
            "$type": self.type, "$id": self.id, "name": self.name, "message": self.refused,
            "previous": self.previous,
        }  # fmt: skip
        return {key: value for key, value in said.items() if value is not None}


def follow_value(merged: MergedValue) -> list[Followed]:
    """Updates everything: each record by a verb, which logs an event. Returns what was updated, and what
    was refused."""
    changes: dict[Record, dict[str, Any]] = {}
    for record, values in (*_filters(merged), *_from_receivers(merged)):
        changes.setdefault(record, {}).update(values)
    found = [_update(record, values) for record, values in changes.items()]
    return found + list(_views(merged))


def _update(record: Record, values: Mapping[str, Any]) -> Followed:
    noun, refused = type(record), None
    try:
        run(noun.verbs["update"], record.pk, values)
    except HeadlesslyError as problem:
        refused = problem.message
    return Followed(noun.__name__, record.pk, str(record), refused)


def _from_receivers(merged: MergedValue) -> Iterable[tuple[Record, dict[str, Any]]]:
    for _receiver, found in value_merged.send(None, merged=merged):
        if not isinstance(found, str):  # no receiver returns a text, but Django's stubs allow it
            yield from found or ()


def _filters(merged: MergedValue) -> Iterable[tuple[Record, dict[str, Any]]]:
    """Yields each record with a filter that uses the value, and its new filters."""
    for noun in registry.values():
        holding = [
            field
            for field in noun.schema.stored
            if field.type == "json" and (field.filters or _filter_keys(field.kinds))
        ]
        for record in noun.objects.all() if holding else ():
            values = {
                field.name: followed
                for field in holding
                if (held := field.value_of(record)) is not None
                and (followed := _follow_held(held, field.kinds, merged)) != held
            }
            if values:
                yield record, values


def _filter_keys(kinds: Mapping[str, Any] | None) -> list[str]:
    return [
        key
        for key, kind in (kinds or {}).items()
        if isinstance(kind, str) and kind.startswith(FILTER_OF)
    ]


def _follow_held(held: Any, kinds: Mapping[str, Any] | None, merged: MergedValue) -> Any:
    """Returns the new value: a filter beside its noun, or rows that contain some."""
    if not (keys := _filter_keys(kinds)):
        return _follow_beside(held, "filter", merged)
    if not isinstance(held, list):
        return held
    followed = []
    for row in held:
        for key in keys:
            row = _follow_beside(row, key, merged)
        followed.append(row)
    return followed


def _follow_beside(held: Any, key: str, merged: MergedValue) -> Any:
    noun = registry.get(held.get("type", "")) if isinstance(held, Mapping) else None
    if noun is None or key not in held:
        return held
    return {**held, key: follow_filter(noun, held[key], merged)}


def _views(merged: MergedValue) -> Iterable[Followed]:
    """Updates everybody's saved views and reports. Private ones are not named to others."""
    for view in View.objects.order_by("pk"):
        noun = registry.get(view.noun)
        if noun is None or (query := follow_address(noun, view.query, merged)) == view.query:
            continue
        previous, refused = view.query, None
        if len(query) > MAX_QUERY:
            refused = _("These filters are too many for one view.")
        else:
            view.query = query
            view.save(update_fields=["query", "updated_at"])
        is_known = view.shared or view.user_id == actors.current().id
        yield Followed("View", view.pk, view.name if is_known else None, refused, previous)
